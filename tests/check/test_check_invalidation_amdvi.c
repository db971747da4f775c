/* missing-invalidation and domain-id-reuse on AMD-Vi: provoked, and nearly. */
#include "check/invalidation_fixture.h"

#include <iommusim/amdvi.h>

/* Registers (AMD-Vi 3.4). */
#define R_CONTROL  0x18u
#define R_DEVTAB   0x00u
#define R_CMD_BASE 0x08u
#define R_CMD_TAIL 0x2008u

static void start(struct host *host, const char *profile)
{
	host_start(host, &(struct host_setup){ .profile = profile, .amdvi = true, .checked = true });
	assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
}

static size_t missing(const struct host *host)
{
	return found(host, IOMMUSIM_FINDING_MISSING_INVALIDATION);
}

/* Put a command behind the others and hand it over. */
static void command(struct host *host, uint64_t low, uint64_t high)
{
	const uint64_t base = host_get(host, HOST_AMDVI, R_CMD_BASE, 8) & UINT64_C(0xffffffffff000);
	const uint64_t tail = host_get(host, HOST_AMDVI, R_CMD_TAIL, 8);

	host_store(host, base + tail, low);
	host_store(host, base + tail + 8, high);
	host_set(host, HOST_AMDVI, R_CMD_TAIL, 8, (tail + 16) % 4096);
}

/* INVALIDATE_IOMMU_PAGES of domain 2: opcode 3, domain 47:32; S bit 0, PDE bit 1 of the second quadword. */
static void invalidate_pages(struct host *host, uint64_t address_and_flags)
{
	command(host, UINT64_C(0x3000000200000000), address_and_flags);
}

static void a_stale_dma_names_the_command(void **state)
{
	struct iommusim_domain *domain;
	struct host host;
	const char *text;

	(void)state;
	start(&host, "reference");
	domain = domain_with(&host, HOST_PPT1);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
	remove_mapping(&host, domain);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_STALE);
	text = only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 21);
	assert_contains(text, "0x5000 -> 0x1005000 of domain 2 (dom1)");
	assert_contains(text, "iommu_remove_mapping(dom1, 0x5000, 0x1000) at driver.c:19");
	assert_contains(text,
	    "INVALIDATE_IOMMU_PAGES, domain 2, address 0x5000, S 0, PDE 0 (no table page was freed)");
	host_stop(&host);
}

/* Of two pages the size is in the address (AMD-Vi 2.4.3). */
static void two_pages_go_by_size(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "reference");
	domain = domain_with(&host, HOST_PPT1);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x8000, 0x1008000, 4 * PAGE));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x8000, 4 * PAGE));
	invalidate_pages(&host, 0x5000);
	iommusim_check_finish(host.check);
	assert_contains(only(&host, IOMMUSIM_FINDING_MISSING_INVALIDATION, 17),
	    "INVALIDATE_IOMMU_PAGES, domain 2, address 0x9000, S 1, PDE 0");
	host_stop(&host);
}

static size_t missing_after_pages(uint64_t address_and_flags)
{
	struct iommusim_domain *domain;
	struct host host;
	size_t count;

	start(&host, "reference");
	domain = domain_with(&host, HOST_PPT1);
	remove_mapping(&host, domain);
	invalidate_pages(&host, address_and_flags);
	iommusim_check_finish(host.check);
	count = missing(&host);
	host_stop(&host);
	return count;
}

static void the_command_that_covers_it_pays(void **state)
{
	(void)state;
	assert_int_equal(missing_after_pages(0x5000), 0);
	assert_int_equal(missing_after_pages(0x4001), 0);                       /* two pages */
	assert_int_equal(missing_after_pages(UINT64_C(0x7ffffffffffff003)), 0); /* all, PDE */
	assert_int_equal(missing_after_pages(0x6000), 1);
	assert_int_equal(missing_after_pages(0x6001), 1);
}

/* Commands that the unit does not fetch pay nothing, and are no chance that was missed. */
static void a_command_that_waits_pays_nothing(void **state)
{
	struct iommusim_domain *domain;
	uint64_t control;
	struct host host;

	(void)state;
	start(&host, "reference");
	domain = domain_with(&host, HOST_PPT1);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
	control = host_get(&host, HOST_AMDVI, R_CONTROL, 8);
	host_set(&host, HOST_AMDVI, R_CONTROL, 8, control & ~UINT64_C(0x1000)); /* CmdBufEn */
	remove_mapping(&host, domain);
	invalidate_pages(&host, 0x5000);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_STALE);
	assert_int_equal(missing(&host), 1);
	host_stop(&host);
}

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
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x9000, PAGE));
		if (close)
			assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
		assert_ok(iommusim_vm_destroy(vm));
		assert_int_equal(missing(&host), 1 - close);
		host_stop(&host);
	}
}

/* The entry is changed behind the backend's back before it invalidates nothing of it. */
static void a_device_table_that_moves_without_a_flush(void **state)
{
	(void)state;
	for (unsigned close = 0; close < 2; close++) {
		uint64_t table;
		struct host host;

		start(&host, "reference");
		domain_with(&host, HOST_PPT1);
		table = host_get(&host, HOST_AMDVI, R_DEVTAB, 8);
		at_line(&host, 40);
		host_set(&host, HOST_AMDVI, R_DEVTAB, 8, table - 1); /* a page less of it */
		if (close)
			command(&host, UINT64_C(0x8000000000000000), 0); /* INVALIDATE_IOMMU_ALL */
		at_line(&host, 41);
		assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
		assert_int_equal(found(&host, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH), 1 - close);
		if (!close)
			assert_contains(only(&host, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH, 41),
			    "its device table was changed (line 40)");
		host_stop(&host);
	}
}

/* Commands run only while the unit is on (AMD-Vi 2.4): a flush right after that is in time. */
static void a_unit_that_is_flushed_when_it_is_on_again(void **state)
{
	(void)state;
	for (unsigned close = 0; close < 2; close++) {
		uint64_t table, control;
		struct host host;

		start(&host, "reference");
		domain_with(&host, HOST_PPT1);
		table = host_get(&host, HOST_AMDVI, R_DEVTAB, 8);
		control = host_get(&host, HOST_AMDVI, R_CONTROL, 8);
		host_set(&host, HOST_AMDVI, R_CONTROL, 8,
		    control & ~UINT64_C(0x1001)); /* IommuEn, CmdBufEn */
		host_set(&host, HOST_AMDVI, R_DEVTAB, 8, table - 1);
		host_set(&host, HOST_AMDVI, R_CONTROL, 8, control);
		assert_int_equal(found(&host, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH), 0);
		if (close)
			command(&host, UINT64_C(0x8000000000000000), 0); /* INVALIDATE_IOMMU_ALL */
		assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
		assert_int_equal(found(&host, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH), 1 - close);
		host_stop(&host);
	}
}

/* Two domains by one id at once, as ids that are counted come to it after the last. */
static void an_id_that_another_domain_has(void **state)
{
	(void)state;
	for (unsigned close = 0; close < 2; close++) {
		struct iommusim_domain *first, *second;
		struct host host;

		start(&host, "reference");
		first = domain_with(&host, HOST_PPT1);
		if (close)
			assert_ok(iommusim_iommu_remove_device(host.vmm, first, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, first));
		at_line(&host, 34);
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &second));
		assert_ok(iommusim_iommu_add_device(host.vmm, second, 0, HOST_PPT2));
		assert_int_equal(found(&host, IOMMUSIM_FINDING_DOMAIN_ID_REUSE), 1 - close);
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stale_dma_names_the_command),
		cmocka_unit_test(two_pages_go_by_size),
		cmocka_unit_test(the_command_that_covers_it_pays),
		cmocka_unit_test(a_command_that_waits_pays_nothing),
		cmocka_unit_test(a_page_that_goes_back_to_the_host),
		cmocka_unit_test(a_device_table_that_moves_without_a_flush),
		cmocka_unit_test(a_unit_that_is_flushed_when_it_is_on_again),
		cmocka_unit_test(an_id_that_another_domain_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
