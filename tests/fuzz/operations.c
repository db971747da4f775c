/* What software does to the fuzzers' unit: registers, tables, the queue. Requests of devices: request.c. */
#include "fuzz/fuzz.h"

#include "machine/unit_model.h"

/* ---- registers ---- */

/*
 * Registers, the bits of them that keep what was written, and the bits that hardware changes. `addresses`
 * above the host address width, and what only some revisions have, is left open.
 */
struct kept {
	uint16_t offset;
	uint8_t bytes;
	uint64_t kept, moves;
	uint64_t cap, ecap; /* needed for it to be there */
};

static const struct kept registers[] = {
	{ R_RTADDR, 8, UINT64_C(0xfffffffffffffc00), BIT(7), 0, 0 },
	{ R_FECTL, 4, BIT(31), BIT(30), 0, 0 },
	{ R_FEDATA, 4, 0xffff, 0xffff0000, 0, 0 },
	{ R_FEADDR, 4, 0xfffffffc, 0, 0, 0 },
	{ R_FEUADDR, 4, 0xffffffff, 0, 0, ECAP_EIM },
	{ R_IQT, 8, 0x7fff0, 0, 0, ECAP_QI },
	{ R_IQA, 8, UINT64_C(0xfffffffffffff007), BIT(11), 0, ECAP_QI },
	{ R_IECTL, 4, BIT(31), BIT(30), 0, ECAP_QI },
	{ R_IEDATA, 4, 0xffff, 0xffff0000, 0, ECAP_QI },
	{ R_IEADDR, 4, 0xfffffffc, 0, 0, ECAP_QI },
	{ R_IEUADDR, 4, 0xffffffff, 0, 0, ECAP_QI | ECAP_EIM },
	{ R_IRTA, 8, UINT64_C(0xfffffffffffff00f), BIT(11), 0, ECAP_IR },
	{ R_ICS, 4, 0, 1, 0, ECAP_QI },
	{ R_VER, 4, 0, UINT64_MAX, 0, 0 },
	{ R_CAP, 8, 0, UINT64_MAX, 0, 0 },
	{ R_ECAP, 8, 0, UINT64_MAX, 0, 0 },
	{ R_GSTS, 4, 0, UINT64_MAX, 0, 0 },
	{ R_FSTS, 4, 0, UINT64_MAX, 0, 0 },
	{ R_IQH, 8, 0, UINT64_MAX, 0, ECAP_QI },
	{ R_IQERCD, 8, 0, UINT64_MAX, 0, ECAP_QI },
	{ R_CCMD, 8, 0, UINT64_MAX, 0, 0 },
	{ R_IOTLB, 8, 0, UINT64_MAX, 0, 0 },
	{ R_IVA, 8, 0, 0, 0, 0 },
	{ R_AFLOG, 8, 0, UINT64_MAX, CAP_AFL, 0 },
	{ R_PMEN, 4, BIT(31), BIT(0), CAP_PLMR | CAP_PHMR, 0 },
	{ R_PLMBASE, 4, 0, UINT64_MAX, CAP_PLMR, 0 },
	{ R_PLMLIMIT, 4, 0, UINT64_MAX, CAP_PLMR, 0 },
	{ R_PHMBASE, 8, 0, UINT64_MAX, CAP_PHMR, 0 },
	{ R_PHMLIMIT, 8, 0, UINT64_MAX, CAP_PHMR, 0 },
	{ R_GCMD, 4, 0, 0, 0, 0 },
	{ R_FRCD, 8, 0, UINT64_MAX, 0, 0 },
	{ R_FRCD + 8, 8, 0, UINT64_MAX, 0, 0 },
};

#define REGISTERS (sizeof(registers) / sizeof(*registers))

static bool exists(const struct fz *fz, const struct kept *reg)
{
	const uint64_t cap = fz->config.capability, ecap = fz->config.ext_capability;

	if (reg->offset == R_PMEN)
		return (cap & reg->cap) != 0; /* either region will do */
	return (cap & reg->cap) == reg->cap && (ecap & reg->ecap) == reg->ecap;
}

/* Every part of a register says the same as the whole, and says it again. */
void fz_op_read(struct fz *fz)
{
	const unsigned where = fz_u16(fz);
	const unsigned width = 1u << (where >> 14);
	const unsigned offset = (where & 0x2000) != 0 ? registers[where % REGISTERS].offset
						      : (where & 0xfff) / width * width;
	uint64_t first, again, low, high;

	if (offset % width != 0)
		return;
	FZ_REQUIRE(iommusim_mmio_read(fz->machine, FZ_BASE + offset, width, &first) == IOMMUSIM_OK);
	again = fz->unit->model->read(fz->unit, offset, width) &
	    (width == 8 ? UINT64_MAX : BIT(width * 8) - 1);
	FZ_REQUIRE(first == again);
	if (width == 8) {
		low = fz_peek32(fz, offset);
		high = fz_peek32(fz, offset + 4);
		FZ_REQUIRE(first == (low | high << 32));
	} else {
		low = fz_peek32(fz, offset & ~3u);
		FZ_REQUIRE(first == ((low >> (offset & 3) * 8) & (BIT(width * 8) - 1)));
	}
}

/* Addresses of tables are what makes most registers interesting. */
uint64_t fz_draw_pointer(struct fz *fz)
{
	const unsigned where = fz_u8(fz);

	if (where < 0xc0)
		return (where & 0x3f) * IOMMUSIM_PAGE_SIZE;
	if (where < 0xe0)
		return FZ_HIGH + (where & 7) * IOMMUSIM_PAGE_SIZE; /* the last four are not there */
	if (where < 0xf0)
		return UINT64_C(0xfee00000) + (where & 15) * IOMMUSIM_PAGE_SIZE;
	return BIT(where & 63) & ~UINT64_C(0xfff);
}

static uint64_t draw_value(struct fz *fz, unsigned bytes)
{
	const unsigned how = fz_u8(fz);

	if (bytes == 8 && (how & 3) == 0)
		return fz_draw_pointer(fz) | (fz_u16(fz) & 0xfff);
	if ((how & 3) == 1)
		return UINT64_MAX;
	if ((how & 3) == 2)
		return BIT(how >> 2 & (bytes * 8 - 1)) | BIT(fz_u8(fz) & (bytes * 8 - 1));
	return bytes == 8 ? fz_u64(fz) : fz_u32(fz);
}

static void forget_latches(struct fz *fz, unsigned offset)
{
	if (offset < R_GCMD + 8 || (offset >= R_RTADDR && offset < R_RTADDR + 8) ||
	    (offset >= R_IRTA && offset < R_IRTA + 8))
		fz->latches_known = false;
}

/* Writes of whole registers: they keep what they should and nothing else. */
void fz_op_write(struct fz *fz)
{
	const struct kept *reg = &registers[fz_u8(fz) % REGISTERS];
	const unsigned haw = fz->config.host_address_width;
	const uint64_t value = draw_value(fz, reg->bytes);
	uint64_t there, care = UINT64_MAX;

	forget_latches(fz, reg->offset);
	if (reg->bytes == 4)
		fz_write32(fz, reg->offset, (uint32_t)value);
	else
		fz_write64(fz, reg->offset, value);
	there = reg->bytes == 4 ? fz_peek32(fz, reg->offset) : fz_peek64(fz, reg->offset);
	if (!exists(fz, reg)) {
		FZ_REQUIRE(there == 0);
		return;
	}
	if (reg->bytes == 8)
		care = BIT(haw) - 1;
	FZ_REQUIRE((there & care & ~reg->moves) == (value & care & reg->kept & ~reg->moves));
}

/* Any width anywhere. */
void fz_op_write_raw(struct fz *fz)
{
	const unsigned where = fz_u16(fz);
	const unsigned width = 1u << (where >> 14);
	const unsigned offset = (where & 0xfff) / width * width;
	const uint64_t value = draw_value(fz, width == 8 ? 8 : 4);

	forget_latches(fz, offset);
	if (offset + width > R_IQA && offset < R_IQA + 8 && (fz_peek32(fz, R_GSTS) & G_QIE) != 0)
		fz->queue_moved = true;
	FZ_REQUIRE(iommusim_mmio_write(fz->machine, FZ_BASE + offset, width, value) == IOMMUSIM_OK);
}

/* A write whose table pointer is where it was told to be by the time the command is carried out. */
void fz_settle(struct fz *fz)
{
	for (unsigned i = 0; i < 3; i++)
		iommusim_step(fz->machine, fz->config.settings.latency + 1);
	FZ_REQUIRE((fz_peek32(fz, R_GSTS) & G_WBF) == 0);
	FZ_REQUIRE(fz_peek64(fz, R_CCMD) >> 63 == 0 && fz_peek64(fz, R_IOTLB) >> 63 == 0);
}

void fz_command(struct fz *fz, uint32_t bit, bool on)
{
	const uint32_t status = fz_peek32(fz, R_GSTS) & G_LEVEL;

	fz_write32(fz, R_GCMD, on ? status | bit : status & ~bit);
	fz_settle(fz);
}

void fz_latch_root(struct fz *fz, uint64_t value)
{
	fz_write64(fz, R_RTADDR, value);
	fz->root = fz_peek64(fz, R_RTADDR);
	fz_command(fz, G_SRTP, true);
	FZ_REQUIRE((fz_peek32(fz, R_GSTS) & G_SRTP) != 0);
}

void fz_latch_interrupts(struct fz *fz, uint64_t value)
{
	fz_write64(fz, R_IRTA, value);
	fz->interrupt_table = fz_peek64(fz, R_IRTA);
	fz_command(fz, G_SIRTP, true);
	FZ_REQUIRE(
	    (fz->config.ext_capability & ECAP_IR) == 0 || (fz_peek32(fz, R_GSTS) & G_SIRTP) != 0);
}

/* One bit as drivers do it, or the register as it comes. */
void fz_op_command(struct fz *fz)
{
	static const uint32_t levels[] = { G_TE, G_QIE, G_IRE, G_CFI, G_EAFL, G_WBF, G_TE, G_QIE };
	const unsigned how = fz_u8(fz);

	if ((how & 0xc0) == 0xc0) {
		fz->latches_known = false;
		fz_write32(fz, R_GCMD, fz_u32(fz));
		return;
	}
	if ((how & 0x20) != 0)
		fz_command(fz, levels[how & 7], (how & 8) != 0);
	else
		fz_write32(fz, R_GCMD, (fz_peek32(fz, R_GSTS) & G_LEVEL) ^ levels[how & 7]);
}

void fz_op_step(struct fz *fz)
{
	iommusim_step(fz->machine, fz_u8(fz));
}

/* Cold: as after birth. Warm: what happened can still be read (the attributes that end in S). */
void fz_op_reset(struct fz *fz)
{
	const bool cold = (fz_u8(fz) & 1) != 0;
	const uint64_t record = fz_peek64(fz, R_FRCD + 8);
	const uint32_t sticky = fz_peek32(fz, R_FSTS) & (S_PFO | S_IQE | S_ICE | S_ITE | S_PPF);

	iommusim_unit_reset(fz->unit, cold);
	fz->root = fz->interrupt_table = 0;
	fz->latches_known = true;
	fz->queue_moved = false;
	FZ_REQUIRE(fz_peek32(fz, R_GSTS) == 0);
	FZ_REQUIRE(fz_peek64(fz, R_RTADDR) == 0 && fz_peek64(fz, R_IRTA) == 0);
	FZ_REQUIRE(fz_peek64(fz, R_IQA) == 0 && fz_peek64(fz, R_IQT) == 0);
	FZ_REQUIRE(fz_peek32(fz, R_FECTL) == 0x80000000);
	if (cold)
		FZ_REQUIRE(fz_peek32(fz, R_FSTS) == 0 && fz_peek64(fz, R_FRCD + 8) == 0);
	else
		FZ_REQUIRE(
		    fz_peek64(fz, R_FRCD + 8) == record && (fz_peek32(fz, R_FSTS) & sticky) == sticky);
}

/* Clear records and status as a fault handler does, all of it or some. */
void fz_op_clear_faults(struct fz *fz)
{
	const unsigned which = fz_u8(fz);

	for (unsigned i = 0; i < fz_records(fz) && i < 8; i++)
		if ((which >> i & 1) != 0) {
			fz_write32(fz, R_FRCD + i * 16 + 12, 0x80000000);
			FZ_REQUIRE(fz_peek32(fz, R_FRCD + i * 16 + 12) >> 31 == 0);
		}
	if ((which & 0x80) != 0)
		fz_write32(fz, R_FSTS, which & (S_PFO | S_AFO | S_APF | S_IQE | S_ICE | S_ITE));
	/* IQE and ITE may be back at once: the queue goes on where it stands. */
	if (which == 0xff && fz->config.settings.latency == 0)
		FZ_REQUIRE((fz_peek32(fz, R_FSTS) & (S_PFO | S_ICE)) == 0);
}

/* ---- tables ---- */

static unsigned widest(const struct fz *fz)
{
	const unsigned widths = (unsigned)(fz->config.capability >> 8 & 0xe);

	return widths >= 8 ? 3 : widths >= 4 ? 2 : 1;
}

void fz_bring_up(struct fz *fz)
{
	const unsigned levels = widest(fz) + 2;
	uint64_t table = FZ_TABLES;

	for (uint64_t bus = 0; bus < 2; bus++)
		fz_store(fz, FZ_ROOT + bus * 16, (FZ_CONTEXT + bus * IOMMUSIM_PAGE_SIZE) | 1);
	for (unsigned i = 0; i < FZ_REQUESTERS; i++) {
		const uint64_t rid = iommusim_requester_rid(fz->requester[i]);

		fz_store(fz, FZ_CONTEXT + rid * 16, FZ_TABLES | 1);
		fz_store(fz, FZ_CONTEXT + rid * 16 + 8, (uint64_t)(1 + i / 2) << 8 | widest(fz));
	}
	for (unsigned level = levels; level > 1; level--, table += IOMMUSIM_PAGE_SIZE)
		fz_store(fz, table, (table + IOMMUSIM_PAGE_SIZE) | 3);
	for (uint64_t i = 0; i < 3; i++)
		fz_store(fz, table + i * 8, (i + 1) * IOMMUSIM_PAGE_SIZE | (i + 1));
	for (uint64_t i = 0; i < 3; i++) /* fixed, physical, vectors 30h.. */
		fz_store(fz, FZ_INTERRUPTS + i * 16, UINT64_C(0x0000050000300001) + i * 0x10000);
	fz_latch_root(fz, FZ_ROOT);
	fz_command(fz, G_TE, true);
	fz_latch_interrupts(fz, FZ_INTERRUPTS | 7);
	fz_command(fz, G_IRE, true);
}

void fz_op_bring_up(struct fz *fz)
{
	fz_bring_up(fz);
	if (fz->config.settings.latency != 0)
		fz->latches_known = false; /* something may still have been under way */
}

/* Another root or interrupt table, or another mode. */
void fz_op_latch(struct fz *fz)
{
	const unsigned how = fz_u8(fz);

	if ((how & 1) != 0)
		fz_latch_interrupts(fz, FZ_INTERRUPTS | (how >> 1 & 0xf) | (how & 0x20 ? BIT(11) : 0));
	else
		fz_latch_root(fz,
		    ((how & 0x40) != 0 ? fz_draw_pointer(fz) : FZ_ROOT) |
			(how & 0x80 ? (uint64_t)(how >> 1 & 0x1f) << 7 : 0));
	if (fz->config.settings.latency != 0)
		fz->latches_known = false;
}

static unsigned draw_index(unsigned how)
{
	static const uint16_t indices[] = { 0, 1, 2, 511 };

	return indices[how & 3];
}

void fz_op_paging_entry(struct fz *fz)
{
	const unsigned where = fz_u8(fz), how = fz_u8(fz);
	const uint64_t at =
	    FZ_TABLES + (where & 15) * IOMMUSIM_PAGE_SIZE + draw_index(where >> 4) * UINT64_C(8);
	uint64_t entry = how & 3; /* rights */

	if ((where & 0xc0) == 0xc0)
		entry = fz_u64(fz);
	else if ((how & 4) != 0) /* another table */
		entry |= FZ_TABLES + (how >> 4) * IOMMUSIM_PAGE_SIZE;
	else
		entry |= fz_draw_pointer(fz);
	if ((how & 8) != 0)
		entry ^= BIT(fz_u8(fz) & 63);
	if ((how & 0x0c) == 8 && (how & 0x80) != 0) /* a large page that is aligned */
		entry = (entry & ~UINT64_C(0x3ffff000)) | BIT(7);
	fz_store(fz, at, entry);
}

void fz_op_context_entry(struct fz *fz)
{
	const unsigned which = fz_u8(fz), how = fz_u8(fz);
	const uint64_t rid = iommusim_requester_rid(fz->requester[which % FZ_REQUESTERS]);
	uint64_t low = FZ_TABLES + (which >> 4) * IOMMUSIM_PAGE_SIZE;
	uint64_t high = (uint64_t)(how >> 4 & 7) << 8 | widest(fz);

	low |= (how & 0xf) ^ 1; /* P, FPD, TT: present when the input says nothing */
	if ((how & 0x80) != 0) {
		low ^= BIT(fz_u8(fz) & 63);
		high ^= BIT(fz_u8(fz) & 63);
	}
	if ((which & 0x0c) == 0x0c)
		high = (high & ~UINT64_C(7)) | (fz_u8(fz) & 7);
	if ((which & 0x0c) == 0x08)
		low = (low & 0xfff) | fz_draw_pointer(fz);
	fz_store(fz, FZ_CONTEXT + rid * 16 + 8, high);
	fz_store(fz, FZ_CONTEXT + rid * 16, low);
}

void fz_op_root_entry(struct fz *fz)
{
	const unsigned how = fz_u8(fz);
	const uint64_t at = FZ_ROOT + (how & 1) * UINT64_C(16);
	uint64_t entry = (FZ_CONTEXT + (how >> 1 & 1) * IOMMUSIM_PAGE_SIZE) | 1;

	if ((how & 4) != 0)
		entry = fz_draw_pointer(fz) | 1;
	if ((how & 8) != 0)
		entry ^= BIT(fz_u8(fz) & 63);
	fz_store(fz, at + 8, (how & 0xf0) == 0xf0 ? BIT(fz_u8(fz) & 63) : 0);
	fz_store(fz, at, entry);
}

/* VT-d 9.10, 9.11: the lower half of a posted entry, and the descriptor it points at, mostly a good one. */
static uint64_t draw_posted(struct fz *fz)
{
	const unsigned how = fz_u8(fz);
	const uint64_t at = FZ_POSTED + (how & 3) * UINT64_C(64);
	uint64_t control = fz_u64(fz);

	if ((how & 4) == 0)
		control &= UINT64_C(0x0000ff0000ff0003);
	fz_store(fz, at + 32, control);
	fz_store(fz, at + 40, (how & 0xf8) == 0xf8 ? 1 : 0);
	return at << 32 | (uint64_t)fz_u8(fz) << 16 | (how & 8 ? 0x4000 : 0) | 0x8001;
}

void fz_op_interrupt_entry(struct fz *fz)
{
	const unsigned which = fz_u8(fz), how = fz_u8(fz);
	const uint64_t at = FZ_INTERRUPTS + (which & 0xf) * UINT64_C(16);
	uint64_t low = fz_u32(fz) | 1, high = (uint64_t)(how & 0xf) << 16;

	if ((how & 0x10) == 0)
		low &= UINT64_C(0x00ff0fff); /* nothing reserved */
	low |= (uint64_t)fz_u8(fz) << 40;
	if ((fz->config.capability & CAP_PI) != 0 && (which & 0x60) == 0x60)
		low = draw_posted(fz);
	high |= iommusim_requester_rid(fz->requester[how >> 6]);
	if ((how & 0x20) != 0)
		high ^= BIT(fz_u8(fz) & 63);
	if ((which & 0x80) != 0)
		low ^= BIT(which >> 1 & 63);
	fz_store(fz, at + 8, high);
	fz_store(fz, at, low);
}

void fz_op_memory(struct fz *fz)
{
	const uint64_t where = fz_u16(fz);

	fz_store(fz, where % (FZ_PAGES * 512) * 8, fz_u64(fz));
}

/* ---- the queue ---- */

static bool queue_on(const struct fz *fz)
{
	return (fz_peek32(fz, R_GSTS) & G_QIE) != 0;
}

void fz_queue_start(struct fz *fz, unsigned width)
{
	fz_command(fz, G_QIE, false);
	fz_write64(fz, R_IQT, 0);
	fz_write64(fz, R_IQA, FZ_QUEUE | (width == 32 ? BIT(11) : 0));
	fz_command(fz, G_QIE, true);
}

void fz_op_queue_start(struct fz *fz)
{
	fz_queue_start(fz, fz_u8(fz) & 1 ? 32 : 16);
}

struct fz_queue fz_queue_look(const struct fz *fz)
{
	const uint64_t address = fz_peek64(fz, R_IQA);

	return (struct fz_queue){
		.base = address & ~UINT64_C(0xfff),
		.bytes = IOMMUSIM_PAGE_SIZE << (address & 7),
		.tail = fz_peek64(fz, R_IQT),
		.width = (address & BIT(11)) != 0 ? 32 : 16,
	};
}

void fz_queue_put(struct fz *fz, struct fz_queue *queue, const uint64_t quads[4])
{
	for (unsigned i = 0; i < queue->width / 8; i++)
		fz_store(fz, queue->base + queue->tail + i * UINT64_C(8), quads[i]);
	queue->tail = (queue->tail + queue->width) % queue->bytes;
}

/* Put a descriptor of 128 bits at the tail. */
static void put(struct fz *fz, struct fz_queue *queue, uint64_t low, uint64_t high)
{
	const uint64_t quads[4] = { low, high, 0, 0 };

	fz_queue_put(fz, queue, quads);
}

static void submit(struct fz *fz, uint64_t low, uint64_t high)
{
	struct fz_queue queue = fz_queue_look(fz);

	put(fz, &queue, low, high);
	fz_write64(fz, R_IQT, queue.tail);
}

/* A descriptor of each type, well-formed but for a bit the input may flip. */
void fz_op_descriptor(struct fz *fz)
{
	const unsigned what = fz_u8(fz), how = fz_u8(fz);
	const uint64_t domain = 1 + (how & 1),
		       rid = iommusim_requester_rid(fz->requester[how >> 1 & 3]);
	uint64_t low = what & 7, high = 0;

	switch (what & 7) {
	case 1: /* G, DID, SID, FM */
		low |= (uint64_t)(what >> 3 & 3) << 4 | domain << 16 | rid << 32 |
		    (uint64_t)(how >> 3 & 3) << 48;
		break;
	case 2: /* G, DW, DR, DID; AM, IH, ADDR */
		low |= (uint64_t)(what >> 3 & 3) << 4 | (uint64_t)(how & 0xc0) | domain << 16;
		high = (uint64_t)(how >> 3 & 7) << 12 | (how & 0x40) | (what >> 6);
		break;
	case 3: /* MIP, SID; S */
		low |= rid << 32;
		high = UINT64_C(0x7fffffffffffffff) & ~UINT64_C(0xffe);
		break;
	case 4:
		low |= (uint64_t)(how & 0x10) | (uint64_t)how << 32;
		break;
	case 5: /* IF, SW, FN; STDATA, STADDR */
		low |= (uint64_t)(how & 0x70) | (uint64_t)what << 32;
		high = FZ_STATUS + (how & 0xf) * UINT64_C(4);
		break;
	default:
		break;
	}
	if ((what & 0xe0) == 0xe0)
		low ^= BIT(fz_u8(fz) & 63);
	if ((what & 0xe0) == 0xc0)
		high ^= BIT(fz_u8(fz) & 63);
	submit(fz, low, high);
}

void fz_op_descriptor_raw(struct fz *fz)
{
	const uint64_t low = fz_u64(fz);

	submit(fz, low, fz_u64(fz));
}

/* A device that keeps translations falls silent, or comes back. */
void fz_op_answers(struct fz *fz)
{
	const unsigned how = fz_u8(fz);

	fz->silent[how % FZ_REQUESTERS] = (how & 4) != 0;
	iommusim_requester_answers(fz->requester[how % FZ_REQUESTERS], (how & 4) == 0);
}

void fz_op_stray_completion(struct fz *fz)
{
	if (iommusim_requester_stray_completion(fz->requester[fz_u8(fz) % FZ_REQUESTERS]) ==
	    IOMMUSIM_OK)
		FZ_REQUIRE((fz_peek32(fz, R_FSTS) & S_ICE) != 0);
}

void fz_op_tail(struct fz *fz)
{
	const unsigned where = fz_u16(fz);

	if ((where & 0x8000) != 0)
		fz_write32(fz, R_IQT, where << 4 & 0x7fff0);
	else
		fz_write64(fz, R_IQT, (where & 0xff) * UINT64_C(16));
}

void fz_op_queue_address(struct fz *fz)
{
	const unsigned how = fz_u8(fz);

	fz_write64(fz, R_IQA,
	    ((how & 0x10) != 0 ? fz_draw_pointer(fz) : FZ_QUEUE) | (how & 7) | (how & 8 ? BIT(11) : 0));
}

/* ---- emptying the caches ---- */

static bool invalidate_by_registers(struct fz *fz)
{
	fz_write64(fz, R_CCMD, BIT(63) | BIT(61));
	fz_settle(fz);
	if ((fz_peek64(fz, R_CCMD) >> 59 & 3) == 0)
		return false;
	FZ_REQUIRE((fz_peek64(fz, R_CCMD) >> 59 & 3) == 1);
	fz_write64(fz, R_IOTLB, BIT(63) | BIT(60));
	fz_settle(fz);
	FZ_REQUIRE((fz_peek64(fz, R_IOTLB) >> 57 & 3) <= 1);
	return (fz_peek64(fz, R_IOTLB) >> 57 & 3) == 1;
}

#define STOPPED (S_IQE | S_ITE)

bool fz_queue_idle(const struct fz *fz)
{
	const struct fz_queue queue = fz_queue_look(fz);

	return queue_on(fz) && !fz->queue_moved && queue.bytes <= 4 * IOMMUSIM_PAGE_SIZE &&
	    queue.base + queue.bytes <= FZ_PAGES * IOMMUSIM_PAGE_SIZE &&
	    fz_peek64(fz, R_IQH) == queue.tail && queue.tail % queue.width == 0 &&
	    (fz_peek32(fz, R_FSTS) & STOPPED) == 0;
}

static bool invalidate_by_queue(struct fz *fz)
{
	struct fz_queue queue = fz_queue_look(fz);
	const bool modes = (fz->config.ext_capability & ECAP_SMTS) != 0;

	/* In scalable mode there is one more cache, and a descriptor that no other mode takes. */
	if (!fz_queue_idle(fz) || (modes && !fz->latches_known))
		return false;
	fz_store(fz, FZ_STATUS, 0);
	put(fz, &queue, 0x11, 0);
	if (fz_is_scalable(fz))
		put(fz, &queue, 0x37, 0);
	put(fz, &queue, 0x12, 0);
	if ((fz->config.ext_capability & ECAP_IR) != 0)
		put(fz, &queue, 0x04, 0);
	put(fz, &queue, UINT64_C(0x0000600d00000025), FZ_STATUS);
	fz_write64(fz, R_IQT, queue.tail);
	fz_settle(fz);
	if ((fz_peek32(fz, R_FSTS) & STOPPED) != 0)
		return false;
	FZ_REQUIRE(fz_peek64(fz, R_IQH) == queue.tail);
	if (queue.base + queue.bytes <= FZ_STATUS || queue.base > FZ_STATUS)
		FZ_REQUIRE((uint32_t)fz_load(fz, FZ_STATUS) == 0x600d);
	return true;
}

bool fz_invalidate_all(struct fz *fz)
{
	fz_settle(fz);
	return queue_on(fz) ? invalidate_by_queue(fz) : invalidate_by_registers(fz);
}

bool fz_invalidate_interrupts(struct fz *fz)
{
	fz_settle(fz);
	return queue_on(fz) && invalidate_by_queue(fz);
}
