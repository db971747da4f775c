/* Sweeps over paging entries in scalable mode: the requests, their records, tables that moved. */
#include "sweep_paging.h"

static void set_bit_1(struct paging_sweep *sweep, uint64_t at)
{
	vt_store(&sweep->sm.vtd, at, vt_load(&sweep->sm.vtd, at) | SM_FPD);
}

void paging_set_fpd(struct paging_sweep *sweep)
{
	if ((sweep->fpd & 1) != 0)
		set_bit_1(sweep, sm_context_at(&sweep->sm, VTD_RID));
	if ((sweep->fpd & 2) != 0)
		set_bit_1(sweep, sm_directory_at(&sweep->sm, sweep->pasid));
	if ((sweep->fpd & 4) != 0)
		set_bit_1(sweep, sm_entry_at(&sweep->sm, sweep->pasid));
}

/* VT-d 11.4.7.6: F 127, T1 126, PV 123:104, FR 103:96, PP 95, PRIV 93, T2 92, SID 79:64. */
static uint64_t record_high(
    const struct paging_sweep *sweep, enum iommusim_dma_kind kind, unsigned reason)
{
	uint64_t high = BIT(63) | (uint64_t)reason << 32 | 0x310;

	if (kind != IOMMUSIM_DMA_WRITE)
		high |= BIT(62);
	if (kind == IOMMUSIM_DMA_ATOMIC)
		high |= BIT(28);
	if (sweep->pasid != SM_NO_PASID)
		high |= BIT(31) | (uint64_t)sweep->pasid << 40;
	if ((sweep->flags & SM_PRIVILEGED) != 0)
		high |= BIT(29);
	return high;
}

/* FI is 63:12, as wide as the widest table: 57 bits. */
static void expect_record(struct paging_sweep *sweep, enum iommusim_dma_kind kind, unsigned reason)
{
	struct vtd_fixture *vtd = &sweep->sm.vtd;
	const unsigned first = vt_get32(vtd, R_FSTS) >> 8 & 0xff; /* FRI */
	uint64_t record[2];

	assert_int_equal(vt_get32(vtd, R_FSTS) & 0xff, 2); /* PPF and nothing else */
	vt_record(vtd, first, record);
	assert_int_equal(record[0], sweep->input & UINT64_C(0x01fffffffffff000));
	assert_int_equal(record[1], record_high(sweep, kind, reason));
	vt_clear_record(vtd, first);
	assert_int_equal(vt_get32(vtd, R_FSTS) & 0xff, 0); /* it was the only one */
}

static struct iommusim_dma_page ask(struct paging_sweep *sweep, enum iommusim_dma_kind kind)
{
	return sm_access(&sweep->sm, kind, sweep->input, 8, sweep->pasid, sweep->flags);
}

static void expect_one(struct paging_sweep *sweep, enum iommusim_dma_kind kind, unsigned reason)
{
	const struct iommusim_dma_page page = ask(sweep, kind);

	if (page.fault.reason != reason)
		fail_msg("kind %d, entry 0x%llx: reason %Xh, not %Xh", (int)kind,
		    (unsigned long long)vt_load(&sweep->sm.vtd, sweep->at), page.fault.reason, reason);
	assert_int_equal(page.faulted, reason != 0);
	assert_int_equal(page.fault.recorded, reason != 0 && sweep->fpd == 0);
	assert_int_equal(page.fault.suppressed, reason != 0 && sweep->fpd != 0);
	if (page.fault.recorded)
		expect_record(sweep, kind, reason);
}

void paging_expect(struct paging_sweep *sweep, struct sweep_reasons reasons)
{
	expect_one(sweep, IOMMUSIM_DMA_READ, reasons.read);
	expect_one(sweep, IOMMUSIM_DMA_WRITE, reasons.write);
	expect_one(sweep, IOMMUSIM_DMA_ATOMIC, reasons.atomic);
	assert_int_equal(vt_get32(&sweep->sm.vtd, R_FSTS) & 0xff, 0);
}

static void lands(
    struct paging_sweep *sweep, enum iommusim_dma_kind kind, uint64_t output, unsigned shift)
{
	const struct iommusim_dma_page page = ask(sweep, kind);

	if (page.physical != (output | (sweep->input & (BIT(shift) - 1))))
		fail_msg("entry 0x%llx: at 0x%llx, not in 0x%llx",
		    (unsigned long long)vt_load(&sweep->sm.vtd, sweep->at),
		    (unsigned long long)page.physical, (unsigned long long)output);
	assert_false(page.faulted);
	assert_int_equal(page.page_shift, shift);
	assert_int_equal(page.domain, SM_DOMAIN);
}

void paging_lands(
    struct paging_sweep *sweep, struct sweep_reasons reasons, uint64_t output, unsigned shift)
{
	paging_expect(sweep, reasons);
	if (reasons.read == 0)
		lands(sweep, IOMMUSIM_DMA_READ, output, shift);
	if (reasons.write == 0)
		lands(sweep, IOMMUSIM_DMA_WRITE, output, shift);
}

static bool in_ram(const struct paging_move *move)
{
	return move->table < VTD_RAM;
}

void paging_moved_in(struct paging_sweep *sweep, const struct paging_move *move)
{
	struct vtd_fixture *vtd = &sweep->sm.vtd;

	paging_expect(sweep, in_ram(move) ? move->empty : move->hole);
	if (!in_ram(move)) {
		assert_int_equal(
		    iommusim_memory_add(vtd->machine, move->table, 0x1000, IOMMUSIM_MEMORY_RAM),
		    IOMMUSIM_OK);
		paging_expect(sweep, move->empty);
	}
	vt_store(vtd, move->table + move->offset, vt_load(vtd, PAGING_ROOMY + move->offset));
}

void paging_moved_out(struct paging_sweep *sweep, const struct paging_move *move)
{
	struct vtd_fixture *vtd = &sweep->sm.vtd;

	if (in_ram(move))
		vt_store(vtd, move->table + move->offset, 0);
	else
		assert_int_equal(iommusim_memory_remove(vtd->machine, move->table), IOMMUSIM_OK);
}
