/* Measuring the rows of a table: timed in turns without counters, then counted once. How it is shown is table_write.c. */
#include "ops/table.h"

#include <string.h>

#include "measure.h"

/* A row on its stage. */
struct player {
	const struct workload *workload;
	struct stage_plan plan;
	struct stage stage;
	struct player *all;
	unsigned count; /* of all */
};

bool table_add(struct table *table, const char *name, const struct iommusim_bench_subject *subject)
{
	struct table_row *row = &table->rows[table->count];

	if (table->count == TABLE_ROWS)
		return false;
	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s", name);
	row->subject = *subject;
	table->count++;
	return true;
}

static bool prepare(void *context)
{
	struct player *player = context;

	/* One driver at a time: its variables may be the process's. */
	for (unsigned i = 0; i < player->count; i++)
		if (&player->all[i] == player || player->all[i].stage.rig.started != NULL)
			stage_close(&player->all[i].stage);
	return stage_open(&player->stage, &player->plan) &&
	    (player->workload->prepare == NULL || player->workload->prepare(&player->stage));
}

static bool play(void *context, uint64_t first, uint64_t count)
{
	struct player *player = context;

	(void)first;
	(void)count;
	return player->workload->run(&player->stage);
}

static bool count_once(struct player *player, struct table_row *row)
{
	bool good;

	player->plan.counting = true;
	good = prepare(player);
	if (good) {
		stage_begin(&player->stage);
		good = player->workload->run(&player->stage);
		stage_end(&player->stage);
	}
	if (good)
		row->counts = player->stage.counts;
	return good;
}

static bool run_players(struct table *table, struct player *players)
{
	const uint64_t units = table->workload->count(table->pages);
	const struct measure_plan plan = { units, units, TABLE_ROUNDS, false };
	struct contestant contestants[TABLE_ROWS];
	struct measured results[TABLE_ROWS];

	for (unsigned i = 0; i < table->count; i++)
		contestants[i] = (struct contestant){ table->rows[i].name, &players[i], prepare, play };
	if (measure(&plan, contestants, table->count, results) != MEASURE_DONE)
		return false;
	for (unsigned i = 0; i < table->count; i++) {
		table->rows[i].time = results[i].median;
		table->rows[i].p99 = results[i].p99;
		if (!count_once(&players[i], &table->rows[i]))
			return false;
		table->rows[i].modelled =
		    costs_model(players[i].plan.costs, &table->rows[i].counts.events) / (double)units;
	}
	return true;
}

bool table_run(struct table *table, const struct costs *costs, char *text, size_t size)
{
	struct player players[TABLE_ROWS];
	bool good;

	memset(players, 0, sizeof(players));
	for (unsigned i = 0; i < table->count; i++) {
		players[i].workload = table->workload;
		players[i].all = players;
		players[i].count = table->count;
		players[i].plan = (struct stage_plan){
			.subject = &table->rows[i].subject, .costs = costs, .pages = table->pages
		};
	}
	good = run_players(table, players);
	for (unsigned i = 0; i < table->count; i++) {
		if (!good && players[i].stage.rig.status != IOMMUSIM_OK) {
			const int length = snprintf(
			    text, size, "%s, %s: ", table->workload->name, table->rows[i].name);

			if (length >= 0 && (size_t)length < size)
				rig_explain(
				    &players[i].stage.rig, text + length, size - (size_t)length);
		}
		stage_close(&players[i].stage);
	}
	return good;
}
