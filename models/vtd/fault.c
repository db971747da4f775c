/* Faults: what a reason code means, and the record it makes (VT-d 7.1). Where it goes: fault_log.c. */
#include "models/vtd/fault.h"

#include "models/vtd/reason.h"

#define QUALIFIED   true
#define UNQUALIFIED false

/* The answers of Table 30 under its own names. */
#define UR       VTD_UR
#define CA       VTD_CA
#define EMPTY    VTD_EMPTY
#define RIGHTS   VTD_RIGHTS
#define REPORTED VTD_REPORTED

static const struct vtd_reason reasons[256] = {
#define R(code, name, where, q, class, to_translation, to_translated, text)                            \
	[code] = { .clause = where,                                                                    \
		.meaning = text,                                                                       \
		.class_ = IOMMUSIM_FAULT_##class,                                                      \
		.qualified = q,                                                                        \
		.translation = to_translation,                                                         \
		.translated = to_translated },
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

bool vtd_answers(const struct page_request *request, unsigned reason, unsigned *rights)
{
	const unsigned answer = reason == 0 ? VTD_RIGHTS : reasons[reason].translation;

	if (request->address_type != IOMMUSIM_DMA_TRANSLATION_REQUEST || answer < VTD_EMPTY)
		return false;
	if (answer != VTD_RIGHTS)
		*rights = 0;
	return true;
}

/* Is the device told Completer Abort? Everything else that is blocked is an Unsupported Request. */
static bool aborts(const struct page_request *request, unsigned reason)
{
	switch (request->address_type) {
	case IOMMUSIM_DMA_TRANSLATION_REQUEST:
		return reasons[reason].translation == VTD_CA;
	case IOMMUSIM_DMA_TRANSLATED:
		return reasons[reason].translated == VTD_CA;
	default:
		return false;
	}
}

static void describe(const struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_fault *fault)
{
	const bool suppressed = fault_disable && reasons[reason].qualified;

	*fault = (struct iommusim_fault){
		.class_ = reasons[reason].class_,
		.reason = (uint16_t)reason,
		.meaning = reasons[reason].meaning,
		.suppressed = suppressed,
		.suppressor = suppressed ? "fault processing is disabled for the device (FPD=1)" : NULL,
		.aborts = aborts(request, reason),
	};
	make_record(vtd, request, reason, fault->record);
}

void vtd_fault_describe(const struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page)
{
	page->faulted = true;
	page->translated = true;
	describe(vtd, request, reason, fault_disable, &page->fault);
}

void vtd_fault_refine(struct iommusim_fault *fault, unsigned rights)
{
	if ((fault->reason == LGN_2 || fault->reason == LGN_3) && rights == 0)
		fault->class_ = IOMMUSIM_FAULT_NOT_PRESENT;
}

void vtd_report(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_fault *fault)
{
	describe(vtd, request, reason, fault_disable, fault);
	if (fault->suppressed)
		return;
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_fault_log(vtd, fault);
	pthread_mutex_unlock(&vtd->unit.lock);
}

void vtd_fault(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page)
{
	page->faulted = true;
	page->translated = true;
	vtd_report(vtd, request, reason, fault_disable, &page->fault);
}
