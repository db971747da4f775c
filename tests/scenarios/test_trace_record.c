/* A recording replays to what was recorded: of stories, and of runs made through C calls. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/dmar.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>

#include "scenarios/files.h"
#include "scenarios/story.h"

static void same_summary(
    const struct iommusim_replay_summary *a, const struct iommusim_replay_summary *b)
{
	assert_string_equal(a->machine, b->machine);
	assert_string_equal(a->profile, b->profile);
	assert_int_equal(a->calls, b->calls);
	assert_int_equal(a->dma_total, b->dma_total);
	assert_memory_equal(a->dma, b->dma, sizeof(a->dma));
	assert_memory_equal(a->findings, b->findings, sizeof(a->findings));
	assert_int_equal(a->sysctl_count, b->sysctl_count);
	assert_memory_equal(a->sysctl_values, b->sysctl_values, sizeof(a->sysctl_values));
}

/* Record, replay the recording while recording it again: the same summary, and the same text. */
static void round_trip(const char *path, const char *text, size_t length)
{
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic diagnostic;
	struct story first, second;
	char *recorded, *again;

	/* acpi= is looked up beside the file, so the first summary comes from the file itself */
	assert_int_equal(iommusim_replay(path, text, length, NULL, &summary, &diagnostic), IOMMUSIM_OK);
	recorded = story_record_as(path, text, length, &first);
	again = story_record(recorded, strlen(recorded), &second);
	if (first.status != IOMMUSIM_OK || second.status != IOMMUSIM_OK)
		print_message("%s: %u:%u: %s\n%s", path, second.diagnostic.line,
		    second.diagnostic.column, second.diagnostic.text, recorded);
	assert_int_equal(first.status, IOMMUSIM_OK);
	assert_int_equal(second.status, IOMMUSIM_OK);
	if (second.summary.calls != first.summary.calls)
		print_message("%s", recorded);
	/* A call that failed unexpected says so in the recording: then its failure is expected. */
	assert_true(second.summary.expectations_failed <= first.summary.expectations_failed);
	same_summary(&summary, &first.summary);
	same_summary(&first.summary, &second.summary);
	assert_string_equal(recorded, again);
	free(recorded);
	free(again);
}

static void stories_of_the_project(void **state)
{
	(void)state;
	for_each_scenario(round_trip);
}

static void trip(const char *text)
{
	round_trip("stories/lesson.iommu", text, strlen(text));
}

/* What a table and a preset make is not told unit by unit; what they do not make is. */
static void units_are_written_as_what_makes_them(void **state)
{
	static const char board[] =
	    STORY_HEADER "machine(iommu=amdvi, memory=64M, preset=\"zen4-client\")\nstep(7)\n";
	static const char unit[] = STORY_HEADER
	    "machine(iommu=none, memory=64M)\namdvi_unit(0xfd300000, efr=0x58f77ef22294ade, "
	    "ids=\"0:1.0-fe:1f.7, ff:0.0>0:14.5, 5:0.0\")\n";
	struct story story;
	char *text = story_record(board, strlen(board), &story);

	(void)state;
	assert_non_null(strstr(text, "machine(iommu=amdvi, memory=0x4000000"));
	assert_non_null(strstr(text, "acpi_hex=\"49565253"));
	assert_null(strstr(text, "amdvi_unit("));
	free(text);
	text = story_record(unit, strlen(unit), &story);
	assert_non_null(strstr(text, "machine(iommu=none, "));
	assert_non_null(strstr(text, "amdvi_unit(0xfd300000, efr=0x58f77ef22294ade, efr2=0x0, "));
	assert_non_null(strstr(text, ", ids=\"0:1.0-fe:1f.7, ff:0.0>0:14.5, 5:0.0\")\n"));
	free(text);
}

/* What no register says of an AMD-Vi unit, and what the specification leaves to it. */
static void what_an_amd_unit_is_like_is_written(void **state)
{
	static const struct {
		const char *told, *written;
	} rows[] = {
		{ "efr=0x840",
		    "efr=0x840, efr2=0x0, header=0x190b000f, misc0=0x203440, revision=0x310)" },
		{ "efr=0x840, device=0/3/1, revision=0x305, range=0x80, misc1=3, header=0x1b0b000f",
		    ", device=0/3/1, header=0x1b0b000f, range=0x80, misc0=0x203440, misc1=0x3, "
		    "revision=0x305)" },
		{ "efr=0xa40", ", counters=4, banks=2)" },
		{ "efr=0xa40, counters=15, banks=63", ", counters=15, banks=63)" },
		{ "efr=0xa40, banks=3", ", counters=0, banks=3)" },
		{ "efr=0x840, hatdis=yes", ", hatdis=yes)" },
		{ "efr=0x840, hatdis=no", "revision=0x310)" },
		{ "efr=0xc40", "revision=0x310)" }, /* HATS=3 says it */
		{ "efr=0x840, choices=\"tail_before_entry\"", ", choices=\"tail_before_entry\")" },
		{ "efr=0x840, choices=\" bit_245_ignored ,no_512g_leaves, mode_is_page_fault, "
		  "beyond_table_is_illegal\"",
		    ", choices=\"mode_is_page_fault, beyond_table_is_illegal, bit_245_ignored, "
		    "no_512g_leaves\")" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct story story;
		char board[512], *text;

		snprintf(board, sizeof(board),
		    STORY_HEADER
		    "machine(iommu=none, memory=64M)\namdvi_unit(0xfd300000, %s)\nstep(7)\n",
		    rows[i].told);
		text = story_record(board, strlen(board), &story);
		if (strstr(text, rows[i].written) == NULL)
			fail_msg("%s\nis not in\n%s", rows[i].written, text);
		free(text);
		trip(board);
	}
}

static void stories_with_all_statements(void **state)
{
	(void)state;
	trip(STORY_MACHINE);
	trip(STORY_HEADER "machine(iommu=none, memory=0, vmm=\"13.0\", cpu=other, seed=9)\n"
			  "memory(0, 64M)\nmemory(0x100000000, 64M)\niommu_init() = error(ENXIO)\n");
	trip(STORY_HEADER "machine(iommu=none, memory=64M, cache=sized, sets=16, ways=2, "
			  "match=source, latency=2)\n"
			  "vtd_unit(0xfed90000, version=0x10, cap=0xd2008c40660462, ecap=0xf050da, "
			  "haw=39, segment=1, "
			  "all=yes, scope=\"endpoint 0:2.0, bridge 0:1c.0/0.0\")\nstep(7)\n");
	trip(STORY_HEADER "machine(iommu=none, memory=64M)\n"
			  "amdvi_unit(0xfd300000, efr=0x58f77ef22294ade, "
			  "ids=\"0:1.0-fe:1f.7, ff:0.0>0:14.5, 5:0.0\")\nstep(7)\n");
	trip(STORY_HEADER "machine(iommu=amdvi, memory=64M, preset=\"zen4-client\")\nstep(7)\n");
	trip(STORY_MACHINE
	    "device(0/28/0, \"rp0\")\ndevice(7/0/0, \"a \\\"b\\\" \\\\\", behind=0/28/0, "
	    "driver=ppt, class=nvme)\n"
	    "device(0/30/0, \"old\", bridge=legacy, secondary=9)\ndevice(9/3/0, \"card\", "
	    "driver=none)\n"
	    "pci_function(0001:0a:00.0, \"far\")\npci_function(10/0/0, \"near\")\ndevice(10/0/0, "
	    "\"near\")\n"
	    "device(10/0/0, \"near\") = error(EEXIST)\n"
	    "sysctl(\"hw.vmm.force_iommu\", 1) = 1\nsysctl(\"hw.vmm.iommu.initialized\") = init\n"
	    "sysctl(\"hw.vmm.iommu.initialized\", 1) = error(EINVAL)\n"
	    "mmio_read32(0xfed90000) = ver\nstep(ver)\nmmio_write32(0xfed90038, 0)\n"
	    "mmio_read32(0xdead0000) = error(ENXIO)\n"
	    "vm_create(\"x\\\"y\")\nvm_create(\"\") = error(EINVAL)\nvm_setup_memory(\"x\\\"y\", "
	    "4M, seed=5)\n"
	    "vm_create(\"z\")\nvm_setup_memory(\"z\", 1M, contiguous=yes)\n"
	    "vm_assign_pptdev(\"x\\\"y\", 7/0/0)\nvm_assign_pptdev(\"z\", 7/0/0) = error(EBUSY)\n"
	    "iommu_create_domain(1G) = mine\niommu_create_mapping(mine, 0, 0x1000, 0x1000)\n"
	    "iommu_create_mapping(mine, 1, 0x1000, 0x1000) = error(EINVAL)\n"
	    "iommu_add_device(mine, 0x0b00)\niommu_invalidate_tlb(domain(\"x\\\"y\"))\n"
	    "iommu_remove_mapping(host, 0x1000, 0x1000)\niommu_invalidate_tlb(host)\n"
	    "dma(0x0b00, read, 0x800, 16)\ndma(0x0b00, write, 0x2000, 16, data=\"01 02\")  expect "
	    "blocked\n"
	    "dma(7/0/0, write, gpa(\"x\\\"y\", 0x1000), 1M, for=\"x\\\"y\")  expect misrouted\n"
	    "dma(7/0/0, write, 0, 8, pasid=5, type=translated)\n"
	    "mem_write(0x2000, \"0102\")\nmem_read(0x2000, 3) = \"010200\"\n"
	    "interrupt(7/0/0, 0xfee00000, 5)\ninterrupt(7/0/0, 0, 5) = error(EINVAL)\n"
	    "pci_add_device(11/0/0, \"vf\")\npci_delete_device(11/0/0)\n"
	    "ppt_detach(7/0/0) = error(EBUSY)\nppt_attach(10/0/0)\nppt_detach(10/0/0)\nppt_attach(10/0/0)\n"
	    "iommu_remove_device(mine, 0x0b00)\niommu_destroy_domain(mine)\n"
	    "iommu_disable()\niommu_enable()\n"
	    "vm_unassign_pptdev(\"x\\\"y\", "
	    "7/0/0)\nvm_destroy(\"x\\\"y\")\nvm_destroy(\"z\")\nvmm_unload()\n");
}

/* ---- runs made through C calls ------------------------------------------------------------------------ */

struct run {
	struct iommusim_machine *machine;
	struct iommusim_vmm *vmm;
	struct iommusim_check *check;
	struct iommusim_recorder *recorder;
	struct iommusim_replay_summary summary; /* as a replay would count it */
	char text[65536];
	size_t length;
};

static void put(void *context, const char *text, size_t length)
{
	struct run *run = context;

	assert_true(run->length + length < sizeof(run->text));
	memcpy(run->text + run->length, text, length);
	run->length += length;
}

static void add_function(struct run *run, uint16_t rid, const char *name)
{
	struct iommusim_pci_function function = { .rid = rid, .device_class = IOMMUSIM_CLASS_NIC };

	strncpy(function.name, name, sizeof(function.name) - 1);
	assert_int_equal(iommusim_pci_add(run->machine, &function), IOMMUSIM_OK);
}

static void begin_run(struct run *run)
{
	const struct iommusim_text out = { .context = run, .put = put };
	const struct iommusim_vmm_config config = { .profile = "13.0" };
	struct iommusim_vtd_config unit_config = { .base = 0xfed91000 };
	struct iommusim_unit *unit;

	memset(run, 0, sizeof(*run));
	assert_int_equal(iommusim_machine_create(NULL, &run->machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_add_pc_ram(run->machine, 256u << 20), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_preset("haswell-ep", 0, &unit_config), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(run->machine, &unit_config, &unit), IOMMUSIM_OK);
	iommusim_unit_include_all(unit);
	add_function(run, IOMMUSIM_RID(1, 0, 0), "there before");
	assert_int_equal(iommusim_vmm_create(run->machine, &config, &run->vmm), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_device_attach(run->vmm, 0, IOMMUSIM_RID(1, 0, 0), IOMMUSIM_DRIVER_HOST),
	    IOMMUSIM_OK);
	assert_int_equal(iommusim_recorder_create(run->vmm, &out, &run->recorder), IOMMUSIM_OK);
	assert_int_equal(iommusim_check_create(run->vmm, &run->check), IOMMUSIM_OK);
}

static void do_dma(struct run *run, uint16_t rid, enum iommusim_dma_kind kind, uint64_t address,
    uint64_t length, void *data, const char *for_vm)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = length, .kind = kind, .data = data
	};
	struct iommusim_requester *requester;
	static struct iommusim_report report;

	assert_int_equal(iommusim_requester_create(run->machine, 0, rid, &requester), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_check_dma(run->check, requester, &request, for_vm, &report), IOMMUSIM_OK);
	iommusim_record_dma(run->recorder, &report);
	iommusim_requester_destroy(requester);
	run->summary.dma_total++;
	run->summary.dma[report.verdict]++;
}

/* Replay the recording: it must come to the same. */
static void end_run(struct run *run)
{
	const struct iommusim_finding *finding;
	struct story story;

	for (size_t i = 0; (finding = iommusim_check_finding(run->check, i)) != NULL; i++)
		run->summary.findings[finding->id]++;
	for (size_t i = 0; iommusim_sysctl_name(i) != NULL; i++)
		iommusim_sysctl_get(run->vmm, iommusim_sysctl_name(i), &run->summary.sysctl_values[i]);
	iommusim_recorder_destroy(run->recorder);
	iommusim_check_destroy(run->check);
	iommusim_vmm_destroy(run->vmm);
	iommusim_machine_destroy(run->machine);
	run->text[run->length] = '\0';

	story_run(&story, run->text);
	if (story.status != IOMMUSIM_OK || story.summary.expectations_failed != 0)
		print_message("%s\n%s%u:%u: %s\n", run->text, story.log, story.diagnostic.line,
		    story.diagnostic.column, story.diagnostic.text);
	assert_int_equal(story.status, IOMMUSIM_OK);
	assert_int_equal(story.summary.expectations_failed, 0);
	assert_memory_equal(story.summary.dma, run->summary.dma, sizeof(run->summary.dma));
	assert_memory_equal(
	    story.summary.findings, run->summary.findings, sizeof(run->summary.findings));
	assert_memory_equal(story.summary.sysctl_values, run->summary.sysctl_values,
	    sizeof(run->summary.sysctl_values));
}

static void registers_and_raw_calls(void **state)
{
	static struct run run;
	struct iommusim_domain *domain;
	uint8_t data[] = { 1, 2, 3, 4 };
	uint64_t value;

	(void)state;
	begin_run(&run);
	iommusim_mmio_read(run.machine, 0xfed91000, 4, &value);
	assert_int_not_equal(iommusim_iommu_create_domain(run.vmm, 1u << 30, &domain), IOMMUSIM_OK);
	add_function(&run, IOMMUSIM_RID(2, 0, 0), "later \"one\"");
	iommusim_device_attach(run.vmm, 0, IOMMUSIM_RID(2, 0, 0), IOMMUSIM_DRIVER_PPT);
	do_dma(&run, IOMMUSIM_RID(2, 0, 0), IOMMUSIM_DMA_WRITE, 0x5000, sizeof(data), data, NULL);
	do_dma(&run, IOMMUSIM_RID(3, 0, 0), IOMMUSIM_DMA_READ, 0x5000, sizeof(data), data, NULL);
	iommusim_mmio_write(run.machine, 0xfed91020, 8, 0x100000);
	iommusim_mmio_write(run.machine, 0xfed91018, 4, 0x40000000);
	iommusim_mmio_write(run.machine, 0xfed91018, 4, 0x80000000);
	do_dma(&run, IOMMUSIM_RID(2, 0, 0), IOMMUSIM_DMA_WRITE, 0x5000, 0x2000, NULL, NULL);
	iommusim_sysctl_set(run.vmm, "hw.dmar.enable", 1);
	end_run(&run);
	assert_non_null(strstr(run.text, "vtd_unit(0xfed91000, version=0x10, cap=0xd2008c10ef0466"));
	assert_non_null(strstr(run.text, "device(1/0/0, \"there before\", class=nic, driver=host)\n"));
	assert_non_null(
	    strstr(run.text, "device(2/0/0, \"later \\\"one\\\"\", class=nic, driver=ppt)\n"));
	assert_non_null(strstr(run.text, "mmio_read32(0xfed91000) = 0x10\n"));
	assert_non_null(strstr(run.text, "mmio_write64(0xfed91020, 0x100000)\n"));
	assert_non_null(strstr(run.text, "iommu_create_domain(0x40000000) = error(ENXIO)\n"));
	assert_non_null(strstr(run.text, "dma(2/0/0, write, 0x5000, 0x4, data=\"01020304\")"));
	assert_non_null(strstr(run.text, "dma(0x0300, read, 0x5000, 0x4)"));
	assert_non_null(strstr(run.text, "data=none)"));
}

/* They do not say for whom a DMA was that nobody named one for. */
static void brief_reports_are_recorded(void **state)
{
	static struct run run;
	struct iommusim_vm *vm;

	(void)state;
	begin_run(&run);
	iommusim_check_set_brief(run.check, true);
	add_function(&run, IOMMUSIM_RID(2, 0, 0), "nic0");
	iommusim_mmio_write(run.machine, 0xfed91020, 8, 0x100000);
	iommusim_mmio_write(run.machine, 0xfed91018, 4, 0x40000000);
	iommusim_mmio_write(run.machine, 0xfed91018, 4, 0x80000000);
	assert_int_equal(iommusim_vm_create(run.vmm, "vm", &vm), IOMMUSIM_OK);
	do_dma(&run, IOMMUSIM_RID(2, 0, 0), IOMMUSIM_DMA_WRITE, 0xfee00000, 4, NULL, "vm");
	do_dma(&run, IOMMUSIM_RID(2, 0, 0), IOMMUSIM_DMA_WRITE, 0xfee00010, 4, NULL, NULL);
	assert_int_equal(run.summary.dma[IOMMUSIM_VERDICT_OK], 2);
	end_run(&run);
	assert_non_null(strstr(run.text, "0xfee00000, 0x4, for=\"vm\", data=none)  # ok\n"));
	assert_non_null(strstr(run.text, "0xfee00010, 0x4, data=none)  # ok\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stories_of_the_project),
		cmocka_unit_test(what_an_amd_unit_is_like_is_written),
		cmocka_unit_test(stories_with_all_statements),
		cmocka_unit_test(units_are_written_as_what_makes_them),
		cmocka_unit_test(registers_and_raw_calls),
		cmocka_unit_test(brief_reports_are_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
