/* The AMD-Vi descriptions, for models/common/reference.c. */
#include "models/common/reference.h"
#include "models/amdvi/unit.h"

static const struct spec_structure *const structures[] = {
#define REGISTER(name)                 &amdvi_##name##_spec,
#define REGISTERS(name, count, stride) &amdvi_##name##_spec,
#include "models/amdvi/spec/registers.def"
#include "models/amdvi/spec/registers_apart.def"
#undef REGISTER
#undef REGISTERS
	&amdvi_dte_spec,
	&amdvi_pde_spec,
	&amdvi_pte_spec,
	&amdvi_gcr3_entry_spec,
	&amdvi_guest_upper_spec,
	&amdvi_guest_table_spec,
	&amdvi_guest_leaf1g_spec,
	&amdvi_guest_leaf2m_spec,
	&amdvi_guest_pte_spec,
	&amdvi_msi_spec,
	&amdvi_irte_spec,
	&amdvi_irte_ga_spec,
	&amdvi_irte_guest_spec,
	&amdvi_virtual_apic_irr_spec,
	&amdvi_cmd_header_spec,
	&amdvi_cmd_completion_wait_spec,
	&amdvi_cmd_inv_devtab_spec,
	&amdvi_cmd_inv_pages_spec,
	&amdvi_cmd_inv_iotlb_spec,
	&amdvi_cmd_inv_irt_spec,
	&amdvi_cmd_prefetch_spec,
	&amdvi_cmd_complete_ppr_spec,
	&amdvi_cmd_inv_all_spec,
	&amdvi_cmd_guest_event_spec,
	&amdvi_cmd_reset_vmmio_spec,
	&amdvi_event_spec,
	&amdvi_event_request_spec,
	&amdvi_event_counter_spec,
	&amdvi_event_rmp_spec,
	&amdvi_ppr_spec,
	&amdvi_ga_entry_spec,
};

enum {
#define REGISTER(name) +1
	REGISTERS_APART = 0
#include "models/amdvi/spec/registers_apart.def"
#undef REGISTER
};

static const char *const needs[] = {
#define NEED(id, name) [id - SPEC_FIRST_CAPABILITY] = name,
#include "models/amdvi/spec/needs.def"
#undef NEED
};

const struct spec_reference amdvi_reference = {
	.vendor = "amdvi",
	.structures = structures,
	.count = sizeof(structures) / sizeof(*structures),
	.registers = (size_t)AMDVI_REGISTER_COUNT + REGISTERS_APART,
	.needs = needs,
};
