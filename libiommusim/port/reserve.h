/* Address space that costs nothing until it is touched. What differs between systems stands in reserve.c. */
#ifndef IOMMUSIM_PORT_RESERVE_H
#define IOMMUSIM_PORT_RESERVE_H

#include <stddef.h>

/* Page-aligned, zero-filled, read-write; NULL when the system refuses. */
void *port_reserve(size_t size);
void port_unreserve(void *block, size_t size);

#endif
