/* Compares descriptions of hardware structures with what a test wrote down of the specification by hand. */
#ifndef IOMMUSIM_TESTS_DESCRIBED_H
#define IOMMUSIM_TESTS_DESCRIBED_H

#include <stddef.h>

#include "models/common/spec/spec.h"

/*
 * One structure as the specification has it: "NAME high:low access", separated by blanks and in the
 * specification's order from the top bit down. Access letters: o RO, w RW, x WO, c RW1C, s one-shot,
 * - for structures in memory.
 */
struct described {
	const struct spec_structure *structure;
	const char *section;
	unsigned offset, bits;
	const char *fields;
};

/* Fails the test where the description says something else, or more, or less. */
void described_compare(const struct described *expected);

/* Fields that depend on a capability: STRUCTURE.FIELD or STRUCTURE.*, "_" for a blank in a name. */
struct described_need {
	const char *needs, *fields;
};

/* Every field of a vendor needs what the rows say, and nothing when they say nothing. How many there are. */
size_t described_needs(const char *vendor, const struct described_need *rows, size_t count);

#endif
