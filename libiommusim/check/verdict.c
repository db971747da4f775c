/*
 * The verdict: what became of a DMA, page by page, against what the ledger says should have. Writing it
 * out is report_text.c and report_json.c.
 */
#include <stddef.h>
#include <string.h>

#include "check/state.h"

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

/* Everything about a request that does not change from page to page. */
struct judge {
	struct iommusim_check *check;
	struct iommusim_requester *requester;
	const struct iommusim_dma_request *request;
	const struct iommusim_vm *assigned;    /* the VM the device is assigned to */
	const struct iommusim_vm *beneficiary; /* on whose behalf; NULL: the host */
	const struct check_device *device;     /* NULL: no call ever named it */
	bool host_device;                      /* a function that the host may use for itself */
};

static struct judge judge_for(struct iommusim_check *check, struct iommusim_requester *requester,
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

static struct check_domain *domain_of(const struct judge *judge)
{
	return judge->device == NULL ? NULL : judge->device->domain;
}

/* What intent says about an address in the device's domain. */
static struct pagemap_cell intent(const struct judge *judge, uint64_t address)
{
	const struct check_domain *domain = domain_of(judge);

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
	if ((intent(judge, address).value & LEDGER_MAPPED) != 0)
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
	const struct pagemap_cell cell = intent(judge, page->address);
	const uint64_t in_page = page->address & (IOMMUSIM_PAGE_SIZE - 1);

	if (page->interrupt) /* a message: interrupt remapping has its own say over those */
		return IOMMUSIM_VERDICT_OK;
	if (!page->translated)
		return IOMMUSIM_VERDICT_UNPROTECTED;
	if (!judge->check->ops_used) /* nobody stated any intent: the tables are it */
		return is_stale_answer(judge, page) ? IOMMUSIM_VERDICT_STALE : IOMMUSIM_VERDICT_OK;
	if (domain_of(judge) == NULL)
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
	const struct check_domain *domain = domain_of(judge);
	const uint64_t cell = intent(judge, address).value;

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

/* The first page whose verdict is not ok speaks for the request. */
static void judge_pages(const struct judge *judge, const struct iommusim_dma_page *pages, size_t count,
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

/* ---- why ------------------------------------------------------------------------------------- */

static void name_parties(const struct judge *judge, struct iommusim_report *report)
{
	const struct iommusim_pci_function *function =
	    iommusim_pci_find(judge->check->machine, report->segment, report->function);
	const struct check_domain *domain = domain_of(judge);

	if (function != NULL)
		memcpy(report->device_name, function->name, sizeof(report->device_name));
	strncpy(report->beneficiary,
	    judge->beneficiary == NULL ? "host" : iommusim_vm_name(judge->beneficiary),
	    sizeof(report->beneficiary) - 1);
	if (domain != NULL)
		strncpy(report->domain_name, check_domain_name(judge->check, domain),
		    sizeof(report->domain_name) - 1);
}

/* A device that is in no domain: the call that took it out of its last one. */
static void recall_device(const struct judge *judge, struct iommusim_report *report)
{
	const struct check_device *device = judge->device;

	if (device == NULL || device->last == NULL)
		return;
	check_recall_place(judge->check, device->place, &report->last_removed);
	report->device_removed = true;
	strncpy(report->last_removed.domain_name, check_domain_name(judge->check, device->last),
	    sizeof(report->last_removed.domain_name) - 1);
}

static void recall(const struct judge *judge, struct iommusim_report *report)
{
	const struct check_domain *domain = domain_of(judge);
	const uint64_t address = report->page.page.address;
	const struct pagemap_cell cell = intent(judge, address);

	if (domain == NULL)
		recall_device(judge, report);
	if (domain == NULL || cell.value == 0)
		return;
	report->expected_known = (cell.value & LEDGER_MAPPED) != 0;
	report->expected =
	    (cell.value & ~(IOMMUSIM_PAGE_SIZE - 1)) + (address & (IOMMUSIM_PAGE_SIZE - 1));
	check_recall(judge->check, domain, cell.stamp, address,
	    report->expected_known ? &report->last_mapped : &report->last_removed);
}

static void explain(const struct judge *judge, struct iommusim_report *report)
{
	struct iommusim_dma_request request = *judge->request;
	struct iommusim_unit *unit =
	    iommusim_unit_for(judge->check->machine, report->segment, report->rid);

	name_parties(judge, report);
	recall(judge, report);
	request.address = report->page.page.address;
	request.length = report->page.page.length;
	request.data = NULL;
	iommusim_walk(judge->requester, &request, &report->walk);
	report->fault_event_masked =
	    unit != NULL && unit->model->fault_event_masked(unit) && report->page.page.faulted;
	if (report->page.page.fault.class_ != IOMMUSIM_FAULT_NOT_ISSUED)
		check_blame(report, judge->check->vmm);
}

static void remember_unprotected(struct iommusim_check *check, const struct iommusim_report *report)
{
	if (report->verdict != IOMMUSIM_VERDICT_UNPROTECTED)
		return;
	if (check->unprotected++ > 0)
		return;
	check->first_unprotected = report->page;
	check->first_unprotected_place = check->here;
	memcpy(check->first_unprotected_device, report->device_name, sizeof(report->device_name));
}

/* ---- the entry ------------------------------------------------------------------------------- */

static uint64_t pages_touched(const struct iommusim_dma_request *request)
{
	const uint64_t first = request->address >> IOMMUSIM_PAGE_SHIFT;

	if (request->length == 0)
		return 1;
	return ((request->address + (request->length - 1)) >> IOMMUSIM_PAGE_SHIFT) - first + 1;
}

#define PAGES_AT_HAND 32u /* a request of more pages takes memory for them */

/* As a device with a device-TLB makes it; a page is judged by where it went in the end. */
static enum iommusim_status make_ats_dma(const struct judge *judge, struct iommusim_report *report,
    struct iommusim_dma_page *pages, size_t count)
{
	struct iommusim_machine *machine = judge->check->machine;
	struct iommusim_ats_page *ats = machine_alloc(machine, count * sizeof(*ats));
	struct iommusim_ats_outcome outcome;
	enum iommusim_status status;

	if (ats == NULL) {
		machine_fail(machine, IOMMUSIM_ENOMEM, "no memory to judge a DMA with");
		return IOMMUSIM_ENOMEM;
	}
	status = iommusim_ats_dma(judge->requester, judge->request, &outcome, ats, count);
	for (size_t i = 0; status == IOMMUSIM_OK && i < count; i++)
		iommusim_ats_page_summary(&ats[i], &pages[i]);
	if (status == IOMMUSIM_OK) {
		iommusim_ats_summary(&outcome, &report->outcome);
		report->from_device_tlb = outcome.page.way == IOMMUSIM_ATS_HIT;
	}
	machine_free(machine, ats, count * sizeof(*ats));
	return status;
}

static enum iommusim_status run(const struct judge *judge, struct iommusim_report *report, bool ats)
{
	struct iommusim_machine *machine = judge->check->machine;
	struct iommusim_dma_page at_hand[PAGES_AT_HAND], *pages = at_hand;
	const uint64_t count = pages_touched(judge->request);
	enum iommusim_status status;

	if (count > PAGES_AT_HAND) {
		if (count > SIZE_MAX / sizeof(*pages))
			return machine_fail(machine, IOMMUSIM_EINVAL, "a DMA of too many pages");
		pages = machine_alloc(machine, (size_t)count * sizeof(*pages));
		if (pages == NULL)
			return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory to judge a DMA with");
	}
	check_overflow(judge->check, NULL); /* what was up before is another's */
	if (ats)
		status = make_ats_dma(judge, report, pages, (size_t)count);
	else
		status = iommusim_dma(
		    judge->requester, judge->request, &report->outcome, pages, (size_t)count);
	if (status == IOMMUSIM_OK) {
		judge_pages(judge, pages, (size_t)count, report);
		if (!judge->check->brief || report->verdict != IOMMUSIM_VERDICT_OK ||
		    judge->check->machine->device_view) /* by the walk it is seen what hardware sees */
			explain(judge, report);
		check_overflow(judge->check, report);
		remember_unprotected(judge->check, report);
		missing_dma(judge->check, report);
		visible_dma(judge->check, report);
	}
	if (pages != at_hand)
		machine_free(machine, pages, (size_t)count * sizeof(*pages));
	return status;
}

static enum iommusim_status check_request(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report, bool ats)
{
	const struct iommusim_vm *vm = NULL;
	struct judge judge;

	/* The walk stands last, and its steps, 70 KiB, are cleared by whoever takes them. */
	memset(report, 0, offsetof(struct iommusim_report, walk.steps));
	report->request = *request;
	report->segment = iommusim_requester_segment(requester);
	report->rid = iommusim_requester_rid(requester);
	report->function = iommusim_requester_function(requester);
	if (for_vm != NULL) {
		vm = iommusim_vm_find(check->vmm, for_vm);
		if (vm == NULL)
			return machine_fail(
			    check->machine, IOMMUSIM_ENOENT, "no VM is called \"%s\"", for_vm);
	}
	judge = judge_for(check, requester, request, vm);
	return run(&judge, report, ats);
}

void iommusim_check_set_brief(struct iommusim_check *check, bool brief)
{
	check->brief = brief;
}

enum iommusim_status iommusim_check_dma(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report)
{
	return check_request(check, requester, request, for_vm, report, false);
}

enum iommusim_status iommusim_check_ats_dma(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report)
{
	return check_request(check, requester, request, for_vm, report, true);
}
