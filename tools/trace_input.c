/* Finds the traces and recordings that were asked for and reads them. What is in them is not looked at. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "trace_input.h"

enum {
	FIRST_READ = 64 * 1024,
	DEEPEST_FOLDER = 32 /* more are a loop of links */
};

#define LARGEST_TRACE ((size_t)1 << 30)
#define LARGEST_READ  (1u << 30) /* at a time */

static enum iommusim_status refuse(
    struct iommusim_diagnostic *problem, const char *what, const char *why)
{
	*problem = (struct iommusim_diagnostic){ .status = IOMMUSIM_EIO, .offset = UINT64_MAX };
	snprintf(problem->text, sizeof(problem->text), "cannot be %s: %s", what, why);
	return IOMMUSIM_EIO;
}

static enum iommusim_status add_name(struct trace_files *files, char *name)
{
	if (name == NULL)
		return IOMMUSIM_ENOMEM;
	if (files->count == files->room) {
		const size_t room = files->room == 0 ? 16 : files->room * 2;
		char **larger = realloc(files->names, room * sizeof(*larger));

		if (larger == NULL) {
			free(name);
			return IOMMUSIM_ENOMEM;
		}
		files->names = larger;
		files->room = room;
	}
	files->names[files->count++] = name;
	return IOMMUSIM_OK;
}

static bool is_trace(const char *name)
{
	static const char ending[] = ".iommu";
	const size_t length = strlen(name);

	return length >= sizeof(ending) && strcmp(name + length - strlen(ending), ending) == 0;
}

static char *join(const char *folder, const char *name)
{
	const size_t length = strlen(folder);
	const char *between = length > 0 && folder[length - 1] == '/' ? "" : "/";
	char *path;

	return asprintf(&path, "%s%s%s", folder, between, name) < 0 ? NULL : path;
}

static enum iommusim_status add_folder(
    struct trace_files *files, const char *folder, unsigned depth, struct iommusim_diagnostic *problem);

static enum iommusim_status add_entry(
    struct trace_files *files, char *path, unsigned depth, struct iommusim_diagnostic *problem)
{
	enum iommusim_status status = IOMMUSIM_OK;
	struct stat about;

	if (path == NULL)
		return IOMMUSIM_ENOMEM;
	if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
		status = add_folder(files, path, depth + 1, problem);
	else if (is_trace(path))
		return add_name(files, path);
	free(path);
	return status;
}

static enum iommusim_status add_folder(
    struct trace_files *files, const char *folder, unsigned depth, struct iommusim_diagnostic *problem)
{
	enum iommusim_status status = IOMMUSIM_OK;
	const struct dirent *entry;
	DIR *stream;

	if (depth > DEEPEST_FOLDER)
		return refuse(problem, "searched", "folders within folders without end");
	stream = opendir(folder);
	if (stream == NULL)
		return refuse(problem, "searched", strerror(errno));
	while (status == IOMMUSIM_OK && (entry = readdir(stream)) != NULL)
		if (entry->d_name[0] != '.')
			status = add_entry(files, join(folder, entry->d_name), depth, problem);
	closedir(stream);
	return status;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The recording that lies in a folder without traces. ENOENT when there is none. */
static enum iommusim_status add_recording(struct trace_files *files, const char *folder)
{
	static const char *const names[] = { "recording.jsonl.gz", "recording.jsonl" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = join(folder, names[i]);
		struct stat about;

		if (path == NULL || (stat(path, &about) == 0 && S_ISREG(about.st_mode)))
			return add_name(files, path);
		free(path);
	}
	return IOMMUSIM_ENOENT;
}

enum iommusim_status trace_files_add(
    struct trace_files *files, const char *name, struct iommusim_diagnostic *problem)
{
	const size_t before = files->count;
	enum iommusim_status status;
	struct stat about;

	if (strcmp(name, "-") == 0 || stat(name, &about) != 0 || !S_ISDIR(about.st_mode))
		return add_name(
		    files, strdup(name)); /* one that is not there is told when it is read */
	status = add_folder(files, name, 0, problem);
	if (status != IOMMUSIM_OK) {
		while (files->count > before)
			free(files->names[--files->count]);
		return status;
	}
	if (files->count == before) {
		status = add_recording(files, name);
		return status == IOMMUSIM_ENOENT
		    ? refuse(problem, "replayed",
			  "no *.iommu file is below this folder, and no recording.jsonl.gz in it")
		    : status;
	}
	qsort(files->names + before, files->count - before, sizeof(*files->names), compare_names);
	return IOMMUSIM_OK;
}

void trace_files_free(struct trace_files *files)
{
	while (files->count > 0)
		free(files->names[--files->count]);
	free(files->names);
	*files = (struct trace_files){ .names = NULL };
}

/* ---- one file ---------------------------------------------------------------------------------------- */

enum iommusim_status trace_stream_open(
    struct trace_stream *stream, const char *file, struct iommusim_diagnostic *problem)
{
	const bool from_input = strcmp(file, "-") == 0;

	*stream = (struct trace_stream){ .file = NULL };
	errno = 0;
	stream->file = from_input ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(file, "rb");
	if (stream->file == NULL)
		return errno == 0 ? IOMMUSIM_ENOMEM : refuse(problem, "opened", strerror(errno));
	return IOMMUSIM_OK;
}

void trace_stream_close(struct trace_stream *stream)
{
	gzclose_r(stream->file);
	free(stream->ahead);
	*stream = (struct trace_stream){ .file = NULL };
}

/* Why nothing more comes. */
static enum iommusim_status end_of(
    const struct trace_stream *stream, struct iommusim_diagnostic *problem)
{
	int error;
	const char *why = gzerror(stream->file, &error);

	switch (error) {
	case Z_OK:
	case Z_STREAM_END:
		return IOMMUSIM_OK;
	case Z_MEM_ERROR:
		return IOMMUSIM_ENOMEM;
	case Z_BUF_ERROR:
		return refuse(problem, "read", "the compressed file ends too early");
	case Z_ERRNO:
		return refuse(problem, "read", strerror(stream->error));
	default:
		return refuse(problem, "read", why);
	}
}

enum iommusim_status trace_stream_read(struct trace_stream *stream, char *bytes, size_t room,
    size_t *count, struct iommusim_diagnostic *problem)
{
	const size_t ahead = stream->ahead_length - stream->ahead_at;
	int got;

	if (ahead != 0) {
		*count = ahead < room ? ahead : room;
		memcpy(bytes, stream->ahead + stream->ahead_at, *count);
		stream->ahead_at += *count;
		return IOMMUSIM_OK;
	}
	got = gzread(stream->file, bytes, room < LARGEST_READ ? (unsigned)room : LARGEST_READ);
	if (got < 0 && stream->error == 0)
		stream->error = errno;
	*count = got < 0 ? 0 : (size_t)got;
	return got > 0 ? IOMMUSIM_OK : end_of(stream, problem);
}

enum iommusim_status trace_stream_look(struct trace_stream *stream, const char **bytes, size_t *length)
{
	struct iommusim_diagnostic ignored; /* whoever reads on will be told */
	size_t count = 1;

	stream->ahead = malloc(FIRST_READ);
	if (stream->ahead == NULL)
		return IOMMUSIM_ENOMEM;
	*length = 0;
	while (count != 0 && *length < FIRST_READ) {
		trace_stream_read(
		    stream, stream->ahead + *length, FIRST_READ - *length, &count, &ignored);
		*length += count;
	}
	stream->ahead_length = *length;
	*bytes = stream->ahead;
	return IOMMUSIM_OK;
}

enum iommusim_status trace_stream_rest(
    struct trace_stream *stream, char **text, size_t *length, struct iommusim_diagnostic *problem)
{
	enum iommusim_status status = IOMMUSIM_OK;
	size_t room = 0, count = 1;

	*text = NULL;
	*length = 0;
	while (status == IOMMUSIM_OK && count != 0) {
		if (*length == room) {
			char *larger;

			if (room >= LARGEST_TRACE) {
				status =
				    refuse(problem, "replayed", "it is larger than 1 GiB unpacked");
				break;
			}
			room = room == 0 ? FIRST_READ : room * 2;
			larger = realloc(*text, room);
			if (larger == NULL) {
				status = IOMMUSIM_ENOMEM;
				break;
			}
			*text = larger;
		}
		status = trace_stream_read(stream, *text + *length, room - *length, &count, problem);
		*length += count;
	}
	if (status != IOMMUSIM_OK) {
		free(*text);
		*text = NULL;
	}
	return status;
}

enum iommusim_status trace_read(
    const char *file, char **text, size_t *length, struct iommusim_diagnostic *problem)
{
	struct trace_stream stream;
	enum iommusim_status status = trace_stream_open(&stream, file, problem);

	*text = NULL;
	*length = 0;
	if (status != IOMMUSIM_OK)
		return status;
	status = trace_stream_rest(&stream, text, length, problem);
	trace_stream_close(&stream);
	return status;
}
