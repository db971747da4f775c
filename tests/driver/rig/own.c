/* Devices given to a guest and taken back by the driver's own iommu.c and vm.c, in all the ways that go wrong in some. */
#include "tests/driver/rig/own.h"

#include "tests/driver/rig/rig.h"

#define PAGE UINT64_C(0x1000)
#define MIB  UINT64_C(0x100000)

#define ALLOCATIONS 40u /* more than a start with large leaves takes */

struct vm;
struct vm *vm_create_small(void);
void vm_destroy_small(struct vm *vm);
int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t hpa, size_t len);
int vm_assign_pptdev(struct vm *vm, int bus, int slot, int func);
int vm_unassign_pptdev(struct vm *vm, int bus, int slot, int func);
void iommu_cleanup(void);

static struct vm *vm;
static int error;
static uint64_t memory_before;

static void create(void *context)
{
	(void)context;
	vm = vm_create_small();
	error = vm_add_memory(vm, 0, own_hardware.memory, MIB);
}

static void assign(void *context)
{
	(void)context;
	error = vm_assign_pptdev(vm, IOMMUSIM_RID_BUS(own_hardware.guests),
	    IOMMUSIM_RID_DEVICE(own_hardware.guests), IOMMUSIM_RID_FUNCTION(own_hardware.guests));
}

static void unassign(void *context)
{
	(void)context;
	error = vm_unassign_pptdev(vm, IOMMUSIM_RID_BUS(own_hardware.guests),
	    IOMMUSIM_RID_DEVICE(own_hardware.guests), IOMMUSIM_RID_FUNCTION(own_hardware.guests));
}

static void end(void *context)
{
	(void)context;
	vm_destroy_small(vm);
	iommu_cleanup();
}

void own_start(enum own_board board)
{
	rig.vmm_unused = true;
	own_hardware.start(board);
	memory_before = rig_memory();
	rig_call(create, NULL);
}

int own_assign(void)
{
	rig_call(assign, NULL);
	return error;
}

int own_unassign(void)
{
	rig_call(unassign, NULL);
	return error;
}

void own_stop(void)
{
	rig_call(end, NULL);
	if (rig_memory() != memory_before)
		rig_notice("memory", "%llu bytes are left of %llu", (unsigned long long)rig_memory(),
		    (unsigned long long)memory_before);
	own_hardware.stop();
}

/* To the guest's memory, and nowhere else. */
static void guest_dma(void)
{
	rig_dma_to(0, own_hardware.guests, 0x5000, own_hardware.memory + 0x5000);
}

static void host_dma(uint16_t segment)
{
	rig_dma_to(segment, own_hardware.disk, own_hardware.memory, own_hardware.memory);
}

void own_day(void)
{
	own_start(OWN_PLAIN);
	for (unsigned i = 0; i < 2; i++) {
		if (own_assign() != 0)
			rig_notice("status", "assign: %d", error);
		guest_dma();
		rig_dma_to(0, own_hardware.guests, 2 * MIB, RIG_REFUSED);
		host_dma(0);
		own_unassign();
		rig_dma_to(0, own_hardware.guests, 0x5000, RIG_REFUSED);
	}
	own_stop();
}

void own_switched_off(void)
{
	own_start(OWN_OFF);
	if (own_assign() == 0)
		rig_notice("status", "a device was assigned without an IOMMU");
	if (rig_sysctl("hw.vmm.iommu.initialized") != 0)
		rig_notice("status", "hw.vmm.iommu.initialized is not 0");
	own_stop();
}

/* A function that comes while the system runs is the host's, and one that goes takes its entry along. */
void own_hot_plug(void)
{
	const uint16_t rid = IOMMUSIM_RID(0, 0x14, 0);
	const struct iommusim_pci_function function = { .rid = rid };
	const uint64_t memory = own_hardware.memory;

	own_start(OWN_PLAIN);
	own_assign();
	rig_must(iommusim_pci_add(rig.machine, &function), "function");
	rig_dma_to(0, rid, memory, RIG_REFUSED);
	rig_must(iommusim_kernel_pci_arrived(rig.kernel, 0, rid, NULL), "arrived");
	rig_dma_to(0, rid, memory, memory);
	rig_must(iommusim_kernel_pci_leaves(rig.kernel, 0, rid, NULL), "leaves");
	rig_dma_to(0, rid, memory, RIG_REFUSED);
	own_stop();
}

static void cleanup(void *context)
{
	(void)context;
	iommu_cleanup();
}

/* A guest gets its device while an allocation fails. */
static void assign_without(enum iommusim_kernel_allocation kind, uint64_t nth)
{
	iommusim_kernel_fail_allocation(rig.kernel, kind, nth, false);
	own_assign();
	iommusim_kernel_fail_allocation(rig.kernel, kind, 0, false);
}

/*
 * Each allocation of the start in turn, until one is missing without which the IOMMU starts: then the host's DMA, and
 * the guest's, if it got its device, are as if nothing had happened.
 */
static void allocations(enum iommusim_kernel_allocation kind)
{
	own_start(OWN_PLAIN);
	for (unsigned nth = 1; nth <= ALLOCATIONS; nth++) {
		assign_without(kind, nth);
		if (rig_sysctl("hw.vmm.iommu.initialized") != 0)
			break;
		rig_call(cleanup, NULL);
	}
	host_dma(0);
	if (error == 0)
		guest_dma();
	own_stop();
}

void own_mallocs(void)
{
	allocations(IOMMUSIM_KERNEL_MALLOC);
}

void own_contigmallocs(void)
{
	allocations(IOMMUSIM_KERNEL_CONTIG);
}

/* One table of the host's domain is missing. */
void own_host_errors(void)
{
	own_start(OWN_SMALL_PAGES);
	assign_without(own_hardware.kind, own_hardware.failing);
	if (error == 0)
		rig_dma_to(0, own_hardware.disk, own_hardware.far, own_hardware.far);
	own_stop();
}

void own_two_segments(void)
{
	own_start(OWN_TWO_SEGMENTS);
	own_assign();
	host_dma(0);
	host_dma(1);
	own_stop();
}

void own_device_not_added(void)
{
	own_start(OWN_BAD_FIRMWARE);
	if (own_assign() == 0)
		guest_dma();
	own_stop();
}
