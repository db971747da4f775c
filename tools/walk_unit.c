/* Points the unit of a platform at tables in memory, through its registers, as software would. */
#include <inttypes.h>
#include <string.h>

#include <iommusim/mmio.h>
#include <iommusim/spec.h>

#include "walk_memory.h"

/* A register by its name in the specification. */
struct unit_register {
	uint64_t address;
	unsigned width;
	size_t number;
};

static struct unit_register find_register(const struct recording_platform *platform, const char *name)
{
	const char *vendor = platform->backend->vendor;
	struct unit_register found = { .address = iommusim_unit_base(platform->unit) };
	struct iommusim_spec_structure about;

	while (iommusim_spec_structure(vendor, found.number, &about) &&
	    (!about.is_register || strcmp(about.name, name) != 0))
		found.number++;
	found.address += about.offset;
	found.width = about.bits / 8;
	return found;
}

/* Every bit of a field. */
static uint64_t field_mask(
    const struct recording_platform *platform, const struct unit_register *reg, const char *name)
{
	struct iommusim_spec_field field;

	for (size_t i = 0; iommusim_spec_field(platform->backend->vendor, reg->number, i, &field); i++)
		if (strcmp(field.name, name) == 0)
			return UINT64_MAX >> (63 - (field.high - field.low)) << field.low;
	return 0;
}

/*
 * Give a table to the unit and turn on what uses it: write the address, latch it with `set`, enable it
 * with `enable`. `*levels` are the GCMD bits that are on so far. False: the unit does not do that.
 */
static bool turn_on(const struct recording_platform *platform, const char *table, uint64_t address,
    const char *set, const char *enable, uint64_t *levels)
{
	const struct unit_register base = find_register(platform, table);
	const struct unit_register command = find_register(platform, "GCMD");
	const struct unit_register state = find_register(platform, "GSTS");
	const uint64_t on = field_mask(platform, &command, enable); /* the same bit in GSTS */
	struct iommusim_machine *machine = platform->machine;
	uint64_t value = 0;

	iommusim_mmio_write(machine, base.address, base.width, address);
	iommusim_mmio_read(machine, base.address, base.width, &value);
	if (value != address)
		return false;
	iommusim_mmio_write(
	    machine, command.address, command.width, *levels | field_mask(platform, &command, set));
	*levels |= on;
	iommusim_mmio_write(machine, command.address, command.width, *levels);
	iommusim_mmio_read(machine, state.address, state.width, &value);
	return (value & on) != 0;
}

static enum iommusim_status program_vtd(const struct walk_image *image,
    const struct recording_platform *platform, struct recording_problem *problem)
{
	uint64_t levels = 0;

	if (image->has_control)
		return walk_memory_refuse(
		    problem, image->platform, "--control: a VT-d unit has no such register");
	if (image->has_root && !turn_on(platform, "RTADDR", image->root, "SRTP", "TE", &levels))
		return walk_memory_refuse(problem, image->platform,
		    "--root: this unit cannot be given the root table 0x%" PRIx64
		    "; expected a multiple of 0x1000, plus mode bits the unit has",
		    image->root);
	if (image->has_irta && !turn_on(platform, "IRTA", image->irta, "SIRTP", "IRE", &levels))
		return walk_memory_refuse(problem, image->platform,
		    "--irta: this unit cannot be given the interrupt remapping table 0x%" PRIx64
		    "; expected a unit that remaps interrupts (ECAP.IR), and the table's address plus "
		    "size and mode bits the unit has",
		    image->irta);
	return IOMMUSIM_OK;
}

/* ---- AMD-Vi -------------------------------------------------------------------------------------------- */

/* Write a register; false when it does not hold all of that then. */
static bool set_register(const struct recording_platform *platform, const char *name, uint64_t value)
{
	const struct unit_register reg = find_register(platform, name);
	uint64_t held = 0;

	iommusim_mmio_write(platform->machine, reg.address, reg.width, value);
	iommusim_mmio_read(platform->machine, reg.address, reg.width, &held);
	return held == value;
}

static uint64_t field_bits(
    const struct recording_platform *platform, const char *register_name, const char *name)
{
	const struct unit_register reg = find_register(platform, register_name);

	return field_mask(platform, &reg, name);
}

/* An address alone, which says no size, stands for a table as large as they get. */
static uint64_t device_table(const struct walk_image *image, const struct recording_platform *platform)
{
	const uint64_t size = field_bits(platform, "DEVTAB_BASE", "SIZE");

	return (image->root & size) == 0 ? image->root | size : image->root;
}

/*
 * Interrupt tables are found through the device table; what their entries look like is in CONTROL. Buffers
 * and logs stay off: they are not what is asked for, and would be read and written.
 */
static enum iommusim_status program_amdvi(const struct walk_image *image,
    const struct recording_platform *platform, struct recording_problem *problem)
{
	const uint64_t on = field_bits(platform, "CONTROL", "IOMMU_EN");
	const uint64_t off = field_bits(platform, "CONTROL", "CMD_BUF_EN") |
	    field_bits(platform, "CONTROL", "EVENT_LOG_EN") |
	    field_bits(platform, "CONTROL", "PPR_LOG_EN") |
	    field_bits(platform, "CONTROL", "GA_LOG_EN");

	if (image->has_irta)
		return walk_memory_refuse(problem, image->platform,
		    "--irta: an AMD-Vi unit finds interrupt tables through its device table; expected "
		    "--root and --control");
	if (!set_register(platform, "DEVTAB_BASE", device_table(image, platform)))
		return walk_memory_refuse(problem, image->platform,
		    "--root: this unit cannot be given the device table 0x%" PRIx64
		    "; expected a multiple of 0x1000, plus its size as DEVTAB_BASE has it",
		    image->root);
	if (!set_register(platform, "CONTROL", (image->control & ~off) | on))
		return walk_memory_refuse(problem, image->platform,
		    "--control: this unit's CONTROL cannot be 0x%" PRIx64
		    "; expected bits of what its EFR has",
		    image->control);
	return IOMMUSIM_OK;
}

enum iommusim_status walk_unit_program(const struct walk_image *image,
    const struct recording_platform *platform, struct recording_problem *problem)
{
	return platform->backend == &recording_amdvi ? program_amdvi(image, platform, problem)
						     : program_vtd(image, platform, problem);
}
