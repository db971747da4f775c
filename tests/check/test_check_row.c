/*
 * Mapping calls that went by as stores against calls that the checker hears one by one. Two hosts are the same but for
 * a listener beside the second one's checker, which makes every call a call. Generated stories must come out the same on
 * both: what calls return, every finding with its place and text, and every report, as text and as JSON.
 */
#include "host_fixture.h"
#include "property/random.h"

#include "check/state.h"

#define CASES   12u
#define STEPS   150u
#define DOMAINS 2u
#define DEVICES 2u
#define SPAN    (UINT64_C(3) * 512) /* pages: three tables */

struct twin {
	struct host host;
	struct iommusim_domain *domains[DOMAINS];
	struct host_text text;
	bool amdvi;
};

struct story {
	struct twin twins[2];
	struct random random;
	size_t findings; /* that were compared */
	uint32_t line;
};

static const uint16_t rids[DEVICES] = { HOST_PPT1, HOST_PPT2 };

static uint64_t below(struct story *story, uint64_t limit)
{
	return random_below(&story->random, limit);
}

static bool chance(struct story *story, unsigned percent)
{
	return random_chance(&story->random, percent);
}

/* ---- calls on both --------------------------------------------------------------------------------- */

enum act {
	ACT_MAP,
	ACT_UNMAP,
	ACT_CREATE,
	ACT_DESTROY,
	ACT_ADD,
	ACT_REMOVE,
	ACT_INVALIDATE,
	ACT_READ_REGISTER,
	ACT_FLUSH_BY_REGISTER,
	ACT_STORE,
	ACT_DMA,
	ACT_LOOK,
	ACT_FINISH,
	ACT_ADVISE,
	ACTS
};

struct step {
	uint64_t gpa, hpa, length;
	unsigned domain, device;
	enum act act;
};

static struct iommusim_requester *requester(const struct twin *twin, unsigned device)
{
	return device == 0 ? twin->host.ppt1 : twin->host.ppt2;
}

static int use_unit(struct twin *twin, const struct step *step)
{
	if (step->act == ACT_READ_REGISTER)
		return (int)host_get(&twin->host, twin->amdvi ? HOST_AMDVI : HOST_UNIT1, 0x18, 4);
	if (!twin->amdvi)
		host_set(&twin->host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	return 0;
}

/* Behind vmm's back: the entry that a walk ends at gets other bits. */
static int store(struct twin *twin, const struct step *step)
{
	const struct iommusim_dma_request request = { .address = step->gpa, .length = 8 };
	static struct iommusim_walk walk;

	iommusim_walk(requester(twin, step->device), &request, &walk);
	if (walk.step_count == 0)
		return 0;
	host_store(&twin->host, walk.steps[walk.step_count - 1].address, step->hpa);
	return 1;
}

static int use_checker(struct twin *twin, const struct step *step)
{
	if (step->act == ACT_LOOK)
		iommusim_check_look(twin->host.check);
	else if (step->act == ACT_FINISH)
		iommusim_check_finish(twin->host.check);
	else
		iommusim_check_advise(twin->host.check);
	return 0;
}

static int make_or_destroy(struct twin *twin, const struct step *step)
{
	struct iommusim_domain **domain = &twin->domains[step->domain];
	struct iommusim_vmm *vmm = twin->host.vmm;

	if (step->act == ACT_CREATE && *domain == NULL)
		return iommusim_iommu_create_domain(vmm, GIB, domain);
	if (step->act == ACT_DESTROY && *domain != NULL) {
		const int status = iommusim_iommu_destroy_domain(vmm, *domain);

		*domain = NULL;
		return status;
	}
	return 0;
}

static int perform(struct twin *twin, const struct step *step)
{
	const struct iommusim_dma_request request = {
		.kind = IOMMUSIM_DMA_WRITE, .address = step->gpa, .length = 8
	};
	struct iommusim_domain *domain = twin->domains[step->domain];
	struct iommusim_vmm *vmm = twin->host.vmm;
	struct iommusim_dma_outcome outcome;

	switch (step->act) {
	case ACT_CREATE:
	case ACT_DESTROY:
		return make_or_destroy(twin, step);
	case ACT_READ_REGISTER:
	case ACT_FLUSH_BY_REGISTER:
		return use_unit(twin, step);
	case ACT_STORE:
		return store(twin, step);
	case ACT_LOOK:
	case ACT_FINISH:
	case ACT_ADVISE:
		return use_checker(twin, step);
	case ACT_DMA:
		return iommusim_dma(requester(twin, step->device), &request, &outcome, NULL, 0);
	default:
		break;
	}
	if (domain == NULL)
		return -1;
	if (step->act == ACT_MAP)
		return iommusim_iommu_create_mapping(vmm, domain, step->gpa, step->hpa, step->length);
	if (step->act == ACT_UNMAP)
		return iommusim_iommu_remove_mapping(vmm, domain, step->gpa, step->length);
	if (step->act == ACT_INVALIDATE)
		return iommusim_iommu_invalidate_tlb(vmm, domain);
	if (step->act == ACT_ADD)
		return iommusim_iommu_add_device(vmm, domain, 0, rids[step->device]);
	return iommusim_iommu_remove_device(vmm, domain, 0, rids[step->device]);
}

/* Has the checker made up for everything? */
static void same_state(const struct story *story)
{
	const struct iommusim_check *quick = story->twins[0].host.check;
	const struct iommusim_check *slow = story->twins[1].host.check;

	assert_int_equal(quick->row.row.count, 0);
	assert_int_equal(quick->calls.count, slow->calls.count);
	assert_int_equal(quick->place, slow->place);
	assert_int_equal(quick->kind, slow->kind);
	assert_int_equal(quick->poll.reads, slow->poll.reads);
	assert_int_equal(quick->held.clock, slow->held.clock);
}

static void both(struct story *story, const struct step *step)
{
	const struct iommusim_place place = { "story", story->line };
	int status[2];

	for (unsigned i = 0; i < 2; i++) {
		iommusim_check_set_place(story->twins[i].host.check, &place);
		status[i] = perform(&story->twins[i], step);
	}
	assert_int_equal(status[0], status[1]);
	if (step->act == ACT_READ_REGISTER || step->act == ACT_FINISH || step->act == ACT_ADVISE ||
	    (step->act == ACT_STORE && status[0] != 0))
		same_state(story);
}

/* ---- comparing ------------------------------------------------------------------------------------- */

static void same_findings(struct story *story)
{
	const struct iommusim_finding *finding[2];

	for (;; story->findings++) {
		for (unsigned i = 0; i < 2; i++)
			finding[i] =
			    iommusim_check_finding(story->twins[i].host.check, story->findings);
		if (finding[0] == NULL || finding[1] == NULL)
			break;
		assert_int_equal(finding[0]->id, finding[1]->id);
		assert_int_equal(finding[0]->place.line, finding[1]->place.line);
		assert_string_equal(finding[0]->text, finding[1]->text);
	}
	assert_null(finding[0]);
	assert_null(finding[1]);
}

static void judge_both(struct story *story, unsigned device, uint64_t address)
{
	const struct iommusim_dma_request request = {
		.kind = chance(story, 50) ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ,
		.address = address,
		.length = 1 + below(story, 2 * PAGE),
	};
	static struct iommusim_report report;

	for (unsigned i = 0; i < 2; i++) {
		struct twin *twin = &story->twins[i];
		const struct iommusim_text out = { .context = &twin->text, .put = host_text_put };

		twin->text.length = 0;
		assert_ok(iommusim_check_dma(
		    twin->host.check, requester(twin, device), &request, NULL, &report));
		assert_ok(iommusim_report_text(twin->host.check, &report, &out));
		assert_ok(iommusim_report_json(twin->host.check, &report, &out));
		assert_true(twin->text.length > 0 && twin->text.length < sizeof(twin->text.text) - 1);
	}
	assert_int_equal(story->twins[0].text.length, story->twins[1].text.length);
	assert_memory_equal(
	    story->twins[0].text.text, story->twins[1].text.text, story->twins[0].text.length);
	same_findings(story);
}

/* ---- stories --------------------------------------------------------------------------------------- */

/* Host pages one after the other, anywhere, all the same, or far away; now and then where no memory can be. */
static uint64_t host_page(struct story *story, unsigned kind, uint64_t i)
{
	if (chance(story, 1))
		return UINT64_C(1) << (36 + below(story, 14));
	switch (kind) {
	case 0:
		return 16 * MIB + i * PAGE;
	case 1:
		return 16 * MIB + below(story, 4096) * PAGE;
	case 2:
		return 20 * MIB;
	default:
		return below(story, 1u << 26) * PAGE;
	}
}

/* Calls for single pages in a row, as drivers make them, or nearly. */
static void row(struct story *story)
{
	const uint64_t strides[] = { 1, 1, 1, 1, UINT64_MAX, 2, 0, 511 };
	const uint64_t stride = strides[below(story, 8)], first = below(story, SPAN);
	const uint64_t count = chance(story, 30) ? below(story, 1200) : below(story, 24);
	const unsigned kind = (unsigned)below(story, 4), lines = (unsigned)below(story, 3);
	const unsigned unmaps = chance(story, 40) ? 100 : chance(story, 20) ? 50 : 0;
	const unsigned odd = chance(story, 30) ? 3 : 0;
	const bool looks = chance(story, 20);
	struct step step = { .domain = (unsigned)below(story, DOMAINS) };

	for (uint64_t i = 0; i < count; i++) {
		step.gpa = (first + i * stride) % SPAN * PAGE + MIB;
		step.length = PAGE;
		step.act = chance(story, unmaps) ? ACT_UNMAP : ACT_MAP;
		step.hpa = host_page(story, kind, i);
		if (chance(story, odd))
			step.gpa = below(story, 4) << (38 + below(story, 12));
		if (chance(story, odd))
			step.length = below(story, 4) * PAGE + (chance(story, 20) ? 8 : 0);
		if (chance(story, odd))
			step.hpa += 8;
		if (chance(story, odd))
			story->line += chance(story, 10) ? 1u << 20 : (uint32_t)below(story, 9) - 4;
		story->line += lines;
		both(story, &step);
		if (looks)
			both(story, &(struct step){ .act = ACT_LOOK });
	}
}

static void other(struct story *story)
{
	const struct step step = {
		.act = (enum act)(ACT_CREATE + below(story, ACTS - ACT_CREATE)),
		.domain = (unsigned)below(story, DOMAINS),
		.device = (unsigned)below(story, DEVICES),
		.gpa = below(story, SPAN) * PAGE + MIB,
		.hpa = chance(story, 50) ? 0 : below(story, 4096) * PAGE | UINT64_C(0x1000000000000003),
	};

	if (step.act == ACT_DESTROY && chance(story, 80))
		return;
	story->line++;
	both(story, &step);
	same_findings(story);
}

static void hear(void *context, const struct iommusim_call *call)
{
	(void)context;
	(void)call;
}

static void begin(struct story *story, const struct host_setup *setup)
{
	static const struct iommusim_listener listener = { .begin = hear };

	for (unsigned i = 0; i < 2; i++) {
		host_start(&story->twins[i].host, setup);
		story->twins[i].amdvi = setup->amdvi;
		if (i == 1)
			assert_ok(iommusim_vmm_listen(story->twins[i].host.vmm, &listener));
	}
	for (unsigned domain = 0; domain < DOMAINS; domain++) {
		both(story, &(struct step){ .act = ACT_CREATE, .domain = domain });
		if (chance(story, 70))
			both(story,
			    &(struct step){ .act = ACT_ADD, .domain = domain, .device = domain });
	}
}

static void end(struct story *story)
{
	for (unsigned i = 0; i < 100; i++)
		judge_both(story, i % DEVICES, below(story, SPAN) * PAGE + MIB);
	both(story, &(struct step){ .act = ACT_FINISH });
	same_findings(story);
	for (unsigned i = 0; i < 2; i++)
		host_stop(&story->twins[i].host);
}

/* Returns how many calls went by as stores. */
static uint64_t tell(const struct host_setup *setup, uint64_t number)
{
	static struct story story;
	uint64_t taken;

	memset(&story, 0, sizeof(story));
	story.random = random_of_case(random_seed(), number);
	begin(&story, setup);
	for (unsigned i = 0; i < STEPS; i++) {
		if (chance(&story, 50))
			row(&story);
		else if (chance(&story, 50))
			judge_both(
			    &story, (unsigned)below(&story, DEVICES), below(&story, SPAN) * PAGE + MIB);
		else
			other(&story);
	}
	iommusim_check_advise(story.twins[0].host.check);
	iommusim_check_advise(story.twins[1].host.check);
	taken = story.twins[0].host.check->row.taken;
	assert_int_equal(story.twins[1].host.check->row.taken, 0);
	end(&story);
	return taken;
}

static void it_comes_out_the_same(void **state)
{
	static const struct host_setup setups[] = {
		{ .checked = true }, { .checked = true, .amdvi = true },
		{ .checked = true, .profile = "reference+invalidate=deferred" },
		{ .checked = true, .profile = "reference+invalidate=strict" },
		{ .checked = true, .profile = "reference+tables=dropped" },
		{ .checked = true, .alike = true }, /* devices keep translations */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(setups) / sizeof(*setups); i++) {
		uint64_t taken = 0;

		for (uint64_t number = 0; number < CASES; number++)
			taken += tell(&setups[i], number);
		assert_true(taken > 20000);
	}
}

/* Where more belongs to a mapping than its store, every call is a call. */
static void it_is_left_alone_where_more_happens(void **state)
{
	static const struct host_setup setups[] = {
		{ .checked = true, .cap_set = HOST_CAP_RWBF }, { .checked = true, .device_view = true },
		{ .checked = true, .cap_set = HOST_CAP_CM }, /* which the backend refuses */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(setups) / sizeof(*setups); i++)
		assert_int_equal(tell(&setups[i], i), 0);
}

/* ---- whoever comes later ----------------------------------------------------------------------------- */

/* A row is open, and has two calls that nobody was told of. */
static struct iommusim_domain *open_row(struct host *host, const char *profile)
{
	struct iommusim_domain *domain;

	host_start(host, &(struct host_setup){ .checked = true, .profile = profile });
	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	for (uint64_t page = 0; page < 4; page++)
		assert_ok(iommusim_iommu_create_mapping(
		    host->vmm, domain, page * PAGE, 0x5000 + page * PAGE, PAGE));
	assert_int_equal(host->check->row.row.count, 2);
	return domain;
}

static void count(void *context, const struct iommusim_call *call)
{
	(void)call;
	++*(unsigned *)context;
}

static void see(void *context, uint64_t address, uint64_t length)
{
	(void)address;
	(void)length;
	++*(unsigned *)context;
}

/* Those who look for findings after every call, as a replay does, find nothing that calls of a row would bring. */
static void to_look_does_not_end_it(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = open_row(&host, NULL);
	for (uint64_t page = 0; page < 4; page++) {
		iommusim_check_look(host.check);
		assert_null(iommusim_check_finding(host.check, 0));
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, page * PAGE, PAGE));
	}
	iommusim_check_look(host.check);
	assert_int_equal(host.check->row.row.count, 6);
	host_stop(&host);
}

static void they_hear_and_see_the_next_call(void **state)
{
	unsigned heard = 0, seen = 0;
	const struct iommusim_listener listener = { .context = &heard, .begin = count };
	const struct iommusim_store_watcher watcher = { .context = &seen, .stored = see };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = open_row(&host, NULL);
	assert_ok(iommusim_vmm_listen(host.vmm, &listener));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x8000, 0x5000, PAGE));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x8000, PAGE));
	assert_int_equal(heard, 2);
	host_stop(&host);

	domain = open_row(&host, NULL);
	assert_ok(iommusim_memory_watch(host.machine, &watcher));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x8000, 0x5000, PAGE));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x8000, PAGE));
	assert_int_equal(seen, 2);
	iommusim_memory_unwatch(host.machine, &seen);
	host_stop(&host);
}

static void stores_that_nobody_announces_end_it(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = open_row(&host, NULL);
	iommusim_memory_expect_silent_stores(host.machine);
	for (uint64_t page = 0; page < 4; page++)
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, page * PAGE, PAGE));
	assert_int_equal(host.check->row.taken, 2);
	assert_int_equal(host.check->row.row.count, 0);
	host_stop(&host);
}

static void a_panic_ends_it(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = open_row(&host, "13.0");
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_status(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1), IOMMUSIM_EFAULT);
	for (uint64_t page = 0; page < 4; page++)
		assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, page * PAGE, PAGE),
		    IOMMUSIM_EFAULT);
	assert_int_equal(host.check->row.taken, 2);
	host_stop(&host);
}

/* Without memory for the record calls lose their places, and nothing else. */
static void without_memory_it_is_known_all_the_same_what_is_mapped(void **state)
{
	const struct iommusim_dma_request request = { .kind = IOMMUSIM_DMA_READ, .length = 8 };
	static struct iommusim_report report;
	struct iommusim_domain *domain;
	struct host_memory memory;
	unsigned lost = 0;
	struct host host;

	(void)state;
	host_memory_init(&memory);
	host_start(&host, &(struct host_setup){ .checked = true, .memory = &memory });
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, PAGE));
	host_memory_arm(&memory, 1, true);
	for (uint64_t i = 0; i < UINT64_C(40) * 512; i++)
		assert_ok(iommusim_iommu_create_mapping(
		    host.vmm, domain, i % 512 * PAGE, (i * 2654435761u) % 4096 * PAGE, PAGE));
	for (uint64_t i = UINT64_C(39) * 512; i < UINT64_C(40) * 512; i++) {
		struct iommusim_dma_request own = request;

		own.address = i % 512 * PAGE;
		assert_ok(iommusim_check_dma(host.check, host.ppt1, &own, NULL, &report));
		assert_true(report.expected_known);
		assert_int_equal(report.expected, (i * 2654435761u) % 4096 * PAGE);
		lost += !report.last_mapped.known;
	}
	assert_true(memory.failed && lost > 0);
	assert_true(host.check->row.taken > 2000); /* before calls were lost */
	host_memory_arm(&memory, 0, false);
	host_stop(&host);
	assert_int_equal(memory.blocks, 0);
}

/* Lines that jump, one beyond all bits that a row keeps of them. */
static void each_call_keeps_its_line(void **state)
{
	static const uint32_t lines[][8] = {
		{ 524284, 524285, 524286, 524287, 0, 1, 2, 3 },
		{ 1048572, 1048573, 1048574, 1048575, 0, 1, 2, 3 },
		{ 10, 10, 10, 524298, 10, 524298, 10, 524298 },
		{ 10, 10, 10, 262154, 10, 262154, 10, 262154 },
	};
	static struct iommusim_report report;

	(void)state;
	for (size_t story = 0; story < sizeof(lines) / sizeof(*lines); story++) {
		const struct host_setup setup = { .checked = true };
		struct iommusim_domain *domain;
		struct host host;

		host_start(&host, &setup);
		host_init(&host);
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT2));
		for (unsigned i = 0; i < 8; i++) {
			const struct iommusim_place place = { "lines", lines[story][i] };

			iommusim_check_set_place(host.check, &place);
			assert_ok(iommusim_iommu_create_mapping(
			    host.vmm, domain, 0x10000 + i * PAGE, 0x400000 + i * PAGE, PAGE));
		}
		for (unsigned i = 0; i < 8; i++) {
			const struct iommusim_dma_request request = { .address = 0x10000 + i * PAGE,
				.length = 8 };

			assert_ok(iommusim_check_dma(host.check, host.ppt2, &request, NULL, &report));
			assert_int_equal(report.last_mapped.place.line, lines[story][i]);
		}
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_out_the_same),
		cmocka_unit_test(it_is_left_alone_where_more_happens),
		cmocka_unit_test(to_look_does_not_end_it),
		cmocka_unit_test(each_call_keeps_its_line),
		cmocka_unit_test(they_hear_and_see_the_next_call),
		cmocka_unit_test(stores_that_nobody_announces_end_it),
		cmocka_unit_test(a_panic_ends_it),
		cmocka_unit_test(without_memory_it_is_known_all_the_same_what_is_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
