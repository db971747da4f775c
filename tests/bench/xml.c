/* A small reader of XML: elements, attributes, text, the declaration; no comments, no DTD. */
#include "tests/bench/xml.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum { DEPTH = 32 };

static const char *after_entity(const char *at)
{
	static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;" };

	for (unsigned i = 0; i < 4; i++)
		if (strncmp(at, entities[i], strlen(entities[i])) == 0)
			return at + strlen(entities[i]);
	return NULL;
}

/* Text up to one of `end`; NULL: something in it cannot stand there. */
static const char *after_text(const char *at, const char *end)
{
	while (at != NULL && *at != '\0' && strchr(end, *at) == NULL) {
		if (*at == '<' || (unsigned char)*at >= 0x80 ||
		    ((unsigned char)*at < ' ' && *at != '\n' && *at != '\t'))
			return NULL;
		at = *at == '&' ? after_entity(at) : at + 1;
	}
	return at;
}

static size_t name_length(const char *at)
{
	size_t length = 0;

	while (isalnum((unsigned char)at[length]) || at[length] == '-' || at[length] == ':')
		length++;
	return length;
}

/* Attributes: ` name="value"` each. */
static const char *after_attributes(const char *at)
{
	while (at != NULL && isspace((unsigned char)*at)) {
		at += strspn(at, " \n\t");
		if (*at == '>' || *at == '/' || *at == '?')
			return at;
		at += name_length(at);
		if (strncmp(at, "=\"", 2) != 0)
			return NULL;
		at = after_text(at + 2, "\"");
		if (at == NULL || *at++ != '"')
			return NULL;
	}
	return at;
}

struct open {
	const char *names[DEPTH];
	size_t lengths[DEPTH];
	unsigned depth;
};

static const char *after_close(struct open *open, const char *at)
{
	const size_t length = name_length(at);

	if (open->depth == 0)
		return NULL;
	open->depth--;
	if (length != open->lengths[open->depth] || memcmp(at, open->names[open->depth], length) != 0 ||
	    at[length] != '>')
		return NULL;
	return at + length + 1;
}

static const char *after_tag(struct open *open, const char *at)
{
	const char *name = at + 1;
	const size_t length = name_length(name);

	if (at[1] == '/')
		return after_close(open, at + 2);
	if (length == 0 || open->depth == DEPTH)
		return NULL;
	at = after_attributes(name + length);
	if (at != NULL && at[0] == '/' && at[1] == '>')
		return at + 2;
	if (at == NULL || *at != '>')
		return NULL;
	open->names[open->depth] = name;
	open->lengths[open->depth++] = length;
	return at + 1;
}

const char *xml_wrong(const char *text)
{
	struct open open = { .depth = 0 };
	const char *at = text;
	unsigned roots = 0;

	if (strncmp(at, "<?xml", 5) == 0) {
		at = after_attributes(at + 5);
		if (at == NULL || strncmp(at, "?>", 2) != 0)
			return text;
		at += 2;
	}
	while (*at != '\0') {
		const char *next = *at == '<' ? after_tag(&open, at) : after_text(at, "<");

		if (next == NULL || (open.depth == 0 && *at != '<' && strspn(at, " \n\t") == 0))
			return at;
		roots += *at == '<' && open.depth == 0;
		at = next;
	}
	return open.depth == 0 && roots == 1 ? NULL : at;
}
