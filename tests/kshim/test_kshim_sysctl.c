/* Sysctls and loader variables that really register: read and set by name. */
#include "tests/kshim/fixture.h"

#include "tests/kshim/kern_sysctl.h"

static const struct iommusim_kernel_setting tunables[] = { { "hw.vmm.my_unit.enable", "1" },
	{ "hw.vmm.old_limit", "0x20" }, { "vtd.regmap.0.addr", "0xfed90000" },
	{ "vtd.regmap.1.addr", "4g" } };
static const struct iommusim_kernel_options options = { .tunables = tunables, .tunable_count = 4 };

static int up(void **state)
{
	(void)state;
	kern_count = 3;
	kern_enable = 0;
	kern_limit = 1;
	fixture_machine_up();
	fixture_kernel_up(&options);
	assert_int_equal(iommusim_kernel_boot(fixture_kernel, NULL), IOMMUSIM_OK);
	return 0;
}

static int64_t number(const char *name)
{
	int64_t value = -1;

	assert_int_equal(iommusim_kernel_sysctl_number(fixture_kernel, name, &value), IOMMUSIM_OK);
	return value;
}

static enum iommusim_status set(const char *name, const char *text)
{
	return iommusim_kernel_sysctl_write(fixture_kernel, name, text);
}

static void test_a_variable_is_read_and_set_by_name(void **state)
{
	(void)state;
	assert_int_equal(number("hw.vmm.my_unit.count"), 3);
	kern_count = -4;
	assert_int_equal(number("hw.vmm.my_unit.count"), -4);
	assert_int_equal(set("hw.vmm.my_unit.count", "5"), IOMMUSIM_EOPNOTSUPP);
	assert_int_equal(set("hw.vmm.my_unit.limit", "77"), IOMMUSIM_OK);
	assert_int_equal(kern_limit, 77);
	assert_int_equal(set("hw.vmm.my_unit.limit", "x"), IOMMUSIM_EINVAL);
	assert_int_equal(set("hw.vmm.my_unit.limit", "5000000000"), IOMMUSIM_EINVAL);
	assert_int_equal(set("hw.vmm.my_unit.none", "1"), IOMMUSIM_ENOENT);
	assert_int_equal(number("hw.vmm.my_unit.small"), 65535);
	assert_int_equal(set("hw.vmm.my_unit.small", "65536"), IOMMUSIM_EINVAL);
}

static void test_loader_variables_arrive_at_boot(void **state)
{
	(void)state;
	assert_int_equal(kern_enable, 1);   /* CTLFLAG_TUN, by the sysctl's own name */
	assert_int_equal(kern_limit, 0x20); /* TUNABLE_INT */
	assert_int_equal(set("hw.vmm.my_unit.enable", "0"), IOMMUSIM_EOPNOTSUPP);
}

static void test_getenv_reads_what_is_set(void **state)
{
	unsigned long values[3];

	(void)state;
	fixture_run(kern_read_variables, values);
	assert_int_equal(values[0], 0xfed90000);
	assert_int_equal(values[1], 0x100000000);
	assert_int_equal(values[2], 99);
	assert_int_equal(
	    iommusim_kernel_set_tunable(fixture_kernel, "vtd.regmap.2.addr", "17"), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_kernel_set_tunable(fixture_kernel, "vtd.regmap.0.addr", NULL), IOMMUSIM_OK);
	fixture_run(kern_read_variables, values);
	assert_int_equal(values[0], 99);
	assert_int_equal(values[2], 17);
	assert_null(iommusim_kernel_tunable(fixture_kernel, "vtd.regmap.0.addr"));
	assert_int_equal(iommusim_kernel_set_tunable(fixture_kernel, "", "1"), IOMMUSIM_EINVAL);
}

static void test_handlers_answer_and_may_refuse(void **state)
{
	(void)state;
	assert_int_equal(number("hw.vmm.my_unit.twice"), 64);
	assert_int_equal(set("hw.vmm.my_unit.twice", "10"), IOMMUSIM_OK);
	assert_int_equal(kern_limit, 5);
	assert_int_equal(set("hw.vmm.my_unit.twice", "11"), IOMMUSIM_EINVAL);
	assert_int_equal(kern_limit, 5);
}

static void test_strings(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(set("hw.vmm.my_unit.name", "another"), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_kernel_sysctl_read(fixture_kernel, "hw.vmm.my_unit.name", text, sizeof(text)),
	    IOMMUSIM_OK);
	assert_string_equal(text, "another");
	assert_int_equal(set("hw.vmm.my_unit.name", "much too long for it"), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_kernel_sysctl_read(fixture_kernel, "hw.vmm.my_unit.name", text, 3),
	    IOMMUSIM_EINVAL);
}

static void test_what_is_added_while_running_is_there(void **state)
{
	(void)state;
	fixture_run(kern_add_sysctl, NULL);
	assert_int_equal(number("hw.vmm.my_unit.dynamic"), 1234567890123);
}

static void test_they_are_listed_in_order(void **state)
{
	static const char *const names[] = { "count", "enable", "limit", "name", "small", "twice" };
	char full[64];
	const char *about;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		snprintf(full, sizeof(full), "hw.vmm.my_unit.%s", names[i]);
		assert_string_equal(iommusim_kernel_sysctl_at(fixture_kernel, i, &about), full);
	}
	assert_null(iommusim_kernel_sysctl_at(fixture_kernel, 6, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_variable_is_read_and_set_by_name),
		TEST(test_loader_variables_arrive_at_boot),
		TEST(test_getenv_reads_what_is_set),
		TEST(test_handlers_answer_and_may_refuse),
		TEST(test_strings),
		TEST(test_what_is_added_while_running_is_there),
		TEST(test_they_are_listed_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
