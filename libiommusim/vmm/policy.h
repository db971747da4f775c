/* A profile as code sees it: one enumerated policy a column. The values stand in policies.def. */
#ifndef IOMMUSIM_VMM_POLICY_H
#define IOMMUSIM_VMM_POLICY_H

#include <iommusim/profile.h>

enum policy_column {
#define COLUMN(id, title) COLUMN_##id,
#define VALUE(column, id, name, meaning)
#include "vmm/policies.def"
#undef COLUMN
#undef VALUE
	COLUMN_COUNT
};

/* Values are numbered through all columns: a value belongs to one column only. */
enum policy_value {
#define COLUMN(id, title)
#define VALUE(column, id, name, meaning) POLICY_##column##_##id,
#include "vmm/policies.def"
#undef COLUMN
#undef VALUE
	POLICY_COUNT
};

enum policy_evidence { EVIDENCE_READ, EVIDENCE_INFERRED, EVIDENCE_ASSUMED };

struct policy_cell {
	enum policy_value value;
	enum policy_evidence evidence;
	const char *source;
};

struct iommusim_profile {
	const char *name;
	const char *about;
	struct policy_cell cells[COLUMN_COUNT];
};

/*
 * The profile that a name stands for, variations included (profile.h), copied to `*out`, whose name is `name` itself.
 * False: there is none.
 */
bool profile_read(const char *name, struct iommusim_profile *out);

static inline enum policy_value profile_value(
    const struct iommusim_profile *profile, enum policy_column column)
{
	return profile->cells[column].value;
}

#endif
