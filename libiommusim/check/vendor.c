/* What VT-d and AMD-Vi call the things that reports speak of. What a report says is report_text.c. */
#include "check/vendor.h"

#include <stdio.h>
#include <string.h>

static const struct vendor_words known[] = {
	{
	    .vendor = "VT-d",
	    .reason = "reason",
	    .not_mapped = " (R=W=0: not mapped)",
	    .overflowed = "no fault recording register was free (FSTS.PFO)",
	    .masked = "the fault interrupt is masked (FECTL.IM=1)",
	    .kept = "a context or paging-structure entry that the unit had kept took part; memory says "
		    "otherwise now. Page-selective invalidations with IH=1 leave such entries",
	},
	{
	    .vendor = "AMD-Vi",
	    .reason = "event",
	    .not_mapped = " (PR=0: not mapped)",
	    .overflowed = "the event log is full, or stopped (Status.EventOverflow, EventLogRun)",
	    .masked = "its interrupt is off (Control.EventIntEn, the unit's MSI capability)",
	    .kept =
		"a device table or page directory entry that the unit had kept took part; memory says "
		"otherwise now. Invalidations of pages with PDE=0 leave such entries",
	},
};

const struct vendor_words *vendor_words(const struct iommusim_walk *walk)
{
	for (size_t i = 0; walk->unit_name != NULL && i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i].vendor, walk->unit_name) == 0)
			return &known[i];
	return &known[0];
}

const char *vendor_record(
    const struct vendor_words *words, const struct iommusim_fault *fault, char *text, size_t size)
{
	if (words == &known[0])
		snprintf(text, size, "FRCD%u", fault->index);
	else
		snprintf(text, size, "the event log");
	return text;
}
