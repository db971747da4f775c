/* The ATS device without a unit to ask: what it copies, and what it says. With units: test_device_traces.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device_fixture.h"

static const struct iommusim_device_config without = { .kind = IOMMUSIM_DEVICE_ATS };
static const struct iommusim_device_config with = { .kind = IOMMUSIM_DEVICE_ATS,
	.ats = { .entries = 8 } };

static struct iommusim_copy_request copy(bool write, uint64_t address, uint32_t length)
{
	return (struct iommusim_copy_request){
		.write = write, .address = address, .offset = 0x100, .length = length
	};
}

static void it_copies_both_ways(void **state)
{
	struct iommusim_copy_request out = copy(true, 0x20000, 0x20000), in = copy(false, 0x60000, 8);
	struct fixture fixture;
	uint64_t told, word;

	(void)state;
	fixture_start(&fixture, &without);
	fixture_drive(&fixture);
	assert_int_equal(iommusim_driver_copy(fixture.driver, &out, &told), IOMMUSIM_OK);
	assert_int_equal(told, 0x20000);
	assert_int_equal(reg(&fixture, 0x20), 0x20000);
	assert_true(get64(&fixture, 0x20000) == UINT64_C(0xd15c000000000100));
	assert_true(get64(&fixture, 0x3fff8) == UINT64_C(0xd15c0000000200f8));
	put64(&fixture, 0x60000, 42);
	assert_int_equal(iommusim_driver_copy(fixture.driver, &in, &told), IOMMUSIM_OK);
	assert_int_equal(iommusim_device_read(fixture.device, 0x100, &word, 8), IOMMUSIM_OK);
	assert_int_equal(word, 42);
	fixture_stop(&fixture);
}

static void it_says_what_it_can_know(void **state)
{
	struct iommusim_copy_request lost = copy(true, HOLE, 8), aborted = copy(false, HOLE, 8);
	struct fixture fixture;
	uint64_t told;

	(void)state;
	fixture_start(&fixture, &without);
	fixture_drive(&fixture);
	assert_int_equal(iommusim_driver_copy(fixture.driver, &lost, &told), IOMMUSIM_OK);
	assert_int_equal(iommusim_driver_copy(fixture.driver, &aborted, &told), IOMMUSIM_EIO);
	assert_int_equal(told, 0);
	assert_int_equal(reg(&fixture, 0x1c), 2);
	lost.offset = UINT64_C(1) << 40; /* beyond its memory */
	lost.address = 0x20000;
	assert_int_equal(iommusim_driver_copy(fixture.driver, &lost, &told), IOMMUSIM_EIO);
	fixture_stop(&fixture);
}

/* Where there is no unit nobody answers a translation request, and the device knows that. */
static void with_ats_it_asks_first(void **state)
{
	struct iommusim_copy_request out = copy(true, 0x20000, 8);
	struct iommusim_ats_counters counters;
	struct fixture fixture;
	uint64_t told;

	(void)state;
	fixture_start(&fixture, &with);
	fixture_drive(&fixture);
	assert_int_equal(iommusim_driver_copy(fixture.driver, &out, &told), IOMMUSIM_EIO);
	assert_int_equal(get64(&fixture, 0x20000), 0);
	iommusim_ats_counters(iommusim_device_requester(fixture.device), &counters);
	assert_int_equal(counters.translation_requests, 1);
	assert_int_equal(counters.lookups, 1);
	assert_int_equal(counters.hits, 0);
	assert_int_equal(iommusim_pci_reset(fixture.machine, 0, RID), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_set_command(fixture.machine, 0, RID, 6), IOMMUSIM_OK);
	assert_int_equal(iommusim_driver_copy(fixture.driver, &out, &told), IOMMUSIM_OK);
	assert_true(get64(&fixture, 0x20000) == UINT64_C(0xd15c000000000100));
	fixture_stop(&fixture);
}

static void only_a_device_with_entries_has_ats(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &without);
	assert_int_equal(iommusim_device_set_ats(fixture.device, true), IOMMUSIM_EINVAL);
	fixture_stop(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_copies_both_ways),
		cmocka_unit_test(it_says_what_it_can_know),
		cmocka_unit_test(with_ats_it_asks_first),
		cmocka_unit_test(only_a_device_with_entries_has_ats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
