/*
 * Verdicts that are remembered against verdicts that are made. Two hosts live through the same, but the second one's
 * checker judges and explains each DMA anew, and hears every call when it is made, not a row of them later. Generated stories (mappings that come and go, with and without
 * invalidations, stores that are told of and stores that are not, registers, functions, memory, VMs) must come out the
 * same on both: each report to the last word, each finding, counters, and time.
 */
#include <stdio.h>

#include "../host_fixture.h"
#include "check/state.h"
#include "random.h"

#define STORIES 150u
#define STEPS   120u
#define PAGES   12u
#define DOMAINS 3u
#define DEVICES 3u
#define WINDOW  (UINT64_C(1) << 40)

static const uint16_t rids[DEVICES] = { HOST_PPT1, HOST_PPT2, HOST_AHCI };
static const char *const profiles[] = { "reference", "13.0", "15.0" };

struct life {
	struct host hosts[2];
	struct iommusim_requester *from[2][DEVICES];
	struct iommusim_domain *domains[2][DOMAINS];
	struct host_text text[2];
	struct random random;
	uint64_t number;
	bool amdvi;
	bool brief; /* reports are */
	bool asks;  /* the first one's are asked for afterwards */
	bool broken, window;
	size_t findings;
	uint64_t reports;
};

static uint64_t below(struct life *life, uint64_t limit)
{
	return random_below(&life->random, limit);
}

static bool chance(struct life *life, unsigned percent)
{
	return random_chance(&life->random, percent);
}

/* Neighbours, more than a table's reach, and one beyond what domains translate. */
static uint64_t a_page(struct life *life)
{
	const uint64_t page = below(life, chance(life, 70) ? 3 : PAGES);

	return page < 8 ? 0x10000 + page * PAGE : page < 11 ? 0x3fe000 + page * PAGE : GIB + 0x1000;
}

static uint64_t a_host_page(struct life *life)
{
	return chance(life, 3) ? WINDOW : 0x400000 + below(life, 16) * PAGE;
}

/* Both hosts answer alike; what they answer. */
#define BOTH(life, n, call)                                                                            \
	do {                                                                                           \
		enum iommusim_status came[2];                                                          \
		for (unsigned n = 0; n < 2; n++)                                                       \
			came[n] = (call);                                                              \
		assert_int_equal(came[0], came[1]);                                                    \
	} while (0)

/* ---- comparing ------------------------------------------------------------------------------------- */

static void put(void *context, const char *text, size_t length)
{
	host_text_put(context, text, length);
}

static void same_report(struct life *life, const struct iommusim_report *reports)
{
	for (unsigned n = 0; n < 2; n++) {
		const struct iommusim_text out = { .context = &life->text[n], .put = put };
		const struct iommusim_report *report = &reports[n];

		life->text[n].length = 0;
		assert_ok(iommusim_report_text(life->hosts[n].check, report, &out));
		assert_ok(iommusim_report_json(life->hosts[n].check, report, &out));
		host_text_add(&life->text[n], "%d %d %s %llx %s %d %s %s %u %llu %d %d %llx",
		    report->verdict, report->page.owner, report->page.owner_vm,
		    (unsigned long long)report->page.owner_gpa, report->beneficiary,
		    report->expected_known, report->device_name, report->domain_name,
		    report->walk.step_count, (unsigned long long)report->outcome.pages_cached,
		    report->outcome.completion, report->page.page.through_cache,
		    (unsigned long long)report->page.page.cached_tag);
	}
	for (size_t at = 0; at <= life->text[0].length; at++)
		if (life->text[0].text[at] != life->text[1].text[at])
			fail_msg("case %llu: \"%.120s\", and made anew \"%.120s\"",
			    (unsigned long long)life->number, &life->text[0].text[at],
			    &life->text[1].text[at]);
	life->reports++;
}

static void same_findings(struct life *life)
{
	for (;; life->findings++) {
		const struct iommusim_finding *a =
		    iommusim_check_finding(life->hosts[0].check, life->findings);
		const struct iommusim_finding *b =
		    iommusim_check_finding(life->hosts[1].check, life->findings);

		assert_int_equal(a == NULL, b == NULL);
		if (a == NULL)
			return;
		assert_string_equal(a->text, b->text);
		assert_int_equal(a->place.line, b->place.line);
	}
}

static void same_counters(struct life *life)
{
	for (unsigned device = 0; device < DEVICES; device++) {
		struct iommusim_requester_counters a, b;

		iommusim_requester_counters(life->from[0][device], &a);
		iommusim_requester_counters(life->from[1][device], &b);
		assert_memory_equal(&a, &b, sizeof(a));
	}
	assert_int_equal(
	    iommusim_clock_now(life->hosts[0].machine), iommusim_clock_now(life->hosts[1].machine));
}

/* ---- DMA ------------------------------------------------------------------------------------------- */

static struct iommusim_dma_request a_request(struct life *life)
{
	struct iommusim_dma_request request = {
		.address = a_page(life) + (chance(life, 20) ? below(life, 0x1000) : 0x40),
		.length = chance(life, 90) ? 8 : below(life, 0x2400),
		.kind = (enum iommusim_dma_kind)(chance(life, 80) ? 0 : below(life, 3)),
		.tag = below(life, 3),
	};

	if (chance(life, 2))
		request.address_type = (enum iommusim_dma_address_type)below(life, 3);
	if (chance(life, 4)) {
		request.has_pasid = true;
		request.privileged = chance(life, 50);
		request.pasid = (uint32_t)below(life, 2);
	}
	if (chance(life, 2))
		request.address = UINT64_C(0xfee00000);
	return request;
}

/* Reports that are asked for afterwards are those that come at once. */
static enum iommusim_status make(struct life *life, unsigned n, unsigned device,
    const struct iommusim_dma_request *request, const char *for_vm, struct iommusim_report *report)
{
	struct iommusim_check *check = life->hosts[n].check;
	struct iommusim_judgement judgement;
	enum iommusim_status status;

	iommusim_check_set_brief(check, life->brief && !life->asks);
	if (n != 0 || !life->asks)
		return iommusim_check_dma(check, life->from[n][device], request, for_vm, report);
	status = iommusim_check_judge(check, life->from[n][device], request, for_vm, &judgement);
	if (status != IOMMUSIM_OK)
		return status;
	assert_ok(iommusim_check_explain(check, &judgement, report));
	assert_int_equal(judgement.verdict, report->verdict);
	assert_int_equal(judgement.pages_of_verdict, report->pages_of_verdict);
	return status;
}

static void dma(struct life *life)
{
	static struct iommusim_report reports[2];
	static uint8_t data[2][0x2400];
	const char *const names[] = { NULL, NULL, NULL, "vm", "nobody" };
	const struct iommusim_dma_request request = a_request(life);
	const char *for_vm = chance(life, 80) ? NULL : names[below(life, 5)];
	const unsigned device = (unsigned)(chance(life, 80) ? 1 : below(life, DEVICES));
	const unsigned times = 1 + (unsigned)below(life, 5);
	const bool moves = chance(life, 30);

	life->asks = chance(life, 30);
	for (unsigned i = 0; i < times; i++) {
		enum iommusim_status status[2];

		for (unsigned n = 0; n < 2; n++) {
			struct iommusim_dma_request own = request;

			own.data = moves ? data[n] : NULL;
			memset(data[n], 0x5a, sizeof(data[n]));
			status[n] = make(life, n, device, &own, for_vm, &reports[n]);
		}
		assert_int_equal(status[0], status[1]);
		if (status[0] == IOMMUSIM_OK)
			same_report(life, reports);
		assert_memory_equal(data[0], data[1], sizeof(data[0]));
		same_findings(life);
	}
}

/* ---- what changes ---------------------------------------------------------------------------------- */

static void mapping(struct life *life)
{
	const unsigned which = (unsigned)below(life, DOMAINS);
	const uint64_t gpa = a_page(life), hpa = a_host_page(life);
	const uint64_t length = (1 + below(life, 3)) * PAGE;
	const bool gives = chance(life, 60), flushes = chance(life, 50);

	if (life->domains[0][which] == NULL)
		return;
	if (gives)
		BOTH(life, n,
		    iommusim_iommu_create_mapping(
			life->hosts[n].vmm, life->domains[n][which], gpa, hpa, length));
	else
		BOTH(life, n,
		    iommusim_iommu_remove_mapping(
			life->hosts[n].vmm, life->domains[n][which], gpa, length));
	if (flushes)
		BOTH(life, n,
		    iommusim_iommu_invalidate_tlb(life->hosts[n].vmm, life->domains[n][which]));
}

/* Single pages one after the other, which the first host's checker lets go by as stores. */
static void mappings_in_a_row(struct life *life)
{
	const unsigned which = (unsigned)below(life, DOMAINS), kind = (unsigned)below(life, 3);
	const uint64_t first = chance(life, 50) ? 0x10000 : 0x3f0000;
	const uint64_t count = below(life, chance(life, 20) ? 700 : 40);
	const bool moves = chance(life, 50), back = chance(life, 20);

	if (life->domains[0][which] == NULL)
		return;
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t page = kind == 2 ? below(life, 16) : back ? count - i : i % 32;
		const bool gives = kind == 0 || (kind == 2 && chance(life, 50));
		const struct iommusim_place place = { "rows", (uint32_t)i };
		const uint64_t gpa = first + page * PAGE, hpa = a_host_page(life);

		for (unsigned n = 0; n < 2 && moves; n++)
			iommusim_check_set_place(life->hosts[n].check, &place);
		if (gives)
			BOTH(life, n,
			    iommusim_iommu_create_mapping(
				life->hosts[n].vmm, life->domains[n][which], gpa, hpa, PAGE));
		else
			BOTH(life, n,
			    iommusim_iommu_remove_mapping(
				life->hosts[n].vmm, life->domains[n][which], gpa, PAGE));
		for (unsigned n = 0; n < 2 && i % 64 == 63; n++)
			iommusim_check_look(life->hosts[n].check);
		if (chance(life, 2))
			dma(life);
	}
}

static void membership(struct life *life)
{
	const unsigned which = (unsigned)below(life, DOMAINS), device = (unsigned)below(life, 2);

	if (life->domains[0][which] == NULL)
		BOTH(life, n,
		    iommusim_iommu_create_domain(life->hosts[n].vmm, GIB, &life->domains[n][which]));
	else if (chance(life, 60))
		BOTH(life, n,
		    iommusim_iommu_add_device(
			life->hosts[n].vmm, life->domains[n][which], 0, rids[device]));
	else if (chance(life, 80))
		BOTH(life, n,
		    iommusim_iommu_remove_device(
			life->hosts[n].vmm, life->domains[n][which], 0, rids[device]));
	else
		for (unsigned n = 0; n < 2; n++) {
			iommusim_iommu_destroy_domain(life->hosts[n].vmm, life->domains[n][which]);
			life->domains[n][which] = NULL;
		}
}

/* A leaf, or the presence of a device's entry, changes or changes back, whether the checker hears of it or not. */
static void table_store(struct life *life)
{
	static struct iommusim_walk walk;
	const struct iommusim_dma_request request = { .address = a_page(life), .length = 1 };
	const unsigned device = (unsigned)below(life, DEVICES);
	const bool told = chance(life, 40);
	const bool leaf = chance(life, 80);
	const uint64_t bit = leaf && chance(life, 50) ? below(life, 64) : leaf ? below(life, 2) : 0;
	uint64_t address;

	assert_ok(iommusim_walk(life->from[0][device], &request, &walk)); /* which leaves no trace */
	if (walk.step_count == 0 || (leaf && walk.steps[walk.step_count - 1].level != 1))
		return;
	address = walk.steps[leaf                                  ? walk.step_count - 1
			      : life->amdvi || walk.step_count < 2 ? 0
								   : 1]
		      .address;
	for (unsigned n = 0; n < 2; n++) {
		uint64_t *entry = iommusim_memory_host(life->hosts[n].machine, address, sizeof(*entry));
		const uint64_t value = entry == NULL ? 0 : *entry ^ UINT64_C(1) << bit;

		if (entry != NULL && told)
			assert_ok(iommusim_memory_write(
			    life->hosts[n].machine, address, &value, sizeof(value)));
		else if (entry != NULL)
			*entry = value;
	}
}

/* Translation off or on, everything invalidated, the log of faults read. */
static void registers(struct life *life)
{
	const uint64_t what = below(life, 4);
	const bool on = chance(life, 95);

	for (unsigned n = 0; n < 2; n++) {
		struct host *host = &life->hosts[n];

		if (life->amdvi)
			host_set(host, HOST_AMDVI, 0x18, 8,
			    (host_get(host, HOST_AMDVI, 0x18, 8) & ~UINT64_C(1)) | on);
		else if (what == 0)
			host_set(host, HOST_UNIT1, R_GCMD, 4, on ? G_TE : 0);
		else if (what == 1)
			host_set(host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
		else if (what == 2)
			host_set(host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
		else
			(void)host_get(host, HOST_UNIT1, 0x34, 4); /* FSTS */
	}
}

static void machine(struct life *life)
{
	const uint64_t what = below(life, 6), page = a_host_page(life);
	const unsigned device = (unsigned)below(life, DEVICES);
	const bool on = chance(life, 85);

	if (what == 0)
		life->broken = !life->broken;
	if (what == 1)
		life->window = !life->window;
	for (unsigned n = 0; n < 2; n++) {
		struct host *host = &life->hosts[n];

		if (what == 0)
			iommusim_memory_set_broken(host->machine, page, PAGE, life->broken);
		else if (what == 1 && life->window)
			iommusim_memory_add(host->machine, WINDOW, PAGE, IOMMUSIM_MEMORY_RAM);
		else if (what == 1)
			iommusim_memory_remove(host->machine, WINDOW);
		else if (what == 2)
			iommusim_pci_set_command(host->machine, 0, rids[device], on ? 7 : 3);
		else if (what == 3) {
			iommusim_requester_destroy(life->from[n][device]);
			assert_ok(iommusim_requester_create(
			    host->machine, 0, rids[device], &life->from[n][device]));
		} else if (what == 4)
			iommusim_step(host->machine, 3);
		else if (iommusim_pci_remove(host->machine, 0, rids[1]) == IOMMUSIM_OK)
			host_function(host, rids[1], on ? "other" : "ppt2");
	}
}

static void guests(struct life *life)
{
	const struct iommusim_vm_memory memory = { .size = MIB, .seed = 7 };
	const uint64_t what = below(life, 4);

	for (unsigned n = 0; n < 2; n++) {
		struct host *host = &life->hosts[n];
		struct iommusim_vm *vm = iommusim_vm_find(host->vmm, "vm");

		if (vm == NULL && iommusim_vm_create(host->vmm, "vm", &vm) == IOMMUSIM_OK)
			iommusim_vm_setup_memory(vm, &memory);
		else if (vm == NULL)
			return; /* the kernel has panicked */
		else if (what == 0)
			iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1);
		else if (what == 1)
			iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1);
		else if (what == 2 && iommusim_vm_of_device(host->vmm, 0, HOST_PPT1) == NULL)
			iommusim_vm_destroy(vm);
	}
}

static void checkers(struct life *life)
{
	const uint64_t what = below(life, 4);

	life->brief = chance(life, 20);
	for (unsigned n = 0; n < 2; n++) {
		struct iommusim_check *check = life->hosts[n].check;
		const struct iommusim_place place = { .line = (uint32_t)what + 1 };

		if (what == 1)
			iommusim_check_look(check);
		else if (what == 2)
			iommusim_check_finish(check);
		iommusim_check_set_place(check, &place);
	}
}

/* ---- lives ----------------------------------------------------------------------------------------- */

static void step(struct life *life)
{
	static void (*const changes[])(struct life * life) = { mapping, mapping, mappings_in_a_row,
		membership, table_store, table_store, registers, machine, guests, checkers };

	if (chance(life, 75))
		dma(life);
	else
		changes[below(life, sizeof(changes) / sizeof(*changes))](life);
	same_findings(life);
	same_counters(life);
}

/* Whoever listens beside the checker has every call made known. */
static void hear(void *unused, const struct iommusim_call *call)
{
	(void)unused;
	(void)call;
}

static void begin(struct life *life, uint64_t number, bool amdvi)
{
	static const struct iommusim_listener listener = { .begin = hear };
	struct host_setup setup = { .checked = true, .amdvi = amdvi };

	life->random = random_of_case(random_seed(), number);
	life->number = number;
	life->amdvi = amdvi;
	setup.profile = profiles[below(life, 3)];
	setup.settings.cache = (enum iommusim_cache_policy)below(life, 4);
	setup.settings.latency = chance(life, 20) ? 2 : 0;
	setup.settings.always_asked = chance(life, 10);
	setup.device_view = chance(life, 4);
	setup.cap_set = chance(life, 5) ? HOST_CAP_RWBF : 0;
	for (unsigned n = 0; n < 2; n++) {
		host_start(&life->hosts[n], &setup);
		life->hosts[n].check->forgetful = n == 1;
		for (unsigned device = 0; device < DEVICES; device++)
			life->from[n][device] = host_requester(&life->hosts[n], rids[device]);
		if (amdvi)
			assert_ok(iommusim_sysctl_set(life->hosts[n].vmm, "hw.vmm.amdvi.enable", 1));
		host_init(&life->hosts[n]);
	}
	assert_ok(iommusim_vmm_listen(life->hosts[1].vmm, &listener));
	for (unsigned n = 0; n < 2; n++) {
		struct iommusim_vmm *vmm = life->hosts[n].vmm;

		iommusim_iommu_create_domain(vmm, GIB, &life->domains[n][0]);
		iommusim_iommu_create_mapping(vmm, life->domains[n][0], 0x10000, 0x400000, 8 * PAGE);
		iommusim_iommu_add_device(vmm, life->domains[n][0], 0, HOST_PPT2);
	}
}

static void live(void **state, bool amdvi)
{
	static struct life life;
	uint64_t reports = 0, fine = 0, told = 0, rows = 0;

	(void)state;
	for (uint64_t number = 0; number < STORIES; number++) {
		memset(&life, 0, sizeof(life));
		begin(&life, number, amdvi);
		for (unsigned i = 0; i < STEPS; i++)
			step(&life);
		reports += life.reports;
		fine += life.hosts[0].check->fine_again;
		told += life.hosts[0].check->told_again;
		rows += life.hosts[0].check->row.taken;
		assert_int_equal(life.hosts[1].check->fine_again, 0);
		assert_int_equal(life.hosts[1].check->row.taken, 0);
		for (unsigned n = 0; n < 2; n++)
			host_stop(&life.hosts[n]);
	}
	print_message(
	    "%llu reports, %llu of verdicts that were remembered, %llu whole; %llu calls in rows\n",
	    (unsigned long long)reports, (unsigned long long)fine, (unsigned long long)told,
	    (unsigned long long)rows);
	assert_true(fine > reports / 8 && told > reports / 30 && rows > UINT64_C(10) * STORIES);
}

static void judged_alike_by_vtd(void **state)
{
	live(state, false);
}

static void judged_alike_by_amdvi(void **state)
{
	live(state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judged_alike_by_vtd),
		cmocka_unit_test(judged_alike_by_amdvi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
