/*
 * iommu_ops of the caller's own: that vmm asks them, in what order, and what it makes of their
 * answers.
 */
#include "host_fixture.h"

#include <stdio.h>

static void start(struct host *host, struct host_backend *backend, const char *profile)
{
	host_backend_init(backend);
	host_start(host,
	    &(struct host_setup){ .profile = profile, .ops = &backend->ops, .ops_context = backend });
}

/* A VM of three pages that stand at these addresses. */
static struct iommusim_vm *small_vm(struct host *host, uint64_t hpa[3])
{
	struct iommusim_vm *vm = host_vm(host, "vm", 3 * PAGE, 1);

	for (unsigned i = 0; i < 3; i++)
		hpa[i] = host_hpa(vm, i * PAGE);
	return vm;
}

/* ---- order ----------------------------------------------------------------------------------- */

static void initialising_makes_the_host_domain_before_it_enables(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	assert_string_equal(backend.log.text, "");
	host_init(&host);
	assert_string_equal(backend.log.text,
	    "init\n"
	    "create_domain 0x4000000\n"
	    "map 1 0x0 0x0 0x4000000\n"
	    "add 1 0:0010\n"
	    "add 1 0:00b8\n"
	    "enable\n");
	host_stop(&host);
}

static void assigning_in_13_0_moves_each_page_and_flushes_the_host(void **state)
{
	struct host_text expected = { .length = 0 };
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	vm = small_vm(&host, hpa);
	host_init(&host);
	host_backend_forget(&backend);
	host_assign(vm, HOST_PPT1);
	host_text_add(&expected, "create_domain 0x3000\n");
	for (unsigned i = 0; i < 3; i++)
		host_text_add(&expected, "map 2 0x%x 0x%llx 0x1000\nunmap 1 0x%llx 0x1000\n",
		    i * 0x1000, (unsigned long long)hpa[i], (unsigned long long)hpa[i]);
	host_text_add(&expected, "invalidate 1\nadd 2 0:0700\n");
	assert_string_equal(backend.log.text, expected.text);
	host_stop(&host);
}

static void unassigning_in_13_0_moves_them_back_and_flushes_the_guest(void **state)
{
	struct host_text expected = { .length = 0 };
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	vm = small_vm(&host, hpa);
	host_assign(vm, HOST_PPT1);
	host_backend_forget(&backend);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	host_text_add(&expected, "remove 2 0:0700\n");
	for (unsigned i = 0; i < 3; i++)
		host_text_add(&expected, "unmap 2 0x%x 0x1000\nmap 1 0x%llx 0x%llx 0x1000\n",
		    i * 0x1000, (unsigned long long)hpa[i], (unsigned long long)hpa[i]);
	host_text_add(&expected, "invalidate 2\n");
	assert_string_equal(backend.log.text, expected.text);
	host_backend_forget(&backend);
	assert_ok(iommusim_vm_destroy(vm));
	assert_string_equal(backend.log.text, "destroy_domain 2\n");
	host_stop(&host);
}

static void later_releases_leave_the_host_domain_alone_and_flush_it_all_the_same(void **state)
{
	static const char *const profiles[] = { "13.1", "14.2" };
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		start(&host, &backend, profiles[p]);
		vm = small_vm(&host, hpa);
		host_init(&host);
		host_backend_forget(&backend);
		host_assign(vm, HOST_PPT1);
		assert_int_equal(host_backend_count(&backend, "map 2 "), 3);
		assert_int_equal(host_backend_count(&backend, "unmap "), 0);
		assert_int_equal(host_backend_count(&backend, "map 1 "), 0);
		assert_int_equal(host_backend_count(&backend, "invalidate 1\nadd 2 0:0700\n"), 1);
		host_backend_forget(&backend);
		assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
		assert_int_equal(host_backend_count(&backend, "unmap 2 "), 3);
		assert_int_equal(host_backend_count(&backend, "map 1 "), 0);
		assert_int_equal(host_backend_count(&backend, "invalidate 2\n"), 1);
		assert_int_equal(host_backend_count(&backend, "invalidate 1\n"), 0);
		host_stop(&host);
	}
}

static void the_reference_flushes_what_it_changed(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "reference");
	vm = small_vm(&host, hpa);
	host_init(&host);
	host_backend_forget(&backend);
	host_assign(vm, HOST_PPT1);
	assert_int_equal(host_backend_count(&backend, "invalidate 2\nadd 2 0:0700\n"), 1);
	assert_int_equal(host_backend_count(&backend, "invalidate 1\n"), 0);
	host_backend_forget(&backend);
	assert_ok(iommusim_vm_destroy(vm));
	assert_int_equal(host_backend_count(&backend, "invalidate 2\ndestroy_domain 2\n"), 1);
	assert_int_equal(host_backend_count(&backend, "invalidate 1\n"), 0);
	host_stop(&host);
}

static void destroying_takes_every_device_away_first(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.1");
	vm = small_vm(&host, hpa);
	host_assign(vm, HOST_PPT1);
	host_assign(vm, HOST_PPT2);
	host_backend_forget(&backend);
	assert_ok(iommusim_vm_destroy(vm));
	assert_string_equal(backend.log.text,
	    "remove 2 0:0700\n"
	    "remove 2 0:0100\n"
	    "unmap 2 0x0 0x1000\n"
	    "unmap 2 0x1000 0x1000\n"
	    "unmap 2 0x2000 0x1000\n"
	    "invalidate 2\n"
	    "destroy_domain 2\n");
	host_stop(&host);
}

static void unloading_disables_then_destroys_then_cleans_up(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	host_init(&host);
	host_backend_forget(&backend);
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_string_equal(backend.log.text, "disable\ndestroy_domain 1\ncleanup\n");
	host_stop(&host);
}

static void a_power_cut_asks_nobody(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	host_guest(&host, "vm", 3 * PAGE, HOST_PPT1);
	host_backend_forget(&backend);
	iommusim_vmm_destroy(host.vmm);
	host.vmm = NULL;
	assert_string_equal(backend.log.text, "");
	host_stop(&host);
}

static void wrappers_pass_their_arguments_on(void **state)
{
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	host_init(&host);
	host_backend_forget(&backend);
	assert_ok(iommusim_iommu_create_domain(host.vmm, 0x123456, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x9000, 0x4000));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x6000, 0x1000));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 3, 0x1234));
	assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 3, 0x1234));
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	assert_ok(iommusim_iommu_disable(host.vmm));
	assert_ok(iommusim_iommu_enable(host.vmm));
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	assert_string_equal(backend.log.text,
	    "create_domain 0x123456\n"
	    "map 2 0x5000 0x9000 0x4000\n"
	    "unmap 2 0x6000 0x1000\n"
	    "add 2 3:1234\n"
	    "remove 2 3:1234\n"
	    "invalidate 2\n"
	    "disable\n"
	    "enable\n"
	    "destroy_domain 2\n");
	host_stop(&host);
}

static void the_ops_are_copied_when_vmm_is_made(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	memset(&backend.ops, 0, sizeof(backend.ops));
	host_init(&host);
	assert_int_equal(host_backend_count(&backend, "enable"), 1);
	host_stop(&host);
}

static void foreign_ops_see_no_hardware_of_ours(void **state)
{
	static struct host_log log;
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	host_watch(&host, &log);
	assert_ok(iommusim_vm_destroy(host_guest(&host, "vm", 3 * PAGE, HOST_PPT1)));
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_int_equal(log.count + log.reads, 0);
	host_stop(&host);
}

/* ---- bytes done ------------------------------------------------------------------------------ */

static void a_backend_that_does_less_is_asked_for_the_rest(void **state)
{
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	host_backend_forget(&backend);
	backend.chunk = 0x2000;
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x10000, 0x80000, 0x5000));
	assert_string_equal(backend.log.text,
	    "map 2 0x10000 0x80000 0x5000\n"
	    "map 2 0x12000 0x82000 0x3000\n"
	    "map 2 0x14000 0x84000 0x1000\n");
	host_backend_forget(&backend);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x10000, 0x3000));
	assert_string_equal(backend.log.text, "unmap 2 0x10000 0x3000\nunmap 2 0x12000 0x1000\n");
	host_stop(&host);
}

static void a_backend_that_does_nothing_is_not_asked_for_ever(void **state)
{
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	backend.lazy = true;
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, 2 * PAGE), IOMMUSIM_EIO);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "0 of 8192 bytes");
	assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, 0, 2 * PAGE), IOMMUSIM_EIO);
	host_stop(&host);
}

static void a_backend_that_claims_too_much_is_not_believed(void **state)
{
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	backend.eager = true;
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, 2 * PAGE), IOMMUSIM_EIO);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "12288 of 8192 bytes");
	assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, 0, 2 * PAGE), IOMMUSIM_EIO);
	host_stop(&host);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void what_the_ops_return_comes_back(void **state)
{
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	backend.map = IOMMUSIM_ENXIO;
	backend.unmap = IOMMUSIM_EIO;
	backend.add = IOMMUSIM_EBUSY;
	backend.remove = IOMMUSIM_ENOENT;
	backend.invalidate = IOMMUSIM_EINVAL;
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, PAGE), IOMMUSIM_ENXIO);
	assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, 0, PAGE), IOMMUSIM_EIO);
	assert_status(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1), IOMMUSIM_EBUSY);
	assert_status(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1), IOMMUSIM_ENOENT);
	assert_status(iommusim_iommu_invalidate_tlb(host.vmm, domain), IOMMUSIM_EINVAL);
	backend.create_domain = IOMMUSIM_EIO;
	assert_status(iommusim_iommu_create_domain(host.vmm, MIB, &domain), IOMMUSIM_EIO);
	assert_null(domain);
	host_stop(&host);
}

static void a_domain_that_cannot_be_made_leaves_the_vm_as_it_was(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	host_init(&host);
	vm = small_vm(&host, hpa);
	backend.create_domain = IOMMUSIM_EBUSY;
	host_backend_forget(&backend);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_EBUSY);
	assert_string_equal(backend.log.text, "create_domain 0x3000\n");
	assert_null(iommusim_vm_domain(vm));
	assert_null(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1));
	host_stop(&host);
}

static void a_page_that_cannot_be_mapped_undoes_those_before_it(void **state)
{
	struct host_text expected = { .length = 0 };
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	host_init(&host);
	vm = small_vm(&host, hpa);
	backend.map = IOMMUSIM_ENXIO;
	backend.fail_from = 2 * PAGE;
	host_backend_forget(&backend);
	/*
	 * The host's addresses are all beyond: they could not be put back. So only the guest fails.
	 */
	assert_true(hpa[0] > 2 * PAGE && hpa[1] > 2 * PAGE);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	host_text_add(&expected, "create_domain 0x3000\n");
	for (unsigned i = 0; i < 2; i++)
		host_text_add(&expected, "map 2 0x%x 0x%llx 0x1000\nunmap 1 0x%llx 0x1000\n",
		    i * 0x1000, (unsigned long long)hpa[i], (unsigned long long)hpa[i]);
	host_text_add(&expected, "map 2 0x2000 0x%llx 0x1000\n", (unsigned long long)hpa[2]);
	assert_int_equal(strncmp(backend.log.text, expected.text, expected.length), 0);
	/* Both pages are asked back for the host, though the first of them fails too. */
	for (unsigned i = 0; i < 2; i++) {
		char line[64];

		snprintf(line, sizeof(line), "map 1 0x%llx 0x%llx 0x1000\n", (unsigned long long)hpa[i],
		    (unsigned long long)hpa[i]);
		assert_int_equal(host_backend_count(&backend, line), 1);
	}
	assert_int_equal(host_backend_count(&backend, "destroy_domain 2\n"), 1);
	assert_int_equal(host_backend_count(&backend, "add "), 0);
	assert_null(iommusim_vm_domain(vm));
	host_stop(&host);
}

static void a_host_page_that_cannot_be_taken_out_undoes_its_mapping(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	host_init(&host);
	vm = small_vm(&host, hpa);
	backend.unmap = IOMMUSIM_EIO;
	backend.fail_from = hpa[0]; /* guest addresses can be unmapped */
	host_backend_forget(&backend);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_EIO);
	assert_int_equal(host_backend_count(&backend, "map 2 "), 1);
	assert_int_equal(host_backend_count(&backend, "unmap 2 0x0 0x1000\n"), 1);
	assert_int_equal(host_backend_count(&backend, "destroy_domain 2\n"), 1);
	assert_null(iommusim_vm_domain(vm));
	host_stop(&host);
}

static void a_device_that_cannot_be_added_undoes_everything(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	host_init(&host);
	vm = small_vm(&host, hpa);
	backend.add = IOMMUSIM_ENXIO;
	host_backend_forget(&backend);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	assert_int_equal(host_backend_count(&backend, "unmap 2 "), 3);
	assert_int_equal(host_backend_count(&backend, "map 1 "), 3);
	assert_int_equal(host_backend_count(&backend, "destroy_domain 2\n"), 1);
	assert_null(iommusim_vm_domain(vm));
	assert_null(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1));
	backend.add = IOMMUSIM_OK;
	host_assign(vm, HOST_PPT1);
	host_stop(&host);
}

static void a_domain_from_before_is_not_given_up_for_a_device_that_fails(void **state)
{
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	vm = small_vm(&host, hpa);
	host_assign(vm, HOST_PPT1);
	domain = iommusim_vm_domain(vm);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	backend.add = IOMMUSIM_ENXIO;
	host_backend_forget(&backend);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	assert_ptr_equal(iommusim_vm_domain(vm), domain);
	assert_int_equal(host_backend_count(&backend, "unmap 2 "), 3);
	assert_int_equal(host_backend_count(&backend, "destroy_domain"), 0);
	host_stop(&host);
}

static void a_second_device_that_fails_leaves_the_first_alone(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	vm = small_vm(&host, hpa);
	host_assign(vm, HOST_PPT1);
	backend.add = IOMMUSIM_ENXIO;
	host_backend_forget(&backend);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT2), IOMMUSIM_ENXIO);
	assert_string_equal(backend.log.text, "add 2 0:0100\n");
	assert_ptr_equal(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1), vm);
	assert_null(iommusim_vm_of_device(host.vmm, 0, HOST_PPT2));
	host_stop(&host);
}

static void a_device_that_cannot_be_removed_stays_with_its_vm(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	vm = small_vm(&host, hpa);
	host_assign(vm, HOST_PPT1);
	backend.remove = IOMMUSIM_EIO;
	host_backend_forget(&backend);
	assert_status(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_EIO);
	assert_status(iommusim_vm_destroy(vm), IOMMUSIM_EIO);
	assert_string_equal(backend.log.text, "remove 2 0:0700\nremove 2 0:0700\n");
	assert_ptr_equal(iommusim_vm_find(host.vmm, "vm"), vm);
	assert_ptr_equal(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1), vm);
	backend.remove = IOMMUSIM_OK;
	assert_ok(iommusim_vm_destroy(vm));
	host_stop(&host);
}

static void a_page_that_cannot_be_unmapped_keeps_no_other_one(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa[3];

	(void)state;
	start(&host, &backend, "13.0");
	vm = small_vm(&host, hpa);
	host_assign(vm, HOST_PPT1);
	backend.unmap = IOMMUSIM_EIO;
	backend.fail_from = PAGE; /* the first goes, the others do not */
	host_backend_forget(&backend);
	assert_status(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_EIO);
	assert_int_equal(host_backend_count(&backend, "unmap 2 "), 3);
	assert_int_equal(host_backend_count(&backend, "map 1 "), 1); /* of the one that went */
	host_stop(&host);
}

static void a_device_ppt_took_over_is_not_the_hosts_to_remove(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	host_function(&host, 0x0a00, "found");
	host_init(&host);
	host_backend_forget(&backend);
	assert_ok(iommusim_device_attach(host.vmm, 0, 0x0a00, IOMMUSIM_DRIVER_PPT));
	assert_string_equal(backend.log.text, "remove 1 0:0a00\n");
	host_backend_forget(&backend);
	assert_ok(iommusim_pci_device_deleted(host.vmm, 0, 0x0a00));
	assert_string_equal(backend.log.text, "");
	host_stop(&host);
}

static void a_late_device_the_ops_refuse_is_not_kept(void **state)
{
	struct host_backend backend;
	enum iommusim_driver driver;
	struct host host;

	(void)state;
	start(&host, &backend, "13.0");
	host_init(&host);
	host_function(&host, 0x0a00, "late");
	backend.add = IOMMUSIM_ENXIO;
	assert_status(
	    iommusim_device_attach(host.vmm, 0, 0x0a00, IOMMUSIM_DRIVER_HOST), IOMMUSIM_ENXIO);
	assert_status(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver), IOMMUSIM_ENOENT);
	assert_status(iommusim_pci_device_added(host.vmm, 0, 0x0a00), IOMMUSIM_ENXIO);
	assert_status(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver), IOMMUSIM_ENOENT);
	backend.add = IOMMUSIM_OK;
	assert_ok(iommusim_device_attach(host.vmm, 0, 0x0a00, IOMMUSIM_DRIVER_HOST));
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initialising_makes_the_host_domain_before_it_enables),
		cmocka_unit_test(assigning_in_13_0_moves_each_page_and_flushes_the_host),
		cmocka_unit_test(unassigning_in_13_0_moves_them_back_and_flushes_the_guest),
		cmocka_unit_test(later_releases_leave_the_host_domain_alone_and_flush_it_all_the_same),
		cmocka_unit_test(the_reference_flushes_what_it_changed),
		cmocka_unit_test(destroying_takes_every_device_away_first),
		cmocka_unit_test(unloading_disables_then_destroys_then_cleans_up),
		cmocka_unit_test(a_power_cut_asks_nobody),
		cmocka_unit_test(wrappers_pass_their_arguments_on),
		cmocka_unit_test(the_ops_are_copied_when_vmm_is_made),
		cmocka_unit_test(foreign_ops_see_no_hardware_of_ours),
		cmocka_unit_test(a_backend_that_does_less_is_asked_for_the_rest),
		cmocka_unit_test(a_backend_that_does_nothing_is_not_asked_for_ever),
		cmocka_unit_test(a_backend_that_claims_too_much_is_not_believed),
		cmocka_unit_test(what_the_ops_return_comes_back),
		cmocka_unit_test(a_domain_that_cannot_be_made_leaves_the_vm_as_it_was),
		cmocka_unit_test(a_page_that_cannot_be_mapped_undoes_those_before_it),
		cmocka_unit_test(a_host_page_that_cannot_be_taken_out_undoes_its_mapping),
		cmocka_unit_test(a_device_that_cannot_be_added_undoes_everything),
		cmocka_unit_test(a_domain_from_before_is_not_given_up_for_a_device_that_fails),
		cmocka_unit_test(a_second_device_that_fails_leaves_the_first_alone),
		cmocka_unit_test(a_device_that_cannot_be_removed_stays_with_its_vm),
		cmocka_unit_test(a_late_device_the_ops_refuse_is_not_kept),
		cmocka_unit_test(a_page_that_cannot_be_unmapped_keeps_no_other_one),
		cmocka_unit_test(a_device_ppt_took_over_is_not_the_hosts_to_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
