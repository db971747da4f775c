/* Pieces of a trace, as the recorder writes them. Private to the recorder. */
#ifndef IOMMUSIM_REPLAY_RECORD_TEXT_H
#define IOMMUSIM_REPLAY_RECORD_TEXT_H

#include <iommusim/trace.h>

/* At most 500 bytes at a time. */
void trace_put(const struct iommusim_text *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void trace_put_text(const struct iommusim_text *out, const char *text, size_t length);
void trace_put_string(const struct iommusim_text *out, const char *text);
void trace_put_number(const struct iommusim_text *out, uint64_t number);
void trace_put_hex(const struct iommusim_text *out, const uint8_t *bytes, size_t length);
void trace_put_device(const struct iommusim_text *out, uint16_t segment, uint16_t rid);

/*
 * The first lines: the header, machine(), and what of the board machine() cannot say. Functions are not
 * among them. Returns OK or ENOMEM.
 */
enum iommusim_status record_board(struct iommusim_vmm *vmm, const struct iommusim_text *out);

#endif
