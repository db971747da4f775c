/* Modules: an event handler that is told of loading and unloading, and names that others depend on. */
#ifndef IOMMUSIM_KSHIM_SYS_MODULE_H
#define IOMMUSIM_KSHIM_SYS_MODULE_H

#include <sys/_kernel_kshim.h>

typedef struct module *module_t;
typedef enum modeventtype { MOD_LOAD, MOD_UNLOAD, MOD_SHUTDOWN, MOD_QUIESCE } modeventtype_t;
typedef int (*modeventhand_t)(module_t module, int what, void *argument);
typedef struct moduledata {
	const char *name;
	modeventhand_t evhand;
	void *priv;
} moduledata_t;

struct iommusim_module {
	const moduledata_t *data;
	unsigned subsystem;
	unsigned order;
};

#define DECLARE_MODULE(name, data, sub, when)                                                          \
	static const struct iommusim_module iommusim_module_##name = { &(data), (unsigned)(sub),       \
		(unsigned)(when) };                                                                    \
	DATA_SET(iommusim_modules, iommusim_module_##name)
#define DECLARE_MODULE_TIED(name, data, sub, when) DECLARE_MODULE(name, data, sub, when)
#define DEV_MODULE_ORDERED(name, handler, argument, order)                                             \
	static moduledata_t name##_mod = { #name, handler, argument };                                 \
	DECLARE_MODULE(name, name##_mod, SI_SUB_DRIVERS, order)
#define DEV_MODULE(name, handler, argument) DEV_MODULE_ORDERED(name, handler, argument, SI_ORDER_MIDDLE)

/* Everything is linked into one program: what a module needs is there, or it does not link. */
#define MODULE_VERSION(module, version) _Static_assert((version) > 0, #module)
#define MODULE_DEPEND(module, on, minimum, preferred, maximum)                                         \
	_Static_assert((minimum) <= (preferred) && (preferred) <= (maximum), #module " on " #on)
#define MODULE_PNP_INFO(...) _Static_assert(1, "")
#define MOD_DEBUG(...)       ((void)0)

#endif
