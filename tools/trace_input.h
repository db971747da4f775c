/* Which files are meant by the arguments of `iommusim replay`, and what is in one of them, at once or bit by bit. */
#ifndef IOMMUSIM_TOOLS_TRACE_INPUT_H
#define IOMMUSIM_TOOLS_TRACE_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include <zlib.h>

#include <iommusim/status.h>

struct trace_files {
	char **names;
	size_t count;
	size_t room;
};

/*
 * Add a file, or every *.iommu below a folder in the order of their bytes, or, when there is none, the
 * recording in the folder. OK, ENOMEM, EIO (`problem`
 * says why; nothing is added).
 */
enum iommusim_status trace_files_add(
    struct trace_files *files, const char *name, struct iommusim_diagnostic *problem);
void trace_files_free(struct trace_files *files);

/* A file that is read bit by bit, unpacked when it is compressed. */
struct trace_stream {
	gzFile file;
	char *ahead; /* bytes that were looked at, and will come once more */
	size_t ahead_at;
	size_t ahead_length;
	int error; /* errno of the first read that failed */
};

/* "-" is standard input. OK, ENOMEM, EIO (`problem` says why); close it when it is OK. */
enum iommusim_status trace_stream_open(
    struct trace_stream *stream, const char *file, struct iommusim_diagnostic *problem);
void trace_stream_close(struct trace_stream *stream);

/* Up to `room` bytes, 0 at the end. OK, ENOMEM, EIO (`problem` says why). */
enum iommusim_status trace_stream_read(struct trace_stream *stream, char *bytes, size_t room,
    size_t *count, struct iommusim_diagnostic *problem);
/* The first bytes without taking them, before anything else and once: 64 KiB, or all that can be read. OK, ENOMEM. */
enum iommusim_status trace_stream_look(struct trace_stream *stream, const char **bytes, size_t *length);
/* All that is left, as trace_read() has it. */
enum iommusim_status trace_stream_rest(
    struct trace_stream *stream, char **text, size_t *length, struct iommusim_diagnostic *problem);

/*
 * All of a file, unpacked when it is compressed; "-" is standard input. Free `*text` with free(). At most 1 GiB.
 * OK, ENOMEM, EIO (`problem` says why).
 */
enum iommusim_status trace_read(
    const char *file, char **text, size_t *length, struct iommusim_diagnostic *problem);

#endif
