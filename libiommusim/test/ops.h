/* iommu_ops under test as vmm calls them, each call as kernel code. What becomes of a panic is for whoever has them called. */
#ifndef IOMMUSIM_TEST_OPS_H
#define IOMMUSIM_TEST_OPS_H

#include <stdbool.h>

#include <iommusim/ops.h>

/* The ops_context of test_ops. */
struct test_kernel_ops {
	const struct iommusim_ops *shim; /* of freebsd_ops.h, by the driver's shape */
	void *table;                     /* the driver's */
	/* Run it in the kernel. False: it did not come to its end, and the op answers EFAULT. */
	bool (*run)(void *context, void (*function)(void *argument), void *argument);
	void *context;
};
extern const struct iommusim_ops test_ops;

#endif
