/*
 * Primary fault logging and the fault event (VT-d 7.2.1, 7.3, 11.4.7) against a plain second telling of
 * them: faults, records cleared in any order, overflow, queue errors, masking, translation off and on.
 */
#include "random.h"
#include "vtd_fixture.h"

#define FRCD  0x1000u /* CAP.FRO: in the second page there is room for 256 records */
#define STEPS 4000u

#define PFO 0x01u
#define PPF 0x02u
#define IQE 0x10u

/* What the specification's words make of the registers. */
struct ring {
	unsigned count, next, first; /* records; internal index; FRI */
	uint64_t record[256][2];     /* F is the top bit of the second */
	bool overflow, queue_error;
	bool masked, pending; /* FECTL IM, IP */
	unsigned messages;    /* sent */
	bool translating;
};

struct bench {
	struct vtd_fixture vtd;
	struct ring ring;
	struct random random;
	struct iommusim_requester *other; /* 03:02.1 */
};

static uint64_t below(struct bench *bench, uint64_t limit)
{
	return random_below(&bench->random, limit);
}

/* ---- the second telling ------------------------------------------------------------------------- */

static bool any_record(const struct ring *ring)
{
	for (unsigned i = 0; i < ring->count; i++)
		if (ring->record[i][1] >> 63 != 0)
			return true;
	return false;
}

static bool any_condition(const struct ring *ring)
{
	return ring->overflow || ring->queue_error || any_record(ring);
}

static void event(struct ring *ring)
{
	if (ring->masked)
		ring->pending = true;
	else
		ring->messages++;
}

/* 7.2.1, step by step. */
static void ring_fault(struct ring *ring, const uint64_t record[2])
{
	const bool quiet = !any_condition(ring), first = !any_record(ring);

	if (ring->overflow)
		return;
	if (ring->record[ring->next][1] >> 63 != 0) {
		ring->overflow = true;
		return;
	}
	ring->record[ring->next][0] = record[0];
	ring->record[ring->next][1] = record[1];
	if (first)
		ring->first = ring->next;
	ring->next = (ring->next + 1) % ring->count;
	if (quiet)
		event(ring);
}

static void ring_serviced(struct ring *ring)
{
	if (!any_condition(ring))
		ring->pending = false;
}

/* ---- one step of software or of a device --------------------------------------------------------- */

static void make_fault(struct bench *bench)
{
	const bool other = below(bench, 2) != 0, write = below(bench, 2) != 0;
	const uint64_t address = 0x100000 + below(bench, 1 << 19) * 0x1000;
	const uint64_t record[2] = { address,
		(write ? UINT64_C(0x8000000500000000) : UINT64_C(0xc000000600000000)) |
		    (other ? 0x311 : 0x310) };
	struct iommusim_dma_page page;

	page = vt_access(other ? bench->other : bench->vtd.device,
	    write ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ, address | 0x38, 8);
	assert_int_equal(page.faulted, bench->ring.translating);
	if (bench->ring.translating)
		ring_fault(&bench->ring, record);
}

static void clear_record(struct bench *bench)
{
	const unsigned index = (unsigned)below(bench, bench->ring.count);

	if (below(bench, 2) != 0)
		vt_set32(&bench->vtd, FRCD + index * 16 + 12, 0x80000000);
	else
		vt_set64(&bench->vtd, FRCD + index * 16 + 8, UINT64_C(0x8000000000000000));
	bench->ring.record[index][1] &= ~(UINT64_C(1) << 63);
	ring_serviced(&bench->ring);
}

/* Records from FRI on, as long as they are set: what a handler does. */
static void clear_in_order(struct bench *bench)
{
	unsigned index = vt_get32(&bench->vtd, R_FSTS) >> 8 & 0xff;

	while (bench->ring.record[index % bench->ring.count][1] >> 63 != 0) {
		vt_set32(&bench->vtd, FRCD + index * 16 + 12, 0x80000000);
		bench->ring.record[index][1] &= ~(UINT64_C(1) << 63);
		index = (index + 1) % bench->ring.count;
	}
	ring_serviced(&bench->ring);
}

/* What is cleared goes on from its good descriptor. PPF and FRI do not take a write. */
static void write_status(struct bench *bench)
{
	const uint32_t bits = (uint32_t)below(bench, 2) * PFO | (uint32_t)below(bench, 2) * IQE |
	    (uint32_t)below(bench, 2) * 0xff00 | (uint32_t)below(bench, 2) * PPF;

	if (bench->ring.queue_error && (bits & IQE) != 0)
		vt_store(&bench->vtd, bench->vtd.queue + vt_get64(&bench->vtd, R_IQH), 0x11);
	vt_set32(&bench->vtd, R_FSTS, bits);
	if ((bits & PFO) != 0)
		bench->ring.overflow = false;
	if ((bits & IQE) != 0)
		bench->ring.queue_error = false;
	ring_serviced(&bench->ring);
}

static void break_queue(struct bench *bench)
{
	const bool quiet = !any_condition(&bench->ring);

	if (bench->ring.queue_error)
		return;
	vt_submit(&bench->vtd, 0x6, 0); /* no type of legacy mode */
	bench->ring.queue_error = true;
	if (quiet)
		event(&bench->ring);
}

static void write_mask(struct bench *bench)
{
	bench->ring.masked = below(bench, 2) != 0;
	vt_set32(&bench->vtd, R_FECTL, bench->ring.masked ? 0x80000000 : 0);
	if (!bench->ring.masked && bench->ring.pending) {
		bench->ring.pending = false;
		bench->ring.messages++;
	}
}

/* "The index is reset to zero when both address and interrupt translations are disabled." */
static void toggle_translation(struct bench *bench)
{
	bench->ring.translating = !bench->ring.translating;
	vt_command(&bench->vtd, G_TE, bench->ring.translating);
	if (!bench->ring.translating)
		bench->ring.next = 0;
}

static void expect_registers(struct bench *bench)
{
	const struct ring *ring = &bench->ring;
	const uint32_t status = vt_get32(&bench->vtd, R_FSTS);
	struct iommusim_interrupt message;

	assert_int_equal(status & 0xff,
	    (ring->overflow ? PFO : 0) | (any_record(ring) ? PPF : 0) | (ring->queue_error ? IQE : 0));
	if (any_record(ring))
		assert_int_equal(status >> 8 & 0xff, ring->first);
	assert_int_equal(vt_get32(&bench->vtd, R_FECTL),
	    (ring->masked ? 0x80000000 : 0) | (ring->pending ? 0x40000000 : 0));
	assert_int_equal(iommusim_interrupt_pending(bench->vtd.machine), ring->messages);
	while (iommusim_interrupt_take(bench->vtd.machine, &message) == IOMMUSIM_OK) {
		assert_int_equal(message.address, 0xfee0a000);
		assert_int_equal(message.data, 0x4321);
	}
	bench->ring.messages = 0;
}

static void expect_records(struct bench *bench)
{
	const struct ring *ring = &bench->ring;

	for (unsigned i = 0; i < ring->count; i++) {
		const uint64_t high = vt_get64(&bench->vtd, FRCD + i * 16 + 8);

		assert_int_equal(high >> 63, ring->record[i][1] >> 63);
		if (high >> 63 == 0)
			continue;
		assert_int_equal(high, ring->record[i][1]);
		assert_int_equal(vt_get64(&bench->vtd, FRCD + i * 16), ring->record[i][0]);
	}
}

/* ---- runs ---------------------------------------------------------------------------------------- */

static void start(struct bench *bench, unsigned count)
{
	const struct vtd_setup setup = { .cap_clear = CAP_NFR | UINT64_C(0x3ff) << 24,
		.register_size = 1,
		.cap_set = (uint64_t)(count - 1) << 40 | UINT64_C(FRCD / 16) << 24,
		.ecap_clear = UINT64_C(0x3ff) << 8,
		.ecap_set = UINT64_C(0x0f) << 8 };

	memset(bench, 0, sizeof(*bench));
	bench->random = random_of_case(random_seed(), 4000000 + count);
	vt_start_enabled(&bench->vtd, &setup);
	assert_int_equal(
	    iommusim_requester_create(bench->vtd.machine, 0, 0x0311, &bench->other), IOMMUSIM_OK);
	vt_set_context(&bench->vtd, 0x0311, bench->vtd.page_table | 1, UINT64_C(0x2202));
	vt_queue_start(&bench->vtd, 16);
	vt_set32(&bench->vtd, R_FEDATA, 0x4321);
	vt_set32(&bench->vtd, R_FEADDR, 0xfee0a000);
	bench->ring.count = count;
	bench->ring.masked = true;
	bench->ring.translating = true;
}

static void step(struct bench *bench)
{
	const uint64_t kind = below(bench, 100);

	if (kind < 60)
		make_fault(bench);
	else if (kind < 75)
		clear_record(bench);
	else if (kind < 80)
		clear_in_order(bench);
	else if (kind < 88)
		write_status(bench);
	else if (kind < 91)
		break_queue(bench);
	else if (kind < 98)
		write_mask(bench);
	else
		toggle_translation(bench);
}

static void run(unsigned count)
{
	static struct bench bench;

	start(&bench, count);
	for (unsigned i = 0; i < STEPS; i++) {
		step(&bench);
		expect_registers(&bench);
		if (count < 16 || i % 32 == 0)
			expect_records(&bench);
	}
	vt_stop(&bench.vtd);
}

static void one_record_behaves_as_told(void **state)
{
	(void)state;
	run(1);
}

static void a_few_records_behave_as_told(void **state)
{
	(void)state;
	run(2);
	run(3);
	run(8);
}

/* As many as fit into a page of registers. */
static void many_records_behave_as_told(void **state)
{
	(void)state;
	run(100);
	run(256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_record_behaves_as_told),
		cmocka_unit_test(a_few_records_behave_as_told),
		cmocka_unit_test(many_records_behave_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
