/* The rig: board, firmware table, kernel, and what is noticed. The stories are stories.c's, the calls of the backend ops.c's. */
#include "tests/driver/vtd/rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommusim/acpi.h>
#include <iommusim/clock.h>
#include <iommusim/dmar.h>
#include <iommusim/kshim_hooks.h>
#include <iommusim/kshim_traps.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "tests/driver/vtd/ops.h"

#define MOST_READS 50000u /* of one register, and nothing else: whoever waits so long waits for ever */
#define KINDS      64u

struct rig rig;

static const char *noticed[KINDS];
static size_t noticed_count;

static void must(enum iommusim_status status, const char *what)
{
	if (status == IOMMUSIM_OK)
		return;
	fprintf(stderr, "rig: %s: %s\n", what, iommusim_machine_diagnostic(rig.machine)->text);
	exit(2);
}

/* ---- what is noticed ---------------------------------------------------------------------------- */

static void remember(const char *name)
{
	for (size_t i = 0; i < noticed_count; i++)
		if (strcmp(noticed[i], name) == 0)
			return;
	if (noticed_count < KINDS)
		noticed[noticed_count++] = name;
}

void rig_notice(const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "%s: ", name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	remember(name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void rig_finish(void)
{
	const struct iommusim_finding *finding;

	if (rig.check != NULL)
		iommusim_check_finish(rig.check);
	for (size_t i = 0;
	     rig.check != NULL && (finding = iommusim_check_finding(rig.check, i)) != NULL; i++)
		if (!iommusim_finding_is_advice(finding->id))
			rig_notice(iommusim_finding_name(finding->id), "%s", finding->text);
	fprintf(stderr, "console:\n%s", iommusim_kernel_console(rig.kernel));
	qsort(noticed, noticed_count, sizeof(*noticed), by_name);
	for (size_t i = 0; i < noticed_count; i++)
		puts(noticed[i]);
	if (noticed_count == 0)
		puts("clean");
	fflush(stdout);
	_exit(0); /* the driver may be anywhere, in a signal handler even */
}

static uint64_t reads, read_address;

static void on_access(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	(void)context;
	(void)width;
	if (is_write || address != read_address)
		reads = 0;
	read_address = address;
	if (!is_write && ++reads == MOST_READS) {
		rig_notice("poll", "register %#llx was read %u times in a row, and is %#llx",
		    (unsigned long long)address, MOST_READS, (unsigned long long)value);
		rig_finish();
	}
}

void rig_call(void (*function)(void *context), void *context)
{
	struct iommusim_kernel_result result;

	switch (iommusim_kernel_call(rig.kernel, function, context, &result)) {
	case IOMMUSIM_OK:
		return;
	case IOMMUSIM_EFAULT:
		rig_notice(
		    "panic", "%s (%s:%u)", result.panic.message, result.panic.file, result.panic.line);
		break;
	default:
		rig_notice("locks", "%s", result.locks);
		break;
	}
	rig_finish();
}

/* ---- firmware -------------------------------------------------------------------------------------- */

struct bytes {
	uint8_t at[1024];
	size_t length;
};

static void put(struct bytes *bytes, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		bytes->at[bytes->length++] = (uint8_t)(value >> 8 * i);
}

static void set16(struct bytes *bytes, size_t at, size_t value)
{
	bytes->at[at] = (uint8_t)value;
	bytes->at[at + 1] = (uint8_t)(value >> 8);
}

static void put_scope(struct bytes *bytes, const struct rig_scope *scope)
{
	put(bytes, scope->type, 1);
	put(bytes, 6 + 2u * scope->hop_count, 1);
	put(bytes, 0, 3);
	put(bytes, scope->bus, 1);
	for (unsigned i = 0; i < scope->hop_count; i++) {
		put(bytes, scope->hops[i][0], 1);
		put(bytes, scope->hops[i][1], 1);
	}
}

static void put_unit(struct bytes *bytes, const struct rig_unit *unit)
{
	const size_t first = bytes->length;

	put(bytes, IOMMUSIM_DMAR_DRHD, 4);
	put(bytes, unit->include_all, 2);
	put(bytes, unit->segment, 2);
	put(bytes, unit->base, 8);
	for (size_t i = 0; i < 2 && unit->scopes[i].type != 0; i++)
		put_scope(bytes, &unit->scopes[i]);
	set16(bytes, first + 2, bytes->length - first);
}

static void put_rmrr(struct bytes *bytes, const struct rig_board *board)
{
	const struct rig_scope scope = { .type = IOMMUSIM_SCOPE_ENDPOINT,
		.bus = (uint8_t)IOMMUSIM_RID_BUS(board->rmrr_rid),
		.hops = { { (uint8_t)IOMMUSIM_RID_DEVICE(board->rmrr_rid),
		    (uint8_t)IOMMUSIM_RID_FUNCTION(board->rmrr_rid) } },
		.hop_count = 1 };

	put(bytes, IOMMUSIM_DMAR_RMRR, 2);
	put(bytes, 24 + 8, 2);
	put(bytes, 0, 4);
	put(bytes, board->rmrr_first, 8);
	put(bytes, board->rmrr_last, 8);
	put_scope(bytes, &scope);
}

static void make_table(const struct rig_board *board, struct bytes *bytes)
{
	uint8_t sum = 0;

	*bytes = (struct bytes){ .at = "DMAR\0\0\0\0\1\0RIG   VTDTESTS" };
	bytes->length = 36;
	put(bytes, 45, 12); /* 46 address bits */
	for (size_t i = 0; i < RIG_UNITS && board->units[i].base != 0; i++)
		put_unit(bytes, &board->units[i]);
	if (board->rmrr_last != 0)
		put_rmrr(bytes, board);
	set16(bytes, 4, bytes->length);
	for (size_t i = 0; i < bytes->length; i++)
		sum = (uint8_t)(sum + bytes->at[i]);
	bytes->at[9] = (uint8_t)-sum;
}

/* ---- hardware -------------------------------------------------------------------------------------- */

static void make_unit(
    const struct rig_board *board, unsigned index, const struct iommusim_dmar_structure *drhd)
{
	const struct rig_unit *own = &board->units[index];
	struct iommusim_vtd_config config = {
		.base = own->base, .segment = own->segment, .settings = board->settings
	};
	struct iommusim_unit *unit;

	/* Number 1 of a client's units is the one for everything but graphics. */
	must(iommusim_vtd_preset(board->preset != NULL ? board->preset : "skylake-sp", 1, &config),
	    "preset");
	config.capability = (config.capability & ~own->cap_clear) | own->cap_set;
	config.ext_capability = (config.ext_capability & ~own->ecap_clear) | own->ecap_set;
	must(iommusim_vtd_create(rig.machine, &config, &unit), "unit");
	for (uint32_t i = 0; i < drhd->scope_count; i++)
		must(iommusim_unit_add_scope(unit, &drhd->scopes[i]), "scope");
	if (own->include_all)
		iommusim_unit_include_all(unit);
	if (!board->taken)
		return;
	must(iommusim_mmio_write(rig.machine, own->base + 0x90, 8, 0), "IQA");
	must(iommusim_mmio_write(rig.machine, own->base + 0x18, 4, 0x04000000), "QIE");
}

static void make_functions(const struct rig_board *board)
{
	for (size_t i = 0; i < RIG_FUNCTIONS && board->functions[i].rid != 0; i++) {
		const struct rig_function *from = &board->functions[i];
		const struct iommusim_pci_function function = {
			.segment = from->segment,
			.rid = from->rid,
			.type = from->secondary != 0 ? IOMMUSIM_PCI_BRIDGE : IOMMUSIM_PCI_ENDPOINT,
			.secondary_bus = from->secondary,
			.subordinate_bus = from->subordinate,
		};

		must(iommusim_pci_add(rig.machine, &function), "function");
	}
}

static void make_machine(const struct rig_board *board, const struct bytes *table)
{
	const struct iommusim_machine_config config = { .device_view = board->device_view };
	struct iommusim_dmar *dmar;
	unsigned units = 0;

	must(iommusim_machine_create(&config, &rig.machine), "machine");
	must(iommusim_memory_add_pc_ram(rig.machine, board->ram != 0 ? board->ram : RIG_RAM), "memory");
	make_functions(board);
	must(iommusim_dmar_parse(table->at, table->length, &dmar), "table");
	for (uint32_t i = 0; i < dmar->structure_count; i++)
		if (dmar->structures[i].type == IOMMUSIM_DMAR_DRHD)
			make_unit(board, units++, &dmar->structures[i]);
	iommusim_dmar_free(dmar);
}

/* ---- the kernel -------------------------------------------------------------------------------------- */

#ifdef RIG_TRAPS
static struct iommusim_traps *traps;

static void refused(void *context, const struct iommusim_traps_refusal *refusal)
{
	(void)context;
	rig_notice("refused", "%s", refusal->text);
	rig_finish();
}

static enum iommusim_status map_by_traps(
    void *context, uint64_t base, uint64_t length, volatile void **registers)
{
	return iommusim_traps_map(context, base, length, registers);
}

static void make_registers(struct iommusim_kernel_registers *registers)
{
	must(iommusim_traps_create(rig.machine, &traps), "traps");
	iommusim_traps_set_on_refused(traps, refused, NULL);
	must(iommusim_traps_attach(traps), "traps");
	registers->context = traps;
	registers->map = map_by_traps;
}
#else
static struct iommusim_hooks *hooks;

static enum iommusim_status map_by_hooks(
    void *context, uint64_t base, uint64_t length, volatile void **registers)
{
	return iommusim_hooks_map(context, base, length, registers);
}

static void sync_hooks(void *context)
{
	(void)context;
	iommusim_hooks_sync();
}

static void make_registers(struct iommusim_kernel_registers *registers)
{
	must(iommusim_hooks_create(rig.machine, &hooks), "hooks");
	iommusim_hooks_attach(hooks);
	*registers = (struct iommusim_kernel_registers){ hooks, map_by_hooks, sync_hooks };
}
#endif

static void make_kernel(const struct rig_board *board, const struct bytes *table)
{
	const struct iommusim_kernel_table firmware = { table->at, table->length };
	struct iommusim_kernel_setting tunables[8];
	struct iommusim_kernel_options options = {
		.arena_base = RIG_ARENA,
		.arena_length = RIG_RAM / 8 - 2 * RIG_MIB,
		.processor = IOMMUSIM_KERNEL_INTEL,
		.maxaddr = board->maxaddr,
		.tables = &firmware,
		.table_count = 1,
		.tunables = tunables,
	};

	for (size_t i = 0; i + 1 < 8 && board->tunables[i] != NULL; i += 2)
		tunables[options.tunable_count++] =
		    (struct iommusim_kernel_setting){ board->tunables[i], board->tunables[i + 1] };
	make_registers(&options.registers);
	must(iommusim_kernel_create(rig.machine, &options, &rig.kernel), "kernel");
	must(iommusim_kernel_boot(rig.kernel, NULL), "boot");
	must(iommusim_kernel_attach(rig.kernel, NULL), "devices");
}

static void make_vmm(const struct rig_board *board)
{
	struct iommusim_vmm_config config = { .cpu = IOMMUSIM_CPU_INTEL };

	ops_give(&config);
	must(iommusim_vmm_create(rig.machine, &config, &rig.vmm), "vmm");
	must(iommusim_check_create(rig.vmm, &rig.check), "checker");
	for (size_t i = 0; i < RIG_FUNCTIONS && board->functions[i].rid != 0; i++)
		must(iommusim_device_attach(rig.vmm, board->functions[i].segment,
			 board->functions[i].rid, board->functions[i].driver),
		    "driver");
}

void rig_start(const struct rig_board *board)
{
	const struct iommusim_mmio_watcher watcher = { .context = &rig, .access = on_access };
	struct bytes table;

	make_table(board, &table);
	make_machine(board, &table);
	make_kernel(board, &table);
	must(iommusim_mmio_watch(rig.machine, &watcher), "analyser");
	make_vmm(board);
}

uint64_t rig_memory(void)
{
	uint64_t bytes;

	iommusim_kernel_memory(rig.kernel, NULL, &bytes);
	return bytes;
}

void rig_stop(void)
{
	struct iommusim_kernel_block block;

	if (!rig.vmm_unused)
		must(iommusim_vmm_unload(rig.vmm), "unload");
	for (size_t i = 0; iommusim_kernel_block_at(rig.kernel, i, &block) == IOMMUSIM_OK; i++)
		rig_notice("memory", "%zu bytes of %s are left (%s:%u)", block.size, block.type,
		    block.file, block.line);
#ifdef RIG_TRAPS
	if (iommusim_traps_strangers(traps, NULL) != 0)
		rig_notice("strangers", "registers were accessed from elsewhere");
#else
	if (iommusim_hooks_unmarked(hooks) != 0)
		rig_notice("unmarked", "registers were accessed without volatile");
#endif
}

/* ---- DMA ---------------------------------------------------------------------------------------------- */

static struct iommusim_requester *requester(uint16_t segment, uint16_t rid)
{
	struct iommusim_requester *made;

	must(iommusim_requester_create(rig.machine, segment, rid, &made), "requester");
	return made;
}

enum iommusim_verdict rig_dma(uint16_t segment, uint16_t rid, uint64_t address)
{
	struct iommusim_requester *from = requester(segment, rid);
	struct iommusim_report report;
	uint64_t value = 0x5a5a;
	const struct iommusim_dma_request request = {
		.address = address, .length = sizeof(value), .kind = IOMMUSIM_DMA_WRITE, .data = &value
	};

	must(iommusim_check_dma(rig.check, from, &request, NULL, &report), "DMA");
	iommusim_requester_destroy(from);
	if (report.verdict != IOMMUSIM_VERDICT_OK && report.verdict != IOMMUSIM_VERDICT_BLOCKED)
		rig_notice(iommusim_verdict_name(report.verdict), "DMA of %x to %#llx (reason %#x)",
		    rid, (unsigned long long)address, report.page.page.fault.reason);
	return report.verdict;
}

void rig_dma_to(uint16_t segment, uint16_t rid, uint64_t address, uint64_t physical)
{
	struct iommusim_requester *from = requester(segment, rid);
	struct iommusim_dma_outcome outcome;
	uint64_t value = 0x5a5a;
	const struct iommusim_dma_request request = {
		.address = address, .length = sizeof(value), .kind = IOMMUSIM_DMA_WRITE, .data = &value
	};
	enum iommusim_verdict verdict = IOMMUSIM_VERDICT_OK;

	must(iommusim_dma(from, &request, &outcome, NULL, 0), "DMA");
	iommusim_requester_destroy(from);
	if (outcome.page.faulted)
		verdict = physical == RIG_REFUSED ? IOMMUSIM_VERDICT_BLOCKED : IOMMUSIM_VERDICT_LOST;
	else if (!outcome.page.translated)
		verdict = IOMMUSIM_VERDICT_UNPROTECTED;
	else if (physical == RIG_REFUSED)
		verdict = IOMMUSIM_VERDICT_BREACH;
	else if (outcome.page.physical != physical)
		verdict = IOMMUSIM_VERDICT_MISROUTED;
	if (verdict != IOMMUSIM_VERDICT_OK && verdict != IOMMUSIM_VERDICT_BLOCKED)
		rig_notice(iommusim_verdict_name(verdict), "DMA of %x to %#llx (reason %#x)", rid,
		    (unsigned long long)address, outcome.page.fault.reason);
}

int main(int argc, char **argv)
{
	const struct rig_story *story = rig_stories;

	while (story->name != NULL && (argc != 2 || strcmp(story->name, argv[1]) != 0))
		story++;
	if (story->name == NULL) {
		fprintf(stderr, "usage: %s STORY\n", argv[0]);
		for (story = rig_stories; story->name != NULL; story++)
			fprintf(stderr, "  %s\n", story->name);
		return 2;
	}
	story->run();
	rig_finish();
}
