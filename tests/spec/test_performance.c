/*
 * Performance monitoring (VT-d 10, 11.4.13): what a unit says it has, the counters' registers, what makes
 * a counter count, filters, overflow, freezing and the interrupt. Events come from the function that the
 * model itself counts with.
 */
#include "models/vtd/performance.h" /* first: the fixture has macros of the same names as its needs */

#include <sched.h>

#include "vtd_fixture.h"

#define CAP_FRO_700 (UINT64_C(0x70) << 24)
#define CAP_ECMDS   BIT(61)
#define ECAP_PMS    BIT(51)

/* Registers with a place of their own, and those whose places are told by them: where they are by default. */
enum {
	PERFCAP = 0x300,
	PERFCFGOFF = 0x310,
	PERFFRZOFF = 0x314,
	PERFOVFOFF = 0x318,
	PERFCNTROFF = 0x31c,
	PERFINTRSTS = 0x324,
	PERFINTRCTL = 0x328,
	PERFEVNTCAP = 0x380,
	ECMD = 0x400,
	ECRSP = 0x410,
	CONFIG = 0x1000,
	FREEZE = 0x1800,
	OVERFLOW = 0x1808,
	COUNTER = 0x1c00,
	STRIDE = 0x400,
	COUNTERS = 8
};

/* Registers of one counter's configuration. */
enum { CFG = 0, RID = 0x08, DID = 0x0c, PASID = 0x10, AT = 0x14, PTL = 0x18, CAPABILITY = 0x80 };

#define DEFAULT_PERFCAP UINT64_C(0xf007001f05300008)
#define ONES            (UINT64_C(0xf) << 60)
#define COUNTER_MAX     UINT64_C(0xffffffffffff) /* 48 bits */
#define ON              0x80000000u              /* of a filter */
#define IO              UINT64_C(2)
#define GFO             UINT64_C(4)

/* ECRSP */
enum { DONE = 0, FAILED = 16 << 1 };

/* PERFCAP in pieces: bits 63:60 come by themselves. */
static uint64_t perfcap(unsigned counters, unsigned width, unsigned groups, uint64_t more)
{
	return counters | (uint64_t)width << 16 | (uint64_t)groups << 24 | more;
}

#define ALL_FILTERS (UINT64_C(0x1f) << 32)
#define CWE         BIT(48)
#define GFS         BIT(49)
#define IOS         BIT(50)
#define PCCS        BIT(51)
#define CS(n)       ((uint64_t)(n) << 52)

static const struct iommusim_vtd_config counting = {
	.base = VTD_BASE,
	.register_size = 2,
	.version = 0x10,
	.capability = (VTD_DEFAULT_CAP & ~CAP_FRO_400) | CAP_FRO_700 | CAP_ECMDS,
	.ext_capability = VTD_DEFAULT_ECAP | ECAP_PMS,
	.host_address_width = VTD_HAW,
};

static void start(struct vtd_fixture *vtd, const struct iommusim_vtd_config *config)
{
	memset(vtd, 0, sizeof(*vtd));
	assert_int_equal(iommusim_machine_create(NULL, &vtd->machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(vtd->machine, config, &vtd->unit), IOMMUSIM_OK);
}

static void start_with(struct vtd_fixture *vtd, uint64_t capability)
{
	struct iommusim_vtd_config config = counting;

	config.performance_capability = capability;
	start(vtd, &config);
}

static uint64_t command(struct vtd_fixture *vtd, unsigned number, uint64_t operand)
{
	vt_set64(vtd, ECMD, number | operand << 16);
	return vt_get64(vtd, ECRSP);
}

static uint64_t enable(struct vtd_fixture *vtd, unsigned counter)
{
	return command(vtd, 240, counter);
}

static uint64_t disable(struct vtd_fixture *vtd, unsigned counter)
{
	return command(vtd, 241, counter);
}

static void reset_configuration(struct vtd_fixture *vtd)
{
	assert_int_equal(command(vtd, 242, 0), DONE);
}

static void reset_values(struct vtd_fixture *vtd)
{
	assert_int_equal(command(vtd, 243, 0), DONE);
}

static void freeze(struct vtd_fixture *vtd)
{
	assert_int_equal(command(vtd, 244, 0), DONE);
}

static void unfreeze(struct vtd_fixture *vtd)
{
	assert_int_equal(command(vtd, 245, 0), DONE);
}

static unsigned config_at(unsigned counter, unsigned reg)
{
	return CONFIG + counter * 0x100 + reg;
}

static void configure(
    struct vtd_fixture *vtd, unsigned counter, unsigned group, uint64_t events, uint64_t flags)
{
	vt_set64(vtd, config_at(counter, CFG), events << 32 | group << 8 | flags);
}

static void filter(struct vtd_fixture *vtd, unsigned counter, unsigned reg, uint32_t value)
{
	vt_set32(vtd, config_at(counter, reg), value);
}

static uint64_t value(struct vtd_fixture *vtd, unsigned counter)
{
	return vt_get64(vtd, COUNTER + counter * STRIDE);
}

static void set_value(struct vtd_fixture *vtd, unsigned counter, uint64_t to)
{
	vt_set64(vtd, COUNTER + counter * STRIDE, to);
}

/* Something happens. */
static void happen(struct vtd_fixture *vtd, enum vtd_performance_event event,
    const struct vtd_performance_subject *subject)
{
	vtd_performance_count(vtd_of(vtd->unit), event, subject);
}

static void request(struct vtd_fixture *vtd)
{
	const struct vtd_performance_subject subject = { .rid = VTD_RID };

	happen(vtd, VTD_PERFORMANCE_IOMMU_REQUESTS, &subject);
}

/* Counter `counter` counts requests from now on. */
static void count_requests(struct vtd_fixture *vtd, unsigned counter, uint64_t flags)
{
	configure(vtd, counter, 0, 2, flags);
	assert_int_equal(enable(vtd, counter), DONE);
}

/* --- what a unit has ---------------------------------------------------------------------------------- */

static void a_unit_has_eight_counters_unless_it_is_told_otherwise(void **state)
{
	static const uint64_t events[15] = { 0x6f, 0xe9, 0x3ff, 0xf, 0x7 };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	assert_int_equal(vt_get64(&vtd, PERFCAP), DEFAULT_PERFCAP);
	assert_int_equal(vt_get32(&vtd, PERFCFGOFF), CONFIG);
	assert_int_equal(vt_get32(&vtd, PERFFRZOFF), FREEZE);
	assert_int_equal(vt_get32(&vtd, PERFOVFOFF), OVERFLOW);
	assert_int_equal(vt_get32(&vtd, PERFCNTROFF), COUNTER);
	for (unsigned group = 0; group < 15; group++) {
		assert_int_equal(vt_get64(&vtd, PERFEVNTCAP + 8 * group), events[group]);
		vt_set64(&vtd, PERFEVNTCAP + 8 * group, UINT64_MAX);
		assert_int_equal(vt_get64(&vtd, PERFEVNTCAP + 8 * group), events[group]);
	}
	for (unsigned offset = CONFIG; offset < 0x4000; offset += 8)
		assert_int_equal(vt_get64(&vtd, offset), 0);
	vt_stop(&vtd);
}

static void a_small_register_set_has_no_counters(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	for (config.register_size = 0; config.register_size < 2; config.register_size++) {
		start(&vtd, &config);
		assert_int_equal(vt_get64(&vtd, PERFCAP), ONES);
		assert_int_equal(vt_get32(&vtd, PERFCFGOFF), 0);
		assert_int_equal(vt_get32(&vtd, PERFCNTROFF), 0);
		assert_int_equal(vt_get64(&vtd, PERFEVNTCAP), 0);
		assert_int_equal(enable(&vtd, 0), FAILED);
		freeze(&vtd);
		vt_stop(&vtd);
	}
}

/* Layout, width, number and events as the settings have them; 4 KiB apart as in Figure 11-43. */
static void settings_say_what_there_is_and_where(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.register_size = 8;
	config.performance_capability = perfcap(64, 13, 3, CS(2));
	config.performance_events[0] = 2;
	config.performance_events[2] = 0x300;
	config.performance_config_offset = 0xa000;
	config.performance_freeze_offset = 0x338;
	config.performance_overflow_offset = 0x9000;
	config.performance_counter_offset = 0x40000;
	start(&vtd, &config);
	assert_int_equal(vt_get64(&vtd, PERFCAP), config.performance_capability | ONES);
	assert_int_equal(vt_get32(&vtd, PERFCFGOFF), 0xa000);
	assert_int_equal(vt_get32(&vtd, PERFFRZOFF), 0x338);
	assert_int_equal(vt_get32(&vtd, PERFOVFOFF), 0x9000);
	assert_int_equal(vt_get32(&vtd, PERFCNTROFF), 0x40000);
	assert_int_equal(vt_get64(&vtd, PERFEVNTCAP), 2);
	assert_int_equal(vt_get64(&vtd, PERFEVNTCAP + 8), 0);
	assert_int_equal(vt_get64(&vtd, PERFEVNTCAP + 16), 0x300);
	for (unsigned i = 0; i < 64; i++) {
		vt_set64(&vtd, 0xa000 + i * 0x100, UINT64_C(2) << 32);
		vt_set64(&vtd, 0x40000 + i * 0x1000, i);
		assert_int_equal(enable(&vtd, i), DONE);
	}
	assert_int_equal(enable(&vtd, 64), FAILED);
	request(&vtd);
	freeze(&vtd);
	request(&vtd);
	assert_int_equal(vt_get64(&vtd, 0x338), UINT64_MAX);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(vt_get64(&vtd, 0xa000 + i * 0x100), UINT64_C(2) << 32 | 1);
		assert_int_equal(vt_get64(&vtd, 0x40000 + i * 0x1000), i + 1);
		assert_int_equal(vt_get64(&vtd, 0x40000 + i * 0x1000 + 8), 0);
	}
	assert_int_equal(vt_get64(&vtd, 0xe000), 0);
	assert_int_equal(vt_get64(&vtd, 0x80000), 0);
	vt_set64(&vtd, 0x338, 0); /* what is frozen is a command's business */
	assert_int_equal(vt_get64(&vtd, 0x338), UINT64_MAX);
	unfreeze(&vtd);
	assert_int_equal(disable(&vtd, 63), DONE);
	vt_set64(&vtd, 0x7f000, UINT64_MAX); /* 13 bits */
	assert_int_equal(vt_get64(&vtd, 0x7f000), 0x1fff);
	assert_int_equal(enable(&vtd, 63), DONE);
	request(&vtd);
	assert_int_equal(vt_get64(&vtd, 0x7f000), 0);
	assert_int_equal(vt_get64(&vtd, 0x9000), BIT(63));
	vt_set32(&vtd, 0x9004, 0x40000000); /* another counter's */
	assert_int_equal(vt_get64(&vtd, 0x9000), BIT(63));
	vt_set32(&vtd, 0x9004, 0x80000000);
	assert_int_equal(vt_get64(&vtd, 0x9000), 0);
	vt_stop(&vtd);
}

/* A place behind the last counter, where another might have been, is none; nor is one that is read-only. */
static void what_is_written_beside_the_counters_reaches_none(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.register_size = 8;
	config.performance_capability = perfcap(3, 48, 3, CS(2));
	config.performance_counter_offset = 0x40000;
	start(&vtd, &config);
	vt_set64(&vtd, 0x40000, 4);
	vt_set64(&vtd, 0x42000, 5);
	vt_set64(&vtd, 0x43000, 7);
	vt_set64(&vtd, vt_get32(&vtd, PERFFRZOFF), UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, 0x40000), 4);
	assert_int_equal(vt_get64(&vtd, 0x41000), 0);
	assert_int_equal(vt_get64(&vtd, 0x42000), 5);
	assert_int_equal(vt_get64(&vtd, 0x43000), 0);
	vt_stop(&vtd);
}

static void refused(const struct iommusim_vtd_config *config, const char *why)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(machine, config, NULL), IOMMUSIM_EINVAL);
	if (strstr(iommusim_machine_diagnostic(machine)->text, why) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", iommusim_machine_diagnostic(machine)->text, why);
	iommusim_machine_destroy(machine);
}

static void capabilities_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint64_t capability;
		const char *why;
	} bad[] = {
		{ 0x0800000000080008 | 48 << 16, "reserved bits of PERFCAP" },
		{ BIT(23) | 48 << 16 | 1, "reserved bits of PERFCAP" },
		{ BIT(37) | 48 << 16 | 1, "reserved bits of PERFCAP" },
		{ 48 << 16 | 65, "NCNTR" },
		{ 65 << 16 | 1, "CW" },
		{ 1, "CW" },
		{ 16 << 24 | 48 << 16 | 1, "EGCNT" },
		{ PCCS | 48 << 16 | 1, "needs the capabilities of each counter" },
	};
	struct iommusim_vtd_config config = counting;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		config.performance_capability = bad[i].capability;
		refused(&config, bad[i].why);
	}
	config = counting;
	config.capability &= ~CAP_ECMDS;
	refused(&config, "ECAP.PMS needs CAP.ECMDS");
	config = counting;
	config.ext_capability &= ~ECAP_PMS;
	config.performance_freeze_offset = 0x2000;
	refused(&config, "need ECAP.PMS");
	config = counting;
	config.performance_events[5] = 1; /* Table 49 ends with group 4 */
	refused(&config, "beyond PERFCAP.EGCNT");
	config.performance_capability = perfcap(8, 48, 15, 0);
	refused(&config, "does not define");
	config.performance_events[5] = 0;
	config.performance_events[0] = 0x10;
	refused(&config, "does not define");
	config.performance_events[0] = BIT(28);
	refused(&config, "does not define");
}

static void places_that_cannot_be_are_refused(void **state)
{
	/* offsets of configuration, freeze, overflow and counters */
	static const struct {
		uint32_t at[4];
		const char *why;
	} bad[] = {
		{ { 0x1080 }, "not aligned" },
		{ { 0, 0x3804 }, "not aligned" },
		{ { 0, 0, 0x1f04 }, "not aligned" },
		{ { 0, 0, 0, 0x1e00 }, "not aligned" },
		{ { 0x3900 }, "beyond the register set" },
		{ { 0, 0x4000 }, "beyond the register set" },
		{ { 0, 0, 0xfffffff8 }, "beyond the register set" },
		{ { 0, 0, 0, 0x2400 }, "beyond the register set" },
		{ { 0xffffff00 }, "beyond the register set" },
		{ { 0, 0x1ff8, 0x1ff8 }, "share a place" },
		{ { 0, 0x17f8 }, "share a place" },
		{ { 0, 0, 0x1000 }, "share a place" },
		{ { 0x2000, 0x1000, 0x1008, 0x2000 }, "share a place" },
		{ { 0, 0x2c00, 0x1ff8, 0x1c00 }, "share a place" },
		{ { 0x100 }, "offset 0x100" },
		{ { 0, 0x700, 0x1ff8, 0x2000 }, "offset 0x700" },
		{ { 0, 0, 0x18, 0x2000 }, "offset 0x18" },
		{ { 0x3000, 0x1f00, 0x1f08, 0x400 }, "offset 0x400" },
	};
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct iommusim_vtd_config config = counting;

		config.ext_capability |= BIT(25); /* MTRRs from 100h on */
		config.performance_config_offset = bad[i].at[0];
		config.performance_freeze_offset = bad[i].at[1];
		config.performance_overflow_offset = bad[i].at[2];
		config.performance_counter_offset = bad[i].at[3];
		refused(&config, bad[i].why);
	}
	/* Counters have room for each other's and other registers between them. */
	struct iommusim_vtd_config config = counting;
	config.performance_config_offset = 0x3000;
	config.performance_freeze_offset = 0x1008;
	config.performance_overflow_offset = 0x13f8;
	config.performance_counter_offset = 0x1000;
	config.performance_capability = perfcap(8, 48, 5, 0);
	start(&vtd, &config);
	vt_set64(&vtd, 0x1000, 1);
	vt_set64(&vtd, 0x1400, 2);
	freeze(&vtd);
	assert_int_equal(vt_get64(&vtd, 0x1000), 1);
	assert_int_equal(vt_get64(&vtd, 0x1008), 0xff);
	assert_int_equal(vt_get64(&vtd, 0x13f8), 0);
	assert_int_equal(vt_get64(&vtd, 0x1400), 2);
	vt_stop(&vtd);
}

/* Counters far apart, far beyond what other registers reach. */
static void a_stride_of_128_KiB_is_as_good_as_any(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.register_size = 9;
	config.performance_capability = perfcap(8, 64, 5, CS(7));
	start(&vtd, &config);
	assert_int_equal(vt_get32(&vtd, PERFCNTROFF), 0x20000);
	for (unsigned i = 0; i < 8; i++)
		vt_set64(&vtd, 0x20000 * (i + 1), UINT64_MAX - i);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(vt_get64(&vtd, 0x20000 * (i + 1)), UINT64_MAX - i);
	assert_int_equal(vt_get32(&vtd, 0x20004), 0xffffffff);
	assert_int_equal(vt_get64(&vtd, 0x20008), 0);
	assert_int_equal(vt_get64(&vtd, 0x120000), 0);
	config.register_size = 8; /* the last one ends at 100008h */
	refused(&config, "beyond the register set");
	vt_stop(&vtd);
}

/* --- registers ---------------------------------------------------------------------------------------- */

static void each_register_keeps_its_fields_while_the_counter_is_disabled(void **state)
{
	static const struct {
		unsigned offset;
		uint32_t kept;
	} rows[] = {
		{ 0x00, 0xf06 },
		{ 0x04, 0x0fffffff },
		{ RID, 0x8000ffff },
		{ DID, 0x8000ffff },
		{ PASID, 0x803fffff },
		{ AT, 0x8000001f },
		{ PTL, 0x8000001f },
		{ 0x1c, 0 },
		{ 0x20, 0 },
		{ 0x7c, 0 },
		{ CAPABILITY, 0 },
		{ 0x84, 0 },
		{ 0xfc, 0 },
	};
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	for (unsigned counter = 0; counter < COUNTERS; counter++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			vt_set32(&vtd, config_at(counter, rows[i].offset), 0xffffffff);
			assert_int_equal(
			    vt_get32(&vtd, config_at(counter, rows[i].offset)), rows[i].kept);
		}
		vt_set64(&vtd, config_at(counter, RID), 0x8000000200000001); /* two registers */
		assert_int_equal(vt_get32(&vtd, config_at(counter, RID)), 1);
		assert_int_equal(vt_get32(&vtd, config_at(counter, DID)), 0x80000002);
		set_value(&vtd, counter, UINT64_MAX);
		assert_int_equal(value(&vtd, counter), COUNTER_MAX);
		vt_set32(&vtd, COUNTER + counter * STRIDE, counter);
		vt_set32(&vtd, COUNTER + counter * STRIDE + 4, 0xffff0007);
		assert_int_equal(value(&vtd, counter), UINT64_C(7) << 32 | counter);
	}
	vt_set64(&vtd, FREEZE, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, FREEZE), 0);
	vt_set64(&vtd, OVERFLOW, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 0);
	iommusim_unit_reset(vtd.unit, false);
	for (unsigned offset = CONFIG; offset < 0x4000; offset += 8)
		assert_int_equal(vt_get64(&vtd, offset), 0);
	vt_stop(&vtd);
}

static void a_filter_the_unit_lacks_is_reserved(void **state)
{
	static const unsigned registers[] = { RID, DID, PASID, AT, PTL };
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned has = 0; has < 32; has++) {
		start_with(&vtd, perfcap(8, 48, 5, (uint64_t)has << 32));
		for (unsigned i = 0; i < 5; i++) {
			vt_set32(&vtd, config_at(3, registers[i]), ON | 1);
			assert_int_equal(
			    vt_get32(&vtd, config_at(3, registers[i])), has >> i & 1 ? ON | 1 : 0);
		}
		vt_stop(&vtd);
	}
}

/* Table 51. */
static void an_enabled_counter_is_locked(void **state)
{
	static const unsigned registers[] = { RID, DID, PASID, AT, PTL };
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned writable = 0; writable < 2; writable++) {
		start_with(&vtd, perfcap(8, 48, 5, ALL_FILTERS | GFS | IOS | (writable ? CWE : 0)));
		set_value(&vtd, 2, 5);
		count_requests(&vtd, 2, IO);
		assert_int_equal(vt_get64(&vtd, config_at(2, CFG)), UINT64_C(2) << 32 | IO | 1);
		vt_set64(&vtd, config_at(2, CFG), 0);
		assert_int_equal(vt_get64(&vtd, config_at(2, CFG)), UINT64_C(2) << 32 | IO | 1);
		for (unsigned i = 0; i < 5; i++) {
			vt_set32(&vtd, config_at(2, registers[i]), ON);
			assert_int_equal(vt_get32(&vtd, config_at(2, registers[i])), 0);
			vt_set32(&vtd, config_at(3, registers[i]), ON); /* another counter's are not */
			assert_int_equal(vt_get32(&vtd, config_at(3, registers[i])), ON);
		}
		set_value(&vtd, 2, 9);
		assert_int_equal(value(&vtd, 2), writable ? 9 : 5);
		freeze(&vtd); /* frozen is enabled still */
		set_value(&vtd, 2, 11);
		assert_int_equal(value(&vtd, 2), writable ? 11 : 5);
		assert_int_equal(disable(&vtd, 2), DONE);
		vt_set64(&vtd, config_at(2, CFG), 0xfff00000000 | 1);
		assert_int_equal(vt_get64(&vtd, config_at(2, CFG)), 0xfff00000000); /* EN is RO */
		set_value(&vtd, 2, 12);
		assert_int_equal(value(&vtd, 2), 12);
		vt_stop(&vtd);
	}
}

/* --- enabling ------------------------------------------------------------------------------------------ */

static void what_cannot_be_counted_is_not_enabled(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.performance_capability = perfcap(4, 48, 3, ALL_FILTERS);
	config.performance_events[0] = 0x03;
	config.performance_events[2] = 0x01;
	start(&vtd, &config);
	assert_int_equal(enable(&vtd, 0), FAILED); /* no event */
	configure(&vtd, 0, 0, 4, 0);               /* not supported */
	assert_int_equal(enable(&vtd, 0), FAILED);
	configure(&vtd, 0, 0, 6, 0); /* one of two is not */
	assert_int_equal(enable(&vtd, 0), FAILED);
	for (unsigned group = 0; group < 16; group++) {
		configure(&vtd, 1, group, 1, 0); /* no such group; none of its events */
		assert_int_equal(enable(&vtd, 1), group == 0 || group == 2 ? DONE : FAILED);
		assert_int_equal(vt_get64(&vtd, config_at(1, CFG)) & 1, group == 0 || group == 2);
		assert_int_equal(disable(&vtd, 1), DONE);
	}
	for (unsigned bit = 0; bit < 28; bit++) { /* there are 15 groups at most */
		configure(&vtd, 1, 15, BIT(bit), 0);
		assert_int_equal(enable(&vtd, 1), FAILED);
	}
	configure(&vtd, 0, 0, 2, IO); /* without IOS and GFS */
	assert_int_equal(enable(&vtd, 0), FAILED);
	configure(&vtd, 0, 0, 2, GFO);
	assert_int_equal(enable(&vtd, 0), FAILED);
	configure(&vtd, 0, 0, 3, 0);
	assert_int_equal(enable(&vtd, 0), DONE);
	assert_int_equal(enable(&vtd, 0), DONE); /* again */
	configure(&vtd, 3, 0, 2, 0);
	assert_int_equal(enable(&vtd, 4), FAILED); /* there are four */
	assert_int_equal(enable(&vtd, 3), DONE);
	vt_stop(&vtd);
}

/* Table 49, and beyond it the filters by requester, domain and PASID as the model has them. */
static const struct {
	unsigned group, bit;
	const char *filters; /* r RID, d DID, p PASID, a AT, l PTL */
	enum vtd_performance_event event;
	uint32_t along; /* events of the same group that it brings with it */
} events[] = {
	{ 0, 0, "", VTD_PERFORMANCE_IOMMU_CLOCKS, 0 },
	{ 0, 1, "rpa", VTD_PERFORMANCE_IOMMU_REQUESTS, 0x21 },
	{ 0, 2, "rdp", VTD_PERFORMANCE_PW_OCCUPANCY, 0 },
	{ 0, 3, "", VTD_PERFORMANCE_ATS_BLOCKED, 0 },
	{ 0, 5, "rp", VTD_PERFORMANCE_TOTAL_OCCUPANCY, 0 },
	{ 0, 6, "", VTD_PERFORMANCE_MEM_OCCUPANCY, 0 },
	{ 1, 0, "", VTD_PERFORMANCE_IOMMU_MRDS, 0 },
	{ 1, 3, "", VTD_PERFORMANCE_IOMMU_ATOMIC_AD_UPDATE, 0 },
	{ 1, 5, "", VTD_PERFORMANCE_IOMMU_MEM_BLOCKED, 0 },
	{ 1, 6, "rp", VTD_PERFORMANCE_PG_REQ_POSTED, 0 },
	{ 1, 7, "rp", VTD_PERFORMANCE_PG_REQ_OVERFLOW, 0 },
	{ 2, 0, "r", VTD_PERFORMANCE_CTXT_CACHE_LOOKUP, 0 },
	{ 2, 1, "r", VTD_PERFORMANCE_CTXT_CACHE_HIT, 0 },
	{ 2, 2, "rp", VTD_PERFORMANCE_PASID_CACHE_LOOKUP, 0 },
	{ 2, 3, "rp", VTD_PERFORMANCE_PASID_CACHE_HIT, 0 },
	{ 2, 4, "rdp", VTD_PERFORMANCE_SS_NONLEAF_LOOKUP, 0 },
	{ 2, 5, "rdpl", VTD_PERFORMANCE_SS_NONLEAF_HIT, 0 },
	{ 2, 6, "rdp", VTD_PERFORMANCE_FS_NONLEAF_LOOKUP, 0 },
	{ 2, 7, "rdpl", VTD_PERFORMANCE_FS_NONLEAF_HIT, 0 },
	{ 2, 8, "ra", VTD_PERFORMANCE_HPT_NONLEAF_LOOKUP, 0 },
	{ 2, 9, "ral", VTD_PERFORMANCE_HPT_NONLEAF_HIT, 0 },
	{ 3, 0, "rp", VTD_PERFORMANCE_IOTLB_LOOKUP, 0 },
	{ 3, 1, "rdpl", VTD_PERFORMANCE_IOTLB_HIT, 0 },
	{ 3, 2, "r", VTD_PERFORMANCE_HPT_LEAF_LOOKUP, 0 },
	{ 3, 3, "rl", VTD_PERFORMANCE_HPT_LEAF_HIT, 0 },
	{ 4, 0, "r", VTD_PERFORMANCE_INT_CACHE_LOOKUP, 0 },
	{ 4, 1, "r", VTD_PERFORMANCE_INT_CACHE_HIT_NONPOSTED, 0 },
	{ 4, 2, "r", VTD_PERFORMANCE_INT_CACHE_HIT_POSTED, 0 },
};

#define EVENTS (sizeof(events) / sizeof(*events))

static void a_filter_goes_with_the_events_it_suits(void **state)
{
	static const struct {
		unsigned offset;
		char letter;
	} filters[] = { { RID, 'r' }, { DID, 'd' }, { PASID, 'p' }, { AT, 'a' }, { PTL, 'l' } };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	for (size_t i = 0; i < EVENTS; i++) {
		for (unsigned set = 0; set < 32; set++) {
			bool suits = true;

			reset_configuration(&vtd);
			configure(&vtd, 0, events[i].group, BIT(events[i].bit), 0);
			for (unsigned f = 0; f < 5; f++) {
				if ((set >> f & 1) == 0)
					continue;
				filter(&vtd, 0, filters[f].offset, ON);
				suits &= strchr(events[i].filters, filters[f].letter) != NULL;
			}
			assert_int_equal(enable(&vtd, 0), suits ? DONE : FAILED);
		}
	}
	vt_stop(&vtd);
}

static void several_events_go_without_filters_only(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	configure(&vtd, 0, 2, 0xa0, 0); /* SS_NONLEAF_HIT, FS_NONLEAF_HIT: both have PTL alone */
	filter(&vtd, 0, PTL, ON | 1);
	assert_int_equal(enable(&vtd, 0), FAILED);
	filter(&vtd, 0, PTL, 1); /* not enabled: ignored */
	assert_int_equal(enable(&vtd, 0), DONE);
	happen(&vtd, VTD_PERFORMANCE_SS_NONLEAF_HIT, NULL);
	assert_int_equal(value(&vtd, 0), 1);
	vt_stop(&vtd);
}

/* --- counting ------------------------------------------------------------------------------------------ */

/* One counter for each event of a group, and one for all of them. */
static void each_event_counts_where_it_was_selected(void **state)
{
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.register_size = 8;
	config.performance_capability = perfcap(64, 48, 5, 0);
	config.performance_counter_offset = 0x10000;
	start(&vtd, &config);
	for (size_t i = 0; i < EVENTS; i++) {
		if (events[i].event == VTD_PERFORMANCE_IOMMU_CLOCKS)
			continue; /* every access here is one: a test of its own */
		configure(&vtd, (unsigned)i, events[i].group, BIT(events[i].bit), 0);
		assert_int_equal(enable(&vtd, (unsigned)i), DONE);
	}
	for (size_t i = 0; i < EVENTS; i++) {
		reset_values(&vtd);
		happen(&vtd, events[i].event, NULL);
		for (size_t j = 1; j < EVENTS; j++) {
			const bool along = events[j].group == events[i].group
			    ? (events[i].along >> events[j].bit & 1) != 0
			    : (i == 6 || i == 7) && j == 5; /* memory accesses: MEM_OCCUPANCY */

			assert_int_equal(
			    vt_get64(&vtd, 0x10000 + (unsigned)j * STRIDE), i == j || along);
		}
	}
	vt_stop(&vtd);
}

static void several_events_of_a_group_are_counted_together(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	configure(&vtd, 1, 2, 0x3, 0); /* context cache, look-ups and hits */
	assert_int_equal(enable(&vtd, 1), DONE);
	configure(&vtd, 2, 0, 0x22, 0); /* requests, and their occupancy: two for each */
	assert_int_equal(enable(&vtd, 2), DONE);
	for (unsigned i = 0; i < 5; i++)
		happen(&vtd, VTD_PERFORMANCE_CTXT_CACHE_LOOKUP, NULL);
	for (unsigned i = 0; i < 3; i++)
		happen(&vtd, VTD_PERFORMANCE_CTXT_CACHE_HIT, NULL);
	happen(&vtd, VTD_PERFORMANCE_PASID_CACHE_HIT, NULL);
	request(&vtd);
	assert_int_equal(value(&vtd, 1), 8);
	assert_int_equal(value(&vtd, 2), 2);
	set_value(&vtd, 2, COUNTER_MAX); /* past zero in one step */
	request(&vtd);
	assert_int_equal(value(&vtd, 2), 1);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 4);
	vt_stop(&vtd);
}

static void only_an_enabled_counter_counts(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	configure(&vtd, 0, 0, 2, 0);
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 0);
	assert_int_equal(enable(&vtd, 0), DONE);
	request(&vtd);
	request(&vtd);
	set_value(&vtd, 0, value(&vtd, 0) + 10); /* CWE: it goes on from there */
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 13);
	assert_int_equal(disable(&vtd, 0), DONE);
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 13);
	count_requests(&vtd, 1, 0); /* nor when another one counts the same */
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 13);
	assert_int_equal(value(&vtd, 1), 1);
	assert_int_equal(disable(&vtd, 1), DONE);
	configure(&vtd, 0, 3, 1, 0); /* something else, the value stays */
	assert_int_equal(enable(&vtd, 0), DONE);
	request(&vtd);
	happen(&vtd, VTD_PERFORMANCE_IOTLB_LOOKUP, NULL);
	assert_int_equal(value(&vtd, 0), 14);
	reset_values(&vtd);
	assert_int_equal(value(&vtd, 0), 0);
	happen(&vtd, VTD_PERFORMANCE_IOTLB_LOOKUP, NULL);
	assert_int_equal(value(&vtd, 0), 1);
	iommusim_unit_reset(vtd.unit, false);
	happen(&vtd, VTD_PERFORMANCE_IOTLB_LOOKUP, NULL);
	assert_int_equal(value(&vtd, 0), 0);
	assert_int_equal(vt_get64(&vtd, config_at(0, CFG)), 0);
	vt_stop(&vtd);
}

static void many_at_once_and_under_the_lock_count_the_same(void **state)
{
	struct vtd_fixture vtd;
	struct vtd_unit *unit;

	(void)state;
	start(&vtd, &counting);
	unit = vtd_of(vtd.unit);
	configure(&vtd, 0, 1, 1, 0);
	assert_int_equal(enable(&vtd, 0), DONE);
	vtd_performance_count_times(unit, VTD_PERFORMANCE_IOMMU_MRDS, NULL, 7);
	assert_int_equal(value(&vtd, 0), 7);
	pthread_mutex_lock(&vtd.unit->lock);
	vtd_performance_count_locked(unit, VTD_PERFORMANCE_IOMMU_MRDS, NULL);
	vtd_performance_count_locked(unit, VTD_PERFORMANCE_IOTLB_HIT, NULL);
	pthread_mutex_unlock(&vtd.unit->lock);
	assert_int_equal(value(&vtd, 0), 8);
	set_value(&vtd, 0, COUNTER_MAX - 2);
	vtd_performance_count_times(unit, VTD_PERFORMANCE_IOMMU_MRDS, NULL, 2);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 0);
	vtd_performance_count_times(unit, VTD_PERFORMANCE_IOMMU_MRDS, NULL, 5);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 1);
	assert_int_equal(value(&vtd, 0), 4);
	vt_stop(&vtd);
}

/* A clock passes with every register access, and with every request. */
static void clocks_pass_with_accesses_and_requests(void **state)
{
	struct vtd_fixture vtd;
	uint64_t from;

	(void)state;
	start(&vtd, &counting);
	configure(&vtd, 4, 0, 1, 0);
	assert_int_equal(enable(&vtd, 4), DONE);
	from = value(&vtd, 4);
	assert_int_equal(value(&vtd, 4), from + 1);
	vt_get32(&vtd, R_GSTS);
	vt_set32(&vtd, R_FEDATA, 0);
	vt_set64(&vtd, R_IQT, 0);
	request(&vtd);
	assert_int_equal(value(&vtd, 4), from + 6);
	vt_stop(&vtd);
}

/*
 * What requesters keep for themselves is used without the unit (dma.h), so it ends when counting begins:
 * with the first counter, and when the counters are no longer frozen.
 */
static void private_translations_end_when_counting_begins(void **state)
{
	struct vtd_fixture vtd;
	uint64_t generation;

	(void)state;
	start(&vtd, &counting);
	configure(&vtd, 0, 0, 2, 0);
	configure(&vtd, 1, 0, 2, 0);
	generation = atomic_load(&vtd.unit->generation);
	freeze(&vtd);
	unfreeze(&vtd);
	assert_int_equal(atomic_load(&vtd.unit->generation), generation); /* nothing counts */
	assert_true(vtd_performance_idle(vtd_of(vtd.unit)));
	assert_int_equal(enable(&vtd, 0), DONE);
	assert_false(vtd_performance_idle(vtd_of(vtd.unit)));
	assert_true(atomic_load(&vtd.unit->generation) > generation);
	generation = atomic_load(&vtd.unit->generation);
	assert_int_equal(enable(&vtd, 1), DONE);
	assert_int_equal(disable(&vtd, 1), DONE);
	assert_int_equal(atomic_load(&vtd.unit->generation), generation);
	freeze(&vtd);
	assert_true(vtd_performance_idle(vtd_of(vtd.unit)));
	assert_int_equal(atomic_load(&vtd.unit->generation), generation);
	unfreeze(&vtd);
	assert_true(atomic_load(&vtd.unit->generation) > generation);
	assert_int_equal(disable(&vtd, 0), DONE);
	assert_true(vtd_performance_idle(vtd_of(vtd.unit)));
	vt_stop(&vtd);
}

/* --- filters -------------------------------------------------------------------------------------------- */

/* Counts events that pass the filters set up for counter 0. */
static unsigned passes(struct vtd_fixture *vtd, enum vtd_performance_event event,
    const struct vtd_performance_subject *subject)
{
	const uint64_t before = value(vtd, 0);

	happen(vtd, event, subject);
	return (unsigned)(value(vtd, 0) - before);
}

static void start_filtering(
    struct vtd_fixture *vtd, unsigned group, unsigned bit, unsigned reg, uint32_t filter_value)
{
	reset_configuration(vtd);
	configure(vtd, 0, group, BIT(bit), 0);
	filter(vtd, 0, reg, filter_value);
	assert_int_equal(enable(vtd, 0), DONE);
}

static void the_requester_filter_passes_one_requester(void **state)
{
	const enum vtd_performance_event event = VTD_PERFORMANCE_INT_CACHE_LOOKUP;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	start_filtering(&vtd, 4, 0, RID, ON | 0x0310);
	assert_int_equal(passes(&vtd, event, &(struct vtd_performance_subject){ .rid = 0x0310 }), 1);
	assert_int_equal(passes(&vtd, event, &(struct vtd_performance_subject){ .rid = 0x0311 }), 0);
	assert_int_equal(passes(&vtd, event, &(struct vtd_performance_subject){ .rid = 0x8310 }), 0);
	assert_int_equal(passes(&vtd, event, NULL), 0);
	start_filtering(&vtd, 4, 0, RID, 0x0310); /* not enabled */
	assert_int_equal(passes(&vtd, event, &(struct vtd_performance_subject){ .rid = 0x0311 }), 1);
	assert_int_equal(passes(&vtd, event, NULL), 1);
	vt_stop(&vtd);
}

static void the_domain_filter_passes_one_domain(void **state)
{
	const enum vtd_performance_event event = VTD_PERFORMANCE_IOTLB_HIT;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	start_filtering(&vtd, 3, 1, DID, ON | 0x0021);
	assert_int_equal(passes(&vtd, event,
			     &(struct vtd_performance_subject){ .has_domain = true, .domain = 0x21 }),
	    1);
	assert_int_equal(passes(&vtd, event,
			     &(struct vtd_performance_subject){ .has_domain = true, .domain = 0x22 }),
	    0);
	assert_int_equal(passes(&vtd, event, &(struct vtd_performance_subject){ .domain = 0x21 }), 0);
	vt_stop(&vtd);
}

static void the_pasid_filter_has_three_modes(void **state)
{
	static const struct vtd_performance_subject with_7 = { .has_pasid = true, .pasid = 7 };
	static const struct vtd_performance_subject with_8 = { .has_pasid = true, .pasid = 8 };
	static const struct vtd_performance_subject without = { .pasid = 7 };
	static const struct {
		uint32_t mode;
		unsigned with_7, with_8, without;
	} rows[] = { { 0, 1, 0, 0 }, { 1, 1, 1, 0 }, { 2, 0, 0, 1 }, { 3, 0, 0, 0 } };
	const enum vtd_performance_event event = VTD_PERFORMANCE_IOTLB_LOOKUP;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		start_filtering(&vtd, 3, 0, PASID, ON | rows[i].mode << 20 | 7);
		assert_int_equal(passes(&vtd, event, &with_7), rows[i].with_7);
		assert_int_equal(passes(&vtd, event, &with_8), rows[i].with_8);
		assert_int_equal(passes(&vtd, event, &without), rows[i].without);
		assert_int_equal(passes(&vtd, event, NULL), 0);
	}
	vt_stop(&vtd);
}

/* Bits 0 untranslated, 1 translation request, 2 translated, 4 HPT prefetch. */
static void the_address_type_filter_passes_the_types_of_its_bits(void **state)
{
	static const uint8_t types[] = { IOMMUSIM_DMA_UNTRANSLATED, IOMMUSIM_DMA_TRANSLATION_REQUEST,
		IOMMUSIM_DMA_TRANSLATED, 3, 4 };
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	for (uint32_t bits = 0; bits < 32; bits++) {
		start_filtering(&vtd, 0, 1, AT, ON | bits);
		for (unsigned i = 0; i < 5; i++) {
			const struct vtd_performance_subject subject = { .address_type = types[i] };

			assert_int_equal(
			    passes(&vtd, VTD_PERFORMANCE_IOMMU_REQUESTS, &subject), bits >> i & 1);
		}
	}
	vt_stop(&vtd);
}

static void the_level_filter_passes_the_levels_of_its_bits(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	for (uint32_t bits = 0; bits < 32; bits++) {
		start_filtering(&vtd, 2, 5, PTL, ON | bits);
		for (unsigned level = 0; level <= 5; level++) {
			const struct vtd_performance_subject subject = { .level = (uint8_t)level };

			assert_int_equal(passes(&vtd, VTD_PERFORMANCE_SS_NONLEAF_HIT, &subject),
			    level > 0 && (bits >> (level - 1) & 1) != 0);
		}
	}
	vt_stop(&vtd);
}

static void all_filters_must_let_an_event_through(void **state)
{
	const struct vtd_performance_subject right = {
		.rid = 0x310, .has_domain = true, .domain = 9, .has_pasid = true, .pasid = 7, .level = 2
	};
	const enum vtd_performance_event event = VTD_PERFORMANCE_IOTLB_HIT;
	struct vtd_performance_subject wrong;
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	configure(&vtd, 0, 3, 2, 0);
	filter(&vtd, 0, RID, ON | 0x310);
	filter(&vtd, 0, DID, ON | 9);
	filter(&vtd, 0, PASID, ON | 7);
	filter(&vtd, 0, PTL, ON | 2);
	assert_int_equal(enable(&vtd, 0), DONE);
	assert_int_equal(passes(&vtd, event, &right), 1);
	for (unsigned i = 0; i < 4; i++) {
		wrong = right;
		wrong.rid += i == 0;
		wrong.domain += i == 1;
		wrong.pasid += i == 2;
		wrong.level += i == 3;
		assert_int_equal(passes(&vtd, event, &wrong), 0);
	}
	vt_stop(&vtd);
}

/* --- overflow, freezing, interrupt ------------------------------------------------------------------------ */

static void an_overflow_sets_its_bit_and_counting_goes_on(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	set_value(&vtd, 5, UINT64_MAX); /* -1 in 48 bits */
	set_value(&vtd, 6, COUNTER_MAX - 1);
	count_requests(&vtd, 5, 0);
	count_requests(&vtd, 6, 0);
	request(&vtd);
	assert_int_equal(value(&vtd, 5), 0);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 0x20);
	request(&vtd);
	assert_int_equal(value(&vtd, 5), 1);
	assert_int_equal(value(&vtd, 6), 0);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 0x60);
	vt_set32(&vtd, OVERFLOW, 0x20);
	vt_set32(&vtd, OVERFLOW + 4, 0xffffffff);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 0x40);
	vt_set64(&vtd, OVERFLOW, 0x40);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 0);
	set_value(&vtd, 5, 0); /* software that writes 0 overflows nothing */
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 0);
	assert_int_equal(vt_get32(&vtd, PERFINTRSTS), 0); /* nor was an interrupt asked for */
	assert_int_equal(vt_get64(&vtd, FREEZE), 0);
	vt_stop(&vtd);
}

static void a_frozen_counter_keeps_its_value(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	count_requests(&vtd, 0, 0);
	request(&vtd);
	freeze(&vtd);
	assert_int_equal(vt_get64(&vtd, FREEZE), 0xff); /* every counter there is */
	request(&vtd);
	count_requests(&vtd, 1, 0); /* enabled, and frozen all the same */
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 1);
	assert_int_equal(value(&vtd, 1), 0);
	unfreeze(&vtd);
	assert_int_equal(vt_get64(&vtd, FREEZE), 0);
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 2);
	assert_int_equal(value(&vtd, 1), 1);
	freeze(&vtd);
	assert_int_equal(disable(&vtd, 1), DONE); /* clears its freeze bit (11.4.13.12) */
	assert_int_equal(vt_get64(&vtd, FREEZE), 0xfd);
	assert_int_equal(enable(&vtd, 1), DONE);
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 2);
	assert_int_equal(value(&vtd, 1), 2);
	assert_int_equal(disable(&vtd, 8), FAILED);
	assert_int_equal(vt_get64(&vtd, FREEZE), 0xfd);
	vt_stop(&vtd);
}

static void an_overflow_can_freeze_all_counters(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	set_value(&vtd, 1, COUNTER_MAX - 1);
	count_requests(&vtd, 0, 0);
	count_requests(&vtd, 1, GFO);
	count_requests(&vtd, 2, 0);
	for (unsigned i = 0; i < 5; i++)
		request(&vtd);
	assert_int_equal(vt_get64(&vtd, FREEZE), 0xff);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 0x2);
	assert_int_equal(value(&vtd, 0), 2); /* the event that froze them counted everywhere */
	assert_int_equal(value(&vtd, 1), 0);
	assert_int_equal(value(&vtd, 2), 2);
	unfreeze(&vtd);
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 3);
	assert_int_equal(value(&vtd, 1), 1);
	vt_stop(&vtd);
}

static void resetting_the_configuration_spares_the_values(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	set_value(&vtd, 1, COUNTER_MAX);
	set_value(&vtd, 7, 77);
	configure(&vtd, 0, 0, 2, 0);
	filter(&vtd, 0, RID, ON | VTD_RID);
	assert_int_equal(enable(&vtd, 0), DONE);
	count_requests(&vtd, 1, GFO);
	request(&vtd);
	assert_int_equal(vt_get64(&vtd, FREEZE), 0xff);
	reset_configuration(&vtd);
	for (unsigned offset = CONFIG; offset < COUNTER; offset += 8)
		assert_int_equal(vt_get64(&vtd, offset), 0);
	request(&vtd);
	assert_int_equal(value(&vtd, 0), 1);
	assert_int_equal(value(&vtd, 7), 77);
	count_requests(&vtd, 2, 0);
	request(&vtd);
	reset_values(&vtd);
	for (unsigned i = 0; i < COUNTERS; i++)
		assert_int_equal(value(&vtd, i), 0);
	request(&vtd);
	assert_int_equal(value(&vtd, 2), 1); /* still enabled */
	vt_stop(&vtd);
}

#define IM 0x80000000u
#define IP 0x40000000u

static void program_interrupt(struct vtd_fixture *vtd, uint32_t control)
{
	vt_set32(vtd, PERFINTRCTL + 4, 0x4321);
	vt_set32(vtd, PERFINTRCTL + 8, 0xfee06000);
	vt_set32(vtd, PERFINTRCTL + 12, 0xcd);
	vt_set32(vtd, PERFINTRCTL, control);
}

static void assert_message(struct vtd_fixture *vtd)
{
	const struct iommusim_interrupt message = vt_only_message(vtd);

	assert_int_equal(message.address, UINT64_C(0xcdfee06000));
	assert_int_equal(message.data, 0x4321);
	assert_true(message.from_unit);
}

/* The next request makes a counter overflow. */
static void overflow(struct vtd_fixture *vtd, unsigned counter)
{
	set_value(vtd, counter, COUNTER_MAX);
	request(vtd);
}

static void an_overflow_can_interrupt(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	program_interrupt(&vtd, 0);
	count_requests(&vtd, 0, IO);
	request(&vtd);
	vt_no_message(&vtd);
	overflow(&vtd, 0);
	assert_message(&vtd);
	assert_int_equal(vt_get32(&vtd, PERFINTRSTS), 1);
	assert_int_equal(vt_get32(&vtd, PERFINTRCTL), 0);
	overflow(&vtd, 0); /* not serviced yet: no new condition */
	vt_no_message(&vtd);
	vt_set64(&vtd, OVERFLOW, 1); /* another register's business */
	assert_int_equal(vt_get32(&vtd, PERFINTRSTS), 1);
	vt_set32(&vtd, PERFINTRSTS, 1);
	assert_int_equal(vt_get32(&vtd, PERFINTRSTS), 0);
	overflow(&vtd, 0);
	assert_message(&vtd);
	vt_set32(&vtd, PERFINTRSTS, 1);
	overflow(&vtd, 0); /* the bit in the overflow register may be set still */
	assert_message(&vtd);
	vt_stop(&vtd);
}

static void a_masked_interrupt_waits(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	assert_int_equal(vt_get32(&vtd, PERFINTRCTL), IM);
	program_interrupt(&vtd, IM);
	count_requests(&vtd, 0, IO);
	overflow(&vtd, 0);
	vt_no_message(&vtd);
	assert_int_equal(vt_get32(&vtd, PERFINTRCTL), IM | IP);
	vt_set32(&vtd, PERFINTRCTL, 0);
	assert_message(&vtd);
	assert_int_equal(vt_get32(&vtd, PERFINTRCTL), 0);
	vt_set32(&vtd, PERFINTRSTS, 1);
	vt_set32(&vtd, PERFINTRCTL, IM);
	overflow(&vtd, 0);
	assert_int_equal(vt_get32(&vtd, PERFINTRCTL), IM | IP);
	vt_set32(&vtd, PERFINTRSTS, 1); /* serviced without it */
	assert_int_equal(vt_get32(&vtd, PERFINTRCTL), IM);
	vt_set32(&vtd, PERFINTRCTL, 0);
	vt_no_message(&vtd);
	vt_stop(&vtd);
}

static void a_counter_without_IO_does_not_interrupt(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	program_interrupt(&vtd, 0);
	count_requests(&vtd, 0, 0);
	overflow(&vtd, 0);
	vt_no_message(&vtd);
	assert_int_equal(vt_get32(&vtd, PERFINTRSTS), 0);
	count_requests(&vtd, 1, IO | GFO); /* both, for one */
	overflow(&vtd, 1);
	assert_message(&vtd);
	assert_int_equal(vt_get64(&vtd, FREEZE), 0xff);
	vt_stop(&vtd);
}

/* --- capabilities of each counter ---------------------------------------------------------------------- */

/* PERFCNTRCAP: EGCNT 31:28, GFS 17, IOS 16, CW 15:8, PCC 0. PERFCNTREVCAP: EGI 31:28, ES 27:0. */
static void a_counter_may_have_capabilities_of_its_own(void **state)
{
	static const struct iommusim_vtd_counter counters[3] = {
		{ .capability = 0x20011001 | 0x20000, .events = { 0x30000003, 0x00000002 } },
		{ .capability = 0x0 },
		{ .capability = 0x10000801, .events = { 0x40000001 } },
	};
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.performance_capability = perfcap(3, 40, 2, PCCS | ALL_FILTERS);
	config.performance_counters = counters;
	start(&vtd, &config);
	assert_int_equal(vt_get32(&vtd, config_at(0, 0x80)), 0x20031001);
	assert_int_equal(vt_get32(&vtd, config_at(0, 0x84)), 0x30000003);
	assert_int_equal(vt_get32(&vtd, config_at(0, 0x88)), 0x00000002);
	assert_int_equal(vt_get32(&vtd, config_at(0, 0x8c)), 0);
	assert_int_equal(vt_get32(&vtd, config_at(1, 0x80)), 0);
	assert_int_equal(vt_get32(&vtd, config_at(2, 0x80)), 0x10000801);
	assert_int_equal(vt_get32(&vtd, config_at(2, 0x84)), 0x40000001);
	/* Widths: 16, 40 as PERFCAP says, 8. */
	const unsigned freeze_at = 0x1300, overflow_at = 0x1308, counter_at = 0x1400;
	assert_int_equal(vt_get32(&vtd, PERFFRZOFF), freeze_at);
	assert_int_equal(vt_get32(&vtd, PERFOVFOFF), overflow_at);
	assert_int_equal(vt_get32(&vtd, PERFCNTROFF), counter_at);
	for (unsigned i = 0; i < 3; i++)
		vt_set64(&vtd, counter_at + i * STRIDE, UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, counter_at), 0xffff);
	assert_int_equal(vt_get64(&vtd, counter_at + STRIDE), 0xffffffffff);
	assert_int_equal(vt_get64(&vtd, counter_at + 2 * STRIDE), 0xff);
	/* Events. */
	for (unsigned group = 0; group < 6; group++) {
		for (unsigned bit = 0; bit < 4; bit++) {
			const bool can[3] = {
				(group == 3 && bit < 2) || (group == 0 && bit == 1),
				(group == 0) || (group == 1 && (bit == 0 || bit == 3)),
				group == 4 && bit == 0,
			};

			for (unsigned i = 0; i < 3; i++) {
				configure(&vtd, i, group, BIT(bit), 0);
				assert_int_equal(enable(&vtd, i), can[i] ? DONE : FAILED);
				assert_int_equal(disable(&vtd, i), DONE);
			}
		}
	}
	/* Freeze and interrupt on overflow: the first one alone. */
	for (unsigned i = 0; i < 2; i++) {
		configure(&vtd, i, 0, 2, IO);
		assert_int_equal(enable(&vtd, i), i == 0 ? DONE : FAILED);
		assert_int_equal(disable(&vtd, i), DONE);
		configure(&vtd, i, 0, 2, GFO);
		assert_int_equal(enable(&vtd, i), i == 0 ? DONE : FAILED);
		assert_int_equal(disable(&vtd, i), DONE);
	}
	configure(&vtd, 0, 0, 2, IO | GFO);
	assert_int_equal(enable(&vtd, 0), DONE);
	configure(&vtd, 1, 0, 2, 0);
	assert_int_equal(enable(&vtd, 1), DONE);
	request(&vtd);
	assert_int_equal(vt_get64(&vtd, counter_at), 0); /* 16 bits rolled over */
	assert_int_equal(vt_get64(&vtd, overflow_at), 3);
	assert_int_equal(vt_get64(&vtd, freeze_at), 7);
	assert_int_equal(vt_get32(&vtd, PERFINTRSTS), 1);
	vt_stop(&vtd);
}

/* EGCNT: what stands behind is not even looked at. */
static void a_counter_has_as_many_event_registers_as_it_says(void **state)
{
	static const struct iommusim_vtd_counter counters[2] = {
		{ .capability = 0x10003001, .events = { 0x30000003, 0x50000001 } }, /* no such group */
		{ .capability = 0x00003001, .events = { 0x30000003 } },
	};
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.performance_capability = perfcap(2, 40, 5, PCCS);
	config.performance_counters = counters;
	start(&vtd, &config);
	assert_int_equal(vt_get32(&vtd, config_at(0, 0x84)), 0x30000003);
	assert_int_equal(vt_get32(&vtd, config_at(0, 0x88)), 0);
	assert_int_equal(vt_get32(&vtd, config_at(1, 0x84)), 0);
	for (unsigned i = 0; i < 2; i++) {
		configure(&vtd, i, 3, 1, 0);
		assert_int_equal(enable(&vtd, i), i == 0 ? DONE : FAILED);
	}
	vt_stop(&vtd);
}

/* All fifteen of them, on each of two counters, and whatever the other one is told. */
static void a_counter_may_have_fifteen_event_registers(void **state)
{
	struct iommusim_vtd_counter counters[2] = { { .capability = 0xf0003001 },
		{ .capability = 0xf0003001 } };
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned i = 0; i < 15; i++)
		counters[0].events[i] = counters[1].events[i] = 0x30000001;
	config.performance_capability = perfcap(2, 40, 5, PCCS);
	config.performance_counters = counters;
	start(&vtd, &config);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(vt_get32(&vtd, config_at(i, 0x84 + 14 * 4)), 0x30000001);
		assert_int_equal(vt_get32(&vtd, config_at(i, 0x84 + 15 * 4)), 0);
	}
	configure(&vtd, 1, 0xf, 0xfffffff, IO | GFO);
	for (unsigned bit = 0; bit < 7; bit++) {
		configure(&vtd, 0, 0, BIT(bit), 0);
		assert_int_equal(enable(&vtd, 0), FAILED);
	}
	configure(&vtd, 0, 3, 1, 0);
	assert_int_equal(enable(&vtd, 0), DONE);
	vt_stop(&vtd);
}

static void counters_that_cannot_be_are_refused(void **state)
{
	static const struct {
		struct iommusim_vtd_counter counter;
		const char *why;
	} bad[] = {
		{ { .capability = 0x00003003 }, "reserved bits of PERFCNTRCAP" },
		{ { .capability = 0x00043001 }, "reserved bits of PERFCNTRCAP" },
		{ { .capability = 0x00000001 }, "PERFCNTRCAP.CW" },
		{ { .capability = 0x00004101 }, "PERFCNTRCAP.CW" },
		{ { .capability = 0x10003001, .events = { 0x00000010 } }, "does not define" },
		{ { .capability = 0x10003001, .events = { 0x50000001 } }, "does not define" },
	};
	static const struct iommusim_vtd_counter widest = { .capability = 0x00004001 };
	struct iommusim_vtd_config config = counting;
	struct vtd_fixture vtd;

	(void)state;
	config.performance_capability = perfcap(1, 40, 2, PCCS);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		config.performance_counters = &bad[i].counter;
		refused(&config, bad[i].why);
	}
	config.performance_capability = perfcap(1, 40, 2, 0);
	refused(&config, "need PERFCAP.PCCS");
	/* 64 bits are as wide as a counter can be. */
	config.performance_capability = perfcap(1, 40, 2, PCCS);
	config.performance_counters = &widest;
	start(&vtd, &config);
	vt_set64(&vtd, vt_get32(&vtd, PERFCNTROFF), UINT64_MAX);
	assert_int_equal(vt_get64(&vtd, vt_get32(&vtd, PERFCNTROFF)), UINT64_MAX);
	vt_stop(&vtd);
}

/* --- threads -------------------------------------------------------------------------------------------- */

#define THREADS 3u
#define ROUNDS  20000u

static void *count_many(void *context)
{
	struct vtd_fixture *vtd = context;

	for (unsigned i = 0; i < ROUNDS; i++) {
		request(vtd);
		happen(vtd, VTD_PERFORMANCE_IOTLB_LOOKUP, NULL);
	}
	return NULL;
}

/* Nothing is lost or counted twice while counters come and go beside it, overflow, freeze and interrupt. */
static void threads_count_beside_each_other_and_the_control_side(void **state)
{
	pthread_t threads[THREADS];
	struct vtd_fixture vtd;

	(void)state;
	start(&vtd, &counting);
	program_interrupt(&vtd, 0);
	count_requests(&vtd, 0, 0);
	set_value(&vtd, 1, COUNTER_MAX - ROUNDS / 2);
	configure(&vtd, 1, 3, 1, IO);
	assert_int_equal(enable(&vtd, 1), DONE);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_many, &vtd), 0);
	for (unsigned i = 0; i < 200; i++) {
		configure(&vtd, 2, 0, 2, 0);
		filter(&vtd, 2, RID, i % 2 == 0 ? ON | VTD_RID : 0);
		assert_int_equal(enable(&vtd, 2), DONE);
		sched_yield();
		assert_true(value(&vtd, 2) <= (uint64_t)THREADS * ROUNDS);
		assert_int_equal(disable(&vtd, 2), DONE);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(value(&vtd, 0), THREADS * ROUNDS);
	assert_int_equal(value(&vtd, 1), THREADS * ROUNDS - ROUNDS / 2 - 1);
	assert_int_equal(vt_get64(&vtd, OVERFLOW), 2);
	assert_message(&vtd);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_has_eight_counters_unless_it_is_told_otherwise),
		cmocka_unit_test(a_small_register_set_has_no_counters),
		cmocka_unit_test(settings_say_what_there_is_and_where),
		cmocka_unit_test(what_is_written_beside_the_counters_reaches_none),
		cmocka_unit_test(capabilities_that_cannot_be_are_refused),
		cmocka_unit_test(places_that_cannot_be_are_refused),
		cmocka_unit_test(a_stride_of_128_KiB_is_as_good_as_any),
		cmocka_unit_test(each_register_keeps_its_fields_while_the_counter_is_disabled),
		cmocka_unit_test(a_filter_the_unit_lacks_is_reserved),
		cmocka_unit_test(an_enabled_counter_is_locked),
		cmocka_unit_test(what_cannot_be_counted_is_not_enabled),
		cmocka_unit_test(a_filter_goes_with_the_events_it_suits),
		cmocka_unit_test(several_events_go_without_filters_only),
		cmocka_unit_test(each_event_counts_where_it_was_selected),
		cmocka_unit_test(several_events_of_a_group_are_counted_together),
		cmocka_unit_test(only_an_enabled_counter_counts),
		cmocka_unit_test(many_at_once_and_under_the_lock_count_the_same),
		cmocka_unit_test(clocks_pass_with_accesses_and_requests),
		cmocka_unit_test(private_translations_end_when_counting_begins),
		cmocka_unit_test(the_requester_filter_passes_one_requester),
		cmocka_unit_test(the_domain_filter_passes_one_domain),
		cmocka_unit_test(the_pasid_filter_has_three_modes),
		cmocka_unit_test(the_address_type_filter_passes_the_types_of_its_bits),
		cmocka_unit_test(the_level_filter_passes_the_levels_of_its_bits),
		cmocka_unit_test(all_filters_must_let_an_event_through),
		cmocka_unit_test(an_overflow_sets_its_bit_and_counting_goes_on),
		cmocka_unit_test(a_frozen_counter_keeps_its_value),
		cmocka_unit_test(an_overflow_can_freeze_all_counters),
		cmocka_unit_test(resetting_the_configuration_spares_the_values),
		cmocka_unit_test(an_overflow_can_interrupt),
		cmocka_unit_test(a_masked_interrupt_waits),
		cmocka_unit_test(a_counter_without_IO_does_not_interrupt),
		cmocka_unit_test(a_counter_may_have_capabilities_of_its_own),
		cmocka_unit_test(a_counter_has_as_many_event_registers_as_it_says),
		cmocka_unit_test(a_counter_may_have_fifteen_event_registers),
		cmocka_unit_test(counters_that_cannot_be_are_refused),
		cmocka_unit_test(threads_count_beside_each_other_and_the_control_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
