/*
 * Captures of live systems turned into the trace language: Linux trace events, the DTrace script of
 * docs/capture, and QEMU's log. What each of them holds and what it cannot: docs/capture/README.md.
 */
#ifndef IOMMUSIM_IMPORT_H
#define IOMMUSIM_IMPORT_H

#include <iommusim/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

enum iommusim_import_source {
	IOMMUSIM_IMPORT_DTRACE, /* what docs/capture/vmm-iommu.d prints */
	IOMMUSIM_IMPORT_FTRACE, /* text of /sys/kernel/tracing/trace, trace-cmd report or perf script */
	IOMMUSIM_IMPORT_QEMU    /* lines of -trace vtd_* or amdvi_* */
};

/* "dtrace", "ftrace", "qemu"; the reverse returns ENOENT for another word. No state: any thread. */
IOMMUSIM_API const char *iommusim_import_source_name(enum iommusim_import_source source);
IOMMUSIM_API enum iommusim_status iommusim_import_source_find(
    const char *name, enum iommusim_import_source *source);

/* Why a line is told of. It is in the trace as a comment all the same. */
enum iommusim_import_notice {
	IOMMUSIM_IMPORT_UNREADABLE, /* no line that this source writes */
	IOMMUSIM_IMPORT_MALFORMED,  /* an event whose arguments cannot be read, or make no sense */
	IOMMUSIM_IMPORT_LOST        /* whoever wrote the capture says that events are missing here */
};

struct iommusim_import_options {
	/* Whose IOMMU the trace is for. OF_TRACE: as the capture says, VT-d when it does not. */
	enum iommusim_vendor vendor;
	uint64_t memory; /* bytes of RAM the trace's machine has; 0: as much as the capture uses */
	/* dtrace: one statement per page, as it was called; otherwise runs of pages are joined */
	bool keep_pages;
	/* ftrace: mappings that name no domain belong to that of this device ("00:03.0"); NULL: to none */
	const char *device;
	/* qemu: translations as statements, for a trace that gets its tables by hand; otherwise comments */
	bool dma;
	const struct iommusim_allocator *allocator; /* NULL: the system's */
	void *context; /* of the functions below, each of which may be NULL */
	/* `column` counts bytes from 1; `text` is one line, valid during the call. */
	void (*on_notice)(void *context, enum iommusim_import_notice why, uint32_t line,
	    uint32_t column, const char *text);
	/* Told now and then; `done` of `length` bytes, twice as many when the capture is read twice. */
	void (*on_progress)(void *context, uint64_t done, uint64_t total);
};

struct iommusim_import_summary {
	uint64_t lines;          /* of the capture */
	uint64_t statements;     /* written, with those of the board */
	uint64_t kept;           /* events that are no statement, as comments */
	uint64_t unreadable;     /* lines, as comments */
	uint64_t malformed;      /* likewise */
	uint64_t lost_places;    /* where events are missing by the capture's own account */
	uint64_t lost;           /* how many, as far as it says */
	uint64_t without_domain; /* ftrace: mappings and their removals, as comments */
	uint64_t unfinished;     /* calls of which nothing says how they ended */
	uint64_t
	    reordered;   /* dtrace: put in their place by time stamp; ftrace: their clock went back */
	uint64_t joined; /* dtrace: calls that went into a statement of several */
};

/*
 * Turn the capture `text` of `length` bytes (it need not end in NUL) into a trace, which `out` gets piece
 * by piece and iommusim_replay() reads. Nothing of the capture is dropped: what is not a statement is a
 * comment that begins with the number of its line. Returns OK; EFORMAT when there is no line in it that
 * `source` writes (`diagnostic` has line and column of the first; nothing was written); EINVAL (a device
 * that cannot be read, an allocator without its callbacks); ENOMEM. `summary` holds what was read until
 * then. Time and memory grow with the length, no faster. No state: any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_import(enum iommusim_import_source source, const char *text,
    size_t length, const struct iommusim_import_options *options, const struct iommusim_text *out,
    struct iommusim_import_summary *summary, struct iommusim_diagnostic *diagnostic);

#ifdef __cplusplus
}
#endif

#endif
