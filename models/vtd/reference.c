/* The VT-d descriptions, told to the outside (iommusim/spec.h). */
#include <iommusim/spec.h>

#include <string.h>

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

#define STRUCTURES (sizeof(structures) / sizeof(*structures))

static const char *need_name(unsigned need)
{
	static const char *const names[] = {
#define NEED(id, name) [id - SPEC_FIRST_CAPABILITY] = name,
#include "models/vtd/spec/needs.def"
#undef NEED
	};

	return need < SPEC_FIRST_CAPABILITY ? "" : names[need - SPEC_FIRST_CAPABILITY];
}

static bool known(const char *vendor, size_t index)
{
	return strcmp(vendor, "vtd") == 0 && index < STRUCTURES;
}

static bool is_register(size_t index)
{
	return index < VTD_REGISTER_COUNT;
}

bool iommusim_spec_structure(const char *vendor, size_t index, struct iommusim_spec_structure *out)
{
	if (!known(vendor, index))
		return false;
	*out = (struct iommusim_spec_structure){
		.name = structures[index]->name,
		.title = structures[index]->title,
		.section = structures[index]->section,
		.bits = structures[index]->bits,
		.offset = structures[index]->offset,
		.is_register = is_register(index),
		.field_count = structures[index]->field_count,
	};
	return true;
}

bool iommusim_spec_field(
    const char *vendor, size_t index, size_t number, struct iommusim_spec_field *out)
{
	static const char *const accesses[] = {
		[RO] = "RO", [RW] = "RW", [WO] = "WO", [RW1C] = "RW1C", [ONE_SHOT] = "one-shot"
	};
	const struct spec_field *field;

	if (!known(vendor, index) || number >= structures[index]->field_count)
		return false;
	field = &structures[index]->fields[number];
	*out = (struct iommusim_spec_field){
		.name = field->name,
		.meaning = field->meaning,
		.access = is_register(index) ? accesses[field->access] : "",
		.needs = need_name(field->need),
		.high = field->high,
		.low = field->low,
		.ignored = field->need == IGNORED,
	};
	return true;
}
