/* Reading the options of a command line; what they mean is each command's own. */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>

#include "command.h"

int options_refuse(const char *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "iommusim %s: ", command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry `iommusim %s --help`.\n", command);
	return COMMAND_BAD_INPUT;
}

/* getopt() names a short option by its letter alone, and may not have gone past it yet. */
static int refuse_unknown(const struct command_options *options, char **argv)
{
	return optopt != 0 ? options_refuse(options->command, "unknown option -%c", optopt)
			   : options_refuse(options->command, "unknown option %s", argv[optind - 1]);
}

bool options_take(
    const struct command_options *options, void *context, int argc, char **argv, int *code)
{
	int option;

	opterr = 0;
	optind = 0; /* start over, wherever the last scan stopped */
	*code = COMMAND_OK;
	while (*code == COMMAND_OK &&
	    (option = getopt_long(argc, argv, options->letters, options->rows, NULL)) != -1) {
		if (option == 'h') {
			fputs(options->usage, stdout);
			return false;
		}
		if (option == ':')
			*code = options_refuse(options->command, "%s needs a value", argv[optind - 1]);
		else if (option == '?')
			*code = refuse_unknown(options, argv);
		else
			*code = options->take(context, option, optarg);
	}
	return *code == COMMAND_OK;
}
