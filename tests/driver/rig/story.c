/* A driver, with whatever hazard it was built, in the story that is asked for: what was noticed, a line each. */
#include "tests/driver/rig/rig.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	const struct rig_story *story = rig_stories;

	while (story->name != NULL && (argc != 2 || strcmp(story->name, argv[1]) != 0))
		story++;
	if (story->name == NULL) {
		fprintf(stderr, "usage: %s STORY\n", argv[0]);
		for (story = rig_stories; story->name != NULL; story++)
			fprintf(stderr, "  %s\n", story->name);
		return 2;
	}
	story->run();
	rig_finish();
}
