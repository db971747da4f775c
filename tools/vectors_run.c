/* Builds the machine a conformance vector asks for and runs its steps. DMA: vectors_dma.c. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "vectors_json.h"
#include "vectors_run.h"

/* ---- what steps share ---------------------------------------------------------------------------------- */

bool vector_run_compares(const struct vector_run *run, const struct vector_step *step)
{
	return !step->disputed || (run->preferred && step->preferred);
}

struct vector_failure *vector_run_fail(struct vector_run *run)
{
	struct vector_result *result = run->result;
	struct vector_failure *failure;

	if (result->count == result->room) {
		const size_t room = result->room == 0 ? 4 : result->room * 2;
		struct vector_failure *larger = realloc(result->failures, room * sizeof(*larger));

		if (larger == NULL) {
			vector_run_out_of_memory(run);
			return NULL;
		}
		result->failures = larger;
		result->room = room;
	}
	failure = &result->failures[result->count++];
	*failure = (struct vector_failure){ .step = run->step };
	return failure;
}

bool vector_run_out_of_memory(struct vector_run *run)
{
	run->json->depth = 0;
	return vector_json_out_of_memory(run->json);
}

bool vector_run_refuse(struct vector_run *run, const char *name, const char *format, ...)
{
	char words[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	run->json->depth = 0;
	vector_json_enter(run->json, "steps");
	vector_json_enter_element(run->json, run->step);
	vector_json_enter(run->json, name);
	return vector_json_refuse(run->json, 0, "%s", words);
}

/* ---- memory and registers ------------------------------------------------------------------------------- */

static bool refuse_hole(struct vector_run *run, const struct vector_step *step)
{
	return vector_run_refuse(run, "pa",
	    "no memory for %zu bytes at 0x%" PRIx64 ", expected an address in one range of `ram`",
	    step->bytes.size, step->address);
}

static bool run_mem_write(struct vector_run *run, const struct vector_step *step)
{
	return iommusim_memory_write(
		   run->machine, step->address, step->bytes.bytes, step->bytes.size) == IOMMUSIM_OK ||
	    refuse_hole(run, step);
}

/* At most eight bytes from `at` on, so that what differs is seen and the line stays short. */
static void say_bytes(char *text, size_t room, const uint8_t *bytes, size_t size, size_t at)
{
	int length = snprintf(text, room, at == 0 ? "" : "... ");

	for (size_t i = at; i < size && i < at + 8; i++)
		length += snprintf(text + length, room - (size_t)length, "%02x", bytes[i]);
	if (at + 8 < size)
		snprintf(text + length, room - (size_t)length, " ...");
}

static bool compare_bytes(struct vector_run *run, const struct vector_step *step, const uint8_t *found)
{
	const struct vector_bytes *wanted = &step->bytes;
	struct vector_failure *failure;
	size_t at = 0;

	while (at < wanted->size && wanted->bytes[at] == found[at])
		at++;
	if (at == wanted->size || !vector_run_compares(run, step))
		return true;
	failure = vector_run_fail(run);
	if (failure == NULL)
		return false;
	at -= at % 8;
	snprintf(failure->action, sizeof(failure->action), "memory at 0x%" PRIx64, step->address + at);
	say_bytes(failure->expected, sizeof(failure->expected), wanted->bytes, wanted->size, at);
	say_bytes(failure->got, sizeof(failure->got), found, wanted->size, at);
	return true;
}

static bool run_mem_read(struct vector_run *run, const struct vector_step *step)
{
	uint8_t *found = malloc(step->bytes.size);
	bool ran;

	if (found == NULL)
		return vector_run_out_of_memory(run);
	ran = iommusim_memory_read(run->machine, step->address, found, step->bytes.size) == IOMMUSIM_OK
	    ? compare_bytes(run, step, found)
	    : refuse_hole(run, step);
	free(found);
	return ran;
}

static bool refuse_register(struct vector_run *run, const struct vector_step *step)
{
	return vector_run_refuse(run, "off",
	    "no access of %u bytes to registers is possible at 0x%" PRIx64, step->width, step->address);
}

static bool run_mmio_write(struct vector_run *run, const struct vector_step *step)
{
	return iommusim_mmio_write(run->machine, run->vector->mmio_base + step->address, step->width,
		   step->value) == IOMMUSIM_OK ||
	    refuse_register(run, step);
}

/* Bits that the specification, the vector or what happened before leaves open are not compared. */
static uint64_t compared_bits(const struct vector_run *run, const struct vector_step *step)
{
	uint64_t ignored = 0;

	for (unsigned i = 0; i < step->width; i++)
		ignored |= (uint64_t)run->vector->vendor->ignored(run, step->address + i) << 8 * i;
	return step->mask & ~ignored;
}

static bool run_mmio_read(struct vector_run *run, const struct vector_step *step)
{
	const int digits = (int)step->width * 2;
	const uint64_t mask = compared_bits(run, step);
	struct vector_failure *failure;
	uint64_t found;

	if (iommusim_mmio_read(run->machine, run->vector->mmio_base + step->address, step->width,
		&found) != IOMMUSIM_OK)
		return refuse_register(run, step);
	if (((found ^ step->value) & mask) == 0 || !vector_run_compares(run, step))
		return true;
	failure = vector_run_fail(run);
	if (failure == NULL)
		return false;
	snprintf(failure->action, sizeof(failure->action), "register at 0x%03" PRIx64, step->address);
	snprintf(
	    failure->expected, sizeof(failure->expected), "0x%0*" PRIx64, digits, step->value & mask);
	snprintf(failure->got, sizeof(failure->got), "0x%0*" PRIx64, digits, found & mask);
	return true;
}

static bool run_step(struct vector_run *run, const struct vector_step *step)
{
	switch (step->op) {
	case VECTOR_MEM_WRITE:
		return run_mem_write(run, step);
	case VECTOR_MEM_READ:
		return run_mem_read(run, step);
	case VECTOR_MMIO_WRITE:
		return run_mmio_write(run, step);
	case VECTOR_MMIO_READ:
		return run_mmio_read(run, step);
	case VECTOR_DMA:
		break;
	}
	return vector_run_dma(run, step);
}

/* ---- the machine ---------------------------------------------------------------------------------------- */

/* Refuse a member of the vector, or an element of it, for the reason the library gave. */
static bool refuse_machine(struct vector_run *run, enum iommusim_status status, const char *name,
    const size_t *index, const char *expected)
{
	const struct iommusim_diagnostic *why = iommusim_machine_diagnostic(run->machine);

	if (status == IOMMUSIM_ENOMEM)
		return vector_run_out_of_memory(run);
	vector_json_enter(run->json, name);
	if (index != NULL)
		vector_json_enter_element(run->json, *index);
	return vector_json_refuse(
	    run->json, 0, "%.150s%sexpected %s", why->text, why->text[0] == '\0' ? "" : "; ", expected);
}

static bool add_memory(struct vector_run *run)
{
	for (size_t i = 0; i < run->vector->ram_count; i++) {
		const struct vector_range *range = &run->vector->ram[i];
		const enum iommusim_status status =
		    iommusim_memory_add(run->machine, range->base, range->size, IOMMUSIM_MEMORY_RAM);

		if (status != IOMMUSIM_OK)
			return refuse_machine(run, status, "ram", &i,
			    "whole pages below 2^52 that are in no other range");
	}
	return true;
}

static bool add_unit(struct vector_run *run, const struct iommusim_unit_settings *settings)
{
	const uint64_t base = run->vector->mmio_base;
	enum iommusim_status status = IOMMUSIM_EEXIST;

	if (base % IOMMUSIM_PAGE_SIZE == 0 && base < UINT64_C(1) << IOMMUSIM_PHYSICAL_BITS)
		status = run->vector->vendor->create_unit(run->machine, run->vector, settings);
	if (status == IOMMUSIM_EEXIST)
		return refuse_machine(
		    run, status, "mmio_base", NULL, "a page below 2^52 that is in no range of `ram`");
	run->has_unit = status == IOMMUSIM_OK;
	/* Whether there can be such a unit may be what is disputed. */
	return run->has_unit || (status == IOMMUSIM_EINVAL && run->vector->disputed) ||
	    refuse_machine(run, status, "caps", NULL, "register values of a unit there can be");
}

static bool run_steps(struct vector_run *run)
{
	if (!run->has_unit)
		return true;
	for (run->step = 0; run->step < run->vector->step_count; run->step++)
		if (!run_step(run, &run->vector->steps[run->step]))
			return false;
	return true;
}

bool vector_execute(const struct vector *vector, const struct vector_run_options *options,
    struct vector_json *json, struct vector_result *result)
{
	struct vector_run *run = calloc(1, sizeof(*run));
	bool ran;

	*result = (struct vector_result){ .count = 0 };
	json->depth = 0;
	if (run == NULL)
		return vector_json_out_of_memory(json);
	run->vector = vector;
	run->json = json;
	run->result = result;
	run->preferred = options->preferred;
	ran = iommusim_machine_create(NULL, &run->machine) == IOMMUSIM_OK
	    ? add_memory(run) && add_unit(run, &options->settings) && run_steps(run)
	    : vector_run_out_of_memory(run);
	iommusim_machine_destroy(run->machine); /* with its requesters */
	free(run);
	return ran;
}

void vector_result_free(struct vector_result *result)
{
	free(result->failures);
	*result = (struct vector_result){ .count = 0 };
}
