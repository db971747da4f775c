/* Virtual time: what makes it pass, the order of events, and events that make events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/clock.h>
#include <iommusim/dma.h>
#include <iommusim/mmio.h>

static struct iommusim_machine *make(void)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	return machine;
}

/* Who ran, in order; each event adds its letter. */
struct log {
	struct iommusim_machine *machine;
	char letters[64];
	uint64_t when[64];
	unsigned count;
};

struct event {
	struct log *log;
	char letter;
};

static void run(void *context)
{
	struct event *event = context;

	event->log->when[event->log->count] = iommusim_clock_now(event->log->machine);
	event->log->letters[event->log->count++] = event->letter;
}

static void schedule(struct iommusim_machine *machine, uint64_t delay, struct event *event)
{
	assert_int_equal(iommusim_clock_schedule(machine, delay, run, event), IOMMUSIM_OK);
}

static void time_starts_at_zero_and_passes_with_steps_accesses_and_dma(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_requester *device;
	const struct iommusim_dma_request request = { .address = 0, .length = 0x5000 };
	struct iommusim_dma_outcome outcome;
	uint64_t value;

	(void)state;
	assert_int_equal(iommusim_clock_now(machine), 0);
	iommusim_step(machine, 1000);
	assert_int_equal(iommusim_clock_now(machine), 1000);
	iommusim_mmio_read(machine, 0x1000, 4, &value);
	iommusim_mmio_write(machine, 0x1000, 4, 0);
	assert_int_equal(iommusim_clock_now(machine), 1002);
	iommusim_mmio_read(machine, 0x1001, 4, &value); /* no access */
	assert_int_equal(iommusim_clock_now(machine), 1002);
	assert_int_equal(iommusim_requester_create(machine, 0, 0, &device), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(iommusim_clock_now(machine), 1003); /* one request of five pages */
	iommusim_machine_destroy(machine);
}

static void events_run_in_order_of_time_and_then_of_submission(void **state)
{
	static const struct {
		char letter;
		unsigned delay;
	} rows[] = { { 'd', 30 }, { 'a', 10 }, { 'e', 30 }, { 'b', 10 }, { 'f', 30 }, { 'c', 20 } };
	struct iommusim_machine *machine = make();
	struct log log = { .machine = machine };
	struct event events[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		events[i] = (struct event){ &log, rows[i].letter };
		schedule(machine, rows[i].delay, &events[i]);
	}
	iommusim_step(machine, 9);
	assert_int_equal(log.count, 0);
	iommusim_step(machine, 1);
	assert_string_equal(log.letters, "ab");
	iommusim_step(machine, 100);
	assert_string_equal(log.letters, "abcdef");
	iommusim_step(machine, 100);
	assert_int_equal(log.count, 6);
	iommusim_machine_destroy(machine);
}

static void an_event_runs_in_the_access_that_reaches_its_tick(void **state)
{
	struct iommusim_machine *machine = make();
	struct log log = { .machine = machine };
	struct event event = { &log, 'a' };
	uint64_t value;

	(void)state;
	schedule(machine, 3, &event);
	iommusim_mmio_read(machine, 0, 4, &value);
	iommusim_mmio_write(machine, 0, 4, 0);
	assert_int_equal(log.count, 0);
	iommusim_mmio_read(machine, 0, 4, &value);
	assert_int_equal(log.count, 1);
	assert_int_equal(log.when[0], 3);
	iommusim_machine_destroy(machine);
}

static void events_never_run_inside_dma(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_requester *device;
	const struct iommusim_dma_request request = { .length = 1 };
	struct iommusim_dma_outcome outcome;
	struct log log = { .machine = machine };
	struct event event = { &log, 'a' };

	(void)state;
	assert_int_equal(iommusim_requester_create(machine, 0, 0, &device), IOMMUSIM_OK);
	schedule(machine, 3, &event);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(log.count, 0);
	iommusim_step(machine, 0);
	assert_int_equal(log.count, 1);
	iommusim_machine_destroy(machine);
}

/* An event that schedules itself again, ten ticks later, until it ran five times. */
static void repeat(void *context)
{
	struct event *event = context;

	run(event);
	if (event->log->count < 5)
		assert_int_equal(
		    iommusim_clock_schedule(event->log->machine, 10, repeat, event), IOMMUSIM_OK);
}

static void an_event_may_schedule_another(void **state)
{
	struct iommusim_machine *machine = make();
	struct log log = { .machine = machine };
	struct event event = { &log, 'x' };

	(void)state;
	assert_int_equal(iommusim_clock_schedule(machine, 10, repeat, &event), IOMMUSIM_OK);
	for (unsigned i = 0; i < 49; i++)
		iommusim_step(machine, 1);
	assert_int_equal(log.count, 4);
	iommusim_step(machine, 1);
	assert_int_equal(log.count, 5);
	assert_int_equal(log.when[4], 50);
	iommusim_machine_destroy(machine);
}

/* An event that accesses a register does not start the events again from within. */
static void access_within(void *context)
{
	struct event *event = context;
	uint64_t value;

	run(event);
	for (unsigned i = 0; i < 10; i++)
		iommusim_mmio_read(event->log->machine, 0, 4, &value);
	event->log->letters[event->log->count++] = '.';
}

static void an_access_within_an_event_does_not_nest(void **state)
{
	struct iommusim_machine *machine = make();
	struct log log = { .machine = machine };
	struct event first = { &log, 'a' }, second = { &log, 'b' };

	(void)state;
	assert_int_equal(iommusim_clock_schedule(machine, 1, access_within, &first), IOMMUSIM_OK);
	schedule(machine, 5, &second);
	iommusim_step(machine, 1);
	assert_string_equal(log.letters, "a.b");
	iommusim_machine_destroy(machine);
}

static void cancelling_forgets_the_events_of_one_context(void **state)
{
	struct iommusim_machine *machine = make();
	struct log log = { .machine = machine };
	struct event kept = { &log, 'k' }, cancelled = { &log, 'c' };

	(void)state;
	schedule(machine, 5, &cancelled);
	schedule(machine, 6, &kept);
	schedule(machine, 7, &cancelled);
	iommusim_clock_cancel(machine, &cancelled);
	iommusim_clock_cancel(machine, &cancelled);
	iommusim_step(machine, 10);
	assert_string_equal(log.letters, "k");
	schedule(machine, 1, &cancelled); /* left over when the machine goes */
	iommusim_machine_destroy(machine);
}

static void an_event_needs_a_function_and_a_time(void **state)
{
	struct iommusim_machine *machine = make();
	struct log log = { .machine = machine };
	struct event event = { &log, 'a' };

	(void)state;
	assert_int_equal(iommusim_clock_schedule(machine, 1, NULL, &event), IOMMUSIM_EINVAL);
	iommusim_step(machine, 2);
	assert_int_equal(
	    iommusim_clock_schedule(machine, UINT64_MAX - 1, run, &event), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_clock_schedule(machine, UINT64_MAX - 2, run, &event), IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
}

/* Two equal machines do equal things: the same events at the same ticks. */
static void the_same_calls_give_the_same_order_every_time(void **state)
{
	struct log logs[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct iommusim_machine *machine = make();
		struct event events[40];

		memset(&logs[i], 0, sizeof(logs[i]));
		logs[i].machine = machine;
		for (unsigned n = 0; n < 40; n++) {
			events[n] = (struct event){ &logs[i], (char)('A' + n) };
			schedule(machine, n * 7 % 11, &events[n]);
		}
		iommusim_step(machine, 20);
		assert_int_equal(logs[i].count, 40);
		iommusim_machine_destroy(machine);
	}
	assert_memory_equal(logs[0].letters, logs[1].letters, sizeof(logs[0].letters));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_starts_at_zero_and_passes_with_steps_accesses_and_dma),
		cmocka_unit_test(events_run_in_order_of_time_and_then_of_submission),
		cmocka_unit_test(an_event_runs_in_the_access_that_reaches_its_tick),
		cmocka_unit_test(events_never_run_inside_dma),
		cmocka_unit_test(an_event_may_schedule_another),
		cmocka_unit_test(an_access_within_an_event_does_not_nest),
		cmocka_unit_test(cancelling_forgets_the_events_of_one_context),
		cmocka_unit_test(an_event_needs_a_function_and_a_time),
		cmocka_unit_test(the_same_calls_give_the_same_order_every_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
