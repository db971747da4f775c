/* Leaves beyond 4 KiB: mapping by 2 MiB and 1 GiB, and translations through them and through next-level 7. */
#include <string.h>

#include <iommusim/walk.h>

#include "bed.h"
#include "field.h"

#define GIB         (UINT64_C(1) << 30)
#define SHIFT_2M    21u
#define SHIFT_1G    30u
#define SHIFT_64K   16u
#define LARGE_SPAN  (UINT64_C(1) << 37)
#define LARGE_START (UINT64_C(4) << 30)

/* ---- mapping: an operation is a leaf ---------------------------------------------------------------- */

struct large_bed {
	struct rig rig;
	struct iommusim_domain *domain;
	struct textbook book; /* leaves are pages to it: as many calls, as many entries */
	unsigned shift;
};

/* Host addresses are aligned like a leaf and no better, so that no larger one fits. */
static uint64_t host_of(const struct large_bed *bed, uint64_t leaf)
{
	const uint64_t off = bed->shift == SHIFT_1G ? 0 : UINT64_C(1) << bed->shift;

	return LARGE_START + off + (leaf << bed->shift);
}

static bool map_leaves(void *context, uint64_t first, uint64_t count)
{
	struct large_bed *bed = context;

	for (uint64_t leaf = first; leaf < first + count; leaf++)
		if (!rig_ok(&bed->rig,
			iommusim_iommu_create_mapping(bed->rig.vmm, bed->domain, leaf << bed->shift,
			    host_of(bed, leaf), UINT64_C(1) << bed->shift)))
			return false;
	return true;
}

static bool unmap_leaves(void *context)
{
	struct large_bed *bed = context;

	return rig_ok(
	    &bed->rig, iommusim_iommu_remove_mapping(bed->rig.vmm, bed->domain, 0, LARGE_SPAN));
}

static bool book_leaves(void *context, uint64_t first, uint64_t count)
{
	struct large_bed *bed = context;

	for (uint64_t leaf = first; leaf < first + count; leaf++)
		if (!textbook_map(&bed->book, leaf << IOMMUSIM_PAGE_SHIFT, host_of(bed, leaf),
			TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

/* Are the leaves as large as the name says? */
static bool leaves_as_named(struct large_bed *bed)
{
	const struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_requester *requester;
	struct iommusim_walk walk;

	return rig_ok(&bed->rig,
		   iommusim_iommu_add_device(bed->rig.vmm, bed->domain, 0, FIELD_FIRST_DEVICE)) &&
	    rig_ok(&bed->rig,
		iommusim_requester_create(bed->rig.machine, 0, FIELD_FIRST_DEVICE, &requester)) &&
	    map_leaves(bed, 0, 1) && rig_ok(&bed->rig, iommusim_walk(requester, &request, &walk)) &&
	    !walk.result.faulted && walk.result.page_shift == bed->shift;
}

static bool run_map_leaves(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const struct rig_config config = {
		.profile = "superpages", .amdvi = benchmark->amdvi, .ram = 2 * GIB
	};
	struct large_bed bed = { .shift = (unsigned)benchmark->size };
	const uint64_t leaves = LARGE_SPAN >> bed.shift;
	const uint64_t slice = leaves < 4096 ? leaves : 4096;
	const struct measure_plan plan = { leaves, slice, scale->rounds, false };
	const struct contestant contestants[] = {
		{ "map-leaves", &bed, unmap_leaves, map_leaves },
		{ "textbook", &bed, NULL, book_leaves },
	};
	bool done = rig_create(&bed.rig, &config) && textbook_create(&bed.book) &&
	    rig_ok(&bed.rig, iommusim_iommu_create_domain(bed.rig.vmm, RIG_DOMAIN_SIZE, &bed.domain)) &&
	    leaves_as_named(&bed);

	result->count = 2;
	done = done && measure(&plan, contestants, 2, result->series) == MEASURE_DONE;
	if (!done)
		rig_explain(&bed.rig, result->text, sizeof(result->text));
	rig_destroy(&bed.rig);
	textbook_destroy(&bed.book);
	return done;
}

/* ---- translating ------------------------------------------------------------------------------------- */

/* 1 GiB by leaves of one size, scattered where there are several. */
static bool map_field_leaves(struct field *field, struct iommusim_domain *domain, unsigned shift)
{
	const uint64_t size = UINT64_C(1) << shift, leaves = GIB >> shift;

	for (uint64_t leaf = 0; leaf < leaves; leaf++) {
		const uint64_t host =
		    LARGE_START + ((leaf * UINT64_C(0x9e3779b1) & (leaves - 1)) << shift);

		if (!rig_ok(&field->rig,
			iommusim_iommu_create_mapping(
			    field->rig.vmm, domain, leaf << shift, host, size)) ||
		    !field_book_map(field, leaf << shift, host, size))
			return false;
	}
	return true;
}

static bool map_2m(struct field *field, struct iommusim_domain *domain)
{
	return map_field_leaves(field, domain, SHIFT_2M);
}

static bool map_1g(struct field *field, struct iommusim_domain *domain)
{
	return map_field_leaves(field, domain, SHIFT_1G);
}

/*
 * Entries of 64 KiB as AMD-Vi has them (2.2.3): next level 7, the size in the low bits of the address, the same entry
 * sixteen times. No backend makes them, so those of 4 KiB are written over.
 */
static bool write_next_level_7(struct rig *rig, uint64_t first_entry)
{
	uint64_t entry, row[16];

	if (!rig_ok(rig, iommusim_memory_read(rig->machine, first_entry, &entry, sizeof(entry))))
		return false;
	entry = (entry & ~UINT64_C(0xfe00)) | UINT64_C(0x7e00);
	for (unsigned i = 0; i < 16; i++)
		row[i] = entry;
	return rig_ok(rig, iommusim_memory_write(rig->machine, first_entry, row, sizeof(row)));
}

static bool map_64k(struct field *field, struct iommusim_domain *domain)
{
	return map_field_leaves(field, domain, SHIFT_64K);
}

/* After the device is there: a walk says where the entries of each table lie. */
static bool rewrite_as_next_level_7(struct field *field)
{
	struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_walk walk;

	for (uint64_t address = 0; address < GIB; address += UINT64_C(1) << SHIFT_64K) {
		request.address = address;
		if (!rig_ok(&field->rig, iommusim_walk(field->requesters[0], &request, &walk)) ||
		    walk.step_count == 0 ||
		    !write_next_level_7(&field->rig, walk.steps[walk.step_count - 1].address))
			return false;
	}
	request.address = GIB - 4;
	return rig_ok(&field->rig, iommusim_walk(field->requesters[0], &request, &walk)) &&
	    !walk.result.faulted && walk.result.page_shift == SHIFT_64K;
}

static bool run_miss(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const struct field_plan plan = {
		.rig = { .profile = benchmark->size == SHIFT_64K ? "reference" : "superpages",
		    .amdvi = benchmark->amdvi,
		    .cache = IOMMUSIM_CACHE_NONE,
		    .ram = 8 * GIB },
		.pages = FIELD_PAGES,
		.map = benchmark->size == SHIFT_64K ? map_64k
		    : benchmark->size == SHIFT_2M   ? map_2m
						    : map_1g,
		.mapped = benchmark->size == SHIFT_64K ? rewrite_as_next_level_7 : NULL,
		.caches = FIELD_MISSES,
		.page_shift = (unsigned)benchmark->size,
	};

	return field_compete(&plan, scale, result);
}

/* clang-format off */
#define LEAF_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "map-2m/" vendor, .unit = "ns/leaf", .state = "warm",			\
	    .about = "one call for each 2 MiB leaf, contiguous, 128 GiB",			\
	    .amdvi = is_amdvi, .size = SHIFT_2M, .run = run_map_leaves,				\
	},											\
	{											\
	    .name = "map-1g/" vendor, .unit = "ns/leaf", .state = "warm",			\
	    .about = "one call for each 1 GiB leaf, contiguous, 128 GiB",			\
	    .amdvi = is_amdvi, .size = SHIFT_1G, .run = run_map_leaves,				\
	},											\
	{											\
	    .name = "translate-miss-2m/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "random over 1 GiB of scattered 2 MiB leaves, cache none",			\
	    .amdvi = is_amdvi, .size = SHIFT_2M, .run = run_miss,				\
	},											\
	{											\
	    .name = "translate-miss-1g/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "random over one 1 GiB leaf, cache none",					\
	    .amdvi = is_amdvi, .size = SHIFT_1G, .run = run_miss,				\
	}
/* clang-format on */

const struct benchmark leaf_benchmarks[] = {
	LEAF_BENCHMARKS("vtd", false),
	LEAF_BENCHMARKS("amdvi", true),
	{
	    .name = "translate-miss-64k/amdvi",
	    .unit = "ns",
	    .state = "warm",
	    .about = "random over 1 GiB of 64 KiB pages (next level 7), cache none",
	    .amdvi = true,
	    .size = SHIFT_64K,
	    .run = run_miss,
	},
	{ .name = NULL },
};
