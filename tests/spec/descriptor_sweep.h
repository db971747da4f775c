/*
 * What the specification says of any invalidation descriptor of a queue, of 128 or 256 bits: whether it is valid, and
 * how it stops the queue if it is not (VT-d 6.5.2, figures 6-1 to 6-9, Table 26). Page group responses and HPT cache
 * requests count as types that the unit does not have. Which ones are tried stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_SPEC_DESCRIPTOR_SWEEP_H
#define IOMMUSIM_TESTS_SPEC_DESCRIPTOR_SWEEP_H

#include "vtd_fixture.h"

enum { GOOD = 0, TYPE_INVALID = 3, FIELD_RESERVED = 4 }; /* IQERCD.IQEI, VT-d 11.4.9.9 */

/* Types there are: in legacy mode 1 to 5, else 1 to 8; those of device-TLBs with ECAP.DT. */
enum { LEGACY_TYPES = 5, ALL_TYPES = 8 };

/* Type: seven bits, 11:9 above 3:0. */
unsigned descriptor_type(uint64_t low);
bool descriptor_has_type(const struct vtd_fixture *vtd, unsigned types, unsigned type);
/* The code a descriptor stops the queue with. `raw` has 256 bits, in a narrow queue the upper half 0. */
unsigned descriptor_code(const struct vtd_fixture *vtd, unsigned types, const uint64_t raw[4]);
/* AM above MAMV (18) and IM above MHMV (15): what happens is not said (VT-d 6.5.2.3, 6.5.2.8). */
bool descriptor_undetermined(const uint64_t raw[4]);

/* Submit, see what becomes of it, mend it if it was bad. The queue is empty afterwards. */
void descriptor_check(struct vtd_fixture *vtd, unsigned types, const uint64_t raw[4]);

#endif
