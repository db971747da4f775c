/* `iommusim replay --json`: one object a line, a summary last. */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "recording_show.h"
#include "replay_show.h"

/* Put `value` into `object`. NULL, from json-c without memory, is noted and left out. */
static void add(
    struct replay_show *show, struct json_object *object, const char *name, struct json_object *value)
{
	if (value != NULL && object != NULL && json_object_object_add(object, name, value) == 0)
		return;
	json_object_put(value);
	show->out_of_memory = true;
}

static void add_number(
    struct replay_show *show, struct json_object *object, const char *name, uint64_t number)
{
	add(show, object, name, json_object_new_uint64(number));
}

static void add_text(
    struct replay_show *show, struct json_object *object, const char *name, const char *text)
{
	add(show, object, name, json_object_new_string(text));
}

/* {"name": {...}}: `*line` is the outer object, which print_line() ends. */
static struct json_object *open_line(
    struct replay_show *show, const char *name, struct json_object **line)
{
	struct json_object *inner = json_object_new_object();

	*line = json_object_new_object();
	add(show, *line, name, inner);
	return show->out_of_memory ? NULL : inner;
}

static void print_line(struct replay_show *show, struct json_object *line)
{
	const char *text = NULL;

	if (!show->out_of_memory)
		text = json_object_to_json_string_ext(
		    line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text == NULL)
		show->out_of_memory = true;
	else
		puts(text);
	json_object_put(line);
}

/* ---- callbacks ----------------------------------------------------------------------------------------- */

static void put(void *context, const char *text, size_t length)
{
	(void)context;
	fwrite(text, 1, length, stdout);
}

static void show_failure(void *context, uint32_t line, const char *statement, const char *text)
{
	struct replay_show *show = context;
	struct json_object *whole, *object = open_line(show, "failure", &whole);

	add_number(show, object, "line", line);
	add_text(show, object, "statement", statement);
	add_text(show, object, "text", text);
	print_line(show, whole);
}

static void show_dma(void *context, const struct iommusim_check *check, uint32_t line,
    const char *statement, const struct iommusim_report *report, bool expected)
{
	struct replay_show *show = context;
	const struct iommusim_text out = { .put = put };

	(void)line;
	(void)statement;
	(void)expected;
	if (iommusim_report_json(check, report, &out) != IOMMUSIM_OK)
		show->out_of_memory = true;
}

static void show_finding(void *context, const struct iommusim_finding *finding, bool expected)
{
	struct replay_show *show = context;
	struct json_object *whole, *object = open_line(show, "finding", &whole);

	add_text(show, object, "id", iommusim_finding_name(finding->id));
	add_number(show, object, "line", finding->place.line);
	add_text(show, object, "text", finding->text);
	add(show, object, "expected", json_object_new_boolean(expected));
	print_line(show, whole);
}

static void show_init(void *context, const struct iommusim_vmm *vmm, const struct iommusim_check *check)
{
	struct replay_show *show = context;
	struct iommusim_init_report report;
	struct json_object *whole, *object;

	(void)check;
	iommusim_init_report(vmm, &report);
	if (report.outcome == IOMMUSIM_INIT_DONE || report.outcome == IOMMUSIM_INIT_NOT_REACHED)
		return;
	object = open_line(show, "init", &whole);
	add_text(show, object, "outcome", iommusim_init_outcome_name(report.outcome));
	add_text(show, object, "text", report.text);
	add_text(show, object, "advice", report.advice);
	add(show, object, "told", json_object_new_boolean(report.told));
	print_line(show, whole);
}

void replay_json_callbacks(struct iommusim_replay_options *options)
{
	options->on_dma = show_dma;
	options->on_finding = show_finding;
	options->on_failure = show_failure;
	options->on_end = show_init;
}

/* ---- summaries ----------------------------------------------------------------------------------------- */

static void add_dma(
    struct replay_show *show, struct json_object *object, const struct iommusim_replay_summary *summary)
{
	struct json_object *dma = json_object_new_object();

	add_number(show, dma, "total", summary->dma_total);
	for (unsigned i = 0; i < IOMMUSIM_VERDICT_COUNT; i++)
		add_number(show, dma, iommusim_verdict_name((enum iommusim_verdict)i), summary->dma[i]);
	add(show, object, "dma", dma);
}

static void add_findings(struct replay_show *show, struct json_object *object, const char *name,
    const uint64_t counts[IOMMUSIM_FINDING_COUNT])
{
	struct json_object *findings = json_object_new_object();

	for (unsigned i = 0; i < IOMMUSIM_FINDING_COUNT; i++)
		if (counts[i] != 0)
			add_number(show, findings, iommusim_finding_name((enum iommusim_finding_id)i),
			    counts[i]);
	add(show, object, name, findings);
}

/* What the summaries of a file and of all files have in common. */
static void add_counts(
    struct replay_show *show, struct json_object *object, const struct iommusim_replay_summary *summary)
{
	struct json_object *expectations = json_object_new_object();
	struct json_object *unexpected = json_object_new_object();

	add_number(show, object, "calls", summary->calls);
	add_dma(show, object, summary);
	add_findings(show, object, "findings", summary->findings);
	add_findings(show, object, "suppressed", summary->suppressed);
	add_number(show, expectations, "met", summary->expectations_met);
	add_number(show, expectations, "failed", summary->expectations_failed);
	add(show, object, "expectations", expectations);
	add_number(show, unexpected, "dma", summary->unexpected_dma);
	add_number(show, unexpected, "findings", summary->unexpected_findings);
	add(show, object, "unexpected", unexpected);
}

static void show_problem(struct replay_show *show, const struct iommusim_diagnostic *problem)
{
	struct json_object *whole, *object = open_line(show, "error", &whole);

	add_text(show, object, "file", show->file);
	add_number(show, object, "line", problem->line);
	add_number(show, object, "column", problem->column);
	add_text(show, object, "text", problem->text);
	print_line(show, whole);
}

void replay_json_end(struct replay_show *show, const struct iommusim_diagnostic *problem)
{
	const struct iommusim_replay_summary *summary = show->summary;
	struct json_object *whole, *object, *sysctls = json_object_new_object();

	if (problem != NULL)
		show_problem(show, problem);
	object = open_line(show, "summary", &whole);
	add_text(show, object, "file", show->file);
	add_text(show, object, "vmm", summary->profile);
	add_text(show, object, "machine", summary->machine);
	add_counts(show, object, summary);
	for (uint32_t i = 0; i < summary->sysctl_count; i++)
		add_number(show, sysctls, iommusim_sysctl_name(i), summary->sysctl_values[i]);
	add(show, object, "sysctl", sysctls);
	print_line(show, whole);
}

void replay_json_total(struct replay_show *show, const struct iommusim_replay_summary *total,
    size_t files, const struct recording_total *recordings)
{
	struct json_object *whole, *object = open_line(show, "total", &whole);

	add_number(show, object, "files", files);
	if (files > recordings->files)
		add_counts(show, object, total);
	if (recordings->files != 0 && object != NULL && !recording_json_total(recordings, object))
		show->out_of_memory = true;
	print_line(show, whole);
}
