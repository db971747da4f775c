/*
 * Every bit of every host table entry (AMD-Vi 2.2.3): what a unit makes of it, for entries that point at tables and
 * for pages, at each level. What the faults are otherwise: test_host_tables.c.
 */
#include "amdvi_fixture.h"

#define PR BIT(0)
#define RW (BIT(61) | BIT(62))

enum { GOOD, ABSENT, NO_READ, RESERVED, ELSEWHERE, OTHER_LEVEL };

/* 56:52 in both; 60:57 of entries that point at tables; 58:57 of pages up to revision 3.05. */
static int meaning_of(unsigned bit, bool leaf, bool old)
{
	if (bit == 0)
		return ABSENT;
	if (bit <= 8 || bit == 62 || bit == 63)
		return GOOD;
	if (bit <= 11)
		return OTHER_LEVEL;
	if (bit <= 51)
		return ELSEWHERE;
	if (bit == 61)
		return NO_READ;
	if (bit <= 56)
		return RESERVED;
	if (!leaf)
		return RESERVED;
	return old && bit <= 58 ? RESERVED : GOOD;
}

/* What a read comes to: event 2 with flags, or nothing. */
static void expect(struct amd_fixture *amd, int meaning, unsigned level, unsigned bit)
{
	const struct iommusim_dma_page page = am_access(amd->device, IOMMUSIM_DMA_READ, 0x5000, 8);
	const unsigned top = (unsigned)(page.fault.record[0] >> 48);

	switch (meaning) {
	case GOOD:
		if (page.faulted)
			print_error("level %u, bit %u\n", level, bit);
		assert_false(page.faulted);
		assert_int_equal(page.physical, 0x5000);
		break;
	case ABSENT:
		assert_int_equal(top, 0x2000);
		break;
	case NO_READ:
		assert_int_equal(top, 0x2050);
		break;
	case RESERVED:
		assert_int_equal(top, 0x2090);
		break;
	case ELSEWHERE: /* another page, an empty table, or none */
		assert_true(!page.faulted || top == 0x2000 || top == 0x4400 || top >> 12 == 2);
		assert_true(top != 0x2090);
		break;
	default:
		assert_true(top != 0x2090 || page.faulted);
		break;
	}
	am_drain_events(amd);
}

static void sweep(uint16_t revision, bool leaf)
{
	const struct amd_setup setup = {
		.mode = 6, .revision = revision, .settings.cache = IOMMUSIM_CACHE_NONE
	};

	for (unsigned level = leaf ? 1 : 2; level <= (leaf ? 5 : 6); level++) {
		struct amd_fixture amd;
		uint64_t at, entry;

		am_start_enabled(&amd, &setup);
		am_map(&amd, 0x5000, 0x5000, 3);
		at = am_entry_at(&amd, 0x5000, level);
		if (leaf)
			am_store(&amd, at, (level == 1 ? 0x5000 : 0) | PR | RW);
		entry = am_load(&amd, at);
		expect(&amd, GOOD, level, 64);
		for (unsigned bit = 0; bit < 64; bit++) {
			int meaning = meaning_of(bit, leaf, revision == 0x305);

			/* address bits of a page below its size are not looked at */
			if (leaf && meaning == ELSEWHERE && bit < 12 + 9 * (level - 1))
				meaning = GOOD;
			am_store(&amd, at, entry ^ BIT(bit));
			expect(&amd, meaning, level, bit);
			am_store(&amd, at, entry);
		}
		am_stop(&amd);
	}
}

static void bits_of_entries_that_point_at_tables(void **state)
{
	(void)state;
	sweep(0, false);
}

static void bits_of_pages(void **state)
{
	(void)state;
	sweep(0, true);
}

static void bits_58_and_57_of_pages_were_reserved(void **state)
{
	(void)state;
	sweep(0x305, true);
	sweep(0x306, true); /* since then they are not */
}

/* The order inside an entry: present, reserved bits, rights, then level and size. */
static void the_order_inside_an_entry(void **state)
{
	const struct amd_setup setup = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct amd_fixture amd;
	uint64_t at;

	(void)state;
	am_start_enabled(&amd, &setup);
	am_map(&amd, 0x5000, 0x5000, 3);
	at = am_entry_at(&amd, 0x5000, 2);
	am_store(&amd, at, BIT(52) | 5 << 9);
	expect(&amd, ABSENT, 2, 0);
	am_store(&amd, at, PR | BIT(52) | 5 << 9);
	expect(&amd, RESERVED, 2, 0);
	am_store(&amd, at, PR | 5 << 9);
	expect(&amd, NO_READ, 2, 0);
	am_store(&amd, at, PR | RW | 5 << 9);
	assert_int_equal(
	    am_access(amd.device, IOMMUSIM_DMA_READ, 0x5000, 8).fault.record[0] >> 48, 0x2010);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_of_entries_that_point_at_tables),
		cmocka_unit_test(bits_of_pages),
		cmocka_unit_test(bits_58_and_57_of_pages_were_reserved),
		cmocka_unit_test(the_order_inside_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
