/* Making a stage, and counting what happens on it. */
#include "ops/stage.h"

#include <string.h>

#define RAM (UINT64_C(4) << 30)

bool stage_open(struct stage *stage, const struct stage_plan *plan)
{
	const struct rig_config config = {
		.profile = plan->subject->profile,
		.amdvi = plan->subject->amdvi,
		.cache = IOMMUSIM_CACHE_SIZED,
		.iotlb_sets = (uint32_t)plan->costs->iotlb_sets,
		.iotlb_ways = (uint32_t)plan->costs->iotlb_ways,
		.ram = RAM,
		.disk = true,
		.subject = plan->subject,
	};
	struct rig *rig = &stage->rig;

	memset(stage, 0, sizeof(*stage));
	stage->plan = *plan;
	return rig_create(rig, &config) &&
	    (!plan->counting || rig_ok(rig, iommusim_counter_create(rig->vmm, &stage->counter))) &&
	    rig_ok(rig, iommusim_iommu_init(rig->vmm)) &&
	    rig_ok(rig, iommusim_requester_create(rig->machine, 0, RIG_PPT_DEVICE, &stage->device)) &&
	    rig_ok(rig, iommusim_requester_create(rig->machine, 0, RIG_DISK_DEVICE, &stage->disk));
}

/* A driver may have state of its own, which goes when the module does. What fails here was wrong before. */
static void unload(struct stage *stage)
{
	if (stage->vm != NULL)
		iommusim_vm_destroy(stage->vm);
	if (stage->domain != NULL) {
		iommusim_iommu_remove_device(stage->rig.vmm, stage->domain, 0, RIG_PPT_DEVICE);
		iommusim_iommu_destroy_domain(stage->rig.vmm, stage->domain);
	}
	iommusim_vmm_unload(stage->rig.vmm);
}

void stage_close(struct stage *stage)
{
	if (stage->rig.started != NULL && stage->rig.vmm != NULL)
		unload(stage);
	iommusim_counter_destroy(stage->counter);
	rig_destroy(&stage->rig);
	memset(stage, 0, sizeof(*stage));
}

bool stage_add_domain(struct stage *stage)
{
	struct rig *rig = &stage->rig;

	return rig_ok(rig, iommusim_iommu_create_domain(rig->vmm, RIG_DOMAIN_SIZE, &stage->domain)) &&
	    rig_ok(rig, iommusim_iommu_add_device(rig->vmm, stage->domain, 0, RIG_PPT_DEVICE));
}

bool stage_add_vm(struct stage *stage)
{
	const struct iommusim_vm_memory memory = { .size = stage->plan.pages << IOMMUSIM_PAGE_SHIFT,
		.seed = 7 };

	return rig_ok(&stage->rig, iommusim_vm_create(stage->rig.vmm, "guest", &stage->vm)) &&
	    rig_ok(&stage->rig, iommusim_vm_setup_memory(stage->vm, &memory));
}

/* ---- counting ---------------------------------------------------------------------------------------------- */

/* A driver of the caller's: the library does not know its tables. */
static void note_tables(struct stage *stage)
{
	const struct iommusim_bench_subject *subject = stage->plan.subject;
	uint64_t pages;

	if (!stage->plan.counting || subject->start == NULL || subject->table_pages == NULL)
		return;
	pages = subject->table_pages(subject->context);
	if (pages > stage->counts.table_pages)
		stage->counts.table_pages = pages;
	stage->counts.tables_known = true;
}

void stage_begin(struct stage *stage)
{
	if (stage->plan.counting)
		iommusim_counter_read(stage->counter, &stage->before);
}

void stage_end(struct stage *stage)
{
	struct stage_counts *counts = &stage->counts;
	struct iommusim_counts now;

	if (!stage->plan.counting)
		return;
	iommusim_counter_read(stage->counter, &now);
	for (unsigned op = 0; op < IOMMUSIM_OP_COUNT; op++)
		counts->calls += now.ops[op] - stage->before.ops[op];
	for (unsigned kind = 0; kind < IOMMUSIM_INVALIDATION_COUNT; kind++)
		counts->events.invalidations[kind] =
		    now.invalidations[kind] - stage->before.invalidations[kind];
	counts->events.register_reads = now.register_reads - stage->before.register_reads;
	counts->events.register_writes = now.register_writes - stage->before.register_writes;
	counts->events.copied = now.bounced - stage->before.bounced;
	if (stage->plan.subject->start == NULL) {
		counts->table_pages = now.table_pages;
		counts->tables_known = true;
	}
	note_tables(stage);
}

/* Entries of page tables on the way to an address: what a walk reads when nothing of it is kept. */
static uint64_t entries_to(
    struct iommusim_requester *requester, const struct iommusim_dma_request *request)
{
	struct iommusim_walk walk;
	uint64_t entries = 0;

	if (iommusim_walk(requester, request, &walk) != IOMMUSIM_OK)
		return 0;
	for (unsigned i = 0; i < walk.step_count; i++)
		entries += walk.steps[i].level > 0;
	return entries;
}

bool stage_dma(struct stage *stage, struct iommusim_requester *requester, uint64_t address, bool write)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = 4, .kind = write ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ
	};
	struct iommusim_dma_outcome outcome;

	if (!stage->plan.counting)
		return true;
	if (!rig_ok(&stage->rig, iommusim_dma(requester, &request, &outcome, NULL, 0)))
		return false;
	stage->counts.dma++;
	stage->counts.lost += outcome.page.faulted;
	if (outcome.page.translated && !outcome.page.cached) {
		stage->counts.misses++;
		stage->counts.events.walk_accesses += entries_to(requester, &request);
	}
	return true;
}

/* ---- vmm's calls ----------------------------------------------------------------------------------------------- */

bool stage_map(struct stage *stage, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	const bool done = rig_ok(&stage->rig,
	    iommusim_iommu_create_mapping(stage->rig.vmm, stage->domain, gpa, hpa, length));

	note_tables(stage);
	return done;
}

bool stage_unmap(struct stage *stage, uint64_t gpa, uint64_t length)
{
	const bool done = rig_ok(
	    &stage->rig, iommusim_iommu_remove_mapping(stage->rig.vmm, stage->domain, gpa, length));

	note_tables(stage);
	return done;
}

uint64_t stage_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}
