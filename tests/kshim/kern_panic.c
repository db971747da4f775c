/* Kernel code that ends badly. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>

#include "tests/kshim/kern_panic.h"

static struct mtx lock;
MTX_SYSINIT(panic_lock, &lock, "panic lock", MTX_DEF);

void kern_panic(void *number)
{
	panic("unit %d is on fire: 0x%b\n", *(int *)number, 5, "\20\1ONE\2TWO\3THREE"); /* the panic */
}

void kern_assert(void *number)
{
	KASSERT(*(int *)number != 7, ("%s: %d", __func__, *(int *)number));
}

void kern_mpass(void *unused)
{
	(void)unused;
	MPASS(sizeof(lock) == 1);
}

void kern_panic_with_lock(void *unused)
{
	(void)unused;
	mtx_lock(&lock);
	panic("with a lock");
}

void kern_return_with_lock(void *unused)
{
	(void)unused;
	mtx_lock(&lock); /* and returns */
}

void kern_take_lock_again(void *unused)
{
	(void)unused;
	mtx_lock(&lock);
	mtx_unlock(&lock);
}
