/* Fills a platform's memory from files. Its unit is programmed in walk_unit.c; who asks it: elsewhere. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/memory.h>
#include <iommusim/trace.h>

#include "trace_input.h"
#include "walk_memory.h"

enum iommusim_status walk_memory_refuse(
    struct recording_problem *problem, const char *file, const char *format, ...)
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
		return walk_memory_refuse(problem, file,
		    "expected pages, a line {\"pa\": ADDRESS, \"hex\": \"...\"} each; a raw image is "
		    "given as FILE@ADDRESS");
	if (!raw)
		return load_pages(file, text, length, machine, problem);
	if (length == 0)
		return walk_memory_refuse(problem, file, "an empty image");
	if (iommusim_memory_write(machine, address, text, length) != IOMMUSIM_OK)
		return walk_memory_refuse(problem, file,
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

/* ---- all of it ------------------------------------------------------------------------------------------ */

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
		status = walk_unit_program(image, platform, problem);
	if (status == IOMMUSIM_OK)
		return IOMMUSIM_OK;
	iommusim_machine_destroy(platform->machine);
	*platform = (struct recording_platform){ .machine = NULL };
	return status;
}
