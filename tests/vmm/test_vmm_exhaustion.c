/*
 * Out of memory, of both kinds: the process has none for the library, or the simulated kernel has no
 * page for a table. A call that fails leaves everything as it was, loses nothing, and works afterwards.
 */
#include "host_fixture.h"

#include "vmm/state.h"

static const char *const both[] = { "13.0", "reference" };

/* ---- the process has none ------------------------------------------------------------------------- */

/* A call, and what has to be there before it. */
struct attempt {
	const char *name;
	void (*prepare)(struct host *host);
	enum iommusim_status (*call)(struct host *host);
	bool initialises; /* it may fail after the IOMMU was initialised, which then stays so */
	bool frugal;      /* it takes no memory */
};

static void nothing(struct host *host)
{
	(void)host;
}

static void a_late_function(struct host *host)
{
	host_init(host);
	host_function(host, 0x0a00, "late");
}

static void an_undriven_function(struct host *host)
{
	host_function(host, 0x0a00, "undriven");
}

static void a_vm(struct host *host)
{
	host_vm(host, "vm", 256 * KIB, 1);
}

static void a_vm_and_the_iommu(struct host *host)
{
	a_vm(host);
	host_init(host);
}

static void a_vm_without_memory(struct host *host)
{
	assert_ok(iommusim_vm_create(host->vmm, "vm", NULL));
}

static void a_guest(struct host *host)
{
	host_guest(host, "vm", 256 * KIB, HOST_PPT1);
}

static void a_guest_that_was(struct host *host)
{
	assert_ok(iommusim_vm_unassign_pptdev(
	    host_guest(host, "vm", 256 * KIB, HOST_PPT1), 0, HOST_PPT1));
}

static void a_domain(struct host *host)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, 0, 0x9000, 0x4000));
}

static void a_domain_with_a_device(struct host *host)
{
	a_domain(host);
	assert_ok(iommusim_iommu_add_device(
	    host->vmm, iommusim_domain_at(host->vmm, 1), 0, HOST_PPT1));
}

static enum iommusim_status init(struct host *host)
{
	return iommusim_iommu_init(host->vmm);
}

static enum iommusim_status create_domain(struct host *host)
{
	struct iommusim_domain *domain;
	const enum iommusim_status status = iommusim_iommu_create_domain(host->vmm, MIB, &domain);

	assert_int_equal(domain != NULL, status == IOMMUSIM_OK);
	return status;
}

static enum iommusim_status attach_host(struct host *host)
{
	return iommusim_device_attach(host->vmm, 0, 0x0a00, IOMMUSIM_DRIVER_HOST);
}

static enum iommusim_status attach_ppt(struct host *host)
{
	return iommusim_device_attach(host->vmm, 0, 0x0a00, IOMMUSIM_DRIVER_PPT);
}

static enum iommusim_status added(struct host *host)
{
	return iommusim_pci_device_added(host->vmm, 0, 0x0a00);
}

static enum iommusim_status create_vm(struct host *host)
{
	struct iommusim_vm *vm;
	const enum iommusim_status status = iommusim_vm_create(host->vmm, "new", &vm);

	assert_int_equal(vm != NULL, status == IOMMUSIM_OK);
	return status;
}

static enum iommusim_status setup_memory(struct host *host)
{
	const struct iommusim_vm_memory memory = { .size = MIB, .seed = 3 };

	return iommusim_vm_setup_memory(iommusim_vm_find(host->vmm, "vm"), &memory);
}

static enum iommusim_status assign(struct host *host)
{
	return iommusim_vm_assign_pptdev(iommusim_vm_find(host->vmm, "vm"), 0, HOST_PPT1);
}

static enum iommusim_status assign_second(struct host *host)
{
	return iommusim_vm_assign_pptdev(iommusim_vm_find(host->vmm, "vm"), 0, HOST_PPT2);
}

static enum iommusim_status unassign(struct host *host)
{
	return iommusim_vm_unassign_pptdev(iommusim_vm_find(host->vmm, "vm"), 0, HOST_PPT1);
}

static enum iommusim_status destroy(struct host *host)
{
	return iommusim_vm_destroy(iommusim_vm_find(host->vmm, "vm"));
}

static enum iommusim_status deleted(struct host *host)
{
	return iommusim_pci_device_deleted(host->vmm, 0, HOST_AHCI);
}

static enum iommusim_status unload(struct host *host)
{
	return iommusim_vmm_unload(host->vmm);
}

static enum iommusim_status sysctl(struct host *host)
{
	return iommusim_sysctl_set(host->vmm, "hw.dmar.enable", 1);
}

static struct iommusim_domain *made(struct host *host)
{
	return iommusim_domain_at(host->vmm, 1);
}

static enum iommusim_status map(struct host *host)
{
	return iommusim_iommu_create_mapping(host->vmm, made(host), 0x10000, 0x20000, 0x8000);
}

static enum iommusim_status unmap(struct host *host)
{
	return iommusim_iommu_remove_mapping(host->vmm, made(host), 0x1000, 0x1000);
}

static enum iommusim_status add(struct host *host)
{
	return iommusim_iommu_add_device(host->vmm, made(host), 0, HOST_PPT1);
}

static enum iommusim_status remove_it(struct host *host)
{
	return iommusim_iommu_remove_device(host->vmm, made(host), 0, HOST_PPT1);
}

static enum iommusim_status invalidate(struct host *host)
{
	return iommusim_iommu_invalidate_tlb(host->vmm, made(host));
}

static enum iommusim_status destroy_domain(struct host *host)
{
	return iommusim_iommu_destroy_domain(host->vmm, made(host));
}

static enum iommusim_status disable(struct host *host)
{
	return iommusim_iommu_disable(host->vmm);
}

static enum iommusim_status enable(struct host *host)
{
	return iommusim_iommu_enable(host->vmm);
}

/* What the host looks like before the call, after it, and when only the IOMMU was initialised. */
struct views {
	struct host_text before, after, initialised;
};

static void start(struct host *host, const char *profile, struct host_memory *memory,
    const struct attempt *attempt)
{
	host_memory_init(memory);
	host_start(host, &(struct host_setup){ .profile = profile, .memory = memory });
	attempt->prepare(host);
}

static void stop(struct host *host, const struct host_memory *memory)
{
	host_stop(host);
	assert_int_equal(memory->blocks, 0);
	assert_int_equal(memory->bytes, 0);
	assert_int_equal(memory->wrong, 0);
}

static void take_views(struct views *views, const char *profile, const struct attempt *attempt)
{
	struct host_memory memory;
	struct host host;

	start(&host, profile, &memory, attempt);
	host_describe(&host, &views->before);
	assert_ok(attempt->call(&host));
	host_describe(&host, &views->after);
	stop(&host, &memory);
	if (!attempt->initialises)
		return;
	start(&host, profile, &memory, attempt);
	host_init(&host);
	host_describe(&host, &views->initialised);
	stop(&host, &memory);
}

/* The host is as it was before the call, or, where that is allowed, initialised. */
static void assert_untouched(struct host *host, const struct views *views,
    const struct attempt *attempt)
{
	static struct host_text now;

	host_describe(host, &now);
	if (attempt->initialises && strcmp(now.text, views->initialised.text) == 0)
		return;
	assert_string_equal(now.text, views->before.text);
}

/* Fail allocation `n` of the call, twice, then let it pass. False: it needs fewer. */
static bool fail_at(const char *profile, const struct attempt *attempt, const struct views *views,
    uint64_t n, bool and_beyond)
{
	static struct host_text now;
	struct host_memory memory;
	struct host host;
	int64_t blocks;
	bool failed;

	start(&host, profile, &memory, attempt);
	host_memory_arm(&memory, n, and_beyond);
	const enum iommusim_status status = attempt->call(&host);
	failed = memory.failed;
	host_memory_arm(&memory, 0, false);
	if (failed) {
		assert_status(status, IOMMUSIM_ENOMEM);
		assert_status(
		    iommusim_machine_diagnostic(host.machine)->status, IOMMUSIM_ENOMEM);
		assert_untouched(&host, views, attempt);
		blocks = memory.blocks;
		host_memory_arm(&memory, 1, true); /* and once more, from the first one on */
		assert_status(attempt->call(&host), IOMMUSIM_ENOMEM);
		host_memory_arm(&memory, 0, false);
		assert_true(memory.blocks <= blocks);
		assert_untouched(&host, views, attempt);
		assert_ok(attempt->call(&host));
	} else {
		assert_ok(status);
	}
	host_describe(&host, &now);
	assert_string_equal(now.text, views->after.text);
	stop(&host, &memory);
	return failed;
}

static void try_every_failure(const struct attempt *attempt)
{
	static struct views views;

	for (size_t p = 0; p < 2; p++) {
		take_views(&views, both[p], attempt);
		for (unsigned beyond = 0; beyond < 2; beyond++) {
			uint64_t n = 1;

			while (fail_at(both[p], attempt, &views, n, beyond != 0))
				n++;
			if (attempt->frugal != (n == 1))
				fail_msg("%s: %llu allocations can fail", attempt->name,
				    (unsigned long long)(n - 1));
		}
	}
}

static void a_call_that_gets_no_memory_leaves_all_as_it_was(void **state)
{
	static const struct attempt attempts[] = {
		{ "iommu_init", nothing, init, false, false },
		{ "iommu_init, and a function nobody has", an_undriven_function, init, false, false },
		{ "iommu_create_domain, the first", nothing, create_domain, true, false },
		{ "iommu_create_domain, a further one", a_domain, create_domain, false, false },
		{ "device, before the IOMMU", an_undriven_function, attach_ppt, false, false },
		{ "device, beside the IOMMU", a_late_function, attach_host, false, false },
		{ "device for ppt, beside the IOMMU", a_late_function, attach_ppt, false, false },
		{ "pci_add_device", a_late_function, added, false, false },
		{ "vm_create", nothing, create_vm, false, false },
		{ "vm_setup_memory", a_vm_without_memory, setup_memory, false, false },
		{ "vm_assign_pptdev, the very first", a_vm, assign, true, false },
		{ "vm_assign_pptdev, a VM's first", a_vm_and_the_iommu, assign, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
		try_every_failure(&attempts[i]);
}

static void what_undoes_or_only_passes_on_needs_no_memory(void **state)
{
	static const struct attempt attempts[] = {
		{ "iommu_create_mapping", a_domain, map, false, true },
		{ "iommu_remove_mapping", a_domain, unmap, false, true },
		{ "iommu_add_device", a_domain, add, false, true },
		{ "iommu_remove_device", a_domain_with_a_device, remove_it, false, true },
		{ "iommu_invalidate_tlb", a_domain, invalidate, false, true },
		{ "iommu_destroy_domain", a_domain, destroy_domain, false, true },
		{ "iommu_enable", a_domain, enable, false, true },
		{ "iommu_disable", a_domain, disable, false, true },
		{ "vm_assign_pptdev, a second device", a_guest, assign_second, false, true },
		{ "vm_assign_pptdev, again", a_guest_that_was, assign, false, true },
		{ "vm_unassign_pptdev", a_guest, unassign, false, true },
		{ "vm_destroy", a_guest, destroy, false, true },
		{ "pci_delete_device", a_domain, deleted, false, true },
		{ "vmm_unload", a_domain, unload, false, true },
		{ "sysctl", nothing, sysctl, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
		try_every_failure(&attempts[i]);
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
		const struct iommusim_listener listener = { .context = &calls[i],
			.end = count_call };

		if (i == 0) {
			host_memory_arm(&memory, 1, true);
			assert_status(
			    iommusim_vmm_listen(host.vmm, &listener), IOMMUSIM_ENOMEM);
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

/* ---- the kernel has no page ----------------------------------------------------------------------- */

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
			assert_int_equal(
			    host_look(host.ppt1, 4 * MIB).physical, host_hpa(vm, 4 * MIB));
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
		host_start(&host,
		    &(struct host_setup){ .profile = both[p], .ram = 4 * MIB + 64 * KIB });
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
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_init(&host);
	host_describe(&host, &before);
	take_pages(&host, &hog, 0);
	assert_status(iommusim_iommu_create_domain(host.vmm, GIB, &domain), IOMMUSIM_ENOMEM);
	assert_null(domain);
	give_pages(&host, &hog);
	assert_same(&host, &before);
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_string_equal(iommusim_domain_name(domain), "dom1"); /* no number was used up */
	host_stop(&host);
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
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, PAGE, MIB, 7 * MIB),
	    IOMMUSIM_ENOMEM);
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
