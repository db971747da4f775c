/* Reads and writes files for tests. No expectations of what is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <zlib.h>

#include "own_files.h"

enum { MOST_PATHS = 128, ROOM = 65536 };

static char folder[32];
/* What folder_path() has told. */
static char *paths[MOST_PATHS];
static size_t path_count;

char *file_read(const char *path, size_t *length)
{
	gzFile stream = gzopen(path, "rb");
	size_t room = 0;
	char *text = NULL;
	int count;

	*length = 0;
	if (stream == NULL)
		return NULL;
	do {
		if (*length + 1 >= room) {
			room = room == 0 ? ROOM : 2 * room;
			text = realloc(text, room);
			assert_non_null(text);
		}
		count = gzread(stream, text + *length, (unsigned)(room - *length - 1));
		assert_true(count >= 0);
		*length += (size_t)count;
	} while (count > 0);
	text[*length] = '\0';
	gzclose(stream);
	return text;
}

static void write_all(FILE *stream, const void *bytes, size_t size)
{
	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, size, stream), size);
	assert_int_equal(fclose(stream), 0);
}

char *file_write(const void *bytes, size_t size)
{
	char *name = strdup("/tmp/iommusim-test-XXXXXX");
	int descriptor;

	assert_non_null(name);
	descriptor = mkstemp(name);
	assert_true(descriptor >= 0);
	write_all(fdopen(descriptor, "wb"), bytes, size);
	return name;
}

void file_remove(char *name)
{
	assert_int_equal(remove(name), 0);
	free(name);
}

/* ---- the folder ------------------------------------------------------------------------------------------ */

const char *folder_path(const char *name)
{
	size_t known = 0;
	char *path;

	if (folder[0] == '\0') {
		strcpy(folder, "/tmp/iommusim-test-XXXXXX");
		assert_non_null(mkdtemp(folder));
	}
	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	while (known < path_count && strcmp(paths[known], path) != 0)
		known++;
	if (known < path_count) {
		free(path);
		return paths[known];
	}
	assert_true(path_count < MOST_PATHS);
	paths[path_count++] = path;
	return path;
}

int folder_remove(void **state)
{
	char command[sizeof(folder) + 16];

	(void)state;
	while (path_count > 0)
		free(paths[--path_count]);
	if (folder[0] == '\0')
		return 0;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	folder[0] = '\0';
	return system(command);
}

const char *folder_write_packed(const char *name, const void *bytes, size_t length)
{
	const char *path = folder_path(name);
	gzFile stream = gzopen(path, "wb");

	assert_non_null(stream);
	if (length > 0)
		assert_int_equal(gzwrite(stream, bytes, (unsigned)length), length);
	assert_int_equal(gzclose(stream), Z_OK);
	return path;
}

const char *folder_write_bytes(const char *name, const void *bytes, size_t length)
{
	const char *path = folder_path(name);

	write_all(fopen(path, "wb"), bytes, length);
	return path;
}

const char *folder_write(const char *name, const char *text)
{
	const size_t length = strlen(name);

	if (length > 3 && strcmp(name + length - 3, ".gz") == 0)
		return folder_write_packed(name, text, strlen(text));
	return folder_write_bytes(name, text, strlen(text));
}

const char *folder_make_inner(const char *name)
{
	const char *path = folder_path(name);

	mkdir(path, 0700);
	return path;
}

void folder_delete(const char *name)
{
	remove(folder_path(name));
}
