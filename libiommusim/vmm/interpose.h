/*
 * How a checker gets between vmm and the iommu_ops it chose, and what it may ask of vmm's records.
 * Private to the library.
 */
#ifndef IOMMUSIM_VMM_INTERPOSE_H
#define IOMMUSIM_VMM_INTERPOSE_H

#include <iommusim/vmm.h>

/* Who may stand between: one of each, the first nearest to the backend. */
enum vmm_interposer_place { VMM_INTERPOSER_CHECK, VMM_INTERPOSER_COUNT, VMM_INTERPOSERS };

/* Called once, when vmm has chosen its ops: replaces them by others that pass calls on. */
struct vmm_interposer {
	void *context;
	void (*chosen)(void *context, struct iommusim_ops *ops, void **ops_context);
};

/* EBUSY when the ops were chosen already or somebody else is there. */
enum iommusim_status vmm_interpose(
    struct iommusim_vmm *vmm, enum vmm_interposer_place place, const struct vmm_interposer *interposer);
void vmm_uninterpose(struct iommusim_vmm *vmm, enum vmm_interposer_place place);

/* The domain whose handle, as the ops know it, is `handle`; NULL while it is being made. */
const struct iommusim_domain *vmm_domain_of_handle(const struct iommusim_vmm *vmm, const void *handle);

/* And the other way. */
void *vmm_domain_handle(const struct iommusim_domain *domain);

/* Is the page one of the backend's tables, or the kernel's own? */
enum vmm_page_use { VMM_PAGE_KERNEL, VMM_PAGE_TABLE, VMM_PAGE_OTHER };
enum vmm_page_use vmm_page_use(const struct iommusim_vmm *vmm, uint64_t address);

/* What the caller calls the domain it is about to create: reports use the caller's own names. */
void vmm_name_next_domain(struct iommusim_vmm *vmm, const char *name, size_t length);

/* Address bits that the tables of a built-in backend's domain translate, 64 at most; 0: not known. */
unsigned vmm_domain_width(const struct iommusim_vmm *vmm, const void *backend_handle);

/* Pages the backend has in use for tables. */
uint64_t vmm_table_pages(const struct iommusim_vmm *vmm);

#endif
