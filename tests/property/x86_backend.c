/* Drivers for tables in the format of x86 processors. */
#include "x86_backend.h"

#include <stdlib.h>

#include <iommusim/amdvi.h>

#include "models/formats/page_table.h"
#include "models/formats/x86_first_stage.h"

#define FIRST_PAGE UINT64_C(0x100000)
#define LAST_PAGE  UINT64_C(0x700000)
#define NO_PAGE    UINT64_MAX
#define LEVELS     4u

/* Of a PASID-table entry, bit 87 (VT-d 9.6): walks snoop. */
#define PWSNP (UINT64_C(1) << 23)

/* VT-d register offsets beyond the host fixture's (11.4): invalidation queue head. */
#define R_IQH 0x080u

/* AMD-Vi register offsets (3.4) and CONTROL: IommuEn, Coherent, CmdBufEn, GTEn. */
enum { A_DEVTAB = 0x0, A_CMD_BASE = 0x8, A_CONTROL = 0x18, A_CMD_HEAD = 0x2000, A_CMD_TAIL = 0x2008 };
#define A_ON UINT64_C(0x11401)

/* Device table pages less one: entries of the first 15 * 128 requester ids, buses 0 to 7 but the last 128. */
#define A_DEVICE_PAGES 15u

/*
 * Accessed and Dirty (bits 5 and 6) are set from the beginning, as drivers do that have no use for them. Without
 * D a unit walks again when what a read has cached is written, and sees what another kind of tables would not.
 */
static uint64_t make_marked_leaf(uint64_t address, unsigned level, unsigned rights)
{
	return x86_make_leaf(address, level, rights) | 0x60;
}

static const struct page_format marked = {
	.present = x86_present,
	.leaf = x86_is_leaf,
	.rights = x86_rights,
	.table = x86_next_table,
	.page = x86_page,
	.make_table = x86_make_table,
	.make_leaf = make_marked_leaf,
};

struct x86_domain {
	struct page_table table;
	uint64_t gcr3; /* AMD-Vi: the table that holds the root for PASID 0 */
	uint32_t id;
};

/* ---- table pages ------------------------------------------------------------------------------- */

static uint64_t *table_at(void *context, uint64_t address)
{
	struct x86_backend *backend = context;

	return iommusim_memory_host(backend->host->machine, address, PAGE);
}

static bool take_page(void *context, uint64_t *address)
{
	struct x86_backend *backend = context;

	if (backend->free_page != NO_PAGE) {
		*address = backend->free_page;
		backend->free_page = *table_at(backend, *address);
	} else {
		*address = backend->next_page;
		backend->next_page += PAGE;
	}
	assert_true(*address < LAST_PAGE);
	memset(table_at(backend, *address), 0, PAGE);
	return true;
}

static void give_page(void *context, uint64_t address)
{
	struct x86_backend *backend = context;

	*table_at(backend, address) = backend->free_page;
	backend->free_page = address;
}

static uint64_t new_page(struct x86_backend *backend)
{
	uint64_t address;

	take_page(backend, &address);
	return address;
}

static void store(struct x86_backend *backend, uint64_t address, const uint64_t *quads, unsigned count)
{
	for (unsigned i = count; i-- > 0;) /* the lowest quadword says that the entry is valid */
		host_store(backend->host, address + UINT64_C(8) * i, quads[i]);
}

/* ---- VT-d: scalable mode, first stage only --------------------------------------------------------- */

/* 256-bit descriptors (VT-d 6.5.2): put one at the tail, and see that the unit has taken it. */
static void vtd_submit(struct x86_backend *backend, uint64_t low)
{
	const uint64_t descriptor[4] = { low };

	store(backend, backend->queue + backend->tail, descriptor, 4);
	backend->tail = (backend->tail + 32) % PAGE;
	host_set(backend->host, X86_UNIT, R_IQT, 4, backend->tail);
	assert_int_equal(host_get(backend->host, X86_UNIT, R_IQH, 4), backend->tail);
}

/* Contexts (type 1), PASID caches (7) and IOTLB (2, draining), all globally. */
static void vtd_flush(struct x86_backend *backend)
{
	vtd_submit(backend, 0x11);
	vtd_submit(backend, 0x37);
	vtd_submit(backend, 0xd2);
}

/* The PASID-table entry for requests without PASID (RID_PASID 0): directory, table, entry 0. */
static uint64_t pasid_entry(struct x86_backend *backend, uint16_t rid)
{
	const uint64_t root = backend->root + (rid >> 8) * UINT64_C(16);
	const uint64_t half = (rid >> 7 & 1) * UINT64_C(8); /* lower or upper context table */
	uint64_t context, directory;

	if ((host_load(backend->host, root + half) & 1) == 0)
		host_store(backend->host, root + half, new_page(backend) | 1);
	context = (host_load(backend->host, root + half) & ~(PAGE - 1)) + (rid & 0x7f) * UINT64_C(32);
	if ((host_load(backend->host, context) & 1) == 0) {
		directory = new_page(backend);
		host_store(backend->host, directory, new_page(backend) | 1);
		host_store(backend->host, context, directory | 1);
	}
	directory = host_load(backend->host, context) & ~(PAGE - 1);
	return host_load(backend->host, directory) & ~(PAGE - 1);
}

/* P and PGTT=1 in the first quadword; DID and PWSNP; the root, SRE, four levels (VT-d 9.6). */
static void vtd_set(struct x86_backend *backend, const struct x86_domain *domain, uint16_t rid)
{
	const uint64_t entry[8] = { 0x41, PWSNP | domain->id, domain->table.root | 1 };

	store(backend, pasid_entry(backend, rid), entry, 8);
}

static void vtd_start(struct x86_backend *backend)
{
	backend->root = new_page(backend);
	backend->queue = new_page(backend);
	host_set(backend->host, X86_UNIT, R_IQA, 8, backend->queue | 0x800); /* DW: 256 bits */
	host_set(backend->host, X86_UNIT, R_GCMD, 4, G_QIE);
	host_set(backend->host, X86_UNIT, R_RTADDR, 8, backend->root | 0x400); /* TTM: scalable */
	host_set(backend->host, X86_UNIT, R_GCMD, 4, G_QIE | G_SRTP);
	vtd_flush(backend);
}

/* ---- AMD-Vi: guest tables only ---------------------------------------------------------------------- */

/* INVALIDATE_IOMMU_ALL (AMD-Vi 2.4.8), taken at once. */
static void amd_flush(struct x86_backend *backend)
{
	const uint64_t command[2] = { UINT64_C(8) << 60, 0 };

	store(backend, backend->queue + backend->tail, command, 2);
	backend->tail = (backend->tail + 16) % PAGE;
	host_set(backend->host, X86_UNIT, A_CMD_TAIL, 8, backend->tail);
	if ((host_get(backend->host, X86_UNIT, A_CONTROL, 8) & 1) != 0)
		assert_int_equal(host_get(backend->host, X86_UNIT, A_CMD_HEAD, 8), backend->tail);
}

/* V, TV, Mode=0, GIoV, GV, GLX=0, IR, IW; DomainID; GCR3 in 60:58, 95:80, 127:107 (AMD-Vi 2.2.2.1). */
static void amd_set(struct x86_backend *backend, const struct x86_domain *domain, uint16_t rid)
{
	const uint64_t root = domain->gcr3;
	const uint64_t entry[4] = {
		0x60c0000000000003 | (root >> 12 & 7) << 58,
		domain->id | (root >> 15 & 0xffff) << 16 | (root >> 31) << 43,
	};

	store(backend, backend->root + rid * UINT64_C(32), entry, 4);
}

static void amd_block(struct x86_backend *backend, uint16_t rid)
{
	const uint64_t entry[4] = { 1 };

	store(backend, backend->root + rid * UINT64_C(32), entry, 4);
}

static void amd_start(struct x86_backend *backend)
{
	backend->root = backend->next_page;
	for (unsigned i = 0; i < A_DEVICE_PAGES; i++)
		memset(table_at(backend, new_page(backend)), 0, PAGE);
	for (uint32_t rid = 0; rid < A_DEVICE_PAGES * 128; rid++)
		amd_block(backend, (uint16_t)rid);
	backend->queue = new_page(backend);
	host_set(backend->host, X86_UNIT, A_DEVTAB, 8, backend->root | (A_DEVICE_PAGES - 1));
	host_set(backend->host, X86_UNIT, A_CMD_BASE, 8, backend->queue | UINT64_C(8) << 56);
}

/* ---- iommu_ops ------------------------------------------------------------------------------------- */

static void flush(struct x86_backend *backend)
{
	if (backend->amd)
		amd_flush(backend);
	else
		vtd_flush(backend);
}

static enum iommusim_status x86_init(void *context)
{
	struct x86_backend *backend = context;

	if (backend->amd)
		amd_start(backend);
	else
		vtd_start(backend);
	return IOMMUSIM_OK;
}

static void x86_cleanup(void *context)
{
	(void)context;
}

static void x86_enable(void *context)
{
	struct x86_backend *backend = context;

	if (backend->amd)
		host_set(backend->host, X86_UNIT, A_CONTROL, 8, A_ON);
	else
		host_set(backend->host, X86_UNIT, R_GCMD, 4, G_QIE | G_TE);
	flush(backend);
}

static void x86_disable(void *context)
{
	struct x86_backend *backend = context;

	if (backend->amd)
		host_set(backend->host, X86_UNIT, A_CONTROL, 8, 0);
	else
		host_set(backend->host, X86_UNIT, R_GCMD, 4, G_QIE);
}

static enum iommusim_status x86_create_domain(void *context, uint64_t max_address, void **out)
{
	struct x86_backend *backend = context;
	const struct page_table_memory memory = {
		.context = backend, .table = table_at, .allocate = take_page, .release = give_page
	};
	struct x86_domain *domain = calloc(1, sizeof(*domain));

	(void)max_address;
	assert_non_null(domain);
	domain->id = backend->next_id++;
	assert_true(page_table_create(&domain->table, &memory, LEVELS, 1));
	if (backend->amd) {
		domain->gcr3 = new_page(backend);
		host_store(backend->host, domain->gcr3, domain->table.root | 1);
	}
	*out = domain;
	return IOMMUSIM_OK;
}

static void x86_destroy_domain(void *context, void *handle)
{
	struct x86_backend *backend = context;
	struct x86_domain *domain = handle;

	flush(backend);
	page_table_destroy(&marked, &domain->table);
	if (backend->amd)
		give_page(backend, domain->gcr3);
	free(domain);
}

static enum iommusim_status x86_map(
    void *context, void *handle, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct x86_domain *domain = handle;

	(void)context;
	assert_true(page_table_map(
	    &marked, &domain->table, gpa, hpa, length, PAGE_READ | PAGE_WRITE | PAGE_USER));
	*done = length;
	return IOMMUSIM_OK;
}

static enum iommusim_status x86_unmap(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done)
{
	struct x86_domain *domain = handle;

	(void)context;
	assert_true(page_table_unmap(&marked, &domain->table, gpa, length));
	*done = length;
	return IOMMUSIM_OK;
}

static enum iommusim_status x86_add(void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct x86_backend *backend = context;

	(void)segment;
	if (backend->amd)
		amd_set(backend, handle, rid);
	else
		vtd_set(backend, handle, rid);
	flush(backend);
	return IOMMUSIM_OK;
}

static enum iommusim_status x86_remove(void *context, void *handle, uint16_t segment, uint16_t rid)
{
	struct x86_backend *backend = context;

	(void)handle;
	(void)segment;
	if (backend->amd)
		amd_block(backend, rid);
	else
		host_store(backend->host, pasid_entry(backend, rid), 0);
	flush(backend);
	return IOMMUSIM_OK;
}

static enum iommusim_status x86_invalidate(void *context, void *handle)
{
	(void)handle;
	flush(context);
	return IOMMUSIM_OK;
}

void x86_backend_init(struct x86_backend *backend, bool amd)
{
	*backend = (struct x86_backend){
		.ops = {
			.name = amd ? "AMD-Vi guest tables" : "VT-d first stage",
			.init = x86_init,
			.cleanup = x86_cleanup,
			.enable = x86_enable,
			.disable = x86_disable,
			.create_domain = x86_create_domain,
			.destroy_domain = x86_destroy_domain,
			.create_mapping = x86_map,
			.remove_mapping = x86_unmap,
			.add_device = x86_add,
			.remove_device = x86_remove,
			.invalidate_tlb = x86_invalidate,
		},
		.amd = amd,
		.next_page = FIRST_PAGE,
		.free_page = NO_PAGE,
		.next_id = 1,
	};
}

/* Guest tables need GTSup and GIoSup; NX, IASup, six host levels, GLX of 3, PASIDs of 20 bits besides. */
static struct iommusim_unit *add_amdvi(struct host *host, const struct iommusim_unit_settings *settings)
{
	const struct iommusim_amdvi_config config = {
		.base = X86_UNIT,
		.rid = 2,
		.features = 0x1001300008858,
		.settings = *settings,
	};
	struct iommusim_unit *unit;

	assert_ok(iommusim_amdvi_create(host->machine, &config, &unit));
	return unit;
}

/* Scalable mode and first stage: SMTS, PASID (20 bits), FSTS, SMPWCS, SRS, RPS; QI, coherent (VT-d 11.4.3). */
static struct iommusim_unit *add_vtd(struct host *host, const struct iommusim_unit_settings *settings)
{
	const struct iommusim_vtd_config config = {
		.base = X86_UNIT,
		.version = 0x60,
		.capability = host_cap(),
		.ext_capability = host_ecap() | UINT64_C(1) << 43 | UINT64_C(1) << 40 |
		    UINT64_C(19) << 35 | UINT64_C(1) << 47 | UINT64_C(1) << 48 | UINT64_C(1) << 31,
		.host_address_width = 46,
		.settings = *settings,
	};
	struct iommusim_unit *unit;

	assert_ok(iommusim_vtd_create(host->machine, &config, &unit));
	return unit;
}

void x86_backend_attach(
    struct x86_backend *backend, struct host *host, const struct iommusim_unit_settings *settings)
{
	backend->host = host;
	iommusim_unit_include_all(backend->amd ? add_amdvi(host, settings) : add_vtd(host, settings));
}
