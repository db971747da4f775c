/* Kernel code that uses a function's base address registers and message interrupts. */
#ifndef TESTS_KSHIM_KERN_MESSAGE_H
#define TESTS_KSHIM_KERN_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* What the kernel's list says of a register: as `struct pci_map`. */
struct kern_bar {
	int reg;
	uint64_t value, size;
};
struct kern_bars {
	struct kern_bar bars[8];
	size_t count;
	uint32_t
	    sizing[2]; /* what registers 0 and 1 read after all ones were written; they are put back */
	uint64_t start, length; /* of the resource of register 0 */
	uint32_t command;       /* before and (above bit 15) after that is active */
};
void kern_look_at_bars(void *bars);

/* How messages are asked for, and what came of it; `count` of MSI or MSI-X, errors of the kernel. */
struct kern_messages {
	int count, error;
	int handlers; /* set up for the first so many messages */
	int heard[4]; /* interrupts, for each message */
	int bars;     /* memory resources active, bits 0 and 3 for registers 0 and 3 */
};
void kern_msi_on(void *messages);
void kern_msix_on(void *messages);
void kern_handler_on(void *index); /* int: of this message */
void kern_handler_off(void *index);
void kern_messages_off(void *messages); /* release: `error` */
void kern_line(void *error); /* int: take the line's resource and a handler; again: give it back */
void kern_save_reset(void *restore); /* bool: restore, too */
extern struct kern_messages *kern_messages;

#endif
