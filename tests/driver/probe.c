/* Register accesses of every kind a driver makes, compiled for hooks. Who answers is elsewhere. */
#include "tests/driver/probe.h"

#include <string.h>

#define BARRIER() __asm__ volatile("" ::: "memory")

uint64_t probe_memory;
volatile uint32_t probe_flag;

struct block {
	uint64_t words[32];
};
static struct block from, to;

void probe_write_twice(struct probe_regs *regs, uint32_t value)
{
	regs->control = value;
	regs->control = value;
}

uint32_t probe_write_then_read(struct probe_regs *regs, uint32_t value)
{
	regs->control = value;
	return regs->control;
}

void probe_read_modify_write(struct probe_regs *regs)
{
	regs->control |= 0x10;
	regs->wide += 1;
}

uint64_t probe_widths(struct probe_regs *regs)
{
	regs->byte = 0x12;
	regs->half = 0x3456;
	regs->wide = 0x1122334455667788;
	return regs->byte + regs->half + regs->wide;
}

void probe_halves(struct probe_regs *regs, uint64_t value)
{
	volatile uint32_t *half = (volatile uint32_t *)&regs->wide;

	half[0] = (uint32_t)value;
	half[1] = (uint32_t)(value >> 32);
}

/* Whoever takes the write sees memory as it is here, not as it is after the function. */
void probe_write_then_memory(struct probe_regs *regs)
{
	probe_memory = 1;
	BARRIER();
	regs->control = 1;
	BARRIER();
	probe_memory = 2;
	BARRIER();
	regs->control = 2;
	BARRIER();
	probe_memory = 3;
	memset(&from, 0x5a, sizeof(from));
	to = from;
}

void probe_store_then_write(struct probe_regs *regs)
{
	probe_memory = 5;
	BARRIER();
	probe_memory = 6;
	BARRIER();
	regs->control = 1;
}

void probe_write_then_call(struct probe_regs *regs, void (*call)(void))
{
	regs->control = 7;
	call();
	regs->control = 8;
}

unsigned probe_poll_memory(struct probe_regs *regs)
{
	unsigned polls = 1;

	regs->control = 1;
	while (probe_flag == 0)
		polls++;
	return polls;
}

uint32_t probe_packed_accesses(struct probe_packed *regs)
{
	regs->control = 0xabcd;
	regs->wide = 0x99;
	regs->control |= 0x10000;
	return regs->control;
}

void probe_bit_field(struct probe_regs *regs)
{
	regs->fields_low = 0x11;
}

uint32_t probe_plain(struct probe_regs *regs)
{
	regs->plain = 5;
	BARRIER();
	return regs->plain;
}

uint32_t probe_atomics(struct probe_regs *regs)
{
	uint32_t expected = 0x103;

	__atomic_store_n(&regs->control, 0x100, __ATOMIC_RELEASE);
	__atomic_fetch_add(&regs->control, 3, __ATOMIC_SEQ_CST);
	__atomic_compare_exchange_n(
	    &regs->control, &expected, 0x200, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	expected = 0x999; /* is not there: what is gets written back */
	__atomic_compare_exchange_n(
	    &regs->control, &expected, 0x300, 1, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return expected + __atomic_load_n(&regs->control, __ATOMIC_ACQUIRE);
}

uint64_t probe_atomic_memory(uint64_t *word)
{
	uint64_t expected = 2;

	__atomic_store_n(word, 1, __ATOMIC_RELAXED);
	__atomic_fetch_or(word, 0xf0, __ATOMIC_RELAXED);
	__atomic_fetch_and(word, 0x30, __ATOMIC_RELAXED);
	__atomic_fetch_xor(word, 0x12, __ATOMIC_RELAXED);
	__atomic_fetch_sub(word, 0x20, __ATOMIC_RELAXED);
	__sync_synchronize();
	__atomic_compare_exchange_n(word, &expected, 0x77, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return __atomic_exchange_n(word, expected, __ATOMIC_SEQ_CST);
}
