/*
 * The fuzzers' second telling of AMD-Vi translation: straight through the tables, from bit numbers, in the order
 * of checks that the model's manual gives (AMD-Vi 2.2.2, 2.2.3, 2.2.6).
 */
#include "fuzz/amdvi.h"

#define ADDRESS UINT64_C(0x000ffffffffff000)

enum { PR = 1, PE = 4, RZ = 8 };
enum { ILLEGAL_ENTRY = 1, PAGE_FAULT = 2, ENTRY_ERROR = 3, TABLE_ERROR = 4 };

struct teller {
	const struct az *az;
	const struct az_request *request;
	struct az_verdict verdict;
	uint64_t dte[4];
	bool guest;
};

static bool deny(struct teller *t, unsigned code, unsigned flags)
{
	t->verdict = (struct az_verdict){ .code = code, .flags = flags };
	return false;
}

static unsigned bits(uint64_t value, unsigned high, unsigned low)
{
	return (unsigned)(value >> low & ((UINT64_C(1) << (high - low + 1)) - 1));
}

static bool has_memory(uint64_t address)
{
	return address < FZ_PAGES * 0x1000 ||
	    (address >= FZ_HIGH && address < FZ_HIGH + FZ_HIGH_PAGES * 0x1000);
}

static uint64_t efr(const struct teller *t)
{
	return t->az->config.features;
}

static unsigned mode_of(const struct teller *t)
{
	return bits(t->dte[0], 11, 9);
}

/* ---- host tables ---- */

/* log2 of a page whose NextLevel is 7: one more than its first bit from 12 on that is 0; 0: not at that level. */
static unsigned size_of(uint64_t entry, unsigned level)
{
	unsigned first = 12;

	while (first < 51 && (entry >> first & 1) != 0)
		first++;
	if (first == 51)
		return 0;
	return first + 1 > 12 + 9 * (level - 1) && first + 1 < 12 + 9 * level ? first + 1 : 0;
}

static bool is_reserved(uint64_t entry, bool leaf)
{
	const uint64_t always = UINT64_C(0x1f) << 52, of_tables = UINT64_C(0xf) << 57;

	return (entry & (leaf ? always : always | of_tables)) != 0;
}

/* Where a level begins: its lowest bit of the address. */
static unsigned low_of(unsigned level)
{
	FZ_REQUIRE(level >= 1 && level <= 6);
	return 12 + 9 * (level - 1);
}

static bool take_leaf(
    struct teller *t, uint64_t entry, unsigned level, uint64_t address, uint64_t *physical)
{
	const unsigned shift = bits(entry, 11, 9) == 0 ? low_of(level) : size_of(entry, level);

	if (level == 6 || shift == 0 ||
	    (t->az->config.choices.no_512g_leaves && level == 4 && bits(entry, 11, 9) == 0))
		return deny(t, PAGE_FAULT, PR);
	*physical = (entry & ADDRESS) >> shift << shift | (address & ((UINT64_C(1) << shift) - 1));
	return true;
}

/* Walk to where an address ends; rights that lack on the way deny. `*writes`: may it be written? */
static bool host(
    struct teller *t, uint64_t address, bool read, bool write, uint64_t *physical, bool *writes)
{
	unsigned level = mode_of(t);
	uint64_t table = t->dte[0] & ADDRESS;
	bool reads = true;

	*writes = true;
	if (level < 6 && address >> (12 + 9 * level) != 0)
		return deny(t, PAGE_FAULT, 0);
	for (;;) {
		const uint64_t at = table +
		    bits(address, level == 6 ? 63 : low_of(level) + 8, low_of(level)) * UINT64_C(8);
		uint64_t entry;
		unsigned next;

		if (!has_memory(at))
			return deny(t, TABLE_ERROR, 0);
		entry = fz_load(&t->az->fz, at);
		next = bits(entry, 11, 9);
		if ((entry & 1) == 0)
			return deny(t, PAGE_FAULT, 0);
		if (is_reserved(entry, next == 0 || next == 7))
			return deny(t, PAGE_FAULT, PR | RZ);
		reads = reads && bits(entry, 61, 61);
		*writes = *writes && bits(entry, 62, 62);
		if ((read && !reads) || (write && !*writes))
			return deny(t, PAGE_FAULT, PR | PE);
		if (next == 0 || next == 7)
			return take_leaf(t, entry, level, address, physical);
		if (next >= level ||
		    (address & ((UINT64_C(1) << low_of(level)) - 1)) >> low_of(next + 1) != 0)
			return deny(t, PAGE_FAULT, PR);
		level = next;
		table = entry & ADDRESS;
	}
}

/* ---- guest tables ---- */

static bool root_of(struct teller *t, uint32_t pasid, uint64_t *root)
{
	*root = (uint64_t)bits(t->dte[0], 60, 58) << 12 | (uint64_t)bits(t->dte[1], 31, 16) << 15 |
	    (uint64_t)bits(t->dte[1], 63, 43) << 31;
	for (int level = (int)bits(t->dte[0], 57, 56); level >= 0; level--) {
		const uint64_t at = *root + (pasid >> 9 * level & 0x1ff) * UINT64_C(8);
		uint64_t entry;

		if (!has_memory(at))
			return deny(t, TABLE_ERROR, 0);
		entry = fz_load(&t->az->fz, at);
		if ((entry & 1) == 0)
			return deny(t, PAGE_FAULT, 0);
		if ((entry & ~ADDRESS & ~UINT64_C(1)) != 0)
			return deny(t, PAGE_FAULT, PR | RZ);
		*root = entry & ADDRESS;
	}
	return true;
}

static bool is_guest_reserved(const struct teller *t, uint64_t entry, unsigned level)
{
	const bool large = bits(entry, 7, 7) != 0;

	if (bits(entry, 63, 63) && (efr(t) & AZ_NX) == 0)
		return true;
	if (level >= 4)
		return large;
	return large &&
	    ((level == 2 && bits(entry, 20, 13) != 0) || (level == 3 && bits(entry, 29, 13) != 0));
}

/* What was met on the way, for the flags. */
struct passed {
	uint64_t entry;
	bool may_mark;
};

struct passing {
	struct passed list[5];
	unsigned count;
	bool may_write, may_execute;
};

/* An address that is too wide, or not sign-extended where it must be. */
static bool is_guest_address(const struct teller *t, unsigned levels, bool extends)
{
	const unsigned width = 12 + 9 * levels;
	const uint64_t address = t->request->address;
	const uint64_t upper = address >> (extends ? width - 1 : width);

	return upper == 0 || (extends && upper == UINT64_MAX >> (width - 1));
}

static bool guest(struct teller *t, uint32_t pasid, struct passing *passing, uint64_t *output)
{
	const struct az_request *r = t->request;
	const bool user = !(r->has_pasid && r->privileged);
	unsigned level = 4 + bits(t->dte[2], 55, 54);
	uint64_t table;

	if (!root_of(t, pasid, &table))
		return false;
	if (!is_guest_address(t, level, pasid != 0 || !bits(t->dte[0], 54, 54)))
		return deny(t, PAGE_FAULT, 0);
	for (passing->may_write = passing->may_execute = true;; level--) {
		struct passed *passed = &passing->list[passing->count++];
		uint64_t at = table + bits(r->address, low_of(level) + 8, low_of(level)) * UINT64_C(8);

		passed->may_mark = true;
		if (mode_of(t) != 0 && !host(t, at, true, false, &at, &passed->may_mark))
			return false;
		if (!has_memory(at))
			return deny(t, TABLE_ERROR, 0);
		passed->entry = fz_load(&t->az->fz, at);
		if (!bits(passed->entry, 0, 0))
			return deny(t, PAGE_FAULT, 0);
		if (is_guest_reserved(t, passed->entry, level))
			return deny(t, PAGE_FAULT, PR | RZ);
		passing->may_write = passing->may_write && bits(passed->entry, 1, 1);
		passing->may_execute = passing->may_execute && !bits(passed->entry, 63, 63);
		if (user && !bits(passed->entry, 2, 2))
			return deny(t, PAGE_FAULT, PR | PE);
		table = passed->entry & ADDRESS;
		if (level > 1 && !(level <= 3 && bits(passed->entry, 7, 7)))
			continue;
		*output = table >> low_of(level) << low_of(level) |
		    (r->address & ((UINT64_C(1) << low_of(level)) - 1));
		return true;
	}
}

/* Accessed flags of all, the dirty flag of what is written, in tables that host tables let be written. */
static bool mark(struct teller *t, const struct passing *passing)
{
	for (unsigned i = 0; i < passing->count; i++) {
		const uint64_t flags =
		    0x20 | (i + 1 == passing->count && t->request->writes ? 0x40 : 0);

		if ((passing->list[i].entry & flags) != flags && !passing->list[i].may_mark)
			return deny(t, PAGE_FAULT, PR | PE);
	}
	return true;
}

static bool through_guest(struct teller *t)
{
	const struct az_request *r = t->request;
	struct passing passing = { .count = 0 };
	bool writes;

	if (!guest(t, r->has_pasid ? r->pasid : 0, &passing, &t->verdict.physical))
		return false;
	if (mode_of(t) != 0 &&
	    !host(t, t->verdict.physical, r->reads, r->writes, &t->verdict.physical, &writes))
		return false;
	if ((r->writes && !passing.may_write) || (r->execute && !passing.may_execute))
		return deny(t, PAGE_FAULT, PR | PE);
	return mark(t, &passing);
}

/* ---- the device table entry ---- */

static bool entry_is_reserved(const struct teller *t)
{
	const uint64_t *dte = t->dte;
	const unsigned had = bits(dte[0], 8, 7);

	if ((dte[0] & (BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(63))) != 0 || had == 2)
		return true;
	if ((had != 0 && (efr(t) & AZ_HA) == 0) || (had == 3 && (efr(t) & AZ_HD) == 0))
		return true;
	if (bits(dte[0], 54, 54) && (efr(t) & AZ_GIO) == 0)
		return true;
	if ((efr(t) & AZ_GT) == 0)
		return bits(dte[0], 60, 55) != 0 || bits(dte[1], 31, 16) != 0 ||
		    bits(dte[1], 63, 43) != 0;
	return bits(dte[0], 55, 55) && (bits(dte[0], 57, 56) == 3 || bits(dte[2], 55, 54) > 1);
}

static bool check_pasid(struct teller *t)
{
	const struct az_request *r = t->request;

	if (!r->has_pasid)
		return true;
	if ((efr(t) & AZ_GT) == 0 || !bits(t->dte[0], 55, 55) ||
	    r->pasid >> (1 + bits(efr(t), 36, 32)) != 0 ||
	    (uint64_t)r->pasid >> 9 * (1 + bits(t->dte[0], 57, 56)) != 0)
		return deny(t, PAGE_FAULT, 0);
	return true;
}

static bool check_levels(struct teller *t)
{
	const unsigned hats = bits(efr(t), 11, 10), gats = bits(efr(t), 13, 12);

	if (hats == 3 && (t->dte[0] & ADDRESS) != 0)
		return deny(t, ILLEGAL_ENTRY, 0);
	if (mode_of(t) > (hats == 3 ? 0 : 4 + hats))
		return t->az->config.choices.mode_is_page_fault ? deny(t, PAGE_FAULT, PR)
								: deny(t, ILLEGAL_ENTRY, 0);
	if (t->guest &&
	    (bits(t->dte[0], 57, 56) > bits(efr(t), 15, 14) ||
		bits(t->dte[2], 55, 54) > (gats > 1 ? 1 : gats)))
		return deny(t, ILLEGAL_ENTRY, 0);
	return true;
}

static bool tell(struct teller *t)
{
	const struct az_request *r = t->request;
	const uint64_t base = az_peek(t->az, AZ_DEVTAB), at = (base & ADDRESS) + r->rid * UINT64_C(32);
	bool writes;

	t->verdict.physical = r->address;
	if ((az_peek(t->az, AZ_CONTROL) & AZ_IOMMU_EN) == 0)
		return true;
	if (r->rid >= (bits(base, 8, 0) + 1) * 128)
		return deny(t, PAGE_FAULT, 0);
	if (!has_memory(at))
		return deny(t, ENTRY_ERROR, 0);
	for (unsigned quad = 0; quad < 4; quad++)
		t->dte[quad] = fz_load(&t->az->fz, at + quad * UINT64_C(8));
	if (!bits(t->dte[0], 0, 0))
		return true;
	if (entry_is_reserved(t))
		return deny(t, ILLEGAL_ENTRY, RZ);
	if (!bits(t->dte[0], 1, 1))
		return deny(t, PAGE_FAULT, 0);
	if ((r->reads && !bits(t->dte[0], 61, 61)) || (r->writes && !bits(t->dte[0], 62, 62)))
		return deny(t, PAGE_FAULT, PR | PE);
	t->guest = (efr(t) & AZ_GT) != 0 && bits(t->dte[0], 55, 55) &&
	    (r->has_pasid || bits(t->dte[0], 54, 54));
	if (!check_pasid(t) || !check_levels(t))
		return false;
	if (t->guest)
		return through_guest(t);
	return mode_of(t) == 0 ||
	    host(t, r->address, r->reads, r->writes, &t->verdict.physical, &writes);
}

struct az_verdict az_tell(const struct az *az, const struct az_request *request)
{
	struct teller t = { .az = az, .request = request };

	t.verdict.allowed = tell(&t);
	return t.verdict;
}
