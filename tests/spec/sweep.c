/* Sweeps over the bits of an entry: the three requests, the fault record, tables that moved. */
#include "sweep.h"

struct sweep_reasons sweep_rights(unsigned rights)
{
	static const struct sweep_reasons by_rights[] = { { 6, 5, SWEEP_EITHER }, { 0, 5, 5 },
		{ 6, 0, 6 }, { 0, 0, 0 } };

	return by_rights[rights & 3];
}

void sweep_start(struct vtd_fixture *vtd, const struct vtd_setup *wanted)
{
	struct vtd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	setup.settings.cache = IOMMUSIM_CACHE_NONE;
	vt_start_enabled(vtd, &setup);
}

/* VT-d 11.4.7.6: F 127, T1 126, FR 103:96, T2 92, SID 79:64; FI in 63:12. */
static void expect_record(struct vtd_fixture *vtd, uint64_t address, unsigned reason, uint64_t type)
{
	const unsigned first = vt_get32(vtd, R_FSTS) >> 8 & 0xff; /* FRI */
	uint64_t record[2];

	assert_int_equal(vt_get32(vtd, R_FSTS) & 0xff, 2); /* PPF and nothing else */
	assert_int_equal(vt_records(vtd), 1);
	vt_record(vtd, first, record);
	assert_int_equal(record[0], address & UINT64_C(0x01fffffffffff000));
	assert_int_equal(record[1], type | (uint64_t)reason << 32 | 0x310);
	vt_clear_record(vtd, first);
	assert_int_equal(vt_get32(vtd, R_FSTS) & 0xff, 0);
}

static void expect_one(struct vtd_fixture *vtd, uint64_t address, enum iommusim_dma_kind kind,
    unsigned reason, uint64_t type)
{
	const struct iommusim_dma_page page = vt_access(vtd->device, kind, address, 8);
	const unsigned got = page.fault.reason;

	if (reason == SWEEP_EITHER ? got != 5 && got != 6 : got != reason)
		fail_msg("kind %d of 0x%llx: reason %Xh, not %Xh", (int)kind,
		    (unsigned long long)address, got, reason);
	assert_int_equal(page.faulted, reason != 0);
	assert_int_equal(page.fault.recorded, reason != 0);
	if (reason != 0)
		expect_record(vtd, address, got, type);
}

void sweep_expect(struct vtd_fixture *vtd, uint64_t address, struct sweep_reasons reasons)
{
	expect_one(vtd, address, IOMMUSIM_DMA_READ, reasons.read, UINT64_C(0xc000000000000000));
	expect_one(vtd, address, IOMMUSIM_DMA_WRITE, reasons.write, UINT64_C(0x8000000000000000));
	expect_one(vtd, address, IOMMUSIM_DMA_ATOMIC, reasons.atomic, UINT64_C(0xc000000010000000));
}

void sweep_works(struct vtd_fixture *vtd, uint64_t address, uint64_t output, uint32_t domain)
{
	static const enum iommusim_dma_kind kinds[] = { IOMMUSIM_DMA_READ, IOMMUSIM_DMA_WRITE,
		IOMMUSIM_DMA_ATOMIC };

	for (unsigned i = 0; i < 3; i++) {
		const struct iommusim_dma_page page = vt_access(vtd->device, kinds[i], address, 8);

		assert_int_equal(page.fault.reason, 0);
		assert_false(page.faulted);
		assert_true(page.translated);
		assert_int_equal(page.physical, output);
		assert_int_equal(page.domain, domain);
	}
	assert_int_equal(vt_get32(vtd, R_FSTS) & 0xff, 0);
}

static bool in_ram(const struct sweep_move *move)
{
	return move->table < VTD_RAM;
}

static void put(struct vtd_fixture *vtd, const struct sweep_move *move, const uint64_t *entry)
{
	for (unsigned quad = 0; quad < move->quads; quad++)
		vt_store(vtd, move->table + move->offset + quad * UINT64_C(8), entry[quad]);
}

void sweep_moved_in(struct vtd_fixture *vtd, const struct sweep_move *move)
{
	sweep_expect(vtd, move->address, in_ram(move) ? move->empty : move->hole);
	if (!in_ram(move)) {
		assert_int_equal(
		    iommusim_memory_add(vtd->machine, move->table, 0x1000, IOMMUSIM_MEMORY_RAM),
		    IOMMUSIM_OK);
		sweep_expect(vtd, move->address, move->empty);
	}
	put(vtd, move, move->entry);
}

void sweep_moved_out(struct vtd_fixture *vtd, const struct sweep_move *move)
{
	static const uint64_t nothing[2];

	if (in_ram(move))
		put(vtd, move, nothing);
	else
		assert_int_equal(iommusim_memory_remove(vtd->machine, move->table), IOMMUSIM_OK);
}
