/* suppress(): findings that a trace says do not matter. Who marks them is the checker. */
#include <string.h>

#include "replay/run.h"

enum iommusim_status replay_apply_suppressions(struct replay *replay)
{
	const struct iommusim_replay_options *options = replay->options;
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < options->suppression_count && status == IOMMUSIM_OK; i++)
		status = iommusim_check_suppress(replay->check, &options->suppressions[i]);
	for (size_t i = 0; i < replay->waiting_count && status == IOMMUSIM_OK; i++)
		status = iommusim_check_suppress(replay->check, &replay->waiting[i]);
	return status;
}

enum iommusim_status run_suppress(struct replay *replay, struct statement *statement)
{
	const struct value *finding = argument(statement, ARG_suppress_finding);
	const struct value *first = argument(statement, ARG_suppress_first);
	const struct value *last = argument(statement, ARG_suppress_last);
	struct iommusim_suppression one = { .id = IOMMUSIM_FINDING_COUNT };
	enum iommusim_status status;
	char id[64];

	status = replay_string(replay, finding, id, sizeof(id));
	if (status != IOMMUSIM_OK)
		return status;
	if (strcmp(id, "all") != 0 && iommusim_finding_find(id, &one.id) != IOMMUSIM_OK)
		return replay_refuse(
		    replay, finding->at, "`%s` is no finding; expected an id, or \"all\"", id);
	if (first->number > UINT32_MAX || last->number > UINT32_MAX ||
	    (last->kind != VALUE_ABSENT && last->number < first->number) ||
	    (first->kind == VALUE_ABSENT && last->kind != VALUE_ABSENT))
		return replay_refuse(replay, last->kind == VALUE_ABSENT ? first->at : last->at,
		    "expected lines as first=N, last=M with N not above M");
	one.first = first->kind == VALUE_ABSENT ? 0 : (uint32_t)first->number;
	one.last = last->kind == VALUE_ABSENT ? 0 : (uint32_t)last->number;
	if (replay->check != NULL) {
		statement->outcome.status = iommusim_check_suppress(replay->check, &one);
		return IOMMUSIM_OK;
	}
	if (replay->waiting_count == REPLAY_SUPPRESSIONS)
		return replay_refuse(replay, statement->at,
		    "more than %u suppressions before the story begins", REPLAY_SUPPRESSIONS);
	replay->waiting[replay->waiting_count++] = one;
	return IOMMUSIM_OK;
}
