/* srtp-without-flush, missing-write-buffer-flush, missing-cache-flush: provoked, and nearly. */
#include "check/invalidation_fixture.h"

#define HOST_CAP_ESRTPS (UINT64_C(1) << 63)

#define ROOT UINT64_C(0x1000000)

static size_t count(const struct host *host)
{
	return found(host, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH);
}

/* ---- srtp-without-flush ------------------------------------------------------------------------- */

static void latch(struct host *host, uint32_t levels)
{
	host_set(host, HOST_UNIT1, R_RTADDR, 8, ROOT);
	host_set(host, HOST_UNIT1, R_GCMD, 4, levels | G_SRTP);
}

/* Translation was on once, so that the unit may have kept something; it is off again. */
static void run_before(struct host *host)
{
	latch(host, 0);
	host_set(host, HOST_UNIT1, R_GCMD, 4, G_TE);
	host_set(host, HOST_UNIT1, R_GCMD, 4, 0);
	assert_int_equal(count(host), 0);
}

static void a_unit_that_was_never_on_has_kept_nothing(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .checked = true });
	run_before(&host);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE); /* and the same root again is no new one */
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void a_new_root_that_is_used_at_once(void **state)
{
	struct host host;
	const char *text;

	(void)state;
	host_start(&host, &(struct host_setup){ .checked = true });
	run_before(&host);
	at_line(&host, 40);
	latch(&host, 0);
	at_line(&host, 41);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE);
	text = only(&host, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH, 41);
	assert_contains(text, "translation is turned on");
	assert_contains(text, "0xfed91000");
	assert_contains(text, "(line 40)");
	assert_contains(text, "context cache, global, then IOTLB, global");
	host_stop(&host);
}

static void one_cache_is_not_both(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .checked = true });
	run_before(&host);
	latch(&host, 0);
	host_set(&host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE);
	assert_contains(
	    only(&host, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH, 0), "Missing between: IOTLB, global");
	host_stop(&host);
}

static void a_new_root_that_is_flushed_first(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .checked = true });
	run_before(&host);
	latch(&host, 0);
	host_set(&host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

/* CAP.ESRTPS: the unit drops everything by itself. */
static void a_unit_that_flushes_by_itself(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .checked = true, .cap_set = HOST_CAP_ESRTPS });
	run_before(&host);
	latch(&host, 0);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void a_new_root_under_translation_is_found_at_the_next_dma(void **state)
{
	struct iommusim_domain *domain;
	struct host host;
	uint64_t root;

	(void)state;
	host_start(&host, &(struct host_setup){ .checked = true });
	domain = domain_with(&host, HOST_PPT1);
	assert_non_null(domain);
	root = host_get(&host, HOST_UNIT1, R_RTADDR, 8);
	host_set(&host, HOST_UNIT1, R_RTADDR, 8, root);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE | G_SRTP);
	assert_int_equal(count(&host), 0);
	at_line(&host, 50);
	assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
	assert_contains(only(&host, IOMMUSIM_FINDING_SRTP_WITHOUT_FLUSH, 50), "a DMA is translated");
	host_stop(&host);
}

/* ---- missing-write-buffer-flush ------------------------------------------------------------------- */

static void stores_that_may_be_in_write_buffers(void **state)
{
	(void)state;
	for (unsigned close = 0; close < 4; close++) {
		struct iommusim_domain *domain;
		struct host host;

		/* With the buffers: no flush, one by hand, the driver's own within its calls; and without them. */
		host_start(&host,
		    &(struct host_setup){ .checked = true,
			.profile = close == 2 ? "reference" : "reference+write_buffer=invalidations",
			.cap_set = close < 3 ? HOST_CAP_RWBF : 0 });
		domain = domain_with(&host, HOST_PPT1);
		if (close == 1)
			host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE | G_WBF);
		at_line(&host, 50);
		assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
		assert_int_equal(
		    found(&host, IOMMUSIM_FINDING_MISSING_WRITE_BUFFER_FLUSH), close == 0 ? 1 : 0);
		if (close == 0)
			assert_contains(only(&host, IOMMUSIM_FINDING_MISSING_WRITE_BUFFER_FLUSH, 50),
			    "the unit at 0xfed91000 has CAP.RWBF=1");
		/* What is stored elsewhere concerns no DMA but those there. */
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x90000, 0x1090000, PAGE));
		assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
		assert_int_equal(
		    found(&host, IOMMUSIM_FINDING_MISSING_WRITE_BUFFER_FLUSH), close == 0 ? 1 : 0);
		host_stop(&host);
	}
}

/* ---- missing-cache-flush ------------------------------------------------------------------------- */

/* Units that do not snoop (ECAP.C=0), and memory that shows it. */
static void start_non_coherent(struct host *host)
{
	static const struct iommusim_dmar_hop hop = { .device = 2 };
	const struct iommusim_dmar_scope scope = {
		.type = IOMMUSIM_SCOPE_ENDPOINT, .hop_count = 1, .hops = &hop
	};
	const uint64_t ecap = host_ecap() & ~UINT64_C(1);

	host_start(
	    host, &(struct host_setup){ .checked = true, .no_units = true, .device_view = true });
	host_add_unit(host, HOST_UNIT0, host_cap(), ecap, &scope);
	host_add_unit(host, HOST_UNIT1, host_cap(), ecap, NULL);
}

static void a_store_that_is_not_written_back(void **state)
{
	(void)state;
	for (unsigned close = 0; close < 2; close++) {
		struct iommusim_domain *domain;
		const uint64_t changed = 0x1006003;
		struct host host;
		uint64_t leaf;

		start_non_coherent(&host);
		domain = domain_with(&host, HOST_PPT1);
		assert_non_null(domain);
		assert_int_equal(dma_verdict(&host, host.ppt1, MAPPED_AT), IOMMUSIM_VERDICT_OK);
		assert_int_equal(found_any(&host), 0);
		leaf = host_leaf_at(&host, HOST_PPT1, MAPPED_AT);
		assert_ok(iommusim_memory_write(host.machine, leaf, &changed, sizeof(changed)));
		if (close)
			assert_ok(iommusim_memory_flush(host.machine, leaf, 8));
		at_line(&host, 50);
		dma_verdict(&host, host.ppt1, MAPPED_AT);
		assert_int_equal(found(&host, IOMMUSIM_FINDING_MISSING_CACHE_FLUSH), 1 - close);
		if (!close) {
			const char *text = only(&host, IOMMUSIM_FINDING_MISSING_CACHE_FLUSH, 50);

			assert_contains(text, "as 0x1005003: 0x1006003 was stored");
			assert_contains(text, "ECAP.C=0");
		}
		host_stop(&host);
	}
}

/* Where the entry is that led the device to its page. */
static uint64_t entry_by(struct host *host, struct iommusim_requester *device, uint64_t address)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = 64, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(host->check, device, &request, NULL, &report));
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
	return report.walk.steps[report.walk.step_count - 1].address;
}

/* AMD-Vi: page tables of a device with DTE.SD=1 (2.2.2.1). */
static void a_device_whose_page_tables_are_not_snooped(void **state)
{
	(void)state;
	for (unsigned disabled = 0; disabled < 2; disabled++) {
		const uint64_t changed = UINT64_C(0x6000000001006001);
		struct host host;
		uint64_t entry, quad, leaf;

		host_start(
		    &host, &(struct host_setup){ .amdvi = true, .checked = true, .device_view = true });
		assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 1));
		assert_non_null(domain_with(&host, HOST_PPT1));
		entry = (host_get(&host, HOST_AMDVI, 0, 8) & UINT64_C(0xffffffffff000)) +
		    HOST_PPT1 * UINT64_C(32) + 8;
		assert_ok(iommusim_memory_read(host.machine, entry, &quad, sizeof(quad)));
		host_store(&host, entry, quad | (uint64_t)disabled << (102 - 64));
		leaf = entry_by(&host, host.ppt1, MAPPED_AT);
		assert_ok(iommusim_memory_write(host.machine, leaf, &changed, sizeof(changed)));
		at_line(&host, 50);
		dma_verdict(&host, host.ppt1, MAPPED_AT);
		assert_int_equal(found(&host, IOMMUSIM_FINDING_MISSING_CACHE_FLUSH), disabled);
		if (disabled)
			assert_contains(
			    only(&host, IOMMUSIM_FINDING_MISSING_CACHE_FLUSH, 50), "DTE.SD=1");
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_that_was_never_on_has_kept_nothing),
		cmocka_unit_test(a_new_root_that_is_used_at_once),
		cmocka_unit_test(one_cache_is_not_both),
		cmocka_unit_test(a_new_root_that_is_flushed_first),
		cmocka_unit_test(a_unit_that_flushes_by_itself),
		cmocka_unit_test(a_new_root_under_translation_is_found_at_the_next_dma),
		cmocka_unit_test(stores_that_may_be_in_write_buffers),
		cmocka_unit_test(a_store_that_is_not_written_back),
		cmocka_unit_test(a_device_whose_page_tables_are_not_snooped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
