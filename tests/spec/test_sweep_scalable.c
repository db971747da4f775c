/*
 * Every bit of the entries of scalable mode before the paging entries (VT-d 9.2, 9.4 to 9.6), flipped
 * one at a time in an entry that is otherwise good: reserved, ignored, or meaning what it says; on units
 * that have all capabilities and on units that have none; and under each setting of FPD in the three
 * entries that have it, whether the fault is recorded.
 */
#include "scalable_scene.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Where the translation types lead the input. A nested one goes by MIDDLE, as a guest address. */
#define INPUT  UINT64_C(0x5000)
#define MIDDLE UINT64_C(0x6000)
#define OTHER  UINT64_C(0x7000)
#define OUTPUT UINT64_C(0x9000)

/* Tables that have no other one a flipped bit away. */
#define LOWER     UINT64_C(0x3c00000)
#define UPPER     UINT64_C(0x3f00000)
#define DIRECTORY UINT64_C(0x3cc0000)
#define TABLE     UINT64_C(0x3c30000)
#define FIRST     UINT64_C(0x3c0c000)
#define SECOND    UINT64_C(0x3c03000)

#define EACH UINT64_MAX

/* Reserved bits above the host address width. */
static const struct {
	uint8_t width;
	uint64_t reserved;
} hosts[] = {
	{ 39, UINT64_C(0xffffff8000000000) },
	{ 46, UINT64_C(0xffffc00000000000) },
	{ 52, UINT64_C(0xfff0000000000000) },
};

/*
 * A unit, and what it makes of each bit. The fields of quadwords that have an address are marked with
 * the bits above the host address width left out; domain ids have 8 bits.
 */
static const struct unit {
	uint64_t cap_clear, ecap_set, ecap_clear;
	bool all;         /* capabilities */
	uint8_t types[4]; /* PGTT it has, and is swept with; 0: no more */
	uint64_t context_reserved[4], entry_reserved[8];
} units[] = {
	/* everything */
	{ .ecap_set = ECAP_MTS | ECAP_PRS | ECAP_NWFS | ECAP_ADMS | ECAP_RPRIVS | ECAP_HPTS | ECAP_PTRS,
	    .all = true,
	    .types = { 1, 2, 3, 4 },
	    .context_reserved = { 0x180, UINT64_C(0xffffffffffe00000), EACH, EACH },
	    .entry_reserved = { 0xc20, 0xf87fff00, 0xf02, EACH, 0xff8, UINT64_C(0xffffffffffff0000),
		EACH, EACH } },
	/* nothing but pass-through */
	{ .cap_clear = SM_CAP,
	    .ecap_clear = ECAP_DT | ECAP_SC | (SM_ECAP & ~(ECAP_SMTS | ECAP_PSS)),
	    .types = { 4 },
	    .context_reserved = { 0x1fc, EACH, EACH, EACH },
	    .entry_reserved = { ~UINT64_C(0x1c3), ~UINT64_C(0xff), ~UINT64_C(0x60), EACH, EACH, EACH,
		EACH, EACH } },
	/* nothing but the first stage */
	{ .cap_clear = SM_CAP,
	    .ecap_clear = ECAP_DT | ECAP_SC | ECAP_PT | (SM_ECAP & ~(ECAP_SMTS | ECAP_PSS | ECAP_FSTS)),
	    .types = { 1 },
	    .context_reserved = { 0x1fc, EACH, EACH, EACH },
	    .entry_reserved = { ~UINT64_C(0x1c3), ~UINT64_C(0xff), 0xf83, EACH, EACH, EACH, EACH,
		EACH } },
	/* nothing but the second stage */
	{ .cap_clear = SM_CAP,
	    .ecap_clear = ECAP_DT | ECAP_SC | ECAP_PT | (SM_ECAP & ~(ECAP_SMTS | ECAP_PSS | ECAP_SSTS)),
	    .types = { 2 },
	    .context_reserved = { 0x1fc, EACH, EACH, EACH },
	    .entry_reserved = { 0xe20, ~UINT64_C(0xff), ~UINT64_C(0x60), EACH, EACH, EACH, EACH,
		EACH } },
};

struct sweep {
	struct scene scene; /* the request */
	const struct unit *unit;
	unsigned host;                                        /* index into hosts[] */
	unsigned type;                                        /* PGTT */
	uint32_t number;                                      /* the PASID that is used */
	uint64_t root[2], context[4], directory[1], entry[8]; /* good ones */
};

/* What a request comes to: where, or a reason and which FPD it met by then. */
struct result {
	uint64_t output;
	uint32_t domain;
	unsigned reason, met;
};

#define CONTEXT_MET   SCENE_FPD_CONTEXT
#define DIRECTORY_MET (CONTEXT_MET | SCENE_FPD_DIRECTORY)
#define ALL_MET       (DIRECTORY_MET | SCENE_FPD_TABLE)

static struct result fault(unsigned reason, unsigned met)
{
	return (struct result){ .reason = reason, .met = met };
}

static struct result type_result(unsigned type)
{
	static const uint64_t outputs[] = { [1] = MIDDLE, [2] = OTHER, [3] = OUTPUT, [4] = INPUT };

	return (struct result){ .output = outputs[type], .domain = SM_DOMAIN };
}

/* Table 30, column Qualified. */
static bool qualified(unsigned reason)
{
	return reason != 0x39 && reason != 0x3a && reason != 0x40 && reason != 0x50 && reason != 0x58;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void map_both_stages(struct scalable *sm)
{
	sm->first = FIRST;
	sm->second = SECOND;
	sm_map_first(sm, FIRST, 4, INPUT, MIDDLE, 0x67, 1);
	sm_map_second(sm, SECOND, 4, INPUT, OTHER, 3, 1);
	sm_map_second(sm, SECOND, 4, MIDDLE, OUTPUT, 3, 1);
	for (unsigned level = 4; level > 0; level--) {
		const uint64_t at = sm_first_at(sm, FIRST, 4, INPUT, level);
		const uint64_t table = at & ~UINT64_C(0xfff);

		/* A is set already: no unit needs to set it */
		vt_store(&sm->vtd, at, vt_load(&sm->vtd, at) | 0x20);
		sm_map_second(sm, SECOND, 4, table, table, 3, 1);
	}
}

static void make_entries(struct sweep *sweep)
{
	const struct unit *unit = sweep->unit;
	const bool second = (unit->entry_reserved[0] & BIT(12)) == 0;
	const bool first = (unit->entry_reserved[2] & BIT(12)) == 0;
	const uint64_t context[4] = { DIRECTORY | SM_P | (unit->all ? SM_DTE | SM_PASIDE : 0),
		unit->all ? SM_RID_PASID : 0 };
	const uint64_t entry[8] = {
		(second ? SECOND | SM_AW(2) : 0) | (uint64_t)sweep->type << 6 | SM_P,
		SM_DOMAIN | (unit->all ? SM_PWSNP : 0), (first ? FIRST : 0) | (unit->all ? SM_SRE : 0)
	};

	memcpy(sweep->context, context, sizeof(context));
	memcpy(sweep->entry, entry, sizeof(entry));
	sweep->root[0] = LOWER | 1;
	sweep->root[1] = UPPER | 1;
	sweep->directory[0] = TABLE | 1;
}

static void start(
    struct sweep *sweep, const struct unit *unit, unsigned host, unsigned type, bool with_pasid)
{
	struct scalable *sm = &sweep->scene.sm;

	memset(sweep, 0, sizeof(*sweep));
	sweep->unit = unit;
	sweep->host = host;
	sweep->type = type;
	sweep->scene.address = INPUT;
	sweep->scene.pasid = with_pasid ? SM_PASID : SM_NO_PASID;
	sweep->number = with_pasid ? SM_PASID : (unit->all ? SM_RID_PASID : 0);
	sm_start_uncached(sm,
	    &(struct vtd_setup){ .haw = hosts[host].width,
		.cap_clear = unit->cap_clear,
		.ecap_set = unit->ecap_set,
		.ecap_clear = unit->ecap_clear });
	map_both_stages(sm);
	make_entries(sweep);
	sm->context = LOWER;
	sm->upper_context = UPPER;
	sm->directory = DIRECTORY;
	sm->table = TABLE;
	for (unsigned half = 0; half < 2; half++)
		vt_store(&sm->vtd, sm_root_at(sm, VTD_RID) + half * UINT64_C(8), sweep->root[half]);
	sm_set_context(sm, VTD_RID, sweep->context);
	sm_set_context(sm, SM_UPPER_RID, sweep->context);
	vt_store(&sm->vtd, DIRECTORY, sweep->directory[0]);
	sm_set_entry(sm, sweep->number, sweep->entry);
}

static void stop(struct sweep *sweep)
{
	scene_stop(&sweep->scene);
}

enum structure { ROOT, CONTEXT, DIRECTORY_ENTRY, TABLE_ENTRY };

static uint64_t address_of(const struct sweep *sweep, enum structure structure)
{
	const struct scalable *sm = &sweep->scene.sm;
	const bool upper = (sweep->scene.flags & SM_UPPER) != 0;

	switch (structure) {
	case ROOT:
		return sm_root_at(sm, VTD_RID);
	case CONTEXT:
		return sm_context_at(sm, upper ? SM_UPPER_RID : VTD_RID);
	case DIRECTORY_ENTRY:
		return DIRECTORY;
	case TABLE_ENTRY:
	default:
		return TABLE + sweep->number * UINT64_C(64);
	}
}

static uint64_t good_quad(const struct sweep *sweep, enum structure structure, unsigned quad)
{
	const uint64_t *const quads[] = { sweep->root, sweep->context, sweep->directory, sweep->entry };

	return quads[structure][quad];
}

/* Good entries, FPD in those of a set, and one bit the other way. */
static void write_flipped(
    struct sweep *sweep, unsigned fpd, enum structure structure, unsigned quad, uint64_t flipped)
{
	struct vtd_fixture *vtd = &sweep->scene.sm.vtd;
	uint64_t value = good_quad(sweep, structure, quad);

	for (unsigned with = CONTEXT; with <= TABLE_ENTRY; with++) {
		const uint64_t disable = (uint64_t)(fpd >> (with - CONTEXT) & 1) << 1;

		vt_store(vtd, address_of(sweep, (enum structure)with),
		    good_quad(sweep, (enum structure)with, 0) | disable);
		if (with == (unsigned)structure && quad == 0)
			value |= disable;
	}
	vt_store(vtd, address_of(sweep, structure) + quad * UINT64_C(8), value ^ flipped);
}

/* ---- one request ----------------------------------------------------------------------------- */

static void expect_result(struct sweep *sweep, unsigned fpd, const struct result *expected)
{
	struct scene *scene = &sweep->scene;
	const bool hidden = qualified(expected->reason) && (expected->met & fpd) != 0;
	const struct iommusim_dma_page page = scene_ask(scene).page;

	if (page.fault.reason != expected->reason)
		fail_msg("reason %Xh, not %Xh", page.fault.reason, expected->reason);
	assert_int_equal(page.faulted, expected->reason != 0);
	if (expected->reason == 0) {
		assert_int_equal(page.physical, expected->output);
		assert_int_equal(page.domain, expected->domain);
		assert_int_equal(vt_get32(&scene->sm.vtd, R_FSTS) & 0xff, 0);
		return;
	}
	assert_int_equal(page.fault.suppressed, hidden);
	assert_int_equal(page.fault.recorded, !hidden);
	if (hidden)
		scene_expect_silence(scene);
	else
		scene_expect_recorded(scene, expected->reason);
}

/* One bit the other way, under each setting of FPD; reads, writes and AtomicOps take turns. */
static void expect_flipped(
    struct sweep *sweep, enum structure structure, unsigned quad, unsigned bit, struct result expected)
{
	for (unsigned fpd = 0; fpd < 8; fpd++) {
		sweep->scene.kind = (enum iommusim_dma_kind)((bit + fpd) % 3);
		write_flipped(sweep, fpd, structure, quad, BIT(bit));
		expect_result(sweep, fpd, &expected);
	}
	write_flipped(sweep, 0, structure, quad, 0);
}

/*
 * A pointer with one bit the other way: there is no memory (`hole`), memory that is zero (`empty`), and
 * then the table, of which `quads` of the entry at `offset` are enough.
 */
struct move {
	enum structure structure;
	unsigned quad;
	uint64_t table, offset;
	const uint64_t *entry;
	unsigned quads;
	struct result hole, empty;
};

static void put(struct sweep *sweep, const struct move *move, uint64_t table, bool there)
{
	for (unsigned quad = 0; quad < move->quads; quad++)
		vt_store(&sweep->scene.sm.vtd, table + move->offset + quad * UINT64_C(8),
		    there ? move->entry[quad] : 0);
}

static void expect_moved(struct sweep *sweep, const struct move *move, unsigned bit)
{
	struct iommusim_machine *machine = sweep->scene.sm.vtd.machine;
	const uint64_t table = move->table ^ BIT(bit);
	const struct result result = type_result(sweep->type);

	if (table >= VTD_RAM) {
		expect_flipped(sweep, move->structure, move->quad, bit, move->hole);
		assert_int_equal(
		    iommusim_memory_add(machine, table, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	}
	expect_flipped(sweep, move->structure, move->quad, bit, move->empty);
	put(sweep, move, table, true);
	write_flipped(sweep, 0, move->structure, move->quad, BIT(bit));
	expect_result(sweep, 0, &result);
	write_flipped(sweep, 0, move->structure, move->quad, 0);
	if (table >= VTD_RAM)
		assert_int_equal(iommusim_memory_remove(machine, table), IOMMUSIM_OK);
	else
		put(sweep, move, table, false);
}

/* ---- root entry ------------------------------------------------------------------------------ */

/* LP or UP 0, 11:1 reserved, LCTP or UCTP 63:12 of which 63:HAW are reserved. */
static void flip_root(struct sweep *sweep, bool upper)
{
	const struct result good = type_result(sweep->type);
	const uint64_t reserved = hosts[sweep->host].reserved | 0xffe;
	const struct move move = { .structure = ROOT,
		.quad = upper,
		.table = upper ? UPPER : LOWER,
		.offset = upper ? 0x05 * 32 : 0x10 * 32,
		.entry = sweep->context,
		.quads = 4,
		.hole = fault(0x40, 0),
		.empty = fault(0x41, 0) };

	sweep->scene.flags = upper ? SM_UPPER : 0;
	for (unsigned bit = 0; bit < 64; bit++) {
		expect_flipped(sweep, ROOT, !upper, bit, good);
		if (bit == 0)
			expect_flipped(sweep, ROOT, upper, bit, fault(0x39, 0));
		else if ((reserved & BIT(bit)) != 0)
			expect_flipped(sweep, ROOT, upper, bit, fault(0x3a, 0));
		else
			expect_moved(sweep, &move, bit);
	}
}

static void each_bit_of_a_root_entry_does_what_9_2_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		for (unsigned host = 0; host < COUNT(hosts); host++) {
			for (unsigned upper = 0; upper < 2; upper++) {
				struct sweep sweep;

				start(&sweep, &units[i], host, units[i].types[0], false);
				flip_root(&sweep, upper != 0);
				stop(&sweep);
			}
		}
	}
}

/* ---- context entry --------------------------------------------------------------------------- */

/* P 0, FPD 1, DTE 2, PASIDE 3, PRE 4, HPTE 5, EPTR 6, PDTS 11:9, PASIDDIRPTR 63:12. */
static void flip_context_low(struct sweep *sweep, unsigned bit)
{
	const struct move move = { .structure = CONTEXT,
		.table = DIRECTORY,
		.entry = sweep->directory,
		.quads = 1,
		.hole = fault(0x50, CONTEXT_MET),
		.empty = fault(0x51, CONTEXT_MET) };

	if (bit == 0)
		expect_flipped(sweep, CONTEXT, 0, bit, fault(0x41, CONTEXT_MET));
	else if (bit == 3 && sweep->scene.pasid != SM_NO_PASID)
		expect_flipped(sweep, CONTEXT, 0, bit, fault(0x45, CONTEXT_MET));
	else if (bit < 12)
		expect_flipped(sweep, CONTEXT, 0, bit, type_result(sweep->type));
	else
		expect_moved(sweep, &move, bit);
}

/* RID_PASID 19:0: another entry of this table, of another, beyond the directory. RID_PRIV 20. */
static void flip_context_second(struct sweep *sweep, unsigned bit)
{
	const bool used = sweep->scene.pasid == SM_NO_PASID;

	if (bit >= 13 && bit < 20)
		expect_flipped(sweep, CONTEXT, 1, bit, fault(0x43, CONTEXT_MET));
	else if (bit == 20 || !used)
		expect_flipped(sweep, CONTEXT, 1, bit, type_result(sweep->type));
	else if (bit < 6)
		expect_flipped(sweep, CONTEXT, 1, bit, fault(0x59, DIRECTORY_MET));
	else
		expect_flipped(sweep, CONTEXT, 1, bit, fault(0x51, CONTEXT_MET));
}

static void flip_context(struct sweep *sweep)
{
	for (unsigned i = 0; i < 256; i++) {
		const unsigned quad = i / 64, bit = i % 64;
		const uint64_t reserved =
		    sweep->unit->context_reserved[quad] | (quad == 0 ? hosts[sweep->host].reserved : 0);

		if ((reserved & BIT(bit)) != 0)
			expect_flipped(sweep, CONTEXT, quad, bit, fault(0x42, CONTEXT_MET));
		else if (quad == 0)
			flip_context_low(sweep, bit);
		else
			flip_context_second(sweep, bit);
	}
}

/* ---- PASID directory entry ------------------------------------------------------------------- */

/* P 0, FPD 1, 11:2 reserved, SMPTBLPTR 63:12. */
static void flip_directory(struct sweep *sweep)
{
	const uint64_t reserved = hosts[sweep->host].reserved | 0xffc;
	const struct move move = { .structure = DIRECTORY_ENTRY,
		.table = TABLE,
		.offset = sweep->number * UINT64_C(64),
		.entry = sweep->entry,
		.quads = 8,
		.hole = fault(0x58, DIRECTORY_MET),
		.empty = fault(0x59, DIRECTORY_MET) };

	for (unsigned bit = 0; bit < 64; bit++) {
		if (bit == 0)
			expect_flipped(sweep, DIRECTORY_ENTRY, 0, bit, fault(0x51, DIRECTORY_MET));
		else if ((reserved & BIT(bit)) != 0)
			expect_flipped(sweep, DIRECTORY_ENTRY, 0, bit, fault(0x52, DIRECTORY_MET));
		else if (bit == 1)
			expect_flipped(sweep, DIRECTORY_ENTRY, 0, bit, type_result(sweep->type));
		else
			expect_moved(sweep, &move, bit);
	}
}

/* ---- PASID-table entry ----------------------------------------------------------------------- */

static bool uses_first(const struct sweep *sweep)
{
	return sweep->type == 1 || sweep->type == 3;
}

static bool uses_second(const struct sweep *sweep)
{
	return sweep->type == 2 || sweep->type == 3;
}

/* The other PGTT: one the unit has, or reserved. */
static struct result other_type(const struct sweep *sweep, unsigned type)
{
	for (size_t i = 0; i < COUNT(sweep->unit->types); i++)
		if (type != 0 && sweep->unit->types[i] == type)
			return type_result(type);
	return fault(0x5b, ALL_MET);
}

/*
 * AW 4:2, where 2 was. 3 is five levels: what should be an entry of level 2 is then an unused one of
 * level 1. 0 and 6 are reserved.
 */
static struct result other_width(unsigned bit)
{
	return bit == 2 ? fault(0x79, ALL_MET) : fault(0x5b, ALL_MET);
}

/* P 0, FPD 1, AW 4:2, PGTT 8:6, SSADE 9, SSPTPTR 63:12. */
static void flip_entry_first_quad(struct sweep *sweep, unsigned bit)
{
	const uint64_t top = vt_load(&sweep->scene.sm.vtd, SECOND);
	const struct move move = { .structure = TABLE_ENTRY,
		.table = SECOND,
		.entry = &top,
		.quads = 1,
		.hole = fault(0x7b, ALL_MET),
		.empty = fault(0x79, ALL_MET) };

	if (bit == 0)
		expect_flipped(sweep, TABLE_ENTRY, 0, bit, fault(0x59, ALL_MET));
	else if (bit >= 6 && bit <= 8)
		expect_flipped(
		    sweep, TABLE_ENTRY, 0, bit, other_type(sweep, sweep->type ^ 1u << (bit - 6)));
	else if (bit == 1 || bit == 9 || !uses_second(sweep))
		expect_flipped(sweep, TABLE_ENTRY, 0, bit, type_result(sweep->type));
	else if (bit < 5)
		expect_flipped(sweep, TABLE_ENTRY, 0, bit, other_width(bit));
	else
		expect_moved(sweep, &move, bit);
}

/* DID 7:0, PWSNP 23, PGSNP 24, CD 25, EMTE 26; PAT 63:32: of each field 1 and 4 are memory types. */
static void flip_entry_second_quad(struct sweep *sweep, unsigned bit)
{
	struct result expected = type_result(sweep->type);

	if (bit >= 32 && bit % 2 != 0)
		return; /* 2 and 8 are reserved encodings, of which no more is said */
	if (bit < 8)
		expected.domain ^= (uint32_t)BIT(bit);
	expect_flipped(sweep, TABLE_ENTRY, 1, bit, expected);
}

/* FSPM 3:2, where 0 was: 1 is five levels, as for AW; 2 is reserved. */
static struct result other_paging_mode(const struct sweep *sweep, unsigned bit)
{
	return bit == 2 && sweep->unit->all ? fault(0x71, ALL_MET) : fault(0x5b, ALL_MET);
}

/* The second stage maps nothing there, or does not reach that far: AW=2 are 48 bits. */
static struct result nested_elsewhere(unsigned bit)
{
	return bit < 48 ? fault(0x79, ALL_MET) : fault(0x5b, ALL_MET);
}

/* SRE 0, FSPM 3:2, WPE 4, 6:5 ignored, EAFE 7, FSPTPTR 63:12. */
static void flip_entry_third_quad(struct sweep *sweep, unsigned bit)
{
	const uint64_t top = vt_load(&sweep->scene.sm.vtd, FIRST);
	const struct move move = { .structure = TABLE_ENTRY,
		.quad = 2,
		.table = FIRST,
		.entry = &top,
		.quads = 1,
		.hole = fault(0x73, ALL_MET),
		.empty = fault(0x71, ALL_MET) };

	if (!uses_first(sweep) || (bit < 12 && bit != 2 && bit != 3))
		expect_flipped(sweep, TABLE_ENTRY, 2, bit, type_result(sweep->type));
	else if (bit < 12)
		expect_flipped(sweep, TABLE_ENTRY, 2, bit, other_paging_mode(sweep, bit));
	else if (sweep->type == 3)
		expect_flipped(sweep, TABLE_ENTRY, 2, bit, nested_elsewhere(bit));
	else
		expect_moved(sweep, &move, bit);
}

/* Whether HPTDID bits that domain ids lack are ignored with the others while HPTE=0 is not said. */
static bool undecided(unsigned quad, unsigned bit)
{
	return quad == 5 && bit >= 8 && bit < 16;
}

static uint64_t entry_reserved(const struct sweep *sweep, unsigned quad)
{
	const bool address = quad == 0 || quad == 2 || quad == 4;

	return sweep->unit->entry_reserved[quad] | (address ? hosts[sweep->host].reserved : 0);
}

static void flip_entry(struct sweep *sweep)
{
	for (unsigned i = 0; i < 512; i++) {
		const unsigned quad = i / 64, bit = i % 64;

		if ((entry_reserved(sweep, quad) & BIT(bit)) != 0)
			expect_flipped(sweep, TABLE_ENTRY, quad, bit, fault(0x5a, ALL_MET));
		else if (quad == 0)
			flip_entry_first_quad(sweep, bit);
		else if (quad == 1)
			flip_entry_second_quad(sweep, bit);
		else if (quad == 2)
			flip_entry_third_quad(sweep, bit);
		else if (!undecided(quad, bit)) /* HPTSZ, HPTPFD, HPTPTR, HPTDID: HPTE is 0 */
			expect_flipped(sweep, TABLE_ENTRY, quad, bit, type_result(sweep->type));
	}
}

/* ---- all units, types and requests ----------------------------------------------------------- */

static void sweep_all(void (*flip)(struct sweep *sweep))
{
	for (size_t i = 0; i < COUNT(units); i++) {
		for (size_t type = 0; type < 4 && units[i].types[type] != 0; type++) {
			for (unsigned host = 0; host < COUNT(hosts); host++) {
				for (unsigned pasid = 0; pasid <= units[i].all; pasid++) {
					struct sweep sweep;

					start(
					    &sweep, &units[i], host, units[i].types[type], pasid != 0);
					flip(&sweep);
					stop(&sweep);
				}
			}
		}
	}
}

static void each_bit_of_a_context_entry_does_what_9_4_says(void **state)
{
	(void)state;
	sweep_all(flip_context);
}

static void each_bit_of_a_directory_entry_does_what_9_5_says(void **state)
{
	(void)state;
	sweep_all(flip_directory);
}

static void each_bit_of_a_pasid_table_entry_does_what_9_6_says(void **state)
{
	(void)state;
	sweep_all(flip_entry);
}

/* P=0: "all other fields except FPD are ignored". */
static void flip_absent(struct sweep *sweep)
{
	static const struct {
		enum structure structure;
		unsigned quads, reason, met;
	} absent[] = {
		{ CONTEXT, 4, 0x41, CONTEXT_MET },
		{ DIRECTORY_ENTRY, 1, 0x51, DIRECTORY_MET },
		{ TABLE_ENTRY, 8, 0x59, ALL_MET },
	};

	for (size_t i = 0; i < COUNT(absent); i++) {
		const uint64_t at = address_of(sweep, absent[i].structure);

		vt_store(
		    &sweep->scene.sm.vtd, at, good_quad(sweep, absent[i].structure, 0) & ~UINT64_C(1));
		for (unsigned bit = 2; bit < absent[i].quads * 64; bit++) {
			const uint64_t good =
			    vt_load(&sweep->scene.sm.vtd, at + bit / 64 * UINT64_C(8));
			const struct result expected = fault(absent[i].reason, absent[i].met);

			vt_store(
			    &sweep->scene.sm.vtd, at + bit / 64 * UINT64_C(8), good ^ BIT(bit % 64));
			expect_result(sweep, 0, &expected);
			vt_store(&sweep->scene.sm.vtd, at + bit / 64 * UINT64_C(8), good);
		}
		vt_store(&sweep->scene.sm.vtd, at, good_quad(sweep, absent[i].structure, 0));
	}
}

static void each_bit_of_an_entry_that_is_not_present_is_ignored(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		struct sweep sweep;

		start(&sweep, &units[i], 0, units[i].types[0], false);
		flip_absent(&sweep);
		stop(&sweep);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_a_root_entry_does_what_9_2_says),
		cmocka_unit_test(each_bit_of_a_context_entry_does_what_9_4_says),
		cmocka_unit_test(each_bit_of_a_directory_entry_does_what_9_5_says),
		cmocka_unit_test(each_bit_of_a_pasid_table_entry_does_what_9_6_says),
		cmocka_unit_test(each_bit_of_an_entry_that_is_not_present_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
