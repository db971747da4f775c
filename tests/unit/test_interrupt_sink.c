/* The interrupt sink: messages in order, a bounded queue, and what is said of those that were lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/dma.h>
#include <iommusim/interrupt.h>

static struct iommusim_machine *make(struct iommusim_requester **device)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(machine, 2, 0x0310, device), IOMMUSIM_OK);
	return machine;
}

static void raise(struct iommusim_requester *device, uint32_t data)
{
	assert_int_equal(
	    iommusim_requester_interrupt(device, 0xfee01000, data, NULL, NULL), IOMMUSIM_OK);
}

static void an_empty_sink_gives_nothing(void **state)
{
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);
	struct iommusim_interrupt message;

	(void)state;
	assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_interrupt_pending(machine), 0);
	assert_int_equal(iommusim_interrupt_lost(machine), 0);
	iommusim_machine_destroy(machine);
}

static void a_message_says_what_was_sent_and_by_whom(void **state)
{
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);
	struct iommusim_interrupt message;

	(void)state;
	raise(device, 0x4031);
	assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_OK);
	assert_int_equal(message.address, 0xfee01000);
	assert_int_equal(message.data, 0x4031);
	assert_int_equal(message.segment, 2);
	assert_int_equal(message.source, 0x0310);
	assert_false(message.from_unit);
	assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_ENOENT);
	iommusim_machine_destroy(machine);
}

static void messages_come_out_in_the_order_they_went_in(void **state)
{
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);
	struct iommusim_interrupt message;
	uint32_t next_in = 0, next_out = 0;

	(void)state;
	while (next_out < 5000) { /* several times around the ring */
		for (unsigned i = 0; i < 300; i++)
			raise(device, next_in++);
		assert_int_equal(iommusim_interrupt_pending(machine), next_in - next_out);
		for (unsigned i = 0; i < 290; i++) {
			assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_OK);
			assert_int_equal(message.data, next_out++);
		}
	}
	assert_int_equal(iommusim_interrupt_lost(machine), 0);
	iommusim_machine_destroy(machine);
}

static void a_full_sink_drops_the_oldest_and_counts_it(void **state)
{
	struct iommusim_requester *device;
	struct iommusim_machine *machine = make(&device);
	struct iommusim_interrupt message;

	(void)state;
	for (uint32_t i = 0; i < 1024; i++)
		raise(device, i);
	assert_int_equal(iommusim_interrupt_pending(machine), 1024);
	assert_int_equal(iommusim_interrupt_lost(machine), 0);
	for (uint32_t i = 0; i < 10; i++)
		raise(device, 1024 + i);
	assert_int_equal(iommusim_interrupt_pending(machine), 1024);
	assert_int_equal(iommusim_interrupt_lost(machine), 10);
	for (uint32_t i = 0; i < 1024; i++) {
		assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_OK);
		assert_int_equal(message.data, 10 + i);
	}
	assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_interrupt_lost(machine), 10);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_sink_gives_nothing),
		cmocka_unit_test(a_message_says_what_was_sent_and_by_whom),
		cmocka_unit_test(messages_come_out_in_the_order_they_went_in),
		cmocka_unit_test(a_full_sink_drops_the_oldest_and_counts_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
