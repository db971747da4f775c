/*
 * What is given to an importer may be anything, and memory may run out anywhere: what is written can be read as a
 * trace, and what is taken is given back. Also that long captures cost no more a line than short ones.
 */
#include <stdio.h>
#include <time.h>

#include "import/imported.h"

struct sample {
	enum iommusim_import_source source;
	const char *name;
};

static const struct sample samples[] = {
	{ IOMMUSIM_IMPORT_FTRACE, "linux.trace" },
	{ IOMMUSIM_IMPORT_DTRACE, "bhyve.txt" },
	{ IOMMUSIM_IMPORT_QEMU, "qemu-vtd.log" },
	{ IOMMUSIM_IMPORT_QEMU, "qemu-amdvi.log" },
};

enum { SAMPLES_COUNT = sizeof(samples) / sizeof(samples[0]) };

/* ---- memory that runs out ------------------------------------------------------------------------------ */

struct meter {
	size_t taken;
	size_t calls;
	size_t fails_at; /* the call that gets nothing, and all behind it */
};

static void *meter_allocate(void *context, size_t size)
{
	struct meter *meter = context;

	assert_true(size > 0);
	if (++meter->calls >= meter->fails_at || size == 0)
		return NULL;
	meter->taken += size;
	return malloc(size);
}

static void meter_release(void *context, void *block, size_t size)
{
	struct meter *meter = context;

	assert_true(meter->taken >= size);
	meter->taken -= size;
	free(block);
}

static void memory_may_run_out_anywhere(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES_COUNT; i++) {
		enum iommusim_status status = IOMMUSIM_ENOMEM;
		size_t length, round = 0;
		char *text = sample_read(samples[i].name, &length);

		while (status == IOMMUSIM_ENOMEM) {
			struct meter meter = { .fails_at = ++round };
			const struct iommusim_allocator allocator = {
				.context = &meter, .allocate = meter_allocate, .release = meter_release
			};
			const struct iommusim_import_options options = { .allocator = &allocator };
			struct imported imported =
			    import_text(samples[i].source, text, length, &options);

			status = imported.status;
			assert_true(status == IOMMUSIM_OK || status == IOMMUSIM_ENOMEM);
			assert_int_equal(meter.taken, 0);
			imported_free(&imported);
		}
		/* the importer itself at least; those with tables, more */
		assert_true(round > (samples[i].source == IOMMUSIM_IMPORT_QEMU ? 1u : 3u));
		free(text);
	}
}

/* ---- anything ------------------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* No digits are put in: a mapping of half an address space is a legal one, and would take its time. */
static size_t spoil(char *text, size_t length, uint64_t *seed)
{
	static const char letters[] = "=(),:#\"[]>< \t\n\0\xff%x-_.";
	const uint64_t changes = 1 + next_random(seed) % 6;

	for (uint64_t i = 0; i < changes && length > 2; i++) {
		const size_t at = next_random(seed) % length, rest = length - at;
		size_t cut = next_random(seed) % (rest < 200 ? rest : 200) + 1;

		switch (next_random(seed) % 4) {
		case 0:
			memmove(text + at, text + at + cut, rest - cut);
			length -= cut;
			break;
		case 1: /* the same once more, somewhere else */
			cut = at < cut ? at : cut;
			memmove(text, text + at - cut, cut);
			break;
		default:
			text[at] = letters[next_random(seed) % (sizeof(letters) - 1)];
			break;
		}
	}
	return length;
}

static void whatever_is_written_is_a_trace(void **state)
{
	enum { ROUNDS = 250 };
	const struct iommusim_import_options options = { .memory = UINT64_C(1) << 30, .dma = true };
	uint64_t seed = 20261121, written = 0;

	(void)state;
	for (unsigned i = 0; i < SAMPLES_COUNT * ROUNDS; i++) {
		const struct sample *sample = &samples[i % SAMPLES_COUNT];
		const struct iommusim_replay_options replay = { .profile = "reference" };
		struct iommusim_replay_summary summary;
		struct iommusim_diagnostic problem;
		struct imported imported;
		size_t length;
		char *text = sample_read(sample->name, &length);

		length = spoil(text, length, &seed);
		imported = import_text(sample->source, text, length, &options);
		assert_true(imported.status == IOMMUSIM_OK || imported.status == IOMMUSIM_EFORMAT);
		written += imported.status == IOMMUSIM_OK;
		if (imported.status == IOMMUSIM_OK &&
		    iommusim_replay("imported.iommu", imported.trace, imported.length, &replay,
			&summary, &problem) != IOMMUSIM_OK)
			fail_msg("%s, change %u: %u:%u: %s\n%s", sample->name, i, problem.line,
			    problem.column, problem.text, imported.trace);
		imported_free(&imported);
		free(text);
	}
	assert_true(written > SAMPLES_COUNT * ROUNDS / 2);
}

/* ---- length -------------------------------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Many domains, tasks and devices: whatever is looked up by running along a list shows. */
static double time_ftrace(unsigned domains)
{
	const size_t room = (size_t)domains * 1024;
	char *text = malloc(room);
	struct imported imported;
	size_t length = 0;
	double began;

	assert_non_null(text);
	for (unsigned i = 0; i < domains; i++)
		length += (size_t)sprintf(text + length,
		    "t-%u [000] ..... 1.0: k_attach: (intel_iommu_attach_device+0x0/0x8c0) dom=0x%x000 dev=\"\"\n"
		    "t-%u [000] ..... 1.0: attach_device_to_domain: IOMMU: device=0000:%02x:%02x.%u\n"
		    "t-%u [000] ..... 1.0: k_map: (intel_iommu_map_pages+0x0/0xe0) dom=0x%x000 iova=0x1000 "
		    "pa=0x1000 pgsz=0x1000 cnt=0x1 prot=0x3\n"
		    "t-%u [000] ..... 1.0: map: IOMMU: iova=0x0000000000001000 - 0x0000000000002000 "
		    "paddr=0x0000000000001000 size=4096\n"
		    "t-%u [000] ..... 1.0: k_free: (intel_iommu_domain_free+0x0/0x30) dom=0x%x000\n",
		    i, i + 1, i, i >> 8 & 0xff, i >> 3 & 0x1f, i & 7, i, i + 1, i, i, i / 2 + 1);
	began = seconds();
	imported = import_text(IOMMUSIM_IMPORT_FTRACE, text, length, NULL);
	began = seconds() - began;
	assert_int_equal(imported.status, IOMMUSIM_OK);
	assert_int_equal(imported.summary.malformed, 0);
	assert_int_equal(imported.summary.without_domain, 0);
	imported_free(&imported);
	free(text);
	return began;
}

static double time_dtrace(unsigned calls)
{
	const size_t room = (size_t)calls * 256;
	char *text = malloc(room);
	struct imported imported;
	size_t length = 0;
	double began;

	assert_non_null(text);
	/* backwards in time, every call of another thread, domains without end */
	for (unsigned i = calls; i > 0; i--)
		length += (size_t)sprintf(text + length,
		    "iommu_create_domain(0x100000) = dom_%x000 # < %u %u 0 %u\n"
		    "iommu_create_mapping(dom_%x000, 0x0, 0x1000, 0x1000) # < %u %u 0 %u ret 0\n",
		    i, i * 10, i * 10 + 1, i, i, i * 10 + 2, i * 10 + 3, i);
	began = seconds();
	imported = import_text(IOMMUSIM_IMPORT_DTRACE, text, length, NULL);
	began = seconds() - began;
	assert_int_equal(imported.status, IOMMUSIM_OK);
	assert_int_equal(imported.summary.joined, 0);
	imported_free(&imported);
	free(text);
	return began;
}

static void long_captures_cost_no_more_a_line(void **state)
{
	enum { FEW = 2000, FACTOR = 16, SLACK = 4 };

	(void)state;
	/* what grows with the square would take 16 times as long a line */
	assert_true(time_ftrace(FEW * FACTOR) < (time_ftrace(FEW) + 1e-3) * FACTOR * SLACK);
	assert_true(time_dtrace(FEW * FACTOR) < (time_dtrace(FEW) + 1e-3) * FACTOR * SLACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(whatever_is_written_is_a_trace),
		cmocka_unit_test(long_captures_cost_no_more_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
