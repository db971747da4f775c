/* Reading bench/instructions.txt. Who writes it is bench/instructions. */
#include "counted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void counted_compiler(char *text, size_t size)
{
#if defined(__clang__)
	const char *const compiler = "clang";
	const int major = __clang_major__, minor = __clang_minor__;
#else
	const char *const compiler = "gcc";
	const int major = __GNUC__, minor = __GNUC_MINOR__;
#endif
#if defined(__x86_64__)
	const char *const processor = "x86_64";
#elif defined(__aarch64__)
	const char *const processor = "aarch64";
#else
	const char *const processor = "other";
#endif
#ifdef __OPTIMIZE__
	const char *const how = "optimised";
#else
	const char *const how = "unoptimised";
#endif

	snprintf(text, size, "%s %d.%d %s %s", compiler, major, minor, processor, how);
}

/* "map-page/vtd 279.4": a line of the right compiler's. What is not of that form is no figure. */
static void read_figure(struct counted_figures *figures, const char *line)
{
	const size_t length = strcspn(line, " \n");
	char *end;
	double value;

	if (line[0] == '#' || line[length] != ' ' || length >= COUNTED_NAME ||
	    figures->count == COUNTED_FIGURES)
		return;
	value = strtod(line + length + 1, &end);
	if (end == line + length + 1)
		return;
	memcpy(figures->figures[figures->count].name, line, length);
	figures->figures[figures->count].name[length] = '\0';
	figures->figures[figures->count++].instructions = value;
}

bool counted_read(struct counted_figures *figures, const char *file)
{
	char line[256], wanted[128] = "compiler ";
	FILE *in = fopen(file, "r");
	bool mine = false;

	memset(figures, 0, sizeof(*figures));
	if (in == NULL)
		return false;
	counted_compiler(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted));
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strncmp(line, "compiler ", strlen("compiler ")) == 0)
			mine =
			    strncmp(line, wanted, strlen(wanted)) == 0 && line[strlen(wanted)] == '\n';
		else if (mine)
			read_figure(figures, line);
	}
	fclose(in);
	return true;
}

double counted_find(const struct counted_figures *figures, const char *name)
{
	for (unsigned i = 0; i < figures->count; i++)
		if (strcmp(figures->figures[i].name, name) == 0)
			return figures->figures[i].instructions;
	return 0;
}
