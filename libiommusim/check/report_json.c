/* A judged DMA as one JSON object. */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "check/state.h"
#include "check/write.h"

static struct json_object *number(uint64_t value)
{
	return json_object_new_uint64(value);
}

/* json-c returns NULL when memory runs out; adding NULL would quietly write `null`. */
static bool add(struct json_object *object, const char *name, struct json_object *value)
{
	return value != NULL && json_object_object_add(object, name, value) == 0;
}

static bool add_call(
    struct json_object *object, const char *name, const struct iommusim_remembered_call *call)
{
	struct json_object *value;
	char text[256];

	if (!call->known)
		return true;
	value = json_object_new_object();
	write_call(call, text, sizeof(text));
	if (!add(object, name, value) || !add(value, "line", number(call->place.line)) ||
	    !add(value, "call", json_object_new_string(text)))
		return false;
	if (!call->has_inner)
		return true;
	write_inner_call(call, text, sizeof(text));
	return add(value, "inner", json_object_new_string(text));
}

static bool add_fields(struct json_object *object, const struct iommusim_walk_step *step)
{
	struct json_object *fields = json_object_new_object();
	bool ok = add(object, "fields", fields);

	for (unsigned i = 0; i < step->field_count && ok; i++)
		ok = add(fields, step->fields[i].name, number(step->fields[i].value));
	return ok;
}

static bool add_step(struct json_object *array, const struct iommusim_walk_step *step)
{
	struct json_object *object = json_object_new_object(), *raw = json_object_new_array();
	bool ok = object != NULL && json_object_array_add(array, object) == 0;

	ok = ok && add(object, "structure", json_object_new_string(step->structure)) &&
	    add(object, "name", json_object_new_string(step->name)) &&
	    add(object, "section", json_object_new_string(step->section)) &&
	    add(object, "address", number(step->address)) &&
	    add(object, "index", number(step->index)) && add(object, "raw", raw) &&
	    add(object, "present", json_object_new_boolean(step->present));
	for (unsigned i = 0; ok && i < step->quads; i++)
		ok = json_object_array_add(raw, number(step->raw[i])) == 0;
	return ok && add_fields(object, step);
}

/* A brief report has none. */
static bool add_walk(struct json_object *object, const struct iommusim_walk *walk)
{
	struct json_object *value, *steps;
	bool ok;

	if (walk->mode == NULL)
		return true;
	value = json_object_new_object();
	steps = json_object_new_array();
	ok = add(object, "walk", value) && add(value, "mode", json_object_new_string(walk->mode)) &&
	    add(value, "levels", number(walk->levels)) && add(value, "steps", steps);
	if (ok && walk->unit_name != NULL)
		ok = add(value, "unit", number(walk->unit_base));
	if (ok && walk->reason != NULL)
		ok = add(value, "clause", json_object_new_string(walk->clause)) &&
		    add(value, "reason", json_object_new_string(walk->reason));
	for (unsigned i = 0; ok && i < walk->step_count; i++)
		ok = add_step(steps, &walk->steps[i]);
	return ok;
}

static bool add_request(struct json_object *object, const struct iommusim_check *check,
    const struct iommusim_report *report)
{
	static const char *const kinds[] = { "read", "write", "atomic" };
	char device[24], carried[24];

	return add(object, "line", number(check->here.line)) &&
	    add(object, "device",
		json_object_new_string(write_device(report->segment, report->function, device))) &&
	    (report->function == report->rid ||
		add(object, "carried",
		    json_object_new_string(write_device(report->segment, report->rid, carried)))) &&
	    add(object, "name", json_object_new_string(report->device_name)) &&
	    add(object, "kind", json_object_new_string(kinds[report->request.kind])) &&
	    add(object, "address", number(report->request.address)) &&
	    add(object, "length", number(report->request.length)) &&
	    (report->beneficiary[0] == '\0' || /* a brief report does not say */
		add(object, "for", json_object_new_string(report->beneficiary))) &&
	    add(object, "domain", json_object_new_string(report->domain_name));
}

static bool add_outcome(struct json_object *object, const struct iommusim_report *report)
{
	static const char *const completions[] = { "success", "posted", "unsupported request",
		"completer abort", "not issued" };
	static const char *const owners[] = { "host", "vm", "table", "firmware", "device", "nobody" };
	const struct iommusim_dma_page *page = &report->page.page;

	return add(object, "verdict", json_object_new_string(iommusim_verdict_name(report->verdict))) &&
	    add(object, "pages", number(report->outcome.page_count)) &&
	    add(object, "pages_of_verdict", number(report->pages_of_verdict)) &&
	    add(object, "bytes_moved", number(report->outcome.bytes_moved)) &&
	    add(object, "completion",
		json_object_new_string(completions[report->outcome.completion])) &&
	    add(object, "owner", json_object_new_string(owners[report->page.owner])) &&
	    add(object, "owner_vm", json_object_new_string(report->page.owner_vm)) &&
	    add(object, "cached", json_object_new_boolean(page->cached)) &&
	    add(object, "through_cache", json_object_new_boolean(page->through_cache)) &&
	    (report->driver_sees == NULL ||
		add(object, "driver_sees", json_object_new_string(report->driver_sees))) &&
	    (page->faulted || add(object, "physical", number(page->physical)));
}

static bool add_fault(struct json_object *object, const struct iommusim_report *report)
{
	const struct iommusim_fault *fault = &report->page.page.fault;
	struct json_object *value, *record;

	if (!report->page.page.faulted)
		return true;
	value = json_object_new_object();
	record = json_object_new_array();
	return add(object, "fault", value) && add(value, "reason", number(fault->reason)) &&
	    add(value, "recorded", json_object_new_boolean(fault->recorded)) &&
	    add(value, "suppressed", json_object_new_boolean(fault->suppressed)) &&
	    add(value, "overflowed", json_object_new_boolean(fault->overflowed)) &&
	    add(value, "event_masked", json_object_new_boolean(report->fault_event_masked)) &&
	    add(value, "record", record) &&
	    json_object_array_add(record, number(fault->record[0])) == 0 &&
	    json_object_array_add(record, number(fault->record[1])) == 0;
}

static bool add_blame(struct json_object *object, const struct iommusim_report *report)
{
	if (!add_call(object, "mapped_by", &report->last_mapped) ||
	    !add_call(object, "removed_by", &report->last_removed))
		return false;
	if (report->known_bug == NULL)
		return true;
	return add(object, "policy", json_object_new_string(report->blamed_column)) &&
	    add(object, "known", json_object_new_string(report->known_bug));
}

enum iommusim_status iommusim_report_json(const struct iommusim_check *check,
    const struct iommusim_report *report, const struct iommusim_text *out)
{
	struct json_object *line = json_object_new_object(), *object = json_object_new_object();
	const char *text = NULL;

	if (line != NULL && add(line, "dma", object) && add_request(object, check, report) &&
	    add_outcome(object, report) && add_fault(object, report) && add_blame(object, report) &&
	    add_walk(object, &report->walk))
		text = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN);
	if (text != NULL) {
		out->put(out->context, text, strlen(text));
		out->put(out->context, "\n", 1);
	}
	json_object_put(line);
	return text == NULL ? IOMMUSIM_ENOMEM : IOMMUSIM_OK;
}
