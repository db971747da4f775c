/* A VT-d unit's birth, reset and death: capabilities taken apart, reserved masks worked out. */
#include "models/vtd/unit.h"

#include <string.h>

#include "models/formats/vtd_second_stage.h"
#include "models/vtd/explain.h"
#include "models/vtd/interrupt.h"
#include "models/vtd/invalidate.h"
#include "models/vtd/page_request.h"
#include "models/vtd/programmed.h"
#include "models/vtd/registers.h"
#include "models/vtd/translate.h"

static const struct unit_model vtd_model;

/* A unit that names no revision of the specification follows the newest one, 5.10. */
#define NEWEST_REVISION 0x50au

/* Which descriptions' conditions a unit meets. */
static uint64_t capabilities(uint64_t cap, uint64_t ecap, unsigned revision)
{
#define HAVE(need, value) ((uint64_t)((value) != 0) << ((need)-SPEC_FIRST_CAPABILITY))
	return HAVE(CAP_AFL, vtd_CAP_AFL(cap) && revision < 0x400) | HAVE(CAP_RWBF, vtd_CAP_RWBF(cap)) |
	    HAVE(CAP_PLMR, vtd_CAP_PLMR(cap)) | HAVE(CAP_PHMR, vtd_CAP_PHMR(cap)) |
	    HAVE(CAP_PMR, vtd_CAP_PLMR(cap) || vtd_CAP_PHMR(cap)) |
	    HAVE(CAP_ECMDS, vtd_CAP_ECMDS(cap)) | HAVE(ECAP_MTS, vtd_ECAP_MTS(ecap)) |
	    HAVE(ECAP_PRS, vtd_ECAP_PRS(ecap)) |
	    HAVE(PRS_EIM, vtd_ECAP_PRS(ecap) && vtd_ECAP_EIM(ecap)) |
	    HAVE(ECAP_PMS, vtd_ECAP_PMS(ecap)) |
	    HAVE(PMS_EIM, vtd_ECAP_PMS(ecap) && vtd_ECAP_EIM(ecap)) |
	    HAVE(ECAP_RDTS, vtd_ECAP_RDTS(ecap)) | HAVE(ECAP_VCS, vtd_ECAP_VCS(ecap)) |
	    HAVE(LEAF_TM, vtd_ECAP_DT(ecap) && revision < 0x302) | HAVE(CAP_PI, vtd_CAP_PI(cap)) |
	    HAVE(CAP_DWD, vtd_CAP_DWD(cap)) | HAVE(CAP_DRD, vtd_CAP_DRD(cap)) |
	    HAVE(CAP_SSLPS_2M, vtd_CAP_SSLPS(cap) & 1) | HAVE(CAP_SSLPS_1G, vtd_CAP_SSLPS(cap) & 2) |
	    HAVE(ECAP_QI, vtd_ECAP_QI(ecap)) | HAVE(ECAP_DT, vtd_ECAP_DT(ecap)) |
	    HAVE(ECAP_IR, vtd_ECAP_IR(ecap)) | HAVE(ECAP_EIM, vtd_ECAP_EIM(ecap)) |
	    HAVE(ECAP_SC, vtd_ECAP_SC(ecap)) | HAVE(ECAP_DIT, vtd_ECAP_DIT(ecap)) |
	    HAVE(ECAP_PDS, vtd_ECAP_PDS(ecap)) | HAVE(ECAP_SMTS, vtd_ECAP_SMTS(ecap)) |
	    HAVE(ECAP_SSIRWS, vtd_ECAP_SSIRWS(ecap)) | HAVE(CAP_FS1GP, vtd_CAP_FS1GP(cap)) |
	    HAVE(ECAP_PASID, vtd_ECAP_PASID(ecap)) | HAVE(ECAP_RPS, vtd_ECAP_RPS(ecap)) |
	    HAVE(ECAP_RPRIVS, vtd_ECAP_RPRIVS(ecap)) | HAVE(ECAP_PTRS, vtd_ECAP_PTRS(ecap)) |
	    HAVE(ECAP_HPTS, vtd_ECAP_HPTS(ecap)) | HAVE(ECAP_HPT1GPS, vtd_ECAP_HPT1GPS(ecap)) |
	    HAVE(ECAP_SSTS, vtd_ECAP_SSTS(ecap)) |
	    HAVE(SSTS_SSADS, vtd_ECAP_SSTS(ecap) && vtd_ECAP_SSADS(ecap)) |
	    HAVE(ECAP_FSTS, vtd_ECAP_FSTS(ecap)) | HAVE(ECAP_EAFS, vtd_ECAP_EAFS(ecap)) |
	    HAVE(ECAP_SRS, vtd_ECAP_SRS(ecap)) | HAVE(ECAP_SMPWCS, vtd_ECAP_SMPWCS(ecap));
#undef HAVE
}

static void work_out_second_stage_reserved(struct vtd_unit *vtd)
{
	struct page_reserved *pages = &vtd->second_stage_reserved;
	struct page_reserved *io = &vtd->second_stage_io_reserved;
	uint64_t io_rights = 0;

	for (unsigned level = 1; level <= PAGE_TABLE_LEVELS; level++)
		pages->table[level] =
		    spec_reserved(level <= 3 ? &vtd_ss_table_spec : &vtd_ss_upper_spec, &vtd->spec, 0);
	pages->leaf[1] = spec_reserved(&vtd_ss_pte_spec, &vtd->spec, 0);
	pages->leaf[2] = spec_reserved(&vtd_ss_leaf2m_spec, &vtd->spec, 0);
	pages->leaf[3] = spec_reserved(&vtd_ss_leaf1g_spec, &vtd->spec, 0);

	for (unsigned kind = 0; kind < 3; kind++)
		page_plain_make(
		    &vtd_second_stage, pages, rights_needed(kind), &vtd->second_stage_plain[kind]);

	vtd_ss_io_rights_set_IR(&io_rights, 1);
	vtd_ss_io_rights_set_IW(&io_rights, 1);
	for (unsigned level = 1; level <= PAGE_TABLE_LEVELS; level++) {
		io->table[level] = pages->table[level] & ~io_rights;
		io->leaf[level] = pages->leaf[level] & ~io_rights;
	}
}

static void work_out_first_stage_reserved(struct vtd_unit *vtd)
{
	struct page_reserved *pages = &vtd->first_stage_reserved;

	for (unsigned level = 1; level <= PAGE_TABLE_LEVELS; level++)
		pages->table[level] =
		    spec_reserved(level <= 3 ? &vtd_fs_table_spec : &vtd_fs_upper_spec, &vtd->spec, 0);
	pages->leaf[1] = spec_reserved(&vtd_fs_pte_spec, &vtd->spec, 0);
	pages->leaf[2] = spec_reserved(&vtd_fs_leaf2m_spec, &vtd->spec, 0);
	pages->leaf[3] = spec_reserved(&vtd_fs_leaf1g_spec, &vtd->spec, 0);
}

/*
 * The structures of scalable mode. Of a PASID-table entry also what of its fields a unit does not have:
 * pointer bits beyond host addresses, domain id bits beyond CAP.ND (VT-d 9.6).
 */
static void work_out_scalable_reserved(struct vtd_unit *vtd)
{
	const uint64_t beyond_pages =
	    ~SPEC_MASK(vtd->spec.host_address_width - 1, 0) >> IOMMUSIM_PAGE_SHIFT;
	uint64_t beyond[8] = { 0 }, width[1] = { 0 };

	for (unsigned quad = 0; quad < 2; quad++)
		vtd->sm_root_reserved[quad] = spec_reserved(&vtd_sm_root_entry_spec, &vtd->spec, quad);
	for (unsigned quad = 0; quad < 4; quad++)
		vtd->sm_context_reserved[quad] =
		    spec_reserved(&vtd_sm_context_entry_spec, &vtd->spec, quad);
	vtd->pasid_dir_reserved = spec_reserved(&vtd_pasid_dir_entry_spec, &vtd->spec, 0);
	vtd_pasid_entry_set_SSPTPTR(beyond, beyond_pages);
	vtd_pasid_entry_set_FSPTPTR(beyond, beyond_pages);
	vtd_pasid_entry_set_HPTPTR(beyond, beyond_pages);
	vtd_pasid_entry_set_DID(beyond, ~vtd->domain_mask);
	vtd_pasid_entry_set_HPTDID(beyond, ~vtd->domain_mask);
	if (vtd->choices.unused_width_ignored)
		vtd_pasid_entry_set_AW(width, UINT64_MAX);
	for (unsigned quad = 0; quad < 8; quad++)
		vtd->pasid_entry_reserved[quad] =
		    spec_reserved(&vtd_pasid_entry_spec, &vtd->spec, quad) | beyond[quad];
	vtd->pasid_entry_reserved[0] &= ~width[0];
}

static void work_out_host_reserved(struct vtd_unit *vtd)
{
	for (unsigned quad = 0; quad < 2; quad++) {
		vtd->host_reserved[1][quad] = spec_reserved(&vtd_hpt_l1e_spec, &vtd->spec, quad);
		vtd->host_reserved[2][quad] = spec_reserved(&vtd_hpt_l2e_spec, &vtd->spec, quad);
		vtd->host_reserved[3][quad] = spec_reserved(&vtd_hpt_l3e_spec, &vtd->spec, quad);
		vtd->host_reserved[4][quad] = spec_reserved(&vtd_hpt_l4e_spec, &vtd->spec, quad);
	}
}

/* Where an interrupt is posted: with the entry's rules for addresses and those for destinations. */
static void work_out_posted_reserved(struct vtd_unit *vtd)
{
	const uint64_t beyond = UINT64_MAX << vtd->spec.host_address_width;
	uint64_t entry[2] = { 0, 0 }, descriptor[8] = { 0 };

	vtd_irte_posted_set_PDAL(entry, beyond >> 6);
	vtd_irte_posted_set_PDAH(entry, beyond >> 32);
	for (unsigned quad = 0; quad < 2; quad++)
		vtd->irte_posted_reserved[quad] =
		    spec_reserved(&vtd_irte_posted_spec, &vtd->spec, quad) | entry[quad];
	for (unsigned quad = 0; quad < 8; quad++)
		vtd->posted_reserved[quad] =
		    spec_reserved(&vtd_posted_descriptor_spec, &vtd->spec, quad);
	/* xAPIC destinations have 8 bits, in 303:296 (VT-d 9.11). */
	vtd_posted_descriptor_set_NDST(descriptor, ~UINT64_C(0xff00));
	vtd->posted_xapic_reserved = descriptor[4];
}

/* Reserved bits of every structure a walk or the queue reads: once here, never per walk. */
static void work_out_reserved(struct vtd_unit *vtd)
{
	static const struct spec_structure *const descriptors[VTD_DESCRIPTOR_TYPES] = {
		[VTD_DESCRIPTOR_CONTEXT] = &vtd_inv_context_spec,
		[VTD_DESCRIPTOR_IOTLB] = &vtd_inv_iotlb_spec,
		[VTD_DESCRIPTOR_DEVICE_TLB] = &vtd_inv_devtlb_spec,
		[VTD_DESCRIPTOR_INTERRUPT] = &vtd_inv_iec_spec,
		[VTD_DESCRIPTOR_WAIT] = &vtd_inv_wait_spec,
		[VTD_DESCRIPTOR_PASID_IOTLB] = &vtd_inv_pasid_iotlb_spec,
		[VTD_DESCRIPTOR_PASID_CACHE] = &vtd_inv_pasid_cache_spec,
		[VTD_DESCRIPTOR_PASID_DEVICE_TLB] = &vtd_inv_pasid_devtlb_spec,
		[VTD_DESCRIPTOR_PAGE_RESPONSE] = &vtd_page_group_response_spec,
		[VTD_DESCRIPTOR_HPT] = &vtd_inv_hpt_spec,
	};

	for (unsigned quad = 0; quad < 2; quad++) {
		vtd->root_reserved[quad] = spec_reserved(&vtd_root_entry_spec, &vtd->spec, quad);
		vtd->context_reserved[quad] = spec_reserved(&vtd_context_entry_spec, &vtd->spec, quad);
		vtd->irte_reserved[quad] = spec_reserved(&vtd_irte_spec, &vtd->spec, quad);
	}
	for (unsigned type = VTD_DESCRIPTOR_CONTEXT; type < VTD_DESCRIPTOR_TYPES; type++)
		for (unsigned quad = 0; quad < 4; quad++) /* a short one is zero above (VT-d 6.5.2.1) */
			vtd->descriptor_reserved[type][quad] =
			    spec_reserved(descriptors[type], &vtd->spec, quad);
	/* xAPIC destinations have 8 bits, in 47:40; the mode is the table's (VT-d 9.9). */
	uint64_t destination[2] = { 0, 0 };
	vtd_irte_set_DST(destination, ~UINT64_C(0xff00));
	vtd->irte_xapic_reserved = destination[0];
	work_out_posted_reserved(vtd);

	/* Domain id bits that CAP.ND does not reach are reserved too (VT-d 9.3). */
	uint64_t domain[2] = { 0, 0 };
	vtd_context_entry_set_DID(domain, ~vtd->domain_mask);
	vtd->context_reserved[1] |= domain[1];
	work_out_scalable_reserved(vtd);
	work_out_second_stage_reserved(vtd);
	work_out_first_stage_reserved(vtd);
	work_out_host_reserved(vtd);
}

static uint64_t register_bytes(const struct iommusim_vtd_config *config)
{
	return IOMMUSIM_PAGE_SIZE << config->register_size;
}

static enum iommusim_status check_config(
    struct iommusim_machine *machine, const struct iommusim_vtd_config *config)
{
	const uint64_t cap = config->capability, ecap = config->ext_capability;
	const uint64_t fault_end = vtd_CAP_FRO(cap) * 16 + (vtd_CAP_NFR(cap) + 1) * 16;
	const uint64_t iotlb_end = vtd_ECAP_IRO(ecap) * 16 + 16;
	const char *problem = NULL;

	if ((config->base & (IOMMUSIM_PAGE_SIZE - 1)) != 0)
		problem = "the register base is not a multiple of 4 KiB";
	else if (config->host_address_width < 12 || config->host_address_width > 52)
		problem = "the host address width must be 12 to 52 bits";
	else if (vtd_CAP_ND(cap) == 7)
		problem = "CAP.ND = 7 is reserved";
	else if (config->register_size > 15)
		problem = "the register set has 2^0 to 2^15 pages";
	else if (fault_end > register_bytes(config) || iotlb_end > register_bytes(config))
		problem = "CAP.FRO or ECAP.IRO puts registers beyond the register set";
	else if (vtd_ECAP_IR(ecap) && !vtd_ECAP_QI(ecap))
		problem = "ECAP.IR needs ECAP.QI";
	else if (vtd_ECAP_EIM(ecap) && !vtd_ECAP_IR(ecap))
		problem = "ECAP.EIM needs ECAP.IR";
	else if (vtd_ECAP_SMTS(ecap) && !vtd_ECAP_QI(ecap))
		problem = "ECAP.SMTS needs ECAP.QI";
	else if (vtd_ECAP_SMTS(ecap) && vtd_CAP_RWBF(cap))
		problem = "ECAP.SMTS excludes CAP.RWBF";
	else
		problem = vtd_registers_problem(config);
	if (problem == NULL)
		return IOMMUSIM_OK;
	return machine_fail(machine, IOMMUSIM_EINVAL, "VT-d unit at 0x%llx: %s",
	    (unsigned long long)config->base, problem);
}

/* Tables of 3 to 5 levels; of 2, AW=0, only before revision 3.0: that code is reserved since. */
static void take_widths(struct vtd_unit *vtd, unsigned revision)
{
	vtd->widths = (uint8_t)(vtd_CAP_SAGAW(vtd->capability) & (revision < 0x300 ? 0xf : 0xe));
	vtd->widest_table = vtd->max_address_width; /* units of scalable mode alone may have none */
	for (unsigned width = 0; width < 4; width++)
		if ((vtd->widths >> width & 1) != 0)
			vtd->widest_table = (uint8_t)(30 + 9 * width);
}

static void take_config(struct vtd_unit *vtd, const struct iommusim_vtd_config *config)
{
	const unsigned revision = config->revision == 0 ? NEWEST_REVISION : config->revision;

	vtd->unit.model = &vtd_model;
	vtd->unit.base = config->base;
	vtd->unit.length = register_bytes(config);
	vtd->unit.segment = config->segment;
	vtd->unit.settings = config->settings;
	vtd->version = config->version;
	vtd->capability = config->capability;
	vtd->ext_capability = config->ext_capability;
	vtd->spec.capabilities = capabilities(config->capability, config->ext_capability, revision);
	vtd->spec.host_address_width = config->host_address_width;
	vtd->domain_mask = (UINT64_C(1) << (4 + 2 * vtd_CAP_ND(config->capability))) - 1;
	vtd->fault_records = (uint32_t)vtd_CAP_NFR(config->capability) + 1;
	vtd->fault_offset = (uint16_t)(vtd_CAP_FRO(config->capability) * 16);
	vtd->max_address_width = (uint8_t)(vtd_CAP_MGAW(config->capability) + 1);
	take_widths(vtd, revision);
	/* Stores may linger in write buffers until CAP.RWBF units flush those. */
	vtd->snoops = vtd_ECAP_C(config->ext_capability) && !vtd_CAP_RWBF(config->capability);
	vtd->choices = config->choices;
	vtd_registers_take(vtd, config);
	work_out_reserved(vtd);
}

/* The unit's caches, with what makes the seed of each its own. */
#define VTD_CACHES 7u
static struct cache *cache_at(struct vtd_unit *vtd, unsigned number)
{
	struct cache *const caches[VTD_CACHES] = { &vtd->context_cache, &vtd->iotlb,
		&vtd->interrupt_cache, &vtd->paging_cache, &vtd->pasid_cache, &vtd->host_leaf_cache,
		&vtd->host_table_cache };

	return caches[number];
}

static enum iommusim_status create_caches(struct vtd_unit *vtd, struct iommusim_machine *machine)
{
	static const uint64_t own_seed[VTD_CACHES] = { 0, UINT64_MAX, 0x5555555555555555,
		0x3333333333333333, 0x0f0f0f0f0f0f0f0f, 0x00ff00ff00ff00ff, 0x0000ffff0000ffff };
	const struct iommusim_unit_settings *settings = &vtd->unit.settings;
	const uint64_t seed = machine->seed ^ vtd->unit.base;
	unsigned number;

	for (number = 0; number < VTD_CACHES; number++) {
		const enum iommusim_status status =
		    cache_create(cache_at(vtd, number), machine, settings->cache, settings->iotlb_sets,
			settings->iotlb_ways, seed ^ own_seed[number]);

		if (status == IOMMUSIM_OK)
			continue;
		while (number > 0)
			cache_destroy(cache_at(vtd, --number));
		return status;
	}
	return IOMMUSIM_OK;
}

static void destroy_caches(struct vtd_unit *vtd)
{
	for (unsigned number = 0; number < VTD_CACHES; number++)
		cache_destroy(cache_at(vtd, number));
}

enum iommusim_status iommusim_vtd_create(struct iommusim_machine *machine,
    const struct iommusim_vtd_config *config, struct iommusim_unit **unit)
{
	enum iommusim_status status = check_config(machine, config);
	struct vtd_unit *vtd;
	unsigned offset;

	if (unit != NULL)
		*unit = NULL;
	if (status != IOMMUSIM_OK)
		return status;
	vtd = machine_alloc_zeroed(machine, sizeof(*vtd));
	if (vtd == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a VT-d unit");
	take_config(vtd, config);
	if (!vtd_registers_place(vtd, &offset))
		status = machine_fail(machine, IOMMUSIM_EINVAL,
		    "VT-d unit at 0x%llx: CAP.FRO, ECAP.IRO or an offset of performance registers puts "
		    "two registers at offset 0x%x",
		    (unsigned long long)config->base, offset);
	if (status == IOMMUSIM_OK)
		status = create_caches(vtd, machine);
	if (status == IOMMUSIM_OK) {
		status = unit_register(machine, &vtd->unit);
		if (status != IOMMUSIM_OK)
			destroy_caches(vtd);
	}
	if (status != IOMMUSIM_OK) {
		machine_free(machine, vtd, sizeof(*vtd));
		return status;
	}
	iommusim_unit_reset(&vtd->unit, true);
	if (unit != NULL)
		*unit = &vtd->unit;
	return IOMMUSIM_OK;
}

static void vtd_reset(struct iommusim_unit *unit, bool cold)
{
	/* FSTS, the fault records, ICS and IQERCD survive a warm reset (VT-d 11.4, attributes ending in S). */
	static const enum vtd_register_id sticky[] = { VTD_FSTS, VTD_ICS, VTD_IQERCD, VTD_PRS };
	struct vtd_unit *vtd = vtd_of(unit);
	uint64_t kept[sizeof(sticky) / sizeof(*sticky)];

	iommusim_clock_cancel(unit->machine, vtd);
	pthread_mutex_lock(&unit->lock);
	for (size_t i = 0; i < sizeof(sticky) / sizeof(*sticky); i++)
		kept[i] = cold ? 0 : vtd->registers[sticky[i]].value;
	vtd_registers_reset(vtd);
	for (size_t i = 0; i < sizeof(sticky) / sizeof(*sticky); i++)
		vtd->registers[sticky[i]].value = kept[i];
	if (cold)
		memset(vtd->fault_record, 0, sizeof(vtd->fault_record));
	vtd->next_fault = 0;
	vtd->fault_log = 0;
	vtd->next_log = 0;
	vtd->command = 0;
	atomic_store(&vtd->status, 0);
	atomic_store(&vtd->protecting, false);
	for (unsigned number = 0; number < VTD_CACHES; number++)
		cache_clear(cache_at(vtd, number));
	unit_outdate(&vtd->unit); /* no walk that is under way fills them again */
	pthread_mutex_unlock(&unit->lock);
	unit_settle(&vtd->unit); /* requests under way end with the tables they began with */
	atomic_store(&vtd->root, 0);
	atomic_store(&vtd->interrupt_table, 0);
}

static void vtd_destroy(struct iommusim_unit *unit)
{
	struct vtd_unit *vtd = vtd_of(unit);

	iommusim_clock_cancel(unit->machine, vtd);
	vtd_registers_free(vtd);
	destroy_caches(vtd);
	machine_free(unit->machine, vtd, sizeof(*vtd));
}

static bool vtd_translating(const struct iommusim_unit *unit)
{
	const struct vtd_unit *vtd = (const struct vtd_unit *)(const void *)unit;

	return vtd_GSTS_TES(atomic_load(&vtd->status)) != 0;
}

static bool vtd_fault_event_masked(struct iommusim_unit *unit)
{
	struct vtd_unit *vtd = vtd_of(unit);
	bool masked;

	pthread_mutex_lock(&unit->lock); /* DMA threads set IP in the same register */
	masked = vtd_FECTL_IM(vtd->registers[VTD_FECTL].value) != 0;
	pthread_mutex_unlock(&unit->lock);
	return masked;
}

static const struct unit_model vtd_model = {
	.vendor = "VT-d",
	.read = vtd_read,
	.write = vtd_write,
	.reset = vtd_reset,
	.destroy = vtd_destroy,
	.translate = vtd_translate,
	.plan = vtd_plan,
	.interrupt = vtd_interrupt,
	.explain = vtd_explain,
	.explain_interrupt = vtd_explain_interrupt,
	.translating = vtd_translating,
	.request_page = vtd_request_page,
	.stray_completion = vtd_stray_completion,
	.fault_event_masked = vtd_fault_event_masked,
	.roots = vtd_roots,
	.reserved = vtd_reserved,
};
