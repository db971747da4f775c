/* The command buffer: fetching commands, carrying them out, stopping on a bad one (AMD-Vi 2.4). */
#ifndef IOMMUSIM_AMDVI_COMMAND_H
#define IOMMUSIM_AMDVI_COMMAND_H

#include "models/amdvi/unit.h"

/* Fetch and carry out what lies between head and tail, while CmdBufRun. Control side, without the lock. */
void amdvi_commands_run(struct amdvi_unit *amdvi);
/* CONTROL changed from `before`: the buffer begins to run, or stops. Control side, without the lock. */
void amdvi_command_control_written(struct amdvi_unit *amdvi, uint64_t before);

#endif
