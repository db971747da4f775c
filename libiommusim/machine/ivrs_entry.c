/* Device entries of an IVHD (AMD-Vi section 5.2). The blocks around them: ivrs_block.c. */
#include <string.h>

#include "libiommusim/machine/ivrs_internal.h"

#include "models/amdvi/spec/ivrs.h"

enum {
	ENTRY_QUADS = (AMDVI_ACPI_HID_BYTES + 7) / 8, /* the longest fixed part */
	ID_BYTES = 8,
	NUMBER_ID_BYTES = 4,
	LETTERS_IN_FRONT = 3,
	NUMBER_BYTES = 8 /* of a unique id that is a number */
};

/* What there is to know about a type of entry. Pads have no description: nothing in them is looked at. */
struct entry_kind {
	uint8_t type;
	const char *name;
	const struct spec_structure *spec;
};

static const struct entry_kind kinds[] = {
	{ IOMMUSIM_IVRS_PAD4, "pad4", NULL },
	{ IOMMUSIM_IVRS_ALL, "all", &amdvi_acpi_all_spec },
	{ IOMMUSIM_IVRS_SELECT, "select", &amdvi_acpi_select_spec },
	{ IOMMUSIM_IVRS_RANGE_START, "range_start", &amdvi_acpi_select_spec },
	{ IOMMUSIM_IVRS_RANGE_END, "range_end", &amdvi_acpi_range_end_spec },
	{ IOMMUSIM_IVRS_PAD8, "pad8", NULL },
	{ IOMMUSIM_IVRS_ALIAS_SELECT, "alias_select", &amdvi_acpi_alias_spec },
	{ IOMMUSIM_IVRS_ALIAS_START, "alias_start", &amdvi_acpi_alias_spec },
	{ IOMMUSIM_IVRS_EXT_SELECT, "ext_select", &amdvi_acpi_extended_spec },
	{ IOMMUSIM_IVRS_EXT_START, "ext_start", &amdvi_acpi_extended_spec },
	{ IOMMUSIM_IVRS_SPECIAL, "special", &amdvi_acpi_special_spec },
	{ IOMMUSIM_IVRS_ACPI_HID, "acpi_hid", &amdvi_acpi_hid_spec },
};

static const struct entry_kind *kind_of(unsigned type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static bool is_start(const struct iommusim_ivrs_entry *entry)
{
	return entry->type == IOMMUSIM_IVRS_RANGE_START || entry->type == IOMMUSIM_IVRS_ALIAS_START ||
	    entry->type == IOMMUSIM_IVRS_EXT_START;
}

/* Length of the entry at `offset`, of which at least 4 bytes are there. */
static uint32_t length_at(const struct ivrs_reader *reader, uint32_t offset, uint32_t to)
{
	uint64_t quads[ENTRY_QUADS];
	unsigned type;

	acpi_load(&reader->acpi, offset, to - offset, quads, ENTRY_QUADS);
	type = (unsigned)amdvi_acpi_entry_TYPE(quads);
	if (type != IOMMUSIM_IVRS_ACPI_HID || to - offset < AMDVI_ACPI_HID_BYTES)
		return amdvi_acpi_entry_bytes(type);
	return AMDVI_ACPI_HID_BYTES + (uint32_t)amdvi_acpi_hid_UID_LENGTH(quads);
}

/* Room for every entry that read_entry() may fill: stops where ivrs_read_entries() stops. */
static uint32_t count_entries(const struct ivrs_reader *reader, uint32_t from, uint32_t to)
{
	uint32_t count = 0;

	while (to - from >= AMDVI_ACPI_ENTRY_BYTES) {
		const uint32_t length = length_at(reader, from, to);

		count++;
		if (length > to - from)
			break;
		from += length;
	}
	return count;
}

/* ---- ACPI HID ---- */

/* The unique id, as much of it as there is. */
static void read_uid(struct ivrs_reader *reader, struct iommusim_ivrs_entry *entry, uint32_t to)
{
	const uint32_t from = entry->offset + AMDVI_ACPI_HID_BYTES;
	const uint8_t *start = reader->acpi.bytes + from;
	const size_t room = to > from ? to - from : 0;
	const size_t length = entry->uid_length < room ? entry->uid_length : room;
	char *text;

	if (entry->uid_format == IOMMUSIM_IVRS_UID_NUMBER)
		for (size_t i = 0; i < length && i < NUMBER_BYTES; i++)
			entry->uid_number |= (uint64_t)start[i] << i * 8;
	if (entry->uid_format != IOMMUSIM_IVRS_UID_TEXT)
		return;
	text = acpi_allocate(&reader->acpi, length + 1, 1);
	if (text == NULL)
		return;
	memcpy(text, start, length);
	entry->uid = text;
}

static void read_hid(
    struct ivrs_reader *reader, struct iommusim_ivrs_entry *entry, const uint64_t *quads, uint32_t to)
{
	for (unsigned i = 0; i < ID_BYTES; i++) {
		entry->hid[i] = (char)acpi_byte(quads, AMDVI_ACPI_HID_AT + i);
		entry->cid[i] = (char)acpi_byte(quads, AMDVI_ACPI_CID_AT + i);
	}
	entry->uid_format = (uint8_t)amdvi_acpi_hid_UID_FORMAT(quads);
	entry->uid_length = (uint8_t)amdvi_acpi_hid_UID_LENGTH(quads);
	read_uid(reader, entry, to);
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Letters, at least three in front (ACPI 6.1.5), filled up with NUL; or a number of 32 bits, then 0. */
static bool is_id(const char id[ID_BYTES + 1])
{
	for (unsigned i = 0; i < LETTERS_IN_FRONT; i++)
		if (!is_letter(id[i]))
			return memcmp(id + NUMBER_ID_BYTES, "\0\0\0\0", NUMBER_ID_BYTES) == 0;
	for (const char *c = id; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

static void check_uid(struct ivrs_reader *reader, const struct iommusim_ivrs_entry *entry)
{
	switch (entry->uid_format) {
	case IOMMUSIM_IVRS_UID_NONE:
		if (entry->uid_length != 0)
			acpi_odd(&reader->acpi, entry->offset,
			    "acpi_hid: %u bytes of a unique id, though its format says there is none",
			    entry->uid_length);
		break;
	case IOMMUSIM_IVRS_UID_NUMBER:
		if (entry->uid_length != NUMBER_BYTES)
			acpi_odd(&reader->acpi, entry->offset,
			    "acpi_hid: the unique id is a number of %u bytes (0x%llx); 8 are usual",
			    entry->uid_length, (unsigned long long)entry->uid_number);
		break;
	case IOMMUSIM_IVRS_UID_TEXT:
		if (entry->uid_length == 0)
			acpi_odd(&reader->acpi, entry->offset, "acpi_hid: the unique id is empty");
		break;
	default:
		acpi_odd(&reader->acpi, entry->offset,
		    "acpi_hid: unique id of format %u; 0 to 2 are known (AMD-Vi 5.2)",
		    entry->uid_format);
		break;
	}
}

static void check_hid(struct ivrs_reader *reader, const struct iommusim_ivrs_block *block,
    const struct iommusim_ivrs_entry *entry)
{
	if (block->type != IOMMUSIM_IVHD_40H)
		acpi_odd(&reader->acpi, entry->offset,
		    "acpi_hid: stands in %s; only IVHD_40h has such entries (AMD-Vi 5.2)",
		    iommusim_ivrs_type_name(block->type));
	if (!is_id(entry->hid) || !is_id(entry->cid))
		acpi_odd(&reader->acpi, entry->offset,
		    "acpi_hid: hardware or compatible id is neither a number nor printable ASCII");
	check_uid(reader, entry);
}

/* ---- any entry ---- */

/* An entry whose bytes are all there: does it make sense? Nothing here keeps the table from use. */
static void check_entry(struct ivrs_reader *reader, const struct iommusim_ivrs_block *block,
    const struct iommusim_ivrs_entry *entry, const uint64_t *quads)
{
	const struct entry_kind *kind = kind_of(entry->type);

	if (kind == NULL) {
		acpi_odd(&reader->acpi, entry->offset,
		    "device entry of type 0x%02x is not known; its %u bytes are skipped (AMD-Vi 5.2)",
		    entry->type, entry->length);
		return;
	}
	if (kind->spec != NULL)
		acpi_check_reserved(&reader->acpi, entry->offset, kind->spec, quads);
	if (entry->type == IOMMUSIM_IVRS_SPECIAL && entry->variety != IOMMUSIM_IVRS_IOAPIC &&
	    entry->variety != IOMMUSIM_IVRS_HPET)
		acpi_odd(&reader->acpi, entry->offset,
		    "special: variety %u is not known; 1 and 2 are (AMD-Vi 5.2)", entry->variety);
	if (entry->type == IOMMUSIM_IVRS_ACPI_HID)
		check_hid(reader, block, entry);
}

/* What a single entry covers; ranges are for find_ranges(). */
static void cover(struct iommusim_ivrs_entry *entry)
{
	switch (entry->type) {
	case IOMMUSIM_IVRS_ALL:
		entry->last = UINT16_MAX;
		break;
	case IOMMUSIM_IVRS_SELECT:
	case IOMMUSIM_IVRS_ALIAS_SELECT:
	case IOMMUSIM_IVRS_EXT_SELECT:
	case IOMMUSIM_IVRS_ACPI_HID:
		entry->first = entry->last = entry->devid;
		break;
	case IOMMUSIM_IVRS_SPECIAL:
		entry->first = entry->last = entry->source_devid;
		break;
	default:
		return;
	}
	entry->covers = true;
}

static void read_members(
    struct ivrs_reader *reader, struct iommusim_ivrs_entry *entry, const uint64_t *quads, uint32_t to)
{
	if (kind_of(entry->type) == NULL)
		return;
	entry->devid = (uint16_t)amdvi_acpi_entry_DEVID(quads);
	entry->setting = (uint8_t)amdvi_acpi_entry_SETTING(quads);
	switch (entry->type) {
	case IOMMUSIM_IVRS_ALIAS_SELECT:
	case IOMMUSIM_IVRS_ALIAS_START:
		entry->source_devid = (uint16_t)amdvi_acpi_alias_SOURCE(quads);
		break;
	case IOMMUSIM_IVRS_EXT_SELECT:
	case IOMMUSIM_IVRS_EXT_START:
		entry->extended = (uint32_t)amdvi_acpi_entry_BEYOND(quads);
		break;
	case IOMMUSIM_IVRS_SPECIAL:
		entry->handle = (uint8_t)amdvi_acpi_special_HANDLE(quads);
		entry->source_devid = (uint16_t)amdvi_acpi_special_SOURCE(quads);
		entry->variety = (uint8_t)amdvi_acpi_special_VARIETY(quads);
		break;
	case IOMMUSIM_IVRS_ACPI_HID:
		read_hid(reader, entry, quads, to);
		break;
	default:
		break;
	}
}

/* The entry at `offset` as far as it goes; its first 4 bytes are there. */
static void read_entry(struct ivrs_reader *reader, const struct iommusim_ivrs_block *block,
    struct iommusim_ivrs_entry *entry, uint32_t offset, uint32_t to)
{
	const uint32_t room = to - offset;
	const uint32_t length = length_at(reader, offset, to);
	uint64_t quads[ENTRY_QUADS];

	acpi_load(&reader->acpi, offset, length < room ? length : room, quads, ENTRY_QUADS);
	entry->offset = offset;
	entry->type = (uint8_t)amdvi_acpi_entry_TYPE(quads);
	entry->length = (uint16_t)length;
	read_members(reader, entry, quads, to);
	if (length > room) {
		acpi_fatal(&reader->acpi, offset,
		    "device entry of type 0x%02x (%s): %u bytes long, but only %u bytes of its block are "
		    "left",
		    entry->type, iommusim_ivrs_entry_name(entry->type), length, room);
		return;
	}
	cover(entry);
	check_entry(reader, block, entry, quads);
}

/* Give the end at `end` to the start it belongs to. */
static void close_range(struct ivrs_reader *reader, struct iommusim_ivrs_entry *start,
    const struct iommusim_ivrs_entry *end)
{
	if (end->devid < start->devid) {
		acpi_odd(&reader->acpi, start->offset,
		    "%s: the range ends at 0x%04x, below its start 0x%04x, and covers nothing "
		    "(AMD-Vi 5.2)",
		    iommusim_ivrs_entry_name(start->type), end->devid, start->devid);
		return;
	}
	start->first = start->devid;
	start->last = end->devid;
	start->covers = true;
}

static void note_open(struct ivrs_reader *reader, const struct iommusim_ivrs_entry *start)
{
	if (start != NULL)
		acpi_odd(&reader->acpi, start->offset,
		    "%s: no range_end follows, so it covers nothing (AMD-Vi 5.2)",
		    iommusim_ivrs_entry_name(start->type));
}

/*
 * Starts and ends of ranges stand in pairs. Other entries between the two are odd, and apart from pads they
 * make one hypervisor give up; the range is still what it says.
 */
static void find_ranges(struct ivrs_reader *reader, struct iommusim_ivrs_entry *entries, uint32_t count)
{
	struct iommusim_ivrs_entry *open = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct iommusim_ivrs_entry *entry = &entries[i];

		if (is_start(entry)) {
			note_open(reader, open);
			open = entry;
		} else if (entry->type == IOMMUSIM_IVRS_RANGE_END) {
			if (open != NULL)
				close_range(reader, open, entry);
			else
				acpi_odd(&reader->acpi, entry->offset,
				    "range_end: no start of a range stands before it (AMD-Vi 5.2)");
			open = NULL;
		} else if (open != NULL && entry->type != IOMMUSIM_IVRS_PAD4 &&
		    entry->type != IOMMUSIM_IVRS_PAD8) {
			acpi_odd(&reader->acpi, entry->offset,
			    "%s: stands between start and end of a range (AMD-Vi 5.2)",
			    iommusim_ivrs_entry_name(entry->type));
		}
	}
	note_open(reader, open);
}

/* Fewer bytes than the shortest entry has. */
static void note_rest(struct ivrs_reader *reader, uint32_t offset, uint32_t to)
{
	uint64_t quads[1];

	if (to == offset)
		return;
	acpi_load(&reader->acpi, offset, to - offset, quads, 1);
	if (quads[0] == 0)
		acpi_odd(&reader->acpi, offset,
		    "%u bytes of 0 are left over after the last device entry of the block",
		    to - offset);
	else
		acpi_fatal(&reader->acpi, offset,
		    "%u bytes are left over after the last device entry of the block; the shortest "
		    "entry has 4 (AMD-Vi 5.2)",
		    to - offset);
}

void ivrs_read_entries(
    struct ivrs_reader *reader, struct iommusim_ivrs_block *block, uint32_t from, uint32_t to)
{
	const uint32_t count = count_entries(reader, from, to);
	struct iommusim_ivrs_entry *entries = acpi_allocate(&reader->acpi, count, sizeof *entries);
	uint32_t offset = from;

	if (entries == NULL)
		return;
	block->entries = entries;
	while (block->entry_count < count) {
		struct iommusim_ivrs_entry *entry = &entries[block->entry_count++];

		read_entry(reader, block, entry, offset, to);
		offset += entry->length < to - offset ? entry->length : to - offset;
	}
	find_ranges(reader, entries, count);
	note_rest(reader, offset, to);
}

const char *iommusim_ivrs_entry_name(unsigned type)
{
	const struct entry_kind *kind = kind_of(type);

	return kind != NULL ? kind->name : "unknown";
}

const char *iommusim_ivrs_variety_name(unsigned variety)
{
	if (variety == IOMMUSIM_IVRS_IOAPIC)
		return "ioapic";
	return variety == IOMMUSIM_IVRS_HPET ? "hpet" : "unknown";
}
