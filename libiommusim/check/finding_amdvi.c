/* Findings that a write to a register of an AMD-Vi unit brings about. */
#include "check/state.h"
#include "models/amdvi/spec/amdvi.h"

#define COMMAND_BYTES 16u

/* Reading a register for the checker must leave no trace: no tick, no watcher. */
static uint64_t peek(struct iommusim_unit *unit, uint64_t offset)
{
	return unit->model->read(unit, offset, 8);
}

/*
 * The tail moves over commands that wait, up to one before the head: where it goes further, commands that
 * the unit has not fetched are overwritten, and as many are left as lie between them by chance (AMD-Vi 2.4).
 */
static void check_tail(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t value)
{
	const uint64_t size = (uint64_t)COMMAND_BYTES
	    << amdvi_CMD_BASE_LEN(peek(unit, amdvi_CMD_BASE_at));
	const uint64_t head = amdvi_CMD_HEAD_PTR(peek(unit, amdvi_CMD_HEAD_at)) * COMMAND_BYTES;
	const uint64_t tail = amdvi_CMD_TAIL_PTR(peek(unit, amdvi_CMD_TAIL_at)) * COMMAND_BYTES;
	const uint64_t next = amdvi_CMD_TAIL_PTR(value) * COMMAND_BYTES;
	const uint64_t waiting = (tail - head) & (size - 1), added = (next - tail) & (size - 1);

	if (waiting + added < size)
		return;
	check_finding(check, IOMMUSIM_FINDING_COMMAND_RING_OVERRUN,
	    "moved the command tail of the unit at 0x%llx to 0x%llx, past the head at 0x%llx: %llu commands "
	    "were waiting, and the buffer has room for %llu%s",
	    (unsigned long long)unit->base, (unsigned long long)next, (unsigned long long)head,
	    (unsigned long long)(waiting / COMMAND_BYTES),
	    (unsigned long long)(size / COMMAND_BYTES - 1),
	    amdvi_STATUS_CMD_BUF_RUN(peek(unit, amdvi_STATUS_at))
		? ""
		: ". The unit fetches none: CmdBufRun=0");
}

void check_amdvi_write(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t offset,
    unsigned width, uint64_t value)
{
	(void)width; /* the upper half of the tail holds nothing */
	if (offset == amdvi_CMD_TAIL_at)
		check_tail(check, unit, value);
}
