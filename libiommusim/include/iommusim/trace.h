/*
 * The trace language: replaying a story from text, and recording one. What the language says stands in
 * docs/trace-language.md.
 */
#ifndef IOMMUSIM_TRACE_H
#define IOMMUSIM_TRACE_H

#include <iommusim/check.h>
#include <iommusim/count.h>
#include <iommusim/unit.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whose IOMMU a story is played on. */
enum iommusim_vendor {
	IOMMUSIM_VENDOR_OF_TRACE, /* as the trace says */
	IOMMUSIM_VENDOR_VTD,
	IOMMUSIM_VENDOR_AMDVI
};

/* "vtd", "amdvi"; the reverse returns ENOENT for another word. No state: any thread. */
IOMMUSIM_API const char *iommusim_vendor_name(enum iommusim_vendor vendor);
IOMMUSIM_API enum iommusim_status iommusim_vendor_find(const char *name, enum iommusim_vendor *vendor);

struct iommusim_replay_options {
	const char *profile; /* wins over the trace's; NULL: the trace's, else "reference" */
	/* Wins over the trace's, if it says also= (EOPNOTSUPP otherwise): then on this vendor's own board. */
	enum iommusim_vendor vendor;
	bool has_cache; /* `cache` wins over the trace's */
	enum iommusim_cache_policy cache;
	bool has_seed;
	uint64_t seed;
	bool drop_invalidations;
	bool brief; /* on_dma is told of DMA that is OK without reasons (iommusim_check_set_brief()) */
	/* Findings that do not matter, beside those that the trace itself names; read during the call. */
	const struct iommusim_suppression *suppressions;
	size_t suppression_count;
	uint32_t last_line; /* end after this line as at the end of the text; 0: run all */
	const struct iommusim_allocator *allocator; /* NULL: the system's */
	/* Write the story down as it runs, as a trace that needs no other file. NULL: do not. */
	const struct iommusim_text *record;
	/* What the story costs; brought up to date with every statement. NULL: it is not counted. */
	struct iommusim_counts *counts;
	/* Told of every judged DMA, every finding, and every failed expectation. May be NULL. */
	void *context;
	void (*on_dma)(void *context, const struct iommusim_check *check, uint32_t line,
	    const char *statement, const struct iommusim_report *report, bool expected);
	void (*on_finding)(void *context, const struct iommusim_finding *finding, bool expected);
	void (*on_failure)(void *context, uint32_t line, const char *statement, const char *text);
	/*
	 * Told of every statement that was carried out, behind what else there is to tell of it. `result` is what came
	 * of it in the words of the language, such as `error(ENXIO)` or `0x1`; empty when there is nothing to say, or
	 * on_dma said it. May be NULL.
	 */
	void (*on_statement)(void *context, uint32_t line, const char *statement, const char *result);
	/* Told when the story has ended, while everything still stands. May be NULL. */
	void (*on_end)(
	    void *context, const struct iommusim_vmm *vmm, const struct iommusim_check *check);
};

struct iommusim_replay_summary {
	char machine[256]; /* "VT-d, 2 units, 32 GiB, vmm 13.0, cache hoard" */
	char profile[IOMMUSIM_PROFILE_NAME];
	uint64_t calls; /* statements that are calls, dma and interrupts included */
	uint64_t dma[IOMMUSIM_VERDICT_COUNT];
	uint64_t dma_total;
	uint64_t findings[IOMMUSIM_FINDING_COUNT];   /* without those that are suppressed */
	uint64_t suppressed[IOMMUSIM_FINDING_COUNT]; /* nobody has to expect these */
	uint64_t expectations_met;
	uint64_t expectations_failed;
	uint64_t unexpected_dma; /* not ok, and nobody expected it */
	uint64_t unexpected_findings;
	uint64_t sysctl_values[16]; /* in the order of iommusim_sysctl_name() */
	uint32_t sysctl_count;
};

/*
 * Replay the trace `text` of `length` bytes (it need not end in NUL). `file` is its name: relative file
 * names in it are looked up from its folder. Returns OK when every line ran, whatever came of it (see
 * `summary`); EFORMAT for a line that cannot be read, or a statement that cannot be carried out as
 * written (nothing after it runs; `diagnostic` has line, column and what was expected); EOPNOTSUPP for
 * what is not modelled yet; ENOMEM; EIO (a file it names); EINVAL (an allocator without its callbacks).
 * `summary` holds what ran in every case.
 */
IOMMUSIM_API enum iommusim_status iommusim_replay(const char *file, const char *text, size_t length,
    const struct iommusim_replay_options *options, struct iommusim_replay_summary *summary,
    struct iommusim_diagnostic *diagnostic);

/* A trace that comes piece by piece. */
struct iommusim_trace_source {
	void *context;
	/*
	 * Up to `room` bytes (room > 0) of what comes next into `bytes`, and how many into `*count`: 0 is the end, and
	 * nobody asks again. Anything but OK ends the story there, with that status and the words in `problem->text`.
	 */
	enum iommusim_status (*read)(void *context, char *bytes, size_t room, size_t *count,
	    struct iommusim_diagnostic *problem);
};

/*
 * The same of a trace that need not be in memory as a whole: what is kept of its text is a window of 128 KiB, or of twice
 * the longest line. That may have 1 GiB (EFORMAT). Where the source fails, what it gave before has run, but for
 * a line that it began.
 */
IOMMUSIM_API enum iommusim_status iommusim_replay_source(const char *file,
    const struct iommusim_trace_source *source, const struct iommusim_replay_options *options,
    struct iommusim_replay_summary *summary, struct iommusim_diagnostic *diagnostic);

/* Did everything come as it should? Every expectation met, nothing unexpected. */
IOMMUSIM_API bool iommusim_replay_passed(const struct iommusim_replay_summary *summary);

/*
 * One word as a trace writes it: a device (DEVICE in docs/trace-language.md; leading zeros of the
 * hexadecimal form may be left out), or a requester id as a number; and a number with its suffix. OK, or
 * EFORMAT, and then `*problem` says what was expected (static). No state: any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_trace_device(
    const char *text, uint16_t *segment, uint16_t *rid, const char **problem);
IOMMUSIM_API enum iommusim_status iommusim_trace_number(
    const char *text, uint64_t *number, const char **problem);

struct iommusim_recorder;

/*
 * Record what the caller does with a vmm from now on, as a trace in the same language: calls on vmm,
 * register accesses of the caller's own, and the DMA that is handed to iommusim_record_dma(). Create
 * it right after the vmm; functions and units that are there by then are written down first. A
 * recorded run replays to the same summary. A DMA is recorded while its request's data still exists.
 * Returns OK or ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_recorder_create(
    struct iommusim_vmm *vmm, const struct iommusim_text *out, struct iommusim_recorder **recorder);
IOMMUSIM_API void iommusim_record_dma(
    struct iommusim_recorder *recorder, const struct iommusim_report *report);
IOMMUSIM_API void iommusim_recorder_destroy(struct iommusim_recorder *recorder);

#ifdef __cplusplus
}
#endif

#endif
