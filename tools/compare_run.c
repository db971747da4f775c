/* Running one story under several profiles, and laying the runs side by side. What is shown of it is elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "compare.h"

/* Room for one more element behind `count`. False: no memory. */
static bool grow(void *array, size_t count, size_t *room, size_t size)
{
	const size_t wanted = *room == 0 ? 64 : *room * 2;
	void *block;

	if (count < *room)
		return true;
	memcpy(&block, array, sizeof(block)); /* whatever it points to: no type is punned */
	block = reallocarray(block, wanted, size);
	if (block == NULL)
		return false;
	memcpy(array, &block, sizeof(block));
	*room = wanted;
	return true;
}

/* ---- one run ---------------------------------------------------------------------------------------- */

static void note_dma(void *context, const struct iommusim_check *check, uint32_t line,
    const char *statement, const struct iommusim_report *report, bool expected)
{
	struct compare_column *column = context;

	(void)check;
	(void)statement;
	(void)expected;
	replay_progress_show(column->progress, column->file, line);
	column->cell.is_dma = true;
	column->cell.verdict = report->verdict;
	if (report->outcome.page.faulted)
		column->cell.fault = report->outcome.page.fault.reason;
	column->cell.blamed = report->blamed_column;
	column->cell.known = report->known_bug;
	column->pages[report->verdict] += report->pages_of_verdict;
}

static void note_finding(void *context, const struct iommusim_finding *finding, bool expected)
{
	struct compare_column *column = context;

	(void)expected;
	column->cell.findings |= UINT64_C(1) << finding->id;
}

/* Keep what there is to say of the statement that ended. False: no memory. */
static bool keep(struct compare_column *column, uint32_t line, const char *statement)
{
	struct compare_record *record;

	if (!grow(&column->records, column->record_count, &column->record_room, sizeof(*record)))
		return false;
	record = &column->records[column->record_count];
	*record = (struct compare_record){
		.line = line, .statement = strdup(statement), .cell = column->cell
	};
	if (record->statement == NULL)
		return false;
	record->cell.told = true;
	column->record_count++;
	return true;
}

static void note_statement(void *context, uint32_t line, const char *statement, const char *result)
{
	struct compare_column *column = context;
	struct compare_cell *cell = &column->cell;

	cell->copied = column->counts.bounced - column->copied_before;
	column->copied_before = column->counts.bounced;
	if (result[0] != '\0') {
		cell->result = strdup(result);
		column->out_of_memory |= cell->result == NULL;
	}
	if ((cell->is_dma || cell->result != NULL || cell->findings != 0) &&
	    !keep(column, line, statement)) {
		column->out_of_memory = true;
		free(cell->result);
	}
	*cell = (struct compare_cell){ .told = false };
}

static void note_end(void *context, const struct iommusim_vmm *vmm, const struct iommusim_check *check)
{
	struct compare_column *column = context;
	struct iommusim_unit *unit = iommusim_unit_at(iommusim_vmm_machine(vmm), 0);

	(void)check;
	if (unit != NULL)
		strncpy(column->vendor, iommusim_unit_vendor(unit), sizeof(column->vendor) - 1);
}

static void run_column(struct comparison *comparison, struct compare_column *column,
    const struct iommusim_replay_options *given, const char *text, size_t length)
{
	struct iommusim_replay_options options = *given;

	column->progress = &comparison->progress;
	column->file = comparison->file;
	options.profile = column->name;
	options.counts = &column->counts;
	options.brief = true; /* of what is OK the table says no more */
	options.context = column;
	options.on_dma = note_dma;
	options.on_finding = note_finding;
	options.on_statement = note_statement;
	options.on_end = note_end;
	column->status = iommusim_replay(
	    comparison->file, text, length, &options, &column->summary, &column->problem);
	free(column->cell.result);
	comparison->out_of_memory |= column->out_of_memory;
}

/* ---- side by side ------------------------------------------------------------------------------------ */

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same(const struct compare_cell *a, const struct compare_cell *b)
{
	static const struct compare_cell silent;

	a = a == NULL ? &silent : a;
	b = b == NULL ? &silent : b;
	return a->is_dma == b->is_dma && a->verdict == b->verdict && a->fault == b->fault &&
	    a->copied == b->copied && a->findings == b->findings && is_same_text(a->result, b->result);
}

/* Did the column get as far as this line? */
static bool has_run(const struct compare_column *column, uint32_t line)
{
	return column->status == IOMMUSIM_OK || line < column->problem.line;
}

/* The row of the lowest line that a column has a record of at its place; false: there are none left. */
static bool next_row(const struct comparison *comparison, const size_t *at, struct compare_row *row)
{
	uint32_t line = UINT32_MAX;

	for (unsigned i = 0; i < comparison->column_count; i++) {
		const struct compare_column *column = &comparison->columns[i];

		if (at[i] < column->record_count && column->records[at[i]].line < line)
			line = column->records[at[i]].line;
	}
	memset(row, 0, sizeof(*row));
	row->line = line;
	return line != UINT32_MAX;
}

static void fill_row(struct comparison *comparison, size_t *at, struct compare_row *row)
{
	for (unsigned i = 0; i < comparison->column_count; i++) {
		struct compare_column *column = &comparison->columns[i];
		struct compare_record *record = &column->records[at[i]];

		row->ran[i] = has_run(column, row->line);
		if (at[i] < column->record_count && record->line == row->line) {
			row->cells[i] = &record->cell;
			row->statement = record->statement;
			row->is_dma |= record->cell.is_dma;
			at[i]++;
		}
		row->differs |=
		    i > 0 && (row->ran[i] != row->ran[0] || !is_same(row->cells[i], row->cells[0]));
	}
}

static void find_rows(struct comparison *comparison)
{
	size_t at[COMPARE_COLUMNS] = { 0 };
	struct compare_row row;

	while (next_row(comparison, at, &row)) {
		fill_row(comparison, at, &row);
		if (!row.is_dma && !row.differs)
			continue;
		if (!grow(
			&comparison->rows, comparison->row_count, &comparison->row_room, sizeof(row))) {
			comparison->out_of_memory = true;
			return;
		}
		comparison->rows[comparison->row_count++] = row;
	}
}

void compare_run(struct comparison *comparison, const struct iommusim_replay_options *options,
    const char *text, size_t length)
{
	replay_progress_start(&comparison->progress);
	for (unsigned i = 0; i < comparison->column_count; i++)
		run_column(comparison, &comparison->columns[i], options, text, length);
	replay_progress_clear(&comparison->progress);
	find_rows(comparison);
	compare_totals(comparison);
}

void compare_free(struct comparison *comparison)
{
	for (unsigned i = 0; i < comparison->column_count; i++) {
		struct compare_column *column = &comparison->columns[i];

		for (size_t j = 0; j < column->record_count; j++) {
			free(column->records[j].statement);
			free(column->records[j].cell.result);
		}
		free(column->records);
		iommusim_profile_free(column->profile);
	}
	free(comparison->rows);
}

bool compare_blamed(
    const struct comparison *comparison, const char *column, size_t *row, unsigned *under)
{
	for (; *row < comparison->row_count; (*row)++, *under = 0)
		for (; *under < comparison->column_count; (*under)++) {
			const struct compare_cell *cell = comparison->rows[*row].cells[*under];

			if (cell != NULL && cell->blamed != NULL && strcmp(cell->blamed, column) == 0)
				return true;
		}
	return false;
}

bool compare_policy(
    const struct comparison *comparison, size_t index, struct iommusim_policy *policies, bool *beyond)
{
	bool differs = false;

	*beyond = false;
	for (unsigned i = 0; i < comparison->column_count; i++) {
		if (!iommusim_profile_policy(comparison->columns[i].profile, index, &policies[i])) {
			*beyond = true;
			return false;
		}
		differs |= strcmp(policies[i].value, policies[0].value) != 0;
	}
	return differs;
}
