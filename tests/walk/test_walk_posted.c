/* `iommusim walk` of posted interrupts: three steps, which bit is set, who is told and why nobody is. */
#include "walk_run.h"

#define STORY "--trace " IOMMUSIM_SOURCE_DIR "/scenarios/posted-interrupt/posted.iommu"

/* Entry 2 posts vector C5h for processor 7; the first interrupt of the story was notified already. */
static void a_posted_interrupt_is_shown_with_its_descriptor(void **state)
{
	static const char shown[] =
	    "VT-d posted interrupt, xAPIC, unit at 0xfed91000\n"
	    "requester 00:03.0 \"nic0\" = bus 0x00, device and function 0x18\n"
	    "interrupt  address 0xfee00050, data 0x0\n"
	    "\n"
	    "1  interrupt request  5.1.2.2  on the bus             00000000_fee00050  HANDLE15=0 SHV=0 "
	    "FORMAT=1 HANDLE=2\n"
	    "                                                                         PREFIX=0xfee\n"
	    "                                                      00000000_00000000  SUBHANDLE=0 "
	    "HIGH_DATA=0\n"
	    "2  IRTE               9.10     0x000000100020 [0x02]  00102000_00c5c001  P=1 FPD=0 URG=1 IM=1 "
	    "VV=0xc5\n"
	    "                                                                         PDAL=0x102000\n"
	    "                                                      00000000_00040018  SID=0x18 SQ=0 SVT=1 "
	    "PDAH=0x0\n"
	    "3  PID                9.11     0x000000102000         00020000_00000000  "
	    "PIR0=0x2000000000000\n"
	    "                                                      00000000_00000000  PIR1=0\n"
	    "                                                      00000000_00000000  PIR2=0\n"
	    "                                                      00000000_00000000  PIR3=0\n"
	    "                                                      00000700_00f20001  ON=1 SN=0 NV=0xf2 "
	    "NDST=0x700\n"
	    "\n"
	    "result   posted: vector 0xc5 (bit 5 of PIR3), in the descriptor at 0x102000\n"
	    "notified nobody: a notification is outstanding (ON=1)\n";
	struct command_run walked = walk(STORY " --line 19 --rid 0/3/0 --interrupt 0xfee00050,0");

	(void)state;
	assert_string_equal(walked.output, shown);
	assert_int_equal(walked.code, 0);
	command_run_free(&walked);
}

/* By the lines of the story: before any interrupt; one outstanding; suppressed; a reserved bit. */
static void the_result_says_who_is_told_and_why(void **state)
{
	static const struct {
		unsigned line;
		int code;
		const char *request;
		const char *shown;
	} rows[] = {
		{ 17, 0, "0xfee00030,0",
		    "result   posted: vector 0x31 (bit 49 of PIR0), in the descriptor at 0x102000\n"
		    "notified address 0xfee07000, data 0x40f2: ON becomes 1\n" },
		{ 19, 0, "0xfee00030,0", " at 0x102000, which has it already\nnotified nobody: " },
		{ 27, 0, "0xfee00030,0",
		    "notified nobody: notifications are suppressed (SN=1), and it is not urgent (URG=0)\n" },
		{ 27, 0, "0xfee00050,0", "notified address 0xfee07000, data 0x40f2: ON becomes 1\n" },
		{ 33, 1, "0xfee00050,0", "^ the interrupt stops here\n" },
		{ 33, 1, "0xfee00050,0", "result   denied, reason 28h: reserved bits in the posted " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_walked(
		    walk(STORY " --line %u --rid 0/3/0 --interrupt %s", rows[i].line, rows[i].request),
		    rows[i].code, rows[i].shown);
}

static void fields_of_a_descriptor_are_explained_one_a_line(void **state)
{
	(void)state;
	assert_walked(walk(STORY " --line 19 --rid 0/3/0 --interrupt 0xfee00030,0 --fields"), 0,
	    "319:288  NDST=0x700                   Notification destination\n");
	assert_walked(walk(STORY " --line 19 --rid 0/3/0 --interrupt 0xfee00030,0 --fields"), 0,
	    "63:38  PDAL=0x102000                Posted descriptor address, bits 31:6\n");
}

/* Values as the bits hold them; a descriptor is in no table; nothing is sent unless somebody is told. */
static void json_of_a_posted_interrupt(void **state)
{
	struct json_object *object, *none;

	(void)state;
	object = walked_json(walk(STORY " --line 17 --rid 0/3/0 --interrupt 0xfee00030,0 --json"), 0);
	assert_string_equal(text(object, "mode"), "posted interrupt, xAPIC");
	assert_true(json_object_get_boolean(member(object, "posted")));
	assert_int_equal(number(object, "sent.address"), 0xfee07000);
	assert_int_equal(number(object, "steps.1.fields.PDAL"), 0x102000 >> 6);
	assert_int_equal(number(object, "steps.1.next"), 0x102000);
	assert_string_equal(text(object, "steps.2.structure"), "posted interrupt descriptor");
	assert_int_equal(number(object, "steps.2.address"), 0x102000);
	assert_int_equal(number(object, "steps.2.raw.4"), UINT64_C(0x070000f20000));
	assert_int_equal(number(object, "steps.2.fields.NV"), 0xf2);
	assert_false(json_object_object_get_ex(member(object, "steps.2"), "table", &none));
	assert_false(json_object_object_get_ex(member(object, "steps.2"), "index", &none));
	json_object_put(object);
	object = walked_json(walk(STORY " --line 19 --rid 0/3/0 --interrupt 0xfee00030,0 --json"), 0);
	assert_true(json_object_get_boolean(member(object, "posted")));
	assert_false(json_object_object_get_ex(object, "sent", &none));
	json_object_put(object);
}

/* Not everything of a table of entries is posted. */
static void json_says_what_is_not_posted(void **state)
{
	struct json_object *object = walked_json(
	    walk("--trace " IOMMUSIM_SOURCE_DIR "/scenarios/stale-interrupt-entry/stale.iommu "
		 "--rid 0/3/0 --interrupt 0xfee00030,0 --json"),
	    0);

	(void)state;
	assert_false(json_object_get_boolean(member(object, "posted")));
	assert_int_equal(number(object, "sent.data"), 0x4032);
	json_object_put(object);
}

#define APIC_STORY "--trace " IOMMUSIM_SOURCE_DIR "/scenarios/posted-interrupt/virtual-apic.iommu"

/* AMD-Vi: a bit in a virtual APIC page; logged, known already, told by a doorbell, not told. */
static void an_amd_interrupt_is_shown_with_its_virtual_apic(void **state)
{
	static const struct {
		const char *request;
		const char *shown;
	} rows[] = {
		{ " --line 15 --rid 0/3/0 --interrupt 0xfee00000,1",
		    "result   posted: vector 0x31 (bit 17 of IRR word 1), in the virtual APIC page at "
		    "0x103000\nnotified by an entry in the GA log, with tag 0x77\n" },
		{ " --line 18 --rid 0/3/0 --interrupt 0xfee00000,1",
		    "0x103000, which has it already\nnotified by an entry in the GA log" },
		{ " --line 18 --rid 0/3/0 --interrupt 0xfee00000,2",
		    "vector 0xc5 (bit 5 of IRR word 6), in the virtual APIC page at 0x103000\n"
		    "notified nobody: it does not run (IsRun=0), and nothing is logged (GALogIntr=0)\n" },
		{ " --line 26 --rid 0/3/0 --interrupt 0xfee00000,1",
		    "notified by a doorbell to 0xfee07000 (IsRun=1)\n" },
		{ " --line 26 --json --rid 0/3/0 --interrupt 0xfee00000,1",
		    "\"posted\":true,\"doorbell\":true,\"sent\":{\"address\":4276121600,\"data\":0}" },
		{ " --line 18 --json --rid 0/3/0 --interrupt 0xfee00000,2", "\"posted\":true}" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct command_run walked = walk("%s%s", APIC_STORY, rows[i].request);

		assert_int_equal(walked.code, 0);
		if (strstr(walked.output, rows[i].shown) == NULL)
			fail_msg("%s\nnot in\n%s", rows[i].shown, walked.output);
		command_run_free(&walked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_posted_interrupt_is_shown_with_its_descriptor),
		cmocka_unit_test(the_result_says_who_is_told_and_why),
		cmocka_unit_test(fields_of_a_descriptor_are_explained_one_a_line),
		cmocka_unit_test(json_of_a_posted_interrupt),
		cmocka_unit_test(json_says_what_is_not_posted),
		cmocka_unit_test(an_amd_interrupt_is_shown_with_its_virtual_apic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
