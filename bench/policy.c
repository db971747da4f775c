/*
 * What the host-domain policy of a release costs: a guest's first device comes and its last one goes, with the guest's
 * pages kept in the host domain (13.1), removed from it and put back (13.0), or that and the host's I/O copied (bounce).
 */
#include <string.h>

#include "places.h"
#include "rig.h"
#include "textbook.h"

enum { GUEST_PAGES = 1 << 18, IO_PAGES = 16 };

struct host {
	struct rig rig;
	struct iommusim_vm *vm;
	struct iommusim_requester *disk; /* of the host's */
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
		.profile = profile, .amdvi = amdvi, .disk = true, .ram = UINT64_C(8) << 30
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

/* What each does with a guest's pages in the host domain. */
static const struct {
	const char *name;
	const char *profile;
	bool removes;
} policies[] = {
	{ "policy-keep", "13.1", false },
	{ "policy-remove", "13.0", true },
	{ "policy-bounce", "bounce", true },
};

enum { KEEP, REMOVE, BOUNCE, POLICIES };

/* Hosts of all policies, and the textbook's tables, in one place. */
struct contest {
	struct books books;
	struct host hosts[POLICIES];
	bool amdvi;
	bool removes; /* what the textbook does */
};

static bool make_contest(void *context)
{
	struct contest *contest = context;

	for (unsigned i = 0; i < POLICIES; i++)
		if (!make_host(&contest->hosts[i], contest->amdvi, policies[i].profile))
			return false;
	return make_books(&contest->books, contest->removes);
}

static void drop_contest(void *context)
{
	struct contest *contest = context;

	for (unsigned i = 0; i < POLICIES; i++)
		rig_destroy(&contest->hosts[i].rig);
	textbook_destroy(&contest->books.guest);
	textbook_destroy(&contest->books.host);
}

/* All of them in one run, number `first` as the value; the textbook does what that one does. */
static bool compare_policies(
    unsigned first, bool amdvi, const struct bench_scale *scale, struct bench_result *result)
{
	const struct measure_plan plan = { GUEST_PAGES, GUEST_PAGES, scale->rounds, false };
	struct contest contest = { .amdvi = amdvi, .removes = policies[first].removes };
	const struct bench_place place = {
		.context = &contest, .make = make_contest, .drop = drop_contest
	};
	struct contestant contestants[POLICIES + 1];
	bool done;

	for (unsigned i = 0; i < POLICIES; i++) {
		const unsigned which = (first + i) % POLICIES;

		contestants[i] = (struct contestant){ policies[which].name, &contest.hosts[which], NULL,
			assign_and_unassign };
	}
	contestants[POLICIES] =
	    (struct contestant){ "textbook", &contest.books, NULL, book_in_and_out };
	result->count = POLICIES + 1;
	done = bench_in_places(&plan, scale->places, &place, contestants, result);
	for (unsigned i = 0; i < POLICIES; i++)
		if (!done && contest.hosts[i].rig.status != IOMMUSIM_OK)
			rig_explain(&contest.hosts[i].rig, result->text, sizeof(result->text));
	drop_contest(&contest);
	return done;
}

static bool run_policy(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	return compare_policies((unsigned)benchmark->size, benchmark->amdvi, scale, result);
}

/* ---- I/O of the host's disk for the guest ---------------------------------------------------------------- */

/* A disk of the host reads 64 KiB into the guest, again and again: an operation is a page. */
static bool read_disk(void *context, uint64_t first, uint64_t count)
{
	struct host *host = context;
	uint64_t lost = 0;

	for (uint64_t page = first; page < first + count; page += IO_PAGES) {
		struct iommusim_dma_request request = { .kind = IOMMUSIM_DMA_WRITE };
		struct iommusim_dma_outcome outcome;
		struct iommusim_host_io io;
		const uint64_t length = (uint64_t)IO_PAGES << IOMMUSIM_PAGE_SHIFT;

		if (!rig_ok(&host->rig,
			iommusim_host_io_begin(
			    host->vm, page << IOMMUSIM_PAGE_SHIFT, length, true, &io)))
			return false;
		for (uint64_t at = 0; at < length; at += request.length) {
			iommusim_host_io_address(&io, at, &request.address, &request.length);
			lost += (uint64_t)iommusim_dma(host->disk, &request, &outcome, NULL, 0);
			lost += outcome.pages_faulted;
		}
		iommusim_host_io_end(&io, length);
	}
	return lost == 0;
}

static bool use_disk(struct host *host)
{
	return rig_ok(&host->rig, iommusim_vm_assign_pptdev(host->vm, 0, RIG_PPT_DEVICE)) &&
	    rig_ok(&host->rig,
		iommusim_requester_create(host->rig.machine, 0, RIG_DISK_DEVICE, &host->disk));
}

/* A host that copies, and one that does not. */
struct readers {
	struct host bounce, keep;
	bool amdvi;
};

static bool make_readers(void *context)
{
	struct readers *readers = context;

	return make_host(&readers->bounce, readers->amdvi, policies[BOUNCE].profile) &&
	    use_disk(&readers->bounce) &&
	    make_host(&readers->keep, readers->amdvi, policies[KEEP].profile) &&
	    use_disk(&readers->keep);
}

static void drop_readers(void *context)
{
	struct readers *readers = context;

	rig_destroy(&readers->bounce.rig);
	rig_destroy(&readers->keep.rig);
}

static bool run_host_io(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const uint64_t pages = UINT64_C(1) << (scale->quick ? 12 : 14);
	const struct measure_plan plan = { pages, pages, scale->rounds, false };
	struct readers readers = { .amdvi = benchmark->amdvi };
	const struct bench_place place = {
		.context = &readers, .make = make_readers, .drop = drop_readers
	};
	const struct contestant contestants[] = {
		{ "policy-bounce", &readers.bounce, NULL, read_disk },
		{ "policy-keep", &readers.keep, NULL, read_disk },
	};
	bool done;

	result->count = 2;
	done = bench_in_places(&plan, scale->places, &place, contestants, result);
	if (!done)
		rig_explain(
		    readers.bounce.rig.status != IOMMUSIM_OK ? &readers.bounce.rig : &readers.keep.rig,
		    result->text, sizeof(result->text));
	drop_readers(&readers);
	return done;
}

/* clang-format off */
/* Each is measured on both vendors' units. */
#define POLICY_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "policy-keep/" vendor, .unit = "ns/page", .state = "warm",			\
	    .about = "assign and unassign a device of a 1 GiB guest under 13.1",		\
	    .amdvi = is_amdvi, .size = KEEP, .run = run_policy,					\
	},											\
	{											\
	    .name = "policy-remove/" vendor, .unit = "ns/page", .state = "warm",		\
	    .about = "the same under 13.0: guest pages leave the host domain and return",	\
	    .amdvi = is_amdvi, .size = REMOVE, .run = run_policy,				\
	},											\
	{											\
	    .name = "policy-bounce/" vendor, .unit = "ns/page", .state = "warm",		\
	    .about = "the same under bounce; what is copied for I/O is host-io-bounce",		\
	    .amdvi = is_amdvi, .size = BOUNCE, .run = run_policy,				\
	},											\
	{											\
	    .name = "host-io-bounce/" vendor, .unit = "ns/page", .state = "warm",		\
	    .about = "a host disk reads 64 KiB into a guest, through a buffer and a copy",	\
	    .amdvi = is_amdvi, .run = run_host_io,						\
	}
/* clang-format on */

const struct benchmark policy_benchmarks[] = {
	POLICY_BENCHMARKS("vtd", false),
	POLICY_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
