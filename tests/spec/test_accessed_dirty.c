/*
 * Accessed, extended accessed and dirty flags (VT-d 3.6.2, 3.7.2, 3.8.1, 4.2.3.1): which entries of one
 * stage get which of them from which request, and what comes of it when they cannot be set. This model
 * sets none on behalf of a request that faults, though A might be (3.6.2). Both stages: another file.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "scalable_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */
#define ROM  UINT64_C(0x20000000) /* memory that units cannot write */
#define ADDR UINT64_C(0xffffffffff000)

#define INPUT                                                                                          \
	(UINT64_C(0x0a5) << 48 | UINT64_C(0x0c3) << 39 | UINT64_C(0x12f) << 30 |                       \
	    UINT64_C(0x07e) << 21 | UINT64_C(0x0e1) << 12)

/* First stage: present, writable, user; and its flags. */
#define P    UINT64_C(0x1)
#define RW   UINT64_C(0x2)
#define US   UINT64_C(0x4)
#define FULL UINT64_C(0x7)
#define A    UINT64_C(0x20)
#define D    UINT64_C(0x40)
#define EA   UINT64_C(0x400)
/* Second stage. */
#define SA UINT64_C(0x100)
#define SD UINT64_C(0x200)

/* A table of either stage, walked for requests with SM_PASID. */
struct tables {
	struct scalable sm;
	bool second;
	unsigned levels, leaf;
	uint64_t input;
	uint64_t at[6];     /* where the entry of each level is */
	uint64_t before[6]; /* what was in it */
};

static uint64_t entry_at(struct tables *tables, unsigned level)
{
	if (tables->second)
		return sm_second_at(
		    &tables->sm, tables->sm.second, tables->levels, tables->input, level);
	return sm_first_at(&tables->sm, tables->levels == 5 ? tables->sm.first5 : tables->sm.first,
	    tables->levels, tables->input, level);
}

/* Remember what the entries are. */
static void look(struct tables *tables)
{
	for (unsigned level = tables->leaf; level <= tables->levels; level++)
		tables->before[level] = vt_load(&tables->sm.vtd, tables->at[level]);
}

static void set_entry_bits(struct tables *tables, unsigned level, uint64_t clear, uint64_t set)
{
	tables->before[level] = (vt_load(&tables->sm.vtd, tables->at[level]) & ~clear) | set;
	vt_store(&tables->sm.vtd, tables->at[level], tables->before[level]);
}

static void set_all(struct tables *tables, uint64_t clear, uint64_t set)
{
	for (unsigned level = tables->leaf; level <= tables->levels; level++)
		set_entry_bits(tables, level, clear, set);
}

static void change_pasid_entry(struct scalable *sm, unsigned quad, uint64_t clear, uint64_t set)
{
	const uint64_t at = sm_entry_at(sm, SM_PASID) + quad * UINT64_C(8);

	vt_store(&sm->vtd, at, (vt_load(&sm->vtd, at) & ~clear) | set);
}

/* Requests without PASID are translated as those with SM_PASID are. */
static void share_pasid_entry(struct scalable *sm)
{
	uint64_t entry[8];

	for (unsigned quad = 0; quad < 8; quad++)
		entry[quad] = vt_load(&sm->vtd, sm_entry_at(sm, SM_PASID) + quad * UINT64_C(8));
	sm_set_entry(sm, SM_NO_PASID, entry);
}

/* A page of `leaf` at 40000000h for INPUT, whose flags are all clear. */
static void start_with(
    struct tables *tables, bool second, unsigned levels, unsigned leaf, const struct vtd_setup *setup)
{
	const struct vtd_setup none = { .settings.cache = IOMMUSIM_CACHE_NONE };

	memset(tables, 0, sizeof(*tables));
	sm_start(&tables->sm, setup == NULL ? &none : setup);
	tables->second = second;
	tables->levels = levels;
	tables->leaf = leaf;
	tables->input = INPUT & (BIT(12 + 9 * levels) - 1);
	if (second) {
		sm_second_stage(&tables->sm, SM_PASID, SM_DOMAIN);
		change_pasid_entry(&tables->sm, 0, SM_AW(7), SM_AW(levels - 2) | SM_SSADE);
	} else {
		sm_first_stage(&tables->sm, SM_PASID, SM_DOMAIN, levels);
	}
	share_pasid_entry(&tables->sm);
	for (unsigned level = leaf; level <= levels; level++)
		tables->at[level] = entry_at(tables, level);
	vt_store(&tables->sm.vtd, tables->at[leaf],
	    (leaf == 3 ? 0x40000000 : 0x3000000) | (leaf > 1 ? 0x80 : 0) | (second ? 3 : FULL));
	look(tables);
}

static void start(struct tables *tables, bool second, unsigned levels, unsigned leaf)
{
	start_with(tables, second, levels, leaf, NULL);
}

static unsigned reason(struct tables *tables, enum iommusim_dma_kind kind, unsigned flags)
{
	return sm_reason(&tables->sm, kind, tables->input, SM_PASID, flags);
}

/* Since look(): `every` was set in each entry, `leaf` in the one that maps the page; nothing else. */
static void assert_set(struct tables *tables, uint64_t every, uint64_t leaf)
{
	for (unsigned level = tables->leaf; level <= tables->levels; level++)
		assert_int_equal(vt_load(&tables->sm.vtd, tables->at[level]),
		    tables->before[level] | every | (level == tables->leaf ? leaf : 0));
}

static void restore(struct tables *tables)
{
	for (unsigned level = tables->leaf; level <= tables->levels; level++)
		vt_store(&tables->sm.vtd, tables->at[level], tables->before[level]);
}

static uint64_t accessed(const struct tables *tables)
{
	return tables->second ? SA : A;
}

static uint64_t dirty(const struct tables *tables)
{
	return tables->second ? SD : D;
}

/* ---- which flags ------------------------------------------------------------------------------- */

static void check_kinds(struct tables *tables)
{
	const uint64_t a = accessed(tables), d = dirty(tables);

	assert_int_equal(reason(tables, IOMMUSIM_DMA_READ, 0), 0);
	assert_set(tables, a, 0);
	restore(tables);
	assert_int_equal(
	    sm_access(&tables->sm, IOMMUSIM_DMA_READ, tables->input, 0, SM_PASID, 0).fault.reason, 0);
	assert_set(tables, a, 0);
	restore(tables);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_set(tables, a, d);
	restore(tables);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_ATOMIC, 0), 0);
	assert_set(tables, a, d);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_READ, 0), 0); /* sticky */
	assert_set(tables, a, d);
	restore(tables);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_READ, 0), 0);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_set(tables, a, d);
}

/* A in every entry that was used, D in the one that maps the page, and only for what writes. */
static void each_kind_of_request_sets_what_it_should(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		for (unsigned levels = second ? 3 : 4; levels <= 5; levels++) {
			for (unsigned leaf = 1; leaf <= 3; leaf++) {
				start(&tables, second != 0, levels, leaf);
				check_kinds(&tables);
				sm_stop(&tables.sm);
			}
		}
	}
}

/* With EAFE, EA comes with A; without, its bit is ignored. */
static void the_extended_flag_is_set_where_it_is_enabled(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned leaf = 1; leaf <= 3; leaf++) {
		start(&tables, false, 5, leaf);
		change_pasid_entry(&tables.sm, 2, 0, SM_EAFE);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), 0);
		assert_set(&tables, A | EA, 0);
		restore(&tables);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0);
		assert_set(&tables, A | EA, D);
		set_all(&tables, EA, A | D); /* a processor has been here, no device */
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), 0);
		assert_set(&tables, A | EA | D, 0);
		set_all(&tables, A | D, EA);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), 0);
		assert_set(&tables, A | EA, 0);
		sm_stop(&tables.sm);
	}
}

/* Bit 6 (first stage), bit 9 (second) of an entry that points at a table is no dirty flag. */
static void entries_that_point_at_tables_have_no_dirty_flag(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		start(&tables, second != 0, 4, 1);
		for (unsigned level = 2; level <= 4; level++)
			set_entry_bits(&tables, level, 0, dirty(&tables));
		check_kinds(&tables);
		sm_stop(&tables.sm);
	}
}

/* SSADE off: bits 8 and 9 are left alone. */
static void the_second_stage_sets_nothing_without_ssade(void **state)
{
	struct tables tables;

	(void)state;
	start(&tables, true, 4, 1);
	change_pasid_entry(&tables.sm, 0, SM_SSADE, 0);
	assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_set(&tables, 0, 0);
	sm_stop(&tables.sm);
}

/* A supervisor's write to a read-only page dirties it as any other does (3.6.1: WPE=0). */
static void a_supervisors_write_to_a_read_only_page_sets_dirty(void **state)
{
	struct tables tables;

	(void)state;
	start(&tables, false, 4, 1);
	set_all(&tables, RW | US, 0);
	assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, SM_PRIVILEGED), 0);
	assert_set(&tables, A, D);
	sm_stop(&tables.sm);
}

static void two_pages_have_each_their_own(void **state)
{
	uint8_t data[0x1000] = { 0 };
	const struct iommusim_dma_request request = { .address = INPUT + 0x800,
		.length = sizeof(data),
		.kind = IOMMUSIM_DMA_WRITE,
		.has_pasid = true,
		.pasid = SM_PASID,
		.data = data };
	struct iommusim_dma_outcome outcome;
	struct tables tables;

	(void)state;
	start(&tables, false, 5, 1);
	vt_store(&tables.sm.vtd, tables.at[1] + 8, 0x3001000 | P | US); /* the next one is read-only */
	assert_int_equal(iommusim_dma(tables.sm.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.pages_faulted, 1);
	assert_set(&tables, A, D);
	assert_int_equal(vt_load(&tables.sm.vtd, tables.at[1] + 8), 0x3001000 | P | US);
	sm_stop(&tables.sm);
}

/* Looking is not using. */
static void an_explained_walk_sets_nothing(void **state)
{
	const struct iommusim_dma_request request = { .address = INPUT,
		.length = 8,
		.kind = IOMMUSIM_DMA_WRITE,
		.has_pasid = true,
		.pasid = SM_PASID };
	struct iommusim_walk walk;
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		start(&tables, second != 0, 5, 1);
		assert_int_equal(iommusim_walk(tables.sm.vtd.device, &request, &walk), IOMMUSIM_OK);
		assert_false(walk.result.faulted);
		assert_set(&tables, 0, 0);
		sm_stop(&tables.sm);
	}
}

/* ---- requests that fault ----------------------------------------------------------------------- */

static void faults_and_sets_nothing(
    struct tables *tables, enum iommusim_dma_kind kind, unsigned expected)
{
	assert_int_equal(reason(tables, kind, 0), expected);
	assert_set(tables, 0, 0);
}

static void a_walk_that_ends_early_sets_nothing(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		for (unsigned level = 1; level <= 4; level++) {
			uint64_t good;

			start(&tables, second != 0, 4, 1);
			good = tables.before[level];
			set_entry_bits(&tables, level, second ? 3 : P, 0);
			faults_and_sets_nothing(&tables, IOMMUSIM_DMA_READ, second ? 0x79 : 0x71);
			set_entry_bits(&tables, level, 0, good | BIT(VTD_HAW));
			faults_and_sets_nothing(&tables, IOMMUSIM_DMA_WRITE, second ? 0x7a : 0x72);
			set_entry_bits(&tables, level, UINT64_MAX, HOLE | FULL);
			if (level > 1)
				faults_and_sets_nothing(
				    &tables, IOMMUSIM_DMA_READ, second ? 0x78 : 0x70);
			sm_stop(&tables.sm);
		}
	}
}

static void a_request_without_the_right_sets_nothing(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		start(&tables, false, 4, 1);
		set_entry_bits(&tables, level, RW, 0);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_WRITE, 0x85);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_ATOMIC, 0x85);
		set_entry_bits(&tables, level, US, RW);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_WRITE, 0x81);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_READ, 0x81);
		sm_stop(&tables.sm);
		start(&tables, true, 4, 1);
		set_entry_bits(&tables, level, 2, 0);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_WRITE, 0x85);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_ATOMIC, 0x85);
		set_entry_bits(&tables, level, 1, 2);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_READ, 0x86);
		sm_stop(&tables.sm);
	}
}

static void an_output_in_the_interrupt_range_sets_nothing(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		start(&tables, second != 0, 4, 1);
		set_entry_bits(&tables, 1, ADDR, 0xfee01000);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_WRITE, 0x87);
		faults_and_sets_nothing(&tables, IOMMUSIM_DMA_READ, 0x87);
		sm_stop(&tables.sm);
	}
}

/* ---- flags that cannot be set ------------------------------------------------------------------ */

/*
 * SFS.9, SSS.5: where walks are not snooped, an entry that lacks a flag it needs. `level` lacks A (or,
 * `flag`, another); all others have everything.
 */
static void check_unsnooped(struct tables *tables, unsigned level, uint64_t flag, bool for_writes_only)
{
	const unsigned expected = tables->second ? 0x7c : 0x90;
	uint64_t every = accessed(tables) | (tables->second ? 0 : EA);

	set_all(tables, 0, every);
	set_entry_bits(tables, tables->leaf, 0, dirty(tables));
	assert_int_equal(reason(tables, IOMMUSIM_DMA_READ, 0), 0);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_WRITE, 0), 0);
	set_entry_bits(tables, level, flag, 0);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_READ, 0), for_writes_only ? 0 : expected);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_WRITE, 0), expected);
	assert_int_equal(reason(tables, IOMMUSIM_DMA_ATOMIC, 0), expected);
	assert_set(tables, 0, 0);
}

static void check_unsnooped_tables(
    bool second, unsigned leaf, const struct vtd_setup *setup, uint64_t pwsnp)
{
	struct tables tables;

	for (unsigned level = leaf; level <= 4; level++) {
		start_with(&tables, second, 4, leaf, setup);
		change_pasid_entry(&tables.sm, 1, pwsnp, 0);
		check_unsnooped(&tables, level, accessed(&tables), false);
		sm_stop(&tables.sm);
	}
	start_with(&tables, second, 4, leaf, setup);
	change_pasid_entry(&tables.sm, 1, pwsnp, 0);
	check_unsnooped(&tables, leaf, dirty(&tables), true);
	sm_stop(&tables.sm);
}

static void without_pwsnp_a_missing_flag_is_reason_90_or_7c(void **state)
{
	const struct vtd_setup setup = { .settings.cache = IOMMUSIM_CACHE_NONE };

	(void)state;
	for (unsigned leaf = 1; leaf <= 3; leaf++) {
		check_unsnooped_tables(false, leaf, &setup, SM_PWSNP);
		check_unsnooped_tables(true, leaf, &setup, SM_PWSNP);
	}
}

/* Units without SMPWCS have neither EAFS nor SSADS (11.4.3), but the first stage has its flags. */
static void without_smpwcs_a_missing_flag_is_reason_90(void **state)
{
	const struct vtd_setup setup = { .ecap_clear = ECAP_SMPWCS | ECAP_EAFS | ECAP_SSADS,
		.settings.cache = IOMMUSIM_CACHE_NONE };

	(void)state;
	for (unsigned leaf = 1; leaf <= 3; leaf++)
		check_unsnooped_tables(false, leaf, &setup, 0);
}

static void without_pwsnp_a_missing_extended_flag_is_reason_90(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned level = 1; level <= 4; level++) {
		start(&tables, false, 4, 1);
		change_pasid_entry(&tables.sm, 1, SM_PWSNP, 0);
		set_all(&tables, 0, A | D);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0); /* nobody wants EA */
		change_pasid_entry(&tables.sm, 2, 0, SM_EAFE);
		check_unsnooped(&tables, level, EA, false);
		sm_stop(&tables.sm);
	}
}

/* A supervisor's write wants D of a read-only page too. */
static void without_pwsnp_ssade_off_wants_nothing(void **state)
{
	struct tables tables;

	(void)state;
	start(&tables, true, 4, 1);
	change_pasid_entry(&tables.sm, 1, SM_PWSNP, 0);
	change_pasid_entry(&tables.sm, 0, SM_SSADE, 0);
	assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0);
	assert_set(&tables, 0, 0);
	sm_stop(&tables.sm);
}

/* Put the table that holds the entry of `level` where only software can write. */
static void move_to_rom(struct tables *tables, unsigned level)
{
	const uint64_t table = tables->at[level] & ~UINT64_C(0xfff);

	assert_int_equal(
	    iommusim_memory_add(tables->sm.vtd.machine, ROM, 0x1000, IOMMUSIM_MEMORY_ROM), IOMMUSIM_OK);
	for (unsigned i = 0; i < 0x1000; i += 8)
		vt_store(&tables->sm.vtd, ROM + i, vt_load(&tables->sm.vtd, table + i));
	if (level == tables->levels)
		change_pasid_entry(&tables->sm, tables->second ? 0 : 2, ADDR, ROM);
	else
		set_entry_bits(tables, level + 1, ADDR, ROM);
	tables->at[level] = ROM | (tables->at[level] & 0xfff);
	look(tables);
}

/* The reason in a walk, which changes nothing, and still foresees what cannot be changed. */
static unsigned foreseen(const struct tables *tables, enum iommusim_dma_kind kind)
{
	const struct iommusim_dma_request request = { .address = tables->input,
		.length = 8,
		.kind = kind,
		.has_pasid = true,
		.pasid = SM_PASID };
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(tables->sm.vtd.device, &request, &walk), IOMMUSIM_OK);
	return walk.result.faulted ? walk.result.fault.reason : 0;
}

/* SFS.10, SSS.6: one entry cannot be written. With its flags set it need not be. */
static void flags_in_read_only_memory_are_reason_91_or_7d(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		for (unsigned level = 1; level <= 4; level++) {
			const unsigned expected = second ? 0x7d : 0x91;

			start(&tables, second != 0, 4, 1);
			move_to_rom(&tables, level);
			assert_int_equal(foreseen(&tables, IOMMUSIM_DMA_READ), expected);
			assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), expected);
			assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), expected);
			assert_int_equal(
			    vt_load(&tables.sm.vtd, tables.at[level]), tables.before[level]);
			set_entry_bits(&tables, level, 0, accessed(&tables));
			assert_int_equal(foreseen(&tables, IOMMUSIM_DMA_READ), 0);
			assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), 0);
			assert_int_equal(
			    foreseen(&tables, IOMMUSIM_DMA_WRITE), level == 1 ? expected : 0);
			assert_int_equal(
			    reason(&tables, IOMMUSIM_DMA_WRITE, 0), level == 1 ? expected : 0);
			assert_int_equal(
			    reason(&tables, IOMMUSIM_DMA_ATOMIC, 0), level == 1 ? expected : 0);
			set_entry_bits(&tables, 1, 0, dirty(&tables));
			assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0);
			sm_stop(&tables.sm);
		}
	}
}

/* ---- caches ------------------------------------------------------------------------------------ */

static uint64_t leaf_flags(struct tables *tables)
{
	return vt_load(&tables->sm.vtd, tables->at[tables->leaf]) & (accessed(tables) | dirty(tables));
}

static void check_write_after_reads(struct tables *tables, enum iommusim_dma_kind write, uint32_t pasid)
{
	struct scalable *sm = &tables->sm;

	for (unsigned time = 0; time < 3; time++)
		assert_int_equal(sm_reason(sm, IOMMUSIM_DMA_READ, tables->input, pasid, 0), 0);
	assert_int_equal(leaf_flags(tables), accessed(tables));
	assert_int_equal(sm_reason(sm, write, tables->input, pasid, 0), 0);
	assert_int_equal(leaf_flags(tables), accessed(tables) | dirty(tables));
	assert_int_equal(sm_reason(sm, write, tables->input, pasid, 0), 0);
}

/* What a read left in a cache must not keep a write from setting D. */
static void a_write_after_a_cached_read_sets_dirty(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_HOARD,
		IOMMUSIM_CACHE_NONE, IOMMUSIM_CACHE_SIZED, IOMMUSIM_CACHE_ADVERSE };
	static const enum iommusim_dma_kind writes[] = { IOMMUSIM_DMA_WRITE, IOMMUSIM_DMA_ATOMIC };
	static const uint32_t pasids[] = { SM_PASID, SM_NO_PASID };
	struct tables tables;

	(void)state;
	for (unsigned i = 0; i < 4 * 2 * 3 * 2 * 2; i++) {
		const struct vtd_setup setup = { .settings.cache = policies[i % 4] };

		start_with(&tables, i / 4 % 2 != 0, 4, 1 + i / 8 % 3, &setup);
		check_write_after_reads(&tables, writes[i / 24 % 2], pasids[i / 48]);
		sm_stop(&tables.sm);
	}
}

/* A translation request that may lead to writes is no different (4.2.3.1). */
static void so_does_a_translation_request_after_a_cached_read(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		start_with(&tables, second != 0, 4, 1, &(struct vtd_setup){ .ecap_set = ECAP_NWFS });
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), 0);
		assert_int_equal(
		    reason(&tables, IOMMUSIM_DMA_READ, SM_TRANSLATION_REQUEST | SM_NO_WRITE), 0);
		assert_int_equal(leaf_flags(&tables), accessed(&tables));
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, SM_TRANSLATION_REQUEST), 0);
		assert_int_equal(leaf_flags(&tables), accessed(&tables) | dirty(&tables));
		sm_stop(&tables.sm);
	}
}

/* Another requester's read, where one device's fill answers for others in the domain. */
static void so_does_a_write_after_another_devices_read(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		start_with(&tables, second != 0, 4, 1, &(struct vtd_setup){ 0 });
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, SM_UPPER), 0);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0);
		assert_int_equal(leaf_flags(&tables), accessed(&tables) | dirty(&tables));
		sm_stop(&tables.sm);
	}
}

/* VT-d 6.5.2.5, type 6: everything with a PASID (G=2 in 5:4, DID 31:16, PASID 51:32). */
static void invalidate_pasid(struct tables *tables)
{
	const uint64_t quads[4] = { 6 | 2 << 4 | (uint64_t)SM_DOMAIN << 16 | (uint64_t)SM_PASID << 32 };

	sm_submit(&tables->sm, quads);
}

/* Flags that software cleared are set again once it has invalidated (3.6.2, 3.7.2). */
static void cleared_flags_are_set_again_after_an_invalidation(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		/* the second stage's paging structures go with their domain (type 2, G=2) */
		const uint64_t of_domain[4] = { 2 | 2 << 4 | (uint64_t)SM_DOMAIN << 16 };

		start_with(&tables, second != 0, 4, 1, &(struct vtd_setup){ 0 });
		sm_queue_start(&tables.sm);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0);
		assert_set(&tables, accessed(&tables), dirty(&tables));
		restore(&tables);
		invalidate_pasid(&tables);
		if (second)
			sm_submit(&tables.sm, of_domain);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), 0);
		assert_set(&tables, accessed(&tables), 0);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0);
		assert_set(&tables, accessed(&tables), dirty(&tables));
		sm_stop(&tables.sm);
	}
}

/*
 * Software took the page away after a read had cached it, and has not invalidated yet. A write needs D,
 * so it meets the entry as it is: nothing may be put into that, least of all a page that is gone.
 */
static void an_entry_that_is_gone_is_not_written(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		start_with(&tables, second != 0, 4, 1, &(struct vtd_setup){ 0 });
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), 0);
		vt_store(&tables.sm.vtd, tables.at[1], 0);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), second ? 0x79 : 0x71);
		assert_int_equal(vt_load(&tables.sm.vtd, tables.at[1]), 0);
		vt_store(&tables.sm.vtd, tables.at[1], 0x3000000 | BIT(55));
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), second ? 0x79 : 0x71);
		assert_int_equal(vt_load(&tables.sm.vtd, tables.at[1]), 0x3000000 | BIT(55));
		sm_stop(&tables.sm);
	}
}

/* D means that the page the entry names was written: so the write goes there. */
static void an_entry_that_names_another_page_is_dirty_when_that_is_written(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		const uint64_t bits = second ? 3 : FULL;
		struct iommusim_dma_page page;

		start_with(&tables, second != 0, 4, 1, &(struct vtd_setup){ 0 });
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_READ, 0), 0);
		vt_store(&tables.sm.vtd, tables.at[1], 0x3005000 | bits);
		page = sm_access(&tables.sm, IOMMUSIM_DMA_WRITE, tables.input, 8, SM_PASID, 0);
		assert_false(page.faulted);
		assert_int_equal(page.physical, 0x3005000);
		assert_int_equal(vt_load(&tables.sm.vtd, tables.at[1]),
		    0x3005000 | bits | accessed(&tables) | dirty(&tables));
		sm_stop(&tables.sm);
	}
}

/* ---- threads ----------------------------------------------------------------------------------- */

#define ROUNDS 4000u /* in which software gives a page and takes it away again */
#define NOTES  60000u

/* A device that writes on and on; and in which rounds each write that went through began and ended. */
struct writer {
	struct tables *tables;
	_Atomic bool stop;
	_Atomic unsigned requests;
	_Atomic unsigned round; /* software's */
	struct note {
		unsigned first, last;
		uint64_t page;
	} notes[NOTES];
	unsigned note_count;
	struct taken {
		uint64_t page;
		bool dirty;
	} taken[ROUNDS];
};

static void write_once(struct writer *writer)
{
	const struct iommusim_dma_request request = { .address = writer->tables->input,
		.length = 8,
		.kind = IOMMUSIM_DMA_WRITE,
		.has_pasid = true,
		.pasid = SM_PASID }; /* without data: the page itself is nobody's concern */
	const unsigned first = atomic_load(&writer->round);
	struct iommusim_dma_outcome outcome;

	(void)iommusim_dma(writer->tables->sm.vtd.device, &request, &outcome, NULL, 0);
	if (!outcome.page.faulted && writer->note_count < NOTES)
		writer->notes[writer->note_count++] = (struct note){ .first = first,
			.last = atomic_load(&writer->round),
			.page = outcome.page.physical & ~UINT64_C(0xfff) };
	atomic_fetch_add(&writer->requests, 1);
}

static void *write_on(void *argument)
{
	struct writer *writer = argument;

	while (!atomic_load(&writer->stop))
		write_once(writer);
	return NULL;
}

/*
 * What was taken stays away until the request that was under way is over: what it is about to put into
 * the entry would come by then. The next request has only begun when this returns.
 */
static bool stays_taken(struct writer *writer, _Atomic uint64_t *entry)
{
	const unsigned requests = atomic_load(&writer->requests);

	while (atomic_load(&writer->requests) == requests)
		sched_yield();
	return atomic_load(entry) == 0;
}

static bool is_late(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - start->tv_sec > 2;
}

/*
 * Give a page, one of two, and take it away, each with one store, the second sooner or later while a
 * request is under way. False: something else came out. A busy machine may not see all rounds.
 */
static bool exchanges_hold(struct writer *writer)
{
	const struct tables *tables = writer->tables;
	const uint64_t flags = accessed(tables) | dirty(tables);
	_Atomic uint64_t *entry =
	    iommusim_memory_host(tables->sm.vtd.machine, tables->at[tables->leaf], 8);
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned round = 0; round < ROUNDS && !is_late(&start); round++) {
		const uint64_t given = tables->before[tables->leaf] ^ (round % 2 == 0 ? 0 : 0x1000);
		uint64_t taken;

		if (!stays_taken(writer, entry))
			return false;
		atomic_store(&writer->round, round);
		atomic_store(entry, given);
		for (unsigned spin = 0; spin < round % 256; spin++)
			(void)atomic_load(&writer->requests);
		taken = atomic_exchange(entry, 0);
		writer->taken[round] =
		    (struct taken){ .page = given & ADDR, .dirty = (taken & dirty(tables)) != 0 };
		if ((taken & ~flags) != given)
			return false;
	}
	return stays_taken(writer, entry);
}

/* A write that went through has left D in the entry of the page it went to. */
static bool left_dirty(const struct writer *writer, const struct note *note)
{
	for (unsigned round = note->first; round <= note->last; round++)
		if (writer->taken[round].page == note->page && writer->taken[round].dirty)
			return true;
	return false;
}

static void check_beside_dma(struct writer *writer)
{
	const struct tables *tables = writer->tables;
	pthread_t thread;
	bool held;

	vt_store(&writer->tables->sm.vtd, tables->at[tables->leaf], 0);
	assert_int_equal(pthread_create(&thread, NULL, write_on, writer), 0);
	held = exchanges_hold(writer);
	atomic_store(&writer->stop, true);
	pthread_join(thread, NULL);
	assert_true(held);
	for (unsigned i = 0; i < writer->note_count; i++)
		assert_true(left_dirty(writer, &writer->notes[i]));
}

/* Software's own change of an entry, beside DMA, is neither overwritten nor missed. */
static void software_that_takes_a_page_away_beside_dma_keeps_it(void **state)
{
	static struct writer writer;
	static struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		memset(&writer, 0, sizeof(writer));
		writer.tables = &tables;
		start(&tables, second != 0, 4, 1);
		check_beside_dma(&writer);
		sm_stop(&tables.sm);
	}
}

/* ---- translation requests ---------------------------------------------------------------------- */

/* 4.2.3.1: as an atomic, or, with NW on units with NWFS, as a read. */
static void check_translation_request(struct tables *tables, bool no_write, bool sets_dirty)
{
	const unsigned flags = SM_TRANSLATION_REQUEST | (no_write ? SM_NO_WRITE : 0);

	assert_true(
	    sm_access(&tables->sm, IOMMUSIM_DMA_READ, tables->input, 8, SM_PASID, flags).answered);
	assert_set(tables, accessed(tables), sets_dirty ? dirty(tables) : 0);
	restore(tables);
}

static void a_translation_request_counts_as_an_atomic_or_as_a_read(void **state)
{
	struct tables tables;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const bool second = (i & 1) != 0, nwfs = (i & 2) != 0, no_write = (i & 4) != 0;
		const struct vtd_setup setup = { .ecap_set = nwfs ? ECAP_NWFS : 0,
			.settings.cache = IOMMUSIM_CACHE_NONE };

		for (unsigned leaf = 1; leaf <= 3; leaf++) {
			start_with(&tables, second, 4, leaf, &setup);
			check_translation_request(&tables, no_write, !no_write || !nwfs);
			/* of a page that may not be written nothing becomes dirty */
			set_entry_bits(&tables, leaf, 2, 0);
			check_translation_request(&tables, no_write, false);
			set_entry_bits(&tables, leaf, 0, 2);
			set_entry_bits(&tables, 4, 2, 0);
			check_translation_request(&tables, no_write, false);
			sm_stop(&tables.sm);
		}
	}
}

/* Who is told that the page may be written only may write it. */
static void a_translation_request_marks_a_write_only_page(void **state)
{
	struct tables tables;

	(void)state;
	start(&tables, true, 4, 1);
	set_entry_bits(&tables, 1, 1, 0);
	check_translation_request(&tables, false, true);
	sm_stop(&tables.sm);
}

static void a_translation_request_sets_the_extended_flag(void **state)
{
	struct tables tables;

	(void)state;
	start(&tables, false, 5, 1);
	change_pasid_entry(&tables.sm, 2, 0, SM_EAFE);
	assert_true(sm_access(&tables.sm, IOMMUSIM_DMA_READ, INPUT, 8, SM_PASID, SM_TRANSLATION_REQUEST)
			.answered);
	assert_set(&tables, A | EA, D);
	sm_stop(&tables.sm);
}

static void a_translation_request_that_gets_no_rights_sets_nothing(void **state)
{
	struct tables tables;

	(void)state;
	start(&tables, false, 4, 1);
	set_entry_bits(&tables, 1, US, 0);
	assert_true(
	    sm_access(&tables.sm, IOMMUSIM_DMA_READ, tables.input, 8, SM_PASID, SM_TRANSLATION_REQUEST)
		.answered);
	assert_set(&tables, 0, 0);
	set_entry_bits(&tables, 1, P, US);
	assert_true(
	    sm_access(&tables.sm, IOMMUSIM_DMA_READ, tables.input, 8, SM_PASID, SM_TRANSLATION_REQUEST)
		.answered);
	assert_set(&tables, 0, 0);
	sm_stop(&tables.sm);
	start(&tables, true, 4, 1);
	set_entry_bits(&tables, 1, 3, 0);
	assert_true(
	    sm_access(&tables.sm, IOMMUSIM_DMA_READ, tables.input, 8, SM_PASID, SM_TRANSLATION_REQUEST)
		.answered);
	assert_set(&tables, 0, 0);
	sm_stop(&tables.sm);
}

/* ---- processor caches -------------------------------------------------------------------------- */

/* Snooped walks set flags where software sees them, and do not write back what it has not. */
static void flags_are_set_in_processor_caches(void **state)
{
	const uint64_t other = 0x1234567;
	struct tables tables;

	(void)state;
	for (unsigned second = 0; second < 2; second++) {
		start_with(&tables, second != 0, 4, 1,
		    &(struct vtd_setup){ .device_view = true, .settings.cache = IOMMUSIM_CACHE_NONE });
		assert_int_equal(
		    iommusim_memory_write(tables.sm.vtd.machine, tables.at[1] ^ 8, &other, 8),
		    IOMMUSIM_OK);
		assert_int_equal(reason(&tables, IOMMUSIM_DMA_WRITE, 0), 0);
		assert_set(&tables, accessed(&tables), dirty(&tables));
		assert_int_equal(vt_load(&tables.sm.vtd, tables.at[1] ^ 8), other);
		sm_stop(&tables.sm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_request_sets_what_it_should),
		cmocka_unit_test(the_extended_flag_is_set_where_it_is_enabled),
		cmocka_unit_test(entries_that_point_at_tables_have_no_dirty_flag),
		cmocka_unit_test(the_second_stage_sets_nothing_without_ssade),
		cmocka_unit_test(a_supervisors_write_to_a_read_only_page_sets_dirty),
		cmocka_unit_test(two_pages_have_each_their_own),
		cmocka_unit_test(an_explained_walk_sets_nothing),
		cmocka_unit_test(a_walk_that_ends_early_sets_nothing),
		cmocka_unit_test(a_request_without_the_right_sets_nothing),
		cmocka_unit_test(an_output_in_the_interrupt_range_sets_nothing),
		cmocka_unit_test(without_pwsnp_a_missing_flag_is_reason_90_or_7c),
		cmocka_unit_test(without_smpwcs_a_missing_flag_is_reason_90),
		cmocka_unit_test(without_pwsnp_a_missing_extended_flag_is_reason_90),
		cmocka_unit_test(without_pwsnp_ssade_off_wants_nothing),
		cmocka_unit_test(flags_in_read_only_memory_are_reason_91_or_7d),
		cmocka_unit_test(a_write_after_a_cached_read_sets_dirty),
		cmocka_unit_test(so_does_a_translation_request_after_a_cached_read),
		cmocka_unit_test(so_does_a_write_after_another_devices_read),
		cmocka_unit_test(cleared_flags_are_set_again_after_an_invalidation),
		cmocka_unit_test(an_entry_that_is_gone_is_not_written),
		cmocka_unit_test(an_entry_that_names_another_page_is_dirty_when_that_is_written),
		cmocka_unit_test(software_that_takes_a_page_away_beside_dma_keeps_it),
		cmocka_unit_test(a_translation_request_counts_as_an_atomic_or_as_a_read),
		cmocka_unit_test(a_translation_request_marks_a_write_only_page),
		cmocka_unit_test(a_translation_request_sets_the_extended_flag),
		cmocka_unit_test(a_translation_request_that_gets_no_rights_sets_nothing),
		cmocka_unit_test(flags_are_set_in_processor_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
