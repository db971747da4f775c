/* `iommusim walk` on checkpoints of a real driver: every mapping it says is live, and its interrupts. */
#include <inttypes.h>
#include <unistd.h>

#include <zlib.h>

#include "walk_run.h"

enum { LONGEST_LINE = 4096 };

#define RECORDINGS IOMMUSIM_SHARED "/recordings"

static bool there(const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), RECORDINGS "/%s/ckpt3/pages.jsonl.gz", name);
	if (access(path, R_OK) == 0)
		return true;
	print_message("SKIPPED: %s is not here\n", path);
	return false;
}

static struct json_object *parse_file(const char *path)
{
	struct json_object *object;
	size_t length;
	char *content = file_read(path, &length);

	assert_true(content != NULL && length > 0);
	object = json_tokener_parse(content);
	assert_non_null(object);
	free(content);
	return object;
}

/* The options that make the machine of a checkpoint. */
static void machine_of(const char *folder, char *options, size_t size)
{
	struct json_object *state;
	char path[1024];
	size_t length;

	snprintf(path, sizeof(path), "%s/state.json", folder);
	state = parse_file(path);
	length = (size_t)snprintf(options, size,
	    "--json --memory %s/pages.jsonl.gz --platform %s/../platform.json", folder, folder);
	if (strstr(folder, RECORDINGS "/amd") == folder)
		snprintf(options + length, size - length, " --root %" PRIu64 " --control %" PRIu64,
		    number(state, "regs.0x0"), number(state, "regs.0x18"));
	else
		snprintf(options + length, size - length, " --root %" PRIu64 " --irta %" PRIu64,
		    number(state, "latched.rt"), number(state, "latched.ir"));
	json_object_put(state);
}

/* Both ends of a live range. VT-d's driver makes a write-only mapping one that can be read, too. */
static void check_range(const char *options, struct json_object *range)
{
	const uint64_t last = number(range, "size") - 1;

	for (unsigned end = 0; end < 2; end++) {
		const uint64_t offset = end == 0 ? 0 : last, address = number(range, "iova") + offset;
		struct json_object *object =
		    walked_json(walk("%s %s --rid 0x%x --iova %" PRIu64, options,
				    (number(range, "prot") & 1) != 0 ? "" : "--write",
				    (unsigned)number(range, "rid"), address),
			0);

		assert_int_equal(number(object, "physical"), number(range, "pa") + offset);
		json_object_put(object);
	}
	if ((number(range, "prot") & 2) == 0)
		json_object_put(walked_json(
		    walk("%s --write --rid 0x%x --iova %llu", options, (unsigned)number(range, "rid"),
			(unsigned long long)number(range, "iova")),
		    1));
}

static void check_checkpoint(const char *name, unsigned checkpoint, unsigned least)
{
	char folder[512], path[600], options[4096], line[LONGEST_LINE];
	unsigned ranges = 0;
	gzFile stream;

	snprintf(folder, sizeof(folder), RECORDINGS "/%s/ckpt%u", name, checkpoint);
	machine_of(folder, options, sizeof(options));
	snprintf(path, sizeof(path), "%s/expected_live.jsonl.gz", folder);
	stream = gzopen(path, "rb");
	assert_non_null(stream);
	while (gzgets(stream, line, sizeof(line)) != NULL) {
		struct json_object *range = json_tokener_parse(line), *unused;

		assert_non_null(range);
		/* one in a few: there are hundreds, and each walk builds its machine anew */
		if (json_object_object_get_ex(range, "iova", &unused) && ranges++ % 4 == 0)
			check_range(options, range);
		json_object_put(range);
	}
	gzclose(stream);
	print_message("%s ckpt%u: %u ranges\n", name, checkpoint, ranges);
	assert_true(ranges >= least);
}

static void live_mappings_are_found_by_walking(void **state)
{
	(void)state;
	if (!there("intel") || !there("intel-cm48") || !there("amd"))
		return;
	check_checkpoint("amd", 3, 100);
	check_checkpoint("amd", 8, 50);
	check_checkpoint("intel", 3, 100);
	check_checkpoint("intel", 8, 100);
	check_checkpoint("intel-cm48", 3, 100);
}

static void what_is_not_live_is_denied(void **state)
{
	char options[4096];

	(void)state;
	if (!there("intel"))
		return;
	machine_of(RECORDINGS "/intel/ckpt3", options, sizeof(options));
	for (unsigned page = 1; page < 16; page++) {
		struct json_object *object =
		    walked_json(walk("%s --rid 00:03.0 --iova %u", options, page << 12), 1);

		assert_int_equal(number(object, "fault.reason"), 6);
		json_object_put(object);
	}
	json_object_put(walked_json(walk("%s --rid 00:02.0 --iova 0x5000", options), 1));
}

/* The driver's entries ask for their device: 00:03.0 may use its own, 00:06.0 may not use those. */
static void interrupt_entries_serve_their_device_alone(void **state)
{
	unsigned own = 0, others = 0;
	char options[4096];

	(void)state;
	if (!there("intel"))
		return;
	machine_of(RECORDINGS "/intel/ckpt3", options, sizeof(options));
	for (unsigned index = 0; index < 64; index++) {
		struct command_run walked =
		    walk("%s --rid 00:03.0 --interrupt 0x%x,0", options, 0xfee00018u | index << 5);
		struct json_object *object;

		assert_in_range(walked.code, 0, 1);
		others += strstr(walked.output, "\"reason\":38") != NULL;
		if (walked.code == 1) {
			command_run_free(&walked);
			continue;
		}
		own++;
		object = walked_json(walked, 0);
		assert_int_equal(number(object, "steps.1.fields.SID"), 0x18);
		json_object_put(object);
		object = walked_json(
		    walk("%s --rid 00:06.0 --interrupt 0x%x,0", options, 0xfee00018u | index << 5), 1);
		assert_int_equal(number(object, "fault.reason"), 0x26);
		json_object_put(object);
	}
	assert_int_equal(own, 2);
	assert_true(others > 2);
}

/* As the recording has them: vector 29h of 00:03.0, 28h of 00:1f.2, and what has no entry. */
static void interrupt_tables_are_found_through_the_device_table(void **state)
{
	char options[4096];
	struct json_object *object;

	(void)state;
	if (!there("amd"))
		return;
	machine_of(RECORDINGS "/amd/ckpt3", options, sizeof(options));
	object = walked_json(walk("%s --rid 00:03.0 --interrupt 0xfee00000,1", options), 0);
	assert_int_equal(number(object, "sent.address"), 0xfee01004);
	assert_int_equal(number(object, "sent.data"), 0x4029);
	assert_string_equal(text(object, "steps.2.name"), "IRTE.GA");
	json_object_put(object);
	object = walked_json(walk("%s --rid 00:1f.2 --interrupt 0xfee00000,0", options), 0);
	assert_int_equal(number(object, "sent.data"), 0x4028);
	json_object_put(object);
	object = walked_json(walk("%s --rid 00:03.0 --interrupt 0xfee00000,9", options), 1);
	assert_int_equal(number(object, "fault.reason"), 2);
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(live_mappings_are_found_by_walking),
		cmocka_unit_test(what_is_not_live_is_denied),
		cmocka_unit_test(interrupt_entries_serve_their_device_alone),
		cmocka_unit_test(interrupt_tables_are_found_through_the_device_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
