/* Machines that live through the same: registers and entries of both vendors, written by hand. */
#include "twin.h"

_Static_assert(AMD_TABLES == VTD_TABLES, "the tables of both are at the same place");

#define RIDS(device) ((uint16_t)(0x0310 + (device)))
#define ADDRESS      UINT64_C(0xffffffffff000)
#define PAGES        64u /* of memory that good entries lead to */
#define FIRST_PAGE   UINT64_C(0x400000)
#define FAR_MEMORY   UINT64_C(0x10000000) /* a window that comes and goes */

const uint64_t twin_inputs[TWIN_INPUTS] = { 0, 0x1fd000, 0x3ffff000, 0xbfffe000, 0xfee00000,
	0x100000000, 0x3fc0000000, 0x4001ff000 };

/* ---- making them ----------------------------------------------------------------------------------- */

static void load_tables(struct twin *twin)
{
	for (unsigned input = 0; input < TWIN_INPUTS; input++)
		for (unsigned level = 1; level <= TWIN_LEVELS; level++)
			twin->entry_at[input][level] = twin->is_amdvi
			    ? am_entry_at(&twin->amd, twin_inputs[input], level)
			    : vt_entry_at(&twin->vtd, twin_inputs[input], level);
	for (unsigned input = 0; input < TWIN_INPUTS; input++)
		for (unsigned level = 2; level <= TWIN_LEVELS; level++)
			twin->table[input][level] = ADDRESS &
			    (twin->is_amdvi ? am_load(&twin->amd, twin->entry_at[input][level])
					    : vt_load(&twin->vtd, twin->entry_at[input][level]));
}

static void start_vtd(struct twin *twin, const struct iommusim_unit_settings *settings, uint64_t shape)
{
	const struct vtd_setup setup = {
		.levels = (uint8_t)(3 + shape % 3),
		.cap_set = BIT(5) | BIT(6), /* protected memory regions */
		.cap_clear = (shape >> 2 & 1) != 0 ? CAP_SSLPS_1G : 0,
		.ecap_clear = (shape >> 3 & 1) != 0 ? ECAP_C : 0,
		.device_view = (shape >> 4 & 1) != 0,
		.choices.rights_at_each_level = (shape >> 5 & 1) != 0,
		.settings = *settings,
		.seed = shape,
	};

	vt_start_enabled(&twin->vtd, &setup);
	twin->machine = twin->vtd.machine;
	twin->devices[0] = twin->vtd.device;
}

static void start_amdvi(
    struct twin *twin, const struct iommusim_unit_settings *settings, uint64_t shape)
{
	const struct amd_setup setup = {
		.mode = (uint8_t)(3 + shape % 4),
		.device_view = (shape >> 4 & 1) != 0,
		.settings = *settings,
		.seed = shape,
	};

	am_start_enabled(&twin->amd, &setup);
	if ((shape >> 3 & 1) != 0)
		am_control(&twin->amd, C_COHERENT, 0);
	twin->machine = twin->amd.machine;
	twin->devices[0] = twin->amd.device;
}

void twin_start(
    struct twin *twin, bool amdvi, enum iommusim_cache_policy policy, uint64_t shape, bool always_asked)
{
	const struct iommusim_unit_settings settings = {
		.cache = policy,
		.match = (enum iommusim_cache_match)(shape >> 8 & 3) % 3,
		.iotlb_sets = 4,
		.iotlb_ways = 2,
		.always_asked = always_asked,
	};

	memset(twin, 0, sizeof(*twin));
	twin->is_amdvi = amdvi;
	if (amdvi)
		start_amdvi(twin, &settings, shape);
	else
		start_vtd(twin, &settings, shape);
	assert_int_equal(
	    iommusim_requester_create(twin->machine, 0, RIDS(1), &twin->devices[1]), IOMMUSIM_OK);
	load_tables(twin);
	for (unsigned device = 0; device < TWIN_DEVICES; device++)
		twin_change_device(twin, device, true, 0);
}

void twin_stop(struct twin *twin)
{
	if (twin->is_amdvi)
		am_stop(&twin->amd);
	else
		vt_stop(&twin->vtd);
}

/* ---- entries --------------------------------------------------------------------------------------- */

static void store(struct twin *twin, uint64_t address, uint64_t value)
{
	if (twin->is_amdvi)
		am_store(&twin->amd, address, value);
	else
		vt_store(&twin->vtd, address, value);
}

/* Where a page is: mostly memory that there is; where interrupts live, and where there is no memory. */
static uint64_t an_output(uint64_t number, unsigned level)
{
	const uint64_t mask = (BIT(9 * (level - 1)) - 1) << 12;
	uint64_t output = FIRST_PAGE + (number % PAGES << 12);

	if (number % 37 == 5)
		output = 0xfee00000;
	else if (number % 37 == 6)
		output = FAR_MEMORY + (number >> 8 & 1) * 0x1000;
	else if (number % 37 == 7)
		output = 0xfee00000 - 0x1000;
	return output & ~mask;
}

static uint64_t vtd_entry(
    const struct twin *twin, unsigned input, unsigned level, enum twin_entry entry, uint64_t number)
{
	const bool leaf = level == 1 || entry == TWIN_LARGE;
	const uint64_t to = leaf ? an_output(number, level) : twin->table[input][level];
	const uint64_t size = leaf && level > 1 ? BIT(7) : 0;
	const uint64_t snooped = leaf && number % 5 == 0 ? BIT(11) : 0;

	if (entry == TWIN_ABSENT)
		return 0;
	if (entry == TWIN_READ_ONLY || entry == TWIN_WRITE_ONLY)
		return to | size | (entry == TWIN_READ_ONLY ? 1 : 2);
	return (to | size | snooped | 3) ^ (entry == TWIN_ONE_BIT ? BIT(number >> 32 & 63) : 0);
}

/* NextLevel 0 is a page; some have their size in the address (7), some skip a level. */
static uint64_t amd_entry(
    const struct twin *twin, unsigned input, unsigned level, enum twin_entry entry, uint64_t number)
{
	const bool leaf = level == 1 || entry == TWIN_LARGE;
	const uint64_t to = leaf ? an_output(number, level) : twin->table[input][level];
	const uint64_t next = leaf ? 0 : level - 1;
	const uint64_t bits = to | next << 9 | BIT(0) | (number % 5 == 0 ? BIT(60) : 0);

	if (entry == TWIN_ABSENT)
		return 0;
	if (entry == TWIN_READ_ONLY || entry == TWIN_WRITE_ONLY)
		return bits | (entry == TWIN_READ_ONLY ? BIT(61) : BIT(62));
	if (entry == TWIN_LARGE && number % 3 == 0)
		return bits | UINT64_C(7) << 9 | (BIT(12 + 9 * (level - 1)) - 0x1000) | BIT(61) |
		    BIT(62);
	return (bits | BIT(61) | BIT(62)) ^ (entry == TWIN_ONE_BIT ? BIT(number >> 32 & 63) : 0);
}

void twin_change_entry(
    struct twin *twin, unsigned input, unsigned level, enum twin_entry entry, uint64_t number)
{
	store(twin, twin->entry_at[input][level],
	    twin->is_amdvi ? amd_entry(twin, input, level, entry, number)
			   : vtd_entry(twin, input, level, entry, number));
}

static void change_context(struct twin *twin, unsigned device, bool good, uint64_t number)
{
	uint64_t low = twin->vtd.page_table | 1;
	uint64_t high = (twin->vtd.levels - 2) | (uint64_t)VTD_DOMAIN << 8;

	if (!good && number % 8 == 0)
		low = 0;
	else if (!good && number % 8 == 1)
		low |= 2 << 2; /* TT: pass-through */
	else if (!good && number % 8 == 2)
		low |= 1 << 2; /* TT: with device-TLB */
	else if (!good && number % 8 == 3)
		high ^= UINT64_C(3) << 8; /* another domain */
	else if (!good && number % 8 == 4)
		high ^= BIT(number >> 32 & 63);
	else if (!good)
		low ^= BIT(number >> 32 & 63);
	vt_set_context(&twin->vtd, RIDS(device), low, high);
}

static void change_dte(struct twin *twin, unsigned device, bool good, uint64_t number)
{
	uint64_t dte[4];

	am_plain_dte(&twin->amd, dte);
	if (!good && number % 8 == 0)
		dte[0] &= ~UINT64_C(1);
	else if (!good && number % 8 == 1)
		dte[0] &= ~(UINT64_C(7) << 9); /* Mode 0 */
	else if (!good && number % 8 == 2)
		dte[0] |= (number >> 8 & 1) != 0 ? UINT64_C(3) << 7 : UINT64_C(1) << 7; /* HAD */
	else if (!good && number % 8 == 3)
		dte[1] ^= 3;
	else if (!good && number % 8 == 4)
		dte[0] &= ~BIT(61 + (number >> 8 & 1));
	else if (!good)
		dte[number >> 38 & 3] ^= BIT(number >> 32 & 63);
	am_set_dte(&twin->amd, RIDS(device), dte);
}

void twin_change_device(struct twin *twin, unsigned device, bool good, uint64_t number)
{
	if (twin->is_amdvi)
		change_dte(twin, device, good, number);
	else
		change_context(twin, device, good, number);
}

/* ---- registers ------------------------------------------------------------------------------------- */

static void change_vtd(struct vtd_fixture *vtd, uint64_t number)
{
	switch (number % 4) {
	case 0:
		vt_command(vtd, G_TE, (number >> 8 & 1) != 0);
		break;
	case 1: /* PMEN, and the low region over the first pages */
		vt_set32(vtd, 0x064, 0);
		vt_set32(vtd, 0x068, (uint32_t)FIRST_PAGE);
		vt_set32(vtd, 0x06c, (uint32_t)FIRST_PAGE + 0x7000);
		vt_set32(vtd, 0x064, (number >> 8 & 1) != 0 ? BIT(31) : 0);
		break;
	case 2:
		vt_latch_root(vtd, vtd->root_table);
		break;
	default:
		vt_command(vtd, G_TE, true);
		break;
	}
}

static void change_amd(struct amd_fixture *amd, uint64_t number)
{
	switch (number % 5) {
	case 0:
		am_control(amd, (number >> 8 & 1) != 0 ? C_IOMMU_EN : 0,
		    (number >> 8 & 1) != 0 ? 0 : C_IOMMU_EN);
		break;
	case 1: /* exclusion range, for all devices */
		am_set64(amd, A_EXCL_LIMIT, 0x1fe000);
		am_set64(amd, A_EXCL_BASE, 0x1fd000 | ((number >> 8 & 1) != 0 ? 3 : 0));
		break;
	case 2: /* an aperture */
		am_set64(amd, A_MARC, 0x100000000);
		am_set64(amd, A_MARC + 8, FIRST_PAGE | 1);
		am_set64(amd, A_MARC + 16, 0x2000);
		am_control(amd, (number >> 8 & 1) != 0 ? C_MARC_EN : 0,
		    (number >> 8 & 1) != 0 ? 0 : C_MARC_EN);
		break;
	case 3: /* a device table that reaches both devices, or none */
		am_set64(amd, A_DEVTAB, amd->device_table | ((number >> 8 & 1) != 0 ? 511 : 0));
		break;
	default:
		am_control(amd, C_IOMMU_EN, C_MARC_EN);
		am_set64(amd, A_EXCL_BASE, 0);
		am_set64(amd, A_DEVTAB, amd->device_table | 511);
		break;
	}
}

void twin_change_registers(struct twin *twin, uint64_t number)
{
	if (twin->is_amdvi)
		change_amd(&twin->amd, number);
	else
		change_vtd(&twin->vtd, number);
}

void twin_invalidate(struct twin *twin, uint64_t number)
{
	if (!twin->is_amdvi) {
		vt_invalidate_context(&twin->vtd, 1, 0, 0, 0);
		if (number % 4 != 0)
			vt_invalidate_iotlb(&twin->vtd, 1, 0, 0, 0);
		return;
	}
	if ((am_get64(&twin->amd, A_CONTROL) & C_IOMMU_EN) == 0)
		return; /* no commands are taken */
	if (number % 4 != 0)
		am_invalidate_device(&twin->amd, RIDS(number % TWIN_DEVICES));
	if (number % 4 != 1)
		am_invalidate_domain(&twin->amd, AMD_DOMAIN);
}

/* ---- the machine ----------------------------------------------------------------------------------- */

static void change_function(struct iommusim_machine *machine, uint64_t number)
{
	const struct iommusim_pci_function function = { .rid = RIDS(number >> 8 & 1) };

	if (iommusim_pci_find(machine, 0, function.rid) == NULL)
		assert_int_equal(iommusim_pci_add(machine, &function), IOMMUSIM_OK);
	else if ((number >> 9 & 1) != 0)
		assert_int_equal(iommusim_pci_set_command(machine, 0, function.rid,
				     (number >> 10 & 3) == 0 ? 0 : IOMMUSIM_PCI_COMMAND_BUS_MASTER),
		    IOMMUSIM_OK);
	else
		assert_int_equal(iommusim_pci_remove(machine, 0, function.rid), IOMMUSIM_OK);
}

void twin_change_machine(struct twin *twin, uint64_t number)
{
	switch (number % 4) {
	case 0:
		change_function(twin->machine, number);
		break;
	case 1:
		if (iommusim_memory_add(twin->machine, FAR_MEMORY, 0x1000, IOMMUSIM_MEMORY_RAM) !=
		    IOMMUSIM_OK)
			assert_int_equal(
			    iommusim_memory_remove(twin->machine, FAR_MEMORY), IOMMUSIM_OK);
		break;
	case 2: /* a page, or a page table: the last but few that were made */
		assert_int_equal(
		    iommusim_memory_set_broken(twin->machine,
			(number >> 8 & 1) != 0 ? FIRST_PAGE : twin->entry_at[2][1] & ~UINT64_C(0xfff),
			0x1000, true),
		    IOMMUSIM_OK);
		break;
	default:
		assert_int_equal(iommusim_memory_set_broken(twin->machine, 0, UINT64_C(1) << 40, false),
		    IOMMUSIM_OK);
		break;
	}
}

/* ---- comparing ------------------------------------------------------------------------------------- */

void twin_same_records(struct twin *a, struct twin *b)
{
	if (a->is_amdvi) {
		assert_int_equal(am_get64(&a->amd, A_EVENT_TAIL), am_get64(&b->amd, A_EVENT_TAIL));
		assert_int_equal(am_status(&a->amd), am_status(&b->amd));
		am_drain_events(&a->amd);
		am_drain_events(&b->amd);
		return;
	}
	assert_int_equal(vt_get32(&a->vtd, R_FSTS), vt_get32(&b->vtd, R_FSTS));
	for (unsigned i = 0; i < VTD_FAULTS; i++) {
		uint64_t records[2][2];

		vt_record(&a->vtd, i, records[0]);
		vt_record(&b->vtd, i, records[1]);
		assert_memory_equal(records[0], records[1], sizeof(records[0]));
		if (records[0][1] >> 63 != 0) {
			vt_clear_record(&a->vtd, i);
			vt_clear_record(&b->vtd, i);
		}
	}
}

/* Tables and logs, and the pages. */
void twin_same_memory(struct twin *a, struct twin *b)
{
	const uint64_t tables = VTD_TABLES;
	const uint64_t end = a->is_amdvi ? a->amd.next_page : a->vtd.next_page;

	assert_memory_equal(iommusim_memory_host(a->machine, tables, end - tables),
	    iommusim_memory_host(b->machine, tables, end - tables), end - tables);
	assert_memory_equal(iommusim_memory_host(a->machine, FIRST_PAGE, PAGES << 12),
	    iommusim_memory_host(b->machine, FIRST_PAGE, PAGES << 12), PAGES << 12);
}
