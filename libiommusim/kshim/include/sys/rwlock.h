/* Reader/writer locks. */
#ifndef IOMMUSIM_KSHIM_SYS_RWLOCK_H
#define IOMMUSIM_KSHIM_SYS_RWLOCK_H

#include <sys/_kernel_kshim.h>
#include <sys/lock.h>

struct rwlock {
	struct lock_object lock_object;
};

#define RW_DUPOK   0x01
#define RW_RECURSE 0x10
#define RW_NEW     0x20

#define RA_LOCKED   LA_LOCKED
#define RA_RLOCKED  LA_SLOCKED
#define RA_WLOCKED  LA_XLOCKED
#define RA_UNLOCKED LA_UNLOCKED

#define rw_init_flags(rw, name, options)                                                               \
	iommusim_kernel_lock_init(&(rw)->lock_object, (name), IOMMUSIM_LOCK_RW,                        \
	    ((options)&RW_RECURSE) != 0, ((options)&RW_NEW) != 0, IOMMUSIM_HERE)
#define rw_init(rw, name)  rw_init_flags(rw, name, 0)
#define rw_destroy(rw)     iommusim_kernel_lock_destroy(&(rw)->lock_object, IOMMUSIM_HERE)
#define rw_wlock(rw)       iommusim_kernel_lock(&(rw)->lock_object, IOMMUSIM_HERE)
#define rw_rlock(rw)       iommusim_kernel_lock_shared(&(rw)->lock_object, IOMMUSIM_HERE)
#define rw_try_wlock(rw)   iommusim_kernel_trylock(&(rw)->lock_object, false, IOMMUSIM_HERE)
#define rw_try_rlock(rw)   iommusim_kernel_trylock(&(rw)->lock_object, true, IOMMUSIM_HERE)
#define rw_try_upgrade(rw) iommusim_kernel_upgrade(&(rw)->lock_object, IOMMUSIM_HERE)
#define rw_downgrade(rw)   iommusim_kernel_downgrade(&(rw)->lock_object, IOMMUSIM_HERE)
#define rw_wunlock(rw)     iommusim_kernel_unlock(&(rw)->lock_object, false, IOMMUSIM_HERE)
#define rw_runlock(rw)     iommusim_kernel_unlock(&(rw)->lock_object, true, IOMMUSIM_HERE)
#define rw_unlock(rw)                                                                                  \
	iommusim_kernel_unlock(&(rw)->lock_object, (rw)->lock_object.held == 2, IOMMUSIM_HERE)
#define rw_assert(rw, what) iommusim_kernel_lock_assert(&(rw)->lock_object, (what), IOMMUSIM_HERE)
#define rw_wowned(rw)       iommusim_kernel_lock_owned(&(rw)->lock_object, true)

#endif
