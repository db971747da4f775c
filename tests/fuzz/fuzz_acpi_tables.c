/*
 * Fuzzing the readers of ACPI tables: the input is what follows the header of a DMAR or an IVRS table. Of both,
 * that nothing does harm and the result adds up; of IVRS also which blocks count and what is found for a
 * requester, told a second time from the bytes.
 */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>

#define HEADER 48u
#define ROOM   (HEADER + 4096u)

/* The first bytes of the input. */
enum {
	HOW,    /* 1 IVRS, 2 Length as the next byte says, 4 wrong checksum */
	LENGTH, /* less or more than what there is, in fours */
	REVISION,
	REQUESTER, /* low byte; the high one follows */
	BODY = 5
};

struct table {
	uint8_t *bytes; /* ends where the memory ends */
	uint32_t size;  /* of them; and the table's own Length: */
	uint32_t length;
};

static void make_table(struct table *table, const uint8_t *data, size_t size)
{
	const uint32_t body = (uint32_t)(size - BODY < ROOM - HEADER ? size - BODY : ROOM - HEADER);
	uint8_t sum = 0;

	table->size = table->length = HEADER + body;
	if ((data[HOW] & 2) != 0)
		table->length = (uint32_t)((int)table->size + 4 * (int8_t)data[LENGTH]);
	table->bytes = calloc(1, table->size);
	FZ_REQUIRE(table->bytes != NULL);
	memcpy(table->bytes, (data[HOW] & 1) != 0 ? "IVRS" : "DMAR", 4);
	for (unsigned i = 0; i < 4; i++)
		table->bytes[4 + i] = (uint8_t)(table->length >> 8 * i);
	table->bytes[8] = data[REVISION];
	table->bytes[36] = 38; /* host address width of a DMAR */
	memcpy(table->bytes + HEADER, data + BODY, body);
	for (uint32_t i = 0; i < table->size && i < table->length; i++)
		sum = (uint8_t)(sum + table->bytes[i]);
	table->bytes[9] = (uint8_t)((data[HOW] & 4) - sum);
}

/* Bytes that count: no more than Length, no more than there are. */
static uint32_t end_of(const struct table *table)
{
	return table->length < table->size ? table->length : table->size;
}

static uint64_t number_at(const struct table *table, uint32_t at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)table->bytes[at + i] << 8 * i;
	return value;
}

static void check_problems(const struct table *table, const struct iommusim_acpi_problem *problems,
    uint32_t count, bool usable)
{
	bool fatal = false;

	for (uint32_t i = 0; i < count; i++) {
		FZ_REQUIRE(problems[i].text[0] != '\0');
		FZ_REQUIRE(problems[i].offset <= table->size);
		FZ_REQUIRE(i == 0 || problems[i].offset >= problems[i - 1].offset);
		fatal = fatal || problems[i].fatal;
	}
	FZ_REQUIRE(usable != fatal);
	FZ_REQUIRE(!usable || table->length <= table->size);
}

/* ---- DMAR ---- */

static void check_dmar(const struct table *table)
{
	struct iommusim_dmar *dmar;
	uint32_t offset = HEADER;

	FZ_REQUIRE(iommusim_dmar_parse(table->bytes, table->size, &dmar) == IOMMUSIM_OK);
	check_problems(table, dmar->problems, dmar->problem_count, dmar->usable);
	for (uint32_t i = 0; i < dmar->structure_count; i++) {
		const struct iommusim_dmar_structure *structure = &dmar->structures[i];

		FZ_REQUIRE(structure->offset == offset);
		FZ_REQUIRE(structure->type == number_at(table, offset, 2));
		FZ_REQUIRE(structure->length == number_at(table, offset + 2, 2));
		offset += structure->length;
		FZ_REQUIRE(offset <= end_of(table) || !dmar->usable);
		for (uint32_t s = 0; s < structure->scope_count; s++)
			FZ_REQUIRE(structure->scopes[s].offset + 6 <= offset);
	}
	iommusim_dmar_free(dmar);
}

/* ---- IVRS, a second time ---- */

/* What the bytes say of a requester; `at` is 0 when they say nothing. */
struct second {
	uint32_t at;
	uint16_t alias;
	uint8_t setting, any_setting;
};

static bool is_ivhd(unsigned type)
{
	return type == 0x10 || type == 0x11 || type == 0x40;
}

static uint32_t entry_bytes(const struct table *table, uint32_t at)
{
	const unsigned type = table->bytes[at];

	if (type == 0xf0)
		return 22u + table->bytes[at + 21];
	return type < 0x40 ? 4 : type < 0x80 ? 8 : type < 0xc0 ? 16 : 32;
}

/* The last device id of a range that starts at `at`; less than its first when it covers nothing. */
static int last_of(const struct table *table, uint32_t at, uint32_t to)
{
	for (at += entry_bytes(table, at); at < to; at += entry_bytes(table, at)) {
		const unsigned type = table->bytes[at];

		if (type == 3 || type == 0x43 || type == 0x47)
			return -1;
		if (type == 4)
			return (int)number_at(table, at + 1, 2);
	}
	return -1;
}

static bool covers(const struct table *table, uint32_t at, uint32_t to, uint16_t requester)
{
	const uint16_t devid = (uint16_t)number_at(table, at + 1, 2);

	switch (table->bytes[at]) {
	case 1:
		return true;
	case 2:
	case 0x42:
	case 0x46:
	case 0xf0:
		return devid == requester;
	case 3:
	case 0x43:
	case 0x47:
		return devid <= requester && (int)requester <= last_of(table, at, to);
	case 0x48:
		return number_at(table, at + 5, 2) == requester;
	default:
		return false;
	}
}

/* Is it an alias for any device, with this one behind it? */
static bool stands_for(const struct table *table, uint32_t at, uint32_t to, uint16_t requester)
{
	const unsigned type = table->bytes[at];

	if ((type != 0x42 && type != 0x43) || number_at(table, at + 5, 2) != requester)
		return false;
	return type == 0x42 || last_of(table, at, to) >= (int)number_at(table, at + 1, 2);
}

/* Only of sound tables: no entry leaves its block. */
static struct second look_up(
    const struct table *table, const struct iommusim_ivrs_block *unit, uint16_t requester)
{
	const uint32_t to = unit->offset + unit->length;
	struct second found = { .alias = requester };
	bool by_itself = false;

	for (uint32_t at = unit->offset + (unit->type == 0x10 ? 24 : 40); to - at >= 4;
	     at += entry_bytes(table, at)) {
		const bool covered = covers(table, at, to, requester);
		const unsigned type = table->bytes[at];

		if (!covered && !stands_for(table, at, to, requester))
			continue;
		found.any_setting |= table->bytes[at + 3];
		if (!covered && by_itself)
			continue;
		by_itself = by_itself || covered;
		found.at = at;
		found.setting = table->bytes[at + 3];
		found.alias = covered && (type == 0x42 || type == 0x43)
		    ? (uint16_t)number_at(table, at + 5, 2)
		    : requester;
	}
	return found;
}

static void check_requester(
    const struct table *table, const struct iommusim_ivrs_block *unit, uint16_t requester)
{
	const struct second expected = look_up(table, unit, requester);
	struct iommusim_ivrs_device device;

	FZ_REQUIRE(iommusim_ivrs_find(unit, requester, &device) == (expected.at != 0));
	if (expected.at == 0)
		return;
	FZ_REQUIRE(device.entry->offset == expected.at);
	FZ_REQUIRE(device.alias == expected.alias);
	FZ_REQUIRE(device.setting == expected.setting);
	FZ_REQUIRE(device.any_setting == expected.any_setting);
}

/* Does the block at `index` count? Every other one is looked at. */
static bool counts(const struct iommusim_ivrs *ivrs, uint32_t index)
{
	const struct iommusim_ivrs_block *block = &ivrs->blocks[index];

	if (!is_ivhd(block->type) || block->base == 0)
		return false;
	for (uint32_t i = 0; i < ivrs->block_count; i++) {
		const struct iommusim_ivrs_block *other = &ivrs->blocks[i];

		if (is_ivhd(other->type) && other->segment == block->segment &&
		    other->devid == block->devid &&
		    (other->type > block->type || (other->type == block->type && i < index)))
			return false;
	}
	return true;
}

static void check_units(const struct table *table, const struct iommusim_ivrs *ivrs, uint16_t requester)
{
	uint32_t unit = 0;

	for (uint32_t i = 0; i < ivrs->block_count; i++) {
		if (!counts(ivrs, i))
			continue;
		FZ_REQUIRE(unit < ivrs->unit_count && ivrs->units[unit] == &ivrs->blocks[i]);
		check_requester(table, ivrs->units[unit], requester);
		unit++;
	}
	FZ_REQUIRE(unit == ivrs->unit_count);
}

static void check_ivrs(const struct table *table, uint16_t requester)
{
	struct iommusim_ivrs *ivrs;
	uint32_t offset = HEADER;

	FZ_REQUIRE(iommusim_ivrs_parse(table->bytes, table->size, &ivrs) == IOMMUSIM_OK);
	check_problems(table, ivrs->problems, ivrs->problem_count, ivrs->usable);
	for (uint32_t i = 0; i < ivrs->block_count; i++) {
		const struct iommusim_ivrs_block *block = &ivrs->blocks[i];

		FZ_REQUIRE(block->offset == offset);
		FZ_REQUIRE(block->type == table->bytes[offset]);
		FZ_REQUIRE(block->length == number_at(table, offset + 2, 2));
		offset += block->length;
		FZ_REQUIRE(offset <= end_of(table) || !ivrs->usable);
		for (uint32_t e = 0; e < block->entry_count; e++)
			FZ_REQUIRE(block->entries[e].offset + 4 <= offset);
	}
	if (ivrs->usable)
		check_units(table, ivrs, requester);
	iommusim_ivrs_free(ivrs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table table;

	if (size < BODY)
		return 0;
	make_table(&table, data, size);
	if ((data[HOW] & 1) != 0)
		check_ivrs(&table, (uint16_t)(data[REQUESTER] | data[REQUESTER + 1] << 8));
	else
		check_dmar(&table);
	free(table.bytes);
	return 0;
}
