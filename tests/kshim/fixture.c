/* A machine with RAM, and a kernel over it, for the tests of this folder. */
#include "tests/kshim/fixture.h"

struct iommusim_machine *fixture_machine;
struct iommusim_kernel *fixture_kernel;

void fixture_machine_up(void)
{
	assert_int_equal(iommusim_machine_create(NULL, &fixture_machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_add_pc_ram(fixture_machine, FIXTURE_RAM), IOMMUSIM_OK);
}

void fixture_kernel_up(const struct iommusim_kernel_options *options)
{
	assert_int_equal(
	    iommusim_kernel_create(fixture_machine, options, &fixture_kernel), IOMMUSIM_OK);
}

int fixture_up(void **state)
{
	(void)state;
	fixture_machine_up();
	fixture_kernel_up(NULL);
	return 0;
}

int fixture_down(void **state)
{
	(void)state;
	iommusim_kernel_destroy(fixture_kernel);
	iommusim_machine_destroy(fixture_machine);
	fixture_kernel = NULL;
	fixture_machine = NULL;
	return 0;
}

void fixture_run(void (*function)(void *context), void *context)
{
	struct iommusim_kernel_result result;
	const enum iommusim_status status =
	    iommusim_kernel_call(fixture_kernel, function, context, &result);

	assert_string_equal(result.panic.message, "");
	assert_int_equal(status, IOMMUSIM_OK);
}

struct iommusim_kernel_panic fixture_run_to_panic(
    void (*function)(void *context), void *context, const char *words)
{
	struct iommusim_kernel_result result;

	assert_int_equal(
	    iommusim_kernel_call(fixture_kernel, function, context, &result), IOMMUSIM_EFAULT);
	assert_true(result.panicked);
	if (strstr(result.panic.message, words) == NULL)
		assert_string_equal(result.panic.message, words);
	return result.panic;
}
