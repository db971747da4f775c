/* `iommusim walk`: wrong usage and bad input, each with its message and exit code 2. */
#include "walk_run.h"

static const char *pages, *platform;

static int write_files(void **state)
{
	(void)state;
	pages = folder_write("pages.jsonl", walk_pages);
	platform = folder_write("platform.json", walk_platform);
	return 0;
}

static void wrong_usage_is_refused_with_what_is_missing(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{ "", "no device: give --rid" },
		{ "--rid 0/3/0", "no request: give --iova ADDRESS, or --interrupt" },
		{ "--rid 0/3/0 --iova 0 --interrupt 0xfee00000,0", "--iova or --interrupt, not both" },
		{ "--rid 0/3/0 --interrupt 0xfee00000,0 --write", "--write goes with --iova" },
		{ "--rid 0/3/0 --iova 0 --trace t --root 0", "iommusim walk: --platform, --root" },
		{ "--rid 0/3/0 --iova 0", "no machine: give --trace FILE, or --memory FILE" },
		{ "--rid 0/3/0 --iova 0 --trace t --memory m",
		    "m: a trace has memory of its own; expected either" },
		{ "--rid 0/3/0 --iova 0 --trace t m", "m: a trace has memory of its own" },
		{ "--rid 0/3/0 --iova 0 --trace t --platform p", "go with --memory, not with --trace" },
		{ "--rid 0/3/0 --iova 0 --trace t --root 0", "go with --memory, not with --trace" },
		{ "--rid 0/3/0 --iova 0 --trace t --irta 0", "go with --memory, not with --trace" },
		{ "--rid 0/3/0 --iova 0 --memory m --line 3", "go with --trace, not with --memory" },
		{ "--rid 0/3/0 --iova 0 --memory m --vmm 13.0", "go with --trace, not with --memory" },
		{ "--rid 0/3/0 --iova 0 --memory m --root 0", "--memory needs --platform FILE" },
		{ "--rid 0/3/0 --iova 0 --memory m --platform p", "--memory needs --root ADDRESS" },
		{ "--rid 0/3/0 --interrupt 0xfee00000,0 --memory m --platform p --root 0",
		    "--interrupt needs --irta VALUE" },
		{ "--rid 0/3", "--rid 0/3: expected a device as BUS/SLOT/FUNC" },
		{ "--rid 0/32/0",
		    "--rid 0/32/0: expected a device as BUS/SLOT/FUNC with a slot of 0 to 31" },
		{ "--rid 00:20.0", "--rid 00:20.0: a device's slot is 00 to 1f" },
		{ "--rid host", "--rid host: expected a device as 7/0/0" },
		{ "--rid 0x10000", "or a requester id as a number up to 0xffff" },
		{ "--rid 0/3/0 --iova -4", "--iova -4: numbers have no sign here" },
		{ "--rid 0/3/0 --iova 0x", "--iova 0x: expected hexadecimal digits behind 0x" },
		{ "--rid 0/3/0 --iova 5x", "--iova 5x: not a number" },
		{ "--rid 0/3/0 --iova 0x10000000000000000", "a number larger than 2^64-1" },
		{ "--rid 0/3/0 --iova 0/3/0", "--iova 0/3/0: expected a number" },
		{ "--rid 0/3/0 --root no", "--root no: expected a number" },
		{ "--rid 0/3/0 --irta no", "--irta no: expected a number" },
		{ "--rid 0/3/0 --pasid 0x100000", "--pasid 0x100000: the number is too large" },
		{ "--rid 0/3/0 --line 0", "--line 0: lines count from 1" },
		{ "--rid 0/3/0 --line 0x100000000", "the number is too large" },
		{ "--rid 0/3/0 --iova 0 --memory m --iommu vtd", "go with --trace, not with --memory" },
		{ "--rid 0/3/0 --iommu smmu", "--iommu smmu: expected vtd or amdvi" },
		{ "--rid 0/3/0 --vmm 99.9", "--vmm 99.9: no release profile of that name" },
		{ "--rid 0/3/0 --interrupt 0xfee00000",
		    "--interrupt 0xfee00000: expected ADDRESS,DATA" },
		{ "--rid 0/3/0 --interrupt x,0", "--interrupt x: expected a number" },
		{ "--rid 0/3/0 --interrupt 0xfee00000,", "expected a number" },
		{ "--rid 0/3/0 --interrupt 0xfee00000,0x100000000", "the number is too large" },
		{ "--rid", "--rid needs a value" },
		{ "--colour", "unknown option --colour" },
		{ "-x", "unknown option -x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct command_run walked = walk("%s", rows[i].line);

		assert_non_null(strstr(walked.errors, "\nTry `iommusim walk --help`.\n"));
		assert_refused(walked, rows[i].message);
	}
}

static void help_is_no_error(void **state)
{
	(void)state;
	assert_walked(walk("--help"), 0, "usage: iommusim walk --trace FILE");
	assert_walked(walk("--rid 0/3/0 -h"), 0, "exit: 0 the request goes through, 1 it is denied");
}

static void an_interrupt_outside_its_range_is_refused(void **state)
{
	static const char *const bad[] = { "0xfedffffc,0", "0xfef00000,0", "0xfee00002,0", "0,0" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_refused(
		    walk("--memory %s --platform %s --irta 0x15003 --rid 0/3/0 --interrupt %s", pages,
			platform, bad[i]),
		    "expected a multiple of 4 from 0xfee00000 to 0xfeefffff");
}

/* Files: the message begins with file, line and column. */
static void refuse_pages(const char *content, const char *message)
{
	const char *file = folder_write("bad.jsonl", content);

	assert_refused(
	    walk("--memory %s --platform %s --root 0x10000 --rid 0/3/0 --iova 0", file, platform),
	    message);
}

static void bad_pages_are_refused_where_they_are_bad(void **state)
{
	(void)state;
	refuse_pages("{\"pa\": 0, \"hex\": \"00\"}\n{\"pa\": 4096, \"hex\": \"0g\"}\n",
	    "bad.jsonl:2:14: `hex`: expected bytes as two hexadecimal digits each");
	refuse_pages("{\"pa\": 0, \"hex\": \"000\"}\n", "bad.jsonl:1:11: `hex`: ");
	refuse_pages("{\"pa\": 0, \"hex\": \"\"}\n", "bad.jsonl:1:11: `hex`: ");
	refuse_pages("{\"pa\": 16777216, \"hex\": \"00\"}\n",
	    "bad.jsonl:1:2: `pa`: not all of the 1 bytes at 0x1000000 are in the platform's RAM");
	refuse_pages("{\"pa\": 16777215, \"hex\": \"0000\"}\n", "not all of the 2 bytes at 0xffffff");
	refuse_pages("{\"hex\": \"00\"}\n", "bad.jsonl:1:");
	refuse_pages("{\"pa\": 0}\n", "bad.jsonl:1:");
	refuse_pages("{\"pa\": \"0\", \"hex\": \"00\"}\n", "bad.jsonl:1:2:");
	refuse_pages("\n{\"pa\": 0, \"hex\": \"00\"\n", "bad.jsonl:2:");
	refuse_pages("binary",
	    "expected pages, a line {\"pa\": ADDRESS, \"hex\": \"...\"} each; a raw "
	    "image is given as FILE@ADDRESS");
	refuse_pages("", "expected pages");
}

static void bad_images_are_refused(void **state)
{
	const char *raw = folder_write("image.bin", "data");
	const char *empty = folder_write("empty.bin", "");

	(void)state;
	assert_refused(
	    walk("--memory %s@16M --platform %s --root 0 --rid 0/3/0 --iova 0", raw, platform),
	    "image.bin:0:0: not all of the 4 bytes at 0x1000000 are in the platform's RAM");
	assert_refused(
	    walk("--memory %s@0xfffffe --platform %s --root 0 --rid 0/3/0 --iova 0", raw, platform),
	    "not all of the 4 bytes at 0xfffffe");
	assert_refused(
	    walk("--memory %s@0 --platform %s --root 0 --rid 0/3/0 --iova 0", empty, platform),
	    "an empty image");
	assert_refused(
	    walk("--memory %s@here --platform %s --root 0 --rid 0/3/0 --iova 0", raw, platform),
	    "image.bin@here");
	assert_refused(
	    walk("--memory %s.no@0 --platform %s --root 0 --rid 0/3/0 --iova 0", raw, platform),
	    "image.bin.no:0:0: cannot be opened");
}

static void bad_platforms_are_refused(void **state)
{
	static const char amd[] = "{\"iommu\": \"amdvi\", \"mmio_base\": 4275634176, \"caps\": {}, "
				  "\"ram\": [[0, 4096]]}\n";
	static const char plain[] =
	    "{\"iommu\": \"vtd\", \"mmio_base\": 4275634176, \"caps\": {\"VER\": 16, \"CAP\": "
	    "59110346977575430, \"ECAP\": 15732546, \"HAW\": 39}, \"ram\": [[0, 16777216]]}\n";
	const char *other = folder_write("amd.json", amd);
	const char *broken = folder_write("broken.json", "{\"iommu\":");
	const char *without = folder_write("plain.json", plain);

	(void)state;
	assert_refused(walk("--memory %s --platform %s --root 0 --rid 0/3/0 --iova 0", pages, other),
	    "amd.json:1:");
	assert_refused(walk("--memory %s --platform %s --root 0 --rid 0/3/0 --iova 0", pages, broken),
	    "broken.json:1:");
	assert_refused(
	    walk("--memory %s --platform %s.no --root 0 --rid 0/3/0 --iova 0", pages, platform),
	    "platform.json.no:0:0: cannot be opened");
	assert_refused(
	    walk("--memory %s --platform %s --irta 0x15003 --rid 0/3/0 --interrupt 0xfee00010,0", pages,
		without),
	    "expected a unit that remaps interrupts (ECAP.IR)");
}

static void tables_the_unit_cannot_take_are_refused(void **state)
{
	(void)state;
	assert_refused(
	    walk("--memory %s --platform %s --root 0x10001 --rid 0/3/0 --iova 0", pages, platform),
	    "cannot be given the root table 0x10001; expected a multiple of 0x1000");
	assert_refused(walk("--memory %s --platform %s --irta 0x15803 --rid 0/3/0 --interrupt "
			    "0xfee00010,0",
			   pages, platform),
	    "cannot be given the interrupt remapping table 0x15803"); /* no x2APIC mode (ECAP.EIM) */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_usage_is_refused_with_what_is_missing),
		cmocka_unit_test(help_is_no_error),
		cmocka_unit_test(an_interrupt_outside_its_range_is_refused),
		cmocka_unit_test(bad_pages_are_refused_where_they_are_bad),
		cmocka_unit_test(bad_images_are_refused),
		cmocka_unit_test(bad_platforms_are_refused),
		cmocka_unit_test(tables_the_unit_cannot_take_are_refused),
	};

	return cmocka_run_group_tests(tests, write_files, folder_remove);
}
