/* What a decoded DMAR table has as JSON: every number as the table holds it. */
#include <string.h>

#include "acpi_json.h"

static struct json_object *path_json(
    struct acpi_writer *writer, const struct iommusim_dmar_scope *scope)
{
	struct json_object *path = json_object_new_array();

	for (unsigned i = 0; i < scope->hop_count; i++) {
		struct json_object *hop = json_object_new_array();

		acpi_append(writer, hop, json_object_new_int(scope->hops[i].device));
		acpi_append(writer, hop, json_object_new_int(scope->hops[i].function));
		acpi_append(writer, path, hop);
	}
	return path;
}

static struct json_object *scope_json(
    struct acpi_writer *writer, const struct iommusim_dmar_scope *scope)
{
	struct json_object *object = json_object_new_object();
	const char *name = iommusim_dmar_scope_name(scope->type);

	acpi_put_number(writer, object, "offset", scope->offset);
	acpi_put_text(writer, object, "type", name);
	if (strcmp(name, "unknown") == 0)
		acpi_put_number(writer, object, "code", scope->type);
	acpi_put_number(writer, object, "length", scope->length);
	acpi_put_number(writer, object, "flags", scope->flags);
	acpi_put_number(writer, object, "enum_id", scope->enumeration_id);
	acpi_put_number(writer, object, "start_bus", scope->start_bus);
	acpi_put(writer, object, "path", path_json(writer, scope));
	return object;
}

/* A structure without scope entries has no such member. */
static void put_scopes(struct acpi_writer *writer, struct json_object *object,
    const struct iommusim_dmar_structure *structure)
{
	struct json_object *scopes;

	if (structure->scope_count == 0)
		return;
	scopes = json_object_new_array();
	for (uint32_t i = 0; i < structure->scope_count; i++)
		acpi_append(writer, scopes, scope_json(writer, &structure->scopes[i]));
	acpi_put(writer, object, "scopes", scopes);
}

/* What DRHD, RMRR, ATSR, SATC and SIDP are about. */
static void put_unit_members(struct acpi_writer *writer, struct json_object *object,
    const struct iommusim_dmar_structure *structure)
{
	if (structure->type != IOMMUSIM_DMAR_RMRR && structure->type != IOMMUSIM_DMAR_SIDP)
		acpi_put_number(writer, object, "flags", structure->flags);
	if (structure->type == IOMMUSIM_DMAR_DRHD)
		acpi_put_number(writer, object, "size_raw", structure->size);
	acpi_put_number(writer, object, "segment", structure->segment);
	if (structure->type == IOMMUSIM_DMAR_DRHD || structure->type == IOMMUSIM_DMAR_RMRR)
		acpi_put_number(writer, object, "base", structure->base);
	if (structure->type == IOMMUSIM_DMAR_RMRR)
		acpi_put_number(writer, object, "limit", structure->limit);
	put_scopes(writer, object, structure);
	if (structure->type == IOMMUSIM_DMAR_DRHD)
		acpi_put_flag(writer, object, "include_pci_all",
		    (structure->flags & IOMMUSIM_DRHD_INCLUDE_PCI_ALL) != 0);
	if (structure->type == IOMMUSIM_DMAR_ATSR)
		acpi_put_flag(writer, object, "all_ports", (structure->flags & 1) != 0);
}

static struct json_object *structure_json(
    struct acpi_writer *writer, const struct iommusim_dmar_structure *structure)
{
	struct json_object *object = json_object_new_object();
	const bool known = structure->type <= IOMMUSIM_DMAR_SIDP;

	acpi_put_number(writer, object, "offset", structure->offset);
	acpi_put_text(writer, object, "type", iommusim_dmar_type_name(structure->type));
	if (!known)
		acpi_put_number(writer, object, "code", structure->type);
	acpi_put_number(writer, object, "length", structure->length);
	if (!known)
		return object;
	switch (structure->type) {
	case IOMMUSIM_DMAR_RHSA:
		acpi_put_number(writer, object, "base", structure->base);
		acpi_put_number(writer, object, "proximity", structure->proximity);
		break;
	case IOMMUSIM_DMAR_ANDD:
		acpi_put_number(writer, object, "acpi_dev", structure->acpi_device);
		acpi_put_printable(writer, object, "acpi_name",
		    structure->acpi_name != NULL ? structure->acpi_name : "");
		break;
	default:
		put_unit_members(writer, object, structure);
		break;
	}
	return object;
}

void acpi_dmar_json_header(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_dmar *table)
{
	/* The width is kept in 8 bits: 256 has become 0. */
	const uint8_t raw_width = (uint8_t)(table->host_address_width - 1);

	acpi_put_number(writer, object, "haw_bits", raw_width + 1u);
	acpi_put_number(writer, object, "haw_raw", raw_width);
	acpi_put_number(writer, object, "flags", table->flags);
}

void acpi_dmar_json_body(
    struct acpi_writer *writer, struct json_object *object, const struct iommusim_dmar *table)
{
	struct json_object *structures = json_object_new_array();

	for (uint32_t i = 0; i < table->structure_count; i++)
		acpi_append(writer, structures, structure_json(writer, &table->structures[i]));
	acpi_put(writer, object, "structs", structures);
}
