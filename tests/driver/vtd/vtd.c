/* Domains, and devices in them: what vmm asks of the backend. Page tables, units and their registers have files of their own. */
/* clang-format off */ /* style(9) */
#include <sys/cdefs.h>

#include "vtd.h"

#include <sys/lock.h>
#include <sys/mutex.h>

#include <dev/pci/pcivar.h>
#include <io/iommu.h>

#define	WIDTH_OF_LEVELS(levels)	(PAGE_SHIFT + 9 * (levels))
#define	WIDEST		5	/* levels */
#define	NARROWEST	3

MALLOC_DEFINE(M_VTD, "vtd", "tables of VT-d units");

SYSCTL_NODE(_hw_vmm, OID_AUTO, vtd, CTLFLAG_RW, NULL, "VT-d backend");

static u_int domain_count;
SYSCTL_UINT(_hw_vmm_vtd, OID_AUTO, domains, CTLFLAG_RD, &domain_count, 0, "domains in use");
SYSCTL_UINT(_hw_vmm_vtd, OID_AUTO, units, CTLFLAG_RD, &vtd_unit_count, 0, "units in use");

static struct mtx lock;
static LIST_HEAD(, vtd_domain) domains = LIST_HEAD_INITIALIZER(domains);
static uint8_t ids[VTD_MAX_IDS / NBBY];
static u_int id_count;		/* that all units know */
static bool enabled;

/* A root table and the context tables of all buses, for each segment. */
static uint64_t root_tables[VTD_SEGMENTS][256][2] __aligned(PAGE_SIZE);
static uint64_t context_tables[VTD_SEGMENTS][256][256][2] __aligned(PAGE_SIZE);

static uint64_t *
context_entry(uint16_t segment, uint16_t rid)
{
	return (context_tables[segment][rid >> 8][rid & 0xff]);
}

static void
store(uint64_t *quad, uint64_t value)
{
	*(volatile uint64_t *)quad = value;
	vtd_to_memory(quad, sizeof(*quad));
}

/* ---- coming and going --------------------------------------------------------------------------- */

static void
make_root_tables(void)
{
	struct vtd_unit *unit;
	u_int bus, segment;

	memset(root_tables, 0, sizeof(root_tables));
	memset(context_tables, 0, sizeof(context_tables));
	VTD_FOREACH_UNIT(unit) {
		segment = unit->drhd->Segment;
		for (bus = 0; bus < 256; bus++)
			root_tables[segment][bus][0] =
			    vtophys(context_tables[segment][bus]) | VTD_ENTRY_P;
		vtd_to_memory(root_tables[segment], sizeof(root_tables[segment]));
		vtd_to_memory(context_tables[segment], sizeof(context_tables[segment]));
	}
}

static int
attach_units(void)
{
	struct vtd_unit *unit;
	int error;

	id_count = VTD_MAX_IDS;
	VTD_FOREACH_UNIT(unit) {
		id_count = MIN(id_count, VTD_CAP_DOMAINS(unit->cap));
		error = vtd_unit_attach(unit);
		if (error != 0)
			return (error);
	}
#ifdef HAZARD_PANIC_CACHING_MODE
	if (vtd_any_has(VTD_CAP_CM))
		panic("vtd: caching mode is not supported");
#endif
	return (0);
}

static void
vtd_cleanup(void)
{
	struct vtd_unit *unit;

	VTD_FOREACH_UNIT(unit) {
		vtd_fault_detach(unit);
		vtd_unit_detach(unit);
	}
	vtd_forget_units();
	memset(root_tables, 0, sizeof(root_tables));
	if (mtx_initialized(&lock))
		mtx_destroy(&lock);
}

static int
vtd_init(void)
{
	struct vtd_unit *unit;
	int error;

	error = vtd_find_units();
	if (error != 0)
		return (error);
	mtx_init(&lock, "vtd", NULL, MTX_DEF);
	error = attach_units();
	if (error != 0) {
		vtd_cleanup();
		return (error);
	}
	memset(ids, 0, sizeof(ids));
	ids[0] = 1;		/* a unit in caching mode has it for itself */
	make_root_tables();
	VTD_FOREACH_UNIT(unit)
		(void)vtd_fault_attach(unit);
	return (0);
}

static void
vtd_enable(void)
{
	struct vtd_unit *unit;

	mtx_lock(&lock);
	VTD_FOREACH_UNIT(unit)
		if (vtd_unit_enable(unit, vtophys(root_tables[unit->drhd->Segment])) != 0)
			printf("vtd: unit at %#lx is not in use\n", (u_long)unit->drhd->Address);
	enabled = true;
	mtx_unlock(&lock);
}

static void
vtd_disable(void)
{
	struct vtd_unit *unit;

	mtx_lock(&lock);
	VTD_FOREACH_UNIT(unit)
		vtd_unit_disable(unit);
	enabled = false;
	mtx_unlock(&lock);
}

/* ---- what hardware keeps ---------------------------------------------------------------------------- */

/* Before translation is on there is nothing in it, and all is thrown away when it goes on. */
static int
flush_domain(struct vtd_domain *domain)
{
	struct vtd_unit *unit;
	int error, first_error;

	first_error = 0;
	domain->unseen = false;
	if (!enabled)
		return (0);
	VTD_FOREACH_UNIT(unit) {
		error = vtd_flush_domain(unit, domain->id);
		if (first_error == 0)
			first_error = error;
	}
	return (first_error);
}

/* New entries: units in caching mode keep that there were none, and chipsets may keep the stores. */
static int
show_new_entries(void)
{
	struct vtd_domain *domain;
	int error, first_error;

	first_error = 0;
	LIST_FOREACH(domain, &domains, link) {
		if (!domain->unseen)
			continue;
		error = flush_domain(domain);
		if (first_error == 0)
			first_error = error;
	}
	return (first_error);
}

/* ---- domains ------------------------------------------------------------------------------------------ */

static u_int
bits_of(vm_paddr_t maxaddr)
{
#ifdef HAZARD_AGAW_OFF_BY_ONE
	return ((u_int)flsl((long)maxaddr) + 1);
#else
	return ((u_int)flsl((long)(maxaddr - 1)));
#endif
}

/* How deep tables must be, all units asked: 0 when some cannot. */
static u_int
levels_for(vm_paddr_t maxaddr)
{
	const struct vtd_unit *unit;
	u_int depths, levels, bits;

	bits = maxaddr == 0 ? 0 : bits_of(maxaddr);
	depths = ~0u;
	VTD_FOREACH_UNIT(unit)
		depths &= VTD_CAP_SAGAW(unit->cap);
	for (levels = NARROWEST; levels <= WIDEST; levels++)
		if ((depths >> (levels - 2) & 1) != 0 && WIDTH_OF_LEVELS(levels) >= bits)
			return (levels);
#ifdef HAZARD_AGAW_OFF_BY_ONE
	panic("vtd: no tables for %u address bits", bits);
#endif
	return (0);
}

/* Units may refuse addresses that their tables could map. */
static vm_paddr_t
end_for(u_int levels)
{
	const struct vtd_unit *unit;
	u_int width;

	width = WIDTH_OF_LEVELS(levels);
	VTD_FOREACH_UNIT(unit)
		width = MIN(width, VTD_CAP_MGAW(unit->cap));
	return ((vm_paddr_t)1 << width);
}

/* The lowest one that is free; 0: none is. */
static uint16_t
take_id(void)
{
	u_int id;

	for (id = 1; id < id_count; id++)
		if ((ids[id / NBBY] & 1u << id % NBBY) == 0) {
			ids[id / NBBY] |= (uint8_t)(1u << id % NBBY);
			return ((uint16_t)id);
		}
#ifdef HAZARD_PANIC_IDS
	panic("vtd: no domain id is left of %u", id_count);
#endif
	return (0);
}

static void
give_id(uint16_t id)
{
	ids[id / NBBY] &= (uint8_t)~(1u << id % NBBY);
}

static struct vtd_domain *
new_domain(vm_paddr_t maxaddr)
{
	struct vtd_domain *domain;

	domain = malloc(sizeof(*domain), M_VTD, M_NOWAIT | M_ZERO);
	if (domain == NULL)
		return (NULL);
	LIST_INIT(&domain->devices);
	domain->levels = levels_for(maxaddr);
	if (domain->levels != 0)
		domain->end = end_for(domain->levels);
	if (domain->levels == 0 || maxaddr > domain->end) {
		printf("vtd: units cannot map addresses up to %#lx\n", (u_long)maxaddr);
		free(domain, M_VTD);
		return (NULL);
	}
	domain->root = vtd_table_alloc();
	domain->id = domain->root == NULL ? 0 : take_id();
	if (domain->id == 0) {
		free(domain->root, M_VTD);
		free(domain, M_VTD);
		return (NULL);
	}
	return (domain);
}

static void *
vtd_create_domain(vm_paddr_t maxaddr)
{
	struct vtd_domain *domain;

	mtx_lock(&lock);
	domain = new_domain(maxaddr);
	if (domain != NULL) {
		LIST_INSERT_HEAD(&domains, domain, link);
		domain_count++;
	}
	mtx_unlock(&lock);
	return (domain);
}

static int	remove_from(struct vtd_domain *domain, struct vtd_device *device);

/* Nothing may lead to the tables, in memory or in a unit, when they are freed and the id is free. */
static void
vtd_destroy_domain(void *arg)
{
	struct vtd_domain *domain = arg;

	mtx_lock(&lock);
	while (!LIST_EMPTY(&domain->devices)) {
#ifdef HAZARD_CLEANUP_LEAVES_ENTRIES
		struct vtd_device *device = LIST_FIRST(&domain->devices);

		LIST_REMOVE(device, link);
		free(device, M_VTD);
#else
		(void)remove_from(domain, LIST_FIRST(&domain->devices));
#endif
	}
#ifndef HAZARD_ID_REUSE
	(void)flush_domain(domain);
#endif
	LIST_REMOVE(domain, link);
	vtd_table_free(domain->root, domain->levels);
	give_id(domain->id);
	free(domain, M_VTD);
	domain_count--;
	mtx_unlock(&lock);
}

/* ---- mappings --------------------------------------------------------------------------------------------- */

static bool
is_whole(const struct vtd_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{
#ifdef HAZARD_PANIC_UNALIGNED
	KASSERT(((gpa | hpa | len) & PAGE_MASK) == 0, ("vtd: unaligned range %#lx, %#lx bytes",
	    (u_long)gpa, (u_long)len));
#endif
	if (((gpa | hpa | len) & PAGE_MASK) != 0 || len == 0)
		return (false);
#ifdef HAZARD_GPA_ALIAS
	return (domain != NULL);
#else
	return (gpa < domain->end && len <= domain->end - gpa);
#endif
}

static int
map(void *arg, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len, uint64_t *done)
{
	struct vtd_domain *domain = arg;
	int error;

	*done = 0;
	if (!is_whole(domain, gpa, hpa, len))
		return (EINVAL);
	mtx_lock(&lock);
	error = vtd_table_map(domain, gpa, hpa, len, done);
	if (vtd_any_has(VTD_CAP_CM | VTD_CAP_RWBF))
		domain->unseen = true;
	mtx_unlock(&lock);
	return (error);
}

static int
unmap(void *arg, vm_paddr_t gpa, uint64_t len, uint64_t *done)
{
	struct vtd_domain *domain = arg;
	int error;

	*done = 0;
	if (!is_whole(domain, gpa, 0, len))
		return (EINVAL);
	mtx_lock(&lock);
	error = vtd_table_unmap(domain, gpa, len, done);
	mtx_unlock(&lock);
	return (error);
}

/* What is there already is somebody's choice, and stays. */
int
vtd_map_region(struct vtd_domain *domain, vm_paddr_t first, vm_paddr_t end)
{
	uint64_t done;
	int error;

	for (; first < end; first += PAGE_SIZE) {
		if (first >= domain->end)
			return (ERANGE);
		if (vtd_table_is_mapped(domain, first))
			continue;
		error = vtd_table_map(domain, first, first, PAGE_SIZE, &done);
		if (error != 0)
			return (error);
		domain->unseen = true;
	}
	return (0);
}

static int
invalidate(void *arg)
{
	struct vtd_domain *domain = arg;
	int error, later;

	mtx_lock(&lock);
	error = flush_domain(domain);
	later = show_new_entries();
	mtx_unlock(&lock);
	return (error != 0 ? error : later);
}

/* ---- devices ---------------------------------------------------------------------------------------------- */

static int
map_reserved(struct vtd_domain *domain, uint16_t segment, uint16_t rid)
{
	vm_paddr_t first, end;
	u_int i;
	int error;

	for (i = 0; vtd_reserved_region(segment, rid, i, &first, &end); i++) {
		error = vtd_map_region(domain, first, end);
		if (error != 0)
			return (error);
	}
	return (0);
}

/* The upper half first: with the lower one hardware goes by both. */
static int
publish(const struct vtd_domain *domain, const struct vtd_device *device)
{
	uint64_t *entry = context_entry(device->segment, device->rid);
	uint64_t high, low;
	int error;

	high = VTD_CONTEXT_DID(domain->id) | VTD_CONTEXT_AW(domain->levels);
	low = vtophys(domain->root) | VTD_ENTRY_P;
#ifndef HAZARD_TT_WITHOUT_DT
	if ((device->unit->ecap & VTD_ECAP_DT) != 0)
#endif
		low |= VTD_CONTEXT_TT_ALL;
#ifdef HAZARD_NON_ATOMIC_ENTRY
	store(&entry[0], low);
	store(&entry[1], high);
#else
	store(&entry[1], high);
	store(&entry[0], low);
#endif
	if (!enabled)
		return (0);
	error = vtd_write_buffers(device->unit);
	if (error == 0 && (device->unit->cap & VTD_CAP_CM) != 0) {
		error = vtd_flush_device(device->unit, device->rid, 0);
		if (error == 0)
			error = vtd_flush_domain(device->unit, domain->id);
	}
	return (error);
}

static int
insert(struct vtd_domain *domain, uint16_t segment, uint16_t rid)
{
	struct vtd_device *device;
	struct vtd_unit *unit;
	int error;

	unit = segment < VTD_SEGMENTS ? vtd_unit_for(segment, rid) : NULL;
#ifdef HAZARD_PANIC_NO_SCOPE
	if (unit == NULL)
		panic("vtd: no unit is in charge of %#x", rid);
#endif
	if (unit == NULL)
		return (ENXIO);
	if ((context_entry(segment, rid)[0] & VTD_ENTRY_P) != 0) {
#ifdef HAZARD_PANIC_DOUBLE_ADD
		panic("vtd: device %#x has a domain", rid);
#endif
		return (EBUSY);
	}
	error = map_reserved(domain, segment, rid);
	if (error != 0)
		return (error);
	device = malloc(sizeof(*device), M_VTD, M_NOWAIT | M_ZERO);
	if (device == NULL)
		return (ENOMEM);
	device->unit = unit;
	device->segment = segment;
	device->rid = rid;
	LIST_INSERT_HEAD(&domain->devices, device, link);
	error = show_new_entries();
	return (error != 0 ? error : publish(domain, device));
}

/* What hardware keeps of the entry, then what it keeps of the translations that the entry led to. */
static int
remove_from(struct vtd_domain *domain, struct vtd_device *device)
{
	uint64_t *entry = context_entry(device->segment, device->rid);
	int error;

	store(&entry[0], 0);
	store(&entry[1], 0);
	error = 0;
	if (enabled) {
		error = vtd_flush_device(device->unit, device->rid, domain->id);
#ifndef HAZARD_ID_REUSE
		if (error == 0)
			error = vtd_flush_domain(device->unit, domain->id);
#endif
	}
	LIST_REMOVE(device, link);
	free(device, M_VTD);
	return (error);
}

static int
add_device(void *arg, uint16_t segment, uint16_t rid)
{
	int error;

	mtx_lock(&lock);
	error = insert(arg, segment, rid);
	mtx_unlock(&lock);
	return (error);
}

static int
remove_device(void *arg, uint16_t segment, uint16_t rid)
{
	struct vtd_domain *domain = arg;
	struct vtd_device *device;
	int error;

	error = 0;
	mtx_lock(&lock);
	LIST_FOREACH(device, &domain->devices, link)
		if (device->segment == segment && device->rid == rid) {
			error = remove_from(domain, device);
			break;
		}
	mtx_unlock(&lock);
	return (error);
}

/* ---- the two shapes ------------------------------------------------------------------------------------------ */

#ifdef IOMMUSIM_KSHIM_ERROR_OPS

static uint16_t
segment_of(device_t dev)
{
	return (dev == NULL ? 0 : (uint16_t)pci_get_domain(dev));
}

static int
vtd_add_device(void *domain, device_t dev, uint16_t rid)
{
	return (add_device(domain, segment_of(dev), rid));
}

static int
vtd_remove_device(void *domain, device_t dev, uint16_t rid)
{
	return (remove_device(domain, segment_of(dev), rid));
}

#define	vtd_create_mapping	map
#define	vtd_remove_mapping	unmap
#define	vtd_invalidate_tlb	invalidate

#else

static uint64_t
vtd_create_mapping(void *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{
	uint64_t done;

	return (map(domain, gpa, hpa, len, &done) == 0 ? done : 0);
}

static uint64_t
vtd_remove_mapping(void *domain, vm_paddr_t gpa, uint64_t len)
{
	uint64_t done;

	return (unmap(domain, gpa, len, &done) == 0 ? done : 0);
}

/* These calls can report nothing: the console has to do. */
static void
vtd_add_device(void *domain, uint16_t rid)
{
	int error;

	error = add_device(domain, 0, rid);
	if (error != 0)
		printf("vtd: device %#x stays without a domain, error %d\n", rid, error);
}

static void
vtd_remove_device(void *domain, uint16_t rid)
{
	(void)remove_device(domain, 0, rid);
}

static void
vtd_invalidate_tlb(void *domain)
{
	(void)invalidate(domain);
}

#endif

const struct iommu_ops iommu_ops_intel = {
	.init = vtd_init,
	.cleanup = vtd_cleanup,
	.enable = vtd_enable,
	.disable = vtd_disable,
	.create_domain = vtd_create_domain,
	.destroy_domain = vtd_destroy_domain,
	.create_mapping = vtd_create_mapping,
	.remove_mapping = vtd_remove_mapping,
	.add_device = vtd_add_device,
	.remove_device = vtd_remove_device,
	.invalidate_tlb = vtd_invalidate_tlb,
};
