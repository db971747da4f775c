/*
 * The register file: which bytes belong to which register, and what a plain access does to it. What a
 * register sets in motion stands where its subject is (command.c, invalidate.c, queue.c, event.c, ...).
 */
#include "models/vtd/registers.h"

#include <string.h>

#include "models/vtd/command.h"
#include "models/vtd/event.h"
#include "models/vtd/fault.h"
#include "models/vtd/invalidate.h"
#include "models/vtd/memory_type.h"
#include "models/vtd/performance.h"
#include "models/vtd/protected.h"

static const struct register_description descriptions[VTD_REGISTER_COUNT] = {
#define REGISTER(name)                 [VTD_##name] = { &vtd_##name##_spec, 1, 0 },
#define REGISTERS(name, count, stride) [VTD_##name] = { &vtd_##name##_spec, count, stride },
#include "models/vtd/spec/registers.def"
#undef REGISTER
#undef REGISTERS
};

static void event_written(struct vtd_unit *vtd, enum vtd_event event)
{
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_event_update(vtd, event);
	pthread_mutex_unlock(&vtd->unit.lock);
}

static void fault_control_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	event_written(vtd, VTD_EVENT_FAULT);
}

static void invalidation_control_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	event_written(vtd, VTD_EVENT_INVALIDATION);
}

static void page_request_control_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	event_written(vtd, VTD_EVENT_PAGE_REQUEST);
}

static void performance_control_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	event_written(vtd, VTD_EVENT_PERFORMANCE);
}

/*
 * Clearing ITE lets the queue go on from where its head stands, and so may clearing IQE: of that the
 * specification says only that nothing is fetched before (VT-d 6.5.2.11).
 */
static void fault_status_written(struct vtd_unit *vtd, uint64_t written)
{
	const uint64_t resuming =
	    vtd_FSTS_ITE_bits(1) | vtd_FSTS_IQE_bits(!vtd->choices.resume_at_tail);

	fault_control_written(vtd, written);
	if ((written & resuming) != 0)
		vtd_queue_run(vtd);
}

static void queue_tail_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	vtd_queue_run(vtd);
}

/* Until the last command of GCMD or PMEN is carried out, enhanced ones are aborted (VT-d 11.4.14.3). */
static void note_global_command(struct vtd_unit *vtd)
{
	vtd->global_until = iommusim_clock_now(vtd->unit.machine) + vtd->unit.settings.latency;
}

static void global_command_written(struct vtd_unit *vtd, uint64_t written)
{
	note_global_command(vtd);
	vtd_command_written(vtd, written);
}

static void protection_written(struct vtd_unit *vtd, uint64_t written)
{
	note_global_command(vtd);
	vtd_protection_written(vtd, written);
}

/* What happens after software wrote a register, or the half that sets something in motion. Without the lock. */
static void (*after_write(unsigned id))(struct vtd_unit *vtd, uint64_t written)
{
	switch (id) {
	case VTD_GCMD:
		return global_command_written;
	case VTD_CCMD:
		return vtd_context_command_written;
	case VTD_IOTLB:
		return vtd_iotlb_command_written;
	case VTD_FSTS:
		return fault_status_written;
	case VTD_FECTL:
		return fault_control_written;
	case VTD_ICS:
	case VTD_IECTL:
		return invalidation_control_written;
	case VTD_PRS:
	case VTD_PECTL:
		return page_request_control_written;
	case VTD_PERFINTRSTS:
	case VTD_PERFINTRCTL:
		return performance_control_written;
	case VTD_PMEN:
		return protection_written;
	case VTD_IQT:
		return queue_tail_written;
	case VTD_ECMD:
		return vtd_enhanced_command_written;
	case VTD_VCMD:
		return vtd_virtual_command_written;
	default:
		return NULL;
	}
}

/*
 * The half of a 64-bit register that sets its action off. Most commands are in the top bit: a write of
 * the lower half of CCMD or IOTLB only prepares it. A queue's tail, and the commands that 32-bit
 * software finishes with their lower half (VT-d 11.4.14.1), are in the lower one.
 */
static uint64_t action_half(const struct register_cell *reg)
{
	if (reg->id == VTD_IQT || reg->id == VTD_ECMD || reg->id == VTD_VCMD)
		return SPEC_MASK(31, 0);
	return SPEC_MASK(reg->bytes * 8 - 1, reg->bytes * 8 - 32);
}

/* Addresses in these registers end at the host address width (VT-d 11.4.8.4, 11.4.12.4). */
static bool ends_at_host_width(unsigned id)
{
	return id == VTD_PHMBASE || id == VTD_PHMLIMIT || id == VTD_MTRR_PHYSBASE ||
	    id == VTD_MTRR_PHYSMASK;
}

/* How many of a description's registers a unit has that has one of its fields. */
static unsigned count_of(const struct vtd_unit *vtd, unsigned id)
{
	switch (id) {
	case VTD_MTRR_FIX64K:
	case VTD_MTRR_FIX16K:
	case VTD_MTRR_FIX4K:
		return vtd_MTRRCAP_FIX(vtd->mtrr_capability) ? descriptions[id].count : 0;
	case VTD_MTRR_PHYSBASE:
	case VTD_MTRR_PHYSMASK:
		return (unsigned)vtd_MTRRCAP_VCNT(vtd->mtrr_capability);
	case VTD_PERFEVNTCAP:
		return (unsigned)vtd_PERFCAP_EGCNT(vtd->performance.capability);
	default: /* the counters' own, from PERFFRZSTS to PERFCNTR, are where vtd_performance_place() says */
		return id >= VTD_PERFFRZSTS && id <= VTD_PERFCNTR ? 0 : descriptions[id].count;
	}
}

/* A register is there when the unit has one of its fields, and so many registers of its kind. */
static bool exists(const struct vtd_unit *vtd, unsigned id, unsigned number)
{
	return number < count_of(vtd, id) && register_exists(&descriptions[id], &vtd->spec);
}

static void describe(struct vtd_unit *vtd, unsigned id, unsigned number, struct register_cell *reg)
{
	register_describe(reg, &descriptions[id], id, number, &vtd->spec);
	if (id == VTD_IVA || id == VTD_IOTLB)
		reg->offset = (uint16_t)(reg->offset + vtd_ECAP_IRO(vtd->ext_capability) * 16);
	if (ends_at_host_width(id))
		reg->writable &= SPEC_MASK(vtd->spec.host_address_width - 1, 0);
	if (id == VTD_MTRRDEF && !vtd_MTRRCAP_FIX(vtd->mtrr_capability))
		reg->writable &= ~vtd_MTRRDEF_FE_bits(1); /* there is nothing to enable */
}

/* Only performance registers reach beyond what `slot_at` covers, and they have no neighbours there. */
bool vtd_register_claim(struct vtd_unit *vtd, unsigned offset, unsigned bytes, unsigned slot)
{
	return register_claim(vtd->slot_at, VTD_REGISTER_BYTES, offset, bytes, slot);
}

bool vtd_registers_place(struct vtd_unit *vtd, unsigned *offset)
{
	unsigned further = VTD_REGISTER_COUNT;

	memset(vtd->slot_at, REGISTER_NONE, sizeof(vtd->slot_at));
	for (unsigned id = 0; id < VTD_REGISTER_COUNT; id++) {
		for (unsigned number = 0; number < descriptions[id].count; number++) {
			const unsigned slot = number == 0 ? id : further++;
			struct register_cell *reg = &vtd->registers[slot];

			describe(vtd, id, number, reg);
			*offset = reg->offset;
			if (exists(vtd, id, number) &&
			    !vtd_register_claim(vtd, reg->offset, reg->bytes, slot))
				return false;
		}
	}
	*offset = vtd->fault_offset;
	return vtd_register_claim(vtd, vtd->fault_offset, vtd->fault_records * 16, VTD_FAULT_SLOT) &&
	    vtd_performance_place(vtd, offset);
}

const char *vtd_registers_problem(const struct iommusim_vtd_config *config)
{
	const char *(*const problems[])(const struct iommusim_vtd_config *config) = {
		vtd_virtual_problem, vtd_enhanced_problem, vtd_mtrr_problem, vtd_performance_problem
	};
	const char *problem = NULL;

	for (unsigned i = 0; problem == NULL && i < sizeof(problems) / sizeof(*problems); i++)
		problem = problems[i](config);
	return problem;
}

void vtd_registers_take(struct vtd_unit *vtd, const struct iommusim_vtd_config *config)
{
	vtd->virtual_capability = config->virtual_capability;
	vtd->enhanced_capability = vtd_enhanced_capability(config);
	vtd->mtrr_capability = vtd_mtrr_capability(config);
	vtd_performance_take(vtd, config);
}

void vtd_registers_free(struct vtd_unit *vtd)
{
	vtd_virtual_free(vtd);
}

/* What the optional registers report, and their state as it is after a reset. */
static void reset_optional(struct vtd_unit *vtd)
{
	const struct vtd_performance *performance = &vtd->performance;
	const struct vtd_performance_layout *layout = &performance->layout;

	vtd->registers[VTD_VCCAP].value = vtd->virtual_capability;
	vtd->registers[VTD_ECCAP3].value = vtd->enhanced_capability;
	vtd->registers[VTD_MTRRCAP].value = vtd->mtrr_capability;
	vtd->registers[VTD_PERFCAP].value = performance->capability;
	vtd->registers[VTD_PERFCFGOFF].value = layout->configuration;
	vtd->registers[VTD_PERFFRZOFF].value = layout->freeze;
	vtd->registers[VTD_PERFOVFOFF].value = layout->overflow;
	vtd->registers[VTD_PERFCNTROFF].value = layout->counters;
	for (unsigned group = 0; group < vtd_PERFCAP_EGCNT(performance->capability); group++)
		vtd->registers[vtd->slot_at[(vtd_PERFEVNTCAP_at + group * 8) / 4]].value =
		    performance->events[group];
	vtd->global_until = 0;
	vtd_virtual_reset(vtd);
	vtd_performance_reset(vtd);
}

void vtd_registers_reset(struct vtd_unit *vtd)
{
	const uint64_t ecap = vtd->ext_capability;

	for (unsigned slot = 0; slot < VTD_REGISTER_SLOTS; slot++)
		vtd->registers[slot].value = 0;
	vtd->registers[VTD_VER].value = vtd->version;
	vtd->registers[VTD_CAP].value = vtd->capability;
	vtd->registers[VTD_ECAP].value = ecap;
	vtd->registers[VTD_FECTL].value = vtd_FECTL_IM_bits(1);
	if (vtd_ECAP_QI(ecap))
		vtd->registers[VTD_IECTL].value = vtd_IECTL_IM_bits(1);
	if (vtd_ECAP_PRS(ecap))
		vtd->registers[VTD_PECTL].value = vtd_PECTL_IM_bits(1);
	if (vtd_ECAP_PMS(ecap))
		vtd->registers[VTD_PERFINTRCTL].value = vtd_PERFINTRCTL_IM_bits(1);
	reset_optional(vtd);
}

/* Which register the doubleword at `offset` belongs to. */
static unsigned slot_of(const struct vtd_unit *vtd, uint64_t offset)
{
	if (offset < VTD_REGISTER_BYTES)
		return vtd->slot_at[offset / 4];
	return vtd_performance_has(vtd, offset) ? VTD_PERFORMANCE_SLOT : REGISTER_NONE;
}

uint64_t vtd_register_at(const struct vtd_unit *vtd, unsigned offset)
{
	const unsigned slot = slot_of(vtd, offset);

	return slot < VTD_REGISTER_SLOTS ? vtd->registers[slot].value : 0;
}

/* What a register reads as: most hold their value, some are made up of other state. */
static uint64_t register_value(const struct vtd_unit *vtd, const struct register_cell *reg)
{
	switch (reg->id) {
	case VTD_GSTS:
		return atomic_load(&vtd->status);
	case VTD_FSTS:
		return reg->value | vtd_FSTS_PPF_bits(vtd_fault_pending(vtd));
	default: /* GCMD too: a read is undefined (VT-d 11.4.4.1), and 0 hides nothing */
		return reg->value & ~reg->write_only;
	}
}

/* The aligned doubleword at `offset`. Lock held. What is no register reads as 0. */
static uint32_t read_doubleword(struct vtd_unit *vtd, uint64_t offset)
{
	const unsigned slot = slot_of(vtd, offset);
	const struct register_cell *reg;

	if (slot == REGISTER_NONE)
		return 0;
	if (slot == VTD_FAULT_SLOT)
		return vtd_fault_read(vtd, offset);
	if (slot == VTD_PERFORMANCE_SLOT)
		return vtd_performance_read(vtd, offset);
	reg = &vtd->registers[slot];
	return register_doubleword(reg, register_value(vtd, reg), offset);
}

uint64_t vtd_read(struct iommusim_unit *unit, uint64_t offset, unsigned width)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const uint64_t aligned = offset & ~UINT64_C(3);
	uint64_t value;

	vtd_performance_count(vtd, VTD_PERFORMANCE_IOMMU_CLOCKS, NULL);
	pthread_mutex_lock(&unit->lock);
	value = read_doubleword(vtd, aligned);
	if (width == 8)
		value |= (uint64_t)read_doubleword(vtd, aligned + 4) << 32;
	pthread_mutex_unlock(&unit->lock);
	return value >> (offset - aligned) * 8;
}

/* Commands and operands that are written while one is in progress are dropped (VT-d 11.4.14, 11.4.16). */
static bool in_progress(const struct vtd_unit *vtd, unsigned id)
{
	if (id == VTD_ECMD || id == VTD_ECEO)
		return vtd_ECRSP_IP(vtd->registers[VTD_ECRSP].value) != 0;
	if (id == VTD_VCMD || id == VTD_VCMD_EO)
		return vtd_VCRSP_IP(vtd->registers[VTD_VCRSP].value) != 0;
	return false;
}

/* Software wrote the bits `mask` of a register; all others of `value` are 0. */
static void write_register(
    struct vtd_unit *vtd, struct register_cell *reg, uint64_t value, uint64_t mask)
{
	void (*after)(struct vtd_unit *, uint64_t) = after_write(reg->id);

	if (in_progress(vtd, reg->id)) /* the control side's own: no DMA changes it */
		return;
	pthread_mutex_lock(&vtd->unit.lock);
	register_store(reg, value, mask);
	pthread_mutex_unlock(&vtd->unit.lock);
	if (after != NULL && (mask & action_half(reg)) != 0)
		after(vtd, value);
}

static void write_doubleword(struct vtd_unit *vtd, uint64_t offset, uint32_t value)
{
	const unsigned slot = slot_of(vtd, offset);
	struct register_cell *reg;
	unsigned shift;

	if (slot == REGISTER_NONE)
		return;
	if (slot == VTD_FAULT_SLOT) {
		pthread_mutex_lock(&vtd->unit.lock);
		vtd_fault_write(vtd, offset, value);
		pthread_mutex_unlock(&vtd->unit.lock);
		return;
	}
	reg = &vtd->registers[slot];
	shift = (unsigned)(offset - reg->offset) * 8;
	write_register(vtd, reg, (uint64_t)value << shift, UINT64_C(0xffffffff) << shift);
}

/* All of it at once: a counter that is written may be counting. Their quadwords are whole (11.4.13.1). */
static void write_performance(struct vtd_unit *vtd, uint64_t offset, unsigned width, uint64_t value)
{
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_performance_write(vtd, offset, (uint32_t)value);
	if (width == 8)
		vtd_performance_write(vtd, offset + 4, (uint32_t)(value >> 32));
	pthread_mutex_unlock(&vtd->unit.lock);
}

void vtd_write(struct iommusim_unit *unit, uint64_t offset, unsigned width, uint64_t value)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const unsigned slot = slot_of(vtd, offset);

	if (width < 4)
		return; /* undefined (VT-d 11.2): registers take doublewords and quadwords */
	vtd_performance_count(vtd, VTD_PERFORMANCE_IOMMU_CLOCKS, NULL);
	if (width == 8 && slot < VTD_REGISTER_SLOTS &&
	    register_is_quadword(&vtd->registers[slot], offset)) {
		write_register(vtd, &vtd->registers[slot], value, UINT64_MAX);
		return;
	}
	if (slot == VTD_PERFORMANCE_SLOT) {
		write_performance(vtd, offset, width, value);
		return;
	}
	write_doubleword(vtd, offset, (uint32_t)value);
	if (width == 8)
		write_doubleword(vtd, offset + 4, (uint32_t)(value >> 32));
}
