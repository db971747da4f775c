/* The NVMe-like disk: queues and PRPs written by hand (NVMe 1.4, 4.2 to 4.6), phases, and status 04h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device_fixture.h"

static const struct iommusim_device_config plain = { .kind = IOMMUSIM_DEVICE_NVME };
static const struct iommusim_device_config silent = { .kind = IOMMUSIM_DEVICE_NVME,
	.conceals_aborts = true };

/* Admin queues at 10000h and 11000h, 16 entries; I/O queues at 12000h and 13000h, 4 entries. */
static void set_up(struct fixture *fixture)
{
	set_reg(fixture, 0x24, 0x000f000f);
	set_reg(fixture, 0x28, 0x10000);
	set_reg(fixture, 0x2c, 0);
	set_reg(fixture, 0x30, 0x11000);
	set_reg(fixture, 0x34, 0);
	set_reg(fixture, 0x14, 0x00460001); /* CC: EN, 64-byte and 16-byte entries */
	assert_int_equal(reg(fixture, 0x1c), 1);
	put64(fixture, 0x10000, UINT64_C(0x00070005)); /* create completion queue, CID 7 */
	put64(fixture, 0x10018, 0x13000);
	put64(fixture, 0x10028, UINT64_C(0x0000000300030001)); /* PC, IEN; 4 entries, queue 1 */
	put64(fixture, 0x10040, UINT64_C(0x00080001));         /* create submission queue, CID 8 */
	put64(fixture, 0x10058, 0x12000);
	put64(fixture, 0x10068, UINT64_C(0x0001000100030001)); /* of completion queue 1, PC */
	set_reg(fixture, 0x1000, 2);
	/* SQHD, SQID; CID, phase, status */
	assert_true(get64(fixture, 0x11008) == UINT64_C(0x0001000700000001));
	assert_true(get64(fixture, 0x11018) == UINT64_C(0x0001000800000002));
	set_reg(fixture, 0x1004, 2);
	fixture->logged = 0;
}

static void put_read(
    struct fixture *fixture, unsigned entry, uint64_t prp1, uint64_t prp2, unsigned sectors)
{
	const uint64_t at = 0x12000 + entry * UINT64_C(64);

	put64(fixture, at, UINT64_C(0x100000002) | (uint64_t)entry << 16); /* namespace 1, read */
	put64(fixture, at + 0x18, prp1);
	put64(fixture, at + 0x20, prp2);
	put64(fixture, at + 0x28, 16);          /* SLBA */
	put64(fixture, at + 0x30, sectors - 1); /* NLB */
}

static void registers_are_where_nvme_has_them(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	assert_int_equal(reg(&fixture, 0x00), 0x01010fff); /* CAP: 500 ms, CQR, 4096 entries */
	assert_int_equal(reg(&fixture, 0x04), 0x00000020); /* NVM command set, 4-byte doorbells */
	assert_int_equal(reg(&fixture, 0x08), 0x00010400); /* VS: 1.4 */
	assert_int_equal(reg(&fixture, 0x1c), 0);
	set_reg(&fixture, 0x1000, 1); /* not ready: nothing happens */
	assert_int_equal(fixture.logged, 0);
	set_up(&fixture);
	set_reg(&fixture, 0x14, 0);
	assert_int_equal(reg(&fixture, 0x1c), 0);
	assert_int_equal(reg(&fixture, 0x28), 0x10000); /* a controller reset keeps ASQ */
	fixture_stop(&fixture);
}

static void two_pages_are_two_prps(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up(&fixture);
	put_read(&fixture, 0, 0x20e00, 0x30000, 3); /* 512 bytes to the end of the page, then 1024 */
	set_reg(&fixture, 0x1008, 1);
	assert_int_equal(fixture.logged, 4);
	assert_int_equal(fixture.log[0].address, 0x12000);
	assert_int_equal(fixture.log[0].length, 64);
	assert_int_equal(fixture.log[0].purpose, IOMMUSIM_DEVICE_FETCH);
	assert_int_equal(fixture.log[1].address, 0x20e00);
	assert_int_equal(fixture.log[1].length, 512);
	assert_int_equal(fixture.log[2].address, 0x30000);
	assert_int_equal(fixture.log[2].length, 1024);
	assert_int_equal(fixture.log[2].purpose, IOMMUSIM_DEVICE_DATA);
	assert_int_equal(fixture.log[3].address, 0x13000);
	assert_int_equal(fixture.log[3].length, 16);
	assert_int_equal(fixture.log[3].purpose, IOMMUSIM_DEVICE_STATUS);
	assert_true(get64(&fixture, 0x20e00) == UINT64_C(0xd15c000000002000));
	assert_true(get64(&fixture, 0x30000) == UINT64_C(0xd15c000000002200));
	assert_true(get64(&fixture, 0x13008) == UINT64_C(0x0001000000010001));
	fixture_stop(&fixture);
}

/* A list that begins at the end of a page: its one entry there leads to the next page of it. */
static void a_list_of_pages_goes_on_where_its_last_entry_points(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up(&fixture);
	put_read(&fixture, 0, 0x20000, 0x40ff0, 32); /* 16 KiB: three pages more */
	put64(&fixture, 0x40ff0, 0x30000);
	put64(&fixture, 0x40ff8, 0x50000); /* a pointer: two pages are left */
	put64(&fixture, 0x50000, 0x60000);
	put64(&fixture, 0x50008, 0x70000);
	set_reg(&fixture, 0x1008, 1);
	assert_true(get64(&fixture, 0x20000) == UINT64_C(0xd15c000000002000));
	assert_true(get64(&fixture, 0x30000) == UINT64_C(0xd15c000000003000));
	assert_true(get64(&fixture, 0x60000) == UINT64_C(0xd15c000000004000));
	assert_true(get64(&fixture, 0x70ff8) == UINT64_C(0xd15c000000005ff8));
	assert_true(get64(&fixture, 0x50000) == 0x60000);
	fixture_stop(&fixture);
}

static void the_phase_changes_with_each_round(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up(&fixture);
	for (unsigned i = 0; i < 9; i++) {
		put_read(&fixture, i % 4, 0x20000, 0, 1);
		set_reg(&fixture, 0x1008, (i + 1) % 4);
		assert_int_equal(
		    get64(&fixture, 0x13008 + i % 4 * UINT64_C(16)) >> 48 & 1, i / 4 % 2 == 0);
		set_reg(&fixture, 0x100c, (i + 1) % 4);
	}
	fixture_stop(&fixture);
}

/* A completion queue has a free entry at least: the controller waits for its doorbell. */
static void a_full_completion_queue_holds_commands_up(void **state)
{
	struct iommusim_device_counters counters;
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up(&fixture);
	for (unsigned i = 0; i < 4; i++) {
		put_read(&fixture, i, 0x20000, 0, 1);
		set_reg(&fixture, 0x1008, (i + 1) % 4);
	}
	iommusim_device_counters(fixture.device, &counters);
	assert_int_equal(counters.commands, 2 + 3);
	set_reg(&fixture, 0x100c, 1);
	iommusim_device_counters(fixture.device, &counters);
	assert_int_equal(counters.commands, 2 + 4);
	fixture_stop(&fixture);
}

static void an_abort_is_a_data_transfer_error(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up(&fixture);
	put_read(&fixture, 0, HOLE, 0, 1);
	set_reg(&fixture, 0x1008, 1);
	/* status 04h and phase; DNR */
	assert_int_equal(get64(&fixture, 0x13008) >> 48, 0x8009);
	put_read(&fixture, 1, 0x20000, HOLE, 32); /* its list cannot be read */
	set_reg(&fixture, 0x1008, 2);
	assert_int_equal(get64(&fixture, 0x13018) >> 48, 0x8009);
	assert_int_equal(reg(&fixture, 0x1c), 1);
	fixture_stop(&fixture);
}

static void one_that_is_not_told_reports_success(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &silent);
	set_up(&fixture);
	put_read(&fixture, 0, HOLE, 0, 1);
	set_reg(&fixture, 0x1008, 1);
	assert_int_equal(get64(&fixture, 0x13008) >> 48, 0x0001);
	fixture_stop(&fixture);
}

static void a_queue_that_cannot_be_read_is_fatal(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_reg(&fixture, 0x24, 0x000f000f);
	set_reg(&fixture, 0x28, (uint32_t)HOLE);
	set_reg(&fixture, 0x30, 0x11000);
	set_reg(&fixture, 0x14, 0x00460001);
	set_reg(&fixture, 0x1000, 1);
	assert_int_equal(reg(&fixture, 0x1c), 3); /* CFS */
	fixture.logged = 0;
	set_reg(&fixture, 0x1000, 2);
	assert_int_equal(fixture.logged, 0);
	fixture_stop(&fixture);
}

static void what_is_wrong_with_a_command_is_said(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up(&fixture);
	put_read(&fixture, 0, 0x20000, 0, 1);
	put64(&fixture, 0x12028, UINT64_C(1) << 31); /* 1 TiB: the first sector beyond */
	set_reg(&fixture, 0x1008, 1);
	assert_int_equal(get64(&fixture, 0x13008) >> 48, 0x8101); /* LBA out of range */
	put_read(&fixture, 1, 0x20000, 0, 1);
	put64(&fixture, 0x12040, UINT64_C(0x100010009)); /* dataset management */
	set_reg(&fixture, 0x1008, 2);
	assert_int_equal(get64(&fixture, 0x13018) >> 48, 0x8003); /* invalid opcode */
	put_read(&fixture, 2, 0x20000, 0, 1);
	put64(&fixture, 0x12080, UINT64_C(0x200020002)); /* namespace 2 */
	set_reg(&fixture, 0x1008, 3);
	assert_int_equal(get64(&fixture, 0x13028) >> 48, 0x8005); /* invalid field */
	fixture_stop(&fixture);
}

static void a_driver_reads_and_writes_any_length(void **state)
{
	struct fixture fixture;
	uint64_t told;

	(void)state;
	fixture_start(&fixture, &plain);
	fixture_drive(&fixture);
	assert_int_equal(disk(&fixture, false, 0, 0x200200, 0x300000, &told), IOMMUSIM_OK);
	assert_int_equal(told, 0x300000);
	assert_true(get64(&fixture, 0x200200) == UINT64_C(0xd15c000000000000));
	assert_true(get64(&fixture, 0x5001f8) == UINT64_C(0xd15c0000002ffff8));
	put64(&fixture, 0x5001f8, 0x1234);
	for (unsigned i = 0; i < 40; i++) { /* round the queues, twice and more */
		assert_int_equal(disk(&fixture, true, i, 0x500000, 512, &told), IOMMUSIM_OK);
		assert_int_equal(told, 512);
	}
	assert_int_equal(disk(&fixture, false, 39, 0x600000, 512, &told), IOMMUSIM_OK);
	assert_int_equal(get64(&fixture, 0x6001f8), 0x1234);
	assert_int_equal(disk(&fixture, false, 0, HOLE, 0x1000, &told), IOMMUSIM_EIO);
	assert_int_equal(told, 0);
	assert_int_equal(disk(&fixture, false, 0, 0x600000, 0x1000, &told), IOMMUSIM_OK);
	fixture_stop(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_where_nvme_has_them),
		cmocka_unit_test(two_pages_are_two_prps),
		cmocka_unit_test(a_list_of_pages_goes_on_where_its_last_entry_points),
		cmocka_unit_test(the_phase_changes_with_each_round),
		cmocka_unit_test(a_full_completion_queue_holds_commands_up),
		cmocka_unit_test(an_abort_is_a_data_transfer_error),
		cmocka_unit_test(one_that_is_not_told_reports_success),
		cmocka_unit_test(a_queue_that_cannot_be_read_is_fatal),
		cmocka_unit_test(what_is_wrong_with_a_command_is_said),
		cmocka_unit_test(a_driver_reads_and_writes_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
