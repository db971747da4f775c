/*
 * newbus: devices, drivers, and what a driver asks of the bus it is on. Which devices there are, and when they are
 * attached, is the test's business: kshim.h.
 */
#ifndef IOMMUSIM_KSHIM_SYS_BUS_H
#define IOMMUSIM_KSHIM_SYS_BUS_H

#include <sys/_kernel_kshim.h>
#include <sys/eventhandler.h>
#include <sys/kobj.h>
#include <sys/module.h>
#include <sys/rman.h>
#include <sys/systm.h>

typedef struct kobj_class driver_t;
typedef kobj_method_t device_method_t;

typedef enum device_state {
	DS_NOTPRESENT = 10,
	DS_ALIVE = 20,
	DS_ATTACHING = 25,
	DS_ATTACHED = 30,
	DS_BUSY = 40
} device_state_t;

typedef int driver_filter_t(void *argument);
typedef void driver_intr_t(void *argument);

#define FILTER_STRAY           0x01
#define FILTER_HANDLED         0x02
#define FILTER_SCHEDULE_THREAD 0x04

enum intr_type {
	INTR_TYPE_TTY = 1,
	INTR_TYPE_BIO = 2,
	INTR_TYPE_NET = 4,
	INTR_TYPE_CAM = 8,
	INTR_TYPE_MISC = 16,
	INTR_TYPE_CLK = 32,
	INTR_TYPE_AV = 64,
	INTR_EXCL = 256,
	INTR_MPSAFE = 512,
	INTR_ENTROPY = 1024,
	INTR_SLEEPABLE = 2048
};

#define BUS_PROBE_SPECIFIC     0
#define BUS_PROBE_VENDOR       (-10)
#define BUS_PROBE_DEFAULT      (-20)
#define BUS_PROBE_LOW_PRIORITY (-40)
#define BUS_PROBE_GENERIC      (-100)
#define BUS_PROBE_HOOVER       (-1000000)
#define BUS_PROBE_NOWILDCARD   (-2000000000)

#define DEVICE_UNIT_ANY    (-1)
#define BUS_PASS_ROOT      0
#define BUS_PASS_BUS       10
#define BUS_PASS_CPU       20
#define BUS_PASS_INTERRUPT 40
#define BUS_PASS_DEFAULT   0x7fffffff

/* ---- drivers and their methods ------------------------------------------------------------------------ */

#define DEVMETHOD(interface_method, function) KOBJMETHOD(interface_method, function)
#define DEVMETHOD_END                         KOBJMETHOD_END

struct driver_module_data {
	const char *name;
	const char *bus;
	driver_t *driver;
	devclass_t *devclass; /* of the driver's own, filled in when it is registered; NULL */
	modeventhand_t handler;
	void *argument;
	unsigned order;
	unsigned pass;
};

/*
 * Two shapes: with a variable for the device class, until 13, and without. A class is told from an event handler
 * by how many arguments there are.
 */
#define IOMMUSIM_DRIVER(name_, bus_, driver_, class_, handler_, argument_, order_, pass_)              \
	static const struct driver_module_data iommusim_driver_##name_##_##bus_ = { #name_, #bus_,     \
		&(driver_), (class_), (modeventhand_t)(handler_), (void *)(argument_),                 \
		(unsigned)(order_), (unsigned)(pass_) };                                               \
	DATA_SET(iommusim_drivers, iommusim_driver_##name_##_##bus_)
#define IOMMUSIM_PICK8(a, b, c, d, e, f, g, h, pick, ...) pick

#define IOMMUSIM_DM5(n, b, d, h, a)                                                                    \
	IOMMUSIM_DRIVER(n, b, d, NULL, h, a, SI_ORDER_MIDDLE, BUS_PASS_DEFAULT)
#define IOMMUSIM_DM6(n, b, d, c, h, a)                                                                 \
	IOMMUSIM_DRIVER(n, b, d, &(c), h, a, SI_ORDER_MIDDLE, BUS_PASS_DEFAULT)
#define DRIVER_MODULE(...)                                                                             \
	IOMMUSIM_PICK8(__VA_ARGS__, 0, 0, IOMMUSIM_DM6, IOMMUSIM_DM5, 0, 0, 0)(__VA_ARGS__)
#define IOMMUSIM_DMO6(n, b, d, h, a, o)    IOMMUSIM_DRIVER(n, b, d, NULL, h, a, o, BUS_PASS_DEFAULT)
#define IOMMUSIM_DMO7(n, b, d, c, h, a, o) IOMMUSIM_DRIVER(n, b, d, &(c), h, a, o, BUS_PASS_DEFAULT)
#define DRIVER_MODULE_ORDERED(...)                                                                     \
	IOMMUSIM_PICK8(__VA_ARGS__, 0, IOMMUSIM_DMO7, IOMMUSIM_DMO6, 0, 0, 0, 0)(__VA_ARGS__)
#define IOMMUSIM_EDM7(n, b, d, h, a, o, p)    IOMMUSIM_DRIVER(n, b, d, NULL, h, a, o, p)
#define IOMMUSIM_EDM8(n, b, d, c, h, a, o, p) IOMMUSIM_DRIVER(n, b, d, &(c), h, a, o, p)
#define EARLY_DRIVER_MODULE_ORDERED(...)                                                               \
	IOMMUSIM_PICK8(__VA_ARGS__, IOMMUSIM_EDM8, IOMMUSIM_EDM7, 0, 0, 0, 0, 0)(__VA_ARGS__)

/* ---- devices ------------------------------------------------------------------------------------------- */

device_t device_add_child(device_t parent, const char *name, int unit);
device_t device_add_child_ordered(device_t parent, u_int order, const char *name, int unit);
int device_delete_child(device_t parent, device_t child);
int device_delete_children(device_t parent);
device_t device_find_child(device_t parent, const char *classname, int unit);
int device_get_children(device_t device, device_t **list, int *count); /* free(list, M_TEMP) */
int device_probe(device_t device);
int device_attach(device_t device);
int device_probe_and_attach(device_t device);
int device_detach(device_t device);
int device_shutdown(device_t device);
int device_quiesce(device_t device);
void device_busy(device_t device);
void device_unbusy(device_t device);
void device_disable(device_t device);
void device_enable(device_t device);
void device_quiet(device_t device);
void device_verbose(device_t device);
void device_claim_softc(device_t device);
devclass_t device_get_devclass(device_t device);
driver_t *device_get_driver(device_t device);
const char *device_get_desc(device_t device);
const char *device_get_name(device_t device);
const char *device_get_nameunit(device_t device);
device_t device_get_parent(device_t device);
void *device_get_ivars(device_t device);
void *device_get_softc(device_t device);
device_state_t device_get_state(device_t device);
uint32_t device_get_flags(device_t device);
int device_get_unit(device_t device);
struct sysctl_ctx_list *device_get_sysctl_ctx(device_t device);
struct sysctl_oid *device_get_sysctl_tree(device_t device);
int device_has_children(device_t device);
int device_is_alive(device_t device);
int device_is_attached(device_t device);
int device_is_enabled(device_t device);
int device_is_quiet(device_t device);
void device_set_desc(device_t device, const char *description);
void device_set_desc_copy(device_t device, const char *description);
void device_set_descf(device_t device, const char *format, ...);
int device_set_devclass(device_t device, const char *classname);
int device_set_driver(device_t device, driver_t *driver);
void device_set_flags(device_t device, uint32_t flags);
void device_set_ivars(device_t device, void *ivars);
void device_set_softc(device_t device, void *softc);
int device_set_unit(device_t device, int unit);
int device_print_prettyname(device_t device);
int device_printf(device_t device, const char *format, ...);
int device_log(device_t device, int level, const char *format, ...);

devclass_t devclass_find(const char *classname);
devclass_t devclass_create(const char *classname);
device_t devclass_get_device(devclass_t devclass, int unit);
int devclass_get_devices(devclass_t devclass, device_t **list, int *count);  /* free(list, M_TEMP) */
int devclass_get_drivers(devclass_t devclass, driver_t ***list, int *count); /* free(list, M_TEMP) */
int devclass_get_count(devclass_t devclass);
int devclass_get_maxunit(devclass_t devclass);
int devclass_find_free_unit(devclass_t devclass, int unit);
const char *devclass_get_name(devclass_t devclass);
void *devclass_get_softc(devclass_t devclass, int unit);

int resource_int_value(const char *name, int unit, const char *what, int *value);
int resource_long_value(const char *name, int unit, const char *what, long *value);
int resource_string_value(const char *name, int unit, const char *what, const char **value);
int resource_disabled(const char *name, int unit);

/* ---- what a device asks of its bus --------------------------------------------------------------------- */

struct resource *bus_alloc_resource(device_t device, int type, int *rid, rman_res_t start,
    rman_res_t end, rman_res_t count, u_int flags);
struct resource *bus_alloc_resource_any(device_t device, int type, int *rid, u_int flags);
int bus_activate_resource(device_t device, int type, int rid, struct resource *resource);
int bus_deactivate_resource(device_t device, int type, int rid, struct resource *resource);
int bus_set_resource(device_t device, int type, int rid, rman_res_t start, rman_res_t count);
int bus_get_resource(device_t device, int type, int rid, rman_res_t *start, rman_res_t *count);
rman_res_t bus_get_resource_start(device_t device, int type, int rid);
rman_res_t bus_get_resource_count(device_t device, int type, int rid);
void bus_delete_resource(device_t device, int type, int rid);
int bus_setup_intr(device_t device, struct resource *interrupt, int flags, driver_filter_t *filter,
    driver_intr_t *handler, void *argument, void **cookie);
int bus_teardown_intr(device_t device, struct resource *interrupt, void *cookie);
int bus_bind_intr(device_t device, struct resource *interrupt, int cpu);
int bus_describe_intr(
    device_t device, struct resource *interrupt, void *cookie, const char *format, ...);
int bus_generic_attach(device_t device);
int bus_generic_detach(device_t device);
int bus_generic_probe(device_t device);
int bus_generic_suspend(device_t device);
int bus_generic_resume(device_t device);
int bus_generic_shutdown(device_t device);
int bus_generic_print_child(device_t device, device_t child);
int bus_get_domain(device_t device, int *domain);
void bus_topo_lock(void);
void bus_topo_unlock(void);
void bus_topo_assert(void);
device_t iommusim_kernel_bus_add_child(device_t parent, u_int order, const char *name, int unit);
#define BUS_ADD_CHILD(parent, order, name, unit)                                                       \
	iommusim_kernel_bus_add_child(parent, order, name, unit)

/* Until 13 with type and rid, later with the resource alone. */
int iommusim_kernel_bus_release_resource(
    device_t device, struct resource *resource, IOMMUSIM_PLACE_ARGS);
#define IOMMUSIM_RELEASE2(device, resource)                                                            \
	iommusim_kernel_bus_release_resource(device, resource, IOMMUSIM_HERE)
#define IOMMUSIM_RELEASE4(device, type, rid, resource)                                                 \
	((void)(type), (void)(rid),                                                                    \
	    iommusim_kernel_bus_release_resource(device, resource, IOMMUSIM_HERE))
#define bus_release_resource(...)                                                                      \
	IOMMUSIM_PICK8(__VA_ARGS__, 0, 0, 0, 0, IOMMUSIM_RELEASE4, 0, IOMMUSIM_RELEASE2, 0)(__VA_ARGS__)

struct resource_spec {
	int type;
	int rid;
	int flags;
};
#define RESOURCE_SPEC_END                                                                              \
	{                                                                                              \
		-1, 0, 0                                                                               \
	}
int bus_alloc_resources(device_t device, struct resource_spec *spec, struct resource **resources);
void bus_release_resources(
    device_t device, const struct resource_spec *spec, struct resource **resources);

#endif
