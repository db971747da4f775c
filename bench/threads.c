/* Two threads: both translating, or one translating while the other maps and unmaps. */
#include <pthread.h>
#include <string.h>

#include "field.h"
#include "pin.h"
#include "places.h"

enum { THREAD_SLICE = 1 << 20 };

/* What the second thread does. */
enum work { WORK_NONE, WORK_TRANSLATE, WORK_BOOK, WORK_MAP, WORK_BOOK_MAP };

/* The mapper's part of the domain begins where the reader's ends. */
#define MAPPED_FROM (FIELD_PAGES << IOMMUSIM_PAGE_SHIFT)
enum { MAPPED_PAGES = 1 << 12 };

/* A thread that sleeps until it is given work. */
struct helper {
	struct field *field;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum work work;
	uint64_t count; /* translations to do; a mapper goes on until it is told */
	volatile bool enough;
	bool good;
	bool stop;
};

/* ---- the second thread ----------------------------------------------------------------------------------- */

static bool map_once(struct helper *helper, uint64_t page)
{
	struct rig *rig = &helper->field->rig;
	const uint64_t address = MAPPED_FROM + (page << IOMMUSIM_PAGE_SHIFT);

	if (helper->work == WORK_BOOK_MAP)
		return textbook_map_locked(&helper->field->book, address,
			   rig_scattered(page, MAPPED_PAGES), TEXTBOOK_READ | TEXTBOOK_WRITE) &&
		    textbook_unmap_locked(&helper->field->book, address);
	return rig_ok(rig,
		   iommusim_iommu_create_mapping(rig->vmm, helper->field->domain, address,
		       rig_scattered(page, MAPPED_PAGES), IOMMUSIM_PAGE_SIZE)) &&
	    rig_ok(rig,
		iommusim_iommu_remove_mapping(
		    rig->vmm, helper->field->domain, address, IOMMUSIM_PAGE_SIZE));
}

static bool map_until_enough(struct helper *helper)
{
	bool good = true;

	for (uint64_t page = 0; good && !__atomic_load_n(&helper->enough, __ATOMIC_RELAXED); page++)
		good = map_once(helper, page % MAPPED_PAGES);
	return good;
}

static bool do_work(struct helper *helper)
{
	switch (helper->work) {
	case WORK_TRANSLATE:
		return field_translate(helper->field, helper->field->requesters[1], 1, helper->count);
	case WORK_BOOK:
		return field_book_translate(helper->field, 1, helper->count);
	case WORK_MAP:
	case WORK_BOOK_MAP:
		return map_until_enough(helper);
	case WORK_NONE:
		break;
	}
	return true;
}

static void *help(void *context)
{
	struct helper *helper = context;

	pin_thread(1);
	pthread_mutex_lock(&helper->lock);
	while (!helper->stop) {
		bool good;

		if (helper->work == WORK_NONE) {
			pthread_cond_wait(&helper->changed, &helper->lock);
			continue;
		}
		pthread_mutex_unlock(&helper->lock);
		good = do_work(helper);
		pthread_mutex_lock(&helper->lock);
		helper->good &= good;
		helper->work = WORK_NONE;
		pthread_cond_broadcast(&helper->changed);
	}
	pthread_mutex_unlock(&helper->lock);
	return NULL;
}

static void give_work(struct helper *helper, enum work work, uint64_t count)
{
	pthread_mutex_lock(&helper->lock);
	helper->work = work;
	helper->count = count;
	helper->enough = false;
	pthread_cond_broadcast(&helper->changed);
	pthread_mutex_unlock(&helper->lock);
}

static bool wait_for_work(struct helper *helper)
{
	bool good;

	__atomic_store_n(&helper->enough, true, __ATOMIC_RELAXED);
	pthread_mutex_lock(&helper->lock);
	while (helper->work != WORK_NONE)
		pthread_cond_wait(&helper->changed, &helper->lock);
	good = helper->good;
	pthread_mutex_unlock(&helper->lock);
	return good;
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

/* ---- contestants: `context` is a helper ------------------------------------------------------------------- */

static bool translate(const struct helper *helper, uint64_t count)
{
	return field_translate(helper->field, helper->field->requesters[0], 2, count);
}

static bool two_threads(void *context, uint64_t first, uint64_t count)
{
	struct helper *helper = context;
	bool good;

	(void)first;
	give_work(helper, WORK_TRANSLATE, count / 2);
	good = translate(helper, count - count / 2);
	return wait_for_work(helper) && good;
}

static bool one_thread(void *context, uint64_t first, uint64_t count)
{
	(void)first;
	return translate(context, count);
}

static bool book_two_threads(void *context, uint64_t first, uint64_t count)
{
	struct helper *helper = context;
	bool good;

	(void)first;
	give_work(helper, WORK_BOOK, count / 2);
	good = field_book_translate(helper->field, 2, count - count / 2);
	return wait_for_work(helper) && good;
}

static bool book_one_thread(void *context, uint64_t first, uint64_t count)
{
	struct helper *helper = context;

	(void)first;
	return field_book_translate(helper->field, 2, count);
}

static bool beside_mapper(void *context, uint64_t first, uint64_t count)
{
	struct helper *helper = context;
	bool good;

	(void)first;
	give_work(helper, WORK_MAP, 0);
	good = translate(helper, count);
	return wait_for_work(helper) && good;
}

static bool book_locked(struct field *field, uint64_t count)
{
	uint64_t random = 2, physical, missed = 0;

	for (uint64_t i = 0; i < count; i++)
		missed += !textbook_translate_locked(
		    &field->book, field_address(field, &random), TEXTBOOK_READ, &physical);
	return missed == 0;
}

static bool book_beside_mapper(void *context, uint64_t first, uint64_t count)
{
	struct helper *helper = context;
	bool good;

	(void)first;
	give_work(helper, WORK_BOOK_MAP, 0);
	good = book_locked(helper->field, count);
	return wait_for_work(helper) && good;
}

/* ---- benchmarks --------------------------------------------------------------------------------------------- */

static bool two_processors(void)
{
	const bool there = pin_thread(1) && pin_thread(0);

	unpin_thread();
	return there;
}

/* A field and who helps on it, in one place. */
struct helped {
	struct field field;
	const struct field_plan *plan;
	struct helper helper;
	bool started;
};

static bool make_helped(void *context)
{
	struct helped *helped = context;

	if (!field_create(&helped->field, helped->plan))
		return false;
	helped->started = start_helper(&helped->helper, &helped->field);
	pin_thread(0);
	return helped->started;
}

static void drop_helped(void *context)
{
	struct helped *helped = context;

	if (helped->started)
		stop_helper(&helped->helper);
	helped->started = false;
	unpin_thread();
	field_destroy(&helped->field);
}

static bool run_with_helper(const struct contestant *contestants, unsigned count,
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	const struct measure_plan rounds = { UINT64_C(1) << (scale->quick ? 20 : 23), THREAD_SLICE,
		scale->rounds, true };
	const struct field_plan plan = { .rig = { .profile = "reference",
					     .amdvi = benchmark->amdvi,
					     .cache = IOMMUSIM_CACHE_HOARD,
					     .ram = UINT64_C(8) << 30 },
		.pages = FIELD_HOT_PAGES };
	struct helped helped = { .plan = &plan };
	const struct bench_place place = {
		.context = &helped, .make = make_helped, .drop = drop_helped
	};
	struct contestant own[BENCH_SERIES];
	bool done;

	if (!two_processors())
		return bench_skip(result, "it needs two processors");
	for (unsigned i = 0; i < count; i++) {
		own[i] = contestants[i];
		own[i].context = &helped.helper;
	}
	result->count = count;
	done = bench_in_places(&rounds, scale->places, &place, own, result);
	if (!done && helped.started)
		stop_helper(&helped.helper);
	unpin_thread();
	return field_end(&helped.field, done, result);
}

/* The textbook's tables are only read here: how it fares shows what the machine has to give. */
static bool run_threads(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "threads-translate", .run = two_threads },
		{ .name = "one-thread", .run = one_thread },
		{ .name = "textbook", .run = book_one_thread },
		{ .name = "textbook-threads", .run = book_two_threads },
	};

	return run_with_helper(contestants, 4, benchmark, scale, result);
}

static bool run_reader(
    const struct benchmark *benchmark, const struct bench_scale *scale, struct bench_result *result)
{
	static const struct contestant contestants[] = {
		{ .name = "reader-beside-mapper", .run = beside_mapper },
		{ .name = "reader-alone", .run = one_thread },
		{ .name = "textbook-mutex", .run = book_beside_mapper },
	};

	return run_with_helper(contestants, 3, benchmark, scale, result);
}

/* clang-format off */
#define THREAD_BENCHMARKS(vendor, is_amdvi)							\
	{											\
	    .name = "threads-translate/" vendor, .unit = "ns", .state = "warm",			\
	    .about = "translate-hit by two threads at once, time over all translations",	\
	    .targets = { { "one-thread", 1.8, ">= 1.8x one thread" } },				\
	    .amdvi = is_amdvi, .run = run_threads,						\
	},											\
	{											\
	    .name = "reader-beside-mapper/" vendor, .unit = "ns", .state = "warm",		\
	    .about = "translate-hit while another thread maps and unmaps in the domain",	\
	    .targets = { { "reader-alone", 1 / 1.05, "<= 1.05x alone" } },			\
	    .amdvi = is_amdvi, .run = run_reader,						\
	}
/* clang-format on */

const struct benchmark thread_benchmarks[] = {
	THREAD_BENCHMARKS("vtd", false),
	THREAD_BENCHMARKS("amdvi", true),
	{ .name = NULL },
};
