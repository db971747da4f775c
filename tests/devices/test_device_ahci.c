/* The AHCI-like disk: a command list, a table and PRDs written by hand (AHCI 1.3.1, 4.2), and what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device_fixture.h"

static const struct iommusim_device_config plain = { .kind = IOMMUSIM_DEVICE_AHCI };
static const struct iommusim_device_config reporting = { .kind = IOMMUSIM_DEVICE_AHCI,
	.reports_aborts = true };

/* Command list at 10000h, received FIS at 11000h, slot 0's table at 12000h. */
static void set_up_port(struct fixture *fixture)
{
	set_reg(fixture, 0x100, 0x10000);
	set_reg(fixture, 0x104, 0);
	set_reg(fixture, 0x108, 0x11000);
	set_reg(fixture, 0x10c, 0);
	set_reg(fixture, 0x118, 0x00000011); /* ST, FRE */
}

/* READ DMA EXT of sector 8, two sectors, into one PRD of 512 bytes and one of 512. */
static void put_read(struct fixture *fixture, uint64_t first, uint64_t second)
{
	static const uint8_t fis[20] = { 0x27, 0x80, 0x25, 0, 8, 0, 0, 0x40, 0, 0, 0, 0, 2 };

	put64(fixture, 0x10000, UINT64_C(0x00020005)); /* CFL=5, PRDTL=2, PRDBC=0 */
	put64(fixture, 0x10008, 0x12000);
	put_bytes(fixture, 0x12000, fis, sizeof(fis));
	put64(fixture, 0x12080, first);
	put64(fixture, 0x12088, UINT64_C(0x000001ff) << 32);
	put64(fixture, 0x12090, second);
	put64(fixture, 0x12098, UINT64_C(0x800001ff) << 32); /* I */
}

static void registers_are_where_ahci_has_them(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	assert_int_equal(reg(&fixture, 0x00), 0x80001f00);   /* CAP: S64A, 32 slots, 1 port */
	assert_int_equal(reg(&fixture, 0x04), 0x80000000);   /* GHC.AE */
	assert_int_equal(reg(&fixture, 0x0c), 1);            /* PI */
	assert_int_equal(reg(&fixture, 0x10), 0x00010301);   /* VS: 1.3.1 */
	assert_int_equal(reg(&fixture, 0x120) & 0xff, 0x50); /* PxTFD: DRDY, DSC */
	assert_int_equal(reg(&fixture, 0x124), 0x00000101);  /* PxSIG: a disk */
	assert_int_equal(reg(&fixture, 0x128) & 0xf, 3);     /* PxSSTS.DET */
	set_up_port(&fixture);
	assert_int_equal(reg(&fixture, 0x118), 0x0000c011); /* CR, FR */
	fixture_stop(&fixture);
}

static void a_read_follows_list_table_and_prds(void **state)
{
	static const struct logged expected[] = {
		{ IOMMUSIM_DEVICE_FETCH, IOMMUSIM_DMA_READ, 0x10000, 32, RID },
		{ IOMMUSIM_DEVICE_FETCH, IOMMUSIM_DMA_READ, 0x12000, 20, RID },
		{ IOMMUSIM_DEVICE_FETCH, IOMMUSIM_DMA_READ, 0x12080, 32, RID },
		{ IOMMUSIM_DEVICE_DATA, IOMMUSIM_DMA_WRITE, 0x20000, 512, RID },
		{ IOMMUSIM_DEVICE_DATA, IOMMUSIM_DMA_WRITE, 0x30000, 512, RID },
		{ IOMMUSIM_DEVICE_STATUS, IOMMUSIM_DMA_WRITE, 0x10004, 4, RID },
		{ IOMMUSIM_DEVICE_STATUS, IOMMUSIM_DMA_WRITE, 0x11040, 20, RID },
	};
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up_port(&fixture);
	put_read(&fixture, 0x20000, 0x30000);
	set_reg(&fixture, 0x138, 1);
	assert_int_equal(fixture.logged, sizeof(expected) / sizeof(*expected));
	for (unsigned i = 0; i < fixture.logged; i++) {
		assert_int_equal(fixture.log[i].purpose, expected[i].purpose);
		assert_int_equal(fixture.log[i].kind, expected[i].kind);
		assert_int_equal(fixture.log[i].address, expected[i].address);
		assert_int_equal(fixture.log[i].length, expected[i].length);
		assert_int_equal(fixture.log[i].rid, RID);
	}
	assert_int_equal(reg(&fixture, 0x138), 0);                           /* PxCI */
	assert_int_equal(reg(&fixture, 0x110), 0x00000021);                  /* PxIS: DHRS, DPS */
	assert_int_equal(get64(&fixture, 0x10000) >> 32, 1024);              /* PRDBC */
	assert_int_equal(get64(&fixture, 0x11040) & 0xffffffff, 0x00504034); /* the register FIS */
	assert_true(get64(&fixture, 0x20000) == UINT64_C(0xd15c000000001000));
	assert_true(get64(&fixture, 0x30000) == UINT64_C(0xd15c000000001200));
	assert_true(get64(&fixture, 0x301f8) == UINT64_C(0xd15c0000000013f8));
	assert_int_equal(get64(&fixture, 0x30200), 0);
	fixture_stop(&fixture);
}

static void the_interrupt_comes_when_it_is_enabled(void **state)
{
	struct iommusim_interrupt message;
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up_port(&fixture);
	put_read(&fixture, 0x20000, 0x30000);
	assert_int_equal(
	    iommusim_device_set_message(fixture.device, 0xfee00001, 0x41), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_device_set_message(fixture.device, 0x1000, 0x41), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_device_set_message(fixture.device, 0xfee01000, 0x41), IOMMUSIM_OK);
	set_reg(&fixture, 0x138, 1);
	assert_int_equal(iommusim_interrupt_pending(fixture.machine), 0);
	set_reg(&fixture, 0x114, 1); /* PxIE.DHRE */
	set_reg(&fixture, 0x04, 2);  /* GHC.IE */
	set_reg(&fixture, 0x138, 1);
	assert_int_equal(reg(&fixture, 0x08), 1); /* IS.IPS */
	assert_int_equal(iommusim_interrupt_take(fixture.machine, &message), IOMMUSIM_OK);
	assert_int_equal(message.address, 0xfee01000);
	assert_int_equal(message.data, 0x41);
	assert_int_equal(message.source, RID);
	set_reg(&fixture, 0x110, 0xffffffff);
	assert_int_equal(reg(&fixture, 0x110), 0);
	fixture_stop(&fixture);
}

/* The story of D34607, without any IOMMU: where a posted write goes nobody tells the disk. */
static void data_that_never_arrives_is_reported_as_success(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up_port(&fixture);
	put_read(&fixture, HOLE, 0x30000);
	set_reg(&fixture, 0x138, 1);
	assert_int_equal(reg(&fixture, 0x138), 0);
	assert_int_equal(reg(&fixture, 0x110), 0x00000021);
	assert_int_equal(reg(&fixture, 0x120) & 0xff, 0x50);
	assert_int_equal(get64(&fixture, 0x10000) >> 32, 1024);
	fixture_stop(&fixture);
}

static void a_disk_that_is_told_stops_with_a_host_bus_error(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &reporting);
	set_up_port(&fixture);
	put_read(&fixture, HOLE, 0x30000);
	set_reg(&fixture, 0x138, 1);
	assert_int_equal(reg(&fixture, 0x110), 0x20000000); /* HBFS */
	assert_int_equal(reg(&fixture, 0x138), 1);
	assert_int_equal(reg(&fixture, 0x118) & 0x8000, 0); /* CR */
	assert_int_equal(get64(&fixture, 0x30000), 0);
	set_reg(&fixture, 0x138, 1); /* it does nothing until it was stopped and started */
	assert_int_equal(fixture.logged, 4);
	set_reg(&fixture, 0x118, 0);
	assert_int_equal(reg(&fixture, 0x138), 0);
	set_reg(&fixture, 0x110, 0xffffffff);
	set_reg(&fixture, 0x118, 0x11);
	put_read(&fixture, 0x20000, 0x30000);
	set_reg(&fixture, 0x138, 1);
	assert_int_equal(reg(&fixture, 0x110), 0x00000021);
	fixture_stop(&fixture);
}

/* Reads are answered, so any disk knows: also where its descriptors are not. */
static void reads_that_are_aborted_are_always_known(void **state)
{
	struct fixture fixture;
	uint64_t told;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up_port(&fixture);
	put64(&fixture, 0x10000, 0x00020005);
	put64(&fixture, 0x10008, HOLE); /* the command table */
	set_reg(&fixture, 0x138, 1);
	assert_int_equal(reg(&fixture, 0x110), 0x20000000);
	fixture_drive(&fixture);
	assert_int_equal(disk(&fixture, true, 0, HOLE, 512, &told), IOMMUSIM_EIO);
	assert_int_equal(told, 0);
	assert_int_equal(disk(&fixture, true, 0, 0x20000, 512, &told), IOMMUSIM_OK);
	assert_int_equal(told, 512);
	fixture_stop(&fixture);
}

static void commands_it_does_not_know_fail(void **state)
{
	static const uint8_t identify[20] = { 0x27, 0x80, 0xec };
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &plain);
	set_up_port(&fixture);
	put_read(&fixture, 0x20000, 0x30000);
	put_bytes(&fixture, 0x12000, identify, sizeof(identify));
	set_reg(&fixture, 0x138, 1);
	assert_int_equal(reg(&fixture, 0x110), 0x40000001); /* TFES, DHRS */
	assert_int_equal(reg(&fixture, 0x120), 0x0451);     /* ABRT; DRDY, DSC, ERR */
	assert_int_equal(reg(&fixture, 0x138), 1);
	fixture_stop(&fixture);
}

static void a_driver_reads_and_writes_any_length(void **state)
{
	static const uint8_t mark[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct iommusim_device_counters counters;
	struct fixture fixture;
	uint8_t bytes[8];
	uint64_t told;

	(void)state;
	fixture_start(&fixture, &plain);
	fixture_drive(&fixture);
	put_bytes(&fixture, 0x200ff8, mark, sizeof(mark));
	assert_int_equal(disk(&fixture, true, 100, 0x200000, 0x1000, &told), IOMMUSIM_OK);
	assert_int_equal(told, 0x1000);
	assert_int_equal(
	    iommusim_device_read(fixture.device, 100 * 512 + 0xff8, bytes, 8), IOMMUSIM_OK);
	assert_memory_equal(bytes, mark, 8);
	assert_int_equal(disk(&fixture, false, 100, 0x300000, 0x200000, &told), IOMMUSIM_OK);
	assert_int_equal(told, 0x200000);
	assert_memory_equal(iommusim_memory_host(fixture.machine, 0x300ff8, 8), mark, 8);
	assert_true(get64(&fixture, 0x301000) == UINT64_C(0xd15c00000000d800));
	assert_true(get64(&fixture, 0x4ffff8) == UINT64_C(0xd15c00000020c7f8));
	iommusim_device_counters(fixture.device, &counters);
	assert_int_equal(counters.commands, 5); /* 2 MiB in commands of 512 KiB */
	assert_int_equal(counters.commands_failed, 0);
	assert_int_equal(disk(&fixture, false, 0, 0x300000, 100, &told), IOMMUSIM_EINVAL);
	assert_int_equal(disk(&fixture, false, 0, 0x300002, 512, &told), IOMMUSIM_EINVAL);
	assert_int_equal(disk(&fixture, false, UINT64_C(1) << 31, 0x300000, 512, &told), IOMMUSIM_EIO);
	fixture_stop(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_where_ahci_has_them),
		cmocka_unit_test(a_read_follows_list_table_and_prds),
		cmocka_unit_test(the_interrupt_comes_when_it_is_enabled),
		cmocka_unit_test(data_that_never_arrives_is_reported_as_success),
		cmocka_unit_test(a_disk_that_is_told_stops_with_a_host_bus_error),
		cmocka_unit_test(reads_that_are_aborted_are_always_known),
		cmocka_unit_test(commands_it_does_not_know_fail),
		cmocka_unit_test(a_driver_reads_and_writes_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
