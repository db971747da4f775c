/*
 * Generated walks against the oracle: real requests under every cache policy, twice each so that the
 * second may be answered by a cache, and the walk that explains them. With the invalidations that
 * software owes, caches never show.
 */
#include "world.h"

#define WORLDS   400u
#define CHANGES  20u
#define REQUESTS 12u

_Static_assert(4 * WORLDS * CHANGES * REQUESTS >= 100000, "at least 100,000 walks");

/*
 * Address overflow and missing rights are no faults of a translation request: it is answered with the
 * rights there are (Table 30). What such an answer holds is not looked at here. Nor is there a rule
 * for one that gets a large page across the interrupt range when its own address ends beside it.
 */
static bool answered_in_words(const struct oracle_request *request, const struct oracle_answer *answer)
{
	const uint64_t first = answer->physical >> answer->shift << answer->shift;
	const uint64_t last = first + (BIT(answer->shift) - 1);

	if (request->address_type != 1)
		return false;
	if (answer->reason == 0)
		return answer->shift > 12 && first <= 0xfeefffff && last >= 0xfee00000;
	return answer->reason == 4 || answer->reason == 5 || answer->reason == 6;
}

/* Is `page` what the oracle says? */
static bool agrees(const struct iommusim_dma_page *page, const struct oracle_request *request,
    const struct oracle_answer *answer)
{
	const unsigned reason = page->fault.reason;

	if (answered_in_words(request, answer))
		return true;
	if (page->faulted != answer->blocked || page->fault.suppressed != answer->suppressed)
		return false;
	if (answer->either ? reason != 5 && reason != 6 : reason != answer->reason)
		return false;
	if (answer->blocked)
		return true;
	if (page->physical != answer->physical || page->interrupt != answer->interrupt)
		return false;
	return answer->beside || (page->page_shift == answer->shift && page->domain == answer->domain);
}

static bool walk_agrees(const struct iommusim_walk *walk, const struct oracle_request *request,
    const struct oracle_answer *answer)
{
	if (!agrees(&walk->result, request, answer))
		return false;
	if (answer->beside)
		return walk->step_count == 0;
	if (walk->step_count != answer->reads || walk->levels != answer->levels)
		return false;
	return answer->reads <= 2 || (walk->read_right + 2u * walk->write_right) == answer->rights;
}

static void check_request(struct world *world)
{
	unsigned device;
	const struct oracle_request request = world_request(world, &device);
	const struct iommusim_dma_request dma = world_dma(&request);
	const struct oracle_answer answer = oracle_ask(&world->oracle, &request);
	struct iommusim_requester *requester = world->devices[device].requester;
	struct iommusim_dma_outcome outcome;
	struct iommusim_walk walk;

	for (unsigned time = 0; time < 2; time++) {
		assert_int_equal(iommusim_dma(requester, &dma, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.page_count, 1);
		if (!agrees(&outcome.page, &request, &answer)) {
			world_dump(world, device, &request);
			fail_msg("%s request: reason %Xh, physical 0x%llx, cached %d",
			    time == 0 ? "first" : "second", outcome.page.fault.reason,
			    (unsigned long long)outcome.page.physical, outcome.page.cached);
		}
	}
	assert_int_equal(iommusim_walk(requester, &dma, &walk), IOMMUSIM_OK);
	if (!walk_agrees(&walk, &request, &answer)) {
		world_dump(world, device, &request);
		fail_msg("the explained walk, %u steps", walk.step_count);
	}
}

static void check_policy(enum iommusim_cache_policy policy)
{
	const uint64_t seed = random_seed();
	static struct world world;

	for (unsigned number = 0; number < WORLDS; number++) {
		world_start(&world, seed, number * 4 + policy, policy);
		for (unsigned change = 0; change < CHANGES; change++) {
			for (unsigned i = 0; i < REQUESTS; i++)
				check_request(&world);
			world_change(&world);
		}
		world_stop(&world);
	}
}

static void walks_without_caches_are_what_the_oracle_says(void **state)
{
	(void)state;
	check_policy(IOMMUSIM_CACHE_NONE);
}

static void hoarding_never_shows_when_everything_was_invalidated(void **state)
{
	(void)state;
	check_policy(IOMMUSIM_CACHE_HOARD);
}

static void a_small_cache_never_shows_when_everything_was_invalidated(void **state)
{
	(void)state;
	check_policy(IOMMUSIM_CACHE_SIZED);
}

static void a_contrary_cache_never_shows_when_everything_was_invalidated(void **state)
{
	(void)state;
	check_policy(IOMMUSIM_CACHE_ADVERSE);
}

#define SHUFFLED 24u

/* A batch of requests, and what became of each. */
struct batch {
	struct oracle_request request[SHUFFLED];
	unsigned device[SHUFFLED];
	struct iommusim_dma_page page[SHUFFLED];
};

static void run(struct world *world, struct batch *batch, const unsigned *order)
{
	for (unsigned i = 0; i < SHUFFLED; i++) {
		const unsigned n = order[i];
		const struct iommusim_dma_request dma = world_dma(&batch->request[n]);
		struct iommusim_dma_outcome outcome;

		assert_int_equal(
		    iommusim_dma(world->devices[batch->device[n]].requester, &dma, &outcome, NULL, 0),
		    IOMMUSIM_OK);
		batch->page[n] = outcome.page;
	}
}

static bool same(const struct iommusim_dma_page *a, const struct iommusim_dma_page *b)
{
	if (a->faulted != b->faulted || a->fault.reason != b->fault.reason ||
	    a->fault.suppressed != b->fault.suppressed)
		return false;
	return a->faulted || (a->physical == b->physical && a->page_shift == b->page_shift);
}

static void shuffle(struct world *world, unsigned *order)
{
	for (unsigned i = SHUFFLED - 1; i > 0; i--) {
		const unsigned other = (unsigned)random_below(&world->random, i + 1);
		const unsigned moved = order[i];

		order[i] = order[other];
		order[other] = moved;
	}
}

/* What came before warms caches, and must change nothing else. */
static void the_order_of_requests_changes_nothing(void **state)
{
	static struct batch first, second;
	static struct world world;

	(void)state;
	for (unsigned number = 0; number < 200; number++) {
		unsigned order[SHUFFLED];

		world_start(
		    &world, random_seed(), 1000000 + number, (enum iommusim_cache_policy)(number % 4));
		for (unsigned i = 0; i < SHUFFLED; i++) {
			order[i] = i;
			first.request[i] = world_request(&world, &first.device[i]);
		}
		second = first;
		run(&world, &first, order);
		if (number % 8 < 4)
			world_invalidate(&world);
		shuffle(&world, order);
		run(&world, &second, order);
		for (unsigned i = 0; i < SHUFFLED; i++) {
			if (same(&first.page[i], &second.page[i]))
				continue;
			world_dump(&world, first.device[i], &first.request[i]);
			fail_msg("request %u of case %u in another order", i, number);
		}
		world_stop(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_without_caches_are_what_the_oracle_says),
		cmocka_unit_test(hoarding_never_shows_when_everything_was_invalidated),
		cmocka_unit_test(a_small_cache_never_shows_when_everything_was_invalidated),
		cmocka_unit_test(a_contrary_cache_never_shows_when_everything_was_invalidated),
		cmocka_unit_test(the_order_of_requests_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
