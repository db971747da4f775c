/*
 * The invalidation queue: fetching descriptors, carrying them out, and stopping on a bad one
 * (VT-d 6.5.2). What an invalidation takes out of a cache stands in invalidate.c.
 */
#include "models/vtd/invalidate.h"

#include "machine/memory_access.h"
#include "machine/sized_range.h"
#include "models/vtd/command.h"
#include "models/vtd/event.h"
#include "models/vtd/fault.h"
#include "models/vtd/page_request.h"
#include "models/vtd/performance.h"

enum queue_error {
	QUEUE_OK = 0,
#define Q(code, name, meaning) QUEUE_##name = code,
#include "models/vtd/spec/queue_errors.def"
#undef Q
	/* No errors of the descriptor: the head goes over it (VT-d 6.5.2.11). */
	QUEUE_TIME_OUT = 0x100, /* a device does not answer */
	QUEUE_FENCED            /* it would be waited for before anything else is fetched */
};

#define DESCRIPTOR_UNIT 16u /* QH and QT count in these */

void vtd_queue_enable(struct vtd_unit *vtd, bool enable)
{
	const bool was_on = vtd_GSTS_QIES(atomic_load(&vtd->status)) != 0;

	if (enable == was_on)
		return;
	if (enable) {
		atomic_fetch_or(&vtd->status, (uint32_t)vtd_GSTS_QIES_bits(1));
		vtd_queue_run(vtd); /* a tail that is not 0 is work (VT-d 6.5.2) */
	} else {
		atomic_fetch_and(&vtd->status, (uint32_t)~vtd_GSTS_QIES_bits(1));
		pthread_mutex_lock(&vtd->unit.lock);
		vtd->registers[VTD_IQH].value = 0;
		pthread_mutex_unlock(&vtd->unit.lock);
	}
}

static uint64_t queue_bytes(const struct vtd_unit *vtd)
{
	return IOMMUSIM_PAGE_SIZE << vtd_IQA_QS(vtd->registers[VTD_IQA].value);
}

static unsigned descriptor_bytes(const struct vtd_unit *vtd)
{
	return vtd_IQA_DW(vtd->registers[VTD_IQA].value) ? 32 : 16;
}

static uint64_t head_offset(const struct vtd_unit *vtd)
{
	return vtd_IQH_QH(vtd->registers[VTD_IQH].value) * DESCRIPTOR_UNIT;
}

static uint64_t tail_offset(const struct vtd_unit *vtd)
{
	return vtd_IQT_QT(vtd->registers[VTD_IQT].value) * DESCRIPTOR_UNIT;
}

static void do_context(struct vtd_unit *vtd, const uint64_t *raw)
{
	const struct vtd_invalidation what = {
		.granularity = (unsigned)vtd_inv_context_G(raw),
		.domain = (uint32_t)vtd_inv_context_DID(raw),
		.source = (uint16_t)vtd_inv_context_SID(raw),
		.function_mask = (unsigned)vtd_inv_context_FM(raw),
	};

	vtd_invalidate_context(vtd, &what);
}

static void do_iotlb(struct vtd_unit *vtd, const uint64_t *raw)
{
	const struct vtd_invalidation what = {
		.granularity = (unsigned)vtd_inv_iotlb_G(raw),
		.domain = (uint32_t)vtd_inv_iotlb_DID(raw),
		.address = vtd_inv_iotlb_ADDR(raw) << IOMMUSIM_PAGE_SHIFT,
		.address_mask = (unsigned)vtd_inv_iotlb_AM(raw),
		.leaf_only = vtd_inv_iotlb_IH(raw) != 0,
	};

	vtd_invalidate_iotlb(vtd, &what);
}

static void do_pasid_cache(struct vtd_unit *vtd, const uint64_t *raw)
{
	const struct vtd_invalidation what = {
		.granularity = (unsigned)vtd_inv_pasid_cache_G(raw),
		.domain = (uint32_t)vtd_inv_pasid_cache_DID(raw),
		.pasid = (uint32_t)vtd_inv_pasid_cache_PASID(raw),
	};

	vtd_invalidate_pasid_cache(vtd, &what);
}

static void do_pasid_iotlb(struct vtd_unit *vtd, const uint64_t *raw)
{
	const struct vtd_invalidation what = {
		.granularity = (unsigned)vtd_inv_pasid_iotlb_G(raw),
		.domain = (uint32_t)vtd_inv_pasid_iotlb_DID(raw),
		.pasid = (uint32_t)vtd_inv_pasid_iotlb_PASID(raw),
		.address = vtd_inv_pasid_iotlb_ADDR(raw) << IOMMUSIM_PAGE_SHIFT,
		.address_mask = (unsigned)vtd_inv_pasid_iotlb_AM(raw),
		.leaf_only = vtd_inv_pasid_iotlb_IH(raw) != 0,
	};

	vtd_invalidate_pasid_iotlb(vtd, &what);
}

/* The hint names the highest of the levels whose entries are dropped (VT-d 6.5.2.7). */
static void do_host_permissions(struct vtd_unit *vtd, const uint64_t *raw)
{
	const struct vtd_invalidation what = {
		.granularity = (unsigned)vtd_inv_hpt_G(raw),
		.domain = (uint32_t)vtd_inv_hpt_HPTDID(raw),
		.address = vtd_inv_hpt_ADDR(raw) << IOMMUSIM_PAGE_SHIFT,
		.address_mask = (unsigned)vtd_inv_hpt_AM(raw),
		.levels = (uint8_t)SPEC_MASK(vtd_inv_hpt_IH(raw) + 1, 1),
	};

	vtd_invalidate_host_permissions(vtd, &what);
}

/* The index mask says how many low bits of the index are not compared (VT-d 6.5.2.8, Table 25). */
static void do_interrupt_entries(struct vtd_unit *vtd, const uint64_t *raw)
{
	vtd_invalidate_interrupts(vtd, vtd_inv_iec_G(raw) != 0, (unsigned)vtd_inv_iec_IIDX(raw),
	    (unsigned)vtd_inv_iec_IM(raw));
}

/* One field of IQERCD. Lock held. */
static void set_error_record(struct vtd_unit *vtd, uint64_t field, uint64_t value)
{
	struct register_cell *record = &vtd->registers[VTD_IQERCD];

	record->value = (record->value & ~field) | value;
}

static struct requester_invalidation device_range(uint64_t page_number, bool sized)
{
	const struct sized_range range = sized_range(page_number, sized);

	return (struct requester_invalidation){ .first = range.first, .last = range.last };
}

/* A device answers at once, or not at all. */
static enum queue_error ask_device(
    struct vtd_unit *vtd, uint16_t source, const struct requester_invalidation *what)
{
	if (vtd->unit.settings.drop_invalidations)
		return QUEUE_OK;
	if (requester_invalidate(vtd->unit.machine, vtd->unit.segment, source, what))
		return QUEUE_OK;
	pthread_mutex_lock(&vtd->unit.lock);
	set_error_record(vtd, vtd_IQERCD_ITESID_bits(UINT64_MAX), vtd_IQERCD_ITESID_bits(source));
	pthread_mutex_unlock(&vtd->unit.lock);
	return QUEUE_TIME_OUT;
}

static enum queue_error do_device_tlb(struct vtd_unit *vtd, const uint64_t *raw)
{
	const struct requester_invalidation what =
	    device_range(vtd_inv_devtlb_ADDR(raw), vtd_inv_devtlb_S(raw) != 0);

	return ask_device(vtd, (uint16_t)vtd_inv_devtlb_SID(raw), &what);
}

static enum queue_error do_pasid_device_tlb(struct vtd_unit *vtd, const uint64_t *raw)
{
	struct requester_invalidation what =
	    device_range(vtd_inv_pasid_devtlb_ADDR(raw), vtd_inv_pasid_devtlb_S(raw) != 0);

	what.has_pasid = true;
	what.all_pasids = vtd_inv_pasid_devtlb_GI(raw) != 0;
	what.pasid = (uint32_t)vtd_inv_pasid_devtlb_PASID(raw);
	return ask_device(vtd, (uint16_t)vtd_inv_pasid_devtlb_SID(raw), &what);
}

/* Status write before interrupt, both after everything earlier has ended (VT-d 6.5.2.9). */
static void do_wait(struct vtd_unit *vtd, const uint64_t *raw)
{
	const uint64_t address =
	    (vtd_inv_wait_STADDR(raw) << 2) & SPEC_MASK(vtd->spec.host_address_width - 1, 0);
	const uint32_t data = (uint32_t)vtd_inv_wait_STDATA(raw);
	struct register_cell *completion = &vtd->registers[VTD_ICS];

	unit_settle(&vtd->unit);
	/* Page requests that are on their way get into their queue first (VT-d 7.7). */
	if (vtd_inv_wait_PD(raw))
		requester_quiesce(vtd->unit.machine);
	if (vtd_inv_wait_SW(raw))
		memory_device_write(&vtd->unit.machine->memory, address, &data, sizeof(data));
	if (!vtd_inv_wait_IF(raw))
		return;
	pthread_mutex_lock(&vtd->unit.lock);
	if (!vtd_ICS_IWC(completion->value)) {
		completion->value |= vtd_ICS_IWC_bits(1);
		vtd_event_raise(vtd, VTD_EVENT_INVALIDATION);
	}
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* AM beyond MAMV, IM beyond MHMV: no code is given for them (undetermined); errors all the same. */
static bool mask_too_large(const struct vtd_unit *vtd, unsigned type, const uint64_t *raw)
{
	if (type == VTD_DESCRIPTOR_IOTLB)
		return vtd_inv_iotlb_G(raw) == 3 &&
		    vtd_inv_iotlb_AM(raw) > vtd_CAP_MAMV(vtd->capability);
	/* A global invalidation does not look at it. */
	return type == VTD_DESCRIPTOR_INTERRUPT && vtd_inv_iec_G(raw) != 0 &&
	    vtd_inv_iec_IM(raw) > vtd_ECAP_MHMV(vtd->ext_capability);
}

/* Granularities there are, as bits, and of them what this unit has (VT-d 6.5.2.1 to 6.5.2.7). */
static bool granularity_exists(const struct vtd_unit *vtd, unsigned type, const uint64_t *raw)
{
	switch (type) {
	case VTD_DESCRIPTOR_CONTEXT:
		return vtd_inv_context_G(raw) != 0;
	case VTD_DESCRIPTOR_IOTLB:
		return vtd_inv_iotlb_G(raw) != 0 &&
		    (vtd_inv_iotlb_G(raw) != 3 || vtd_CAP_PSI(vtd->capability));
	case VTD_DESCRIPTOR_PASID_IOTLB:
		return vtd_inv_pasid_iotlb_G(raw) >= 2;
	case VTD_DESCRIPTOR_PASID_CACHE:
		return vtd_inv_pasid_cache_G(raw) != 2;
	case VTD_DESCRIPTOR_HPT:
		return vtd_inv_hpt_G(raw) != 0;
	default:
		return true;
	}
}

/* Does the unit take this type in this table mode (VT-d Table 26)? */
static bool type_exists(const struct vtd_unit *vtd, unsigned type)
{
	const bool legacy = vtd_RTADDR_TTM(atomic_load(&vtd->root)) == 0;

	switch (type) {
	case VTD_DESCRIPTOR_CONTEXT:
	case VTD_DESCRIPTOR_IOTLB:
	case VTD_DESCRIPTOR_WAIT:
		return true;
	case VTD_DESCRIPTOR_INTERRUPT:
		return vtd_ECAP_IR(vtd->ext_capability) != 0;
	case VTD_DESCRIPTOR_DEVICE_TLB:
		return vtd_ECAP_DT(vtd->ext_capability) != 0;
	case VTD_DESCRIPTOR_PASID_IOTLB:
	case VTD_DESCRIPTOR_PASID_CACHE:
		return !legacy;
	case VTD_DESCRIPTOR_PASID_DEVICE_TLB:
		return !legacy && vtd_ECAP_DT(vtd->ext_capability);
	case VTD_DESCRIPTOR_PAGE_RESPONSE:
		return !legacy && vtd_ECAP_PRS(vtd->ext_capability);
	case VTD_DESCRIPTOR_HPT:
		return !legacy && vtd_ECAP_HPTS(vtd->ext_capability);
	default:
		return false;
	}
}

static enum queue_error carry_out(struct vtd_unit *vtd, unsigned type, const uint64_t *raw)
{
	switch (type) {
	case VTD_DESCRIPTOR_CONTEXT:
		do_context(vtd, raw);
		break;
	case VTD_DESCRIPTOR_IOTLB:
		do_iotlb(vtd, raw);
		break;
	case VTD_DESCRIPTOR_DEVICE_TLB:
		return do_device_tlb(vtd, raw);
	case VTD_DESCRIPTOR_INTERRUPT:
		do_interrupt_entries(vtd, raw);
		break;
	case VTD_DESCRIPTOR_WAIT:
		do_wait(vtd, raw);
		break;
	case VTD_DESCRIPTOR_PASID_IOTLB:
		do_pasid_iotlb(vtd, raw);
		break;
	case VTD_DESCRIPTOR_PASID_CACHE:
		do_pasid_cache(vtd, raw);
		break;
	case VTD_DESCRIPTOR_PAGE_RESPONSE:
		vtd_respond_page(vtd, raw);
		break;
	case VTD_DESCRIPTOR_HPT:
		do_host_permissions(vtd, raw);
		break;
	default:
		return do_pasid_device_tlb(vtd, raw);
	}
	return QUEUE_OK;
}

/*
 * `raw` has 256 bits: above a 128-bit descriptor there are zeroes. While a device is overdue nothing behind
 * is sure to be carried out, and no wait is (VT-d 6.5.2.11, 6.5.2.12): nothing is.
 */
static enum queue_error execute(struct vtd_unit *vtd, const uint64_t *raw, bool overdue)
{
	const unsigned type = (unsigned)(vtd_inv_header_TYPE_HIGH(raw) << 4 | vtd_inv_header_TYPE(raw));

	if (!type_exists(vtd, type))
		return QUEUE_TYPE;
	for (unsigned quad = 0; quad < 4; quad++)
		if ((raw[quad] & vtd->descriptor_reserved[type][quad]) != 0)
			return QUEUE_RESERVED;
	if (!granularity_exists(vtd, type, raw) || mask_too_large(vtd, type, raw))
		return QUEUE_RESERVED;
	if (!overdue)
		return carry_out(vtd, type, raw);
	return type == VTD_DESCRIPTOR_WAIT && vtd_inv_wait_FN(raw) ? QUEUE_FENCED : QUEUE_OK;
}

static enum queue_error check_queue(const struct vtd_unit *vtd)
{
	const unsigned mode = (unsigned)vtd_RTADDR_TTM(atomic_load(&vtd->root));
	const bool wide = descriptor_bytes(vtd) == 32;

	if (mode == 2)
		return QUEUE_TABLE_MODE;
	/* Only legacy mode has narrow descriptors, and only units with another mode have wide ones. */
	if (wide ? !vtd_ECAP_SMTS(vtd->ext_capability) && !vtd_ECAP_ADMS(vtd->ext_capability)
		 : mode != 0)
		return QUEUE_WIDTH;
	/* The head goes astray when software changes IQA under a running queue: it would never meet the tail. */
	if (tail_offset(vtd) >= queue_bytes(vtd) || head_offset(vtd) >= queue_bytes(vtd))
		return QUEUE_TAIL_INVALID;
	if ((tail_offset(vtd) | head_offset(vtd)) % descriptor_bytes(vtd) != 0)
		return QUEUE_TAIL_MISALIGNED;
	return QUEUE_OK;
}

/* The head moves when a descriptor has been fetched and found good, whatever becomes of it. */
static enum queue_error run_one(struct vtd_unit *vtd, bool overdue)
{
	const uint64_t base = vtd_IQA_IQA(vtd->registers[VTD_IQA].value) << IOMMUSIM_PAGE_SHIFT;
	const uint64_t head = head_offset(vtd);
	const unsigned width = descriptor_bytes(vtd);
	uint64_t raw[4] = { 0, 0, 0, 0 };
	enum queue_error error;

	if (base >> vtd->spec.host_address_width != 0)
		return QUEUE_FETCH;
	for (unsigned quad = 0; quad < width / 8; quad++)
		if (!memory_load64(
			&vtd->unit.machine->memory, base + head + quad * UINT64_C(8), true, &raw[quad]))
			return QUEUE_FETCH;
	vtd_performance_count(vtd, VTD_PERFORMANCE_IOMMU_MRDS, NULL);
	error = execute(vtd, raw, overdue);
	if (error != QUEUE_OK && error < QUEUE_TIME_OUT)
		return error;
	vtd->registers[VTD_IQH].value =
	    vtd_IQH_QH_bits((head + width) % queue_bytes(vtd) / DESCRIPTOR_UNIT);
	return error;
}

/* Faults of DMA threads write FSTS too, hence the lock. */
static bool stopped(struct vtd_unit *vtd)
{
	uint64_t status;

	pthread_mutex_lock(&vtd->unit.lock);
	status = vtd->registers[VTD_FSTS].value;
	pthread_mutex_unlock(&vtd->unit.lock);
	return (status & (vtd_FSTS_IQE_bits(1) | vtd_FSTS_ITE_bits(1))) != 0;
}

/* The head stays where it is; software clears IQE and the unit goes on from there. */
static void stop(struct vtd_unit *vtd, enum queue_error error)
{
	pthread_mutex_lock(&vtd->unit.lock);
	set_error_record(vtd, vtd_IQERCD_IQEI_bits(UINT64_MAX), vtd_IQERCD_IQEI_bits(error));
	vtd_fault_status_set(vtd, vtd_FSTS_IQE_bits(1));
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* Nothing more is fetched until software clears ITE. */
static void time_out(struct vtd_unit *vtd)
{
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_fault_status_set(vtd, vtd_FSTS_ITE_bits(1));
	pthread_mutex_unlock(&vtd->unit.lock);
}

bool vtd_stray_completion(struct iommusim_unit *unit, uint16_t rid)
{
	struct vtd_unit *vtd = vtd_of(unit);

	if (!vtd_ECAP_DT(vtd->ext_capability) || !vtd_GSTS_TES(atomic_load(&vtd->status)))
		return false;
	pthread_mutex_lock(&unit->lock);
	if (!vtd_FSTS_ICE(vtd->registers[VTD_FSTS].value)) /* the first one stays (VT-d 11.4.9.9) */
		set_error_record(vtd, vtd_IQERCD_ICESID_bits(UINT64_MAX), vtd_IQERCD_ICESID_bits(rid));
	vtd_fault_status_set(vtd, vtd_FSTS_ICE_bits(1));
	pthread_mutex_unlock(&unit->lock);
	return true;
}

/* A time-out takes so long that everything there is gets fetched before, but for what a fence holds back. */
static void run_queue(void *context)
{
	struct vtd_unit *vtd = context;
	bool overdue = false;

	while (vtd_GSTS_QIES(atomic_load(&vtd->status)) && !stopped(vtd) &&
	    head_offset(vtd) != tail_offset(vtd)) {
		enum queue_error error = check_queue(vtd);

		if (error == QUEUE_OK)
			error = run_one(vtd, overdue);
		if (error == QUEUE_FENCED)
			break;
		if (error == QUEUE_TIME_OUT)
			overdue = true;
		else if (error != QUEUE_OK)
			stop(vtd, error);
	}
	if (overdue)
		time_out(vtd);
	unit_settle(&vtd->unit);
}

void vtd_queue_run(struct vtd_unit *vtd)
{
	/*
	 * Only work takes time: a look at an empty queue would cut short what comes meanwhile. And while
	 * it is stopped, new tails fetch nothing, not even later (VT-d 6.5.2.11).
	 */
	if (vtd_GSTS_QIES(atomic_load(&vtd->status)) && !stopped(vtd) &&
	    head_offset(vtd) != tail_offset(vtd))
		unit_after_latency(&vtd->unit, run_queue);
}
