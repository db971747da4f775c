/*
 * Every MMIO register under every plain access (AMD-Vi 3.4): which bits take a write on a unit with all
 * features and on one with none, what is not there, halves and quadwords; and writes that are lost while a
 * ring runs. What registers set in motion: the tests of their subjects.
 */
#include "amdvi_fixture.h"

#define ALL         UINT64_MAX
#define ADDRESS     UINT64_C(0x000ffffffffff000) /* 51:12 */
#define RING_BASE   UINT64_C(0x0f0ffffffffff000) /* 59:56, 51:12 */
#define RING_OFFSET UINT64_C(0x7fff0)            /* 18:4 */
#define XT_CONTROL  UINT64_C(0xff0001ffffffff04) /* 2, 31:8, 39:32, 40, 63:56 */

/* What a unit with all features keeps of a write, and what one without any does. */
struct kept {
	uint64_t full;
	uint64_t bare;
	uint64_t fixed; /* reads as 1 whatever is written, on the full unit */
	unsigned offset;
	unsigned bytes;
	bool always; /* `fixed` on the bare unit too */
};

static const struct kept registers[] = {
	{ .offset = 0x0000, .bytes = 8, .full = ADDRESS | 0x1ff, .bare = ADDRESS | 0x1ff },
	{ .offset = 0x0008, .bytes = 8, .full = RING_BASE, .bare = RING_BASE },
	{ .offset = 0x0010, .bytes = 8, .full = RING_BASE, .bare = RING_BASE },
	/* Control: 49 and 60 nowhere; bare 0, 12:2, 21:18, 23, 59. */
	{ .offset = 0x0018,
	    .bytes = 8,
	    .full = UINT64_C(0xeffdffffffffffff),
	    .bare = UINT64_C(0x0800000000bc1ffd) },
	{ .offset = 0x0020, .bytes = 8, .full = ADDRESS | 3, .bare = ADDRESS | 3 },
	{ .offset = 0x0028,
	    .bytes = 8,
	    .full = ADDRESS,
	    .bare = ADDRESS,
	    .fixed = 0xfff,
	    .always = true },
	{ .offset = 0x0038, .bytes = 8, .full = RING_BASE },
	{ .offset = 0x0040, .bytes = 8, .full = ALL },
	{ .offset = 0x0048, .bytes = 8, .full = ALL },
	{ .offset = 0x00e0, .bytes = 8, .full = RING_BASE },
	{ .offset = 0x00e8, .bytes = 8, .full = UINT64_C(0x000ffffffffffff8) }, /* 51:3 */
	{ .offset = 0x00f0, .bytes = 8, .full = RING_BASE },
	{ .offset = 0x00f8, .bytes = 8, .full = RING_BASE },
	{ .offset = 0x0100, .bytes = 8, .full = ADDRESS | 0xff },
	{ .offset = 0x0108, .bytes = 8, .full = ADDRESS | 0xff },
	{ .offset = 0x0110, .bytes = 8, .full = ADDRESS | 0xff },
	{ .offset = 0x0118, .bytes = 8, .full = ADDRESS | 0xff },
	{ .offset = 0x0120, .bytes = 8, .full = ADDRESS | 0xff },
	{ .offset = 0x0128, .bytes = 8, .full = ADDRESS | 0xff },
	{ .offset = 0x0130, .bytes = 8, .full = ADDRESS | 0xff },
	/* MSI: 16 enable, 22:20 messages enabled; 7:0 05h, 19:17 four messages, 23 64 bits. */
	{ .offset = 0x0158, .bytes = 4, .full = 0x710000, .fixed = 0x840005 },
	{ .offset = 0x015c, .bytes = 4, .full = 0xfffffffc },
	{ .offset = 0x0160, .bytes = 4, .full = 0xffffffff },
	{ .offset = 0x0164, .bytes = 4, .full = 0xffff },
	/* MSI mapping: 7:0 08h, 16 enabled, 17 fixed, 31:27 15h. */
	{ .offset = 0x0168, .bytes = 4, .fixed = 0xa8030008 },
	{ .offset = 0x016c, .bytes = 4, .full = 0x2000 },
	{ .offset = 0x0170, .bytes = 8, .full = XT_CONTROL },
	{ .offset = 0x0178, .bytes = 8, .full = XT_CONTROL },
	{ .offset = 0x0180, .bytes = 8, .full = XT_CONTROL },
	{ .offset = 0x0200, .bytes = 8, .full = ADDRESS },
	{ .offset = 0x0208, .bytes = 8, .full = ADDRESS | 3 },
	{ .offset = 0x0210, .bytes = 8, .full = ADDRESS },
	{ .offset = 0x0218, .bytes = 8, .full = ADDRESS },
	{ .offset = 0x0220, .bytes = 8, .full = ADDRESS | 3 },
	{ .offset = 0x0228, .bytes = 8, .full = ADDRESS },
	{ .offset = 0x0230, .bytes = 8, .full = ADDRESS },
	{ .offset = 0x0238, .bytes = 8, .full = ADDRESS | 3 },
	{ .offset = 0x0240, .bytes = 8, .full = ADDRESS },
	{ .offset = 0x0248, .bytes = 8, .full = ADDRESS },
	{ .offset = 0x0250, .bytes = 8, .full = ADDRESS | 3 },
	{ .offset = 0x0258, .bytes = 8, .full = ADDRESS },
	{ .offset = 0x2000, .bytes = 8, .full = RING_OFFSET, .bare = RING_OFFSET },
	{ .offset = 0x2008, .bytes = 8, .full = RING_OFFSET, .bare = RING_OFFSET },
	{ .offset = 0x2010, .bytes = 8, .full = RING_OFFSET, .bare = RING_OFFSET },
	{ .offset = 0x2018, .bytes = 8, .full = RING_OFFSET, .bare = RING_OFFSET },
	{ .offset = 0x2030, .bytes = 8, .full = RING_OFFSET },
	{ .offset = 0x2038, .bytes = 8, .full = RING_OFFSET },
	{ .offset = 0x2040, .bytes = 8, .full = RING_OFFSET | 8 }, /* entries of 8 bytes */
	{ .offset = 0x2048, .bytes = 8, .full = RING_OFFSET | 8 },
	{ .offset = 0x2050, .bytes = 8, .full = RING_OFFSET },
	{ .offset = 0x2058, .bytes = 8, .full = RING_OFFSET },
	{ .offset = 0x2070, .bytes = 8, .full = RING_OFFSET },
	{ .offset = 0x2078, .bytes = 8, .full = RING_OFFSET },
	{ .offset = 0x2080, .bytes = 8, .full = 0x1f },
	{ .offset = 0x2088, .bytes = 8, .full = 0xc0007fff }, /* 14:0, 30, 31 */
	{ .offset = 0x2090, .bytes = 8, .full = 0xc0007fff },
};

#define REGISTERS (sizeof(registers) / sizeof(*registers))

/* SMI filters: 60h to D8h, 16:0, and 17 that locks: swept apart. */
#define FILTERS 16u
#define FILTER  0x1ffffu

#define FULL_EFR                                                                                       \
	(AMD_DEFAULT_EFR | F_GAPPI | F_BLKSTOP | F_PERFOPT | F_VIOMMU | F_V2HDDIS | F_GAUPDATEDIS)
#define FULL_EFR2 (F2_TMPM | F2_GCR3TRP | F2_GAPPIDIS | F2_SNPAVIC | F2_NUMINT_2048)

/* All features but SNP, which turns the exclusion range into another one; a HyperTransport tunnel. */
static void start_full(struct amd_fixture *amd)
{
	const struct amd_setup setup = { .efr_set = FULL_EFR,
		.efr2 = FULL_EFR2,
		.capability_header = 0x1b0b000f, /* bit 25 too */
		.revision = 0x311 };

	am_start(amd, &setup);
	am_set64(amd, 0x0000, 0);
	am_set64(amd, 0x0008, 0);
	am_set64(amd, 0x0010, 0);
}

static void start_bare(struct amd_fixture *amd)
{
	const struct amd_setup setup = { .efr_clear = ALL, .revision = 0x310 };

	am_start(amd, &setup);
	assert_int_equal(am_get64(amd, A_EFR), 0);
	am_set64(amd, 0x0000, 0);
	am_set64(amd, 0x0008, 0);
	am_set64(amd, 0x0010, 0);
}

static uint64_t get(struct amd_fixture *amd, const struct kept *reg)
{
	return reg->bytes == 8 ? am_get64(amd, reg->offset) : am_get32(amd, reg->offset);
}

static void set(struct amd_fixture *amd, const struct kept *reg, uint64_t value)
{
	if (reg->bytes == 8)
		am_set64(amd, reg->offset, value);
	else
		am_set32(amd, reg->offset, (uint32_t)value);
}

static void sweep_register(
    struct amd_fixture *amd, const struct kept *reg, uint64_t kept, uint64_t fixed)
{
	assert_int_equal(get(amd, reg), fixed);
	set(amd, reg, ALL);
	assert_int_equal(get(amd, reg), kept | fixed);
	set(amd, reg, 0);
	assert_int_equal(get(amd, reg), fixed);
	for (unsigned bit = 0; bit < reg->bytes * 8; bit++) {
		set(amd, reg, BIT(bit));
		assert_int_equal(get(amd, reg), (kept & BIT(bit)) | fixed);
	}
	set(amd, reg, 0);
}

static void on_a_unit_with_all_features_each_bit_is_kept_or_not(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_full(&amd);
	for (unsigned i = 0; i < REGISTERS; i++)
		sweep_register(&amd, &registers[i], registers[i].full, registers[i].fixed);
	for (unsigned i = 0; i < FILTERS; i++) {
		const struct kept filter = { .offset = 0x60 + i * 8, .bytes = 8 };

		for (unsigned bit = 0; bit < 64; bit++)
			if (bit != 17) {
				set(&amd, &filter, BIT(bit));
				assert_int_equal(get(&amd, &filter), BIT(bit) & FILTER);
			}
	}
	am_stop(&amd);
}

static void on_a_unit_without_features_what_belongs_to_them_is_not_there(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_bare(&amd);
	for (unsigned i = 0; i < REGISTERS; i++)
		sweep_register(&amd, &registers[i], registers[i].bare,
		    registers[i].always ? registers[i].fixed : 0);
	for (unsigned i = 0; i < FILTERS; i++) {
		am_set64(&amd, 0x60 + i * 8, ALL);
		assert_int_equal(am_get64(&amd, 0x60 + i * 8), 0);
	}
	am_stop(&amd);
}

/* Features, a status of which nothing is set, and what reports nothing here: not by any write. */
static void what_is_read_only_stays(void **state)
{
	static const unsigned offsets[] = { 0x30, 0x138, 0x140, 0x148, 0x150, 0x190, 0x1a0, 0x2020 };
	struct amd_fixture amd;

	(void)state;
	start_full(&amd);
	assert_int_equal(am_get64(&amd, 0x30), FULL_EFR);
	assert_int_equal(am_get64(&amd, 0x1a0), FULL_EFR2);
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		const uint64_t before = am_get64(&amd, offsets[i]);

		am_set64(&amd, offsets[i], ALL);
		assert_int_equal(am_get64(&amd, offsets[i]), before);
		am_set64(&amd, offsets[i], 0);
		assert_int_equal(am_get64(&amd, offsets[i]), before);
	}
	am_stop(&amd);
}

static bool has_register(unsigned offset)
{
	static const unsigned others[] = { 0x30, 0x34, 0x50, 0x54, 0x138, 0x13c, 0x140, 0x144, 0x148,
		0x14c, 0x150, 0x154, 0x190, 0x194, 0x1a0, 0x1a4, 0x2020, 0x2024 };

	for (unsigned i = 0; i < REGISTERS; i++)
		if (offset - registers[i].offset < registers[i].bytes)
			return true;
	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (offset == others[i])
			return true;
	return offset >= 0x60 && offset < 0xe0;
}

static void everything_else_reads_0_and_takes_nothing(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_full(&amd);
	for (unsigned offset = 0; offset < 0x4000; offset += 4) {
		if (has_register(offset))
			continue;
		assert_int_equal(am_get32(&amd, offset), 0);
		am_set32(&amd, offset, 0xffffffff);
		assert_int_equal(am_get32(&amd, offset), 0);
	}
	am_stop(&amd);
}

/* Software writes base registers as two doublewords, the low one first. */
static void halves_are_written_apart(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_full(&amd);
	for (unsigned i = 0; i < REGISTERS; i++) {
		const struct kept *reg = &registers[i];
		const uint64_t fixed = reg->fixed;

		if (reg->bytes != 8 || reg->offset == A_CONTROL)
			continue;
		am_set32(&amd, reg->offset, 0xffffffff);
		assert_int_equal(get(&amd, reg), (reg->full & 0xffffffff) | fixed);
		am_set32(&amd, reg->offset + 4, 0xffffffff);
		assert_int_equal(get(&amd, reg), reg->full | fixed);
		assert_int_equal(am_get32(&amd, reg->offset), (uint32_t)(reg->full | fixed));
		assert_int_equal(am_get32(&amd, reg->offset + 4), reg->full >> 32);
		am_set32(&amd, reg->offset, 0);
		assert_int_equal(get(&amd, reg), (reg->full & ~UINT64_C(0xffffffff)) | fixed);
		set(&amd, reg, 0);
	}
	am_stop(&amd);
}

/* A quadword may hold two registers: MSI vectors, capability and address, address and data. */
static void one_quadword_reaches_two_narrow_registers(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_full(&amd);
	am_set64(&amd, 0x160, UINT64_C(0x000012340000feed));
	assert_int_equal(am_get32(&amd, 0x160), 0xfeed);
	assert_int_equal(am_get32(&amd, 0x164), 0x1234);
	assert_int_equal(am_get64(&amd, 0x160), UINT64_C(0x12340000feed));
	am_stop(&amd);
}

/* CONTROL as one quadword: what waits in the command buffer runs under both halves. IntCapXTEn is bit 51. */
static void a_quadword_is_written_at_once(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	am_enable_msi(&amd, 0);
	am_set64(&amd, A_XT_GEN, UINT64_C(0x0000007700000300));
	am_store(&amd, amd.commands, UINT64_C(1) << 60 | 2); /* COMPLETION_WAIT with I */
	am_set64(&amd, A_CMD_TAIL, 0x10);
	am_set64(&amd, A_CONTROL,
	    C_COHERENT | C_IOMMU_EN | C_CMD_BUF_EN | C_COMWAIT_INT_EN | C_INT_CAP_XT_EN);
	assert_int_equal(am_only_message(&amd).data, 0x77);
	am_stop(&amd);
}

/* Of fewer than 4 bytes only reads mean anything. */
static void narrow_accesses_read_and_write_nothing(void **state)
{
	struct amd_fixture amd;
	uint64_t value = 0;

	(void)state;
	start_full(&amd);
	am_set64(&amd, A_DEVTAB, UINT64_C(0x000123456789a0ff));
	for (unsigned at = 0; at < 8; at++) {
		assert_int_equal(iommusim_mmio_write(amd.machine, AMD_BASE + at, 1, 0x55), IOMMUSIM_OK);
		assert_int_equal(
		    iommusim_mmio_read(amd.machine, AMD_BASE + at, 1, &value), IOMMUSIM_OK);
		assert_int_equal(value, UINT64_C(0x000123456789a0ff) >> at * 8 & 0xff);
	}
	assert_int_equal(iommusim_mmio_write(amd.machine, AMD_BASE + 2, 2, 0x5555), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_read(amd.machine, AMD_BASE + 2, 2, &value), IOMMUSIM_OK);
	assert_int_equal(value, 0x6789);
	am_stop(&amd);
}

/* A base register that is written takes its pointers to the begin of the ring, by each half. */
static void a_base_clears_its_pointers(void **state)
{
	static const struct {
		unsigned base, head, tail;
	} rings[] = {
		{ 0x0008, 0x2000, 0x2008 },
		{ 0x0010, 0x2010, 0x2018 },
		{ 0x0038, 0x2030, 0x2038 },
		{ 0x00e0, 0x2040, 0x2048 },
		{ 0x00f0, 0x2050, 0x2058 },
		{ 0x00f8, 0x2070, 0x2078 },
	};
	struct amd_fixture amd;

	(void)state;
	start_full(&amd);
	for (unsigned i = 0; i < 6; i++) {
		for (unsigned half = 0; half < 2; half++) {
			for (unsigned j = 0; j < 6; j++) {
				am_set32(&amd, rings[j].head, 0x120);
				am_set32(&amd, rings[j].tail, 0x240);
			}
			am_set32(&amd, rings[i].base + half * 4, 0);
			for (unsigned j = 0; j < 6; j++) {
				assert_int_equal(am_get32(&amd, rings[j].head), i == j ? 0 : 0x120);
				assert_int_equal(am_get32(&amd, rings[j].tail), i == j ? 0 : 0x240);
			}
		}
	}
	am_stop(&amd);
}

/* While a ring runs its base stays, and the pointer that hardware moves; the other one is software's. */
static void while_a_ring_runs_hardwares_own_stays(void **state)
{
	static const struct {
		unsigned offset;
		bool stays;
	} of_rings[] = {
		{ 0x0008, true }, /* command buffer */
		{ 0x2000, true },
		{ 0x0010, true }, /* event log */
		{ 0x2010, false },
		{ 0x2018, true },
		{ 0x0038, true }, /* PPR log */
		{ 0x2030, false },
		{ 0x2038, true },
		{ 0x00e0, true }, /* GA log */
		{ 0x00e8, true },
		{ 0x2040, false },
		{ 0x2048, true },
	};
	struct amd_fixture amd;

	(void)state;
	start_full(&amd);
	am_control(&amd, C_CMD_BUF_EN | C_EVENT_LOG_EN | C_PPR_LOG_EN | C_GA_LOG_EN, 0);
	am_control(&amd, C_IOMMU_EN, 0);
	assert_int_equal(am_status(&amd), S_CMD_RUN | S_EVENT_RUN | S_PPR_RUN | S_GA_RUN);
	for (unsigned i = 0; i < sizeof(of_rings) / sizeof(*of_rings); i++) {
		am_set64(&amd, of_rings[i].offset, 0x8000);
		assert_int_equal(am_get64(&amd, of_rings[i].offset), of_rings[i].stays ? 0 : 0x8000);
	}
	am_control(&amd, 0, C_IOMMU_EN);
	for (unsigned i = 0; i < sizeof(of_rings) / sizeof(*of_rings); i++) {
		am_set64(&amd, of_rings[i].offset, 0x8000);
		assert_int_equal(am_get64(&amd, of_rings[i].offset), 0x8000);
	}
	am_stop(&amd);
}

/* How many of the registers that come in numbers there are, the features say. */
static void numbers_of_registers_go_by_the_features(void **state)
{
	static const unsigned segments[] = { 0, 1, 3, 7 };

	(void)state;
	for (unsigned code = 0; code < 4; code++) {
		const struct amd_setup setup = { .efr_clear = F_DEVSEG | F_SMIFRC,
			.efr_set = (uint64_t)code << 38 | (uint64_t)code << 18 };
		struct amd_fixture amd;

		am_start(&amd, &setup);
		for (unsigned i = 0; i < 7; i++) {
			am_set64(&amd, 0x100 + i * 8, 0x1000);
			assert_int_equal(
			    am_get64(&amd, 0x100 + i * 8), i < segments[code] ? 0x1000 : 0);
		}
		for (unsigned i = 0; i < FILTERS; i++) {
			am_set64(&amd, 0x60 + i * 8, 0x10310);
			assert_int_equal(am_get64(&amd, 0x60 + i * 8), i < 1u << code ? 0x10310 : 0);
		}
		am_stop(&amd);
	}
}

/* Control: XTEn (50) is for units with GASup and XTSup, GAMEn and the GA log (29:25) with GASup and GAMSup. */
static void some_control_bits_need_two_features(void **state)
{
	static const struct {
		uint64_t without, lost;
	} cases[] = {
		{ 0, 0 },
		{ F_XT, C_XT_EN | C_INT_CAP_XT_EN },
		{ F_GA, C_XT_EN | UINT64_C(0x3e000000) | C_GA_EN },
		{ F_GAM, UINT64_C(0x3e000000) },
	};
	const uint64_t asked = C_XT_EN | C_INT_CAP_XT_EN | UINT64_C(0x3e000000) | C_GA_EN;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct amd_setup setup = { .efr_clear = cases[i].without };
		struct amd_fixture amd;

		am_start(&amd, &setup);
		am_set64(&amd, A_CONTROL, asked);
		assert_int_equal(am_get64(&amd, A_CONTROL), asked & ~cases[i].lost);
		am_stop(&amd);
	}
}

static void a_locked_filter_stays_until_a_reset(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	am_set64(&amd, A_SMI_FILTER + 8, 0x30310); /* device 0310h, valid, locked */
	for (unsigned width = 4; width <= 8; width += 4) {
		assert_int_equal(
		    iommusim_mmio_write(amd.machine, AMD_BASE + A_SMI_FILTER + 8, width, 0x10311),
		    IOMMUSIM_OK);
		assert_int_equal(am_get64(&amd, A_SMI_FILTER + 8), 0x30310);
	}
	am_set64(&amd, A_SMI_FILTER, 0x10311);
	assert_int_equal(am_get64(&amd, A_SMI_FILTER), 0x10311);
	iommusim_unit_reset(amd.unit, false);
	assert_int_equal(am_get64(&amd, A_SMI_FILTER + 8), 0);
	am_set64(&amd, A_SMI_FILTER + 8, 0x10311);
	assert_int_equal(am_get64(&amd, A_SMI_FILTER + 8), 0x10311);
	am_stop(&amd);
}

/* With SNP the exclusion registers are the range of completion stores: no enable, nothing for all devices. */
static void with_snp_there_is_no_exclusion(void **state)
{
	const struct amd_setup setup = { .efr_set = F_SNP };
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, &setup);
	am_set64(&amd, A_EXCL_BASE, ALL);
	assert_int_equal(am_get64(&amd, A_EXCL_BASE), ADDRESS);
	am_set64(&amd, A_EXCL_LIMIT, 0);
	assert_int_equal(am_get64(&amd, A_EXCL_LIMIT), 0xfff);
	am_stop(&amd);
}

static void a_reset_takes_registers_back(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_set64(&amd, A_EXCL_LIMIT, ALL);
	am_set64(&amd, A_XT_GEN, ALL);
	iommusim_unit_reset(amd.unit, false);
	assert_int_equal(am_get64(&amd, A_CONTROL), 0);
	assert_int_equal(am_get64(&amd, A_STATUS), 0);
	assert_int_equal(am_get64(&amd, A_DEVTAB), 0);
	assert_int_equal(am_get64(&amd, A_EXCL_LIMIT), 0xfff);
	assert_int_equal(am_get64(&amd, A_XT_GEN), 0);
	assert_int_equal(am_get64(&amd, A_EFR), AMD_DEFAULT_EFR);
	am_stop(&amd);
}

/* Counters: 10:7 in a bank, 17:12 banks; and 512 KiB of registers (EFR.PCSup). */
static void the_counter_configuration_says_how_many_there_are(void **state)
{
	const struct amd_setup setup = { .efr_set = F_PC, .counters = 5, .counter_banks = 3 };
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, &setup);
	assert_int_equal(am_get64(&amd, A_COUNTER_CONFIG), 5 << 7 | 3 << 12);
	am_set64(&amd, A_COUNTER_CONFIG, ALL);
	assert_int_equal(am_get64(&amd, A_COUNTER_CONFIG), 5 << 7 | 3 << 12);
	assert_int_equal(am_get64(&amd, 0x4008), 0);
	assert_int_equal(am_get64(&amd, 0x3fff8), 0);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_unit_with_all_features_each_bit_is_kept_or_not),
		cmocka_unit_test(on_a_unit_without_features_what_belongs_to_them_is_not_there),
		cmocka_unit_test(what_is_read_only_stays),
		cmocka_unit_test(everything_else_reads_0_and_takes_nothing),
		cmocka_unit_test(halves_are_written_apart),
		cmocka_unit_test(one_quadword_reaches_two_narrow_registers),
		cmocka_unit_test(a_quadword_is_written_at_once),
		cmocka_unit_test(narrow_accesses_read_and_write_nothing),
		cmocka_unit_test(a_base_clears_its_pointers),
		cmocka_unit_test(while_a_ring_runs_hardwares_own_stays),
		cmocka_unit_test(numbers_of_registers_go_by_the_features),
		cmocka_unit_test(a_locked_filter_stays_until_a_reset),
		cmocka_unit_test(with_snp_there_is_no_exclusion),
		cmocka_unit_test(a_reset_takes_registers_back),
		cmocka_unit_test(the_counter_configuration_says_how_many_there_are),
		cmocka_unit_test(some_control_bits_need_two_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
