/*
 * What the host-domain policy of a release costs: a guest's first device comes and its last one goes,
 * with the guest's pages kept in the host domain (13.1) or removed from it and put back (13.0).
 */
#include <string.h>

#include "bench.h"
#include "rig.h"
#include "textbook.h"

enum { GUEST_PAGES = 1 << 18 };

struct host {
	struct rig rig;
	struct iommusim_vm *vm;
};

/* A textbook's host and guest tables, for the same number of pages in and out. */
struct books {
	struct textbook guest;
	struct textbook host;
	bool remove; /* the host's pages too */
};

static bool assign_and_unassign(void *context, uint64_t first, uint64_t count)
{
	struct host *host = context;

	(void)first;
	(void)count;
	return rig_ok(&host->rig, iommusim_vm_assign_pptdev(host->vm, 0, RIG_PPT_DEVICE)) &&
	    rig_ok(&host->rig, iommusim_vm_unassign_pptdev(host->vm, 0, RIG_PPT_DEVICE));
}

static bool map_book(struct textbook *book, bool identity)
{
	for (uint64_t page = 0; page < GUEST_PAGES; page++) {
		const uint64_t host = rig_scattered(page, GUEST_PAGES);

		if (!textbook_map(book, identity ? host : page << IOMMUSIM_PAGE_SHIFT, host,
			TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	}
	return true;
}

static bool unmap_book(struct textbook *book, bool identity)
{
	for (uint64_t page = 0; page < GUEST_PAGES; page++)
		if (!textbook_unmap(book,
			identity ? rig_scattered(page, GUEST_PAGES) : page << IOMMUSIM_PAGE_SHIFT))
			return false;
	return true;
}

static bool book_in_and_out(void *context, uint64_t first, uint64_t count)
{
	struct books *books = context;

	(void)first;
	(void)count;
	return map_book(&books->guest, false) && (!books->remove || unmap_book(&books->host, true)) &&
	    unmap_book(&books->guest, false) && (!books->remove || map_book(&books->host, true));
}

static bool make_host(struct host *host, bool amdvi, const char *profile)
{
	const struct rig_config config = {
		.profile = profile, .amdvi = amdvi, .ram = UINT64_C(8) << 30
	};
	const struct iommusim_vm_memory memory = { .size = (uint64_t)GUEST_PAGES << IOMMUSIM_PAGE_SHIFT,
		.seed = 7 };

	memset(host, 0, sizeof(*host));
	return rig_create(&host->rig, &config) &&
	    rig_ok(&host->rig, iommusim_vm_create(host->rig.vmm, "guest", &host->vm)) &&
	    rig_ok(&host->rig, iommusim_vm_setup_memory(host->vm, &memory));
}

static bool make_books(struct books *books, bool remove)
{
	memset(books, 0, sizeof(*books));
	books->remove = remove;
	return textbook_create(&books->guest) && textbook_create(&books->host) &&
	    map_book(&books->host, true);
}

/* Both policies in one run, `remove` first or second; the textbook does what the first one does. */
static bool compare_policies(
    bool remove, bool amdvi, const struct bench_scale *scale, struct bench_result *result)
{
	const struct measure_plan plan = { GUEST_PAGES, GUEST_PAGES, scale->rounds };
	struct host own, other = { .vm = NULL };
	struct books books = { .remove = remove };
	const struct contestant contestants[] = {
		{ remove ? "policy-remove" : "policy-keep", &own, NULL, assign_and_unassign },
		{ remove ? "policy-keep" : "policy-remove", &other, NULL, assign_and_unassign },
		{ "textbook", &books, NULL, book_in_and_out },
	};
	bool done = make_host(&own, amdvi, remove ? "13.0" : "13.1") &&
	    make_host(&other, amdvi, remove ? "13.1" : "13.0") && make_books(&books, remove);

	result->count = 3;
	done = done && measure(&plan, contestants, 3, result->series) == MEASURE_DONE;
	if (!done)
		rig_explain(own.rig.status != IOMMUSIM_OK ? &own.rig : &other.rig, result->text,
		    sizeof(result->text));
	rig_destroy(&own.rig);
	rig_destroy(&other.rig);
	textbook_destroy(&books.guest);
	textbook_destroy(&books.host);
	return done;
}

static bool run_keep(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	return compare_policies(false, benchmark->amdvi, scale, result);
}

static bool run_remove(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	return compare_policies(true, benchmark->amdvi, scale, result);
}

/* clang-format off */
/* Each is measured on both vendors' units. */
#define POLICY_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "policy-keep/" vendor,							\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "assign and unassign a device of a 1 GiB guest under 13.1",		\
	    .amdvi = is_amdvi,									\
	    .run = run_keep,									\
	},											\
	{											\
	    .name = "policy-remove/" vendor,							\
	    .unit = "ns/page",									\
	    .state = "warm",									\
	    .about = "the same under 13.0: guest pages leave the host domain and return",	\
	    .amdvi = is_amdvi,									\
	    .run = run_remove,									\
	}
/* clang-format on */

const struct benchmark policy_benchmarks[] = {
	POLICY_BENCHMARKS("vtd", false),
	POLICY_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
