/* Which files are meant by the arguments of `iommusim replay`, and what is in one of them. */
#ifndef IOMMUSIM_TOOLS_TRACE_INPUT_H
#define IOMMUSIM_TOOLS_TRACE_INPUT_H

#include <stddef.h>

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

/*
 * All of a file, unpacked when it is compressed; "-" is standard input. Free `*text` with free().
 * OK, ENOMEM, EIO (`problem` says why).
 */
enum iommusim_status trace_read(
    const char *file, char **text, size_t *length, struct iommusim_diagnostic *problem);

#endif
