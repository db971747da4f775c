/* What it costs to catch a driver's register access: by hooks, by traps, and without either. */
#include <stdio.h>

#include <iommusim/mmio.h>

#include "bench.h"

#include "driver/register_loop.h"
#ifdef BENCH_HOOKS
#include <iommusim/kshim_hooks.h>
#endif
#ifdef BENCH_TRAPS
#include <iommusim/kshim_traps.h>
#endif

#if defined(BENCH_HOOKS) || defined(BENCH_TRAPS)

#define BASE UINT64_C(0xfe000000)

/* One register that keeps what is written: what a model does with it is not measured here. */
struct desk {
	struct iommusim_machine *machine;
	uint64_t value;
	volatile void *registers;
	bool writes;
	enum iommusim_status status;
};

static uint64_t read_register(void *context, uint64_t offset, unsigned width)
{
	const struct desk *desk = context;

	(void)offset;
	(void)width;
	return desk->value;
}

static void write_register(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	struct desk *desk = context;

	(void)offset;
	(void)width;
	desk->value = value;
}

static bool desk_create(struct desk *desk)
{
	const struct iommusim_mmio_region region = { .base = BASE,
		.length = 0x1000,
		.context = desk,
		.read = read_register,
		.write = write_register };

	desk->status = iommusim_machine_create(NULL, &desk->machine);
	if (desk->status != IOMMUSIM_OK)
		return false;
	desk->status = iommusim_mmio_attach(desk->machine, &region);
	return desk->status == IOMMUSIM_OK;
}

static bool run_bus(void *context, uint64_t first, uint64_t count)
{
	struct desk *desk = context;
	uint64_t value;

	(void)first;
	while (count-- > 0)
		if (desk->writes)
			iommusim_mmio_write(desk->machine, BASE, 4, (uint32_t)count);
		else
			iommusim_mmio_read(desk->machine, BASE, 4, &value);
	return true;
}

/* Accesses number one by one, so a slice of one round is enough. */
static bool compare(struct desk *desk, const struct bench_scale *scale, const char *name,
    uint64_t total, bool (*run)(void *context, uint64_t first, uint64_t count),
    struct bench_result *result)
{
	const struct measure_plan plan = { total, total / 16, scale->rounds, false };
	const struct contestant contestants[] = { { name, desk, NULL, run },
		{ "bus", desk, NULL, run_bus } };

	result->count = 2;
	return measure(&plan, contestants, 2, result->series) == MEASURE_DONE;
}

#endif

#if defined(BENCH_HOOKS)

static bool run_hooked(void *context, uint64_t first, uint64_t count)
{
	const struct desk *desk = context;

	(void)first;
	(desk->writes ? hooked_writes : hooked_reads)(desk->registers, count);
	return true;
}

static bool measure_hooks(const struct bench_scale *scale, bool writes, struct bench_result *result)
{
	struct iommusim_hooks *hooks = NULL;
	struct desk desk = { .writes = writes };
	bool done = desk_create(&desk);

	if (done)
		desk.status = iommusim_hooks_create(desk.machine, &hooks);
	if (desk.status == IOMMUSIM_OK)
		desk.status = iommusim_hooks_map(hooks, BASE, 0x1000, &desk.registers);
	done = desk.status == IOMMUSIM_OK;
	if (done) {
		iommusim_hooks_attach(hooks);
		done = compare(
		    &desk, scale, "hooks", scale->quick ? 1u << 16 : 1u << 20, run_hooked, result);
	}
	snprintf(result->text, sizeof(result->text), "%s", iommusim_status_name(desk.status));
	iommusim_hooks_destroy(hooks);
	iommusim_machine_destroy(desk.machine);
	return done;
}

#else

static bool measure_hooks(const struct bench_scale *scale, bool writes, struct bench_result *result)
{
	(void)scale;
	(void)writes;
	result->skipped = true;
	snprintf(result->text, sizeof(result->text), "this build has no hooks");
	return true;
}

#endif

#if defined(BENCH_TRAPS)

static bool run_trapped(void *context, uint64_t first, uint64_t count)
{
	const struct desk *desk = context;

	(void)first;
	(desk->writes ? trapped_writes : trapped_reads)(desk->registers, count);
	return true;
}

static bool measure_traps(const struct bench_scale *scale, bool writes, struct bench_result *result)
{
	struct iommusim_traps *traps = NULL;
	struct desk desk = { .writes = writes };
	bool done = desk_create(&desk);

	if (done)
		desk.status = iommusim_traps_create(desk.machine, &traps);
	if (desk.status == IOMMUSIM_OK)
		desk.status = iommusim_traps_map(traps, BASE, 0x1000, &desk.registers);
	if (desk.status == IOMMUSIM_OK)
		desk.status = iommusim_traps_attach(traps);
	done = desk.status == IOMMUSIM_OK;
	if (done)
		done = compare(
		    &desk, scale, "traps", scale->quick ? 1u << 10 : 1u << 14, run_trapped, result);
	snprintf(result->text, sizeof(result->text), "%s", iommusim_status_name(desk.status));
	iommusim_traps_destroy(traps);
	iommusim_machine_destroy(desk.machine);
	return done;
}

#else

static bool measure_traps(const struct bench_scale *scale, bool writes, struct bench_result *result)
{
	(void)scale;
	(void)writes;
	result->skipped = true;
	snprintf(result->text, sizeof(result->text), "this build has no traps");
	return true;
}

#endif

static bool run_hooks_read(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	(void)benchmark;
	return measure_hooks(scale, false, result);
}

static bool run_hooks_write(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	(void)benchmark;
	return measure_hooks(scale, true, result);
}

static bool run_traps_read(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	(void)benchmark;
	return measure_traps(scale, false, result);
}

static bool run_traps_write(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	(void)benchmark;
	return measure_traps(scale, true, result);
}

const struct benchmark interception_benchmarks[] = {
	{
	    .name = "hooks-read",
	    .unit = "ns",
	    .state = "warm",
	    .about = "a driver's register read, caught by hooks, and the bus behind it",
	    .targets = { { NULL, 15, "<= 15 ns" } },
	    .run = run_hooks_read,
	},
	{
	    .name = "hooks-write",
	    .unit = "ns",
	    .state = "warm",
	    .about = "a driver's register write, likewise",
	    .targets = { { NULL, 15, "<= 15 ns" } },
	    .run = run_hooks_write,
	},
	{
	    .name = "traps-read",
	    .unit = "ns",
	    .state = "warm",
	    .about = "a driver's register read, caught by traps, and the bus behind it",
	    .targets = { { NULL, 3000, "<= 3 us" } },
	    .run = run_traps_read,
	},
	{
	    .name = "traps-write",
	    .unit = "ns",
	    .state = "warm",
	    .about = "a driver's register write, likewise",
	    .targets = { { NULL, 3000, "<= 3 us" } },
	    .run = run_traps_write,
	},
	{ .name = NULL },
};
