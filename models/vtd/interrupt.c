/*
 * Interrupt requests: compatibility format, remapped or posted, in the order of VT-d 5.1.4, first from
 * the table alone (vtd_remap), then with the interrupt entry cache and fault logging around it
 * (vtd_interrupt). What posting does to its descriptor: post.c.
 */
#include "models/vtd/interrupt.h"

#include "machine/memory_access.h"
#include "models/common/interrupt_entry.h"
#include "models/vtd/fault.h"
#include "models/vtd/performance.h"
#include "models/vtd/reason.h"

#define IRTE_BYTES 16u

/* Everything before the entry is read: 0 with `remapping->indexed` set when an entry is to decide. */
static enum reason find_entry(const struct vtd_unit *vtd, const struct interrupt_request *request,
    struct vtd_remapping *remapping)
{
	const uint64_t raw[2] = { request->address, request->data };
	const uint64_t table = atomic_load(&vtd->interrupt_table);
	const uint32_t status = atomic_load(&vtd->status);
	const bool shv = vtd_interrupt_request_SHV(raw) != 0;

	*remapping = (struct vtd_remapping){ .on = vtd_GSTS_IRES(status) != 0 };
	if (!remapping->on) /* the format is not looked at */
		return vtd_ECAP_IRREQ(vtd->ext_capability) ? IR_REQUIRED : ALLOWED;
	remapping->extended = vtd_IRTA_EIME(table) != 0;
	remapping->table = vtd_IRTA_IRTA(table) << IOMMUSIM_PAGE_SHIFT;
	if (vtd_ECAP_EIMER(vtd->ext_capability) && !remapping->extended)
		return IR_EXTENDED_MODE;
	if (!vtd_interrupt_request_FORMAT(raw))
		return vtd_GSTS_CFIS(status) && !remapping->extended ? ALLOWED : IR_COMPATIBILITY;
	remapping->remappable = true;
	if (shv && vtd_interrupt_request_HIGH_DATA(raw) != 0)
		return IR_RESERVED_REQUEST;
	remapping->index =
	    (unsigned)(vtd_interrupt_request_HANDLE15(raw) << 15 | vtd_interrupt_request_HANDLE(raw)) +
	    (shv ? (unsigned)vtd_interrupt_request_SUBHANDLE(raw) : 0);
	if (remapping->index >= 2u << vtd_IRTA_S(table))
		return IR_INDEX;
	remapping->address = remapping->table + remapping->index * UINT64_C(16);
	if ((remapping->table | remapping->address) >> vtd->spec.host_address_width != 0)
		return IR_INDEX; /* Table 15: the entry lies above the host address width */
	remapping->indexed = true;
	return ALLOWED;
}

/* The whole entry in one go, as software may change it (VT-d 5.1.4). */
static bool read_entry(const struct vtd_unit *vtd, struct vtd_remapping *remapping)
{
	remapping->readable = memory_load128(
	    &vtd->unit.machine->memory, remapping->address, vtd->snoops, remapping->entry);
	return remapping->readable;
}

/*
 * Source validation (VT-d 9.9): by requester id with some function bits ignored, or by bus. Nothing can
 * pass a validation of the reserved type 3.
 */
static bool source_allowed(const uint64_t *entry, uint16_t source)
{
	static const uint16_t ignored[] = { 0, 4, 6, 7 };
	const uint16_t id = (uint16_t)vtd_irte_SID(entry);

	switch (vtd_irte_SVT(entry)) {
	case 0:
		return true;
	case 1:
		return ((id ^ source) & ~ignored[vtd_irte_SQ(entry)]) == 0;
	case 2:
		return source >> 8 >= id >> 8 && source >> 8 <= (id & 0xff);
	default:
		return false;
	}
}

/*
 * Reserved bits; of a remapped entry in xAPIC mode there are more of them (VT-d 9.9, 9.10). Reserved
 * delivery modes are not. Without CAP.PI the mode bit is one of them.
 */
static bool well_formed(const struct vtd_unit *vtd, const struct vtd_remapping *remapping)
{
	const uint64_t *entry = remapping->entry;
	const uint64_t *reserved = vtd->irte_reserved;
	uint64_t more = remapping->extended ? 0 : vtd->irte_xapic_reserved;

	if (vtd_posts(vtd, entry)) {
		reserved = vtd->irte_posted_reserved;
		more = 0;
	}
	return (entry[0] & (reserved[0] | more)) == 0 && (entry[1] & reserved[1]) == 0;
}

/* The entry, from memory or cache, against this request: present, source, contents, in that order. */
static enum reason check_entry(const struct vtd_unit *vtd, const struct interrupt_request *request,
    const struct vtd_remapping *remapping)
{
	if (!vtd_irte_P(remapping->entry))
		return IR_PRESENT;
	if (!vtd->choices.source_unknown && !source_allowed(remapping->entry, request->rid))
		return IR_SOURCE;
	return well_formed(vtd, remapping) ? ALLOWED : IR_RESERVED;
}

/* The message that goes to the processor (VT-d 5.1.4, 9.9). */
static void compose(const struct vtd_remapping *remapping, struct iommusim_interrupt *out)
{
	const uint64_t *entry = remapping->entry;
	const uint32_t wide = (uint32_t)vtd_irte_DST(entry);

	interrupt_compose(
	    &(struct interrupt_message){
		.destination = remapping->extended ? wide : wide >> 8,
		.vector = (uint8_t)vtd_irte_V(entry),
		.delivery = (uint8_t)vtd_irte_DLM(entry),
		.logical = vtd_irte_DM(entry) != 0,
		.redirect_hint = vtd_irte_RH(entry) != 0,
		.level = vtd_irte_TM(entry) != 0,
	    },
	    out);
}

unsigned vtd_remap(const struct vtd_unit *vtd, const struct interrupt_request *request,
    struct vtd_remapping *remapping, struct iommusim_interrupt *out)
{
	enum reason reason = find_entry(vtd, request, remapping);

	if (reason != ALLOWED || !remapping->indexed)
		return reason;
	if (!read_entry(vtd, remapping))
		return IR_READ;
	reason = check_entry(vtd, request, remapping);
	if (reason != ALLOWED)
		return reason;
	if (vtd_posts(vtd, remapping->entry))
		return vtd_post_peek(vtd, remapping, out);
	compose(remapping, out);
	return ALLOWED;
}

/* An entry serves whoever has its index: it keeps the IRTE, and each request is checked against that. */
static bool ask_cache(
    struct vtd_unit *vtd, const struct interrupt_request *request, struct vtd_remapping *remapping)
{
	const struct vtd_performance_subject subject = { .rid = request->rid };

	vtd_performance_count(vtd, VTD_PERFORMANCE_INT_CACHE_LOOKUP, &subject);
	if (!interrupt_cache_find(
		&vtd->unit, &vtd->interrupt_cache, 0, remapping->index, remapping->entry))
		return false;
	vtd_performance_count(vtd,
	    vtd_irte_IM(remapping->entry) ? VTD_PERFORMANCE_INT_CACHE_HIT_POSTED
					  : VTD_PERFORMANCE_INT_CACHE_HIT_NONPOSTED,
	    &subject);
	return true;
}

/*
 * Keep an entry, unless it led to a fault on a unit without caching mode (VT-d 6.4: any fault of
 * 5.1.4.1, those of a descriptor among them).
 */
static void fill_cache(struct vtd_unit *vtd, const struct vtd_remapping *remapping, enum reason reason,
    uint64_t generation)
{
	if (reason == ALLOWED || vtd_CAP_CM(vtd->capability))
		interrupt_cache_keep(&vtd->unit, &vtd->interrupt_cache, 0, remapping->index,
		    remapping->entry, generation);
}

/* A contrary cache also fetches the next entry of the table, if that is a good one. */
static void prefetch(struct vtd_unit *vtd, const struct vtd_remapping *remapping, uint64_t generation)
{
	struct vtd_remapping next = *remapping;

	if (!cache_prefetches(&vtd->unit, &vtd->interrupt_cache))
		return;
	next.index++;
	next.address += IRTE_BYTES;
	if (next.index >= 2u << vtd_IRTA_S(atomic_load(&vtd->interrupt_table)))
		return;
	vtd_performance_count(vtd, VTD_PERFORMANCE_IOMMU_MRDS, NULL);
	if (read_entry(vtd, &next) && vtd_irte_P(next.entry) && well_formed(vtd, &next))
		fill_cache(vtd, &next, ALLOWED, generation);
}

/* What the entry says, from memory or cache, is done: a message, or a posted interrupt. */
static enum reason obey_entry(struct vtd_unit *vtd, const struct interrupt_request *request,
    struct vtd_remapping *remapping, struct iommusim_interrupt *out)
{
	const enum reason reason = check_entry(vtd, request, remapping);

	if (reason != ALLOWED)
		return reason;
	if (vtd_posts(vtd, remapping->entry)) {
		/* It is changed where it is, but read first (VT-d 5.2.3). */
		vtd_performance_count(vtd, VTD_PERFORMANCE_IOMMU_MRDS, NULL);
		return vtd_post(vtd, remapping, out);
	}
	compose(remapping, out);
	return ALLOWED;
}

/* The entry that decides: from the cache, or from memory and then into the cache. */
static enum reason use_entry(struct vtd_unit *vtd, const struct interrupt_request *request,
    struct vtd_remapping *remapping, uint64_t generation, struct iommusim_interrupt *out)
{
	const bool caching = vtd->unit.settings.cache != IOMMUSIM_CACHE_NONE;
	enum reason reason;

	if (caching && ask_cache(vtd, request, remapping))
		return obey_entry(vtd, request, remapping, out);
	vtd_performance_count(vtd, VTD_PERFORMANCE_IOMMU_MRDS, NULL);
	if (!read_entry(vtd, remapping))
		return IR_READ;
	reason = obey_entry(vtd, request, remapping, out);
	if (caching) {
		fill_cache(vtd, remapping, reason, generation);
		prefetch(vtd, remapping, generation);
	}
	return reason;
}

struct page_request vtd_interrupt_fault_request(
    const struct interrupt_request *request, const struct vtd_remapping *remapping)
{
	return (struct page_request){
		.rid = request->rid,
		.kind = IOMMUSIM_DMA_WRITE,
		.address = (uint64_t)remapping->index << 48, /* FI holds the index (VT-d 11.4.7.6) */
	};
}

void vtd_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_fault *fault)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const uint64_t generation = atomic_load(&unit->generation);
	struct iommusim_dma_page page = { .address = request->address };
	struct vtd_remapping remapping;
	struct page_request recorded;
	enum reason reason = find_entry(vtd, request, &remapping);

	if (reason == ALLOWED && remapping.indexed)
		reason = use_entry(vtd, request, &remapping, generation, out);
	if (reason == ALLOWED)
		return;
	recorded = vtd_interrupt_fault_request(request, &remapping);
	vtd_fault(vtd, &recorded, reason, vtd_irte_FPD(remapping.entry) != 0, &page);
	*fault = page.fault;
}
