/* The commands of `iommusim`, one function each, and the exit codes they share. */
#ifndef IOMMUSIM_TOOLS_COMMAND_H
#define IOMMUSIM_TOOLS_COMMAND_H

enum command_exit {
	COMMAND_OK = 0,
	COMMAND_UNEXPECTED = 1, /* a DMA, an expectation or a vector failed */
	COMMAND_BAD_INPUT = 2,  /* or bad usage */
	COMMAND_NO_RESOURCES = 3
};

/*
 * A command gets its own name as argv[0] and returns the exit code of the program. It answers
 * --help itself. A new one is declared here and entered into the table of iommusim.c.
 */
int command_replay(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_profiles(int argc, char **argv);
int command_vectors(int argc, char **argv);
int command_walk(int argc, char **argv);
int command_import(int argc, char **argv);
int command_acpi(int argc, char **argv);
int command_spec(int argc, char **argv);

#endif
