/*
 * A story for each hazard: what has to happen for it to show. A backend without the hazard passes every one of them
 * unnoticed. What is noticed and how is rig.c's.
 */
#include "tests/driver/vtd/rig.h"

#include <stddef.h>
#include <string.h>

#include <iommusim/memory.h>

#include "tests/driver/vtd/ops.h"

#define UNIT   UINT64_C(0xfed91000)
#define PAGE   UINT64_C(0x1000)
#define MEMORY UINT64_C(0x8000000) /* of the host: 128 MiB */
#define GUEST  UINT64_C(0x40000000)

#define AHCI   IOMMUSIM_RID(0, 0x17, 0)
#define BRIDGE IOMMUSIM_RID(0, 0x1c, 0)
#define NIC    IOMMUSIM_RID(3, 0, 0)
#define NVME   IOMMUSIM_RID(4, 0, 0)

#define CAP_RWBF  (UINT64_C(1) << 4)
#define CAP_CM    (UINT64_C(1) << 7)
#define CAP_ND    UINT64_C(7)
#define CAP_SIZES (UINT64_C(0xf) << 34)
#define ECAP_DT   UINT64_C(4)
/* SAGAW 3 levels alone, MGAW 39 bits */
#define CAP_NARROW_CLEAR UINT64_C(0x3f1f00)
#define CAP_NARROW_SET   UINT64_C(0x260200)

/* One unit for everything, a disk of the host's, and a NIC behind a bridge that guests get. */
static const struct rig_board plain = {
	.units = { { .base = UNIT, .include_all = true } },
	.functions = {
		{ .rid = AHCI, .driver = IOMMUSIM_DRIVER_HOST },
		{ .rid = BRIDGE, .secondary = 3, .subordinate = 3, .driver = IOMMUSIM_DRIVER_NONE },
		{ .rid = NIC, .driver = IOMMUSIM_DRIVER_PPT },
		{ .rid = IOMMUSIM_RID(0, 0x1d, 0),
		    .secondary = 4,
		    .subordinate = 4,
		    .driver = IOMMUSIM_DRIVER_NONE },
		{ .rid = NVME, .driver = IOMMUSIM_DRIVER_PPT },
	},
	.tunables = { "pptdevs", "3/0/0 4/0/0" },
};

/* ---- through the library's vmm ------------------------------------------------------------------ */

static void expect(enum iommusim_status status, enum iommusim_status wanted, const char *what)
{
	if (status != wanted)
		rig_notice("status", "%s: %s", what, iommusim_status_name(status));
}

static struct iommusim_vm *guest(const char *name)
{
	const struct iommusim_vm_memory memory = { .size = 32 * RIG_MIB, .seed = 7 };
	struct iommusim_vm *vm;

	expect(iommusim_vm_create(rig.vmm, name, &vm), IOMMUSIM_OK, "vm_create");
	expect(iommusim_vm_setup_memory(vm, &memory), IOMMUSIM_OK, "vm_setup_memory");
	return vm;
}

/* What vmm does with an IOMMU in a day. */
static void day(void)
{
	struct iommusim_vm *vm = guest("a");

	expect(iommusim_vm_assign_pptdev(vm, 0, NIC), IOMMUSIM_OK, "assign");
	rig_dma(0, AHCI, MEMORY);
	rig_dma(0, NIC, 0x5000);
	rig_dma(0, NIC, 31 * RIG_MIB);
	expect(iommusim_vm_assign_pptdev(vm, 0, NVME), IOMMUSIM_OK, "assign");
	rig_dma(0, NVME, 0x6000);
	expect(iommusim_vm_unassign_pptdev(vm, 0, NVME), IOMMUSIM_OK, "unassign");
	rig_dma(0, NVME, 0x6000);
	rig_dma(0, NIC, 0x7000);
	expect(iommusim_vm_unassign_pptdev(vm, 0, NIC), IOMMUSIM_OK, "unassign");
	rig_dma(0, NIC, 0x5000);
	expect(iommusim_vm_destroy(vm), IOMMUSIM_OK, "vm_destroy");
	rig_dma(0, NIC, 0x5000);
	rig_dma(0, AHCI, MEMORY);
}

static void a_day_on(const struct rig_board *board)
{
	rig_start(board);
	day();
	rig_stop();
}

static struct iommusim_domain *domain_for(uint64_t max_address)
{
	struct iommusim_domain *domain = NULL;

	expect(iommusim_iommu_create_domain(rig.vmm, max_address, &domain), IOMMUSIM_OK, "domain");
	return domain;
}

static void map(struct iommusim_domain *domain, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	expect(iommusim_iommu_create_mapping(rig.vmm, domain, gpa, hpa, length), IOMMUSIM_OK, "map");
}

static void unmap(struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	expect(iommusim_iommu_remove_mapping(rig.vmm, domain, gpa, length), IOMMUSIM_OK, "unmap");
	expect(iommusim_iommu_invalidate_tlb(rig.vmm, domain), IOMMUSIM_OK, "invalidate");
}

static void add(struct iommusim_domain *domain, uint16_t rid)
{
	expect(iommusim_iommu_add_device(rig.vmm, domain, 0, rid), IOMMUSIM_OK, "add");
}

static void take(struct iommusim_domain *domain, uint16_t rid)
{
	expect(iommusim_iommu_remove_device(rig.vmm, domain, 0, rid), IOMMUSIM_OK, "remove");
}

static void destroy(struct iommusim_domain *domain)
{
	expect(iommusim_iommu_destroy_domain(rig.vmm, domain), IOMMUSIM_OK, "destroy");
}

static void plain_day(void)
{
	a_day_on(&plain);
}

static void write_buffer_day(void)
{
	struct rig_board board = plain;

	board.units[0].cap_set = CAP_RWBF;
	a_day_on(&board);
}

static void caching_mode_day(void)
{
	struct rig_board board = plain;

	board.units[0].cap_set = CAP_CM;
	a_day_on(&board);
}

static void non_coherent_day(void)
{
	struct rig_board board = plain;

	board.preset = "skylake-client";
	board.device_view = true;
	a_day_on(&board);
}

static void small_pages_day(void)
{
	struct rig_board board = plain;

	board.units[0].cap_clear = CAP_SIZES;
	a_day_on(&board);
}

static void no_device_tlb_day(void)
{
	struct rig_board board = plain;

	board.units[0].ecap_clear = ECAP_DT;
	a_day_on(&board);
}

static void taken_unit(void)
{
	struct rig_board board = plain;

	board.taken = true;
	rig_start(&board);
	if (iommusim_iommu_init(rig.vmm) == IOMMUSIM_OK)
		rig_dma(0, AHCI, MEMORY);
}

/* Two days with the module unloaded between them: the units keep what they have. */
static void reload(void)
{
	rig_start(&plain);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	rig_dma(0, AHCI, MEMORY);
	expect(iommusim_vmm_unload(rig.vmm), IOMMUSIM_OK, "unload");
	day();
	rig_stop();
}

static void stuck_unit(void)
{
	struct rig_board board = plain;

	board.tunables[2] = "hw.vmm.vtd.queued";
	board.tunables[3] = "0";
	board.settings.latency = UINT32_C(0x80000000);
	rig_start(&board);
	iommusim_iommu_init(rig.vmm);
}

/* ---- which unit ------------------------------------------------------------------------------------ */

static void include_all_first(void)
{
	struct rig_board board = plain;

	board.units[1] = (struct rig_unit){ .base = UNIT + PAGE,
		.ecap_clear = ECAP_DT,
		.scopes = { { IOMMUSIM_SCOPE_ENDPOINT, 0, { { 0x17, 0 } }, 1 } } };
	a_day_on(&board);
}

static void bridge_scope(void)
{
	struct rig_board board = plain;

	board.units[1] = board.units[0];
	board.units[0] = (struct rig_unit){ .base = UNIT + PAGE,
		.ecap_clear = ECAP_DT,
		.scopes = { { IOMMUSIM_SCOPE_BRIDGE, 0, { { 0x1c, 0 } }, 1 } } };
	a_day_on(&board);
}

/* 3:17.0 is behind the first unit, 0:17.0 is not. */
static void path_element(void)
{
	struct rig_board board = plain;

	board.units[1] = board.units[0];
	board.units[1].ecap_clear = ECAP_DT;
	board.units[0] = (struct rig_unit){ .base = UNIT + PAGE,
		.scopes = { { IOMMUSIM_SCOPE_ENDPOINT, 0, { { 0x1c, 0 }, { 0x17, 0 } }, 2 } } };
	a_day_on(&board);
}

static void other_segment(void)
{
	struct rig_board board = plain;

	board.units[1] = board.units[0];
	board.units[1].ecap_clear = ECAP_DT;
	board.units[0] = (struct rig_unit){ .base = UNIT + PAGE,
		.segment = 1,
		.scopes = { { IOMMUSIM_SCOPE_ENDPOINT, 0, { { 0x17, 0 } }, 1 } } };
	a_day_on(&board);
}

static void ten_units(void)
{
	struct rig_board board = plain;

	board.units[9] = board.units[0];
	for (unsigned i = 0; i < 9; i++)
		board.units[i] = (struct rig_unit){ .base = UNIT + (i + 1) * PAGE,
			.scopes = { { IOMMUSIM_SCOPE_ENDPOINT, 0, { { (uint8_t)(2 + i), 0 } }, 1 } } };
	a_day_on(&board);
}

static void outside_of_all_scopes(void)
{
	struct iommusim_vmm_config config = { .cpu = IOMMUSIM_CPU_INTEL };
	struct rig_board board = plain;
	void *domain;

	board.units[0].include_all = false;
	board.units[0].scopes[0] = (struct rig_scope){ IOMMUSIM_SCOPE_BRIDGE, 0, { { 0x1c, 0 } }, 1 };
	board.functions[0].driver = IOMMUSIM_DRIVER_PPT; /* no other unit's either, so nobody's */
	board.functions[3].rid = 0;
	rig_start(&board);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	ops_give(&config);
	config.ops->create_domain(config.ops_context, RIG_RAM, &domain);
	config.ops->add_device(config.ops_context, domain, 0, AHCI);
	config.ops->destroy_domain(config.ops_context, domain);
	rig_stop();
}

/* ---- domains ----------------------------------------------------------------------------------------- */

static void narrow_unit(void)
{
	struct rig_board board = plain;
	struct iommusim_domain *domain;

	board.units[0].cap_clear = CAP_NARROW_CLEAR;
	board.units[0].cap_set = CAP_NARROW_SET;
	rig_start(&board);
	domain = domain_for(UINT64_C(257) << 30);
	map(domain, UINT64_C(256) << 30, MEMORY, PAGE);
	add(domain, NIC);
	rig_dma(0, NIC, UINT64_C(256) << 30);
	take(domain, NIC);
	destroy(domain);
	rig_stop();
}

static void beyond_width(void)
{
	struct iommusim_vmm_config config = { .cpu = IOMMUSIM_CPU_INTEL };
	struct rig_board board = plain;
	uint64_t done = 0;
	void *domain;

	board.units[0].cap_clear = CAP_NARROW_CLEAR;
	board.units[0].cap_set = CAP_NARROW_SET;
	rig_start(&board);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	ops_give(&config);
	config.ops->create_domain(config.ops_context, UINT64_C(1) << 39, &domain);
	config.ops->create_mapping(
	    config.ops_context, domain, (UINT64_C(1) << 39) + GUEST, MEMORY, PAGE, &done);
	config.ops->add_device(config.ops_context, domain, 0, NIC);
	rig_dma_to(0, NIC, GUEST, RIG_REFUSED);
	config.ops->remove_device(config.ops_context, domain, 0, NIC);
	config.ops->destroy_domain(config.ops_context, domain);
	rig_stop();
}

/* A board of another generation, each with its own units. */
static void day_of(const char *preset, const char *name, const char *value)
{
	struct rig_board board = plain;

	board.preset = preset;
	board.device_view = true;
	board.tunables[2] = name;
	board.tunables[3] = value;
	a_day_on(&board);
}

static void registers_day(void)
{
	day_of("skylake-sp", "hw.vmm.vtd.queued", "0");
}

static void small_leaves_day(void)
{
	day_of("skylake-client", "hw.vmm.vtd.superpages", "0");
}

static void old_server_day(void)
{
	day_of("haswell-ep", NULL, NULL);
}

static void new_server_day(void)
{
	day_of("sapphire-rapids", NULL, NULL);
}

static void old_client_registers_day(void)
{
	day_of("skylake-client", "hw.vmm.vtd.queued", "0");
}

static void unmap_nothing(void)
{
	struct iommusim_domain *domain;
	uint64_t before;

	rig_start(&plain);
	domain = domain_for(UINT64_C(4) << 30);
	before = rig_memory();
	unmap(domain, GUEST, PAGE);
	if (rig_memory() != before)
		rig_notice("memory", "%llu bytes were allocated to unmap what was not mapped",
		    (unsigned long long)(rig_memory() - before));
	destroy(domain);
	rig_stop();
}

static void unmap_in_large_leaf(void)
{
	struct rig_board board = plain;
	struct iommusim_domain *domain;

	board.ram = UINT64_C(2) << 30;
	rig_start(&board);
	domain = domain_for(UINT64_C(4) << 30);
	map(domain, GUEST, UINT64_C(1) << 30, UINT64_C(1) << 30);
	add(domain, NIC);
	rig_dma(0, NIC, GUEST + PAGE);
	unmap(domain, GUEST + PAGE, PAGE);
	rig_dma(0, NIC, GUEST);
	rig_dma(0, NIC, GUEST + PAGE);
	rig_dma(0, NIC, GUEST + 2 * PAGE);
	take(domain, NIC);
	destroy(domain);
	rig_stop();
}

static void next_domain(void)
{
	struct iommusim_domain *domain;

	rig_start(&plain);
	domain = domain_for(UINT64_C(4) << 30);
	map(domain, GUEST, MEMORY, PAGE);
	add(domain, NIC);
	rig_dma(0, NIC, GUEST);
	take(domain, NIC);
	destroy(domain);
	domain = domain_for(UINT64_C(4) << 30);
	map(domain, GUEST, MEMORY + PAGE, PAGE);
	add(domain, NIC);
	rig_dma(0, NIC, GUEST);
	take(domain, NIC);
	destroy(domain);
	rig_stop();
}

static void device_outlives_domain(void)
{
	struct iommusim_domain *domain;

	rig_start(&plain);
	domain = domain_for(UINT64_C(4) << 30);
	map(domain, GUEST, MEMORY, PAGE);
	add(domain, NIC);
	rig_dma(0, NIC, GUEST);
	destroy(domain);
	rig_dma(0, NIC, GUEST);
	rig_stop();
}

static void many_domains(void)
{
	struct iommusim_domain *domains[20];
	struct rig_board board = plain;
	unsigned made = 0;

	board.units[0].cap_clear = CAP_ND; /* 16 ids, of which 0 is nobody's and 1 the host's */
	rig_start(&board);
	while (
	    made < 20 && iommusim_iommu_create_domain(rig.vmm, RIG_RAM, &domains[made]) == IOMMUSIM_OK)
		made++;
	if (made != 14)
		rig_notice("status", "%u domains", made);
	while (made > 0)
		destroy(domains[--made]);
	rig_stop();
}

static void reserved_region(void)
{
	const uint64_t first = UINT64_C(0x20000000);
	struct rig_board board = plain;

	board.rmrr_first = first;
	board.rmrr_last = first + 4 * PAGE - 1;
	board.rmrr_rid = AHCI;
	rig_start(&board);
	expect(iommusim_memory_add(rig.machine, first, 4 * PAGE, IOMMUSIM_MEMORY_FIRMWARE), IOMMUSIM_OK,
	    "memory");
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	rig_dma_to(0, AHCI, first + PAGE, first + PAGE);
	rig_stop();
}

static void unaligned(void)
{
	struct iommusim_vmm_config config = { .cpu = IOMMUSIM_CPU_INTEL };
	uint64_t done = 0;
	void *domain;

	rig_start(&plain);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	ops_give(&config);
	config.ops->create_domain(config.ops_context, RIG_RAM, &domain);
	config.ops->create_mapping(config.ops_context, domain, GUEST, MEMORY, PAGE + 0x200, &done);
	if (done != 0)
		rig_notice("status", "%llu bytes were mapped", (unsigned long long)done);
	config.ops->destroy_domain(config.ops_context, domain);
	rig_stop();
}

static void added_twice(void)
{
	struct iommusim_vmm_config config = { .cpu = IOMMUSIM_CPU_INTEL };
	void *domain;

	rig_start(&plain);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	ops_give(&config);
	config.ops->create_domain(config.ops_context, RIG_RAM, &domain);
	config.ops->add_device(config.ops_context, domain, 0, NIC);
	config.ops->add_device(config.ops_context, domain, 0, NIC);
	config.ops->destroy_domain(config.ops_context, domain);
	rig_stop();
}

static void many_faults(void)
{
	struct iommusim_vm *vm;

	rig_start(&plain);
	vm = guest("a");
	expect(iommusim_vm_assign_pptdev(vm, 0, NIC), IOMMUSIM_OK, "assign");
	for (uint64_t i = 0; i < 12; i++) {
		rig_dma(0, NIC, (UINT64_C(3) << 30) + i * PAGE);
		expect(iommusim_kernel_run(rig.kernel, 10, NULL), IOMMUSIM_OK, "interrupts");
	}
	expect(iommusim_vm_destroy(vm), IOMMUSIM_OK, "vm_destroy");
	rig_stop();
}

/* ---- through the driver's own iommu.c and vm.c ------------------------------------------------------- */

struct vm;
struct vm *vm_create_small(void);
void vm_destroy_small(struct vm *vm);
int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t hpa, size_t len);
int vm_assign_pptdev(struct vm *vm, int bus, int slot, int func);
int vm_unassign_pptdev(struct vm *vm, int bus, int slot, int func);
void iommu_cleanup(void);

static struct vm *own_vm;
static int own_error;

static void own_create(void *context)
{
	(void)context;
	own_vm = vm_create_small();
	own_error = vm_add_memory(own_vm, 0, MEMORY, RIG_MIB);
}

static void own_assign(void *context)
{
	(void)context;
	own_error = vm_assign_pptdev(own_vm, 3, 0, 0);
}

static void own_unassign(void *context)
{
	(void)context;
	own_error = vm_unassign_pptdev(own_vm, 3, 0, 0);
}

static void own_end(void *context)
{
	(void)context;
	vm_destroy_small(own_vm);
	iommu_cleanup();
}

static void own_start(const struct rig_board *board)
{
	rig.vmm_unused = true;
	rig_start(board);
	rig_call(own_create, NULL);
}

static void own_stop(void)
{
	rig_call(own_end, NULL);
	rig_stop();
}

static void own_day(void)
{
	own_start(&plain);
	for (unsigned i = 0; i < 2; i++) {
		rig_call(own_assign, NULL);
		if (own_error != 0)
			rig_notice("status", "assign: %d", own_error);
		rig_dma_to(0, NIC, 0x5000, MEMORY + 0x5000);
		rig_dma_to(0, NIC, 2 * RIG_MIB, RIG_REFUSED);
		rig_dma_to(0, AHCI, MEMORY, MEMORY);
		rig_call(own_unassign, NULL);
		rig_dma_to(0, NIC, 0x5000, RIG_REFUSED);
	}
	own_stop();
}

static void expect_sysctl(const char *name, int64_t wanted)
{
	int64_t value;

	expect(iommusim_kernel_sysctl_number(rig.kernel, name, &value), IOMMUSIM_OK, name);
	if (value != wanted)
		rig_notice("status", "%s is %lld", name, (long long)value);
}

static void sysctls(void)
{
	own_start(&plain);
	expect_sysctl("hw.vmm.iommu.initialized", 0);
	rig_call(own_assign, NULL);
	expect_sysctl("hw.vmm.iommu.initialized", 1);
	expect_sysctl("hw.vmm.vtd.units", 1);
	expect_sysctl("hw.vmm.vtd.domains", 2);
	rig_dma_to(0, NIC, 2 * RIG_MIB, RIG_REFUSED);
	expect(iommusim_kernel_run(rig.kernel, 10, NULL), IOMMUSIM_OK, "interrupts");
	expect_sysctl("hw.vmm.vtd.faults", 1);
	if (strstr(iommusim_kernel_console(rig.kernel), "write of 0x200000 by 3:0.0 refused") == NULL)
		rig_notice("console", "no word of the fault");
	own_stop();
	expect_sysctl("hw.vmm.iommu.initialized", 0);
}

static void switched_off(void)
{
	struct rig_board board = plain;

	board.tunables[2] = "hw.vmm.iommu.enable";
	board.tunables[3] = "0";
	own_start(&board);
	rig_call(own_assign, NULL);
	if (own_error == 0)
		rig_notice("status", "a device was assigned without an IOMMU");
	expect_sysctl("hw.vmm.iommu.initialized", 0);
	own_stop();
}

/* A function that comes while the system runs is the host's, and one that goes takes its entry along. */
static void hot_plug(void)
{
	const uint16_t rid = IOMMUSIM_RID(0, 0x14, 0);
	const struct iommusim_pci_function function = { .rid = rid };

	own_start(&plain);
	rig_call(own_assign, NULL);
	expect(iommusim_pci_add(rig.machine, &function), IOMMUSIM_OK, "function");
	rig_dma_to(0, rid, MEMORY, RIG_REFUSED);
	expect(iommusim_kernel_pci_arrived(rig.kernel, 0, rid, NULL), IOMMUSIM_OK, "arrived");
	rig_dma_to(0, rid, MEMORY, MEMORY);
	expect(iommusim_kernel_pci_leaves(rig.kernel, 0, rid, NULL), IOMMUSIM_OK, "leaves");
	rig_dma_to(0, rid, MEMORY, RIG_REFUSED);
	own_stop();
}

/* One table of the host's domain is missing. */
static void no_memory(void)
{
	struct rig_board board = plain;

	board.tunables[2] = "hw.vmm.vtd.superpages";
	board.tunables[3] = "0";
	own_start(&board);
	iommusim_kernel_fail_allocation(rig.kernel, IOMMUSIM_KERNEL_MALLOC, 100, false);
	rig_call(own_assign, NULL);
	iommusim_kernel_fail_allocation(rig.kernel, IOMMUSIM_KERNEL_MALLOC, 0, false);
	if (own_error == 0)
		rig_dma_to(0, AHCI, RIG_RAM - PAGE, RIG_RAM - PAGE);
	own_stop();
}

static void two_segments(void)
{
	struct rig_board board = plain;

	board.units[1] = (struct rig_unit){ .base = UNIT + PAGE, .segment = 1, .include_all = true };
	board.functions[5] =
	    (struct rig_function){ .segment = 1, .rid = AHCI, .driver = IOMMUSIM_DRIVER_HOST };
	own_start(&board);
	rig_call(own_assign, NULL);
	rig_dma_to(0, AHCI, MEMORY, MEMORY);
	rig_dma_to(1, AHCI, MEMORY, MEMORY);
	own_stop();
}

/* A device's reserved region is wider than any table. */
static void device_not_added(void)
{
	struct rig_board board = plain;

	board.rmrr_first = UINT64_C(1) << 49;
	board.rmrr_last = board.rmrr_first + PAGE - 1;
	board.rmrr_rid = AHCI;
	own_start(&board);
	rig_call(own_assign, NULL);
	if (own_error == 0)
		rig_dma_to(0, NIC, 0x5000, MEMORY + 0x5000);
	own_stop();
}

const struct rig_story rig_stories[] = {
	{ "PLAIN", plain_day },
	{ "OWN_VMM", own_day },
	{ "REGISTERS", registers_day },
	{ "SMALL_LEAVES", small_leaves_day },
	{ "OLD_SERVER", old_server_day },
	{ "NEW_SERVER", new_server_day },
	{ "CLIENT_REGISTERS", old_client_registers_day },
	{ "SYSCTLS", sysctls },
	{ "SWITCHED_OFF", switched_off },
	{ "HOT_PLUG", hot_plug },
	{ "BARE_SRTP", plain_day },
	{ "BARE_WBF", write_buffer_day },
	{ "REGISTER_INVALIDATION_UNDER_QI", taken_unit },
	{ "INCLUDE_ALL_FIRST", include_all_first },
	{ "BRIDGE_SCOPE", bridge_scope },
	{ "ANY_PATH_ELEMENT", path_element },
	{ "SEGMENT_IGNORED", other_segment },
	{ "EIGHT_UNITS", ten_units },
	{ "AGAW_OFF_BY_ONE", narrow_unit },
	{ "GPA_ALIAS", beyond_width },
	{ "UNMAP_ALLOCATES", unmap_nothing },
	{ "SUPERPAGE_AS_TABLE", unmap_in_large_leaf },
	{ "ID_REUSE", next_domain },
	{ "CLEANUP_LEAVES_ENTRIES", device_outlives_domain },
	{ "RMRR_IGNORED", reserved_region },
	{ "NO_TIMEOUT", stuck_unit },
	{ "PANIC_UNALIGNED", unaligned },
	{ "PANIC_CACHING_MODE", caching_mode_day },
	{ "PANIC_DOUBLE_ADD", added_twice },
	{ "PANIC_NO_SCOPE", outside_of_all_scopes },
	{ "PANIC_IDS", many_domains },
	{ "NON_ATOMIC_ENTRY", plain_day },
	{ "MISSING_IOTLB_FLUSH", plain_day },
	{ "MISSING_CONTEXT_FLUSH", plain_day },
	{ "MISSING_CACHE_FLUSH", non_coherent_day },
	{ "MISSING_WBF", write_buffer_day },
	{ "SRTP_WITHOUT_FLUSH", reload },
	{ "TT_WITHOUT_DT", no_device_tlb_day },
	{ "UNSUPPORTED_SUPERPAGE", small_pages_day },
	{ "TABLE_LEAK", plain_day },
	{ "FAULTS_NOT_CLEARED", many_faults },
	{ "HOST_ERRORS_IGNORED", no_memory },
	{ "SEGMENT_0_ONLY", two_segments },
	{ "HALF_UNDONE", device_not_added },
	{ "STALE_VM_IOMMU", own_day },
	{ NULL, NULL },
};
