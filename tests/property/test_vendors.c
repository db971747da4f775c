/*
 * The same story on four kinds of tables: VT-d's second and first stage, AMD-Vi's host (v1) and guest (v2) tables.
 * Random mappings, unmappings, invalidations, devices that change domains and DMA must come out the same: every
 * status, every verdict, every physical address. A story that does not is shrunk to the steps that matter.
 */
#include "property/random.h"
#include "x86_backend.h"

#define STEPS     48u
#define CASES     100u
#define DEVICES   3u  /* all under one unit, on every kind */
#define DOMAINS   3u  /* [0] is the host's */
#define SMALLEST  12u /* steps that a shrunk story may have in the test of shrinking itself */
#define FREE_HOST UINT64_C(0x3000000) /* host memory where no tables are: 4096 pages from here */

enum step_kind { STEP_MAP, STEP_UNMAP, STEP_INVALIDATE, STEP_MOVE, STEP_RENEW, STEP_DMA };

struct step {
	enum step_kind kind;
	uint8_t device;
	uint8_t domain;
	uint8_t count; /* pages */
	uint8_t dma;   /* enum iommusim_dma_kind */
	uint64_t address;
	uint64_t host;
	uint64_t length;
};

struct tale {
	struct step steps[STEPS];
	unsigned count;
	enum iommusim_cache_policy cache;
};

/* What came of a step. */
struct came {
	enum iommusim_status status;
	enum iommusim_verdict verdict;
	uint64_t physical; /* of the page that decides; 0 when it faulted */
	uint64_t pages;    /* with that verdict */
};

enum kind { VTD_SECOND, VTD_FIRST, AMD_HOST, AMD_GUEST, KINDS };

static const char *const kind_names[KINDS] = { "VT-d second stage", "VT-d first stage", "AMD-Vi v1",
	"AMD-Vi v2" };

static const uint16_t rids[DEVICES] = { HOST_AHCI, HOST_PPT1, HOST_PPT2 };

/* One contestant under way. */
struct player {
	struct host host;
	struct x86_backend x86;
	struct iommusim_domain *domains[DOMAINS];
	struct iommusim_domain *home[DEVICES]; /* by what the story did: NULL is nowhere */
};

/* ---- stories -------------------------------------------------------------------------------------- */

/* Few places, so that steps meet; also across the ends of tables of each level, and the host's own pages. */
static uint64_t random_address(struct random *random)
{
	static const uint64_t places[] = { FREE_HOST, 0x31fe000, 0x3ffff000, 0x3fffffc000 };

	return places[random_below(random, sizeof(places) / sizeof(*places))] +
	    random_below(random, 4) * PAGE;
}

static struct step random_step(struct random *random)
{
	static const enum step_kind kinds[] = { STEP_MAP, STEP_MAP, STEP_MAP, STEP_UNMAP, STEP_UNMAP,
		STEP_INVALIDATE, STEP_MOVE, STEP_DMA, STEP_DMA, STEP_DMA, STEP_DMA, STEP_DMA, STEP_DMA,
		STEP_DMA };
	struct step step = {
		.kind = kinds[random_below(random, sizeof(kinds) / sizeof(*kinds))],
		.device = (uint8_t)random_below(random, DEVICES),
		.domain = (uint8_t)random_below(random, DOMAINS),
		.count = (uint8_t)(1 + random_below(random, 4)),
		.dma = (uint8_t)random_below(random, 3),
		.address = random_address(random),
		.host = FREE_HOST + random_below(random, 64) * PAGE,
		.length = 1 + random_below(random, 3 * PAGE),
	};

	if (step.kind == STEP_MOVE && random_chance(random, 20))
		step.kind = STEP_RENEW;
	if (step.kind == STEP_DMA)
		step.address += random_below(random, PAGE);
	return step;
}

static struct tale random_tale(uint64_t seed, uint64_t number)
{
	struct random random = random_of_case(seed, number);
	struct tale tale = { .count = STEPS };

	tale.cache = random_chance(&random, 75) ? IOMMUSIM_CACHE_HOARD : IOMMUSIM_CACHE_NONE;
	for (unsigned i = 0; i < STEPS; i++)
		tale.steps[i] = random_step(&random);
	return tale;
}

/* ---- playing one ------------------------------------------------------------------------------------ */

static void sit_down(
    struct player *player, enum kind kind, enum iommusim_cache_policy cache, bool forgetful)
{
	struct host_setup setup = { .checked = true,
		.settings = { .cache = cache, .drop_invalidations = forgetful } };

	memset(player, 0, sizeof(*player));
	setup.amdvi = kind == AMD_HOST;
	if (kind == VTD_FIRST || kind == AMD_GUEST) {
		setup.no_table = setup.no_units = true;
		x86_backend_init(&player->x86, kind == AMD_GUEST);
		setup.ops = &player->x86.ops;
		setup.ops_context = &player->x86;
	}
	host_start(&player->host, &setup);
	if (setup.ops != NULL)
		x86_backend_attach(&player->x86, &player->host, &setup.settings);
	host_init(&player->host);
	player->domains[0] = iommusim_host_domain(player->host.vmm);
	for (unsigned i = 1; i < DOMAINS; i++)
		assert_ok(iommusim_iommu_create_domain(
		    player->host.vmm, UINT64_C(1) << 40, &player->domains[i]));
	player->home[0] = player->domains[0];
}

static void stand_up(struct player *player)
{
	for (unsigned i = 1; i < DOMAINS; i++)
		assert_ok(iommusim_iommu_destroy_domain(player->host.vmm, player->domains[i]));
	assert_ok(iommusim_vmm_unload(player->host.vmm));
	host_stop(&player->host);
}

/* VT-d's backend flushes all domains whatever it is asked, AMD-Vi's one: all of them it shall be. */
static enum iommusim_status invalidate(struct player *player)
{
	enum iommusim_status status = IOMMUSIM_OK;

	for (unsigned i = 0; i < DOMAINS && status == IOMMUSIM_OK; i++)
		status = iommusim_iommu_invalidate_tlb(player->host.vmm, player->domains[i]);
	return status;
}

/* A device leaves the domain it is in, or joins one. */
static enum iommusim_status move(struct player *player, unsigned device, unsigned domain)
{
	struct iommusim_domain **home = &player->home[device];
	enum iommusim_status status;

	if (*home != NULL) {
		status = iommusim_iommu_remove_device(player->host.vmm, *home, 0, rids[device]);
		*home = NULL;
	} else {
		*home = player->domains[domain];
		status = iommusim_iommu_add_device(player->host.vmm, *home, 0, rids[device]);
	}
	return status == IOMMUSIM_OK ? invalidate(player) : status;
}

/* A domain is destroyed, and another one takes its place. */
static enum iommusim_status renew(struct player *player, unsigned domain)
{
	enum iommusim_status status = invalidate(player);

	if (domain == 0)
		return status;
	for (unsigned i = 0; i < DEVICES && status == IOMMUSIM_OK; i++)
		if (player->home[i] == player->domains[domain])
			status = move(player, i, domain);
	if (status == IOMMUSIM_OK)
		status = iommusim_iommu_destroy_domain(player->host.vmm, player->domains[domain]);
	if (status == IOMMUSIM_OK)
		status = iommusim_iommu_create_domain(
		    player->host.vmm, UINT64_C(1) << 40, &player->domains[domain]);
	return status == IOMMUSIM_OK ? invalidate(player) : status;
}

static struct came dma(struct player *player, const struct step *step)
{
	struct iommusim_requester *const devices[DEVICES] = { player->host.ahci, player->host.ppt1,
		player->host.ppt2 };
	const struct iommusim_dma_request request = {
		.address = step->address,
		.length = step->length,
		.kind = (enum iommusim_dma_kind)step->dma,
	};
	struct iommusim_report report;
	struct came came = { .status = iommusim_check_dma(
				 player->host.check, devices[step->device], &request, NULL, &report) };

	if (came.status != IOMMUSIM_OK)
		return came;
	came.verdict = report.verdict;
	came.pages = report.pages_of_verdict;
	came.physical = report.page.page.faulted ? 0 : report.page.page.physical;
	return came;
}

static struct came play(struct player *player, const struct step *step)
{
	struct iommusim_vmm *vmm = player->host.vmm;
	struct iommusim_domain *domain = player->domains[step->domain];

	switch (step->kind) {
	case STEP_MAP:
		return (struct came){ .status = iommusim_iommu_create_mapping(
					  vmm, domain, step->address, step->host, step->count * PAGE) };
	case STEP_UNMAP:
		return (struct came){ .status = iommusim_iommu_remove_mapping(
					  vmm, domain, step->address, step->count * PAGE) };
	case STEP_INVALIDATE:
		return (struct came){ .status = invalidate(player) };
	case STEP_MOVE:
		return (struct came){ .status = move(player, step->device, step->domain) };
	case STEP_RENEW:
		return (struct came){ .status = renew(player, step->domain) };
	case STEP_DMA:
		break;
	}
	return dma(player, step);
}

static void play_all(const struct tale *tale, enum kind kind, bool forgetful, struct came *came)
{
	static struct player player;

	sit_down(&player, kind, tale->cache, forgetful);
	for (unsigned i = 0; i < tale->count; i++)
		came[i] = play(&player, &tale->steps[i]);
	stand_up(&player);
}

/* ---- comparing, shrinking, telling ------------------------------------------------------------------ */

struct difference {
	bool found;
	unsigned step;
	enum kind kind; /* differs from the first */
	struct came first, other;
};

static bool same(const struct came *a, const struct came *b)
{
	return a->status == b->status && a->verdict == b->verdict && a->physical == b->physical &&
	    a->pages == b->pages;
}

/* The first step that does not come out on all kinds as on VT-d's second stage. */
static struct difference compare(const struct tale *tale, bool forgetful)
{
	static struct came first[STEPS], other[STEPS];
	struct difference difference = { .step = STEPS };

	play_all(tale, VTD_SECOND, false, first);
	for (unsigned kind = VTD_FIRST; kind < KINDS; kind++) {
		play_all(tale, (enum kind)kind, forgetful && kind == KINDS - 1, other);
		for (unsigned i = 0; i < tale->count && i < difference.step; i++) {
			if (same(&first[i], &other[i]))
				continue;
			difference = (struct difference){ .found = true,
				.step = i,
				.kind = (enum kind)kind,
				.first = first[i],
				.other = other[i] };
		}
	}
	return difference;
}

static struct tale without(const struct tale *tale, unsigned first, unsigned count)
{
	struct tale shorter = *tale;

	memmove(&shorter.steps[first], &shorter.steps[first + count],
	    (tale->count - first - count) * sizeof(*tale->steps));
	shorter.count -= count;
	return shorter;
}

/* Leave out steps, many at a time and then fewer, as long as what is left still differs. */
static void shrink(struct tale *tale, bool forgetful)
{
	for (unsigned chunk = tale->count / 2; chunk > 0; chunk /= 2)
		for (unsigned at = 0; at + chunk <= tale->count;) {
			const struct tale shorter = without(tale, at, chunk);

			if (compare(&shorter, forgetful).found)
				*tale = shorter;
			else
				at += chunk;
		}
}

static void print_step(unsigned number, const struct step *step)
{
	static const char *const words[] = { "map", "unmap", "invalidate", "move", "renew", "dma" };
	static const char *const dmas[] = { "read", "write", "atomic" };

	print_error("  %u %s device %u domain %u address 0x%llx", number, words[step->kind],
	    step->device, step->domain, (unsigned long long)step->address);
	if (step->kind == STEP_DMA)
		print_error(" %s %llu bytes\n", dmas[step->dma], (unsigned long long)step->length);
	else
		print_error(" host 0x%llx %u pages\n", (unsigned long long)step->host, step->count);
}

static void print_came(const char *who, const struct came *came)
{
	print_error("  %s: %s %s 0x%llx, %llu pages\n", who, iommusim_status_name(came->status),
	    iommusim_verdict_name(came->verdict), (unsigned long long)came->physical,
	    (unsigned long long)came->pages);
}

static void tell(const struct tale *tale, uint64_t seed, uint64_t number)
{
	const struct difference difference = compare(tale, false);

	print_error("seed %llu, case %llu, cache %s: IOMMUSIM_TEST_SEED=%llu repeats the run\n",
	    (unsigned long long)seed, (unsigned long long)number,
	    iommusim_cache_policy_name(tale->cache), (unsigned long long)seed);
	for (unsigned i = 0; i < tale->count; i++)
		print_step(i, &tale->steps[i]);
	print_error("step %u differs:\n", difference.step);
	print_came(kind_names[VTD_SECOND], &difference.first);
	print_came(kind_names[difference.kind], &difference.other);
}

/* ---- the tests -------------------------------------------------------------------------------------- */

static void every_kind_of_tables_comes_to_the_same(void **state)
{
	const uint64_t seed = random_seed();

	(void)state;
	for (uint64_t number = 0; number < CASES; number++) {
		struct tale tale = random_tale(seed, number);

		if (!compare(&tale, false).found)
			continue;
		shrink(&tale, false);
		tell(&tale, seed, number);
		fail_msg("case %llu differs", (unsigned long long)number);
	}
}

/* The stories do reach every verdict that tables can bring about. */
static void the_stories_reach_every_verdict(void **state)
{
	uint64_t seen[IOMMUSIM_VERDICT_COUNT] = { 0 };

	(void)state;
	for (uint64_t number = 0; number < CASES; number++) {
		const struct tale tale = random_tale(random_seed(), number);
		static struct came came[STEPS];

		play_all(&tale, AMD_HOST, false, came);
		for (unsigned i = 0; i < tale.count; i++)
			seen[came[i].verdict] += tale.steps[i].kind == STEP_DMA;
	}
	assert_true(seen[IOMMUSIM_VERDICT_OK] > CASES);
	assert_true(seen[IOMMUSIM_VERDICT_BLOCKED] > CASES);
	assert_true(seen[IOMMUSIM_VERDICT_STALE] > 0);
	assert_true(seen[IOMMUSIM_VERDICT_LOST] > 0);
	assert_int_equal(seen[IOMMUSIM_VERDICT_UNPROTECTED], 0);
}

/* A unit that ignores invalidations is told apart, and the story of it is short. */
static void a_forgetful_unit_is_told_apart_in_few_steps(void **state)
{
	const uint64_t seed = random_seed();
	unsigned found = 0;

	(void)state;
	for (uint64_t number = 0; number < 10; number++) {
		struct tale tale = random_tale(seed, number);

		if (!compare(&tale, true).found || found > 1)
			continue;
		found++;
		shrink(&tale, true);
		assert_true(compare(&tale, true).found);
		assert_true(tale.count <= SMALLEST);
	}
	assert_true(found > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_tables_comes_to_the_same),
		cmocka_unit_test(the_stories_reach_every_verdict),
		cmocka_unit_test(a_forgetful_unit_is_told_apart_in_few_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
