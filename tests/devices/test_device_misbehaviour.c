/* A device's life, and how it misbehaves: resets it ignores, ids that are not its own, messages nobody asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device_fixture.h"

static const struct iommusim_device_config disk_config = { .kind = IOMMUSIM_DEVICE_NVME };

/* A read that is asked for, and not done yet. */
static void put_off(struct fixture *fixture)
{
	static const struct iommusim_driver_piece piece = { 0x200000, 0x1000 };
	const struct iommusim_disk_request request = {
		.no_wait = true, .pieces = &piece, .piece_count = 1
	};
	uint64_t told;

	iommusim_device_hold(fixture->device, true);
	assert_int_equal(iommusim_driver_disk(fixture->driver, &request, &told), IOMMUSIM_OK);
	assert_int_equal(told, 0);
	assert_int_equal(fixture->logged, 0);
	assert_int_equal(iommusim_driver_poll(fixture->driver), 1);
}

static void a_held_device_does_its_work_later(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &disk_config);
	fixture_drive(&fixture);
	put_off(&fixture);
	assert_int_equal(iommusim_device_run(fixture.device), 3); /* command, data, completion */
	assert_int_equal(iommusim_driver_poll(fixture.driver), 0);
	assert_true(get64(&fixture, 0x200008) == UINT64_C(0xd15c000000000008));
	assert_int_equal(iommusim_device_run(fixture.device), 0);
	fixture_stop(&fixture);
}

static void a_reset_drops_what_was_put_off(void **state)
{
	struct iommusim_device_counters counters;
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &disk_config);
	fixture_drive(&fixture);
	put_off(&fixture);
	assert_int_equal(iommusim_pci_reset(fixture.machine, 0, RID), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_set_command(fixture.machine, 0, RID, 6), IOMMUSIM_OK);
	assert_int_equal(iommusim_device_run(fixture.device), 0);
	assert_int_equal(reg(&fixture, 0x14), 0); /* CC */
	iommusim_device_counters(fixture.device, &counters);
	assert_int_equal(counters.resets, 1);
	fixture_stop(&fixture);
}

static void one_that_ignores_resets_goes_on(void **state)
{
	struct iommusim_device_config config = disk_config;
	struct iommusim_device_counters counters;
	struct fixture fixture;

	(void)state;
	config.dma_after_reset = true;
	fixture_start(&fixture, &config);
	fixture_drive(&fixture);
	put_off(&fixture);
	assert_int_equal(iommusim_pci_reset(fixture.machine, 0, RID), IOMMUSIM_OK);
	assert_int_equal(iommusim_device_run(fixture.device), 1); /* no bus master: it tries */
	assert_int_equal(get64(&fixture, 0x200008), 0);
	iommusim_device_hold(fixture.device, false);
	assert_int_equal(iommusim_pci_set_command(fixture.machine, 0, RID, 6), IOMMUSIM_OK);
	assert_true(get64(&fixture, 0x200008) == UINT64_C(0xd15c000000000008));
	iommusim_device_counters(fixture.device, &counters);
	assert_int_equal(counters.resets, 0);
	fixture_stop(&fixture);
}

static void without_bus_mastering_work_waits(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &disk_config);
	fixture_drive(&fixture);
	put_off(&fixture);
	iommusim_device_hold(fixture.device, false);
	assert_int_equal(iommusim_pci_set_command(fixture.machine, 0, RID, 2), IOMMUSIM_OK);
	assert_int_equal(iommusim_device_run(fixture.device), 1);
	assert_int_equal(get64(&fixture, 0x200008), 0);
	assert_int_equal(reg(&fixture, 0x1c), 1); /* nothing is wrong with it */
	assert_int_equal(iommusim_pci_set_command(fixture.machine, 0, RID, 6), IOMMUSIM_OK);
	assert_int_equal(iommusim_driver_poll(fixture.driver), 0);
	assert_true(get64(&fixture, 0x200008) == UINT64_C(0xd15c000000000008));
	fixture_stop(&fixture);
}

static void requests_may_carry_anothers_id(void **state)
{
	struct iommusim_device_config config = disk_config;
	struct fixture fixture;
	uint64_t told;

	(void)state;
	config.has_wrong_rid = true;
	config.wrong_rid = 0x0518;
	fixture_start(&fixture, &config);
	fixture_drive(&fixture);
	assert_int_equal(disk(&fixture, false, 0, 0x200000, 512, &told), IOMMUSIM_OK);
	assert_int_equal(fixture.logged, 3);
	for (unsigned i = 0; i < fixture.logged; i++)
		assert_int_equal(fixture.log[i].rid, 0x0518);
	assert_int_equal(iommusim_pci_set_command(fixture.machine, 0, RID, 2), IOMMUSIM_OK);
	assert_int_equal(disk(&fixture, false, 0, 0x200000, 512, &told), IOMMUSIM_ETIMEDOUT);
	fixture_stop(&fixture);
}

/* Two bits of phantom functions: 3:2.0, 3:2.2, 3:2.4, 3:2.6, in turn. */
static void phantom_functions_take_turns(void **state)
{
	static const uint16_t ids[] = { 0x0310, 0x0312, 0x0314, 0x0316 };
	struct iommusim_device_config config = disk_config;
	struct fixture fixture;
	unsigned first;
	uint64_t told;

	(void)state;
	config.phantom_bits = 2;
	fixture_start(&fixture, &config);
	fixture_drive(&fixture);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(disk(&fixture, false, 0, 0x200000, 512, &told), IOMMUSIM_OK);
	assert_int_equal(fixture.logged, 9);
	for (first = 0; first < 4 && ids[first] != fixture.log[0].rid; first++)
		;
	for (unsigned i = 0; i < fixture.logged; i++)
		assert_int_equal(fixture.log[i].rid, ids[(first + i) % 4]);
	fixture_stop(&fixture);
}

static void it_may_forge_messages(void **state)
{
	struct iommusim_device_config config = disk_config;
	struct iommusim_interrupt message;
	struct fixture fixture;
	uint64_t told;

	(void)state;
	config.forged_address = 0xfee0f00c;
	config.forged_data = 0x80;
	fixture_start(&fixture, &config);
	fixture_drive(&fixture);
	while (iommusim_interrupt_take(fixture.machine, &message) == IOMMUSIM_OK)
		;
	assert_int_equal(disk(&fixture, false, 0, 0x200000, 512, &told), IOMMUSIM_OK);
	assert_int_equal(fixture.log[fixture.logged - 1].purpose, IOMMUSIM_DEVICE_FORGED);
	assert_int_equal(fixture.log[fixture.logged - 1].length, 4);
	assert_int_equal(iommusim_interrupt_take(fixture.machine, &message), IOMMUSIM_OK);
	assert_int_equal(message.address, 0xfee0f00c);
	assert_int_equal(message.data, 0x80);
	assert_int_equal(message.source, RID);
	fixture_stop(&fixture);
}

static void a_device_needs_a_place_of_its_own(void **state)
{
	struct iommusim_device_config config = { .kind = IOMMUSIM_DEVICE_NIC, .rid = RID, .base = BAR };
	const struct iommusim_pci_function second = { .rid = 0x0318 };
	struct iommusim_device *device;
	struct fixture fixture;

	(void)state;
	fixture_start(&fixture, &disk_config);
	assert_ptr_equal(iommusim_device_at(fixture.machine, 0, RID), fixture.device);
	assert_null(iommusim_device_at(fixture.machine, 0, 0x0318));
	assert_int_equal(iommusim_pci_add(fixture.machine, &second), IOMMUSIM_OK);
	config.rid = 0x0318;
	assert_int_equal(iommusim_device_create(fixture.machine, &config, &device), IOMMUSIM_EEXIST);
	assert_null(device);
	config.base = BAR + 0x10000;
	config.rid = RID;
	assert_int_equal(iommusim_device_create(fixture.machine, &config, &device), IOMMUSIM_EEXIST);
	config.rid = 0x0420;
	assert_int_equal(iommusim_device_create(fixture.machine, &config, &device), IOMMUSIM_ENOENT);
	config.rid = 0x0318;
	config.phantom_bits = 4;
	assert_int_equal(iommusim_device_create(fixture.machine, &config, &device), IOMMUSIM_EINVAL);
	config.phantom_bits = 0;
	config.forged_address = 0x1000;
	assert_int_equal(iommusim_device_create(fixture.machine, &config, &device), IOMMUSIM_EINVAL);
	config.forged_address = 0;
	assert_int_equal(iommusim_device_create(fixture.machine, &config, &device), IOMMUSIM_OK);
	iommusim_device_destroy(device);
	assert_int_equal(iommusim_device_create(fixture.machine, &config, &device), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_remove(fixture.machine, 0, 0x0318), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_detach(fixture.machine, BAR + 0x10000), IOMMUSIM_ENOENT);
	fixture_stop(&fixture);
}

static void its_memory_is_a_pattern_until_it_is_written(void **state)
{
	struct iommusim_device_config config = disk_config;
	struct fixture fixture;
	uint64_t words[3];

	(void)state;
	config.seed = 0x0001;
	config.capacity = 0x10000;
	fixture_start(&fixture, &config);
	assert_int_equal(iommusim_device_read(fixture.device, 0xff8, words, 24), IOMMUSIM_OK);
	assert_true(words[0] == UINT64_C(0xd15d000000000ff8));
	assert_true(words[2] == UINT64_C(0xd15d000000001008));
	words[0] = words[1] = 7;
	assert_int_equal(iommusim_device_write(fixture.device, 0xff8, words, 16), IOMMUSIM_OK);
	assert_int_equal(iommusim_device_read(fixture.device, 0xff8, words, 24), IOMMUSIM_OK);
	assert_int_equal(words[0], 7);
	assert_int_equal(words[1], 7);
	assert_true(words[2] == UINT64_C(0xd15d000000001008));
	assert_int_equal(iommusim_device_read(fixture.device, 0xfff8, words, 8), IOMMUSIM_OK);
	assert_int_equal(iommusim_device_read(fixture.device, 0xfff8, words, 9), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_device_write(fixture.device, 0x10000, words, 1), IOMMUSIM_EINVAL);
	fixture_stop(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_device_does_its_work_later),
		cmocka_unit_test(a_reset_drops_what_was_put_off),
		cmocka_unit_test(one_that_ignores_resets_goes_on),
		cmocka_unit_test(without_bus_mastering_work_waits),
		cmocka_unit_test(requests_may_carry_anothers_id),
		cmocka_unit_test(phantom_functions_take_turns),
		cmocka_unit_test(it_may_forge_messages),
		cmocka_unit_test(a_device_needs_a_place_of_its_own),
		cmocka_unit_test(its_memory_is_a_pattern_until_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
