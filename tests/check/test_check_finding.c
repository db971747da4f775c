/* Findings about programming: each provoked, and each nearly provoked. */
#include "check/bent_backend.h"

static void start(struct host *host, const char *profile)
{
	host_start(host, &(struct host_setup){ .profile = profile, .checked = true });
}

static size_t count(const struct host *host)
{
	size_t found = 0;

	while (iommusim_check_finding(host->check, found) != NULL)
		found++;
	return found;
}

/* The finding of that number is this one. */
static const struct iommusim_finding *nth(
    const struct host *host, size_t n, enum iommusim_finding_id id)
{
	const struct iommusim_finding *finding = iommusim_check_finding(host->check, n);

	assert_non_null(finding);
	assert_string_equal(iommusim_finding_name(finding->id), iommusim_finding_name(id));
	return finding;
}

static void at_line(struct host *host, uint32_t line)
{
	iommusim_check_set_place(
	    host->check, &(struct iommusim_place){ .file = "driver.c", .line = line });
}

static void command(struct host *host, uint64_t base, uint32_t value)
{
	host_set(host, base, R_GCMD, 4, value);
}

/* Translation on in unit 1, and nothing else. */
static void translate(struct host *host)
{
	host_set(host, HOST_UNIT1, R_RTADDR, 8, 0x1000000);
	command(host, HOST_UNIT1, G_SRTP);
	host_set(host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
	host_set(host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	command(host, HOST_UNIT1, G_TE);
	assert_int_equal(host_status(host, HOST_UNIT1) & G_TE, G_TE);
	assert_int_equal(count(host), 0);
}

/* Queued invalidation on beside what is on already. */
static void queue(struct host *host, uint64_t base)
{
	host_set(host, base, R_IQT, 8, 0);
	host_set(host, base, R_IQA, 8, HOST_RAM - PAGE);
	command(host, base, (host_status(host, base) & G_TE) | G_QIE);
	assert_int_equal(host_status(host, base) & G_QIE, G_QIE);
	assert_int_equal(count(host), 0);
}

/* ---- init-failed-silently -------------------------------------------------------------------- */

static void a_silent_failure_is_found_with_its_reason_and_place(void **state)
{
	const struct iommusim_finding *finding;
	struct iommusim_init_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true, .no_table = true });
	vm = host_vm(&host, "vm", MIB, 1);
	at_line(&host, 8);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	finding = nth(&host, 0, IOMMUSIM_FINDING_INIT_FAILED_SILENTLY);
	iommusim_init_report(host.vmm, &report);
	assert_string_equal(finding->text, report.text);
	assert_string_equal(finding->place.file, "driver.c");
	assert_int_equal(finding->place.line, 8);
	/* Later calls get the same answer, which is no further finding. */
	at_line(&host, 9);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT2), IOMMUSIM_ENXIO);
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_int_equal(count(&host), 1);
	host_stop(&host);
}

static void every_silent_reason_is_found(void **state)
{
	struct builder empty = builder_begin();
	const struct host_setup setups[] = {
		{ .profile = "13.0", .checked = true, .no_units = true },
		{ .profile = "13.0", .checked = true, .cpu = IOMMUSIM_CPU_OTHER },
		{ .profile = "13.0", .checked = true, .cpu = IOMMUSIM_CPU_AMD },
		{ .profile = "13.0", .checked = true, .cap_set = HOST_CAP_CM },
		{ .profile = "14.2", .checked = true, .table = &empty },
	};
	struct host host;

	(void)state;
	builder_finish(&empty);
	for (size_t i = 0; i < sizeof(setups) / sizeof(*setups); i++) {
		host_start(&host, &setups[i]);
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		nth(&host, 0, IOMMUSIM_FINDING_INIT_FAILED_SILENTLY);
		assert_int_equal(count(&host), 1);
		host_stop(&host);
	}
}

static void a_second_life_that_fails_is_a_second_finding(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true, .no_table = true });
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	nth(&host, 1, IOMMUSIM_FINDING_INIT_FAILED_SILENTLY);
	assert_int_equal(count(&host), 2);
	host_stop(&host);
}

static void a_life_that_began_without_memory_is_found_when_it_fails(void **state)
{
	struct host_memory memory;
	struct host host;

	(void)state;
	host_memory_init(&memory);
	host_start(&host,
	    &(struct host_setup){
		.profile = "13.0", .checked = true, .no_table = true, .memory = &memory });
	host_memory_arm(&memory, 1, true);
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENOMEM);
	host_memory_arm(&memory, 0, false);
	assert_int_equal(count(&host), 0); /* nothing is known of the hardware yet */
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	nth(&host, 0, IOMMUSIM_FINDING_INIT_FAILED_SILENTLY);
	host_stop(&host);
}

static void a_failure_that_was_told_or_wanted_is_none(void **state)
{
	struct host_setup setup = { .checked = true, .no_table = true };
	struct host_backend backend;
	struct host host;

	(void)state;
	host_start(&host, &setup); /* the reference tells */
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_int_equal(count(&host), 0);
	host_stop(&host);

	start(&host, "13.0"); /* switched off */
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.iommu.enable", 0));
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_int_equal(count(&host), 0);
	host_stop(&host);

	host_backend_init(&backend); /* without a host domain every release prints a line */
	backend.create_domain = IOMMUSIM_EIO;
	setup = (struct host_setup){
		.profile = "13.0", .checked = true, .ops = &backend.ops, .ops_context = &backend
	};
	host_start(&host, &setup);
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_EIO);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void a_panic_is_no_silence(void **state)
{
	struct builder table = builder_begin();
	struct host host;

	(void)state;
	ADD(&table, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 1, 8, 0, 0, 0, 0, 2, 0);
	builder_finish(&table);
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true, .table = &table });
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_EFAULT);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void a_sound_life_has_no_finding(void **state)
{
	static const char *const profiles[] = { "13.0", "13.1", "14.2", "reference" };
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		start(&host, profiles[p]);
		vm = host_guest(&host, "vm", MIB, HOST_PPT1);
		host_assign(vm, HOST_PPT2);
		assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
		host_assign(vm, HOST_PPT1);
		assert_ok(iommusim_vm_destroy(vm));
		assert_ok(iommusim_vmm_unload(host.vmm));
		host_init(&host);
		assert_int_equal(count(&host), 0);
		host_stop(&host);
	}
}

/* ---- gcmd-drops-bits ------------------------------------------------------------------------- */

static void a_lone_srtp_while_translating_is_found(void **state)
{
	const struct iommusim_finding *finding;
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	at_line(&host, 214);
	command(&host, HOST_UNIT1, G_SRTP);
	finding = nth(&host, 0, IOMMUSIM_FINDING_GCMD_DROPS_BITS);
	assert_contains(finding->text, "GCMD=0x40000000");
	assert_contains(finding->text, "0xfed91000");
	assert_contains(finding->text, "turned off TE (translation). ");
	assert_int_equal(finding->place.line, 214);
	assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, 0); /* it did */
	host_stop(&host);
}

static void every_function_that_goes_off_is_named(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	queue(&host, HOST_UNIT1);
	command(&host, HOST_UNIT1, G_SRTP);
	assert_contains(nth(&host, 0, IOMMUSIM_FINDING_GCMD_DROPS_BITS)->text,
	    "turned off TE (translation), QIE (queued invalidation). ");
	assert_int_equal(count(&host), 1);
	host_stop(&host);
}

static void writing_zero_over_two_functions_is_found(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	queue(&host, HOST_UNIT1);
	command(&host, HOST_UNIT1, 0);
	nth(&host, 0, IOMMUSIM_FINDING_GCMD_DROPS_BITS);
	host_stop(&host);
}

static void turning_one_function_off_alone_is_how_it_is_done(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	command(&host, HOST_UNIT1, 0); /* TE was all there was */
	assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, 0);
	command(&host, HOST_UNIT1, G_TE);
	queue(&host, HOST_UNIT1);
	command(&host, HOST_UNIT1, G_TE); /* QIE goes, TE is restated */
	assert_int_equal(host_status(&host, HOST_UNIT1) & (G_TE | G_QIE), G_TE);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void turning_one_off_and_another_on_at_once_is_found(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	host_set(&host, HOST_UNIT1, R_IQA, 8, HOST_RAM - PAGE);
	command(&host, HOST_UNIT1, G_QIE);
	assert_contains(
	    nth(&host, 0, IOMMUSIM_FINDING_GCMD_DROPS_BITS)->text, "turned off TE (translation). ");
	host_stop(&host);
}

static void restated_bits_are_no_finding(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	command(&host, HOST_UNIT1, G_TE | G_SRTP);
	command(&host, HOST_UNIT1, G_TE);
	queue(&host, HOST_UNIT1);
	command(&host, HOST_UNIT1, G_TE | G_QIE | G_SRTP);
	assert_int_equal(host_status(&host, HOST_UNIT1) & (G_TE | G_QIE), G_TE | G_QIE);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void each_unit_is_judged_by_what_is_on_in_it(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host); /* unit 1 */
	command(&host, HOST_UNIT0, G_SRTP);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void freebsd_beside_another_driver_is_found_and_the_reference_is_not(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	queue(&host, HOST_UNIT1);
	at_line(&host, 3);
	host_init(&host);
	assert_contains(nth(&host, 0, IOMMUSIM_FINDING_GCMD_DROPS_BITS)->text,
	    "turned off QIE (queued invalidation). ");
	assert_int_equal(count(&host), 1); /* after that nothing was left to drop */
	host_stop(&host);

	start(&host, "reference");
	queue(&host, HOST_UNIT1);
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_int_equal(count(&host), 0); /* it keeps its hands off, and says so */
	host_stop(&host);
}

static void reading_registers_is_never_a_finding(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	queue(&host, HOST_UNIT1);
	for (unsigned offset = 0; offset < 0x600; offset += 8)
		host_get(&host, HOST_UNIT1, offset, 8);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static uint64_t other_read(void *context, uint64_t offset, unsigned width)
{
	(void)context;
	(void)offset;
	(void)width;
	return 0;
}

static void other_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	(void)offset;
	(void)width;
	*(uint64_t *)context = value;
}

static void registers_of_other_devices_are_none_of_its_business(void **state)
{
	uint64_t written = 0;
	const struct iommusim_mmio_region other = { .base = 0xfeb00000,
		.length = PAGE,
		.context = &written,
		.read = other_read,
		.write = other_write };
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	queue(&host, HOST_UNIT1);
	assert_ok(iommusim_mmio_attach(host.machine, &other));
	host_set(&host, 0xfeb00000, R_GCMD, 4, G_SRTP);
	assert_int_equal(written, G_SRTP);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void a_driver_under_the_reference_can_slip_too(void **state)
{
	struct host host;

	(void)state;
	start(&host, "reference"); /* the finding is about registers, not about profiles */
	host_init(&host);
	command(&host, HOST_UNIT1, G_WBF);
	nth(&host, 0, IOMMUSIM_FINDING_GCMD_DROPS_BITS);
	host_stop(&host);
}

/* ---- register-invalidation-under-qi ---------------------------------------------------------- */

static void an_invalidation_register_beside_the_queue_is_found(void **state)
{
	const struct iommusim_finding *finding;
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	queue(&host, HOST_UNIT1);
	at_line(&host, 7);
	host_set(&host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
	finding = nth(&host, 0, IOMMUSIM_FINDING_REGISTER_INVALIDATION_UNDER_QI);
	assert_contains(finding->text, "CCMD");
	assert_contains(finding->text, "0xfed91000");
	assert_int_equal(finding->place.line, 7);
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	assert_contains(nth(&host, 1, IOMMUSIM_FINDING_REGISTER_INVALIDATION_UNDER_QI)->text, "IOTLB");
	assert_int_equal(count(&host), 2);
	host_stop(&host);
}

static void two_writes_of_32_bits_are_one_invalidation(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	queue(&host, HOST_UNIT1);
	host_set(&host, HOST_UNIT1, R_CCMD, 4, 0);
	host_set(&host, HOST_UNIT1, R_IOTLB, 4, 0);
	assert_int_equal(count(&host), 0); /* the lower half only prepares it */
	host_set(&host, HOST_UNIT1, R_CCMD + 4, 4, CCMD_GLOBAL >> 32);
	host_set(&host, HOST_UNIT1, R_IOTLB + 4, 4, IOTLB_GLOBAL >> 32);
	assert_int_equal(count(&host), 2);
	host_stop(&host);
}

static void without_the_queue_the_registers_are_what_there_is(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	host_set(&host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL);
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	queue(&host, HOST_UNIT1);
	host_set(&host, HOST_UNIT0, R_CCMD, 8, CCMD_GLOBAL); /* the other unit has no queue on */
	command(&host, HOST_UNIT1, G_TE);                    /* and now this one has none */
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void a_write_that_starts_nothing_is_none(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	translate(&host);
	queue(&host, HOST_UNIT1);
	host_set(&host, HOST_UNIT1, R_CCMD, 8, CCMD_GLOBAL & ~(UINT64_C(1) << 63));
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL & ~(UINT64_C(1) << 63));
	host_set(&host, HOST_UNIT1, R_IOTLB - 8, 8, UINT64_MAX & ~UINT64_C(0xf80)); /* IVA */
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void flushes_by_register_beside_another_drivers_queue_are_found(void **state)
{
	struct host host;

	(void)state;
	start(&host, "reference"); /* it knows no queue, and somebody turns one on under it */
	host_init(&host);
	queue(&host, HOST_UNIT1);
	assert_ok(iommusim_iommu_remove_device(host.vmm, iommusim_host_domain(host.vmm), 0, HOST_AHCI));
	nth(&host, 0, IOMMUSIM_FINDING_REGISTER_INVALIDATION_UNDER_QI);
	nth(&host, 1, IOMMUSIM_FINDING_REGISTER_INVALIDATION_UNDER_QI);
	assert_int_equal(count(&host), 2); /* CCMD and IOTLB of the one unit */
	host_stop(&host);
}

/* ---- device-owned-twice ---------------------------------------------------------------------- */

static struct iommusim_domain *domain_of(struct host *host)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, MIB, &domain));
	return domain;
}

static void a_device_in_two_domains_is_found_by_both_names(void **state)
{
	const struct iommusim_finding *finding;
	struct iommusim_domain *first, *second;
	struct host_backend backend; /* which does not mind */
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host,
	    &(struct host_setup){
		.profile = "13.0", .checked = true, .ops = &backend.ops, .ops_context = &backend });
	first = domain_of(&host);
	second = domain_of(&host);
	assert_ok(iommusim_iommu_add_device(host.vmm, first, 0, HOST_PPT1));
	assert_int_equal(count(&host), 0);
	at_line(&host, 31);
	assert_ok(iommusim_iommu_add_device(host.vmm, second, 0, HOST_PPT1));
	finding = nth(&host, 0, IOMMUSIM_FINDING_DEVICE_OWNED_TWICE);
	assert_contains(finding->text, "07:00.0");
	assert_contains(finding->text, "domain dom2 while it is in domain dom1");
	assert_int_equal(finding->place.line, 31);
	assert_int_equal(count(&host), 1);
	host_stop(&host);
}

static void trying_it_is_found_though_the_backend_refuses(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "reference");
	domain = domain_of(&host);
	assert_status(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_AHCI), IOMMUSIM_EBUSY);
	assert_contains(nth(&host, 0, IOMMUSIM_FINDING_DEVICE_OWNED_TWICE)->text, "domain host");
	host_stop(&host);
}

static void a_device_that_was_removed_first_is_owned_once(void **state)
{
	struct iommusim_domain *first, *second;
	struct host host;

	(void)state;
	start(&host, "13.0");
	first = domain_of(&host);
	second = domain_of(&host);
	assert_ok(iommusim_iommu_add_device(host.vmm, first, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_remove_device(host.vmm, first, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_add_device(host.vmm, second, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_add_device(host.vmm, first, 0, HOST_PPT2)); /* another device */
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void names_given_to_domains_later_are_the_ones_used(void **state)
{
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host,
	    &(struct host_setup){
		.profile = "13.1", .checked = true, .ops = &backend.ops, .ops_context = &backend });
	vm = host_guest(&host, "store-01", 3 * PAGE, HOST_PPT1);
	assert_ok(iommusim_iommu_add_device(host.vmm, iommusim_host_domain(host.vmm), 0, HOST_PPT1));
	assert_contains(nth(&host, 0, IOMMUSIM_FINDING_DEVICE_OWNED_TWICE)->text,
	    "domain host while it is in domain store-01");
	assert_non_null(vm);
	host_stop(&host);
}

/* ---- device-out-of-scope --------------------------------------------------------------------- */

static void a_device_no_unit_governs_is_found(void **state)
{
	const struct iommusim_finding *finding;
	struct builder table = builder_begin();
	static const struct iommusim_dmar_hop hop = { .device = 2 };
	const struct iommusim_dmar_scope scope = {
		.type = IOMMUSIM_SCOPE_ENDPOINT, .hop_count = 1, .hops = &hop
	};
	struct host host;

	(void)state;
	/* Firmware says the unit takes all; the hardware has it for 0/2/0 alone. */
	ADD(&table, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	builder_finish(&table);
	host_start(&host,
	    &(struct host_setup){
		.profile = "13.0", .checked = true, .table = &table, .no_units = true });
	host_add_unit(&host, HOST_UNIT0, host_cap(), host_ecap(), &scope);
	at_line(&host, 4);
	host_init(&host);
	finding = nth(&host, 0, IOMMUSIM_FINDING_DEVICE_OUT_OF_SCOPE);
	assert_contains(finding->text, "00:17.0");
	assert_contains(finding->text, "domain host");
	assert_int_equal(finding->place.line, 4);
	assert_int_equal(count(&host), 1); /* 0/2/0 is governed */
	assert_false(host_look(host.ahci, 0x5000).translated);
	host_stop(&host);
}

static void a_device_the_backend_did_not_take_is_none(void **state)
{
	struct iommusim_domain *domain;
	struct builder table = builder_begin();
	static const struct iommusim_dmar_hop hop = { .device = 2 };
	const struct iommusim_dmar_scope scope = {
		.type = IOMMUSIM_SCOPE_ENDPOINT, .hop_count = 1, .hops = &hop
	};
	struct host host;

	(void)state;
	ADD(&table, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 1, 8, 0, 0, 0, 0, 2, 0);
	builder_finish(&table);
	host_start(&host,
	    &(struct host_setup){
		.checked = true, .table = &table, .no_units = true, .no_functions = true });
	host_add_unit(&host, HOST_UNIT0, host_cap(), host_ecap(), &scope);
	domain = domain_of(&host);
	assert_status(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_GFX));
	assert_int_equal(count(&host), 0);
	host_stop(&host);
}

static void a_machine_without_units_has_no_scopes(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host,
	    &(struct host_setup){ .profile = "13.0",
		.checked = true,
		.no_units = true,
		.ops = &backend.ops,
		.ops_context = &backend });
	host_init(&host);
	assert_int_equal(count(&host), 0); /* ops with hardware of their own */
	host_stop(&host);
}

/* ---- the list -------------------------------------------------------------------------------- */

static void findings_stand_in_order_of_occurrence(void **state)
{
	struct host host;

	(void)state;
	/* CAP.ESRTPS: without a flush there is nothing else to find. */
	host_start(&host,
	    &(struct host_setup){ .profile = "13.0", .checked = true, .cap_set = UINT64_C(1) << 63 });
	translate(&host);
	for (uint32_t line = 1; line <= 40; line++) {
		at_line(&host, line);
		command(&host, HOST_UNIT1, G_SRTP);
		command(&host, HOST_UNIT1, G_TE);
	}
	assert_int_equal(count(&host), 40);
	for (uint32_t line = 1; line <= 40; line++)
		assert_int_equal(
		    nth(&host, line - 1, IOMMUSIM_FINDING_GCMD_DROPS_BITS)->place.line, line);
	assert_null(iommusim_check_finding(host.check, SIZE_MAX));
	host_stop(&host);
}

static void findings_have_stable_names_and_meanings(void **state)
{
	static const char *const names[] = { "init-failed-silently", "gcmd-drops-bits",
		"register-invalidation-under-qi", "device-owned-twice", "device-out-of-scope" };
	enum iommusim_finding_id id;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_ok(iommusim_finding_find(names[i], &id));
		assert_string_equal(iommusim_finding_name(id), names[i]);
	}
	for (unsigned i = 0; i < IOMMUSIM_FINDING_COUNT; i++) {
		const char *name = iommusim_finding_name((enum iommusim_finding_id)i);

		assert_ok(iommusim_finding_find(name, &id));
		assert_int_equal(id, i);
		assert_true(strlen(iommusim_finding_meaning(id)) > 20);
	}
	assert_status(iommusim_finding_find("no-such-finding", &id), IOMMUSIM_ENOENT);
	assert_string_equal(iommusim_finding_name(IOMMUSIM_FINDING_COUNT), "unknown");
	assert_string_equal(iommusim_finding_meaning(IOMMUSIM_FINDING_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_failure_is_found_with_its_reason_and_place),
		cmocka_unit_test(every_silent_reason_is_found),
		cmocka_unit_test(a_second_life_that_fails_is_a_second_finding),
		cmocka_unit_test(a_failure_that_was_told_or_wanted_is_none),
		cmocka_unit_test(a_panic_is_no_silence),
		cmocka_unit_test(a_sound_life_has_no_finding),
		cmocka_unit_test(a_lone_srtp_while_translating_is_found),
		cmocka_unit_test(every_function_that_goes_off_is_named),
		cmocka_unit_test(writing_zero_over_two_functions_is_found),
		cmocka_unit_test(turning_one_function_off_alone_is_how_it_is_done),
		cmocka_unit_test(turning_one_off_and_another_on_at_once_is_found),
		cmocka_unit_test(restated_bits_are_no_finding),
		cmocka_unit_test(each_unit_is_judged_by_what_is_on_in_it),
		cmocka_unit_test(freebsd_beside_another_driver_is_found_and_the_reference_is_not),
		cmocka_unit_test(reading_registers_is_never_a_finding),
		cmocka_unit_test(a_driver_under_the_reference_can_slip_too),
		cmocka_unit_test(an_invalidation_register_beside_the_queue_is_found),
		cmocka_unit_test(two_writes_of_32_bits_are_one_invalidation),
		cmocka_unit_test(without_the_queue_the_registers_are_what_there_is),
		cmocka_unit_test(a_write_that_starts_nothing_is_none),
		cmocka_unit_test(flushes_by_register_beside_another_drivers_queue_are_found),
		cmocka_unit_test(a_device_in_two_domains_is_found_by_both_names),
		cmocka_unit_test(trying_it_is_found_though_the_backend_refuses),
		cmocka_unit_test(a_device_that_was_removed_first_is_owned_once),
		cmocka_unit_test(names_given_to_domains_later_are_the_ones_used),
		cmocka_unit_test(a_device_no_unit_governs_is_found),
		cmocka_unit_test(a_device_the_backend_did_not_take_is_none),
		cmocka_unit_test(a_machine_without_units_has_no_scopes),
		cmocka_unit_test(findings_stand_in_order_of_occurrence),
		cmocka_unit_test(findings_have_stable_names_and_meanings),
		cmocka_unit_test(registers_of_other_devices_are_none_of_its_business),
		cmocka_unit_test(a_life_that_began_without_memory_is_found_when_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
