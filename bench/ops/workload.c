/* The workloads: each prepares a stage, and then does what is measured. What is counted of it is stage.c's. */
#include "ops/workload.h"

#include <string.h>

#define PAGE       IOMMUSIM_PAGE_SIZE
#define PAGE_SHIFT IOMMUSIM_PAGE_SHIFT
#define LARGE      (UINT64_C(2) << 20)
#define HOST_BASE  (UINT64_C(1) << 30) /* host memory that domains map: RAM of the machine */

/* Pages that a device goes on using while others come and go; of 64 in the IOTLB they leave room for some. */
enum { HOT_PAGES = 32, CLUSTER = 1 << 16, PLUGGED = 64, CHURN_RUN = 64 };

static uint64_t per_page(uint64_t pages)
{
	return pages;
}

static bool invalidate(struct stage *stage)
{
	return rig_ok(&stage->rig, iommusim_iommu_invalidate_tlb(stage->rig.vmm, stage->domain));
}

/* ---- boot: a guest with a device, started and stopped ---------------------------------------------------------- */

static bool use_guest(struct stage *stage)
{
	for (uint64_t page = 0; page < stage->plan.pages; page++)
		if (!stage_dma(stage, stage->device, page << PAGE_SHIFT, true))
			return false;
	return true;
}

static bool boot(struct stage *stage)
{
	return rig_ok(&stage->rig, iommusim_vm_assign_pptdev(stage->vm, 0, RIG_PPT_DEVICE)) &&
	    use_guest(stage) &&
	    rig_ok(&stage->rig, iommusim_vm_unassign_pptdev(stage->vm, 0, RIG_PPT_DEVICE));
}

/* ---- host-io: a disk of the host reads into a guest that has a device ---------------------------------------------- */

static bool read_cluster(struct stage *stage, uint64_t gpa)
{
	struct iommusim_host_io io;
	uint64_t hpa, run;
	bool good;

	if (!rig_ok(&stage->rig, iommusim_host_io_begin(stage->vm, gpa, CLUSTER, true, &io)))
		return false;
	good = true;
	for (uint64_t at = 0; good && at < CLUSTER; at += PAGE) {
		iommusim_host_io_address(&io, at, &hpa, &run);
		good = stage_dma(stage, stage->disk, hpa, true);
	}
	iommusim_host_io_end(&io, CLUSTER);
	return good;
}

static bool host_io(struct stage *stage)
{
	for (uint64_t at = 0; at < stage->plan.pages << PAGE_SHIFT; at += CLUSTER)
		if (!read_cluster(stage, at))
			return false;
	return true;
}

/* Where nothing is counted, once before: pages of this process that were never touched are no cost of bouncing. */
static bool prepare_host_io(struct stage *stage)
{
	return stage_add_vm(stage) &&
	    rig_ok(&stage->rig, iommusim_vm_assign_pptdev(stage->vm, 0, RIG_PPT_DEVICE)) &&
	    (stage->plan.counting || host_io(stage));
}

/* ---- hotplug: functions come and go while the system runs ------------------------------------------------------------ */

static uint64_t plugged(uint64_t pages)
{
	(void)pages;
	return PLUGGED;
}

static bool plug(struct stage *stage, unsigned index)
{
	const uint16_t rid = IOMMUSIM_RID(16 + index / 32, index % 32, 0);
	const struct iommusim_pci_function function = { .rid = rid, .name = "plugged" };
	struct rig *rig = &stage->rig;

	return rig_ok(rig, iommusim_pci_add(rig->machine, &function)) &&
	    rig_ok(rig, iommusim_pci_device_added(rig->vmm, 0, rid)) &&
	    rig_ok(rig, iommusim_pci_device_deleted(rig->vmm, 0, rid)) &&
	    rig_ok(rig, iommusim_pci_remove(rig->machine, 0, rid));
}

static bool hotplug(struct stage *stage)
{
	for (unsigned i = 0; i < PLUGGED; i++)
		if (!plug(stage, i))
			return false;
	return true;
}

/* ---- pages: one mapped, used and taken away at a time, beside pages that stay --------------------------------------------- */

static bool prepare_pages(struct stage *stage)
{
	return stage_add_domain(stage) && stage_map(stage, 0, HOST_BASE, HOT_PAGES * PAGE) &&
	    invalidate(stage);
}

static bool use_hot_pages(struct stage *stage)
{
	for (uint64_t page = 0; page < HOT_PAGES; page++)
		if (!stage_dma(stage, stage->device, page << PAGE_SHIFT, false))
			return false;
	return true;
}

static bool pages(struct stage *stage)
{
	for (uint64_t i = 0; i < stage->plan.pages; i++) {
		const uint64_t gpa = (HOT_PAGES + i) << PAGE_SHIFT;

		if (!stage_map(stage, gpa, HOST_BASE + gpa, PAGE) ||
		    !stage_dma(stage, stage->device, gpa, true) || !stage_unmap(stage, gpa, PAGE) ||
		    (i % 16 == 15 && !use_hot_pages(stage)))
			return false;
	}
	return invalidate(stage);
}

/* ---- superpages: 2 MiB at a time, single pages of them taken out and put back ----------------------------------------------- */

static bool use_at_random(struct stage *stage)
{
	uint64_t random = 1;

	for (uint64_t i = 0; i < stage->plan.pages; i++)
		if (!stage_dma(stage, stage->device,
			(stage_random(&random) & (stage->plan.pages - 1)) << PAGE_SHIFT, false))
			return false;
	return true;
}

static bool map_in_large_pieces(struct stage *stage)
{
	for (uint64_t at = 0; at < stage->plan.pages << PAGE_SHIFT; at += LARGE)
		if (!stage_map(stage, at, HOST_BASE + at, LARGE))
			return false;
	return use_at_random(stage);
}

/* Every fourth piece loses a page, as to a balloon, and has it back. */
static bool demote(struct stage *stage)
{
	for (uint64_t at = 0; at < stage->plan.pages << PAGE_SHIFT; at += 4 * LARGE)
		if (!stage_unmap(stage, at + PAGE, PAGE))
			return false;
	if (!invalidate(stage))
		return false;
	for (uint64_t at = 0; at < stage->plan.pages << PAGE_SHIFT; at += 4 * LARGE)
		if (!stage_map(stage, at + PAGE, HOST_BASE + at + PAGE, PAGE))
			return false;
	return use_at_random(stage);
}

static bool superpages(struct stage *stage)
{
	return map_in_large_pieces(stage) && demote(stage) &&
	    stage_unmap(stage, 0, stage->plan.pages << PAGE_SHIFT) && invalidate(stage);
}

/* ---- churn: runs of pages in no order ------------------------------------------------------------------------------------------ */

/* Each slot of the domain holds a run or nothing; a slot that comes up changes sides. */
static bool churn(struct stage *stage)
{
	const uint64_t slots = stage->plan.pages / CHURN_RUN;
	uint64_t random = 1, full[64] = { 0 };

	for (uint64_t i = 0; i < stage->plan.pages / 8; i++) {
		const uint64_t slot = stage_random(&random) % (slots < 4096 ? slots : 4096);
		const uint64_t length = (1 + slot % CHURN_RUN) * PAGE, bit = UINT64_C(1) << slot % 64;
		const uint64_t gpa = slot * CHURN_RUN * PAGE;

		full[slot / 64] ^= bit;
		if ((full[slot / 64] & bit) == 0) {
			if (!stage_unmap(stage, gpa, length))
				return false;
			continue;
		}
		if (!stage_map(stage, gpa, HOST_BASE + gpa, length) ||
		    !stage_dma(stage, stage->device, gpa, true) ||
		    !stage_dma(stage, stage->device, gpa + length - PAGE, true))
			return false;
	}
	return invalidate(stage);
}

static uint64_t churned(uint64_t pages)
{
	return pages / 8;
}

const struct workload workloads[] = {
	{ "boot", "page",
	    "a guest gets its first device, which reaches all of its memory, and loses it", per_page,
	    stage_add_vm, boot },
	{ "host-io", "page", "a disk of the host reads 64 KiB at a time into a guest with a device",
	    per_page, prepare_host_io, host_io },
	{ "hotplug", "device", "a function appears while the system runs, and goes", plugged, NULL,
	    hotplug },
	{ "pages", "page", "a page is mapped, used and taken away at a time, beside pages that stay",
	    per_page, prepare_pages, pages },
	{ "superpages", "page", "2 MiB a call, single pages taken out of them and put back", per_page,
	    stage_add_domain, superpages },
	{ "churn", "call", "runs of 1 to 64 pages come and go in no order", churned, stage_add_domain,
	    churn },
	{ .name = NULL },
};

const struct workload *workload_find(const char *name)
{
	for (const struct workload *one = workloads; one->name != NULL; one++)
		if (strcmp(one->name, name) == 0)
			return one;
	return NULL;
}
