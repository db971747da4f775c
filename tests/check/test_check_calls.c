/* Findings that calls, registers and firmware tell: each provoked, and each nearly provoked; and suppression. */
#include "check/findings.h"

#define WIDE (UINT64_C(1) << 39)

static void start(struct host *host, const char *profile, bool amdvi)
{
	host_start(host, &(struct host_setup){ .profile = profile, .checked = true, .amdvi = amdvi });
	if (amdvi)
		assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
}

static struct iommusim_domain *domain_of(struct host *host, uint64_t size)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, size, &domain));
	return domain;
}

/* ---- unaligned-mapping --------------------------------------------------------------------------- */

static void what_is_no_whole_page_is_found(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	for (int amdvi = 0; amdvi < 2; amdvi++) {
		(void)state;
		start(&host, "reference", amdvi != 0);
		domain = domain_of(&host, GIB);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x1000, 0x2000, PAGE));
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x1000, PAGE));
		assert_int_equal(findings_all(&host), 0);
		iommusim_iommu_create_mapping(host.vmm, domain, 0x1800, 0x2000, PAGE);
		assert_contains(finding_text(&host, IOMMUSIM_FINDING_UNALIGNED_MAPPING), "0x1800");
		iommusim_iommu_create_mapping(host.vmm, domain, 0x1000, 0x2200, PAGE);
		iommusim_iommu_remove_mapping(host.vmm, domain, 0x1000, 0x800);
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_UNALIGNED_MAPPING), 3);
		host_stop(&host);
	}
}

/* ---- address-beyond-width ------------------------------------------------------------------------ */

static void an_address_beyond_the_tables_is_found_where_nobody_refuses_it(void **state)
{
	static const struct {
		bool amdvi;
		uint64_t end; /* of what the tables of a small domain translate */
		const char *low;
	} rows[] = { { false, WIDE, "stands for 0x3000" },
		{ true, UINT64_C(1) << 48, "stands for 0x3000" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct iommusim_domain *domain;
		struct host host;

		start(&host, "13.0", rows[i].amdvi);
		domain = domain_of(&host, GIB);
		assert_ok(
		    iommusim_iommu_create_mapping(host.vmm, domain, rows[i].end - PAGE, 0x2000, PAGE));
		assert_int_equal(findings_all(&host), 0);
		assert_ok(iommusim_iommu_create_mapping(
		    host.vmm, domain, rows[i].end + 0x3000, 0x2000, PAGE));
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_ADDRESS_BEYOND_WIDTH), 1);
		assert_contains(
		    finding_text(&host, IOMMUSIM_FINDING_ADDRESS_BEYOND_WIDTH), rows[i].low);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, rows[i].end + 0x3000, PAGE));
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_ADDRESS_BEYOND_WIDTH), 2);
		host_stop(&host);
		/* Who looks refuses it, and nothing is mapped. */
		start(&host, "reference", rows[i].amdvi);
		domain = domain_of(&host, GIB);
		assert_status(
		    iommusim_iommu_create_mapping(host.vmm, domain, rows[i].end, 0x2000, PAGE),
		    IOMMUSIM_EINVAL);
		assert_int_equal(findings_all(&host), 0);
		host_stop(&host);
	}
}

/* ---- poll-never-ends ----------------------------------------------------------------------------- */

static void a_register_that_never_changes_is_found_once(void **state)
{
	struct host host;

	(void)state;
	start(&host, "reference", false);
	host_set(&host, HOST_UNIT1, R_FECTL, 4, UINT64_C(0x80000000));
	for (unsigned i = 0; i < 999; i++)
		host_get(&host, HOST_UNIT1, R_GSTS, 4);
	host_get(&host, HOST_UNIT1, R_RTADDR, 8); /* something else, and it begins anew */
	for (unsigned i = 0; i < 999; i++)
		host_get(&host, HOST_UNIT1, R_GSTS, 4);
	assert_int_equal(findings_all(&host), 0);
	host_get(&host, HOST_UNIT1, R_GSTS, 4);
	assert_contains(finding_text(&host, IOMMUSIM_FINDING_POLL_NEVER_ENDS), "read GSTS");
	assert_contains(finding_text(&host, IOMMUSIM_FINDING_POLL_NEVER_ENDS), "FECTL");
	host_get(&host, HOST_UNIT1, R_GSTS, 4);
	assert_int_equal(findings_all(&host), 1);
	host_stop(&host);
}

static void a_unit_that_is_slow_is_waited_for(void **state)
{
	struct host host;

	(void)state;
	host_start(&host,
	    &(struct host_setup){
		.profile = "reference", .checked = true, .settings = { .latency = 3000 } });
	host_init(&host);
	assert_int_equal(findings_all(&host), 0);
	host_stop(&host);
}

static void a_mapping_call_that_does_nothing_is_found(void **state)
{
	struct host_backend backend;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host,
	    &(struct host_setup){ .checked = true, .ops = &backend.ops, .ops_context = &backend });
	domain = domain_of(&host, GIB);
	assert_int_equal(findings_all(&host), 0);
	backend.lazy = true;
	iommusim_iommu_create_mapping(host.vmm, domain, 0x1000, 0x2000, PAGE);
	assert_contains(finding_text(&host, IOMMUSIM_FINDING_POLL_NEVER_ENDS), "for ever");
	host_stop(&host);
}

/* ---- table-leak ---------------------------------------------------------------------------------- */

static void tables_of_a_domain_that_nobody_destroyed_are_found(void **state)
{
	for (int amdvi = 0; amdvi < 2; amdvi++) {
		struct iommusim_domain *kept, *gone;
		struct host host;

		(void)state;
		start(&host, "reference", amdvi != 0);
		gone = domain_of(&host, GIB);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, gone, 0, 0, 4 * MIB));
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, gone));
		assert_int_equal(findings_all(&host), 0);
		kept = domain_of(&host, GIB);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, kept, 0, 0, 4 * MIB));
		assert_ok(iommusim_vmm_unload(host.vmm));
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_TABLE_LEAK), 1);
		assert_contains(finding_text(&host, IOMMUSIM_FINDING_TABLE_LEAK), "never destroyed");
		host_stop(&host);
	}
}

/* A backend that takes a page for a table with each mapping call, and gives them back with the domain, or not. */
struct table_taker {
	struct host_backend backend; /* first: what it writes down needs it */
	enum iommusim_status (*map)(
	    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done);
	void (*destroy)(void *context, void *domain);
	struct host *host;
	unsigned pages;
	unsigned kept; /* of them it does not give back so many */
};

#define TAKEN_AT(n) (UINT64_C(0x2000000) + (n)*PAGE)

static enum iommusim_status take_and_map(
    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct table_taker *taker = context;

	iommusim_memory_taken(taker->host->machine, TAKEN_AT(taker->pages++));
	return taker->map(context, domain, gpa, hpa, length, done);
}

static void give_back_and_destroy(void *context, void *domain)
{
	struct table_taker *taker = context;

	while (taker->pages > taker->kept)
		iommusim_memory_given_back(taker->host->machine, TAKEN_AT(--taker->pages));
	taker->destroy(context, domain);
}

static void tables_that_outlive_their_domain_are_found(void **state)
{
	(void)state;
	for (unsigned kept = 0; kept < 2; kept++) {
		struct table_taker taker = { .kept = kept };
		struct iommusim_domain *domain;
		struct host host;

		host_backend_init(&taker.backend);
		taker.host = &host;
		taker.map = taker.backend.ops.create_mapping;
		taker.destroy = taker.backend.ops.destroy_domain;
		taker.backend.ops.create_mapping = take_and_map;
		taker.backend.ops.destroy_domain = give_back_and_destroy;
		host_start(&host,
		    &(struct host_setup){
			.checked = true, .ops = &taker.backend.ops, .ops_context = &taker });
		host_init(&host);
		taker.pages = 0; /* the host domain's are another matter */
		domain = domain_of(&host, GIB);
		for (unsigned i = 0; i < 3; i++)
			assert_ok(iommusim_iommu_create_mapping(
			    host.vmm, domain, i * PAGE, 0x2000 + i * PAGE, PAGE));
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_TABLE_LEAK), kept);
		if (kept > 0)
			assert_contains(
			    finding_text(&host, IOMMUSIM_FINDING_TABLE_LEAK), "and 1 of the pages");
		host_stop(&host);
	}
}

/* ---- fault-log-overflow -------------------------------------------------------------------------- */

#define R_FSTS 0x034u

static void blocked(struct host *host, struct iommusim_requester *device)
{
	const struct iommusim_dma_request request = { .address = UINT64_C(1) << 36,
		.length = UINT64_C(16) * 4096 * 20,
		.kind = IOMMUSIM_DMA_WRITE };
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(host->check, device, &request, NULL, &report));
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
}

static void a_full_log_is_found_where_somebody_reads_it(void **state)
{
	struct host host;

	(void)state;
	start(&host, "reference", false);
	host_init(&host);
	blocked(&host, host.ppt1);
	assert_int_not_equal(host_get(&host, HOST_UNIT1, R_FSTS, 4) & 1, 0);
	assert_int_equal(findings_all(&host), 0); /* nobody had ever read it: nothing more is lost */
	host_set(&host, HOST_UNIT1, R_FSTS, 4, 1);
	blocked(&host, host.ppt1);
	assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_FAULT_LOG_OVERFLOW), 1);
	assert_contains(finding_text(&host, IOMMUSIM_FINDING_FAULT_LOG_OVERFLOW), "07:00.0");
	blocked(&host, host.ppt1);
	assert_int_equal(findings_all(&host), 1); /* it is full still */
	host_stop(&host);
}

/* ---- firmware-range-not-mapped -------------------------------------------------------------------- */

/* The fixture's table, and an RMRR of 7/0/0 from 0x700000 to 0x701fff (VT-d 8.4). */
static struct builder table_with_rmrr(void)
{
	struct builder table = builder_begin();

	ADD(&table, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&table, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 1, 0, 32, 0, 0, 0, 0, 0, 0x00, 0x00, 0x70, 0, 0, 0, 0, 0);
	ADD(&table, 0xff, 0x1f, 0x70, 0, 0, 0, 0, 0);
	ADD(&table, 1, 8, 0, 0, 0, 7, 0, 0);
	builder_finish(&table);
	return table;
}

static void an_rmrr_that_the_domain_lacks_is_found(void **state)
{
	struct builder table = table_with_rmrr();
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(
	    &host, &(struct host_setup){ .profile = "reference", .checked = true, .table = &table });
	host_init(&host);
	domain = domain_of(&host, GIB);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x700000, 0x700000, PAGE));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT2)); /* not its range */
	assert_int_equal(findings_all(&host), 0);
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_FIRMWARE_RANGE_NOT_MAPPED), 1);
	assert_contains(
	    finding_text(&host, IOMMUSIM_FINDING_FIRMWARE_RANGE_NOT_MAPPED), "0x701000 is not mapped");
	/* With the second page there, all is well. */
	assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x701000, 0x701000, PAGE));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_int_equal(findings_all(&host), 1);
	host_stop(&host);
}

/* ---- suppression --------------------------------------------------------------------------------- */

static bool suppressed(
    struct host *host, struct iommusim_domain *domain, const char *file, uint32_t line)
{
	size_t count;

	iommusim_check_set_place(host->check, &(struct iommusim_place){ .file = file, .line = line });
	iommusim_iommu_create_mapping(host->vmm, domain, 0x800, 0x2000, PAGE);
	count = findings_all(host);
	assert_true(count > 0);
	return iommusim_check_finding(host->check, count - 1)->suppressed;
}

static void findings_are_suppressed_by_id_and_place(void **state)
{
	struct iommusim_suppression one = {
		.id = IOMMUSIM_FINDING_UNALIGNED_MAPPING, .file = "vtd.c", .first = 10, .last = 20
	};
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "reference", false);
	domain = domain_of(&host, GIB);
	assert_false(suppressed(&host, domain, "intel/vtd.c", 15));
	assert_ok(iommusim_check_suppress(host.check, &one));
	assert_true(suppressed(&host, domain, "intel/vtd.c", 10));
	assert_true(suppressed(&host, domain, "vtd.c", 20));
	assert_false(suppressed(&host, domain, "intel/vtd.c", 21));
	assert_false(suppressed(&host, domain, "intel/svtd.c", 15));
	assert_false(suppressed(&host, domain, NULL, 15));
	one = (struct iommusim_suppression){ .id = IOMMUSIM_FINDING_TABLE_LEAK };
	assert_ok(iommusim_check_suppress(host.check, &one));
	assert_false(suppressed(&host, domain, "a.c", 1));
	one = (struct iommusim_suppression){ .id = IOMMUSIM_FINDING_COUNT, .first = 1 };
	assert_ok(iommusim_check_suppress(host.check, &one));
	assert_true(suppressed(&host, domain, "a.c", 1));
	assert_false(suppressed(&host, domain, "a.c", 2));
	one.last = 0;
	one.first = 0;
	assert_ok(iommusim_check_suppress(host.check, &one));
	assert_true(suppressed(&host, domain, "a.c", 2));
	one = (struct iommusim_suppression){ .id = IOMMUSIM_FINDING_COUNT, .first = 5, .last = 4 };
	assert_status(iommusim_check_suppress(host.check, &one), IOMMUSIM_EINVAL);
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_whole_page_is_found),
		cmocka_unit_test(an_address_beyond_the_tables_is_found_where_nobody_refuses_it),
		cmocka_unit_test(a_register_that_never_changes_is_found_once),
		cmocka_unit_test(a_unit_that_is_slow_is_waited_for),
		cmocka_unit_test(a_mapping_call_that_does_nothing_is_found),
		cmocka_unit_test(tables_of_a_domain_that_nobody_destroyed_are_found),
		cmocka_unit_test(tables_that_outlive_their_domain_are_found),
		cmocka_unit_test(a_full_log_is_found_where_somebody_reads_it),
		cmocka_unit_test(an_rmrr_that_the_domain_lacks_is_found),
		cmocka_unit_test(findings_are_suppressed_by_id_and_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
