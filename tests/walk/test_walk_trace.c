/* `iommusim walk --trace`: the state after a line, what a trace may be, releases, errors with their place. */
#include "walk_run.h"

#define STORY IOMMUSIM_SOURCE_DIR "/scenarios/host-disk-to-guest-memory/failing.iommu"

/* Line 5 maps 0x5000, line 6 uses it, line 7 takes it away again, line 8 is bad. */
static const char lesson[] =
    "#!iommusim 1\n"
    "machine(iommu=vtd, memory=1G)\n"
    "device(7/0/0, \"ppt0\", driver=ppt)\n"
    "iommu_create_domain(1G) = d\n"
    "iommu_create_mapping(d, 0x5000, 0x77000, 0x1000)\n"
    "iommu_add_device(d, 7/0/0)\n"
    "iommu_enable()\n"
    "dma(7/0/0, write, 0x5000, 64) expect blocked # it is not: nobody asks here\n"
    "iommu_remove_mapping(d, 0x5000, 0x1000)\n"
    "iommu_destroy_domain(e)\n";

static const char *write_lesson(void)
{
	return folder_write("lesson.iommu", lesson);
}

static void the_state_is_that_after_the_line(void **state)
{
	const char *file = write_lesson();

	(void)state;
	assert_walked(
	    walk("--trace %s --line 3 --rid 7/0/0 --iova 0x5000", file), 0, "VT-d, off, unit at ");
	assert_walked(walk("--trace %s --line 7 --rid 7/0/0 --iova 0x5010", file), 0,
	    "result   allowed: 0x5010 -> 0x77010, in a 4 KiB page\n");
	assert_walked(walk("--trace %s --line 8 --rid 7/0/0 --iova 0x5000", file), 0, "-> 0x77000");
	/* by the tables: the IOTLB, which line 8 filled, is not asked */
	assert_walked(walk("--trace %s --line 9 --rid 7/0/0 --iova 0x5000", file), 1,
	    "result   denied, reason 6h: ");
}

static void a_trace_that_cannot_run_up_to_the_line_is_refused(void **state)
{
	const char *file = write_lesson();

	(void)state;
	assert_refused(walk("--trace %s --line 10 --rid 7/0/0 --iova 0", file), "lesson.iommu:10:");
	assert_refused(walk("--trace %s --rid 7/0/0 --iova 0", file), "lesson.iommu:10:");
	assert_refused(walk("--trace %s --line 1 --rid 7/0/0 --iova 0", file),
	    "lesson.iommu:1:13: expected `machine(...)`");
	assert_refused(walk("--trace %s --line 11 --rid 7/0/0 --iova 0", file),
	    "lesson.iommu:10:1: this is the last line; --line 11 is beyond it");
	assert_refused(walk("--trace %s.no --rid 7/0/0 --iova 0", file), "cannot be opened");
}

static void compressed_traces_are_read(void **state)
{
	const char *file = folder_write("lesson.iommu.gz", lesson);

	(void)state;
	assert_walked(walk("--trace %s --line 7 --rid 7/0/0 --iova 0x5000", file), 0, "-> 0x77000");
}

static void devices_have_their_names(void **state)
{
	struct json_object *object;

	(void)state;
	assert_walked(walk("--trace %s --line 7 --rid 07:00.0 --iova 0x5000", write_lesson()), 0,
	    "requester 07:00.0 \"ppt0\" = bus 0x07, device and function 0x00\n");
	object = walked_json(
	    walk("--json --trace %s --line 7 --rid 07:00.0 --iova 0x5000", write_lesson()), 0);
	assert_string_equal(text(object, "name"), "ppt0");
	json_object_put(object);
}

/* The story of the host's disk: line 16 is the DMA that is lost under 13.0, and not under 13.1. */
static void a_story_under_another_release(void **state)
{
	static const char question[] = "--line 16 --rid 00:17.0 --iova 0x4d2100000 --write";
	struct json_object *object = walked_json(walk("--json --trace " STORY " %s", question), 1);

	(void)state;
	assert_int_equal(number(object, "fault.reason"), 5);
	assert_int_equal(number(object, "domain"), 1);
	assert_int_equal(json_object_array_length(member(object, "steps")), 6);
	assert_string_equal(text(object, "steps.5.name"), "SS-PTE");
	assert_int_equal(number(object, "steps.5.raw.0"), 0);
	json_object_put(object);
	assert_walked(walk("--trace " STORY " %s", question), 1,
	    "write to 0x4d2100000 = L4 0x000 | L3 0x013 | L2 0x090 | L1 0x100 | offset 0x000\n");
	object = walked_json(walk("--json --vmm 13.1 --trace " STORY " %s", question), 0);
	assert_int_equal(number(object, "physical"), 0x4d2100000);
	json_object_put(object);
}

/* Line 22 changes the entry: the walk sees what the table says, although the unit does not yet. */
static void interrupts_of_a_trace(void **state)
{
	static const char file[] = IOMMUSIM_SOURCE_DIR "/scenarios/stale-interrupt-entry/stale.iommu";

	(void)state;
	assert_walked(
	    walk("--trace %s --line 7 --rid 7/0/0 --interrupt 0xfee01000,0x31", write_lesson()), 0,
	    "result   sent as it came: address 0xfee01000, data 0x31\n");
	assert_walked(walk("--trace %s --line 21 --rid 0/3/0 --interrupt 0xfee00030,0", file), 0,
	    "result   sent: address 0xfee02000, data 0x4031\n");
	assert_walked(walk("--trace %s --line 22 --rid 0/3/0 --interrupt 0xfee00030,0", file), 0,
	    "result   sent: address 0xfee02000, data 0x4032\n");
	assert_walked(walk("--trace %s --line 22 --rid 0/4/0 --interrupt 0xfee00030,0", file), 1,
	    "^ the interrupt stops here: it comes from 0x20\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_is_that_after_the_line),
		cmocka_unit_test(a_trace_that_cannot_run_up_to_the_line_is_refused),
		cmocka_unit_test(compressed_traces_are_read),
		cmocka_unit_test(devices_have_their_names),
		cmocka_unit_test(a_story_under_another_release),
		cmocka_unit_test(interrupts_of_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
