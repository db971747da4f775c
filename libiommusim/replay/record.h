/* What a replay asks of the recorder beyond trace.h. */
#ifndef IOMMUSIM_REPLAY_RECORD_H
#define IOMMUSIM_REPLAY_RECORD_H

#include <iommusim/trace.h>

struct statement;

/*
 * A statement of a trace has run: if no call and no register access of it was seen, write it down from
 * what was read. That is how a DMA to guest memory, a store or a pause gets into a recording.
 */
void recorder_statement(struct iommusim_recorder *recorder, struct statement *statement);

/* What is done to the bus meanwhile is part of a statement, and not written down. NULL is allowed. */
void recorder_hush(struct iommusim_recorder *recorder, bool hushed);

#endif
