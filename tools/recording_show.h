/* What `iommusim replay` writes about recordings: text for people, JSON for programs. */
#ifndef IOMMUSIM_TOOLS_RECORDING_SHOW_H
#define IOMMUSIM_TOOLS_RECORDING_SHOW_H

#include "recording.h"
#include "replay_show.h"

/* One recording on its way to standard output. */
struct recording_show {
	const char *file;
	const struct recording_summary *summary;
	struct replay_progress *progress;
	bool colour;
	bool headed;        /* the first line about this file is out */
	uint64_t partings;  /* that were met */
	bool out_of_memory; /* something could not be written for want of it */
};

/* A watcher whose context is a struct recording_show. */
void recording_text_watcher(struct recording_watcher *watcher);
void recording_json_watcher(struct recording_watcher *watcher);

/* The end of a file, and of several. `problem` is NULL when every line ran. */
void recording_text_end(struct recording_show *show);
void recording_text_total(const struct recording_total *total);
void recording_json_end(struct recording_show *show, const struct recording_problem *problem);
/* What recordings add to the object that closes several files. */
struct json_object;
bool recording_json_total(const struct recording_total *total, struct json_object *object);

#endif
