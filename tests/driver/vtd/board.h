/* A machine with VT-d units, and the rig over it: one board a process. */
#ifndef TESTS_DRIVER_VTD_BOARD_H
#define TESTS_DRIVER_VTD_BOARD_H

#include <iommusim/unit.h>

#include "tests/driver/rig/rig.h"

#define RIG_UNITS     12u
#define RIG_FUNCTIONS 16u
#define RIG_HOPS      3u

struct rig_scope {
	uint8_t type; /* enum iommusim_dmar_scope_type; 0: no further scope */
	uint8_t bus;
	uint8_t hops[RIG_HOPS][2]; /* device and function */
	uint8_t hop_count;
};

/* A DRHD and the hardware it speaks of. Bits of CAP and ECAP are changed against the board's preset. */
struct rig_unit {
	uint64_t base; /* 0: no further unit */
	uint16_t segment;
	bool include_all;
	uint64_t cap_set, cap_clear, ecap_set, ecap_clear;
	struct rig_scope scopes[2];
};

struct rig_function {
	uint16_t segment;
	uint16_t rid;
	uint8_t secondary, subordinate; /* not 0: a bridge */
	enum iommusim_driver driver;
};

struct rig_board {
	const char *preset; /* NULL: "skylake-sp" */
	struct rig_unit units[RIG_UNITS];
	struct rig_function functions[RIG_FUNCTIONS]; /* until one with rid 0 */
	uint64_t rmrr_first, rmrr_last;               /* last 0: none */
	uint16_t rmrr_rid;                            /* on its bus: a scope of one hop */
	struct iommusim_unit_settings settings;
	bool device_view;
	uint64_t maxaddr;        /* of the kernel; 0: where RAM ends */
	uint64_t ram;            /* bytes; 0: RIG_RAM */
	const char *tunables[8]; /* name, value, ...; until NULL */
	bool taken;              /* another driver has queued invalidation on already */
};

#define RIG_RAM   (UINT64_C(256) << 20)
#define RIG_MIB   (UINT64_C(1) << 20)
#define RIG_ARENA RIG_MIB /* the kernel's memory, where vmm's own allocator does not reach */

void board_start(const struct rig_board *board);
/* Unload what is loaded, and notice what is left. */
void board_stop(void);

#endif
