/*
 * The verdict: what became of a DMA, page by page, against what the ledger says should have. Why is why.c, and making
 * the DMA dma.c.
 */
#include <string.h>

#include "check/verdict.h"

static const char *const verdict_names[IOMMUSIM_VERDICT_COUNT] = {
	[IOMMUSIM_VERDICT_OK] = "ok",
	[IOMMUSIM_VERDICT_BLOCKED] = "blocked",
	[IOMMUSIM_VERDICT_LOST] = "lost",
	[IOMMUSIM_VERDICT_STALE] = "stale",
	[IOMMUSIM_VERDICT_BREACH] = "breach",
	[IOMMUSIM_VERDICT_MISROUTED] = "misrouted",
	[IOMMUSIM_VERDICT_UNPROTECTED] = "unprotected",
};

const char *iommusim_verdict_name(enum iommusim_verdict verdict)
{
	return (unsigned)verdict < IOMMUSIM_VERDICT_COUNT ? verdict_names[verdict] : "unknown";
}

enum iommusim_status iommusim_verdict_find(const char *name, enum iommusim_verdict *verdict)
{
	for (unsigned i = 0; i < IOMMUSIM_VERDICT_COUNT; i++) {
		if (strcmp(verdict_names[i], name) != 0)
			continue;
		*verdict = (enum iommusim_verdict)i;
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}

/*
 * The id by which software knows whose requests these are: a device that sends them under an id which is
 * not its own was given nothing under that one.
 */
static uint16_t known_id(const struct iommusim_check *check, const struct iommusim_requester *requester)
{
	const uint16_t rid = iommusim_requester_rid(requester);
	const uint16_t function = iommusim_requester_function(requester);

	return function == rid ? rid
			       : iommusim_pci_requester_id(
				     check->machine, iommusim_requester_segment(requester), function);
}

struct judge judge_for(struct iommusim_check *check, struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const struct iommusim_vm *for_vm)
{
	const uint16_t segment = iommusim_requester_segment(requester);
	const uint16_t rid = known_id(check, requester);
	const struct iommusim_vm *assigned = iommusim_vm_of_device(check->vmm, segment, rid);
	enum iommusim_driver driver;
	const bool known = iommusim_device_driver(check->vmm, segment, rid, &driver) == IOMMUSIM_OK;

	return (struct judge){
		.check = check,
		.requester = requester,
		.request = request,
		.assigned = assigned,
		.beneficiary = for_vm != NULL ? for_vm : assigned,
		.device = check_device_find(check, segment, rid),
		.host_device = known && driver == IOMMUSIM_DRIVER_HOST,
	};
}

struct pagemap_cell judge_intent(const struct judge *judge, uint64_t address)
{
	const struct check_domain *domain = judge_domain(judge);

	return domain == NULL ? (struct pagemap_cell){ .value = 0 }
			      : pagemap_get(&domain->map, address);
}

/*
 * Had whoever asked for this a right to that memory? A device that its VM holds speaks guest addresses;
 * a host device speaks host addresses, and moves data for the host or for a VM it was asked for.
 */
static bool had_a_right(const struct judge *judge, const struct iommusim_judged_page *judged)
{
	const uint64_t address = judged->page.address;
	uint64_t hpa;

	if (judged->page.fault.class_ == IOMMUSIM_FAULT_NOT_ISSUED)
		return false; /* software took away the right to ask */
	if (judged->page.fault.class_ == IOMMUSIM_FAULT_INTERRUPT_RANGE)
		return false; /* no memory is there to have a right to */
	if ((judge_intent(judge, address).value & LEDGER_MAPPED) != 0)
		return true;
	if (judge->assigned != NULL)
		return iommusim_vm_gpa_to_hpa(judge->assigned, address, &hpa, NULL) == IOMMUSIM_OK;
	if (!judge->host_device)
		return false;
	if (judged->owner == IOMMUSIM_OWNER_HOST)
		return true;
	return judge->beneficiary != NULL && judged->owner == IOMMUSIM_OWNER_VM &&
	    strcmp(judged->owner_vm, iommusim_vm_name(judge->beneficiary)) == 0;
}

/* Do the tables, as they are now, say something else than the answer that was given? */
static bool tables_differ(const struct judge *judge, const struct iommusim_dma_page *page)
{
	struct iommusim_dma_request request = *judge->request;
	struct iommusim_walk walk;

	request.address = page->address;
	request.length = page->length;
	request.data = NULL;
	if (iommusim_walk(judge->requester, &request, &walk) != IOMMUSIM_OK)
		return false;
	return walk.result.faulted || walk.result.physical != page->physical;
}

/* Did anything the unit had kept take part in the answer? */
static bool from_cache(const struct iommusim_dma_page *page)
{
	return page->cached || page->through_cache;
}

/*
 * The device is in no domain, and yet it got through: on a translation that its last domain was given
 * once, or on whatever lies where that domain's tables used to be.
 */
static enum iommusim_verdict judge_homeless(
    const struct judge *judge, const struct iommusim_dma_page *page)
{
	const struct check_domain *last = judge->device == NULL ? NULL : judge->device->last;
	const uint64_t in_page = page->address & (IOMMUSIM_PAGE_SIZE - 1);
	struct pagemap_cell cell;

	if (last == NULL)
		return IOMMUSIM_VERDICT_BREACH;
	if (from_cache(page) && tables_differ(judge, page))
		return IOMMUSIM_VERDICT_STALE;
	cell = pagemap_get(&last->map, page->address);
	return cell.value != 0 && (cell.value & ~(IOMMUSIM_PAGE_SIZE - 1)) + in_page == page->physical
	    ? IOMMUSIM_VERDICT_STALE
	    : IOMMUSIM_VERDICT_BREACH;
}

/* Did what the unit had kept make the answer another than tables give now? To know that costs a walk. */
static bool is_stale_answer(const struct judge *judge, const struct iommusim_dma_page *page)
{
	return from_cache(page) && tables_differ(judge, page);
}

static enum iommusim_verdict judge_passed(
    const struct judge *judge, const struct iommusim_dma_page *page)
{
	const struct pagemap_cell cell = judge_intent(judge, page->address);
	const uint64_t in_page = page->address & (IOMMUSIM_PAGE_SIZE - 1);

	if (page->interrupt) /* a message: interrupt remapping has its own say over those */
		return IOMMUSIM_VERDICT_OK;
	if (!page->translated)
		return IOMMUSIM_VERDICT_UNPROTECTED;
	if (!judge->check->ops_used) /* nobody stated any intent: the tables are it */
		return is_stale_answer(judge, page) ? IOMMUSIM_VERDICT_STALE : IOMMUSIM_VERDICT_OK;
	if (judge_domain(judge) == NULL)
		return judge_homeless(judge, page);
	if ((cell.value & LEDGER_REMOVED) != 0)
		return IOMMUSIM_VERDICT_STALE;
	if ((cell.value & LEDGER_MAPPED) == 0) /* perhaps by what another domain was given before */
		return is_stale_answer(judge, page) ? IOMMUSIM_VERDICT_STALE : IOMMUSIM_VERDICT_BREACH;
	if ((cell.value & ~(IOMMUSIM_PAGE_SIZE - 1)) + in_page == page->physical)
		return IOMMUSIM_VERDICT_OK;
	return is_stale_answer(judge, page) ? IOMMUSIM_VERDICT_STALE : IOMMUSIM_VERDICT_MISROUTED;
}

/*
 * The host page that a request which faulted was after: what intent maps, or did map, there; else what
 * the guest has there. A device that speaks host addresses means what it says. False: nobody's.
 */
static bool meant(const struct judge *judge, uint64_t address, uint64_t *host)
{
	const struct iommusim_vmm *vmm = judge->check->vmm;
	const struct check_domain *domain = judge_domain(judge);
	const uint64_t cell = judge_intent(judge, address).value;

	*host = address;
	if (cell != 0)
		*host = (cell & ~(IOMMUSIM_PAGE_SIZE - 1)) + (address & (IOMMUSIM_PAGE_SIZE - 1));
	else if (judge->assigned != NULL)
		return iommusim_vm_gpa_to_hpa(judge->assigned, address, host, NULL) == IOMMUSIM_OK;
	else if (domain != NULL)
		return vmm_domain_of_handle(vmm, domain) == iommusim_host_domain(vmm);
	return true;
}

static void judge_page(const struct judge *judge, const struct iommusim_dma_page *page,
    struct iommusim_judged_page *judged)
{
	uint64_t asked_for = page->physical;

	memset(judged, 0, sizeof(*judged));
	judged->page = *page;
	if (page->faulted && !meant(judge, page->address, &asked_for))
		judged->owner = IOMMUSIM_OWNER_NOBODY;
	else
		check_owner_of(judge->check, asked_for, judged);
	if (!page->faulted)
		judged->verdict = judge_passed(judge, page);
	else
		judged->verdict =
		    had_a_right(judge, judged) ? IOMMUSIM_VERDICT_LOST : IOMMUSIM_VERDICT_BLOCKED;
}

void judge_pages(const struct judge *judge, const struct iommusim_dma_page *pages, size_t count,
    struct iommusim_report *report)
{
	for (size_t i = 0; i < count; i++) {
		struct iommusim_judged_page judged;

		judge_page(judge, &pages[i], &judged);
		if (i == 0 ||
		    (report->verdict == IOMMUSIM_VERDICT_OK && judged.verdict != IOMMUSIM_VERDICT_OK)) {
			report->verdict = judged.verdict;
			report->page = judged;
			report->pages_of_verdict = 0;
		}
		report->pages_of_verdict += judged.verdict == report->verdict;
	}
}
