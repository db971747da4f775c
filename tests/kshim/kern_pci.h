/* Kernel code that looks at PCI functions. */
#ifndef TESTS_KSHIM_KERN_PCI_H
#define TESTS_KSHIM_KERN_PCI_H

#include <stdbool.h>
#include <stdint.h>

struct kern_function {
	uint32_t domain;
	uint8_t bus, slot, func;
	bool found;
	uint16_t rid;
	uint8_t class, subclass;
	int express, ats; /* offsets of capabilities; 0: none */
	uint32_t vendor_word;
	bool reset;
};

void kern_find(void *function);
void kern_bus_master(void *function); /* on, off, by read and write; leaves it off */
void kern_reset(void *function);
void kern_save_reset_restore(void *function);
void kern_power(void *function);
void kern_cfg(
    void *words); /* uint32_t[3]: 0:3.0's vendor, a hole's, and 0:3.0's in segment 1 by 6 arguments */
void kern_ask_of_none(void *unused);
int kern_is_for_passthrough(int bus, int slot, int func);

#endif
