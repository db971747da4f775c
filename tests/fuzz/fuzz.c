/* The fuzzers' machine, its input, and what must hold of its registers at any time. Requests: request.c. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/unit_model.h"

const char *fz_running;

void fz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	if (fz_running != NULL)
		fprintf(stderr, "with %s\n", fz_running);
	abort();
}

/* ---- input ---- */

static uint64_t take(struct fz *fz, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && fz->at < fz->end; i++)
		value |= (uint64_t)*fz->at++ << 8 * i;
	return value;
}

uint8_t fz_u8(struct fz *fz)
{
	return (uint8_t)take(fz, 1);
}

uint16_t fz_u16(struct fz *fz)
{
	return (uint16_t)take(fz, 2);
}

uint32_t fz_u32(struct fz *fz)
{
	return (uint32_t)take(fz, 4);
}

uint64_t fz_u64(struct fz *fz)
{
	return take(fz, 8);
}

/* An operation takes well below a microsecond without sanitizers: no input is slow. */
#define OPERATIONS 400u

void fz_run(struct fz *fz, fz_operation *const *operations, size_t count)
{
	fz_check(fz);
	for (unsigned i = 0; i < OPERATIONS && fz->at < fz->end; i++) {
		operations[fz_u8(fz) % count](fz);
		fz_check(fz);
	}
}

/* ---- the machine ---- */

/*
 * Memory of the machines, one after another: mapping and unmapping it for each input costs more than
 * the input's run. Ordinary allocations stay with malloc, where AddressSanitizer watches them.
 */
#define ARENA (3 * (FZ_PAGES + FZ_HIGH_PAGES + FZ_ROM_PAGES) * IOMMUSIM_PAGE_SIZE)
static _Alignas(4096) uint8_t arena[ARENA];
static size_t arena_used;

static void *reserve(void *context, size_t size)
{
	void *block = arena + arena_used;

	(void)context;
	if (size > ARENA - arena_used)
		return NULL;
	memset(block, 0, size);
	arena_used += size;
	return block;
}

static void unreserve(void *context, void *block, size_t size)
{
	(void)context;
	(void)block;
	(void)size;
}

static void *allocate(void *context, size_t size)
{
	(void)context;
	return malloc(size);
}

static void release(void *context, void *block, size_t size)
{
	(void)context;
	(void)size;
	free(block);
}

/* CAP.FRO and ECAP.IRO put the moving registers where R_FRCD, R_IVA and R_IOTLB say. */
#define CAP_FRO  (UINT64_C(0xd0) << 24)
#define ECAP_IRO (UINT64_C(0xf0) << 8)

#define ND(n)          UINT64_C(n)
#define SAGAW(n)       (UINT64_C(n) << 8)
#define MGAW(bits)     ((uint64_t)((bits)-1) << 16)
#define SSLPS(n)       (UINT64_C(n) << 34)
#define RECORDS(count) ((uint64_t)((count)-1) << 40)
#define MAMV(n)        (UINT64_C(n) << 48)
#define CM             BIT(7)
#define DWD_DRD        (BIT(54) | BIT(55))
#define ESRTPS         BIT(63)

#define ESIRTPS   BIT(62)
#define PSS(bits) ((uint64_t)((bits)-1) << 35)

struct unit_values {
	uint64_t cap, ecap;
	uint32_t version;
	uint16_t revision;
};

static const struct unit_values units[8] = {
	/* with all that legacy mode has */
	{ ND(2) | SAGAW(0xe) | MGAW(57) | CAP_ZLR | SSLPS(3) | CAP_PSI | RECORDS(8) | MAMV(18) |
		DWD_DRD,
	    ECAP_C | ECAP_QI | ECAP_DT | ECAP_IR | ECAP_EIM | ECAP_PT | ECAP_SC, 0x40, 0 },
	/* with as little as possible */
	{ ND(0) | CAP_RWBF | SAGAW(3) | MGAW(39) | RECORDS(1), 0, 0x10, 0x101 },
	/* protected regions, advanced fault log, transient mappings: an early server */
	{ ND(1) | CAP_AFL | CAP_PLMR | CAP_PHMR | SAGAW(6) | MGAW(48) | CAP_ZLR | SSLPS(1) |
		RECORDS(2) | CAP_PSI | MAMV(9),
	    ECAP_C | ECAP_QI | ECAP_DT | ECAP_IR | ECAP_PT | ECAP_SC, 0x10, 0x200 },
	/* a client: four levels but 39 bits, no snooping */
	{ ND(6) | CAP_PLMR | CAP_PHMR | SAGAW(4) | MGAW(39) | CAP_ZLR | SSLPS(3) | RECORDS(4) |
		CAP_PSI | MAMV(18),
	    ECAP_QI | ECAP_IR | ECAP_EIM | ECAP_PT, 0x10, 0x302 },
	/* an emulator's: caching mode, no pass-through */
	{ ND(3) | CM | SAGAW(4) | MGAW(48) | SSLPS(0) | RECORDS(3) | CAP_PSI | MAMV(0),
	    ECAP_C | ECAP_QI | ECAP_IR | ECAP_DT | ECAP_DIT | ECAP_PDS | ECAP_SC, 0x10, 0x303 },
	/* with scalable mode beside it */
	{ ND(4) | SAGAW(0xc) | MGAW(57) | CAP_ZLR | SSLPS(3) | RECORDS(8) | CAP_PSI | MAMV(63) |
		ESRTPS | DWD_DRD,
	    ECAP_C | ECAP_QI | ECAP_IR | ECAP_EIM | ECAP_PT | ECAP_SC | ECAP_SMTS | ECAP_PASID, 0x50,
	    0x400 },
	/* the latest: no register invalidation, remapping of interrupts required */
	{ ND(2) | SAGAW(8) | MGAW(52) | CAP_ZLR | SSLPS(2) | RECORDS(5) | CAP_PSI | MAMV(18) | CAP_PLMR,
	    ECAP_C | ECAP_QI | ECAP_IR | ECAP_EIM | ECAP_PT | ECAP_DT | ECAP_ADMS | ECAP_SSIRW |
		ECAP_EIMER | ECAP_IRREQ,
	    0x60, 0x500 },
	/* posted interrupts, and a queue but nothing to remap with device-TLBs */
	{ ND(5) | CAP_RWBF | CAP_PHMR | CAP_PI | SAGAW(6) | MGAW(48) | SSLPS(3) | RECORDS(16),
	    ECAP_C | ECAP_QI | ECAP_IR | ECAP_EIM, 0x20, 0x304 },
};

#define SCALABLE (ECAP_QI | ECAP_SMTS)
#define STAGES   (ECAP_FSTS | ECAP_SSTS | ECAP_NEST)

/* Units with scalable mode. */
static const struct unit_values scalable_units[8] = {
	/* with everything but host permission tables */
	{ ND(6) | SAGAW(0xe) | MGAW(57) | CAP_ZLR | SSLPS(3) | CAP_PSI | RECORDS(8) | MAMV(63) |
		CAP_FS1GP | CAP_FS5LP | ESRTPS | ESIRTPS | DWD_DRD,
	    SCALABLE | STAGES | ECAP_C | ECAP_DT | ECAP_IR | ECAP_EIM | ECAP_PT | ECAP_SC | ECAP_MTS |
		ECAP_PRS | ECAP_SRS | ECAP_NWFS | ECAP_EAFS | ECAP_PASID | PSS(20) | ECAP_DIT |
		ECAP_PDS | ECAP_SSADS | ECAP_SMPWCS | ECAP_RPS | ECAP_ADMS | ECAP_RPRIVS | ECAP_PTRS |
		ECAP_SSIRW,
	    0x70, 0 },
	/* the first stage alone, never snooped, and PASIDs of 8 bits */
	{ ND(4) | SAGAW(4) | MGAW(48) | CAP_ZLR | RECORDS(4) | MAMV(0) | DWD_DRD,
	    SCALABLE | ECAP_FSTS | ECAP_DT | ECAP_NWFS | ECAP_PASID | PSS(8), 0x60, 0x304 },
	/* the second stage alone, without PASIDs: an emulator's */
	{ ND(0) | CM | SAGAW(2) | MGAW(39) | SSLPS(1) | RECORDS(3) | CAP_PSI | MAMV(9),
	    SCALABLE | ECAP_C | ECAP_DT | ECAP_SSTS | ECAP_SSADS | ECAP_SMPWCS | ECAP_RPS | ECAP_SC,
	    0x50, 0x303 },
	/* both stages, but flags only in the first; not coherent; refuses execution at once */
	{ ND(2) | SAGAW(6) | MGAW(48) | SSLPS(3) | RECORDS(5) | CAP_PSI | MAMV(18) | CAP_FS1GP |
		DWD_DRD,
	    SCALABLE | STAGES | ECAP_DT | ECAP_IR | ECAP_PT | ECAP_PASID | PSS(20) | ECAP_SMPWCS |
		ECAP_EAFS | ECAP_RPS | ECAP_RPRIVS | ECAP_SRS,
	    0x80, 0 },
	/* caching mode, with all that caches have to know */
	{ ND(3) | CM | SAGAW(0xc) | MGAW(57) | CAP_ZLR | SSLPS(3) | RECORDS(8) | CAP_PSI | MAMV(18) |
		CAP_FS5LP | CAP_FS1GP,
	    SCALABLE | STAGES | ECAP_C | ECAP_DT | ECAP_IR | ECAP_EIM | ECAP_PT | ECAP_SC | ECAP_PASID |
		PSS(20) | ECAP_SMPWCS | ECAP_SSADS | ECAP_EAFS | ECAP_SRS | ECAP_RPS | ECAP_NWFS |
		ECAP_PRS,
	    0x60, 0x400 },
	/* a server: no PASIDs from devices, no execution, register sets as they were */
	{ ND(6) | SAGAW(4) | MGAW(57) | SSLPS(3) | RECORDS(8) | CAP_PSI | MAMV(45) | CAP_ZLR | CAP_PI,
	    SCALABLE | STAGES | ECAP_C | ECAP_DT | ECAP_IR | ECAP_EIM | ECAP_PT | ECAP_SC | ECAP_SSADS |
		ECAP_SMPWCS | ECAP_SRS | ECAP_PDS | ECAP_DIT | ECAP_MTS | ECAP_NWFS | ECAP_EAFS |
		PSS(20),
	    0x60, 0x401 },
	/* tables that are never snooped, where entries are; no invalidation by page */
	{ ND(4) | SAGAW(8) | MGAW(52) | SSLPS(3) | RECORDS(2) | CAP_FS5LP | DWD_DRD,
	    SCALABLE | STAGES | ECAP_C | ECAP_DT | ECAP_PASID | PSS(16) | ECAP_RPS | ECAP_SRS |
		ECAP_PTRS | ECAP_PRS | ECAP_DIT | ECAP_PDS,
	    0x60, 0x500 },
	/* page requests, one fault record, no snoop control */
	{ ND(5) | SAGAW(4) | MGAW(48) | SSLPS(1) | RECORDS(1) | CAP_PSI | MAMV(18) | ESRTPS | CAP_ZLR,
	    SCALABLE | ECAP_FSTS | ECAP_SSTS | ECAP_C | ECAP_DT | ECAP_PASID | PSS(20) | ECAP_PRS |
		ECAP_SMPWCS | ECAP_RPRIVS | ECAP_SRS | ECAP_RPS | ECAP_SSADS | ECAP_PT | ECAP_SSIRW,
	    0x70, 0 },
};

static void choose(struct fz *fz, const struct unit_values *values)
{
	static const uint8_t widths[] = { 46, 39, 33, 52 };
	static const uint32_t latencies[] = { 0, 0, 1, 20 };
	const unsigned what = fz_u8(fz), how = fz_u8(fz), choices = fz_u8(fz), unit = what & 7;

	fz->config = (struct iommusim_vtd_config){
		.base = FZ_BASE,
		.version = values[unit].version,
		.capability = values[unit].cap | CAP_FRO,
		.ext_capability = values[unit].ecap | ECAP_IRO,
		.host_address_width = widths[how >> 2 & 3],
		.revision = values[unit].revision,
		.choices = { .rights_at_each_level = (choices & 0x01) != 0,
		    .pass_through_widest = (choices & 0x02) != 0,
		    .collapse_faults = (choices & 0x04) != 0,
		    .protection_spares_remapped = (choices & 0x08) != 0,
		    .source_unknown = (choices & 0x10) != 0,
		    .unused_width_ignored = fz->scalable && (choices & 0x20) != 0 },
		.settings = { .cache = (enum iommusim_cache_policy)(what >> 3 & 3),
		    .match = (enum iommusim_cache_match)((what >> 6) % 3),
		    .iotlb_sets = 2,
		    .iotlb_ways = 2,
		    .latency = latencies[how & 3] },
	};
	/* A second view only means something to hardware that does not snoop, or buffers writes. */
	fz->device_view = (what & 0x20) != 0 &&
	    ((values[unit].ecap & ECAP_C) == 0 || (values[unit].cap & CAP_RWBF) != 0 || fz->scalable);
}

static void add_memory(struct fz *fz)
{
	static const struct {
		uint64_t base, pages;
		enum iommusim_memory_kind kind;
	} windows[] = { { 0, FZ_PAGES, IOMMUSIM_MEMORY_RAM },
		{ FZ_HIGH, FZ_HIGH_PAGES, IOMMUSIM_MEMORY_RAM },
		{ FZ_ROM, FZ_ROM_PAGES, IOMMUSIM_MEMORY_ROM } };
	const size_t count = fz->scalable ? 3 : 2;

	for (size_t i = 0; i < count; i++)
		FZ_REQUIRE(iommusim_memory_add(fz->machine, windows[i].base,
			       windows[i].pages * IOMMUSIM_PAGE_SIZE, windows[i].kind) == IOMMUSIM_OK);
}

void fz_make_machine(struct fz *fz)
{
	static const struct iommusim_allocator allocator = {
		.allocate = allocate, .release = release, .reserve = reserve, .unreserve = unreserve
	};
	struct iommusim_machine_config machine = { .allocator = &allocator };

	arena_used = 0;
	machine.device_view = fz->device_view;
	machine.seed = (uint64_t)(fz->end - fz->begin);
	FZ_REQUIRE(iommusim_machine_create(&machine, &fz->machine) == IOMMUSIM_OK);
	add_memory(fz);
}

void fz_make_devices(struct fz *fz, const uint16_t *rids)
{
	iommusim_unit_include_all(fz->unit);
	for (unsigned i = 0; i < FZ_REQUESTERS; i++)
		FZ_REQUIRE(iommusim_requester_create(fz->machine, 0, rids[i], &fz->requester[i]) ==
		    IOMMUSIM_OK);
}

static void start(struct fz *fz, const uint16_t *rids)
{
	fz_make_machine(fz);
	FZ_REQUIRE(iommusim_vtd_create(fz->machine, &fz->config, &fz->unit) == IOMMUSIM_OK);
	fz_make_devices(fz, rids);
}

void fz_start(struct fz *fz, const uint8_t *data, size_t size)
{
	static const uint16_t rids[FZ_REQUESTERS] = { 0x0000, 0x0001, 0x0008, 0x0100 };

	*fz = (struct fz){ .at = data, .begin = data, .end = data + size, .latches_known = true };
	choose(fz, units);
	start(fz, rids);
}

/* One requester is in the upper half of its bus: scalable mode has another table for those. */
void fz_start_scalable(struct fz *fz, const uint8_t *data, size_t size)
{
	static const uint16_t rids[FZ_REQUESTERS] = { 0x0000, 0x0001, 0x0080, 0x0100 };

	*fz = (struct fz){
		.at = data, .begin = data, .end = data + size, .latches_known = true, .scalable = true
	};
	choose(fz, scalable_units);
	start(fz, rids);
}

void fz_stop(struct fz *fz)
{
	fz_check(fz);
	iommusim_machine_destroy(fz->machine);
}

/* ---- registers and memory ---- */

uint32_t fz_peek32(const struct fz *fz, unsigned offset)
{
	return (uint32_t)fz->unit->model->read(fz->unit, offset, 4);
}

uint64_t fz_peek64(const struct fz *fz, unsigned offset)
{
	return fz->unit->model->read(fz->unit, offset, 8);
}

/* What a write may do to our own knowledge. */
static void before_write(struct fz *fz, unsigned offset, unsigned width)
{
	if (offset + width > R_IQA && offset < R_IQA + 8 && (fz_peek32(fz, R_GSTS) & G_QIE) != 0)
		fz->queue_moved = true;
}

static void write_register(struct fz *fz, unsigned offset, unsigned width, uint64_t value)
{
	before_write(fz, offset, width);
	FZ_REQUIRE(iommusim_mmio_write(fz->machine, FZ_BASE + offset, width, value) == IOMMUSIM_OK);
}

void fz_write32(struct fz *fz, unsigned offset, uint32_t value)
{
	write_register(fz, offset, 4, value);
}

void fz_write64(struct fz *fz, unsigned offset, uint64_t value)
{
	write_register(fz, offset, 8, value);
}

uint64_t fz_load(const struct fz *fz, uint64_t address)
{
	uint64_t value = 0;

	iommusim_memory_read(fz->machine, address, &value, sizeof(value));
	return value;
}

void fz_store(struct fz *fz, uint64_t address, uint64_t value)
{
	if (iommusim_memory_write(fz->machine, address, &value, sizeof(value)) == IOMMUSIM_OK)
		iommusim_memory_flush(fz->machine, address, sizeof(value));
}

/* ---- what holds at any time ---- */

bool fz_advanced_log(const struct fz *fz)
{
	return (fz->config.capability & CAP_AFL) != 0 && fz->config.revision != 0 &&
	    fz->config.revision < 0x400;
}

unsigned fz_records(const struct fz *fz)
{
	return (unsigned)(fz->config.capability >> 40 & 0xff) + 1;
}

static void check_status(const struct fz *fz)
{
	const uint64_t cap = fz->config.capability, ecap = fz->config.ext_capability;
	const uint32_t status = fz_peek32(fz, R_GSTS);
	uint32_t possible = G_TE | G_SRTP;

	if (fz_advanced_log(fz))
		possible |= G_AFL;
	if ((cap & CAP_RWBF) != 0)
		possible |= G_WBF;
	if ((ecap & ECAP_QI) != 0)
		possible |= G_QIE;
	if ((ecap & ECAP_IR) != 0)
		possible |= G_IRE | G_SIRTP | G_CFI;
	FZ_REQUIRE((status & ~possible) == 0);
	FZ_REQUIRE(iommusim_unit_translating(fz->unit) == ((status & G_TE) != 0));
	if (fz->config.settings.latency == 0) {
		/* Nothing is enabled without its table (11.4.4.1), but while another one is latched. */
		FZ_REQUIRE((status & G_TE) == 0 || (status & G_SRTP) != 0);
		FZ_REQUIRE((status & G_IRE) == 0 || (status & G_SIRTP) != 0);
		FZ_REQUIRE((status & G_WBF) == 0);
		FZ_REQUIRE(fz_peek64(fz, R_CCMD) >> 63 == 0);
		FZ_REQUIRE(fz_peek64(fz, R_IOTLB) >> 63 == 0);
	}
}

static void check_faults(const struct fz *fz)
{
	const uint32_t status = fz_peek32(fz, R_FSTS);
	uint32_t possible = 0xff00 | S_PPF | S_PFO;
	bool pending = false;

	if ((fz->config.ext_capability & ECAP_QI) != 0)
		possible |= S_IQE;
	if ((fz->config.ext_capability & ECAP_DT) != 0)
		possible |= S_ITE | S_ICE;
	if (fz_advanced_log(fz))
		possible |= S_AFO | S_APF;
	FZ_REQUIRE((status & ~possible) == 0);
	FZ_REQUIRE((status >> 8 & 0xff) < fz_records(fz));
	for (unsigned i = 0; i < fz_records(fz); i++) {
		const unsigned at = R_FRCD + i * 16;

		pending |= fz_peek32(fz, at + 12) >> 31 != 0;
		FZ_REQUIRE((fz_peek32(fz, at) & 0xfff) == 0);          /* below FI */
		FZ_REQUIRE((fz_peek32(fz, at + 8) & 0x0fff0000) == 0); /* between SID and T2 */
	}
	FZ_REQUIRE(pending == ((status & S_PPF) != 0));
}

/* IP is set only while an event waits: its interrupt is masked, and its condition is still there. */
static void check_events(const struct fz *fz)
{
	const uint32_t fault = fz_peek32(fz, R_FECTL), invalidation = fz_peek32(fz, R_IECTL);
	const uint32_t conditions = S_PFO | S_PPF | S_AFO | S_APF | S_IQE | S_ICE | S_ITE;

	FZ_REQUIRE((fault & 0x3fffffff) == 0 && (invalidation & 0x3fffffff) == 0);
	if ((fault & BIT(30)) != 0)
		FZ_REQUIRE((fault & BIT(31)) != 0 && (fz_peek32(fz, R_FSTS) & conditions) != 0);
	FZ_REQUIRE((fz_peek32(fz, R_ICS) & ~1u) == 0);
	if ((invalidation & BIT(30)) != 0)
		FZ_REQUIRE((invalidation & BIT(31)) != 0 && fz_peek32(fz, R_ICS) == 1);
	if ((fz->config.ext_capability & ECAP_QI) == 0)
		FZ_REQUIRE(invalidation == 0 && fz_peek32(fz, R_ICS) == 0);
}

static void check_queue(struct fz *fz)
{
	const uint64_t head = fz_peek64(fz, R_IQH), address = fz_peek64(fz, R_IQA);
	const bool running = (fz_peek32(fz, R_GSTS) & G_QIE) != 0;
	const uint64_t errors = fz_peek64(fz, R_IQERCD);

	FZ_REQUIRE((head & ~UINT64_C(0x7fff0)) == 0);
	FZ_REQUIRE((errors & UINT64_C(0xfffffff0)) == 0 && (errors & 0xf) <= 7);
	if (!running) {
		FZ_REQUIRE(head == 0);
		fz->queue_moved = false;
	}
	if (fz->queue_moved)
		return;
	FZ_REQUIRE(head < IOMMUSIM_PAGE_SIZE << (address & 7));
	FZ_REQUIRE((address & BIT(11)) == 0 || head % 32 == 0);
}

static void check_page_requests(const struct fz *fz)
{
	const uint32_t control = fz_peek32(fz, R_PECTL), status = fz_peek32(fz, R_PRS);

	FZ_REQUIRE(((fz_peek64(fz, R_PQH) | fz_peek64(fz, R_PQT)) & ~UINT64_C(0x7ffe0)) == 0);
	FZ_REQUIRE((fz_peek64(fz, R_PQA) & 0xff8) == 0 && (status & ~3u) == 0);
	FZ_REQUIRE((control & 0x3fffffff) == 0);
	if ((control & BIT(30)) != 0)
		FZ_REQUIRE((control & BIT(31)) != 0 && status != 0);
	if ((fz->config.ext_capability & ECAP_PRS) == 0)
		FZ_REQUIRE(control == 0 && status == 0 && fz_peek64(fz, R_PQA) == 0);
}

/* What no software changes, and what never reads as anything but 0. */
static void check_constants(const struct fz *fz)
{
	FZ_REQUIRE(fz_peek32(fz, R_VER) == fz->config.version);
	FZ_REQUIRE(fz_peek64(fz, R_CAP) == fz->config.capability);
	FZ_REQUIRE(fz_peek64(fz, R_ECAP) == fz->config.ext_capability);
	FZ_REQUIRE(fz_peek32(fz, R_GCMD) == 0);
	FZ_REQUIRE(fz_peek64(fz, R_IVA) == 0);
	FZ_REQUIRE((fz_peek64(fz, R_CCMD) & UINT64_C(0x07fffffc00000000)) == 0);
	FZ_REQUIRE((fz_peek64(fz, R_IOTLB) & UINT64_C(0x49fc0000ffffffff)) == 0);
}

void fz_check(struct fz *fz)
{
	check_constants(fz);
	check_status(fz);
	check_faults(fz);
	check_events(fz);
	check_queue(fz);
	check_page_requests(fz);
}
