/*
 * Where faults are recorded: the fault recording registers (VT-d 7.2.1) or, on units older than
 * revision 4.0 of the specification, a log in memory. What a fault is stands in fault.c.
 *
 * Everything here is called with the unit's lock held.
 */
#include "models/vtd/fault.h"

#include "machine/memory_access.h"
#include "models/vtd/event.h"

#define RECORD_BYTES 16u

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
	struct register_cell *status = &vtd->registers[VTD_FSTS];
	const bool quiet = (status->value & vtd_fault_conditions()) == 0 && !vtd_fault_pending(vtd);

	status->value |= bits;
	machine_note_activity(vtd->unit.machine);
	if (quiet)
		vtd_event_raise(vtd, VTD_EVENT_FAULT);
}

/* Does a pending record speak of the same source already? Then a unit may add none (VT-d 7.2.1). */
static bool collapses(const struct vtd_unit *vtd, const uint64_t *record)
{
	for (uint32_t i = 0; vtd->choices.collapse_faults && i < vtd->fault_records; i++)
		if (vtd_fault_record_F(vtd->fault_record[i]) &&
		    vtd_fault_record_SID(vtd->fault_record[i]) == vtd_fault_record_SID(record))
			return true;
	return false;
}

/* Primary logging, in the order of VT-d 7.2.1. */
static void log_primary(struct vtd_unit *vtd, struct iommusim_fault *fault)
{
	struct register_cell *status = &vtd->registers[VTD_FSTS];
	uint64_t *slot = vtd->fault_record[vtd->next_fault];

	fault->overflowed = vtd_FSTS_PFO(status->value) != 0;
	fault->collapsed = !fault->overflowed && collapses(vtd, fault->record);
	if (fault->overflowed || fault->collapsed)
		return;
	if (vtd_fault_record_F(slot)) {
		fault->overflowed = true;
		vtd_fault_status_set(vtd, vtd_FSTS_PFO_bits(1));
		return;
	}
	if (!vtd_fault_pending(vtd)) {
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

void vtd_fault_log_latch(struct vtd_unit *vtd)
{
	vtd->fault_log = vtd->registers[VTD_AFLOG].value;
	vtd->next_log = 0;
}

/*
 * Advanced logging: records of the registers' layout in a ring in memory. A record that software has
 * not cleared yet, or no memory where the next one belongs, is an overflow.
 */
static void log_advanced(struct vtd_unit *vtd, struct iommusim_fault *fault)
{
	const struct memory *memory = &vtd->unit.machine->memory;
	const uint64_t base = vtd_AFLOG_FLA(vtd->fault_log) << IOMMUSIM_PAGE_SHIFT;
	const uint64_t records = (IOMMUSIM_PAGE_SIZE << vtd_AFLOG_FLS(vtd->fault_log)) / RECORD_BYTES;
	const uint64_t address = base + vtd->next_log * (uint64_t)RECORD_BYTES;
	uint64_t old[2];

	fault->overflowed = vtd_FSTS_AFO(vtd->registers[VTD_FSTS].value) != 0;
	if (fault->overflowed)
		return;
	if (!memory_device_read(memory, address, old, sizeof(old)) || vtd_fault_record_F(old) ||
	    !memory_device_write(memory, address, fault->record, RECORD_BYTES)) {
		fault->overflowed = true;
		vtd_fault_status_set(vtd, vtd_FSTS_AFO_bits(1));
		return;
	}
	fault->recorded = true;
	vtd->next_log = (uint32_t)((vtd->next_log + 1) % records);
	vtd_fault_status_set(vtd, vtd_FSTS_APF_bits(1));
}

void vtd_fault_log(struct vtd_unit *vtd, struct iommusim_fault *fault)
{
	if (vtd_GSTS_AFLS(atomic_load(&vtd->status)))
		log_advanced(vtd, fault);
	else
		log_primary(vtd, fault);
}

static uint64_t *record_at(struct vtd_unit *vtd, uint64_t offset)
{
	const uint64_t within = offset - vtd->fault_offset;

	return &vtd->fault_record[within / RECORD_BYTES][within / 8 % 2];
}

uint32_t vtd_fault_read(struct vtd_unit *vtd, uint64_t offset)
{
	return (uint32_t)(*record_at(vtd, offset) >> offset % 8 * 8);
}

/* Only F, in the highest doubleword, takes a write: 1 clears it. */
void vtd_fault_write(struct vtd_unit *vtd, uint64_t offset, uint32_t value)
{
	const uint64_t written[2] = { 0, (uint64_t)value << 32 };

	if (offset % RECORD_BYTES != 12 || !vtd_fault_record_F(written))
		return;
	vtd_fault_record_set_F(record_at(vtd, offset) - 1, 0);
	vtd_event_update(vtd, VTD_EVENT_FAULT);
}
