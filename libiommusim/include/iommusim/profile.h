/*
 * Release profiles: what each FreeBSD release's vmm does where releases differ. One row a profile, one
 * policy a column, each cell with its source.
 */
#ifndef IOMMUSIM_PROFILE_H
#define IOMMUSIM_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include <iommusim/export.h>
#include <iommusim/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_profile;

/* One cell: a policy's name, what it means, where that is known from. */
struct iommusim_policy {
	const char *column;  /* "host_pages" */
	const char *title;   /* "guest pages in the host domain" */
	const char *value;   /* "remove" */
	const char *meaning; /* of the value */
	const char *source;  /* commit, review, PR, or which tree was read */
	bool assumed;        /* nobody could establish it: the nearest known value */
};

/* The profile called `name` ("13.0", "reference"), or NULL. All profiles are static. */
IOMMUSIM_API const struct iommusim_profile *iommusim_profile_find(const char *name);

/* Characters of a profile's name, and the NUL. */
#define IOMMUSIM_PROFILE_NAME 128u

/*
 * Is that a profile for iommusim_vmm_config: one of the table, or one of them with other values in some columns,
 * such as "reference+host_pages=remove" or "13.0+gcmd=restated+leaves=large"? No state: any thread.
 */
IOMMUSIM_API bool iommusim_profile_exists(const char *name);
/*
 * A copy of such a profile, with its values, under that name: OK, ENOENT (iommusim_profile_exists() says no) or
 * ENOMEM, and then `*profile` is NULL. To be freed by its owner; NULL may be freed, too. Any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_profile_create(
    const char *name, struct iommusim_profile **profile);
IOMMUSIM_API void iommusim_profile_free(struct iommusim_profile *profile);
/* Profile number `index` in order of age, or NULL beyond the last. */
IOMMUSIM_API const struct iommusim_profile *iommusim_profile_at(size_t index);
IOMMUSIM_API const char *iommusim_profile_name(const struct iommusim_profile *profile);
IOMMUSIM_API const char *iommusim_profile_about(const struct iommusim_profile *profile);
/* Column number `index` of a profile; false beyond the last. */
IOMMUSIM_API bool iommusim_profile_policy(
    const struct iommusim_profile *profile, size_t index, struct iommusim_policy *policy);

#ifdef __cplusplus
}
#endif

#endif
