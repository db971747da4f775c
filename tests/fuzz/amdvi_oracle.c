/*
 * The fuzzers' second telling of AMD-Vi translation: straight through the tables, from bit numbers, in the order
 * of checks that the model's manual gives (AMD-Vi 2.2.2, 2.2.3). Guest tables: amdvi_oracle_guest.c. What it leaves
 * out stands at az_tell() in amdvi.h.
 */
#include "fuzz/amdvi_oracle.h"

enum { ILLEGAL_ENTRY = 1, ENTRY_ERROR = 3, TABLE_ERROR = 4, INVALID_REQUEST = 8 };

bool az_deny(struct az_teller *t, unsigned code, unsigned flags)
{
	t->verdict = (struct az_verdict){ .code = code, .flags = flags };
	return false;
}

bool az_deny_table(struct az_teller *t, uint64_t address)
{
	az_deny(t, TABLE_ERROR, 0);
	t->verdict.table = address;
	return false;
}

unsigned az_bits(uint64_t value, unsigned high, unsigned low)
{
	return (unsigned)(value >> low & ((UINT64_C(1) << (high - low + 1)) - 1));
}

bool az_has_memory(uint64_t address)
{
	return address < FZ_PAGES * 0x1000 ||
	    (address >= FZ_HIGH && address < FZ_HIGH + FZ_HIGH_PAGES * 0x1000);
}

static uint64_t efr(const struct az_teller *t)
{
	return t->az->config.features;
}

unsigned az_mode(const struct az_teller *t)
{
	return az_bits(t->dte[0], 11, 9);
}

/* Where a level begins: its lowest bit of the address. */
unsigned az_low(unsigned level)
{
	FZ_REQUIRE(level >= 1 && level <= 6);
	return 12 + 9 * (level - 1);
}

/* ---- flags ---- */

void az_note(struct az_teller *t, uint64_t address, uint64_t flags)
{
	struct az_verdict *verdict = &t->verdict;

	FZ_REQUIRE(verdict->mark_count < FZ_MARKS);
	if (flags != 0)
		verdict->marks[verdict->mark_count++] =
		    (struct fz_mark){ .address = address, .must = flags };
}

/* DTE.HAD, 8:7: 1 accessed flags of all that was used, 3 the page's dirty one too (AMD-Vi 2.2.3). */
void az_note_host(struct az_teller *t, const struct az_host *host, bool written)
{
	const unsigned had = az_bits(t->dte[0], 8, 7);

	for (unsigned i = 0; i < host->count && had != 0; i++)
		az_note(t, host->at[i],
		    AZ_ACCESSED |
			(written && had == 3 && i + 1 == host->count ? AZ_DIRTY : UINT64_C(0)));
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

static bool take_leaf(
    struct az_teller *t, uint64_t entry, unsigned level, uint64_t address, struct az_host *host)
{
	const unsigned shift = az_bits(entry, 11, 9) == 0 ? az_low(level) : size_of(entry, level);

	if (level == 6 || shift == 0 ||
	    (t->az->config.choices.no_512g_leaves && level == 4 && az_bits(entry, 11, 9) == 0))
		return az_deny(t, AZ_PAGE_FAULT, AZ_PR);
	host->leaf = entry;
	host->shift = shift;
	host->physical =
	    (entry & AZ_ADDRESS) >> shift << shift | (address & ((UINT64_C(1) << shift) - 1));
	return true;
}

bool az_walk_host(struct az_teller *t, uint64_t address, bool read, bool write, struct az_host *host)
{
	unsigned level = az_mode(t);
	uint64_t table = t->dte[0] & AZ_ADDRESS;

	*host = (struct az_host){ .reads = true, .writes = true };
	if (level < 6 && address >> (12 + 9 * level) != 0)
		return az_deny(t, AZ_PAGE_FAULT, 0);
	for (;;) {
		const uint64_t at = table +
		    az_bits(address, level == 6 ? 63 : az_low(level) + 8, az_low(level)) * UINT64_C(8);
		uint64_t entry;
		unsigned next;

		if (!az_has_memory(at))
			return az_deny_table(t, at);
		entry = fz_load(&t->az->fz, at);
		host->at[host->count++] = at;
		next = az_bits(entry, 11, 9);
		if ((entry & 1) == 0)
			return az_deny(t, AZ_PAGE_FAULT, 0);
		if (is_reserved(entry, next == 0 || next == 7))
			return az_deny(t, AZ_PAGE_FAULT, AZ_PR | AZ_RZ);
		host->reads = host->reads && az_bits(entry, 61, 61);
		host->writes = host->writes && az_bits(entry, 62, 62);
		if ((read && !host->reads) || (write && !host->writes))
			return az_deny(t, AZ_PAGE_FAULT, AZ_PR | AZ_PE);
		if (next == 0 || next == 7)
			return take_leaf(t, entry, level, address, host);
		if (next >= level ||
		    (address & ((UINT64_C(1) << az_low(level)) - 1)) >> az_low(next + 1) != 0)
			return az_deny(t, AZ_PAGE_FAULT, AZ_PR);
		level = next;
		table = entry & AZ_ADDRESS;
	}
}

/* ---- the device table entry ---- */

static bool entry_is_reserved(const struct az_teller *t)
{
	const uint64_t *dte = t->dte;
	const unsigned had = az_bits(dte[0], 8, 7);

	if ((dte[0] & (BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(63))) != 0 || had == 2)
		return true;
	if ((had != 0 && (efr(t) & AZ_HA) == 0) || (had == 3 && (efr(t) & AZ_HD) == 0))
		return true;
	if (az_bits(dte[0], 54, 54) && (efr(t) & AZ_GIO) == 0)
		return true;
	if ((efr(t) & AZ_GT) == 0)
		return az_bits(dte[0], 60, 55) != 0 || az_bits(dte[1], 31, 16) != 0 ||
		    az_bits(dte[1], 63, 43) != 0;
	return az_bits(dte[0], 55, 55) && (az_bits(dte[0], 57, 56) == 3 || az_bits(dte[2], 55, 54) > 1);
}

static bool check_pasid(struct az_teller *t)
{
	const struct az_request *r = t->request;

	if (!r->has_pasid)
		return true;
	if ((efr(t) & AZ_GT) == 0 || !az_bits(t->dte[0], 55, 55) ||
	    r->pasid >> (1 + az_bits(efr(t), 36, 32)) != 0 ||
	    (uint64_t)r->pasid >> 9 * (1 + az_bits(t->dte[0], 57, 56)) != 0)
		return az_deny(t, AZ_PAGE_FAULT, 0);
	return true;
}

static bool check_levels(struct az_teller *t)
{
	const unsigned hats = az_bits(efr(t), 11, 10), gats = az_bits(efr(t), 13, 12);

	if (hats == 3 && (t->dte[0] & AZ_ADDRESS) != 0)
		return az_deny(t, ILLEGAL_ENTRY, 0);
	if (az_mode(t) > (hats == 3 ? 0 : 4 + hats))
		return t->az->config.choices.mode_is_page_fault ? az_deny(t, AZ_PAGE_FAULT, AZ_PR)
								: az_deny(t, ILLEGAL_ENTRY, 0);
	if (t->guest &&
	    (az_bits(t->dte[0], 57, 56) > az_bits(efr(t), 15, 14) ||
		az_bits(t->dte[2], 55, 54) > (gats > 1 ? 1 : gats)))
		return az_deny(t, ILLEGAL_ENTRY, 0);
	return true;
}

/* Only a device with DTE.I=1 may ask for translations (AMD-Vi 2.5.9, types 1 and 2). */
static bool check_translation(struct az_teller *t)
{
	return t->request->translation && !(az_bits(t->dte[0], 0, 0) && az_bits(t->dte[1], 32, 32))
	    ? az_deny(t, INVALID_REQUEST, 1)
	    : true;
}

static bool find_entry(struct az_teller *t)
{
	const struct az_request *r = t->request;
	const uint64_t base = az_peek(t->az, AZ_DEVTAB);
	const uint64_t at = (base & AZ_ADDRESS) + r->rid * UINT64_C(32);

	if (r->rid >= (az_bits(base, 8, 0) + 1) * 128)
		return r->translation ? az_deny(t, INVALID_REQUEST, 2) : az_deny(t, AZ_PAGE_FAULT, 0);
	if (!az_has_memory(at)) {
		az_deny(t, ENTRY_ERROR, 0);
		t->verdict.table = at;
		return false;
	}
	for (unsigned quad = 0; quad < 4; quad++)
		t->dte[quad] = fz_load(&t->az->fz, at + quad * UINT64_C(8));
	if (az_bits(t->dte[0], 0, 0) && entry_is_reserved(t))
		return az_deny(t, ILLEGAL_ENTRY, AZ_RZ);
	return check_translation(t);
}

unsigned az_granted(const struct az_teller *t, bool reads, bool writes)
{
	return (reads && az_bits(t->dte[0], 61, 61) ? 1u : 0) |
	    (writes && az_bits(t->dte[0], 62, 62) && !t->request->no_write ? 2u : 0);
}

bool az_dirties(const struct az_teller *t, unsigned granted)
{
	return t->request->translation ? (granted & 2) != 0 : t->request->writes;
}

void az_take_host(struct az_teller *t, const struct az_host *host)
{
	t->verdict.physical = host->physical;
	if (host->shift < t->verdict.shift || !t->guest)
		t->verdict.shift = host->shift;
	t->verdict.snoops = az_bits(host->leaf, 60, 60) != 0;
	t->verdict.untranslated_only = az_bits(host->leaf, 59, 59) != 0;
}

static bool through_host(struct az_teller *t)
{
	const struct az_request *r = t->request;
	struct az_host host;

	if (!az_walk_host(t, r->address, r->reads, r->writes, &host))
		return false;
	az_take_host(t, &host);
	t->verdict.granted = az_granted(t, host.reads, host.writes);
	az_note_host(t, &host, az_dirties(t, t->verdict.granted));
	return true;
}

static bool tell(struct az_teller *t)
{
	const struct az_request *r = t->request;

	t->verdict.physical = r->address;
	t->verdict.shift = 12;
	if ((az_peek(t->az, AZ_CONTROL) & AZ_IOMMU_EN) == 0)
		return !r->translation || az_deny(t, 0, 0);
	if (r->malformed)
		return az_deny(t, 0, 0);
	if (!find_entry(t))
		return false;
	if (!az_bits(t->dte[0], 0, 0))
		return true;
	if (!az_bits(t->dte[0], 1, 1))
		return az_deny(t, AZ_PAGE_FAULT, 0);
	if ((r->reads && !az_bits(t->dte[0], 61, 61)) || (r->writes && !az_bits(t->dte[0], 62, 62)))
		return az_deny(t, AZ_PAGE_FAULT, AZ_PR | AZ_PE);
	t->guest = (efr(t) & AZ_GT) != 0 && az_bits(t->dte[0], 55, 55) &&
	    (r->has_pasid || az_bits(t->dte[0], 54, 54));
	if (!check_pasid(t) || !check_levels(t))
		return false;
	if (t->guest)
		return az_through_guest(t);
	if (az_mode(t) != 0)
		return through_host(t);
	t->verdict.granted = az_granted(t, true, true);
	return true;
}

/*
 * A translation request is answered without rights where another would be a page fault (AMD-Vi 2.5.3). Whether
 * what was found and gives no right at all counts as accessed is left open.
 */
struct az_verdict az_tell(const struct az *az, const struct az_request *request)
{
	struct az_teller t = { .az = az, .request = request };
	struct az_verdict *verdict = &t.verdict;

	verdict->allowed = tell(&t);
	verdict->domain = az_bits(t.dte[0], 0, 0) ? az_bits(t.dte[1], 15, 0) : 0;
	if (!request->translation)
		return *verdict;
	verdict->answered = verdict->allowed || verdict->code == AZ_PAGE_FAULT;
	for (unsigned i = 0; i < verdict->mark_count && verdict->granted == 0; i++) {
		verdict->marks[i].may = verdict->marks[i].must;
		verdict->marks[i].must = 0;
	}
	return *verdict;
}
