/* A driver's mistakes in kernel style, for tests of how they are told. The rest of the driver is the install test's sample. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mutex.h>

#include <vm/vm.h>
#include <vm/pmap.h>

#include <machine/cpu.h>
#include <machine/vmparam.h>

#include "io/iommu.h"
#include "tests/driver/api_driver.h"

#define GCMD   0x18
#define GSTS   0x1c
#define FECTL  0x38
#define NO_REG 0x7f0
#define TE     (1u << 31)
#define SRTP   (1u << 30)
#define NEVER  (1u << 20) /* reserved in GSTS */

static MALLOC_DEFINE(M_API, "api", "mistakes");
static struct mtx lock;
MTX_SYSINIT(api_lock, &lock, "api lock", MTX_DEF);

int api_panics_in_init;

static volatile uint32_t *reg(void *context, size_t offset)
{

	return ((volatile uint32_t *)(PHYS_TO_DMAP(*(uint64_t *)context) + offset));
}

void api_loop_on_status(void *context)
{

	*reg(context, GCMD) = TE;
	while ((*reg(context, GSTS) & TE) == 0) /* held at 0 by the test */
		cpu_spinwait();
}

static volatile int never;

void api_poll_memory(void *context __unused)
{

	while (never == 0)
		;
}

void api_wild_store(void *context)
{

	*reg(context, NO_REG) = 0xdeadbeef; /* the wild store */
}

void api_null_store(void *context __unused)
{
	volatile int *volatile nowhere = NULL;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is meant */
	nowhere[4] = 1; /* the null store */
}

void api_double_free(void *context __unused)
{
	void *table = malloc(PAGE_SIZE, M_API, M_WAITOK | M_ZERO);

	free(table, M_API);
	free(table, M_API); /* the second free */
}

void api_panic(void *context __unused)
{

	panic("api: out of luck %d", 7); /* the panic */
}

void api_assertion(void *context)
{

	KASSERT(context == NULL, ("api: context is %d", 1)); /* the assertion */
}

void api_panic_with_lock(void *context __unused)
{

	mtx_lock(&lock);
	panic("api: panicked with a lock");
}

void api_forgets_lock(void *context __unused)
{

	mtx_lock(&lock);
}

void api_bare_srtp(void *context)
{

	*reg(context, GCMD) = SRTP; /* the bare SRTP */
	while ((*reg(context, GSTS) & SRTP) == 0)
		cpu_spinwait();
}

void api_enable(void *context)
{

	*reg(context, GCMD) = TE;
	for (int i = 0; i < 100; i++)
		if ((*reg(context, GSTS) & TE) != 0)
			return;
	panic("api: TES did not come");
}

void api_plain_store(void *context)
{

	*(uint32_t *)(uintptr_t)reg(context, FECTL) = 1u << 31; /* IM, as it is */
}

void api_clears_registers(void *context)
{

	memset((void *)(uintptr_t)reg(context, 0), 0, 256); /* the clearing */
}

static int api_init(void)
{

	if (api_panics_in_init)
		panic("api: panics in init"); /* the panic in init */
	return (iommu_ops_intel.init());
}

static void *api_create_domain(vm_paddr_t maxaddr)
{

	return (iommu_ops_intel.create_domain(maxaddr));
}

static void api_cleanup(void)
{

	iommu_ops_intel.cleanup();
}

static void api_ops_enable(void)
{

	iommu_ops_intel.enable();
}

static void api_ops_disable(void)
{

	iommu_ops_intel.disable();
}

static void api_destroy_domain(void *domain)
{

	iommu_ops_intel.destroy_domain(domain);
}

static uint64_t api_create_mapping(void *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{

	return (iommu_ops_intel.create_mapping(domain, gpa, hpa, len));
}

static uint64_t api_remove_mapping(void *domain, vm_paddr_t gpa, uint64_t len)
{

	return (iommu_ops_intel.remove_mapping(domain, gpa, len));
}

static void api_add_device(void *domain, uint16_t rid)
{

	iommu_ops_intel.add_device(domain, rid);
}

static void api_remove_device(void *domain, uint16_t rid)
{

	iommu_ops_intel.remove_device(domain, rid);
}

static void api_invalidate_tlb(void *domain)
{

	iommu_ops_intel.invalidate_tlb(domain);
}

const struct iommu_ops iommu_ops_api = {
	.init = api_init,
	.cleanup = api_cleanup,
	.enable = api_ops_enable,
	.disable = api_ops_disable,
	.create_domain = api_create_domain,
	.destroy_domain = api_destroy_domain,
	.create_mapping = api_create_mapping,
	.remove_mapping = api_remove_mapping,
	.add_device = api_add_device,
	.remove_device = api_remove_device,
	.invalidate_tlb = api_invalidate_tlb,
};
