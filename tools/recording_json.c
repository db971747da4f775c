/* A recording's replay for programs: an object for each parting, a summary last. */
#include <stdio.h>

#include "recording_show.h"

/* Put `value` into `object`; false, and it is gone, when json-c has no memory. */
static bool add(struct json_object *object, const char *name, struct json_object *value)
{
	if (value != NULL && object != NULL && json_object_object_add(object, name, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static bool add_number(struct json_object *object, const char *name, uint64_t number)
{
	return add(object, name, json_object_new_uint64(number));
}

static bool add_text(struct json_object *object, const char *name, const char *text)
{
	return add(object, name, json_object_new_string(text));
}

/* {"name": {...}} on a line of its own; it takes `inner`, whose making went as `good` says. */
static void print_line(
    struct recording_show *show, const char *name, struct json_object *inner, bool good)
{
	struct json_object *line = json_object_new_object();
	const char *text = NULL;

	good = add(line, name, inner) && good;
	if (good)
		text = json_object_to_json_string_ext(
		    line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text == NULL)
		show->out_of_memory = true;
	else
		puts(text);
	json_object_put(line);
}

static void show_parting(void *context, const struct recording_parting *parting)
{
	struct json_object *object = json_object_new_object();
	bool good =
	    add_number(object, "line", parting->line) && add_text(object, "what", parting->what);

	if (parting->checkpoint != 0)
		good = good && add_number(object, "checkpoint", parting->checkpoint);
	if (parting->has_rid)
		good = good && add_number(object, "rid", parting->rid);
	if (parting->access[0] != '\0')
		good = good && add_text(object, "access", parting->access);
	good = good && add_number(object, "address", parting->address) &&
	    add_text(object, "expected", parting->expected) && add_text(object, "got", parting->got);
	if (parting->tables[0] != '\0')
		good = good && add_text(object, "tables", parting->tables);
	print_line(context, "parting", object, good);
}

static void show_progress(void *context, uint32_t line)
{
	(void)context;
	(void)line;
}

void recording_json_watcher(struct recording_watcher *watcher)
{
	watcher->parted = show_parting;
	watcher->progress = show_progress;
}

/* ---- summaries ----------------------------------------------------------------------------------------- */

static struct json_object *agreement_of(const struct recording_agreement *agreement)
{
	struct json_object *object = json_object_new_object();

	if (add_number(object, "total", agreement->total) &&
	    add_number(object, "agree", agreement->agree))
		return object;
	json_object_put(object);
	return NULL;
}

static bool add_registers(struct json_object *object, const struct recording_summary *summary)
{
	struct json_object *registers = json_object_new_object();
	const bool good = add_number(registers, "writes", summary->writes) &&
	    add_number(registers, "reads", summary->reads) &&
	    add_number(registers, "reads_differ", summary->reads_differ);

	return add(object, "mmio", registers) && good;
}

static bool add_config(struct json_object *object, const struct recording_summary *summary)
{
	struct json_object *config = json_object_new_object();
	const bool good = add_number(config, "writes", summary->config_writes) &&
	    add_number(config, "reads", summary->config_reads) &&
	    add_number(config, "reads_differ", summary->config_reads_differ);

	return add(object, "config", config) && good;
}

static bool add_faults(struct json_object *object, const struct recording_summary *summary)
{
	struct json_object *faults = agreement_of(&summary->faults);
	const bool good = add_number(faults, "legacy_reasons", summary->legacy_reasons);

	return add(object, "faults", faults) && good;
}

static bool add_interrupts(struct json_object *object, const struct recording_summary *summary)
{
	struct json_object *interrupts = agreement_of(&summary->interrupts);
	const bool good = add_number(interrupts, "source_unknown", summary->source_unknown) &&
	    add_number(interrupts, "compatibility_passed", summary->compatibility_passed);

	return add(object, "interrupts", interrupts) && good;
}

static bool add_events(struct json_object *object, const struct recording_summary *summary)
{
	struct json_object *events = json_object_new_object();
	const bool good = add_number(events, "recorded", summary->events_recorded) &&
	    add_number(events, "sent", summary->events_sent);

	return add(object, "events", events) && good;
}

/* What the summaries of a file and of several have in common. */
static bool add_counts(struct json_object *object, const struct recording_summary *summary)
{
	return add_number(object, "lines", summary->lines) && add_registers(object, summary) &&
	    add_config(object, summary) &&
	    add(object, "translations", agreement_of(&summary->translations)) &&
	    add_faults(object, summary) && add_interrupts(object, summary) &&
	    add_events(object, summary);
}

static bool add_checkpoints(struct json_object *object, const struct recording_summary *summary)
{
	struct json_object *list = json_object_new_array();
	bool good = list != NULL;

	for (size_t i = 0; good && i < summary->checkpoint_count; i++) {
		const struct recording_checkpoint *checkpoint = &summary->checkpoints[i];
		struct json_object *one = json_object_new_object();

		good = add_number(one, "n", checkpoint->number) &&
		    add_number(one, "pages", checkpoint->pages.total) &&
		    add_number(one, "agree", checkpoint->pages.agree);
		if (!good || json_object_array_add(list, one) != 0) {
			json_object_put(one);
			good = false;
		}
	}
	return add(object, "checkpoints", list) &&
	    add_number(object, "checkpoints_not_compared", summary->checkpoints_alone) && good;
}

static void show_problem(struct recording_show *show, const struct recording_problem *problem)
{
	struct json_object *object = json_object_new_object();
	const bool good = add_text(object, "file", problem->file) &&
	    add_number(object, "line", problem->about.line) &&
	    add_number(object, "column", problem->about.column) &&
	    add_text(object, "text", problem->about.text);

	print_line(show, "error", object, good);
}

void recording_json_end(struct recording_show *show, const struct recording_problem *problem)
{
	struct json_object *object = json_object_new_object();
	bool good;

	if (problem != NULL)
		show_problem(show, problem);
	good = add_text(object, "file", show->file) &&
	    add_text(object, "machine", show->summary->machine) && add_counts(object, show->summary) &&
	    add_checkpoints(object, show->summary);
	print_line(show, "summary", object, good);
}

bool recording_json_total(const struct recording_total *total, struct json_object *object)
{
	return add_number(object, "recordings", total->files) && add_counts(object, &total->sum) &&
	    add(object, "checkpoint_pages", agreement_of(&total->checkpoint_pages));
}
