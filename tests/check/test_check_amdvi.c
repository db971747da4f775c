/*
 * The checker on AMD-Vi: every verdict, what a report calls the things of that vendor, and the finding about its
 * command buffer. What the unit and the backend do is tested elsewhere.
 */
#include "host_fixture.h"

#include <stdio.h>

#include <iommusim/amdvi.h>

#define UNIT HOST_AMDVI

#define VM_SIZE (2 * MIB)

static void start(struct host *host, const char *profile)
{
	host_start(host, &(struct host_setup){ .profile = profile, .amdvi = true, .checked = true });
	assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
}

static struct iommusim_report judge(struct host *host, struct iommusim_requester *device,
    enum iommusim_dma_kind kind, uint64_t address, const char *for_vm)
{
	const struct iommusim_dma_request request = { .address = address, .length = 64, .kind = kind };
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(host->check, device, &request, for_vm, &report));
	return report;
}

/* A write that a device makes for itself: only the verdict. */
static enum iommusim_verdict verdict(
    struct host *host, struct iommusim_requester *device, uint64_t address)
{
	return judge(host, device, IOMMUSIM_DMA_WRITE, address, NULL).verdict;
}

/* The report's words, with one blank between them. */
static const char *words(struct host *host, const struct iommusim_report *report)
{
	static struct host_text text;
	const struct iommusim_text out = { .context = &text, .put = host_text_put };
	size_t to = 0;

	text.length = 0;
	text.text[0] = '\0';
	assert_ok(iommusim_report_text(host->check, report, &out));
	for (size_t from = 0; from < text.length; from++) {
		const int c = text.text[from] == '\n' ? ' ' : text.text[from];

		if (c != ' ' || (to > 0 && text.text[to - 1] != ' '))
			text.text[to++] = (char)c;
	}
	text.text[to] = '\0';
	return text.text;
}

static struct iommusim_domain *domain_of(struct host *host, uint16_t rid)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, rid));
	return domain;
}

/* ---- verdicts --------------------------------------------------------------------------------- */

static void ok_blocked_and_unprotected(void **state)
{
	struct host host;

	(void)state;
	start(&host, "reference");
	assert_int_equal(verdict(&host, host.ppt1, 0x1000), IOMMUSIM_VERDICT_UNPROTECTED);
	host_guest(&host, "guest", VM_SIZE, HOST_PPT1);
	assert_int_equal(verdict(&host, host.ppt1, 0x1000), IOMMUSIM_VERDICT_OK);
	assert_int_equal(verdict(&host, host.ppt1, VM_SIZE), IOMMUSIM_VERDICT_BLOCKED);
	assert_int_equal(verdict(&host, host.ppt2, 0x1000), IOMMUSIM_VERDICT_BLOCKED);
	assert_int_equal(verdict(&host, host.ahci, 0x1000), IOMMUSIM_VERDICT_OK);
	host_stop(&host);
}

/* D34607: the guest's pages leave the host domain, and the host's own disk no longer reaches them. */
static void lost_under_13_0_alone(void **state)
{
	static const char *const profiles[] = { "13.0", "13.1", "14.2", "reference" };

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		struct iommusim_report report;
		struct iommusim_vm *vm;
		struct host host;

		start(&host, profiles[p]);
		vm = host_guest(&host, "guest", VM_SIZE, HOST_PPT1);
		report = judge(&host, host.ahci, IOMMUSIM_DMA_WRITE, host_hpa(vm, 0x3000), "guest");
		assert_int_equal(report.verdict, p == 0 ? IOMMUSIM_VERDICT_LOST : IOMMUSIM_VERDICT_OK);
		if (p == 0) {
			assert_string_equal(report.blamed_column, "host_pages");
			assert_contains(words(&host, &report), "D34607");
		}
		host_stop(&host);
	}
}

static void stale_until_the_domain_is_invalidated(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "reference");
	domain = domain_of(&host, HOST_PPT1);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x1005000, PAGE));
	assert_int_equal(verdict(&host, host.ppt1, 0x5000), IOMMUSIM_VERDICT_OK);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x5000, PAGE));
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_STALE);
	assert_int_equal(report.page.page.physical, 0x1005000);
	assert_contains(words(&host, &report), "memory says not mapped now");
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	assert_int_equal(verdict(&host, host.ppt1, 0x5000), IOMMUSIM_VERDICT_BLOCKED);
	host_stop(&host);
}

/* The entry of a device that was taken out: left as it was, or blocking. */
static void a_removed_device_is_stale_or_blocked(void **state)
{
	static const char *const profiles[] = { "13.1", "reference" };

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct iommusim_domain *domain;
		struct host host;

		start(&host, profiles[p]);
		domain = domain_of(&host, HOST_PPT1);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x1005000, PAGE));
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
		assert_int_equal(verdict(&host, host.ppt1, 0x5000),
		    p == 0 ? IOMMUSIM_VERDICT_STALE : IOMMUSIM_VERDICT_BLOCKED);
		host_stop(&host);
	}
}

/* What is left of a VM's device reaches the next VM, whose tables are made of the same pages. */
static void a_breach_of_what_was_left_behind(void **state)
{
	struct iommusim_report report;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	start(&host, "14.2");
	vm = host_guest(&host, "first", VM_SIZE, HOST_PPT1);
	assert_ok(iommusim_vm_destroy(vm));
	vm = host_guest(&host, "second", VM_SIZE, HOST_PPT2);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, 0x3000, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BREACH);
	assert_int_equal(report.page.page.physical, host_hpa(vm, 0x3000));
	assert_string_equal(report.page.owner_vm, "second");
	assert_string_equal(report.blamed_column, "amd_remove");
	assert_contains(words(&host, &report), "amdvi_set_dte");
	assert_contains(words(&host, &report), "Profiles without it: reference (blocked)");
	host_stop(&host);
}

/* All zero lets pass: a device that was never in a domain. */
static void a_device_nobody_added_breaches_under_releases(void **state)
{
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "14.2");
	host_init(&host);
	report = judge(&host, host.ppt2, IOMMUSIM_DMA_READ, 0x7000, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BREACH);
	assert_contains(words(&host, &report), "DTE[0x100] 0x0:0 not present");
	assert_null(report.blamed_column);
	host_stop(&host);
}

/* A leaf that leads elsewhere than the mapping said: the last entry of the walk, one page further. */
static void misrouted_by_a_wrong_entry(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "reference");
	domain = domain_of(&host, HOST_PPT1);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x1005000, PAGE));
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x5000, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
	assert_int_equal(report.walk.steps[report.walk.step_count - 1].raw[0], 0x6000000001005001);
	host_store(&host, report.walk.steps[report.walk.step_count - 1].address, 0x6000000001006001);
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_READ, 0x5000, NULL);
	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_MISROUTED);
	assert_int_equal(report.expected, 0x1005000);
	assert_int_equal(report.page.page.physical, 0x1006000);
	host_stop(&host);
}

/* ---- words -------------------------------------------------------------------------------------- */

static void a_report_speaks_of_this_vendors_things(void **state)
{
	struct iommusim_report report;
	const char *text;
	struct host host;

	(void)state;
	start(&host, "reference");
	host_guest(&host, "guest", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, VM_SIZE, NULL);
	text = words(&host, &report);
	assert_contains(text, "DTE[0x700]");
	assert_contains(text, "-> L4[0x000]");
	assert_contains(text, " RW -> L3[0x000]");
	assert_contains(text, "L2[0x001] 0x0 -- not present");
	assert_contains(text, "event 2h: ");
	assert_contains(text, "(PR=0: not mapped)");
	assert_contains(text, "the event log: source 07:00.0, page 0x200000");
	assert_contains(text, "Control.EventIntEn");
	assert_lacks(text, "FRCD");
	assert_lacks(text, "FECTL");
	/* DTE.SE: one event a device, and no more */
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, VM_SIZE, NULL);
	text = words(&host, &report);
	assert_contains(
	    text, "not recorded: of the device's page faults only the first is logged (DTE.SE=1)");
	assert_lacks(text, "FPD");
	host_stop(&host);
}

/* An SMI that no filter register lets through (AMD-Vi 3.4): a message, and logged with SmiFLogEn alone. */
static void a_blocked_message_is_no_lost_data(void **state)
{
	const struct iommusim_dma_request smi = { .address = 0xfee00000,
		.length = 4,
		.kind = IOMMUSIM_DMA_WRITE,
		.data = &(uint32_t){ 0x200 } };
	struct iommusim_report report;
	const char *text;
	struct host host;
	uint64_t control;

	(void)state;
	start(&host, "reference");
	host_guest(&host, "guest", VM_SIZE, HOST_PPT1);
	assert_ok(iommusim_mmio_read(host.machine, UNIT + 0x18, 8, &control));
	for (unsigned logged = 0; logged < 2; logged++) {
		assert_ok(iommusim_mmio_write(host.machine, UNIT + 0x18, 8,
		    control | UINT64_C(1) << 22 | (uint64_t)logged << 24));
		assert_ok(iommusim_check_dma(host.check, host.ppt1, &smi, NULL, &report));
		text = words(&host, &report);
		assert_contains(
		    text, "The interrupt never arrived: the unit at fd200000 blocked the message.");
		assert_lacks(text, "right to that memory");
		assert_contains(text, "no SMI filter register has the device");
		if (logged)
			assert_contains(text, "the event log: source 07:00.0");
		else
			assert_contains(
			    text, "not recorded: blocked SMIs are not logged (Control.SmiFLogEn=0)");
		assert_lacks(text, "DTE.S");
	}
	host_stop(&host);
}

/* With MSI on, the handler hears of it (AMD-Vi 3.3: the unit's own MSI capability). */
static void an_event_with_an_interrupt_is_told(void **state)
{
	const struct iommusim_amdvi_msi msi = { .enabled = true, .address = 0xfee00000, .data = 0x41 };
	struct iommusim_report report;
	struct host host;

	(void)state;
	start(&host, "reference");
	assert_ok(iommusim_amdvi_set_msi(iommusim_unit_at(host.machine, 0), &msi));
	host_guest(&host, "guest", VM_SIZE, HOST_PPT1);
	report = judge(&host, host.ppt1, IOMMUSIM_DMA_WRITE, VM_SIZE, NULL);
	assert_contains(words(&host, &report), "the unit raised its fault interrupt");
	host_stop(&host);
}

/* ---- findings ----------------------------------------------------------------------------------- */

/* A host with so many functions and no more, and what initialising it finds. */
static unsigned overruns(const char *profile, unsigned functions, char *text, size_t size)
{
	const struct iommusim_finding *finding;
	unsigned found = 0;
	struct host host;

	host_start(&host,
	    &(struct host_setup){
		.profile = profile, .amdvi = true, .no_functions = true, .checked = true });
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 1));
	for (unsigned i = 0; i < functions; i++)
		host_function(&host, (uint16_t)(0x100 + i), "nic");
	host_init(&host);
	for (size_t i = 0; (finding = iommusim_check_finding(host.check, i)) != NULL; i++) {
		found += finding->id == IOMMUSIM_FINDING_COMMAND_RING_OVERRUN;
		snprintf(text, size, "%.300s", finding->text);
	}
	host_stop(&host);
	return found;
}

/*
 * 256 entries hold 255 commands. Before the unit is on, vmm queues one for the host domain and one for each
 * device: with 254 devices the buffer is full, the 255th runs over it, and all of them are lost.
 */
static void more_devices_than_the_command_buffer_holds(void **state)
{
	char text[320] = "";

	(void)state;
	assert_int_equal(overruns("13.1", 254, text, sizeof(text)), 0);
	assert_int_equal(overruns("13.1", 255, text, sizeof(text)), 1);
	assert_contains(text, "0xfd200000");
	assert_contains(text, "255 commands were waiting, and the buffer has room for 255");
	assert_contains(text, "CmdBufRun=0");
	assert_int_equal(overruns("reference", 300, text, sizeof(text)), 0);
}

/* By hand: a tail over the head is one, a tail that comes near it is none. */
static void the_tail_may_not_pass_the_head(void **state)
{
	struct host host;
	uint64_t tail;

	(void)state;
	start(&host, "reference");
	host_init(&host);
	host_set(&host, UNIT, 0x18, 8, 0x48d); /* CmdBufEn off: the head stays */
	tail = host_get(&host, UNIT, 0x2008, 8);
	host_set(&host, UNIT, 0x2008, 8, (tail + 0x800) % 0x1000);
	host_set(&host, UNIT, 0x2008, 8, (tail + 0xff0) % 0x1000);
	assert_null(iommusim_check_finding(host.check, 0));
	host_set(&host, UNIT, 0x2008, 4, (tail + 0x10) % 0x1000);
	assert_non_null(iommusim_check_finding(host.check, 0));
	assert_int_equal(
	    iommusim_check_finding(host.check, 0)->id, IOMMUSIM_FINDING_COMMAND_RING_OVERRUN);
	assert_null(iommusim_check_finding(host.check, 1));
	host_stop(&host);
}

/* Software starts over with an empty buffer: off, head, tail, on. */
static void a_buffer_that_is_emptied_is_no_overrun(void **state)
{
	struct host host;

	(void)state;
	start(&host, "reference");
	host_init(&host);
	host_set(&host, UNIT, 0x18, 8, 0x48d);
	host_set(&host, UNIT, 0x2008, 8, 0x800);
	host_set(&host, UNIT, 0x2000, 8, 0);
	host_set(&host, UNIT, 0x2008, 8, 0);
	assert_null(iommusim_check_finding(host.check, 0));
	/* full, and one more: the tail comes to the head by that one */
	host_set(&host, UNIT, 0x2008, 8, 0xff0);
	assert_null(iommusim_check_finding(host.check, 0));
	host_set(&host, UNIT, 0x2008, 8, 0);
	assert_int_equal(
	    iommusim_check_finding(host.check, 0)->id, IOMMUSIM_FINDING_COMMAND_RING_OVERRUN);
	host_stop(&host);
}

/* Registers of this vendor at offsets where the other has GCMD and CCMD. */
static void what_vtd_registers_would_mean_is_none_of_its_findings(void **state)
{
	struct host host;

	(void)state;
	start(&host, "13.1");
	host_guest(&host, "guest", VM_SIZE, HOST_PPT1);
	assert_null(iommusim_check_finding(host.check, 0));
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ok_blocked_and_unprotected),
		cmocka_unit_test(lost_under_13_0_alone),
		cmocka_unit_test(stale_until_the_domain_is_invalidated),
		cmocka_unit_test(a_removed_device_is_stale_or_blocked),
		cmocka_unit_test(a_breach_of_what_was_left_behind),
		cmocka_unit_test(a_device_nobody_added_breaches_under_releases),
		cmocka_unit_test(misrouted_by_a_wrong_entry),
		cmocka_unit_test(a_report_speaks_of_this_vendors_things),
		cmocka_unit_test(a_blocked_message_is_no_lost_data),
		cmocka_unit_test(an_event_with_an_interrupt_is_told),
		cmocka_unit_test(more_devices_than_the_command_buffer_holds),
		cmocka_unit_test(the_tail_may_not_pass_the_head),
		cmocka_unit_test(a_buffer_that_is_emptied_is_no_overrun),
		cmocka_unit_test(what_vtd_registers_would_mean_is_none_of_its_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
