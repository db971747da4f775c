/*
 * What replaying a trace takes as the guest in it grows: a guest mapped page by page, a line each, and destroyed. Each
 * size has a process of its own, so that its peak of memory is its own.
 */
#include <string.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "growth.h"
#include "guest_trace.h"
#include "measure.h"
#include "svg.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

enum { QUICK_SIZES = 3, LAYOUTS = 3, ROUNDS = 3, LIMIT_MIB = 64 };

/* What the child tells. */
struct timed {
	uint64_t replayed; /* ns of processor time, all of it but the writing of the trace */
	uint64_t destroyed;
	uint64_t calls;
	struct iommusim_diagnostic diagnostic;
};

struct growth_line {
	uint64_t gib;
	double replay;  /* ns a line, median of the rounds as the next */
	double destroy; /* ns a page */
	double tables;  /* MiB */
	double beside;  /* MiB at the most in any round, beside tables: code, stacks and all */
};

static const char *const layouts[LAYOUTS] = { "contiguous", "2 MiB runs", "scattered" };

/* ---- in the child ---------------------------------------------------------------------------------------------- */

/* The trace, and a clock that stands still while it is written. */
struct clocked {
	struct guest_trace trace;
	uint64_t writing;
	uint64_t goes, gone; /* when the line that destroys was handed out, and when it was done */
};

static enum iommusim_status read_clocked(
    void *context, char *bytes, size_t room, size_t *count, struct iommusim_diagnostic *problem)
{
	struct clocked *clocked = context;
	const uint64_t begin = measure_processor();
	const enum guest_stage stage = clocked->trace.stage;
	const enum iommusim_status status =
	    guest_trace_read(&clocked->trace, bytes, room, count, problem);
	const uint64_t end = measure_processor();

	clocked->writing += end - begin;
	if (stage == GUEST_GOES)
		clocked->goes = end;
	if (stage == GUEST_IS_GONE)
		clocked->gone = begin;
	return status;
}

static void replay_guest(const struct guest_trace *trace, struct timed *timed)
{
	struct clocked clocked = { .trace = *trace };
	const struct iommusim_trace_source source = { .context = &clocked, .read = read_clocked };
	struct iommusim_replay_summary summary;
	const uint64_t begin = measure_processor();

	iommusim_replay_source("guest.iommu", &source, NULL, &summary, &timed->diagnostic);
	timed->replayed = measure_processor() - begin - clocked.writing;
	timed->destroyed = clocked.gone - clocked.goes;
	timed->calls = summary.calls;
}

/* ---- in the parent ----------------------------------------------------------------------------------------------- */

/* False: there is no process to be had, or it came to an end too early. */
static bool in_a_child(const struct guest_trace *trace, struct timed *timed, struct rusage *usage)
{
	int ends[2], status;
	bool told;
	pid_t child;

	if (pipe(ends) != 0)
		return false;
	fflush(NULL);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		replay_guest(trace, timed);
		_exit(write(ends[1], timed, sizeof(*timed)) == (ssize_t)sizeof(*timed) ? 0 : 1);
	}
	close(ends[1]);
	told = child > 0 && read(ends[0], timed, sizeof(*timed)) == (ssize_t)sizeof(*timed);
	close(ends[0]);
	if (child < 0 || wait4(child, &status, 0, usage) != child)
		return false;
	return told && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool refuse(const struct growth_line *line, const char *why)
{
	fprintf(stderr, "iommusim-bench: a trace of %u GiB: %s\n", (unsigned)line->gib, why);
	return false;
}

/* Once. Bytes of the process at its peak, and the times. False: it did not work, and stderr says why. */
static bool time_line(
    const struct growth_line *line, const struct guest_trace *trace, struct timed *timed, double *peak)
{
	struct rusage usage;

	if (!in_a_child(trace, timed, &usage))
		return refuse(line, "the process that replays it came to nothing");
	/* machine(), the domain made and destroyed */
	if (timed->diagnostic.status != IOMMUSIM_OK || timed->calls != trace->pages + 3)
		return refuse(line, timed->diagnostic.text);
	*peak = (double)usage.ru_maxrss / 1024; /* ru_maxrss: KiB */
	return true;
}

static bool measure_line(unsigned vendor, enum guest_layout layout, struct growth_line *line)
{
	const struct guest_trace trace = {
		.pages = line->gib * GIB >> IOMMUSIM_PAGE_SHIFT, .layout = layout, .amdvi = vendor == 1
	};
	double replay[ROUNDS], destroy[ROUNDS];

	line->tables = (double)guest_trace_tables(trace.pages) / (double)MIB;
	line->beside = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct timed timed = { .calls = 0 };
		double peak;

		if (!time_line(line, &trace, &timed, &peak))
			return false;
		replay[round] = (double)timed.replayed / (double)timed.calls;
		destroy[round] = (double)timed.destroyed / (double)trace.pages;
		line->beside = peak - line->tables > line->beside ? peak - line->tables : line->beside;
	}
	line->replay = measure_median(replay, ROUNDS);
	line->destroy = measure_median(destroy, ROUNDS);
	return true;
}

/* ---- showing ------------------------------------------------------------------------------------------------------- */

static void write_heading(void)
{
	printf("%-6s %-11s %6s %11s %9s %9s %10s %9s %9s\n", "unit", "host pages", "guest", "lines",
	    "replay", "million", "destroy", "tables", "beside");
	printf("%-6s %-11s %6s %11s %9s %9s %10s %9s %9s\n", "", "", "GiB", "", "ns/line", "lines/s",
	    "ns/page", "MiB", "MiB");
}

static void write_line(
    bool json, unsigned vendor, enum guest_layout layout, const struct growth_line *line)
{
	const uint64_t lines = line->gib * GIB >> IOMMUSIM_PAGE_SHIFT;

	if (json)
		printf(
		    "{\"name\":\"growth-replay/%s\",\"layout\":\"%s\",\"guest_gib\":%u,\"lines\":%llu,"
		    "\"replay_ns\":%.6g,\"destroy_ns\":%.6g,\"table_mib\":%.6g,\"beside_mib\":%.6g}\n",
		    growth_vendors[vendor], layouts[layout], (unsigned)line->gib,
		    (unsigned long long)lines, line->replay, line->destroy, line->tables, line->beside);
	else
		printf("%-6s %-11s %6u %11llu %9.1f %9.2f %10.2f %9.1f %9.1f\n", growth_vendors[vendor],
		    layouts[layout], (unsigned)line->gib, (unsigned long long)lines, line->replay,
		    1e3 / line->replay, line->destroy, line->tables, line->beside);
	fflush(stdout);
}

static void write_plot(
    FILE *out, struct growth_line lines[GROWTH_VENDORS][GROWTH_SIZES], unsigned sizes)
{
	double replay[GROWTH_VENDORS][GROWTH_SIZES], beside[GROWTH_VENDORS][GROWTH_SIZES],
	    limit[GROWTH_SIZES];
	struct svg_chart chart = { .title = "Replaying a trace that maps a guest page by page",
		.x_label = "guest memory (GiB), a line of the trace for each 4 KiB",
		.y_label = "time (ns a line)",
		.places = growth_guests,
		.count = sizes };

	for (unsigned i = 0; i < sizes; i++) {
		for (unsigned vendor = 0; vendor < GROWTH_VENDORS; vendor++) {
			replay[vendor][i] = lines[vendor][i].replay;
			beside[vendor][i] = lines[vendor][i].beside;
		}
		limit[i] = LIMIT_MIB;
	}
	svg_begin(out, 2);
	chart.series[0] = (struct svg_series){ "VT-d", replay[0] };
	chart.series[1] = (struct svg_series){ "AMD-Vi", replay[1] };
	svg_chart(out, 0, &chart);
	memset(chart.series, 0, sizeof(chart.series));
	chart.title = "Peak memory of the process beside the guest's tables";
	chart.y_label = "memory (MiB)";
	chart.series[0] = (struct svg_series){ "VT-d", beside[0] };
	chart.series[1] = (struct svg_series){ "AMD-Vi", beside[1] };
	chart.series[2] = (struct svg_series){ "target", limit };
	svg_chart(out, 1, &chart);
	svg_end(out);
}

static void write_legend(void)
{
	printf(
	    "\nProcessor time, medians of %d replays, each in a process of its own, checker included as replay "
	    "always has\nit; writing the trace is not in it. Tables: those of the guest, four levels, by "
	    "arithmetic. Beside: the\nprocess's highest peak of resident memory less these.\n",
	    ROUNDS);
}

bool growth_replay_run(const struct growth_options *options)
{
	struct growth_line lines[GROWTH_VENDORS][GROWTH_SIZES];
	const unsigned sizes = options->quick ? QUICK_SIZES : GROWTH_SIZES;

	if (!options->json)
		write_heading();
	for (unsigned vendor = 0; vendor < GROWTH_VENDORS; vendor++) {
		for (unsigned i = 0; i < sizes; i++) {
			lines[vendor][i].gib = UINT64_C(1) << i;
			if (!measure_line(vendor, options->layout, &lines[vendor][i]))
				return false;
			write_line(options->json, vendor, options->layout, &lines[vendor][i]);
		}
	}
	if (!options->json)
		write_legend();
	if (options->plot != NULL)
		write_plot(options->plot, lines, sizes);
	return true;
}

bool growth_print_trace(enum guest_layout layout, uint64_t gib, FILE *out)
{
	struct guest_trace trace = { .pages = gib * GIB >> IOMMUSIM_PAGE_SHIFT, .layout = layout };

	return guest_trace_print(&trace, out);
}
