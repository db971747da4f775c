/* Runs a command of the tool inside a test and keeps what it wrote and returned. Knows no command. */
#ifndef IOMMUSIM_TESTS_COMMAND_RUN_H
#define IOMMUSIM_TESTS_COMMAND_RUN_H

/* One of tools/command.h. */
typedef int command_main(int argc, char **argv);

struct command_run {
	int code;
	char *output; /* all of standard output, and of standard error */
	char *errors;
};

/* The command's name and its arguments, ended by NULL. Free with command_run_free(). */
struct command_run command_run(command_main *command, const char *name, ...) __attribute__((sentinel));
struct command_run command_run_argv(command_main *command, const char *const *argv);
/* The same as one line, its words divided by blanks; the line is taken apart. */
struct command_run command_run_line(command_main *command, char *line);
void command_run_free(struct command_run *run);

/*
 * What it said on standard error has `any`, which must not be longer, wherever it had `name`: names of files differ
 * from run to run, and tests want to compare.
 */
void command_run_rename(struct command_run *run, const char *name, const char *any);

/* Fails the test, where it stands, when `part` is not in `text`. */
#define assert_contains(text, part) command_assert_contains(text, part, __FILE__, __LINE__)
void command_assert_contains(const char *text, const char *part, const char *file, int line);

#endif
