/* What software has programmed into a unit, told to checkers: where its tables are, which bits it must leave 0. */
#include "models/vtd/programmed.h"

#include <string.h>

enum { TTM_LEGACY = 0, TTM_SCALABLE = 1 };

#define IRTE_BYTES 16u

void vtd_roots(const struct iommusim_unit *unit, struct unit_roots *roots)
{
	const struct vtd_unit *vtd = (const struct vtd_unit *)(const void *)unit;
	const uint64_t status = atomic_load(&vtd->status);
	const uint64_t root = atomic_load(&vtd->root);
	const uint64_t interrupts = atomic_load(&vtd->interrupt_table);
	const uint64_t entries = UINT64_C(2) << vtd_IRTA_S(interrupts);

	if (vtd_GSTS_TES(status) && vtd_RTADDR_TTM(root) <= TTM_SCALABLE) {
		roots->root_kind = vtd_RTADDR_TTM(root) == TTM_LEGACY ? UNIT_ROOT : UNIT_SM_ROOT;
		roots->root = vtd_RTADDR_RTA(root) << IOMMUSIM_PAGE_SHIFT;
		roots->root_pages = 1;
	}
	if (vtd_GSTS_IRES(status)) {
		roots->interrupts = vtd_IRTA_IRTA(interrupts) << IOMMUSIM_PAGE_SHIFT;
		roots->interrupt_pages =
		    (uint32_t)((entries * IRTE_BYTES + IOMMUSIM_PAGE_SIZE - 1) >> IOMMUSIM_PAGE_SHIFT);
	}
}

static void paging_reserved(
    const struct page_reserved *reserved, bool leaf, unsigned level, uint64_t *bits)
{
	*bits = leaf ? reserved->leaf[level] : reserved->table[level];
}

static void interrupt_reserved(const struct vtd_unit *vtd, const uint64_t *entry, uint64_t *bits)
{
	const bool posted = vtd_irte_IM(entry) != 0 && vtd_CAP_PI(vtd->capability) != 0;

	memcpy(
	    bits, posted ? vtd->irte_posted_reserved : vtd->irte_reserved, sizeof(vtd->irte_reserved));
	if (!posted && vtd_IRTA_EIME(atomic_load(&vtd->interrupt_table)) == 0)
		bits[0] |= vtd->irte_xapic_reserved;
}

void vtd_reserved(const struct iommusim_unit *unit, enum unit_table kind, unsigned level,
    const uint64_t *entry, uint64_t bits[8])
{
	const struct vtd_unit *vtd = (const struct vtd_unit *)(const void *)unit;
	/* From level 4 up there are no leaves; PS stands at the same place in both stages. */
	const bool leaf = level == 1 || (level <= 3 && vtd_ss_table_PS(entry) != 0);

	switch ((int)kind) {
	case UNIT_ROOT:
		memcpy(bits, vtd->root_reserved, sizeof(vtd->root_reserved));
		break;
	case UNIT_CONTEXT:
		memcpy(bits, vtd->context_reserved, sizeof(vtd->context_reserved));
		break;
	case UNIT_SM_ROOT:
		memcpy(bits, vtd->sm_root_reserved, sizeof(vtd->sm_root_reserved));
		break;
	case UNIT_SM_CONTEXT:
		memcpy(bits, vtd->sm_context_reserved, sizeof(vtd->sm_context_reserved));
		break;
	case UNIT_PASID_DIRECTORY:
		bits[0] = vtd->pasid_dir_reserved;
		break;
	case UNIT_PASID:
		memcpy(bits, vtd->pasid_entry_reserved, sizeof(vtd->pasid_entry_reserved));
		break;
	case UNIT_SECOND_STAGE:
		paging_reserved(&vtd->second_stage_reserved, leaf, level, bits);
		break;
	case UNIT_FIRST_STAGE:
		paging_reserved(&vtd->first_stage_reserved, leaf, level, bits);
		break;
	case UNIT_INTERRUPT:
		interrupt_reserved(vtd, entry, bits);
		break;
	default:
		break;
	}
}
