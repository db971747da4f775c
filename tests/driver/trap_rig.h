/*
 * Registers that hold what is written and remember who came, under traps; and one instruction run on
 * them and, for comparison, on the same addresses as ordinary memory.
 */
#ifndef TESTS_DRIVER_TRAP_RIG_H
#define TESTS_DRIVER_TRAP_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/kshim_traps.h>

#include "tests/driver/cpu.h"
#include "tests/property/random.h"

#define RIG_BASE  UINT64_C(0xfe000000)
#define RIG_BYTES 0x2000u

struct rig {
	struct iommusim_machine *machine;
	struct iommusim_traps *traps;
	uint8_t *registers; /* as a driver is given them */
	uint8_t bytes[RIG_BYTES];
	char log[1024];       /* "w4@0=7 r8@8=0 ": width, offset and value, in hexadecimal */
	char kinds[1024];     /* the same without values: "w4@0 r8@8 " */
	const void *place;    /* of the last access */
	uint64_t value;       /* of the last access */
	uint8_t memory[4096]; /* ordinary; the instruction's stack is its middle */
};

void rig_on(struct rig *rig);
void rig_off(struct rig *rig);
void rig_forget(struct rig *rig); /* the log */

/* What one instruction starts from, and what it leaves. */
struct state {
	struct cpu cpu;
	uint8_t registers[RIG_BYTES];
	uint8_t memory[4096];
};

/* All bytes and registers at random; the stack pointer is the rig's stack. */
void rig_random_state(const struct rig *rig, struct random *random, struct state *state);

/* Run `code` as if registers were memory; and by a trap. `state` is before, then after. */
void rig_run_on_memory(struct rig *rig, const void *code, struct state *state);
void rig_run_by_trap(struct rig *rig, const void *code, struct state *state);

/* Fails the test, naming `what`, if the states differ. */
void rig_assert_same(const struct state *state, const struct state *expected, const char *what);

#endif
