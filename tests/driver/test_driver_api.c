/*
 * How the test API tells of what goes wrong: runs api_cases.c and reads what it prints. The lines of the mistakes
 * are looked up in api_driver.c by their comments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define DRIVER IOMMUSIM_SOURCE_DIR "/tests/driver/api_driver.c"

static char output[1 << 16];

/* Run the cases with these arguments; their output is in `output`, the exit status comes back. */
static int run_by(const char *launcher, const char *arguments)
{
	char command[1024];
	size_t length;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "%s %s %s 2>&1", launcher, CASES, arguments);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	length = fread(output, 1, sizeof(output) - 1, pipe);
	output[length] = '\0';
	status = pclose(pipe);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(const char *arguments)
{
	return run_by("", arguments);
}

static void assert_says(const char *text)
{
	if (strstr(output, text) == NULL)
		fail_msg("\"%s\" is not in:\n%s", text, output);
}

static void assert_never_says(const char *text)
{
	if (strstr(output, text) != NULL)
		fail_msg("\"%s\" is in:\n%s", text, output);
}

/* "api_driver.c:61: " for the line with this comment. */
static void assert_says_line_of(const char *comment)
{
	FILE *file = fopen(DRIVER, "r");
	char line[256], place[64] = "";
	unsigned number = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		number++;
		if (strstr(line, comment) != NULL)
			snprintf(place, sizeof(place), "api_driver.c:%u: ", number);
	}
	fclose(file);
	assert_true(place[0] != '\0');
	assert_says(place);
}

/* The test fails and says so, and the next one passes. */
static void assert_fails(const char *name)
{
	char arguments[128], ending[128];

	snprintf(arguments, sizeof(arguments), "-j 1 %s passes bit_comes_late", name);
	assert_int_equal(run(arguments), 1);
	assert_never_says("ended by signal");
	snprintf(ending, sizeof(ending), "[  FAILED  ] %s\n", name);
	assert_says(ending);
	assert_says("[       OK ] passes\n");
	assert_says("[       OK ] bit_comes_late\n");
	assert_says("[  FAILED  ] 1 test(s), listed below:\n");
}

static void what_is_right_passes(void **state)
{
	(void)state;
	assert_int_equal(
	    run("passes stops_by_itself is_skipped bit_comes_late bare_srtp_is_expected dma_is_lost "
		"memory_error_under_the_root_table allocation_fails interrupt_is_lost"),
	    0);
	assert_says("[==========] 9 test(s) run.\n[  PASSED  ] 8 test(s).\n[  SKIPPED ] 1 test(s).\n");
	assert_says("[  SKIPPED ] is_skipped\n");
	assert_never_says("FAILED");
}

static void a_poll_without_end_says_register_and_bit(void **state)
{
	(void)state;
	assert_fails("loops_for_ever");
	assert_says(
	    "a poll that never ends: GSTS was read 1000000 times in a row, since 0x80000000 was written "
	    "to GCMD\n");
	assert_says("  it stays 0x0 (nothing set)\n  it waits for TES (bit 31) to become 1\n");
	assert_says("api_driver.c:");
}

static void a_bit_that_never_comes_is_the_drivers_to_handle(void **state)
{
	(void)state;
	assert_fails("bit_comes_too_late");
	assert_says("panic: api: TES did not come\n");
	assert_never_says("finding");
}

static void a_poll_of_memory_ends_by_time(void **state)
{
	(void)state;
	assert_int_equal(run("-j 1 -t 1 polls_memory passes"), 1);
	assert_says("the test took too long");
	assert_says("[  FAILED  ] polls_memory\n");
	assert_says("[       OK ] passes\n");
}

static void wild_pointers_say_where(void **state)
{
	(void)state;
	assert_fails("wild_store");
	assert_says(
	    "a wild store into the registers: 4 bytes, 0xdeadbeef, to 0xfed917f0, where the unit has no "
	    "register\n");
	assert_says_line_of("/* the wild store */");
	assert_fails("null_store");
	assert_says("a wild pointer: a store of 0x10 (a null pointer, or a member of one)\n");
	assert_says_line_of("/* the null store */");
}

/* What one of the two ways to catch accesses sees alone. */
static void accesses_that_are_not_as_they_should_be(void **state)
{
	(void)state;
#ifdef ACCESS_hooks
	assert_fails("plain_store");
	assert_says("register accesses that were not volatile: 1, ");
#else
	assert_int_equal(run("plain_store"), 0);
	assert_fails("clears_registers");
	assert_says(": a wild ");
#endif
}

static void a_table_freed_twice_says_both_places(void **state)
{
	(void)state;
	assert_fails("double_free");
	assert_says("is free already: it was freed at ");
	assert_says_line_of("/* the second free */");
}

static void panics_say_message_and_place(void **state)
{
	(void)state;
	assert_fails("panics");
	assert_says("panic: api: out of luck 7\n");
	assert_says_line_of("/* the panic */");
	assert_fails("asserts");
	assert_says("assertion: api: context is 1\n");
	assert_says_line_of("/* the assertion */");
	assert_fails("panics_in_init");
	assert_says("panic: api: panics in init\n");
	assert_says_line_of("/* the panic in init */");
}

static void locks_are_told(void **state)
{
	(void)state;
	assert_fails("panics_with_lock");
	assert_says("panic: api: panicked with a lock\n  locks held: api lock (");
	assert_fails("forgets_lock");
	assert_says("the driver returned with locks held: api lock (");
}

static void findings_say_the_drivers_line(void **state)
{
	(void)state;
	assert_fails("bare_srtp");
	assert_says_line_of("/* the bare SRTP */");
	assert_says(": finding gcmd-drops-bits: ");
	assert_says("GCMD=0x40000000");
	assert_says("1 finding about the driver, above\n");
	assert_fails("finding_that_is_not_there");
	assert_says("the driver gave no cause for the finding gcmd-drops-bits");
}

static void dma_that_is_not_as_expected_is_explained(void **state)
{
	(void)state;
	assert_fails("dma_is_not_ok");
	assert_says("DMA of 7/0/0, write of 0x100000 + 0x40: blocked, expected ok\n");
	assert_says("fault  reason 5h");
	assert_says("why    No call ever gave this address to domain guest.");
}

static void statuses_and_cmockas_own_assertions_are_told(void **state)
{
	(void)state;
	assert_fails("statuses_are_told");
	assert_says("ENOENT, expected OK: there is no function at 09:00.0\n");
	assert_fails("fails_in_cmocka");
	assert_says("0x1 != 0x2\n");
	assert_says("api_cases.c:");
	assert_fails("no_iommu");
	assert_says("hw.vmm.iommu.initialized = 0");
	assert_says("the driver did not initialise: ");
}

static void a_setup_that_cannot_be_says_what_can(void **state)
{
	(void)state;
	assert_fails("ops_of_the_other_shape");
	assert_says(
	    "the driver was compiled without IOMMUSIM_KSHIM_ERROR_OPS: its iommu_ops is .void_ops");
	assert_fails("a_preset_that_is_none");
	assert_says("no preset is called \"skylak\"; there are ");
	assert_says(" skylake-client ");
	assert_says(" zen2-client ");
}

static void the_command_line(void **state)
{
	(void)state;
	assert_int_equal(run("--list 'bare_*'"), 0);
	assert_string_equal(output, "bare_srtp\nbare_srtp_is_expected\n");
	assert_int_equal(run("no_such_test"), 2);
	assert_says("no test of that name");
	assert_int_equal(run("--no-such-option"), 2);
	assert_int_equal(run("-j 0"), 2);
	assert_int_equal(run("--help"), 0);
	assert_says("usage: ");
}

static void tap(void **state)
{
	(void)state;
	assert_int_equal(run("--tap -j 4 passes is_skipped panics"), 1);
	assert_says(
	    "TAP version 13\n1..3\nok 1 - passes\nok 2 - is_skipped # SKIP\nnot ok 3 - panics\n# ");
	assert_says(": panic: api: out of luck 7\n");
}

static void junit(void **state)
{
	static char file_text[1 << 14];
	char name[] = "/tmp/iommusim-junit-XXXXXX", arguments[128];
	FILE *file;
	int made;

	(void)state;
	made = mkstemp(name);
	assert_true(made >= 0);
	snprintf(arguments, sizeof(arguments), "--junit %s passes dma_is_not_ok is_skipped", name);
	assert_int_equal(run(arguments), 1);
	file = fdopen(made, "r");
	assert_non_null(file);
	file_text[fread(file_text, 1, sizeof(file_text) - 1, file)] = '\0';
	fclose(file);
	remove(name);
	memcpy(output, file_text, sizeof(file_text));
	assert_says("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\"");
	assert_says("name=\"dma_is_not_ok\"");
	assert_says("<failure>");
	assert_says("dma 7/0/0 &quot;ppt0&quot; write 0x100000 64");
	assert_says("<skipped>");
	assert_never_says("dma 7/0/0 \"ppt0\"");
}

/* Everything at once, so that whatever of one test could reach another would. */
static void tests_in_parallel_do_not_meet(void **state)
{
	(void)state;
	assert_int_equal(run("-j 8 -t 2"), 1);
	assert_says("[==========] 30 test(s) run.\n[  PASSED  ] ");
	assert_says("[  SKIPPED ] 1 test(s).\n[  FAILED  ] 2");
}

/* For a debugger. Without a process of its own a driver keeps its static state, so these tests have none. */
static void one_process_for_all(void **state)
{
	(void)state;
	assert_int_equal(run("--no-fork double_free"), 1);
	assert_says("is free already: it was freed at ");
	assert_int_equal(run("--no-fork loops_for_ever interrupt_is_lost"), 1);
	assert_says("a poll that never ends: GSTS");
	assert_says("[       OK ] interrupt_is_lost\n");
	assert_int_equal(setenv("IOMMUSIM_TEST_NO_FORK", "1", 1), 0);
	assert_int_equal(run("passes"), 0);
	assert_never_says("[==========] Running 1 test(s) of driver_cases");
	assert_int_equal(unsetenv("IOMMUSIM_TEST_NO_FORK"), 0);
}

static void a_debugger_stops_where_the_driver_is(void **state)
{
	static const char gdb[] =
	    "gdb -nx -batch -ex 'set debuginfod enabled off' "
	    "-ex 'handle SIGSEGV nostop noprint pass' -ex 'break api_double_free' -ex run "
	    "-ex bt --args";

	(void)state;
	if (system("command -v gdb >/dev/null") != 0) {
		print_message("SKIPPED: there is no gdb\n");
		skip();
	}
	run_by(gdb, "double_free 2>&1");
	if (strstr(output, "ptrace: Operation not permitted") != NULL) {
		print_message("SKIPPED: no debugger may run here\n");
		skip();
	}
	assert_says("Breakpoint 1, api_double_free (context=");
	assert_says("in iommusim_test_call_at (");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_passes),
		cmocka_unit_test(a_poll_without_end_says_register_and_bit),
		cmocka_unit_test(a_bit_that_never_comes_is_the_drivers_to_handle),
		cmocka_unit_test(a_poll_of_memory_ends_by_time),
		cmocka_unit_test(wild_pointers_say_where),
		cmocka_unit_test(accesses_that_are_not_as_they_should_be),
		cmocka_unit_test(a_table_freed_twice_says_both_places),
		cmocka_unit_test(panics_say_message_and_place),
		cmocka_unit_test(locks_are_told),
		cmocka_unit_test(findings_say_the_drivers_line),
		cmocka_unit_test(dma_that_is_not_as_expected_is_explained),
		cmocka_unit_test(statuses_and_cmockas_own_assertions_are_told),
		cmocka_unit_test(a_setup_that_cannot_be_says_what_can),
		cmocka_unit_test(the_command_line),
		cmocka_unit_test(tap),
		cmocka_unit_test(junit),
		cmocka_unit_test(tests_in_parallel_do_not_meet),
		cmocka_unit_test(one_process_for_all),
		cmocka_unit_test(a_debugger_stops_where_the_driver_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
