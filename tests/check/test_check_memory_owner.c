/*
 * What the checker remembers: who owns a page of host memory, and which call gave an address to a
 * domain or took it away, with the place it came from and the call that vmm made inside it.
 */
#include "check/bent_backend.h"

#define VM_SIZE (2 * MIB)
#define BIG     (5 * GIB) /* so that the host domain covers the hole below 4 GiB */

static struct iommusim_report judge(
    struct host *host, struct iommusim_requester *device, uint64_t address, const char *for_vm)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = 8, .kind = IOMMUSIM_DMA_READ
	};
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(host->check, device, &request, for_vm, &report));
	return report;
}

static void start(struct host *host, const char *profile)
{
	host_start(host, &(struct host_setup){ .profile = profile, .checked = true });
}

static enum iommusim_owner owner_of(struct host *host, uint64_t address)
{
	const struct iommusim_report report = judge(host, host->ahci, address, NULL);

	if (report.page.owner != IOMMUSIM_OWNER_VM) {
		assert_string_equal(report.page.owner_vm, "");
		assert_int_equal(report.page.owner_gpa, 0);
	}
	return report.page.owner;
}

static void at_line(struct host *host, const char *file, uint32_t line)
{
	iommusim_check_set_place(host->check, &(struct iommusim_place){ .file = file, .line = line });
}

/* ---- owners ---------------------------------------------------------------------------------- */

static void memory_nobody_took_is_the_hosts(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	assert_int_equal(owner_of(&host, 0), IOMMUSIM_OWNER_HOST);
	assert_int_equal(owner_of(&host, 0x200000), IOMMUSIM_OWNER_HOST);
	assert_int_equal(owner_of(&host, HOST_RAM - 8), IOMMUSIM_OWNER_HOST);
	host_stop(&host);
}

static void guest_memory_is_its_vms_page_by_page(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *a, *b;
	struct host host;

	(void)state;
	start(&host, "13.1");
	a = host_vm(&host, "a", VM_SIZE, 1);
	b = host_vm(&host, "b", VM_SIZE + 4 * PAGE, 2);
	for (uint64_t gpa = 0; gpa < VM_SIZE; gpa += 3 * PAGE) {
		report = judge(&host, host.ahci, host_hpa(a, gpa) + UINT64_C(0x917), NULL);
		assert_int_equal(report.page.owner, IOMMUSIM_OWNER_VM);
		assert_string_equal(report.page.owner_vm, "a");
		assert_int_equal(report.page.owner_gpa, gpa + UINT64_C(0x917));
		report = judge(&host, host.ahci, host_hpa(b, gpa), NULL);
		assert_string_equal(report.page.owner_vm, "b");
		assert_int_equal(report.page.owner_gpa, gpa);
	}
	report = judge(&host, host.ahci, host_hpa(b, VM_SIZE + 3 * PAGE), NULL);
	assert_string_equal(report.page.owner_vm, "b");
	/* The rest of the last 64 KiB was not given. */
	assert_int_equal(owner_of(&host, host_hpa(b, VM_SIZE + 3 * PAGE) + PAGE), IOMMUSIM_OWNER_HOST);
	host_stop(&host);
}

static void a_guest_above_4_gib_owns_both_its_parts(void **state)
{
	static const uint64_t addresses[] = { 0, GIB, 3 * GIB - PAGE, 4 * GIB, 4 * GIB + MIB - 8 };
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.1", .checked = true, .ram = BIG });
	vm = host_vm(&host, "big", 3 * GIB + MIB, 1);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		report = judge(&host, host.ahci, host_hpa(vm, addresses[i]), NULL);
		assert_string_equal(report.page.owner_vm, "big");
		assert_int_equal(report.page.owner_gpa, addresses[i]);
	}
	host_stop(&host);
}

static void memory_of_a_destroyed_vm_is_the_hosts_again(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "old", VM_SIZE, HOST_PPT1);
	hpa = host_hpa(vm, 0x9000);
	assert_int_equal(owner_of(&host, hpa), IOMMUSIM_OWNER_VM);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	assert_int_equal(owner_of(&host, hpa), IOMMUSIM_OWNER_VM); /* it has its memory still */
	assert_ok(iommusim_vm_destroy(vm));
	for (uint64_t address = MIB; address < HOST_RAM; address += 16 * PAGE)
		assert_int_not_equal(owner_of(&host, address), IOMMUSIM_OWNER_VM);
	vm = host_vm(&host, "new", VM_SIZE, 7); /* the same clusters */
	report = judge(&host, host.ahci, hpa, NULL);
	assert_int_equal(host_hpa(vm, 0x9000), hpa);
	assert_string_equal(report.page.owner_vm, "new");
	host_stop(&host);
}

static void tables_of_the_backend_are_known_as_such(void **state)
{
	struct host host;
	uint64_t root;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	root = host_get(&host, HOST_UNIT1, R_RTADDR, 8);
	assert_int_equal(owner_of(&host, root), IOMMUSIM_OWNER_TABLE);
	assert_int_equal(owner_of(&host, host_context_at(&host, HOST_PPT1)), IOMMUSIM_OWNER_TABLE);
	assert_int_equal(owner_of(&host, host_leaf_at(&host, HOST_PPT1, 0x8000)), IOMMUSIM_OWNER_TABLE);
	assert_int_equal(owner_of(&host, host_leaf_at(&host, HOST_AHCI, 0x8000)), IOMMUSIM_OWNER_TABLE);
	host_stop(&host);
}

static void firmware_registers_and_holes_are_nobodys_ram(void **state)
{
	struct iommusim_report report;
	uint64_t address;
	uint32_t length;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.1", .checked = true, .ram = BIG });
	host_init(&host);
	assert_ok(iommusim_acpi_find(host.machine, "DMAR", 0, &address, &length));
	assert_int_equal(owner_of(&host, address), IOMMUSIM_OWNER_FIRMWARE);
	assert_int_equal(owner_of(&host, HOST_UNIT0 + 0x18), IOMMUSIM_OWNER_DEVICE);
	assert_int_equal(owner_of(&host, HOST_UNIT1 + 0xff8), IOMMUSIM_OWNER_DEVICE);
	assert_int_equal(owner_of(&host, HOST_UNIT1 + PAGE), IOMMUSIM_OWNER_NOBODY);
	assert_int_equal(owner_of(&host, 0xd0000000), IOMMUSIM_OWNER_NOBODY);
	report = judge(&host, host.ahci, 0xd0000000, NULL);
	assert_true(report.page.page.bus_error);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK); /* the host domain maps it */
	host_stop(&host);
}

static void what_a_guests_device_asked_for_is_named_by_the_guests_address(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	/* 0x200000 is host memory too, but the device does not speak host addresses. */
	report = judge(&host, host.ppt1, 0x200000, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_NOBODY);
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0x5000), 0);
	report = judge(&host, host.ppt1, 0x5008, NULL);
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_VM);
	assert_int_equal(report.page.owner_gpa, 0x5008);
	report = judge(&host, host.ppt2, 0x8000, NULL); /* in no domain: a host address */
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_HOST);
	host_stop(&host);
}

static void what_a_domain_lost_is_named_by_the_page_it_had(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.1");
	vm = host_vm(&host, "vm", VM_SIZE, 1);
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(
	    iommusim_iommu_create_mapping(host.vmm, domain, 0x300000, host_hpa(vm, 0x7000), PAGE));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x300000, PAGE));
	report = judge(&host, host.ppt1, 0x300010, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_VM);
	assert_int_equal(report.page.owner_gpa, 0x7010);
	report = judge(&host, host.ppt1, 0x301000, NULL); /* it never had that one */
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_NOBODY);
	host_stop(&host);
}

/* ---- remembered calls ------------------------------------------------------------------------ */

static void the_call_that_mapped_is_remembered_with_its_place(void **state)
{
	const struct iommusim_remembered_call *call;
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	at_line(&host, "driver.c", 10);
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	at_line(&host, "driver.c", 11);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x10000, 0x40000, 0x4000));
	at_line(&host, "driver.c", 12);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x20000, 0x50000, 0x1000));
	at_line(&host, "driver.c", 13);
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	report = judge(&host, host.ppt1, 0x13008, NULL);
	call = &report.last_mapped;
	assert_true(call->known);
	assert_string_equal(call->place.file, "driver.c");
	assert_int_equal(call->place.line, 11);
	assert_int_equal(call->outer.kind, IOMMUSIM_CALL_CREATE_MAPPING);
	assert_int_equal(call->outer.address, 0x10000);
	assert_int_equal(call->outer.host_address, 0x40000);
	assert_int_equal(call->outer.length, 0x4000);
	assert_false(call->has_inner); /* the caller's own call */
	assert_string_equal(call->domain_name, "dom1");
	report = judge(&host, host.ppt1, 0x20008, NULL);
	assert_int_equal(report.last_mapped.place.line, 12);
	assert_false(report.last_removed.known);
	host_stop(&host);
}

static void the_call_that_removed_is_remembered_with_its_place(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x10000, 0x40000, 0x4000));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	at_line(&host, NULL, 21);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x11000, 0x2000));
	at_line(&host, NULL, 22);
	report = judge(&host, host.ppt1, 0x12000, NULL);
	assert_true(report.last_removed.known);
	assert_false(report.last_mapped.known);
	assert_null(report.last_removed.place.file);
	assert_int_equal(report.last_removed.place.line, 21);
	assert_int_equal(report.last_removed.outer.address, 0x11000);
	assert_int_equal(report.last_removed.outer.length, 0x2000);
	/* And the page that is given again belongs to the call that gave it. */
	at_line(&host, NULL, 23);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x12000, 0x60000, PAGE));
	report = judge(&host, host.ppt1, 0x12000, NULL);
	assert_int_equal(report.last_mapped.place.line, 23);
	assert_false(report.last_removed.known);
	host_stop(&host);
}

static void a_call_inside_a_call_is_remembered_with_both(void **state)
{
	const struct iommusim_remembered_call *call;
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa;

	(void)state;
	start(&host, "13.0");
	vm = host_vm(&host, "store-01", VM_SIZE, 1);
	hpa = host_hpa(vm, 0x100000);
	at_line(&host, NULL, 11);
	host_assign(vm, HOST_PPT1);
	at_line(&host, NULL, 14);
	report = judge(&host, host.ahci, hpa + 0x20, "store-01");
	call = &report.last_removed;
	assert_true(call->known);
	assert_int_equal(call->place.line, 11);
	assert_int_equal(call->outer.kind, IOMMUSIM_CALL_VM_ASSIGN_PPTDEV);
	assert_string_equal(call->outer.name, "store-01");
	assert_int_equal(call->outer.rid, HOST_PPT1);
	assert_true(call->has_inner);
	assert_int_equal(call->inner_kind, IOMMUSIM_CALL_REMOVE_MAPPING);
	assert_int_equal(call->inner_address, hpa);
	assert_int_equal(call->inner_length, PAGE);
	assert_string_equal(call->domain_name, "host");
	/* The guest's own view of the same memory. */
	report = judge(&host, host.ppt1, 0x100020, NULL);
	assert_int_equal(report.last_mapped.inner_kind, IOMMUSIM_CALL_CREATE_MAPPING);
	assert_int_equal(report.last_mapped.inner_address, 0x100000);
	assert_string_equal(report.last_mapped.domain_name, "store-01");
	host_stop(&host);
}

static void the_hosts_map_comes_from_the_call_that_initialised(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.1");
	at_line(&host, NULL, 5);
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	at_line(&host, NULL, 6);
	report = judge(&host, host.ahci, 0x8000, NULL);
	assert_int_equal(report.last_mapped.place.line, 5);
	assert_int_equal(report.last_mapped.outer.kind, IOMMUSIM_CALL_VM_ASSIGN_PPTDEV);
	assert_int_equal(report.last_mapped.inner_kind, IOMMUSIM_CALL_CREATE_MAPPING);
	assert_int_equal(report.last_mapped.inner_length, HOST_RAM);
	host_stop(&host);
}

static void each_page_knows_its_own_last_call(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.1");
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	for (uint32_t line = 100; line < 400; line++) { /* other kinds and lengths in between */
		at_line(&host, NULL, line);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, line * UINT64_C(0x10000),
		    0x40000, line % 3 == 0 ? 0x2000 : 0x1000));
		if (line % 5 == 0) {
			at_line(&host, NULL, line + 10000);
			assert_ok(iommusim_iommu_remove_mapping(
			    host.vmm, domain, line * UINT64_C(0x10000), 0x1000));
		}
	}
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	for (uint32_t line = 100; line < 400; line++) {
		report = judge(&host, host.ppt1, line * UINT64_C(0x10000), NULL);
		if (line % 5 == 0) {
			assert_int_equal(report.last_removed.place.line, line + 10000);
			assert_false(report.last_mapped.known);
		} else {
			assert_int_equal(report.last_mapped.place.line, line);
			assert_int_equal(report.last_mapped.outer.address, line * UINT64_C(0x10000));
		}
	}
	host_stop(&host);
}

static void names_outlive_the_vm_they_are_of(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "first", VM_SIZE, HOST_PPT1);
	hpa = host_hpa(vm, 0x5000);
	at_line(&host, NULL, 30);
	assert_ok(iommusim_vm_destroy(vm));
	host_vm(&host, "other", MIB, 900);
	report = judge(&host, host.ahci, hpa, NULL);
	assert_int_equal(report.last_mapped.place.line, 30); /* which put it back for the host */
	assert_int_equal(report.last_mapped.outer.kind, IOMMUSIM_CALL_VM_DESTROY);
	assert_string_equal(report.last_mapped.outer.name, "first");
	assert_null(report.last_mapped.outer.vm); /* no pointer into what is gone */
	assert_null(report.last_mapped.outer.domain);
	host_stop(&host);
}

static void the_call_that_took_a_device_away_is_remembered(void **state)
{
	const struct iommusim_remembered_call *call;
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ppt1, 0x8000, NULL);
	assert_false(report.device_removed);
	at_line(&host, NULL, 40);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	at_line(&host, NULL, 41);
	report = judge(&host, host.ppt1, 0x8000, NULL);
	call = &report.last_removed;
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_true(report.device_removed);
	assert_true(call->known);
	assert_int_equal(call->place.line, 40);
	assert_int_equal(call->outer.kind, IOMMUSIM_CALL_VM_UNASSIGN_PPTDEV);
	assert_string_equal(call->domain_name, "vm");
	assert_string_equal(report.domain_name, ""); /* it is in none */
	assert_false(report.last_mapped.known);
	report = judge(&host, host.ppt2, 0x8000, NULL); /* that one never was in any */
	assert_false(report.device_removed);
	assert_false(report.last_removed.known);
	host_stop(&host);
}

static void without_a_place_the_call_is_known_all_the_same(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ahci, host_hpa(vm, 0), "vm");
	assert_true(report.last_removed.known);
	assert_int_equal(report.last_removed.place.line, 0);
	host_stop(&host);
}

/* ---- blame ----------------------------------------------------------------------------------- */

static void the_known_bug_is_blamed_on_the_policy_that_has_it(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ahci, host_hpa(vm, 0), "vm");
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST);
	assert_contains(report.known_bug, "D34607");
	assert_contains(report.known_bug, "PR 260178");
	assert_string_equal(report.blamed_column, "host_pages");
	host_stop(&host);
}

static void the_same_page_asked_for_by_nobody_is_no_known_bug(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ahci, host_hpa(vm, 0), NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_null(report.known_bug);
	assert_null(report.blamed_column);
	host_stop(&host);
}

static void a_page_the_caller_removed_is_no_known_bug(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa;

	(void)state;
	for (unsigned p = 0; p < 2; p++) {
		start(&host, p == 0 ? "13.0" : "13.1");
		vm = host_vm(&host, "vm", VM_SIZE, 1);
		hpa = host_hpa(vm, 0x4000);
		host_init(&host);
		assert_ok(
		    iommusim_iommu_remove_mapping(host.vmm, iommusim_host_domain(host.vmm), hpa, PAGE));
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, iommusim_host_domain(host.vmm)));
		report = judge(&host, host.ahci, hpa, "vm");
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST);
		assert_false(report.last_removed.has_inner);
		assert_null(report.known_bug);
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_nobody_took_is_the_hosts),
		cmocka_unit_test(guest_memory_is_its_vms_page_by_page),
		cmocka_unit_test(a_guest_above_4_gib_owns_both_its_parts),
		cmocka_unit_test(memory_of_a_destroyed_vm_is_the_hosts_again),
		cmocka_unit_test(tables_of_the_backend_are_known_as_such),
		cmocka_unit_test(firmware_registers_and_holes_are_nobodys_ram),
		cmocka_unit_test(what_a_guests_device_asked_for_is_named_by_the_guests_address),
		cmocka_unit_test(what_a_domain_lost_is_named_by_the_page_it_had),
		cmocka_unit_test(the_call_that_mapped_is_remembered_with_its_place),
		cmocka_unit_test(the_call_that_removed_is_remembered_with_its_place),
		cmocka_unit_test(a_call_inside_a_call_is_remembered_with_both),
		cmocka_unit_test(the_hosts_map_comes_from_the_call_that_initialised),
		cmocka_unit_test(each_page_knows_its_own_last_call),
		cmocka_unit_test(names_outlive_the_vm_they_are_of),
		cmocka_unit_test(the_call_that_took_a_device_away_is_remembered),
		cmocka_unit_test(without_a_place_the_call_is_known_all_the_same),
		cmocka_unit_test(the_known_bug_is_blamed_on_the_policy_that_has_it),
		cmocka_unit_test(the_same_page_asked_for_by_nobody_is_no_known_bug),
		cmocka_unit_test(a_page_the_caller_removed_is_no_known_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
