/* Mutexes. Under test one thread takes them; taking twice what does not recurse is the deadlock it would be. */
#ifndef IOMMUSIM_KSHIM_SYS_MUTEX_H
#define IOMMUSIM_KSHIM_SYS_MUTEX_H

#include <sys/_kernel_kshim.h>
#include <sys/lock.h>

struct mtx {
	struct lock_object lock_object;
};

#define MTX_DEF       0x00000000
#define MTX_SPIN      0x00000001
#define MTX_RECURSE   0x00000004
#define MTX_NOWITNESS 0x00000008
#define MTX_NOPROFILE 0x00000020
#define MTX_NEW       0x00000040
#define MTX_DUPOK     0x00400000
#define MTX_QUIET     0x00040000

#define MA_OWNED       LA_XLOCKED
#define MA_NOTOWNED    LA_UNLOCKED
#define MA_RECURSED    LA_RECURSED
#define MA_NOTRECURSED LA_NOTRECURSED

#define mtx_init(m, name, type, options)                                                               \
	iommusim_kernel_lock_init(&(m)->lock_object, (name),                                           \
	    ((options)&MTX_SPIN) != 0 ? IOMMUSIM_LOCK_SPIN : IOMMUSIM_LOCK_MUTEX,                      \
	    ((options)&MTX_RECURSE) != 0, ((options)&MTX_NEW) != 0, IOMMUSIM_HERE)
#define mtx_destroy(m)         iommusim_kernel_lock_destroy(&(m)->lock_object, IOMMUSIM_HERE)
#define mtx_lock(m)            iommusim_kernel_lock(&(m)->lock_object, IOMMUSIM_HERE)
#define mtx_lock_flags(m, f)   mtx_lock(m)
#define mtx_unlock(m)          iommusim_kernel_unlock(&(m)->lock_object, false, IOMMUSIM_HERE)
#define mtx_unlock_flags(m, f) mtx_unlock(m)
#define mtx_lock_spin(m)       mtx_lock(m)
#define mtx_unlock_spin(m)     mtx_unlock(m)
#define mtx_trylock(m)         iommusim_kernel_trylock(&(m)->lock_object, false, IOMMUSIM_HERE)
#define mtx_trylock_spin(m)    mtx_trylock(m)
#define mtx_assert(m, what)    iommusim_kernel_lock_assert(&(m)->lock_object, (what), IOMMUSIM_HERE)
#define mtx_owned(m)           iommusim_kernel_lock_owned(&(m)->lock_object, true)
#define mtx_recursed(m)        ((m)->lock_object.lo_data != 0)
#define mtx_initialized(m)     (((m)->lock_object.lo_flags & LO_INITIALIZED) != 0)
#define mtx_name(m)            ((m)->lock_object.lo_name)

struct mtx_args {
	struct mtx *ma_mtx;
	const char *ma_desc;
	int ma_opts;
};
void mtx_sysinit(void *arguments);
#define MTX_SYSINIT(name, m, description, options)                                                     \
	static struct mtx_args name##_args = { (m), (description), (options) };                        \
	SYSINIT(name##_mtx_sysinit, SI_SUB_LOCK, SI_ORDER_MIDDLE, mtx_sysinit, &name##_args)

/* The one lock of old; recursable. */
struct mtx *iommusim_kernel_giant(void);
#define Giant (*iommusim_kernel_giant())

#endif
