/* machine() and memory(): RAM, firmware's table, and the units it speaks of. Other units: run_unit.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "models/vtd/spec/dmar.h"
#include "replay/board.h"
#include "replay/run.h"

enum { LONGEST_PATH = 4096 };

#define LARGEST_TABLE_FILE ((size_t)64 << 20) /* all tables of a machine as text take a few MiB */

/* A call that makes the board has failed: nothing can be played on half a board. */
static enum iommusim_status refuse_call(
    struct replay *replay, const char *at, enum iommusim_status status)
{
	if (status == IOMMUSIM_ENOMEM)
		return replay_no_memory(replay);
	return replay_refuse(replay, at, "%s", iommusim_machine_diagnostic(replay->machine)->text);
}

/* ---- choices -------------------------------------------------------------------------------------- */

static const char *profile_at(size_t index)
{
	const struct iommusim_profile *profile = iommusim_profile_at(index);

	return profile == NULL ? NULL : iommusim_profile_name(profile);
}

static const char *preset_at(size_t index)
{
	return iommusim_vtd_preset_name(index, NULL);
}

/* "; did you mean "13.0"?", or else "; known are 13.0, 13.1, ...". */
static const char *suggest(
    char *out, size_t size, const char *word, const char *(*name_at)(size_t index))
{
	struct suggestion near = { .word = { word, strlen(word) } };
	size_t length = 0;

	for (size_t i = 0; name_at(i) != NULL; i++)
		suggestion_try(&near, (struct slice){ name_at(i), strlen(name_at(i)) }, 0);
	snprintf(out, size, "%s", suggestion_text(&near, "\""));
	if (out[0] != '\0')
		return out;
	for (size_t i = 0; name_at(i) != NULL && length + strlen(name_at(i)) + 12 < size; i++)
		length += (size_t)snprintf(
		    out + length, size - length, "%s%s", i == 0 ? "; known are " : ", ", name_at(i));
	return out;
}

static enum iommusim_status check_profile(struct replay *replay, const char *at, const char *name)
{
	char meant[160];

	if (iommusim_profile_find(name) != NULL)
		return IOMMUSIM_OK;
	return replay_refuse(replay, at, "no release profile is called \"%.40s\"%s", name,
	    suggest(meant, sizeof(meant), name, profile_at));
}

/* The profile to play under: the caller's, else the trace's, else the one without flaws. */
static enum iommusim_status choose_profile(struct replay *replay, struct statement *statement)
{
	const struct value *given = argument(statement, ARG_machine_vmm);
	char *profile = replay->summary->profile;
	const size_t size = sizeof(replay->summary->profile);
	enum iommusim_status status = IOMMUSIM_OK;

	snprintf(profile, size, "reference");
	if (given->kind != VALUE_ABSENT) {
		status = replay_string(replay, given, profile, size);
		if (status == IOMMUSIM_OK)
			status = check_profile(replay, given->at, profile);
	}
	if (status != IOMMUSIM_OK || replay->options->profile == NULL)
		return status;
	status = check_profile(replay, statement->at, replay->options->profile);
	snprintf(profile, size, "%s", replay->options->profile);
	return status;
}

static enum iommusim_status choose_preset(struct replay *replay, struct statement *statement)
{
	const struct value *given = argument(statement, ARG_machine_preset);
	struct iommusim_vtd_config config;
	enum iommusim_status status;
	char meant[160];

	snprintf(replay->preset, sizeof(replay->preset), "skylake-client");
	if (given->kind == VALUE_ABSENT)
		return IOMMUSIM_OK;
	status = replay_string(replay, given, replay->preset, sizeof(replay->preset));
	if (status != IOMMUSIM_OK || iommusim_vtd_preset(replay->preset, 0, &config) == IOMMUSIM_OK)
		return status;
	return replay_refuse(replay, given->at, "no preset is called \"%s\"%s", replay->preset,
	    suggest(meant, sizeof(meant), replay->preset, preset_at));
}

static enum iommusim_status small_number(
    struct replay *replay, const struct value *value, uint64_t most, uint32_t *out)
{
	if (value->kind == VALUE_ABSENT)
		return IOMMUSIM_OK;
	if (value->number > most)
		return replay_refuse(
		    replay, value->at, "0 to %llu is possible here", (unsigned long long)most);
	*out = (uint32_t)value->number;
	return IOMMUSIM_OK;
}

static enum iommusim_status choose_settings(struct replay *replay, struct statement *statement)
{
	const struct iommusim_replay_options *options = replay->options;
	struct iommusim_unit_settings *settings = &replay->settings;
	enum iommusim_status status;

	settings->cache = options->has_cache ? options->cache
					     : (enum iommusim_cache_policy)argument_number(
						   statement, ARG_machine_cache, IOMMUSIM_CACHE_HOARD);
	settings->match = (enum iommusim_cache_match)argument_number(
	    statement, ARG_machine_match, IOMMUSIM_MATCH_DEFAULT);
	settings->drop_invalidations = options->drop_invalidations ||
	    argument_number(statement, ARG_machine_drop_invalidations, 0) != 0;
	status = small_number(
	    replay, argument(statement, ARG_machine_latency), UINT32_MAX, &settings->latency);
	if (status == IOMMUSIM_OK)
		status = small_number(
		    replay, argument(statement, ARG_machine_sets), UINT32_MAX, &settings->iotlb_sets);
	if (status == IOMMUSIM_OK)
		status = small_number(
		    replay, argument(statement, ARG_machine_ways), UINT32_MAX, &settings->iotlb_ways);
	return status;
}

/* ---- firmware's table --------------------------------------------------------------------------------- */

/* A file name as the trace gives it: relative to the trace's own folder. */
static enum iommusim_status locate(struct replay *replay, const struct value *name, char *path)
{
	const char *slash = replay->file == NULL ? NULL : strrchr(replay->file, '/');
	const size_t folder = slash == NULL ? 0 : (size_t)(slash - replay->file) + 1;
	char given[LONGEST_PATH];
	enum iommusim_status status = replay_string(replay, name, given, sizeof(given));

	if (status != IOMMUSIM_OK)
		return status;
	if (given[0] == '/') {
		memcpy(path, given, strlen(given) + 1);
		return IOMMUSIM_OK;
	}
	if (folder + strlen(given) >= LONGEST_PATH)
		return replay_refuse(
		    replay, name->at, "a file name of more than %d bytes", LONGEST_PATH - 1);
	if (folder != 0)
		memcpy(path, replay->file, folder);
	memcpy(path + folder, given, strlen(given) + 1);
	return IOMMUSIM_OK;
}

/* All of a stream into `buffer`, which keeps what it has when it grows. */
static enum iommusim_status slurp(
    struct replay *replay, FILE *stream, struct buffer *buffer, size_t *size)
{
	while (!feof(stream) && !ferror(stream)) {
		if (*size == buffer->capacity) {
			struct buffer larger = { .bytes = NULL };

			if (*size >= LARGEST_TABLE_FILE)
				return IOMMUSIM_EFORMAT;
			if (!replay_room(replay, &larger, *size == 0 ? 4096 : *size * 2))
				return IOMMUSIM_ENOMEM;
			if (*size != 0)
				memcpy(larger.bytes, buffer->bytes, *size);
			replay_release(replay, buffer->bytes, buffer->capacity);
			*buffer = larger;
		}
		*size += fread(buffer->bytes + *size, 1, buffer->capacity - *size, stream);
	}
	return ferror(stream) ? IOMMUSIM_EIO : IOMMUSIM_OK;
}

static enum iommusim_status read_file(
    struct replay *replay, const struct value *name, struct buffer *buffer, size_t *size)
{
	char path[LONGEST_PATH];
	enum iommusim_status status = locate(replay, name, path);
	FILE *stream;

	if (status != IOMMUSIM_OK)
		return status;
	errno = 0;
	stream = fopen(path, "rb");
	if (stream != NULL) {
		status = slurp(replay, stream, buffer, size);
		fclose(stream);
	}
	if (stream == NULL || status == IOMMUSIM_EIO)
		return replay_stop(
		    replay, IOMMUSIM_EIO, name->at, "cannot read %.150s: %s", path, strerror(errno));
	if (status == IOMMUSIM_ENOMEM)
		return replay_no_memory(replay);
	if (status != IOMMUSIM_OK)
		return replay_refuse(replay, name->at, "%.150s: larger than any ACPI table", path);
	return IOMMUSIM_OK;
}

/* Make the units a usable table speaks of; of an unusable one only software will hear. */
static enum iommusim_status make_units(
    struct replay *replay, const struct value *at, const uint8_t *table, size_t length)
{
	struct iommusim_dmar *parsed = NULL;
	enum iommusim_status status = iommusim_dmar_parse(table, length, &parsed);

	if (status == IOMMUSIM_ENOMEM)
		return replay_no_memory(replay);
	if (status != IOMMUSIM_OK)
		return IOMMUSIM_OK;
	if (parsed->usable)
		status = iommusim_vtd_create_from_dmar(
		    replay->machine, parsed, replay->preset, &replay->settings);
	iommusim_dmar_free(parsed);
	return status == IOMMUSIM_OK ? IOMMUSIM_OK : refuse_call(replay, at->at, status);
}

static enum iommusim_status install(
    struct replay *replay, const struct value *at, const uint8_t *table, size_t length, bool with_units)
{
	enum iommusim_status status;

	if (length < ACPI_HEADER_BYTES)
		return replay_refuse(replay, at->at, "a table of %zu bytes; the header alone has %d",
		    length, ACPI_HEADER_BYTES);
	status = iommusim_acpi_install(replay->machine, table, length);
	if (status != IOMMUSIM_OK)
		return refuse_call(replay, at->at, status);
	return with_units ? make_units(replay, at, table, length) : IOMMUSIM_OK;
}

static enum iommusim_status install_file(
    struct replay *replay, const struct value *name, bool with_units)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	struct buffer buffer = { .bytes = NULL };
	char signature[5];
	size_t size = 0, length;
	enum iommusim_status status = read_file(replay, name, &buffer, &size);

	if (status == IOMMUSIM_OK) {
		status = iommusim_acpi_extract(
		    buffer.bytes, size, buffer.bytes, &length, signature, &problem);
		if (status == IOMMUSIM_OK)
			status = install(replay, name, buffer.bytes, length, with_units);
		else if (problem.column != 0)
			replay_refuse(replay, name->at, "%.*s: line %u, column %u: %s",
			    SLICE(name->text), problem.line, problem.column, problem.text);
		else
			replay_refuse(replay, name->at, "%.*s: %s", SLICE(name->text), problem.text);
	}
	replay_release(replay, buffer.bytes, buffer.capacity);
	return status;
}

static enum iommusim_status install_hex(struct replay *replay, const struct value *hex, bool with_units)
{
	size_t length;
	enum iommusim_status status = replay_bytes(replay, hex, &replay->data, &length);

	return status == IOMMUSIM_OK ? install(replay, hex, replay->data.bytes, length, with_units)
				     : status;
}

static enum iommusim_status install_board(struct replay *replay, struct statement *statement)
{
	const struct value *file = argument(statement, ARG_machine_acpi);
	const struct value *hex = argument(statement, ARG_machine_acpi_hex);
	const struct value *iommu = argument(statement, ARG_machine_iommu);
	const bool with_units = slice_is(iommu->text, "vtd");
	uint8_t table[BOARD_TABLE_BYTES];

	if (file->kind != VALUE_ABSENT && hex->kind != VALUE_ABSENT)
		return replay_refuse(replay, hex->at, "acpi= or acpi_hex= names the table, not both");
	if (file->kind != VALUE_ABSENT)
		return install_file(replay, file, with_units);
	if (hex->kind != VALUE_ABSENT)
		return install_hex(replay, hex, with_units);
	if (!with_units)
		return IOMMUSIM_OK;
	board_table(table);
	return install(replay, iommu, table, sizeof(table), true);
}

/* ---- machine(), memory() -------------------------------------------------------------------------------- */

static enum iommusim_status make_machine(struct replay *replay, struct statement *statement)
{
	const struct iommusim_machine_config config = {
		.allocator = &replay->allocator,
		.seed = replay->options->has_seed ? replay->options->seed
						  : argument_number(statement, ARG_machine_seed, 0),
	};
	const enum iommusim_status status = iommusim_machine_create(&config, &replay->machine);

	if (status != IOMMUSIM_OK)
		return status == IOMMUSIM_ENOMEM
		    ? replay_no_memory(replay)
		    : replay_refuse(replay, statement->at, "an allocator with a missing callback");
	replay->machine_line = replay->lexer.line;
	return IOMMUSIM_OK;
}

/* After the board: where that has registers, there is no RAM. */
static enum iommusim_status add_ram(struct replay *replay, struct statement *statement)
{
	const struct value *memory = argument(statement, ARG_machine_memory);
	enum iommusim_status status;

	if (memory->number == 0)
		return IOMMUSIM_OK; /* memory() says what there is */
	status = iommusim_memory_add_pc_ram(replay->machine, memory->number);
	return status == IOMMUSIM_OK ? IOMMUSIM_OK : refuse_call(replay, memory->at, status);
}

enum iommusim_status run_machine(struct replay *replay, struct statement *statement)
{
	const struct value *iommu = argument(statement, ARG_machine_iommu);
	enum iommusim_status status;

	if (slice_is(iommu->text, "amdvi"))
		return replay_stop(replay, IOMMUSIM_EOPNOTSUPP, iommu->at,
		    "iommu=amdvi: AMD-Vi is not modelled yet; vtd and none are");
	replay->cpu =
	    (enum iommusim_cpu)argument_number(statement, ARG_machine_cpu, IOMMUSIM_CPU_INTEL);
	status = choose_profile(replay, statement);
	if (status == IOMMUSIM_OK)
		status = choose_preset(replay, statement);
	if (status == IOMMUSIM_OK)
		status = choose_settings(replay, statement);
	if (status == IOMMUSIM_OK)
		status = make_machine(replay, statement);
	if (status == IOMMUSIM_OK)
		status = install_board(replay, statement);
	return status == IOMMUSIM_OK ? add_ram(replay, statement) : status;
}

enum iommusim_status run_memory(struct replay *replay, struct statement *statement)
{
	const struct value *base = argument(statement, ARG_memory_base);
	const enum iommusim_status status = iommusim_memory_add(replay->machine, base->number,
	    argument(statement, ARG_memory_size)->number, IOMMUSIM_MEMORY_RAM);

	return status == IOMMUSIM_OK ? IOMMUSIM_OK : refuse_call(replay, base->at, status);
}
