/* Instructions that access a register, one of each form, and what the bus sees of each. No checking. */
#ifndef TESTS_DRIVER_TRAP_FORMS_H
#define TESTS_DRIVER_TRAP_FORMS_H

#include <stdint.h>

/*
 * When it starts: rbx is the register window + 0x100, rcx is 4, rsi is rbx + 0x200, rdi is
 * rbx + 0x400, r8 is 70 and r9 is -5 (bit numbers, in a word of any width), r10 is the window's second
 * page. With FROM_MEMORY rsi, with TO_MEMORY rdi is ordinary memory.
 */
enum trap_form_setup { PLAIN, FROM_MEMORY, TO_MEMORY, DOWNWARDS };

struct trap_form {
	const uint8_t *code; /* ends with a jump to cpu_leave */
	const char *text;
	const char *kinds; /* accesses in order, offsets from the window's beginning */
	uint64_t setup;
};

extern const struct trap_form __start_trap_forms[], __stop_trap_forms[];

#endif
