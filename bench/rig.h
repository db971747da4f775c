/*
 * A machine to measure on: memory, one unit of either vendor for everything, vmm, a domain. Public interface only,
 * and no file is read.
 */
#ifndef IOMMUSIM_BENCH_RIG_H
#define IOMMUSIM_BENCH_RIG_H

#include <iommusim/bench.h>
#include <iommusim/check.h>
#include <iommusim/dma.h>
#include <iommusim/memory.h>
#include <iommusim/pci.h>
#include <iommusim/amdvi.h>
#include <iommusim/unit.h>
#include <iommusim/vmm.h>

struct rig_config {
	const char *profile;
	bool amdvi; /* an AMD-Vi unit instead */
	enum iommusim_cache_policy cache;
	uint64_t ram;
	bool checked;                               /* with a checker attached */
	const struct iommusim_allocator *allocator; /* NULL: the library's own */
	bool disk;                                  /* a device of the host's, too */
	uint32_t iotlb_sets;                        /* of a sized cache; 0: as usual */
	uint32_t iotlb_ways;
	const struct iommusim_bench_subject *subject; /* whose driver; NULL: built in */
};

struct rig {
	struct iommusim_machine *machine;
	struct iommusim_dmar *dmar;
	struct iommusim_ivrs *ivrs;
	struct iommusim_vmm *vmm;
	struct iommusim_check *check;
	const struct iommusim_bench_subject *started; /* its stop() is owed */
	enum iommusim_status status;                  /* of the first call that failed */
};

/* A domain of four levels on every unit of a rig: the width that the textbook has. */
#define RIG_DOMAIN_SIZE (UINT64_C(1) << 38)

/* A passthrough device of the rig's, with its driver. */
#define RIG_PPT_DEVICE IOMMUSIM_RID(7, 0, 0)

/* A disk of the host's, on a rig that has one. */
#define RIG_DISK_DEVICE IOMMUSIM_RID(6, 0, 0)

/* RAM for a rig that maps `pages`: of it vmm keeps a 64th for tables, and those of a guest are a 512th of that. */
static inline uint64_t rig_ram_for(uint64_t pages)
{
	const uint64_t least = UINT64_C(8) << 30, wanted = (pages << IOMMUSIM_PAGE_SHIFT) / 4;

	return wanted > least ? wanted : least;
}

bool rig_create(struct rig *rig, const struct rig_config *config);
void rig_destroy(struct rig *rig);

/* Note a status that is not OK: the first one stays. False. */
bool rig_failed(struct rig *rig, enum iommusim_status status);

/* True when a status is OK, else noted. Here, so that whoever is measured hardly pays for it. */
static inline bool rig_ok(struct rig *rig, enum iommusim_status status)
{
	return status == IOMMUSIM_OK || rig_failed(rig, status);
}

/* What went wrong on a rig, in words. */
void rig_explain(const struct rig *rig, char *text, size_t size);

/*
 * The host page behind guest page number `page` of `pages` (a power of two): each once, neighbours far
 * apart, at or above 4 GiB. One multiplication, so that whoever is measured hardly pays for it.
 */
static inline uint64_t rig_scattered(uint64_t page, uint64_t pages)
{
	return (UINT64_C(4) << 30) +
	    ((page * UINT64_C(0x9e3779b1) & (pages - 1)) << IOMMUSIM_PAGE_SHIFT);
}

#endif
