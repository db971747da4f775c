/*
 * `iommusim vectors`: what makes a vector pass and what makes it fail, what is not compared, known
 * deviations, bad input. The vectors are small and made here; the shared ones: test_vectors_shared.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <zlib.h>

#include "command.h"
#include "command_run.h"
#include "own_files.h"
#include "vectors_read.h"
#include "vectors_run.h"

/* CAP: 3 levels, 39 bits, one fault record at 220h. ECAP: IOTLB registers at F0h, coherent, IR, PT. */
#define HEAD_OF(id, more)                                                                              \
	"{\"id\":\"" id "\",\"iommu\":\"vtd\"," more                                                   \
	"\"caps\":{\"VER\":16,\"CAP\":59110346977575430,\"ECAP\":15732554,\"HAW\":39},"                \
	"\"mmio_base\":4275634176,\"ram\":[[0,1048576]],\"steps\":["
#define HEAD HEAD_OF("t/one", "")

/* Device 00:04.0, domain 1: page 0 at 10000h, page 1 read-only at 11000h, page 3 at 12000h. */
#define SETUP                                                                                          \
	"{\"op\":\"mem_write\",\"pa\":4096,\"hex\":\"0120000000000000\"},"                             \
	"{\"op\":\"mem_write\",\"pa\":8704,\"hex\":\"01300000000000000101000000000000\"},"             \
	"{\"op\":\"mem_write\",\"pa\":12288,\"hex\":\"0340000000000000\"},"                            \
	"{\"op\":\"mem_write\",\"pa\":16384,\"hex\":\"0350000000000000\"},"                            \
	"{\"op\":\"mem_write\",\"pa\":20480,\"hex\":\"03000100000000000110010000000000"                \
	"00000000000000000320010000000000\"},"                                                         \
	"{\"op\":\"mmio_write\",\"off\":32,\"size\":8,\"val\":4096},"                                  \
	"{\"op\":\"mmio_write\",\"off\":24,\"size\":4,\"val\":1073741824},"                            \
	"{\"op\":\"mmio_write\",\"off\":24,\"size\":4,\"val\":2147483648}"

#define VECTOR_OF(id, more, steps) HEAD_OF(id, more) SETUP "," steps "]}\n"
#define VECTOR(steps)              VECTOR_OF("t/one", "", steps)

#define DMA(dir, iova, len, result)                                                                    \
	"{\"op\":\"dma\",\"rid\":32,\"dir\":\"" dir "\",\"iova\":" #iova ",\"len\":" #len ","          \
	"\"outcome\":" result "}"
#define OK_AT(pa)      "\"ok\",\"pa\":" #pa ",\"fault\":null"
#define FAULT(members) "\"fault\",\"pa\":null,\"fault\":{" members "}"
#define SILENT         "\"fault\",\"pa\":null,\"fault\":null,\"silent\":true"
#define READ_FSTS(val) "{\"op\":\"mmio_read\",\"off\":52,\"size\":4,\"val\":" #val "}"
/* A write to page 1: 5h, no right to write. */
#define WRITE_FAULT                                                                                    \
	"\"reason\":5,\"addr\":4096,\"rid\":32,\"type\":\"write\",\"index\":0,\"frcd_lo\":4096,"       \
	"\"frcd_hi\":9223372058329612320,\"fsts\":2"

static struct command_run run_text(const char *text, const char *option, const char *value)
{
	char *name = file_write(text, strlen(text));
	struct command_run capture = option == NULL
	    ? command_run(command_vectors, "vectors", name, NULL)
	    : value == NULL ? command_run(command_vectors, "vectors", option, name, NULL)
			    : command_run(command_vectors, "vectors", option, value, name, NULL);

	command_run_rename(&capture, name, "FILE");
	file_remove(name);
	return capture;
}

static void expect(const char *text, const char *option, const char *value, int code, const char *last)
{
	struct command_run capture = run_text(text, option, value);

	if (strcmp(capture.errors, "") != 0)
		print_message("%s", capture.errors);
	assert_contains(capture.output, last);
	assert_int_equal(capture.code, code);
	command_run_free(&capture);
}

#define PASSED   "1 passed, 0 failed, 0 known, 0 disputed\n"
#define FAILED   "0 passed, 1 failed, 0 known, 0 disputed\n"
#define KNOWN    "0 passed, 0 failed, 1 known, 0 disputed\n"
#define DISPUTED "0 passed, 0 failed, 0 known, 1 disputed\n"

static void assert_passes(const char *text)
{
	struct command_run capture = run_text(text, NULL, NULL);

	assert_string_equal(capture.errors, "");
	assert_string_equal(capture.output, PASSED);
	assert_int_equal(capture.code, 0);
	command_run_free(&capture);
}

/* The first step fails after the set-up, with these words. */
static void assert_fails(const char *text, const char *words)
{
	struct command_run capture = run_text(text, NULL, NULL);

	assert_string_equal(capture.errors, "");
	assert_int_equal(strncmp(capture.output, "t/one: step 8: ", 15), 0);
	assert_contains(capture.output, words);
	assert_contains(capture.output, "\n" FAILED);
	assert_int_equal(capture.code, 1);
	command_run_free(&capture);
}

/* ---- passing and failing ------------------------------------------------------------------------------- */

static void what_agrees_passes(void **state)
{
	(void)state;
	assert_passes(VECTOR(DMA("read", 64, 64, OK_AT(65600))));
	assert_passes(VECTOR(DMA("write", 64, 64, OK_AT(65600))));
	assert_passes(VECTOR(DMA("read", 64, 0, OK_AT(65600))));
	assert_passes(VECTOR(DMA("write", 4096, 64, FAULT(WRITE_FAULT)) "," READ_FSTS(2)));
	assert_passes(VECTOR(DMA("write", 4096, 64, FAULT("\"reason\":5"))));
	assert_passes(VECTOR("{\"op\":\"mem_read\",\"pa\":16384,\"hex\":\"0350\"}"));
	assert_passes(VECTOR(READ_FSTS(0)));
	assert_passes(VECTOR(DMA("write", 4276092928, 4, "\"other\",\"pa\":null,\"fault\":null")));
}

static void a_file_without_vectors_passes(void **state)
{
	static const char nothing[] = "0 passed, 0 failed, 0 known, 0 disputed\n";
	const size_t length = 65536; /* what is read of a file at once */
	char *blanks = malloc(length + 1);

	(void)state;
	assert_non_null(blanks);
	memset(blanks, ' ', length);
	blanks[length] = '\0';
	expect("", NULL, NULL, 0, nothing);
	expect("\n  \r\n", NULL, NULL, 0, nothing);
	expect(blanks, NULL, NULL, 0, nothing);
	free(blanks);
}

static void memory_that_differs_fails(void **state)
{
	(void)state;
	assert_fails(VECTOR("{\"op\":\"mem_read\",\"pa\":16384,\"hex\":\"0351\"}"),
	    "memory at 0x4000: expected 0351, got 0350");
	assert_fails(
	    VECTOR("{\"op\":\"mem_read\",\"pa\":16384,\"hex\":\"03500000000000000102030405060708"
		   "aa\"}"),
	    "memory at 0x4008: expected ... 0102030405060708 ..., got ... 0000000000000000 ...");
}

static void a_register_that_differs_fails_under_its_mask(void **state)
{
	(void)state;
	assert_fails(VECTOR(READ_FSTS(2)), "register at 0x034: expected 0x00000002, got 0x00000000");
	assert_fails(VECTOR("{\"op\":\"mmio_read\",\"off\":8,\"size\":4,\"val\":0,\"mask\":8194}"),
	    "expected 0x00000000, got 0x00000002");
	assert_passes(VECTOR("{\"op\":\"mmio_read\",\"off\":8,\"size\":4,\"val\":0,\"mask\":9}"));
}

static void a_dma_to_another_place_fails(void **state)
{
	(void)state;
	assert_fails(VECTOR(DMA("read", 64, 64, OK_AT(65601))),
	    "read of 64 bytes at 0x40 by 00:04.0: expected ok at 0x10041, got ok at 0x10040");
	assert_fails(VECTOR(DMA("write", 64, 64, OK_AT(0))), "expected ok at 0x0, got ok at 0x10040");
	assert_fails(VECTOR(DMA("read", 64, 64, OK_AT(9999999999))), "expected ok at 0x2540be3ff");
}

static void a_dma_with_another_outcome_fails(void **state)
{
	(void)state;
	assert_fails(
	    VECTOR(DMA("write", 4096, 64, OK_AT(69632))), "expected ok at 0x11000, got fault 0x5");
	assert_fails(VECTOR(DMA("read", 4096, 64, FAULT("\"reason\":6"))),
	    "expected fault 0x6, got ok at 0x11000");
	assert_fails(VECTOR(DMA("read", 4096, 64, SILENT)), "expected fault, got ok at 0x11000");
	assert_fails(VECTOR(DMA("read", 0, 4, "\"other\",\"pa\":null,\"fault\":null")),
	    "expected an access to the interrupt range without a fault, got ok at 0x10000");
	assert_fails(VECTOR(DMA("write", 4276092928, 4, OK_AT(0))), "got in the interrupt range");
}

/* Every member of a record counts. */
static void a_record_that_differs_fails(void **state)
{
	static const char *const wrong[] = { "\"reason\":6", "\"reason\":5,\"addr\":0",
		"\"reason\":5,\"addr\":8192", "\"reason\":5,\"rid\":33",
		"\"reason\":5,\"type\":\"read\"", "\"reason\":5,\"index\":1",
		"\"reason\":5,\"frcd_lo\":8192", "\"reason\":5,\"frcd_hi\":9223372058329612321",
		"\"reason\":5,\"frcd_hi\":32", "\"reason\":5,\"fsts\":3" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *text;

		assert_true(
		    asprintf(&text,
			HEAD SETUP ",{\"op\":\"dma\",\"rid\":32,\"dir\":\"write\",\"iova\":4096,"
				   "\"len\":64,\"outcome\":\"fault\",\"pa\":null,\"fault\":{%s}}]}",
			wrong[i]) > 0);
		assert_fails(text, "got fault 0x5 in record 0 (0x0000000000001000 0x8000000500000020)");
		free(text);
	}
}

/* PASID and PP of a record are what each reference likes. */
static void bits_of_the_pasid_are_not_compared(void **state)
{
	(void)state;
	assert_passes(
	    VECTOR(DMA("write", 4096, 64, FAULT("\"reason\":5,\"frcd_hi\":10376292465572315168"))));
	assert_fails(
	    VECTOR(DMA("write", 4096, 64, FAULT("\"reason\":5,\"frcd_hi\":13835058076757000224"))),
	    "expected fault 0x5");
}

/* FI ends at the largest AGAW, 39 bits here. */
static void bits_of_the_address_beyond_any_table_are_not_compared(void **state)
{
	(void)state;
	assert_passes(VECTOR(DMA(
	    "read", 549755817984, 64, FAULT("\"reason\":4,\"addr\":549755817984")) "," DMA("read", 64,
	    64, OK_AT(65600)) ",{\"op\":\"mmio_read\",\"off\":544,\"size\":8,\"val\":549755817984}"));
	assert_fails(VECTOR(DMA("read", 549755817984, 64, FAULT("\"reason\":4,\"addr\":549755813888"))),
	    "expected fault 0x4 for 0x8000000000, got fault 0x4 in record 0 (0x0000000000001000");
}

static void a_record_that_was_there_before_does_not_count(void **state)
{
	(void)state;
	/* The second one collapses into the first. */
	assert_passes(
	    VECTOR(DMA("write", 4096, 64, FAULT(WRITE_FAULT)) "," DMA("write", 4096, 64, SILENT)));
	expect(VECTOR(DMA("write", 4096, 64, FAULT(WRITE_FAULT)) "," DMA(
		   "write", 4096, 64, FAULT(WRITE_FAULT))),
	    NULL, NULL, 1, "t/one: step 9: write of 64 bytes");
}

static void a_record_where_none_should_be_fails(void **state)
{
	(void)state;
	assert_fails(VECTOR(DMA("write", 4096, 64, SILENT)),
	    "expected no fault recorded, got fault 0x5 in record 0");
	assert_fails(VECTOR(DMA("write", 4096, 64, SILENT ",\"fsts\":0")),
	    "expected no fault recorded, FSTS 0x0, got fault 0x5 in record 0");
}

#define OTHER_DEVICE(result)                                                                           \
	"{\"op\":\"dma\",\"rid\":40,\"dir\":\"read\",\"iova\":0,\"len\":64,\"outcome\":" result "}"

static void overflow_is_compared(void **state)
{
	(void)state;
	assert_passes(VECTOR(DMA("write", 4096, 64, FAULT(WRITE_FAULT)) "," OTHER_DEVICE(
	    SILENT ",\"overflow\":true,\"fsts\":3")));
	assert_fails(VECTOR(DMA("write", 4096, 64, SILENT ",\"overflow\":true")),
	    "expected no fault recorded, PFO newly set, got fault 0x5");
	expect(VECTOR(DMA("write", 4096, 64, FAULT(WRITE_FAULT)) "," OTHER_DEVICE(SILENT)), NULL, NULL,
	    1,
	    "step 9: read of 64 bytes at 0x0 by 00:05.0: expected no fault recorded, got no fault "
	    "recorded, FSTS 0x3");
}

#define ACROSS(dir, iova, len, outcome, fault, first, second)                                          \
	"{\"op\":\"dma\",\"rid\":32,\"dir\":\"" dir "\",\"iova\":" #iova ",\"len\":" #len              \
	",\"outcome\":\"" outcome "\",\"pa\":null,\"fault\":" fault ",\"segments\":[{\"iova\":" #iova  \
	",\"len\":16,\"pa\":" first "},"                                                               \
	"{\"iova\":4096,\"len\":16,\"pa\":" second "}]}"

static void each_page_of_a_request_is_compared(void **state)
{
	(void)state;
	assert_passes(VECTOR(ACROSS("write", 4080, 32, "fault", "{\"reason\":5}", "69616", "null")));
	assert_fails(VECTOR(ACROSS("write", 4080, 32, "fault", "{\"reason\":5}", "69600", "null")),
	    "expected ok at 0x10fe0, got ok at 0x10ff0");
	assert_fails(VECTOR(ACROSS("write", 4080, 32, "fault", "{\"reason\":5}", "69616", "69632")),
	    "expected ok at 0x11000, got fault 0x5 at 0x1000");
	assert_fails(VECTOR(ACROSS("write", 4080, 32, "fault", "{\"reason\":5}", "null", "null")),
	    "expected fault 0x5, got ok at 0x10ff0");
	assert_fails(VECTOR(ACROSS("read", 4080, 32, "fault", "{\"reason\":5}", "69616", "null")),
	    "expected fault 0x5, got ok at 0x11000");
}

/* Without segments only the first page is known, and that a request that faults does so somewhere. */
static void requests_across_pages_may_come_without_segments(void **state)
{
	(void)state;
	assert_passes(VECTOR(DMA("read", 4080, 32, OK_AT(69616))));
	assert_fails(VECTOR(DMA("read", 4080, 32, OK_AT(0))), "expected ok at 0x0, got ok at 0x10ff0");
	assert_fails(VECTOR(DMA("write", 4080, 32, OK_AT(69616))), "expected ok, got fault 0x5");
	assert_passes(VECTOR(DMA("write", 4080, 32, FAULT("\"reason\":5"))));
	assert_fails(
	    VECTOR(DMA("read", 4080, 32, FAULT("\"reason\":5"))), "expected fault 0x5, got ok");
}

/* What a DMA writes is put back: a request into a table changes nothing. */
static void a_dma_leaves_memory_as_it_was(void **state)
{
	(void)state;
	assert_passes(VECTOR("{\"op\":\"mem_write\",\"pa\":20504,\"hex\":\"0350000000000000\"}," DMA(
	    "write", 12288, 64, OK_AT(20480)) "," DMA("read", 64, 64,
	    OK_AT(65600)) ",{\"op\":\"mem_read\",\"pa\":20480,\"hex\":\"0300010000000000\"}"));
}

static void further_failures_are_counted(void **state)
{
	(void)state;
	assert_fails(VECTOR(READ_FSTS(1) "," READ_FSTS(2) "," READ_FSTS(0) "," READ_FSTS(3)),
	    "got 0x00000000 (and 2 more)\n");
}

static void several_vectors_are_counted_each(void **state)
{
	struct command_run capture =
	    run_text(VECTOR(READ_FSTS(0)) VECTOR_OF("t/two", "", READ_FSTS(1)) "\n" VECTOR_OF(
			 "t/three", "\"disputed\":\"so\",", READ_FSTS(1)),
		NULL, NULL);

	(void)state;
	assert_int_equal(capture.code, 1);
	assert_string_equal(capture.output,
	    "t/two: step 8: register at 0x034: expected 0x00000001, got 0x00000000\n"
	    "1 passed, 1 failed, 0 known, 1 disputed\n");
	command_run_free(&capture);
}

/* ---- what is not compared ------------------------------------------------------------------------------ */

static void a_disputed_step_runs_and_is_not_compared(void **state)
{
	(void)state;
	assert_passes(
	    VECTOR("{\"op\":\"mmio_read\",\"off\":52,\"size\":4,\"val\":1,\"disputed\":\"x\"}"));
	assert_passes(VECTOR("{\"op\":\"mem_read\",\"pa\":0,\"hex\":\"01\",\"disputed\":\"x\"}"));
	assert_passes(VECTOR(DMA("read", 0, 64, OK_AT(1) ",\"disputed\":\"x\"")));
	assert_fails(VECTOR("{\"op\":\"mmio_read\",\"off\":52,\"size\":4,\"val\":1,\"disputed\":null}"),
	    "expected 0x00000001");
	/* It did run: this write is not undone by being disputed. */
	assert_passes(VECTOR("{\"op\":\"mem_write\",\"pa\":0,\"hex\":\"77\",\"disputed\":\"x\"},"
			     "{\"op\":\"mem_read\",\"pa\":0,\"hex\":\"77\"}"));
}

static void a_disputed_vector_is_no_truth(void **state)
{
	(void)state;
	expect(
	    VECTOR_OF("t/one", "\"disputed\":\"all of it\",", READ_FSTS(1)), NULL, NULL, 0, DISPUTED);
	expect(VECTOR_OF("t/one", "\"disputed\":true,", READ_FSTS(0)), NULL, NULL, 0, DISPUTED);
	expect(VECTOR_OF("t/one", "\"disputed\":false,", READ_FSTS(0)), NULL, NULL, 0, PASSED);
	/* Even whether there can be such a unit may be disputed: no domains. */
	expect("{\"id\":\"t/one\",\"iommu\":\"vtd\",\"disputed\":\"\",\"caps\":{\"VER\":16,"
	       "\"CAP\":59110346977575431,\"ECAP\":15732554,\"HAW\":39},\"mmio_base\":4275634176,"
	       "\"ram\":[],\"steps\":[" READ_FSTS(9) "]}",
	    NULL, NULL, 0, DISPUTED);
}

#define FAULT_WHERE_OK DMA("write", 4096, 64, OK_AT(69632) ",\"disputed\":\"stale\"")
#define CLEAR_FAULT                                                                                    \
	"{\"op\":\"mmio_write\",\"off\":556,\"size\":4,\"val\":2147483648},"                           \
	"{\"op\":\"mmio_write\",\"off\":52,\"size\":4,\"val\":127}"

/* A disputed request may fault here and not there: what tells of it then is no truth either. */
static void what_a_disputed_fault_leaves_is_not_compared(void **state)
{
	(void)state;
	assert_passes(VECTOR(FAULT_WHERE_OK
	    "," READ_FSTS(0) ",{\"op\":\"mmio_read\",\"off\":56,\"size\":4,\"val\":2147483648},"
			     "{\"op\":\"mmio_read\",\"off\":544,\"size\":8,\"val\":0},"
			     "{\"op\":\"mmio_read\",\"off\":552,\"size\":8,\"val\":0}"));
	/* Errors of the queue are another matter, and so is the mask. */
	expect(VECTOR(FAULT_WHERE_OK "," READ_FSTS(16)), NULL, NULL, 1, "step 9: register at 0x034");
	expect(VECTOR(FAULT_WHERE_OK ",{\"op\":\"mmio_read\",\"off\":56,\"size\":4,\"val\":0}"), NULL,
	    NULL, 1, "step 9: register at 0x038");
	/* One that agrees with the vector although it is disputed leaves nothing open. */
	expect(
	    VECTOR(DMA("write", 4096, 64, FAULT(WRITE_FAULT) ",\"disputed\":\"x\"") "," READ_FSTS(0)),
	    NULL, NULL, 1, "step 9: register at 0x034");
}

/* The record may be taken by what the vector knows nothing of: a fault is then known by its own word. */
static void faults_after_a_disputed_one_are_compared_all_the_same(void **state)
{
	(void)state;
	assert_passes(VECTOR(FAULT_WHERE_OK "," DMA("write", 4096, 64, FAULT(WRITE_FAULT))));
	expect(VECTOR(FAULT_WHERE_OK "," DMA("write", 4096, 64, FAULT("\"reason\":6"))), NULL, NULL, 1,
	    "step 9: write of 64 bytes at 0x1000 by 00:04.0: expected fault 0x6, got fault 0x5");
	expect(VECTOR(FAULT_WHERE_OK "," DMA("write", 0, 64, FAULT(WRITE_FAULT))), NULL, NULL, 1,
	    "expected fault 0x5, got ok at 0x10000");
	/* Once both have the same record again registers are compared again. */
	expect(VECTOR(FAULT_WHERE_OK "," CLEAR_FAULT
				     "," DMA("write", 4096, 64, FAULT(WRITE_FAULT)) "," READ_FSTS(0)),
	    NULL, NULL, 1, "step 12: register at 0x034: expected 0x00000000, got 0x00000002");
}

#define PREFERRED(prefer, disputed)                                                                    \
	"{\"op\":\"mmio_read\",\"off\":52,\"size\":4,\"val\":1,\"alt\":{\"val\":0}" disputed           \
	",\"prefer\":\"" prefer "\"}"

static void the_preferred_reading_is_what_is_expected(void **state)
{
	static const char dma[] =
	    VECTOR("{\"op\":\"dma\",\"rid\":32,\"dir\":\"write\",\"iova\":4096,"
		   "\"len\":8,\"outcome\":\"ok\",\"pa\":7,\"fault\":null,\"silent\":true,"
		   "\"alt\":{"
		   "\"outcome\":" FAULT(WRITE_FAULT) "},\"prefer\":\"alt\"}");
	static const char memory[] = VECTOR("{\"op\":\"mem_read\",\"pa\":16384,\"hex\":\"00\","
					    "\"alt\":{\"hex\":\"03\"},\"prefer\":\"alt\"}");

	(void)state;
	assert_passes(VECTOR(PREFERRED("alt", "")));
	assert_fails(VECTOR(PREFERRED("primary", "")), "expected 0x00000001, got 0x00000000");
	assert_passes(dma);
	assert_passes(memory);
}

static void preferred_readings_of_disputed_steps_are_compared_on_request(void **state)
{
	(void)state;
	expect(VECTOR(PREFERRED("primary", ",\"disputed\":\"x\"")), NULL, NULL, 0, PASSED);
	expect(VECTOR(PREFERRED("primary", ",\"disputed\":\"x\"")), "--preferred", NULL, 1, FAILED);
	expect(VECTOR(PREFERRED("alt", ",\"disputed\":\"x\"")), "--preferred", NULL, 0, PASSED);
	expect(VECTOR("{\"op\":\"mem_read\",\"pa\":0,\"hex\":\"01\",\"disputed\":\"x\"}"),
	    "--preferred", NULL, 0, PASSED);
}

/* The mapping of page 0 goes away and the IOTLB is emptied. */
#define UNMAP                                                                                          \
	DMA("read", 0, 64, OK_AT(65536))                                                               \
	",{\"op\":\"mem_write\",\"pa\":20480,\"hex\":\"00\"},"                                         \
	"{\"op\":\"mmio_write\",\"off\":248,\"size\":8,\"val\":10376293541461622784}"

static void cache_policies_and_the_negative_control_work(void **state)
{
	static const char unmapped[] = VECTOR(UNMAP "," DMA("read", 0, 64, FAULT("\"reason\":6")));
	static const char *const policies[] = { "hoard", "none", "sized", "adverse" };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		expect(unmapped, "--cache", policies[i], 0, PASSED);
	expect(unmapped, "--drop-invalidations", NULL, 1, "expected fault 0x6, got ok at 0x10000");
}

/* ---- known deviations ---------------------------------------------------------------------------------- */

static void known(const char *list, const char *vector, int code, const char *last)
{
	char *name = file_write(list, strlen(list));

	expect(vector, "--known", name, code, last);
	file_remove(name);
}

static void a_known_deviation_may_fail(void **state)
{
	static const char fails[] = VECTOR(READ_FSTS(1));

	(void)state;
	known("# what is known\n\nt/one 11.4.7.1 FSTS is 0 here\n", fails, 0, KNOWN);
	known("x 1 y\r\nt/* 11.4.7.1 a glob\r\n", fails, 0, KNOWN);
	known("\t*ne\t11.4.7.1\ta glob over slashes", fails, 0, KNOWN);
	known("t/two 11.4.7.1 another\nt/o 1 a part\n", fails, 1, FAILED);
	known("", fails, 1, FAILED);
}

static void what_passes_or_is_disputed_is_not_known(void **state)
{
	(void)state;
	known("t/one 1 a\n", VECTOR(READ_FSTS(0)), 0, PASSED);
	known("t/one 1 a\n", VECTOR_OF("t/one", "\"disputed\":\"x\",", READ_FSTS(1)), 0, DISPUTED);
}

static void a_list_of_known_deviations_is_checked(void **state)
{
	static const struct {
		const char *text, *message;
	} lists[] = {
		{ "# a\nt/one\n",
		    ":2:6: no clause of the specification, expected `PATTERN CLAUSE reason`\n" },
		{ "t/one 1.2", ":1:10: no reason, expected" },
		{ "t/one 1.2  \n", ":1:12: no reason, expected" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char *name = file_write(lists[i].text, strlen(lists[i].text));
		struct command_run capture = run_text(VECTOR(READ_FSTS(0)), "--known", name);

		assert_int_equal(capture.code, 2);
		assert_string_equal(capture.output, "");
		assert_int_equal(strncmp(capture.errors, name, strlen(name)), 0);
		assert_contains(capture.errors, lists[i].message);
		command_run_free(&capture);
		file_remove(name);
	}
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void assert_line(char **text, const char *expected)
{
	struct json_object *found, *wanted = json_tokener_parse(expected);
	char *end = strchr(*text, '\n');

	assert_non_null(end);
	*end = '\0';
	found = json_tokener_parse(*text);
	if (json_object_equal(found, wanted) == 0)
		fail_msg("expected %s, got %s", expected, *text);
	json_object_put(found);
	json_object_put(wanted);
	*text = end + 1;
}

static void json_has_one_object_a_vector_and_a_summary(void **state)
{
	char *list = file_write("t/known 9.3 a reason\n", 21);
	char *name = file_write(VECTOR(READ_FSTS(0)) VECTOR_OF("t/two", "", READ_FSTS(1))
				    VECTOR_OF("t/known", "", READ_FSTS(1))
					VECTOR_OF("t/moot", "\"disputed\":\"x\",", READ_FSTS(0)),
	    strlen(VECTOR(READ_FSTS(0)) VECTOR_OF("t/two", "", READ_FSTS(1)) VECTOR_OF(
		"t/known", "", READ_FSTS(1)) VECTOR_OF("t/moot", "\"disputed\":\"x\",", READ_FSTS(0))));
	struct command_run capture =
	    command_run(command_vectors, "vectors", "--json", "--known", list, name, NULL);
	char *text = capture.output;

	(void)state;
	assert_int_equal(capture.code, 1);
	assert_line(&text, "{\"id\":\"t/one\",\"result\":\"passed\",\"failures\":[]}");
	assert_line(&text,
	    "{\"id\":\"t/two\",\"result\":\"failed\",\"failures\":[{\"step\":8,\"action\":\"register at "
	    "0x034\",\"expected\":\"0x00000001\",\"got\":\"0x00000000\"}]}");
	assert_line(&text,
	    "{\"id\":\"t/known\",\"result\":\"known\",\"failures\":[{\"step\":8,\"action\":\"register at "
	    "0x034\",\"expected\":\"0x00000001\",\"got\":\"0x00000000\"}],\"clause\":\"9.3\",\"reason\":"
	    "\"a reason\"}");
	assert_line(&text, "{\"id\":\"t/moot\",\"result\":\"disputed\",\"failures\":[]}");
	assert_line(&text, "{\"summary\":{\"passed\":1,\"failed\":1,\"known\":1,\"disputed\":1}}");
	assert_string_equal(text, "");
	command_run_free(&capture);
	file_remove(name);
	file_remove(list);
}

/* ---- bad input ----------------------------------------------------------------------------------------- */

/* `fragment` stands where the message says; the text before it is the line up to there. */
static void assert_refused(
    const char *before, const char *fragment, const char *after, const char *words)
{
	struct command_run capture;
	char *text, *place;

	assert_true(asprintf(&text, "\n%s%s%s", before, fragment, after) > 0);
	assert_true(asprintf(&place, "FILE:2:%zu: ", strlen(before) + 1) > 0);
	capture = run_text(text, NULL, NULL);
	if (strncmp(capture.errors, place, strlen(place)) != 0)
		fail_msg("expected \"%s\", got \"%s\"", place, capture.errors);
	assert_contains(capture.errors, words);
	assert_string_equal(capture.output, "0 passed, 0 failed, 0 known, 0 disputed\n");
	assert_int_equal(capture.code, 2);
	command_run_free(&capture);
	free(place);
	free(text);
}

static void what_is_no_json_is_refused(void **state)
{
	(void)state;
	assert_refused("", "hello", "", "no JSON object begins here");
	assert_refused("{\"id\":", "}", "", "no JSON");
	assert_refused(
	    "{\"id\":\"a\"", "", "", "the line ends too early, expected a whole JSON object");
	assert_refused("{\"id\":\"a", "", "", "the line ends too early");
	assert_refused("{} ", "{}", "", "expected one JSON object a line");
	assert_refused("", "[1]", "", "no JSON object begins here");
	assert_refused("", "null", "", "no JSON object begins here");
	assert_refused("", "\"x\"", "", "no JSON object begins here");
	assert_refused("{\"id\":", "'a'}", "", "no JSON");
}

static void members_that_miss_are_refused_at_the_object(void **state)
{
	(void)state;
	assert_refused("", "{}", "", "no `id` here, expected a string");
	assert_refused(" ", "{\"id\":\"a\"}", "", "no `iommu` here, expected a string");
	assert_refused(
	    "", "{\"id\":\"a\",\"iommu\":\"vtd\"}", "", "no `caps` here, expected an object");
	assert_refused(
	    "{\"id\":\"a\",\"iommu\":\"vtd\",\"caps\": ", "{\"VER\":16}", "}", "no `CAP` here");
	assert_refused(HEAD, "{}", "]}", "no `op` here, expected a string");
	assert_refused(HEAD "{\"op\":\"mem_write\",\"pa\":0,\"hex\":\"00\"} ,  ",
	    "{\"op\":\"mem_read\"}", "]}", "no `pa` here, expected a number");
	assert_refused(HEAD, "{\"op\":\"mmio_read\",\"size\":4,\"off\":0}", "]}", "no `val` here");
	assert_refused(HEAD, "{\"op\":\"dma\",\"rid\":0}", "]}", "no `dir` here");
	assert_refused(
	    HEAD, DMA("read", 0, 1, "\"ok\",\"pa\":null"), "]}", "no physical address in `pa`");
	assert_refused(HEAD, DMA("read", 0, 1, "\"fault\""), "]}", "no `pa` here, expected a number");
}

static void members_of_a_wrong_type_are_refused_where_they_stand(void **state)
{
	(void)state;
	assert_refused("{\"id\":", "7", "}", "`id` is a number, expected a string");
	assert_refused("{\"id\":", "\"\"", "}", "the id is empty");
	assert_refused("{\"id\":", "\"a\\u0000b\"", "}", "`id` is a string, expected one without");
	assert_refused("{\"id\":", "\"a\\u001b\"", "}", "printable ASCII");
	assert_refused("{\"id\":\"a\",\"iommu\":", "\"arm\"", "}",
	    "unknown kind of IOMMU, expected \"vtd\" or \"amdvi\"");
	assert_refused(
	    "{\"id\":\"a\",\"iommu\":\"vtd\",\"disputed\":", "3", "}", "expected true or false");
	assert_refused("{\"id\":\"a\",\"iommu\":\"vtd\",\"caps\":", "[]", "}", "`caps` is an array");
	assert_refused("{\"id\":\"a\",\"iommu\":\"vtd\",\"caps\":{\"VER\":", "1.5", "}}",
	    "`VER` is a number with a fraction, expected a number");
	assert_refused(
	    "{\"id\":\"a\",\"iommu\":\"vtd\",\"caps\":{\"VER\":0,\"CAP\":0,\"ECAP\":0,\"HAW\":", "53",
	    "}}", "out of range, expected a number from 0 to 0x34");
	assert_refused(HEAD, "1", "]}", "expected a step");
	assert_refused(
	    HEAD "{\"op\":", "\"jump\"", "}]}", "unknown operation, expected mem_write, mem_read");
	assert_refused(HEAD "{\"op\":", "null", "}]}", "`op` is null, expected a string");
	assert_refused(HEAD "{\"op\":\"mem_read\",\"pa\":", "-1", "}]}", "out of range");
	assert_refused(HEAD "{\"op\":\"mem_read\",\"pa\":", "\"0\"", "}]}", "`pa` is a string");
	assert_refused(HEAD "{\"op\":\"mem_read\",\"pa\":0,\"hex\":", "\"123\"", "}]}", "3 digits");
	assert_refused(HEAD "{\"op\":\"mem_read\",\"pa\":0,\"hex\":", "\"\"", "}]}", "0 digits");
	assert_refused(
	    HEAD "{\"op\":\"mem_read\",\"pa\":0,\"hex\":\"12", "g4\"", "}]}", "hexadecimal digit");
}

static void numbers_that_cannot_be_are_refused(void **state)
{
	(void)state;
	assert_refused(
	    HEAD "{\"op\":\"mmio_read\",\"size\":", "3", ",\"off\":0}]}", "expected 1, 2, 4 or 8");
	assert_refused(
	    HEAD "{\"op\":\"mmio_read\",\"size\":", "0", ",\"off\":0}]}", "expected 1, 2, 4 or 8");
	assert_refused(HEAD "{\"op\":\"mmio_read\",\"size\":", "16", ",\"off\":0}]}", "out of range");
	assert_refused(
	    HEAD "{\"op\":\"mmio_read\",\"size\":8,\"off\":", "4", "}]}", "expected a multiple of 8");
	assert_refused(HEAD "{\"op\":\"mmio_read\",\"size\":8,\"off\":", "4096", "}]}", "below 0x1000");
	assert_refused(HEAD "{\"op\":\"mmio_read\",\"size\":8,\"off\":", "18446744073709551608", "}]}",
	    "below 0x1000");
	assert_refused(HEAD "{\"op\":\"mmio_write\",\"size\":4,\"off\":0,\"val\":", "4294967296", "}]}",
	    "out of range, expected a number from 0 to 0xffffffff");
	assert_refused(HEAD "{\"op\":\"mem_read\",\"pa\":", "18446744073709551616", "}]}",
	    "out of range, expected a number from 0 to 0xffffffffffffffff");
	assert_refused(
	    HEAD "{\"op\":\"mem_read\",\"pa\":", "184467440737095516150", "}]}", "out of range");
	assert_refused(HEAD "{\"op\":\"mem_read\",\"pa\":", "1e3", "}]}", "a number with a fraction");
	assert_refused(HEAD "{\"op\":\"mem_read\",\"pa\":18446744073709551615,\"hex\":", "\"\"", "}]}",
	    "0 digits");
	assert_refused(HEAD "{\"op\":\"dma\",\"rid\":", "65536", "}]}", "out of range");
	assert_refused(
	    HEAD "{\"op\":\"dma\",\"rid\":0,\"dir\":", "\"rw\"", "}]}", "\"read\" or \"write\"");
	assert_refused(HEAD "{\"op\":\"dma\",\"rid\":0,\"dir\":\"read\",\"iova\":0,\"len\":", "-64",
	    "}]}", "out of range");
	assert_refused(HEAD "{\"op\":\"dma\",\"rid\":0,\"dir\":\"read\",\"iova\":0,\"len\":", "1048577",
	    "}]}", "out of range, expected a number from 0 to 0x100000");
	assert_refused(HEAD "{\"op\":\"dma\",\"rid\":0,\"dir\":\"write\",\"iova\":0,\"len\":", "0",
	    "}]}", "a write of no bytes");
	assert_refused(HEAD
	    "{\"op\":\"dma\",\"rid\":0,\"dir\":\"read\",\"iova\":18446744073709551615,\"len\":",
	    "2", "}]}", "beyond the last address");
	assert_refused(HEAD
	    "{\"op\":\"dma\",\"rid\":0,\"dir\":\"read\",\"iova\":0,\"len\":1,\"outcome\":",
	    "\"maybe\"", "}]}", "expected \"ok\", \"fault\" or \"other\"");
}

static void faults_segments_and_readings_are_checked(void **state)
{
	static const char dma[] =
	    HEAD "{\"op\":\"dma\",\"rid\":0,\"dir\":\"read\",\"iova\":4080,\"len\":32,"
		 "\"outcome\":\"fault\",\"pa\":null,";
	char *before;

	(void)state;
	assert_true(asprintf(&before, "%s\"fault\":", dma) > 0);
	assert_refused(before, "7", "}]}", "`fault` is a number, expected an object");
	assert_refused(before, "{}", "}]}", "no `reason` here");
	assert_refused(before, "{\"code\":1}", "}]}", "no `reason` here");
	free(before);
	assert_true(asprintf(&before, "%s\"fault\":{\"reason\":6,\"type\":", dma) > 0);
	assert_refused(before, "\"both\"", "}}]}", "\"read\" or \"write\"");
	free(before);
	assert_true(asprintf(&before, "%s\"segments\":", dma) > 0);
	assert_refused(before, "{}", "}]}", "`segments` is an object, expected an array");
	assert_refused(
	    before, "[]", "}]}", "the segments end at 0xff0, expected the end of the request");
	free(before);
	assert_true(asprintf(&before, "%s\"segments\":[", dma) > 0);
	assert_refused(before, "3", "]}]}", "expected an object");
	assert_refused(
	    before, "{\"iova\":0,\"len\":16,\"pa\":0}", "]}]}", "expected the part of the request");
	assert_refused(before, "{\"iova\":4080,\"len\":0,\"pa\":0}", "]}]}", "a segment of 0 bytes");
	assert_refused(before, "{\"iova\":4080,\"len\":33,\"pa\":0}", "]}]}", "a segment of 33 bytes");
	free(before);
	assert_true(asprintf(&before, "%s\"prefer\":", dma) > 0);
	assert_refused(before, "\"neither\"", "}]}", "expected \"primary\" or \"alt\"");
	free(before);
	assert_refused(HEAD, "{\"op\":\"mmio_read\",\"off\":0,\"size\":4,\"val\":0,\"prefer\":\"alt\"}",
	    "]}", "no `alt` here, expected an object");
}

/* A vector without steps whose last members follow. */
#define LAST                                                                                           \
	"{\"id\":\"a\",\"iommu\":\"vtd\",\"steps\":[],\"caps\":{\"VER\":16,"                           \
	"\"CAP\":59110346977575430,\"ECAP\":15732554,\"HAW\":39},"

static void machines_that_cannot_be_are_refused(void **state)
{
	(void)state;
	assert_refused(
	    LAST "\"mmio_base\":0,\"ram\":", "{}", "}", "`ram` is an object, expected an array");
	assert_refused(
	    LAST "\"mmio_base\":0,\"ram\":[", "[8192]", "]}", "a range of memory [base,size]");
	assert_refused(LAST "\"mmio_base\":0,\"ram\":[[0,", "-1", "]]}", "out of range");
	assert_refused(LAST "\"mmio_base\":0,\"ram\":[[0,", "\"1M\"", "]]}", "this is a string");
	assert_refused(
	    LAST "\"mmio_base\":0,\"ram\":[", "[4096,0]", "]}", "expected whole pages below 2^52");
	assert_refused(LAST "\"mmio_base\":0,\"ram\":[", "[1,4096]", "]}", "expected whole pages");
	assert_refused(LAST "\"mmio_base\":0,\"ram\":[", "[4096,9223372036854775808]", "]}",
	    "expected whole pages");
	assert_refused(LAST "\"mmio_base\":0,\"ram\":[", "[18446744073709547520,8192]", "]}",
	    "expected whole pages");
	assert_refused(
	    LAST "\"mmio_base\":0,\"ram\":[[4096,8192],", "[8192,4096]", "]}", "in no other range");
	assert_refused(LAST "\"ram\":[[0,8192]],\"mmio_base\":", "4096", "}", "in no range of `ram`");
	assert_refused(LAST "\"ram\":[],\"mmio_base\":", "4097", "}", "expected a page below 2^52");
	assert_refused(LAST "\"ram\":[],\"mmio_base\":", "18446744073709547520", "}",
	    "expected a page below 2^52");
	assert_refused(LAST "\"ram\":[],\"mmio_base\":", "4503599627370496", "}", "below 2^52");
	assert_refused(
	    "{\"id\":\"a\",\"iommu\":\"vtd\",\"steps\":[],\"ram\":[],\"mmio_base\":0,\"caps\":",
	    "{\"VER\":16,\"CAP\":59110346977575431,\"ECAP\":15732554,\"HAW\":39}", "}",
	    "expected register values of a unit there can be");
}

static void memory_there_is_not_is_no_expectation(void **state)
{
	(void)state;
	assert_refused(HEAD "{\"op\":\"mem_write\",\"pa\":", "1048576", ",\"hex\":\"00\"}]}",
	    "no memory for 1 bytes at 0x100000, expected an address in one range of `ram`");
	assert_refused(
	    HEAD "{\"op\":\"mem_read\",\"pa\":", "1048575", ",\"hex\":\"0000\"}]}", "no memory for 2");
	assert_refused(
	    HEAD "{\"op\":\"mem_write\",\"pa\":", "4275634176", ",\"hex\":\"00\"}]}", "no memory");
	assert_refused(HEAD "{\"op\":\"mem_read\",\"pa\":", "18446744073709551615",
	    ",\"hex\":\"0000\"}]}", "no memory for 2");
}

static void memory_beyond_all_measure_ends_the_run_with_3(void **state)
{
	struct command_run capture =
	    run_text(LAST "\"mmio_base\":0,\"ram\":[[4096,2251799813681152]]}", NULL, NULL);

	(void)state;
	assert_int_equal(capture.code, 3);
	assert_string_equal(capture.errors, "FILE:1:1: out of memory\n");
	command_run_free(&capture);
}

static void a_bad_line_does_not_stop_the_others(void **state)
{
	struct command_run capture =
	    run_text("{}\n" VECTOR(READ_FSTS(0)) "nonsense\n" VECTOR(READ_FSTS(1)), NULL, NULL);

	(void)state;
	assert_int_equal(capture.code, 2);
	assert_contains(capture.errors, "FILE:1:1: no `id`");
	assert_contains(capture.errors, "\nFILE:3:1: no JSON");
	assert_contains(capture.output, "1 passed, 1 failed, 0 known, 0 disputed\n");
	command_run_free(&capture);
}

static void a_file_of_another_kind_does_not_flood_the_terminal(void **state)
{
	static const char line[] = "{}\n";
	char text[100 * (sizeof(line) - 1) + 1] = "";
	struct command_run capture;
	unsigned lines = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		memcpy(text + i * strlen(line), line, sizeof(line));
	capture = run_text(text, NULL, NULL);
	for (const char *at = capture.errors; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, 21);
	assert_contains(capture.errors, "FILE:21:1: this and maybe further lines cannot be used");
	assert_int_equal(capture.code, 2);
	command_run_free(&capture);
}

/* ---- files and usage ----------------------------------------------------------------------------------- */

static void compressed_files_are_read(void **state)
{
	static const char text[] = VECTOR(READ_FSTS(0));
	char *name = file_write("", 0);
	gzFile stream = gzopen(name, "wb");
	struct command_run capture;

	(void)state;
	assert_non_null(stream);
	assert_int_equal(gzwrite(stream, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(gzclose(stream), Z_OK);
	capture = command_run(command_vectors, "vectors", name, NULL);
	assert_string_equal(capture.output, PASSED);
	assert_int_equal(capture.code, 0);
	command_run_free(&capture);
	file_remove(name);
}

static void files_that_cannot_be_read_are_refused(void **state)
{
	struct command_run capture =
	    command_run(command_vectors, "vectors", "/nonexistent/vectors", "/", NULL);

	(void)state;
	assert_int_equal(capture.code, 2);
	assert_contains(capture.errors, "/nonexistent/vectors:0:0: cannot be opened: ");
	assert_contains(capture.errors, "/:0:0: cannot be read: ");
	command_run_free(&capture);
}

static void wrong_usage_exits_2_and_help_0(void **state)
{
	static const char *const wrong[][2] = { { NULL, "no file given" },
		{ "--nonsense", "unknown option" }, { "--known", "--known needs a value" },
		{ "--cache=some", "expected none, hoard" },
		{ "--known=/nonexistent/list", "/nonexistent/list:0:0: cannot be opened" } };
	struct command_run capture;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		capture = command_run(command_vectors, "vectors", wrong[i][0], NULL);
		assert_int_equal(capture.code, 2);
		assert_string_equal(capture.output, "");
		assert_contains(capture.errors, wrong[i][1]);
		command_run_free(&capture);
	}
	capture = command_run(command_vectors, "vectors", "--help", NULL);
	assert_int_equal(capture.code, 0);
	assert_contains(capture.output, "usage: iommusim vectors");
	command_run_free(&capture);
}

/* ---- hostile input ------------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Change, drop or double pieces of a line that runs. */
static size_t mutate(char *text, size_t length, size_t room, uint64_t *seed)
{
	static const char letters[] = "\"{}[],:0123456789-eE.ntf\\ \x80";

	for (uint64_t changes = next_random(seed) % 4 + 1; changes != 0; changes--) {
		const size_t at = next_random(seed) % length;
		const size_t count = next_random(seed) % 8 + 1;

		switch (next_random(seed) % 4) {
		case 0:
			if (at + count < length) {
				memmove(text + at, text + at + count, length - at - count);
				length -= count;
			}
			break;
		case 1:
			if (at + count < length && length + count < room) {
				memmove(text + at + count, text + at, length - at);
				length += count;
			}
			break;
		default:
			text[at] = letters[next_random(seed) % (sizeof(letters) - 1)];
		}
	}
	return length;
}

static void any_change_of_a_line_is_survived(void **state)
{
	static const char text[] = VECTOR(UNMAP "," DMA("read", 0, 64,
	    FAULT(WRITE_FAULT) ",\"disputed\":\"x\"") "," READ_FSTS(2) "," ACROSS("write", 4080, 32,
	    "fault", "{\"reason\":5}", "69616", "null") "," PREFERRED("alt", ""));
	const struct vector_run_options options = { .preferred = true };
	uint64_t seed = 0x2545f4914f6cdd1d;
	unsigned ran = 0;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct vector_result result = { .count = 0 };
		struct vector_json json = { .line = 1 };
		struct vector vector;
		char *line = malloc(2 * sizeof(text));

		assert_non_null(line);
		memcpy(line, text, sizeof(text));
		json.length = mutate(line, sizeof(text) - 1, 2 * sizeof(text), &seed);
		json.text = line = realloc(line, json.length); /* so that a byte too far is noticed */
		if (vector_read(&json, &vector)) {
			ran += vector_execute(&vector, &options, &json, &result);
			vector_result_free(&result);
			vector_free(&vector);
		} else {
			assert_true(json.problem.column >= 1 && json.problem.column <= json.length + 1);
			assert_true(json.problem.text[0] != '\0');
		}
		free(line);
	}
	print_message("%u of 20000 ran\n", ran);
	assert_true(ran > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_agrees_passes),
		cmocka_unit_test(a_file_without_vectors_passes),
		cmocka_unit_test(memory_that_differs_fails),
		cmocka_unit_test(a_register_that_differs_fails_under_its_mask),
		cmocka_unit_test(a_dma_to_another_place_fails),
		cmocka_unit_test(a_dma_with_another_outcome_fails),
		cmocka_unit_test(a_record_that_differs_fails),
		cmocka_unit_test(bits_of_the_pasid_are_not_compared),
		cmocka_unit_test(bits_of_the_address_beyond_any_table_are_not_compared),
		cmocka_unit_test(a_record_that_was_there_before_does_not_count),
		cmocka_unit_test(a_record_where_none_should_be_fails),
		cmocka_unit_test(overflow_is_compared),
		cmocka_unit_test(each_page_of_a_request_is_compared),
		cmocka_unit_test(requests_across_pages_may_come_without_segments),
		cmocka_unit_test(a_dma_leaves_memory_as_it_was),
		cmocka_unit_test(further_failures_are_counted),
		cmocka_unit_test(several_vectors_are_counted_each),
		cmocka_unit_test(a_disputed_step_runs_and_is_not_compared),
		cmocka_unit_test(a_disputed_vector_is_no_truth),
		cmocka_unit_test(what_a_disputed_fault_leaves_is_not_compared),
		cmocka_unit_test(faults_after_a_disputed_one_are_compared_all_the_same),
		cmocka_unit_test(the_preferred_reading_is_what_is_expected),
		cmocka_unit_test(preferred_readings_of_disputed_steps_are_compared_on_request),
		cmocka_unit_test(cache_policies_and_the_negative_control_work),
		cmocka_unit_test(a_known_deviation_may_fail),
		cmocka_unit_test(what_passes_or_is_disputed_is_not_known),
		cmocka_unit_test(a_list_of_known_deviations_is_checked),
		cmocka_unit_test(json_has_one_object_a_vector_and_a_summary),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(members_that_miss_are_refused_at_the_object),
		cmocka_unit_test(members_of_a_wrong_type_are_refused_where_they_stand),
		cmocka_unit_test(numbers_that_cannot_be_are_refused),
		cmocka_unit_test(faults_segments_and_readings_are_checked),
		cmocka_unit_test(machines_that_cannot_be_are_refused),
		cmocka_unit_test(memory_there_is_not_is_no_expectation),
		cmocka_unit_test(memory_beyond_all_measure_ends_the_run_with_3),
		cmocka_unit_test(a_bad_line_does_not_stop_the_others),
		cmocka_unit_test(a_file_of_another_kind_does_not_flood_the_terminal),
		cmocka_unit_test(compressed_files_are_read),
		cmocka_unit_test(files_that_cannot_be_read_are_refused),
		cmocka_unit_test(wrong_usage_exits_2_and_help_0),
		cmocka_unit_test(any_change_of_a_line_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
