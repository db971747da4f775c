/* Initialisation: every way it can end, what is said about it, and what calls do afterwards. */
#include "host_fixture.h"

#include <stdio.h>

#define INITIALIZED "hw.vmm.iommu.initialized"

static struct iommusim_init_report report_of(const struct host *host)
{
	struct iommusim_init_report report;

	iommusim_init_report(host->vmm, &report);
	return report;
}

static size_t lines_on_console(const struct host *host)
{
	size_t count = 0;

	while (iommusim_vmm_message(host->vmm, count) != NULL)
		count++;
	return count;
}

/*
 * What every call does without a usable IOMMU: 13.0 and its kin pretend success, the reference says
 * EOPNOTSUPP where nothing was mapped or added. No register is touched.
 */
static void assert_calls_without_iommu(struct host *host, enum iommusim_status expected)
{
	struct iommusim_domain *domain = (struct iommusim_domain *)(void *)host;
	static struct host_log log;
	struct iommusim_vm *vm;

	host_watch(host, &log);
	assert_status(iommusim_iommu_create_domain(host->vmm, MIB, &domain), IOMMUSIM_ENXIO);
	assert_null(domain);
	assert_contains(iommusim_machine_diagnostic(host->machine)->text, "no usable IOMMU");
	assert_status(iommusim_iommu_create_mapping(host->vmm, NULL, 0, 0, PAGE), expected);
	assert_status(iommusim_iommu_remove_mapping(host->vmm, NULL, 0, PAGE), expected);
	assert_status(iommusim_iommu_add_device(host->vmm, NULL, 0, HOST_PPT1), expected);
	assert_status(iommusim_iommu_enable(host->vmm), expected);
	assert_status(iommusim_iommu_disable(host->vmm), expected);
	assert_ok(iommusim_iommu_remove_device(host->vmm, NULL, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_invalidate_tlb(host->vmm, NULL));
	/* A call that is wrong in itself is refused all the same. */
	assert_status(iommusim_iommu_create_mapping(host->vmm, NULL, 1, 0, PAGE), IOMMUSIM_EINVAL);
	vm = host_vm(host, "vm", MIB, 1);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	assert_null(iommusim_vm_domain(vm));
	assert_null(iommusim_vm_of_device(host->vmm, 0, HOST_PPT1));
	assert_ok(iommusim_vm_destroy(vm));
	assert_int_equal(log.count + log.reads, 0);
	host_unwatch(host, &log);
}

/*
 * Initialisation was reached and ended like this: nothing translates, and calls behave accordingly.
 */
static struct iommusim_init_report assert_failed(
    struct host *host, enum iommusim_init_outcome outcome, const char *name)
{
	const bool reference =
	    strcmp(iommusim_profile_name(iommusim_vmm_profile(host->vmm)), "reference") == 0;
	const struct iommusim_init_report report = report_of(host);

	assert_int_equal(report.outcome, outcome);
	assert_string_equal(iommusim_init_outcome_name(outcome), name);
	assert_true(strlen(report.text) > 20);
	assert_int_equal(host_sysctl(host, INITIALIZED), 0);
	assert_null(iommusim_host_domain(host->vmm));
	assert_null(iommusim_domain_at(host->vmm, 0));
	for (size_t i = 0; iommusim_unit_at(host->machine, i) != NULL; i++)
		assert_false(iommusim_unit_translating(iommusim_unit_at(host->machine, i)));
	assert_calls_without_iommu(host, reference ? IOMMUSIM_EOPNOTSUPP : IOMMUSIM_OK);
	return report;
}

/* 13.0 says nothing; the reference one line with the report's words. */
static void assert_told_by_policy(const struct host *host)
{
	const struct iommusim_init_report report = report_of(host);

	if (strcmp(iommusim_profile_name(iommusim_vmm_profile(host->vmm)), "reference") != 0) {
		assert_false(report.told);
		assert_int_equal(lines_on_console(host), 0);
		return;
	}
	assert_true(report.told);
	assert_int_equal(lines_on_console(host), 1);
	assert_contains(iommusim_vmm_message(host->vmm, 0), "IOMMU not initialised");
	assert_contains(iommusim_vmm_message(host->vmm, 0), report.text);
}

/* Start a host of each kind, ask for the IOMMU, expect ENXIO and the outcome. */
static const char *const both[] = { "13.0", "reference" };

/* ---- the good end ---------------------------------------------------------------------------- */

static void before_anybody_asks_zero_is_normal(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	report = report_of(&host);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_NOT_REACHED);
	assert_string_equal(iommusim_init_outcome_name(report.outcome), "not reached");
	assert_contains(report.text, "first passthrough");
	assert_string_equal(report.advice, "");
	assert_false(report.told);
	assert_false(report.table_found);
	assert_int_equal(host_sysctl(&host, INITIALIZED), 0);
	assert_null(iommusim_host_domain(host.vmm));
	assert_int_equal(lines_on_console(&host), 0);
	host_stop(&host);
}

static void a_sound_machine_is_initialised(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; iommusim_profile_at(p) != NULL; p++) {
		host_start(&host,
		    &(struct host_setup){ .profile = iommusim_profile_name(iommusim_profile_at(p)) });
		host_init(&host);
		report = report_of(&host);
		assert_int_equal(report.outcome, IOMMUSIM_INIT_DONE);
		assert_string_equal(iommusim_init_outcome_name(report.outcome), "done");
		assert_int_equal(report.status, IOMMUSIM_OK);
		assert_true(report.table_found && report.table_checksum_ok);
		assert_int_equal(report.table_length, 88);
		assert_int_equal(report.units_named, 2);
		assert_int_equal(report.units_used, 2);
		assert_false(report.told);
		assert_string_equal(report.advice, "");
		assert_int_equal(host_sysctl(&host, INITIALIZED), 1);
		assert_string_equal(iommusim_domain_name(iommusim_host_domain(host.vmm)), "host");
		assert_int_equal(iommusim_domain_max_address(iommusim_host_domain(host.vmm)), HOST_RAM);
		assert_int_equal(host_status(&host, HOST_UNIT0) & G_TE, G_TE);
		assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, G_TE);
		assert_int_equal(lines_on_console(&host), 0);
		host_stop(&host);
	}
}

static void asking_again_does_nothing_more(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_init(&host);
	host_watch(&host, &log);
	host_init(&host);
	assert_int_equal(log.count + log.reads, 0);
	host_stop(&host);
}

static void the_host_domain_maps_all_memory_to_itself(void **state)
{
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .ram = 5 * GIB });
		host_init(&host);
		for (uint64_t address = 0; address < 6 * GIB; address += 61 * PAGE) {
			if (address >> 20 == 0xfee) /* interrupts, not memory */
				continue;
			assert_true(host_reaches(host.ahci, address));
			assert_true(host_reaches(host.gfx, address));
		}
		assert_true(host_reaches(host.ahci, 6 * GIB - PAGE));
		assert_true(host_look(host.ahci, 6 * GIB).faulted);
		host_stop(&host);
	}
}

static void the_host_domain_holds_every_function_but_ppts(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	host_function(&host, 0x0200, "undriven"); /* 2/0/0: a function nobody has */
	host_init(&host);
	assert_true(host_reaches(host.gfx, 0x5000));
	assert_true(host_reaches(host.ahci, 0x5000));
	assert_true(host_reaches(host_requester(&host, 0x0200), 0x5000));
	assert_true(host_look(host.ppt1, 0x5000).faulted);
	assert_true(host_look(host.ppt2, 0x5000).faulted);
	assert_true(host_look(host.gone, 0x5000).faulted);
	host_stop(&host);
}

static void functions_of_other_segments_are_not_looked_for(void **state)
{
	const struct iommusim_pci_function other = { .segment = 1, .rid = HOST_AHCI };
	struct host_backend backend;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	assert_ok(iommusim_pci_add(host.machine, &other));
	host_init(&host);
	assert_int_equal(host_backend_count(&backend, "add 1 0:"), 2);
	assert_int_equal(host_backend_count(&backend, "add 1 1:"), 0);
	host_stop(&host);
}

static void a_wrong_checksum_is_noted_and_no_reason_to_stop(void **state)
{
	struct builder table = host_table();
	struct host host;

	(void)state;
	table.bytes[9] ^= 1;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .table = &table });
		host_init(&host);
		assert_true(report_of(&host).table_found);
		assert_false(report_of(&host).table_checksum_ok);
		host_stop(&host);
	}
}

/* ---- the bad ends ---------------------------------------------------------------------------- */

static void switched_off_it_is_not_looked_for(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.iommu.enable", 0));
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_DISABLED, "disabled");
		assert_contains(report.text, "hw.vmm.iommu.enable");
		assert_contains(report.advice, "hw.vmm.iommu.enable=1");
		assert_int_equal(report.status, IOMMUSIM_OK); /* ops->init was not called */
		assert_false(report.table_found);
		assert_false(report.told); /* somebody wanted it so: not even the reference tells */
		assert_int_equal(lines_on_console(&host), 0);
		host_stop(&host);
	}
}

static void an_unknown_processor_has_no_backend(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(
		    &host, &(struct host_setup){ .profile = both[p], .cpu = IOMMUSIM_CPU_OTHER });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_UNKNOWN_CPU, "unknown CPU");
		assert_contains(report.text, "Intel");
		assert_true(strlen(report.advice) > 0);
		assert_int_equal(report.status, IOMMUSIM_OK);
		assert_told_by_policy(&host);
		host_stop(&host);
	}
}

static void amd_without_a_unit_has_nothing_to_find(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .cpu = IOMMUSIM_CPU_AMD });
		assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 1));
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_NO_TABLE, "no table");
		assert_contains(report.text, "AMD-Vi");
		assert_contains(report.advice, "firmware");
		assert_told_by_policy(&host);
		host_stop(&host);
	}
}

static void amd_with_ops_of_the_callers_own_is_fine(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	host_start(&host,
	    &(struct host_setup){
		.cpu = IOMMUSIM_CPU_AMD, .ops = &backend.ops, .ops_context = &backend });
	host_init(&host);
	assert_int_equal(report_of(&host).outcome, IOMMUSIM_INIT_DONE);
	host_stop(&host);
}

static void without_a_table_there_is_nothing_to_find(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .no_table = true });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_NO_TABLE, "no table");
		assert_contains(report.text, "no DMAR table");
		assert_contains(report.advice, "firmware");
		assert_int_equal(report.status, IOMMUSIM_ENXIO);
		assert_false(report.table_found);
		assert_told_by_policy(&host);
		host_stop(&host);
	}
}

static void assert_bad_table(struct builder *table, const char *why)
{
	struct iommusim_init_report report;
	struct host host;

	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .table = table });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_BAD_TABLE, "bad table");
		assert_contains(report.text, "cannot be read");
		assert_contains(report.text, why);
		assert_true(strlen(report.advice) > 0);
		assert_int_equal(report.status, IOMMUSIM_ENXIO);
		assert_true(report.table_found);
		assert_int_equal(report.units_used, 0);
		assert_told_by_policy(&host);
		host_stop(&host);
	}
}

static void a_table_too_short_for_its_own_header_cannot_be_read(void **state)
{
	struct builder table = builder_begin();

	(void)state;
	table.size = 36; /* an ACPI header and no more */
	builder_finish(&table);
	assert_bad_table(&table, "Length is 36");
	table = host_table();
	table.bytes[4] = 47; /* Length: all the units are there, but the table ends before them */
	builder_sum(&table);
	assert_bad_table(&table, "Length is 47");
}

static void a_table_whose_first_structure_has_no_length_cannot_be_read(void **state)
{
	struct builder table = host_table();

	(void)state;
	table.bytes[48 + 2] = 3;
	builder_sum(&table);
	assert_bad_table(&table, "Length is 3");
}

static void a_table_whose_first_structure_leaves_it_cannot_be_read(void **state)
{
	struct builder table = host_table();

	(void)state;
	table.bytes[48 + 2] = 41; /* 40 bytes are left from there */
	builder_sum(&table);
	assert_bad_table(&table, "Length is 41");
}

static void a_unit_that_leaves_the_table_is_not_taken(void **state)
{
	struct builder table = host_table();
	struct host host;

	(void)state;
	table.bytes[72 + 2] = 17; /* the second unit: 16 bytes are left */
	builder_sum(&table);
	for (size_t p = 0; p < 2; p++) {
		host_start(&host,
		    &(struct host_setup){ .profile = both[p], .table = &table, .no_functions = true });
		host_init(&host);
		assert_int_equal(report_of(&host).units_used, 1);
		assert_int_equal(host_status(&host, HOST_UNIT0) & G_TE, G_TE);
		assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, 0);
		host_stop(&host);
	}
}

static void an_empty_table_names_no_unit(void **state)
{
	struct iommusim_init_report report;
	struct builder table = builder_begin();
	struct host host;

	(void)state;
	builder_finish(&table);
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .table = &table });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_NO_UNIT, "no unit");
		assert_contains(report.text, "48 bytes");
		assert_contains(report.text, "checksum good");
		assert_contains(report.text, "names none");
		assert_true(report.table_found && report.table_checksum_ok);
		assert_int_equal(report.table_length, 48);
		assert_int_equal(report.units_named, 0);
		assert_told_by_policy(&host);
		host_stop(&host);
	}
}

/* The units of the fixture behind a reserved region of 0/2/0. */
static struct builder table_with_region_first(void)
{
	struct builder table = builder_begin();

	ADD(&table, 1, 0, 32, 0, 0, 0, 0, 0, 0x00, 0x00, 0x80, 0x03, 0, 0, 0, 0, 0xff, 0xff, 0x8f, 0x03,
	    0, 0, 0, 0, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&table, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&table, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0);
	builder_finish(&table);
	return table;
}

static void freebsd_stops_at_a_first_structure_that_is_no_unit(void **state)
{
	static const char *const releases[] = { "13.0", "13.1", "14.2" };
	struct builder table = table_with_region_first();
	struct iommusim_init_report report;
	struct host host;
	char profile[32];

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		host_start(&host, &(struct host_setup){ .profile = releases[p], .table = &table });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_NO_UNIT, "no unit");
		assert_contains(report.text, "RMRR");
		assert_contains(report.text, "120 bytes");
		assert_contains(report.text, "2 units");
		snprintf(profile, sizeof(profile), "profile %s", releases[p]);
		assert_contains(report.text, profile);
		assert_true(strlen(report.advice) > 0);
		assert_int_equal(report.units_named, 2);
		assert_int_equal(report.units_used, 0);
		assert_told_by_policy(&host);
		host_stop(&host);
	}
}

static void the_reference_reads_on_behind_it(void **state)
{
	struct builder table = table_with_region_first();
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .table = &table });
	host_init(&host);
	assert_int_equal(report_of(&host).units_used, 2);
	assert_int_equal(host_sysctl(&host, INITIALIZED), 1);
	host_stop(&host);
}

static void a_table_that_names_a_unit_where_none_is(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .no_units = true });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_NO_HARDWARE, "no hardware");
		assert_contains(report.text, "0xfed90000");
		assert_contains(report.advice, "firmware");
		assert_int_equal(report.units_named, 2);
		assert_int_equal(report.status, IOMMUSIM_ENXIO);
		assert_told_by_policy(&host);
		host_stop(&host);
	}
}

static void one_missing_unit_of_two_is_named(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .no_units = true });
	host_add_unit(&host, HOST_UNIT0, host_cap(), host_ecap(), NULL);
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_contains(
	    assert_failed(&host, IOMMUSIM_INIT_NO_HARDWARE, "no hardware").text, "0xfed91000");
	host_stop(&host);
}

static void caching_mode_is_refused(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .cap_set = HOST_CAP_CM });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_UNSUPPORTED, "unsupported");
		assert_contains(report.text, "CM=1");
		assert_contains(report.text, "0xfed90000");
		assert_int_equal(report.status, IOMMUSIM_ENXIO);
		assert_told_by_policy(&host);
		host_stop(&host);
	}
}

static void units_without_a_common_width_are_refused(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .no_units = true });
	host_add_unit(&host, HOST_UNIT0, host_cap() & ~HOST_CAP_SAGAW4, host_ecap(), NULL);
	host_add_unit(&host, HOST_UNIT1, host_cap() & ~HOST_CAP_SAGAW3, host_ecap(), NULL);
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_contains(
	    assert_failed(&host, IOMMUSIM_INIT_UNSUPPORTED, "unsupported").text, "address width");
	assert_told_by_policy(&host);
	host_stop(&host);
}

static void freebsd_panics_without_a_common_width(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .no_units = true });
	host_add_unit(&host, HOST_UNIT0, host_cap() & ~HOST_CAP_SAGAW4, host_ecap(), NULL);
	host_add_unit(&host, HOST_UNIT1, host_cap() & ~HOST_CAP_SAGAW3, host_ecap(), NULL);
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_EFAULT);
	assert_int_equal(report_of(&host).outcome, IOMMUSIM_INIT_FAILED);
	assert_true(report_of(&host).told); /* a panic is no silence */
	assert_contains(iommusim_vmm_message(host.vmm, 0), "panic");
	host_stop(&host);
}

static void a_driver_that_fails_says_what_it_returned(void **state)
{
	struct iommusim_init_report report;
	struct host_backend backend;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_backend_init(&backend);
		backend.init = IOMMUSIM_EIO;
		host_start(&host,
		    &(struct host_setup){
			.profile = both[p], .ops = &backend.ops, .ops_context = &backend });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		report = assert_failed(&host, IOMMUSIM_INIT_FAILED, "failed");
		assert_int_equal(report.status, IOMMUSIM_EIO);
		assert_told_by_policy(&host);
		assert_string_equal(backend.log.text, "init\n"); /* and nothing else was asked */
		host_stop(&host);
	}
}

static void without_a_host_domain_one_line_is_printed_by_all(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_backend_init(&backend);
		backend.create_domain = IOMMUSIM_EBUSY;
		host_start(&host,
		    &(struct host_setup){
			.profile = both[p], .ops = &backend.ops, .ops_context = &backend });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_EBUSY);
		assert_failed(&host, IOMMUSIM_INIT_FAILED, "failed");
		assert_true(report_of(&host).told);
		assert_contains(iommusim_vmm_message(host.vmm, 0), "unable to create a host domain");
		assert_string_equal(backend.log.text, "init\ncreate_domain 0x4000000\ncleanup\n");
		host_stop(&host);
	}
}

static void a_device_no_unit_takes_undoes_the_initialisation(void **state)
{
	struct host_backend backend;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	backend.add = IOMMUSIM_EIO;
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_EIO);
	assert_failed(&host, IOMMUSIM_INIT_FAILED, "failed");
	assert_int_equal(host_backend_count(&backend, "destroy_domain 1\ncleanup\n"), 1);
	assert_int_equal(host_backend_count(&backend, "enable"), 0);
	host_stop(&host);
}

/* ---- once only ------------------------------------------------------------------------------- */

static void a_failure_is_final_until_the_module_is_unloaded(void **state)
{
	struct builder table = host_table();
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .no_table = true });
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		host_install(&host, &table); /* too late */
		assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
		assert_status(iommusim_iommu_create_domain(host.vmm, MIB, &domain), IOMMUSIM_ENXIO);
		assert_int_equal(report_of(&host).outcome, IOMMUSIM_INIT_NO_TABLE);
		assert_ok(iommusim_vmm_unload(host.vmm));
		assert_int_equal(report_of(&host).outcome, IOMMUSIM_INIT_NOT_REACHED);
		host_init(&host);
		assert_int_equal(report_of(&host).outcome, IOMMUSIM_INIT_DONE);
		host_stop(&host);
	}
}

static void switching_it_on_later_needs_an_unload_too(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.iommu.enable", 0));
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.iommu.enable", 1));
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_int_equal(report_of(&host).outcome, IOMMUSIM_INIT_DISABLED);
	assert_ok(iommusim_vmm_unload(host.vmm));
	host_init(&host);
	host_stop(&host);
}

static void the_drivers_init_is_called_once(void **state)
{
	struct iommusim_domain *domain;
	struct host_backend backend;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_backend_init(&backend);
	backend.init = IOMMUSIM_ENXIO;
	host_start(&host, &(struct host_setup){ .ops = &backend.ops, .ops_context = &backend });
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_status(iommusim_iommu_create_domain(host.vmm, MIB, &domain), IOMMUSIM_ENXIO);
	vm = host_vm(&host, "vm", MIB, 1);
	assert_status(iommusim_vm_assign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	assert_int_equal(host_backend_count(&backend, "init"), 1);
	assert_ok(iommusim_vm_destroy(vm));
	assert_ok(iommusim_vmm_unload(host.vmm));
	backend.init = IOMMUSIM_OK;
	assert_ok(iommusim_iommu_create_domain(host.vmm, MIB, &domain));
	assert_int_equal(host_backend_count(&backend, "init"), 2);
	host_stop(&host);
}

static void outcomes_have_names_of_their_own(void **state)
{
	(void)state;
	for (int a = IOMMUSIM_INIT_NOT_REACHED; a <= IOMMUSIM_INIT_FAILED; a++)
		for (int b = IOMMUSIM_INIT_NOT_REACHED; b < a; b++)
			assert_string_not_equal(
			    iommusim_init_outcome_name((enum iommusim_init_outcome)a),
			    iommusim_init_outcome_name((enum iommusim_init_outcome)b));
	assert_string_equal(
	    iommusim_init_outcome_name((enum iommusim_init_outcome)(IOMMUSIM_INIT_FAILED + 1)),
	    "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_anybody_asks_zero_is_normal),
		cmocka_unit_test(a_sound_machine_is_initialised),
		cmocka_unit_test(asking_again_does_nothing_more),
		cmocka_unit_test(the_host_domain_maps_all_memory_to_itself),
		cmocka_unit_test(the_host_domain_holds_every_function_but_ppts),
		cmocka_unit_test(functions_of_other_segments_are_not_looked_for),
		cmocka_unit_test(a_wrong_checksum_is_noted_and_no_reason_to_stop),
		cmocka_unit_test(switched_off_it_is_not_looked_for),
		cmocka_unit_test(an_unknown_processor_has_no_backend),
		cmocka_unit_test(amd_without_a_unit_has_nothing_to_find),
		cmocka_unit_test(amd_with_ops_of_the_callers_own_is_fine),
		cmocka_unit_test(without_a_table_there_is_nothing_to_find),
		cmocka_unit_test(a_table_too_short_for_its_own_header_cannot_be_read),
		cmocka_unit_test(a_table_whose_first_structure_has_no_length_cannot_be_read),
		cmocka_unit_test(a_table_whose_first_structure_leaves_it_cannot_be_read),
		cmocka_unit_test(a_unit_that_leaves_the_table_is_not_taken),
		cmocka_unit_test(an_empty_table_names_no_unit),
		cmocka_unit_test(freebsd_stops_at_a_first_structure_that_is_no_unit),
		cmocka_unit_test(the_reference_reads_on_behind_it),
		cmocka_unit_test(a_table_that_names_a_unit_where_none_is),
		cmocka_unit_test(one_missing_unit_of_two_is_named),
		cmocka_unit_test(caching_mode_is_refused),
		cmocka_unit_test(units_without_a_common_width_are_refused),
		cmocka_unit_test(freebsd_panics_without_a_common_width),
		cmocka_unit_test(a_driver_that_fails_says_what_it_returned),
		cmocka_unit_test(without_a_host_domain_one_line_is_printed_by_all),
		cmocka_unit_test(a_device_no_unit_takes_undoes_the_initialisation),
		cmocka_unit_test(a_failure_is_final_until_the_module_is_unloaded),
		cmocka_unit_test(switching_it_on_later_needs_an_unload_too),
		cmocka_unit_test(the_drivers_init_is_called_once),
		cmocka_unit_test(outcomes_have_names_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
