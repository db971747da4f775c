/*
 * Host permission tables: which host pages a device may reach with addresses that it says are translated
 * (VT-d 4.2.4, 4.2.5), and the cache of their entries (6.2.6). What comes before them, up to the
 * PASID-table entry, is tables.c; what is invalidated, invalidate.c. Prefetching by translation requests
 * (6.2.6.1), which is the hardware's choice, is not done: HPTPFD changes nothing.
 */
#include "models/vtd/host_permission.h"

#include "machine/memory_access.h"
#include "models/vtd/performance.h"
#include "models/vtd/reason.h"
#include "models/vtd/tables.h"

#define ENTRY_BYTES UINT64_C(16)

/* Table 11, by level: what an entry covers, and a page that it has a permission for. */
static const uint8_t entry_shifts[] = { 0, 17, 25, 33, 41 };
static const uint8_t page_shifts[] = { 0, 12, 21, 30 };

unsigned vtd_host_page_shift(unsigned level)
{
	return page_shifts[level];
}

/* Which of the pages of its entry an address is in. */
unsigned vtd_host_page(unsigned level, uint64_t address)
{
	const unsigned pages = 1u << (entry_shifts[level] - page_shifts[level]);

	return (unsigned)(address >> page_shifts[level]) & (pages - 1);
}

/* A page permission has four bits, of which two are reserved (VT-d Table 48). HPTL4E have none. */
unsigned vtd_host_rights(const uint64_t raw[2], unsigned level, uint64_t address)
{
	unsigned page;

	if (level == VTD_HOST_LEVELS)
		return 0;
	page = vtd_host_page(level, address);
	return (unsigned)(raw[page / 16] >> page % 16 * 4) & (RIGHT_READ | RIGHT_WRITE);
}

/* Entries of level 2 and 3 point at the next table as those of level 4 do. */
bool vtd_host_leads_on(const uint64_t raw[2], unsigned level)
{
	return level > 1 && vtd_hpt_l4e_AV(raw);
}

static uint64_t next_table(const uint64_t raw[2])
{
	return vtd_hpt_l4e_ADDR(raw) << IOMMUSIM_PAGE_SHIFT;
}

/* A permission that is not zero ends the walk, and so does an entry that does not lead on (4.2.4). */
static bool decides(const struct vtd_host_entry *entry, uint64_t address)
{
	return vtd_host_rights(entry->raw, entry->level, address) != 0 ||
	    !vtd_host_leads_on(entry->raw, entry->level);
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

static const struct spec_structure *structure_of(unsigned level)
{
	static const struct spec_structure *const structures[] = { [1] = &vtd_hpt_l1e_spec,
		[2] = &vtd_hpt_l2e_spec,
		[3] = &vtd_hpt_l3e_spec,
		[4] = &vtd_hpt_l4e_spec };

	return structures[level];
}

/* 256 entries in a table; the top one is as long as HPTSZ says: address bits 51:49 are pages of it. */
static uint64_t entry_offset(unsigned level, uint64_t address)
{
	const uint64_t bits = level == VTD_HOST_LEVELS ? 0x7ff : 0xff;

	return (address >> entry_shifts[level] & bits) * ENTRY_BYTES;
}

/* One 128-bit access. HPTPTR and what is added to it may go beyond what there is of host addresses. */
static bool load(
    const struct vtd_unit *vtd, const struct vtd_space *space, uint64_t at, uint64_t raw[2])
{
	raw[0] = raw[1] = 0;
	return at >> vtd->spec.host_address_width == 0 &&
	    memory_load128(&vtd->unit.machine->memory, at, space->snoops, raw);
}

/* Nothing says that reserved bits count only in entries that grant or lead on (Table 30, HPT.2). */
static enum reason read_entry(const struct vtd_unit *vtd, const struct vtd_space *space,
    struct vtd_host_walk *walk, unsigned level, uint64_t table, struct vtd_host_entry *entry)
{
	const uint64_t at = table + entry_offset(level, walk->address);
	const bool readable = load(vtd, space, at, entry->raw);
	const uint64_t *reserved = vtd->host_reserved[level];

	entry->level = (uint8_t)level;
	walk->reads++;
	walk_path_note(walk->path, structure_of(level), table, at, entry->raw, readable);
	if (walk->path != NULL)
		walk_path_note_paging(walk->path, 0, level,
		    vtd_host_rights(entry->raw, level, walk->address) != 0, walk->address);
	if (!readable)
		return level == VTD_HOST_LEVELS ? HPT_3 : HPT_1;
	if (((entry->raw[0] & reserved[0]) | (entry->raw[1] & reserved[1])) != 0)
		return HPT_2;
	walk->met[walk->met_count++] = *entry;
	return ALLOWED;
}

/* Each entry leads to a lower level, or is the last one. */
static enum reason find_entry(const struct vtd_unit *vtd, const struct vtd_source *source,
    const struct vtd_space *space, struct vtd_host_walk *walk, struct vtd_host_entry *entry)
{
	const uint64_t root = vtd_pasid_entry_HPTPTR(source->entry) << IOMMUSIM_PAGE_SHIFT;
	enum reason reason = ALLOWED;

	*entry = walk->from;
	if (entry->level == 0)
		reason = read_entry(vtd, space, walk, VTD_HOST_LEVELS, root, entry);
	while (reason == ALLOWED && !decides(entry, walk->address))
		reason = read_entry(vtd, space, walk, entry->level - 1u, next_table(entry->raw), entry);
	return reason;
}

/* Tables 12 and 48; a zero-length read needs any right at all on units with CAP.ZLR (Table 30, HPT.4). */
static enum reason check_rights(
    const struct vtd_unit *vtd, const struct page_request *request, unsigned rights)
{
	const unsigned missing = rights_needed(request->kind) & ~rights;

	if (vtd_is_flush(vtd, request))
		return rights != 0 ? ALLOWED : HPT_4;
	if ((missing & RIGHT_WRITE) != 0)
		return HPT_5;
	return missing != 0 ? HPT_6 : ALLOWED;
}

static enum reason judge(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_space *space, struct vtd_host_walk *walk,
    struct iommusim_dma_page *page, unsigned *rights)
{
	struct vtd_host_entry entry;
	enum reason reason;

	*rights = 0;
	reason = find_entry(vtd, source, space, walk, &entry);
	if (reason != ALLOWED)
		return reason;
	walk->decided = true;
	*rights = vtd_host_rights(entry.raw, entry.level, walk->address);
	if (*rights != 0)
		page->page_shift = page_shifts[entry.level];
	return check_rights(vtd, request, *rights);
}

/* By the address alone: is it one of the host's, no interrupt's, and within the table (VT-d 9.6, HPTSZ)? */
static enum reason check_address(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_space *space, struct vtd_host_walk *walk,
    struct iommusim_dma_page *page)
{
	const unsigned width = 49 + (unsigned)vtd_pasid_entry_HPTSZ(source->entry);
	const enum reason reason = (enum reason)vtd_use_as_is(vtd, request, true, page);

	walk->address = request->address;
	page->domain = space->domain;
	if (walk->path != NULL)
		walk->path->mode = "host permissions";
	if (reason != ALLOWED)
		return reason;
	return request->address >> width != 0 ? SPT_9 : ALLOWED;
}

unsigned vtd_find_permission(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_space *space, struct vtd_host_walk *walk,
    struct iommusim_dma_page *page, unsigned *rights)
{
	const enum reason reason = check_address(vtd, request, source, space, walk, page);

	return reason != ALLOWED ? reason : judge(vtd, request, source, space, walk, page, rights);
}

/* ---- the cache ----------------------------------------------------------------------------------------- */

/* Of events: Table 49 has them by source, address type and level. */
static struct vtd_performance_subject subject_of(const struct page_request *request, unsigned level)
{
	return (struct vtd_performance_subject){
		.rid = request->rid,
		.address_type = request->address_type,
		.level = (uint8_t)level,
	};
}

static struct vtd_host_entry entry_of(const struct cached *cached)
{
	return (struct vtd_host_entry){ .raw = { cached->value[0], cached->value[1] },
		.level = cached->kind };
}

/*
 * What decided about the address, or another page of the same entry, for the same source and PASID
 * (Table 17). An entry that leads on for this page is none. Lock held.
 */
static bool ask_for_leaf(
    struct vtd_unit *vtd, const struct page_request *request, struct vtd_host_entry *found)
{
	const struct vtd_performance_subject subject = subject_of(request, 0);
	const struct cache_source source = {
		.source = request->rid,
		.flags = request->has_pasid ? CACHED_WITH_PASID : 0,
		.pasid = request->pasid,
	};
	const struct cached *cached;

	vtd_performance_count_locked(vtd, VTD_PERFORMANCE_HPT_LEAF_LOOKUP, &subject);
	cached = cache_find_source(&vtd->host_leaf_cache, &source, request->address);
	if (cached == NULL)
		return false;
	*found = entry_of(cached);
	return decides(found, request->address);
}

/*
 * The lowest entry that leads on, below `limit`, for the HPT domain. One with a permission for this very
 * page is no such entry. Lock held.
 */
static bool ask_for_branch(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, unsigned limit, struct vtd_host_entry *found)
{
	struct cache_space space = { .domain = (uint16_t)vtd_pasid_entry_HPTDID(source->entry) };
	const struct vtd_performance_subject subject = subject_of(request, 0);

	vtd_performance_count_locked(vtd, VTD_PERFORMANCE_HPT_NONLEAF_LOOKUP, &subject);
	for (space.kind = 2; space.kind < limit; space.kind++) {
		const struct cached *cached =
		    cache_find_space(&vtd->host_table_cache, &space, request->address);

		if (cached == NULL)
			continue;
		*found = entry_of(cached);
		if (!decides(found, request->address))
			return true;
	}
	return false;
}

/* Where the walk may begin: of everything that is known of the address the lowest (VT-d 6.2.6). */
static bool ask(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, struct vtd_host_entry *from)
{
	struct vtd_performance_subject subject;
	struct vtd_host_entry branch;
	bool known;

	pthread_mutex_lock(&vtd->unit.lock);
	known = ask_for_leaf(vtd, request, from);
	if (known) {
		subject = subject_of(request, from->level);
		vtd_performance_count_locked(vtd, VTD_PERFORMANCE_HPT_LEAF_HIT, &subject);
	}
	if ((!known || from->level > 2) &&
	    ask_for_branch(vtd, request, source, known ? from->level : VTD_HOST_LEVELS + 1, &branch)) {
		subject = subject_of(request, branch.level);
		vtd_performance_count_locked(vtd, VTD_PERFORMANCE_HPT_NONLEAF_HIT, &subject);
		*from = branch;
		known = true;
	}
	pthread_mutex_unlock(&vtd->unit.lock);
	return known;
}

unsigned vtd_look_up_permission(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_space *space, struct vtd_host_walk *walk,
    struct iommusim_dma_page *page, unsigned *rights)
{
	const enum reason reason = check_address(vtd, request, source, space, walk, page);
	struct vtd_host_entry from;

	if (reason != ALLOWED)
		return reason;
	if (ask(vtd, request, source, &from)) {
		walk->from = from;
		page->through_cache = true;
	}
	return judge(vtd, request, source, space, walk, page, rights);
}

/*
 * May it be kept? It has no reserved bits, or it would not have been met; and it says anything at all: a
 * permission of whatever page, or where to go on (VT-d 6.2.6).
 */
static bool worth_keeping(const struct vtd_host_entry *entry)
{
	if (entry->level == 1)
		return (entry->raw[0] | entry->raw[1]) != 0;
	return entry->raw[0] != 0 || vtd_host_leads_on(entry->raw, entry->level);
}

/* What decided is kept for who asked, what leads on for the HPT domain. Lock held. */
static void keep(struct vtd_unit *vtd, const struct page_request *request, uint16_t domain,
    const struct vtd_host_entry *entry, bool decided)
{
	const unsigned shift = entry_shifts[entry->level];
	struct cached cached = {
		.key = request->address >> shift << shift,
		.value = { entry->raw[0], entry->raw[1] },
		.domain = domain,
		.shift = (uint8_t)shift,
		.kind = entry->level,
	};

	if (!worth_keeping(entry))
		return;
	if (!decided) {
		cache_insert(&vtd->host_table_cache, &cached);
		return;
	}
	cached.source = request->rid;
	cached.pasid = request->has_pasid ? request->pasid : 0;
	cached.flags = request->has_pasid ? CACHED_WITH_PASID : 0;
	cache_insert(&vtd->host_leaf_cache, &cached);
}

void vtd_keep_permissions(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_host_walk *walk, uint64_t generation)
{
	const uint16_t domain = (uint16_t)vtd_pasid_entry_HPTDID(source->entry);

	if (!cache_may_keep(&vtd->unit, generation))
		return;
	for (unsigned i = 0; i < walk->met_count; i++)
		keep(vtd, request, domain, &walk->met[i], walk->decided && i + 1 == walk->met_count);
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* ---- in the PASID cache -------------------------------------------------------------------------------- */

/* Of a good entry what is left out here is 0: HPTPTR has 40 bits at most, for host addresses have 52. */
enum { PACKED_DOMAIN = 40, PACKED_SIZE = 56 };

uint64_t vtd_pack_host_fields(const uint64_t *entry)
{
	return vtd_pasid_entry_HPTPTR(entry) | vtd_pasid_entry_HPTDID(entry) << PACKED_DOMAIN |
	    vtd_pasid_entry_HPTSZ(entry) << PACKED_SIZE;
}

void vtd_unpack_host_fields(uint64_t packed, uint64_t *entry)
{
	vtd_pasid_entry_set_HPTPTR(entry, packed & SPEC_MASK(PACKED_DOMAIN - 1, 0));
	vtd_pasid_entry_set_HPTDID(entry, packed >> PACKED_DOMAIN);
	vtd_pasid_entry_set_HPTSZ(entry, packed >> PACKED_SIZE);
}
