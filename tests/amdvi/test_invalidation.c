/*
 * What each invalidation takes out of the caches, and what it leaves (AMD-Vi 2.4.2, 2.4.3, 2.4.5, 2.4.8).
 * Entries are put into the caches by hand here: what requests put there is other tests' matter.
 */
#include "amdvi_fixture.h"

#include "models/amdvi/invalidate.h"

#define OPCODE(n) ((uint64_t)(n) << 60)
#define ALL_PAGES UINT64_C(0x7ffffffffffff000)

/* Entries of one cache, and which are still there: one bit each. */
#define ENTRIES 13u
static const struct cached entries[ENTRIES] = {
	{ .key = 0x10000, .shift = 12, .domain = 1, .source = 0x100 },
	{ .key = 0x11000, .shift = 12, .domain = 1, .source = 0x100 },
	{ .key = 0x12000, .shift = 12, .domain = 1, .source = 0x101 },
	{ .key = 0x17000, .shift = 12, .domain = 1, .source = 0x101 },
	{ .key = 0x200000, .shift = 21, .domain = 1, .source = 0x101 },
	{ .key = 0x10000, .shift = 12, .domain = 2, .source = 0x102 },
	{ .key = UINT64_C(0xfffffffffffff000), .shift = 12, .domain = 1, .source = 0x100 },
	{ .key = 0x10000,
	    .shift = 12,
	    .domain = 1,
	    .kind = AMDVI_CACHED_GUEST,
	    .source = 0x100,
	    .flags = CACHED_WITH_PASID,
	    .pasid = 5 },
	{ .key = 0x10000,
	    .shift = 12,
	    .domain = 1,
	    .kind = AMDVI_CACHED_GUEST,
	    .source = 0x100,
	    .flags = CACHED_WITH_PASID,
	    .pasid = 6 },
	{ .key = 0x11000,
	    .shift = 12,
	    .domain = 1,
	    .kind = AMDVI_CACHED_GUEST,
	    .source = 0x100,
	    .flags = CACHED_WITH_PASID,
	    .pasid = 5 },
	{ .key = 0x10000,
	    .shift = 12,
	    .domain = 2,
	    .kind = AMDVI_CACHED_GUEST,
	    .source = 0x102,
	    .flags = CACHED_WITH_PASID,
	    .pasid = 5 },
	{ .key = 0x10000, .shift = 12, .domain = 1, .kind = AMDVI_CACHED_GUEST, .source = 0x100 },
	{ .key = 0, .shift = 12, .source = 0x103 },
};

#define ALL      0x1fffu
#define GUESTS_1 0xb80u /* the guest entries of domain 1: 7, 8, 9, 11 */

static void fill(struct cache *cache)
{
	cache_clear(cache);
	for (unsigned i = 0; i < ENTRIES; i++)
		cache_insert(cache, &entries[i]);
	assert_int_equal(cache->count, ENTRIES);
}

static bool is_same(const struct cached *a, const struct cached *b)
{
	return a->key == b->key && a->domain == b->domain && a->kind == b->kind &&
	    a->pasid == b->pasid && a->flags == b->flags;
}

static unsigned left(const struct cache *cache)
{
	unsigned found = 0;

	for (unsigned i = 0; i < ENTRIES; i++)
		for (unsigned at = 0; at < cache->count; at++)
			if (is_same(&cache->entries[at], &entries[i]))
				found |= 1u << i;
	return found;
}

/* What a command takes, out of translations and out of entries that point at tables. */
static void assert_takes(
    struct amd_fixture *amd, uint64_t low, uint64_t high, unsigned translations, unsigned directories)
{
	struct amdvi_unit *amdvi = amdvi_of(amd->unit);
	const uint64_t generation = atomic_load(&amd->unit->generation);

	fill(&amdvi->device_cache);
	fill(&amdvi->iotlb);
	fill(&amdvi->paging_cache);
	fill(&amdvi->interrupt_cache);
	am_submit(amd, low, high);
	assert_int_equal(left(&amdvi->iotlb), ALL & ~translations);
	assert_int_equal(left(&amdvi->paging_cache), ALL & ~directories);
	assert_int_equal(left(&amdvi->device_cache), ALL);
	assert_int_equal(left(&amdvi->interrupt_cache), ALL);
	assert_true(atomic_load(&amd->unit->generation) > generation);
}

/* INVALIDATE_IOMMU_PAGES: domain 47:32; S 0, PDE 1, GN 2, address 63:12 of the second quadword. */
static void pages_go_by_domain_and_address(void **state)
{
	const uint64_t low = OPCODE(3) | UINT64_C(1) << 32;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	assert_takes(&amd, low, 0x10000, 0x001 | GUESTS_1, 0);
	assert_takes(&amd, low, 0x11000, 0x002 | GUESTS_1, 0);
	assert_takes(&amd, low, 0x13000, GUESTS_1, 0);
	assert_takes(&amd, low, 0x3ff000, 0x010 | GUESTS_1, 0); /* within a page of 2 MiB */
	assert_takes(&amd, low, 0x10002, 0x001 | GUESTS_1, 0x001 | GUESTS_1);
	assert_takes(&amd, OPCODE(3) | UINT64_C(2) << 32, 0x10002, 0x420, 0x420);
	assert_takes(&amd, OPCODE(3) | UINT64_C(3) << 32, ALL_PAGES | 3, 0, 0);
	am_stop(&amd);
}

/* S: the lowest 0 from bit 12 on. */
static void the_size_is_in_the_address(void **state)
{
	const uint64_t low = OPCODE(3) | UINT64_C(1) << 32;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	assert_takes(&amd, low, 0x10001, 0x003 | GUESTS_1, 0);  /* 8 KiB from 10000h */
	assert_takes(&amd, low, 0x12001, 0x004 | GUESTS_1, 0);  /* 12000h */
	assert_takes(&amd, low, 0x11001, 0x007 | GUESTS_1, 0);  /* 16 KiB from 10000h */
	assert_takes(&amd, low, 0x13001, 0x00f | GUESTS_1, 0);  /* 32 KiB from 10000h */
	assert_takes(&amd, low, 0x16001, 0x008 | GUESTS_1, 0);  /* 8 KiB from 16000h */
	assert_takes(&amd, low, 0xff001, 0x00f | GUESTS_1, 0);  /* 2 MiB from 0 */
	assert_takes(&amd, low, 0x1ff001, 0x01f | GUESTS_1, 0); /* 4 MiB from 0 */
	assert_takes(&amd, low, ALL_PAGES | 1, 0x05f | GUESTS_1, 0);
	assert_takes(&amd, low, ALL_PAGES | 3, 0x05f | GUESTS_1, 0x05f | GUESTS_1);
	assert_takes(&amd, low, UINT64_C(0xfffffffffffff003), 0x05f | GUESTS_1, 0x05f | GUESTS_1);
	assert_takes(&amd, low, UINT64_C(0xfffffffffffff000), 0x040 | GUESTS_1, 0); /* no S: a page */
	am_stop(&amd);
}

/* GN: PASID 19:0, guest virtual addresses; host tables are not meant. */
static void guest_pages_go_by_pasid_too(void **state)
{
	const uint64_t low = OPCODE(3) | UINT64_C(1) << 32 | 5;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	assert_takes(&amd, low, 0x10004, 0x080, 0);
	assert_takes(&amd, low, 0x11004, 0x200, 0);
	assert_takes(&amd, low, 0x10006, 0x080, 0x080);
	assert_takes(&amd, low, ALL_PAGES | 7, 0x280, 0x280);
	assert_takes(&amd, OPCODE(3) | UINT64_C(1) << 32 | 6, ALL_PAGES | 7, 0x100, 0x100);
	assert_takes(&amd, OPCODE(3) | UINT64_C(1) << 32 | 7, ALL_PAGES | 7, 0, 0);
	am_stop(&amd);
}

/* PREFETCH_IOMMU_PAGES with Inval (68): so many pages more than one, whoever they are of. */
static void a_prefetch_may_take_first_what_there_is(void **state)
{
	const uint64_t low = OPCODE(6) | AMD_RID, inval = BIT(4);
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	assert_takes(&amd, low, 0x12000 | inval, 0x004, 0x004);
	assert_takes(&amd, low, 0x10000 | inval, 0xda1, 0xda1);
	assert_takes(&amd, low | 5u << 24, 0x12000 | inval, 0x00c, 0x00c);
	assert_takes(&amd, low | 255u << 24, inval, 0x1faf, 0x1faf); /* 1 MiB from 0 */
	assert_takes(&amd, low | 1u << 24, inval, 0x1000, 0x1000);
	assert_takes(&amd, low, ALL_PAGES | 1 | inval, ALL, ALL);
	am_stop(&amd);
}

/* Commands 2 and 5: one device, of one cache. */
static void device_and_interrupt_entries_go_by_device(void **state)
{
	struct amd_fixture amd;
	struct amdvi_unit *amdvi;

	(void)state;
	am_start_enabled(&amd, NULL);
	amdvi = amdvi_of(amd.unit);
	for (unsigned opcode = 2; opcode <= 5; opcode += 3) {
		fill(&amdvi->device_cache);
		fill(&amdvi->interrupt_cache);
		fill(&amdvi->iotlb);
		fill(&amdvi->paging_cache);
		am_submit(&amd, OPCODE(opcode) | 0x101, 0);
		assert_int_equal(left(&amdvi->device_cache), opcode == 2 ? ALL & ~0x01cu : ALL);
		assert_int_equal(left(&amdvi->interrupt_cache), opcode == 5 ? ALL & ~0x01cu : ALL);
		assert_int_equal(left(&amdvi->iotlb), ALL);
		assert_int_equal(left(&amdvi->paging_cache), ALL);
	}
	am_stop(&amd);
}

/* Waits, what is for devices, and prefetches without Inval: whatever they name, the unit's caches stay. */
static void other_commands_take_nothing(void **state)
{
	static const struct {
		uint64_t low, high;
	} commands[] = {
		{ OPCODE(1), 0 },
		{ OPCODE(4) | 0x101, ALL_PAGES | 1 },
		{ OPCODE(4) | 0x100, ALL_PAGES | 5 },
		{ OPCODE(6) | 0x100, 0x12000 },
		{ OPCODE(6) | 0x100 | 7u << 24, 0x10000 },
		{ OPCODE(7) | 0x100, 0 },
		{ OPCODE(9), 0 },
		{ OPCODE(10), 0 },
	};
	const struct amd_setup setup = { .efr_set = F_VIOMMU };
	struct amdvi_unit *amdvi;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	am_control(&amd, C_INV_TIMEOUT_1, 0);
	amdvi = amdvi_of(amd.unit);
	for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		fill(&amdvi->device_cache);
		fill(&amdvi->iotlb);
		fill(&amdvi->paging_cache);
		fill(&amdvi->interrupt_cache);
		am_submit(&amd, commands[i].low, commands[i].high);
		assert_int_equal(am_get64(&amd, A_CMD_HEAD), amd.command_tail);
		assert_int_equal(left(&amdvi->device_cache), ALL);
		assert_int_equal(left(&amdvi->iotlb), ALL);
		assert_int_equal(left(&amdvi->paging_cache), ALL);
		assert_int_equal(left(&amdvi->interrupt_cache), ALL);
	}
	am_stop(&amd);
}

static void everything_goes_at_once(void **state)
{
	struct amd_fixture amd;
	struct amdvi_unit *amdvi;

	(void)state;
	am_start_enabled(&amd, NULL);
	amdvi = amdvi_of(amd.unit);
	fill(&amdvi->device_cache);
	fill(&amdvi->interrupt_cache);
	fill(&amdvi->iotlb);
	fill(&amdvi->paging_cache);
	am_submit(&amd, OPCODE(8), 0);
	assert_int_equal(left(&amdvi->device_cache), 0);
	assert_int_equal(left(&amdvi->interrupt_cache), 0);
	assert_int_equal(left(&amdvi->iotlb), 0);
	assert_int_equal(left(&amdvi->paging_cache), 0);
	am_stop(&amd);
}

static void a_reset_forgets_everything(void **state)
{
	struct amd_fixture amd;
	struct amdvi_unit *amdvi;

	(void)state;
	for (unsigned cold = 0; cold < 2; cold++) {
		am_start_enabled(&amd, NULL);
		amdvi = amdvi_of(amd.unit);
		fill(&amdvi->device_cache);
		fill(&amdvi->interrupt_cache);
		fill(&amdvi->iotlb);
		fill(&amdvi->paging_cache);
		iommusim_unit_reset(amd.unit, cold != 0);
		assert_int_equal(left(&amdvi->device_cache), 0);
		assert_int_equal(left(&amdvi->interrupt_cache), 0);
		assert_int_equal(left(&amdvi->iotlb), 0);
		assert_int_equal(left(&amdvi->paging_cache), 0);
		am_stop(&amd);
	}
}

static void dropped_invalidations_take_nothing(void **state)
{
	const struct amd_setup setup = { .settings.drop_invalidations = true };
	struct amd_fixture amd;
	struct amdvi_unit *amdvi;

	(void)state;
	am_start_enabled(&amd, &setup);
	amdvi = amdvi_of(amd.unit);
	fill(&amdvi->device_cache);
	fill(&amdvi->interrupt_cache);
	fill(&amdvi->iotlb);
	fill(&amdvi->paging_cache);
	am_submit(&amd, OPCODE(2) | 0x100, 0);
	am_submit(&amd, OPCODE(3) | UINT64_C(1) << 32, ALL_PAGES | 3);
	am_submit(&amd, OPCODE(5) | 0x100, 0);
	am_submit(&amd, OPCODE(8), 0);
	am_wait(&amd);
	assert_int_equal(left(&amdvi->device_cache), ALL);
	assert_int_equal(left(&amdvi->interrupt_cache), ALL);
	assert_int_equal(left(&amdvi->iotlb), ALL);
	assert_int_equal(left(&amdvi->paging_cache), ALL);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_go_by_domain_and_address),
		cmocka_unit_test(the_size_is_in_the_address),
		cmocka_unit_test(guest_pages_go_by_pasid_too),
		cmocka_unit_test(a_prefetch_may_take_first_what_there_is),
		cmocka_unit_test(device_and_interrupt_entries_go_by_device),
		cmocka_unit_test(other_commands_take_nothing),
		cmocka_unit_test(everything_goes_at_once),
		cmocka_unit_test(a_reset_forgets_everything),
		cmocka_unit_test(dropped_invalidations_take_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
