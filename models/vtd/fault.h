/*
 * Faults (VT-d 7.1, 7.2): what a reason code stands for, what becomes of a request, and where it is
 * recorded. The interrupt about it is in event.h.
 */
#ifndef IOMMUSIM_VTD_FAULT_H
#define IOMMUSIM_VTD_FAULT_H

#include "models/vtd/unit.h"

/* fault.c */
struct vtd_reason {
	const char *clause; /* where the rule stands */
	const char *meaning;
	enum iommusim_fault_class class_;
	bool qualified;
	uint8_t translation; /* enum vtd_answer: what a translation request gets (Table 30) */
	uint8_t translated;  /* what a request with a translated address gets: UR or CA */
};
enum vtd_answer { VTD_UR, VTD_CA, VTD_EMPTY, VTD_RIGHTS, VTD_REPORTED };
/* What a fault reason code stands for; NULL for codes that are not described. */
const struct vtd_reason *vtd_reason(unsigned code);
/* Deny `page` for `reason`: fill the record, and log it unless FPD or a full log forbids. */
void vtd_fault(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page);
/* Is what would be a fault of others a translation request's answer? `*rights` loses what is not given. */
bool vtd_answers(const struct page_request *request, unsigned reason, unsigned *rights);
/* Legacy mode has one reason for "nothing there" and "not for you": what the walk found tells them apart. */
void vtd_fault_refine(struct iommusim_fault *fault, unsigned rights);
/* Log a fault that denies nothing, unless FPD or a full log forbids; `fault` is filled. */
void vtd_report(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_fault *fault);
/* The same record, nothing logged. */
void vtd_fault_describe(const struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page);

/* fault_log.c; lock held throughout */
/* Record a fault in a register, or in the log in memory, or not at all: `fault` says which. */
void vtd_fault_log(struct vtd_unit *vtd, struct iommusim_fault *fault);
/* SFL: take AFLOG over and begin at the log's first record. */
void vtd_fault_log_latch(struct vtd_unit *vtd);
uint32_t vtd_fault_read(struct vtd_unit *vtd, uint64_t offset);
void vtd_fault_write(struct vtd_unit *vtd, uint64_t offset, uint32_t value);
bool vtd_fault_pending(const struct vtd_unit *vtd);
/* The bits of FSTS that are a fault event's conditions; PPF is the other one. */
static inline uint64_t vtd_fault_conditions(void)
{
	return vtd_FSTS_PFO_bits(1) | vtd_FSTS_AFO_bits(1) | vtd_FSTS_APF_bits(1) |
	    vtd_FSTS_IQE_bits(1) | vtd_FSTS_ICE_bits(1) | vtd_FSTS_ITE_bits(1);
}
/* IQE, ICE, ITE or a record came up: part of the fault event. */
void vtd_fault_status_set(struct vtd_unit *vtd, uint64_t bits);

#endif
