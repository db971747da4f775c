/* The names a story gives to things: a hash table. What they may stand for is resolve.c's business. */
#include "replay/names.h"

#include <string.h>

#define FIRST_BUCKETS 64u

static void *allocate(const struct names *names, size_t size)
{
	return names->allocator->allocate(names->allocator->context, size);
}

static void release(const struct names *names, void *block, size_t size)
{
	if (block != NULL)
		names->allocator->release(names->allocator->context, block, size);
}

struct name *names_find(const struct names *names, bool vm, struct slice text, uint32_t hash)
{
	struct name *name;

	if (names->bucket_count == 0)
		return NULL;
	for (name = names->buckets[hash & (names->bucket_count - 1)]; name != NULL; name = name->next)
		if (name->hash == hash && name->length == text.length &&
		    (name->kind == NAME_VM) == vm && memcmp(name->text, text.at, text.length) == 0)
			return name;
	return NULL;
}

static void insert(struct names *names, struct name *name)
{
	struct name **bucket = &names->buckets[name->hash & (names->bucket_count - 1)];

	name->next = *bucket;
	*bucket = name;
}

static bool grow(struct names *names)
{
	const size_t count = names->bucket_count == 0 ? FIRST_BUCKETS : names->bucket_count * 2;
	struct name **buckets = allocate(names, count * sizeof(struct name *));
	struct name *name;

	if (buckets == NULL)
		return false;
	memset(buckets, 0, count * sizeof(struct name *));
	release(names, names->buckets, names->bucket_count * sizeof(struct name *));
	names->buckets = buckets;
	names->bucket_count = count;
	for (name = names->newest; name != NULL; name = name->older)
		insert(names, name);
	return true;
}

struct name *names_add(
    struct names *names, enum name_kind kind, struct slice text, uint32_t hash, uint32_t line)
{
	struct name *name = names_find(names, kind == NAME_VM, text, hash);

	if (name == NULL) {
		if (names->count >= names->bucket_count && !grow(names))
			return NULL;
		name = allocate(names, sizeof(*name) + text.length);
		if (name == NULL)
			return NULL;
		name->hash = hash;
		name->length = text.length;
		memcpy(name->text, text.at, text.length);
		name->kind = kind;
		name->older = names->newest;
		names->newest = name;
		names->count++;
		insert(names, name);
	}
	name->kind = kind;
	name->line = line;
	name->gone = 0;
	return name;
}

void names_free(struct names *names)
{
	while (names->newest != NULL) {
		struct name *name = names->newest;

		names->newest = name->older;
		release(names, name, sizeof(*name) + name->length);
	}
	release(names, names->buckets, names->bucket_count * sizeof(struct name *));
	names->buckets = NULL;
	names->bucket_count = names->count = 0;
}
