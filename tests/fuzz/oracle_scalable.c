/*
 * Translation in scalable mode as the specification words it, in one piece and slowly, for comparison with
 * the model: context, PASID directory and table, first stage, second stage, both nested, and the flags that
 * are set on the way. It shares nothing with the model and has no caches. Where the specification gives
 * conditions that hold together no order, every one of them is an answer. Legacy mode is oracle.c.
 */
#include "fuzz/fuzz.h"

#include <iommusim/page_request.h>

#include "machine/memory_access.h"

enum { FIRST = 1, SECOND = 2, NESTED = 3, PASS_THROUGH = 4 };

/* Flags of paging entries (VT-d 9.7, 9.8). */
#define FS_A  BIT(5)
#define FS_D  BIT(6)
#define FS_EA BIT(10)
#define SS_A  BIT(8)
#define SS_D  BIT(9)

struct telling {
	const struct fz *fz;
	const struct iommusim_dma_request *request;
	struct fz_scalable *answer;
	uint64_t context[4], entry[8];
	bool snooped;    /* paging entries are read, and changed, in processor caches */
	bool privileged; /* the request asks for it, or RID_PRIV does */
	bool writable;   /* the entries of the first stage that were met let it write */
	bool concluding; /* everything is found, and the page is about to be written */
	bool asks_page;  /* it is a page request */
};

static bool has(uint64_t capabilities, uint64_t bit)
{
	return (capabilities & bit) != 0;
}

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return value >> low & (~UINT64_C(0) >> (63 - (high - low)));
}

static uint64_t mask(unsigned high, unsigned low)
{
	return bits(~UINT64_C(0), high, low) << low;
}

static bool ecap(const struct telling *t, uint64_t bit)
{
	return has(t->fz->config.ext_capability, bit);
}

static bool cap(const struct telling *t, uint64_t bit)
{
	return has(t->fz->config.capability, bit);
}

/* A condition holds. Whether anything else is looked at after it the caller knows. */
static void hold(struct telling *t, unsigned reason)
{
	fz_reasons_add(&t->answer->reasons, reason);
}

/* A condition that ends it. */
static bool deny(struct telling *t, unsigned reason)
{
	hold(t, reason);
	return false;
}

static bool none_holds(const struct telling *t)
{
	return fz_reasons_none(&t->answer->reasons);
}

static bool asks(const struct telling *t)
{
	return t->request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST;
}

static bool is_translated(const struct telling *t)
{
	return t->request->address_type == IOMMUSIM_DMA_TRANSLATED;
}

static bool interrupt_range(uint64_t address)
{
	return address >= 0xfee00000 && address <= 0xfeefffff;
}

static uint64_t beyond_width(const struct telling *t, unsigned last)
{
	const unsigned haw = t->fz->config.host_address_width;

	return haw > last ? 0 : mask(last, haw);
}

/* No memory there: false. */
static bool fetch(
    const struct telling *t, uint64_t address, bool snooped, uint64_t *quads, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!memory_load64(
			&t->fz->machine->memory, address + i * UINT64_C(8), snooped, &quads[i]))
			return false;
	return true;
}

/* ---- root, context, PASID directory and table ------------------------------------------------------------ */

/* VT-d 9.2: each half of the entry is for half the devices, and judged by itself. */
static bool read_context(struct telling *t, uint16_t rid)
{
	const bool coherent = ecap(t, ECAP_C);
	const unsigned half = rid >> 7 & 1;
	uint64_t root[2];

	if (!fetch(t, (t->fz->root & ~UINT64_C(0xfff)) + (rid >> 8) * UINT64_C(16), coherent, root, 2))
		return deny(t, 0x38);
	if (!has(root[half], BIT(0)))
		return deny(t, 0x39);
	if ((root[half] & (mask(11, 1) | beyond_width(t, 63))) != 0)
		return deny(t, 0x3a);
	if (!fetch(t, (root[half] & ~UINT64_C(0xfff)) + (rid & 0x7f) * UINT64_C(32), coherent,
		t->context, 4))
		return deny(t, 0x40);
	return true;
}

/* VT-d 9.4: reserved bits; fields of features that the unit lacks are among them. */
static bool context_reserved(const struct telling *t)
{
	uint64_t low = mask(8, 7) | beyond_width(t, 63), high = mask(63, 21);

	low |= ecap(t, ECAP_DT) ? 0 : BIT(2);
	low |= ecap(t, ECAP_PASID) ? 0 : BIT(3);
	low |= ecap(t, ECAP_PRS) ? 0 : BIT(4);
	low |= ecap(t, ECAP_HPTS) ? 0 : BIT(5);
	low |= ecap(t, ECAP_PTRS) ? 0 : BIT(6);
	high |= ecap(t, ECAP_RPS) ? 0 : mask(19, 0);
	high |= ecap(t, ECAP_RPRIVS) ? 0 : BIT(20);
	return (t->context[0] & low) != 0 || (t->context[1] & high) != 0 || t->context[2] != 0 ||
	    t->context[3] != 0;
}

static bool beyond_directory(const struct telling *t, uint64_t pasid)
{
	return pasid >= BIT(bits(t->context[0], 11, 9) + 7 + 6);
}

/* Table 30, SCT.2 to SCT.10, SGN.10: what the entry is, and what it says of such a request. */
static bool check_context(struct telling *t)
{
	const bool device_tlb = has(t->context[0], BIT(2)), pasids = has(t->context[0], BIT(3));
	const uint64_t rid_pasid = bits(t->context[1], 19, 0);
	const struct iommusim_dma_request *request = t->request;
	/* With a PASID, what PASIDE blocks is not affected by how EPTR goes with it. */
	const bool contradiction = has(t->context[0], BIT(6)) && !pasids &&
	    (!request->has_pasid || is_translated(t) || t->asks_page);

	if (!has(t->context[0], BIT(0)))
		return deny(t, 0x41);
	if (context_reserved(t))
		hold(t, 0x42);
	if ((has(t->context[0], BIT(4)) && !device_tlb) || beyond_directory(t, rid_pasid) ||
	    contradiction)
		hold(t, 0x43);
	if (request->address_type != IOMMUSIM_DMA_UNTRANSLATED && !device_tlb)
		hold(t, 0x44);
	if (t->asks_page && !has(t->context[0], BIT(4)))
		hold(t, 0x47);
	if (!request->has_pasid)
		return none_holds(t);
	if (!is_translated(t) && !pasids)
		hold(t, 0x45);
	if (is_translated(t) && !has(t->context[0], BIT(6)))
		hold(t, 0x49);
	if (beyond_directory(t, request->pasid))
		hold(t, 0x46);
	if (request->pasid == rid_pasid)
		hold(t, 0x48);
	if (!t->asks_page && request->pasid >> (bits(t->fz->config.ext_capability, 39, 35) + 1) != 0)
		hold(t, 0x89);
	return none_holds(t);
}

static void met_fault_disable(struct telling *t, unsigned from, uint64_t entry)
{
	for (unsigned i = from; i < FZ_FPD_LEVELS; i++)
		t->answer->fault_disable[i] |= has(entry, BIT(1));
}

static bool read_entry(struct telling *t)
{
	const bool coherent = ecap(t, ECAP_C);
	const uint64_t pasid = t->request->has_pasid ? t->request->pasid : bits(t->context[1], 19, 0);
	uint64_t directory;

	if (!fetch(t, (t->context[0] & ~UINT64_C(0xfff)) + (pasid >> 6) * 8, coherent, &directory, 1))
		return deny(t, 0x50);
	met_fault_disable(t, FZ_FPD_DIRECTORY, directory);
	if (!has(directory, BIT(0)))
		return deny(t, 0x51);
	if ((directory & (mask(11, 2) | beyond_width(t, 63))) != 0)
		return deny(t, 0x52);
	if (!fetch(t, (directory & ~UINT64_C(0xfff)) + (pasid & 63) * 64, coherent, t->entry, 8))
		return deny(t, 0x58);
	met_fault_disable(t, FZ_FPD_ENTRY, t->entry[0]);
	return has(t->entry[0], BIT(0)) || deny(t, 0x59);
}

/* VT-d 9.6: reserved bits, quadword after quadword. */
static bool entry_reserved(const struct telling *t)
{
	const bool second = ecap(t, ECAP_SSTS), first = ecap(t, ECAP_FSTS), types = ecap(t, ECAP_MTS);
	const unsigned domain_bits = 4 + 2 * (unsigned)bits(t->fz->config.capability, 2, 0);
	uint64_t reserved[3] = {
		mask(11, 10) | BIT(5) | beyond_width(t, 63),
		mask(31, 27) | mask(22, 16),
		mask(11, 8) | BIT(1) | beyond_width(t, 63),
	};

	reserved[0] |= second ? 0 : mask(63, 12);
	reserved[0] |= second || t->fz->config.choices.unused_width_ignored ? 0 : mask(4, 2);
	reserved[0] |= second && ecap(t, ECAP_SSADS) ? 0 : BIT(9);
	reserved[1] |= domain_bits >= 16 ? 0 : mask(15, domain_bits);
	reserved[1] |= ecap(t, ECAP_SMPWCS) ? 0 : BIT(23);
	reserved[1] |= ecap(t, ECAP_SC) ? 0 : BIT(24);
	reserved[1] |= types ? 0 : mask(26, 25) | mask(63, 32);
	reserved[2] |= ecap(t, ECAP_SRS) ? 0 : BIT(0);
	reserved[2] |= first ? 0 : mask(63, 12) | mask(4, 2);
	reserved[2] |= ecap(t, ECAP_EAFS) ? 0 : BIT(7);
	for (unsigned quad = 0; quad < 3; quad++)
		if ((t->entry[quad] & reserved[quad]) != 0)
			return true;
	/* Of the rest only host permission tables would give anything a meaning. */
	return (t->entry[3] | t->entry[4] | t->entry[5] | t->entry[6] | t->entry[7]) != 0;
}

static unsigned stages_of(const struct telling *t)
{
	return (unsigned)bits(t->entry[0], 8, 6);
}

static unsigned second_levels(const struct telling *t)
{
	return (unsigned)bits(t->entry[0], 4, 2) + 2;
}

/* Guest addresses have to be below this (VT-d 7.1.3, SGN.5): 2 to the lesser of MGAW and the entry's width. */
static uint64_t guest_limit(const struct telling *t)
{
	const unsigned mgaw = (unsigned)bits(t->fz->config.capability, 21, 16) + 1;
	const unsigned width = 12 + 9 * second_levels(t);

	return BIT(width < mgaw ? width : mgaw);
}

/* Table 30, SPT.4: may the unit be asked for such a translation? */
static bool is_supported(const struct telling *t)
{
	static const uint64_t needed[] = { 0, ECAP_FSTS, ECAP_SSTS, ECAP_NEST, ECAP_PT, 0, 0, 0 };
	const unsigned stages = stages_of(t), mode = (unsigned)bits(t->entry[2], 3, 2);
	const unsigned width = (unsigned)bits(t->entry[0], 4, 2);

	if (!ecap(t, needed[stages]))
		return false;
	if ((stages == SECOND || stages == NESTED) &&
	    (width < 1 || width > 3 || !cap(t, BIT(8 + width))))
		return false;
	if ((stages == FIRST || stages == NESTED) && (mode > 1 || (mode == 1 && !cap(t, CAP_FS5LP))))
		return false;
	return stages != NESTED || (t->entry[2] & ~UINT64_C(0xfff)) < guest_limit(t);
}

static bool check_entry(struct telling *t)
{
	if (!read_entry(t))
		return false;
	if (entry_reserved(t))
		hold(t, 0x5a);
	if (!is_supported(t))
		hold(t, 0x5b);
	if (t->request->has_pasid && t->request->execute)
		hold(t, 0x5c);
	t->privileged = t->request->has_pasid ? t->request->privileged : has(t->context[1], BIT(20));
	if (t->privileged && !has(t->entry[2], BIT(0)) && !t->asks_page)
		hold(t, 0x5d);
	t->snooped = ecap(t, ECAP_SMPWCS) && has(t->entry[1], BIT(23));
	t->answer->domain = (uint32_t)bits(t->entry[1], 15, 0);
	return none_holds(t);
}

/* ---- flags ----------------------------------------------------------------------------------------------- */

static bool second_flags(const struct telling *t)
{
	return has(t->entry[0], BIT(9));
}

static bool can_be_written(const struct telling *t, uint64_t address)
{
	const struct memory_window *window = memory_find(&t->fz->machine->memory, address);

	return window != NULL && window->kind != IOMMUSIM_MEMORY_ROM;
}

/*
 * An entry must have these flags by the time its translation is used, and may get them before, but for
 * those that a write of the page sets (VT-d 3.6.2, 3.7.2). An entry that cannot be changed, or not with
 * snooping, needs them from the start (3.10; Table 30: SFS.9, SFS.10, SSS.5, SSS.6).
 */
static bool need_flags(
    struct telling *t, uint64_t address, uint64_t entry, uint64_t flags, unsigned stage)
{
	struct fz_scalable *answer = t->answer;

	if ((flags & ~entry) == 0)
		return false;
	FZ_REQUIRE(answer->mark_count < FZ_MARKS);
	answer->marks[answer->mark_count++] =
	    (struct fz_mark){ .address = address, .must = flags, .may = t->concluding ? 0 : flags };
	if (!t->snooped)
		hold(t, stage == FIRST ? 0x90 : 0x7c);
	if (!can_be_written(t, address))
		hold(t, stage == FIRST ? 0x91 : 0x7d);
	return true;
}

static void allow_flags(struct telling *t, uint64_t address, uint64_t flags)
{
	struct fz_scalable *answer = t->answer;

	FZ_REQUIRE(answer->mark_count < FZ_MARKS);
	answer->marks[answer->mark_count++] = (struct fz_mark){ .address = address, .may = flags };
}

/* ---- rights ---------------------------------------------------------------------------------------------- */

/* VT-d 3.14: a read of nothing, where what may be written may be read like that. */
static bool is_flush(const struct telling *t)
{
	return t->request->kind == IOMMUSIM_DMA_READ && t->request->length == 0 && cap(t, CAP_ZLR);
}

/* `rights`: 1 read, 2 write. A translation request asks for none in particular. */
static void judge_rights(struct telling *t, uint64_t rights)
{
	if (asks(t))
		return;
	if (t->request->kind != IOMMUSIM_DMA_WRITE && !has(rights, 1) &&
	    !(is_flush(t) && has(rights, 2)))
		hold(t, 0x86);
	if (t->request->kind != IOMMUSIM_DMA_READ && !has(rights, 2))
		hold(t, 0x85);
}

/* ---- second stage ---------------------------------------------------------------------------------------- */

/* Where an address goes by the second stage, and what may be done there. */
struct through {
	uint64_t address;
	uint64_t rights;
	uint64_t leaf_at, leaf;
	unsigned shift;
	bool snoop;
};

/* VT-d 9.8: the reserved bits of a present entry. */
static uint64_t second_reserved(const struct telling *t, unsigned level, bool leaf)
{
	uint64_t reserved = beyond_width(t, 51);

	if (!has(t->fz->root, BIT(7))) /* SSIRWE: IW */
		reserved |= BIT(62);
	if (!leaf || !ecap(t, ECAP_SC))
		reserved |= BIT(11);
	if (level >= 4)
		reserved |= BIT(7);
	if (leaf && level > 1)
		reserved |= mask(9 * level + 2, 12);
	if (leaf && level > 1 && !cap(t, BIT(32 + level))) /* SSLPS */
		reserved |= BIT(7);
	return reserved;
}

/* VT-d 3.7, Table 30 SSS.1 to SSS.6. `final`: the request's own page, and not a table of the first stage. */
static bool second_stage(struct telling *t, uint64_t input, bool final, struct through *out)
{
	const unsigned top = second_levels(t), right = has(t->fz->root, BIT(7)) ? 61 : 0;
	uint64_t table = t->entry[0] & ~UINT64_C(0xfff);

	out->rights = 3;
	for (unsigned level = top;; level--) {
		const unsigned shift = 3 + 9 * level;
		const uint64_t at = table + bits(input, shift + 8, shift) * 8;
		uint64_t entry;
		bool leaf;

		if (!fetch(t, at, t->snooped, &entry, 1))
			return deny(t, level == top ? 0x7b : 0x78);
		if (bits(entry, right + 1, right) == 0)
			return deny(t, 0x79);
		out->rights &= bits(entry, right + 1, right);
		if (out->rights == 0) /* by what it accumulated, at once or in the end */
			hold(t, 0x79);
		if (final && t->fz->config.choices.rights_at_each_level)
			judge_rights(t, out->rights);
		leaf = level == 1 || (level <= 3 && has(entry, BIT(7)));
		if ((entry & second_reserved(t, level, leaf)) != 0)
			return deny(t, 0x7a);
		if (second_flags(t))
			need_flags(t, at, entry, SS_A, SECOND);
		table = entry & mask(51, 12);
		if (!leaf)
			continue;
		out->shift = shift;
		out->address = (table >> shift << shift) | bits(input, shift - 1, 0);
		out->leaf_at = at;
		out->leaf = entry;
		out->snoop = ecap(t, ECAP_SC) && has(entry, BIT(11));
		return true;
	}
}

/* ---- first stage ----------------------------------------------------------------------------------------- */

/* An entry of the first stage: where it is, and in nested translation by what. */
struct place {
	uint64_t at, entry;
	struct through through;
};

/* VT-d 3.8.1: what the second stage must allow for an entry of the first to be read. */
static bool find_place(struct telling *t, uint64_t guest, bool top, struct place *place)
{
	place->at = guest;
	if (stages_of(t) != NESTED)
		return true;
	if (!second_stage(t, guest, false, &place->through))
		return false;
	place->at = place->through.address;
	if (!has(place->through.rights, 1))
		return deny(t, top ? 0x75 : 0x76);
	if (!second_flags(t))
		return true;
	allow_flags(t, place->through.leaf_at, SS_D); /* as if it were written, some say */
	if (has(place->through.rights, 2))
		return true;
	/* It takes both rights; which reason that is when only the write right lacks is not said. */
	hold(t, 0x77);
	return deny(t, top ? 0x75 : 0x76);
}

/* Flags of an entry of the first stage. To set them is to write a page of the second stage's. */
static void need_first_flags(struct telling *t, const struct place *place, uint64_t flags)
{
	const struct through *through = &place->through;

	if (!need_flags(t, place->at, place->entry, flags, FIRST) || stages_of(t) != NESTED)
		return;
	if (!has(through->rights, 2))
		hold(t, 0x77);
	if (second_flags(t))
		need_flags(t, through->leaf_at, through->leaf, SS_D, SECOND);
}

/* VT-d 9.7: the reserved bits of a present entry. */
static uint64_t first_reserved(const struct telling *t, unsigned level, bool leaf)
{
	uint64_t reserved = beyond_width(t, 51);

	if (level >= 4 || (level == 3 && !cap(t, CAP_FS1GP)))
		reserved |= BIT(7);
	if (leaf && level > 1)
		reserved |= mask(9 * level + 2, 13);
	return reserved;
}

/* VT-d 3.6.1: users need U/S everywhere, and writers R/W, but for supervisors when WPE is 0. */
static void judge_first_rights(struct telling *t, uint64_t entry)
{
	if (!t->privileged && !has(entry, BIT(2)))
		hold(t, 0x81);
	if (!has(entry, BIT(1)) && (!t->privileged || has(t->entry[2], BIT(4))))
		t->writable = false;
	if (t->fz->config.choices.rights_at_each_level)
		judge_rights(t, 1 | (t->writable ? 2 : 0));
}

/* One entry: present, reserved, and whether a guest may have such an address. */
static bool check_first_entry(struct telling *t, uint64_t entry, unsigned level, bool leaf)
{
	const uint64_t reserved = first_reserved(t, level, leaf);
	bool good = true;

	if (!has(entry, BIT(0)))
		return deny(t, 0x71);
	judge_first_rights(t, entry);
	if ((entry & reserved) != 0)
		good = deny(t, 0x72);
	if (stages_of(t) == NESTED && (entry & mask(51, 12)) >= guest_limit(t))
		good = deny(t, 0x74);
	return good;
}

static bool is_canonical(uint64_t address, unsigned width)
{
	const uint64_t above = bits(address, 63, width - 1);

	return above == 0 || above == bits(~UINT64_C(0), 63, width - 1);
}

/* VT-d 3.6, Table 30 SFS. `leaf`: the last entry; `address`: of the page, as the first stage has it. */
static bool first_stage(struct telling *t, struct place *leaf, uint64_t *address, unsigned *shift)
{
	const unsigned top = 4 + (unsigned)bits(t->entry[2], 3, 2);
	const uint64_t accessed = FS_A | (has(t->entry[2], BIT(7)) ? FS_EA : 0);
	uint64_t table = t->entry[2] & ~UINT64_C(0xfff);

	if (!is_canonical(t->request->address, 12 + 9 * top))
		return deny(t, 0x80);
	for (unsigned level = top;; level--) {
		bool last;

		*shift = 3 + 9 * level;
		*leaf = (struct place){ .at = 0 };
		if (!find_place(t, table + bits(t->request->address, *shift + 8, *shift) * 8,
			level == top, leaf))
			return false;
		if (!fetch(t, leaf->at, t->snooped, &leaf->entry, 1))
			return deny(t, level == top ? 0x73 : 0x70);
		last = level == 1 || (level <= 3 && has(leaf->entry, BIT(7)));
		if (!check_first_entry(t, leaf->entry, level, last))
			return false;
		need_first_flags(t, leaf, accessed);
		table = leaf->entry & mask(51, 12);
		if (last)
			break;
	}
	*address = (table >> *shift << *shift) | bits(t->request->address, *shift - 1, 0);
	return true;
}

/* ---- the page -------------------------------------------------------------------------------------------- */

/* VT-d 3.15: accesses go by their own address, what a translation request is told by all of it. */
static bool leads_to_interrupts(const struct telling *t, uint64_t address, unsigned shift)
{
	const uint64_t first = address >> shift << shift, last = first + (BIT(shift) - 1);

	return asks(t) ? first <= 0xfeefffff && last >= 0xfee00000 : interrupt_range(address);
}

/* What is granted when the page allows `rights` (VT-d 4.2.3). */
static unsigned granted(const struct telling *t, uint64_t rights)
{
	return (unsigned)(t->request->no_write && ecap(t, ECAP_NWFS) ? rights & 1 : rights);
}

/* A host address that goes out as it came in (VT-d 3.9, 4.2.3, 4.2.5). */
static void pass(struct telling *t)
{
	static const uint8_t larger[] = { 21, 30 };
	const uint64_t address = t->request->address;
	struct fz_scalable *answer = t->answer;

	if (address >> t->fz->config.host_address_width != 0)
		hold(t, 0x83);
	if (interrupt_range(address))
		hold(t, 0x87);
	answer->physical = address;
	answer->shifts = BIT(12);
	/* Recommended: as much as the largest page. Nobody is told of the interrupt range with it. */
	for (unsigned i = 0; asks(t) && i < 2; i++)
		if (cap(t, BIT(34 + i)) && !leads_to_interrupts(t, address, larger[i]))
			answer->shifts |= BIT(larger[i]);
	answer->granted = granted(t, 3);
}

static void conclude(struct telling *t, uint64_t address, unsigned shift, uint64_t rights, bool snoop)
{
	struct fz_scalable *answer = t->answer;

	answer->physical = address;
	answer->shifts = BIT(shift);
	answer->granted = granted(t, rights);
	answer->non_snooped = snoop || has(t->entry[1], BIT(24));
	judge_rights(t, rights);
	if (leads_to_interrupts(t, address, shift))
		hold(t, 0x87);
}

/* Is it a write, and goes through? A translation request is one when it may write (VT-d 4.2.3.1). */
static bool is_dirtied(struct telling *t)
{
	const bool writes =
	    asks(t) ? has(t->answer->granted, 2) : t->request->kind != IOMMUSIM_DMA_READ;

	t->concluding = none_holds(t) && writes;
	return t->concluding;
}

static void by_second_stage(struct telling *t)
{
	struct through page;

	if (t->request->address >= guest_limit(t)) {
		hold(t, 0x84);
		return;
	}
	if (!second_stage(t, t->request->address, true, &page))
		return;
	conclude(t, page.address, page.shift, page.rights, page.snoop);
	if (is_dirtied(t) && second_flags(t))
		need_flags(t, page.leaf_at, page.leaf, SS_D, SECOND);
}

static void by_first_stage(struct telling *t)
{
	struct place leaf;
	uint64_t address;
	unsigned shift;

	if (!first_stage(t, &leaf, &address, &shift))
		return;
	conclude(t, address, shift, 1 | (t->writable ? 2 : 0), false);
	if (is_dirtied(t))
		need_first_flags(t, &leaf, FS_D);
}

static void nested(struct telling *t)
{
	struct place leaf;
	struct through page;
	uint64_t address;
	unsigned shift;

	if (!first_stage(t, &leaf, &address, &shift))
		return;
	if (address >= guest_limit(t)) {
		hold(t, 0x74);
		return;
	}
	if (!second_stage(t, address, true, &page))
		return;
	conclude(t, page.address, shift < page.shift ? shift : page.shift,
	    page.rights & (1 | (t->writable ? 2 : 0)), page.snoop);
	if (!is_dirtied(t))
		return;
	need_first_flags(t, &leaf, FS_D);
	if (second_flags(t))
		need_flags(t, page.leaf_at, page.leaf, SS_D, SECOND);
}

static void translate(struct telling *t)
{
	t->writable = true;
	switch (stages_of(t)) {
	case FIRST:
		by_first_stage(t);
		break;
	case SECOND:
		by_second_stage(t);
		break;
	case NESTED:
		nested(t);
		break;
	default:
		pass(t);
		t->answer->non_snooped = has(t->entry[1], BIT(24));
		break;
	}
}

/* ---- all of it ------------------------------------------------------------------------------------------- */

/* Table 30, S.1 and S.2: the interrupt range itself; faults of the PASID tables may come first. */
static void answer_interrupt_range(struct telling *t)
{
	t->answer->interrupts_answered = true;
	t->answer->interrupts_granted = granted(t, 2);
	check_entry(t);
}

static void tell(struct telling *t, uint16_t rid)
{
	if (t->request->has_pasid && t->request->execute && t->fz->config.version >> 4 >= 8) {
		hold(t, 0x34);
		return;
	}
	if (!read_context(t, rid))
		return;
	met_fault_disable(t, FZ_FPD_CONTEXT, t->context[0]);
	if (!check_context(t))
		return;
	if (is_translated(t))
		pass(t);
	else if (asks(t) && !t->request->has_pasid && interrupt_range(t->request->address))
		answer_interrupt_range(t);
	else if (check_entry(t))
		translate(t);
}

/* What never meets the tables (VT-d 3.15, 4.2.1). */
static bool is_beside_tables(struct telling *t)
{
	const struct iommusim_dma_request *request = t->request;
	const bool plain = request->address_type == IOMMUSIM_DMA_UNTRANSLATED && !request->has_pasid;

	if ((asks(t) && request->kind != IOMMUSIM_DMA_READ) ||
	    (is_translated(t) && request->has_pasid && !ecap(t, ECAP_PTRS))) {
		t->answer->unsupported = true;
		return true;
	}
	if (!plain || !interrupt_range(request->address))
		return false;
	t->answer->interrupt = (request->kind == IOMMUSIM_DMA_WRITE && request->length == 4 &&
				   request->address % 4 == 0) ||
	    (request->kind == IOMMUSIM_DMA_READ && request->length == 0);
	if (!t->answer->interrupt)
		hold(t, 0x29);
	return true;
}

bool fz_is_scalable(const struct fz *fz)
{
	return bits(fz->root, 11, 10) == 1 && has(fz->config.ext_capability, ECAP_SMTS);
}

void fz_oracle_scalable(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    struct fz_scalable *answer)
{
	struct telling t = { .fz = fz, .request = request, .answer = answer };

	*answer = (struct fz_scalable){ .known = fz->latches_known && fz_is_scalable(fz) &&
		    has(fz_peek32(fz, R_GSTS), G_TE) && !has(fz_peek32(fz, R_PMEN), 1) };
	if (!answer->known || is_beside_tables(&t))
		return;
	tell(&t, rid);
	/* Wherever the interrupt range is answered, faults are only an alternative. */
	answer->passes = none_holds(&t) && !answer->interrupts_answered;
	/* Who may do nothing there has not used the translation. */
	if (!answer->passes || (asks(&t) && answer->granted == 0))
		for (unsigned i = 0; i < answer->mark_count; i++)
			answer->marks[i].must = 0;
}

/* The columns of Table 30 for page requests. They are not for legacy mode at all (RTA.3). */
void fz_oracle_page_request(const struct fz *fz, uint16_t rid,
    const struct iommusim_page_request *request, struct fz_scalable *answer)
{
	const struct iommusim_dma_request as_read = {
		.kind = IOMMUSIM_DMA_WRITE, .has_pasid = request->has_pasid, .pasid = request->pasid
	};
	struct telling t = { .fz = fz, .request = &as_read, .answer = answer, .asks_page = true };
	const uint64_t mode = bits(fz->root, 11, 10);

	*answer = (struct fz_scalable){ .known = fz->latches_known };
	if (mode == 0)
		hold(&t, 0x32);
	else if (mode == 3 && ecap(&t, ECAP_ADMS))
		hold(&t, 0x33);
	else if (!fz_is_scalable(fz))
		hold(&t, 0x30);
	else if (read_context(&t, rid)) {
		met_fault_disable(&t, FZ_FPD_CONTEXT, t.context[0]);
		answer->passes = check_context(&t) && check_entry(&t);
	}
}
