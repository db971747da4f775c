/* The `iommusim` command: finds the command that was asked for and runs it. Nothing else is here.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"

#ifndef IOMMUSIM_VERSION
#define IOMMUSIM_VERSION "0.1.0"
#endif

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

/* In the order help shows them. */
static const struct command commands[] = {
	{ "replay", command_replay, "run traces and explain what became of their DMA" },
	{ "compare", command_compare, "put one story under several releases side by side" },
	{ "profiles", command_profiles, "what each release does where they differ, with its source" },
	{ "vectors", command_vectors, "run conformance vectors against the models" },
	{ "walk", command_walk, "show one translation, entry by entry" },
	{ "import", command_import, "turn a capture of a live system into a trace" },
	{ "acpi", command_acpi, "decode DMAR and IVRS tables and say what is wrong with them" },
	{ "spec", command_spec, "the registers and structures the models run on, as a reference" },
};

enum { COMMANDS = sizeof commands / sizeof commands[0], LONGEST_NAME = 32 };

static void print_usage(FILE *out)
{
	fputs("usage: iommusim COMMAND [ARGUMENT...]\n\n", out);
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("  help       this text; `iommusim help COMMAND` says more about a command\n"
	      "\n"
	      "  --version  the version\n"
	      "\n"
	      "exit: 0 everything as expected, 1 a DMA, an expectation or a vector failed,\n"
	      "      2 bad input or usage, 3 out of resources\n",
	    out);
}

static const struct command *find_command(const char *name)
{
	for (unsigned i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters to insert, drop or change to make one name of the other. */
static size_t distance(const char *from, const char *to)
{
	const size_t width = strlen(to);
	size_t row[LONGEST_NAME + 1];

	for (size_t i = 0; i <= width; i++)
		row[i] = i;
	for (size_t line = 1; *from != '\0'; from++, line++) {
		size_t corner = row[0];

		row[0] = line;
		for (size_t i = 1; i <= width; i++) {
			const size_t changed = corner + (*from != to[i - 1]);

			corner = row[i];
			row[i] = least(changed, least(row[i], row[i - 1]) + 1);
		}
	}
	return row[width];
}

static int refuse(const char *name)
{
	const char *nearest = "help";

	for (unsigned i = 0; i < COMMANDS; i++)
		if (distance(name, commands[i].name) < distance(name, nearest))
			nearest = commands[i].name;
	fprintf(stderr, "iommusim: no command \"%s\"", name);
	if (distance(name, nearest) <= 2)
		fprintf(stderr, "; did you mean \"%s\"?\n", nearest);
	else
		fputs("; `iommusim help` lists them\n", stderr);
	return COMMAND_BAD_INPUT;
}

static int help(int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[] = { argv[0], option, NULL };
	const struct command *command;

	if (argc < 2) {
		print_usage(stdout);
		return COMMAND_OK;
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return refuse(argv[1]);
	arguments[0] = argv[1];
	return command->run(2, arguments);
}

static int run(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_usage(stderr);
		return COMMAND_BAD_INPUT;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0) {
		puts("iommusim " IOMMUSIM_VERSION);
		return COMMAND_OK;
	}
	command = find_command(argv[1]);
	return command != NULL ? command->run(argc - 1, argv + 1) : refuse(argv[1]);
}

int main(int argc, char **argv)
{
	const int code = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout)) {
		fputs("iommusim: standard output cannot be written\n", stderr);
		return COMMAND_NO_RESOURCES;
	}
	return code;
}
