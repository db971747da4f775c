/* Finds out what the names in a statement stand for: VMs, domains, numbers. And unpacks strings. */
#include <stdio.h>
#include <string.h>

#include "replay/run.h"

/* ---- strings -------------------------------------------------------------------------------------- */

bool string_copy(const struct value *value, char *out, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < value->text.length; i++) {
		char c = value->text.at[i];

		if (c == '\\') {
			c = value->text.at[++i];
			if (c == 'n')
				c = '\n';
		}
		if (length + 1 == size)
			return false;
		out[length++] = c;
	}
	out[length] = '\0';
	return true;
}

enum iommusim_status replay_string(
    struct replay *replay, const struct value *value, char *out, size_t size)
{
	if (string_copy(value, out, size))
		return IOMMUSIM_OK;
	return replay_refuse(
	    replay, value->at, "a string of at most %zu bytes is possible here", size - 1);
}

enum iommusim_status replay_bytes(
    struct replay *replay, const struct value *value, struct buffer *buffer, size_t *length)
{
	const char *at = value->text.at;
	const char *const end = at + value->text.length;

	*length = 0;
	if (!replay_room(replay, buffer, value->text.length / 2 + 1))
		return replay_no_memory(replay);
	while (at < end) {
		const int high = hex_digit(*at);
		const int low = at + 1 < end ? hex_digit(at[1]) : -1;

		if (*at == ' ' || *at == '\t') {
			at++;
			continue;
		}
		if (high < 0 || low < 0)
			return replay_refuse(replay, at,
			    "expected bytes as two hexadecimal digits each, as in \"03 00 1f\"");
		buffer->bytes[(*length)++] = (uint8_t)(high << 4 | low);
		at += 2;
	}
	return *length != 0 ? IOMMUSIM_OK
			    : replay_refuse(replay, value->at, "expected at least one byte");
}

/* ---- names ---------------------------------------------------------------------------------------- */

/* How a message spells the name: in `before` and `after` it, and whether it is a string. */
struct spelling {
	const char *before;
	const char *after;
	const char *quote;
};

static enum iommusim_status refuse_name(
    struct replay *replay, const struct value *value, const struct spelling *as, enum name_kind kind)
{
	static const char *const things[] = {
		[NAME_VM] = "VM", [NAME_DOMAIN] = "domain", [NAME_NUMBER] = "number"
	};
	struct suggestion near = { .word = value->text };
	const struct name *name;

	for (name = replay->names.newest; name != NULL; name = name->older)
		if (name->kind == kind && name->gone == 0)
			suggestion_try(&near, (struct slice){ name->text, name->length }, name->line);
	return replay_refuse(replay, value->at, "`%s%s%.*s%s%s`: no %s of that name%s", as->before,
	    as->quote, SLICE(value->text), as->quote, as->after, things[kind],
	    suggestion_text(&near, as->quote[0] == '\0' ? "`" : "\""));
}

/* The name behind `value`, which must stand for a thing of `kind` that is still there. */
static enum iommusim_status find_name(struct replay *replay, const struct value *value,
    const struct spelling *as, enum name_kind kind, struct name **out)
{
	static const char *const things[] = {
		[NAME_VM] = "a VM", [NAME_DOMAIN] = "a domain", [NAME_NUMBER] = "a number"
	};
	const uint32_t hash = kind == NAME_VM ? slice_hash(value->text) : value->hash;
	struct name *name = names_find(&replay->names, kind == NAME_VM, value->text, hash);

	*out = name;
	if (name == NULL)
		return refuse_name(replay, value, as, kind);
	if (name->kind != kind)
		return replay_refuse(replay, value->at, "`%.*s` is %s (line %u); expected %s",
		    SLICE(value->text), things[name->kind], name->line, things[kind]);
	if (name->gone != 0)
		return replay_refuse(replay, value->at, "`%s%s%.*s%s%s`: it went away in line %u",
		    as->before, as->quote, SLICE(value->text), as->quote, as->after, name->gone);
	return IOMMUSIM_OK;
}

static enum iommusim_status resolve_vm(
    struct replay *replay, struct value *value, const struct value *string, const struct spelling *as)
{
	enum iommusim_status status = find_name(replay, string, as, NAME_VM, &value->name);

	if (status == IOMMUSIM_OK)
		value->vm = value->name->is.vm;
	return status;
}

static enum iommusim_status resolve_number(struct replay *replay, struct value *value)
{
	static const struct spelling as = { "", "", "" };
	enum iommusim_status status;

	if (value->kind != VALUE_NAME)
		return IOMMUSIM_OK;
	status = find_name(replay, value, &as, NAME_NUMBER, &value->name);
	if (status == IOMMUSIM_OK)
		value->number = value->name->is.number;
	return status;
}

static enum iommusim_status resolve_domain(struct replay *replay, struct value *value)
{
	static const struct spelling as_call = { "domain(", ")", "\"" }, as_name = { "", "", "" };
	enum iommusim_status status;

	if (value->known && value->name->kind == NAME_DOMAIN && value->name->gone == 0) {
		value->domain = value->name->is.domain;
		return IOMMUSIM_OK;
	}
	if (value->kind == VALUE_CALL) {
		status = resolve_vm(replay, value, &replay->statement.inner[value->inner], &as_call);
		if (status != IOMMUSIM_OK)
			return status;
		value->domain = iommusim_vm_domain(value->vm);
		return value->domain != NULL
		    ? IOMMUSIM_OK
		    : replay_refuse(replay, value->at,
			  "`domain(\"%s\")`: it has no domain; a VM gets one with "
			  "its first passthrough device",
			  iommusim_vm_name(value->vm));
	}
	if (slice_is(value->text, "host")) {
		value->name = NULL;
		value->domain = iommusim_host_domain(replay->vmm);
		return IOMMUSIM_OK;
	}
	status = find_name(replay, value, &as_name, NAME_DOMAIN, &value->name);
	if (status != IOMMUSIM_OK)
		return status;
	replay->last_domain = value->name;
	value->domain = value->name->is.domain;
	return IOMMUSIM_OK;
}

static enum iommusim_status resolve_requester(struct replay *replay, struct value *value)
{
	enum iommusim_status status;

	value->has_rid = value->kind == VALUE_DEVICE;
	if (value->has_rid)
		return IOMMUSIM_OK;
	status = resolve_number(replay, value);
	if (status != IOMMUSIM_OK)
		return status;
	if (value->number > UINT16_MAX)
		return replay_refuse(replay, value->at, "a requester id is 0 to 0xffff");
	value->segment = 0;
	value->rid = (uint16_t)value->number;
	return IOMMUSIM_OK;
}

static enum iommusim_status resolve_address(struct replay *replay, struct value *value)
{
	static const struct spelling as = { "gpa(", ", ...)", "\"" };
	struct value *inner = &replay->statement.inner[value->inner];
	enum iommusim_status status;

	if (value->kind != VALUE_CALL)
		return resolve_number(replay, value);
	status = resolve_vm(replay, value, &inner[0], &as);
	if (status == IOMMUSIM_OK)
		status = resolve_number(replay, &inner[1]);
	if (status == IOMMUSIM_OK)
		value->number = inner[1].number;
	return status;
}

/* A VM as an argument: spelled "vm_destroy("x", ...)" or "for="x"". */
static enum iommusim_status resolve_vm_argument(
    struct replay *replay, struct value *value, const struct argument_row *row)
{
	char before[48];
	const struct spelling as = { before, row->place == ARGUMENT_PLACE ? ", ...)" : "", "\"" };

	if (row->place == ARGUMENT_PLACE)
		snprintf(before, sizeof(before), "%s(", replay->statement.row->name);
	else
		snprintf(before, sizeof(before), "%s=", row->name);
	return resolve_vm(replay, value, value, &as);
}

/* A function by its place, which need not be there, or by its name, which must. */
static enum iommusim_status resolve_function(struct replay *replay, struct value *value)
{
	const struct iommusim_pci_function *function;
	struct suggestion near = { .word = value->text };

	if (value->kind != VALUE_STRING)
		return IOMMUSIM_OK;
	for (size_t i = 0; (function = iommusim_pci_at(replay->machine, i)) != NULL; i++) {
		const struct slice name = { function->name, strlen(function->name) };

		if (slice_is(value->text, function->name)) {
			value->segment = function->segment;
			value->rid = function->rid;
			return IOMMUSIM_OK;
		}
		suggestion_try(&near, name, 0);
	}
	return replay_refuse(replay, value->at, "`%s(\"%.*s\", ...)`: no device of that name%s",
	    replay->statement.row->name, SLICE(value->text), suggestion_text(&near, "\""));
}

static enum iommusim_status resolve_argument(
    struct replay *replay, struct value *value, const struct argument_row *row)
{
	switch (row->type) {
	case ARGUMENT_NUMBER:
		return resolve_number(replay, value);
	case ARGUMENT_REQUESTER:
		return resolve_requester(replay, value);
	case ARGUMENT_DOMAIN:
		return resolve_domain(replay, value);
	case ARGUMENT_ADDRESS:
		return resolve_address(replay, value);
	case ARGUMENT_VM:
		return resolve_vm_argument(replay, value, row);
	case ARGUMENT_FUNCTION:
		return resolve_function(replay, value);
	case ARGUMENT_STRING:
	case ARGUMENT_CHOICE:
	case ARGUMENT_DEVICE:
	case ARGUMENT_DATA:
		break;
	}
	return IOMMUSIM_OK;
}

enum iommusim_status resolve_statement(struct replay *replay, struct statement *statement)
{
	const struct argument_row *rows = &argument_rows[statement->row->first];
	const unsigned count = argument_count(statement->row);

	for (unsigned i = 0; i < count; i++) {
		struct value *value = &statement->arguments[i];
		enum iommusim_status status;

		if (value->kind == VALUE_ABSENT ||
		    (value->kind == VALUE_NUMBER && rows[i].type == ARGUMENT_NUMBER))
			continue;
		status = resolve_argument(replay, value, &rows[i]);
		if (status != IOMMUSIM_OK)
			return status;
	}
	return IOMMUSIM_OK;
}

void names_forget_domains(struct names *names, uint32_t line)
{
	struct name *name;

	for (name = names->newest; name != NULL; name = name->older)
		if (name->kind == NAME_DOMAIN && name->gone == 0)
			name->gone = line;
}
