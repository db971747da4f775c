/* Conditions of Table 30 up to the PASID-table entry, each made by hand. Proofs stand in the tests. */
#include "scalable_scene.h"

#define POINTER UINT64_C(0xfffffffffffff000)

void scene_start_with(struct scene *scene, enum scene_caches caches)
{
	const struct vtd_setup setup = {
		.cap_set = CAP_ESRTPS | (caches == SCENE_CACHING_MODE ? CAP_CM : 0),
		.ecap_clear = ECAP_PSS,
		.ecap_set = (UINT64_C(14) << 35) | ECAP_MTS | ECAP_PRS | ECAP_NWFS | ECAP_ADMS |
		    ECAP_RPRIVS | ECAP_HPTS | ECAP_PTRS,
		.settings.cache = caches == SCENE_NO_CACHE ? IOMMUSIM_CACHE_NONE : IOMMUSIM_CACHE_HOARD
	};
	struct scalable *sm = &scene->sm;

	memset(scene, 0, sizeof(*scene));
	scene->cached = caches != SCENE_NO_CACHE;
	sm_start(sm, &setup);
	sm_second_stage(sm, SM_NO_PASID, SM_DOMAIN);
	sm_second_stage(sm, SM_PASID, SM_DOMAIN + 1);
	sm_map_second(sm, sm->second, 4, SCENE_INPUT, SCENE_OUTPUT, 3, 1);
	scene_edit(scene, sm_context_at(sm, VTD_RID), 0, SM_EPTR);
	scene->address = SCENE_INPUT;
	scene->pasid = SM_NO_PASID;
}

void scene_start(struct scene *scene)
{
	scene_start_with(scene, SCENE_NO_CACHE);
}

void scene_stop(struct scene *scene)
{
	sm_stop(&scene->sm);
}

void scene_choose(struct scene *scene, enum scene_column column)
{
	static const unsigned flags[SCENE_COLUMNS] = { 0, 0, SM_TRANSLATION_REQUEST,
		SM_TRANSLATION_REQUEST, SM_TRANSLATED, SM_TRANSLATED };

	scene->flags = flags[column];
	scene->pasid = column % 2 == 0 ? SM_NO_PASID : SM_PASID;
}

void scene_edit(struct scene *scene, uint64_t at, uint64_t clear, uint64_t set)
{
	vt_store(&scene->sm.vtd, at, (vt_load(&scene->sm.vtd, at) & ~clear) | set);
}

static void edit_root(struct scene *scene, uint64_t clear, uint64_t set)
{
	scene_edit(scene, sm_root_at(&scene->sm, VTD_RID), clear, set);
}

static void edit_context(struct scene *scene, unsigned quad, uint64_t clear, uint64_t set)
{
	scene_edit(scene, sm_context_at(&scene->sm, VTD_RID) + quad * UINT64_C(8), clear, set);
}

/* Both PASIDs have the same directory entry, the first one. */
static void edit_directory(struct scene *scene, uint64_t clear, uint64_t set)
{
	scene_edit(scene, scene->sm.directory, clear, set);
}

static void edit_entries(struct scene *scene, unsigned quad, uint64_t clear, uint64_t set)
{
	const uint64_t table = scene->sm.table + quad * UINT64_C(8);

	scene_edit(scene, table + SM_RID_PASID * UINT64_C(64), clear, set);
	scene_edit(scene, table + SM_PASID * UINT64_C(64), clear, set);
}

void scene_enable_host_permissions(struct scene *scene)
{
	edit_context(scene, 0, 0, SM_HPTE);
}

void scene_disable_faults(struct scene *scene, unsigned entries)
{
	if ((entries & SCENE_FPD_CONTEXT) != 0)
		edit_context(scene, 0, 0, SM_FPD);
	if ((entries & SCENE_FPD_DIRECTORY) != 0)
		edit_directory(scene, 0, SM_FPD);
	if ((entries & SCENE_FPD_TABLE) != 0)
		edit_entries(scene, 0, 0, SM_FPD);
}

/* ---- the conditions -------------------------------------------------------------------------- */

static void mode_reserved(struct scene *s)
{
	sm_latch_root(&s->sm, SM_TTM_RESERVED);
}

static void mode_abort(struct scene *s)
{
	sm_latch_root(&s->sm, SM_TTM_ABORT);
}

/* The register takes only the address: the entries stay where they are. */
static void root_unreadable(struct scene *s)
{
	vt_latch_root(&s->sm.vtd, SCENE_HOLE | SM_TTM_SCALABLE);
}

static void root_absent(struct scene *s)
{
	edit_root(s, SM_P, 0);
}

static void root_bits(struct scene *s)
{
	edit_root(s, 0, 0x800);
}

static void root_address(struct scene *s)
{
	edit_root(s, 0, BIT(VTD_HAW));
}

static void context_unreadable(struct scene *s)
{
	edit_root(s, POINTER, SCENE_HOLE);
}

static void context_absent(struct scene *s)
{
	edit_context(s, 0, SM_P, 0);
}

static void context_bits(struct scene *s)
{
	edit_context(s, 0, 0, 0x80);
}

static void context_address(struct scene *s)
{
	edit_context(s, 0, 0, BIT(63));
}

static void context_second_quad(struct scene *s)
{
	edit_context(s, 1, 0, BIT(21));
}

static void context_last_quad(struct scene *s)
{
	edit_context(s, 3, 0, BIT(63));
}

/* SCT.4.1 */
static void page_requests_without_device_tlb(struct scene *s)
{
	edit_context(s, 0, SM_DTE, SM_PRE);
}

/* SCT.4.2: PDTS=0 ends at 1fffh. */
static void own_pasid_beyond_directory(struct scene *s)
{
	edit_context(s, 1, 0xfffff, 0x2000);
}

/* SCT.4.3 */
static void translated_pasids_without_pasids(struct scene *s)
{
	edit_context(s, 0, SM_PASIDE, SM_EPTR);
}

static void device_tlb_off(struct scene *s)
{
	edit_context(s, 0, SM_DTE, 0);
}

static void pasids_off(struct scene *s)
{
	edit_context(s, 0, SM_PASIDE | SM_EPTR, 0);
}

static void pasid_beyond_directory(struct scene *s)
{
	s->pasid = 0x2000;
}

static void pasid_of_others(struct scene *s)
{
	s->pasid = SM_RID_PASID;
}

static void translated_pasids_off(struct scene *s)
{
	edit_context(s, 0, SM_EPTR, 0);
}

static void directory_unreadable(struct scene *s)
{
	edit_context(s, 0, POINTER, SCENE_HOLE);
}

static void directory_absent(struct scene *s)
{
	edit_directory(s, SM_P, 0);
}

static void directory_bits(struct scene *s)
{
	edit_directory(s, 0, 0x4);
}

static void directory_address(struct scene *s)
{
	edit_directory(s, 0, BIT(63));
}

static void table_unreadable(struct scene *s)
{
	edit_directory(s, POINTER, SCENE_HOLE);
}

static void entry_absent(struct scene *s)
{
	edit_entries(s, 0, SM_P, 0);
}

static void entry_bits(struct scene *s)
{
	edit_entries(s, 0, 0, 0x20);
}

static void entry_address(struct scene *s)
{
	edit_entries(s, 0, 0, BIT(VTD_HAW));
}

static void entry_last_quad(struct scene *s)
{
	edit_entries(s, 7, 0, 1);
}

static void type_reserved(struct scene *s)
{
	edit_entries(s, 0, UINT64_C(7) << 6, UINT64_C(5) << 6);
}

static void width_reserved(struct scene *s)
{
	edit_entries(s, 0, SM_AW(7), SM_AW(4));
}

static void paging_mode_reserved(struct scene *s)
{
	edit_entries(s, 0, UINT64_C(7) << 6, SM_FIRST);
	edit_entries(s, 2, SM_FSPM(3), SM_FSPM(2));
}

/* SPT.4.4: AW=1 are 39 bits. */
static void nested_pointer_too_wide(struct scene *s)
{
	edit_entries(s, 0, UINT64_C(7) << 6 | SM_AW(7), SM_NESTED | SM_AW(1));
	edit_entries(s, 2, POINTER, BIT(39));
}

static void for_execution(struct scene *s)
{
	s->flags |= SM_EXECUTE;
}

/* Privileged by its own word, or by RID_PRIV. */
static void privileged(struct scene *s)
{
	s->flags |= SM_PRIVILEGED;
	edit_context(s, 1, 0, BIT(20));
	edit_entries(s, 2, SM_SRE, 0);
}

/* PDTS=7 has all of them; the unit has 15 bits. */
static void pasid_too_wide(struct scene *s)
{
	edit_context(s, 0, 0, 0xe00);
	s->pasid = 0x8000;
}

#define ALL (SCENE_FPD_CONTEXT | SCENE_FPD_DIRECTORY | SCENE_FPD_TABLE)
#define TWO (SCENE_FPD_CONTEXT | SCENE_FPD_DIRECTORY)
#define ONE SCENE_FPD_CONTEXT

/*
 * Table 30. Step: of an entry, reading it, P, then the rest; within the rest there is no order. Step 0
 * is about the request alone, and where on the way it is judged is not said; that it is qualified says
 * that the context entry was met before.
 */
const struct scene_condition scene_conditions[SCENE_CONDITIONS] = {
	{ mode_reserved, "UUCCUU", 0x30, 1, false, 0 },
	{ mode_abort, "UUUUUU", 0x33, 1, false, 0 },
	{ root_unreadable, "UUCCUU", 0x38, 2, false, 0 },
	{ root_absent, "UUUUUU", 0x39, 3, false, 0 },
	{ root_bits, "UUCCUU", 0x3a, 4, false, 0 },
	{ root_address, "UUCCUU", 0x3a, 4, false, 0 },
	{ context_unreadable, "UUCCUU", 0x40, 5, false, 0 },
	{ context_absent, "UUUUUU", 0x41, 6, true, ONE },
	{ context_bits, "UUCCUU", 0x42, 7, true, ONE },
	{ context_address, "UUCCUU", 0x42, 7, true, ONE },
	{ context_second_quad, "UUCCUU", 0x42, 7, true, ONE },
	{ context_last_quad, "UUCCUU", 0x42, 7, true, ONE },
	{ page_requests_without_device_tlb, "UUCCUU", 0x43, 7, true, ONE },
	{ own_pasid_beyond_directory, "UUCCUU", 0x43, 7, true, ONE },
	{ translated_pasids_without_pasids, "U.C.UU", 0x43, 7, true, ONE },
	{ device_tlb_off, "..UUUU", 0x44, 7, true, ONE },
	{ pasids_off, ".U.U..", 0x45, 7, true, ONE },
	{ pasid_beyond_directory, ".U.U.U", 0x46, 7, true, ONE },
	{ pasid_of_others, ".U.U.U", 0x48, 7, true, ONE },
	{ translated_pasids_off, ".....U", 0x49, 7, true, ONE },
	{ directory_unreadable, "UUCCCC", 0x50, 8, false, ONE },
	{ directory_absent, "UUSSUU", 0x51, 9, true, TWO },
	{ directory_bits, "UUCCCC", 0x52, 10, true, TWO },
	{ directory_address, "UUCCCC", 0x52, 10, true, TWO },
	{ table_unreadable, "UUCCCC", 0x58, 11, false, TWO },
	{ entry_absent, "UUSSUU", 0x59, 12, true, ALL },
	{ entry_bits, "UUCCCC", 0x5a, 13, true, ALL },
	{ entry_address, "UUCCCC", 0x5a, 13, true, ALL },
	{ entry_last_quad, "UUCCCC", 0x5a, 13, true, ALL },
	{ type_reserved, "UUCCCC", 0x5b, 13, true, ALL },
	{ width_reserved, "UUCCCC", 0x5b, 13, true, ALL },
	{ paging_mode_reserved, "UUCCCC", 0x5b, 13, true, ALL },
	{ nested_pointer_too_wide, "UUCCCC", 0x5b, 13, true, ALL },
	{ for_execution, ".U.S..", 0x5c, 0, true, ONE },
	{ privileged, "UUSS..", 0x5d, 13, true, ALL },
	{ pasid_too_wide, ".U.U.U", 0x89, 0, true, ONE },
};

/* ---- the request, and what became of it ------------------------------------------------------ */

static enum iommusim_dma_address_type address_type(const struct scene *scene)
{
	if ((scene->flags & SM_TRANSLATION_REQUEST) != 0)
		return IOMMUSIM_DMA_TRANSLATION_REQUEST;
	return (scene->flags & SM_TRANSLATED) != 0 ? IOMMUSIM_DMA_TRANSLATED
						   : IOMMUSIM_DMA_UNTRANSLATED;
}

/* walk.h: "as iommusim_dma() would report the page now, uncached"; and it leaves no record. */
static void expect_walk(
    const struct iommusim_dma_page *walked, const struct iommusim_dma_page *page, bool cached)
{
	assert_false(walked->fault.recorded);
	if (cached)
		return;
	assert_int_equal(walked->faulted, page->faulted);
	assert_int_equal(walked->fault.reason, page->fault.reason);
	assert_int_equal(walked->fault.class_, page->fault.class_);
	assert_int_equal(walked->fault.aborts, page->fault.aborts);
	assert_int_equal(walked->fault.suppressed, page->fault.suppressed);
	assert_int_equal(walked->fault.record[0], page->fault.record[0]);
	assert_int_equal(walked->fault.record[1], page->fault.record[1]);
	assert_int_equal(walked->answered, page->answered);
	assert_int_equal(walked->granted, page->granted);
	assert_int_equal(walked->untranslated_only, page->untranslated_only);
	assert_int_equal(walked->privileged, page->privileged);
	if (page->faulted)
		return;
	assert_int_equal(walked->physical, page->physical);
	assert_int_equal(walked->domain, page->domain);
}

struct iommusim_dma_outcome scene_ask(struct scene *scene)
{
	struct iommusim_requester *const device =
	    (scene->flags & SM_UPPER) != 0 ? scene->sm.upper : scene->sm.vtd.device;
	const bool has_pasid = scene->pasid != SM_NO_PASID;
	uint64_t data = 0;
	const struct iommusim_dma_request request = { .address = scene->address,
		.length = sizeof(data),
		.kind = scene->kind,
		.address_type = address_type(scene),
		.has_pasid = has_pasid,
		.pasid = has_pasid ? scene->pasid : 0,
		.privileged = has_pasid && (scene->flags & SM_PRIVILEGED) != 0,
		.execute = has_pasid && (scene->flags & SM_EXECUTE) != 0,
		.no_write = (scene->flags & SM_NO_WRITE) != 0,
		.data = &data };
	struct iommusim_dma_outcome outcome;
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(device, &request, &walk), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	expect_walk(&walk.result, &outcome.page, scene->cached);
	return outcome;
}

/* Of the upper half: F 63, T1 62, AT 61:60, PV 59:40, FR 39:32, PP 31, EXE 30, PRIV 29, T2 28, SID. */
uint64_t scene_record(const struct scene *scene, unsigned reason)
{
	static const uint64_t types[] = { [IOMMUSIM_DMA_READ] = UINT64_C(0xc000000000000000),
		[IOMMUSIM_DMA_WRITE] = UINT64_C(0x8000000000000000),
		[IOMMUSIM_DMA_ATOMIC] = UINT64_C(0xc000000010000000) };
	uint64_t record = types[scene->kind] | (uint64_t)reason << 32 |
	    ((scene->flags & SM_UPPER) != 0 ? 0x385 : 0x310);

	if ((scene->flags & SM_TRANSLATION_REQUEST) != 0)
		record |= UINT64_C(0x1000000000000000);
	if ((scene->flags & SM_TRANSLATED) != 0)
		record |= UINT64_C(0x2000000000000000);
	if (scene->pasid == SM_NO_PASID)
		return record;
	if ((scene->flags & SM_EXECUTE) != 0)
		record |= 0x40000000;
	if ((scene->flags & SM_PRIVILEGED) != 0)
		record |= 0x20000000;
	return record | (uint64_t)scene->pasid << 40 | 0x80000000;
}

void scene_expect_recorded(struct scene *scene, unsigned reason)
{
	struct vtd_fixture *vtd = &scene->sm.vtd;
	const unsigned first = vt_get32(vtd, R_FSTS) >> 8 & 0xff; /* FRI */
	uint64_t record[2];

	assert_int_equal(vt_get32(vtd, R_FSTS) & 0xff, 2); /* PPF and nothing else */
	assert_int_equal(vt_records(vtd), 1);
	vt_record(vtd, first, record);
	assert_int_equal(record[0], scene->address & UINT64_C(0x01fffffffffff000));
	assert_int_equal(record[1], scene_record(scene, reason));
	vt_clear_record(vtd, first);
}

void scene_expect_silence(struct scene *scene)
{
	assert_int_equal(vt_records(&scene->sm.vtd), 0);
	assert_int_equal(vt_get32(&scene->sm.vtd, R_FSTS) & 0xff, 0);
	assert_int_equal(vt_get32(&scene->sm.vtd, R_FECTL), 0x80000000); /* IP clear */
}
