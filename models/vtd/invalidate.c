/*
 * Invalidation: what each granularity takes out of the caches of translation, and the two registers
 * that ask for it (VT-d 6.5.1). The queue is another file.
 */
#include "models/vtd/invalidate.h"

#include "models/vtd/command.h"
#include "models/vtd/tables.h"

enum { GRANULARITY_GLOBAL = 1, GRANULARITY_DOMAIN = 2, GRANULARITY_FINE = 3 };

void vtd_flush_write_buffers(struct vtd_unit *vtd)
{
	if (vtd_CAP_RWBF(vtd->capability) && vtd_ECAP_C(vtd->ext_capability))
		iommusim_memory_flush_all(vtd->unit.machine);
}

/*
 * Of several caches those go first that others are filled from: a request that comes in between would find an old way in
 * the one and leave where it leads in the other.
 */
static void invalidate(struct vtd_unit *vtd, struct cache *cache, const struct cache_filter *filter)
{
	vtd_flush_write_buffers(vtd); /* implied by every invalidation (VT-d 6.8) */
	if (vtd->unit.settings.drop_invalidations)
		return;
	pthread_mutex_lock(&vtd->unit.lock);
	cache_invalidate(cache, filter);
	unit_outdate(&vtd->unit); /* a walk that is under way must not fill in what it read before */
	pthread_mutex_unlock(&vtd->unit.lock);
}

void vtd_invalidate_everything(struct vtd_unit *vtd)
{
	const struct cache_filter all = { .by_domain = false };

	invalidate(vtd, &vtd->context_cache, &all);
	invalidate(vtd, &vtd->pasid_cache, &all);
	invalidate(vtd, &vtd->paging_cache, &all);
	invalidate(vtd, &vtd->iotlb, &all);
	invalidate(vtd, &vtd->host_table_cache, &all);
	invalidate(vtd, &vtd->host_leaf_cache, &all);
}

static uint16_t domain_of(const struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	return (uint16_t)(what->domain & vtd->domain_mask); /* bits beyond CAP.ND are ignored (6.5.2) */
}

/*
 * In scalable mode the context cache has no domains: what asks for one gets everything, and for a device
 * in one, the device (VT-d 6.5.2.1).
 */
void vtd_invalidate_context(struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	/* Function mask: the function bits of the source id that are not compared (VT-d 11.4.6.1). */
	static const uint16_t ignored_bits[] = { 0, 4, 6, 7 };
	const bool legacy = vtd_RTADDR_TTM(atomic_load(&vtd->root)) == 0;
	const struct cache_filter filter = {
		.by_domain = legacy && what->granularity >= GRANULARITY_DOMAIN,
		.domain = domain_of(vtd, what),
		.by_source = what->granularity == GRANULARITY_FINE,
		.source = what->source,
		.source_ignore = ignored_bits[what->function_mask & 3],
	};

	invalidate(vtd, &vtd->context_cache, &filter);
}

void vtd_invalidate_pasid_cache(struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	enum { DOMAIN = 0, PASID = 1, GLOBAL = 3 };
	const struct cache_filter filter = {
		.by_domain = what->granularity != GLOBAL,
		.domain = domain_of(vtd, what),
		.by_pasid = what->granularity == PASID,
		.pasid = what->pasid,
	};

	invalidate(vtd, &vtd->pasid_cache, &filter);
}

/* 2^AM pages from the address, aligned to their number; AM may say everything. */
static void set_range(struct cache_filter *filter, uint64_t address, unsigned address_mask)
{
	const unsigned top = IOMMUSIM_PAGE_SHIFT + address_mask - 1; /* highest bit not compared */
	const uint64_t span = SPEC_MASK(top > 63 ? 63 : top, 0);

	filter->by_range = true;
	filter->first = address & ~span;
	filter->last = address | span;
}

/* Kinds of cached translations, as bits: those of the first stage, alone or nested. */
#define FIRST_STAGE_KINDS (1u << VTD_FIRST_STAGE | 1u << VTD_NESTED)
#define OTHER_KINDS       (1u << VTD_SECOND_STAGE | 1u << VTD_PASS_THROUGH)

/* Pages of a second stage. A first stage has addresses of its own: of that the whole domain goes (Table 23). */
static void invalidate_pages(struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	/* Address bits beyond the unit's width are ignored (VT-d 6.5.2.3, 11.4.6.4). */
	const uint64_t address = what->address & SPEC_MASK(vtd->max_address_width - 1, 0);
	struct cache_filter pages = {
		.kinds = OTHER_KINDS, .by_domain = true, .domain = domain_of(vtd, what)
	};
	struct cache_filter domain = pages;

	set_range(&pages, address, what->address_mask);
	domain.kinds = FIRST_STAGE_KINDS;
	invalidate(vtd, &vtd->paging_cache, &domain);
	if (!what->leaf_only)
		invalidate(vtd, &vtd->paging_cache, &pages);
	invalidate(vtd, &vtd->iotlb, &pages);
	invalidate(vtd, &vtd->iotlb, &domain);
}

void vtd_invalidate_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	const struct cache_filter filter = {
		.by_domain = what->granularity >= GRANULARITY_DOMAIN,
		.domain = domain_of(vtd, what),
	};

	if (what->granularity == GRANULARITY_FINE) {
		invalidate_pages(vtd, what);
		return;
	}
	invalidate(vtd, &vtd->paging_cache, &filter);
	invalidate(vtd, &vtd->iotlb, &filter);
}

/* Table 24: by PASID translations of every kind; by page those of a first stage alone. */
void vtd_invalidate_pasid_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	struct cache_filter filter = {
		.by_domain = true,
		.domain = domain_of(vtd, what),
		.by_pasid = true,
		.pasid = what->pasid,
	};
	struct cache_filter tables;

	if (what->granularity == GRANULARITY_FINE) {
		filter.kinds = FIRST_STAGE_KINDS;
		set_range(&filter, what->address, what->address_mask);
	}
	tables = filter;
	tables.kinds = FIRST_STAGE_KINDS;
	if (what->granularity != GRANULARITY_FINE || !what->leaf_only)
		invalidate(vtd, &vtd->paging_cache, &tables);
	invalidate(vtd, &vtd->iotlb, &filter);
}

/* By level and HPT domain, whoever filled it in; all of it looks at neither (VT-d 6.5.2.7). */
void vtd_invalidate_host_permissions(struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	struct cache_filter filter = { .by_domain = false };

	if (what->granularity != GRANULARITY_GLOBAL) {
		filter.kinds = what->levels;
		filter.by_domain = true;
		filter.domain = domain_of(vtd, what);
	}
	/* Address bits beyond the host address width are ignored. */
	if (what->granularity == GRANULARITY_FINE)
		set_range(&filter, what->address & SPEC_MASK(vtd->spec.host_address_width - 1, 0),
		    what->address_mask);
	invalidate(vtd, &vtd->host_table_cache, &filter);
	invalidate(vtd, &vtd->host_leaf_cache, &filter);
}

void vtd_invalidate_interrupts(struct vtd_unit *vtd, bool selective, unsigned index, unsigned mask)
{
	const uint64_t count = UINT64_C(1) << mask;
	const uint64_t first = index & ~(count - 1);
	/* An index is kept as a page number (interrupt.c). */
	const struct cache_filter filter = {
		.by_range = selective,
		.first = first << IOMMUSIM_PAGE_SHIFT,
		.last = ((first + count) << IOMMUSIM_PAGE_SHIFT) - 1,
	};

	invalidate(vtd, &vtd->interrupt_cache, &filter);
}

/*
 * May the invalidation registers be used now? Not beside the queue, and not outside legacy mode
 * (VT-d 11.4.6): such a request is not carried out, and the actual granularity says so with 0.
 */
static bool registers_usable(const struct vtd_unit *vtd)
{
	return !vtd_GSTS_QIES(atomic_load(&vtd->status)) &&
	    vtd_RTADDR_TTM(atomic_load(&vtd->root)) == 0 && vtd_VER_MAJOR(vtd->version) < 6;
}

static void set_register(struct vtd_unit *vtd, enum vtd_register_id id, uint64_t clear, uint64_t set)
{
	struct register_cell *reg = &vtd->registers[id];

	pthread_mutex_lock(&vtd->unit.lock);
	reg->value = (reg->value & ~clear) | set;
	pthread_mutex_unlock(&vtd->unit.lock);
}

static void run_context_command(void *context)
{
	struct vtd_unit *vtd = context;
	const uint64_t command = vtd->registers[VTD_CCMD].value;
	const struct vtd_invalidation what = {
		.granularity = (unsigned)vtd_CCMD_CIRG(command),
		.domain = (uint32_t)vtd_CCMD_DID(command),
		.source = (uint16_t)vtd_CCMD_SID(command),
		.function_mask = (unsigned)vtd_CCMD_FM(command),
	};
	unsigned actual = 0;

	if (what.granularity != 0 && registers_usable(vtd)) {
		vtd_invalidate_context(vtd, &what);
		unit_settle(&vtd->unit);
		actual = what.granularity;
	}
	set_register(
	    vtd, VTD_CCMD, vtd_CCMD_ICC_bits(1) | vtd_CCMD_CAIG_bits(3), vtd_CCMD_CAIG_bits(actual));
}

void vtd_context_command_written(struct vtd_unit *vtd, uint64_t written)
{
	if (!vtd_CCMD_ICC(written))
		return;
	set_register(vtd, VTD_CCMD, 0, vtd_CCMD_ICC_bits(1));
	unit_after_latency(&vtd->unit, run_context_command);
}

static void run_iotlb_command(void *context)
{
	struct vtd_unit *vtd = context;
	const uint64_t command = vtd->registers[VTD_IOTLB].value;
	const uint64_t address = vtd->registers[VTD_IVA].value;
	struct vtd_invalidation what = {
		.granularity = (unsigned)vtd_IOTLB_IIRG(command),
		.domain = (uint32_t)vtd_IOTLB_DID(command),
		.address = vtd_IVA_ADDR(address) << IOMMUSIM_PAGE_SHIFT,
		.address_mask = (unsigned)vtd_IVA_AM(address),
		.leaf_only = vtd_IVA_IH(address) != 0,
	};
	bool legal = what.granularity != 0 && registers_usable(vtd);

	if (what.granularity == GRANULARITY_FINE && !vtd_CAP_PSI(vtd->capability))
		what.granularity = GRANULARITY_DOMAIN; /* hardware may do more than it was asked */
	if (what.granularity == GRANULARITY_FINE && what.address_mask > vtd_CAP_MAMV(vtd->capability))
		legal = false;
	if (legal) {
		vtd_invalidate_iotlb(vtd, &what);
		unit_settle(&vtd->unit);
	}
	set_register(vtd, VTD_IOTLB, vtd_IOTLB_IVT_bits(1) | vtd_IOTLB_IAIG_bits(3),
	    vtd_IOTLB_IAIG_bits(legal ? what.granularity : 0));
}

void vtd_iotlb_command_written(struct vtd_unit *vtd, uint64_t written)
{
	if (!vtd_IOTLB_IVT(written))
		return;
	set_register(vtd, VTD_IOTLB, 0, vtd_IOTLB_IVT_bits(1));
	unit_after_latency(&vtd->unit, run_iotlb_command);
}
