/* Stories told for both vendors: whose machine it is, whose expectations hold, and what a recording keeps. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/story.h"

#define BOTH                                                                                           \
	STORY_HEADER "machine(iommu=vtd, memory=256M, also=amdvi)\ndevice(1/0/0, \"nic\", driver=ppt)\n"
#define AMD STORY_HEADER "machine(iommu=amdvi, memory=256M)\ndevice(1/0/0, \"nic\", driver=ppt)\n"

/* What the IOMMU blocks: the device is in no domain. */
#define BLOCKED "iommu_init()\ndma(1/0/0, write, 0x1000, 4)"

static void run_on(
    struct story *story, enum iommusim_vendor vendor, const char *profile, const char *text)
{
	const struct iommusim_replay_options options = { .vendor = vendor, .profile = profile };

	story_run_with(story, text, strlen(text), &options);
}

static void passes_on(enum iommusim_vendor vendor, const char *profile, const char *text)
{
	struct story story;

	run_on(&story, vendor, profile, text);
	assert_int_equal(story.status, IOMMUSIM_OK);
	if (!iommusim_replay_passed(&story.summary))
		fail_msg("%s", story.log);
}

static void fails_on(enum iommusim_vendor vendor, const char *profile, const char *text)
{
	struct story story;

	run_on(&story, vendor, profile, text);
	assert_int_equal(story.status, IOMMUSIM_OK);
	assert_false(iommusim_replay_passed(&story.summary));
}

static void a_machine_has_a_unit_of_its_vendor(void **state)
{
	struct story story;

	(void)state;
	story_run(&story, AMD);
	assert_int_equal(story.status, IOMMUSIM_OK);
	assert_string_equal(
	    story.summary.machine, "AMD-Vi, 1 unit, 256 MiB, vmm reference, cache hoard");
	run_on(&story, IOMMUSIM_VENDOR_AMDVI, NULL, BOTH);
	assert_string_equal(
	    story.summary.machine, "AMD-Vi, 1 unit, 256 MiB, vmm reference, cache hoard");
	run_on(&story, IOMMUSIM_VENDOR_VTD, NULL, BOTH);
	assert_string_equal(
	    story.summary.machine, "VT-d, 2 units, 256 MiB, vmm reference, cache hoard");
	/* EFR at 30h, of the preset (SPEC_FACTS 23) */
	passes_on(IOMMUSIM_VENDOR_OF_TRACE, NULL,
	    STORY_HEADER "machine(iommu=amdvi, memory=256M, preset=\"zen4-client\")\n"
			 "mmio_read64(0xfeb80030) = 0x246577efa2254afa\n");
	passes_on(IOMMUSIM_VENDOR_OF_TRACE, NULL,
	    STORY_HEADER
	    "machine(iommu=amdvi, memory=256M)\nmmio_read64(0xfeb80030) = 0x58f77ef22294ade\n");
}

static void a_story_of_one_vendor_is_not_played_on_the_other(void **state)
{
	struct story story;

	(void)state;
	run_on(&story, IOMMUSIM_VENDOR_AMDVI, NULL, STORY_MACHINE);
	assert_int_equal(story.status, IOMMUSIM_EOPNOTSUPP);
	assert_non_null(strstr(story.diagnostic.text, "also=amdvi"));
	run_on(&story, IOMMUSIM_VENDOR_VTD, NULL, AMD);
	assert_int_equal(story.status, IOMMUSIM_EOPNOTSUPP);
	assert_non_null(strstr(story.diagnostic.text, "also=vtd"));
	passes_on(IOMMUSIM_VENDOR_AMDVI, NULL, AMD);
	passes_on(IOMMUSIM_VENDOR_VTD, NULL,
	    STORY_HEADER "machine(iommu=amdvi, memory=256M, preset=\"zen-client\", also=vtd)\n"
			 "mmio_read32(0xfed91000) = 0x10\n");
}

/* A machine without a unit is its processor's: vmm looks for that vendor's table. */
static void without_a_unit_the_processor_says_whose_it_is(void **state)
{
	static const char story[] = STORY_HEADER
	    "machine(iommu=none, memory=256M, also=amdvi)\ndevice(1/0/0, \"nic\", driver=ppt)\n"
	    "dma(1/0/0, write, 0x1000, 4) expect unprotected on vtd  expect lost on amdvi\n";
	static const char amd[] = STORY_HEADER
	    "machine(iommu=none, memory=256M, cpu=amd)\ndevice(1/0/0, \"nic\", driver=ppt)\n"
	    "dma(1/0/0, write, 0x1000, 4) expect unprotected on amdvi  expect lost on vtd\n";

	(void)state;
	passes_on(IOMMUSIM_VENDOR_VTD, NULL, story);
	fails_on(IOMMUSIM_VENDOR_AMDVI, NULL, story);
	passes_on(IOMMUSIM_VENDOR_OF_TRACE, NULL, amd);
}

static void an_expectation_may_be_of_one_vendor(void **state)
{
	static const char story[] =
	    BOTH BLOCKED " expect fault(2) on vtd  expect fault(2), blocked on amdvi\n";
	static const char wrong[] = BOTH BLOCKED " expect blocked  expect lost on amdvi\n";

	(void)state;
	passes_on(IOMMUSIM_VENDOR_VTD, NULL, story);   /* VT-d 2h: the context entry is not present */
	passes_on(IOMMUSIM_VENDOR_AMDVI, NULL, story); /* AMD-Vi 2h: an I/O page fault */
	passes_on(IOMMUSIM_VENDOR_VTD, NULL, wrong);
	fails_on(IOMMUSIM_VENDOR_AMDVI, NULL, wrong);
}

/* Vendor and profile together win over either, and either over none. */
static void the_closest_expectations_hold(void **state)
{
	static const char text[] =
	    BOTH "sysctl(\"hw.vmm.amdvi.enable\", 1)\niommu_init()\ndma(1/0/0, write, 0x1000, 4)"
		 " expect lost  expect blocked on vtd  expect stale under 13.0"
		 "  expect breach on amdvi under 13.0  expect blocked on amdvi under reference"
		 "  expect blocked on vtd under 13.0  expect breach under 14.2\n";

	(void)state;
	passes_on(IOMMUSIM_VENDOR_VTD, "reference", text);
	passes_on(IOMMUSIM_VENDOR_VTD, "13.0", text);
	passes_on(IOMMUSIM_VENDOR_AMDVI, "13.0", text);
	passes_on(IOMMUSIM_VENDOR_AMDVI, "14.2", text);
	passes_on(IOMMUSIM_VENDOR_AMDVI, "reference", text);
	fails_on(IOMMUSIM_VENDOR_AMDVI, "13.1", text); /* lost */
	fails_on(IOMMUSIM_VENDOR_VTD, "14.2", text);   /* both of one name: blocked, and breach */
}

/* What a recording is replayed to is what was recorded, and is recorded alike. */
static void round_trip(const char *story, const char *unit)
{
	struct story first, second;
	char *text = story_record(story, strlen(story), &first), *again;

	assert_true(iommusim_replay_passed(&first.summary));
	if (strstr(text, unit) == NULL)
		fail_msg("no %s in %s", unit, text);
	again = story_record(text, strlen(text), &second);
	assert_true(iommusim_replay_passed(&second.summary));
	assert_string_equal(second.summary.machine, first.summary.machine);
	assert_memory_equal(second.summary.dma, first.summary.dma, sizeof(first.summary.dma));
	assert_string_equal(again, text);
	free(again);
	free(text);
}

#define TOLD                                                                                           \
	"device(1/0/0, \"nic\", driver=ppt)\n"                                                         \
	"vm_create(\"a\")\nvm_setup_memory(\"a\", 16M)\nvm_assign_pptdev(\"a\", 1/0/0)\n"              \
	"dma(1/0/0, write, 0x1000, 4K)\ndma(1/0/0, write, 0x1000000, 4)  expect blocked on amdvi\n"

#define UNTOLD                                                                                         \
	"device(1/0/0, \"nic\", driver=ppt)\n"                                                         \
	"iommu_init() = error(ENXIO)\ndma(1/0/0, write, 0x1000, 4K)  expect unprotected on amdvi\n"

static void a_recording_keeps_the_unit(void **state)
{
	(void)state;
	round_trip(STORY_HEADER "machine(iommu=amdvi, memory=256M, preset=\"zen3-mobile\")\n" TOLD,
	    "machine(iommu=amdvi, memory=0x10000000, vmm=\"reference\", cpu=amd, cache=hoard, "
	    "preset=\"zen3-mobile\", acpi_hex=\"49565253");
	/* a unit that is in no table: by its register values, and vmm does not find it */
	round_trip(STORY_HEADER "machine(iommu=none, memory=256M, cpu=amd)\n"
				"amdvi_unit(0xfd300000, efr=0x58f77ef22294ade, all=yes)\n" UNTOLD,
	    "amdvi_unit(0xfd300000, efr=0x58f77ef22294ade, efr2=0x0, ");
	round_trip(STORY_HEADER "machine(iommu=none, memory=256M, cpu=amd)\n"
				"amdvi_unit(0xfeb80000, efr=0x40, range=0x80, all=yes)\n" UNTOLD,
	    "range=0x80, ");
}

static void units_that_cannot_be(void **state)
{
	struct story story;

	(void)state;
	story_run(&story, STORY_HEADER "machine(iommu=none, memory=1M)\namdvi_unit(0x1234, efr=0)\n");
	assert_int_equal(story.status, IOMMUSIM_EFORMAT);
	assert_int_equal(story.diagnostic.line, 3);
	assert_int_equal(story.diagnostic.column, 12);
	assert_non_null(strstr(story.diagnostic.text, "16 KiB"));
	story_run(&story,
	    STORY_HEADER "machine(iommu=none, memory=1M)\n"
			 "amdvi_unit(0xfeb80000, efr=0, misc0=0x100000000)\n");
	assert_int_equal(story.status, IOMMUSIM_EFORMAT);
	assert_int_equal(story.diagnostic.column, 37);
	story_run(&story, STORY_HEADER "machine(iommu=amdvi, memory=1M, preset=\"zen2-clients\")\n");
	assert_int_equal(story.status, IOMMUSIM_EFORMAT);
	assert_non_null(strstr(story.diagnostic.text, "did you mean \"zen2-client\""));
	story_run(&story, STORY_HEADER "machine(iommu=amdvi, memory=1M, preset=\"skylake-client\")\n");
	assert_int_equal(story.status, IOMMUSIM_EFORMAT);
}

static void vendors_have_names(void **state)
{
	enum iommusim_vendor vendor;

	(void)state;
	assert_string_equal(iommusim_vendor_name(IOMMUSIM_VENDOR_VTD), "vtd");
	assert_string_equal(iommusim_vendor_name(IOMMUSIM_VENDOR_AMDVI), "amdvi");
	assert_int_equal(iommusim_vendor_find("amdvi", &vendor), IOMMUSIM_OK);
	assert_int_equal(vendor, IOMMUSIM_VENDOR_AMDVI);
	assert_int_equal(iommusim_vendor_find("amd", &vendor), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_vendor_find("", &vendor), IOMMUSIM_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_has_a_unit_of_its_vendor),
		cmocka_unit_test(a_story_of_one_vendor_is_not_played_on_the_other),
		cmocka_unit_test(without_a_unit_the_processor_says_whose_it_is),
		cmocka_unit_test(an_expectation_may_be_of_one_vendor),
		cmocka_unit_test(the_closest_expectations_hold),
		cmocka_unit_test(a_recording_keeps_the_unit),
		cmocka_unit_test(units_that_cannot_be),
		cmocka_unit_test(vendors_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
