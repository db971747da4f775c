/* The rig: firmware's table, the machine, kernel and vmm, and driver calls that a panic only ends. */
#include "tests/driver/amdvi/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/acpi.h>
#include <iommusim/freebsd_ops.h>
#include <iommusim/interrupt.h>
#include <iommusim/memory.h>
#ifdef RIG_TRAPS
#include <iommusim/kshim_traps.h>
#else
#include <iommusim/kshim_hooks.h>
#endif

#include "tests/acpi/ivrs_builder.h"

#define RAM        (UINT64_C(64) << 20)
#define ARENA_BASE (UINT64_C(1) << 32)
#define ARENA_SIZE (UINT64_C(32) << 20)

struct rig rig;

void rig_must(bool holds, const char *what)
{
	const struct iommusim_diagnostic *diagnostic;

	if (holds)
		return;
	fprintf(stderr, "rig: %s", what);
	if (rig.machine != NULL) {
		diagnostic = iommusim_machine_diagnostic(rig.machine);
		fprintf(stderr, " (%s)", diagnostic->text);
	}
	fprintf(stderr, "\n");
	exit(99);
}

static void must(enum iommusim_status status, const char *what)
{
	rig_must(status == IOMMUSIM_OK, what);
}

/* ---- firmware ------------------------------------------------------------------------------------------ */

static void add_number(struct builder *builder, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		builder->bytes[builder->size++] = i < sizeof value ? (uint8_t)(value >> i * 8) : 0;
}

/* An IVHD of unit 0 or 1, with its device entries. */
static void add_ivhd(struct builder *builder, unsigned unit, uint8_t type, uint64_t efr)
{
	const uint8_t fixed = type == 0x10 ? 24 : 40, entries = unit == 0 ? 8 : 20;

	add_number(builder, type, 1);
	add_number(builder, 0x30, 1);
	add_number(builder, fixed + entries, 2);
	add_number(builder, unit == 0 ? 0x0002 : 0x2002, 2);
	add_number(builder, 0x40, 2);
	add_number(builder, unit == 0 ? RIG_UNIT0 : RIG_UNIT1, 8);
	add_number(builder, 0, 2);
	add_number(builder, 0, 2);
	add_number(builder, 0, 4);
	if (type != 0x10) {
		add_number(builder, efr, 8);
		add_number(builder, 0, 8);
	}
	if (unit == 0) { /* range: 00:00.3 to 0f:1f.7 */
		ADD(builder, 3, 0x03, 0x00, 0, 4, 0xff, 0x0f, 0);
		return;
	}
	ADD(builder, 3, 0x03, 0x20, 0, 4, 0xff, 0x20, 0);                      /* 20:00.3 to 20:1f.7 */
	ADD(builder, 0x43, 0x00, 0x23, 0, 0, 0x00, 0x23, 0, 4, 0xff, 0x23, 0); /* bus 23 as 23:00.0 */
}

static void add_unity(struct builder *builder)
{
	ADD(builder, 0x21, 7);
	add_number(builder, 32, 2);
	add_number(builder, RIG_GPU, 2);
	add_number(builder, 0, 10);
	add_number(builder, RIG_UNITY, 8);
	add_number(builder, RIG_UNITY_SIZE, 8);
}

static void add_hardware(const struct rig_setup *setup)
{
	static const uint8_t all[] = { 0x10, 0x11, 0x40 };
	const char *preset = setup->preset != NULL ? setup->preset : "zen2-client";
	struct builder builder = ivrs_begin();
	struct iommusim_amdvi_config config;
	struct iommusim_ivrs *table;

	must(iommusim_amdvi_preset(preset, &config), "no such preset");
	for (unsigned unit = 0; unit < 2; unit++)
		for (unsigned i = setup->all_types ? 0 : 1; i < (setup->all_types ? 3 : 2); i++)
			add_ivhd(&builder, unit, all[i], config.features);
	if (setup->unity)
		add_unity(&builder);
	builder_finish(&builder);
	if (!setup->no_table)
		must(iommusim_acpi_install(rig.machine, builder.bytes, builder.size), "IVRS");
	must(iommusim_ivrs_parse(builder.bytes, builder.size, &table), "IVRS");
	must(iommusim_amdvi_create_from_ivrs(rig.machine, table, preset, &setup->settings), "units");
	iommusim_ivrs_free(table);
}

static void add_function(uint16_t rid, const char *name)
{
	struct iommusim_pci_function function = { .rid = rid };

	snprintf(function.name, sizeof(function.name), "%s", name);
	must(iommusim_pci_add(rig.machine, &function), "PCI function");
}

static void add_functions(const struct rig_setup *setup)
{
	add_function(RIG_DISK, "disk");
	add_function(RIG_NIC, "nic");
	add_function(RIG_GPU, "gpu");
	add_function(RIG_NVME, "nvme");
	add_function(RIG_RAID, "raid");
	add_function(RIG_OLD, "old");
	add_function(RIG_NOBODY, "nobody");
	for (unsigned i = 0; i < setup->host_devices; i++)
		add_function((uint16_t)(IOMMUSIM_RID(3, 0, 0) + i), "spare");
}

/* ---- driver calls as kernel calls ------------------------------------------------------------------------ */

#ifdef IOMMUSIM_KSHIM_ERROR_OPS
typedef struct iommusim_error_ops driver_ops;
#define SHIM     iommusim_error_ops_shim
#define OPS_SIZE offsetof(struct iommusim_error_ops, device)
#else
typedef struct iommusim_void_ops driver_ops;
#define SHIM     iommusim_void_ops_shim
#define OPS_SIZE sizeof(struct iommusim_void_ops)
#endif
extern const char iommu_ops_amd[];
static driver_ops ops;

struct op_call {
	const void *which; /* address of a member of the shim */
	void *domain;
	void **made;
	uint64_t a, b, length;
	uint64_t *done;
	uint16_t rid;
	enum iommusim_status status;
};

static void carry_out(void *context)
{
	struct op_call *call = context;

	if (call->which == &SHIM.init)
		call->status = SHIM.init(&ops);
	else if (call->which == &SHIM.cleanup)
		SHIM.cleanup(&ops);
	else if (call->which == &SHIM.enable)
		SHIM.enable(&ops);
	else if (call->which == &SHIM.disable)
		SHIM.disable(&ops);
	else if (call->which == &SHIM.create_domain)
		call->status = SHIM.create_domain(&ops, call->a, call->made);
	else if (call->which == &SHIM.destroy_domain)
		SHIM.destroy_domain(&ops, call->domain);
	else if (call->which == &SHIM.create_mapping)
		call->status =
		    SHIM.create_mapping(&ops, call->domain, call->a, call->b, call->length, call->done);
	else if (call->which == &SHIM.remove_mapping)
		call->status =
		    SHIM.remove_mapping(&ops, call->domain, call->a, call->length, call->done);
	else if (call->which == &SHIM.add_device)
		call->status = SHIM.add_device(&ops, call->domain, 0, call->rid);
	else if (call->which == &SHIM.remove_device)
		call->status = SHIM.remove_device(&ops, call->domain, 0, call->rid);
	else
		call->status = SHIM.invalidate_tlb(&ops, call->domain);
}

static void note_result(enum iommusim_status status, const struct iommusim_kernel_result *result)
{
	if (result->panicked)
		snprintf(rig.panic, sizeof(rig.panic), "%s at %s:%u", result->panic.message,
		    result->panic.file, result->panic.line);
	else if (status != IOMMUSIM_OK)
		snprintf(rig.panic, sizeof(rig.panic), "locks held: %s", result->locks);
}

static enum iommusim_status in_kernel(struct op_call *call)
{
	struct iommusim_kernel_result result;
	const enum iommusim_status status = iommusim_kernel_call(rig.kernel, carry_out, call, &result);

	rig.calls++;
	note_result(status, &result);
	return status != IOMMUSIM_OK ? IOMMUSIM_EFAULT : call->status;
}

#define OP(member, ...)                                                                                \
	(void)context;                                                                                 \
	struct op_call call = { .which = &SHIM.member, __VA_ARGS__ };                                  \
	const enum iommusim_status status = in_kernel(&call);                                          \
	(void)status

static enum iommusim_status op_init(void *context)
{
	OP(init, .a = 0);
	return status;
}

static void op_cleanup(void *context)
{
	OP(cleanup, .a = 0);
}

static void op_enable(void *context)
{
	OP(enable, .a = 0);
}

static void op_disable(void *context)
{
	OP(disable, .a = 0);
}

static enum iommusim_status op_create_domain(void *context, uint64_t max_address, void **domain)
{
	OP(create_domain, .a = max_address, .made = domain);
	return status;
}

static void op_destroy_domain(void *context, void *domain)
{
	OP(destroy_domain, .domain = domain);
}

static enum iommusim_status op_create_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	OP(create_mapping, .domain = domain, .a = gpa, .b = hpa, .length = length, .done = done);
	return status;
}

static enum iommusim_status op_remove_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	OP(remove_mapping, .domain = domain, .a = gpa, .length = length, .done = done);
	return status;
}

static enum iommusim_status op_add_device(void *context, void *domain, uint16_t segment, uint16_t rid)
{
	(void)segment;
	OP(add_device, .domain = domain, .rid = rid);
	return status;
}

static enum iommusim_status op_remove_device(
    void *context, void *domain, uint16_t segment, uint16_t rid)
{
	(void)segment;
	OP(remove_device, .domain = domain, .rid = rid);
	return status;
}

static enum iommusim_status op_invalidate_tlb(void *context, void *domain)
{
	OP(invalidate_tlb, .domain = domain);
	return status;
}

static const struct iommusim_ops rig_ops = {
	.name = "AMD-Vi of our own",
	.init = op_init,
	.cleanup = op_cleanup,
	.enable = op_enable,
	.disable = op_disable,
	.create_domain = op_create_domain,
	.destroy_domain = op_destroy_domain,
	.create_mapping = op_create_mapping,
	.remove_mapping = op_remove_mapping,
	.add_device = op_add_device,
	.remove_device = op_remove_device,
	.invalidate_tlb = op_invalidate_tlb,
};

/* ---- register accesses ------------------------------------------------------------------------------------- */

#ifdef RIG_TRAPS

const char *rig_access(void)
{
	return "traps";
}

uint64_t rig_unseen(void)
{
	return iommusim_traps_refused(rig.access, NULL);
}

/* Declared by a kernel header that tests do not see. */
void iommusim_kernel_panic(const char *file, int line, const char *format, ...);

static void refused(void *context, const struct iommusim_traps_refusal *refusal)
{
	(void)context;
	iommusim_kernel_panic("driver", 0, "%s", refusal->text);
}

static enum iommusim_status map_registers(
    void *context, uint64_t base, uint64_t length, volatile void **registers)
{
	return iommusim_traps_map(context, base, length, registers);
}

static void access_start(struct iommusim_kernel_registers *registers)
{
	struct iommusim_traps *traps;

	must(iommusim_traps_create(rig.machine, &traps), "traps");
	iommusim_traps_set_on_refused(traps, refused, NULL);
	must(iommusim_traps_attach(traps), "traps");
	rig.access = traps;
	*registers = (struct iommusim_kernel_registers){ .context = traps, .map = map_registers };
}

static void access_stop(void)
{
	iommusim_traps_destroy(rig.access);
}

#else

const char *rig_access(void)
{
	return "hooks";
}

uint64_t rig_unseen(void)
{
	return iommusim_hooks_unmarked(rig.access);
}

static enum iommusim_status map_registers(
    void *context, uint64_t base, uint64_t length, volatile void **registers)
{
	return iommusim_hooks_map(context, base, length, registers);
}

static void sync_registers(void *context)
{
	(void)context;
	iommusim_hooks_sync();
}

static void access_start(struct iommusim_kernel_registers *registers)
{
	struct iommusim_hooks *hooks;

	must(iommusim_hooks_create(rig.machine, &hooks), "hooks");
	iommusim_hooks_attach(hooks);
	rig.access = hooks;
	*registers = (struct iommusim_kernel_registers){
		.context = hooks, .map = map_registers, .sync = sync_registers
	};
}

static void access_stop(void)
{
	iommusim_hooks_destroy(rig.access);
}

#endif

const char *rig_shape(void)
{
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	return "error";
#else
	return "void";
#endif
}

/* ---- a life ---------------------------------------------------------------------------------------------------- */

static void start_kernel(const struct rig_setup *setup)
{
	struct iommusim_kernel_options options = {
		.arena_base = ARENA_BASE,
		.arena_length = ARENA_SIZE,
		.processor = IOMMUSIM_KERNEL_AMD,
	};

	must(iommusim_memory_add(rig.machine, ARENA_BASE, ARENA_SIZE, IOMMUSIM_MEMORY_RAM), "arena");
	access_start(&options.registers);
	must(iommusim_kernel_create(rig.machine, &options, &rig.kernel), "kernel");
	if (!setup->off)
		must(iommusim_kernel_set_tunable(rig.kernel, "hw.vmm.amdvi.enable", "1"), "tunable");
	for (const struct iommusim_kernel_setting *one = setup->tunables;
	     one != NULL && one->name != NULL; one++)
		must(iommusim_kernel_set_tunable(rig.kernel, one->name, one->value), "tunable");
	must(iommusim_kernel_boot(rig.kernel, NULL), "boot");
	must(iommusim_kernel_attach(rig.kernel, NULL), "devices");
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
		must(iommusim_device_attach(rig.vmm, 0, devices[i].rid, devices[i].driver), "device");
	for (unsigned i = 0; i < setup->host_devices; i++)
		must(iommusim_device_attach(
			 rig.vmm, 0, (uint16_t)(IOMMUSIM_RID(3, 0, 0) + i), IOMMUSIM_DRIVER_HOST),
		    "device");
}

void rig_start(const struct rig_setup *wanted)
{
	static const struct rig_setup nothing;
	const struct rig_setup *setup = wanted != NULL ? wanted : &nothing;
	const struct iommusim_vmm_config config = { .cpu = IOMMUSIM_CPU_AMD, .ops = &rig_ops };

	memset(&rig, 0, sizeof(rig));
	memcpy(&ops, iommu_ops_amd, OPS_SIZE);
	must(iommusim_machine_create(NULL, &rig.machine), "machine");
	add_hardware(setup);
	must(iommusim_memory_add_pc_ram(rig.machine, RAM), "RAM");
	add_functions(setup);
	/* vmm takes guests' memory from what is there now: firmware's and the kernel's come after it. */
	must(iommusim_vmm_create(rig.machine, &config, &rig.vmm), "vmm");
	must(iommusim_memory_add(rig.machine, RIG_UNITY, RIG_UNITY_SIZE, IOMMUSIM_MEMORY_RAM), "IVMD");
	must(iommusim_check_create(rig.vmm, &rig.check), "checker");
	start_kernel(setup);
	attach_devices(setup);
	if (!setup->no_init)
		must(iommusim_iommu_init(rig.vmm), "iommu_init");
}

void rig_stop(void)
{
	iommusim_check_destroy(rig.check);
	iommusim_vmm_destroy(rig.vmm);
	iommusim_kernel_destroy(rig.kernel);
	access_stop();
	iommusim_machine_destroy(rig.machine);
	memset(&rig, 0, sizeof(rig));
}

/* ---- what tests do ----------------------------------------------------------------------------------------------- */

struct iommusim_report rig_judge(uint16_t rid, enum iommusim_dma_kind kind, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address, .length = 64, .kind = kind };
	struct iommusim_requester *requester;
	struct iommusim_report report;
	const uint16_t carried = iommusim_pci_requester_id(rig.machine, 0, rid);

	must(iommusim_requester_create(rig.machine, 0, carried, &requester), "requester");
	iommusim_requester_set_function(requester, rid);
	must(iommusim_check_dma(rig.check, requester, &request, NULL, &report), "DMA");
	iommusim_requester_destroy(requester);
	return report;
}

enum iommusim_verdict rig_write(uint16_t rid, uint64_t address)
{
	return rig_judge(rid, IOMMUSIM_DMA_WRITE, address).verdict;
}

struct iommusim_vm *rig_vm(const char *name, uint64_t size, uint16_t rid)
{
	const struct iommusim_vm_memory memory = { .size = size, .contiguous = true };
	struct iommusim_vm *vm;

	must(iommusim_vm_create(rig.vmm, name, &vm), "VM");
	must(iommusim_vm_setup_memory(vm, &memory), "VM memory");
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

	if (SHIM.create_domain(&ops, UINT64_C(1) << 30, &mapping->domain) != IOMMUSIM_OK)
		return;
	for (unsigned idle = 0; mapping->left > 0; idle++) {
		uint64_t done = 0;

		if (SHIM.create_mapping(&ops, mapping->domain, mapping->gpa, mapping->hpa,
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

	SHIM.destroy_domain(&ops, mapping->domain);
}

static void in_kernel_alone(void (*function)(void *context), void *context)
{
	struct iommusim_kernel_result result;
	const enum iommusim_status status =
	    iommusim_kernel_call(rig.kernel, function, context, &result);

	note_result(status, &result);
}

bool rig_map(uint64_t gpa, uint64_t hpa, uint64_t length)
{
	struct mapping mapping = { .gpa = gpa, .hpa = hpa, .left = length };

	in_kernel_alone(map_all, &mapping);
	if (mapping.domain != NULL)
		in_kernel_alone(forget_mapping, &mapping);
	return !mapping.endless;
}

static void nothing_to_do(void *context)
{
	(void)context;
}

void rig_settle(void)
{
	in_kernel_alone(nothing_to_do, NULL);
}

uint64_t rig_sysctl(const char *name)
{
	int64_t value;

	must(iommusim_kernel_sysctl_number(rig.kernel, name, &value), name);
	return (uint64_t)value;
}

const struct iommusim_finding *rig_finding(enum iommusim_finding_id but)
{
	const struct iommusim_finding *finding;

	for (size_t i = 0; (finding = iommusim_check_finding(rig.check, i)) != NULL; i++)
		if (finding->id != but && !iommusim_finding_is_advice(finding->id))
			return finding;
	return NULL;
}
