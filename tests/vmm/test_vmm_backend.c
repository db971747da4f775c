/*
 * The built-in VT-d backend: what it writes to registers and in which order, what its tables hold,
 * which units it takes and which unit it takes a device to be under. All numbers are written by
 * hand.
 */
#include "host_fixture.h"

#include <stdio.h>

static const char *const both[] = { "13.0", "reference" };

static struct iommusim_init_report report_of(const struct host *host)
{
	struct iommusim_init_report report;

	iommusim_init_report(host->vmm, &report);
	return report;
}

static uint64_t low_half(struct host *host, uint16_t rid)
{
	return host_load(host, host_context_at(host, rid));
}

static uint64_t high_half(struct host *host, uint16_t rid)
{
	return host_load(host, host_context_at(host, rid) + 8);
}

/* Translation type of a context entry: bits 3:2 (VT-d 9.3). */
static unsigned translation_type(struct host *host, uint16_t rid)
{
	return (unsigned)(low_half(host, rid) >> 2 & 3);
}

static struct iommusim_domain *new_domain(struct host *host, uint64_t max_address)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, max_address, &domain));
	return domain;
}

/* ---- registers ------------------------------------------------------------------------------- */

/* VMM_FACTS section 3, measured: RTADDR, SRTP, CCMD, IOTLB, TE, one unit after the other. */
static void enabling_writes_what_the_real_driver_writes(void **state)
{
	static const uint64_t bases[] = { HOST_UNIT0, HOST_UNIT1 };
	static struct host_log log;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) { /* with nothing else on there is nothing to restate */
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		host_watch(&host, &log);
		host_init(&host);
		assert_int_equal(log.count, 10);
		for (size_t u = 0; u < 2; u++) {
			const uint64_t root = log.at[0].value;

			assert_wrote(&log, 5 * u + 0, bases[u] + R_RTADDR, 8, root);
			assert_wrote(&log, 5 * u + 1, bases[u] + R_GCMD, 4, 0x40000000);
			assert_wrote(&log, 5 * u + 2, bases[u] + R_CCMD, 8, CCMD_GLOBAL);
			assert_wrote(&log, 5 * u + 3, bases[u] + R_IOTLB, 8, IOTLB_GLOBAL);
			assert_wrote(&log, 5 * u + 4, bases[u] + R_GCMD, 4, 0x80000000);
		}
		host_stop(&host);
	}
}

static void a_unit_with_write_buffers_is_told_to_flush_them_first(void **state)
{
	static struct host_log log;
	struct host host;
	size_t flushes = 0, others = 0;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .cap_set = HOST_CAP_RWBF });
	host_watch(&host, &log);
	host_init(&host);
	assert_wrote(&log, 0, HOST_UNIT0 + R_GCMD, 4, 0x08000000);
	assert_wrote(&log, 1, HOST_UNIT0 + R_RTADDR, 8, log.at[1].value);
	assert_wrote(&log, 2, HOST_UNIT0 + R_GCMD, 4, 0x40000000);
	for (size_t i = 0; i < log.count; i++) {
		flushes += log.at[i].value == G_WBF;
		others += log.at[i].value != G_WBF;
	}
	assert_true(flushes >= 2); /* at least one a unit */
	assert_int_equal(others, 10);
	host_stop(&host);
}

/* Another driver has queued invalidation on. */
static void turn_queue_on(struct host *host, uint64_t base)
{
	host_set(host, base, R_IQT, 8, 0);
	host_set(host, base, R_IQA, 8, HOST_RAM - PAGE);
	host_set(host, base, R_GCMD, 4, G_QIE);
	assert_int_equal(host_status(host, base) & G_QIE, G_QIE);
}

static void bare_commands_turn_off_what_another_driver_uses(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	turn_queue_on(&host, HOST_UNIT0);
	host_watch(&host, &log);
	host_init(&host);
	assert_wrote(&log, 1, HOST_UNIT0 + R_GCMD, 4, 0x40000000);
	assert_wrote(&log, 4, HOST_UNIT0 + R_GCMD, 4, 0x80000000);
	assert_int_equal(host_status(&host, HOST_UNIT0) & G_QIE, 0);
	host_stop(&host);
}

/* Interrupt remapping is another driver's; it may be on. */
static void restated_commands_leave_interrupt_remapping_on(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_set(&host, HOST_UNIT0, R_GCMD, 4, G_SIRTP);
	host_set(&host, HOST_UNIT0, R_GCMD, 4, G_IRE);
	host_watch(&host, &log);
	host_init(&host);
	assert_wrote(&log, 1, HOST_UNIT0 + R_GCMD, 4, 0x42000000);
	assert_wrote(&log, 4, HOST_UNIT0 + R_GCMD, 4, 0x82000000);
	assert_wrote(&log, 6, HOST_UNIT1 + R_GCMD, 4, 0x40000000); /* nothing is on in that one */
	assert_int_equal(host_status(&host, HOST_UNIT0) & (G_IRE | G_TE), G_IRE | G_TE);
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_int_equal(host_status(&host, HOST_UNIT0) & (G_IRE | G_TE), G_IRE);
	host_stop(&host);
}

static void the_reference_leaves_a_unit_alone_that_another_driver_has(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	turn_queue_on(&host, HOST_UNIT1);
	host_watch(&host, &log);
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_int_equal(report_of(&host).outcome, IOMMUSIM_INIT_TAKEN);
	assert_contains(report_of(&host).text, "another driver has turned the unit at 0xfed91000 on");
	assert_int_equal(log.count, 0); /* not a register was written */
	assert_int_equal(host_status(&host, HOST_UNIT1), G_QIE);
	host_stop(&host);
}

static void enabling_again_keeps_or_drops_translation_on_the_way(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		host_init(&host);
		host_watch(&host, &log);
		assert_ok(iommusim_iommu_enable(host.vmm));
		assert_wrote(&log, 1, HOST_UNIT0 + R_GCMD, 4, p == 0 ? 0x40000000 : 0xc0000000);
		assert_wrote(&log, 4, HOST_UNIT0 + R_GCMD, 4, 0x80000000);
		assert_int_equal(host_status(&host, HOST_UNIT0) & G_TE, G_TE);
		host_stop(&host);
	}
}

static void disabling_turns_translation_off_on_every_unit(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		host_init(&host);
		host_watch(&host, &log);
		assert_ok(iommusim_iommu_disable(host.vmm));
		assert_int_equal(log.count, 2);
		assert_wrote(&log, 0, HOST_UNIT0 + R_GCMD, 4, 0);
		assert_wrote(&log, 1, HOST_UNIT1 + R_GCMD, 4, 0);
		assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, 0);
		assert_int_equal(host_sysctl(&host, "hw.vmm.iommu.initialized"), 1);
		assert_ok(iommusim_iommu_enable(host.vmm));
		assert_true(host_reaches(host.ahci, 0x5000));
		host_stop(&host);
	}
}

static void domains_mappings_and_added_devices_touch_no_register(void **state)
{
	struct iommusim_domain *domain;
	static struct host_log log;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		host_init(&host);
		host_watch(&host, &log);
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, 16 * MIB));
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, MIB, MIB));
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_int_equal(log.count + log.reads, 0);
		host_stop(&host);
	}
}

static void invalidating_is_a_global_flush_of_every_units_iotlb(void **state)
{
	static struct host_log log;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		host_init(&host);
		host_watch(&host, &log);
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, iommusim_host_domain(host.vmm)));
		assert_int_equal(log.count, 2);
		assert_wrote(&log, 0, HOST_UNIT0 + R_IOTLB, 8, IOTLB_GLOBAL);
		assert_wrote(&log, 1, HOST_UNIT1 + R_IOTLB, 8, IOTLB_GLOBAL);
		host_stop(&host);
	}
}

/* A bus analyser that looks at a context entry whenever a cache is flushed. */
struct entry_watch {
	struct host *host;
	uint64_t at;
	unsigned contexts[2], translations[2]; /* flushes a unit */
	bool present;                          /* when the first flush came */
};

static void look_at_entry(
    void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct entry_watch *watch = context;
	const unsigned unit = address >= HOST_UNIT1;

	(void)width;
	if (!is_write)
		return;
	watch->present |= (host_load(watch->host, watch->at) & 1) != 0;
	if ((address & 0xfff) == R_CCMD && value == CCMD_GLOBAL)
		watch->contexts[unit] += watch->translations[unit] == 0;
	if ((address & 0xfff) == R_IOTLB && value == IOTLB_GLOBAL)
		watch->translations[unit]++;
}

static void removing_a_device_clears_its_entry_and_then_flushes_everything(void **state)
{
	struct entry_watch watch;
	const struct iommusim_mmio_watcher watcher = { .context = &watch, .access = look_at_entry };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		watch = (struct entry_watch){ .host = &host, .at = host_context_at(&host, HOST_PPT1) };
		assert_ok(iommusim_mmio_watch(host.machine, &watcher));
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
		assert_false(watch.present);
		for (unsigned unit = 0; unit < 2; unit++) {
			assert_int_equal(watch.contexts[unit], 1); /* and before the IOTLB */
			assert_int_equal(watch.translations[unit], 1);
		}
		assert_int_equal(low_half(&host, HOST_PPT1), 0);
		assert_int_equal(high_half(&host, HOST_PPT1), 0);
		host_stop(&host);
	}
}

static void destroying_a_domain_flushes_in_the_reference_only(void **state)
{
	struct iommusim_domain *domain;
	static struct host_log log;
	struct host host;
	size_t contexts = 0, translations = 0;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	domain = new_domain(&host, GIB);
	host_watch(&host, &log);
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	assert_int_equal(log.count + log.reads, 0);
	host_stop(&host);

	host_start(&host, NULL);
	domain = new_domain(&host, GIB);
	host_watch(&host, &log);
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	for (size_t i = 0; i < log.count; i++) {
		contexts += log.at[i].value == CCMD_GLOBAL;
		translations += log.at[i].value == IOTLB_GLOBAL;
	}
	assert_int_equal(contexts, 2);
	assert_int_equal(translations, 2);
	host_stop(&host);
}

static void a_unit_that_takes_its_time_is_waited_for(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .settings = { .latency = 50 } });
	host_init(&host);
	for (size_t i = 0; i < 2; i++) /* as they are at this very tick */
		assert_true(iommusim_unit_translating(iommusim_unit_at(host.machine, i)));
	vm = host_guest(&host, "vm", MIB, HOST_PPT1);
	assert_int_equal(
	    host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).physical, host_hpa(vm, 0x5000));
	assert_ok(iommusim_vm_destroy(vm));
	assert_true(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).faulted);
	assert_ok(iommusim_iommu_disable(host.vmm));
	for (size_t i = 0; i < 2; i++)
		assert_false(iommusim_unit_translating(iommusim_unit_at(host.machine, i)));
	host_stop(&host);
}

static void a_unit_that_never_answers_is_given_up_and_named(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .settings = { .latency = 100000000 } });
	host_init(&host);
	assert_contains(iommusim_vmm_message(host.vmm, 0), "0xfed90000");
	assert_contains(iommusim_vmm_message(host.vmm, 0), "0x01c"); /* GSTS */
	assert_contains(iommusim_vmm_message(host.vmm, 1), "0xfed91000");
	assert_status(
	    iommusim_iommu_invalidate_tlb(host.vmm, iommusim_host_domain(host.vmm)), IOMMUSIM_EIO);
	host_stop(&host);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void context_entries_hold_the_domain_its_width_and_its_table(void **state)
{
	struct iommusim_vm *vm;
	struct host host;
	uint64_t host_table_address, guest_table;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		vm = host_guest(&host, "vm", MIB, HOST_PPT1);
		host_table_address = low_half(&host, HOST_AHCI) & ~UINT64_C(0xfff);
		guest_table = low_half(&host, HOST_PPT1) & ~UINT64_C(0xfff);
		assert_int_not_equal(host_table_address, guest_table);
		/* P=1, no FPD, TT=00; AW=1 (39 bits) and domain 1 in the upper half. */
		assert_int_equal(low_half(&host, HOST_AHCI), host_table_address | 1);
		assert_int_equal(high_half(&host, HOST_AHCI), 0x101);
		assert_int_equal(low_half(&host, HOST_PPT1), guest_table | 1);
		assert_int_equal(high_half(&host, HOST_PPT1), 0x201);
		/* gfx is in the host domain too, and its unit has device-TLBs: TT=01. */
		assert_int_equal(low_half(&host, HOST_GFX), host_table_address | 5);
		assert_int_equal(high_half(&host, HOST_GFX), 0x101);
		assert_int_equal(low_half(&host, HOST_PPT2), 0);
		assert_int_equal(high_half(&host, HOST_PPT2), 0);
		assert_ok(iommusim_vm_destroy(vm));
		assert_int_equal(low_half(&host, HOST_PPT1), 0);
		host_stop(&host);
	}
}

static void all_units_share_one_root_table_of_256_buses(void **state)
{
	struct host host;
	uint64_t root;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	host_init(&host);
	root = host_get(&host, HOST_UNIT1, R_RTADDR, 8);
	assert_int_equal(host_get(&host, HOST_UNIT0, R_RTADDR, 8), root);
	assert_int_equal(root & 0xfff, 0);
	for (unsigned bus = 0; bus < 256; bus++) {
		const uint64_t low = host_load(&host, root + bus * UINT64_C(16));

		assert_int_equal(low & 0xfff, 1); /* P alone */
		assert_int_equal(host_load(&host, root + bus * UINT64_C(16) + 8), 0);
		for (unsigned before = 0; before < bus; before++)
			assert_int_not_equal(host_load(&host, root + before * UINT64_C(16)), low);
	}
	host_stop(&host);
}

static void a_leaf_is_the_host_page_readable_and_writable(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		vm = host_guest(&host, "vm", 3 * MIB, HOST_PPT1);
		for (uint64_t gpa = 0; gpa < 3 * MIB; gpa += PAGE)
			assert_int_equal(host_load(&host, host_leaf_at(&host, HOST_PPT1, gpa)),
			    host_hpa(vm, gpa) | 3);
		assert_int_equal(host_load(&host, host_leaf_at(&host, HOST_PPT1, 3 * MIB)) & 3, 0);
		/* 4 KiB leaves even where 1 GiB would fit: the host's map. */
		assert_int_equal(host_load(&host, host_leaf_at(&host, HOST_AHCI, 0)), 3);
		host_stop(&host);
	}
}

static void tables_reach_units_that_do_not_snoop(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host,
		    &(struct host_setup){ .profile = both[p], .device_view = true, .no_units = true });
		host_add_unit(&host, HOST_UNIT0, host_cap(), host_ecap() & ~UINT64_C(1), NULL);
		host_add_unit(&host, HOST_UNIT1, host_cap(), host_ecap() & ~UINT64_C(1), NULL);
		vm = host_guest(&host, "vm", MIB, HOST_PPT1);
		for (uint64_t gpa = 0; gpa < MIB; gpa += PAGE)
			assert_int_equal(host_look(host.ppt1, gpa).physical, host_hpa(vm, gpa));
		assert_int_equal(host_reaches(host.ahci, host_hpa(vm, 0)), p == 1);
		assert_ok(iommusim_vm_destroy(vm));
		assert_true(host_look(host.ppt1, 0).faulted);
		assert_true(host_reaches(host.ahci, 0x5000));
		assert_status(
		    iommusim_iommu_add_device(host.vmm, iommusim_host_domain(host.vmm), 0, HOST_AHCI),
		    p == 0 ? IOMMUSIM_EFAULT : IOMMUSIM_EBUSY);
		if (p == 0) { /* a panic */
			host_stop(&host);
			continue;
		}
		/* And again with tables that were used before. */
		vm = host_guest(&host, "vm", MIB, HOST_PPT1);
		assert_int_equal(host_look(host.ppt1, 0x9000).physical, host_hpa(vm, 0x9000));
		assert_true(host_look(host.ppt1, MIB).faulted);
		host_stop(&host);
	}
}

static void the_lowest_free_domain_id_is_given(void **state)
{
	struct iommusim_domain *a, *b, *c;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0" });
	a = new_domain(&host, MIB);
	b = new_domain(&host, MIB);
	assert_ok(iommusim_iommu_add_device(host.vmm, b, 0, HOST_PPT2));
	assert_int_equal(high_half(&host, HOST_PPT2), 0x301);
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, a));
	c = new_domain(&host, MIB);
	assert_ok(iommusim_iommu_add_device(host.vmm, c, 0, HOST_PPT1));
	assert_int_equal(high_half(&host, HOST_PPT1), 0x201);
	host_stop(&host);
}

static void ids_end_with_the_unit_that_has_the_fewest(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p], .no_units = true });
		host_add_unit(&host, HOST_UNIT0, host_cap(), host_ecap(), NULL);
		host_add_unit(/* ND=0: 16 domains, of which 0 is not used */
		    &host, HOST_UNIT1, host_cap() & ~UINT64_C(7), host_ecap(), NULL);
		for (unsigned id = 2; id <= 15; id++)
			new_domain(&host, MIB);
		assert_status(iommusim_iommu_create_domain(host.vmm, MIB, &domain),
		    p == 0 ? IOMMUSIM_EFAULT : IOMMUSIM_EBUSY);
		assert_null(domain);
		assert_contains(
		    iommusim_machine_diagnostic(host.machine)->text, "no domain id is free");
		if (p == 1) {
			assert_ok(
			    iommusim_iommu_destroy_domain(host.vmm, iommusim_domain_at(host.vmm, 7)));
			new_domain(&host, MIB);
		}
		host_stop(&host);
	}
}

/* AW of the context entry: 1 is 39 bits and three levels, 2 is 48 bits and four. */
static void assert_width(struct host *host, uint64_t max_address, unsigned code)
{
	struct iommusim_domain *domain = new_domain(host, max_address);

	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, HOST_PPT1));
	assert_int_equal(high_half(host, HOST_PPT1) & 7, code);
	assert_ok(iommusim_iommu_create_mapping(
	    host->vmm, domain, (max_address - 1) & ~(PAGE - 1), 0x7000, PAGE));
	assert_int_equal(host_look(host->ppt1, max_address - 1).physical & ~(PAGE - 1), 0x7000);
	assert_ok(iommusim_iommu_remove_device(host->vmm, domain, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_destroy_domain(host->vmm, domain));
}

static void the_smallest_width_that_reaches_is_taken(void **state)
{
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		assert_width(&host, PAGE, 1);
		assert_width(&host, UINT64_C(1) << 39, 1);
		assert_width(&host, (UINT64_C(1) << 39) + PAGE, 2);
		assert_width(&host, UINT64_C(1) << 48, 2);
		host_stop(&host);
		host_start(
		    &host, &(struct host_setup){ .profile = both[p], .cap_clear = HOST_CAP_SAGAW3 });
		assert_width(&host, PAGE, 2);
		host_stop(&host);
	}
}

static void a_domain_wider_than_the_units_is_refused(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(
		    &host, &(struct host_setup){ .profile = both[p], .cap_clear = HOST_CAP_SAGAW4 });
		new_domain(&host, UINT64_C(1) << 39);
		assert_status(iommusim_iommu_create_domain(host.vmm, (UINT64_C(1) << 39) + 1, &domain),
		    p == 0 ? IOMMUSIM_EFAULT : IOMMUSIM_EINVAL);
		assert_null(domain);
		assert_null(iommusim_domain_at(host.vmm, 2));
		host_stop(&host);
	}
}

static void an_address_beyond_the_width_aliases_a_low_one_or_is_refused(void **state)
{
	const uint64_t beyond = (UINT64_C(1) << 39) + 0x5000;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		host_start(&host, &(struct host_setup){ .profile = both[p] });
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_status(iommusim_iommu_create_mapping(host.vmm, domain, beyond, 0x9000, PAGE),
		    p == 0 ? IOMMUSIM_OK : IOMMUSIM_EINVAL);
		assert_int_equal(host_look(host.ppt1, 0x5000).faulted, p == 1);
		assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, beyond, PAGE),
		    p == 0 ? IOMMUSIM_OK : IOMMUSIM_EINVAL);
		assert_true(host_look(host.ppt1, 0x5000).faulted);
		host_stop(&host);
	}
}

/* ---- which units ----------------------------------------------------------------------------- */

static uint64_t unit_base(unsigned n)
{
	return HOST_UNIT0 + n * PAGE;
}

/* A host of `count` units, unit n with the function 0/n+1/0 alone. */
static void start_many(struct host *host, const char *profile, unsigned count)
{
	struct builder table = builder_begin();

	for (unsigned n = 0; n < count; n++) {
		const uint64_t base = unit_base(n);

		ADD(&table, 0, 0, 24, 0, 0, 0, 0, 0, 0, (uint8_t)(base >> 8), (uint8_t)(base >> 16),
		    0xfe, 0, 0, 0, 0);
		ADD(&table, 1, 8, 0, 0, 0, 0, (uint8_t)(n + 1), 0);
	}
	builder_finish(&table);
	host_start(host,
	    &(struct host_setup){
		.profile = profile, .table = &table, .no_units = true, .no_functions = true });
	for (unsigned n = 0; n < count; n++) {
		const struct iommusim_dmar_hop hop = { .device = (uint8_t)(n + 1) };
		const struct iommusim_dmar_scope scope = {
			.type = IOMMUSIM_SCOPE_ENDPOINT, .hop_count = 1, .hops = &hop
		};

		host_add_unit(host, unit_base(n), host_cap(), host_ecap(), &scope);
	}
}

static void assert_units_taken(const char *profile, unsigned count, unsigned taken)
{
	struct host host;

	start_many(&host, profile, count);
	for (unsigned n = 0; n < taken; n++)
		host_function(&host, (uint16_t)((n + 1) << 3), "");
	host_init(&host);
	assert_int_equal(report_of(&host).units_named, count);
	assert_int_equal(report_of(&host).units_used, taken);
	assert_null(iommusim_vmm_message(host.vmm, 0)); /* without a word */
	for (unsigned n = 0; n < count; n++)
		assert_int_equal(host_status(&host, unit_base(n)) & G_TE, n < taken ? G_TE : 0);
	host_stop(&host);
}

static void units_beyond_eight_are_dropped_up_to_13_1(void **state)
{
	(void)state;
	assert_units_taken("13.0", 8, 8);
	assert_units_taken("13.0", 10, 8);
	assert_units_taken("13.1", 10, 8);
}

static void units_beyond_sixteen_are_dropped_in_14_2(void **state)
{
	(void)state;
	assert_units_taken("14.2", 10, 10);
	assert_units_taken("14.2", 16, 16);
	assert_units_taken("14.2", 17, 16);
}

static void the_reference_takes_all(void **state)
{
	(void)state;
	assert_units_taken("reference", 10, 10);
	assert_units_taken("reference", 17, 17);
}

static void a_device_of_a_dropped_unit_is_a_panic(void **state)
{
	struct host host;

	(void)state;
	start_many(&host, "13.0", 10);
	host_init(&host);
	host_function(&host, 8 << 3, "last");
	host_function(&host, 9 << 3, "beyond");
	assert_ok(iommusim_pci_device_added(host.vmm, 0, 8 << 3));
	assert_status(iommusim_pci_device_added(host.vmm, 0, 9 << 3), IOMMUSIM_EFAULT);
	assert_contains(iommusim_vmm_message(host.vmm, 0), "no unit governs 00:09.0");
	host_stop(&host);
}

static void units_behind_another_structure_are_not_seen_by_freebsd(void **state)
{
	struct builder table = builder_begin();
	struct host host;

	(void)state;
	ADD(&table, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&table, 2, 0, 8, 0, 1, 0, 0, 0); /* ATSR of all ports */
	ADD(&table, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0);
	builder_finish(&table);
	for (size_t p = 0; p < 2; p++) {
		host_start(&host,
		    &(struct host_setup){ .profile = both[p], .table = &table, .no_functions = true });
		host_init(&host);
		assert_int_equal(report_of(&host).units_named, 2);
		assert_int_equal(report_of(&host).units_used, p + 1);
		assert_int_equal(host_status(&host, HOST_UNIT1) & G_TE, p == 0 ? 0 : G_TE);
		host_stop(&host);
	}
}

/* ---- which unit a device is under ------------------------------------------------------------ */

/*
 * Two units again, the first with one scope; `tlb` says which of them has device-TLBs. What the
 * backend took a device's unit to be shows in the translation type of its context entry.
 */
static void start_scoped(
    struct host *host, const char *profile, const struct builder *scope, bool all_first, unsigned tlb)
{
	struct builder table = builder_begin();
	const uint8_t length = (uint8_t)(16 + scope->size);

	if (all_first)
		ADD(&table, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 0, 0, length, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	builder_add(&table, scope->bytes, scope->size);
	if (!all_first)
		ADD(&table, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0);
	builder_finish(&table);
	host_start(host,
	    &(struct host_setup){
		.profile = profile, .table = &table, .no_units = true, .no_drivers = true });
	host_bridge(host, 0x0008, 1); /* 0/1/0, with 1/0/0 behind it */
	const struct iommusim_dmar_hop hops[] = { { .device = scope->bytes[6],
						      .function = scope->bytes[7] },
		{ .device = scope->bytes[8], .function = scope->bytes[9] } };
	const struct iommusim_dmar_scope hardware = {
		.type = scope->bytes[0],
		.start_bus = scope->bytes[5],
		.hop_count = (uint8_t)((scope->size - 6) / 2),
		.hops = hops,
	};
	host_add_unit(
	    host, HOST_UNIT0, host_cap(), host_ecap() | (tlb == 0 ? HOST_ECAP_DT : 0), &hardware);
	host_add_unit(host, HOST_UNIT1, host_cap(), host_ecap() | (tlb == 1 ? HOST_ECAP_DT : 0), NULL);
	host_init(host);
}

static void a_device_behind_a_named_bridge_gets_the_wrong_unit_by_start_bus(void **state)
{
	struct builder scope = { .size = 0 };
	struct host host;

	(void)state;
	ADD(&scope, 2, 8, 0, 0, 0, 0, 1, 0); /* the bridge 0/1/0 and all below it */
	start_scoped(&host, "13.0", &scope, false, 1);
	/*
	 * The other unit has device-TLBs, so TT=01; the unit that governs it knows no such thing.
	 */
	assert_int_equal(translation_type(&host, HOST_PPT2), 1);
	assert_true(host_look(host.ppt2, 0x5000).faulted);
	assert_int_equal(translation_type(&host, 0x0008), 0); /* the bridge itself matches */
	host_stop(&host);
	start_scoped(&host, "reference", &scope, false, 1);
	assert_int_equal(translation_type(&host, HOST_PPT2), 0);
	assert_true(host_reaches(host.ppt2, 0x5000));
	assert_int_equal(translation_type(&host, HOST_AHCI), 1); /* under the unit for the rest */
	host_stop(&host);
}

static void any_element_of_a_path_matches_by_start_bus(void **state)
{
	struct builder scope = { .size = 0 };
	struct host host;

	(void)state;
	ADD(&scope, 1, 10, 0, 0, 0, 0, 1, 0, 23, 0); /* 0/1/0, and behind it 1/23/0 */
	start_scoped(&host, "13.0", &scope, false, 0);
	assert_int_equal(translation_type(&host, HOST_AHCI), 1); /* 0/23/0: bus 0, device 23 */
	assert_true(host_look(host.ahci, 0x5000).faulted);       /* its own unit has no TT=01 */
	host_stop(&host);
	start_scoped(&host, "reference", &scope, false, 0);
	assert_int_equal(translation_type(&host, HOST_AHCI), 0);
	assert_true(host_reaches(host.ahci, 0x5000));
	host_stop(&host);
}

static void a_path_is_followed_through_its_bridge(void **state)
{
	struct builder scope = { .size = 0 };
	struct host host;

	(void)state;
	ADD(&scope, 1, 10, 0, 0, 0, 0, 1, 0, 0, 0); /* 0/1/0, and behind it 1/0/0 */
	start_scoped(&host, "reference", &scope, false, 0);
	assert_int_equal(translation_type(&host, HOST_PPT2), 1);
	assert_true(host_reaches(host.ppt2, 0x5000));
	assert_int_equal(translation_type(&host, 0x0008), 0); /* the bridge is only on the way */
	host_stop(&host);
}

static void a_path_that_leads_nowhere_names_nobody(void **state)
{
	struct builder missing = { .size = 0 }, endpoint = { .size = 0 };
	struct host host;

	(void)state;
	ADD(&missing, 1, 10, 0, 0, 0, 0, 5, 0, 0, 0); /* there is no bridge 0/5/0 */
	start_scoped(&host, "reference", &missing, false, 0);
	assert_int_equal(translation_type(&host, HOST_AHCI), 0);
	assert_int_equal(translation_type(&host, HOST_PPT2), 0);
	host_stop(&host);
	ADD(&endpoint, 1, 10, 0, 0, 0, 0, 23, 0, 2, 0); /* 0/23/0 is none, with or without a bus */
	start_scoped(&host, "reference", &endpoint, false, 0);
	assert_int_equal(translation_type(&host, HOST_GFX), 0); /* not "0/2/0 behind it" */
	host_stop(&host);
}

static void the_unit_for_all_wins_every_device_when_it_is_listed_early(void **state)
{
	struct builder scope = { .size = 0 };
	struct host host;

	(void)state;
	ADD(&scope, 1, 8, 0, 0, 0, 0, 2, 0); /* 0/2/0 */
	start_scoped(&host, "13.0", &scope, true, 0);
	assert_int_equal(translation_type(&host, HOST_GFX), 0);
	host_stop(&host);
	start_scoped(&host, "13.0", &scope, false, 0);
	assert_int_equal(translation_type(&host, HOST_GFX), 1);
	host_stop(&host);
	start_scoped(&host, "reference", &scope, true, 0);
	assert_int_equal(translation_type(&host, HOST_GFX), 1);
	host_stop(&host);
}

static void scopes_of_interrupt_sources_are_of_no_device(void **state)
{
	struct builder scope = { .size = 0 };
	struct host host;

	(void)state;
	ADD(&scope, 3, 8, 0, 0, 5, 0, 23, 0); /* an I/O APIC that requests as 0/23/0 */
	for (size_t p = 0; p < 2; p++) {
		start_scoped(&host, both[p], &scope, false, 0);
		assert_int_equal(translation_type(&host, HOST_AHCI), 0);
		host_stop(&host);
	}
}

static void the_segment_is_ignored_by_start_bus(void **state)
{
	struct builder table = builder_begin();
	struct host host;

	(void)state;
	ADD(&table, 0, 0, 16, 0, 1, 0, 1, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0); /* segment 1 */
	builder_finish(&table);
	host_start(&host, &(struct host_setup){ .profile = "13.0", .table = &table });
	host_init(&host); /* devices of segment 0 are taken to be under it */
	assert_int_equal(low_half(&host, HOST_AHCI) & 1, 1);
	host_stop(&host);
	host_start(&host, &(struct host_setup){ .table = &table });
	assert_status(iommusim_iommu_init(host.vmm), IOMMUSIM_ENXIO);
	assert_int_equal(report_of(&host).outcome, IOMMUSIM_INIT_FAILED);
	assert_contains(report_of(&host).text, "no unit governs 00:02.0");
	host_stop(&host);
}

static void a_device_no_unit_governs_is_refused_by_the_reference(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start_many(&host, "reference", 2);
	domain = new_domain(&host, MIB);
	assert_status(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1), IOMMUSIM_ENXIO);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "07:00.0");
	assert_int_equal(low_half(&host, HOST_PPT1), 0);
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, 2 << 3));
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enabling_writes_what_the_real_driver_writes),
		cmocka_unit_test(a_unit_with_write_buffers_is_told_to_flush_them_first),
		cmocka_unit_test(bare_commands_turn_off_what_another_driver_uses),
		cmocka_unit_test(restated_commands_leave_interrupt_remapping_on),
		cmocka_unit_test(the_reference_leaves_a_unit_alone_that_another_driver_has),
		cmocka_unit_test(enabling_again_keeps_or_drops_translation_on_the_way),
		cmocka_unit_test(disabling_turns_translation_off_on_every_unit),
		cmocka_unit_test(domains_mappings_and_added_devices_touch_no_register),
		cmocka_unit_test(invalidating_is_a_global_flush_of_every_units_iotlb),
		cmocka_unit_test(removing_a_device_clears_its_entry_and_then_flushes_everything),
		cmocka_unit_test(destroying_a_domain_flushes_in_the_reference_only),
		cmocka_unit_test(a_unit_that_takes_its_time_is_waited_for),
		cmocka_unit_test(a_unit_that_never_answers_is_given_up_and_named),
		cmocka_unit_test(context_entries_hold_the_domain_its_width_and_its_table),
		cmocka_unit_test(all_units_share_one_root_table_of_256_buses),
		cmocka_unit_test(a_leaf_is_the_host_page_readable_and_writable),
		cmocka_unit_test(tables_reach_units_that_do_not_snoop),
		cmocka_unit_test(the_lowest_free_domain_id_is_given),
		cmocka_unit_test(ids_end_with_the_unit_that_has_the_fewest),
		cmocka_unit_test(the_smallest_width_that_reaches_is_taken),
		cmocka_unit_test(a_domain_wider_than_the_units_is_refused),
		cmocka_unit_test(an_address_beyond_the_width_aliases_a_low_one_or_is_refused),
		cmocka_unit_test(units_beyond_eight_are_dropped_up_to_13_1),
		cmocka_unit_test(units_beyond_sixteen_are_dropped_in_14_2),
		cmocka_unit_test(the_reference_takes_all),
		cmocka_unit_test(a_device_of_a_dropped_unit_is_a_panic),
		cmocka_unit_test(units_behind_another_structure_are_not_seen_by_freebsd),
		cmocka_unit_test(a_device_behind_a_named_bridge_gets_the_wrong_unit_by_start_bus),
		cmocka_unit_test(any_element_of_a_path_matches_by_start_bus),
		cmocka_unit_test(a_path_is_followed_through_its_bridge),
		cmocka_unit_test(the_unit_for_all_wins_every_device_when_it_is_listed_early),
		cmocka_unit_test(scopes_of_interrupt_sources_are_of_no_device),
		cmocka_unit_test(the_segment_is_ignored_by_start_bus),
		cmocka_unit_test(a_device_no_unit_governs_is_refused_by_the_reference),
		cmocka_unit_test(a_path_that_leads_nowhere_names_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
