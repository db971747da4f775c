/* Puts the question of `iommusim walk` to a machine, whose state stays as it is. */
#include <string.h>

#include <iommusim/pci.h>

#include "walk_show.h"

static void name_device(struct iommusim_machine *machine, struct walk_answer *answer)
{
	const struct iommusim_pci_function *function =
	    iommusim_pci_find(machine, answer->question.segment, answer->question.rid);

	if (function != NULL)
		memcpy(answer->device_name, function->name, sizeof(function->name));
}

enum iommusim_status walk_ask(
    struct iommusim_machine *machine, const struct walk_question *question, struct walk_answer *answer)
{
	struct iommusim_requester *requester;
	enum iommusim_status status =
	    iommusim_requester_create(machine, question->segment, question->rid, &requester);

	*answer = (struct walk_answer){ .question = *question };
	if (status != IOMMUSIM_OK)
		return status;
	name_device(machine, answer);
	if (question->is_interrupt)
		status = iommusim_walk_interrupt(requester, question->interrupt.address,
		    question->interrupt.data, &answer->sent, &answer->walk);
	else
		status = iommusim_walk(requester, &question->dma, &answer->walk);
	iommusim_requester_destroy(requester);
	return status;
}
