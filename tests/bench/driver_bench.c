/*
 * `iommusim-bench --ops` for a driver in kernel style: the VT-d backend of tests/driver/vtd, beside the built-in one.
 * The driver's calls are ops.c's there, which knows its kernel by `rig`.
 */
#include <stdio.h>
#include <stdlib.h>

#include <iommusim/bench.h>
#include <iommusim/kshim_hooks.h>

#include "tests/driver/vtd/ops.h"
#include "tests/driver/vtd/rig.h"

#define MIB UINT64_C(1048576)

struct rig rig;

static struct iommusim_hooks *hooks;

void rig_call(void (*function)(void *context), void *context)
{
	struct iommusim_kernel_result result;

	if (iommusim_kernel_call(rig.kernel, function, context, &result) == IOMMUSIM_OK)
		return;
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
	iommusim_kernel_destroy(rig.kernel);
	iommusim_hooks_attach(NULL);
	iommusim_hooks_destroy(hooks);
	rig.kernel = NULL;
}

static enum iommusim_status start(void *context, struct iommusim_machine *machine,
    const struct iommusim_ops **ops, void **ops_context)
{
	struct iommusim_kernel_options options = {
		.arena_base = 64 * MIB, .arena_length = 256 * MIB, .processor = IOMMUSIM_KERNEL_INTEL
	};
	struct iommusim_vmm_config config = { .ops = NULL };
	enum iommusim_status status = iommusim_hooks_create(machine, &hooks);

	(void)context;
	if (status != IOMMUSIM_OK)
		return status;
	iommusim_hooks_attach(hooks);
	options.registers = (struct iommusim_kernel_registers){ hooks, map_by_hooks, sync_hooks };
	status = iommusim_kernel_create(machine, &options, &rig.kernel);
	if (status == IOMMUSIM_OK)
		status = iommusim_kernel_boot(rig.kernel, NULL);
	if (status == IOMMUSIM_OK)
		status = iommusim_kernel_attach(rig.kernel, NULL);
	if (status != IOMMUSIM_OK) {
		stop(NULL);
		return status;
	}
	ops_give(&config);
	*ops = config.ops;
	*ops_context = config.ops_context;
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
