/* Options that every command takes which replays traces. */
#ifndef IOMMUSIM_TOOLS_REPLAY_OPTION_H
#define IOMMUSIM_TOOLS_REPLAY_OPTION_H

#include <iommusim/trace.h>

/* What getopt_long() returns for them; a command's own begin at the end. */
enum replay_option_id {
	REPLAY_OPTION_VMM = 256,
	REPLAY_OPTION_IOMMU,
	REPLAY_OPTION_CACHE,
	REPLAY_OPTION_SEED,
	REPLAY_OPTION_END
};

/*
 * One of them, with its argument, into `options`. An exit code of command.h, COMMAND_OK when it was understood; else
 * standard error has been told, under the name of `command`.
 */
int replay_option_take(
    const char *command, int option, const char *argument, struct iommusim_replay_options *options);

/* Say that there is no profile of that name, and which there are. Returns COMMAND_BAD_INPUT. */
int replay_option_no_profile(const char *command, const char *name);

#endif
