/* The trace language on devices with behaviour: what they send is judged, and what their drivers are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/story.h"

/* A VM with a device of its own, on a release that takes its pages out of the host domain. */
#define LOST_PAGES                                                                                     \
	STORY_HEADER "machine(iommu=vtd, memory=2G, vmm=\"13.0\")\n"                                   \
		     "device(0/23/0, \"ahci0\", class=ahci)\n"                                         \
		     "device(0/24/0, \"ahci1\", class=ahci, aborts=reported)\n"                        \
		     "device(0/25/0, \"nvme0\", class=nvme)\n"                                         \
		     "device(0/26/0, \"nvme1\", class=nvme, aborts=concealed)\n"                       \
		     "device(7/0/0, \"ppt0\", driver=ppt, class=nvme)\n"                               \
		     "vm_create(\"vm\")\nvm_setup_memory(\"vm\", 64M, seed=1)\n"                       \
		     "vm_assign_pptdev(\"vm\", 7/0/0)\n"

static void the_drivers_story_is_not_the_datas(void **state)
{
	(void)state;
	story_must_pass(LOST_PAGES
	    "disk_read(\"ahci0\", 8, gpa(\"vm\", 0x100000), 64K, for=\"vm\") = 64K  expect lost\n"
	    "mem_read(0x80004, 4) = \"00 00 01 00\"\n" /* PRDBC, in the header of slot 0 */
	    "disk_read(\"ahci1\", 8, gpa(\"vm\", 0x100000), 64K, for=\"vm\") = error(EIO)  expect lost, fault(5)\n"
	    "disk_read(\"nvme0\", 8, gpa(\"vm\", 0x100000), 64K, for=\"vm\") = error(EIO)  expect lost\n"
	    "disk_read(\"nvme1\", 8, gpa(\"vm\", 0x100000), 64K, for=\"vm\") = 64K  expect lost\n"
	    "disk_write(\"ahci0\", 8, gpa(\"vm\", 0x100000), 64K, for=\"vm\") = error(EIO)  expect lost, fault(6)\n"
	    "disk_read(\"ahci0\", 8, 0x400000, 4K) = 4K  expect ok, pa(0x400000)\n"
	    "mem_read(0x400000, 8) = \"00 10 00 00 00 00 5c d1\"\n");
	story_must_fail(LOST_PAGES
	    "disk_read(\"ahci0\", 8, gpa(\"vm\", 0), 4K, for=\"vm\") = 4K  expect ok\n",
	    "expected ok; came lost");
	story_must_fail(LOST_PAGES "disk_read(\"ahci0\", 8, 0x400000, 4K) = 8K\n",
	    "disk_read gave 0x1000, expected 0x2000");
}

/* The same disk, held by a VM: its driver is the guest's, and all its addresses are the guest's. */
static void a_guest_drives_what_it_holds(void **state)
{
	(void)state;
	story_must_pass(
	    LOST_PAGES "disk_read(\"ppt0\", 8, 0x100000, 64K) = 64K  expect ok\n"
		       "disk_read(\"ahci0\", 8, 0x100000, 64K) = 64K  expect ok, pa(0x100000)\n"
		       "disk_read(7/0/0, 8, 0x8000000, 4K) = error(EIO)  expect blocked\n"
		       "device_put(\"ppt0\", 4K, \"01 02 03\")\n"
		       "device_rings(\"ppt0\", 0x200000)\n"
		       "disk_read(7/0/0, 8, 0x100000, 512) = 512\n"
		       "device_get(7/0/0, 4K, 4) = \"01 02 03 00\"\n"
		       "vm_unassign_pptdev(\"vm\", 7/0/0)\n"
		       "disk_read(7/0/0, 8, 0x100000, 512) = error(EIO)  expect blocked\n");
}

#define BOARD                                                                                          \
	STORY_HEADER "machine(iommu=vtd, memory=256M)\n"                                               \
		     "device(1/0/0, \"nic0\", class=nic)\n"                                            \
		     "device(2/0/0, \"disk0\", class=nvme, flr=no)\n"                                  \
		     "device(3/0/0, \"disk1\", class=nvme)\n"                                          \
		     "device(4/0/0, \"disk2\", class=nvme, misbehave=\"dma-after-reset\")\n"           \
		     "iommu_init()\n"

static void frames_go_both_ways(void **state)
{
	(void)state;
	story_must_pass(BOARD "nic_sent(\"nic0\") = error(ENOENT)\n"
			      "nic_receive(\"nic0\", \"01\") = 0\n"
			      "nic_buffer(\"nic0\", 0x400000, count=2)\n"
			      "nic_receive(\"nic0\", \"0a 0b 0c\") = 3  expect ok, pa(0x400000)\n"
			      "mem_read(0x400000, 4) = \"0a 0b 0c 00\"\n"
			      "nic_transmit(\"nic0\", 0x400001, 2) = 2  expect ok\n"
			      "nic_sent(\"nic0\") = \"0b 0c\"\n");
}

static void a_reset_stops_what_obeys_it(void **state)
{
	(void)state;
	story_must_pass(BOARD "disk_read(\"disk0\", 0, 0x400000, 4K, wait=no) = 0\n"
			      "disk_read(\"disk1\", 0, 0x401000, 4K, wait=no) = 0\n"
			      "disk_read(\"disk2\", 0, 0x402000, 4K, wait=no) = 0\n"
			      "pci_reset(\"disk0\") = error(EOPNOTSUPP)\n"
			      "pci_reset(\"disk1\")\n"
			      "pci_reset(4/0/0)\n"
			      "device_run(\"disk0\") = 3  expect ok\n"
			      "device_run(\"disk1\") = 0\n"
			      "device_run(\"disk2\") = 3  expect ok\n"
			      "mem_read(0x400008, 8) = \"08 00 00 00 00 00 5c d1\"\n"
			      "mem_read(0x401008, 8) = \"00 00 00 00 00 00 00 00\"\n"
			      "mem_read(0x402008, 8) = \"08 00 00 00 00 00 5c d1\"\n");
}

static void no_bus_master_no_dma(void **state)
{
	(void)state;
	story_must_pass(
	    BOARD "disk_read(\"disk1\", 0, 0x401000, 4K) = 4K\n"
		  "pci_bus_master(\"disk1\", off)\n"
		  "dma(3/0/0, write, 0x1000, 64) = 0  expect blocked\n"
		  "disk_read(\"disk1\", 1, 0x401000, 4K) = error(ETIMEDOUT)  expect blocked\n"
		  "mem_read(0x401000, 2) = \"00 00\"\n"
		  "pci_bus_master(\"disk1\", on)  expect ok\n" /* what was left to do */
		  "mem_read(0x401000, 2) = \"00 02\"\n"
		  "disk_read(\"disk1\", 0, 0x401000, 4K) = 4K\n"
		  "interrupt(3/0/0, 0xfee00000, 0x41) = remapped(0xfee00000, 0x41)\n"
		  "pci_bus_master(\"disk1\", off)\n"
		  "interrupt(3/0/0, 0xfee00000, 0x41) = error(EIO)\n"
		  "pci_bus_master(9/0/0, off) = error(ENOENT)\n");
}

/* Under vmm's backend a device with a device-TLB asks, keeps, and is not told: TT=01 where the unit has DT. */
static void a_device_tlb_outlives_its_mapping(void **state)
{
	(void)state;
	story_must_pass(
	    STORY_HEADER "machine(iommu=vtd, memory=2G, preset=\"skylake-sp\", "
			 "vmm=\"reference+device_tlb=forgotten\")\n"
			 "device(1/0/0, \"ats0\", driver=ppt, class=ats, entries=16)\n"
			 "device(2/0/0, \"plain\", driver=ppt, class=ats)\n"
			 "vm_create(\"a\")\nvm_setup_memory(\"a\", 64M, seed=3)\n"
			 "vm_assign_pptdev(\"a\", 1/0/0)\nvm_assign_pptdev(\"a\", 2/0/0)\n"
			 "ats_copy(\"ats0\", write, 0x200000, 64) = 64\n"
			 "ats_copy(\"plain\", write, 0x200000, 64) = 64\n"
			 "iommu_remove_mapping(domain(\"a\"), 0x200000, 0x1000)\n"
			 "iommu_invalidate_tlb(domain(\"a\"))\n"
			 "ats_copy(\"ats0\", write, 0x200000, 64) = 64  expect stale\n"
			 "ats_copy(\"plain\", write, 0x200000, 64) = 64  expect lost\n"
			 "ats_copy(\"ats0\", read, 0x201000, 64, offset=4K) = 64  expect ok\n"
			 "pci_reset(\"ats0\")\n"
			 "ats_copy(\"ats0\", write, 0x200000, 64) = 64  expect lost\n");
}

/* The id is the IOMMU's business, what the device was given is the checker's. */
static void ids_that_are_not_its_own(void **state)
{
	(void)state;
	story_must_pass(STORY_HEADER
	    "machine(iommu=vtd, memory=2G)\n"
	    "device(1/0/0, \"good\", driver=ppt, class=ahci)\n"
	    "device(2/0/0, \"wild\", driver=ppt, class=ahci, misbehave=\"wrong-id=1/0/0\")\n"
	    "device(3/0/0, \"phantom\", class=ahci, misbehave=\"phantom=1\")\n"
	    "device(4/0/0, \"forger\", class=ahci, misbehave=\"forge=0xfee01000/0x41\")\n"
	    "vm_create(\"a\")\nvm_setup_memory(\"a\", 64M, seed=3)\n"
	    "vm_create(\"b\")\nvm_setup_memory(\"b\", 64M, seed=4)\n"
	    "vm_assign_pptdev(\"a\", 1/0/0)\nvm_assign_pptdev(\"b\", 2/0/0)\n"
	    "disk_read(\"good\", 0, 0x200000, 4K) = 4K  expect ok\n"
	    "disk_read(\"wild\", 0, 0x200000, 4K) = error(EIO)  expect misrouted\n"
	    "disk_read(\"phantom\", 0, 0x200000, 4K) = error(EIO)  expect lost, fault(2)\n"
	    "disk_read(\"forger\", 0, 0x200000, 4K) = 4K  expect ok\n");
}

/* ---- recordings ------------------------------------------------------------------------------------------ */

static void a_recording_plays_the_same(void **state)
{
	static const char text[] = LOST_PAGES
	    "device(6/0/0, \"odd\", class=nic, bar=0xf0000000, flr=no, misbehave=\"wrong-id=0x700, "
	    "phantom=2, forge=0xfee01000/0x41, dma-after-reset\")\n"
	    "device_message(\"ahci0\", 0xfee01000, 0x41)\n"
	    "disk_read(\"ahci0\", 8, gpa(\"vm\", 0x100000), 64K, for=\"vm\") = 64K  expect lost\n"
	    "disk_read(\"nvme0\", 8, gpa(\"vm\", 0x100000), 64K, for=\"vm\") = error(EIO)  expect lost\n"
	    "disk_read(\"ppt0\", 8, 0x100000, 64K) = 64K\n";
	struct story story;
	char *recorded = story_record(text, sizeof(text) - 1, &story);

	(void)state;
	assert_true(iommusim_replay_passed(&story.summary));
	assert_null(strstr(recorded, "mmio_write"));
	assert_non_null(strstr(recorded,
	    "device(6/0/0, \"odd\", class=nic, flr=no, bar=0xf0000000, "
	    "misbehave=\"dma-after-reset, wrong-id=0x700, phantom=2, forge=0xfee01000/0x41\")\n"));
	assert_non_null(strstr(recorded, "\"ahci1\", class=ahci, bar=0xe0010000, aborts=reported)"));
	assert_non_null(strstr(recorded, "\"nvme1\", class=nvme, bar=0xe0030000, aborts=concealed)"));
	assert_non_null(strstr(recorded,
	    "disk_read(\"ahci0\", 0x8, gpa(\"vm\", 0x100000), 0x10000, for=\"vm\") = 0x10000 "
	    "expect lost\n"));
	story_must_pass(recorded);
	free(recorded);
}

/* ---- what cannot be -------------------------------------------------------------------------------------- */

static void lines_that_cannot_be_carried_out(void **state)
{
	static const struct {
		const char *line;
		uint32_t column;
		const char *words;
	} bad[] = {
		{ "disk_read(\"disk3\", 0, 0, 512)", 11, "no device of that name; did you mean" },
		{ "disk_read(disk0, 0, 0, 512)", 11, "expected a device, such as 7/0/0, or its name" },
		{ "disk_read(\"nic0\", 0, 0, 512)", 11, "expected one of class=ahci or class=nvme" },
		{ "disk_read(9/9/0, 0, 0, 512)", 11, "no such device is there" },
		{ "disk_read(\"disk0\", 0, 0, 100)", 26, "whole sectors of 512 bytes" },
		{ "disk_read(\"disk0\", 0, 0, 2G)", 26, "at most 1G" },
		{ "disk_read(\"disk0\", 0, 2, 512)", 23, "multiples of 4" },
		{ "disk_write(\"disk0\", 0, 0, 1M, wait=no)", 27, "512K at most" },
		{ "disk_read(\"disk0\", 0, gpa(\"vm\", 0), 512)", 27, "no VM of that name" },
		{ "nic_buffer(\"nic0\", 100)", 20, "buffers have 2K" },
		{ "nic_receive(\"nic0\", \"0\")", 22, "two hexadecimal digits" },
		{ "nic_transmit(\"nic0\", 0, 17K)", 25, "1 byte to 16K" },
		{ "ats_copy(\"disk0\", read, 0, 4)", 10, "expected one of class=ats" },
		{ "device_rings(\"nic0\", 100)", 22, "begin with a page" },
		{ "device(5/0/0, \"x\", bar=0xf0000000)", 24, "expected class=ahci, nvme, nic or ats" },
		{ "device(5/0/0, \"x\", class=nic, entries=4)", 39, "belongs to class=ats" },
		{ "device(5/0/0, \"x\", class=nic, misbehave=\"phantom=1, wildly\")", 53,
		    "expected dma-after-reset" },
		{ "device(5/0/0, \"x\", class=nic, misbehave=\"phantom=4\")", 42, "phantom=1 to 3" },
		{ "device(5/0/0, \"x\", class=nic, misbehave=\"forge=0x1000\")", 42, "0xfeexxxxx" },
		{ "device(5/0/0, \"x\", class=nic, misbehave=\"wrong-id=zz\")", 42,
		    "expected a device" },
		{ "pci_bus_master(\"nic0\", yes)", 24, "expected one of off, on" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct story story;
		char text[1024];

		(void)snprintf(text, sizeof(text), BOARD "%s\n", bad[i].line);
		story_run(&story, text);
		if (story.status != IOMMUSIM_EFORMAT || story.diagnostic.column != bad[i].column ||
		    strstr(story.diagnostic.text, bad[i].words) == NULL)
			fail_msg("%s\n-> %s, %u:%u: %s", bad[i].line,
			    iommusim_status_name(story.status), story.diagnostic.line,
			    story.diagnostic.column, story.diagnostic.text);
	}
	story_must_fail(BOARD "device_run(\"nic0\")  expect ok\n", "expected ok; came no finding");
}

/* A VM with less memory than its driver would take. */
static void a_driver_needs_memory_for_its_queues(void **state)
{
	struct story story;

	(void)state;
	story_run(&story,
	    STORY_HEADER "machine(iommu=none, memory=0)\nmemory(0x1000000, 64M)\n"
			 "device(1/0/0, \"disk\", class=ahci)\n"
			 "disk_read(\"disk\", 0, 0x1000000, 512)\n");
	assert_int_equal(story.status, IOMMUSIM_EFORMAT);
	assert_non_null(strstr(story.diagnostic.text, "device_rings(DEV, ADDRESS)"));
	story_must_pass(
	    STORY_HEADER "machine(iommu=none, memory=0)\nmemory(0x1000000, 64M)\n"
			 "device(1/0/0, \"disk\", class=ahci)\n"
			 "device_rings(\"disk\", 0x1100000)\n"
			 "disk_read(\"disk\", 0, 0x1000000, 512) = 512  expect unprotected\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_drivers_story_is_not_the_datas),
		cmocka_unit_test(a_guest_drives_what_it_holds),
		cmocka_unit_test(frames_go_both_ways),
		cmocka_unit_test(a_reset_stops_what_obeys_it),
		cmocka_unit_test(no_bus_master_no_dma),
		cmocka_unit_test(a_device_tlb_outlives_its_mapping),
		cmocka_unit_test(ids_that_are_not_its_own),
		cmocka_unit_test(a_recording_plays_the_same),
		cmocka_unit_test(lines_that_cannot_be_carried_out),
		cmocka_unit_test(a_driver_needs_memory_for_its_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
