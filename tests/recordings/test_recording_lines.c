/* What agrees and what parts, for each kind of line. */
#include <stdio.h>

#include "recording_run.h"
#include "recordings/replayed.h"

#define XLATE(iova, pa, rest)                                                                          \
	"{\"t\":11,\"op\":\"xlate\",\"rid\":24,\"iova\":" #iova ",\"pa\":" #pa rest "}\n"
#define FAULT(rid, addr, reason, w)                                                                    \
	"{\"t\":11,\"op\":\"fault\",\"rid\":" #rid ",\"reason\":" #reason ",\"addr\":" #addr           \
	",\"w\":" #w "}\n"
#define IR(addr, data, oaddr, odata)                                                                   \
	"{\"t\":11,\"op\":\"ir\",\"addr\":" #addr ",\"data\":" #data ",\"oaddr\":" #oaddr              \
	",\"odata\":" #odata "}\n"
#define READ(off, size, val)                                                                           \
	"{\"t\":11,\"rw\":\"r\",\"off\":" #off ",\"size\":" #size ",\"val\":" #val "}\n"
#define WRITE(off, size, val)                                                                          \
	"{\"t\":11,\"rw\":\"w\",\"off\":" #off ",\"size\":" #size ",\"val\":" #val "}\n"

static void translations(void **state)
{
	static const struct recorded_line lines[] = {
		{ XLATE(0, 1048576, ",\"mask\":4095,\"prot\":3,\"did\":5,\"src\":\"update\""), NULL,
		    NULL },
		{ XLATE(0, 1048576, ",\"prot\":1"), NULL, NULL },
		{ XLATE(0, 1048576, ",\"prot\":2,\"src\":\"hit\""), NULL, NULL },
		{ XLATE(0, 1048576, ""), NULL, NULL },
		{ XLATE(4096, 1052672, ",\"prot\":1"), NULL, NULL },
		{ XLATE(8192, 1056768, ",\"prot\":2"), NULL, NULL },
		{ XLATE(2097152, 4194304, ",\"mask\":2097151,\"prot\":3"), NULL, NULL },
		{ XLATE(4190208, 6287360, ",\"prot\":3"), NULL, NULL },
		/* another page */
		{ XLATE(0, 1052672, ",\"prot\":3"), "expected  page 0x101000\n",
		    "got       page 0x100000\n" },
		{ XLATE(4190208, 4194304, ",\"prot\":3"), "page 0x400000\n", "page 0x5ff000\n" },
		/* a right that is not there */
		{ XLATE(4096, 1052672, ",\"prot\":3"), "00:03.0  write  0x1000",
		    "got       blocked, reason 5h" },
		{ XLATE(8192, 1056768, ",\"prot\":3"), "00:03.0  read  0x2000",
		    "got       blocked, reason 6h" },
		{ XLATE(8192, 1056768, ""), "00:03.0  read  0x2000", "blocked, reason 6h" },
		/* no page; no context */
		{ XLATE(12288, 1056768, ",\"prot\":1"), "page 0x102000", "blocked, reason 6h" },
		{ "{\"op\":\"xlate\",\"rid\":25,\"iova\":0,\"pa\":1048576,\"prot\":3}\n",
		    "page 0x100000", "blocked, reason 2h" },
		{ "{\"op\":\"xlate\",\"rid\":256,\"iova\":0,\"pa\":1048576,\"prot\":3}\n",
		    "01:00.0  read  0x0", "blocked, reason 1h" },
		/* an interrupt message is no translation */
		{ XLATE(4276092928, 4276092928, ",\"prot\":2"), "page 0xfee00000",
		    "blocked, reason 29h" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_line(&vtd_driver, &lines[i], "translations");
}

static void faults(void **state)
{
	static const struct recorded_line lines[] = {
		{ FAULT(24, 4096, 5, 1), NULL, NULL },
		{ FAULT(24, 8192, 6, 0), NULL, NULL },
		{ FAULT(24, 12291, 6, 0), NULL, NULL },
		{ FAULT(24, 549755813888, 4, 0), NULL, NULL },
		{ FAULT(24, 18446744073709551608, 4, 1), NULL, NULL },
		{ FAULT(25, 0, 2, 0), NULL, NULL },
		{ "{\"op\":\"fault\",\"rid\":24,\"addr\":4096,\"w\":1}\n", NULL, NULL },
		{ "{\"op\":\"fault\",\"rid\":24,\"addr\":12288}\n", NULL, NULL },
		/* another reason */
		{ FAULT(24, 4096, 6, 1),
		    "00:03.0  write  0x1000  PARTS\n  expected  blocked, reason 6h\n",
		    "got       blocked, reason 5h" },
		{ FAULT(24, 549755813888, 6, 0), "reason 6h\n", "reason 4h" },
		{ FAULT(25, 0, 6, 0), "reason 6h\n", "reason 2h" },
		/* let through */
		{ FAULT(24, 4096, 6, 0), "expected  blocked, reason 6h\n",
		    "got       page 0x101000\n" },
		{ FAULT(24, 0, 5, 1), "expected  blocked, reason 5h\n", "got       page 0x100000\n" },
		{ "{\"op\":\"fault\",\"rid\":24,\"addr\":0}\n", "expected  blocked\n",
		    "page 0x100000\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_line(&vtd_driver, &lines[i], "faults");
}

/* A record against a line: what a right model cannot be made to say. */
static bool same_fault(
    uint64_t address, unsigned reason, uint64_t record, unsigned got, bool *by_meaning)
{
	const struct recording_fault fault = {
		.address = address, .reason = reason, .has_reason = true
	};
	const struct iommusim_dma_page page = {
		.faulted = true,
		.fault = { .reason = (uint16_t)got, .record = { record, 0 } },
	};

	return recording_vtd.same_fault(&fault, &page, by_meaning);
}

static void fault_records(void **state)
{
	bool by_meaning;

	(void)state;
	assert_true(same_fault(0x12345678, 5, 0x12345000, 5, &by_meaning));
	assert_false(by_meaning);
	assert_false(same_fault(0x12345678, 5, 0x12346000, 5, &by_meaning));
	assert_false(same_fault(0x12345678, 5, 0, 5, &by_meaning));
	/* address bits that no width of the unit has read 0 (VT-d 11.4.7.6) */
	assert_true(same_fault(0x8000000000, 4, 0, 4, &by_meaning));
	assert_true(same_fault(UINT64_MAX, 4, 0x7ffffff000, 4, &by_meaning));
	assert_true(same_fault(UINT64_MAX, 4, 0xfffffffff000, 4, &by_meaning));
	assert_false(same_fault(UINT64_MAX, 4, 0x3ffffff000, 4, &by_meaning));
	/* scalable mode has its own numbers, which the recorded device does not use */
	assert_true(same_fault(0x1000, 5, 0x1000, 0x79, &by_meaning));
	assert_true(by_meaning);
	assert_true(same_fault(0x1000, 6, 0x1000, 0x79, &by_meaning));
	assert_true(same_fault(0x1000, 5, 0x1000, 0x85, &by_meaning));
	assert_true(same_fault(0x1000, 6, 0x1000, 0x86, &by_meaning));
	assert_true(same_fault(0x1000, 4, 0x1000, 0x84, &by_meaning));
	assert_false(same_fault(0x1000, 6, 0x1000, 0x85, &by_meaning));
	assert_false(same_fault(0x1000, 5, 0x1000, 0x86, &by_meaning));
	assert_false(same_fault(0x1000, 4, 0x1000, 0x79, &by_meaning));
	assert_false(same_fault(0x1000, 5, 0x2000, 0x79, &by_meaning));
	assert_false(same_fault(0x1000, 0x79, 0x1000, 5, &by_meaning));
}

static void interrupts(void **state)
{
	static const struct recorded_line lines[] = {
		/* the entry serves 00:1f.0 alone, but whoever sends is not known */
		{ IR(4276092976, 0, 4276097024, 16435), NULL, NULL },
		{ IR(4276092976, 65535, 4276097024, 16435), NULL, NULL },
		{ "{\"op\":\"ir\",\"rid\":24,\"addr\":4276092976,\"data\":0,\"oaddr\":4276097024,"
		  "\"odata\":16435}\n",
		    NULL, NULL },
		{ IR(4276092976, 0, 4276097024, 16436), "expected  0xfee01000 data 0x4034\n",
		    "got       0xfee01000 data 0x4033\n" },
		{ IR(4276092976, 0, 4276092928, 16435), "expected  0xfee00000 data 0x4033\n",
		    "got       0xfee01000 data 0x4033\n" },
		{ IR(4276092944, 0, 4276092944, 0), "interrupt  0xfee00010",
		    "got       blocked, reason 22h" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_line(&vtd_driver, &lines[i], "interrupts");
}

/* Passed as it is, as the recorded device does; registers and later interrupts do not notice. */
static void compatibility_format(void **state)
{
	struct command_run result =
	    replay_lines(IR(4276092928, 49, 4276092928, 49) READ(28, 4, 3271557120) READ(52, 4, 0)
			     IR(4276092976, 0, 4276097024, 16435) IR(4276092928, 49, 4276092928, 50)
				 XLATE(0, 1048576, ",\"prot\":3"),
		"--json", NULL);
	struct json_object *whole, *summary = summary_of(&result, &whole);

	(void)state;
	assert_int_equal(result.code, 1);
	assert_contains(result.output, "{\"parting\":{\"line\":16,\"what\":\"interrupt\"");
	assert_int_equal(number_at(summary, "interrupts/total"), 3);
	assert_int_equal(number_at(summary, "interrupts/agree"), 2);
	assert_int_equal(number_at(summary, "interrupts/source_unknown"), 3);
	assert_int_equal(number_at(summary, "interrupts/compatibility_passed"), 2);
	assert_int_equal(number_at(summary, "translations/agree"), 1);
	assert_int_equal(number_at(summary, "mmio/writes"), 4);
	assert_int_equal(number_at(summary, "mmio/reads_differ"), 0);
	json_object_put(whole);
	command_run_free(&result);
}

/* A store longer than a table: all 512 entries of one and the first of the next. */
static void long_stores(void **state)
{
	char line[8192] = "{\"op\":\"mem\",\"pa\":16384,\"q\":[20483";
	struct command_run result;

	(void)state;
	for (unsigned i = 1; i < 600; i++)
		sprintf(line + strlen(line), ",%u", i == 513 ? 0x234003 : 0);
	sprintf(line + strlen(line), "%s",
	    "]}\n" XLATE(4096, 2310144, ",\"prot\":3") FAULT(24, 0, 5, 1) FAULT(24, 2097152, 5, 1));
	result = replay_lines(line, NULL);
	assert_int_equal(result.code, 0);
	assert_contains(result.output, "translations   1 of 1 agree\n");
	assert_contains(result.output, "faults         2 of 2 agree\n");
	command_run_free(&result);
}

static void registers(void **state)
{
	struct command_run result =
	    replay_lines(READ(0, 4, 17) READ(8, 8, 59110346977575430) READ(8, 4, 572916230)
			     WRITE(60, 4, 33) READ(60, 4, 33) READ(60, 4, 32),
		"--json", NULL);
	struct json_object *whole, *summary = summary_of(&result, &whole);

	(void)state;
	assert_int_equal(result.code, 0); /* never a failure */
	assert_int_equal(number_at(summary, "mmio/writes"), 5);
	assert_int_equal(number_at(summary, "mmio/reads"), 6);
	assert_int_equal(number_at(summary, "mmio/reads_differ"), 2);
	json_object_put(whole);
	command_run_free(&result);
	result = replay_lines(READ(0, 4, 17), NULL);
	assert_contains(
	    result.output, "12 lines: 4 register writes, 2 reads (1 answered otherwise).\n");
	command_run_free(&result);
}

/* The page of iova 0 becomes another; IOTLB invalidation of everything by register (ECAP.IRO 0xf0). */
#define CHANGED "{\"op\":\"mem\",\"pa\":20480,\"q\":[1060867]}\n"
#define FLUSH   WRITE(248, 8, 10376293541461622784)
#define BEFORE  XLATE(0, 1048576, ",\"prot\":3,\"src\":\"update\"")
#define STALE   XLATE(0, 1048576, ",\"prot\":3,\"src\":\"hit\"")
#define AFTER   XLATE(0, 1060864, ",\"prot\":3,\"src\":\"hit\"")

static void expect_code(int code, const char *lines, const char *option, const char *value)
{
	struct command_run result = replay_lines(lines, option, value, NULL);

	if (result.code != code)
		print_message("%s%s\n%s%s", lines, option, result.output, result.errors);
	assert_int_equal(result.code, code);
	command_run_free(&result);
}

static void stale_answers(void **state)
{
	struct command_run result;

	(void)state;
	/* a stale answer is agreement only where the recording shows it */
	expect_code(0, BEFORE CHANGED STALE, "--cache", "hoard");
	expect_code(1, BEFORE CHANGED AFTER, "--cache", "hoard");
	expect_code(1, BEFORE CHANGED STALE, "--cache", "none");
	expect_code(0, BEFORE CHANGED AFTER, "--cache", "none");
	expect_code(0, BEFORE CHANGED STALE, "--cache", "sized");
	result = replay_lines(BEFORE CHANGED AFTER, NULL);
	assert_int_equal(result.code, 1); /* hoard is the default */
	assert_contains(result.output,
	    "line 14  translation  00:03.0  read  0x0  PARTS\n"
	    "  expected  page 0x103000\n"
	    "  got       page 0x100000, cached since line 12\n"
	    "  tables    page 0x103000\n");
	command_run_free(&result);
}

/* The seed decides what an adverse cache forgets: the same one the same things. */
static void seeds(void **state)
{
	unsigned partings = 0;

	(void)state;
	for (unsigned seed = 0; seed < 32; seed++) {
		char option[16];
		struct command_run one, again;

		snprintf(option, sizeof(option), "--seed=%u", seed);
		one = replay_lines(BEFORE CHANGED STALE, "--cache=adverse", option, NULL);
		again = replay_lines(BEFORE CHANGED STALE, "--cache=adverse", option, NULL);
		assert_string_equal(one.output, again.output);
		assert_int_equal(one.code, again.code);
		partings += one.code == 1;
		command_run_free(&one);
		command_run_free(&again);
	}
	assert_in_range(partings, 1, 31);
}

static void dropped_invalidations(void **state)
{
	struct command_run result;

	(void)state;
	expect_code(0, BEFORE CHANGED FLUSH AFTER, "--cache", "hoard");
	expect_code(1, BEFORE CHANGED FLUSH AFTER, "--drop-invalidations", NULL);
	result = replay_lines(BEFORE CHANGED FLUSH AFTER, "--drop-invalidations", NULL);
	assert_contains(
	    result.output, "VT-d at fed90000, 64 MiB, cache hoard, invalidations dropped\n");
	assert_contains(result.output, "translations   1 of 2 agree, 1 PART\n");
	command_run_free(&result);
}

static void told_but_not_compared(void **state)
{
	struct command_run result = replay_lines(
	    "\n{\"op\":\"qi\",\"kind\":\"iec\",\"lo\":4,\"hi\":0}\n{\"op\":\"cmd\",\"lo\":4,\"hi\":0}\n"
	    "{\"op\":\"cfg\",\"rw\":\"r\",\"off\":8,\"val\":0}\n{\"op\":\"mark\",\"n\":3}\n   \n"
	    "{\"op\":\"note\",\"s\":\"odd\"}\r\n{\"op\":\"irq\",\"addr\":4276097028,\"data\":33}\n"
	    "{\"op\":\"ckpt\",\"n\":3}",
	    "--json", NULL);
	struct json_object *whole, *summary = summary_of(&result, &whole), *checkpoints;

	(void)state;
	assert_string_equal(result.errors, "");
	assert_int_equal(result.code, 0);
	assert_int_equal(number_at(summary, "lines"), DRIVER_LINES + 7);
	assert_int_equal(number_at(summary, "mmio/reads"), 1); /* cfg is none */
	assert_int_equal(number_at(summary, "events/recorded"), 1);
	assert_int_equal(number_at(summary, "events/sent"), 0);
	assert_int_equal(number_at(summary, "translations/total"), 0);
	assert_int_equal(number_at(summary, "faults/total"), 0);
	assert_int_equal(number_at(summary, "interrupts/total"), 0);
	assert_true(json_object_object_get_ex(summary, "checkpoints", &checkpoints));
	assert_true(json_object_is_type(checkpoints, json_type_array));
	assert_int_equal(json_object_array_length(checkpoints), 0);
	json_object_put(whole);
	command_run_free(&result);
}

/* The unit's own event goes out when the driver unmasks it. */
static void events(void **state)
{
	struct command_run result =
	    replay_lines(WRITE(60, 4, 33) WRITE(64, 4, 4276097028) WRITE(56, 4, 0)
			     FAULT(24, 4096, 5, 1) "{\"op\":\"irq\",\"addr\":4276097028,\"data\":33}\n",
		"--json", NULL);
	struct json_object *whole, *summary = summary_of(&result, &whole);

	(void)state;
	assert_int_equal(result.code, 0);
	assert_int_equal(number_at(summary, "events/recorded"), 1);
	assert_int_equal(number_at(summary, "events/sent"), 1);
	json_object_put(whole);
	command_run_free(&result);
}

/* Of many partings the first ten are shown to people, all to programs. */
static void many_partings(void **state)
{
	char lines[4096] = "";
	struct command_run result;
	unsigned shown = 0;

	(void)state;
	for (unsigned i = 0; i < 13; i++)
		sprintf(lines + strlen(lines), "%s", FAULT(24, 0, 5, 1));
	result = replay_lines(lines, NULL);
	for (const char *at = result.output; (at = strstr(at, "PARTS\n")) != NULL; at++)
		shown++;
	assert_int_equal(shown, 10);
	assert_contains(result.output, "\n3 more part; --json lists all.\n");
	assert_contains(result.output, "faults         0 of 13 agree, 13 PART\n");
	command_run_free(&result);
	result = replay_lines(lines, "--json", NULL);
	shown = 0;
	for (const char *at = result.output; (at = strstr(at, "{\"parting\":")) != NULL; at++)
		shown++;
	assert_int_equal(shown, 13);
	command_run_free(&result);
}

/* What a crash kernel does: it points the unit at tables of its own while translation is on. */
static void tables_replaced(void **state)
{
	static const char lines[] =
	    /* root, context (domain 6), three levels that map 0 to 0x103000; interrupt 1; queue */
	    "{\"op\":\"mem\",\"pa\":36864,\"q\":[40961,0]}\n"
	    "{\"op\":\"mem\",\"pa\":41344,\"q\":[45057,1537]}\n"
	    "{\"op\":\"mem\",\"pa\":45056,\"q\":[49155]}\n"
	    "{\"op\":\"mem\",\"pa\":49152,\"q\":[53251]}\n"
	    "{\"op\":\"mem\",\"pa\":53248,\"q\":[1060867]}\n"
	    "{\"op\":\"mem\",\"pa\":57360,\"q\":[1099516084225,262392]}\n"
	    "{\"op\":\"mem\",\"pa\":61440,\"q\":[4,0]}\n"
	    /* nothing changes until SRTP and the invalidations behind it */
	    XLATE(0, 1048576, ",\"prot\":3") WRITE(32, 8, 36864) XLATE(0, 1048576, ",\"prot\":3")
		WRITE(24, 4, 3254779904) WRITE(40, 8, 11529215046068469760)
		    WRITE(248, 8, 10376293541461622784) XLATE(0, 1060864, ",\"prot\":3")
			FAULT(24, 4096, 6, 0)
	    /* the same for interrupts */
	    IR(4276092976, 0, 4276097024, 16435) WRITE(184, 8, 57344)
		IR(4276092976, 0, 4276097024, 16435) WRITE(24, 4, 2197815296) WRITE(144, 8, 61440)
		    WRITE(24, 4, 2248146944) WRITE(136, 4, 16) IR(4276092976, 0, 4276097024, 16452)
			READ(28, 4, 3338665984);

	(void)state;
	expect_code(0, lines, "--cache", "none");
	expect_code(0, lines, "--cache", "hoard");
	expect_code(0, lines, "--cache", "adverse");
	expect_code(1, lines, "--drop-invalidations", "--cache=hoard");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(translations),
		cmocka_unit_test(faults),
		cmocka_unit_test(fault_records),
		cmocka_unit_test(long_stores),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(compatibility_format),
		cmocka_unit_test(registers),
		cmocka_unit_test(stale_answers),
		cmocka_unit_test(seeds),
		cmocka_unit_test(dropped_invalidations),
		cmocka_unit_test(tables_replaced),
		cmocka_unit_test(told_but_not_compared),
		cmocka_unit_test(events),
		cmocka_unit_test(many_partings),
	};

	return cmocka_run_group_tests(tests, NULL, folder_remove);
}
