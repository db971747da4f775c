/* What software does to the tables of scalable mode: root and context entries to paging entries. */
#include "fuzz/scalable.h"

static bool has(const struct fz *fz, uint64_t bit)
{
	return (fz->config.ext_capability & bit) != 0;
}

static unsigned widest(const struct fz *fz)
{
	const unsigned widths = (unsigned)(fz->config.capability >> 8 & 0xe);

	return widths >= 8 ? 3 : widths >= 4 ? 2 : 1;
}

static uint64_t if_has(const struct fz *fz, uint64_t bit, uint64_t value)
{
	return has(fz, bit) ? value : 0;
}

unsigned fz_supported(const struct fz *fz, unsigned kind)
{
	static const uint64_t needed[] = { ECAP_FSTS, ECAP_SSTS, ECAP_NEST, ECAP_PT };

	for (unsigned i = 0; i < 4; i++)
		if (has(fz, needed[(kind + i) % 4]))
			return 1 + (kind + i) % 4;
	return FZ_SECOND;
}

static uint64_t first_root(const struct fz *fz, unsigned how)
{
	const bool five = (how & FZ_WITH_FIVE_LEVELS) != 0 && (fz->config.capability & CAP_FS5LP) != 0;

	return five ? FZ_FIRST_TABLE(5) | 4 : FZ_FIRST_TABLE(4);
}

void fz_make_entry(const struct fz *fz, unsigned kind, unsigned how, uint64_t quads[8])
{
	const unsigned width = widest(fz);
	const bool second = kind == FZ_SECOND || kind == FZ_NESTED;

	for (unsigned i = 0; i < 8; i++)
		quads[i] = 0;
	quads[0] = 1 | (uint64_t)kind << 6;
	if (second)
		quads[0] |= FZ_SECOND_TABLE(width + 2) | (uint64_t)width << 2;
	if (second && (how & FZ_WITH_FLAGS) != 0)
		quads[0] |= if_has(fz, ECAP_SSADS, BIT(9));
	quads[1] = second ? 1 : 2;
	if ((how & FZ_WITH_SNOOPED_WALKS) != 0)
		quads[1] |= if_has(fz, ECAP_SMPWCS, BIT(23));
	if ((how & FZ_WITH_SNOOPED_PAGES) != 0)
		quads[1] |= if_has(fz, ECAP_SC, BIT(24));
	if ((how & FZ_WITH_SUPERVISORS) != 0)
		quads[2] |= if_has(fz, ECAP_SRS, BIT(0));
	if (kind != FZ_FIRST && kind != FZ_NESTED)
		return;
	quads[2] |= first_root(fz, how);
	quads[2] |= (how & FZ_WITH_PROTECTION) != 0 ? BIT(4) : 0;
	if ((how & FZ_WITH_FLAGS) != 0)
		quads[2] |= if_has(fz, ECAP_EAFS, BIT(7));
}

uint64_t fz_entry_at(uint64_t pasid)
{
	return FZ_PASIDS + (pasid & 127) * 64;
}

void fz_store_quads(struct fz *fz, uint64_t address, const uint64_t *quads, unsigned count)
{
	for (unsigned i = count; i-- > 0;) /* the one with P last, as software does */
		fz_store(fz, address + i * UINT64_C(8), quads[i]);
}

void fz_make_context(const struct fz *fz, unsigned which, uint64_t rid_pasid, uint64_t quads[4])
{
	quads[0] = FZ_DIRECTORIES | 1 | if_has(fz, ECAP_DT, BIT(2)) | if_has(fz, ECAP_PASID, BIT(3));
	quads[0] |= if_has(fz, ECAP_PRS, if_has(fz, ECAP_DT, BIT(4)));
	if (has(fz, ECAP_PASID))
		quads[0] |= if_has(fz, ECAP_PTRS, BIT(6));
	quads[1] = if_has(fz, ECAP_RPS, rid_pasid);
	quads[1] |= which == 1 ? if_has(fz, ECAP_RPRIVS, BIT(20)) : 0;
	quads[2] = quads[3] = 0;
}

uint64_t fz_context_at(const struct fz *fz, unsigned which)
{
	const uint16_t rid = iommusim_requester_rid(fz->requester[which % FZ_REQUESTERS]);
	const uint64_t table =
	    (rid & 0x80) != 0 ? FZ_UPPER_CONTEXT : FZ_CONTEXT + (rid >> 8) * IOMMUSIM_PAGE_SIZE;

	return table + (rid & 0x7f) * UINT64_C(32);
}

/* Both stages: a few pages, and for the second all of memory where tables may be. */
static void fill_tables(struct fz *fz, unsigned how)
{
	const bool preset = (how & FZ_WITH_PRESET_FLAGS) != 0;
	const uint64_t second = 3 | (preset ? 0x300 : 0) | (fz->root & BIT(7) ? BIT(61) | BIT(62) : 0);
	const uint64_t first = 7 | (preset ? 0x420 : 0), dirty = preset ? 0x40 : 0;

	for (unsigned level = 5; level > 1; level--) {
		fz_store(fz, FZ_SECOND_TABLE(level), FZ_SECOND_TABLE(level - 1) | second);
		fz_store(fz, FZ_FIRST_TABLE(level), FZ_FIRST_TABLE(level - 1) | first);
		if (level >= 4) /* the other half of canonical addresses */
			fz_store(fz, FZ_FIRST_TABLE(level) + UINT64_C(511) * 8,
			    FZ_FIRST_TABLE(level - 1) | first);
	}
	for (uint64_t i = 0; i < FZ_PAGES; i++)
		fz_store(fz, FZ_SECOND_TABLE(1) + i * 8, i * IOMMUSIM_PAGE_SIZE | second);
	for (uint64_t table = 0; table < 2; table++) { /* hardware cannot set flags in the second one */
		const uint64_t at = table == 0 ? FZ_FIRST_TABLE(1) : FZ_ROM;

		fz_store(fz, at, IOMMUSIM_PAGE_SIZE | first | dirty);
		fz_store(fz, at + 8, 2 * IOMMUSIM_PAGE_SIZE | (first & ~UINT64_C(2)));
		fz_store(fz, at + 16, 3 * IOMMUSIM_PAGE_SIZE | (first & ~UINT64_C(4)) | dirty);
	}
	for (uint64_t i = 0; i < 4; i++)
		fz_store(fz, FZ_ROM + (512 + i) * 8, i * IOMMUSIM_PAGE_SIZE | second);
}

const uint8_t fz_pasids[FZ_PASID_COUNT] = { 0, 1, 2, 3, 4, 64 };

void fz_scalable_bring_up(struct fz *fz)
{
	const unsigned kind = fz_u8(fz),
		       how = fz_u8(fz) ^ (FZ_WITH_SNOOPED_WALKS | FZ_WITH_SUPERVISORS);
	static const uint8_t rid_pasids[] = { 0, 3, 4, 64 };
	uint64_t quads[8];

	fz_latch_root(fz, FZ_ROOT | 0x400 | if_has(fz, ECAP_SSIRW, (kind & 0x80) != 0 ? BIT(7) : 0));
	fz->kind = (uint8_t)kind;
	fz->how = (uint8_t)how;
	fill_tables(fz, how);
	for (unsigned i = 0; i < FZ_PASID_COUNT; i++) {
		fz_make_entry(fz, fz_supported(fz, kind + i), how, quads);
		fz_store_quads(fz, fz_entry_at(fz_pasids[i]), quads, 8);
	}
	for (uint64_t i = 0; i < 2; i++)
		fz_store(fz, FZ_DIRECTORIES + i * 8, (FZ_PASIDS + i * IOMMUSIM_PAGE_SIZE) | 1);
	for (unsigned i = 0; i < FZ_REQUESTERS; i++) {
		fz_make_context(fz, i, rid_pasids[kind >> 4 & 3], quads);
		fz_store_quads(fz, fz_context_at(fz, i), quads, 4);
	}
	fz_store(fz, FZ_ROOT + 8, FZ_UPPER_CONTEXT | 1);
	fz_store(fz, FZ_ROOT, FZ_CONTEXT | 1);
	fz_store(fz, FZ_ROOT + 16, (FZ_CONTEXT + IOMMUSIM_PAGE_SIZE) | 1);
	fz_command(fz, G_TE, true);
}

void fz_op_scalable_bring_up(struct fz *fz)
{
	fz_scalable_bring_up(fz);
	if (fz->config.settings.latency != 0)
		fz->latches_known = false; /* something may still have been under way */
}

/* The root table in another mode, or another place. */
void fz_op_scalable_latch(struct fz *fz)
{
	const unsigned how = fz_u8(fz);
	const uint64_t mode = (how & 0x0c) == 0x0c ? (how & 3) : 1;

	fz_latch_root(fz,
	    ((how & 0x40) != 0 ? fz_draw_pointer(fz) : FZ_ROOT) | mode << 10 |
		(how & 0x80 ? BIT(7) : 0));
	if (fz->config.settings.latency != 0)
		fz->latches_known = false;
}

/* ---- one entry ------------------------------------------------------------------------------------------- */

/* A bit flipped, or two, as the input has it. */
static void damage(struct fz *fz, uint64_t *quads, unsigned count, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++) {
		const unsigned where = fz_u16(fz) % (count * 64);

		quads[where / 64] ^= BIT(where % 64);
	}
}

void fz_op_scalable_root(struct fz *fz)
{
	const unsigned how = fz_u8(fz);
	const uint64_t at = FZ_ROOT + (how & 1) * UINT64_C(16);
	uint64_t quads[2] = { FZ_CONTEXT | 1, FZ_UPPER_CONTEXT | 1 };

	if ((how & 2) != 0)
		quads[how >> 2 & 1] = fz_draw_pointer(fz) | 1;
	damage(fz, quads, 2, how >> 6);
	fz_store_quads(fz, at, quads, 2);
}

void fz_op_scalable_context(struct fz *fz)
{
	static const uint8_t rid_pasids[] = { 0, 1, 64, 127 };
	const unsigned which = fz_u8(fz), how = fz_u8(fz);
	uint64_t quads[4];

	fz_make_context(fz, which, rid_pasids[how & 3], quads);
	quads[0] ^= (uint64_t)(how >> 2 & 1) << 1;   /* FPD */
	quads[0] ^= (uint64_t)(how >> 3 & 1) << 2;   /* DTE */
	quads[0] ^= (uint64_t)(how >> 4 & 1) << 3;   /* PASIDE */
	quads[0] |= (uint64_t)(which >> 4 & 7) << 9; /* PDTS */
	if ((which & 4) != 0)
		quads[0] = (quads[0] & 0xfff) | fz_draw_pointer(fz);
	damage(fz, quads, 4, how >> 6);
	fz_store_quads(fz, fz_context_at(fz, which), quads, 4);
}

void fz_op_directory_entry(struct fz *fz)
{
	const unsigned which = fz_u8(fz);
	uint64_t entry = (FZ_PASIDS + (which >> 1 & 1) * IOMMUSIM_PAGE_SIZE) | 1;

	if ((which & 4) != 0)
		entry = fz_draw_pointer(fz) | (which >> 4 & 3);
	damage(fz, &entry, 1, which >> 6);
	fz_store(fz, FZ_DIRECTORIES + (which & 1) * UINT64_C(8), entry);
}

void fz_op_pasid_entry(struct fz *fz)
{
	const unsigned which = fz_u8(fz),
		       how = fz_u8(fz) ^ (FZ_WITH_SNOOPED_WALKS | FZ_WITH_SUPERVISORS),
		       more = fz_u8(fz);
	uint64_t quads[8];

	fz_make_entry(
	    fz, more & 4 ? 1 + (which >> 4 & 7) % 4 : fz_supported(fz, which >> 4), how, quads);
	if ((more & 3) == 1)
		quads[0] = (quads[0] & ~UINT64_C(0x1c)) | (uint64_t)(fz_u8(fz) & 7) << 2; /* AW */
	if ((more & 3) == 2)
		quads[0] = (quads[0] & 0xfff) | fz_draw_pointer(fz);
	if ((more & 3) == 3)
		quads[2] = (quads[2] & 0xfff) | fz_draw_pointer(fz);
	if ((more & 8) != 0)
		quads[1] = (quads[1] & ~UINT64_C(0xffff)) | (fz_u8(fz) & 0x1f); /* DID */
	quads[0] |= (more & 0x10) != 0 ? BIT(1) : 0;
	quads[2] ^= (more & 0x20) != 0 ? BIT(2) : 0; /* FSPM */
	damage(fz, quads, 8, more >> 6);
	fz_store_quads(fz, fz_entry_at(fz_pasids[(which & 15) % FZ_PASID_COUNT]), quads, 8);
}

/* An entry of either stage: rights, flags, where it leads, and what is wrong with it. */
void fz_op_scalable_paging_entry(struct fz *fz)
{
	static const uint16_t indices[] = { 0, 1, 2, 511 };
	const unsigned where = fz_u8(fz), how = fz_u8(fz), to = fz_u8(fz);
	uint64_t entry = how & 7; /* P, R/W, U/S; R, W */

	entry |= (how & 0x08) != 0 ? 0x720 : 0; /* A and EA of the first stage, A and D of the second */
	entry |= (how & 0x10) != 0 ? 0x40 : 0;  /* D of the first */
	entry |= (how & 0x20) != 0 ? BIT(61) | BIT(62) : 0;
	if ((to & 0x80) == 0)
		entry |= (to & 0x20) != 0 ? BIT(11) : 0; /* SNP */
	if ((to & 0xc0) == 0)
		entry |= FZ_TABLE(to & 15);
	else if ((to & 0xc0) == 0x40)
		entry |= fz_draw_pointer(fz);
	else if ((to & 0xc0) == 0x80) /* a large page that is aligned */
		entry |= BIT(7) | (uint64_t)(to & 0x3f) << 30;
	else
		entry = fz_u64(fz);
	damage(fz, &entry, 1, how >> 6);
	fz_store(fz, FZ_TABLE(where & 15) + indices[where >> 4 & 3] * UINT64_C(8), entry);
}

/* Some quadwords of a table as they come. */
void fz_op_table_raw(struct fz *fz)
{
	const unsigned where = fz_u16(fz), count = 1 + (where >> 14);
	const uint64_t page = (where & 31) < 19
	    ? FZ_ROOT + (where & 31) * IOMMUSIM_PAGE_SIZE
	    : FZ_UPPER_CONTEXT + ((where & 31) % 5) * IOMMUSIM_PAGE_SIZE;

	for (uint64_t i = 0; i < count; i++)
		fz_store(fz, page + ((where >> 5 & 511) + i) % 512 * 8, fz_u64(fz));
}

/* Take flags out of an entry, as software does that wants to know whether a page is still in use. */
void fz_op_flags(struct fz *fz)
{
	const unsigned where = fz_u8(fz), which = fz_u8(fz);
	const uint64_t at = FZ_TABLE(where & 15) + (which & 3) * UINT64_C(8);
	const uint64_t flags = (uint64_t)(which >> 2) << 5;

	fz_store(fz, at, fz_load(fz, at) & ~(flags & 0x760));
}

/* A store that hardware which does not snoop cannot see yet. */
void fz_op_unflushed(struct fz *fz)
{
	const unsigned where = fz_u8(fz), index = fz_u8(fz);
	const uint64_t value = fz_u64(fz);

	FZ_REQUIRE(iommusim_memory_write(fz->machine, FZ_TABLE(where & 15) + (index & 3) * UINT64_C(8),
		       &value, sizeof(value)) == IOMMUSIM_OK);
}
