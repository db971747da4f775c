/* Physical memory: windows and holes, copying across them, foreign windows, and the device's view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/dma.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#define PAGE UINT64_C(0x1000)
#define GIB  (UINT64_C(1) << 30)

static struct iommusim_machine *make(bool device_view)
{
	const struct iommusim_machine_config config = { .device_view = device_view };
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(&config, &machine), IOMMUSIM_OK);
	return machine;
}

static void add(struct iommusim_machine *machine, uint64_t base, uint64_t length)
{
	assert_int_equal(iommusim_memory_add(machine, base, length, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
}

/* The diagnostic is of this failure. */
static void assert_failed(
    struct iommusim_machine *machine, enum iommusim_status got, enum iommusim_status wanted)
{
	const struct iommusim_diagnostic *diagnostic = iommusim_machine_diagnostic(machine);

	assert_int_equal(got, wanted);
	assert_int_equal(diagnostic->status, wanted);
	assert_true(strlen(diagnostic->text) > 0);
	assert_null(strchr(diagnostic->text, '\n'));
}

static void windows_are_listed_in_order_of_their_base(void **state)
{
	static const uint64_t bases[] = { 0x500000, 0x100000, 0x900000, 0x300000, 0x700000 };
	struct iommusim_machine *machine = make(false);
	struct iommusim_memory_window window;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(iommusim_memory_add(machine, bases[i], PAGE * (i + 1),
				     i == 2 ? IOMMUSIM_MEMORY_FIRMWARE : IOMMUSIM_MEMORY_RAM),
		    IOMMUSIM_OK);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(iommusim_memory_window(machine, i, &window), IOMMUSIM_OK);
		assert_int_equal(window.base, 0x100000 + i * UINT64_C(0x200000));
		assert_int_equal(window.kind,
		    window.base == 0x900000 ? IOMMUSIM_MEMORY_FIRMWARE : IOMMUSIM_MEMORY_RAM);
		assert_ptr_equal(
		    window.host, iommusim_memory_host(machine, window.base, window.length));
	}
	assert_int_equal(iommusim_memory_window(machine, 5, &window), IOMMUSIM_ENOENT);
	iommusim_machine_destroy(machine);
}

static void new_memory_reads_as_zero(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint8_t bytes[256];
	static const uint8_t zero[256];

	(void)state;
	add(machine, 0, 16 * GIB);
	for (uint64_t at = 0; at < 16 * GIB; at += 3 * GIB) {
		memset(bytes, 0xff, sizeof(bytes));
		assert_int_equal(iommusim_memory_read(machine, at, bytes, sizeof(bytes)), IOMMUSIM_OK);
		assert_memory_equal(bytes, zero, sizeof(bytes));
	}
	iommusim_machine_destroy(machine);
}

static void windows_that_overlap_are_refused(void **state)
{
	static const struct {
		uint64_t base, length;
		enum iommusim_status status;
	} rows[] = {
		{ 0x100000, 0x4000, IOMMUSIM_EEXIST },
		{ 0x0ff000, 0x2000, IOMMUSIM_EEXIST },
		{ 0x103000, 0x1000, IOMMUSIM_EEXIST },
		{ 0x101000, 0x1000, IOMMUSIM_EEXIST },
		{ 0x000000, 0x1000000, IOMMUSIM_EEXIST },
		{ 0x0ff000, 0x1000, IOMMUSIM_OK },
		{ 0x104000, 0x1000, IOMMUSIM_OK },
	};
	struct iommusim_machine *machine = make(false);

	(void)state;
	add(machine, 0x100000, 0x4000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(
		    iommusim_memory_add(machine, rows[i].base, rows[i].length, IOMMUSIM_MEMORY_RAM),
		    rows[i].status);
	iommusim_machine_destroy(machine);
}

static void malformed_windows_are_refused_and_leave_nothing(void **state)
{
	static const struct {
		uint64_t base, length;
	} rows[] = { { 0x800, PAGE }, { 0, 0x800 }, { 0, 0 }, { 1, 1 }, { UINT64_C(1) << 52, PAGE },
		{ (UINT64_C(1) << 52) - PAGE, 2 * PAGE }, { UINT64_MAX - PAGE + 1, PAGE },
		{ PAGE, UINT64_MAX - PAGE + 1 } };
	struct iommusim_machine *machine = make(false);
	struct iommusim_memory_window window;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_failed(machine,
		    iommusim_memory_add(machine, rows[i].base, rows[i].length, IOMMUSIM_MEMORY_RAM),
		    IOMMUSIM_EINVAL);
	assert_failed(
	    machine, iommusim_memory_add(machine, 0, PAGE, IOMMUSIM_MEMORY_FOREIGN), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_memory_window(machine, 0, &window), IOMMUSIM_ENOENT);
	iommusim_machine_destroy(machine);
}

static void the_last_page_below_2_to_the_52_is_memory(void **state)
{
	const uint64_t last = (UINT64_C(1) << 52) - PAGE;
	struct iommusim_machine *machine = make(false);
	uint64_t value = 0x1122334455667788, back = 0;

	(void)state;
	add(machine, last, PAGE);
	assert_int_equal(iommusim_memory_write(machine, last + 0xff8, &value, 8), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_read(machine, last + 0xff8, &back, 8), IOMMUSIM_OK);
	assert_int_equal(back, value);
	assert_int_equal(iommusim_memory_read(machine, last + 0xff9, &back, 8), IOMMUSIM_ENXIO);
	iommusim_machine_destroy(machine);
}

static uint64_t nothing_read(void *context, uint64_t offset, unsigned width)
{
	(void)context;
	(void)offset;
	(void)width;
	return 0;
}

static void nothing_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	(void)context;
	(void)offset;
	(void)width;
	(void)value;
}

static void memory_and_registers_do_not_share_an_address(void **state)
{
	const struct iommusim_mmio_region region = {
		.base = 0xfed90000, .length = PAGE, .read = nothing_read, .write = nothing_write
	};
	struct iommusim_machine *machine = make(false);

	(void)state;
	assert_int_equal(iommusim_mmio_attach(machine, &region), IOMMUSIM_OK);
	assert_failed(machine, iommusim_memory_add(machine, 0xfed00000, 0x100000, IOMMUSIM_MEMORY_RAM),
	    IOMMUSIM_EEXIST);
	add(machine, 0xfed80000, 0x10000);
	iommusim_machine_destroy(machine);
}

static void pc_ram_leaves_the_last_gigabyte_below_4_gib_free(void **state)
{
	static const struct {
		uint64_t size, low, high;
	} rows[] = { { PAGE, PAGE, 0 }, { 3 * GIB, 3 * GIB, 0 }, { 3 * GIB + PAGE, 3 * GIB, PAGE },
		{ 32 * GIB, 3 * GIB, 29 * GIB } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct iommusim_machine *machine = make(false);
		struct iommusim_memory_window window;

		assert_int_equal(iommusim_memory_add_pc_ram(machine, rows[i].size), IOMMUSIM_OK);
		assert_int_equal(iommusim_memory_window(machine, 0, &window), IOMMUSIM_OK);
		assert_int_equal(window.base, 0);
		assert_int_equal(window.length, rows[i].low);
		if (rows[i].high != 0) {
			assert_int_equal(iommusim_memory_window(machine, 1, &window), IOMMUSIM_OK);
			assert_int_equal(window.base, 4 * GIB);
			assert_int_equal(window.length, rows[i].high);
		} else {
			assert_int_equal(iommusim_memory_window(machine, 1, &window), IOMMUSIM_ENOENT);
		}
		iommusim_machine_destroy(machine);
	}
}

/* The upper part does not fit: then the lower one must not stay. */
static void pc_ram_comes_whole_or_not_at_all(void **state)
{
	struct iommusim_machine *machine = make(false);
	struct iommusim_memory_window window;

	(void)state;
	add(machine, 5 * GIB, PAGE);
	assert_failed(machine, iommusim_memory_add_pc_ram(machine, 8 * GIB), IOMMUSIM_EEXIST);
	assert_int_equal(iommusim_memory_window(machine, 0, &window), IOMMUSIM_OK);
	assert_int_equal(window.base, 5 * GIB);
	assert_int_equal(iommusim_memory_window(machine, 1, &window), IOMMUSIM_ENOENT);
	assert_failed(machine, iommusim_memory_add_pc_ram(machine, 0), IOMMUSIM_EINVAL);
	assert_failed(machine, iommusim_memory_add_pc_ram(machine, 0x1800), IOMMUSIM_EINVAL);
	iommusim_machine_destroy(machine);
}

static void copies_cross_windows_that_touch(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint8_t out[3 * UINT64_C(0x1000)], in[3 * UINT64_C(0x1000)];

	(void)state;
	add(machine, 0x11000, PAGE);
	add(machine, 0x10000, PAGE);
	add(machine, 0x12000, PAGE);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(iommusim_memory_write(machine, 0x10000, out, sizeof(out)), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_read(machine, 0x10000, in, sizeof(in)), IOMMUSIM_OK);
	assert_memory_equal(in, out, sizeof(out));
	assert_int_equal(iommusim_memory_read(machine, 0x10ffd, in, 6), IOMMUSIM_OK);
	assert_memory_equal(in, out + 0xffd, 6);
	/* there is no single host address for that, and hosts of the parts show the data */
	assert_null(iommusim_memory_host(machine, 0x10ffd, 6));
	assert_memory_equal(iommusim_memory_host(machine, 0x11000, 0x1000), out + 0x1000, 0x1000);
	iommusim_machine_destroy(machine);
}

/* "All or nothing": a copy that touches a hole moves no byte. */
static void copies_into_a_hole_move_nothing(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint8_t ones[16], bytes[16];
	uint64_t value;

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	add(machine, 0x10000, PAGE);
	add(machine, 0x12000, PAGE);
	assert_failed(machine, iommusim_memory_write(machine, 0x10ff8, ones, 16), IOMMUSIM_ENXIO);
	assert_int_equal(iommusim_memory_read(machine, 0x10ff8, &value, 8), IOMMUSIM_OK);
	assert_int_equal(value, 0);
	assert_failed(machine, iommusim_memory_write(machine, 0x11ff8, ones, 16), IOMMUSIM_ENXIO);
	assert_int_equal(iommusim_memory_read(machine, 0x12000, &value, 8), IOMMUSIM_OK);
	assert_int_equal(value, 0);
	memset(bytes, 0x55, sizeof(bytes));
	assert_failed(machine, iommusim_memory_read(machine, 0x10ff8, bytes, 16), IOMMUSIM_ENXIO);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0x55);
	assert_int_equal(iommusim_memory_read(machine, 0xdead000, bytes, 0), IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
}

static void copies_that_wrap_around_are_holes(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint8_t bytes[16] = { 0 };

	(void)state;
	add(machine, 0, PAGE);
	assert_int_equal(iommusim_memory_read(machine, UINT64_MAX - 7, bytes, 16), IOMMUSIM_ENXIO);
	assert_null(iommusim_memory_host(machine, UINT64_MAX - 7, 16));
	assert_null(iommusim_memory_host(machine, 0, SIZE_MAX));
	iommusim_machine_destroy(machine);
}

static void a_removed_window_is_a_hole_and_can_come_back(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint64_t value = 0x77;

	(void)state;
	add(machine, 0x10000, PAGE);
	add(machine, 0x20000, PAGE);
	assert_int_equal(iommusim_memory_write(machine, 0x10000, &value, 8), IOMMUSIM_OK);
	assert_failed(machine, iommusim_memory_remove(machine, 0x11000), IOMMUSIM_ENOENT);
	assert_failed(machine, iommusim_memory_remove(machine, 0x10800), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_memory_remove(machine, 0x10000), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_read(machine, 0x10000, &value, 8), IOMMUSIM_ENXIO);
	assert_int_equal(iommusim_memory_read(machine, 0x20000, &value, 8), IOMMUSIM_OK);
	add(machine, 0x10000, PAGE);
	assert_int_equal(iommusim_memory_read(machine, 0x10000, &value, 8), IOMMUSIM_OK);
	assert_int_equal(value, 0);
	iommusim_machine_destroy(machine);
}

static void host_pointers_and_physical_addresses_name_the_same_bytes(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint64_t address;
	uint8_t *host;

	(void)state;
	add(machine, 0x10000, 4 * PAGE);
	add(machine, 4 * GIB, 4 * PAGE);
	host = iommusim_memory_host(machine, 4 * GIB + 0x1234, 8);
	assert_non_null(host);
	memset(host, 0xab, 8);
	assert_int_equal(iommusim_memory_physical(machine, host, &address), IOMMUSIM_OK);
	assert_int_equal(address, 4 * GIB + 0x1234);
	address = 0;
	assert_int_equal(iommusim_memory_read(machine, 4 * GIB + 0x1234, &address, 4), IOMMUSIM_OK);
	assert_int_equal(address, 0xabababab);
	assert_int_equal(iommusim_memory_physical(machine, &address, &address), IOMMUSIM_ENOENT);
	iommusim_machine_destroy(machine);
}

static void a_foreign_window_shows_the_callers_memory(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint8_t *image = aligned_alloc(0x1000, 0x2000);
	uint64_t address;
	uint32_t word = 0x12345678;

	(void)state;
	assert_non_null(image);
	memset(image, 0x5a, 0x2000);
	assert_int_equal(iommusim_memory_add_foreign(machine, 0x80000000, 0x2000, image), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_physical(machine, image + 0x1ffc, &address), IOMMUSIM_OK);
	assert_int_equal(address, 0x80001ffc);
	assert_int_equal(iommusim_memory_write(machine, 0x80001ffc, &word, 4), IOMMUSIM_OK);
	assert_memory_equal(image + 0x1ffc, &word, 4);
	assert_int_equal(image[0x1ffb], 0x5a);
	assert_int_equal(iommusim_memory_remove(machine, 0x80000000), IOMMUSIM_OK);
	assert_memory_equal(image + 0x1ffc, &word, 4); /* it stays the caller's */
	iommusim_machine_destroy(machine);
	free(image);
}

static void a_malformed_foreign_window_is_refused(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint8_t *image = aligned_alloc(0x1000, 0x2000);

	(void)state;
	assert_non_null(image);
	assert_failed(machine, iommusim_memory_add_foreign(machine, 0, PAGE, NULL), IOMMUSIM_EINVAL);
	assert_failed(
	    machine, iommusim_memory_add_foreign(machine, 0, PAGE, image + 64), IOMMUSIM_EINVAL);
	assert_failed(machine, iommusim_memory_add_foreign(machine, 0, 0x800, image), IOMMUSIM_EINVAL);
	add(machine, 0, PAGE);
	assert_failed(machine, iommusim_memory_add_foreign(machine, 0, PAGE, image), IOMMUSIM_EEXIST);
	iommusim_machine_destroy(machine);
	free(image);
}

/* Without a device view a flush means nothing, but it still must name memory. */
static void a_flush_outside_memory_is_an_error(void **state)
{
	(void)state;
	for (unsigned view = 0; view < 2; view++) {
		struct iommusim_machine *machine = make(view != 0);

		add(machine, 0x10000, PAGE);
		assert_int_equal(iommusim_memory_flush(machine, 0x10000, PAGE), IOMMUSIM_OK);
		assert_int_equal(iommusim_memory_flush(machine, 0x10001, 1), IOMMUSIM_OK);
		assert_int_equal(iommusim_memory_flush(machine, 0x10fff, 1), IOMMUSIM_OK);
		assert_failed(machine, iommusim_memory_flush(machine, 0x10fff, 2), IOMMUSIM_ENXIO);
		assert_failed(machine, iommusim_memory_flush(machine, 0x20000, 1), IOMMUSIM_ENXIO);
		assert_int_equal(iommusim_memory_flush(machine, 0x20001, 0), IOMMUSIM_OK);
		iommusim_machine_destroy(machine);
	}
}

/* DMA goes past the processor's caches: both views are one for it (a device is coherent here). */
static void device_writes_reach_every_view(void **state)
{
	struct iommusim_machine *machine = make(true);
	struct iommusim_requester *device;
	struct iommusim_dma_outcome outcome;
	uint64_t value = 0x1234, back = 0;
	const struct iommusim_dma_request request = {
		.address = 0x10008, .length = 8, .kind = IOMMUSIM_DMA_WRITE, .data = &value
	};

	(void)state;
	add(machine, 0x10000, PAGE);
	assert_int_equal(iommusim_requester_create(machine, 0, 8, &device), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, 8);
	assert_int_equal(iommusim_memory_read(machine, 0x10008, &back, 8), IOMMUSIM_OK);
	assert_int_equal(back, 0x1234);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_listed_in_order_of_their_base),
		cmocka_unit_test(new_memory_reads_as_zero),
		cmocka_unit_test(windows_that_overlap_are_refused),
		cmocka_unit_test(malformed_windows_are_refused_and_leave_nothing),
		cmocka_unit_test(the_last_page_below_2_to_the_52_is_memory),
		cmocka_unit_test(memory_and_registers_do_not_share_an_address),
		cmocka_unit_test(pc_ram_leaves_the_last_gigabyte_below_4_gib_free),
		cmocka_unit_test(pc_ram_comes_whole_or_not_at_all),
		cmocka_unit_test(copies_cross_windows_that_touch),
		cmocka_unit_test(copies_into_a_hole_move_nothing),
		cmocka_unit_test(copies_that_wrap_around_are_holes),
		cmocka_unit_test(a_removed_window_is_a_hole_and_can_come_back),
		cmocka_unit_test(host_pointers_and_physical_addresses_name_the_same_bytes),
		cmocka_unit_test(a_foreign_window_shows_the_callers_memory),
		cmocka_unit_test(a_malformed_foreign_window_is_refused),
		cmocka_unit_test(a_flush_outside_memory_is_an_error),
		cmocka_unit_test(device_writes_reach_every_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
