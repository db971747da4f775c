/*
 * Every hazard of the AMD-Vi backend is caught, under both interceptions, unoptimised and optimised, and the backend as
 * it should be passes the same stories. What catches what is printed, and is what docs/driver-hazards.md says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOCS IOMMUSIM_SOURCE_DIR "/docs/driver-hazards.md"

struct hazard {
	const char *name, *define, *story, *shape, *about;
};

static const struct hazard hazards[] = {
#define HAZARD(name, story, shape, about) { #name, "AMDVI_HAZARD_" #name, story, #shape, about },
#define HAZARD_OF_VMM(name, story, shape, source, about)                                               \
	{ #name, "HAZARD_" #name, story, #shape, about },
#include "tests/driver/amdvi/hazards.def"
#undef HAZARD
#undef HAZARD_OF_VMM
};
#define HAZARDS (sizeof(hazards) / sizeof(*hazards))

static const char *const levels[] = { "O0", "O2" };

/* What the backend as it should be goes through beside the stories of hazards. */
static const char *const days[] = { "everyday-life", "own-day", "own-switched-off", "own-hot-plug" };
#define DAYS (sizeof(days) / sizeof(*days))

static bool has_mode(const char *mode)
{
	return strstr(AMDVI_MODES, mode) != NULL;
}

/* What a program noticed in a story: its lines, ", " between them. */
static void run(const char *mode, const char *level, const char *variant, const char *story, char *text,
    size_t size)
{
	char command[512], line[128];
	size_t used = 0;
	FILE *out;
	int status;

	snprintf(command, sizeof(command), "exec %s/amdvi_%s_%s_%s %s 2>/dev/null", AMDVI_PROGRAMS,
	    mode, level, variant, story);
	out = popen(command, "r");
	assert_non_null(out);
	*text = '\0';
	while (fgets(line, sizeof(line), out) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", line);
		used = strlen(text);
	}
	status = pclose(out);
	if (status != 0)
		fail_msg("%s: status %d, \"%s\"", command, status, text);
}

/* The same at both levels. */
static void run_levels(
    const char *mode, const char *variant, const char *story, char *line, size_t size)
{
	char other[512];

	run(mode, levels[0], variant, story, line, size);
	run(mode, levels[1], variant, story, other, sizeof(other));
	if (strcmp(line, other) != 0)
		fail_msg("%s, %s, %s: \"%s\" at -O0, \"%s\" at -O2", variant, story, mode, line, other);
}

/*
 * What is noticed of the backend as it should be: nothing, but where the story itself is an accident. A backend
 * that cannot go on safely, or was asked for what cannot be, panics.
 */
static const char *expected_of_right(const char *story)
{
	static const struct {
		const char *story, *noticed;
	} accidents[] = {
		{ "log-overflows", "fault-log-overflow" },
		{ "commands-unreadable", "missing-invalidation, panic" },
		{ "misaligned", "panic" },
		{ "beyond-width", "panic" },
	};

	for (size_t i = 0; i < sizeof(accidents) / sizeof(*accidents); i++)
		if (strcmp(accidents[i].story, story) == 0)
			return accidents[i].noticed;
	return "clean";
}

static void check_right_in(const char *mode, const char *shape, const char *story)
{
	char line[512];

	run_levels(mode, shape, story, line, sizeof(line));
	if (strcmp(line, expected_of_right(story)) != 0)
		fail_msg("the right driver, %s, %s, %s: %s", story, shape, mode, line);
}

static void check_right(const char *mode)
{
	if (!has_mode(mode))
		skip();
	for (size_t i = 0; i < HAZARDS; i++)
		check_right_in(mode, hazards[i].shape, hazards[i].story);
	for (size_t i = 0; i < DAYS; i++) {
		check_right_in(mode, "void", days[i]);
		check_right_in(mode, "error", days[i]);
	}
	/* The calls without errors panic. */
	check_right_in(mode, "error", "own-mallocs");
	check_right_in(mode, "error", "own-contigmallocs");
}

static void right_driver_under_hooks(void **state)
{
	(void)state;
	check_right("hooks");
}

static void right_driver_under_traps(void **state)
{
	(void)state;
	check_right("traps");
}

/* ---- the table ---------------------------------------------------------------------------------------- */

static void read_docs(char *text, size_t size)
{
	FILE *file = fopen(DOCS, "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, size - 1, file);
	fclose(file);
	text[length] = '\0';
}

/* The row of a hazard in the page, without the newline; "" when there is none. */
static void find_row(const char *docs, const char *define, char *row, size_t size)
{
	char begin[96];
	const char *at;
	size_t length;

	snprintf(begin, sizeof(begin), "| `%s` |", define);
	at = strstr(docs, begin);
	*row = '\0';
	if (at == NULL)
		return;
	length = strcspn(at, "\n");
	if (length < size) {
		memcpy(row, at, length);
		row[length] = '\0';
	}
}

/* The cell behind `count` bars. */
static void cell(const char *row, unsigned count, char *text, size_t size)
{
	size_t length;

	for (; *row != '\0' && count > 0; row++)
		count -= *row == '|';
	row += *row == ' ';
	length = strcspn(row, "|");
	while (length > 0 && row[length - 1] == ' ')
		length--;
	snprintf(text, size, "%.*s", (int)length, row);
}

/* Is it caught, when the right driver's story is what it is? */
static bool is_caught(const struct hazard *hazard, const char *noticed)
{
	return strcmp(noticed, expected_of_right(hazard->story)) != 0;
}

#ifdef __clang__
#define IS_CLANG true
#else
#define IS_CLANG false
#endif

/* "A (gcc), B (clang)" is A or B, by the compiler of the drivers, which is this source's. */
static void for_compiler(char *text)
{
	static const char gcc[] = " (gcc), ", clang[] = " (clang)";
	char *middle = strstr(text, gcc), *rest;

	if (middle == NULL)
		return;
	rest = middle + strlen(gcc);
	*middle = '\0';
	if (!IS_CLANG)
		return;
	memmove(text, rest, strlen(rest) + 1);
	rest = strstr(text, clang);
	if (rest != NULL)
		*rest = '\0';
}

/*
 * Both halves of a DTE are stored between two accesses of registers, and traps see nothing else. clang makes accesses of
 * 32 bits or more of bit fields, which registers take.
 */
static bool shows_under(const struct hazard *hazard, const char *mode)
{
	const bool blind = strcmp(hazard->name, "DTE_NOT_ATOMIC") == 0 ||
	    (IS_CLANG && strcmp(hazard->name, "PACKED_REGISTERS") == 0);

	return !blind || strcmp(mode, "hooks") == 0;
}

static void every_hazard_is_caught(void **state)
{
	static const char *const modes[] = { "hooks", "traps" };
	static char docs[65536];
	unsigned wrong = 0;

	(void)state;
	read_docs(docs, sizeof(docs));
	print_message("| define | what the driver does | hooks | traps |\n|---|---|---|---|\n");
	for (size_t i = 0; i < HAZARDS; i++) {
		const struct hazard *hazard = &hazards[i];
		char row[1024], written[512], noticed[2][512];

		find_row(docs, hazard->define, row, sizeof(row));
		for (unsigned mode = 0; mode < 2; mode++) {
			cell(row, 3 + mode, written, sizeof(written));
			for_compiler(written);
			snprintf(noticed[mode], sizeof(noticed[mode]), "%s", written);
			if (!has_mode(modes[mode]))
				continue;
			run_levels(modes[mode], hazard->name, hazard->story, noticed[mode],
			    sizeof(noticed[mode]));
			wrong += strcmp(noticed[mode], written) != 0 ||
			    (shows_under(hazard, modes[mode]) && !is_caught(hazard, noticed[mode]));
		}
		cell(row, 2, written, sizeof(written));
		wrong += strcmp(written, hazard->about) != 0;
		print_message(
		    "| `%s` | %s | %s | %s |\n", hazard->define, hazard->about, noticed[0], noticed[1]);
	}
	if (wrong > 0)
		fail_msg("%u cells are not what docs/driver-hazards.md says, or a hazard is not caught",
		    wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_driver_under_hooks),
		cmocka_unit_test(right_driver_under_traps),
		cmocka_unit_test(every_hazard_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
