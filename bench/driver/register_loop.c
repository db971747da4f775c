/* A driver that only reads, or only writes, one register. Who catches the accesses is the build's. */
#include "register_loop.h"

#ifdef BENCH_HOOKED
#define reads  hooked_reads
#define writes hooked_writes
#else
#define reads  trapped_reads
#define writes trapped_writes
#endif

void reads(volatile void *registers, uint64_t count)
{
	volatile uint32_t *status = registers;

	while (count-- > 0)
		(void)*status;
}

void writes(volatile void *registers, uint64_t count)
{
	volatile uint32_t *command = registers;

	while (count-- > 0)
		*command = (uint32_t)count;
}
