/* `iommusim spec`: the reference pages, written from the same descriptions the models run on. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <iommusim/spec.h>

#include "command.h"

static const char usage[] =
    "usage: iommusim spec [VENDOR [NAME]]\n"
    "\n"
    "Print the registers and structures the models run on, with their fields, as Markdown. VENDOR is\n"
    "vtd (the default) or amdvi. NAME is one of them by the specification's name: GSTS, SS-PDE,\n"
    "\"root entry\".\n";

static void print_bits(const struct iommusim_spec_field *field)
{
	if (field->high == field->low)
		printf("| %u ", field->low);
	else
		printf("| %u:%u ", field->high, field->low);
}

static void print_structure(
    const char *vendor, size_t index, const struct iommusim_spec_structure *structure)
{
	struct iommusim_spec_field field;

	printf("## %s: %s\n\nSection %s, %u bits", structure->name, structure->title,
	    structure->section, structure->bits);
	if (structure->is_register)
		printf(", offset %03Xh", structure->offset);
	printf(".\n\n| bits | field | %sneeds | meaning |\n|---|---|---|%s---|\n",
	    structure->is_register ? "access | " : "", structure->is_register ? "---|" : "");
	for (size_t i = 0; iommusim_spec_field(vendor, index, i, &field); i++) {
		print_bits(&field);
		printf("| %s ", field.ignored ? "(ignored)" : field.name);
		if (structure->is_register)
			printf("| %s ", field.access);
		printf("| %s | %s |\n", field.needs, field.meaning);
	}
	printf("\n");
}

static int print_vendor(const char *vendor, const char *name)
{
	struct iommusim_spec_structure structure;
	bool found = false;

	if (!iommusim_spec_structure(vendor, 0, &structure)) {
		fprintf(stderr, "iommusim spec: no vendor `%s`: expected vtd or amdvi\n", vendor);
		return 2;
	}
	if (name == NULL)
		printf(
		    "# %s: registers and structures\n\nBits that no row names are reserved, and so are "
		    "the bits of a field whose capability a unit lacks.\nWritten by `iommusim spec "
		    "%s`.\n\n",
		    vendor, vendor);
	for (size_t i = 0; iommusim_spec_structure(vendor, i, &structure); i++) {
		if (name != NULL && strcmp(name, structure.name) != 0)
			continue;
		found = true;
		print_structure(vendor, i, &structure);
	}
	if (!found)
		fprintf(stderr, "iommusim spec: %s has no register or structure `%s`\n", vendor, name);
	return found ? 0 : 2;
}

int command_spec(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		fputs(usage, option == 'h' ? stdout : stderr);
		return option == 'h' ? 0 : 2;
	}
	if (argc - optind > 2) {
		fputs(usage, stderr);
		return 2;
	}
	return print_vendor(
	    argc > optind ? argv[optind] : "vtd", argc > optind + 1 ? argv[optind + 1] : NULL);
}
