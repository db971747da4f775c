/* Device scope entries of a DMAR table (VT-d 8.3.1). The structures around them: dmar.c. */
#include "libiommusim/machine/dmar_internal.h"

#include "models/vtd/spec/dmar.h"

enum { LAST_PCI_DEVICE = 31, LAST_PCI_FUNCTION = 7 };

static uint32_t length_at(const struct dmar_reader *reader, uint32_t offset)
{
	uint64_t quads[1];

	acpi_load(&reader->acpi, offset, VTD_ACPI_SCOPE_BYTES, quads, 1);
	return (uint32_t)vtd_acpi_scope_LENGTH(quads);
}

/* Room for every entry that read_entry() may fill: stops where dmar_read_scopes() stops. */
static uint32_t count_entries(const struct dmar_reader *reader, uint32_t from, uint32_t to)
{
	uint32_t count = 0;

	while (to - from >= VTD_ACPI_SCOPE_BYTES) {
		const uint32_t length = length_at(reader, from);

		count++;
		if (length < VTD_ACPI_SCOPE_BYTES || length > to - from)
			break;
		from += length;
	}
	return count;
}

static void read_hops(
    struct dmar_reader *reader, struct iommusim_dmar_scope *scope, uint32_t path_length)
{
	const uint8_t *path = reader->acpi.bytes + scope->offset + VTD_ACPI_SCOPE_BYTES;
	const uint8_t count = (uint8_t)(path_length / VTD_ACPI_HOP_BYTES);
	struct iommusim_dmar_hop *hops;

	if (count == 0)
		return;
	hops = acpi_allocate(&reader->acpi, count, sizeof *hops);
	if (hops == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		hops[i].device = path[i * VTD_ACPI_HOP_BYTES];
		hops[i].function = path[i * VTD_ACPI_HOP_BYTES + 1];
	}
	scope->hops = hops;
	scope->hop_count = count;
}

static void check_hops(struct dmar_reader *reader, const struct iommusim_dmar_scope *scope)
{
	for (unsigned i = 0; i < scope->hop_count; i++) {
		const struct iommusim_dmar_hop hop = scope->hops[i];

		if (hop.device > LAST_PCI_DEVICE || hop.function > LAST_PCI_FUNCTION)
			acpi_odd(&reader->acpi, scope->offset,
			    "device scope: hop %u of the path is device %u function %u; a bus has "
			    "devices 0 to 31 with functions 0 to 7 (VT-d 8.3.1)",
			    i + 1, hop.device, hop.function);
	}
	if (scope->hop_count > 1 &&
	    (scope->type == IOMMUSIM_SCOPE_HPET || scope->type == IOMMUSIM_SCOPE_ACPI))
		acpi_odd(&reader->acpi, scope->offset,
		    "device scope: the path of an %s entry has %u hops; it is a source id, "
		    "which has 1 (VT-d 8.3.1)",
		    iommusim_dmar_scope_name(scope->type), scope->hop_count);
}

static bool is_pci(const struct iommusim_dmar_scope *scope)
{
	return scope->type == IOMMUSIM_SCOPE_ENDPOINT || scope->type == IOMMUSIM_SCOPE_BRIDGE;
}

/* May an entry of this type stand in this structure? NULL when it may, else what may. */
static const char *wanted_instead(
    const struct iommusim_dmar_structure *structure, const struct iommusim_dmar_scope *scope)
{
	switch (structure->type) {
	case IOMMUSIM_DMAR_DRHD:
		if ((structure->flags & IOMMUSIM_DRHD_INCLUDE_PCI_ALL) != 0 && is_pci(scope))
			return "with INCLUDE_PCI_ALL it lists no endpoint or bridge (VT-d 8.3.1)";
		return NULL;
	case IOMMUSIM_DMAR_ATSR:
		return scope->type == IOMMUSIM_SCOPE_BRIDGE ? NULL
							    : "it lists root ports, type 2 (VT-d 8.5)";
	case IOMMUSIM_DMAR_SATC:
		return scope->type == IOMMUSIM_SCOPE_ENDPOINT && scope->hop_count == 1
		    ? NULL
		    : "it lists integrated endpoints, type 1 with one hop (VT-d 8.8)";
	case IOMMUSIM_DMAR_SIDP:
		return (scope->type == IOMMUSIM_SCOPE_ENDPOINT || scope->type == IOMMUSIM_SCOPE_ACPI) &&
			scope->hop_count == 1
		    ? NULL
		    : "it lists integrated devices, type 1 or 5 with one hop (VT-d 8.9)";
	default:
		return NULL;
	}
}

/* An entry whose bytes are all there: does it make sense? Nothing here keeps the table from use. */
static void check_entry(struct dmar_reader *reader, const struct iommusim_dmar_structure *structure,
    const struct iommusim_dmar_scope *scope, const uint64_t *quads)
{
	const char *wanted;

	if (scope->type < IOMMUSIM_SCOPE_ENDPOINT || scope->type > IOMMUSIM_SCOPE_ACPI) {
		acpi_odd(&reader->acpi, scope->offset,
		    "device scope: type %u is not known; 1 to 5 are (VT-d 8.3.1)", scope->type);
		return;
	}
	acpi_check_reserved(&reader->acpi, scope->offset,
	    structure->type == IOMMUSIM_DMAR_SIDP ? &vtd_acpi_sidp_scope_spec : &vtd_acpi_scope_spec,
	    quads);
	if (is_pci(scope) && scope->enumeration_id != 0)
		acpi_odd(&reader->acpi, scope->offset,
		    "device scope: enumeration id %u in a PCI entry, where it is reserved and 0 "
		    "(VT-d 8.3.1)",
		    scope->enumeration_id);
	check_hops(reader, scope);
	wanted = wanted_instead(structure, scope);
	if (wanted != NULL)
		acpi_odd(&reader->acpi, scope->offset, "device scope: %s with a path of %u in %s; %s",
		    iommusim_dmar_scope_name(scope->type), scope->hop_count,
		    iommusim_dmar_type_name(structure->type), wanted);
}

/* The entry at `offset` as far as it goes; all of its fixed part is there. */
static void read_entry(struct dmar_reader *reader, const struct iommusim_dmar_structure *structure,
    struct iommusim_dmar_scope *scope, uint32_t offset, uint32_t to)
{
	const uint32_t room = to - offset;
	uint64_t quads[1];
	uint32_t length;

	acpi_load(&reader->acpi, offset, room, quads, 1);
	scope->offset = offset;
	scope->type = (uint8_t)vtd_acpi_scope_TYPE(quads);
	scope->length = (uint8_t)vtd_acpi_scope_LENGTH(quads);
	scope->flags = acpi_byte(quads, VTD_ACPI_SCOPE_FLAGS_AT);
	scope->enumeration_id = (uint8_t)vtd_acpi_scope_ENUMERATION_ID(quads);
	scope->start_bus = (uint8_t)vtd_acpi_scope_START_BUS(quads);
	length = scope->length < room ? scope->length : room;
	read_hops(reader, scope, length - VTD_ACPI_SCOPE_BYTES);
	if (scope->length > room)
		acpi_fatal(&reader->acpi, offset,
		    "device scope: Length is %u, but only %u bytes of its structure are left",
		    scope->length, room);
	else if (scope->length == VTD_ACPI_SCOPE_BYTES)
		acpi_fatal(&reader->acpi, offset,
		    "device scope: Length is %u, which leaves no path; there is at least one hop "
		    "(VT-d 8.3.1)",
		    scope->length);
	else if ((scope->length - VTD_ACPI_SCOPE_BYTES) % VTD_ACPI_HOP_BYTES != 0)
		acpi_fatal(&reader->acpi, offset,
		    "device scope: Length is %u; it must be 6 and 2 for each hop (VT-d 8.3.1)",
		    scope->length);
	else
		check_entry(reader, structure, scope, quads);
}

/* The bytes between the last whole entry and the structure's end, when they hold no entry. */
static void note_rest(struct dmar_reader *reader, uint32_t offset, uint32_t to)
{
	const uint32_t rest = to - offset;
	const uint32_t length = length_at(reader, offset);

	if (rest == 0)
		return;
	if (rest == 1)
		acpi_odd(&reader->acpi, offset,
		    "device scope: 1 byte is left over after the last entry of the structure");
	else if (length < VTD_ACPI_SCOPE_BYTES)
		acpi_fatal(&reader->acpi, offset,
		    "device scope: Length is %u; no entry is shorter than 6 (VT-d 8.3.1)", length);
	else
		acpi_fatal(&reader->acpi, offset,
		    "device scope: Length is %u, but only %u bytes of its structure are left", length,
		    rest);
}

void dmar_read_scopes(
    struct dmar_reader *reader, struct iommusim_dmar_structure *structure, uint32_t from, uint32_t to)
{
	const uint32_t count = count_entries(reader, from, to);
	struct iommusim_dmar_scope *scopes = acpi_allocate(&reader->acpi, count, sizeof *scopes);
	uint32_t offset = from;

	if (scopes == NULL)
		return;
	structure->scopes = scopes;
	while (
	    to - offset >= VTD_ACPI_SCOPE_BYTES && length_at(reader, offset) >= VTD_ACPI_SCOPE_BYTES) {
		const uint32_t length = length_at(reader, offset);

		read_entry(reader, structure, &scopes[structure->scope_count++], offset, to);
		if (length > to - offset)
			return;
		offset += length;
	}
	note_rest(reader, offset, to);
}

const char *iommusim_dmar_scope_name(unsigned type)
{
	static const char *const names[] = {
		[IOMMUSIM_SCOPE_ENDPOINT] = "endpoint",
		[IOMMUSIM_SCOPE_BRIDGE] = "bridge",
		[IOMMUSIM_SCOPE_IOAPIC] = "ioapic",
		[IOMMUSIM_SCOPE_HPET] = "hpet",
		[IOMMUSIM_SCOPE_ACPI] = "acpi",
	};

	if (type >= sizeof names / sizeof names[0] || names[type] == NULL)
		return "unknown";
	return names[type];
}
