/* What is done with a driver, each story made so that a hazard shows in it; and what was noticed. */
#ifndef AMDVI_STORIES_H
#define AMDVI_STORIES_H

/* Returns false when there is no story of that name. */
bool story_run(const char *name);
const char *story_at(unsigned index);

/* Print what was noticed, in order and each thing once, "; " between them, or "clean". */
void story_print(void);

#endif
