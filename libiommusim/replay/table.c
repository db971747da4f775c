/* The table of statements, expanded from statements.def, and finding a row by its name. */
#include <string.h>

#include "replay/run.h"

const struct argument_row argument_rows[ARGUMENT_ROWS] = {
#define STATEMENT(name, handler, phase, yields, detail)
#define ARGUMENT(statement, argument_name, argument_type, argument_place, words)                       \
	[ARG_##statement##_##argument_name] = {                                                        \
		.name = #argument_name,                                                                \
		.choices = words,                                                                      \
		.type = ARGUMENT_##argument_type,                                                      \
		.place = ARGUMENT_##argument_place,                                                    \
	},
#include "replay/statements.def"
#undef STATEMENT
#undef ARGUMENT
};

const struct statement_row statement_rows[STATEMENT_ROWS + 1] = {
#define STATEMENT(statement_name, handler, statement_phase, statement_yields, row_detail)              \
	[STATEMENT_##statement_name] = {                                                               \
		.name = #statement_name,                                                               \
		.name_length = sizeof(#statement_name) - 1,                                            \
		.run = run_##handler,                                                                  \
		.phase = PHASE_##statement_phase,                                                      \
		.yields = YIELDS_##statement_yields,                                                   \
		.detail = (row_detail),                                                                \
		.first = FIRST_##statement_name,                                                       \
	},
#define ARGUMENT(statement, name, type, place, choices)
#include "replay/statements.def"
#undef STATEMENT
#undef ARGUMENT
	[STATEMENT_ROWS] = { .first = ARGUMENT_ROWS },
};

_Static_assert(STATEMENT_ROWS < STATEMENT_SLOTS / 2, "the index of statements is too small");

void statement_index_fill(struct statement_index *index)
{
	memset(index, 0, sizeof(*index));
	for (unsigned i = 0; i < STATEMENT_ROWS; i++) {
		const struct slice name = { statement_rows[i].name, strlen(statement_rows[i].name) };
		uint32_t slot = slice_hash(name) % STATEMENT_SLOTS;

		while (index->slots[slot] != 0)
			slot = (slot + 1) % STATEMENT_SLOTS;
		index->slots[slot] = (uint8_t)(i + 1);
	}
}

const struct statement_row *statement_find(
    const struct statement_index *index, struct slice name, uint32_t hash)
{
	uint32_t slot = hash % STATEMENT_SLOTS;

	for (; index->slots[slot] != 0; slot = (slot + 1) % STATEMENT_SLOTS) {
		const struct statement_row *row = &statement_rows[index->slots[slot] - 1];

		if (row->name_length == name.length && memcmp(row->name, name.at, name.length) == 0)
			return row;
	}
	return NULL;
}
