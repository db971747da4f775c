/*
 * Performance counters (AMD-Vi 2.8, 3.4): their registers, and the counting. What counts is said where it
 * happens.
 *
 * Events alone are counted: with COUNT_UNITS a counter counts clocks, of which the model has none.
 */
#include "models/amdvi/performance.h"

#include "models/amdvi/event.h"

#define BANK_BYTES    0x1000u /* a bank's share of the registers */
#define COUNTER_BYTES 0x100u  /* a counter's share of its bank */

/* The registers of a counter, in their order. */
static const struct spec_structure *const registers[AMDVI_COUNTER_REGISTERS] = {
	&amdvi_COUNTER_spec,
	&amdvi_COUNTER_SOURCE_spec,
	&amdvi_COUNTER_PASID_spec,
	&amdvi_COUNTER_DOMAIN_spec,
	&amdvi_COUNTER_DEVICE_spec,
	&amdvi_COUNTER_REPORT_spec,
};

/* ---- what a unit has ----------------------------------------------------------------------------------- */

static size_t counters_of(const struct amdvi_unit *amdvi)
{
	return (size_t)amdvi->counter_banks * amdvi->counters;
}

enum iommusim_status amdvi_counters_create(struct amdvi_unit *amdvi, struct iommusim_machine *machine)
{
	const size_t count = counters_of(amdvi);

	if (count == 0)
		return IOMMUSIM_OK;
	amdvi->counter = machine_alloc_zeroed(machine, count * sizeof(*amdvi->counter));
	if (amdvi->counter == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for performance counters");
	return IOMMUSIM_OK;
}

void amdvi_counters_destroy(struct amdvi_unit *amdvi, struct iommusim_machine *machine)
{
	machine_free(machine, amdvi->counter, counters_of(amdvi) * sizeof(*amdvi->counter));
	amdvi->counter = NULL;
}

void amdvi_counters_reset(struct amdvi_unit *amdvi)
{
	for (size_t i = 0; i < counters_of(amdvi); i++)
		amdvi->counter[i] = (struct amdvi_counter){ .value = { 0 } };
	atomic_store_explicit(&amdvi->counted, 0, memory_order_relaxed);
}

/* ---- registers ----------------------------------------------------------------------------------------- */

/* The register that locks such a register of a bank; AMDVI_REGISTER_COUNT: none does. */
static enum amdvi_register_id lock_of(unsigned number)
{
	switch (number) {
	case AMDVI_COUNTER_PASID:
		return AMDVI_COUNTER_PASID_LOCK;
	case AMDVI_COUNTER_DOMAIN:
		return AMDVI_COUNTER_DOMAIN_LOCK;
	case AMDVI_COUNTER_DEVICE:
		return AMDVI_COUNTER_DEVICE_LOCK;
	default:
		return AMDVI_REGISTER_COUNT;
	}
}

static uint64_t bank_of(uint64_t offset)
{
	return (offset - AMDVI_COUNTED_BYTES / 2) / BANK_BYTES;
}

static bool is_locked(const struct amdvi_unit *amdvi, uint64_t offset, unsigned number)
{
	const enum amdvi_register_id lock = lock_of(number);

	return lock != AMDVI_REGISTER_COUNT &&
	    (amdvi->registers[lock].value >> bank_of(offset) & 1) != 0;
}

/* The register a doubleword is in; NULL: there is none. */
static uint64_t *register_at(const struct amdvi_unit *amdvi, uint64_t offset, unsigned *number)
{
	const uint64_t inside = offset - AMDVI_COUNTED_BYTES / 2;
	const uint64_t bank = bank_of(offset);
	const uint64_t counter = inside % BANK_BYTES / COUNTER_BYTES;

	*number = (unsigned)(inside % COUNTER_BYTES / sizeof(uint64_t));
	if (bank >= amdvi->counter_banks || counter >= amdvi->counters ||
	    *number >= AMDVI_COUNTER_REGISTERS)
		return NULL;
	return &amdvi->counter[bank * amdvi->counters + counter].value[*number];
}

/* How far up the doubleword at `offset` stands in its register. */
static unsigned shift_of(uint64_t offset)
{
	return (unsigned)(offset % sizeof(uint64_t)) * 8;
}

uint32_t amdvi_counters_read(const struct amdvi_unit *amdvi, uint64_t offset)
{
	unsigned number;
	const uint64_t *value = register_at(amdvi, offset, &number);

	return value == NULL ? 0 : (uint32_t)(*value >> shift_of(offset));
}

/* What a counter counts; of numbers without a meaning, of sources not in the specification, in clocks: nothing. */
static enum amdvi_counted counted_by(const struct amdvi_counter *counter)
{
	const uint64_t source = counter->value[AMDVI_COUNTER_SOURCE];
	const uint64_t what = amdvi_COUNTER_SOURCE_SOURCE(source);

	if (what > AMDVI_COUNT_LAST || amdvi_COUNTER_SOURCE_COUNT_UNITS(source) ||
	    amdvi_COUNTER_SOURCE_CAC(source))
		return AMDVI_COUNT_NOTHING;
	return (enum amdvi_counted)what;
}

static void set_counted(struct amdvi_unit *amdvi)
{
	uint32_t counted = 0;

	for (size_t i = 0; i < counters_of(amdvi); i++)
		counted |= UINT32_C(1) << counted_by(&amdvi->counter[i]);
	atomic_store_explicit(
	    &amdvi->counted, counted & ~(UINT32_C(1) << AMDVI_COUNT_NOTHING), memory_order_relaxed);
}

bool amdvi_counters_write(struct amdvi_unit *amdvi, uint64_t offset, uint32_t value)
{
	const bool idle = amdvi_counting_idle(amdvi);
	unsigned number;
	uint64_t *register_ = register_at(amdvi, offset, &number);
	uint64_t mask;

	if (register_ == NULL || is_locked(amdvi, offset, number))
		return false;
	mask = ~spec_reserved(registers[number], &amdvi->spec, 0) &
	    UINT64_C(0xffffffff) << shift_of(offset);
	*register_ = (*register_ & ~mask) | ((uint64_t)value << shift_of(offset) & mask);
	set_counted(amdvi);
	return idle && !amdvi_counting_idle(amdvi);
}

/* ---- counting ------------------------------------------------------------------------------------------ */

static bool same(uint64_t a, uint64_t b, uint64_t mask)
{
	return ((a ^ b) & mask) == 0;
}

/* All match registers that are on must let it through; what is not known, none does. */
static bool passes(const struct amdvi_counter *counter, const struct amdvi_subject *subject)
{
	const uint64_t pasid = counter->value[AMDVI_COUNTER_PASID];
	const uint64_t domain = counter->value[AMDVI_COUNTER_DOMAIN];
	const uint64_t device = counter->value[AMDVI_COUNTER_DEVICE];

	if (amdvi_COUNTER_PASID_EN(pasid) &&
	    !(subject->has_pasid &&
		same(
		    subject->pasid, amdvi_COUNTER_PASID_MATCH(pasid), amdvi_COUNTER_PASID_MASK(pasid))))
		return false;
	if (amdvi_COUNTER_DOMAIN_EN(domain) &&
	    !(subject->has_domain &&
		same(subject->domain, amdvi_COUNTER_DOMAIN_MATCH(domain),
		    amdvi_COUNTER_DOMAIN_MASK(domain))))
		return false;
	return !amdvi_COUNTER_DEVICE_EN(device) ||
	    (subject->has_device &&
		same(subject->device, amdvi_COUNTER_DEVICE_MATCH(device),
		    amdvi_COUNTER_DEVICE_MASK(device)));
}

/* A counter went past its last value: reported with its note, if software wants that (AMD-Vi 2.5.11). */
static void report(struct amdvi_unit *amdvi, const struct amdvi_counter *counter)
{
	const uint64_t note = counter->value[AMDVI_COUNTER_REPORT];
	const struct amdvi_event event = {
		.code = AMDVI_EVENT_COUNTER_ZERO,
		.address =
		    amdvi_COUNTER_REPORT_NOTE_HI(note) << 32 | amdvi_COUNTER_REPORT_NOTE_LO(note),
	};

	if (amdvi_COUNTER_REPORT_CERE(note))
		amdvi_event_report_locked(amdvi, &event, false, NULL);
}

static void increase(struct amdvi_unit *amdvi, struct amdvi_counter *counter, unsigned times)
{
	const uint64_t before = counter->value[AMDVI_COUNTER_COUNT];
	const uint64_t after = amdvi_COUNTER_COUNT(before + times);

	counter->value[AMDVI_COUNTER_COUNT] = after;
	if (after < before)
		report(amdvi, counter);
}

void amdvi_count_unlocked(struct amdvi_unit *amdvi, enum amdvi_counted what,
    const struct amdvi_subject *subject, unsigned times)
{
	static const struct amdvi_subject nobody = { .has_device = false };

	pthread_mutex_lock(&amdvi->unit.lock);
	for (size_t i = 0; i < counters_of(amdvi); i++) {
		struct amdvi_counter *counter = &amdvi->counter[i];

		if (counted_by(counter) == what && passes(counter, subject == NULL ? &nobody : subject))
			increase(amdvi, counter, times);
	}
	pthread_mutex_unlock(&amdvi->unit.lock);
}
