/* The bent backend: passes each call on to the built-in VT-d backend, or does not. */
#include "check/bent_backend.h"

#include "vmm/state.h"

static enum iommusim_status bent_init(void *context)
{
	struct bent_backend *backend = context;

	return vtd_driver_ops.init(backend->driver);
}

static void bent_cleanup(void *context)
{
	struct bent_backend *backend = context;

	vtd_driver_ops.cleanup(backend->driver);
}

static void bent_enable(void *context)
{
	struct bent_backend *backend = context;

	vtd_driver_ops.enable(backend->driver);
}

static void bent_disable(void *context)
{
	struct bent_backend *backend = context;

	vtd_driver_ops.disable(backend->driver);
}

static enum iommusim_status bent_create_domain(void *context, uint64_t max_address, void **domain)
{
	struct bent_backend *backend = context;
	const enum iommusim_status status =
	    vtd_driver_ops.create_domain(backend->driver, max_address, domain);

	if (status == IOMMUSIM_OK && backend->host_domain == NULL)
		backend->host_domain = *domain;
	return status;
}

static void bent_destroy_domain(void *context, void *domain)
{
	struct bent_backend *backend = context;

	if (domain == backend->host_domain)
		backend->host_domain = NULL;
	vtd_driver_ops.destroy_domain(backend->driver, domain);
}

static enum iommusim_status bent_create_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct bent_backend *backend = context;

	if (domain != backend->host_domain)
		hpa += backend->off_by;
	if (backend->page_by_page)
		length = PAGE;
	if (backend->refuses_from != 0 && gpa >= backend->refuses_from)
		return IOMMUSIM_EIO;
	return vtd_driver_ops.create_mapping(backend->driver, domain, gpa, hpa, length, done);
}

static enum iommusim_status bent_remove_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	struct bent_backend *backend = context;

	if (backend->page_by_page)
		length = PAGE;
	if (backend->refuses_from != 0 && gpa >= backend->refuses_from)
		return IOMMUSIM_EIO;
	if (backend->keeps_pages && domain != backend->host_domain) {
		*done = length;
		return IOMMUSIM_OK;
	}
	return vtd_driver_ops.remove_mapping(backend->driver, domain, gpa, length, done);
}

static enum iommusim_status bent_add_device(void *context, void *domain, uint16_t segment, uint16_t rid)
{
	struct bent_backend *backend = context;

	if (backend->adds_nothing && domain != backend->host_domain)
		return IOMMUSIM_OK;
	return vtd_driver_ops.add_device(backend->driver, domain, segment, rid);
}

static enum iommusim_status bent_remove_device(
    void *context, void *domain, uint16_t segment, uint16_t rid)
{
	struct bent_backend *backend = context;

	if (backend->refuses_removal)
		return IOMMUSIM_EIO;
	if (backend->keeps_entries)
		return IOMMUSIM_OK;
	if (backend->clears_only) {
		host_store(backend->host, host_context_at(backend->host, rid), 0);
		return IOMMUSIM_OK;
	}
	return vtd_driver_ops.remove_device(backend->driver, domain, segment, rid);
}

static enum iommusim_status bent_invalidate_tlb(void *context, void *domain)
{
	struct bent_backend *backend = context;

	if (backend->never_flushes)
		return IOMMUSIM_OK;
	return vtd_driver_ops.invalidate_tlb(backend->driver, domain);
}

void bent_start(struct host *host, struct bent_backend *backend, struct host_setup *setup)
{
	memset(backend, 0, sizeof(*backend));
	backend->ops = (struct iommusim_ops){
		.name = "bent",
		.init = bent_init,
		.cleanup = bent_cleanup,
		.enable = bent_enable,
		.disable = bent_disable,
		.create_domain = bent_create_domain,
		.destroy_domain = bent_destroy_domain,
		.create_mapping = bent_create_mapping,
		.remove_mapping = bent_remove_mapping,
		.add_device = bent_add_device,
		.remove_device = bent_remove_device,
		.invalidate_tlb = bent_invalidate_tlb,
	};
	setup->ops = &backend->ops;
	setup->ops_context = backend;
	backend->host = host;
	host_start(host, setup);
	backend->driver = vtd_driver_create(host->vmm);
	assert_non_null(backend->driver);
}

void bent_stop(struct host *host, struct bent_backend *backend)
{
	vtd_driver_destroy(backend->driver);
	host_stop(host);
}
