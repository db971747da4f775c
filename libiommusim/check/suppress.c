/* Findings that do not matter to somebody: by id and by place. They are kept, and marked. */
#include <string.h>

#include "check/state.h"

enum iommusim_status iommusim_check_suppress(
    struct iommusim_check *check, const struct iommusim_suppression *suppression)
{
	const uint32_t last = suppression->last == 0 ? suppression->first : suppression->last;
	struct check_suppression *added;
	const char *file = NULL;

	if ((unsigned)suppression->id > IOMMUSIM_FINDING_COUNT || last < suppression->first)
		return machine_fail(check->machine, IOMMUSIM_EINVAL,
		    "a suppression of finding %u from line %u to %u", (unsigned)suppression->id,
		    suppression->first, last);
	if (suppression->file != NULL) {
		file = check_intern(check, suppression->file);
		if (file == NULL)
			return machine_fail(
			    check->machine, IOMMUSIM_ENOMEM, "no memory for a suppression");
	}
	if (!machine_grow(check->machine, &check->suppressions, &check->suppression_capacity,
		check->suppression_count + 1, sizeof(*check->suppressions)))
		return machine_fail(check->machine, IOMMUSIM_ENOMEM, "no memory for a suppression");
	added = &check->suppressions[check->suppression_count++];
	*added =
	    (struct check_suppression){ (unsigned)suppression->id, file, suppression->first, last };
	return IOMMUSIM_OK;
}

/* The same name, or the last parts of it: "driver.c" stands for "src/driver.c", and not for "a_driver.c". */
static bool is_file(const char *whole, const char *part)
{
	const size_t length = strlen(part);
	size_t whole_length;

	if (whole == NULL)
		return false;
	whole_length = strlen(whole);
	if (length > whole_length || strcmp(whole + whole_length - length, part) != 0)
		return false;
	return length == whole_length || whole[whole_length - length - 1] == '/';
}

bool check_is_suppressed(const struct iommusim_check *check, const struct iommusim_finding *finding)
{
	for (size_t i = 0; i < check->suppression_count; i++) {
		const struct check_suppression *one = &check->suppressions[i];

		if (one->id != IOMMUSIM_FINDING_COUNT && one->id != (unsigned)finding->id)
			continue;
		if (one->file != NULL && !is_file(finding->place.file, one->file))
			continue;
		if (one->first == 0 ||
		    (finding->place.line >= one->first && finding->place.line <= one->last))
			return true;
	}
	return false;
}
