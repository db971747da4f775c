/* The oracle: legacy mode as the specification tells it, in its order, bits counted by hand. */
#include "oracle.h"

/* One request on its way. */
struct state {
	const struct oracle_unit *unit;
	const struct oracle_request *request;
	struct oracle_answer answer;
	uint64_t context[2];
	bool fpd;
};

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return value << (63 - high) >> (63 - high + low);
}

/* All bits from `low` up, none when there are none: a width may be 64. */
static uint64_t above(unsigned low)
{
	return low >= 64 ? 0 : ~UINT64_C(0) << low;
}

/* Eight bytes, little-endian. False where there is no memory. */
static bool load(struct state *state, uint64_t address, uint64_t *value)
{
	const struct oracle_unit *unit = state->unit;

	*value = 0;
	for (size_t i = 0; i < unit->window_count; i++) {
		const struct oracle_window *window = &unit->windows[i];

		if (address < window->base || address - window->base >= window->length)
			continue;
		for (unsigned byte = 0; byte < 8; byte++)
			*value |= (uint64_t)window->bytes[address - window->base + byte] << 8 * byte;
		return true;
	}
	return false;
}

static bool in_interrupt_range(uint64_t address)
{
	return address >= 0xfee00000 && address <= 0xfeefffff;
}

/* 7.1.1, Table 30: these are never suppressed. */
static bool qualified(unsigned reason)
{
	switch (reason) {
	case 0x1:
	case 0x8:
	case 0x9:
	case 0xa:
	case 0x29:
	case 0x30:
	case 0x31:
	case 0x33:
		return false;
	default:
		return true;
	}
}

static struct oracle_answer blocked(struct state *state, unsigned reason)
{
	state->answer.reason = reason;
	state->answer.blocked = true;
	state->answer.suppressed = state->fpd && qualified(reason);
	return state->answer;
}

static struct oracle_answer passed(struct state *state, uint64_t physical)
{
	state->answer.physical = physical;
	return state->answer;
}

/* 3.15: without a PASID and untranslated, FEEx_xxxx is for messages. */
static struct oracle_answer to_interrupt_range(struct state *state)
{
	const struct oracle_request *request = state->request;
	const bool message = request->kind == ORACLE_WRITE && request->length == 4;
	const bool flush = request->kind == ORACLE_READ && request->length == 0;

	state->answer.beside = true;
	if (!message && !flush)
		return blocked(state, 0x29);
	state->answer.interrupt = true;
	return passed(state, request->address);
}

/* 11.4.5, 3.4.4: what the register says, before any table. 0: go on. */
static unsigned check_root_register(const struct state *state)
{
	const unsigned mode = (unsigned)bits(state->unit->rtaddr, 11, 10);

	if (mode == 3)
		return bits(state->unit->ecap, 52, 52) != 0 ? 0x33 : 0x30;
	if (mode != 0)
		return 0x30; /* 1: only generated for units without scalable mode */
	if (state->request->has_pasid)
		return 0x31;
	return bits(state->unit->rtaddr, 7, 7) != 0 ? 0x30 : 0;
}

/* 9.1: P 0, 11:1 reserved, 63:HAW reserved, 127:64 reserved. */
static unsigned read_root(struct state *state, uint64_t *context_table)
{
	const uint64_t at =
	    bits(state->unit->rtaddr, 63, 12) * 4096 + bits(state->request->rid, 15, 8) * 16;
	uint64_t low, high;

	state->answer.reads++;
	if (!load(state, at, &low) || !load(state, at + 8, &high))
		return 0x8;
	if (bits(low, 0, 0) == 0)
		return 0x1;
	if (bits(low, 11, 1) != 0 || (low & above(state->unit->haw)) != 0 || high != 0)
		return 0xa;
	*context_table = bits(low, 63, 12) * 4096;
	return 0;
}

/* 9.3: which reserved bits a present context entry has set. */
static bool context_has_reserved_bits(const struct state *state)
{
	const uint64_t low = state->context[0], high = state->context[1];
	const unsigned domain_width = 4 + 2 * (unsigned)bits(state->unit->cap, 2, 0);
	const bool pass_through =
	    bits(low, 3, 2) == 2 && bits(state->unit->ecap, 6, 6) != 0; /* SSPTPTR is ignored */

	if (bits(low, 11, 4) != 0 || bits(high, 7, 7) != 0 || bits(high, 63, 24) != 0)
		return true;
	if (domain_width < 16 && bits(high, 23, 8) >> domain_width != 0)
		return true;
	return !pass_through && (low & above(state->unit->haw)) != 0;
}

static unsigned read_context(struct state *state, uint64_t context_table)
{
	const uint64_t at = context_table + bits(state->request->rid, 7, 0) * 16;

	state->answer.reads++;
	if (!load(state, at, &state->context[0]) || !load(state, at + 8, &state->context[1]))
		return 0x9;
	state->fpd = bits(state->context[0], 1, 1) != 0; /* whatever P says */
	if (bits(state->context[0], 0, 0) == 0)
		return 0x2;
	if (context_has_reserved_bits(state))
		return 0xb;
	state->answer.domain = (unsigned)bits(state->context[1], 23, 8);
	return 0;
}

/* 9.3, TT and AW against what CAP and ECAP have, and against the kind of request. */
static unsigned check_context(const struct state *state)
{
	const unsigned type = (unsigned)bits(state->context[0], 3, 2);
	const unsigned width = (unsigned)bits(state->context[1], 2, 0);

	if (type == 3 || (type == 1 && bits(state->unit->ecap, 2, 2) == 0) ||
	    (type == 2 && bits(state->unit->ecap, 6, 6) == 0))
		return 0x3;
	if (state->request->address_type != 0 && type != 1)
		return 0xd;
	if (width == 0 || width > 3 || (bits(state->unit->cap, 12, 8) >> width & 1) == 0)
		return 0x3;
	if (type == 2 && state->unit->pass_through_widest && width < 3 &&
	    bits(state->unit->cap, 11, 9) >> width != 0)
		return 0x3; /* bit 8 + n of CAP is width n: there is a larger one */
	return 0;
}

/* Output is input: pass-through, and translated requests. */
static struct oracle_answer as_it_is(struct state *state)
{
	const uint64_t address = state->request->address;

	state->answer.rights = 3;
	state->answer.shift = 12;
	if ((address & above(state->unit->haw)) != 0)
		return blocked(state, 0x4);
	if (in_interrupt_range(address))
		return blocked(state, 0xe);
	return passed(state, address);
}

/* 3.7, 9.8: is this the entry that maps the page? */
static bool maps_page(uint64_t entry, unsigned level)
{
	return level == 1 || ((level == 2 || level == 3) && bits(entry, 7, 7) != 0);
}

/* 3.7's list, and bit 62 (IW, as second-stage I/O bits are off in legacy mode; TM once). */
static bool has_reserved_bits(const struct state *state, uint64_t entry, unsigned level)
{
	const unsigned sizes = (unsigned)bits(state->unit->cap, 37, 34);
	const bool page = maps_page(entry, level);
	const bool transient =
	    page && state->unit->revision < 0x302 && bits(state->unit->ecap, 2, 2) != 0;

	if (bits(entry, 62, 62) != 0 && !transient)
		return true;
	if (state->unit->haw < 52 && bits(entry, 51, state->unit->haw) != 0)
		return true;
	if (level >= 4 && bits(entry, 7, 7) != 0)
		return true;
	if (page && level == 3 && ((sizes & 2) == 0 || bits(entry, 29, 12) != 0))
		return true;
	if (page && level == 2 && ((sizes & 1) == 0 || bits(entry, 20, 12) != 0))
		return true;
	return bits(entry, 11, 11) != 0 && (!page || bits(state->unit->ecap, 7, 7) == 0);
}

/* 3.7.1, 3.14: does the request have its rights? The reason, 0 when it has. */
static unsigned check_rights(const struct state *state, unsigned rights)
{
	const struct oracle_request *request = state->request;
	const bool zero_length = request->kind == ORACLE_READ && request->length == 0;

	if (request->kind != ORACLE_READ && (rights & 2) == 0)
		return 0x5;
	if (request->kind == ORACLE_WRITE || (rights & 1) != 0)
		return 0;
	if (zero_length && (rights & 2) != 0 && bits(state->unit->cap, 22, 22) != 0)
		return 0;
	return 0x6;
}

/* Nothing is mapped: the reason is that of the right the request wants. */
static struct oracle_answer not_mapped(struct state *state)
{
	state->answer.rights = 0;
	state->answer.either = state->request->kind == ORACLE_ATOMIC;
	return blocked(state, state->request->kind == ORACLE_READ ? 0x6 : 0x5);
}

static struct oracle_answer at_page(struct state *state, uint64_t entry, unsigned level)
{
	const uint64_t address = state->request->address;
	const unsigned shift = level == 1 ? 12 : level == 2 ? 21 : 30;
	const unsigned reason = check_rights(state, state->answer.rights);
	const uint64_t physical = (bits(entry, 51, shift) << shift) | bits(address, shift - 1, 0);
	const uint64_t size = (uint64_t)1 << shift, first = physical / size * size;

	state->answer.shift = shift;
	/* A translation request is told of the whole page, or of nothing (3.15). */
	if (state->request->address_type == 1 && first <= 0xfeefffff && first + size > 0xfee00000)
		return blocked(state, 0xe);
	if (reason != 0)
		return blocked(state, reason);
	if (in_interrupt_range(physical))
		return blocked(state, 0xe);
	return passed(state, physical);
}

static struct oracle_answer walk(struct state *state)
{
	const unsigned width = 30 + 9 * (unsigned)bits(state->context[1], 2, 0);
	const unsigned mgaw = (unsigned)bits(state->unit->cap, 21, 16) + 1;
	const uint64_t address = state->request->address;
	uint64_t table = bits(state->context[0], 63, 12) * 4096;

	state->answer.levels = (width - 12) / 9;
	state->answer.rights = 3;
	if ((address & above(width < mgaw ? width : mgaw)) != 0)
		return blocked(state, 0x4);
	for (unsigned level = state->answer.levels; level >= 1; level--) {
		const unsigned low = 12 + 9 * (level - 1);
		uint64_t entry;

		state->answer.reads++;
		if (!load(state, table + bits(address, low + 8, low) * 8, &entry))
			return blocked(state, level == state->answer.levels ? 0x3 : 0x7);
		state->answer.rights &= (unsigned)bits(entry, 1, 0);
		if (state->answer.rights == 0)
			return not_mapped(state);
		/* A translation request wants no right in particular: it asks for all there are (4.2.3). */
		if (state->unit->rights_at_each_level && state->request->address_type != 1 &&
		    check_rights(state, state->answer.rights) != 0)
			return blocked(state, check_rights(state, state->answer.rights));
		if (has_reserved_bits(state, entry, level))
			return blocked(state, 0xc);
		if (maps_page(entry, level))
			return at_page(state, entry, level);
		table = bits(entry, 51, 12) * 4096;
	}
	return state->answer; /* not reached: level 1 maps a page */
}

struct oracle_answer oracle_ask(const struct oracle_unit *unit, const struct oracle_request *request)
{
	struct state state = { .unit = unit, .request = request };
	uint64_t context_table = 0;
	unsigned reason;

	/* 3.1: while translation is off a PASID is not looked at. */
	if (request->address_type == 0 && (!request->has_pasid || !unit->translating) &&
	    in_interrupt_range(request->address))
		return to_interrupt_range(&state);
	/* 4.2.5: translated requests with a PASID end here without ECAP.PTRS. */
	if (!unit->translating ||
	    (request->address_type == 2 && request->has_pasid && bits(unit->ecap, 56, 56) == 0)) {
		state.answer.beside = true;
		state.answer.blocked = request->address_type != 0;
		return passed(&state, request->address);
	}
	reason = check_root_register(&state);
	if (reason == 0)
		reason = read_root(&state, &context_table);
	if (reason == 0)
		reason = read_context(&state, context_table);
	if (reason == 0)
		reason = check_context(&state);
	if (reason != 0)
		return blocked(&state, reason);
	if (bits(state.context[0], 3, 2) == 2 || request->address_type == 2)
		return as_it_is(&state);
	return walk(&state);
}
