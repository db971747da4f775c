/*
 * Whether this system lets a handler see and change an interrupted program's registers: found out by
 * one access to a protected page, which is answered here.
 */
#include "kshim/traps/traps.h"

#define ANSWER      0x5au
#define LOAD_LENGTH 2u /* mov (%rdi), %al */
#define CARRY_FLAG  0x1u
#define ACCUMULATOR 0xffu
#define RDI_AS_BASE RDI

bool traps_probe_answer(struct traps_thread *thread, const void *address, ucontext_t *interrupted)
{
	struct port_registers registers;

	if (thread->probe == NULL || address != thread->guard)
		return false;
	if (thread->probed) /* what was changed did not take effect */
		siglongjmp(*thread->probe, 1);
	thread->probed = true;
	port_context_get(interrupted, &registers);
	if (registers.general[RDI_AS_BASE] != (uintptr_t)address)
		siglongjmp(*thread->probe, 1);
	registers.general[0] = (registers.general[0] & ~(uint64_t)ACCUMULATOR) | ANSWER;
	registers.flags |= CARRY_FLAG;
	registers.instruction += LOAD_LENGTH;
	port_context_set(interrupted, &registers);
	return true;
}

bool traps_probe(struct traps_thread *thread)
{
	sigjmp_buf give_up;
	uint8_t value, carry;

	if (sigsetjmp(give_up, 1) != 0) {
		thread->probe = NULL;
		return false;
	}
	thread->probed = false;
	thread->probe = &give_up;
	__asm__ volatile("clc\n\tmovb (%%rdi), %%al\n\tsetc %%dl"
			 : "=a"(value), "=d"(carry)
			 : "D"(thread->guard)
			 : "cc", "memory");
	thread->probe = NULL;
	return thread->probed && value == ANSWER && carry == 1;
}
