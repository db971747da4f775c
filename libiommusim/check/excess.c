/*
 * over-invalidation: how many invalidations of translations took more along than anybody had changed. Advice, not
 * a finding: more than is needed never harms but in speed.
 */
#include <stdio.h>
#include <string.h>

#include "check/state.h"

/* What is owed on a unit before an invalidation pays it. */
struct owed {
	const struct check_domain *domain; /* that something is owed of; the last of them */
	unsigned domains;
	uint64_t first, last; /* of what is owed of it */
	bool others;          /* translations of domains may be held of which nothing is owed */
};

static bool owes_all(
    const struct iommusim_check *check, const struct held_unit *unit, const struct check_domain *domain)
{
	const struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link)
		if ((device->held.owed & HELD_TRANSLATIONS) != 0 && device->held.unit == unit &&
		    device->held.before_domain == domain)
			return true;
	return domain->destroyed;
}

static void add(struct iommusim_check *check, const struct held_unit *unit,
    const struct check_domain *domain, struct owed *owed)
{
	const struct held_span *span = held_spans_first(&domain->held.spans);
	const bool all = owes_all(check, unit, domain);
	uint64_t first = UINT64_MAX, last = 0;

	/* What came later lies mostly behind: the ends tell enough, and cost little. */
	if (span != NULL) {
		first = span->first;
		last = held_spans_last(&domain->held.spans)->last;
	}
	if (!all && span == NULL) {
		owed->others = true;
		return;
	}
	owed->domain = domain;
	owed->domains++;
	owed->first = all ? 0 : first;
	owed->last = all ? UINT64_MAX : last;
}

static bool pages_would_do(const struct held_unit *unit, const struct owed *owed)
{
	return owed->domains == 1 &&
	    held_order_of(owed->first, owed->last) <= unit->vendor->most_pages(unit) &&
	    owed->last != UINT64_MAX;
}

static void remember(struct held_unit *unit, const struct owed *owed, uint64_t *counter)
{
	++*counter;
	unit->excess.domain = owed->domain->held.ids[unit->index];
	unit->excess.first = owed->first;
	unit->excess.last = owed->last;
}

void excess_count(struct iommusim_check *check, struct held_unit *unit, const struct held_order *order)
{
	struct held_excess *excess = &unit->excess;
	const struct check_domain *domain;
	struct owed owed = { .domains = 0 };

	/* After a new root, and before translation is on for the first time, all must go. */
	if (!unit->on || unit->pointer_owed != 0)
		return;
	excess->all++;
	if (order->by_range)
		return;
	TAILQ_FOREACH (domain, &check->domains, link)
		if ((domain->held.holders & unit->bit) != 0 &&
		    (!order->by_domain || domain->held.ids[unit->index] == order->domain))
			add(check, unit, domain, &owed);
	if (owed.domains == 0)
		excess->nothing_owed += owed.others;
	else if (pages_would_do(unit, &owed))
		remember(unit, &owed, &excess->pages_would);
	else if (!order->by_domain && owed.domains == 1 && owed.others)
		remember(unit, &owed, &excess->domain_would);
}

/* One clause of the advice: nothing where there is nothing to count. */
static void add_clause(
    char *text, size_t size, const char *separator, uint64_t times, const char *what, const char *how)
{
	const size_t used = strlen(text);

	if (times > 0)
		snprintf(text + used, size - used, "%s%llu %s%s", used == 0 ? "" : separator,
		    (unsigned long long)times, what, how);
}

static void tell(struct iommusim_check *check, const struct held_unit *unit)
{
	const struct held_excess *excess = &unit->excess;
	const struct held_span span = { .first = excess->first, .last = excess->last };
	char example[160] = "", way[128], clauses[256] = "";

	if (excess->domain_would + excess->pages_would > 0) {
		unit->vendor->narrowest(unit, excess->domain, &span, true, way, sizeof(way));
		snprintf(example, sizeof(example), ". Enough for the last of them: %s", way);
	}
	add_clause(clauses, sizeof(clauses), "; ", excess->nothing_owed,
	    "dropped translations although none had changed", "");
	add_clause(clauses, sizeof(clauses), "; ", excess->domain_would,
	    "could have been narrower: ", "domain-selective");
	add_clause(clauses, sizeof(clauses), "; ", excess->pages_would,
	    "could have been narrower: ", unit->vendor->pages_words);
	check_finding(check, IOMMUSIM_FINDING_OVER_INVALIDATION,
	    "the unit at 0x%llx was told %llu time%s to drop translations. %s%s. Each "
	    "translation that is dropped without need has to be walked for again",
	    (unsigned long long)unit->unit->base, (unsigned long long)excess->all,
	    excess->all == 1 ? "" : "s", clauses, example);
}

void iommusim_check_advise(struct iommusim_check *check)
{
	check_settle(check);
	held_look(check);
	for (unsigned i = 0; i < check->held.unit_count; i++) {
		struct held_unit *unit = check->held.units[i];
		struct held_excess *excess = &unit->excess;

		if (excess->domain_would + excess->pages_would + excess->nothing_owed > 0)
			tell(check, unit);
		*excess = (struct held_excess){ .all = 0 };
	}
}
