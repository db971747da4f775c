/* A walk as one JSON object: every number as the hardware has it. Names as in the reports of replay. */
#include <string.h>

#include <json-c/json.h>

#include <iommusim/pci.h>

#include "walk_show.h"

/* json-c returns NULL when memory runs out; adding NULL would quietly write `null`. */
static bool add(struct json_object *object, const char *name, struct json_object *value)
{
	return value != NULL && json_object_object_add(object, name, value) == 0;
}

static bool add_number(struct json_object *object, const char *name, uint64_t value)
{
	return add(object, name, json_object_new_uint64(value));
}

static bool add_flag(struct json_object *object, const char *name, bool value)
{
	return add(object, name, json_object_new_boolean(value));
}

static bool add_text(struct json_object *object, const char *name, const char *value)
{
	return value == NULL || add(object, name, json_object_new_string(value));
}

static bool add_numbers(
    struct json_object *object, const char *name, const uint64_t *values, unsigned count)
{
	struct json_object *array = json_object_new_array();
	bool ok = add(object, name, array);

	for (unsigned i = 0; ok && i < count; i++)
		ok = json_object_array_add(array, json_object_new_uint64(values[i])) == 0;
	return ok;
}

static bool add_fields(struct json_object *object, const struct iommusim_walk_step *step)
{
	struct json_object *fields = json_object_new_object();
	bool ok = add(object, "fields", fields);

	for (unsigned i = 0; ok && i < step->field_count; i++)
		ok = add_number(fields, step->fields[i].name, step->fields[i].value);
	return ok;
}

/* A request on the bus has neither address nor index; a descriptor in no table has no index. */
static bool add_place(struct json_object *object, const struct iommusim_walk_step *step)
{
	return step->on_bus ||
	    ((walk_stands_alone(step) ||
		 (add_number(object, "table", step->table) &&
		     add_number(object, "index", step->index))) &&
		add_number(object, "address", step->address) &&
		add_flag(object, "readable", step->readable) &&
		add_flag(object, "present", step->present));
}

static bool add_step(struct json_object *array, const struct iommusim_walk_step *step)
{
	struct json_object *object = json_object_new_object();

	return object != NULL && json_object_array_add(array, object) == 0 &&
	    add_text(object, "structure", step->structure) && add_text(object, "name", step->name) &&
	    add_text(object, "section", step->section) && add_place(object, step) &&
	    add_number(object, "level", step->level) && add_flag(object, "leaf", step->leaf) &&
	    (step->stage == 0 ||
		(add_number(object, "stage", step->stage) &&
		    add_number(object, "input", step->input))) &&
	    (step->next == 0 || add_number(object, "next", step->next)) &&
	    (!step->readable || add_numbers(object, "raw", step->raw, step->quads)) &&
	    add_fields(object, step);
}

static bool add_message(
    struct json_object *object, const char *name, const struct iommusim_interrupt *message)
{
	struct json_object *value = json_object_new_object();

	return add(object, name, value) && add_number(value, "address", message->address) &&
	    add_number(value, "data", message->data);
}

static bool add_question(struct json_object *object, const struct walk_answer *answer)
{
	static const char *const kinds[] = { "read", "write", "atomic" };
	const struct walk_question *question = &answer->question;
	char device[24];

	snprintf(device, sizeof(device), "%u/%u/%u", IOMMUSIM_RID_BUS(question->rid),
	    IOMMUSIM_RID_DEVICE(question->rid), IOMMUSIM_RID_FUNCTION(question->rid));
	if (!add_text(object, "device", device) || !add_text(object, "name", answer->device_name) ||
	    !add_number(object, "segment", question->segment) ||
	    !add_number(object, "rid", question->rid))
		return false;
	if (question->is_interrupt)
		return add_text(object, "kind", "interrupt") &&
		    add_message(object, "interrupt", &question->interrupt);
	return add_text(object, "kind", kinds[question->dma.kind]) &&
	    add_number(object, "address", question->dma.address) &&
	    (!question->dma.has_pasid || add_number(object, "pasid", question->dma.pasid));
}

static bool add_walk(struct json_object *object, const struct iommusim_walk *walk)
{
	struct json_object *steps = json_object_new_array();
	bool ok = add_text(object, "vendor", walk->unit_name) &&
	    (walk->unit_name == NULL || add_number(object, "unit", walk->unit_base)) &&
	    add_text(object, "mode", walk->mode) && add_number(object, "levels", walk->levels) &&
	    add_number(object, "address_width", walk->address_width) &&
	    add_number(object, "domain", walk->result.domain) && add(object, "steps", steps);

	for (unsigned i = 0; ok && i < walk->step_count; i++)
		ok = add_step(steps, &walk->steps[i]);
	return ok && add_flag(object, "read_right", walk->read_right) &&
	    add_flag(object, "write_right", walk->write_right);
}

static bool add_outcome(struct json_object *object, const struct walk_answer *answer)
{
	const struct iommusim_dma_page *page = &answer->walk.result;
	struct json_object *fault;

	if (!add_flag(object, "allowed", !page->faulted))
		return false;
	if (!page->faulted && answer->question.is_interrupt) /* posted ones may send nothing */
		return add_flag(object, "posted", answer->sent.posted) &&
		    (!answer->sent.doorbell || add_flag(object, "doorbell", true)) &&
		    (answer->sent.address == 0 || add_message(object, "sent", &answer->sent));
	if (!page->faulted)
		return add_number(object, "physical", page->physical) &&
		    (page->page_shift == 0 ||
			add_number(object, "page_size", UINT64_C(1) << page->page_shift));
	fault = json_object_new_object();
	return add(object, "fault", fault) && add_number(fault, "reason", page->fault.reason) &&
	    add_text(fault, "clause", answer->walk.clause) &&
	    add_text(fault, "meaning", answer->walk.reason) &&
	    add_flag(fault, "suppressed", page->fault.suppressed) &&
	    add_numbers(fault, "record", page->fault.record, 2);
}

enum iommusim_status walk_json(FILE *out, const struct walk_answer *answer)
{
	struct json_object *object = json_object_new_object();
	const char *text = NULL;

	if (object != NULL && add_question(object, answer) && add_walk(object, &answer->walk) &&
	    add_outcome(object, answer))
		text = json_object_to_json_string_ext(
		    object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text != NULL)
		fprintf(out, "%s\n", text);
	json_object_put(object);
	return text == NULL ? IOMMUSIM_ENOMEM : IOMMUSIM_OK;
}
