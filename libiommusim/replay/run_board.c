/* What machine() puts on the board: firmware's table and the units it speaks of. Other units: run_unit.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <iommusim/amdvi.h>

#include "models/vtd/spec/dmar.h"
#include "replay/board.h"
#include "replay/run.h"

enum { LONGEST_PATH = 4096 };

#define LARGEST_TABLE_FILE ((size_t)64 << 20) /* all tables of a machine as text take a few MiB */

enum iommusim_status board_refuse(struct replay *replay, const char *at, enum iommusim_status status)
{
	if (status == IOMMUSIM_ENOMEM)
		return replay_no_memory(replay);
	return replay_refuse(replay, at, "%s", iommusim_machine_diagnostic(replay->machine)->text);
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

static enum iommusim_status make_vtd_units(struct replay *replay, const uint8_t *table, size_t length)
{
	struct iommusim_dmar *parsed = NULL;
	enum iommusim_status status = iommusim_dmar_parse(table, length, &parsed);

	if (status == IOMMUSIM_OK && parsed->usable)
		status = iommusim_vtd_create_from_dmar(
		    replay->machine, parsed, replay->preset, &replay->settings);
	iommusim_dmar_free(parsed);
	return status == IOMMUSIM_EFORMAT ? IOMMUSIM_OK : status;
}

static enum iommusim_status make_amdvi_units(struct replay *replay, const uint8_t *table, size_t length)
{
	struct iommusim_ivrs *parsed = NULL;
	enum iommusim_status status = iommusim_ivrs_parse(table, length, &parsed);

	if (status == IOMMUSIM_OK && parsed->usable)
		status = iommusim_amdvi_create_from_ivrs(
		    replay->machine, parsed, replay->preset, &replay->settings);
	iommusim_ivrs_free(parsed);
	return status == IOMMUSIM_EFORMAT ? IOMMUSIM_OK : status;
}

/* Make the units a usable table speaks of; of an unusable one only software will hear. */
static enum iommusim_status make_units(
    struct replay *replay, const struct value *at, const uint8_t *table, size_t length)
{
	const enum iommusim_status status = replay->vendor == IOMMUSIM_VENDOR_AMDVI
	    ? make_amdvi_units(replay, table, length)
	    : make_vtd_units(replay, table, length);

	return status == IOMMUSIM_OK ? IOMMUSIM_OK : board_refuse(replay, at->at, status);
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
		return board_refuse(replay, at->at, status);
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

static enum iommusim_status install_default(struct replay *replay, const struct value *iommu)
{
	struct iommusim_amdvi_config amdvi;
	uint8_t desktop[BOARD_TABLE_BYTES], ivrs[BOARD_IVRS_BYTES];

	if (replay->vendor != IOMMUSIM_VENDOR_AMDVI) {
		board_table(desktop);
		return install(replay, iommu, desktop, sizeof(desktop), true);
	}
	iommusim_amdvi_preset(replay->preset, &amdvi);
	board_ivrs(amdvi.features, amdvi.features2, ivrs);
	return install(replay, iommu, ivrs, sizeof(ivrs), true);
}

enum iommusim_status board_install(struct replay *replay, struct statement *statement)
{
	const struct value *file = argument(statement, ARG_machine_acpi);
	const struct value *hex = argument(statement, ARG_machine_acpi_hex);
	const struct value *iommu = argument(statement, ARG_machine_iommu);
	const bool with_units = !slice_is(iommu->text, "none");
	const struct value *table = file->kind != VALUE_ABSENT ? file : hex;

	if (file->kind != VALUE_ABSENT && hex->kind != VALUE_ABSENT)
		return replay_refuse(replay, hex->at, "acpi= or acpi_hex= names the table, not both");
	if (replay->adapted || table->kind == VALUE_ABSENT)
		return with_units ? install_default(replay, iommu) : IOMMUSIM_OK;
	return table == file ? install_file(replay, file, with_units)
			     : install_hex(replay, hex, with_units);
}
