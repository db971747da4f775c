/* Importing into memory and replaying from there. No expectations of a source's own. */
#include "import/imported.h"

#include <stdio.h>

#include <iommusim/trace.h>

struct sink {
	struct imported *imported;
	size_t room;
};

static void put(void *context, const char *text, size_t length)
{
	struct sink *sink = context;
	struct imported *imported = sink->imported;

	while (imported->length + length + 1 > sink->room) {
		sink->room = sink->room == 0 ? 65536 : sink->room * 2;
		imported->trace = realloc(imported->trace, sink->room);
		assert_non_null(imported->trace);
	}
	memcpy(imported->trace + imported->length, text, length);
	imported->length += length;
	imported->trace[imported->length] = '\0';
}

static void notice(
    void *context, enum iommusim_import_notice why, uint32_t line, uint32_t column, const char *text)
{
	struct imported *imported = context;

	assert_non_null(text);
	assert_true(column > 0);
	if (imported->notice_count < MOST_NOTICES)
		imported->notices[imported->notice_count] = (struct notice){ why, line, column };
	imported->notice_count++;
}

static void progress(void *context, uint64_t done, uint64_t total)
{
	struct imported *imported = context;

	assert_true(done >= imported->last_progress && done <= total);
	imported->progress_calls++;
	imported->last_progress = done;
	imported->progress_total = total;
}

struct imported import_text(enum iommusim_import_source source, const char *text, size_t length,
    const struct iommusim_import_options *options)
{
	struct iommusim_import_options own = { .memory = 0 };
	struct imported imported = { .length = 0 };
	struct sink sink = { .imported = &imported };
	const struct iommusim_text out = { .context = &sink, .put = put };

	if (options != NULL)
		own = *options;
	own.context = &imported;
	own.on_notice = notice;
	own.on_progress = progress;
	imported.status =
	    iommusim_import(source, text, length, &own, &out, &imported.summary, &imported.problem);
	assert_int_equal(imported.problem.status, imported.status);
	return imported;
}

struct imported import_lines(
    enum iommusim_import_source source, const char *text, const struct iommusim_import_options *options)
{
	struct imported imported = import_text(source, text, strlen(text), options);

	if (imported.status != IOMMUSIM_OK)
		print_message("%s\n%s\n", text, imported.problem.text);
	assert_int_equal(imported.status, IOMMUSIM_OK);
	return imported;
}

char *sample_read(const char *name, size_t *length)
{
	char path[512], *text;

	snprintf(path, sizeof(path), SAMPLES "%s", name);
	text = file_read(path, length);
	assert_non_null(text);
	return text;
}

struct imported import_sample(
    enum iommusim_import_source source, const char *name, const struct iommusim_import_options *options)
{
	struct imported imported;
	size_t length;
	char *text = sample_read(name, &length);

	imported = import_text(source, text, length, options);
	free(text);
	if (imported.status != IOMMUSIM_OK)
		print_message("%s:%u:%u: %s\n", name, imported.problem.line, imported.problem.column,
		    imported.problem.text);
	assert_int_equal(imported.status, IOMMUSIM_OK);
	assert_non_null(imported.trace);
	return imported;
}

void imported_free(struct imported *imported)
{
	free(imported->trace);
	imported->trace = NULL;
}

void assert_notices(const struct imported *imported, const struct notice *expected, size_t count)
{
	assert_int_equal(imported->notice_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(imported->notices[i].why, expected[i].why);
		assert_int_equal(imported->notices[i].line, expected[i].line);
		assert_int_equal(imported->notices[i].column, expected[i].column);
	}
}

/* The line that begins with `start` at or behind `from`. */
static const char *find_line(const char *from, const char *start)
{
	const size_t length = strlen(start);

	while (from != NULL && strncmp(from, start, length) != 0) {
		from = strchr(from, '\n');
		from = from == NULL ? NULL : from + 1;
	}
	return from;
}

uint32_t line_of(const char *trace, const char *start)
{
	const char *found = find_line(trace, start);
	uint32_t line = 1;

	if (found == NULL)
		print_message("no line begins with: %s\n", start);
	assert_non_null(found);
	assert_null(find_line(found + 1, start));
	for (const char *at = trace; at < found; at++)
		line += *at == '\n';
	return line;
}

void assert_line(const struct imported *imported, const char *line)
{
	const char *found = imported->trace;

	while ((found = find_line(found, line)) != NULL && found[strlen(line)] != '\n')
		found++;
	if (found == NULL)
		print_message("expected: %s\nin:\n%.20000s\n", line, imported->trace);
	assert_non_null(found);
}

void assert_no_line(const struct imported *imported, const char *start)
{
	assert_null(find_line(imported->trace, start));
}

static void show_failure(void *context, uint32_t line, const char *statement, const char *text)
{
	(void)context;
	print_message("line %u, %s: %s\n", line, statement, text);
}

struct iommusim_replay_summary assert_runs(const struct imported *imported)
{
	const struct iommusim_replay_options options = { .on_failure = show_failure };
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic problem;

	if (iommusim_replay("imported.iommu", imported->trace, imported->length, &options, &summary,
		&problem) != IOMMUSIM_OK)
		print_message("imported.iommu:%u:%u: %s\n", problem.line, problem.column, problem.text);
	assert_int_equal(problem.status, IOMMUSIM_OK);
	return summary;
}

struct iommusim_replay_summary assert_replays(const struct imported *imported)
{
	const struct iommusim_replay_summary summary = assert_runs(imported);

	assert_true(iommusim_replay_passed(&summary));
	return summary;
}
