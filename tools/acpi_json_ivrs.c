/* What a decoded IVRS table has as JSON: every number as the table holds it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "acpi_json.h"
#include "acpi_show.h"

/* A hardware or compatible id; a number is written as the ACPI disassembler does, in 16 hexadecimal digits. */
static void put_id(
    struct acpi_writer *writer, struct json_object *object, const char *key, const char id[9])
{
	char digits[17];
	uint64_t number;

	if (!acpi_id_is_number(id, &number)) {
		acpi_put_printable(writer, object, key, id);
		return;
	}
	snprintf(digits, sizeof digits, "%016" PRIX64, number);
	acpi_put_text(writer, object, key, digits);
}

/* The unique id. A number that is not of the usual 8 bytes stands among the problems. */
static void put_uid(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_ivrs_entry *entry)
{
	if (entry->uid_format == IOMMUSIM_IVRS_UID_NONE && entry->uid_length == 0)
		return;
	acpi_put_number(writer, object, "uid_format", entry->uid_format);
	acpi_put_number(writer, object, "uid_len", entry->uid_length);
	if (entry->uid != NULL)
		acpi_put_printable(writer, object, "uid", entry->uid);
	else if (entry->uid_format == IOMMUSIM_IVRS_UID_NUMBER && entry->uid_length == 8)
		acpi_put_number(writer, object, "uid", entry->uid_number);
}

static void put_variety(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_ivrs_entry *entry)
{
	const char *name = iommusim_ivrs_variety_name(entry->variety);

	if (strcmp(name, "unknown") == 0)
		acpi_put_number(writer, object, "variety", entry->variety);
	else
		acpi_put_text(writer, object, "variety", name);
}

static struct json_object *entry_json(
    struct acpi_writer *writer, const struct iommusim_ivrs_entry *entry)
{
	struct json_object *object = json_object_new_object();
	const char *name = iommusim_ivrs_entry_name(entry->type);

	acpi_put_number(writer, object, "offset", entry->offset);
	acpi_put_text(writer, object, "type", name);
	if (strcmp(name, "unknown") == 0) {
		acpi_put_number(writer, object, "code", entry->type);
		acpi_put_number(writer, object, "length", entry->length);
		return object;
	}
	acpi_put_number(writer, object, "devid", entry->devid);
	acpi_put_number(writer, object, "data", entry->setting);
	switch (entry->type) {
	case IOMMUSIM_IVRS_ALIAS_SELECT:
	case IOMMUSIM_IVRS_ALIAS_START:
		acpi_put_number(writer, object, "source_devid", entry->source_devid);
		break;
	case IOMMUSIM_IVRS_EXT_SELECT:
	case IOMMUSIM_IVRS_EXT_START:
		acpi_put_number(writer, object, "extended_data", entry->extended);
		break;
	case IOMMUSIM_IVRS_SPECIAL:
		acpi_put_number(writer, object, "handle", entry->handle);
		acpi_put_number(writer, object, "source_devid", entry->source_devid);
		put_variety(writer, object, entry);
		break;
	case IOMMUSIM_IVRS_ACPI_HID:
		put_id(writer, object, "hid", entry->hid);
		put_id(writer, object, "cid", entry->cid);
		put_uid(writer, object, entry);
		break;
	default:
		break;
	}
	return object;
}

static void put_ivhd(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_ivrs_block *ivhd)
{
	struct json_object *entries = json_object_new_array();

	acpi_put_number(writer, object, "devid", ivhd->devid);
	acpi_put_number(writer, object, "cap_offset", ivhd->capability);
	acpi_put_number(writer, object, "base", ivhd->base);
	acpi_put_number(writer, object, "segment", ivhd->segment);
	acpi_put_number(writer, object, "iommu_info", ivhd->info);
	if (ivhd->type == IOMMUSIM_IVHD_10H) {
		acpi_put_number(writer, object, "feature_reporting", ivhd->features);
	} else {
		acpi_put_number(writer, object, "attributes", ivhd->attributes);
		acpi_put_number(writer, object, "efr", ivhd->efr);
		acpi_put_number(writer, object, "efr2", ivhd->efr2);
	}
	for (uint32_t i = 0; i < ivhd->entry_count; i++)
		acpi_append(writer, entries, entry_json(writer, &ivhd->entries[i]));
	acpi_put(writer, object, "entries", entries);
}

/* The segment came late, into bytes that were reserved: it is left out where it is 0. */
static void put_ivmd(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_ivrs_block *ivmd)
{
	acpi_put_number(writer, object, "devid", ivmd->devid);
	acpi_put_number(writer, object, "aux", ivmd->aux);
	if (ivmd->segment != 0)
		acpi_put_number(writer, object, "segment", ivmd->segment);
	acpi_put_number(writer, object, "start", ivmd->start);
	acpi_put_number(writer, object, "mem_length", ivmd->memory_length);
}

static struct json_object *block_json(
    struct acpi_writer *writer, const struct iommusim_ivrs_block *block)
{
	struct json_object *object = json_object_new_object();
	const char *name = iommusim_ivrs_type_name(block->type);

	acpi_put_number(writer, object, "offset", block->offset);
	acpi_put_text(writer, object, "type", name);
	if (strcmp(name, "unknown") == 0)
		acpi_put_number(writer, object, "code", block->type);
	else
		acpi_put_number(writer, object, "flags", block->flags);
	acpi_put_number(writer, object, "length", block->length);
	switch (block->type) {
	case IOMMUSIM_IVHD_10H:
	case IOMMUSIM_IVHD_11H:
	case IOMMUSIM_IVHD_40H:
		put_ivhd(writer, object, block);
		break;
	case IOMMUSIM_IVMD_ALL:
	case IOMMUSIM_IVMD_SELECT:
	case IOMMUSIM_IVMD_RANGE:
		put_ivmd(writer, object, block);
		break;
	default:
		break;
	}
	return object;
}

void acpi_ivrs_json_header(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_ivrs *table)
{
	acpi_put_number(writer, object, "ivinfo", table->ivinfo);
}

/* All blocks, and the offsets of those that count. */
void acpi_ivrs_json_body(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_ivrs *table)
{
	struct json_object *blocks = json_object_new_array();
	struct json_object *units = json_object_new_array();

	for (uint32_t i = 0; i < table->block_count; i++)
		acpi_append(writer, blocks, block_json(writer, &table->blocks[i]));
	acpi_put(writer, object, "structs", blocks);
	for (uint32_t i = 0; i < table->unit_count; i++)
		acpi_append(writer, units, json_object_new_uint64(table->units[i]->offset));
	acpi_put(writer, object, "units", units);
}
