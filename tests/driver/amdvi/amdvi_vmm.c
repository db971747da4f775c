/* vmm's iommu_ops on AMD-Vi units: domains, their mappings and their devices. */
/* clang-format off */ /* style(9) */
#include "tests/driver/amdvi/amdvi.h"

#include <sys/kernel.h>
#include <sys/sysctl.h>

#include <vm/vm.h>
#include <vm/pmap.h>

#include <dev/pci/pcireg.h>
#include <dev/pci/pcivar.h>

MALLOC_DEFINE(M_AMDVI, "amdvi", "AMD-Vi tables");

SYSCTL_DECL(_hw_vmm);
SYSCTL_NODE(_hw_vmm, OID_AUTO, amdvi, CTLFLAG_RW | CTLFLAG_MPSAFE, NULL, "AMD-Vi");

static int amdvi_enable_tunable;
SYSCTL_INT(_hw_vmm_amdvi, OID_AUTO, enable, CTLFLAG_RDTUN, &amdvi_enable_tunable, 0, "Use the AMD IOMMUs");
static u_int amdvi_units;
SYSCTL_UINT(_hw_vmm_amdvi, OID_AUTO, units, CTLFLAG_RD, &amdvi_units, 0, "Units in use");
static int amdvi_domains;
SYSCTL_INT(_hw_vmm_amdvi, OID_AUTO, domains, CTLFLAG_RD, &amdvi_domains, 0, "Domains");

#define AMDVI_MIN_LEVELS	4
#define AMDVI_IDS		65536
#define AMDVI_ID_WORDS		(AMDVI_IDS / 64)

static SLIST_HEAD(, amdvi_domain) domains;
static uint64_t ids_used[AMDVI_ID_WORDS];

/* ---- domain ids ---- */

#ifdef AMDVI_HAZARD_DOMAIN_ID_WRAPS

static uint16_t last_id;
SYSCTL_U16(_hw_vmm_amdvi, OID_AUTO, last_domain_id, CTLFLAG_RW, &last_id, 0, "Id that the last domain got");

static int
id_alloc(void)
{
	return (++last_id);
}

static void
id_free(int id __unused)
{
}

#else

/* The lowest that is free. What hardware had under an id was invalidated when that was given back. */
static int
id_alloc(void)
{
	for (u_int id = 0; id < AMDVI_IDS; id++) {
		if ((ids_used[id / 64] & 1ULL << (id % 64)) == 0) {
			ids_used[id / 64] |= 1ULL << (id % 64);
			return ((int)id);
		}
	}
	return (-1);
}

static void
id_free(int id)
{
	ids_used[id / 64] &= ~(1ULL << (id % 64));
}

#endif

/* ---- starting and ending ---- */

static int
amdvi_max_levels(void)
{
	u_int least = AMDVI_MAX_LEVELS;

	for (u_int i = 0; i < amdvi_softc_count(); i++)
		least = MIN(least, AMDVI_MIN_LEVELS + AMDVI_EFR_HATS(amdvi_softc(i)->regs->efr));
	return ((int)least);
}

static int
unit_init(struct amdvi_softc *sc)
{
	int error;

	if (AMDVI_EFR_HATS(sc->regs->efr) == AMDVI_EFR_HATS_NONE || (sc->ivhd->attr & 1) != 0) {
		device_printf(sc->dev, "no host address translation\n");
		return (ENXIO);
	}
	error = amdvi_intr_setup(sc);
	if (error != 0)
		device_printf(sc->dev, "no event interrupt: error %d\n", error);
	return (amdvi_hw_setup(sc));
}

static int
amdvi_init(void)
{
	const u_int count = amdvi_softc_count();
	int error;

	if (amdvi_enable_tunable == 0) {
		printf("AMD-Vi: off, hw.vmm.amdvi.enable=1 turns it on\n");
		return (EINVAL);
	}
	if (count == 0) {
		printf("AMD-Vi: no IOMMU found\n");
		return (EIO);
	}
	SLIST_INIT(&domains);
	memset(ids_used, 0, sizeof(ids_used));
	ids_used[0] = 1;	/* devices in no domain carry it */
	for (u_int i = 0; i < count; i++) {
		error = unit_init(amdvi_softc(i));
		if (error == 0)
			continue;
		while (i-- > 0) {
			amdvi_hw_teardown(amdvi_softc(i));
			amdvi_intr_teardown(amdvi_softc(i));
		}
		return (error);
	}
	amdvi_units = count;
	return (0);
}

static void
amdvi_cleanup(void)
{
	for (u_int i = 0; i < amdvi_softc_count(); i++) {
		struct amdvi_softc *sc = amdvi_softc(i);

		amdvi_hw_disable(sc);
		amdvi_intr_teardown(sc);
		amdvi_hw_teardown(sc);
	}
	amdvi_units = 0;
}

static void
amdvi_enable(void)
{
	for (u_int i = 0; i < amdvi_softc_count(); i++)
		amdvi_hw_enable(amdvi_softc(i));
}

static void
amdvi_disable(void)
{
	for (u_int i = 0; i < amdvi_softc_count(); i++)
		amdvi_hw_disable(amdvi_softc(i));
}

/* ---- domains ---- */

/* Of a domain that no device was ever in hardware holds nothing. */
static void
domain_invalidate(const struct amdvi_domain *domain)
{
	for (u_int i = 0; i < amdvi_softc_count() && domain->used; i++)
		(void)amdvi_inv_domain(amdvi_softc(i), domain->id);
}

static uint64_t
domain_size(const struct amdvi_domain *domain)
{
	/* Level 6 has 7 bits of index: it covers all there is. */
	return (domain->levels == AMDVI_MAX_LEVELS ? ~0UL : AMDVI_LEVEL_SIZE(domain->levels + 1));
}

static void *
amdvi_create_domain(vm_paddr_t maxaddr)
{
	struct amdvi_domain *domain = malloc(sizeof(*domain), M_AMDVI, M_NOWAIT | M_ZERO);
	const int levels = amdvi_max_levels();
	int id;

	if (domain == NULL)
		return (NULL);
	domain->maxaddr = maxaddr;
	domain->levels = AMDVI_MIN_LEVELS;
	while (domain->levels < levels && domain_size(domain) < maxaddr)
		domain->levels++;
	domain->root = domain_size(domain) < maxaddr ? NULL : amdvi_pt_alloc();
	id = domain->root == NULL ? -1 : id_alloc();
	if (id < 0) {
		if (domain->root != NULL)
			amdvi_pt_free(domain->root, 1);
		free(domain, M_AMDVI);
		return (NULL);
	}
	domain->id = (uint16_t)id;
	SLIST_INSERT_HEAD(&domains, domain, next);
	amdvi_domains++;
	return (domain);
}

static bool
dte_names(const struct amdvi_dte *dte, const struct amdvi_domain *domain)
{
	return ((dte->qw[0] & AMDVI_DTE_TV) != 0 && (uint16_t)dte->qw[1] == domain->id &&
	    (dte->qw[0] & AMDVI_DTE_ROOT_MASK) == vtophys(domain->root));
}

/* The tables go: no entry may lead to them any more. */
static void
domain_block_devices(struct amdvi_domain *domain)
{
	for (u_int i = 0; i < amdvi_softc_count(); i++) {
		struct amdvi_softc *sc = amdvi_softc(i);

		for (u_int rid = 0; rid < AMDVI_IDS && domain->devices > 0; rid++) {
			if (!dte_names(&sc->dev_table[rid], domain))
				continue;
			amdvi_set_dte(sc, rid, NULL, 0);
			domain->devices--;
		}
	}
}

static void
amdvi_destroy_domain(void *arg)
{
	struct amdvi_domain *domain = arg;

#ifdef AMDVI_HAZARD_FREE_BEFORE_INVALIDATION
	amdvi_pt_free(domain->root, domain->levels);
	domain_invalidate(domain);
#else
#ifndef AMDVI_HAZARD_REMOVE_KEEPS_DTE
	domain_block_devices(domain);
#endif
#ifndef AMDVI_HAZARD_STALE_ID_REUSED
	domain_invalidate(domain);
#endif
	amdvi_pt_free(domain->root, domain->levels);
#endif
	SLIST_REMOVE(&domains, domain, amdvi_domain, next);
	id_free(domain->id);
	amdvi_domains--;
	free(domain, M_AMDVI);
}

/* ---- mappings ---- */

static bool
range_is_good(const struct amdvi_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{
	if (((gpa | hpa | len) & PAGE_MASK) != 0 || len == 0)
		return (false);
#ifdef AMDVI_HAZARD_WIDTH_UNCHECKED
	(void)domain;
	return (true);
#else
	return (gpa <= domain_size(domain) && len <= domain_size(domain) - gpa);
#endif
}

static uint64_t
domain_map(struct amdvi_domain *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len, int *error)
{
	uint64_t done;

	*error = 0;
	if (!range_is_good(domain, gpa, hpa, len)) {
		*error = EINVAL;
		return (0);
	}
	done = amdvi_pt_map(domain, gpa, hpa, len, AMDVI_PTE_RW);
	if (done == 0)
		*error = ENOMEM;
	return (done);
}

static uint64_t
domain_unmap(struct amdvi_domain *domain, vm_paddr_t gpa, uint64_t len, int *error)
{
	uint64_t done;

	*error = 0;
	if (!range_is_good(domain, gpa, 0, len)) {
		*error = EINVAL;
		return (0);
	}
	done = amdvi_pt_unmap(domain, gpa, len);
	if (done == 0)
		*error = ENOMEM;
	return (done);
}

/* ---- devices ---- */

static struct amdvi_softc *
unit_of(int segment, uint16_t rid, const struct amdvi_range **range)
{
	for (u_int i = 0; i < amdvi_softc_count(); i++) {
		struct amdvi_softc *sc = amdvi_softc(i);

		if (sc->ivhd->segment != segment)
			continue;
		*range = amdvi_ivhd_range(sc->ivhd, rid);
		if (*range != NULL)
			return (sc);
	}
#ifdef AMDVI_HAZARD_RID_RANGES_ZERO
	static const struct amdvi_range none;

	printf("AMD-Vi: no unit for device %#x, BIOS bug? The first one is taken\n", rid);
	*range = &none;
	return (amdvi_softc(0));
#else
	return (NULL);
#endif
}

/* Memory that firmware says the device must reach, wherever it is. */
static int
domain_map_unities(struct amdvi_domain *domain, int segment, uint16_t rid)
{
#ifdef AMDVI_HAZARD_UNITY_IGNORED
	(void)domain;
	(void)segment;
	(void)rid;
#else
	const struct amdvi_unity *unity;

	if (segment != 0)	/* an IVMD has no segment of its own */
		return (0);
	for (u_int i = 0; (unity = amdvi_ivrs_unity(i)) != NULL; i++) {
		const uint64_t length = unity->end - unity->start;
		const uint64_t rights =
		    (unity->ir ? AMDVI_PTE_IR : 0) | (unity->iw ? AMDVI_PTE_IW : 0);

		if (rid < unity->first || rid > unity->last || rights == 0)
			continue;
		if (!range_is_good(domain, unity->start, unity->start, length))
			return (EINVAL);
		if (amdvi_pt_map(domain, unity->start, unity->start, length, rights) != length)
			return (ENOMEM);
	}
#endif
	return (0);
}

static bool
alias_is_used(const struct amdvi_softc *sc, uint16_t alias)
{
	for (u_int i = 0; i < sc->ivhd->range_count; i++) {
		const struct amdvi_range *range = &sc->ivhd->ranges[i];

		if (!range->aliased || range->alias != alias)
			continue;
		for (u_int rid = range->first; rid <= range->last; rid++)
			if (rid != alias && (sc->dev_table[rid].qw[0] & AMDVI_DTE_TV) != 0)
				return (true);
	}
	return (false);
}

static void
entry_set(struct amdvi_softc *sc, uint16_t rid, struct amdvi_domain *domain, uint8_t setting)
{
	struct amdvi_domain *old;

	SLIST_FOREACH(old, &domains, next)
		if (dte_names(&sc->dev_table[rid], old))
			old->devices--;
	if (domain != NULL) {
		domain->devices++;
		domain->used = true;
	}
	amdvi_set_dte(sc, rid, domain, setting);
}

/* Do requests of these functions carry another id than their own? */
static bool
range_renames(const struct amdvi_range *range, uint16_t rid)
{
#ifdef AMDVI_HAZARD_ALIAS_IGNORED
	(void)range;
	(void)rid;
	return (false);
#else
	return (range->aliased && range->alias != rid);
#endif
}

static int
device_add(struct amdvi_domain *domain, int segment, uint16_t rid)
{
	const struct amdvi_range *range;
	struct amdvi_softc *sc = unit_of(segment, rid, &range);
	int error;

	if (sc == NULL)
		return (ENXIO);
	error = domain_map_unities(domain, segment, rid);
	if (error != 0)
		return (error);
	entry_set(sc, rid, domain, range->setting);
	if (range_renames(range, rid))
		entry_set(sc, range->alias, domain, range->setting);
	return (0);
}

/* Translations are kept by domain, and what leads a device to the domain is gone: its entry is all to drop. */
static int
device_remove(int segment, uint16_t rid)
{
	const struct amdvi_range *range;
	struct amdvi_softc *sc = unit_of(segment, rid, &range);

	if (sc == NULL)
		return (ENXIO);
	entry_set(sc, rid, NULL, range->setting);
	if (range_renames(range, rid) && !alias_is_used(sc, range->alias))
		entry_set(sc, range->alias, NULL, range->setting);
	return (0);
}

/* ---- the two shapes ---- */

#ifdef IOMMUSIM_KSHIM_ERROR_OPS

static int
amdvi_create_mapping(void *arg, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len, uint64_t *res_len)
{
	int error;

	*res_len = domain_map(arg, gpa, hpa, len, &error);
	return (error);
}

static int
amdvi_remove_mapping(void *arg, vm_paddr_t gpa, uint64_t len, uint64_t *res_len)
{
	int error;

	*res_len = domain_unmap(arg, gpa, len, &error);
	return (error);
}

static int
device_segment(device_t dev)
{
	return (dev == NULL ? 0 : (int)pci_get_domain(dev));
}

static int
amdvi_add_device(void *arg, device_t dev, uint16_t rid)
{
	const int error = device_add(arg, device_segment(dev), rid);

#ifdef AMDVI_HAZARD_UNGOVERNED_SILENT
	if (error == ENXIO)
		return (0);
#endif
	return (error);
}

static int
amdvi_remove_device(void *arg __unused, device_t dev, uint16_t rid)
{
	return (device_remove(device_segment(dev), rid));
}

static int
amdvi_invalidate_tlb(void *arg)
{
	domain_invalidate(arg);
	return (0);
}

#else

/* Devices are known by their requester ids alone: of segment 0. No way to say that it failed: the caller would ask for the same for ever. */
static void
must_not_fail(int error, const char *what, vm_paddr_t gpa)
{
#ifndef AMDVI_HAZARD_MISALIGNED_LOOPS
	if (error != 0)
		panic("AMD-Vi: %s at %#lx failed, error %d", what, (u_long)gpa, error);
#endif
}

static uint64_t
amdvi_create_mapping(void *arg, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len)
{
	uint64_t done;
	int error;

	done = domain_map(arg, gpa, hpa, len, &error);
	must_not_fail(error, "mapping", gpa);
	return (done);
}

static uint64_t
amdvi_remove_mapping(void *arg, vm_paddr_t gpa, uint64_t len)
{
	uint64_t done;
	int error;

	done = domain_unmap(arg, gpa, len, &error);
	must_not_fail(error, "unmapping", gpa);
	return (done);
}

static void
amdvi_add_device(void *arg, uint16_t rid)
{
	const int error = device_add(arg, 0, rid);

#ifndef AMDVI_HAZARD_UNGOVERNED_SILENT
	if (error != 0)
		printf("AMD-Vi: device %d:%d.%d cannot be added, error %d: its DMA is blocked\n", PCI_RID2BUS(rid),
		    PCI_RID2SLOT(rid), PCI_RID2FUNC(rid), error);
#endif
}

static void
amdvi_remove_device(void *arg __unused, uint16_t rid)
{
	(void)device_remove(0, rid);
}

static void
amdvi_invalidate_tlb(void *arg)
{
	domain_invalidate(arg);
}

#endif

const struct iommu_ops iommu_ops_amd = {
	.init = amdvi_init,
	.cleanup = amdvi_cleanup,
	.enable = amdvi_enable,
	.disable = amdvi_disable,
	.create_domain = amdvi_create_domain,
	.destroy_domain = amdvi_destroy_domain,
	.create_mapping = amdvi_create_mapping,
	.remove_mapping = amdvi_remove_mapping,
	.add_device = amdvi_add_device,
	.remove_device = amdvi_remove_device,
	.invalidate_tlb = amdvi_invalidate_tlb,
};
