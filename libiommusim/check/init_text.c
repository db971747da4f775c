/* Why the IOMMU is not initialised, written out for a person. */
#include <stdio.h>
#include <string.h>

#include "check/state.h"
#include "check/write.h"

/* What the other ways to the same 0 would look like, and why each is ruled out here. */
static void write_ruled_out(const struct iommusim_check *check,
    const struct iommusim_init_report *report, const struct iommusim_text *out)
{
	char text[400];
	size_t used;
	uint64_t enable = 0;

	iommusim_sysctl_get(check->vmm, "hw.vmm.iommu.enable", &enable);
	used = (size_t)snprintf(
	    text, sizeof(text), "hw.vmm.iommu.enable=%llu", (unsigned long long)enable);
	if (report->outcome != IOMMUSIM_INIT_DISABLED && report->outcome != IOMMUSIM_INIT_UNKNOWN_CPU)
		used += (size_t)snprintf(text + used, sizeof(text) - used, ", a known processor");
	if (report->table_found)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    ", %s %s table of %u bytes, checksum %s, %u units named, %u taken",
		    report->table[0] == 'I' ? "an" : "a", report->table, report->table_length,
		    report->table_checksum_ok ? "good" : "wrong", report->units_named,
		    report->units_used);
	if (report->status != IOMMUSIM_OK)
		snprintf(text + used, sizeof(text) - used, ", ops->init returned %s",
		    iommusim_status_name(report->status));
	write_wrapped(out, "  seen   ", text);
}

static void write_devices(const struct iommusim_check *check, const struct iommusim_text *out)
{
	char text[400], place[160];
	uint64_t devices = 0;

	iommusim_sysctl_get(check->vmm, "hw.vmm.ppt.devices", &devices);
	if (check->unprotected == 0) {
		snprintf(text, sizeof(text),
		    "hw.vmm.ppt.devices = %llu. No DMA was made; any would reach memory unprotected.",
		    (unsigned long long)devices);
	} else {
		snprintf(text, sizeof(text),
		    "hw.vmm.ppt.devices = %llu. %llu DMA%s went through UNPROTECTED, the first at %s: "
		    "\"%s\" reached 0x%llx.",
		    (unsigned long long)devices, (unsigned long long)check->unprotected,
		    check->unprotected == 1 ? "" : "s",
		    write_place(&check->first_unprotected_place, place),
		    check->first_unprotected_device,
		    (unsigned long long)check->first_unprotected.page.physical);
	}
	write_wrapped(out, "  then   ", text);
}

enum iommusim_status iommusim_init_text(
    const struct iommusim_check *check, const struct iommusim_text *out)
{
	struct iommusim_init_report report;
	char place[160];

	iommusim_init_report(check->vmm, &report);
	if (report.outcome == IOMMUSIM_INIT_NOT_REACHED || report.outcome == IOMMUSIM_INIT_DONE)
		return IOMMUSIM_OK;
	write_text(out,
	    "hw.vmm.iommu.initialized = 0. iommu_init was reached at %s and stopped there: %s\n",
	    write_place(&check->init_place, place), iommusim_init_outcome_name(report.outcome));
	write_wrapped(out, "  why    ", report.text);
	write_ruled_out(check, &report, out);
	write_wrapped(out, "  told   ",
	    report.told ? "vmm printed a line about it" : "nobody: vmm printed nothing about it");
	write_devices(check, out);
	if (report.advice[0] != '\0')
		write_wrapped(out, "  do     ", report.advice);
	return IOMMUSIM_OK;
}
