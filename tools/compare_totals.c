/* The table of totals: which numbers there are, in which order, under which names. */
#include <stdio.h>
#include <string.h>

#include "compare.h"

_Static_assert(16 + IOMMUSIM_VERDICT_COUNT + IOMMUSIM_OP_COUNT + IOMMUSIM_INVALIDATION_COUNT +
	    IOMMUSIM_FINDING_COUNT <=
	COMPARE_TOTALS,
    "the table of totals has become too short");

static void add_heading(struct comparison *comparison, const char *label)
{
	struct compare_total *total = &comparison->totals[comparison->total_count++];

	snprintf(total->label, sizeof(total->label), "%s", label);
}

/* A number of each column: the word at `of(column)`. */
static struct compare_total *add(struct comparison *comparison, unsigned depth, const char *group,
    const char *name, const char *label)
{
	struct compare_total *total = &comparison->totals[comparison->total_count++];

	total->depth = depth;
	snprintf(total->name, sizeof(total->name), "%s%s%s", group, group[0] == '\0' ? "" : "/", name);
	snprintf(total->label, sizeof(total->label), "%s", label);
	return total;
}

#define FILL(comparison, total, expression)                                                            \
	do {                                                                                           \
		for (unsigned i_ = 0; i_ < (comparison)->column_count; i_++) {                         \
			const struct compare_column *column = &(comparison)->columns[i_];              \
			(total)->values[i_] = (expression);                                            \
		}                                                                                      \
	} while (0)

/* Shown to people only where it is not 0. */
#define FILL_QUIETLY(comparison, total, expression)                                                    \
	do {                                                                                           \
		(total)->quiet = true;                                                                 \
		FILL(comparison, total, expression);                                                   \
	} while (0)

static void add_dma(struct comparison *comparison)
{
	struct compare_total *total;

	add_heading(comparison, "What became of the DMA");
	total = add(comparison, 1, "dma", "total", "DMAs");
	FILL(comparison, total, column->summary.dma_total);
	for (unsigned i = 0; i < IOMMUSIM_VERDICT_COUNT; i++) {
		const char *name = iommusim_verdict_name((enum iommusim_verdict)i);

		total = add(comparison, 2, "dma", name, name);
		FILL_QUIETLY(comparison, total, column->summary.dma[i]);
		total->quiet = i != IOMMUSIM_VERDICT_LOST;
	}
	total = add(comparison, 1, "pages", "lost", "pages of lost DMA");
	FILL(comparison, total, column->pages[IOMMUSIM_VERDICT_LOST]);
}

static void add_exposed(struct comparison *comparison)
{
	struct compare_total *total;

	add_heading(comparison, "What was exposed, in pages of 4 KiB");
	total =
	    add(comparison, 1, "exposed", "reached", "reached by DMA, given by nobody (breach, stale)");
	FILL(comparison, total,
	    column->pages[IOMMUSIM_VERDICT_BREACH] + column->pages[IOMMUSIM_VERDICT_STALE]);
	total = add(
	    comparison, 1, "exposed", "reached_untranslated", "reached by DMA that no unit translated");
	FILL(comparison, total, column->pages[IOMMUSIM_VERDICT_UNPROTECTED]);
	total = add(comparison, 1, "exposed", "guest_pages_in_host",
	    "guest pages in the host domain, at the most");
	FILL(comparison, total, column->counts.guest_pages_in_host);
	total = add(comparison, 1, "exposed", "guest_pages_unguarded",
	    "guest pages while a device is untranslated, at the most");
	FILL(comparison, total, column->counts.guest_pages_unguarded);
	total = add(comparison, 1, "exposed", "idle_devices_reaching",
	    "idle ppt devices that reach host memory, at the most");
	FILL_QUIETLY(comparison, total, column->counts.idle_devices_reaching);
}

static uint64_t all_calls(const struct iommusim_counts *counts)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < IOMMUSIM_OP_COUNT; i++)
		sum += counts->ops[i];
	return sum;
}

/* Waits, and what is no invalidation, do not count as one. */
static uint64_t all_invalidations(const struct iommusim_counts *counts)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < IOMMUSIM_INVALIDATE_WAIT; i++)
		sum += counts->invalidations[i];
	return sum;
}

static void add_calls(struct comparison *comparison)
{
	struct compare_total *total = add(comparison, 1, "calls", "total", "calls of iommu_ops");

	FILL(comparison, total, all_calls(&column->counts));
	for (unsigned i = 0; i < IOMMUSIM_OP_COUNT; i++) {
		const char *name = iommusim_op_name((enum iommusim_op)i);

		total = add(comparison, 2, "calls", name, name);
		FILL_QUIETLY(comparison, total, column->counts.ops[i]);
	}
	total = add(comparison, 1, "registers", "reads", "register reads");
	FILL(comparison, total, column->counts.register_reads);
	total = add(comparison, 1, "registers", "writes", "register writes");
	FILL(comparison, total, column->counts.register_writes);
}

static const char *vendor_of(const struct comparison *comparison)
{
	for (unsigned i = 0; i < comparison->column_count; i++)
		if (comparison->columns[i].vendor[0] != '\0')
			return comparison->columns[i].vendor;
	return "";
}

static void add_invalidations(struct comparison *comparison)
{
	struct compare_total *total = add(comparison, 1, "invalidations", "total", "invalidations");
	const char *vendor = vendor_of(comparison);

	FILL(comparison, total, all_invalidations(&column->counts));
	for (unsigned i = 0; i < IOMMUSIM_INVALIDATION_COUNT; i++) {
		const enum iommusim_invalidation kind = (enum iommusim_invalidation)i;
		const char *meaning = iommusim_invalidation_meaning(kind, vendor);

		if (meaning == NULL)
			continue;
		total = add(comparison, i < IOMMUSIM_INVALIDATE_WAIT ? 2 : 1, "invalidations",
		    iommusim_invalidation_name(kind), meaning);
		FILL_QUIETLY(comparison, total, column->counts.invalidations[i]);
	}
}

static void add_cost(struct comparison *comparison)
{
	struct compare_total *total;

	add_heading(comparison, "What it cost");
	add_calls(comparison);
	add_invalidations(comparison);
	total = add(comparison, 1, "", "table_pages", "pages for page tables, at the most");
	FILL(comparison, total, column->counts.table_pages);
	total = add(comparison, 1, "", "bytes_copied", "bytes copied by way of bounce buffers");
	FILL(comparison, total, column->counts.bounced);
}

static void add_findings(struct comparison *comparison)
{
	struct compare_total *total;

	add_heading(comparison, "Findings and expectations");
	for (unsigned i = 0; i < IOMMUSIM_FINDING_COUNT; i++) {
		const char *name = iommusim_finding_name((enum iommusim_finding_id)i);

		total = add(comparison, 1, "findings", name, name);
		FILL_QUIETLY(comparison, total, column->summary.findings[i]);
	}
	total = add(comparison, 1, "expectations", "met", "the story's expectations that were met");
	FILL(comparison, total, column->summary.expectations_met);
	total = add(comparison, 1, "expectations", "failed", "and that were not");
	FILL(comparison, total, column->summary.expectations_failed);
}

bool compare_is_zero(const struct comparison *comparison, const struct compare_total *total)
{
	for (unsigned i = 0; i < comparison->column_count; i++)
		if (total->values[i] != 0)
			return false;
	return true;
}

void compare_totals(struct comparison *comparison)
{
	add_dma(comparison);
	add_exposed(comparison);
	add_cost(comparison);
	add_findings(comparison);
	for (size_t i = 0; i < comparison->total_count; i++) {
		struct compare_total *total = &comparison->totals[i];

		for (unsigned j = 1; j < comparison->column_count; j++)
			total->differs |= total->values[j] != total->values[0];
	}
}
