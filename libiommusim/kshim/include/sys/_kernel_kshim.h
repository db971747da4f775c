/* Boot order, loader variables and the clock's rate: the contents of sys/kernel.h. */
#ifndef IOMMUSIM_KSHIM_SYS_KERNEL_BODY_H
#define IOMMUSIM_KSHIM_SYS_KERNEL_BODY_H

#include <sys/param.h>

/* Of the machine's clock, in ticks since it was switched on. */
extern _Thread_local int ticks;
extern _Thread_local int hz;
extern _Thread_local int tick; /* microseconds in one of them */

/* In which order things are started; only the order counts. */
enum sysinit_sub_id {
	SI_SUB_DUMMY = 0,
	SI_SUB_TUNABLES = 0x0700000,
	SI_SUB_COPYRIGHT = 0x0800001,
	SI_SUB_VM = 0x1000000,
	SI_SUB_COUNTER = 0x1100000,
	SI_SUB_KMEM = 0x1800000,
	SI_SUB_HYPERVISOR = 0x1A40000,
	SI_SUB_WITNESS = 0x1A80000,
	SI_SUB_MTX_POOL_DYNAMIC = 0x1AC0000,
	SI_SUB_LOCK = 0x1B00000,
	SI_SUB_EVENTHANDLER = 0x1C00000,
	SI_SUB_KLD = 0x2000000,
	SI_SUB_CPU = 0x2100000,
	SI_SUB_INTRINSIC = 0x2800000,
	SI_SUB_TASKQ = 0x2900000,
	SI_SUB_DEVFS = 0x2F00000,
	SI_SUB_DRIVERS = 0x3100000,
	SI_SUB_CONFIGURE = 0x3800000,
	SI_SUB_PSEUDO = 0x7000000,
	SI_SUB_EXEC = 0x7400000,
	SI_SUB_KTHREAD_INIT = 0xe000000,
	SI_SUB_SMP = 0xf000000,
	SI_SUB_LAST = 0xfffffff
};
enum sysinit_elem_order {
	SI_ORDER_FIRST = 0x0000000,
	SI_ORDER_SECOND = 0x0000001,
	SI_ORDER_THIRD = 0x0000002,
	SI_ORDER_FOURTH = 0x0000003,
	SI_ORDER_FIFTH = 0x0000004,
	SI_ORDER_MIDDLE = 0x1000000,
	SI_ORDER_ANY = 0xfffffff
};

typedef void (*sysinit_cfunc_t)(const void *argument);
struct sysinit {
	unsigned subsystem;
	unsigned order;
	sysinit_cfunc_t func;
	const void *udata;
};

#define IOMMUSIM_SYSINIT(set, kind, uniq, sub, when, function, argument)                               \
	static const struct sysinit iommusim_##kind##_##uniq = { (unsigned)(sub), (unsigned)(when),    \
		(sysinit_cfunc_t)(uintptr_t)(function), (const void *)(uintptr_t)(argument) };         \
	DATA_SET(set, iommusim_##kind##_##uniq)
#define C_SYSINIT(uniq, sub, when, function, argument)                                                 \
	IOMMUSIM_SYSINIT(sysinit_set, sysinit, uniq, sub, when, function, argument)
#define C_SYSUNINIT(uniq, sub, when, function, argument)                                               \
	IOMMUSIM_SYSINIT(sysuninit_set, sysuninit, uniq, sub, when, function, argument)
#define SYSINIT(uniq, sub, when, function, argument)   C_SYSINIT(uniq, sub, when, function, argument)
#define SYSUNINIT(uniq, sub, when, function, argument) C_SYSUNINIT(uniq, sub, when, function, argument)

/* ---- loader variables that become C variables when the kernel starts ----------------------------------- */

enum iommusim_tunable_type {
	IOMMUSIM_TUNABLE_INT,
	IOMMUSIM_TUNABLE_LONG,
	IOMMUSIM_TUNABLE_ULONG,
	IOMMUSIM_TUNABLE_UINT64,
	IOMMUSIM_TUNABLE_INT64,
	IOMMUSIM_TUNABLE_BOOL,
	IOMMUSIM_TUNABLE_STR
};
struct iommusim_tunable {
	const char *path;
	void *variable;
	size_t size; /* of a string's array */
	enum iommusim_tunable_type type;
};

#define IOMMUSIM_TUNABLE(path_, variable_, size_, type_)                                               \
	static const struct iommusim_tunable IOMMUSIM_SET_JOIN(iommusim_tunable_,                      \
	    __LINE__) = { (path_), (variable_), (size_), IOMMUSIM_TUNABLE_##type_ };                   \
	DATA_SET(iommusim_tunables, IOMMUSIM_SET_JOIN(iommusim_tunable_, __LINE__))
#define TUNABLE_INT(path, variable)       IOMMUSIM_TUNABLE(path, variable, 0, INT)
#define TUNABLE_LONG(path, variable)      IOMMUSIM_TUNABLE(path, variable, 0, LONG)
#define TUNABLE_ULONG(path, variable)     IOMMUSIM_TUNABLE(path, variable, 0, ULONG)
#define TUNABLE_UINT64(path, variable)    IOMMUSIM_TUNABLE(path, variable, 0, UINT64)
#define TUNABLE_INT64(path, variable)     IOMMUSIM_TUNABLE(path, variable, 0, INT64)
#define TUNABLE_QUAD(path, variable)      IOMMUSIM_TUNABLE(path, variable, 0, INT64)
#define TUNABLE_BOOL(path, variable)      IOMMUSIM_TUNABLE(path, variable, 0, BOOL)
#define TUNABLE_STR(path, variable, size) IOMMUSIM_TUNABLE(path, variable, size, STR)

#define TUNABLE_INT_FETCH(path, variable)       getenv_int((path), (variable))
#define TUNABLE_LONG_FETCH(path, variable)      getenv_long((path), (variable))
#define TUNABLE_ULONG_FETCH(path, variable)     getenv_ulong((path), (variable))
#define TUNABLE_UINT64_FETCH(path, variable)    getenv_uint64((path), (variable))
#define TUNABLE_INT64_FETCH(path, variable)     getenv_int64((path), (variable))
#define TUNABLE_QUAD_FETCH(path, variable)      getenv_quad((path), (variable))
#define TUNABLE_BOOL_FETCH(path, variable)      getenv_bool((path), (variable))
#define TUNABLE_STR_FETCH(path, variable, size) getenv_string((path), (variable), (size))

#endif
