/*
 * The kernel that the drivers under test find here: a machine, register pages, an arena for page
 * tables, and physical addresses for both the arena and the program's own data.
 */
#ifndef TESTS_DRIVER_KERNEL_H
#define TESTS_DRIVER_KERNEL_H

#include <iommusim/kshim_hooks.h>
#include <iommusim/unit.h>

#define KERNEL_UNIT_BASE  UINT64_C(0xfed91000)
#define KERNEL_IMAGE_BASE UINT64_C(0x1000000000)
#define KERNEL_IMAGE_END  UINT64_C(0x1040000000)
#define KERNEL_RAM        UINT64_C(0x4000000)
#define KERNEL_ARENA      UINT64_C(0x100000) /* a mebibyte of page tables */
#define KERNEL_PAGES      256u

struct kernel_config {
	const char *preset; /* NULL: "skylake-client", its unit for everything but graphics */
	struct iommusim_unit_settings settings;
	bool device_view; /* hardware does not see what was not flushed */
};

struct kernel {
	struct iommusim_machine *machine;
	struct iommusim_unit *unit;
	struct iommusim_hooks *hooks;
	volatile void *registers; /* of the unit, as the driver is given them */
	size_t pages_used;
	size_t page_limit;
	bool forget_flushes; /* a kernel whose cache flush does nothing */
	void *free_page;     /* first of a list through the pages themselves */
	uint64_t next_page;  /* physical; the first one that was never used */
};

/* The one that runs: kernel functions have no argument for it. */
extern struct kernel kernel;

void kernel_boot(const struct kernel_config *config);
void kernel_halt(void);

#endif
