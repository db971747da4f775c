/*
 * Out of memory beside a checker: it is not attached by half, calls fail as they should or are
 * judged as they should, and a DMA that cannot be judged is not made. Two checkers on two machines
 * do not meet.
 */
#include "host_attempts.h"

static const char *const both[] = { "13.0", "reference" };

/* ---- attaching ------------------------------------------------------------------------------- */

static void a_checker_is_attached_wholly_or_not_at_all(void **state)
{
	struct host_memory memory;
	struct host host;
	uint64_t n = 1;

	(void)state;
	for (;; n++) {
		int64_t blocks;

		host_memory_init(&memory);
		host_start(&host, &(struct host_setup){ .memory = &memory, .profile = "13.0" });
		blocks = memory.blocks;
		host.check = (struct iommusim_check *)(void *)&host;
		host_memory_arm(&memory, n, n % 2 == 0);
		const enum iommusim_status status = iommusim_check_create(host.vmm, &host.check);
		const bool failed = memory.failed;

		host_memory_arm(&memory, 0, false);
		if (failed) {
			assert_status(status, IOMMUSIM_ENOMEM);
			assert_null(host.check);
			/* The arrays of listeners and watchers may have grown, and stay so. */
			assert_true(memory.blocks <= blocks + 2);
			host_set(&host, HOST_UNIT1, R_GCMD, 4, G_SRTP); /* nobody looks */
			assert_ok(iommusim_vm_create(host.vmm, "vm", NULL));
			assert_ok(iommusim_check_create(host.vmm, &host.check));
		}
		assert_non_null(host.check);
		host_guest(&host, "guest", MIB, HOST_PPT1);
		assert_null(iommusim_check_finding(host.check, 0));
		host_stop(&host);
		assert_int_equal(memory.blocks, 0);
		assert_int_equal(memory.wrong, 0);
		if (!failed)
			break;
	}
	assert_true(n > 4);
}

static void one_checker_a_vmm_and_before_its_first_domain(void **state)
{
	struct iommusim_check *second;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .checked = true });
	second = host.check;
	assert_status(iommusim_check_create(host.vmm, &second), IOMMUSIM_EBUSY);
	assert_null(second);
	iommusim_check_destroy(host.check);        /* nothing was called yet: another may come */
	host_set(&host, HOST_UNIT1, R_GCMD, 4, 0); /* which the first must not look at any more */
	assert_ok(iommusim_check_create(host.vmm, &host.check));
	host_stop(&host);

	host_start(&host, NULL);
	host_init(&host);
	assert_status(iommusim_check_create(host.vmm, &host.check), IOMMUSIM_EBUSY);
	assert_null(host.check);
	host_stop(&host);
	iommusim_check_destroy(NULL);
}

/* ---- calls through the checker --------------------------------------------------------------- */

static void a_call_that_gets_no_memory_leaves_all_as_it_was_for_the_checker_too(void **state)
{
	const struct attempt *attempt;

	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; (attempt = host_attempt(i)) != NULL; i++)
			if (!attempt->frugal_checked &&
			    host_try_every_failure(attempt, both[p], true) == 0)
				fail_msg("%s never failed", attempt->name);
}

static void what_undoes_another_call_does_not_fail_for_the_checker(void **state)
{
	const struct attempt *attempt;

	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; (attempt = host_attempt(i)) != NULL; i++)
			if (attempt->frugal_checked &&
			    host_try_every_failure(attempt, both[p], true) > 0)
				fail_msg("%s takes memory", attempt->name);
}

/* ---- judging --------------------------------------------------------------------------------- */

static void a_dma_that_cannot_be_judged_is_not_made(void **state)
{
	static uint8_t data[40 * PAGE];
	const struct iommusim_dma_request request = {
		.address = 0, .length = sizeof(data), .kind = IOMMUSIM_DMA_WRITE, .data = data
	};
	const struct iommusim_dma_request small = { .length = 8 };
	struct iommusim_requester_counters counters;
	struct iommusim_judgement judgement;
	struct iommusim_report report;
	struct host_memory memory;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	memset(data, 0x5a, sizeof(data));
	host_memory_init(&memory);
	host_start(
	    &host, &(struct host_setup){ .memory = &memory, .profile = "13.0", .checked = true });
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	host_memory_arm(&memory, 1, true);
	assert_status(
	    iommusim_check_dma(host.check, host.ppt1, &request, NULL, &report), IOMMUSIM_ENOMEM);
	assert_status(iommusim_check_judge(host.check, host.ppt1, &small, NULL, &judgement),
	    IOMMUSIM_ENOMEM); /* its reasons could not be kept */
	host_memory_arm(&memory, 0, false);
	iommusim_requester_counters(host.ppt1, &counters);
	assert_int_equal(counters.requests, 0);
	for (uint64_t gpa = 0; gpa < sizeof(data); gpa += PAGE)
		assert_int_equal(host_load(&host, host_hpa(vm, gpa)), 0);
	assert_ok(iommusim_check_dma(host.check, host.ppt1, &request, NULL, &report));
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
	assert_int_equal(report.pages_of_verdict, 40);
	assert_int_equal(host_load(&host, host_hpa(vm, 39 * PAGE)), UINT64_C(0x5a5a5a5a5a5a5a5a));
	host_stop(&host);
	assert_int_equal(memory.blocks, 0);
	assert_int_equal(memory.wrong, 0);
}

static void a_small_dma_needs_no_memory_to_be_judged(void **state)
{
	struct iommusim_dma_request request = { .kind = IOMMUSIM_DMA_READ };
	struct iommusim_report report;
	struct host_memory memory;
	struct host host;
	uint64_t pages;

	(void)state;
	host_memory_init(&memory);
	host_start(&host,
	    &(struct host_setup){ .memory = &memory,
		.profile = "13.0",
		.checked = true,
		.settings = { .cache = IOMMUSIM_CACHE_NONE } }); /* caches may want memory */
	host_guest(&host, "vm", MIB, HOST_PPT1);
	host_memory_arm(&memory, 1, true);
	for (pages = 1; pages <= 16; pages++) {
		request.length = pages * PAGE;
		assert_ok(iommusim_check_dma(host.check, host.ppt1, &request, NULL, &report));
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
		assert_string_equal(report.domain_name, "vm");
		assert_true(report.last_mapped.known);
	}
	request.address = 2 * MIB;
	assert_ok(iommusim_check_dma(host.check, host.ppt1, &request, NULL, &report));
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_false(memory.failed);
	host_stop(&host);
}

static void a_finding_there_is_no_room_for_does_not_fail_its_call(void **state)
{
	struct host_memory memory;
	struct host host;

	(void)state;
	host_memory_init(&memory);
	host_start(
	    &host, &(struct host_setup){ .memory = &memory, .profile = "13.0", .checked = true });
	host_set(&host, HOST_UNIT1, R_RTADDR, 8, 0x1000000);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_SRTP);
	host_set(&host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE);
	host_memory_arm(&memory, 1, true);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_SRTP);
	assert_true(memory.failed);
	host_memory_arm(&memory, 0, false);
	assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, 0); /* it acted all the same */
	assert_null(iommusim_check_finding(host.check, 0));
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_TE);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_SRTP);
	assert_non_null(iommusim_check_finding(host.check, 0)); /* the next one is kept */
	host_stop(&host);
}

static void a_place_there_is_no_room_for_is_unknown_and_not_another_one(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host_memory memory;
	struct host host;
	uint64_t n = 1;

	(void)state;
	for (;; n++) {
		const struct iommusim_dma_request request = {
			.address = 0x10000, .length = 8, .kind = IOMMUSIM_DMA_WRITE
		};
		struct iommusim_place place = { .line = 50 };

		host_memory_init(&memory);
		host_start(&host,
		    &(struct host_setup){ .memory = &memory, .profile = "13.0", .checked = true });
		iommusim_check_set_place(host.check, &place);
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x10000, 0, 0x4000));
		for (unsigned i = 0; i < 12; i++) { /* so that the list of places is full at times */
			place.line = 51 + i;
			iommusim_check_set_place(host.check, &place);
			host_memory_arm(&memory, i + 1 == n ? 1 : 0, true);
			const enum iommusim_status status = iommusim_iommu_create_mapping(
			    host.vmm, domain, 0x10000 + i % 2 * PAGE, 0x40000, PAGE);
			const bool failed = memory.failed;

			host_memory_arm(&memory, 0, false);
			if (status != IOMMUSIM_OK)
				assert_status(status, IOMMUSIM_ENOMEM);
			if (i % 2 != 0 || status != IOMMUSIM_OK)
				continue;
			assert_ok(iommusim_check_dma(host.check, host.ppt1, &request, NULL, &report));
			if (!failed)
				assert_true(report.last_mapped.known);
			if (report.last_mapped.known)
				assert_int_equal(report.last_mapped.place.line, 51 + i);
		}
		host_stop(&host);
		assert_int_equal(memory.blocks, 0);
		if (n == 12)
			break;
	}
}

/* ---- two of everything ----------------------------------------------------------------------- */

static void two_checkers_on_two_machines_do_not_see_each_other(void **state)
{
	const struct iommusim_dma_request request = {
		.address = 0x8000, .length = 8, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_report a_report, b_report;
	struct host a, b;

	(void)state;
	host_start(&a, &(struct host_setup){ .profile = "13.0", .checked = true });
	host_start(&b, &(struct host_setup){ .profile = "13.1", .checked = true });
	iommusim_check_set_place(a.check, &(struct iommusim_place){ .line = 1 });
	iommusim_check_set_place(b.check, &(struct iommusim_place){ .line = 2 });
	host_guest(&a, "of-a", MIB, HOST_PPT1);
	/* b has not begun, though a's IOMMU translates and a's device is in a domain. */
	assert_ok(iommusim_check_dma(b.check, b.ppt1, &request, NULL, &b_report));
	assert_int_equal(b_report.verdict, IOMMUSIM_VERDICT_UNPROTECTED);
	assert_status(
	    iommusim_check_dma(b.check, b.ppt1, &request, "of-a", &b_report), IOMMUSIM_ENOENT);
	host_guest(&b, "of-b", MIB, HOST_PPT2);
	assert_ok(iommusim_check_dma(a.check, a.ppt1, &request, NULL, &a_report));
	assert_ok(iommusim_check_dma(b.check, b.ppt1, &request, NULL, &b_report));
	assert_int_equal(a_report.verdict, IOMMUSIM_VERDICT_OK);
	assert_int_equal(a_report.last_mapped.place.line, 1);
	assert_string_equal(a_report.domain_name, "of-a");
	assert_int_equal(b_report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_ok(iommusim_check_dma(b.check, b.ppt2, &request, NULL, &b_report));
	assert_int_equal(b_report.last_mapped.place.line, 2);
	assert_string_equal(b_report.domain_name, "of-b");
	/* The same registers at the same address: each looks at its own. */
	host_set(&a, HOST_UNIT1, R_GCMD, 4, G_SRTP);
	assert_non_null(iommusim_check_finding(a.check, 0));
	assert_null(iommusim_check_finding(b.check, 0));
	host_stop(&a);
	assert_ok(iommusim_check_dma(b.check, b.ppt2, &request, NULL, &b_report));
	assert_int_equal(b_report.verdict, IOMMUSIM_VERDICT_OK);
	host_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_checker_is_attached_wholly_or_not_at_all),
		cmocka_unit_test(one_checker_a_vmm_and_before_its_first_domain),
		cmocka_unit_test(a_call_that_gets_no_memory_leaves_all_as_it_was_for_the_checker_too),
		cmocka_unit_test(what_undoes_another_call_does_not_fail_for_the_checker),
		cmocka_unit_test(a_dma_that_cannot_be_judged_is_not_made),
		cmocka_unit_test(a_small_dma_needs_no_memory_to_be_judged),
		cmocka_unit_test(a_finding_there_is_no_room_for_does_not_fail_its_call),
		cmocka_unit_test(a_place_there_is_no_room_for_is_unknown_and_not_another_one),
		cmocka_unit_test(two_checkers_on_two_machines_do_not_see_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
