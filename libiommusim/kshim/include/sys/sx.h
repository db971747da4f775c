/* Shared/exclusive locks. */
#ifndef IOMMUSIM_KSHIM_SYS_SX_H
#define IOMMUSIM_KSHIM_SYS_SX_H

#include <sys/_kernel_kshim.h>
#include <sys/lock.h>

struct sx {
	struct lock_object lock_object;
};

#define SX_DUPOK     0x01
#define SX_NOPROFILE 0x02
#define SX_NOWITNESS 0x04
#define SX_QUIET     0x08
#define SX_RECURSE   0x20
#define SX_NEW       0x40

#define SA_LOCKED      LA_LOCKED
#define SA_SLOCKED     LA_SLOCKED
#define SA_XLOCKED     LA_XLOCKED
#define SA_UNLOCKED    LA_UNLOCKED
#define SA_RECURSED    LA_RECURSED
#define SA_NOTRECURSED LA_NOTRECURSED
#define SX_LOCKED      SA_LOCKED
#define SX_XLOCKED     SA_XLOCKED

#define sx_init_flags(s, name, options)                                                                \
	iommusim_kernel_lock_init(&(s)->lock_object, (name), IOMMUSIM_LOCK_SX,                         \
	    ((options)&SX_RECURSE) != 0, ((options)&SX_NEW) != 0, IOMMUSIM_HERE)
#define sx_init(s, name)  sx_init_flags(s, name, 0)
#define sx_destroy(s)     iommusim_kernel_lock_destroy(&(s)->lock_object, IOMMUSIM_HERE)
#define sx_xlock(s)       iommusim_kernel_lock(&(s)->lock_object, IOMMUSIM_HERE)
#define sx_xlock_sig(s)   (sx_xlock(s), 0)
#define sx_slock(s)       iommusim_kernel_lock_shared(&(s)->lock_object, IOMMUSIM_HERE)
#define sx_slock_sig(s)   (sx_slock(s), 0)
#define sx_try_xlock(s)   iommusim_kernel_trylock(&(s)->lock_object, false, IOMMUSIM_HERE)
#define sx_try_slock(s)   iommusim_kernel_trylock(&(s)->lock_object, true, IOMMUSIM_HERE)
#define sx_try_upgrade(s) iommusim_kernel_upgrade(&(s)->lock_object, IOMMUSIM_HERE)
#define sx_downgrade(s)   iommusim_kernel_downgrade(&(s)->lock_object, IOMMUSIM_HERE)
#define sx_xunlock(s)     iommusim_kernel_unlock(&(s)->lock_object, false, IOMMUSIM_HERE)
#define sx_sunlock(s)     iommusim_kernel_unlock(&(s)->lock_object, true, IOMMUSIM_HERE)
#define sx_unlock(s)                                                                                   \
	iommusim_kernel_unlock(&(s)->lock_object, (s)->lock_object.held == 2, IOMMUSIM_HERE)
#define sx_assert(s, what) iommusim_kernel_lock_assert(&(s)->lock_object, (what), IOMMUSIM_HERE)
#define sx_xlocked(s)      iommusim_kernel_lock_owned(&(s)->lock_object, true)

struct sx_args {
	struct sx *sa_sx;
	const char *sa_desc;
	int sa_flags;
};
void sx_sysinit(void *arguments);
#define SX_SYSINIT_FLAGS(name, s, description, flags)                                                  \
	static struct sx_args name##_args = { (s), (description), (flags) };                           \
	SYSINIT(name##_sx_sysinit, SI_SUB_LOCK, SI_ORDER_MIDDLE, sx_sysinit, &name##_args)
#define SX_SYSINIT(name, s, description) SX_SYSINIT_FLAGS(name, s, description, 0)

#endif
