/*
 * Where special ranges of addresses begin and end, to the byte, and for whom they are none (AMD-Vi 2.1.2, 3.4):
 * HyperTransport's, interrupts, exclusion, apertures. What happens inside: test_special_requests.c.
 */
#include "amdvi_fixture.h"

#define SHIFTED                                                                                        \
	UINT64_C(                                                                                      \
	    0x8000000000000) /* host tables and apertures send everything that far, and no one looks */

/* All addresses, in one page of host tables of five levels: 2^48 bytes, NextLevel 0 at level 5. */
static void start(struct amd_fixture *amd)
{
	const struct amd_setup setup = { .mode = 5, .settings.cache = IOMMUSIM_CACHE_NONE };

	am_start_enabled(amd, &setup);
	am_store(amd, amd->page_table, SHIFTED | BIT(0) | BIT(61) | BIT(62));
}

static void change_dte(struct amd_fixture *amd, unsigned quad, uint64_t set)
{
	uint64_t dte[4];

	am_plain_dte(amd, dte);
	dte[quad] |= set;
	am_set_dte(amd, AMD_RID, dte);
}

static struct iommusim_dma_page byte_at(
    struct amd_fixture *amd, uint64_t address, enum iommusim_dma_kind kind)
{
	return am_access(amd->device, kind, address, 1);
}

/* One byte: translated, or where it says, or denied with bits 63:48 of the event. */
static void expect_translated(struct amd_fixture *amd, uint64_t address)
{
	const struct iommusim_dma_page page = byte_at(amd, address, IOMMUSIM_DMA_READ);

	assert_false(page.faulted);
	assert_int_equal(page.physical, SHIFTED | address);
}

static void expect_at(struct amd_fixture *amd, uint64_t address, uint64_t physical)
{
	const struct iommusim_dma_page page = byte_at(amd, address, IOMMUSIM_DMA_READ);

	assert_false(page.faulted);
	assert_int_equal(page.physical, physical);
	assert_int_equal(page.domain, AMD_DOMAIN);
	assert_int_equal(page.page_shift, 12);
}

static void expect_denied(
    struct amd_fixture *amd, uint64_t address, enum iommusim_dma_kind kind, unsigned top)
{
	const struct iommusim_dma_page page = byte_at(amd, address, kind);
	uint64_t event[2];

	assert_true(page.faulted);
	/* type 0, interrupts, and 5, what is reserved, are addresses; 2 and 3 are requests */
	if (top >> 12 == 8)
		assert_int_equal(page.fault.class_,
		    (top & 0xe00) == 0 || (top & 0xe00) == 0xa00 ? IOMMUSIM_FAULT_INTERRUPT_RANGE
								 : IOMMUSIM_FAULT_REQUEST_TYPE);
	am_only_event(amd, event);
	assert_int_equal(event[0] >> 48, top);
	assert_int_equal(event[1], address);
}

/* Event 8, type in 59:57: 5 reserved, 3 system management, 2 port I/O. */
static void hypertransports_ranges(void **state)
{
	static const struct {
		uint64_t address;
		unsigned type; /* 0: memory */
	} edges[] = {
		{ 0xfcffffffff, 0 },
		{ 0xfd00000000, 5 },
		{ 0xfdf90fffff, 5 },
		{ 0xfdf9100000, 3 },
		{ 0xfdf91fffff, 3 },
		{ 0xfdf9200000, 5 },
		{ 0xfdfbffffff, 5 },
		{ 0xfdfc000000, 2 },
		{ 0xfdfdffffff, 2 },
		{ 0xfdfe000000, 5 },
		{ 0xffffffffff, 5 },
		{ 0x10000000000, 0 },
	};
	struct amd_fixture amd;

	(void)state;
	start(&amd);
	for (unsigned i = 0; i < sizeof(edges) / sizeof(*edges); i++)
		if (edges[i].type == 0)
			expect_translated(&amd, edges[i].address);
		else
			expect_denied(
			    &amd, edges[i].address, IOMMUSIM_DMA_READ, 0x8000 | edges[i].type << 9);
	am_stop(&amd);
}

/* FEE0_0000 to FEEF_FFFF: one byte is no interrupt, event 8, type 0. */
static void the_interrupt_range(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd);
	expect_translated(&amd, 0xfedfffff);
	expect_denied(&amd, 0xfee00000, IOMMUSIM_DMA_WRITE, 0x8000);
	expect_denied(&amd, 0xfeefffff, IOMMUSIM_DMA_WRITE, 0x8000);
	expect_translated(&amd, 0xfef00000);
	am_stop(&amd);
}

/*
 * One aligned doubleword written is an interrupt, a read of no bytes flushes them; nothing else is let in. With a PASID
 * they are page faults with I (2.5.3). Where translation is off nothing is denied, but only these are interrupts.
 */
static void what_is_an_interrupt(void **state)
{
	static const struct {
		uint64_t address, length;
		enum iommusim_dma_kind kind;
		bool interrupt;
	} requests[] = {
		{ 0xfee00000, 4, IOMMUSIM_DMA_WRITE, true },
		{ 0xfee00004, 4, IOMMUSIM_DMA_WRITE, true },
		{ 0xfeefffc8, 4, IOMMUSIM_DMA_WRITE, true },
		{ 0xfee00000, 0, IOMMUSIM_DMA_READ, true },
		{ 0xfeefffff, 0, IOMMUSIM_DMA_READ, true },
		{ 0xfee00002, 4, IOMMUSIM_DMA_WRITE, false },
		{ 0xfee00003, 4, IOMMUSIM_DMA_WRITE, false },
		{ 0xfee00000, 2, IOMMUSIM_DMA_WRITE, false },
		{ 0xfee00000, 8, IOMMUSIM_DMA_WRITE, false },
		{ 0xfee00000, 4, IOMMUSIM_DMA_READ, false },
		{ 0xfee00000, 1, IOMMUSIM_DMA_READ, false },
		{ 0xfee00000, 4, IOMMUSIM_DMA_ATOMIC, false },
	};

	(void)state;
	for (unsigned i = 0; i < 4 * sizeof(requests) / sizeof(*requests); i++) {
		const bool on = (i & 1) != 0, pasid = (i & 2) != 0, is = requests[i / 4].interrupt;
		const struct iommusim_dma_request request = {
			.address = requests[i / 4].address,
			.length = requests[i / 4].length,
			.kind = requests[i / 4].kind,
			.has_pasid = pasid,
			.pasid = pasid ? 0x12345 : 0,
		};
		struct iommusim_dma_outcome outcome;
		struct amd_fixture amd;
		uint64_t event[2];

		start(&amd);
		am_control(&amd, 0, on ? 0 : C_IOMMU_EN);
		assert_int_equal(iommusim_dma(amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		assert_int_equal(outcome.page.faulted, on && (!is || pasid));
		assert_int_equal(outcome.page.interrupt, is && !pasid);
		assert_int_equal(outcome.page.translated, on);
		if (is)
			assert_int_equal(outcome.page.physical, request.address);
		if (outcome.page.faulted) {
			am_only_event(&amd, event);
			/* I 51, US 50, RW 53, GN 48, PASID: event 2; or event 8, type 0 */
			assert_int_equal(event[0] >> 52 & 0xf0f,
			    is ? 0x200 | (request.kind == IOMMUSIM_DMA_READ ? 0 : 2) : 0x800);
			assert_int_equal(event[0] >> 48 & 0xf, (is ? 0xc : 0) | (pasid ? 1 : 0));
			assert_int_equal(event[0] & UINT64_C(0xffffffffffff),
			    AMD_RID | (pasid ? UINT64_C(0x234500010000) : 0));
			assert_int_equal(event[1], request.address);
		}
		am_stop(&amd);
	}
}

/* Base and limit are pages, both within. */
static void the_exclusion_range(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd);
	am_set64(&amd, A_EXCL_LIMIT, 0x22000);
	am_set64(&amd, A_EXCL_BASE, 0x20003);
	expect_translated(&amd, 0x1ffff);
	expect_at(&amd, 0x20000, 0x20000);
	expect_at(&amd, 0x22fff, 0x22fff);
	expect_translated(&amd, 0x23000);
	am_set64(&amd, A_EXCL_LIMIT, 0x20000);
	expect_translated(&amd, 0x1ffff);
	expect_at(&amd, 0x20fff, 0x20fff);
	expect_translated(&amd, 0x21000);
	am_set64(&amd, A_EXCL_LIMIT, 0x1f000); /* it ends before it begins */
	expect_translated(&amd, 0x1f000);
	expect_translated(&amd, 0x20000);
	am_stop(&amd);
}

/* Base, relocation and length of each, 24 bytes apart. */
static void set_aperture(
    struct amd_fixture *amd, unsigned number, uint64_t base, uint64_t to, uint64_t length)
{
	am_set64(amd, A_MARC + number * 24, base);
	am_set64(amd, A_MARC + number * 24 + 8, to | 1);
	am_set64(amd, A_MARC + number * 24 + 16, length);
}

/* The answer to a translation request. */
static unsigned granted(struct amd_fixture *amd, uint64_t address, bool no_write)
{
	const struct iommusim_dma_request request = { .address = address,
		.length = 8,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.no_write = no_write };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(amd->device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_true(outcome.page.answered);
	return outcome.page.granted;
}

static void each_aperture(void **state)
{
	(void)state;
	for (unsigned number = 0; number < 4; number++) {
		struct amd_fixture amd;

		start(&amd);
		change_dte(&amd, 1, BIT(32)); /* I */
		am_control(&amd, C_MARC_EN, 0);
		set_aperture(&amd, number, 0x40000, 0x7000000, 0x3000);
		expect_translated(&amd, 0x3ffff);
		expect_at(&amd, 0x40000, 0x7000000);
		expect_at(&amd, 0x42fff, 0x7002fff);
		expect_translated(&amd, 0x43000);
		assert_int_equal(granted(&amd, 0x40000, false), 3);
		assert_int_equal(granted(&amd, 0x40000, true), 1);
		am_set64(&amd, A_MARC + number * 24 + 8, 0x7000003); /* it may be read alone */
		assert_int_equal(granted(&amd, 0x40000, false), 1);
		expect_at(&amd, 0x42fff, 0x7002fff);
		expect_denied(&amd, 0x42fff, IOMMUSIM_DMA_WRITE, 0x2070); /* PR RW PE */
		expect_denied(&amd, 0x42fff, IOMMUSIM_DMA_ATOMIC, 0x2070);
		am_set64(&amd, A_MARC + number * 24 + 8, 0x7000002); /* it is off */
		expect_translated(&amd, 0x40000);
		am_stop(&amd);
	}
}

/* Requests with a PASID have guest addresses: none of these are special there. */
static void with_a_pasid_nothing_is_special(void **state)
{
	static const uint64_t addresses[] = { 0xfdf8000020, 0xfdf9100000, 0xfdfc000000, 0x20000,
		0x40000 };
	struct amd_fixture amd;

	(void)state;
	start(&amd);
	am_control(&amd, C_MARC_EN, 0);
	am_set64(&amd, A_EXCL_LIMIT, 0x20000);
	am_set64(&amd, A_EXCL_BASE, 0x20003);
	set_aperture(&amd, 0, 0x40000, 0x7000000, 0x1000);
	change_dte(&amd, 1, BIT(35) | BIT(40)); /* ports and system management are forwarded */
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		const struct iommusim_dma_request request = {
			.address = addresses[i], .length = 1, .has_pasid = true, .pasid = 1
		};
		struct iommusim_dma_outcome outcome;
		uint64_t event[2];

		assert_int_equal(iommusim_dma(amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
		am_only_event(&amd, event); /* the device has no guest tables: page fault, GN US */
		assert_int_equal(event[0] >> 48, 0x2005);
		assert_int_equal(event[1], addresses[i]);
	}
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hypertransports_ranges),
		cmocka_unit_test(the_interrupt_range),
		cmocka_unit_test(what_is_an_interrupt),
		cmocka_unit_test(the_exclusion_range),
		cmocka_unit_test(each_aperture),
		cmocka_unit_test(with_a_pasid_nothing_is_special),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
