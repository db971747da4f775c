/*
 * Linux's iommu:* trace events as a trace. The events say what was mapped but not in which domain: that comes
 * from probes on the driver's functions, each in front of the event it belongs to in the same task. Without
 * probes a mapping goes to the only domain there is, to the one of the device that was named, or nowhere.
 */
#include <stdio.h>
#include <string.h>

#include "replay/import_ftrace.h"

#define NOBODY      UINT32_MAX
#define RIGHTS      UINT64_C(3) /* IOMMU_READ, IOMMU_WRITE */
#define FAULT_WRITE UINT64_C(1)
#define OF_GROUP    (UINT64_C(1) << 62) /* keys of domains that have no address: none lies there */

struct domain {
	uint64_t key;
	uint32_t members; /* devices in it */
};

struct device {
	uint16_t segment;
	uint16_t rid;
	bool there;      /* device() is written */
	uint32_t domain; /* or NOBODY */
	uint64_t group;
};

/* A probe that waits for the event of its task. */
struct pending {
	enum ftrace_kind kind; /* FTRACE_BLANK: none */
	uint32_t domain;
	uint64_t start;
	uint64_t size;
	uint64_t flags;
	uint32_t line;
};

struct ftrace {
	struct importer *importer;
	struct ftrace_event event;
	/* from the first pass */
	enum iommusim_vendor vendor;
	uint64_t highest_physical;
	uint64_t highest_iova;
	bool any;
	/* of the second */
	struct domain *domains;
	size_t domain_count, domain_room;
	struct import_map by_key;
	struct device *devices;
	size_t device_count, device_room;
	struct import_map by_rid;
	struct pending *pending;
	size_t pending_count, pending_room;
	struct import_map by_task;
	uint64_t last_ticks;
	uint16_t own_segment, own_rid; /* of options->device */
};

/* ---- the first pass ------------------------------------------------------------------------------------ */

static void raise_to(uint64_t *highest, uint64_t value)
{
	if (value > *highest)
		*highest = value;
}

static void survey(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;
	struct ftrace_event *event = &ftrace->event;

	while (import_next_line(importer)) {
		ftrace_read(importer->line, event);
		if (event->kind >= FTRACE_MALFORMED)
			ftrace->any = true;
		if (event->kind == FTRACE_UNREADABLE && importer->strange_line == 0) {
			importer->strange_line = importer->number;
			importer->strange_column = (uint32_t)(event->stopped - importer->line.at) + 1;
		}
		if (ftrace->vendor == IOMMUSIM_VENDOR_OF_TRACE)
			ftrace->vendor = event->vendor;
		if (event->kind == FTRACE_MAP)
			raise_to(&ftrace->highest_physical, event->physical + event->size);
		if (event->kind == FTRACE_MAP || event->kind == FTRACE_UNMAP)
			raise_to(&ftrace->highest_iova, event->iova + event->size);
	}
	importer->summary->lines = importer->number;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* The end of a statement: when, and from which line. */
static void put_place(struct ftrace *ftrace, const char *remark)
{
	struct importer *importer = ftrace->importer;

	import_put(importer, "  # %u: %.*s%s%s\n", importer->number, (int)ftrace->event.time.length,
	    ftrace->event.time.at, remark[0] == '\0' ? "" : ", ", remark);
	importer->summary->statements++;
}

static void keep(struct ftrace *ftrace, const char *why)
{
	ftrace->importer->summary->kept++;
	import_keep(ftrace->importer, why);
}

static void put_prologue(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;

	ftrace->vendor = import_vendor(importer, ftrace->vendor);
	import_put(importer,
	    "#!iommusim 1\n"
	    "# From Linux trace events; LINE: TIME of each behind it. The events do not say when translations\n"
	    "# were invalidated, so no cache keeps any; nor that a mapping is read-only, unless a probe does.\n");
	import_put_machine(importer, iommusim_vendor_name(ftrace->vendor), ftrace->highest_physical);
	import_put_preset(importer, ftrace->vendor, ftrace->highest_iova);
	import_put(importer, ", cache=none)\n");
	import_put(importer, "iommu_init()\n");
	importer->summary->statements++;
}

/* ---- domains and devices ------------------------------------------------------------------------------- */

/* The domain of that key, which is created when it is new. NOBODY: no memory. */
static uint32_t find_domain(struct ftrace *ftrace, uint64_t key)
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
		return NOBODY;
	ftrace->domains = domains;
	if (!import_map_put(importer, &ftrace->by_key, key, index))
		return NOBODY;
	ftrace->domains[index] = (struct domain){ .key = key };
	ftrace->domain_count++;
	if ((key & OF_GROUP) != 0 && key >> 63 == 0)
		snprintf(remark, sizeof(remark), "no probe says which");
	else
		snprintf(remark, sizeof(remark), "0x%llx", (unsigned long long)key);
	import_put(importer, "iommu_create_domain(0x%llx) = dom%u",
	    (unsigned long long)import_domain_end(ftrace->vendor, ftrace->highest_iova), index + 1);
	put_place(ftrace, remark);
	return index;
}

/* The device of the event. NULL: it is not on PCI, or there is no memory. */
static struct device *find_device(struct ftrace *ftrace)
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
	ftrace->devices[ftrace->device_count] =
	    (struct device){ .segment = segment, .rid = rid, .domain = NOBODY, .group = UINT32_MAX };
	return &ftrace->devices[ftrace->device_count++];
}

/* On the bus, with a driver that leaves it out of the host's domain. */
static void declare(struct ftrace *ftrace, struct device *device)
{
	struct importer *importer = ftrace->importer;

	if (device->there)
		return;
	device->there = true;
	import_put(importer, "device(");
	import_put_device(importer, device->segment, device->rid);
	import_put(importer, ", \"%.*s\", driver=ppt)", (int)ftrace->event.device.length,
	    ftrace->event.device.at);
	put_place(ftrace, "");
}

static void put_membership(struct ftrace *ftrace, const struct device *device, const char *call)
{
	import_put(ftrace->importer, "%s(dom%u, ", call, device->domain + 1);
	import_put_device(ftrace->importer, device->segment, device->rid);
	import_put(ftrace->importer, ")");
	put_place(ftrace, "");
}

static void leave(struct ftrace *ftrace, struct device *device)
{
	if (device->domain == NOBODY)
		return;
	put_membership(ftrace, device, "iommu_remove_device");
	ftrace->domains[device->domain].members--;
	device->domain = NOBODY;
}

static void enter(struct ftrace *ftrace, struct device *device, uint32_t domain)
{
	if (domain == NOBODY || device->domain == domain)
		return;
	declare(ftrace, device);
	leave(ftrace, device);
	device->domain = domain;
	ftrace->domains[domain].members++;
	put_membership(ftrace, device, "iommu_add_device");
}

static void run_free(struct ftrace *ftrace)
{
	const uint64_t key = ftrace->event.domain;
	const uint32_t *known = import_map_find(&ftrace->by_key, key);

	if (known == NULL) {
		keep(ftrace, "a domain of which nothing else is known");
		return;
	}
	for (size_t i = 0; ftrace->domains[*known].members != 0 && i < ftrace->device_count; i++)
		if (ftrace->devices[i].domain == *known)
			leave(ftrace, &ftrace->devices[i]);
	import_put(ftrace->importer, "iommu_destroy_domain(dom%u)", *known + 1);
	put_place(ftrace, "");
	import_map_remove(&ftrace->by_key, key);
}

/* ---- probes and what they belong to -------------------------------------------------------------------- */

static struct pending *find_pending(struct ftrace *ftrace, bool make)
{
	struct importer *importer = ftrace->importer;
	const uint32_t *known = import_map_find(&ftrace->by_task, ftrace->event.task);
	void *pending = ftrace->pending;

	if (known != NULL)
		return &ftrace->pending[*known];
	if (!make ||
	    !import_grow(importer, &pending, ftrace->pending_count, &ftrace->pending_room,
		sizeof(*ftrace->pending)))
		return NULL;
	ftrace->pending = pending;
	if (!import_map_put(
		importer, &ftrace->by_task, ftrace->event.task, (uint32_t)ftrace->pending_count))
		return NULL;
	ftrace->pending[ftrace->pending_count] = (struct pending){ .kind = FTRACE_BLANK };
	return &ftrace->pending[ftrace->pending_count++];
}

/* A probe whose event never came: the call failed, or its event was lost. */
static void give_up_pending(struct ftrace *ftrace, struct pending *pending)
{
	if (pending->kind == FTRACE_BLANK)
		return;
	ftrace->importer->summary->unfinished++;
	import_put(ftrace->importer,
	    "# %u: a call on dom%u at 0x%llx, 0x%llx bytes, without its event: it failed, or that was lost\n",
	    pending->line, pending->domain + 1, (unsigned long long)pending->start,
	    (unsigned long long)pending->size);
	pending->kind = FTRACE_BLANK;
}

static void run_probe(struct ftrace *ftrace)
{
	const struct ftrace_event *event = &ftrace->event;
	const uint32_t domain = find_domain(ftrace, event->domain);
	struct pending *pending = domain == NOBODY ? NULL : find_pending(ftrace, true);

	if (pending == NULL)
		return;
	/* A mapping of several page sizes calls the driver once for each. */
	if (pending->kind == event->kind && pending->domain == domain && event->size != 0 &&
	    pending->start + pending->size == event->iova && pending->flags == event->flags) {
		pending->size += event->size;
		return;
	}
	give_up_pending(ftrace, pending);
	*pending = (struct pending){
		.kind = event->kind,
		.domain = domain,
		.start = event->iova,
		.size = event->size,
		.flags = event->flags,
		.line = ftrace->importer->number,
	};
}

/* The probe that stands in front of the event, and is used up by it. */
static bool take_pending(struct ftrace *ftrace, enum ftrace_kind kind, struct pending *taken)
{
	struct pending *pending = find_pending(ftrace, false);

	if (pending == NULL || pending->kind != kind ||
	    (kind != FTRACE_PROBE_ATTACH && pending->start != ftrace->event.iova))
		return false;
	*taken = *pending;
	pending->kind = FTRACE_BLANK;
	return true;
}

/* A mapping that no probe names the domain of. */
static uint32_t guess_domain(struct ftrace *ftrace)
{
	const uint64_t own = (uint64_t)ftrace->own_segment << 16 | ftrace->own_rid;
	const uint32_t *device;

	if (ftrace->importer->options->device == NULL)
		return ftrace->domain_count == 1 ? 0 : NOBODY;
	device = import_map_find(&ftrace->by_rid, own);
	return device == NULL ? NOBODY : ftrace->devices[*device].domain;
}

static void run_map(struct ftrace *ftrace, bool is_map)
{
	const struct ftrace_event *event = &ftrace->event;
	struct importer *importer = ftrace->importer;
	struct pending probe = { .flags = RIGHTS };
	const char *remark = "";

	if (!take_pending(ftrace, is_map ? FTRACE_PROBE_MAP : FTRACE_PROBE_UNMAP, &probe)) {
		probe.domain = guess_domain(ftrace);
		remark = "no probe says which domain";
	}
	if (probe.domain == NOBODY) {
		importer->summary->without_domain++;
		import_keep(importer, "no domain");
		return;
	}
	if (event->size == 0) {
		keep(ftrace, "nothing was mapped there");
		return;
	}
	if (!is_map) {
		import_put(importer, "iommu_remove_mapping(dom%u, 0x%llx, 0x%llx)", probe.domain + 1,
		    (unsigned long long)event->iova, (unsigned long long)event->size);
	} else {
		import_put(importer, "iommu_create_mapping(dom%u, 0x%llx, 0x%llx, 0x%llx)",
		    probe.domain + 1, (unsigned long long)event->iova,
		    (unsigned long long)event->physical, (unsigned long long)event->size);
		if ((probe.flags & RIGHTS) != RIGHTS)
			remark = (probe.flags & 1) != 0 ? "was read-only" : "was write-only";
	}
	put_place(ftrace, remark);
}

/* ---- devices come, go and fault ------------------------------------------------------------------------ */

static void run_attach(struct ftrace *ftrace, struct device *device)
{
	struct pending probe;

	if (take_pending(ftrace, FTRACE_PROBE_ATTACH, &probe)) {
		enter(ftrace, device, probe.domain);
		return;
	}
	declare(ftrace, device);
	if (device->domain != NOBODY) {
		keep(ftrace, "into another domain perhaps, no probe says which");
		return;
	}
	/* The devices of a group share a domain. */
	enter(ftrace, device,
	    find_domain(ftrace,
		OF_GROUP |
		    (device->group != UINT32_MAX
			    ? device->group
			    : UINT64_C(1) << 40 | device->segment << 16 | device->rid)));
}

static void run_group_remove(struct ftrace *ftrace, struct device *device)
{
	leave(ftrace, device);
	if (!device->there) {
		keep(ftrace, NULL);
		return;
	}
	device->there = false;
	import_put(ftrace->importer, "pci_delete_device(");
	import_put_device(ftrace->importer, device->segment, device->rid);
	import_put(ftrace->importer, ")");
	put_place(ftrace, "");
}

static void run_fault(struct ftrace *ftrace, struct device *device)
{
	declare(ftrace, device);
	import_put(ftrace->importer, "dma(");
	import_put_device(ftrace->importer, device->segment, device->rid);
	import_put(ftrace->importer, ", %s, 0x%llx, 1)  expect blocked",
	    (ftrace->event.flags & FAULT_WRITE) != 0 ? "write" : "read",
	    (unsigned long long)ftrace->event.iova);
	put_place(ftrace, "");
}

static void run_device(struct ftrace *ftrace)
{
	const struct ftrace_event *event = &ftrace->event;
	struct device *device = find_device(ftrace);

	if (device == NULL) {
		keep(ftrace, "no PCI function");
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
		if (device->domain == NOBODY)
			keep(ftrace, "it is in no domain that is known");
		leave(ftrace, device);
		return;
	default:
		run_fault(ftrace, device);
		return;
	}
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static void note_lost(struct ftrace *ftrace, const char *what)
{
	ftrace->importer->summary->lost += ftrace->event.size;
	import_complain(ftrace->importer, IOMMUSIM_IMPORT_LOST, NULL, what);
}

static void check_clock(struct ftrace *ftrace)
{
	if (ftrace->event.time.length == 0)
		return;
	if (ftrace->event.ticks < ftrace->last_ticks) {
		ftrace->importer->summary->reordered++;
		import_put(
		    ftrace->importer, "# %u: the clock goes back here\n", ftrace->importer->number);
	}
	ftrace->last_ticks = ftrace->event.ticks;
}

static void run_line(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;
	const struct ftrace_event *event = &ftrace->event;

	switch (event->kind) {
	case FTRACE_BLANK:
		return;
	case FTRACE_HEADER:
	case FTRACE_OTHER:
		keep(ftrace, NULL);
		return;
	case FTRACE_MARKER:
		keep(ftrace, "marker");
		return;
	case FTRACE_OVERRUN:
		note_lost(ftrace, "events before this trace begins were written over");
		return;
	case FTRACE_LOST:
		note_lost(ftrace, "events were lost");
		return;
	case FTRACE_UNREADABLE:
		import_complain(importer, IOMMUSIM_IMPORT_UNREADABLE, event->stopped, "no trace event");
		return;
	case FTRACE_MALFORMED:
		import_complain(importer, IOMMUSIM_IMPORT_MALFORMED, event->stopped,
		    "an event that cannot be read");
		return;
	case FTRACE_MAP:
	case FTRACE_UNMAP:
		run_map(ftrace, event->kind == FTRACE_MAP);
		return;
	case FTRACE_PROBE_MAP:
	case FTRACE_PROBE_UNMAP:
	case FTRACE_PROBE_ATTACH:
		run_probe(ftrace);
		return;
	case FTRACE_PROBE_FREE:
		run_free(ftrace);
		return;
	default:
		run_device(ftrace);
		return;
	}
}

static void write_all(struct ftrace *ftrace)
{
	struct importer *importer = ftrace->importer;

	import_rewind(importer);
	put_prologue(ftrace);
	while (import_next_line(importer)) {
		ftrace_read(importer->line, &ftrace->event);
		check_clock(ftrace);
		run_line(ftrace);
	}
	for (size_t i = 0; i < ftrace->pending_count; i++)
		give_up_pending(ftrace, &ftrace->pending[i]);
}

static enum iommusim_status refuse_device(struct importer *importer)
{
	*importer->diagnostic =
	    (struct iommusim_diagnostic){ .status = IOMMUSIM_EINVAL, .offset = UINT64_MAX };
	snprintf(importer->diagnostic->text, sizeof(importer->diagnostic->text),
	    "`%s`: expected a device such as 0000:00:03.0", importer->options->device);
	return IOMMUSIM_EINVAL;
}

enum iommusim_status import_ftrace(struct importer *importer)
{
	struct ftrace ftrace = { .importer = importer };
	const char *device = importer->options->device, *problem;

	if (device != NULL &&
	    iommusim_trace_device(device, &ftrace.own_segment, &ftrace.own_rid, &problem) !=
		IOMMUSIM_OK)
		return refuse_device(importer);
	survey(&ftrace);
	if (!ftrace.any)
		return import_refuse(importer,
		    "lines of /sys/kernel/tracing/trace or trace-cmd report: TASK-PID [CPU] FLAGS TIME: EVENT: ...");
	write_all(&ftrace);
	import_release(importer, ftrace.domains, ftrace.domain_room * sizeof(*ftrace.domains));
	import_release(importer, ftrace.devices, ftrace.device_room * sizeof(*ftrace.devices));
	import_release(importer, ftrace.pending, ftrace.pending_room * sizeof(*ftrace.pending));
	import_map_free(importer, &ftrace.by_key);
	import_map_free(importer, &ftrace.by_rid);
	import_map_free(importer, &ftrace.by_task);
	return IOMMUSIM_OK;
}
