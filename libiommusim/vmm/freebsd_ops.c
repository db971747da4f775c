/* The shims between iommusim_ops and FreeBSD's two shapes of iommu_ops. What the calls do is the driver's. */
#include <iommusim/freebsd_ops.h>

#include <errno.h>
#include <stddef.h>

enum iommusim_status iommusim_status_of_errno(int error)
{
	static const struct {
		int error;
		enum iommusim_status status;
	} known[] = {
		{ 0, IOMMUSIM_OK },
		{ EINVAL, IOMMUSIM_EINVAL },
		{ ENOMEM, IOMMUSIM_ENOMEM },
		{ ENOENT, IOMMUSIM_ENOENT },
		{ EEXIST, IOMMUSIM_EEXIST },
		{ ENXIO, IOMMUSIM_ENXIO },
		{ EBUSY, IOMMUSIM_EBUSY },
		{ EOPNOTSUPP, IOMMUSIM_EOPNOTSUPP },
		{ EFAULT, IOMMUSIM_EFAULT },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].error == error)
			return known[i].status;
	return IOMMUSIM_EIO;
}

static enum iommusim_status made(void *domain, void **out)
{
	*out = domain;
	return domain == NULL ? IOMMUSIM_EIO : IOMMUSIM_OK;
}

/* ---- the shape without errors ------------------------------------------------------------------------ */

static enum iommusim_status void_init(void *context)
{
	const struct iommusim_void_ops *ops = context;

	return iommusim_status_of_errno(ops->init());
}

static void void_cleanup(void *context)
{
	const struct iommusim_void_ops *ops = context;

	ops->cleanup();
}

static void void_enable(void *context)
{
	const struct iommusim_void_ops *ops = context;

	ops->enable();
}

static void void_disable(void *context)
{
	const struct iommusim_void_ops *ops = context;

	ops->disable();
}

static enum iommusim_status void_create_domain(void *context, uint64_t max_address, void **domain)
{
	const struct iommusim_void_ops *ops = context;

	return made(ops->create_domain(max_address), domain);
}

static void void_destroy_domain(void *context, void *domain)
{
	const struct iommusim_void_ops *ops = context;

	ops->destroy_domain(domain);
}

static enum iommusim_status void_create_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	const struct iommusim_void_ops *ops = context;

	*done = ops->create_mapping(domain, gpa, hpa, length);
	return IOMMUSIM_OK;
}

static enum iommusim_status void_remove_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	const struct iommusim_void_ops *ops = context;

	*done = ops->remove_mapping(domain, gpa, length);
	return IOMMUSIM_OK;
}

static enum iommusim_status void_add_device(void *context, void *domain, uint16_t segment, uint16_t rid)
{
	const struct iommusim_void_ops *ops = context;

	(void)segment; /* the kernel's ops have none */
	ops->add_device(domain, rid);
	return IOMMUSIM_OK;
}

static enum iommusim_status void_remove_device(
    void *context, void *domain, uint16_t segment, uint16_t rid)
{
	const struct iommusim_void_ops *ops = context;

	(void)segment;
	ops->remove_device(domain, rid);
	return IOMMUSIM_OK;
}

static enum iommusim_status void_invalidate_tlb(void *context, void *domain)
{
	const struct iommusim_void_ops *ops = context;

	ops->invalidate_tlb(domain);
	return IOMMUSIM_OK;
}

const struct iommusim_ops iommusim_void_ops_shim = {
	.name = "iommu_ops (void)",
	.init = void_init,
	.cleanup = void_cleanup,
	.enable = void_enable,
	.disable = void_disable,
	.create_domain = void_create_domain,
	.destroy_domain = void_destroy_domain,
	.create_mapping = void_create_mapping,
	.remove_mapping = void_remove_mapping,
	.add_device = void_add_device,
	.remove_device = void_remove_device,
	.invalidate_tlb = void_invalidate_tlb,
};

/* ---- the shape with errors --------------------------------------------------------------------------- */

static enum iommusim_status error_init(void *context)
{
	const struct iommusim_error_ops *ops = context;

	return iommusim_status_of_errno(ops->init());
}

static void error_cleanup(void *context)
{
	const struct iommusim_error_ops *ops = context;

	ops->cleanup();
}

static void error_enable(void *context)
{
	const struct iommusim_error_ops *ops = context;

	ops->enable();
}

static void error_disable(void *context)
{
	const struct iommusim_error_ops *ops = context;

	ops->disable();
}

static enum iommusim_status error_create_domain(void *context, uint64_t max_address, void **domain)
{
	const struct iommusim_error_ops *ops = context;

	return made(ops->create_domain(max_address), domain);
}

static void error_destroy_domain(void *context, void *domain)
{
	const struct iommusim_error_ops *ops = context;

	ops->destroy_domain(domain);
}

/* What a call that failed says it did counts for nothing. */
static enum iommusim_status result(int error, uint64_t *done)
{
	if (error != 0)
		*done = 0;
	return iommusim_status_of_errno(error);
}

static enum iommusim_status error_create_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	const struct iommusim_error_ops *ops = context;

	*done = 0;
	return result(ops->create_mapping(domain, gpa, hpa, length, done), done);
}

static enum iommusim_status error_remove_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	const struct iommusim_error_ops *ops = context;

	*done = 0;
	return result(ops->remove_mapping(domain, gpa, length, done), done);
}

static void *device_of(const struct iommusim_error_ops *ops, uint16_t rid)
{
	return ops->device == NULL ? NULL : ops->device(rid);
}

static enum iommusim_status error_add_device(
    void *context, void *domain, uint16_t segment, uint16_t rid)
{
	const struct iommusim_error_ops *ops = context;

	(void)segment;
	return iommusim_status_of_errno(ops->add_device(domain, device_of(ops, rid), rid));
}

static enum iommusim_status error_remove_device(
    void *context, void *domain, uint16_t segment, uint16_t rid)
{
	const struct iommusim_error_ops *ops = context;

	(void)segment;
	return iommusim_status_of_errno(ops->remove_device(domain, device_of(ops, rid), rid));
}

static enum iommusim_status error_invalidate_tlb(void *context, void *domain)
{
	const struct iommusim_error_ops *ops = context;

	return iommusim_status_of_errno(ops->invalidate_tlb(domain));
}

const struct iommusim_ops iommusim_error_ops_shim = {
	.name = "iommu_ops (errors)",
	.init = error_init,
	.cleanup = error_cleanup,
	.enable = error_enable,
	.disable = error_disable,
	.create_domain = error_create_domain,
	.destroy_domain = error_destroy_domain,
	.create_mapping = error_create_mapping,
	.remove_mapping = error_remove_mapping,
	.add_device = error_add_device,
	.remove_device = error_remove_device,
	.invalidate_tlb = error_invalidate_tlb,
};
