/* What the parts of the AMD-Vi driver share: units, domains, and what firmware says about devices. */
/* clang-format off */ /* style(9) */
#ifndef _AMDVI_H_
#define _AMDVI_H_

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mutex.h>
#include <sys/queue.h>
#include <sys/rman.h>

#include <io/iommu.h>

#include "tests/driver/amdvi/amdvi_regs.h"

MALLOC_DECLARE(M_AMDVI);

#define AMDVI_MAX_LEVELS	6
#define AMDVI_LEVEL_SHIFT(l)	(PAGE_SHIFT + 9 * ((l) - 1))
#define AMDVI_LEVEL_SIZE(l)	(1UL << AMDVI_LEVEL_SHIFT(l))

/* Requester ids that a device entry of the IVRS table speaks of; of two that overlap the later one counts. */
struct amdvi_range {
	uint16_t	first;
	uint16_t	last;
	uint16_t	alias;		/* what their requests carry, if `aliased` */
	bool		aliased;
	uint8_t		setting;	/* data setting byte */
};

/* Memory that devices must reach whatever domain they are in (IVMD). */
struct amdvi_unity {
	uint16_t	first;
	uint16_t	last;
	bool		ir;
	bool		iw;
	vm_paddr_t	start;
	vm_paddr_t	end;
};

/* An IVHD block that was chosen, and so a unit. */
struct amdvi_ivhd {
	uint8_t		type;
	uint8_t		flags;
	uint16_t	segment;
	uint16_t	rid;		/* of the unit's own PCI function */
	uint16_t	cap_off;
	uint32_t	attr;
	vm_paddr_t	base;
	u_int		range_count;
	struct amdvi_range *ranges;
};

struct amdvi_softc {
	device_t	dev;
	device_t	pci_dev;
	const struct amdvi_ivhd *ivhd;
	volatile struct amdvi_regs *regs;
	struct mtx	mtx;
	struct amdvi_dte *dev_table;
	struct amdvi_cmd *cmd;
	struct amdvi_event *event;
	u_int		cmd_tail;	/* slot the next command goes into */
	bool		running;	/* commands are fetched */
	bool		intr_set_up;
	volatile uint64_t cmp_data __aligned(8);	/* COMPLETION_WAIT stores here */
	uint64_t	cmp_seq;
	uint64_t	control;	/* what CONTROL holds while the unit is on */
	u_long		events;
	u_long		overflows;
	u_long		restarts;
	u_long		commands;
};

struct amdvi_domain {
	SLIST_ENTRY(amdvi_domain) next;
	uint64_t	*root;
	uint16_t	id;
	int		levels;
	u_int		devices;	/* entries of device tables that name it */
	bool		used;		/* one did at some time */
	vm_paddr_t	maxaddr;
};

/* amdvi_ivrs.c */
int	amdvi_ivrs_load(void);
void	amdvi_ivrs_unload(void);
u_int	amdvi_ivrs_units(void);
const struct amdvi_ivhd *amdvi_ivrs_unit(u_int unit);
const struct amdvi_range *amdvi_ivhd_range(const struct amdvi_ivhd *ivhd, uint16_t rid);
const struct amdvi_unity *amdvi_ivrs_unity(u_int index);

/* amdvi_hw.c */
int	amdvi_hw_setup(struct amdvi_softc *sc);
void	amdvi_hw_teardown(struct amdvi_softc *sc);
void	amdvi_hw_enable(struct amdvi_softc *sc);
void	amdvi_hw_disable(struct amdvi_softc *sc);
void	amdvi_hw_intr(void *arg);
void	amdvi_set_dte(struct amdvi_softc *sc, uint16_t rid, const struct amdvi_domain *domain,
	    uint8_t setting);

/* amdvi_cmd.c */
void	amdvi_write_control(struct amdvi_softc *sc, uint64_t control);
int	amdvi_cmd_wait(struct amdvi_softc *sc);
int	amdvi_inv_devtab(struct amdvi_softc *sc, uint16_t rid);
int	amdvi_inv_domain(struct amdvi_softc *sc, uint16_t id);
int	amdvi_inv_all(struct amdvi_softc *sc);

/* amdvi_pt.c: bytes done, less than `len` when there is no memory */
uint64_t *amdvi_pt_alloc(void);
void	amdvi_pt_free(uint64_t *table, int level);
uint64_t amdvi_pt_map(struct amdvi_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len,
	    uint64_t rights);
uint64_t amdvi_pt_unmap(struct amdvi_domain *domain, vm_paddr_t gpa, uint64_t len);

/* ivhd.c */
u_int	amdvi_softc_count(void);
struct amdvi_softc *amdvi_softc(u_int index);
int	amdvi_intr_setup(struct amdvi_softc *sc);
void	amdvi_intr_teardown(struct amdvi_softc *sc);

#endif /* !_AMDVI_H_ */
