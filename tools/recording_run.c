/* Runs a recording line by line and compares. DMA, checkpoints and vendors have files of their own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/interrupt.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "recording_run.h"

enum { CHUNK = 512 /* words of memory that are stored at once */ };

const char *recording_rights(unsigned rights)
{
	static const char *const names[] = { "nothing", "read", "write", "read and write" };

	return names[rights & 3];
}

enum iommusim_status recording_requester(
    struct recording_run *run, uint16_t rid, struct iommusim_requester **requester)
{
	enum iommusim_status status = IOMMUSIM_OK;

	if (run->requesters[rid] == NULL)
		status =
		    iommusim_requester_create(run->platform.machine, 0, rid, &run->requesters[rid]);
	*requester = run->requesters[rid];
	return status;
}

void recording_report(struct recording_run *run, struct recording_parting *parting)
{
	parting->line = run->input.line;
	if (run->watcher->parted != NULL)
		run->watcher->parted(run->watcher->context, parting);
}

/* ---- register accesses and memory ---------------------------------------------------------------------- */

/* Where and how wide an access is. `*most`: the largest value of that width. */
static enum iommusim_status take_access(
    struct recording_run *run, uint64_t *offset, uint64_t *size, uint64_t *most)
{
	struct recording_input *input = &run->input;
	enum iommusim_status status =
	    recording_input_number(input, input->object, "off", UINT32_MAX, offset);

	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, input->object, "size", 8, size);
	if (status != IOMMUSIM_OK)
		return status;
	if (*size != 1 && *size != 2 && *size != 4 && *size != 8)
		return recording_input_refuse(input, "size", "`size`: expected 1, 2, 4 or 8");
	*most = UINT64_MAX >> (64 - 8 * *size);
	return IOMMUSIM_OK;
}

static enum iommusim_status run_access(struct recording_run *run)
{
	struct recording_input *input = &run->input;
	const uint64_t base = iommusim_unit_base(run->platform.unit);
	uint64_t offset = 0, size = 0, most = 0, value = 0, answer = 0;
	const char *direction;
	bool is_write;
	enum iommusim_status status = recording_input_text(input, "rw", &direction);

	if (status == IOMMUSIM_OK)
		status = take_access(run, &offset, &size, &most);
	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, input->object, "val", most, &value);
	if (status != IOMMUSIM_OK)
		return status;
	is_write = strcmp(direction, "w") == 0;
	if (!is_write && strcmp(direction, "r") != 0)
		return recording_input_refuse(input, "rw", "`rw`: expected \"r\" or \"w\"");
	status = is_write
	    ? iommusim_mmio_write(run->platform.machine, base + offset, (unsigned)size, value)
	    : iommusim_mmio_read(run->platform.machine, base + offset, (unsigned)size, &answer);
	if (status != IOMMUSIM_OK)
		return recording_input_refuse(input, "off",
		    "`off`: no register access of %" PRIu64 " bytes can be at 0x%" PRIx64, size,
		    offset);
	run->summary->writes += is_write;
	run->summary->reads += !is_write;
	run->summary->reads_differ += !is_write && answer != value;
	return IOMMUSIM_OK;
}

static enum iommusim_status run_memory(struct recording_run *run)
{
	struct recording_input *input = &run->input;
	struct json_object *words;
	uint64_t address, chunk[CHUNK];
	enum iommusim_status status =
	    recording_input_number(input, input->object, "pa", UINT64_MAX, &address);

	if (status == IOMMUSIM_OK)
		status = recording_input_inner(input, "q", json_type_array, &words);
	if (status != IOMMUSIM_OK)
		return status;
	for (size_t at = 0, count = json_object_array_length(words); at < count; at += CHUNK) {
		const size_t now = count - at < CHUNK ? count - at : CHUNK;

		for (size_t i = 0; status == IOMMUSIM_OK && i < now; i++)
			status = recording_input_element(input, words, "q", at + i, &chunk[i]);
		if (status != IOMMUSIM_OK)
			return status;
		if (iommusim_memory_write(run->platform.machine, address + at * 8, chunk,
			now * sizeof(chunk[0])) != IOMMUSIM_OK)
			return recording_input_refuse(input, "pa",
			    "`pa`: 0x%" PRIx64 " is not all in the RAM of the platform", address);
	}
	return IOMMUSIM_OK;
}

/* The unit's own PCI function: base and MSI are programmed there on some. */
static enum iommusim_status run_config(struct recording_run *run)
{
	struct recording_input *input = &run->input;
	const struct recording_backend *backend = run->platform.backend;
	uint64_t offset = 0, value = 0;
	const char *direction;
	enum iommusim_status status = recording_input_text(input, "rw", &direction);

	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, input->object, "off", 0xfff, &offset);
	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, input->object, "val", UINT32_MAX, &value);
	if (status != IOMMUSIM_OK)
		return status;
	if (strcmp(direction, "w") != 0 && strcmp(direction, "r") != 0)
		return recording_input_refuse(input, "rw", "`rw`: expected \"r\" or \"w\"");
	run->summary->config_writes += direction[0] == 'w';
	run->summary->config_reads += direction[0] == 'r';
	if (backend->configure != NULL)
		backend->configure(run,
		    &(struct recording_config_access){ .is_write = direction[0] == 'w',
			.offset = (unsigned)offset,
			.value = (uint32_t)value });
	return IOMMUSIM_OK;
}

/* ---- interrupts ---------------------------------------------------------------------------------------- */

/* Take what the sink has; the unit's own events are counted, and notifications are none. */
static void drain_interrupts(struct recording_run *run)
{
	struct iommusim_interrupt message;

	while (iommusim_interrupt_take(run->platform.machine, &message) == IOMMUSIM_OK)
		run->summary->events_sent += message.from_unit && !message.posted;
}

struct message {
	uint64_t address, data, out_address, out_data;
};

static enum iommusim_status take_message(
    struct recording_run *run, struct message *message, struct iommusim_requester **requester)
{
	struct recording_input *input = &run->input;
	struct json_object *object = input->object;
	uint64_t rid = 0;
	bool given;
	enum iommusim_status status =
	    recording_input_number(input, object, "addr", UINT64_MAX, &message->address);

	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, object, "data", UINT32_MAX, &message->data);
	if (status == IOMMUSIM_OK)
		status =
		    recording_input_number(input, object, "oaddr", UINT64_MAX, &message->out_address);
	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, object, "odata", UINT32_MAX, &message->out_data);
	if (status == IOMMUSIM_OK)
		status = recording_input_option(input, object, "rid", RECORDING_RIDS - 1, &rid, &given);
	if (status == IOMMUSIM_OK && !given && !run->platform.backend->source_unknown)
		return recording_input_refuse(input, NULL, "expected a number `rid`");
	return status == IOMMUSIM_OK ? recording_requester(run, (uint16_t)rid, requester) : status;
}

static void report_interrupt(struct recording_run *run, const struct message *message,
    const struct iommusim_interrupt *out, const struct iommusim_fault *fault)
{
	struct recording_parting parting = {
		.what = "interrupt",
		.address = message->address,
		.access = "",
	};

	snprintf(parting.expected, sizeof(parting.expected), "0x%" PRIx64 " data 0x%" PRIx64,
	    message->out_address, message->out_data);
	if (fault->class_ == IOMMUSIM_FAULT_NONE && out->posted)
		snprintf(parting.got, sizeof(parting.got), "posted, not sent");
	else if (fault->class_ == IOMMUSIM_FAULT_NONE)
		snprintf(parting.got, sizeof(parting.got), "0x%" PRIx64 " data 0x%" PRIx32,
		    out->address, out->data);
	else
		snprintf(parting.got, sizeof(parting.got), "blocked, reason %Xh: %s", fault->reason,
		    fault->meaning == NULL ? "?" : fault->meaning);
	recording_report(run, &parting);
}

static enum iommusim_status run_interrupt(struct recording_run *run)
{
	struct iommusim_interrupt out = { .address = 0 };
	struct iommusim_fault fault = { .class_ = IOMMUSIM_FAULT_NONE };
	struct iommusim_requester *requester = NULL;
	struct message message = { .address = 0 };
	bool agrees;
	const enum iommusim_status status = take_message(run, &message, &requester);

	if (status != IOMMUSIM_OK)
		return status;
	if (run->platform.backend->interrupt(
		run, requester, message.address, (uint32_t)message.data, &out, &fault) != IOMMUSIM_OK)
		return recording_input_refuse(
		    &run->input, "addr", "`addr`: expected an interrupt address, FEEx_xxxxh");
	drain_interrupts(run);
	/* A recording has messages alone: what is posted is not what it says, notified or not. */
	agrees = fault.class_ == IOMMUSIM_FAULT_NONE && !out.posted &&
	    out.address == message.out_address && out.data == message.out_data;
	run->summary->interrupts.total++;
	run->summary->interrupts.agree += agrees;
	run->summary->source_unknown += run->platform.backend->source_unknown;
	if (!agrees)
		report_interrupt(run, &message, &out, &fault);
	return IOMMUSIM_OK;
}

static enum iommusim_status run_event(struct recording_run *run)
{
	drain_interrupts(run);
	run->summary->events_recorded++;
	return IOMMUSIM_OK;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static enum iommusim_status run_checkpoint(struct recording_run *run)
{
	uint64_t number;
	const enum iommusim_status status =
	    recording_input_number(&run->input, run->input.object, "n", UINT32_MAX, &number);

	return status == IOMMUSIM_OK ? recording_check(run, number) : status;
}

static enum iommusim_status pass_over(struct recording_run *run)
{
	(void)run;
	return IOMMUSIM_OK;
}

static const struct operation {
	const char *name;
	enum iommusim_status (*run)(struct recording_run *run);
} operations[] = {
	{ "xlate", recording_run_translation },
	{ "ir", run_interrupt },
	{ "mem", run_memory },
	{ "fault", recording_run_fault },
	{ "irq", run_event },
	{ "ckpt", run_checkpoint },
	{ "cfg", run_config },
	/* what the device did with what the lines before it say already */
	{ "qi", pass_over },
	{ "cmd", pass_over },
	{ "mark", pass_over },
	{ "note", pass_over },
};

static enum iommusim_status run_line(struct recording_run *run)
{
	struct recording_input *input = &run->input;
	const char *name;
	enum iommusim_status status;

	run->summary->lines++;
	if (json_object_object_get_ex(input->object, "rw", NULL) &&
	    !json_object_object_get_ex(input->object, "op", NULL))
		return run_access(run);
	status = recording_input_text(input, "op", &name);
	if (status != IOMMUSIM_OK)
		return status;
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(operations[i].name, name) == 0)
			return operations[i].run(run);
	return recording_input_refuse(
	    input, "op", "`op`: a recording has no line of kind \"%.32s\"", name);
}

static enum iommusim_status run_lines(struct recording_run *run)
{
	enum iommusim_status status;

	while ((status = recording_input_line(&run->input)) == IOMMUSIM_OK) {
		status = run_line(run);
		if (status != IOMMUSIM_OK)
			return status;
		if (run->watcher->progress != NULL)
			run->watcher->progress(run->watcher->context, run->input.line);
	}
	return status == IOMMUSIM_ENOENT ? IOMMUSIM_OK : status;
}

static void introduce(struct recording_run *run)
{
	const struct recording_platform *platform = &run->platform;
	const unsigned shift = platform->ram >> 30 == 0 ? 20 : 30;

	snprintf(run->summary->machine, sizeof(run->summary->machine),
	    "%s at %" PRIx64 ", %" PRIu64 " %s, cache %s%s", platform->backend->name,
	    iommusim_unit_base(platform->unit), platform->ram >> shift, shift == 30 ? "GiB" : "MiB",
	    iommusim_cache_policy_name(run->options->settings.cache),
	    run->options->settings.drop_invalidations ? ", invalidations dropped" : "");
}

enum iommusim_status recording_run(const char *file, const char *text, size_t length,
    const struct recording_options *options, const struct recording_watcher *watcher,
    struct recording_summary *summary, struct recording_problem *problem)
{
	struct recording_run run = {
		.file = file, .options = options, .watcher = watcher, .summary = summary
	};
	enum iommusim_status status;

	*summary = (struct recording_summary){ .lines = 0 };
	*problem = (struct recording_problem){ .about = { .offset = UINT64_MAX } };
	snprintf(problem->file, sizeof(problem->file), "%s", file);
	status = recording_platform_build(file, options, &run.platform, problem);
	if (status != IOMMUSIM_OK)
		return status;
	introduce(&run);
	run.requesters = calloc(RECORDING_RIDS, sizeof(struct iommusim_requester *));
	status = run.requesters == NULL ? IOMMUSIM_ENOMEM
					: recording_input_open(&run.input, file, text, length, problem);
	if (status == IOMMUSIM_OK)
		status = run_lines(&run);
	drain_interrupts(&run);
	recording_input_close(&run.input);
	free(run.requesters);
	iommusim_machine_destroy(run.platform.machine); /* and the requesters on it */
	return status;
}

/* ---- summaries ----------------------------------------------------------------------------------------- */

void recording_summary_free(struct recording_summary *summary)
{
	free(summary->checkpoints);
	summary->checkpoints = NULL;
	summary->checkpoint_count = summary->checkpoint_room = 0;
}

static bool all_agree(const struct recording_agreement *agreement)
{
	return agreement->agree == agreement->total;
}

bool recording_agrees(const struct recording_summary *summary)
{
	for (size_t i = 0; i < summary->checkpoint_count; i++)
		if (!all_agree(&summary->checkpoints[i].pages))
			return false;
	return all_agree(&summary->translations) && all_agree(&summary->faults) &&
	    all_agree(&summary->interrupts);
}

static void add_agreement(struct recording_agreement *sum, const struct recording_agreement *one)
{
	sum->total += one->total;
	sum->agree += one->agree;
}

void recording_add_up(struct recording_total *total, const struct recording_summary *summary)
{
	struct recording_summary *sum = &total->sum;

	total->files++;
	sum->lines += summary->lines;
	sum->writes += summary->writes;
	sum->reads += summary->reads;
	sum->reads_differ += summary->reads_differ;
	sum->config_writes += summary->config_writes;
	sum->config_reads += summary->config_reads;
	sum->config_reads_differ += summary->config_reads_differ;
	sum->legacy_reasons += summary->legacy_reasons;
	sum->compatibility_passed += summary->compatibility_passed;
	sum->source_unknown += summary->source_unknown;
	sum->events_recorded += summary->events_recorded;
	sum->events_sent += summary->events_sent;
	add_agreement(&sum->translations, &summary->translations);
	add_agreement(&sum->faults, &summary->faults);
	add_agreement(&sum->interrupts, &summary->interrupts);
	for (size_t i = 0; i < summary->checkpoint_count; i++)
		add_agreement(&total->checkpoint_pages, &summary->checkpoints[i].pages);
}
