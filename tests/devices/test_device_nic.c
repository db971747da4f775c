/* The network card: descriptor rings written by hand (8254x manual, 3.2.3 and 3.3.3), and what gets lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device_fixture.h"

static const struct iommusim_device_config plain = { .kind = IOMMUSIM_DEVICE_NIC };

/* Receive ring at 10000h, transmit ring at 11000h, 8 descriptors each. */
static void set_up(struct fixture *fixture)
{
	fixture_start(fixture, &plain);
	set_reg(fixture, 0x2800, 0x10000);
	set_reg(fixture, 0x2804, 0);
	set_reg(fixture, 0x2808, 128);
	set_reg(fixture, 0x2810, 0);
	set_reg(fixture, 0x2818, 0);
	set_reg(fixture, 0x3800, 0x11000);
	set_reg(fixture, 0x3804, 0);
	set_reg(fixture, 0x3808, 128);
	set_reg(fixture, 0x3810, 0);
	set_reg(fixture, 0x3818, 0);
	set_reg(fixture, 0x0100, 2); /* RCTL.EN */
	set_reg(fixture, 0x0400, 2); /* TCTL.EN */
}

static void a_frame_goes_to_the_next_buffer(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture);
	assert_int_equal(reg(&fixture, 0x0008), 3); /* STATUS: full duplex, link up */
	put64(&fixture, 0x10000, 0x20000);
	set_reg(&fixture, 0x2818, 1);
	assert_int_equal(iommusim_device_receive(fixture.device, "abcde", 5), IOMMUSIM_OK);
	assert_int_equal(fixture.logged, 3);
	assert_int_equal(fixture.log[0].address, 0x10000);
	assert_int_equal(fixture.log[0].purpose, IOMMUSIM_DEVICE_FETCH);
	assert_int_equal(fixture.log[1].address, 0x20000);
	assert_int_equal(fixture.log[1].purpose, IOMMUSIM_DEVICE_DATA);
	assert_int_equal(fixture.log[2].address, 0x10000);
	assert_int_equal(fixture.log[2].purpose, IOMMUSIM_DEVICE_STATUS);
	assert_memory_equal(iommusim_memory_host(fixture.machine, 0x20000, 5), "abcde", 5);
	assert_true(get64(&fixture, 0x10008) == UINT64_C(0x0000000300000005)); /* DD, EOP; length */
	assert_int_equal(reg(&fixture, 0x2810), 1);                            /* RDH */
	assert_int_equal(reg(&fixture, 0x00c0), 0x80); /* ICR.RXT0, which reading clears */
	assert_int_equal(reg(&fixture, 0x00c0), 0);
	fixture_stop(&fixture);
}

static void a_long_frame_takes_several_buffers(void **state)
{
	struct fixture fixture;
	uint8_t frame[3000];

	(void)state;
	set_up(&fixture);
	memset(frame, 0x77, sizeof(frame));
	put64(&fixture, 0x10000, 0x20000);
	put64(&fixture, 0x10010, 0x30000);
	set_reg(&fixture, 0x2818, 2);
	assert_int_equal(iommusim_device_receive(fixture.device, frame, 3000), IOMMUSIM_OK);
	assert_true(get64(&fixture, 0x10008) == UINT64_C(0x0000000100000800)); /* no EOP */
	assert_true(get64(&fixture, 0x10018) == UINT64_C(0x00000003000003b8));
	assert_int_equal(get64(&fixture, 0x303b0) & 0xff, 0x77);
	assert_int_equal(get64(&fixture, 0x303b8), 0);
	fixture_stop(&fixture);
}

static void a_frame_without_a_descriptor_is_dropped(void **state)
{
	struct iommusim_device_counters counters;
	struct fixture fixture;

	(void)state;
	set_up(&fixture);
	assert_int_equal(iommusim_device_receive(fixture.device, "x", 1), IOMMUSIM_ENOENT);
	assert_int_equal(reg(&fixture, 0x00c0), 0x40); /* RXO */
	set_reg(&fixture, 0x2800, (uint32_t)HOLE);     /* a ring that cannot be read */
	set_reg(&fixture, 0x2818, 1);
	assert_int_equal(iommusim_device_receive(fixture.device, "x", 1), IOMMUSIM_ENOENT);
	set_reg(&fixture, 0x0100, 0); /* receiver off */
	fixture.logged = 0;
	assert_int_equal(iommusim_device_receive(fixture.device, "x", 1), IOMMUSIM_ENOENT);
	assert_int_equal(fixture.logged, 0);
	iommusim_device_counters(fixture.device, &counters);
	assert_int_equal(counters.dropped, 3);
	assert_int_equal(iommusim_device_receive(fixture.device, "x", 0), IOMMUSIM_EINVAL);
	fixture_stop(&fixture);
}

/* The data is lost on the way, and the descriptor says that it is done. */
static void a_frame_that_never_arrives_is_done_all_the_same(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture);
	put64(&fixture, 0x10000, HOLE);
	set_reg(&fixture, 0x2818, 1);
	assert_int_equal(iommusim_device_receive(fixture.device, "abcde", 5), IOMMUSIM_OK);
	assert_true(get64(&fixture, 0x10008) == UINT64_C(0x0000000300000005));
	fixture_stop(&fixture);
}

static void a_frame_is_put_together_and_sent(void **state)
{
	uint8_t frame[IOMMUSIM_FRAME];
	struct fixture fixture;
	uint64_t count;

	(void)state;
	set_up(&fixture);
	put_bytes(&fixture, 0x20000, "abc", 3);
	put_bytes(&fixture, 0x30000, "defg", 4);
	put64(&fixture, 0x11000, 0x20000);
	put64(&fixture, 0x11008, 0x00000003); /* neither EOP nor RS */
	put64(&fixture, 0x11010, 0x30000);
	put64(&fixture, 0x11018, 0x09000004); /* EOP, RS */
	assert_int_equal(iommusim_device_sent(fixture.device, frame, &count), 0);
	assert_int_equal(count, 0);
	set_reg(&fixture, 0x3818, 2);
	assert_int_equal(iommusim_device_sent(fixture.device, frame, &count), 7);
	assert_int_equal(count, 1);
	assert_memory_equal(frame, "abcdefg", 7);
	assert_int_equal(get64(&fixture, 0x11008), 0x00000003);
	assert_true(get64(&fixture, 0x11018) == UINT64_C(0x0000000109000004)); /* DD */
	assert_int_equal(reg(&fixture, 0x3810), 2);
	assert_int_equal(reg(&fixture, 0x00c0), 1); /* TXDW */
	fixture_stop(&fixture);
}

static void a_frame_that_cannot_be_read_is_not_sent(void **state)
{
	uint8_t frame[IOMMUSIM_FRAME];
	struct fixture fixture;
	uint64_t count;

	(void)state;
	set_up(&fixture);
	put64(&fixture, 0x11000, HOLE);
	put64(&fixture, 0x11008, 0x09000004);
	set_reg(&fixture, 0x3818, 1);
	assert_int_equal(iommusim_device_sent(fixture.device, frame, &count), 0);
	assert_true(get64(&fixture, 0x11008) == UINT64_C(0x0000000109000004)); /* done, it says */
	fixture_stop(&fixture);
}

static void a_driver_sends_and_receives(void **state)
{
	const struct iommusim_driver_piece pieces[] = { { 0x20000, 3 }, { 0x30000, 4 } };
	uint8_t frame[IOMMUSIM_FRAME];
	struct fixture fixture;
	uint64_t told, buffer, count;

	(void)state;
	fixture_start(&fixture, &plain);
	fixture_drive(&fixture);
	for (unsigned i = 0; i < 63; i++)
		assert_int_equal(iommusim_driver_post(fixture.driver, 0x40000 + i * 2048), IOMMUSIM_OK);
	assert_int_equal(iommusim_driver_post(fixture.driver, 0x40000), IOMMUSIM_EBUSY);
	assert_int_equal(iommusim_driver_received(fixture.driver, &buffer, &told), IOMMUSIM_ENOENT);
	for (unsigned i = 0; i < 100; i++) { /* round the ring */
		assert_int_equal(iommusim_device_receive(fixture.device, "frame", 5), IOMMUSIM_OK);
		assert_int_equal(iommusim_driver_received(fixture.driver, &buffer, &told), IOMMUSIM_OK);
		assert_int_equal(told, 5);
		assert_int_equal(buffer, 0x40000 + i % 63 * 2048);
		assert_int_equal(iommusim_driver_post(fixture.driver, buffer), IOMMUSIM_OK);
	}
	put_bytes(&fixture, 0x20000, "abc", 3);
	put_bytes(&fixture, 0x30000, "defg", 4);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(iommusim_driver_send(fixture.driver, pieces, 2, &told), IOMMUSIM_OK);
		assert_int_equal(told, 7);
	}
	assert_int_equal(iommusim_device_sent(fixture.device, frame, &count), 7);
	assert_int_equal(count, 100);
	assert_memory_equal(frame, "abcdefg", 7);
	assert_int_equal(iommusim_driver_send(fixture.driver, pieces, 0, &told), IOMMUSIM_EINVAL);
	assert_int_equal(disk(&fixture, false, 0, 0x20000, 512, &told), IOMMUSIM_EINVAL);
	fixture_stop(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_goes_to_the_next_buffer),
		cmocka_unit_test(a_long_frame_takes_several_buffers),
		cmocka_unit_test(a_frame_without_a_descriptor_is_dropped),
		cmocka_unit_test(a_frame_that_never_arrives_is_done_all_the_same),
		cmocka_unit_test(a_frame_is_put_together_and_sent),
		cmocka_unit_test(a_frame_that_cannot_be_read_is_not_sent),
		cmocka_unit_test(a_driver_sends_and_receives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
