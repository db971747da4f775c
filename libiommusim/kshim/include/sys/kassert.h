/* panic, and the assertions that end in it. They leave the kernel call under way: kshim.h. */
#ifndef IOMMUSIM_KSHIM_SYS_KASSERT_H
#define IOMMUSIM_KSHIM_SYS_KASSERT_H

#include <kshim_base.h>

/* A kernel with INVARIANTS. -DIOMMUSIM_KSHIM_NO_INVARIANTS: one without, as releases are built. */
#if !defined(IOMMUSIM_KSHIM_NO_INVARIANTS) && !defined(INVARIANTS)
#define INVARIANTS        1
#define INVARIANT_SUPPORT 1
#endif

void iommusim_kernel_panic(IOMMUSIM_PLACE_ARGS, const char *format, ...) __dead2;
void iommusim_kernel_vpanic(IOMMUSIM_PLACE_ARGS, const char *format, va_list arguments) __dead2;
void iommusim_kernel_kassert(IOMMUSIM_PLACE_ARGS, const char *format, ...) __dead2;
#define panic(...)         iommusim_kernel_panic(IOMMUSIM_HERE, __VA_ARGS__)
#define vpanic(format, ap) iommusim_kernel_vpanic(IOMMUSIM_HERE, format, ap)
#define kassert_panic(...) iommusim_kernel_kassert(IOMMUSIM_HERE, __VA_ARGS__)

extern _Thread_local const char *panicstr;
#define KERNEL_PANICKED()   (panicstr != NULL)
#define SCHEDULER_STOPPED() KERNEL_PANICKED()

#ifdef INVARIANTS
#define KASSERT(expression, message)                                                                   \
	do {                                                                                           \
		if (__predict_false(!(expression)))                                                    \
			kassert_panic message;                                                         \
	} while (0)
#define VNASSERT(expression, vnode, message) KASSERT(expression, message)
#define __diagused
#else
#define KASSERT(expression, message)         ((void)0)
#define VNASSERT(expression, vnode, message) ((void)0)
#define __diagused                           __unused
#endif
#define MPASS(expression)        MPASS2(expression, #expression)
#define MPASS2(expression, what) KASSERT(expression, ("Assertion %s failed", what))
#define MPASS3(expression, file, line)                                                                 \
	KASSERT(expression, ("Assertion %s failed at %s:%d", #expression, file, line))

#endif
