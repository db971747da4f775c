/* Guest memory: VMs, where a guest address lies in the host, and the hole from 3 to 4 GiB. */
#include "host_fixture.h"

#define CLUSTER (64 * KIB)

static enum iommusim_status set_up(struct iommusim_vm *vm, uint64_t size, bool contiguous)
{
	const struct iommusim_vm_memory memory = { .size = size, .seed = 3, .contiguous = contiguous };

	return iommusim_vm_setup_memory(vm, &memory);
}

static struct iommusim_vm *new_vm(struct host *host, const char *name)
{
	struct iommusim_vm *vm;

	assert_ok(iommusim_vm_create(host->vmm, name, &vm));
	return vm;
}

/* ---- names ----------------------------------------------------------------------------------- */

static void a_vm_is_found_by_name_and_by_number(void **state)
{
	struct iommusim_vm *a, *b;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	a = new_vm(&host, "alpha");
	b = new_vm(&host, "beta");
	assert_ptr_equal(iommusim_vm_find(host.vmm, "alpha"), a);
	assert_ptr_equal(iommusim_vm_find(host.vmm, "beta"), b);
	assert_null(iommusim_vm_find(host.vmm, "alph"));
	assert_ptr_equal(iommusim_vm_at(host.vmm, 0), a);
	assert_ptr_equal(iommusim_vm_at(host.vmm, 1), b);
	assert_null(iommusim_vm_at(host.vmm, 2));
	assert_string_equal(iommusim_vm_name(b), "beta");
	assert_int_equal(iommusim_vm_memory_size(a), 0);
	assert_null(iommusim_vm_domain(a));
	assert_ok(iommusim_vm_destroy(a));
	assert_ptr_equal(iommusim_vm_at(host.vmm, 0), b);
	assert_null(iommusim_vm_find(host.vmm, "alpha"));
	host_stop(&host);
}

static void a_name_has_1_to_39_characters_and_is_given_once(void **state)
{
	char longest[40], too_long[41];
	struct iommusim_vm *vm = NULL;
	struct host host;

	(void)state;
	memset(longest, 'x', 39);
	longest[39] = '\0';
	memset(too_long, 'x', 40);
	too_long[40] = '\0';
	host_start(&host, NULL);
	assert_ok(iommusim_vm_create(host.vmm, longest, NULL)); /* the VM is wanted, not its handle */
	assert_non_null(iommusim_vm_find(host.vmm, longest));
	assert_status(iommusim_vm_create(host.vmm, longest, &vm), IOMMUSIM_EEXIST);
	assert_null(vm);
	assert_status(iommusim_vm_create(host.vmm, too_long, &vm), IOMMUSIM_EINVAL);
	assert_status(iommusim_vm_create(host.vmm, "", &vm), IOMMUSIM_EINVAL);
	assert_status(iommusim_vm_create(host.vmm, "host", &vm), IOMMUSIM_EINVAL); /* its own name */
	assert_null(iommusim_vm_at(host.vmm, 1));
	assert_ok(iommusim_vm_create(host.vmm, "hos", NULL));
	assert_ok(iommusim_vm_create(host.vmm, "host2", NULL));
	host_stop(&host);
}

static void a_name_is_free_again_after_its_vm(void **state)
{
	struct host host;

	(void)state;
	host_start(&host, NULL);
	assert_ok(iommusim_vm_destroy(host_vm(&host, "twice", MIB, 1)));
	assert_ok(iommusim_vm_create(host.vmm, "twice", NULL));
	host_stop(&host);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void memory_comes_once_and_in_pages(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = new_vm(&host, "vm");
	assert_status(set_up(vm, 0, false), IOMMUSIM_EINVAL);
	assert_status(set_up(vm, PAGE + 1, false), IOMMUSIM_EINVAL);
	assert_status(set_up(vm, PAGE / 2, true), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_vm_memory_size(vm), 0);
	assert_ok(set_up(vm, PAGE, false));
	assert_status(set_up(vm, PAGE, false), IOMMUSIM_EEXIST);
	assert_int_equal(iommusim_vm_memory_size(vm), PAGE);
	host_stop(&host);
}

static void more_memory_than_there_is_is_refused(void **state)
{
	static const uint64_t sizes[] = { HOST_RAM, HOST_RAM + PAGE, UINT64_C(1) << 52,
		UINT64_MAX - 4095, UINT64_MAX - 8191, UINT64_MAX - 65535 };
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa;

	(void)state;
	host_start(&host, NULL);
	vm = new_vm(&host, "greedy");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_status(set_up(vm, sizes[i], false), IOMMUSIM_ENOMEM);
		assert_status(set_up(vm, sizes[i], true), IOMMUSIM_ENOMEM);
		assert_int_equal(iommusim_vm_memory_size(vm), 0);
		assert_status(iommusim_vm_gpa_to_hpa(vm, 0, &hpa, NULL), IOMMUSIM_ENOENT);
	}
	assert_ok(set_up(vm, MIB, false));
	host_stop(&host);
}

static void all_that_is_free_can_be_had_and_not_a_page_more(void **state)
{
	struct iommusim_vm *vm, *other;
	struct host host;
	uint64_t size = HOST_RAM;

	(void)state;
	host_start(&host, NULL);
	vm = new_vm(&host, "all");
	other = new_vm(&host, "other");
	while (set_up(vm, size, false) != IOMMUSIM_OK)
		size -= CLUSTER;
	assert_true(size > HOST_RAM / 2);
	assert_status(set_up(other, PAGE, false), IOMMUSIM_ENOMEM);
	assert_ok(iommusim_vm_destroy(vm));
	assert_ok(set_up(other, size - CLUSTER + PAGE, false)); /* which takes as many 64 KiB */
	host_stop(&host);
}

static void memory_goes_back_when_the_vm_goes(void **state)
{
	uint64_t first[32];
	struct host host;

	(void)state;
	host_start(&host, NULL);
	for (unsigned round = 0; round < 20; round++) { /* 20 * 32 MiB out of 64 MiB */
		struct iommusim_vm *vm = host_vm(&host, "vm", 32 * MIB, 5);

		for (unsigned i = 0; i < 32; i++) {
			const uint64_t hpa = host_hpa(vm, i * MIB);

			if (round == 0)
				first[i] = hpa;
			assert_int_equal(hpa, first[i]);
		}
		assert_ok(iommusim_vm_destroy(vm));
	}
	host_stop(&host);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void every_guest_page_is_a_page_of_ram_of_its_own(void **state)
{
	static uint8_t owner[HOST_RAM / PAGE];
	struct iommusim_vm *vms[2];
	struct host host;

	(void)state;
	memset(owner, 0, sizeof(owner));
	host_start(&host, NULL);
	vms[0] = host_vm(&host, "a", 16 * MIB + 12 * KIB, 1);
	vms[1] = host_vm(&host, "b", 16 * MIB, 1);
	for (unsigned v = 0; v < 2; v++)
		for (uint64_t gpa = 0; gpa < iommusim_vm_memory_size(vms[v]); gpa += PAGE) {
			const uint64_t hpa = host_hpa(vms[v], gpa);

			assert_int_equal(hpa % PAGE, 0);
			assert_true(hpa < HOST_RAM);
			assert_int_equal(owner[hpa / PAGE], 0);
			owner[hpa / PAGE] = 1;
		}
	host_stop(&host);
}

static void an_address_keeps_its_offset_in_the_page(void **state)
{
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_vm(&host, "vm", MIB, 1);
	assert_int_equal(host_hpa(vm, 0x12345), host_hpa(vm, 0x12000) + 0x345);
	assert_int_equal(host_hpa(vm, MIB - 1), host_hpa(vm, MIB - PAGE) + 0xfff);
	host_stop(&host);
}

static void scattered_memory_runs_to_the_end_of_64_kib(void **state)
{
	struct iommusim_vm *vm;
	uint64_t hpa, run;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .ram = 8 * GIB });
	vm = host_vm(&host, "vm", 16 * CLUSTER + 8 * KIB, 2);
	for (uint64_t gpa = 0; gpa < 16 * CLUSTER; gpa += CLUSTER) {
		assert_ok(iommusim_vm_gpa_to_hpa(vm, gpa, &hpa, &run));
		assert_int_equal(run, CLUSTER);
		assert_ok(iommusim_vm_gpa_to_hpa(vm, gpa + 0x1234, &hpa, &run));
		assert_int_equal(run, CLUSTER - 0x1234);
	}
	assert_ok(iommusim_vm_gpa_to_hpa(vm, 16 * CLUSTER + 1, &hpa, &run));
	assert_int_equal(run, 8 * KIB - 1); /* the last run ends with the guest's memory */
	host_stop(&host);
}

static void memory_ends_where_it_ends(void **state)
{
	struct iommusim_vm *vm;
	uint64_t hpa, run;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_vm(&host, "vm", 3 * PAGE, 2);
	assert_ok(iommusim_vm_gpa_to_hpa(vm, 3 * PAGE - 1, &hpa, &run));
	assert_int_equal(run, 1);
	assert_status(iommusim_vm_gpa_to_hpa(vm, 3 * PAGE, &hpa, &run), IOMMUSIM_ENOENT);
	assert_status(iommusim_vm_gpa_to_hpa(vm, 4 * GIB, &hpa, &run), IOMMUSIM_ENOENT);
	assert_status(iommusim_vm_gpa_to_hpa(vm, UINT64_MAX, &hpa, &run), IOMMUSIM_ENOENT);
	host_stop(&host);
}

static void a_large_guest_goes_on_above_the_hole(void **state)
{
	struct iommusim_vm *vm;
	uint64_t below, above, hpa, run;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .ram = 8 * GIB });
	vm = host_vm(&host, "vm", 3 * GIB + 2 * MIB, 2);
	below = host_hpa(vm, 3 * GIB - PAGE);
	above = host_hpa(vm, 4 * GIB);
	assert_int_not_equal(below, above);
	assert_ok(iommusim_vm_gpa_to_hpa(vm, 3 * GIB - PAGE, &hpa, &run));
	assert_int_equal(run, PAGE);
	assert_status(iommusim_vm_gpa_to_hpa(vm, 3 * GIB, &hpa, &run), IOMMUSIM_ENOENT);
	assert_status(iommusim_vm_gpa_to_hpa(vm, 4 * GIB - 1, &hpa, &run), IOMMUSIM_ENOENT);
	assert_ok(iommusim_vm_gpa_to_hpa(vm, 4 * GIB + 2 * MIB - 1, &hpa, &run));
	assert_status(iommusim_vm_gpa_to_hpa(vm, 4 * GIB + 2 * MIB, &hpa, &run), IOMMUSIM_ENOENT);
	host_stop(&host);
}

static void a_guest_of_exactly_3_gib_has_nothing_above(void **state)
{
	struct iommusim_vm *vm;
	uint64_t hpa;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .ram = 8 * GIB });
	vm = host_vm(&host, "vm", 3 * GIB, 2);
	assert_ok(iommusim_vm_gpa_to_hpa(vm, 3 * GIB - 1, &hpa, NULL));
	assert_status(iommusim_vm_gpa_to_hpa(vm, 4 * GIB, &hpa, NULL), IOMMUSIM_ENOENT);
	host_stop(&host);
}

static void contiguous_memory_is_one_run_up_to_the_hole_and_one_after(void **state)
{
	struct iommusim_vm *vm;
	uint64_t low, high, run;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .ram = 8 * GIB });
	vm = new_vm(&host, "vm");
	assert_ok(set_up(vm, 3 * GIB + 16 * MIB, true));
	assert_ok(iommusim_vm_gpa_to_hpa(vm, 0, &low, &run));
	assert_int_equal(run, 3 * GIB); /* to the hole, though the host's pages go on */
	assert_ok(iommusim_vm_gpa_to_hpa(vm, GIB + 5, &low, &run));
	assert_int_equal(run, 2 * GIB - 5);
	assert_ok(iommusim_vm_gpa_to_hpa(vm, 4 * GIB, &high, &run));
	assert_int_equal(run, 16 * MIB);
	assert_int_equal(high, host_hpa(vm, 0) + 3 * GIB);
	host_stop(&host);
}

static void adjacent_clusters_make_one_run_even_when_they_came_one_by_one(void **state)
{
	struct iommusim_vm *vm;
	uint64_t hpa, run, sum = 0;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	vm = host_vm(&host, "vm", 24 * MIB, 3); /* so much of the host that some lie side by side */
	for (uint64_t gpa = 0; gpa < 24 * MIB; gpa += run) {
		assert_ok(iommusim_vm_gpa_to_hpa(vm, gpa, &hpa, &run));
		for (uint64_t in = 0; in < run; in += PAGE)
			assert_int_equal(host_hpa(vm, gpa + in), hpa + in);
		if (gpa + run < 24 * MIB)
			assert_int_not_equal(host_hpa(vm, gpa + run), hpa + run);
		sum += run;
	}
	assert_int_equal(sum, 24 * MIB);
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vm_is_found_by_name_and_by_number),
		cmocka_unit_test(a_name_has_1_to_39_characters_and_is_given_once),
		cmocka_unit_test(a_name_is_free_again_after_its_vm),
		cmocka_unit_test(memory_comes_once_and_in_pages),
		cmocka_unit_test(more_memory_than_there_is_is_refused),
		cmocka_unit_test(memory_goes_back_when_the_vm_goes),
		cmocka_unit_test(every_guest_page_is_a_page_of_ram_of_its_own),
		cmocka_unit_test(an_address_keeps_its_offset_in_the_page),
		cmocka_unit_test(scattered_memory_runs_to_the_end_of_64_kib),
		cmocka_unit_test(memory_ends_where_it_ends),
		cmocka_unit_test(a_large_guest_goes_on_above_the_hole),
		cmocka_unit_test(a_guest_of_exactly_3_gib_has_nothing_above),
		cmocka_unit_test(contiguous_memory_is_one_run_up_to_the_hole_and_one_after),
		cmocka_unit_test(adjacent_clusters_make_one_run_even_when_they_came_one_by_one),
		cmocka_unit_test(all_that_is_free_can_be_had_and_not_a_page_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
