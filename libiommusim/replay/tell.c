/* What a caller is told of a statement that was carried out. Whether that was expected is expect.c's question. */
#include <stdio.h>
#include <string.h>

#include "replay/run.h"

#define SHOWN_BYTES 32u /* of what mem_read() found */

static void write_bytes(const struct outcome *outcome, char *text, size_t size)
{
	const size_t shown = outcome->length < SHOWN_BYTES ? outcome->length : SHOWN_BYTES;
	size_t length = 0;

	for (size_t i = 0; i < shown; i++)
		length += (size_t)snprintf(
		    text + length, size - length, "%s%02x", i == 0 ? "\"" : " ", outcome->bytes[i]);
	snprintf(text + length, size - length, "%s\"", shown < outcome->length ? " ..." : "");
}

static void write_message(const struct outcome *outcome, char *text, size_t size)
{
	if (outcome->message_posted && outcome->message_address == 0)
		snprintf(text, size, "posted()");
	else
		snprintf(text, size, "%s(0x%llx, 0x%llx)",
		    outcome->message_posted ? "posted" : "remapped",
		    (unsigned long long)outcome->message_address,
		    (unsigned long long)outcome->message_data);
}

/* In the words of results and expectations. */
static void write_result(const struct statement *statement, char *text, size_t size)
{
	const struct outcome *outcome = &statement->outcome;

	text[0] = '\0';
	if (outcome->fault_reason != 0 && !outcome->is_dma)
		snprintf(text, size, "fault(0x%x)", outcome->fault_reason);
	else if (outcome->status != IOMMUSIM_OK)
		snprintf(text, size, "error(%s)", iommusim_status_name(outcome->status));
	else if (statement->row->yields == YIELDS_NUMBER && !outcome->is_dma)
		snprintf(text, size, "0x%llx", (unsigned long long)outcome->number);
	else if (statement->row->yields == YIELDS_BYTES && outcome->length != 0)
		write_bytes(outcome, text, size);
	else if (statement->row->yields == YIELDS_MESSAGE)
		write_message(outcome, text, size);
}

void tell_statement(struct replay *replay)
{
	const struct iommusim_replay_options *options = replay->options;
	char result[128];

	if (replay->counter != NULL)
		iommusim_counter_read(replay->counter, options->counts);
	if (options->on_statement == NULL)
		return;
	write_result(&replay->statement, result, sizeof(result));
	options->on_statement(options->context, replay->lexer.line, statement_text(replay), result);
}
