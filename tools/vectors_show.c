/* Writes what became of conformance vectors, as text and as JSON. Judges nothing. */
#include <stdio.h>

#include <json-c/json.h>

#include "vectors_show.h"

static const char *const names[VECTORS_VERDICTS] = { "passed", "failed", "known", "disputed" };

/* ---- JSON ---------------------------------------------------------------------------------------------- */

/* Put `value` into `object`. NULL, from json-c without memory, is noted and left out. */
static void add(
    struct vectors_show *show, struct json_object *object, const char *name, struct json_object *value)
{
	if (value != NULL && object != NULL && json_object_object_add(object, name, value) == 0)
		return;
	json_object_put(value);
	show->out_of_memory = true;
}

static void add_text(
    struct vectors_show *show, struct json_object *object, const char *name, const char *text)
{
	add(show, object, name, json_object_new_string(text));
}

static void print(struct vectors_show *show, struct json_object *object)
{
	const char *text = NULL;

	if (!show->out_of_memory)
		text = json_object_to_json_string_ext(
		    object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text == NULL)
		show->out_of_memory = true;
	else
		puts(text);
	json_object_put(object);
}

static void add_failures(
    struct vectors_show *show, struct json_object *object, const struct vector_result *result)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array != NULL && i < result->count; i++) {
		const struct vector_failure *failure = &result->failures[i];
		struct json_object *entry = json_object_new_object();

		add(show, entry, "step", json_object_new_uint64(failure->step));
		add_text(show, entry, "action", failure->action);
		add_text(show, entry, "expected", failure->expected);
		add_text(show, entry, "got", failure->got);
		if (json_object_array_add(array, entry) != 0) {
			json_object_put(entry);
			show->out_of_memory = true;
		}
	}
	add(show, object, "failures", array);
}

static void show_json(struct vectors_show *show, const char *id, enum vectors_verdict verdict,
    const struct vector_result *result, const struct vectors_known_entry *known)
{
	struct json_object *object = json_object_new_object();

	add_text(show, object, "id", id);
	add_text(show, object, "result", names[verdict]);
	add_failures(show, object, result);
	if (verdict == VECTORS_KNOWN) {
		add_text(show, object, "clause", known->clause);
		add_text(show, object, "reason", known->reason);
	}
	print(show, object);
}

static void end_json(struct vectors_show *show)
{
	struct json_object *object = json_object_new_object(), *summary = json_object_new_object();

	for (unsigned i = 0; i < VECTORS_VERDICTS; i++)
		add(show, summary, names[i], json_object_new_uint64(show->totals[i]));
	add(show, object, "summary", summary);
	print(show, object);
}

/* ---- both ---------------------------------------------------------------------------------------------- */

void vectors_show_one(struct vectors_show *show, const char *id, enum vectors_verdict verdict,
    const struct vector_result *result, const struct vectors_known_entry *known)
{
	show->totals[verdict]++;
	if (show->json) {
		show_json(show, id, verdict, result, known);
		return;
	}
	if (verdict != VECTORS_FAILED)
		return;
	printf("%s: step %zu: %s: expected %s, got %s", id, result->failures[0].step,
	    result->failures[0].action, result->failures[0].expected, result->failures[0].got);
	if (result->count > 1)
		printf(" (and %zu more)", result->count - 1);
	putchar('\n');
}

void vectors_show_end(struct vectors_show *show)
{
	if (show->json)
		end_json(show);
	else
		printf("%zu passed, %zu failed, %zu known, %zu disputed\n",
		    show->totals[VECTORS_PASSED], show->totals[VECTORS_FAILED],
		    show->totals[VECTORS_KNOWN], show->totals[VECTORS_DISPUTED]);
}
