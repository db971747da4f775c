/*
 * The blocks of an IVRS table, type by type (AMD-Vi section 5.2): their members, and what can be judged by
 * looking at one of them. The device entries of an IVHD: ivrs_entry.c.
 */
#include "libiommusim/machine/ivrs_internal.h"

#include "models/amdvi/spec/ivrs.h"

enum {
	BLOCK_QUADS = (AMDVI_ACPI_IVHD_11H_BYTES + 7) / 8, /* the longest fixed part */
	FIRST_CAPABILITY = 0x40,                           /* behind a function's standard header */
	PAGE_BYTES = 4096
};

/* What there is to know about a type of block. */
struct ivrs_kind {
	const char *name;
	const struct spec_structure *spec;
	void (*read)(const uint64_t *quads, struct iommusim_ivrs_block *block);
	void (*check)(struct ivrs_reader *reader, const struct iommusim_ivrs_block *block);
	uint16_t fixed_length;
	uint8_t type;
};

/* A member of up to 4 bytes, reserved bits and all. */
static uint32_t whole(const uint64_t *quads, unsigned at, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)acpi_byte(quads, at + i) << i * 8;
	return value;
}

/* What IVHDs of all types have at the same place. */
static void read_ivhd(const uint64_t *quads, struct iommusim_ivrs_block *block)
{
	block->devid = (uint16_t)amdvi_acpi_ivhd_10h_DEVID(quads);
	block->capability = (uint16_t)amdvi_acpi_ivhd_10h_CAPABILITY(quads);
	block->base = amdvi_acpi_ivhd_10h_BASE(quads);
	block->segment = (uint16_t)amdvi_acpi_ivhd_10h_SEGMENT(quads);
	block->info = (uint16_t)whole(quads, AMDVI_ACPI_IVHD_INFO_AT, 2);
}

static void read_ivhd_10h(const uint64_t *quads, struct iommusim_ivrs_block *block)
{
	read_ivhd(quads, block);
	block->features = whole(quads, AMDVI_ACPI_IVHD_FEATURES_AT, 4);
}

static void read_ivhd_11h(const uint64_t *quads, struct iommusim_ivrs_block *block)
{
	read_ivhd(quads, block);
	block->attributes = whole(quads, AMDVI_ACPI_IVHD_FEATURES_AT, 4);
	block->efr = amdvi_acpi_ivhd_11h_EFR(quads);
	block->efr2 = amdvi_acpi_ivhd_11h_EFR2(quads);
}

static void read_ivmd(const uint64_t *quads, struct iommusim_ivrs_block *block)
{
	block->devid = (uint16_t)amdvi_acpi_ivmd_DEVID(quads);
	block->aux = (uint16_t)amdvi_acpi_ivmd_AUX(quads);
	block->segment = (uint16_t)amdvi_acpi_ivmd_SEGMENT(quads);
	block->start = amdvi_acpi_ivmd_START(quads);
	block->memory_length = amdvi_acpi_ivmd_MEMORY_LENGTH(quads);
}

static void check_ivhd(struct ivrs_reader *reader, const struct iommusim_ivrs_block *ivhd)
{
	const char *name = iommusim_ivrs_type_name(ivhd->type);

	if (ivhd->capability < FIRST_CAPABILITY || ivhd->capability % 4 != 0)
		acpi_odd(&reader->acpi, ivhd->offset,
		    "%s: capability offset 0x%x; capabilities are at multiples of 4 from 0x40 on", name,
		    ivhd->capability);
	if (ivhd->entry_count == 0)
		acpi_odd(&reader->acpi, ivhd->offset, "%s: no device entry, so this unit has no device",
		    name);
}

/* The memory an IVMD is about. */
static void check_memory(struct ivrs_reader *reader, const struct iommusim_ivrs_block *ivmd)
{
	const char *name = iommusim_ivrs_type_name(ivmd->type);
	const unsigned long long start = ivmd->start, length = ivmd->memory_length;

	if (length == 0)
		acpi_odd(&reader->acpi, ivmd->offset, "%s: memory of 0 bytes (AMD-Vi 5.2)", name);
	else if (start + (length - 1) < start)
		acpi_odd(&reader->acpi, ivmd->offset,
		    "%s: 0x%llx bytes from 0x%llx on end beyond 64 bits", name, length, start);
	else if (start % PAGE_BYTES != 0 || length % PAGE_BYTES != 0)
		acpi_odd(&reader->acpi, ivmd->offset,
		    "%s: 0x%llx bytes from 0x%llx on are not whole pages of 4 KiB (AMD-Vi 5.2)", name,
		    length, start);
}

static void check_ivmd(struct ivrs_reader *reader, const struct iommusim_ivrs_block *ivmd)
{
	const char *name = iommusim_ivrs_type_name(ivmd->type);

	if (ivmd->length != AMDVI_ACPI_IVMD_BYTES)
		acpi_odd(&reader->acpi, ivmd->offset, "%s: Length is %u; it must be 32 (AMD-Vi 5.2)",
		    name, ivmd->length);
	if ((ivmd->flags & (IOMMUSIM_IVMD_UNITY | IOMMUSIM_IVMD_EXCLUSION)) == 0)
		acpi_odd(&reader->acpi, ivmd->offset,
		    "%s: neither a unity mapping nor an exclusion range, so it asks for nothing", name);
	if (ivmd->type == IOMMUSIM_IVMD_RANGE && ivmd->aux < ivmd->devid)
		acpi_odd(&reader->acpi, ivmd->offset,
		    "%s: the last device 0x%04x is below the first, 0x%04x (AMD-Vi 5.2)", name,
		    ivmd->aux, ivmd->devid);
	check_memory(reader, ivmd);
}

static const struct ivrs_kind kinds[] = {
	{ "IVHD_10h", &amdvi_acpi_ivhd_10h_spec, read_ivhd_10h, check_ivhd, AMDVI_ACPI_IVHD_10H_BYTES,
	    IOMMUSIM_IVHD_10H },
	{ "IVHD_11h", &amdvi_acpi_ivhd_11h_spec, read_ivhd_11h, check_ivhd, AMDVI_ACPI_IVHD_11H_BYTES,
	    IOMMUSIM_IVHD_11H },
	{ "IVHD_40h", &amdvi_acpi_ivhd_11h_spec, read_ivhd_11h, check_ivhd, AMDVI_ACPI_IVHD_11H_BYTES,
	    IOMMUSIM_IVHD_40H },
	{ "IVMD_20h", &amdvi_acpi_ivmd_spec, read_ivmd, check_ivmd, AMDVI_ACPI_IVMD_BYTES,
	    IOMMUSIM_IVMD_ALL },
	{ "IVMD_21h", &amdvi_acpi_ivmd_spec, read_ivmd, check_ivmd, AMDVI_ACPI_IVMD_BYTES,
	    IOMMUSIM_IVMD_SELECT },
	{ "IVMD_22h", &amdvi_acpi_ivmd_spec, read_ivmd, check_ivmd, AMDVI_ACPI_IVMD_BYTES,
	    IOMMUSIM_IVMD_RANGE },
};

/* NULL for a type that is not known: such a block is skipped. */
static const struct ivrs_kind *kind_of(unsigned type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

bool ivrs_is_ivhd(unsigned type)
{
	return type == IOMMUSIM_IVHD_10H || type == IOMMUSIM_IVHD_11H || type == IOMMUSIM_IVHD_40H;
}

bool ivrs_is_ivmd(unsigned type)
{
	return type >= IOMMUSIM_IVMD_ALL && type <= IOMMUSIM_IVMD_RANGE;
}

bool ivrs_is_whole(const struct ivrs_reader *reader, const struct iommusim_ivrs_block *block)
{
	const struct ivrs_kind *kind = kind_of(block->type);

	return kind != NULL && block->length >= kind->fixed_length &&
	    reader->acpi.end - block->offset >= kind->fixed_length;
}

void ivrs_read_block(struct ivrs_reader *reader, struct iommusim_ivrs_block *block)
{
	const struct ivrs_kind *kind = kind_of(block->type);
	const uint32_t room = reader->acpi.end - block->offset;
	const uint32_t length = block->length < room ? block->length : room;
	uint64_t quads[BLOCK_QUADS];

	if (kind == NULL)
		return;
	acpi_load(&reader->acpi, block->offset,
	    length < kind->fixed_length ? length : kind->fixed_length, quads, BLOCK_QUADS);
	block->flags = (uint8_t)amdvi_acpi_block_FLAGS(quads);
	kind->read(quads, block);
	if (block->length < kind->fixed_length)
		acpi_fatal(&reader->acpi, block->offset,
		    "%s: Length is %u; its fixed part alone has %u bytes (AMD-Vi %s)", kind->name,
		    block->length, kind->fixed_length, kind->spec->section);
	if (length < kind->fixed_length)
		return;
	acpi_check_reserved(&reader->acpi, block->offset, kind->spec, quads);
	if (ivrs_is_ivhd(block->type))
		ivrs_read_entries(
		    reader, block, block->offset + kind->fixed_length, block->offset + length);
	kind->check(reader, block);
}

const char *iommusim_ivrs_type_name(unsigned type)
{
	const struct ivrs_kind *kind = kind_of(type);

	return kind != NULL ? kind->name : "unknown";
}
