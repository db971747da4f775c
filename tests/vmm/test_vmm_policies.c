/*
 * What each policy of a profile does that no other test has as its subject: initialising at load, idle devices,
 * order, bounce buffers, leaves, when and how much is invalidated, errors that nobody hears.
 */
#include "host_fixture.h"

#include <string.h>

/* ---- init, no_iommu ---------------------------------------------------------------------------------- */

static void at_load_the_iommu_is_initialised_if_ppt_has_a_device(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "10.3", .alike = true });
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 0);
	host_vm(&host, "vm", MIB, 1); /* the first thing anybody asks of vmm */
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 1);
	assert_true(host_reaches(host.ahci, 0x1000));
	host_stop(&host);
}

/* A device that ppt gets later is too late: r304858 came for this. */
static void at_load_without_a_ppt_device_it_never_is(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "10.3", .no_drivers = true });
	vm = host_vm(&host, "vm", MIB, 1);
	assert_ok(iommusim_device_attach(host.vmm, 0, HOST_PPT1, IOMMUSIM_DRIVER_PPT));
	assert_ok(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1)); /* and nobody is told */
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 0);
	assert_null(iommusim_vm_domain(vm));
	assert_false(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).translated);
	assert_ok(iommusim_vm_destroy(vm));
	host_stop(&host);
}

static void force_iommu_initialises_it_all_the_same(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "10.3", .no_drivers = true });
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.force_iommu", 1));
	host_vm(&host, "vm", MIB, 1);
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 1);
	host_stop(&host);
}

static void other_profiles_do_not_look_at_force_iommu(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "11.1" });
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.force_iommu", 1));
	host_vm(&host, "vm", MIB, 1);
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 0);
	host_stop(&host);
}

/* ---- unit_choice ------------------------------------------------------------------------------------- */

/* PR 229852: unit 0 has device-TLBs, so every entry says so, and unit 1 takes that for a fault (TT=01, 3h). */
static void the_first_units_capabilities_are_taken_for_everybodys(void **state)
{
	static const char *const profiles[] = { "12.0", "12.2" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct iommusim_dma_page page;
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = profiles[i] });
		host_init(&host);
		page = host_dma(host.ahci, IOMMUSIM_DMA_WRITE, 0x2000);
		assert_int_equal(page.faulted, i == 0);
		assert_int_equal(page.fault.reason, i == 0 ? 0x3 : 0);
		assert_false(host_dma(host.gfx, IOMMUSIM_DMA_WRITE, 0x2000).faulted);
		host_stop(&host);
	}
}

/* ---- regmap, owner: who says where units are, and whose they are ----------------------------------------- */

static void units_told_by_the_loader_have_no_scopes(void **state)
{
	static const char *const profiles[] = { "12.0", "12.2", "reference" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		enum iommusim_status status;
		struct host host;

		host_start(&host,
		    &(struct host_setup){ .profile = profiles[i], .alike = true, .no_table = i < 2 });
		assert_ok(iommusim_sysctl_set(host.vmm, "vtd.regmap.0.addr", HOST_UNIT0));
		assert_ok(iommusim_sysctl_set(host.vmm, "vtd.regmap.1.addr", HOST_UNIT1));
		status = iommusim_iommu_init(host.vmm);
		assert_int_equal(status, i == 1 ? IOMMUSIM_EFAULT : IOMMUSIM_OK);
		if (i == 1)
			assert_contains(
			    iommusim_machine_diagnostic(host.machine)->text, "vtd_device_scope");
		else
			assert_true(host_reaches(host.ahci, 0x1000));
		host_stop(&host);
	}
}

/* The host's own driver has its queue and interrupt remapping on; vmm's bare commands turn both off. */
static void beside_the_hosts_driver_vmm_turns_its_functions_off_or_refuses(void **state)
{
	const uint32_t hosts = G_QIE | G_IRE;
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "14.2" });
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.dmar.enable", 1));
	host_vm(&host, "vm", MIB, 1);
	assert_int_equal(host_status(&host, HOST_UNIT0) & hosts, hosts);
	assert_int_equal(host_status(&host, HOST_UNIT1) & hosts, hosts);
	host_init(&host);
	assert_int_equal(host_status(&host, HOST_UNIT0) & hosts, 0);
	assert_int_equal(host_status(&host, HOST_UNIT1) & hosts, 0);
	host_stop(&host);

	host_start(&host, &(struct host_setup){ .profile = "reference" });
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.dmar.enable", 1));
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	iommusim_init_report(host.vmm, &report);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_TAKEN);
	assert_int_equal(host_status(&host, HOST_UNIT0) & hosts, hosts);
	host_stop(&host);
}

/* ---- idle_ppt, hotplug --------------------------------------------------------------------------------- */

static void an_idle_device_is_in_the_host_domain_or_nowhere(void **state)
{
	static const struct {
		const char *profile;
		bool reaches;
	} rows[] = { { "11.1", true }, { "11.2", false }, { "reference", false } };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct iommusim_vm *vm;
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = rows[i].profile, .alike = true });
		host_init(&host);
		assert_int_equal(host_reaches(host.ppt1, 0x3000), rows[i].reaches);
		vm = host_guest(&host, "vm", MIB, HOST_PPT1);
		assert_false(host_reaches(host.ppt1, 2 * MIB)); /* it has the guest's memory now */
		assert_int_equal(host_look(host.ppt1, 0x1000).physical, host_hpa(vm, 0x1000));
		assert_ok(iommusim_vm_destroy(vm));
		assert_int_equal(host_reaches(host.ppt1, 0x3000), rows[i].reaches);
		host_stop(&host);
	}
}

static void a_function_that_comes_later_is_added_or_nobodys(void **state)
{
	static const char *const profiles[] = { "10.3", "12.2" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct iommusim_requester *late;
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = profiles[i], .alike = true });
		host_vm(&host, "vm", MIB, 1);
		host_init(&host);
		host_function(&host, 0x0a08, "vf0");
		late = host_requester(&host, 0x0a08);
		assert_ok(iommusim_pci_device_added(host.vmm, 0, 0x0a08));
		assert_int_equal(host_reaches(late, 0x3000), i == 1);
		iommusim_requester_destroy(late);
		host_stop(&host);
	}
}

/* ---- order, api, host_errors ------------------------------------------------------------------------------ */

static void start_backend(struct host *host, struct host_backend *backend, const char *profile)
{
	host_backend_init(backend);
	host_start(host,
	    &(struct host_setup){ .profile = profile, .ops = &backend->ops, .ops_context = backend });
}

static void in_15_0_the_device_comes_before_its_memory(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	const char *add;

	(void)state;
	start_backend(&host, &backend, "15.0");
	vm = host_vm(&host, "vm", 2 * PAGE, 1);
	host_init(&host);
	host_backend_forget(&backend);
	host_assign(vm, HOST_PPT1);
	add = strstr(backend.log.text, "add 2 0:0700\n");
	assert_non_null(add);
	assert_non_null(strstr(add, "map 2 0x0 "));
	assert_non_null(strstr(add, "map 2 0x1000 "));
	assert_int_equal(host_backend_count(&backend, "map 2 "), 2);
	host_stop(&host);
}

static void in_15_0_memory_that_cannot_be_mapped_leaves_the_device_assigned(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start_backend(&host, &backend, "15.0");
	vm = host_vm(&host, "vm", 2 * PAGE, 1);
	host_init(&host);
	backend.map = IOMMUSIM_EIO;
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_EIO);
	assert_ptr_equal(iommusim_vm_of_device(host.vmm, 0, HOST_PPT1), vm);
	backend.map = IOMMUSIM_OK;
	assert_ok(iommusim_vm_destroy(vm));
	host_stop(&host);
}

/* A failed add_device leaves ops and the flag set: domains are made, and translation is never turned on. */
static void in_15_0_a_host_domain_that_fails_leaves_the_iommu_initialised_and_off(void **state)
{
	struct iommusim_init_report report;
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start_backend(&host, &backend, "15.0");
	backend.add = IOMMUSIM_EBUSY;
	vm = host_vm(&host, "vm", PAGE, 1);
	assert_ok(iommusim_iommu_init(host.vmm));
	assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 1);
	assert_null(iommusim_host_domain(host.vmm));
	backend.add = IOMMUSIM_OK;
	host_assign(vm, HOST_PPT1);
	assert_int_equal(host_backend_count(&backend, "create_domain "), 2);
	assert_int_equal(host_backend_count(&backend, "enable\n"), 0);
	iommusim_init_report(host.vmm, &report);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_FAILED);
	assert_contains(report.text, "translation is not turned on");
	host_stop(&host);
}

static void in_15_0_a_function_that_no_unit_governs_is_passed_over_at_init(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	start_backend(&host, &backend, "15.0");
	backend.add = IOMMUSIM_ENXIO;
	assert_ok(iommusim_iommu_init(host.vmm));
	assert_non_null(iommusim_host_domain(host.vmm));
	assert_int_equal(host_backend_count(&backend, "enable\n"), 1);
	host_stop(&host);
}

/* ---- reset, command --------------------------------------------------------------------------------------- */

static unsigned resets;

static void count_reset(void *context)
{
	(void)context;
	resets++;
}

/* How often a VM's life resets its device, and with what in the command register it is left behind. */
static unsigned resets_of_a_life(const char *profile, bool no_reset, bool keeps_state)
{
	const struct iommusim_pci_behaviour behaviour = { .reset = count_reset };
	const struct iommusim_pci_function function = {
		.rid = 0x0b00, .no_reset = no_reset, .keeps_state = keeps_state
	};
	struct iommusim_vm *vm;
	struct host host;

	resets = 0;
	host_start(&host, &(struct host_setup){ .profile = profile, .alike = true });
	assert_ok(iommusim_pci_add(host.machine, &function));
	assert_ok(iommusim_pci_set_behaviour(host.machine, 0, 0x0b00, &behaviour));
	assert_ok(iommusim_device_attach(host.vmm, 0, 0x0b00, IOMMUSIM_DRIVER_PPT));
	vm = host_guest(&host, "vm", MIB, 0x0b00);
	assert_int_equal(iommusim_pci_command(host.machine, 0, 0x0b00), 0x6);
	assert_ok(iommusim_vm_destroy(vm));
	host_stop(&host);
	return resets;
}

static void a_device_is_reset_before_and_after_a_guest_has_it(void **state)
{
	(void)state;
	assert_int_equal(resets_of_a_life("10.3", false, false), 0);
	assert_int_equal(resets_of_a_life("11.1", false, false), 2);
	assert_int_equal(
	    resets_of_a_life("11.1", true, false), 0); /* no FLR, and nothing else is tried */
	assert_int_equal(resets_of_a_life("12.0", false, false), 2);
	assert_int_equal(resets_of_a_life("12.0", true, false), 2); /* through D3 (r333174) */
	assert_int_equal(resets_of_a_life("12.0", true, true), 0);  /* which some do not mind */
}

/* What a guest leaves in the command register (PR 205549). */
static void the_next_guest_inherits_the_command_register_or_not(void **state)
{
	static const struct {
		const char *profile;
		uint16_t idle, left, next;
	} rows[] = {
		{ "13.0", 0x6, 0x0, 0x0 },      /* the next guest finds it off */
		{ "15.0", 0x0, 0x0, 0x6 },      /* off while idle, on with each guest */
		{ "reference", 0x6, 0x0, 0x6 }, /* as firmware left it */
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct iommusim_vm *vm;
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = rows[i].profile, .alike = true });
		assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), rows[i].idle);
		vm = host_guest(&host, "first", MIB, HOST_PPT1);
		assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), 0x6);
		assert_ok(iommusim_pci_set_command(host.machine, 0, HOST_PPT1, 0));
		assert_ok(iommusim_vm_destroy(vm));
		assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), rows[i].left);
		host_guest(&host, "second", MIB, HOST_PPT1);
		assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), rows[i].next);
		host_stop(&host);
	}
}

static bool writes_to_host(struct iommusim_requester *device)
{
	const struct iommusim_dma_request request = {
		.address = 0x5000, .length = 8, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_dma_outcome outcome;

	assert_ok(iommusim_dma(device, &request, &outcome, NULL, 0));
	return outcome.bytes_moved == 8;
}

/*
 * A guest leaves its device a bus master, and is gone. What it can reach, idle and when ppt has let go of it, where
 * idle devices are in the host domain: 1 the host's memory, 0 nothing. (D12661)
 */
static void a_device_that_ppt_lets_go_of_is_a_bus_master_or_not(void **state)
{
	static const struct {
		const char *profile;
		uint16_t idle, left;
		bool idle_reaches, left_reaches;
	} rows[] = {
		{ "reference+command=untouched+idle_ppt=host", 0x6, 0x6, true, true },
		{ "reference+command=off-at-detach+idle_ppt=host", 0x6, 0x2, true, false },
		{ "reference+command=switched+idle_ppt=host", 0x0, 0x0, false, false },
		{ "reference+command=restored+idle_ppt=host", 0x6, 0x2, true, false },
		{ "11.1", 0x6, 0x6, true, true },
		{ "12.0", 0x6, 0x2, false, false },
		{ "15.0", 0x0, 0x0, false, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = rows[i].profile, .alike = true });
		assert_ok(iommusim_vm_destroy(host_guest(&host, "vm", MIB, HOST_PPT1)));
		assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), rows[i].idle);
		assert_int_equal(writes_to_host(host.ppt1), rows[i].idle_reaches);
		assert_ok(iommusim_ppt_detach(host.vmm, 0, HOST_PPT1));
		assert_int_equal(iommusim_pci_command(host.machine, 0, HOST_PPT1), rows[i].left);
		assert_int_equal(writes_to_host(host.ppt1), rows[i].left_reaches);
		host_stop(&host);
	}
}

/* Before r305497 nobody adds what is not there when the IOMMU is initialised. */
static void where_nobody_adds_functions_ppt_leaves_them_in_no_domain(void **state)
{
	static const char *const profiles[] = { "10.3", "reference+hotplug=nobody", "11.2" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = profiles[i], .alike = true });
		host_init(&host);
		assert_ok(iommusim_ppt_detach(host.vmm, 0, HOST_PPT1));
		assert_int_equal(host_reaches(host.ppt1, 0x5000), i == 2);
		host_stop(&host);
	}
}

/* ---- memory ----------------------------------------------------------------------------------------------- */

static void memory_that_is_not_wired_is_not_mapped(void **state)
{
	const struct iommusim_vm_memory memory = { .size = MIB, .seed = 1, .unwired = true };
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	assert_ok(iommusim_vm_create(host.vmm, "vm", &vm));
	assert_ok(iommusim_vm_setup_memory(vm, &memory));
	host_assign(vm, HOST_PPT1);
	assert_true(host_look(host.ppt1, 0).faulted);
	assert_true(host_reaches(host.ahci, host_hpa(vm, 0))); /* nor is it taken from the host */
	assert_ok(iommusim_vm_destroy(vm));
	host_stop(&host);
}

static void in_15_0_memory_from_4_gib_up_is_never_mapped(void **state)
{
	static const char *const profiles[] = { "14.2", "15.0" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct iommusim_vm *vm;
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = profiles[i], .ram = 5 * GIB });
		vm = host_guest(&host, "vm", 3 * GIB + 16 * PAGE, HOST_PPT1);
		assert_int_equal(
		    host_look(host.ppt1, 3 * GIB - PAGE).physical, host_hpa(vm, 3 * GIB - PAGE));
		assert_int_equal(host_look(host.ppt1, 4 * GIB).faulted, i == 1);
		assert_ok(iommusim_vm_destroy(vm));
		host_stop(&host);
	}
}

/* ---- host_pages: bounce ------------------------------------------------------------------------------------ */

/* One host page of a transfer, by DMA. */
static bool move(struct iommusim_requester *requester, const struct iommusim_host_io *io,
    uint64_t offset, enum iommusim_dma_kind kind, void *data)
{
	struct iommusim_dma_request request = { .length = PAGE, .kind = kind, .data = data };
	struct iommusim_dma_outcome outcome;
	uint64_t run;

	iommusim_host_io_address(io, offset, &request.address, &run);
	assert_true(run >= PAGE);
	assert_ok(iommusim_dma(requester, &request, &outcome, NULL, 0));
	return outcome.pages_faulted == 0;
}

static void bounced_io_reaches_the_guest_though_its_pages_are_out_of_reach(void **state)
{
	static uint8_t data[PAGE], found[PAGE];
	struct iommusim_host_io io;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "bounce" });
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	assert_false(host_reaches(host.ahci, host_hpa(vm, 0x8000)));
	memset(data, 0x5a, sizeof(data));
	assert_ok(iommusim_host_io_begin(vm, 0x8000, PAGE, true, &io));
	assert_true(move(host.ahci, &io, 0, IOMMUSIM_DMA_WRITE, data));
	assert_ok(iommusim_memory_read(host.machine, host_hpa(vm, 0x8000), found, PAGE));
	assert_int_equal(found[0], 0); /* not yet: it is in the buffer */
	iommusim_host_io_end(&io, PAGE);
	assert_ok(iommusim_memory_read(host.machine, host_hpa(vm, 0x8000), found, PAGE));
	assert_memory_equal(found, data, PAGE);
	assert_int_equal(iommusim_vmm_bounced(host.vmm), PAGE);

	assert_ok(iommusim_host_io_begin(vm, 0x8000, PAGE, false, &io));
	memset(found, 0, sizeof(found));
	assert_true(move(host.ahci, &io, 0, IOMMUSIM_DMA_READ, found));
	iommusim_host_io_end(&io, PAGE);
	assert_memory_equal(found, data, PAGE);
	assert_int_equal(iommusim_vmm_bounced(host.vmm), 2 * PAGE);
	host_stop(&host);
}

/* Runs of 64 KiB of guest memory lie apart; the copy follows them, and stops where the device did. */
static void what_the_device_did_not_move_is_not_copied(void **state)
{
	const uint64_t gpa = 0xf000, length = UINT64_C(3) * 64 * KIB;
	struct iommusim_host_io io;
	struct iommusim_vm *vm;
	struct host host;
	uint8_t byte;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "bounce" });
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	assert_ok(iommusim_host_io_begin(vm, gpa, length, true, &io));
	for (uint64_t at = 0; at < length; at += PAGE) {
		static uint8_t data[PAGE];

		memset(data, (int)(1 + at / PAGE), sizeof(data));
		assert_true(move(host.ahci, &io, at, IOMMUSIM_DMA_WRITE, data));
	}
	iommusim_host_io_end(&io, length - PAGE);
	for (uint64_t at = 0; at < length; at += PAGE) {
		assert_ok(iommusim_memory_read(host.machine, host_hpa(vm, gpa + at), &byte, 1));
		assert_int_equal(byte, at == length - PAGE ? 0 : 1 + at / PAGE);
	}
	host_stop(&host);
}

static void without_a_bounce_policy_io_goes_to_the_guests_own_pages(void **state)
{
	static const char *const profiles[] = { "13.0", "13.1", "reference" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct iommusim_host_io io;
		struct iommusim_vm *vm;
		uint64_t hpa, run;
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = profiles[i] });
		vm = host_guest(&host, "vm", MIB, HOST_PPT1);
		assert_ok(iommusim_host_io_begin(vm, 0x11000, 2 * PAGE, true, &io));
		iommusim_host_io_address(&io, PAGE, &hpa, &run);
		assert_int_equal(hpa, host_hpa(vm, 0x12000));
		iommusim_host_io_end(&io, 2 * PAGE);
		assert_int_equal(iommusim_vmm_bounced(host.vmm), 0);
		host_stop(&host);
	}
}

static void io_outside_guest_memory_is_refused(void **state)
{
	struct iommusim_host_io io;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "bounce" });
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	assert_status(iommusim_host_io_begin(vm, 0, 0, true, &io), IOMMUSIM_EINVAL);
	assert_status(iommusim_host_io_begin(vm, MIB - PAGE, 2 * PAGE, true, &io), IOMMUSIM_EINVAL);
	assert_status(iommusim_host_io_begin(vm, MIB, PAGE, true, &io), IOMMUSIM_EINVAL);
	assert_ok(iommusim_host_io_begin(vm, MIB - PAGE, PAGE, true, &io));
	iommusim_host_io_end(&io, 0);
	host_stop(&host);
}

/* ---- leaves ------------------------------------------------------------------------------------------------- */

/* Second-stage large pages (CAP.SSLPS). */
#define CAP_2M (UINT64_C(1) << 34)
#define CAP_1G (UINT64_C(2) << 34)

/* A domain of one large leaf at 2 MiB, of host memory at 4 MiB, with the host's disk in it. */
static struct iommusim_domain *large(struct host *host, const char *profile, bool amdvi)
{
	struct iommusim_domain *domain;

	host_start(host, &(struct host_setup){ .profile = profile, .amdvi = amdvi, .cap_set = CAP_2M });
	assert_ok(iommusim_iommu_create_domain(host->vmm, 16 * MIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, 2 * MIB, 4 * MIB, 2 * MIB));
	assert_ok(
	    iommusim_iommu_remove_device(host->vmm, iommusim_host_domain(host->vmm), 0, HOST_AHCI));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, HOST_AHCI));
	return domain;
}

static void superpages_are_used_and_split(void **state)
{
	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct host host;
		struct iommusim_domain *domain = large(&host, "superpages", amdvi != 0);

		assert_int_equal(host_look(host.ahci, 2 * MIB + 0x5000).page_shift, 21);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 2 * MIB + 0x5000, PAGE));
		assert_true(host_look(host.ahci, 2 * MIB + 0x5000).faulted);
		assert_int_equal(host_look(host.ahci, 2 * MIB + 0x4000).page_shift, 12);
		assert_int_equal(host_look(host.ahci, 2 * MIB + 0x4000).physical, 4 * MIB + 0x4000);
		assert_int_equal(host_look(host.ahci, 4 * MIB - PAGE).physical, 6 * MIB - PAGE);
		host_stop(&host);
	}
}

/* The memory behind the leaf is taken for a table: the page stays mapped, and eight bytes of RAM are gone. */
static void unsplit_superpages_write_into_memory(void **state)
{
	const uint64_t victim = 4 * MIB + UINT64_C(5) * 8;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct host host;
		struct iommusim_domain *domain = large(&host, "superpages-unsplit", amdvi != 0);

		host_store(&host, victim, UINT64_C(0x1122334455667788));
		host_store(&host, victim + 8, UINT64_C(0x99));
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 2 * MIB + 0x5000, PAGE));
		assert_int_equal(host_load(&host, victim), 0);
		assert_int_equal(host_load(&host, victim + 8), 0x99);
		assert_false(host_look(host.ahci, 2 * MIB + 0x5000).faulted);
		host_stop(&host);
	}
}

static void leaves_are_no_larger_than_every_unit_takes(void **state)
{
	static const struct {
		uint64_t caps;
		uint8_t shift;
	} rows[] = { { 0, 12 }, { CAP_2M, 21 }, { CAP_2M | CAP_1G, 30 }, { CAP_1G, 12 } };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct host host;

		host_start(&host,
		    &(struct host_setup){
			.profile = "superpages", .cap_set = rows[i].caps, .ram = 2 * GIB });
		host_init(&host);
		assert_int_equal(host_look(host.ahci, 0x1000).page_shift, rows[i].shift);
		host_stop(&host);
	}
}

static void guest_memory_is_mapped_in_runs_where_leaves_are_large(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start_backend(&host, &backend, "superpages");
	assert_ok(iommusim_vm_create(host.vmm, "vm", &vm));
	assert_ok(iommusim_vm_setup_memory(
	    vm, &(struct iommusim_vm_memory){ .size = 4 * MIB, .contiguous = true }));
	host_init(&host);
	host_backend_forget(&backend);
	host_assign(vm, HOST_PPT1);
	assert_int_equal(host_backend_count(&backend, "map 2 "), 1);
	assert_ok(iommusim_vm_destroy(vm));
	assert_int_equal(host_backend_count(&backend, "unmap 2 0x0 0x400000\n"), 1);
	host_stop(&host);
}

/* ---- invalidate, reach ---------------------------------------------------------------------------------------- */

/* The host's disk with two pages in the IOTLB, and the first of them removed. Does it still reach them? */
static void remove_one_of_two(
    struct host *host, const char *profile, bool amdvi, bool *first, bool *second)
{
	struct iommusim_domain *domain;

	host_start(host,
	    &(struct host_setup){
		.profile = profile, .amdvi = amdvi, .settings = { .cache = IOMMUSIM_CACHE_HOARD } });
	host_init(host);
	domain = iommusim_host_domain(host->vmm);
	assert_false(host_dma(host->ahci, IOMMUSIM_DMA_WRITE, 0x6000).faulted);
	assert_false(host_dma(host->ahci, IOMMUSIM_DMA_WRITE, 0x9000).faulted);
	assert_ok(iommusim_iommu_remove_mapping(host->vmm, domain, 0x6000, PAGE));
	*second = host_dma(host->ahci, IOMMUSIM_DMA_WRITE, 0x9000).cached;
	*first = !host_dma(host->ahci, IOMMUSIM_DMA_WRITE, 0x6000).faulted;
}

static void a_removal_is_invalidated_at_once_or_later(void **state)
{
	static const struct {
		const char *profile;
		bool first, second; /* reached though removed; answered by the cache */
	} rows[] = {
		{ "reference", true, true },
		{ "strict", false, false },
		{ "deferred", true, true },
		{ "selective", false, true },
	};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct host host;
		bool first, second;

		remove_one_of_two(&host, rows[i / 2].profile, i % 2 != 0, &first, &second);
		assert_int_equal(first, rows[i / 2].first);
		assert_int_equal(second, rows[i / 2].second);
		host_stop(&host);
	}
}

static void deferred_removals_are_invalidated_when_64_have_gathered(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host,
	    &(struct host_setup){
		.profile = "deferred", .settings = { .cache = IOMMUSIM_CACHE_HOARD } });
	host_init(&host);
	domain = iommusim_host_domain(host.vmm);
	assert_false(host_dma(host.ahci, IOMMUSIM_DMA_WRITE, 0x6000).faulted);
	for (unsigned i = 0; i < 63; i++)
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x6000 + i * PAGE, PAGE));
	assert_false(host_dma(host.ahci, IOMMUSIM_DMA_WRITE, 0x6000).faulted);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x6000 + 63 * PAGE, PAGE));
	assert_true(host_dma(host.ahci, IOMMUSIM_DMA_WRITE, 0x6000).faulted);
	host_stop(&host);
}

#define R_IVA 0x500u /* ECAP.IRO * 16 (VT-d 11.4.7) */

/* What the selective profile writes for a removal of some pages: IVA with AM, and IOTLB with granularity 3. */
static void pages_are_invalidated_by_the_smallest_range_around_them(void **state)
{
	static const struct {
		uint64_t first;
		unsigned pages;
		uint64_t iva;
	} rows[] = {
		{ 0x6000, 1, 0x6000 },
		{ 0x6000, 2, 0x6001 },
		{ 0x7000, 2, 0x0004 }, /* 7000h and 8000h: 16 pages from 0 */
		{ 0x10000, 16, 0x10004 },
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		static struct host_log log;
		struct host host;

		host_start(&host, &(struct host_setup){ .profile = "selective" });
		host_init(&host);
		host_watch(&host, &log);
		assert_ok(iommusim_iommu_remove_mapping(
		    host.vmm, iommusim_host_domain(host.vmm), rows[i].first, rows[i].pages * PAGE));
		assert_int_equal(log.count, 4); /* two registers of two units */
		assert_wrote(&log, 0, HOST_UNIT0 + R_IVA, 8, rows[i].iva);
		assert_wrote(&log, 1, HOST_UNIT0 + R_IOTLB, 8, UINT64_C(0xb003000100000000));
		host_stop(&host);
	}
}

/* Without CAP.PSI, or for more pages than CAP.MAMV, it is the domain (granularity 2). */
static void where_a_unit_cannot_tell_pages_it_is_the_domain(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	host_start(
	    &host, &(struct host_setup){ .profile = "selective", .cap_clear = UINT64_C(1) << 39 });
	host_init(&host);
	host_watch(&host, &log);
	assert_ok(
	    iommusim_iommu_remove_mapping(host.vmm, iommusim_host_domain(host.vmm), 0x6000, PAGE));
	assert_int_equal(log.count, 2);
	assert_wrote(&log, 0, HOST_UNIT0 + R_IOTLB, 8, UINT64_C(0xa003000100000000));
	assert_wrote(&log, 1, HOST_UNIT1 + R_IOTLB, 8, UINT64_C(0xa003000100000000));
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_load_the_iommu_is_initialised_if_ppt_has_a_device),
		cmocka_unit_test(at_load_without_a_ppt_device_it_never_is),
		cmocka_unit_test(force_iommu_initialises_it_all_the_same),
		cmocka_unit_test(other_profiles_do_not_look_at_force_iommu),
		cmocka_unit_test(the_first_units_capabilities_are_taken_for_everybodys),
		cmocka_unit_test(units_told_by_the_loader_have_no_scopes),
		cmocka_unit_test(beside_the_hosts_driver_vmm_turns_its_functions_off_or_refuses),
		cmocka_unit_test(an_idle_device_is_in_the_host_domain_or_nowhere),
		cmocka_unit_test(a_function_that_comes_later_is_added_or_nobodys),
		cmocka_unit_test(in_15_0_the_device_comes_before_its_memory),
		cmocka_unit_test(in_15_0_memory_that_cannot_be_mapped_leaves_the_device_assigned),
		cmocka_unit_test(in_15_0_a_host_domain_that_fails_leaves_the_iommu_initialised_and_off),
		cmocka_unit_test(in_15_0_a_function_that_no_unit_governs_is_passed_over_at_init),
		cmocka_unit_test(a_device_is_reset_before_and_after_a_guest_has_it),
		cmocka_unit_test(the_next_guest_inherits_the_command_register_or_not),
		cmocka_unit_test(a_device_that_ppt_lets_go_of_is_a_bus_master_or_not),
		cmocka_unit_test(where_nobody_adds_functions_ppt_leaves_them_in_no_domain),
		cmocka_unit_test(memory_that_is_not_wired_is_not_mapped),
		cmocka_unit_test(in_15_0_memory_from_4_gib_up_is_never_mapped),
		cmocka_unit_test(bounced_io_reaches_the_guest_though_its_pages_are_out_of_reach),
		cmocka_unit_test(what_the_device_did_not_move_is_not_copied),
		cmocka_unit_test(without_a_bounce_policy_io_goes_to_the_guests_own_pages),
		cmocka_unit_test(io_outside_guest_memory_is_refused),
		cmocka_unit_test(superpages_are_used_and_split),
		cmocka_unit_test(unsplit_superpages_write_into_memory),
		cmocka_unit_test(leaves_are_no_larger_than_every_unit_takes),
		cmocka_unit_test(guest_memory_is_mapped_in_runs_where_leaves_are_large),
		cmocka_unit_test(a_removal_is_invalidated_at_once_or_later),
		cmocka_unit_test(deferred_removals_are_invalidated_when_64_have_gathered),
		cmocka_unit_test(pages_are_invalidated_by_the_smallest_range_around_them),
		cmocka_unit_test(where_a_unit_cannot_tell_pages_it_is_the_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
