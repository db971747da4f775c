/* Files that a test reads whole or writes for itself. */
#ifndef IOMMUSIM_TESTS_OWN_FILES_H
#define IOMMUSIM_TESTS_OWN_FILES_H

#include <stddef.h>

/* All of a file, unpacked when it is compressed, with a NUL behind it; free(). NULL: it is not there. */
char *file_read(const char *path, size_t *length);

/* Write a file of its own for the test; remove it, and free its name. */
char *file_write(const void *bytes, size_t size);
void file_remove(char *name);

/*
 * A folder of the program's own, there from the first call on: its path with `name` behind it, good until
 * folder_remove(), the teardown of the group, which removes it with all that is in it.
 */
const char *folder_path(const char *name);
int folder_remove(void **state);
/* Write a file into it, and return its path. Text is compressed if its name ends in .gz. */
const char *folder_write(const char *name, const char *text);
const char *folder_write_packed(const char *name, const void *bytes, size_t length);
const char *folder_write_bytes(const char *name, const void *bytes, size_t length);
/* A folder in it, which may be there already. */
const char *folder_make_inner(const char *name);
void folder_delete(const char *name);

#endif
