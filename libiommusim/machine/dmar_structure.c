/*
 * The structures of a DMAR table, type by type (VT-d 8.3 to 8.9): their members, and what can be
 * judged by looking at one of them. The entries of a device scope: dmar_scope.c.
 */
#include <string.h>

#include "libiommusim/machine/dmar_internal.h"

#include "models/vtd/spec/dmar.h"

enum {
	STRUCTURE_QUADS = (VTD_ACPI_RMRR_BYTES + 7) / 8, /* the longest fixed part */
	PAGE_BYTES = 4096
};

/* What there is to know about a type of structure. */
struct dmar_kind {
	const struct spec_structure *spec;
	uint16_t fixed_length;
	bool has_scopes;
	void (*read)(const uint64_t *quads, struct iommusim_dmar_structure *structure);
	void (*check)(struct dmar_reader *reader, const struct iommusim_dmar_structure *structure);
};

static void read_drhd(const uint64_t *quads, struct iommusim_dmar_structure *structure)
{
	structure->flags = acpi_byte(quads, VTD_ACPI_STRUCTURE_FLAGS_AT);
	structure->size = acpi_byte(quads, VTD_ACPI_DRHD_SIZE_AT);
	structure->segment = (uint16_t)vtd_acpi_drhd_SEGMENT(quads);
	structure->base = vtd_acpi_drhd_BASE(quads);
}

static void read_rmrr(const uint64_t *quads, struct iommusim_dmar_structure *structure)
{
	structure->segment = (uint16_t)vtd_acpi_rmrr_SEGMENT(quads);
	structure->base = vtd_acpi_rmrr_BASE(quads);
	structure->limit = vtd_acpi_rmrr_LIMIT(quads);
}

static void read_atsr(const uint64_t *quads, struct iommusim_dmar_structure *structure)
{
	structure->flags = acpi_byte(quads, VTD_ACPI_STRUCTURE_FLAGS_AT);
	structure->segment = (uint16_t)vtd_acpi_atsr_SEGMENT(quads);
}

static void read_rhsa(const uint64_t *quads, struct iommusim_dmar_structure *structure)
{
	structure->base = vtd_acpi_rhsa_BASE(quads);
	structure->proximity = (uint32_t)vtd_acpi_rhsa_PROXIMITY(quads);
}

static void read_andd(const uint64_t *quads, struct iommusim_dmar_structure *structure)
{
	structure->acpi_device = (uint8_t)vtd_acpi_andd_DEVICE(quads);
}

static void read_satc(const uint64_t *quads, struct iommusim_dmar_structure *structure)
{
	structure->flags = acpi_byte(quads, VTD_ACPI_STRUCTURE_FLAGS_AT);
	structure->segment = (uint16_t)vtd_acpi_satc_SEGMENT(quads);
}

static void read_sidp(const uint64_t *quads, struct iommusim_dmar_structure *structure)
{
	structure->segment = (uint16_t)vtd_acpi_sidp_SEGMENT(quads);
}

uint64_t dmar_register_bytes(
    const struct dmar_reader *reader, const struct iommusim_dmar_structure *drhd)
{
	uint64_t quads[STRUCTURE_QUADS];

	acpi_load(&reader->acpi, drhd->offset, VTD_ACPI_DRHD_BYTES, quads, STRUCTURE_QUADS);
	return (uint64_t)PAGE_BYTES << vtd_acpi_drhd_SIZE(quads);
}

/* Is an address one that the table's own host address width leaves no room for? */
static bool is_beyond_width(const struct dmar_reader *reader, uint64_t address)
{
	const unsigned width = reader->table->host_address_width;

	return width >= DMAR_NARROWEST_WIDTH && width < DMAR_WIDEST_WIDTH && address >> width != 0;
}

static void check_drhd(struct dmar_reader *reader, const struct iommusim_dmar_structure *drhd)
{
	const uint64_t bytes = dmar_register_bytes(reader, drhd);
	const unsigned long long base = drhd->base;

	if (base == 0)
		acpi_odd(&reader->acpi, drhd->offset,
		    "DRHD: register base address is 0, so this unit has no registers and is "
		    "left out");
	else if (base % PAGE_BYTES != 0)
		acpi_fatal(&reader->acpi, drhd->offset,
		    "DRHD: register base address 0x%llx is not aligned to 4 KiB (VT-d 8.3)", base);
	else if (base % bytes != 0)
		acpi_odd(&reader->acpi, drhd->offset,
		    "DRHD: register base address 0x%llx is not aligned to the register set's %llu "
		    "bytes (Size %u, VT-d 8.3)",
		    base, (unsigned long long)bytes, drhd->size);
	if (is_beyond_width(reader, base))
		acpi_fatal(&reader->acpi, drhd->offset,
		    "DRHD: register base address 0x%llx is beyond the host address width of "
		    "%u bits",
		    base, reader->table->host_address_width);
	if (drhd->length == VTD_ACPI_DRHD_BYTES && (drhd->flags & IOMMUSIM_DRHD_INCLUDE_PCI_ALL) == 0)
		acpi_odd(&reader->acpi, drhd->offset,
		    "DRHD: neither INCLUDE_PCI_ALL nor a device scope, so this unit has no device");
}

static void check_rmrr(struct dmar_reader *reader, const struct iommusim_dmar_structure *rmrr)
{
	const unsigned long long base = rmrr->base;
	const unsigned long long limit = rmrr->limit;

	if (base % PAGE_BYTES != 0)
		acpi_odd(&reader->acpi, rmrr->offset,
		    "RMRR: base address 0x%llx is not aligned to 4 KiB (VT-d 8.4)", base);
	if (limit <= base)
		acpi_odd(&reader->acpi, rmrr->offset,
		    "RMRR: limit address 0x%llx is not above the base address 0x%llx (VT-d 8.4)", limit,
		    base);
	else if ((limit - base + 1) % PAGE_BYTES != 0)
		acpi_odd(&reader->acpi, rmrr->offset,
		    "RMRR: the region's size 0x%llx is not a multiple of 4 KiB (VT-d 8.4)",
		    limit - base + 1);
	if (is_beyond_width(reader, base) || is_beyond_width(reader, limit))
		acpi_odd(&reader->acpi, rmrr->offset,
		    "RMRR: 0x%llx to 0x%llx is beyond the host address width of %u bits", base, limit,
		    reader->table->host_address_width);
	if (rmrr->length == VTD_ACPI_RMRR_BYTES)
		acpi_odd(&reader->acpi, rmrr->offset,
		    "RMRR: no device scope; at least one device uses the region (VT-d 8.4)");
}

static void check_atsr(struct dmar_reader *reader, const struct iommusim_dmar_structure *atsr)
{
	uint64_t quads[STRUCTURE_QUADS];
	bool all_ports;

	acpi_load(&reader->acpi, atsr->offset, VTD_ACPI_ATSR_BYTES, quads, STRUCTURE_QUADS);
	all_ports = vtd_acpi_atsr_ALL_PORTS(quads) != 0;
	if (all_ports && atsr->scope_count != 0)
		acpi_odd(&reader->acpi, atsr->offset,
		    "ATSR: ALL_PORTS is set, yet %u device scope entries follow; there are "
		    "none then (VT-d 8.5)",
		    atsr->scope_count);
	if (!all_ports && atsr->length == VTD_ACPI_ATSR_BYTES)
		acpi_odd(&reader->acpi, atsr->offset,
		    "ATSR: neither ALL_PORTS nor a device scope, so it names no root port "
		    "(VT-d 8.5)");
}

static void check_rhsa(struct dmar_reader *reader, const struct iommusim_dmar_structure *rhsa)
{
	if (rhsa->length != VTD_ACPI_RHSA_BYTES)
		acpi_odd(&reader->acpi, rhsa->offset, "RHSA: Length is %u; it must be 20 (VT-d 8.6)",
		    rhsa->length);
}

static void check_andd(struct dmar_reader *reader, const struct iommusim_dmar_structure *andd)
{
	const char *name = andd->acpi_name;

	if (name == NULL || andd->length == VTD_ACPI_ANDD_BYTES)
		return;
	if (name[0] == '\0')
		acpi_odd(&reader->acpi, andd->offset, "ANDD: the object name is empty (VT-d 8.7)");
	else if (name[0] != '\\')
		acpi_odd(&reader->acpi, andd->offset,
		    "ANDD: the object name begins with byte 0x%02x, a full name with \\ (VT-d 8.7)",
		    (unsigned char)name[0]);
	for (; *name != '\0'; name++)
		if (*name < ' ' || *name > '~') {
			acpi_odd(&reader->acpi, andd->offset,
			    "ANDD: byte 0x%02x in the object name is no printable ASCII (VT-d 8.7)",
			    (unsigned char)*name);
			return;
		}
}

/* SATC and SIDP, which have the same fixed part. */
static void check_devices(struct dmar_reader *reader, const struct iommusim_dmar_structure *structure)
{
	if (structure->length == VTD_ACPI_SATC_BYTES)
		acpi_odd(&reader->acpi, structure->offset, "%s: no device scope, so it names no device",
		    iommusim_dmar_type_name(structure->type));
}

static const struct dmar_kind kinds[] = {
	[IOMMUSIM_DMAR_DRHD] = { &vtd_acpi_drhd_spec, VTD_ACPI_DRHD_BYTES, true, read_drhd,
	    check_drhd },
	[IOMMUSIM_DMAR_RMRR] = { &vtd_acpi_rmrr_spec, VTD_ACPI_RMRR_BYTES, true, read_rmrr,
	    check_rmrr },
	[IOMMUSIM_DMAR_ATSR] = { &vtd_acpi_atsr_spec, VTD_ACPI_ATSR_BYTES, true, read_atsr,
	    check_atsr },
	[IOMMUSIM_DMAR_RHSA] = { &vtd_acpi_rhsa_spec, VTD_ACPI_RHSA_BYTES, false, read_rhsa,
	    check_rhsa },
	[IOMMUSIM_DMAR_ANDD] = { &vtd_acpi_andd_spec, VTD_ACPI_ANDD_BYTES, false, read_andd,
	    check_andd },
	[IOMMUSIM_DMAR_SATC] = { &vtd_acpi_satc_spec, VTD_ACPI_SATC_BYTES, true, read_satc,
	    check_devices },
	[IOMMUSIM_DMAR_SIDP] = { &vtd_acpi_sidp_spec, VTD_ACPI_SIDP_BYTES, true, read_sidp,
	    check_devices },
};

/* NULL for a type from the future: such a structure is skipped (VT-d 8.2). */
static const struct dmar_kind *kind_of(uint16_t type)
{
	return type < sizeof kinds / sizeof kinds[0] ? &kinds[type] : NULL;
}

bool dmar_is_whole(const struct dmar_reader *reader, const struct iommusim_dmar_structure *structure)
{
	const struct dmar_kind *kind = kind_of(structure->type);

	return kind != NULL && structure->length >= kind->fixed_length &&
	    reader->acpi.end - structure->offset >= kind->fixed_length;
}

/* The object name that follows an ANDD's fixed part. */
static void read_name(struct dmar_reader *reader, struct iommusim_dmar_structure *andd, uint32_t to)
{
	const uint32_t from = andd->offset + VTD_ACPI_ANDD_BYTES;
	const uint8_t *start = reader->acpi.bytes + from;
	const uint8_t *end = to > from ? memchr(start, 0, to - from) : NULL;
	const size_t length = end != NULL ? (size_t)(end - start) : to - from;
	char *name = acpi_allocate(&reader->acpi, length + 1, 1);

	if (name == NULL)
		return;
	memcpy(name, start, length);
	andd->acpi_name = name;
	if (end == NULL)
		acpi_fatal(&reader->acpi, andd->offset,
		    "ANDD: the object name has no NUL in its %zu bytes (VT-d 8.7)", length);
}

void dmar_read_structure(struct dmar_reader *reader, struct iommusim_dmar_structure *structure)
{
	const struct dmar_kind *kind = kind_of(structure->type);
	const uint32_t room = reader->acpi.end - structure->offset;
	const uint32_t length = structure->length < room ? structure->length : room;
	uint64_t quads[STRUCTURE_QUADS];

	if (kind == NULL)
		return;
	acpi_load(&reader->acpi, structure->offset,
	    length < kind->fixed_length ? length : kind->fixed_length, quads, STRUCTURE_QUADS);
	kind->read(quads, structure);
	if (structure->length < kind->fixed_length)
		acpi_fatal(&reader->acpi, structure->offset,
		    "%s: Length is %u; its fixed part alone has %u bytes (VT-d %s)", kind->spec->name,
		    structure->length, kind->fixed_length, kind->spec->section);
	if (length < kind->fixed_length)
		return;
	acpi_check_reserved(&reader->acpi, structure->offset, kind->spec, quads);
	if (kind->has_scopes)
		dmar_read_scopes(reader, structure, structure->offset + kind->fixed_length,
		    structure->offset + length);
	if (structure->type == IOMMUSIM_DMAR_ANDD)
		read_name(reader, structure, structure->offset + length);
	kind->check(reader, structure);
}

const char *iommusim_dmar_type_name(unsigned type)
{
	return type < sizeof kinds / sizeof kinds[0] ? kinds[type].spec->name : "unknown";
}
