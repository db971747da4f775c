/* The AMD-Vi fixture: programming one unit as software would. What is proved stands in the tests. */
#include "amdvi_fixture.h"

#include "bus.h"

#define COMPLETED UINT64_C(0x0123456789abcdef)

static struct iommusim_amdvi_config config_of(const struct amd_setup *setup)
{
	return (struct iommusim_amdvi_config){
		.base = AMD_BASE,
		.segment = setup->segment,
		.rid = AMD_UNIT_RID,
		.features = (AMD_DEFAULT_EFR & ~setup->efr_clear) | setup->efr_set,
		.features2 = setup->efr2,
		.capability_header = setup->capability_header,
		.capability_misc0 = setup->capability_misc0,
		.capability_misc1 = setup->capability_misc1,
		.base_unlocked = setup->base_unlocked,
		.no_host_tables = setup->no_host_tables,
		.counter_banks = setup->counter_banks,
		.counters = setup->counters,
		.revision = setup->revision,
		.choices = setup->choices,
		.settings = setup->settings,
	};
}

/* Sizes: 512 pages of 128 entries; 2^8 commands and events (AMD-Vi 3.4). */
static void set_bases(struct amd_fixture *amd)
{
	am_set64(amd, A_DEVTAB, amd->device_table | 0x1ff);
	am_set64(amd, A_CMD_BASE, amd->commands | UINT64_C(8) << 56);
	am_set64(amd, A_EVENT_BASE, amd->events | UINT64_C(8) << 56);
}

void am_start(struct amd_fixture *amd, const struct amd_setup *wanted)
{
	static const struct amd_setup defaults;
	const struct amd_setup *setup = wanted == NULL ? &defaults : wanted;
	const struct iommusim_machine_config machine = {
		.allocator = setup->allocator,
		.seed = setup->seed,
		.device_view = setup->device_view,
	};
	const struct iommusim_amdvi_config config = config_of(setup);
	uint64_t dte[4];

	memset(amd, 0, sizeof(*amd));
	assert_int_equal(iommusim_machine_create(&machine, &amd->machine), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_add(amd->machine, 0, AMD_RAM, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_amdvi_create(amd->machine, &config, &amd->unit), IOMMUSIM_OK);
	iommusim_unit_include_all(amd->unit);
	assert_int_equal(iommusim_requester_create(amd->machine, setup->segment, AMD_RID, &amd->device),
	    IOMMUSIM_OK);
	amd->efr = config.features;
	amd->mode = setup->mode == 0 ? 4 : setup->mode;
	amd->next_page = AMD_TABLES;
	amd->device_table = am_pages(amd, 512);
	amd->page_table = am_page(amd);
	amd->commands = am_page(amd);
	amd->events = am_page(amd);
	amd->completion = am_page(amd);
	am_plain_dte(amd, dte);
	am_set_dte(amd, AMD_RID, dte);
	if (!setup->base_unlocked)
		set_bases(amd);
}

void am_start_enabled(struct amd_fixture *amd, const struct amd_setup *setup)
{
	am_start(amd, setup);
	am_control(amd, C_COHERENT | C_EVENT_LOG_EN | C_CMD_BUF_EN, 0);
	am_control(amd, C_IOMMU_EN, 0);
}

void am_stop(struct amd_fixture *amd)
{
	iommusim_machine_destroy(amd->machine);
	amd->machine = NULL;
}

uint32_t am_get32(struct amd_fixture *amd, unsigned offset)
{
	return (uint32_t)bus_get(amd->machine, AMD_BASE + offset, 4);
}

uint64_t am_get64(struct amd_fixture *amd, unsigned offset)
{
	return bus_get(amd->machine, AMD_BASE + offset, 8);
}

void am_set32(struct amd_fixture *amd, unsigned offset, uint32_t value)
{
	bus_set(amd->machine, AMD_BASE + offset, 4, value);
}

void am_set64(struct amd_fixture *amd, unsigned offset, uint64_t value)
{
	bus_set(amd->machine, AMD_BASE + offset, 8, value);
}

void am_control(struct amd_fixture *amd, uint64_t set, uint64_t clear)
{
	am_set64(amd, A_CONTROL, (am_get64(amd, A_CONTROL) & ~clear) | set);
}

uint32_t am_status(struct amd_fixture *amd)
{
	return am_get32(amd, A_STATUS);
}

void am_enable_msi(struct amd_fixture *amd, unsigned multiple)
{
	const struct iommusim_amdvi_msi msi = {
		.enabled = true,
		.multiple = (uint8_t)multiple,
		.address = AMD_MSI_ADDRESS,
		.data = AMD_MSI_DATA,
	};

	assert_int_equal(iommusim_amdvi_set_msi(amd->unit, &msi), IOMMUSIM_OK);
}

uint64_t am_pages(struct amd_fixture *amd, unsigned count)
{
	const uint64_t pages = amd->next_page;

	amd->next_page += count * UINT64_C(0x1000);
	assert_true(amd->next_page <= AMD_RAM);
	return pages;
}

uint64_t am_page(struct amd_fixture *amd)
{
	return am_pages(amd, 1);
}

void am_store(struct amd_fixture *amd, uint64_t address, uint64_t value)
{
	bus_store(amd->machine, address, value);
}

uint64_t am_load(struct amd_fixture *amd, uint64_t address)
{
	return bus_load(amd->machine, address);
}

uint64_t am_dte_at(const struct amd_fixture *amd, uint16_t rid)
{
	return amd->device_table + rid * UINT64_C(32);
}

void am_set_dte(struct amd_fixture *amd, uint16_t rid, const uint64_t dte[4])
{
	for (unsigned quad = 4; quad-- > 0;)
		am_store(amd, am_dte_at(amd, rid) + quad * UINT64_C(8), dte[quad]);
}

/* AMD-Vi 2.2.2: V 0, TV 1, Mode 11:9, root 51:12, IR 61, IW 62; domain 79:64. */
void am_plain_dte(const struct amd_fixture *amd, uint64_t dte[4])
{
	dte[0] = BIT(0) | BIT(1) | (uint64_t)amd->mode << 9 | amd->page_table | BIT(61) | BIT(62);
	dte[1] = AMD_DOMAIN;
	dte[2] = dte[3] = 0;
}

/* AMD-Vi 2.2.3: PR 0, NextLevel 11:9, address 51:12, IR 61, IW 62. */
uint64_t am_entry_at(struct amd_fixture *amd, uint64_t input, unsigned level)
{
	uint64_t table = amd->page_table;

	for (unsigned at = amd->mode;; at--) {
		const uint64_t entry_at = table + (input >> (12 + 9 * (at - 1)) & 0x1ff) * 8;

		if (at == level)
			return entry_at;
		if ((am_load(amd, entry_at) & 1) == 0)
			am_store(amd, entry_at,
			    am_page(amd) | BIT(0) | (uint64_t)(at - 1) << 9 | BIT(61) | BIT(62));
		table = am_load(amd, entry_at) & UINT64_C(0xffffffffff000);
	}
}

void am_map(struct amd_fixture *amd, uint64_t input, uint64_t output, unsigned rights)
{
	am_store(amd, am_entry_at(amd, input, 1), output | BIT(0) | (uint64_t)rights << 61);
}

void am_unmap(struct amd_fixture *amd, uint64_t input)
{
	am_store(amd, am_entry_at(amd, input, 1), 0);
}

void am_submit(struct amd_fixture *amd, uint64_t low, uint64_t high)
{
	am_store(amd, amd->commands + amd->command_tail, low);
	am_store(amd, amd->commands + amd->command_tail + 8, high);
	amd->command_tail = (amd->command_tail + 16) % 0x1000;
	am_set32(amd, A_CMD_TAIL, amd->command_tail);
}

/* COMPLETION_WAIT: opcode 1h in 63:60, S bit 0, address 51:3, data 127:64 (AMD-Vi 2.4.1). */
void am_wait(struct amd_fixture *amd)
{
	am_store(amd, amd->completion, 0);
	am_submit(amd, UINT64_C(1) << 60 | amd->completion | 1, COMPLETED);
	assert_int_equal(am_load(amd, amd->completion), COMPLETED);
}

void am_invalidate_device(struct amd_fixture *amd, uint16_t rid)
{
	am_submit(amd, UINT64_C(2) << 60 | rid, 0);
	am_wait(amd);
}

/* INVALIDATE_IOMMU_PAGES: domain 47:32, S 64, PDE 65, address 127:76 (AMD-Vi 2.4.3). */
void am_invalidate_page(struct amd_fixture *amd, uint16_t domain, uint64_t address)
{
	am_submit(amd, UINT64_C(3) << 60 | (uint64_t)domain << 32, (address & ~UINT64_C(0xfff)) | 2);
	am_wait(amd);
}

void am_invalidate_domain(struct amd_fixture *amd, uint16_t domain)
{
	am_submit(amd, UINT64_C(3) << 60 | (uint64_t)domain << 32, UINT64_C(0x7ffffffffffff000) | 3);
	am_wait(amd);
}

void am_invalidate_interrupts(struct amd_fixture *amd, uint16_t rid)
{
	am_submit(amd, UINT64_C(5) << 60 | rid, 0);
	am_wait(amd);
}

void am_invalidate_all(struct amd_fixture *amd)
{
	am_submit(amd, UINT64_C(8) << 60, 0);
	am_wait(amd);
}

unsigned am_events(struct amd_fixture *amd)
{
	const uint32_t head = am_get32(amd, A_EVENT_HEAD), tail = am_get32(amd, A_EVENT_TAIL);

	return (tail + 0x1000 - head) % 0x1000 / 16;
}

void am_take_event(struct amd_fixture *amd, uint64_t event[2])
{
	const uint32_t head = am_get32(amd, A_EVENT_HEAD);

	assert_true(am_events(amd) > 0);
	event[0] = am_load(amd, amd->events + head);
	event[1] = am_load(amd, amd->events + head + 8);
	am_set32(amd, A_EVENT_HEAD, (head + 16) % 0x1000);
}

void am_only_event(struct amd_fixture *amd, uint64_t event[2])
{
	assert_int_equal(am_events(amd), 1);
	am_take_event(amd, event);
}

void am_drain_events(struct amd_fixture *amd)
{
	am_set32(amd, A_EVENT_HEAD, am_get32(amd, A_EVENT_TAIL));
}

struct iommusim_dma_page am_access(
    struct iommusim_requester *device, enum iommusim_dma_kind kind, uint64_t address, uint64_t length)
{
	return bus_access(device, kind, address, length);
}

unsigned am_code(struct amd_fixture *amd, enum iommusim_dma_kind kind, uint64_t address)
{
	return bus_reason(amd->device, kind, address);
}

uint64_t am_output(struct amd_fixture *amd, uint64_t address)
{
	return bus_output(amd->device, address);
}

struct iommusim_interrupt am_only_message(struct amd_fixture *amd)
{
	return bus_only_message(amd->machine);
}

void am_no_message(struct amd_fixture *amd)
{
	bus_no_message(amd->machine);
}
