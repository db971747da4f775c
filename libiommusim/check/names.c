/* Interned strings: names that outlive the VM or domain they belong to. */
#include <string.h>

#include "check/state.h"

/* uthash allocates through the machine: `check` is in scope wherever its macros are used. */
#define HASH_NONFATAL_OOM        1
#define uthash_malloc(size)      machine_alloc(check->machine, size)
#define uthash_free(block, size) machine_free(check->machine, block, size)
#include <uthash.h>

struct check_name {
	UT_hash_handle hh;
	size_t size; /* of this structure with its text */
	char text[];
};

const char *check_intern(struct iommusim_check *check, const char *text)
{
	const size_t length = strlen(text);
	struct check_name *name;

	HASH_FIND(hh, check->names, text, length, name);
	if (name != NULL)
		return name->text;
	name = machine_alloc(check->machine, sizeof(*name) + length + 1);
	if (name == NULL)
		return NULL;
	memset(name, 0, sizeof(*name));
	name->size = sizeof(*name) + length + 1;
	memcpy(name->text, text, length + 1);
	HASH_ADD_KEYPTR(hh, check->names, name->text, length, name);
	if (name->hh.tbl == NULL) {
		machine_free(check->machine, name, name->size);
		return NULL;
	}
	return name->text;
}

void check_names_free(struct iommusim_check *check)
{
	struct check_name *name, *next;

	HASH_ITER (hh, check->names, name, next) {
		HASH_DEL(check->names, name);
		machine_free(check->machine, name, name->size);
	}
}
