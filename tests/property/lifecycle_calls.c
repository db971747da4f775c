/* Calls of random lives: VMs, devices, a caller's own domains, and the books that are kept of them. */
#include "property/lifecycle_world.h"

/* ---- books ----------------------------------------------------------------------------------------- */

/* The unit that a look at start buses alone finds for a function: the rule of vtd_device_scope(). */
static unsigned unit_by_start_bus(const struct life_board *board, unsigned place, bool on_bus_0)
{
	const unsigned all = board->unit_of[PLACE_REST], named = board->unit_of[place];

	return on_bus_0 && named < all ? named : all;
}

static void note_scope(struct life_world *world, unsigned place, bool on_bus_0)
{
	const struct life_board *board = &world->life->board;

	world->facts.misscoped += board->device_tlb[unit_by_start_bus(board, place, on_bus_0)] &&
	    !board->device_tlb[board->unit_of[place]];
}

static unsigned place_of(const struct life_world *world, const struct life_function *function)
{
	return life_places[function - world->functions];
}

unsigned life_unit_of(const struct life_world *world, const struct life_function *function)
{
	return world->life->board.unit_of[place_of(world, function)];
}

static void comes(
    struct life_world *world, struct life_function *function, enum life_home home, unsigned index)
{
	const struct life_board *board = &world->life->board;
	const unsigned place = place_of(world, function);

	function->home = home;
	function->index = index;
	if (home == HOME_NOWHERE)
		return;
	function->led = home == HOME_VM ? world->vms[index].number
	    : home == HOME_DOMAIN       ? world->domains[index].number
					: 0;
	function->fresh = board->write_buffer[life_unit_of(world, function)];
	note_scope(world, place, place == PLACE_GFX || place == PLACE_REST);
}

void life_flushed(struct life_world *world)
{
	world->facts.flushes += world->facts.on;
	for (unsigned i = 0; i < LIFE_FUNCTIONS; i++)
		world->functions[i].fresh = false;
	for (unsigned i = 0; i < LIFE_DOMAINS; i++)
		memset(world->domains[i].warm, 0, sizeof(world->domains[i].warm));
}

bool life_leaves_it(const struct life_world *world)
{
	return world->policy != NULL && world->policy->column != NULL &&
	    strcmp(world->policy->column, "invalidate") == 0;
}

static void goes(struct life_world *world, struct life_function *function)
{
	if (function->home != HOME_NOWHERE)
		life_flushed(world);
	function->left_ats = function->ats;
	comes(world, function, HOME_NOWHERE, 0);
}

/* A domain is destroyed: whose last one was it? */
static void ends(struct life_world *world, unsigned number)
{
	for (unsigned i = 0; i < LIFE_FUNCTIONS && world->facts.on && number != 0; i++) {
		struct life_function *function = &world->functions[i];

		if (function->led != number)
			continue;
		world->facts.ended++;
		world->facts.ended_ats += function->left_ats;
		world->facts.ended_elsewhere += life_unit_of(world, function) != 0;
		function->led = 0;
	}
}

/* The IOMMU is asked for; the first time, it is initialised: all that is the host's is in its domain. */
static void asked_for(struct life_world *world)
{
	uint64_t initialised;

	world->facts.tried = true;
	assert_ok(iommusim_sysctl_get(world->vmm, "hw.vmm.iommu.initialized", &initialised));
	if (initialised == world->facts.on)
		return;
	world->facts.on = initialised != 0;
	world->facts.starts++;
	for (unsigned i = 0; i < LIFE_FUNCTIONS; i++) {
		struct life_function *function = &world->functions[i];

		if (function->present && !function->ppt)
			comes(world, function, HOME_HOST, 0);
	}
	for (unsigned place = PLACE_BUS1; place <= PLACE_BUS7; place++)
		note_scope(world, place, true); /* its bridge */
	life_flushed(world);
}

/* A function that a VM or a caller's domain has, whichever `from` comes to; LIFE_FUNCTIONS: there is none. */
static unsigned in_use(const struct life_world *world, uint32_t from, bool also_domains)
{
	for (unsigned i = 0; i < LIFE_FUNCTIONS; i++) {
		const unsigned which = (from + i) % LIFE_FUNCTIONS;
		const enum life_home home = world->functions[which].home;

		if (home == HOME_VM || (also_domains && home == HOME_DOMAIN))
			return which;
	}
	return LIFE_FUNCTIONS;
}

/* ---- VMs ------------------------------------------------------------------------------------------- */

uint64_t life_gpa(uint64_t offset)
{
	return offset < 3 * GIB ? offset : offset + GIB;
}

static uint64_t some_size(const struct life_board *board, unsigned which, uint32_t from)
{
	if (board->giant && which == 0)
		return 3 * GIB + (1 + from % 8) * PAGE;

	switch (from % 8) {
	case 0:
		return (UINT64_C(1) + from / 8 % 3) * 2 * MIB;
	case 1:
	case 2:
		return (UINT64_C(1) + from / 8 % 24) * 64 * KIB;
	default:
		return (1 + from / 8 % 40) * PAGE;
	}
}

static void create(struct life_world *world, const struct life_step *step)
{
	static const char *const names[LIFE_VMS] = { "vm0", "vm1", "vm2" };
	const unsigned which = step->a % LIFE_VMS;
	struct life_vm *vm = &world->vms[which];
	const struct iommusim_vm_memory memory = { .size =
						       some_size(&world->life->board, which, step->b),
		.seed = step->c % 97,
		.contiguous = step->c % 5 == 0 };

	if (vm->vm != NULL)
		return;
	/* A kernel that has panicked, as releases do, answers no call. */
	if (!life_returned(world, "vm_create", iommusim_vm_create(world->vmm, names[which], &vm->vm),
		IOMMUSIM_OK)) {
		vm->vm = NULL;
		return;
	}
	if (iommusim_vm_setup_memory(vm->vm, &memory) != IOMMUSIM_OK) { /* there is no more */
		life_returned(world, "vm_destroy", iommusim_vm_destroy(vm->vm), IOMMUSIM_OK);
		vm->vm = NULL;
		return;
	}
	vm->size = memory.size;
	vm->devices = 0;
	vm->number = ++world->numbers;
}

/* What a call must return that adds a function to a domain of somebody's. */
static enum iommusim_status of_adding(struct life_world *world, const struct life_function *function)
{
	const bool ungoverned = life_unit_of(world, function) == LIFE_NO_UNIT;

	world->facts.refused += ungoverned;
	return life_hindered(world) || ungoverned ? IOMMUSIM_ENXIO : IOMMUSIM_OK;
}

static void assign(struct life_world *world, const struct life_step *step)
{
	const unsigned which = step->a % LIFE_FUNCTIONS, index = step->b % LIFE_VMS;
	struct life_function *function = &world->functions[which];
	struct life_vm *vm = &world->vms[index];
	enum iommusim_status status;

	if (!function->present || !function->ppt || function->home == HOME_VM ||
	    function->home == HOME_DOMAIN || vm->vm == NULL)
		return;
	status = iommusim_vm_assign_pptdev(vm->vm, 0, life_rids[which]);
	asked_for(world);
	if (!life_returned(world, "vm_assign_pptdev", status, of_adding(world, function)))
		return;
	world->facts.done[OP_ASSIGN]++;
	if (vm->devices++ == 0)
		life_flushed(world);
	comes(world, function, HOME_VM, index);
}

/* A device has left its VM; with the last one, the VM's memory leaves the domain. */
static void left(struct life_world *world, struct life_function *function)
{
	struct life_vm *vm = &world->vms[function->index];

	goes(world, function);
	vm->devices--;
}

static void unassign(struct life_world *world, const struct life_step *step)
{
	const unsigned which = in_use(world, step->a, false);
	struct life_function *function = &world->functions[which];

	if (which == LIFE_FUNCTIONS ||
	    !life_returned(world, "vm_unassign_pptdev",
		iommusim_vm_unassign_pptdev(world->vms[function->index].vm, 0, life_rids[which]),
		IOMMUSIM_OK))
		return;
	world->facts.done[OP_UNASSIGN]++;
	left(world, function);
}

static void destroy(struct life_world *world, const struct life_step *step)
{
	const unsigned index = step->a % LIFE_VMS;
	struct life_vm *vm = &world->vms[index];

	if (vm->vm == NULL ||
	    !life_returned(world, "vm_destroy", iommusim_vm_destroy(vm->vm), IOMMUSIM_OK))
		return;
	world->facts.done[OP_DESTROY]++;
	for (unsigned i = 0; i < LIFE_FUNCTIONS; i++)
		if (world->functions[i].home == HOME_VM && world->functions[i].index == index)
			left(world, &world->functions[i]);
	ends(world, vm->number);
	life_flushed(world);
	vm->vm = NULL;
}

/* ---- functions that come and go ---------------------------------------------------------------------- */

static void add(struct life_world *world, const struct life_step *step)
{
	const unsigned which = LIFE_LATE + step->a % (LIFE_FUNCTIONS - LIFE_LATE);
	struct life_function *function = &world->functions[which];
	const struct iommusim_pci_function place = { .rid = life_rids[which], .name = "late" };

	if (function->present)
		return;
	assert_ok(iommusim_pci_add(world->machine, &place));
	*function = (struct life_function){ .present = true, .requester = function->requester };
	if (step->b % 8 == 0)
		return; /* the event is still to come; nobody knows of it */
	life_returned(
	    world, "pci_add_device", iommusim_pci_device_added(world->vmm, 0, place.rid), IOMMUSIM_OK);
	world->facts.done[OP_ADD]++;
	function->told = true;
	if (world->facts.on)
		comes(world, function, HOME_HOST, 0);
	if (step->b % 2 == 0)
		return;
	if (!life_returned(world, "device",
		iommusim_device_attach(world->vmm, 0, place.rid, IOMMUSIM_DRIVER_PPT), IOMMUSIM_OK))
		return;
	function->ppt = true;
	goes(world, function);
}

static void delete (struct life_world *world, const struct life_step *step)
{
	const unsigned which = LIFE_LATE + step->a % (LIFE_FUNCTIONS - LIFE_LATE);
	struct life_function *function = &world->functions[which];

	if (!function->present || function->home == HOME_VM || function->home == HOME_DOMAIN)
		return;
	life_returned(world, "pci_delete_device",
	    iommusim_pci_device_deleted(world->vmm, 0, life_rids[which]), IOMMUSIM_OK);
	world->facts.done[OP_DELETE]++;
	if (function->ats)
		iommusim_ats_disable(function->requester);
	function->ats = false;
	goes(world, function);
	function->present = false;
	assert_ok(iommusim_pci_remove(world->machine, 0, life_rids[which]));
}

static void master(struct life_world *world, const struct life_step *step)
{
	const unsigned which = in_use(world, step->a, false);

	if (which == LIFE_FUNCTIONS)
		return;
	world->facts.done[OP_MASTER]++;
	assert_ok(iommusim_pci_set_command(
	    world->machine, 0, life_rids[which], step->b % 3 == 0 ? 0 : IOMMUSIM_PCI_COMMAND_AT_BOOT));
}

static void reset(struct life_world *world, const struct life_step *step)
{
	const unsigned which = in_use(world, step->a, false);

	if (which == LIFE_FUNCTIONS)
		return;
	world->facts.done[OP_RESET]++;
	assert_ok(iommusim_pci_reset(world->machine, 0, life_rids[which]));
	assert_ok(iommusim_pci_set_command(
	    world->machine, 0, life_rids[which], IOMMUSIM_PCI_COMMAND_AT_BOOT));
}

/* Where the device's own unit takes translation requests. */
static void ats(struct life_world *world, const struct life_step *step)
{
	static const struct iommusim_ats_settings settings = { .entries = 16 };
	const unsigned which = in_use(world, step->a, true);
	struct life_function *function = &world->functions[which];
	const struct life_board *board = &world->life->board;

	if (board->vendor != LIFE_VTD || which == LIFE_FUNCTIONS || function->ats ||
	    !board->device_tlb[board->unit_of[life_places[which]]])
		return;
	world->facts.done[OP_ATS]++;
	function->ats = true;
	assert_ok(iommusim_ats_enable(function->requester, &settings));
}

/* ---- a caller's own domains --------------------------------------------------------------------------- */

static void domain(struct life_world *world, const struct life_step *step)
{
	struct life_domain *own = &world->domains[step->a % LIFE_DOMAINS];
	enum iommusim_status status;

	if (own->domain != NULL && own->devices == 0) {
		life_returned(world, "iommu_destroy_domain",
		    iommusim_iommu_destroy_domain(world->vmm, own->domain), IOMMUSIM_OK);
		ends(world, own->number);
		life_flushed(world);
		memset(own, 0, sizeof(*own));
	} else if (own->domain == NULL) {
		status = iommusim_iommu_create_domain(world->vmm, GIB, &own->domain);
		asked_for(world);
		own->number = ++world->numbers;
		life_returned(world, "iommu_create_domain", status,
		    life_hindered(world) ? IOMMUSIM_ENXIO : IOMMUSIM_OK);
	}
	world->facts.done[OP_DOMAIN]++;
}

/* Pages of a caller's domain are taken away. */
static void took(struct life_world *world, struct life_domain *own, uint64_t gpa, uint64_t length)
{
	life_returned(world, "iommu_remove_mapping",
	    iommusim_iommu_remove_mapping(world->vmm, own->domain, gpa, length), IOMMUSIM_OK);
	if (!life_leaves_it(world)) {
		life_returned(world, "iommu_invalidate_tlb",
		    iommusim_iommu_invalidate_tlb(world->vmm, own->domain), IOMMUSIM_OK);
		life_flushed(world);
	}
	for (unsigned i = 0; i < LIFE_FUNCTIONS; i++)
		if (world->functions[i].home == HOME_DOMAIN &&
		    &world->domains[world->functions[i].index] == own)
			world->facts.kept += world->functions[i].ats;
}

static void put(
    struct life_world *world, struct life_domain *own, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	life_returned(world, "iommu_create_mapping",
	    iommusim_iommu_create_mapping(world->vmm, own->domain, gpa, hpa, length), IOMMUSIM_OK);
}

static void map_page(struct life_world *world, struct life_domain *own, const struct life_step *step)
{
	const unsigned page = step->b % LIFE_PAGES;
	const uint64_t hpa = 256 * KIB + step->c / 4 % 128 * PAGE;

	if (own->pages[page] == 0) {
		put(world, own, page * PAGE, hpa, PAGE);
		own->pages[page] = hpa;
		own->warm[page] = 0;
	} else {
		own->warm[page] = own->warm[page] == WARM ? WINDOW : 0;
		own->pages[page] = 0;
		took(world, own, page * PAGE, PAGE);
	}
}

/* All of it comes; then a page of it goes; then the rest. */
static void map_big(struct life_world *world, struct life_domain *own, const struct life_step *step)
{
	if (!own->big) {
		put(world, own, LIFE_BIG, LIFE_BIG_TO, 2 * MIB);
		own->big = true;
	} else if (own->hole == 0) {
		own->hole = 1 + step->b % 512;
		took(world, own, LIFE_BIG + (own->hole - 1) * PAGE, PAGE);
		world->facts.holes += own->devices > 0 && world->facts.on;
	} else {
		took(world, own, LIFE_BIG, 2 * MIB);
		own->big = false;
		own->hole = 0;
	}
}

static void map(struct life_world *world, const struct life_step *step)
{
	struct life_domain *own = &world->domains[step->a % LIFE_DOMAINS];

	if (own->domain == NULL)
		return;
	world->facts.done[OP_MAP]++;
	if (step->c % 4 == 0)
		map_big(world, own, step);
	else
		map_page(world, own, step);
}

/* No domain is as wide as that. What comes of it is nobody's: no device asks for it. */
static void wrong(struct life_world *world, const struct life_step *step)
{
	struct life_domain *own = &world->domains[step->a % LIFE_DOMAINS];

	if (own->domain == NULL || !world->facts.on)
		return;
	world->facts.done[OP_WRONG]++;
	world->facts.refused++;
	life_returned(world, "iommu_create_mapping",
	    iommusim_iommu_create_mapping(
		world->vmm, own->domain, (UINT64_C(1) << 56) + 9 * GIB, 256 * KIB, PAGE),
	    IOMMUSIM_EINVAL);
}

static void join(struct life_world *world, const struct life_step *step)
{
	const unsigned which = LIFE_PPT + step->a % (LIFE_FUNCTIONS - LIFE_PPT);
	struct life_function *function = &world->functions[which];
	const unsigned index = function->home == HOME_DOMAIN ? function->index : step->b % LIFE_DOMAINS;
	struct life_domain *own = &world->domains[index];

	if (!function->present || !function->ppt || function->home == HOME_VM || own->domain == NULL)
		return;
	world->facts.done[OP_JOIN]++;
	if (function->home == HOME_DOMAIN) {
		life_returned(world, "iommu_remove_device",
		    iommusim_iommu_remove_device(world->vmm, own->domain, 0, life_rids[which]),
		    IOMMUSIM_OK);
		own->devices--;
		goes(world, function);
		return;
	}
	world->facts.borrowed++;
	if (life_returned(world, "iommu_add_device",
		iommusim_iommu_add_device(world->vmm, own->domain, 0, life_rids[which]),
		of_adding(world, function))) {
		own->devices++;
		comes(world, function, HOME_DOMAIN, index);
	}
}

static void unload(struct life_world *world)
{
	for (unsigned i = 0; i < LIFE_VMS; i++)
		if (world->vms[i].vm != NULL)
			return;
	for (unsigned i = 0; i < LIFE_DOMAINS; i++)
		if (world->domains[i].domain != NULL)
			return;
	life_returned(world, "vmm_unload", iommusim_vmm_unload(world->vmm), IOMMUSIM_OK);
	world->facts.done[OP_UNLOAD]++;
	world->facts.on = false;
	for (unsigned i = 0; i < LIFE_FUNCTIONS; i++) {
		struct life_function *function = &world->functions[i];

		comes(world, function, HOME_NOWHERE, 0);
		function->led = 0;
		if (function->ats)
			iommusim_ats_disable(function->requester);
		function->ats = false;
	}
}

void life_step_call(struct life_world *world, const struct life_step *step)
{
	static void (*const calls[OPS])(struct life_world *, const struct life_step *) = {
		[OP_CREATE] = create,
		[OP_ASSIGN] = assign,
		[OP_UNASSIGN] = unassign,
		[OP_DESTROY] = destroy,
		[OP_DMA] = life_step_dma,
		[OP_HOST_IO] = life_step_host_io,
		[OP_ADD] = add,
		[OP_DELETE] = delete,
		[OP_MASTER] = master,
		[OP_RESET] = reset,
		[OP_ATS] = ats,
		[OP_DOMAIN] = domain,
		[OP_MAP] = map,
		[OP_JOIN] = join,
		[OP_WRONG] = wrong,
	};

	if (step->op == OP_UNLOAD)
		unload(world);
	else
		calls[step->op](world, step);
}
