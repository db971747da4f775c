/* The names a story gives to things, with the lines they come from. */
#ifndef IOMMUSIM_REPLAY_NAMES_H
#define IOMMUSIM_REPLAY_NAMES_H

#include <iommusim/vmm.h>

#include "replay/lex.h"

enum name_kind { NAME_VM, NAME_DOMAIN, NAME_NUMBER };

struct name {
	struct name *next;  /* in its bucket */
	struct name *older; /* in order of creation, newest first */
	enum name_kind kind;
	uint32_t hash;
	uint32_t line; /* that gave it */
	uint32_t gone; /* the line that took its thing away, or 0 */
	union {
		struct iommusim_vm *vm;
		struct iommusim_domain *domain;
		uint64_t number;
	} is;
	size_t length;
	char text[];
};

/* VM names are strings and live apart from names bound by `=`. */
struct names {
	const struct iommusim_allocator *allocator;
	struct name **buckets;
	size_t bucket_count; /* a power of two, or 0 */
	size_t count;
	struct name *newest;
};

/* The name, whether its thing still stands or not, or NULL. */
struct name *names_find(const struct names *names, bool vm, struct slice text, uint32_t hash);

/* A new name; one whose thing is gone may be given again. NULL: no memory. */
struct name *names_add(
    struct names *names, enum name_kind kind, struct slice text, uint32_t hash, uint32_t line);

void names_free(struct names *names);

#endif
