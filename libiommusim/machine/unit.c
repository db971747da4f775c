/* Units as the machine sees them: on the bus, in a segment, governing requesters. No model's rules. */
#include "machine/unit_model.h"

#include <string.h>

void topology_begin_change(struct iommusim_machine *machine)
{
	pthread_mutex_lock(&machine->topology_lock);
}

void topology_end_change(struct iommusim_machine *machine)
{
	atomic_fetch_add(&machine->topology, 1);
	machine_outdate(machine);
	pthread_mutex_unlock(&machine->topology_lock);
}

static uint64_t region_read(void *context, uint64_t offset, unsigned width)
{
	struct iommusim_unit *unit = context;

	return unit->model->read(unit, offset, width);
}

static void region_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	struct iommusim_unit *unit = context;

	unit->model->write(unit, offset, width, value);
	machine_note_activity(unit->machine);
}

static enum iommusim_status attach(
    struct iommusim_machine *machine, struct iommusim_unit *unit, uint64_t base)
{
	const struct iommusim_mmio_region region = {
		.base = base,
		.length = unit->length,
		.context = unit,
		.read = region_read,
		.write = region_write,
	};

	return iommusim_mmio_attach(machine, &region);
}

enum iommusim_status unit_decode(struct iommusim_unit *unit, uint64_t base)
{
	const enum iommusim_status status = attach(unit->machine, unit, base);

	if (status != IOMMUSIM_OK)
		return status;
	unit->base = base;
	unit->off_bus = false;
	machine_note_activity(unit->machine);
	return IOMMUSIM_OK;
}

void unit_undecode(struct iommusim_unit *unit)
{
	if (!unit->off_bus)
		iommusim_mmio_detach(unit->machine, unit->base);
	unit->off_bus = true;
}

enum iommusim_status unit_register(struct iommusim_machine *machine, struct iommusim_unit *unit)
{
	enum iommusim_status status = IOMMUSIM_OK;

	if (pthread_mutex_init(&unit->lock, NULL) != 0)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a unit's lock");
	if (!unit->off_bus)
		status = attach(machine, unit, unit->base);
	if (status != IOMMUSIM_OK) {
		pthread_mutex_destroy(&unit->lock);
		return status;
	}
	unit->machine = machine;
	atomic_init(&unit->generation, 1);
	topology_begin_change(machine);
	TAILQ_INSERT_TAIL(&machine->units, unit, link);
	topology_end_change(machine);
	machine_note_activity(machine);
	return IOMMUSIM_OK;
}

void unit_outdate(struct iommusim_unit *unit)
{
	atomic_fetch_add(&unit->generation, 1);
	machine_outdate(unit->machine);
	atomic_store(&unit->outdated, true);
}

void unit_settle(struct iommusim_unit *unit)
{
	if (atomic_exchange(&unit->outdated, false))
		requester_quiesce(unit->machine);
}

void unit_after_latency(struct iommusim_unit *unit, void (*run)(void *unit))
{
	const uint32_t latency = unit->settings.latency;

	/* Without memory for an event hardware is simply quick. */
	if (latency == 0 || iommusim_clock_schedule(unit->machine, latency, run, unit) != IOMMUSIM_OK)
		run(unit);
}

void unit_unregister(struct iommusim_unit *unit)
{
	struct iommusim_machine *machine = unit->machine;

	iommusim_clock_cancel(machine, unit);
	unit_undecode(unit);
	topology_begin_change(machine);
	TAILQ_REMOVE(&machine->units, unit, link);
	topology_end_change(machine);
	machine_note_activity(machine);
	requester_quiesce(machine); /* who works under the unit now is the last */
	machine_free(machine, unit->scopes, unit->scope_capacity * sizeof(*unit->scopes));
	machine_free(machine, unit->ranges, unit->range_capacity * sizeof(*unit->ranges));
	pthread_mutex_destroy(&unit->lock);
	unit->model->destroy(unit);
}

void unit_teardown(struct iommusim_machine *machine)
{
	while (!TAILQ_EMPTY(&machine->units))
		unit_unregister(TAILQ_FIRST(&machine->units));
}

struct iommusim_unit *unit_last(const struct iommusim_machine *machine)
{
	return TAILQ_LAST(&machine->units, unit_list);
}

void unit_unregister_after(struct iommusim_machine *machine, const struct iommusim_unit *last)
{
	while (unit_last(machine) != last)
		unit_unregister(unit_last(machine));
}

bool unit_has_base(const struct iommusim_machine *machine, uint64_t base)
{
	const struct iommusim_unit *unit;

	TAILQ_FOREACH (unit, &machine->units, link)
		if (unit->base == base)
			return true;
	return false;
}

enum iommusim_status iommusim_unit_add_scope(
    struct iommusim_unit *unit, const struct iommusim_dmar_scope *scope)
{
	struct iommusim_machine *machine = unit->machine;
	struct unit_scope *added;

	if (scope->hop_count == 0 || scope->hop_count > UNIT_SCOPE_HOPS)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "a device scope of %u hops: 1 to %u are possible", scope->hop_count,
		    UNIT_SCOPE_HOPS);
	topology_begin_change(machine);
	if (!machine_grow(machine, &unit->scopes, &unit->scope_capacity, unit->scope_count + 1,
		sizeof(*unit->scopes))) {
		topology_end_change(machine);
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a device scope");
	}
	added = &unit->scopes[unit->scope_count++];
	memset(added, 0, sizeof(*added));
	added->type = scope->type;
	added->start_bus = scope->start_bus;
	added->hop_count = scope->hop_count;
	memcpy(added->hops, scope->hops, scope->hop_count * sizeof(*scope->hops));
	topology_end_change(machine);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_unit_add_range(
    struct iommusim_unit *unit, const struct iommusim_unit_range *range)
{
	struct iommusim_machine *machine = unit->machine;

	if (range->first > range->last)
		return machine_fail(machine, IOMMUSIM_EINVAL,
		    "requester ids from 0x%04x to 0x%04x: the first is the higher one", range->first,
		    range->last);
	topology_begin_change(machine);
	if (!machine_grow(machine, &unit->ranges, &unit->range_capacity, unit->range_count + 1,
		sizeof(*unit->ranges))) {
		topology_end_change(machine);
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for requester ids");
	}
	unit->ranges[unit->range_count++] = *range;
	topology_end_change(machine);
	return IOMMUSIM_OK;
}

void iommusim_unit_include_all(struct iommusim_unit *unit)
{
	topology_begin_change(unit->machine);
	unit->include_all = true;
	topology_end_change(unit->machine);
}

bool unit_resolve_scope(const struct iommusim_machine *machine, uint16_t segment,
    const struct unit_scope *scope, uint16_t *rid)
{
	unsigned bus = scope->start_bus;

	for (unsigned i = 0; i + 1 < scope->hop_count; i++) {
		const struct iommusim_pci_function *bridge = iommusim_pci_find(machine, segment,
		    IOMMUSIM_RID(bus, scope->hops[i].device, scope->hops[i].function));

		if (bridge == NULL || bridge->type == IOMMUSIM_PCI_ENDPOINT)
			return false;
		bus = bridge->secondary_bus;
	}
	*rid = IOMMUSIM_RID(
	    bus, scope->hops[scope->hop_count - 1].device, scope->hops[scope->hop_count - 1].function);
	return true;
}

/* The range that a requester id is in; of several the last. */
static const struct iommusim_unit_range *range_of(const struct iommusim_unit *unit, uint16_t rid)
{
	for (size_t i = unit->range_count; i > 0; i--)
		if (unit->ranges[i - 1].first <= rid && rid <= unit->ranges[i - 1].last)
			return &unit->ranges[i - 1];
	return NULL;
}

uint16_t iommusim_unit_carried_id(const struct iommusim_unit *unit, uint16_t rid)
{
	const struct iommusim_unit_range *range = range_of(unit, rid);

	return range != NULL && range->aliased ? range->alias : rid;
}

/* How a unit comes to govern a requester, strongest first. */
enum claim { CLAIM_NAMED, CLAIM_BEHIND_BRIDGE, CLAIM_INCLUDE_ALL, CLAIM_NONE };

static enum claim claim(const struct iommusim_unit *unit, uint16_t rid)
{
	enum claim best = unit->include_all ? CLAIM_INCLUDE_ALL : CLAIM_NONE;

	if (range_of(unit, rid) != NULL)
		return CLAIM_NAMED;
	for (size_t i = 0; i < unit->scope_count; i++) {
		const struct unit_scope *scope = &unit->scopes[i];
		uint16_t named;

		if (!unit_resolve_scope(unit->machine, unit->segment, scope, &named))
			continue;
		if (named == rid)
			return CLAIM_NAMED;
		if (scope->type == IOMMUSIM_SCOPE_BRIDGE &&
		    iommusim_pci_is_behind(unit->machine, unit->segment, rid, named))
			best = CLAIM_BEHIND_BRIDGE;
	}
	return best;
}

struct iommusim_unit *iommusim_unit_for(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	struct iommusim_unit *unit, *best = NULL;
	enum claim best_claim = CLAIM_NONE;

	TAILQ_FOREACH (unit, &machine->units, link) {
		enum claim this_claim;

		if (unit->segment != segment)
			continue;
		this_claim = claim(unit, rid);
		if (this_claim < best_claim) {
			best = unit;
			best_claim = this_claim;
		}
	}
	return best;
}

struct iommusim_unit *iommusim_unit_at(struct iommusim_machine *machine, size_t index)
{
	struct iommusim_unit *unit;

	TAILQ_FOREACH (unit, &machine->units, link)
		if (index-- == 0)
			return unit;
	return NULL;
}

uint64_t iommusim_unit_base(const struct iommusim_unit *unit)
{
	return unit->base;
}

uint16_t iommusim_unit_segment(const struct iommusim_unit *unit)
{
	return unit->segment;
}

const char *iommusim_unit_vendor(const struct iommusim_unit *unit)
{
	return unit->model->vendor;
}

bool iommusim_unit_translating(const struct iommusim_unit *unit)
{
	return unit->model->translating(unit);
}

void iommusim_unit_reset(struct iommusim_unit *unit, bool cold)
{
	unit->model->reset(unit, cold);
	machine_note_activity(unit->machine);
}

static const char *const policy_names[] = {
	[IOMMUSIM_CACHE_HOARD] = "hoard",
	[IOMMUSIM_CACHE_NONE] = "none",
	[IOMMUSIM_CACHE_SIZED] = "sized",
	[IOMMUSIM_CACHE_ADVERSE] = "adverse",
};

const char *iommusim_cache_policy_name(enum iommusim_cache_policy policy)
{
	if ((size_t)policy >= sizeof(policy_names) / sizeof(*policy_names))
		return "unknown";
	return policy_names[policy];
}

enum iommusim_status iommusim_cache_policy_find(const char *name, enum iommusim_cache_policy *policy)
{
	for (size_t i = 0; i < sizeof(policy_names) / sizeof(*policy_names); i++) {
		if (strcmp(policy_names[i], name) != 0)
			continue;
		*policy = (enum iommusim_cache_policy)i;
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}
