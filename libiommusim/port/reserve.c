/* Address space that costs nothing until it is touched: mmap as each system wants it said. */
#include "port/reserve.h"

#include <sys/mman.h>

#ifndef MAP_NORESERVE /* FreeBSD dropped it: there nothing is reserved ahead anyway */
#define MAP_NORESERVE 0
#endif
#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

void *port_reserve(size_t size)
{
	void *block = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (block == MAP_FAILED)
		return NULL;
#if defined(MADV_HUGEPAGE)
	madvise(block, size, MADV_HUGEPAGE); /* advice: a refusal only costs time */
#endif
	return block;
}

void port_unreserve(void *block, size_t size)
{
	munmap(block, size);
}
