/* Turns a line of JSON into a conformance vector and refuses what could not be run. Runs nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors_read.h"

static const struct vector_vendor *const vendors[] = { &vector_vtd, &vector_amdvi };

enum { VENDORS = sizeof(vendors) / sizeof(vendors[0]) };

/* ---- pieces --------------------------------------------------------------------------------------------- */

/* "disputed" is a reason in words or a plain true; absent, null or false says nothing. */
static bool read_disputed(struct vector_json *json, struct json_object *object, bool *disputed)
{
	struct json_object *member;

	*disputed = false;
	if (!vector_json_has(object, "disputed", &member))
		return true;
	if (!json_object_is_type(member, json_type_string))
		return vector_json_flag(json, object, "disputed", disputed);
	*disputed = true;
	return true;
}

/* A number or null. A member that is not there at all is refused. */
static bool read_nullable(struct vector_json *json, struct json_object *object, const char *name,
    struct vector_number *number)
{
	struct json_object *member;

	*number = (struct vector_number){ .present = false };
	if (json_object_object_get_ex(object, name, &member) && member == NULL)
		return true;
	number->present = true;
	return vector_json_number(json, object, name, UINT64_MAX, &number->value);
}

static int hex_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

static bool decode_hex(struct vector_json *json, const char *text, struct vector_bytes *out)
{
	const size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (hex_digit(text[i]) < 0)
			return vector_json_refuse(json, i + 1, "expected a hexadecimal digit");
	if (length == 0 || length % 2 != 0)
		return vector_json_refuse(
		    json, 0, "%zu digits, expected two for each byte and at least one byte", length);
	out->bytes = malloc(length / 2);
	if (out->bytes == NULL)
		return vector_json_out_of_memory(json);
	out->size = length / 2;
	for (size_t i = 0; i < out->size; i++)
		out->bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	return true;
}

/* ---- steps ---------------------------------------------------------------------------------------------- */

static bool read_mem(struct vector_json *json, const struct vector *vector, struct json_object *object,
    struct json_object *expected, struct vector_step *step)
{
	const char *text;
	bool decoded;

	(void)vector;
	if (!vector_json_number(json, object, "pa", UINT64_MAX, &step->address))
		return false;
	if (expected != object)
		vector_json_enter(json, "alt");
	decoded = vector_json_text(json, expected, "hex", &text);
	if (decoded) {
		vector_json_enter(json, "hex");
		decoded = decode_hex(json, text, &step->bytes);
		vector_json_leave(json);
	}
	if (expected != object)
		vector_json_leave(json);
	return decoded;
}

static bool read_width(struct vector_json *json, const struct vector *vector,
    struct json_object *object, struct vector_step *step)
{
	uint64_t width;

	if (!vector_json_number(json, object, "size", 8, &width))
		return false;
	step->width = (unsigned)width;
	if (width == 0 || (width & (width - 1)) != 0) {
		vector_json_enter(json, "size");
		return vector_json_refuse(json, 0, "%u bytes, expected 1, 2, 4 or 8", step->width);
	}
	if (!vector_json_number(json, object, "off", UINT64_MAX, &step->address))
		return false;
	if (step->address <= vector->vendor->mmio_size - width && step->address % width == 0)
		return true;
	vector_json_enter(json, "off");
	return vector_json_refuse(json, 0,
	    "no %u bytes of registers can be at 0x%" PRIx64
	    ", expected a multiple of %u below 0x%" PRIx64,
	    step->width, step->address, step->width, vector->vendor->mmio_size);
}

static bool read_mmio(struct vector_json *json, const struct vector *vector, struct json_object *object,
    struct json_object *expected, struct vector_step *step)
{
	struct json_object *member;
	uint64_t most;

	if (!read_width(json, vector, object, step))
		return false;
	most = step->width < 8 ? (UINT64_C(1) << 8 * step->width) - 1 : UINT64_MAX;
	step->mask = most;
	if (vector_json_has(object, "mask", &member) &&
	    !vector_json_number(json, object, "mask", UINT64_MAX, &step->mask))
		return false;
	step->mask &= most;
	if (expected == object)
		return vector_json_number(json, object, "val", most, &step->value);
	vector_json_enter(json, "alt");
	if (!vector_json_number(json, expected, "val", most, &step->value))
		return false;
	vector_json_leave(json);
	return true;
}

static bool read_direction(struct vector_json *json, struct json_object *object, struct vector_dma *dma)
{
	const char *text;

	if (!vector_json_text(json, object, "dir", &text))
		return false;
	dma->is_write = strcmp(text, "write") == 0;
	if (dma->is_write || strcmp(text, "read") == 0)
		return true;
	vector_json_enter(json, "dir");
	return vector_json_refuse(json, 0, "expected \"read\" or \"write\"");
}

static bool read_request(struct vector_json *json, struct json_object *object, struct vector_dma *dma)
{
	uint64_t requester;

	if (!vector_json_number(json, object, "rid", UINT16_MAX, &requester) ||
	    !read_direction(json, object, dma) ||
	    !vector_json_number(json, object, "iova", UINT64_MAX, &dma->address) ||
	    !vector_json_number(json, object, "len", VECTOR_LARGEST_DMA, &dma->length))
		return false;
	dma->requester = (uint16_t)requester;
	if (dma->length == 0 ? !dma->is_write : dma->address + (dma->length - 1) >= dma->address)
		return true;
	vector_json_enter(json, "len");
	return vector_json_refuse(json, 0,
	    dma->length == 0 ? "a write of no bytes, expected at least one"
			     : "the request goes on beyond the last address");
}

static bool read_outcome(struct vector_json *json, struct json_object *expected, struct vector_dma *dma)
{
	static const char *const names[] = { "ok", "fault", "other" };
	const char *text;

	if (!vector_json_text(json, expected, "outcome", &text))
		return false;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			dma->outcome = (enum vector_outcome)i;
			return true;
		}
	}
	vector_json_enter(json, "outcome");
	return vector_json_refuse(json, 0, "expected \"ok\", \"fault\" or \"other\"");
}

/* Outcome, address and fault: of the step, or of the `alt` in it. */
static bool read_result(struct vector_json *json, const struct vector *vector,
    struct json_object *expected, struct vector_dma *dma)
{
	struct json_object *fault;

	if (!read_outcome(json, expected, dma) ||
	    !read_nullable(json, expected, "pa", &dma->physical) ||
	    !vector_json_flag(json, expected, "overflow", &dma->overflow) ||
	    !vector_json_flag(json, expected, "fault_unknown", &dma->fault_unknown))
		return false;
	if (dma->outcome == VECTOR_OUTCOME_OK && !dma->physical.present)
		return vector_json_refuse(
		    json, 0, "no physical address in `pa`, expected one as the outcome is ok");
	if (dma->outcome != VECTOR_OUTCOME_OK && dma->physical.present)
		return vector_json_refuse(
		    json, 0, "a physical address in `pa`, expected none as the outcome is not ok");
	if (!vector_json_has(expected, "fault", &fault))
		return true;
	if (!vector_json_object(json, expected, "fault", &fault))
		return false;
	vector_json_enter(json, "fault");
	dma->fault.present = true;
	if (!vector->vendor->read_fault(json, fault, &dma->fault))
		return false;
	vector_json_leave(json);
	return true;
}

static bool read_segment(
    struct vector_json *json, struct json_object *object, struct vector_segment *segment)
{
	if (!json_object_is_type(object, json_type_object))
		return vector_json_refuse(json, 0, "expected an object {\"iova\",\"len\",\"pa\"}");
	return vector_json_number(json, object, "iova", UINT64_MAX, &segment->address) &&
	    vector_json_number(json, object, "len", VECTOR_LARGEST_DMA, &segment->length) &&
	    read_nullable(json, object, "pa", &segment->physical);
}

/* The segments, which together are the request. */
static bool read_segments(struct vector_json *json, struct json_object *object, struct vector_dma *dma)
{
	uint64_t address = dma->address;
	struct json_object *array;

	if (!vector_json_has(object, "segments", &array))
		return true;
	if (!vector_json_array(json, object, "segments", &array))
		return false;
	dma->segments = calloc(json_object_array_length(array) + 1, sizeof(*dma->segments));
	if (dma->segments == NULL)
		return vector_json_out_of_memory(json);
	vector_json_enter(json, "segments");
	for (; dma->segment_count < json_object_array_length(array); dma->segment_count++) {
		struct vector_segment *segment = &dma->segments[dma->segment_count];

		vector_json_enter_element(json, dma->segment_count);
		if (!read_segment(json, json_object_array_get_idx(array, dma->segment_count), segment))
			return false;
		if (segment->address != address || segment->length == 0 ||
		    segment->length > dma->length - (address - dma->address))
			return vector_json_refuse(json, 0,
			    "a segment of %" PRIu64 " bytes at 0x%" PRIx64
			    ", expected the part of the request that begins at 0x%" PRIx64,
			    segment->length, segment->address, address);
		address += segment->length;
		vector_json_leave(json);
	}
	if (address != dma->address + dma->length)
		return vector_json_refuse(json, 0,
		    "the segments end at 0x%" PRIx64 ", expected the end of the request", address);
	vector_json_leave(json);
	return true;
}

static bool read_dma(struct vector_json *json, const struct vector *vector, struct json_object *object,
    struct json_object *expected, struct vector_step *step)
{
	struct vector_dma *dma = &step->dma;
	struct json_object *status;

	if (!read_request(json, object, dma))
		return false;
	if (expected != object) {
		vector_json_enter(json, "alt");
		if (!read_result(json, vector, expected, dma))
			return false;
		vector_json_leave(json);
		return true; /* segments and flags are about what the primary did */
	}
	if (!read_result(json, vector, object, dma) || !read_segments(json, object, dma))
		return false;
	dma->status.present = vector_json_has(object, "fsts", &status);
	return !dma->status.present ||
	    vector_json_number(json, object, "fsts", UINT32_MAX, &dma->status.value);
}

static const struct {
	const char *name;
	enum vector_op op;
	bool (*read)(struct vector_json *json, const struct vector *vector, struct json_object *object,
	    struct json_object *expected, struct vector_step *step);
} ops[] = {
	{ "mem_write", VECTOR_MEM_WRITE, read_mem },
	{ "mem_read", VECTOR_MEM_READ, read_mem },
	{ "mmio_write", VECTOR_MMIO_WRITE, read_mmio },
	{ "mmio_read", VECTOR_MMIO_READ, read_mmio },
	{ "dma", VECTOR_DMA, read_dma },
};

/*
 * Where a step's expectation stands: in the step itself, or in its `alt` when that is what the
 * specification means.
 */
static bool find_expected(struct vector_json *json, struct json_object *object,
    struct json_object **expected, bool *preferred)
{
	struct json_object *member;
	const char *text;

	*expected = object;
	*preferred = vector_json_has(object, "prefer", &member);
	if (!*preferred)
		return true;
	if (!vector_json_text(json, object, "prefer", &text))
		return false;
	if (strcmp(text, "alt") == 0)
		return vector_json_object(json, object, "alt", expected);
	if (strcmp(text, "primary") == 0)
		return true;
	vector_json_enter(json, "prefer");
	return vector_json_refuse(json, 0, "expected \"primary\" or \"alt\"");
}

static bool read_step(struct vector_json *json, const struct vector *vector, struct json_object *object,
    struct vector_step *step)
{
	struct json_object *expected;
	const char *text;

	if (!json_object_is_type(object, json_type_object))
		return vector_json_refuse(json, 0, "expected a step, an object with a member `op`");
	if (!vector_json_text(json, object, "op", &text) ||
	    !read_disputed(json, object, &step->disputed) ||
	    !find_expected(json, object, &expected, &step->preferred))
		return false;
	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(text, ops[i].name) == 0) {
			step->op = ops[i].op;
			return ops[i].read(json, vector, object, expected, step);
		}
	}
	vector_json_enter(json, "op");
	return vector_json_refuse(
	    json, 0, "unknown operation, expected mem_write, mem_read, mmio_write, mmio_read or dma");
}

static bool read_steps(struct vector_json *json, struct json_object *object, struct vector *vector)
{
	struct json_object *array;
	size_t count;

	if (!vector_json_array(json, object, "steps", &array))
		return false;
	count = json_object_array_length(array);
	vector->steps = calloc(count + 1, sizeof(*vector->steps));
	if (vector->steps == NULL)
		return vector_json_out_of_memory(json);
	vector_json_enter(json, "steps");
	while (vector->step_count < count) {
		const size_t i = vector->step_count++; /* what was read of it is freed in any case */

		vector_json_enter_element(json, i);
		if (!read_step(json, vector, json_object_array_get_idx(array, i), &vector->steps[i]))
			return false;
		vector_json_leave(json);
	}
	vector_json_leave(json);
	return true;
}

/* ---- vectors -------------------------------------------------------------------------------------------- */

static bool read_id(struct vector_json *json, struct json_object *object, struct vector *vector)
{
	const char *text;

	if (!vector_json_text(json, object, "id", &text))
		return false;
	vector_json_enter(json, "id");
	if (text[0] == '\0')
		return vector_json_refuse(json, 0, "the id is empty, expected a name");
	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return vector_json_refuse(
			    json, 0, "expected an id of printable ASCII characters without blanks");
	vector_json_leave(json);
	vector->id = strdup(text);
	return vector->id != NULL || vector_json_out_of_memory(json);
}

static bool read_vendor(struct vector_json *json, struct json_object *object, struct vector *vector)
{
	const char *text;

	if (!vector_json_text(json, object, "iommu", &text))
		return false;
	for (unsigned i = 0; i < VENDORS && vector->vendor == NULL; i++)
		if (strcmp(text, vendors[i]->name) == 0)
			vector->vendor = vendors[i];
	if (vector->vendor != NULL)
		return true;
	vector_json_enter(json, "iommu");
	return vector_json_refuse(json, 0, "unknown kind of IOMMU, expected \"vtd\" or \"amdvi\"");
}

static bool read_range(struct vector_json *json, struct json_object *pair, struct vector_range *range)
{
	uint64_t *const numbers[] = { &range->base, &range->size };

	if (!json_object_is_type(pair, json_type_array) || json_object_array_length(pair) != 2)
		return vector_json_refuse(json, 0, "expected a range of memory [base,size]");
	for (unsigned i = 0; i < 2; i++) {
		vector_json_enter_element(json, i);
		if (!vector_json_take_number(
			json, json_object_array_get_idx(pair, i), UINT64_MAX, numbers[i]))
			return false;
		vector_json_leave(json);
	}
	return true;
}

static bool read_ram(struct vector_json *json, struct json_object *object, struct vector *vector)
{
	struct json_object *array;
	size_t count;

	if (!vector_json_array(json, object, "ram", &array))
		return false;
	count = json_object_array_length(array);
	vector->ram = calloc(count + 1, sizeof(*vector->ram));
	if (vector->ram == NULL)
		return vector_json_out_of_memory(json);
	vector_json_enter(json, "ram");
	for (; vector->ram_count < count; vector->ram_count++) {
		vector_json_enter_element(json, vector->ram_count);
		if (!read_range(json, json_object_array_get_idx(array, vector->ram_count),
			&vector->ram[vector->ram_count]))
			return false;
		vector_json_leave(json);
	}
	vector_json_leave(json);
	return true;
}

static bool read_members(struct vector_json *json, struct json_object *object, struct vector *vector)
{
	struct json_object *caps;

	if (!read_id(json, object, vector) || !read_vendor(json, object, vector) ||
	    !read_disputed(json, object, &vector->disputed) ||
	    !vector_json_object(json, object, "caps", &caps))
		return false;
	vector_json_enter(json, "caps");
	if (!vector->vendor->read_caps(json, caps, &vector->caps))
		return false;
	vector_json_leave(json);
	return vector_json_number(json, object, "mmio_base", UINT64_MAX, &vector->mmio_base) &&
	    read_ram(json, object, vector) && read_steps(json, object, vector);
}

bool vector_read(struct vector_json *json, struct vector *vector)
{
	struct json_object *object = vector_json_parse(json);
	bool usable;

	*vector = (struct vector){ .id = NULL };
	if (object == NULL)
		return false;
	usable = read_members(json, object, vector);
	json_object_put(object);
	if (!usable)
		vector_free(vector);
	return usable;
}

void vector_free(struct vector *vector)
{
	for (size_t i = 0; i < vector->step_count; i++) {
		free(vector->steps[i].bytes.bytes);
		free(vector->steps[i].dma.segments);
	}
	free(vector->steps);
	free(vector->ram);
	free(vector->id);
	*vector = (struct vector){ .id = NULL };
}
