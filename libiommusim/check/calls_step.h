/*
 * How the record of calls is written: steps of a few bytes, each what a call has beyond the one that was expected.
 * Private to calls*.c.
 */
#ifndef IOMMUSIM_CHECK_CALLS_STEP_H
#define IOMMUSIM_CHECK_CALLS_STEP_H

#include "check/calls.h"

#define BLOCK_STEPS 64u /* of a block at most: so many are gone through to find a call */

/* What a step says, and in what order: a call, or how many follow that are as expected. */
enum {
	STEP_KIND = 1, /* it is another than the last call's */
	STEP_LINE = 2,
	STEP_ADDRESS = 4,
	STEP_HOST = 8,
	STEP_LENGTH = 16,
	STEP_REST = 32,
	STEP_REPEAT = 64, /* nothing else, but a number */
	STEP_ROW = 128    /* nothing else, but calls whose host addresses alone are not as expected */
};

#define NUMBER_BYTES 10u /* of the longest number */
#define REPEAT_BYTES (1 + (size_t)NUMBER_BYTES)

/* ---- numbers --------------------------------------------------------------------------------------- */

static inline void calls_put(uint8_t **at, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*(*at)++ = (uint8_t)(number | 0x80);
	*(*at)++ = (uint8_t)number;
}

static inline uint64_t calls_take(const uint8_t **at)
{
	uint64_t number = 0;
	unsigned shift = 0;

	for (; (**at & 0x80) != 0; shift += 7)
		number |= (uint64_t)(*(*at)++ & 0x7f) << shift;
	return number | (uint64_t) * (*at)++ << shift;
}

/* Small ones are short, whatever their sign. */
static inline uint64_t calls_fold(uint64_t difference)
{
	return difference << 1 ^ (uint64_t) - (int64_t)(difference >> 63);
}

static inline uint64_t calls_unfold(uint64_t folded)
{
	return folded >> 1 ^ (uint64_t) - (int64_t)(folded & 1);
}

/* Addresses are mostly a number of pages apart: the bits below are 0, and left out. 1 stands for: they are not. */
static inline void calls_put_step(uint8_t **at, uint64_t step)
{
	if ((step & (IOMMUSIM_PAGE_SIZE - 1)) == 0) {
		calls_put(at, calls_fold((uint64_t)((int64_t)step >> IOMMUSIM_PAGE_SHIFT)) << 1);
		return;
	}
	calls_put(at, 1);
	calls_put(at, calls_fold(step));
}

static inline uint64_t calls_take_step(const uint8_t **at)
{
	const uint64_t number = calls_take(at);

	return number == 1 ? calls_unfold(calls_take(at))
			   : calls_unfold(number >> 1) << IOMMUSIM_PAGE_SHIFT;
}

/* ---- what is expected ------------------------------------------------------------------------------- */

static inline uint64_t calls_device(const struct iommusim_call *call)
{
	return (uint64_t)call->segment << 16 | call->rid | (uint64_t)call->contiguous << 32 |
	    (uint64_t)call->unwired << 33 | (uint64_t)call->depth << 34;
}

static inline bool calls_same_rest(const struct check_place *a, const struct check_place *b)
{
	return a->file == b->file && a->domain_name == b->domain_name && a->call.name == b->call.name &&
	    a->call.value == b->call.value && a->call.driver == b->call.driver &&
	    a->call.status == b->call.status && calls_device(&a->call) == calls_device(&b->call);
}

static inline void calls_advance(struct calls_last *last, uint32_t steps)
{
	last->place.line += last->line_step * steps;
	last->place.call.address += last->address_step * steps;
	last->place.call.host_address += last->host_step * steps;
}

static inline bool calls_is_expected(const struct calls_last *last, const struct check_place *place)
{
	return place->line - last->place.line == last->line_step &&
	    place->call.address - last->place.call.address == last->address_step &&
	    place->call.host_address - last->place.call.host_address == last->host_step &&
	    place->call.length == last->place.call.length && calls_same_rest(place, &last->place);
}

/* Repeats that are counted only are written down: there always is room for that. */
static inline void calls_put_repeats(struct calls *calls)
{
	if (calls->repeats == 0)
		return;
	*calls->at++ = STEP_REPEAT;
	calls_put(&calls->at, calls->repeats);
	calls->repeats = 0;
	calls->steps++;
}

/*
 * calls_row.c: the rest of a step of many calls. `last` becomes the one of them that has number `wanted`, counted from
 * 1, or the last one of all. Returns how many there are.
 */
uint32_t calls_take_row(const uint8_t **at, struct calls_last *last, uint32_t wanted);

#endif
