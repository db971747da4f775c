/* The record of calls, as differences to what was expected. What a call means is not known here. */
#include "check/calls.h"

#include <string.h>

#include "check/calls_step.h"

/* Memory comes in chunks; once there are many, in rows of large pages, which cost an eighth to be given. */
#define CHUNK_BYTES    16384u
#define CHUNKS_ENOUGH  8u
#define RESERVED_BYTES ((size_t)8 << 20)

/* Everything of a call that seldom changes. */
struct rest {
	const char *file, *name, *domain_name;
	uint64_t value;
	uint64_t device; /* and flags */
	uint64_t driver;
};

#define STEP_BYTES (2 + 5 * NUMBER_BYTES + sizeof(struct rest))

struct calls_chunk {
	struct calls_chunk *next;
	bool reserved; /* RESERVED_BYTES of address space */
	uint8_t bytes[];
};

void calls_init(struct calls *calls, struct iommusim_machine *machine)
{
	memset(calls, 0, sizeof(*calls));
	calls->machine = machine;
	calls->kind = -1;
}

static size_t chunk_size(const struct calls_chunk *chunk)
{
	return chunk->reserved ? RESERVED_BYTES : CHUNK_BYTES;
}

/* NULL: no memory. */
static struct calls_chunk *new_chunk(const struct calls *calls)
{
	const struct iommusim_allocator *allocator = &calls->machine->allocator;
	struct calls_chunk *chunk = NULL;

	if (calls->chunk_count >= CHUNKS_ENOUGH)
		chunk = allocator->reserve(allocator->context, RESERVED_BYTES);
	if (chunk != NULL) {
		chunk->reserved = true;
		return chunk;
	}
	chunk = machine_alloc(calls->machine, CHUNK_BYTES);
	if (chunk != NULL)
		chunk->reserved = false;
	return chunk;
}

void calls_fini(struct calls *calls)
{
	const struct iommusim_allocator *allocator = &calls->machine->allocator;
	struct calls_chunk *chunk;

	while ((chunk = calls->chunks) != NULL) {
		calls->chunks = chunk->next;
		if (chunk->reserved)
			allocator->unreserve(allocator->context, chunk, RESERVED_BYTES);
		else
			machine_free(calls->machine, chunk, CHUNK_BYTES);
	}
	machine_free(calls->machine, calls->blocks, calls->block_capacity * sizeof(*calls->blocks));
	calls_init(calls, calls->machine);
}

/* ---- writing --------------------------------------------------------------------------------------- */

static void put_rest(uint8_t **at, const struct check_place *place)
{
	const struct rest rest = {
		.file = place->file,
		.name = place->call.name,
		.domain_name = place->domain_name,
		.value = place->call.value,
		.device = calls_device(&place->call),
		.driver = (uint64_t)place->call.driver << 32 | (uint32_t)place->call.status,
	};

	memcpy(*at, &rest, sizeof(rest));
	*at += sizeof(rest);
}

/* Write a call down as what it has beyond `last`, which becomes it. */
static void put_call(struct calls *calls, struct calls_last *last, const struct check_place *place)
{
	const struct calls_last before = *last;
	uint8_t *flags = calls->at++;

	last->line_step = place->line - before.place.line;
	last->address_step = place->call.address - before.place.call.address;
	last->host_step = place->call.host_address - before.place.call.host_address;
	last->place = *place;
	*flags = 0;
	if (calls->kind != (int)place->call.kind) {
		*flags |= STEP_KIND;
		*calls->at++ = (uint8_t)place->call.kind;
	}
	if (last->line_step != before.line_step) {
		*flags |= STEP_LINE;
		calls_put(&calls->at, calls_fold((uint64_t)(int32_t)last->line_step));
	}
	if (last->address_step != before.address_step) {
		*flags |= STEP_ADDRESS;
		calls_put_step(&calls->at, last->address_step);
	}
	if (last->host_step != before.host_step) {
		*flags |= STEP_HOST;
		calls_put_step(&calls->at, last->host_step);
	}
	if (place->call.length != before.place.call.length) {
		*flags |= STEP_LENGTH;
		calls_put(&calls->at, place->call.length);
	}
	if (!calls_same_rest(place, &before.place)) {
		*flags |= STEP_REST;
		put_rest(&calls->at, place);
	}
}

/* There always is room for a step more of those that were counted (calls_put_repeats()). */
static bool has_room(const struct calls *calls)
{
	return (size_t)(calls->end - calls->at) >= STEP_BYTES + 2 * REPEAT_BYTES;
}

static void use_chunk(struct calls *calls, struct calls_chunk *chunk)
{
	chunk->next = calls->chunks;
	calls->chunks = chunk;
	calls->chunk_count++;
	calls->at = chunk->bytes;
	calls->end = (uint8_t *)chunk + chunk_size(chunk);
}

/* The call after all that there are begins a block. False: no memory, and nothing has changed. */
static bool begin_block(struct calls *calls)
{
	struct calls_chunk *chunk = NULL;

	if (!machine_grow(calls->machine, &calls->blocks, &calls->block_capacity,
		calls->block_count + 1, sizeof(*calls->blocks)))
		return false;
	if (!has_room(calls)) {
		chunk = new_chunk(calls);
		if (chunk == NULL)
			return false;
	}
	calls_put_repeats(calls);
	if (chunk != NULL)
		use_chunk(calls, chunk);
	calls->blocks[calls->block_count++] =
	    (struct calls_block){ .bytes = calls->at, .first = calls->count + 1 };
	calls->steps = 0;
	calls->kind = -1;
	return true;
}

static uint32_t note_unexpected(struct calls *calls, const struct check_place *place)
{
	struct calls_last *last = &calls->last[place->call.kind];

	if ((calls->block_count == 0 || calls->steps >= BLOCK_STEPS || !has_room(calls)) &&
	    !begin_block(calls))
		return 0;
	calls_put_repeats(calls);
	if (last->block != calls->block_count) {
		memset(last, 0, sizeof(*last));
		last->block = (uint32_t)calls->block_count;
	}
	put_call(calls, last, place);
	calls->kind = (int)place->call.kind;
	calls->steps++;
	return ++calls->count;
}

uint32_t calls_note(struct calls *calls, const struct check_place *place)
{
	struct calls_last *last = &calls->last[place->call.kind];

	if (calls->count == CALLS_MOST)
		return 0;
	if (calls->kind != (int)place->call.kind || !calls_is_expected(last, place))
		return note_unexpected(calls, place);
	calls_advance(last, 1);
	calls->repeats++;
	return ++calls->count;
}

/* ---- reading --------------------------------------------------------------------------------------- */

static void take_rest(const uint8_t **at, struct check_place *place)
{
	struct rest rest;

	memcpy(&rest, *at, sizeof(rest));
	*at += sizeof(rest);
	place->file = rest.file;
	place->domain_name = rest.domain_name;
	place->call.name = rest.name;
	place->call.value = rest.value;
	place->call.rid = (uint16_t)rest.device;
	place->call.segment = (uint16_t)(rest.device >> 16);
	place->call.contiguous = rest.device >> 32 & 1;
	place->call.unwired = rest.device >> 33 & 1;
	place->call.depth = (unsigned)(rest.device >> 34);
	place->call.driver = (enum iommusim_driver)(rest.driver >> 32);
	place->call.status = (enum iommusim_status)(int32_t)(uint32_t)rest.driver;
}

/* The rest of a step that says these things. */
static void take_call(const uint8_t **at, unsigned flags, struct calls_last *last)
{
	if ((flags & STEP_LINE) != 0)
		last->line_step = (uint32_t)calls_unfold(calls_take(at));
	if ((flags & STEP_ADDRESS) != 0)
		last->address_step = calls_take_step(at);
	if ((flags & STEP_HOST) != 0)
		last->host_step = calls_take_step(at);
	calls_advance(last, 1);
	if ((flags & STEP_LENGTH) != 0)
		last->place.call.length = calls_take(at);
	if ((flags & STEP_REST) != 0)
		take_rest(at, &last->place);
}

static size_t block_of(const struct calls *calls, uint32_t number)
{
	size_t low = 0, high = calls->block_count;

	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;

		if (calls->blocks[middle].first <= number)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct check_place calls_at(const struct calls *calls, uint32_t number)
{
	struct calls_last seen[IOMMUSIM_CALL_KINDS];
	const struct calls_block *block;
	const uint8_t *at;
	uint32_t next;
	unsigned kind = 0;

	memset(seen, 0, sizeof(seen));
	if (number == 0 || number > calls->count)
		return seen[0].place;
	block = &calls->blocks[block_of(calls, number)];
	at = block->bytes;
	/* What is not written down follows the last block's steps. */
	for (next = block->first; next <= number && next <= calls->count - calls->repeats;) {
		const unsigned flags = *at++;

		if ((flags & STEP_REPEAT) != 0) {
			const uint32_t repeats = (uint32_t)calls_take(&at), left = number + 1 - next;

			calls_advance(&seen[kind], repeats < left ? repeats : left);
			next += repeats;
			continue;
		}
		if ((flags & STEP_ROW) != 0) {
			next += calls_take_row(&at, &seen[kind], number + 1 - next);
			continue;
		}
		if ((flags & STEP_KIND) != 0)
			kind = *at++;
		seen[kind].place.call.kind = (enum iommusim_call_kind)kind;
		take_call(&at, flags, &seen[kind]);
		next++;
	}
	if (next <= number)
		calls_advance(&seen[kind], number + 1 - next);
	return seen[kind].place;
}
