/*
 * The MMIO registers (AMD-Vi 3.4): what a plain access does to each, and which writes are lost. What a
 * register sets in motion stands where its subject is (command.c, log.c, status.c, capability.c, ...).
 */
#include "models/amdvi/registers.h"

#include <string.h>

#include "models/amdvi/capability.h"
#include "models/amdvi/command.h"
#include "models/amdvi/invalidate.h"
#include "models/amdvi/log.h"
#include "models/amdvi/performance.h"
#include "models/amdvi/status.h"

#define IGNORED_OFFSET UINT64_C(0x1ff8)

static const struct register_description descriptions[AMDVI_REGISTER_COUNT] = {
#define REGISTER(name)                 [AMDVI_##name] = { &amdvi_##name##_spec, 1, 0 },
#define REGISTERS(name, count, stride) [AMDVI_##name] = { &amdvi_##name##_spec, count, stride },
#include "models/amdvi/spec/registers.def"
#undef REGISTER
#undef REGISTERS
};

/* ---- where they are ------------------------------------------------------------------------------------ */

struct register_cell *amdvi_register(
    struct amdvi_unit *amdvi, enum amdvi_register_id id, unsigned number)
{
	unsigned slot = AMDVI_REGISTER_COUNT;

	if (number == 0)
		return &amdvi->registers[id];
	for (unsigned before = 0; before < id; before++)
		slot += descriptions[before].count - 1u;
	return &amdvi->registers[slot + number - 1];
}

/* How many of a description's registers a unit has that has one of its fields. */
static unsigned count_of(const struct amdvi_unit *amdvi, unsigned id)
{
	switch (id) {
	case AMDVI_SMI_FILTER:
		return 1u << amdvi_EFR_SMIFRC(amdvi->features);
	case AMDVI_DEVTAB_SEG:
		return (1u << amdvi_EFR_DEV_TBL_SEG_SUP(amdvi->features)) - 1;
	default:
		return descriptions[id].count;
	}
}

void amdvi_registers_place(struct amdvi_unit *amdvi)
{
	memset(amdvi->slot_at, REGISTER_NONE, sizeof(amdvi->slot_at));
	for (unsigned id = 0; id < AMDVI_REGISTER_COUNT; id++) {
		for (unsigned number = 0; number < descriptions[id].count; number++) {
			struct register_cell *cell =
			    amdvi_register(amdvi, (enum amdvi_register_id)id, number);

			register_describe(cell, &descriptions[id], id, number, &amdvi->spec);
			if (number < count_of(amdvi, id) &&
			    register_exists(&descriptions[id], &amdvi->spec))
				register_claim(amdvi->slot_at, sizeof(amdvi->slot_at) * 4, cell->offset,
				    cell->bytes, (unsigned)(cell - amdvi->registers));
		}
	}
}

/* What DMA threads read of the registers, as these are now. Lock held. */
static void publish(struct amdvi_unit *amdvi)
{
	atomic_store(&amdvi->control, amdvi->registers[AMDVI_CONTROL].value);
	atomic_store(&amdvi->exclusion_base, amdvi->registers[AMDVI_EXCL_BASE].value);
	atomic_store(&amdvi->exclusion_limit, amdvi->registers[AMDVI_EXCL_LIMIT].value);
	atomic_store(&amdvi->device_table[0], amdvi->registers[AMDVI_DEVTAB_BASE].value);
	for (unsigned i = 1; i < AMDVI_SEGMENTS; i++)
		atomic_store(
		    &amdvi->device_table[i], amdvi_register(amdvi, AMDVI_DEVTAB_SEG, i - 1)->value);
	for (unsigned i = 0; i < AMDVI_APERTURES; i++) {
		atomic_store(&amdvi->aperture[i][0], amdvi_register(amdvi, AMDVI_MARC_BASE, i)->value);
		atomic_store(&amdvi->aperture[i][1], amdvi_register(amdvi, AMDVI_MARC_RELOC, i)->value);
		atomic_store(&amdvi->aperture[i][2], amdvi_register(amdvi, AMDVI_MARC_LEN, i)->value);
	}
}

void amdvi_registers_reset(struct amdvi_unit *amdvi)
{
	for (unsigned slot = 0; slot < AMDVI_REGISTER_SLOTS; slot++)
		amdvi->registers[slot].value = 0;
	amdvi->registers[AMDVI_EFR].value = amdvi->features;
	amdvi->registers[AMDVI_EFR2].value = amdvi->features2;
	amdvi->registers[AMDVI_EXCL_LIMIT].value = amdvi_EXCL_LIMIT_ONES_bits(UINT64_MAX);
	amdvi->registers[AMDVI_COUNTER_CONFIG].value =
	    amdvi_COUNTER_CONFIG_COUNTERS_bits(amdvi->counters) |
	    amdvi_COUNTER_CONFIG_BANKS_bits(amdvi->counter_banks);
	amdvi_capability_mirror(amdvi);
	publish(amdvi);
}

/* ---- what a write sets in motion ----------------------------------------------------------------------- */

/* The pointers of a ring whose base is written go back to its begin (AMD-Vi 2.4, 2.5). Lock held. */
static void clear_pointers(
    struct amdvi_unit *amdvi, enum amdvi_register_id head, enum amdvi_register_id tail)
{
	amdvi->registers[head].value = 0;
	amdvi->registers[tail].value = 0;
}

/* Requests look at these themselves: what requesters keep was answered under the values before. */
static bool shapes_translations(unsigned id)
{
	return id == AMDVI_CONTROL || id == AMDVI_EXCL_BASE || id == AMDVI_EXCL_LIMIT ||
	    id == AMDVI_MARC_BASE || id == AMDVI_MARC_RELOC || id == AMDVI_MARC_LEN;
}

/* What DMA threads look at: these, and where the device table is. */
static bool concerns_requests(unsigned id)
{
	return shapes_translations(id) || id == AMDVI_DEVTAB_BASE || id == AMDVI_DEVTAB_SEG;
}

/* What goes with the new value of a register at once. Lock held. */
static void follow(struct amdvi_unit *amdvi, unsigned id)
{
	switch (id) {
	case AMDVI_CMD_BASE:
		clear_pointers(amdvi, AMDVI_CMD_HEAD, AMDVI_CMD_TAIL);
		break;
	case AMDVI_EVENT_BASE:
		clear_pointers(amdvi, AMDVI_EVENT_HEAD, AMDVI_EVENT_TAIL);
		break;
	case AMDVI_EVENTB_BASE:
		clear_pointers(amdvi, AMDVI_EVENTB_HEAD, AMDVI_EVENTB_TAIL);
		break;
	case AMDVI_PPR_BASE:
		clear_pointers(amdvi, AMDVI_PPR_HEAD, AMDVI_PPR_TAIL);
		break;
	case AMDVI_PPRB_BASE:
		clear_pointers(amdvi, AMDVI_PPRB_HEAD, AMDVI_PPRB_TAIL);
		break;
	case AMDVI_GALOG_BASE:
		clear_pointers(amdvi, AMDVI_GALOG_HEAD, AMDVI_GALOG_TAIL);
		break;
	case AMDVI_MSI_CAP:
	case AMDVI_MSI_ADDR_LO:
	case AMDVI_MSI_ADDR_HI:
	case AMDVI_MSI_DATA:
		amdvi_capability_take_mirror(amdvi);
		break;
	default:
		break;
	}
	if (concerns_requests(id))
		publish(amdvi);
}

static void control_written(struct amdvi_unit *amdvi, uint64_t before)
{
	pthread_mutex_lock(&amdvi->unit.lock);
	amdvi_log_control_written(amdvi, before);
	pthread_mutex_unlock(&amdvi->unit.lock);
	amdvi_command_control_written(amdvi, before);
}

static void outdate_translations(struct amdvi_unit *amdvi)
{
	pthread_mutex_lock(&amdvi->unit.lock);
	unit_outdate(&amdvi->unit);
	pthread_mutex_unlock(&amdvi->unit.lock);
	unit_settle(&amdvi->unit);
}

/* What happens after a write, without the lock. */
static void act(struct amdvi_unit *amdvi, unsigned id, uint64_t before)
{
	if (concerns_requests(id))
		outdate_translations(amdvi);
	if (id == AMDVI_CONTROL)
		control_written(amdvi, before);
	else if (id == AMDVI_CMD_TAIL)
		amdvi_commands_run(amdvi);
}

/* ---- writes that are lost ------------------------------------------------------------------------------ */

static bool locked_filter(const struct register_cell *cell)
{
	return cell->id == AMDVI_SMI_FILTER && amdvi_SMI_FILTER_SMI_FLOCK(cell->value) != 0;
}

/*
 * A ring that runs keeps its base, and the pointer that is hardware's; the specification leaves what a
 * write of these does then undefined, or says that it is ignored. Lock held.
 */
static bool is_lost(const struct amdvi_unit *amdvi, const struct register_cell *cell)
{
	const uint64_t status = amdvi_status(amdvi);

	switch (cell->id) {
	case AMDVI_CMD_BASE:
	case AMDVI_CMD_HEAD:
		return amdvi_STATUS_CMD_BUF_RUN(status) != 0;
	case AMDVI_EVENT_BASE:
	case AMDVI_EVENT_TAIL:
	case AMDVI_EVENTB_BASE:
	case AMDVI_EVENTB_TAIL:
		return amdvi_STATUS_EVENT_LOG_RUN(status) != 0;
	case AMDVI_PPR_BASE:
	case AMDVI_PPR_TAIL:
	case AMDVI_PPRB_BASE:
	case AMDVI_PPRB_TAIL:
		return amdvi_STATUS_PPR_LOG_RUN(status) != 0;
	case AMDVI_GALOG_BASE:
	case AMDVI_GALOG_TAIL:
	case AMDVI_GALOG_TAIL_ADDR:
		return amdvi_STATUS_GA_LOG_RUN(status) != 0;
	default:
		return locked_filter(cell);
	}
}

/* ---- accesses ------------------------------------------------------------------------------------------ */

static struct register_cell *cell_at(struct amdvi_unit *amdvi, uint64_t offset)
{
	const unsigned slot = offset < AMDVI_SLOT_BYTES ? amdvi->slot_at[offset / 4] : REGISTER_NONE;

	return slot == REGISTER_NONE ? NULL : &amdvi->registers[slot];
}

/* The aligned doubleword at `offset`. Lock held. What is no register reads as 0. */
static uint32_t read_doubleword(struct amdvi_unit *amdvi, uint64_t offset)
{
	const struct register_cell *cell = cell_at(amdvi, offset);

	if (amdvi_counters_have(amdvi, offset))
		return amdvi_counters_read(amdvi, offset);
	if (cell == NULL)
		return 0;
	amdvi_log_tail_read(amdvi, cell->id);
	return register_doubleword(cell, cell->value, offset);
}

/* Accesses to a place that is kept free: they do nothing, and can be counted (AMD-Vi 2.8). */
static void count_ignored(struct amdvi_unit *amdvi, uint64_t offset)
{
	if ((offset & ~UINT64_C(7)) == IGNORED_OFFSET)
		amdvi_count(amdvi, AMDVI_COUNT_IGNORED_1FF8, NULL, 1);
}

uint64_t amdvi_read(struct iommusim_unit *unit, uint64_t offset, unsigned width)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);
	const uint64_t aligned = offset & ~UINT64_C(3);
	uint64_t value;

	count_ignored(amdvi, offset);
	pthread_mutex_lock(&unit->lock);
	value = read_doubleword(amdvi, aligned);
	if (width == 8)
		value |= (uint64_t)read_doubleword(amdvi, aligned + 4) << 32;
	pthread_mutex_unlock(&unit->lock);
	return value >> (offset - aligned) * 8;
}

/* Software wrote the bits `mask` of a register. */
static void write_register(
    struct amdvi_unit *amdvi, struct register_cell *cell, uint64_t value, uint64_t mask)
{
	uint64_t before;
	bool lost;

	pthread_mutex_lock(&amdvi->unit.lock);
	before = cell->value;
	lost = is_lost(amdvi, cell);
	if (!lost) {
		register_store(cell, value, mask);
		follow(amdvi, cell->id);
	}
	pthread_mutex_unlock(&amdvi->unit.lock);
	if (!lost)
		act(amdvi, cell->id, before);
}

/* Where something begins to be counted, nobody may use translations without the unit any longer. */
static void write_counter(struct amdvi_unit *amdvi, uint64_t offset, uint32_t value)
{
	bool begins;

	pthread_mutex_lock(&amdvi->unit.lock);
	begins = amdvi_counters_write(amdvi, offset, value);
	if (begins)
		unit_outdate(&amdvi->unit);
	pthread_mutex_unlock(&amdvi->unit.lock);
	if (begins)
		unit_settle(&amdvi->unit);
}

static void write_doubleword(struct amdvi_unit *amdvi, uint64_t offset, uint32_t value)
{
	struct register_cell *cell = cell_at(amdvi, offset);
	unsigned shift;

	if (amdvi_counters_have(amdvi, offset)) {
		write_counter(amdvi, offset, value);
		return;
	}
	if (cell == NULL)
		return;
	shift = (unsigned)(offset - cell->offset) * 8;
	write_register(amdvi, cell, (uint64_t)value << shift, UINT64_C(0xffffffff) << shift);
}

/* Registers take doublewords and quadwords; what smaller writes do is undefined: nothing. */
void amdvi_write(struct iommusim_unit *unit, uint64_t offset, unsigned width, uint64_t value)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);
	struct register_cell *cell = cell_at(amdvi, offset);

	count_ignored(amdvi, offset);
	if (width < 4)
		return;
	if (width == 8 && cell != NULL && register_is_quadword(cell, offset)) {
		write_register(amdvi, cell, value, UINT64_MAX);
		return;
	}
	write_doubleword(amdvi, offset, (uint32_t)value);
	if (width == 8)
		write_doubleword(amdvi, offset + 4, (uint32_t)(value >> 32));
}
