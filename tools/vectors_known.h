/* Vectors that are known to part from the specification: the list in the program, and lists in files. */
#ifndef IOMMUSIM_TOOLS_VECTORS_KNOWN_H
#define IOMMUSIM_TOOLS_VECTORS_KNOWN_H

#include <stddef.h>

#include <iommusim/status.h>

struct vectors_known_entry {
	const char *pattern; /* a glob over ids, whose `*` also stands for `/` */
	const char *clause;  /* of the specification, one word */
	const char *reason;
};

/* Entries of files come on top of the list in the program. */
struct vectors_known {
	struct vectors_known_entry *entries;
	size_t count;
	size_t room;
	char **texts; /* of the files, which the entries point into */
	size_t text_count;
};

/* Add the lines of a file. OK, ENOMEM, EIO, EFORMAT (`problem` says where and what). */
enum iommusim_status vectors_known_add(
    struct vectors_known *known, const char *file, struct iommusim_diagnostic *problem);
void vectors_known_free(struct vectors_known *known);

/* The first entry an id matches, or NULL. */
const struct vectors_known_entry *vectors_known_find(const struct vectors_known *known, const char *id);

/* Entry number `index` of the list in the program, NULL beyond its end. */
const struct vectors_known_entry *vectors_known_at(size_t index);

#endif
