/* missing-invalidation, domain-id-reuse and the advice over-invalidation on VT-d: provoked, and nearly. */
#include "check/invalidation_fixture.h"

#include <iommusim/ats.h>
#include <iommusim/clock.h>

#define R_IVA 0x500u

/* Page-selective by register (VT-d 11.4.6.3): IVT, IIRG 3. */
#define IOTLB_PAGE   UINT64_C(0xb000000000000000)
#define IOTLB_DOMAIN UINT64_C(0xa000000000000000)

static void start(struct host *host, const char *profile)
{
	host_start(host, &(struct host_setup){ .profile = profile, .checked = true });
}

static size_t missing(const struct host *host)
{
	return found(host, IOMMUSIM_FINDING_MISSING_INVALIDATION);
}

/* ---- a stale DMA ------------------------------------------------------------------------------ */

static void a_stale_dma_names_entry_call_and_remedy(void **state)
{
	struct iommusim_domain *domain;
	struct host host;
	const char *text;

	(void)state;
	start(&host, "reference");
	domain = domain_with(&host, HOST_PPT1);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
	remove_mapping(&host, domain);
	assert_int_equal(missing(&host), 0);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_STALE);
	text = only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 21);
	assert_contains(
	    text, "the unit at 0xfed91000 may still hold 0x5000 -> 0x1005000 of domain 2 (dom1)");
	assert_contains(text, "iommu_remove_mapping(dom1, 0x5000, 0x1000) at driver.c:19");
	assert_contains(text, "A DMA of 07:00.0 reached 0x1005000 by it");
	assert_contains(text,
	    "IOTLB page-selective, domain 2, address 0x5000, AM 0, IH 1 (no table page was freed)");
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_STALE);
	assert_int_equal(missing(&host), 1); /* once told is told */
	host_stop(&host);
}

static void what_is_invalidated_in_time_is_not_found(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "reference");
	domain = domain_with(&host, HOST_PPT1);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
	remove_mapping(&host, domain);
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_BLOCKED);
	iommusim_check_finish(host.check);
	assert_int_equal(found_any(&host), 0);
	host_stop(&host);
}

/* A page that leads elsewhere by now. */
static void a_changed_mapping_is_a_debt_too(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "reference");
	domain = domain_with(&host, HOST_PPT1);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
	at_line(&host, 19);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, MAPPED_AT, MAPPED_TO, PAGE));
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK); /* the same */
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, MAPPED_AT, 0x1008000, PAGE));
	at_line(&host, 21);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_STALE);
	assert_contains(only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 21),
	    "iommu_create_mapping(dom1, 0x5000, 0x1008000, 0x1000) at driver.c:19");
	host_stop(&host);
}

/* A unit that ignores what it is told is no fault of software's. */
static void a_unit_that_drops_invalidations_is_no_finding(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(
	    &host, &(struct host_setup){ .checked = true, .settings = { .drop_invalidations = true } });
	domain = domain_with(&host, HOST_PPT1);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
	remove_mapping(&host, domain);
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_STALE);
	assert_int_equal(found_any(&host), 0);
	host_stop(&host);
}

/* ---- which invalidation pays ------------------------------------------------------------------ */

/* Remove the mapping, let `invalidate` do something, and end the story. */
static size_t missing_after(
    void (*invalidate)(struct host *host, struct iommusim_domain *domain), uint32_t latency)
{
	struct iommusim_domain *domain;
	struct host host;
	size_t count;

	host_start(&host, &(struct host_setup){ .checked = true, .settings = { .latency = latency } });
	domain = domain_with(&host, HOST_PPT1);
	remove_mapping(&host, domain);
	invalidate(&host, domain);
	iommusim_check_finish(host.check);
	count = missing(&host);
	host_stop(&host);
	return count;
}

static void by_iotlb(struct host *host, uint64_t address, uint64_t command)
{
	host_set(host, HOST_UNIT1, R_IVA, 8, address);
	host_set(host, HOST_UNIT1, R_IOTLB, 8, command);
}

static void nothing(struct host *host, struct iommusim_domain *domain)
{
	(void)host;
	(void)domain;
}

static void its_page(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_iotlb(host, 0x5000, IOTLB_PAGE | UINT64_C(2) << 32);
}

static void its_page_in_halves(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	host_set(host, HOST_UNIT1, R_IVA, 4, 0x5000);
	host_set(host, HOST_UNIT1, R_IVA + 4, 4, 0);
	host_set(host, HOST_UNIT1, R_IOTLB, 4, 0);
	host_set(host, HOST_UNIT1, R_IOTLB + 4, 4, 0xb0000002);
}

static void eight_pages_around_it(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_iotlb(host, 0x3, IOTLB_PAGE | UINT64_C(2) << 32);
}

static void the_page_beside_it(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_iotlb(host, 0x6000, IOTLB_PAGE | UINT64_C(2) << 32);
}

static void its_domain(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_iotlb(host, 0, IOTLB_DOMAIN | UINT64_C(2) << 32);
}

static void another_domain(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_iotlb(host, 0, IOTLB_DOMAIN | UINT64_C(7) << 32);
}

/* AM beyond MAMV (18): the unit does nothing, and says so. */
static void more_than_it_takes(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_iotlb(host, 0x3f, IOTLB_PAGE | UINT64_C(2) << 32);
	the_page_beside_it(host, domain);
}

static void the_other_unit(struct host *host, struct iommusim_domain *domain)
{
	host_set(host, HOST_UNIT0, R_IOTLB, 8, IOTLB_GLOBAL);
	the_page_beside_it(host, domain);
}

static void by_register_and_nobody_waits(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_iotlb(host, 0x6000, IOTLB_PAGE | UINT64_C(2) << 32);
	iommusim_step(host->machine, 100);
	by_iotlb(host, 0x5000, IOTLB_PAGE | UINT64_C(2) << 32);
}

static void by_register_and_waited_for(struct host *host, struct iommusim_domain *domain)
{
	by_register_and_nobody_waits(host, domain);
	iommusim_step(host->machine, 100);
}

static void the_invalidation_that_covers_it_pays(void **state)
{
	(void)state;
	assert_int_equal(missing_after(nothing, 0), 0); /* it may be on its way still */
	assert_int_equal(missing_after(its_page, 0), 0);
	assert_int_equal(missing_after(its_page_in_halves, 0), 0);
	assert_int_equal(missing_after(eight_pages_around_it, 0), 0);
	assert_int_equal(missing_after(its_domain, 0), 0);
	assert_int_equal(missing_after(the_page_beside_it, 0), 1);
	assert_int_equal(missing_after(another_domain, 0), 0); /* nobody meant this one */
	assert_int_equal(missing_after(more_than_it_takes, 0), 1);
	assert_int_equal(missing_after(the_other_unit, 0), 1);
}

/* What is asked for is done when the register's bit is clear again, not before. */
static void an_invalidation_pays_when_it_is_complete(void **state)
{
	(void)state;
	assert_int_equal(missing_after(by_register_and_nobody_waits, 10), 1);
	assert_int_equal(missing_after(by_register_and_waited_for, 10), 0);
}

/* ---- the queue -------------------------------------------------------------------------------- */

#define QUEUE (HOST_RAM - PAGE)

/* IOTLB descriptor, page-selective (type 2, G 3), of domain 2. */
static void queue_page(struct host *host, unsigned slot, uint64_t address)
{
	host_store(host, QUEUE + slot * UINT64_C(16), UINT64_C(0x20032));
	host_store(host, QUEUE + slot * UINT64_C(16) + 8, address);
}

static void by_queue(struct host *host, uint64_t address, bool hand_over)
{
	host_set(host, HOST_UNIT1, R_IQT, 8, 0);
	host_set(host, HOST_UNIT1, R_IQA, 8, QUEUE);
	host_set(host, HOST_UNIT1, R_GCMD, 4, G_TE | G_QIE);
	queue_page(host, 0, 0x6000);
	host_set(host, HOST_UNIT1, R_IQT, 8, 16);
	queue_page(host, 1, address);
	if (hand_over)
		host_set(host, HOST_UNIT1, R_IQT, 8, 32);
}

static void queued(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_queue(host, 0x5000, true);
}

static void queued_elsewhere(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_queue(host, 0x7000, true);
}

static void written_and_not_handed_over(struct host *host, struct iommusim_domain *domain)
{
	(void)domain;
	by_queue(host, 0x5000, false);
}

static void the_queue_pays_what_its_head_has_passed(void **state)
{
	(void)state;
	assert_int_equal(missing_after(queued, 0), 0);
	assert_int_equal(missing_after(queued_elsewhere, 0), 1);
	assert_int_equal(missing_after(written_and_not_handed_over, 0), 1);
}

/* ---- memory that changes hands ---------------------------------------------------------------- */

static void a_page_that_goes_back_to_the_host(void **state)
{
	(void)state;
	for (unsigned close = 0; close < 2; close++) {
		struct iommusim_domain *domain;
		struct iommusim_vm *vm;
		struct host host;

		start(&host, "deferred");
		vm = host_vm(&host, "store-01", 2 * MIB, 1);
		domain = domain_with(&host, HOST_PPT1);
		assert_ok(iommusim_iommu_create_mapping(
		    host.vmm, domain, 0x9000, host_hpa(vm, 0x3000), PAGE));
		at_line(&host, 19);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x9000, PAGE));
		if (close)
			assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
		at_line(&host, 21);
		assert_ok(iommusim_vm_destroy(vm));
		assert_int_equal(missing(&host), 1 - close);
		if (!close)
			assert_contains(only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 21),
			    "The host has that memory of \"store-01\" back now");
		host_stop(&host);
	}
}

static void a_page_that_a_vm_gets(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	uint64_t page;
	struct host host;

	(void)state;
	start(&host, "reference");
	vm = host_vm(&host, "a", 2 * MIB, 1);
	page = host_hpa(vm, 0);
	assert_ok(iommusim_vm_destroy(vm));
	domain = domain_with(&host, HOST_PPT1);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x9000, page, PAGE));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x9000, PAGE));
	assert_int_equal(missing(&host), 0);
	at_line(&host, 30);
	host_vm(&host, "b", 2 * MIB, 1); /* the same seed: the same memory */
	assert_contains(
	    only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 30), "The memory is \"b\"'s now");
	host_stop(&host);
}

/* ---- entries of devices ------------------------------------------------------------------------ */

static void an_entry_that_is_cleared_and_not_invalidated(void **state)
{
	struct host_setup setup = { .checked = true };
	struct iommusim_domain *domain;
	struct bent_backend backend;
	struct host host;
	const char *text;

	(void)state;
	bent_start(&host, &backend, &setup);
	backend.clears_only = true;
	domain = domain_with(&host, HOST_PPT1);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
	at_line(&host, 19);
	assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
	at_line(&host, 21);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_STALE);
	text = only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 21);
	assert_contains(text, "context entry of 07:00.0 for domain dom1");
	assert_contains(text, "iommu_remove_device(dom1, 7/0/0) at driver.c:19");
	assert_contains(text,
	    "context cache device-selective, then IOTLB domain-selective, domain 2, source 07:00.0");
	bent_stop(&host, &backend);
}

/* Context cache first, and the IOTLB of its own. */
static void an_entry_is_paid_by_both_caches(void **state)
{
	(void)state;
	for (unsigned both = 0; both < 2; both++) {
		struct host_setup setup = { .profile = "13.0", .checked = true };
		struct iommusim_domain *domain;
		struct bent_backend backend;
		struct host host;

		bent_start(&host, &backend, &setup);
		backend.clears_only = true;
		domain = domain_with(&host, HOST_PPT1);
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
		host_set(&host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
		if (both)
			host_set(&host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
		at_line(&host, 33);
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
		assert_int_equal(missing(&host), 1 - both);
		bent_stop(&host, &backend);
	}
}

static void a_domain_that_goes_while_its_entry_may_be_kept(void **state)
{
	struct host_setup setup = { .profile = "13.0", .checked = true };
	struct iommusim_domain *domain;
	struct bent_backend backend;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	backend.clears_only = true;
	domain = domain_with(&host, HOST_PPT1);
	assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
	at_line(&host, 33);
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	assert_contains(only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 33),
	    "the domain is destroyed and its tables are freed");
	bent_stop(&host, &backend);
}

/* ---- device-TLBs -------------------------------------------------------------------------------- */

/* 0/2/0 is behind unit 0, which has device-TLBs (ECAP.DT). */
static void a_device_tlb_is_a_holder_of_its_own(void **state)
{
	const struct iommusim_ats_settings settings = { .entries = 16 };

	(void)state;
	for (unsigned on = 0; on < 3; on++) { /* off; on; on, and the device is told */
		struct iommusim_domain *host_domain;
		struct host host;

		start(&host, on < 2 ? "reference+device_tlb=forgotten" : "reference");
		host_init(&host);
		host_domain = iommusim_host_domain(host.vmm);
		if (on)
			assert_ok(iommusim_ats_enable(host.gfx, &settings));
		at_line(&host, 19);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, host_domain, 0x5000, PAGE));
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, host_domain));
		at_line(&host, 21);
		iommusim_check_finish(host.check);
		assert_int_equal(missing(&host), on == 1);
		if (on == 1)
			assert_contains(only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 21),
			    "device-TLB of 00:02.0, addresses 0x5000 to 0x5fff");
		host_stop(&host);
	}
}

/* ---- what is not there ---------------------------------------------------------------------------- */

#define TABLES UINT64_C(0x1000000)

/* Ops that do nothing, and a root table with 7/0/0 in domain 2 by hand: no backend of ours takes CM=1. */
static struct iommusim_domain *by_hand(struct host *host, struct host_backend *backend, uint64_t cap)
{
	struct iommusim_domain *domain;

	host_backend_init(backend);
	host_start(host,
	    &(struct host_setup){
		.checked = true, .cap_set = cap, .ops = &backend->ops, .ops_context = backend });
	host_init(host);
	host_store(host, TABLES + UINT64_C(7) * 16, (TABLES + 0x1000) | 1);
	host_store(host, TABLES + 0x1000, (TABLES + 0x2000) | 1);
	host_store(host, TABLES + 0x1008, UINT64_C(0x202)); /* domain 2, 4 levels */
	host_set(host, HOST_UNIT1, R_RTADDR, 8, TABLES);
	host_set(host, HOST_UNIT1, R_GCMD, 4, G_SRTP);
	host_set(host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
	host_set(host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	host_set(host, HOST_UNIT1, R_GCMD, 4, G_TE);
	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, HOST_PPT1));
	return domain;
}

/* With caching mode a new mapping is a debt: that nothing was there may be kept (VT-d 6.1). */
static void absence_is_kept_in_caching_mode(void **state)
{
	(void)state;
	for (unsigned caching = 0; caching < 2; caching++) {
		struct host_backend backend;
		struct iommusim_domain *domain;
		struct host host;

		domain = by_hand(&host, &backend, caching ? HOST_CAP_CM : 0);
		at_line(&host, 19);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x1005000, PAGE));
		at_line(&host, 21);
		by_iotlb(&host, 0x6000, IOTLB_PAGE | UINT64_C(2) << 32);
		iommusim_check_finish(host.check);
		assert_int_equal(missing(&host), caching);
		if (caching)
			assert_contains(only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 21),
			    "may still hold that nothing was at 0x5000 of domain 2");
		host_stop(&host);
	}
}

/* ---- domain-id-reuse ---------------------------------------------------------------------------- */

/* 13.0 frees the id with the tables, and a device that was left in the domain goes on by it. */
static void an_id_that_another_domain_had(void **state)
{
	(void)state;
	for (unsigned close = 0; close < 2; close++) {
		struct iommusim_domain *first, *second;
		struct host host;

		start(&host, "13.0");
		first = domain_with(&host, HOST_PPT1);
		if (close)
			assert_ok(iommusim_iommu_remove_device(host.vmm, first, 0, HOST_PPT1));
		at_line(&host, 33);
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, first));
		at_line(&host, 34);
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &second));
		assert_int_equal(found(&host, IOMMUSIM_FINDING_DOMAIN_ID_REUSE), 0);
		at_line(&host, 35);
		assert_ok(iommusim_iommu_add_device(host.vmm, second, 0, HOST_PPT2));
		assert_int_equal(found(&host, IOMMUSIM_FINDING_DOMAIN_ID_REUSE), 1 - close);
		if (!close) {
			const char *text = only(&host, IOMMUSIM_FINDING_DOMAIN_ID_REUSE, 35);

			assert_contains(text, "domain dom2 goes by id 2 at the unit at 0xfed91000");
			assert_contains(text, "translations of domain dom1");
			assert_contains(text, "iommu_destroy_domain(dom1) at driver.c:33");
			assert_contains(text, "IOTLB domain-selective, domain 2");
		}
		host_stop(&host);
	}
}

/* ---- over-invalidation -------------------------------------------------------------------------- */

static void a_global_invalidation_for_a_page_is_advised_against(void **state)
{
	static const char *const profiles[] = { "strict", "selective" };

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct iommusim_domain *domain;
		struct host host;

		start(&host, profiles[p]);
		domain = domain_with(&host, HOST_PPT1);
		remove_mapping(&host, domain);
		iommusim_check_advise(host.check);
		assert_int_equal(found_any(&host), 0);
		assert_true(iommusim_finding_is_advice(IOMMUSIM_FINDING_OVER_INVALIDATION));
		if (p == 1) {
			assert_int_equal(found(&host, IOMMUSIM_FINDING_OVER_INVALIDATION), 0);
		} else {
			const struct iommusim_finding *finding;
			const char *text = "";

			for (size_t i = 0; (finding = iommusim_check_finding(host.check, i)); i++)
				text = finding->id == IOMMUSIM_FINDING_OVER_INVALIDATION ? finding->text
											 : "";
			assert_contains(text,
			    "the unit at 0xfed91000 was told 1 time to drop translations. 1 could have been "
			    "narrower: page-selective. Enough for the last");
			assert_contains(text,
			    "IOTLB page-selective, domain 2, address 0x5000, AM 0, IH 1 (no table page was freed)");
		}
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stale_dma_names_entry_call_and_remedy),
		cmocka_unit_test(what_is_invalidated_in_time_is_not_found),
		cmocka_unit_test(a_changed_mapping_is_a_debt_too),
		cmocka_unit_test(a_unit_that_drops_invalidations_is_no_finding),
		cmocka_unit_test(the_invalidation_that_covers_it_pays),
		cmocka_unit_test(an_invalidation_pays_when_it_is_complete),
		cmocka_unit_test(the_queue_pays_what_its_head_has_passed),
		cmocka_unit_test(a_page_that_goes_back_to_the_host),
		cmocka_unit_test(a_page_that_a_vm_gets),
		cmocka_unit_test(an_entry_that_is_cleared_and_not_invalidated),
		cmocka_unit_test(an_entry_is_paid_by_both_caches),
		cmocka_unit_test(a_domain_that_goes_while_its_entry_may_be_kept),
		cmocka_unit_test(a_device_tlb_is_a_holder_of_its_own),
		cmocka_unit_test(absence_is_kept_in_caching_mode),
		cmocka_unit_test(an_id_that_another_domain_had),
		cmocka_unit_test(a_global_invalidation_for_a_page_is_advised_against),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
