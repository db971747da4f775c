/*
 * What a replay asks of the recorder beyond trace.h, and replaying with a recorder at hand.
 */
#ifndef IOMMUSIM_REPLAY_RECORD_H
#define IOMMUSIM_REPLAY_RECORD_H

#include <iommusim/trace.h>

struct statement;

/*
 * A statement of a trace has run: if no call and no register access of it was seen, write it down from
 * what was read. That is how a DMA to guest memory, a store or a pause gets into a recording.
 */
void recorder_statement(struct iommusim_recorder *recorder, struct statement *statement);

/*
 * iommusim_replay(), and write the story down as it runs: a trace that needs no other file. It is
 * whole when this returns OK; otherwise it holds what ran.
 */
IOMMUSIM_API enum iommusim_status iommusim_replay_recorded(const char *file, const char *text,
    size_t length, const struct iommusim_replay_options *options,
    const struct iommusim_text *record, struct iommusim_replay_summary *summary,
    struct iommusim_diagnostic *diagnostic);

#endif
