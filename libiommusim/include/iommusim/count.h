/*
 * What a story costs: calls of iommu_ops, register accesses, invalidations, memory for tables, bytes copied,
 * and how much could be reached that nobody meant to be. Only counting: what any of it means for a DMA is the
 * checker's question (check.h).
 */
#ifndef IOMMUSIM_COUNT_H
#define IOMMUSIM_COUNT_H

#include <iommusim/vmm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The members of struct iommusim_ops, in its order. */
enum iommusim_op {
	IOMMUSIM_OP_INIT,
	IOMMUSIM_OP_CLEANUP,
	IOMMUSIM_OP_ENABLE,
	IOMMUSIM_OP_DISABLE,
	IOMMUSIM_OP_CREATE_DOMAIN,
	IOMMUSIM_OP_DESTROY_DOMAIN,
	IOMMUSIM_OP_CREATE_MAPPING,
	IOMMUSIM_OP_REMOVE_MAPPING,
	IOMMUSIM_OP_ADD_DEVICE,
	IOMMUSIM_OP_REMOVE_DEVICE,
	IOMMUSIM_OP_INVALIDATE_TLB,
	IOMMUSIM_OP_INVALIDATE_RANGE,
	IOMMUSIM_OP_COUNT
};

/*
 * What a unit is asked to forget. VT-d: a command in CCMD or the IOTLB register, or a descriptor of the
 * invalidation queue (6.5.1, 6.5.2); AMD-Vi: a command of the command buffer (2.4).
 */
enum iommusim_invalidation {
	IOMMUSIM_INVALIDATE_ALL,    /* all translations: IOTLB global; INVALIDATE_IOMMU_ALL */
	IOMMUSIM_INVALIDATE_DOMAIN, /* of a domain: IOTLB domain; INVALIDATE_IOMMU_PAGES of every page */
	IOMMUSIM_INVALIDATE_PASID, /* of a PASID: p_iotlb with G=2; INVALIDATE_IOMMU_PAGES with GN and every page */
	IOMMUSIM_INVALIDATE_PAGES, /* of some pages: IOTLB, p_iotlb page; INVALIDATE_IOMMU_PAGES of some */
	IOMMUSIM_INVALIDATE_ALL_DEVICES,    /* entries of all devices: context cache global */
	IOMMUSIM_INVALIDATE_DOMAIN_DEVICES, /* of a domain's: context cache domain */
	IOMMUSIM_INVALIDATE_DEVICE, /* of one, or few: context cache device; INVALIDATE_DEVTAB_ENTRY */
	IOMMUSIM_INVALIDATE_PASIDS, /* PASID table entries: pc_inv_dsc */
	IOMMUSIM_INVALIDATE_INTERRUPTS, /* interrupt entries: iec_inv_dsc; INVALIDATE_INTERRUPT_TABLE */
	IOMMUSIM_INVALIDATE_DEVICE_TLB, /* what a device keeps: device-TLB; INVALIDATE_IOTLB_PAGES */
	IOMMUSIM_INVALIDATE_WAIT,       /* none, but the wait for them: inv_wait_dsc; COMPLETION_WAIT */
	IOMMUSIM_INVALIDATE_OTHER,      /* any other descriptor or command */
	IOMMUSIM_INVALIDATION_COUNT
};

/* Since the counter was made. "At the most": the largest value at the end of any call on vmm. */
struct iommusim_counts {
	uint64_t ops
	    [IOMMUSIM_OP_COUNT]; /* calls of the backend, pages in bulk one by one as they are made */
	uint64_t register_reads; /* of units' registers, whoever made them */
	uint64_t register_writes;
	uint64_t invalidations[IOMMUSIM_INVALIDATION_COUNT];
	uint64_t
	    table_pages; /* 4 KiB pages in use for page tables, at the most; 0 with ops of the caller's own */
	uint64_t bounced; /* bytes copied for I/O of the host's devices (iommusim_vmm_bounced) */
	/*
	 * Guest pages that devices of the host can reach, at the most: 4 KiB pages of all VMs' memory that the host
	 * domain maps at their own address, while it stands. Whether a device uses that is not asked.
	 */
	uint64_t guest_pages_in_host;
	/*
	 * Guest pages that no unit guards, at the most: all of all VMs' memory while some function of the machine is
	 * behind a unit that does not translate, or behind none.
	 */
	uint64_t guest_pages_unguarded;
	/*
	 * ppt devices that no VM has and whose DMA reaches the host's memory all the same, by what tables say, though
	 * their unit translates; at the most.
	 */
	uint64_t idle_devices_reaching;
};

struct iommusim_counter;

/*
 * Count for a vmm that has not initialised its IOMMU yet. Returns OK, EBUSY (it has, or it has a counter), ENOMEM.
 * Destroy it after the vmm's last call and before the vmm. Control side, all three.
 */
IOMMUSIM_API enum iommusim_status iommusim_counter_create(
    struct iommusim_vmm *vmm, struct iommusim_counter **counter);
IOMMUSIM_API void iommusim_counter_destroy(struct iommusim_counter *counter);

/* What there was so far. */
IOMMUSIM_API void iommusim_counter_read(
    const struct iommusim_counter *counter, struct iommusim_counts *counts);

/* "create_mapping", ...: the member's name. Static. No state: any thread. */
IOMMUSIM_API const char *iommusim_op_name(enum iommusim_op op);

/*
 * "domain", "pages", ...: a name that is stable, for programs; and what it stands for with a vendor ("VT-d",
 * "AMD-Vi"): the specification's names, NULL when that vendor has no such thing. Static. No state: any thread.
 */
IOMMUSIM_API const char *iommusim_invalidation_name(enum iommusim_invalidation kind);
IOMMUSIM_API const char *iommusim_invalidation_meaning(
    enum iommusim_invalidation kind, const char *vendor);

#ifdef __cplusplus
}
#endif

#endif
