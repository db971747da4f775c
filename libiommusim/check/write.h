/* Small pieces of text that the reports are made of. Private to libiommusim/check. */
#ifndef IOMMUSIM_CHECK_WRITE_H
#define IOMMUSIM_CHECK_WRITE_H

#include <iommusim/check.h>

/* Formatted text, one piece of at most 1 KiB. */
void write_text(const struct iommusim_text *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text of a width that is wrapped at blanks: `first` begins the first line, blanks the others. */
void write_wrapped(const struct iommusim_text *out, const char *first, const char *text);

/* "64K", "16G", "100": the largest unit that loses nothing. `text` has room for 24 characters. */
const char *write_size(uint64_t size, char *text);

/* "7/0/0" and "07:00.0". `text` has room for 24 characters. */
const char *write_device(uint16_t segment, uint16_t rid, char *text);
const char *write_rid(uint16_t segment, uint16_t rid, char *text);

/* A call as a trace writes it: `vm_assign_pptdev("store-01", 7/0/0)`. */
void write_call(const struct iommusim_remembered_call *call, char *text, size_t size);
void write_inner_call(const struct iommusim_remembered_call *call, char *text, size_t size);

/* "line 14", "driver.c:214", "an unknown place". `text` has room for 160 characters. */
const char *write_place(const struct iommusim_place *place, char *text);

#endif
