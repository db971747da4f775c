/*
 * `iommusim vectors` on AMD-Vi: what is compared of the event log and of registers, and what is not. The
 * vectors are small and made here; what all vendors have in common is in test_vectors_command.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "command_run.h"
#include "own_files.h"

/* 6 levels, 40 and 48 bits; registers at FED80000h. */
#define CAPS                                                                                           \
	"\"EFR\":10707,\"STATUS\":0,\"CTRL\":0,\"DEVTAB\":0,\"CMDBASE\":0,\"EVTBASE\":0,"              \
	"\"CAPHDR\":520290319,\"BASELO\":4275568640,\"BASEHI\":0,\"RANGE\":4278190080,"                \
	"\"MISC0\":1583168,\"MISC1\":0,\"IOMMU_RID\":8"
#define HEAD(caps)                                                                                     \
	"{\"id\":\"t/one\",\"iommu\":\"amdvi\",\"caps\":{" caps "},\"mmio_base\":4275568640,"          \
	"\"ram\":[[0,1048576]],\"steps\":["

/*
 * Device table at 10000h, 2048 entries; 00:04.0 (32) and 05:04.0 (1312), domain 1, three levels at 40000h:
 * page 0 at 50000h, page 1 read-only at 51000h. The event log at 43000h has 256 entries.
 */
#define SETUP                                                                                                                \
	"{\"op\":\"mem_write\",\"pa\":66560,\"hex\":\"0306040000000060010000000000000000000000000000000000000000000000\"},"  \
	"{\"op\":\"mem_write\",\"pa\":107520,\"hex\":\"0306040000000060010000000000000000000000000000000000000000000000\"}," \
	"{\"op\":\"mem_write\",\"pa\":262144,\"hex\":\"0114040000000060\"},"                                                 \
	"{\"op\":\"mem_write\",\"pa\":266240,\"hex\":\"0122040000000060\"},"                                                 \
	"{\"op\":\"mem_write\",\"pa\":270336,\"hex\":\"01000500000000600110050000000020\"},"                                 \
	"{\"op\":\"mmio_write\",\"off\":0,\"size\":8,\"val\":65551},"                                                        \
	"{\"op\":\"mmio_write\",\"off\":16,\"size\":8,\"val\":576460752303697920},"                                          \
	"{\"op\":\"mmio_write\",\"off\":24,\"size\":8,\"val\":5}"
#define SETUP_STEPS   8
#define VECTOR(steps) HEAD(CAPS) SETUP "," steps "]}\n"

#define DMA(rid, dir, iova, result)                                                                    \
	"{\"op\":\"dma\",\"rid\":" #rid ",\"dir\":\"" dir "\",\"iova\":" #iova ",\"len\":8,"           \
	"\"outcome\":" result "}"
#define OK_AT(pa)       "\"ok\",\"pa\":" #pa ",\"fault\":null"
#define EVENT(more)     "\"fault\",\"pa\":null,\"fault\":{" more "}"
#define UNKNOWN         "\"fault\",\"pa\":null,\"fault\":null,\"silent\":true,\"fault_unknown\":true"
#define READ(off, val)  "{\"op\":\"mmio_read\",\"off\":" #off ",\"size\":8,\"val\":" #val "}"
#define WRITE(off, val) "{\"op\":\"mmio_write\",\"off\":" #off ",\"size\":8,\"val\":" #val "}"

static struct command_run run(const char *text)
{
	char *name = file_write(text, strlen(text));
	struct command_run capture = command_run(command_vectors, "vectors", name, NULL);

	file_remove(name);
	return capture;
}

static void assert_passes(const char *text)
{
	struct command_run capture = run(text);

	if (capture.code != 0)
		print_message("%s%s%s", text, capture.output, capture.errors);
	assert_string_equal(capture.output, "1 passed, 0 failed, 0 known, 0 disputed\n");
	assert_string_equal(capture.errors, "");
	assert_int_equal(capture.code, 0);
	command_run_free(&capture);
}

/* The step behind the set-up, or one after it, fails with these words. */
static void assert_fails(const char *text, unsigned step, const char *words)
{
	struct command_run capture = run(text);
	char place[40];

	snprintf(place, sizeof(place), "t/one: step %u: ", SETUP_STEPS + step);
	assert_string_equal(capture.errors, "");
	assert_int_equal(strncmp(capture.output, place, strlen(place)), 0);
	assert_contains(capture.output, words);
	assert_contains(capture.output, "\n0 passed, 1 failed, 0 known, 0 disputed\n");
	assert_int_equal(capture.code, 1);
	command_run_free(&capture);
}

static void what_agrees_passes(void **state)
{
	(void)state;
	assert_passes(VECTOR(DMA(32, "read", 64, OK_AT(327744))));
	assert_passes(VECTOR(DMA(32, "write", 64, OK_AT(327744))));
	assert_passes(VECTOR(DMA(32, "write", 4096, EVENT("\"code\":2,\"rid\":32"))));
	assert_passes(VECTOR(DMA(32, "read", 8192, EVENT("\"code\":2,\"rid\":32,\"raw\":[1,2]"))));
	assert_passes(VECTOR(DMA(32, "write", 4096, UNKNOWN)));
	/* a device entry with V=0 */
	assert_passes(VECTOR(DMA(40, "read", 65536, OK_AT(65536))));
	assert_passes(VECTOR(READ(32, 0) "," READ(48, 10707)));
}

static void events_are_compared_by_code_and_device(void **state)
{
	(void)state;
	assert_fails(VECTOR(DMA(32, "write", 4096, EVENT("\"code\":1,\"rid\":32"))), 0,
	    "write of 8 bytes at 0x1000 by 00:04.0: expected event 1h of 00:04.0, got event 2h of 00:04.0");
	assert_fails(VECTOR(DMA(32, "write", 4096, EVENT("\"code\":2,\"rid\":33"))), 0,
	    "expected event 2h of 00:04.1, got event 2h of 00:04.0");
	/* the second event, not the one that is there already */
	assert_fails(VECTOR(DMA(32, "write", 4096, EVENT("\"code\":2,\"rid\":32")) "," DMA(
			 32, "write", 4096, EVENT("\"code\":4,\"rid\":32"))),
	    1, "expected event 4h of 00:04.0, got event 2h of 00:04.0");
	/* none, where the log is off */
	assert_fails(VECTOR(WRITE(24, 1) "," DMA(32, "write", 4096, EVENT("\"code\":2,\"rid\":32"))), 1,
	    "expected event 2h of 00:04.0, got no event");
}

static void what_the_references_get_wrong_is_not_compared(void **state)
{
	(void)state;
	/* bus numbers */
	assert_passes(VECTOR(DMA(1312, "write", 4096, EVENT("\"code\":2,\"rid\":32"))));
	assert_fails(VECTOR(DMA(1312, "write", 4096, EVENT("\"code\":3,\"rid\":32"))), 0,
	    "expected event 3h of 00:04.0, got event 2h of 05:04.0");
	/* what a vector says itself is unreliable */
	assert_passes(VECTOR(
	    DMA(32, "write", 4096, EVENT("\"code\":2,\"rid\":33,\"unreliable\":[\"rid\",\"addr\"]"))));
	assert_passes(
	    VECTOR(DMA(32, "write", 4096, EVENT("\"code\":1,\"rid\":32,\"unreliable\":[\"code\"]"))));
	assert_fails(VECTOR(DMA(32, "write", 4096,
			 EVENT("\"code\":2,\"rid\":33,\"unreliable\":[\"rid bus number\"]"))),
	    0, "expected event 2h of 00:04.1");
}

static void an_access_that_goes_through_leaves_no_event(void **state)
{
	(void)state;
	assert_fails(
	    VECTOR(DMA(32, "write", 4096, OK_AT(331776))), 0, "expected ok at 0x51000, got fault 0x2");
	assert_fails(VECTOR(DMA(32, "read", 64, UNKNOWN)), 0, "expected fault, got ok at 0x50040");
}

/* The reference that registers come from logs no event. */
static void registers_that_tell_of_events_are_not_compared_after_one(void **state)
{
	static const char event[] = VECTOR(
	    DMA(32, "write", 4096, UNKNOWN) "," READ(8224, 8) "," READ(8216, 0) "," READ(8208, 0));

	(void)state;
	assert_passes(event);
	/* the rest of them is */
	assert_fails(VECTOR(DMA(32, "write", 4096, UNKNOWN) "," READ(8224, 24)), 1,
	    "register at 0x2020: expected 0x0000000000000018, got 0x0000000000000008");
	assert_fails(VECTOR(DMA(32, "write", 4096, UNKNOWN) "," READ(8208, 16)), 1,
	    "register at 0x2010: expected 0x0000000000000010");
	/* and all of them while the log is off, or empty */
	assert_fails(VECTOR(READ(8224, 10)), 0, "expected 0x000000000000000a, got 0x0000000000000008");
	assert_fails(VECTOR(READ(8216, 16)), 0, "expected 0x0000000000000010, got 0x0000000000000000");
	assert_fails(VECTOR(WRITE(24, 1) "," DMA(32, "write", 4096, UNKNOWN) "," READ(8224, 2)), 2,
	    "expected 0x0000000000000002, got 0x0000000000000000");
}

/* A log that ran over takes no more events: what the unit would have logged counts. */
static void an_event_that_finds_no_room_is_compared_all_the_same(void **state)
{
	static const char one[] = DMA(32, "write", 4096, UNKNOWN) ",";
	static const char same[] = DMA(32, "write", 4096, EVENT("\"code\":2,\"rid\":32")) "]}\n";
	static const char other[] = DMA(32, "write", 4096, EVENT("\"code\":1,\"rid\":32")) "]}\n";
	const size_t room = sizeof(HEAD(CAPS)) + sizeof(SETUP) + 257 * sizeof(one) + sizeof(same) + 8;
	char *text = malloc(room);
	size_t used;

	(void)state;
	assert_non_null(text);
	used = (size_t)snprintf(text, room, "%s", HEAD(CAPS) SETUP ",");
	for (unsigned i = 0; i < 257; i++)
		used += (size_t)snprintf(text + used, room - used, "%s", one);
	snprintf(text + used, room - used, "%s", same);
	assert_passes(text);
	snprintf(text + used, room - used, "%s", other);
	assert_fails(text, 257, "expected event 1h of 00:04.0, got event 2h of 00:04.0");
	free(text);
}

/* Two devices of one domain with tables of their own: the references tag by device. */
static void devices_of_a_domain_may_have_tables_of_their_own(void **state)
{
	static const char other[] =
	    "{\"op\":\"mem_write\",\"pa\":107520,\"hex\":\"0306060000000060\"},"
	    "{\"op\":\"mem_write\",\"pa\":393216,\"hex\":\"0114060000000060\"},"
	    "{\"op\":\"mem_write\",\"pa\":397312,\"hex\":\"0122060000000060\"},"
	    "{\"op\":\"mem_write\",\"pa\":401408,\"hex\":\"0130060000000060\"},";
	char text[sizeof(HEAD(CAPS)) + sizeof(SETUP) + sizeof(other) + 512];

	(void)state;
	snprintf(text, sizeof(text), "%s%s%s,%s]}\n", HEAD(CAPS) SETUP ",", other,
	    DMA(32, "read", 0, OK_AT(327680)), DMA(1312, "read", 0, OK_AT(405504)));
	assert_passes(text);
}

static void assert_refused(const char *text, const char *words)
{
	struct command_run capture = run(text);

	assert_int_equal(capture.code, 2);
	assert_contains(capture.errors, words);
	command_run_free(&capture);
}

static void what_no_unit_can_be_is_refused(void **state)
{
	(void)state;
	assert_refused(HEAD("\"CAPHDR\":0") "]}\n", "no `EFR`");
	assert_refused(HEAD("\"EFR\":0,\"CTRL\":1") "]}\n", "expected 0");
	assert_refused(HEAD("\"EFR\":0,\"MISC0\":4294967296") "]}\n", "from 0 to 0xffffffff");
	assert_refused(HEAD("\"EFR\":0,\"IOMMU_RID\":65536") "]}\n", "from 0 to 0xffff");
	/* GATS is a reserved code */
	assert_refused(HEAD("\"EFR\":12304") "]}\n", "expected register values of a unit there can be");
	assert_refused(VECTOR(DMA(32, "read", 0, EVENT("\"code\":16"))), "from 0 to 0xf");
	assert_refused(
	    VECTOR(DMA(32, "read", 0, EVENT("\"code\":2,\"rid\":65536"))), "from 0 to 0xffff");
	assert_refused(VECTOR(DMA(32, "read", 0, EVENT("\"code\":2,\"unreliable\":7"))), "unreliable");
	assert_refused(VECTOR(READ(16384, 0)), "below 0x4000");
	/* units need no more than EFR to be told */
	assert_passes(HEAD("\"EFR\":10707") READ(48, 10707) "]}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_agrees_passes),
		cmocka_unit_test(events_are_compared_by_code_and_device),
		cmocka_unit_test(what_the_references_get_wrong_is_not_compared),
		cmocka_unit_test(an_access_that_goes_through_leaves_no_event),
		cmocka_unit_test(registers_that_tell_of_events_are_not_compared_after_one),
		cmocka_unit_test(an_event_that_finds_no_room_is_compared_all_the_same),
		cmocka_unit_test(devices_of_a_domain_may_have_tables_of_their_own),
		cmocka_unit_test(what_no_unit_can_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
