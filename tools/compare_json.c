/* `iommusim compare --json`: one object a line: the rows, the policies that differ, a summary last. */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "compare.h"

/* Put `value` into `object`. NULL, from json-c without memory, is noted and left out. */
static void add(struct comparison *comparison, struct json_object *object, const char *name,
    struct json_object *value)
{
	if (value != NULL && object != NULL && json_object_object_add(object, name, value) == 0)
		return;
	json_object_put(value);
	comparison->out_of_memory = true;
}

static void add_text(
    struct comparison *comparison, struct json_object *object, const char *name, const char *text)
{
	add(comparison, object, name, json_object_new_string(text));
}

static void add_number(
    struct comparison *comparison, struct json_object *object, const char *name, uint64_t number)
{
	add(comparison, object, name, json_object_new_uint64(number));
}

static void add_bool(
    struct comparison *comparison, struct json_object *object, const char *name, bool value)
{
	add(comparison, object, name, json_object_new_boolean(value));
}

/* The object of that name in `object`, made when it is not there. NULL: no memory. */
static struct json_object *object_in(
    struct comparison *comparison, struct json_object *object, const char *name)
{
	struct json_object *inner = NULL;

	if (object == NULL || json_object_object_get_ex(object, name, &inner))
		return inner;
	inner = json_object_new_object();
	add(comparison, object, name, inner);
	return comparison->out_of_memory ? NULL : inner;
}

static void print_line(struct comparison *comparison, struct json_object *line)
{
	const char *text = NULL;

	if (!comparison->out_of_memory)
		text = json_object_to_json_string_ext(
		    line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text == NULL)
		comparison->out_of_memory = true;
	else
		puts(text);
	json_object_put(line);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static void add_findings(
    struct comparison *comparison, struct json_object *object, const struct compare_cell *cell)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; list != NULL && i < IOMMUSIM_FINDING_COUNT; i++)
		if ((cell->findings >> i & 1) != 0)
			json_object_array_add(list,
			    json_object_new_string(iommusim_finding_name((enum iommusim_finding_id)i)));
	add(comparison, object, "findings", list);
}

static void add_cell(struct comparison *comparison, struct json_object *object,
    const struct compare_row *row, unsigned column)
{
	const struct compare_cell *cell = row->cells[column];

	add_bool(comparison, object, "ran", row->ran[column]);
	if (cell == NULL)
		return;
	if (cell->is_dma)
		add_text(comparison, object, "verdict", iommusim_verdict_name(cell->verdict));
	if (cell->fault != 0)
		add_number(comparison, object, "fault", cell->fault);
	if (cell->copied != 0)
		add_number(comparison, object, "bytes_copied", cell->copied);
	if (cell->blamed != NULL)
		add_text(comparison, object, "blamed", cell->blamed);
	if (cell->known != NULL)
		add_text(comparison, object, "known", cell->known);
	if (cell->result != NULL)
		add_text(comparison, object, "result", cell->result);
	if (cell->findings != 0)
		add_findings(comparison, object, cell);
}

static void show_row(struct comparison *comparison, const struct compare_row *row)
{
	struct json_object *line = json_object_new_object();
	struct json_object *object = object_in(comparison, line, "row");
	struct json_object *results;

	add_number(comparison, object, "line", row->line);
	add_text(comparison, object, "statement", row->statement);
	add_bool(comparison, object, "differs", row->differs);
	results = object_in(comparison, object, "results");
	for (unsigned i = 0; i < comparison->column_count; i++)
		add_cell(
		    comparison, object_in(comparison, results, comparison->columns[i].name), row, i);
	print_line(comparison, line);
}

/* ---- policies ------------------------------------------------------------------------------------------ */

static void show_policy(struct comparison *comparison, const struct iommusim_policy *policies)
{
	struct json_object *line = json_object_new_object();
	struct json_object *object = object_in(comparison, line, "policy");
	struct json_object *cells;

	add_text(comparison, object, "column", policies[0].column);
	add_text(comparison, object, "title", policies[0].title);
	cells = object_in(comparison, object, "profiles");
	for (unsigned i = 0; i < comparison->column_count; i++) {
		struct json_object *cell = object_in(comparison, cells, comparison->columns[i].name);

		add_text(comparison, cell, "value", policies[i].value);
		add_text(comparison, cell, "meaning", policies[i].meaning);
		add_text(comparison, cell, "source", policies[i].source);
		add_bool(comparison, cell, "assumed", policies[i].assumed);
	}
	print_line(comparison, line);
}

static void show_policies(struct comparison *comparison)
{
	struct iommusim_policy policies[COMPARE_COLUMNS];
	bool beyond = false;

	for (size_t i = 0; !beyond; i++)
		if (compare_policy(comparison, i, policies, &beyond))
			show_policy(comparison, policies);
}

/* ---- the summary --------------------------------------------------------------------------------------- */

/* "calls/total" becomes {"calls":{"total":...}}. */
static void add_total(struct comparison *comparison, struct json_object *object,
    const struct compare_total *total, uint64_t value)
{
	const char *slash = strchr(total->name, '/');
	char group[sizeof(total->name)];

	if (slash == NULL) {
		add_number(comparison, object, total->name, value);
		return;
	}
	snprintf(group, sizeof(group), "%.*s", (int)(slash - total->name), total->name);
	add_number(comparison, object_in(comparison, object, group), slash + 1, value);
}

static void add_profile(struct comparison *comparison, struct json_object *profiles, unsigned column)
{
	const struct compare_column *of = &comparison->columns[column];
	struct json_object *object = object_in(comparison, profiles, of->name);

	add_text(comparison, object, "machine", of->summary.machine);
	add_bool(comparison, object, "complete", of->status == IOMMUSIM_OK);
	add_number(comparison, object, "statements", of->summary.calls);
	for (size_t i = 0; i < comparison->total_count; i++)
		if (comparison->totals[i].name[0] != '\0')
			add_total(comparison, object, &comparison->totals[i],
			    comparison->totals[i].values[column]);
}

static void show_summary(struct comparison *comparison)
{
	struct json_object *line = json_object_new_object();
	struct json_object *object = object_in(comparison, line, "summary");
	struct json_object *names = json_object_new_array(), *profiles;

	add_text(comparison, object, "file", comparison->file);
	for (unsigned i = 0; names != NULL && i < comparison->column_count; i++)
		json_object_array_add(names, json_object_new_string(comparison->columns[i].name));
	add(comparison, object, "vmm", names);
	profiles = object_in(comparison, object, "profiles");
	for (unsigned i = 0; i < comparison->column_count; i++)
		add_profile(comparison, profiles, i);
	print_line(comparison, line);
}

void compare_json(struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->row_count; i++)
		show_row(comparison, &comparison->rows[i]);
	show_policies(comparison);
	show_summary(comparison);
}
