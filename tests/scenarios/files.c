/* Goes through the stories below scenarios/. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/files.h"
#include "scenarios/story.h"

/* nftw() has no argument to pass on. */
static void (*visitor)(const char *path, const char *text, size_t length);
static size_t visited;

static int visit_file(const char *path, const struct stat *about, int type, struct FTW *place)
{
	const size_t length = strlen(path);
	size_t size;
	char *text;

	(void)about;
	(void)place;
	if (type != FTW_F || length < 6 || strcmp(path + length - 6, ".iommu") != 0)
		return 0;
	text = story_read_file(path, &size);
	visited++;
	visitor(path, text, size);
	free(text);
	return 0;
}

size_t for_each_scenario(void (*visit)(const char *path, const char *text, size_t length))
{
	visitor = visit;
	visited = 0;
	if (nftw(IOMMUSIM_SOURCE_DIR "/scenarios", visit_file, 8, FTW_PHYS) != 0)
		fail_msg("scenarios/ cannot be searched");
	return visited;
}
