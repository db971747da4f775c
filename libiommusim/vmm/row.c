/* Rows of calls that are stores: when there can be one, its beginning and its end. The stores themselves are map.c's. */
#include "vmm/row.h"

#include "vmm/state.h"

/* The checker is told afterwards; whoever listens beside it, or counts, is told of each call when it is made. */
static bool has_one_listener(const struct iommusim_vmm *vmm)
{
	return vmm->listener_count == 1 && vmm->interposers[VMM_INTERPOSER_COUNT].chosen == NULL;
}

bool vmm_row_is_barred(const struct iommusim_domain *domain)
{
	const struct iommusim_vmm *vmm = domain->vmm;

	return vmm->foreign_ops || !vmm->available || vmm->panicked || vmm->depth > 0 ||
	    !has_one_listener(vmm);
}

bool vmm_row_find(const void *backend_handle, struct vmm_row *row)
{
	return vmm_domain_leaves(backend_handle, &row->window);
}

void vmm_row_open(struct iommusim_domain *domain, struct vmm_row *row)
{
	row->count = 0;
	row->domain = domain;
	domain->window = row->window;
	domain->window.pages = 0; /* nobody gets past the row */
	domain->row = row;
	domain->row_pages = row->window.pages;
}

void vmm_row_close(struct vmm_row *row)
{
	if (row->domain != NULL)
		row->domain->row_pages = 0;
	row->domain = NULL;
}
