/*
 * Out of memory, of both kinds: the process has none for the library, or the simulated kernel has
 * no page for a table. A call that fails leaves everything as it was, loses nothing, and works
 * afterwards.
 */
#include "host_attempts.h"

#include "vmm/state.h"

static const char *const both[] = { "13.0", "reference" };

/* ---- the process has none -------------------------------------------------------------------- */

static void a_call_that_gets_no_memory_leaves_all_as_it_was(void **state)
{
	const struct attempt *attempt;

	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; (attempt = host_attempt(i)) != NULL; i++)
			if (!attempt->frugal && host_try_every_failure(attempt, both[p], false) == 0)
				fail_msg("%s never failed", attempt->name);
}

static void what_undoes_or_only_passes_on_needs_no_memory(void **state)
{
	const struct attempt *attempt;

	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; (attempt = host_attempt(i)) != NULL; i++)
			if (attempt->frugal && host_try_every_failure(attempt, both[p], false) > 0)
				fail_msg("%s takes memory", attempt->name);
}

static void stop(struct host *host, const struct host_memory *memory)
{
	host_stop(host);
	assert_int_equal(memory->blocks, 0);
	assert_int_equal(memory->bytes, 0);
	assert_int_equal(memory->wrong, 0);
}

static void vmm_itself_is_not_made_without_memory(void **state)
{
	struct host_memory memory;
	struct iommusim_vmm *vmm;
	struct host host;
	uint64_t n = 1;

	(void)state;
	host_memory_init(&memory);
	host_start(&host, &(struct host_setup){ .memory = &memory });
	const int64_t blocks = memory.blocks;
	for (;; n++) {
		host_memory_arm(&memory, n, false);
		vmm = (struct iommusim_vmm *)(void *)&host;
		const enum iommusim_status status = iommusim_vmm_create(host.machine, NULL, &vmm);

		if (!memory.failed) {
			assert_ok(status);
			break;
		}
		assert_status(status, IOMMUSIM_ENOMEM);
		assert_null(vmm);
		assert_int_equal(memory.blocks, blocks);
	}
	assert_true(n > 2);
	host_memory_arm(&memory, 0, false);
	iommusim_vmm_destroy(vmm);
	stop(&host, &memory);
}

static void count_call(void *context, const struct iommusim_call *call)
{
	(void)call;
	++*(unsigned *)context;
}

static void a_listener_there_is_no_room_for_is_not_told(void **state)
{
	unsigned calls[9] = { 0 };
	struct host_memory memory;
	struct host host;

	(void)state;
	host_memory_init(&memory);
	host_start(&host, &(struct host_setup){ .memory = &memory });
	for (unsigned i = 0; i < 8; i++) {
		const struct iommusim_listener listener = { .context = &calls[i], .end = count_call };

		if (i == 0) {
			host_memory_arm(&memory, 1, true);
			assert_status(iommusim_vmm_listen(host.vmm, &listener), IOMMUSIM_ENOMEM);
			host_memory_arm(&memory, 0, false);
		}
		assert_ok(iommusim_vmm_listen(host.vmm, &listener));
	}
	const struct iommusim_listener ninth = { .context = &calls[8], .end = count_call };
	host_memory_arm(&memory, 1, true);
	assert_status(iommusim_vmm_listen(host.vmm, &ninth), IOMMUSIM_ENOMEM);
	host_memory_arm(&memory, 0, false);
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.dmar.enable", 1));
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(calls[i], 1);
	assert_int_equal(calls[8], 0);
	stop(&host, &memory);
}

static void a_console_without_room_loses_the_line_and_nothing_else(void **state)
{
	struct iommusim_init_report report;
	struct host_memory memory;
	struct host host;
	uint64_t n = 1;

	(void)state;
	for (;; n++) {
		host_memory_init(&memory);
		host_start(&host, &(struct host_setup){ .memory = &memory, .no_table = true });
		host_memory_arm(&memory, n, false);
		const enum iommusim_status status = iommusim_iommu_init(host.vmm);
		const bool failed = memory.failed;

		host_memory_arm(&memory, 0, false);
		iommusim_init_report(host.vmm, &report);
		if (status == IOMMUSIM_ENXIO) {
			assert_int_equal(report.outcome, IOMMUSIM_INIT_NO_TABLE);
			assert_int_equal(iommusim_vmm_message(host.vmm, 0) == NULL, failed);
		} else {
			assert_status(status, IOMMUSIM_ENOMEM);
			assert_int_equal(report.outcome, IOMMUSIM_INIT_NOT_REACHED);
		}
		stop(&host, &memory);
		if (!failed)
			break;
	}
	assert_true(n > 3);
}

/* ---- the kernel has no page ------------------------------------------------------------------ */

/* Take every page there is for tables, and give `left` of them back. */
struct hog {
	uint64_t pages[8192];
	size_t count;
};

static void take_pages(struct host *host, struct hog *hog, size_t left)
{
	hog->count = 0;
	while (pages_take_table(&host->vmm->pages, &hog->pages[hog->count])) {
		hog->count++;
		assert_true(hog->count < sizeof(hog->pages) / sizeof(*hog->pages));
	}
	while (left-- > 0)
		pages_give_table(&host->vmm->pages, hog->pages[--hog->count]);
}

static void give_pages(struct host *host, struct hog *hog)
{
	while (hog->count > 0)
		pages_give_table(&host->vmm->pages, hog->pages[--hog->count]);
}

static void assert_same(struct host *host, const struct host_text *before)
{
	static struct host_text now;

	host_describe(host, &now);
	assert_string_equal(now.text, before->text);
}

static void assigning_without_pages_for_tables_changes_nothing(void **state)
{
	static struct host_text before;
	static struct hog hog;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t used;
	size_t left;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		for (left = 0;; left++) {
			enum iommusim_status status;

			host_start(&host, &(struct host_setup){ .profile = both[p] });
			host_init(&host);
			vm = host_vm(&host, "vm", 4 * MIB + 64 * KIB, 1);
			host_describe(&host, &before);
			take_pages(&host, &hog, left);
			used = vmm_table_pages(host.vmm);
			status = iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1);
			if (status == IOMMUSIM_OK)
				break;
			assert_status(status, IOMMUSIM_ENOMEM);
			assert_int_equal(vmm_table_pages(host.vmm), used);
			give_pages(&host, &hog);
			assert_same(&host, &before);
			host_assign(vm, HOST_PPT1);
			assert_int_equal(host_look(host.ppt1, 4 * MIB).physical, host_hpa(vm, 4 * MIB));
			host_stop(&host);
		}
		/* Three levels, and a table of 4 KiB pages for each 2 MiB begun. */
		assert_int_equal(left, 5);
		host_stop(&host);
	}
}

static void initialising_without_pages_for_tables_may_be_tried_again(void **state)
{
	static const size_t few[] = { 0, 1, 2, 100, 256, 257, 258, 259, 263, 270, 280, 290, 291 };
	static struct host_text before;
	static struct hog hog;
	struct host host;
	size_t failures = 0;

	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < sizeof(few) / sizeof(*few); i++) {
			enum iommusim_status status;

			host_start(&host, &(struct host_setup){ .profile = both[p] });
			host_function(&host, 0x0a00, "undriven");
			host_describe(&host, &before);
			take_pages(&host, &hog, few[i]);
			status = iommusim_iommu_init(host.vmm);
			give_pages(&host, &hog);
			/* The root, 256 contexts, 2 upper tables and 32 for 64 MiB of host. */
			if (few[i] < 291) {
				failures++;
				assert_status(status, IOMMUSIM_ENOMEM);
				assert_same(&host, &before);
				status = iommusim_iommu_init(host.vmm);
			}
			assert_ok(status);
			assert_true(host_reaches(host.ahci, 0x5000));
			assert_true(host_reaches(host.gfx, 0x5000));
			host_stop(&host);
		}
	assert_int_equal(failures, 24);
}

static void a_machine_too_small_for_its_root_tables_says_so(void **state)
{
	static struct host_text before;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(
		    &host, &(struct host_setup){ .profile = both[p], .ram = 4 * MIB + 64 * KIB });
		vm = host_vm(&host, "vm", MIB, 1);
		host_describe(&host, &before);
		assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENOMEM);
		assert_contains(
		    iommusim_machine_diagnostic(host.machine)->text, "no page for a context table");
		assert_same(&host, &before);
		host_stop(&host);
	}
}

static void a_domain_without_a_page_is_not_made(void **state)
{
	static struct host_text before;
	struct iommusim_domain *domain;
	static struct hog hog;
	struct host_memory memory;
	struct host host;

	(void)state;
	host_memory_init(&memory);
	host_start(&host, &(struct host_setup){ .memory = &memory });
	host_init(&host);
	host_describe(&host, &before);
	take_pages(&host, &hog, 0);
	assert_status(iommusim_iommu_create_domain(host.vmm, GIB, &domain), IOMMUSIM_ENOMEM);
	assert_null(domain);
	give_pages(&host, &hog);
	assert_same(&host, &before);
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_string_equal(iommusim_domain_name(domain), "dom1"); /* no number was used up */
	stop(&host, &memory);
}

static void a_mapping_without_pages_maps_nothing_of_it(void **state)
{
	struct iommusim_domain *domain;
	static struct hog hog;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, PAGE));
	take_pages(&host, &hog, 2); /* it needs three: 6 MiB, and the first 2 MiB have theirs */
	assert_status(
	    iommusim_iommu_create_mapping(host.vmm, domain, PAGE, MIB, 7 * MIB), IOMMUSIM_ENOMEM);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "0x1000");
	assert_false(host_look(host.ppt1, 0).faulted);
	for (uint64_t address = PAGE; address < 8 * MIB; address += PAGE)
		assert_true(host_look(host.ppt1, address).faulted);
	give_pages(&host, &hog);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, PAGE, MIB, 7 * MIB));
	assert_int_equal(host_look(host.ppt1, 7 * MIB).physical, 8 * MIB - PAGE);
	host_stop(&host);
}

static void pages_of_a_guest_are_used_for_the_next_one(void **state)
{
	struct host host;
	uint64_t used;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		host_init(&host);
		used = vmm_table_pages(host.vmm);
		for (unsigned round = 0; round < 10; round++) {
			struct iommusim_vm *vm = host_guest(&host, "vm", 8 * MIB, HOST_PPT1);

			assert_int_equal(vmm_table_pages(host.vmm), used + 6);
			assert_ok(iommusim_vm_destroy(vm));
			assert_int_equal(vmm_table_pages(host.vmm), used);
		}
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_gets_no_memory_leaves_all_as_it_was),
		cmocka_unit_test(what_undoes_or_only_passes_on_needs_no_memory),
		cmocka_unit_test(vmm_itself_is_not_made_without_memory),
		cmocka_unit_test(a_listener_there_is_no_room_for_is_not_told),
		cmocka_unit_test(a_console_without_room_loses_the_line_and_nothing_else),
		cmocka_unit_test(assigning_without_pages_for_tables_changes_nothing),
		cmocka_unit_test(initialising_without_pages_for_tables_may_be_tried_again),
		cmocka_unit_test(a_machine_too_small_for_its_root_tables_says_so),
		cmocka_unit_test(a_domain_without_a_page_is_not_made),
		cmocka_unit_test(a_mapping_without_pages_maps_nothing_of_it),
		cmocka_unit_test(pages_of_a_guest_are_used_for_the_next_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
