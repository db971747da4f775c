/* Methods of drivers. They are found by name: an interface needs no generated descriptors. */
#ifndef IOMMUSIM_KSHIM_SYS_KOBJ_H
#define IOMMUSIM_KSHIM_SYS_KOBJ_H

#include <sys/param.h>

typedef void (*kobjop_t)(void); /* of any type, cast back by whoever calls it */
typedef struct kobj_method {
	const char *name; /* "device_probe"; NULL ends a table */
	kobjop_t func;
} kobj_method_t;
typedef struct kobj_class *kobj_class_t;
struct kobj_class {
	const char *name;
	kobj_method_t *methods;
	size_t size; /* of a device's softc */
	kobj_class_t *baseclasses;
};
typedef struct kobj *kobj_t;

#define KOBJMETHOD(interface_method, function)                                                         \
	{                                                                                              \
#interface_method, (kobjop_t)(function)                                                \
	}
#define KOBJMETHOD_END                                                                                 \
	{                                                                                              \
		NULL, NULL                                                                             \
	}
#define DEFINE_CLASS_0(name, variable, methods, size)                                                  \
	struct kobj_class variable = { #name, methods, size, NULL }
#define DEFINE_CLASS_1(name, variable, methods, size, base)                                            \
	static kobj_class_t name##_baseclasses[] = { &(base), NULL };                                  \
	struct kobj_class variable = { #name, methods, size, name##_baseclasses }
#define DEFINE_CLASS(name, methods, size) DEFINE_CLASS_0(name, name##_class, methods, size)
#define DECLARE_CLASS(name)               extern struct kobj_class name

/*
 * A driver's implementation of a method, its base classes' if it has none, NULL if nobody has one. Not for
 * drivers themselves: headers of interfaces are made of it.
 */
kobjop_t iommusim_kernel_method(device_t device, const char *name);

#endif
