/* `iommusim import` from outside: options, exit codes, what standard error says, compressed input. */
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "command_run.h"
#include "import/imported.h"

/* What the last one wrote, until the next. */
static struct command_run last;

/* The words behind `iommusim import`, separated by blanks; @ stands for the samples, % for the test's folder. */
static const struct command_run *run(const char *words)
{
	char line[1024] = "import ";
	size_t length = strlen(line);

	for (; *words != '\0'; words++)
		length += (size_t)snprintf(line + length, sizeof(line) - length, "%s%.*s",
		    *words == '@'       ? SAMPLES
			: *words == '%' ? folder_path("")
					: "",
		    *words != '@' && *words != '%', words);
	assert_true(length < sizeof(line));
	command_run_free(&last);
	last = command_run_line(command_import, line);
	return &last;
}

static void the_trace_goes_where_it_is_asked_for(void **state)
{
	const struct command_run *ran = run("ftrace @linux.trace");
	size_t length;
	char *written;

	(void)state;
	assert_int_equal(ran->code, 0);
	assert_int_equal(strncmp(ran->output, "#!iommusim 1\n", 13), 0);
	written = strdup(ran->output);
	ran = run("ftrace --output %/out.iommu @linux.trace");
	assert_int_equal(ran->code, 0);
	assert_string_equal(ran->output, "");
	{
		char *other = file_read(folder_path("out.iommu"), &length);

		assert_string_equal(other, written);
		free(other);
	}
	free(written);
	ran = run("ftrace -o %/none/out.iommu @linux.trace");
	assert_int_equal(ran->code, 2);
	assert_contains(ran->errors, "out.iommu cannot be written: No such file or directory");
}

static void standard_error_says_what_is_missing(void **state)
{
	const struct command_run *ran = run("ftrace @linux.trace");

	(void)state;
	assert_contains(
	    ran->errors, "linux.trace:32:79: an event that cannot be read; kept as a comment\n");
	assert_contains(ran->errors, "linux.trace:36:1: no trace event; kept as a comment\n");
	assert_contains(ran->errors, "linux.trace: 43 lines, 21 statements\n");
	assert_contains(ran->errors, "\n  2 events cannot be read: comments\n");
	assert_contains(ran->errors, "\n  1 line is not understood: a comment\n");
	assert_contains(
	    ran->errors, "\n  events are missing in 3 places, 24 by the capture's own count\n");
	ran = run("ftrace --strict @linux.trace");
	assert_int_equal(ran->code, 1);
	assert_int_equal(strncmp(ran->output, "#!iommusim 1\n", 13), 0);
}

static void compressed_input_is_read(void **state)
{
	const struct command_run *ran;

	(void)state;
	folder_write("log.gz", "vtd_reg_write addr 0x18 size 0x4 value 0x0\n");
	ran = run("qemu --strict %/log.gz");
	assert_int_equal(ran->code, 0);
	assert_contains(ran->output, "\nmmio_write32(0xfed90018, 0x0)  # 1\n");
}

static void options_reach_the_importer(void **state)
{
	const struct command_run *ran = run("dtrace --keep-pages --memory 2G --iommu amdvi @bhyve.txt");

	(void)state;
	assert_contains(ran->output, "\nmachine(iommu=amdvi, memory=2G)\n");
	assert_contains(ran->output, "iommu_create_mapping(dom1, 0x1000, 0x100001000, 0x1000)");
	ran = run("qemu --dma @qemu-vtd.log");
	assert_contains(ran->output, "\ndma(0x0038, read, 0x1000, 1)  expect fault(6)");
	ran = run("ftrace --device 00:03.0 @linux.trace");
	assert_contains(ran->output, "# 30: 3.000007, no probe says which domain\n");
}

static void wrong_usage_is_refused(void **state)
{
	static const struct {
		const char *words;
		const char *complaint;
	} cases[] = {
		{ "", "expected dtrace, ftrace or qemu, and a file" },
		{ "ftrace", "expected one file" },
		{ "ftrace a b", "expected one file" },
		{ "perf a", "perf: expected dtrace, ftrace or qemu" },
		{ "ftrace --loud a", "unknown option --loud" },
		{ "ftrace -o", "-o needs a value" },
		{ "ftrace --iommu arm a", "--iommu arm: expected vtd or amdvi" },
		{ "ftrace --memory much a", "--memory much: expected a size such as 8G" },
		{ "ftrace --memory 0 a", "--memory 0: expected a size" },
		{ "ftrace --device 03:00 @linux.trace", "--device `03:00`: expected a device" },
		{ "ftrace %/nothing", "nothing:0:0: cannot be opened: No such file or directory" },
		{ "ftrace -o %/refused @qemu-vtd.log",
		    "qemu-vtd.log:1:1: no line of this capture can be read: expected lines of /sys/kernel" },
		{ "dtrace @linux.trace", "expected what docs/capture/vmm-iommu.d prints" },
		{ "qemu @linux.trace",
		    "linux.trace:1:1: no line of this capture can be read: expected lines of QEMU" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct command_run *ran = run(cases[i].words);

		assert_int_equal(ran->code, 2);
		assert_string_equal(ran->output, "");
		assert_contains(ran->errors, cases[i].complaint);
	}
	assert_int_equal(access(folder_path("refused"), F_OK), -1);
	assert_int_equal(run("--help")->code, 0);
}

/* Not a terminal: a line a second, and none before the first has passed. */
static void long_work_says_how_far_it_is(void **state)
{
	enum { LINES = 2000000 };
	const struct command_run *ran;
	const char *errors;
	unsigned reports = 0;
	FILE *stream = fopen(folder_path("long.log"), "wb");

	(void)state;
	assert_non_null(stream);
	for (unsigned i = 0; i < LINES; i++)
		fputs("vtd_inv_desc_iotlb_pages iotlb invalidate domain 0x7 addr 0xfff3f000 mask 0x0\n",
		    stream);
	fclose(stream);
	ran = run("qemu -o /dev/null %/long.log");
	assert_int_equal(ran->code, 0);
	for (errors = ran->errors; strncmp(errors, "importing capture  ", 19) == 0; reports++) {
		assert_non_null(strstr(errors, " s left\n"));
		errors = strchr(errors, '\n') + 1;
	}
	assert_contains(errors, "long.log: 2000000 lines, 2 statements\n");
	assert_true(reports < 1000);
	assert_null(strstr(ran->errors, "\033"));
}

static int clean_up(void **state)
{
	command_run_free(&last);
	return folder_remove(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_trace_goes_where_it_is_asked_for),
		cmocka_unit_test(standard_error_says_what_is_missing),
		cmocka_unit_test(compressed_input_is_read),
		cmocka_unit_test(options_reach_the_importer),
		cmocka_unit_test(wrong_usage_is_refused),
		cmocka_unit_test(long_work_says_how_far_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, clean_up);
}
