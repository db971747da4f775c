/* A line that is read in the plain way means what it means when it is read word by word. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/story.h"

#define STORIES 500u
#define LINES   12u /* of one story */

/* What came of a story: everything that its reader can know of its lines. */
struct told {
	char text[8192];
	size_t length;
	enum iommusim_status status;
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic diagnostic;
};

static void tell(void *context, uint32_t line, const char *statement, const char *result)
{
	struct told *told = context;

	told->length += (size_t)snprintf(told->text + told->length, sizeof(told->text) - told->length,
	    "%u %s = %s\n", line, statement, result);
	assert_true(told->length < sizeof(told->text));
}

static void replay(const char *text, size_t length, struct told *told)
{
	const struct iommusim_replay_options options = { .context = told, .on_statement = tell };

	memset(told, 0, sizeof(*told));
	told->status =
	    iommusim_replay("plain.iommu", text, length, &options, &told->summary, &told->diagnostic);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

#define PICK(from, seed) ((from)[next_random(seed) % (sizeof(from) / sizeof(*(from)))])

/* A line that is plain mostly. */
static size_t write_line(char *line, size_t room, uint64_t *seed)
{
	static const char *const names[] = { "iommu_create_mapping", "iommu_create_mapping",
		"iommu_create_mapping", "iommu_remove_mapping", "iommu_remove_mapping",
		"iommu_remove_mapping", "iommu_invalidate_tlb", "iommu_enable", "step" };
	static const char *const others[] = { "iommu_create_mappin", "iommu_create_mappings",
		"iommu_add_device", "iommu_destroy_domain", "mem_flush", "dma", "7", "" };
	static const char *const usual[] = { "0x1000", "0x2000", "0x3000", "0x10000000", "4096",
		"0x00001000", "8192" };
	static const char *const values[] = { "dom1", "dom2", "host", "nobody", "big", "0x", "0", "00",
		"1K", "0x1K", "0x1G", "1G", "0x10000000000000000", "0xffffffffffffffff",
		"0x00000000000000001000", "18446744073709551615", "18446744073709551616",
		"9999999999999999999", "0x1000x", "12a", "7/0/0", "07:00.0", "dead", "beef:00.0",
		"\"dom1\"", "gpa=0x1000", "len=0x1000", "gpa(\"a\", 0)", "", "a-b", "-1", "0X1000",
		"dom1 ", "0xg" };
	static const char *const commas[] = { ",", ",  ", " ,", ",\t", "", ", ,", ";" };
	static const char *const ends[] = { ")", "", " )", "))", ") = error(EINVAL)", ")#",
		") expect none", ")\r", ", )", ",)", "(" };
	const char *name = next_random(seed) % 80 == 0 ? PICK(others, seed) : PICK(names, seed);
	const bool maps = strcmp(name, "iommu_create_mapping") == 0;
	const unsigned count = next_random(seed) % 100 == 0 ? next_random(seed) % 6
	    : maps                                          ? 4
	    : strstr(name, "remove_mapping") != NULL        ? 3
							    : strcmp(name, "iommu_enable") != 0;
	size_t length =
	    (size_t)snprintf(line, room, "%s%s", name, next_random(seed) % 200 == 0 ? " (" : "(");

	for (unsigned i = 0; i < count; i++) {
		const char *value = i == 0 && name[0] == 'i' ? "dom1" : PICK(usual, seed);

		if (next_random(seed) % 60 == 0)
			value = PICK(values, seed);
		length += (size_t)snprintf(line + length, room - length, "%s%s",
		    i == 0                             ? ""
			: next_random(seed) % 100 == 0 ? PICK(commas, seed)
						       : ", ",
		    value);
	}
	length += (size_t)snprintf(
	    line + length, room - length, "%s", next_random(seed) % 60 == 0 ? PICK(ends, seed) : ")");
	assert_true(length < room);
	return length;
}

/* Two stories: the second has a blank in front of each line, which is not plain then. */
struct pair {
	char plain[4096], worded[4096];
	size_t plain_length, worded_length;
};

static void add(struct pair *pair, const char *line, bool ends)
{
	pair->plain_length += (size_t)snprintf(pair->plain + pair->plain_length,
	    sizeof(pair->plain) - pair->plain_length, "%s%s", line, ends ? "\n" : "");
	pair->worded_length += (size_t)snprintf(pair->worded + pair->worded_length,
	    sizeof(pair->worded) - pair->worded_length, " %s%s", line, ends ? "\n" : "");
	assert_true(pair->worded_length < sizeof(pair->worded));
}

static void write_pair(struct pair *pair, uint64_t *seed)
{
	static const char head[] = STORY_MACHINE "device(7/0/0, \"nic0\", driver=ppt)\n"
						 "iommu_create_domain(1G) = dom1\niommu_init()\n"
						 "mmio_read32(0xfed91000) = big\n";
	char line[512];

	memset(pair, 0, sizeof(*pair));
	pair->plain_length = pair->worded_length = sizeof(head) - 1;
	memcpy(pair->plain, head, sizeof(head));
	memcpy(pair->worded, head, sizeof(head));
	for (unsigned i = 0; i < LINES; i++) {
		write_line(line, sizeof(line), seed);
		add(pair, line, i + 1 < LINES || next_random(seed) % 2 == 0);
	}
}

static void assert_same(const struct told *plain, const struct told *worded)
{
	assert_string_equal(plain->text, worded->text);
	assert_int_equal(plain->status, worded->status);
	assert_int_equal(plain->summary.calls, worded->summary.calls);
	assert_memory_equal(
	    plain->summary.findings, worded->summary.findings, sizeof(plain->summary.findings));
	assert_int_equal(plain->summary.expectations_failed, worded->summary.expectations_failed);
	assert_string_equal(plain->diagnostic.text, worded->diagnostic.text);
	assert_int_equal(plain->diagnostic.line, worded->diagnostic.line);
	if (plain->status != IOMMUSIM_OK)
		assert_int_equal(plain->diagnostic.column + 1, worded->diagnostic.column);
}

static void plain_lines_mean_the_same(void **state)
{
	static struct told plain, worded;
	uint64_t seed = 5, refused = 0, statements = 0;

	(void)state;
	for (unsigned n = 0; n < STORIES; n++) {
		struct pair pair;

		write_pair(&pair, &seed);
		replay(pair.plain, pair.plain_length, &plain);
		replay(pair.worded, pair.worded_length, &worded);
		assert_same(&plain, &worded);
		refused += plain.status != IOMMUSIM_OK;
		statements += plain.summary.calls;
	}
	assert_true(refused > 150 && refused < 450);
	assert_true(statements > 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_lines_mean_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
