/*
 * The shared conformance vectors against the model, under every cache policy, and the runner against
 * them: it has to notice whatever is changed in what they expect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "command.h"
#include "command_run.h"
#include "trace_input.h"
#include "vectors_known.h"
#include "vectors_read.h"
#include "vectors_run.h"

/* The file of one vendor: how many vectors of it nobody disputes, and what a fault in it is told by. */
struct vendor {
	const char *file;
	unsigned undisputed;
	const char *fault[8];
	bool
	    null_fault_counts; /* a fault without a record: nothing was recorded, not nothing is known */
	const char *stale[2];  /* what shows when invalidations are dropped */
};

static const struct vendor vtd = {
	.file = IOMMUSIM_SHARED "/vectors/vtd.jsonl",
	.undisputed = 303,
	.fault = { "reason", "addr", "rid", "index", "frcd_lo", "frcd_hi", "fsts" },
	.null_fault_counts = true,
	.stale = { "vtd/stale/retarget-reg_domain: step 16: ",
	    "vtd/ctxstale/clear-qi_ctx_global: step 35: " },
};

static const struct vendor amdvi = {
	.file = IOMMUSIM_SHARED "/vectors/amdvi.jsonl",
	.undisputed = 112,
	.fault = { "code", "rid" },
	.stale = { "amdvi/stale/ronly-pages_all: step 22: ",
	    "amdvi/dtestale/newpt-devtab_pages: step 26: " },
};

static void skip_without(const struct vendor *vendor)
{
	if (access(vendor->file, R_OK) == 0)
		return;
	print_message("SKIPPED: %s is not there\n", vendor->file);
	skip();
}

static const char *text_of(struct json_object *object, const char *name)
{
	return json_object_get_string(json_object_object_get(object, name));
}

/* Every object that `iommusim vectors --json` writes, and the summary. */
struct totals {
	unsigned failed, known, undisputed;
};

static void count(struct totals *totals, struct json_object *object, const char *line)
{
	const char *id = text_of(object, "id"), *result = text_of(object, "result");

	if (id == NULL)
		return;
	totals->undisputed += strcmp(result, "disputed") != 0;
	totals->known += strcmp(result, "known") == 0;
	if (strcmp(result, "failed") != 0)
		return;
	totals->failed++;
	print_message("%s\n", line);
}

static struct totals run_shared(const struct vendor *vendor, const char *policy)
{
	struct command_run run =
	    command_run(command_vectors, "vectors", "--json", "--cache", policy, vendor->file, NULL);
	struct totals totals = { .failed = 0 };
	char *next = run.output;

	assert_string_equal(run.errors, "");
	while (*next != '\0') {
		char *line = next, *end = strchr(line, '\n');
		struct json_object *object;

		assert_non_null(end);
		*end = '\0';
		next = end + 1;
		object = json_tokener_parse(line);
		assert_non_null(object);
		count(&totals, object, line);
		json_object_put(object);
	}
	assert_int_equal(run.code, totals.failed == 0 ? 0 : 1);
	command_run_free(&run);
	return totals;
}

/* Under every cache policy, and at most 2 % of them by a known deviation. */
static void assert_passes(const struct vendor *vendor)
{
	static const char *const policies[] = { "hoard", "none", "sized", "adverse" };

	skip_without(vendor);
	for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		const struct totals totals = run_shared(vendor, policies[i]);

		print_message("%s: %u undisputed, %u failed, %u known\n", policies[i],
		    totals.undisputed, totals.failed, totals.known);
		assert_int_equal(totals.undisputed, vendor->undisputed);
		assert_int_equal(totals.failed, 0);
		assert_true(totals.known * 50 <= totals.undisputed);
	}
}

static void the_shared_vtd_vectors_pass(void **state)
{
	(void)state;
	assert_passes(&vtd);
}

static void the_shared_amdvi_vectors_pass(void **state)
{
	(void)state;
	assert_passes(&amdvi);
}

static void assert_control_fails(const struct vendor *vendor)
{
	struct command_run run;

	skip_without(vendor);
	run = command_run(command_vectors, "vectors", "--drop-invalidations", vendor->file, NULL);
	assert_int_equal(run.code, 1);
	for (unsigned i = 0; i < 2; i++)
		assert_contains(run.output, vendor->stale[i]);
	command_run_free(&run);
}

static void invalidations_that_are_dropped_are_noticed(void **state)
{
	(void)state;
	assert_control_fails(&vtd);
	assert_control_fails(&amdvi);
}

/* ---- line by line -------------------------------------------------------------------------------------- */

/* Is it run at all, and what differs? -1: it cannot be run. */
static long run_object(struct json_object *object)
{
	const struct vector_run_options options = { .preferred = false };
	struct vector_json json = { .line = 1 };
	struct vector_result result = { .count = 0 };
	struct vector vector;
	long failures = -1;

	json.text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	json.length = strlen(json.text);
	if (!vector_read(&json, &vector))
		return -1;
	if (vector_execute(&vector, &options, &json, &result))
		failures = (long)result.count;
	vector_result_free(&result);
	vector_free(&vector);
	return failures;
}

static void each_shared(const struct vendor *vendor,
    void (*action)(struct json_object *object, void *context), void *context)
{
	struct iommusim_diagnostic problem;
	char *text, *next, *end;
	size_t length;

	assert_int_equal(trace_read(vendor->file, &text, &length, &problem), IOMMUSIM_OK);
	for (next = text; next < text + length; next = end + 1) {
		struct json_tokener *tokener = json_tokener_new();
		struct json_object *object;

		end = memchr(next, '\n', (size_t)(text + length - next));
		assert_non_null(end);
		object = json_tokener_parse_ex(tokener, next, (int)(end - next));
		assert_non_null(object);
		action(object, context);
		json_object_put(object);
		json_tokener_free(tokener);
	}
	free(text);
}

/* One is in the list for nothing when no vector needs it. */
static void mark_known(struct json_object *object, void *context)
{
	bool *needed = context;
	const struct vectors_known none = { .count = 0 };
	const struct vectors_known_entry *entry = vectors_known_find(&none, text_of(object, "id"));

	if (entry == NULL || run_object(object) <= 0)
		return;
	for (size_t i = 0; vectors_known_at(i) != NULL; i++)
		needed[i] |= vectors_known_at(i) == entry;
}

static void every_known_deviation_is_needed(void **state)
{
	bool needed[64] = { false };

	(void)state;
	skip_without(&vtd);
	skip_without(&amdvi);
	each_shared(&vtd, mark_known, needed);
	each_shared(&amdvi, mark_known, needed);
	for (size_t i = 0; vectors_known_at(i) != NULL; i++)
		if (!needed[i])
			fail_msg("no vector needs \"%s\"", vectors_known_at(i)->pattern);
}

/* ---- changed expectations ------------------------------------------------------------------------------ */

struct changes {
	const struct vendor *vendor;
	unsigned made, noticed;
};

static void set_number(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static uint64_t number_of(struct json_object *object, const char *name)
{
	return json_object_get_uint64(json_object_object_get(object, name));
}

static void assert_noticed(
    struct json_object *vector, size_t step, const char *what, struct changes *changes)
{
	changes->made++;
	if (run_object(vector) > 0)
		changes->noticed++;
	else
		print_message(
		    "%s: step %zu: another %s is not noticed\n", text_of(vector, "id"), step, what);
}

static void change_register(
    struct json_object *vector, struct json_object *step, size_t i, struct changes *changes)
{
	const uint64_t value = number_of(step, "val");

	set_number(step, "val", value ^ UINT64_C(0x1000000));
	assert_noticed(vector, i, "register", changes);
	set_number(step, "val", value);
}

static void change_memory(
    struct json_object *vector, struct json_object *step, size_t i, struct changes *changes)
{
	struct json_object *hex = json_object_get(json_object_object_get(step, "hex"));
	char *text = strdup(json_object_get_string(hex));

	text[strlen(text) - 1] ^= 1; /* another hexadecimal digit, whichever it is */
	json_object_object_add(step, "hex", json_object_new_string(text));
	assert_noticed(vector, i, "content of memory", changes);
	json_object_object_add(step, "hex", hex);
	free(text);
}

/* One bit of each number of a fault record. */
static void change_fault(
    struct json_object *vector, struct json_object *step, size_t i, struct changes *changes)
{
	const char *const *names = changes->vendor->fault;
	struct json_object *fault = json_object_object_get(step, "fault");

	for (size_t n = 0; names[n] != NULL; n++) {
		const uint64_t value = number_of(fault, names[n]);

		set_number(fault, names[n], value ^ 1);
		assert_noticed(vector, i, names[n], changes);
		set_number(fault, names[n], value);
	}
	if (!changes->vendor->null_fault_counts)
		return;
	json_object_get(fault);
	json_object_object_add(step, "fault", NULL);
	assert_noticed(vector, i, "fault that is not recorded", changes);
	json_object_object_add(step, "fault", fault);
}

static void change_outcome(
    struct json_object *vector, struct json_object *step, size_t i, struct changes *changes)
{
	static const char *const outcomes[] = { "ok", "fault", "other" };
	struct json_object *outcome = json_object_get(json_object_object_get(step, "outcome"));
	struct json_object *physical = json_object_get(json_object_object_get(step, "pa"));

	json_object_object_del(step, "segments"); /* they would say it once more */
	for (size_t n = 0; n < 3; n++) {
		if (strcmp(outcomes[n], json_object_get_string(outcome)) == 0)
			continue;
		json_object_object_add(step, "outcome", json_object_new_string(outcomes[n]));
		json_object_object_add(step, "pa", n == 0 ? json_object_new_uint64(0) : NULL);
		assert_noticed(vector, i, "outcome", changes);
	}
	json_object_object_add(step, "outcome", outcome);
	if (physical != NULL) {
		set_number(step, "pa", json_object_get_uint64(physical) ^ 0x1000);
		assert_noticed(vector, i, "physical address", changes);
	}
	json_object_object_add(step, "pa", physical);
}

static void change_step(
    struct json_object *vector, struct json_object *step, size_t i, struct changes *changes)
{
	const char *op = text_of(step, "op");

	if (strcmp(op, "mmio_read") == 0)
		change_register(vector, step, i, changes);
	else if (strcmp(op, "mem_read") == 0)
		change_memory(vector, step, i, changes);
	else if (strcmp(op, "dma") == 0 && json_object_object_get(step, "fault") != NULL)
		change_fault(vector, step, i, changes);
	if (strcmp(op, "dma") == 0)
		change_outcome(vector, step, i, changes);
}

/* Every vector that passes and has no deviation. */
static void change_vector(struct json_object *vector, void *context)
{
	struct changes *changes = context;
	struct json_object *steps = json_object_object_get(vector, "steps");

	if (!json_object_get_boolean(json_object_object_get(vector, "clean")) ||
	    run_object(vector) != 0)
		return;
	for (size_t i = 0; i < json_object_array_length(steps); i++)
		change_step(vector, json_object_array_get_idx(steps, i), i, changes);
}

static void assert_changes_are_noticed(const struct vendor *vendor, unsigned least)
{
	struct changes changes = { .vendor = vendor };

	skip_without(vendor);
	each_shared(vendor, change_vector, &changes);
	print_message("%u of %u changes noticed\n", changes.noticed, changes.made);
	assert_true(changes.made > least);
	assert_int_equal(changes.noticed, changes.made);
}

static void whatever_is_expected_differently_is_noticed(void **state)
{
	(void)state;
	assert_changes_are_noticed(&vtd, 1000);
	assert_changes_are_noticed(&amdvi, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shared_vtd_vectors_pass),
		cmocka_unit_test(the_shared_amdvi_vectors_pass),
		cmocka_unit_test(invalidations_that_are_dropped_are_noticed),
		cmocka_unit_test(every_known_deviation_is_needed),
		cmocka_unit_test(whatever_is_expected_differently_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
