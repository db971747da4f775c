/* What device(), pci_function() and pci_add_device() say of a device's behaviour: bar=, aborts=, entries=, misbehave=. */
#include <string.h>

#include "replay/run.h"

/* Where registers go that nobody placed: between RAM below 4 GiB and the interrupt range. */
#define FIRST_BAR UINT64_C(0xe0000000)
#define BAR_STEP  UINT64_C(0x10000)
#define LAST_BAR  UINT64_C(0xefff0000)

static bool kind_of(enum iommusim_pci_class class_, enum iommusim_device_kind *kind)
{
	switch (class_) {
	case IOMMUSIM_CLASS_AHCI:
		*kind = IOMMUSIM_DEVICE_AHCI;
		return true;
	case IOMMUSIM_CLASS_NVME:
		*kind = IOMMUSIM_DEVICE_NVME;
		return true;
	case IOMMUSIM_CLASS_NIC:
		*kind = IOMMUSIM_DEVICE_NIC;
		return true;
	case IOMMUSIM_CLASS_ATS:
		*kind = IOMMUSIM_DEVICE_ATS;
		return true;
	case IOMMUSIM_CLASS_OTHER:
	case IOMMUSIM_CLASS_DISPLAY:
		break;
	}
	return false;
}

/* ---- misbehave= ----------------------------------------------------------------------------------- */

/* One word of the list, and what stands behind its `=`. */
struct misdeed {
	const char *at; /* in the trace */
	struct slice name;
	char value[40];
};

static enum iommusim_status refuse_misdeed(struct replay *replay, const struct misdeed *misdeed)
{
	static const char *const known[] = { "dma-after-reset", "wrong-id", "phantom", "forge" };
	struct suggestion near = { .word = misdeed->name };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		suggestion_try(&near, (struct slice){ known[i], strlen(known[i]) }, 0);
	return replay_refuse(replay, misdeed->at,
	    "misbehave=: expected dma-after-reset, wrong-id=DEVICE, phantom=1 to 3, or "
	    "forge=ADDRESS{/DATA}, found `%.*s`%s",
	    SLICE(misdeed->name), suggestion_text(&near, "`"));
}

/* forge=ADDRESS or forge=ADDRESS/DATA */
static enum iommusim_status read_forgery(
    struct replay *replay, struct misdeed *misdeed, struct iommusim_device_config *config)
{
	char *slash = strchr(misdeed->value, '/');
	const char *problem = NULL;
	uint64_t data = 0;

	if (slash != NULL)
		*slash++ = '\0';
	if (iommusim_trace_number(misdeed->value, &config->forged_address, &problem) != IOMMUSIM_OK ||
	    (slash != NULL && iommusim_trace_number(slash, &data, &problem) != IOMMUSIM_OK))
		return replay_refuse(replay, misdeed->at, "misbehave=: forge=: %s", problem);
	if (config->forged_address >> 20 != 0xfee || config->forged_address % 4 != 0 ||
	    data > UINT32_MAX)
		return replay_refuse(replay, misdeed->at,
		    "misbehave=: forge=: expected a multiple of 4 in 0xfeexxxxx, and data of 32 bits");
	config->forged_data = (uint32_t)data;
	return IOMMUSIM_OK;
}

static enum iommusim_status read_misdeed(
    struct replay *replay, struct misdeed *misdeed, struct iommusim_device_config *config)
{
	const char *problem = NULL;
	uint16_t segment;
	uint64_t number;

	if (slice_is(misdeed->name, "dma-after-reset") && misdeed->value[0] == '\0') {
		config->dma_after_reset = true;
		return IOMMUSIM_OK;
	}
	if (slice_is(misdeed->name, "forge"))
		return read_forgery(replay, misdeed, config);
	if (slice_is(misdeed->name, "wrong-id")) {
		config->has_wrong_rid = true;
		if (iommusim_trace_device(misdeed->value, &segment, &config->wrong_rid, &problem) ==
		    IOMMUSIM_OK)
			return IOMMUSIM_OK;
		return replay_refuse(replay, misdeed->at, "misbehave=: wrong-id=: %s", problem);
	}
	if (!slice_is(misdeed->name, "phantom") ||
	    iommusim_trace_number(misdeed->value, &number, &problem) != IOMMUSIM_OK || number - 1 > 2)
		return refuse_misdeed(replay, misdeed);
	config->phantom_bits = (uint8_t)number;
	return IOMMUSIM_OK;
}

static bool is_between(char c)
{
	return c == ' ' || c == ',';
}

static enum iommusim_status read_misbehaviour(
    struct replay *replay, const struct value *list, struct iommusim_device_config *config)
{
	const char *at = list->text.at, *const end = at + list->text.length;
	enum iommusim_status status = IOMMUSIM_OK;

	while (status == IOMMUSIM_OK) {
		struct misdeed misdeed = { .value = "" };
		size_t length = 0;

		while (at < end && is_between(*at))
			at++;
		if (at == end)
			break;
		misdeed.at = misdeed.name.at = at;
		while (at < end && !is_between(*at) && *at != '=')
			at++;
		misdeed.name.length = (size_t)(at - misdeed.name.at);
		if (at < end && *at == '=')
			for (at++; at < end && !is_between(*at); at++)
				if (length + 1 < sizeof(misdeed.value))
					misdeed.value[length++] = *at;
		misdeed.value[length] = '\0';
		status = read_misdeed(replay, &misdeed, config);
	}
	return status;
}

/* ---- the device ----------------------------------------------------------------------------------- */

static enum iommusim_status read_options(struct replay *replay,
    const struct behaviour_described *described, struct iommusim_device_config *config)
{
	const bool reported = described->aborts->kind != VALUE_ABSENT && described->aborts->number != 0;
	const uint64_t entries =
	    described->entries->kind == VALUE_ABSENT ? 0 : described->entries->number;

	config->reports_aborts = reported;
	config->conceals_aborts = described->aborts->kind != VALUE_ABSENT && !reported;
	if (entries > IOMMUSIM_ATS_ENTRIES || (entries != 0 && config->kind != IOMMUSIM_DEVICE_ATS))
		return replay_refuse(replay, described->entries->at,
		    "entries= is the size of a device-TLB, at most 1M, and belongs to class=ats");
	config->ats.entries = (uint32_t)entries;
	return described->misbehave->kind == VALUE_ABSENT
	    ? IOMMUSIM_OK
	    : read_misbehaviour(replay, described->misbehave, config);
}

/* The first free place, where the trace names none. */
static enum iommusim_status create(
    struct replay *replay, const struct value *bar, struct iommusim_device_config *config)
{
	struct iommusim_device *device;
	enum iommusim_status status;

	if (bar->kind != VALUE_ABSENT) {
		config->base = bar->number;
		return iommusim_device_create(replay->machine, config, &device);
	}
	config->base = FIRST_BAR;
	do {
		status = iommusim_device_create(replay->machine, config, &device);
		config->base += BAR_STEP;
	} while (status == IOMMUSIM_EEXIST && config->base <= LAST_BAR);
	return status;
}

static const struct value *first_given(const struct behaviour_described *described)
{
	const struct value *const options[] = { described->bar, described->aborts, described->entries,
		described->misbehave };

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (options[i]->kind != VALUE_ABSENT)
			return options[i];
	return NULL;
}

enum iommusim_status behaviour_attach(struct replay *replay,
    const struct iommusim_pci_function *function, const struct behaviour_described *described,
    const char *at, enum iommusim_status *call)
{
	const struct value *option = first_given(described);
	struct iommusim_device_config config = {
		.segment = function->segment, .rid = function->rid, .bus = device_bus(replay)
	};
	enum iommusim_status status;

	if (function->type != IOMMUSIM_PCI_ENDPOINT || !kind_of(function->device_class, &config.kind))
		return option == NULL
		    ? IOMMUSIM_OK
		    : replay_refuse(replay, option->at,
			  "bar=, aborts=, entries= and misbehave= belong to a device that does "
			  "something; expected class=ahci, nvme, nic or ats too");
	status = read_options(replay, described, &config);
	if (status != IOMMUSIM_OK)
		return status;
	*call = create(replay, described->bar, &config);
	if (*call == IOMMUSIM_EEXIST && option == NULL)
		return replay_refuse(replay, at, "there is no room for the device's registers");
	return IOMMUSIM_OK;
}
