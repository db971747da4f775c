/* Translation through iommusim_dma(): hits, misses, two threads. Requests of 4 bytes that move no data. */
#include <pthread.h>
#include <string.h>

#include "bench.h"
#include "pin.h"
#include "rig.h"
#include "textbook.h"

#define PAGE_SHIFT IOMMUSIM_PAGE_SHIFT

enum { MAPPED_PAGES = 1 << 18, HOT_PAGES = 64, SLICE = 4096, THREAD_SLICE = 1 << 20 };

#define FIRST_DEVICE  IOMMUSIM_RID(8, 0, 0)
#define SECOND_DEVICE IOMMUSIM_RID(9, 0, 0)

typedef bool empty_call(void *context, uint64_t address, uint64_t physical, uint64_t length);

/* 1 GiB mapped to scattered host pages, twice: in a domain with two devices, and in a textbook. */
struct field {
	struct rig rig;
	struct textbook book;
	struct iommusim_requester *requesters[2];
	empty_call *volatile nothing;
	uint64_t pages; /* that are asked for, a power of two */
};

/* Pages in no order that a prefetcher could guess; the same in every run. */
static inline uint64_t next_address(uint64_t *random, uint64_t pages)
{
	*random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*random >> 33 & (pages - 1)) << PAGE_SHIFT;
}

/* ---- contestants ------------------------------------------------------------------------------- */

/* Each starts its sequence of pages from a number, so that all ask for the same ones. */

static bool translate_many(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count)
{
	struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_dma_outcome outcome;
	uint64_t random = seed, lost = 0;

	for (uint64_t i = 0; i < count; i++) {
		request.address = next_address(&random, field->pages);
		lost += (uint64_t)iommusim_dma(requester, &request, &outcome, NULL, 0);
		lost += outcome.pages_faulted;
	}
	return lost == 0;
}

static bool book_many(const struct field *field, uint64_t seed, uint64_t count)
{
	uint64_t random = seed, physical, missed = 0;

	for (uint64_t i = 0; i < count; i++)
		missed += !textbook_translate(
		    &field->book, next_address(&random, field->pages), TEXTBOOK_READ, &physical);
	return missed == 0;
}

static bool ours(void *context, uint64_t first, uint64_t count)
{
	const struct field *field = context;

	return translate_many(field, field->requesters[0], first, count);
}

static bool book(void *context, uint64_t first, uint64_t count)
{
	return book_many(context, first, count);
}

static bool book_locked(void *context, uint64_t first, uint64_t count)
{
	struct field *field = context;
	uint64_t random = first, physical, missed = 0;

	for (uint64_t i = 0; i < count; i++)
		missed += !textbook_translate_locked(
		    &field->book, next_address(&random, field->pages), TEXTBOOK_READ, &physical);
	return missed == 0;
}

static bool call_nothing(void *context, uint64_t first, uint64_t count)
{
	struct field *field = context;
	uint64_t random = first, failed = 0;

	for (uint64_t i = 0; i < count; i++)
		failed += !field->nothing(field, next_address(&random, field->pages), 0, 4);
	return failed == 0;
}

/* ---- the second thread ------------------------------------------------------------------------- */

/* A thread that sleeps until it is given work. */
struct helper {
	struct field *field;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t work; /* translations to do; 0: none */
	bool with_book;
	bool good;
	bool stop;
};

static bool do_share(
    const struct field *field, bool with_book, unsigned requester, uint64_t seed, uint64_t count)
{
	return with_book ? book_many(field, seed, count)
			 : translate_many(field, field->requesters[requester], seed, count);
}

static void *help(void *context)
{
	struct helper *helper = context;

	pin_thread(1);
	pthread_mutex_lock(&helper->lock);
	while (!helper->stop) {
		const uint64_t work = helper->work;
		const bool with_book = helper->with_book;
		bool good;

		if (work == 0) {
			pthread_cond_wait(&helper->changed, &helper->lock);
			continue;
		}
		pthread_mutex_unlock(&helper->lock);
		good = do_share(helper->field, with_book, 1, 1, work);
		pthread_mutex_lock(&helper->lock);
		helper->good &= good;
		helper->work = 0;
		pthread_cond_broadcast(&helper->changed);
	}
	pthread_mutex_unlock(&helper->lock);
	return NULL;
}

static bool share_work(struct helper *helper, bool with_book, uint64_t count)
{
	bool good;

	pthread_mutex_lock(&helper->lock);
	helper->work = count / 2;
	helper->with_book = with_book;
	pthread_cond_broadcast(&helper->changed);
	pthread_mutex_unlock(&helper->lock);
	good = do_share(helper->field, with_book, 0, 2, count - count / 2);
	pthread_mutex_lock(&helper->lock);
	while (helper->work != 0)
		pthread_cond_wait(&helper->changed, &helper->lock);
	good = good && helper->good;
	pthread_mutex_unlock(&helper->lock);
	return good;
}

static bool two_threads(void *context, uint64_t first, uint64_t count)
{
	(void)first;
	return share_work(context, false, count);
}

static bool one_thread(void *context, uint64_t first, uint64_t count)
{
	struct helper *helper = context;

	(void)first;
	return do_share(helper->field, false, 0, 2, count);
}

static bool book_two_threads(void *context, uint64_t first, uint64_t count)
{
	(void)first;
	return share_work(context, true, count);
}

static bool book_one_thread(void *context, uint64_t first, uint64_t count)
{
	struct helper *helper = context;

	(void)first;
	return do_share(helper->field, true, 0, 2, count);
}

static bool start_helper(struct helper *helper, struct field *field)
{
	memset(helper, 0, sizeof(*helper));
	helper->field = field;
	helper->good = true;
	pthread_mutex_init(&helper->lock, NULL);
	pthread_cond_init(&helper->changed, NULL);
	return pthread_create(&helper->thread, NULL, help, helper) == 0;
}

static void stop_helper(struct helper *helper)
{
	pthread_mutex_lock(&helper->lock);
	helper->stop = true;
	pthread_cond_broadcast(&helper->changed);
	pthread_mutex_unlock(&helper->lock);
	pthread_join(helper->thread, NULL);
	pthread_cond_destroy(&helper->changed);
	pthread_mutex_destroy(&helper->lock);
}

/* ---- benchmarks ----------------------------------------------------------------------------------- */

static bool map_both(struct field *field, struct iommusim_domain *domain)
{
	for (uint64_t page = 0; page < MAPPED_PAGES; page++) {
		const uint64_t address = page << PAGE_SHIFT, host = rig_scattered(page, MAPPED_PAGES);

		if (!rig_ok(&field->rig,
			iommusim_iommu_create_mapping(
			    field->rig.vmm, domain, address, host, IOMMUSIM_PAGE_SIZE)) ||
		    !textbook_map(&field->book, address, host, TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	}
	return true;
}

static bool make_field(
    struct field *field, bool amdvi, enum iommusim_cache_policy cache, uint64_t pages)
{
	const struct rig_config config = {
		.profile = "reference", .amdvi = amdvi, .cache = cache, .ram = UINT64_C(8) << 30
	};
	static const uint16_t devices[2] = { FIRST_DEVICE, SECOND_DEVICE };
	struct iommusim_domain *domain;
	struct rig *rig = &field->rig;

	memset(field, 0, sizeof(*field));
	field->pages = pages;
	field->nothing = textbook_nothing;
	if (!rig_create(rig, &config) || !textbook_create(&field->book) ||
	    !rig_ok(rig, iommusim_iommu_create_domain(rig->vmm, RIG_DOMAIN_SIZE, &domain)) ||
	    !map_both(field, domain))
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (!rig_ok(rig, iommusim_iommu_add_device(rig->vmm, domain, 0, devices[i])) ||
		    !rig_ok(rig,
			iommusim_requester_create(rig->machine, 0, devices[i], &field->requesters[i])))
			return false;
	return true;
}

static bool end_field(struct field *field, bool done, struct bench_result *result)
{
	if (!done && field->rig.status == IOMMUSIM_OK)
		snprintf(result->text, sizeof(result->text),
		    "a translation failed, or was not answered from where it should");
	else if (!done)
		rig_explain(&field->rig, result->text, sizeof(result->text));
	rig_destroy(&field->rig);
	textbook_destroy(&field->book);
	return done;
}

/* Did the caches answer as the benchmark's name says? A few first uses of a page are no hits. */
static bool caches_as_named(const struct field *field, bool hits)
{
	struct iommusim_requester_counters counters;

	iommusim_requester_counters(field->requesters[0], &counters);
	return hits ? counters.pages - counters.cached_pages <= HOT_PAGES : counters.cached_pages == 0;
}

static bool run_alone(bool amdvi, enum iommusim_cache_policy cache, uint64_t pages, const char *name,
    const struct bench_scale *scale, struct bench_result *result)
{
	struct field field;
	const struct contestant contestants[] = {
		{ name, &field, NULL, ours },
		{ "textbook", &field, NULL, book },
		{ "textbook-mutex", &field, NULL, book_locked },
		{ "call", &field, NULL, call_nothing },
	};
	const struct measure_plan plan = { UINT64_C(1) << (scale->quick ? 18 : 20), SLICE,
		scale->rounds };
	bool done = make_field(&field, amdvi, cache, pages);

	result->count = 4;
	done = done && measure(&plan, contestants, 4, result->series) == MEASURE_DONE &&
	    caches_as_named(&field, cache != IOMMUSIM_CACHE_NONE);
	return end_field(&field, done, result);
}

static bool run_hit(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	return run_alone(
	    benchmark->amdvi, IOMMUSIM_CACHE_HOARD, HOT_PAGES, "translate-hit", scale, result);
}

static bool run_miss(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	return run_alone(
	    benchmark->amdvi, IOMMUSIM_CACHE_NONE, MAPPED_PAGES, "translate-miss", scale, result);
}

static bool two_processors(void)
{
	const bool there = pin_thread(1) && pin_thread(0);

	unpin_thread();
	return there;
}

/* The textbook's tables are only read here: how it fares shows what the machine has to give. */
static bool run_threads(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const struct measure_plan plan = { UINT64_C(1) << (scale->quick ? 21 : 23), THREAD_SLICE,
		scale->rounds };
	struct field field;
	struct helper helper;
	const struct contestant contestants[] = {
		{ "threads-translate", &helper, NULL, two_threads },
		{ "one-thread", &helper, NULL, one_thread },
		{ "textbook", &helper, NULL, book_one_thread },
		{ "textbook-threads", &helper, NULL, book_two_threads },
	};
	bool done;

	if (!two_processors()) {
		result->skipped = true;
		snprintf(result->text, sizeof(result->text), "it needs two processors");
		return true;
	}
	done = make_field(&field, benchmark->amdvi, IOMMUSIM_CACHE_HOARD, HOT_PAGES);
	if (done && start_helper(&helper, &field)) {
		pin_thread(0);
		result->count = 4;
		done = measure(&plan, contestants, 4, result->series) == MEASURE_DONE;
		stop_helper(&helper);
		unpin_thread();
	} else {
		done = false;
	}
	return end_field(&field, done, result);
}

/* clang-format off */
/* Each is measured on both vendors' units. */
#define TRANSLATE_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "translate-hit/" vendor,							\
	    .unit = "ns",									\
	    .state = "warm",									\
	    .about = "64 hot pages, cache hoard",						\
	    .targets = { { NULL, 3.0, "<= 3.0 ns" } },						\
	    .amdvi = is_amdvi,									\
	    .run = run_hit,									\
	},											\
	{											\
	    .name = "translate-miss/" vendor,							\
	    .unit = "ns",									\
	    .state = "warm",									\
	    .about = "random over 1 GiB, cache none",						\
	    .targets = { { NULL, 6.0, "<= 6 ns" } },						\
	    .amdvi = is_amdvi,									\
	    .run = run_miss,									\
	}
/* clang-format on */

const struct benchmark translate_benchmarks[] = {
	TRANSLATE_BENCHMARKS("vtd", false),
	TRANSLATE_BENCHMARKS("amdvi", true),
	{
	    .name = "threads-translate",
	    .unit = "ns",
	    .state = "warm",
	    .about = "translate-hit by two threads at once, time over all translations",
	    .targets = { { "one-thread", 1.8, ">= 1.8x one thread" } },
	    .run = run_threads,
	},
	{ .name = NULL },
};
