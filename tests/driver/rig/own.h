/* Stories of a driver's own iommu.c and vm.c (tests/driver/vmm) over a vendor's backend. The boards are the vendor's. */
#ifndef TESTS_DRIVER_RIG_OWN_H
#define TESTS_DRIVER_RIG_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include <iommusim/kshim.h>

enum own_board {
	OWN_PLAIN,        /* a disk of the host's, a function for guests */
	OWN_OFF,          /* hw.vmm.iommu.enable=0 */
	OWN_SMALL_PAGES,  /* the host's domain takes many tables, if that can be had */
	OWN_TWO_SEGMENTS, /* one more disk with the same requester id, in segment 1 */
	OWN_BAD_FIRMWARE, /* the disk has a reserved region that no table reaches */
};

struct own_hardware {
	void (*start)(enum own_board board); /* with rig.vmm_unused */
	void (*stop)(void);
	uint16_t disk, guests; /* functions of segment 0; `guests` is in pptdevs */
	uint64_t memory;       /* of the host, from here on 1 MiB that a guest gets */
	uint64_t far;          /* of the host, mapped last */
	enum iommusim_kernel_allocation kind;
	uint64_t failing; /* without this allocation of the IOMMU's start `far` is not mapped */
};
extern const struct own_hardware own_hardware;

/* Between the two a guest may get its device and lose it; what happens in between is noticed. */
void own_start(enum own_board board);
int own_assign(void);
int own_unassign(void);
void own_stop(void);

void own_day(void);
void own_hot_plug(void);
void own_switched_off(void);
void own_host_errors(void);
void own_mallocs(void);
void own_contigmallocs(void);
void own_two_segments(void);
void own_device_not_added(void);

#endif
