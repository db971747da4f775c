/* Results for people (an aligned table) and for programs (a JSON object a line). Nothing is measured. */
#include <string.h>

#include "bench.h"

/* Baselines with a column of their own; the others share one. */
static const char *const columns[] = { "textbook", "textbook-mutex", "call" };

enum { COLUMNS = sizeof(columns) / sizeof(*columns), NAME_COLUMN = 29, TAIL_COLUMN = NAME_COLUMN + 70 };

double bench_ratio(const struct bench_result *result, unsigned index)
{
	return result->series[index].ratio;
}

bool bench_skip(struct bench_result *result, const char *why)
{
	result->skipped = true;
	snprintf(result->text, sizeof(result->text), "%s", why);
	return true;
}

static const struct measured *find(const struct bench_result *result, const char *name)
{
	for (unsigned i = 1; i < result->count; i++)
		if (strcmp(result->series[i].name, name) == 0)
			return &result->series[i];
	return NULL;
}

static bool is_counted(const struct bench_target *target)
{
	return target->against != NULL && strcmp(target->against, BENCH_INSTRUCTIONS) == 0;
}

static bool reached(const struct bench_target *target, const struct bench_result *result)
{
	const struct measured *baseline;

	if (is_counted(target))
		return result->instructions > 0 && result->instructions <= target->limit;
	if (target->against == NULL)
		return result->series[0].median <= target->limit + result->allowance;
	baseline = find(result, target->against);
	return baseline != NULL && baseline->ratio >= target->limit;
}

static bool has_column(const char *name)
{
	for (unsigned i = 0; i < COLUMNS; i++)
		if (strcmp(columns[i], name) == 0)
			return true;
	return false;
}

void report_heading(FILE *out)
{
	fprintf(out, "%-*s %-5s %8s %-8s %8s  %8s %8s %8s %8s %-24s %-22s %s\n", NAME_COLUMN, "name",
	    "state", "value", "unit", "p99", "textbook", "t.-mutex", "call", "instr.", "other baseline",
	    "target", "reached");
}

/* "0.42x map-page": baseline number `index` of those without a column. Empty beyond the last. */
static void other_ratio(const struct bench_result *result, unsigned index, char *text, size_t size)
{
	text[0] = '\0';
	for (unsigned i = 1; i < result->count; i++) {
		if (has_column(result->series[i].name) || index-- != 0)
			continue;
		snprintf(text, size, "%.2fx %s", bench_ratio(result, i), result->series[i].name);
		return;
	}
}

/* The two columns that may need several lines: other baselines, targets. */
static void write_tail(FILE *out, const struct benchmark *benchmark, const struct bench_result *result)
{
	for (unsigned line = 0;; line++) {
		const struct bench_target *target =
		    line < BENCH_TARGETS ? &benchmark->targets[line] : NULL;
		const char *aim = target == NULL ? NULL : target->text;
		char text[64];

		other_ratio(result, line, text, sizeof(text));
		if (line > 0 && aim == NULL && text[0] == '\0')
			return;
		fprintf(out, "%*s %-24s", line == 0 ? 0 : TAIL_COLUMN, "",
		    text[0] == '\0' && line == 0 ? "-" : text);
		if (aim != NULL && is_counted(target) && result->instructions == 0)
			fprintf(out, " %-22s not counted", aim);
		else if (aim != NULL)
			fprintf(out, " %-22s %s", aim, reached(target, result) ? "yes" : "no");
		else if (line == 0)
			fprintf(out, " -");
		fprintf(out, "\n");
	}
}

void report_row(FILE *out, const struct benchmark *benchmark, const struct bench_result *result)
{
	if (result->skipped) {
		fprintf(out, "%-*s skipped: %s\n", NAME_COLUMN, benchmark->name, result->text);
		return;
	}
	fprintf(out, "%-*s %-5s %8.2f %-8s %8.2f ", NAME_COLUMN, benchmark->name, benchmark->state,
	    result->series[0].median, benchmark->unit, result->series[0].p99);
	for (unsigned i = 0; i < COLUMNS; i++) {
		const struct measured *baseline = find(result, columns[i]);

		if (baseline == NULL)
			fprintf(out, " %8s", "-");
		else
			fprintf(out, " %7.2fx", baseline->ratio);
	}
	if (result->instructions > 0)
		fprintf(out, " %8.1f", result->instructions);
	else
		fprintf(out, " %8s", "-");
	write_tail(out, benchmark, result);
	fflush(out);
}

void report_legend(FILE *out, const struct bench_scale *scale)
{
	fprintf(out,
	    "\nvalue: processor time, median of %u rounds or more in %u places in memory, its baselines "
	    "measured in\n"
	    "turns with it; with two threads the time that goes by. p99: time that goes by, over slices of a "
	    "round.\n"
	    "Ratios are baseline / value, median over the rounds: above 1 the value is the faster one.\n"
	    "textbook: a 4-level walk from the root for each page; t.-mutex: the same under a "
	    "mutex, in a\n"
	    "process with threads; call: an empty call through a pointer. Targets are aims, not "
	    "tests.%s\n",
	    scale->rounds, scale->places,
	    scale->quick ? " Quick run:\nfewer pages and rounds, figures are rougher." : "");
}

static void json_targets(
    FILE *out, const struct benchmark *benchmark, const struct bench_result *result)
{
	fprintf(out, ",\"targets\":[");
	for (unsigned i = 0; i < BENCH_TARGETS && benchmark->targets[i].text != NULL; i++)
		fprintf(out, "%s{\"text\":\"%s\",\"reached\":%s}", i == 0 ? "" : ",",
		    benchmark->targets[i].text,
		    reached(&benchmark->targets[i], result) ? "true" : "false");
	fprintf(out, "]");
}

/* Every text here is this program's own and needs no escaping. */
void report_json(FILE *out, const struct benchmark *benchmark, const struct bench_result *result)
{
	fprintf(out, "{\"name\":\"%s\",\"unit\":\"%s\",\"value\":%.6g,\"p99\":%.6g,\"ratios\":{",
	    benchmark->name, benchmark->unit, result->series[0].median, result->series[0].p99);
	for (unsigned i = 1; i < result->count; i++)
		fprintf(out, "%s\"%s\":%.6g", i == 1 ? "" : ",", result->series[i].name,
		    bench_ratio(result, i));
	fprintf(out, "},\"baselines\":{");
	for (unsigned i = 1; i < result->count; i++)
		fprintf(out, "%s\"%s\":{\"value\":%.6g,\"p99\":%.6g}", i == 1 ? "" : ",",
		    result->series[i].name, result->series[i].median, result->series[i].p99);
	fprintf(out, "}");
	if (result->instructions > 0)
		fprintf(out, ",\"instructions\":%.6g", result->instructions);
	json_targets(out, benchmark, result);
	fprintf(out, ",\"state\":\"%s\"}\n", benchmark->state);
	fflush(out);
}
