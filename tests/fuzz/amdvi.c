/* The AMD-Vi fuzzers' machine, and what must hold of its registers at any time. */
#include "fuzz/amdvi.h"

#include "machine/unit_model.h"

#define PASMAX(bits) ((uint64_t)((bits)-1) << 32)
#define HATS(n)      (UINT64_C(n) << 10)
#define GATS(n)      (UINT64_C(n) << 12)
#define GLX(n)       (UINT64_C(n) << 14)

/* EFR of units of all kinds. */
static const uint64_t features[8] = {
	/* nearly everything: no counters, no vIOMMU, no SNP */
	AZ_PREF | AZ_PPR | BIT(2) | AZ_NX | AZ_GT | AZ_IA | AZ_GA | BIT(8) | HATS(2) | GATS(1) |
	    GLX(2) | BIT(16) | UINT64_C(4) << 18 | BIT(21) | UINT64_C(2) << 24 | UINT64_C(2) << 28 |
	    PASMAX(20) | BIT(37) | AZ_SEGS | BIT(40) | BIT(41) | BIT(42) | BIT(46) | AZ_GIO | AZ_HA |
	    BIT(50) | AZ_HD | BIT(53) | BIT(54) | BIT(61),
	0,                            /* nothing */
	UINT64_C(0x58f77ef22294ade),  /* a desktop */
	UINT64_C(0x246577efa2254afa), /* a newer one */
	/* guest tables as small as they can be */
	AZ_GT | HATS(0) | PASMAX(1),
	/* no host tables, but guest ones */
	AZ_GT | HATS(3) | GLX(1) | GATS(1) | PASMAX(9) | AZ_GIO | AZ_IA | AZ_NX,
	/* host tables of five levels, and flags in them */
	HATS(1) | AZ_HA | AZ_IA | BIT(8),
	/* guest tables of five levels, without GIoV */
	AZ_GT | AZ_NX | HATS(2) | GATS(1) | GLX(2) | PASMAX(16) | AZ_HA | AZ_HD | AZ_IA | AZ_PREF
};

void az_start(struct az *az, const uint8_t *data, size_t size)
{
	static const uint16_t rids[FZ_REQUESTERS] = { 0x0000, 0x0001, 0x007f, 0x0080 };
	static const uint32_t latencies[] = { 0, 0, 0, 5 };
	struct fz *fz = &az->fz;
	unsigned what, how;

	*az =
	    (struct az){ .fz = { .at = data, .begin = data, .end = data + size }, .rings_moved = true };
	what = fz_u8(fz);
	how = fz_u8(fz);
	az->config = (struct iommusim_amdvi_config){
		.base = AZ_BASE,
		.rid = 2,
		.features = features[what & 7],
		.features2 = (how & 0x10) != 0 ? 0x10 : 0,
		.choices = { .mode_is_page_fault = (how & 0x20) != 0,
		    .no_512g_leaves = (how & 0x40) != 0,
		    .tail_before_entry = (how & 0x80) != 0 },
		.settings = { .cache = (enum iommusim_cache_policy)(what >> 3 & 3),
		    .match = (enum iommusim_cache_match)((what >> 6) % 3),
		    .iotlb_sets = 2,
		    .iotlb_ways = 2,
		    .latency = latencies[how & 3] },
	};
	fz->device_view = (what & 0x20) != 0;
	az->guests = (how & 4) != 0;
	az->flags = (how & 8) != 0;
	fz_make_machine(fz);
	FZ_REQUIRE(iommusim_amdvi_create(fz->machine, &az->config, &fz->unit) == IOMMUSIM_OK);
	fz_make_devices(fz, rids);
}

void az_stop(struct az *az)
{
	az_check(az);
	iommusim_machine_destroy(az->fz.machine);
}

#define OPERATIONS 400u

void az_run(struct az *az, az_operation *const *operations, size_t count)
{
	az_check(az);
	for (unsigned i = 0; i < OPERATIONS && az->fz.at < az->fz.end; i++) {
		operations[fz_u8(&az->fz) % count](az);
		az_check(az);
	}
}

/* ---- registers ---- */

uint64_t az_peek(const struct az *az, unsigned offset)
{
	return az->fz.unit->model->read(az->fz.unit, offset, 8);
}

void az_write(struct az *az, unsigned offset, uint64_t value)
{
	FZ_REQUIRE(iommusim_mmio_write(az->fz.machine, AZ_BASE + offset, 8, value) == IOMMUSIM_OK);
}

bool az_runs(const struct az *az, uint64_t run)
{
	return (az_peek(az, AZ_STATUS) & run) != 0;
}

/* Bits that need a feature, and read back 0 without it (AMD-Vi 3.4). */
static void check_control(const struct az *az)
{
	const uint64_t control = az_peek(az, AZ_CONTROL), efr = az->config.features;
	static const struct {
		uint64_t bits, needs;
	} gated[] = {
		{ BIT(13) | BIT(14) | BIT(15), AZ_PPR },
		{ BIT(16), AZ_GT },
		{ BIT(17), AZ_GA },
		{ BIT(40), AZ_MARC },
		{ BIT(34) | BIT(35) | BIT(36), AZ_SEGS },
		{ BIT(52) | BIT(53), AZ_VIOMMU },
	};

	for (size_t i = 0; i < sizeof(gated) / sizeof(*gated); i++)
		FZ_REQUIRE((efr & gated[i].needs) != 0 || (control & gated[i].bits) == 0);
	FZ_REQUIRE((control & BIT(49)) == 0);
}

static void check_status(const struct az *az)
{
	const uint64_t control = az_peek(az, AZ_CONTROL), status = az_peek(az, AZ_STATUS);
	const bool on = (control & AZ_IOMMU_EN) != 0;

	FZ_REQUIRE((status & ~UINT64_C(0x79fff)) == 0); /* 14:13 and all above 18 */
	if ((status & AZ_CMD_RUN) != 0)
		FZ_REQUIRE(on && (control & AZ_CMD_EN) != 0);
	if ((status & AZ_EVENT_RUN) != 0)
		FZ_REQUIRE(on && (control & AZ_EVENT_EN) != 0);
	if ((az->config.features & AZ_PPR) == 0)
		FZ_REQUIRE((status & 0xe0) == 0);
	if ((az->config.features & AZ_GA) == 0)
		FZ_REQUIRE((status & 0x700) == 0);
}

/* log2 of a ring's entries; 0 for a reserved code. */
static unsigned ring_code(uint64_t base)
{
	const unsigned code = (unsigned)(base >> 56 & 15);

	return code < 8 ? 0 : code;
}

static void check_rings(const struct az *az)
{
	static const unsigned pointers[] = { AZ_CMD_HEAD, AZ_CMD_TAIL, AZ_EVENT_HEAD, AZ_EVENT_TAIL };
	const unsigned code = ring_code(az_peek(az, AZ_CMD_BASE));

	for (unsigned i = 0; i < 4; i++)
		FZ_REQUIRE((az_peek(az, pointers[i]) & ~UINT64_C(0x7fff0)) == 0);
	/* What can be carried out, is: everybody answers, and nothing takes time. */
	if (az->config.settings.latency == 0 && code != 0 && az_runs(az, AZ_CMD_RUN))
		FZ_REQUIRE(((az_peek(az, AZ_CMD_HEAD) ^ az_peek(az, AZ_CMD_TAIL)) &
			       ((UINT64_C(16) << code) - 1)) == 0);
}

void az_check(struct az *az)
{
	FZ_REQUIRE(az_peek(az, AZ_EFR) == az->config.features);
	FZ_REQUIRE(az_peek(az, AZ_EFR2) == az->config.features2);
	check_control(az);
	check_status(az);
	check_rings(az);
}

/* ---- what software does ---- */

bool az_submit(struct az *az, uint64_t low, uint64_t high)
{
	const uint64_t tail = az_peek(az, AZ_CMD_TAIL);

	if (az_peek(az, AZ_CMD_BASE) != (AZ_COMMANDS | UINT64_C(8) << 56) || tail >= AZ_RING ||
	    !az_runs(az, AZ_CMD_RUN) || az_peek(az, AZ_CMD_HEAD) != tail)
		return false;
	fz_store(&az->fz, AZ_COMMANDS + tail, low);
	fz_store(&az->fz, AZ_COMMANDS + tail + 8, high);
	az_write(az, AZ_CMD_TAIL, (tail + 16) % AZ_RING);
	for (unsigned i = 0;
	     i < 64 && az_runs(az, AZ_CMD_RUN) && az_peek(az, AZ_CMD_HEAD) != az_peek(az, AZ_CMD_TAIL);
	     i++)
		iommusim_step(az->fz.machine, 1);
	return true;
}

/* All of a domain: INVALIDATE_IOMMU_PAGES with S and PDE, for guest translations with GN for each PASID. */
bool az_invalidate_all(struct az *az)
{
	const uint64_t all = UINT64_C(0x7ffffffffffff000);

	for (uint64_t rid = 0; rid < 128; rid += rid == 1 ? 126 : 1)
		if (!az_submit(az, UINT64_C(2) << 60 | rid, 0))
			return false;
	for (uint64_t domain = 0; domain < 4; domain++) {
		if (!az_submit(az, UINT64_C(3) << 60 | domain << 32, all | 3))
			return false;
		for (uint64_t pasid = 0; pasid < 4 && (az->config.features & AZ_GT) != 0; pasid++)
			if (!az_submit(az, UINT64_C(3) << 60 | domain << 32 | pasid, all | 7))
				return false;
	}
	return az_runs(az, AZ_CMD_RUN);
}

/* A page, or the next level's table; in a guest table bits 11:9 and 62:61 mean nothing, in a host's 2:1. */
static void fill_table(struct az *az, unsigned level, unsigned number)
{
	static const uint16_t indices[] = { 0, 1, 2, 511 };
	const uint64_t table = az_table(level, number), rights = 7 | BIT(61) | BIT(62);

	for (unsigned i = 0; i < 4; i++) {
		const uint64_t next =
		    level == 1 ? (i + 4 * number) * UINT64_C(0x1000) : az_table(level - 1, number + i);

		fz_store(&az->fz, table + indices[i] * UINT64_C(8),
		    rights | (uint64_t)(level - 1) << 9 | next);
	}
	/* where tables of guests are: the same for the host */
	for (unsigned page = 0; level == 1 && page < 16; page++) {
		const uint64_t address = AZ_TABLES + page * UINT64_C(0x1000);

		fz_store(&az->fz, table + (address >> 12) * 8, rights | address);
	}
}

static void fill_tables(struct az *az)
{
	for (unsigned level = 1; level <= 6; level++)
		for (unsigned number = 0; number < 3; number++)
			fill_table(az, level, number);
	for (unsigned page = 0; page < 2; page++)
		for (unsigned i = 0; i < 3; i++)
			fz_store(&az->fz, FZ_PASIDS + page * UINT64_C(0x1000) + i * UINT64_C(8),
			    1 | (page == 0 ? FZ_PASIDS + 0x1000 : az_table(4, i)));
}

/*
 * Host tables of three levels, where the unit has any; for some inputs with flags, and guest tables too: nested for
 * the first device, alone for the second. GCR3 14:12 in 60:58, 30:15 in 95:80.
 */
static void fill_device(struct az *az, uint64_t rid)
{
	const uint64_t efr = az->config.features, gcr3 = FZ_PASIDS + 0x1000;
	const bool guest = az->guests && rid <= 1 && (efr & AZ_GT) != 0;
	const bool host = (efr >> 10 & 3) != 3 && !(guest && rid == 1);
	const unsigned had = (efr & AZ_HA) == 0 || !az->flags ? 0 : (efr & AZ_HD) == 0 ? 1 : 3;
	uint64_t dte[4] = { 3 | BIT(61) | BIT(62) | (uint64_t)had << 7, rid & 3, 0, 0 };

	if (az->flags)
		dte[1] |= BIT(32); /* it may ask for translations */
	if (host)
		dte[0] |= 3 << 9 | az_table(3, 0);
	if (guest) {
		dte[0] |= BIT(55) | ((efr & AZ_GIO) != 0 ? BIT(54) : 0) | (gcr3 >> 12 & 7) << 58;
		dte[1] |= (gcr3 >> 15 & 0xffff) << 16;
	}
	for (unsigned quad = 4; quad-- > 0;)
		fz_store(&az->fz, AZ_DEVICES + rid * 32 + quad * UINT64_C(8), dte[quad]);
}

void az_bring_up(struct az *az)
{
	const uint64_t control = AZ_IOMMU_EN | AZ_EVENT_EN | AZ_CMD_EN | AZ_GT_EN | BIT(10);

	az_write(az, AZ_CONTROL, 0);
	az_write(az, AZ_DEVTAB, AZ_DEVICES);
	az_write(az, AZ_CMD_BASE, AZ_COMMANDS | UINT64_C(8) << 56);
	az_write(az, AZ_EVENT_BASE, AZ_EVENTS | UINT64_C(8) << 56);
	for (uint64_t rid = 0; rid < 128; rid += rid == 1 ? 126 : 1)
		fill_device(az, rid);
	fill_tables(az);
	az->rings_moved = false;
	az_write(az, AZ_STATUS, 0x7);
	az_write(az, AZ_CONTROL, control);
	az_invalidate_all(az);
}
