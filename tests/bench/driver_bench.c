/*
 * `iommusim-bench --ops` for a driver in kernel style: the VT-d backend of tests/driver/vtd, beside the built-in one.
 */
#include <stdio.h>
#include <stdlib.h>

#include <iommusim/bench.h>
#include <iommusim/freebsd_ops.h>
#include <iommusim/kshim.h>
#include <iommusim/kshim_hooks.h>

#include "test/ops.h"

#define MIB UINT64_C(1048576)

/* The driver's own table. */
extern const char iommu_ops_intel[];

static struct iommusim_kernel *kernel;
static struct iommusim_hooks *hooks;
static struct test_kernel_ops kernel_ops;

static bool run(void *context, void (*function)(void *argument), void *argument)
{
	struct iommusim_kernel_result result;

	(void)context;
	if (iommusim_kernel_call(kernel, function, argument, &result) == IOMMUSIM_OK)
		return true;
	fprintf(stderr, "the driver: %s\n", result.panicked ? result.panic.message : result.locks);
	exit(3);
}

static enum iommusim_status map_by_hooks(
    void *context, uint64_t base, uint64_t length, volatile void **registers)
{
	return iommusim_hooks_map(context, base, length, registers);
}

static void sync_hooks(void *context)
{
	(void)context;
	iommusim_hooks_sync();
}

static void stop(void *context)
{
	(void)context;
	iommusim_kernel_destroy(kernel);
	iommusim_hooks_attach(NULL);
	iommusim_hooks_destroy(hooks);
	kernel = NULL;
}

static enum iommusim_status start(void *context, struct iommusim_machine *machine,
    const struct iommusim_ops **ops, void **ops_context)
{
	struct iommusim_kernel_options options = {
		.arena_base = 64 * MIB, .arena_length = 256 * MIB, .processor = IOMMUSIM_KERNEL_INTEL
	};
	enum iommusim_status status = iommusim_hooks_create(machine, &hooks);

	(void)context;
	if (status != IOMMUSIM_OK)
		return status;
	iommusim_hooks_attach(hooks);
	options.registers = (struct iommusim_kernel_registers){ hooks, map_by_hooks, sync_hooks, true };
	status = iommusim_kernel_create(machine, &options, &kernel);
	if (status == IOMMUSIM_OK)
		status = iommusim_kernel_boot(kernel, NULL);
	if (status == IOMMUSIM_OK)
		status = iommusim_kernel_attach(kernel, NULL);
	if (status != IOMMUSIM_OK) {
		stop(NULL);
		return status;
	}
	kernel_ops = (struct test_kernel_ops){
		.shim = &iommusim_void_ops_shim, .table = (void *)(uintptr_t)iommu_ops_intel, .run = run
	};
	*ops = &test_ops;
	*ops_context = &kernel_ops;
	return IOMMUSIM_OK;
}

int main(int count, char **words)
{
	const struct iommusim_bench_subject subjects[] = {
		{ .name = "driver", .start = start, .stop = stop },
		{ .name = "built-in" },
	};

	return iommusim_bench_ops(count - 1, words + 1, subjects, 2);
}
