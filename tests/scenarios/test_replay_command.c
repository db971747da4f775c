/* `iommusim replay`: exit codes, what it prints, JSON, options, folders, compressed files. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <json-c/json.h>
#include <zlib.h>

#include "command.h"
#include "scenarios/story.h"

#define BLOCKED_DMA                                                                                    \
	STORY_MACHINE "iommu_create_domain(1G) = d\niommu_add_device(d, 0x0700)\n"                     \
		      "dma(7/0/0, write, 0x1000, 4)"

static char folder[] = "/tmp/iommusim-replay-XXXXXX";

struct run {
	int code;
	char *output;
	char *errors;
};

static char *path_of(const char *name)
{
	char *path = malloc(sizeof(folder) + strlen(name) + 1);

	assert_non_null(path);
	sprintf(path, "%s/%s", folder, name);
	return path;
}

static char *write_file(const char *name, const char *text)
{
	char *path = path_of(name);
	FILE *stream = fopen(path, "wb");

	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
	return path;
}

/* Send a stream to a new file; what it was before comes back. */
static int divert(FILE *stream, FILE *to)
{
	const int saved = dup(fileno(stream));

	fflush(stream);
	dup2(fileno(to), fileno(stream));
	return saved;
}

static char *restore(FILE *stream, FILE *to, int saved)
{
	char *text = malloc((size_t)1 << 20);

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	rewind(to);
	assert_non_null(text);
	text[fread(text, 1, ((size_t)1 << 20) - 1, to)] = '\0';
	fclose(to);
	return text;
}

/* Arguments behind `replay`, ended by NULL. */
static struct run run(const char *first, ...)
{
	FILE *output = tmpfile(), *errors = tmpfile();
	char *argv[16] = { strdup("replay"), first == NULL ? NULL : strdup(first) };
	struct run result;
	va_list arguments;
	int argc = first == NULL ? 1 : 2, saved_output, saved_errors;

	va_start(arguments, first);
	while (first != NULL && (first = va_arg(arguments, const char *)) != NULL)
		argv[argc++] = strdup(first);
	va_end(arguments);
	assert_non_null(output);
	assert_non_null(errors);
	saved_output = divert(stdout, output);
	saved_errors = divert(stderr, errors);
	result.code = command_replay(argc, argv);
	result.errors = restore(stderr, errors, saved_errors);
	result.output = restore(stdout, output, saved_output);
	while (argc > 0)
		free(argv[--argc]);
	return result;
}

static void done(struct run *result)
{
	free(result->output);
	free(result->errors);
}

#define assert_contains(text, part)                                                                    \
	do {                                                                                           \
		if (strstr(text, part) == NULL)                                                        \
			print_message("%s\n", text);                                                   \
		assert_non_null(strstr(text, part));                                                   \
	} while (0)

/* The walk of its address as memory allows it: that says nothing about a cache. */
static void a_denied_message_is_not_blamed_on_a_cache(void **state)
{
	char *file = write_file("message.iommu",
	    STORY_HEADER "machine(iommu=amdvi, memory=256M, preset=\"zen2-client\")\n"
			 "device(1/0/0, \"nic\")\n"
			 "mmio_write64(0xfeb80018, 0x400001)\n" /* SmiFEn, IommuEn */
			 "dma(1/0/0, write, 0xfee00000, 4) expect ok\n");
	struct run result;

	(void)state;
	result = run(file, NULL);
	assert_int_equal(result.code, 1);
	assert_contains(result.output, "BLOCKED\n");
	assert_contains(result.output, "no SMI filter register has the device");
	assert_null(strstr(result.output, "  cached "));
	done(&result);
	free(file);
}

static void exit_codes(void **state)
{
	char *good = write_file("good.iommu", BLOCKED_DMA " expect blocked\n");
	char *bad = write_file("bad.iommu", BLOCKED_DMA "\n");
	char *wrong = write_file("wrong.iommu", BLOCKED_DMA " expect ok\n");
	char *broken = write_file("broken.iommu", STORY_MACHINE "step(\n");
	char *huge = write_file("huge.iommu", STORY_HEADER "machine(iommu=none, memory=2048T)\n");
	struct run result;

	(void)state;
	result = run(good, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "VT-d, 2 units, 256 MiB, vmm reference, cache hoard\n");
	assert_contains(result.output, "BLOCKED\n");
	assert_contains(result.output, "\n4 calls, 1 DMA: 1 blocked. 1 expectation met.\n");
	assert_string_equal(result.errors, "");
	done(&result);
	result = run(bad, NULL);
	assert_int_equal(result.code, 1);
	assert_contains(result.output, "1 blocked. 1 DMA nobody expected.\n");
	done(&result);
	result = run(wrong, NULL);
	assert_int_equal(result.code, 1);
	assert_contains(result.output, "expected ok; came blocked, fault(0x5)");
	assert_contains(result.output, "1 expectation NOT met.\n");
	done(&result);
	result = run(broken, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(
	    result.errors, "/broken.iommu:3:6: expected a value, found the end of the line\n");
	done(&result);
	result = run(huge, NULL);
	assert_int_equal(result.code, 3);
	assert_contains(result.errors, "/huge.iommu:2:1: out of memory\n");
	done(&result);
	/* The worst of several counts. */
	result = run(good, broken, bad, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.output, "\n3 files: 9 calls, 2 DMAs: 2 blocked. 1 expectation met.");
	done(&result);
	free(good);
	free(bad);
	free(wrong);
	free(broken);
	free(huge);
}

static void usage(void **state)
{
	struct run result = run(NULL);

	(void)state;
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "no file given");
	done(&result);
	result = run("--help", NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "usage: iommusim replay");
	done(&result);
	result = run("--frob", "x", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "unknown option --frob");
	done(&result);
	result = run("--vmm", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "--vmm needs a value");
	done(&result);
	result = run("--vmm", "13.9", "x", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "13.0");
	done(&result);
	result = run("--cache", "hord", "x", NULL);
	assert_int_equal(result.code, 2);
	done(&result);
	result = run("--seed", "12x", "x", NULL);
	assert_int_equal(result.code, 2);
	done(&result);
	result = run("/nowhere/at-all.iommu", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/nowhere/at-all.iommu:0:0: cannot be opened");
	done(&result);
}

/* The last line of an output, as JSON. */
static struct json_object *last_line(const char *text)
{
	const char *end = text + strlen(text), *start = end - 1;
	struct json_object *object;

	assert_true(end > text && end[-1] == '\n');
	while (start > text && start[-1] != '\n')
		start--;
	object = json_tokener_parse(start);
	assert_non_null(object);
	return object;
}

static int64_t number_at(struct json_object *object, const char *path)
{
	char *copy = strdup(path), *rest = copy, *name;

	while ((name = strsep(&rest, "/")) != NULL)
		if (!json_object_object_get_ex(object, name, &object))
			fail_msg("no %s", path);
	free(copy);
	return json_object_get_int64(object);
}

static void json(void **state)
{
	char *good = write_file("good.iommu", BLOCKED_DMA " expect blocked\n");
	char *broken = write_file("broken.iommu", BLOCKED_DMA "\nstep(\n");
	struct run result = run("--json", good, NULL);
	struct json_object *object = last_line(result.output), *summary;

	(void)state;
	assert_int_equal(result.code, 0);
	assert_true(strncmp(result.output, "{\"dma\":{", 8) == 0);
	assert_true(json_object_object_get_ex(object, "summary", &summary));
	assert_int_equal(number_at(summary, "calls"), 4);
	assert_int_equal(number_at(summary, "dma/total"), 1);
	assert_int_equal(number_at(summary, "dma/blocked"), 1);
	assert_int_equal(number_at(summary, "dma/ok") + number_at(summary, "dma/lost") +
		number_at(summary, "dma/stale") + number_at(summary, "dma/breach") +
		number_at(summary, "dma/misrouted") + number_at(summary, "dma/unprotected"),
	    0);
	assert_int_equal(number_at(summary, "expectations/met"), 1);
	assert_int_equal(number_at(summary, "expectations/failed"), 0);
	assert_int_equal(number_at(summary, "sysctl/hw.vmm.iommu.initialized"), 1);
	assert_true(json_object_object_get_ex(summary, "findings", NULL));
	json_object_put(object);
	done(&result);

	result = run("--json", good, broken, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.output, "{\"error\":{\"file\":");
	object = last_line(result.output);
	assert_int_equal(number_at(object, "total/files"), 2);
	assert_int_equal(number_at(object, "total/calls"), 8);
	assert_int_equal(number_at(object, "total/dma/blocked"), 2);
	json_object_put(object);
	done(&result);
	free(good);
	free(broken);
}

static void options_win_over_the_trace(void **state)
{
	char *file = write_file(
	    "options.iommu", STORY_HEADER "machine(iommu=vtd, memory=64M, vmm=\"13.0\", cache=none)\n");
	struct run result = run(file, NULL);

	(void)state;
	assert_contains(result.output, "vmm 13.0, cache none");
	done(&result);
	result = run("--vmm", "reference", "--cache=adverse", "--seed", "0x5", "--drop-invalidations",
	    file, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "vmm reference, cache adverse");
	done(&result);
	free(file);
}

static void folders_and_compressed_files(void **state)
{
	char *inner = path_of("many"), *deeper = path_of("many/b"),
	     *packed = path_of("packed.iommu.gz");
	char *files[] = { NULL, NULL, NULL, NULL };
	struct run result;
	const char *at;
	gzFile stream;

	(void)state;
	mkdir(inner, 0700);
	mkdir(deeper, 0700);
	files[0] = write_file("many/z.iommu", STORY_MACHINE);
	files[1] = write_file("many/B.iommu", STORY_MACHINE);
	files[2] = write_file("many/b/a.iommu", STORY_MACHINE);
	files[3] = write_file("many/notes.txt", "not a trace");
	result = run(inner, NULL);
	assert_int_equal(result.code, 0);
	at = strstr(result.output, "many/B.iommu   ");
	assert_non_null(at);
	at = strstr(at, "many/b/a.iommu   ");
	assert_non_null(at);
	assert_non_null(strstr(at, "many/z.iommu   "));
	assert_contains(result.output, "3 files: 3 calls");
	done(&result);
	for (unsigned i = 0; i < 4; i++)
		free(files[i]);
	stream = gzopen(packed, "wb");
	gzputs(stream, STORY_MACHINE "step(1)\n");
	gzclose(stream);
	result = run(packed, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "2 calls");
	done(&result);
	truncate(packed, 40);
	result = run(packed, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "cannot be read");
	done(&result);
	free(inner);
	free(deeper);
	free(packed);
}

static void recording(void **state)
{
	char *file = write_file("story.iommu", BLOCKED_DMA " expect blocked\n");
	char *out = path_of("out.iommu");
	struct run result = run("--record", out, file, NULL);

	(void)state;
	assert_int_equal(result.code, 0);
	done(&result);
	result = run(out, NULL);
	assert_int_equal(result.code, 0); /* it expects what the story expected */
	assert_contains(result.output, "4 calls, 1 DMA: 1 blocked. 1 expectation met.");
	done(&result);
	result = run("--record", out, file, file, NULL);
	assert_int_equal(result.code, 2);
	done(&result);
	result = run("--record", "/nowhere/out.iommu", file, NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "/nowhere/out.iommu cannot be written");
	done(&result);
	free(file);
	free(out);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
	char command[sizeof(folder) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(usage),
		cmocka_unit_test(json),
		cmocka_unit_test(options_win_over_the_trace),
		cmocka_unit_test(a_denied_message_is_not_blamed_on_a_cache),
		cmocka_unit_test(folders_and_compressed_files),
		cmocka_unit_test(recording),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
