/* The stories below scenarios/, for tests that go through all of them. */
#ifndef IOMMUSIM_TESTS_SCENARIOS_FILES_H
#define IOMMUSIM_TESTS_SCENARIOS_FILES_H

#include <stddef.h>

/* Calls `visit` for every *.iommu below the project's scenarios/; returns how many there were. */
size_t for_each_scenario(void (*visit)(const char *path, const char *text, size_t length));

#endif
