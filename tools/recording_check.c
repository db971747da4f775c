/* Checkpoints: do the tables map exactly what the driver believed it had mapped? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <iommusim/memory.h>

#include "recording_run.h"
#include "trace_input.h"

/*
 * Tables that map more than can be looked at, or that much which nobody expects, are broken. So many
 * walks take some seconds.
 */
#define MOST_WALKS      (UINT64_C(1) << 23)
#define MOST_UNEXPECTED (UINT64_C(1) << 16)

/* Pages one after the other, in the device's addresses and in memory. */
struct stretch {
	uint16_t rid;
	uint64_t address;
	uint64_t physical;
	uint64_t size;
	unsigned rights;
};

struct check {
	struct recording_run *run;
	uint64_t number;
	struct stretch *expected; /* by requester id and address */
	size_t count;
	size_t room;
	size_t at; /* the first that was not looked for yet; what was, is cut off it */
	uint64_t walks;
	uint64_t unexpected; /* stretches */
	struct recording_agreement pages;
};

/* ---- what is expected ---------------------------------------------------------------------------------- */

static enum iommusim_status add_stretch(struct check *check, const struct stretch *stretch)
{
	if (check->count == check->room) {
		const size_t room = check->room == 0 ? 256 : check->room * 2;
		struct stretch *larger = realloc(check->expected, room * sizeof(*larger));

		if (larger == NULL)
			return IOMMUSIM_ENOMEM;
		check->expected = larger;
		check->room = room;
	}
	check->expected[check->count++] = *stretch;
	return IOMMUSIM_OK;
}

/* {"rid","pages"} says how many follow; {"rid","iova","pa","size","prot"} is a stretch. */
static enum iommusim_status take_stretch(struct check *check, struct recording_input *input)
{
	struct json_object *object = input->object;
	struct stretch stretch = { .size = 0 };
	uint64_t rid = 0, rights = 0;
	bool given;
	enum iommusim_status status =
	    recording_input_number(input, object, "rid", RECORDING_RIDS - 1, &rid);

	if (status == IOMMUSIM_OK)
		status =
		    recording_input_option(input, object, "iova", UINT64_MAX, &stretch.address, &given);
	if (status != IOMMUSIM_OK || !given)
		return status;
	status = recording_input_number(input, object, "pa", UINT64_MAX, &stretch.physical);
	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, object, "size", UINT64_MAX, &stretch.size);
	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, object, "prot", 3, &rights);
	if (status != IOMMUSIM_OK)
		return status;
	if (((stretch.address | stretch.physical | stretch.size) & (IOMMUSIM_PAGE_SIZE - 1)) != 0 ||
	    stretch.size == 0 || stretch.size > UINT64_MAX - stretch.address)
		return recording_input_refuse(input, "iova", "expected whole pages");
	stretch.rid = (uint16_t)rid;
	stretch.rights = (unsigned)rights;
	check->pages.total += stretch.size >> IOMMUSIM_PAGE_SHIFT;
	return add_stretch(check, &stretch);
}

static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *one = a, *other = b;

	if (one->rid != other->rid)
		return one->rid < other->rid ? -1 : 1;
	return one->address < other->address ? -1 : one->address > other->address;
}

static enum iommusim_status read_expected(struct check *check, const char *file, const char *text,
    size_t length, struct recording_problem *problem)
{
	struct recording_input input;
	enum iommusim_status status = recording_input_open(&input, file, text, length, problem);

	while (status == IOMMUSIM_OK && (status = recording_input_line(&input)) == IOMMUSIM_OK)
		status = take_stretch(check, &input);
	if (status == IOMMUSIM_ENOENT)
		status = IOMMUSIM_OK;
	if (status == IOMMUSIM_OK && check->count > 1)
		qsort(check->expected, check->count, sizeof(*check->expected), compare_stretches);
	for (size_t i = 1; status == IOMMUSIM_OK && i < check->count; i++) {
		const struct stretch *last = &check->expected[i - 1], *next = &check->expected[i];

		if (last->rid == next->rid && last->address + last->size > next->address)
			status = recording_input_refuse(&input, NULL,
			    "address 0x%" PRIx64 " of requester 0x%x is there twice", next->address,
			    next->rid);
	}
	recording_input_close(&input);
	return status;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

/* `physical` and `rights` describe what is there, of which nothing is when `rights` is 0. */
static void describe(char *text, size_t room, uint64_t physical, unsigned rights, uint64_t pages)
{
	if (rights == 0)
		snprintf(text, room, "not mapped");
	else
		snprintf(text, room, "page 0x%" PRIx64 ", %s%s", physical, recording_rights(rights),
		    pages == 1 ? "" : ", and on");
}

static void report(struct check *check, const struct stretch *expected, const struct stretch *got)
{
	const struct recording_run *run = check->run;
	const uint64_t pages = expected->size >> IOMMUSIM_PAGE_SHIFT;
	struct recording_parting parting = {
		.what = "checkpoint",
		.line = run->input.line,
		.checkpoint = check->number,
		.has_rid = true,
		.rid = expected->rid,
		.address = expected->address,
		.access = "",
	};

	describe(
	    parting.expected, sizeof(parting.expected), expected->physical, expected->rights, pages);
	describe(parting.got, sizeof(parting.got), got->physical, got->rights, pages);
	if (pages != 1)
		snprintf(parting.tables, sizeof(parting.tables), "%" PRIu64 " pages", pages);
	if (run->watcher->parted != NULL)
		run->watcher->parted(run->watcher->context, &parting);
}

/* Everything expected before an address of a requester was not found. */
static void miss_before(struct check *check, uint32_t rid, uint64_t address)
{
	while (check->at < check->count) {
		struct stretch *expected = &check->expected[check->at];
		struct stretch missed = *expected;

		if (expected->rid > rid || (expected->rid == rid && expected->address >= address))
			return;
		if (expected->rid == rid && expected->address + expected->size > address)
			missed.size = address - expected->address;
		report(check, &missed, &(struct stretch){ .rights = 0 });
		expected->address += missed.size;
		expected->physical += missed.size;
		expected->size -= missed.size;
		if (expected->size == 0)
			check->at++;
	}
}

/* The part of `found` that is expected, from its start; the whole when nothing of it is. */
static uint64_t common_size(const struct check *check, const struct stretch *found, bool *is_expected)
{
	const struct stretch *next = check->at < check->count ? &check->expected[check->at] : NULL;

	*is_expected = false;
	if (next == NULL || next->rid != found->rid || next->address - found->address >= found->size)
		return found->size;
	if (next->address > found->address)
		return next->address - found->address;
	*is_expected = true;
	return next->size < found->size ? next->size : found->size;
}

static bool same_rights(const struct check *check, unsigned expected, unsigned got)
{
	return expected == got ||
	    (expected == 2 && got == 3 && check->run->platform.backend->write_only_is_read_write);
}

/* The tables map this: tell it from what is expected there. Stretches come in their order. */
static void compare(struct check *check, struct stretch found)
{
	miss_before(check, found.rid, found.address);
	while (found.size != 0) {
		bool is_expected;
		const uint64_t size = common_size(check, &found, &is_expected);
		struct stretch part = found, expected = found;

		part.size = expected.size = size;
		expected.rights = 0;
		if (is_expected) {
			struct stretch *next = &check->expected[check->at];

			expected.physical = next->physical;
			expected.rights = next->rights;
			next->address += size;
			next->physical += size;
			next->size -= size;
			check->at += next->size == 0;
		} else {
			check->pages.total += size >> IOMMUSIM_PAGE_SHIFT;
			check->unexpected++;
		}
		if (is_expected && expected.physical == part.physical &&
		    same_rights(check, expected.rights, part.rights))
			check->pages.agree += size >> IOMMUSIM_PAGE_SHIFT;
		else
			report(check, &expected, &part);
		found.address += size;
		found.physical += size;
		found.size -= size;
	}
}

/* Without tables every address is its own; that more than what is expected passes is no mapping. */
static void compare_identity(struct check *check, uint16_t rid)
{
	while (check->at < check->count && check->expected[check->at].rid == rid) {
		struct stretch found = check->expected[check->at];

		found.physical = found.address;
		found.rights = 3;
		compare(check, found);
	}
}

/* ---- finding ------------------------------------------------------------------------------------------- */

/* Walk along the addresses of a requester. The walk of its last address stays in `*walk`. */
static enum iommusim_status search(
    struct check *check, uint16_t rid, struct iommusim_requester *requester, struct iommusim_walk *walk)
{
	const struct recording_backend *backend = check->run->platform.backend;
	struct iommusim_dma_request request = { .kind = IOMMUSIM_DMA_READ, .length = 1 };
	struct recording_span span;

	do {
		uint64_t start;

		if (check->walks++ == MOST_WALKS || check->unexpected > MOST_UNEXPECTED)
			return IOMMUSIM_EBUSY;
		if (iommusim_walk(requester, &request, walk) != IOMMUSIM_OK)
			return IOMMUSIM_EINVAL;
		if (walk->levels == 0 && !walk->result.faulted && request.address == 0)
			compare_identity(check, rid);
		backend->span(walk, &span);
		if (span.size == 0)
			return IOMMUSIM_OK;
		start = request.address & ~(span.size - 1);
		if (span.mapped)
			compare(check,
			    (struct stretch){ .rid = rid,
				.address = start,
				.physical = span.physical,
				.size = span.size,
				.rights = span.rights });
		request.address = start + span.size;
	} while (request.address != 0 &&
	    (walk->address_width == 0 || walk->address_width >= 64 ||
		request.address >> walk->address_width == 0));
	return IOMMUSIM_OK;
}

/* A requester that nothing else uses is there for the search alone: there may be 65536 of them. */
static enum iommusim_status search_requester(
    struct check *check, uint16_t rid, struct iommusim_walk *walk)
{
	struct iommusim_requester *requester = check->run->requesters[rid];
	const bool own = requester == NULL;
	enum iommusim_status status = IOMMUSIM_OK;

	if (own)
		status = iommusim_requester_create(check->run->platform.machine, 0, rid, &requester);
	if (status == IOMMUSIM_OK)
		status = search(check, rid, requester, walk);
	if (own)
		iommusim_requester_destroy(requester);
	return status;
}

static enum iommusim_status search_all(struct check *check)
{
	const struct recording_backend *backend = check->run->platform.backend;
	enum iommusim_status status = IOMMUSIM_OK;
	struct iommusim_walk walk;

	for (uint32_t rid = 0; status == IOMMUSIM_OK && rid < RECORDING_RIDS;
	     rid = backend->next_rid(rid, &walk))
		status = search_requester(check, (uint16_t)rid, &walk);
	return status;
}

/* ---- a checkpoint -------------------------------------------------------------------------------------- */

static enum iommusim_status note(struct recording_summary *summary, const struct check *check)
{
	if (summary->checkpoint_count == summary->checkpoint_room) {
		const size_t room = summary->checkpoint_room == 0 ? 8 : summary->checkpoint_room * 2;
		struct recording_checkpoint *larger =
		    realloc(summary->checkpoints, room * sizeof(*larger));

		if (larger == NULL)
			return IOMMUSIM_ENOMEM;
		summary->checkpoints = larger;
		summary->checkpoint_room = room;
	}
	summary->checkpoints[summary->checkpoint_count++] =
	    (struct recording_checkpoint){ .number = check->number, .pages = check->pages };
	return IOMMUSIM_OK;
}

static enum iommusim_status check_with(
    struct check *check, const char *file, const char *text, size_t length)
{
	struct recording_run *run = check->run;
	enum iommusim_status status = read_expected(check, file, text, length, run->input.problem);

	if (status == IOMMUSIM_OK)
		status = search_all(check);
	if (status == IOMMUSIM_OK)
		miss_before(check, RECORDING_RIDS, 0);
	if (status == IOMMUSIM_EBUSY)
		return recording_input_refuse(&run->input, "n",
		    "checkpoint %" PRIu64 ": the tables map more than can be looked at", check->number);
	return status == IOMMUSIM_OK ? note(run->summary, check) : status;
}

/* The text of expected_live.jsonl.gz, or of it unpacked. ENOENT when there is no such checkpoint. */
static enum iommusim_status find_expected(
    struct recording_run *run, uint64_t number, char **file, char **text, size_t *length)
{
	static const char *const names[] = { "expected_live.jsonl.gz", "expected_live.jsonl" };
	enum iommusim_status status = IOMMUSIM_ENOENT;

	*text = NULL;
	*file = NULL;
	for (unsigned i = 0; i < 2; i++) {
		char name[64];
		struct stat about;

		free(*file);
		snprintf(name, sizeof(name), "ckpt%" PRIu64 "/%s", number, names[i]);
		*file = recording_beside(run->file, name);
		if (*file == NULL)
			return IOMMUSIM_ENOMEM;
		if (stat(*file, &about) != 0)
			continue;
		status = trace_read(*file, text, length, &run->input.problem->about);
		if (status != IOMMUSIM_OK)
			snprintf(
			    run->input.problem->file, sizeof(run->input.problem->file), "%s", *file);
		return status;
	}
	return status;
}

enum iommusim_status recording_check(struct recording_run *run, uint64_t number)
{
	struct check check = { .run = run, .number = number };
	char *file, *text;
	size_t length;
	enum iommusim_status status = IOMMUSIM_ENOENT;

	if (strcmp(run->file, "-") == 0)
		return IOMMUSIM_OK;
	status = find_expected(run, number, &file, &text, &length);
	if (status == IOMMUSIM_OK)
		status = check_with(&check, file, text, length);
	free(check.expected);
	free(text);
	free(file);
	run->summary->checkpoints_alone += status == IOMMUSIM_ENOENT;
	return status == IOMMUSIM_ENOENT ? IOMMUSIM_OK : status;
}
