/*
 * iommu_ops for tables in the format of x86 processors: VT-d's first stage, and AMD-Vi's guest (v2) tables.
 * Drivers of the tests' own, written as a driver is: tables and entries in memory, registers over the bus. All
 * numbers are from the specifications by hand. What is proved with them stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_X86_BACKEND_H
#define IOMMUSIM_TESTS_PROPERTY_X86_BACKEND_H

#include "host_fixture.h"

struct x86_backend {
	struct iommusim_ops ops;
	struct host *host;
	bool amd;
	uint64_t next_page; /* table pages, from memory that vmm leaves to the kernel */
	uint64_t free_page; /* given back: the first, which holds the address of the next */
	uint64_t root;      /* root table, or device table */
	uint64_t contexts[256];
	uint64_t queue; /* invalidation queue, or command buffer */
	uint32_t tail;
	uint32_t next_id;
};

/* Where both have their unit. */
#define X86_UNIT UINT64_C(0xfeb80000)

/*
 * Fill in `ops` for a host that is going to be started with them and with no units of its own; its unit is
 * added by x86_backend_attach().
 */
void x86_backend_init(struct x86_backend *backend, bool amd);
void x86_backend_attach(
    struct x86_backend *backend, struct host *host, const struct iommusim_unit_settings *settings);

#endif
