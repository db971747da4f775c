/* What `iommusim replay` writes: text for people (replay_text.c), JSON for programs (replay_json.c). */
#ifndef IOMMUSIM_TOOLS_REPLAY_SHOW_H
#define IOMMUSIM_TOOLS_REPLAY_SHOW_H

#include <iommusim/trace.h>

/* A line on the terminal that says how far things are. */
struct replay_progress {
	bool wanted;
	bool shown;
	int64_t since; /* the second it was last written in */
};

/* One trace's story on its way to standard output. */
struct replay_show {
	const char *file;
	const struct iommusim_replay_summary *summary;
	struct replay_progress *progress;
	bool colour;
	bool headed;        /* the first line about this file is out */
	bool out_of_memory; /* something could not be written for want of it */
};

void replay_progress_start(struct replay_progress *progress);
/* Where a file stands, for whoever waits: on a terminal, and only when it takes long. */
void replay_progress_show(struct replay_progress *progress, const char *file, uint32_t line);
/* Take it off the terminal before anything else is written. */
void replay_progress_clear(struct replay_progress *progress);

/* The callbacks of a replay; its `context` is a struct replay_show. */
void replay_text_callbacks(struct iommusim_replay_options *options);
void replay_json_callbacks(struct iommusim_replay_options *options);

/* The end of a file, and of several. `problem` is NULL when every line ran. */
void replay_text_end(struct replay_show *show);
void replay_text_total(const struct iommusim_replay_summary *total, size_t files);
void replay_json_end(struct replay_show *show, const struct iommusim_diagnostic *problem);
struct recording_total;
void replay_json_total(struct replay_show *show, const struct iommusim_replay_summary *total,
    size_t files, const struct recording_total *recordings);

#endif
