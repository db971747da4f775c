/* Carrying out one instruction that accesses registers: read, run, write. Who caught it is elsewhere. */
#include "kshim/traps/traps.h"

#include <string.h>

#define DIRECTION_FLAG 0x400u
#define HASH           UINT64_C(0x9e3779b97f4a7c15)
#define SLOT_SHIFT     54u
_Static_assert(FORMS == UINT64_C(1) << (64 - SLOT_SHIFT), "a hash is a slot");

/* What stands at `place`, from the cache if the bytes there are still the same. */
static const struct form *form_at(struct traps_thread *thread, const void *place)
{
	const size_t slot = (size_t)((uintptr_t)place * HASH >> SLOT_SHIFT);
	struct form *form = &thread->forms[slot];

	if (form->place == place && memcmp(form->bytes, place, form->length) == 0)
		return form;
	traps_decode(place, form);
	if (!form->refused && form->string == NO_STRING && form->move == NO_MOVE &&
	    !traps_stub(thread, form, slot)) {
		form->refused = true;
		form->reason = IOMMUSIM_TRAPS_UNCOVERED;
	}
	return form;
}

static uint64_t value_of(
    const struct form *form, const struct port_registers *registers, uint8_t number)
{
	if (number == NO_REGISTER)
		return 0;
	if (number == RIP_REGISTER)
		return registers->instruction + form->length;
	return registers->general[number];
}

/* A bit number in a register counts from the operand on, downwards too, in steps of its width. */
static int64_t bit_offset(const struct form *form, uint64_t bits)
{
	int64_t bit;

	switch (form->width) {
	case 2:
		bit = (int16_t)bits;
		break;
	case 4:
		bit = (int32_t)bits;
		break;
	default:
		bit = (int64_t)bits;
		break;
	}
	return (bit >> 3) & -(int64_t)form->width;
}

static uintptr_t address_of(const struct form *form, const struct port_registers *registers)
{
	uint64_t address = value_of(form, registers, form->base) +
	    value_of(form, registers, form->index) * form->scale + (uint64_t)form->displacement;

	if (form->bit_register != NO_REGISTER)
		address += (uint64_t)bit_offset(form, registers->general[form->bit_register]);
	return (uintptr_t)address;
}

/* All of an access lies in registers that were handed out. */
static bool all_mapped(const struct iommusim_traps *traps, uintptr_t address, size_t width)
{
	return traps_holds(traps, address) && traps_holds(traps, address + width - 1) &&
	    registers_physical(&traps->registers, address) != REGISTER_NOT_MAPPED &&
	    registers_physical(&traps->registers, address + width - 1) != REGISTER_NOT_MAPPED;
}

static bool is_driver(const struct iommusim_traps *traps, uintptr_t place)
{
	for (size_t i = 0; i < traps->code_count; i++)
		if (place - traps->code[i].first < traps->code[i].length)
			return true;
	return traps->code_count == 0;
}

static void count(struct iommusim_traps *traps, const struct form *form)
{
	if (form->locked)
		atomic_fetch_add_explicit(&traps->locked, 1, memory_order_relaxed);
	if (is_driver(traps, (uintptr_t)form->place))
		return;
	if (atomic_fetch_add(&traps->strangers, 1) == 0)
		atomic_store(&traps->first_stranger, form->place);
}

/* A register takes what a move of that width would leave in it. */
static void load(struct port_registers *registers, uint8_t number, unsigned width, uint64_t value)
{
	const uint64_t kept = width >= 4 ? 0 : ~UINT64_C(0) << width * 8;

	registers->general[number] = (registers->general[number] & kept) | value;
}

static void move(const struct register_pages *pages, const struct form *form, uintptr_t address,
    struct port_registers *registers)
{
	uint64_t value = form->immediate;

	if (form->move == MOVE_LOAD) {
		value = 0;
		registers_read(pages, address, form->width, &value);
		load(registers, form->moved, form->width, value);
		return;
	}
	if (form->moved != NO_REGISTER)
		value = registers->general[form->moved];
	registers_write(pages, address, form->width, &value);
}

/*
 * The bus may run anything, even another access of this thread to a register page: nothing is kept in
 * the scratch word meanwhile.
 */
static void carry_out(struct traps_thread *thread, const struct form *form, uintptr_t address,
    struct port_registers *registers, void *vectors)
{
	const struct register_pages *pages = &thread->traps->registers;
	const uint8_t bits = form->bit_register;
	uint8_t value[8] = { 0 };
	uint64_t kept = 0;

	if (form->reads)
		registers_read(pages, address, form->width, value);
	memcpy(thread->run.scratch, value, sizeof(value));
	if (bits != NO_REGISTER) {
		kept = registers->general[bits];
		registers->general[bits] = kept & (form->width * 8u - 1);
	}
	if (form->vectors)
		memcpy(thread->run.vectors, vectors, VECTOR_BYTES);
	traps_run(thread, form, registers);
	if (form->vectors)
		memcpy(vectors, thread->run.vectors, VECTOR_OWN_BYTES);
	if (bits != NO_REGISTER)
		registers->general[bits] = kept;
	memcpy(value, thread->run.scratch, sizeof(value));
	if (form->writes)
		registers_write(pages, address, form->width, value);
	registers->instruction += form->length;
}

/* ---- string instructions --------------------------------------------------------------------- */

static void get_element(
    const struct iommusim_traps *traps, const struct form *form, uint64_t from, uint64_t *value)
{
	if (traps_holds(traps, from))
		registers_read(&traps->registers, from, form->width, value);
	else
		memcpy(value, (const void *)(uintptr_t)from, form->width);
}

static void put_element(
    const struct iommusim_traps *traps, const struct form *form, uint64_t to, const uint64_t *value)
{
	if (traps_holds(traps, to))
		registers_write(&traps->registers, to, form->width, value);
	else
		memcpy((void *)(uintptr_t)to, value, form->width);
}

static void one_element(
    const struct iommusim_traps *traps, const struct form *form, struct port_registers *registers)
{
	const uint64_t step =
	    (registers->flags & DIRECTION_FLAG) != 0 ? 0 - (uint64_t)form->width : form->width;
	uint64_t value = registers->general[0];

	if (form->string != STRING_STOS) {
		value = 0;
		get_element(traps, form, registers->general[RSI], &value);
		registers->general[RSI] += step;
	}
	if (form->string == STRING_LODS) {
		load(registers, RAX, form->width, value);
		return;
	}
	put_element(traps, form, registers->general[RDI], &value);
	registers->general[RDI] += step;
}

/* Which ends of the next element are registers, and whether all of those are mapped. */
static bool touches(const struct iommusim_traps *traps, const struct form *form,
    const struct port_registers *registers, bool *mapped)
{
	const bool from = form->string != STRING_STOS && traps_holds(traps, registers->general[RSI]);
	const bool to = form->string != STRING_LODS && traps_holds(traps, registers->general[RDI]);

	*mapped = (!from || all_mapped(traps, registers->general[RSI], form->width)) &&
	    (!to || all_mapped(traps, registers->general[RDI], form->width));
	return from || to;
}

/*
 * Element by element, as the processor does where memory is not cached. It goes on by itself with the
 * first element that is in no register page.
 */
static bool string_access(struct traps_thread *thread, const struct form *form,
    struct port_registers *registers, enum iommusim_traps_reason *reason)
{
	bool mapped;

	*reason = IOMMUSIM_TRAPS_UNKNOWN;
	if (!touches(thread->traps, form, registers, &mapped))
		return false;
	*reason = IOMMUSIM_TRAPS_UNMAPPED;
	do {
		if (!mapped)
			return false;
		one_element(thread->traps, form, registers);
		if (form->repeated)
			registers->general[RCX]--;
		if (!form->repeated || registers->general[RCX] == 0) {
			registers->instruction += form->length;
			return true;
		}
	} while (touches(thread->traps, form, registers, &mapped));
	return true;
}

bool traps_access(struct traps_thread *thread, struct port_registers *registers, void *vectors,
    uintptr_t fault, enum iommusim_traps_reason *reason)
{
	struct iommusim_traps *traps = thread->traps;
	const struct form *form;
	uintptr_t address;

	*reason = IOMMUSIM_TRAPS_EXECUTED;
	if (traps_holds(traps, registers->instruction))
		return false;
	form = form_at(thread, (const void *)(uintptr_t)registers->instruction);
	*reason = form->reason;
	if (form->refused)
		return false;
	count(traps, form);
	if (form->string != NO_STRING)
		return string_access(thread, form, registers, reason);
	address = address_of(form, registers);
	*reason = IOMMUSIM_TRAPS_UNKNOWN;
	if (fault - address >= form->width)
		return false;
	*reason = IOMMUSIM_TRAPS_UNMAPPED;
	if (!all_mapped(traps, address, form->width))
		return false;
	*reason = IOMMUSIM_TRAPS_UNCOVERED;
	if (form->vectors && vectors == NULL)
		return false;
	if (form->move == NO_MOVE) {
		carry_out(thread, form, address, registers, vectors);
	} else {
		move(&traps->registers, form, address, registers);
		registers->instruction += form->length;
	}
	return true;
}
