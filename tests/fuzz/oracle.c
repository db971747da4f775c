/*
 * Legacy translation and interrupt remapping as the specification words them, in one piece and slowly,
 * for comparison with the model. It shares nothing with the model, and has no caches and no settings but
 * the choices the specification leaves open.
 */
#include "fuzz/fuzz.h"

static bool has(uint64_t capabilities, uint64_t bit)
{
	return (capabilities & bit) != 0;
}

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return value >> low & (~UINT64_C(0) >> (63 - (high - low)));
}

/* No memory there: false. */
static bool fetch(const struct fz *fz, uint64_t address, uint64_t *value)
{
	return iommusim_memory_read(fz->machine, address, value, sizeof(*value)) == IOMMUSIM_OK;
}

/* Bits of an address field that ends at bit 63 (or 51 in paging entries) beyond the host address width. */
static uint64_t beyond_width(const struct fz *fz, unsigned last)
{
	const unsigned haw = fz->config.host_address_width;

	return haw > last ? 0 : bits(~UINT64_C(0), last, haw) << haw;
}

static bool interrupt_range(uint64_t address)
{
	return address >= 0xfee00000 && address <= 0xfeefffff;
}

static bool deny(struct fz_answer *answer, unsigned reason)
{
	answer->faulted = true;
	answer->reason = reason;
	return false;
}

/* VT-d 9.1, 9.3 and their faults. True: `context` is good so far. */
static bool read_context(
    const struct fz *fz, uint16_t rid, uint64_t context[2], struct fz_answer *answer)
{
	const uint64_t root_at = (fz->root & ~UINT64_C(0xfff)) + (rid >> 8) * UINT64_C(16);
	const unsigned domain_bits = 4 + 2 * (unsigned)bits(fz->config.capability, 2, 0);
	uint64_t root[2], at, reserved;

	if (!fetch(fz, root_at, &root[0]) || !fetch(fz, root_at + 8, &root[1]))
		return deny(answer, 0x8);
	if (!has(root[0], BIT(0)))
		return deny(answer, 0x1);
	if ((root[0] & (0xffe | beyond_width(fz, 63))) != 0 || root[1] != 0)
		return deny(answer, 0xa);
	at = (root[0] & ~UINT64_C(0xfff)) + (rid & 0xff) * UINT64_C(16);
	if (!fetch(fz, at, &context[0]) || !fetch(fz, at + 8, &context[1]))
		return deny(answer, 0x9);
	answer->fault_disable = has(context[0], BIT(1));
	if (!has(context[0], BIT(0)))
		return deny(answer, 0x2);
	reserved = beyond_width(fz, 63);
	if (bits(context[0], 3, 2) == 2 && has(fz->config.ext_capability, ECAP_PT))
		reserved = 0; /* pass-through: the pointer is ignored */
	reserved |= 0xff0;
	if ((context[0] & reserved) != 0 || (context[1] & UINT64_C(0xffffffffff000080)) != 0 ||
	    bits(context[1], 23, 8) >> domain_bits != 0)
		return deny(answer, 0xb);
	answer->domain = bits(context[1], 23, 8);
	return true;
}

/* VT-d 9.3: translation type and address width, against what the unit has. */
static bool check_context(
    const struct fz *fz, const uint64_t *context, bool untranslated, struct fz_answer *answer)
{
	const unsigned type = (unsigned)bits(context[0], 3, 2),
		       width = (unsigned)bits(context[1], 2, 0);
	const bool narrow = fz->config.revision != 0 && fz->config.revision < 0x300;
	const uint64_t widths = bits(fz->config.capability, 12, 8) & (narrow ? 0xf : 0xe);
	const uint64_t ecap = fz->config.ext_capability;

	if (type == 3 || (type == 1 && !has(ecap, ECAP_DT)) || (type == 2 && !has(ecap, ECAP_PT)))
		return deny(answer, 0x3);
	if (!untranslated && type != 1)
		return deny(answer, 0xd);
	if ((widths >> width & 1) == 0)
		return deny(answer, 0x3);
	if (type == 2 && fz->config.choices.pass_through_widest && widths >> width != 1)
		return deny(answer, 0x3);
	return true;
}

/* VT-d 9.8: the reserved bits of a present entry. */
static uint64_t paging_reserved(const struct fz *fz, unsigned level, bool leaf)
{
	const unsigned revision = fz->config.revision == 0 ? 0xffff : fz->config.revision;
	const bool transient = leaf && revision < 0x302 && has(fz->config.ext_capability, ECAP_DT);
	uint64_t reserved = beyond_width(fz, 51);

	if (!transient)
		reserved |= BIT(62);
	if (!leaf || !has(fz->config.ext_capability, ECAP_SC))
		reserved |= BIT(11);
	if (level >= 4)
		reserved |= BIT(7);
	if (leaf && level == 2)
		reserved |= bits(~UINT64_C(0), 20, 12) << 12;
	if (leaf && level == 3)
		reserved |= bits(~UINT64_C(0), 29, 12) << 12;
	if (leaf && level > 1 && !has(fz->config.capability, BIT(32 + level))) /* SSLPS */
		reserved |= BIT(7);
	return reserved;
}

static void judge_rights(const struct fz *fz, const struct iommusim_dma_request *request,
    uint64_t rights, struct fz_answer *answer)
{
	const uint64_t needed = request->kind == IOMMUSIM_DMA_READ ? 1
	    : request->kind == IOMMUSIM_DMA_WRITE                  ? 2
								   : 3;

	if ((rights & needed) == needed)
		return;
	if (needed == 1 && request->length == 0 && has(rights, 2) &&
	    has(fz->config.capability, CAP_ZLR))
		return;
	deny(answer, (needed & ~rights & 2) != 0 ? 0x5 : 0x6);
}

/* VT-d 3.7: from the context's table down to a leaf. */
static bool walk(const struct fz *fz, const uint64_t *context,
    const struct iommusim_dma_request *request, struct fz_answer *answer)
{
	const unsigned levels = (unsigned)bits(context[1], 2, 0) + 2;
	const unsigned not_there = request->kind == IOMMUSIM_DMA_READ ? 0x6 : 0x5;
	uint64_t table = context[0] & ~UINT64_C(0xfff), rights = 3;

	for (unsigned level = levels;; level--) {
		const unsigned shift = 12 + 9 * (level - 1);
		uint64_t entry;
		bool leaf;

		if (!fetch(fz, table + bits(request->address, shift + 8, shift) * 8, &entry))
			return deny(answer, level == levels ? 0x3 : 0x7);
		rights &= entry;
		if (rights == 0)
			return deny(answer, not_there);
		/* A translation request asks for whatever rights there are (VT-d 4.2.3). */
		if (fz->config.choices.rights_at_each_level &&
		    request->address_type != IOMMUSIM_DMA_TRANSLATION_REQUEST) {
			judge_rights(fz, request, rights, answer);
			if (answer->faulted)
				return false;
		}
		leaf = level == 1 || (level <= 3 && has(entry, BIT(7)));
		if ((entry & paging_reserved(fz, level, leaf)) != 0)
			return deny(answer, 0xc);
		table = entry & UINT64_C(0xffffffffff000);
		if (!leaf)
			continue;
		answer->shift = shift;
		answer->physical = (table >> shift << shift) | bits(request->address, shift - 1, 0);
		answer->granted = (unsigned)rights;
		judge_rights(fz, request, rights, answer);
		return !answer->faulted;
	}
}

static void as_it_is(const struct fz *fz, uint64_t address, struct fz_answer *answer)
{
	answer->physical = address;
	answer->shift = 12;
	if (address >> fz->config.host_address_width != 0)
		deny(answer, 0x4);
	else if (interrupt_range(address))
		deny(answer, 0xe);
}

static bool check_mode(const struct fz *fz, bool has_pasid, struct fz_answer *answer)
{
	const unsigned mode = (unsigned)bits(fz->root, 11, 10);

	if (mode == 3 && has(fz->config.ext_capability, ECAP_ADMS))
		return deny(answer, 0x33);
	if (mode != 0)
		return deny(answer, 0x30);
	if (has_pasid)
		return deny(answer, 0x31);
	if (has(fz->config.ext_capability, ECAP_SSIRW) && has(fz->root, BIT(7)))
		return deny(answer, 0x30);
	return true;
}

/*
 * Translation requests of legacy mode (VT-d 4.2.3, Table 30): an address that is too wide, or lacks rights,
 * is answered with the rights there are, and nothing is reported; everything else is a fault as of others.
 */
static void answer_translation(struct fz_answer *answer)
{
	const unsigned reason = answer->reason;

	answer->answered = !answer->faulted || reason == 0x4 || reason == 0x5 || reason == 0x6;
	if (!answer->answered) {
		answer->granted = 0;
		return;
	}
	answer->faulted = false;
	answer->reason = 0;
}

/*
 * VT-d 3.15: a request that is let through goes by its own address; a translation request that came to a
 * page is told of all of it, whatever may be done there.
 */
static bool leads_to_interrupts(
    const struct iommusim_dma_request *request, bool allowed, const struct fz_answer *answer)
{
	const uint64_t size = UINT64_C(1) << answer->shift;
	const uint64_t first = answer->physical / size * size;

	if (request->address_type != IOMMUSIM_DMA_TRANSLATION_REQUEST)
		return allowed && interrupt_range(answer->physical);
	return answer->shift != 0 && first <= 0xfeefffff && first + size - 1 >= 0xfee00000;
}

/* What the tables say of a request that reaches them. */
static void translate(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    struct fz_answer *answer)
{
	const bool untranslated = request->address_type == IOMMUSIM_DMA_UNTRANSLATED;
	const unsigned limit = (unsigned)bits(fz->config.capability, 21, 16) + 1;
	uint64_t context[2];
	unsigned width;

	if (!check_mode(fz, request->has_pasid, answer) || !read_context(fz, rid, context, answer) ||
	    !check_context(fz, context, untranslated, answer))
		return;
	if (request->address_type == IOMMUSIM_DMA_TRANSLATED || bits(context[0], 3, 2) == 2) {
		as_it_is(fz, request->address, answer);
		return;
	}
	width = 30 + 9 * (unsigned)bits(context[1], 2, 0);
	if (request->address >> (width < limit ? width : limit) != 0)
		deny(answer, 0x4);
	else if (leads_to_interrupts(request, walk(fz, context, request, answer), answer))
		deny(answer, 0xe);
}

void fz_oracle_dma(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    struct fz_answer *answer)
{
	const bool untranslated = request->address_type == IOMMUSIM_DMA_UNTRANSLATED;
	const bool asks = request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST;
	const bool off = !has(fz_peek32(fz, R_GSTS), G_TE);

	*answer = (struct fz_answer){ .known = fz->latches_known && !fz->device_view &&
		    !(bits(fz->root, 11, 10) == 1 && has(fz->config.ext_capability, ECAP_SMTS)) &&
		    !has(fz_peek32(fz, R_PMEN), 1) };
	/* A PASID is not looked at while translation is off (VT-d 3.1). */
	if (untranslated && (off || !request->has_pasid) && interrupt_range(request->address)) {
		/* Four bytes that begin in between are of two doublewords. */
		answer->interrupt = (request->kind == IOMMUSIM_DMA_WRITE && request->length == 4 &&
					request->address % 4 == 0) ||
		    (request->kind == IOMMUSIM_DMA_READ && request->length == 0);
		if (!answer->interrupt)
			deny(answer, 0x29);
		return;
	}
	/* There is no such request; translated ones with a PASID need ECAP.PTRS (VT-d 4.2.1). */
	if ((asks && request->kind != IOMMUSIM_DMA_READ) ||
	    (!asks && !untranslated && request->has_pasid && !off &&
		!has(fz->config.ext_capability, BIT(56)))) {
		answer->faulted = true;
		return;
	}
	if (off) {
		answer->untranslated = true;
		answer->faulted = !untranslated;
		answer->physical = request->address;
		return;
	}
	/* One at FEEx is answered without tables, and what it is told is not looked at here. */
	answer->known &= !asks || request->has_pasid || !interrupt_range(request->address);
	translate(fz, rid, request, answer);
	if (asks)
		answer_translation(answer);
	else
		answer->granted = 0;
}

/* VT-d 5.1.4, 9.9: may `rid` use the entry? */
static bool source_fits(const uint64_t *entry, uint16_t rid)
{
	static const uint16_t compared[] = { 0xffff, 0xfffb, 0xfff9, 0xfff8 };
	const uint16_t id = (uint16_t)bits(entry[1], 15, 0);

	switch (bits(entry[1], 19, 18)) {
	case 0:
		return true;
	case 1:
		return (id & compared[bits(entry[1], 17, 16)]) ==
		    (rid & compared[bits(entry[1], 17, 16)]);
	case 2:
		return rid >> 8 >= id >> 8 && rid >> 8 <= (id & 0xff);
	default:
		return false;
	}
}

/* VT-d 9.10, 9.11: the entry of a posted interrupt, and the descriptor it points at. */
static void judge_posted(
    const struct fz *fz, const uint64_t *entry, bool extended, struct fz_answer *answer)
{
	const uint64_t at = bits(entry[1], 63, 32) << 32 | bits(entry[0], 63, 38) << 6;
	uint64_t reserved[8] = {
		[4] = UINT64_C(0xff00fffc), [5] = UINT64_MAX, [6] = UINT64_MAX, [7] = UINT64_MAX
	};
	uint64_t descriptor[8];

	if ((entry[0] & UINT64_C(0x3fff0030fc)) != 0 || bits(entry[1], 31, 20) != 0 ||
	    at >> fz->config.host_address_width != 0) {
		deny(answer, 0x24);
		return;
	}
	if (iommusim_memory_read(fz->machine, at, descriptor, sizeof(descriptor)) != IOMMUSIM_OK) {
		deny(answer, 0x27);
		return;
	}
	if (!extended)
		reserved[4] |= UINT64_C(0xffff00ff00000000);
	for (unsigned quad = 0; quad < 8; quad++)
		if ((descriptor[quad] & reserved[quad]) != 0) {
			deny(answer, 0x28);
			return;
		}
}

static void judge_entry(
    const struct fz *fz, uint16_t rid, const uint64_t *entry, struct fz_answer *answer)
{
	const bool extended =
	    has(fz->interrupt_table, BIT(11)) && has(fz->config.ext_capability, ECAP_EIM);
	uint64_t reserved = UINT64_C(0xff007000);

	answer->fault_disable = has(entry[0], BIT(1));
	if (!has(entry[0], BIT(0))) {
		deny(answer, 0x22);
		return;
	}
	if (!fz->config.choices.source_unknown && !source_fits(entry, rid)) {
		deny(answer, 0x26);
		return;
	}
	if (has(fz->config.capability, CAP_PI) && has(entry[0], BIT(15))) {
		judge_posted(fz, entry, extended, answer);
		return;
	}
	if (!extended)
		reserved |= UINT64_C(0xffff00ff00000000);
	if ((entry[0] & (reserved | BIT(15))) != 0 || entry[1] >> 20 != 0)
		deny(answer, 0x24);
}

void fz_oracle_interrupt(
    const struct fz *fz, uint16_t rid, uint64_t address, uint32_t data, struct fz_answer *answer)
{
	const uint64_t ecap = fz->config.ext_capability, table = fz->interrupt_table;
	const bool extended = has(table, BIT(11)) && has(ecap, ECAP_EIM),
		   subhandle = has(address, BIT(3));
	const uint32_t status = fz_peek32(fz, R_GSTS);
	uint64_t index, at, entry[2];

	*answer =
	    (struct fz_answer){ .known = fz->latches_known && !fz->device_view, .interrupt = true };
	if (!has(status, G_IRE)) {
		if (has(ecap, ECAP_IRREQ))
			deny(answer, 0x2b);
		return;
	}
	if (has(ecap, ECAP_EIMER) && !extended) {
		deny(answer, 0x2a);
		return;
	}
	if (!has(address, BIT(4))) {
		if (!has(status, G_CFI) || extended)
			deny(answer, 0x25);
		return;
	}
	if (subhandle && data >> 16 != 0) {
		deny(answer, 0x20);
		return;
	}
	index = (bits(address, 19, 5) | bits(address, 2, 2) << 15) + (subhandle ? data & 0xffff : 0);
	at = (table & ~UINT64_C(0xfff)) + index * 16;
	if (index >= BIT(bits(table, 3, 0) + 1) || at >> fz->config.host_address_width != 0)
		deny(answer, 0x21);
	else if (!fetch(fz, at, &entry[0]) || !fetch(fz, at + 8, &entry[1]))
		deny(answer, 0x23);
	else
		judge_entry(fz, rid, entry, answer);
}
