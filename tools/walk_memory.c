/* Fills a platform's memory from files and programs its unit as software would. Who asks it: elsewhere. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/spec.h>
#include <iommusim/trace.h>

#include "trace_input.h"
#include "walk_memory.h"

/* A message about a file as a whole. */
static enum iommusim_status __attribute__((format(printf, 3, 4)))
refuse(struct recording_problem *problem, const char *file, const char *format, ...)
{
	va_list arguments;

	problem->about = (struct iommusim_diagnostic){ .status = IOMMUSIM_EFORMAT };
	problem->about.offset = UINT64_MAX;
	snprintf(problem->file, sizeof(problem->file), "%s", file);
	va_start(arguments, format);
	vsnprintf(problem->about.text, sizeof(problem->about.text), format, arguments);
	va_end(arguments);
	return IOMMUSIM_EFORMAT;
}

/* ---- pages as JSON lines ---------------------------------------------------------------------------- */

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Hexadecimal digits into bytes; what is not needed any more is `text` itself, so they go there. */
static bool decode(const char *text, uint8_t *bytes, size_t *length)
{
	*length = 0;
	for (; text[0] != '\0'; text += 2) {
		const int high = digit_of(text[0]);
		const int low = high < 0 ? -1 : digit_of(text[1]);

		if (low < 0)
			return false;
		bytes[(*length)++] = (uint8_t)(high << 4 | low);
	}
	return *length != 0;
}

static enum iommusim_status store_page(
    struct recording_input *input, struct iommusim_machine *machine, uint8_t *bytes, size_t room)
{
	uint64_t address;
	const char *hex;
	size_t length;
	enum iommusim_status status =
	    recording_input_number(input, input->object, "pa", UINT64_MAX, &address);

	if (status == IOMMUSIM_OK)
		status = recording_input_text(input, "hex", &hex);
	if (status != IOMMUSIM_OK)
		return status;
	if (strlen(hex) / 2 > room || !decode(hex, bytes, &length))
		return recording_input_refuse(
		    input, "hex", "`hex`: expected bytes as two hexadecimal digits each");
	if (iommusim_memory_write(machine, address, bytes, length) != IOMMUSIM_OK)
		return recording_input_refuse(input, "pa",
		    "`pa`: not all of the %zu bytes at 0x%" PRIx64 " are in the platform's RAM", length,
		    address);
	return IOMMUSIM_OK;
}

static enum iommusim_status load_pages(const char *file, const char *text, size_t length,
    struct iommusim_machine *machine, struct recording_problem *problem)
{
	struct recording_input input;
	uint8_t *bytes = malloc(length / 2 + 1); /* no line has more */
	enum iommusim_status status = recording_input_open(&input, file, text, length, problem);

	if (bytes == NULL)
		status = IOMMUSIM_ENOMEM;
	while (status == IOMMUSIM_OK && (status = recording_input_line(&input)) == IOMMUSIM_OK)
		status = store_page(&input, machine, bytes, length / 2 + 1);
	recording_input_close(&input);
	free(bytes);
	return status == IOMMUSIM_ENOENT ? IOMMUSIM_OK : status;
}

/* ---- files ------------------------------------------------------------------------------------------- */

/* Is it FILE@ADDRESS? Then `name` is FILE alone, to be freed. */
static bool has_address(const char *argument, char **name, uint64_t *address)
{
	const char *at = strrchr(argument, '@'), *problem;

	*name = NULL;
	if (at == NULL || iommusim_trace_number(at + 1, address, &problem) != IOMMUSIM_OK)
		return false;
	*name = strndup(argument, (size_t)(at - argument));
	return true;
}

static bool is_json(const char *text, size_t length)
{
	size_t at = 0;

	while (at < length &&
	    (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n'))
		at++;
	return at < length && text[at] == '{';
}

static enum iommusim_status load_text(const char *file, bool raw, uint64_t address, const char *text,
    size_t length, struct iommusim_machine *machine, struct recording_problem *problem)
{
	if (!raw && !is_json(text, length))
		return refuse(problem, file,
		    "expected pages, a line {\"pa\": ADDRESS, \"hex\": \"...\"} each; a raw image is "
		    "given as FILE@ADDRESS");
	if (!raw)
		return load_pages(file, text, length, machine, problem);
	if (length == 0)
		return refuse(problem, file, "an empty image");
	if (iommusim_memory_write(machine, address, text, length) != IOMMUSIM_OK)
		return refuse(problem, file,
		    "not all of the %zu bytes at 0x%" PRIx64 " are in the platform's RAM", length,
		    address);
	return IOMMUSIM_OK;
}

static enum iommusim_status load_file(
    const char *argument, struct iommusim_machine *machine, struct recording_problem *problem)
{
	enum iommusim_status status = IOMMUSIM_ENOMEM;
	char *name = NULL, *text = NULL;
	uint64_t address = 0;
	size_t length;
	const bool raw = has_address(argument, &name, &address);
	const char *file = raw ? name : argument;

	if (file != NULL)
		status = trace_read(file, &text, &length, &problem->about);
	if (status == IOMMUSIM_EIO)
		snprintf(problem->file, sizeof(problem->file), "%s", file);
	if (status == IOMMUSIM_OK)
		status = load_text(file, raw, address, text, length, machine, problem);
	free(text);
	free(name);
	return status;
}

/* ---- the unit ------------------------------------------------------------------------------------------ */

/* As iommusim/spec.h calls the vendor. A platform of another one is refused before it comes here. */
static const char vendor[] = "vtd";

/* A register by its name in the specification. */
struct unit_register {
	uint64_t address;
	unsigned width;
	size_t number;
};

static struct unit_register find_register(const struct recording_platform *platform, const char *name)
{
	struct unit_register found = { .address = iommusim_unit_base(platform->unit) };
	struct iommusim_spec_structure about;

	while (iommusim_spec_structure(vendor, found.number, &about) &&
	    (!about.is_register || strcmp(about.name, name) != 0))
		found.number++;
	found.address += about.offset;
	found.width = about.bits / 8;
	return found;
}

static uint64_t field_mask(const struct unit_register *reg, const char *name)
{
	struct iommusim_spec_field field;

	for (size_t i = 0; iommusim_spec_field(vendor, reg->number, i, &field); i++)
		if (strcmp(field.name, name) == 0)
			return UINT64_C(1) << field.low;
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
	const uint64_t on = field_mask(&command, enable); /* the same bit in GSTS */
	struct iommusim_machine *machine = platform->machine;
	uint64_t value = 0;

	iommusim_mmio_write(machine, base.address, base.width, address);
	iommusim_mmio_read(machine, base.address, base.width, &value);
	if (value != address)
		return false;
	iommusim_mmio_write(
	    machine, command.address, command.width, *levels | field_mask(&command, set));
	*levels |= on;
	iommusim_mmio_write(machine, command.address, command.width, *levels);
	iommusim_mmio_read(machine, state.address, state.width, &value);
	return (value & on) != 0;
}

static enum iommusim_status program(const struct walk_image *image,
    const struct recording_platform *platform, struct recording_problem *problem)
{
	uint64_t levels = 0;

	if (image->has_root && !turn_on(platform, "RTADDR", image->root, "SRTP", "TE", &levels))
		return refuse(problem, image->platform,
		    "--root: this unit cannot be given the root table 0x%" PRIx64
		    "; expected a multiple of 0x1000, plus mode bits the unit has",
		    image->root);
	if (image->has_irta && !turn_on(platform, "IRTA", image->irta, "SIRTP", "IRE", &levels))
		return refuse(problem, image->platform,
		    "--irta: this unit cannot be given the interrupt remapping table 0x%" PRIx64
		    "; expected a unit that remaps interrupts (ECAP.IR), and the table's address plus "
		    "size and mode bits the unit has",
		    image->irta);
	return IOMMUSIM_OK;
}

enum iommusim_status walk_memory_build(const struct walk_image *image,
    struct recording_platform *platform, struct recording_problem *problem)
{
	const struct recording_options options = {
		.platform = image->platform,
		.settings = { .cache = IOMMUSIM_CACHE_NONE },
		.as_specified = true,
	};
	enum iommusim_status status = recording_platform_build("", &options, platform, problem);

	if (status != IOMMUSIM_OK)
		return status;
	for (size_t i = 0; i < image->file_count && status == IOMMUSIM_OK; i++)
		status = load_file(image->files[i], platform->machine, problem);
	if (status == IOMMUSIM_OK)
		status = program(image, platform, problem);
	if (status == IOMMUSIM_OK)
		return IOMMUSIM_OK;
	iommusim_machine_destroy(platform->machine);
	*platform = (struct recording_platform){ .machine = NULL };
	return status;
}
