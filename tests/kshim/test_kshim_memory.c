/* malloc(9), contigmalloc(9), and addresses on which kernel and hardware agree. */
#include "tests/kshim/fixture.h"

#include <iommusim/mmio.h>
#include <iommusim/vmm.h>

#include "tests/kshim/kern_memory.h"

/* Of 64 MiB the lowest eighth, but for its own lowest eighth. */
#define ARENA     UINT64_C(0x100000)
#define ARENA_END UINT64_C(0x800000)

static struct kern_request allocate(unsigned long size, bool zero)
{
	struct kern_request request = { .size = size, .wait = true, .zero = zero };

	fixture_run(kern_allocate, &request);
	assert_non_null(request.block);
	return request;
}

static size_t blocks(void)
{
	size_t count;

	iommusim_kernel_memory(fixture_kernel, &count, NULL);
	return count;
}

static void test_a_zeroed_page_is_one_page_of_the_machine(void **state)
{
	struct kern_request page = allocate(4096, true);
	uint64_t base, length, word;

	(void)state;
	iommusim_kernel_arena(fixture_kernel, &base, &length);
	assert_int_equal(base, ARENA);
	assert_int_equal(length, ARENA_END - ARENA);
	assert_int_equal(page.physical % 4096, 0);
	assert_in_range(page.physical, base, base + length - 4096);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(((uint64_t *)page.block)[i], 0);
	((uint64_t *)page.block)[5] = 0x1234567890;
	assert_int_equal(
	    iommusim_memory_read(fixture_machine, page.physical + 40, &word, 8), IOMMUSIM_OK);
	assert_int_equal(word, 0x1234567890);
	fixture_run(kern_free, page.block);
	assert_int_equal(blocks(), 0);
}

static void test_sizes_are_aligned_as_the_kernel_aligns_them(void **state)
{
	static const struct {
		unsigned long size, alignment;
	} cases[] = { { 1, 16 }, { 17, 32 }, { 100, 128 }, { 1025, 2048 }, { 2048, 2048 },
		{ 2049, 4096 }, { 5000, 4096 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned n = 0; n < 5; n++)
			assert_int_equal(
			    allocate(cases[i].size, false).physical % cases[i].alignment, 0);
	assert_int_equal(blocks(), 35);
}

static void test_memory_that_is_not_zeroed_holds_rubbish(void **state)
{
	(void)state;
	assert_int_equal(*(uint32_t *)allocate(4096, false).block, 0xdeadc0de);
	assert_int_equal(*(uint32_t *)allocate(64, false).block, 0xdeadc0de);
}

static void test_small_blocks_do_not_overlap_and_are_used_again(void **state)
{
	void *seen[300];

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		seen[i] = allocate(64, true).block;
		memset(seen[i], (int)i, 64);
	}
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(((uint8_t *)seen[i])[63], (uint8_t)i);
	fixture_run(kern_free, seen[7]);
	assert_ptr_equal(allocate(64, false).block, seen[7]);
	assert_int_equal(blocks(), 300);
}

static void test_a_double_free_names_the_first(void **state)
{
	struct iommusim_kernel_panic panic;

	(void)state;
	panic = fixture_run_to_panic(kern_free_twice, allocate(4096, true).block, "free already");
	assert_non_null(strstr(panic.message, "kern_memory.c:40"));
	assert_non_null(strstr(panic.file, "kern_memory.c"));
	assert_int_equal(panic.line, 41);
	fixture_run_to_panic(kern_free_twice, allocate(100, true).block, "free already");
}

static void test_what_malloc_did_not_give_cannot_be_freed(void **state)
{
	(void)state;
	fixture_run_to_panic(kern_free_foreign, NULL, "has not been allocated");
	fixture_run_to_panic(kern_free_inside, allocate(4096, true).block, "has not been allocated");
	fixture_run_to_panic(kern_free_inside, allocate(64, true).block, "has not been allocated");
	fixture_run_to_panic(kern_free_as_another_type, allocate(64, true).block, "\"tables\"");
	fixture_run(kern_free, NULL);
}

static void test_realloc_keeps_what_was_there(void **state)
{
	struct kern_request request = allocate(48, true);
	void *before = request.block;

	(void)state;
	memset(request.block, 0x77, 48);
	fixture_run(kern_grow, &request);
	assert_ptr_not_equal(request.block, before);
	for (unsigned i = 0; i < 48; i++)
		assert_int_equal(((uint8_t *)request.block)[i], 0x77);
	assert_int_equal(blocks(), 1);
}

static void test_contigmalloc_keeps_to_its_limits(void **state)
{
	struct kern_request request = { .size = 0x6000,
		.wait = true,
		.low = 0x280000,
		.high = 0x2fffff,
		.alignment = 0x10000,
		.boundary = 0x10000 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		fixture_run(kern_allocate, &request);
		assert_int_equal(request.physical % 0x10000, 0);
		assert_in_range(request.physical, 0x280000, 0x2fa000);
	}
	/* Above the arena's end, below its beginning, and larger than all of it. */
	request.low = 0x800000;
	request.high = UINT64_MAX;
	fixture_run(kern_allocate, &request);
	assert_null(request.block);
	request.low = 0;
	request.high = 0xfffff;
	fixture_run(kern_allocate, &request);
	assert_null(request.block);
	request.alignment = 3;
	fixture_run_to_panic(kern_allocate, &request, "powers of two");
}

static void test_the_nth_allocation_fails(void **state)
{
	struct kern_request request = { .size = 64 };

	(void)state;
	iommusim_kernel_fail_allocation(fixture_kernel, IOMMUSIM_KERNEL_MALLOC, 2, false);
	fixture_run(kern_allocate, &request);
	assert_non_null(request.block);
	request.wait = true; /* cannot fail, and does not count */
	fixture_run(kern_allocate, &request);
	assert_non_null(request.block);
	request.wait = false;
	fixture_run(kern_allocate, &request);
	assert_null(request.block);
	fixture_run(kern_allocate, &request);
	assert_non_null(request.block);

	request.wait = true;
	iommusim_kernel_fail_allocation(fixture_kernel, IOMMUSIM_KERNEL_MALLOC, 1, true);
	fixture_run(kern_allocate, &request);
	assert_null(request.block);
}

static void test_memory_runs_out(void **state)
{
	struct kern_request request = { .size = FIXTURE_RAM };

	(void)state;
	fixture_run(kern_allocate, &request);
	assert_null(request.block);
	request.wait = true;
	fixture_run_to_panic(kern_allocate, &request, "used up");
}

static void test_waiting_is_not_allowed_everywhere(void **state)
{
	(void)state;
	fixture_run_to_panic(kern_use_after_wait_in_lock, NULL, "non-sleepable lock held");
	fixture_run_to_panic(kern_forget_wait_flag, NULL, "neither");
}

static void test_a_drivers_own_data_is_physical_memory(void **state)
{
	const uint64_t physical = kern_own_table_physical();
	uint64_t word;

	(void)state;
	assert_int_equal(physical % 4096, 0);
	assert_in_range(physical, 0x7000000000, 0x7040000000);
	kern_write_own_table(0xabcdef);
	assert_int_equal(iommusim_memory_read(fixture_machine, physical + 24, &word, 8), IOMMUSIM_OK);
	assert_int_equal(word, 0xabcdef);
	assert_int_equal(*(uint64_t *)((uint8_t *)kern_dmap(physical) + 24), 0xabcdef);
}

static void test_the_direct_map_covers_memory_and_nothing_else(void **state)
{
	(void)state;
	assert_ptr_equal(kern_dmap(0x1000), iommusim_memory_host(fixture_machine, 0x1000, 1));
	assert_int_equal(kern_physical(kern_dmap(0x2345678)), 0x2345678);
	assert_int_equal(kern_physical(kern_dmap(0x12345)), 0x12345);
	fixture_run_to_panic(kern_dmap_of_a_hole, NULL, "0x123400000000 is not covered");
	fixture_run_to_panic(kern_look_at_stack, NULL, "no memory of the machine");
}

static uint64_t read_nothing(void *context, uint64_t offset, unsigned width)
{
	(void)context;
	(void)offset;
	(void)width;
	return 0;
}

static void write_nothing(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	(void)context;
	(void)offset;
	(void)width;
	(void)value;
}

static uint8_t stand_in[0x3000];
static uint64_t mapped_base, mapped_length;

static enum iommusim_status map(
    void *context, uint64_t base, uint64_t length, volatile void **registers)
{
	(void)context;
	mapped_base = base;
	mapped_length = length;
	*registers = stand_in;
	return IOMMUSIM_OK;
}

static const struct iommusim_mmio_region region = {
	.base = 0xfed90000, .length = 0x3000, .read = read_nothing, .write = write_nothing
};

static void test_registers_are_mapped_whole(void **state)
{
	const struct iommusim_kernel_options options = { .registers = { .map = map } };

	(void)state;
	fixture_machine_up();
	assert_int_equal(iommusim_mmio_attach(fixture_machine, &region), IOMMUSIM_OK);
	fixture_kernel_up(&options);
	assert_ptr_equal(kern_dmap(0xfed91008), stand_in + 0x1008);
	assert_int_equal(mapped_base, 0xfed90000);
	assert_int_equal(mapped_length, 0x3000);
	assert_int_equal(kern_physical(stand_in + 0x2004), 0xfed92004);
	assert_ptr_equal(kern_dmap(0xfed90000), stand_in);
}

static void test_registers_that_cannot_be_reached_say_so(void **state)
{
	(void)state;
	fixture_machine_up();
	assert_int_equal(iommusim_mmio_attach(fixture_machine, &region), IOMMUSIM_OK);
	fixture_kernel_up(NULL);
	fixture_run_to_panic(kern_registers_without_access, NULL, "no way to reach any");
}

static void test_single_pages_are_known_by_their_address(void **state)
{
	uint64_t physical = 0;

	(void)state;
	fixture_run(kern_single_page, &physical);
	assert_in_range(physical, ARENA, ARENA_END - 1);
	assert_int_equal(blocks(), 0);
}

static void test_blocks_are_listed_with_their_places(void **state)
{
	struct iommusim_kernel_block block;
	uint64_t bytes;

	(void)state;
	allocate(100, true);
	allocate(5000, true);
	iommusim_kernel_memory(fixture_kernel, NULL, &bytes);
	assert_int_equal(bytes, 5100);
	assert_int_equal(iommusim_kernel_block_at(fixture_kernel, 0, &block), IOMMUSIM_OK);
	assert_int_equal(block.size, 100);
	assert_string_equal(block.type, "tables");
	assert_non_null(strstr(block.file, "kern_memory.c"));
	assert_int_equal(iommusim_kernel_block_at(fixture_kernel, 1, &block), IOMMUSIM_OK);
	assert_int_equal(block.size, 5000);
	assert_int_equal(iommusim_kernel_block_at(fixture_kernel, 2, &block), IOMMUSIM_ENOENT);
}

static void noted(void *context, uint64_t page)
{
	*(uint64_t *)context = page;
}

static void stored(void *context, uint64_t address, uint64_t length)
{
	(void)context;
	(void)address;
	(void)length;
}

static void test_watchers_hear_of_pages_taken_and_given_back(void **state)
{
	uint64_t page = 0;
	const struct iommusim_store_watcher watcher = {
		.context = &page, .stored = stored, .taken = noted, .given_back = noted
	};
	struct kern_request request;

	(void)state;
	assert_int_equal(iommusim_memory_watch(fixture_machine, &watcher), IOMMUSIM_OK);
	request = allocate(4096, true);
	assert_int_equal(page, request.physical);
	page = 0;
	fixture_run(kern_free, request.block);
	assert_int_equal(page, request.physical);
	iommusim_memory_unwatch(fixture_machine, &page);
}

static void test_a_kernel_needs_ram(void **state)
{
	const struct iommusim_kernel_options nowhere = { .arena_base = 0x10000000,
		.arena_length = 0x1000 };
	const struct iommusim_kernel_options odd = { .arena_base = 0x100, .arena_length = 0x1000 };
	struct iommusim_kernel *kernel;

	(void)state;
	assert_int_equal(iommusim_machine_create(NULL, &fixture_machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_kernel_create(fixture_machine, NULL, &kernel), IOMMUSIM_EINVAL);
	assert_null(kernel);
	assert_int_equal(iommusim_memory_add_pc_ram(fixture_machine, FIXTURE_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_kernel_create(fixture_machine, &nowhere, &kernel), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_kernel_create(fixture_machine, &odd, &kernel), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_kernel_create(NULL, NULL, &kernel), IOMMUSIM_EINVAL);
	assert_null(iommusim_kernel_current());
}

/* All that vmm gives to guests of a machine, and not a byte of it in the kernel's arena. */
static void guests_and_arena_are_apart(uint64_t ram)
{
	const struct iommusim_vmm_config config = { .cpu = IOMMUSIM_CPU_OTHER };
	const struct iommusim_vm_memory memory = { .size = 0x1000000, .seed = 5 };
	uint64_t base, length, hpa, checked = 0;
	struct iommusim_vmm *vmm;
	struct iommusim_vm *vm;

	assert_int_equal(iommusim_machine_create(NULL, &fixture_machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_add_pc_ram(fixture_machine, ram), IOMMUSIM_OK);
	fixture_kernel_up(NULL);
	iommusim_kernel_arena(fixture_kernel, &base, &length);
	assert_true(length >= ram / 16);
	assert_int_equal(iommusim_vmm_create(fixture_machine, &config, &vmm), IOMMUSIM_OK);
	for (unsigned i = 0; i < 64; i++) {
		char name[8];

		snprintf(name, sizeof(name), "vm%u", i);
		assert_int_equal(iommusim_vm_create(vmm, name, &vm), IOMMUSIM_OK);
		if (iommusim_vm_setup_memory(vm, &memory) != IOMMUSIM_OK)
			break;
		for (uint64_t gpa = 0; gpa < memory.size; gpa += 0x1000, checked++) {
			assert_int_equal(iommusim_vm_gpa_to_hpa(vm, gpa, &hpa, NULL), IOMMUSIM_OK);
			assert_false(hpa >= base && hpa < base + length);
		}
	}
	assert_true(checked * 0x1000 >= ram / 2);
	iommusim_vmm_destroy(vmm);
	fixture_down(NULL);
}

static void test_guests_of_vmm_are_not_in_the_kernels_memory(void **state)
{
	(void)state;
	guests_and_arena_are_apart(UINT64_C(0x4000000));
	guests_and_arena_are_apart(UINT64_C(0xc000000));
}

/* Where no RAM is low, half of it is the kernel's. */
static void test_a_kernel_on_high_memory_alone(void **state)
{
	uint64_t base, length;

	(void)state;
	assert_int_equal(iommusim_machine_create(NULL, &fixture_machine), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_add(fixture_machine, UINT64_C(0x200000000), 0x800000, IOMMUSIM_MEMORY_RAM),
	    IOMMUSIM_OK);
	fixture_kernel_up(NULL);
	iommusim_kernel_arena(fixture_kernel, &base, &length);
	assert_int_equal(base, UINT64_C(0x200400000));
	assert_int_equal(length, 0x400000);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)
#define TEST_BARE(name) cmocka_unit_test_teardown(name, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_zeroed_page_is_one_page_of_the_machine),
		TEST(test_sizes_are_aligned_as_the_kernel_aligns_them),
		TEST(test_memory_that_is_not_zeroed_holds_rubbish),
		TEST(test_small_blocks_do_not_overlap_and_are_used_again),
		TEST(test_a_double_free_names_the_first),
		TEST(test_what_malloc_did_not_give_cannot_be_freed),
		TEST(test_realloc_keeps_what_was_there),
		TEST(test_contigmalloc_keeps_to_its_limits),
		TEST(test_the_nth_allocation_fails),
		TEST(test_memory_runs_out),
		TEST(test_waiting_is_not_allowed_everywhere),
		TEST(test_a_drivers_own_data_is_physical_memory),
		TEST(test_the_direct_map_covers_memory_and_nothing_else),
		TEST_BARE(test_registers_are_mapped_whole),
		TEST_BARE(test_registers_that_cannot_be_reached_say_so),
		TEST(test_single_pages_are_known_by_their_address),
		TEST(test_blocks_are_listed_with_their_places),
		TEST(test_watchers_hear_of_pages_taken_and_given_back),
		TEST_BARE(test_a_kernel_needs_ram),
		TEST_BARE(test_guests_of_vmm_are_not_in_the_kernels_memory),
		TEST_BARE(test_a_kernel_on_high_memory_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
