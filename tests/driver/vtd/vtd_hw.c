/* What is done through a unit's registers and its invalidation queue. What stands in tables is other files' business. */
/* clang-format off */ /* style(9) */
#include <sys/cdefs.h>

#include "vtd.h"

#define	POLL_US		10
#define	TIMEOUT_US	100000
#define	DONE		1u

static int use_queue = 1;
SYSCTL_INT(_hw_vmm_vtd, OID_AUTO, queued, CTLFLAG_RDTUN, &use_queue, 0,
    "invalidate by queue where units have one");

void
vtd_to_memory(const volatile void *first, size_t length)
{
#ifndef HAZARD_MISSING_CACHE_FLUSH
	if (!vtd_is_coherent())
		pmap_force_invalidate_cache_range(
		    (vm_offset_t)first, (vm_offset_t)first + length);
#else
	(void)first;
	(void)length;
#endif
}

/* Wait until the bits of a register under `mask` read `want`. */
static int
wait4(struct vtd_unit *unit, u_int at, uint32_t mask, uint32_t want, const char *what)
{
#ifdef HAZARD_NO_TIMEOUT
	(void)what;
	while ((vtd_read4(unit, at) & mask) != want)
		cpu_spinwait();
	return (0);
#else
	int waited;

	for (waited = 0; waited < TIMEOUT_US; waited += POLL_US) {
		if ((vtd_read4(unit, at) & mask) == want)
			return (0);
		DELAY(POLL_US);
	}
	printf("vtd: unit at %#lx: %s does not come\n", (u_long)unit->drhd->Address, what);
	return (ETIMEDOUT);
#endif
}

/* Each write restates what is on. */
static int
level(struct vtd_unit *unit, uint32_t bit, bool on, const char *what)
{
	unit->gcmd = on ? unit->gcmd | bit : unit->gcmd & ~bit;
	vtd_write4(unit, VTD_GCMD, unit->gcmd);
	return (wait4(unit, VTD_GSTS, bit, on ? bit : 0, what));
}

static int
set_root(struct vtd_unit *unit, vm_paddr_t root)
{
	vtd_write8(unit, VTD_RTADDR, root);
#ifdef HAZARD_BARE_SRTP
	vtd_write4(unit, VTD_GCMD, VTD_SRTP);
#else
	vtd_write4(unit, VTD_GCMD, unit->gcmd | VTD_SRTP);
#endif
	return (wait4(unit, VTD_GSTS, VTD_SRTP, VTD_SRTP, "RTPS"));
}

/* Chipsets of old keep stores to themselves. */
int
vtd_write_buffers(struct vtd_unit *unit)
{
	if ((unit->cap & VTD_CAP_RWBF) == 0)
		return (0);
#ifdef HAZARD_MISSING_WBF
	return (0);
#elif defined(HAZARD_BARE_WBF)
	vtd_write4(unit, VTD_GCMD, VTD_WBF);
#else
	vtd_write4(unit, VTD_GCMD, unit->gcmd | VTD_WBF);
#endif
	return (wait4(unit, VTD_GSTS, VTD_WBF, 0, "the end of WBF"));
}

/* ---- the queue -------------------------------------------------------------------------------- */

static void
queue_put(struct vtd_unit *unit, uint64_t low, uint64_t high)
{
	unit->queue[unit->tail][0] = low;
	unit->queue[unit->tail][1] = high;
	vtd_to_memory(unit->queue[unit->tail], sizeof(unit->queue[0]));
	unit->tail = (unit->tail + 1) % VTD_QUEUE_ENTRIES;
}

static int
queue_wait(struct vtd_unit *unit)
{
	int waited;

	for (waited = 0; waited < TIMEOUT_US; waited += POLL_US) {
		if (*unit->done == DONE)
			return (0);
		DELAY(POLL_US);
	}
	printf("vtd: unit at %#lx: the queue does not get on, FSTS %#x\n",
	    (u_long)unit->drhd->Address, vtd_read4(unit, VTD_FSTS));
	return (ETIMEDOUT);
}

/* One request, and a wait for it. Nothing else is ever in the queue. */
static int
queue_run(struct vtd_unit *unit, uint64_t low, uint64_t high)
{
	*unit->done = 0;
	queue_put(unit, low, high);
	queue_put(unit, VTD_DESC_WAIT_STATUS | (uint64_t)DONE << 32, vtophys(unit->done));
	vtd_write8(unit, VTD_IQT, unit->tail * sizeof(unit->queue[0]));
	return (queue_wait(unit));
}

/* ---- invalidation ------------------------------------------------------------------------------- */

static int
flush_contexts(struct vtd_unit *unit, uint64_t command, uint64_t descriptor)
{
	int error;

	error = vtd_write_buffers(unit);
	if (error != 0)
		return (error);
	if (unit->queue != NULL)
		return (queue_run(unit, descriptor, 0));
	vtd_write8(unit, VTD_CCMD, VTD_CCMD_ICC | command);
	return (wait4(unit, VTD_CCMD + 4, VTD_CCMD_ICC >> 32, 0, "the end of ICC"));
}

static int
flush_iotlb(struct vtd_unit *unit, uint64_t command, uint64_t descriptor)
{
	const u_int at = VTD_ECAP_IRO(unit->ecap) + VTD_IOTLB;
	int error;

	error = vtd_write_buffers(unit);
	if (error != 0)
		return (error);
	if (unit->queue != NULL) {
		if ((unit->cap & VTD_CAP_DRD) != 0)
			descriptor |= VTD_DESC_IOTLB_DR;
		if ((unit->cap & VTD_CAP_DWD) != 0)
			descriptor |= VTD_DESC_IOTLB_DW;
		return (queue_run(unit, descriptor, 0));
	}
	if ((unit->cap & VTD_CAP_DRD) != 0)
		command |= VTD_IOTLB_DR;
	if ((unit->cap & VTD_CAP_DWD) != 0)
		command |= VTD_IOTLB_DW;
	vtd_write8(unit, at, VTD_IOTLB_IVT | command);
	return (wait4(unit, at + 4, VTD_IOTLB_IVT >> 32, 0, "the end of IVT"));
}

int
vtd_flush_device(struct vtd_unit *unit, uint16_t rid, uint16_t id)
{
#ifdef HAZARD_MISSING_CONTEXT_FLUSH
	(void)unit;
	(void)rid;
	(void)id;
	return (0);
#else
	return (flush_contexts(unit, VTD_CCMD_DEVICE | (uint64_t)rid << 16 | id,
	    VTD_DESC_CONTEXT_DEVICE | (uint64_t)rid << 32 | (uint64_t)id << 16));
#endif
}

int
vtd_flush_domain(struct vtd_unit *unit, uint16_t id)
{
#ifdef HAZARD_MISSING_IOTLB_FLUSH
	(void)unit;
	(void)id;
	return (0);
#else
	return (flush_iotlb(unit, VTD_IOTLB_DOMAIN | (uint64_t)id << 32,
	    VTD_DESC_IOTLB_DOMAIN | (uint64_t)id << 16));
#endif
}

static int
flush_all(struct vtd_unit *unit)
{
	int error;

#ifdef HAZARD_SRTP_WITHOUT_FLUSH
	return (0);
#endif
	error = flush_contexts(unit, VTD_CCMD_GLOBAL, VTD_DESC_CONTEXT_GLOBAL);
	if (error == 0)
		error = flush_iotlb(unit, VTD_IOTLB_GLOBAL, VTD_DESC_IOTLB_GLOBAL);
	return (error);
}

/* ---- a unit's life -------------------------------------------------------------------------------- */

static int
queue_alloc(struct vtd_unit *unit)
{
#ifdef HAZARD_REGISTER_INVALIDATION_UNDER_QI
	return (0);
#endif
	if (!use_queue || (unit->ecap & VTD_ECAP_QI) == 0)
		return (0);
	unit->queue = malloc(PAGE_SIZE, M_VTD, M_NOWAIT | M_ZERO);
	unit->done = malloc(sizeof(*unit->done), M_VTD, M_NOWAIT | M_ZERO);
	return (unit->queue == NULL || unit->done == NULL ? ENOMEM : 0);
}

/* Its registers are mapped. Somebody else's queue or tables are not ours to replace. */
int
vtd_unit_attach(struct vtd_unit *unit)
{
	uint32_t status;

	status = vtd_read4(unit, VTD_GSTS);
	unit->gcmd = status & VTD_LEVELS;
#ifndef HAZARD_REGISTER_INVALIDATION_UNDER_QI
	if ((status & (VTD_TE | VTD_QIE)) != 0) {
		printf("vtd: unit at %#lx is in use already, GSTS %#x\n",
		    (u_long)unit->drhd->Address, status);
		return (EBUSY);
	}
#endif
	return (queue_alloc(unit));
}

void
vtd_unit_detach(struct vtd_unit *unit)
{
	free(unit->queue, M_VTD);
	free(__DEVOLATILE(void *, unit->done), M_VTD);
	unit->queue = NULL;
	unit->done = NULL;
}

static int
queue_start(struct vtd_unit *unit)
{
	if (unit->queue == NULL)
		return (0);
	unit->tail = 0;
	vtd_write8(unit, VTD_IQT, 0);
	vtd_write8(unit, VTD_IQA, vtophys(unit->queue));
	return (level(unit, VTD_QIE, true, "QIES"));
}

/* Regions that firmware closed before there was translation. */
static void
open_protected(struct vtd_unit *unit)
{
	if ((unit->cap & (VTD_CAP_PLMR | VTD_CAP_PHMR)) == 0 ||
	    (vtd_read4(unit, VTD_PMEN) & VTD_PMEN_EPM) == 0)
		return;
	vtd_write4(unit, VTD_PMEN, 0);
	(void)wait4(unit, VTD_PMEN, VTD_PMEN_PRS, 0, "the end of PRS");
}

int
vtd_unit_enable(struct vtd_unit *unit, vm_paddr_t root)
{
	int error;

	error = queue_start(unit);
	if (error == 0)
		error = vtd_write_buffers(unit);
	if (error == 0)
		error = set_root(unit, root);
	if (error == 0)
		error = flush_all(unit);
	if (error == 0)
		error = level(unit, VTD_TE, true, "TES");
	if (error == 0)
		open_protected(unit);
	return (error);
}

void
vtd_unit_disable(struct vtd_unit *unit)
{
	(void)level(unit, VTD_TE, false, "the end of TES");
	if (unit->queue != NULL)
		(void)level(unit, VTD_QIE, false, "the end of QIES");
}
