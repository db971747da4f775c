/* Showing a table: text, JSON, a chart. */
#include <inttypes.h>

#include "ops/table.h"
#include "svg.h"

/* What is kept of translations, however much at a time; what is kept of devices; waits are apart. */
static uint64_t other_invalidations(const struct costs_events *events)
{
	uint64_t sum = 0;

	for (unsigned kind = 0; kind < IOMMUSIM_INVALIDATION_COUNT; kind++)
		if (kind != IOMMUSIM_INVALIDATE_ALL && kind != IOMMUSIM_INVALIDATE_DOMAIN &&
		    kind != IOMMUSIM_INVALIDATE_PAGES && kind != IOMMUSIM_INVALIDATE_WAIT)
			sum += events->invalidations[kind];
	return sum;
}

static const char *vendor_of(const struct table_row *row)
{
	return row->subject.amdvi ? "AMD-Vi" : "VT-d";
}

static void write_row(FILE *out, const struct table_row *row)
{
	const struct costs_events *events = &row->counts.events;

	fprintf(out, "%-23s %-6s %9.1f %9.1f %10.1f ", row->name, vendor_of(row), row->time, row->p99,
	    row->modelled);
	if (row->counts.tables_known)
		fprintf(out, "%9" PRIu64, row->counts.table_pages * 4);
	else
		fprintf(out, "%9s", "-");
	fprintf(out,
	    " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %6" PRIu64
	    " %7" PRIu64 " %8" PRIu64 " %8" PRIu64 " %7" PRIu64 " %9" PRIu64 "\n",
	    row->counts.calls, events->register_reads, events->register_writes,
	    events->invalidations[IOMMUSIM_INVALIDATE_ALL],
	    events->invalidations[IOMMUSIM_INVALIDATE_DOMAIN],
	    events->invalidations[IOMMUSIM_INVALIDATE_PAGES], other_invalidations(events),
	    events->invalidations[IOMMUSIM_INVALIDATE_WAIT], row->counts.dma, row->counts.misses,
	    row->counts.lost, events->copied >> 10);
}

void table_write_text(FILE *out, const struct table *table)
{
	const struct workload *workload = table->workload;

	fprintf(out, "%s\n%s: %s (%" PRIu64 " MiB, %" PRIu64 " times a %s)\n\n", table->title,
	    workload->name, workload->about, table->pages >> 8, workload->count(table->pages),
	    workload->unit);
	fprintf(out, "%-23s %-6s %9s %9s %10s %9s %8s %8s %8s %7s %7s %7s %6s %7s %8s %8s %7s %9s\n",
	    "", "", "software", "slowest", "hardware", "tables", "", "register", "register", "inval.",
	    "inval.", "inval.", "inval.", "", "", "IOTLB", "", "copied");
	fprintf(out, "%-23s %-6s %9s %9s %10s %9s %8s %8s %8s %7s %7s %7s %6s %7s %8s %8s %7s %9s\n",
	    "", "unit", "ns each", "ns each", "ns each", "KiB", "calls", "reads", "writes", "all",
	    "domain", "pages", "other", "waits", "DMA", "misses", "lost", "KiB");
	for (unsigned i = 0; i < table->count; i++)
		write_row(out, &table->rows[i]);
	fprintf(out, "\n");
	fflush(out);
}

static void write_name(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
	}
}

static void write_object(FILE *out, const struct table *table, const struct table_row *row)
{
	const struct costs_events *events = &row->counts.events;

	fprintf(out, "{\"workload\":\"%s\",\"subject\":\"", table->workload->name);
	write_name(out, row->name);
	fprintf(out,
	    "\",\"unit\":\"%s\",\"operation\":\"%s\",\"operations\":%" PRIu64 ",\"software_ns\":%.6g,"
	    "\"software_p99_ns\":%.6g,\"hardware_ns\":%.6g,",
	    row->subject.amdvi ? "amdvi" : "vtd", table->workload->unit,
	    table->workload->count(table->pages), row->time, row->p99, row->modelled);
	if (row->counts.tables_known)
		fprintf(out, "\"table_bytes\":%" PRIu64 ",", row->counts.table_pages * 4096);
	fprintf(out,
	    "\"calls\":%" PRIu64 ",\"register_reads\":%" PRIu64 ",\"register_writes\":%" PRIu64
	    ",\"invalidations\":{",
	    row->counts.calls, events->register_reads, events->register_writes);
	for (unsigned kind = 0; kind < IOMMUSIM_INVALIDATION_COUNT; kind++)
		fprintf(out, "%s\"%s\":%" PRIu64, kind == 0 ? "" : ",",
		    iommusim_invalidation_name((enum iommusim_invalidation)kind),
		    events->invalidations[kind]);
	fprintf(out,
	    "},\"dma\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"lost\":%" PRIu64
	    ",\"walk_accesses\":%" PRIu64 ",\"copied_bytes\":%" PRIu64 "}\n",
	    row->counts.dma, row->counts.misses, row->counts.lost, events->walk_accesses,
	    events->copied);
}

void table_write_json(FILE *out, const struct table *table)
{
	for (unsigned i = 0; i < table->count; i++)
		write_object(out, table, &table->rows[i]);
	fflush(out);
}

void table_write_chart(FILE *out, unsigned index, const struct table *table)
{
	char labels[TABLE_ROWS][TABLE_NAME + 8], title[160], y_label[48];
	const char *places[TABLE_ROWS];
	double software[TABLE_ROWS], hardware[TABLE_ROWS];
	struct svg_chart chart = { .title = title,
		.x_label = table->workload->about,
		.y_label = y_label,
		.places = places,
		.count = table->count,
		.series = { { "calls of vmm, as measured", software },
		    { "hardware, as modelled", hardware } },
		.bars = true };

	snprintf(title, sizeof(title), "%s: %s", table->title, table->workload->name);
	snprintf(y_label, sizeof(y_label), "time (ns a %s)", table->workload->unit);
	for (unsigned i = 0; i < table->count; i++) {
		const struct table_row *row = &table->rows[i];

		snprintf(labels[i], sizeof(labels[i]), "%s, %s", row->name, vendor_of(row));
		places[i] = labels[i];
		software[i] = row->time;
		hardware[i] = row->modelled;
	}
	svg_chart(out, index, &chart);
}
