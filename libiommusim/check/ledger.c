/*
 * The ledger: iommu_ops that note what each call asks for and pass it on. It records intent; whether
 * hardware does the same is verdict.c's question.
 */
#include <string.h>

#include "check/state.h"

/* The ledger reaches as far as the widest page table; calls beyond it are passed on unrecorded. */
#define LEDGER_END (UINT64_C(1) << 57)

static bool in_ledger(uint64_t address, uint64_t length)
{
	return length > 0 && address < LEDGER_END && length <= LEDGER_END - address;
}

/* Kinds and lengths that one call mixes: one of the last few is found again. */
#define RUNS_LOOKED_AT 4u

/* The stamp of a call that vmm makes inside another; one like those before needs no memory. */
static __attribute__((noinline)) uint32_t note_inner(struct iommusim_check *check,
    struct check_domain *domain, enum iommusim_call_kind kind, uint64_t length)
{
	for (size_t i = domain->run_count; i-- > 0 && i + RUNS_LOOKED_AT >= domain->run_count;) {
		const struct check_run *run = &domain->runs[i];

		if (run->place == check->place && run->kind == (uint32_t)kind && run->length == length)
			return STAMP_INNER | (uint32_t)i;
	}
	if (domain->run_count >= STAMP_INNER ||
	    !machine_grow(check->machine, &domain->runs, &domain->run_capacity, domain->run_count + 1,
		sizeof(*domain->runs)))
		return 0;
	domain->runs[domain->run_count] =
	    (struct check_run){ .place = check->place, .kind = (uint32_t)kind, .length = length };
	return STAMP_INNER | (uint32_t)domain->run_count++;
}

/*
 * The stamp of a call that is about to be noted. 0: there is no memory to remember it by. Then its place is lost and
 * nothing else, so that what undoes another call never fails for it.
 */
static uint32_t note_call(struct iommusim_check *check, struct check_domain *domain,
    enum iommusim_call_kind kind, uint64_t length)
{
	if (check->place != 0 && (check->depth > 1 || check->kind != kind))
		return note_inner(check, domain, kind, length);
	return check->place;
}

const char *check_domain_name(const struct iommusim_check *check, const struct check_domain *domain)
{
	const struct iommusim_domain *known = vmm_domain_of_handle(check->vmm, domain);

	return known == NULL ? domain->name : iommusim_domain_name(known);
}

void check_recall_place(
    const struct iommusim_check *check, uint32_t place_number, struct iommusim_remembered_call *call)
{
	const struct check_place place = calls_at(&check->calls, place_number);

	memset(call, 0, sizeof(*call));
	if (place_number == 0)
		return;
	call->known = true;
	call->place = (struct iommusim_place){ .file = place.file, .line = place.line };
	call->outer = place.call;
}

void check_recall(const struct iommusim_check *check, const struct check_domain *domain, uint32_t stamp,
    uint64_t address, struct iommusim_remembered_call *call)
{
	const bool inner = (stamp & STAMP_INNER) != 0;
	const struct check_run *run = inner ? &domain->runs[stamp & ~STAMP_INNER] : NULL;

	check_recall_place(check, inner ? run->place : stamp, call);
	if (!call->known)
		return;
	call->has_inner = inner;
	call->inner_kind = inner ? (enum iommusim_call_kind)run->kind : call->outer.kind;
	call->inner_address = address & ~(IOMMUSIM_PAGE_SIZE - 1);
	call->inner_length = inner ? run->length : call->outer.length;
	strncpy(call->domain_name, check_domain_name(check, domain), sizeof(call->domain_name) - 1);
}

/* ---- devices -------------------------------------------------------------------------------- */

struct check_device *check_device_find(
    const struct iommusim_check *check, uint16_t segment, uint16_t rid)
{
	struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link)
		if (device->segment == segment && device->rid == rid)
			return device;
	return NULL;
}

static struct check_device *device_for(struct iommusim_check *check, uint16_t segment, uint16_t rid)
{
	struct check_device *device = check_device_find(check, segment, rid);

	if (device != NULL)
		return device;
	device = machine_alloc_zeroed(check->machine, sizeof(*device));
	if (device == NULL)
		return NULL;
	device->segment = segment;
	device->rid = rid;
	TAILQ_INSERT_TAIL(&check->devices, device, link);
	return device;
}

static enum iommusim_status out_of_memory(struct iommusim_check *check)
{
	return machine_fail(check->machine, IOMMUSIM_ENOMEM, "no memory for the checker's record");
}

/* A domain gets its name from vmm after it was made: take it over whenever there is a chance. */
static void refresh_name(struct iommusim_check *check, struct check_domain *domain)
{
	const char *name = check_domain_name(check, domain), *kept;

	if (strcmp(name, domain->name) == 0)
		return;
	kept = check_intern(check, name);
	if (kept != NULL)
		domain->name = kept;
}

static enum iommusim_status ledger_add_device(
    void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct iommusim_check *check = context;
	struct check_domain *domain = handle;
	struct check_device *device = device_for(check, segment, rid);
	struct visible_stamps stamps;
	enum iommusim_status status;

	check_changed(check);
	if (device == NULL)
		return out_of_memory(check);
	refresh_name(check, domain);
	if (device->domain != NULL)
		check_finding(check, IOMMUSIM_FINDING_DEVICE_OWNED_TWICE,
		    "%02x:%02x.%u is added to domain %s while it is in domain %s",
		    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid),
		    domain->name, device->domain->name);
	held_entry_changes(check, device, domain);
	check->under = domain;
	visible_begins(check, &stamps, &device->held.stored);
	status = check->ops.add_device(check->ops_context, domain->handle, segment, rid);
	visible_ends(check, &stamps, status == IOMMUSIM_OK);
	check->under = NULL;
	if (status != IOMMUSIM_OK) {
		held_entry_changed(check, device);
		return status;
	}
	if (device->domain != domain)
		device->last = device->domain;
	device->domain = domain;
	device->place = check->place;
	held_entry_changed(check, device);
	if (iommusim_unit_for(check->machine, segment, rid) == NULL &&
	    iommusim_unit_at(check->machine, 0) != NULL)
		check_finding(check, IOMMUSIM_FINDING_DEVICE_OUT_OF_SCOPE,
		    "%02x:%02x.%u is in domain %s now, and no unit governs it: its DMA is not "
		    "translated",
		    IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid), IOMMUSIM_RID_FUNCTION(rid),
		    domain->name);
	check_firmware_ranges(check, device);
	return IOMMUSIM_OK;
}

static enum iommusim_status ledger_remove_device(
    void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct iommusim_check *check = context;
	struct check_domain *domain = handle;
	struct check_device *device = check_device_find(check, segment, rid);
	enum iommusim_status status;

	check_changed(check);
	if (device != NULL)
		held_entry_changes(check, device, NULL);
	status = check->ops.remove_device(check->ops_context, domain->handle, segment, rid);
	if (device != NULL)
		held_entry_changed(check, device);
	if (status != IOMMUSIM_OK || device == NULL || device->domain == NULL)
		return status;
	device->last = device->domain;
	device->domain = NULL;
	device->place = check->place;
	return IOMMUSIM_OK;
}

/* ---- domains that are gone ------------------------------------------------------------------------ */

static void free_domain(struct iommusim_check *check, struct check_domain *domain)
{
	TAILQ_REMOVE(&check->domains, domain, link);
	held_domain_free(check, domain);
	pagemap_fini(&domain->map);
	machine_free(check->machine, domain->runs, domain->run_capacity * sizeof(*domain->runs));
	machine_free(check->machine, domain, sizeof(*domain));
}

/* Does the story of some device lead to the domain? */
static bool is_remembered(const struct iommusim_check *check, const struct check_domain *domain)
{
	const struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link)
		if (device->domain == domain || device->last == domain ||
		    device->held.domain == domain || device->held.before_domain == domain ||
		    device->held.later_domain == domain)
			return true;
	return false;
}

void check_forget_domain(struct iommusim_check *check, struct check_domain *domain)
{
	if (domain->destroyed && domain->held.holders == 0 && domain->held.stored == 0 &&
	    held_spans_first(&domain->held.spans) == NULL && !is_remembered(check, domain))
		free_domain(check, domain);
}

/* ---- domains and mappings --------------------------------------------------------------------- */

/* Tables of a domain have as many levels as it was made with. */
static uint64_t end_of_width(unsigned width)
{
	if (width == 0)
		return 0;
	return width < 64 ? UINT64_C(1) << width : UINT64_MAX;
}

static enum iommusim_status ledger_create_domain(void *context, uint64_t max_address, void **handle)
{
	struct iommusim_check *check = context;
	struct check_domain *domain = machine_alloc_zeroed(check->machine, sizeof(*domain));
	enum iommusim_status status;

	check_changed(check);
	if (domain == NULL)
		return out_of_memory(check);
	domain->made_at = check->place;
	check->under = domain;
	status = check->ops.create_domain(check->ops_context, max_address, &domain->handle);
	check->under = NULL;
	if (status != IOMMUSIM_OK) {
		machine_free(check->machine, domain, sizeof(*domain));
		return status;
	}
	check->ops_used = true;
	domain->end = end_of_width(vmm_domain_width(check->vmm, domain->handle));
	pagemap_init(&domain->map, check->machine);
	domain->name = "";
	TAILQ_INSERT_TAIL(&check->domains, domain, link);
	*handle = domain;
	return IOMMUSIM_OK;
}

static void ledger_destroy_domain(void *context, void *handle)
{
	struct iommusim_check *check = context;
	struct check_domain *domain = handle;
	struct check_device *device;
	bool left_behind = false; /* a device that still is in it: what it reaches will be judged */

	check_changed(check);
	refresh_name(check, domain);
	check->under = domain;
	check->ops.destroy_domain(check->ops_context, domain->handle);
	check->under = NULL;
	missing_domain_destroyed(check, domain);
	check_domain_gone(check, domain);
	domain->destroyed = true;
	domain->handle = NULL;
	TAILQ_FOREACH (device, &check->devices, link) {
		if (device->domain != domain)
			continue;
		left_behind = true;
		device->last = domain;
		device->domain = NULL;
		device->place = check->place;
	}
	if (!left_behind)
		pagemap_fini(&domain->map);
	check_forget_domain(check, domain);
}

/*
 * How much to record of a call that did less than it was asked. Without memory to tell the rest apart
 * it is recorded with it: the caller goes on there at once.
 */
static uint64_t recordable(struct check_domain *domain, uint64_t gpa, uint64_t length, uint64_t done)
{
	return done == length || pagemap_prepare_part(&domain->map, gpa, done) ? done : length;
}

/* May hardware hold anything of the domain, or have let go of it just now? */
static bool held_matters(const struct iommusim_check *check, const struct check_domain *domain)
{
	return check->held.pending > 0 || domain->held.holders != 0;
}

/* A mapping call of the ops, from its beginning to its end. */
struct mapping {
	struct check_domain *domain;
	uint64_t gpa, length;
	uint32_t stamp;
	bool recorded;
	struct visible_stamps stamps;
};

static void mapping_begins(struct iommusim_check *check, struct mapping *mapping)
{
	check->under = mapping->domain;
	mapping->stamps.stored = NULL;
	if (check->held.buffers)
		visible_mapping_begins(check, &mapping->stamps, mapping->domain,
		    mapping->recorded ? mapping->length : 0, mapping->gpa);
}

/* It did so much of what it was asked. */
static void mapping_ended(struct iommusim_check *check, const struct mapping *mapping, uint64_t done)
{
	struct check_domain *domain = mapping->domain;

	if (check->held.buffers)
		visible_ends(check, &mapping->stamps, done > 0);
	check->under = NULL;
	if (mapping->recorded && done < mapping->length)
		held_undone(check, domain, mapping->gpa + done, mapping->length - done);
}

/* Is there anything to say of a call that succeeded? Most are well within what tables translate. */
static bool is_remarkable(const struct mapping *mapping, uint64_t done)
{
	const struct check_domain *domain = mapping->domain;

	return done == 0 || mapping->gpa >= domain->end || done > domain->end - mapping->gpa;
}

static enum iommusim_status ledger_create_mapping(
    void *context, void *handle, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct iommusim_check *check = context;
	struct check_domain *domain = handle;
	struct mapping mapping = {
		.domain = domain, .gpa = gpa, .length = length, .recorded = in_ledger(gpa, length)
	};
	enum iommusim_status status;

	check_changed(check);
	*done = 0;
	if (mapping.recorded) {
		if (!pagemap_prepare(&domain->map, gpa, length))
			return out_of_memory(check);
		mapping.stamp = note_call(check, domain, IOMMUSIM_CALL_CREATE_MAPPING, length);
		if (held_matters(check, domain))
			held_mapped(check, domain, gpa, length, hpa, mapping.stamp);
	}
	mapping_begins(check, &mapping);
	status = check->ops.create_mapping(check->ops_context, domain->handle, gpa, hpa, length, done);
	mapping_ended(check, &mapping, status == IOMMUSIM_OK ? *done : 0);
	if (status != IOMMUSIM_OK)
		return status;
	if (is_remarkable(&mapping, *done))
		check_mapped(check, domain, gpa, length, *done, false);
	if (mapping.recorded && *done <= length && *done > 0)
		pagemap_set(&domain->map, gpa, recordable(domain, gpa, length, *done),
		    hpa | LEDGER_MAPPED, mapping.stamp);
	return status;
}

static enum iommusim_status ledger_remove_mapping(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done)
{
	struct iommusim_check *check = context;
	struct check_domain *domain = handle;
	struct mapping mapping = {
		.domain = domain, .gpa = gpa, .length = length, .recorded = in_ledger(gpa, length)
	};
	enum iommusim_status status;

	check_changed(check);
	*done = 0;
	if (mapping.recorded) {
		if (!pagemap_prepare(&domain->map, gpa, length))
			return out_of_memory(check);
		mapping.stamp = note_call(check, domain, IOMMUSIM_CALL_REMOVE_MAPPING, length);
		if (held_matters(check, domain))
			held_removed(check, domain, gpa, length, mapping.stamp);
	}
	mapping_begins(check, &mapping);
	status = check->ops.remove_mapping(check->ops_context, domain->handle, gpa, length, done);
	mapping_ended(check, &mapping, status == IOMMUSIM_OK ? *done : 0);
	if (status != IOMMUSIM_OK)
		return status;
	if (is_remarkable(&mapping, *done))
		check_mapped(check, domain, gpa, length, *done, true);
	if (mapping.recorded && *done <= length && *done > 0)
		pagemap_flag(&domain->map, gpa, recordable(domain, gpa, length, *done), LEDGER_REMOVED,
		    LEDGER_MAPPED, mapping.stamp);
	return status;
}

/* ---- the rest is passed on ---------------------------------------------------------------------- */

static enum iommusim_status ledger_init(void *context)
{
	struct iommusim_check *check = context;

	return check->ops.init(check->ops_context);
}

static void ledger_cleanup(void *context)
{
	struct iommusim_check *check = context;

	check_domains_left(check);
	check->ops.cleanup(check->ops_context);
}

static void ledger_enable(void *context)
{
	struct iommusim_check *check = context;

	held_look(check);
	check->ops.enable(check->ops_context);
	held_look(check);
	check_all_firmware_ranges(check);
}

static void ledger_disable(void *context)
{
	struct iommusim_check *check = context;

	check->ops.disable(check->ops_context);
	held_look(check);
}

static enum iommusim_status ledger_invalidate_tlb(void *context, void *handle)
{
	struct iommusim_check *check = context;
	struct check_domain *domain = handle;
	enum iommusim_status status;

	check->under = domain; /* a driver may free here what it cut off before */
	status = check->ops.invalidate_tlb(check->ops_context, domain->handle);
	check->under = NULL;
	held_invalidated(check, domain);
	return status;
}

static enum iommusim_status ledger_invalidate_range(
    void *context, void *handle, uint64_t gpa, uint64_t length)
{
	struct iommusim_check *check = context;
	struct check_domain *domain = handle;
	enum iommusim_status status;

	check->under = domain;
	status = check->ops.invalidate_range(check->ops_context, domain->handle, gpa, length);
	check->under = NULL;
	return status;
}

void check_ops_chosen(void *context, struct iommusim_ops *ops, void **ops_context)
{
	struct iommusim_check *check = context;

	check->ops = *ops;
	check->ops_context = *ops_context;
	*ops = (struct iommusim_ops){
		.name = check->ops.name,
		.init = ledger_init,
		.cleanup = ledger_cleanup,
		.enable = ledger_enable,
		.disable = ledger_disable,
		.create_domain = ledger_create_domain,
		.destroy_domain = ledger_destroy_domain,
		.create_mapping = ledger_create_mapping,
		.remove_mapping = ledger_remove_mapping,
		.add_device = ledger_add_device,
		.remove_device = ledger_remove_device,
		.invalidate_tlb = ledger_invalidate_tlb,
		.invalidate_range =
		    check->ops.invalidate_range == NULL ? NULL : ledger_invalidate_range,
	};
	*ops_context = check;
}

void check_ledger_free(struct iommusim_check *check)
{
	struct check_domain *domain;
	struct check_device *device;

	while ((domain = TAILQ_FIRST(&check->domains)) != NULL)
		free_domain(check, domain);
	while ((device = TAILQ_FIRST(&check->devices)) != NULL) {
		TAILQ_REMOVE(&check->devices, device, link);
		machine_free(check->machine, device, sizeof(*device));
	}
}
