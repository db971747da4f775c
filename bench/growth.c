/*
 * What the mapping path costs as a guest grows: time a page and memory a page, for guests of 1 GiB upwards in powers of
 * two, as a table, as JSON and as a chart.
 */
#include "growth.h"

#include <string.h>

#include <iommusim/count.h>

#include "bed.h"
#include "memory.h"
#include "svg.h"

#define GIB        (UINT64_C(1) << 30)
#define PAGE_SHIFT IOMMUSIM_PAGE_SHIFT

enum { QUICK_SIZES = 5, ROUNDS = 7 };

struct growth_row {
	uint64_t gib;
	double map;      /* ns a page, median over the rounds, as the next two */
	double destroy;  /* the domain with all its tables */
	double textbook; /* mapping */
	double tables;   /* bytes a page */
	double more;     /* bytes that the library needs beside tables */
};

const char *const growth_guests[GROWTH_SIZES] = { "1", "2", "4", "8", "16", "32", "64", "128", "256" };
const char *const growth_vendors[GROWTH_VENDORS] = { "vtd", "amdvi" };

static struct rig_config config_for(unsigned vendor, uint64_t pages)
{
	return (struct rig_config){
		.profile = "reference", .amdvi = vendor == 1, .ram = rig_ram_for(pages)
	};
}

/* ---- measuring -------------------------------------------------------------------------------------------- */

/* A round of one guest: mapped page by page, and the domain destroyed. */
static bool time_ours(struct bed *bed, double *map, double *destroy)
{
	const double pages = (double)bed->pages;
	uint64_t begin = measure_now(), mapped;

	if (!bed_map(bed, 0, bed->pages))
		return false;
	mapped = measure_now();
	*map = (double)(mapped - begin) / pages;
	if (!bed_fresh(bed))
		return false;
	*destroy = (double)(measure_now() - mapped) / pages;
	return true;
}

static bool time_book(struct bed *bed, double *map)
{
	const uint64_t begin = measure_now();

	if (!bed_book_map(bed, 0, bed->pages))
		return false;
	*map = (double)(measure_now() - begin) / (double)bed->pages;
	return bed_book_fresh(bed);
}

/* Both in turns; the round before the first does not count. */
static bool time_guest(struct bed *bed, struct growth_row *row)
{
	double map[ROUNDS + 1], destroy[ROUNDS + 1], book[ROUNDS + 1];

	for (unsigned round = 0; round <= ROUNDS; round++) {
		const unsigned at = round == 0 ? ROUNDS : round - 1;
		const bool good = round % 2 == 0
		    ? time_ours(bed, &map[at], &destroy[at]) && time_book(bed, &book[at])
		    : time_book(bed, &book[at]) && time_ours(bed, &map[at], &destroy[at]);

		if (!good)
			return false;
	}
	row->map = measure_median(map, ROUNDS);
	row->destroy = measure_median(destroy, ROUNDS);
	row->textbook = measure_median(book, ROUNDS);
	return true;
}

/* Once more on a rig of its own, with what counts tables and what counts memory. Not timed. */
static bool weigh_guest(unsigned vendor, struct bed *timed, struct growth_row *row)
{
	struct memory_meter meter;
	struct bed bed = { .config = config_for(vendor, timed->pages), .pages = timed->pages };
	struct iommusim_counter *counter = NULL;
	struct iommusim_counts before, after;
	bool good;

	memory_meter_init(&meter);
	bed.config.allocator = &meter.allocator;
	good = rig_create(&bed.rig, &bed.config) &&
	    rig_ok(&bed.rig, iommusim_counter_create(bed.rig.vmm, &counter)) &&
	    rig_ok(&bed.rig, iommusim_iommu_create_domain(bed.rig.vmm, RIG_DOMAIN_SIZE, &bed.domain));
	if (good) {
		const uint64_t bytes = memory_meter_bytes(&meter);

		iommusim_counter_read(counter, &before);
		good = bed_map(&bed, 0, bed.pages);
		iommusim_counter_read(counter, &after);
		const double tables = (double)((after.table_pages - before.table_pages) << PAGE_SHIFT);

		row->tables = tables / (double)bed.pages;
		row->more = (double)(memory_meter_bytes(&meter) - bytes) - tables;
		if (row->more < 0) /* pages that had been touched before became tables */
			row->more = 0;
	}
	if (!good)
		timed->rig.status = bed.rig.status;
	iommusim_counter_destroy(counter);
	rig_destroy(&bed.rig);
	return good;
}

static bool measure_guest(unsigned vendor, struct growth_row *row)
{
	const uint64_t pages = row->gib * GIB >> PAGE_SHIFT;
	const struct rig_config config = config_for(vendor, pages);
	struct bed bed;
	bool good = bed_create(&bed, &config, pages);

	good = good && time_guest(&bed, row) && weigh_guest(vendor, &bed, row);
	if (!good) {
		char text[256];

		rig_explain(&bed.rig, text, sizeof(text));
		fprintf(stderr, "iommusim-bench: a guest of %u GiB: %s\n", (unsigned)row->gib, text);
	}
	bed_destroy(&bed);
	return good;
}

/* ---- showing ------------------------------------------------------------------------------------------------ */

static void write_heading(void)
{
	printf("%-6s %8s %12s %12s %14s %14s %14s\n", "unit", "guest", "map", "textbook", "destroy",
	    "tables", "beside tables");
	printf("%-6s %8s %12s %12s %14s %14s %14s\n", "", "GiB", "ns/page", "ns/page", "ns/page",
	    "B/page", "MiB");
}

static void write_row(
    const struct growth_options *options, unsigned vendor, const struct growth_row *row)
{
	if (options->json)
		printf("{\"name\":\"growth/%s\",\"guest_gib\":%u,\"map_ns\":%.6g,\"textbook_ns\":%.6g,"
		       "\"destroy_ns\":%.6g,\"table_bytes\":%.6g,\"more_bytes\":%.0f}\n",
		    growth_vendors[vendor], (unsigned)row->gib, row->map, row->textbook, row->destroy,
		    row->tables, row->more);
	else
		printf("%-6s %8u %12.2f %12.2f %14.2f %14.3f %14.2f\n", growth_vendors[vendor],
		    (unsigned)row->gib, row->map, row->textbook, row->destroy, row->tables,
		    row->more / (1 << 20));
	fflush(stdout);
}

static void write_plot(FILE *out, struct growth_row rows[GROWTH_VENDORS][GROWTH_SIZES], unsigned sizes)
{
	double map[GROWTH_VENDORS][GROWTH_SIZES], destroy[GROWTH_VENDORS][GROWTH_SIZES],
	    tables[GROWTH_VENDORS][GROWTH_SIZES], book[GROWTH_SIZES];
	struct svg_chart chart = { .title = "Mapping a guest page by page, and destroying its domain",
		.x_label = "guest memory (GiB)",
		.y_label = "time (ns a page)",
		.places = growth_guests,
		.count = sizes };

	for (unsigned i = 0; i < sizes; i++) {
		for (unsigned vendor = 0; vendor < GROWTH_VENDORS; vendor++) {
			map[vendor][i] = rows[vendor][i].map;
			destroy[vendor][i] = rows[vendor][i].destroy;
			tables[vendor][i] = rows[vendor][i].tables;
		}
		book[i] = rows[0][i].textbook;
	}
	svg_begin(out, 2);
	chart.series[0] = (struct svg_series){ "map, VT-d", map[0] };
	chart.series[1] = (struct svg_series){ "map, AMD-Vi", map[1] };
	chart.series[2] = (struct svg_series){ "destroy, VT-d", destroy[0] };
	chart.series[3] = (struct svg_series){ "destroy, AMD-Vi", destroy[1] };
	chart.series[4] = (struct svg_series){ "map, textbook", book };
	svg_chart(out, 0, &chart);
	memset(chart.series, 0, sizeof(chart.series));
	chart.title = "Memory for its page tables";
	chart.y_label = "tables (bytes a page)";
	chart.series[0] = (struct svg_series){ "VT-d", tables[0] };
	chart.series[1] = (struct svg_series){ "AMD-Vi", tables[1] };
	svg_chart(out, 1, &chart);
	svg_end(out);
}

bool growth_run(const struct growth_options *options)
{
	struct growth_row rows[GROWTH_VENDORS][GROWTH_SIZES];
	const unsigned sizes = options->quick ? QUICK_SIZES : GROWTH_SIZES;

	if (!options->json)
		write_heading();
	for (unsigned vendor = 0; vendor < GROWTH_VENDORS; vendor++) {
		for (unsigned i = 0; i < sizes; i++) {
			rows[vendor][i].gib = UINT64_C(1) << i;
			if (!measure_guest(vendor, &rows[vendor][i]))
				return false;
			write_row(options, vendor, &rows[vendor][i]);
		}
	}
	if (!options->json)
		printf(
		    "\nMedians of %d rounds, in turns with the textbook. Host pages are scattered; tables "
		    "are built\non the way. Beside tables: what else the library allocates or touches "
		    "meanwhile.\n",
		    ROUNDS);
	if (options->plot != NULL)
		write_plot(options->plot, rows, sizes);
	return true;
}
