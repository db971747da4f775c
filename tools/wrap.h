/* Text for people in lines of a bearable length. */
#ifndef IOMMUSIM_TOOLS_WRAP_H
#define IOMMUSIM_TOOLS_WRAP_H

#include <stddef.h>

/*
 * Print words to standard output from `column` on, where the line stands, up to column 100; further lines begin at
 * `indent`. Ends the last one.
 */
void wrap_print(size_t column, size_t indent, const char *text);

#endif
