/* A walk as a table to look at: an entry a row, its fields beside it, and a mark where it was decided. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <iommusim/memory.h>
#include <iommusim/pci.h>

#include "walk_show.h"

enum {
	PAGE_WIDTH = 108, /* fields that would go beyond it go on in the next line */
	LEAST_FIELDS = 40,
	RAW_WIDTH = 17, /* "00000000_00000000" */
	TABLE_BITS = 9  /* of an address, for each level */
};

#define RED   "1;31"
#define GREEN "1;32"
#define BOLD  "1"

/* Columns of the table, counted from its left edge. */
struct layout {
	FILE *out;
	const struct walk_style *style;
	int name_width;
	int section_width;
	int place_width; /* address and index */
	int raw_column;
	int field_column;
};

static void __attribute__((format(printf, 3, 4)))
paint(const struct layout *layout, const char *colour, const char *format, ...)
{
	va_list arguments;

	if (layout->style->colour)
		fprintf(layout->out, "\033[%sm", colour);
	va_start(arguments, format);
	vfprintf(layout->out, format, arguments);
	va_end(arguments);
	if (layout->style->colour)
		fputs("\033[0m", layout->out);
}

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

/* "2 MiB"; any power of two is a page of some table. */
static const char *page_size(unsigned shift, char text[16])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	snprintf(text, 16, "%u %s", 1u << shift % 10, units[shift / 10 % 7]);
	return text;
}

static const struct iommusim_walk_field *find_field(
    const struct iommusim_walk_step *step, const char *name)
{
	for (unsigned i = 0; i < step->field_count; i++)
		if (strcmp(step->fields[i].name, name) == 0)
			return &step->fields[i];
	return NULL;
}

/* ---- the head ------------------------------------------------------------------------------------------ */

static void write_mode(const struct layout *layout, const struct iommusim_walk *walk)
{
	if (walk->unit_name == NULL) {
		paint(layout, BOLD, "no remapping unit governs this device");
		fputc('\n', layout->out);
		return;
	}
	if (strcmp(walk->mode, "off") == 0)
		paint(layout, BOLD, "%s, off", walk->unit_name);
	else if (strcmp(walk->mode, "context") == 0)
		paint(layout, BOLD, "%s root and context", walk->unit_name);
	else
		paint(layout, BOLD, "%s %s", walk->unit_name, walk->mode);
	if (walk->levels > 0)
		fprintf(layout->out, ", %u-bit (%u levels)", walk->address_width, walk->levels);
	if (walk->levels > 0 || strcmp(walk->mode, "pass-through") == 0)
		fprintf(layout->out, walk->result.domain < 10 ? ", domain %u" : ", domain %u (0x%x)",
		    walk->result.domain, walk->result.domain);
	fprintf(layout->out, ", unit at 0x%" PRIx64 "\n", walk->unit_base);
}

/* Which index each level takes out of the address, down to where the walk ended. */
static void write_split(const struct layout *layout, const struct iommusim_walk *walk)
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

static void write_question(const struct layout *layout, const struct walk_answer *answer)
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

static void plan(struct layout *layout, const struct iommusim_walk *walk)
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
    const struct layout *layout, const struct iommusim_walk_step *step, unsigned quad)
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
static void write_meanings(const struct layout *layout, const struct iommusim_walk_step *step)
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
    const struct layout *layout, const struct iommusim_walk_step *step, unsigned number)
{
	const unsigned rows = step->readable ? step->quads : 1;
	char place[64], raw[24];

	place_text(step, place, sizeof(place));
	fprintf(layout->out, "%-2u ", number);
	paint(layout, BOLD, "%-*s", layout->name_width, step->name);
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

/* A way that leads to a page is told in a line: what it is for stands in the entry after it. */
static void write_run(
    const struct layout *layout, const struct iommusim_walk *walk, unsigned first, unsigned count)
{
	const struct iommusim_walk_step *leaf = &walk->steps[first + count - 1];
	const unsigned shift = IOMMUSIM_PAGE_SHIFT + TABLE_BITS * (leaf->level - 1u);
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
	fprintf(layout->out, " (%s page)\n", page_size(shift, size));
}

/* Of a nested walk the ways through the second stage that succeeded are folded, but for the last. */
static bool folds(const struct layout *layout, const struct iommusim_walk *walk, unsigned first,
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

/* Is a right that the request needs missing in this paging entry? */
static bool lacks_right(const struct walk_question *question, const struct iommusim_walk_step *step,
    struct decision *decision)
{
	const struct iommusim_walk_field *read = find_field(step, "R");
	const struct iommusim_walk_field *write = find_field(step, "W");
	const struct iommusim_walk_field *present = find_field(step, "P");
	const bool reads = question->dma.kind != IOMMUSIM_DMA_WRITE;
	const bool writes = question->dma.kind != IOMMUSIM_DMA_READ;

	if (step->stage == 1 && present != NULL && present->value == 0) {
		snprintf(decision->what, sizeof(decision->what), ": P=0");
		return true;
	}
	if (step->level == 0 || read == NULL || write == NULL)
		return false;
	snprintf(decision->what, sizeof(decision->what), ": %s%s%s", read->value == 0 ? "R=0" : "",
	    read->value == 0 && write->value == 0 ? " " : "", write->value == 0 ? "W=0" : "");
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

static void write_table(const struct layout *layout, const struct walk_answer *answer)
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
		paint(layout, RED, "^ the %s stops here%s",
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

/* "R = 1 & 1 & 0 = 0": a bit of every paging entry of a stage, and what they come to. */
static void write_right(
    const struct layout *layout, const struct iommusim_walk *walk, unsigned stage, const char *name)
{
	const char *before = "";
	bool any = false, granted = true, in_run = false;

	for (unsigned i = 0; i < walk->step_count; i++) {
		const struct iommusim_walk_field *field = find_field(&walk->steps[i], name);

		in_run = in_run || says_about_page(walk, i, stage);
		if (!in_run || walk->steps[i].level == 0 || walk->steps[i].stage != stage ||
		    field == NULL)
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

static bool has_stage(const struct iommusim_walk *walk, unsigned stage, const char *name)
{
	for (unsigned i = 0; i < walk->step_count; i++)
		if (says_about_page(walk, i, stage) && find_field(&walk->steps[i], name) != NULL)
			return true;
	return false;
}

static void write_rights(const struct layout *layout, const struct iommusim_walk *walk)
{
	const bool first = has_stage(walk, 1, "RW"), second = has_stage(walk, 2, "R");

	if (!first && !second)
		return;
	fputs("rights   ", layout->out);
	if (first) {
		write_right(layout, walk, 1, "RW");
		fputs("    ", layout->out);
		write_right(layout, walk, 1, "US");
		fputc('\n', layout->out);
	}
	if (!second)
		return;
	fputs(first ? "         " : "", layout->out);
	write_right(layout, walk, 2, "R");
	fputs("    ", layout->out);
	write_right(layout, walk, 2, "W");
	fputc('\n', layout->out);
}

/* ---- what became of it ------------------------------------------------------------------------------------- */

static void write_denial(const struct layout *layout, const struct iommusim_walk *walk)
{
	const struct iommusim_fault *fault = &walk->result.fault;

	paint(layout, RED, "denied");
	if (fault->reason != 0)
		fprintf(layout->out, ", reason %Xh", fault->reason);
	fprintf(layout->out, ": %s\n",
	    walk->reason == NULL ? "this kind of request is not supported here" : walk->reason);
	if (walk->clause != NULL)
		fprintf(layout->out, "rule     %s\n", walk->clause);
	if (fault->reason == 0)
		return;
	if (fault->suppressed)
		fputs("record   none: FPD=1 keeps faults of this kind out of the log\n", layout->out);
	else
		fprintf(layout->out, "record   %016" PRIx64 "_%016" PRIx64 "\n", fault->record[1],
		    fault->record[0]);
}

/* VT-d 5.2.3: a bit in the descriptor, and a message only if ON, SN and URG want one. */
static void write_posted(const struct layout *layout, const struct walk_answer *answer)
{
	const struct iommusim_walk_step *descriptor = &answer->walk.steps[answer->walk.step_count - 1];
	const struct iommusim_walk_field *vector = find_field(descriptor - 1, "VV");
	const struct iommusim_walk_field *on = find_field(descriptor, "ON");
	const uint64_t bit = vector->value;
	const bool known = (descriptor->raw[bit / 64] >> bit % 64 & 1) != 0;

	paint(layout, GREEN, "posted");
	fprintf(layout->out,
	    ": vector 0x%" PRIx64 " (bit %u of PIR%u), in the descriptor at 0x%" PRIx64 "%s\nnotified ",
	    bit, (unsigned)bit % 64, (unsigned)bit / 64, descriptor->address,
	    known ? ", which has it already" : "");
	if (answer->sent.address != 0)
		fprintf(layout->out, "address 0x%" PRIx64 ", data 0x%x: ON becomes 1\n",
		    answer->sent.address, answer->sent.data);
	else if (on->value != 0)
		fputs("nobody: a notification is outstanding (ON=1)\n", layout->out);
	else
		fputs("nobody: notifications are suppressed (SN=1), and it is not urgent (URG=0)\n",
		    layout->out);
}

static void write_interrupt(const struct layout *layout, const struct walk_answer *answer)
{
	const struct iommusim_interrupt *sent = &answer->sent;
	const bool changed = sent->address != answer->question.interrupt.address ||
	    sent->data != answer->question.interrupt.data;

	paint(layout, GREEN, "sent");
	fprintf(layout->out, "%s: address 0x%" PRIx64 ", data 0x%x\n", changed ? "" : " as it came",
	    sent->address, sent->data);
}

static void write_success(const struct layout *layout, const struct iommusim_walk *walk)
{
	const struct iommusim_dma_page *page = &walk->result;
	char size[16];

	paint(layout, GREEN, "allowed");
	if (page->interrupt)
		fputs(
		    ": a message interrupt, no access to memory; --interrupt says what becomes of it\n",
		    layout->out);
	else if (!page->translated)
		fputs(": nothing translates it, the address is used as it is\n", layout->out);
	else if (walk->levels == 0)
		fprintf(layout->out, ": 0x%" PRIx64 " is used as it is\n", page->physical);
	else
		fprintf(layout->out, ": 0x%" PRIx64 " -> 0x%" PRIx64 ", in a %s page\n", page->address,
		    page->physical, page_size(page->page_shift, size));
}

void walk_text(FILE *out, const struct walk_answer *answer, const struct walk_style *style)
{
	struct layout layout = { .out = out, .style = style };

	write_mode(&layout, &answer->walk);
	write_question(&layout, answer);
	fputc('\n', out);
	plan(&layout, &answer->walk);
	write_table(&layout, answer);
	if (answer->walk.step_count > 0)
		fputc('\n', out);
	write_rights(&layout, &answer->walk);
	fputs("result   ", out);
	if (answer->walk.result.faulted)
		write_denial(&layout, &answer->walk);
	else if (answer->sent.posted)
		write_posted(&layout, answer);
	else if (answer->question.is_interrupt)
		write_interrupt(&layout, answer);
	else
		write_success(&layout, &answer->walk);
}
