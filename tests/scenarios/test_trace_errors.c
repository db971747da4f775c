/* Lines that cannot be read or carried out: where the message points, and what it says. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/story.h"

struct bad {
	const char *text;
	uint32_t line;
	uint32_t column;
	const char *words; /* part of the message */
};

static void check(const struct bad *bad)
{
	struct story story;

	story_run(&story, bad->text);
	if (story.status != IOMMUSIM_EFORMAT || story.diagnostic.line != bad->line ||
	    story.diagnostic.column != bad->column || strstr(story.diagnostic.text, bad->words) == NULL)
		fail_msg("%s\n-> status %s, %u:%u: %s\nexpected %u:%u with \"%s\"", bad->text,
		    iommusim_status_name(story.status), story.diagnostic.line, story.diagnostic.column,
		    story.diagnostic.text, bad->line, bad->column, bad->words);
	assert_int_equal(story.diagnostic.status, IOMMUSIM_EFORMAT);
}

static void check_all(const struct bad *bad, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&bad[i]);
}

#define CHECK_ALL(table) check_all(table, sizeof(table) / sizeof(*(table)))

/* The third line of a story, behind the header and machine(). */
#define THIRD(line) STORY_MACHINE line "\n"

static void header(void **state)
{
	static const struct bad table[] = {
		{ "", 1, 1, "expected `#!iommusim 1`" },
		{ "\n", 1, 1, "expected `#!iommusim 1`" },
		{ "machine(iommu=vtd, memory=1G)\n", 1, 1, "expected `#!iommusim 1`" },
		{ " #!iommusim 1\n", 1, 1, "expected `#!iommusim 1`" },
		{ "#!iommusim", 1, 1, "expected `#!iommusim 1`" },
		{ "#!iommusim 2\n", 1, 12, "version 1" },
		{ "#!iommusim 11\n", 1, 12, "version 1" },
		{ "#!iommusim \n", 1, 12, "version 1" },
		{ "\xef\xbb\xbf#!iommusim 1\n", 1, 1, "byte order mark" },
		{ "#!iommusim 1", 1, 13, "found the end of the file" },
		{ "#!iommusim 1\n# nothing\n\n", 4, 1, "found the end of the file" },
	};

	(void)state;
	CHECK_ALL(table);
}

static void words(void **state)
{
	static const struct bad table[] = {
		{ THIRD("?"), 3, 1, "no meaning" },
		{ THIRD("  @step(1)"), 3, 3, "no meaning" },
		{ THIRD("step(-1)"), 3, 6, "no sign" },
		{ THIRD("step(1k)"), 3, 6, "K M G T" },
		{ THIRD("step(0x)"), 3, 6, "hexadecimal digits behind 0x" },
		{ THIRD("step(0xg)"), 3, 6, "hexadecimal digits behind 0x" },
		{ THIRD("step(12ab)"), 3, 6, "not a number" },
		{ THIRD("step(1.5)"), 3, 6, "not a number" },
		{ THIRD("step(18446744073709551616)"), 3, 6, "larger than 2^64-1" },
		{ THIRD("step(0x10000000000000000)"), 3, 6, "larger than 2^64-1" },
		{ THIRD("step(16777216T)"), 3, 6, "larger than 2^64-1" },
		{ THIRD("vm_create(\"a)"), 3, 11, "not closed" },
		{ THIRD("vm_create(\"a\\t\")"), 3, 13, "unknown escape" },
		{ THIRD("vm_create(\"a\\\")"), 3, 11, "not closed" },
		{ THIRD("vm_create(\"a\x01\")"), 3, 13, "control character" },
		{ THIRD("vm_create(\"a\xff\")"), 3, 13, "not UTF-8" },
		{ THIRD("vm_create(\"a\xc0\x80\")"), 3, 13, "not UTF-8" },
		{ THIRD("vm_create(\"\xc3\xa4\xc3\xb6\xff\")"), 3, 14, "not UTF-8" },
		{ THIRD("step(1) # \xed\xa0\x80"), 3, 11, "not UTF-8" },
		{ THIRD("device(256/0/0, \"x\")"), 3, 8, "0 to 255" },
		{ THIRD("device(0/32/0, \"x\")"), 3, 8, "0 to 31" },
		{ THIRD("device(0/0/8, \"x\")"), 3, 8, "0 to 7" },
		{ THIRD("device(0/0, \"x\")"), 3, 8, "BUS/SLOT/FUNC" },
		{ THIRD("device(0/0/0/0, \"x\")"), 3, 8, "BUS/SLOT/FUNC" },
		{ THIRD("device(00:20.0, \"x\")"), 3, 8, "slot is 00 to 1f" },
		{ THIRD("device(00:1f.8, \"x\")"), 3, 8, "function 0 to 7" },
		{ THIRD("device(0:1f.0, \"x\")"), 3, 8, "HH:HH.H" },
		{ THIRD("device(fe:1f, \"x\")"), 3, 8, "HH:HH.H" },
		{ THIRD("device(00000:00:1f.0, \"x\")"), 3, 8, "HH:HH.H" },
		{ "#!iommusim 1\nmachine(iommu=vtd,\rmemory=1G)\n", 2, 19, "no meaning" },
	};

	(void)state;
	CHECK_ALL(table);
}

static void grammar(void **state)
{
	static const struct bad table[] = {
		{ THIRD("step"), 3, 5, "expected `(`" },
		{ THIRD("step("), 3, 6, "a value" },
		{ THIRD("step(1"), 3, 7, "`,` or `)`" },
		{ THIRD("step(1,)"), 3, 8, "a value" },
		{ THIRD("step(,1)"), 3, 6, "a value" },
		{ THIRD("step(1) 2"), 3, 9, "`=`, `expect` or the end" },
		{ THIRD("step(1) step(2)"), 3, 9, "found the name `step`" },
		{ THIRD("step(1) ="), 3, 10, "a result" },
		{ THIRD("step(1) = 0 = 0"), 3, 13, "end of the line" },
		{ THIRD("(1)"), 3, 1, "a statement, found `(`" },
		{ THIRD("5"), 3, 1, "a statement, found a number" },
		{ THIRD("stepp(1)"), 3, 1, "did you mean `step`" },
		{ THIRD("vm_craete(\"a\")"), 3, 1, "did you mean `vm_create`" },
		{ THIRD("frobnicate(1)"), 3, 1, "no statement of that name" },
		{ THIRD("step(1, 2)"), 3, 9, "one value too many" },
		{ THIRD("device(0/1/0, \"a\", \"b\")"), 3, 20, "named one, such as class=" },
		{ THIRD("step()"), 3, 6, "ticks is missing" },
		{ THIRD("dma(0/1/0, write, 0x1000)"), 3, 25, "len is missing" },
		{ THIRD("step(1, ticks=2)"), 3, 9, "twice" },
		{ THIRD("step(ticks=1, ticks=2)"), 3, 15, "twice" },
		{ THIRD("step(tick=1)"), 3, 6, "did you mean `ticks`" },
		{ THIRD("step(quux=1)"), 3, 6, "no argument is called `quux`" },
		{ THIRD("step(\"1\")"), 3, 6, "expected a number" },
		{ THIRD("vm_create(store)"), 3, 11, "expected a string" },
		{ THIRD("vm_create(5)"), 3, 11, "found a number" },
		{ THIRD("device(\"a\", 0/1/0)"), 3, 8, "expected a device" },
		{ THIRD("device(0/1/0, \"a\", driver=5)"), 3, 27, "one of host, ppt, none" },
		{ THIRD("device(0/1/0, \"a\", driver=ptp)"), 3, 27, "did you mean `ppt`" },
		{ THIRD("dma(0x10000, read, 0, 4)"), 3, 5, "0 to 0xffff" },
		{ THIRD("dma(0/1/0, read, gap(\"v\", 0), 4)"), 3, 18, "did you mean `gpa`" },
		{ THIRD("dma(0/1/0, read, gpa(0, 0), 4)"), 3, 18, "as in gpa(" },
		{ THIRD("dma(0/1/0, read, gpa(\"v\"), 4)"), 3, 18, "as in gpa(" },
		{ THIRD("dma(0/1/0, read, gpa(\"v\", 0, 4)"), 3, 18, "as in gpa(" },
		{ THIRD("dma(0/1/0, read, gpa(gpa(1)), 4)"), 3, 25, "`,` or `)`" },
		{ THIRD("dma(0/1/0, read, 0, 4, data=all)"), 3, 29, "bytes in hexadecimal" },
		{ THIRD("iommu_invalidate_tlb(5)"), 3, 22, "a domain: host" },
		{ THIRD("vm_create(\"a\") = x"), 3, 18, "gives nothing" },
		{ THIRD("vm_create(\"a\") = 1"), 3, 18, "gives nothing" },
		{ THIRD("vm_create(\"a\") = error(ENXI)"), 3, 24, "did you mean `ENXIO`" },
		{ THIRD("vm_create(\"a\") = error(OK)"), 3, 24, "no error of that name" },
		{ THIRD("vm_create(\"a\") = error(6)"), 3, 18, "as in error(ENXIO)" },
		{ THIRD("iommu_create_domain(1G) = host"), 3, 27, "cannot be given anew" },
		{ THIRD("iommu_create_domain(1G) = 5"), 3, 27, "a name for the domain" },
		{ THIRD("mem_read(0, 4) = 5"), 3, 18, "bytes in hexadecimal" },
		{ THIRD("interrupt(0/1/0, 0xfee00000, 1) = 5"), 3, 35, "remapped(ADDRESS, DATA)" },
	};

	(void)state;
	CHECK_ALL(table);
}

static void expectations(void **state)
{
	static const struct bad table[] = {
		{ THIRD("dma(0/1/0, read, 0, 4) expect"), 3, 30, "a verdict" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok,"), 3, 34, "a verdict" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect losst"), 3, 31, "did you mean `lost`" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect fault"), 3, 31, "fault(N)" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect fault(x)"), 3, 31, "cannot be expected" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect finding(gcmd-drop-bits)"), 3, 39,
		    "did you mean `gcmd-drops-bits`" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok under"), 3, 39, "release profile" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok under 13.O"), 3, 40, "did you mean `13." },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok under 13.0,"), 3, 45, "release profile" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok lost"), 3, 34,
		    "`,`, `on`, `under`, `expect`" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok on"), 3, 36, "`vtd` or `amdvi`" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok on intel"), 3, 37, "`vtd` or `amdvi`" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok under 13.0 on vtd"), 3, 45, "`expect`" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok under 13.0..12.0"), 3, 40,
		    "the older profile stands first" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok under 13.0..1"), 3, 46,
		    "no release profile" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok under ..13.0"), 3, 40, "no release profile" },
		{ THIRD("vm_create(\"a\") expect error(ENIXO)"), 3, 29, "did you mean `ENXIO`" },
		{ THIRD("vm_create(\"a\") expect error"), 3, 23, "cannot be expected" },
		{ THIRD("vm_create(\"a\") expect error()"), 3, 23, "as in error(ENXIO)" },
		{ THIRD("vm_create(\"a\") expect value(0)"), 3, 23, "does not give a number" },
		{ THIRD("vm_create(\"a\") expect bytes(\"00\")"), 3, 23, "does not give bytes" },
		{ THIRD("mem_read(0, 1) expect bytes(\"0\")"), 3, 29, "two hexadecimal digits" },
		{ THIRD("mem_read(0, 1) expect bytes(\"0g\")"), 3, 29, "two hexadecimal digits" },
		{ THIRD("vm_create(\"a\") expect lost"), 3, 23, "makes no DMA" },
		{ THIRD("vm_create(\"a\") expect ok"), 3, 23, "makes no DMA" },
		{ THIRD("vm_create(\"a\") expect pa(0)"), 3, 23, "makes no DMA" },
		{ THIRD("vm_create(\"a\") expect fault(5)"), 3, 23, "makes no DMA" },
		{ THIRD("interrupt(0/1/0, 0xfee00000, 1) expect ok"), 3, 40, "makes no DMA" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok expect ok expect ok expect ok expect ok "
			"expect ok expect ok expect ok expect ok"),
		    3, 104, "more than 8 `expect`" },
		{ THIRD("dma(0/1/0, read, 0, 4) expect ok,ok,ok,ok,ok,ok,ok,ok,ok"), 3, 55,
		    "more than 8 things" },
	};

	(void)state;
	CHECK_ALL(table);
}

static void machine(void **state)
{
	static const struct bad table[] = {
		{ STORY_HEADER "device(0/1/0, \"a\")\n", 2, 1, "expected `machine(...)`" },
		{ STORY_MACHINE "machine(iommu=vtd, memory=1G)\n", 3, 1, "stands in line 2 already" },
		{ STORY_HEADER "machine()\n", 2, 9, "iommu= is missing" },
		{ STORY_HEADER "machine(vtd, memory=1G)\n", 2, 9, "such as iommu=" },
		{ STORY_HEADER "machine(iommu=vtd)\n", 2, 18, "memory= is missing" },
		{ STORY_HEADER "machine(iommu=vdt, memory=1G)\n", 2, 15, "did you mean `vtd`" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1000)\n", 2, 27, "4 KiB" },
		{ STORY_HEADER "machine(iommu=vtd, memory=0)\nstep(1)\n", 3, 1, "no memory" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, vmm=\"13.00\")\n", 2, 35,
		    "did you mean \"13.0\"" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, vmm=\"x\")\n", 2, 35, "known are" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, preset=\"skylake\")\n", 2, 38,
		    "known are skylake-client" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, cache=hord)\n", 2, 37,
		    "did you mean `hoard`" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, latency=4G)\n", 2, 39,
		    "0 to 4294967295" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, acpi_hex=\"444d4152\")\n", 2, 40,
		    "a table of 4 bytes" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, acpi_hex=\"44 4x\")\n", 2, 44,
		    "two hexadecimal digits" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, acpi_hex=\"444\")\n", 2, 43,
		    "two hexadecimal digits" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, acpi_hex=\"\")\n", 2, 40,
		    "at least one" },
		{ STORY_HEADER "machine(iommu=vtd, memory=1G, acpi=\"a\", acpi_hex=\"b\")\n", 2, 50,
		    "not both" },
		{ STORY_MACHINE "step(1)\nmemory(0x200000000, 1G)\n", 4, 1, "begins in line 3" },
		{ STORY_MACHINE "memory(0, 1G)\n", 3, 8, "overlaps" },
		{ STORY_MACHINE "vtd_unit(0xfed90000, version=1, cap=0, ecap=0, haw=39)\n", 3, 10,
		    "0xfed90000" },
		{ STORY_MACHINE "vtd_unit(0xfed92000, version=0x10, cap=0xd2008c40660462, "
				"ecap=0xf050da, haw=39, "
				"scope=\"endpoint 0:22.0\")\n",
		    3, 99, "expected a scope" },
		{ STORY_MACHINE "vtd_unit(0xfed92000, version=0x10, cap=0xd2008c40660462, "
				"ecap=0xf050da, haw=39, "
				"scope=\"endpoint 0:2.0;\")\n",
		    3, 102, "`,` or the end" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0, ids=\"0:1f.8\")\n", 3, 41,
		    "in hexadecimal, such as" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0, ids=\"0:2.0-0:1.0\")\n", 3, 47,
		    "in hexadecimal, such as" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0, ids=\"0:2.0>\")\n", 3, 42,
		    "in hexadecimal, such as" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0, ids=\"0:2.0 0:3.0\")\n", 3, 42,
		    "`,` or the end of the ids" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0x200, counters=256)\n", 3, 44,
		    "0 to 0xff is possible here" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0x200, banks=256)\n", 3, 41,
		    "0 to 0xff is possible here" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0x200, counters=16)\n", 3, 12,
		    "63 counter banks of 15 counters" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0, counters=1)\n", 3, 12, "EFR.PCSup" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0, hatdis=maybe)\n", 3, 38, "no" },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0, choices=\"bit_246\")\n", 3, 40,
		    "expected mode_is_page_fault, " },
		{ STORY_MACHINE "amdvi_unit(0xfd300000, efr=0, choices=\"bit_245_ignored no\")\n", 3,
		    56, "`,` or the end of the choices" },
	};

	(void)state;
	CHECK_ALL(table);
}

static void names(void **state)
{
#define VM STORY_MACHINE "vm_create(\"store-01\")\nvm_setup_memory(\"store-01\", 1M)\n"
	static const struct bad table[] = {
		{ VM "dma(0/1/0, read, gpa(\"store-1\", 0), 4)\n", 5, 22,
		    "`gpa(\"store-1\", ...)`: no VM of that name; did you mean \"store-01\" (line "
		    "3)?" },
		{ VM "dma(0/1/0, read, 0, 4, for=\"stor-01\")\n", 5, 28,
		    "`for=\"stor-01\"`: no VM of that name; did you mean \"store-01\" (line 3)?" },
		{ VM "vm_destroy(\"other\")\n", 5, 12, "no VM of that name" },
		{ VM "vm_destroy(\"store-01\")\nvm_destroy(\"store-01\")\n", 6, 12,
		    "went away in line 5" },
		{ VM "dma(0/1/0, read, gpa(\"store-01\", 1M), 4)\n", 5, 18, "no memory at 0x100000" },
		{ VM "dma(0/1/0, read, gpa(\"store-01\", 0xff000), 8K)\n", 5, 18,
		    "no memory at 0x100000" },
		{ VM "dma(0/1/0, read, gpa(\"store-01\", 0xffffffffffffffff), 2)\n", 5, 18,
		    "no memory at" },
		{ VM "iommu_invalidate_tlb(domain(\"store-01\"))\n", 5, 22, "it has no domain" },
		{ VM "iommu_invalidate_tlb(domain(\"store\"))\n", 5, 29, "no VM of that name" },
		{ VM "iommu_destroy_domain(host)\n", 5, 22, "no host domain" },
		{ STORY_MACHINE "iommu_invalidate_tlb(dom1)\n", 3, 22,
		    "`dom1`: no domain of that name" },
		{ STORY_MACHINE "iommu_create_domain(1G) = dom1\niommu_invalidate_tlb(dom2)\n", 4, 22,
		    "did you mean `dom1` (line 3)" },
		{ STORY_MACHINE "iommu_create_domain(1G) = "
				"dom1\niommu_destroy_domain(dom1)\niommu_invalidate_tlb(dom1)\n",
		    5, 22, "went away in line 4" },
		{ STORY_MACHINE
		    "iommu_create_domain(1G) = dom1\nvmm_unload()\niommu_invalidate_tlb(dom1)\n",
		    5, 22, "went away in line 4" },
		{ STORY_MACHINE "iommu_create_domain(1G) = dom1\nstep(dom1)\n", 4, 6,
		    "`dom1` is a domain (line 3); expected a number" },
		{ STORY_MACHINE "mmio_read32(0xfed90000) = ver\niommu_invalidate_tlb(ver)\n", 4, 22,
		    "`ver` is a number (line 3); expected a domain" },
		{ STORY_MACHINE "step(ver)\n", 3, 6, "`ver`: no number of that name" },
		{ STORY_MACHINE "sysctl(\"hw.vmm.iommu.enabled\", 0)\n", 3, 8,
		    "did you mean \"hw.vmm.iommu.enable\"" },
		{ STORY_MACHINE "device(1/0/0, \"a\", behind=0/28/0)\n", 3, 27,
		    "no device stands there" },
	};

	(void)state;
	CHECK_ALL(table);
}

static void ranges(void **state)
{
	static const struct bad table[] = {
		{ THIRD("dma(0/1/0, read, 0, 0x40000001)"), 3, 21, "at most 1G" },
		{ THIRD("dma(0/1/0, read, 0, 4, pasid=0x100000)"), 3, 30, "20 bits" },
		{ THIRD("dma(0/1/0, read, 0, 4, data=\"00\")"), 3, 29, "a read brings its own" },
		{ THIRD("dma(0/1/0, write, 0, 4, data=\"0\")"), 3, 31, "two hexadecimal digits" },
		{ THIRD("interrupt(0/1/0, 0xfee00000, 4G)"), 3, 30, "32 bits" },
		{ THIRD("mem_read(0, 0)"), 3, 13, "1 byte to 1 MiB" },
		{ THIRD("mem_read(0, 2M)"), 3, 13, "1 byte to 1 MiB" },
		{ THIRD("mmio_write32(0xfed90018, 4G)"), 3, 26, "more than 32 bits" },
		{ THIRD("mmio_write8(0xfed90018, 256)"), 3, 25, "more than 8 bits" },
		{ THIRD("device(0/1/0, \"a\", bridge=yes, secondary=256)"), 3, 42, "0 to 255" },
		{ THIRD("device(0/1/0, \"a\", secondary=1)"), 3, 8, "bridge=yes" },
		{ THIRD("device(0/1/0, \"0123456789012345678901234567890123\")"), 3, 15, "at most 31" },
	};

	(void)state;
	CHECK_ALL(table);
}

/* What ran before the error stays in the summary; nothing after it runs. */
static void before_and_after(void **state)
{
	struct story story;

	(void)state;
	story_run(&story,
	    STORY_MACHINE "device(0/1/0, \"a\")\ndma(0/1/0, write, 0x1000, 4)\n"
			  "stop here\ndma(0/1/0, write, 0x1000, 4)\n");
	assert_int_equal(story.status, IOMMUSIM_EFORMAT);
	assert_int_equal(story.diagnostic.line, 5);
	assert_int_equal(story.summary.calls, 3);
	assert_int_equal(story.summary.dma_total, 1);
	assert_int_equal(story.summary.sysctl_count, 8);
	assert_string_equal(story.summary.profile, "reference");
	assert_string_equal(
	    story.summary.machine, "VT-d, 2 units, 256 MiB, vmm reference, cache hoard");
	assert_string_equal(story.log, "dma 4 unprotected unexpected\nend\n");
}

static void other_failures(void **state)
{
	struct iommusim_replay_options options = { .profile = "13.9" };
	struct story story;

	(void)state;
	story_run(&story, STORY_HEADER "machine(iommu=amdvi, memory=1G, acpi=\"ivrs.dat\")\n");
	assert_int_equal(story.status, IOMMUSIM_EIO);
	assert_int_equal(story.diagnostic.column, 38);
	assert_non_null(strstr(story.diagnostic.text, "stories/ivrs.dat"));

	story_run(&story, STORY_HEADER "machine(iommu=vtd, memory=1G, acpi=\"not-there.dat\")\n");
	assert_int_equal(story.status, IOMMUSIM_EIO);
	assert_int_equal(story.diagnostic.column, 36);
	assert_non_null(strstr(story.diagnostic.text, "stories/not-there.dat"));

	story_run_with(&story, STORY_MACHINE, strlen(STORY_MACHINE), &options);
	assert_int_equal(story.status, IOMMUSIM_EFORMAT);
	assert_non_null(strstr(story.diagnostic.text, "\"13.9\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),
		cmocka_unit_test(words),
		cmocka_unit_test(grammar),
		cmocka_unit_test(expectations),
		cmocka_unit_test(machine),
		cmocka_unit_test(names),
		cmocka_unit_test(ranges),
		cmocka_unit_test(before_and_after),
		cmocka_unit_test(other_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
