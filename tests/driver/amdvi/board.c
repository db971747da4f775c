/* The AMD-Vi board: firmware's table, the hardware it speaks of, and the kernel and vmm over them. */
#include "tests/driver/amdvi/board.h"

#include <stdio.h>

#include <iommusim/acpi.h>
#include <iommusim/memory.h>

#include "tests/acpi/ivrs_builder.h"

#define RAM        (UINT64_C(64) << 20)
#define ARENA_BASE (UINT64_C(1) << 32)
#define ARENA_SIZE (UINT64_C(32) << 20)
#define TUNABLES   8u

extern const char iommu_ops_amd[]; /* the driver's, whatever its shape */

/* ---- firmware ------------------------------------------------------------------------------------------ */

/* The units: where they are, and how many bytes of entries say what is behind them. */
static const struct {
	uint64_t base;
	uint16_t segment, rid;
	uint8_t entries;
} units[] = {
	{ RIG_UNIT0, 0, IOMMUSIM_RID(0, 0, 2), 8 },
	{ RIG_UNIT1, 0, IOMMUSIM_RID(0x20, 0, 2), 20 },
	{ RIG_UNIT2, 1, IOMMUSIM_RID(0, 0, 2), 8 },
};

static void add_ivhd(struct builder *builder, unsigned unit, uint8_t type, uint64_t efr)
{
	const uint8_t fixed = type == 0x10 ? 24 : 40;

	builder_add_number(builder, type, 1);
	builder_add_number(builder, 0x30, 1);
	builder_add_number(builder, fixed + units[unit].entries, 2);
	builder_add_number(builder, units[unit].rid, 2);
	builder_add_number(builder, 0x40, 2);
	builder_add_number(builder, units[unit].base, 8);
	builder_add_number(builder, units[unit].segment, 2);
	builder_add_number(builder, 0, 2);
	builder_add_number(builder, 0, 4);
	if (type != 0x10) {
		builder_add_number(builder, efr, 8);
		builder_add_number(builder, 0, 8);
	}
	if (unit != 1) { /* range: 00:00.3 to 0f:1f.7 */
		ADD(builder, 3, 0x03, 0x00, 0, 4, 0xff, 0x0f, 0);
		return;
	}
	ADD(builder, 3, 0x03, 0x20, 0, 4, 0xff, 0x20, 0);                      /* 20:00.3 to 20:1f.7 */
	ADD(builder, 0x43, 0x00, 0x23, 0, 0, 0x00, 0x23, 0, 4, 0xff, 0x23, 0); /* bus 23 as 23:00.0 */
}

static void add_unity(struct builder *builder, uint16_t rid, uint64_t first, uint64_t length)
{
	ADD(builder, 0x21, 7);
	builder_add_number(builder, 32, 2);
	builder_add_number(builder, rid, 2);
	builder_add_number(builder, 0, 10);
	builder_add_number(builder, first, 8);
	builder_add_number(builder, length, 8);
}

static void add_hardware(const struct rig_setup *setup)
{
	static const uint8_t all[] = { 0x10, 0x11, 0x40 };
	const char *preset = setup->preset != NULL ? setup->preset : "zen2-client";
	struct builder builder = ivrs_begin();
	struct iommusim_amdvi_config config;
	struct iommusim_ivrs *table;

	rig_must(iommusim_amdvi_preset(preset, &config), "no such preset");
	for (unsigned unit = 0; unit < (setup->second_segment ? 3 : 2); unit++)
		for (unsigned i = setup->all_types ? 0 : 1; i < (setup->all_types ? 3 : 2); i++)
			add_ivhd(&builder, unit, all[i], config.features);
	if (setup->unity)
		add_unity(&builder, RIG_GPU, RIG_UNITY, RIG_UNITY_SIZE);
	if (setup->wild_unity)
		add_unity(&builder, RIG_DISK, UINT64_C(1) << 49, RIG_UNITY_SIZE);
	builder_finish(&builder);
	if (!setup->no_table)
		rig_must(iommusim_acpi_install(rig.machine, builder.bytes, builder.size), "IVRS");
	rig_must(iommusim_ivrs_parse(builder.bytes, builder.size, &table), "IVRS");
	rig_must(
	    iommusim_amdvi_create_from_ivrs(rig.machine, table, preset, &setup->settings), "units");
	iommusim_ivrs_free(table);
}

static void add_function(uint16_t segment, uint16_t rid, const char *name)
{
	struct iommusim_pci_function function = { .segment = segment, .rid = rid };

	snprintf(function.name, sizeof(function.name), "%s", name);
	rig_must(iommusim_pci_add(rig.machine, &function), "PCI function");
}

static void add_functions(const struct rig_setup *setup)
{
	add_function(0, RIG_DISK, "disk");
	add_function(0, RIG_NIC, "nic");
	add_function(0, RIG_GPU, "gpu");
	add_function(0, RIG_NVME, "nvme");
	add_function(0, RIG_RAID, "raid");
	add_function(0, RIG_OLD, "old");
	add_function(0, RIG_NOBODY, "nobody");
	for (unsigned i = 0; i < setup->host_devices; i++)
		add_function(0, (uint16_t)(IOMMUSIM_RID(3, 0, 0) + i), "spare");
	if (setup->second_segment)
		add_function(1, RIG_DISK, "disk1");
}

/* ---- a life ---------------------------------------------------------------------------------------------------- */

static void start_kernel(const struct rig_setup *setup)
{
	struct iommusim_kernel_setting tunables[TUNABLES] = { { "hw.vmm.amdvi.enable", "1" } };
	struct iommusim_kernel_options options = {
		.arena_base = ARENA_BASE,
		.arena_length = ARENA_SIZE,
		.processor = IOMMUSIM_KERNEL_AMD,
		.tunables = tunables,
		.tunable_count = setup->off ? 0 : 1,
	};

	rig_must(
	    iommusim_memory_add(rig.machine, ARENA_BASE, ARENA_SIZE, IOMMUSIM_MEMORY_RAM), "arena");
	for (const struct iommusim_kernel_setting *one = setup->tunables;
	     one != NULL && one->name != NULL && options.tunable_count < TUNABLES; one++)
		tunables[options.tunable_count++] = *one;
	rig_make_kernel(&options);
}

static void attach_devices(const struct rig_setup *setup)
{
	static const struct {
		uint16_t rid;
		enum iommusim_driver driver;
	} devices[] = {
		{ RIG_DISK, IOMMUSIM_DRIVER_HOST },
		{ RIG_RAID, IOMMUSIM_DRIVER_HOST },
		{ RIG_NIC, IOMMUSIM_DRIVER_PPT },
		{ RIG_GPU, IOMMUSIM_DRIVER_PPT },
		{ RIG_NVME, IOMMUSIM_DRIVER_PPT },
		{ RIG_OLD, IOMMUSIM_DRIVER_PPT },
		{ RIG_NOBODY, IOMMUSIM_DRIVER_PPT },
	};

	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		rig_give_driver(0, devices[i].rid, devices[i].driver);
	for (unsigned i = 0; i < setup->host_devices; i++)
		rig_give_driver(0, (uint16_t)(IOMMUSIM_RID(3, 0, 0) + i), IOMMUSIM_DRIVER_HOST);
	if (setup->second_segment)
		rig_give_driver(1, RIG_DISK, IOMMUSIM_DRIVER_HOST);
}

void board_start(const struct rig_setup *wanted)
{
	static const struct rig_setup nothing;
	const struct rig_setup *setup = wanted != NULL ? wanted : &nothing;

	rig_make_machine(NULL);
	add_hardware(setup);
	rig_must(iommusim_memory_add_pc_ram(rig.machine, RAM), "RAM");
	add_functions(setup);
	/* vmm takes guests' memory from what is there now: firmware's and the kernel's come after it. */
	rig_make_vmm(IOMMUSIM_CPU_AMD, iommu_ops_amd);
	rig_must(
	    iommusim_memory_add(rig.machine, RIG_UNITY, RIG_UNITY_SIZE, IOMMUSIM_MEMORY_RAM), "IVMD");
	rig_make_check();
	start_kernel(setup);
	attach_devices(setup);
	if (!setup->no_init)
		rig_must(iommusim_iommu_init(rig.vmm), "iommu_init");
}

/* ---- what tests do ----------------------------------------------------------------------------------------------- */

struct iommusim_vm *rig_vm(const char *name, uint64_t size, uint16_t rid)
{
	const struct iommusim_vm_memory memory = { .size = size, .contiguous = true };
	struct iommusim_vm *vm;

	rig_must(iommusim_vm_create(rig.vmm, name, &vm), "VM");
	rig_must(iommusim_vm_setup_memory(vm, &memory), "VM memory");
	if (rid != 0)
		(void)iommusim_vm_assign_pptdev(vm, 0, rid);
	return vm;
}

struct mapping {
	uint64_t gpa, hpa, left;
	void *domain;
	bool endless;
};

/* The kernel's loop ends when all is mapped; here, when nothing has been for some time. */
static void map_all(void *context)
{
	struct mapping *mapping = context;
	void *table;
	const struct iommusim_ops *ops = rig_bare_ops(&table);

	if (ops->create_domain(table, UINT64_C(1) << 30, &mapping->domain) != IOMMUSIM_OK)
		return;
	for (unsigned idle = 0; mapping->left > 0; idle++) {
		uint64_t done = 0;

		if (ops->create_mapping(table, mapping->domain, mapping->gpa, mapping->hpa,
			mapping->left, &done) != IOMMUSIM_OK)
			return;
		mapping->gpa += done;
		mapping->hpa += done;
		mapping->left -= done;
		if (done == 0 && idle > 1000) {
			mapping->endless = true;
			return;
		}
	}
}

static void forget_mapping(void *context)
{
	const struct mapping *mapping = context;
	void *table;
	const struct iommusim_ops *ops = rig_bare_ops(&table);

	ops->destroy_domain(table, mapping->domain);
}

bool rig_map(uint64_t gpa, uint64_t hpa, uint64_t length)
{
	struct mapping mapping = { .gpa = gpa, .hpa = hpa, .left = length };

	rig_call(map_all, &mapping);
	if (mapping.domain != NULL)
		rig_call(forget_mapping, &mapping);
	return !mapping.endless;
}
