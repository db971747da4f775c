/* Drivers: registered for a bus, they identify devices, are asked which fits best, and attach and detach. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

static kobjop_t method_of(const struct kobj_class *class, const char *name)
{
	kobjop_t found = NULL;

	for (const kobj_method_t *method = class->methods; method != NULL && method->name != NULL;
	     method++)
		if (strcmp(method->name, name) == 0)
			return method->func;
	for (kobj_class_t *base = class->baseclasses; found == NULL && base != NULL && *base != NULL;
	     base++)
		found = method_of(*base, name);
	return found;
}

kobjop_t iommusim_kernel_method(device_t device, const char *name)
{
	const driver_t *driver = device->tried != NULL ? device->tried : device->driver;

	kshim_enter_now();
	return driver == NULL ? NULL : method_of(driver, name);
}

/* A method that takes the device alone; `otherwise` without it. */
static int call(device_t device, const char *name, int otherwise)
{
	int (*method)(device_t) = (int (*)(device_t))iommusim_kernel_method(device, name);

	return method == NULL ? otherwise : method(device);
}

void kshim_drivers_register(struct iommusim_kernel *kernel, const struct driver_module_data *module)
{
	struct driver *driver = calloc(1, sizeof(*driver));

	if (driver == NULL)
		return;
	driver->module = module;
	TAILQ_INSERT_TAIL(&kernel->drivers, driver, link);
	if (module->devclass != NULL)
		*module->devclass = kshim_devclass_of(kernel, module->driver->name);
	if (module->handler != NULL)
		module->handler((module_t)(uintptr_t)module, MOD_LOAD, module->argument);
}

/* Buses that a driver is for. */
static bool is_for(const struct driver *driver, device_t bus)
{
	return bus->devclass != NULL && strcmp(driver->module->bus, bus->devclass->name) == 0;
}

void kshim_drivers_identify(struct iommusim_kernel *kernel)
{
	for (device_t bus = kernel->root; bus != NULL; bus = kshim_device_next(kernel->root, bus)) {
		struct driver *driver;

		TAILQ_FOREACH (driver, &kernel->drivers, link) {
			void (*identify)(driver_t *, device_t) = (void (*)(
			    driver_t *, device_t))method_of(driver->module->driver, "device_identify");

			if (identify != NULL && is_for(driver, bus) && bus->state >= DS_ATTACHED)
				identify(driver->module->driver, bus);
		}
	}
}

static void free_softc(device_t device)
{
	if (device->softc != NULL && !device->softc_is_drivers)
		iommusim_kernel_free(device->softc, M_BUS, false, __FILE__, __LINE__);
	device->softc = NULL;
	device->softc_is_drivers = false;
}

static bool give_softc(device_t device, const driver_t *driver)
{
	const size_t size = driver->size;

	free_softc(device);
	if (size == 0)
		return true;
	device->softc = iommusim_kernel_malloc(size, M_BUS, M_NOWAIT | M_ZERO, __FILE__, __LINE__);
	return device->softc != NULL;
}

static int try(device_t device, driver_t *driver)
{
	int result;

	if (!give_softc(device, driver))
		return ENOMEM;
	device->tried = driver;
	if (!device->class_fixed)
		device_set_devclass(device, driver->name);
	result = call(device, "device_probe", ENXIO);
	device->tried = NULL;
	return result;
}

/* The driver whose probe says the most; 0 is the most there is. */
int device_probe(device_t device)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	driver_t *best = NULL;
	struct driver *driver;
	int best_result = 0;

	if (device->state >= DS_ALIVE)
		return -1;
	TAILQ_FOREACH (driver, &kernel->drivers, link) {
		driver_t *candidate = driver->module->driver;
		int result;

		if (!is_for(driver, device->parent) ||
		    (device->class_fixed && strcmp(device->devclass->name, candidate->name) != 0))
			continue;
		result = try(device, candidate);
		if (result > 0 || (result <= BUS_PROBE_NOWILDCARD && !device->class_fixed))
			continue;
		if (best == NULL || result > best_result) {
			best = candidate;
			best_result = result;
		}
		if (best_result == 0)
			break;
	}
	if (best == NULL) {
		free_softc(device);
		if (!device->class_fixed)
			device_set_devclass(device, NULL);
		return ENXIO;
	}
	try(device, best);
	device->driver = best;
	device->state = DS_ALIVE;
	return 0;
}

int device_attach(device_t device)
{
	int error;

	kshim_enter_now();
	if (device->state >= DS_ATTACHING)
		return 0;
	if (device->disabled || resource_disabled(device_get_name(device), device->unit))
		return ENXIO;
	if (!device->quiet && device->about != NULL)
		device_printf(device, "<%s>\n", device->about);
	device->state = DS_ATTACHING;
	error = call(device, "device_attach", ENXIO);
	if (error == 0) {
		device->state = DS_ATTACHED;
		return 0;
	}
	device_printf(device, "device_attach: %s attach returned %d\n", device->name, error);
	free_softc(device);
	device->driver = NULL;
	device->state = DS_NOTPRESENT;
	if (!device->class_fixed)
		device_set_devclass(device, NULL);
	return error;
}

int device_probe_and_attach(device_t device)
{
	const int error = device_probe(device);

	if (error == -1)
		return 0;
	return error != 0 ? error : device_attach(device);
}

int device_detach(device_t device)
{
	int error;

	kshim_enter_now();
	if (device->state == DS_BUSY)
		return EBUSY;
	if (device->state != DS_ATTACHED || device->driver == NULL)
		return 0;
	error = call(device, "device_detach", 0);
	if (error != 0)
		return error;
	sysctl_ctx_free(&device->sysctl_context);
	device->sysctl_tree = NULL;
	free_softc(device);
	device->driver = NULL;
	device->state = DS_NOTPRESENT;
	if (!device->class_fixed)
		device_set_devclass(device, NULL);
	return 0;
}

int device_shutdown(device_t device)
{
	return device->state >= DS_ATTACHED ? call(device, "device_shutdown", 0) : 0;
}

int device_quiesce(device_t device)
{
	return device->state >= DS_ATTACHED ? call(device, "device_quiesce", EOPNOTSUPP) : 0;
}

int device_set_driver(device_t device, driver_t *driver)
{
	if (device->state >= DS_ATTACHED)
		return EBUSY;
	device->driver = driver;
	return driver == NULL || give_softc(device, driver) ? 0 : ENOMEM;
}

void device_set_softc(device_t device, void *softc)
{
	free_softc(device);
	device->softc = softc;
	device->softc_is_drivers = softc != NULL;
}

/* In order of the tree. A device that attaches may add others: they come later in the tree. */
void kshim_devices_attach(struct iommusim_kernel *kernel, device_t under)
{
	(void)kernel;
	for (device_t device = under; device != NULL; device = kshim_device_next(under, device))
		if (device->state == DS_NOTPRESENT && device->parent != NULL)
			device_probe_and_attach(device);
}

device_t iommusim_kernel_bus_add_child(device_t parent, u_int order, const char *name, int unit)
{
	device_t (*method)(device_t, u_int, const char *, int) = (device_t(*)(
	    device_t, u_int, const char *, int))iommusim_kernel_method(parent, "bus_add_child");

	return method != NULL ? method(parent, order, name, unit)
			      : device_add_child_ordered(parent, order, name, unit);
}

/* ---- what buses do for their children ------------------------------------------------------------------------ */

int bus_generic_probe(device_t device)
{
	struct driver *driver;

	TAILQ_FOREACH (driver, &kshim_enter_now()->drivers, link) {
		void (*identify)(driver_t *, device_t) = (void (*)(driver_t *, device_t))method_of(
		    driver->module->driver, "device_identify");

		if (identify != NULL && is_for(driver, device))
			identify(driver->module->driver, device);
	}
	return 0;
}

int bus_generic_attach(device_t device)
{
	device_t child;

	TAILQ_FOREACH (child, &device->children, sibling)
		device_probe_and_attach(child);
	return 0;
}

static int for_children(device_t device, int (*act)(device_t child))
{
	device_t child;
	int error;

	TAILQ_FOREACH (child, &device->children, sibling) {
		error = act(child);
		if (error != 0)
			return error;
	}
	return 0;
}

int bus_generic_detach(device_t device)
{
	return for_children(device, device_detach);
}

int bus_generic_shutdown(device_t device)
{
	return for_children(device, device_shutdown);
}

static int suspend(device_t device)
{
	return device->state >= DS_ATTACHED ? call(device, "device_suspend", 0) : 0;
}

static int resume(device_t device)
{
	return device->state >= DS_ATTACHED ? call(device, "device_resume", 0) : 0;
}

int bus_generic_suspend(device_t device)
{
	return for_children(device, suspend);
}

int bus_generic_resume(device_t device)
{
	return for_children(device, resume);
}

int bus_generic_print_child(device_t device, device_t child)
{
	return iommusim_kernel_printf("%s on %s\n", child->name, device->name);
}

int bus_get_domain(device_t device, int *domain)
{
	(void)device;
	*domain = 0;
	return 0;
}

void bus_topo_lock(void)
{
	mtx_lock(&Giant);
}

void bus_topo_unlock(void)
{
	mtx_unlock(&Giant);
}

void bus_topo_assert(void)
{
	mtx_assert(&Giant, MA_OWNED);
}
