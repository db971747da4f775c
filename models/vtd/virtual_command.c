/*
 * The virtual command interface (VT-d 11.4.16): a unit that software emulates hands out PASIDs. Which of
 * them the tables use is not looked at here.
 */
#include "models/vtd/command.h"

#include <string.h>

/* Table 54. */
enum virtual_command { NULL_COMMAND = 0, ALLOCATE_PASID = 1, FREE_PASID = 2 };

/* Status codes (11.4.16.3, Table 55): the last one says "none available", or "not a valid one". */
enum { DONE = 0, UNDEFINED = 1, FAILED = 16 };

#define WIDEST_PASID 20u /* bits of a PASID, whatever ECAP.PSS says */
#define WORD_BITS    64u

const char *vtd_virtual_problem(const struct iommusim_vtd_config *config)
{
	const uint64_t said = config->virtual_capability;
	const uint64_t pasids = vtd_VCCAP_PAS_bits(1) | vtd_VCCAP_FPS_bits(1);

	if (said == 0)
		return NULL;
	if (!vtd_ECAP_VCS(config->ext_capability))
		return "VCCAP needs ECAP.VCS";
	if ((said & ~(pasids | vtd_VCCAP_NS_bits(1))) != 0)
		return "reserved bits of VCCAP are set";
	return (said & pasids) != 0 && !vtd_ECAP_PASID(config->ext_capability)
	    ? "VCCAP.PAS and VCCAP.FPS need ECAP.PASID"
	    : NULL;
}

static uint32_t pasid_count(const struct vtd_unit *vtd)
{
	const uint64_t width = vtd_ECAP_PSS(vtd->ext_capability) + 1;

	return UINT32_C(1) << (width > WIDEST_PASID ? WIDEST_PASID : width);
}

static size_t pool_bytes(const struct vtd_unit *vtd)
{
	return ((size_t)pasid_count(vtd) + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

/* PASID 0 is never handed out. */
static void clear_pool(struct vtd_unit *vtd)
{
	memset(vtd->pasids, 0, pool_bytes(vtd));
	vtd->lowest_pasid = 1;
}

static bool is_taken(const struct vtd_unit *vtd, uint32_t pasid)
{
	return (vtd->pasids[pasid / WORD_BITS] >> pasid % WORD_BITS & 1) != 0;
}

/*
 * The lowest free PASID, so that one that was freed comes back at once: software that kept anything of
 * it finds out. Without memory for the pool there is none available.
 */
static unsigned allocate(struct vtd_unit *vtd, uint64_t *result)
{
	const uint32_t count = pasid_count(vtd);
	uint32_t pasid;

	if (vtd->pasids == NULL) {
		vtd->pasids = machine_alloc(vtd->unit.machine, pool_bytes(vtd));
		if (vtd->pasids == NULL)
			return FAILED;
		clear_pool(vtd);
	}
	pasid = vtd->lowest_pasid;
	while (pasid < count && is_taken(vtd, pasid))
		pasid++;
	vtd->lowest_pasid = pasid;
	if (pasid == count)
		return FAILED;
	vtd->pasids[pasid / WORD_BITS] |= UINT64_C(1) << pasid % WORD_BITS;
	*result = pasid;
	return DONE;
}

static unsigned release(struct vtd_unit *vtd, uint32_t pasid)
{
	if (vtd->pasids == NULL || pasid == 0 || pasid >= pasid_count(vtd) || !is_taken(vtd, pasid))
		return FAILED;
	vtd->pasids[pasid / WORD_BITS] &= ~(UINT64_C(1) << pasid % WORD_BITS);
	if (pasid < vtd->lowest_pasid)
		vtd->lowest_pasid = pasid;
	return DONE;
}

/* Lock held. Returns the status code; a command without a result leaves `*result` 0. */
static unsigned carry_out(struct vtd_unit *vtd, uint64_t written, uint64_t *result)
{
	const uint64_t supported = vtd->virtual_capability;

	switch (vtd_VCMD_CMD(written)) {
	case NULL_COMMAND:
		return vtd_VCCAP_NS(supported) ? DONE : UNDEFINED;
	case ALLOCATE_PASID:
		return vtd_VCCAP_PAS(supported) ? allocate(vtd, result) : UNDEFINED;
	case FREE_PASID:
		return vtd_VCCAP_FPS(supported)
		    ? release(vtd, (uint32_t)(vtd_VCMD_OA(written) & SPEC_MASK(WIDEST_PASID - 1, 0)))
		    : UNDEFINED;
	default:
		return UNDEFINED;
	}
}

static void run(void *context)
{
	struct vtd_unit *vtd = context;
	uint64_t result = 0;
	unsigned status;

	pthread_mutex_lock(&vtd->unit.lock);
	status = carry_out(vtd, vtd->registers[VTD_VCMD].value, &result);
	vtd->registers[VTD_VCRSP].value = vtd_VCRSP_RSLT_bits(result) | vtd_VCRSP_SC_bits(status);
	pthread_mutex_unlock(&vtd->unit.lock);
}

void vtd_virtual_command_written(struct vtd_unit *vtd, uint64_t written)
{
	(void)written;
	pthread_mutex_lock(&vtd->unit.lock);
	vtd->registers[VTD_VCRSP].value = vtd_VCRSP_IP_bits(1);
	pthread_mutex_unlock(&vtd->unit.lock);
	unit_after_latency(&vtd->unit, run);
}

void vtd_virtual_reset(struct vtd_unit *vtd)
{
	if (vtd->pasids != NULL)
		clear_pool(vtd);
}

void vtd_virtual_free(struct vtd_unit *vtd)
{
	if (vtd->pasids != NULL)
		machine_free(vtd->unit.machine, vtd->pasids, pool_bytes(vtd));
	vtd->pasids = NULL;
}
