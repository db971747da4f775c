/* The VT-d board: firmware's table, the hardware it speaks of, and the kernel and vmm over them. */
#include "tests/driver/vtd/board.h"

#include <iommusim/acpi.h>
#include <iommusim/dmar.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "tests/acpi/table_builder.h"

extern const char iommu_ops_intel[]; /* the backend's, whatever its shape */

/* ---- firmware -------------------------------------------------------------------------------------- */

static void set16(struct builder *table, size_t at, size_t value)
{
	table->bytes[at] = (uint8_t)value;
	table->bytes[at + 1] = (uint8_t)(value >> 8);
}

static void put_scope(struct builder *table, const struct rig_scope *scope)
{
	builder_add_number(table, scope->type, 1);
	builder_add_number(table, 6 + 2u * scope->hop_count, 1);
	builder_add_number(table, 0, 3);
	builder_add_number(table, scope->bus, 1);
	for (unsigned i = 0; i < scope->hop_count; i++) {
		builder_add_number(table, scope->hops[i][0], 1);
		builder_add_number(table, scope->hops[i][1], 1);
	}
}

static void put_unit(struct builder *table, const struct rig_unit *unit)
{
	const size_t first = table->size;

	builder_add_number(table, IOMMUSIM_DMAR_DRHD, 4);
	builder_add_number(table, unit->include_all, 2);
	builder_add_number(table, unit->segment, 2);
	builder_add_number(table, unit->base, 8);
	for (size_t i = 0; i < 2 && unit->scopes[i].type != 0; i++)
		put_scope(table, &unit->scopes[i]);
	set16(table, first + 2, table->size - first);
}

static void put_rmrr(struct builder *table, const struct rig_board *board)
{
	const struct rig_scope scope = { .type = IOMMUSIM_SCOPE_ENDPOINT,
		.bus = (uint8_t)IOMMUSIM_RID_BUS(board->rmrr_rid),
		.hops = { { (uint8_t)IOMMUSIM_RID_DEVICE(board->rmrr_rid),
		    (uint8_t)IOMMUSIM_RID_FUNCTION(board->rmrr_rid) } },
		.hop_count = 1 };

	builder_add_number(table, IOMMUSIM_DMAR_RMRR, 2);
	builder_add_number(table, 24 + 8, 2);
	builder_add_number(table, 0, 4);
	builder_add_number(table, board->rmrr_first, 8);
	builder_add_number(table, board->rmrr_last, 8);
	put_scope(table, &scope);
}

static struct builder make_table(const struct rig_board *board)
{
	struct builder table = { .bytes = "DMAR\0\0\0\0\1\0RIG   VTDTESTS", .size = 36 };

	builder_add_number(&table, 45, 12); /* 46 address bits */
	for (size_t i = 0; i < RIG_UNITS && board->units[i].base != 0; i++)
		put_unit(&table, &board->units[i]);
	if (board->rmrr_last != 0)
		put_rmrr(&table, board);
	builder_finish(&table);
	return table;
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
	rig_must(iommusim_vtd_preset(board->preset != NULL ? board->preset : "skylake-sp", 1, &config),
	    "preset");
	config.capability = (config.capability & ~own->cap_clear) | own->cap_set;
	config.ext_capability = (config.ext_capability & ~own->ecap_clear) | own->ecap_set;
	rig_must(iommusim_vtd_create(rig.machine, &config, &unit), "unit");
	for (uint32_t i = 0; i < drhd->scope_count; i++)
		rig_must(iommusim_unit_add_scope(unit, &drhd->scopes[i]), "scope");
	if (own->include_all)
		iommusim_unit_include_all(unit);
	if (!board->taken)
		return;
	rig_must(iommusim_mmio_write(rig.machine, own->base + 0x90, 8, 0), "IQA");
	rig_must(iommusim_mmio_write(rig.machine, own->base + 0x18, 4, 0x04000000), "QIE");
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

		rig_must(iommusim_pci_add(rig.machine, &function), "function");
	}
}

static void make_machine(const struct rig_board *board, const struct builder *table)
{
	const struct iommusim_machine_config config = { .device_view = board->device_view };
	struct iommusim_dmar *dmar;
	unsigned units = 0;

	rig_make_machine(&config);
	rig_must(
	    iommusim_memory_add_pc_ram(rig.machine, board->ram != 0 ? board->ram : RIG_RAM), "memory");
	make_functions(board);
	rig_must(iommusim_dmar_parse(table->bytes, table->size, &dmar), "table");
	for (uint32_t i = 0; i < dmar->structure_count; i++)
		if (dmar->structures[i].type == IOMMUSIM_DMAR_DRHD)
			make_unit(board, units++, &dmar->structures[i]);
	iommusim_dmar_free(dmar);
}

/* ---- a life ------------------------------------------------------------------------------------------ */

static void make_kernel(const struct rig_board *board, const struct builder *table)
{
	const struct iommusim_kernel_table firmware = { table->bytes, table->size };
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
	rig_make_kernel(&options);
}

void board_start(const struct rig_board *board)
{
	const struct builder table = make_table(board);

	rig.panic_ends = true;
	make_machine(board, &table);
	make_kernel(board, &table);
	rig_watch_polls();
	rig_make_vmm(IOMMUSIM_CPU_INTEL, iommu_ops_intel);
	rig_make_check();
	for (size_t i = 0; i < RIG_FUNCTIONS && board->functions[i].rid != 0; i++)
		rig_give_driver(
		    board->functions[i].segment, board->functions[i].rid, board->functions[i].driver);
}

void board_stop(void)
{
	struct iommusim_kernel_block block;

	if (!rig.vmm_unused)
		rig_must(iommusim_vmm_unload(rig.vmm), "unload");
	for (size_t i = 0; iommusim_kernel_block_at(rig.kernel, i, &block) == IOMMUSIM_OK; i++)
		rig_notice("memory", "%zu bytes of %s are left (%s:%u)", block.size, block.type,
		    block.file, block.line);
	if (rig_unseen() != 0)
		rig_notice("unmarked", "registers were accessed without volatile");
}
