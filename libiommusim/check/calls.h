/*
 * The record of calls: every call that the library's user made, and where it came from, numbered from 1. Calls that
 * continue each other cost nothing, others what differs from the last one of their kind. Private to libiommusim/check.
 */
#ifndef IOMMUSIM_CHECK_CALLS_H
#define IOMMUSIM_CHECK_CALLS_H

#include <iommusim/check.h>

#include "machine/state.h"

/* One call that the library's user made, and where. */
struct check_place {
	const char *file;
	uint32_t line;
	struct iommusim_call call; /* `name` interned; domain and vm are NULL */
	const char *domain_name;   /* interned; of the domain the call named, NULL for none */
};

/* The highest number that there can be: users have a bit to spare. */
#define CALLS_MOST UINT32_C(0x7ffffffe)

/* What a call of a kind is expected to be: the one before it, a step further. */
struct calls_last {
	struct check_place place;
	uint64_t address_step, host_step;
	uint32_t line_step;
	uint32_t block; /* 1 + index of the block that it is good for */
};

/* Calls that are read from one place on, without what stands before. */
struct calls_block {
	const uint8_t *bytes;
	uint32_t first;
};

struct calls_chunk;

struct calls {
	struct iommusim_machine *machine;
	struct calls_chunk *chunks; /* the one that is written first of all */
	size_t chunk_count;
	uint8_t *at, *end; /* free bytes of it */
	struct calls_block *blocks;
	size_t block_count;
	size_t block_capacity;
	uint32_t count; /* calls that there are */
	uint32_t
	    repeats;    /* the last ones among them, which are as expected, are not written down yet */
	uint32_t steps; /* written in the last block */
	int kind;       /* of the last call; -1: none of the block */
	struct calls_last last[IOMMUSIM_CALL_KINDS];
};

void calls_init(struct calls *calls, struct iommusim_machine *machine);
void calls_fini(struct calls *calls);

/* Note a call. Its number, or 0: there is no memory for it, or no number is left. */
uint32_t calls_note(struct calls *calls, const struct check_place *place);

/* Calls that come one after the other, are as far apart, and differ in nothing else but the host's addresses. */
struct calls_row {
	struct check_place first;
	uint64_t address_step;
	uint32_t line_step;
	uint32_t count;
	const uint64_t *hosts; /* so many */
};

/*
 * Note some of them, at least the first one: `*noted`, not more than there are. The number of the first, which the others
 * follow; 0, with one noted: as calls_note().
 */
uint32_t calls_note_row(struct calls *calls, const struct calls_row *row, uint32_t *noted);
/* The first `count` of them are done with. */
void calls_row_pass(struct calls_row *row, uint32_t count);

/*
 * calls_note() of a mapping call, if it is as expected: what its kind does not use is 0 in all of them. 0: it is not, and
 * calls_note() is to see it.
 */
static inline uint32_t calls_continue(struct calls *calls, const struct iommusim_place *place,
    const struct iommusim_call *call, const char *domain_name)
{
	struct calls_last *last = &calls->last[call->kind];
	struct check_place *own = &last->place;

	if (calls->kind != (int)call->kind || place->line - own->line != last->line_step ||
	    call->address - own->call.address != last->address_step ||
	    call->host_address - own->call.host_address != last->host_step ||
	    call->length != own->call.length || place->file != own->file ||
	    domain_name != own->domain_name || calls->count == CALLS_MOST)
		return 0;
	own->line = place->line;
	own->call.address = call->address;
	own->call.host_address = call->host_address;
	calls->repeats++;
	return ++calls->count;
}

/* The call of a number that calls_note() returned; for 0, one of line 0 about which nothing is known. */
struct check_place calls_at(const struct calls *calls, uint32_t number);

#endif
