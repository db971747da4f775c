/* Kernel code that allocates memory, well and badly. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mutex.h>

#include <vm/vm.h>
#include <vm/pmap.h>
#include <vm/vm_page.h>

#include "tests/kshim/kern_memory.h"

static MALLOC_DEFINE(M_TABLES, "tables", "page tables");
static MALLOC_DEFINE(M_OTHER, "other", "something else");
static uint64_t own_table[512] __aligned(PAGE_SIZE);

void kern_allocate(void *context)
{
	struct kern_request *request = context;
	const int flags = (request->wait ? M_WAITOK : M_NOWAIT) | (request->zero ? M_ZERO : 0);

	if (request->alignment != 0)
		request->block = contigmalloc(request->size, M_TABLES, flags, request->low,
		    request->high, request->alignment, request->boundary);
	else
		request->block = malloc(request->size, M_TABLES, flags);
	if (request->block != NULL)
		request->physical = vtophys(request->block);
}

void kern_free(void *block)
{
	free(block, M_TABLES);
}

void kern_free_twice(void *block)
{
	free(block, M_TABLES);
	free(block, M_TABLES); /* too often */
}

void kern_free_foreign(void *unused)
{
	(void)unused;
	free(own_table, M_TABLES);
}

void kern_free_inside(void *block)
{
	free((char *)block + 8, M_TABLES);
}

void kern_free_as_another_type(void *block)
{
	free(block, M_OTHER);
}

void kern_use_after_wait_in_lock(void *unused)
{
	struct mtx lock;

	(void)unused;
	mtx_init(&lock, "held", NULL, MTX_DEF | MTX_NEW);
	mtx_lock(&lock);
	free(malloc(64, M_TABLES, M_WAITOK), M_TABLES);
	mtx_unlock(&lock);
}

void kern_grow(void *context)
{
	struct kern_request *request = context;

	request->size *= 2;
	request->block = realloc(request->block, request->size, M_TABLES, M_WAITOK);
}

void kern_forget_wait_flag(void *unused)
{
	(void)unused;
	free(malloc(64, M_TABLES, M_ZERO), M_TABLES);
}

void kern_look_at_stack(void *unused)
{
	int on_stack = 0;

	(void)unused;
	(void)vtophys(&on_stack);
}

void kern_dmap_of_a_hole(void *unused)
{
	(void)unused;
	(void)PHYS_TO_DMAP(0x123400000000);
}

void kern_registers_without_access(void *unused)
{
	(void)unused;
	(void)PHYS_TO_DMAP(0xfed90000);
}

void kern_single_page(void *context)
{
	uint64_t *physical = context;
	vm_page_t page = vm_page_alloc_noobj(VM_ALLOC_WIRED | VM_ALLOC_ZERO);

	*physical = VM_PAGE_TO_PHYS(page);
	if (!PHYS_IN_DMAP(*physical))
		panic("a page outside the direct map");
	vm_page_free(page);
}

uint64_t kern_own_table_physical(void)
{
	return vtophys(own_table);
}

void kern_write_own_table(uint64_t value)
{
	own_table[3] = value;
}

void *kern_dmap(uint64_t physical)
{
	return (void *)PHYS_TO_DMAP(physical);
}

uint64_t kern_physical(const void *address)
{
	return DMAP_TO_PHYS((vm_offset_t)address);
}
