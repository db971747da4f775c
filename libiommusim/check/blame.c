/* Which policy of the profile made it so. What is on record of it stands in known.def. */
#include <stddef.h>
#include <string.h>

#include "check/state.h"
#include "vmm/policy.h"

struct known {
	enum iommusim_verdict verdict;
	const char *vendor; /* of the unit; NULL: any */
	enum iommusim_call_kind outer;
	enum iommusim_call_kind inner;
	enum policy_column column;
	enum policy_value value;
	const char *column_name;
	const char *record;
};

static const struct known known_bugs[] = {
#define K(verdict, vendor, outer, inner, column, value, record)                                        \
	{ IOMMUSIM_VERDICT_##verdict, vendor, IOMMUSIM_CALL_##outer, IOMMUSIM_CALL_##inner,            \
		COLUMN_##column, POLICY_##column##_##value, #column, record },
#include "check/known.def"
#undef K
};

/* Was it this call that the report remembers? Of a device that was taken out, the inner call is that. */
static bool explains(const struct known *known, const struct iommusim_report *report)
{
	const struct iommusim_remembered_call *call = &report->last_removed;

	if (!call->known || call->outer.kind != known->outer)
		return false;
	return report->device_removed ? known->inner == IOMMUSIM_CALL_REMOVE_DEVICE
				      : call->has_inner && call->inner_kind == known->inner;
}

static bool is_of(const char *vendor, const struct iommusim_report *report)
{
	return vendor == NULL ||
	    (report->walk.unit_name != NULL && strcmp(report->walk.unit_name, vendor) == 0);
}

void check_blame(struct iommusim_report *report, const struct iommusim_vmm *vmm)
{
	for (size_t i = 0; i < sizeof(known_bugs) / sizeof(*known_bugs); i++) {
		const struct known *known = &known_bugs[i];

		if (report->verdict != known->verdict || !is_of(known->vendor, report) ||
		    !explains(known, report) ||
		    profile_value(iommusim_vmm_profile(vmm), known->column) != known->value)
			continue;
		report->known_bug = known->record;
		report->blamed_column = known->column_name;
		return;
	}
}
