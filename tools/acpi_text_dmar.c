/* A decoded DMAR table as text for people: a line for each structure and each scope entry. */
#include <inttypes.h>
#include <stdlib.h>

#include "acpi_show.h"

/* A flag by the specification's name. */
struct flag {
	uint8_t bits;
	const char *name;
};

static const struct flag header_flags[] = {
	{ 1u << 0, "INTR_REMAP" },
	{ 1u << 1, "X2APIC_OPT_OUT" },
	{ 1u << 2, "DMA_CTRL_PLATFORM_OPT_IN_FLAG" },
	{ 0, NULL },
};
static const struct flag drhd_flags[] = { { IOMMUSIM_DRHD_INCLUDE_PCI_ALL, "INCLUDE_PCI_ALL" },
	{ 0, NULL } };
static const struct flag atsr_flags[] = { { 1u << 0, "ALL_PORTS" }, { 0, NULL } };
static const struct flag satc_flags[] = { { 1u << 0, "ATC_REQUIRED" }, { 0, NULL } };
static const struct flag sidp_scope_flags[] = {
	{ 1u << 0, "REQ_WO_PASID_NESTED_NOTALLOWED" },
	{ 1u << 1, "REQ_WO_PASID_PWSNP_NOTALLOWED" },
	{ 1u << 2, "REQ_WO_PASID_PGSNP_NOTALLOWED" },
	{ 1u << 3, "ATC_HARDENED" },
	{ 1u << 4, "ATC_REQUIRED" },
	{ 0, NULL },
};
static const struct flag no_flags[] = { { 0, NULL } };

static void print_flags(FILE *out, const struct flag *flags, uint8_t value)
{
	for (; flags->name != NULL; flags++) {
		if ((value & flags->bits) == 0)
			continue;
		fprintf(out, ", %s", flags->name);
		value = (uint8_t)(value & ~flags->bits);
	}
	if (value != 0)
		fprintf(out, ", reserved flags 0x%02x", value);
}

/* Firmware's text in quotes. */
static void print_quoted(FILE *out, const char *text)
{
	char *copy = acpi_printable(text);

	fprintf(out, "\"%s\"", copy != NULL ? copy : "?");
	free(copy);
}

/* A number of bytes in the largest unit that divides it. */
static void print_size(FILE *out, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;

	while (bytes != 0 && bytes % 1024 == 0 && unit < sizeof units / sizeof units[0] - 1) {
		bytes /= 1024;
		unit++;
	}
	fprintf(out, "(%" PRIu64 " %s)", bytes, units[unit]);
}

static void print_header(FILE *out, const char *file, const struct iommusim_dmar *table)
{
	/* The width is kept in 8 bits: 256 has become 0. */
	const unsigned width = (uint8_t)(table->host_address_width - 1) + 1u;

	fprintf(out, "%s: DMAR, %" PRIu32 " bytes, revision %u, checksum 0x%02x %s\n", file,
	    table->length, table->revision, table->checksum, table->checksum_ok ? "good" : "BAD");
	fputs("      OEM ", out);
	print_quoted(out, table->oem_id);
	fputc(' ', out);
	print_quoted(out, table->oem_table_id);
	fprintf(out, ", host address width %u", width);
	print_flags(out, header_flags, table->flags);
	fputc('\n', out);
}

/* 00:1c.4, and /00.0 for each hop behind a bridge: the bus there is not in the table. */
static void print_path(FILE *out, const struct iommusim_dmar_scope *scope)
{
	fprintf(out, "%02x:", scope->start_bus);
	if (scope->hop_count == 0)
		fputs("(no path)", out);
	for (unsigned i = 0; i < scope->hop_count; i++)
		fprintf(out, "%s%02x.%x", i == 0 ? "" : "/", scope->hops[i].device,
		    scope->hops[i].function);
}

static void print_scope(
    FILE *out, const struct iommusim_dmar_structure *structure, const struct iommusim_dmar_scope *scope)
{
	fprintf(out, "%5" PRIu32 "   %-9s ", scope->offset, iommusim_dmar_scope_name(scope->type));
	print_path(out, scope);
	switch (scope->type) {
	case IOMMUSIM_SCOPE_IOAPIC:
		fprintf(out, ", I/O APIC %u", scope->enumeration_id);
		break;
	case IOMMUSIM_SCOPE_HPET:
		fprintf(out, ", HPET %u", scope->enumeration_id);
		break;
	case IOMMUSIM_SCOPE_ACPI:
		fprintf(out, ", ACPI device %u", scope->enumeration_id);
		break;
	case IOMMUSIM_SCOPE_ENDPOINT:
	case IOMMUSIM_SCOPE_BRIDGE:
		break;
	default:
		fprintf(out, ", type %u, enumeration id %u", scope->type, scope->enumeration_id);
		break;
	}
	print_flags(
	    out, structure->type == IOMMUSIM_DMAR_SIDP ? sidp_scope_flags : no_flags, scope->flags);
	fputc('\n', out);
}

static void print_drhd(FILE *out, const struct iommusim_dmar_structure *drhd)
{
	fprintf(out, "segment %u, registers at 0x%" PRIx64 " ", drhd->segment, drhd->base);
	print_size(out, UINT64_C(4096) << (drhd->size & 0xf));
	print_flags(out, drhd_flags, drhd->flags);
}

static void print_rmrr(FILE *out, const struct iommusim_dmar_structure *rmrr)
{
	fprintf(
	    out, "segment %u, 0x%" PRIx64 " to 0x%" PRIx64 " ", rmrr->segment, rmrr->base, rmrr->limit);
	if (rmrr->limit >= rmrr->base)
		print_size(out, rmrr->limit - rmrr->base + 1);
	else
		fputs("(backwards)", out);
}

static void print_members(FILE *out, const struct iommusim_dmar_structure *structure)
{
	switch (structure->type) {
	case IOMMUSIM_DMAR_DRHD:
		print_drhd(out, structure);
		break;
	case IOMMUSIM_DMAR_RMRR:
		print_rmrr(out, structure);
		break;
	case IOMMUSIM_DMAR_RHSA:
		fprintf(out, "registers at 0x%" PRIx64 ", proximity domain %" PRIu32, structure->base,
		    structure->proximity);
		break;
	case IOMMUSIM_DMAR_ANDD:
		fprintf(out, "ACPI device %u is ", structure->acpi_device);
		print_quoted(out, structure->acpi_name != NULL ? structure->acpi_name : "");
		break;
	case IOMMUSIM_DMAR_ATSR:
	case IOMMUSIM_DMAR_SATC:
		fprintf(out, "segment %u", structure->segment);
		print_flags(out, structure->type == IOMMUSIM_DMAR_ATSR ? atsr_flags : satc_flags,
		    structure->flags);
		break;
	case IOMMUSIM_DMAR_SIDP:
		fprintf(out, "segment %u", structure->segment);
		break;
	default:
		fprintf(out, "type %u, %u bytes, skipped", structure->type, structure->length);
		break;
	}
}

static void print_problems(FILE *out, const struct iommusim_dmar *table)
{
	if (table->problem_count == 0) {
		fputs("      no problems\n", out);
		return;
	}
	fprintf(out, "      %" PRIu32 " %s, the table %s be used:\n", table->problem_count,
	    table->problem_count == 1 ? "problem" : "problems", table->usable ? "can" : "CANNOT");
	for (uint32_t i = 0; i < table->problem_count; i++)
		fprintf(out, "%5" PRIu32 " %s %s\n", table->problems[i].offset,
		    table->problems[i].fatal ? "FATAL" : "odd  ", table->problems[i].text);
}

void acpi_dmar_text(FILE *out, const char *file, const struct iommusim_dmar *table)
{
	print_header(out, file, table);
	for (uint32_t i = 0; i < table->structure_count; i++) {
		const struct iommusim_dmar_structure *structure = &table->structures[i];

		fprintf(out, "%5" PRIu32 " %s ", structure->offset,
		    iommusim_dmar_type_name(structure->type));
		print_members(out, structure);
		fputc('\n', out);
		for (uint32_t s = 0; s < structure->scope_count; s++)
			print_scope(out, structure, &structure->scopes[s]);
	}
	print_problems(out, table);
}
