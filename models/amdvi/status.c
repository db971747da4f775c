/*
 * STATUS, and the unit's own interrupts: one message when a status bit comes up, however it is enabled
 * (AMD-Vi 2.5, 3.4). These messages are not remapped.
 */
#include "models/amdvi/status.h"

#include "machine/interrupt_range.h"

#include "models/amdvi/capability.h"

/* A status bit that interrupts: with which enable, by which message. */
struct source {
	uint64_t bit;
	uint64_t enable; /* in CONTROL */
	enum amdvi_message message;
};

#define SOURCES 11u

static void sources(struct source *source)
{
	const uint64_t event = amdvi_CONTROL_EVENT_INT_EN_bits(1);
	const uint64_t ppr = amdvi_CONTROL_PPR_INT_EN_bits(1);
	const uint64_t guest = amdvi_CONTROL_GA_INT_EN_bits(1);
	const struct source all[SOURCES] = {
		{ amdvi_STATUS_EVENT_OVERFLOW_bits(1), event, AMDVI_MESSAGE_GENERAL },
		{ amdvi_STATUS_EVENTB_OVERFLOW_bits(1), event, AMDVI_MESSAGE_GENERAL },
		{ amdvi_STATUS_EVENT_LOG_INT_bits(1), event, AMDVI_MESSAGE_GENERAL },
		{ amdvi_STATUS_COMWAIT_INT_bits(1), amdvi_CONTROL_COMWAIT_INT_EN_bits(1),
		    AMDVI_MESSAGE_GENERAL },
		{ amdvi_STATUS_PPR_OVERFLOW_bits(1), ppr, AMDVI_MESSAGE_PPR },
		{ amdvi_STATUS_PPRB_OVERFLOW_bits(1), ppr, AMDVI_MESSAGE_PPR },
		{ amdvi_STATUS_PPR_INT_bits(1), ppr, AMDVI_MESSAGE_PPR },
		{ amdvi_STATUS_GA_LOG_OVERFLOW_bits(1), guest, AMDVI_MESSAGE_GA },
		{ amdvi_STATUS_GA_INT_bits(1), guest, AMDVI_MESSAGE_GA },
		/* The early ones have an enable of their own. */
		{ amdvi_STATUS_PPR_OVERFLOW_EARLY_bits(1), 0, AMDVI_MESSAGE_PPR },
		{ amdvi_STATUS_PPRB_OVERFLOW_EARLY_bits(1), 0, AMDVI_MESSAGE_PPR },
	};

	for (unsigned i = 0; i < SOURCES; i++)
		source[i] = all[i];
}

uint64_t amdvi_status(const struct amdvi_unit *amdvi)
{
	return amdvi->registers[AMDVI_STATUS].value;
}

/* The message of the MSI capability: its low data bits are the number, as many as are enabled. */
static bool msi_message(
    const struct amdvi_unit *amdvi, enum amdvi_message message, struct iommusim_interrupt *out)
{
	const uint32_t numbers = (UINT32_C(1) << amdvi->msi.multiple) - 1;

	out->address = amdvi->msi.address;
	out->data = (amdvi->msi.data & ~numbers) | (amdvi_message_number(amdvi, message) & numbers);
	return amdvi->msi.enabled;
}

/* The three XT registers have one layout: the accessors of the first serve all. */
static void xt_message(
    const struct amdvi_unit *amdvi, enum amdvi_message message, struct iommusim_interrupt *out)
{
	static const uint8_t ids[] = { [AMDVI_MESSAGE_GENERAL] = AMDVI_XT_GEN_INT,
		[AMDVI_MESSAGE_PPR] = AMDVI_XT_PPR_INT,
		[AMDVI_MESSAGE_GA] = AMDVI_XT_GA_INT };
	const uint64_t control = amdvi->registers[ids[message]].value;
	const uint64_t low = amdvi_XT_GEN_INT_DEST_LO(control);
	uint64_t raw[2] = { 0, 0 };

	amdvi_msi_set_PREFIX(raw, INTERRUPT_PREFIX);
	amdvi_msi_set_DM(raw, amdvi_XT_GEN_INT_DEST_MODE(control));
	amdvi_msi_set_DESTINATION(raw, low);
	amdvi_msi_set_DESTINATION_HIGH(raw, (amdvi_XT_GEN_INT_DEST_HI(control) << 24 | low) >> 8);
	amdvi_msi_set_VECTOR(raw, amdvi_XT_GEN_INT_VECTOR(control));
	amdvi_msi_set_DELIVERY(raw, amdvi_XT_GEN_INT_DM(control));
	out->address = raw[0];
	out->data = (uint32_t)raw[1];
}

static bool uses_xt(const struct amdvi_unit *amdvi)
{
	return amdvi_CONTROL_INT_CAP_XT_EN(amdvi_control(amdvi)) != 0;
}

static void send(struct amdvi_unit *amdvi, enum amdvi_message message)
{
	struct iommusim_interrupt out = { .segment = amdvi->unit.segment, .from_unit = true };

	if (uses_xt(amdvi))
		xt_message(amdvi, message, &out);
	else if (!msi_message(amdvi, message, &out))
		return;
	interrupt_raise(amdvi->unit.machine, &out);
}

static bool enabled(const struct amdvi_unit *amdvi, const struct source *source)
{
	if (source->bit == amdvi_STATUS_PPR_OVERFLOW_EARLY_bits(1))
		return amdvi_PPR_EARLY_INT_EN(amdvi->registers[AMDVI_PPR_EARLY].value) != 0;
	if (source->bit == amdvi_STATUS_PPRB_OVERFLOW_EARLY_bits(1))
		return amdvi_PPRB_EARLY_INT_EN(amdvi->registers[AMDVI_PPRB_EARLY].value) != 0;
	return (amdvi_control(amdvi) & source->enable) != 0;
}

void amdvi_status_set(struct amdvi_unit *amdvi, uint64_t bits)
{
	struct register_cell *status = &amdvi->registers[AMDVI_STATUS];
	const uint64_t rising = bits & ~status->value;
	struct source source[SOURCES];

	status->value |= bits;
	if (rising == 0)
		return;
	machine_note_activity(amdvi->unit.machine);
	sources(source);
	for (unsigned i = 0; i < SOURCES; i++)
		if ((rising & source[i].bit) != 0 && enabled(amdvi, &source[i]))
			send(amdvi, source[i].message);
}

void amdvi_status_clear(struct amdvi_unit *amdvi, uint64_t bits)
{
	amdvi->registers[AMDVI_STATUS].value &= ~bits;
}

bool amdvi_event_masked(struct iommusim_unit *unit)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);
	bool masked;

	pthread_mutex_lock(&unit->lock);
	masked = amdvi_CONTROL_EVENT_INT_EN(amdvi_control(amdvi)) == 0 ||
	    (!amdvi->msi.enabled && !uses_xt(amdvi));
	pthread_mutex_unlock(&unit->lock);
	return masked;
}
