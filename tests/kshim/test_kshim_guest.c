/* What users of vmm do to VMs, where the program has no vmm; and where it has a part of one. */
#include "tests/kshim/fixture.h"

#include "tests/kshim/kern_guest.h"

#define ENXIO_OF_THE_KERNEL  6
#define ENOMEM_OF_THE_KERNEL 12

static char one, other; /* two VMs */

#ifdef OWN_VMM
/* A part of vmm that the program has itself. */
struct vm;
void *vm_iommu_domain(struct vm *vm);
void *vm_iommu_domain(struct vm *vm)
{
	return (void *)vm == (void *)&one ? &one : NULL;
}

/* And a ppt, which has function 2/0/3. */
int ppt_assign_device(struct vm *vm, int bus, int slot, int func);
int ppt_unassign_device(struct vm *vm, int bus, int slot, int func);

int ppt_assign_device(struct vm *vm, int bus, int slot, int func)
{
	return (void *)vm == (void *)&one && bus == 2 && slot == 0 && func == 3 ? 0 : 2;
}

int ppt_unassign_device(struct vm *vm, int bus, int slot, int func)
{
	return ppt_assign_device(vm, bus, slot, func) == 0 ? 0 : 16;
}
#endif

static int map(void *vm, uint64_t gpa, size_t len, uint64_t hpa)
{
	struct kern_window window = { .vm = vm, .gpa = gpa, .len = len, .hpa = hpa, .error = -1 };

	fixture_run(kern_guest_map, &window);
	return window.error;
}

static int unmap(void *vm, uint64_t gpa, size_t len)
{
	struct kern_window window = { .vm = vm, .gpa = gpa, .len = len, .error = -1 };

	fixture_run(kern_guest_unmap, &window);
	return window.error;
}

static bool has_domain(void *vm)
{
	struct kern_window window = { .vm = vm };

	fixture_run(kern_guest_domain, &window);
	return window.error != 0;
}

/* "gpa+length->hpa ..." of all windows, in hexadecimal. */
static void assert_windows(const void *vm, const char *expected)
{
	struct iommusim_kernel_vm_window window;
	char text[256] = "";
	size_t used = 0;

	for (size_t i = 0; iommusim_kernel_vm_window_at(fixture_kernel, vm, i, &window) == IOMMUSIM_OK;
	     i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%llx+%llx->%llx ",
		    (unsigned long long)window.gpa, (unsigned long long)window.length,
		    (unsigned long long)window.hpa);
	assert_string_equal(text, expected);
}

static void test_windows_come_in_order_and_are_each_vms_own(void **state)
{
	(void)state;
	assert_int_equal(map(&one, 0xc0010000, 0x2000, 0xfe000000), 0);
	assert_int_equal(map(&one, 0xc0000000, 0x1000, 0xfd000000), 0);
	assert_int_equal(map(&other, 0xc0000000, 0x1000, 0xfc000000), 0);
	assert_windows(&one, "c0000000+1000->fd000000 c0010000+2000->fe000000 ");
	assert_windows(&other, "c0000000+1000->fc000000 ");
}

static void test_what_is_refused(void **state)
{
	(void)state;
	assert_int_equal(map(&one, 0xc0001000, 0x3000, 0xfe000000), 0);
	assert_int_equal(
	    map(&one, 0xc0003000, 0x2000, 0xfd000000), ENOMEM_OF_THE_KERNEL); /* overlaps */
	assert_int_equal(map(&one, 0xc0000000, 0x2000, 0xfd000000), ENOMEM_OF_THE_KERNEL);
	assert_int_equal(map(&one, 0xd0000010, 0x1000, 0xfd000000), ENOMEM_OF_THE_KERNEL);
	assert_int_equal(map(&one, 0xd0000000, 0x10, 0xfd000000), ENOMEM_OF_THE_KERNEL);
	assert_int_equal(map(&one, 0xd0000000, 0x1000, 0xfd000800), ENOMEM_OF_THE_KERNEL);
	assert_int_equal(map(&one, 0xd0000000, 0, 0xfd000000), ENOMEM_OF_THE_KERNEL);
	assert_int_equal(map(&one, 0xfffffffffffff000, 0x2000, 0), ENOMEM_OF_THE_KERNEL);
	iommusim_kernel_fail_allocation(fixture_kernel, IOMMUSIM_KERNEL_MALLOC, 1, false);
	assert_int_equal(map(&one, 0xd0000000, 0x1000, 0xfd000000), ENOMEM_OF_THE_KERNEL);
	assert_windows(&one, "c0001000+3000->fe000000 ");
	assert_int_equal(map(&one, 0xc0004000, 0x1000, 0xfd000000), 0); /* side by side */
}

static void test_any_part_can_be_taken_away(void **state)
{
	(void)state;
	assert_int_equal(unmap(&one, 0xc0000000, 0x1000), 0); /* of nothing */
	assert_int_equal(map(&one, 0xc0000000, 0x8000, 0xfe000000), 0);
	assert_int_equal(map(&one, 0xc0008000, 0x2000, 0xfd000000), 0);
	assert_int_equal(unmap(&one, 0xc0002000, 0x1000), 0);
	assert_windows(
	    &one, "c0000000+2000->fe000000 c0003000+5000->fe003000 c0008000+2000->fd000000 ");
	assert_int_equal(unmap(&one, 0xc0001000, 0x8000), 0);
	assert_windows(&one, "c0000000+1000->fe000000 c0009000+1000->fd001000 ");
	assert_int_equal(unmap(&one, 0, 0x100000000), 0);
	assert_windows(&one, "");
}

static void test_messages_are_noted_in_order(void **state)
{
	struct kern_window first = { .vm = &one, .gpa = 0xfee01000, .hpa = 0x31 };
	struct kern_window second = { .vm = &one, .gpa = 0xfee00000, .hpa = 0x4041 };
	struct iommusim_kernel_vm_message message;

	(void)state;
	assert_int_equal(
	    iommusim_kernel_vm_message_at(fixture_kernel, &one, 0, &message), IOMMUSIM_ENOENT);
	fixture_run(kern_guest_message, &first);
	fixture_run(kern_guest_message, &second);
	assert_int_equal(first.error, 0);
	assert_int_equal(iommusim_kernel_vm_message_at(fixture_kernel, &one, 0, &message), IOMMUSIM_OK);
	assert_int_equal(message.address, 0xfee01000);
	assert_int_equal(message.data, 0x31);
	assert_int_equal(iommusim_kernel_vm_message_at(fixture_kernel, &one, 1, &message), IOMMUSIM_OK);
	assert_int_equal(message.data, 0x4041);
	assert_int_equal(
	    iommusim_kernel_vm_message_at(fixture_kernel, &one, 2, &message), IOMMUSIM_ENOENT);
	assert_int_equal(
	    iommusim_kernel_vm_message_at(fixture_kernel, &other, 0, &message), IOMMUSIM_ENOENT);
}

static void test_the_domain_is_what_the_program_says(void **state)
{
	(void)state;
	assert_int_equal(iommusim_kernel_set_vm_domain(fixture_kernel, NULL, &other), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_kernel_set_vm_domain(fixture_kernel, &other, &other), IOMMUSIM_OK);
#ifdef OWN_VMM
	assert_true(has_domain(&one));
	assert_false(has_domain(&other)); /* nobody asks what the test has said */
#else
	assert_false(has_domain(&one));
	assert_true(has_domain(&other));
	assert_int_equal(iommusim_kernel_set_vm_domain(fixture_kernel, &other, NULL), IOMMUSIM_OK);
	assert_false(has_domain(&other));
#endif
}

static void test_devices_are_ppts_to_give(void **state)
{
	struct kern_window window = { .vm = &one, .len = 3 };

	(void)state;
	fixture_run(kern_guest_assign, &window);
#ifdef OWN_VMM
	assert_int_equal(window.error, 0);
	window.len = 4;
	fixture_run(kern_guest_assign, &window);
	assert_int_equal(window.error, 2);
	fixture_run(kern_guest_unassign, &window);
	assert_int_equal(window.error, 16);
#else
	assert_int_equal(window.error, ENXIO_OF_THE_KERNEL); /* there is no ppt */
	fixture_run(kern_guest_unassign, &window);
	assert_int_equal(window.error, ENXIO_OF_THE_KERNEL);
#endif
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_windows_come_in_order_and_are_each_vms_own),
		TEST(test_what_is_refused),
		TEST(test_any_part_can_be_taken_away),
		TEST(test_messages_are_noted_in_order),
		TEST(test_the_domain_is_what_the_program_says),
		TEST(test_devices_are_ppts_to_give),
	};

	return cmocka_run_group_tests_name("kshim_guest", tests, NULL, NULL);
}
