/* What the importers share: lines, patterns, tables, and writing a trace. Private to import*.c. */
#ifndef IOMMUSIM_REPLAY_IMPORT_H
#define IOMMUSIM_REPLAY_IMPORT_H

#include <iommusim/import.h>

#include "replay/lex.h"

enum { IMPORT_BLOCK = 16384, IMPORT_NUMBERS = 8, IMPORT_WORDS = 4 };

struct importer {
	const struct iommusim_import_options *options;
	struct iommusim_import_summary *summary;
	struct iommusim_diagnostic *diagnostic;
	const struct iommusim_text *out;
	struct iommusim_allocator allocator;
	bool out_of_memory;
	const char *text;
	const char *end;
	uint64_t passes; /* over the text, that this source needs */
	uint64_t pass;   /* those that are done */
	/* the line under way, without its newline */
	struct slice line;
	uint32_t number; /* of it, counted from 1 */
	/* the first line that cannot be read, for when none can */
	uint32_t strange_line;
	uint32_t strange_column;
	size_t filled;
	char block[IMPORT_BLOCK]; /* text on its way out */
};

/* Each source's own part. It reads the text once or twice and writes the trace. */
enum iommusim_status import_dtrace(struct importer *importer);
enum iommusim_status import_ftrace(struct importer *importer);
enum iommusim_status import_qemu(struct importer *importer);

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Begin at the first line again; import_next_line() makes it current. */
void import_rewind(struct importer *importer);
bool import_next_line(struct importer *importer);
/* Nothing in the text is of this source: EFORMAT, and what was expected. */
enum iommusim_status import_refuse(struct importer *importer, const char *expected);

/*
 * A pattern is text that must be there letter for letter, where a blank stands for one or more, and
 *   %n  a number, decimal or 0x hexadecimal     %i  the same, or a negative decimal one
 *   %x  hexadecimal digits                      %s  a word: up to a blank or the letter that follows in
 *   %r  the rest, which may be empty                the pattern
 */
struct import_match {
	uint64_t numbers[IMPORT_NUMBERS]; /* of %n, %i and %x, in their order */
	struct slice words[IMPORT_WORDS]; /* of %s and %r */
	const char *stopped;              /* where the text and the pattern part */
};
/* Does all of `text` but blanks at its ends match? */
bool import_match(struct slice text, const char *pattern, struct import_match *match);
/* The value of `key`, such as "dom=", anywhere in the text behind a blank: "%n" of import_match(). */
bool import_key_number(struct slice text, const char *key, uint64_t *number);
/* The same of text; quotes around it are taken off. */
bool import_key_text(struct slice text, const char *key, struct slice *value);
struct slice import_trim(struct slice text);
bool import_begins(struct slice text, const char *with);

/* ---- writing ------------------------------------------------------------------------------------------- */

/* At most 500 bytes at a time. */
void import_put(struct importer *importer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Text of the capture in a comment: what is not printable ASCII is written \xNN. */
void import_put_text(struct importer *importer, struct slice text);
void import_flush(struct importer *importer);
/* "02:00.1", with its segment in front when that is not 0. */
void import_put_device(struct importer *importer, uint16_t segment, uint16_t rid);

/* The line under way as a comment, with `why` (may be NULL) in front of it. */
void import_keep(struct importer *importer, const char *why);
/* The same for a line that is not understood from `at` on; told of and counted. */
void import_complain(
    struct importer *importer, enum iommusim_import_notice why, const char *at, const char *what);

/* machine(iommu=...) with RAM up to `highest`, as the options say it. Its closing words are the caller's. */
void import_put_machine(struct importer *importer, const char *iommu, uint64_t highest);
/* Whose machine: as the options say, else as the capture does, else VT-d. */
enum iommusim_vendor import_vendor(const struct importer *importer, enum iommusim_vendor captured);
/* A power of two that holds device addresses below `end`, as far as that vendor's backend maps any. */
uint64_t import_domain_end(enum iommusim_vendor vendor, uint64_t end);
/* preset= of a unit that takes device addresses below `address_end`, where the default does not. */
void import_put_preset(struct importer *importer, enum iommusim_vendor vendor, uint64_t address_end);

/* ---- memory -------------------------------------------------------------------------------------------- */

/*
 * Room for one more element of `size` bytes in an array that has `count` of `*room`. False, and noted in
 * the importer: no memory; the array is as it was.
 */
bool import_grow(struct importer *importer, void **array, size_t count, size_t *room, size_t size);
void import_release(struct importer *importer, void *block, size_t size);

/* A map of numbers to small numbers. Zeros are an empty one. */
struct import_map {
	struct import_map_slot *slots;
	size_t room; /* a power of two, or 0 */
	size_t used; /* slots that hold or held a key */
};
/* The number behind a key, or NULL. It stays until the next import_map_put(). */
uint32_t *import_map_find(const struct import_map *map, uint64_t key);
/* False: no memory, nothing changed. */
bool import_map_put(struct importer *importer, struct import_map *map, uint64_t key, uint32_t value);
void import_map_remove(struct import_map *map, uint64_t key);
void import_map_free(struct importer *importer, struct import_map *map);

#endif
