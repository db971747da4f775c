/*
 * A VT-d driver as kernels have them: registers behind a volatile structure, root and context
 * tables in its own .bss, polling loops without a limit, one unit. It knows the hardware and a few
 * kernel functions, nothing of what it runs on.
 */
#include "tests/driver/vtd_driver.h"

#include <errno.h>
#include <string.h>

struct vtd_regs {
	uint32_t version; /* 000 */
	uint32_t unused_004;
	uint64_t cap;    /* 008 */
	uint64_t ecap;   /* 010 */
	uint32_t gcmd;   /* 018 */
	uint32_t gsts;   /* 01c */
	uint64_t rtaddr; /* 020 */
	uint64_t ccmd;   /* 028 */
	uint32_t unused_030;
	uint32_t fsts;    /* 034 */
	uint32_t fectl;   /* 038 */
	uint32_t fedata;  /* 03c */
	uint32_t feaddr;  /* 040 */
	uint32_t feuaddr; /* 044 */
	uint64_t unused_048[7];
	uint64_t iqh; /* 080 */
	uint64_t iqt; /* 088 */
	uint64_t iqa; /* 090 */
};
_Static_assert(offsetof(struct vtd_regs, fsts) == 0x34, "FSTS");
_Static_assert(offsetof(struct vtd_regs, iqa) == 0x90, "IQA");

#define CAP_FRO(cap)        ((size_t)((cap) >> 24 & 0x3ff) * 16)
#define CAP_NFR(cap)        ((unsigned)((cap) >> 40 & 0xff) + 1)
#define CAP_4LEVEL          0x400u
#define ECAP_C              0x1u
#define ECAP_QI             0x2u
#define ECAP_IRO(ecap)      ((size_t)((ecap) >> 8 & 0x3ff) * 16)
#define GCMD_TE             0x80000000u
#define GCMD_SRTP           0x40000000u
#define GCMD_QIE            0x04000000u
#define CCMD_GLOBAL         0xa000000000000000u
#define IOTLB_GLOBAL        0x9003000000000000u
#define IOTLB_DOMAIN        0xa003000000000000u
#define BUSY                0x8000000000000000u /* CCMD.ICC and IOTLB.IVT */
#define FSTS_PFO            0x1u
#define FSTS_PPF            0x2u
#define FSTS_FRI(fsts)      ((fsts) >> 8 & 0xff)
#define FRCD_F_HIGH         0x80000000u
#define FECTL_IM            0x80000000u
#define ENTRY_PRESENT       0x1u
#define CONTEXT_4LEVEL      0x2u
#define PTE_RW              0x3u
#define PTE_ADDRESS         0x000ffffffffff000u
#define DESC_CONTEXT_GLOBAL 0x11u
#define DESC_IOTLB_GLOBAL   0xd2u
#define DESC_IOTLB_DOMAIN   0xe2u
#define DESC_WAIT_STATUS    0x25u
#define WAIT_DONE           1u

#define LEVELS        4u
#define ENTRIES       512u
#define DOMAINS       16u /* ids 1 to 15: id 0 is not used where CM could be set */
#define QUEUE_ENTRIES 256u
#define PAGE_ALIGNED  __attribute__((aligned(VTD_PAGE_SIZE)))

static PAGE_ALIGNED uint64_t root_table[256][2];
static PAGE_ALIGNED uint64_t context_tables[256][256][2];
static PAGE_ALIGNED uint64_t queue[QUEUE_ENTRIES][2];
static volatile uint32_t queue_status;
static unsigned queue_tail;

static volatile struct vtd_regs *regs;
static volatile uint64_t *iotlb; /* IVA, then IOTLB */
static volatile uint32_t *fault_records;
static size_t fault_count;
static uint32_t gcmd_shadow; /* what is to stay on */
static bool coherent;
static uint64_t *domains[DOMAINS]; /* top tables */

static void flush(const volatile void *first, size_t length)
{
	if (!coherent)
		kern_cache_flush(first, length);
}

static void store_entry(uint64_t *entry, uint64_t value)
{
	*entry = value;
	__asm__ volatile("" ::: "memory");
	flush(entry, sizeof(*entry));
}

/* Turn something on that is to stay on. Every write of GCMD restates what already is. */
static void gcmd_set(uint32_t bit)
{
	gcmd_shadow |= bit;
	regs->gcmd = gcmd_shadow;
	while ((regs->gsts & bit) == 0)
		;
}

/* SRTP is done once and not restated. */
static void set_root_table(void)
{
	regs->rtaddr = kern_vtophys(root_table);
#ifdef DRIVER_BARE_SRTP
	regs->gcmd = GCMD_SRTP;
#else
	regs->gcmd = gcmd_shadow | GCMD_SRTP;
#endif
	while ((regs->gsts & GCMD_SRTP) == 0)
		;
}

static void queue_put(uint64_t low, uint64_t high)
{
	queue[queue_tail][0] = low;
	queue[queue_tail][1] = high;
	flush(queue[queue_tail], sizeof(queue[queue_tail]));
	queue_tail = (queue_tail + 1) % QUEUE_ENTRIES;
}

static void queue_run(void)
{
	queue_status = 0;
	queue_put(DESC_WAIT_STATUS | (uint64_t)WAIT_DONE << 32, kern_vtophys(&queue_status));
	regs->iqt = queue_tail * sizeof(queue[0]);
	while (queue_status != WAIT_DONE)
		;
}

static void invalidate_all(void)
{
	if ((gcmd_shadow & GCMD_QIE) != 0) {
		queue_put(DESC_CONTEXT_GLOBAL, 0);
		queue_put(DESC_IOTLB_GLOBAL, 0);
		queue_run();
		return;
	}
	regs->ccmd = CCMD_GLOBAL;
	while ((regs->ccmd & BUSY) != 0)
		;
	iotlb[1] = IOTLB_GLOBAL;
	while ((iotlb[1] & BUSY) != 0)
		;
}

static void vtd_invalidate(unsigned domain)
{
	if ((gcmd_shadow & GCMD_QIE) != 0) {
		queue_put(DESC_IOTLB_DOMAIN | (uint64_t)domain << 16, 0);
		queue_run();
		return;
	}
	iotlb[1] = IOTLB_DOMAIN | (uint64_t)domain << 32;
	while ((iotlb[1] & BUSY) != 0)
		;
}

static int vtd_attach(volatile void *registers, bool queued)
{
	uint64_t cap, ecap;

	regs = registers;
	cap = regs->cap;
	ecap = regs->ecap;
	if ((cap & CAP_4LEVEL) == 0 || (queued && (ecap & ECAP_QI) == 0))
		return ENXIO;
	coherent = (ecap & ECAP_C) != 0;
	fault_records = (volatile uint32_t *)((volatile uint8_t *)registers + CAP_FRO(cap));
	fault_count = CAP_NFR(cap);
	iotlb = (volatile uint64_t *)((volatile uint8_t *)registers + ECAP_IRO(ecap));
	for (unsigned bus = 0; bus < 256; bus++)
		root_table[bus][0] = kern_vtophys(context_tables[bus]) | ENTRY_PRESENT;
	flush(root_table, sizeof(root_table));
	flush(context_tables, sizeof(context_tables));
	if (queued) {
		regs->iqt = 0;
		regs->iqa = kern_vtophys(queue);
		gcmd_set(GCMD_QIE);
	}
	return 0;
}

static void vtd_enable(void)
{
	set_root_table();
	invalidate_all();
	gcmd_set(GCMD_TE);
}

static void vtd_reload_root(void)
{
	set_root_table();
	invalidate_all();
}

static void vtd_fault_event(uint32_t address, uint32_t data)
{
	regs->fedata = data;
	regs->feaddr = address;
	regs->feuaddr = 0;
	regs->fectl &= ~FECTL_IM;
}

static int vtd_domain_create(unsigned *domain)
{
	for (unsigned id = 1; id < DOMAINS; id++) {
		if (domains[id] != NULL)
			continue;
		domains[id] = kern_page_alloc();
		if (domains[id] == NULL)
			return ENOMEM;
		flush(domains[id], VTD_PAGE_SIZE);
		*domain = id;
		return 0;
	}
	return ENOSPC;
}

static void free_tables(uint64_t *table, unsigned level)
{
	for (unsigned i = 0; level > 1 && i < ENTRIES; i++)
		if (table[i] != 0)
			free_tables(kern_phystov(table[i] & PTE_ADDRESS), level - 1);
	kern_page_free(table);
}

static void vtd_domain_destroy(unsigned domain)
{
	free_tables(domains[domain], LEVELS);
	domains[domain] = NULL;
}

/* The last-level entry for an address, its tables made on the way if `make`; NULL without them. */
static uint64_t *find_entry(unsigned domain, uint64_t guest, bool make)
{
	uint64_t *table = domains[domain];

	for (unsigned level = LEVELS; level > 1; level--) {
		uint64_t *entry = &table[guest >> (12 + 9 * (level - 1)) & (ENTRIES - 1)];

		if (*entry == 0) {
			uint64_t *next = make ? kern_page_alloc() : NULL;

			if (next == NULL)
				return NULL;
			flush(next, VTD_PAGE_SIZE);
			store_entry(entry, kern_vtophys(next) | PTE_RW);
		}
		table = kern_phystov(*entry & PTE_ADDRESS);
	}
	return &table[guest >> 12 & (ENTRIES - 1)];
}

static int vtd_map(unsigned domain, uint64_t guest, uint64_t host, uint64_t length)
{
	for (uint64_t done = 0; done < length; done += VTD_PAGE_SIZE) {
		uint64_t *entry = find_entry(domain, guest + done, true);

		if (entry == NULL)
			return ENOMEM;
		store_entry(entry, (host + done) | PTE_RW);
	}
	return 0;
}

static void vtd_unmap(unsigned domain, uint64_t guest, uint64_t length)
{
	for (uint64_t done = 0; done < length; done += VTD_PAGE_SIZE) {
		uint64_t *entry = find_entry(domain, guest + done, false);

		if (entry != NULL)
			store_entry(entry, 0);
	}
}

static void vtd_add_device(unsigned domain, uint16_t source)
{
	uint64_t *entry = context_tables[source >> 8][source & 0xff];

	store_entry(&entry[1], (uint64_t)domain << 8 | CONTEXT_4LEVEL);
	store_entry(&entry[0], kern_vtophys(domains[domain]) | ENTRY_PRESENT);
}

static void vtd_remove_device(uint16_t source)
{
	store_entry(&context_tables[source >> 8][source & 0xff][0], 0);
	invalidate_all();
}

/* The oldest record nobody has taken yet; the overflow bit goes when there is none left. */
static bool vtd_fault_read(struct vtd_fault *fault)
{
	const uint32_t status = regs->fsts;

	for (size_t i = 0; (status & FSTS_PPF) != 0 && i < fault_count; i++) {
		volatile uint32_t *record = fault_records + (FSTS_FRI(status) + i) % fault_count * 4;
		const uint32_t high = record[3];

		if ((high & FRCD_F_HIGH) == 0)
			continue;
		fault->reason = high & 0xff;
		fault->is_read = (high >> 30 & 1) != 0;
		fault->source = record[2] & 0xffff;
		fault->address = *(volatile uint64_t *)record & PTE_ADDRESS;
		record[3] = FRCD_F_HIGH;
		return true;
	}
	if ((status & FSTS_PFO) != 0)
		regs->fsts = FSTS_PFO;
	return false;
}

static void vtd_detach(void)
{
	regs->gcmd = 0;
	while ((regs->gsts & (GCMD_TE | GCMD_QIE)) != 0)
		;
	for (unsigned id = 1; id < DOMAINS; id++)
		if (domains[id] != NULL)
			vtd_domain_destroy(id);
	memset(root_table, 0, sizeof(root_table));
	memset(context_tables, 0, sizeof(context_tables));
	gcmd_shadow = 0;
	queue_tail = 0;
	regs = NULL;
}

#ifdef DRIVER_BARE_SRTP
#define DRIVER vtd_driver_bare_srtp
#elif defined(DRIVER_TRAPPED)
#define DRIVER vtd_driver_trapped
#else
#define DRIVER vtd_driver
#endif

const struct vtd_driver DRIVER = {
	.attach = vtd_attach,
	.detach = vtd_detach,
	.enable = vtd_enable,
	.reload_root = vtd_reload_root,
	.fault_event = vtd_fault_event,
	.domain_create = vtd_domain_create,
	.domain_destroy = vtd_domain_destroy,
	.map = vtd_map,
	.unmap = vtd_unmap,
	.invalidate = vtd_invalidate,
	.add_device = vtd_add_device,
	.remove_device = vtd_remove_device,
	.fault_read = vtd_fault_read,
};
