/* The machines of random lives: memory, functions behind bridges, firmware's table and the units it speaks of. */
#include <iommusim/amdvi.h>

#include "property/lifecycle.h"

const uint16_t life_rids[LIFE_FUNCTIONS] = { 0x0010, 0x00b8, 0x0100, 0x0101, 0x0200, 0x0708, 0x0709,
	0x0201 };
const uint8_t life_places[LIFE_FUNCTIONS] = { PLACE_GFX, PLACE_REST, PLACE_BUS1, PLACE_BUS1, PLACE_BUS2,
	PLACE_BUS7, PLACE_BUS7, PLACE_BUS2 };

/* Ports of bus 0, and the bus behind each. */
static const struct {
	uint16_t rid;
	uint8_t bus;
} bridges[] = { { 0x0008, 1 }, { 0x0009, 2 }, { 0x00e0, 7 } };

static const char *const names[LIFE_FUNCTIONS] = { "gfx0", "ahci0", "ppt0", "ppt1", "ppt2", "ppt3",
	"late0", "late1" };

static void add_functions(struct iommusim_machine *machine)
{
	for (unsigned i = 0; i < 3; i++) {
		const struct iommusim_pci_function bridge = {
			.rid = bridges[i].rid,
			.type = IOMMUSIM_PCI_BRIDGE,
			.secondary_bus = bridges[i].bus,
			.subordinate_bus = bridges[i].bus,
		};

		assert_ok(iommusim_pci_add(machine, &bridge));
	}
	for (unsigned i = 0; i < LIFE_LATE; i++) {
		struct iommusim_pci_function function = { .rid = life_rids[i] };

		strncpy(function.name, names[i], sizeof(function.name) - 1);
		assert_ok(iommusim_pci_add(machine, &function));
	}
}

/* Behind the bridges to bus 1 and 7. */
static void add_crowd(struct iommusim_machine *machine)
{
	for (uint16_t i = 0; i < 270; i++) {
		const struct iommusim_pci_function function = {
			.rid = (uint16_t)(i < 200 ? 0x0110 + i : 0x0710 + i - 200)
		};

		assert_ok(iommusim_pci_add(machine, &function));
	}
}

/* ---- VT-d ------------------------------------------------------------------------------------------ */

/* Scopes of the table: type, length, 2 reserved, enumeration id, start bus, path. */
static const uint8_t scopes[PLACE_REST][8] = { { 1, 8, 0, 0, 0, 0, 2, 0 }, { 2, 8, 0, 0, 0, 0, 1, 0 },
	{ 2, 8, 0, 0, 0, 0, 1, 1 }, { 2, 8, 0, 0, 0, 0, 28, 0 } };

/* A region that 0:2.0 must reach, in the part of RAM that the kernel keeps. */
static void add_region(struct builder *table)
{
	ADD(table, 1, 0, 32, 0, 0, 0, 0, 0, 0x00, 0x00, 0x08, 0, 0, 0, 0, 0, 0xff, 0xff, 0x08, 0, 0, 0,
	    0, 0);
	builder_add(table, scopes[PLACE_GFX], 8);
}

static struct builder dmar_of(const struct life_board *board)
{
	struct builder table = builder_begin();

	for (unsigned unit = 0; unit < board->unit_count; unit++) {
		const size_t at = table.size;
		const bool all = board->unit_of[PLACE_REST] == unit;

		ADD(&table, 0, 0, 16, 0, all, 0, 0, 0, 0x00, (uint8_t)(unit << 4),
		    (uint8_t)(0xd9 + unit / 16), 0xfe, 0, 0, 0, 0);
		for (unsigned place = 0; place < PLACE_REST; place++)
			if (board->unit_of[place] == unit && !all)
				builder_add(&table, scopes[place], 8);
		table.bytes[at + 2] = (uint8_t)(table.size - at);
		if (board->region_after == unit + 1)
			add_region(&table);
	}
	builder_finish(&table);
	return table;
}

static void add_vtd_unit(struct iommusim_machine *machine, const struct life_board *board,
    unsigned number, const struct iommusim_unit_settings *settings)
{
	static const char *const presets[] = { "skylake-client", "alder-lake-client", "skylake-sp",
		"haswell-ep", "sapphire-rapids" };
	static const struct iommusim_dmar_hop hops[PLACE_REST] = { { 2, 0 }, { 1, 0 }, { 1, 1 },
		{ 28, 0 } };
	struct iommusim_vtd_config config = { .base =
						  (uint32_t)LIFE_VTD_BASE + number * UINT32_C(0x1000) };
	struct iommusim_unit *unit;

	assert_ok(iommusim_vtd_preset(presets[board->preset], 1, &config));
	config.settings = *settings;
	config.register_size = 0;
	config.capability &= ~HOST_CAP_RWBF;
	config.ext_capability &= ~HOST_ECAP_DT;
	if (board->write_buffer[number])
		config.capability |= HOST_CAP_RWBF;
	if (board->device_tlb[number])
		config.ext_capability |= HOST_ECAP_DT;
	if (iommusim_vtd_create(machine, &config, &unit) != IOMMUSIM_OK)
		fail_msg("%s", iommusim_machine_diagnostic(machine)->text);
	if (board->unit_of[PLACE_REST] == number)
		iommusim_unit_include_all(unit);
	for (unsigned place = 0; place < PLACE_REST; place++) {
		const struct iommusim_dmar_scope scope = {
			.type = place == PLACE_GFX ? IOMMUSIM_SCOPE_ENDPOINT : IOMMUSIM_SCOPE_BRIDGE,
			.hop_count = 1,
			.hops = &hops[place],
		};

		if (board->unit_of[place] == number && board->unit_of[PLACE_REST] != number)
			assert_ok(iommusim_unit_add_scope(unit, &scope));
	}
}

/* ---- AMD-Vi ---------------------------------------------------------------------------------------- */

/* Requester ids of the places, as ranges; the bridges of bus 0 are among the rest. */
static const struct {
	uint8_t place;
	uint16_t first, last;
} ranges[] = { { PLACE_GFX, 0x0010, 0x0011 }, { PLACE_BUS1, 0x0100, 0x01ff },
	{ PLACE_BUS2, 0x0200, 0x02ff }, { PLACE_BUS7, 0x0700, 0x07ff }, { PLACE_REST, 0x0008, 0x000f },
	{ PLACE_REST, 0x0018, 0x00ff } };

#define RANGES (sizeof(ranges) / sizeof(*ranges))

#define AMDVI_BASE UINT32_C(0xfd200000)

static void add_range(struct builder *table, uint16_t first, uint16_t last)
{
	ADD(table, 3, (uint8_t)first, (uint8_t)(first >> 8), 0, 4, (uint8_t)last, (uint8_t)(last >> 8),
	    0);
}

static struct builder ivrs_of(const struct life_board *board, uint64_t features)
{
	struct builder table = ivrs_begin();

	for (unsigned unit = 0; unit < board->unit_count; unit++) {
		const uint32_t base = AMDVI_BASE + unit * UINT32_C(0x80000);
		const size_t at = table.size;

		ADD(&table, 0x11, 0x30, 0, 0, (uint8_t)(2 + unit), 0, 0x40, 0, (uint8_t)base,
		    (uint8_t)(base >> 8), (uint8_t)(base >> 16), (uint8_t)(base >> 24), 0, 0, 0, 0, 0,
		    0, 0, 0, 0, 0, 0, 0);
		for (unsigned byte = 0; byte < 16; byte++)
			table.bytes[table.size++] = (uint8_t)(byte < 8 ? features >> byte * 8 : 0);
		for (unsigned i = 0; i < RANGES; i++)
			if (board->unit_of[ranges[i].place] == unit)
				add_range(&table, ranges[i].first, ranges[i].last);
		if (board->alias && board->unit_of[PLACE_GFX] == unit) /* 0:2.0 goes by 0:2.1 */
			ADD(&table, 0x42, 0x10, 0, 0, 0, 0x11, 0, 0);
		table.bytes[at + 2] = (uint8_t)(table.size - at);
	}
	if (board->region) /* IVMD for one device, readable and writable, 64 KiB from 512 GiB */
		ADD(&table, 0x21, 7, 32, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0,
		    0, 0, 0, 0, 1, 0, 0, 0, 0, 0);
	builder_finish(&table);
	return table;
}

static void add_amdvi_units(struct iommusim_machine *machine, const struct life_board *board,
    const struct iommusim_unit_settings *settings)
{
	static const char *const presets[] = { "zen-client", "zen2-client", "zen3-mobile",
		"zen4-client", "zen5-mobile" };
	struct iommusim_amdvi_config config;
	struct iommusim_ivrs *ivrs;
	struct builder table;

	assert_ok(iommusim_amdvi_preset(presets[board->preset], &config));
	table = ivrs_of(board, config.features);
	if (board->hindrance != LIFE_NO_TABLE)
		assert_ok(iommusim_acpi_install(machine, table.bytes, table.size));
	assert_ok(iommusim_ivrs_parse(table.bytes, table.size, &ivrs));
	assert_true(ivrs->usable);
	assert_ok(iommusim_amdvi_create_from_ivrs(machine, ivrs, presets[board->preset], settings));
	iommusim_ivrs_free(ivrs);
}

/* ---- all of it ------------------------------------------------------------------------------------- */

void life_build(
    const struct life_board *board, enum iommusim_cache_policy cache, struct iommusim_machine **machine)
{
	const struct iommusim_machine_config config = { .device_view = board->device_view, .seed = 1 };
	const struct iommusim_unit_settings settings = { .cache = cache };

	assert_ok(iommusim_machine_create(&config, machine));
	assert_ok(iommusim_memory_add(*machine, 0, board->low, IOMMUSIM_MEMORY_RAM));
	if (board->high != 0)
		assert_ok(iommusim_memory_add(*machine, 4 * GIB, board->high, IOMMUSIM_MEMORY_RAM));
	add_functions(*machine);
	if (board->crowd)
		add_crowd(*machine);
	if (board->vendor == LIFE_AMDVI) {
		add_amdvi_units(*machine, board, &settings);
		return;
	}
	if (board->hindrance != LIFE_NO_TABLE) {
		const struct builder table = dmar_of(board);

		assert_ok(iommusim_acpi_install(*machine, table.bytes, table.size));
	}
	for (unsigned unit = 0; unit < board->unit_count; unit++)
		add_vtd_unit(*machine, board, unit, &settings);
}
