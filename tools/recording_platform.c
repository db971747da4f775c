/* Builds the machine a recording was made on from its platform.json. The unit is the backend's work. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/memory.h>

#include "recording_run.h"
#include "trace_input.h"

static const struct vendor {
	const char *name; /* in platform.json */
	const struct recording_backend *backend;
} vendors[] = {
	{ "vtd", &recording_vtd },
	{ "amdvi", &recording_amdvi },
};

char *recording_beside(const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	const int folder = slash == NULL ? 0 : (int)(slash - file) + 1;
	char *path;

	return asprintf(&path, "%.*s%s", folder, file, name) < 0 ? NULL : path;
}

static enum iommusim_status choose_backend(
    struct recording_input *input, const struct recording_backend **backend)
{
	const char *name;
	enum iommusim_status status = recording_input_text(input, "iommu", &name);

	if (status != IOMMUSIM_OK)
		return status;
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		*backend = vendors[i].backend;
		if (strcmp(name, vendors[i].name) == 0)
			return IOMMUSIM_OK;
	}
	return recording_input_refuse(
	    input, "iommu", "`iommu`: expected \"vtd\" or \"amdvi\", found \"%.32s\"", name);
}

/* RAM from `base` to `end`, all but the pages the unit's registers are at. */
static enum iommusim_status add_ram(struct recording_platform *platform, uint64_t base, uint64_t end)
{
	const uint64_t registers = iommusim_unit_base(platform->unit);
	const uint64_t behind = registers + platform->backend->register_bytes;
	const uint64_t parts[2][2] = {
		{ base, registers < end ? registers : end },
		{ behind > base ? behind : base, end },
	};

	for (unsigned i = 0; i < 2; i++) {
		enum iommusim_status status;

		if (parts[i][0] >= parts[i][1])
			continue;
		status = iommusim_memory_add(
		    platform->machine, parts[i][0], parts[i][1] - parts[i][0], IOMMUSIM_MEMORY_RAM);
		if (status != IOMMUSIM_OK)
			return status;
		platform->ram += parts[i][1] - parts[i][0];
	}
	return IOMMUSIM_OK;
}

static enum iommusim_status take_ram(struct recording_input *input, struct recording_platform *platform)
{
	struct json_object *ranges;
	enum iommusim_status status = recording_input_inner(input, "ram", json_type_array, &ranges);

	for (size_t i = 0; status == IOMMUSIM_OK && i < json_object_array_length(ranges); i++) {
		struct json_object *range = json_object_array_get_idx(ranges, i);
		uint64_t base = 0, length = 0;

		if (!json_object_is_type(range, json_type_array) ||
		    json_object_array_length(range) != 2)
			return recording_input_refuse(
			    input, "ram", "`ram`: expected pairs of base and length");
		status = recording_input_element(input, range, "ram", 0, &base);
		if (status == IOMMUSIM_OK)
			status = recording_input_element(input, range, "ram", 1, &length);
		if (status != IOMMUSIM_OK)
			return status;
		if (length > UINT64_MAX - base)
			return recording_input_refuse(
			    input, "ram", "`ram`: a range beyond all addresses");
		status = add_ram(platform, base, base + length);
		if (status != IOMMUSIM_OK && status != IOMMUSIM_ENOMEM)
			return recording_input_refuse(input, "ram",
			    "`ram`: no RAM can be at 0x%" PRIx64 " of length 0x%" PRIx64
			    "; expected whole pages that do not overlap",
			    base, length);
	}
	return status;
}

/* What the object in `input` says, as a machine. */
static enum iommusim_status build(struct recording_input *input,
    const struct recording_options *options, struct recording_platform *platform)
{
	const struct iommusim_machine_config config = { .seed = options->seed };
	uint64_t base;
	enum iommusim_status status = choose_backend(input, &platform->backend);

	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, input->object, "mmio_base",
		    UINT64_MAX - platform->backend->register_bytes, &base);
	if (status == IOMMUSIM_OK)
		status = iommusim_machine_create(&config, &platform->machine);
	if (status != IOMMUSIM_OK)
		return status;
	status = platform->backend->create(input, base, options, platform->machine, &platform->unit);
	if (status == IOMMUSIM_OK)
		return take_ram(input, platform);
	if (status == IOMMUSIM_ENOMEM || status == IOMMUSIM_EFORMAT)
		return status;
	return recording_input_refuse(input, "caps", "no such unit can be: %s",
	    iommusim_machine_diagnostic(platform->machine)->text);
}

static enum iommusim_status read_and_build(const char *file, const struct recording_options *options,
    struct recording_platform *platform, struct recording_problem *problem)
{
	struct recording_input input = { .object = NULL };
	char *text;
	size_t length;
	enum iommusim_status status = trace_read(file, &text, &length, &problem->about);

	if (status != IOMMUSIM_OK) {
		const size_t said = strlen(problem->about.text);

		snprintf(problem->file, sizeof(problem->file), "%s", file);
		if (options->platform == NULL && status == IOMMUSIM_EIO)
			snprintf(problem->about.text + said, sizeof(problem->about.text) - said,
			    "; --platform names it elsewhere");
		return status;
	}
	status = recording_input_open(&input, file, text, length, problem);
	if (status == IOMMUSIM_OK)
		status = recording_input_whole(&input);
	if (status == IOMMUSIM_OK)
		status = build(&input, options, platform);
	recording_input_close(&input);
	free(text);
	return status;
}

enum iommusim_status recording_platform_build(const char *recording,
    const struct recording_options *options, struct recording_platform *platform,
    struct recording_problem *problem)
{
	char *beside = NULL;
	enum iommusim_status status;

	*platform = (struct recording_platform){ .machine = NULL };
	if (options->platform == NULL && strcmp(recording, "-") == 0) {
		problem->about.line = problem->about.column = 1;
		snprintf(problem->about.text, sizeof(problem->about.text),
		    "nothing lies beside a recording from standard input; expected --platform FILE");
		return IOMMUSIM_EFORMAT;
	}
	if (options->platform == NULL) {
		beside = recording_beside(recording, "platform.json");
		if (beside == NULL)
			return IOMMUSIM_ENOMEM;
	}
	status =
	    read_and_build(beside == NULL ? options->platform : beside, options, platform, problem);
	free(beside);
	if (status != IOMMUSIM_OK) {
		iommusim_machine_destroy(platform->machine);
		*platform = (struct recording_platform){ .machine = NULL };
	}
	return status;
}
