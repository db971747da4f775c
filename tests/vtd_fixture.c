/* The VT-d fixture: programming one unit as software would. What is proved stands in the tests. */
#include "vtd_fixture.h"

#include "bus.h"

/* VT-d 9.3: P in bit 0, SSPTPTR in 63:12; AW in 66:64, DID in 87:72. */
static void point_at_page_table(struct vtd_fixture *vtd)
{
	vt_set_context(
	    vtd, VTD_RID, vtd->page_table | 1, (uint64_t)VTD_DOMAIN << 8 | (vtd->levels - 2));
}

void vt_start(struct vtd_fixture *vtd, const struct vtd_setup *wanted)
{
	static const struct vtd_setup defaults;
	const struct vtd_setup *setup = wanted == NULL ? &defaults : wanted;
	const struct iommusim_machine_config machine = {
		.allocator = setup->allocator,
		.seed = setup->seed,
		.device_view = setup->device_view,
	};
	const struct iommusim_vtd_config config = {
		.base = VTD_BASE,
		.version = setup->version == 0 ? 0x10 : setup->version,
		.capability = (VTD_DEFAULT_CAP & ~setup->cap_clear) | setup->cap_set,
		.ext_capability = (VTD_DEFAULT_ECAP & ~setup->ecap_clear) | setup->ecap_set,
		.host_address_width = setup->haw == 0 ? VTD_HAW : setup->haw,
		.register_size = setup->register_size,
		.revision = setup->revision,
		.performance_capability = setup->performance,
		.choices = setup->choices,
		.settings = setup->settings,
	};

	memset(vtd, 0, sizeof(*vtd));
	assert_int_equal(iommusim_machine_create(&machine, &vtd->machine), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_add(vtd->machine, 0, VTD_RAM, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(vtd->machine, &config, &vtd->unit), IOMMUSIM_OK);
	iommusim_unit_include_all(vtd->unit);
	assert_int_equal(
	    iommusim_requester_create(vtd->machine, 0, VTD_RID, &vtd->device), IOMMUSIM_OK);
	vtd->cap = config.capability;
	vtd->ecap = config.ext_capability;
	vtd->levels = setup->levels == 0 ? 4 : setup->levels;
	vtd->next_page = VTD_TABLES;
	vtd->root_table = vt_page(vtd);
	vtd->context_table = vt_page(vtd);
	vtd->page_table = vt_page(vtd);
	vt_store(vtd, vt_root_at(vtd), vtd->context_table | 1);
	point_at_page_table(vtd);
}

void vt_start_enabled(struct vtd_fixture *vtd, const struct vtd_setup *setup)
{
	vt_start(vtd, setup);
	vt_latch_root(vtd, vtd->root_table);
	vt_command(vtd, G_TE, true);
}

void vt_stop(struct vtd_fixture *vtd)
{
	iommusim_machine_destroy(vtd->machine);
	vtd->machine = NULL;
}

uint32_t vt_get32(struct vtd_fixture *vtd, unsigned offset)
{
	return (uint32_t)bus_get(vtd->machine, VTD_BASE + offset, 4);
}

uint64_t vt_get64(struct vtd_fixture *vtd, unsigned offset)
{
	return bus_get(vtd->machine, VTD_BASE + offset, 8);
}

void vt_set32(struct vtd_fixture *vtd, unsigned offset, uint32_t value)
{
	bus_set(vtd->machine, VTD_BASE + offset, 4, value);
}

void vt_set64(struct vtd_fixture *vtd, unsigned offset, uint64_t value)
{
	bus_set(vtd->machine, VTD_BASE + offset, 8, value);
}

uint64_t vt_page(struct vtd_fixture *vtd)
{
	const uint64_t page = vtd->next_page;

	assert_true(page < VTD_RAM);
	vtd->next_page += 0x1000;
	return page;
}

void vt_store(struct vtd_fixture *vtd, uint64_t address, uint64_t value)
{
	bus_store(vtd->machine, address, value);
}

uint64_t vt_load(struct vtd_fixture *vtd, uint64_t address)
{
	return bus_load(vtd->machine, address);
}

uint64_t vt_root_at(const struct vtd_fixture *vtd)
{
	return vtd->root_table + (VTD_RID >> 8) * UINT64_C(16);
}

uint64_t vt_context_at(const struct vtd_fixture *vtd)
{
	return vtd->context_table + (VTD_RID & 0xff) * UINT64_C(16);
}

uint64_t vt_paging_entry_at(struct vtd_fixture *vtd, uint64_t table, unsigned levels, uint64_t input,
    unsigned level, uint64_t new_bits)
{
	for (unsigned at = levels;; at--) {
		const uint64_t entry_at = table + (input >> (12 + 9 * (at - 1)) & 0x1ff) * 8;

		if (at == level)
			return entry_at;
		if ((vt_load(vtd, entry_at) & 3) == 0)
			vt_store(vtd, entry_at, vt_page(vtd) | new_bits);
		table = vt_load(vtd, entry_at) & UINT64_C(0xffffffffff000);
	}
}

uint64_t vt_entry_at(struct vtd_fixture *vtd, uint64_t input, unsigned level)
{
	return vt_paging_entry_at(vtd, vtd->page_table, vtd->levels, input, level, 3);
}

void vt_set_context(struct vtd_fixture *vtd, uint16_t rid, uint64_t low, uint64_t high)
{
	assert_int_equal(rid >> 8, VTD_RID >> 8);
	vt_store(vtd, vtd->context_table + (rid & 0xff) * UINT64_C(16) + 8, high);
	vt_store(vtd, vtd->context_table + (rid & 0xff) * UINT64_C(16), low);
}

/* VT-d 9.8: R bit 0, W bit 1; PS bit 7 says that an entry of level 2 or 3 maps memory. */
void vt_map_level(
    struct vtd_fixture *vtd, uint64_t input, uint64_t output, uint64_t bits, unsigned level)
{
	vt_store(vtd, vt_entry_at(vtd, input, level), output | bits | (level > 1 ? 0x80 : 0));
}

void vt_map(struct vtd_fixture *vtd, uint64_t input, uint64_t output, uint64_t bits)
{
	vt_map_level(vtd, input, output, bits, 1);
}

void vt_unmap(struct vtd_fixture *vtd, uint64_t input)
{
	vt_store(vtd, vt_entry_at(vtd, input, 1), 0);
}

void vt_latch_root(struct vtd_fixture *vtd, uint64_t rtaddr)
{
	vt_set64(vtd, R_RTADDR, rtaddr);
	vt_set32(vtd, R_GCMD, (vt_get32(vtd, R_GSTS) & 0x96ffffff) | G_SRTP);
	assert_int_equal(vt_get32(vtd, R_GSTS) & G_SRTP, G_SRTP);
}

void vt_command(struct vtd_fixture *vtd, uint32_t bit, bool on)
{
	const uint32_t status = vt_get32(vtd, R_GSTS) & 0x96ffffff;

	vt_set32(vtd, R_GCMD, on ? status | bit : status & ~bit);
	assert_int_equal(vt_get32(vtd, R_GSTS) & bit, on ? bit : 0);
}

unsigned vt_invalidate_context(struct vtd_fixture *vtd, unsigned granularity, uint16_t domain,
    uint16_t source, unsigned function_mask)
{
	uint64_t command;

	vt_set64(vtd, R_CCMD,
	    BIT(63) | (uint64_t)granularity << 61 | (uint64_t)function_mask << 32 |
		(uint64_t)source << 16 | domain);
	command = vt_get64(vtd, R_CCMD);
	assert_true((command & BIT(63)) == 0);
	return (unsigned)(command >> 59 & 3);
}

unsigned vt_invalidate_iotlb(
    struct vtd_fixture *vtd, unsigned granularity, uint16_t domain, uint64_t address, unsigned mask)
{
	uint64_t command;

	vt_set64(vtd, R_IVA, address | mask);
	vt_set64(vtd, R_IOTLB, BIT(63) | (uint64_t)granularity << 60 | (uint64_t)domain << 32);
	command = vt_get64(vtd, R_IOTLB);
	assert_true((command & BIT(63)) == 0);
	return (unsigned)(command >> 57 & 3);
}

struct iommusim_dma_page vt_access(
    struct iommusim_requester *device, enum iommusim_dma_kind kind, uint64_t address, uint64_t length)
{
	return bus_access(device, kind, address, length);
}

unsigned vt_reason(struct vtd_fixture *vtd, enum iommusim_dma_kind kind, uint64_t address)
{
	return bus_reason(vtd->device, kind, address);
}

uint64_t vt_output(struct vtd_fixture *vtd, uint64_t address)
{
	return bus_output(vtd->device, address);
}

void vt_record(struct vtd_fixture *vtd, unsigned index, uint64_t record[2])
{
	record[0] = vt_get64(vtd, R_FRCD + index * 16);
	record[1] = vt_get64(vtd, R_FRCD + index * 16 + 8);
}

void vt_clear_record(struct vtd_fixture *vtd, unsigned index)
{
	vt_set32(vtd, R_FRCD + index * 16 + 12, 0x80000000);
}

unsigned vt_records(struct vtd_fixture *vtd)
{
	const unsigned count = (unsigned)(vtd->cap >> 40 & 0xff) + 1;
	unsigned set = 0;

	for (unsigned i = 0; i < count; i++)
		set += vt_get32(vtd, R_FRCD + i * 16 + 12) >> 31;
	return set;
}

void vt_queue_start(struct vtd_fixture *vtd, unsigned width)
{
	vtd->queue = vt_page(vtd);
	vtd->queue_tail = 0;
	vtd->queue_width = width;
	vt_set64(vtd, R_IQT, 0);
	vt_set64(vtd, R_IQA, vtd->queue | (width == 32 ? 0x800 : 0));
	vt_command(vtd, G_QIE, true);
}

void vt_submit(struct vtd_fixture *vtd, uint64_t low, uint64_t high)
{
	vt_store(vtd, vtd->queue + vtd->queue_tail, low);
	vt_store(vtd, vtd->queue + vtd->queue_tail + 8, high);
	vtd->queue_tail = (vtd->queue_tail + vtd->queue_width) % 0x1000;
	vt_set32(vtd, R_IQT, vtd->queue_tail);
}

struct iommusim_interrupt vt_only_message(struct vtd_fixture *vtd)
{
	return bus_only_message(vtd->machine);
}

void vt_no_message(struct vtd_fixture *vtd)
{
	bus_no_message(vtd->machine);
}
