/* The tree of devices and the classes they belong to. What drivers do with them: driver.c. */
#include "kshim/kernel/state.h"

#include <stdio.h>
#include <stdlib.h>

devclass_t kshim_devclass_of(struct iommusim_kernel *kernel, const char *name)
{
	devclass_t devclass;

	TAILQ_FOREACH (devclass, &kernel->classes, link)
		if (strcmp(devclass->name, name) == 0)
			return devclass;
	devclass = calloc(1, sizeof(*devclass));
	if (devclass == NULL)
		return NULL;
	devclass->name = kshim_copy(name);
	TAILQ_INSERT_TAIL(&kernel->classes, devclass, link);
	return devclass;
}

/* The device after this one, parents before children; NULL: it was the last under `root`. */
device_t kshim_device_next(device_t root, device_t device)
{
	if (!TAILQ_EMPTY(&device->children))
		return TAILQ_FIRST(&device->children);
	while (device != root && TAILQ_NEXT(device, sibling) == NULL)
		device = device->parent;
	return device == root ? NULL : TAILQ_NEXT(device, sibling);
}

static device_t find_unit(struct iommusim_kernel *kernel, const struct devclass *devclass, int unit)
{
	for (device_t device = kernel->root; device != NULL;
	     device = kshim_device_next(kernel->root, device))
		if (device->devclass == devclass && device->unit == unit)
			return device;
	return NULL;
}

static int free_unit(struct iommusim_kernel *kernel, const struct devclass *devclass, int wanted)
{
	int unit = wanted < 0 ? 0 : wanted;

	while (find_unit(kernel, devclass, unit) != NULL)
		unit++;
	return unit;
}

static void name_device(device_t device)
{
	if (device->devclass != NULL)
		snprintf(
		    device->name, sizeof(device->name), "%s%d", device->devclass->name, device->unit);
	else if (device->pci != NULL)
		snprintf(device->name, sizeof(device->name), "pci%u:%u:%u:%u", device->pci->segment,
		    PCI_RID2BUS(device->pci->rid), PCI_RID2SLOT(device->pci->rid),
		    PCI_RID2FUNC(device->pci->rid));
	else
		snprintf(device->name, sizeof(device->name), "unknown");
}

/* NULL: that unit is there already, or no memory. */
device_t kshim_device_make(
    struct iommusim_kernel *kernel, device_t parent, u_int order, const char *name, int unit)
{
	devclass_t devclass = name == NULL ? NULL : kshim_devclass_of(kernel, name);
	device_t device, later;

	if (devclass != NULL && unit >= 0 && kernel->root != NULL &&
	    find_unit(kernel, devclass, unit) != NULL)
		return NULL;
	device = calloc(1, sizeof(*device));
	if (device == NULL)
		return NULL;
	TAILQ_INIT(&device->children);
	TAILQ_INIT(&device->resources);
	device->unit = -1;
	device->wanted_unit = unit;
	device->state = DS_NOTPRESENT;
	device->order = order;
	device->parent = parent;
	device->devclass = devclass;
	device->class_fixed = devclass != NULL;
	if (devclass != NULL)
		device->unit = unit >= 0 || kernel->root == NULL ? (unit < 0 ? 0 : unit)
								 : free_unit(kernel, devclass, -1);
	name_device(device);
	if (parent == NULL)
		return device;
	later = TAILQ_FIRST(&parent->children);
	while (later != NULL && later->order <= order)
		later = TAILQ_NEXT(later, sibling);
	if (later != NULL)
		TAILQ_INSERT_BEFORE(later, device, sibling);
	else
		TAILQ_INSERT_TAIL(&parent->children, device, sibling);
	return device;
}

static void release(struct iommusim_kernel *kernel, device_t device)
{
	device_t child;

	while ((child = TAILQ_FIRST(&device->children)) != NULL) {
		TAILQ_REMOVE(&device->children, child, sibling);
		release(kernel, child);
	}
	kshim_resources_drop(kernel, device);
	free(device->about);
	if (device->pci != NULL)
		free(device->pci->msix_table);
	free(device->pci);
	free(device);
}

/* Without a word to its driver. */
void kshim_device_drop(struct iommusim_kernel *kernel, device_t device)
{
	if (device->parent != NULL)
		TAILQ_REMOVE(&device->parent->children, device, sibling);
	release(kernel, device);
}

bool kshim_devices_make(struct iommusim_kernel *kernel)
{
	kernel->root = kshim_device_make(kernel, NULL, 0, "root", 0);
	if (kernel->root == NULL)
		return false;
	kernel->nexus = kshim_device_make(kernel, kernel->root, 0, "nexus", 0);
	if (kernel->nexus == NULL)
		return false;
	kernel->acpi = kshim_device_make(kernel, kernel->nexus, 0, "acpi", 0);
	if (kernel->acpi == NULL)
		return false;
	kernel->root->state = kernel->nexus->state = kernel->acpi->state = DS_ATTACHED;
	return kshim_pci_enumerate(kernel);
}

void kshim_devices_free(struct iommusim_kernel *kernel)
{
	devclass_t devclass;
	struct driver *driver;

	if (kernel->root != NULL)
		kshim_device_drop(kernel, kernel->root);
	while ((devclass = TAILQ_FIRST(&kernel->classes)) != NULL) {
		TAILQ_REMOVE(&kernel->classes, devclass, link);
		free(devclass->name);
		free(devclass);
	}
	while ((driver = TAILQ_FIRST(&kernel->drivers)) != NULL) {
		TAILQ_REMOVE(&kernel->drivers, driver, link);
		free(driver);
	}
}

/* ---- what drivers ask and say of a device ------------------------------------------------------------------ */

device_t device_add_child(device_t parent, const char *name, int unit)
{
	return kshim_device_make(kshim_enter_now(), parent, 0, name, unit);
}

device_t device_add_child_ordered(device_t parent, u_int order, const char *name, int unit)
{
	return kshim_device_make(kshim_enter_now(), parent, order, name, unit);
}

int device_delete_child(device_t parent, device_t child)
{
	const int error = device_detach(child);

	(void)parent;
	if (error == 0)
		kshim_device_drop(kshim_enter_now(), child);
	return error;
}

/* The last leaf first, so that children go before their parents. */
int device_delete_children(device_t parent)
{
	while (!TAILQ_EMPTY(&parent->children)) {
		device_t leaf = parent;
		int error;

		while (!TAILQ_EMPTY(&leaf->children))
			leaf = TAILQ_LAST(&leaf->children, device_list);
		error = device_detach(leaf);
		if (error != 0)
			return error;
		kshim_device_drop(kshim_here, leaf);
	}
	return 0;
}

device_t device_find_child(device_t parent, const char *classname, int unit)
{
	device_t child;

	kshim_enter_quickly();
	TAILQ_FOREACH (child, &parent->children, sibling)
		if (child->devclass != NULL && strcmp(child->devclass->name, classname) == 0 &&
		    (unit == child->unit || unit == DEVICE_UNIT_ANY))
			return child;
	return NULL;
}

static void **new_list(size_t count)
{
	return iommusim_kernel_malloc(
	    (count + 1) * sizeof(void *), M_TEMP, M_NOWAIT | M_ZERO, __FILE__, __LINE__);
}

int device_get_children(device_t device, device_t **list, int *count)
{
	device_t child;
	int n = 0;

	TAILQ_FOREACH (child, &device->children, sibling)
		n++;
	*list = (device_t *)new_list((size_t)n);
	if (*list == NULL)
		return ENOMEM;
	*count = n;
	n = 0;
	TAILQ_FOREACH (child, &device->children, sibling)
		(*list)[n++] = child;
	return 0;
}

void device_busy(device_t device)
{
	device->state = DS_BUSY;
}

void device_unbusy(device_t device)
{
	device->state = DS_ATTACHED;
}

void device_disable(device_t device)
{
	device->disabled = true;
}

void device_enable(device_t device)
{
	device->disabled = false;
}

void device_quiet(device_t device)
{
	device->quiet = true;
}

void device_verbose(device_t device)
{
	device->quiet = false;
}

void device_claim_softc(device_t device)
{
	device->softc_is_drivers = true;
}

devclass_t device_get_devclass(device_t device)
{
	return device->devclass;
}

driver_t *device_get_driver(device_t device)
{
	return device->driver;
}

const char *device_get_desc(device_t device)
{
	return device->about;
}

const char *device_get_name(device_t device)
{
	return device->devclass == NULL ? NULL : device->devclass->name;
}

const char *device_get_nameunit(device_t device)
{
	return device->devclass == NULL ? NULL : device->name;
}

device_t device_get_parent(device_t device)
{
	return device->parent;
}

void *device_get_ivars(device_t device)
{
	return device->ivars;
}

void *device_get_softc(device_t device)
{
	return device->softc;
}

device_state_t device_get_state(device_t device)
{
	return device->state;
}

uint32_t device_get_flags(device_t device)
{
	return device->flags;
}

int device_get_unit(device_t device)
{
	return device->unit;
}

int device_has_children(device_t device)
{
	return !TAILQ_EMPTY(&device->children);
}

int device_is_alive(device_t device)
{
	return device->state >= DS_ALIVE;
}

int device_is_attached(device_t device)
{
	return device->state >= DS_ATTACHED;
}

int device_is_enabled(device_t device)
{
	return !device->disabled;
}

int device_is_quiet(device_t device)
{
	return device->quiet;
}

void device_set_desc_copy(device_t device, const char *description)
{
	free(device->about);
	device->about = description == NULL ? NULL : kshim_copy(description);
}

void device_set_desc(device_t device, const char *description)
{
	device_set_desc_copy(device, description);
}

void device_set_descf(device_t device, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	kshim_format_text(text, sizeof(text), format, arguments);
	va_end(arguments);
	device_set_desc_copy(device, text);
}

int device_set_devclass(device_t device, const char *classname)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();

	device->devclass = classname == NULL ? NULL : kshim_devclass_of(kernel, classname);
	device->unit = -1;
	if (device->devclass != NULL)
		device->unit = free_unit(kernel, device->devclass, device->wanted_unit);
	name_device(device);
	return 0;
}

void device_set_flags(device_t device, uint32_t flags)
{
	device->flags = flags;
}

void device_set_ivars(device_t device, void *ivars)
{
	device->ivars = ivars;
}

int device_set_unit(device_t device, int unit)
{
	if (find_unit(kshim_enter_quickly(), device->devclass, unit) != NULL)
		return EBUSY;
	device->unit = unit;
	name_device(device);
	return 0;
}

int device_print_prettyname(device_t device)
{
	return iommusim_kernel_printf("%s: ", device->name);
}

struct sysctl_ctx_list *device_get_sysctl_ctx(device_t device)
{
	return &device->sysctl_context;
}

struct sysctl_oid *device_get_sysctl_tree(device_t device)
{
	struct sysctl_oid *of_class;
	char unit[16];

	if (device->sysctl_tree != NULL || device->devclass == NULL)
		return device->sysctl_tree;
	of_class = SYSCTL_ADD_NODE(&kshim_here->static_context, SYSCTL_STATIC_CHILDREN(_dev), OID_AUTO,
	    device->devclass->name, CTLFLAG_RD, NULL, "");
	snprintf(unit, sizeof(unit), "%d", device->unit);
	device->sysctl_tree = SYSCTL_ADD_NODE(
	    &device->sysctl_context, SYSCTL_CHILDREN(of_class), OID_AUTO, unit, CTLFLAG_RD, NULL, "");
	return device->sysctl_tree;
}

/* ---- classes -------------------------------------------------------------------------------------------------------- */

devclass_t devclass_find(const char *classname)
{
	devclass_t devclass;

	TAILQ_FOREACH (devclass, &kshim_enter_quickly()->classes, link)
		if (strcmp(devclass->name, classname) == 0)
			return devclass;
	return NULL;
}

devclass_t devclass_create(const char *classname)
{
	return kshim_devclass_of(kshim_enter_quickly(), classname);
}

const char *devclass_get_name(devclass_t devclass)
{
	return devclass == NULL ? NULL : devclass->name;
}

device_t devclass_get_device(devclass_t devclass, int unit)
{
	return devclass == NULL ? NULL : find_unit(kshim_enter_quickly(), devclass, unit);
}

void *devclass_get_softc(devclass_t devclass, int unit)
{
	device_t device = devclass_get_device(devclass, unit);

	return device == NULL ? NULL : device->softc;
}

int devclass_get_maxunit(devclass_t devclass)
{
	device_t root = kshim_enter_quickly()->root;
	int past = 0;

	for (device_t device = root; device != NULL; device = kshim_device_next(root, device))
		if (device->devclass == devclass && device->unit >= past)
			past = device->unit + 1;
	return past;
}

int devclass_get_devices(devclass_t devclass, device_t **list, int *count)
{
	device_t root = kshim_enter_quickly()->root;
	int n = 0;

	*list = (device_t *)new_list((size_t)devclass_get_maxunit(devclass));
	if (*list == NULL)
		return ENOMEM;
	for (device_t device = root; device != NULL; device = kshim_device_next(root, device))
		if (device->devclass == devclass)
			(*list)[n++] = device;
	*count = n;
	return 0;
}

int devclass_get_count(devclass_t devclass)
{
	device_t root = kshim_enter_quickly()->root;
	int n = 0;

	for (device_t device = root; device != NULL; device = kshim_device_next(root, device))
		n += device->devclass == devclass;
	return n;
}

int devclass_find_free_unit(devclass_t devclass, int unit)
{
	return free_unit(kshim_enter_quickly(), devclass, unit);
}

int devclass_get_drivers(devclass_t devclass, driver_t ***list, int *count)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	struct driver *driver;
	size_t all = 0;

	TAILQ_FOREACH (driver, &kernel->drivers, link)
		all++;
	*list = (driver_t **)new_list(all);
	if (*list == NULL)
		return ENOMEM;
	*count = 0;
	TAILQ_FOREACH (driver, &kernel->drivers, link)
		if (strcmp(driver->module->bus, devclass->name) == 0)
			(*list)[(*count)++] = driver->module->driver;
	return 0;
}

/* ---- what a test sees ---------------------------------------------------------------------------------------------- */

static void describe(device_t device, struct iommusim_kernel_device *out)
{
	*out = (struct iommusim_kernel_device){ .device = device,
		.name = device->name,
		.driver = device->driver == NULL ? NULL : device->driver->name,
		.parent = device->parent == NULL ? NULL : device->parent->name,
		.about = device->about,
		.state = device->state >= DS_ATTACHED ? IOMMUSIM_KERNEL_ATTACHED
		    : device->state == DS_NOTPRESENT  ? IOMMUSIM_KERNEL_NOT_PRESENT
						      : IOMMUSIM_KERNEL_ALIVE,
		.pci = device->pci != NULL,
		.segment = device->pci == NULL ? 0 : device->pci->segment,
		.rid = device->pci == NULL ? 0 : device->pci->rid,
		.softc = device->softc };
}

enum iommusim_status iommusim_kernel_device_at(
    struct iommusim_kernel *kernel, size_t index, struct iommusim_kernel_device *out)
{
	for (device_t device = kernel->root; device != NULL;
	     device = kshim_device_next(kernel->root, device)) {
		if (index-- > 0)
			continue;
		describe(device, out);
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}

static device_t by_name(struct iommusim_kernel *kernel, const char *name)
{
	for (device_t device = kernel->root; device != NULL;
	     device = kshim_device_next(kernel->root, device))
		if (strcmp(device->name, name) == 0)
			return device;
	return NULL;
}

enum iommusim_status iommusim_kernel_device_find(
    struct iommusim_kernel *kernel, const char *name, struct iommusim_kernel_device *out)
{
	device_t device = by_name(kernel, name);

	if (device == NULL)
		return IOMMUSIM_ENOENT;
	describe(device, out);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_kernel_pci_device(
    struct iommusim_kernel *kernel, uint16_t segment, uint16_t rid, struct iommusim_kernel_device *out)
{
	device_t device = kshim_pci_device_at(kernel, segment, rid);

	if (device == NULL)
		return IOMMUSIM_ENOENT;
	describe(device, out);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_kernel_add_device(
    struct iommusim_kernel *kernel, const char *bus, const char *driver, int unit, void **out)
{
	device_t parent = by_name(kernel, bus), device;

	if (parent == NULL)
		return IOMMUSIM_ENOENT;
	if (driver != NULL && unit >= 0 &&
	    find_unit(kernel, kshim_devclass_of(kernel, driver), unit) != NULL)
		return IOMMUSIM_EEXIST;
	device = kshim_device_make(kernel, parent, 0, driver, unit);
	if (out != NULL)
		*out = device;
	return device == NULL ? IOMMUSIM_ENOMEM : IOMMUSIM_OK;
}
