/* One walk as `iommusim walk` found it, and showing it: text (walk_text.c), JSON (walk_json.c). */
#ifndef IOMMUSIM_TOOLS_WALK_SHOW_H
#define IOMMUSIM_TOOLS_WALK_SHOW_H

#include <stdio.h>

#include <iommusim/interrupt.h>
#include <iommusim/walk.h>

/* What is asked: where a request of one device would go. */
struct walk_question {
	uint16_t segment;
	uint16_t rid;
	bool is_interrupt;
	struct iommusim_dma_request dma;     /* unless it is an interrupt */
	struct iommusim_interrupt interrupt; /* if it is one */
};

struct walk_answer {
	struct walk_question question;
	char device_name[32];           /* may be empty */
	struct iommusim_interrupt sent; /* of an interrupt: what goes to the processor */
	struct iommusim_walk walk;
};

/* Does it stand in no table? A descriptor that an entry points at. */
static inline bool walk_stands_alone(const struct iommusim_walk_step *step)
{
	return step->table == 0 && step->index == 0 && step->address != 0;
}

/* Ask a machine. OK, EINVAL (the question is malformed), ENOMEM. */
enum iommusim_status walk_ask(
    struct iommusim_machine *machine, const struct walk_question *question, struct walk_answer *answer);

struct walk_style {
	bool colour;
	bool fields; /* every field on a line of its own, with what it means */
};
void walk_text(FILE *out, const struct walk_answer *answer, const struct walk_style *style);

/* One object on one line. OK or ENOMEM. */
enum iommusim_status walk_json(FILE *out, const struct walk_answer *answer);

#endif
