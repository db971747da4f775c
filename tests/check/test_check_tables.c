/* Findings about tables that hardware reads, store by store: each provoked, and each nearly provoked. */
#include "check/findings.h"

/* Second-stage large pages of 2 MiB and 1 GiB (CAP.SSLPS). */
#define CAP_LARGE (UINT64_C(3) << 34)

static void begin(struct host *host, const struct host_setup *setup)
{
	host_start(host, setup);
	if (setup->amdvi)
		assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
}

static void start(struct host *host, const char *profile, bool amdvi)
{
	begin(host, &(struct host_setup){ .profile = profile, .checked = true, .amdvi = amdvi });
}

static struct iommusim_domain *domain_of(struct host *host, uint16_t rid)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	if (rid != 0)
		assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, rid));
	return domain;
}

/* The device table entry of a requester (AMD-Vi 2.2.2: 32 bytes each). */
static uint64_t device_at(struct host *host, uint16_t rid)
{
	return (host_get(host, HOST_AMDVI, 0, 8) & UINT64_C(0xffffffffff000)) + rid * UINT64_C(32);
}

static uint64_t entry_at(struct host *host, bool amdvi, uint16_t rid)
{
	return amdvi ? device_at(host, rid) : host_context_at(host, rid);
}

/* ---- a life without a flaw, and lives with one ---------------------------------------------------- */

static void live(struct host *host)
{
	struct iommusim_vm *first, *second;

	first = host_guest(host, "first", 2 * MIB, HOST_PPT1);
	host_dma(host->ppt1, IOMMUSIM_DMA_WRITE, 0x1000);
	host_dma(host->ahci, IOMMUSIM_DMA_WRITE, 0x1000);
	host_assign(first, HOST_PPT2);
	assert_ok(iommusim_vm_unassign_pptdev(first, 0, HOST_PPT2));
	assert_ok(iommusim_vm_destroy(first));
	second = host_guest(host, "second", 2 * MIB, HOST_PPT1);
	assert_ok(iommusim_vm_destroy(second));
	assert_ok(iommusim_vmm_unload(host->vmm));
	host_guest(host, "third", 2 * MIB, HOST_PPT2);
}

static void the_reference_raises_none(void **state)
{
	(void)state;
	for (int amdvi = 0; amdvi < 2; amdvi++) {
		struct host host;

		start(&host, "reference", amdvi != 0);
		live(&host);
		assert_int_equal(findings_all(&host), 0);
		host_stop(&host);
	}
}

static void a_device_left_behind_leads_to_freed_tables(void **state)
{
	static const char *const profiles[] = { "12.0", "13.1", "15.0" };

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		struct iommusim_vm *vm;
		struct host host;

		start(&host, profiles[p], true);
		vm = host_guest(&host, "guest", 2 * MIB, HOST_PPT1);
		assert_int_equal(findings_all(&host), 0);
		assert_ok(iommusim_vm_destroy(vm));
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_TABLE_FREED_WHILE_REACHABLE), 1);
		assert_contains(finding_text(&host, IOMMUSIM_FINDING_TABLE_FREED_WHILE_REACHABLE),
		    "DTE of 07:00.0");
		host_stop(&host);
		/* Intel's backend clears the entry first. */
		begin(&host,
		    &(struct host_setup){ .profile = profiles[p], .checked = true, .alike = true });
		assert_ok(iommusim_vm_destroy(host_guest(&host, "guest", 2 * MIB, HOST_PPT1)));
		assert_int_equal(findings_all(&host), 0);
		host_stop(&host);
	}
}

/* ---- unsupported-capability ----------------------------------------------------------------------- */

static void the_capabilities_of_another_unit_are_found(void **state)
{
	static const struct {
		const char *profile;
		bool alike, found;
	} rows[] = { { "12.0", false, true }, { "12.0", true, false }, { "12.2", false, false } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct host host;

		begin(&host,
		    &(struct host_setup){
			.profile = rows[i].profile, .checked = true, .alike = rows[i].alike });
		host_guest(&host, "guest", 2 * MIB, HOST_PPT1);
		assert_int_equal(
		    findings_of(&host, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY) > 0, rows[i].found);
		if (rows[i].found)
			assert_contains(
			    finding_text(&host, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY), "TT=1");
		else
			assert_int_equal(findings_all(&host), 0);
		host_stop(&host);
	}
}

static void a_width_or_a_size_the_unit_lacks_is_found(void **state)
{
	struct host host;
	uint64_t entry, leaf;

	(void)state;
	start(&host, "reference", false);
	assert_ok(iommusim_iommu_create_mapping(
	    host.vmm, domain_of(&host, HOST_PPT1), 0x5000, 0x1005000, PAGE));
	entry = host_context_at(&host, HOST_PPT1);
	leaf = host_leaf_at(&host, HOST_PPT1, 0x5000);
	assert_int_equal(findings_all(&host), 0);
	/* A leaf of 2 MiB: bit 7 in an SS-PDE, where CAP.SSLPS=0. The table above holds it at entry 0. */
	host_store(
	    &host, host_load(&host, host_load(&host, entry) & ~(PAGE - 1)) & ~(PAGE - 1), 0x200083);
	assert_contains(finding_text(&host, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY), "CAP.SSLPS");
	assert_int_not_equal(leaf, 0);
	/* AW=3: tables of 5 levels. */
	host_store(&host, entry + 8, (host_load(&host, entry + 8) & ~UINT64_C(7)) | 3);
	assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY), 2);
	host_stop(&host);
}

static void modes_amdvi_lacks_are_found(void **state)
{
	struct host host;
	uint64_t entry;

	(void)state;
	start(&host, "reference", true);
	domain_of(&host, HOST_PPT1);
	entry = device_at(&host, HOST_PPT1);
	/* Mode, bits 11:9: EFR.HATS=2 of the fixture allows 6 levels; 7 is none. */
	host_store(&host, entry, (host_load(&host, entry) & ~UINT64_C(0xe00)) | 6u << 9);
	assert_int_equal(findings_all(&host), 0);
	host_store(&host, entry, host_load(&host, entry) | 7u << 9);
	assert_contains(finding_text(&host, IOMMUSIM_FINDING_UNSUPPORTED_CAPABILITY), "Mode=7");
	host_stop(&host);
}

/* ---- reserved-bits-set ---------------------------------------------------------------------------- */

static void reserved_bits_are_found_and_ignored_ones_are_not(void **state)
{
	static const struct {
		bool amdvi;
		unsigned quad;
		uint64_t ignored, reserved;
		uint64_t leaf_ignored, leaf_reserved;
	} rows[] = {
		/* Context entry: 70:67 are software's, 71 is reserved. SS-PTE: 61:52 ignored, 51 beyond HAW. */
		{ false, 1, UINT64_C(1) << 3, UINT64_C(1) << 7, UINT64_C(1) << 52, UINT64_C(1) << 51 },
		/* DTE: 2 is reserved. PTE: 63 ignored, 52 reserved. */
		{ true, 0, 0, UINT64_C(1) << 2, UINT64_C(1) << 63, UINT64_C(1) << 52 },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct iommusim_domain *domain;
		struct host host;
		uint64_t entry, leaf;

		start(&host, "reference", rows[i].amdvi);
		domain = domain_of(&host, HOST_PPT1);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x1005000, PAGE));
		entry = entry_at(&host, rows[i].amdvi, HOST_PPT1) + rows[i].quad * UINT64_C(8);
		if (!rows[i].amdvi) /* something between the backend's stores and these */
			host_set(&host, HOST_UNIT1, R_FECTL, 4, UINT64_C(0x80000000));
		host_store(&host, entry, host_load(&host, entry) | rows[i].ignored);
		assert_int_equal(findings_all(&host), 0);
		host_store(&host, entry, host_load(&host, entry) | rows[i].reserved);
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_RESERVED_BITS_SET), 1);
		assert_contains(finding_text(&host, IOMMUSIM_FINDING_RESERVED_BITS_SET), "07:00.0");
		host_store(&host, entry, host_load(&host, entry) & ~rows[i].reserved);
		if (!rows[i].amdvi) {
			leaf = host_leaf_at(&host, HOST_PPT1, 0x5000);
			host_store(&host, leaf, host_load(&host, leaf) | rows[i].leaf_ignored);
			assert_int_equal(findings_all(&host), 1);
			host_store(&host, leaf, host_load(&host, leaf) | rows[i].leaf_reserved);
			assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_RESERVED_BITS_SET), 2);
		}
		host_stop(&host);
	}
}

/* ---- present-before-fields ------------------------------------------------------------------------ */

static void a_present_bit_before_the_rest_is_found(void **state)
{
	for (int order = 0; order < 2; order++) {
		struct host host;
		uint64_t from, to;

		(void)state;
		start(&host, "reference", false);
		domain_of(&host, HOST_PPT1);
		from = host_context_at(&host, HOST_PPT1);
		to = host_context_at(&host, HOST_PPT2);
		if (order == 0) {
			host_store(&host, to + 8, host_load(&host, from + 8));
			host_store(&host, to, host_load(&host, from));
		} else {
			host_store(&host, to, host_load(&host, from));
			host_store(&host, to + 8, host_load(&host, from + 8));
		}
		assert_int_equal(
		    findings_of(&host, IOMMUSIM_FINDING_PRESENT_BEFORE_FIELDS), (unsigned)order);
		host_stop(&host);
	}
}

/* A driver under test stores through pointers: what nobody announces is seen when a register is written. */
static void what_nobody_announces_is_found_by_comparing(void **state)
{
	(void)state;
	for (int silent = 0; silent < 2; silent++) {
		struct host host;
		uint64_t *high;

		start(&host, "reference", false);
		domain_of(&host, HOST_PPT1);
		host_set(&host, HOST_UNIT1, 0x38, 4, 0x80000000); /* FECTL, as it is: a step ends */
		if (silent != 0)
			iommusim_memory_expect_silent_stores(host.machine);
		high = iommusim_memory_host(host.machine, host_context_at(&host, HOST_PPT1) + 8, 8);
		assert_non_null(high);
		*high |= UINT64_C(1) << 40; /* reserved (VT-d 9.3) */
		assert_null(iommusim_check_finding(host.check, 0));
		host_set(&host, HOST_UNIT1, 0x38, 4, 0x80000000);
		assert_int_equal(iommusim_check_finding(host.check, 0) != NULL, silent);
		host_set(&host, HOST_UNIT1, 0x38, 4, 0x80000000); /* once is enough */
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_RESERVED_BITS_SET), silent);
		assert_int_equal(findings_all(&host), silent);
		host_stop(&host);
	}
}

static void an_entry_stored_at_once_is_whole(void **state)
{
	uint64_t entry[2];
	struct host host;

	(void)state;
	start(&host, "reference", false);
	domain_of(&host, HOST_PPT1);
	assert_ok(iommusim_memory_read(
	    host.machine, host_context_at(&host, HOST_PPT1), entry, sizeof(entry)));
	assert_ok(iommusim_memory_write(
	    host.machine, host_context_at(&host, HOST_PPT2), entry, sizeof(entry)));
	assert_int_equal(findings_all(&host), 0);
	host_stop(&host);
}

static void a_device_that_changes_domains_alive_is_found(void **state)
{
	static const char *const profiles[] = { "reference", "13.1" };

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct iommusim_domain *first, *second;
		struct host host;

		start(&host, profiles[p], true);
		first = domain_of(&host, 0);
		second = domain_of(&host, 0);
		assert_ok(iommusim_iommu_add_device(host.vmm, first, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_remove_device(host.vmm, first, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_add_device(host.vmm, second, 0, HOST_PPT1));
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_PRESENT_BEFORE_FIELDS), p);
		host_stop(&host);
	}
}

/* ---- leaf-used-as-table --------------------------------------------------------------------------- */

static void a_large_leaf_that_is_taken_for_a_table_is_found(void **state)
{
	static const char *const profiles[] = { "superpages", "superpages-unsplit" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const bool amdvi = i >= 2, unsplit = i % 2 != 0;
		struct iommusim_domain *domain;
		struct host host;

		begin(&host,
		    &(struct host_setup){ .profile = profiles[i % 2],
			.checked = true,
			.amdvi = amdvi,
			.cap_set = amdvi ? 0 : CAP_LARGE });
		domain = domain_of(&host, HOST_PPT1);
		/* 2 MiB in one leaf, and a page of its own beside it. */
		assert_ok(
		    iommusim_iommu_create_mapping(host.vmm, domain, 0x200000, 0x2000000, 2 * MIB));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x400000, 0x2400000, PAGE));
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x400000, PAGE));
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_LEAF_USED_AS_TABLE), 0);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x203000, PAGE));
		assert_int_equal(
		    findings_of(&host, IOMMUSIM_FINDING_LEAF_USED_AS_TABLE), unsplit ? 1 : 0);
		if (unsplit)
			assert_contains(
			    finding_text(&host, IOMMUSIM_FINDING_LEAF_USED_AS_TABLE), "0x2000018");
		host_stop(&host);
	}
}

/* What stores to page 0 while vmm is in a call: a backend that takes an entry of 0 for a pointer. */
struct null_walker {
	struct host *host;
	bool announced;
};

static void walk_through_nothing(void *context, const struct iommusim_call *call)
{
	const struct null_walker *walker = context;
	const uint64_t entry = 0x3003;
	uint64_t *page = iommusim_memory_host(walker->host->machine, 0, PAGE);

	if (call->kind != IOMMUSIM_CALL_REMOVE_MAPPING)
		return;
	if (walker->announced)
		assert_ok(iommusim_memory_write(walker->host->machine, 0x28, &entry, sizeof(entry)));
	else
		page[5] = entry;
}

static void a_table_at_address_0_is_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct host host;
		struct null_walker walker = { .host = &host, .announced = i % 2 == 0 };
		const struct iommusim_listener listener = { .context = &walker,
			.begin = walk_through_nothing };
		struct iommusim_domain *domain;

		start(&host, "reference", i >= 2);
		iommusim_memory_expect_silent_stores(host.machine);
		domain = domain_of(&host, HOST_PPT1);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x5000, PAGE));
		/* The host's own stores, between calls, are nobody's walk. */
		assert_ok(iommusim_memory_write(host.machine, 0x28, &(uint64_t){ 7 }, 8));
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_NULL_TABLE_USED), 0);
		assert_ok(iommusim_vmm_listen(host.vmm, &listener));
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x5000, PAGE));
		iommusim_vmm_unlisten(host.vmm, &walker);
		assert_int_equal(findings_of(&host, IOMMUSIM_FINDING_NULL_TABLE_USED), 1);
		assert_contains(finding_text(&host, IOMMUSIM_FINDING_NULL_TABLE_USED),
		    "stored 0x3003 to 0x28: no table is in physical page 0");
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_raises_none),
		cmocka_unit_test(a_device_left_behind_leads_to_freed_tables),
		cmocka_unit_test(the_capabilities_of_another_unit_are_found),
		cmocka_unit_test(a_width_or_a_size_the_unit_lacks_is_found),
		cmocka_unit_test(modes_amdvi_lacks_are_found),
		cmocka_unit_test(reserved_bits_are_found_and_ignored_ones_are_not),
		cmocka_unit_test(a_present_bit_before_the_rest_is_found),
		cmocka_unit_test(what_nobody_announces_is_found_by_comparing),
		cmocka_unit_test(an_entry_stored_at_once_is_whole),
		cmocka_unit_test(a_device_that_changes_domains_alive_is_found),
		cmocka_unit_test(a_large_leaf_that_is_taken_for_a_table_is_found),
		cmocka_unit_test(a_table_at_address_0_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
