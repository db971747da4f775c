/* What stands on a command's line in front of its files: one loop for every command, and one way to refuse. */
#ifndef IOMMUSIM_TOOLS_OPTIONS_H
#define IOMMUSIM_TOOLS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

struct command_options {
	const char *command;       /* "replay" */
	const char *usage;         /* what --help prints: -h and --help need no `take` */
	const char *letters;       /* of short options, as getopt() wants them, behind a colon: ":jh" */
	const struct option *rows; /* as getopt_long() wants them */
	/* One option, with its value if it has one: an exit code, at which reading ends if it is not 0. */
	int (*take)(void *context, int option, char *value);
};

/*
 * Reads the options; what is no option then begins at argv[optind]. False: that was all, with `*code` (--help has
 * been answered, or something is wrong and has been said).
 */
bool options_take(
    const struct command_options *options, void *context, int argc, char **argv, int *code);

/* "iommusim COMMAND: ..." and where help is, to standard error; returns COMMAND_BAD_INPUT. */
__attribute__((format(printf, 2, 3))) int options_refuse(const char *command, const char *format, ...);

#endif
