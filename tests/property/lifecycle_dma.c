/* DMA of random lives, and what the test's own books say must become of it. */
#include "property/lifecycle_world.h"

/* Where a page of a request must go. */
struct outcome {
	enum iommusim_verdict verdict;
	uint64_t physical; /* with OK */
};

static struct outcome in_vm(
    const struct life_world *world, const struct life_function *function, uint64_t address)
{
	const struct life_vm *vm = &world->vms[function->index];
	struct outcome outcome = { IOMMUSIM_VERDICT_BLOCKED, 0 };

	if (address < vm->size && address < 3 * GIB)
		outcome.verdict = IOMMUSIM_VERDICT_OK;
	if (address >= 4 * GIB && address - GIB < vm->size)
		outcome.verdict = IOMMUSIM_VERDICT_OK;
	if (outcome.verdict == IOMMUSIM_VERDICT_OK)
		outcome.physical = host_hpa(vm->vm, address);
	return outcome;
}

static struct outcome in_domain(
    const struct life_world *world, const struct life_function *function, uint64_t address)
{
	const struct life_domain *domain = &world->domains[function->index];
	const uint64_t page = address / PAGE;

	if (domain->big && address - LIFE_BIG < 2 * MIB && page - LIFE_BIG / PAGE + 1 != domain->hole)
		return (struct outcome){ IOMMUSIM_VERDICT_OK, address - LIFE_BIG + LIFE_BIG_TO };
	if (page >= LIFE_PAGES || domain->pages[page] == 0)
		return (struct outcome){ IOMMUSIM_VERDICT_BLOCKED, 0 };
	return (struct outcome){ IOMMUSIM_VERDICT_OK, domain->pages[page] + address % PAGE };
}

/* One page, from `address` on. */
static struct outcome expected(const struct life_world *world, const struct life_function *function,
    uint16_t rid, uint64_t address)
{
	if (!iommusim_pci_is_bus_master(world->machine, 0, rid))
		return (struct outcome){ IOMMUSIM_VERDICT_BLOCKED, 0 };
	if (!world->facts.on || life_unit_of(world, function) == LIFE_NO_UNIT)
		return (struct outcome){ IOMMUSIM_VERDICT_UNPROTECTED, 0 };
	switch (function->home) {
	case HOME_HOST:
		return (struct outcome){ address < life_host_end(world) ? IOMMUSIM_VERDICT_OK
									: IOMMUSIM_VERDICT_BLOCKED,
			address };
	case HOME_VM:
		return in_vm(world, function, address);
	case HOME_DOMAIN:
		return in_domain(world, function, address);
	default:
		return (struct outcome){ IOMMUSIM_VERDICT_BLOCKED, 0 };
	}
}

/* Addresses that are worth trying. Never the interrupt range, which is no memory. */
static uint64_t some_address(
    const struct life_world *world, const struct life_function *function, const struct life_step *step)
{
	const struct life_vm *other = &world->vms[step->b / 8 % LIFE_VMS];
	uint64_t address = (uint64_t)step->c << 4;

	switch (step->b % 8) {
	case 0:
	case 1:
	case 2: /* its own memory */
		if (function->home == HOME_VM)
			return life_gpa(address % world->vms[function->index].size);
		return (step->a >> 16) % 4 == 0 ? LIFE_BIG + address % (2 * MIB)
						: address % (LIFE_PAGES * PAGE);
	case 3: /* the end of it */
		if (function->home == HOME_VM)
			return life_gpa(
			    world->vms[function->index].size - 1 - address % (2 * PAGE) % PAGE);
		return LIFE_PAGES * PAGE - 1 - address % PAGE;
	case 4: /* memory of a VM, by its host address */
		return other->vm == NULL ? address % world->life->board.low
					 : host_hpa(other->vm, life_gpa(address % other->size));
	case 5: /* memory of the host */
		return address % world->life->board.low;
	case 6: /* beyond all of it */
		return 16 * GIB + (address << 6);
	default: /* wild: the address a device makes up, up to 256 GiB and no more */
		return (address << 2) % UINT64_C(0xfee00000);
	}
}

static void judge(struct life_world *world, const struct life_function *function, uint16_t rid,
    const struct iommusim_report *report)
{
	const struct iommusim_dma_request *request = &report->request;
	uint64_t last = request->address + request->length - 1;
	enum iommusim_verdict verdict = IOMMUSIM_VERDICT_OK;

	world->facts.seen[report->verdict]++;
	for (uint64_t at = request->address; at <= last && verdict == IOMMUSIM_VERDICT_OK;
	     at = (at | (PAGE - 1)) + 1) {
		const struct outcome outcome = expected(world, function, rid, at);

		verdict = outcome.verdict;
		if (verdict == IOMMUSIM_VERDICT_OK && at == request->address &&
		    report->verdict == IOMMUSIM_VERDICT_OK &&
		    outcome.physical != report->page.page.physical)
			life_wrong(world, "DMA of %04x at 0x%llx went to 0x%llx, and not to 0x%llx",
			    rid, (unsigned long long)at, (unsigned long long)report->page.page.physical,
			    (unsigned long long)outcome.physical);
	}
	if (report->verdict != verdict)
		life_wrong(world, "DMA of %04x at 0x%llx, 0x%llx bytes: %s, and must be %s", rid,
		    (unsigned long long)request->address, (unsigned long long)request->length,
		    iommusim_verdict_name(report->verdict), iommusim_verdict_name(verdict));
}

/* Mostly one that somebody has. */
static unsigned some_function(const struct life_world *world, uint32_t from)
{
	unsigned which = from % LIFE_FUNCTIONS;

	for (unsigned i = 0; i < LIFE_FUNCTIONS && from / 8 % 4 != 0 &&
	     world->functions[which].home != HOME_VM && world->functions[which].home != HOME_DOMAIN;
	     i++)
		which = (which + 1) % LIFE_FUNCTIONS;
	return which;
}

/* What the DMA has to do with policies. */
static void note_kept(struct life_world *world, const struct life_function *function, uint16_t rid,
    const struct iommusim_dma_request *request)
{
	struct life_domain *own = &world->domains[function->index % LIFE_DOMAINS];
	const uint64_t page = request->address / PAGE;

	if (!iommusim_pci_is_bus_master(world->machine, 0, rid) || !world->facts.on)
		return;
	world->facts.above += function->home == HOME_VM && request->address >= 4 * GIB &&
	    request->address - GIB < world->vms[function->index].size;
	if (life_unit_of(world, function) >= world->facts.highest)
		world->facts.highest = life_unit_of(world, function) + 1;
	world->facts.unflushed += function->fresh && !world->life->board.device_view;
	if (function->home != HOME_DOMAIN || page >= LIFE_PAGES)
		return;
	world->facts.windows += own->warm[page] == WINDOW;
	if (own->pages[page] != 0)
		own->warm[page] = WARM;
}

void life_step_dma(struct life_world *world, const struct life_step *step)
{
	const unsigned which = some_function(world, step->a);
	struct life_function *function = &world->functions[which];
	const uint64_t address = some_address(world, function, step);
	const struct iommusim_dma_request request = {
		.address = address,
		.length = 1 + step->a / 32 % (2 * PAGE),
		.kind = (step->a >> 30 & 1) != 0 ? IOMMUSIM_DMA_READ : IOMMUSIM_DMA_WRITE,
	};
	struct iommusim_report report;

	if (!function->present)
		return;
	world->facts.done[OP_DMA]++;
	if (function->ats && world->facts.on)
		assert_ok(
		    iommusim_check_ats_dma(world->check, function->requester, &request, NULL, &report));
	else
		assert_ok(
		    iommusim_check_dma(world->check, function->requester, &request, NULL, &report));
	note_kept(world, function, life_rids[which], &request);
	if (world->recorder != NULL)
		iommusim_record_dma(world->recorder, &report);
	judge(world, function, life_rids[which], &report);
}

void life_step_host_io(struct life_world *world, const struct life_step *step)
{
	const struct life_vm *vm = &world->vms[step->a % LIFE_VMS];
	const bool into = (step->b & 1) != 0;
	enum iommusim_verdict verdict = IOMMUSIM_VERDICT_OK;
	struct iommusim_host_io io;
	uint64_t gpa, hpa, run;

	if (vm->vm == NULL)
		return;
	gpa = life_gpa(step->c % (vm->size / 512) * 512);
	assert_ok(iommusim_host_io_begin(vm->vm, gpa, 512, into, &io));
	iommusim_host_io_address(&io, 0, &hpa, &run);
	{
		const struct iommusim_dma_request request = {
			.address = hpa,
			.length = 512,
			.kind = into ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ,
		};
		struct iommusim_report report;

		assert_ok(iommusim_check_dma(world->check, world->functions[LIFE_AHCI].requester,
		    &request, iommusim_vm_name(vm->vm), &report));
		if (world->recorder != NULL)
			iommusim_record_dma(world->recorder, &report);
		iommusim_host_io_end(&io, report.outcome.bytes_moved);
		if (!world->facts.on)
			verdict = IOMMUSIM_VERDICT_UNPROTECTED;
		world->facts.seen[report.verdict]++;
		world->facts.done[OP_HOST_IO]++;
		if (report.verdict != verdict)
			life_wrong(world, "host I/O for %s at 0x%llx: %s, and must be %s",
			    iommusim_vm_name(vm->vm), (unsigned long long)gpa,
			    iommusim_verdict_name(report.verdict), iommusim_verdict_name(verdict));
	}
}
