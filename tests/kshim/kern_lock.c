/* Kernel code that locks, well and badly. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/rwlock.h>
#include <sys/sx.h>

#include "tests/kshim/kern_lock.h"

static struct mtx plain, recursing, never;
static struct sx shared;
static struct rwlock rw;

static void init(void)
{
	mtx_init(&plain, "plain", NULL, MTX_DEF | MTX_NEW);
	mtx_init(&recursing, "recursing", NULL, MTX_DEF | MTX_RECURSE | MTX_NEW);
	sx_init_flags(&shared, "shared", SX_NEW);
	rw_init_flags(&rw, "rw", RW_NEW);
}

void kern_lock_well(void *unused)
{
	(void)unused;
	init();
	mtx_lock(&plain);
	mtx_assert(&plain, MA_OWNED | MA_NOTRECURSED);
	MPASS(mtx_owned(&plain) && mtx_trylock(&plain) == 0);
	mtx_unlock(&plain);
	mtx_assert(&plain, MA_NOTOWNED);
	mtx_lock(&recursing);
	mtx_lock(&recursing);
	mtx_assert(&recursing, MA_OWNED | MA_RECURSED);
	mtx_unlock(&recursing);
	mtx_unlock(&recursing);
	sx_slock(&shared);
	sx_slock(&shared);
	MPASS(sx_try_upgrade(&shared) == 0);
	sx_unlock(&shared);
	MPASS(sx_try_upgrade(&shared) != 0);
	sx_assert(&shared, SA_XLOCKED);
	sx_downgrade(&shared);
	sx_assert(&shared, SA_SLOCKED);
	sx_sunlock(&shared);
	rw_wlock(&rw);
	rw_assert(&rw, RA_WLOCKED);
	rw_wunlock(&rw);
	critical_enter();
	critical_exit();
	mtx_destroy(&plain);
}

void kern_lock_badly(void *number)
{
	init();
	switch (*(int *)number) {
	case 0:
		mtx_lock(&plain);
		mtx_lock(&plain);
		break;
	case 1:
		mtx_unlock(&plain);
		break;
	case 2:
		mtx_lock(&never);
		break;
	case 3:
		sx_slock(&shared);
		sx_xlock(&shared);
		break;
	case 4:
		sx_xlock(&shared);
		sx_sunlock(&shared);
		break;
	case 5:
		rw_wlock(&rw);
		rw_rlock(&rw);
		break;
	case 6:
		mtx_assert(&plain, MA_OWNED);
		break;
	case 7:
		mtx_lock(&plain);
		mtx_destroy(&plain);
		break;
	case 8:
		critical_enter();
		mtx_lock(&plain);
		break;
	case 9:
		critical_exit();
		break;
	case 10:
		mtx_lock(&plain);
		pause("nap", 1);
		break;
	default:
		critical_enter();
	}
}
