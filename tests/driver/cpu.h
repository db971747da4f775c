/* Running one instruction with registers of the test's choice. What is expected of it is elsewhere. */
#ifndef TESTS_DRIVER_CPU_H
#define TESTS_DRIVER_CPU_H

#include <stdint.h>

/* In the order of their numbers in instructions. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Flags an instruction sets: carry, parity, adjust, zero, sign, direction, overflow. */
#define CPU_FLAGS 0xcd5u

struct cpu {
	uint64_t general[16];
	uint64_t flags;
	uint64_t vectors[4][2]; /* xmm0 to xmm3 */
};

/* The code must end with a jump to cpu_leave; `cpu` holds the registers before, then after it. */
void cpu_run(struct cpu *cpu, const void *code);
extern const uint8_t cpu_leave[];

#endif
