/*
 * The register file: which bytes belong to which register, and what a plain access does to it. What a
 * register sets in motion stands where its subject is (command.c, invalidate.c, queue.c, event.c).
 */
#include "models/vtd/unit.h"

/* A register's description and what happens after software wrote it. */
struct behaviour {
	const struct spec_structure *spec;
	/* `written`: the bits software wrote, others as they were before. Called without the lock. */
	void (*after_write)(struct vtd_unit *vtd, uint64_t written);
};

static void fault_control_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_event_update(vtd, VTD_EVENT_FAULT);
	pthread_mutex_unlock(&vtd->unit.lock);
}

static void invalidation_control_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_event_update(vtd, VTD_EVENT_INVALIDATION);
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* Clearing IQE or ITE lets the queue go on from where its head stands (VT-d 6.5.2.11). */
static void fault_status_written(struct vtd_unit *vtd, uint64_t written)
{
	fault_control_written(vtd, written);
	if ((written & (vtd_FSTS_IQE_bits(1) | vtd_FSTS_ITE_bits(1))) != 0)
		vtd_queue_run(vtd);
}

static void queue_tail_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	vtd_queue_run(vtd);
}

static const struct behaviour behaviours[VTD_REGISTER_COUNT] = {
#define REGISTER(name) [VTD_##name] = { .spec = &vtd_##name##_spec },
#include "models/vtd/spec/registers.def"
#undef REGISTER
};

static void (*after_write(unsigned id))(struct vtd_unit *vtd, uint64_t written)
{
	switch (id) {
	case VTD_GCMD:
		return vtd_command_written;
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
	case VTD_IQT:
		return queue_tail_written;
	default:
		return NULL;
	}
}

static void init_register(struct vtd_unit *vtd, unsigned id)
{
	const struct spec_structure *spec = behaviours[id].spec;
	struct vtd_register *reg = &vtd->registers[id];

	*reg = (struct vtd_register){ .offset = spec->offset, .bytes = (uint8_t)(spec->bits / 8) };
	if (id == VTD_IVA || id == VTD_IOTLB)
		reg->offset = (uint16_t)(reg->offset + vtd_ECAP_IRO(vtd->ext_capability) * 16);
	for (unsigned i = 0; i < spec->field_count; i++) {
		const struct spec_field *field = &spec->fields[i];
		const uint64_t mask = SPEC_MASK(field->high, field->low);

		if (!spec_field_exists(field, &vtd->spec))
			continue;
		if (field->access == RW)
			reg->writable |= mask;
		else if (field->access == RW1C)
			reg->clearable |= mask;
	}
}

void vtd_registers_init(struct vtd_unit *vtd)
{
	for (unsigned id = 0; id < VTD_REGISTER_COUNT; id++)
		init_register(vtd, id);
	vtd->registers[VTD_VER].value = vtd->version;
	vtd->registers[VTD_CAP].value = vtd->capability;
	vtd->registers[VTD_ECAP].value = vtd->ext_capability;
	vtd->registers[VTD_FECTL].value = vtd_FECTL_IM_bits(1);
	if (vtd_ECAP_QI(vtd->ext_capability))
		vtd->registers[VTD_IECTL].value = vtd_IECTL_IM_bits(1);
}

/* The register that holds the byte at `offset`, or VTD_REGISTER_COUNT. */
static unsigned find_register(const struct vtd_unit *vtd, uint64_t offset)
{
	for (unsigned id = 0; id < VTD_REGISTER_COUNT; id++) {
		const struct vtd_register *reg = &vtd->registers[id];

		if (offset - reg->offset < reg->bytes)
			return id;
	}
	return VTD_REGISTER_COUNT;
}

/* What a register reads as: most hold their value, some are made up of other state. */
static uint64_t register_value(const struct vtd_unit *vtd, unsigned id)
{
	const uint64_t value = vtd->registers[id].value;

	switch (id) {
	case VTD_GCMD: /* write-only: a read is undefined (VT-d 11.4.4.1), and 0 hides nothing */
	case VTD_IVA:
		return 0;
	case VTD_GSTS:
		return atomic_load(&vtd->status);
	case VTD_FSTS:
		return value | vtd_FSTS_PPF_bits(vtd_fault_pending(vtd));
	default:
		return value;
	}
}

/* The aligned doubleword at `offset`. Lock held. What is no register reads as 0. */
static uint32_t read_doubleword(struct vtd_unit *vtd, uint64_t offset)
{
	const unsigned id = find_register(vtd, offset);
	uint32_t value = 0;

	if (id == VTD_REGISTER_COUNT) {
		vtd_fault_read(vtd, offset, &value);
		return value;
	}
	return (uint32_t)(register_value(vtd, id) >> (offset - vtd->registers[id].offset) * 8);
}

uint64_t vtd_read(struct iommusim_unit *unit, uint64_t offset, unsigned width)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const uint64_t aligned = offset & ~UINT64_C(3);
	uint64_t value;

	pthread_mutex_lock(&unit->lock);
	value = read_doubleword(vtd, aligned);
	if (width == 8)
		value |= (uint64_t)read_doubleword(vtd, aligned + 4) << 32;
	pthread_mutex_unlock(&unit->lock);
	return value >> (offset - aligned) * 8;
}

/*
 * Software wrote the bits `mask` of a register. The action, if the register has one, belongs to the
 * half that holds its top bit: a write of the lower half of CCMD or IOTLB only prepares it.
 */
static void write_register(struct vtd_unit *vtd, unsigned id, uint64_t value, uint64_t mask)
{
	struct vtd_register *reg = &vtd->registers[id];
	void (*after)(struct vtd_unit *, uint64_t) = after_write(id);
	const bool action = (mask & SPEC_MASK(reg->bytes * 8 - 1, reg->bytes * 8 - 32)) != 0;
	uint64_t written;

	pthread_mutex_lock(&vtd->unit.lock);
	reg->value = (reg->value & ~(reg->writable & mask)) | (value & reg->writable & mask);
	reg->value &= ~(value & reg->clearable & mask);
	if (id == VTD_IVA) /* write-only, but the IOTLB command that follows needs it */
		reg->value = (reg->value & ~mask) | (value & mask);
	written = (reg->value & ~mask) | (value & mask);
	pthread_mutex_unlock(&vtd->unit.lock);
	if (after != NULL && (action || id == VTD_IQT))
		after(vtd, written);
}

static void write_doubleword(struct vtd_unit *vtd, uint64_t offset, uint32_t value)
{
	const unsigned id = find_register(vtd, offset);
	unsigned shift;

	if (id == VTD_REGISTER_COUNT) {
		pthread_mutex_lock(&vtd->unit.lock);
		if (vtd_fault_write(vtd, offset, value))
			vtd_event_update(vtd, VTD_EVENT_FAULT);
		pthread_mutex_unlock(&vtd->unit.lock);
		return;
	}
	shift = (unsigned)(offset - vtd->registers[id].offset) * 8;
	write_register(vtd, id, (uint64_t)value << shift, UINT64_C(0xffffffff) << shift);
}

void vtd_write(struct iommusim_unit *unit, uint64_t offset, unsigned width, uint64_t value)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const unsigned id = find_register(vtd, offset);

	if (width < 4)
		return; /* undefined (VT-d 11.2): registers take doublewords and quadwords */
	if (width == 8 && id != VTD_REGISTER_COUNT && vtd->registers[id].bytes == 8 &&
	    vtd->registers[id].offset == offset) {
		write_register(vtd, id, value, UINT64_MAX);
		return;
	}
	write_doubleword(vtd, offset, (uint32_t)value);
	if (width == 8)
		write_doubleword(vtd, offset + 4, (uint32_t)(value >> 32));
}
