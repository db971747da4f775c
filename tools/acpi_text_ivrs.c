/* What a decoded IVRS table has as text for people: a line for each block and each device entry. */
#include <inttypes.h>
#include <string.h>

#include "acpi_show.h"
#include "acpi_text.h"

static const struct acpi_flag ivinfo_flags[] = {
	{ 1u << 0, "EFRSup" },
	{ 1u << 1, "DMA remapped at boot" },
	{ 1u << 22, "HtAtsResv" },
	{ 0, NULL },
};
static const struct acpi_flag ivhd_flags[] = {
	{ 1u << 0, "HtTunEn" },
	{ 1u << 1, "PassPW" },
	{ 1u << 2, "ResPassPW" },
	{ 1u << 3, "Isoc" },
	{ 1u << 4, "IotlbSup" },
	{ 1u << 5, "Coherent" },
	{ 0, NULL },
};
static const struct acpi_flag ivhd_10h_flags[] = {
	{ 1u << 6, "PrefSup" },
	{ 1u << 7, "PPRSup" },
	{ 0, NULL },
};
static const struct acpi_flag attribute_flags[] = { { IOMMUSIM_IVHD_HATDIS, "HATDis" }, { 0, NULL } };
static const struct acpi_flag ivmd_flags[] = {
	{ IOMMUSIM_IVMD_UNITY, "Unity" },
	{ IOMMUSIM_IVMD_READ, "IR" },
	{ IOMMUSIM_IVMD_WRITE, "IW" },
	{ IOMMUSIM_IVMD_EXCLUSION, "ExclusionRange" },
	{ 0, NULL },
};
static const struct acpi_flag setting_flags[] = {
	{ IOMMUSIM_IVRS_INIT_PASS, "INIT" },
	{ IOMMUSIM_IVRS_EXTINT_PASS, "ExtInt" },
	{ IOMMUSIM_IVRS_NMI_PASS, "NMI" },
	{ IOMMUSIM_IVRS_LINT0_PASS, "LINT0" },
	{ IOMMUSIM_IVRS_LINT1_PASS, "LINT1" },
	{ 0, NULL },
};
static const struct acpi_flag extended_flags[] = {
	{ IOMMUSIM_IVRS_ATS_DISABLED, "ATS disabled" },
	{ 0, NULL },
};

/* Bits of the words above that are numbers, or that another list names. */
#define IVINFO_SIZES   0x3fffe0u
#define IVHD_10H_ONLY  0xc0u
#define SETTING_SYSMGT 0x30u
#define GVASIZE_48     2u

/* 00:14.0 */
static void print_devid(FILE *out, uint16_t devid)
{
	fprintf(out, "%02x:%02x.%x", devid >> 8, devid >> 3 & 0x1f, devid & 7);
}

static void print_setting(FILE *out, uint8_t setting)
{
	const unsigned sysmgt = (setting & SETTING_SYSMGT) >> IOMMUSIM_IVRS_SYSMGT_SHIFT;

	acpi_print_flags(out, setting_flags, setting & ~SETTING_SYSMGT);
	if (sysmgt != 0)
		fprintf(out, ", SysMgt %u", sysmgt);
}

/* "from 00:01.0 to ff:1f.6", as far as the table says. */
static void print_range(FILE *out, const struct iommusim_ivrs_entry *entry)
{
	fputs("from ", out);
	print_devid(out, entry->devid);
	if (entry->covers) {
		fputs(" to ", out);
		print_devid(out, entry->last);
	} else {
		fputs(" (no end)", out);
	}
}

static void print_special(FILE *out, const struct iommusim_ivrs_entry *entry)
{
	print_devid(out, entry->source_devid);
	switch (entry->variety) {
	case IOMMUSIM_IVRS_IOAPIC:
		fprintf(out, ", I/O APIC %u", entry->handle);
		break;
	case IOMMUSIM_IVRS_HPET:
		fprintf(out, ", HPET %u", entry->handle);
		break;
	default:
		fprintf(out, ", variety %u, handle %u", entry->variety, entry->handle);
		break;
	}
}

/* Letters in quotes, or a number. */
static void print_id(FILE *out, const char id[9])
{
	uint64_t number;

	if (acpi_id_is_number(id, &number))
		fprintf(out, "0x%08" PRIx64, number);
	else
		acpi_print_quoted(out, id);
}

static void print_hid(FILE *out, const struct iommusim_ivrs_entry *entry)
{
	print_devid(out, entry->devid);
	fputs(", ACPI device ", out);
	print_id(out, entry->hid);
	if (memcmp(entry->cid, "\0\0\0\0\0\0\0\0", 8) != 0) {
		fputs(", compatible with ", out);
		print_id(out, entry->cid);
	}
	if (entry->uid_format == IOMMUSIM_IVRS_UID_NUMBER)
		fprintf(out, ", UID 0x%" PRIx64, entry->uid_number);
	else if (entry->uid != NULL) {
		fputs(", UID ", out);
		acpi_print_quoted(out, entry->uid);
	}
}

static void print_who(FILE *out, const struct iommusim_ivrs_entry *entry)
{
	switch (entry->type) {
	case IOMMUSIM_IVRS_ALL:
		fputs("every device", out);
		break;
	case IOMMUSIM_IVRS_RANGE_START:
	case IOMMUSIM_IVRS_ALIAS_START:
	case IOMMUSIM_IVRS_EXT_START:
		print_range(out, entry);
		break;
	case IOMMUSIM_IVRS_SPECIAL:
		print_special(out, entry);
		break;
	case IOMMUSIM_IVRS_ACPI_HID:
		print_hid(out, entry);
		break;
	default:
		print_devid(out, entry->devid);
		break;
	}
}

static void print_entry(FILE *out, const struct iommusim_ivrs_entry *entry)
{
	const char *name = iommusim_ivrs_entry_name(entry->type);

	fprintf(out, "%5" PRIu32 "   %-12s ", entry->offset, name);
	if (strcmp(name, "unknown") == 0)
		fprintf(out, "type 0x%02x, %u bytes, skipped", entry->type, entry->length);
	else if (entry->type == IOMMUSIM_IVRS_PAD4 || entry->type == IOMMUSIM_IVRS_PAD8)
		fprintf(out, "%u bytes", entry->length);
	else
		print_who(out, entry);
	if (entry->type == IOMMUSIM_IVRS_ALIAS_SELECT || entry->type == IOMMUSIM_IVRS_ALIAS_START) {
		fputs(", seen as ", out);
		print_devid(out, entry->source_devid);
	}
	if (entry->type != IOMMUSIM_IVRS_PAD4 && entry->type != IOMMUSIM_IVRS_PAD8)
		print_setting(out, entry->setting);
	acpi_print_flags(out, extended_flags, entry->extended);
	fputc('\n', out);
}

/* Is it one of the blocks that count? They stand in order of offset. */
static bool counts(const struct iommusim_ivrs *table, const struct iommusim_ivrs_block *ivhd)
{
	uint32_t low = 0, high = table->unit_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (table->units[middle]->offset < ivhd->offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->unit_count && table->units[low] == ivhd;
}

static void print_ivhd(
    FILE *out, const struct iommusim_ivrs *table, const struct iommusim_ivrs_block *ivhd)
{
	const bool is_10h = ivhd->type == IOMMUSIM_IVHD_10H;

	fputs(counts(table, ivhd) ? "IOMMU " : "(does not count) IOMMU ", out);
	print_devid(out, ivhd->devid);
	fprintf(out, ", segment %u, registers at 0x%" PRIx64 ", capability at 0x%x", ivhd->segment,
	    ivhd->base, ivhd->capability);
	if (ivhd->info != 0)
		fprintf(
		    out, ", MSI number %u, unit id %u", ivhd->info & 0x1fu, ivhd->info >> 8 & 0x1fu);
	acpi_print_flags(out, ivhd_flags, ivhd->flags & (is_10h ? ~IVHD_10H_ONLY : ~0u));
	if (is_10h) {
		acpi_print_flags(out, ivhd_10h_flags, ivhd->flags & IVHD_10H_ONLY);
		fprintf(out, ", features 0x%08" PRIx32, ivhd->features);
	} else {
		fprintf(out, ", attributes 0x%08" PRIx32, ivhd->attributes);
		acpi_print_flags(out, attribute_flags, ivhd->attributes & IOMMUSIM_IVHD_HATDIS);
		fprintf(out, ", EFR 0x%" PRIx64 ", EFR2 0x%" PRIx64, ivhd->efr, ivhd->efr2);
	}
	fputc('\n', out);
	for (uint32_t i = 0; i < ivhd->entry_count; i++)
		print_entry(out, &ivhd->entries[i]);
}

static void print_ivmd(FILE *out, const struct iommusim_ivrs_block *ivmd)
{
	if (ivmd->type == IOMMUSIM_IVMD_ALL)
		fputs("every device", out);
	else
		print_devid(out, ivmd->devid);
	if (ivmd->type == IOMMUSIM_IVMD_RANGE) {
		fputs(" to ", out);
		print_devid(out, ivmd->aux);
	}
	fprintf(out, ", segment %u, 0x%" PRIx64 " ", ivmd->segment, ivmd->start);
	acpi_print_size(out, ivmd->memory_length);
	acpi_print_flags(out, ivmd_flags, ivmd->flags);
	fputc('\n', out);
}

void acpi_ivrs_text_header(FILE *out, const struct iommusim_ivrs *table)
{
	const unsigned guest = table->ivinfo >> 5 & 7u;

	fprintf(out, ", IVinfo 0x%08" PRIx32 ", addresses of %u bits physical, %u virtual",
	    table->ivinfo, table->ivinfo >> 8 & 0x7fu, table->ivinfo >> 15 & 0x7fu);
	if (guest == GVASIZE_48)
		fputs(", 48 guest virtual", out);
	else if (guest != 0)
		fprintf(out, ", guest virtual size %u", guest);
	acpi_print_flags(out, ivinfo_flags, table->ivinfo & ~IVINFO_SIZES);
}

void acpi_ivrs_text_body(FILE *out, const struct iommusim_ivrs *table)
{
	for (uint32_t i = 0; i < table->block_count; i++) {
		const struct iommusim_ivrs_block *block = &table->blocks[i];

		fprintf(out, "%5" PRIu32 " %s ", block->offset, iommusim_ivrs_type_name(block->type));
		switch (block->type) {
		case IOMMUSIM_IVHD_10H:
		case IOMMUSIM_IVHD_11H:
		case IOMMUSIM_IVHD_40H:
			print_ivhd(out, table, block);
			break;
		case IOMMUSIM_IVMD_ALL:
		case IOMMUSIM_IVMD_SELECT:
		case IOMMUSIM_IVMD_RANGE:
			print_ivmd(out, block);
			break;
		default:
			fprintf(out, "type 0x%02x, %u bytes, skipped\n", block->type, block->length);
			break;
		}
	}
}
