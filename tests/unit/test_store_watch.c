/* Watching software's stores: who is told of what, in which order, and what is not software's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iommusim/memory.h>

struct seen {
	uint64_t address[8], length[8];
	unsigned stores, taken, given_back;
	uint64_t last_page;
	uint64_t value; /* at the first address when the watcher was told */
	struct iommusim_machine *machine;
};

static void stored(void *context, uint64_t address, uint64_t length)
{
	struct seen *seen = context;

	seen->address[seen->stores % 8] = address;
	seen->length[seen->stores % 8] = length;
	seen->stores++;
	iommusim_memory_read(seen->machine, address, &seen->value, sizeof(seen->value));
}

static void taken(void *context, uint64_t page)
{
	struct seen *seen = context;

	seen->taken++;
	seen->last_page = page;
}

static void given_back(void *context, uint64_t page)
{
	struct seen *seen = context;

	seen->given_back++;
	seen->last_page = page;
}

static struct iommusim_machine *start(struct seen *seen)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_add(machine, 0, 0x10000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	*seen = (struct seen){ .machine = machine };
	return machine;
}

static void a_store_is_told_once_it_is_made(void **state)
{
	const uint64_t value = 0x1122334455667788;
	struct seen seen;
	struct iommusim_machine *machine = start(&seen);
	const struct iommusim_store_watcher watcher = { .context = &seen, .stored = stored };

	(void)state;
	assert_int_equal(iommusim_memory_watch(machine, &watcher), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_write(machine, 0x2008, &value, 8), IOMMUSIM_OK);
	assert_int_equal(seen.stores, 1);
	assert_int_equal(seen.address[0], 0x2008);
	assert_int_equal(seen.length[0], 8);
	assert_int_equal(seen.value, value);
	/* What goes nowhere is no store, nor is one of no bytes; reads and flushes are none. */
	assert_int_equal(iommusim_memory_write(machine, 0xfffc, &value, 8), IOMMUSIM_ENXIO);
	assert_int_equal(iommusim_memory_write(machine, 0x2008, &value, 0), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_flush(machine, 0x2008, 8), IOMMUSIM_OK);
	assert_int_equal(seen.stores, 1);
	iommusim_memory_stored(machine, 0x3000, 16);
	assert_int_equal(seen.stores, 2);
	assert_int_equal(seen.address[1], 0x3000);
	iommusim_machine_destroy(machine);
}

static void every_watcher_hears_until_it_goes(void **state)
{
	struct seen first, second;
	struct iommusim_machine *machine = start(&first);
	struct iommusim_store_watcher watcher = {
		.context = &first, .stored = stored, .taken = taken, .given_back = given_back
	};

	(void)state;
	second = first;
	assert_int_equal(iommusim_memory_watch(machine, &watcher), IOMMUSIM_OK);
	watcher = (struct iommusim_store_watcher){ .context = &second, .stored = stored };
	assert_int_equal(iommusim_memory_watch(machine, &watcher), IOMMUSIM_OK);
	iommusim_memory_taken(machine, 0x4000);
	assert_int_equal(first.taken, 1);
	assert_int_equal(first.last_page, 0x4000);
	iommusim_memory_given_back(machine, 0x5000);
	assert_int_equal(first.given_back, 1);
	assert_int_equal(first.last_page, 0x5000);
	assert_int_equal(second.taken + second.given_back, 0);
	iommusim_memory_unwatch(machine, &first);
	iommusim_memory_stored(machine, 0x1000, 8);
	assert_int_equal(first.stores, 0);
	assert_int_equal(second.stores, 1);
	iommusim_memory_unwatch(machine, &second);
	iommusim_memory_stored(machine, 0x1000, 8);
	assert_int_equal(second.stores, 1);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_is_told_once_it_is_made),
		cmocka_unit_test(every_watcher_hears_until_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
