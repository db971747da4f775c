/*
 * iommu_ops: what a hypervisor asks of an IOMMU driver. The shape is FreeBSD vmm's of 2025 (errors
 * come back, bytes done through a pointer) plus a context, so that two can live in one process.
 */
#ifndef IOMMUSIM_OPS_H
#define IOMMUSIM_OPS_H

#include <stddef.h>
#include <stdint.h>

#include <iommusim/export.h>
#include <iommusim/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Addresses and lengths are in bytes. A domain is whatever create_domain returned; nobody looks inside.
 * create_mapping and remove_mapping may do less than they were asked: `*done` says how many bytes, and
 * the caller goes on from there. `*done` is 0 when the status is not OK.
 */
struct iommusim_ops {
	const char *name; /* "VT-d" */
	enum iommusim_status (*init)(void *context);
	void (*cleanup)(void *context);
	void (*enable)(void *context);
	void (*disable)(void *context);
	/* A domain for addresses 0..max_address-1. */
	enum iommusim_status (*create_domain)(void *context, uint64_t max_address, void **domain);
	void (*destroy_domain)(void *context, void *domain);
	enum iommusim_status (*create_mapping)(
	    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done);
	enum iommusim_status (*remove_mapping)(
	    void *context, void *domain, uint64_t gpa, uint64_t length, uint64_t *done);
	enum iommusim_status (*add_device)(void *context, void *domain, uint16_t segment, uint16_t rid);
	enum iommusim_status (*remove_device)(
	    void *context, void *domain, uint16_t segment, uint16_t rid);
	enum iommusim_status (*invalidate_tlb)(void *context, void *domain);
	/*
	 * Optional, beside FreeBSD's: invalidate [gpa, gpa + length) of a domain, multiples of 4 KiB. NULL:
	 * invalidate_tlb() is called instead.
	 */
	enum iommusim_status (*invalidate_range)(
	    void *context, void *domain, uint64_t gpa, uint64_t length);
	/*
	 * Optional, beside FreeBSD's: create_mapping of `count` pages of 4 KiB, from `gpa` on, each to the host address
	 * of its number in `pages`. `*done` counts pages; a call that cannot do all does the first ones, and the one
	 * that follows says why. NULL: create_mapping() is called for each page.
	 */
	enum iommusim_status (*create_mapping_list)(void *context, void *domain, uint64_t gpa,
	    const uint64_t *pages, size_t count, size_t *done);
};

#ifdef __cplusplus
}
#endif

#endif
