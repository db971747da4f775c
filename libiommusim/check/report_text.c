/* A judged DMA written out for a person. Every line is computed from the report; none is canned. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "check/state.h"
#include "check/vendor.h"
#include "check/write.h"
#include "vmm/policy.h"

static const char *kind_name(enum iommusim_dma_kind kind)
{
	static const char *const names[] = { "read", "write", "atomic" };

	return names[kind];
}

static const char *colour_of(const struct iommusim_report *report, const struct iommusim_text *out)
{
	if (!out->colour)
		return "";
	return report->verdict == IOMMUSIM_VERDICT_OK ? "\033[32m" : "\033[1;31m";
}

static void upper_case(const char *name, char *text)
{
	for (; *name != '\0'; name++, text++)
		*text = (char)(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
	*text = '\0';
}

/* "line 14  dma 0/23/0 "ahci0" write 0x4d2100000 64K for "store-01"              LOST" */
static void write_headline(const struct iommusim_check *check, const struct iommusim_report *report,
    const struct iommusim_text *out)
{
	char place[160], device[24], carried[24], size[24], verdict[16], line[256];
	const bool own = report->rid == report->function;
	/* A brief report does not say. */
	const bool host = report->beneficiary[0] == '\0' || strcmp(report->beneficiary, "host") == 0;

	snprintf(line, sizeof(line), "%s  dma %s%s%s%s%s%s %s 0x%llx %s%s%s%s",
	    write_place(&check->here, place), write_device(report->segment, report->function, device),
	    report->device_name[0] == '\0' ? "" : " \"", report->device_name,
	    report->device_name[0] == '\0' ? "" : "\"", own ? "" : " as ",
	    own ? "" : write_device(report->segment, report->rid, carried),
	    kind_name(report->request.kind), (unsigned long long)report->request.address,
	    write_size(report->request.length, size), host ? "" : " for \"",
	    host ? "" : report->beneficiary, host ? "" : "\"");
	upper_case(iommusim_verdict_name(report->verdict), verdict);
	write_text(
	    out, "%-84s %s%s%s\n", line, colour_of(report, out), verdict, out->colour ? "\033[0m" : "");
}

static const char *owner_text(const struct iommusim_judged_page *page, char *text, size_t size)
{
	switch (page->owner) {
	case IOMMUSIM_OWNER_VM:
		snprintf(text, size, "guest memory of \"%s\" (gpa 0x%llx)", page->owner_vm,
		    (unsigned long long)page->owner_gpa);
		return text;
	case IOMMUSIM_OWNER_TABLE:
		return "a table of the IOMMU itself";
	case IOMMUSIM_OWNER_FIRMWARE:
		return "memory of the firmware";
	case IOMMUSIM_OWNER_DEVICE:
		return "registers of a device";
	case IOMMUSIM_OWNER_NOBODY:
		return "an address without memory";
	default:
		return "memory of the host";
	}
}

/* One sentence: what it means for the data. */
static void write_consequence(const struct iommusim_report *report, const struct iommusim_text *out)
{
	const struct iommusim_dma_page *page = &report->page.page;
	const bool to_memory = report->request.kind != IOMMUSIM_DMA_READ;
	char owner[128], text[512], pages[48];

	snprintf(pages, sizeof(pages), "%llu of %llu pages",
	    (unsigned long long)report->pages_of_verdict,
	    (unsigned long long)report->outcome.page_count);
	if (report->outcome.page_count == 1)
		snprintf(pages, sizeof(pages), "it");
	else if (report->pages_of_verdict == report->outcome.page_count)
		snprintf(pages, sizeof(pages), "all %llu pages",
		    (unsigned long long)report->outcome.page_count);
	if (page->fault.class_ == IOMMUSIM_FAULT_NOT_ISSUED)
		snprintf(text, sizeof(text), "Nothing was sent: %s.", page->fault.meaning);
	else if (page->faulted && page->interrupt)
		snprintf(text, sizeof(text),
		    "The interrupt never arrived: the unit at %llx blocked the message. That is no access "
		    "to memory: interrupt remapping decides about it.",
		    (unsigned long long)report->walk.unit_base);
	else if (page->faulted)
		snprintf(text, sizeof(text), "%s %s: the unit at %llx blocked %s.%s",
		    report->outcome.bytes_moved > 0 ? "Part of the data" : "The data",
		    to_memory ? "never arrived" : "was never read",
		    (unsigned long long)report->walk.unit_base, pages,
		    report->verdict == IOMMUSIM_VERDICT_BLOCKED
			? " It had no right to that memory: this is what an IOMMU is for."
			: "");
	else if (page->interrupt)
		snprintf(
		    text, sizeof(text), "The request is a message interrupt, no access to memory.");
	else
		snprintf(text, sizeof(text), "The device %s 0x%llx: %s%s%s%s.",
		    to_memory ? "wrote to" : "read from", (unsigned long long)page->physical,
		    owner_text(&report->page, owner, sizeof(owner)),
		    report->outcome.page_count == 1 ? "" : ", ",
		    report->outcome.page_count == 1 ? "" : pages,
		    page->bus_error ? ", and nothing is there" : "");
	write_wrapped(out, "  ", text);
}

/* ---- the walk ------------------------------------------------------------------------------------ */

/* A field by the specification's name; 0 when the entry has none of that name. */
static uint64_t field_of(const struct iommusim_walk_step *step, const char *name)
{
	for (unsigned i = 0; i < step->field_count; i++)
		if (strcmp(step->fields[i].name, name) == 0)
			return step->fields[i].value;
	return 0;
}

/* "RW", "R-": what a paging entry allows; of the first stage, to whom. */
static const char *rights_text(const struct iommusim_walk_step *step)
{
	static const char *const second[] = { "--", "R-", "-W", "RW" };
	static const char *const first[] = { "R- supervisor", "RW supervisor", "R- user", "RW user" };
	const bool read = field_of(step, "R") != 0 || field_of(step, "IR") != 0;
	const bool write = field_of(step, "W") != 0 || field_of(step, "IW") != 0;

	if (step->stage != 1)
		return second[read + 2 * write];
	return step->present ? first[(field_of(step, "RW") != 0) + 2 * (field_of(step, "US") != 0)]
			     : "--";
}

static const char *table_name(const struct iommusim_walk_step *step)
{
	static const char *const names[][2] = {
		{ "root entry", "root" },
		{ "context entry", "context" },
		{ "scalable-mode root entry", "root" },
		{ "scalable-mode context entry", "context" },
		{ "PASID directory entry", "PASID directory" },
		{ "PASID table entry", "PASID table" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(step->name, names[i][0]) == 0)
			return names[i][1];
	return step->name;
}

/* A paging entry as "L2"; where both stages take part, "FS2" and "SS2". */
static void paging_text(const struct iommusim_walk_step *step, bool nested, char *text, size_t size)
{
	const char *const stage = !nested ? "L" : step->stage == 1 ? "FS" : "SS";

	snprintf(text, size, "%s%u[0x%03x] 0x%llx %s%s", stage, step->level, step->index,
	    (unsigned long long)step->raw[0], rights_text(step),
	    step->present ? (step->leaf ? " page" : "") : " not present");
}

static void step_text(const struct iommusim_walk_step *step, bool nested, char *text, size_t size)
{
	const char *const absent = step->present ? "" : " not present";

	if (!step->readable)
		snprintf(text, size, "%s at 0x%llx: no memory there", step->structure,
		    (unsigned long long)step->address);
	else if (step->level > 0)
		paging_text(step, nested, text, size);
	else if (strcmp(table_name(step), "root") == 0 || step->quads == 1)
		snprintf(text, size, "%s[0x%02x] 0x%llx%s", table_name(step), step->index,
		    (unsigned long long)step->raw[0], absent);
	else
		snprintf(text, size, "%s[0x%02x] 0x%llx:%llx%s", table_name(step), step->index,
		    (unsigned long long)step->raw[1], (unsigned long long)step->raw[0], absent);
}

/* Of a nested walk: is this part of the way to a table, and so no part of the way to the page? */
static bool is_aside(const struct iommusim_walk *walk, unsigned i)
{
	return walk->steps[i].stage == 2 &&
	    walk->steps[i].input != walk->steps[walk->step_count - 1].input;
}

static void write_walk(const struct iommusim_report *report, const struct iommusim_text *out)
{
	const struct iommusim_walk *walk = &report->walk;
	char text[1024] = "", step[128];
	size_t used = 0;

	if (walk->mode == NULL)
		return; /* a brief report has none */
	if (walk->step_count == 0) {
		snprintf(text, sizeof(text), "none: %s",
		    walk->unit_name == NULL              ? "no unit governs this requester"
			: strcmp(walk->mode, "off") == 0 ? "translation is off in its unit"
							 : "a request to the interrupt address range");
		write_wrapped(out, "  walk   ", text);
		return;
	}
	for (unsigned i = 0; i < walk->step_count && used < sizeof(text); i++) {
		if (is_aside(walk, i))
			continue;
		step_text(&walk->steps[i], strcmp(walk->mode, "nested") == 0, step, sizeof(step));
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "%s%s", i == 0 ? "" : " -> ", step);
	}
	if (walk->levels > 0 && used < sizeof(text))
		snprintf(text + used, sizeof(text) - used, "  (%s, domain %u, %u levels)", walk->mode,
		    walk->result.domain, walk->levels);
	write_wrapped(out, "  walk   ", text);
}

/* Where the record of a fault is, or why there is none. */
static void record_text(const struct iommusim_report *report, char *text, size_t size)
{
	const struct iommusim_fault *fault = &report->page.page.fault;
	const struct vendor_words *words = vendor_words(&report->walk);
	char rid[24], where[48];

	if (fault->recorded)
		snprintf(text, size, "%s: source %s, page 0x%llx",
		    vendor_record(words, fault, where, sizeof(where)),
		    write_rid(report->segment, report->rid, rid),
		    (unsigned long long)(report->page.page.address & ~(IOMMUSIM_PAGE_SIZE - 1)));
	else
		snprintf(text, size, "not recorded: %s",
		    fault->suppressed       ? fault->suppressor
			: fault->overflowed ? words->overflowed
					    : "the unit keeps no record of this");
}

static void write_fault(const struct iommusim_report *report, const struct iommusim_text *out)
{
	const struct iommusim_fault *fault = &report->page.page.fault;
	const struct vendor_words *words = vendor_words(&report->walk);
	const char *meaning = fault->meaning == NULL ? "no record says why" : fault->meaning;
	char text[512], where[160], reason[24] = "";

	if (!report->page.page.faulted)
		return;
	record_text(report, where, sizeof(where));
	if (fault->reason != 0)
		snprintf(reason, sizeof(reason), "%s %xh: ", words->reason, fault->reason);
	snprintf(text, sizeof(text), "%s%s%s.  %s", reason, meaning,
	    fault->class_ == IOMMUSIM_FAULT_NOT_PRESENT && fault->reason < 0x10 ? words->not_mapped
										: "",
	    where);
	write_wrapped(out, "  fault  ", text);
}

static void write_cache(const struct iommusim_report *report, const struct iommusim_text *out)
{
	const struct iommusim_dma_page *page = &report->page.page;
	char text[400], domain[48];

	/* A message that is denied is the interrupt table's affair: its walk as memory says nothing. */
	if (page->faulted && !page->interrupt && !report->walk.result.faulted)
		write_wrapped(out, "  cached ",
		    "the tables would allow this now: the unit went by an entry it had cached before "
		    "they changed");
	if (report->verdict != IOMMUSIM_VERDICT_STALE)
		return;
	if (!page->cached && page->through_cache)
		write_wrapped(out, "  cached ", vendor_words(&report->walk)->kept);
	if (!page->cached)
		return;
	if (report->from_device_tlb)
		snprintf(domain, sizeof(domain), "the device's own translation");
	else
		snprintf(domain, sizeof(domain), "IOTLB entry of domain %u", page->domain);
	snprintf(text, sizeof(text),
	    "%s, page 0x%llx -> 0x%llx, filled by line %llu; memory says %s now", domain,
	    (unsigned long long)(page->address & ~(IOMMUSIM_PAGE_SIZE - 1)),
	    (unsigned long long)(page->physical & ~(IOMMUSIM_PAGE_SIZE - 1)),
	    (unsigned long long)page->cached_tag,
	    report->walk.result.faulted ? "not mapped" : "another page");
	write_wrapped(out, "  cached ", text);
}

/* ---- why, who, known ------------------------------------------------------------------------------ */

static void write_culprit(const struct iommusim_remembered_call *call, const struct iommusim_text *out)
{
	char place[160], text[256];

	write_call(call, text, sizeof(text));
	write_text(out, "           %s  %s\n", write_place(&call->place, place), text);
	if (!call->has_inner)
		return;
	write_inner_call(call, text, sizeof(text));
	write_text(out, "             -> %s\n", text);
}

static void write_policy(const struct iommusim_check *check, const struct iommusim_report *report,
    const struct iommusim_text *out)
{
	const struct iommusim_profile *profile = iommusim_vmm_profile(check->vmm);
	struct iommusim_policy policy;
	char text[320];

	for (size_t i = 0; iommusim_profile_policy(profile, i, &policy); i++) {
		if (strcmp(policy.column, report->blamed_column) != 0)
			continue;
		snprintf(text, sizeof(text), "Profile %s does this: policy %s is `%s`, %s.",
		    iommusim_profile_name(profile), policy.column, policy.value, policy.meaning);
		write_wrapped(out, "         ", text);
	}
}

static void write_why(const struct iommusim_check *check, const struct iommusim_report *report,
    const struct iommusim_text *out)
{
	char text[320], owner[128];

	if (report->device_removed) {
		snprintf(text, sizeof(text), "The device is in no domain. It was in domain %s until",
		    report->last_removed.domain_name);
		write_wrapped(out, "  why    ", text);
		write_culprit(&report->last_removed, out);
	} else if (report->last_removed.known) {
		if (report->page.page.faulted)
			snprintf(text, sizeof(text), "The page is %s. It was in domain %s until",
			    owner_text(&report->page, owner, sizeof(owner)), report->domain_name);
		else
			snprintf(text, sizeof(text), "Domain %s was given this page, until",
			    report->domain_name);
		write_wrapped(out, "  why    ", text);
		write_culprit(&report->last_removed, out);
	} else if (report->last_mapped.known) {
		snprintf(text, sizeof(text), "Domain %s maps this address to 0x%llx since",
		    report->domain_name, (unsigned long long)report->expected);
		write_wrapped(out, "  why    ", text);
		write_culprit(&report->last_mapped, out);
	} else if (report->domain_name[0] != '\0') {
		snprintf(text, sizeof(text), "No call ever gave this address to domain %s.",
		    report->domain_name);
		write_wrapped(out, "  why    ", text);
	} else if (report->walk.unit_name != NULL && strcmp(report->walk.mode, "off") != 0) {
		write_wrapped(out, "  why    ",
		    check->ops_used
			? "The device is in no domain."
			: "No call has put the device into a domain: its tables were written by hand.");
	}
	if (report->blamed_column != NULL)
		write_policy(check, report, out);
}

/* Who would notice, from what goes back to the device and from the fault interrupt. */
static void write_who(const struct iommusim_report *report, const struct iommusim_text *out)
{
	const char *device = report->device_name[0] == '\0' ? "the device" : report->device_name;
	const struct iommusim_fault *fault = &report->page.page.fault;
	const struct vendor_words *words = vendor_words(&report->walk);
	char text[400], event[160], where[48];

	if (!report->page.page.faulted)
		return;
	if (!fault->recorded)
		snprintf(event, sizeof(event), "no record was made");
	else if (report->fault_event_masked)
		snprintf(event, sizeof(event), "the record waits in %s, but %s",
		    vendor_record(words, fault, where, sizeof(where)), words->masked);
	else
		snprintf(event, sizeof(event), "the unit raised its fault interrupt");
	if (report->outcome.completion == IOMMUSIM_COMPLETION_POSTED && report->driver_sees != NULL)
		snprintf(
		    text, sizeof(text), "a write to memory is posted, and gets no answer; %s.", event);
	else if (report->outcome.completion == IOMMUSIM_COMPLETION_POSTED)
		snprintf(text, sizeof(text),
		    "%s: a write to memory is posted, so %s completes with good status; %s.",
		    report->fault_event_masked || !fault->recorded ? "nobody is told"
								   : "the fault handler, nobody else",
		    device, event);
	else
		snprintf(text, sizeof(text), "%s gets %s back; %s.", device,
		    fault->aborts ? "Completer Abort" : "Unsupported Request", event);
	write_wrapped(out, "  who    ", text);
}

static enum policy_value blamed_value(const struct iommusim_profile *profile,
    const struct iommusim_report *report, struct iommusim_policy *policy)
{
	size_t i = 0;

	while (iommusim_profile_policy(profile, i, policy) &&
	    strcmp(policy->column, report->blamed_column) != 0)
		i++;
	return profile_value(profile, (enum policy_column)i);
}

static bool is_release(const struct iommusim_profile *profile)
{
	return isdigit((unsigned char)iommusim_profile_name(profile)[0]);
}

/* The last of the releases from number `first` on that have its value in the blamed column. */
static size_t last_alike(const struct iommusim_report *report, size_t first)
{
	struct iommusim_policy policy;
	const struct iommusim_profile *next;
	const enum policy_value value = blamed_value(iommusim_profile_at(first), report, &policy);
	size_t last = first;

	while ((next = iommusim_profile_at(last + 1)) != NULL && is_release(next) &&
	    blamed_value(next, report, &policy) == value)
		last++;
	return last;
}

/* Profiles that are no releases are variations on `reference`: as far as they vary here. */
static bool says_more(const struct iommusim_profile *profile, const struct iommusim_report *report)
{
	const struct iommusim_profile *reference = iommusim_profile_find("reference");
	struct iommusim_policy policy;

	return is_release(profile) || profile == reference ||
	    blamed_value(profile, report, &policy) != blamed_value(reference, report, &policy);
}

/* Which profiles do not have it: their cell of the same column holds another value. */
static void write_known(const struct iommusim_check *check, const struct iommusim_report *report,
    const struct iommusim_text *out)
{
	const struct iommusim_profile *mine = iommusim_vmm_profile(check->vmm), *other;
	struct iommusim_policy policy;
	enum policy_value bad;
	char text[512];
	size_t used;

	if (report->known_bug == NULL)
		return;
	bad = blamed_value(mine, report, &policy);
	used = (size_t)snprintf(text, sizeof(text), "%s. Profiles without it:", report->known_bug);
	for (size_t i = 0; (other = iommusim_profile_at(i)) != NULL && used < sizeof(text); i++) {
		const size_t last = is_release(other) ? last_alike(report, i) : i;
		const char *end = last == i ? "" : iommusim_profile_name(iommusim_profile_at(last));

		if (says_more(other, report) && blamed_value(other, report, &policy) != bad)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " %s%s%s (%s)",
			    iommusim_profile_name(other), last == i ? "" : " to ", end, policy.value);
		i = last;
	}
	write_wrapped(out, "  known  ", text);
}

static void write_driver(const struct iommusim_report *report, const struct iommusim_text *out)
{
	if (report->driver_sees != NULL)
		write_wrapped(out, "  driver ", report->driver_sees);
}

enum iommusim_status iommusim_report_text(const struct iommusim_check *check,
    const struct iommusim_report *report, const struct iommusim_text *out)
{
	write_headline(check, report, out);
	write_consequence(report, out);
	write_driver(report, out);
	if (report->page.page.fault.class_ == IOMMUSIM_FAULT_NOT_ISSUED)
		return IOMMUSIM_OK; /* no unit had a part in it */
	write_walk(report, out);
	write_fault(report, out);
	write_cache(report, out);
	write_why(check, report, out);
	write_who(report, out);
	write_known(check, report, out);
	return IOMMUSIM_OK;
}
