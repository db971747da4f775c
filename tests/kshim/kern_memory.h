/* Kernel code that allocates memory; what it finds is for test_kshim_memory.c to judge. */
#ifndef TESTS_KSHIM_KERN_MEMORY_H
#define TESTS_KSHIM_KERN_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* What malloc(9) is asked for, and what came back. */
struct kern_request {
	unsigned long size;
	bool wait, zero;
	unsigned long low, high, alignment, boundary; /* contigmalloc(9); `alignment` 0: malloc(9) */
	void *block;
	uint64_t physical;
};

void kern_allocate(void *request);
void kern_free(void *block);
void kern_free_twice(void *block);
void kern_free_foreign(void *unused);
void kern_free_inside(void *block);
void kern_free_as_another_type(void *block);
void kern_use_after_wait_in_lock(void *unused);
void kern_grow(void *request); /* realloc to twice the size */
void kern_forget_wait_flag(void *unused);
void kern_look_at_stack(void *unused);
void kern_dmap_of_a_hole(void *unused);
void kern_registers_without_access(void *unused);
void kern_single_page(void *physical);

/* A table in this source's own data. */
uint64_t kern_own_table_physical(void);
void kern_write_own_table(uint64_t value);
/* PHYS_TO_DMAP, and back. */
void *kern_dmap(uint64_t physical);
uint64_t kern_physical(const void *address);

#endif
