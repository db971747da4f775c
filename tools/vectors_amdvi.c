/* What conformance vectors for AMD-Vi have of their own: register values at reset, and the event log. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <iommusim/amdvi.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "vectors_json.h"
#include "vectors_run.h"

/* Registers and their bits (AMD-Vi 3.4). */
enum {
	EVENT_BASE = 0x10,
	CONTROL = 0x18,
	EVENT_TAIL = 0x2018,
	STATUS = 0x2020,
	CONTROL_EVENT_LOG_EN = 1 << 2,
	STATUS_EVENT_OVERFLOW = 1 << 0,
	STATUS_EVENT_LOG_INT = 1 << 1,
	STATUS_EVENT_LOG_RUN = 1 << 3,
	EVENT_SIZE = 16
};

#define EVENT_BASE_ADDRESS UINT64_C(0x000ffffffffff000)

/* ---- reading ------------------------------------------------------------------------------------------- */

/* A register that every unit has as 0 after a reset. */
static bool read_zero(struct vector_json *json, struct json_object *object, const char *name)
{
	struct json_object *member;
	uint64_t value;

	if (!vector_json_has(object, name, &member))
		return true;
	if (!vector_json_number(json, object, name, UINT64_MAX, &value))
		return false;
	if (value == 0)
		return true;
	vector_json_enter(json, name);
	return vector_json_refuse(
	    json, 0, "expected 0: no unit comes out of a reset with another value");
}

static bool read_caps(struct vector_json *json, struct json_object *object, struct vector_caps *caps)
{
	static const char *const zero[] = { "CTRL", "STATUS", "DEVTAB", "CMDBASE", "EVTBASE" };
	const struct {
		const char *name;
		uint64_t most;
		uint64_t *value;
	} optional[] = {
		{ "EFR2", UINT64_MAX, &caps->features2 },
		{ "CAPHDR", UINT32_MAX, &caps->header },
		{ "RANGE", UINT32_MAX, &caps->range },
		{ "MISC0", UINT32_MAX, &caps->misc0 },
		{ "MISC1", UINT32_MAX, &caps->misc1 },
		{ "IOMMU_RID", UINT16_MAX, &caps->requester },
	};
	struct json_object *member;

	if (!vector_json_number(json, object, "EFR", UINT64_MAX, &caps->features))
		return false;
	for (unsigned i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (vector_json_has(object, optional[i].name, &member) &&
		    !vector_json_number(
			json, object, optional[i].name, optional[i].most, optional[i].value))
			return false;
	for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		if (!read_zero(json, object, zero[i]))
			return false;
	return true;
}

/* Does `unreliable` name this part of the event? Its other words are about parts that are not compared. */
static bool is_unreliable(struct json_object *object, const char *name)
{
	struct json_object *list;

	if (!vector_json_has(object, "unreliable", &list))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(list, i));

		if (word != NULL && strcmp(word, name) == 0)
			return true;
	}
	return false;
}

static bool read_fault(struct vector_json *json, struct json_object *object, struct vector_fault *fault)
{
	struct json_object *member;

	if (vector_json_has(object, "unreliable", &member) &&
	    !vector_json_array(json, object, "unreliable", &member))
		return false;
	if (!vector_json_number(json, object, "code", 15, &fault->reason.value))
		return false;
	fault->reason.present = !is_unreliable(object, "code");
	if (!vector_json_has(object, "rid", &member))
		return true;
	if (!vector_json_number(json, object, "rid", UINT16_MAX, &fault->requester.value))
		return false;
	fault->requester.present = !is_unreliable(object, "rid");
	return true;
}

/* ---- the unit ------------------------------------------------------------------------------------------ */

/*
 * The references tag what they cache with the device: vectors give devices of one domain tables of their
 * own, which no software may (AMD-Vi 2.2.2.1: a domain id stands for one set of tables).
 */
static enum iommusim_status create_unit(struct iommusim_machine *machine, const struct vector *vector,
    const struct iommusim_unit_settings *settings)
{
	const struct vector_caps *caps = &vector->caps;
	struct iommusim_amdvi_config config = {
		.base = vector->mmio_base,
		.rid = (uint16_t)caps->requester,
		.features = caps->features,
		.features2 = caps->features2,
		.capability_header = (uint32_t)caps->header,
		.capability_range = (uint32_t)caps->range,
		.capability_misc0 = (uint32_t)caps->misc0,
		.capability_misc1 = (uint32_t)caps->misc1,
		.settings = *settings,
	};
	struct iommusim_unit *unit;
	enum iommusim_status status;

	config.settings.match = IOMMUSIM_MATCH_SOURCE;
	status = iommusim_amdvi_create(machine, &config, &unit);
	if (status == IOMMUSIM_OK)
		iommusim_unit_include_all(unit);
	return status;
}

static uint64_t read_register(const struct vector_run *run, uint64_t offset)
{
	uint64_t value = 0;

	iommusim_mmio_read(run->machine, run->vector->mmio_base + offset, 8, &value);
	return value;
}

static void observe(const struct vector_run *run, struct vector_faults *faults)
{
	const uint64_t base = read_register(run, EVENT_BASE);

	faults->status = read_register(run, STATUS);
	faults->log = base & EVENT_BASE_ADDRESS;
	faults->log_bytes = (uint64_t)EVENT_SIZE << (base >> 56 & 15);
	faults->tail = read_register(run, EVENT_TAIL);
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

/*
 * The first event this request left, or the one it would have left when the log takes none because it ran
 * over. False: it left none.
 */
static bool find_event(
    const struct vector_run *run, const struct vector_observed *observed, uint64_t event[2])
{
	const struct vector_faults *before = observed->before, *after = observed->after;
	const bool ran_over = (before->status & STATUS_EVENT_LOG_RUN) == 0 &&
	    (read_register(run, CONTROL) & CONTROL_EVENT_LOG_EN) != 0;

	if (after->tail != before->tail)
		return iommusim_memory_read(run->machine,
			   before->log + before->tail % before->log_bytes, event,
			   EVENT_SIZE) == IOMMUSIM_OK;
	if (!ran_over || observed->fault == NULL)
		return false;
	memcpy(event, observed->fault->record, EVENT_SIZE);
	return true;
}

static void say_event(char *text, size_t room, uint64_t code, uint64_t rid)
{
	snprintf(text, room, "event %" PRIX64 "h of %02x:%02x.%x", code, (unsigned)(rid >> 8 & 0xff),
	    (unsigned)(rid >> 3 & 0x1f), (unsigned)(rid & 7));
}

/* Is this the event the vector has? The references do not get bus numbers right: only bus 0 is compared. */
static bool same_event(const struct vector_observed *observed, uint64_t code, uint64_t rid)
{
	const struct vector_fault *fault = &observed->dma->fault;

	return (!fault->reason.present || fault->reason.value == code) &&
	    (!fault->requester.present || observed->dma->requester >> 8 != 0 ||
		fault->requester.value == rid);
}

static bool judge(
    struct vector_run *run, const struct vector_observed *observed, struct vector_failure *failure)
{
	const struct vector_fault *fault = &observed->dma->fault;
	uint64_t event[2] = { 0, 0 };
	const bool found = find_event(run, observed, event);
	const uint64_t code = event[0] >> 60, rid = event[0] & 0xffff;

	/* The reference that outcomes come from logs nothing; where the other does not either, none is known. */
	if (!fault->present && observed->dma->outcome == VECTOR_OUTCOME_FAULT)
		return true;
	if (fault->present ? found && same_event(observed, code, rid) : !found)
		return true;
	snprintf(failure->expected, sizeof(failure->expected), "no event");
	snprintf(failure->got, sizeof(failure->got), "no event");
	if (fault->present)
		say_event(failure->expected, sizeof(failure->expected), fault->reason.value,
		    fault->requester.value);
	if (found)
		say_event(failure->got, sizeof(failure->got), code, rid);
	return false;
}

/*
 * The registers of vectors are those of a reference that logs no event: once one is logged here, what tells
 * of that is not compared.
 */
static uint8_t ignored(const struct vector_run *run, uint64_t offset)
{
	const bool logged = (read_register(run, STATUS) & STATUS_EVENT_LOG_INT) != 0 &&
	    (read_register(run, CONTROL) & CONTROL_EVENT_LOG_EN) != 0;

	if (!logged)
		return 0;
	if (offset == STATUS)
		return STATUS_EVENT_LOG_INT | STATUS_EVENT_OVERFLOW;
	return offset >= EVENT_TAIL && offset < EVENT_TAIL + 8 ? UINT8_MAX : 0;
}

const struct vector_vendor vector_amdvi = {
	.name = "amdvi",
	.mmio_size = 0x4000,
	.read_caps = read_caps,
	.read_fault = read_fault,
	.create_unit = create_unit,
	.observe = observe,
	.judge = judge,
	.ignored = ignored,
};
