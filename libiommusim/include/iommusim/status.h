/* What functions return, and the diagnostic that says more. */
#ifndef IOMMUSIM_STATUS_H
#define IOMMUSIM_STATUS_H

#include <stdint.h>

#include <iommusim/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Success is 0. The names are the ones traces write: `error(ENXIO)`. */
enum iommusim_status {
	IOMMUSIM_OK = 0,
	IOMMUSIM_EINVAL,     /* an argument out of its range */
	IOMMUSIM_ENOMEM,     /* an allocation failed; the state is as it was before the call */
	IOMMUSIM_ENOENT,     /* nothing of that name or at that place */
	IOMMUSIM_EEXIST,     /* something is there already */
	IOMMUSIM_ENXIO,      /* no such device, unit, or memory behind an address */
	IOMMUSIM_EBUSY,      /* in use */
	IOMMUSIM_EOPNOTSUPP, /* not available here */
	IOMMUSIM_EIO,        /* hardware did not answer, a file could not be read */
	IOMMUSIM_EFAULT,     /* the simulated kernel panicked; its messages say why */
	IOMMUSIM_EFORMAT,    /* malformed input; the diagnostic has the position */
	IOMMUSIM_ETIMEDOUT,  /* a device never said that it was done */
	IOMMUSIM_STATUS_COUNT
};

/*
 * The last thing that went wrong on a machine. `text` is one line without a newline. A position that
 * does not apply is 0 (line, column) or UINT64_MAX (offset).
 */
struct iommusim_diagnostic {
	enum iommusim_status status;
	uint32_t line;   /* counted from 1 */
	uint32_t column; /* counted from 1 */
	uint64_t offset; /* byte offset in a binary input */
	char text[256];
};

/* "ENXIO" for IOMMUSIM_ENXIO; "OK"; "unknown status" beyond the range. Static storage. Any thread. */
IOMMUSIM_API const char *iommusim_status_name(enum iommusim_status status);

#ifdef __cplusplus
}
#endif

#endif
