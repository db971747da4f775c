/* Global commands: GCMD, what GSTS says of them, and the time they take. */
#include "models/vtd/command.h"

#include "models/vtd/fault.h"
#include "models/vtd/invalidate.h"

static void set_status(struct vtd_unit *vtd, uint64_t bits, bool on)
{
	if (on)
		atomic_fetch_or(&vtd->status, (uint32_t)bits);
	else
		atomic_fetch_and(&vtd->status, (uint32_t)~bits);
}

/*
 * Latch the root table (VT-d 6.6). Caches stay as they are: software must invalidate them, unless the
 * unit says it does so itself (CAP.ESRTPS).
 */
static void set_root_table(struct vtd_unit *vtd)
{
	atomic_store(&vtd->root, vtd->registers[VTD_RTADDR].value);
	if (vtd_CAP_ESRTPS(vtd->capability))
		vtd_invalidate_everything(vtd);
	/* What requesters keep privately was derived under the old table; the IOTLB is asked again. */
	unit_outdate(&vtd->unit);
	unit_settle(&vtd->unit);
	set_status(vtd, vtd_GSTS_RTPS_bits(1), true);
}

static void set_interrupt_table(struct vtd_unit *vtd)
{
	atomic_store(&vtd->interrupt_table, vtd->registers[VTD_IRTA].value);
	if (vtd_CAP_ESIRTPS(vtd->capability))
		vtd_invalidate_interrupts(vtd, false, 0, 0);
	unit_outdate(&vtd->unit);
	unit_settle(&vtd->unit); /* nobody uses the old table any more */
	set_status(vtd, vtd_GSTS_IRTPS_bits(1), true);
}

/* Before revision 4.0: the log in memory begins anew (GCMD.SFL). */
static void set_fault_log(struct vtd_unit *vtd)
{
	pthread_mutex_lock(&vtd->unit.lock);
	vtd_fault_log_latch(vtd);
	pthread_mutex_unlock(&vtd->unit.lock);
	set_status(vtd, vtd_GSTS_FLS_bits(1), true);
}

/* Logging to memory without a latched log is undefined; faults go on going to the registers. */
static void set_advanced_logging(struct vtd_unit *vtd, bool on)
{
	if (!on || vtd_GSTS_FLS(atomic_load(&vtd->status)))
		set_status(vtd, vtd_GSTS_AFLS_bits(1), on);
}

/*
 * Translation on or off. TE without a latched root table is undefined; the unit keeps it off. Going
 * off flushes everything on units with scalable mode (VT-d 11.4.4.1).
 */
static void set_translation(struct vtd_unit *vtd, bool on)
{
	const uint32_t status = atomic_load(&vtd->status);
	const bool was_on = vtd_GSTS_TES(status) != 0;

	if (on == was_on || (on && !vtd_GSTS_RTPS(status)))
		return;
	set_status(vtd, vtd_GSTS_TES_bits(1), on);
	unit_outdate(&vtd->unit);
	unit_settle(&vtd->unit); /* requests under way end under the old rule */
	if (on || !vtd_ECAP_SMTS(vtd->ext_capability))
		return;
	vtd_invalidate_everything(vtd); /* after the last request that could fill anything */
	unit_settle(&vtd->unit);
}

/* Going off flushes the interrupt entry cache on units that also do so at SIRTP (CAP.ESIRTPS). */
static void set_interrupt_remapping(struct vtd_unit *vtd, bool on)
{
	const bool was_on = vtd_GSTS_IRES(atomic_load(&vtd->status)) != 0;

	if (on == was_on || (on && !vtd_GSTS_IRTPS(atomic_load(&vtd->status))))
		return; /* undefined without a latched table; stays off */
	set_status(vtd, vtd_GSTS_IRES_bits(1), on);
	unit_outdate(&vtd->unit);
	unit_settle(&vtd->unit); /* interrupts under way end under the old rule */
	if (on || !vtd_CAP_ESIRTPS(vtd->capability))
		return;
	vtd_invalidate_interrupts(vtd, false, 0, 0); /* after the last request that could fill it */
	unit_settle(&vtd->unit);
}

/* VT-d 7.2.1: fault logging starts over at the first record when nothing is remapped any more. */
static void restart_fault_logging(struct vtd_unit *vtd)
{
	const uint32_t status = atomic_load(&vtd->status);

	if (vtd_GSTS_TES(status) || vtd_GSTS_IRES(status))
		return;
	pthread_mutex_lock(&vtd->unit.lock);
	vtd->next_fault = 0;
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* Commands that are asked for once and stay asked for until they are done. */
static uint64_t one_shots(void)
{
	return vtd_GCMD_SRTP_bits(1) | vtd_GCMD_SFL_bits(1) | vtd_GCMD_SIRTP_bits(1) |
	    vtd_GCMD_WBF_bits(1);
}

/* CAP.AFL says so, on units of a revision that still has it (11.4.4 before revision 4.0). */
static bool logs_to_memory(const struct vtd_unit *vtd)
{
	return vtd->registers[VTD_AFLOG].writable != 0;
}

/*
 * Carry a command out. GCMD is not a read-modify-write register: a level bit that is 0 turns its
 * function off, whatever the command was meant for.
 */
static void run_command(void *context)
{
	struct vtd_unit *vtd = context;
	const uint32_t command = vtd->command;
	const bool remaps = vtd_ECAP_IR(vtd->ext_capability) != 0;

	vtd->command &= (uint32_t)~one_shots();
	if (vtd_GCMD_SRTP(command))
		set_root_table(vtd);
	if (remaps && vtd_GCMD_SIRTP(command))
		set_interrupt_table(vtd);
	if (vtd_CAP_RWBF(vtd->capability) && vtd_GCMD_WBF(command)) {
		vtd_flush_write_buffers(vtd);
		set_status(vtd, vtd_GSTS_WBFS_bits(1), false);
	}
	if (logs_to_memory(vtd)) {
		if (vtd_GCMD_SFL(command))
			set_fault_log(vtd);
		set_advanced_logging(vtd, vtd_GCMD_EAFL(command));
	}
	if (vtd_ECAP_QI(vtd->ext_capability))
		vtd_queue_enable(vtd, vtd_GCMD_QIE(command));
	if (remaps) {
		set_interrupt_remapping(vtd, vtd_GCMD_IRE(command));
		set_status(vtd, vtd_GSTS_CFIS_bits(1), vtd_GCMD_CFI(command));
	}
	set_translation(vtd, vtd_GCMD_TE(command));
	restart_fault_logging(vtd);
}

void vtd_command_written(struct vtd_unit *vtd, uint64_t written)
{
	vtd->command = (uint32_t)(written | (vtd->command & one_shots()));
	/* One-shot commands: the status says "not done" from the request on. */
	if (vtd_GCMD_SRTP(written))
		set_status(vtd, vtd_GSTS_RTPS_bits(1), false);
	if (vtd_GCMD_SIRTP(written))
		set_status(vtd, vtd_GSTS_IRTPS_bits(1), false);
	if (vtd_GCMD_SFL(written) && logs_to_memory(vtd))
		set_status(vtd, vtd_GSTS_FLS_bits(1), false);
	if (vtd_GCMD_WBF(written) && vtd_CAP_RWBF(vtd->capability))
		set_status(vtd, vtd_GSTS_WBFS_bits(1), true);
	unit_after_latency(&vtd->unit, run_command);
}
