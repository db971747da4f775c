/* Findings that calls of iommu_ops tell by themselves: no register and no store has to be seen. */
#include <stdio.h>
#include <string.h>

#include "check/state.h"

static const char *call_place(
    const struct iommusim_check *check, uint32_t number, char *text, size_t size)
{
	const struct check_place place = calls_at(&check->calls, number);

	if (number == 0 || place.line == 0)
		snprintf(text, size, "%s", "");
	else
		snprintf(text, size, " (made at %s:%u)", place.file == NULL ? "line" : place.file,
		    place.line);
	return text;
}

/* ---- unaligned-mapping --------------------------------------------------------------------------- */

void check_alignment(struct iommusim_check *check, const struct iommusim_call *call)
{
	const bool adds = call->kind == IOMMUSIM_CALL_CREATE_MAPPING;
	const uint64_t host = adds ? call->host_address : 0;

	if (!adds && call->kind != IOMMUSIM_CALL_REMOVE_MAPPING)
		return;
	if (((call->address | host | call->length) & (IOMMUSIM_PAGE_SIZE - 1)) == 0)
		return;
	check_finding(check, IOMMUSIM_FINDING_UNALIGNED_MAPPING,
	    "%s of 0x%llx bytes at 0x%llx%s: %s is no multiple of 4 KiB. vmm's VT-d backend panics on it and "
	    "the AMD-Vi one never returns; round to whole pages first",
	    iommusim_call_name(call->kind), (unsigned long long)call->length,
	    (unsigned long long)call->address, adds ? " of the domain" : "",
	    (call->address & (IOMMUSIM_PAGE_SIZE - 1)) != 0 ? "the address"
		: (host & (IOMMUSIM_PAGE_SIZE - 1)) != 0    ? "the host address"
							    : "the length");
}

/* ---- address-beyond-width, poll-never-ends ------------------------------------------------------- */

/* Where ops of the caller's own do not tell it, hardware does: by a device that is in the domain. */
static unsigned width_by_hardware(const struct iommusim_check *check, const struct check_domain *domain)
{
	const struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link) {
		struct page_request request = { .kind = IOMMUSIM_DMA_READ, .rid = device->rid };
		struct iommusim_unit *unit;
		struct iommusim_walk walk;

		if (device->domain != domain)
			continue;
		unit = iommusim_unit_for(check->machine, device->segment, device->rid);
		if (unit == NULL || !unit->model->translating(unit))
			continue;
		request.rid = iommusim_unit_carried_id(unit, device->rid);
		memset(&walk, 0, sizeof(walk));
		unit->model->explain(unit, &request, &walk);
		if (walk.levels != 0)
			return 12u + 9u * walk.levels;
	}
	return 0;
}

#define NARROWEST (UINT64_C(1) << 30) /* address space of a table that anybody uses */

static void check_width(struct iommusim_check *check, const struct check_domain *domain, uint64_t gpa,
    uint64_t end, bool removed)
{
	unsigned width = vmm_domain_width(check->vmm, domain->handle);
	uint64_t first;

	if (width == 0 && end > NARROWEST)
		width = width_by_hardware(check, domain);
	if (width == 0 || width >= 64 || end <= UINT64_C(1) << width)
		return;
	first = gpa < UINT64_C(1) << width ? UINT64_C(1) << width : gpa;
	check_finding(check, IOMMUSIM_FINDING_ADDRESS_BEYOND_WIDTH,
	    "%s 0x%llx in domain %s, whose tables translate %u bits: there it stands for 0x%llx, whose mapping "
	    "is %s now. Make the domain wide enough, or refuse the address",
	    removed ? "took away" : "mapped", (unsigned long long)first,
	    check_domain_name(check, domain), width,
	    (unsigned long long)(first & ((UINT64_C(1) << width) - 1)), removed ? "gone" : "another");
}

void check_mapped(struct iommusim_check *check, const struct check_domain *domain, uint64_t gpa,
    uint64_t length, uint64_t done, bool removed)
{
	if (done == 0 && length > 0) {
		check_finding(check, IOMMUSIM_FINDING_POLL_NEVER_ENDS,
		    "%s for 0x%llx, %llu bytes, in domain %s succeeded and did nothing: its caller goes on "
		    "from where it ended, and so calls it for ever. Return an error, or the bytes that were "
		    "done",
		    removed ? "remove_mapping" : "create_mapping", (unsigned long long)gpa,
		    (unsigned long long)length, check_domain_name(check, domain));
		return;
	}
	if (done <= length && gpa <= UINT64_MAX - done)
		check_width(check, domain, gpa, gpa + done, removed);
}

/* ---- table-leak ---------------------------------------------------------------------------------- */

void check_tables_taken(struct iommusim_check *check, int pages)
{
	if (check->under != NULL)
		check->under->tables += pages;
}

void check_domain_gone(struct iommusim_check *check, const struct check_domain *domain)
{
	char place[160];

	if (domain->tables <= 0)
		return;
	check_finding(check, IOMMUSIM_FINDING_TABLE_LEAK,
	    "domain %s%s is destroyed, and %lld of the pages that its calls took for tables were not given "
	    "back: nothing reaches them any more, and they are lost until the next boot. Free every table "
	    "that was linked, and those that were replaced by a large leaf",
	    domain->name, call_place(check, domain->made_at, place, sizeof(place)),
	    (long long)domain->tables);
}

void check_domains_left(struct iommusim_check *check)
{
	struct check_domain *domain;
	char place[160];

	TAILQ_FOREACH (domain, &check->domains, link) {
		if (domain->destroyed || domain->tables <= 0)
			continue;
		check_finding(check, IOMMUSIM_FINDING_TABLE_LEAK,
		    "the backend is cleaned up while domain %s%s was never destroyed: its %lld pages of tables "
		    "are lost. Call iommu_destroy_domain() first",
		    check_domain_name(check, domain),
		    call_place(check, domain->made_at, place, sizeof(place)),
		    (long long)domain->tables);
		domain->tables = 0; /* said */
	}
}
