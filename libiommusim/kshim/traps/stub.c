/* Where redirected instructions lie as code: one slot for each form of a thread. */
#include "kshim/traps/traps.h"

#include <string.h>
#include <sys/mman.h>

#define JUMP        0xe9u
#define JUMP_LENGTH 5u

/* The distance from the end of an instruction to what it addresses. */
static void put_distance(uint8_t *at, const uint8_t *end, const uint8_t *target)
{
	const int32_t distance = (int32_t)(target - end);

	memcpy(at, &distance, sizeof(distance));
}

/*
 * Code is never writable and executable at once: some systems forbid it. Nobody runs this thread's
 * code while it is written, and the jump into it makes the processor see what was.
 */
bool traps_stub(struct traps_thread *thread, struct form *form, size_t slot)
{
	uint8_t *stub = thread->code + RUN_CODE_BYTES + slot * STUB_BYTES;
	uint8_t *jump = stub + form->code_length;

	if (mprotect(thread->code, RUN_OFFSET, PROT_READ | PROT_WRITE) != 0)
		return false;
	memcpy(stub, form->code, form->code_length);
	put_distance(stub + form->hole, jump, thread->run.scratch);
	*jump = JUMP;
	put_distance(jump + 1, jump + JUMP_LENGTH, thread->code + traps_run_leave_offset());
	form->stub = stub;
	return mprotect(thread->code, RUN_OFFSET, PROT_READ | PROT_EXEC) == 0;
}
