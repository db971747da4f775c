/*
 * Domains and devices of a Linux trace: created when they first appear, moved as they are attached. Mappings and the
 * probes that say where they belong: import_ftrace_map.c.
 */
#include <stdio.h>

#include "replay/import_ftrace_state.h"

#define FAULT_WRITE UINT64_C(1)
#define OF_GROUP    (UINT64_C(1) << 62) /* keys of domains that have no address: none lies there */

/* ---- domains and devices ------------------------------------------------------------------------------- */

uint32_t ftrace_find_domain(struct ftrace *ftrace, uint64_t key)
{
	struct importer *importer = ftrace->importer;
	const uint32_t *known = import_map_find(&ftrace->by_key, key);
	const uint32_t index = (uint32_t)ftrace->domain_count;
	void *domains = ftrace->domains;
	char remark[48];

	if (known != NULL)
		return *known;
	if (!import_grow(importer, &domains, ftrace->domain_count, &ftrace->domain_room,
		sizeof(*ftrace->domains)))
		return FTRACE_NOBODY;
	ftrace->domains = domains;
	if (!import_map_put(importer, &ftrace->by_key, key, index))
		return FTRACE_NOBODY;
	ftrace->domains[index] = (struct ftrace_domain){ .key = key };
	ftrace->domain_count++;
	if ((key & OF_GROUP) != 0 && key >> 63 == 0)
		snprintf(remark, sizeof(remark), "no probe says which");
	else
		snprintf(remark, sizeof(remark), "0x%llx", (unsigned long long)key);
	import_put(importer, "iommu_create_domain(0x%llx) = dom%u",
	    (unsigned long long)import_domain_end(ftrace->vendor, ftrace->highest_iova), index + 1);
	ftrace_put_place(ftrace, remark);
	return index;
}

/* The device of the event. NULL: it is not on PCI, or there is no memory. */
static struct ftrace_device *find_device(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;
	void *devices = ftrace->devices;
	uint16_t segment, rid;
	const uint32_t *known;
	uint64_t key;

	if (!ftrace_device(ftrace->event.device, &segment, &rid))
		return NULL;
	key = (uint64_t)segment << 16 | rid;
	known = import_map_find(&ftrace->by_rid, key);
	if (known != NULL)
		return &ftrace->devices[*known];
	if (!import_grow(importer, &devices, ftrace->device_count, &ftrace->device_room,
		sizeof(*ftrace->devices)))
		return NULL;
	ftrace->devices = devices;
	if (!import_map_put(importer, &ftrace->by_rid, key, (uint32_t)ftrace->device_count))
		return NULL;
	ftrace->devices[ftrace->device_count] = (struct ftrace_device){
		.segment = segment, .rid = rid, .domain = FTRACE_NOBODY, .group = UINT32_MAX
	};
	return &ftrace->devices[ftrace->device_count++];
}

/* On the bus, with a driver that leaves it out of the host's domain. */
static void declare(struct ftrace *ftrace, struct ftrace_device *device)
{
	struct importer *importer = ftrace->importer;

	if (device->there)
		return;
	device->there = true;
	import_put(importer, "device(");
	import_put_device(importer, device->segment, device->rid);
	import_put(importer, ", \"%.*s\", driver=ppt)", (int)ftrace->event.device.length,
	    ftrace->event.device.at);
	ftrace_put_place(ftrace, "");
}

static void put_membership(struct ftrace *ftrace, const struct ftrace_device *device, const char *call)
{
	import_put(ftrace->importer, "%s(dom%u, ", call, device->domain + 1);
	import_put_device(ftrace->importer, device->segment, device->rid);
	import_put(ftrace->importer, ")");
	ftrace_put_place(ftrace, "");
}

static void leave(struct ftrace *ftrace, struct ftrace_device *device)
{
	if (device->domain == FTRACE_NOBODY)
		return;
	put_membership(ftrace, device, "iommu_remove_device");
	ftrace->domains[device->domain].members--;
	device->domain = FTRACE_NOBODY;
}

static void enter(struct ftrace *ftrace, struct ftrace_device *device, uint32_t domain)
{
	if (domain == FTRACE_NOBODY || device->domain == domain)
		return;
	declare(ftrace, device);
	leave(ftrace, device);
	device->domain = domain;
	ftrace->domains[domain].members++;
	put_membership(ftrace, device, "iommu_add_device");
}

void ftrace_run_free(struct ftrace *ftrace)
{
	const uint64_t key = ftrace->event.domain;
	const uint32_t *known = import_map_find(&ftrace->by_key, key);

	if (known == NULL) {
		ftrace_keep(ftrace, "a domain of which nothing else is known");
		return;
	}
	for (size_t i = 0; ftrace->domains[*known].members != 0 && i < ftrace->device_count; i++)
		if (ftrace->devices[i].domain == *known)
			leave(ftrace, &ftrace->devices[i]);
	import_put(ftrace->importer, "iommu_destroy_domain(dom%u)", *known + 1);
	ftrace_put_place(ftrace, "");
	import_map_remove(&ftrace->by_key, key);
}

/* ---- devices come, go and fault ------------------------------------------------------------------------ */

static void run_attach(struct ftrace *ftrace, struct ftrace_device *device)
{
	struct ftrace_probe probe;

	if (ftrace_take_probe(ftrace, FTRACE_PROBE_ATTACH, &probe)) {
		enter(ftrace, device, probe.domain);
		return;
	}
	declare(ftrace, device);
	if (device->domain != FTRACE_NOBODY) {
		ftrace_keep(ftrace, "into another domain perhaps, no probe says which");
		return;
	}
	/* The devices of a group share a domain. */
	enter(ftrace, device,
	    ftrace_find_domain(ftrace,
		OF_GROUP |
		    (device->group != UINT32_MAX
			    ? device->group
			    : UINT64_C(1) << 40 | device->segment << 16 | device->rid)));
}

static void run_group_remove(struct ftrace *ftrace, struct ftrace_device *device)
{
	leave(ftrace, device);
	if (!device->there) {
		ftrace_keep(ftrace, NULL);
		return;
	}
	device->there = false;
	import_put(ftrace->importer, "pci_delete_device(");
	import_put_device(ftrace->importer, device->segment, device->rid);
	import_put(ftrace->importer, ")");
	ftrace_put_place(ftrace, "");
}

static void run_fault(struct ftrace *ftrace, struct ftrace_device *device)
{
	declare(ftrace, device);
	import_put(ftrace->importer, "dma(");
	import_put_device(ftrace->importer, device->segment, device->rid);
	import_put(ftrace->importer, ", %s, 0x%llx, 1)  expect blocked",
	    (ftrace->event.flags & FAULT_WRITE) != 0 ? "write" : "read",
	    (unsigned long long)ftrace->event.iova);
	ftrace_put_place(ftrace, "");
}

void ftrace_run_device(struct ftrace *ftrace)
{
	const struct ftrace_event *event = &ftrace->event;
	struct ftrace_device *device = find_device(ftrace);

	if (device == NULL) {
		ftrace_keep(ftrace, "no PCI function");
		return;
	}
	switch (event->kind) {
	case FTRACE_GROUP_ADD:
		device->group = event->group;
		declare(ftrace, device);
		return;
	case FTRACE_GROUP_REMOVE:
		run_group_remove(ftrace, device);
		return;
	case FTRACE_ATTACH:
		run_attach(ftrace, device);
		return;
	case FTRACE_DETACH:
		if (device->domain == FTRACE_NOBODY)
			ftrace_keep(ftrace, "it is in no domain that is known");
		leave(ftrace, device);
		return;
	default:
		run_fault(ftrace, device);
		return;
	}
}
