/* What the trace language says: grammar, values, results, expectations, and what each statement does. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/story.h"

/* A machine that translates: dom1 maps 0x1000..0x2fff to 0x8000000, and holds 7/0/0. */
#define TRANSLATING                                                                                    \
	STORY_MACHINE                                                                                  \
	"device(0/23/0, \"ahci0\")\n"                                                                  \
	"device(7/0/0, \"nic0\", class=nic, driver=ppt)\n"                                             \
	"iommu_create_domain(1G) = dom1\n"                                                             \
	"iommu_create_mapping(dom1, 0x1000, 0x8000000, 0x2000)\n"                                      \
	"iommu_add_device(dom1, 7/0/0)\n"

static void blanks_and_comments(void **state)
{
	(void)state;
	story_must_pass("#!iommusim 1\r\n\r\n  # comment\r\n"
			"machine ( iommu = vtd , memory = 256M ) # more\r\n\tstep\t(\t1\t)\r\n");
	story_must_pass("#!iommusim 1 \nmachine(iommu=vtd,memory=256M)#\nstep(1)");
	story_must_pass(
	    STORY_MACHINE "vm_create(\"# no comment\")\n# \xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa1\n");
	story_must_pass(STORY_MACHINE "step(1)\r");
	story_must_pass(STORY_MACHINE "iommu_init()");
}

static void numbers(void **state)
{
	(void)state;
	story_must_pass(
	    STORY_MACHINE "sysctl(\"hw.dmar.enable\", 1K) = 1024\n"
			  "sysctl(\"hw.dmar.enable\", 0x10M) = 16777216\n"
			  "sysctl(\"hw.dmar.enable\", 3G) = 0xC0000000\n"
			  "sysctl(\"hw.dmar.enable\", 2T) = 2199023255552\n"
			  "sysctl(\"hw.dmar.enable\", 18446744073709551615) = 0xffffffffffffffff\n"
			  "sysctl(\"hw.dmar.enable\", 16777215T) = 0xffffff0000000000\n"
			  "sysctl(\"hw.dmar.enable\", 007) = 7\n"
			  "sysctl(\"hw.dmar.enable\", 0x0000000000000000000001) = 1\n");
}

static void devices(void **state)
{
	(void)state;
	story_must_pass(
	    STORY_MACHINE "device(0/23/0, \"a\")\npci_delete_device(00:17.0)\n"
			  "device(fe:1f.7, \"b\")\npci_delete_device(254/31/7)\n"
			  "device(0000:0a:00.0, \"c\")\npci_delete_device(10/0/0)\n"
			  "device(0001:0a:00.0, \"d\")\npci_delete_device(10/0/0) = error(ENOENT)\n"
			  "device(7/0/0, \"e\")\niommu_create_domain(1G) = d\n"
			  "iommu_add_device(d, 0x0800)\niommu_remove_device(d, 8/0/0)\n");
}

static void strings(void **state)
{
	(void)state;
	story_must_pass(
	    STORY_MACHINE "vm_create(\"a \\\"b\\\" \\\\ \\n\")\nvm_destroy(\"a \\\"b\\\" \\\\ \\n\")\n"
			  "vm_create(\"k\xc3\xb6ln\")\nvm_destroy(\"k\xc3\xb6ln\")\n"
			  "vm_create(\"\") = error(EINVAL)\n");
}

static void named_arguments(void **state)
{
	(void)state;
	story_must_pass(STORY_MACHINE "vm_create(name=\"a\")\nvm_setup_memory(size=1M, vm=\"a\")\n"
				      "vm_setup_memory(seed=3, \"a\", 1M) = error(EEXIST)\n"
				      "dma(len=4, 0/1/0, kind=read, address=0)  expect unprotected\n");
}

/* ---- results ------------------------------------------------------------------------------------------ */

static void results_compare(void **state)
{
	(void)state;
	story_must_pass(
	    STORY_MACHINE "mmio_read32(0xfed91000) = 0x10\nvm_create(\"a\") = 0\n"
			  "vm_create(\"a\") = error(EEXIST)\nstep(1) = 0\n"
			  "mem_write(0x1000, \"01 02 03\")\nmem_read(0x1000, 4) = \"0102 03 00\"\n");
	story_must_fail(
	    STORY_MACHINE "mmio_read32(0xfed91000) = 0x11\n", "mmio_read32 gave 0x10, expected 0x11");
	story_must_fail(STORY_MACHINE "vm_create(\"a\") = error(EEXIST)\n",
	    "vm_create returned OK, expected EEXIST");
	story_must_fail(STORY_MACHINE "vm_create(\"a\")\nvm_create(\"a\") = error(ENXIO)\n",
	    "returned EEXIST (there is a VM \"a\" already), expected ENXIO");
	story_must_fail(STORY_MACHINE "mem_read(0x1000, 2) = \"0001\"\n",
	    "memory holds \"00 00\", expected \"00 01\"");
	story_must_fail(STORY_MACHINE "mem_read(0x1000, 2) = \"00\"\n", "memory holds");
}

static void a_failed_call_fails_the_story(void **state)
{
	struct story story;

	(void)state;
	story_must_fail(STORY_MACHINE "vm_create(\"a\")\nvm_create(\"a\")\n",
	    "vm_create returned EEXIST (there is a VM \"a\" already); if it should, write = "
	    "error(EEXIST)");
	story_must_fail(STORY_MACHINE "mmio_read32(0xdead0000) = 5\n", "mmio_read32 returned ENXIO");
	story_run(&story, STORY_MACHINE "vm_create(\"a\")\nvm_create(\"a\")\nvm_destroy(\"a\")\n");
	assert_int_equal(story.status, IOMMUSIM_OK); /* the story goes on */
	assert_int_equal(story.summary.calls, 4);
}

static void results_bind(void **state)
{
	(void)state;
	story_must_pass(STORY_MACHINE "mmio_read32(0xfed91000) = ver\nmmio_read32(0xfed90000) = ver\n"
				      "step(ver)\nsysctl(\"hw.dmar.enable\", ver) = 16\n");
	story_must_fail(STORY_MACHINE "mmio_read32(0xfed91000) = ver\nmmio_read64(0xfed91008) = ver\n",
	    "expected 0x10");
	story_must_fail(STORY_MACHINE "iommu_create_domain(1G) = a\niommu_create_domain(1G) = a\n",
	    "a is another domain already (line 3)");
	/* A name whose domain is gone is free again. */
	story_must_pass(STORY_MACHINE "iommu_create_domain(1G) = a\niommu_destroy_domain(a)\n"
				      "iommu_create_domain(1G) = a\niommu_invalidate_tlb(a)\n");
	story_must_pass(STORY_MACHINE "iommu_create_domain(1G) = x\niommu_create_domain(1G) = y\n"
				      "iommu_create_domain(1G)\n");
}

static void errors_come_from_the_profile(void **state)
{
	(void)state;
	story_must_pass(STORY_HEADER
	    "machine(iommu=none, memory=256M, vmm=\"13.0\")\n"
	    "iommu_create_domain(1G) = error(ENXIO)  expect finding(init-failed-silently)\n"
	    "iommu_remove_mapping(host, 0, 0x1000)\n");
}

/* ---- expectations ------------------------------------------------------------------------------------- */

static void verdicts_are_expected(void **state)
{
	struct story story;

	(void)state;
	story_must_pass(TRANSLATING "dma(7/0/0, write, 0x1000, 8K)  expect ok, pa(0x8000000)\n"
				    "dma(7/0/0, write, 0x3000, 4)   expect blocked, fault(5)\n"
				    "dma(7/0/0, write, 0x1ffc, 4)\n"
				    "dma(7/0/0, read, 0x4000, 4)    expect fault(6)\n");
	story_must_fail(TRANSLATING "dma(7/0/0, write, 0x1000, 4)  expect lost\n",
	    "expected lost; came ok, pa(0x8000000)");
	story_must_fail(TRANSLATING "dma(7/0/0, write, 0x3000, 4)  expect blocked, fault(6)\n",
	    "expected blocked, fault(0x6); came blocked, fault(0x5)");
	story_must_fail(
	    TRANSLATING "dma(7/0/0, write, 0x1000, 4)  expect pa(0x1000)\n", "expected pa(0x1000)");

	story_run(&story, TRANSLATING "dma(7/0/0, write, 0x3000, 4)\n");
	assert_int_equal(story.summary.unexpected_dma, 1);
	assert_int_equal(story.summary.dma[IOMMUSIM_VERDICT_BLOCKED], 1);
	assert_int_equal(story.summary.expectations_failed, 0);
	assert_false(iommusim_replay_passed(&story.summary));
	assert_non_null(strstr(story.log, "dma 8 blocked unexpected\n"));

	/* An expectation that says nothing of the DMA leaves it to be ok. */
	story_run(&story, TRANSLATING "dma(7/0/0, write, 0x3000, 4)  expect none\n");
	assert_int_equal(story.summary.unexpected_dma, 1);
	assert_int_equal(story.summary.expectations_met, 1);
}

static void run_under(struct story *story, const char *profile, const char *text)
{
	const struct iommusim_replay_options options = { .profile = profile };

	story_run_with(story, text, strlen(text), &options);
	assert_int_equal(story->status, IOMMUSIM_OK);
	assert_string_equal(story->summary.profile, profile);
}

static void expectations_hold_under_profiles(void **state)
{
	static const char story_text[] =
	    TRANSLATING "dma(7/0/0, write, 0x3000, 4)  expect blocked under 13.0, 13.1  expect ok\n";
	struct story story;

	(void)state;
	run_under(&story, "13.0", story_text);
	assert_true(iommusim_replay_passed(&story.summary));
	assert_int_equal(story.summary.expectations_met, 1);
	run_under(&story, "13.1", story_text);
	assert_true(iommusim_replay_passed(&story.summary));
	run_under(&story, "reference", story_text);
	assert_int_equal(story.summary.expectations_failed, 1);
	assert_int_equal(story.summary.unexpected_dma, 0);

	/* Only under 13.0: elsewhere nothing is expected, so it must be ok. */
	run_under(&story, "reference",
	    TRANSLATING "dma(7/0/0, write, 0x3000, 4)  expect blocked under 13.0\n");
	assert_int_equal(story.summary.unexpected_dma, 1);
	assert_int_equal(story.summary.expectations_met + story.summary.expectations_failed, 0);

	/* Several that hold must all hold. */
	run_under(&story, "13.0",
	    TRANSLATING
	    "dma(7/0/0, write, 0x3000, 4)  expect blocked under 13.0 expect fault(5) under 13.0\n");
	assert_int_equal(story.summary.expectations_met, 2);
}

/* Where AMD-Vi's backend of 14.2 leaves a device behind: an entry leads to tables that are freed. */
#define LEFT_BEHIND(before, after)                                                                     \
	"#!iommusim 1\nmachine(iommu=amdvi, memory=1G, vmm=\"14.2\")\n" before                         \
	"\nsysctl(\"hw.vmm.amdvi.enable\", 1)\ndevice(7/0/0, \"ppt0\", driver=ppt)\n"                  \
	"vm_create(\"vm\")\nvm_setup_memory(\"vm\", 16M)\nvm_assign_pptdev(\"vm\", 7/0/0)\n"           \
	"vm_destroy(\"vm\")" after "\n"

static void findings_are_suppressed(void **state)
{
	static const struct {
		const char *text;
		unsigned findings, suppressed;
		bool passes;
	} rows[] = {
		{ LEFT_BEHIND("", ""), 1, 0, false },
		{ LEFT_BEHIND("", "  expect finding(table-freed-while-reachable)"), 1, 0, true },
		{ LEFT_BEHIND("suppress(\"table-freed-while-reachable\")", ""), 0, 1, true },
		{ LEFT_BEHIND("suppress(\"all\", first=9)", "  expect none"), 0, 1, true },
		{ LEFT_BEHIND("suppress(\"all\", first=8, last=10)", ""), 0, 1, true },
		{ LEFT_BEHIND("suppress(\"all\", first=1, last=8)", ""), 1, 0, false },
		{ LEFT_BEHIND("suppress(\"table-leak\")", ""), 1, 0, false },
		/* Who expects it gets it. */
		{ LEFT_BEHIND("suppress(\"all\")", "  expect finding(table-freed-while-reachable)"), 1,
		    0, true },
	};
	static struct story story;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const unsigned id = IOMMUSIM_FINDING_TABLE_FREED_WHILE_REACHABLE;

		story_run(&story, rows[i].text);
		assert_int_equal(story.summary.findings[id], rows[i].findings);
		assert_int_equal(story.summary.suppressed[id], rows[i].suppressed);
		assert_int_equal(iommusim_replay_passed(&story.summary), rows[i].passes);
	}
}

static void expectations_hold_under_a_range_of_profiles(void **state)
{
	static const char story_text[] = TRANSLATING
	    "dma(7/0/0, write, 0x3000, 4)  expect blocked under 12.2..13.1, bounce  expect ok\n";
	static const char *const inside[] = { "12.2", "13.0", "13.1", "bounce" };
	static const char *const outside[] = { "12.0", "13.2", "reference", "superpages" };
	struct story story;

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++) {
		run_under(&story, inside[i], story_text);
		assert_int_equal(story.summary.expectations_met, 1);
		run_under(&story, outside[i], story_text);
		assert_int_equal(story.summary.expectations_failed, 1);
	}
}

/* What a call returns may depend on the profile, too. */
static void results_are_expected_under_profiles(void **state)
{
#define NO_TABLE                                                                                       \
	STORY_HEADER "machine(iommu=none, memory=256M)\n"                                              \
		     "device(7/0/0, \"ppt0\", driver=ppt)\n"                                           \
		     "vm_create(\"vm\")\n"                                                             \
		     "vm_setup_memory(\"vm\", 16M)\n"
	static const char assign[] = NO_TABLE
	    "vm_assign_pptdev(\"vm\", 7/0/0) = error(ENXIO)  expect error(EIO) under 13.1  expect none under "
	    "10.3, 13.1  expect finding(init-failed-silently)\n";
	static const char sysctl[] = NO_TABLE
	    "sysctl(\"hw.vmm.ppt.devices\") = 2  expect value(1) under 13.0  expect value(3) under 13.1\n";
	struct story story;

	(void)state;
	run_under(&story, "13.0", assign);
	assert_true(iommusim_replay_passed(&story.summary));
	run_under(&story, "10.3", assign); /* it succeeds there, and `=` says ENXIO */
	assert_int_equal(story.summary.expectations_failed, 1);
	run_under(&story, "13.1", assign); /* ENXIO is not EIO */
	assert_non_null(strstr(story.log, "expected error(EIO)"));
	assert_non_null(strstr(story.log, "returned ENXIO"));

	run_under(&story, "13.0", sysctl);
	assert_true(iommusim_replay_passed(&story.summary));
	assert_int_equal(story.summary.expectations_met, 1);
	run_under(&story, "13.1", sysctl);
	assert_non_null(strstr(story.log, "expected value(0x3)"));
	run_under(&story, "reference", sysctl);
	assert_non_null(strstr(story.log, "gave 0x1, expected 0x2"));
	run_under(&story, "13.0",
	    NO_TABLE "mem_read(0x1000, 2) = \"11 11\"  expect bytes(\"0000\") under 13.0\n");
	assert_true(iommusim_replay_passed(&story.summary));
	run_under(&story, "13.0",
	    NO_TABLE "mem_read(0x1000, 2) = \"00 00\"  expect bytes(\"00 01\") under 13.0\n");
	assert_non_null(strstr(story.log, "expected bytes(\"00 01\")"));
	assert_non_null(strstr(story.log, "\"00 00\""));
	run_under(&story, "13.0", NO_TABLE "mem_read(0x1000, 2)  expect bytes(\"00\")\n");
	assert_int_equal(story.summary.expectations_failed, 1);
	run_under(&story, "13.0", NO_TABLE "mem_read(0x1000, 2)  expect bytes(\"00 00 00\")\n");
	assert_int_equal(story.summary.expectations_failed, 1);
	/* A call that fails gives no value. */
	run_under(&story, "13.0", NO_TABLE "mmio_read32(0xfed90000)  expect value(0)\n");
	assert_int_equal(story.summary.expectations_met + story.summary.expectations_failed, 1);
#undef NO_TABLE
}

static void findings_are_expected(void **state)
{
#define NO_IOMMU STORY_HEADER "machine(iommu=none, memory=256M, vmm=\"13.0\")\n"
	struct story story;

	(void)state;
	story_must_pass(
	    NO_IOMMU "iommu_create_domain(1G) = error(ENXIO)  expect finding(init-failed-silently)\n"
		     "step(1) expect none\n");
	story_run(&story, NO_IOMMU "iommu_create_domain(1G) = error(ENXIO)\n");
	assert_int_equal(story.summary.unexpected_findings, 1);
	assert_int_equal(story.summary.findings[IOMMUSIM_FINDING_INIT_FAILED_SILENTLY], 1);
	assert_non_null(strstr(story.log, "finding 3 init-failed-silently unexpected\n"));
	story_must_fail(STORY_MACHINE "step(1) expect finding(gcmd-drops-bits)\n",
	    "expected finding(gcmd-drops-bits); came no finding");
	story_run(&story, NO_IOMMU "iommu_create_domain(1G) = error(ENXIO)  expect none\n");
	assert_int_equal(story.summary.expectations_failed, 1);
	assert_int_equal(story.summary.unexpected_findings, 1);
}

/* ---- statements --------------------------------------------------------------------------------------- */

static void dma_moves_data(void **state)
{
	(void)state;
	story_must_pass(
	    TRANSLATING "dma(7/0/0, write, 0x1000, 4) = 4\n"
			"mem_read(0x8000000, 5) = \"5a 5a 5a 5a 00\"\n"
			"dma(7/0/0, write, 0x1ffe, 4, data=\"01 02 03\")\n"
			"mem_read(0x8000ffe, 5) = \"01 02 03 01 00\"\n"
			"dma(7/0/0, write, 0x1000, 2)\nmem_read(0x8000000, 2) = \"5a5a\"\n"
			"dma(7/0/0, atomic, 0x1000, 8, data=\"ff\")\nmem_read(0x8000000, 8) = "
			"\"ffffffffffffffff\"\n"
			"dma(7/0/0, write, 0x1000, 8, data=none)\nmem_read(0x8000000, 1) = \"ff\"\n"
			"dma(7/0/0, read, 0x1000, 8K) = 8192\n"
			"dma(7/0/0, read, 0x1000, 0)\n"
			"dma(7/0/0, write, 0x1000, 0) = error(EINVAL)\n"
			"dma(7/0/0, write, 0xffffffffffffffff, 2) = error(EINVAL)\n");
}

static void dma_to_guest_memory_counts_once(void **state)
{
	struct story story;

	(void)state;
	story_run(&story,
	    STORY_MACHINE "device(0/23/0, \"ahci0\")\nvm_create(\"a\")\n"
			  "vm_setup_memory(\"a\", 16M, seed=5)\n"
			  "iommu_init()\n"
			  "dma(0/23/0, write, gpa(\"a\", 0x8000), 1M, for=\"a\") = 0x100000\n");
	assert_int_equal(story.status, IOMMUSIM_OK);
	assert_int_equal(story.summary.dma_total, 1);
	assert_int_equal(story.summary.dma[IOMMUSIM_VERDICT_OK], 1);
	assert_true(iommusim_replay_passed(&story.summary));
}

/* The host page behind a guest address, taken from the message of an expectation that fails. */
static uint64_t host_page(const char *text)
{
	struct story story;
	const char *at;

	story_run(&story, text);
	at = strstr(story.log, "came ok, pa(0x");
	assert_non_null(at);
	return strtoull(at + strlen("came ok, pa("), NULL, 16);
}

/* Of several runs the worst speaks, and all pages count. */
static void the_worst_run_speaks(void **state)
{
#define SCATTERED                                                                                      \
	STORY_MACHINE "device(0/23/0, \"ahci0\")\nvm_create(\"a\")\nvm_setup_memory(\"a\", 16M, "      \
		      "seed=5)\niommu_init()\n"
	const unsigned long long page = host_page(
	    SCATTERED "dma(0/23/0, write, gpa(\"a\", 0x40000), 4, for=\"a\")  expect pa(0)\n");
	char text[512];

	(void)state;
	(void)snprintf(text, sizeof(text),
	    SCATTERED
	    "iommu_remove_mapping(host, 0x%llx, 0x1000)\niommu_invalidate_tlb(host)\n"
	    "dma(0/23/0, write, gpa(\"a\", 0), 1M, for=\"a\") = 0xff000  expect lost, fault(5)\n"
	    "dma(0/23/0, write, gpa(\"a\", 0), 256K, for=\"a\")  expect ok\n",
	    page);
	story_must_pass(text);
}

static void interrupts(void **state)
{
	(void)state;
	story_must_pass(
	    STORY_MACHINE "device(7/0/0, \"nic0\")\n"
			  "interrupt(7/0/0, 0xfee00000, 0x41) = remapped(0xfee00000, 0x41)\n"
			  "interrupt(7/0/0, 0xfee00000, 0x41)\n"
			  "interrupt(7/0/0, 0x1000, 0x41) = error(EINVAL)\n");
	story_must_fail(STORY_MACHINE
	    "interrupt(7/0/0, 0xfee00000, 0x41) = remapped(0xfee00000, 0x42)\n",
	    "came out as remapped(0xfee00000, 0x41), expected remapped(0xfee00000, 0x42)");
	/* With remapping on and an empty table, an interrupt in the remappable format is blocked. */
#define REMAPPING                                                                                      \
	STORY_MACHINE "mmio_write64(0xfed910b8, 0x100000)\nmmio_write32(0xfed91018, 0x01000000)\n"     \
		      "mmio_write64(0xfed91090, 0x200000)\nmmio_write32(0xfed91018, 0x04000000)\n"     \
		      "mmio_write32(0xfed91018, 0x06000000)\n"
	story_must_pass(REMAPPING "interrupt(7/0/0, 0xfee00010, 0) expect fault(0x22)\n"
				  "interrupt(7/0/0, 0xfee00010, 0) = error(EIO)\n");
	story_must_fail(REMAPPING "interrupt(7/0/0, 0xfee00010, 0)\n", "returned EIO");
}

static void bridges(void **state)
{
	(void)state;
	/* behind= makes a bridge; a legacy bridge's devices use its id. */
	story_must_pass(STORY_MACHINE
	    "device(0/28/0, \"rp0\")\ndevice(7/0/0, \"nic0\", behind=0/28/0, driver=ppt)\n"
	    "device(8/0/0, \"nic1\", behind=0/28/0)\n"
	    "device(0/30/0, \"old\", bridge=legacy, secondary=9)\ndevice(9/3/0, \"card\", "
	    "behind=0/30/0)\n"
	    "iommu_create_domain(1G) = d\niommu_create_mapping(d, 0, 0x8000000, 0x1000)\n"
	    "iommu_add_device(d, 0x0900)\n"
	    "dma(9/3/0, write, 0, 4)  expect pa(0x8000000)\n"
	    "dma(0x0918, write, 0, 4)\n");
	story_must_fail(
	    STORY_MACHINE "device(0/1/0, \"a\", bridge=yes, secondary=0)\n", "returned EINVAL");
	story_must_fail(
	    STORY_MACHINE "device(0/1/0, \"a\")\ndevice(0/1/0, \"b\")\n", "returned EEXIST");
}

static void functions_come_and_go(void **state)
{
	(void)state;
	story_must_pass(
	    STORY_MACHINE "pci_function(7/0/0, \"nic0\", class=nic)\ndevice(7/0/0, \"nic0\")\n"
			  "iommu_init()\npci_add_device(8/0/0, \"disk\", class=ahci)\n"
			  "dma(8/0/0, write, 0x1000, 4)\npci_delete_device(8/0/0)\n"
			  "dma(8/0/0, write, 0x1000, 4) expect blocked\n"
			  "pci_delete_device(8/0/0) = error(ENOENT)\n");
}

static void ppt_takes_functions_and_lets_go_of_them(void **state)
{
	(void)state;
	story_must_pass(
	    STORY_MACHINE "device(7/0/0, \"nic0\", class=nic)\niommu_init()\n"
			  "dma(7/0/0, write, 0x1000, 4)  expect ok\nppt_attach(7/0/0)\n"
			  "dma(7/0/0, write, 0x1000, 4)  expect blocked\n"
			  "ppt_attach(7/0/0) = error(EEXIST)\nppt_detach(device=7/0/0)\n"
			  "dma(7/0/0, write, 0x1000, 4)  expect blocked\n" /* no bus master */
			  "pci_bus_master(7/0/0, on)\ndma(7/0/0, write, 0x1000, 4)  expect ok\n"
			  "ppt_detach(7/0/0) = error(ENXIO)\nppt_attach(9/0/0) = error(ENOENT)\n");
}

static void units_and_memory_by_hand(void **state)
{
	struct story story;

	(void)state;
	story_run(&story,
	    STORY_HEADER
	    "machine(iommu=none, memory=0)\nmemory(0, 64M)\nmemory(0x100000000, 64M)\n"
	    "vtd_unit(0xfed90000, version=0x10, cap=0xd2008c40660462, ecap=0xf050da, haw=39, "
	    "all=yes, "
	    "scope=\"endpoint 0:2.0, bridge 0:1c.0/0.0\")\n"
	    "mmio_read64(0xfed90008) = 0xd2008c40660462\nmem_write(0x100000000, \"01\")\n"
	    "mem_write(0x4000000, \"01\") = error(ENXIO)\n");
	assert_true(iommusim_replay_passed(&story.summary));
	assert_string_equal(story.summary.machine, "VT-d, 1 unit, 128 MiB, vmm reference, cache hoard");
}

/* 0:1.0 to fe:1f.7, and ff:0.0 by 0:14.5; registers at fdf00000h; EFR of a mobile, EFR2 10h. */
#define IVRS                                                                                           \
	"495652536c000000026053494d434f20424f4152443900000300000054455354090000004330"                 \
	"2000000000000000000040303c00020040000000f0fd000000000000011300800400de4a2522"                 \
	"ef736d2010000000000000000308000004fffe004200ff0000a5000000000000"

static void units_of_an_ivrs_table(void **state)
{
	struct story story;

	(void)state;
	story_run(&story,
	    STORY_HEADER "machine(iommu=amdvi, memory=64M, preset=\"zen-client\", acpi_hex=\"" IVRS
			 "\")\n"
			 "mmio_read64(0xfdf00030) = 0x206d73ef22254ade\n"
			 "mmio_read64(0xfdf001a0) = 0x10\n"
			 /* a device table of one page; V=1 and TV=0 for 0:14.5 */
			 "mem_write(0x14a0, \"01\")\n"
			 "mmio_write64(0xfdf00000, 0x1000)\nmmio_write64(0xfdf00018, 1)\n"
			 "dma(0x0008, read, 0x2000, 8) expect pa(0x2000), ok\n"
			 "dma(0x00a5, read, 0x2000, 8) expect fault(2)\n"
			 "dma(0xff00, read, 0x2000, 8) expect fault(2)\n"
			 "dma(0x0007, read, 0x2000, 8) expect pa(0x2000), unprotected\n");
	assert_int_equal(story.status, IOMMUSIM_OK);
	assert_int_equal(story.summary.expectations_failed, 0);
	assert_string_equal(
	    story.summary.machine, "AMD-Vi, 1 unit, 64 MiB, vmm reference, cache hoard");
}

/* Broken, or of the other vendor: software may look at it, and there is no hardware. */
static void tables_that_are_no_use_make_no_unit(void **state)
{
	(void)state;
	story_must_pass(STORY_HEADER "machine(iommu=amdvi, memory=64M, acpi_hex=\"" IVRS "00\")\n"
				     "mmio_read64(0xfdf00030) = 0x206d73ef22254ade\n");
	story_must_pass(STORY_HEADER "machine(iommu=vtd, memory=64M, acpi_hex=\"" IVRS "\")\n"
				     "mmio_read64(0xfdf00030) = error(ENXIO)\n");
	story_must_pass(STORY_HEADER
	    "machine(iommu=amdvi, memory=64M, "
	    "acpi=\"" IOMMUSIM_SOURCE_DIR "/scenarios/boards/desktop.acpidump\")\n"
	    "mmio_read64(0xfed90008) = error(ENXIO)\nmmio_read64(0xfeb80030) = error(ENXIO)\n");
}

/* Ids in lspci's digits: one, a range, and one by an alias, that has an entry of its own. */
static void a_unit_with_ids(void **state)
{
	static const char unit[] = STORY_HEADER
	    "machine(iommu=none, memory=64M)\n"
	    "amdvi_unit(0xfd300000, efr=0x58f77ef22294ade, ids=\"%s\")\n"
	    "mem_write(0x14a0, \"01\")\n"
	    "mmio_write64(0xfd300000, 0x1000)\nmmio_write64(0xfd300018, 1)\n"
	    "dma(0x00a5, read, 0x2000, 8) expect %s\ndma(0x1f07, read, 0x2000, 8) expect %s\n";
	static const struct {
		const char *ids, *itself, *aliased;
	} rows[] = {
		{ "0:14.5", "fault(2)", "pa(0x2000), unprotected" },
		{ "0:1.0-1f:0.6", "fault(2)", "pa(0x2000), unprotected" },
		{ "0:0.0-1f:1f.7 , 1f:0.7>0:14.5", "fault(2)", "fault(2)" },
		{ "1f:0.0-1f:0.7>0:14.5", "pa(0x2000), unprotected", "fault(2)" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(text, sizeof(text), unit, rows[i].ids, rows[i].itself, rows[i].aliased);
		story_must_pass(text);
	}
}

static void settings(void **state)
{
	const struct iommusim_replay_options options = {
		.has_cache = true, .cache = IOMMUSIM_CACHE_NONE, .drop_invalidations = true
	};
	static const char dropped[] =
	    TRANSLATING "dma(7/0/0, write, 0x1000, 4)\n"
			"iommu_remove_mapping(dom1, 0x1000, 0x2000)\niommu_invalidate_tlb(dom1)\n"
			"dma(7/0/0, write, 0x1000, 4)  expect blocked\n";
	const struct iommusim_replay_options drop = { .drop_invalidations = true };
	struct story story;

	(void)state;
	story_run_with(&story, STORY_MACHINE, strlen(STORY_MACHINE), &options);
	assert_non_null(strstr(story.summary.machine, "cache none"));
	story_must_pass(dropped);
	story_run_with(&story, dropped, strlen(dropped), &drop);
	assert_int_equal(story.summary.expectations_failed, 1);
	assert_int_equal(story.summary.dma[IOMMUSIM_VERDICT_STALE], 1);
	story_must_pass(
	    STORY_HEADER "machine(iommu=vtd, memory=256M, preset=\"haswell-ep\", cache=sized, sets=4, "
			 "ways=2, match=source, latency=3, seed=4, cpu=intel)\n"
			 "mmio_read64(0xfed91008) = 0xd2008c10ef0466\n");
}

static void tables_from_files(void **state)
{
	static const char board[] = "#!iommusim 1\nmachine(iommu=vtd, memory=256M, acpi=\"%s\")\n";
	char text[256];

	(void)state;
	(void)snprintf(
	    text, sizeof(text), board, IOMMUSIM_SOURCE_DIR "/scenarios/boards/desktop.acpidump");
	story_must_pass(text);
}

static void unload(void **state)
{
	(void)state;
	story_must_pass(STORY_MACHINE
	    "device(7/0/0, \"x\", driver=ppt)\nvm_create(\"a\")\nvm_setup_memory(\"a\", 1M)\n"
	    "vm_assign_pptdev(\"a\", 7/0/0)\niommu_invalidate_tlb(domain(\"a\"))\n"
	    "vmm_unload() = error(EBUSY)\nvm_unassign_pptdev(\"a\", 7/0/0)\nvm_destroy(\"a\")\n"
	    "vmm_unload()\nsysctl(\"hw.vmm.iommu.initialized\") = 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_and_comments),
		cmocka_unit_test(numbers),
		cmocka_unit_test(devices),
		cmocka_unit_test(strings),
		cmocka_unit_test(named_arguments),
		cmocka_unit_test(results_compare),
		cmocka_unit_test(a_failed_call_fails_the_story),
		cmocka_unit_test(results_bind),
		cmocka_unit_test(errors_come_from_the_profile),
		cmocka_unit_test(verdicts_are_expected),
		cmocka_unit_test(expectations_hold_under_profiles),
		cmocka_unit_test(expectations_hold_under_a_range_of_profiles),
		cmocka_unit_test(results_are_expected_under_profiles),
		cmocka_unit_test(findings_are_expected),
		cmocka_unit_test(findings_are_suppressed),
		cmocka_unit_test(dma_moves_data),
		cmocka_unit_test(dma_to_guest_memory_counts_once),
		cmocka_unit_test(the_worst_run_speaks),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(bridges),
		cmocka_unit_test(functions_come_and_go),
		cmocka_unit_test(ppt_takes_functions_and_lets_go_of_them),
		cmocka_unit_test(units_and_memory_by_hand),
		cmocka_unit_test(units_of_an_ivrs_table),
		cmocka_unit_test(tables_that_are_no_use_make_no_unit),
		cmocka_unit_test(a_unit_with_ids),
		cmocka_unit_test(settings),
		cmocka_unit_test(tables_from_files),
		cmocka_unit_test(unload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
