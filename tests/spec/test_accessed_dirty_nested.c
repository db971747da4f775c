/*
 * Accessed and dirty flags of nested translation (VT-d 3.8.1, 3.7.2, 4.2.3.1): the first stage's
 * tables are pages of the second, so that a flag set in one may set others in the other. This model
 * sets none on behalf of a request that faults.
 */
#include "scalable_fixture.h"

#define ROM   UINT64_C(0x20000000)  /* memory that units cannot write */
#define GUEST UINT64_C(0x700000000) /* a guest-physical address is the host's plus this */
#define ADDR  UINT64_C(0xffffffffff000)

/* An index that differs at every level. */
#define INPUT                                                                                          \
	(UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 | UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)

/* First stage: present, writable, all of it and user; and its flags. */
#define P    UINT64_C(0x1)
#define RW   UINT64_C(0x2)
#define FULL UINT64_C(0x7)
#define A    UINT64_C(0x20)
#define D    UINT64_C(0x40)
#define EA   UINT64_C(0x400)
/* Second stage. */
#define SA UINT64_C(0x100)
#define SD UINT64_C(0x200)

static void change_pasid_entry(struct scalable *sm, unsigned quad, uint64_t clear, uint64_t set)
{
	const uint64_t at = sm_entry_at(sm, SM_PASID) + quad * UINT64_C(8);

	vt_store(&sm->vtd, at, (vt_load(&sm->vtd, at) & ~clear) | set);
}

/*
 * Both stages with 4 levels. The guest's tables and page are at its host addresses plus GUEST; `leaf`
 * is where the second-stage entry of what is met on the way is: 0 the page, else the table of that
 * level.
 */
struct nest {
	struct scalable sm;
	uint64_t input;
	uint64_t at[5], before[5];         /* first-stage entries, by level */
	uint64_t gpa[5];                   /* what is met */
	uint64_t second[5][5], seen[5][5]; /* second-stage entries: of what is met, by level */
};

static uint64_t new_guest_page(struct nest *nest)
{
	const uint64_t page = vt_page(&nest->sm.vtd);

	sm_map_second(&nest->sm, nest->sm.second, 4, page + GUEST, page, 3, 1);
	return page;
}

static void nest_look(struct nest *nest)
{
	for (unsigned i = 0; i < 5; i++) {
		if (i != 0)
			nest->before[i] = vt_load(&nest->sm.vtd, nest->at[i]);
		for (unsigned level = 1; level < 5; level++)
			nest->seen[i][level] = vt_load(&nest->sm.vtd, nest->second[i][level]);
	}
}

static void nest_start_with(struct nest *nest, const struct vtd_setup *setup)
{
	uint64_t table, entry[8] = { 0 };

	memset(nest, 0, sizeof(*nest));
	sm_start(&nest->sm, setup);
	nest->input = INPUT;
	table = new_guest_page(nest);
	entry[0] = nest->sm.second | SM_NESTED | SM_AW(2) | SM_SSADE | SM_P;
	entry[1] = SM_PWSNP | SM_DOMAIN;
	entry[2] = (table + GUEST) | SM_SRE;
	sm_set_entry(&nest->sm, SM_PASID, entry);
	for (unsigned level = 4; level >= 1; level--) {
		const uint64_t next = new_guest_page(nest);

		nest->at[level] = table + (nest->input >> (12 + 9 * (level - 1)) & 0x1ff) * 8;
		nest->gpa[level] = nest->at[level] + GUEST;
		vt_store(&nest->sm.vtd, nest->at[level], (next + GUEST) | FULL);
		table = next;
	}
	nest->gpa[0] = table + GUEST;
	for (unsigned i = 0; i < 5; i++)
		for (unsigned level = 1; level < 5; level++)
			nest->second[i][level] =
			    sm_second_at(&nest->sm, nest->sm.second, 4, nest->gpa[i], level);
	nest_look(nest);
}

static void nest_start(struct nest *nest)
{
	nest_start_with(nest, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
}

static void nest_set(struct nest *nest, uint64_t at, uint64_t clear, uint64_t set)
{
	vt_store(&nest->sm.vtd, at, (vt_load(&nest->sm.vtd, at) & ~clear) | set);
	nest_look(nest);
}

/* Every flag in every entry of both stages. */
static void nest_set_all(struct nest *nest)
{
	for (unsigned i = 0; i < 5; i++) {
		if (i != 0)
			nest_set(nest, nest->at[i], 0, A | EA | (i == 1 ? D : 0));
		for (unsigned level = 1; level < 5; level++)
			nest_set(nest, nest->second[i][level], 0, SA | (level == 1 ? SD : 0));
	}
}

static unsigned nest_reason(struct nest *nest, enum iommusim_dma_kind kind, unsigned flags)
{
	return sm_reason(&nest->sm, kind, nest->input, SM_PASID, flags);
}

/* In the first stage since nest_look(). */
static void assert_first_set(struct nest *nest, uint64_t every, uint64_t leaf)
{
	for (unsigned level = 1; level < 5; level++)
		assert_int_equal(vt_load(&nest->sm.vtd, nest->at[level]),
		    nest->before[level] | every | (level == 1 ? leaf : 0));
}

/*
 * In the second stage: A everywhere or nowhere; D of the page; D of each table, 0, SD, or don't care.
 */
static void assert_second_set(
    struct nest *nest, uint64_t every, uint64_t page, uint64_t tables, uint64_t ignore)
{
	for (unsigned i = 0; i < 5; i++)
		for (unsigned level = 1; level < 5; level++) {
			const uint64_t extra = level != 1 ? 0 : i == 0 ? page : tables;
			const uint64_t care = level == 1 && i != 0 ? ~ignore : UINT64_MAX;

			assert_int_equal(vt_load(&nest->sm.vtd, nest->second[i][level]) & care,
			    (nest->seen[i][level] | every | extra) & care);
		}
}

/* The tables are written when A is set in their entries: D of their own pages (3.7.2). */
static void a_nested_request_marks_both_stages(void **state)
{
	struct nest nest;

	(void)state;
	nest_start(&nest);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
	assert_first_set(&nest, A, 0);
	assert_second_set(&nest, SA, 0, SD, 0);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_first_set(&nest, A, D);
	assert_second_set(&nest, SA, SD, SD, 0);
	sm_stop(&nest.sm);
	nest_start(&nest);
	change_pasid_entry(&nest.sm, 2, 0, SM_EAFE);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_ATOMIC, 0), 0);
	assert_first_set(&nest, A | EA, D);
	assert_second_set(&nest, SA, SD, SD, 0);
	sm_stop(&nest.sm);
}

/* Whether reading a table makes its page dirty is not said; nothing else depends on it. */
static void a_nested_request_that_finds_all_flags_in_the_first_stage_marks_the_second(void **state)
{
	struct nest nest;

	(void)state;
	nest_start(&nest);
	for (unsigned level = 1; level < 5; level++)
		nest_set(&nest, nest.at[level], 0, A | (level == 1 ? D : 0));
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
	assert_first_set(&nest, 0, 0);
	assert_second_set(&nest, SA, 0, 0, SD);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_first_set(&nest, 0, 0);
	assert_second_set(&nest, SA, SD, 0, SD);
	sm_stop(&nest.sm);
}

static void a_nested_request_marks_the_first_stage_alone_without_ssade(void **state)
{
	struct nest nest;

	(void)state;
	nest_start(&nest);
	change_pasid_entry(&nest.sm, 0, SM_SSADE, 0);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_first_set(&nest, A, D);
	assert_second_set(&nest, 0, 0, 0, 0);
	sm_stop(&nest.sm);
}

static void faults_and_sets_nothing(struct nest *nest, enum iommusim_dma_kind kind, unsigned expected)
{
	nest_look(nest);
	assert_int_equal(nest_reason(nest, kind, 0), expected);
	assert_first_set(nest, 0, 0);
	assert_second_set(nest, 0, 0, 0, 0);
}

/* A fault anywhere, in the last entry of all too: no flag in either stage. */
static void a_nested_request_that_faults_sets_nothing(void **state)
{
	struct nest nest;

	(void)state;
	nest_start(&nest);
	for (unsigned i = 0; i < 5; i++) {
		nest_set(&nest, nest.second[i][1], 3, 0);
		faults_and_sets_nothing(&nest, IOMMUSIM_DMA_WRITE, 0x79);
		nest_set(&nest, nest.second[i][1], 0, BIT(62) | 3);
		faults_and_sets_nothing(&nest, IOMMUSIM_DMA_READ, 0x7a);
		nest_set(&nest, nest.second[i][1], BIT(62), 0);
	}
	nest_set(&nest, nest.second[0][1], 2, 0);
	faults_and_sets_nothing(&nest, IOMMUSIM_DMA_WRITE, 0x85);
	nest_set(&nest, nest.second[0][1], 1, 2);
	faults_and_sets_nothing(&nest, IOMMUSIM_DMA_READ, 0x86);
	nest_set(&nest, nest.second[0][1], 0, 1);
	nest_set(&nest, nest.at[1], RW, 0);
	faults_and_sets_nothing(&nest, IOMMUSIM_DMA_WRITE, 0x85);
	nest_set(&nest, nest.at[1], P, RW);
	faults_and_sets_nothing(&nest, IOMMUSIM_DMA_WRITE, 0x71);
	sm_stop(&nest.sm);
}

/* A flag that is missing in either stage, and walks that are not snooped. */
static void a_nested_request_without_pwsnp_needs_all_flags(void **state)
{
	struct nest nest;

	(void)state;
	nest_start(&nest);
	change_pasid_entry(&nest.sm, 1, SM_PWSNP, 0);
	nest_set_all(&nest);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0);
	for (unsigned i = 0; i < 5; i++) {
		if (i != 0) {
			nest_set(&nest, nest.at[i], A, 0);
			assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0x90);
			/* it would be written through a page that is not dirty yet (3.8.1) */
			nest_set(&nest, nest.second[i][1], SD, 0);
			assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0x7c);
			nest_set(&nest, nest.second[i][1], 0, SD);
			nest_set(&nest, nest.at[i], 0, A);
		}
		/* entries nearer the top are shared; each of the lowest belongs to one thing alone */
		nest_set(&nest, nest.second[i][1], SA, 0);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0x7c);
		nest_set(&nest, nest.second[i][1], 0, SA);
	}
	nest_set(&nest, nest.second[0][1], SD, 0);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0x7c);
	nest_set(&nest, nest.second[0][1], 0, SD);
	nest_set(&nest, nest.at[1], D, 0);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0x90);
	nest_set(&nest, nest.at[1], 0, D);
	change_pasid_entry(&nest.sm, 2, 0, SM_EAFE);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0);
	nest_set(&nest, nest.at[3], EA, 0);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0x90);
	sm_stop(&nest.sm);
}

/* The second stage allows writes to the guest's table, the memory there does not. */
static void a_nested_request_meets_read_only_memory(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level < 5; level++) {
		uint64_t table;

		nest_start(&nest);
		change_pasid_entry(&nest.sm, 0, SM_SSADE, 0);
		table = nest.at[level] & ~UINT64_C(0xfff);
		assert_int_equal(
		    iommusim_memory_add(nest.sm.vtd.machine, ROM, 0x1000, IOMMUSIM_MEMORY_ROM),
		    IOMMUSIM_OK);
		for (unsigned i = 0; i < 0x1000; i += 8)
			vt_store(&nest.sm.vtd, ROM + i, vt_load(&nest.sm.vtd, table + i));
		nest_set(&nest, nest.second[level][1], ADDR, ROM);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0x91);
		nest_set(&nest, ROM | (nest.at[level] & 0xfff), 0, A);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
		sm_stop(&nest.sm);
	}
}

/* One table of the second stage, of which all others and the page are lowest entries (SSS.6). */
static void a_nested_request_meets_a_read_only_second_stage(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned flags = 0; flags < 2; flags++) {
		uint64_t table;

		nest_start(&nest);
		if (flags)
			nest_set_all(&nest);
		table = nest.second[0][1] & ~UINT64_C(0xfff);
		assert_int_equal(
		    iommusim_memory_add(nest.sm.vtd.machine, ROM, 0x1000, IOMMUSIM_MEMORY_ROM),
		    IOMMUSIM_OK);
		for (unsigned i = 0; i < 0x1000; i += 8)
			vt_store(&nest.sm.vtd, ROM + i, vt_load(&nest.sm.vtd, table + i));
		nest_set(&nest, nest.second[0][2], ADDR, ROM);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), flags ? 0 : 0x7d);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), flags ? 0 : 0x7d);
		sm_stop(&nest.sm);
	}
}

/* All that is missing is A in a first-stage entry, and with it D of the page that entry is in (SSS.6). */
static void a_nested_request_cannot_make_a_table_dirty_in_read_only_memory(void **state)
{
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level < 5; level++) {
		uint64_t table;

		nest_start(&nest);
		nest_set_all(&nest);
		nest_set(&nest, nest.at[level], A, 0);
		nest_set(&nest, nest.second[level][1], SD, 0);
		table = nest.second[level][1] & ~UINT64_C(0xfff);
		assert_int_equal(
		    iommusim_memory_add(nest.sm.vtd.machine, ROM, 0x1000, IOMMUSIM_MEMORY_ROM),
		    IOMMUSIM_OK);
		for (unsigned i = 0; i < 0x1000; i += 8)
			vt_store(&nest.sm.vtd, ROM + i, vt_load(&nest.sm.vtd, table + i));
		nest_set(&nest, nest.second[level][2], ADDR, ROM);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0x7d);
		assert_int_equal(vt_load(&nest.sm.vtd, nest.at[level]), nest.before[level]);
		nest_set(&nest, nest.at[level], 0, A);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
		sm_stop(&nest.sm);
	}
}

/* A page beside one that is cached: the way there is known, its own entry is not. */
static void a_nested_page_beside_a_cached_one_gets_its_own_flags(void **state)
{
	const struct vtd_setup hoard = { 0 };
	struct nest nest;

	(void)state;
	for (unsigned level = 1; level < 5; level++) {
		const uint64_t beside = UINT64_C(0x1000) << 9 * (level - 1);
		uint64_t other_at;

		nest_start_with(&nest, &hoard);
		other_at = nest.at[level] ^ 8;
		vt_store(&nest.sm.vtd, other_at, nest.before[level]);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
		nest.input ^= beside;
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
		assert_int_equal(vt_load(&nest.sm.vtd, other_at), nest.before[level] | A);
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0);
		assert_int_equal(
		    vt_load(&nest.sm.vtd, other_at), nest.before[level] | A | (level == 1 ? D : 0));
		sm_stop(&nest.sm);
	}
}

/* Cached nested translations know whether the page is dirty in both stages. */
static void a_nested_write_after_a_cached_read_sets_dirty_in_both_stages(void **state)
{
	struct nest nest;

	(void)state;
	nest_start_with(&nest, &(struct vtd_setup){ 0 });
	for (unsigned time = 0; time < 2; time++)
		assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
	assert_int_equal(vt_load(&nest.sm.vtd, nest.second[0][1]), nest.seen[0][1] | SA);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_int_equal(vt_load(&nest.sm.vtd, nest.at[1]), nest.before[1] | A | D);
	assert_int_equal(vt_load(&nest.sm.vtd, nest.second[0][1]), nest.seen[0][1] | SA | SD);
	sm_stop(&nest.sm);
	/* D is there in the first stage already: the second has its own */
	nest_start_with(&nest, &(struct vtd_setup){ 0 });
	nest_set(&nest, nest.at[1], 0, A | D);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_READ, 0), 0);
	assert_int_equal(nest_reason(&nest, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_int_equal(vt_load(&nest.sm.vtd, nest.second[0][1]), nest.seen[0][1] | SA | SD);
	sm_stop(&nest.sm);
}

static void a_nested_translation_request_marks_both_stages(void **state)
{
	const struct vtd_setup setup = { .ecap_set = ECAP_NWFS, .settings.cache = IOMMUSIM_CACHE_NONE };
	struct nest nest;

	(void)state;
	for (unsigned no_write = 0; no_write < 2; no_write++) {
		const unsigned flags = SM_TRANSLATION_REQUEST | (no_write ? SM_NO_WRITE : 0);

		nest_start_with(&nest, &setup);
		assert_true(
		    sm_access(&nest.sm, IOMMUSIM_DMA_READ, nest.input, 8, SM_PASID, flags).answered);
		assert_first_set(&nest, A, no_write ? 0 : D);
		assert_second_set(&nest, SA, no_write ? 0 : SD, SD, 0);
		sm_stop(&nest.sm);
		nest_start_with(&nest, &setup); /* the page is read-only in the second stage */
		nest_set(&nest, nest.second[0][1], 2, 0);
		assert_true(
		    sm_access(&nest.sm, IOMMUSIM_DMA_READ, nest.input, 8, SM_PASID, flags).answered);
		assert_first_set(&nest, A, 0);
		assert_second_set(&nest, SA, 0, SD, 0);
		sm_stop(&nest.sm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nested_request_marks_both_stages),
		cmocka_unit_test(
		    a_nested_request_that_finds_all_flags_in_the_first_stage_marks_the_second),
		cmocka_unit_test(a_nested_request_marks_the_first_stage_alone_without_ssade),
		cmocka_unit_test(a_nested_request_that_faults_sets_nothing),
		cmocka_unit_test(a_nested_request_without_pwsnp_needs_all_flags),
		cmocka_unit_test(a_nested_request_meets_read_only_memory),
		cmocka_unit_test(a_nested_request_meets_a_read_only_second_stage),
		cmocka_unit_test(a_nested_request_cannot_make_a_table_dirty_in_read_only_memory),
		cmocka_unit_test(a_nested_page_beside_a_cached_one_gets_its_own_flags),
		cmocka_unit_test(a_nested_write_after_a_cached_read_sets_dirty_in_both_stages),
		cmocka_unit_test(a_nested_translation_request_marks_both_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
