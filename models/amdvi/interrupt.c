/*
 * Interrupt requests, in the order of AMD-Vi 2.2.5: the SMI filter, the device table entry, the interrupt
 * entry; first from memory alone (amdvi_remap), then with caches, counters and the event log around it
 * (amdvi_interrupt). What stands in an interrupt entry is interrupt_entry.c, what one for a guest does
 * virtual_apic.c, how a denied request is told of interrupt_event.c.
 */
#include "models/amdvi/interrupt.h"

#include "models/amdvi/performance.h"
#include "models/amdvi/registers.h"
#include "models/common/interrupt_entry.h"

#define LONGEST_TABLE 11u  /* log2 of its entries: IntTabLen */
#define FEW_ENTRIES   512u /* that requests can name without NumIntRemapMode */
#define MANY_ENTRIES  2048u
#define MANY          1u /* of NumIntRemapMode: 2048 interrupts for a function */

/* Delivery modes of a request. */
enum { FIXED = 0, ARBITRATED = 1, SMI = 2, NMI = 4, INIT = 5, EXT_INT = 7 };

/* IntCtl of a device table entry. */
enum { ABORT = 0, FORWARD = 1, REMAP = 2 };

/* A request as it is looked at. */
struct asked {
	uint64_t raw[2];
	bool indexed_only; /* 11 bits of the data are an index: there is no delivery mode in them */
};

static struct asked read_request(const struct interrupt_request *request, uint64_t control)
{
	struct asked asked = { .raw = { request->address, request->data } };

	asked.indexed_only =
	    amdvi_CONTROL_NUM_INT_REMAP_MODE(control) == MANY && amdvi_msi_DM(asked.raw) != 0;
	return asked;
}

static unsigned delivery_of(const struct asked *asked)
{
	return asked->indexed_only ? FIXED : (unsigned)amdvi_msi_DELIVERY(asked->raw);
}

/* Does the filter let the SMIs of a device through? Without the lock. */
static bool smi_passes(struct amdvi_unit *amdvi, uint64_t control, uint16_t device)
{
	const unsigned filters = 1u << amdvi_EFR_SMIFRC(amdvi->features);
	bool passes = !amdvi_CONTROL_SMIF_EN(control);

	if (passes)
		return true;
	pthread_mutex_lock(&amdvi->unit.lock);
	for (unsigned i = 0; i < filters && !passes; i++) {
		const uint64_t filter = amdvi_register(amdvi, AMDVI_SMI_FILTER, i)->value;

		passes =
		    amdvi_SMI_FILTER_SMI_DV(filter) && amdvi_SMI_FILTER_DEVICE_ID(filter) == device;
	}
	pthread_mutex_unlock(&amdvi->unit.lock);
	return passes;
}

/* Before the device table is asked: true when nothing stands against it. */
static bool begin(struct amdvi_unit *amdvi, const struct interrupt_request *request,
    const struct asked *asked, struct amdvi_remapping *remapping)
{
	return delivery_of(asked) != SMI || smi_passes(amdvi, remapping->control, request->rid);
}

/* Interrupts that no table is for: they pass by their own bits, and with a physical destination alone. */
static enum amdvi_denial by_pass_bits(const struct asked *asked, const uint64_t *dte)
{
	bool passes;

	switch (delivery_of(asked)) {
	case SMI:
		passes = true;
		break;
	case NMI:
		passes = amdvi_dte_NMI_PASS(dte) != 0;
		break;
	case INIT:
		passes = amdvi_dte_INIT_PASS(dte) != 0;
		break;
	case EXT_INT:
		passes = amdvi_dte_EINT_PASS(dte) != 0;
		break;
	default:
		return INT_NOT_PASSED;
	}
	if (!passes)
		return INT_NOT_PASSED;
	return amdvi_msi_DM(asked->raw) ? INT_LOGICAL : ALLOWED;
}

/* Where its entry is. */
static enum amdvi_denial find_entry(const struct asked *asked, struct amdvi_remapping *remapping)
{
	const uint64_t *dte = remapping->device.dte;
	const unsigned length = (unsigned)amdvi_dte_INT_TAB_LEN(dte);
	const unsigned entries = asked->indexed_only ? MANY_ENTRIES : FEW_ENTRIES;

	if (length > LONGEST_TABLE)
		return DTE_INT_LENGTH;
	remapping->index = (uint32_t)asked->raw[1] & (entries - 1);
	if (remapping->index >= 1u << length)
		return INT_INDEX;
	remapping->table = amdvi_device_interrupt_table(&remapping->device);
	remapping->address =
	    remapping->table + remapping->index * (amdvi_wide_entries(remapping) ? UINT64_C(16) : 4);
	remapping->indexed = true;
	return ALLOWED;
}

/* What the device table entry says: forwarded, or by which interrupt entry. */
static enum amdvi_denial by_device(
    const struct amdvi_unit *amdvi, const struct asked *asked, struct amdvi_remapping *remapping)
{
	const uint64_t *dte = remapping->device.dte;

	if (!amdvi_dte_IV(dte))
		return ALLOWED;
	if (amdvi_device_interrupt_reserved(amdvi, &remapping->device))
		return DTE_INT_RESERVED;
	if (delivery_of(asked) > ARBITRATED)
		return by_pass_bits(asked, dte);
	switch (amdvi_dte_INT_CTL(dte)) {
	case ABORT:
		return INT_ABORTED;
	case FORWARD:
		return ALLOWED;
	case REMAP:
		return find_entry(asked, remapping);
	default:
		return DTE_INT_CTL;
	}
}

/* What a good entry makes of the request, when nothing may change. */
static enum amdvi_denial foresee(const struct amdvi_unit *amdvi,
    const struct interrupt_request *request, struct amdvi_remapping *remapping,
    struct iommusim_interrupt *out)
{
	if (amdvi_entry_posts(remapping))
		return amdvi_post_peek(amdvi, remapping, out);
	amdvi_entry_compose(remapping, request, out);
	return ALLOWED;
}

enum amdvi_denial amdvi_remap(struct amdvi_unit *amdvi, const struct interrupt_request *request,
    struct amdvi_remapping *remapping, struct iommusim_interrupt *out)
{
	const uint64_t control = amdvi_control(amdvi);
	const struct asked asked = read_request(request, control);
	enum amdvi_denial denial;

	*remapping = (struct amdvi_remapping){ .control = control };
	if (!amdvi_CONTROL_IOMMU_EN(control))
		return ALLOWED;
	if (!begin(amdvi, request, &asked, remapping))
		return SMI_BLOCKED;
	denial = (enum amdvi_denial)amdvi_device_load(amdvi, request->rid, &remapping->device);
	if (denial != ALLOWED)
		return denial;
	denial = by_device(amdvi, &asked, remapping);
	if (denial != ALLOWED || !remapping->indexed)
		return denial;
	if (!amdvi_entry_read(amdvi, remapping))
		return IRTE_UNREADABLE;
	denial = amdvi_entry_check(amdvi, remapping);
	return denial == ALLOWED ? foresee(amdvi, request, remapping, out) : denial;
}

/* ---- with caches and counters ------------------------------------------------------------------------------ */

static void count(struct amdvi_unit *amdvi, enum amdvi_counted what,
    const struct interrupt_request *request, const struct amdvi_device *device)
{
	const bool has_domain = amdvi_dte_V(device->dte) != 0;
	const struct amdvi_subject subject = {
		.device = request->rid,
		.domain = has_domain ? (uint16_t)amdvi_dte_DOMAIN_ID(device->dte) : 0,
		.has_device = true,
		.has_domain = has_domain,
	};

	amdvi_count(amdvi, what, &subject, 1);
}

/* What an entry says, from memory or cache, is done: a message, or an interrupt for a guest. */
static enum amdvi_denial obey_entry(struct amdvi_unit *amdvi, const struct interrupt_request *request,
    struct amdvi_remapping *remapping, struct iommusim_interrupt *out)
{
	const enum amdvi_denial denial = amdvi_entry_check(amdvi, remapping);

	if (denial != ALLOWED)
		return denial;
	if (amdvi_entry_posts(remapping)) {
		count(amdvi, AMDVI_COUNT_VAPIC_GUEST, request, &remapping->device);
		return amdvi_post(amdvi, remapping, out);
	}
	if (amdvi_wide_entries(remapping))
		count(amdvi, AMDVI_COUNT_VAPIC_OTHER, request, &remapping->device);
	amdvi_entry_compose(remapping, request, out);
	return ALLOWED;
}

/* A contrary cache also fetches the next entry of the table, if that is a good one. */
static void prefetch(
    struct amdvi_unit *amdvi, const struct amdvi_remapping *remapping, uint64_t generation)
{
	struct amdvi_remapping next = *remapping;

	if (!cache_prefetches(&amdvi->unit, &amdvi->interrupt_cache))
		return;
	next.index++;
	next.address += amdvi_wide_entries(remapping) ? 16 : 4;
	if (next.index < 1u << amdvi_dte_INT_TAB_LEN(next.device.dte) &&
	    amdvi_entry_read(amdvi, &next) && amdvi_entry_check(amdvi, &next) == ALLOWED)
		interrupt_cache_keep(&amdvi->unit, &amdvi->interrupt_cache, next.device.id, next.index,
		    next.entry, generation);
}

/* Entries that lead to faults are kept by units alone that say so (NpCache). */
static void fill_cache(struct amdvi_unit *amdvi, const struct amdvi_remapping *remapping,
    enum amdvi_denial denial, uint64_t generation)
{
	const uint32_t header = amdvi->capability_reset[amdvi_CAP_HEADER_at / 4];

	if (denial == ALLOWED || amdvi_CAP_HEADER_NP_CACHE(header))
		interrupt_cache_keep(&amdvi->unit, &amdvi->interrupt_cache, remapping->device.id,
		    remapping->index, remapping->entry, generation);
	prefetch(amdvi, remapping, generation);
}

static bool ask_cache(struct amdvi_unit *amdvi, struct amdvi_remapping *remapping)
{
	return interrupt_cache_find(&amdvi->unit, &amdvi->interrupt_cache, remapping->device.id,
	    remapping->index, remapping->entry);
}

/* The entry that decides: from the cache, or from memory and then into the cache. */
static enum amdvi_denial use_entry(struct amdvi_unit *amdvi, const struct interrupt_request *request,
    struct amdvi_remapping *remapping, uint64_t generation, struct iommusim_interrupt *out)
{
	const bool caching = amdvi->unit.settings.cache != IOMMUSIM_CACHE_NONE &&
	    !amdvi_CONTROL_IRT_CACHE_DIS(remapping->control);
	enum amdvi_denial denial;

	if (caching && ask_cache(amdvi, remapping)) {
		if (amdvi_entry_posts(remapping) && !amdvi_entry_refresh(amdvi, remapping))
			return IRTE_UNREADABLE;
		return obey_entry(amdvi, request, remapping, out);
	}
	if (!amdvi_entry_read(amdvi, remapping))
		return IRTE_UNREADABLE;
	denial = obey_entry(amdvi, request, remapping, out);
	if (caching)
		fill_cache(amdvi, remapping, denial, generation);
	return denial;
}

/* Nobody has looked at the device table for it yet. */
static void count_smi(struct amdvi_unit *amdvi, const struct interrupt_request *request, bool passes)
{
	static const struct amdvi_device nothing;

	count(amdvi, AMDVI_COUNT_SMI_SEEN, request, &nothing);
	if (!passes)
		count(amdvi, AMDVI_COUNT_SMI_BLOCKED, request, &nothing);
}

static enum amdvi_denial handle(struct amdvi_unit *amdvi, const struct interrupt_request *request,
    struct amdvi_remapping *remapping, struct iommusim_interrupt *out)
{
	const uint64_t generation = atomic_load(&amdvi->unit.generation);
	const struct asked asked = read_request(request, remapping->control);
	const bool passes = begin(amdvi, request, &asked, remapping);
	enum amdvi_denial denial;

	if (delivery_of(&asked) == SMI)
		count_smi(amdvi, request, passes);
	if (!passes)
		return SMI_BLOCKED;
	denial = (enum amdvi_denial)amdvi_device_look_up(
	    amdvi, request->rid, generation, &remapping->device);
	if (denial != ALLOWED)
		return denial;
	count(amdvi,
	    remapping->device.cached ? AMDVI_COUNT_INTERRUPT_DTE_HIT : AMDVI_COUNT_INTERRUPT_DTE_MISS,
	    request, &remapping->device);
	denial = by_device(amdvi, &asked, remapping);
	if (denial == ALLOWED && remapping->indexed)
		return use_entry(amdvi, request, remapping, generation, out);
	return denial;
}

void amdvi_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_fault *fault)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);
	struct amdvi_remapping remapping = { .control = amdvi_control(amdvi) };
	struct amdvi_event event;
	enum amdvi_denial denial;
	const char *silencer;

	if (!amdvi_CONTROL_IOMMU_EN(remapping.control))
		return;
	denial = handle(amdvi, request, &remapping, out);
	if (denial == ALLOWED)
		return;
	event = amdvi_interrupt_event(request, &remapping, denial);
	silencer = amdvi_interrupt_silencer(&remapping, denial);
	amdvi_event_report(amdvi, &event, silencer != NULL, fault);
	fault->suppressor = silencer;
	amdvi_interrupt_refine(fault, denial);
}
