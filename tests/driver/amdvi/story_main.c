/* A driver, with whatever hazard it was built, in the story that is asked for: what was noticed, on one line. */
#include <stdbool.h>
#include <stdio.h>

#include "tests/driver/amdvi/stories.h"

int main(int argc, char **argv)
{
	if (argc != 2 || !story_run(argv[1])) {
		fprintf(stderr, "usage: %s STORY\n", argv[0]);
		return 2;
	}
	story_print();
	return 0;
}
