/* The verdicts: each of the seven provoked, and each nearly provoked. */
#include "check/bent_backend.h"

#include <iommusim/interrupt.h>

#define VM_SIZE (2 * MIB)

static struct iommusim_report judge(struct host *host, struct iommusim_requester *device,
    enum iommusim_dma_kind kind, uint64_t address, uint64_t length, const char *for_vm)
{
	static uint8_t data[64 * KIB];
	const struct iommusim_dma_request request = {
		.address = address, .length = length, .kind = kind, .data = data
	};
	struct iommusim_report report;

	assert_true(length <= sizeof(data));
	assert_ok(iommusim_check_dma(host->check, device, &request, for_vm, &report));
	return report;
}

/* The verdict on a write of 64 bytes. */
static enum iommusim_verdict verdict(
    struct host *host, struct iommusim_requester *device, uint64_t address, const char *for_vm)
{
	return judge(host, device, IOMMUSIM_DMA_WRITE, address, 64, for_vm).verdict;
}

#define assert_verdict(host, device, address, for_vm, expected)                                        \
	assert_string_equal(iommusim_verdict_name(verdict(host, device, address, for_vm)),             \
	    iommusim_verdict_name(IOMMUSIM_VERDICT_##expected))

static void start(struct host *host, const char *profile)
{
	host_start(host, &(struct host_setup){ .profile = profile, .checked = true });
}

/* A domain of the caller's own with ppt2 in it and eight pages from 0x10000, at 0x40000. */
static struct iommusim_domain *own_domain(struct host *host)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, 0x10000, 0x40000, 0x8000));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, HOST_PPT2));
	return domain;
}

/* ---- ok -------------------------------------------------------------------------------------- */

static void a_guests_device_in_its_guests_memory_is_ok(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	for (uint64_t gpa = 0; gpa < VM_SIZE; gpa += 37 * PAGE)
		assert_verdict(&host, host.ppt1, gpa, NULL, OK);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x7010, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
	assert_true(report.expected_known);
	assert_int_equal(report.expected, host_hpa(vm, 0x7010));
	assert_int_equal(report.page.page.physical, host_hpa(vm, 0x7010));
	assert_string_equal(report.device_name, "ppt1");
	assert_string_equal(report.beneficiary, "vm");
	assert_string_equal(report.domain_name, "vm");
	assert_int_equal(report.segment, 0);
	assert_int_equal(report.rid, HOST_PPT1);
	assert_null(report.known_bug);
	assert_null(report.blamed_column);
	assert_false(report.last_removed.known);
	host_stop(&host);
}

static void a_disk_of_the_host_in_the_hosts_memory_is_ok(void **state)
{
	static const char *const profiles[] = { "13.0", "13.1", "14.2", "reference" };
	struct iommusim_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		start(&host, profiles[p]);
		host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
		report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, 0x8000, 64, NULL);
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
		assert_string_equal(report.beneficiary, "host");
		assert_string_equal(report.domain_name, "host");
		host_stop(&host);
	}
}

static void a_disk_of_the_host_in_guest_memory_is_ok_where_pages_stay(void **state)
{
	static const char *const profiles[] = { "13.1", "14.2", "reference" };
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		start(&host, profiles[p]);
		vm = host_guest(&host, "store-01", VM_SIZE, HOST_PPT1);
		report =
		    judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, host_hpa(vm, 0x3000), 64, "store-01");
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
		assert_string_equal(report.beneficiary, "store-01");
		assert_null(report.known_bug);
		host_stop(&host);
	}
}

static void a_domain_of_the_callers_own_is_judged_by_what_it_was_given(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	own_domain(&host);
	assert_verdict(&host, host.ppt2, 0x10000, NULL, OK);
	assert_verdict(&host, host.ppt2, 0x17fc0, NULL, OK);
	assert_verdict(&host, host.ppt2, 0x18000, NULL, BLOCKED);
	host_stop(&host);
}

static void a_backend_that_maps_page_by_page_is_judged_alike(void **state)
{
	struct host_setup setup = { .profile = "13.0", .checked = true };
	struct bent_backend backend;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	backend.page_by_page = true;
	domain = own_domain(&host);
	for (uint64_t address = 0x10000; address < 0x18000; address += PAGE)
		assert_verdict(&host, host.ppt2, address, NULL, OK);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x12000, 0x3000));
	assert_verdict(&host, host.ppt2, 0x11000, NULL, OK);
	assert_verdict(&host, host.ppt2, 0x12000, NULL, STALE);
	assert_verdict(&host, host.ppt2, 0x14000, NULL, STALE);
	assert_verdict(&host, host.ppt2, 0x15000, NULL, OK);
	bent_stop(&host, &backend);
}

static void what_a_call_did_before_it_failed_is_recorded_and_no_more(void **state)
{
	struct host_setup setup = { .profile = "13.0", .checked = true };
	struct bent_backend backend;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	backend.page_by_page = true;
	domain = own_domain(&host); /* pages 10h to 17h */
	backend.refuses_from = 0x23000;
	assert_status(
	    iommusim_iommu_create_mapping(host.vmm, domain, 0x20000, 0x50000, 0x8000), IOMMUSIM_EIO);
	assert_verdict(&host, host.ppt2, 0x22000, NULL, OK);
	assert_verdict(&host, host.ppt2, 0x23000, NULL, BLOCKED); /* never given: not lost */
	assert_verdict(&host, host.ppt2, 0x24000, NULL, BLOCKED);
	backend.refuses_from = 0x12000;
	assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, 0x10000, 0x8000), IOMMUSIM_EIO);
	assert_verdict(&host, host.ppt2, 0x11000, NULL, BLOCKED);
	assert_verdict(&host, host.ppt2, 0x12000, NULL, OK);
	bent_stop(&host, &backend);
}

static void a_removal_that_failed_changes_nothing(void **state)
{
	struct host_setup setup = { .profile = "13.1", .checked = true };
	struct bent_backend backend;
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	backend.refuses_removal = true;
	assert_status(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1), IOMMUSIM_EIO);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, OK);
	assert_status(iommusim_vm_destroy(vm), IOMMUSIM_EIO);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8010, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_VM); /* which is still there */
	assert_string_equal(report.page.owner_vm, "vm");
	bent_stop(&host, &backend);
}

/* ---- blocked --------------------------------------------------------------------------------- */

static void an_idle_device_of_ppts_is_blocked(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_init(&host);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_string_equal(report.domain_name, "");
	assert_string_equal(report.beneficiary, "host");
	assert_false(report.expected_known);
	assert_false(report.last_mapped.known || report.last_removed.known);
	host_stop(&host);
}

static void a_device_a_guest_gave_back_is_blocked(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, OK);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	assert_verdict(&host, host.ppt1, 0x8000, NULL, BLOCKED);
	host_stop(&host);
}

static void a_guests_device_outside_its_guests_memory_is_blocked(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_verdict(&host, host.ppt1, VM_SIZE - 64, NULL, OK);
	assert_verdict(&host, host.ppt1, VM_SIZE, NULL, BLOCKED);
	assert_verdict(&host, host.ppt1, HOST_RAM - PAGE, NULL, BLOCKED);
	assert_verdict(&host, host.ppt1, 3 * GIB, NULL, BLOCKED);
	host_stop(&host);
}

static void a_requester_nobody_knows_is_blocked(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_init(&host);
	report = judge(&host, host.gone, IOMMUSIM_DMA_WRITE, 0x8000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_string_equal(report.device_name, "");
	assert_int_equal(report.rid, HOST_GONE);
	host_stop(&host);
}

static void a_disk_of_the_host_in_guest_memory_nobody_asked_for_is_blocked(void **state)
{
	struct iommusim_vm *vm, *other;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	other = host_vm(&host, "other", VM_SIZE, 1);
	assert_verdict(&host, host.ahci, host_hpa(vm, 0x3000), NULL, BLOCKED);
	assert_verdict(&host, host.ahci, host_hpa(vm, 0x3000), "other", BLOCKED);
	assert_verdict(&host, host.ahci, host_hpa(other, 0x3000), "vm", OK);
	host_stop(&host);
}

static void what_was_taken_away_and_flushed_is_blocked(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	domain = own_domain(&host);
	assert_verdict(&host, host.ppt2, 0x12000, NULL, OK);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x12000, 0x1000));
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x12000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_true(report.last_removed.known);
	assert_false(report.expected_known);
	host_stop(&host);
}

/* ---- lost ------------------------------------------------------------------------------------ */

static void a_disk_of_the_host_for_a_guest_is_lost_under_13_0(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "store-01", VM_SIZE, HOST_PPT1);
	report =
	    judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, host_hpa(vm, 0x100000), 64 * KIB, "store-01");
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST);
	assert_int_equal(report.outcome.page_count, 16);
	assert_int_equal(report.pages_of_verdict, 16);
	assert_int_equal(report.outcome.bytes_moved, 0);
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_VM);
	assert_string_equal(report.page.owner_vm, "store-01");
	assert_int_equal(report.page.owner_gpa, 0x100000);
	assert_string_equal(report.known_bug, "D34607, PR 260178, PR 215740");
	assert_string_equal(report.blamed_column, "host_pages");
	assert_true(report.fault_event_masked); /* as after reset: FECTL.IM */
	host_stop(&host);
}

static void it_is_lost_no_more_when_the_guest_gives_its_device_back(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_verdict(&host, host.ahci, host_hpa(vm, 0x3000), "vm", LOST);
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	assert_verdict(&host, host.ahci, host_hpa(vm, 0x3000), "vm", OK);
	host_stop(&host);
}

static void host_memory_taken_from_the_host_is_lost(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "reference");
	host_init(&host);
	assert_ok(
	    iommusim_iommu_remove_mapping(host.vmm, iommusim_host_domain(host.vmm), 0x8000, 0x1000));
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, iommusim_host_domain(host.vmm)));
	report = judge(&host, host.ahci, IOMMUSIM_DMA_READ, 0x8000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST);
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_HOST);
	assert_null(report.known_bug); /* nobody's policy did that */
	assert_verdict(&host, host.ahci, 0x9000, NULL, OK);
	host_stop(&host);
}

static void a_device_whose_entry_was_cleared_is_lost(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_store(&host, host_context_at(&host, HOST_PPT1), 0); /* somebody else's store */
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST);
	assert_true(report.expected_known);
	host_stop(&host);
}

static void a_page_whose_entry_was_cleared_is_lost(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0x8000), 0);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST);
	assert_int_equal(report.expected, host_hpa(vm, 0x8000));
	assert_null(report.known_bug);
	host_stop(&host);
}

static void a_device_that_was_only_said_to_be_added_is_lost(void **state)
{
	struct host_setup setup = { .profile = "13.0", .checked = true };
	struct bent_backend backend;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	backend.adds_nothing = true;
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, LOST);
	assert_verdict(&host, host.ppt1, VM_SIZE, NULL, BLOCKED);
	bent_stop(&host, &backend);
}

static void a_guests_page_the_domain_lost_is_lost(void **state)
{
	struct iommusim_report report;
	struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.1");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	domain = iommusim_vm_domain(vm);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x8000, PAGE));
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8010, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST); /* the VM still has that memory */
	/* What it asked for is the guest's page, not the host's page of that number. */
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_VM);
	assert_string_equal(report.page.owner_vm, "vm");
	assert_int_equal(report.page.owner_gpa, 0x8010);
	host_stop(&host);
}

static void a_page_that_may_only_be_read_loses_writes(void **state)
{
	struct host host;
	uint64_t leaf;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	leaf = host_leaf_at(&host, HOST_PPT1, 0x8000);
	host_store(&host, leaf, host_load(&host, leaf) & ~UINT64_C(2));
	assert_int_equal(
	    judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x8000, 8, NULL).verdict, IOMMUSIM_VERDICT_OK);
	assert_int_equal(judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 8, NULL).verdict,
	    IOMMUSIM_VERDICT_LOST);
	host_stop(&host);
}

/* ---- stale ----------------------------------------------------------------------------------- */

static void what_is_unmapped_and_not_invalidated_is_stale(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	domain = own_domain(&host);
	assert_verdict(&host, host.ppt2, 0x12000, NULL, OK); /* now it is cached */
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x12000, 0x1000));
	report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x12020, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_STALE);
	assert_true(report.page.page.cached);
	assert_int_equal(report.page.page.physical, 0x42020);
	assert_true(report.last_removed.known);
	assert_int_equal(report.last_removed.outer.kind, IOMMUSIM_CALL_REMOVE_MAPPING);
	assert_true(report.walk.result.faulted); /* memory says so */
	assert_verdict(&host, host.ppt2, 0x13000, NULL, OK);
	host_stop(&host);
}

static void without_a_cache_there_is_nothing_stale(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host,
	    &(struct host_setup){
		.profile = "13.0", .checked = true, .settings = { .cache = IOMMUSIM_CACHE_NONE } });
	domain = own_domain(&host);
	assert_verdict(&host, host.ppt2, 0x12000, NULL, OK);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x12000, 0x1000));
	assert_verdict(&host, host.ppt2, 0x12000, NULL, BLOCKED);
	host_stop(&host);
}

static void a_backend_that_never_flushes_is_caught(void **state)
{
	struct host_setup setup = { .profile = "13.0", .checked = true };
	struct bent_backend backend;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa;

	(void)state;
	bent_start(&host, &backend, &setup);
	host_init(&host);
	vm = host_vm(&host, "vm", VM_SIZE, 1);
	hpa = host_hpa(vm, 0x8000);
	assert_verdict(&host, host.ahci, hpa, NULL, OK);
	backend.never_flushes = true;
	host_assign(vm, HOST_PPT1);
	/* The host page went out of the host domain, and the disk still reaches it. */
	assert_verdict(&host, host.ahci, hpa, NULL, STALE);
	assert_verdict(&host, host.ahci, hpa, "vm", STALE);
	assert_verdict(&host, host.ahci, host_hpa(vm, 0x9000), NULL, BLOCKED);
	bent_stop(&host, &backend);
}

static void a_backend_that_forgets_to_unmap_is_caught(void **state)
{
	struct host_setup setup = { .profile = "13.1", .checked = true };
	struct bent_backend backend;
	struct iommusim_report report;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	domain = own_domain(&host);
	backend.keeps_pages = true;
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x12000, 0x1000));
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x12000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_STALE);
	assert_false(report.page.page.cached); /* it is the table that is stale */
	bent_stop(&host, &backend);
}

static void a_device_that_was_only_said_to_be_removed_is_stale(void **state)
{
	struct host_setup setup = { .profile = "13.1", .checked = true };
	struct bent_backend backend;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_assign(vm, HOST_PPT2); /* so that the memory stays mapped */
	backend.keeps_entries = true;
	assert_ok(iommusim_vm_unassign_pptdev(vm, 0, HOST_PPT1));
	assert_verdict(&host, host.ppt1, 0x8a37, NULL, STALE);
	assert_verdict(&host, host.ppt2, 0x8a37, NULL, OK);
	bent_stop(&host, &backend);
}

static void a_page_that_moved_without_a_flush_is_stale(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	domain = own_domain(&host);
	assert_verdict(&host, host.ppt2, 0x12000, NULL, OK);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x12000, 0x50000, 0x1000));
	report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x12000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_STALE);
	assert_int_equal(report.page.page.physical, 0x42000);
	assert_int_equal(report.expected, 0x50000);
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	assert_verdict(&host, host.ppt2, 0x12000, NULL, OK);
	host_stop(&host);
}

static void a_destroyed_domain_that_is_still_walked_is_stale(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "13.0"); /* destroys without a flush, and leaves the context entry */
	domain = own_domain(&host);
	assert_verdict(&host, host.ppt2, 0x12000, NULL, OK);
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	assert_verdict(&host, host.ppt2, 0x12000, NULL, STALE);
	host_stop(&host);
}

static void an_id_that_is_used_again_brings_old_translations_along(void **state)
{
	struct iommusim_domain *first, *second;
	struct host host;

	(void)state;
	for (unsigned p = 0; p < 2; p++) {
		start(&host, p == 0 ? "13.0" : "reference");
		first = own_domain(&host);
		assert_verdict(&host, host.ppt2, 0x12000, NULL, OK);
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, first));
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &second)); /* the same id */
		assert_ok(iommusim_iommu_add_device(host.vmm, second, 0, HOST_PPT1));
		/* This domain was never given the page; the cache still has it under the id. */
		assert_string_equal(iommusim_verdict_name(verdict(&host, host.ppt1, 0x12000, NULL)),
		    p == 0 ? "stale" : "blocked");
		host_stop(&host);
	}
}

/* ---- breach ---------------------------------------------------------------------------------- */

static void memory_a_domain_was_never_given_is_a_breach(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t leaf;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE - PAGE, HOST_PPT1);
	leaf = host_leaf_at(&host, HOST_PPT1, VM_SIZE - PAGE);
	assert_verdict(&host, host.ppt1, VM_SIZE - PAGE, NULL, BLOCKED);
	host_store(&host, leaf, 0x8000 | 3); /* the page after the guest's last: the host's 8000h */
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, VM_SIZE - PAGE, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BREACH);
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_HOST);
	assert_int_equal(report.page.page.physical, 0x8000);
	assert_false(report.expected_known);
	host_store(&host, leaf, host_hpa(vm, 0) | 3); /* its own memory, but not given there */
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, iommusim_vm_domain(vm)));
	assert_verdict(&host, host.ppt1, VM_SIZE - PAGE, NULL, BREACH);
	host_stop(&host);
}

static void a_device_of_no_domain_that_gets_through_is_a_breach(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_verdict(&host, host.ppt2, 0x8000, NULL, BLOCKED);
	/* Somebody copies the entry of the device beside it. */
	host_store(&host, host_context_at(&host, HOST_PPT2) + 8,
	    host_load(&host, host_context_at(&host, HOST_PPT1) + 8));
	host_store(&host, host_context_at(&host, HOST_PPT2),
	    host_load(&host, host_context_at(&host, HOST_PPT1)));
	assert_verdict(&host, host.ppt2, 0x8000, NULL, BREACH);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, OK);
	host_stop(&host);
}

static void an_alias_beyond_the_domains_width_is_a_breach(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "13.0"); /* which does not look at the width */
	domain = own_domain(&host);
	assert_ok(iommusim_iommu_create_mapping(
	    host.vmm, domain, (UINT64_C(1) << 39) + 0x5000, 0x9000, PAGE));
	assert_verdict(&host, host.ppt2, 0x5000, NULL, BREACH);
	assert_verdict(&host, host.ppt2, (UINT64_C(1) << 39) + 0x5000, NULL, LOST);
	host_stop(&host);
}

static void tables_that_others_use_by_now_are_a_breach(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host,
	    &(struct host_setup){
		.profile = "13.0", .checked = true, .settings = { .cache = IOMMUSIM_CACHE_NONE } });
	domain = own_domain(&host);
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	/* The context entry still points at the pages that become the next domain's tables. */
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x12000, 0x60000, PAGE));
	report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x12000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BREACH);
	assert_int_equal(report.page.page.physical, 0x60000);
	host_stop(&host);
	/* The same with caches: what is cached now is what the tables say now. */
	start(&host, "13.0");
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, own_domain(&host)));
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x12000, 0x60000, PAGE));
	assert_verdict(&host, host.ppt2, 0x12000, NULL, BREACH);
	report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x12000, 64, NULL);
	assert_true(report.page.page.cached);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BREACH);
	host_stop(&host);
}

/* ---- misrouted ------------------------------------------------------------------------------- */

static void another_page_than_was_meant_is_misrouted(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0x8000), host_hpa(vm, 0x9000) | 3);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8040, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_MISROUTED);
	assert_int_equal(report.expected, host_hpa(vm, 0x8040));
	assert_int_equal(report.page.page.physical, host_hpa(vm, 0x9040));
	assert_int_equal(report.page.owner, IOMMUSIM_OWNER_VM);
	assert_int_equal(report.page.owner_gpa, 0x9040);
	host_stop(&host);
}

static void it_stays_misrouted_when_the_wrong_answer_is_cached(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0x8000), host_hpa(vm, 0x9000) | 3);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, MISROUTED);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 64, NULL);
	assert_true(report.page.page.cached);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_MISROUTED); /* tables and cache agree */
	host_stop(&host);
}

static void a_right_answer_from_the_cache_is_ok_though_the_table_is_wrong_by_now(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "13.0");
	vm = host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, OK);
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0x8000), host_hpa(vm, 0x9000) | 3);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, OK);
	host_stop(&host);
}

static void a_backend_that_maps_beside_is_caught(void **state)
{
	struct host_setup setup = { .profile = "13.1", .checked = true };
	struct bent_backend backend;
	struct host host;

	(void)state;
	bent_start(&host, &backend, &setup);
	backend.off_by = PAGE;
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, MISROUTED);
	assert_verdict(&host, host.ahci, 0x8000, NULL, OK); /* the host's mapping is straight */
	bent_stop(&host, &backend);
}

/* ---- unprotected ----------------------------------------------------------------------------- */

static void before_the_iommu_is_initialised_nothing_is_protected(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	assert_verdict(&host, host.ppt1, 0x8000, NULL, UNPROTECTED);
	assert_verdict(&host, host.ahci, 0x8000, NULL, UNPROTECTED);
	report = judge(&host, host.gone, IOMMUSIM_DMA_READ, 0x9000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_UNPROTECTED);
	assert_int_equal(report.page.page.physical, 0x9000);
	host_init(&host);
	assert_verdict(&host, host.ppt1, 0x8000, NULL, BLOCKED);
	host_stop(&host);
}

static void with_translation_off_nothing_is_protected(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_ok(iommusim_iommu_disable(host.vmm));
	assert_verdict(&host, host.ppt1, 0x8000, NULL, UNPROTECTED);
	assert_ok(iommusim_iommu_enable(host.vmm));
	assert_verdict(&host, host.ppt1, 0x8000, NULL, OK);
	host_stop(&host);
}

static void one_unit_off_leaves_the_devices_of_the_other_protected(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_init(&host);
	host_set(&host, HOST_UNIT0, R_GCMD, 4, 0);
	assert_verdict(&host, host.gfx, 0x8000, NULL, UNPROTECTED);
	assert_verdict(&host, host.ahci, 0x8000, NULL, OK);
	host_stop(&host);
}

static void without_a_unit_nothing_is_protected(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.0", .checked = true, .no_units = true });
	report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, 0x8000, 64, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_UNPROTECTED);
	assert_null(report.walk.unit_name);
	host_stop(&host);
}

static void after_an_unload_nothing_is_protected(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_init(&host);
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_verdict(&host, host.ahci, 0x8000, NULL, UNPROTECTED);
	host_init(&host);
	assert_verdict(&host, host.ahci, 0x8000, NULL, OK);
	host_stop(&host);
}

/* ---- nobody stated any intent ---------------------------------------------------------------- */

/* A unit programmed by hand, as a trace of register writes does: the tables are the intent. */
static void program_by_hand(struct host *host)
{
	host_store(host, 0x1000000 + 7 * 16, 0x1001000 | 1); /* root entry of bus 7 */
	host_store(host, 0x1001000 + 8, 0x101);              /* 39 bits, domain 1 */
	host_store(host, 0x1001000, 0x1002000 | 1);
	host_store(host, 0x1002000, 0x1003000 | 3);
	host_store(host, 0x1003000, 0x1004000 | 3);
	host_store(host, 0x1004000 + 5 * 8, 0x40000 | 3);
	host_set(host, HOST_UNIT1, R_RTADDR, 8, 0x1000000);
	host_set(host, HOST_UNIT1, R_GCMD, 4, G_SRTP);
	host_set(host, HOST_UNIT1, R_GCMD, 4, G_TE);
}

static void without_ops_the_tables_are_the_intent(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	program_by_hand(&host);
	assert_verdict(&host, host.ppt1, 0x5000, NULL, OK);
	assert_verdict(&host, host.ppt1, 0x6000, NULL, BLOCKED);
	host_store(&host, 0x1004000 + 5 * 8, 0);
	assert_verdict(&host, host.ppt1, 0x5000, NULL, STALE);
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, IOTLB_GLOBAL);
	assert_verdict(&host, host.ppt1, 0x5000, NULL, BLOCKED);
	host_stop(&host);
}

static void a_mapping_beyond_any_page_table_is_passed_on_unrecorded(void **state)
{
	const uint64_t beyond = (UINT64_C(1) << 60) + 0x5000;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "13.0"); /* which maps it onto a low address */
	domain = own_domain(&host);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, beyond, 0x50000, PAGE));
	assert_verdict(&host, host.ppt2, 0x5000, NULL, BREACH);
	assert_verdict(&host, host.ppt2, beyond, NULL, BLOCKED); /* nobody can have a right there */
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, beyond, PAGE));
	host_stop(&host);
}

/* ---- the interrupt address range ------------------------------------------------------------- */

static void a_message_is_no_access_to_memory(void **state)
{
	struct iommusim_interrupt message;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0xfee00000, 4, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
	assert_ok(iommusim_interrupt_take(host.machine, &message));
	assert_int_equal(message.source, HOST_PPT1);
	host_stop(&host);
}

static void what_is_no_message_there_is_blocked_and_nobodys_loss(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "13.1", .checked = true, .ram = 5 * GIB });
	host_init(&host); /* the host domain maps that address too */
	report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, 0xfee00000, 64, NULL);
	assert_true(report.page.page.faulted);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_verdict(&host, host.ahci, 0xfedff000, NULL, OK);
	host_stop(&host);
}

/* ---- requests of many pages ------------------------------------------------------------------ */

static void the_first_page_that_is_not_ok_speaks_for_all(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	domain = own_domain(&host); /* pages 10h to 17h */
	judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x10000, 0x8000, NULL);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x12000, 0x1000));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x15000, 0x2000));
	report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x10800, 0x9000, NULL);
	/* 10 11 ok, 12 stale, 13 14 ok, 15 16 stale, 17 ok, 18 19 blocked. */
	assert_int_equal(report.outcome.page_count, 10);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_STALE);
	assert_int_equal(report.pages_of_verdict, 3);
	assert_int_equal(report.page.page.address, 0x12000);
	assert_int_equal(report.outcome.pages_faulted, 2);
	assert_int_equal(report.outcome.bytes_moved, 0x7800);
	assert_int_equal(report.outcome.page.address, 0x18000); /* the first that faulted */
	host_stop(&host);
}

static void a_later_page_that_is_worse_does_not_take_over(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0x9000), 0);      /* lost */
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0xa000), 0x8003); /* misrouted */
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x8000, 0x4000, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST);
	assert_int_equal(report.pages_of_verdict, 1);
	assert_int_equal(report.page.page.address, 0x9000);
	assert_int_equal(report.walk.result.address, 0x9000); /* the walk is that page's too */
	assert_true(report.walk.result.faulted);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0xa000, 0x2000, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_MISROUTED);
	host_stop(&host);
}

static void pages_that_are_all_ok_are_counted_so(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	for (uint64_t pages = 1; pages <= 16; pages++) {
		report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, pages * PAGE, NULL);
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
		assert_int_equal(report.pages_of_verdict, pages);
		assert_int_equal(report.page.page.address, 0x8000);
	}
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8fff, 2, NULL);
	assert_int_equal(report.outcome.page_count, 2);
	assert_int_equal(report.pages_of_verdict, 2);
	host_stop(&host);
}

static void a_hundred_pages_are_judged_one_by_one(void **state)
{
	const struct iommusim_dma_request request = {
		.address = 0x8000, .length = 100 * PAGE, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_ok(iommusim_check_dma(host.check, host.ppt1, &request, NULL, &report));
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
	assert_int_equal(report.pages_of_verdict, 100);
	host_store(&host, host_leaf_at(&host, HOST_PPT1, 0x8000 + 99 * PAGE), 0);
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, iommusim_host_domain(host.vmm)));
	assert_ok(iommusim_check_dma(host.check, host.ppt1, &request, NULL, &report));
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_LOST);
	assert_int_equal(report.pages_of_verdict, 1);
	assert_int_equal(report.page.page.address, 0x8000 + 99 * PAGE);
	host_stop(&host);
}

static void a_zero_length_read_is_judged_by_its_page(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	assert_int_equal(
	    judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x8000, 0, NULL).verdict, IOMMUSIM_VERDICT_OK);
	assert_int_equal(judge(&host, host.ppt1, IOMMUSIM_DMA_READ, VM_SIZE, 0, NULL).verdict,
	    IOMMUSIM_VERDICT_BLOCKED);
	host_stop(&host);
}

/* ---- for whom, and what is no request -------------------------------------------------------- */

static void a_vm_nobody_knows_is_refused_and_no_dma_made(void **state)
{
	uint8_t data[64];
	const struct iommusim_dma_request request = {
		.address = 0x8000, .length = sizeof(data), .kind = IOMMUSIM_DMA_WRITE, .data = data
	};
	struct iommusim_requester_counters counters;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	memset(data, 0x77, sizeof(data));
	assert_status(
	    iommusim_check_dma(host.check, host.ahci, &request, "nobody", &report), IOMMUSIM_ENOENT);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "\"nobody\"");
	iommusim_requester_counters(host.ahci, &counters);
	assert_int_equal(counters.requests, 0);
	assert_int_equal(host_load(&host, 0x8000), 0);
	host_stop(&host);
}

static void a_request_that_is_none_is_refused_as_the_hardware_side_does(void **state)
{
	static const struct iommusim_dma_request wrong[] = {
		{ .address = UINT64_MAX - 4095, .length = 8192, .kind = IOMMUSIM_DMA_WRITE },
		{ .address = 0x8000, .length = 0, .kind = IOMMUSIM_DMA_WRITE },
		{ .address = 0x8000, .length = 8, .has_pasid = true, .pasid = 1u << 20 },
	};
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_status(iommusim_check_dma(host.check, host.ahci, &wrong[i], NULL, &report),
		    IOMMUSIM_EINVAL);
	host_stop(&host);
}

static void whom_a_guests_device_works_for_is_its_guest_unless_said_otherwise(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "13.0");
	host_guest(&host, "vm", VM_SIZE, HOST_PPT1);
	host_vm(&host, "other", VM_SIZE, 1);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 64, NULL);
	assert_string_equal(report.beneficiary, "vm");
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x8000, 64, "other");
	assert_string_equal(report.beneficiary, "other");
	host_stop(&host);
}

static void the_request_and_its_outcome_are_in_the_report(void **state)
{
	struct iommusim_report report;
	struct host host;
	uint8_t byte;

	(void)state;
	start(&host, "13.0");
	host_init(&host);
	report = judge(&host, host.ahci, IOMMUSIM_DMA_READ, 0x8ff0, 0x20, NULL);
	assert_int_equal(report.request.address, 0x8ff0);
	assert_int_equal(report.request.length, 0x20);
	assert_int_equal(report.request.kind, IOMMUSIM_DMA_READ);
	assert_int_equal(report.outcome.page_count, 2);
	assert_int_equal(report.outcome.bytes_moved, 0x20);
	assert_int_equal(report.outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	assert_int_equal(report.walk.unit_base, HOST_UNIT1);
	assert_int_equal(report.walk.levels, 3);
	assert_ok(iommusim_memory_read(host.machine, 0x8ff0, &byte, 1));
	host_stop(&host);
}

static void brief_reports_of_what_is_ok_give_no_reasons(void **state)
{
	static struct host_text words;
	const struct iommusim_text out = { .context = &words, .put = host_text_put };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (unsigned brief = 0; brief < 2; brief++) {
		struct iommusim_report report;

		start(&host, "reference");
		domain = own_domain(&host);
		iommusim_check_set_brief(host.check, brief != 0);
		report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x12010, 64, NULL);
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
		assert_int_equal(report.pages_of_verdict, 1);
		assert_int_equal(report.request.address, 0x12010);
		assert_int_equal(report.page.page.physical, 0x42010);
		assert_int_equal(report.rid, HOST_PPT2);
		assert_int_equal(report.function, HOST_PPT2);
		assert_int_equal(report.last_mapped.known, brief == 0);
		assert_int_equal(report.expected_known, brief == 0);
		assert_int_equal(report.walk.step_count > 0, brief == 0);
		assert_int_equal(report.walk.unit_name != NULL, brief == 0);
		assert_int_equal(report.domain_name[0] != '\0', brief == 0);
		words.length = 0;
		assert_ok(iommusim_report_text(host.check, &report, &out));
		assert_ok(iommusim_report_json(host.check, &report, &out));
		assert_int_equal(strstr(words.text, "  walk   ") != NULL, brief == 0);
		assert_int_equal(strstr(words.text, "\"walk\":") != NULL, brief == 0);
		/* Whatever is not ok is told in full, a stale answer from the cache among it. */
		assert_verdict(&host, host.ppt2, 0x12010, NULL, OK);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x12000, PAGE));
		report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x12010, 64, NULL);
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_STALE);
		assert_true(report.last_removed.known && report.walk.step_count > 0);
		assert_true(report.domain_name[0] != '\0');
		report = judge(&host, host.ppt2, IOMMUSIM_DMA_WRITE, 0x100000, 64, NULL);
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
		assert_non_null(report.walk.clause);
		host_stop(&host);
	}
}

static void reasons_of_a_verdict_can_be_had_afterwards(void **state)
{
	static struct iommusim_report report;
	const struct iommusim_dma_request good = { .address = 0x12010, .length = 8 },
					  bad = { .address = 0x100000, .length = 8 },
					  other = { .address = 0x13010, .length = 8 },
					  wrong = { .kind = IOMMUSIM_DMA_WRITE };
	struct iommusim_judgement first, judgement, failed;
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "reference");
	domain = own_domain(&host);
	for (unsigned i = 0; i < 3; i++) {
		assert_ok(iommusim_check_judge(host.check, host.ppt2, &good, NULL, &judgement));
		assert_int_equal(judgement.verdict, IOMMUSIM_VERDICT_OK);
		assert_int_equal(judgement.pages_of_verdict, 1);
		assert_int_equal(judgement.outcome.page.physical, 0x42010);
		assert_int_equal(judgement.outcome.pages_cached, i > 0);
		assert_ok(iommusim_check_explain(host.check, &judgement, &report));
		assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
		assert_int_equal(report.page.page.physical, 0x42010);
		assert_string_equal(report.domain_name, "dom1");
		assert_true(report.last_mapped.known && report.walk.step_count > 0);
	}
	/* Of what was not OK they are kept, whatever happens: until the next one. */
	assert_ok(iommusim_check_judge(host.check, host.ppt2, &bad, NULL, &first));
	assert_int_equal(first.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x12000, PAGE));
	assert_ok(iommusim_check_explain(host.check, &first, &report));
	assert_int_equal(report.page.page.address, 0x100000);
	assert_non_null(report.walk.clause);
	/* Others that are OK, or are not made, do not take their place. */
	assert_ok(iommusim_check_judge(host.check, host.ppt2, &other, NULL, &judgement));
	assert_int_equal(judgement.verdict, IOMMUSIM_VERDICT_OK);
	assert_ok(iommusim_check_explain(host.check, &first, &report));
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_int_equal(report.page.page.address, 0x100000);
	assert_status(
	    iommusim_check_judge(host.check, host.ppt2, &wrong, NULL, &failed), IOMMUSIM_EINVAL);
	assert_status(iommusim_check_explain(host.check, &failed, &report), IOMMUSIM_ENOENT);
	assert_ok(iommusim_check_explain(host.check, &first, &report));
	assert_int_equal(report.page.page.address, 0x100000);
	/* Of what was OK they are made, and not when it is too late. */
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x13000, PAGE));
	assert_status(iommusim_check_explain(host.check, &judgement, &report), IOMMUSIM_ENOENT);
	assert_contains(iommusim_machine_diagnostic(host.machine)->text, "a call, a store");
	assert_ok(iommusim_check_judge(host.check, host.ppt2, &good, NULL, &judgement));
	assert_int_equal(judgement.verdict, IOMMUSIM_VERDICT_STALE);
	assert_status(iommusim_check_explain(host.check, &first, &report), IOMMUSIM_ENOENT);
	assert_ok(iommusim_check_explain(host.check, &judgement, &report));
	assert_true(report.last_removed.known);
	/* What cannot be made. */
	assert_status(
	    iommusim_check_judge(host.check, host.ppt2, &good, "nobody", &judgement), IOMMUSIM_ENOENT);
	assert_status(
	    iommusim_check_judge(host.check, host.ppt2, &wrong, NULL, &judgement), IOMMUSIM_EINVAL);
	host_stop(&host);
}

static void verdicts_have_names_and_are_found_by_them(void **state)
{
	static const char *const names[] = { "ok", "blocked", "lost", "stale", "breach", "misrouted",
		"unprotected" };
	enum iommusim_verdict found;

	(void)state;
	assert_int_equal(IOMMUSIM_VERDICT_COUNT, 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_string_equal(iommusim_verdict_name((enum iommusim_verdict)i), names[i]);
		assert_ok(iommusim_verdict_find(names[i], &found));
		assert_int_equal(found, i);
	}
	assert_status(iommusim_verdict_find("OK", &found), IOMMUSIM_ENOENT);
	assert_string_equal(iommusim_verdict_name(IOMMUSIM_VERDICT_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guests_device_in_its_guests_memory_is_ok),
		cmocka_unit_test(a_disk_of_the_host_in_the_hosts_memory_is_ok),
		cmocka_unit_test(a_disk_of_the_host_in_guest_memory_is_ok_where_pages_stay),
		cmocka_unit_test(a_domain_of_the_callers_own_is_judged_by_what_it_was_given),
		cmocka_unit_test(a_backend_that_maps_page_by_page_is_judged_alike),
		cmocka_unit_test(an_idle_device_of_ppts_is_blocked),
		cmocka_unit_test(a_device_a_guest_gave_back_is_blocked),
		cmocka_unit_test(a_guests_device_outside_its_guests_memory_is_blocked),
		cmocka_unit_test(a_requester_nobody_knows_is_blocked),
		cmocka_unit_test(a_disk_of_the_host_in_guest_memory_nobody_asked_for_is_blocked),
		cmocka_unit_test(what_was_taken_away_and_flushed_is_blocked),
		cmocka_unit_test(a_disk_of_the_host_for_a_guest_is_lost_under_13_0),
		cmocka_unit_test(it_is_lost_no_more_when_the_guest_gives_its_device_back),
		cmocka_unit_test(host_memory_taken_from_the_host_is_lost),
		cmocka_unit_test(a_device_whose_entry_was_cleared_is_lost),
		cmocka_unit_test(a_page_whose_entry_was_cleared_is_lost),
		cmocka_unit_test(a_device_that_was_only_said_to_be_added_is_lost),
		cmocka_unit_test(a_guests_page_the_domain_lost_is_lost),
		cmocka_unit_test(a_page_that_may_only_be_read_loses_writes),
		cmocka_unit_test(what_is_unmapped_and_not_invalidated_is_stale),
		cmocka_unit_test(without_a_cache_there_is_nothing_stale),
		cmocka_unit_test(a_backend_that_never_flushes_is_caught),
		cmocka_unit_test(a_backend_that_forgets_to_unmap_is_caught),
		cmocka_unit_test(a_device_that_was_only_said_to_be_removed_is_stale),
		cmocka_unit_test(a_page_that_moved_without_a_flush_is_stale),
		cmocka_unit_test(a_destroyed_domain_that_is_still_walked_is_stale),
		cmocka_unit_test(an_id_that_is_used_again_brings_old_translations_along),
		cmocka_unit_test(memory_a_domain_was_never_given_is_a_breach),
		cmocka_unit_test(tables_that_others_use_by_now_are_a_breach),
		cmocka_unit_test(a_device_of_no_domain_that_gets_through_is_a_breach),
		cmocka_unit_test(an_alias_beyond_the_domains_width_is_a_breach),
		cmocka_unit_test(another_page_than_was_meant_is_misrouted),
		cmocka_unit_test(it_stays_misrouted_when_the_wrong_answer_is_cached),
		cmocka_unit_test(a_right_answer_from_the_cache_is_ok_though_the_table_is_wrong_by_now),
		cmocka_unit_test(a_backend_that_maps_beside_is_caught),
		cmocka_unit_test(before_the_iommu_is_initialised_nothing_is_protected),
		cmocka_unit_test(with_translation_off_nothing_is_protected),
		cmocka_unit_test(one_unit_off_leaves_the_devices_of_the_other_protected),
		cmocka_unit_test(without_a_unit_nothing_is_protected),
		cmocka_unit_test(after_an_unload_nothing_is_protected),
		cmocka_unit_test(without_ops_the_tables_are_the_intent),
		cmocka_unit_test(a_message_is_no_access_to_memory),
		cmocka_unit_test(what_is_no_message_there_is_blocked_and_nobodys_loss),
		cmocka_unit_test(the_first_page_that_is_not_ok_speaks_for_all),
		cmocka_unit_test(a_later_page_that_is_worse_does_not_take_over),
		cmocka_unit_test(pages_that_are_all_ok_are_counted_so),
		cmocka_unit_test(a_hundred_pages_are_judged_one_by_one),
		cmocka_unit_test(a_zero_length_read_is_judged_by_its_page),
		cmocka_unit_test(a_vm_nobody_knows_is_refused_and_no_dma_made),
		cmocka_unit_test(a_request_that_is_none_is_refused_as_the_hardware_side_does),
		cmocka_unit_test(whom_a_guests_device_works_for_is_its_guest_unless_said_otherwise),
		cmocka_unit_test(the_request_and_its_outcome_are_in_the_report),
		cmocka_unit_test(brief_reports_of_what_is_ok_give_no_reasons),
		cmocka_unit_test(reasons_of_a_verdict_can_be_had_afterwards),
		cmocka_unit_test(verdicts_have_names_and_are_found_by_them),
		cmocka_unit_test(what_a_call_did_before_it_failed_is_recorded_and_no_more),
		cmocka_unit_test(a_removal_that_failed_changes_nothing),
		cmocka_unit_test(a_mapping_beyond_any_page_table_is_passed_on_unrecorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
