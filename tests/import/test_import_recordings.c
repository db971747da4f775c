/*
 * The real input: what Linux's own events say is mapped must be, page by page, what the tables of the imported
 * trace map at the checkpoints. `expected_live` beside the recordings was made from the same events by another
 * program; the tables here are the simulated vmm's, walked by the model. Rights are not compared: vmm's calls
 * have none.
 */
#include <stdio.h>
#include <unistd.h>

#include <json-c/json.h>

#include <iommusim/pci.h>
#include <iommusim/vmm.h>
#include <iommusim/walk.h>

#include "import/imported.h"

#define FOLDER    IOMMUSIM_SHARED "/recordings"
#define PAGE_SIZE UINT64_C(4096)

/* Messages go there, whatever is mapped: VT-d 3.14, AMD-Vi 2.1.4. */
#define MESSAGES     UINT64_C(0xfee00000)
#define MESSAGES_END UINT64_C(0xfef00000)

enum { MOST_STRETCHES = 4096, MOST_DEVICES = 16, BITS_A_LEVEL = 9, PAGE_SHIFT = 12 };

struct stretch {
	uint64_t rid, iova, pa, size;
};

struct expected {
	struct stretch stretches[MOST_STRETCHES];
	size_t count;
	uint64_t pages;
	uint64_t rids[MOST_DEVICES];
	size_t rid_count;
};

struct checkpoint {
	const char *recording;
	unsigned number;
	uint64_t pages; /* counted from the file, not by a program of this project */
};

static const struct checkpoint checkpoints[] = {
	{ "intel", 3, 12987 },
	{ "intel", 8, 14292 },
	{ "amd", 3, 699 },
	{ "amd", 8, 2005 },
	{ "intel-cm48", 3, 12987 },
	{ "intel-cm48", 8, 14293 },
};

/* What a walk along all addresses of all devices found. */
struct found {
	const struct expected *expected;
	uint64_t agree;
	uint64_t differ; /* expected, and at another place or not there */
	uint64_t extra;  /* there, and not expected */
};

/* ---- what is expected ---------------------------------------------------------------------------------- */

static uint64_t number_of(struct json_object *object, const char *name, bool *given)
{
	struct json_object *value;

	*given = json_object_object_get_ex(object, name, &value);
	return *given ? json_object_get_uint64(value) : 0;
}

static void read_line(struct expected *expected, struct json_object *object)
{
	struct stretch stretch;
	bool given;

	stretch.rid = number_of(object, "rid", &given);
	assert_true(given);
	stretch.iova = number_of(object, "iova", &given);
	if (!given) {
		assert_true(expected->rid_count < MOST_DEVICES);
		expected->rids[expected->rid_count++] = stretch.rid;
		return;
	}
	stretch.pa = number_of(object, "pa", &given);
	stretch.size = number_of(object, "size", &given);
	assert_true(given && expected->count < MOST_STRETCHES);
	expected->pages += stretch.size / PAGE_SIZE;
	expected->stretches[expected->count++] = stretch;
}

static struct expected *read_expected(const struct checkpoint *checkpoint)
{
	struct expected *expected = calloc(1, sizeof(*expected));
	char name[512], *text, *save = NULL;
	size_t length;

	assert_non_null(expected);
	snprintf(name, sizeof(name), FOLDER "/%s/ckpt%u/expected_live.jsonl.gz", checkpoint->recording,
	    checkpoint->number);
	text = file_read(name, &length);
	assert_non_null(text);
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		struct json_object *object = json_tokener_parse(line);

		assert_non_null(object);
		read_line(expected, object);
		json_object_put(object);
	}
	free(text);
	assert_int_equal(expected->pages, checkpoint->pages);
	return expected;
}

static const struct stretch *find_stretch(const struct expected *expected, uint64_t rid, uint64_t iova)
{
	for (size_t i = 0; i < expected->count; i++) {
		const struct stretch *stretch = &expected->stretches[i];

		if (stretch->rid == rid && iova - stretch->iova < stretch->size)
			return stretch;
	}
	return NULL;
}

/* ---- what is there ------------------------------------------------------------------------------------- */

/* A walk of one address: how much around it is alike, and whether it is mapped. */
static uint64_t span_of(const struct iommusim_walk *walk, bool *mapped)
{
	const struct iommusim_walk_step *last;

	assert_true(walk->step_count > 0);
	last = &walk->steps[walk->step_count - 1];
	*mapped = !walk->result.faulted;
	if (*mapped)
		assert_true(walk->levels > 0); /* not because nothing is translated */
	return last->level == 0 ? 0 : UINT64_C(1) << (PAGE_SHIFT + BITS_A_LEVEL * (last->level - 1u));
}

static void compare_page(struct found *found, uint64_t rid, uint64_t iova, uint64_t pa)
{
	const struct stretch *stretch = find_stretch(found->expected, rid, iova);

	if (stretch == NULL)
		found->extra++;
	else if (pa == stretch->pa + (iova - stretch->iova))
		found->agree++;
	else
		found->differ++;
}

static void search(struct found *found, struct iommusim_requester *requester, uint64_t rid)
{
	struct iommusim_dma_request request = { .kind = IOMMUSIM_DMA_READ, .length = 1 };
	struct iommusim_walk walk;

	do {
		uint64_t span;
		bool mapped;

		if (request.address >= MESSAGES && request.address < MESSAGES_END)
			request.address = MESSAGES_END;
		assert_int_equal(iommusim_walk(requester, &request, &walk), IOMMUSIM_OK);
		span = span_of(&walk, &mapped);
		if (span == 0)
			return;
		if (mapped) {
			/* the simulated vmm maps page by page */
			assert_int_equal(span, PAGE_SIZE);
			compare_page(
			    found, rid, request.address, walk.result.physical & ~(PAGE_SIZE - 1));
		}
		request.address = (request.address & ~(span - 1)) + span;
	} while (request.address >> walk.address_width == 0);
}

/* Every device of the recording, and every one that is on the bus besides. */
static void search_all(
    void *context, const struct iommusim_vmm *vmm, const struct iommusim_check *check)
{
	struct found *found = context;
	struct iommusim_machine *machine = iommusim_vmm_machine(vmm);
	const struct expected *expected = found->expected;
	const struct iommusim_pci_function *function;

	(void)check;
	for (size_t i = 0; i < expected->rid_count; i++) {
		struct iommusim_requester *requester;

		assert_int_equal(
		    iommusim_requester_create(machine, 0, (uint16_t)expected->rids[i], &requester),
		    IOMMUSIM_OK);
		search(found, requester, expected->rids[i]);
		iommusim_requester_destroy(requester);
	}
	for (size_t i = 0; (function = iommusim_pci_at(machine, i)) != NULL; i++) {
		bool known = function->rid == 0x02; /* the AMD-Vi unit itself */

		for (size_t j = 0; j < expected->rid_count; j++)
			known |= expected->rids[j] == function->rid;
		assert_true(known);
	}
}

/* ---- the comparison ------------------------------------------------------------------------------------ */

static struct imported import_recording(const char *recording)
{
	struct imported imported;
	char name[512];
	size_t length;
	char *text;

	snprintf(name, sizeof(name), FOLDER "/%s/guest_ftrace.gz", recording);
	text = file_read(name, &length);
	assert_non_null(text);
	imported = import_text(IOMMUSIM_IMPORT_FTRACE, text, length, NULL);
	free(text);
	assert_int_equal(imported.status, IOMMUSIM_OK);
	/* the real thing is understood whole */
	assert_int_equal(imported.notice_count, 0);
	assert_int_equal(imported.summary.without_domain, 0);
	assert_int_equal(imported.summary.unfinished, 0);
	assert_int_equal(imported.summary.reordered, 0);
	return imported;
}

/* The line at which the guest said that the checkpoint is taken. */
static uint32_t marker_line(const struct imported *imported, unsigned number)
{
	char marker[64], *found;
	uint32_t line = 1;

	snprintf(marker, sizeof(marker), "tracing_mark_write: CKPT %u\n", number);
	found = strstr(imported->trace, marker);
	assert_non_null(found);
	for (const char *at = imported->trace; at < found; at++)
		line += *at == '\n';
	return line;
}

static struct found find(
    const struct imported *imported, const struct expected *expected, uint32_t last_line)
{
	struct found found = { .expected = expected };
	const struct iommusim_replay_options options = {
		.last_line = last_line, .context = &found, .on_end = search_all
	};
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic problem;

	assert_int_equal(iommusim_replay("imported.iommu", imported->trace, imported->length, &options,
			     &summary, &problem),
	    IOMMUSIM_OK);
	assert_true(iommusim_replay_passed(&summary));
	return found;
}

static void need_recordings(void)
{
	if (access(FOLDER, R_OK) == 0)
		return;
	print_message("SKIPPED: " FOLDER " is not there\n");
	skip();
}

static void live_maps_agree_page_by_page(void **state)
{
	(void)state;
	need_recordings();
	for (unsigned i = 0; i < sizeof(checkpoints) / sizeof(checkpoints[0]); i++) {
		struct imported imported = import_recording(checkpoints[i].recording);
		struct expected *expected = read_expected(&checkpoints[i]);
		struct found found =
		    find(&imported, expected, marker_line(&imported, checkpoints[i].number));

		assert_int_equal(found.agree, checkpoints[i].pages);
		assert_int_equal(found.differ, 0);
		assert_int_equal(found.extra, 0);
		free(expected);
		imported_free(&imported);
	}
}

/* The comparison must be able to fail: at the other checkpoint, and with one line of the trace left out. */
static void another_map_does_not_agree(void **state)
{
	struct imported imported;
	struct expected *expected;
	struct found found;
	char *mapping;

	(void)state;
	need_recordings();
	imported = import_recording("amd");
	expected = read_expected(&checkpoints[2]);
	found = find(&imported, expected, marker_line(&imported, 8));
	assert_true(found.agree < expected->pages && found.extra > 0);
	/* one of the disk's, which lives to the end */
	mapping = strstr(imported.trace, "iommu_create_mapping(dom7, 0xfffe0000, ");
	assert_non_null(mapping);
	*mapping = '#';
	found = find(&imported, expected, marker_line(&imported, 3));
	assert_int_equal(found.agree, expected->pages - 48); /* 64 KiB, for each of three devices */
	free(expected);
	imported_free(&imported);
}

static void a_whole_recording_replays(void **state)
{
	static const char *const recordings[] = { "intel", "amd", "intel-cm48" };

	(void)state;
	need_recordings();
	for (unsigned i = 0; i < sizeof(recordings) / sizeof(recordings[0]); i++) {
		struct imported imported = import_recording(recordings[i]);
		struct iommusim_replay_summary summary = assert_replays(&imported);

		assert_int_equal(summary.calls, imported.summary.statements);
		assert_true(imported.progress_total == 0 || imported.progress_calls > 0);
		imported_free(&imported);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(live_maps_agree_page_by_page),
		cmocka_unit_test(another_map_does_not_agree),
		cmocka_unit_test(a_whole_recording_replays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
