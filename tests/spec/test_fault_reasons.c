/*
 * Every reason of VT-d 7.1.3 Table 30 that legacy mode has, each made by hand: what is reported, the
 * record bit for bit, what FPD hides, and which reason is given when several conditions hold.
 */
#include "vtd_fixture.h"

#define HOLE  UINT64_C(0x10000000) /* there is no memory */
#define INPUT UINT64_C(0x5000)
#define HIGH  BIT(50) /* above what four levels translate; the lower bits still find the page */

struct request {
	uint64_t address;
	unsigned length;
	enum iommusim_dma_kind kind;
	enum iommusim_dma_address_type type;
	bool has_pasid;
};

/* A unit that has everything, one page mapped; where the entries on the way to it stand. */
struct scene {
	struct vtd_fixture vtd;
	struct request request;
	uint64_t top_at, middle_at, leaf_at; /* entries of levels 4, 3 and 1 */
};

static void set_up(struct scene *scene, uint64_t fpd)
{
	const struct vtd_setup setup = { .ecap_set = ECAP_ADMS | ECAP_SSIRWS | ECAP_SMTS | ECAP_PASID,
		.cap_set = CAP_ESRTPS,
		.settings.cache = IOMMUSIM_CACHE_NONE };

	memset(scene, 0, sizeof(*scene));
	vt_start_enabled(&scene->vtd, &setup);
	vt_map(&scene->vtd, INPUT, 0x9000, 3);
	scene->top_at = vt_entry_at(&scene->vtd, INPUT, 4);
	scene->middle_at = vt_entry_at(&scene->vtd, INPUT, 3);
	scene->leaf_at = vt_entry_at(&scene->vtd, INPUT, 1);
	scene->request = (struct request){ .address = INPUT, .length = 8 };
	vt_store(&scene->vtd, vt_context_at(&scene->vtd), scene->vtd.page_table | fpd << 1 | 1);
}

static struct iommusim_dma_page ask(struct scene *scene)
{
	const struct iommusim_dma_request request = { .address = scene->request.address,
		.length = scene->request.length,
		.kind = scene->request.kind,
		.address_type = scene->request.type,
		.has_pasid = scene->request.has_pasid,
		.pasid = scene->request.has_pasid ? 0x12345 : 0 };
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(scene->vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome.page;
}

/* Replace bits of an entry. */
static void edit(struct scene *scene, uint64_t at, uint64_t clear, uint64_t set)
{
	vt_store(&scene->vtd, at, (vt_load(&scene->vtd, at) & ~clear) | set);
}

static void edit_root(struct scene *scene, uint64_t clear, uint64_t set)
{
	edit(scene, vt_root_at(&scene->vtd), clear, set);
}

static void edit_context(struct scene *scene, uint64_t clear, uint64_t set)
{
	edit(scene, vt_context_at(&scene->vtd), clear, set);
}

#define POINTER UINT64_C(0xfffffffffffff000)

/* ---- one condition each, in the order in which hardware comes across them ---------------------- */

static void mode_reserved(struct scene *s)
{
	vt_latch_root(&s->vtd, s->vtd.root_table | 2 << 10);
}

static void with_pasid(struct scene *s)
{
	s->request.has_pasid = true;
}

/* The register takes only the address: the entries stay where they are. */
static void root_unreadable(struct scene *s)
{
	vt_latch_root(&s->vtd, HOLE | (vt_get64(&s->vtd, R_RTADDR) & 0xc00));
}

static void root_absent(struct scene *s)
{
	edit_root(s, 1, 0);
}

static void root_bits(struct scene *s)
{
	edit_root(s, 0, 0x800);
}

static void context_unreadable(struct scene *s)
{
	edit_root(s, POINTER, HOLE);
}

static void context_absent(struct scene *s)
{
	edit_context(s, 1, 0);
}

static void context_bits(struct scene *s)
{
	edit_context(s, 0, 0x10);
}

static void type_reserved(struct scene *s)
{
	edit_context(s, 0, 3 << 2);
}

static void translation_request(struct scene *s)
{
	s->request.type = IOMMUSIM_DMA_TRANSLATION_REQUEST;
}

static void width_reserved(struct scene *s)
{
	edit(s, vt_context_at(&s->vtd) + 8, 7, 4);
}

static void address_too_wide(struct scene *s)
{
	s->request.address |= HIGH;
}

static void table_unreadable(struct scene *s)
{
	edit_context(s, POINTER, HOLE);
}

static void top_absent(struct scene *s)
{
	edit(s, s->top_at, 3, 0);
}

static void top_bits(struct scene *s)
{
	edit(s, s->top_at, 0, 0x80);
}

static void lower_unreadable(struct scene *s)
{
	edit(s, s->middle_at, POINTER, HOLE);
}

static void leaf_bits(struct scene *s)
{
	edit(s, s->leaf_at, 0, BIT(62));
}

static void leaf_not_readable(struct scene *s)
{
	edit(s, s->leaf_at, 1, 0);
}

static void output_in_interrupt_range(struct scene *s)
{
	edit(s, s->leaf_at, POINTER, 0xfee01000);
}

struct condition {
	void (*make)(struct scene *scene);
	unsigned reason;
};

/* The order of VT-d 3.4 and 3.7: what is read first is judged first; of an entry, P before the rest. */
static const struct condition order[] = {
	{ mode_reserved, 0x30 },
	{ with_pasid, 0x31 },
	{ root_unreadable, 0x8 },
	{ root_absent, 0x1 },
	{ root_bits, 0xa },
	{ context_unreadable, 0x9 },
	{ context_absent, 0x2 },
	{ context_bits, 0xb },
	{ type_reserved, 0x3 },
	{ translation_request, 0xd },
	{ width_reserved, 0x3 },
	{ address_too_wide, 0x4 },
	{ table_unreadable, 0x3 },
	{ top_absent, 0x6 },
	{ top_bits, 0xc },
	{ lower_unreadable, 0x7 },
	{ leaf_bits, 0xc },
	{ leaf_not_readable, 0x6 },
	{ output_in_interrupt_range, 0xe },
};

#define CONDITIONS (sizeof(order) / sizeof(*order))

/* Reason Dh against 3h has no order: a blocked request in a context that is invalid too. */
static bool no_order(size_t i, size_t j)
{
	return (order[i].make == type_reserved && order[j].make == translation_request) ||
	    (order[i].make == translation_request && order[j].make == width_reserved);
}

static void expect_first(size_t i, size_t j, size_t k)
{
	struct scene scene;

	set_up(&scene, 0);
	/* the register last: it is where the entries are found */
	order[k].make(&scene);
	order[j].make(&scene);
	order[i].make(&scene);
	if (ask(&scene).fault.reason != order[i].reason)
		fail_msg("conditions %zu, %zu and %zu", i, j, k);
	vt_stop(&scene.vtd);
}

static void of_two_conditions_the_first_in_order_is_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONDITIONS; i++)
		for (size_t j = i; j < CONDITIONS; j++)
			if (!no_order(i, j))
				expect_first(i, j, j);
}

static void of_three_conditions_the_first_in_order_is_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONDITIONS; i++)
		for (size_t j = i + 1; j < CONDITIONS; j++)
			for (size_t k = j + 1; k < CONDITIONS; k++)
				if (!no_order(i, j) && !no_order(i, k))
					expect_first(i, j, k);
}

/* ---- each reason, in all the ways there are to come to it --------------------------------------- */

static void mode_unsupported(struct scene *s)
{
	vt_latch_root(&s->vtd, s->vtd.root_table | 0x80); /* SSIRWE in legacy mode, RTA.1.4 */
}

static void abort_mode(struct scene *s)
{
	vt_latch_root(&s->vtd, s->vtd.root_table | 3 << 10);
}

static void not_present_write(struct scene *s)
{
	edit(s, s->leaf_at, 3, 0);
	s->request.kind = IOMMUSIM_DMA_WRITE;
}

static void not_writable(struct scene *s)
{
	edit(s, s->leaf_at, 2, 0);
	s->request.kind = IOMMUSIM_DMA_WRITE;
}

static void atomic_not_writable(struct scene *s)
{
	edit(s, s->leaf_at, 2, 0);
	s->request.kind = IOMMUSIM_DMA_ATOMIC;
}

static void atomic_not_readable(struct scene *s)
{
	edit(s, s->leaf_at, 1, 0);
	s->request.kind = IOMMUSIM_DMA_ATOMIC;
}

static void pass_through_too_wide(struct scene *s)
{
	edit_context(s, 0, 2 << 2);
	edit(s, vt_context_at(&s->vtd) + 8, 7, 3); /* the widest (VT-d 9.3) */
	s->request.address = BIT(46) | INPUT;
	s->request.kind = IOMMUSIM_DMA_WRITE;
}

static void pass_through_blocks(struct scene *s)
{
	edit_context(s, 0, 2 << 2);
	edit(s, vt_context_at(&s->vtd) + 8, 7, 3);
	s->request.type = IOMMUSIM_DMA_TRANSLATED;
}

static void translated_blocked(struct scene *s)
{
	s->request.type = IOMMUSIM_DMA_TRANSLATED;
}

static void translated_too_wide(struct scene *s)
{
	edit_context(s, 0, 1 << 2);
	s->request.type = IOMMUSIM_DMA_TRANSLATED;
	s->request.address = BIT(46) | INPUT;
}

static void translated_to_interrupt_range(struct scene *s)
{
	edit_context(s, 0, 1 << 2);
	s->request.type = IOMMUSIM_DMA_TRANSLATED;
	s->request.address = 0xfee01000;
}

static void no_interrupt(struct scene *s)
{
	s->request.address = 0xfee01000;
}

#define WRITE  UINT64_C(0x8000000000000310) /* F, T2=T1=0, SID 03:02.0 */
#define READ   UINT64_C(0xc000000000000310) /* T1 */
#define ATOMIC UINT64_C(0xc000000010000310) /* T1, T2 */
#define AT1    UINT64_C(0x1000000000000000) /* AT: a translation request */
#define AT2    UINT64_C(0x2000000000000000) /* AT: translated */
#define PASID  UINT64_C(0x0123450080000000) /* PASID 12345h, PP */

/* Table 30: the reason, is it qualified, and the record (FI is undefined for 29h). */
static const struct row {
	void (*make)(struct scene *scene);
	uint64_t page, high;
	uint8_t reason;
	bool qualified;
} rows[] = {
	{ root_absent, INPUT, READ, 0x1, false },
	{ context_absent, INPUT, READ, 0x2, true },
	{ type_reserved, INPUT, READ, 0x3, true },
	{ width_reserved, INPUT, READ, 0x3, true },
	{ table_unreadable, INPUT, READ, 0x3, true },
	{ address_too_wide, HIGH | INPUT, READ, 0x4, true },
	{ pass_through_too_wide, BIT(46) | INPUT, WRITE, 0x4, true },
	{ translated_too_wide, BIT(46) | INPUT, READ | AT2, 0x4, true },
	{ not_present_write, INPUT, WRITE, 0x5, true },
	{ not_writable, INPUT, WRITE, 0x5, true },
	{ atomic_not_writable, INPUT, ATOMIC, 0x5, true },
	{ atomic_not_readable, INPUT, ATOMIC, 0x6, true },
	{ leaf_not_readable, INPUT, READ, 0x6, true },
	{ top_absent, INPUT, READ, 0x6, true },
	{ lower_unreadable, INPUT, READ, 0x7, true },
	{ root_unreadable, INPUT, READ, 0x8, false },
	{ context_unreadable, INPUT, READ, 0x9, false },
	{ root_bits, INPUT, READ, 0xa, false },
	{ context_bits, INPUT, READ, 0xb, true },
	{ top_bits, INPUT, READ, 0xc, true },
	{ leaf_bits, INPUT, READ, 0xc, true },
	{ translation_request, INPUT, READ | AT1, 0xd, true },
	{ translated_blocked, INPUT, READ | AT2, 0xd, true },
	{ pass_through_blocks, INPUT, READ | AT2, 0xd, true },
	{ output_in_interrupt_range, INPUT, READ, 0xe, true },
	{ translated_to_interrupt_range, 0xfee01000, READ | AT2, 0xe, true },
	{ no_interrupt, 0, READ, 0x29, false },
	{ mode_reserved, INPUT, READ, 0x30, false },
	{ mode_unsupported, INPUT, READ, 0x30, false },
	{ with_pasid, INPUT, READ | PASID, 0x31, false },
	{ abort_mode, INPUT, READ, 0x33, false },
};

#define ROWS (sizeof(rows) / sizeof(*rows))

/* What kind of fault each reason is; where there is nothing at all, a missing right is another. */
static unsigned class_of(const struct row *row)
{
	static const uint8_t classes[] = {
		[0x1] = IOMMUSIM_FAULT_NO_DEVICE,
		[0x2] = IOMMUSIM_FAULT_NO_DEVICE,
		[0x3] = IOMMUSIM_FAULT_BAD_ENTRY,
		[0x4] = IOMMUSIM_FAULT_ADDRESS_WIDTH,
		[0x5] = IOMMUSIM_FAULT_PERMISSION,
		[0x6] = IOMMUSIM_FAULT_PERMISSION,
		[0x7] = IOMMUSIM_FAULT_TABLE_ACCESS,
		[0x8] = IOMMUSIM_FAULT_TABLE_ACCESS,
		[0x9] = IOMMUSIM_FAULT_TABLE_ACCESS,
		[0xa] = IOMMUSIM_FAULT_BAD_ENTRY,
		[0xb] = IOMMUSIM_FAULT_BAD_ENTRY,
		[0xc] = IOMMUSIM_FAULT_BAD_ENTRY,
		[0xd] = IOMMUSIM_FAULT_REQUEST_TYPE,
		[0xe] = IOMMUSIM_FAULT_INTERRUPT_RANGE,
		[0x29] = IOMMUSIM_FAULT_INTERRUPT_RANGE,
		[0x30] = IOMMUSIM_FAULT_BAD_ENTRY,
		[0x31] = IOMMUSIM_FAULT_REQUEST_TYPE,
		[0x33] = IOMMUSIM_FAULT_ABORT,
	};

	if (row->make == top_absent || row->make == not_present_write)
		return IOMMUSIM_FAULT_NOT_PRESENT;
	return classes[row->reason];
}

static void expect_recorded(struct scene *scene, const struct row *row)
{
	uint64_t record[2];

	vt_record(&scene->vtd, 0, record);
	if (row->reason != 0x29)
		assert_int_equal(record[0], row->page);
	assert_int_equal(record[1], row->high | (uint64_t)row->reason << 32);
	assert_int_equal(vt_records(&scene->vtd), 1);
	assert_int_equal(vt_get32(&scene->vtd, R_FSTS), 2);
}

static void expect_silence(struct scene *scene)
{
	assert_int_equal(vt_records(&scene->vtd), 0);
	assert_int_equal(vt_get32(&scene->vtd, R_FSTS), 0);
	assert_int_equal(vt_get32(&scene->vtd, R_FECTL), 0x80000000); /* IP clear */
}

/* VT-d 7.1.1: with FPD the request is blocked all the same, and a qualified fault leaves no trace. */
static void each_reason_is_recorded_unless_it_is_qualified_and_fpd_is_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		for (unsigned fpd = 0; fpd < 2; fpd++) {
			const bool hidden = fpd != 0 && rows[i].qualified;
			struct iommusim_dma_page page;
			struct scene scene;

			set_up(&scene, fpd);
			rows[i].make(&scene);
			page = ask(&scene);
			assert_true(page.faulted);
			assert_int_equal(page.fault.reason, rows[i].reason);
			assert_int_equal(page.fault.class_, class_of(&rows[i]));
			assert_int_equal(page.fault.suppressed, hidden);
			assert_int_equal(page.fault.recorded, !hidden);
			if (hidden)
				expect_silence(&scene);
			else
				expect_recorded(&scene, &rows[i]);
			vt_stop(&scene.vtd);
		}
	}
}

/* Table 30: what a page table does not allow is no fault of a translation request, but its answer. */
static void a_translation_request_that_lacks_rights_is_answered_and_not_recorded(void **state)
{
	static void (*const conditions[])(
	    struct scene *) = { address_too_wide, leaf_not_readable, top_absent };

	(void)state;
	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
		struct scene scene;

		set_up(&scene, 0);
		edit_context(&scene, 0, 1 << 2); /* TT=1 serves them */
		scene.request.type = IOMMUSIM_DMA_TRANSLATION_REQUEST;
		conditions[i](&scene);
		assert_false(ask(&scene).fault.recorded);
		expect_silence(&scene);
		vt_stop(&scene.vtd);
	}
}

/* VT-d 4.2.1: a memory write that claims to be a translation request is an Unsupported Request. */
static void a_write_that_asks_for_a_translation_writes_nothing(void **state)
{
	uint64_t data = UINT64_MAX;
	const struct iommusim_dma_request request = { .address = INPUT,
		.length = sizeof(data),
		.kind = IOMMUSIM_DMA_WRITE,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.data = &data };
	struct iommusim_dma_outcome outcome;
	struct scene scene;

	(void)state;
	set_up(&scene, 0);
	edit_context(&scene, 0, 1 << 2);
	assert_int_equal(iommusim_dma(scene.vtd.device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, 0);
	assert_int_equal(vt_load(&scene.vtd, 0x9000), 0);
	expect_silence(&scene);
	vt_stop(&scene.vtd);
}

/* FPD "is evaluated irrespective of the present field" (VT-d 9.3), and of every other field. */
static void fpd_counts_in_an_entry_that_is_otherwise_garbage(void **state)
{
	static const uint64_t garbage[][2] = { { 0x2, 0 }, { UINT64_MAX & ~UINT64_C(1), UINT64_MAX },
		{ UINT64_MAX, UINT64_MAX }, { 0xe, 0x700 }, { 0x3, 0 }, { 0xf, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		struct scene scene;

		set_up(&scene, 0);
		vt_set_context(&scene.vtd, VTD_RID, garbage[i][0], garbage[i][1]);
		assert_true(ask(&scene).fault.suppressed);
		expect_silence(&scene);
		vt_set_context(&scene.vtd, VTD_RID, garbage[i][0] & ~UINT64_C(2), garbage[i][1]);
		assert_true(ask(&scene).fault.recorded);
		vt_stop(&scene.vtd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_conditions_the_first_in_order_is_reported),
		cmocka_unit_test(of_three_conditions_the_first_in_order_is_reported),
		cmocka_unit_test(each_reason_is_recorded_unless_it_is_qualified_and_fpd_is_set),
		cmocka_unit_test(a_translation_request_that_lacks_rights_is_answered_and_not_recorded),
		cmocka_unit_test(a_write_that_asks_for_a_translation_writes_nothing),
		cmocka_unit_test(fpd_counts_in_an_entry_that_is_otherwise_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
