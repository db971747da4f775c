/*
 * Invalidation: what each granularity takes out of the caches of translation, and the two registers
 * that ask for it (VT-d 6.5.1). The queue is another file.
 */
#include "models/vtd/unit.h"

enum { GRANULARITY_GLOBAL = 1, GRANULARITY_DOMAIN = 2, GRANULARITY_FINE = 3 };

void vtd_outdate(struct vtd_unit *vtd)
{
	atomic_fetch_add(&vtd->unit.generation, 1);
	vtd->invalidated = true;
}

void vtd_invalidation_settle(struct vtd_unit *vtd)
{
	if (vtd->invalidated)
		requester_quiesce(vtd->unit.machine);
	vtd->invalidated = false;
}

void vtd_flush_write_buffers(struct vtd_unit *vtd)
{
	if (vtd_CAP_RWBF(vtd->capability) && vtd_ECAP_C(vtd->ext_capability))
		iommusim_memory_flush_all(vtd->unit.machine);
}

static void invalidate(struct vtd_unit *vtd, struct cache *cache, const struct cache_filter *filter)
{
	vtd_flush_write_buffers(vtd); /* implied by every invalidation (VT-d 6.8) */
	if (vtd->unit.settings.drop_invalidations)
		return;
	pthread_mutex_lock(&vtd->unit.lock);
	cache_invalidate(cache, filter);
	vtd_outdate(vtd); /* a walk that is under way must not fill in what it read before */
	pthread_mutex_unlock(&vtd->unit.lock);
}

void vtd_invalidate_everything(struct vtd_unit *vtd)
{
	const struct cache_filter all = { .by_domain = false };

	invalidate(vtd, &vtd->context_cache, &all);
	invalidate(vtd, &vtd->iotlb, &all);
	invalidate(vtd, &vtd->paging_cache, &all);
}

void vtd_invalidate_context(struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	/* Function mask: the function bits of the source id that are not compared (VT-d 11.4.6.1). */
	static const uint16_t ignored_bits[] = { 0, 4, 6, 7 };
	const struct cache_filter filter = {
		.by_domain = what->granularity >= GRANULARITY_DOMAIN,
		.domain = what->domain & (uint32_t)vtd->domain_mask,
		.by_source = what->granularity == GRANULARITY_FINE,
		.source = what->source,
		.source_ignore = ignored_bits[what->function_mask & 3],
	};

	invalidate(vtd, &vtd->context_cache, &filter);
}

void vtd_invalidate_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what)
{
	const unsigned top =
	    IOMMUSIM_PAGE_SHIFT + what->address_mask - 1; /* highest bit not compared */
	const uint64_t span = SPEC_MASK(top > 63 ? 63 : top, 0);
	/* Address bits beyond the unit's width are ignored (VT-d 6.5.2.3, 11.4.6.4). */
	const uint64_t address = what->address & SPEC_MASK(vtd->max_address_width - 1, 0);
	const struct cache_filter filter = {
		.by_domain = what->granularity >= GRANULARITY_DOMAIN,
		.domain = what->domain & (uint32_t)vtd->domain_mask,
		.by_range = what->granularity == GRANULARITY_FINE,
		.first = address & ~span,
		.last = address | span,
	};

	invalidate(vtd, &vtd->iotlb, &filter);
	/* Table 23: the hint spares entries that point at tables, and only in a page-selective request. */
	if (!filter.by_range || !what->leaf_only)
		invalidate(vtd, &vtd->paging_cache, &filter);
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
	struct vtd_register *reg = &vtd->registers[id];

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
		vtd_invalidation_settle(vtd);
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
	vtd_after_latency(vtd, run_context_command);
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
		vtd_invalidation_settle(vtd);
	}
	set_register(vtd, VTD_IOTLB, vtd_IOTLB_IVT_bits(1) | vtd_IOTLB_IAIG_bits(3),
	    vtd_IOTLB_IAIG_bits(legal ? what.granularity : 0));
}

void vtd_iotlb_command_written(struct vtd_unit *vtd, uint64_t written)
{
	if (!vtd_IOTLB_IVT(written))
		return;
	set_register(vtd, VTD_IOTLB, 0, vtd_IOTLB_IVT_bits(1));
	vtd_after_latency(vtd, run_iotlb_command);
}
