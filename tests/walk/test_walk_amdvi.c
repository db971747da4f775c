/* `iommusim walk` on AMD-Vi: host tables, device entries, interrupts of each format, wrong usage. */
#include "walk_run.h"

/*
 * Device table at 0x10000. 00:03.0 (24), domain 5: three levels at 0x20000, 0x21000, 0x22000: page 0 at
 * 0x100000, page 1 read-only, 0x10000 -> 0x120000 16 KiB, 0x200000 -> 0x400000 2 MiB; interrupt table at
 * 0x40000. 00:03.1 (25) has the same tables and may only read; 00:03.2 (26) has none.
 */
static const char amd_pages[] =
    "{\"pa\": 66304, \"hex\": \"0306020000000060050000000000000009000400000000200000000000000000\"}\n"
    "{\"pa\": 66336, \"hex\": \"03060200000000200500000000000000\"}\n"
    "{\"pa\": 66368, \"hex\": \"03000000000000600600000000000000\"}\n"
    "{\"pa\": 131072, \"hex\": \"0114020000000060\"}\n"
    "{\"pa\": 135168, \"hex\": \"01220200000000600100400000000060\"}\n"
    "{\"pa\": 139264, \"hex\": \"01001000000000600110100000000020\"}\n"
    "{\"pa\": 139392, \"hex\": \"011e120000000060011e120000000060011e120000000060011e120000000060\"}\n"
    "{\"pa\": 262160, \"hex\": \"41010000000000003100000000000000\"}\n"
    "{\"pa\": 262176, \"hex\": \"85010000341200003100050000000000\"}\n"
    "{\"pa\": 262192, \"hex\": \"c1010000341200003200050000000000\"}\n"
    "{\"pa\": 262240, \"hex\": \"81010000351200003310050000000000\"}\n"
    "{\"pa\": 262256, \"hex\": \"a1010000361200003400050000000000\"}\n"
    "{\"pa\": 332304, \"hex\": \"0000080000000000\"}\n";
static const char amd_platform[] =
    "{\"iommu\": \"amdvi\", \"mmio_base\": 4275568640, \"caps\": {\"EFR\": 2107859, \"CAPHDR\": 520290319, \"MISC0\": 1583168}, \"ram\": [[0, 16777216]]}";

static const char *pages, *platform;

static int write_files(void **state)
{
	(void)state;
	pages = folder_write("amd.jsonl", amd_pages);
	platform = folder_write("amd.json", amd_platform);
	return 0;
}

/* The options that make the machine: the device table has its 128 entries, or what `root` says. */
static const char *machine(const char *root)
{
	static char options[512];

	snprintf(
	    options, sizeof(options), "--memory %s --platform %s --root %s", pages, platform, root);
	return options;
}

static void a_denied_write_is_shown_entry_by_entry(void **state)
{
	static const char shown[] =
	    "AMD-Vi host tables, 39-bit (3 levels), domain 5, unit at 0xfed80000\n"
	    "requester 00:03.0 = bus 0x00, device and function 0x18\n"
	    "write to 0x1000 = L3 0x000 | L2 0x000 | L1 0x001 | offset 0x000\n"
	    "\n"
	    "1  DTE  2.2.2.1  0x000000010300 [0x18]   60000000_00020603  V=1 TV=1 MODE=3 ROOT=0x20000 GV=0 GLX=0\n"
	    "                                                            GCR3_LOW=0x0 IR=1 IW=1\n"
	    "                                         00000000_00000005  DOMAIN_ID=5 GCR3_MIDDLE=0x0 I=0 SE=0 SA=0\n"
	    "                                                            IOCTL=0 CACHE=0 SD=0 EX=0 SYSMGT=0 GCR3_HIGH=0x0\n"
	    "                                         20000000_00040009  GUEST_PAGING_MODE=0\n"
	    "2  PDE  2.2.3    0x000000020000 [0x000]  60000000_00021401  PR=1 NEXT_LEVEL=2 ADDR=0x21000 IR=1 IW=1\n"
	    "3  PDE  2.2.3    0x000000021000 [0x000]  60000000_00022201  PR=1 NEXT_LEVEL=1 ADDR=0x22000 IR=1 IW=1\n"
	    "4  PTE  2.2.3    0x000000022008 [0x001]  20000000_00101001  PR=1 NEXT_LEVEL=0 ADDR=0x101000 PMC=0 U=0 FC=0\n"
	    "                                                            IR=1 IW=0\n"
	    "                                         ^ the write stops here: IW=0\n"
	    "\n"
	    "rights   IR = 1 & 1 & 1 & 1 = 1    IW = 1 & 1 & 1 & 0 = 0\n"
	    "result   denied, event 2h: IR or IW is missing in the host page tables\n"
	    "rule     AMD-Vi 2.2.3\n"
	    "record   0000000000001000_2070000500000018\n";
	struct command_run walked = walk("%s --rid 0/3/0 --iova 0x1000 --write", machine("0x10000"));

	(void)state;
	assert_string_equal(walked.output, shown);
	assert_string_equal(walked.errors, "");
	assert_int_equal(walked.code, 1);
	command_run_free(&walked);
}

static void an_allowed_read_says_where_it_goes_and_in_what_page(void **state)
{
	const char *options = machine("0x10000");

	(void)state;
	assert_walked(walk("%s --rid 0/3/0 --iova 0x12345 --write", options), 0,
	    "result   allowed: 0x12345 -> 0x122345, in a 16 KiB page\n");
	assert_walked(walk("%s --rid 0/3/0 --iova 0x3ff000", options), 0,
	    "result   allowed: 0x3ff000 -> 0x5ff000, in a 2 MiB page\n");
	assert_walked(walk("%s --rid 0/3/0 --iova 0x1fff", options), 0,
	    "rights   IR = 1 & 1 & 1 & 1 = 1    IW = 1 & 1 & 1 & 0 = 0\n");
}

/* The device entry's IR and IW count for every page, and alone where there are no tables. */
static void the_device_entry_has_a_say(void **state)
{
	const char *options = machine("0x10000");

	(void)state;
	assert_walked(walk("%s --rid 0/3/1 --iova 0 --write", options), 1,
	    "^ the write stops here: IW=0\n\nrights   IR = 1 = 1    IW = 0 = 0\n"
	    "result   denied, event 2h: ");
	assert_walked(walk("%s --rid 0/3/1 --iova 0", options), 0, "IW = 0 & 1 & 1 & 1 = 0\n");
	assert_walked(walk("%s --rid 0/3/2 --iova 0x777", options), 0,
	    "result   allowed: 0x777 is used as it is\n");
	/* V=0 lets everything through: no bit of it counts (AMD-Vi 2.2.2.1) */
	assert_walked(walk("%s --rid 0/4/2 --iova 0x777", options), 0,
	    "GUEST_PAGING_MODE=0\n\nresult   allowed: 0x777 is used as it is\n");
}

static void a_walk_that_ends_early_says_where(void **state)
{
	(void)state;
	assert_walked(walk("%s --rid 0/3/0 --iova 0x4000", machine("0x10000")), 1,
	    "^ the read stops here: PR=0\n");
	assert_walked(walk("%s --rid 0/3/0 --iova 512G", machine("0x10000")), 1, "denied, event 2h: ");
	/* no memory behind the device table */
	assert_walked(walk("%s --rid 0/3/0 --iova 0", machine("0x8000000")), 1, "denied, event 3h: ");
}

/* An address alone stands for a table as large as they get; a size, as DEVTAB_BASE has it, is kept. */
static void the_device_table_may_come_without_a_size(void **state)
{
	(void)state;
	assert_walked(walk("%s --rid 16:00.0 --iova 0x5000", machine("0x10000")), 0, "used as it is");
	assert_walked(walk("%s --rid 16:00.0 --iova 0x5000", machine("0x10001")), 1, "event 2h: ");
	assert_walked(walk("%s --rid 0/3/0 --iova 0", machine("0x10001")), 0, "0x0 -> 0x100000");
}

static void interrupts_are_shown_with_their_entries(void **state)
{
	static const char shown[] =
	    "AMD-Vi remapped interrupt, xAPIC, unit at 0xfed80000\n"
	    "requester 00:03.0 = bus 0x00, device and function 0x18\n"
	    "interrupt  address 0xfee00000, data 0x1\n"
	    "\n"
	    "1  MSI request  2.2.5    on the bus             00000000_fee00000  DM=0 RH=0 DESTINATION=0 PREFIX=0xfee\n"
	    "                                                                   DESTINATION_HIGH=0\n"
	    "                                                00000000_00000001  VECTOR=1 DELIVERY=0 LEVEL=0 TM=0\n"
	    "2  DTE          2.2.2.1  0x000000010300 [0x18]  60000000_00020603\n"
	    "                                                00000000_00000005\n"
	    "                                                20000000_00040009  IV=1 INT_TAB_LEN=4 IG=0\n"
	    "                                                                   INT_TAB_ROOT=0x40000 GUEST_PAGING_MODE=0\n"
	    "                                                                   INIT_PASS=0 EINT_PASS=0 NMI_PASS=0\n"
	    "                                                                   INT_CTL=2 LINT0_PASS=0 LINT1_PASS=0\n"
	    "3  IRTE.GA      2.2.5    0x000000040010 [0x01]  00000000_00000141  REMAP_EN=1 SUP_IOPF=0 INT_TYPE=0 RQ_EOI=0\n"
	    "                                                                   DM=1 GUEST_MODE=0 DEST_LOW=1\n"
	    "                                                00000000_00000031  VECTOR=0x31 DEST_HIGH=0\n"
	    "\n"
	    "result   sent: address 0xfee01004, data 0x4031\n";
	struct command_run walked =
	    walk("%s --control 0x20000 --rid 0/3/0 --interrupt 0xfee00000,1", machine("0x10000"));

	(void)state;
	assert_string_equal(walked.output, shown);
	assert_int_equal(walked.code, 0);
	command_run_free(&walked);
	/* without GAEn the same bytes are entries of 32 bits */
	assert_walked(walk("%s --control 0 --rid 0/3/0 --interrupt 0xfee00000,4", machine("0x10000")),
	    0, "3  IRTE         2.2.5    0x000000040010 [0x04]  00000000_00000141  REMAP_EN=1");
	assert_walked(
	    walk("%s --control 0x20000 --rid 0/3/0 --interrupt 0xfee00000,5", machine("0x10000")), 1,
	    "denied, event 2h: ");
	assert_walked(
	    walk("%s --control 0x20000 --rid 0/3/2 --interrupt 0xfee00000,5", machine("0x10000")), 0,
	    "sent as it came: address 0xfee00000, data 0x5\n");
}

/* CONTROL.GAMEn=1: GuestMode=1 means something (AMD-Vi 2.2.5.4). */
static void interrupts_for_guests_say_who_is_told(void **state)
{
	const char *options = machine("0x10000");

	(void)state;
	assert_walked(walk("%s --control 0x2020000 --rid 0/3/0 --interrupt 0xfee00000,2", options), 0,
	    "result   posted: vector 0x31 (bit 17 of IRR word 1), in the virtual APIC page at 0x50000\n"
	    "notified by an entry in the GA log, with tag 0x1234\n");
	assert_walked(walk("%s --control 0x2020000 --rid 0/3/0 --interrupt 0xfee00000,3", options), 0,
	    "notified by a doorbell to 0xfee01000 (IsRun=1)\n");
	assert_walked(walk("%s --control 0x2020000 --rid 0/3/0 --interrupt 0xfee00000,6", options), 0,
	    "vector 0x33 (bit 19 of IRR word 1), in the virtual APIC page at 0x51000, which has it "
	    "already\nnotified nobody: it does not run (IsRun=0)");
	assert_walked(
	    walk("%s --json --control 0x2020000 --rid 0/3/0 --interrupt 0xfee00000,2", options), 0,
	    "\"posted\":true}");
}

/* CONTROL.GAPPIEn=1 (bit 55): software is told by an interrupt, if nothing is pending (AMD-Vi 2.2.5.5). */
static void physical_interrupts_for_guests_are_shown_as_such(void **state)
{
	static const char gappi[] =
	    "{\"iommu\": \"amdvi\", \"mmio_base\": 4275568640, \"caps\": {\"EFR\": 2107891, \"EFR2\": 16, "
	    "\"CAPHDR\": 520290319, \"MISC0\": 1583168}, \"ram\": [[0, 16777216]]}";
	const char *unit = folder_write("gappi.json", gappi);
	char options[512];

	(void)state;
	snprintf(options, sizeof(options),
	    "--memory %s --platform %s --root 0x10000 --control 0x80000002020000 --rid 0/3/0", pages,
	    unit);
	assert_walked(walk("%s --interrupt 0xfee00000,2", options), 0,
	    "AMD-Vi posted interrupt, xAPIC, GAPPI, unit at 0xfed80000\n");
	assert_walked(walk("%s --interrupt 0xfee00000,2", options), 0,
	    "notified by a physical interrupt (GAPPI): address 0xfee01000, data 0x4034\n");
	assert_walked(walk("%s --interrupt 0xfee00000,6", options), 0,
	    "notified nobody: the page has an interrupt already that software was told of\n");
	assert_walked(walk("%s --interrupt 0xfee00000,7", options), 0,
	    "notified nobody: its entry keeps physical interrupts back (GAPPIDis=1)\n");
}

/* A story for both vendors, told on AMD-Vi. */
static void a_trace_may_be_walked_on_amdvi(void **state)
{
	(void)state;
	assert_walked(walk("--trace %s/scenarios/host-disk-to-guest-memory/failing.iommu --line 16 "
			   "--iommu amdvi --rid 0/23/0 --iova 0x4d2100000 --write",
			  IOMMUSIM_SOURCE_DIR),
	    1, "denied, event 2h: ");
}

static void wrong_usage_is_refused(void **state)
{
	(void)state;
	assert_refused(walk("%s --irta 0x40000 --rid 0/3/0 --iova 0", machine("0x10000")),
	    "--irta: an AMD-Vi unit finds interrupt tables through its device table");
	assert_refused(walk("%s --control 0x20000000000 --rid 0/3/0 --iova 0", machine("0x10000")),
	    "--control: this unit's CONTROL cannot be 0x20000000000");
	assert_refused(walk("%s --rid 0/3/0 --iova 0", machine("0x8000000000010000")),
	    "--root: this unit cannot be given the device table 0x8000000000010000");
	assert_refused(walk("%s --rid 0/3/0 --interrupt 0xfee00000,0", machine("0x10000")),
	    "on AMD-Vi it needs --root ADDRESS and --control VALUE");
	assert_refused(
	    walk("--memory %s --platform %s --control 1 --rid 0/3/0 --interrupt 0xfee00000,0", pages,
		platform),
	    "--memory needs --root ADDRESS");
	assert_refused(walk("--trace t --control 1 --rid 0/3/0 --iova 0"),
	    "--control go with --memory, not with --trace");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_denied_write_is_shown_entry_by_entry),
		cmocka_unit_test(an_allowed_read_says_where_it_goes_and_in_what_page),
		cmocka_unit_test(the_device_entry_has_a_say),
		cmocka_unit_test(a_walk_that_ends_early_says_where),
		cmocka_unit_test(the_device_table_may_come_without_a_size),
		cmocka_unit_test(interrupts_are_shown_with_their_entries),
		cmocka_unit_test(interrupts_for_guests_say_who_is_told),
		cmocka_unit_test(physical_interrupts_for_guests_are_shown_as_such),
		cmocka_unit_test(a_trace_may_be_walked_on_amdvi),
		cmocka_unit_test(wrong_usage_is_refused),
	};

	return cmocka_run_group_tests(tests, write_files, folder_remove);
}
