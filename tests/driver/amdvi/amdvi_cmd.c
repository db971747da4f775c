/* The command buffer of a unit: queueing commands, waiting for their completion, and starting it again. */
/* clang-format off */ /* style(9) */
#include "tests/driver/amdvi/amdvi.h"

#include <vm/vm.h>
#include <vm/pmap.h>

#define AMDVI_PATIENCE_US	1000000
#define AMDVI_DEVIDS		65536

#ifdef AMDVI_HAZARD_PACKED_REGISTERS

static struct amdvi_packed_regs *
packed(struct amdvi_softc *sc)
{
	return ((struct amdvi_packed_regs *)(uintptr_t)sc->regs);
}

void
amdvi_write_control(struct amdvi_softc *sc, uint64_t control)
{
	struct amdvi_packed_regs *regs = packed(sc);

	regs->ht_tunnel = (control & AMDVI_CTRL_HT_TUNNEL) != 0;
	regs->event_log = (control & AMDVI_CTRL_EVENT_LOG) != 0;
	regs->event_intr = (control & AMDVI_CTRL_EVENT_INTR) != 0;
	regs->inv_timeout = (control >> 5) & 7;
	regs->coherent = (control & AMDVI_CTRL_COHERENT) != 0;
	regs->cmd_buf = (control & AMDVI_CTRL_CMD_BUF) != 0;
	regs->enable = (control & AMDVI_CTRL_ENABLE) != 0;
}

static void
cmd_write_tail(struct amdvi_softc *sc)
{
	packed(sc)->cmd_tail = sc->cmd_tail;
}

static u_int
cmd_read_head(struct amdvi_softc *sc)
{
	return (packed(sc)->cmd_head / sizeof(struct amdvi_cmd));
}

#else

void
amdvi_write_control(struct amdvi_softc *sc, uint64_t control)
{
	sc->regs->control = control;
}

static void
cmd_write_tail(struct amdvi_softc *sc)
{
	sc->regs->cmd_tail = sc->cmd_tail * sizeof(struct amdvi_cmd);
}

static u_int
cmd_read_head(struct amdvi_softc *sc)
{
	return (sc->regs->cmd_head / sizeof(struct amdvi_cmd));
}

#endif

/* Wait until one more command fits: a full buffer has one slot free. */
static int
cmd_wait_room(struct amdvi_softc *sc)
{
#ifndef AMDVI_HAZARD_RING_OVERRUN
	for (u_int waited = 0; (sc->cmd_tail + 1) % AMDVI_RING_ENTRIES == cmd_read_head(sc); waited++) {
		if (waited == AMDVI_PATIENCE_US)
			return (ETIMEDOUT);
		DELAY(1);
	}
#endif
	return (0);
}

/* Nothing is fetched while the unit is off; turning it on makes up for what is not queued then. */
static bool
cmd_is_fetched(const struct amdvi_softc *sc)
{
#ifdef AMDVI_HAZARD_RING_OVERRUN
	return (true);
#else
	return (sc->running);
#endif
}

static int
cmd_put(struct amdvi_softc *sc, uint64_t qw0, uint64_t qw1)
{
	struct amdvi_cmd *cmd = &sc->cmd[sc->cmd_tail];
	int error;

	mtx_assert(&sc->mtx, MA_OWNED);
	if (!cmd_is_fetched(sc))
		return (0);
	error = cmd_wait_room(sc);
	if (error != 0)
		return (error);
	cmd->qw[0] = qw0;
#ifdef AMDVI_HAZARD_SLOTS_NOT_ZEROED
	if (qw1 != 0)	/* a command without a second half has that of the one that was here */
#endif
		cmd->qw[1] = qw1;
	sc->cmd_tail = (sc->cmd_tail + 1) % AMDVI_RING_ENTRIES;
	sc->commands++;
	wmb();
	cmd_write_tail(sc);
	return (0);
}

static int
cmd_put_inv_all(struct amdvi_softc *sc)
{
	int error = 0;

	if ((sc->regs->efr & AMDVI_EFR_IA_SUP) != 0)
		return (cmd_put(sc, AMDVI_CMD_INV_IOMMU_ALL, 0));
	for (u_int i = 0; i < AMDVI_DEVIDS && error == 0; i++)
		error = cmd_put(sc, AMDVI_CMD_INV_DEVTAB_ENTRY | i, 0);
	for (u_int i = 0; i < AMDVI_DEVIDS && error == 0; i++)
		error = cmd_put(sc, AMDVI_CMD_INV_IOMMU_PAGES | AMDVI_CMD_INV_DOMAIN(i),
		    AMDVI_CMD_INV_EVERYTHING);
	return (error);
}

/* A unit that found a command illegal, or could not read it, has stopped and goes on with an empty buffer. */
static void
cmd_restart(struct amdvi_softc *sc)
{
	device_printf(sc->dev, "command buffer is stuck: head %#lx, tail %#lx, status %#lx; starting it again\n",
	    (u_long)sc->regs->cmd_head, (u_long)sc->regs->cmd_tail, (u_long)sc->regs->status);
	amdvi_write_control(sc, sc->control & ~AMDVI_CTRL_CMD_BUF);
	sc->regs->cmd_head = 0;
	sc->regs->cmd_tail = 0;
	sc->cmd_tail = 0;
	amdvi_write_control(sc, sc->control);
	sc->restarts++;
}

static int
cmd_wait_once(struct amdvi_softc *sc)
{
	const uint64_t store = vtophys(&sc->cmp_data);
	int error;

	sc->cmp_seq++;
	error = cmd_put(sc,
	    AMDVI_CMD_COMPLETION_WAIT | AMDVI_CMD_WAIT_STORE | (store & AMDVI_CMD_WAIT_ADDR), sc->cmp_seq);
	if (error != 0 || !sc->running)
		return (error);
	for (u_int waited = 0; sc->cmp_data != sc->cmp_seq; waited++) {
		if (waited == AMDVI_PATIENCE_US)
			return (ETIMEDOUT);
		DELAY(1);
	}
	return (0);
}

int
amdvi_cmd_wait(struct amdvi_softc *sc)
{
	mtx_assert(&sc->mtx, MA_OWNED);
#ifdef AMDVI_HAZARD_STUCK_QUEUE_SILENT
	(void)cmd_restart;
	(void)cmd_wait_once(sc);
#else
	if (cmd_wait_once(sc) == 0)
		return (0);
	/* What was in the buffer is lost with it: nobody knows what it was, so everything. */
	cmd_restart(sc);
	if (cmd_put_inv_all(sc) != 0 || cmd_wait_once(sc) != 0)
		panic("%s: the command buffer does not answer, translations may be stale",
		    device_get_nameunit(sc->dev));
#endif
	return (0);
}

static int
cmd_and_wait(struct amdvi_softc *sc, uint64_t qw0, uint64_t qw1)
{
	int error;

	mtx_lock(&sc->mtx);
	(void)cmd_put(sc, qw0, qw1);	/* without room the wait finds out */
	error = amdvi_cmd_wait(sc);
	mtx_unlock(&sc->mtx);
	return (error);
}

int
amdvi_inv_devtab(struct amdvi_softc *sc, uint16_t rid)
{
	return (cmd_and_wait(sc, AMDVI_CMD_INV_DEVTAB_ENTRY | rid, 0));
}

int
amdvi_inv_domain(struct amdvi_softc *sc, uint16_t id)
{
	return (cmd_and_wait(
	    sc, AMDVI_CMD_INV_IOMMU_PAGES | AMDVI_CMD_INV_DOMAIN(id), AMDVI_CMD_INV_EVERYTHING));
}

int
amdvi_inv_all(struct amdvi_softc *sc)
{
	int error;

	mtx_lock(&sc->mtx);
	(void)cmd_put_inv_all(sc);
	error = amdvi_cmd_wait(sc);
	mtx_unlock(&sc->mtx);
	return (error);
}
