/*
 * A story for each hazard: what has to happen for it to show. A backend without the hazard passes every one of them
 * unnoticed. What is noticed and how is the rig's.
 */
#include "tests/driver/vtd/board.h"

#include <stddef.h>
#include <string.h>

#include <iommusim/memory.h>

#include "tests/driver/rig/own.h"

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
	board_start(board);
	day();
	board_stop();
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
	board_start(&board);
	if (iommusim_iommu_init(rig.vmm) == IOMMUSIM_OK)
		rig_dma(0, AHCI, MEMORY);
}

/* Two days with the module unloaded between them: the units keep what they have. */
static void reload(void)
{
	board_start(&plain);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	rig_dma(0, AHCI, MEMORY);
	expect(iommusim_vmm_unload(rig.vmm), IOMMUSIM_OK, "unload");
	day();
	board_stop();
}

static void stuck_unit(void)
{
	struct rig_board board = plain;

	board.tunables[2] = "hw.vmm.vtd.queued";
	board.tunables[3] = "0";
	board.settings.latency = UINT32_C(0x80000000);
	board_start(&board);
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
	const struct iommusim_ops *ops;
	void *context;
	struct rig_board board = plain;
	void *domain;

	board.units[0].include_all = false;
	board.units[0].scopes[0] = (struct rig_scope){ IOMMUSIM_SCOPE_BRIDGE, 0, { { 0x1c, 0 } }, 1 };
	board.functions[0].driver = IOMMUSIM_DRIVER_PPT; /* no other unit's either, so nobody's */
	board.functions[3].rid = 0;
	board_start(&board);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	ops = rig_ops(&context);
	ops->create_domain(context, RIG_RAM, &domain);
	ops->add_device(context, domain, 0, AHCI);
	ops->destroy_domain(context, domain);
	board_stop();
}

/* ---- domains ----------------------------------------------------------------------------------------- */

static void narrow_unit(void)
{
	struct rig_board board = plain;
	struct iommusim_domain *domain;

	board.units[0].cap_clear = CAP_NARROW_CLEAR;
	board.units[0].cap_set = CAP_NARROW_SET;
	board_start(&board);
	domain = domain_for(UINT64_C(257) << 30);
	map(domain, UINT64_C(256) << 30, MEMORY, PAGE);
	add(domain, NIC);
	rig_dma(0, NIC, UINT64_C(256) << 30);
	take(domain, NIC);
	destroy(domain);
	board_stop();
}

static void beyond_width(void)
{
	const struct iommusim_ops *ops;
	void *context;
	struct rig_board board = plain;
	uint64_t done = 0;
	void *domain;

	board.units[0].cap_clear = CAP_NARROW_CLEAR;
	board.units[0].cap_set = CAP_NARROW_SET;
	board_start(&board);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	ops = rig_ops(&context);
	ops->create_domain(context, UINT64_C(1) << 39, &domain);
	ops->create_mapping(context, domain, (UINT64_C(1) << 39) + GUEST, MEMORY, PAGE, &done);
	ops->add_device(context, domain, 0, NIC);
	rig_dma_to(0, NIC, GUEST, RIG_REFUSED);
	ops->remove_device(context, domain, 0, NIC);
	ops->destroy_domain(context, domain);
	board_stop();
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

	board_start(&plain);
	domain = domain_for(UINT64_C(4) << 30);
	before = rig_memory();
	unmap(domain, GUEST, PAGE);
	if (rig_memory() != before)
		rig_notice("memory", "%llu bytes were allocated to unmap what was not mapped",
		    (unsigned long long)(rig_memory() - before));
	destroy(domain);
	board_stop();
}

static void unmap_in_large_leaf(void)
{
	struct rig_board board = plain;
	struct iommusim_domain *domain;

	board.ram = UINT64_C(2) << 30;
	board_start(&board);
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
	board_stop();
}

static void next_domain(void)
{
	struct iommusim_domain *domain;

	board_start(&plain);
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
	board_stop();
}

static void device_outlives_domain(void)
{
	struct iommusim_domain *domain;

	board_start(&plain);
	domain = domain_for(UINT64_C(4) << 30);
	map(domain, GUEST, MEMORY, PAGE);
	add(domain, NIC);
	rig_dma(0, NIC, GUEST);
	destroy(domain);
	rig_dma(0, NIC, GUEST);
	board_stop();
}

static void many_domains(void)
{
	struct iommusim_domain *domains[20];
	struct rig_board board = plain;
	unsigned made = 0;

	board.units[0].cap_clear = CAP_ND; /* 16 ids, of which 0 is nobody's and 1 the host's */
	board_start(&board);
	while (
	    made < 20 && iommusim_iommu_create_domain(rig.vmm, RIG_RAM, &domains[made]) == IOMMUSIM_OK)
		made++;
	if (made != 14)
		rig_notice("status", "%u domains", made);
	while (made > 0)
		destroy(domains[--made]);
	board_stop();
}

static void reserved_region(void)
{
	const uint64_t first = UINT64_C(0x20000000);
	struct rig_board board = plain;

	board.rmrr_first = first;
	board.rmrr_last = first + 4 * PAGE - 1;
	board.rmrr_rid = AHCI;
	board_start(&board);
	expect(iommusim_memory_add(rig.machine, first, 4 * PAGE, IOMMUSIM_MEMORY_FIRMWARE), IOMMUSIM_OK,
	    "memory");
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	rig_dma_to(0, AHCI, first + PAGE, first + PAGE);
	board_stop();
}

static void unaligned(void)
{
	const struct iommusim_ops *ops;
	void *context;
	uint64_t done = 0;
	void *domain;

	board_start(&plain);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	ops = rig_ops(&context);
	ops->create_domain(context, RIG_RAM, &domain);
	ops->create_mapping(context, domain, GUEST, MEMORY, PAGE + 0x200, &done);
	if (done != 0)
		rig_notice("status", "%llu bytes were mapped", (unsigned long long)done);
	ops->destroy_domain(context, domain);
	board_stop();
}

static void added_twice(void)
{
	const struct iommusim_ops *ops;
	void *context;
	void *domain;

	board_start(&plain);
	expect(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK, "init");
	ops = rig_ops(&context);
	ops->create_domain(context, RIG_RAM, &domain);
	ops->add_device(context, domain, 0, NIC);
	ops->add_device(context, domain, 0, NIC);
	ops->destroy_domain(context, domain);
	board_stop();
}

static void many_faults(void)
{
	struct iommusim_vm *vm;

	board_start(&plain);
	vm = guest("a");
	expect(iommusim_vm_assign_pptdev(vm, 0, NIC), IOMMUSIM_OK, "assign");
	for (uint64_t i = 0; i < 12; i++) {
		rig_dma(0, NIC, (UINT64_C(3) << 30) + i * PAGE);
		expect(iommusim_kernel_run(rig.kernel, 10, NULL), IOMMUSIM_OK, "interrupts");
	}
	expect(iommusim_vm_destroy(vm), IOMMUSIM_OK, "vm_destroy");
	board_stop();
}

/* ---- through the driver's own iommu.c and vm.c ------------------------------------------------------- */

static void own_board(enum own_board wanted)
{
	struct rig_board board = plain;

	if (wanted == OWN_OFF) {
		board.tunables[2] = "hw.vmm.iommu.enable";
		board.tunables[3] = "0";
	} else if (wanted == OWN_SMALL_PAGES) {
		board.tunables[2] = "hw.vmm.vtd.superpages";
		board.tunables[3] = "0";
	} else if (wanted == OWN_TWO_SEGMENTS) {
		board.units[1] =
		    (struct rig_unit){ .base = UNIT + PAGE, .segment = 1, .include_all = true };
		board.functions[5] =
		    (struct rig_function){ .segment = 1, .rid = AHCI, .driver = IOMMUSIM_DRIVER_HOST };
	} else if (wanted == OWN_BAD_FIRMWARE) {
		board.rmrr_first = UINT64_C(1) << 49;
		board.rmrr_last = board.rmrr_first + PAGE - 1;
		board.rmrr_rid = AHCI;
	}
	board_start(&board);
}

const struct own_hardware own_hardware = {
	.start = own_board,
	.stop = board_stop,
	.disk = AHCI,
	.guests = NIC,
	.memory = MEMORY,
	.far = RIG_RAM - PAGE,
	.kind = IOMMUSIM_KERNEL_MALLOC,
	.failing = 100,
};

static void expect_sysctl(const char *name, int64_t wanted)
{
	const int64_t value = rig_sysctl(name);

	if (value != wanted)
		rig_notice("status", "%s is %lld", name, (long long)value);
}

static void sysctls(void)
{
	own_start(OWN_PLAIN);
	expect_sysctl("hw.vmm.iommu.initialized", 0);
	own_assign();
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

const struct rig_story rig_stories[] = {
	{ "PLAIN", plain_day },
	{ "OWN_VMM", own_day },
	{ "REGISTERS", registers_day },
	{ "SMALL_LEAVES", small_leaves_day },
	{ "OLD_SERVER", old_server_day },
	{ "NEW_SERVER", new_server_day },
	{ "CLIENT_REGISTERS", old_client_registers_day },
	{ "SYSCTLS", sysctls },
	{ "SWITCHED_OFF", own_switched_off },
	{ "HOT_PLUG", own_hot_plug },
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
	{ "MALLOCS", own_mallocs },
	{ "HOST_ERRORS_IGNORED", own_host_errors },
	{ "SEGMENT_0_ONLY", own_two_segments },
	{ "HALF_UNDONE", own_device_not_added },
	{ "STALE_VM_IOMMU", own_day },
	{ NULL, NULL },
};
