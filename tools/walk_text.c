/* A walk as a table to look at: an entry a row, its fields beside it, and a mark where it was decided. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <iommusim/memory.h>
#include <iommusim/pci.h>

#include "walk_layout.h"

enum {
	PAGE_WIDTH = 108, /* fields that would go beyond it go on in the next line */
	LEAST_FIELDS = 40,
	RAW_WIDTH = 17, /* "00000000_00000000" */
	TABLE_BITS = 9  /* of an address, for each level */
};

/* ---- words ------------------------------------------------------------------------------------------- */

/* An entry's place: "0x018101b80 [0xb8]", as many digits as the table's last index needs. */
static void place_text(const struct iommusim_walk_step *step, char *text, size_t size)
{
	if (step->on_bus)
		snprintf(text, size, "on the bus");
	else if (walk_stands_alone(step))
		snprintf(text, size, "0x%012" PRIx64, step->address);
	else
		snprintf(text, size, "0x%012" PRIx64 " [0x%0*x]", step->address,
		    step->level == 0 ? 2 : 3, step->index);
}

static void raw_text(const struct iommusim_walk_step *step, unsigned quad, char *text, size_t size)
{
	const uint64_t raw = step->raw[quad];

	if (!step->readable)
		snprintf(text, size, "no memory there");
	else
		snprintf(text, size, "%08" PRIx32 "_%08" PRIx32, (uint32_t)(raw >> 32), (uint32_t)raw);
}

/* Pointers fill a quadword from bit 12, 21 or 30 up; what is as wide and no pointer: RID_PASID and the like. */
static bool is_pointer(const struct iommusim_walk_field *field, unsigned *shift)
{
	*shift = field->low % 64;
	return *shift >= 12 && *shift <= 30 && field->high % 64 >= 47;
}

/*
 * Addresses are shown in place: of tables and pages, from bit 12, 21 or 30 up to the top, where they
 * stand; those whose parts stand elsewhere so that the sum of the parts is the address.
 */
static bool is_address(const struct iommusim_walk_field *field, unsigned *shift)
{
	static const struct {
		const char *name;
		unsigned shift;
	} parts[] = { { "PDAL", 6 }, { "PDAH", 32 }, { "INT_TAB_ROOT", 6 }, { "GCR3_LOW", 12 },
		{ "GCR3_MIDDLE", 15 }, { "GCR3_HIGH", 31 } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(field->name, parts[i].name) != 0)
			continue;
		*shift = parts[i].shift;
		return true;
	}
	return is_pointer(field, shift);
}

static void field_text(const struct iommusim_walk_field *field, char *text, size_t size)
{
	unsigned shift;

	if (is_address(field, &shift))
		snprintf(text, size, "%s=0x%" PRIx64, field->name, field->value << shift);
	else
		snprintf(text, size, field->value < 10 ? "%s=%" PRIu64 : "%s=0x%" PRIx64, field->name,
		    field->value);
}

/* ---- the head ------------------------------------------------------------------------------------------ */

static void write_mode(const struct walk_layout *layout, const struct iommusim_walk *walk)
{
	if (walk->unit_name == NULL) {
		walk_paint(layout, WALK_BOLD, "no remapping unit governs this device");
		fputc('\n', layout->out);
		return;
	}
	if (strcmp(walk->mode, "off") == 0)
		walk_paint(layout, WALK_BOLD, "%s, off", walk->unit_name);
	else if (strcmp(walk->mode, "context") == 0)
		walk_paint(layout, WALK_BOLD, "%s root and context", walk->unit_name);
	else
		walk_paint(layout, WALK_BOLD, "%s %s", walk->unit_name, walk->mode);
	if (walk->levels > 0)
		fprintf(layout->out, ", %u-bit (%u levels)", walk->address_width, walk->levels);
	if (walk->levels > 0 || strcmp(walk->mode, "pass-through") == 0)
		fprintf(layout->out, walk->result.domain < 10 ? ", domain %u" : ", domain %u (0x%x)",
		    walk->result.domain, walk->result.domain);
	fprintf(layout->out, ", unit at 0x%" PRIx64 "\n", walk->unit_base);
}

/* Which index each level takes out of the address, down to where the walk ended. */
static void write_split(const struct walk_layout *layout, const struct iommusim_walk *walk)
{
	const uint64_t address = walk->result.address;
	unsigned last = 1, shift;

	if (walk->levels == 0 || (walk->address_width < 64 && address >> walk->address_width != 0))
		return;
	for (unsigned i = 0; i < walk->step_count; i++)
		if (walk->steps[i].leaf && walk->steps[i].input == address)
			last = walk->steps[i].level;
	fputs(" =", layout->out);
	for (unsigned level = walk->levels; level >= last; level--) {
		shift = IOMMUSIM_PAGE_SHIFT + TABLE_BITS * (level - 1);
		fprintf(layout->out, " L%u 0x%03x |", level,
		    (unsigned)(address >> shift & ((1u << TABLE_BITS) - 1)));
	}
	shift = IOMMUSIM_PAGE_SHIFT + TABLE_BITS * (last - 1);
	fprintf(layout->out, " offset 0x%03" PRIx64, address & ((UINT64_C(1) << shift) - 1));
}

static void write_question(const struct walk_layout *layout, const struct walk_answer *answer)
{
	static const char *const kinds[] = { "read of", "write to", "atomic access to" };
	const struct walk_question *question = &answer->question;
	const unsigned rid = question->rid;

	fputs("requester ", layout->out);
	if (question->segment != 0)
		fprintf(layout->out, "%04x:", question->segment);
	fprintf(layout->out, "%02x:%02x.%x", IOMMUSIM_RID_BUS(rid), IOMMUSIM_RID_DEVICE(rid),
	    IOMMUSIM_RID_FUNCTION(rid));
	if (answer->device_name[0] != '\0')
		fprintf(layout->out, " \"%s\"", answer->device_name);
	fprintf(layout->out, " = bus 0x%02x, device and function 0x%02x\n", rid >> 8, rid & 0xff);
	if (question->is_interrupt) {
		fprintf(layout->out, "interrupt  address 0x%" PRIx64 ", data 0x%x\n",
		    question->interrupt.address, question->interrupt.data);
		return;
	}
	fprintf(layout->out, "%s 0x%" PRIx64, kinds[question->dma.kind], question->dma.address);
	write_split(layout, &answer->walk);
	fputc('\n', layout->out);
}

/* ---- the table ------------------------------------------------------------------------------------------ */

static int widest(int width, size_t length)
{
	return (int)length > width ? (int)length : width;
}

static void plan(struct walk_layout *layout, const struct iommusim_walk *walk)
{
	char text[64];

	for (unsigned i = 0; i < walk->step_count; i++) {
		place_text(&walk->steps[i], text, sizeof(text));
		layout->name_width = widest(layout->name_width, strlen(walk->steps[i].name));
		layout->section_width = widest(layout->section_width, strlen(walk->steps[i].section));
		layout->place_width = widest(layout->place_width, strlen(text));
	}
	/* "1 NAME  SECTION  PLACE  RAW  FIELDS" */
	layout->raw_column =
	    3 + layout->name_width + 2 + layout->section_width + 2 + layout->place_width + 2;
	layout->field_column = layout->raw_column + RAW_WIDTH + 2;
}

/* The fields of one quadword, over as many lines as they take. */
static void write_fields(
    const struct walk_layout *layout, const struct iommusim_walk_step *step, unsigned quad)
{
	const int least = layout->field_column + LEAST_FIELDS;
	const int edge = least > PAGE_WIDTH ? least : PAGE_WIDTH;
	int column = layout->raw_column + RAW_WIDTH;
	const char *before = "  ";
	char text[64];

	for (unsigned i = 0; i < step->field_count; i++) {
		if (step->fields[i].low / 64u != quad)
			continue;
		field_text(&step->fields[i], text, sizeof(text));
		if (column > layout->field_column && column + 1 + (int)strlen(text) > edge) {
			fprintf(layout->out, "\n%*s", layout->field_column, "");
			column = layout->field_column;
			before = "";
		}
		column += fprintf(layout->out, "%s%s", before, text);
		before = " ";
	}
}

/* What the fields mean, one a line. */
static void write_meanings(const struct walk_layout *layout, const struct iommusim_walk_step *step)
{
	for (unsigned i = 0; i < step->field_count; i++) {
		const struct iommusim_walk_field *field = &step->fields[i];
		char bits[24], text[64];

		if (field->high == field->low)
			snprintf(bits, sizeof(bits), "%u", field->high);
		else
			snprintf(bits, sizeof(bits), "%u:%u", field->high, field->low);
		field_text(field, text, sizeof(text));
		fprintf(layout->out, "%*s%7s  %-28s %s\n", layout->raw_column - 9, "", bits, text,
		    field->meaning);
	}
}

/* A quadword that is 0 and has no fields: there is nothing to see. */
static bool is_void(const struct iommusim_walk_step *step, unsigned quad)
{
	for (unsigned i = 0; i < step->field_count; i++)
		if (step->fields[i].low / 64u == quad)
			return false;
	return step->raw[quad] == 0;
}

static void write_step(
    const struct walk_layout *layout, const struct iommusim_walk_step *step, unsigned number)
{
	const unsigned rows = step->readable ? step->quads : 1;
	char place[64], raw[24];

	place_text(step, place, sizeof(place));
	fprintf(layout->out, "%-2u ", number);
	walk_paint(layout, WALK_BOLD, "%-*s", layout->name_width, step->name);
	fprintf(layout->out, "  %-*s  %-*s  ", layout->section_width, step->section,
	    layout->place_width, place);
	for (unsigned quad = 0; quad < rows; quad++) {
		if (quad > 1 && is_void(step, quad))
			continue;
		raw_text(step, quad, raw, sizeof(raw));
		if (quad > 0)
			fprintf(layout->out, "%*s", layout->raw_column, "");
		fputs(raw, layout->out);
		if (!layout->style->fields && step->readable)
			write_fields(layout, step, quad);
		fputc('\n', layout->out);
	}
	if (layout->style->fields)
		write_meanings(layout, step);
}

/* ---- nested walks ---------------------------------------------------------------------------------------- */

static bool is_nested(const struct iommusim_walk *walk)
{
	return strcmp(walk->mode, "nested") == 0;
}

/*
 * How many steps from `first` on are one way through the second stage: the translation of one guest
 * address. 0: it is no such step.
 */
static unsigned second_stage_run(const struct iommusim_walk *walk, unsigned first)
{
	unsigned count = 0;

	while (first + count < walk->step_count && walk->steps[first + count].stage == 2 &&
	    walk->steps[first + count].input == walk->steps[first].input &&
	    (count == 0 || walk->steps[first + count].level < walk->steps[first].level))
		count++;
	return count;
}

/* The size of a page: its level's, or with NextLevel 7 the lowest 0 of the address says it (AMD-Vi 2.2.3). */
static unsigned leaf_shift(const struct iommusim_walk_step *leaf)
{
	const struct iommusim_walk_field *next = walk_find_field(leaf, "NEXT_LEVEL");
	const struct iommusim_walk_field *address = walk_find_field(leaf, "ADDR");
	unsigned shift = IOMMUSIM_PAGE_SHIFT + 1;

	if (next == NULL || next->value != 7 || address == NULL)
		return IOMMUSIM_PAGE_SHIFT + TABLE_BITS * (leaf->level - 1u);
	while ((address->value >> (shift - IOMMUSIM_PAGE_SHIFT - 1) & 1) != 0)
		shift++;
	return shift;
}

/* A way that leads to a page is told in a line: what it is for stands in the entry after it. */
static void write_run(
    const struct walk_layout *layout, const struct iommusim_walk *walk, unsigned first, unsigned count)
{
	const struct iommusim_walk_step *leaf = &walk->steps[first + count - 1];
	const unsigned shift = leaf_shift(leaf);
	const uint64_t offset = leaf->input & ((UINT64_C(1) << shift) - 1);
	char numbers[16], size[16];

	if (count == 1)
		snprintf(numbers, sizeof(numbers), "%u", first + 1);
	else
		snprintf(numbers, sizeof(numbers), "%u-%u", first + 1, first + count);
	fprintf(layout->out, "%-*sguest 0x%" PRIx64 " is 0x%" PRIx64 ", by ",
	    3 + layout->name_width + 2, numbers, leaf->input,
	    (leaf->next & ~((UINT64_C(1) << shift) - 1)) | offset);
	for (unsigned i = 0; i < count; i++)
		fprintf(layout->out, "%s%s", i == 0 ? "" : ", ", walk->steps[first + i].name);
	fprintf(layout->out, " (%s page)\n", walk_page_size(shift, size));
}

/* Of a nested walk the ways through the second stage that succeeded are folded, but for the last. */
static bool folds(const struct walk_layout *layout, const struct iommusim_walk *walk, unsigned first,
    unsigned count, unsigned decision)
{
	return is_nested(walk) && !layout->style->fields && count > 0 &&
	    first + count < walk->step_count && walk->steps[first + count - 1].leaf &&
	    (decision < first || decision >= first + count);
}

/* ---- where it was decided ---------------------------------------------------------------------------------- */

/* The entry that decides against a request, and what in it does, as far as that can be said in a word. */
struct decision {
	unsigned step;
	char what[64];
};

/* VT-d's second stage has R and W, AMD-Vi's host tables and device entries IR and IW. */
static const struct iommusim_walk_field *right_field(
    const struct iommusim_walk_step *step, const char *name)
{
	const struct iommusim_walk_field *field = walk_find_field(step, name);

	return field != NULL || name[0] != 'I' ? field : walk_find_field(step, name + 1);
}

/* "P=0", when there is such a field and it says so. */
static bool is_absent(const struct iommusim_walk_step *step, struct decision *decision)
{
	static const char *const names[] = { "P", "PR" };

	for (unsigned i = 0; i < 2; i++) {
		const struct iommusim_walk_field *present = walk_find_field(step, names[i]);

		if (present == NULL || present->value != 0 || (i == 0 && step->stage != 1))
			continue;
		snprintf(decision->what, sizeof(decision->what), ": %s=0", names[i]);
		return true;
	}
	return false;
}

/* Is a right that the request needs missing in this entry? */
static bool lacks_right(const struct walk_question *question, const struct iommusim_walk_step *step,
    struct decision *decision)
{
	const struct iommusim_walk_field *read = right_field(step, "IR");
	const struct iommusim_walk_field *write = right_field(step, "IW");
	const bool reads = question->dma.kind != IOMMUSIM_DMA_WRITE;
	const bool writes = question->dma.kind != IOMMUSIM_DMA_READ;

	if (is_absent(step, decision))
		return true;
	if (read == NULL || write == NULL || (step->level == 0 && read->name[0] != 'I'))
		return false;
	snprintf(decision->what, sizeof(decision->what), ":%s%s%s%s", read->value == 0 ? " " : "",
	    read->value == 0 ? read->name : "", read->value == 0 ? "=0" : "",
	    write->value == 0 ? " " : "");
	if (write->value == 0)
		snprintf(decision->what + strlen(decision->what),
		    sizeof(decision->what) - strlen(decision->what), "%s=0", write->name);
	return (reads && read->value == 0) || (writes && write->value == 0);
}

/* The first entry without the right, else the last that was read. */
static void find_decision(
    const struct walk_question *question, const struct iommusim_walk *walk, struct decision *decision)
{
	const enum iommusim_fault_class class = walk->result.fault.class_;
	const bool by_right = class == IOMMUSIM_FAULT_PERMISSION || class == IOMMUSIM_FAULT_NOT_PRESENT;

	for (unsigned i = 0; i < walk->step_count && by_right && !question->is_interrupt; i++) {
		if (is_nested(walk) && walk->steps[i].stage == 2 &&
		    second_stage_run(walk, i) < walk->step_count - i)
			continue; /* it let a table be read: the request has not come to its page yet */
		decision->step = i;
		if (lacks_right(question, &walk->steps[i], decision))
			return;
	}
	decision->step = walk->step_count - 1u;
	decision->what[0] = '\0';
	if (question->is_interrupt && class == IOMMUSIM_FAULT_PERMISSION)
		snprintf(decision->what, sizeof(decision->what), ": it comes from 0x%x", question->rid);
	else if (class == IOMMUSIM_FAULT_TABLE_ACCESS && walk->steps[decision->step].readable)
		snprintf(decision->what, sizeof(decision->what), ": this memory cannot be written");
}

static void write_table(const struct walk_layout *layout, const struct walk_answer *answer)
{
	static const char *const kinds[] = { "read", "write", "atomic access" };
	const struct walk_question *question = &answer->question;
	const struct iommusim_walk *walk = &answer->walk;
	struct decision decision = { .step = IOMMUSIM_WALK_STEPS };

	if (walk->result.faulted && walk->step_count > 0)
		find_decision(question, walk, &decision);
	for (unsigned i = 0; i < walk->step_count; i++) {
		const unsigned run = second_stage_run(walk, i);

		if (folds(layout, walk, i, run, decision.step)) {
			write_run(layout, walk, i, run);
			i += run - 1;
			continue;
		}
		write_step(layout, &walk->steps[i], i + 1);
		if (i != decision.step)
			continue;
		fprintf(layout->out, "%*s", layout->raw_column, "");
		walk_paint(layout, WALK_RED, "^ the %s stops here%s",
		    question->is_interrupt ? "interrupt" : kinds[question->dma.kind], decision.what);
		fputc('\n', layout->out);
	}
}

/* Does this entry have a say about the page, rather than about a table on the way there? */
static bool says_about_page(const struct iommusim_walk *walk, unsigned i, unsigned stage)
{
	const unsigned last = walk->step_count - 1u;

	if (walk->steps[i].level == 0 || walk->steps[i].stage != stage)
		return false;
	return stage == 1 || !is_nested(walk) ||
	    (walk->steps[last].stage == 2 && walk->steps[i].input == walk->steps[last].input &&
		second_stage_run(walk, i) == walk->step_count - i);
}

/* Has this entry a bit of that name that counts for the page? A device entry of AMD-Vi has a say in all. */
static const struct iommusim_walk_field *right_bit(
    const struct iommusim_walk *walk, unsigned i, unsigned stage, const char *name)
{
	const struct iommusim_walk_step *step = &walk->steps[i];
	const struct iommusim_walk_field *field = walk_find_field(step, name);
	const struct iommusim_walk_field *valid = walk_find_field(step, "V");

	if (step->level == 0)
		return name[0] == 'I' && valid != NULL && valid->value != 0 ? field : NULL;
	return step->stage == stage ? field : NULL;
}

/* "R = 1 & 1 & 0 = 0": a bit of every entry of a stage, and what they come to. */
static void write_right(const struct walk_layout *layout, const struct iommusim_walk *walk,
    unsigned stage, const char *name)
{
	const char *before = "";
	bool any = false, granted = true, in_run = false;

	for (unsigned i = 0; i < walk->step_count; i++) {
		const struct iommusim_walk_field *field = right_bit(walk, i, stage, name);

		in_run = in_run || says_about_page(walk, i, stage);
		if (field == NULL || (!in_run && walk->steps[i].level != 0))
			continue;
		fprintf(
		    layout->out, "%s%s%" PRIu64, any ? "" : name, any ? before : " = ", field->value);
		before = " & ";
		any = true;
		granted = granted && field->value != 0;
	}
	if (any)
		fprintf(layout->out, " = %d", granted);
}

static bool has_right(const struct iommusim_walk *walk, unsigned stage, const char *name)
{
	for (unsigned i = 0; i < walk->step_count; i++)
		if (right_bit(walk, i, stage, name) != NULL &&
		    (walk->steps[i].level == 0 || says_about_page(walk, i, stage)))
			return true;
	return false;
}

/* The rights that one stage gives, each by its name. */
struct rights {
	unsigned stage;
	const char *names[2];
};

static void write_rights(const struct walk_layout *layout, const struct iommusim_walk *walk)
{
	static const struct rights all[] = { { 1, { "RW", "US" } }, { 2, { "R", "W" } },
		{ 2, { "IR", "IW" } } };
	const char *before = "rights   ";

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!has_right(walk, all[i].stage, all[i].names[0]))
			continue;
		fputs(before, layout->out);
		write_right(layout, walk, all[i].stage, all[i].names[0]);
		fputs("    ", layout->out);
		write_right(layout, walk, all[i].stage, all[i].names[1]);
		fputc('\n', layout->out);
		before = "         ";
	}
}

/* ---- all of it ------------------------------------------------------------------------------------------ */

void walk_text(FILE *out, const struct walk_answer *answer, const struct walk_style *style)
{
	struct walk_layout layout = { .out = out, .style = style };

	write_mode(&layout, &answer->walk);
	write_question(&layout, answer);
	fputc('\n', out);
	plan(&layout, &answer->walk);
	write_table(&layout, answer);
	if (answer->walk.step_count > 0)
		fputc('\n', out);
	write_rights(&layout, &answer->walk);
	walk_outcome(&layout, answer);
}
