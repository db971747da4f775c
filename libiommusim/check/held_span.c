/* Debts by address: ranges of a domain in a tree. Who pays and when is held.c. */
#include "check/held.h"

static int compare(const struct held_span *a, const struct held_span *b)
{
	return a->first < b->first ? -1 : a->first > b->first;
}

RB_PROTOTYPE(held_tree, held_span, link, compare)
RB_GENERATE(held_tree, held_span, link, compare)

struct held_span *held_spans_first(const struct held_spans *spans)
{
	struct held_tree tree = spans->tree; /* RB_MIN takes a tree that might change */

	return RB_MIN(held_tree, &tree);
}

struct held_span *held_spans_last(const struct held_spans *spans)
{
	struct held_tree tree = spans->tree;

	return RB_MAX(held_tree, &tree);
}

struct held_span *held_spans_next(struct held_span *span)
{
	return RB_NEXT(held_tree, NULL, span);
}

/* The first span that ends at `address` or beyond. Spans do not overlap. */
static struct held_span *from(struct held_spans *spans, uint64_t address)
{
	struct held_span *at = RB_ROOT(&spans->tree), *found = NULL;

	while (at != NULL) {
		if (at->last < address) {
			at = RB_RIGHT(at, link);
		} else {
			found = at;
			at = RB_LEFT(at, link);
		}
	}
	return found;
}

static struct held_span *insert(
    struct iommusim_machine *machine, struct held_spans *spans, const struct held_span *span)
{
	struct held_span *copy = machine_alloc(machine, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *span;
	RB_INSERT(held_tree, &spans->tree, copy);
	return copy;
}

static void drop(struct iommusim_machine *machine, struct held_spans *spans, struct held_span *span)
{
	if (spans->latest == span)
		spans->latest = NULL;
	RB_REMOVE(held_tree, &spans->tree, span);
	machine_free(machine, span, sizeof(*span));
}

static void begin_at(struct held_span *span, uint64_t first)
{
	if (span->page != 0)
		span->page += first - span->first;
	span->first = first; /* it stays between its neighbours: the tree need not know */
}

/*
 * Cut a span down to what lies in [first, last]; what lies outside becomes spans of its own. False: no memory
 * for these, and nothing has changed.
 */
static bool cut(struct iommusim_machine *machine, struct held_spans *spans, struct held_span *span,
    uint64_t first, uint64_t last)
{
	struct held_span below = *span, above = *span, *kept = NULL;

	if (span->first < first) {
		below.last = first - 1;
		begin_at(span, first);
		kept = insert(machine, spans, &below);
		if (kept == NULL) {
			span->page = below.page;
			span->first = below.first;
			return false;
		}
	}
	if (span->last <= last)
		return true;
	begin_at(&above, last + 1);
	span->last = last;
	if (insert(machine, spans, &above) != NULL)
		return true;
	span->last = above.last;
	if (kept != NULL) {
		drop(machine, spans, kept);
		span->page = below.page;
		span->first = below.first;
	}
	return false;
}

/* Is the span the continuation of the one added before it? */
static bool continues(const struct held_span *latest, const struct held_span *span)
{
	return latest != NULL && latest->last + 1 == span->first &&
	    latest->page + (span->first - latest->first) == span->page &&
	    latest->holders == span->holders && latest->born == span->born &&
	    latest->place == span->place && latest->absent == span->absent &&
	    latest->tables == span->tables && !latest->told;
}

bool held_spans_add(
    struct iommusim_machine *machine, struct held_spans *spans, const struct held_span *span)
{
	struct held_span whole = *span, *next = from(spans, span->first);

	/* What was owed there still is: the younger debt says so for both. */
	while (next != NULL && next->first <= span->last) {
		struct held_span *after = RB_NEXT(held_tree, &spans->tree, next);

		if (!cut(machine, spans, next, span->first, span->last))
			return false;
		whole.holders |= next->holders;
		whole.tables |= next->tables;
		if (whole.absent && !next->absent) { /* a page that may be reached weighs more */
			whole.absent = false;
			whole.page = next->page - (next->first - whole.first);
			whole.stamp = next->stamp;
			whole.place = next->place;
		}
		drop(machine, spans, next);
		next = after;
	}
	if (continues(spans->latest, &whole)) {
		spans->latest->last = whole.last;
		return true;
	}
	spans->latest = insert(machine, spans, &whole);
	return spans->latest != NULL;
}

void held_spans_pay(
    struct iommusim_machine *machine, struct held_spans *spans, const struct held_payment *payment)
{
	struct held_span *span = from(spans, payment->first);

	while (span != NULL && span->first <= payment->last) {
		struct held_span *next = RB_NEXT(held_tree, &spans->tree, span);

		if ((span->holders & payment->holder) != 0 && span->born <= payment->born &&
		    !(payment->leaf_only && span->tables)) {
			/* Without memory to tell the rest apart that is paid, too: no debt is made up. */
			cut(machine, spans, span, payment->first, payment->last);
			span->holders &= ~payment->holder;
			if (span->holders == 0)
				drop(machine, spans, span);
		}
		span = next;
	}
}

void held_spans_free(struct iommusim_machine *machine, struct held_spans *spans)
{
	struct held_span *span;

	while ((span = RB_ROOT(&spans->tree)) != NULL)
		drop(machine, spans, span);
}
