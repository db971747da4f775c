/* Lives made for policies whose flaw others hardly meet: other machines, other steps. */
#include "property/lifecycle.h"

static void sound(struct life_board *board)
{
	board->hindrance = LIFE_NOTHING;
	board->region_after = 0;
	board->region = board->alias = false;
}

/* A VM with memory on both sides of 4 GiB. Few of these: each of its pages is mapped by itself. */
void life_suit_high_memory(struct life *life, struct random *random)
{
	sound(&life->board);
	life->board.giant = true;
	life->board.low = 256 * MIB;
	life->board.high = 4 * GIB;
	life->count = 8 + (unsigned)random_below(random, 4);
	life->steps[0] = (struct life_step){ .op = OP_CREATE };
	life->steps[1] = (struct life_step){ .op = OP_ASSIGN, .a = LIFE_PPT };
	for (unsigned i = 2; i < life->count; i++)
		life->steps[i] = (struct life_step){ .op = OP_DMA,
			.a = (uint32_t)random_next(random),
			.b = random_chance(random, 60) ? 3 : (uint32_t)random_next(random),
			.c = (uint32_t)random_next(random) };
}

/* The loader names the units: two are the most it can name. */
void life_suit_regmap(struct life *life, struct random *random)
{
	struct life_board *board = &life->board;

	sound(board);
	board->regmap = true;
	board->unit_count = 1 + (unsigned)random_below(random, 2);
	for (unsigned place = 0; place < PLACES; place++)
		board->unit_of[place] %= (uint8_t)board->unit_count;
}

/* Seventeen or eighteen units, of which some govern something. The host's devices stay with the first eight. */
void life_suit_many_units(struct life *life, struct random *random)
{
	struct life_board *board = &life->board;

	sound(board);
	board->unit_count = LIFE_UNITS - 1 + (unsigned)random_below(random, 2);
	for (unsigned place = 0; place < PLACES; place++)
		board->unit_of[place] = (uint8_t)random_below(random, board->unit_count);
	board->unit_of[PLACE_GFX] %= 8;
	board->unit_of[PLACE_REST] %= 8;
	board->unit_of[PLACE_BUS1 + random_below(random, 3)] = (uint8_t)(board->unit_count - 1);
}

/* Firmware's table forgets some functions: ones of the host's, or, with AMD-Vi, two of ppt's. */
void life_suit_ungoverned(struct life *life, struct random *random)
{
	struct life_board *board = &life->board;
	const bool hosts = board->vendor == LIFE_VTD || random_chance(random, 50);

	sound(board);
	board->unit_of[hosts ? PLACE_REST : PLACE_BUS1] = LIFE_NO_UNIT;
	if (hosts)
		board->hindrance = LIFE_UNGOVERNED;
}

/* A caller's domain, and pages that are mapped beyond its width. */
void life_suit_wrong(struct life *life, struct random *random)
{
	sound(&life->board);
	life->steps[0] = (struct life_step){ .op = OP_DOMAIN };
	for (unsigned i = 1; i < life->count; i++)
		if (random_chance(random, 20))
			life->steps[i].op = OP_WRONG;
}

/* One unit, and more functions than its command buffer has room for commands. */
void life_suit_crowd(struct life *life, struct random *random)
{
	(void)random;
	sound(&life->board);
	life->board.crowd = true;
	life->board.unit_count = 1;
	memset(life->board.unit_of, 0, sizeof(life->board.unit_of));
}
