/*
 * The fuzzers' second telling of AMD-Vi's guest tables: GCR3 table, x86 tables of four and five levels, nested or
 * not, and the flags that are set in them (AMD-Vi 2.2.6, 2.2.7).
 */
#include "fuzz/amdvi_oracle.h"

static bool root_of(struct az_teller *t, uint32_t pasid, uint64_t *root)
{
	*root = (uint64_t)az_bits(t->dte[0], 60, 58) << 12 |
	    (uint64_t)az_bits(t->dte[1], 31, 16) << 15 | (uint64_t)az_bits(t->dte[1], 63, 43) << 31;
	for (int level = (int)az_bits(t->dte[0], 57, 56); level >= 0; level--) {
		const uint64_t at = *root + (pasid >> 9 * level & 0x1ff) * UINT64_C(8);
		uint64_t entry;

		if (!az_has_memory(at))
			return az_deny_table(t, at);
		entry = fz_load(&t->az->fz, at);
		if ((entry & 1) == 0)
			return az_deny(t, AZ_PAGE_FAULT, 0);
		if ((entry & ~AZ_ADDRESS & ~UINT64_C(1)) != 0)
			return az_deny(t, AZ_PAGE_FAULT, AZ_PR | AZ_RZ);
		*root = entry & AZ_ADDRESS;
	}
	return true;
}

static bool is_guest_reserved(const struct az_teller *t, uint64_t entry, unsigned level)
{
	const bool large = az_bits(entry, 7, 7) != 0;

	if (az_bits(entry, 63, 63) && (t->az->config.features & AZ_NX) == 0)
		return true;
	if (level >= 4)
		return large;
	return large &&
	    ((level == 2 && az_bits(entry, 20, 13) != 0) ||
		(level == 3 && az_bits(entry, 29, 13) != 0));
}

/* What was met on the way, for the flags. */
struct passed {
	uint64_t at, entry;
	struct az_host through; /* nested: what led there */
};

struct passing {
	struct passed list[5];
	unsigned count;
	bool may_write, may_execute;
};

/* An address that is too wide, or not sign-extended where it must be. */
static bool is_guest_address(const struct az_teller *t, unsigned levels, bool extends)
{
	const unsigned width = 12 + 9 * levels;
	const uint64_t address = t->request->address;
	const uint64_t upper = address >> (extends ? width - 1 : width);

	return upper == 0 || (extends && upper == UINT64_MAX >> (width - 1));
}

static bool guest(struct az_teller *t, uint32_t pasid, struct passing *passing, uint64_t *output)
{
	const struct az_request *r = t->request;
	const bool user = !(r->has_pasid && r->privileged);
	unsigned level = 4 + az_bits(t->dte[2], 55, 54);
	uint64_t table;

	if (!root_of(t, pasid, &table))
		return false;
	if (!is_guest_address(t, level, pasid != 0 || !az_bits(t->dte[0], 54, 54)))
		return az_deny(t, AZ_PAGE_FAULT, 0);
	for (passing->may_write = passing->may_execute = true;; level--) {
		struct passed *passed = &passing->list[passing->count++];
		uint64_t at =
		    table + az_bits(r->address, az_low(level) + 8, az_low(level)) * UINT64_C(8);

		if (az_mode(t) != 0) {
			if (!az_walk_host(t, at, true, false, &passed->through))
				return false;
			at = passed->through.physical;
		}
		if (!az_has_memory(at))
			return az_deny_table(t, at);
		passed->at = at;
		passed->entry = fz_load(&t->az->fz, at);
		if (!az_bits(passed->entry, 0, 0))
			return az_deny(t, AZ_PAGE_FAULT, 0);
		if (is_guest_reserved(t, passed->entry, level))
			return az_deny(t, AZ_PAGE_FAULT, AZ_PR | AZ_RZ);
		passing->may_write = passing->may_write && az_bits(passed->entry, 1, 1);
		passing->may_execute = passing->may_execute && !az_bits(passed->entry, 63, 63);
		if (user && !az_bits(passed->entry, 2, 2))
			return az_deny(t, AZ_PAGE_FAULT, AZ_PR | AZ_PE);
		table = passed->entry & AZ_ADDRESS;
		if (level > 1 && !(level <= 3 && az_bits(passed->entry, 7, 7)))
			continue;
		t->verdict.shift = az_low(level);
		*output = table >> az_low(level) << az_low(level) |
		    (r->address & ((UINT64_C(1) << az_low(level)) - 1));
		return true;
	}
}

/*
 * Accessed flags of all, the dirty flag of what is written, unless CONTROL says otherwise (54, 48). Where one is
 * set, its table is written: host tables must let it be, and it gets dirty there.
 */
static bool mark(struct az_teller *t, const struct passing *passing, bool dirties)
{
	const uint64_t control = az_peek(t->az, AZ_CONTROL);

	for (unsigned i = 0; i < passing->count; i++) {
		const struct passed *passed = &passing->list[i];
		const uint64_t flags = (az_bits(control, 54, 54) ? 0 : AZ_ACCESSED) |
		    (dirties && i + 1 == passing->count && !az_bits(control, 48, 48) ? AZ_DIRTY : 0);
		const bool sets = (passed->entry & flags) != flags;

		if (az_mode(t) != 0 && sets && !passed->through.writes)
			return az_deny(t, AZ_PAGE_FAULT, AZ_PR | AZ_PE);
		az_note(t, passed->at, flags);
		if (az_mode(t) != 0)
			az_note_host(t, &passed->through, sets);
	}
	return true;
}

bool az_through_guest(struct az_teller *t)
{
	const struct az_request *r = t->request;
	struct passing passing = { .count = 0 };
	struct az_host host = { .reads = true, .writes = true };
	bool dirties;

	if (!guest(t, r->has_pasid ? r->pasid : 0, &passing, &t->verdict.physical))
		return false;
	if (az_mode(t) != 0) {
		if (!az_walk_host(t, t->verdict.physical, r->reads, r->writes, &host))
			return false;
		az_take_host(t, &host);
	}
	if ((r->writes && !passing.may_write) ||
	    (r->execute && !passing.may_execute && !r->translation))
		return az_deny(t, AZ_PAGE_FAULT, AZ_PR | AZ_PE);
	t->verdict.granted = az_granted(t, host.reads, host.writes && passing.may_write);
	dirties = az_dirties(t, t->verdict.granted);
	if (!mark(t, &passing, dirties))
		return false;
	az_note_host(t, &host, dirties);
	return true;
}
