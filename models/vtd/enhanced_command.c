/*
 * The enhanced command interface (VT-d 11.4.14): which commands there are, when they are carried out, and
 * what ECRSP says of them. What the commands do to counters stands in performance.c.
 */
#include "models/vtd/command.h"

#include "models/vtd/invalidate.h"
#include "models/vtd/performance.h"

/* Table 52. */
enum enhanced_command {
	ENABLE_COUNTER = 0xf0,
	DISABLE_COUNTER = 0xf1,
	RESET_CONFIGURATION = 0xf2,
	RESET_VALUES = 0xf3,
	FREEZE_COUNTERS = 0xf4,
	UNFREEZE_COUNTERS = 0xf5
};

/* Status codes (11.4.14.3, Table 53). */
enum { DONE = 0, UNDEFINED = 1, ABORTED = 2, FAILED = 16 };

#define FIRST_OF_ECCAP3 192u /* the command that bit 0 stands for */

static uint64_t commands_of_performance_monitoring(void)
{
	return vtd_ECCAP3_ECNTS_bits(1) | vtd_ECCAP3_DCNTS_bits(1) | vtd_ECCAP3_RCFGS_bits(1) |
	    vtd_ECCAP3_RCNTS_bits(1) | vtd_ECCAP3_FCNTS_bits(1) | vtd_ECCAP3_UFCNTS_bits(1);
}

uint64_t vtd_enhanced_capability(const struct iommusim_vtd_config *config)
{
	if (config->enhanced_capability != 0)
		return config->enhanced_capability;
	return vtd_ECAP_PMS(config->ext_capability) ? commands_of_performance_monitoring() : 0;
}

const char *vtd_enhanced_problem(const struct iommusim_vtd_config *config)
{
	const uint64_t said = config->enhanced_capability;

	if (said == 0)
		return NULL;
	if (!vtd_CAP_ECMDS(config->capability))
		return "ECCAP3 needs CAP.ECMDS";
	if ((said & ~commands_of_performance_monitoring()) != 0)
		return "reserved bits of ECCAP3 are set";
	return vtd_ECAP_PMS(config->ext_capability) ? NULL : "the commands of ECCAP3 need ECAP.PMS";
}

static bool supported(const struct vtd_unit *vtd, unsigned command)
{
	return command >= FIRST_OF_ECCAP3 &&
	    (vtd->enhanced_capability >> (command - FIRST_OF_ECCAP3) & 1) != 0;
}

/* Lock held. Returns the status code. */
static unsigned carry_out(struct vtd_unit *vtd, unsigned command, uint64_t operand)
{
	switch (command) {
	case ENABLE_COUNTER:
		return vtd_performance_enable(vtd, operand) ? DONE : FAILED;
	case DISABLE_COUNTER:
		return vtd_performance_disable(vtd, operand) ? DONE : FAILED;
	case RESET_CONFIGURATION:
		vtd_performance_reset_configuration(vtd);
		return DONE;
	case RESET_VALUES:
		vtd_performance_reset_values(vtd);
		return DONE;
	default:
		vtd_performance_freeze(vtd, command == FREEZE_COUNTERS);
		return DONE;
	}
}

/*
 * Counting begins: what requesters keep for themselves, and would use without the unit, is no good any
 * more. The caches stay.
 */
static void begin_counting(struct vtd_unit *vtd)
{
	unit_outdate(&vtd->unit);
	unit_settle(&vtd->unit);
}

static void run(void *context)
{
	struct vtd_unit *vtd = context;
	const uint64_t written = vtd->registers[VTD_ECMD].value;
	const unsigned command = (unsigned)vtd_ECMD_CMD(written);
	unsigned status = UNDEFINED;
	bool begins;

	pthread_mutex_lock(&vtd->unit.lock);
	begins = vtd_performance_idle(vtd);
	if (supported(vtd, command))
		status =
		    vtd->enhanced_aborted ? ABORTED : carry_out(vtd, command, vtd_ECMD_OA(written));
	begins = begins && !vtd_performance_idle(vtd);
	pthread_mutex_unlock(&vtd->unit.lock);
	if (begins)
		begin_counting(vtd);
	pthread_mutex_lock(&vtd->unit.lock);
	vtd->registers[VTD_ECRSP].value = vtd_ECRSP_SC_bits(status);
	pthread_mutex_unlock(&vtd->unit.lock);
}

/* Commands of GCMD and PMEN that are still to be carried out abort this one (11.4.14.3). */
void vtd_enhanced_command_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	pthread_mutex_lock(&vtd->unit.lock);
	vtd->registers[VTD_ECRSP].value = vtd_ECRSP_IP_bits(1);
	pthread_mutex_unlock(&vtd->unit.lock);
	vtd->enhanced_aborted = iommusim_clock_now(vtd->unit.machine) < vtd->global_until;
	unit_after_latency(&vtd->unit, run);
}
