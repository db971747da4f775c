/* The second telling of AMD-Vi translation (AMD-Vi 2.2.2, 2.2.3, 2.2.6): see amdvi_oracle.h. */
#include "amdvi_oracle.h"

#define ADDRESS UINT64_C(0x000ffffffffff000)

enum { F_PR = 0x10, F_PE = 0x40, F_RZ = 0x80 };

struct telling {
	struct amd_fixture *amd;
	const struct oracle_unit *unit;
	const uint64_t *dte;
	const struct oracle_request *request;
	struct oracle_verdict *verdict;
};

/* Where an address ends, and what is allowed there. */
struct spot {
	uint64_t physical;
	unsigned shift;
	bool may_read, may_write;
	uint64_t leaf_at, leaf;
	bool sized;
};

static bool denied(struct telling *t, unsigned code, unsigned flags)
{
	t->verdict->allowed = false;
	t->verdict->code = code;
	t->verdict->flags = flags;
	return false;
}

static void mark(struct telling *t, uint64_t address, uint64_t flags, bool sized)
{
	unsigned n = t->verdict->mark_count;

	if (flags == 0)
		return;
	assert_true(n < ORACLE_MARKS);
	t->verdict->marks[n].address = address;
	t->verdict->marks[n].flags = flags;
	t->verdict->marks[n].sized = sized;
	t->verdict->mark_count++;
}

static bool in_memory(uint64_t address)
{
	return address < AMD_RAM;
}

/* Bit 12 is the first of the size; 0 when there is none, or one that the level cannot have. */
static unsigned coded_size(uint64_t entry, unsigned level)
{
	unsigned bit = 12;

	while (bit < 52 && (entry >> bit & 1) != 0)
		bit++;
	if (bit >= 51) /* 2^51 is the largest: its first 0 is bit 50 */
		return 0;
	return bit + 1 > 12 + 9 * (level - 1) && bit + 1 < 12 + 9 * level ? bit + 1 : 0;
}

/* `reads`, `writes`: rights whose lack is a fault wherever it shows; `dirties`: the page is written. */
static bool host(
    struct telling *t, uint64_t address, bool reads, bool writes, bool dirties, struct spot *spot)
{
	const unsigned mode = (unsigned)(t->dte[0] >> 9 & 7), had = (unsigned)(t->dte[0] >> 7 & 3);
	uint64_t table = t->dte[0] & ADDRESS;
	unsigned level = mode;

	spot->may_read = spot->may_write = true;
	if (mode != 6 && address >> (12 + 9 * mode) != 0)
		return denied(t, 2, 0);
	for (;;) {
		const unsigned low = 12 + 9 * (level - 1);
		const uint64_t at = table + (address >> low & 511) * 8;
		uint64_t entry;
		unsigned next;

		if (!in_memory(at))
			return denied(t, 4, 0);
		entry = am_load(t->amd, at);
		next = (unsigned)(entry >> 9 & 7);
		if ((entry & 1) == 0)
			return denied(t, 2, 0);
		/* 56:52 in all, 60:57 in those that point at tables */
		if ((entry & UINT64_C(0x01f0000000000000)) != 0 ||
		    (next != 0 && next != 7 && (entry & UINT64_C(0x1e00000000000000)) != 0))
			return denied(t, 2, F_PR | F_RZ);
		spot->may_read = spot->may_read && (entry >> 61 & 1) != 0;
		spot->may_write = spot->may_write && (entry >> 62 & 1) != 0;
		if ((reads && !spot->may_read) || (writes && !spot->may_write))
			return denied(t, 2, F_PR | F_PE);
		if (next == 0 || next == 7) {
			spot->shift = next == 0 ? low : coded_size(entry, level);
			if (level == 6 || spot->shift == 0)
				return denied(t, 2, F_PR);
			spot->physical = (entry & ADDRESS & -(UINT64_C(1) << spot->shift)) |
			    (address & ((UINT64_C(1) << spot->shift) - 1));
			spot->leaf_at = at;
			spot->leaf = entry;
			spot->sized = next == 7;
			mark(t, at, had == 0 ? 0 : dirties && had == 3 ? 0x60 : 0x20, next == 7);
			return true;
		}
		if (next >= level)
			return denied(t, 2, F_PR);
		for (unsigned bit = 12 + 9 * next; bit < low; bit++)
			if ((address >> bit & 1) != 0)
				return denied(t, 2, F_PR);
		mark(t, at, had == 0 ? 0 : 0x20, false);
		table = entry & ADDRESS;
		level = next;
	}
}

/* A guest table's entry: where it really is. */
static bool find_table_entry(struct telling *t, uint64_t address, bool *writable, struct spot *spot)
{
	if ((t->dte[0] >> 9 & 7) == 0) {
		spot->physical = address;
		*writable = true;
		return true;
	}
	if (!host(t, address, true, false, false, spot))
		return false;
	*writable = spot->may_write;
	return true;
}

static uint64_t gcr3_root(const uint64_t dte[4])
{
	return (dte[0] >> 58 & 7) << 12 | (dte[1] >> 16 & 0xffff) << 15 |
	    (dte[1] >> 43 & 0x1fffff) << 31;
}

static bool find_guest_root(struct telling *t, uint32_t pasid, uint64_t *root)
{
	uint64_t table = gcr3_root(t->dte);

	for (int level = (int)(t->dte[0] >> 56 & 3); level >= 0; level--) {
		const uint64_t offset = (pasid >> 9 * level & 511) * UINT64_C(8);
		struct spot spot = { .physical = table };
		uint64_t entry;

		if (t->unit->gcr3_is_guest && (t->dte[0] >> 9 & 7) != 0 &&
		    !host(t, table, true, false, false, &spot))
			return false;
		if (!in_memory(spot.physical + offset))
			return denied(t, 4, 0);
		entry = am_load(t->amd, spot.physical + offset);
		if ((entry & 1) == 0)
			return denied(t, 2, 0);
		if ((entry & ~(ADDRESS | 1)) != 0)
			return denied(t, 2, F_PR | F_RZ);
		table = entry & ADDRESS;
	}
	*root = table;
	return true;
}

static bool is_address(struct telling *t, unsigned levels, bool extended)
{
	const unsigned width = 12 + 9 * levels;
	const uint64_t address = t->request->address, above = address >> (width - 1);

	if (!extended)
		return address >> width == 0;
	return above == 0 || above == UINT64_MAX >> (width - 1);
}

/* Bits that mean nothing in an entry: of large pages those between PAT and the address. */
static bool reserved_in_guest(struct telling *t, uint64_t entry, unsigned level, bool leaf)
{
	if (!t->unit->no_execute && entry >> 63 != 0)
		return true;
	if (leaf && level == 2)
		return (entry & 0x1fe000) != 0;
	if (leaf && level == 3)
		return (entry & 0x3fffe000) != 0;
	return level > 3 && (entry & 0x80) != 0;
}

struct guest_spot {
	uint64_t physical;
	unsigned shift;
	bool may_write, may_user, may_execute;
	uint64_t at[5], entry[5];
	bool table_writable[5];
	struct spot table[5];
	unsigned count;
};

static bool guest_tables(struct telling *t, uint32_t pasid, struct guest_spot *guest)
{
	const struct oracle_request *r = t->request;
	unsigned level = 4 + (unsigned)(t->dte[2] >> 54 & 3);
	uint64_t table;

	if (!find_guest_root(t, pasid, &table))
		return false;
	if (!is_address(t, level, pasid != 0 || (t->dte[0] >> 54 & 1) == 0))
		return denied(t, 2, 0);
	guest->may_write = guest->may_user = guest->may_execute = true;
	for (;; level--) {
		const unsigned low = 12 + 9 * (level - 1), n = guest->count++;
		uint64_t entry;
		bool leaf;

		if (!find_table_entry(t, table + (r->address >> low & 511) * 8,
			&guest->table_writable[n], &guest->table[n]))
			return false;
		guest->at[n] = guest->table[n].physical;
		if (!in_memory(guest->at[n]))
			return denied(t, 4, 0);
		guest->entry[n] = entry = am_load(t->amd, guest->at[n]);
		if ((entry & 1) == 0)
			return denied(t, 2, 0);
		leaf = level == 1 || (level <= 3 && (entry & 0x80) != 0);
		if (reserved_in_guest(t, entry, level, leaf))
			return denied(t, 2, F_PR | F_RZ);
		guest->may_write = guest->may_write && (entry & 2) != 0;
		guest->may_user = guest->may_user && (entry & 4) != 0;
		guest->may_execute = guest->may_execute && entry >> 63 == 0;
		if (!r->privileged && !guest->may_user)
			return denied(t, 2, F_PR | F_PE);
		if (leaf) {
			guest->shift = low;
			guest->physical = (entry & ADDRESS & -(UINT64_C(1) << low)) |
			    (r->address & ((UINT64_C(1) << low) - 1));
			return true;
		}
		table = entry & ADDRESS;
	}
}

/* Flags of guest entries, which take that their tables may be written. */
static bool mark_guest(struct telling *t, const struct guest_spot *guest, bool dirties)
{
	for (unsigned n = 0; n < guest->count; n++) {
		const bool leaf = n + 1 == guest->count;
		const uint64_t flags = (t->unit->guest_accessed ? 0x20 : 0) |
		    (leaf && dirties && t->unit->guest_dirty ? 0x40 : 0);

		if ((guest->entry[n] & flags) == flags)
			continue;
		if (!guest->table_writable[n])
			return denied(t, 2, F_PR | F_PE);
		mark(t, guest->at[n], flags, false);
		if ((t->dte[0] >> 9 & 7) != 0 && (t->dte[0] >> 7 & 3) == 3)
			mark(t, guest->table[n].leaf_at, 0x40, guest->table[n].sized);
	}
	return true;
}

/* Through guest tables; `*may` what a translation request is told. */
static bool through_guest(struct telling *t, uint32_t pasid, bool dirties, unsigned *may)
{
	const struct oracle_request *r = t->request;
	struct oracle_verdict *v = t->verdict;
	struct guest_spot guest = { .count = 0 };
	struct spot spot = { .may_read = true, .may_write = true };

	if (!guest_tables(t, pasid, &guest))
		return false;
	v->physical = guest.physical;
	v->shift = guest.shift;
	if ((t->dte[0] >> 9 & 7) != 0) {
		if (!host(t, guest.physical, !r->translation && r->reads, !r->translation && r->writes,
			dirties, &spot))
			return false;
		v->physical = spot.physical;
		v->shift = spot.shift < guest.shift ? spot.shift : guest.shift;
	}
	*may = (spot.may_read ? 1u : 0) | (spot.may_write && guest.may_write ? 2u : 0);
	if (r->translation)
		return true;
	if ((r->writes && (*may & 2) == 0) || (r->reads && (*may & 1) == 0))
		return denied(t, 2, F_PR | F_PE);
	return !r->execute || guest.may_execute ? true : denied(t, 2, F_PR | F_PE);
}

/* Flags of guest entries are set after all is known: once more through the tables, which are the same. */
static bool flags_of_guest(struct telling *t, uint32_t pasid, bool dirties)
{
	struct oracle_verdict aside = *t->verdict;
	struct telling again = *t;
	struct guest_spot guest = { .count = 0 };

	again.verdict = &aside;
	aside.mark_count = 0;
	if (!guest_tables(&again, pasid, &guest))
		return true;
	return mark_guest(t, &guest, dirties);
}

static bool through_host(struct telling *t, bool dirties, unsigned *may)
{
	const struct oracle_request *r = t->request;
	struct spot spot;

	if ((t->dte[0] >> 9 & 7) == 0) {
		t->verdict->physical = r->address;
		t->verdict->shift = 12;
		*may = 3;
		return true;
	}
	if (!host(t, r->address, !r->translation && r->reads, !r->translation && r->writes, dirties,
		&spot))
		return false;
	t->verdict->physical = spot.physical;
	t->verdict->shift = spot.shift;
	*may = (spot.may_read ? 1u : 0) | (spot.may_write ? 2u : 0);
	return true;
}

static bool walk(struct telling *t, bool guest, uint32_t pasid, bool dirties)
{
	const unsigned given = (unsigned)(t->dte[0] >> 61 & 3);
	unsigned may = 0;

	t->verdict->mark_count = 0;
	if (!(guest ? through_guest(t, pasid, dirties, &may) : through_host(t, dirties, &may)))
		return false;
	if (guest && !flags_of_guest(t, pasid, dirties))
		return false;
	t->verdict->rights = may & given;
	return true;
}

static bool device_allows(struct telling *t, bool has_guest)
{
	const uint64_t *dte = t->dte;
	const struct oracle_request *r = t->request;
	const unsigned mode = (unsigned)(dte[0] >> 9 & 7);
	const bool guest = has_guest && (r->has_pasid || (dte[0] >> 54 & 1) != 0);

	if (!r->translation &&
	    ((r->reads && (dte[0] >> 61 & 1) == 0) || (r->writes && (dte[0] >> 62 & 1) == 0)))
		return denied(t, 2, F_PR | F_PE);
	if (r->has_pasid && !has_guest)
		return denied(t, 2, 0);
	if (r->has_pasid &&
	    ((r->pasid >> 9) >> (9 * (dte[0] >> 56 & 3)) != 0 || r->pasid >> t->unit->pasid_bits != 0))
		return denied(t, 2, 0);
	if (mode > t->unit->host_levels)
		return denied(t, 1, 0);
	if (guest &&
	    ((dte[0] >> 56 & 3) + 1 > t->unit->gcr3_levels ||
		4 + (dte[2] >> 54 & 3) > t->unit->guest_levels))
		return denied(t, 1, 0);
	return true;
}

struct oracle_verdict oracle_translate(struct amd_fixture *amd, const struct oracle_unit *unit,
    const uint64_t dte[4], const struct oracle_request *request)
{
	struct oracle_verdict verdict = { .allowed = true };
	struct telling t = { amd, unit, dte, request, &verdict };
	const bool has_guest = (dte[0] >> 55 & 1) != 0;
	const bool guest = has_guest && (request->has_pasid || (dte[0] >> 54 & 1) != 0);
	const uint32_t pasid = request->has_pasid ? request->pasid : 0;
	bool dirties = request->writes;

	if (!device_allows(&t, has_guest))
		return verdict;
	/* a translation request is a write if it gets to write */
	if (request->translation && walk(&t, guest, pasid, false))
		dirties = (verdict.rights & 2) != 0;
	verdict.allowed = true;
	verdict.code = verdict.flags = 0;
	walk(&t, guest, pasid, dirties);
	return verdict;
}
