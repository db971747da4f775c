/* A unit's device table, its event log, and turning it on and off. Commands are amdvi_cmd.c's. */
/* clang-format off */ /* style(9) */
#include "tests/driver/amdvi/amdvi.h"

#include <vm/vm.h>
#include <vm/pmap.h>

#include <dev/pci/pcireg.h>

#define AMDVI_DEV_TABLE_BYTES	(AMDVI_DEV_TABLE_PAGES * (size_t)PAGE_SIZE)
#define AMDVI_DEVICES		(AMDVI_DEV_TABLE_BYTES / sizeof(struct amdvi_dte))
#define AMDVI_ENTRY_PATIENCE_US	100

/* ---- the device table ---- */

/* Hardware may read the entry at any time: it changes by whole quadwords, in the order of the calls. */
static void
dte_store(uint64_t *qw, uint64_t value)
{
	*(volatile uint64_t *)qw = value;
	wmb();
}

static uint64_t
dte_of(const struct amdvi_domain *domain)
{
	return (AMDVI_DTE_V | AMDVI_DTE_TV | AMDVI_DTE_MODE(domain->levels) | vtophys(domain->root) |
	    AMDVI_DTE_IR | AMDVI_DTE_IW);
}

#ifdef AMDVI_HAZARD_DTE_NOT_ATOMIC

void
amdvi_set_dte(struct amdvi_softc *sc, uint16_t rid, const struct amdvi_domain *domain, uint8_t setting)
{
	struct amdvi_dte *dte = &sc->dev_table[rid];
	const uint64_t whole = domain == NULL ? AMDVI_DTE_V : dte_of(domain);

	/* Field by field, as they come. */
	dte_store(&dte->qw[0], whole & (AMDVI_DTE_V | AMDVI_DTE_TV | AMDVI_DTE_IR | AMDVI_DTE_IW));
	dte_store(&dte->qw[0], whole & ~AMDVI_DTE_MODE(7));
	dte_store(&dte->qw[0], whole);
	dte_store(&dte->qw[1], domain == NULL ? 0 : domain->id | AMDVI_DTE_SYSMGT((setting >> 4) & 3));
	(void)amdvi_inv_devtab(sc, rid);
}

#else

/*
 * Give a requester id to a domain, or block it with NULL. An entry cannot be stored at once: while its halves
 * do not belong together it blocks (V=1, TV=0). Clearing V instead would let everything through.
 */
void
amdvi_set_dte(struct amdvi_softc *sc, uint16_t rid, const struct amdvi_domain *domain, uint8_t setting)
{
	struct amdvi_dte *dte = &sc->dev_table[rid];

#ifdef AMDVI_HAZARD_REMOVE_KEEPS_DTE
	if (domain == NULL) {
		dte_store(&dte->qw[1], 0);
		(void)amdvi_inv_devtab(sc, rid);
		return;
	}
#endif
	if ((dte->qw[0] & AMDVI_DTE_TV) != 0) {
		dte_store(&dte->qw[0], AMDVI_DTE_V);
		(void)amdvi_inv_devtab(sc, rid);
	}
	dte_store(&dte->qw[1],
	    domain == NULL ? 0 : domain->id | AMDVI_DTE_SYSMGT((setting >> 4) & 3));
	if (domain != NULL)
		dte_store(&dte->qw[0], dte_of(domain));
	(void)amdvi_inv_devtab(sc, rid);
}

#endif

/* ---- the event log ---- */

static const char *const event_names[] = { "reserved event", "ILLEGAL_DEV_TABLE_ENTRY", "IO_PAGE_FAULT",
	"DEV_TAB_HARDWARE_ERROR", "PAGE_TAB_HARDWARE_ERROR", "ILLEGAL_COMMAND_ERROR", "COMMAND_HARDWARE_ERROR",
	"IOTLB_INV_TIMEOUT", "INVALID_DEVICE_REQUEST" };

static void
event_print(struct amdvi_softc *sc, const struct amdvi_event *event)
{
	const uint16_t rid = AMDVI_EVENT_DEVID(event->qw[0]);
	const u_int code = AMDVI_EVENT_CODE(event->qw[0]);

	device_printf(sc->dev, "%s: device %d:%d.%d, domain %u, address %#lx, flags %b\n",
	    code < nitems(event_names) ? event_names[code] : "unknown event", PCI_RID2BUS(rid),
	    PCI_RID2SLOT(rid), PCI_RID2FUNC(rid), AMDVI_EVENT_DOMAIN(event->qw[0]), (u_long)event->qw[1],
	    AMDVI_EVENT_FLAGS(event->qw[0]), AMDVI_EVENT_FLAGS_DESC);
}

/* Some units move the tail before the entry is there (errata 732, 733): wait for its code. */
static void
event_take(struct amdvi_softc *sc, volatile struct amdvi_event *slot)
{
	struct amdvi_event event;

	for (u_int waited = 0; AMDVI_EVENT_CODE(slot->qw[0]) == 0 && waited < AMDVI_ENTRY_PATIENCE_US; waited++)
		DELAY(1);
	event.qw[0] = slot->qw[0];
	event.qw[1] = slot->qw[1];
	slot->qw[0] = 0;
	slot->qw[1] = 0;
	sc->events++;
	event_print(sc, &event);
}

static void
event_drain(struct amdvi_softc *sc)
{
	u_int head = sc->regs->evt_head / sizeof(struct amdvi_event);

	while (head != sc->regs->evt_tail / sizeof(struct amdvi_event)) {
		event_take(sc, &sc->event[head]);
		head = (head + 1) % AMDVI_RING_ENTRIES;
#ifndef AMDVI_HAZARD_EVENT_HEAD_PAST_TAIL
		sc->regs->evt_head = head * sizeof(struct amdvi_event);
#endif
	}
#ifdef AMDVI_HAZARD_EVENT_HEAD_PAST_TAIL
	sc->regs->evt_head = (head + 1) % AMDVI_RING_ENTRIES * sizeof(struct amdvi_event);
#endif
}

/* An overflow stops the log: it goes on when it is turned off and on with the status cleared between. */
static void
event_restart(struct amdvi_softc *sc)
{
	sc->overflows++;
	device_printf(sc->dev, "event log overflow, events were lost\n");
#ifndef AMDVI_HAZARD_NO_OVERFLOW_RESTART
	amdvi_write_control(sc, (sc->control & ~AMDVI_CTRL_EVENT_LOG) | AMDVI_CTRL_INV_TO_1S);
	sc->regs->status = AMDVI_STATUS_EVENT_OVERFLOW;
	amdvi_write_control(sc, sc->control);
#endif
}

void
amdvi_hw_intr(void *arg)
{
	struct amdvi_softc *sc = arg;

	mtx_lock(&sc->mtx);
	/* Before the log is looked at: what comes from now on is another interrupt. */
	sc->regs->status = AMDVI_STATUS_EVENT_INTR;
	event_drain(sc);
	if ((sc->regs->status & AMDVI_STATUS_EVENT_OVERFLOW) != 0)
		event_restart(sc);
	mtx_unlock(&sc->mtx);
}

/* ---- on and off ---- */

static uint64_t
control_of(const struct amdvi_ivhd *ivhd)
{
	uint64_t control = AMDVI_CTRL_ENABLE | AMDVI_CTRL_EVENT_LOG | AMDVI_CTRL_CMD_BUF | AMDVI_CTRL_INV_TO_1S;

	if ((ivhd->flags & 0x01) != 0)
		control |= AMDVI_CTRL_HT_TUNNEL;
	if ((ivhd->flags & 0x02) != 0)
		control |= AMDVI_CTRL_PASS_PW;
	if ((ivhd->flags & 0x04) != 0)
		control |= AMDVI_CTRL_RES_PASS_PW;
	if ((ivhd->flags & 0x08) != 0)
		control |= AMDVI_CTRL_ISOC;
	if ((ivhd->flags & 0x20) != 0)
		control |= AMDVI_CTRL_COHERENT;
	return (control);
}

int
amdvi_hw_setup(struct amdvi_softc *sc)
{
	/* Whatever firmware left on: its tables are not ours. */
	amdvi_write_control(sc, 0);
	sc->running = false;
	sc->cmd_tail = 0;
	sc->dev_table = contigmalloc(AMDVI_DEV_TABLE_BYTES, M_AMDVI, M_NOWAIT | M_ZERO, 0, ~0UL, PAGE_SIZE, 0);
	sc->cmd = contigmalloc(AMDVI_RING_BYTES, M_AMDVI, M_NOWAIT | M_ZERO, 0, ~0UL, PAGE_SIZE, 0);
	sc->event = contigmalloc(AMDVI_RING_BYTES, M_AMDVI, M_NOWAIT | M_ZERO, 0, ~0UL, PAGE_SIZE, 0);
	if (sc->dev_table == NULL || sc->cmd == NULL || sc->event == NULL) {
		amdvi_hw_teardown(sc);
		return (ENOMEM);
	}
	/* A table of zeros would let every device through. */
	for (size_t i = 0; i < AMDVI_DEVICES; i++)
		sc->dev_table[i].qw[0] = AMDVI_DTE_V;
	sc->control = control_of(sc->ivhd) | (sc->intr_set_up ? AMDVI_CTRL_EVENT_INTR : 0);
	sc->regs->dev_table = vtophys(sc->dev_table) | (AMDVI_DEV_TABLE_PAGES - 1);
	sc->regs->cmd_base = vtophys(sc->cmd) | AMDVI_RING_LEN_256;
	sc->regs->evt_base = vtophys(sc->event) | AMDVI_RING_LEN_256;
	sc->regs->cmd_head = 0;
	sc->regs->cmd_tail = 0;
	sc->regs->evt_head = 0;
	sc->regs->evt_tail = 0;
	return (0);
}

static void
ring_free(void *memory, size_t size __unused)
{
	if (memory != NULL)
		contigfree(memory, size, M_AMDVI);
}

/* The unit is off. */
void
amdvi_hw_teardown(struct amdvi_softc *sc)
{
	sc->regs->dev_table = 0;
	sc->regs->cmd_base = 0;
	sc->regs->evt_base = 0;
	ring_free(sc->dev_table, AMDVI_DEV_TABLE_BYTES);
	ring_free(sc->cmd, AMDVI_RING_BYTES);
	ring_free(sc->event, AMDVI_RING_BYTES);
	sc->dev_table = NULL;
	sc->cmd = NULL;
	sc->event = NULL;
}

/* Commands are fetched only from here on, and nothing was queued before: everything is invalidated. */
void
amdvi_hw_enable(struct amdvi_softc *sc)
{
	if (sc->running)
		return;
	sc->regs->status = AMDVI_STATUS_EVENT_OVERFLOW | AMDVI_STATUS_EVENT_INTR;
	amdvi_write_control(sc, sc->control);
	sc->running = true;
	(void)amdvi_inv_all(sc);
}

/* Nothing of ours stays in the unit's caches: whoever turns it on again finds them empty. */
void
amdvi_hw_disable(struct amdvi_softc *sc)
{
	if (!sc->running)
		return;
	(void)amdvi_inv_all(sc);
	sc->running = false;
	amdvi_write_control(sc, 0);
}
