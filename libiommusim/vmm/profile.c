/* The profile table: profiles.def made into rows that code and people can ask. */
#include "vmm/policy.h"

#include <string.h>

static const char *const column_names[COLUMN_COUNT] = {
#define COLUMN(id, title) [COLUMN_##id] = #id,
#define VALUE(column, id, name, meaning)
#include "vmm/policies.def"
#undef COLUMN
#undef VALUE
};

static const char *const column_titles[COLUMN_COUNT] = {
#define COLUMN(id, title) [COLUMN_##id] = title,
#define VALUE(column, id, name, meaning)
#include "vmm/policies.def"
#undef COLUMN
#undef VALUE
};

static const struct {
	const char *name;
	const char *meaning;
} values[POLICY_COUNT] = {
#define COLUMN(id, title)
#define VALUE(column, id, value_name, value_meaning)                                                   \
	[POLICY_##column##_##id] = { value_name, value_meaning },
#include "vmm/policies.def"
#undef COLUMN
#undef VALUE
};

static const struct iommusim_profile profiles[] = {
#define CELL(column, policy, how, text)                                                                \
	[COLUMN_##column] = {                                                                          \
		.value = POLICY_##column##_##policy, .evidence = EVIDENCE_##how, .source = text        \
	},
#define PROFILE(profile_name, profile_about, rows)                                                     \
	{ .name = profile_name, .about = profile_about, .cells = { rows } },
#include "vmm/profiles.def"
#undef CELL
#undef PROFILE
};

#define PROFILE_COUNT (sizeof(profiles) / sizeof(*profiles))

const struct iommusim_profile *iommusim_profile_find(const char *name)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

const struct iommusim_profile *iommusim_profile_at(size_t index)
{
	return index < PROFILE_COUNT ? &profiles[index] : NULL;
}

const char *iommusim_profile_name(const struct iommusim_profile *profile)
{
	return profile->name;
}

const char *iommusim_profile_about(const struct iommusim_profile *profile)
{
	return profile->about;
}

bool iommusim_profile_policy(
    const struct iommusim_profile *profile, size_t index, struct iommusim_policy *policy)
{
	const struct policy_cell *cell;

	if (index >= COLUMN_COUNT)
		return false;
	cell = &profile->cells[index];
	*policy = (struct iommusim_policy){
		.column = column_names[index],
		.title = column_titles[index],
		.value = values[cell->value].name,
		.meaning = values[cell->value].meaning,
		.source = cell->source,
		.assumed = cell->evidence == EVIDENCE_ASSUMED,
	};
	return true;
}
