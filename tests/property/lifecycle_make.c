/* Making random lives: the machine, and what is done with it. */
#include "property/lifecycle.h"

static void make_units(struct life_board *board, struct random *random)
{
	board->unit_count = 1 + (unsigned)random_below(random, LIFE_FEW_UNITS);
	for (unsigned place = 0; place < PLACES; place++)
		board->unit_of[place] = (uint8_t)random_below(random, board->unit_count);
	/* firmware mostly names the unit for all the rest last */
	if (random_chance(random, 80))
		board->unit_of[PLACE_REST] = (uint8_t)(board->unit_count - 1);
	for (unsigned unit = 0; unit < LIFE_FEW_UNITS; unit++) {
		board->write_buffer[unit] = board->preset != LIFE_SAPPHIRE && random_chance(random, 15);
		board->device_tlb[unit] = random_chance(random, 50);
	}
}

static void make_board(struct life_board *board, struct random *random)
{
	board->preset = (unsigned)random_below(random, 5);
	make_units(board, random);
	if (random_chance(random, 3))
		board->hindrance = LIFE_NO_TABLE;
	else if (board->vendor == LIFE_VTD && random_chance(random, 3))
		board->hindrance = LIFE_TAKEN;
	if (board->vendor == LIFE_VTD && random_chance(random, 20))
		board->region_after = 1 + (unsigned)random_below(random, board->unit_count);
	board->region = random_chance(random, 20);
	board->alias = random_chance(random, 20);
	board->device_view = random_chance(random, 10);
	board->low = (16 + random_below(random, 16)) * MIB;
	if (random_chance(random, 1)) { /* a table for all addresses up there is what takes time */
		board->low += 48 * MIB;
		board->high = (1 + random_below(random, 16)) * MIB;
	}
}

/* How often each operation comes, of 100. */
static const uint8_t shares[OPS] = { [OP_CREATE] = 8,
	[OP_ASSIGN] = 13,
	[OP_UNASSIGN] = 5,
	[OP_DESTROY] = 6,
	[OP_DMA] = 30,
	[OP_HOST_IO] = 4,
	[OP_ADD] = 4,
	[OP_DELETE] = 2,
	[OP_MASTER] = 2,
	[OP_RESET] = 2,
	[OP_ATS] = 5,
	[OP_DOMAIN] = 3,
	[OP_MAP] = 8,
	[OP_JOIN] = 6,
	[OP_UNLOAD] = 2 };

/* The same of lives that are about a caller's own domain and what is mapped there. */
static const uint8_t own_shares[OPS] = { [OP_DMA] = 45,
	[OP_MAP] = 38,
	[OP_JOIN] = 3,
	[OP_ATS] = 5,
	[OP_DOMAIN] = 3,
	[OP_ADD] = 3,
	[OP_UNLOAD] = 3 };

static enum life_op any_op(struct random *random, const uint8_t of[OPS])
{
	unsigned at = (unsigned)random_below(random, 100), op = 0;

	while (op < OP_UNLOAD && at >= of[op])
		at -= of[op++];
	return (enum life_op)op;
}

static void make_steps(struct life *life, struct random *random, const uint8_t of[OPS])
{
	life->count = 8 + (unsigned)random_below(random, LIFE_STEPS - 8);
	for (unsigned i = 0; i < life->count; i++)
		life->steps[i] = (struct life_step){ .op = any_op(random, of),
			.a = (uint32_t)random_next(random),
			.b = (uint32_t)random_next(random),
			.c = (uint32_t)random_next(random) };
}

/* Most lives begin with a VM that has a device: without one there is no IOMMU to speak of. */
static void make_guests(struct life *life, struct random *random)
{
	make_steps(life, random, shares);
	if (!random_chance(random, 85))
		return;
	life->steps[0].op = OP_CREATE;
	life->steps[1].op = OP_ASSIGN;
	life->steps[1].a = LIFE_PPT + life->steps[1].a % (LIFE_LATE - LIFE_PPT);
	life->steps[1].b = life->steps[0].a % 3;
}

/* One domain, and few pages of it. */
static void make_own(struct life *life, struct random *random)
{
	make_steps(life, random, own_shares);
	life->steps[0].op = OP_DOMAIN;
	life->steps[1].op = OP_JOIN;
	life->steps[2].op = OP_MAP;
	for (unsigned i = 0; i < life->count; i++) {
		struct life_step *step = &life->steps[i];

		if (step->op == OP_DMA) {
			step->b = 0;
			step->c %= (uint32_t)(3 * PAGE / 16);
			continue;
		}
		if (step->op == OP_MAP)
			step->b %= 3;
		if (step->op != OP_JOIN)
			step->a &= ~1u;
		else
			step->b &= ~1u;
	}
}

void life_make(struct life *life, enum life_vendor vendor, uint64_t seed, uint64_t number)
{
	struct random random = random_of_case(seed, number * LIFE_VENDORS + vendor);

	memset(life, 0, sizeof(*life));
	life->seed = seed;
	life->number = number;
	life->board.vendor = vendor;
	make_board(&life->board, &random);
	if (random_chance(&random, 75))
		make_guests(life, &random);
	else
		make_own(life, &random);
}
