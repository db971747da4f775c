/* What a VT-d unit is asked to forget: by CCMD and the IOTLB register, and by descriptors when the tail moves. */
#include "check/count.h"
#include "machine/memory_access.h"
#include "models/vtd/spec/vtd.h"

/* Descriptors by their types (VT-d 6.5.2). */
enum {
	DESCRIPTOR_CONTEXT = 1,
	DESCRIPTOR_IOTLB,
	DESCRIPTOR_DEVICE_TLB,
	DESCRIPTOR_INTERRUPT,
	DESCRIPTOR_WAIT,
	DESCRIPTOR_PASID_IOTLB,
	DESCRIPTOR_PASID_CACHE,
	DESCRIPTOR_PASID_DEVICE_TLB
};

/* Granularity codes: 1 global, 2 domain (with a PASID: all of it), 3 device or pages; 0 is none. */
static enum iommusim_invalidation of_translations(uint64_t granularity)
{
	static const enum iommusim_invalidation kinds[] = { IOMMUSIM_INVALIDATE_OTHER,
		IOMMUSIM_INVALIDATE_ALL, IOMMUSIM_INVALIDATE_DOMAIN, IOMMUSIM_INVALIDATE_PAGES };

	return kinds[granularity & 3];
}

static enum iommusim_invalidation of_devices(uint64_t granularity)
{
	static const enum iommusim_invalidation kinds[] = { IOMMUSIM_INVALIDATE_OTHER,
		IOMMUSIM_INVALIDATE_ALL_DEVICES, IOMMUSIM_INVALIDATE_DOMAIN_DEVICES,
		IOMMUSIM_INVALIDATE_DEVICE };

	return kinds[granularity & 3];
}

static enum iommusim_invalidation kind_of(const uint64_t *descriptor)
{
	switch (vtd_inv_header_TYPE_HIGH(descriptor) << 4 | vtd_inv_header_TYPE(descriptor)) {
	case DESCRIPTOR_CONTEXT:
		return of_devices(vtd_inv_context_G(descriptor));
	case DESCRIPTOR_IOTLB:
		return of_translations(vtd_inv_iotlb_G(descriptor));
	case DESCRIPTOR_PASID_IOTLB:
		return vtd_inv_pasid_iotlb_G(descriptor) == 3 ? IOMMUSIM_INVALIDATE_PAGES
							      : IOMMUSIM_INVALIDATE_PASID;
	case DESCRIPTOR_PASID_CACHE:
		return IOMMUSIM_INVALIDATE_PASIDS;
	case DESCRIPTOR_DEVICE_TLB:
	case DESCRIPTOR_PASID_DEVICE_TLB:
		return IOMMUSIM_INVALIDATE_DEVICE_TLB;
	case DESCRIPTOR_INTERRUPT:
		return IOMMUSIM_INVALIDATE_INTERRUPTS;
	case DESCRIPTOR_WAIT:
		return IOMMUSIM_INVALIDATE_WAIT;
	default:
		return IOMMUSIM_INVALIDATE_OTHER;
	}
}

/* Descriptors between the old tail and the new one. Their first 128 bits tell what they are. */
static void count_descriptors(
    struct iommusim_counter *counter, struct iommusim_unit *unit, uint64_t value)
{
	const uint64_t queue = count_peek(unit, vtd_IQA_at, 8);
	const uint64_t base = vtd_IQA_IQA(queue) << IOMMUSIM_PAGE_SHIFT;
	const uint64_t size = IOMMUSIM_PAGE_SIZE << vtd_IQA_QS(queue);
	const uint64_t bytes = vtd_IQA_DW(queue) ? 32 : 16;
	uint64_t at = vtd_IQT_QT(count_peek(unit, vtd_IQT_at, 8)) << 4 & (size - bytes);
	const uint64_t end = vtd_IQT_QT(value) << 4 & (size - bytes);

	if (!vtd_GSTS_QIES(count_peek(unit, vtd_GSTS_at, 4)))
		return;
	for (; at != end; at = (at + bytes) & (size - 1)) {
		uint64_t descriptor[4] = { 0, 0, 0, 0 };

		if (!memory_load128(&counter->machine->memory, base + at, true, descriptor))
			return; /* the queue is not in memory */
		count_invalidation(counter, kind_of(descriptor));
	}
}

/* The half of a 64-bit register that holds its command bit, as it stands in the whole; 0: not written. */
static uint64_t upper_half(uint64_t offset, unsigned width, uint64_t value, uint64_t at)
{
	if (width == 8)
		return offset == at ? value : 0;
	return offset == at + 4 ? value << 32 : 0;
}

void count_vtd_write(struct iommusim_counter *counter, struct iommusim_unit *unit, uint64_t offset,
    unsigned width, uint64_t value)
{
	const uint64_t iotlb = vtd_ECAP_IRO(count_peek(unit, vtd_ECAP_at, 8)) * 16 + vtd_IOTLB_at;
	uint64_t command = upper_half(offset, width, value, vtd_CCMD_at);

	if (vtd_CCMD_ICC(command))
		count_invalidation(counter, of_devices(vtd_CCMD_CIRG(command)));
	command = upper_half(offset, width, value, iotlb);
	if (vtd_IOTLB_IVT(command))
		count_invalidation(counter, of_translations(vtd_IOTLB_IIRG(command)));
	if (offset == vtd_IQT_at)
		count_descriptors(counter, unit, value);
}
