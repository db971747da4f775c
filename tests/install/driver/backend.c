/*
 * A small VT-d backend for vmm, as a kernel developer would write it: one unit, legacy mode, 4-level tables. It knows
 * the kernel's headers and the hardware. With -DPLANTED_BUG it forgets what makes an unmapped page go away.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/malloc.h>

#include <vm/vm.h>
#include <vm/pmap.h>

#include <machine/cpu.h>
#include <machine/vmparam.h>
#include <contrib/dev/acpica/include/acpi.h>

#include "io/iommu.h"

#define GCMD_TE     (1u << 31)
#define GCMD_SRTP   (1u << 30)
#define ENTRY_RW    3ul
#define ENTRIES     512
#define TOP_SHIFT   39
#define INDEX(a, s) (((a) >> (s)) & (ENTRIES - 1))

struct vtd_regs {
	volatile uint32_t version, unused;
	volatile uint64_t cap, ecap;
	volatile uint32_t gcmd, gsts;
	volatile uint64_t rtaddr, ccmd;
};
CTASSERT(sizeof(struct vtd_regs) == 0x30);

struct domain {
	uint64_t *top;
	u_int id;
};

static MALLOC_DEFINE(M_BACKEND, "backend", "a small backend");
static uint64_t root_table[ENTRIES] __aligned(PAGE_SIZE);
static uint64_t context_tables[256][ENTRIES] __aligned(PAGE_SIZE);
static struct vtd_regs *regs;
static volatile uint64_t *iotlb;
static u_int last_id;
static bool coherent;

static void flush(const void *first, size_t length)
{

	if (!coherent)
		pmap_invalidate_cache_range((vm_offset_t)first, (vm_offset_t)first + length);
}

static void store(uint64_t *entry, uint64_t value)
{

	*(volatile uint64_t *)entry = value;
	flush(entry, sizeof(*entry));
}

static void invalidate_all(void)
{

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
	regs = (struct vtd_regs *)PHYS_TO_DMAP(drhd->Address);
	if ((regs->cap & 0x400) == 0)
		return (ENOTSUP);
	coherent = (regs->ecap & 1) != 0;
	iotlb = (volatile uint64_t *)((caddr_t)regs + ((regs->ecap >> 8) & 0x3ff) * 16 + 8);
	for (size_t bus = 0; bus < 256; bus++)
		root_table[bus * 2] = vtophys(context_tables[bus]) | 1;
	flush(root_table, sizeof(root_table));
	flush(context_tables, sizeof(context_tables));
	return (0);
}

static void backend_cleanup(void)
{

	regs = NULL;
}

static void backend_enable(void)
{

	regs->rtaddr = vtophys(root_table);
	regs->gcmd = GCMD_SRTP;
	while ((regs->gsts & GCMD_SRTP) == 0)
		cpu_spinwait();
	invalidate_all();
	regs->gcmd = GCMD_TE;
	while ((regs->gsts & GCMD_TE) == 0)
		cpu_spinwait();
}

static void backend_disable(void)
{

	regs->gcmd = 0;
	while ((regs->gsts & GCMD_TE) != 0)
		cpu_spinwait();
}

static void *backend_create_domain(vm_paddr_t maxaddr __unused)
{
	struct domain *dom;

	dom = malloc(sizeof(*dom), M_BACKEND, M_NOWAIT | M_ZERO);
	if (dom == NULL)
		return (NULL);
	dom->top = malloc(PAGE_SIZE, M_BACKEND, M_NOWAIT | M_ZERO);
	if (dom->top == NULL) {
		free(dom, M_BACKEND);
		return (NULL);
	}
	flush(dom->top, PAGE_SIZE);
	dom->id = ++last_id;
	return (dom);
}

static void free_table(uint64_t *table, int level)
{

	for (int i = 0; level > 0 && i < ENTRIES; i++)
		if (table[i] != 0)
			free_table(
			    (uint64_t *)PHYS_TO_DMAP(table[i] & ~(uint64_t)PAGE_MASK), level - 1);
	free(table, M_BACKEND);
}

static void backend_destroy_domain(void *arg)
{
	struct domain *dom = arg;

	free_table(dom->top, 3);
	free(dom, M_BACKEND);
}

static void set_entry(struct domain *dom, vm_paddr_t gpa, uint64_t value)
{
	uint64_t *table = dom->top, *entry;
	void *page;

	for (int shift = TOP_SHIFT; shift > PAGE_SHIFT; shift -= 9) {
		entry = &table[INDEX(gpa, shift)];
		if (*entry == 0) {
			page = malloc(PAGE_SIZE, M_BACKEND, M_WAITOK | M_ZERO);
			flush(page, PAGE_SIZE);
			store(entry, vtophys(page) | ENTRY_RW);
		}
		table = (uint64_t *)PHYS_TO_DMAP(*entry & ~(uint64_t)PAGE_MASK);
	}
	store(&table[INDEX(gpa, PAGE_SHIFT)], value);
}

static uint64_t backend_create_mapping(void *dom, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len __unused)
{

	set_entry(dom, gpa, hpa | ENTRY_RW);
	return (PAGE_SIZE);
}

static uint64_t backend_remove_mapping(void *dom, vm_paddr_t gpa, uint64_t len __unused)
{

	set_entry(dom, gpa, 0);
	return (PAGE_SIZE);
}

static void backend_add_device(void *arg, uint16_t rid)
{
	uint64_t *entry = &context_tables[rid >> 8][(size_t)(rid & 0xff) * 2];
	struct domain *dom = arg;

	if ((entry[0] & 1) != 0)
		panic("backend: device %x has a domain", rid);
	store(&entry[1], (uint64_t)dom->id << 8 | 2);
	store(&entry[0], vtophys(dom->top) | 1);
}

static void backend_remove_device(void *dom __unused, uint16_t rid)
{

	store(&context_tables[rid >> 8][(size_t)(rid & 0xff) * 2], 0);
	invalidate_all();
}

static void backend_invalidate_tlb(void *dom __unused)
{

#ifndef PLANTED_BUG
	invalidate_all();
#endif
}

const struct iommu_ops iommu_ops_intel = {
	.init = backend_init,
	.cleanup = backend_cleanup,
	.enable = backend_enable,
	.disable = backend_disable,
	.create_domain = backend_create_domain,
	.destroy_domain = backend_destroy_domain,
	.create_mapping = backend_create_mapping,
	.remove_mapping = backend_remove_mapping,
	.add_device = backend_add_device,
	.remove_device = backend_remove_device,
	.invalidate_tlb = backend_invalidate_tlb,
};
