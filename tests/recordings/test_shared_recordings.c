/* The recordings of real drivers that are handed out beside the tree, under every cache policy. */
#include <stdio.h>
#include <unistd.h>

#include "recordings/replayed.h"

struct recording {
	const char *name;
	int64_t writes, reads, translations, faults, interrupts;
	int64_t pages[2]; /* of checkpoints 3 and 8 */
	bool source_unknown;
	int64_t compatibility_passed;
	bool same_events; /* as many of the unit's own messages as were recorded */
};

/* Counted from the files, not by the program. */
static const struct recording recordings[] = {
	{ "intel", 2107, 104, 15941, 152, 8412, { 12987, 14292 }, true, 1, true },
	{ "intel-cm48", 7137, 101, 18923, 136, 8538, { 12987, 14293 }, true, 1, true },
	/* the recorded device wrote no event log */
	{ "amd", 11238, 124, 13397, 136, 8900, { 699, 2005 }, false, 0, false },
};

#define FOLDER IOMMUSIM_SHARED "/recordings"

static void need_recordings(void)
{
	if (access(FOLDER, R_OK) == 0)
		return;
	print_message("SKIPPED: " FOLDER " is not there\n");
	skip();
}

static void expect_both(struct json_object *summary, const char *name, int64_t count)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/total", name);
	assert_int_equal(number_at(summary, path), count);
	snprintf(path, sizeof(path), "%s/agree", name);
	assert_int_equal(number_at(summary, path), count);
}

static void expect_checkpoint(struct json_object *checkpoint, int64_t number, int64_t pages)
{
	assert_int_equal(number_at(checkpoint, "n"), number);
	assert_int_equal(number_at(checkpoint, "pages"), pages);
	assert_int_equal(number_at(checkpoint, "agree"), pages);
}

static void expect_agreement(const struct recording *recording, const char *policy)
{
	char folder[512];
	struct command_run result;
	struct json_object *whole, *summary, *checkpoints;

	snprintf(folder, sizeof(folder), FOLDER "/%s", recording->name);
	result = replay("--json", "--cache", policy, folder, NULL);
	if (result.code != 0)
		print_message("%s, %s:\n%.2000s%s", folder, policy, result.output, result.errors);
	assert_int_equal(result.code, 0);
	summary = summary_of(&result, &whole);
	expect_both(summary, "translations", recording->translations);
	expect_both(summary, "faults", recording->faults);
	expect_both(summary, "interrupts", recording->interrupts);
	assert_int_equal(number_at(summary, "mmio/writes"), recording->writes);
	assert_int_equal(number_at(summary, "mmio/reads"), recording->reads);
	assert_int_equal(number_at(summary, "interrupts/source_unknown"),
	    recording->source_unknown ? recording->interrupts : 0);
	assert_int_equal(
	    number_at(summary, "interrupts/compatibility_passed"), recording->compatibility_passed);
	assert_true(!recording->same_events ||
	    number_at(summary, "events/sent") == number_at(summary, "events/recorded"));
	assert_true(json_object_object_get_ex(summary, "checkpoints", &checkpoints));
	assert_int_equal(json_object_array_length(checkpoints), 2);
	expect_checkpoint(json_object_array_get_idx(checkpoints, 0), 3, recording->pages[0]);
	expect_checkpoint(json_object_array_get_idx(checkpoints, 1), 8, recording->pages[1]);
	json_object_put(whole);
	command_run_free(&result);
}

static void everything_agrees(void **state)
{
	static const char *const policies[] = { "none", "hoard", "sized", "adverse" };

	(void)state;
	need_recordings();
	for (unsigned i = 0; i < sizeof(recordings) / sizeof(recordings[0]); i++)
		for (unsigned j = 0; j < sizeof(policies) / sizeof(policies[0]); j++)
			expect_agreement(&recordings[i], policies[j]);
}

/* The negative control: a model that ignores invalidations must be found out. */
static void ignored_invalidations_show(void **state)
{
	(void)state;
	need_recordings();
	for (unsigned i = 0; i < sizeof(recordings) / sizeof(recordings[0]); i++) {
		const struct recording *recording = &recordings[i];
		char folder[512];
		struct command_run result;
		struct json_object *whole, *summary;

		snprintf(folder, sizeof(folder), FOLDER "/%s", recording->name);
		result = replay("--json", "--drop-invalidations", "--cache", "hoard", folder, NULL);
		assert_int_equal(result.code, 1);
		summary = summary_of(&result, &whole);
		assert_int_equal(number_at(summary, "translations/total"), recording->translations);
		assert_true(number_at(summary, "translations/agree") <= recording->translations - 5000);
		json_object_put(whole);
		command_run_free(&result);
	}
}

/* Leave out one in 500 stores to the tables: what is lost must show as translations that part. */
static void lose_stores(const char *name)
{
	char recording[512], platform[512];
	size_t length, kept = 0, stores = 0;
	struct command_run result;
	struct json_object *whole, *summary;
	char *text;

	snprintf(recording, sizeof(recording), FOLDER "/%s/recording.jsonl.gz", name);
	snprintf(platform, sizeof(platform), FOLDER "/%s/platform.json", name);
	text = file_read(recording, &length);
	assert_true(text != NULL && length > 0);
	for (char *line = text, *end; line < text + length; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		if (strstr(line, "\"op\":\"mem\"") != NULL && ++stores % 500 == 0)
			continue;
		*end = '\n';
		memmove(text + kept, line, (size_t)(end + 1 - line));
		kept += (size_t)(end + 1 - line);
	}
	folder_write_bytes("lost.jsonl", text, kept);
	free(text);
	result =
	    replay("--json", "--cache=none", "--platform", platform, folder_path("lost.jsonl"), NULL);
	assert_int_equal(result.code, 1);
	summary = summary_of(&result, &whole);
	assert_true(
	    number_at(summary, "translations/agree") < number_at(summary, "translations/total"));
	json_object_put(whole);
	command_run_free(&result);
}

static void lost_stores_show(void **state)
{
	(void)state;
	need_recordings();
	lose_stores("intel");
	lose_stores("amd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_agrees),
		cmocka_unit_test(ignored_invalidations_show),
		cmocka_unit_test(lost_stores_show),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
