/*
 * Requests that page tables do not decide about alone (AMD-Vi 2.1.2, 2.2.2, 2.5.9, 3.4): exclusion range, apertures,
 * pages of another owner, translation requests and translated ones, the interrupt range, and the special addresses
 * of HyperTransport.
 */
#include "amdvi_fixture.h"

enum { F_PR = 0x10, F_PE = 0x40, F_RZ = 0x80, F_TR = 0x100 };
enum { UNTRANSLATED, ASKING, TRANSLATED };

static void start(struct amd_fixture *amd, uint64_t efr_set, uint64_t efr2)
{
	const struct amd_setup setup = {
		.efr_set = efr_set, .efr2 = efr2, .settings.cache = IOMMUSIM_CACHE_NONE
	};

	am_start_enabled(amd, &setup);
	am_map(amd, 0x5000, 0x9000, 3);
}

/* Set or clear bits of the device's entry. */
static void change_dte(struct amd_fixture *amd, unsigned quad, uint64_t set, uint64_t clear)
{
	uint64_t dte[4];

	for (unsigned i = 0; i < 4; i++)
		dte[i] = am_load(amd, am_dte_at(amd, AMD_RID) + i * UINT64_C(8));
	dte[quad] = (dte[quad] & ~clear) | set;
	am_set_dte(amd, AMD_RID, dte);
}

static struct iommusim_dma_page ask(struct amd_fixture *amd, unsigned type, enum iommusim_dma_kind kind,
    uint64_t address, bool no_write)
{
	const struct iommusim_dma_request request = { .address = address,
		.length = 8,
		.kind = kind,
		.address_type = (enum iommusim_dma_address_type)type,
		.no_write = no_write };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(amd->device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome.page;
}

static void expect_passed(
    struct amd_fixture *amd, enum iommusim_dma_kind kind, uint64_t address, uint64_t physical)
{
	const struct iommusim_dma_page page = ask(amd, UNTRANSLATED, kind, address, false);

	assert_false(page.faulted);
	assert_int_equal(page.physical, physical);
	assert_int_equal(am_events(amd), 0);
}

/* The event of one request, without its device id; bits 63:48 are `top`. */
static void expect_denied(
    struct amd_fixture *amd, unsigned type, enum iommusim_dma_kind kind, uint64_t address, unsigned top)
{
	const struct iommusim_dma_page page = ask(amd, type, kind, address, false);
	uint64_t event[2];

	assert_true(page.faulted);
	am_only_event(amd, event);
	assert_int_equal(event[0] >> 48, top);
	assert_int_equal(event[0] & 0xffff, AMD_RID);
	assert_int_equal(event[1], address);
}

/* ---- exclusion range --------------------------------------------------------------------------------------- */

static void the_exclusion_range_passes_for_those_it_is_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const bool on = (i & 1) != 0, all = (i & 2) != 0, device = (i & 4) != 0;
		struct amd_fixture amd;

		start(&amd, 0, 0);
		change_dte(&amd, 1, device ? BIT(39) : 0, 0);
		am_set64(&amd, A_EXCL_BASE, 0x20000 | (all ? 2 : 0) | (on ? 1 : 0));
		am_set64(&amd, A_EXCL_LIMIT, 0x22000);
		if (on && (all || device)) {
			expect_passed(&amd, IOMMUSIM_DMA_READ, 0x20000, 0x20000);
			expect_passed(&amd, IOMMUSIM_DMA_WRITE, 0x22ff8, 0x22ff8);
		} else {
			expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x20000, 0x2000);
		}
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x1fff8, 0x2000);
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x23000, 0x2000);
		expect_passed(&amd, IOMMUSIM_DMA_READ, 0x5000, 0x9000);
		am_stop(&amd);
	}
}

/* It comes after TV and before the rights of the entry. */
static void the_exclusion_range_needs_translation_and_no_rights(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, 0);
	am_set64(&amd, A_EXCL_BASE, 0x20003);
	am_set64(&amd, A_EXCL_LIMIT, 0x20000);
	change_dte(&amd, 0, 0, BIT(61) | BIT(62));
	expect_passed(&amd, IOMMUSIM_DMA_WRITE, 0x20000, 0x20000);
	change_dte(&amd, 0, 0, BIT(1));
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x20000, 0x2000);
	am_stop(&amd);
}

static void with_snp_the_exclusion_registers_are_no_exclusion(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, F_SNP, 0);
	am_set64(&amd, A_EXCL_BASE, 0x20003);
	am_set64(&amd, A_EXCL_LIMIT, 0x22000);
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x20000, 0x2000);
	am_stop(&amd);
}

/* ---- apertures ----------------------------------------------------------------------------------------------- */

static void set_aperture(struct amd_fixture *amd, unsigned number, uint64_t base, uint64_t to,
    uint64_t length, unsigned bits)
{
	am_set64(amd, A_MARC + number * 24, base);
	am_set64(amd, A_MARC + number * 24 + 8, to | bits);
	am_set64(amd, A_MARC + number * 24 + 16, length);
}

static void an_aperture_sends_requests_elsewhere(void **state)
{
	struct amd_fixture amd;

	(void)state;
	for (unsigned number = 0; number < 4; number++) {
		start(&amd, 0, 0);
		set_aperture(&amd, number, 0x40000, 0x1000000, 0x2000, 1);
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x40000, 0x2000);
		am_control(&amd, C_MARC_EN, 0);
		expect_passed(&amd, IOMMUSIM_DMA_READ, 0x40000, 0x1000000);
		expect_passed(&amd, IOMMUSIM_DMA_WRITE, 0x41ff8, 0x1001ff8);
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x42000, 0x2000);
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x3fff8, 0x2000);
		set_aperture(&amd, number, 0x40000, 0x1000000, 0x2000, 3);
		expect_passed(&amd, IOMMUSIM_DMA_READ, 0x40008, 0x1000008);
		expect_denied(
		    &amd, UNTRANSLATED, IOMMUSIM_DMA_WRITE, 0x40008, 0x2000 | F_PR | F_PE | 0x20);
		set_aperture(&amd, number, 0x40000, 0x1000000, 0x2000, 0);
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x40000, 0x2000);
		am_stop(&amd);
	}
}

/* ---- SNP ------------------------------------------------------------------------------------------------------ */

struct owner {
	uint64_t page;
	unsigned asked;
};

static bool may_reach(void *context, uint64_t physical, uint16_t rid, bool write)
{
	struct owner *owner = context;

	owner->asked++;
	assert_int_equal(rid, AMD_RID);
	return physical >> 12 != owner->page >> 12 || !write;
}

static uint8_t flags_of(void *context, uint64_t physical, uint16_t rid, bool write)
{
	(void)context;
	(void)rid;
	assert_true(write);
	return (uint8_t)(physical >> 12);
}

static void with_snp_pages_of_others_are_out_of_reach(void **state)
{
	struct owner owner = { .page = 0x9000 };
	const struct iommusim_amdvi_page_states states = { &owner, may_reach, flags_of };
	struct iommusim_dma_page page;
	struct amd_fixture amd;
	uint64_t event[2];

	(void)state;
	start(&amd, F_SNP, 0);
	assert_int_equal(iommusim_amdvi_set_page_states(amd.unit, &states), IOMMUSIM_OK);
	expect_passed(&amd, IOMMUSIM_DMA_READ, 0x5000, 0x9000);
	page = ask(&amd, UNTRANSLATED, IOMMUSIM_DMA_WRITE, 0x5010, false);
	assert_true(page.faulted);
	assert_int_equal(page.fault.class_, IOMMUSIM_FAULT_PERMISSION);
	am_only_event(&amd, event);
	assert_int_equal(event[0] >> 60, 0xd);
	assert_int_equal(event[0] & 0xffff, AMD_RID);
	assert_int_equal(event[0] >> 16 & 0xff, 0x9);
	assert_int_equal(event[1], 0x5010);
	assert_int_equal(owner.asked, 2);
	am_stop(&amd);
}

/* No identity, and no domain 0 (AMD-Vi 2.2.2.1): while SNP is in force. */
static void with_snp_entries_must_translate(void **state)
{
	struct owner owner = { .page = 0 };
	const struct iommusim_amdvi_page_states states = { &owner, may_reach, NULL };
	struct amd_fixture amd;

	(void)state;
	for (unsigned in_force = 0; in_force < 2; in_force++) {
		start(&amd, F_SNP, 0);
		if (in_force)
			assert_int_equal(
			    iommusim_amdvi_set_page_states(amd.unit, &states), IOMMUSIM_OK);
		change_dte(&amd, 0, 0, UINT64_C(7) << 9 | UINT64_C(0xffffffffff000));
		if (in_force)
			expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x5000, 0x1000);
		else
			expect_passed(&amd, IOMMUSIM_DMA_READ, 0x5000, 0x5000);
		change_dte(&amd, 0, UINT64_C(4) << 9 | amd.page_table, 0);
		expect_passed(&amd, IOMMUSIM_DMA_READ, 0x5000, 0x9000);
		change_dte(&amd, 1, 0, 0xffff);
		if (in_force)
			expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0x5000, 0x1000);
		else
			expect_passed(&amd, IOMMUSIM_DMA_READ, 0x5000, 0x9000);
		am_stop(&amd);
	}
}

/* ---- requests that know of translation ---------------------------------------------------------------------- */

static void devices_without_i_may_not_ask(void **state)
{
	struct amd_fixture amd;
	const uint64_t nothing[4] = { 0, 0, 0, 0 };

	(void)state;
	start(&amd, 0, 0);
	expect_denied(&amd, ASKING, IOMMUSIM_DMA_READ, 0x5000, 0x8000 | F_TR | 1 << 9);
	expect_denied(&amd, TRANSLATED, IOMMUSIM_DMA_READ, 0x5000, 0x8000 | 1 << 9);
	am_set_dte(&amd, AMD_RID, nothing); /* nor when the entry is not valid */
	expect_denied(&amd, ASKING, IOMMUSIM_DMA_READ, 0x5000, 0x8000 | F_TR | 1 << 9);
	expect_denied(&amd, TRANSLATED, IOMMUSIM_DMA_READ, 0x5000, 0x8000 | 1 << 9);
	am_set64(&amd, A_DEVTAB, amd.device_table);
	expect_denied(&amd, ASKING, IOMMUSIM_DMA_READ, 0x5000, 0x8000 | F_TR | 2 << 9);
	am_stop(&amd);
}

static struct iommusim_dma_page answer(struct amd_fixture *amd, uint64_t address, unsigned granted)
{
	const struct iommusim_dma_page page = ask(amd, ASKING, IOMMUSIM_DMA_READ, address, false);

	assert_false(page.faulted);
	assert_true(page.answered);
	assert_int_equal(page.granted, granted);
	assert_int_equal(am_events(amd), 0);
	return page;
}

/* 1 read, 2 write. What is not there is an answer too: without rights, and nothing is logged. */
static void translation_requests_are_told_what_is_allowed(void **state)
{
	struct iommusim_dma_page page;
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, 0);
	change_dte(&amd, 1, BIT(32), 0);
	am_map(&amd, 0x6000, 0xa000, 1);
	am_map(&amd, 0x7000, 0xb000, 2);
	assert_int_equal(answer(&amd, 0x5000, 3).physical, 0x9000);
	assert_int_equal(answer(&amd, 0x6000, 1).physical, 0xa000);
	assert_int_equal(answer(&amd, 0x7000, 2).physical, 0xb000);
	answer(&amd, 0x8000, 0);
	answer(&amd, BIT(50), 0);
	am_store(&amd, am_entry_at(&amd, 0x8000, 1), BIT(0) | BIT(52)); /* reserved */
	answer(&amd, 0x8000, 0);
	page = ask(&amd, ASKING, IOMMUSIM_DMA_READ, 0x5000, true);
	assert_int_equal(page.granted, 1);
	am_store(&amd, am_entry_at(&amd, 0x5000, 1), 0x9000 | BIT(0) | BIT(59) | BIT(61));
	page = answer(&amd, 0x5000, 1);
	assert_true(page.untranslated_only);
	assert_false(page.non_snooped);
	am_store(&amd, am_entry_at(&amd, 0x5000, 1), 0x9000 | BIT(0) | BIT(60) | BIT(61));
	page = answer(&amd, 0x5000, 1);
	assert_false(page.untranslated_only);
	assert_true(page.non_snooped);
	change_dte(&amd, 0, 0, BIT(62));
	answer(&amd, 0x7000, 0);
	change_dte(&amd, 0, 0, BIT(1)); /* TV */
	answer(&amd, 0x5000, 0);
	am_stop(&amd);
}

/* Only page faults become answers. */
static void other_failures_of_translation_requests_are_events(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, 0);
	change_dte(&amd, 1, BIT(32), 0);
	expect_denied(&amd, ASKING, IOMMUSIM_DMA_READ, 0xfee00000, 0x8000 | F_TR);
	change_dte(&amd, 0, BIT(2), 0);
	expect_denied(&amd, ASKING, IOMMUSIM_DMA_READ, 0x5000, 0x1000 | F_RZ | F_TR);
	am_stop(&amd);
}

static void translated_requests_go_where_they_say(void **state)
{
	struct iommusim_dma_page page;
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, 0);
	change_dte(&amd, 1, BIT(32), 0);
	page = ask(&amd, TRANSLATED, IOMMUSIM_DMA_WRITE, 0x123008, false);
	assert_false(page.faulted);
	assert_int_equal(page.physical, 0x123008);
	expect_denied(&amd, TRANSLATED, IOMMUSIM_DMA_WRITE, 0xfee00000, 0x8000 | 4 << 9);
	am_stop(&amd);
}

/* ---- interrupts and HyperTransport ---------------------------------------------------------------------------- */

static void only_interrupts_go_to_the_interrupt_range(void **state)
{
	static const uint64_t addresses[] = { 0xfee00000, 0xfee01234, 0xfeeffff8 };
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, addresses[i], 0x8000);
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_WRITE, addresses[i], 0x8000);
		expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_ATOMIC, addresses[i], 0x8000);
	}
	am_map(&amd, 0xfeedf000, 0x9000, 3);
	am_map(&amd, 0xfef00000, 0x9000, 3);
	expect_passed(&amd, IOMMUSIM_DMA_READ, 0xfef00000, 0x9000);
	am_stop(&amd);
}

/* A device was seen to be told 0A00h of FD_F800_0020: type 5. */
static void hypertransport_addresses_are_no_memory(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, 0);
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0xfdf8000020, 0x8a00);
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_WRITE, 0xfd00000000, 0x8a00);
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_WRITE, 0xfffffffff8, 0x8a00);
	am_map(&amd, 0xfcfffff000, 0x9000, 3);
	am_map(&amd, 0x10000000000, 0xa000, 3);
	expect_passed(&amd, IOMMUSIM_DMA_READ, 0xfcfffff000, 0x9000);
	expect_passed(&amd, IOMMUSIM_DMA_READ, 0x10000000000, 0xa000);
	am_stop(&amd);
	start(&amd, 0, BIT(11)); /* EFR2.HTRangeIgnore */
	am_map(&amd, 0xfdf8000000, 0xa000, 3);
	expect_passed(&amd, IOMMUSIM_DMA_READ, 0xfdf8000020, 0xa020);
	am_stop(&amd);
}

/* IoCtl, bits 100:99: abort, forward, translate, reserved. */
static void port_io_is_the_entrys_to_decide(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, 0);
	am_map(&amd, 0xfdfc000000, 0x9000, 3);
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_WRITE, 0xfdfc000060, 0x8000 | 2 << 9);
	change_dte(&amd, 1, UINT64_C(1) << 35, UINT64_C(3) << 35);
	expect_passed(&amd, IOMMUSIM_DMA_WRITE, 0xfdfc000060, 0xfdfc000060);
	change_dte(&amd, 1, UINT64_C(2) << 35, UINT64_C(3) << 35);
	expect_passed(&amd, IOMMUSIM_DMA_WRITE, 0xfdfc000060, 0x9060);
	change_dte(&amd, 1, UINT64_C(3) << 35, 0);
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_READ, 0xfdfc000060, 0x1000 | F_RZ);
	expect_passed(&amd, IOMMUSIM_DMA_READ, 0x5000, 0x9000); /* looked at for port I/O alone */
	am_stop(&amd);
}

/* SysMgt, bits 105:104: abort, forward all, forward INTx alone, translate. */
static void system_management_is_the_entrys_to_decide(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, 0);
	am_map(&amd, 0xfdf9100000, 0x9000, 3);
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_WRITE, 0xfdf9100060, 0x8000 | 3 << 9);
	change_dte(&amd, 1, UINT64_C(1) << 40, UINT64_C(3) << 40);
	expect_passed(&amd, IOMMUSIM_DMA_WRITE, 0xfdf9100060, 0xfdf9100060);
	change_dte(&amd, 1, UINT64_C(2) << 40, UINT64_C(3) << 40);
	expect_denied(&amd, UNTRANSLATED, IOMMUSIM_DMA_WRITE, 0xfdf9100060, 0x8000 | 6 << 9);
	change_dte(&amd, 1, UINT64_C(3) << 40, 0);
	expect_passed(&amd, IOMMUSIM_DMA_WRITE, 0xfdf9100060, 0x9060);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exclusion_range_passes_for_those_it_is_for),
		cmocka_unit_test(the_exclusion_range_needs_translation_and_no_rights),
		cmocka_unit_test(with_snp_the_exclusion_registers_are_no_exclusion),
		cmocka_unit_test(an_aperture_sends_requests_elsewhere),
		cmocka_unit_test(with_snp_pages_of_others_are_out_of_reach),
		cmocka_unit_test(with_snp_entries_must_translate),
		cmocka_unit_test(devices_without_i_may_not_ask),
		cmocka_unit_test(translation_requests_are_told_what_is_allowed),
		cmocka_unit_test(other_failures_of_translation_requests_are_events),
		cmocka_unit_test(translated_requests_go_where_they_say),
		cmocka_unit_test(only_interrupts_go_to_the_interrupt_range),
		cmocka_unit_test(hypertransport_addresses_are_no_memory),
		cmocka_unit_test(port_io_is_the_entrys_to_decide),
		cmocka_unit_test(system_management_is_the_entrys_to_decide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
