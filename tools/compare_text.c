/* `iommusim compare` for people: a row a DMA, a table of totals, and the policies that make the difference. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "wrap.h"

enum { LABEL = 60, CELL = 64, INDENT = 8, GAP = 2 };

/* How wide each column of the tables is. */
struct widths {
	unsigned of[COMPARE_COLUMNS];
};

/* "64 KiB copied" */
static void write_copied(uint64_t bytes, char *text, size_t size)
{
	if (bytes % 1024 == 0)
		snprintf(text, size, "%" PRIu64 " KiB copied", bytes / 1024);
	else
		snprintf(text, size, "%" PRIu64 " bytes copied", bytes);
}

static void append(char *text, const char *more)
{
	const size_t length = strlen(text);

	snprintf(text + length, CELL - length, "%s%s", length == 0 ? "" : ", ", more);
}

/* "LOST (5h)", "ok, 64 KiB copied", "error(ENXIO)"; of a DMA that is as it should be the verdict is small. */
static void write_dma(const struct compare_cell *cell, char *text)
{
	const char *name = iommusim_verdict_name(cell->verdict);
	char copied[CELL];

	snprintf(text, CELL, "%s", name);
	for (char *c = text; cell->verdict != IOMMUSIM_VERDICT_OK && *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	if (cell->fault != 0)
		snprintf(text + strlen(text), CELL - strlen(text), " (%xh)", cell->fault);
	if (cell->copied == 0)
		return;
	write_copied(cell->copied, copied, sizeof(copied));
	append(text, copied);
}

static void write_cell(const struct compare_row *row, unsigned column, char *text)
{
	const struct compare_cell *cell = row->cells[column];

	text[0] = '\0';
	if (cell != NULL && cell->is_dma)
		write_dma(cell, text);
	if (cell != NULL && cell->result != NULL)
		append(text, cell->result);
	for (unsigned i = 0; cell != NULL && i < IOMMUSIM_FINDING_COUNT; i++)
		if ((cell->findings >> i & 1) != 0)
			append(text, iommusim_finding_name((enum iommusim_finding_id)i));
	if (text[0] == '\0')
		append(text, row->ran[column] ? "ok" : "not run");
}

/* Numbers in groups of three are read at a glance. */
static void write_number(uint64_t number, char *text)
{
	char digits[24];
	size_t length, out = 0;

	length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);
	for (size_t i = 0; i < length; i++) {
		if (i != 0 && (length - i) % 3 == 0)
			text[out++] = ' ';
		text[out++] = digits[i];
	}
	text[out] = '\0';
}

static void widen(struct widths *widths, unsigned column, const char *text)
{
	if (strlen(text) > widths->of[column])
		widths->of[column] = (unsigned)strlen(text);
}

static struct widths measure(const struct comparison *comparison)
{
	struct widths widths = { { 0 } };
	char text[CELL];

	for (unsigned i = 0; i < comparison->column_count; i++) {
		widen(&widths, i, comparison->columns[i].name);
		for (size_t j = 0; j < comparison->row_count; j++) {
			write_cell(&comparison->rows[j], i, text);
			widen(&widths, i, text);
		}
		for (size_t j = 0; j < comparison->total_count; j++) {
			write_number(comparison->totals[j].values[i], text);
			widen(&widths, i, text);
		}
	}
	return widths;
}

/* ---- tables ------------------------------------------------------------------------------------------ */

/* The label, marked when its cells differ, and filled up to where they begin. */
static void begin_line(const struct comparison *comparison, bool differs, const char *label, bool cells)
{
	const bool bright = differs && comparison->colour;

	printf(
	    "%s%c %s%s", bright ? "\033[1m" : "", differs ? '*' : ' ', label, bright ? "\033[0m" : "");
	if (!cells)
		return;
	if (strlen(label) > LABEL)
		printf("\n%*s", LABEL + 2, "");
	else
		printf("%*s", (int)(LABEL - strlen(label)), "");
}

static void print_cell(const struct widths *widths, unsigned column, bool last, const char *text)
{
	printf("%*s%-*s", GAP, "", last ? 0 : (int)widths->of[column], text);
	if (last)
		putchar('\n');
}

static void print_names(const struct comparison *comparison, const struct widths *widths)
{
	printf("\n%*s", LABEL + 2, "");
	for (unsigned i = 0; i < comparison->column_count; i++)
		print_cell(widths, i, i + 1 == comparison->column_count, comparison->columns[i].name);
}

static void print_rows(const struct comparison *comparison, const struct widths *widths)
{
	char label[640], cell[CELL];

	for (size_t i = 0; i < comparison->row_count; i++) {
		const struct compare_row *row = &comparison->rows[i];

		snprintf(label, sizeof(label), "line %-3" PRIu32 " %s", row->line, row->statement);
		begin_line(comparison, row->differs, label, true);
		for (unsigned j = 0; j < comparison->column_count; j++) {
			write_cell(row, j, cell);
			print_cell(widths, j, j + 1 == comparison->column_count, cell);
		}
	}
	if (comparison->row_count == 0)
		puts("  no DMA, and every call came out alike");
}

static void print_totals(const struct comparison *comparison, const struct widths *widths)
{
	for (size_t i = 0; i < comparison->total_count; i++) {
		const struct compare_total *total = &comparison->totals[i];
		char label[sizeof(total->label) + 16], number[CELL];

		if (total->name[0] == '\0') {
			printf("\n  %s\n", total->label);
			continue;
		}
		if (total->quiet && compare_is_zero(comparison, total))
			continue;
		snprintf(label, sizeof(label), "%*s%s", (int)total->depth * 2, "", total->label);
		begin_line(comparison, total->differs, label, true);
		for (unsigned j = 0; j < comparison->column_count; j++) {
			write_number(total->values[j], number);
			print_cell(widths, j, j + 1 == comparison->column_count, number);
		}
	}
}

/* ---- policies ---------------------------------------------------------------------------------------- */

/* The profiles from `first` on that have its value, and its source if `with_source`: a bit each. */
static unsigned alike(const struct comparison *comparison, const struct iommusim_policy *policies,
    unsigned first, bool with_source)
{
	unsigned which = 0;

	for (unsigned i = first; i < comparison->column_count; i++)
		if (strcmp(policies[i].value, policies[first].value) == 0 &&
		    (!with_source ||
			(policies[i].assumed == policies[first].assumed &&
			    strcmp(policies[i].source, policies[first].source) == 0)))
			which |= 1u << i;
	return which;
}

/* "13.0, 13.1" */
static const char *join(const struct comparison *comparison, unsigned which, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < comparison->column_count && length < size; i++)
		if ((which >> i & 1) != 0)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
			    length == 0 ? "" : ", ", comparison->columns[i].name);
	return text;
}

/* The sources of a value that the profiles `which` have: those that have the same one together. */
static void print_sources(
    const struct comparison *comparison, const struct iommusim_policy *policies, unsigned which)
{
	const unsigned all = which;
	char names[256], first[300];

	for (unsigned i = 0; i < comparison->column_count; i++) {
		unsigned same;

		if ((which >> i & 1) == 0)
			continue;
		same = alike(comparison, policies, i, true);
		which &= ~same;
		snprintf(first, sizeof(first),
		    "      %s%s%s: ", policies[i].assumed ? "assumed, source" : "source",
		    same == all ? "" : " of ",
		    same == all ? "" : join(comparison, same, names, sizeof(names)));
		fputs(first, stdout);
		wrap_print(strlen(first), INDENT, policies[i].source);
	}
}

/* "blamed for line 19 under 13.0 (D34607, ...)", a line each: what the reports say of it. */
static void print_blame(const struct comparison *comparison, const char *column)
{
	unsigned under = 0;

	for (size_t row = 0; compare_blamed(comparison, column, &row, &under); under++) {
		const struct compare_cell *cell = comparison->rows[row].cells[under];

		printf("    blamed for line %" PRIu32 " under %s%s%s%s\n", comparison->rows[row].line,
		    comparison->columns[under].name, cell->known == NULL ? "" : " (",
		    cell->known == NULL ? "" : cell->known, cell->known == NULL ? "" : ")");
	}
}

static void print_policy(const struct comparison *comparison, const struct iommusim_policy *policies)
{
	unsigned done = 0;
	char names[256], first[300];

	printf("\n  %s: %s\n", policies[0].column, policies[0].title);
	print_blame(comparison, policies[0].column);
	for (unsigned i = 0; i < comparison->column_count; i++) {
		unsigned same;

		if ((done >> i & 1) != 0)
			continue;
		same = alike(comparison, policies, i, false);
		done |= same;
		snprintf(first, sizeof(first),
		    "    %s  %s: ", join(comparison, same, names, sizeof(names)), policies[i].value);
		fputs(first, stdout);
		wrap_print(strlen(first), INDENT, policies[i].meaning);
		print_sources(comparison, policies, same);
	}
}

/* Columns of the other vendor's driver say nothing here. */
static bool is_of_other_vendor(const struct comparison *comparison, const char *column)
{
	return strncmp(column, "amd_", 4) == 0 && strcmp(comparison->columns[0].vendor, "VT-d") == 0;
}

/* The policies that differ: those that reports blame, or the others. How many there were. */
static unsigned print_policies_that(const struct comparison *comparison, bool blamed, unsigned *hidden)
{
	struct iommusim_policy policies[COMPARE_COLUMNS];
	bool beyond = false;
	unsigned count = 0;

	*hidden = 0;
	for (size_t i = 0; !beyond; i++) {
		unsigned under = 0;
		size_t row = 0;

		if (!compare_policy(comparison, i, policies, &beyond) ||
		    compare_blamed(comparison, policies[0].column, &row, &under) != blamed)
			continue;
		if (is_of_other_vendor(comparison, policies[0].column)) {
			(*hidden)++;
			continue;
		}
		print_policy(comparison, policies);
		count++;
	}
	return count;
}

static void print_policies(const struct comparison *comparison)
{
	unsigned count, hidden;

	puts("\nWhere the profiles differ");
	count = print_policies_that(comparison, true, &hidden);
	count += print_policies_that(comparison, false, &hidden);
	if (hidden != 0)
		printf("\n  %u more that concern AMD-Vi alone: --json has them.\n", hidden);
	else if (count == 0)
		puts("\n  in no policy");
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

/* "VT-d, 2 units, 32 GiB, cache hoard": the machine without the one profile it was described under. */
static void print_machine(const struct comparison *comparison)
{
	const struct compare_column *column = &comparison->columns[0];
	char vmm[IOMMUSIM_PROFILE_NAME + 8];
	const char *at;

	snprintf(vmm, sizeof(vmm), ", vmm %s", column->summary.profile);
	at = strstr(column->summary.machine, vmm);
	if (at == NULL)
		printf("%s   %s\n", comparison->file, column->summary.machine);
	else
		printf("%s   %.*s%s\n", comparison->file, (int)(at - column->summary.machine),
		    column->summary.machine, at + strlen(vmm));
}

static bool has_trouble(const struct compare_column *column)
{
	return column->summary.dma_total != column->summary.dma[IOMMUSIM_VERDICT_OK];
}

void compare_text(const struct comparison *comparison)
{
	const struct widths widths = measure(comparison);
	bool any = false;

	print_machine(comparison);
	print_names(comparison, &widths);
	print_rows(comparison, &widths);
	print_totals(comparison, &widths);
	print_policies(comparison);
	printf("\n* differs.");
	for (unsigned i = 0; i < comparison->column_count; i++)
		any |= has_trouble(&comparison->columns[i]);
	if (any)
		printf(
		    " Why a DMA came to its verdict: iommusim replay --vmm NAME %s", comparison->file);
	putchar('\n');
}
