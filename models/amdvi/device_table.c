/*
 * Device table entries: the segment they are in, the cache of them, what is reserved in one (AMD-Vi 2.2.2).
 * What an entry means for a request: tables.c, interrupt.c.
 */
#include "models/amdvi/device_table.h"

#include "machine/memory_access.h"
#include "models/amdvi/denial.h"

#define ENTRY_BYTES      32u
#define ENTRIES_IN_PAGE  128u
#define RESERVED_HAD     2u
#define RESERVED_GLX     3u
#define LAST_PAGING_MODE 1u /* of guest tables: 0 four levels, 1 five */

/* ---- where entries are ----------------------------------------------------------------------------------- */

/* log2 of the segments in use: what CONTROL asks for, as far as the unit has them (AMD-Vi 2.2.2.2). */
static unsigned segment_bits(const struct amdvi_unit *amdvi)
{
	const unsigned asked = (unsigned)amdvi_CONTROL_DEV_TBL_SEG_EN(amdvi_control(amdvi));
	const unsigned most = (unsigned)amdvi_EFR_DEV_TBL_SEG_SUP(amdvi->features);

	return asked < most ? asked : most;
}

/* The top bits of the device id say the segment, the rest the entry in it. */
static void place(const struct amdvi_unit *amdvi, struct amdvi_device *device)
{
	const unsigned bits = segment_bits(amdvi);
	const unsigned segment = device->id >> (16 - bits);
	const unsigned index = device->id & (0xffffu >> bits);
	const uint64_t base = atomic_load(&amdvi->device_table[segment]);
	const uint64_t pages =
	    (segment == 0 ? amdvi_DEVTAB_BASE_SIZE(base) : amdvi_DEVTAB_SEG_SIZE(base)) + 1;

	device->table = amdvi_DEVTAB_BASE_BASE(base) << IOMMUSIM_PAGE_SHIFT;
	device->in_table = index < pages * ENTRIES_IN_PAGE;
	device->address = device->in_table ? device->table + index * (uint64_t)ENTRY_BYTES : 0;
}

unsigned amdvi_device_load(const struct amdvi_unit *amdvi, uint16_t id, struct amdvi_device *device)
{
	const struct memory *memory = &amdvi->unit.machine->memory;
	const bool snoops = amdvi_snoops(amdvi);

	*device = (struct amdvi_device){ .id = id };
	place(amdvi, device);
	if (!device->in_table)
		return amdvi->choices.beyond_table_is_illegal ? BEYOND_TABLE_ILLEGAL : BEYOND_TABLE;
	for (unsigned quad = 0; quad < AMDVI_DTE_QUADS; quad += 2)
		if (!memory_load128(
			memory, device->address + quad * UINT64_C(8), snoops, device->dte + quad))
			return DTE_UNREADABLE;
	device->readable = true;
	return ALLOWED;
}

/* ---- the cache ------------------------------------------------------------------------------------------- */

/* In `rights`: a page fault of the entry was logged, and SE keeps the others out of the log. */
enum { FAULT_LOGGED = 1 };

static const struct cached *find_cached(struct amdvi_unit *amdvi, uint16_t id)
{
	const struct cache_source source = { .source = id };

	return cache_find_source(&amdvi->device_cache, &source, id);
}

static bool from_cache(struct amdvi_unit *amdvi, uint16_t id, struct amdvi_device *device)
{
	const struct cached *known = find_cached(amdvi, id);

	if (known == NULL)
		return false;
	*device = (struct amdvi_device){
		.dte = { known->value[0], known->value[1], known->value[2], known->tag },
		.id = id,
		.readable = true,
		.cached = true,
	};
	place(amdvi, device);
	return true;
}

static void keep(struct amdvi_unit *amdvi, const struct amdvi_device *device)
{
	const struct cached entry = {
		.key = device->id,
		.value = { device->dte[0], device->dte[1], device->dte[2] },
		.tag = device->dte[3],
		.source = device->id,
	};

	cache_insert(&amdvi->device_cache, &entry);
}

unsigned amdvi_device_look_up(
    struct amdvi_unit *amdvi, uint16_t id, uint64_t generation, struct amdvi_device *device)
{
	unsigned reason;
	bool known;

	if (amdvi->unit.settings.cache == IOMMUSIM_CACHE_NONE)
		return amdvi_device_load(amdvi, id, device);
	pthread_mutex_lock(&amdvi->unit.lock);
	known = from_cache(amdvi, id, device);
	pthread_mutex_unlock(&amdvi->unit.lock);
	if (known)
		return ALLOWED;
	reason = amdvi_device_load(amdvi, id, device);
	if (reason != ALLOWED)
		return reason;
	if (cache_may_keep(&amdvi->unit, generation)) {
		keep(amdvi, device);
		pthread_mutex_unlock(&amdvi->unit.lock);
	}
	return ALLOWED;
}

static const char by_sa[] = "no page fault of the device is logged (DTE.SA=1)";
static const char by_se[] = "of the device's page faults only the first is logged (DTE.SE=1)";

/* `note`: this is its first fault now, if there was none. Of what is not cached none is remembered. */
static const char *silencer(struct amdvi_unit *amdvi, const struct amdvi_device *device, bool note)
{
	const struct cache_source source = { .source = device->id };
	const struct cached *known;
	bool silent;

	if (amdvi_dte_SA(device->dte))
		return by_sa;
	if (!amdvi_dte_SE(device->dte))
		return NULL;
	pthread_mutex_lock(&amdvi->unit.lock);
	known = note ? find_cached(amdvi, device->id)
		     : cache_peek_source(&amdvi->device_cache, &source, device->id);
	silent = known != NULL && (known->rights & FAULT_LOGGED) != 0;
	if (note && known != NULL) {
		struct cached noted = *known;

		noted.rights = FAULT_LOGGED;
		cache_insert(&amdvi->device_cache, &noted);
	}
	pthread_mutex_unlock(&amdvi->unit.lock);
	return silent ? by_se : NULL;
}

const char *amdvi_device_silencer_peek(struct amdvi_unit *amdvi, const struct amdvi_device *device)
{
	return silencer(amdvi, device, false);
}

const char *amdvi_device_silencer(struct amdvi_unit *amdvi, const struct amdvi_device *device)
{
	return silencer(amdvi, device, true);
}

/* ---- events ---------------------------------------------------------------------------------------------- */

bool amdvi_device_read(const struct amdvi_unit *amdvi, uint16_t id, const struct amdvi_asker *asker,
    struct amdvi_device *device, struct amdvi_event *event)
{
	const unsigned reason = amdvi_device_load(amdvi, id, device);
	const struct amdvi_denial_meaning *meaning = amdvi_denial(reason);

	if (meaning == NULL)
		return true;
	*event = (struct amdvi_event){
		.code = meaning->code,
		.device = device->id,
		.address = asker->address,
		.write = asker->write,
	};
	if (reason == DTE_UNREADABLE) {
		event->address = device->address;
		event->type = AMDVI_TARGET_ABORT;
		return false;
	}
	event->pasid = asker->pasid;
	event->guest = asker->has_pasid;
	return false;
}

/* ---- what an entry says ---------------------------------------------------------------------------------- */

bool amdvi_device_has_guest(const struct amdvi_unit *amdvi, const struct amdvi_device *device)
{
	return amdvi_CONTROL_GT_EN(amdvi_control(amdvi)) != 0 && amdvi_dte_GV(device->dte) != 0;
}

/* HAD: 1 asks for accessed flags, 3 for dirty ones too; each takes a unit that can. */
static bool had_is_reserved(const struct amdvi_unit *amdvi, uint64_t had)
{
	if (had == 0)
		return false;
	return had == RESERVED_HAD || !amdvi_EFR_HASUP(amdvi->features) ||
	    (had > RESERVED_HAD && !amdvi_EFR_HDSUP(amdvi->features));
}

static bool guest_fields_reserved(const struct amdvi_unit *amdvi, const struct amdvi_device *device)
{
	if (!amdvi_device_has_guest(amdvi, device))
		return false;
	return amdvi_dte_GLX(device->dte) == RESERVED_GLX ||
	    amdvi_dte_GUEST_PAGING_MODE(device->dte) > LAST_PAGING_MODE;
}

bool amdvi_device_memory_reserved(const struct amdvi_unit *amdvi, const struct amdvi_device *device)
{
	return (device->dte[0] & amdvi->reserved.dte[0]) != 0 ||
	    (device->dte[1] & amdvi->reserved.dte[1]) != 0 ||
	    had_is_reserved(amdvi, amdvi_dte_HAD(device->dte)) || guest_fields_reserved(amdvi, device);
}

/* The table is aligned to 128 bytes, though its address has a bit more. */
bool amdvi_device_interrupt_reserved(const struct amdvi_unit *amdvi, const struct amdvi_device *device)
{
	return (device->dte[2] & amdvi->reserved.dte[2]) != 0 ||
	    (device->dte[3] & amdvi->reserved.dte[3]) != 0 ||
	    (amdvi_dte_INT_TAB_ROOT(device->dte) & 1) != 0 ||
	    amdvi_dte_GUEST_PAGING_MODE(device->dte) > LAST_PAGING_MODE;
}

uint64_t amdvi_device_gcr3(const struct amdvi_device *device)
{
	return amdvi_dte_GCR3_LOW(device->dte) << 12 | amdvi_dte_GCR3_MIDDLE(device->dte) << 15 |
	    amdvi_dte_GCR3_HIGH(device->dte) << 31;
}

uint64_t amdvi_device_interrupt_table(const struct amdvi_device *device)
{
	return amdvi_dte_INT_TAB_ROOT(device->dte) << 6;
}
