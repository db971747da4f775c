/* Requests with PASIDs, privilege, execution and address types, as the input has them. */
#include "fuzz/fuzz.h"

/* Canonical addresses of the upper half are written with the highest bit that is translated. */
static uint64_t extend(uint64_t address, unsigned width)
{
	const uint64_t above = ~(BIT(width) - 1);

	return (address >> (width - 1) & 1) != 0 ? address | above : address & ~above;
}

static uint32_t draw_pasid(struct fz *fz, unsigned which)
{
	static const uint32_t values[] = { 1, 2, 3, 0, 4, 64, 0x2000 };

	return which == 7 ? fz_u32(fz) & 0xfffff : values[which];
}

void fz_draw_scalable(struct fz *fz, struct fz_request *request)
{
	static const uint16_t lengths[] = { 8, 4, 4, 8, 1, 16, 4096, 12288 };
	const unsigned what = fz_u8(fz), how = fz_u8(fz), more = fz_u8(fz);

	request->device = fz->requester[what % FZ_REQUESTERS];
	request->dma = (struct iommusim_dma_request){
		.kind = (enum iommusim_dma_kind)((what >> 2 & 3) % 3),
		.length = lengths[how & 7],
		.address_type = (how & 0x10) == 0 ? IOMMUSIM_DMA_UNTRANSLATED
		    : (how & 8) == 0              ? IOMMUSIM_DMA_TRANSLATION_REQUEST
						  : IOMMUSIM_DMA_TRANSLATED,
		.no_write = (more & 8) != 0,
		.has_pasid = (how & 0x20) != 0,
		.privileged = (how & 0x40) != 0,
		.execute = (more & 0x90) == 0x90,
		.tag = what,
	};
	if (request->dma.address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST && (how & 0x80) == 0)
		request->dma.kind = IOMMUSIM_DMA_READ; /* there is no other that is answered */
	if ((what & 0x20) != 0 && request->dma.kind == IOMMUSIM_DMA_READ)
		request->dma.length = 0;
	request->dma.pasid = draw_pasid(fz, more & 7);
	request->dma.address = fz_draw_address(fz);
	if ((more & 0x20) != 0)
		request->dma.address = extend(request->dma.address, (more & 0x40) != 0 ? 57 : 48);
	fz_draw_data(fz, request, (what & 0x10) != 0);
}

void fz_scalable_dma(struct fz *fz)
{
	struct fz_request request;

	fz_draw_scalable(fz, &request);
	fz_perform(fz, &request, false);
}

void fz_op_scalable_flush_compare(struct fz *fz)
{
	struct fz_request request;
	const bool flushed = fz_invalidate_all(fz);

	fz_draw_scalable(fz, &request);
	fz_perform(fz, &request, flushed);
}
