/*
 * Mappings of a Linux trace. The events say what was mapped but not in which domain: that comes from probes on the
 * driver's functions, each in front of the event it belongs to in the same task. Without probes a mapping goes to the
 * only domain there is, to the one of the device that was named, or nowhere.
 */
#include "replay/import_ftrace_state.h"

#define RIGHTS UINT64_C(3) /* IOMMU_READ, IOMMU_WRITE */

/* ---- probes and what they belong to -------------------------------------------------------------------- */

static struct ftrace_probe *find_pending(struct ftrace *ftrace, bool make)
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
	ftrace->pending[ftrace->pending_count] = (struct ftrace_probe){ .kind = FTRACE_BLANK };
	return &ftrace->pending[ftrace->pending_count++];
}

/* A probe whose event never came: the call failed, or its event was lost. */
static void give_up_pending(struct ftrace *ftrace, struct ftrace_probe *pending)
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

void ftrace_run_probe(struct ftrace *ftrace)
{
	const struct ftrace_event *event = &ftrace->event;
	const uint32_t domain = ftrace_find_domain(ftrace, event->domain);
	struct ftrace_probe *pending = domain == FTRACE_NOBODY ? NULL : find_pending(ftrace, true);

	if (pending == NULL)
		return;
	/* A mapping of several page sizes calls the driver once for each. */
	if (pending->kind == event->kind && pending->domain == domain && event->size != 0 &&
	    pending->start + pending->size == event->iova && pending->flags == event->flags) {
		pending->size += event->size;
		return;
	}
	give_up_pending(ftrace, pending);
	*pending = (struct ftrace_probe){
		.kind = event->kind,
		.domain = domain,
		.start = event->iova,
		.size = event->size,
		.flags = event->flags,
		.line = ftrace->importer->number,
	};
}

bool ftrace_take_probe(struct ftrace *ftrace, enum ftrace_kind kind, struct ftrace_probe *taken)
{
	struct ftrace_probe *pending = find_pending(ftrace, false);

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
		return ftrace->domain_count == 1 ? 0 : FTRACE_NOBODY;
	device = import_map_find(&ftrace->by_rid, own);
	return device == NULL ? FTRACE_NOBODY : ftrace->devices[*device].domain;
}

void ftrace_run_map(struct ftrace *ftrace, bool is_map)
{
	const struct ftrace_event *event = &ftrace->event;
	struct importer *importer = ftrace->importer;
	struct ftrace_probe probe = { .flags = RIGHTS };
	const char *remark = "";

	if (!ftrace_take_probe(ftrace, is_map ? FTRACE_PROBE_MAP : FTRACE_PROBE_UNMAP, &probe)) {
		probe.domain = guess_domain(ftrace);
		remark = "no probe says which domain";
	}
	if (probe.domain == FTRACE_NOBODY) {
		importer->summary->without_domain++;
		import_keep(importer, "no domain");
		return;
	}
	if (event->size == 0) {
		ftrace_keep(ftrace, "nothing was mapped there");
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
	ftrace_put_place(ftrace, remark);
}

void ftrace_end_probes(struct ftrace *ftrace)
{
	for (size_t i = 0; i < ftrace->pending_count; i++)
		give_up_pending(ftrace, &ftrace->pending[i]);
}
