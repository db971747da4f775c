/* Register accesses of every kind a driver makes. What they come to is test_hooks.c. */
#ifndef TESTS_DRIVER_PROBE_H
#define TESTS_DRIVER_PROBE_H

#include <stdint.h>

struct probe_regs {
	volatile uint32_t control;
	volatile uint32_t status;
	volatile uint64_t wide;
	volatile uint16_t half;
	volatile uint8_t byte;
	uint8_t unused[13];
	volatile uint32_t fields_low : 8, fields_high : 24;
	uint32_t plain;
};

/* Of the same layout, but the compiler may not rely on its alignment. */
struct probe_packed {
	volatile uint32_t control;
	volatile uint32_t status;
	volatile uint64_t wide;
} __attribute__((packed));

extern uint64_t probe_memory;
extern volatile uint32_t probe_flag;

void probe_write_twice(struct probe_regs *regs, uint32_t value);
uint32_t probe_write_then_read(struct probe_regs *regs, uint32_t value);
void probe_read_modify_write(struct probe_regs *regs);
uint64_t probe_widths(struct probe_regs *regs);
void probe_halves(struct probe_regs *regs, uint64_t value);
void probe_write_then_memory(struct probe_regs *regs);
void probe_store_then_write(struct probe_regs *regs);
void probe_write_then_call(struct probe_regs *regs, void (*call)(void));
unsigned probe_poll_memory(struct probe_regs *regs);
uint32_t probe_packed_accesses(struct probe_packed *regs);
void probe_bit_field(struct probe_regs *regs);
uint32_t probe_plain(struct probe_regs *regs);
uint32_t probe_atomics(struct probe_regs *regs);
uint64_t probe_atomic_memory(uint64_t *word);

#endif
