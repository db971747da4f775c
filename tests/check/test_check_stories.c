/*
 * Findings that need a board of their own, by stories: in each the provoking line says what it expects, and every line
 * before it that comes close expects nothing. Findings by vmm's calls: test_check_calls.c, test_check_tables.c.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenarios/story.h"

/* ---- what a unit lacks --------------------------------------------------------------------------- */

static void commands_that_a_unit_lacks_are_found(void **state)
{
	(void)state;
	/* The first unit has ECAP.QI and ECAP.IR (bits 1 and 3), the second has neither; CAP.AFL (bit 3) is 0 in both. */
	story_must_pass(STORY_HEADER
	    "machine(iommu=none, cpu=intel, memory=64M)\n"
	    "vtd_unit(0xfed90000, version=0x10, cap=0xd2008c40660462, ecap=0xf050da, haw=39, scope=\"endpoint "
	    "0:2.0\")\n"
	    "vtd_unit(0xfed91000, version=0x10, cap=0xd2008c40660462, ecap=0xf050c0, haw=39, all=yes)\n"
	    "mmio_write64(0xfed90090, 0x100000)\n"
	    "mmio_write32(0xfed90018, 0x04000000)\n" /* QIE */
	    "mmio_write32(0xfed90018, 0x05000000)\n" /* SIRTP */
	    "mmio_write32(0xfed91018, 0x04000000)  expect finding(unsupported-capability)\n"
	    "mmio_write32(0xfed91018, 0x01000000)  expect finding(unsupported-capability)\n"
	    "mmio_write32(0xfed91018, 0x02000000)  expect finding(unsupported-capability)\n"
	    "mmio_write32(0xfed91018, 0x20000000)  expect finding(unsupported-capability)\n" /* SFL */
	    "mmio_write32(0xfed91018, 0x40000000)\n");                                       /* SRTP */
}

static void a_root_table_mode_that_a_unit_lacks_is_found(void **state)
{
	(void)state;
	story_must_pass(STORY_MACHINE "mmio_write64(0xfed91020, 0x100000)\n"
				      "mmio_write32(0xfed91018, 0x40000000)\n"
				      "mmio_write64(0xfed91020, 0x100400)\n" /* TTM 01b: scalable */
				      "mmio_write32(0xfed91018, 0x40000000)  expect "
				      "finding(unsupported-capability)\n");
	story_must_pass(STORY_HEADER
	    "machine(iommu=vtd, memory=256M, preset=\"sapphire-rapids\")\n"
	    "mmio_write64(0xfed91020, 0x100400)\n"
	    "mmio_write32(0xfed91018, 0x40000000)\n"
	    "mmio_write64(0xfed91020, 0x100800)\n" /* TTM 10b: reserved */
	    "mmio_write32(0xfed91018, 0x40000000)  expect finding(unsupported-capability)\n");
}

static void features_that_amdvi_lacks_are_found(void **state)
{
	(void)state;
	/* EFR 840h: neither guest tables (GTSup, bit 4) nor peripheral page requests (PPRSup, bit 1). */
	story_must_pass(STORY_HEADER
	    "machine(iommu=none, cpu=amd, memory=64M)\n"
	    "amdvi_unit(0xfd300000, efr=0x840, all=yes)\n"
	    "mmio_write64(0xfd300018, 0x1)\n"                                              /* IommuEn */
	    "mmio_write64(0xfd300018, 0x10001)  expect finding(unsupported-capability)\n"  /* GTEn */
	    "mmio_write64(0xfd300018, 0x2001)  expect finding(unsupported-capability)\n"); /* PPRLogEn */
}

/* ---- entries that no call of vmm makes ----------------------------------------------------------- */

#define SCALABLE                                                                                       \
	STORY_HEADER "machine(iommu=vtd, memory=256M, preset=\"sapphire-rapids\")\n"                   \
		     "mem_write(0x100000, \"01 10 10 00 00 00 00 00\")\n" /* root: lower table */      \
		     "mem_write(0x101300, \"01 20 10 00 00 00 00 00\")\n" /* context of 0:3.0 */       \
		     "mem_write(0x102000, \"01 30 10 00 00 00 00 00\")\n" /* PASID directory */        \
		     "mmio_write64(0xfed91020, 0x100400)\n"                                            \
		     "mmio_write32(0xfed91018, 0x40000000)\n"                                          \
		     "mmio_write32(0xfed91018, 0x80000000)\n"

static void a_pasid_entry_is_looked_at(void **state)
{
	(void)state;
	/* P, AW=2, PGTT=2: second stage, 4 levels, domain 1 (VT-d 9.6). Bits 11:10 are reserved. */
	story_must_pass(SCALABLE
	    "mem_write(0x103000, \"89 40 10 00 00 00 00 00 01 00 00 00 00 00 00 00\")\n"
	    "mmio_write32(0xfed91038, 0x80000000)\n" /* what came before is done with */
	    "mem_write(0x103000, \"89 44 10 00 00 00 00 00\")  expect finding(reserved-bits-set)\n");
	/* PGTT=5 is no type. */
	story_must_pass(SCALABLE "mem_write(0x103000, \"49 41 10 00 00 00 00 00 01 00 00 00 00 00 00 "
				 "00\")  expect finding(unsupported-capability)\n");
}

static void an_interrupt_entry_is_looked_at(void **state)
{
	(void)state;
	/* An IRTE with vector 31h for 00:03.0 (VT-d 9.9); bits 14:12 are reserved. Entry 1 is stored in two halves. */
	story_must_pass(STORY_MACHINE
	    "mmio_write64(0xfed910b8, 0x100003)\n"
	    "mmio_write64(0xfed91090, 0x101000)\n"
	    "mmio_write32(0xfed91018, 0x04000000)\n"
	    "mmio_write32(0xfed91018, 0x05000000)\n"
	    "mmio_write32(0xfed91018, 0x06000000)\n"
	    "mem_write(0x100010, \"01 00 31 00 00 02 00 00 18 00 04 00 00 00 00 00\")\n"
	    "mem_write(0x100028, \"18 00 04 00 00 00 00 00\")\n"
	    "mem_write(0x100020, \"01 00 32 00 00 02 00 00\")\n"
	    "mmio_read32(0xfed9101c) = 0x07000000\n"
	    "mem_write(0x100020, \"01 10 32 00 00 02 00 00\")  expect finding(reserved-bits-set)\n");
	story_must_pass(STORY_MACHINE
	    "mmio_write64(0xfed910b8, 0x100003)\n"
	    "mmio_write32(0xfed91018, 0x01000000)\n"
	    "mmio_write32(0xfed91018, 0x02000000)\n"
	    "mem_write(0x100020, \"01 00 32 00 00 02 00 00\")\n"
	    "mem_write(0x100028, \"18 00 04 00 00 00 00 00\")  expect finding(present-before-fields)\n");
}

/* ---- AMD-Vi's tables by hand ----------------------------------------------------------------------- */

/* 00:03.0: V, TV, three levels at 102000h, IR, IW, domain 1; 1000h is memory 200000h (AMD-Vi 2.2.3). */
#define AMDVI                                                                                          \
	STORY_HEADER                                                                                   \
	"machine(iommu=amdvi, memory=256M)\n"                                                          \
	"device(0/3/0, \"nic0\", class=nic)\n"                                                         \
	"mem_write(0x100300, \"03 26 10 00 00 00 00 60 01 00 00 00 00 00 00 00\")\n"                   \
	"mem_write(0x102000, \"01 34 10 00 00 00 00 60\")\n"                                           \
	"mem_write(0x103000, \"01 42 10 00 00 00 00 60\")\n"                                           \
	"mem_write(0x104008, \"01 00 20 00 00 00 00 60\")\n"                                           \
	"mmio_write64(0xfeb80000, 0x100000)\n"

static void a_leaf_of_host_tables_is_looked_at(void **state)
{
	(void)state;
	/* Bit 63 of a leaf is software's, bits 58:52 are reserved. */
	story_must_pass(AMDVI
	    "mmio_write64(0xfeb80018, 0x1)\n"
	    "mem_write(0x104010, \"01 00 20 00 00 00 00 e0\")\n"
	    "mem_write(0x104018, \"01 00 20 00 00 00 10 60\")  expect finding(reserved-bits-set)\n");
}

static void a_full_event_log_is_found_where_somebody_reads_it(void **state)
{
	(void)state;
	/* 256 events of 16 bytes at 140000h; 2 MiB of pages that are not there. */
	story_must_pass(AMDVI "mmio_write64(0xfeb80010, 0x800000000140000)\n"
			      "mmio_write64(0xfeb80018, 0x5)\n" /* IommuEn, EventLogEn */
			      "dma(0/3/0, write, 0x10000000, 256K)  expect blocked\n"
			      "mmio_read64(0xfeb82018) = 0x400\n" /* 64 events, and somebody looks */
			      "dma(0/3/0, write, 0x10000000, 512K)  expect blocked\n"
			      "dma(0/3/0, write, 0x10000000, 512K)  expect blocked, "
			      "finding(fault-log-overflow)\n");
	story_must_pass(
	    AMDVI "mmio_write64(0xfeb80010, 0x800000000140000)\n"
		  "mmio_write64(0xfeb80018, 0x5)\n"
		  "dma(0/3/0, write, 0x10000000, 2M)  expect blocked\n"); /* nobody ever looks */
}

static void memory_that_an_ivrs_table_wants_is_missed(void **state)
{
	(void)state;
	/* Its IVMD block is for 00:14.0, 128 KiB from 6000000h. */
	story_must_pass(STORY_HEADER
	    "machine(iommu=amdvi, memory=256M, acpi=\"" IOMMUSIM_SOURCE_DIR
	    "/scenarios/boards/low-ivmd.acpidump\")\n"
	    "device(0/20/0, \"ppt0\", driver=ppt)\n"
	    "device(7/0/0, \"ppt1\", driver=ppt)\n"
	    "sysctl(\"hw.vmm.amdvi.enable\", 1)\n"
	    "vm_create(\"vm\")\n"
	    "vm_setup_memory(\"vm\", 16M)\n"
	    "vm_assign_pptdev(\"vm\", 7/0/0)\n"
	    "vm_assign_pptdev(\"vm\", 0/20/0)  expect finding(firmware-range-not-mapped)\n");
}

/* ---- stores alone ----------------------------------------------------------------------------------- */

static void a_large_leaf_is_taken_for_a_table_without_a_call(void **state)
{
	(void)state;
	/* Second stage by hand: a leaf of 2 MiB at 8000000h (VT-d 9.8, bit 7). What looks like no entry is data. */
	story_must_pass(STORY_HEADER
	    "machine(iommu=vtd, memory=256M, preset=\"skylake-sp\")\n"
	    "mem_write(0x100000, \"01 10 10 00 00 00 00 00\")\n"
	    "mem_write(0x101180, \"01 20 10 00 00 00 00 00 02 01 00 00 00 00 00 00\")\n"
	    "mem_write(0x102000, \"03 30 10 00 00 00 00 00\")\n"
	    "mem_write(0x103000, \"03 40 10 00 00 00 00 00\")\n"
	    "mem_write(0x104000, \"83 00 00 08 00 00 00 00\")\n"
	    "mmio_write64(0xfed91020, 0x100000)\n"
	    "mmio_write32(0xfed91018, 0x40000000)\n"
	    "mmio_write32(0xfed91018, 0x80000000)\n"
	    "mem_write(0x8000028, \"00 00 00 00 00 00 00 00\")\n"
	    "mem_write(0x8000028, \"03 00 50 00\")\n"
	    "mem_write(0x8001028, \"03 00 50 00 00 00 00 00\")\n"
	    "mem_write(0x8000028, \"03 00 50 00 00 00 00 00\")  expect finding(leaf-used-as-table)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_that_a_unit_lacks_are_found),
		cmocka_unit_test(a_root_table_mode_that_a_unit_lacks_is_found),
		cmocka_unit_test(features_that_amdvi_lacks_are_found),
		cmocka_unit_test(a_pasid_entry_is_looked_at),
		cmocka_unit_test(an_interrupt_entry_is_looked_at),
		cmocka_unit_test(a_leaf_of_host_tables_is_looked_at),
		cmocka_unit_test(a_full_event_log_is_found_where_somebody_reads_it),
		cmocka_unit_test(memory_that_an_ivrs_table_wants_is_missed),
		cmocka_unit_test(a_large_leaf_is_taken_for_a_table_without_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
