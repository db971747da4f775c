/* Every policy value besides the ones of `reference`: what is wrong about it, by hand. */
#ifndef IOMMUSIM_TESTS_PROPERTY_LIFECYCLE_POLICIES_H
#define IOMMUSIM_TESTS_PROPERTY_LIFECYCLE_POLICIES_H

#include "property/lifecycle.h"

extern const struct life_policy life_policies[];
extern const unsigned life_policy_count;

/* "reference+column=value" */
void life_profile(char *text, size_t size, const struct life_policy *policy);

#endif
