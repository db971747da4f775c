/* What is peculiar to recordings of AMD-Vi: its unit, its PCI function, how its walks are skipped along. */
#include <string.h>

#include <iommusim/amdvi.h>

#include "recording_run.h"

static enum iommusim_status take_capabilities(
    struct recording_input *input, struct iommusim_amdvi_config *config)
{
	uint64_t header = 0, misc0 = 0, misc1 = 0, range = 0, rid = 0;
	const struct {
		const char *name;
		uint64_t most;
		uint64_t *value;
	} optional[] = {
		{ "EFR2", UINT64_MAX, &config->features2 },
		{ "CAPHDR", UINT32_MAX, &header },
		{ "RANGE", UINT32_MAX, &range },
		{ "MISC0", UINT32_MAX, &misc0 },
		{ "MISC1", UINT32_MAX, &misc1 },
		{ "IOMMU_RID", UINT16_MAX, &rid },
	};
	struct json_object *caps;
	bool given;
	enum iommusim_status status = recording_input_inner(input, "caps", json_type_object, &caps);

	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, caps, "EFR", UINT64_MAX, &config->features);
	for (unsigned i = 0; status == IOMMUSIM_OK && i < sizeof(optional) / sizeof(optional[0]); i++)
		status = recording_input_option(
		    input, caps, optional[i].name, optional[i].most, optional[i].value, &given);
	config->capability_header = (uint32_t)header;
	config->capability_range = (uint32_t)range;
	config->capability_misc0 = (uint32_t)misc0;
	config->capability_misc1 = (uint32_t)misc1;
	config->rid = (uint16_t)rid;
	return status;
}

static enum iommusim_status create(struct recording_input *input, uint64_t base,
    const struct recording_options *options, struct iommusim_machine *machine,
    struct iommusim_unit **unit)
{
	struct iommusim_amdvi_config config = { .base = base, .settings = options->settings };
	enum iommusim_status status = take_capabilities(input, &config);

	if (status == IOMMUSIM_OK)
		status = iommusim_amdvi_create(machine, &config, unit);
	if (status == IOMMUSIM_OK)
		iommusim_unit_include_all(*unit);
	return status;
}

/* A recording says neither why a request was denied nor whether it was a write. */
static bool same_fault(
    const struct recording_fault *recorded, const struct iommusim_dma_page *page, bool *by_meaning)
{
	(void)recorded;
	(void)page;
	*by_meaning = false;
	return true;
}

static enum iommusim_status interrupt(struct recording_run *run, struct iommusim_requester *requester,
    uint64_t address, uint32_t data, struct iommusim_interrupt *out, struct iommusim_fault *fault)
{
	(void)run;
	return iommusim_requester_interrupt(requester, address, data, out, fault);
}

/* ---- the PCI function ---------------------------------------------------------------------------------- */

enum {
	CAPABILITIES = 0x34,
	CAPABILITY_MSI = 0x05,
	CAPABILITY_IOMMU = 0x0f,
	OWN_BYTES = 0x18, /* AMD-Vi 3.3 */
	/* of an MSI capability: offsets, and bits of its control word */
	MSI_CONTROL = 2,
	MSI_ADDRESS = 4,
	MSI_ADDRESS_HIGH = 8,
	MSI_DATA = 8,
	MSI_DATA_64 = 12,
	MSI_CONTROL_ENABLE = 1 << 0,
	MSI_CONTROL_64 = 1 << 7
};

/* A driver that looks for a capability reads the list link by link: where each of them is. */
static void follow_list(struct recording_config *config, const struct recording_config_access *access)
{
	const unsigned kind = access->value & 0xff, next = access->value >> 8 & 0xfc;

	if (access->offset == CAPABILITIES) {
		config->next = access->value & 0xfc;
		return;
	}
	if (config->next == 0 || access->offset != config->next)
		return;
	if (kind == CAPABILITY_MSI && config->msi == 0)
		config->msi = access->offset;
	if (kind == CAPABILITY_IOMMU)
		config->own = access->offset;
	config->next = next;
}

/* Compare with the capability block; the low half alone when no more was read, as far as one can tell. */
static void read_own(struct recording_run *run, unsigned offset, uint32_t recorded)
{
	const uint32_t mask = recorded > UINT16_MAX ? UINT32_MAX : UINT16_MAX;
	uint32_t value;

	if (iommusim_amdvi_capability_read(run->platform.unit, offset, &value) == IOMMUSIM_OK)
		run->summary->config_reads_differ += ((value ^ recorded) & mask) != 0;
}

static bool write_msi(struct recording_config *config, unsigned at, uint32_t value)
{
	const bool wide = (config->msi_control & MSI_CONTROL_64) != 0;

	if (at == MSI_CONTROL)
		config->msi_control = (uint16_t)value;
	else if (at == MSI_ADDRESS)
		config->msi_address = (config->msi_address & ~(uint64_t)UINT32_MAX) | value;
	else if (wide && at == MSI_ADDRESS_HIGH)
		config->msi_address = (config->msi_address & UINT32_MAX) | (uint64_t)value << 32;
	else if (at == (wide ? MSI_DATA_64 : MSI_DATA))
		config->msi_data = (uint16_t)value;
	else
		return false;
	return true;
}

static void set_msi(struct recording_run *run)
{
	const struct recording_config *config = &run->config;
	const struct iommusim_amdvi_msi msi = {
		.enabled = (config->msi_control & MSI_CONTROL_ENABLE) != 0,
		.multiple = config->msi_control >> 4 & 7,
		.address = config->msi_address,
		.data = config->msi_data,
	};

	iommusim_amdvi_set_msi(run->platform.unit, &msi);
}

static void configure(struct recording_run *run, const struct recording_config_access *access)
{
	struct recording_config *config = &run->config;
	const unsigned in_own = access->offset - config->own, in_msi = access->offset - config->msi;

	if (!access->is_write)
		follow_list(config, access);
	if (config->own != 0 && in_own < OWN_BYTES && in_own % 4 == 0) {
		if (access->is_write)
			iommusim_amdvi_capability_write(run->platform.unit, in_own, access->value);
		else
			read_own(run, in_own, access->value);
	}
	if (config->msi != 0 && access->is_write && write_msi(config, in_msi, access->value))
		set_msi(run);
}

/* ---- checkpoints --------------------------------------------------------------------------------------- */

static void span(const struct iommusim_walk *walk, struct recording_span *result)
{
	const enum iommusim_fault_class why = walk->result.fault.class_;
	const struct iommusim_walk_step *last;

	*result = (struct recording_span){ .size = 0 };
	if (strcmp(walk->mode, "interrupt range") == 0) {
		result->size = 0x1000;
		return;
	}
	if (walk->step_count == 0)
		return;
	last = &walk->steps[walk->step_count - 1];
	if (last->level == 0)
		return; /* no device entry, or one without tables */
	result->size = UINT64_C(1) << (12 + 9 * (last->level - 1));
	if (last->leaf && walk->result.page_shift != 0)
		result->size = UINT64_C(1) << walk->result.page_shift;
	result->rights = (walk->read_right ? 1u : 0u) | (walk->write_right ? 2u : 0u);
	result->mapped = last->leaf && result->rights != 0 &&
	    (why == IOMMUSIM_FAULT_NONE || why == IOMMUSIM_FAULT_PERMISSION);
	result->physical = last->next;
}

/* Where the device table ends, the rest of that segment has no entries (AMD-Vi 2.2.2: 8 at most). */
static uint32_t next_rid(uint32_t rid, const struct iommusim_walk *walk)
{
	return walk->step_count == 0 && walk->result.faulted ? (rid | 0x1fff) + 1 : rid + 1;
}

const struct recording_backend recording_amdvi = {
	.name = "AMD-Vi",
	.vendor = "amdvi",
	.register_bytes = 0x80000,
	.whole_pages = true,
	.create = create,
	.same_fault = same_fault,
	.interrupt = interrupt,
	.configure = configure,
	.span = span,
	.next_rid = next_rid,
};
