/*
 * Interrupt remapping (VT-d 5.1, 9.9, Table 15): formats, the index, entries and their checks in order,
 * the message that comes out, and which faults FPD hides. Nothing is cached here: that is another test's.
 */
#include "vtd_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

struct scene {
	struct vtd_fixture vtd;
	uint64_t table;
};

/* IRTA (VT-d 11.4.10): S in 3:0 for 2^(S+1) entries, EIME in bit 11. Latched and enabled. */
static void latch(struct scene *scene, uint64_t irta)
{
	const uint32_t levels = vt_get32(&scene->vtd, R_GSTS) & 0x96ffffff;

	vt_set64(&scene->vtd, R_IRTA, irta);
	vt_set32(&scene->vtd, R_GCMD, levels | G_SIRTP);
	vt_command(&scene->vtd, G_IRE, true);
}

static void start(struct scene *scene, const struct vtd_setup *setup, uint64_t irta_bits)
{
	struct vtd_setup uncached = { .levels = 0 };

	if (setup != NULL)
		uncached = *setup;
	uncached.settings.cache = IOMMUSIM_CACHE_NONE;
	vt_start(&scene->vtd, &uncached);
	scene->table = vt_page(&scene->vtd);
	latch(scene, scene->table | irta_bits);
}

static void stop(struct scene *scene)
{
	vt_stop(&scene->vtd);
}

static void set_entry(struct scene *scene, unsigned index, uint64_t low, uint64_t high)
{
	vt_store(&scene->vtd, scene->table + index * UINT64_C(16) + 8, high);
	vt_store(&scene->vtd, scene->table + index * UINT64_C(16), low);
}

/* Table 13: handle 14:0 in 19:5, format 1 in bit 4, SHV bit 3, handle 15 in bit 2. */
static uint64_t remappable(unsigned handle, bool subhandle)
{
	return 0xfee00010 | (uint64_t)(handle & 0x7fff) << 5 | (subhandle ? 8 : 0) |
	    (uint64_t)(handle >> 15) << 2;
}

/* What kind of fault each reason is. */
static unsigned class_of(unsigned reason)
{
	static const uint8_t classes[] = {
		[0x20] = IOMMUSIM_FAULT_BAD_ENTRY,
		[0x21] = IOMMUSIM_FAULT_ADDRESS_WIDTH,
		[0x22] = IOMMUSIM_FAULT_NOT_PRESENT,
		[0x23] = IOMMUSIM_FAULT_TABLE_ACCESS,
		[0x24] = IOMMUSIM_FAULT_BAD_ENTRY,
		[0x25] = IOMMUSIM_FAULT_REQUEST_TYPE,
		[0x26] = IOMMUSIM_FAULT_PERMISSION,
		[0x2a] = IOMMUSIM_FAULT_REQUEST_TYPE,
		[0x2b] = IOMMUSIM_FAULT_REQUEST_TYPE,
	};

	assert_true(reason < sizeof(classes));
	return reason == 0 ? IOMMUSIM_FAULT_NONE : classes[reason];
}

static struct iommusim_fault raise(
    struct scene *scene, uint64_t address, uint32_t data, struct iommusim_interrupt *out)
{
	const size_t before = iommusim_interrupt_pending(scene->vtd.machine);
	struct iommusim_fault fault;

	assert_int_equal(
	    iommusim_requester_interrupt(scene->vtd.device, address, data, out, &fault), IOMMUSIM_OK);
	assert_int_equal(iommusim_interrupt_pending(scene->vtd.machine) - before,
	    fault.class_ == IOMMUSIM_FAULT_NONE);
	assert_int_equal(fault.class_, class_of(fault.reason));
	return fault;
}

static unsigned reason(struct scene *scene, uint64_t address, uint32_t data)
{
	return raise(scene, address, data, NULL).reason;
}

/* Passed on as it came. */
static void assert_untouched(struct scene *scene, uint64_t address, uint32_t data)
{
	struct iommusim_interrupt out, taken;

	assert_int_equal(raise(scene, address, data, &out).class_, IOMMUSIM_FAULT_NONE);
	assert_int_equal(out.address, address);
	assert_int_equal(out.data, data);
	taken = vt_only_message(&scene->vtd);
	assert_int_equal(taken.address, address);
	assert_int_equal(taken.data, data);
	assert_int_equal(taken.source, VTD_RID);
	assert_false(taken.from_unit);
}

static void while_remapping_is_off_every_interrupt_passes(void **state)
{
	struct scene scene;

	(void)state;
	vt_start(&scene.vtd, NULL);
	assert_untouched(&scene, 0xfee01000, 0x4031);
	assert_untouched(&scene, remappable(7, true), 0xffff0000); /* bit 4 is not looked at */
	assert_int_equal(vt_get32(&scene.vtd, R_FSTS), 0);
	stop(&scene);
}

static void compatibility_interrupts_pass_only_with_cfi_and_without_extended_mode(void **state)
{
	struct scene scene;

	(void)state;
	for (unsigned extended = 0; extended < 2; extended++) {
		start(&scene, NULL, extended << 11);
		assert_int_equal(reason(&scene, 0xfee01000, 0x31), 0x25);
		vt_command(&scene.vtd, G_CFI, true);
		if (extended)
			assert_int_equal(reason(&scene, 0xfee01000, 0x31), 0x25);
		else
			assert_untouched(&scene, 0xfee01000, 0x31);
		vt_command(&scene.vtd, G_CFI, false);
		assert_int_equal(reason(&scene, 0xfee01000, 0x31), 0x25);
		stop(&scene);
	}
}

/* Entry n sends vector n + 1 to processor 2: fixed, edge. */
static void fill_table(struct scene *scene, unsigned entries)
{
	for (unsigned i = 0; i < entries; i++)
		set_entry(scene, i, UINT64_C(2) << 40 | (uint64_t)(i + 1) << 16 | 1, 0);
}

static void assert_vector(struct scene *scene, uint64_t address, uint32_t data, unsigned vector)
{
	struct iommusim_interrupt out;

	assert_int_equal(raise(scene, address, data, &out).class_, IOMMUSIM_FAULT_NONE);
	assert_int_equal(out.data & 0xff, vector);
}

/* VT-d 5.1.3: the handle, plus the subhandle when SHV says that there is one. */
static void the_index_is_the_handle_plus_a_valid_subhandle(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 4); /* 32 entries */
	fill_table(&scene, 32);
	assert_vector(&scene, remappable(0, false), 0, 1);
	assert_vector(&scene, remappable(9, false), 0, 10);
	assert_vector(&scene, remappable(9, false), 0xffffffff, 10); /* data ignored */
	assert_vector(&scene, remappable(9, true), 0, 10);
	assert_vector(&scene, remappable(9, true), 5, 15);
	assert_vector(&scene, remappable(0, true), 31, 32);
	stop(&scene);
}

/* Bits 1:0 of the address are "don't care"; a device cannot send them, and the call refuses them. */
static void an_interrupt_outside_the_range_or_unaligned_is_malformed(void **state)
{
	static const uint64_t bad[] = { 0xfedffffc, 0xfef00000, 0x1fee00000, 0xfee00011, 0 };
	struct scene scene;

	(void)state;
	start(&scene, NULL, 4);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(iommusim_requester_interrupt(scene.vtd.device, bad[i], 0, NULL, NULL),
		    IOMMUSIM_EINVAL);
	vt_no_message(&scene.vtd);
	stop(&scene);
}

static void handle_bit_15_is_address_bit_2(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 15);
	scene.table = 0x1000000; /* 64K entries of 16 bytes */
	latch(&scene, scene.table | 15);
	set_entry(&scene, 0x8003, UINT64_C(0x77) << 16 | 1, 0);
	set_entry(&scene, 0xffff, UINT64_C(0x78) << 16 | 1, 0);
	assert_vector(&scene, 0xfee00074, 0, 0x77);
	assert_vector(&scene, 0xfeeffff4, 0, 0x78);
	assert_vector(&scene, remappable(0x8000, true), 0x7fff, 0x78);
	assert_int_equal(reason(&scene, remappable(0x8000, true), 0x8000), 0x21);
	stop(&scene);
}

static void reserved_data_bits_are_reason_20_with_a_subhandle_only(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 4);
	fill_table(&scene, 32);
	for (unsigned bit = 16; bit < 32; bit++) {
		assert_int_equal(reason(&scene, remappable(3, true), UINT32_C(1) << bit), 0x20);
		assert_vector(&scene, remappable(3, false), UINT32_C(1) << bit, 4);
	}
	stop(&scene);
}

static void an_index_beyond_the_table_is_reason_21(void **state)
{
	struct scene scene;

	(void)state;
	for (unsigned size = 0; size < 16; size++) {
		const unsigned entries = 2u << size;

		start(&scene, NULL, size);
		scene.table = 0x1000000;
		latch(&scene, scene.table | size);
		set_entry(&scene, entries - 1, UINT64_C(0x41) << 16 | 1, 0);
		assert_vector(&scene, remappable(entries - 1, false), 0, 0x41);
		if (entries <= 0xffff)
			assert_int_equal(reason(&scene, remappable(entries, false), 0), 0x21);
		assert_int_equal(reason(&scene, remappable(entries - 1, true), 1), 0x21);
		stop(&scene);
	}
}

/* Table 15: an entry that lies above the host address width counts as beyond the table. */
static void an_entry_above_the_host_address_width_is_reason_21(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &(struct vtd_setup){ .haw = 39 }, 0);
	latch(&scene, BIT(39));
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x21);
	latch(&scene, UINT64_C(0xfffffffffffff00f)); /* the end of it is not the beginning of memory */
	vt_store(&scene.vtd, 0, 0x210001);
	assert_int_equal(reason(&scene, remappable(255, false), 0), 0x21);
	assert_int_equal(reason(&scene, remappable(256, false), 0), 0x21);
	stop(&scene);
}

static void a_table_without_memory_is_reason_23(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	latch(&scene, HOLE);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x23);
	stop(&scene);
}

static void an_entry_that_is_not_present_is_reason_22_whatever_it_holds(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x22);
	set_entry(&scene, 0, ~UINT64_C(3), UINT64_MAX);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x22);
	stop(&scene);
}

/* VT-d 9.9: 14:12, 31:24, 127:84; xAPIC mode has 39:32 and 63:48 too; IM (15) without CAP.PI. */
static void every_reserved_bit_of_an_entry_is_reason_24(void **state)
{
	static const uint64_t low[2] = { 0xffff00ffff00f000, 0x00000000ff00f000 };
	static const uint64_t ignored = 0xf00; /* AVAIL */
	struct scene scene;

	(void)state;
	for (unsigned extended = 0; extended < 2; extended++) {
		start(&scene, NULL, extended << 11);
		for (unsigned bit = 0; bit < 64; bit++) {
			set_entry(&scene, 0, BIT(bit) | 1, 0);
			if ((low[extended] >> bit & 1) != 0)
				assert_int_equal(reason(&scene, remappable(0, false), 0), 0x24);
			else if ((ignored >> bit & 1) != 0 || bit >= 40)
				assert_int_equal(reason(&scene, remappable(0, false), 0), 0);
		}
		for (unsigned bit = 84; bit < 128; bit++) {
			set_entry(&scene, 0, 1, BIT(bit - 64));
			assert_int_equal(reason(&scene, remappable(0, false), 0), 0x24);
		}
		stop(&scene);
	}
}

/* Who may use an entry: VT-d 9.9, SVT in 83:82, SQ in 81:80, SID in 79:64. The device is 0310h. */
static void the_source_of_an_interrupt_is_verified_as_the_entry_says(void **state)
{
	static const struct {
		uint64_t high;
		unsigned reason;
	} rows[] = {
		{ 0x0ffff, 0 }, /* SVT 0: no verification */
		{ 0x40310, 0 }, /* SVT 1, all 16 bits */
		{ 0x40311, 0x26 }, { 0x40410, 0x26 }, { 0x40318, 0x26 },
		{ 0x50314, 0 },                                       /* SQ 1 ignores function bit 2 */
		{ 0x50312, 0x26 }, { 0x50311, 0x26 }, { 0x60316, 0 }, /* SQ 2 ignores bits 2:1 */
		{ 0x60311, 0x26 }, { 0x70317, 0 },                    /* SQ 3 ignores all three */
		{ 0x70318, 0x26 }, { 0x70217, 0x26 },
		{ 0x80303, 0 }, /* SVT 2: first bus in 15:8, last in 7:0, both included */
		{ 0x80005, 0 }, { 0x803ff, 0 }, { 0x80003, 0 }, { 0x80405, 0x26 }, { 0x80002, 0x26 },
		{ 0x80501, 0x26 }, { 0x90303, 0 }, /* SQ does not count for a range of buses */
		{ 0xb0303, 0 }, { 0xb0405, 0x26 },
		{ 0xf0310, 0x26 },                 /* SVT 3 is reserved: nobody passes it */
		{ 0xc0303, 0x26 }, { 0x3ffff, 0 }, /* SVT 0 looks at neither SQ nor SID */
	};
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		set_entry(&scene, 0, 1, rows[i].high);
		assert_int_equal(reason(&scene, remappable(0, false), 0), rows[i].reason);
	}
	stop(&scene);
}

/* SVT 1: all requester ids against all qualifiers, from the words of VT-d 9.9. */
static void every_requester_id_meets_every_qualifier(void **state)
{
	struct iommusim_requester *devices[16];
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	for (unsigned i = 0; i < 16; i++) /* functions of 03:02 and 03:03 */
		assert_int_equal(
		    iommusim_requester_create(scene.vtd.machine, 0, (uint16_t)(0x310 + i), &devices[i]),
		    IOMMUSIM_OK);
	for (unsigned sq = 0; sq < 4; sq++) {
		for (unsigned owner = 0; owner < 16; owner++) {
			set_entry(&scene, 0, 1, 0x40000 | sq << 16 | (0x310 + owner));
			for (unsigned i = 0; i < 16; i++) {
				const bool same_device = i / 8 == owner / 8;
				const bool bit0 = sq == 3 || i % 2 == owner % 2;
				const bool bit1 = sq >= 2 || i / 2 % 2 == owner / 2 % 2;
				const bool bit2 = sq >= 1 || i / 4 % 2 == owner / 4 % 2;
				struct iommusim_fault fault;

				assert_int_equal(iommusim_requester_interrupt(
						     devices[i], remappable(0, false), 0, NULL, &fault),
				    IOMMUSIM_OK);
				assert_int_equal(
				    fault.reason, same_device && bit0 && bit1 && bit2 ? 0 : 0x26);
			}
		}
	}
	stop(&scene);
}

/* A recording of interrupts without source ids: the entries' validation is skipped, nothing else. */
static void sources_are_not_verified_when_they_are_unknown(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &(struct vtd_setup){ .choices.source_unknown = true }, 0);
	set_entry(&scene, 0, UINT64_C(0x11) << 16 | 1, 0x49999);
	assert_vector(&scene, remappable(0, false), 0, 0x11);
	set_entry(&scene, 0, UINT64_C(0x11) << 16 | 1, 0xc0000);
	assert_vector(&scene, remappable(0, false), 0, 0x11);
	set_entry(&scene, 0, 0x1001, 0x49999);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x24);
	set_entry(&scene, 0, 0, 0x49999);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x22);
	stop(&scene);
}

/* Not present hides a wrong source, which hides reserved bits (VT-d 5.1.4). */
static void not_present_comes_before_the_source(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	set_entry(&scene, 0, 0x1000, 0x40311);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x22);
	set_entry(&scene, 0, 0x1000, 0x40310);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x22);
	stop(&scene);
}

/* VT-d 5.1.4 checks the source before it looks at what the entry asks for. */
static void the_source_is_verified_before_reserved_bits(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	set_entry(&scene, 0, 0x1001, 0x40311);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x26);
	set_entry(&scene, 0, 0x1001, 0x40310);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x24);
	stop(&scene);
}

/* Without CAP.PI the mode bit is reserved. What it means with it: test_posted_interrupts.c. */
static void a_posted_entry_is_refused_by_units_that_cannot_post(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	set_entry(&scene, 0, 0x8001, 0);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x24);
	set_entry(&scene, 0, 0x8001, 0x40311);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x26);
	stop(&scene);
}

/* Every bit that is not named in VT-d 9.9, one at a time, on top of an entry that is good. */
static void a_reserved_bit_spoils_a_good_entry(void **state)
{
	static const uint64_t named[2][2] = {
		{ 0x0000ff0000ff0fff, 0x00000000000fffff }, /* xAPIC: DST 47:40 */
		{ 0xffffffff00ff0fff, 0x00000000000fffff },
	};
	struct scene scene;

	(void)state;
	for (unsigned extended = 0; extended < 2; extended++) {
		start(&scene, NULL, extended << 11);
		for (unsigned bit = 0; bit < 128; bit++) {
			uint64_t entry[2] = { UINT64_C(0x0000020000310001), 0x40310 };

			if ((named[extended][bit / 64] >> bit % 64 & 1) != 0)
				continue;
			entry[bit / 64] |= BIT(bit % 64);
			set_entry(&scene, 0, entry[0], entry[1]);
			assert_int_equal(reason(&scene, remappable(0, false), 0), 0x24);
		}
		set_entry(&scene, 0, UINT64_C(0x0000020000310f01), 0x40310); /* AVAIL is ignored */
		assert_int_equal(reason(&scene, remappable(0, false), 0), 0);
		stop(&scene);
	}
}

/* xAPIC: DST in 47:40 to address 19:12; DM, RH to bits 2, 3; V, DLM, TM to the data; always asserted. */
static void the_message_is_composed_from_the_entry(void **state)
{
	static const struct {
		uint64_t entry, address;
		uint32_t data;
	} rows[] = {
		{ 0x0000ab0000310001, 0xfeeab000, 0x4031 },
		{ 0x0000ff0000ff0005, 0xfeeff004, 0x40ff },
		{ 0x0000010000420009, 0xfee01008, 0x4042 },
		{ 0x0000010000420f01, 0xfee01000, 0x4042 },
		{ 0x0000010000420011, 0xfee01000, 0xc042 },
		{ 0x0000010000420021, 0xfee01000, 0x4142 },
		{ 0x00000100004200fd, 0xfee0100c, 0xc742 },
	};
	struct iommusim_interrupt out;
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		set_entry(&scene, 0, rows[i].entry, 0);
		assert_int_equal(
		    raise(&scene, remappable(0, false), 0x99, &out).class_, IOMMUSIM_FAULT_NONE);
		assert_int_equal(out.address, rows[i].address);
		assert_int_equal(out.data, rows[i].data);
		assert_int_equal(vt_only_message(&scene.vtd).address, rows[i].address);
	}
	stop(&scene);
}

/* x2APIC: 32 bits of destination, 7:0 in address 19:12, 31:8 in address 63:40. */
static void extended_mode_has_wide_destinations(void **state)
{
	struct iommusim_interrupt out;
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0x800);
	set_entry(&scene, 0, 0x1234567800310001, 0);
	assert_int_equal(raise(&scene, remappable(0, false), 0, &out).class_, IOMMUSIM_FAULT_NONE);
	assert_int_equal(out.address, 0x12345600fee78000);
	assert_int_equal(out.data, 0x4031);
	stop(&scene);
}

/* The index in FI 63:48, 47:12 clear (VT-d 11.4.7.6); the requester in SID. */
static void a_fault_record_holds_the_index(void **state)
{
	struct iommusim_fault fault;
	uint64_t record[2];
	struct scene scene;

	(void)state;
	start(&scene, NULL, 4);
	fault = raise(&scene, remappable(0x13, false), 0, NULL);
	assert_true(fault.recorded);
	vt_record(&scene.vtd, 0, record);
	assert_int_equal(record[0], UINT64_C(0x0013000000000000));
	assert_int_equal(record[1], UINT64_C(0x8000002200000310));
	assert_int_equal(fault.record[0], record[0]);
	assert_int_equal(fault.record[1], record[1]);
	assert_int_equal(reason(&scene, remappable(0x7abc, false), 0), 0x21);
	vt_record(&scene.vtd, 1, record);
	assert_int_equal(record[0], UINT64_C(0x7abc000000000000));
	stop(&scene);
}

/* Table 15, column Qualified: 22, 24 and 26 depend on FPD, even with P=0; the others do not. */
static void only_faults_of_the_entry_itself_are_hidden_by_fpd(void **state)
{
	static const struct {
		uint64_t low, high;
		unsigned reason;
	} rows[] = { { 0, 0, 0x22 }, { 0x1001, 0, 0x24 }, { 0x1, 0x40999, 0x26 } };
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (unsigned disable = 0; disable < 2; disable++) {
			struct iommusim_fault fault;

			start(&scene, NULL, 0);
			set_entry(&scene, 0, rows[i].low | disable << 1, rows[i].high);
			fault = raise(&scene, remappable(0, false), 0, NULL);
			assert_int_equal(fault.reason, rows[i].reason);
			assert_int_equal(fault.suppressed, disable);
			assert_int_equal(vt_records(&scene.vtd), !disable);
			stop(&scene);
		}
	}
	start(&scene, NULL, 0);
	for (unsigned i = 0; i < 2; i++)
		set_entry(&scene, i, 2, 0);
	assert_int_equal(reason(&scene, remappable(0, true), 0x10000), 0x20);
	assert_int_equal(reason(&scene, remappable(2, false), 0), 0x21);
	assert_int_equal(reason(&scene, 0xfee00000, 0), 0x25);
	latch(&scene, HOLE);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x23);
	assert_int_equal(vt_records(&scene.vtd), 4);
	stop(&scene);
}

/* ECAP.EIMER: xAPIC mode is not there at all (VT-d 5.1.4, reason 2Ah). */
static void a_unit_that_requires_extended_mode_blocks_everything_else(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &(struct vtd_setup){ .ecap_set = ECAP_EIMER }, 0);
	fill_table(&scene, 2);
	vt_command(&scene.vtd, G_CFI, true);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x2a);
	assert_int_equal(reason(&scene, 0xfee00000, 0), 0x2a);
	latch(&scene, scene.table | 0x800);
	set_entry(&scene, 0, UINT64_C(5) << 16 | 1, 0);
	assert_vector(&scene, remappable(0, false), 0, 5);
	stop(&scene);
}

/* ECAP.IRREQ: no interrupt passes while remapping is off (reason 2Bh). */
static void a_unit_that_requires_remapping_blocks_interrupts_without_it(void **state)
{
	struct scene scene;

	(void)state;
	vt_start(&scene.vtd, &(struct vtd_setup){ .ecap_set = ECAP_IRREQ });
	assert_int_equal(reason(&scene, 0xfee01000, 0x31), 0x2b);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x2b);
	assert_int_equal(vt_records(&scene.vtd), 2);
	stop(&scene);
}

static void a_new_table_address_waits_for_sirtp(void **state)
{
	struct scene scene;
	uint64_t other;

	(void)state;
	start(&scene, NULL, 0);
	set_entry(&scene, 0, UINT64_C(0x11) << 16 | 1, 0);
	other = vt_page(&scene.vtd);
	vt_store(&scene.vtd, other, UINT64_C(0x22) << 16 | 1);
	vt_set64(&scene.vtd, R_IRTA, other);
	assert_vector(&scene, remappable(0, false), 0, 0x11);
	vt_set32(&scene.vtd, R_GCMD, G_IRE | G_SIRTP);
	assert_vector(&scene, remappable(0, false), 0, 0x22);
	stop(&scene);
}

static void remapping_does_not_need_dma_translation(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	assert_false(iommusim_unit_translating(scene.vtd.unit));
	set_entry(&scene, 0, UINT64_C(0x11) << 16 | 1, 0);
	assert_vector(&scene, remappable(0, false), 0, 0x11);
	stop(&scene);
}

/*
 * VT-d 3.15, Table 15: of requests without PASID to FEEx_xxxx only a doubleword written in one piece is
 * an interrupt; a zero-length read passes by; all else is reason 29h, recorded whatever FPD says.
 */
/* While translation is off a PASID is not looked at (3.1): what has one is judged like the others. */
static void a_pasid_counts_for_nothing_while_translation_is_off(void **state)
{
	uint32_t data = 0x4031;
	struct iommusim_dma_request request = { .address = 0xfee01000,
		.length = 4,
		.kind = IOMMUSIM_DMA_WRITE,
		.has_pasid = true,
		.privileged = true,
		.pasid = 7,
		.data = &data };
	struct iommusim_dma_outcome outcome;
	struct vtd_fixture vtd;
	uint64_t record[2];

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .ecap_set = ECAP_PASID });
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_false(outcome.page.faulted);
	assert_int_equal(vt_only_message(&vtd).data, 0x4031);
	request.kind = IOMMUSIM_DMA_READ;
	assert_int_equal(iommusim_dma(vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page.fault.reason, 0x29);
	vt_record(&vtd, 0, record);
	assert_int_equal(record[1] >> 28 & 0xf, 0); /* PP, EXE, PRIV, T2 */
	assert_int_equal(record[1] >> 40 & 0xfffff, 0);
	vt_stop(&vtd);
}

static void other_requests_to_the_interrupt_range_are_reason_29(void **state)
{
	static const struct {
		uint64_t address, length;
		enum iommusim_dma_kind kind;
		unsigned reason;
	} rows[] = {
		{ 0xfee00000, 4, IOMMUSIM_DMA_WRITE, 0 },
		{ 0xfeefffec, 4, IOMMUSIM_DMA_WRITE, 0 },
		{ 0xfee00000, 0, IOMMUSIM_DMA_READ, 0 },
		{ 0xfee00003, 0, IOMMUSIM_DMA_READ, 0 },
		{ 0xfee00000, 4, IOMMUSIM_DMA_READ, 0x29 },
		{ 0xfee00000, 1, IOMMUSIM_DMA_READ, 0x29 },
		{ 0xfeefffff, 1, IOMMUSIM_DMA_READ, 0x29 },
		{ 0xfee00000, 4, IOMMUSIM_DMA_ATOMIC, 0x29 },
		{ 0xfee00000, 8, IOMMUSIM_DMA_ATOMIC, 0x29 },
		{ 0xfee00000, 1, IOMMUSIM_DMA_WRITE, 0x29 },
		{ 0xfee00000, 2, IOMMUSIM_DMA_WRITE, 0x29 },
		{ 0xfee00000, 3, IOMMUSIM_DMA_WRITE, 0x29 },
		{ 0xfee00000, 8, IOMMUSIM_DMA_WRITE, 0x29 },
		{ 0xfee00000, 64, IOMMUSIM_DMA_WRITE, 0x29 },
		{ 0xfee00001, 4, IOMMUSIM_DMA_WRITE, 0x29 }, /* parts of two doublewords */
		{ 0xfee00002, 4, IOMMUSIM_DMA_WRITE, 0x29 },
		{ 0xfee00003, 4, IOMMUSIM_DMA_WRITE, 0x29 },
	};
	struct iommusim_interrupt taken;
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const bool sent = rows[i].kind == IOMMUSIM_DMA_WRITE && rows[i].reason == 0;
		struct iommusim_dma_page page;

		vt_start(&scene.vtd, NULL); /* remapping off: what is an interrupt passes */
		page = vt_access(scene.vtd.device, rows[i].kind, rows[i].address, rows[i].length);
		assert_int_equal(page.fault.reason, rows[i].reason);
		assert_int_equal(page.faulted, rows[i].reason != 0);
		assert_int_equal(vt_records(&scene.vtd), rows[i].reason != 0);
		assert_int_equal(iommusim_interrupt_pending(scene.vtd.machine), sent);
		if (sent) {
			taken = vt_only_message(&scene.vtd);
			assert_int_equal(taken.address, rows[i].address);
		}
		stop(&scene);
	}
}

/* ECAP.C=0: an entry must be flushed before the unit sees it (VT-d 5.1.4). */
static void a_unit_that_does_not_snoop_sees_flushed_entries_only(void **state)
{
	const uint64_t entry = UINT64_C(0x11) << 16 | 1;
	struct scene scene;

	(void)state;
	start(&scene, &(struct vtd_setup){ .ecap_clear = ECAP_C, .device_view = true }, 0);
	assert_int_equal(iommusim_memory_write(scene.vtd.machine, scene.table, &entry, 8), IOMMUSIM_OK);
	assert_int_equal(reason(&scene, remappable(0, false), 0), 0x22);
	assert_int_equal(iommusim_memory_flush(scene.vtd.machine, scene.table, 8), IOMMUSIM_OK);
	assert_vector(&scene, remappable(0, false), 0, 0x11);
	stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_remapping_is_off_every_interrupt_passes),
		cmocka_unit_test(compatibility_interrupts_pass_only_with_cfi_and_without_extended_mode),
		cmocka_unit_test(the_index_is_the_handle_plus_a_valid_subhandle),
		cmocka_unit_test(an_interrupt_outside_the_range_or_unaligned_is_malformed),
		cmocka_unit_test(handle_bit_15_is_address_bit_2),
		cmocka_unit_test(reserved_data_bits_are_reason_20_with_a_subhandle_only),
		cmocka_unit_test(an_index_beyond_the_table_is_reason_21),
		cmocka_unit_test(an_entry_above_the_host_address_width_is_reason_21),
		cmocka_unit_test(a_table_without_memory_is_reason_23),
		cmocka_unit_test(an_entry_that_is_not_present_is_reason_22_whatever_it_holds),
		cmocka_unit_test(every_reserved_bit_of_an_entry_is_reason_24),
		cmocka_unit_test(the_source_of_an_interrupt_is_verified_as_the_entry_says),
		cmocka_unit_test(every_requester_id_meets_every_qualifier),
		cmocka_unit_test(sources_are_not_verified_when_they_are_unknown),
		cmocka_unit_test(not_present_comes_before_the_source),
		cmocka_unit_test(the_source_is_verified_before_reserved_bits),
		cmocka_unit_test(a_posted_entry_is_refused_by_units_that_cannot_post),
		cmocka_unit_test(a_reserved_bit_spoils_a_good_entry),
		cmocka_unit_test(the_message_is_composed_from_the_entry),
		cmocka_unit_test(extended_mode_has_wide_destinations),
		cmocka_unit_test(a_fault_record_holds_the_index),
		cmocka_unit_test(only_faults_of_the_entry_itself_are_hidden_by_fpd),
		cmocka_unit_test(a_unit_that_requires_extended_mode_blocks_everything_else),
		cmocka_unit_test(a_unit_that_requires_remapping_blocks_interrupts_without_it),
		cmocka_unit_test(a_new_table_address_waits_for_sirtp),
		cmocka_unit_test(remapping_does_not_need_dma_translation),
		cmocka_unit_test(a_pasid_counts_for_nothing_while_translation_is_off),
		cmocka_unit_test(other_requests_to_the_interrupt_range_are_reason_29),
		cmocka_unit_test(a_unit_that_does_not_snoop_sees_flushed_entries_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
