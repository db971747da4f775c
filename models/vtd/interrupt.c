/*
 * Interrupt requests: compatibility format or remapped, in the order of VT-d 5.1.4. Entries are read
 * from memory each time. Posted entries are refused as the reserved encoding they are without CAP.PI.
 */
#include "models/vtd/unit.h"

#include "machine/memory_access.h"

enum reason {
#define R(code, mnemonic, clause, qualified, class, meaning) mnemonic = code,
#include "models/vtd/spec/fault_reasons.def"
#undef R
};

/* The request's address: handle, format and SHV (VT-d 5.1.2.2). Its data is the subhandle if SHV. */
struct remappable {
	unsigned index;
	bool reserved; /* a reserved bit of the data is set */
};

static struct remappable take_apart(const struct interrupt_request *request)
{
	const unsigned handle =
	    (unsigned)(request->address >> 5 & 0x7fff) | (unsigned)(request->address >> 2 & 1) << 15;
	const bool subhandle_valid = (request->address >> 3 & 1) != 0;

	return (struct remappable){
		.index = handle + (subhandle_valid ? request->data & 0xffff : 0),
		.reserved = subhandle_valid && request->data >> 16 != 0,
	};
}

/* Source validation (VT-d 5.1.4, 9.9): by requester id with some function bits ignored, or by bus. */
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

static unsigned check_entry(const struct vtd_unit *vtd, bool extended, const uint64_t *entry,
    const struct interrupt_request *request)
{
	if (!vtd_irte_P(entry))
		return IR_PRESENT;
	if (!source_allowed(entry, request->rid))
		return IR_SOURCE;
	if (((entry[0] & vtd->irte_reserved[0]) | (entry[1] & vtd->irte_reserved[1])) != 0 ||
	    (!extended && (entry[0] & vtd->irte_xapic_reserved) != 0) || vtd_irte_IM(entry))
		return IR_RESERVED;
	return 0;
}

/* The message that goes to the processor (VT-d 5.1.2.1): always asserted. */
static void compose(bool extended, const uint64_t *entry, struct iommusim_interrupt *out)
{
	const uint64_t wide = vtd_irte_DST(entry);
	const uint64_t destination = extended ? wide : wide >> 8 & 0xff;

	out->address = UINT64_C(0xfee00000) | (destination & 0xff) << 12 | (destination >> 8) << 40 |
	    vtd_irte_RH(entry) << 3 | vtd_irte_DM(entry) << 2;
	out->data = (uint32_t)(vtd_irte_V(entry) | vtd_irte_DLM(entry) << 8 | 1u << 14 |
	    vtd_irte_TM(entry) << 15);
}

/* The reason code, 0 when `out` may go. `entry` holds the IRTE once it was read. */
static unsigned remap(const struct vtd_unit *vtd, const struct interrupt_request *request,
    uint64_t *entry, unsigned *index, struct iommusim_interrupt *out)
{
	const uint64_t table = atomic_load(&vtd->interrupt_table);
	const struct memory *memory = &vtd->unit.machine->memory;
	const bool remappable_format = (request->address >> 4 & 1) != 0;
	const struct remappable parts = take_apart(request);
	const uint64_t base = vtd_IRTA_IRTA(table) << IOMMUSIM_PAGE_SHIFT;
	uint64_t address;
	unsigned reason;

	if (vtd_ECAP_EIMER(vtd->ext_capability) && !vtd_IRTA_EIME(table))
		return IR_EXTENDED_MODE;
	if (!remappable_format)
		return vtd_GSTS_CFIS(atomic_load(&vtd->status)) && !vtd_IRTA_EIME(table)
		    ? 0
		    : IR_COMPATIBILITY;
	if (parts.reserved)
		return IR_RESERVED_REQUEST;
	*index = parts.index;
	if (parts.index >= 2u << vtd_IRTA_S(table))
		return IR_INDEX;
	address = base + parts.index * UINT64_C(16);
	if ((base | address) >> vtd->spec.host_address_width != 0)
		return IR_INDEX; /* Table 15: the entry lies above the host address width */
	if (!memory_load64(memory, address, vtd->snoops, &entry[0]) ||
	    !memory_load64(memory, address + 8, vtd->snoops, &entry[1]))
		return IR_READ;
	reason = check_entry(vtd, vtd_IRTA_EIME(table) != 0, entry, request);
	if (reason == 0)
		compose(vtd_IRTA_EIME(table) != 0, entry, out);
	return reason;
}

void vtd_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_fault *fault)
{
	struct vtd_unit *vtd = vtd_of(unit);
	struct page_request recorded = { .rid = request->rid, .kind = IOMMUSIM_DMA_WRITE };
	struct iommusim_dma_page page = { .address = request->address };
	uint64_t entry[2] = { 0, 0 };
	unsigned index = 0, reason;

	if (vtd_GSTS_IRES(atomic_load(&vtd->status)))
		reason = remap(vtd, request, entry, &index, out);
	else
		reason = vtd_ECAP_IRREQ(vtd->ext_capability) ? IR_REQUIRED : 0;
	if (reason == 0)
		return;
	recorded.address = (uint64_t)index << 48; /* FI holds the index (VT-d 11.4.7.6) */
	vtd_fault(vtd, &recorded, reason, vtd_irte_FPD(entry) != 0, &page);
	*fault = page.fault;
}
