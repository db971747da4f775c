/*
 * Every bit of every guest table entry and of every GCR3 table entry (AMD-Vi 2.2.6): what a unit makes of it, for
 * entries that point at tables and for pages, at each level. What the faults are otherwise: test_guest_tables.c.
 */
#include "amdvi_fixture.h"

enum { P = 1, RW = 2, US = 4, PS = 0x80 };
#define XD   BIT(63)
#define GV   BIT(55)
#define PAGE UINT64_C(0x40000000) /* there is no memory, and none is asked for */

/* Top 16 bits of event 2: code, then GN 48, NX 49, US 50, PR 52, RW 53, PE 54, RZ 55. */
enum {
	ABSENT = 0x2005,
	RESERVED = 0x2095,
	NOT_FOR_USERS = 0x2055,
	NOT_WRITABLE = 0x2075,
	NOT_EXECUTABLE = 0x2057,
	UNREADABLE = 0x4401 /* event 4: GN, target abort */
};

#define PASID   5u
#define ADDRESS UINT64_C(0x45123456789000) /* every level has another entry of its table */
#define OFFSET  UINT64_C(0x018)

/*
 * Tables at places that PS makes good pages of: without bits 20:13 at level 2, 29:13 at level 3. No two differ in
 * one bit, and a bit more leads to an empty table or out of memory.
 */
static const uint64_t table_at[6] = { 0, 0x600000, 0, 0x7000, 0xb000, 0xd000 };

struct scene {
	struct amd_fixture amd;
	uint64_t address;
	unsigned levels;
	unsigned leaf; /* level of the page */
};

static uint64_t entry_at(const struct scene *scene, unsigned level)
{
	return table_at[level] + (scene->address >> (12 + 9 * (level - 1)) & 0x1ff) * 8;
}

static uint64_t size_of(unsigned level)
{
	return BIT(12 + 9 * (level - 1));
}

/* GCR3 14:12 in 60:58, 30:15 in 95:80, 51:31 in 127:107; GuestPagingMode in 183:182. */
static void start(struct scene *scene, unsigned levels, unsigned leaf, uint64_t efr_clear)
{
	const struct amd_setup setup = { .efr_clear = efr_clear,
		.settings.cache = IOMMUSIM_CACHE_NONE };
	uint64_t gcr3;

	memset(scene, 0, sizeof(*scene));
	am_start_enabled(&scene->amd, &setup);
	am_control(&scene->amd, C_GT_EN, 0);
	scene->levels = levels;
	scene->leaf = leaf;
	scene->address = (levels == 5 ? ADDRESS : ADDRESS & (BIT(47) - 1)) | OFFSET;
	gcr3 = am_page(&scene->amd);
	am_store(&scene->amd, gcr3 + PASID * UINT64_C(8), table_at[levels] | 1);
	for (unsigned level = levels; level > leaf; level--)
		am_store(&scene->amd, entry_at(scene, level), table_at[level - 1] | P | RW | US);
	am_store(&scene->amd, entry_at(scene, leaf), PAGE | P | RW | US | (leaf > 1 ? PS : 0));
	am_set_dte(&scene->amd, AMD_RID,
	    (const uint64_t[4]){ 3 | GV | (gcr3 >> 12 & 7) << 58 | BIT(61) | BIT(62),
		AMD_DOMAIN | (gcr3 >> 15 & 0xffff) << 16 | gcr3 >> 31 << 43, levels == 5 ? BIT(54) : 0,
		0 });
}

/* A request of each kind that entries tell apart. */
enum { READING, WRITING, EXECUTING, SUPERVISOR, KINDS };

static struct iommusim_dma_page reach(struct scene *scene, unsigned kind)
{
	const struct iommusim_dma_request request = {
		.address = scene->address,
		.length = 8,
		.kind = kind == WRITING ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ,
		.has_pasid = true,
		.pasid = PASID,
		.privileged = kind == SUPERVISOR,
		.execute = kind == EXECUTING,
	};
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(scene->amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome.page;
}

/* Flags of the same event for another kind of request. */
static unsigned as_kind(unsigned event, unsigned kind)
{
	if (event >> 12 == 4)
		return event | (kind == WRITING ? 0x20 : 0);
	if (kind == SUPERVISOR)
		return event & ~0x4u;
	return event | (kind == WRITING ? 0x20 : 0) | (kind == EXECUTING ? 0x2 : 0);
}

/* What becomes of an access: where it goes when `event` is 0. */
struct meaning {
	unsigned event;
	uint64_t output;
};

static void expect(
    struct scene *scene, unsigned kind, struct meaning meaning, unsigned level, unsigned bit)
{
	const struct iommusim_dma_page page = reach(scene, kind);
	uint64_t event[2] = { 0, 0 };

	if (page.faulted)
		am_only_event(&scene->amd, event);
	if (event[0] >> 48 != meaning.event || (!page.faulted && page.physical != meaning.output))
		print_error("level %u of %u, page at %u, bit %u, kind %u: event %llx, output %llx\n",
		    level, scene->levels, scene->leaf, bit, kind, (unsigned long long)event[0],
		    (unsigned long long)page.physical);
	assert_int_equal(event[0] >> 48, meaning.event);
	if (meaning.event == 0)
		assert_int_equal(page.physical, meaning.output);
	else if (meaning.event >> 12 == 2)
		assert_int_equal(event[1], scene->address);
}

/* An empty table of zeros, or no memory at all. */
static unsigned other_table(uint64_t table)
{
	return table < AMD_RAM ? ABSENT : UNREADABLE;
}

static uint64_t page_of(const struct scene *scene, unsigned level, uint64_t base)
{
	return (base & ~(size_of(level) - 1)) | (scene->address & (size_of(level) - 1));
}

/* A flipped bit of an entry that points at a table: 8:3, 11:9, 62:52 mean nothing, but for 7. */
static struct meaning of_table(const struct scene *scene, unsigned level, unsigned bit, unsigned kind)
{
	const struct meaning good = { .output = page_of(scene, scene->leaf, PAGE) };

	if (bit == 0)
		return (struct meaning){ .event = ABSENT };
	if (bit == 1)
		return kind == WRITING ? (struct meaning){ .event = NOT_WRITABLE } : good;
	if (bit == 2)
		return kind == SUPERVISOR ? good : (struct meaning){ .event = NOT_FOR_USERS };
	if (bit == 7 && level > 3)
		return (struct meaning){ .event = RESERVED };
	if (bit == 7)
		return (struct meaning){ .output = page_of(scene, level, table_at[level - 1]) };
	if (bit == 63)
		return kind == EXECUTING ? (struct meaning){ .event = NOT_EXECUTABLE } : good;
	if (bit < 12 || bit > 51)
		return good;
	return (struct meaning){ .event = other_table(table_at[level - 1] ^ BIT(bit)) };
}

/* Of a page. Bit 7 of 4 KiB is PAT, of others says that they are pages; 12 of those is PAT. */
static struct meaning of_page(const struct scene *scene, unsigned bit, unsigned kind)
{
	const unsigned level = scene->leaf;
	const struct meaning good = { .output = page_of(scene, level, PAGE) };

	if (bit == 7 && level > 1) /* a table, out of memory */
		return (struct meaning){ .event = UNREADABLE };
	if (bit < 12 || bit > 51)
		return bit == 7 ? good : of_table(scene, level, bit, kind);
	if (bit == 12 && level > 1)
		return good;
	if (level > 1 && bit < 12 + 9 * (level - 1))
		return (struct meaning){ .event = RESERVED };
	return (struct meaning){ .output = good.output ^ BIT(bit) };
}

static void sweep_entry(struct scene *scene, unsigned level)
{
	const uint64_t at = entry_at(scene, level), entry = am_load(&scene->amd, at);

	for (unsigned bit = 0; bit < 64; bit++) {
		am_store(&scene->amd, at, entry ^ BIT(bit));
		for (unsigned kind = 0; kind < KINDS; kind++) {
			struct meaning meaning = level == scene->leaf
			    ? of_page(scene, bit, kind)
			    : of_table(scene, level, bit, kind);

			if (meaning.event != 0)
				meaning.event = as_kind(meaning.event, kind);
			expect(scene, kind, meaning, level, bit);
		}
		am_store(&scene->amd, at, entry);
	}
}

static void bits_of_entries_of_every_level(void **state)
{
	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++)
		for (unsigned leaf = 1; leaf <= 3; leaf++) {
			struct scene scene;

			start(&scene, levels, leaf, 0);
			for (unsigned kind = 0; kind < KINDS; kind++)
				expect(&scene, kind,
				    (struct meaning){ .output = page_of(&scene, leaf, PAGE) }, 0, 64);
			for (unsigned level = leaf; level <= levels; level++)
				sweep_entry(&scene, level);
			am_stop(&scene.amd);
		}
}

/* Bit 7 at levels 4 and 5 is reserved even where the rest is an aligned page. */
static void pages_of_512_gib_and_more_are_none(void **state)
{
	(void)state;
	for (unsigned level = 4; level <= 5; level++) {
		struct scene scene;

		start(&scene, 5, 1, 0);
		am_store(&scene.amd, entry_at(&scene, level), P | RW | US | PS);
		for (unsigned kind = 0; kind < KINDS; kind++)
			expect(&scene, kind, (struct meaning){ .event = as_kind(RESERVED, kind) },
			    level, 7);
		am_stop(&scene.amd);
	}
}

/* Without EFR.NXSup nothing forbids execution: bit 63 is reserved at every level. */
static void without_nx_bit_63_is_reserved_at_every_level(void **state)
{
	(void)state;
	for (unsigned leaf = 1; leaf <= 3; leaf++) {
		struct scene scene;

		start(&scene, 5, leaf, F_NX);
		for (unsigned level = leaf; level <= 5; level++) {
			const uint64_t at = entry_at(&scene, level), entry = am_load(&scene.amd, at);

			am_store(&scene.amd, at, entry | XD);
			for (unsigned kind = 0; kind < KINDS; kind++)
				expect(&scene, kind,
				    (struct meaning){ .event = as_kind(RESERVED, kind) }, level, 63);
			am_store(&scene.amd, at, entry);
			expect(&scene, EXECUTING,
			    (struct meaning){ .output = page_of(&scene, leaf, PAGE) }, level, 64);
		}
		am_stop(&scene.amd);
	}
}

/* What is not present may hold anything else. */
static void an_entry_that_is_not_present_has_no_reserved_bits(void **state)
{
	(void)state;
	for (unsigned level = 1; level <= 5; level++) {
		struct scene scene;

		start(&scene, 5, 1, F_NX);
		am_store(&scene.amd, entry_at(&scene, level), ~UINT64_C(1));
		expect(&scene, READING, (struct meaning){ .event = ABSENT }, level, 0);
		am_stop(&scene.amd);
	}
}

/* ---- GCR3 tables --------------------------------------------------------------------------------------------- */

/* GLX + 1 tables at other places of the same kind; the PASID has an entry other than the first in each. */
#define WIDE_PASID UINT32_C(0x8a03) /* 010 001010 000000011: nine bits a level, and the third has 0 */

static uint64_t gcr3_entry_at(unsigned level, uint32_t pasid)
{
	static const uint64_t gcr3_at[3] = { 0x13000, 0x15000, 0x19000 };

	return gcr3_at[level] + (pasid >> 9 * level & 0x1ff) * UINT64_C(8);
}

static uint32_t gcr3_pasid(unsigned glx)
{
	return glx == 0 ? WIDE_PASID & 0x1ff : glx == 1 ? WIDE_PASID : WIDE_PASID | 3 << 18;
}

static struct meaning of_gcr3(uint64_t entry, unsigned bit)
{
	if (bit == 0)
		return (struct meaning){ .event = ABSENT };
	if (bit < 12 || bit > 51)
		return (struct meaning){ .event = RESERVED };
	return (struct meaning){ .event = other_table((entry & ~UINT64_C(1)) ^ BIT(bit)) };
}

static void expect_with(
    struct scene *scene, uint32_t pasid, struct meaning meaning, unsigned level, unsigned bit)
{
	const struct iommusim_dma_request request = {
		.address = scene->address, .length = 8, .has_pasid = true, .pasid = pasid
	};
	struct iommusim_dma_outcome outcome;
	uint64_t event[2] = { 0, 0 };

	assert_int_equal(iommusim_dma(scene->amd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	if (outcome.page.faulted)
		am_only_event(&scene->amd, event);
	if (event[0] >> 48 != meaning.event)
		print_error(
		    "GCR3 level %u, bit %u: event %llx\n", level, bit, (unsigned long long)event[0]);
	assert_int_equal(event[0] >> 48, meaning.event);
	if (meaning.event == 0)
		assert_int_equal(outcome.page.physical, meaning.output);
	else /* PASID 15:0 in 47:32, 19:16 in 19:16 */
		assert_int_equal(event[0] & UINT64_C(0xffffffffffff),
		    (uint64_t)(pasid & 0xffff) << 32 | (pasid & 0xf0000) | AMD_RID);
}

static void start_gcr3(struct scene *scene, unsigned glx)
{
	const uint32_t pasid = gcr3_pasid(glx);

	start(scene, 4, 1, 0);
	for (unsigned level = glx; level > 0; level--)
		am_store(&scene->amd, gcr3_entry_at(level, pasid),
		    (gcr3_entry_at(level - 1, 0) & ~UINT64_C(0xfff)) | 1);
	am_store(&scene->amd, gcr3_entry_at(0, pasid), table_at[4] | 1);
	am_set_dte(&scene->amd, AMD_RID,
	    (const uint64_t[4]){ 3 | GV | (uint64_t)glx << 56 |
		    (gcr3_entry_at(glx, 0) >> 12 & 7) << 58 | BIT(61) | BIT(62),
		AMD_DOMAIN | (gcr3_entry_at(glx, 0) >> 15) << 16, 0, 0 });
}

/* GLX in 57:56 of the device table entry: one table more than it says. */
static void bits_of_gcr3_entries_of_every_level(void **state)
{
	(void)state;
	for (unsigned glx = 0; glx <= 2; glx++) {
		const uint32_t pasid = gcr3_pasid(glx);
		struct scene scene;

		start_gcr3(&scene, glx);
		expect_with(
		    &scene, pasid, (struct meaning){ .output = page_of(&scene, 1, PAGE) }, glx, 64);
		for (unsigned level = 0; level <= glx; level++) {
			const uint64_t at = gcr3_entry_at(level, pasid);
			const uint64_t entry = am_load(&scene.amd, at);

			for (unsigned bit = 0; bit < 64; bit++) {
				am_store(&scene.amd, at, entry ^ BIT(bit));
				expect_with(&scene, pasid, of_gcr3(entry, bit), level, bit);
				am_store(&scene.amd, at, entry);
			}
			am_store(&scene.amd, at, ~UINT64_C(1)); /* not valid: all else means nothing */
			expect_with(&scene, pasid, (struct meaning){ .event = ABSENT }, level, 0);
			am_store(&scene.amd, at, entry);
		}
		am_stop(&scene.amd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_of_entries_of_every_level),
		cmocka_unit_test(pages_of_512_gib_and_more_are_none),
		cmocka_unit_test(without_nx_bit_63_is_reserved_at_every_level),
		cmocka_unit_test(an_entry_that_is_not_present_has_no_reserved_bits),
		cmocka_unit_test(bits_of_gcr3_entries_of_every_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
