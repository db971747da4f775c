/*
 * The logs in memory: the event logs, those of page requests and of guest interrupts (AMD-Vi 2.5 to 2.7):
 * appending, overflow, restart, changing over from one of two to the other. What is in an entry is
 * event.c's, page_request.c's and virtual_apic.c's.
 */
#include "models/amdvi/log.h"

#include <iommusim/clock.h>

#include "machine/memory_access.h"
#include "models/amdvi/ring.h"
#include "models/amdvi/status.h"

/* One ring, and its bits in STATUS. */
struct ring {
	enum amdvi_register_id base, head, tail;
	uint64_t overflow;
};

/* A kind of log: one ring, or two. */
struct log {
	struct ring rings[2]; /* A, B */
	uint64_t run;
	uint64_t interrupt;
	uint64_t active; /* STATUS: B is in use */
	uint64_t enable; /* CONTROL */
	unsigned mode;   /* CONTROL: which ring is used */
	unsigned entry_bytes;
};

enum { USE_A = 0, USE_B = 1, SWAP = 2 };

static struct log event_log(uint64_t control)
{
	return (struct log){
		.rings = { { AMDVI_EVENT_BASE, AMDVI_EVENT_HEAD, AMDVI_EVENT_TAIL,
			       amdvi_STATUS_EVENT_OVERFLOW_bits(1) },
		    { AMDVI_EVENTB_BASE, AMDVI_EVENTB_HEAD, AMDVI_EVENTB_TAIL,
			amdvi_STATUS_EVENTB_OVERFLOW_bits(1) } },
		.run = amdvi_STATUS_EVENT_LOG_RUN_bits(1),
		.interrupt = amdvi_STATUS_EVENT_LOG_INT_bits(1),
		.active = amdvi_STATUS_EVENT_LOG_ACTIVE_bits(1),
		.enable = amdvi_CONTROL_EVENT_LOG_EN_bits(1),
		.mode = (unsigned)amdvi_CONTROL_DUAL_EVENT_LOG_EN(control),
		.entry_bytes = 16,
	};
}

static struct log ppr_log(uint64_t control)
{
	return (struct log){
		.rings = { { AMDVI_PPR_BASE, AMDVI_PPR_HEAD, AMDVI_PPR_TAIL,
			       amdvi_STATUS_PPR_OVERFLOW_bits(1) },
		    { AMDVI_PPRB_BASE, AMDVI_PPRB_HEAD, AMDVI_PPRB_TAIL,
			amdvi_STATUS_PPRB_OVERFLOW_bits(1) } },
		.run = amdvi_STATUS_PPR_LOG_RUN_bits(1),
		.interrupt = amdvi_STATUS_PPR_INT_bits(1),
		.active = amdvi_STATUS_PPR_LOG_ACTIVE_bits(1),
		.enable = amdvi_CONTROL_PPR_LOG_EN_bits(1),
		.mode = (unsigned)amdvi_CONTROL_DUAL_PPR_LOG_EN(control),
		.entry_bytes = 16,
	};
}

static struct log guest_log(void)
{
	return (struct log){
		.rings = { { AMDVI_GALOG_BASE, AMDVI_GALOG_HEAD, AMDVI_GALOG_TAIL,
		    amdvi_STATUS_GA_LOG_OVERFLOW_bits(1) } },
		.run = amdvi_STATUS_GA_LOG_RUN_bits(1),
		.interrupt = amdvi_STATUS_GA_INT_bits(1),
		.enable = amdvi_CONTROL_GA_LOG_EN_bits(1),
		.entry_bytes = 8,
	};
}

static struct log log_of(enum amdvi_log log, uint64_t control)
{
	if (log == AMDVI_LOG_EVENT)
		return event_log(control);
	return log == AMDVI_LOG_PPR ? ppr_log(control) : guest_log();
}

/* ---- one ring ------------------------------------------------------------------------------------------ */

static uint64_t ring_bytes(const struct amdvi_unit *amdvi, const struct ring *ring)
{
	return amdvi_ring_bytes(amdvi->registers[ring->base].value);
}

static uint64_t offset_in(const struct amdvi_unit *amdvi, const struct ring *ring, bool tail)
{
	return amdvi->registers[tail ? ring->tail : ring->head].value % ring_bytes(amdvi, ring);
}

/* Entries that still fit: one less than there are places. */
static uint64_t room(const struct amdvi_unit *amdvi, const struct log *log, const struct ring *ring)
{
	const uint64_t bytes = ring_bytes(amdvi, ring);
	const uint64_t used =
	    (offset_in(amdvi, ring, true) + bytes - offset_in(amdvi, ring, false)) % bytes;

	return (bytes - used) / log->entry_bytes - 1;
}

/* ---- the erratum of a tail before its entry -------------------------------------------------------------- */

/* Stored always with snooping; where there is no memory it is lost, and nobody is told. */
static void store(struct amdvi_unit *amdvi, uint64_t address, const uint64_t *entry, unsigned bytes)
{
	memory_device_write(&amdvi->unit.machine->memory, address, entry, bytes);
}

void amdvi_log_catch_up(struct amdvi_unit *amdvi)
{
	struct amdvi_late_entry *late = &amdvi->late_entry;

	if (!late->waits)
		return;
	late->waits = false;
	store(amdvi, late->address, late->entry, sizeof(late->entry));
}

static void arrive(void *context)
{
	struct amdvi_unit *amdvi = context;

	pthread_mutex_lock(&amdvi->unit.lock);
	amdvi_log_catch_up(amdvi);
	pthread_mutex_unlock(&amdvi->unit.lock);
}

void amdvi_log_tail_read(struct amdvi_unit *amdvi, unsigned id)
{
	if (id != AMDVI_EVENT_TAIL && id != AMDVI_EVENTB_TAIL && id != AMDVI_PPR_TAIL &&
	    id != AMDVI_PPRB_TAIL)
		return;
	if (amdvi->late_entry.waits &&
	    iommusim_clock_schedule(amdvi->unit.machine, 1, arrive, amdvi) != IOMMUSIM_OK)
		amdvi_log_catch_up(amdvi);
}

static void put(
    struct amdvi_unit *amdvi, const struct log *log, uint64_t address, const uint64_t *entry)
{
	amdvi_log_catch_up(amdvi); /* entries arrive in order */
	if (!amdvi->choices.tail_before_entry || log->entry_bytes != sizeof(amdvi->late_entry.entry)) {
		store(amdvi, address, entry, log->entry_bytes);
		return;
	}
	amdvi->late_entry = (struct amdvi_late_entry){
		.address = address, .entry = { entry[0], entry[1] }, .waits = true
	};
}

/* ---- appending ----------------------------------------------------------------------------------------- */

/* The GA log's tail is stored in memory too, where software says so (AMD-Vi 2.7). */
static void copy_tail(struct amdvi_unit *amdvi, const struct ring *ring)
{
	const uint64_t address = amdvi->registers[AMDVI_GALOG_TAIL_ADDR].value;

	if (ring->tail == AMDVI_GALOG_TAIL && address != 0)
		store(amdvi, address, &amdvi->registers[ring->tail].value, sizeof(uint64_t));
}

/* Returns where it went. */
static uint64_t append(
    struct amdvi_unit *amdvi, const struct log *log, const struct ring *ring, const uint64_t *entry)
{
	const uint64_t tail = offset_in(amdvi, ring, true);
	const uint64_t address = amdvi_ring_base(amdvi->registers[ring->base].value) + tail;

	put(amdvi, log, address, entry);
	amdvi->registers[ring->tail].value = (tail + log->entry_bytes) % ring_bytes(amdvi, ring);
	copy_tail(amdvi, ring);
	return address;
}

/* Few places left in a log of page requests, where software wants to know of that (EFR.PprOvrflwEarlySup). */
static void warn_early(struct amdvi_unit *amdvi, const struct log *log, const struct ring *ring)
{
	const bool is_b = ring->tail == AMDVI_PPRB_TAIL;
	const uint64_t early = amdvi->registers[is_b ? AMDVI_PPRB_EARLY : AMDVI_PPR_EARLY].value;

	if ((ring->tail != AMDVI_PPR_TAIL && !is_b) || !amdvi_PPR_EARLY_EN(early) ||
	    room(amdvi, log, ring) > amdvi_PPR_EARLY_THRESHOLD(early))
		return;
	amdvi_status_set(amdvi,
	    is_b ? amdvi_STATUS_PPRB_OVERFLOW_EARLY_bits(1) : amdvi_STATUS_PPR_OVERFLOW_EARLY_bits(1));
}

/*
 * The ring in use is full. With automatic swap the other one takes over, if it has not overflowed itself;
 * else nothing is logged any more. NULL then.
 */
static const struct ring *overflow(struct amdvi_unit *amdvi, const struct log *log, unsigned used)
{
	const struct ring *other = &log->rings[!used];

	amdvi_status_set(amdvi, log->rings[used].overflow);
	if (log->mode == SWAP && (amdvi_status(amdvi) & other->overflow) == 0 &&
	    room(amdvi, log, other) > 0) {
		amdvi->registers[AMDVI_STATUS].value ^= log->active;
		return other;
	}
	amdvi_status_clear(amdvi, log->run);
	return NULL;
}

static bool is_on(const struct log *log, uint64_t control)
{
	return amdvi_CONTROL_IOMMU_EN(control) != 0 && (control & log->enable) != 0;
}

/* An overflow stops a log: what comes behind it is lost to the same overflow (AMD-Vi 2.5). */
static enum amdvi_logged stopped(const struct amdvi_unit *amdvi, const struct log *log, unsigned used)
{
	return is_on(log, amdvi_control(amdvi)) &&
		(amdvi_status(amdvi) & log->rings[used].overflow) != 0
	    ? AMDVI_LOG_OVERFLOW
	    : AMDVI_LOG_OFF;
}

enum amdvi_logged amdvi_log_append_at(
    struct amdvi_unit *amdvi, enum amdvi_log which, const uint64_t *entry, uint64_t *address)
{
	const struct log log = log_of(which, amdvi_control(amdvi));
	const unsigned used = (amdvi_status(amdvi) & log.active) != 0;
	const struct ring *ring = &log.rings[used];

	if ((amdvi_status(amdvi) & log.run) == 0)
		return stopped(amdvi, &log, used);
	if (room(amdvi, &log, ring) == 0)
		ring = overflow(amdvi, &log, used);
	if (ring == NULL)
		return AMDVI_LOG_OVERFLOW;
	*address = append(amdvi, &log, ring, entry);
	warn_early(amdvi, &log, ring);
	amdvi_status_set(amdvi, log.interrupt);
	return AMDVI_LOGGED;
}

enum amdvi_logged amdvi_log_append(
    struct amdvi_unit *amdvi, enum amdvi_log which, const uint64_t *entry)
{
	uint64_t address;

	return amdvi_log_append_at(amdvi, which, entry, &address);
}

/* ---- on and off ---------------------------------------------------------------------------------------- */

/* Software has to clear an overflow before a log that had one runs again (AMD-Vi 2.5). */
static void start(struct amdvi_unit *amdvi, const struct log *log)
{
	const unsigned used = log->mode == USE_B;

	amdvi_status_clear(amdvi, log->active);
	if (used)
		amdvi->registers[AMDVI_STATUS].value |= log->active;
	if ((amdvi_status(amdvi) & log->rings[used].overflow) == 0)
		amdvi->registers[AMDVI_STATUS].value |= log->run;
}

void amdvi_log_control_written(struct amdvi_unit *amdvi, uint64_t before)
{
	const uint64_t control = amdvi_control(amdvi);

	for (enum amdvi_log which = AMDVI_LOG_EVENT; which <= AMDVI_LOG_GA; which++) {
		const struct log log = log_of(which, control);

		if (!is_on(&log, control))
			amdvi_status_clear(amdvi, log.run);
		else if (!is_on(&log, before))
			start(amdvi, &log);
	}
}
