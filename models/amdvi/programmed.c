/* What software has programmed into a unit, told to checkers: where its tables are, which bits it must leave 0. */
#include "models/amdvi/programmed.h"

#include <string.h>

#include "models/formats/amd_host.h"

/* A table in segments is told as far as its first one goes. */
void amdvi_roots(const struct iommusim_unit *unit, struct unit_roots *roots)
{
	const struct amdvi_unit *amdvi = amdvi_of_const(unit);
	const uint64_t table = atomic_load(&amdvi->device_table[0]);

	if (!amdvi_CONTROL_IOMMU_EN(amdvi_control(amdvi)))
		return;
	roots->root_kind = UNIT_DEVICE;
	roots->root = amdvi_DEVTAB_BASE_BASE(table) << IOMMUSIM_PAGE_SHIFT;
	roots->root_pages = (uint32_t)amdvi_DEVTAB_BASE_SIZE(table) + 1;
}

void amdvi_reserved(const struct iommusim_unit *unit, enum unit_table kind, unsigned level,
    const uint64_t *entry, uint64_t bits[8])
{
	const struct amdvi_unit *amdvi = amdvi_of_const(unit);

	switch ((int)kind) {
	case UNIT_DEVICE: /* V speaks for the lower half, IV for the upper (2.2.2.1) */
		if (amdvi_dte_V(entry))
			memcpy(bits, amdvi->reserved.dte, 2 * sizeof(*bits));
		if (amdvi_dte_IV(entry))
			memcpy(bits + 2, amdvi->reserved.dte + 2, 2 * sizeof(*bits));
		break;
	case UNIT_HOST:
		bits[0] = amd_host_is_leaf(*entry, level) ? amdvi->reserved.host.leaf[level]
							  : amdvi->reserved.host.table[level];
		break;
	default:
		break;
	}
}
