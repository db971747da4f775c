/* What each vendor calls the things that reports speak of. Private to libiommusim/check. */
#ifndef IOMMUSIM_CHECK_VENDOR_H
#define IOMMUSIM_CHECK_VENDOR_H

#include <iommusim/walk.h>

struct vendor_words {
	const char *vendor;     /* of the unit */
	const char *reason;     /* what a fault's number is */
	const char *not_mapped; /* behind the meaning of a fault for what nothing maps */
	const char *overflowed; /* why there was no room for it */
	const char *masked;     /* why nobody was told of the record */
	const char *kept;       /* entries other than translations that took part in a stale answer */
};

/* By the unit of a walk; without one, as VT-d has them. Static storage. */
const struct vendor_words *vendor_words(const struct iommusim_walk *walk);

/* "FRCD3", "the event log": where a fault was recorded; into `text`. */
const char *vendor_record(
    const struct vendor_words *words, const struct iommusim_fault *fault, char *text, size_t size);

#endif
