/* What a mapping costs in memory: all that the library allocates or touches for a guest's pages. Nothing is timed. */
#include <stdlib.h>

#include <sys/mman.h>
#include <unistd.h>

#include "bed.h"
#include "memory.h"

/* ---- an allocator that can say how much is in use ------------------------------------------------------------ */

static void *allocate(void *context, size_t size)
{
	struct memory_meter *meter = context;
	void *block = malloc(size);

	if (block != NULL)
		__atomic_fetch_add(&meter->allocated, size, __ATOMIC_RELAXED);
	return block;
}

static void release(void *context, void *block, size_t size)
{
	struct memory_meter *meter = context;

	if (block != NULL)
		__atomic_fetch_sub(&meter->allocated, size, __ATOMIC_RELAXED);
	free(block);
}

static void *reserve(void *context, size_t size)
{
	struct memory_meter *meter = context;
	void *block;

	if (meter->count == MEMORY_PIECES)
		return NULL;
	block = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (block == MAP_FAILED)
		return NULL;
	meter->pieces[meter->count++] = (struct memory_piece){ block, size };
	return block;
}

static void unreserve(void *context, void *block, size_t size)
{
	struct memory_meter *meter = context;

	munmap(block, size);
	for (unsigned i = 0; i < meter->count; i++) {
		if (meter->pieces[i].block != block)
			continue;
		meter->pieces[i] = meter->pieces[--meter->count];
		return;
	}
}

void memory_meter_init(struct memory_meter *meter)
{
	*meter = (struct memory_meter){ .allocator = { .context = meter,
					    .allocate = allocate,
					    .release = release,
					    .reserve = reserve,
					    .unreserve = unreserve } };
}

/* Bytes of a reservation that are there: mincore() fills a byte a page. */
static uint64_t resident(const struct memory_piece *piece)
{
	enum { CHUNK = 1 << 16 };
	static unsigned char seen[CHUNK];
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t bytes = 0;

	for (size_t at = 0; at < piece->size; at += page * CHUNK) {
		const size_t length = piece->size - at < page * CHUNK ? piece->size - at : page * CHUNK;

		if (mincore((char *)piece->block + at, length, (void *)seen) != 0)
			continue;
		for (size_t i = 0; i < (length + page - 1) / page; i++)
			bytes += seen[i] & 1 ? page : 0;
	}
	return bytes;
}

uint64_t memory_meter_bytes(const struct memory_meter *meter)
{
	uint64_t bytes = meter->allocated;

	for (unsigned i = 0; i < meter->count; i++)
		bytes += resident(&meter->pieces[i]);
	return bytes;
}

/* ---- the benchmark ------------------------------------------------------------------------------------------- */

static bool run_memory(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	struct memory_meter meter;
	const struct rig_config config = { .profile = "reference",
		.amdvi = benchmark->amdvi,
		.ram = UINT64_C(2) << 30,
		.allocator = &meter.allocator };
	const uint64_t pages = UINT64_C(1) << (scale->quick ? 18 : 22);
	struct bed bed;
	uint64_t before = 0;
	bool done;

	memory_meter_init(&meter);
	done = bed_create(&bed, &config, pages);
	if (done) {
		before = memory_meter_bytes(&meter);
		done = bed_map(&bed, 0, pages) && bed_book_map(&bed, 0, pages);
	}
	if (done) {
		const double ours = (double)(memory_meter_bytes(&meter) - before) / (double)pages;
		const double book =
		    (double)(textbook_tables(&bed.book) * IOMMUSIM_PAGE_SIZE) / (double)pages;

		result->series[0] = (struct measured){ "memory-per-mapping", ours, ours, 1 };
		result->series[1] = (struct measured){ "textbook", book, book, book / ours };
		result->count = 2;
		result->allowance = (double)(UINT64_C(2) << 20) / (double)pages;
	} else {
		rig_explain(&bed.rig, result->text, sizeof(result->text));
	}
	bed_destroy(&bed);
	return done;
}

/* clang-format off */
#define MEMORY_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "memory-per-mapping/" vendor, .unit = "B/page", .state = "cold",		\
	    .about = "all memory that scattered pages need in a new domain",			\
	    .targets = { { NULL, 8.1, "<= 8.1 B and 2 MiB" } },					\
	    .amdvi = is_amdvi, .run = run_memory,						\
	}
/* clang-format on */

const struct benchmark memory_benchmarks[] = {
	MEMORY_BENCHMARKS("vtd", false),
	MEMORY_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
