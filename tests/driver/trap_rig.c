/* A device of plain bytes behind traps, and instructions on it. What is tested is elsewhere. */
#include "tests/driver/trap_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <iommusim/mmio.h>

static void note(char *log, size_t size, const char *text)
{
	const size_t used = strlen(log), length = strlen(text) + 1;

	assert_true(used + length <= size);
	memcpy(log + used, text, length);
}

static void note_access(struct rig *rig, char kind, uint64_t offset, unsigned width, uint64_t value)
{
	char text[64];

	snprintf(text, sizeof(text), "%c%u@%x ", kind, width, (unsigned)offset);
	note(rig->kinds, sizeof(rig->kinds), text);
	snprintf(text, sizeof(text), "%c%u@%x=%llx ", kind, width, (unsigned)offset,
	    (unsigned long long)value);
	note(rig->log, sizeof(rig->log), text);
	rig->place = iommusim_traps_place();
	rig->value = value;
}

static uint64_t device_read(void *context, uint64_t offset, unsigned width)
{
	struct rig *rig = context;
	uint64_t value = 0;

	memcpy(&value, &rig->bytes[offset], width);
	note_access(rig, 'r', offset, width, value);
	return value;
}

static void device_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	struct rig *rig = context;

	memcpy(&rig->bytes[offset], &value, width);
	note_access(rig, 'w', offset, width, value);
}

void rig_on(struct rig *rig)
{
	const struct iommusim_mmio_region region = { .base = RIG_BASE,
		.length = RIG_BYTES,
		.context = rig,
		.read = device_read,
		.write = device_write };
	volatile void *registers;

	memset(rig, 0, sizeof(*rig));
	assert_int_equal(iommusim_machine_create(NULL, &rig->machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_attach(rig->machine, &region), IOMMUSIM_OK);
	assert_int_equal(iommusim_traps_create(rig->machine, &rig->traps), IOMMUSIM_OK);
	assert_int_equal(iommusim_traps_map(rig->traps, RIG_BASE, RIG_BYTES, &registers), IOMMUSIM_OK);
	rig->registers = (uint8_t *)(uintptr_t)registers;
	assert_int_equal(iommusim_traps_attach(rig->traps), IOMMUSIM_OK);
}

void rig_off(struct rig *rig)
{
	iommusim_traps_destroy(rig->traps);
	iommusim_machine_destroy(rig->machine);
}

void rig_forget(struct rig *rig)
{
	rig->log[0] = '\0';
	rig->kinds[0] = '\0';
}

static void random_bytes(struct random *random, uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)random_next(random);
}

void rig_random_state(const struct rig *rig, struct random *random, struct state *state)
{
	memset(state, 0, sizeof(*state));
	for (unsigned i = 0; i < 16; i++)
		state->cpu.general[i] = random_next(random);
	state->cpu.flags = random_next(random) & (CPU_FLAGS & ~0x400u); /* direction: upwards */
	for (unsigned i = 0; i < 4; i++)
		for (unsigned half = 0; half < 2; half++)
			state->cpu.vectors[i][half] = random_next(random);
	random_bytes(random, state->registers, sizeof(state->registers));
	random_bytes(random, state->memory, sizeof(state->memory));
	state->cpu.general[RSP] = (uintptr_t)rig->memory + sizeof(rig->memory) / 2;
}

/* The very addresses that are registers otherwise, so that all registers can be compared as they are. */
void rig_run_on_memory(struct rig *rig, const void *code, struct state *state)
{
	assert_int_equal(mprotect(rig->registers, RIG_BYTES, PROT_READ | PROT_WRITE), 0);
	memcpy(rig->registers, state->registers, sizeof(state->registers));
	memcpy(rig->memory, state->memory, sizeof(state->memory));
	cpu_run(&state->cpu, code);
	memcpy(state->registers, rig->registers, sizeof(state->registers));
	memcpy(state->memory, rig->memory, sizeof(state->memory));
	memset(rig->registers, 0xee, RIG_BYTES); /* who reads the page itself shall not find it right */
	assert_int_equal(mprotect(rig->registers, RIG_BYTES, PROT_NONE), 0);
}

struct run {
	struct cpu *cpu;
	const void *code;
};

static void run(void *argument)
{
	const struct run *run = argument;

	cpu_run(run->cpu, run->code);
}

void rig_run_by_trap(struct rig *rig, const void *code, struct state *state)
{
	struct iommusim_traps_refusal refusal = { .length = 0 };
	struct run what = { .cpu = &state->cpu, .code = code };

	rig_forget(rig);
	memcpy(rig->bytes, state->registers, sizeof(state->registers));
	memcpy(rig->memory, state->memory, sizeof(state->memory));
	if (iommusim_traps_call(rig->traps, run, &what, &refusal) != IOMMUSIM_OK)
		fail_msg("refused: %s", refusal.text);
	memcpy(state->registers, rig->bytes, sizeof(state->registers));
	memcpy(state->memory, rig->memory, sizeof(state->memory));
}

void rig_assert_same(const struct state *state, const struct state *expected, const char *what)
{
	for (unsigned i = 0; i < 16; i++)
		if (state->cpu.general[i] != expected->cpu.general[i])
			fail_msg("%s: register %u is %llx instead of %llx", what, i,
			    (unsigned long long)state->cpu.general[i],
			    (unsigned long long)expected->cpu.general[i]);
	if (state->cpu.flags != expected->cpu.flags)
		fail_msg("%s: flags are %llx instead of %llx", what,
		    (unsigned long long)state->cpu.flags, (unsigned long long)expected->cpu.flags);
	if (memcmp(state->cpu.vectors, expected->cpu.vectors, sizeof(state->cpu.vectors)) != 0)
		fail_msg("%s: xmm registers differ", what);
	for (size_t i = 0; i < sizeof(state->registers); i++)
		if (state->registers[i] != expected->registers[i])
			fail_msg("%s: byte %zx of the device is %x instead of %x", what, i,
			    state->registers[i], expected->registers[i]);
	if (memcmp(state->memory, expected->memory, sizeof(state->memory)) != 0)
		fail_msg("%s: memory differs", what);
}
