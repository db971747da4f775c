/*
 * An instruction whose memory operand is the scratch word instead: encoded as it was, but relative to
 * the instruction pointer, so that it needs no register to address it. Where it is put is stub.c.
 */
#include "kshim/traps/redirect.h"

#include <string.h>

#define REX_R        0x4u
#define REX_X        0x2u
#define REX_B        0x1u
#define VEX_X        0x40u /* inverted, in the second of three bytes */
#define VEX_B        0x20u
#define VEX3         3u
#define MODRM_REG    0x38u
#define MODRM_RIP    0x05u
#define DISPLACEMENT 4u

/* mov between the accumulator and an absolute address has no ModRM: as mov with one, register 0. */
#define OPCODE_MOV_MOFFS_FIRST 0xa0u
#define OPCODE_MOV_MOFFS_LAST  0xa3u

static const uint8_t mov_with_modrm[] = { 0x8a, 0x8b, 0x88, 0x89 };

/* Prefixes that say which address, not what is done there. */
static bool is_about_address(uint8_t prefix)
{
	static const uint8_t about[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67 };

	return memchr(about, prefix, sizeof(about)) != NULL;
}

struct writer {
	uint8_t bytes[2 * INSTRUCTION_BYTES];
	size_t length;
};

static void put(struct writer *writer, const uint8_t *bytes, size_t count)
{
	memcpy(writer->bytes + writer->length, bytes, count);
	writer->length += count;
}

/* Prefixes, REX without the bits `rex_off`, or VEX, and the opcode: all that is before `end`. */
static void put_head(struct writer *writer, const ZydisDecodedInstruction *decoded,
    const uint8_t *bytes, size_t end, uint8_t rex_off)
{
	const bool rex = (decoded->attributes & ZYDIS_ATTRIB_HAS_REX) != 0;
	const bool vex = decoded->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX;

	for (size_t i = 0; i < end; i++) {
		uint8_t byte = bytes[i];

		if (i < decoded->raw.prefix_count && is_about_address(byte))
			continue;
		if (rex && i == decoded->raw.rex.offset)
			byte &= (uint8_t)~rex_off;
		if (vex && decoded->raw.vex.size == VEX3 && i == decoded->raw.vex.offset + 1u)
			byte |= VEX_X | VEX_B;
		put(writer, &byte, 1);
	}
}

static bool is_encoding_known(const ZydisDecodedInstruction *decoded)
{
	return decoded->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY ||
	    decoded->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX;
}

/* Absolute addresses take the place of everything behind the opcode. */
static void put_moffs(
    struct writer *writer, const ZydisDecodedInstruction *decoded, const uint8_t *bytes, uint8_t *modrm)
{
	const size_t opcode = decoded->raw.disp.offset - 1u;

	put_head(writer, decoded, bytes, opcode, REX_R | REX_X | REX_B);
	put(writer, &mov_with_modrm[bytes[opcode] - OPCODE_MOV_MOFFS_FIRST], 1);
	*modrm = MODRM_RIP;
}

bool traps_redirect(const ZydisDecodedInstruction *decoded, struct form *form)
{
	static const uint8_t hole[DISPLACEMENT];
	const bool has_modrm = (decoded->attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
	struct writer writer = { .length = 0 };
	size_t immediate = decoded->length;
	uint8_t modrm;

	if (!is_encoding_known(decoded))
		return false;
	if (decoded->raw.imm[0].size != 0)
		immediate = decoded->raw.imm[0].offset;
	if (has_modrm) {
		put_head(&writer, decoded, form->bytes, decoded->raw.modrm.offset, REX_X | REX_B);
		modrm = (form->bytes[decoded->raw.modrm.offset] & MODRM_REG) | MODRM_RIP;
	} else if (decoded->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
	    decoded->opcode >= OPCODE_MOV_MOFFS_FIRST && decoded->opcode <= OPCODE_MOV_MOFFS_LAST) {
		put_moffs(&writer, decoded, form->bytes, &modrm);
		immediate = decoded->length;
	} else {
		return false;
	}
	put(&writer, &modrm, 1);
	form->hole = (uint8_t)writer.length;
	put(&writer, hole, sizeof(hole));
	put(&writer, form->bytes + immediate, decoded->length - immediate);
	if (writer.length > INSTRUCTION_BYTES)
		return false;
	form->code_length = (uint8_t)writer.length;
	memcpy(form->code, writer.bytes, writer.length);
	return true;
}
