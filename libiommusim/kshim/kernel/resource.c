/* Resources of devices: register ranges and interrupts; vectors, and the message interrupts that reach handlers. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

#include <dev/pci/pcib_if.h>
#include <machine/vmparam.h>

#include <iommusim/interrupt.h>
#include <iommusim/mmio.h>

#define MESSAGE_BASE   UINT64_C(0xfee00000)
#define MESSAGE_VECTOR 0xffu

struct resource *kshim_resource_find(device_t device, int type, int rid)
{
	struct resource *resource;

	TAILQ_FOREACH (resource, &device->resources, link)
		if (resource->type == type && resource->rid == rid)
			return resource;
	return NULL;
}

int kshim_resource_set(device_t device, int type, int rid, rman_res_t start, rman_res_t count)
{
	struct resource *resource = kshim_resource_find(device, type, rid);

	if (resource != NULL && resource->allocated)
		return EBUSY;
	if (resource == NULL) {
		resource = calloc(1, sizeof(*resource));
		if (resource == NULL)
			return ENOMEM;
		TAILQ_INSERT_TAIL(&device->resources, resource, link);
	}
	resource->device = device;
	resource->type = type;
	resource->rid = rid;
	resource->start = start;
	resource->count = count;
	return 0;
}

int bus_set_resource(device_t device, int type, int rid, rman_res_t start, rman_res_t count)
{
	kshim_enter_now();
	return kshim_resource_set(device, type, rid, start, count);
}

int bus_get_resource(device_t device, int type, int rid, rman_res_t *start, rman_res_t *count)
{
	const struct resource *resource = kshim_resource_find(device, type, rid);

	kshim_enter_now();
	if (resource == NULL)
		return ENOENT;
	if (start != NULL)
		*start = resource->start;
	if (count != NULL)
		*count = resource->count;
	return 0;
}

rman_res_t bus_get_resource_start(device_t device, int type, int rid)
{
	rman_res_t start = 0;

	bus_get_resource(device, type, rid, &start, NULL);
	return start;
}

rman_res_t bus_get_resource_count(device_t device, int type, int rid)
{
	rman_res_t count = 0;

	bus_get_resource(device, type, rid, NULL, &count);
	return count;
}

void bus_delete_resource(device_t device, int type, int rid)
{
	struct resource *resource = kshim_resource_find(device, type, rid);

	kshim_enter_now();
	if (resource == NULL || resource->allocated)
		return;
	TAILQ_REMOVE(&device->resources, resource, link);
	free(resource);
}

/* A function decodes what is active. */
static void decode(const struct resource *resource)
{
	if ((resource->flags & RF_ACTIVE) != 0 && resource->device->pci != NULL &&
	    (resource->type == SYS_RES_MEMORY || resource->type == SYS_RES_IOPORT))
		pci_enable_io(resource->device, resource->type);
}

struct resource *bus_alloc_resource(device_t device, int type, int *rid, rman_res_t start,
    rman_res_t end, rman_res_t count, u_int flags)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	struct resource *resource = kshim_resource_find(device, type, *rid);

	if (kshim_fails(kernel, IOMMUSIM_KERNEL_DEVICE_RESOURCE, false))
		return NULL;
	if (resource == NULL && !RMAN_IS_DEFAULT_RANGE(start, end) && count > 0 &&
	    bus_set_resource(device, type, *rid, start, count) == 0)
		resource = kshim_resource_find(device, type, *rid);
	/* Line-based interrupts of PCI functions have rid 0. */
	if (resource == NULL && type == SYS_RES_IRQ && *rid == 0 && device->pci != NULL &&
	    pci_get_intpin(device) != 0 && bus_set_resource(device, type, 0, 16, 1) == 0)
		resource = kshim_resource_find(device, type, 0);
	if (resource == NULL || (resource->allocated && (flags & resource->flags & RF_SHAREABLE) == 0))
		return NULL;
	resource->allocated = true;
	resource->flags = flags;
	decode(resource);
	return resource;
}

struct resource *bus_alloc_resource_any(device_t device, int type, int *rid, u_int flags)
{
	return bus_alloc_resource(device, type, rid, 0, RM_MAX_END, 1, flags);
}

int iommusim_kernel_bus_release_resource(
    device_t device, struct resource *resource, IOMMUSIM_PLACE_ARGS)
{
	kshim_enter_now();
	if (resource == NULL || !resource->allocated || resource->device != device)
		kshim_panic_at(
		    file, line, "%s: a resource is released that it has not allocated", device->name);
	resource->allocated = false;
	return 0;
}

int bus_activate_resource(device_t device, int type, int rid, struct resource *resource)
{
	(void)device;
	(void)type;
	(void)rid;
	kshim_enter_now();
	resource->flags |= RF_ACTIVE;
	decode(resource);
	return 0;
}

int bus_deactivate_resource(device_t device, int type, int rid, struct resource *resource)
{
	(void)device;
	(void)type;
	(void)rid;
	kshim_enter_now();
	resource->flags &= ~(u_int)RF_ACTIVE;
	return 0;
}

int bus_alloc_resources(device_t device, struct resource_spec *spec, struct resource **resources)
{
	for (size_t i = 0; spec[i].type != -1; i++)
		resources[i] = NULL;
	for (size_t i = 0; spec[i].type != -1; i++) {
		resources[i] =
		    bus_alloc_resource_any(device, spec[i].type, &spec[i].rid, (u_int)spec[i].flags);
		if (resources[i] == NULL && (spec[i].flags & RF_OPTIONAL) == 0) {
			bus_release_resources(device, spec, resources);
			return ENXIO;
		}
	}
	return 0;
}

void bus_release_resources(
    device_t device, const struct resource_spec *spec, struct resource **resources)
{
	for (size_t i = 0; spec[i].type != -1; i++) {
		if (resources[i] != NULL)
			iommusim_kernel_bus_release_resource(device, resources[i], __FILE__, __LINE__);
		resources[i] = NULL;
	}
}

void kshim_resources_drop(struct iommusim_kernel *kernel, device_t device)
{
	struct resource *resource;

	while ((resource = TAILQ_FIRST(&device->resources)) != NULL) {
		TAILQ_REMOVE(&device->resources, resource, link);
		free(resource);
	}
	for (size_t i = 0; i < VECTOR_COUNT; i++)
		if (kernel->vectors[i].owner == device)
			kernel->vectors[i] = (struct vector){ .owner = NULL };
}

rman_res_t rman_get_start(struct resource *resource)
{
	return resource->start;
}

rman_res_t rman_get_end(struct resource *resource)
{
	return resource->start + resource->count - 1;
}

rman_res_t rman_get_size(struct resource *resource)
{
	return resource->count;
}

u_int rman_get_flags(struct resource *resource)
{
	return resource->flags;
}

int rman_get_rid(struct resource *resource)
{
	return resource->rid;
}

int rman_get_type(struct resource *resource)
{
	return resource->type;
}

device_t rman_get_device(struct resource *resource)
{
	return resource->device;
}

void *rman_get_virtual(struct resource *resource)
{
	return (void *)PHYS_TO_DMAP(resource->start);
}

bus_space_tag_t rman_get_bustag(struct resource *resource)
{
	return resource->type == SYS_RES_IOPORT ? X86_BUS_SPACE_IO : X86_BUS_SPACE_MEM;
}

bus_space_handle_t rman_get_bushandle(struct resource *resource)
{
	return resource->start;
}

uint64_t iommusim_kernel_bus_read(bus_space_handle_t base, bus_size_t offset, unsigned width)
{
	uint64_t value;

	iommusim_mmio_read(kshim_enter_now()->machine, base + offset, width, &value);
	return value;
}

void iommusim_kernel_bus_write(
    bus_space_handle_t base, bus_size_t offset, unsigned width, uint64_t value)
{
	iommusim_mmio_write(kshim_enter_now()->machine, base + offset, width, value);
}

uint64_t iommusim_kernel_resource_read(struct resource *resource, bus_size_t offset, unsigned width)
{
	return iommusim_kernel_bus_read(resource->start, offset, width);
}

void iommusim_kernel_resource_write(
    struct resource *resource, bus_size_t offset, unsigned width, uint64_t value)
{
	iommusim_kernel_bus_write(resource->start, offset, width, value);
}

/* ---- vectors ---------------------------------------------------------------------------------------------------- */

int iommusim_kernel_alloc_msi(device_t device, int count, int max_count, int *interrupts)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	size_t first = 0;
	int run = 0;

	if (count <= 0 || count > max_count)
		return EINVAL;
	if (kshim_fails(kernel, IOMMUSIM_KERNEL_DEVICE_RESOURCE, false))
		return ENXIO;
	for (size_t i = 0; i < VECTOR_COUNT && run < count; i++) {
		if (kernel->vectors[i].owner != NULL || (run == 0 && i % (size_t)count != 0)) {
			run = 0;
			continue;
		}
		if (run++ == 0)
			first = i;
	}
	if (run < count)
		return ENXIO;
	for (int i = 0; i < count; i++) {
		kernel->vectors[first + (size_t)i] = (struct vector){ .owner = device };
		interrupts[i] = IRQ_FIRST + (int)first + i;
	}
	return 0;
}

static struct vector *vector_of(struct iommusim_kernel *kernel, rman_res_t interrupt)
{
	return interrupt - IRQ_FIRST < VECTOR_COUNT ? &kernel->vectors[interrupt - IRQ_FIRST] : NULL;
}

int iommusim_kernel_release_msi(device_t device, int count, int *interrupts)
{
	struct iommusim_kernel *kernel = kshim_enter_now();

	for (int i = 0; i < count; i++) {
		struct vector *vector = vector_of(kernel, (rman_res_t)interrupts[i]);

		if (vector == NULL || vector->owner != device)
			return ENOENT;
		*vector = (struct vector){ .owner = NULL };
	}
	return 0;
}

int iommusim_kernel_map_msi(device_t device, int interrupt, uint64_t *address, uint32_t *data)
{
	const struct vector *vector = vector_of(kshim_enter_now(), (rman_res_t)interrupt);

	if (vector == NULL || vector->owner != device)
		return ENOENT;
	*address = MESSAGE_BASE;
	*data = VECTOR_FIRST + (uint32_t)(interrupt - IRQ_FIRST);
	return 0;
}

bool kshim_vector_is_used(int interrupt)
{
	const struct vector *vector = vector_of(kshim_here, (rman_res_t)interrupt);

	return vector != NULL && vector->device != NULL;
}

int bus_setup_intr(device_t device, struct resource *interrupt, int flags, driver_filter_t *filter,
    driver_intr_t *handler, void *argument, void **cookie)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	struct vector *vector;

	(void)flags;
	if (interrupt == NULL || interrupt->type != SYS_RES_IRQ || (filter == NULL && handler == NULL))
		return EINVAL;
	vector = vector_of(kernel, interrupt->start);
	if (vector == NULL && interrupt->start >= IRQ_FIRST)
		return EINVAL;
	/* A line: nothing in the machine raises one. It can be set up. */
	if (vector == NULL) {
		*cookie = interrupt;
		if (device->pci != NULL)
			kshim_pci_handler_comes(device, interrupt);
		return 0;
	}
	if (vector->filter != NULL || vector->handler != NULL)
		return EBUSY;
	vector->device = device;
	vector->filter = filter;
	vector->handler = handler;
	vector->argument = argument;
	*cookie = vector;
	if (device->pci != NULL)
		kshim_pci_handler_comes(device, interrupt);
	return 0;
}

int bus_teardown_intr(device_t device, struct resource *interrupt, void *cookie)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	struct vector *vector = interrupt == NULL ? NULL : vector_of(kernel, interrupt->start);

	if ((cookie == NULL || cookie != interrupt) &&
	    (vector == NULL || vector != cookie || vector->device != device))
		return EINVAL;
	if (device->pci != NULL)
		kshim_pci_handler_goes(device, interrupt);
	if (vector != NULL)
		*vector = (struct vector){ .owner = vector->owner };
	return 0;
}

int bus_bind_intr(device_t device, struct resource *interrupt, int cpu)
{
	(void)device;
	(void)interrupt;
	kshim_enter_now();
	return cpu < 0 || cpu > (int)kshim_here->options.cpus - 1 ? EINVAL : 0;
}

int bus_describe_intr(
    device_t device, struct resource *interrupt, void *cookie, const char *format, ...)
{
	struct vector *vector = cookie;
	va_list arguments;

	(void)device;
	if (cookie == interrupt)
		return 0;
	va_start(arguments, format);
	kshim_format_text(vector->about, sizeof(vector->about), format, arguments);
	va_end(arguments);
	return 0;
}

/* ---- interrupts that come --------------------------------------------------------------------------------------- */

bool kshim_interrupts_waiting(struct iommusim_kernel *kernel)
{
	return iommusim_interrupt_pending(kernel->machine) > 0;
}

void kshim_interrupts_dispatch(struct iommusim_kernel *kernel)
{
	struct iommusim_interrupt message;

	while (iommusim_interrupt_take(kernel->machine, &message) == IOMMUSIM_OK) {
		const unsigned number = message.data & MESSAGE_VECTOR;
		struct vector *vector = number - VECTOR_FIRST < VECTOR_COUNT
		    ? &kernel->vectors[number - VECTOR_FIRST]
		    : NULL;
		int wanted = FILTER_SCHEDULE_THREAD;

		if (vector == NULL || (vector->filter == NULL && vector->handler == NULL)) {
			kernel->stray++;
			continue;
		}
		kernel->interrupts++;
		if (vector->filter != NULL)
			wanted = vector->filter(vector->argument);
		if (vector->handler != NULL && (wanted & FILTER_SCHEDULE_THREAD) != 0)
			vector->handler(vector->argument);
	}
}

uint64_t iommusim_kernel_interrupts(const struct iommusim_kernel *kernel, uint64_t *stray)
{
	if (stray != NULL)
		*stray = kernel->stray;
	return kernel->interrupts;
}
