/* How a run is told: for a person, as TAP, as JUnit; and cmocka's frame taken off a test's output. */
#include "test/run.h"

#include <string.h>

static size_t counted(const struct outcome_of_test *tests, size_t count, enum outcome outcome)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += tests[i].outcome == outcome;
	return found;
}

void report_begin(const struct run_options *options, size_t count)
{
	if (options->tap)
		printf("TAP version 13\n1..%zu\n", count);
	else
		printf("[==========] Running %zu test(s) of %s.\n", count, options->program);
}

/* A test's output, each line behind `prefix`. */
static void print_output(const char *output, const char *prefix)
{
	while (output != NULL && *output != '\0') {
		const size_t length = strcspn(output, "\n");

		printf("%s%.*s\n", prefix, (int)length, output);
		output += length + (output[length] == '\n');
	}
}

void report_test(const struct run_options *options, const struct outcome_of_test *test, size_t number)
{
	static const char *const endings[] = { [OUTCOME_NOT_RUN] = "[  FAILED  ]",
		[OUTCOME_PASSED] = "[       OK ]",
		[OUTCOME_FAILED] = "[  FAILED  ]",
		[OUTCOME_SKIPPED] = "[  SKIPPED ]" };

	if (options->tap) {
		printf("%s %zu - %s%s\n", test->outcome == OUTCOME_FAILED ? "not ok" : "ok", number,
		    test->name, test->outcome == OUTCOME_SKIPPED ? " # SKIP" : "");
		print_output(test->output, "# ");
	} else {
		printf("[ RUN      ] %s\n", test->name);
		print_output(test->output, "");
		printf("%s %s\n", endings[test->outcome], test->name);
	}
	fflush(stdout);
}

void report_end(const struct run_options *options, const struct outcome_of_test *tests, size_t count)
{
	const size_t failed = counted(tests, count, OUTCOME_FAILED);
	const size_t skipped = counted(tests, count, OUTCOME_SKIPPED);

	if (options->tap)
		return;
	printf("[==========] %zu test(s) run.\n", count);
	printf("[  PASSED  ] %zu test(s).\n", counted(tests, count, OUTCOME_PASSED));
	if (skipped > 0)
		printf("[  SKIPPED ] %zu test(s).\n", skipped);
	if (failed > 0)
		printf("[  FAILED  ] %zu test(s), listed below:\n", failed);
	for (size_t i = 0; i < count; i++)
		if (tests[i].outcome == OUTCOME_FAILED)
			printf("[  FAILED  ] %s\n", tests[i].name);
}

/* Text as XML has it; what XML 1.0 cannot hold becomes a question mark. */
static void put_xml(FILE *file, const char *text)
{
	for (; text != NULL && *text != '\0'; text++) {
		const unsigned char byte = (unsigned char)*text;

		if (byte == '<')
			fputs("&lt;", file);
		else if (byte == '>')
			fputs("&gt;", file);
		else if (byte == '&')
			fputs("&amp;", file);
		else if (byte == '"')
			fputs("&quot;", file);
		else
			fputc(byte < 0x20 && byte != '\n' && byte != '\t' ? '?' : byte, file);
	}
}

static void put_case(FILE *file, const struct run_options *options, const struct outcome_of_test *test)
{
	const char *inside = test->outcome == OUTCOME_FAILED ? "failure"
	    : test->outcome == OUTCOME_SKIPPED               ? "skipped"
							     : "system-out";

	fputs("  <testcase classname=\"", file);
	put_xml(file, options->program);
	fputs("\" name=\"", file);
	put_xml(file, test->name);
	fprintf(file, "\" time=\"%.3f\">\n    <%s>", test->seconds, inside);
	put_xml(file, test->output);
	fprintf(file, "</%s>\n  </testcase>\n", inside);
}

bool report_junit(const struct run_options *options, const struct outcome_of_test *tests, size_t count)
{
	FILE *file = fopen(options->junit, "w");
	double seconds = 0;

	if (file == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		seconds += tests[i].seconds;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"", file);
	put_xml(file, options->program);
	fprintf(file, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\">\n",
	    count, counted(tests, count, OUTCOME_FAILED), counted(tests, count, OUTCOME_SKIPPED),
	    seconds);
	for (size_t i = 0; i < count; i++)
		put_case(file, options, &tests[i]);
	fputs("</testsuite>\n", file);
	return fclose(file) == 0;
}

/* Does the line begin so? Then what is behind it. */
static const char *behind(const char *line, const char *prefix)
{
	const size_t length = strlen(prefix);

	return strncmp(line, prefix, length) == 0 ? line + length : NULL;
}

void report_unframe(char *output, bool explained)
{
	static const char *const frames[] = { "[==========] ", "[ RUN      ] ", "[       OK ] ",
		"[  PASSED  ] ", "[  FAILED  ] ", "[  SKIPPED ] ", " 1 FAILED TEST(S)",
		" 1 SKIPPED TEST(S)", " 0 FAILED TEST(S)" };
	char *to = output;

	for (char *line = output; *line != '\0';) {
		const size_t length = strcspn(line, "\n");
		char *next = line + length + (line[length] == '\n');
		const char *kept = line;
		bool drop = false;

		for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
			drop |= behind(line, frames[i]) != NULL;
		if (behind(line, "[  ERROR   ] --- ") != NULL)
			kept = behind(line, "[  ERROR   ] --- ");
		else if (behind(line, "[   LINE   ] --- ") != NULL)
			kept = behind(line, "[   LINE   ] --- ");
		/* Where it failed has been said, better. */
		drop |= kept != line && explained;
		drop |= kept == line + length || length == 0;
		if (!drop) {
			memmove(to, kept, (size_t)(next - kept));
			to += next - kept;
		}
		line = next;
	}
	*to = '\0';
}
