/*
 * What hardware may hold: who may hold what of which domain, which debts the ledger's calls make, and which of
 * them a complete invalidation pays. Spans are held_span.c, registers and queues the vendors' files.
 */
#include "check/held.h"

#include <string.h>

#include "check/state.h"

static const struct held_vendor *const vendors[] = { &held_vtd, &held_amdvi };

/* ---- units ---------------------------------------------------------------------------------------- */

static void add_unit(struct iommusim_check *check, struct iommusim_unit *unit)
{
	struct held *held = &check->held;
	const struct held_vendor *vendor = NULL;
	struct held_unit *own;

	for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++)
		if (strcmp(vendors[i]->name, unit->model->vendor) == 0)
			vendor = vendors[i];
	if (vendor == NULL || held->unit_count == HELD_UNITS)
		return;
	own = machine_alloc_zeroed(check->machine, sizeof(*own));
	if (own == NULL)
		return;
	own->unit = unit;
	own->vendor = vendor;
	own->index = held->unit_count;
	own->bit = UINT64_C(1) << own->index;
	own->buffers = vendor->has_buffers(own);
	own->keeps_absent = vendor->keeps_absent(own);
	held->buffers |= own->buffers;
	held->units[held->unit_count++] = own;
}

struct held_unit *held_unit_of(struct iommusim_check *check, const struct iommusim_unit *unit)
{
	for (unsigned i = 0; i < check->held.unit_count; i++)
		if (check->held.units[i]->unit == unit)
			return check->held.units[i];
	return NULL;
}

static void find_units(struct iommusim_check *check)
{
	struct iommusim_unit *unit;

	TAILQ_FOREACH (unit, &check->machine->units, link)
		if (held_unit_of(check, unit) == NULL)
			add_unit(check, unit);
}

static void look_at_entry(struct iommusim_check *check, struct check_device *device);

/* Translation is on from now on: what the tables lead to may be fetched. */
static void turned_on(struct iommusim_check *check, struct held_unit *unit)
{
	struct check_device *device;

	unit->on = true;
	TAILQ_FOREACH (device, &check->devices, link) {
		if (iommusim_unit_for(check->machine, device->segment, device->rid) != unit->unit)
			continue;
		look_at_entry(check, device);
	}
	unit->ever_on = true;
}

void held_look(struct iommusim_check *check)
{
	struct held *held = &check->held;

	find_units(check);
	for (unsigned i = 0; i < held->unit_count; i++) {
		struct held_unit *unit = held->units[i];
		const bool on = unit->unit->model->translating(unit->unit);

		if (unit->order_count > 0)
			unit->vendor->settle(check, unit);
		if (on && !unit->on)
			turned_on(check, unit);
		unit->on = on;
	}
}

void held_free(struct iommusim_check *check)
{
	struct held *held = &check->held;

	for (unsigned i = 0; i < held->unit_count; i++) {
		struct held_unit *unit = held->units[i];

		machine_free(
		    check->machine, unit->orders, unit->order_capacity * sizeof(*unit->orders));
		machine_free(check->machine, unit, sizeof(*unit));
	}
	held->unit_count = 0;
}

void held_domain_free(struct iommusim_check *check, struct check_domain *domain)
{
	held_spans_free(check->machine, &domain->held.spans);
}

/* ---- who can get where ---------------------------------------------------------------------------- */

static bool leads_to(
    const struct held_device *device, const struct held_unit *unit, const struct check_domain *domain)
{
	if (device->unit != unit)
		return false;
	return (device->entry.present && device->domain == domain) ||
	    ((device->owed & ~HELD_TLB) != 0 && device->before_domain == domain);
}

bool held_reachable(
    const struct iommusim_check *check, const struct held_unit *unit, const struct check_domain *domain)
{
	const struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link)
		if (leads_to(&device->held, unit, domain))
			return true;
	return false;
}

/* The bit of a device's own TLB; 0: it has none, or ATS is off. */
static uint64_t tlb_bit(struct iommusim_check *check, struct check_device *device)
{
	struct held *held = &check->held;
	unsigned i = 0;

	while (i < held->tlb_count && held->tlbs[i] != device)
		i++;
	if (i == HELD_TLBS || !requester_has_tlb(check->machine, device->segment, device->rid))
		return 0;
	if (i == held->tlb_count)
		held->tlbs[held->tlb_count++] = device;
	return UINT64_C(1) << (63 - i);
}

/* Units, and device-TLBs of the devices that are in the domain. */
static uint64_t holders_of(struct iommusim_check *check, struct check_domain *domain)
{
	struct check_device *device;

	if (domain->held.tlbs)
		TAILQ_FOREACH (device, &check->devices, link)
			if (device->held.entry.device_tlb && device->held.domain == domain)
				domain->held.holders |= tlb_bit(check, device);
	return domain->held.holders;
}

/* ---- entries -------------------------------------------------------------------------------------- */

static bool same_entry(const struct held_entry *a, const struct held_entry *b)
{
	return a->present == b->present &&
	    (!a->present ||
		(a->domain == b->domain && a->root == b->root && a->device_tlb == b->device_tlb));
}

/* What the unit may keep of the entry that is gone. */
static void owe_entry(struct iommusim_check *check, struct check_device *device)
{
	struct held_device *own = &device->held;
	const bool absent = !own->entry.present;

	if (absent && !own->unit->keeps_absent)
		return;
	if (own->owed != 0 && own->before.present) { /* what was owed first still is */
		if (!absent) {
			own->later = own->entry;
			own->later_domain = own->domain;
			own->born = check->held.clock;
		}
		return;
	}
	own->owed = HELD_ENTRIES;
	if (!absent && own->unit->vendor->by_source)
		own->owed |= HELD_TRANSLATIONS;
	if (!absent && own->entry.device_tlb && tlb_bit(check, device) != 0)
		own->owed |= HELD_TLB;
	own->before = own->entry;
	if (absent)
		own->before.domain = 0; /* what is not there has no domain: it goes by 0 (VT-d 6.1) */
	own->before_domain = own->domain;
	own->later_domain = NULL;
	own->born = check->held.clock;
	own->place = check->place;
	own->told = false;
}

static void attach(struct iommusim_check *check, struct check_device *device)
{
	struct held_device *own = &device->held;
	struct check_domain *domain = own->domain;

	if (domain == NULL)
		return;
	domain->held.ids[own->unit->index] = own->entry.domain;
	domain->held.ids_known |= own->unit->bit;
	domain->held.tlbs |= own->entry.device_tlb;
	if (!own->unit->on)
		return;
	missing_entry_present(check, device);
	domain->held.holders |= own->unit->bit;
}

static void look_at_entry(struct iommusim_check *check, struct check_device *device)
{
	struct held_device *own = &device->held;
	struct iommusim_unit *governs = iommusim_unit_for(check->machine, device->segment, device->rid);
	struct check_domain *domain =
	    check->held.changing == device ? check->held.changing_to : device->domain;
	struct held_entry entry = { .present = false };

	own->unit = governs == NULL ? NULL : held_unit_of(check, governs);
	if (own->unit == NULL)
		return;
	own->id = iommusim_unit_carried_id(governs, device->rid);
	if (!own->unit->vendor->entry(own->unit, own->id, true, &entry))
		return;
	if (!same_entry(&entry, &own->entry)) {
		if (own->unit->ever_on)
			owe_entry(check, device);
		own->entry = entry;
		own->domain = entry.present ? domain : own->domain;
	}
	/* A new domain may get root and id of one that is gone: then its entry is that one's, bit by bit. */
	if (own->domain == NULL || (own->domain->destroyed && domain != NULL))
		own->domain = domain;
	if (entry.present)
		attach(check, device);
}

void held_entry_changes(
    struct iommusim_check *check, struct check_device *device, struct check_domain *to)
{
	held_look(check);
	check->held.changing = device;
	check->held.changing_to = to;
}

void held_entry_changed(struct iommusim_check *check, struct check_device *device)
{
	check->held.changing = NULL;
	held_look(check);
	look_at_entry(check, device);
}

void held_register(struct iommusim_check *check, const struct iommusim_unit *unit, uint64_t offset,
    unsigned width, bool is_write, uint64_t value)
{
	struct held_unit *own;

	held_look(check);
	if (check->held.changing != NULL) /* it has, if the driver invalidates now */
		look_at_entry(check, check->held.changing);
	own = held_unit_of(check, unit);
	if (own != NULL && is_write && width >= 4)
		own->vendor->write(check, own, offset, width, value);
}

/* ---- mappings ------------------------------------------------------------------------------------- */

static void owe(struct iommusim_check *check, struct check_domain *domain, struct held_span *span)
{
	span->holders = domain->held.holders;
	span->born = check->held.clock;
	span->place = check->place;
	/* A list that cannot grow loses the debt; the call it is about must not fail for it. */
	held_spans_add(check->machine, &domain->held.spans, span);
}

/* Is nothing of the domain kept anywhere? Most calls end here, before translation is on. */
static bool nobody_holds(struct iommusim_check *check, struct check_domain *domain)
{
	if (check->held.pending > 0)
		held_look(check);
	return domain->held.holders == 0 || check->held.blind;
}

void held_removed(struct iommusim_check *check, struct check_domain *domain, uint64_t address,
    uint64_t length, uint32_t stamp)
{
	const uint64_t end = address + length;

	if (nobody_holds(check, domain))
		return;
	holders_of(check, domain);
	for (uint64_t run; address < end; address += run) {
		struct held_span span = { .first = address, .stamp = stamp };
		struct pagemap_cell cell;

		run = end - address;
		cell = pagemap_run(&domain->map, address, &run);
		if ((cell.value & LEDGER_MAPPED) == 0)
			continue;
		span.last = address + run - 1;
		span.page = cell.value & ~(IOMMUSIM_PAGE_SIZE - 1);
		owe(check, domain, &span);
	}
}

/* Units of the holders that keep what is not there, too. */
static uint64_t absent_holders(const struct iommusim_check *check, const struct check_domain *domain)
{
	uint64_t holders = 0;

	for (unsigned i = 0; i < check->held.unit_count; i++)
		if (check->held.units[i]->keeps_absent)
			holders |= domain->held.holders & check->held.units[i]->bit;
	return holders;
}

void held_mapped(struct iommusim_check *check, struct check_domain *domain, uint64_t address,
    uint64_t length, uint64_t page, uint32_t stamp)
{
	const uint64_t first = address, end = address + length;
	uint64_t absent;

	if (nobody_holds(check, domain))
		return;
	absent = absent_holders(check, domain);
	for (uint64_t run; address < end; address += run) {
		struct held_span span = { .first = address, .stamp = stamp };
		struct pagemap_cell cell;

		run = end - address;
		cell = pagemap_run(&domain->map, address, &run);
		span.last = address + run - 1;
		span.page = cell.value & ~(IOMMUSIM_PAGE_SIZE - 1);
		span.absent = (cell.value & LEDGER_MAPPED) == 0;
		if (span.absent ? absent == 0 : span.page == page + (address - first))
			continue;
		if (span.absent)
			span.page = 0;
		else
			holders_of(check, domain);
		owe(check, domain, &span);
	}
}

bool held_is_plain(const struct iommusim_check *check, const struct check_domain *domain)
{
	if (check->held.pending > 0 || check->held.buffers)
		return false;
	return domain->held.holders == 0 || (!domain->held.tlbs && absent_holders(check, domain) == 0);
}

void held_undone(
    struct iommusim_check *check, struct check_domain *domain, uint64_t address, uint64_t length)
{
	const struct held_payment nothing = {
		.first = address, .last = address + length - 1, .holder = UINT64_MAX, .born = UINT64_MAX
	};

	if (length > 0)
		held_spans_pay(check->machine, &domain->held.spans, &nothing);
}

/* ---- invalidations -------------------------------------------------------------------------------- */

void held_invalidated(struct iommusim_check *check, struct check_domain *domain)
{
	held_look(check);
	domain->held.invalidated = check->held.clock++;
}

/* Entries that were changed with no call behind it have been by now, if software invalidates them. */
static void look_at_entries(struct iommusim_check *check, const struct held_unit *unit)
{
	struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link) {
		struct held_entry entry;

		if (device->held.unit == unit && device->held.entry.present &&
		    unit->vendor->entry(unit, device->held.id, true, &entry) &&
		    !same_entry(&entry, &device->held.entry))
			look_at_entry(check, device);
	}
}

void held_ask(struct iommusim_check *check, struct held_unit *unit, const struct held_order *order)
{
	if ((order->what & HELD_ENTRIES) != 0)
		look_at_entries(check, unit);
	if (!machine_grow(check->machine, &unit->orders, &unit->order_capacity, unit->order_count + 1,
		sizeof(*unit->orders))) {
		check->held.blind = true;
		return;
	}
	unit->orders[unit->order_count] = *order;
	unit->orders[unit->order_count++].born = check->held.clock++;
	check->held.pending++;
}

static void remove_orders(
    struct iommusim_check *check, struct held_unit *unit, size_t first, size_t count)
{
	memmove(&unit->orders[first], &unit->orders[first + count],
	    (unit->order_count - first - count) * sizeof(*unit->orders));
	unit->order_count -= count;
	check->held.pending -= count;
}

void held_end(struct iommusim_check *check, struct held_unit *unit, size_t index, bool carried_out)
{
	const struct held_order order = unit->orders[index];

	remove_orders(check, unit, index, 1);
	if (carried_out)
		held_complete(check, unit, &order);
}

void held_forget_queue(struct iommusim_check *check, struct held_unit *unit)
{
	for (size_t i = unit->order_count; i-- > 0;)
		if (unit->orders[i].by == 0)
			remove_orders(check, unit, i, 1);
}

void held_passed(struct iommusim_check *check, struct held_unit *unit, uint32_t head, uint32_t size)
{
	const uint32_t gone = (head - unit->head) % size;

	for (size_t i = 0; i < unit->order_count;) {
		if (unit->orders[i].by == 0 && (unit->orders[i].position - unit->head) % size < gone)
			held_end(check, unit, i, true);
		else
			i++;
	}
	unit->head = head;
}

static bool names_domain(const struct held_order *order, uint16_t domain)
{
	return !order->by_domain || order->domain == domain;
}

static bool names_device(const struct held_order *order, uint16_t id)
{
	return !order->by_source || ((order->source ^ id) & ~order->source_ignore) == 0;
}

static void pay_devices(
    struct iommusim_check *check, struct held_unit *unit, const struct held_order *order)
{
	struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link) {
		struct held_device *own = &device->held;

		if (own->owed == 0 || own->unit != unit || own->born > order->born)
			continue;
		if ((order->what & HELD_ENTRIES) != 0 && names_domain(order, own->before.domain) &&
		    names_device(order, own->id))
			own->owed &= (uint8_t)~HELD_ENTRIES;
		if ((order->what & HELD_TRANSLATIONS) != 0 && !order->by_range &&
		    names_domain(order, own->before.domain))
			own->owed &= (uint8_t)~HELD_TRANSLATIONS;
		if ((order->what & HELD_TLB) != 0 && names_device(order, own->id) &&
		    order->first == 0 && order->last == UINT64_MAX)
			own->owed &= (uint8_t)~HELD_TLB;
	}
}

static struct held_payment payment_of(const struct held_order *order, uint64_t holder)
{
	return (struct held_payment){
		.first = order->by_range ? order->first : 0,
		.last = order->by_range ? order->last : UINT64_MAX,
		.holder = holder,
		.born = order->born,
		.leaf_only = order->leaf_only,
	};
}

/* Nothing of the domain is kept any more, unless it is fetched anew: not while translation is off. */
static void forget_domain(
    struct iommusim_check *check, struct held_unit *unit, struct check_domain *domain)
{
	if (!unit->on || !held_reachable(check, unit, domain))
		domain->held.holders &= ~unit->bit;
}

static void pay_translations(
    struct iommusim_check *check, struct held_unit *unit, const struct held_order *order)
{
	const struct held_payment payment = payment_of(order, unit->bit);
	struct check_domain *domain;

	excess_count(check, unit, order);
	TAILQ_FOREACH (domain, &check->domains, link) {
		if ((domain->held.ids_known & unit->bit) == 0 ||
		    !names_domain(order, domain->held.ids[unit->index]))
			continue;
		held_spans_pay(check->machine, &domain->held.spans, &payment);
		if (domain->held.invalidated < order->born)
			domain->held.invalidated = order->born;
		if (!order->by_range)
			forget_domain(check, unit, domain);
	}
}

static void pay_tlbs(
    struct iommusim_check *check, const struct held_unit *unit, const struct held_order *order)
{
	for (unsigned i = 0; i < check->held.tlb_count; i++) {
		const struct held_device *own = &check->held.tlbs[i]->held;
		const struct held_payment payment = payment_of(order, UINT64_C(1) << (63 - i));
		struct check_domain *domain;

		if (own->unit != unit || !names_device(order, own->id))
			continue;
		TAILQ_FOREACH (domain, &check->domains, link) {
			held_spans_pay(check->machine, &domain->held.spans, &payment);
			/* It keeps nothing of a domain that it is not in any more. */
			if (payment.first == 0 && payment.last == UINT64_MAX &&
			    (!own->entry.present || own->domain != domain))
				domain->held.holders &= ~payment.holder;
		}
	}
}

static void forget_domains(struct iommusim_check *check)
{
	struct check_domain *domain, *next;

	TAILQ_FOREACH_SAFE (domain, &check->domains, link, next)
		check_forget_domain(check, domain);
}

void held_complete(struct iommusim_check *check, struct held_unit *unit, const struct held_order *order)
{
	if (order->sweeps || (!order->by_domain && !order->by_source && !order->by_range))
		unit->pointer_owed &= (uint8_t)~order->what;
	unit->flushed = check->held.stores; /* every invalidation writes buffers back (VT-d 6.8) */
	pay_devices(check, unit, order);
	if ((order->what & HELD_ENTRIES) != 0 && unit->entries_invalidated < order->born)
		unit->entries_invalidated = order->born;
	if ((order->what & HELD_TRANSLATIONS) != 0)
		pay_translations(check, unit, order);
	if ((order->what & HELD_TLB) != 0)
		pay_tlbs(check, unit, order);
	forget_domains(check);
}
