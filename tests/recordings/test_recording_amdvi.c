/* Recordings of AMD-Vi: what agrees and what parts, on tables that the test writes. */
#include <stdio.h>

#include "recordings/replayed.h"

/* The unit of the recordings: 6 levels, 128-bit interrupt entries, NpCache. */
#define AMD_PLATFORM                                                                                   \
	"{\"iommu\": \"amdvi\", \"mmio_base\": 4275568640, \"caps\": {\"EFR\": 10707, \"EFR2\": 0, "   \
	"\"CAPHDR\": 520290319, \"MISC0\": 1583168}, \"ram\": [[0, 67108864]]}"

/*
 * Lines that turn the unit on: device table 0x10000 of 128 entries, command buffer 0x50000, event log
 * 0x51000 with its interrupt. 00:03.0 (24) has domain 5 and 3 levels at 0x20000, 0x21000, 0x22000:
 *   0 -> 0x100000 read and write, 0x1000 -> 0x101000 read, 0x2000 -> 0x102000 write,
 *   0x3000 -> 0x103000 without a right, 0x8000 -> 0x110000 8K, 0x10000 -> 0x120000 16K,
 *   0x200000 -> 0x400000 2M, read and write all three.
 * Its interrupt table at 0x40000 has 16 entries of 128 bits: 1 is vector 0x31 for logical 1.
 */
#define AMD_DRIVER                                                                                                                 \
	"{\"op\":\"mem\",\"pa\":66304,\"q\":[6917529027641214467,5,2305843009213956105]}\n"                                        \
	"{\"op\":\"mem\",\"pa\":131072,\"q\":[6917529027641218049]}\n"                                                             \
	"{\"op\":\"mem\",\"pa\":135168,\"q\":[6917529027641221633,6917529027645276161]}\n"                                         \
	"{\"op\":\"mem\",\"pa\":139264,\"q\":[6917529027642130433,2305843009214746625,4611686018428444673,1060865]}\n"             \
	"{\"op\":\"mem\",\"pa\":139328,\"q\":[6917529027642199553,6917529027642199553]}\n"                                         \
	"{\"op\":\"mem\",\"pa\":139392,\"q\":[6917529027642269185,6917529027642269185,6917529027642269185,6917529027642269185]}\n" \
	"{\"op\":\"mem\",\"pa\":262160,\"q\":[321,49]}\n"                                                                          \
	"{\"rw\":\"w\",\"off\":0,\"size\":8,\"val\":65536}\n"                                                                      \
	"{\"rw\":\"w\",\"off\":8,\"size\":8,\"val\":576460752303751168}\n"                                                         \
	"{\"rw\":\"w\",\"off\":16,\"size\":8,\"val\":576460752303755264}\n"                                                        \
	"{\"rw\":\"w\",\"off\":24,\"size\":8,\"val\":135181}\n"                                                                    \
	"{\"rw\":\"r\",\"off\":24,\"size\":8,\"val\":135181}\n"

static struct command_run run(const char *lines, const char *option)
{
	return replay_behind(AMD_PLATFORM, AMD_DRIVER, lines, option, NULL);
}

static const struct recorded_driver driver = { AMD_PLATFORM, AMD_DRIVER, 12 };

#define XLATE(iova, pa)                                                                                \
	"{\"op\":\"xlate\",\"rid\":24,\"iova\":" #iova ",\"pa\":" #pa ",\"src\":\"update\"}\n"
#define FAULT(rid, addr) "{\"op\":\"fault\",\"rid\":" #rid ",\"addr\":" #addr "}\n"
#define IR(rid, addr, data, oaddr, odata)                                                              \
	"{\"op\":\"ir\",\"rid\":" #rid ",\"addr\":" #addr ",\"data\":" #data ",\"oaddr\":" #oaddr      \
	",\"odata\":" #odata "}\n"

/* The line has the whole page's address, and nothing of the kind of access. */
static void translations(void **state)
{
	static const struct recorded_line lines[] = {
		{ XLATE(0, 1048576), NULL, NULL },
		{ XLATE(8, 1048576), NULL, NULL },
		{ XLATE(4096, 1052672), NULL, NULL },
		/* only a write goes through there */
		{ XLATE(8192, 1056768), NULL, NULL },
		/* no right at all: such a failure, too, looks like a translation */
		{ XLATE(12288, 1060864), NULL, NULL },
		/* second page of 8 KiB, third of 16, last of 2 MiB */
		{ XLATE(36864, 1114112), NULL, NULL },
		{ XLATE(73728, 1179648), NULL, NULL },
		{ XLATE(4190208, 4194304), NULL, NULL },
		/* another page, or not the address of the whole */
		{ XLATE(0, 1052672), "expected  page 0x101000\n", "got       page 0x100000\n" },
		{ XLATE(8192, 1060864), "page 0x103000\n", "page 0x102000\n" },
		{ XLATE(12288, 1056768), "page 0x102000\n", "blocked, reason 2h" },
		{ XLATE(36864, 1118208), "page 0x111000\n", "page 0x111000\n" },
		{ XLATE(4190208, 6287360), "page 0x5ff000\n", "page 0x5ff000\n" },
		/* not mapped */
		{ XLATE(16384, 1056768), "00:03.0  read  0x4000", "blocked, reason 2h" },
		/* a device entry with V=0 lets everything through as it is (AMD-Vi 2.2.2.1) */
		{ "{\"op\":\"xlate\",\"rid\":25,\"iova\":5000,\"pa\":4096}\n", NULL, NULL },
		{ "{\"op\":\"xlate\",\"rid\":25,\"iova\":5000,\"pa\":8192}\n", "page 0x2000\n",
		    "page 0x1000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_line(&driver, &lines[i], "translations");
}

static void faults(void **state)
{
	static const struct recorded_line lines[] = {
		{ FAULT(24, 16384), NULL, NULL },
		{ FAULT(24, 549755813888), NULL, NULL }, /* beyond 39 bits */
		{ FAULT(128, 0), NULL, NULL },           /* beyond the device table */
		{ FAULT(24, 0), "expected  blocked\n", "got       page 0x100000\n" },
		{ FAULT(25, 0), "expected  blocked\n", "page 0x0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_line(&driver, &lines[i], "faults");
}

static void interrupts(void **state)
{
	static const struct recorded_line lines[] = {
		{ IR(24, 4276092928, 1, 4276097028, 16433), NULL, NULL },
		/* IV=0: as they come */
		{ IR(25, 4276092928, 1, 4276092928, 1), NULL, NULL },
		{ IR(24, 4276092928, 1, 4276097028, 16434), "0xfee01004 data 0x4032\n",
		    "0xfee01004 data 0x4031\n" },
		{ IR(24, 4276092928, 2, 4276097028, 16433), "0xfee01004 data 0x4031\n",
		    "blocked, reason 2h" },
		{ IR(24, 4276092928, 16, 4276097028, 16433), "0xfee01004 data 0x4031\n",
		    "blocked, reason 2h" },
	};
	struct command_run result;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_line(&driver, &lines[i], "interrupts");
	result = run("{\"op\":\"ir\",\"addr\":4276092928,\"data\":1,\"oaddr\":0,\"odata\":0}\n", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "expected a number `rid`");
	command_run_free(&result);
}

/* ---- invalidations -------------------------------------------------------------------------------------- */

/* The page of iova 0 becomes another; INVALIDATE_IOMMU_PAGES of all of domain 5, then the tail. */
#define CHANGED "{\"op\":\"mem\",\"pa\":139264,\"q\":[6917529027642142721]}\n"
#define FLUSH                                                                                          \
	"{\"op\":\"mem\",\"pa\":327680,\"q\":[3458764535295377408,9223372036854771715]}\n"             \
	"{\"op\":\"cmd\",\"lo\":3458764535295377408,\"hi\":9223372036854771715}\n"                     \
	"{\"rw\":\"w\",\"off\":8200,\"size\":8,\"val\":16}\n"
#define BEFORE XLATE(0, 1048576)
#define AFTER  XLATE(0, 1060864)

static void expect_code(int code, const char *lines, const char *option)
{
	struct command_run result = run(lines, option);

	if (result.code != code)
		print_message("%s%s\n%s%s", lines, option, result.output, result.errors);
	assert_int_equal(result.code, code);
	command_run_free(&result);
}

static void invalidations(void **state)
{
	(void)state;
	expect_code(0, BEFORE CHANGED BEFORE, "--cache=hoard");
	expect_code(1, BEFORE CHANGED AFTER, "--cache=hoard");
	expect_code(0, BEFORE CHANGED AFTER, "--cache=none");
	expect_code(0, BEFORE CHANGED FLUSH AFTER, "--cache=hoard");
	expect_code(0, BEFORE CHANGED FLUSH AFTER, "--cache=sized");
	expect_code(0, BEFORE CHANGED FLUSH AFTER, "--cache=adverse");
	expect_code(1, BEFORE CHANGED FLUSH AFTER, "--drop-invalidations");
}

/*
 * A crash kernel finds translation on: buffers elsewhere, then, with IommuEn still set, a device table of its
 * own, whose entry of 00:03.0 leads to other tables: 0 -> 0x104000. Base registers in halves, low first.
 */
#define SECOND_KERNEL                                                                                  \
	"{\"op\":\"mem\",\"pa\":393984,\"q\":[6917529027641542147,5,2305843009213956105]}\n"           \
	"{\"op\":\"mem\",\"pa\":458752,\"q\":[6917529027641545729]}\n"                                 \
	"{\"op\":\"mem\",\"pa\":462848,\"q\":[6917529027641549313]}\n"                                 \
	"{\"op\":\"mem\",\"pa\":466944,\"q\":[6917529027642146817]}\n"                                 \
	"{\"rw\":\"w\",\"off\":24,\"size\":8,\"val\":131085}\n"                                        \
	"{\"rw\":\"w\",\"off\":24,\"size\":8,\"val\":131081}\n"                                        \
	"{\"rw\":\"w\",\"off\":8,\"size\":4,\"val\":335872}\n"                                         \
	"{\"rw\":\"w\",\"off\":12,\"size\":4,\"val\":134217728}\n"                                     \
	"{\"rw\":\"w\",\"off\":8192,\"size\":4,\"val\":0}\n"                                           \
	"{\"rw\":\"w\",\"off\":8200,\"size\":4,\"val\":0}\n"                                           \
	"{\"rw\":\"w\",\"off\":24,\"size\":8,\"val\":135177}\n"                                        \
	"{\"rw\":\"w\",\"off\":16,\"size\":4,\"val\":339968}\n"                                        \
	"{\"rw\":\"w\",\"off\":20,\"size\":4,\"val\":134217728}\n"                                     \
	"{\"rw\":\"w\",\"off\":8208,\"size\":4,\"val\":0}\n"                                           \
	"{\"rw\":\"w\",\"off\":8216,\"size\":4,\"val\":0}\n"                                           \
	"{\"rw\":\"w\",\"off\":24,\"size\":8,\"val\":135181}\n"                                        \
	"{\"rw\":\"w\",\"off\":0,\"size\":4,\"val\":393216}\n"                                         \
	"{\"rw\":\"w\",\"off\":4,\"size\":4,\"val\":0}\n"                                              \
	"{\"op\":\"mem\",\"pa\":335872,\"q\":[9223372036854775808,0]}\n"                               \
	"{\"rw\":\"w\",\"off\":8200,\"size\":4,\"val\":16}\n"

static void a_second_kernel_takes_over(void **state)
{
	static const char lines[] = BEFORE SECOND_KERNEL XLATE(0, 1064960) FAULT(24, 4096)
	    IR(24, 4276092928, 1, 4276097028, 16433);

	(void)state;
	expect_code(0, lines, "--cache=none");
	expect_code(0, lines, "--cache=hoard");
	expect_code(0, lines, "--cache=sized");
	expect_code(0, lines, "--cache=adverse");
}

/* Without GAEn interrupt entries have 32 bits: 1 is at 0x40004. */
#define LEGACY                                                                                         \
	"{\"rw\":\"w\",\"off\":24,\"size\":8,\"val\":4109}\n"                                          \
	"{\"op\":\"mem\",\"pa\":262144,\"q\":[13793652543324160]}\n"

static void short_interrupt_entries(void **state)
{
	(void)state;
	expect_code(0, LEGACY IR(24, 4276092928, 1, 4276097028, 16433), "--cache=hoard");
	expect_code(1, LEGACY IR(24, 4276092928, 1, 4276097028, 16434), "--cache=hoard");
	expect_code(1, LEGACY IR(24, 4276092928, 0, 4276097028, 16433), "--cache=hoard");
}

/* ---- the PCI function ----------------------------------------------------------------------------------- */

#define CFG(rw, off, val) "{\"op\":\"cfg\",\"rw\":\"" rw "\",\"off\":" #off ",\"val\":" #val "}\n"
/* The list of capabilities: MSI with 64 bits at 60h, then the one of IOMMUs at 40h. */
#define LIST CFG("r", 52, 96) CFG("r", 96, 16389) CFG("r", 64, 15)
/* MSI to FEE01004h, data 22h. */
#define MSI                                                                                            \
	CFG("r", 98, 128)                                                                              \
	CFG("w", 98, 128)                                                                              \
	CFG("w", 100, 4276097028) CFG("w", 104, 0) CFG("w", 108, 34) CFG("w", 98, 129)

static void expect_config(
    const char *lines, int64_t writes, int64_t reads, int64_t differ, int64_t sent)
{
	struct command_run result = run(lines, "--json");
	struct json_object *whole, *summary = summary_of(&result, &whole);

	assert_int_equal(result.code, 0);
	assert_int_equal(number_at(summary, "config/writes"), writes);
	assert_int_equal(number_at(summary, "config/reads"), reads);
	assert_int_equal(number_at(summary, "config/reads_differ"), differ);
	assert_int_equal(number_at(summary, "events/sent"), sent);
	assert_int_equal(number_at(summary, "mmio/reads_differ"), 0);
	json_object_put(whole);
	command_run_free(&result);
}

static void configuration(void **state)
{
	struct command_run result;

	(void)state;
	expect_config("", 0, 0, 0, 0);
	expect_config(LIST, 0, 3, 0, 0);
	/* the capability's registers, whole and half, as the platform has them, and not */
	expect_config(LIST CFG("r", 64, 520290319) CFG("r", 64, 15) CFG("r", 80, 1583168), 0, 6, 0, 0);
	expect_config(LIST CFG("r", 64, 520290318) CFG("r", 80, 1583169), 0, 5, 2, 0);
	/* what no list led to is not known */
	expect_config(CFG("r", 64, 14), 0, 1, 0, 0);
	/* the base is locked: this changes nothing */
	expect_config(LIST CFG("w", 68, 0) CFG("r", 68, 4275568641), 1, 4, 0, 0);
	/* an event goes out as a message once MSI is on, and not before */
	expect_config(FAULT(24, 16384), 0, 0, 0, 0);
	expect_config(LIST MSI FAULT(24, 16384), 5, 4, 0, 1);
	expect_config(LIST MSI CFG("w", 98, 128) FAULT(24, 16384), 6, 4, 0, 0);
	result = run(LIST MSI CFG("r", 64, 14), NULL);
	assert_contains(result.output, "\n  PCI function   5 writes, 5 reads (1 answered otherwise)\n");
	command_run_free(&result);
	result = run("{\"op\":\"cfg\",\"rw\":\"x\",\"off\":0,\"val\":0}\n", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "`rw`: expected \"r\" or \"w\"");
	command_run_free(&result);
	result = run("{\"op\":\"cfg\",\"rw\":\"r\",\"off\":4096,\"val\":0}\n", NULL);
	assert_int_equal(result.code, 2);
	assert_contains(result.errors, "`off`: 0x1000 is too large");
	command_run_free(&result);
}

/* ---- checkpoints ---------------------------------------------------------------------------------------- */

#define CHECKPOINT "{\"op\":\"ckpt\",\"n\":3}\n"
#define STRETCH(iova, pa, size, prot)                                                                  \
	"{\"rid\":24,\"iova\":" #iova ",\"pa\":" #pa ",\"size\":" #size ",\"prot\":" #prot "}\n"
#define SMALL                                                                                          \
	STRETCH(0, 1048576, 4096, 3) STRETCH(4096, 1052672, 4096, 1) STRETCH(8192, 1056768, 4096, 2)
#define SIZED STRETCH(32768, 1114112, 8192, 3) STRETCH(65536, 1179648, 16384, 3)
#define LARGE STRETCH(2097152, 4194304, 2097152, 3)

static void checkpoints(void **state)
{
	(void)state;
	check_live(&driver, CHECKPOINT, SMALL SIZED LARGE, 521, 521, NULL);
	check_live(&driver, CHECKPOINT, SMALL LARGE, 521, 515,
	    "00:03.0  0x8000  PARTS\n  expected  not mapped\n  got       page 0x110000, read and write");
	check_live(&driver, CHECKPOINT, SMALL SIZED LARGE STRETCH(81920, 1196032, 4096, 3), 522, 521,
	    "0x14000  PARTS\n  expected  page 0x124000, read and write\n  got       not mapped\n");
	check_live(&driver, CHECKPOINT,
	    SMALL LARGE STRETCH(32768, 1114112, 4096, 3) STRETCH(36864, 1114112, 4096, 3)
		STRETCH(65536, 1179648, 16384, 3),
	    521, 520, "0x9000  PARTS\n  expected  page 0x110000");
	/* a right less, here and above; unlike VT-d's driver, AMD's asks for what it wants */
	check_live(&driver, CHECKPOINT,
	    STRETCH(0, 1048576, 4096, 3) STRETCH(4096, 1052672, 4096, 1) STRETCH(8192, 1056768, 4096, 3)
		SIZED LARGE,
	    521, 520,
	    "0x2000  PARTS\n  expected  page 0x102000, read and write\n"
	    "  got       page 0x102000, write\n");
	check_live(&driver, "{\"op\":\"mem\",\"pa\":135168,\"q\":[2305843009213833729]}\n" CHECKPOINT,
	    SMALL SIZED LARGE, 521, 513 /* all that could be written in the first 2 MiB */,
	    "got       page 0x100000, read");
	/* a device more, the last of the table */
	check_live(&driver, "{\"op\":\"mem\",\"pa\":69600,\"q\":[6917529027641214467,6]}\n" CHECKPOINT,
	    SMALL SIZED LARGE, 1042, 521, "00:0f.7  0x0  PARTS\n  expected  not mapped\n");
	/* no levels: every address is its own */
	check_live(&driver, "{\"op\":\"mem\",\"pa\":66304,\"q\":[6917529027641081859,5]}\n" CHECKPOINT,
	    STRETCH(4096, 4096, 4096, 3), 1, 1, NULL);
	check_live(&driver, "{\"op\":\"mem\",\"pa\":66304,\"q\":[6917529027641081859,5]}\n" CHECKPOINT,
	    STRETCH(4096, 8192, 4096, 3), 1, 0, "got       page 0x1000, read and write");
}

/* A level is passed over: level 3 points at a table of level 1 (AMD-Vi 2.2.3). */
static void skipped_levels(void **state)
{
	static const char lines[] =
	    "{\"op\":\"mem\",\"pa\":131072,\"q\":[6917529027641221633]}\n" CHECKPOINT;

	(void)state;
	check_live(&driver, lines, SMALL SIZED, 9, 9, NULL);
}

/* ---- platforms ------------------------------------------------------------------------------------------ */

static void refuse_platform(const char *platform, const char *message)
{
	struct command_run result = replay_behind(platform, AMD_DRIVER, "", NULL);

	assert_int_equal(result.code, 2);
	assert_contains(result.errors, message);
	command_run_free(&result);
}

static void platforms(void **state)
{
	(void)state;
	refuse_platform("{\"iommu\": \"amdvi\", \"mmio_base\": 4275568640, \"caps\": {}, \"ram\": []}",
	    "/platform.json:1:1: expected a number `EFR`");
	refuse_platform("{\"iommu\": \"amdvi\", \"mmio_base\": 4275568640, \"caps\": {\"EFR\": 0, "
			"\"CAPHDR\": 4294967296}, \"ram\": []}",
	    "`CAPHDR`: 0x100000000 is too large");
	/* registers at 4 KiB: they are 16 KiB large */
	refuse_platform(
	    "{\"iommu\": \"amdvi\", \"mmio_base\": 4096, \"caps\": {\"EFR\": 0}, \"ram\": []}",
	    "no such unit can be: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(translations),
		cmocka_unit_test(faults),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(invalidations),
		cmocka_unit_test(a_second_kernel_takes_over),
		cmocka_unit_test(short_interrupt_entries),
		cmocka_unit_test(configuration),
		cmocka_unit_test(checkpoints),
		cmocka_unit_test(skipped_levels),
		cmocka_unit_test(platforms),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
