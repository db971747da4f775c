/*
 * missing-invalidation and domain-id-reuse: when a debt matters, and what is said of it. Which debts there are is
 * held.c.
 */
#include <stdio.h>
#include <string.h>

#include "check/state.h"
#include "check/write.h"

/* Room for a call in words, and for an invalidation. */
#define CALL_ROOM 224u
#define WAY_ROOM  160u

/* "iommu_remove_mapping(dom1, 0x5000, 0x1000) at line 19" */
static void write_who(const struct iommusim_remembered_call *call, char *text, size_t size)
{
	char words[160], place[160];

	if (!call->known) {
		snprintf(text, size, "a call from an unknown place");
		return;
	}
	if (call->has_inner)
		write_inner_call(call, words, sizeof(words));
	else
		write_call(call, words, sizeof(words));
	snprintf(text, size, "%.139s at %.80s", words, write_place(&call->place, place));
}

static void write_place_of(const struct iommusim_check *check, uint32_t place, char *text, size_t size)
{
	const char *domain_name = calls_at(&check->calls, place).domain_name;
	struct iommusim_remembered_call call;

	check_recall_place(check, place, &call);
	/* The names of domains are the ledger's to know: the place keeps them apart from the call. */
	if (call.known && domain_name != NULL)
		snprintf(call.domain_name, sizeof(call.domain_name), "%s", domain_name);
	write_who(&call, text, size);
}

/* ---- one debt in words ---------------------------------------------------------------------------- */

/* The holder a debt is told of: a unit, or the device-TLB of a device behind one. */
struct holder {
	struct held_unit *unit;
	const struct check_device *tlb; /* NULL: the unit itself */
};

/* The first holder of a debt that can still be reached; `unit` NULL: there is none. */
static struct holder holder_of(
    const struct iommusim_check *check, const struct check_domain *domain, const struct held_span *span)
{
	const struct held *held = &check->held;

	for (unsigned i = 0; i < held->unit_count; i++)
		if ((span->holders & held->units[i]->bit) != 0 &&
		    held_reachable(check, held->units[i], domain))
			return (struct holder){ .unit = held->units[i] };
	for (unsigned i = 0; i < held->tlb_count; i++)
		if ((span->holders >> (63 - i) & 1) != 0 && held->tlbs[i]->held.unit != NULL &&
		    requester_has_tlb(
			check->machine, held->tlbs[i]->segment, held->tlbs[i]->rid)) /* ATS is on */
			return (
			    struct holder){ .unit = held->tlbs[i]->held.unit, .tlb = held->tlbs[i] };
	return (struct holder){ .unit = NULL };
}

static void write_holder(const struct holder *holder, char *text, size_t size)
{
	char rid[24];

	if (holder->tlb == NULL)
		snprintf(
		    text, size, "the unit at 0x%llx", (unsigned long long)holder->unit->unit->base);
	else
		snprintf(text, size, "the device-TLB of %s",
		    write_rid(holder->tlb->segment, holder->tlb->rid, rid));
}

static void write_way(const struct iommusim_check *check, const struct holder *holder,
    const struct check_domain *domain, const struct held_span *span, char *text, size_t size)
{
	const bool builtin = vmm_table_pages(check->vmm) != 0;
	char rid[24];

	if (holder->tlb == NULL)
		holder->unit->vendor->narrowest(
		    holder->unit, domain->held.ids[holder->unit->index], span, builtin, text, size);
	else
		snprintf(text, size, "device-TLB of %s, addresses 0x%llx to 0x%llx",
		    write_rid(holder->tlb->segment, holder->tlb->rid, rid),
		    (unsigned long long)span->first, (unsigned long long)span->last);
}

static void write_what(const struct held_span *span, uint64_t address, char *text, size_t size)
{
	const uint64_t page = span->page + (address - span->first);

	if (span->absent)
		snprintf(text, size, "that nothing was at 0x%llx", (unsigned long long)address);
	else
		snprintf(text, size, "0x%llx -> 0x%llx", (unsigned long long)address,
		    (unsigned long long)page);
}

/* `more`: bytes of other debts that matter for the same reason. `why` is a sentence. */
static void tell_span(struct iommusim_check *check, const struct check_domain *domain,
    struct held_span *span, uint64_t address, uint64_t more, const char *why)
{
	const struct holder holder = holder_of(check, domain, span);
	struct iommusim_remembered_call call;
	char who[CALL_ROOM], way[WAY_ROOM], what[64], where[64], rest[48] = "", size[24];

	span->told = true;
	if (holder.unit == NULL)
		return;
	check_recall(check, domain, span->stamp, address, &call);
	write_who(&call, who, sizeof(who));
	write_holder(&holder, where, sizeof(where));
	write_way(check, &holder, domain, span, way, sizeof(way));
	write_what(span, address, what, sizeof(what));
	if (more > 0)
		snprintf(rest, sizeof(rest), ", and %s more", write_size(more, size));
	check_finding(check, IOMMUSIM_FINDING_MISSING_INVALIDATION,
	    "%s may still hold %s of domain %u (%s)%s: %s changed that in memory, and nothing told "
	    "the hardware. %s. The narrowest invalidation that would do: %s",
	    where, what, domain->held.ids[holder.unit->index], check_domain_name(check, domain), rest,
	    who, why, way);
}

static void tell_entry(struct iommusim_check *check, struct check_device *device, const char *why)
{
	struct held_device *own = &device->held;
	char who[CALL_ROOM], way[WAY_ROOM], rid[24];

	own->told = true;
	write_place_of(check, own->place, who, sizeof(who));
	if ((own->owed & ~HELD_TLB) != 0)
		own->unit->vendor->narrowest_entry(own->unit, device, way, sizeof(way));
	else
		snprintf(way, sizeof(way), "device-TLB of %s, all addresses",
		    write_rid(device->segment, device->rid, rid));
	check_finding(check, IOMMUSIM_FINDING_MISSING_INVALIDATION,
	    "the unit at 0x%llx may still hold the %s of %s for %s%s, or translations it found by that: %s changed "
	    "the entry in memory, and nothing told the unit. %s. The narrowest invalidation that would do: %s",
	    (unsigned long long)own->unit->unit->base, own->unit->vendor->entry_words,
	    write_rid(device->segment, device->rid, rid), own->before.present ? "domain " : "no domain",
	    own->before.present && own->before_domain != NULL
		? check_domain_name(check, own->before_domain)
		: "",
	    who, why, way);
}

/* ---- when one matters ----------------------------------------------------------------------------- */

static struct held_span *span_at(const struct check_domain *domain, uint64_t address)
{
	struct held_span *span = held_spans_first(&domain->held.spans);

	while (span != NULL && span->last < address)
		span = held_spans_next(span);
	return span != NULL && span->first <= address ? span : NULL;
}

void missing_dma(struct iommusim_check *check, const struct iommusim_report *report)
{
	const bool stale = report->verdict == IOMMUSIM_VERDICT_STALE;
	struct check_device *device = check_device_find(check, report->segment, report->rid);
	const uint64_t address = report->page.page.address & ~(IOMMUSIM_PAGE_SIZE - 1);
	const struct check_domain *domain;
	struct held_span *span;
	char why[96], rid[24];

	held_look(check);
	if (device == NULL || check->held.blind || (!stale && report->verdict != IOMMUSIM_VERDICT_LOST))
		return;
	write_rid(report->segment, report->rid, rid);
	if (stale)
		snprintf(why, sizeof(why), "A DMA of %s reached 0x%llx by it", rid,
		    (unsigned long long)report->page.page.physical);
	else
		snprintf(why, sizeof(why), "A DMA of %s failed by it", rid);
	domain = device->domain != NULL ? device->domain : device->last;
	span = domain == NULL ? NULL : span_at(domain, address);
	/* Lost because the old entry allows nothing, or by what that leads to: as memory has it now, it is allowed. */
	if (device->held.owed != 0 && !device->held.told &&
	    (device->held.before.present == stale || (!stale && !report->walk.result.faulted)))
		tell_entry(check, device, why);
	else if (span != NULL && !span->told && span->absent == !stale)
		tell_span(check, domain, span, address, 0, why);
}

/* Does it lead to memory of that VM? The first address that does. */
static bool leads_to_vm(
    const struct iommusim_check *check, const struct held_span *span, const char *vm, uint64_t *address)
{
	uint64_t run;

	for (uint64_t at = span->first; at <= span->last && !span->absent; at += run) {
		struct pagemap_cell cell;

		run = span->last - at + 1;
		cell = pagemap_run(&check->owners, span->page + (at - span->first), &run);
		*address = at;
		if ((cell.value & OWNER_IS_VM) != 0 && strcmp(check->vm_names[cell.stamp], vm) == 0)
			return true;
	}
	return false;
}

static void tell_moved(
    struct iommusim_check *check, const struct check_domain *domain, const char *vm, bool away)
{
	struct held_span *first = NULL;
	uint64_t address = 0, at, more = 0;
	char why[96];

	for (struct held_span *span = held_spans_first(&domain->held.spans); span != NULL;
	     span = held_spans_next(span)) {
		if (span->told || holder_of(check, domain, span).unit == NULL ||
		    !leads_to_vm(check, span, vm, &at))
			continue;
		more += first == NULL ? span->last - at + 1 - IOMMUSIM_PAGE_SIZE
				      : span->last - span->first + 1;
		if (first == NULL) {
			first = span;
			address = at;
		}
		span->told = true;
	}
	if (first == NULL)
		return;
	snprintf(why, sizeof(why),
	    away ? "The host has that memory of \"%.40s\" back now" : "The memory is \"%.40s\"'s now",
	    vm);
	tell_span(check, domain, first, address, more, why);
}

void missing_memory_moves(struct iommusim_check *check, const struct iommusim_vm *vm, bool away)
{
	const struct check_domain *domain;

	held_look(check);
	if (check->held.blind)
		return;
	TAILQ_FOREACH (domain, &check->domains, link)
		if (held_spans_first(&domain->held.spans) != NULL)
			tell_moved(check, domain, iommusim_vm_name(vm), away);
}

/* Whoever is still led to its tables by an entry of its own is table-freed-while-reachable's business. */
void missing_domain_destroyed(struct iommusim_check *check, struct check_domain *domain)
{
	struct check_device *device;

	held_look(check);
	domain->held.destroyed = check->place;
	if (check->held.blind)
		return;
	TAILQ_FOREACH (device, &check->devices, link) {
		struct held_device *own = &device->held;

		if (own->owed == 0 || own->told || !own->before.present || !own->unit->on)
			continue;
		if (own->before_domain != domain && own->later_domain != domain)
			continue;
		if (own->before_domain != domain) { /* this one matters now */
			own->before = own->later;
			own->before_domain = domain;
		}
		tell_entry(check, device, "Now the domain is destroyed and its tables are freed");
	}
}

/* ---- domain ids ----------------------------------------------------------------------------------- */

static void tell_reuse(
    struct iommusim_check *check, const struct check_device *device, const struct check_domain *former)
{
	const struct held_device *own = &device->held;
	const struct held_span all = { .last = UINT64_MAX, .tables = true };
	char who[CALL_ROOM] = "", way[WAY_ROOM];

	own->unit->vendor->narrowest(own->unit, own->entry.domain, &all, true, way, sizeof(way));
	if (former->destroyed)
		write_place_of(check, former->held.destroyed, who, sizeof(who));
	check_finding(check, IOMMUSIM_FINDING_DOMAIN_ID_REUSE,
	    "domain %s goes by id %u at the unit at 0x%llx, which may still hold translations of domain %s under "
	    "that id: it %s%s. Devices of either reach memory of the other. Missing before the id is given to "
	    "anybody else: %s",
	    check_domain_name(check, own->domain), own->entry.domain,
	    (unsigned long long)own->unit->unit->base,
	    former->destroyed ? former->name : check_domain_name(check, former),
	    former->destroyed ? "had it up to " : "has it, too", who, way);
}

void missing_entry_present(struct iommusim_check *check, struct check_device *device)
{
	const struct held_device *own = &device->held;
	struct check_domain *former;

	if (check->held.blind)
		return;
	TAILQ_FOREACH (former, &check->domains, link) {
		if (former == own->domain || former->held.reuse_told ||
		    (former->held.holders & own->unit->bit) == 0 ||
		    former->held.ids[own->unit->index] != own->entry.domain)
			continue;
		former->held.reuse_told = true;
		tell_reuse(check, device, former);
	}
}

/* ---- the end -------------------------------------------------------------------------------------- */

/* Has a later invalidation passed it by? */
static bool was_passed_by(const struct check_domain *domain, const struct held_span *span)
{
	return !span->told && span->born <= domain->held.invalidated;
}

static void end_of_domain(struct iommusim_check *check, const struct check_domain *domain)
{
	struct held_span *first = NULL;
	uint64_t more = 0;

	for (struct held_span *span = held_spans_first(&domain->held.spans); span != NULL;
	     span = held_spans_next(span)) {
		if (!was_passed_by(domain, span) || holder_of(check, domain, span).unit == NULL)
			continue;
		if (first == NULL)
			first = span;
		more += span->last - span->first + 1;
		span->told = true;
	}
	if (first != NULL)
		tell_span(check, domain, first, first->first, more - IOMMUSIM_PAGE_SIZE,
		    "Invalidations that came later have passed it by");
}

static bool entry_was_passed_by(const struct held_device *own)
{
	if ((own->owed & HELD_ENTRIES) != 0 && own->born <= own->unit->entries_invalidated)
		return true;
	return (own->owed & HELD_TRANSLATIONS) != 0 && own->before_domain != NULL &&
	    own->born <= own->before_domain->held.invalidated;
}

void missing_at_end(struct iommusim_check *check)
{
	struct check_device *device;
	const struct check_domain *domain;

	if (check->held.blind)
		return;
	TAILQ_FOREACH (device, &check->devices, link)
		if (device->held.owed != 0 && !device->held.told && entry_was_passed_by(&device->held))
			tell_entry(check, device, "Invalidations that came later have passed it by");
	TAILQ_FOREACH (domain, &check->domains, link)
		if (!domain->destroyed)
			end_of_domain(check, domain);
}
