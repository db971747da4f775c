/*
 * A small VT-d backend for vmm, in either shape of iommu_ops: nothing but the kernel's headers. One unit, legacy mode,
 * 4-level tables, whole-cache invalidation.
 */
#include <sys/cdefs.h>
__FBSDID("$FreeBSD$");

#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/systm.h>
#include <sys/malloc.h>

#include <vm/vm.h>
#include <vm/pmap.h>

#include <dev/pci/pcireg.h>

#include <machine/cpu.h>
#include <machine/vmparam.h>
#include <contrib/dev/acpica/include/acpi.h>

#include "io/iommu.h"

struct unit_regs {
	volatile uint32_t version, unused;
	volatile uint64_t cap, ecap;
	volatile uint32_t gcmd, gsts;
	volatile uint64_t rtaddr, ccmd;
};
CTASSERT(sizeof(struct unit_regs) == 0x30);

struct domain {
	uint64_t *top;
	u_int id;
	SLIST_ENTRY(domain) next;
};
static SLIST_HEAD(, domain) domains;
static u_int last_id;
static struct unit_regs *regs;
static uint64_t root_table[512] __aligned(PAGE_SIZE);
static uint64_t context_tables[256][512] __aligned(PAGE_SIZE);
static MALLOC_DEFINE(M_BACKEND, "backend", "a small backend");

static void flush_line(const void *first, size_t length)
{
	if ((regs->ecap & 1) == 0)
		pmap_invalidate_cache_range((vm_offset_t)first, (vm_offset_t)first + length);
}

static void invalidate(void)
{
	volatile uint64_t *iotlb =
	    (volatile uint64_t *)((caddr_t)regs + ((regs->ecap >> 8) & 0x3ff) * 16 + 8);

	regs->ccmd = 0xa000000000000000;
	while ((regs->ccmd >> 63) != 0)
		cpu_spinwait();
	*iotlb = 0x9003000000000000;
	while ((*iotlb >> 63) != 0)
		cpu_spinwait();
}

static int backend_init(void)
{
	ACPI_TABLE_DMAR *dmar;
	ACPI_DMAR_HARDWARE_UNIT *drhd;

	if (ACPI_FAILURE(AcpiGetTable(ACPI_SIG_DMAR, 0, (ACPI_TABLE_HEADER **)&dmar)))
		return (ENXIO);
	drhd = (ACPI_DMAR_HARDWARE_UNIT *)(dmar + 1);
	if (drhd->Header.Type != ACPI_DMAR_TYPE_HARDWARE_UNIT)
		return (ENXIO);
	regs = (struct unit_regs *)PHYS_TO_DMAP(drhd->Address);
	KASSERT((regs->cap & 0x400) != 0, ("no 4-level tables: %#lx", regs->cap));
	for (size_t i = 0; i < 256; i++)
		root_table[i * 2] = vtophys(context_tables[i]) | 1;
	flush_line(root_table, sizeof(root_table));
	flush_line(context_tables, sizeof(context_tables));
	if (bootverbose)
		printf("backend: unit at %#lx\n", (u_long)drhd->Address);
	return (0);
}

static void backend_cleanup(void)
{
	regs = NULL;
}

static void backend_enable(void)
{
	regs->rtaddr = vtophys(root_table);
	regs->gcmd = 1u << 30;
	while ((regs->gsts & 1u << 30) == 0)
		cpu_spinwait();
	invalidate();
	regs->gcmd = 1u << 31;
	while ((regs->gsts & 1u << 31) == 0)
		cpu_spinwait();
}

static void backend_disable(void)
{
	regs->gcmd = 0;
	while ((regs->gsts & 1u << 31) != 0)
		cpu_spinwait();
}

static void *backend_create_domain(vm_paddr_t maxaddr)
{
	struct domain *dom = malloc(sizeof(*dom), M_BACKEND, M_WAITOK | M_ZERO);

	(void)maxaddr;
	dom->top = malloc(PAGE_SIZE, M_BACKEND, M_WAITOK | M_ZERO);
	dom->id = ++last_id;
	flush_line(dom->top, PAGE_SIZE);
	SLIST_INSERT_HEAD(&domains, dom, next);
	return (dom);
}

static void free_table(uint64_t *table, int level)
{
	for (int i = 0; level > 0 && i < 512; i++)
		if (table[i] != 0)
			free_table(
			    (uint64_t *)PHYS_TO_DMAP(table[i] & ~(uint64_t)PAGE_MASK), level - 1);
	free(table, M_BACKEND);
}

static void backend_destroy_domain(void *arg)
{
	struct domain *dom = arg;

	SLIST_REMOVE(&domains, dom, domain, next);
	free_table(dom->top, 3);
	free(dom, M_BACKEND);
}

static void store(uint64_t *at, uint64_t value)
{
	*at = value;
	flush_line(at, sizeof(*at));
}

static void set(struct domain *dom, vm_paddr_t gpa, uint64_t value)
{
	uint64_t *table = dom->top;

	for (int shift = 39; shift > PAGE_SHIFT; shift -= 9) {
		uint64_t *entry = &table[(gpa >> shift) & 511];

		if (*entry == 0) {
			void *page = malloc(PAGE_SIZE, M_BACKEND, M_WAITOK | M_ZERO);

			flush_line(page, PAGE_SIZE);
			store(entry, vtophys(page) | 3);
		}
		table = (uint64_t *)PHYS_TO_DMAP(*entry & ~(uint64_t)PAGE_MASK);
	}
	store(&table[(gpa >> PAGE_SHIFT) & 511], value);
}

static void add(struct domain *dom, uint16_t rid)
{
	uint64_t *entry = &context_tables[PCI_RID2BUS(rid)][(size_t)(rid & 0xff) * 2];

	if ((entry[0] & 1) != 0)
		panic("backend: device %x has a domain", rid);
	store(&entry[1], (uint64_t)dom->id << 8 | 2);
	store(&entry[0], vtophys(dom->top) | 1);
}

static void take_out(uint16_t rid)
{
	store(&context_tables[PCI_RID2BUS(rid)][(size_t)(rid & 0xff) * 2], 0);
	invalidate();
}

#ifdef IOMMUSIM_KSHIM_ERROR_OPS
static int create_mapping(void *dom, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len, uint64_t *done)
{
	(void)len;
	set(dom, gpa, hpa | 3);
	*done = PAGE_SIZE;
	return (0);
}

static int remove_mapping(void *dom, vm_paddr_t gpa, uint64_t len, uint64_t *done)
{
	(void)len;
	set(dom, gpa, 0);
	*done = PAGE_SIZE;
	return (0);
}

static int add_device(void *dom, device_t dev, uint16_t rid)
{
	(void)dev;
	add(dom, rid);
	return (0);
}

static int remove_device(void *dom, device_t dev, uint16_t rid)
{
	(void)dom;
	(void)dev;
	take_out(rid);
	return (0);
}

static int invalidate_tlb(void *dom)
{
	(void)dom;
	invalidate();
	return (0);
}
#else
static uint64_t create_mapping(void *dom, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{
	(void)len;
	set(dom, gpa, hpa | 3);
	return (PAGE_SIZE);
}

static uint64_t remove_mapping(void *dom, vm_paddr_t gpa, uint64_t len)
{
	(void)len;
	set(dom, gpa, 0);
	return (PAGE_SIZE);
}

static void add_device(void *dom, uint16_t rid)
{
	add(dom, rid);
}

static void remove_device(void *dom, uint16_t rid)
{
	(void)dom;
	take_out(rid);
}

static void invalidate_tlb(void *dom)
{
	(void)dom;
	invalidate();
}
#endif

const struct iommu_ops iommu_ops_intel = {
	.init = backend_init,
	.cleanup = backend_cleanup,
	.enable = backend_enable,
	.disable = backend_disable,
	.create_domain = backend_create_domain,
	.destroy_domain = backend_destroy_domain,
	.create_mapping = create_mapping,
	.remove_mapping = remove_mapping,
	.add_device = add_device,
	.remove_device = remove_device,
	.invalidate_tlb = invalidate_tlb,
};
