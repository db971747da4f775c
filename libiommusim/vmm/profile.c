/* The profile table: profiles.def made into rows that code and people can ask. */
#include "vmm/policy.h"

#include <stdlib.h>
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
	enum policy_column column;
} values[POLICY_COUNT] = {
#define COLUMN(id, title)
#define VALUE(value_column, id, value_name, value_meaning)                                             \
	[POLICY_##value_column##_##id] = { value_name, value_meaning, COLUMN_##value_column },
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

/* Is the word of so many characters this one? */
static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* "host_pages=remove", of so many characters: another value for that column. */
static bool vary(struct iommusim_profile *profile, const char *text, size_t length)
{
	const char *equals = memchr(text, '=', length);
	const size_t column = equals == NULL ? 0 : (size_t)(equals - text);

	for (unsigned i = 0; equals != NULL && i < POLICY_COUNT; i++) {
		if (!is_word(text, column, column_names[values[i].column]) ||
		    !is_word(equals + 1, length - column - 1, values[i].name))
			continue;
		profile->cells[values[i].column] = (struct policy_cell){
			.value = (enum policy_value)i,
			.evidence = EVIDENCE_READ,
			.source = "as the profile's name says",
		};
		return true;
	}
	return false;
}

bool profile_read(const char *name, struct iommusim_profile *out)
{
	size_t length = strcspn(name, "+");
	size_t base = 0;

	if (strlen(name) >= IOMMUSIM_PROFILE_NAME)
		return false;
	while (base < PROFILE_COUNT && !is_word(name, length, profiles[base].name))
		base++;
	if (base == PROFILE_COUNT)
		return false;
	*out = profiles[base];
	out->name = name;
	for (const char *at = name + length; *at != '\0'; at += length) {
		at++;
		length = strcspn(at, "+");
		if (!vary(out, at, length))
			return false;
	}
	return true;
}

bool iommusim_profile_exists(const char *name)
{
	struct iommusim_profile profile;

	return profile_read(name, &profile);
}

enum iommusim_status iommusim_profile_create(const char *name, struct iommusim_profile **profile)
{
	const size_t size = strlen(name) + 1;
	struct iommusim_profile read;
	char *own;

	*profile = NULL;
	if (!profile_read(name, &read))
		return IOMMUSIM_ENOENT;
	*profile = malloc(sizeof(read) + size); /* the name is behind it */
	if (*profile == NULL)
		return IOMMUSIM_ENOMEM;
	own = (char *)(*profile + 1);
	memcpy(own, name, size);
	read.name = own;
	**profile = read;
	return IOMMUSIM_OK;
}

void iommusim_profile_free(struct iommusim_profile *profile)
{
	free(profile);
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
