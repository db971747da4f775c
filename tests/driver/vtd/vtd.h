/*
 * A VT-d backend for vmm: what its files share. The interface to vmm is iommu_ops_intel of io/iommu.h.
 *
 *	vtd.c		domains and devices
 *	vtd_table.c	page tables of a domain
 *	vtd_dmar.c	which units there are, and which device is behind which
 *	vtd_hw.c	what is done through a unit's registers and its queue
 *	vtd_fault.c	what units report
 *
 * Written as it should be; HAZARD_* macros put one defect each into it (hazards.cmake lists them).
 */
/* clang-format off */ /* style(9) */
#ifndef _DRIVER_VTD_H_
#define _DRIVER_VTD_H_

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/rman.h>
#include <sys/sysctl.h>

#include <vm/vm.h>
#include <vm/pmap.h>

#include <contrib/dev/acpica/include/acpi.h>
#include <machine/cpu.h>
#include <machine/vmparam.h>

#include "vtd_reg.h"

#define	VTD_SEGMENTS	4	/* PCI segments that have tables */
#define	VTD_MAX_IDS	65536

MALLOC_DECLARE(M_VTD);

struct vtd_unit {
	const ACPI_DMAR_HARDWARE_UNIT *drhd;
	volatile uint8_t *regs;
	uint64_t	cap;
	uint64_t	ecap;
	uint32_t	gcmd;		/* level bits that are on */
	uint64_t	(*queue)[2];	/* NULL: registers invalidate */
	u_int		tail;
	volatile uint32_t *done;	/* what the queue's waits write */
	device_t	dev;		/* for the fault interrupt */
	struct resource	*irq;
	void		*cookie;
};

struct vtd_domain {
	uint64_t	*root;
	u_int		levels;
	uint16_t	id;
	vm_paddr_t	end;		/* of what the tables can map */
	bool		unseen;		/* entries came that hardware was not told of */
	LIST_HEAD(, vtd_device) devices;
	LIST_ENTRY(vtd_domain) link;
};

struct vtd_device {
	struct vtd_unit	*unit;
	uint16_t	segment;
	uint16_t	rid;
	LIST_ENTRY(vtd_device) link;
};

extern struct vtd_unit *vtd_units;
extern u_int vtd_unit_count;

#define	VTD_FOREACH_UNIT(unit)						\
	for ((unit) = vtd_units; (unit) < vtd_units + vtd_unit_count; (unit)++)

static inline uint32_t
vtd_read4(const struct vtd_unit *unit, u_int at)
{
	return (*(const volatile uint32_t *)(unit->regs + at));
}

static inline uint64_t
vtd_read8(const struct vtd_unit *unit, u_int at)
{
	return (*(const volatile uint64_t *)(unit->regs + at));
}

static inline void
vtd_write4(struct vtd_unit *unit, u_int at, uint32_t value)
{
	*(volatile uint32_t *)(unit->regs + at) = value;
}

static inline void
vtd_write8(struct vtd_unit *unit, u_int at, uint64_t value)
{
	*(volatile uint64_t *)(unit->regs + at) = value;
}

/* What all units can do, or what one of them needs. */
bool	vtd_all_have(uint64_t cap_bits);
bool	vtd_any_has(uint64_t cap_bits);
bool	vtd_is_coherent(void);

/* vtd_dmar.c */
int	vtd_find_units(void);
void	vtd_forget_units(void);
struct vtd_unit *vtd_unit_for(uint16_t segment, uint16_t rid);
/* Memory that firmware says the device must reach: region `index`, [*first, *end). False beyond the last. */
bool	vtd_reserved_region(uint16_t segment, uint16_t rid, u_int index, vm_paddr_t *first,
	    vm_paddr_t *end);

/* vtd_hw.c: 0 or an errno */
int	vtd_unit_attach(struct vtd_unit *unit);
void	vtd_unit_detach(struct vtd_unit *unit);
int	vtd_unit_enable(struct vtd_unit *unit, vm_paddr_t root);
void	vtd_unit_disable(struct vtd_unit *unit);
int	vtd_write_buffers(struct vtd_unit *unit);
int	vtd_flush_device(struct vtd_unit *unit, uint16_t rid, uint16_t id);
int	vtd_flush_domain(struct vtd_unit *unit, uint16_t id);
/* Memory that a unit reads, which may not look into caches. */
void	vtd_to_memory(const volatile void *first, size_t length);

/* vtd_fault.c */
int	vtd_fault_attach(struct vtd_unit *unit);
void	vtd_fault_detach(struct vtd_unit *unit);

/* vtd_table.c */
uint64_t *vtd_table_alloc(void);
void	vtd_table_free(uint64_t *table, u_int level);
int	vtd_table_map(struct vtd_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len,
	    uint64_t *done);
int	vtd_table_unmap(struct vtd_domain *domain, vm_paddr_t gpa, uint64_t len, uint64_t *done);
bool	vtd_table_is_mapped(const struct vtd_domain *domain, vm_paddr_t gpa);

/* vtd.c */
int	vtd_map_region(struct vtd_domain *domain, vm_paddr_t first, vm_paddr_t end);

#endif /* !_DRIVER_VTD_H_ */
