/* Faults: what a reason code means, the record it makes, and primary fault logging (VT-d 7.2). */
#include "models/vtd/unit.h"

#define QUALIFIED   true
#define UNQUALIFIED false

static const struct vtd_reason reasons[256] = {
#define R(code, name, where, q, class, text)                                                           \
	[code] = { .clause = where, .meaning = text, .class_ = IOMMUSIM_FAULT_##class, .qualified = q },
#include "models/vtd/spec/fault_reasons.def"
#undef R
};

const struct vtd_reason *vtd_reason(unsigned code)
{
	if (code >= sizeof(reasons) / sizeof(*reasons) || reasons[code].clause == NULL)
		return NULL;
	return &reasons[code];
}

/* FI: the page, as wide as the widest page table; the faults of interrupts, 2xh, have their index there. */
static uint64_t fault_info(
    const struct vtd_unit *vtd, const struct page_request *request, unsigned reason)
{
	const uint64_t address = reason >> 4 == 2
	    ? request->address
	    : request->address & SPEC_MASK(vtd->widest_table - 1, 0);

	return address >> IOMMUSIM_PAGE_SHIFT;
}

/*
 * The record as it lands in a fault recording register (VT-d 11.4.7.6). AT is reserved on units without
 * device-TLBs, what a PASID brings on units without PASIDs.
 */
static void make_record(
    const struct vtd_unit *vtd, const struct page_request *request, unsigned reason, uint64_t record[2])
{
	record[0] = record[1] = 0;
	vtd_fault_record_set_FI(record, fault_info(vtd, request, reason));
	vtd_fault_record_set_SID(record, request->rid);
	vtd_fault_record_set_FR(record, reason);
	if (vtd_ECAP_DT(vtd->ext_capability))
		vtd_fault_record_set_AT(record, request->address_type);
	vtd_fault_record_set_T1(record, request->kind != IOMMUSIM_DMA_WRITE);
	vtd_fault_record_set_T2(record, request->kind == IOMMUSIM_DMA_ATOMIC);
	if (request->has_pasid && vtd_ECAP_PASID(vtd->ext_capability)) {
		vtd_fault_record_set_PP(record, 1);
		vtd_fault_record_set_PASID(record, request->pasid);
		vtd_fault_record_set_PRIV(record, request->privileged);
		vtd_fault_record_set_EXE(record, request->execute);
	}
	vtd_fault_record_set_F(record, 1);
}

void vtd_fault_describe(const struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page)
{
	page->faulted = true;
	page->translated = true;
	page->fault = (struct iommusim_fault){
		.class_ = reasons[reason].class_,
		.reason = (uint16_t)reason,
		.meaning = reasons[reason].meaning,
		.suppressed = fault_disable && reasons[reason].qualified,
	};
	make_record(vtd, request, reason, page->fault.record);
}

bool vtd_fault_pending(const struct vtd_unit *vtd)
{
	for (uint32_t i = 0; i < vtd->fault_records; i++)
		if (vtd_fault_record_F(vtd->fault_record[i]))
			return true;
	return false;
}

/* Only a condition that comes when none was there is an event (VT-d 7.3). */
void vtd_fault_status_set(struct vtd_unit *vtd, uint64_t bits)
{
	struct vtd_register *status = &vtd->registers[VTD_FSTS];
	const bool quiet = (status->value & vtd_fault_conditions()) == 0 && !vtd_fault_pending(vtd);

	status->value |= bits;
	if (quiet)
		vtd_event_raise(vtd, VTD_EVENT_FAULT);
}

/* Primary logging, in the order of VT-d 7.2.1. Lock held. */
static void log_fault(struct vtd_unit *vtd, struct iommusim_fault *fault)
{
	struct vtd_register *status = &vtd->registers[VTD_FSTS];
	uint64_t *slot = vtd->fault_record[vtd->next_fault];
	const bool first = !vtd_fault_pending(vtd);

	if (vtd_FSTS_PFO(status->value)) {
		fault->overflowed = true;
		return;
	}
	if (vtd_fault_record_F(slot)) {
		fault->overflowed = true;
		vtd_fault_status_set(vtd, vtd_FSTS_PFO_bits(1));
		return;
	}
	if (first) {
		status->value =
		    (status->value & ~vtd_FSTS_FRI_bits(0xff)) | vtd_FSTS_FRI_bits(vtd->next_fault);
		vtd_fault_status_set(vtd, 0); /* the event of PPF, before the record makes it 1 */
	}
	slot[0] = fault->record[0];
	slot[1] = fault->record[1];
	fault->recorded = true;
	fault->index = (uint8_t)vtd->next_fault;
	vtd->next_fault = (vtd->next_fault + 1) % vtd->fault_records;
}

void vtd_fault(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page)
{
	vtd_fault_describe(vtd, request, reason, fault_disable, page);
	if (page->fault.suppressed)
		return;
	pthread_mutex_lock(&vtd->unit.lock);
	log_fault(vtd, &page->fault);
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* The doubleword of a fault record at a register offset; NULL when there is none. */
static uint64_t *record_at(struct vtd_unit *vtd, uint64_t offset)
{
	const uint64_t within = offset - vtd->fault_offset;

	if (offset < vtd->fault_offset || within >= vtd->fault_records * UINT64_C(16))
		return NULL;
	return &vtd->fault_record[within / 16][within / 8 % 2];
}

bool vtd_fault_read(struct vtd_unit *vtd, uint64_t offset, uint32_t *value)
{
	const uint64_t *record = record_at(vtd, offset);

	if (record == NULL)
		return false;
	*value = (uint32_t)(*record >> offset % 8 * 8);
	return true;
}

/* Only F takes a write: 1 clears it. */
bool vtd_fault_write(struct vtd_unit *vtd, uint64_t offset, uint32_t value)
{
	uint64_t *record = record_at(vtd, offset);
	uint64_t written[2] = { 0, (uint64_t)value << 32 };

	if (record == NULL || (offset & 0xf) != 12)
		return record != NULL;
	if (vtd_fault_record_F(written))
		vtd_fault_record_set_F(record - 1, 0);
	return true;
}
