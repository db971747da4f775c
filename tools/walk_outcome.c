/* What became of a request that was walked: allowed, denied, sent, posted. The entries: walk_text.c. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "walk_layout.h"

/* ---- words ---------------------------------------------------------------------------------------------- */

void walk_paint(const struct walk_layout *layout, const char *colour, const char *format, ...)
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

const char *walk_page_size(unsigned shift, char text[16])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	snprintf(text, 16, "%u %s", 1u << shift % 10, units[shift / 10 % 7]);
	return text;
}

const struct iommusim_walk_field *walk_find_field(
    const struct iommusim_walk_step *step, const char *name)
{
	for (unsigned i = 0; i < step->field_count; i++)
		if (strcmp(step->fields[i].name, name) == 0)
			return &step->fields[i];
	return NULL;
}

/* ---- outcomes ------------------------------------------------------------------------------------------- */

static bool is_amdvi(const struct iommusim_walk *walk)
{
	return walk->unit_name != NULL && strcmp(walk->unit_name, "AMD-Vi") == 0;
}

static void write_denial(const struct walk_layout *layout, const struct iommusim_walk *walk)
{
	const struct iommusim_fault *fault = &walk->result.fault;

	walk_paint(layout, WALK_RED, "denied");
	if (fault->reason != 0)
		fprintf(layout->out, ", %s %Xh", is_amdvi(walk) ? "event" : "reason", fault->reason);
	fprintf(layout->out, ": %s\n",
	    walk->reason == NULL ? "this kind of request is not supported here" : walk->reason);
	if (walk->clause != NULL)
		fprintf(layout->out, "rule     %s\n", walk->clause);
	if (fault->reason == 0)
		return;
	if (fault->suppressed)
		fprintf(layout->out, "record   none: %s\n", fault->suppressor);
	else
		fprintf(layout->out, "record   %016" PRIx64 "_%016" PRIx64 "\n", fault->record[1],
		    fault->record[0]);
}

/* VT-d 5.2.3: a bit in the descriptor, and a message only if ON, SN and URG want one. */
static void write_posted_vtd(const struct walk_layout *layout, const struct walk_answer *answer)
{
	const struct iommusim_walk_step *descriptor = &answer->walk.steps[answer->walk.step_count - 1];
	const struct iommusim_walk_field *vector = walk_find_field(descriptor - 1, "VV");
	const struct iommusim_walk_field *on = walk_find_field(descriptor, "ON");
	const uint64_t bit = vector->value;
	const bool known = (descriptor->raw[bit / 64] >> bit % 64 & 1) != 0;

	walk_paint(layout, WALK_GREEN, "posted");
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

/* AMD-Vi 2.2.5.4: a bit in the virtual APIC page; the processor, the GA log or a message tell of it. */
static void write_posted_amdvi(const struct walk_layout *layout, const struct walk_answer *answer)
{
	const struct iommusim_walk_step *word = &answer->walk.steps[answer->walk.step_count - 1];
	const struct iommusim_walk_field *vector = walk_find_field(word - 1, "VECTOR");
	const struct iommusim_walk_field *logs = walk_find_field(word - 1, "GA_LOG_INTR");
	const struct iommusim_walk_field *tag = walk_find_field(word - 1, "GA_TAG");
	const struct iommusim_walk_field *kept_back = walk_find_field(word - 1, "GAPPI_DIS");
	const unsigned bit = vector->value % 32;

	walk_paint(layout, WALK_GREEN, "posted");
	fprintf(layout->out,
	    ": vector 0x%" PRIx64 " (bit %u of IRR word %u), in the virtual APIC page at 0x%" PRIx64
	    "%s\nnotified ",
	    vector->value, bit, (unsigned)vector->value / 32, word->table,
	    (word->raw[0] >> bit & 1) != 0 ? ", which has it already" : "");
	if (answer->sent.doorbell)
		fprintf(
		    layout->out, "by a doorbell to 0x%" PRIx64 " (IsRun=1)\n", answer->sent.address);
	else if (answer->sent.address != 0)
		fprintf(layout->out,
		    "by a physical interrupt (GAPPI): address 0x%" PRIx64 ", data 0x%x\n",
		    answer->sent.address, answer->sent.data);
	else if (strstr(answer->walk.mode, "GAPPI") != NULL)
		fputs(kept_back != NULL && kept_back->value != 0
			? "nobody: its entry keeps physical interrupts back (GAPPIDis=1)\n"
			: "nobody: the page has an interrupt already that software was told of\n",
		    layout->out);
	else if (logs->value != 0)
		fprintf(layout->out, "by an entry in the GA log, with tag 0x%" PRIx64 "\n", tag->value);
	else
		fputs("nobody: it does not run (IsRun=0), and nothing is logged (GALogIntr=0)\n",
		    layout->out);
}

static void write_posted(const struct walk_layout *layout, const struct walk_answer *answer)
{
	if (is_amdvi(&answer->walk))
		write_posted_amdvi(layout, answer);
	else
		write_posted_vtd(layout, answer);
}

static void write_interrupt(const struct walk_layout *layout, const struct walk_answer *answer)
{
	const struct iommusim_interrupt *sent = &answer->sent;
	const bool changed = sent->address != answer->question.interrupt.address ||
	    sent->data != answer->question.interrupt.data;

	walk_paint(layout, WALK_GREEN, "sent");
	fprintf(layout->out, "%s: address 0x%" PRIx64 ", data 0x%x\n", changed ? "" : " as it came",
	    sent->address, sent->data);
}

static void write_success(const struct walk_layout *layout, const struct iommusim_walk *walk)
{
	const struct iommusim_dma_page *page = &walk->result;
	char size[16];

	walk_paint(layout, WALK_GREEN, "allowed");
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
		    page->physical, walk_page_size(page->page_shift, size));
}

void walk_outcome(const struct walk_layout *layout, const struct walk_answer *answer)
{
	fputs("result   ", layout->out);
	if (answer->walk.result.faulted)
		write_denial(layout, &answer->walk);
	else if (answer->sent.posted)
		write_posted(layout, answer);
	else if (answer->question.is_interrupt)
		write_interrupt(layout, answer);
	else
		write_success(layout, &answer->walk);
}
