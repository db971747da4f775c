/* vtd_unit(), amdvi_unit(): units by their register values, and the words a scope is written in. */
#include <string.h>

#include <iommusim/amdvi.h>

#include "replay/amdvi_choices.h"
#include "replay/board.h"
#include "replay/run.h"

#define LONGEST_PATH_HOPS 32u

/* A scope in words: "endpoint 0:2.0, bridge 0:1c.0/0.0", hexadecimal as lspci has it. */
struct scope_reader {
	const char *at;
	const char *end;
};

static void skip_blanks(struct scope_reader *reader)
{
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t'))
		reader->at++;
}

static bool take(struct scope_reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

/* One or two hexadecimal digits. */
static bool take_byte(struct scope_reader *reader, unsigned most, uint8_t *value)
{
	const char *const start = reader->at;
	unsigned number = 0, digits = 0;

	while (digits < 2 && reader->at < reader->end && hex_digit(*reader->at) >= 0) {
		number = number << 4 | (unsigned)hex_digit(*reader->at++);
		digits++;
	}
	*value = (uint8_t)number;
	if (digits != 0 && number <= most)
		return true;
	reader->at = start;
	return false;
}

static bool take_type(struct scope_reader *reader, uint8_t *type)
{
	for (unsigned i = IOMMUSIM_SCOPE_ENDPOINT; i <= IOMMUSIM_SCOPE_ACPI; i++) {
		const char *name = iommusim_dmar_scope_name(i);
		const size_t length = strlen(name);

		if ((size_t)(reader->end - reader->at) < length ||
		    memcmp(reader->at, name, length) != 0)
			continue;
		reader->at += length;
		*type = (uint8_t)i;
		return true;
	}
	return false;
}

/* TYPE BUS:DEVICE.FUNCTION{/DEVICE.FUNCTION}: every hop but the last is a bridge. */
static bool take_scope(
    struct scope_reader *reader, struct iommusim_dmar_scope *scope, struct iommusim_dmar_hop *hops)
{
	unsigned count = 0;

	skip_blanks(reader);
	if (!take_type(reader, &scope->type))
		return false;
	skip_blanks(reader);
	if (!take_byte(reader, 0xff, &scope->start_bus) || !take(reader, ':'))
		return false;
	do {
		struct iommusim_dmar_hop *hop = &hops[count++];

		if (!take_byte(reader, 0x1f, &hop->device) || !take(reader, '.') ||
		    !take_byte(reader, 7, &hop->function))
			return false;
	} while (count < LONGEST_PATH_HOPS && take(reader, '/'));
	scope->hops = hops;
	scope->hop_count = (uint8_t)count;
	skip_blanks(reader);
	return true;
}

static enum iommusim_status add_scopes(
    struct replay *replay, struct iommusim_unit *unit, const struct value *words)
{
	struct scope_reader reader = { words->text.at, words->text.at + words->text.length };

	do {
		struct iommusim_dmar_hop hops[LONGEST_PATH_HOPS];
		struct iommusim_dmar_scope scope = { .offset = 0 };

		if (!take_scope(&reader, &scope, hops))
			return replay_refuse(replay, reader.at,
			    "expected a scope as TYPE BUS:DEVICE.FUNCTION in hexadecimal, such as "
			    "\"endpoint 0:2.0, bridge 0:1c.0/0.0\"");
		if (iommusim_unit_add_scope(unit, &scope) != IOMMUSIM_OK)
			return replay_no_memory(replay);
	} while (take(&reader, ','));
	if (reader.at != reader.end)
		return replay_refuse(replay, reader.at, "expected `,` or the end of the scope");
	return IOMMUSIM_OK;
}

static bool take_id(struct scope_reader *reader, uint16_t *id)
{
	uint8_t bus, device, function;

	skip_blanks(reader);
	if (!take_byte(reader, 0xff, &bus) || !take(reader, ':') || !take_byte(reader, 0x1f, &device) ||
	    !take(reader, '.') || !take_byte(reader, 7, &function))
		return false;
	*id = IOMMUSIM_RID(bus, device, function);
	skip_blanks(reader);
	return true;
}

/* FIRST{-LAST}{>ALIAS}: an alias is what the requests carry instead. */
static bool take_range(struct scope_reader *reader, struct iommusim_unit_range *range)
{
	if (!take_id(reader, &range->first))
		return false;
	range->last = range->first;
	if (take(reader, '-') && !take_id(reader, &range->last))
		return false;
	range->aliased = take(reader, '>');
	return range->first <= range->last && (!range->aliased || take_id(reader, &range->alias));
}

static enum iommusim_status add_ranges(
    struct replay *replay, struct iommusim_unit *unit, const struct value *words)
{
	struct scope_reader reader = { words->text.at, words->text.at + words->text.length };

	do {
		struct iommusim_unit_range range = { .first = 0 };

		if (!take_range(&reader, &range))
			return replay_refuse(replay, reader.at,
			    "expected BUS:DEVICE.FUNCTION{-BUS:DEVICE.FUNCTION}{>BUS:DEVICE.FUNCTION} "
			    "in hexadecimal, such as \"0:1.0-fe:1f.7, ff:0.0>0:14.5\"");
		if (iommusim_unit_add_range(unit, &range) != IOMMUSIM_OK)
			return replay_no_memory(replay);
	} while (take(&reader, ','));
	if (reader.at != reader.end)
		return replay_refuse(replay, reader.at, "expected `,` or the end of the ids");
	return IOMMUSIM_OK;
}

static enum iommusim_status check_range(struct replay *replay, const struct value *value, uint64_t most)
{
	if (value->kind == VALUE_ABSENT || value->number <= most)
		return IOMMUSIM_OK;
	return replay_refuse(
	    replay, value->at, "0 to 0x%llx is possible here", (unsigned long long)most);
}

static enum iommusim_status govern(struct replay *replay, struct iommusim_unit *unit,
    const struct value *all, const struct value *scope)
{
	if (all->kind != VALUE_ABSENT && all->number != 0)
		iommusim_unit_include_all(unit);
	return scope->kind == VALUE_ABSENT ? IOMMUSIM_OK : add_scopes(replay, unit, scope);
}

enum iommusim_status run_vtd_unit(struct replay *replay, struct statement *statement)
{
	const struct value *scope = argument(statement, ARG_vtd_unit_scope);
	struct iommusim_vtd_config config = { .settings = replay->settings };
	struct iommusim_unit *unit;
	enum iommusim_status status;

	if (check_range(replay, argument(statement, ARG_vtd_unit_version), UINT32_MAX) != IOMMUSIM_OK ||
	    check_range(replay, argument(statement, ARG_vtd_unit_haw), 64) != IOMMUSIM_OK ||
	    check_range(replay, argument(statement, ARG_vtd_unit_segment), UINT16_MAX) != IOMMUSIM_OK)
		return IOMMUSIM_EFORMAT;
	config.base = argument(statement, ARG_vtd_unit_base)->number;
	config.segment = (uint16_t)argument_number(statement, ARG_vtd_unit_segment, 0);
	config.version = (uint32_t)argument(statement, ARG_vtd_unit_version)->number;
	config.capability = argument(statement, ARG_vtd_unit_cap)->number;
	config.ext_capability = argument(statement, ARG_vtd_unit_ecap)->number;
	config.host_address_width = (uint8_t)argument(statement, ARG_vtd_unit_haw)->number;
	status = iommusim_vtd_create(replay->machine, &config, &unit);
	if (status != IOMMUSIM_OK)
		return board_refuse(replay, argument(statement, ARG_vtd_unit_base)->at, status);
	return govern(replay, unit, argument(statement, ARG_vtd_unit_all), scope);
}

/* "NAME, NAME": each is made. */
static bool take_choice(struct scope_reader *reader, struct iommusim_amdvi_choices *choices)
{
	const char *name;
	bool *choice;

	skip_blanks(reader);
	for (size_t i = 0; (name = amdvi_choice(choices, i, &choice)) != NULL; i++) {
		const size_t length = strlen(name);

		if ((size_t)(reader->end - reader->at) < length ||
		    memcmp(reader->at, name, length) != 0)
			continue;
		reader->at += length;
		skip_blanks(reader);
		*choice = true;
		return true;
	}
	return false;
}

static enum iommusim_status take_choices(
    struct replay *replay, const struct value *words, struct iommusim_amdvi_choices *choices)
{
	struct scope_reader reader = { words->text.at, words->text.at + words->text.length };

	do
		if (!take_choice(&reader, choices))
			return replay_refuse(replay, reader.at,
			    "expected mode_is_page_fault, beyond_table_is_illegal, bit_245_ignored, "
			    "no_512g_leaves or tail_before_entry");
	while (take(&reader, ','));
	if (reader.at != reader.end)
		return replay_refuse(replay, reader.at, "expected `,` or the end of the choices");
	return IOMMUSIM_OK;
}

/* What no register of the capability says: counters, IVHD attributes, choices. */
static enum iommusim_status take_amdvi_rest(
    struct replay *replay, struct statement *statement, struct iommusim_amdvi_config *config)
{
	const struct value *choices = argument(statement, ARG_amdvi_unit_choices);

	if (check_range(replay, argument(statement, ARG_amdvi_unit_counters), UINT8_MAX) !=
		IOMMUSIM_OK ||
	    check_range(replay, argument(statement, ARG_amdvi_unit_banks), UINT8_MAX) != IOMMUSIM_OK)
		return IOMMUSIM_EFORMAT;
	config->counters = (uint8_t)argument_number(statement, ARG_amdvi_unit_counters, 0);
	config->counter_banks = (uint8_t)argument_number(statement, ARG_amdvi_unit_banks, 0);
	config->no_host_tables = argument_number(statement, ARG_amdvi_unit_hatdis, 0) != 0;
	return choices->kind == VALUE_ABSENT ? IOMMUSIM_OK
					     : take_choices(replay, choices, &config->choices);
}

enum iommusim_status run_amdvi_unit(struct replay *replay, struct statement *statement)
{
	const struct value *device = argument(statement, ARG_amdvi_unit_device);
	const struct value *ids = argument(statement, ARG_amdvi_unit_ids);
	struct iommusim_amdvi_config config = { .settings = replay->settings };
	struct iommusim_unit *unit;
	enum iommusim_status status;

	for (unsigned i = ARG_amdvi_unit_header; i <= ARG_amdvi_unit_misc1; i++)
		if (check_range(replay, argument(statement, (enum argument_id)i), UINT32_MAX) !=
		    IOMMUSIM_OK)
			return IOMMUSIM_EFORMAT;
	if (check_range(replay, argument(statement, ARG_amdvi_unit_revision), UINT16_MAX) !=
		IOMMUSIM_OK ||
	    check_range(replay, argument(statement, ARG_amdvi_unit_segment), UINT16_MAX) != IOMMUSIM_OK)
		return IOMMUSIM_EFORMAT;
	config.base = argument(statement, ARG_amdvi_unit_base)->number;
	config.segment = (uint16_t)argument_number(statement, ARG_amdvi_unit_segment, 0);
	config.rid = device->kind == VALUE_ABSENT ? BOARD_AMDVI_RID : device->rid;
	config.features = argument(statement, ARG_amdvi_unit_efr)->number;
	config.features2 = argument_number(statement, ARG_amdvi_unit_efr2, 0);
	config.capability_header = (uint32_t)argument_number(statement, ARG_amdvi_unit_header, 0);
	config.capability_range = (uint32_t)argument_number(statement, ARG_amdvi_unit_range, 0);
	config.capability_misc0 = (uint32_t)argument_number(statement, ARG_amdvi_unit_misc0, 0);
	config.capability_misc1 = (uint32_t)argument_number(statement, ARG_amdvi_unit_misc1, 0);
	config.revision = (uint16_t)argument_number(statement, ARG_amdvi_unit_revision, 0);
	status = take_amdvi_rest(replay, statement, &config);
	if (status != IOMMUSIM_OK)
		return status;
	status = iommusim_amdvi_create(replay->machine, &config, &unit);
	if (status != IOMMUSIM_OK)
		return board_refuse(replay, argument(statement, ARG_amdvi_unit_base)->at, status);
	status = govern(replay, unit, argument(statement, ARG_amdvi_unit_all),
	    argument(statement, ARG_amdvi_unit_scope));
	return status == IOMMUSIM_OK && ids->kind != VALUE_ABSENT ? add_ranges(replay, unit, ids)
								  : status;
}
