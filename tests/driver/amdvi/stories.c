/*
 * Stories: each brings a driver to where one of its hazards would show. What is noticed and how is the rig's;
 * what a person would see of a driver that hangs is noticed here.
 */
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "tests/driver/amdvi/board.h"
#include "tests/driver/rig/own.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

/* A DMA that should go well, or be rightly refused. */
static void dma(uint16_t rid, uint64_t address)
{
	rig_dma(0, rid, address);
}

/* A DMA that must be refused, and its fault be in the log. */
static void dma_faults(uint16_t rid, uint64_t address)
{
	const struct iommusim_report report = rig_dma(0, rid, address);

	if (report.page.page.faulted && !report.page.page.fault.recorded)
		rig_notice("fault not recorded", "of %x", rid);
}

static void end(void)
{
	rig_settle();
	if (rig.panic[0] != '\0')
		rig_notice("panic", "%s", rig.panic);
	if (rig_unseen() > 0)
		rig_notice("accesses that are not volatile", "%llu", (unsigned long long)rig_unseen());
}

static struct iommusim_domain *new_domain(uint64_t size)
{
	struct iommusim_domain *domain = NULL;

	rig_must(iommusim_iommu_create_domain(rig.vmm, size, &domain), "domain");
	return domain;
}

/* ---- the stories --------------------------------------------------------------------------------------- */

static void everyday_life(void)
{
	struct iommusim_vm *vm;

	board_start(NULL);
	vm = rig_vm("guest", 2 * MIB, RIG_NIC);
	dma(RIG_NIC, 0x1000);
	dma_faults(RIG_NIC, 16 * MIB);
	rig_settle();
	iommusim_vm_assign_pptdev(vm, 0, RIG_NVME);
	dma(RIG_NVME, 0x2000);
	dma(RIG_DISK, MIB);
	dma(RIG_RAID, MIB);
	iommusim_vm_destroy(vm);
	dma_faults(RIG_NIC, 0x1000);
	dma_faults(RIG_NVME, 0x1000);
	rig_settle();
	iommusim_vmm_unload(rig.vmm);
	end();
}

static void guest_goes(void)
{
	struct iommusim_vm *vm;

	board_start(NULL);
	vm = rig_vm("guest", 2 * MIB, RIG_NIC);
	dma(RIG_NIC, 0x1000);
	iommusim_vm_destroy(vm);
	dma(RIG_NIC, 0x1000);
	end();
}

/* All that a domain has is there when it goes. */
static void domain_goes(void)
{
	struct iommusim_domain *domain;

	board_start(NULL);
	domain = new_domain(GIB);
	(void)iommusim_iommu_create_mapping(rig.vmm, domain, MIB, 2 * MIB, 0x1000);
	(void)iommusim_iommu_add_device(rig.vmm, domain, 0, RIG_NIC);
	dma(RIG_NIC, MIB);
	(void)iommusim_iommu_destroy_domain(rig.vmm, domain);
	dma(RIG_NIC, MIB);
	end();
}

/* Memory that is the host's, not the driver's. */
static void mark_memory(uint64_t address, uint64_t mark)
{
	rig_must(iommusim_memory_write(rig.machine, address, &mark, sizeof(mark)), "memory");
}

static void look_at_memory(uint64_t address, uint64_t mark)
{
	uint64_t now = 0;

	iommusim_memory_read(rig.machine, address, &now, sizeof(now));
	if (now != mark)
		rig_notice("memory of others changed", "%s", "");
}

/* Page 0 is what an entry that is not there points to: its entry 5 is what would be cleared. */
static void unmap_nothing(void)
{
	board_start(NULL);
	mark_memory(5 * sizeof(uint64_t), UINT64_C(0x1122334455667788));
	(void)iommusim_iommu_remove_mapping(rig.vmm, new_domain(GIB), 0x5000, 0x1000);
	look_at_memory(5 * sizeof(uint64_t), UINT64_C(0x1122334455667788));
	end();
}

/* A device each, and a command for each, before the unit is on. */
static void many_devices(void)
{
	board_start(&(struct rig_setup){ .host_devices = 300 });
	dma(IOMMUSIM_RID(3, 0, 0), MIB);
	dma(IOMMUSIM_RID(3, 0, 0) + 299, MIB);
	end();
}

/* The ring wraps, and slots are used for other commands than the first time. */
static void ring_wraps(void)
{
	struct iommusim_domain *domain;

	board_start(NULL);
	domain = new_domain(GIB);
	(void)iommusim_iommu_add_device(rig.vmm, domain, 0, RIG_GPU);
	for (unsigned i = 0; i < 150 && rig.panic[0] == '\0'; i++)
		(void)iommusim_iommu_invalidate_tlb(rig.vmm, domain);
	for (unsigned i = 0; i < 60 && rig.panic[0] == '\0'; i++) {
		(void)iommusim_iommu_create_mapping(rig.vmm, domain, 0, MIB, 0x1000);
		(void)iommusim_iommu_add_device(rig.vmm, domain, 0, RIG_NIC);
		dma(RIG_NIC, 0);
		(void)iommusim_iommu_remove_mapping(rig.vmm, domain, 0, 0x1000);
		(void)iommusim_iommu_invalidate_tlb(rig.vmm, domain);
		dma(RIG_NIC, 0);
		(void)iommusim_iommu_remove_device(rig.vmm, domain, 0, RIG_NIC);
		rig_settle();
	}
	if (rig_sysctl("dev.ivhd.0.restarts") > 0)
		rig_notice("command buffer restarted", "%s", "");
	end();
}

/* More faults than the log has room for, before anyone looks; then one more. */
static void log_overflows(void)
{
	board_start(NULL);
	for (unsigned i = 0; i < 300; i++)
		dma(RIG_NIC, MIB);
	rig_settle();
	dma_faults(RIG_NIC, MIB);
	end();
}

/* Faults one by one, each looked at: the log never fills. */
static void log_in_use(void)
{
	board_start(NULL);
	for (unsigned i = 0; i < 600; i++) {
		dma_faults(RIG_NIC, MIB);
		rig_settle();
	}
	end();
}

/* The unit cannot read its commands any more. */
static void commands_unreadable(void)
{
	struct iommusim_domain *domain;
	uint64_t ring = 0;

	board_start(NULL);
	domain = new_domain(GIB);
	(void)iommusim_iommu_create_mapping(rig.vmm, domain, 0, MIB, 0x1000);
	(void)iommusim_iommu_add_device(rig.vmm, domain, 0, RIG_NIC);
	dma(RIG_NIC, 0);
	iommusim_mmio_read(rig.machine, RIG_UNIT0 + 8, 8, &ring);
	iommusim_memory_set_broken(rig.machine, ring & UINT64_C(0xffffffffff000), 0x1000, true);
	(void)iommusim_iommu_remove_mapping(rig.vmm, domain, 0, 0x1000);
	(void)iommusim_iommu_invalidate_tlb(rig.vmm, domain);
	if (rig.panic[0] == '\0')
		dma(RIG_NIC, 0);
	end();
}

static void misaligned(void)
{
	board_start(NULL);
	if (!rig_map(0x1800, MIB, 0x1000))
		rig_notice("endless loop", "%s", "");
	end();
}

/* Firmware names each IOMMU three times. */
static void named_three_times(void)
{
	struct iommusim_vm *vm;

	board_start(&(struct rig_setup){ .all_types = true });
	vm = rig_vm("guest", 2 * MIB, RIG_NIC);
	if (rig_sysctl("hw.vmm.amdvi.units") != 2)
		rig_notice("units that are not there", "%s", "");
	dma(RIG_NIC, 0x1000);
	dma(RIG_DISK, MIB);
	iommusim_vm_destroy(vm);
	dma(RIG_NIC, 0x1000);
	end();
}

/* More domains than there are ids: a driver that counts them is told how many it has had. */
static void many_domains(void)
{
	struct iommusim_domain *domain;

	board_start(NULL);
	(void)iommusim_kernel_sysctl_write(rig.kernel, "hw.vmm.amdvi.last_domain_id", "65535");
	(void)new_domain(GIB);
	domain = new_domain(GIB);
	(void)iommusim_iommu_create_mapping(rig.vmm, domain, MIB, 2 * MIB, 0x1000);
	(void)iommusim_iommu_add_device(rig.vmm, domain, 0, RIG_NIC);
	dma(RIG_DISK, MIB);
	dma(RIG_NIC, MIB);
	end();
}

/* A device moves while its unit is on. */
static void device_moves(void)
{
	struct iommusim_domain *first, *second;

	board_start(NULL);
	first = new_domain(GIB);
	second = new_domain(GIB);
	(void)iommusim_iommu_create_mapping(rig.vmm, first, MIB, 2 * MIB, 0x1000);
	(void)iommusim_iommu_create_mapping(rig.vmm, second, MIB, 3 * MIB, 0x1000);
	(void)iommusim_iommu_add_device(rig.vmm, first, 0, RIG_NIC);
	dma(RIG_NIC, MIB);
	(void)iommusim_iommu_remove_device(rig.vmm, first, 0, RIG_NIC);
	(void)iommusim_iommu_add_device(rig.vmm, second, 0, RIG_NIC);
	dma(RIG_NIC, MIB);
	end();
}

static void second_unit(void)
{
	board_start(NULL);
	rig_vm("guest", 2 * MIB, RIG_NVME);
	dma(RIG_NVME, 0x1000);
	dma(RIG_RAID, MIB);
	end();
}

static void ungoverned(void)
{
	struct iommusim_vm *vm;

	board_start(NULL);
	vm = rig_vm("guest", 2 * MIB, 0);
	if (iommusim_vm_assign_pptdev(vm, 0, RIG_NOBODY) == IOMMUSIM_OK)
		dma(RIG_NOBODY, 0x1000);
	end();
}

static void beyond_width(void)
{
	struct iommusim_domain *domain;

	board_start(NULL);
	domain = new_domain(GIB);
	(void)iommusim_iommu_add_device(rig.vmm, domain, 0, RIG_NIC);
	if (iommusim_iommu_create_mapping(
		rig.vmm, domain, (UINT64_C(1) << 48) + MIB, 2 * MIB, 0x1000) == IOMMUSIM_OK)
		dma(RIG_NIC, MIB);
	end();
}

static void firmware_memory(void)
{
	board_start(&(struct rig_setup){ .unity = true });
	rig_vm("guest", 2 * MIB, RIG_GPU);
	dma(RIG_GPU, 0x1000);
	end();
}

/* A domain goes with all that is mapped in it, another comes, and gets its id. */
static void id_again(void)
{
	struct iommusim_domain *first, *second;

	board_start(NULL);
	first = new_domain(GIB);
	(void)iommusim_iommu_create_mapping(rig.vmm, first, MIB, 2 * MIB, 0x1000);
	(void)iommusim_iommu_add_device(rig.vmm, first, 0, RIG_NIC);
	dma(RIG_NIC, MIB);
	(void)iommusim_iommu_remove_device(rig.vmm, first, 0, RIG_NIC);
	(void)iommusim_iommu_destroy_domain(rig.vmm, first);
	second = new_domain(GIB);
	(void)iommusim_iommu_create_mapping(rig.vmm, second, MIB, 3 * MIB, 0x1000);
	(void)iommusim_iommu_add_device(rig.vmm, second, 0, RIG_GPU);
	dma(RIG_GPU, MIB);
	end();
}

/* One page out of what a large leaf maps: a guest's memory, that looks like entries. */
static void hole_in_leaf(void)
{
	struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	uint64_t gpa = 0, hpa = 1;

	board_start(NULL);
	vm = rig_vm("guest", 4 * MIB, 0);
	while (iommusim_vm_gpa_to_hpa(vm, gpa, &hpa, NULL) == IOMMUSIM_OK && hpa % (2 * MIB) != 0)
		gpa += 0x1000;
	rig_must(hpa % (2 * MIB) == 0 ? IOMMUSIM_OK : IOMMUSIM_ENOMEM, "memory for a large leaf");
	mark_memory(hpa + 5 * sizeof(uint64_t), 1);
	domain = new_domain(GIB);
	(void)iommusim_iommu_create_mapping(rig.vmm, domain, 2 * MIB, hpa, 2 * MIB);
	(void)iommusim_iommu_add_device(rig.vmm, domain, 0, RIG_NIC);
	dma(RIG_NIC, 2 * MIB + 0x5000);
	(void)iommusim_iommu_remove_mapping(rig.vmm, domain, 2 * MIB + 0x5000, 0x1000);
	(void)iommusim_iommu_invalidate_tlb(rig.vmm, domain);
	dma(RIG_NIC, 2 * MIB + 0x4000);
	dma(RIG_NIC, 2 * MIB + 0x5000);
	look_at_memory(hpa + 5 * sizeof(uint64_t), 1);
	end();
}

static void behind_bridge(void)
{
	board_start(NULL);
	rig_vm("guest", 2 * MIB, RIG_OLD);
	dma(RIG_OLD, 0x1000);
	end();
}

/* ---- through the driver's own iommu.c and vm.c ----------------------------------------------------------- */

static void own_board(enum own_board wanted)
{
	static const struct iommusim_kernel_setting plain[] = { { "pptdevs", "1/0/0" },
		{ NULL, NULL } },
						    off[] = { { "pptdevs", "1/0/0" },
							    { "hw.vmm.iommu.enable", "0" },
							    { NULL, NULL } };

	rig.panic_ends = true;
	board_start(&(struct rig_setup){ .tunables = wanted == OWN_OFF ? off : plain,
	    .no_init = true,
	    .second_segment = wanted == OWN_TWO_SEGMENTS,
	    .wild_unity = wanted == OWN_BAD_FIRMWARE });
}

const struct own_hardware own_hardware = {
	.start = own_board,
	.stop = end,
	.disk = RIG_DISK,
	.guests = RIG_NIC,
	.memory = 32 * MIB,
	.far = 48 * MIB,
	.kind = IOMMUSIM_KERNEL_CONTIG,
	.failing = 8, /* three for each unit, the root, its first table */
};

const struct rig_story rig_stories[] = {
	{ "everyday-life", everyday_life },
	{ "guest-goes", guest_goes },
	{ "domain-goes", domain_goes },
	{ "unmap-nothing", unmap_nothing },
	{ "many-devices", many_devices },
	{ "ring-wraps", ring_wraps },
	{ "log-overflows", log_overflows },
	{ "log-in-use", log_in_use },
	{ "commands-unreadable", commands_unreadable },
	{ "misaligned", misaligned },
	{ "named-three-times", named_three_times },
	{ "many-domains", many_domains },
	{ "device-moves", device_moves },
	{ "second-unit", second_unit },
	{ "ungoverned", ungoverned },
	{ "beyond-width", beyond_width },
	{ "firmware-memory", firmware_memory },
	{ "id-again", id_again },
	{ "hole-in-leaf", hole_in_leaf },
	{ "behind-bridge", behind_bridge },
	{ "own-day", own_day },
	{ "own-switched-off", own_switched_off },
	{ "own-hot-plug", own_hot_plug },
	{ "own-mallocs", own_mallocs },
	{ "own-contigmallocs", own_contigmallocs },
	{ "own-host-errors", own_host_errors },
	{ "own-two-segments", own_two_segments },
	{ "own-device-not-added", own_device_not_added },
	{ NULL, NULL },
};
