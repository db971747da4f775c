/*
 * What becomes of a request by its device table entry, in the order of checks (AMD-Vi 2.2.2): special address
 * ranges, exclusion, apertures, rights, levels; and then the page. The walks: host_stage.c, guest_stage.c.
 */
#include "models/amdvi/tables.h"

#include "models/amdvi/translate.h"

/* IoCtl and SysMgt. */
enum { CODE_ABORT = 0, CODE_FORWARD = 1, IOCTL_RESERVED = 3, SYSMGT_INTX_ONLY = 2 };

/* HAD of a good entry: accessed flags, and dirty ones too. */
enum { HAD_ACCESSED = 1, HAD_DIRTY = 3 };

/* What HyperTransport has its special addresses for (AMD-Vi 2.1.2). */
#define HT_FIRST       UINT64_C(0xfd00000000)
#define HT_LAST        UINT64_C(0xffffffffff)
#define HT_SYSMGT      UINT64_C(0xfdf9100000)
#define HT_SYSMGT_LAST UINT64_C(0xfdf91fffff)
#define HT_PORTS       UINT64_C(0xfdfc000000)
#define HT_PORTS_LAST  UINT64_C(0xfdfdffffff)

static bool within(uint64_t address, uint64_t first, uint64_t last)
{
	return address >= first && address <= last;
}

/* ---- requests that never meet page tables ---------------------------------------------------------------- */

/* Output is input. */
static void use_as_is(const struct page_request *request, const struct amdvi_device *device,
    struct iommusim_dma_page *page)
{
	page->physical = request->address;
	page->page_shift = IOMMUSIM_PAGE_SHIFT;
	page->domain = (uint32_t)amdvi_dte_DOMAIN_ID(device->dte);
	page->translated = true;
}

/* Requests that say they know about translation need a device that may (DTE.I). */
static unsigned check_address_type(
    const struct page_request *request, const struct amdvi_device *device)
{
	if (request_is_untranslated(request))
		return ALLOWED;
	if (!amdvi_dte_V(device->dte) || !amdvi_dte_I(device->dte))
		return request_is_for_translation(request) ? TRANSLATION_OFF : PRETRANSLATED;
	if (!is_interrupt_address(request->address) || request->has_pasid)
		return ALLOWED;
	return request_is_for_translation(request) ? TRANSLATION_RANGE : PRETRANSLATED_INTERRUPT;
}

uint64_t amdvi_first_special_address(void)
{
	return HT_FIRST;
}

static unsigned by_code(unsigned code, unsigned when_aborted, bool *passes)
{
	*passes = code == CODE_FORWARD;
	return code == CODE_ABORT ? when_aborted : ALLOWED;
}

/* Addresses that are no memory where HyperTransport is behind the unit. */
static unsigned check_special_range(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device, bool *passes)
{
	const unsigned ioctl = (unsigned)amdvi_dte_IOCTL(device->dte);
	const unsigned sysmgt = (unsigned)amdvi_dte_SYSMGT(device->dte);

	*passes = false;
	if (request->has_pasid || amdvi_EFR2_HT_RANGE_IGNORE(amdvi->features2) ||
	    !within(request->address, HT_FIRST, HT_LAST))
		return ALLOWED;
	if (within(request->address, HT_PORTS, HT_PORTS_LAST))
		return ioctl == IOCTL_RESERVED ? DTE_RESERVED : by_code(ioctl, PORT_IO, passes);
	if (!within(request->address, HT_SYSMGT, HT_SYSMGT_LAST))
		return request_is_for_translation(request) ? TRANSLATION_RANGE : RESERVED_RANGE;
	if (sysmgt == SYSMGT_INTX_ONLY)
		return SYSTEM_MANAGEMENT_ADDRESS;
	return by_code(sysmgt, SYSTEM_MANAGEMENT, passes);
}

/* The exclusion range is there without SNP only; with it the registers are another range's (AMD-Vi 3.4). */
static bool is_excluded(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device)
{
	const uint64_t base = atomic_load(&amdvi->exclusion_base);
	const uint64_t limit = atomic_load(&amdvi->exclusion_limit);

	if (amdvi_EFR_SNPSUP(amdvi->features) || !amdvi_EXCL_BASE_EX_EN(base) || request->has_pasid)
		return false;
	if (!amdvi_EXCL_BASE_ALLOW(base) && !amdvi_dte_EX(device->dte))
		return false;
	return within(request->address, amdvi_EXCL_BASE_BASE(base) << IOMMUSIM_PAGE_SHIFT,
	    amdvi_EXCL_LIMIT_LIMIT(limit) << IOMMUSIM_PAGE_SHIFT | (IOMMUSIM_PAGE_SIZE - 1));
}

/* Memory address routing: the first aperture that holds the address says where it goes. */
static bool is_routed(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device, struct iommusim_dma_page *page, unsigned *rights)
{
	if (!amdvi_EFR_MARCSUP(amdvi->features) || !amdvi_CONTROL_MARC_EN(amdvi_control(amdvi)) ||
	    request->has_pasid)
		return false;
	for (unsigned i = 0; i < AMDVI_APERTURES; i++) {
		const uint64_t base = amdvi_MARC_BASE_BASE(atomic_load(&amdvi->aperture[i][0]))
		    << IOMMUSIM_PAGE_SHIFT;
		const uint64_t relocation = atomic_load(&amdvi->aperture[i][1]);
		const uint64_t length = amdvi_MARC_LEN_LEN(atomic_load(&amdvi->aperture[i][2]))
		    << IOMMUSIM_PAGE_SHIFT;

		if (!amdvi_MARC_RELOC_EN(relocation) || request->address < base ||
		    request->address - base >= length)
			continue;
		use_as_is(request, device, page);
		page->physical = (amdvi_MARC_RELOC_RELOC(relocation) << IOMMUSIM_PAGE_SHIFT) +
		    (request->address - base);
		*rights = amdvi_MARC_RELOC_READ_ONLY(relocation) ? RIGHT_READ : *rights;
		return true;
	}
	return false;
}

static bool lacks(const struct page_request *request, unsigned rights)
{
	const unsigned needed = rights_needed(request->kind);

	return !request_is_for_translation(request) && (rights & needed) != needed;
}

bool amdvi_ends_at_device(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device, struct iommusim_dma_page *page, unsigned *rights,
    unsigned *reason, enum amdvi_ending *ending)
{
	const bool valid = amdvi_dte_V(device->dte) != 0;
	bool passes = !valid;

	*ending = valid ? AMDVI_AT_DEVICE : AMDVI_PASSED;
	*reason = ALLOWED;
	if (valid && amdvi_device_memory_reserved(amdvi, device))
		*reason = DTE_RESERVED;
	if (*reason == ALLOWED)
		*reason = check_address_type(request, device);
	if (*reason == ALLOWED && valid)
		*reason = check_special_range(amdvi, request, device, &passes);
	if (*reason != ALLOWED)
		return true;
	if (passes || request_is_translated(request)) {
		*ending = AMDVI_PASSED;
		use_as_is(request, device, page);
		page->domain = valid ? page->domain : 0;
		return true;
	}
	if (!amdvi_dte_TV(device->dte)) {
		*reason = NO_TRANSLATION;
		return true;
	}
	if (is_excluded(amdvi, request, device)) {
		*ending = AMDVI_EXCLUDED;
		use_as_is(request, device, page);
		return true;
	}
	if (!is_routed(amdvi, request, device, page, rights))
		return false;
	*ending = AMDVI_ROUTED;
	*reason = lacks(request, *rights) ? APERTURE_READ_ONLY : ALLOWED;
	return true;
}

/* ---- how the tables are to be gone through --------------------------------------------------------------- */

static unsigned check_pasid(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device)
{
	const unsigned index_bits = 9 * ((unsigned)amdvi_dte_GLX(device->dte) + 1);

	if (!request->has_pasid)
		return ALLOWED;
	if (!amdvi_device_has_guest(amdvi, device))
		return PASID_REFUSED;
	return (uint64_t)request->pasid >> amdvi->pasid_bits != 0 ||
		(uint64_t)request->pasid >> index_bits != 0
	    ? PASID_RANGE
	    : ALLOWED;
}

/* SNP asks for host tables, and for a domain; without host tables there can be no root (AMD-Vi 2.2.2.1). */
static unsigned check_host(const struct amdvi_unit *amdvi, const struct amdvi_device *device)
{
	const unsigned levels = (unsigned)amdvi_dte_MODE(device->dte);

	if (amdvi_snp(amdvi) && (levels == 0 || amdvi_dte_DOMAIN_ID(device->dte) == 0))
		return DTE_SNP;
	if (amdvi->host_levels == 0 && amdvi_dte_ROOT(device->dte) != 0)
		return DTE_ROOT;
	if (levels > amdvi->host_levels)
		return amdvi->choices.mode_is_page_fault ? DTE_MODE_FAULT : DTE_MODE;
	return ALLOWED;
}

static unsigned check_guest(const struct amdvi_unit *amdvi, const struct amdvi_space *space)
{
	if (!space->guest)
		return ALLOWED;
	return space->gcr3_levels > amdvi->gcr3_levels || space->guest_levels > amdvi->guest_levels
	    ? DTE_GUEST_LEVELS
	    : ALLOWED;
}

/*
 * GIoV: requests without PASID go by PASID 0, whose addresses are not sign-extended: all their bits count. Such
 * requests are a user's.
 */
static void fill_guest(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device, struct amdvi_space *space)
{
	const uint64_t control = amdvi_control(amdvi);

	if (!amdvi_device_has_guest(amdvi, device) ||
	    (!request->has_pasid && !amdvi_dte_GIOV(device->dte)))
		return;
	space->guest = true;
	space->pasid = request->has_pasid ? request->pasid : 0;
	space->canonical = space->pasid != 0 || !amdvi_dte_GIOV(device->dte);
	space->privileged = request->has_pasid && request->privileged;
	space->gcr3 = amdvi_device_gcr3(device);
	space->gcr3_levels = (uint8_t)(amdvi_dte_GLX(device->dte) + 1);
	space->guest_levels = (uint8_t)(4 + amdvi_dte_GUEST_PAGING_MODE(device->dte));
	space->gcr3_is_guest = amdvi_CONTROL_GCR3_TRP_MODE(control) != 0;
	space->guest_accessed = !amdvi_CONTROL_GA_UPDATE_DIS(control);
	space->guest_dirty = !amdvi_CONTROL_GD_UPDATE_DIS(control);
}

/*
 * DTE.Cache is a hint. A real unit, with no room for everything, heeds it; those that judge software do as the
 * worst may: what is kept against the hint still has to be invalidated.
 */
static bool heeds_hints(const struct amdvi_unit *amdvi)
{
	return amdvi->unit.settings.cache == IOMMUSIM_CACHE_SIZED;
}

unsigned amdvi_find_space(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_device *device, struct amdvi_space *space)
{
	const uint64_t had = amdvi_dte_HAD(device->dte);
	unsigned reason;

	*space = (struct amdvi_space){
		.host_table = amdvi_dte_ROOT(device->dte) << IOMMUSIM_PAGE_SHIFT,
		.domain = (uint16_t)amdvi_dte_DOMAIN_ID(device->dte),
		.host_levels = (uint8_t)amdvi_dte_MODE(device->dte),
		.rights = (uint8_t)((amdvi_dte_IR(device->dte) ? RIGHT_READ : 0) |
		    (amdvi_dte_IW(device->dte) ? RIGHT_WRITE : 0)),
		.snoops = !amdvi_dte_SD(device->dte),
		.keeps = !amdvi_dte_CACHE(device->dte) || !heeds_hints(amdvi),
		.host_accessed = had >= HAD_ACCESSED,
		.host_dirty = had == HAD_DIRTY,
	};
	fill_guest(amdvi, request, device, space);
	if (lacks(request, space->rights))
		return DTE_RIGHTS;
	reason = check_pasid(amdvi, request, device);
	if (reason == ALLOWED)
		reason = check_host(amdvi, device);
	return reason != ALLOWED ? reason : check_guest(amdvi, space);
}

/* ---- the page -------------------------------------------------------------------------------------------- */

/* A translation request counts as read and write, if it gets both and wants them, or as a read. */
bool amdvi_writes(const struct page_request *request, unsigned rights)
{
	return request_writes(request, !request->no_write, rights);
}

unsigned amdvi_check_rights(const struct page_request *request, const struct amdvi_space *space,
    unsigned rights, bool executable)
{
	if (request_is_for_translation(request))
		return ALLOWED;
	if (lacks(request, rights))
		return space->guest ? GUEST_RIGHTS : HOST_RIGHTS;
	return space->guest && request->execute && !executable ? GUEST_EXECUTE : ALLOWED;
}

static unsigned walk_stages(
    const struct amdvi_unit *amdvi, const struct amdvi_space *space, struct stage_walk *walk)
{
	return space->guest ? amdvi_walk_guest(amdvi, space, walk)
			    : amdvi_walk_host(amdvi, space, walk);
}

/* Walk until it is known which flags to set. */
static unsigned walk_and_mark(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_space *space, struct stage_walk *walk)
{
	const unsigned start = stage_walk_start(walk);
	unsigned reason;

	do
		reason = walk_stages(amdvi, space, walk);
	while (stage_walk_again(walk, amdvi_is_nested(space),
	    walk->writes && amdvi_writes(request, walk->rights & space->rights), start));
	return reason;
}

static void set_mode(struct walk_path *path, const struct amdvi_space *space)
{
	if (path == NULL)
		return;
	path->levels = space->guest ? space->guest_levels : space->host_levels;
	if (space->guest)
		path->mode = space->host_levels == 0 ? "guest tables" : "nested";
	else
		path->mode = space->host_levels == 0 ? "pass-through" : "host tables";
}

unsigned amdvi_find_page(const struct amdvi_unit *amdvi, const struct page_request *request,
    const struct amdvi_space *space, struct stage_walk *walk, struct iommusim_dma_page *page)
{
	unsigned reason;

	page->domain = space->domain;
	page->translated = true;
	set_mode(walk->path, space);
	walk->rights = RIGHT_READ | RIGHT_WRITE;
	if (!space->guest && space->host_levels == 0) {
		page->physical = request->address;
		page->page_shift = IOMMUSIM_PAGE_SHIFT;
		return ALLOWED;
	}
	walk->address = request->address;
	walk->needed = request_is_for_translation(request) ? 0 : (uint8_t)rights_needed(request->kind);
	walk->writes = amdvi_writes(request, RIGHT_WRITE);
	reason = walk_and_mark(amdvi, request, space, walk);
	page->entry = walk->entry;
	if (reason != ALLOWED)
		return reason;
	stage_walk_page(walk, page);
	reason = amdvi_check_rights(request, space, walk->rights, walk->executable);
	if (reason == ALLOWED && walk->marks != NULL)
		reason = walk->marks->reason;
	return reason;
}
