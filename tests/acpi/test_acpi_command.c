/*
 * What `iommusim acpi` does with files: finding the table in binary and in acpidump text, exit
 * codes, messages with a position, JSON and text. What is in a table: test_dmar.c, test_ivrs.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "acpi_input.h"
#include "acpi_show.h"
#include "command.h"
#include "tests/command_run.h"
#include "tests/own_files.h"
#include "tests/acpi/dmar_builder.h"
#include "tests/acpi/ivrs_builder.h"

static struct command_run run_on(const void *bytes, size_t size, bool json)
{
	char *name = file_write(bytes, size);
	struct command_run run = json ? command_run(command_acpi, "acpi", "--json", name, NULL)
				      : command_run(command_acpi, "acpi", name, NULL);

	command_run_rename(&run, name, "a file");
	file_remove(name);
	return run;
}

/* The bytes as acpidump writes them: 16 a line, then the characters. */
static size_t dump(char *to, size_t room, const char *signature, const uint8_t *bytes, size_t size)
{
	size_t length = (size_t)snprintf(to, room, "%s @ 0x000000008BA0F000\n", signature);

	for (size_t at = 0; at < size; at += 16) {
		length += (size_t)snprintf(to + length, room - length, "    %04zX: ", at);
		for (size_t i = at; i < at + 16; i++)
			length +=
			    (size_t)(i < size ? snprintf(to + length, room - length, "%02X ", bytes[i])
					      : snprintf(to + length, room - length, "   "));
		to[length++] = ' ';
		for (size_t i = at; i < at + 16 && i < size; i++)
			if (bytes[i] >= ' ' && bytes[i] <= '~')
				to[length++] = (char)bytes[i];
			else
				to[length++] = '.';
		to[length++] = '\n';
	}
	to[length++] = '\n';
	assert_true(length < room);
	to[length] = '\0';
	return length;
}

static void assert_same_table(const void *left, size_t left_size, const void *right, size_t right_size)
{
	struct command_run a = run_on(left, left_size, true);
	struct command_run b = run_on(right, right_size, true);

	assert_int_equal(a.code, b.code);
	assert_non_null(strstr(a.output, "\"table\""));
	assert_string_equal(strstr(a.output, "\"table\""), strstr(b.output, "\"table\""));
	command_run_free(&a);
	command_run_free(&b);
}

static void assert_refused(const char *text, size_t size, const char *message)
{
	struct command_run run = run_on(text, size, false);

	assert_int_equal(run.code, 2);
	assert_contains(run.errors, message);
	command_run_free(&run);
}

static void a_sound_binary_table_exits_0_and_is_silent_on_errors(void **state)
{
	struct builder builder = builder_sound();
	struct command_run run = run_on(builder.bytes, builder.size, false);

	(void)state;
	assert_int_equal(run.code, 0);
	assert_string_equal(run.errors, "");
	assert_non_null(strstr(run.output, "no problems"));
	command_run_free(&run);
}

static void text_shows_what_the_table_says(void **state)
{
	static const char expected[] =
	    "OEM \"SIMCO \" \"BOARD7\", host address width 46, INTR_REMAP, "
	    "DMA_CTRL_PLATFORM_OPT_IN_FLAG\n"
	    "   48 DRHD segment 0, registers at 0xfbe01000 (4 KiB)\n"
	    "   64   endpoint  00:02.0\n"
	    "   72   bridge    00:1c.4\n"
	    "   80 DRHD segment 0, registers at 0xfbe02000 (4 KiB), INCLUDE_PCI_ALL\n"
	    "   96   ioapic    f0:1f.7, I/O APIC 5\n"
	    "  104   hpet      00:1e.6, HPET 1\n"
	    "  112 RMRR segment 0, 0x7ba00000 to 0x7bbfffff (2 MiB)\n"
	    "  136   endpoint  00:14.0\n"
	    "  144 ATSR segment 0\n"
	    "  152   bridge    00:1c.4\n"
	    "  160 unknown type 4761, 16 bytes, skipped\n"
	    "      no problems\n";
	struct builder builder = builder_sound();
	struct command_run run = run_on(builder.bytes, builder.size, false);

	(void)state;
	assert_non_null(strstr(run.output, "OEM"));
	assert_string_equal(strstr(run.output, "OEM"), expected);
	command_run_free(&run);
}

/* Structures the sound table does not have, and members at their limits. */
static void text_shows_every_kind_of_structure(void **state)
{
	static const char *const expected[] = {
		"registers at 0x0 (64 KiB), reserved flags 0x80\n",
		"   64   acpi      00:15.0/00.7, ACPI device 1\n",
		"   74   unknown   01:1f.0, type 9, enumeration id 4, reserved flags 0x02\n",
		"   82 RMRR segment 1, 0x2000 to 0x1fff (backwards)\n",
		"  106 ATSR segment 0, ALL_PORTS\n",
		"  114 RHSA registers at 0x1000, proximity domain 4294967295\n",
		"  134 ANDD ACPI device 1 is \"\\ .\"\n",
		"  147 SATC segment 65535, ATC_REQUIRED\n",
		"  155 SIDP segment 0\n",
		"  163   endpoint  00:02.0, REQ_WO_PASID_PWSNP_NOTALLOWED, ATC_HARDENED, reserved",
		"ATC_HARDENED, reserved flags 0x20\n",
		"the table can be used:\n",
	};
	struct builder builder = builder_begin();
	struct command_run run;

	(void)state;
	ADD(&builder, 0, 0, 34, 0, 0x80, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 5, 10, 0, 0, 1, 0, 21, 0, 0, 7, 9, 8, 2, 0, 4, 1, 31, 0);
	ADD(&builder, 1, 0, 24, 0, 0, 0, 1, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0xff, 0x1f, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 2, 0, 8, 0, 1, 0, 0, 0);
	ADD(&builder, 3, 0, 20, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255);
	ADD(&builder, 4, 0, 13, 0, 0, 0, 0, 1, '\\', 0x1b, '.', 0, 'x');
	ADD(&builder, 5, 0, 8, 0, 1, 0, 255, 255);
	ADD(&builder, 6, 0, 16, 0, 0, 0, 0, 0, 1, 8, 0x2a, 0, 0, 0, 2, 0);
	builder_finish(&builder);
	run = run_on(builder.bytes, builder.size, false);
	assert_int_equal(run.code, 0);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		assert_contains(run.output, expected[i]);
	command_run_free(&run);
}

static void a_table_that_cannot_be_used_exits_2_and_is_still_shown(void **state)
{
	struct builder builder = builder_sound();
	struct command_run run;

	(void)state;
	builder.bytes[9] ^= 1;
	run = run_on(builder.bytes, builder.size, false);
	assert_int_equal(run.code, 2);
	assert_non_null(strstr(run.output, "  112 RMRR segment 0"));
	assert_non_null(strstr(run.output, "1 problem, the table CANNOT be used:\n    9 FATAL "));
	assert_non_null(strstr(run.errors, "a file: offset 9: header: with checksum 0x"));
	command_run_free(&run);
}

static void json_has_one_object_a_file_on_one_line(void **state)
{
	struct builder sound = builder_sound(), broken = builder_sound();
	char *names[] = { NULL, NULL };
	static const bool usable[] = { true, false, false };
	struct command_run run;
	char *line;

	(void)state;
	broken.bytes[48 + 2] = 0;
	builder_sum(&broken);
	names[0] = file_write(sound.bytes, sound.size);
	names[1] = file_write(broken.bytes, broken.size);
	run = command_run(command_acpi, "acpi", "-j", names[0], names[1], "/nonexistent/table", NULL);
	assert_int_equal(run.code, 2);
	line = run.output;
	for (unsigned i = 0; i < 3; i++) {
		char *end = strchr(line, '\n');
		struct json_object *object;

		assert_non_null(end);
		*end = '\0';
		object = json_tokener_parse(line);
		assert_non_null(object);
		assert_string_equal(json_object_get_string(json_object_object_get(object, "file")),
		    i < 2 ? names[i] : "/nonexistent/table");
		assert_int_equal(
		    json_object_get_boolean(json_object_object_get(object, "usable")), usable[i]);
		assert_int_equal(json_object_array_length(json_object_object_get(object, "problems")),
		    usable[i] ? 0 : 1);
		json_object_put(object);
		line = end + 1;
	}
	assert_string_equal(line, "");
	command_run_free(&run);
	file_remove(names[0]);
	file_remove(names[1]);
}

static void json_keeps_numbers_of_64_bits(void **state)
{
	struct builder builder = builder_sound();
	struct command_run run;

	(void)state;
	memset(builder.bytes + 112 + 16, 0xff, 8);
	builder_sum(&builder);
	run = run_on(builder.bytes, builder.size, true);
	assert_non_null(strstr(run.output, "\"limit\":18446744073709551615"));
	command_run_free(&run);
}

static void json_shows_unknown_structures_with_their_code(void **state)
{
	struct builder builder = builder_sound();
	struct command_run run = run_on(builder.bytes, builder.size, true);

	(void)state;
	assert_non_null(
	    strstr(run.output, "{\"offset\":160,\"type\":\"unknown\",\"code\":4761,\"length\":16}"));
	command_run_free(&run);
}

static void json_gives_an_address_width_of_256_bits(void **state)
{
	struct builder builder = builder_sound();
	struct command_run run;

	(void)state;
	builder.bytes[36] = 255;
	builder_sum(&builder);
	run = run_on(builder.bytes, builder.size, true);
	assert_non_null(strstr(run.output, "\"haw_bits\":256,\"haw_raw\":255"));
	command_run_free(&run);
}

static void json_is_utf8_whatever_file_and_firmware_call_themselves(void **state)
{
	struct builder builder = builder_sound();
	struct acpi_input input = { "DMAR", builder.bytes, builder.size };
	struct acpi_table table;
	struct json_object *object;
	const char *text;

	(void)state;
	memcpy(builder.bytes + 10, "\xff\x1b[2Jx", 6);
	builder_sum(&builder);
	assert_int_equal(acpi_table_parse(&input, &table), IOMMUSIM_OK);
	object = acpi_table_json("\xc3\xa9\xff\xed\xa0\x80\xf0\x9f\x98\x80\xc3", &table, NULL);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	assert_non_null(strstr(text, "\"file\":\"\xc3\xa9????\xf0\x9f\x98\x80?\""));
	assert_non_null(strstr(text, "\"oem_id\":\"  [2Jx\""));
	json_object_put(object);
	acpi_table_free(&table);
}

static void text_of_acpidump_gives_the_same_as_binary(void **state)
{
	struct builder builder = builder_sound();
	char text[4096];
	const size_t length = dump(text, sizeof text, "DMAR", builder.bytes, builder.size);

	(void)state;
	assert_same_table(builder.bytes, builder.size, text, length);
	/* The same without the empty line and without the last end of line. */
	assert_same_table(builder.bytes, builder.size, text, length - 2);
}

static void a_short_last_line_is_read(void **state)
{
	(void)state;
	for (unsigned padding = 4; padding < 20; padding++) {
		struct builder builder = builder_sound();
		char text[4096];
		size_t length;

		ADD(&builder, 0x42, 0, (uint8_t)padding, 0);
		for (unsigned i = 4; i < padding; i++)
			ADD(&builder, 'A'); /* characters that look like digits */
		builder_finish(&builder);
		length = dump(text, sizeof text, "DMAR", builder.bytes, builder.size);
		assert_same_table(builder.bytes, builder.size, text, length);
	}
}

static void text_of_older_dumps_is_read(void **state)
{
	struct builder builder = builder_sound();
	char text[4096], older[4096];
	size_t length = 0;

	(void)state;
	dump(text, sizeof text, "DMAR", builder.bytes, builder.size);
	for (const char *c = text; *c != '\0'; c++) {
		if (strncmp(c, "    0", 5) == 0)
			c += 2; /* two blanks in front */
		if (*c == '\n')
			older[length++] = '\r';
		older[length] = *c;
		if (*c >= 'A' && *c <= 'F' && c > text + 4)
			older[length] = (char)(*c - 'A' + 'a');
		length++;
	}
	assert_same_table(builder.bytes, builder.size, older, length);
}

static void other_tables_of_a_dump_are_passed_over(void **state)
{
	struct builder builder = builder_sound();
	char text[8192];
	size_t length;

	(void)state;
	length = dump(text, sizeof text, "FACP", (const uint8_t *)"FACPDMAR @ 0x0 ..", 17);
	length += dump(text + length, sizeof text - length, "DMAR", builder.bytes, builder.size);
	length += dump(text + length, sizeof text - length, "SSDT", builder.bytes, 40);
	assert_same_table(builder.bytes, builder.size, text, length);
}

static void a_dump_without_a_table_is_refused_at_its_end(void **state)
{
	static const char text[] = "FACP @ 0x0\n    0000: 46 41 43 50  FACP\n";

	(void)state;
	assert_refused(text, strlen(text), "a file:2:28: no DMAR or IVRS table up to here");
}

static void a_dump_cut_off_anywhere_is_refused_with_its_line(void **state)
{
	struct builder builder = builder_sound();
	char text[4096];
	size_t length = dump(text, sizeof text, "DMAR", builder.bytes, builder.size);
	size_t complete;
	unsigned lines = 1, line = 1;

	(void)state;
	/* Of the last line only the column of characters, which says nothing new, may be cut. */
	complete = (size_t)(strstr(text, "    00A0:") - text) + strlen("    00A0:") + 48;
	for (size_t size = 12; size < complete; size++) {
		const char last = text[size - 1];
		char message[32];

		/* A line of which only blanks are left counts as not there. */
		if (last == '\n')
			lines++;
		else if (last != ' ')
			line = lines;
		snprintf(message, sizeof message, "a file:%u:", line);
		assert_refused(text, size, message);
	}
	assert_same_table(builder.bytes, builder.size, text, complete);
	assert_true(complete < length);
}

static void what_was_read_of_a_cut_dump_is_shown(void **state)
{
	struct builder builder = builder_sound();
	char text[4096];
	struct command_run run;

	(void)state;
	dump(text, sizeof text, "DMAR", builder.bytes, builder.size);
	run = run_on(text, (size_t)(strstr(text, "    0070:") - text) + 11, false);
	assert_int_equal(run.code, 2);
	assert_non_null(strstr(run.output, "   96   ioapic    f0:1f.7"));
	assert_non_null(strstr(run.errors,
	    "a file:9:11: expected a byte as two hexadecimal "
	    "digits; the line is cut off here\n"));
	command_run_free(&run);
}

static void a_wrong_character_or_offset_is_refused_with_its_column(void **state)
{
	struct builder builder = builder_sound();
	char text[4096], *at;
	const size_t length = dump(text, sizeof text, "DMAR", builder.bytes, builder.size);

	(void)state;
	at = strstr(text, "    0020:") + 16;
	at[0] = 'G';
	assert_refused(text, length, "a file:4:17: expected a byte");
	at[0] = '0';
	at = strstr(text, "    0030:") + 6;
	at[0] = '4';
	assert_refused(text, length, "a file:5:5: offset 0x40, expected 0x30");
	at[-2] = 'n';
	assert_refused(text, length, "a file:5:5: expected an offset in hexadecimal");
}

static void what_is_no_table_is_refused(void **state)
{
	static const char other[] = "DMAR @ 0x0\n  0000: 44 4d 41 58 0c 00 00 00 01 02 03 04\n";
	struct builder builder = builder_sound();

	(void)state;
	assert_refused("", 0, "a file: offset 0: the file is empty");
	assert_refused("FACP\x10\0\0\0", 8, "a file: offset 0: begins with \"FACP\"");
	assert_refused("\x7f", 1, "a file: offset 0: begins with \"....\"");
	assert_refused("DMA", 3, "a file:1:4: no DMAR");
	assert_refused((const char *)builder.bytes, 35, "a file: offset 0: no DMAR table: 35 bytes");
	assert_refused("DMAR", 4, "a file:1:5: no DMAR");
	assert_refused("DMAR\0", 5, "a file: offset 0: no DMAR table: 5 bytes");
	assert_refused(other, strlen(other), "a file: offset 0: no DMAR table: 12 bytes");
}

static void an_ivrs_table_is_shown_as_text(void **state)
{
	static const char expected[] =
	    "OEM \"SIMCO \" \"BOARD9\", IVinfo 0x00203043, addresses of 48 bits physical, 64 virtual, "
	    "48 guest virtual, EFRSup, DMA remapped at boot\n"
	    "   48 IVHD_10h (does not count) IOMMU 00:00.2, segment 0, registers at 0xfdf00000, capability "
	    "at 0x40, MSI number 1, unit id 19, IotlbSup, Coherent, PPRSup, features 0x80048f6f\n"
	    "   72   range_start  from 00:01.0 to ff:1f.6\n"
	    "   76   range_end    ff:1f.6\n"
	    "   80   special      00:14.0, I/O APIC 33, INIT, ExtInt, NMI, LINT0, LINT1, SysMgt 1\n"
	    "   88 IVHD_40h IOMMU 00:00.2, segment 0, registers at 0xfdf00000, capability at 0x40, MSI "
	    "number 1, unit id 19, IotlbSup, Coherent, attributes 0x00048000, EFR 0x206d73ef22254ade, EFR2 "
	    "0x10\n"
	    "  128   range_start  from 00:01.0 to ff:1f.6\n"
	    "  132   range_end    ff:1f.6\n"
	    "  136   alias_start  from ff:00.0 to ff:1f.7, seen as 00:14.5\n"
	    "  144   range_end    ff:1f.7\n"
	    "  148   pad4         4 bytes\n"
	    "  152   special      00:14.0, HPET 0\n"
	    "  160   special      00:14.0, I/O APIC 33, INIT, ExtInt, NMI, LINT0, LINT1, SysMgt 1\n"
	    "  168   acpi_hid     00:14.5, ACPI device \"AMDI0020\", UID \"\\_SB.FUR0\", LINT0\n"
	    "  199 IVMD_22h 00:00.0 to 0f:1f.7, segment 0, 0x9618e000 (4 KiB), Unity, IR, IW\n"
	    "  231 unknown type 0x51, 9 bytes, skipped\n"
	    "      no problems\n";
	struct builder builder = ivrs_sound();
	struct command_run run = run_on(builder.bytes, builder.size, false);

	(void)state;
	assert_int_equal(run.code, 0);
	assert_string_equal(run.errors, "");
	assert_non_null(strstr(run.output, "OEM"));
	assert_string_equal(strstr(run.output, "OEM"), expected);
	command_run_free(&run);
}

/* Entries the sound table does not have, and members at their limits. */
static void text_shows_every_kind_of_device_entry(void **state)
{
	static const char *const expected[] = {
		"   72   all          every device, INIT, SysMgt 3\n",
		"   76   select       02:03.4, reserved flags 0x08\n",
		"   80   range_start  from 01:00.0 (no end)\n",
		"   84   pad8         8 bytes\n",
		"   92   alias_select 05:00.1, seen as 00:1c.0, LINT1\n",
		"  100   ext_select   06:00.0, ATS disabled, reserved flags 0x01\n",
		"  108   ext_start    from 07:00.0 to 07:00.7\n",
		"  120   special      00:14.0, variety 3, handle 9\n",
		"  128   acpi_hid     00:13.1, ACPI device 0x0a0cd041, compatible with \"PNP0D40\", UID 0x102\n",
		"  158   unknown      type 0x44, 8 bytes, skipped\n",
		"  166 IVMD_20h every device, segment 2, 0x1001 (1 bytes), ExclusionRange, reserved flags 0x80\n",
		"  198 IVMD_21h 01:02.3, segment 0, 0x0 (0 bytes)\n",
		"the table can be used:\n",
	};
	struct builder builder = ivrs_begin();
	struct command_run run;

	(void)state;
	ADD(&builder, 0x10, 0, 118, 0, 2, 0, 0x40, 0, 0, 0, 0xf0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0);
	ADD(&builder, 1, 0, 0, 0x31, 2, 0x1c, 0x02, 0x08, 3, 0, 1, 0);
	ADD(&builder, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x42, 1, 5, 0x80, 0, 0xe0, 0, 0);
	ADD(&builder, 0x46, 0, 6, 0, 1, 0, 0, 0x80, 0x47, 0, 7, 0, 0, 0, 0, 0, 4, 7, 7, 0);
	ADD(&builder, 0x48, 0, 0, 0, 9, 0xa0, 0, 3);
	ADD(&builder, 0xf0, 0x99, 0, 0, 0x41, 0xd0, 0x0c, 0x0a, 0, 0, 0, 0, 'P', 'N', 'P', '0', 'D',
	    '4', '0', 0, 1, 8, 2, 1, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 0x44, 0, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 0x20, 0x88, 32, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0,
	    1, 0, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 0x21, 0, 32, 0, 0x13, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0);
	builder_finish(&builder);
	run = run_on(builder.bytes, builder.size, false);
	assert_int_equal(run.code, 0);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		assert_contains(run.output, expected[i]);
	command_run_free(&run);
}

static void an_ivrs_table_is_shown_as_json(void **state)
{
	static const char *const expected[] = {
		"\"table\":\"IVRS\",\"length\":240,\"revision\":2,",
		"\"ivinfo\":2109507,\"checksum_ok\":true,",
		"{\"offset\":48,\"type\":\"IVHD_10h\",\"flags\":176,\"length\":40,\"devid\":2,"
		"\"cap_offset\":64,\"base\":4260364288,\"segment\":0,\"iommu_info\":4865,"
		"\"feature_reporting\":2147782511,\"entries\":[",
		"{\"offset\":72,\"type\":\"range_start\",\"devid\":8,\"data\":0}",
		"\"attributes\":294912,\"efr\":2336651252582402782,\"efr2\":16,",
		"{\"offset\":136,\"type\":\"alias_start\",\"devid\":65280,\"data\":0,\"source_devid\":165}",
		"{\"offset\":160,\"type\":\"special\",\"devid\":0,\"data\":215,\"handle\":33,"
		"\"source_devid\":160,\"variety\":\"ioapic\"}",
		"\"hid\":\"AMDI0020\",\"cid\":\"0000000000000000\",\"uid_format\":2,\"uid_len\":9,"
		"\"uid\":\"\\\\_SB.FUR0\"}",
		"{\"offset\":199,\"type\":\"IVMD_22h\",\"flags\":7,\"length\":32,\"devid\":0,\"aux\":4095,"
		"\"start\":2518212608,\"mem_length\":4096}",
		"{\"offset\":231,\"type\":\"unknown\",\"code\":81,\"length\":9}],",
		"\"units\":[88],\"usable\":true,\"problems\":[]}",
	};
	struct builder builder = ivrs_sound();
	struct command_run run = run_on(builder.bytes, builder.size, true);

	(void)state;
	assert_int_equal(run.code, 0);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		assert_contains(run.output, expected[i]);
	command_run_free(&run);
}

static void json_shows_acpi_ids_and_unknown_entries(void **state)
{
	static const char *const expected[] = {
		"\"hid\":\"000000000A0CD041\",\"cid\":\"PNP0D40\"}",
		"\"hid\":\"ABC\",\"cid\":\"3130303000000000\",\"uid_format\":1,",
		"\"uid_len\":8,\"uid\":72623859790382856}",
		"{\"offset\":140,\"type\":\"unknown\",\"code\":68,\"length\":8}",
		"\"handle\":9,\"source_devid\":160,\"variety\":3}",
		"\"type\":\"ext_select\",\"devid\":6,\"data\":0,\"extended_data\":2147483648}",
	};
	struct builder builder = ivrs_begin();
	struct command_run run;

	(void)state;
	ivrs_add_11h(&builder, 0x40, 76);
	ADD(&builder, 0xf0, 0x99, 0, 0, 0x41, 0xd0, 0x0c, 0x0a, 0, 0, 0, 0, 'P', 'N', 'P', '0', 'D',
	    '4', '0', 0, 0, 0);
	ADD(&builder, 0xf0, 0x9a, 0, 0, 'A', 'B', 'C', 0, 0, 0, 0, 0, 0, 0, 0, 0, '0', '0', '0', '1', 1,
	    8, 8, 7, 6, 5, 4, 3, 2, 1);
	ADD(&builder, 0x44, 0, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 0x48, 0, 0, 0, 9, 0xa0, 0, 3);
	ADD(&builder, 0x46, 6, 0, 0, 0, 0, 0, 0x80);
	builder_finish(&builder);
	run = run_on(builder.bytes, builder.size, true);
	assert_int_equal(run.code, 0);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		assert_contains(run.output, expected[i]);
	command_run_free(&run);
}

static void an_ivrs_table_that_cannot_be_used_exits_2_and_is_still_shown(void **state)
{
	struct builder builder = ivrs_sound();
	struct command_run run;

	(void)state;
	builder.bytes[88 + 2] = 110; /* the last entry loses a byte */
	builder_sum(&builder);
	run = run_on(builder.bytes, builder.size, false);
	assert_int_equal(run.code, 2);
	assert_non_null(strstr(run.output, "UID \"\\_SB.FUR\""));
	assert_non_null(strstr(run.output, "the table CANNOT be used:\n  168 FATAL "));
	assert_non_null(strstr(run.errors, "a file: offset 168: device entry of type 0xf0 (acpi_hid)"));
	command_run_free(&run);
	assert_refused((const char *)builder.bytes, 35, "a file: offset 0: no IVRS table: 35 bytes");
}

static void files_that_cannot_be_read_are_refused(void **state)
{
	struct command_run run = command_run(command_acpi, "acpi", "/", "/nonexistent/table", NULL);

	(void)state;
	assert_int_equal(run.code, 2);
	assert_non_null(strstr(run.errors, "/:0:0: cannot be read: "));
	assert_non_null(strstr(run.errors, "/nonexistent/table:0:0: cannot be opened: "));
	command_run_free(&run);
}

static void the_worst_exit_wins(void **state)
{
	struct builder sound = builder_sound();
	char *name = file_write(sound.bytes, sound.size);
	struct command_run run = command_run(command_acpi, "acpi", "/nonexistent/table", name, NULL);

	(void)state;
	assert_int_equal(run.code, 2);
	assert_non_null(strstr(run.output, "no problems"));
	command_run_free(&run);
	file_remove(name);
}

static void wrong_usage_exits_2_and_help_0(void **state)
{
	static const char *const arguments[] = { NULL, "--wrong", "-jz" };
	static const char *const said[] = { "acpi: no file given\nTry `iommusim acpi --help`.\n",
		"acpi: unknown option --wrong\n", "acpi: unknown option -z\n" };
	struct command_run run;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		run = command_run(command_acpi, "acpi", arguments[i], NULL);
		assert_int_equal(run.code, 2);
		assert_non_null(strstr(run.errors, said[i]));
		assert_string_equal(run.output, "");
		command_run_free(&run);
	}
	run = command_run(command_acpi, "acpi", "--help", NULL);
	assert_int_equal(run.code, 0);
	assert_non_null(strstr(run.output, "usage: iommusim acpi"));
	command_run_free(&run);
}

/* Any text may be fed to the reader of dumps. */
static void any_change_of_a_dump_is_survived(void **state)
{
	static const char letters[] = " :0Af\n@xD9\t~\r";
	struct builder builder = builder_sound();
	char text[4096];
	const size_t length = dump(text, sizeof text, "DMAR", builder.bytes, builder.size);
	uint64_t seed = 0x2545f4914f6cdd1d;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct iommusim_diagnostic problem;
		struct acpi_input input;
		char *changed = malloc(length);
		size_t size = length;

		assert_non_null(changed);
		memcpy(changed, text, length);
		for (unsigned changes = round % 5; changes != 0; changes--) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			changed[(seed >> 16) % length] = letters[seed % (sizeof letters - 1)];
			if (seed % 7 == 0)
				size = (seed >> 24) % length;
		}
		acpi_input_parse((const uint8_t *)changed, size, &input, &problem);
		assert_true(input.size <= size / 3);
		acpi_input_free(&input);
		free(changed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_binary_table_exits_0_and_is_silent_on_errors),
		cmocka_unit_test(text_shows_what_the_table_says),
		cmocka_unit_test(text_shows_every_kind_of_structure),
		cmocka_unit_test(a_table_that_cannot_be_used_exits_2_and_is_still_shown),
		cmocka_unit_test(json_has_one_object_a_file_on_one_line),
		cmocka_unit_test(json_keeps_numbers_of_64_bits),
		cmocka_unit_test(json_shows_unknown_structures_with_their_code),
		cmocka_unit_test(json_gives_an_address_width_of_256_bits),
		cmocka_unit_test(json_is_utf8_whatever_file_and_firmware_call_themselves),
		cmocka_unit_test(text_of_acpidump_gives_the_same_as_binary),
		cmocka_unit_test(a_short_last_line_is_read),
		cmocka_unit_test(text_of_older_dumps_is_read),
		cmocka_unit_test(other_tables_of_a_dump_are_passed_over),
		cmocka_unit_test(a_dump_without_a_table_is_refused_at_its_end),
		cmocka_unit_test(a_dump_cut_off_anywhere_is_refused_with_its_line),
		cmocka_unit_test(what_was_read_of_a_cut_dump_is_shown),
		cmocka_unit_test(a_wrong_character_or_offset_is_refused_with_its_column),
		cmocka_unit_test(what_is_no_table_is_refused),
		cmocka_unit_test(an_ivrs_table_is_shown_as_text),
		cmocka_unit_test(text_shows_every_kind_of_device_entry),
		cmocka_unit_test(an_ivrs_table_is_shown_as_json),
		cmocka_unit_test(json_shows_acpi_ids_and_unknown_entries),
		cmocka_unit_test(an_ivrs_table_that_cannot_be_used_exits_2_and_is_still_shown),
		cmocka_unit_test(files_that_cannot_be_read_are_refused),
		cmocka_unit_test(the_worst_exit_wins),
		cmocka_unit_test(wrong_usage_exits_2_and_help_0),
		cmocka_unit_test(any_change_of_a_dump_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
