/* The x86-64 oracle: page walks as a processor makes them, reported with the reasons of VT-d 7.1.3. */
#include <string.h>

#include "oracle_x86.h"

#define BIT_P  UINT64_C(0x001)
#define BIT_RW UINT64_C(0x002)
#define BIT_US UINT64_C(0x004)
#define BIT_A  UINT64_C(0x020)
#define BIT_D  UINT64_C(0x040)
#define BIT_PS UINT64_C(0x080)
#define BIT_EA UINT64_C(0x400)

/* One translation on its way. */
struct translation {
	const struct x86_paging *paging;
	const struct x86_access *access;
	struct x86_answer answer;
	uint64_t all; /* AND of the entries used */
	bool blocked; /* reasons has one that ends the walk */
	/*
	 * A or EA is missing somewhere; D is missing in the page's entry; and where they cannot be
	 * written
	 */
	bool lacks_accessed, lacks_dirty, stuck_accessed, stuck_dirty;
};

static const struct x86_window *window_of(const struct translation *it, uint64_t address)
{
	for (size_t i = 0; i < it->paging->window_count; i++) {
		const struct x86_window *window = &it->paging->windows[i];

		if (address >= window->base && address - window->base < window->length)
			return window;
	}
	return NULL;
}

static void block(struct translation *it, unsigned reason)
{
	reasons_add(&it->answer.reasons, reason);
	it->blocked = true;
}

/* SDM 4.7: reserved bits cause a fault whatever the rights. Bits from the physical width up to 51. */
static uint64_t beyond_width(const struct translation *it)
{
	uint64_t bits = 0;

	for (unsigned bit = it->paging->physical_width; bit < 52; bit++)
		bits |= UINT64_C(1) << bit;
	return bits;
}

/*
 * An entry was used: it counts for rights (SDM 4.6), and gets A (SDM 4.8), and D when a page is
 * written.
 */
static void use(struct translation *it, uint64_t at, uint64_t entry, bool maps_page)
{
	const uint64_t accessed = BIT_A | (it->paging->extended_accessed ? BIT_EA : 0);
	const uint64_t dirty = maps_page && it->access->write ? BIT_D : 0;
	const bool read_only = window_of(it, at)->read_only;

	it->all &= entry;
	it->answer.updates[it->answer.update_count++] =
	    (struct x86_update){ .address = at, .flags = accessed | dirty };
	if ((entry & accessed) != accessed) {
		it->lacks_accessed = true;
		it->stuck_accessed = it->stuck_accessed || read_only;
	}
	if ((entry & dirty) != dirty) {
		it->lacks_dirty = true;
		it->stuck_dirty = read_only;
	}
}

/*
 * Read the entry that 9 bits of the address from `low` up choose in `table`. `reserved`: bits that
 * must be 0 beside those beyond the width. False: the walk ends here.
 */
static bool fetch(struct translation *it, uint64_t table, unsigned low, uint64_t *at, uint64_t *entry)
{
	const uint64_t index = it->access->address / (UINT64_C(1) << low) % 512;
	const struct x86_window *window;

	*at = table + index * 8;
	window = window_of(it, *at);
	if (window == NULL) {
		block(it, it->answer.update_count == 0 ? 0x73 : 0x70);
		return false;
	}
	memcpy(entry, window->bytes + (*at - window->base), 8); /* this machine is little-endian */
	if ((*entry & BIT_P) == 0) {
		block(it, 0x71);
		return false;
	}
	return true;
}

/* A present entry with a reserved bit; its U/S may be met first. */
static bool has_reserved(struct translation *it, uint64_t entry, uint64_t reserved)
{
	if ((entry & (reserved | beyond_width(it))) == 0)
		return false;
	it->all &= entry | ~BIT_US;
	block(it, 0x72);
	return true;
}

static uint64_t address_in(uint64_t entry, unsigned low)
{
	return entry % (UINT64_C(1) << 52) / (UINT64_C(1) << low) * (UINT64_C(1) << low);
}

static void found(struct translation *it, uint64_t entry, unsigned shift)
{
	it->answer.shift = shift;
	it->answer.physical = address_in(entry, shift) + it->access->address % (UINT64_C(1) << shift);
}

/* SDM table 4-20. */
static void walk_page_table(struct translation *it, uint64_t table)
{
	uint64_t at, entry;

	if (!fetch(it, table, 12, &at, &entry) || has_reserved(it, entry, 0))
		return;
	use(it, at, entry, true);
	found(it, entry, 12);
}

/* SDM tables 4-18 and 4-19: bit 12 of a 2 MiB page is PAT, 20:13 are reserved. */
static void walk_page_directory(struct translation *it, uint64_t table)
{
	uint64_t at, entry;

	if (!fetch(it, table, 21, &at, &entry))
		return;
	if (has_reserved(it, entry, (entry & BIT_PS) != 0 ? 0x1fe000 : 0))
		return;
	use(it, at, entry, (entry & BIT_PS) != 0);
	if ((entry & BIT_PS) != 0)
		found(it, entry, 21);
	else
		walk_page_table(it, address_in(entry, 12));
}

/* SDM tables 4-16 and 4-17: without 1 GiB pages PS is reserved; with them 29:13 of such a page are. */
static void walk_page_directory_pointers(struct translation *it, uint64_t table)
{
	const bool gigabyte = it->paging->gigabyte_pages;
	uint64_t at, entry, reserved;

	if (!fetch(it, table, 30, &at, &entry))
		return;
	reserved = !gigabyte ? BIT_PS : (entry & BIT_PS) != 0 ? 0x3fffe000 : 0;
	if (has_reserved(it, entry, reserved))
		return;
	use(it, at, entry, (entry & BIT_PS) != 0);
	if ((entry & BIT_PS) != 0)
		found(it, entry, 30);
	else
		walk_page_directory(it, address_in(entry, 12));
}

/* SDM tables 4-14 and 4-15: PS is reserved. */
static void walk_pml4(struct translation *it, uint64_t table)
{
	uint64_t at, entry;

	if (!fetch(it, table, 39, &at, &entry) || has_reserved(it, entry, BIT_PS))
		return;
	use(it, at, entry, false);
	walk_page_directory_pointers(it, address_in(entry, 12));
}

static void walk_pml5(struct translation *it, uint64_t table)
{
	uint64_t at, entry;

	if (!fetch(it, table, 48, &at, &entry) || has_reserved(it, entry, BIT_PS))
		return;
	use(it, at, entry, false);
	walk_pml4(it, address_in(entry, 12));
}

/* SDM volume 1, 3.3.7.1: sign-extended from bit 47 or 56. */
static bool is_canonical(const struct translation *it)
{
	const unsigned unused = it->paging->five_levels ? 64 - 57 : 64 - 48;
	const int64_t extended = (int64_t)(it->access->address << unused) >> unused;

	return (uint64_t)extended == it->access->address;
}

/* SDM 4.6.1, as VT-d 3.6.1 tells it; and where no translation may end (VT-d 3.15). */
static void judge(struct translation *it)
{
	const bool protects = !it->access->supervisor || it->paging->write_protect;

	if (!it->access->supervisor && (it->all & BIT_US) == 0)
		reasons_add(&it->answer.reasons, 0x81);
	if (it->blocked)
		return;
	if (it->access->write && protects && (it->all & BIT_RW) == 0)
		reasons_add(&it->answer.reasons, 0x85);
	if (it->answer.physical / 0x100000 == 0xfee)
		reasons_add(&it->answer.reasons, 0x87);
}

/*
 * Flags that cannot be set. A may be wanted by a walk that faults, D only by a write that would
 * succeed.
 */
static void judge_flags(struct translation *it)
{
	const bool passes = reasons_none(it->answer.reasons);

	if (it->lacks_accessed || (passes && it->lacks_dirty)) {
		if (!it->paging->snooped)
			reasons_add(&it->answer.reasons, 0x90);
		else if (it->stuck_accessed || (passes && it->stuck_dirty))
			reasons_add(&it->answer.reasons, 0x91);
	}
	if (!reasons_none(it->answer.reasons))
		it->answer.update_count = 0;
}

struct x86_answer x86_ask(const struct x86_paging *paging, const struct x86_access *access)
{
	struct translation it = { .paging = paging, .access = access, .all = UINT64_MAX };

	if (!is_canonical(&it))
		block(&it, 0x80);
	else if (paging->five_levels)
		walk_pml5(&it, paging->root);
	else
		walk_pml4(&it, paging->root);
	judge(&it);
	judge_flags(&it);
	return it.answer;
}
