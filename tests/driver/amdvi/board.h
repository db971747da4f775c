/*
 * A machine with two AMD-Vi units, a kernel with the driver under test on it, and vmm calling the driver with a checker
 * listening. What is expected stands in the tests.
 */
#ifndef TESTS_DRIVER_AMDVI_BOARD_H
#define TESTS_DRIVER_AMDVI_BOARD_H

#include <iommusim/amdvi.h>

#include "tests/driver/rig/rig.h"

#define RIG_UNIT0 UINT64_C(0xfd000000)
#define RIG_UNIT1 UINT64_C(0xfd100000)
#define RIG_UNIT2 UINT64_C(0xfd200000) /* of segment 1, when there is one */

/* Behind unit 0: buses 0 to 0fh. Behind unit 1: bus 20h, and bus 23h with the requester id of a bridge. */
#define RIG_DISK   IOMMUSIM_RID(0, 0x11, 0)
#define RIG_NIC    IOMMUSIM_RID(1, 0, 0)    /* passed through */
#define RIG_GPU    IOMMUSIM_RID(2, 0, 0)    /* passed through */
#define RIG_NVME   IOMMUSIM_RID(0x20, 1, 0) /* passed through */
#define RIG_RAID   IOMMUSIM_RID(0x20, 2, 0)
#define RIG_OLD    IOMMUSIM_RID(0x23, 4, 0) /* passed through; its requests carry RIG_BRIDGE */
#define RIG_BRIDGE IOMMUSIM_RID(0x23, 0, 0)
#define RIG_NOBODY IOMMUSIM_RID(0x40, 0, 0) /* passed through; no unit governs it */

/* Memory that firmware says RIG_GPU must reach (IVMD). */
#define RIG_UNITY      UINT64_C(0xe0000000)
#define RIG_UNITY_SIZE UINT64_C(0x3000)

struct rig_setup {
	const char *preset; /* NULL: "zen2-client" */
	struct iommusim_unit_settings settings;
	const struct iommusim_kernel_setting
	    *tunables;  /* beside hw.vmm.amdvi.enable=1; ended by a name of NULL */
	bool off;       /* without that one */
	bool all_types; /* each unit in blocks of type 10h, 11h and 40h */
	bool no_table;
	bool unity;            /* the table has the IVMD */
	bool wild_unity;       /* an IVMD that no table reaches, for RIG_DISK */
	bool second_segment;   /* a unit in segment 1, and a RIG_DISK behind it */
	unsigned host_devices; /* more functions behind unit 0, from 03:00.0 on */
	bool no_init;
};

/* `wanted` may be NULL. */
void board_start(const struct rig_setup *wanted);

/* A VM with memory in one run; the first device is given to it, 0: none. */
struct iommusim_vm *rig_vm(const char *name, uint64_t size, uint16_t rid);
/* Past vmm and checker: a domain of which [gpa, gpa + length) is mapped, as io/iommu.c does it; false: for ever. */
bool rig_map(uint64_t gpa, uint64_t hpa, uint64_t length);

#endif
