/* DMA that was fine is remembered: which, and what of it. Finding it again is fine.h. */
#include "check/fine.h"

#include "check/state.h"

/* Whose page it is does not change while the moment lasts: what is there is memory. */
static bool stays_owned(enum iommusim_owner owner)
{
	return owner != IOMMUSIM_OWNER_DEVICE && owner != IOMMUSIM_OWNER_NOBODY;
}

/*
 * Where nobody states any intent, tables are it. Where software reads other memory than hardware, or what it stores may be
 * in write buffers, each DMA is looked at for what hardware does not see. And invalidations that are under way end
 * whenever somebody looks.
 */
static bool is_settled(const struct iommusim_check *check)
{
	return check->ops_used && !check->machine->device_view && !check->held.buffers &&
	    check->held.pending == 0 && check->logs_looked_at == machine_activity(check->machine);
}

void fine_keep(struct iommusim_check *check, const struct iommusim_requester *requester,
    const struct iommusim_report *report, uint64_t moment, size_t findings)
{
	const struct iommusim_dma_page *page = &report->outcome.page;
	const uint64_t in_page = page->address & (IOMMUSIM_PAGE_SIZE - 1);
	const char *owner_vm = NULL;
	struct fine *fine;

	if (check->forgetful || report->verdict != IOMMUSIM_VERDICT_OK ||
	    !fine_asks(&report->request) || !fine_reaches(page, page->physical - in_page) ||
	    !stays_owned(report->page.owner) || !is_settled(check) || check->finding_count != findings)
		return;
	if (report->page.owner == IOMMUSIM_OWNER_VM) {
		owner_vm = check_intern(check, report->page.owner_vm);
		if (owner_vm == NULL)
			return;
	}
	if (check_moment(check) != moment)
		return;
	fine = &check->fine[fine_place(page->address)];
	*fine = (struct fine){
		.number = fine_number(page->address),
		.requester = requester,
		.moment = moment,
		.physical = page->physical - in_page,
		.owner = (report->page.owner_gpa & ~(IOMMUSIM_PAGE_SIZE - 1)) | report->page.owner,
		.owner_vm = owner_vm,
	};
	memcpy(fine->manner, fine_manner(&report->request), sizeof(fine->manner));
}
