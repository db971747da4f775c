/* What becomes of each kind of access at the hooks, with registers of the test's own making. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/clock.h>
#include <iommusim/kshim_hooks.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "tests/driver/probe.h"

#define BASE  UINT64_C(0xfe000000)
#define IMAGE UINT64_C(0x2000000000)

/* Two pages of registers that hold what is written, and remember who came. */
struct device {
	struct iommusim_machine *machine;
	struct iommusim_hooks *hooks;
	struct probe_regs *regs; /* as the driver is given them */
	uint8_t bytes[0x2000];
	char log[256]; /* "w4@0=7 r8@8 " */
	uint64_t memory_seen[4];
	unsigned writes;
};

static void note(struct device *device, const char *text)
{
	const size_t used = strlen(device->log), length = strlen(text) + 1;

	assert_true(used + length <= sizeof(device->log));
	memcpy(device->log + used, text, length);
}

static uint64_t device_read(void *context, uint64_t offset, unsigned width)
{
	struct device *device = context;
	uint64_t value = 0;
	char text[64];

	memcpy(&value, &device->bytes[offset], width);
	snprintf(text, sizeof(text), "r%u@%x ", width, (unsigned)offset);
	note(device, text);
	return value;
}

static void device_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	struct device *device = context;
	char text[64];

	memcpy(&device->bytes[offset], &value, width);
	if (device->writes < 4)
		device->memory_seen[device->writes] = probe_memory;
	device->writes++;
	snprintf(
	    text, sizeof(text), "w%u@%x=%llx ", width, (unsigned)offset, (unsigned long long)value);
	note(device, text);
}

static void power_on(struct device *device)
{
	const struct iommusim_mmio_region region = { .base = BASE,
		.length = sizeof(device->bytes),
		.context = device,
		.read = device_read,
		.write = device_write };
	volatile void *registers;

	memset(device, 0, sizeof(*device));
	assert_int_equal(iommusim_machine_create(NULL, &device->machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_attach(device->machine, &region), IOMMUSIM_OK);
	assert_int_equal(iommusim_hooks_create(device->machine, &device->hooks), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_hooks_map(device->hooks, BASE, sizeof(device->bytes), &registers), IOMMUSIM_OK);
	device->regs = (struct probe_regs *)(uintptr_t)registers;
	iommusim_hooks_attach(device->hooks);
}

static void power_off(struct device *device)
{
	iommusim_hooks_destroy(device->hooks);
	iommusim_machine_destroy(device->machine);
}

static int setup(void **state)
{
	static struct device device;

	power_on(&device);
	*state = &device;
	return 0;
}

static int teardown(void **state)
{
	power_off(*state);
	return 0;
}

static void assert_log(struct device *device, const char *expected)
{
	assert_string_equal(device->log, expected);
	device->log[0] = '\0';
}

/* ---- order ----------------------------------------------------------------------------------- */

static void test_same_value_twice_acts_twice(void **state)
{
	probe_write_twice((*(struct device **)state)->regs, 7);
	assert_log(*state, "w4@0=7 w4@0=7 ");
}

static void test_read_comes_after_write(void **state)
{
	struct device *device = *state;

	assert_int_equal(probe_write_then_read(device->regs, 9), 9);
	assert_log(device, "w4@0=9 r4@0 ");
	device->bytes[0] = 1; /* what hardware changes is seen, not what was written */
	probe_read_modify_write(device->regs);
	assert_log(device, "r4@0 w4@0=11 r8@8 w8@8=1 ");
	device->bytes[8] = 0xff;
	probe_read_modify_write(device->regs);
	assert_log(device, "r4@0 w4@0=11 r8@8 w8@8=100 ");
}

static void test_write_acts_before_what_follows_it(void **state)
{
	struct device *device = *state;

	probe_write_then_memory(device->regs);
	assert_log(device, "w4@0=1 w4@0=2 ");
	assert_int_equal(device->memory_seen[0], 1);
	assert_int_equal(device->memory_seen[1], 2);
	assert_int_equal(probe_memory, 3);
}

static void set_flag(void *context)
{
	(void)context;
	probe_flag = 1;
}

static void test_poll_of_memory_takes_time(void **state)
{
	struct device *device = *state;

	probe_flag = 0;
	assert_int_equal(iommusim_clock_schedule(device->machine, 10, set_flag, NULL), IOMMUSIM_OK);
	assert_int_equal(probe_poll_memory(device->regs), 9); /* the write took the first tick */
	assert_log(device, "w4@0=1 ");
}

/* ---- calls out of the driver ----------------------------------------------------------------- */

static struct device *called;
static char log_at_call[sizeof(called->log)];
static jmp_buf panic;

static void kernel_function(void)
{
	iommusim_hooks_sync();
	memcpy(log_at_call, called->log, sizeof(log_at_call));
}

static void kernel_panic(void)
{
	longjmp(panic, 1);
}

static void test_sync_in_a_kernel_function(void **state)
{
	called = *state;
	probe_write_then_call(called->regs, kernel_function);
	assert_string_equal(log_at_call, "w4@0=7 ");
	assert_log(called, "w4@0=7 w4@0=8 ");
	iommusim_hooks_sync(); /* nothing is left */
	assert_log(called, "");
}

static void test_sync_after_a_panic(void **state)
{
	called = *state;
	if (setjmp(panic) == 0)
		probe_write_then_call(called->regs, kernel_panic);
	iommusim_hooks_sync();
	assert_log(called, "w4@0=7 ");
}

static void test_pending_write_acts_on_its_own_machine(void **state)
{
	struct device *device = *state;
	static struct device other;

	power_on(&other); /* the thread is attached to it now */
	called = device;
	iommusim_hooks_attach(device->hooks);
	if (setjmp(panic) == 0)
		probe_write_then_call(device->regs, kernel_panic);
	iommusim_hooks_attach(other.hooks);
	assert_log(device, "w4@0=7 ");
	probe_write_twice(other.regs, 1);
	probe_write_twice(device->regs, 2); /* plain memory for this thread */
	assert_log(&other, "w4@0=1 w4@0=1 ");
	assert_log(device, "");
	power_off(&other);
	probe_write_twice(device->regs, 3);
	assert_log(device, "");
}

static void *other_thread(void *argument)
{
	struct device *device = argument;

	probe_write_twice(device->regs, 1);
	iommusim_hooks_attach(device->hooks);
	probe_write_twice(device->regs, 2);
	iommusim_hooks_attach(NULL);
	return NULL;
}

static void test_every_thread_attaches_for_itself(void **state)
{
	struct device *device = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, other_thread, device), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_log(device, "w4@0=2 w4@0=2 ");
	probe_write_twice(device->regs, 3);
	assert_log(device, "w4@0=3 w4@0=3 ");
}

/* ---- widths and kinds ------------------------------------------------------------------------ */

static void test_widths(void **state)
{
	struct device *device = *state;

	assert_int_equal(probe_widths(device->regs), 0x12 + 0x3456 + 0x1122334455667788);
	assert_log(device, "w1@12=12 w2@10=3456 w8@8=1122334455667788 r1@12 r2@10 r8@8 ");
	probe_halves(device->regs, 0xaaaabbbbccccdddd);
	assert_log(device, "w4@8=ccccdddd w4@c=aaaabbbb ");
	assert_int_equal(iommusim_hooks_unmarked(device->hooks), 0);
}

static void test_atomics(void **state)
{
	struct device *device = *state;
	uint64_t word = 0;

	assert_int_equal(probe_atomics(device->regs), 0x400);
	assert_log(device, "w4@0=100 r4@0 w4@0=103 r4@0 w4@0=200 r4@0 w4@0=200 r4@0 ");
	assert_int_equal(probe_atomic_memory(&word), 0x77);
	assert_int_equal(word, 2);
	assert_int_equal(iommusim_hooks_unmarked(device->hooks), 0);
}

/* gcc forgets that a packed structure's members are volatile: right all the same, but marked. */
static void test_packed_structure(void **state)
{
	struct device *device = *state;
	struct probe_packed *packed = (struct probe_packed *)(void *)device->regs;

	assert_int_equal(probe_packed_accesses(packed), 0x1abcd);
	assert_log(device, "w4@0=abcd w8@8=99 r4@0 w4@0=1abcd r4@0 ");
#ifdef __clang__
	assert_int_equal(iommusim_hooks_unmarked(device->hooks), 0);
#else
	assert_true(iommusim_hooks_unmarked(device->hooks) > 0);
#endif
}

/* Of a bit field gcc announces the store and not the load: the result is wrong, and marked. */
static void test_what_cannot_be_trusted_is_counted(void **state)
{
	struct device *device = *state;
	const uint32_t before = 0xabcdef00;
	uint32_t after;

	memcpy(&device->bytes[offsetof(struct probe_regs, plain) - 4], &before, sizeof(before));
	probe_bit_field(device->regs);
	memcpy(&after, &device->bytes[offsetof(struct probe_regs, plain) - 4], sizeof(after));
	assert_true(after == (before | 0x11) || iommusim_hooks_unmarked(device->hooks) > 0);

	device->log[0] = '\0';
	assert_int_equal(probe_plain(device->regs), 5);
	assert_log(device, "w4@24=5 r4@24 ");
	assert_true(iommusim_hooks_unmarked(device->hooks) >= 2);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void test_map(void **state)
{
	struct device *device = *state;
	volatile void *registers = NULL, *first;

	iommusim_hooks_destroy(device->hooks);
	assert_int_equal(iommusim_hooks_create(NULL, &device->hooks), IOMMUSIM_EINVAL);
	assert_null(device->hooks);
	assert_int_equal(iommusim_hooks_create(device->machine, &device->hooks), IOMMUSIM_OK);
	iommusim_hooks_attach(device->hooks);
	assert_int_equal(
	    iommusim_hooks_map(device->hooks, BASE + 4, 0x1000, &registers), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_hooks_map(device->hooks, BASE, 0, &registers), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_hooks_map(device->hooks, BASE, 0x800, &registers), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_hooks_map(device->hooks, UINT64_C(1) << 52, 0x1000, &registers), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_hooks_map(device->hooks, BASE, 0x401000, &registers), IOMMUSIM_ENOMEM);
	assert_null((void *)(uintptr_t)registers);

	/* The second page alone, again and again; then one where nothing answers. */
	assert_int_equal(
	    iommusim_hooks_map(device->hooks, BASE + 0x1000, 0x1000, &registers), IOMMUSIM_OK);
	probe_write_twice((struct probe_regs *)(uintptr_t)registers, 1);
	assert_log(device, "w4@1000=1 w4@1000=1 ");
	first = registers;
	assert_int_equal(iommusim_hooks_map(device->hooks, 0x5000, 0x1000, &registers), IOMMUSIM_OK);
	assert_int_equal(
	    probe_write_then_read((struct probe_regs *)(uintptr_t)registers, 1), 0xffffffff);
	assert_int_equal(iommusim_hooks_map(device->hooks, 0, 0x3fe000, &registers), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_hooks_map(device->hooks, 0x400000, 0x1000, &registers), IOMMUSIM_ENOMEM);
	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(
		    iommusim_hooks_map(device->hooks, BASE + 0x1000, 0x1000, &registers), IOMMUSIM_OK);
		assert_ptr_equal((void *)(uintptr_t)registers, (void *)(uintptr_t)first);
	}
	assert_int_equal(iommusim_hooks_map(device->hooks, 0x3fd000, 0x1000, &registers), IOMMUSIM_OK);
	assert_log(device, "");
}

static uint32_t in_data = 17;
static uint8_t in_bss[3 * 4096];
static const uint32_t in_constants = 1;

static void assert_in_image(struct device *device, const void *host)
{
	uint64_t physical;

	assert_int_equal(iommusim_memory_physical(device->machine, host, &physical), IOMMUSIM_OK);
	assert_true(physical >= IMAGE);
	assert_int_equal(physical % IOMMUSIM_PAGE_SIZE, (uintptr_t)host % IOMMUSIM_PAGE_SIZE);
	assert_ptr_equal(iommusim_memory_host(device->machine, physical, 1), host);
}

static void test_image(void **state)
{
	struct device *device = *state;
	void *heap = calloc(1, 16);
	uint64_t physical;
	uint32_t value;

	assert_int_equal(iommusim_hooks_add_image(device->machine, IMAGE, heap), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_hooks_add_image(device->machine, IMAGE, &value), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_hooks_add_image(device->machine, IMAGE, &in_constants), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_hooks_add_image(device->machine, IMAGE + 1, &in_data), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_hooks_add_image(device->machine, IMAGE, &in_data), IOMMUSIM_OK);
	assert_int_equal(iommusim_hooks_add_image(device->machine, IMAGE, &in_data), IOMMUSIM_EEXIST);
	assert_in_image(device, &in_data);
	assert_in_image(device, &in_bss[0]);
	assert_in_image(device, &in_bss[sizeof(in_bss) - 1]);
	assert_in_image(device, &probe_memory);
	assert_int_equal(iommusim_memory_physical(device->machine, heap, &physical), IOMMUSIM_ENOENT);

	/* One memory, not a copy; and all of it can be written. */
	assert_int_equal(iommusim_memory_physical(device->machine, &in_data, &physical), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_read(device->machine, physical, &value, 4), IOMMUSIM_OK);
	assert_int_equal(value, 17);
	value = 18;
	assert_int_equal(iommusim_memory_write(device->machine, physical, &value, 4), IOMMUSIM_OK);
	assert_int_equal(in_data, 18);
	free(heap);
}

/* Every page of the window takes a store: none is read-only data after relocation. */
struct stores {
	uint64_t address[8], value[8];
	size_t count;
};

static void note_store(void *context, uint64_t address, uint64_t length)
{
	struct stores *stores = context;

	assert_int_equal(length, sizeof(uint64_t));
	if (stores->count < 8) {
		stores->address[stores->count] = address;
		stores->value[stores->count] = probe_memory;
	}
	stores->count++;
}

/* Each store of the driver to memory, in its order, once it was made; the stack is no memory of the machine's. */
static void test_stores_to_memory_are_told(void **state)
{
	static struct stores stores;
	const struct iommusim_store_watcher watcher = { .context = &stores, .stored = note_store };
	struct device *device = *state;
	uint64_t physical;

	memset(&stores, 0, sizeof(stores));
	assert_int_equal(iommusim_hooks_add_image(device->machine, IMAGE, &probe_memory), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_physical(device->machine, &probe_memory, &physical), IOMMUSIM_OK);
	probe_atomic_memory(&probe_memory);
	assert_int_equal(stores.count, 0);

	assert_int_equal(iommusim_memory_watch(device->machine, &watcher), IOMMUSIM_OK);
	iommusim_hooks_sync();
	probe_atomic_memory(&probe_memory);
	assert_true(stores.count >= 7);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(stores.address[i], physical);
	assert_int_equal(stores.value[0], 1);
	assert_int_equal(stores.value[1], 0xf1);
	assert_int_equal(stores.value[2], 0x30);
	assert_int_equal(stores.value[3], 0x22);
	assert_int_equal(stores.value[4], 0x02);
	iommusim_memory_unwatch(device->machine, &stores);
	iommusim_hooks_sync();
}

/* A plain store is told of at the driver's next access, before a register store that follows it acts. */
static void test_a_store_is_told_before_the_register_acts(void **state)
{
	static struct stores stores;
	const struct iommusim_store_watcher watcher = { .context = &stores, .stored = note_store };
	struct device *device = *state;

	memset(&stores, 0, sizeof(stores));
	assert_int_equal(iommusim_hooks_add_image(device->machine, IMAGE, &probe_memory), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_watch(device->machine, &watcher), IOMMUSIM_OK);
	iommusim_hooks_sync();
	probe_store_then_write(device->regs);
	assert_int_equal(stores.count, 2);
	assert_int_equal(stores.value[0], 5);
	assert_int_equal(stores.value[1], 6);
	assert_log(device, "w4@0=1 ");
	iommusim_memory_unwatch(device->machine, &stores);
	iommusim_hooks_sync();
}

static void test_image_is_writable(void **state)
{
	struct device *device = *state;
	struct iommusim_memory_window window;

	assert_int_equal(iommusim_hooks_add_image(device->machine, IMAGE, &in_data), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_window(device->machine, 0, &window), IOMMUSIM_OK);
	assert_int_equal(window.kind, IOMMUSIM_MEMORY_FOREIGN);
	for (uint64_t at = 0; at < window.length; at += IOMMUSIM_PAGE_SIZE) {
		volatile uint8_t *byte = (volatile uint8_t *)window.host + at;

		*byte = *byte;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_value_twice_acts_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_comes_after_write, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_write_acts_before_what_follows_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poll_of_memory_takes_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_in_a_kernel_function, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_after_a_panic, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_pending_write_acts_on_its_own_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_thread_attaches_for_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_widths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_atomics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_packed_structure, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_cannot_be_trusted_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_map, setup, teardown),
		cmocka_unit_test_setup_teardown(test_image, setup, teardown),
		cmocka_unit_test_setup_teardown(test_image_is_writable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stores_to_memory_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_store_is_told_before_the_register_acts, setup, teardown),
	};

	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
