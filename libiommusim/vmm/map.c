/* Mappings: the calls that make and remove them, one by one and by lists, and the way round the backend. */
#include "models/formats/page_fill.h"
#include "vmm/state.h"

/* ---- windows ----------------------------------------------------------------------------------- */

/* May mappings go without a call of the backend, and without anybody being told? */
static bool is_unobserved(const struct iommusim_vmm *vmm)
{
	return vmm->direct && vmm->available && !vmm->panicked && vmm->listener_count == 0;
}

/* The table that the backend has used last is the one that is used next, as a rule. */
static void open_window(const struct iommusim_vmm *vmm, struct iommusim_domain *domain)
{
	if (!is_unobserved(vmm) || !vmm_domain_window(domain->handle, &domain->window))
		domain->window.pages = 0;
}

void vmm_close_windows(struct iommusim_vmm *vmm)
{
	struct iommusim_domain *domain;

	TAILQ_FOREACH (domain, &vmm->domains, link) {
		domain->window.pages = 0;
		domain->row_pages = 0;
	}
}

/* ---- rows --------------------------------------------------------------------------------------- */

/*
 * May a call for the page of that number, of the table behind the window, go into the row? `odd`: not 0 for one that it is
 * no place for. Few instructions: this is what a page costs beside the store when a checker is there.
 */
static inline bool takes(const struct iommusim_vmm *vmm, const struct iommusim_domain *domain,
    uint64_t index, uint64_t length, uint64_t odd)
{
	const struct vmm_row *row = domain->row;

	if (__builtin_expect(index >= domain->row_pages, false))
		return false;
	if (__builtin_expect(((length ^ IOMMUSIM_PAGE_SIZE) | odd) != 0, false))
		return false;
	if (__builtin_expect(machine_activity(vmm->machine) != row->activity, false))
		return false;
	return __builtin_expect(row->count < ROW_CALLS, true);
}

static inline void note(struct vmm_row *row, uint32_t key, uint64_t page)
{
	const uint64_t at = row->count;

	row->key[at] = row->line | key;
	row->page[at] = page;
	row->count = at + 1;
}

/* One page by the row. False: there is none, or it is no call for it. */
static inline bool row_map(const struct iommusim_vmm *vmm, const struct iommusim_domain *domain,
    uint64_t index, uint64_t hpa, uint64_t length)
{
	const struct leaf_window *window = &domain->window;

	if (!takes(vmm, domain, index, length, hpa & window->others))
		return false;
	__atomic_store_n(&window->entries[index], hpa | window->leaf, __ATOMIC_RELEASE);
	note(domain->row, (uint32_t)index, hpa);
	return true;
}

/* An invalidation that is due with the removal is no store. */
static inline bool row_unmap(
    const struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t index, uint64_t length)
{
	const bool gathers = vmm->gathered_most != 0;

	if (!takes(vmm, domain, index, length, gathers && domain->gathered + 1 >= vmm->gathered_most))
		return false;
	__atomic_store_n(&domain->window.entries[index], 0, __ATOMIC_RELEASE);
	domain->gathered += gathers;
	note(domain->row, (uint32_t)index | ROW_REMOVES, 0);
	return true;
}

/* ---- what backends do -------------------------------------------------------------------------- */

/* An op may do less than it was asked; the caller goes on from there. */
enum iommusim_status vmm_map_by_ops(struct iommusim_vmm *vmm, struct iommusim_domain *domain,
    uint64_t gpa, uint64_t hpa, uint64_t length)
{
	while (length > 0) {
		uint64_t done = 0;
		enum iommusim_status status =
		    vmm->ops.create_mapping(vmm->ops_context, domain->handle, gpa, hpa, length, &done);

		if (status != IOMMUSIM_OK)
			return vmm_heard(vmm, status);
		if (done == 0 || done > length)
			return machine_fail(vmm->machine, IOMMUSIM_EIO,
			    "create_mapping did %llu of %llu bytes", (unsigned long long)done,
			    (unsigned long long)length);
		gpa += done;
		hpa += done;
		length -= done;
	}
	open_window(vmm, domain);
	return IOMMUSIM_OK;
}

enum iommusim_status vmm_unmap_by_ops(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	while (length > 0) {
		uint64_t done = 0;
		enum iommusim_status status =
		    vmm->ops.remove_mapping(vmm->ops_context, domain->handle, gpa, length, &done);

		if (status != IOMMUSIM_OK)
			return vmm_heard(vmm, status);
		if (done == 0 || done > length)
			return machine_fail(vmm->machine, IOMMUSIM_EIO,
			    "remove_mapping did %llu of %llu bytes", (unsigned long long)done,
			    (unsigned long long)length);
		gpa += done;
		length -= done;
	}
	open_window(vmm, domain);
	return IOMMUSIM_OK;
}

/* ---- one by one --------------------------------------------------------------------------------- */

/* What a call without a domain comes to, or any where there is no IOMMU, as nobody has a domain then. */
static enum iommusim_status without(const struct iommusim_vmm *vmm)
{
	return vmm->available ? machine_fail(vmm->machine, IOMMUSIM_EINVAL, "a mapping of no domain")
			      : vmm_unavailable(vmm);
}

static enum iommusim_status check_range(
    const struct iommusim_vmm *vmm, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	if (length == 0 || ((gpa | hpa | length) & (IOMMUSIM_PAGE_SIZE - 1)) != 0 ||
	    gpa > UINT64_MAX - length || hpa > UINT64_MAX - length)
		return machine_fail(vmm->machine, IOMMUSIM_EINVAL,
		    "a mapping of 0x%llx bytes at 0x%llx: addresses and length must be multiples of 4 "
		    "KiB",
		    (unsigned long long)length, (unsigned long long)gpa);
	return IOMMUSIM_OK;
}

/* As the call goes when it is more than a store. */
static __attribute__((noinline)) enum iommusim_status create_mapping(struct iommusim_vmm *vmm,
    struct iommusim_domain *domain, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	struct iommusim_call call = {
		.kind = IOMMUSIM_CALL_CREATE_MAPPING,
		.domain = domain,
		.address = gpa,
		.host_address = hpa,
		.length = length,
	};
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK)
		status = check_range(vmm, gpa, hpa, length);
	if (status == IOMMUSIM_OK)
		status = domain != NULL && vmm->available ? vmm_map(vmm, domain, gpa, hpa, length)
							  : without(vmm);
	return vmm_call_end(vmm, &call, status);
}

/* Apart from what costs next to nothing, so that it stays so. `index`: of the page in the window. */
static __attribute__((noinline)) enum iommusim_status map_otherwise(struct iommusim_vmm *vmm,
    struct iommusim_domain *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t index)
{
	if (row_map(vmm, domain, index, hpa, length))
		return IOMMUSIM_OK;
	return create_mapping(vmm, domain, gpa, hpa, length);
}

enum iommusim_status iommusim_iommu_create_mapping(struct iommusim_vmm *vmm,
    struct iommusim_domain *domain, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	if (domain == NULL)
		return create_mapping(vmm, domain, gpa, hpa, length);
	if (window_map(domain, gpa, hpa, length))
		return IOMMUSIM_OK;
	return map_otherwise(vmm, domain, gpa, hpa, length, window_index(&domain->window, gpa));
}

/* ---- lists ------------------------------------------------------------------------------------- */

/* Pages of a list that are looked at, and mapped, while the processor still has them at hand. */
#define LIST_CHUNK ((size_t)1024)

/* How many of the pages, the first ones, can be mapped from `gpa` on as far as check_range() knows. */
static size_t count_good(uint64_t gpa, const uint64_t *pages, size_t count)
{
	const uint64_t last = UINT64_MAX - IOMMUSIM_PAGE_SIZE, odd = IOMMUSIM_PAGE_SIZE - 1;
	const size_t room =
	    gpa > last || (gpa & odd) != 0 ? 0 : (size_t)((last - gpa) >> IOMMUSIM_PAGE_SHIFT) + 1;
	size_t good = 0;

	if (room < count)
		count = room;
	if ((page_list_bits(pages, count) & ~PAGE_ADDRESSES) == 0)
		return count;
	while (good < count && (pages[good] & odd) == 0 && pages[good] <= last)
		good++;
	return good;
}

/* By the backend's own call for lists: `*done` of them, at least one. */
static enum iommusim_status map_some(struct iommusim_vmm *vmm, struct iommusim_domain *domain,
    uint64_t gpa, const uint64_t *pages, size_t count, size_t *done)
{
	enum iommusim_status status;
	size_t good;

	if (count > LIST_CHUNK)
		count = LIST_CHUNK;
	good = count_good(gpa, pages, count);
	if (good == 0)
		return check_range(vmm, gpa, pages[0], IOMMUSIM_PAGE_SIZE);
	status = vmm->ops.create_mapping_list(vmm->ops_context, domain->handle, gpa, pages, good, done);
	if (status == IOMMUSIM_OK && (*done == 0 || *done > good))
		return machine_fail(vmm->machine, IOMMUSIM_EIO,
		    "create_mapping_list did %zu of %zu pages", *done, good);
	if (status != IOMMUSIM_OK)
		*done = 1; /* of which nobody may hear */
	return vmm_heard(vmm, status);
}

enum iommusim_status iommusim_iommu_create_mapping_list(struct iommusim_vmm *vmm,
    struct iommusim_domain *domain, uint64_t gpa, const uint64_t *pages, size_t count, size_t *mapped)
{
	enum iommusim_status status = IOMMUSIM_OK;
	size_t done = 0;

	while (done < count) {
		const uint64_t at = gpa + done * IOMMUSIM_PAGE_SIZE;
		size_t more = 1;

		/* Whoever listens hears of each page. */
		if (domain != NULL && vmm->ops.create_mapping_list != NULL && vmm->available &&
		    !vmm->panicked && vmm->listener_count == 0)
			status = map_some(vmm, domain, at, pages + done, count - done, &more);
		else
			status = iommusim_iommu_create_mapping(
			    vmm, domain, at, pages[done], IOMMUSIM_PAGE_SIZE);
		if (status != IOMMUSIM_OK)
			break;
		done += more;
	}
	if (mapped != NULL)
		*mapped = done;
	return status;
}

/* ---- removals ---------------------------------------------------------------------------------- */

/* The invalidation that removals, the last of them this one, have come to. */
static __attribute__((noinline)) enum iommusim_status invalidate_removed(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	domain->gathered = 0;
	if (vmm_policy(vmm, COLUMN_invalidate) == POLICY_invalidate_STRICT &&
	    vmm_policy(vmm, COLUMN_reach) == POLICY_reach_SELECTIVE &&
	    vmm->ops.invalidate_range != NULL)
		return vmm_heard(
		    vmm, vmm->ops.invalidate_range(vmm->ops_context, domain->handle, gpa, length));
	return vmm_heard(vmm, vmm->ops.invalidate_tlb(vmm->ops_context, domain->handle));
}

/* The same as vmm_removed() while there is an IOMMU. */
static inline enum iommusim_status removed(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	if (vmm->gathered_most == 0 || ++domain->gathered < vmm->gathered_most)
		return IOMMUSIM_OK;
	return invalidate_removed(vmm, domain, gpa, length);
}

enum iommusim_status vmm_removed(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	return domain != NULL && vmm->available ? removed(vmm, domain, gpa, length) : IOMMUSIM_OK;
}

static __attribute__((noinline)) enum iommusim_status remove_mapping(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	struct iommusim_call call = {
		.kind = IOMMUSIM_CALL_REMOVE_MAPPING,
		.domain = domain,
		.address = gpa,
		.length = length,
	};
	enum iommusim_status status = vmm_call_begin(vmm, &call);

	if (status == IOMMUSIM_OK)
		status = check_range(vmm, gpa, 0, length);
	if (status == IOMMUSIM_OK)
		status = domain != NULL && vmm->available ? vmm_unmap(vmm, domain, gpa, length)
							  : without(vmm);
	if (status == IOMMUSIM_OK)
		status = vmm_removed(vmm, domain, gpa, length);
	return vmm_call_end(vmm, &call, status);
}

static __attribute__((noinline)) enum iommusim_status unmap_otherwise(struct iommusim_vmm *vmm,
    struct iommusim_domain *domain, uint64_t gpa, uint64_t length, uint64_t index)
{
	if (row_unmap(vmm, domain, index, length))
		return IOMMUSIM_OK;
	return remove_mapping(vmm, domain, gpa, length);
}

enum iommusim_status iommusim_iommu_remove_mapping(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	if (domain == NULL)
		return remove_mapping(vmm, domain, gpa, length);
	if (window_unmap(domain, gpa, length))
		return removed(vmm, domain, gpa, length);
	return unmap_otherwise(vmm, domain, gpa, length, window_index(&domain->window, gpa));
}
