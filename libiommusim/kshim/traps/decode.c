/* What the instruction at a place accesses, and how: Zydis's answer as a form. Nothing runs here. */
#include "kshim/traps/redirect.h"

#include <string.h>

static bool is_covered(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
#define COVERED(name) case ZYDIS_MNEMONIC_##name:
#include "kshim/traps/covered.def"
#undef COVERED
		return true;
	default:
		return false;
	}
}

static void refuse(struct form *form, enum iommusim_traps_reason reason)
{
	form->refused = true;
	form->reason = (uint8_t)reason;
}

/* A register's number in instructions, if it is a general one of 64 bits, or rip or none. */
static bool address_register(ZydisRegister of, uint8_t *number)
{
	const ZydisRegisterClass class = ZydisRegisterGetClass(of);

	*number = NO_REGISTER;
	if (of == ZYDIS_REGISTER_NONE)
		return true;
	if (of == ZYDIS_REGISTER_RIP) {
		*number = RIP_REGISTER;
		return true;
	}
	if (class != ZYDIS_REGCLASS_GPR64)
		return false;
	*number = (uint8_t)ZydisRegisterGetId(of);
	return true;
}

/* lods, stos and movs go element by element in access.c. rsi not relative to a segment with a base. */
static void take_string(const ZydisDecodedInstruction *decoded, struct form *form)
{
	switch (decoded->mnemonic) {
	case ZYDIS_MNEMONIC_LODSB:
	case ZYDIS_MNEMONIC_LODSW:
	case ZYDIS_MNEMONIC_LODSD:
	case ZYDIS_MNEMONIC_LODSQ:
		form->string = STRING_LODS;
		break;
	case ZYDIS_MNEMONIC_STOSB:
	case ZYDIS_MNEMONIC_STOSW:
	case ZYDIS_MNEMONIC_STOSD:
	case ZYDIS_MNEMONIC_STOSQ:
		form->string = STRING_STOS;
		break;
	case ZYDIS_MNEMONIC_MOVSB:
	case ZYDIS_MNEMONIC_MOVSW:
	case ZYDIS_MNEMONIC_MOVSD:
	case ZYDIS_MNEMONIC_MOVSQ:
		form->string = STRING_MOVS;
		break;
	default:
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
		return;
	}
	form->repeated =
	    (decoded->attributes &
		(ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
	if ((decoded->attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS)) != 0)
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
}

static void take_memory(const ZydisDecodedOperand *operand, struct form *form)
{
	if (operand->mem.type != ZYDIS_MEMOP_TYPE_MEM || operand->mem.segment == ZYDIS_REGISTER_FS ||
	    operand->mem.segment == ZYDIS_REGISTER_GS ||
	    !address_register(operand->mem.base, &form->base) ||
	    !address_register(operand->mem.index, &form->index))
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
	form->scale = operand->mem.scale;
	form->displacement = operand->mem.disp.value;
	form->reads = (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
	form->writes = (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
	form->width = (uint8_t)(operand->size / 8 > UINT8_MAX ? UINT8_MAX : operand->size / 8);
}

/* Registers that a stub is not given, or whose upper part it would lose. */
static void take_register(
    const ZydisDecodedInstruction *decoded, const ZydisDecodedOperand *operand, struct form *form)
{
	switch (ZydisRegisterGetClass(operand->reg.value)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
	case ZYDIS_REGCLASS_FLAGS:
		break;
	case ZYDIS_REGCLASS_XMM:
		form->vectors = true;
		if (decoded->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY)
			break;
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
		break;
	default:
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
		break;
	}
}

static bool is_bit_test(ZydisMnemonic mnemonic)
{
	return mnemonic == ZYDIS_MNEMONIC_BT || mnemonic == ZYDIS_MNEMONIC_BTS ||
	    mnemonic == ZYDIS_MNEMONIC_BTR || mnemonic == ZYDIS_MNEMONIC_BTC;
}

/* The stack of push and pop is a hidden operand: only what the instruction names is a register's. */
static void take_operands(
    const ZydisDecodedInstruction *decoded, const ZydisDecodedOperand *operands, struct form *form)
{
	unsigned memory = 0;

	for (unsigned i = 0; i < decoded->operand_count; i++) {
		const ZydisDecodedOperand *operand = &operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER)
			take_register(decoded, operand, form);
		if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN)
			continue;
		take_memory(operand, form);
		memory++;
	}
	if (memory != 1)
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
	if (is_bit_test(decoded->mnemonic) && operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER)
		form->bit_register = (uint8_t)ZydisRegisterGetId(operands[1].reg.value);
}

/* Most accesses of a driver are: a register to or from memory, or a number. Not ah, ch, dh and bh. */
static void take_move(
    const ZydisDecodedInstruction *decoded, const ZydisDecodedOperand *operands, struct form *form)
{
	const ZydisDecodedOperand *moved = &operands[form->writes ? 1 : 0];

	if (decoded->mnemonic != ZYDIS_MNEMONIC_MOV || form->reads == form->writes)
		return;
	form->moved = NO_REGISTER;
	if (moved->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		form->immediate = moved->imm.value.u;
	} else {
		const ZydisRegister wide =
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, moved->reg.value);

		if (moved->reg.value >= ZYDIS_REGISTER_AH && moved->reg.value <= ZYDIS_REGISTER_BH)
			return;
		form->moved = (uint8_t)ZydisRegisterGetId(wide);
	}
	form->move = form->writes ? MOVE_STORE : MOVE_LOAD;
}

static bool is_bus_width(unsigned width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

/* Addresses of 32 bits are refused: register pages do not lie there. */
static void take(
    const ZydisDecodedInstruction *decoded, const ZydisDecodedOperand *operands, struct form *form)
{
	form->locked = (decoded->attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0;
	if (decoded->address_width != 64)
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
	if (decoded->meta.category == ZYDIS_CATEGORY_STRINGOP) {
		form->width = (uint8_t)(operands[0].size / 8);
		take_string(decoded, form);
		return;
	}
	take_operands(decoded, operands, form);
	if (!is_covered(decoded->mnemonic))
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
	if (form->width != 0 && !is_bus_width(form->width) &&
	    decoded->meta.category != ZYDIS_CATEGORY_MISC) /* clflush and its like name a whole line */
		refuse(form, IOMMUSIM_TRAPS_WIDE);
	else if ((!form->reads && !form->writes) || !traps_redirect(decoded, form))
		refuse(form, IOMMUSIM_TRAPS_UNCOVERED);
	if (!form->refused)
		take_move(decoded, operands, form);
}

/* The next page is only looked at if the instruction goes on there: then it is mapped. */
static size_t readable(const void *place)
{
	const size_t left = IOMMUSIM_PAGE_SIZE - ((uintptr_t)place & (IOMMUSIM_PAGE_SIZE - 1));

	return left < INSTRUCTION_BYTES ? left : INSTRUCTION_BYTES;
}

void traps_decode(const void *place, struct form *form)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction decoded;
	ZydisDecoderContext context;
	ZydisDecoder decoder;
	size_t length = readable(place);
	ZyanStatus status;

	*form = (struct form){
		.place = place, .base = NO_REGISTER, .index = NO_REGISTER, .bit_register = NO_REGISTER
	};
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	status = ZydisDecoderDecodeInstruction(&decoder, &context, place, length, &decoded);
	if (status == ZYDIS_STATUS_NO_MORE_DATA && length < INSTRUCTION_BYTES) {
		length = INSTRUCTION_BYTES;
		status = ZydisDecoderDecodeInstruction(&decoder, &context, place, length, &decoded);
	}
	if (ZYAN_SUCCESS(status))
		status = ZydisDecoderDecodeOperands(
		    &decoder, &context, &decoded, operands, decoded.operand_count);
	if (!ZYAN_SUCCESS(status)) {
		form->length = (uint8_t)length;
		memcpy(form->bytes, place, length);
		refuse(form, IOMMUSIM_TRAPS_UNKNOWN);
		return;
	}
	form->length = decoded.length;
	memcpy(form->bytes, place, decoded.length);
	take(&decoded, operands, form);
}
