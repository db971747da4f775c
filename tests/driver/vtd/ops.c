/*
 * The calls of iommu_ops_intel, each made as kernel code, in whichever shape the backend was compiled. Nothing of the
 * backend is known here but the table.
 */
#include "tests/driver/vtd/ops.h"

#include <iommusim/freebsd_ops.h>

#include "tests/driver/vtd/rig.h"

/* FreeBSD's table as it is: device() of iommusim_error_ops is not in it. */
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
#define RESULT int
#define TABLE  iommusim_error_ops
struct backend_ops {
	int (*init)(void);
	void (*cleanup)(void);
	void (*enable)(void);
	void (*disable)(void);
	void *(*create_domain)(uint64_t maxaddr);
	void (*destroy_domain)(void *domain);
	int (*create_mapping)(
	    void *domain, uint64_t gpa, uint64_t hpa, uint64_t len, uint64_t *res_len);
	int (*remove_mapping)(void *domain, uint64_t gpa, uint64_t len, uint64_t *res_len);
	int (*add_device)(void *domain, void *dev, uint16_t rid);
	int (*remove_device)(void *domain, void *dev, uint16_t rid);
	int (*invalidate_tlb)(void *domain);
};
#else
#define backend_ops iommusim_void_ops
#endif
extern const struct backend_ops iommu_ops_intel;

/* One call: what goes in, what comes out. */
struct call {
	void *domain;
	void *device;
	uint64_t gpa, hpa, length;
	uint16_t rid;
	int error;
	uint64_t done;
	void *made;
};

#define OP(name, body)                                                                                 \
	static void run_##name(void *context)                                                          \
	{                                                                                              \
		struct call *call = context;                                                           \
                                                                                                       \
		(void)call;                                                                            \
		body;                                                                                  \
	}

OP(init, call->error = iommu_ops_intel.init())
OP(cleanup, iommu_ops_intel.cleanup())
OP(enable, iommu_ops_intel.enable())
OP(disable, iommu_ops_intel.disable())
OP(create_domain, call->made = iommu_ops_intel.create_domain(call->gpa))
OP(destroy_domain, iommu_ops_intel.destroy_domain(call->domain))
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
OP(create_mapping,
    call->error = iommu_ops_intel.create_mapping(
	call->domain, call->gpa, call->hpa, call->length, &call->done))
OP(remove_mapping,
    call->error = iommu_ops_intel.remove_mapping(call->domain, call->gpa, call->length, &call->done))
OP(add_device, call->error = iommu_ops_intel.add_device(call->domain, call->device, call->rid))
OP(remove_device, call->error = iommu_ops_intel.remove_device(call->domain, call->device, call->rid))
OP(invalidate_tlb, call->error = iommu_ops_intel.invalidate_tlb(call->domain))
#else
OP(create_mapping,
    call->done = iommu_ops_intel.create_mapping(call->domain, call->gpa, call->hpa, call->length))
OP(remove_mapping, call->done = iommu_ops_intel.remove_mapping(call->domain, call->gpa, call->length))
OP(add_device, iommu_ops_intel.add_device(call->domain, call->rid))
OP(remove_device, iommu_ops_intel.remove_device(call->domain, call->rid))
OP(invalidate_tlb, iommu_ops_intel.invalidate_tlb(call->domain))
#endif

static int do_init(void)
{
	struct call call = { .error = 0 };

	rig_call(run_init, &call);
	return call.error;
}

static void do_cleanup(void)
{
	rig_call(run_cleanup, NULL);
}

static void do_enable(void)
{
	rig_call(run_enable, NULL);
}

static void do_disable(void)
{
	rig_call(run_disable, NULL);
}

static void *do_create_domain(uint64_t maxaddr)
{
	struct call call = { .gpa = maxaddr };

	rig_call(run_create_domain, &call);
	return call.made;
}

static void do_destroy_domain(void *domain)
{
	rig_call(run_destroy_domain, &(struct call){ .domain = domain });
}

#ifdef IOMMUSIM_KSHIM_ERROR_OPS

static int do_create_mapping(void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct call call = { .domain = domain, .gpa = gpa, .hpa = hpa, .length = length };

	rig_call(run_create_mapping, &call);
	*done = call.done;
	return call.error;
}

static int do_remove_mapping(void *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	struct call call = { .domain = domain, .gpa = gpa, .length = length };

	rig_call(run_remove_mapping, &call);
	*done = call.done;
	return call.error;
}

static int do_add_device(void *domain, void *device, uint16_t rid)
{
	struct call call = { .domain = domain, .device = device, .rid = rid };

	rig_call(run_add_device, &call);
	return call.error;
}

static int do_remove_device(void *domain, void *device, uint16_t rid)
{
	struct call call = { .domain = domain, .device = device, .rid = rid };

	rig_call(run_remove_device, &call);
	return call.error;
}

static int do_invalidate_tlb(void *domain)
{
	struct call call = { .domain = domain };

	rig_call(run_invalidate_tlb, &call);
	return call.error;
}

static void *device_of(uint16_t rid)
{
	struct iommusim_kernel_device device;

	return iommusim_kernel_pci_device(rig.kernel, 0, rid, &device) == IOMMUSIM_OK ? device.device
										      : NULL;
}

static struct iommusim_error_ops table = {
	.init = do_init,
	.cleanup = do_cleanup,
	.enable = do_enable,
	.disable = do_disable,
	.create_domain = do_create_domain,
	.destroy_domain = do_destroy_domain,
	.create_mapping = do_create_mapping,
	.remove_mapping = do_remove_mapping,
	.add_device = do_add_device,
	.remove_device = do_remove_device,
	.invalidate_tlb = do_invalidate_tlb,
	.device = device_of,
};
#define SHIM iommusim_error_ops_shim

#else

static uint64_t do_create_mapping(void *domain, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	struct call call = { .domain = domain, .gpa = gpa, .hpa = hpa, .length = length };

	rig_call(run_create_mapping, &call);
	return call.done;
}

static uint64_t do_remove_mapping(void *domain, uint64_t gpa, uint64_t length)
{
	struct call call = { .domain = domain, .gpa = gpa, .length = length };

	rig_call(run_remove_mapping, &call);
	return call.done;
}

static void do_add_device(void *domain, uint16_t rid)
{
	rig_call(run_add_device, &(struct call){ .domain = domain, .rid = rid });
}

static void do_remove_device(void *domain, uint16_t rid)
{
	rig_call(run_remove_device, &(struct call){ .domain = domain, .rid = rid });
}

static void do_invalidate_tlb(void *domain)
{
	rig_call(run_invalidate_tlb, &(struct call){ .domain = domain });
}

static struct iommusim_void_ops table = {
	.init = do_init,
	.cleanup = do_cleanup,
	.enable = do_enable,
	.disable = do_disable,
	.create_domain = do_create_domain,
	.destroy_domain = do_destroy_domain,
	.create_mapping = do_create_mapping,
	.remove_mapping = do_remove_mapping,
	.add_device = do_add_device,
	.remove_device = do_remove_device,
	.invalidate_tlb = do_invalidate_tlb,
};
#define SHIM iommusim_void_ops_shim

#endif

void ops_give(struct iommusim_vmm_config *config)
{
	config->ops = &SHIM;
	config->ops_context = &table;
}
