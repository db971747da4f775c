/* `iommusim walk --memory`: pages, raw and compressed images, DMA and interrupts, text and JSON. */
#include "walk_run.h"

static const char *pages, *platform;

static int write_files(void **state)
{
	(void)state;
	pages = folder_write("pages.jsonl", walk_pages);
	platform = folder_write("platform.json", walk_platform);
	return 0;
}

/* The options that make the machine. */
static const char *machine(void)
{
	static char options[512];

	snprintf(options, sizeof(options), "--memory %s --platform %s --root 0x10000 --irta 0x15003",
	    pages, platform);
	return options;
}

static void a_denied_write_is_shown_entry_by_entry(void **state)
{
	static const char shown[] =
	    "VT-d second stage, 39-bit (3 levels), domain 2, unit at 0xfed90000\n"
	    "requester 00:03.0 = bus 0x00, device and function 0x18\n"
	    "write to 0x40201234 = L3 0x001 | L2 0x001 | offset 0x1234\n"
	    "\n"
	    "1  root entry     9.1  0x000000010000 [0x00]   00000000_00011001  P=1 CTP=0x11000\n"
	    "                                               00000000_00000000\n"
	    "2  context entry  9.3  0x000000011180 [0x18]   00000000_00012001  P=1 FPD=0 TT=0 "
	    "SSPTPTR=0x12000\n"
	    "                                               00000000_00000201  AW=1 DID=2\n"
	    "3  SS-PDPE        9.8  0x000000012008 [0x001]  00000000_00013003  R=1 W=1 PS=0 ADDR=0x13000\n"
	    "4  SS-PDE         9.8  0x000000013008 [0x001]  00000001_c0000081  R=1 W=0 PS=1 "
	    "ADDR=0x1c0000000\n"
	    "                                               ^ the write stops here: W=0\n"
	    "\n"
	    "rights   R = 1 & 1 = 1    W = 1 & 0 = 0\n"
	    "result   denied, reason 5h: a write to a page without W\n"
	    "rule     VT-d 7.1.3 LGN.2\n"
	    "record   8000000500000018_0000000040201000\n";
	struct command_run walked = walk("%s --rid 0/3/0 --iova 0x40201234 --write", machine());

	(void)state;
	assert_string_equal(walked.output, shown);
	assert_string_equal(walked.errors, "");
	assert_int_equal(walked.code, 1);
	command_run_free(&walked);
}

static void an_allowed_read_says_where_it_goes(void **state)
{
	(void)state;
	assert_walked(walk("%s --rid 00:03.0 --iova 0x40201234", machine()), 0,
	    "result   allowed: 0x40201234 -> 0x1c0001234, in a 2 MiB page\n");
	assert_walked(walk("%s --rid 00:03.0 --iova 1077940224 --write", machine()), 0,
	    "result   allowed: 0x40401000 -> 0x77000, in a 4 KiB page\n");
	assert_walked(walk("%s --rid 0:3.0 --iova 0x40401fff", machine()), 0, "0x40401fff -> 0x77fff");
	assert_walked(
	    walk("%s --rid 0x18 --iova 0x40402000", machine()), 1, "^ the read stops here: R=0 W=0\n");
}

/* The entry that decides is the first without the right, not the last that was read. */
static void the_mark_stands_where_the_right_went_missing(void **state)
{
	static const char patch[] = "{\"pa\": 77840, \"hex\": \"0140010000000000\"}\n"; /* L2[2]: R */
	struct command_run walked = walk("%s %s --rid 0/3/0 --iova 0x40401000 --write", machine(),
	    folder_write("patch.jsonl", patch));
	const char *mark = strstr(walked.output, "^ the write stops here: W=0\n");
	const char *last = strstr(walked.output, "SS-PTE");

	(void)state;
	assert_int_equal(walked.code, 1);
	assert_true(mark != NULL && last != NULL && mark < last);
	assert_non_null(strstr(walked.output, "W = 1 & 0 & 1 = 0\n"));
	command_run_free(&walked);
}

static void a_walk_that_ends_early_says_where(void **state)
{
	(void)state;
	assert_walked(walk("%s --rid 0/4/0 --iova 0", machine()), 1,
	    "result   denied, reason 2h: the context entry is not present\n");
	assert_walked(walk("%s --rid 1/0/0 --iova 0", machine()), 1, "reason 1h: ");
	assert_walked(walk("%s --rid 0/3/0 --iova 512G", machine()), 1, "reason 4h: ");
	assert_walked(walk("--memory %s --platform %s --root 2G --rid 0/3/0 --iova 0", pages, platform),
	    1, "no memory there\n");
}

static void requests_beside_the_tables_have_no_steps(void **state)
{
	(void)state;
	assert_walked(walk("%s --rid 0/3/0 --iova 0xfee00000 --write", machine()), 0,
	    "a message interrupt, no access to memory");
	assert_walked(walk("%s --rid 0/3/0 --iova 0xfee00002 --write", machine()), 1, "reason 29h: ");
	assert_walked(walk("%s --rid 0001:00:03.0 --iova 0x5000", machine()), 0,
	    "no remapping unit governs this device\n");
	assert_walked(walk("%s --rid 0/3/0 --iova 0x5000 --pasid 1", machine()), 1, "reason 31h: ");
}

/* VT-d 5.1.3: the handle in address bits 19:5 and 2, SHV in bit 3. */
static void an_interrupt_is_shown_with_its_entry(void **state)
{
	static const char shown[] =
	    "VT-d remapped interrupt, xAPIC, unit at 0xfed90000\n"
	    "requester 00:03.0 = bus 0x00, device and function 0x18\n"
	    "interrupt  address 0xfee00030, data 0x0\n"
	    "\n"
	    "1  interrupt request  5.1.2.2  on the bus             00000000_fee00030  HANDLE15=0 SHV=0 "
	    "FORMAT=1 HANDLE=1\n"
	    "                                                                         PREFIX=0xfee\n"
	    "                                                      00000000_00000000  SUBHANDLE=0 "
	    "HIGH_DATA=0\n"
	    "2  IRTE               9.9      0x000000015010 [0x01]  00000200_00310001  P=1 FPD=0 DM=0 RH=0 "
	    "TM=0 DLM=0 V=0x31\n"
	    "                                                                         DST=0x200\n"
	    "                                                      00000000_00000000  SID=0 SQ=0 SVT=0\n"
	    "\n"
	    "result   sent: address 0xfee02000, data 0x4031\n";
	struct command_run walked = walk("%s --rid 0/3/0 --interrupt 0xfee00030,0", machine());

	(void)state;
	assert_string_equal(walked.output, shown);
	assert_int_equal(walked.code, 0);
	command_run_free(&walked);
}

static void a_denied_interrupt_says_why(void **state)
{
	static const struct {
		const char *request, *shown;
	} rows[] = {
		{ "0xfee00050,0", "^ the interrupt stops here: it comes from 0x18\n" },
		{ "0xfee00050,0", "result   denied, reason 26h: " },
		{ "0xfee00010,0", "result   denied, reason 22h: " },
		{ "0xfee00210,0", "result   denied, reason 21h: " },
		{ "0xfee00018,0x10000", "result   denied, reason 20h: " },
		{ "0xfee01000,49", "result   denied, reason 25h: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_walked(walk("%s --rid 0/3/0 --interrupt %s", machine(), rows[i].request), 1,
		    rows[i].shown);
	assert_walked(walk("%s --rid 0/6/0 --interrupt 0xfee00050,0", machine()), 0, "data 0x4032\n");
	assert_walked(
	    walk("--memory %s --platform %s --root 0x10000 --irta 0x1f003 --rid 0/3/0 --interrupt "
		 "0xfee00010,0",
		pages, platform),
	    1, "reason 22h");
	assert_walked(walk("--memory %s --platform %s --irta 0x1000003 --rid 0/3/0 --interrupt "
			   "0xfee00010,0",
			  pages, platform),
	    1, "no memory there\n");
}

static void fields_are_explained_one_a_line(void **state)
{
	(void)state;
	assert_walked(walk("%s --rid 0/3/0 --iova 0x40201234 --fields", machine()), 0,
	    "  DID=2                        Domain identifier\n");
	assert_walked(walk("%s --rid 0/3/0 --interrupt 0xfee00030,0 -f", machine()), 0,
	    "  V=0x31                       Vector\n");
}

static void json_has_the_same_as_data(void **state)
{
	struct json_object *object =
	    walked_json(walk("%s --json --rid 0/3/0 --iova 0x40201234 --write", machine()), 1);

	(void)state;
	assert_string_equal(text(object, "device"), "0/3/0");
	assert_int_equal(number(object, "rid"), 0x18);
	assert_string_equal(text(object, "kind"), "write");
	assert_int_equal(number(object, "address"), 0x40201234);
	assert_string_equal(text(object, "vendor"), "VT-d");
	assert_int_equal(number(object, "unit"), 0xfed90000);
	assert_string_equal(text(object, "mode"), "second stage");
	assert_int_equal(number(object, "levels"), 3);
	assert_int_equal(number(object, "address_width"), 39);
	assert_int_equal(number(object, "domain"), 2);
	assert_int_equal(json_object_array_length(member(object, "steps")), 4);
	assert_string_equal(text(object, "steps.0.structure"), "root entry");
	assert_int_equal(number(object, "steps.1.address"), 0x11180);
	assert_int_equal(number(object, "steps.1.index"), 0x18);
	assert_int_equal(number(object, "steps.1.raw.0"), 0x12001);
	assert_int_equal(number(object, "steps.1.raw.1"), 0x201);
	assert_int_equal(number(object, "steps.1.fields.DID"), 2);
	assert_string_equal(text(object, "steps.3.name"), "SS-PDE");
	assert_string_equal(text(object, "steps.3.section"), "9.8");
	assert_int_equal(number(object, "steps.3.level"), 2);
	assert_int_equal(number(object, "steps.3.fields.W"), 0);
	assert_true(json_object_get_boolean(member(object, "steps.3.leaf")));
	assert_true(json_object_get_boolean(member(object, "read_right")));
	assert_false(json_object_get_boolean(member(object, "write_right")));
	assert_false(json_object_get_boolean(member(object, "allowed")));
	assert_int_equal(number(object, "fault.reason"), 5);
	assert_string_equal(text(object, "fault.clause"), "VT-d 7.1.3 LGN.2");
	assert_int_equal(number(object, "fault.record.1"), UINT64_C(0x8000000500000018));
	json_object_put(object);

	object = walked_json(walk("%s -j --rid 0/3/0 --iova 0x40201234", machine()), 0);
	assert_true(json_object_get_boolean(member(object, "allowed")));
	assert_int_equal(number(object, "physical"), 0x1c0001234);
	assert_int_equal(number(object, "page_size"), 0x200000);
	json_object_put(object);
}

static void json_of_an_interrupt(void **state)
{
	struct json_object *object = walked_json(
			       walk("%s --json --rid 0/3/0 --interrupt 0xfee00030,0", machine()), 0),
			   *none;

	(void)state;
	assert_string_equal(text(object, "kind"), "interrupt");
	assert_int_equal(number(object, "interrupt.address"), 0xfee00030);
	assert_int_equal(number(object, "steps.0.fields.HANDLE"), 1);
	assert_false(json_object_object_get_ex(member(object, "steps.0"), "address", &none));
	assert_int_equal(number(object, "steps.1.address"), 0x15010);
	assert_int_equal(number(object, "steps.1.fields.V"), 0x31);
	assert_int_equal(number(object, "sent.address"), 0xfee02000);
	assert_int_equal(number(object, "sent.data"), 0x4031);
	json_object_put(object);
	object = walked_json(walk("%s --json --rid 0/3/0 --interrupt 0xfee00050,0", machine()), 1);
	assert_int_equal(number(object, "fault.reason"), 0x26);
	json_object_put(object);
}

/* The same tables as a raw image: what the pages say, little-endian, from 0x10000 on. */
static void raw_images_lie_where_they_are_said_to(void **state)
{
	static const struct {
		unsigned at;
		uint64_t value;
	} words[] = { { 0x0, 0x11001 }, { 0x1180, 0x12001 }, { 0x1188, 0x201 }, { 0x2008, 0x13003 },
		{ 0x3010, 0x14003 }, { 0x4008, 0x77003 } };
	static uint8_t image[0x5000];
	const char *raw, *packed;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		for (unsigned byte = 0; byte < 8; byte++)
			image[words[i].at + byte] = (uint8_t)(words[i].value >> 8 * byte);
	raw = folder_write_bytes("tables.bin", image, sizeof(image));
	packed = folder_write_packed("tables.bin.gz", image, sizeof(image));
	for (unsigned i = 0; i < 2; i++)
		assert_walked(walk("--memory %s@0x10000 --platform %s --root 0x10000 --rid 0/3/0 "
				   "--iova 0x40401000",
				  i == 0 ? raw : packed, platform),
		    0, "0x40401000 -> 0x77000");
	assert_walked(walk("--memory %s@64K --platform %s --root 64K --rid 0/3/0 --iova 0x40401000",
			  raw, platform),
	    0, "0x40401000 -> 0x77000");
	/* moved, the tables are not where their pointers say */
	assert_walked(walk("--memory %s@0x110000 --platform %s --root 0x110000 --rid 0/3/0 --iova 0",
			  raw, platform),
	    1, "reason 2h: ");
}

static void pages_and_platform_may_be_compressed_and_divided(void **state)
{
	const char *const middle = strchr(strchr(walk_pages, '\n') + 1, '\n') + 1;
	const char *first =
	    folder_write_packed("first.jsonl.gz", walk_pages, (size_t)(middle - walk_pages));
	const char *second = folder_write("second.jsonl.gz", middle);
	const char *packed = folder_write("platform.gz", walk_platform);
	static const char question[] = "--root 0x10000 --rid 0/3/0 --iova 0x40401000";

	(void)state;
	assert_walked(walk("--memory %s --memory %s --platform %s %s", first, second, packed, question),
	    0, "-> 0x77000");
	assert_walked(
	    walk("--memory %s %s --platform %s %s", second, first, packed, question), 0, "-> 0x77000");
	assert_walked(walk("--memory %s --platform %s %s", second, packed, question), 1, "reason 1h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_denied_write_is_shown_entry_by_entry),
		cmocka_unit_test(an_allowed_read_says_where_it_goes),
		cmocka_unit_test(the_mark_stands_where_the_right_went_missing),
		cmocka_unit_test(a_walk_that_ends_early_says_where),
		cmocka_unit_test(requests_beside_the_tables_have_no_steps),
		cmocka_unit_test(an_interrupt_is_shown_with_its_entry),
		cmocka_unit_test(a_denied_interrupt_says_why),
		cmocka_unit_test(fields_are_explained_one_a_line),
		cmocka_unit_test(json_has_the_same_as_data),
		cmocka_unit_test(json_of_an_interrupt),
		cmocka_unit_test(raw_images_lie_where_they_are_said_to),
		cmocka_unit_test(pages_and_platform_may_be_compressed_and_divided),
	};

	return cmocka_run_group_tests(tests, write_files, folder_remove);
}
