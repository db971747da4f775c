/*
 * Posted interrupts (VT-d 5.2, 9.10, 9.11, Table 15): which entries post, every bit of entry and
 * descriptor, when a notification is sent and what it says, faults 27h and 28h, what is cached.
 */
#include "posted.h"

/* ---- which entries post ---------------------------------------------------------------------------------- */

/* Without CAP.PI both IM and URG are reserved bits; with it, URG still is in an entry with IM=0. */
static void only_units_with_posting_know_its_bits(void **state)
{
	static const struct {
		uint64_t bits;
		unsigned without, with;
	} rows[] = { { 0x8000, 0x24, 0 }, { 0xc000, 0x24, 0 }, { 0x4000, 0x24, 0x24 }, { 0, 0, 0 } };

	(void)state;
	for (unsigned able = 0; able < 2; able++) {
		struct post_scene scene;

		post_begin(&scene,
		    &(struct vtd_setup){
			.cap_set = able ? CAP_PI : 0, .settings.cache = IOMMUSIM_CACHE_NONE },
		    0);
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			post_set_entry(&scene, 0, rows[i].bits | POST_DESCRIPTOR << 32 | 1, 0);
			assert_int_equal(post_reason(&scene), able ? rows[i].with : rows[i].without);
		}
		post_set_entry(&scene, 0, 0x8001, 0x40311); /* SVT 1: for 03:02.1 */
		assert_int_equal(post_reason(&scene), 0x26);
		post_stop(&scene);
	}
}

static void a_posted_interrupt_sets_its_bit_and_notifies_instead_of_being_sent(void **state)
{
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
	post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET);
	post_expect_notified(&scene, 0xfee07000, 0x40f2);
	post_expect(&scene, 0x31, POST_TARGET | POST_ON);
	assert_int_equal(vt_get32(&scene.vtd, R_FSTS), 0);
	post_stop(&scene);
}

/* Other interrupts of the same table are sent as ever. */
static void remapped_entries_are_none_of_its_business(void **state)
{
	struct iommusim_interrupt out;
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
	post_set_entry(&scene, 1, UINT64_C(2) << 40 | UINT64_C(0x32) << 16 | 1, 0);
	assert_int_equal(post_raise(&scene, POST_REQUEST | 0x20, 0, &out).reason, 0);
	assert_false(out.posted || out.from_unit);
	assert_int_equal(out.source, VTD_RID);
	assert_int_equal(out.address, 0xfee02000);
	assert_int_equal(out.data, 0x4032);
	post_expect_descriptor(&scene, POST_DESCRIPTOR, NULL, 0, 0);
	post_stop(&scene);
}

/* VT-d 5.1.4: present, then the source, then what the entry says; only then the descriptor. */
static void the_entry_is_checked_before_the_descriptor(void **state)
{
	static const struct {
		uint64_t low, high;
		unsigned reason;
	} rows[] = {
		{ 0xb000, 0xfff40311, 0x22 },
		{ 0xb001, 0xfff40311, 0x26 },
		{ 0xb001, 0xfffc0310, 0x26 },
		{ 0xb001, 0x40310, 0x24 },
		{ 0x8001, 0x100000, 0x24 },
		{ 0x8001, 0x40310, 0x28 },
		{ 0x8001, 0x80303, 0x28 },
		{ 0x8001, 0x80405, 0x26 },
		{ 0x8001, 0x70317, 0x28 },
	};
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	post_set_descriptor(&scene, POST_DESCRIPTOR, 4); /* reserved */
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		post_set_entry(&scene, 0, rows[i].low | POST_DESCRIPTOR << 32, rows[i].high);
		assert_int_equal(post_reason(&scene), rows[i].reason);
	}
	post_expect_descriptor(&scene, POST_DESCRIPTOR, NULL, 0, 4);
	post_stop(&scene);
}

/* ---- every bit of the entry ------------------------------------------------------------------------------- */

/* The descriptor is somewhere else now: in memory (zero there, but for this interrupt), or nowhere. */
static void expect_elsewhere(struct post_scene *scene, uint64_t at)
{
	static const unsigned vector = 0x31;

	if (at >= VTD_RAM) {
		assert_int_equal(post_reason(scene), 0x27);
		return;
	}
	post_expect_notified(scene, 0xfee00000, 0x4000); /* to vector 0 of processor 0 */
	post_expect_descriptor(scene, at, &vector, 1, POST_ON);
	post_set_descriptor(scene, at, 0);
}

/* Bit 15 off: a remapped entry with the same bits, and DST where the address was. */
static void expect_remapped(struct post_scene *scene, bool extended)
{
	struct iommusim_interrupt out;

	assert_int_equal(post_raise(scene, POST_REQUEST, 0, &out).reason, 0);
	assert_false(out.posted || out.from_unit);
	assert_int_equal(out.address, extended ? UINT64_C(0x3500fee00000) : 0xfee35000);
	assert_int_equal(out.data, 0x4031);
}

/* VT-d 9.10, bit by bit, on top of an entry that is good and asks for no validation. */
static void flip_entry_bit(struct post_scene *scene, unsigned bit, unsigned haw, bool extended)
{
	uint64_t entry[2] = { post_entry(0x31, POST_DESCRIPTOR, 0), 0x310 };
	unsigned vector = 0x31;
	uint64_t address;

	entry[bit / 64] ^= BIT(bit % 64);
	post_set_entry(scene, 0, entry[0], entry[1]);
	post_set_descriptor(scene, POST_DESCRIPTOR, POST_TARGET);
	if (bit == 0) {
		assert_int_equal(post_reason(scene), 0x22);
		return;
	}
	if (bit == 15) {
		expect_remapped(scene, extended);
		return;
	}
	if ((bit >= 2 && bit <= 7) || bit == 12 || bit == 13 || (bit >= 24 && bit <= 37) ||
	    (bit >= 84 && bit <= 95)) {
		assert_int_equal(post_reason(scene), 0x24);
		post_expect_descriptor(scene, POST_DESCRIPTOR, NULL, 0, POST_TARGET);
		return;
	}
	if ((bit >= 38 && bit <= 63) || bit >= 96) { /* bits 31:6 and 63:32 of the address */
		address = POST_DESCRIPTOR ^ BIT(bit >= 96 ? bit - 64 : bit - 32);
		if (address >> haw != 0)
			assert_int_equal(post_reason(scene), 0x24);
		else
			expect_elsewhere(scene, address);
		return;
	}
	if (bit >= 16 && bit <= 23)
		vector ^= 1u << (bit - 16);
	assert_int_equal(post_reason(scene), 0);
	post_expect(scene, vector, POST_TARGET | POST_ON);
}

static void each_bit_of_a_posted_entry_does_what_9_10_says(void **state)
{
	static const uint8_t widths[] = { 27, 32, 39, 46, 52 };

	(void)state;
	for (size_t i = 0; i < sizeof(widths); i++) {
		for (unsigned extended = 0; extended < 2; extended++) {
			struct post_scene scene;

			post_start_with(&scene,
			    (struct vtd_setup){
				.haw = widths[i], .settings.cache = IOMMUSIM_CACHE_NONE },
			    extended << 11);
			for (unsigned bit = 0; bit < 128; bit++)
				flip_entry_bit(&scene, bit, widths[i], extended);
			post_stop(&scene);
		}
	}
}

/* P=0: nothing else is looked at, but for FPD. */
static void each_bit_of_a_posted_entry_that_is_not_present_is_ignored(void **state)
{
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	for (unsigned bit = 1; bit < 128; bit++) {
		post_set_entry(
		    &scene, 0, (bit < 64 ? BIT(bit) : 0) | 0x8000, bit < 64 ? 0 : BIT(bit - 64));
		assert_int_equal(post_reason(&scene), 0x22);
	}
	post_stop(&scene);
}

/* A recording without source ids: the validation is skipped, reserved bits are not. */
static void sources_of_posted_interrupts_are_not_verified_when_they_are_unknown(void **state)
{
	struct post_scene scene;

	(void)state;
	post_start_with(&scene, (struct vtd_setup){ .choices.source_unknown = true }, 0);
	post_set_entry(&scene, 0, post_entry(9, POST_DESCRIPTOR, 0), 0x49999);
	assert_int_equal(post_reason(&scene), 0);
	post_expect(&scene, 9, POST_ON);
	post_stop(&scene);
}

/* ---- the descriptor -------------------------------------------------------------------------------------- */

static void each_vector_has_its_bit(void **state)
{
	static const unsigned ends[] = { 0, 63, 64, 255 };
	unsigned posted[256];
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		post_set(&scene, 0, ends[i], POST_DESCRIPTOR, 0);
		post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET);
		post_expect_notified(&scene, 0xfee07000, 0x40f2);
		post_expect(&scene, ends[i], POST_TARGET | POST_ON);
	}
	post_set_descriptor(&scene, POST_DESCRIPTOR, 0);
	for (unsigned vector = 0; vector < 256; vector++) { /* they gather */
		posted[vector] = vector;
		post_set(&scene, 0, vector, POST_DESCRIPTOR, 0);
		assert_int_equal(post_reason(&scene), 0);
		post_expect_descriptor(&scene, POST_DESCRIPTOR, posted, vector + 1, POST_ON);
		assert_int_equal(post_reason(&scene), 0); /* a second time changes nothing */
		post_expect_descriptor(&scene, POST_DESCRIPTOR, posted, vector + 1, POST_ON);
	}
	post_stop(&scene);
}

/* VT-d 9.10: bits 63:32 of its address are in 127:96 of the entry, 31:6 in 63:38. */
static void a_descriptor_may_be_anywhere_in_host_addresses(void **state)
{
	static const uint64_t places[] = { UINT64_C(0x100000000), UINT64_C(0x200000040),
		UINT64_C(0x280000fc0), UINT64_C(0x3ffffff00000) };
	struct post_scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		post_start(&scene, 0);
		assert_int_equal(iommusim_memory_add(scene.vtd.machine, places[i] & ~UINT64_C(0xfff),
				     0x1000, IOMMUSIM_MEMORY_RAM),
		    IOMMUSIM_OK);
		post_set_entry(&scene, 0, (places[i] & 0xffffffc0) << 32 | 0x318001,
		    places[i] & UINT64_C(0xffffffff00000000));
		post_set_descriptor(&scene, places[i], POST_TARGET);
		post_expect_notified(&scene, 0xfee07000, 0x40f2);
		post_expect_descriptor(
		    &scene, places[i], &(unsigned){ 0x31 }, 1, POST_TARGET | POST_ON);
		post_stop(&scene);
	}
}

/* VT-d 5.2.3: X = (ON == 0) & (URG | (SN == 0)). With X, ON is set and a notification sent. */
static void a_notification_is_sent_exactly_when_on_becomes_set(void **state)
{
	static const struct {
		uint64_t before, urgent, after;
		bool notified;
	} rows[] = {
		{ 0, 0, POST_ON, true },
		{ 0, POST_URG, POST_ON, true },
		{ POST_SN, 0, POST_SN, false },
		{ POST_SN, POST_URG, POST_SN | POST_ON, true },
		{ POST_ON, 0, POST_ON, false },
		{ POST_ON, POST_URG, POST_ON, false },
		{ POST_ON | POST_SN, 0, POST_ON | POST_SN, false },
		{ POST_ON | POST_SN, POST_URG, POST_ON | POST_SN, false },
	};
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		post_set(&scene, 0, 0x45, POST_DESCRIPTOR, rows[i].urgent);
		post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET | rows[i].before);
		if (rows[i].notified)
			post_expect_notified(&scene, 0xfee07000, 0x40f2);
		else
			post_expect_silent(&scene);
		post_expect(&scene, 0x45, POST_TARGET | rows[i].after);
	}
	post_stop(&scene);
}

/* One notification until somebody clears ON; SN and what was posted before have no part in that. */
static void notifications_go_on_when_software_clears_on(void **state)
{
	static const unsigned both[] = { 0x31, 0x32 };
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
	post_expect_notified(&scene, 0xfee07000, 0x40f2);
	post_set(&scene, 0, 0x32, POST_DESCRIPTOR, 0);
	post_expect_silent(&scene);
	post_expect_descriptor(&scene, POST_DESCRIPTOR, both, 2, POST_TARGET | POST_ON);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 32, POST_TARGET | POST_SN);
	post_expect_silent(&scene);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 32, POST_TARGET);
	post_expect_notified(&scene, 0xfee07000, 0x40f2);
	post_expect_descriptor(&scene, POST_DESCRIPTOR, both, 2, POST_TARGET | POST_ON);
	post_stop(&scene);
}

/* xAPIC: NDST 303:296 to address 19:12. x2APIC: 7:0 to 19:12, 31:8 to 63:40. NV to the data. */
static void the_notification_goes_where_the_descriptor_says(void **state)
{
	static const struct {
		uint64_t irta, control, address;
		uint32_t data;
	} rows[] = {
		{ 0, UINT64_C(0x0000ab0000310000), 0xfeeab000, 0x4031 },
		{ 0, UINT64_C(0x0000ff0000ff0000), 0xfeeff000, 0x40ff },
		{ 0, 0, 0xfee00000, 0x4000 },
		{ 0x800, UINT64_C(0x1234567800420000), UINT64_C(0x12345600fee78000), 0x4042 },
		{ 0x800, UINT64_C(0x0000ab0000310000), UINT64_C(0x0000ab00fee00000), 0x4031 },
		{ 0x800, UINT64_C(0xffffffff00100000), UINT64_C(0xffffff00feeff000), 0x4010 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct post_scene scene;

		post_start(&scene, rows[i].irta);
		post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
		post_set_descriptor(&scene, POST_DESCRIPTOR, rows[i].control);
		post_expect_notified(&scene, rows[i].address, rows[i].data);
		post_expect(&scene, 0x31, rows[i].control | POST_ON);
		post_stop(&scene);
	}
}

/* VT-d 9.11: 271:258, 287:280, 511:320; in xAPIC mode also NDST 319:304 and 295:288. */
static bool reserved_in_descriptor(unsigned bit, bool extended)
{
	if (bit >= 288 && bit <= 319)
		return !extended && (bit < 296 || bit > 303);
	return (bit >= 258 && bit <= 271) || (bit >= 280 && bit <= 287) || bit >= 320;
}

static void expect_bits(struct post_scene *scene, const uint64_t *expected)
{
	for (unsigned quad = 0; quad < 8; quad++)
		assert_int_equal(
		    vt_load(&scene->vtd, POST_DESCRIPTOR + quad * UINT64_C(8)), expected[quad]);
}

/* ON and SN keep it silent; NV is data bits 7:0, NDST the destination: any bit shows in its place. */
static void flip_descriptor_bit(struct post_scene *scene, unsigned bit, bool extended)
{
	uint64_t expected[8] = { [4] = POST_TARGET };
	uint64_t address = extended ? UINT64_C(0x0700fee00000) : 0xfee07000;
	uint32_t data = 0x40f2;

	expected[bit / 64] ^= BIT(bit % 64);
	for (unsigned quad = 0; quad < 8; quad++)
		vt_store(&scene->vtd, POST_DESCRIPTOR + quad * UINT64_C(8), expected[quad]);
	if (reserved_in_descriptor(bit, extended)) {
		assert_int_equal(post_reason(scene), 0x28);
		expect_bits(scene, expected);
		return;
	}
	expected[0x31 / 64] |= BIT(0x31);
	if (bit == 256 || bit == 257) {
		post_expect_silent(scene);
		expect_bits(scene, expected);
		return;
	}
	if (bit >= 272 && bit <= 279)
		data ^= 1u << (bit - 272);
	else if (bit >= 288 && !extended)
		address ^= BIT(bit - 296 + 12);
	else if (bit >= 296)
		address ^= BIT(bit - 296 + 40);
	else if (bit >= 288)
		address ^= BIT(bit - 288 + 12);
	post_expect_notified(scene, address, data);
	expected[4] |= POST_ON;
	expect_bits(scene, expected);
}

static void each_bit_of_a_descriptor_does_what_9_11_says(void **state)
{
	(void)state;
	for (unsigned extended = 0; extended < 2; extended++) {
		struct post_scene scene;

		post_start(&scene, extended << 11);
		post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
		for (unsigned bit = 0; bit < 512; bit++)
			flip_descriptor_bit(&scene, bit, extended);
		post_stop(&scene);
	}
}

/* VT-d 5.2.3: this access snoops whatever ECAP.C says. The entry itself is read as C says. */
static void the_descriptor_is_always_snooped(void **state)
{
	const uint64_t control = POST_TARGET;
	struct post_scene scene;

	(void)state;
	post_start_with(&scene, (struct vtd_setup){ .ecap_clear = ECAP_C, .device_view = true }, 0);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
	assert_int_equal(iommusim_memory_write(scene.vtd.machine, POST_DESCRIPTOR + 32, &control, 8),
	    IOMMUSIM_OK); /* and not flushed */
	post_expect_notified(&scene, 0xfee07000, 0x40f2);
	post_expect(&scene, 0x31, POST_TARGET | POST_ON);
	post_stop(&scene);
}

/* ---- faults ----------------------------------------------------------------------------------------------- */

/* Index 13h; the record in full, then hidden by FPD (Table 15: both are qualified). */
static void expect_fault(struct post_scene *scene, uint64_t descriptor, unsigned code, unsigned class)
{
	for (unsigned hidden = 0; hidden < 2; hidden++) {
		struct iommusim_interrupt out;
		struct iommusim_fault fault;
		uint64_t record[2];

		post_set(scene, 0x13, 0x31, descriptor, hidden ? POST_FPD : 0);
		fault = post_raise(scene, POST_REQUEST | 0x13 << 5, 0, &out);
		assert_int_equal(fault.reason, code);
		assert_int_equal(fault.class_, class);
		assert_int_equal(fault.record[0], UINT64_C(0x0013000000000000));
		assert_int_equal(fault.record[1], UINT64_C(0x8000000000000310) | (uint64_t)code << 32);
		assert_int_equal(fault.recorded, !hidden);
		assert_int_equal(fault.suppressed, hidden);
		assert_non_null(fault.meaning);
		assert_false(out.posted);
		assert_int_equal(vt_records(&scene->vtd), !hidden);
		assert_int_equal(vt_get32(&scene->vtd, R_FSTS) & 3, hidden ? 0 : 2);
		if (hidden)
			continue;
		vt_record(&scene->vtd, fault.index, record);
		assert_int_equal(record[0], fault.record[0]);
		assert_int_equal(record[1], fault.record[1]);
		vt_clear_record(&scene->vtd, fault.index);
	}
}

static void a_descriptor_that_cannot_be_accessed_is_reason_27(void **state)
{
	static const uint64_t places[] = { POST_HOLE, VTD_BASE, 0xfee00000, VTD_RAM, BIT(46) - 64,
		POST_ROM };
	struct post_scene scene;

	(void)state;
	post_start(&scene, 4);
	post_add_rom(&scene, POST_TARGET);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		expect_fault(&scene, places[i], 0x27, IOMMUSIM_FAULT_TABLE_ACCESS);
	post_expect_descriptor(&scene, POST_ROM, NULL, 0, POST_TARGET);
	post_stop(&scene);
}

static void a_descriptor_with_reserved_bits_is_reason_28_and_stays_as_it_is(void **state)
{
	struct post_scene scene;

	(void)state;
	post_start(&scene, 4);
	post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET | POST_RESERVED);
	expect_fault(&scene, POST_DESCRIPTOR, 0x28, IOMMUSIM_FAULT_BAD_ENTRY);
	post_expect_descriptor(&scene, POST_DESCRIPTOR, NULL, 0, POST_TARGET | POST_RESERVED);
	post_stop(&scene);
}

/* Ownership of the line comes before a look at its contents (VT-d 5.2.3). */
static void a_descriptor_that_cannot_be_written_is_not_judged(void **state)
{
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	post_add_rom(&scene, POST_RESERVED);
	post_set(&scene, 0, 0x31, POST_ROM, 0);
	assert_int_equal(post_reason(&scene), 0x27);
	post_stop(&scene);
}

/* A write of 4 bytes is the same interrupt: it moves 4 bytes when it is posted, none when it faults. */
static void a_dma_write_to_the_interrupt_range_posts(void **state)
{
	uint32_t data = 0;
	const struct iommusim_dma_request request = {
		.address = POST_REQUEST, .length = 4, .kind = IOMMUSIM_DMA_WRITE, .data = &data
	};
	struct iommusim_dma_outcome outcome;
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
	post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET | POST_SN);
	assert_int_equal(iommusim_dma(scene.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_true(outcome.page.interrupt);
	assert_int_equal(outcome.bytes_moved, 4);
	assert_int_equal(outcome.pages_faulted, 0);
	vt_no_message(&scene.vtd);
	post_expect(&scene, 0x31, POST_TARGET | POST_SN);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 32, POST_TARGET);
	assert_int_equal(iommusim_dma(scene.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_true(vt_only_message(&scene.vtd).posted);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 40, 1);
	assert_int_equal(iommusim_dma(scene.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page.fault.reason, 0x28);
	assert_int_equal(outcome.bytes_moved, 0);
	vt_no_message(&scene.vtd);
	post_stop(&scene);
}

/* ---- what is cached (VT-d 6.4) --------------------------------------------------------------------------- */

/* VT-d 6.5.2.8: type 4, G in bit 4 for one index, IIDX in 47:32. */
static void invalidate_index(struct post_scene *scene, unsigned index)
{
	vt_submit(&scene->vtd, (uint64_t)index << 32 | 0x10 | 4, 0);
}

static void a_posted_entry_is_kept_until_its_index_is_invalidated(void **state)
{
	static const unsigned first[] = { 0x31 }, second[] = { 0x32 };
	struct post_scene scene;

	(void)state;
	post_start_cached(&scene, 0);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
	post_expect_silent(&scene);
	post_set(&scene, 0, 0x32, POST_OTHER, POST_URG);
	post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET | POST_SN);
	post_expect_silent(&scene);
	post_expect_descriptor(&scene, POST_DESCRIPTOR, first, 1, POST_TARGET | POST_SN);
	post_expect_descriptor(&scene, POST_OTHER, NULL, 0, POST_TARGET | POST_SN);
	invalidate_index(&scene, 1);
	post_expect_silent(&scene);
	post_expect_descriptor(&scene, POST_OTHER, NULL, 0, POST_TARGET | POST_SN);
	invalidate_index(&scene, 0);
	post_expect_notified(&scene, 0xfee07000, 0x40f2);
	post_expect_descriptor(&scene, POST_OTHER, second, 1, POST_TARGET | POST_SN | POST_ON);
	post_set_entry(&scene, 0, UINT64_C(2) << 40 | UINT64_C(0x33) << 16 | 1, 0); /* a remapped one */
	post_expect_silent(&scene);
	vt_submit(&scene.vtd, 4, 0); /* all of them */
	assert_int_equal(post_raise(&scene, POST_REQUEST, 0, NULL).reason, 0);
	post_expect_descriptor(&scene, POST_OTHER, second, 1, POST_TARGET | POST_SN | POST_ON);
	post_stop(&scene);
}

/* Software clears ON, moves the target and suppresses notifications without telling anybody. */
static void a_descriptor_is_never_kept(void **state)
{
	struct post_scene scene;

	(void)state;
	post_start_cached(&scene, 0);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
	post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET);
	post_expect_notified(&scene, 0xfee07000, 0x40f2);
	post_set_descriptor(&scene, POST_DESCRIPTOR, UINT64_C(0x080000f30000));
	post_expect_notified(&scene, 0xfee08000, 0x40f3);
	post_set_descriptor(&scene, POST_DESCRIPTOR, UINT64_C(0x080000f30000) | POST_SN);
	post_expect_silent(&scene);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 40, 1);
	assert_int_equal(post_reason(&scene), 0x28);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 40, 0);
	post_expect_silent(&scene);
	post_stop(&scene);
}

/* 6.4: with CM=0 an entry is not kept when "any of the conditions of 5.1.4.1" came up: 27h, 28h too. */
static void an_entry_that_led_to_a_fault_is_kept_in_caching_mode_only(void **state)
{
	(void)state;
	for (unsigned caching = 0; caching < 2; caching++) {
		for (unsigned code = 0x27; code <= 0x28; code++) {
			struct post_scene scene;

			post_start_cached(&scene, caching ? CAP_CM : 0);
			post_set_descriptor(&scene, POST_OTHER, POST_RESERVED);
			post_set(&scene, 0, 0x31, code == 0x27 ? POST_HOLE : POST_OTHER, 0);
			assert_int_equal(post_reason(&scene), code);
			post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
			assert_int_equal(post_reason(&scene), caching ? code : 0);
			invalidate_index(&scene, 0);
			assert_int_equal(post_reason(&scene), 0);
			post_expect(&scene, 0x31, POST_TARGET | POST_SN);
			post_stop(&scene);
		}
	}
}

/* What is in the cache stays there, whatever the descriptor is like: 28h, then not. FPD is its. */
static void faults_go_by_the_cached_entry(void **state)
{
	struct post_scene scene;

	(void)state;
	post_start_cached(&scene, 0);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, POST_FPD);
	post_expect_silent(&scene);
	post_set(&scene, 0, 0x31, POST_OTHER, 0);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 56, 1);
	assert_int_equal(post_reason(&scene), 0x28);
	assert_int_equal(vt_records(&scene.vtd), 0);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 56, 0);
	post_expect_silent(&scene);
	post_expect_descriptor(&scene, POST_OTHER, NULL, 0, POST_TARGET | POST_SN);
	post_stop(&scene);
}

static void the_source_is_verified_against_the_cached_entry(void **state)
{
	struct iommusim_requester *other;
	struct iommusim_fault fault;
	struct post_scene scene;

	(void)state;
	post_start_cached(&scene, 0);
	assert_int_equal(
	    iommusim_requester_create(scene.vtd.machine, 0, VTD_RID + 1, &other), IOMMUSIM_OK);
	post_set_entry(&scene, 0, post_entry(0x31, POST_DESCRIPTOR, 0), 0x40310);
	post_expect_silent(&scene);
	post_set_entry(&scene, 0, post_entry(0x31, POST_DESCRIPTOR, 0), 0x40311);
	assert_int_equal(
	    iommusim_requester_interrupt(other, POST_REQUEST, 0, NULL, &fault), IOMMUSIM_OK);
	assert_int_equal(fault.reason, 0x26);
	post_expect_silent(&scene);
	post_stop(&scene);
}

/* A contrary cache fetches the next entry with one that is used: that posts nothing. */
static void fetching_an_entry_posts_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct post_scene scene;

		post_start_with(&scene,
		    (struct vtd_setup){ .seed = seed, .settings.cache = IOMMUSIM_CACHE_ADVERSE }, 5);
		post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
		post_set(&scene, 1, 0x32, POST_OTHER, 0);
		assert_int_equal(post_reason(&scene), 0);
		post_expect(&scene, 0x31, POST_ON);
		post_expect_descriptor(&scene, POST_OTHER, NULL, 0, 0);
		post_stop(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_units_with_posting_know_its_bits),
		cmocka_unit_test(a_posted_interrupt_sets_its_bit_and_notifies_instead_of_being_sent),
		cmocka_unit_test(remapped_entries_are_none_of_its_business),
		cmocka_unit_test(the_entry_is_checked_before_the_descriptor),
		cmocka_unit_test(each_bit_of_a_posted_entry_does_what_9_10_says),
		cmocka_unit_test(each_bit_of_a_posted_entry_that_is_not_present_is_ignored),
		cmocka_unit_test(sources_of_posted_interrupts_are_not_verified_when_they_are_unknown),
		cmocka_unit_test(each_vector_has_its_bit),
		cmocka_unit_test(a_descriptor_may_be_anywhere_in_host_addresses),
		cmocka_unit_test(a_notification_is_sent_exactly_when_on_becomes_set),
		cmocka_unit_test(notifications_go_on_when_software_clears_on),
		cmocka_unit_test(the_notification_goes_where_the_descriptor_says),
		cmocka_unit_test(each_bit_of_a_descriptor_does_what_9_11_says),
		cmocka_unit_test(the_descriptor_is_always_snooped),
		cmocka_unit_test(a_descriptor_that_cannot_be_accessed_is_reason_27),
		cmocka_unit_test(a_descriptor_with_reserved_bits_is_reason_28_and_stays_as_it_is),
		cmocka_unit_test(a_descriptor_that_cannot_be_written_is_not_judged),
		cmocka_unit_test(a_dma_write_to_the_interrupt_range_posts),
		cmocka_unit_test(a_posted_entry_is_kept_until_its_index_is_invalidated),
		cmocka_unit_test(a_descriptor_is_never_kept),
		cmocka_unit_test(an_entry_that_led_to_a_fault_is_kept_in_caching_mode_only),
		cmocka_unit_test(faults_go_by_the_cached_entry),
		cmocka_unit_test(the_source_is_verified_against_the_cached_entry),
		cmocka_unit_test(fetching_an_entry_posts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
