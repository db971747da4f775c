/* `iommusim acpi`: decodes DMAR and IVRS tables from files. Reading and showing them is done elsewhere. */
#include <stdbool.h>
#include <stdio.h>

#include "acpi_input.h"
#include "acpi_show.h"
#include "command.h"
#include "options.h"

static const char usage[] =
    "usage: iommusim acpi [--json] FILE...\n"
    "\n"
    "Decodes a DMAR or IVRS table and says what is wrong with it. FILE is the binary table (as in\n"
    "/sys/firmware/acpi/tables/DMAR) or text from acpidump, of one table or a whole machine;\n"
    "- is standard input.\n"
    "\n"
    "  -j, --json   one JSON object for each file, on one line\n"
    "  -h, --help   this text\n"
    "\n"
    "exit: 0 every table can be used, 2 one cannot or could not be read, 3 out of memory\n";

/* What is kept while the files are gone through. */
struct run {
	bool json;
	int worst; /* exit code so far */
};

static void note_exit(struct run *run, int code)
{
	if (code > run->worst)
		run->worst = code;
}

/* A message about a file on standard error, after what standard output has to say before it. */
static void complain(struct run *run, const char *file, const struct iommusim_diagnostic *problem)
{
	fflush(stdout);
	if (problem->line == 0 && problem->offset != UINT64_MAX)
		fprintf(stderr, "%s: offset %llu: %s\n", file, (unsigned long long)problem->offset,
		    problem->text);
	else
		fprintf(stderr, "%s:%u:%u: %s\n", file, problem->line, problem->column, problem->text);
	note_exit(run, COMMAND_BAD_INPUT);
}

static void complain_of_memory(struct run *run, const char *file)
{
	fflush(stdout);
	fprintf(stderr, "%s:0:0: out of memory\n", file);
	note_exit(run, COMMAND_NO_RESOURCES);
}

static void print_json(struct run *run, const char *file, struct json_object *object)
{
	const char *text = object == NULL
	    ? NULL
	    : json_object_to_json_string_ext(
		  object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text == NULL)
		complain_of_memory(run, file);
	else
		puts(text);
	json_object_put(object);
}

/* No table came of it: say so. */
static void show_failure(
    struct run *run, const char *file, const char *signature, const struct iommusim_diagnostic *problem)
{
	if (run->json)
		print_json(run, file, acpi_failure_json(file, signature, problem));
	complain(run, file, problem);
}

/* The first reason why a table cannot be used. */
static void complain_of_table(struct run *run, const char *file, const struct acpi_table *table)
{
	struct iommusim_diagnostic first = { .status = IOMMUSIM_EFORMAT };

	for (uint32_t i = 0; i < table->problem_count; i++) {
		if (!table->problems[i].fatal)
			continue;
		first.offset = table->problems[i].offset;
		snprintf(first.text, sizeof first.text, "%s", table->problems[i].text);
		complain(run, file, &first);
		return;
	}
}

/* Decode and show what was found; `problem` is NULL when all of the file was read. */
static void show_table(struct run *run, const char *file, const struct acpi_input *input,
    const struct iommusim_diagnostic *problem)
{
	struct iommusim_diagnostic unread = { .offset = 0 };
	struct acpi_table table;

	switch (acpi_table_parse(input, &table)) {
	case IOMMUSIM_OK:
		break;
	case IOMMUSIM_ENOMEM:
		complain_of_memory(run, file);
		return;
	default:
		snprintf(unread.text, sizeof unread.text,
		    "no %s table: %zu bytes, where the header every ACPI table has takes 36 and "
		    "begins with \"%s\"",
		    input->signature, input->size, input->signature);
		show_failure(run, file, input->signature, problem != NULL ? problem : &unread);
		return;
	}
	if (run->json)
		print_json(run, file, acpi_table_json(file, &table, problem));
	else
		acpi_table_text(stdout, file, &table);
	if (problem != NULL)
		complain(run, file, problem);
	else if (!table.usable)
		complain_of_table(run, file, &table);
	acpi_table_free(&table);
}

static void show_file(struct run *run, const char *file)
{
	struct iommusim_diagnostic problem;
	struct acpi_input input;
	const enum iommusim_status status = acpi_input_read(file, &input, &problem);

	if (status == IOMMUSIM_ENOMEM) {
		complain_of_memory(run, file);
	} else if (input.signature[0] != '\0') {
		show_table(run, file, &input, status == IOMMUSIM_OK ? NULL : &problem);
	} else {
		show_failure(run, file, input.signature, &problem);
	}
	acpi_input_free(&input);
}

static int take_option(void *context, int option, char *argument)
{
	struct run *run = context;

	(void)option; /* there is but one */
	(void)argument;
	run->json = true;
	return COMMAND_OK;
}

int command_acpi(int argc, char **argv)
{
	static const struct option rows[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_options options = {
		.command = "acpi",
		.usage = usage,
		.letters = ":jh",
		.rows = rows,
		.take = take_option,
	};
	struct run run = { .json = false, .worst = COMMAND_OK };
	int code;

	if (!options_take(&options, &run, argc, argv, &code))
		return code;
	if (optind == argc)
		return options_refuse("acpi", "no file given");
	for (int i = optind; i < argc; i++)
		show_file(&run, argv[i]);
	return run.worst;
}
