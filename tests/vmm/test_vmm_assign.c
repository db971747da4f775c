/*
 * Passthrough: assigning, unassigning, destroying, hotplug, and what each profile does to the
 * guest's pages in the host domain, seen through what DMA reaches.
 */
#include "host_fixture.h"

#include "vmm/interpose.h"

#define VM_SIZE (2 * MIB)

static const char *const all_profiles[] = { "13.0", "13.1", "14.2", "reference" };

/* Every page of the guest, and no other, is where the VM's memory is. */
static void assert_speaks_guest(struct iommusim_requester *device, const struct iommusim_vm *vm)
{
	const uint64_t size = iommusim_vm_memory_size(vm);

	for (uint64_t gpa = 0; gpa < size; gpa += PAGE) {
		const struct iommusim_dma_page page = host_look(device, gpa + 0x18);

		assert_true(page.translated);
		assert_false(page.faulted);
		assert_int_equal(page.physical, host_hpa(vm, gpa) + 0x18);
	}
	assert_true(host_look(device, size).faulted);
	assert_true(host_look(device, HOST_RAM - PAGE).faulted);
}

/* Does the host's disk reach the guest's pages? All or none of them do. */
static bool host_reaches_guest(struct host *host, const struct iommusim_vm *vm)
{
	const bool first = host_reaches(host->ahci, host_hpa(vm, 0));

	for (uint64_t gpa = 0; gpa < iommusim_vm_memory_size(vm); gpa += PAGE) {
		assert_int_equal(host_reaches(host->ahci, host_hpa(vm, gpa)), first);
		assert_int_equal(host_reaches(host->gfx, host_hpa(vm, gpa)), first);
	}
	return first;
}

static bool removes(const char *profile)
{
	return strcmp(profile, "13.0") == 0;
}

/* ---- the first device ------------------------------------------------------------------------ */

static void the_first_assignment_initialises_and_makes_a_domain(void **state)
{
	const struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		vm = host_vm(&host, "store-01", VM_SIZE, 1);
		assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 0);
		assert_null(iommusim_vm_domain(vm));
		host_assign(vm, HOST_PPT1);
		assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 1);
		domain = iommusim_vm_domain(vm);
		assert_non_null(domain);
		assert_string_equal(iommusim_domain_name(domain), "store-01");
		assert_int_equal(iommusim_domain_max_address(domain), VM_SIZE);
		assert_ptr_equal(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1), vm);
		assert_null(iommusim_vm_of_device(host.vmm, 0, HOST_PPT2));
		assert_ptr_equal(iommusim_domain_at(host.vmm, 0), iommusim_host_domain(host.vmm));
		assert_ptr_equal(iommusim_domain_at(host.vmm, 1), domain);
		assert_null(iommusim_domain_at(host.vmm, 2));
		host_stop(&host);
	}
}

static void the_device_reaches_all_guest_memory_and_nothing_else(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		vm = host_guest(&host, "vm", VM_SIZE + 3 * PAGE, HOST_PPT1);
		assert_speaks_guest(host.ppt1, vm);
		assert_true(host_look(host.ppt2, 0).faulted); /* the other one is nobody's */
		host_stop(&host);
	}
}

static void data_arrives_where_the_guest_looks_for_it(void **state)
{
	uint8_t sent[3 * PAGE], got[3 * PAGE];
	struct iommusim_dma_request request = {
		.address = 0x20800, .length = sizeof(sent), .kind = IOMMUSIM_DMA_WRITE, .data = sent
	};
	struct iommusim_dma_outcome outcome;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	assert_ok(iommusim_dma(host.ppt1, &request, &outcome, NULL, 0));
	assert_int_equal(outcome.bytes_moved, sizeof(sent));
	for (size_t i = 0; i < sizeof(sent); i++)
		assert_ok(iommusim_memory_read(host.machine, host_hpa(vm, 0x20800 + i), &got[i], 1));
	assert_memory_equal(sent, got, sizeof(sent));
	host_stop(&host);
}

static void a_guest_above_4_gib_is_mapped_on_both_sides_of_the_hole(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.1", .ram = 5 * GIB });
	vm = host_guest(&host, "vm", 3 * GIB + 4 * MIB, HOST_PPT1);
	assert_int_equal(iommusim_domain_max_address(iommusim_vm_domain(vm)), 4 * GIB + 4 * MIB);
	for (uint64_t gpa = 0; gpa < 3 * GIB; gpa += 1021 * PAGE)
		if (gpa >> 20 != 0xfee)
			assert_int_equal(host_look(host.ppt1, gpa).physical, host_hpa(vm, gpa));
	for (uint64_t gpa = 4 * GIB; gpa < 4 * GIB + 4 * MIB; gpa += PAGE)
		assert_int_equal(host_look(host.ppt1, gpa).physical, host_hpa(vm, gpa));
	assert_true(host_look(host.ppt1, 3 * GIB).faulted);
	assert_true(host_look(host.ppt1, 4 * GIB - PAGE).faulted);
	assert_true(host_look(host.ppt1, 4 * GIB + 4 * MIB).faulted);
	host_stop(&host);
}

/* ---- the guest's pages in the host domain ---------------------------------------------------- */

static void only_13_0_takes_guest_pages_from_the_host(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		vm = host_vm(&host, "vm", VM_SIZE, 1);
		host_init(&host);
		assert_true(host_reaches_guest(&host, vm));
		host_assign(vm, HOST_PPT1);
		assert_int_equal(host_reaches_guest(&host, vm), !removes(all_profiles[p]));
		host_stop(&host);
	}
}

static void pages_of_nobody_and_of_other_guests_stay_with_the_host(void **state)
{
	struct iommusim_vm *vm, *other;
	struct host host;
	uint64_t gone = 0;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	vm = host_vm(&host, "vm", VM_SIZE, 1);
	other = host_vm(&host, "other", VM_SIZE, 1); /* no passthrough: nothing happens to it */
	host_assign(vm, HOST_PPT1);
	assert_true(host_reaches_guest(&host, other));
	for (uint64_t address = 0; address < HOST_RAM; address += PAGE)
		gone += !host_reaches(host.ahci, address);
	assert_int_equal(gone, VM_SIZE / PAGE);
	host_stop(&host);
}

static void they_come_back_with_the_last_device(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
		host_assign(vm, HOST_PPT2);
		assert_int_equal(host_reaches_guest(&host, vm), !removes(all_profiles[p]));
		assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
		assert_int_equal(host_reaches_guest(&host, vm), !removes(all_profiles[p]));
		assert_speaks_guest(host.ppt2, vm);
		assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT2));
		assert_true(host_reaches_guest(&host, vm));
		host_stop(&host);
	}
}

static void they_come_back_when_the_vm_is_destroyed(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
		host_assign(vm, HOST_PPT2);
		assert_ok(iommusim_vm_destroy(vm));
		for (uint64_t address = 0; address < HOST_RAM; address += PAGE)
			assert_true(host_reaches(host.ahci, address));
		host_stop(&host);
	}
}

static void what_the_host_had_cached_of_them_is_flushed(void **state)
{
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	host_init(&host);
	vm = host_vm(&host, "vm", VM_SIZE, 1);
	hpa = host_hpa(vm, 0x5000);
	assert_false(host_dma(host.ahci, IOMMUSIM_DMA_WRITE, hpa).cached);
	assert_true(host_dma(host.ahci, IOMMUSIM_DMA_WRITE, hpa).cached);
	host_assign(vm, HOST_PPT1);
	assert_true(host_dma(host.ahci, IOMMUSIM_DMA_WRITE, hpa).faulted);
	host_stop(&host);
}

/* ---- more devices, and fewer ----------------------------------------------------------------- */

static void a_second_device_joins_the_domain_and_maps_nothing(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	host_backend_forget(&backend);
	host_assign(vm, HOST_PPT2);
	assert_string_equal(backend.log.text, "add 2 0:0100\n");
	host_backend_forget(&backend);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT2));
	assert_string_equal(backend.log.text, "remove 2 0:0100\n");
	host_stop(&host);
}

static void an_unassigned_device_is_in_no_domain(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
		assert_false(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
		assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
		assert_null(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1));
		/* Nothing is left in a cache either: the context entry is gone for hardware too. */
		assert_true(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
		assert_true(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, host_hpa(vm, 0)).faulted);
		assert_int_equal(
		    host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).fault.reason, 2); /* LCT.2 */
		host_stop(&host);
	}
}

static void a_device_goes_from_guest_to_guest(void **state)
{
	struct iommusim_vm *first, *second;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		first = host_guest(&host, "first", VM_SIZE, HOST_PPT1);
		second = host_vm(&host, "second", VM_SIZE, 3);
		host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000);
		assert_ok(iommusim_vm_unassign_pptdev(first, 0, HOST_PPT1));
		host_assign(second, HOST_PPT1);
		assert_speaks_guest(host.ppt1, second);
		assert_int_equal(
		    host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).physical, host_hpa(second, 0x5000));
		host_stop(&host);
	}
}

static void a_guest_that_gave_its_device_back_can_have_it_again(void **state)
{
	const struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
		domain = iommusim_vm_domain(vm);
		for (unsigned round = 0; round < 3; round++) {
			assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
			assert_ptr_equal(iommusim_vm_domain(vm), domain); /* it stays, empty */
			host_assign(vm, HOST_PPT1);
			assert_ptr_equal(iommusim_vm_domain(vm), domain);
			assert_speaks_guest(host.ppt1, vm);
		}
		host_stop(&host);
	}
}

static void two_guests_have_domains_of_their_own(void **state)
{
	struct iommusim_vm *a, *b;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	a = host_guest(&host, "a", VM_SIZE, HOST_PPT1);
	b = host_guest(&host, "b", VM_SIZE, HOST_PPT2);
	assert_ptr_not_equal(iommusim_vm_domain(a), iommusim_vm_domain(b));
	assert_speaks_guest(host.ppt1, a);
	assert_speaks_guest(host.ppt2, b);
	assert_int_not_equal(host_look(host.ppt1, 0).domain, host_look(host.ppt2, 0).domain);
	assert_ok(iommusim_vm_destroy(a));
	assert_speaks_guest(host.ppt2, b);
	assert_false(host_reaches_guest(&host, b));
	host_stop(&host);
}

static void destroying_a_vm_ends_its_domain_and_frees_its_devices(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_assign(vm, HOST_PPT2);
	assert_ok(iommusim_vm_destroy(vm));
	assert_null(iommusim_domain_at(host.vmm, 1));
	assert_null(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1));
	assert_null(iommusim_vm_of_device(host.vmm, 0, HOST_PPT2));
	assert_true(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0).faulted);
	assert_true(host_dma(host.ppt2, IOMMUSIM_DMA_WRITE, 0).faulted);
	host_guest(&host, "next", VM_SIZE, HOST_PPT1);
	host_stop(&host);
}

static void a_vm_without_devices_never_asks_for_the_iommu(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	assert_ok(iommusim_vm_destroy(host_vm(&host, "vm", MIB, 1)));
	assert_string_equal(backend.log.text, "");
	host_stop(&host);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void only_ppts_devices_can_be_assigned(void **state)
{
	static struct host_text before, after;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_vm(&host, "vm", MIB, 1);
	host_describe(&host, &before);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_AHCI), IOMMUSIM_ENXIO);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "0/23/0");
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_GONE), IOMMUSIM_ENXIO);
	assert_status(iommusim_vm_assign_pptdev(vm, 1, HOST_PPT1), IOMMUSIM_ENXIO);
	host_describe(&host, &after);
	assert_string_equal(before.text, after.text); /* not even initialised for that */
	host_stop(&host);
}

static void a_device_belongs_to_one_vm_at_a_time(void **state)
{
	struct iommusim_vm *first, *second;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	first = host_guest(&host, "first", MIB, HOST_PPT1);
	second = host_vm(&host, "second", MIB, 1);
	assert_status(iommusim_vm_assign_pptdev(second, 0, HOST_PPT1), IOMMUSIM_EBUSY);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "first");
	assert_null(iommusim_vm_domain(second));
	assert_status(iommusim_vm_assign_pptdev(first, 0, HOST_PPT1), IOMMUSIM_EBUSY);
	assert_ptr_equal(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1), first);
	assert_speaks_guest(host.ppt1, first);
	host_stop(&host);
}

static void a_vm_without_memory_gets_no_device(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_vm_create(host.vmm, "empty", &vm));
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_EINVAL);
	assert_null(iommusim_vm_domain(vm));
	assert_null(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1));
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 0);
	host_stop(&host);
}

static void only_what_a_vm_has_can_be_unassigned(void **state)
{
	struct iommusim_vm *vm, *other;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	other = host_vm(&host, "other", MIB, 1);
	assert_status(iommusim_vm_unassign_pptdev(other, 0, HOST_PPT1), IOMMUSIM_ENOENT);
	assert_status(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT2), IOMMUSIM_ENOENT);
	assert_status(iommusim_vm_unassign_pptdev(vm, 0, HOST_GONE), IOMMUSIM_ENOENT);
	assert_speaks_guest(host.ppt1, vm);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	assert_status(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENOENT);
	host_stop(&host);
}

static void the_domain_of_a_vm_and_the_hosts_are_not_the_callers_to_destroy(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	assert_status(iommusim_iommu_destroy_domain(host.vmm, iommusim_vm_domain(vm)), IOMMUSIM_EBUSY);
	assert_status(
	    iommusim_iommu_destroy_domain(host.vmm, iommusim_host_domain(host.vmm)), IOMMUSIM_EBUSY);
	assert_speaks_guest(host.ppt1, vm);
	assert_true(host_reaches(host.ahci, 0x5000));
	host_stop(&host);
}

/* ---- domains of the caller's own ------------------------------------------------------------- */

static void callers_domains_are_numbered_as_they_come(void **state)
{
	struct iommusim_domain *domains[3];
	struct host host;

	(void)state;
	host_start(&host, NULL);
	for (size_t i = 0; i < 3; i++)
		assert_ok(iommusim_iommu_create_domain(host.vmm, (i + 1) * MIB, &domains[i]));
	assert_string_equal(iommusim_domain_name(domains[0]), "dom1");
	assert_string_equal(iommusim_domain_name(domains[2]), "dom3");
	assert_int_equal(iommusim_domain_max_address(domains[1]), 2 * MIB);
	assert_ptr_equal(iommusim_domain_at(host.vmm, 2), domains[1]);
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domains[1]));
	assert_ptr_equal(iommusim_domain_at(host.vmm, 2), domains[2]);
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domains[1]));
	assert_string_equal(iommusim_domain_name(domains[1]), "dom4"); /* no name comes twice */
	assert_status(iommusim_iommu_create_domain(host.vmm, 0, &domains[1]), IOMMUSIM_EINVAL);
	assert_null(domains[1]);
	host_stop(&host);
}

static void a_name_given_beforehand_is_the_next_domains_alone(void **state)
{
	struct iommusim_domain *first, *second;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vmm_name_next_domain(host.vmm, "guest1, and more", 6);
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &first));
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &second));
	assert_string_equal(iommusim_domain_name(first), "guest1");
	assert_string_equal(iommusim_domain_name(second), "dom2");
	host_stop(&host);
}

static void a_callers_domain_maps_what_it_is_told(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x200000, 0x900000, 0x3000));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_int_equal(host_look(host.ppt1, 0x202040).physical, 0x902040);
	assert_true(host_look(host.ppt1, 0x203000).faulted);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x201000, 0x1000));
	assert_false(host_look(host.ppt1, 0x200fff).faulted);
	assert_true(host_look(host.ppt1, 0x201000).faulted);
	assert_false(host_look(host.ppt1, 0x202000).faulted);
	/* Removing what was never there is no error. */
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x8000000, 0x4000));
	assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
	assert_true(host_look(host.ppt1, 0x200000).faulted);
	host_stop(&host);
}

static void mappings_are_made_of_pages(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, 0), IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0x800, 0, PAGE), IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0x800, PAGE), IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, PAGE + 1), IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, UINT64_MAX - 4095, 0, PAGE),
	    IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0, UINT64_MAX - 4095, 2 * PAGE),
	    IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, 0, 0), IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, 1, PAGE), IOMMUSIM_EINVAL);
	host_stop(&host);
}

/* ---- hotplug --------------------------------------------------------------------------------- */

static void a_function_that_comes_later_joins_the_host_domain(void **state)
{
	struct iommusim_requester *late;
	enum iommusim_driver driver;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		host_init(&host);
		host_function(&host, 0x0a00, "late");
		late = host_requester(&host, 0x0a00);
		assert_true(host_look(late, 0x5000).faulted);
		assert_ok(iommusim_pci_device_added(host.vmm, 0, 0x0a00));
		assert_true(host_reaches(late, 0x5000));
		assert_ok(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver));
		assert_int_equal(driver, IOMMUSIM_DRIVER_HOST);
		assert_ok(iommusim_pci_device_added(host.vmm, 0, 0x0a00)); /* told twice */
		assert_ok(iommusim_pci_device_deleted(host.vmm, 0, 0x0a00));
		assert_true(host_dma(late, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
		assert_status(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver), IOMMUSIM_ENOENT);
		assert_ok(iommusim_pci_device_added(host.vmm, 0, 0x0a00)); /* and it comes again */
		assert_true(host_reaches(late, 0x5000));
		host_stop(&host);
	}
}

static void what_comes_before_the_iommu_waits_for_it(void **state)
{
	struct iommusim_requester *early;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_function(&host, 0x0a00, "early");
	early = host_requester(&host, 0x0a00);
	assert_ok(iommusim_pci_device_added(host.vmm, 0, 0x0a00));
	assert_false(host_look(early, 0x5000).translated);
	host_init(&host);
	assert_true(host_reaches(early, 0x5000));
	host_stop(&host);
}

static void a_function_deleted_before_the_iommu_is_left_out_of_it(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	assert_ok(iommusim_pci_device_deleted(host.vmm, 0, HOST_AHCI));
	assert_ok(iommusim_pci_remove(host.machine, 0, HOST_AHCI));
	host_init(&host);
	assert_int_equal(host_backend_count(&backend, "add 1 0:00b8"), 0);
	assert_int_equal(host_backend_count(&backend, "add 1 0:0010"), 1);
	host_stop(&host);
}

static void bus_events_are_of_functions_that_are_there(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .no_drivers = true });
	assert_status(iommusim_pci_device_added(host.vmm, 0, HOST_GONE), IOMMUSIM_ENOENT);
	assert_status(iommusim_pci_device_deleted(host.vmm, 0, HOST_GONE), IOMMUSIM_ENOENT);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "09:01.0");
	assert_status(iommusim_pci_device_added(host.vmm, 1, HOST_AHCI), IOMMUSIM_ENOENT);
	assert_ok(iommusim_pci_device_deleted(host.vmm, 0, HOST_AHCI)); /* nobody had it */
	host_stop(&host);
}

static void a_device_of_a_vm_is_not_to_be_deleted(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	assert_status(iommusim_pci_device_deleted(host.vmm, 0, HOST_PPT1), IOMMUSIM_EBUSY);
	assert_speaks_guest(host.ppt1, vm);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	assert_ok(iommusim_pci_device_deleted(host.vmm, 0, HOST_PPT1));
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	host_stop(&host);
}

/* ---- drivers --------------------------------------------------------------------------------- */

static void a_function_gets_one_driver(void **state)
{
	enum iommusim_driver driver;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_status(
	    iommusim_device_attach(host.vmm, 0, HOST_AHCI, IOMMUSIM_DRIVER_PPT), IOMMUSIM_EEXIST);
	assert_status(
	    iommusim_device_attach(host.vmm, 0, HOST_PPT1, IOMMUSIM_DRIVER_PPT), IOMMUSIM_EEXIST);
	assert_ok(iommusim_device_driver(host.vmm, 0, HOST_AHCI, &driver));
	assert_int_equal(driver, IOMMUSIM_DRIVER_HOST);
	assert_ok(iommusim_device_driver(host.vmm, 0, HOST_PPT1, &driver));
	assert_int_equal(driver, IOMMUSIM_DRIVER_PPT);
	assert_status(
	    iommusim_device_attach(host.vmm, 0, HOST_GONE, IOMMUSIM_DRIVER_HOST), IOMMUSIM_ENOENT);
	assert_status(iommusim_device_driver(host.vmm, 0, HOST_GONE, &driver), IOMMUSIM_ENOENT);
	assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 2);
	host_stop(&host);
}

static void a_host_driver_that_attaches_later_brings_its_device_along(void **state)
{
	struct iommusim_requester *late;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_init(&host);
	host_function(&host, 0x0a00, "late");
	late = host_requester(&host, 0x0a00);
	assert_ok(iommusim_device_attach(host.vmm, 0, 0x0a00, IOMMUSIM_DRIVER_HOST));
	assert_true(host_reaches(late, 0x5000));
	host_stop(&host);
}

static void ppt_that_attaches_later_takes_its_device_out_of_the_host_domain(void **state)
{
	struct iommusim_requester *found;
	enum iommusim_driver driver;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		host_function(&host, 0x0a00, "found"); /* no driver has it when the IOMMU comes */
		found = host_requester(&host, 0x0a00);
		host_init(&host);
		assert_true(host_reaches(found, 0x5000));
		host_dma(found, IOMMUSIM_DMA_WRITE, 0x5000);
		assert_ok(iommusim_device_attach(host.vmm, 0, 0x0a00, IOMMUSIM_DRIVER_PPT));
		assert_true(host_dma(found, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
		assert_ok(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver));
		assert_int_equal(driver, IOMMUSIM_DRIVER_PPT);
		assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 3);
		vm = host_guest(&host, "vm", MIB, 0x0a00);
		assert_speaks_guest(found, vm);
		host_stop(&host);
	}
}

static void a_function_without_a_driver_is_the_hosts_until_one_comes(void **state)
{
	struct iommusim_requester *found;
	enum iommusim_driver driver;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_function(&host, 0x0a00, "found");
	found = host_requester(&host, 0x0a00);
	host_init(&host);
	assert_ok(iommusim_device_attach(host.vmm, 0, 0x0a00, IOMMUSIM_DRIVER_HOST));
	assert_true(host_reaches(found, 0x5000));
	assert_ok(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver));
	assert_int_equal(driver, IOMMUSIM_DRIVER_HOST);
	assert_status(
	    iommusim_device_attach(host.vmm, 0, 0x0a00, IOMMUSIM_DRIVER_PPT), IOMMUSIM_EEXIST);
	host_stop(&host);
}

/* ---- ppt lets go, and takes -------------------------------------------------------------------- */

static void what_ppt_lets_go_of_is_the_hosts_until_it_takes_it_back(void **state)
{
	enum iommusim_driver driver;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		host_start(&host, &(struct host_setup){ .profile = all_profiles[p] });
		vm = host_guest(&host, "vm", MIB, HOST_PPT1);
		assert_ok(iommusim_vm_destroy(vm));
		assert_true(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
		assert_ok(iommusim_ppt_detach(host.vmm, 0, HOST_PPT1));
		assert_true(host_reaches(host.ppt1, 0x5000));
		assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), 0x2);
		assert_ok(iommusim_device_driver(host.vmm, 0, HOST_PPT1, &driver));
		assert_int_equal(driver, IOMMUSIM_DRIVER_NONE);
		assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 1);
		assert_ok(iommusim_pci_set_command(host.machine, 0, HOST_PPT1, 0x6));
		assert_false(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
		assert_ok(iommusim_ppt_attach(host.vmm, 0, HOST_PPT1));
		assert_true(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
		vm = host_guest(&host, "next", MIB, HOST_PPT1);
		assert_speaks_guest(host.ppt1, vm);
		host_stop(&host);
	}
}

static void a_driver_of_the_host_can_follow_ppt_and_turns_bus_mastering_on(void **state)
{
	enum iommusim_driver driver;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_init(&host);
	assert_ok(iommusim_ppt_detach(host.vmm, 0, HOST_PPT1));
	assert_ok(iommusim_device_attach(host.vmm, 0, HOST_PPT1, IOMMUSIM_DRIVER_HOST));
	assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), 0x6);
	assert_false(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
	assert_ok(iommusim_device_driver(host.vmm, 0, HOST_PPT1, &driver));
	assert_int_equal(driver, IOMMUSIM_DRIVER_HOST);
	host_stop(&host);
}

static void ppt_takes_a_device_from_the_hosts_driver(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_init(&host);
	host_dma(host.ahci, IOMMUSIM_DMA_WRITE, 0x5000); /* units know the way */
	assert_ok(iommusim_ppt_attach(host.vmm, 0, HOST_AHCI));
	assert_true(host_dma(host.ahci, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
	assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 3);
	vm = host_guest(&host, "vm", MIB, HOST_AHCI);
	assert_speaks_guest(host.ahci, vm);
	host_stop(&host);
}

static void ppt_lets_go_of_what_it_has_and_no_vm_has(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	assert_status(iommusim_ppt_detach(host.vmm, 0, HOST_PPT1), IOMMUSIM_EBUSY);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "\"vm\"");
	assert_speaks_guest(host.ppt1, vm);
	assert_status(iommusim_ppt_attach(host.vmm, 0, HOST_PPT1), IOMMUSIM_EEXIST);
	assert_status(iommusim_ppt_detach(host.vmm, 0, HOST_AHCI), IOMMUSIM_ENXIO);
	assert_status(iommusim_ppt_detach(host.vmm, 0, HOST_GONE), IOMMUSIM_ENXIO);
	assert_status(iommusim_ppt_detach(host.vmm, 1, HOST_PPT1), IOMMUSIM_ENXIO);
	assert_status(iommusim_ppt_attach(host.vmm, 0, HOST_GONE), IOMMUSIM_ENOENT);
	assert_ok(iommusim_ppt_detach(host.vmm, 0, HOST_PPT2));
	assert_status(iommusim_ppt_detach(host.vmm, 0, HOST_PPT2), IOMMUSIM_ENXIO);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT2), IOMMUSIM_ENXIO);
	host_stop(&host);
}

/* With no host domain there is nowhere to put it: it is there when the IOMMU comes. */
static void what_ppt_let_go_of_before_the_iommu_waits_for_it(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_ppt_detach(host.vmm, 0, HOST_PPT1));
	assert_false(host_look(host.ppt1, 0x5000).translated);
	host_init(&host);
	assert_true(host_reaches(host.ppt1, 0x5000));
	host_stop(&host);
}

static void a_backend_that_refuses_leaves_the_device_with_ppt(void **state)
{
	struct host_backend backend;
	enum iommusim_driver driver;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	host_init(&host);
	backend.add = IOMMUSIM_EIO;
	assert_status(iommusim_ppt_detach(host.vmm, 0, HOST_PPT1), IOMMUSIM_EIO);
	assert_ok(iommusim_device_driver(host.vmm, 0, HOST_PPT1, &driver));
	assert_int_equal(driver, IOMMUSIM_DRIVER_PPT);
	assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), 0x2);
	backend.add = IOMMUSIM_OK;
	assert_ok(iommusim_ppt_detach(host.vmm, 0, HOST_PPT1));
	assert_int_equal(host_backend_count(&backend, "add 1 0:0700"), 2);
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_assignment_initialises_and_makes_a_domain),
		cmocka_unit_test(the_device_reaches_all_guest_memory_and_nothing_else),
		cmocka_unit_test(data_arrives_where_the_guest_looks_for_it),
		cmocka_unit_test(a_guest_above_4_gib_is_mapped_on_both_sides_of_the_hole),
		cmocka_unit_test(only_13_0_takes_guest_pages_from_the_host),
		cmocka_unit_test(pages_of_nobody_and_of_other_guests_stay_with_the_host),
		cmocka_unit_test(they_come_back_with_the_last_device),
		cmocka_unit_test(they_come_back_when_the_vm_is_destroyed),
		cmocka_unit_test(what_the_host_had_cached_of_them_is_flushed),
		cmocka_unit_test(a_second_device_joins_the_domain_and_maps_nothing),
		cmocka_unit_test(an_unassigned_device_is_in_no_domain),
		cmocka_unit_test(a_device_goes_from_guest_to_guest),
		cmocka_unit_test(a_guest_that_gave_its_device_back_can_have_it_again),
		cmocka_unit_test(two_guests_have_domains_of_their_own),
		cmocka_unit_test(destroying_a_vm_ends_its_domain_and_frees_its_devices),
		cmocka_unit_test(a_vm_without_devices_never_asks_for_the_iommu),
		cmocka_unit_test(only_ppts_devices_can_be_assigned),
		cmocka_unit_test(a_device_belongs_to_one_vm_at_a_time),
		cmocka_unit_test(a_vm_without_memory_gets_no_device),
		cmocka_unit_test(only_what_a_vm_has_can_be_unassigned),
		cmocka_unit_test(the_domain_of_a_vm_and_the_hosts_are_not_the_callers_to_destroy),
		cmocka_unit_test(callers_domains_are_numbered_as_they_come),
		cmocka_unit_test(a_name_given_beforehand_is_the_next_domains_alone),
		cmocka_unit_test(a_callers_domain_maps_what_it_is_told),
		cmocka_unit_test(mappings_are_made_of_pages),
		cmocka_unit_test(a_function_that_comes_later_joins_the_host_domain),
		cmocka_unit_test(what_comes_before_the_iommu_waits_for_it),
		cmocka_unit_test(a_function_deleted_before_the_iommu_is_left_out_of_it),
		cmocka_unit_test(bus_events_are_of_functions_that_are_there),
		cmocka_unit_test(a_device_of_a_vm_is_not_to_be_deleted),
		cmocka_unit_test(a_function_gets_one_driver),
		cmocka_unit_test(a_host_driver_that_attaches_later_brings_its_device_along),
		cmocka_unit_test(ppt_that_attaches_later_takes_its_device_out_of_the_host_domain),
		cmocka_unit_test(a_function_without_a_driver_is_the_hosts_until_one_comes),
		cmocka_unit_test(what_ppt_lets_go_of_is_the_hosts_until_it_takes_it_back),
		cmocka_unit_test(a_driver_of_the_host_can_follow_ppt_and_turns_bus_mastering_on),
		cmocka_unit_test(ppt_takes_a_device_from_the_hosts_driver),
		cmocka_unit_test(ppt_lets_go_of_what_it_has_and_no_vm_has),
		cmocka_unit_test(what_ppt_let_go_of_before_the_iommu_waits_for_it),
		cmocka_unit_test(a_backend_that_refuses_leaves_the_device_with_ppt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
