/* Rows of mapping calls in the record, whose host addresses alone tell them apart. All other steps are calls.c's. */
#include <string.h>

#include "check/calls_step.h"

/* Shorter ones take no more room one by one. */
#define ROW_LEAST 8u

/* Of the host's addresses the bits are kept that number a page within 16 TiB, of which all are in the same. */
#define NUMBER_SIZE 4u
#define BLOCK_SHIFT (32 + IOMMUSIM_PAGE_SHIFT)
#define IN_BLOCK    (((UINT64_C(1) << BLOCK_SHIFT) - 1) & ~(IOMMUSIM_PAGE_SIZE - 1))

/* Of a row but for its addresses: what it is, how many, where it begins. */
#define HEAD_BYTES (1 + 3 * (size_t)NUMBER_BYTES)

void calls_row_pass(struct calls_row *row, uint32_t count)
{
	row->first.line += row->line_step * count;
	row->first.call.address += row->address_step * count;
	row->hosts += count;
	row->count -= count;
	if (row->count > 0)
		row->first.call.host_address = row->hosts[0];
}

/* ---- writing --------------------------------------------------------------------------------------- */

/* Are they all as expected, but for the host's addresses? */
static bool continues(
    const struct calls *calls, const struct calls_last *last, const struct calls_row *row)
{
	const struct check_place *first = &row->first, *own = &last->place;

	return calls->kind == (int)first->call.kind && first->line - own->line == last->line_step &&
	    first->call.address - own->call.address == last->address_step &&
	    first->call.length == own->call.length && calls_same_rest(first, own) &&
	    (row->count == 1 ||
		(row->line_step == last->line_step && row->address_step == last->address_step)) &&
	    row->count < CALLS_MOST - calls->count;
}

/* How many, the first ones, are as expected to the last. */
static uint32_t count_expected(const struct calls_last *last, const struct calls_row *row)
{
	uint64_t host = last->place.call.host_address;
	uint32_t count = 0;

	while (count < row->count && row->hosts[count] - host == last->host_step)
		host = row->hosts[count++];
	return count;
}

/* Where hosts are as far apart as the three before them, they are soon told by how many: looked for here and there. */
#define RUN_STRIDE 16u

static bool runs_on(const uint64_t *hosts, uint32_t at)
{
	return hosts[at + 1] - hosts[at] == hosts[at] - hosts[at - 1];
}

/* So many in a row are worth a step of their own. */
static bool runs_long(const uint64_t *hosts, uint32_t at)
{
	for (uint32_t i = 0; i < RUN_STRIDE; i++)
		if (!runs_on(hosts, at + i))
			return false;
	return true;
}

/* How many of a row, the first ones, are before a run that need not be written down one by one. */
static uint32_t count_scattered(const uint64_t *hosts, uint32_t count)
{
	for (uint32_t at = RUN_STRIDE / 2; at + RUN_STRIDE < count; at += RUN_STRIDE) {
		uint32_t first = at;

		if (!runs_on(hosts, at + RUN_STRIDE / 2) || !runs_long(hosts, at))
			continue;
		while (first > 1 && runs_on(hosts, first - 1))
			first--;
		return first + 1; /* the second of a run says how far apart its calls are */
	}
	return count;
}

/* False: they are not in one block, or no multiples of pages; then what was written means nothing. */
static bool put_numbers(uint8_t *restrict at, const uint64_t *restrict hosts, uint32_t count)
{
	const uint64_t first = hosts[0];
	uint64_t odd = first & (IOMMUSIM_PAGE_SIZE - 1);

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t number = (uint32_t)(hosts[i] >> IOMMUSIM_PAGE_SHIFT);

		odd |= hosts[i] ^ first;
		memcpy(at + (size_t)i * NUMBER_SIZE, &number, sizeof(number));
	}
	return (odd & ~IN_BLOCK) == 0;
}

/* Write down as many as there is room for in the block. Returns how many; 0: it is better to write them one by one. */
static uint32_t put_row(struct calls *calls, const struct calls_last *last, const struct calls_row *row)
{
	const size_t spare = HEAD_BYTES + 2 * REPEAT_BYTES, room = (size_t)(calls->end - calls->at);
	uint32_t count = count_scattered(row->hosts, row->count);
	uint8_t *at;

	if (calls->steps >= BLOCK_STEPS || room < spare)
		return 0;
	if (count > (room - spare) / NUMBER_SIZE)
		count = (uint32_t)((room - spare) / NUMBER_SIZE);
	if (count < ROW_LEAST)
		return 0;
	calls_put_repeats(calls);
	at = calls->at;
	*at++ = STEP_ROW;
	calls_put(&at, count);
	calls_put_step(&at, row->hosts[0] - last->place.call.host_address);
	if (!put_numbers(at, row->hosts, count))
		return 0;
	calls->at = at + (size_t)count * NUMBER_SIZE;
	calls->steps++;
	return count;
}

uint32_t calls_note_row(struct calls *calls, const struct calls_row *row, uint32_t *noted)
{
	struct calls_last *last = &calls->last[row->first.call.kind];
	uint32_t count;

	*noted = 1;
	if (!continues(calls, last, row))
		return calls_note(calls, &row->first);
	count = count_expected(last, row);
	if (count > 0) {
		calls->repeats += count;
		calls_advance(last, count);
	} else {
		count = put_row(calls, last, row);
		if (count == 0)
			return calls_note(calls, &row->first);
		calls_advance(last, count);
		last->place.call.host_address = row->hosts[count - 1];
		last->host_step = row->hosts[count - 1] - row->hosts[count - 2];
	}
	*noted = count;
	calls->count += count;
	return calls->count - count + 1;
}

/* ---- reading --------------------------------------------------------------------------------------- */

static uint64_t host_at(uint64_t base, const uint8_t *numbers, uint32_t index)
{
	uint32_t number;

	memcpy(&number, numbers + (size_t)index * NUMBER_SIZE, sizeof(number));
	return (base & ~IN_BLOCK) | (uint64_t)number << IOMMUSIM_PAGE_SHIFT;
}

uint32_t calls_take_row(const uint8_t **at, struct calls_last *last, uint32_t wanted)
{
	const uint32_t count = (uint32_t)calls_take(at);
	const uint64_t base = last->place.call.host_address + calls_take_step(at);
	const uint32_t steps = wanted < count ? wanted : count;
	const uint8_t *numbers = *at;

	calls_advance(last, steps);
	last->place.call.host_address = host_at(base, numbers, steps - 1);
	last->host_step = host_at(base, numbers, count - 1) - host_at(base, numbers, count - 2);
	*at += (size_t)count * NUMBER_SIZE;
	return count;
}
