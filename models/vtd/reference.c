/* The VT-d descriptions, told to the outside (iommusim/spec.h). */
#include "models/common/reference.h"
#include "models/vtd/unit.h"

static const struct spec_structure *const structures[] = {
#define REGISTER(name)                 &vtd_##name##_spec,
#define REGISTERS(name, count, stride) &vtd_##name##_spec,
#include "models/vtd/spec/registers.def"
#undef REGISTER
#undef REGISTERS
	&vtd_fault_record_spec,
	&vtd_root_entry_spec,
	&vtd_context_entry_spec,
	&vtd_sm_root_entry_spec,
	&vtd_sm_context_entry_spec,
	&vtd_pasid_dir_entry_spec,
	&vtd_pasid_entry_spec,
	&vtd_fs_upper_spec,
	&vtd_fs_table_spec,
	&vtd_fs_leaf1g_spec,
	&vtd_fs_leaf2m_spec,
	&vtd_fs_pte_spec,
	&vtd_ss_upper_spec,
	&vtd_ss_table_spec,
	&vtd_ss_leaf1g_spec,
	&vtd_ss_leaf2m_spec,
	&vtd_ss_pte_spec,
	&vtd_ss_io_rights_spec,
	&vtd_hpt_l4e_spec,
	&vtd_hpt_l3e_spec,
	&vtd_hpt_l2e_spec,
	&vtd_hpt_l1e_spec,
	&vtd_interrupt_request_spec,
	&vtd_interrupt_message_spec,
	&vtd_irte_spec,
	&vtd_irte_posted_spec,
	&vtd_posted_descriptor_spec,
	&vtd_inv_context_spec,
	&vtd_inv_iotlb_spec,
	&vtd_inv_devtlb_spec,
	&vtd_inv_iec_spec,
	&vtd_inv_wait_spec,
	&vtd_inv_pasid_iotlb_spec,
	&vtd_inv_pasid_cache_spec,
	&vtd_inv_pasid_devtlb_spec,
	&vtd_inv_hpt_spec,
	&vtd_page_group_response_spec,
	&vtd_page_request_spec,
};

static const char *const needs[] = {
#define NEED(id, name) [id - SPEC_FIRST_CAPABILITY] = name,
#include "models/vtd/spec/needs.def"
#undef NEED
};

const struct spec_reference vtd_reference = {
	.vendor = "vtd",
	.structures = structures,
	.count = sizeof(structures) / sizeof(*structures),
	.registers = VTD_REGISTER_COUNT,
	.needs = needs,
};
