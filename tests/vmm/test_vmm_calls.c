/*
 * vmm as a whole: loading and unloading, sysctls, ppt's count, listeners, and the kernel's panic.
 */
#include "host_fixture.h"

#include <stdlib.h>

/* ---- loading --------------------------------------------------------------------------------- */

static struct iommusim_machine *machine_with(uint64_t ram)
{
	struct iommusim_machine *machine;

	assert_ok(iommusim_machine_create(NULL, &machine));
	assert_ok(iommusim_memory_add_pc_ram(machine, ram));
	return machine;
}

static void without_a_profile_it_is_the_reference(void **state)
{
	static const struct iommusim_vmm_config empty;
	struct iommusim_machine *machine = machine_with(HOST_RAM);
	struct iommusim_vmm *vmm;

	(void)state;
	assert_ok(iommusim_vmm_create(machine, NULL, &vmm));
	assert_string_equal(iommusim_profile_name(iommusim_vmm_profile(vmm)), "reference");
	assert_ptr_equal(iommusim_vmm_machine(vmm), machine);
	iommusim_vmm_destroy(vmm);
	assert_ok(iommusim_vmm_create(machine, &empty, &vmm));
	assert_string_equal(iommusim_profile_name(iommusim_vmm_profile(vmm)), "reference");
	iommusim_vmm_destroy(vmm);
	iommusim_vmm_destroy(NULL);
	iommusim_machine_destroy(machine);
}

static void a_profile_nobody_knows_is_refused_by_name(void **state)
{
	const struct iommusim_vmm_config config = { .profile = "9.9" };
	struct iommusim_machine *machine = machine_with(HOST_RAM);
	struct iommusim_vmm *vmm = (struct iommusim_vmm *)(void *)machine;

	(void)state;
	assert_status(iommusim_vmm_create(machine, &config, &vmm), IOMMUSIM_ENOENT);
	assert_null(vmm);
	assert_contains(iommusim_machine_diagnostic(machine)->text, "9.9");
	iommusim_machine_destroy(machine);
}

static void a_machine_without_memory_is_refused(void **state)
{
	struct iommusim_machine *machine = machine_with(2 * MIB);
	struct iommusim_vmm *vmm = (struct iommusim_vmm *)(void *)machine;

	(void)state;
	assert_status(iommusim_vmm_create(machine, NULL, &vmm), IOMMUSIM_EINVAL);
	assert_null(vmm);
	iommusim_machine_destroy(machine);
}

static void loading_touches_no_register(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	iommusim_vmm_destroy(host.vmm);
	host_watch(&host, &log);
	assert_ok(iommusim_vmm_create(host.machine, NULL, &host.vmm));
	assert_ok(iommusim_device_attach(host.vmm, 0, HOST_AHCI, IOMMUSIM_DRIVER_HOST));
	assert_ok(iommusim_device_attach(host.vmm, 0, HOST_PPT1, IOMMUSIM_DRIVER_PPT));
	host_vm(&host, "vm", MIB, 1);
	assert_int_equal(log.count + log.reads, 0);
	host_stop(&host);
}

/* ---- unloading ------------------------------------------------------------------------------- */

static void it_cannot_be_unloaded_while_a_vm_exists(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_init(&host);
	vm = host_vm(&host, "vm", MIB, 1);
	assert_status(iommusim_vmm_unload(host.vmm), IOMMUSIM_EBUSY);
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 1);
	assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, G_TE);
	assert_ok(iommusim_vm_destroy(vm));
	assert_ok(iommusim_vmm_unload(host.vmm));
	host_stop(&host);
}

static void unloading_turns_translation_off_and_forgets_the_host_domain(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	host_init(&host);
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 0);
	assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 2); /* ppt stays attached */
	assert_null(iommusim_host_domain(host.vmm));
	assert_null(iommusim_domain_at(host.vmm, 0));
	assert_int_equal(host_status(&host, HOST_UNIT0) & G_TE, 0);
	assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, 0);
	assert_false(host_look(host.ppt1, 0x5000).translated);
	host_stop(&host);
}

static void unloading_before_anything_was_initialised_is_nothing(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_watch(&host, &log);
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_int_equal(log.count + log.reads, 0);
	host_stop(&host);
}

static void after_an_unload_everything_begins_anew(void **state)
{
	static const char *const profiles[] = { "13.0", "reference" };
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = profiles[p] });
		for (unsigned life = 0; life < 3; life++) {
			vm = host_guest(&host, "vm", MIB, HOST_PPT1);
			assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 1);
			assert_true(host_reaches(host.gfx, 0x5000));
			assert_true(host_reaches(host.ahci, 0x5000));
			assert_int_equal(host_look(host.ppt1, 0x5000).physical, host_hpa(vm, 0x5000));
			assert_true(host_look(host.ppt2, 0x5000).faulted);
			assert_ok(iommusim_vm_destroy(vm));
			assert_ok(iommusim_vmm_unload(host.vmm));
			assert_true(!host_look(host.ahci, 0x5000).translated);
		}
		host_stop(&host);
	}
}

static void functions_that_only_the_host_domain_knew_are_forgotten(void **state)
{
	enum iommusim_driver driver;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_function(&host, 0x0a00, "undriven");
	assert_status(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver), IOMMUSIM_ENOENT);
	host_init(&host);
	assert_ok(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver));
	assert_int_equal(driver, IOMMUSIM_DRIVER_NONE);
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_status(iommusim_device_driver(host.vmm, 0, 0x0a00, &driver), IOMMUSIM_ENOENT);
	assert_ok(iommusim_device_driver(host.vmm, 0, HOST_AHCI, &driver));
	host_stop(&host);
}

static void a_domain_of_the_callers_outlives_an_unload(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_ptr_equal(iommusim_domain_at(host.vmm, 0), domain);
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	assert_null(iommusim_domain_at(host.vmm, 0));
	host_init(&host);
	host_stop(&host);
}

/* ---- sysctls --------------------------------------------------------------------------------- */

static void the_sysctls_are_there_with_their_values_at_boot(void **state)
{
	static const struct {
		const char *name;
		uint64_t value;
	} expected[] = {
		{ "hw.vmm.iommu.enable", 1 },
		{ "hw.vmm.iommu.initialized", 0 },
		{ "hw.vmm.ppt.devices", 0 },
		{ "hw.vmm.force_iommu", 0 },
		{ "hw.vmm.amdvi.enable", 0 },
		{ "hw.dmar.enable", 0 },
		{ "vtd.regmap.0.addr", 0 },
		{ "vtd.regmap.1.addr", 0 },
	};
	struct host host;
	size_t listed = 0;

	(void)state;
	host_start(&host, &(struct host_setup){ .no_drivers = true });
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(host_sysctl(&host, expected[i].name), expected[i].value);
		for (size_t n = 0; iommusim_sysctl_name(n) != NULL; n++)
			listed += strcmp(iommusim_sysctl_name(n), expected[i].name) == 0;
	}
	assert_int_equal(listed, 8);
	assert_null(iommusim_sysctl_name(8));
	assert_null(iommusim_sysctl_name(SIZE_MAX));
	host_stop(&host);
}

static void a_sysctl_that_is_writable_keeps_what_is_written(void **state)
{
	static const char *const names[] = { "hw.vmm.iommu.enable", "hw.vmm.amdvi.enable",
		"hw.dmar.enable" };
	struct host host;

	(void)state;
	host_start(&host, NULL);
	for (size_t i = 0; i < 3; i++) {
		assert_ok(iommusim_sysctl_set(host.vmm, names[i], 0));
		assert_int_equal(host_sysctl(&host, names[i]), 0);
		assert_ok(iommusim_sysctl_set(host.vmm, names[i], 41 + i));
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(host_sysctl(&host, names[i]), 41 + i);
	host_stop(&host);
}

static void what_vmm_says_of_itself_cannot_be_written(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_status(iommusim_sysctl_set(host.vmm, "hw.vmm.iommu.initialized", 1), IOMMUSIM_EINVAL);
	assert_status(iommusim_sysctl_set(host.vmm, "hw.vmm.ppt.devices", 7), IOMMUSIM_EINVAL);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "read-only");
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 0);
	assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 2);
	host_stop(&host);
}

static void a_sysctl_nobody_knows_is_named(void **state)
{
	uint64_t value = 77;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_status(iommusim_sysctl_get(host.vmm, "hw.vmm.iommu", &value), IOMMUSIM_ENOENT);
	assert_int_equal(value, 77);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "\"hw.vmm.iommu\"");
	assert_status(iommusim_sysctl_set(host.vmm, "", 1), IOMMUSIM_ENOENT);
	host_stop(&host);
}

static void ppt_counts_the_functions_it_holds(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .no_drivers = true });
	assert_ok(iommusim_device_attach(host.vmm, 0, HOST_AHCI, IOMMUSIM_DRIVER_HOST));
	assert_ok(iommusim_device_attach(host.vmm, 0, HOST_GFX, IOMMUSIM_DRIVER_NONE));
	assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 0);
	assert_ok(iommusim_device_attach(host.vmm, 0, HOST_PPT1, IOMMUSIM_DRIVER_PPT));
	assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 1);
	assert_ok(iommusim_device_attach(host.vmm, 0, HOST_PPT2, IOMMUSIM_DRIVER_PPT));
	host_guest(&host, "vm", MIB, HOST_PPT2); /* assigned ones count as well */
	assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 2);
	assert_ok(iommusim_pci_device_deleted(host.vmm, 0, HOST_PPT1));
	assert_int_equal(host_sysctl(&host, "hw.vmm.ppt.devices"), 1);
	host_stop(&host);
}

/* ---- listeners ------------------------------------------------------------------------------- */

static void note_begin(void *context, const struct iommusim_call *call)
{
	host_text_add(context, "%*s%s\n", (int)call->depth * 2, "", iommusim_call_name(call->kind));
}

static void note_end(void *context, const struct iommusim_call *call)
{
	host_text_add(context, "%*send %s %s\n", (int)call->depth * 2, "",
	    iommusim_call_name(call->kind), iommusim_status_name(call->status));
}

static void listen_to(struct host *host, struct host_text *text)
{
	const struct iommusim_listener listener = {
		.context = text, .begin = note_begin, .end = note_end
	};

	text->length = 0;
	text->text[0] = '\0';
	assert_ok(iommusim_vmm_listen(host->vmm, &listener));
}

static void a_listener_sees_each_call_begin_and_end_with_its_depth(void **state)
{
	static struct host_text text;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	vm = host_vm(&host, "vm", MIB, 1);
	listen_to(&host, &text);
	host_assign(vm, HOST_PPT1);
	assert_string_equal(text.text,
	    "vm_assign_pptdev\n"
	    "  iommu_create_domain\n"
	    "    iommu_init\n"
	    "      iommu_add_device\n"
	    "      end iommu_add_device OK\n"
	    "      iommu_add_device\n"
	    "      end iommu_add_device OK\n"
	    "    end iommu_init OK\n"
	    "  end iommu_create_domain OK\n"
	    "  iommu_invalidate_tlb\n"
	    "  end iommu_invalidate_tlb OK\n"
	    "  iommu_add_device\n"
	    "  end iommu_add_device OK\n"
	    "end vm_assign_pptdev OK\n");
	text.length = 0;
	assert_ok(iommusim_vm_destroy(vm));
	assert_string_equal(text.text,
	    "vm_destroy\n"
	    "  iommu_remove_device\n"
	    "  end iommu_remove_device OK\n"
	    "  iommu_invalidate_tlb\n"
	    "  end iommu_invalidate_tlb OK\n"
	    "  iommu_destroy_domain\n"
	    "  end iommu_destroy_domain OK\n"
	    "end vm_destroy OK\n");
	host_stop(&host);
}

static void a_listener_sees_the_status_of_calls_that_fail(void **state)
{
	static struct host_text text;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .no_table = true });
	listen_to(&host, &text);
	assert_status(iommusim_iommu_create_domain(host.vmm, MIB, &domain), IOMMUSIM_ENXIO);
	assert_status(iommusim_vm_create(host.vmm, "", NULL), IOMMUSIM_EINVAL);
	assert_status(
	    iommusim_device_attach(host.vmm, 0, HOST_GONE, IOMMUSIM_DRIVER_PPT), IOMMUSIM_ENOENT);
	assert_string_equal(text.text,
	    "iommu_create_domain\n"
	    "  iommu_init\n"
	    "  end iommu_init ENXIO\n"
	    "end iommu_create_domain ENXIO\n"
	    "vm_create\n"
	    "end vm_create EINVAL\n"
	    "device\n"
	    "end device ENOENT\n");
	host_stop(&host);
}

/* What a listener is told of one call, kept to look at. */
static void keep_end(void *context, const struct iommusim_call *call)
{
	struct iommusim_call *kept = context;

	if (call->depth == 0)
		*kept = *call;
}

static void a_call_carries_its_arguments(void **state)
{
	const struct iommusim_vm_memory memory = { .size = 2 * MIB, .seed = 99 };
	struct iommusim_call call;
	const struct iommusim_listener listener = { .context = &call, .end = keep_end };
	struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_vmm_listen(host.vmm, &listener)); /* without a begin function */
	assert_ok(iommusim_iommu_create_domain(host.vmm, 5 * MIB, &domain));
	assert_int_equal(call.kind, IOMMUSIM_CALL_CREATE_DOMAIN);
	assert_ptr_equal(call.domain, domain);
	assert_int_equal(call.address, 5 * MIB);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x3000, 0x9000, 0x2000));
	assert_int_equal(call.kind, IOMMUSIM_CALL_CREATE_MAPPING);
	assert_int_equal(call.address, 0x3000);
	assert_int_equal(call.host_address, 0x9000);
	assert_int_equal(call.length, 0x2000);
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT2));
	assert_int_equal(call.kind, IOMMUSIM_CALL_ADD_DEVICE);
	assert_int_equal(call.rid, HOST_PPT2);
	assert_ok(iommusim_vm_create(host.vmm, "vm", &vm));
	assert_string_equal(call.name, "vm");
	assert_ptr_equal(call.vm, vm);
	assert_ok(iommusim_vm_setup_memory(vm, &memory));
	assert_int_equal(call.kind, IOMMUSIM_CALL_VM_SETUP_MEMORY);
	assert_int_equal(call.length, 2 * MIB);
	assert_int_equal(call.value, 99);
	assert_false(call.contiguous);
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.dmar.enable", 5));
	assert_int_equal(call.kind, IOMMUSIM_CALL_SYSCTL_SET);
	assert_string_equal(call.name, "hw.dmar.enable");
	assert_int_equal(call.value, 5);
	assert_null(call.vm); /* what a kind does not use is 0 */
	assert_null(call.domain);
	assert_int_equal(call.address | call.length, 0);
	host_stop(&host);
}

static void listeners_are_told_until_they_leave(void **state)
{
	static struct host_text first, second;
	const struct iommusim_listener deaf = { .context = &first };
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_vmm_listen(host.vmm, &deaf)); /* both functions may be missing */
	listen_to(&host, &second);
	assert_ok(iommusim_vm_create(host.vmm, "a", NULL));
	iommusim_vmm_unlisten(host.vmm, &first);
	listen_to(&host, &first);
	assert_ok(iommusim_vm_create(host.vmm, "b", NULL));
	iommusim_vmm_unlisten(host.vmm, &second);
	assert_ok(iommusim_vm_create(host.vmm, "c", NULL));
	assert_string_equal(second.text, "vm_create\nend vm_create OK\nvm_create\nend vm_create OK\n");
	assert_string_equal(first.text, "vm_create\nend vm_create OK\nvm_create\nend vm_create OK\n");
	host_stop(&host);
}

static void calls_have_names_of_their_own(void **state)
{
	(void)state;
	for (int a = 0; a < IOMMUSIM_CALL_KINDS; a++)
		for (int b = 0; b < a; b++)
			assert_string_not_equal(iommusim_call_name((enum iommusim_call_kind)a),
			    iommusim_call_name((enum iommusim_call_kind)b));
	assert_string_equal(iommusim_call_name(IOMMUSIM_CALL_KINDS), "unknown call");
}

/* ---- the kernel panics ----------------------------------------------------------------------- */

static void panic_by_adding_twice(struct host *host, struct iommusim_domain **domain)
{
	assert_ok(iommusim_iommu_create_domain(host->vmm, MIB, domain));
	assert_ok(iommusim_iommu_add_device(host->vmm, *domain, 0, HOST_PPT1));
	assert_status(iommusim_iommu_add_device(host->vmm, *domain, 0, HOST_PPT1), IOMMUSIM_EFAULT);
}

static void adding_a_device_twice_is_a_panic_with_a_message(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	panic_by_adding_twice(&host, &domain);
	assert_contains(iommusim_vmm_message(host.vmm, 0), "panic: ");
	assert_contains(iommusim_vmm_message(host.vmm, 0), "07:00.0");
	assert_null(iommusim_vmm_message(host.vmm, 1));
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "07:00.0");
	host_stop(&host);
}

static void in_the_reference_it_is_an_error(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_status(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1), IOMMUSIM_EBUSY);
	assert_null(iommusim_vmm_message(host.vmm, 0));
	assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	host_stop(&host);
}

/* Every call there is, by a kernel that has panicked. */
static void assert_all_dead(struct host *host, struct iommusim_domain *domain, struct iommusim_vm *vm)
{
	const struct iommusim_vm_memory memory = { .size = MIB };
	struct iommusim_domain *other = domain;
	struct iommusim_vmm *vmm = host->vmm;
	struct iommusim_vm *new_vm = vm;

	assert_status(iommusim_iommu_init(vmm), IOMMUSIM_EFAULT);
	assert_status(iommusim_iommu_enable(vmm), IOMMUSIM_EFAULT);
	assert_status(iommusim_iommu_disable(vmm), IOMMUSIM_EFAULT);
	assert_status(iommusim_iommu_create_domain(vmm, MIB, &other), IOMMUSIM_EFAULT);
	assert_null(other);
	assert_status(iommusim_iommu_destroy_domain(vmm, domain), IOMMUSIM_EFAULT);
	assert_status(iommusim_iommu_create_mapping(vmm, domain, 0, 0, PAGE), IOMMUSIM_EFAULT);
	assert_status(iommusim_iommu_remove_mapping(vmm, domain, 0, PAGE), IOMMUSIM_EFAULT);
	assert_status(iommusim_iommu_add_device(vmm, domain, 0, HOST_PPT2), IOMMUSIM_EFAULT);
	assert_status(iommusim_iommu_remove_device(vmm, domain, 0, HOST_PPT1), IOMMUSIM_EFAULT);
	assert_status(iommusim_iommu_invalidate_tlb(vmm, domain), IOMMUSIM_EFAULT);
	assert_status(iommusim_device_attach(vmm, 0, HOST_AHCI, IOMMUSIM_DRIVER_HOST), IOMMUSIM_EFAULT);
	assert_status(iommusim_pci_device_added(vmm, 0, HOST_AHCI), IOMMUSIM_EFAULT);
	assert_status(iommusim_pci_device_deleted(vmm, 0, HOST_AHCI), IOMMUSIM_EFAULT);
	assert_status(iommusim_vm_create(vmm, "new", &new_vm), IOMMUSIM_EFAULT);
	assert_null(new_vm);
	assert_status(iommusim_vm_setup_memory(vm, &memory), IOMMUSIM_EFAULT);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT2), IOMMUSIM_EFAULT);
	assert_status(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT2), IOMMUSIM_EFAULT);
	assert_status(iommusim_sysctl_set(vmm, "hw.dmar.enable", 1), IOMMUSIM_EFAULT);
	assert_status(iommusim_vm_destroy(vm), IOMMUSIM_EFAULT);
	assert_status(iommusim_vmm_unload(vmm), IOMMUSIM_EFAULT);
}

static void after_a_panic_nothing_works_and_nothing_changes(void **state)
{
	static struct host_text before, after;
	struct iommusim_domain *domain;
	static struct host_log log;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	vm = host_vm(&host, "vm", MIB, 1);
	panic_by_adding_twice(&host, &domain);
	host_describe(&host, &before);
	host_watch(&host, &log);
	assert_all_dead(&host, domain, vm);
	assert_int_equal(log.count + log.reads, 0);
	host_describe(&host, &after);
	assert_string_equal(before.text, after.text); /* the console with its one message too */
	assert_true(host_reaches(host.ahci, 0x5000)); /* hardware goes on as it was */
	host_stop(&host);
}

static void listeners_hear_of_calls_of_a_dead_kernel(void **state)
{
	static struct host_text text;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	panic_by_adding_twice(&host, &domain);
	listen_to(&host, &text);
	assert_status(iommusim_iommu_invalidate_tlb(host.vmm, domain), IOMMUSIM_EFAULT);
	assert_string_equal(text.text, "iommu_invalidate_tlb\nend iommu_invalidate_tlb EFAULT\n");
	host_stop(&host);
}

static void a_panic_inside_assigning_reaches_the_caller(void **state)
{
	struct builder table = builder_begin();
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	/* Only unit 0 with 0/2/0: no unit takes ahci. */
	ADD(&table, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 1, 8, 0, 0, 0, 0, 2, 0);
	builder_finish(&table);
	host_start(&host, &(struct host_setup){ .profile = "13.0", .table = &table });
	vm = host_vm(&host, "vm", MIB, 1);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_EFAULT);
	assert_contains(iommusim_vmm_message(host.vmm, 0), "no unit governs 00:17.0");
	assert_status(iommusim_vm_destroy(vm), IOMMUSIM_EFAULT);
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_profile_it_is_the_reference),
		cmocka_unit_test(a_profile_nobody_knows_is_refused_by_name),
		cmocka_unit_test(a_machine_without_memory_is_refused),
		cmocka_unit_test(loading_touches_no_register),
		cmocka_unit_test(it_cannot_be_unloaded_while_a_vm_exists),
		cmocka_unit_test(unloading_turns_translation_off_and_forgets_the_host_domain),
		cmocka_unit_test(unloading_before_anything_was_initialised_is_nothing),
		cmocka_unit_test(after_an_unload_everything_begins_anew),
		cmocka_unit_test(a_domain_of_the_callers_outlives_an_unload),
		cmocka_unit_test(the_sysctls_are_there_with_their_values_at_boot),
		cmocka_unit_test(a_sysctl_that_is_writable_keeps_what_is_written),
		cmocka_unit_test(what_vmm_says_of_itself_cannot_be_written),
		cmocka_unit_test(a_sysctl_nobody_knows_is_named),
		cmocka_unit_test(ppt_counts_the_functions_it_holds),
		cmocka_unit_test(a_listener_sees_each_call_begin_and_end_with_its_depth),
		cmocka_unit_test(a_listener_sees_the_status_of_calls_that_fail),
		cmocka_unit_test(a_call_carries_its_arguments),
		cmocka_unit_test(listeners_are_told_until_they_leave),
		cmocka_unit_test(calls_have_names_of_their_own),
		cmocka_unit_test(adding_a_device_twice_is_a_panic_with_a_message),
		cmocka_unit_test(in_the_reference_it_is_an_error),
		cmocka_unit_test(after_a_panic_nothing_works_and_nothing_changes),
		cmocka_unit_test(listeners_hear_of_calls_of_a_dead_kernel),
		cmocka_unit_test(a_panic_inside_assigning_reaches_the_caller),
		cmocka_unit_test(functions_that_only_the_host_domain_knew_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
