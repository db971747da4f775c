/* Kernel code that has to do with a VM. */
#ifndef TESTS_KSHIM_KERN_GUEST_H
#define TESTS_KSHIM_KERN_GUEST_H

#include <stddef.h>
#include <stdint.h>

struct kern_window {
	void *vm;
	uint64_t gpa;
	size_t len;
	uint64_t hpa;
	int error; /* what came of it */
};

void kern_guest_map(void *window);
void kern_guest_unmap(void *window);
void kern_guest_message(void *window); /* address `gpa`, data `hpa` */
void kern_guest_domain(void *window);  /* `error`: 1, there is one */
void kern_guest_assign(void *window);  /* function 2/0/`len`; `error`: what was returned */
void kern_guest_unassign(void *window);

#endif
