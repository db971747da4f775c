/*
 * iommusim_iommu_create_mapping_list(): it is the calls for one page, one after the other. What it makes, where it
 * ends, and who hears of it.
 */
#include <stdlib.h>

#include <iommusim/trace.h>

#include "vmm/tables.h"

/* A domain with ppt2 in it. */
static struct iommusim_domain *own_domain(struct host *host, uint64_t size)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
	assert_ok(iommusim_iommu_create_domain(host->vmm, size, &domain));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, HOST_PPT2));
	return domain;
}

/* ---- what it makes ------------------------------------------------------------------------------- */

static void each_page_goes_where_the_list_says(void **state)
{
	/* Across the end of a table, the same page twice, the last of 2^52 bytes. */
	static const uint64_t pages[] = { 0x9000, 0x5000, 0x9000, UINT64_C(0xffffffffff000) };
	struct host host;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct iommusim_domain *domain;
		size_t mapped = 99;

		host_start(&host, &(struct host_setup){ .amdvi = amdvi });
		domain = own_domain(&host, GIB);
		assert_ok(
		    iommusim_iommu_create_mapping_list(host.vmm, domain, 0x1fe000, pages, 4, &mapped));
		assert_int_equal(mapped, 4);
		assert_true(host_look(host.ppt2, 0x1fd000).faulted);
		assert_int_equal(host_look(host.ppt2, 0x1fe000).physical, 0x9000);
		assert_int_equal(host_look(host.ppt2, 0x1ff008).physical, 0x5008);
		assert_int_equal(host_look(host.ppt2, 0x200000).physical, 0x9000);
		assert_true(host_look(host.ppt2, 0x202000).faulted);
		/* What is there is replaced. */
		assert_ok(
		    iommusim_iommu_create_mapping_list(host.vmm, domain, 0x1ff000, pages, 1, NULL));
		assert_int_equal(host_look(host.ppt2, 0x1ff000).physical, 0x9000);
		assert_int_equal(host_look(host.ppt2, 0x200000).physical, 0x9000);
		host_stop(&host);
	}
}

/* An argument like others, where there is an IOMMU; without one nobody has a domain. */
static void a_mapping_of_no_domain_is_an_error(void **state)
{
	static const uint64_t pages[] = { 0x9000 };
	struct host host;
	size_t mapped = 99;

	(void)state;
	host_start(&host, NULL);
	own_domain(&host, GIB);
	assert_int_equal(
	    iommusim_iommu_create_mapping(host.vmm, NULL, 0x5000, 0x9000, PAGE), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_iommu_remove_mapping(host.vmm, NULL, 0x5000, PAGE), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_iommu_create_mapping_list(host.vmm, NULL, 0x5000, pages, 1, &mapped),
	    IOMMUSIM_EINVAL);
	assert_int_equal(mapped, 0);
	host_stop(&host);
}

/* Entries by hand: VT-d 9.8, R and W; AMD-Vi 2.2.3, PR, IR and IW. */
static void its_entries_are_leaves_to_read_and_write(void **state)
{
	static const uint64_t pages[] = { 0x9000, UINT64_C(0xffffffffff000) };
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_iommu_create_mapping_list(
	    host.vmm, own_domain(&host, GIB), 0x3000, pages, 2, NULL));
	assert_int_equal(host_load(&host, host_leaf_at(&host, HOST_PPT2, 0x3000)), 0x9003);
	assert_int_equal(
	    host_load(&host, host_leaf_at(&host, HOST_PPT2, 0x4000)), UINT64_C(0xffffffffff003));
	host_stop(&host);
}

static void a_list_of_nothing_is_nothing(void **state)
{
	struct iommusim_domain *domain;
	struct host host;
	size_t mapped = 99;

	(void)state;
	host_start(&host, NULL);
	domain = own_domain(&host, GIB);
	assert_ok(iommusim_iommu_create_mapping_list(host.vmm, domain, 0x123, NULL, 0, &mapped));
	assert_int_equal(mapped, 0);
	host_stop(&host);
}

/* ---- where it ends ------------------------------------------------------------------------------- */

/* Two hosts, one of which has the list and the other one call for each page. */
struct pair {
	struct host hosts[2];
	struct tables tables[2];
};

static void start_pair(struct pair *pair, const char *profile, bool amdvi, uint64_t size)
{
	for (unsigned i = 0; i < 2; i++) {
		host_start(&pair->hosts[i], &(struct host_setup){ .profile = profile, .amdvi = amdvi });
		pair->tables[i] = (struct tables){
			.host = &pair->hosts[i],
			.domain = own_domain(&pair->hosts[i], size),
			.amdvi = amdvi,
		};
	}
}

static void stop_pair(struct pair *pair)
{
	host_stop(&pair->hosts[0]);
	host_stop(&pair->hosts[1]);
}

/* Both ways come to the same in all that can be seen. Returns how many pages were mapped. */
static size_t assert_same(
    struct pair *pair, uint64_t gpa, const uint64_t *pages, size_t count, enum iommusim_status expected)
{
	enum iommusim_status status = IOMMUSIM_OK;
	size_t mapped = 99, done = 0;

	assert_status(iommusim_iommu_create_mapping_list(
			  pair->hosts[0].vmm, pair->tables[0].domain, gpa, pages, count, &mapped),
	    expected);
	while (done < count && status == IOMMUSIM_OK) {
		status = iommusim_iommu_create_mapping(
		    pair->hosts[1].vmm, pair->tables[1].domain, gpa + done * PAGE, pages[done], PAGE);
		done += status == IOMMUSIM_OK;
	}
	assert_status(status, expected);
	assert_int_equal(mapped, done);
	assert_string_equal(iommusim_machine_diagnostic(pair->hosts[0].machine)->text,
	    iommusim_machine_diagnostic(pair->hosts[1].machine)->text);
	assert_true(tables_are_alike(&pair->tables[0], &pair->tables[1]));
	return mapped;
}

static void the_first_bad_page_ends_it_and_those_before_stay(void **state)
{
	static const char *const profiles[] = { "reference", "13.0" };
	static const uint64_t odd[] = { 0x5000, 0x6000, 0x7001, 0x8000 };
	static const uint64_t last[] = { 0x5000, UINT64_C(0xfffffffffffff000), 0x8000 };
	static const uint64_t wide[] = { 0x5000, UINT64_C(0xfff0000000006000), 0x7000 };
	struct pair pair;

	(void)state;
	for (unsigned which = 0; which < 4; which++) {
		start_pair(&pair, profiles[which / 2], which % 2, GIB);
		assert_int_equal(assert_same(&pair, 0x1fe000, odd, 4, IOMMUSIM_EINVAL), 2);
		assert_contains(
		    iommusim_machine_diagnostic(pair.hosts[0].machine)->text, "at 0x200000:");
		assert_int_equal(assert_same(&pair, 0x300000, last, 3, IOMMUSIM_EINVAL), 1);
		assert_int_equal(assert_same(&pair, 0x400000, wide, 3, IOMMUSIM_OK), 3);
		assert_int_equal(assert_same(&pair, 0x400800, wide, 3, IOMMUSIM_EINVAL), 0);
		assert_int_equal(
		    assert_same(&pair, UINT64_C(0xfffffffffffff000), wide, 1, IOMMUSIM_EINVAL), 0);
		stop_pair(&pair);
	}
}

/* 1 GiB and VT-d: tables of 39 bits. The reference looks, 13.0 lets addresses wrap onto low ones. */
static void it_ends_where_the_domain_does(void **state)
{
	static const uint64_t pages[] = { 0x5000, 0x6000, 0x7000, 0x8000 };
	const uint64_t near_the_end = (UINT64_C(1) << 39) - 2 * PAGE;
	struct pair pair;

	(void)state;
	start_pair(&pair, "reference", false, GIB);
	assert_int_equal(assert_same(&pair, near_the_end, pages, 4, IOMMUSIM_EINVAL), 2);
	stop_pair(&pair);
	start_pair(&pair, "13.0", false, GIB);
	assert_int_equal(assert_same(&pair, near_the_end, pages, 4, IOMMUSIM_OK), 4);
	assert_int_equal(host_look(pair.hosts[0].ppt2, 0x1000).physical, 0x8000);
	stop_pair(&pair);
}

/* The host has 64 MiB and less than 16 of them for tables: of 5000 that this wants, some cannot be had. */
static void it_ends_where_tables_do(void **state)
{
	enum { MANY = 5000 * 512 };
	uint64_t *pages = calloc(MANY, sizeof(*pages));
	struct pair pair;

	(void)state;
	assert_non_null(pages);
	for (unsigned i = 0; i < MANY; i++)
		pages[i] = (i * UINT64_C(7919) % 16384) * PAGE;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		size_t mapped;

		start_pair(&pair, "reference", amdvi, UINT64_C(1) << 38);
		mapped = assert_same(&pair, 3 * PAGE, pages, MANY, IOMMUSIM_ENOMEM);
		assert_true(mapped > 512 && mapped < MANY);
		assert_int_equal(mapped % 512, 509); /* the first page of a table that is not there */
		stop_pair(&pair);
	}
	free(pages);
}

/* ---- ops ----------------------------------------------------------------------------------------- */

static void a_driver_without_lists_is_asked_page_by_page(void **state)
{
	static const uint64_t pages[] = { 0x9000, 0x5000, 0x7000 };
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct host host;
	size_t mapped = 99;

	(void)state;
	host_backend_init(&backend);
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	host_backend_forget(&backend);
	backend.map = IOMMUSIM_EIO;
	backend.fail_from = 0x3000;
	assert_status(iommusim_iommu_create_mapping_list(host.vmm, domain, 0x1000, pages, 3, &mapped),
	    IOMMUSIM_EIO);
	assert_int_equal(mapped, 2);
	assert_string_equal(backend.log.text,
	    "map 2 0x1000 0x9000 0x1000\n"
	    "map 2 0x2000 0x5000 0x1000\n"
	    "map 2 0x3000 0x7000 0x1000\n");
	host_stop(&host);
}

/* A driver's own op for lists: at most two pages a call, and none from page 0x5000 of the domain on. */
static enum iommusim_status two_at_most(
    void *context, void *domain, uint64_t gpa, const uint64_t *pages, size_t count, size_t *done)
{
	struct host_backend *backend = context;

	(void)domain;
	host_text_add(&backend->log, "list 0x%llx 0x%llx %zu\n", (unsigned long long)gpa,
	    (unsigned long long)pages[0], count);
	*done = gpa >= 0x5000 ? 0 : count < 2 ? count : 2;
	return *done == 0 ? IOMMUSIM_EIO : IOMMUSIM_OK;
}

static void a_driver_with_lists_may_do_less_than_it_was_asked(void **state)
{
	static const uint64_t pages[] = { 0x9000, 0x5000, 0x7000, 0x8000, 0xa000 };
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct host host;
	size_t mapped = 99;

	(void)state;
	host_backend_init(&backend);
	backend.ops.create_mapping_list = two_at_most;
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	host_backend_forget(&backend);
	assert_status(iommusim_iommu_create_mapping_list(host.vmm, domain, 0x1000, pages, 5, &mapped),
	    IOMMUSIM_EIO);
	assert_int_equal(mapped, 4);
	assert_string_equal(backend.log.text,
	    "list 0x1000 0x9000 5\n"
	    "list 0x3000 0x7000 3\n"
	    "list 0x5000 0xa000 1\n");
	host_stop(&host);
}

/* ---- who hears of it ------------------------------------------------------------------------------ */

struct heard {
	uint64_t gpa[8], hpa[8];
	unsigned count;
};

static void hear(void *context, const struct iommusim_call *call)
{
	struct heard *heard = context;

	if (call->kind != IOMMUSIM_CALL_CREATE_MAPPING)
		return;
	assert_in_range(heard->count, 0, 7);
	assert_int_equal(call->length, 0x1000);
	assert_int_equal(call->depth, 0);
	heard->gpa[heard->count] = call->address;
	heard->hpa[heard->count++] = call->host_address;
}

static void listeners_hear_of_each_page_and_of_none_after_a_bad_one(void **state)
{
	static const uint64_t pages[] = { 0x9000, 0x5000, 0x7001, 0x8000 };
	struct heard heard = { .count = 0 };
	const struct iommusim_listener listener = { .context = &heard, .end = hear };
	struct iommusim_domain *domain;
	struct host host;
	size_t mapped = 99;

	(void)state;
	host_start(&host, NULL);
	domain = own_domain(&host, GIB);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x1ff000, 0x1000, PAGE));
	assert_ok(iommusim_vmm_listen(host.vmm, &listener));
	assert_status(iommusim_iommu_create_mapping_list(host.vmm, domain, 0x1ff000, pages, 4, &mapped),
	    IOMMUSIM_EINVAL);
	assert_int_equal(mapped, 2);
	assert_int_equal(heard.count, 3); /* the bad one, too: it was a call */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(heard.gpa[i], 0x1ff000 + i * PAGE);
		assert_int_equal(heard.hpa[i], pages[i]);
	}
	host_stop(&host);
}

static void a_recording_has_a_line_for_each_page(void **state)
{
	static const uint64_t pages[] = { 0x9000, 0x5000 };
	static struct host_text text;
	const struct iommusim_text out = { .context = &text, .put = host_text_put };
	struct iommusim_recorder *recorder;
	struct host host;

	(void)state;
	text.length = 0;
	host_start(&host, NULL);
	assert_ok(iommusim_recorder_create(host.vmm, &out, &recorder));
	assert_ok(iommusim_iommu_create_mapping_list(
	    host.vmm, own_domain(&host, GIB), 0x3000, pages, 2, NULL));
	iommusim_recorder_destroy(recorder);
	assert_contains(text.text, "iommu_create_mapping(dom1, 0x3000, 0x9000, 0x1000)\n");
	assert_contains(text.text, "iommu_create_mapping(dom1, 0x4000, 0x5000, 0x1000)\n");
	host_stop(&host);
}

static enum iommusim_verdict judge(struct host *host, uint64_t address)
{
	uint8_t data[8] = { 0 };
	const struct iommusim_dma_request request = {
		.address = address, .length = 8, .kind = IOMMUSIM_DMA_WRITE, .data = data
	};
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(host->check, host->ppt2, &request, NULL, &report));
	return report.verdict;
}

static void a_checker_knows_what_a_list_gave(void **state)
{
	static const uint64_t pages[] = { 0x900000, 0x500000 };
	struct host host;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct iommusim_domain *domain;

		host_start(&host, &(struct host_setup){ .checked = true, .amdvi = amdvi });
		domain = own_domain(&host, GIB);
		assert_ok(iommusim_iommu_create_mapping_list(host.vmm, domain, 0x3000, pages, 2, NULL));
		assert_int_equal(judge(&host, 0x3000), IOMMUSIM_VERDICT_OK);
		assert_int_equal(judge(&host, 0x4000), IOMMUSIM_VERDICT_OK);
		assert_int_equal(judge(&host, 0x5000), IOMMUSIM_VERDICT_BLOCKED);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x4000, PAGE));
		assert_int_equal(judge(&host, 0x4000), IOMMUSIM_VERDICT_STALE);
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
		assert_int_equal(judge(&host, 0x4000), IOMMUSIM_VERDICT_BLOCKED);
		assert_int_equal(judge(&host, 0x3000), IOMMUSIM_VERDICT_OK);
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_of_no_domain_is_an_error),
		cmocka_unit_test(each_page_goes_where_the_list_says),
		cmocka_unit_test(its_entries_are_leaves_to_read_and_write),
		cmocka_unit_test(a_list_of_nothing_is_nothing),
		cmocka_unit_test(the_first_bad_page_ends_it_and_those_before_stay),
		cmocka_unit_test(it_ends_where_the_domain_does),
		cmocka_unit_test(it_ends_where_tables_do),
		cmocka_unit_test(a_driver_without_lists_is_asked_page_by_page),
		cmocka_unit_test(a_driver_with_lists_may_do_less_than_it_was_asked),
		cmocka_unit_test(listeners_hear_of_each_page_and_of_none_after_a_bad_one),
		cmocka_unit_test(a_recording_has_a_line_for_each_page),
		cmocka_unit_test(a_checker_knows_what_a_list_gave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
