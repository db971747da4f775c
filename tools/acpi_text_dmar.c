/* A decoded DMAR table as text for people: a line for each structure and each scope entry. */
#include <inttypes.h>

#include "acpi_text.h"

static const struct acpi_flag header_flags[] = {
	{ 1u << 0, "INTR_REMAP" },
	{ 1u << 1, "X2APIC_OPT_OUT" },
	{ 1u << 2, "DMA_CTRL_PLATFORM_OPT_IN_FLAG" },
	{ 0, NULL },
};
static const struct acpi_flag drhd_flags[] = { { IOMMUSIM_DRHD_INCLUDE_PCI_ALL, "INCLUDE_PCI_ALL" },
	{ 0, NULL } };
static const struct acpi_flag atsr_flags[] = { { 1u << 0, "ALL_PORTS" }, { 0, NULL } };
static const struct acpi_flag satc_flags[] = { { 1u << 0, "ATC_REQUIRED" }, { 0, NULL } };
static const struct acpi_flag sidp_scope_flags[] = {
	{ 1u << 0, "REQ_WO_PASID_NESTED_NOTALLOWED" },
	{ 1u << 1, "REQ_WO_PASID_PWSNP_NOTALLOWED" },
	{ 1u << 2, "REQ_WO_PASID_PGSNP_NOTALLOWED" },
	{ 1u << 3, "ATC_HARDENED" },
	{ 1u << 4, "ATC_REQUIRED" },
	{ 0, NULL },
};
static const struct acpi_flag no_flags[] = { { 0, NULL } };

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
	acpi_print_flags(
	    out, structure->type == IOMMUSIM_DMAR_SIDP ? sidp_scope_flags : no_flags, scope->flags);
	fputc('\n', out);
}

static void print_drhd(FILE *out, const struct iommusim_dmar_structure *drhd)
{
	fprintf(out, "segment %u, registers at 0x%" PRIx64 " ", drhd->segment, drhd->base);
	acpi_print_size(out, UINT64_C(4096) << (drhd->size & 0xf));
	acpi_print_flags(out, drhd_flags, drhd->flags);
}

static void print_rmrr(FILE *out, const struct iommusim_dmar_structure *rmrr)
{
	fprintf(
	    out, "segment %u, 0x%" PRIx64 " to 0x%" PRIx64 " ", rmrr->segment, rmrr->base, rmrr->limit);
	if (rmrr->limit >= rmrr->base)
		acpi_print_size(out, rmrr->limit - rmrr->base + 1);
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
		acpi_print_quoted(out, structure->acpi_name != NULL ? structure->acpi_name : "");
		break;
	case IOMMUSIM_DMAR_ATSR:
	case IOMMUSIM_DMAR_SATC:
		fprintf(out, "segment %u", structure->segment);
		acpi_print_flags(out, structure->type == IOMMUSIM_DMAR_ATSR ? atsr_flags : satc_flags,
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

void acpi_dmar_text_header(FILE *out, const struct iommusim_dmar *table)
{
	/* The width is kept in 8 bits: 256 has become 0. */
	const unsigned width = (uint8_t)(table->host_address_width - 1) + 1u;

	fprintf(out, ", host address width %u", width);
	acpi_print_flags(out, header_flags, table->flags);
}

void acpi_dmar_text_body(FILE *out, const struct iommusim_dmar *table)
{
	for (uint32_t i = 0; i < table->structure_count; i++) {
		const struct iommusim_dmar_structure *structure = &table->structures[i];

		fprintf(out, "%5" PRIu32 " %s ", structure->offset,
		    iommusim_dmar_type_name(structure->type));
		print_members(out, structure);
		fputc('\n', out);
		for (uint32_t s = 0; s < structure->scope_count; s++)
			print_scope(out, structure, &structure->scopes[s]);
	}
}
