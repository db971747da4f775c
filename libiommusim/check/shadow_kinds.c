/* What entries of each kind of table are and where they lead. Following them is shadow.c. */
#include "check/shadow.h"

#include "models/formats/amd_host.h"
#include "models/formats/vtd_second_stage.h"
#include "models/formats/x86_first_stage.h"

/* ---- VT-d ------------------------------------------------------------------------------------ */

enum { TT_UNTRANSLATED = 0, TT_ALL = 1 };
enum { PGTT_FIRST = 1, PGTT_SECOND = 2, PGTT_NESTED = 3 };

#define WIDTH_LEVELS 2u /* of AW 0 */
#define HALF_BUS     0x80u

static bool root_present(const uint64_t *entry)
{
	return vtd_root_entry_P(entry) != 0;
}

/* The index of a root entry is a bus: it comes as the first requester id of that. */
static unsigned root_links(
    const uint64_t *entry, unsigned level, uint16_t rid, struct shadow_link links[SHADOW_LINKS])
{
	(void)level;
	links[0] = (struct shadow_link){ vtd_root_entry_CTP(entry) << 12, 1, UNIT_CONTEXT, 0, rid };
	return 1;
}

static bool context_present(const uint64_t *entry)
{
	return vtd_context_entry_P(entry) != 0;
}

static unsigned context_links(
    const uint64_t *entry, unsigned level, uint16_t rid, struct shadow_link links[SHADOW_LINKS])
{
	const uint64_t type = vtd_context_entry_TT(entry);
	const unsigned levels = (unsigned)vtd_context_entry_AW(entry) + WIDTH_LEVELS;

	(void)level;
	if (type > TT_ALL || levels > PAGE_TABLE_LEVELS)
		return 0;
	links[0] = (struct shadow_link){ vtd_context_entry_SSPTPTR(entry) << 12, 1, UNIT_SECOND_STAGE,
		(uint8_t)levels, rid };
	return 1;
}

static bool sm_root_present(const uint64_t *entry)
{
	return vtd_sm_root_entry_LP(entry) != 0 || vtd_sm_root_entry_UP(entry) != 0;
}

static unsigned sm_root_links(
    const uint64_t *entry, unsigned level, uint16_t rid, struct shadow_link links[SHADOW_LINKS])
{
	unsigned count = 0;

	(void)level;
	if (vtd_sm_root_entry_LP(entry))
		links[count++] = (struct shadow_link){ vtd_sm_root_entry_LCTP(entry) << 12, 1,
			UNIT_SM_CONTEXT, 0, rid };
	if (vtd_sm_root_entry_UP(entry))
		links[count++] = (struct shadow_link){ vtd_sm_root_entry_UCTP(entry) << 12, 1,
			UNIT_SM_CONTEXT, 0, rid | HALF_BUS };
	return count;
}

static bool sm_context_present(const uint64_t *entry)
{
	return vtd_sm_context_entry_P(entry) != 0;
}

/* A directory of 2^(PDTS + 7) entries of 8 bytes. */
static unsigned sm_context_links(
    const uint64_t *entry, unsigned level, uint16_t rid, struct shadow_link links[SHADOW_LINKS])
{
	const uint64_t bytes = UINT64_C(8) << (vtd_sm_context_entry_PDTS(entry) + 7);

	(void)level;
	links[0] = (struct shadow_link){ vtd_sm_context_entry_PASIDDIRPTR(entry) << 12,
		(uint32_t)((bytes + IOMMUSIM_PAGE_SIZE - 1) >> IOMMUSIM_PAGE_SHIFT),
		UNIT_PASID_DIRECTORY, 0, rid };
	return 1;
}

static bool directory_present(const uint64_t *entry)
{
	return vtd_pasid_dir_entry_P(entry) != 0;
}

static unsigned directory_links(
    const uint64_t *entry, unsigned level, uint16_t rid, struct shadow_link links[SHADOW_LINKS])
{
	(void)level;
	links[0] =
	    (struct shadow_link){ vtd_pasid_dir_entry_SMPTBLPTR(entry) << 12, 1, UNIT_PASID, 0, rid };
	return 1;
}

static bool pasid_present(const uint64_t *entry)
{
	return vtd_pasid_entry_P(entry) != 0;
}

/* First-stage tables of a nested entry have guest addresses: they are not followed. */
static unsigned pasid_links(
    const uint64_t *entry, unsigned level, uint16_t rid, struct shadow_link links[SHADOW_LINKS])
{
	const uint64_t type = vtd_pasid_entry_PGTT(entry);
	const unsigned second = (unsigned)vtd_pasid_entry_AW(entry) + WIDTH_LEVELS;
	const uint8_t first = vtd_pasid_entry_FSPM(entry) == 0 ? 4 : 5;

	(void)level;
	if (type == PGTT_FIRST)
		links[0] = (struct shadow_link){ vtd_pasid_entry_FSPTPTR(entry) << 12, 1,
			UNIT_FIRST_STAGE, first, rid };
	else if ((type == PGTT_SECOND || type == PGTT_NESTED) && second <= PAGE_TABLE_LEVELS)
		links[0] = (struct shadow_link){ vtd_pasid_entry_SSPTPTR(entry) << 12, 1,
			UNIT_SECOND_STAGE, (uint8_t)second, rid };
	else
		return 0;
	return 1;
}

static bool irte_present(const uint64_t *entry)
{
	return vtd_irte_P(entry) != 0;
}

static unsigned no_links(
    const uint64_t *entry, unsigned level, uint16_t rid, struct shadow_link links[SHADOW_LINKS])
{
	(void)entry;
	(void)level;
	(void)rid;
	(void)links;
	return 0;
}

/* ---- AMD-Vi ---------------------------------------------------------------------------------- */

static bool device_present(const uint64_t *entry)
{
	return amdvi_dte_V(entry) != 0 && amdvi_dte_TV(entry) != 0;
}

static unsigned device_links(
    const uint64_t *entry, unsigned level, uint16_t rid, struct shadow_link links[SHADOW_LINKS])
{
	const unsigned levels = (unsigned)amdvi_dte_MODE(entry);

	(void)level;
	if (levels == 0 || levels > PAGE_TABLE_LEVELS)
		return 0;
	links[0] =
	    (struct shadow_link){ amdvi_dte_ROOT(entry) << 12, 1, UNIT_HOST, (uint8_t)levels, rid };
	return 1;
}

/* ---- paging entries -------------------------------------------------------------------------- */

static const struct page_format *format_of(unsigned kind)
{
	switch (kind) {
	case UNIT_SECOND_STAGE:
		return &vtd_second_stage;
	case UNIT_FIRST_STAGE:
		return &x86_first_stage;
	default:
		return &amd_host;
	}
}

static unsigned paging_links(
    unsigned kind, uint64_t entry, unsigned level, struct shadow_link links[SHADOW_LINKS])
{
	const struct page_format *format = format_of(kind);
	unsigned next = level - 1;

	if (level <= 1 || format->leaf(entry, level))
		return 0;
	if (format->next_level != NULL)
		next = format->next_level(entry);
	if (next == 0 || next >= level)
		return 0; /* hardware denies it */
	links[0] = (struct shadow_link){ format->table(entry), 1, (uint8_t)kind, (uint8_t)next, 0 };
	return 1;
}

#define PAGING(name, kind, format)                                                                     \
	static bool name##_present(const uint64_t *entry)                                              \
	{                                                                                              \
		return (format).present(*entry);                                                       \
	}                                                                                              \
	static unsigned name##_links(const uint64_t *entry, unsigned level, uint16_t rid,              \
	    struct shadow_link links[SHADOW_LINKS])                                                    \
	{                                                                                              \
		(void)rid;                                                                             \
		return paging_links(kind, *entry, level, links);                                       \
	}
PAGING(second_stage, UNIT_SECOND_STAGE, vtd_second_stage)
PAGING(first_stage, UNIT_FIRST_STAGE, x86_first_stage)
PAGING(host, UNIT_HOST, amd_host)

unsigned shadow_large_leaf(unsigned kind, const uint64_t *entry, unsigned level, uint64_t *memory)
{
	const struct page_format *format = format_of(kind);

	if (level <= 1 || !format->present(*entry) || !format->leaf(*entry, level))
		return 0;
	*memory = format->page(*entry, level);
	return format->leaf_shift == NULL ? page_level_shift(level) : format->leaf_shift(*entry, level);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct shadow_kind kinds[UNIT_TABLES] = {
	[UNIT_ROOT] = { "root entry", 2, 1, false, false, root_present, root_links },
	[UNIT_CONTEXT] = { "context entry", 2, 2, true, false, context_present, context_links },
	[UNIT_SM_ROOT] = { "scalable-mode root entry", 2, 1, false, false, sm_root_present,
	    sm_root_links },
	[UNIT_SM_CONTEXT] = { "scalable-mode context entry", 4, 2, true, false, sm_context_present,
	    sm_context_links },
	[UNIT_PASID_DIRECTORY] = { "PASID directory entry", 1, 1, false, false, directory_present,
	    directory_links },
	[UNIT_PASID] = { "PASID table entry", 8, 3, false, false, pasid_present, pasid_links },
	[UNIT_SECOND_STAGE] = { "second-stage entry", 1, 1, false, true, second_stage_present,
	    second_stage_links },
	[UNIT_FIRST_STAGE] = { "first-stage entry", 1, 1, false, true, first_stage_present,
	    first_stage_links },
	[UNIT_INTERRUPT] = { "IRTE", 2, 2, false, false, irte_present, no_links },
	[UNIT_DEVICE] = { "DTE", 4, 2, true, false, device_present, device_links },
	[UNIT_HOST] = { "host table entry", 1, 1, false, true, host_present, host_links },
};

const struct shadow_kind *shadow_kind(unsigned kind)
{
	return &kinds[kind];
}
