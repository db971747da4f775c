/*
 * The host-disk story on every real DMAR and IVRS table there is beside the checkout. Skipped, visibly, without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/trace.h>

#define BOARDS     IOMMUSIM_SHARED "/acpi/dmar"
#define AMD_BOARDS IOMMUSIM_SHARED "/acpi/ivrs"

/* What a table promises for devices that no scope names: an INCLUDE_PCI_ALL unit in segment 0. */
struct board {
	char path[512];
	unsigned units_before_all; /* DRHDs up to and including that unit */
	bool has_all;
	bool base_zero; /* some unit has no registers: a firmware bug */
};

static const char story[] = "#!iommusim 1\n"
			    "machine(iommu=vtd, memory=4G, acpi=\"%s\", vmm=\"%s\")\n"
			    "device(0/23/0, \"ahci0\", class=ahci)\n"
			    "device(7/0/0, \"ppt0\", driver=ppt)\n"
			    "vm_create(\"vm\")\n"
			    "vm_setup_memory(\"vm\", 64M, seed=3)\n"
			    "vm_assign_pptdev(\"vm\", 7/0/0)\n"
			    "dma(0/23/0, write, gpa(\"vm\", 0x100000), 64K, for=\"vm\")\n"
			    "dma(7/0/0, write, 0x100000, 4K)\n"
			    "vm_destroy(\"vm\")\n";

/* Bytes of the table, taken apart here by hand: type 0 is a unit, flags at 4, base at 8. */
static void read_board(struct board *board)
{
	uint8_t bytes[4096];
	FILE *file = fopen(board->path, "rb");
	size_t size, at = 48;

	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	while (at + 16 <= size) {
		const unsigned type = bytes[at], length = bytes[at + 2] | bytes[at + 3] << 8;
		uint64_t base;

		assert_true(length >= 4);
		memcpy(&base, bytes + at + 8, sizeof(base));
		if (type == 0) {
			board->units_before_all += !board->has_all;
			board->has_all |= (bytes[at + 4] & 1) != 0 && bytes[at + 6] == 0;
			board->base_zero |= base == 0;
		}
		at += length;
	}
}

static struct iommusim_replay_summary replay_text(
    const char *path, const char *profile, const char *text)
{
	struct iommusim_replay_options options = { .profile = NULL };
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic diagnostic;

	if (iommusim_replay("board.iommu", text, strlen(text), &options, &summary, &diagnostic) !=
	    IOMMUSIM_OK)
		fail_msg("%s under %s: line %u: %s", path, profile, diagnostic.line, diagnostic.text);
	return summary;
}

static struct iommusim_replay_summary replay(const struct board *board, const char *profile)
{
	char text[2048];

	snprintf(text, sizeof(text), story, board->path, profile);
	return replay_text(board->path, profile, text);
}

static void check_board(const struct board *board)
{
	const struct iommusim_replay_summary old = replay(board, "13.0"), new = replay(board, "13.1"),
					     good = replay(board, "reference");

	assert_int_equal(good.dma_total, 2);
	/* A table with a unit for the rest, among the eight that 13.x keeps, all with registers. */
	if (!board->has_all || board->base_zero || board->units_before_all > 8)
		return;
	if (old.dma[IOMMUSIM_VERDICT_LOST] != 1 || old.dma[IOMMUSIM_VERDICT_OK] != 1)
		fail_msg("%s under 13.0: the host disk's DMA is not lost", board->path);
	if (new.dma[IOMMUSIM_VERDICT_OK] != 2 || good.dma[IOMMUSIM_VERDICT_OK] != 2)
		fail_msg("%s under 13.1 or reference: not everything arrives", board->path);
}

static void host_disk_story_is_lost_under_13_0_and_fine_after_on_every_real_board(void **state)
{
	struct dirent **names;
	int count = scandir(BOARDS, &names, NULL, alphasort);
	unsigned boards = 0, plain = 0;

	(void)state;
	if (count < 0) {
		print_message("[  SKIPPED ] no real DMAR tables at %s\n", BOARDS);
		skip();
	}
	for (int i = 0; i < count; i++) {
		struct board board = { .has_all = false };

		if (strstr(names[i]->d_name, ".dat") != NULL) {
			snprintf(board.path, sizeof(board.path), "%s/%s", BOARDS, names[i]->d_name);
			read_board(&board);
			check_board(&board);
			boards++;
			plain += board.has_all && !board.base_zero && board.units_before_all <= 8;
		}
		free(names[i]);
	}
	free(names);
	print_message("%u real boards, %u of them with a unit for the rest\n", boards, plain);
	assert_true(plain > 0);
}

/* ---- AMD ------------------------------------------------------------------------------------------- */

/* What an IVRS table says of the IOMMU 0:0.2, the only one that boards without several sockets have. */
struct amd_board {
	char path[512];
	unsigned type; /* of the highest block */
	uint64_t base, features;
	bool has_features; /* an EFR image, or no EFR at all: features 0 */
};

/* Some name a few buses only, the oldest single devices; all name these two functions. */
static const char amd_story[] = "#!iommusim 1\n"
				"machine(iommu=amdvi, memory=4G, acpi=\"%s\", vmm=\"%s\")\n"
				"mmio_read64(0x%llx) = 0x%llx\n"
				"device(0/18/0, \"ahci0\", class=ahci)\n"
				"device(2/0/0, \"ppt0\", driver=ppt)\n"
				"sysctl(\"hw.vmm.amdvi.enable\", 1)\n"
				"vm_create(\"vm\")\n"
				"vm_setup_memory(\"vm\", 64M, seed=3)\n"
				"vm_assign_pptdev(\"vm\", 2/0/0)\n"
				"dma(0/18/0, write, gpa(\"vm\", 0x100000), 64K, for=\"vm\")\n"
				"dma(2/0/0, write, 0x100000, 4K)\n"
				"vm_destroy(\"vm\")\n";

/* Taken apart by hand: IVinfo at 36, blocks from 48; base at 8 of an IVHD, EFR at 24 of 11h and 40h. */
static void read_amd_board(struct amd_board *board)
{
	uint8_t bytes[8192];
	FILE *file = fopen(board->path, "rb");
	size_t size, at = 48;

	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	board->has_features = (bytes[36] & 1) == 0;
	while (at + 4 <= size) {
		const unsigned type = bytes[at], length = bytes[at + 2] | bytes[at + 3] << 8;

		assert_true(length >= 4);
		if ((type == 0x10 || type == 0x11 || type == 0x40) && type > board->type) {
			assert_int_equal(bytes[at + 4] | bytes[at + 5] << 8, 2);
			board->type = type;
			memcpy(&board->base, bytes + at + 8, sizeof(board->base));
			if (type != 0x10)
				memcpy(&board->features, bytes + at + 24, sizeof(board->features));
			board->has_features |= type != 0x10;
		}
		at += length;
	}
}

static struct iommusim_replay_summary replay_amd(const struct amd_board *board, const char *profile)
{
	char text[2048];

	snprintf(text, sizeof(text), amd_story, board->path, profile,
	    (unsigned long long)board->base + 0x30, (unsigned long long)board->features);
	return replay_text(board->path, profile, text);
}

static void check_amd_board(const struct amd_board *board)
{
	static const char *const profiles[] = { "13.0", "13.1", "reference" };

	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		const struct iommusim_replay_summary summary = replay_amd(board, profiles[i]);

		if (summary.expectations_failed != 0)
			fail_msg("%s: not the features the table has", board->path);
		if (strncmp(summary.machine, "AMD-Vi, 1 unit, ", 16) != 0)
			fail_msg("%s: %s", board->path, summary.machine);
		if (summary.dma[IOMMUSIM_VERDICT_LOST] != (i == 0) ||
		    summary.dma[IOMMUSIM_VERDICT_OK] != 1u + (i != 0))
			fail_msg("%s under %s: the host disk's DMA", board->path, profiles[i]);
	}
}

static void every_real_amd_board_tells_it_too(void **state)
{
	struct dirent **names;
	int count = scandir(AMD_BOARDS, &names, NULL, alphasort);
	unsigned boards = 0;

	(void)state;
	if (count < 0) {
		print_message("[  SKIPPED ] no real IVRS tables at %s\n", AMD_BOARDS);
		skip();
	}
	for (int i = 0; i < count; i++) {
		struct amd_board board = { .type = 0 };

		if (strstr(names[i]->d_name, ".dat") != NULL) {
			snprintf(board.path, sizeof(board.path), "%s/%s", AMD_BOARDS, names[i]->d_name);
			read_amd_board(&board);
			assert_true(board.has_features);
			check_amd_board(&board);
			boards++;
		}
		free(names[i]);
	}
	free(names);
	print_message("%u real AMD boards\n", boards);
	assert_true(boards > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_disk_story_is_lost_under_13_0_and_fine_after_on_every_real_board),
		cmocka_unit_test(every_real_amd_board_tells_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
