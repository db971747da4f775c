/* Which policy of the profile made it so. What is on record of it stands in known.def. */
#include <stddef.h>
#include <string.h>

#include "check/state.h"
#include "vmm/policy.h"

struct known {
	enum iommusim_verdict verdict;
	enum iommusim_call_kind outer;
	enum iommusim_call_kind inner;
	enum policy_column column;
	enum policy_value value;
	const char *column_name;
	const char *record;
};

static const struct known known_bugs[] = {
#define K(verdict, outer, inner, column, value, record)                                                \
	{ IOMMUSIM_VERDICT_##verdict, IOMMUSIM_CALL_##outer, IOMMUSIM_CALL_##inner, COLUMN_##column,   \
		POLICY_##column##_##value, #column, record },
#include "check/known.def"
#undef K
};

void check_blame(struct iommusim_report *report, const struct iommusim_vmm *vmm)
{
	const struct iommusim_remembered_call *call = &report->last_removed;

	for (size_t i = 0; i < sizeof(known_bugs) / sizeof(*known_bugs); i++) {
		const struct known *known = &known_bugs[i];

		if (!call->known || !call->has_inner || report->verdict != known->verdict ||
		    call->outer.kind != known->outer || call->inner_kind != known->inner ||
		    profile_value(iommusim_vmm_profile(vmm), known->column) != known->value)
			continue;
		report->known_bug = known->record;
		report->blamed_column = known->column_name;
		return;
	}
}
