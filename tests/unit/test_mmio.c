/* The MMIO bus: widths and alignment, who decodes an address, overlaps, and watchers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#define BASE UINT64_C(0xfe000000)

/* A region that remembers the last access and reads as its offset. */
struct device {
	unsigned reads, writes;
	uint64_t offset, value;
	unsigned width;
};

static uint64_t device_read(void *context, uint64_t offset, unsigned width)
{
	struct device *device = context;

	device->reads++;
	device->offset = offset;
	device->width = width;
	return UINT64_C(0xa5a5a5a500000000) | offset;
}

static void device_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	struct device *device = context;

	device->writes++;
	device->offset = offset;
	device->width = width;
	device->value = value;
}

static struct iommusim_machine *make(void)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	return machine;
}

static enum iommusim_status attach(
    struct iommusim_machine *machine, struct device *device, uint64_t base, uint64_t length)
{
	const struct iommusim_mmio_region region = { .base = base,
		.length = length,
		.context = device,
		.read = device_read,
		.write = device_write };

	return iommusim_mmio_attach(machine, &region);
}

static void aligned_accesses_of_every_width_reach_the_region(void **state)
{
	struct iommusim_machine *machine = make();
	struct device device = { 0 };
	uint64_t value;

	(void)state;
	assert_int_equal(attach(machine, &device, BASE, 0x2000), IOMMUSIM_OK);
	for (unsigned width = 1; width <= 8; width *= 2) {
		const uint64_t at = 0x1ff8,
			       mask = width == 8 ? UINT64_MAX : (UINT64_C(1) << width * 8) - 1;

		assert_int_equal(iommusim_mmio_read(machine, BASE + at, width, &value), IOMMUSIM_OK);
		assert_int_equal(value, (UINT64_C(0xa5a5a5a500000000) | at) & mask);
		assert_int_equal(device.width, width);
		assert_int_equal(device.offset, at);
		assert_int_equal(
		    iommusim_mmio_write(machine, BASE + at, width, width * UINT64_C(3)), IOMMUSIM_OK);
		assert_int_equal(device.value, width * 3);
		assert_int_equal(device.width, width);
	}
	assert_int_equal(device.reads, 4);
	assert_int_equal(device.writes, 4);
	iommusim_machine_destroy(machine);
}

static void other_widths_and_unaligned_accesses_are_refused(void **state)
{
	static const unsigned widths[] = { 0, 3, 5, 6, 7, 9, 16, 64, 1000 };
	struct iommusim_machine *machine = make();
	struct device device = { 0 };
	uint64_t value;

	(void)state;
	assert_int_equal(attach(machine, &device, BASE, 0x1000), IOMMUSIM_OK);
	for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
		assert_int_equal(iommusim_mmio_read(machine, BASE, widths[i], &value), IOMMUSIM_EINVAL);
		assert_int_equal(iommusim_mmio_write(machine, BASE, widths[i], 0), IOMMUSIM_EINVAL);
		assert_int_equal(iommusim_machine_diagnostic(machine)->status, IOMMUSIM_EINVAL);
	}
	for (unsigned width = 2; width <= 8; width *= 2)
		for (unsigned off = 1; off < width; off++)
			assert_int_equal(
			    iommusim_mmio_write(machine, BASE + off, width, 0), IOMMUSIM_EINVAL);
	assert_int_equal(device.reads + device.writes, 0);
	iommusim_machine_destroy(machine);
}

static void where_nothing_decodes_reads_are_all_ones_and_writes_are_lost(void **state)
{
	struct iommusim_machine *machine = make();
	struct device device = { 0 };
	uint64_t value;

	(void)state;
	assert_int_equal(attach(machine, &device, BASE, 0x1000), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_add(machine, 0, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	for (unsigned width = 1; width <= 8; width *= 2) {
		const uint64_t ones = width == 8 ? UINT64_MAX : (UINT64_C(1) << width * 8) - 1;

		value = 0;
		assert_int_equal(
		    iommusim_mmio_read(machine, BASE + 0x1000, width, &value), IOMMUSIM_ENXIO);
		assert_int_equal(value, ones);
		assert_int_equal(iommusim_mmio_read(machine, BASE - 8, width, &value), IOMMUSIM_ENXIO);
		assert_int_equal(iommusim_mmio_write(machine, 0, width, 1), IOMMUSIM_ENXIO);
	}
	assert_int_equal(device.reads + device.writes, 0);
	iommusim_machine_destroy(machine);
}

static void regions_that_overlap_or_are_malformed_are_refused(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_mmio_region region = { .base = BASE, .length = 0x1000, .read = device_read };
	struct device device = { 0 };

	(void)state;
	assert_int_equal(iommusim_mmio_attach(machine, &region), IOMMUSIM_EINVAL);
	assert_int_equal(attach(machine, &device, BASE + 8, 0x1000), IOMMUSIM_EINVAL);
	assert_int_equal(attach(machine, &device, BASE, 0x800), IOMMUSIM_EINVAL);
	assert_int_equal(attach(machine, &device, BASE, 0), IOMMUSIM_EINVAL);
	assert_int_equal(attach(machine, &device, UINT64_C(1) << 52, 0x1000), IOMMUSIM_EINVAL);
	assert_int_equal(attach(machine, &device, UINT64_MAX - 0xfff, 0x1000), IOMMUSIM_EINVAL);
	assert_int_equal(attach(machine, &device, BASE, 0x2000), IOMMUSIM_OK);
	assert_int_equal(attach(machine, &device, BASE, 0x1000), IOMMUSIM_EEXIST);
	assert_int_equal(attach(machine, &device, BASE + 0x1000, 0x4000), IOMMUSIM_EEXIST);
	assert_int_equal(attach(machine, &device, BASE - 0x1000, 0x2000), IOMMUSIM_EEXIST);
	assert_int_equal(attach(machine, &device, BASE + 0x2000, 0x1000), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_add(machine, 0x1000, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(attach(machine, &device, 0, 0x2000), IOMMUSIM_EEXIST);
	iommusim_machine_destroy(machine);
}

static void each_address_has_its_own_region(void **state)
{
	struct iommusim_machine *machine = make();
	struct device devices[20] = { 0 };
	uint64_t value;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(attach(machine, &devices[i], BASE + i * UINT64_C(0x3000),
				     UINT64_C(0x1000) * (1 + i % 3)),
		    IOMMUSIM_OK);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(iommusim_mmio_read(
				     machine, BASE + i * UINT64_C(0x3000) + i * UINT64_C(8), 4, &value),
		    IOMMUSIM_OK);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(devices[i].reads, 1);
		assert_int_equal(devices[i].offset, i * 8);
	}
	iommusim_machine_destroy(machine);
}

static void a_detached_region_decodes_nothing_any_more(void **state)
{
	struct iommusim_machine *machine = make();
	struct device first = { 0 }, second = { 0 };
	uint64_t value;

	(void)state;
	assert_int_equal(attach(machine, &first, BASE, 0x1000), IOMMUSIM_OK);
	assert_int_equal(attach(machine, &second, BASE + 0x1000, 0x1000), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_detach(machine, BASE + 8), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_mmio_detach(machine, BASE), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_detach(machine, BASE), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_mmio_read(machine, BASE, 4, &value), IOMMUSIM_ENXIO);
	assert_int_equal(iommusim_mmio_read(machine, BASE + 0x1000, 4, &value), IOMMUSIM_OK);
	assert_int_equal(second.reads, 1);
	assert_int_equal(attach(machine, &first, BASE, 0x1000), IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
}

/* What a watcher was told, and what the device had seen at that moment. */
struct watch {
	const struct device *device;
	unsigned count, writes_before;
	uint64_t address, value;
	unsigned width;
	bool is_write;
};

static void watch_access(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct watch *watch = context;

	watch->count++;
	watch->address = address;
	watch->width = width;
	watch->is_write = is_write;
	watch->value = value;
	watch->writes_before = watch->device->writes;
}

static void watchers_see_writes_before_they_act_and_reads_with_their_value(void **state)
{
	struct iommusim_machine *machine = make();
	struct device device = { 0 };
	struct watch watch = { .device = &device };
	const struct iommusim_mmio_watcher watcher = { .context = &watch, .access = watch_access };
	uint64_t value;

	(void)state;
	assert_int_equal(attach(machine, &device, BASE, 0x1000), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_watch(machine, &watcher), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_write(machine, BASE + 0x20, 4, 0x99), IOMMUSIM_OK);
	assert_true(watch.is_write);
	assert_int_equal(watch.address, BASE + 0x20);
	assert_int_equal(watch.width, 4);
	assert_int_equal(watch.value, 0x99);
	assert_int_equal(watch.writes_before, 0);
	assert_int_equal(iommusim_mmio_read(machine, BASE + 0x28, 2, &value), IOMMUSIM_OK);
	assert_false(watch.is_write);
	assert_int_equal(watch.value, 0x28);
	assert_int_equal(watch.count, 2);
	/* no access, no call */
	assert_int_equal(iommusim_mmio_read(machine, BASE + 1, 2, &value), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_mmio_read(machine, 0, 2, &value), IOMMUSIM_ENXIO);
	assert_int_equal(watch.count, 2);
	iommusim_machine_destroy(machine);
}

static void a_watcher_is_removed_by_its_context(void **state)
{
	struct iommusim_machine *machine = make();
	struct device device = { 0 };
	struct watch watches[3] = { { .device = &device }, { .device = &device },
		{ .device = &device } };
	uint64_t value;

	(void)state;
	assert_int_equal(attach(machine, &device, BASE, 0x1000), IOMMUSIM_OK);
	for (unsigned i = 0; i < 3; i++) {
		const struct iommusim_mmio_watcher watcher = { .context = &watches[i],
			.access = watch_access };

		assert_int_equal(iommusim_mmio_watch(machine, &watcher), IOMMUSIM_OK);
	}
	iommusim_mmio_unwatch(machine, &watches[1]);
	iommusim_mmio_unwatch(machine, &device); /* nobody's */
	assert_int_equal(iommusim_mmio_read(machine, BASE, 4, &value), IOMMUSIM_OK);
	assert_int_equal(watches[0].count, 1);
	assert_int_equal(watches[1].count, 0);
	assert_int_equal(watches[2].count, 1);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligned_accesses_of_every_width_reach_the_region),
		cmocka_unit_test(other_widths_and_unaligned_accesses_are_refused),
		cmocka_unit_test(where_nothing_decodes_reads_are_all_ones_and_writes_are_lost),
		cmocka_unit_test(regions_that_overlap_or_are_malformed_are_refused),
		cmocka_unit_test(each_address_has_its_own_region),
		cmocka_unit_test(a_detached_region_decodes_nothing_any_more),
		cmocka_unit_test(watchers_see_writes_before_they_act_and_reads_with_their_value),
		cmocka_unit_test(a_watcher_is_removed_by_its_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
