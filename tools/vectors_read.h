/* Reading one line of a file of conformance vectors. */
#ifndef IOMMUSIM_TOOLS_VECTORS_READ_H
#define IOMMUSIM_TOOLS_VECTORS_READ_H

#include "vectors.h"
#include "vectors_json.h"

/*
 * The vector in `json`, which holds the line and its number. False when it cannot be used or memory ran
 * out: `json->problem` says which, and `vector` is empty.
 */
bool vector_read(struct vector_json *json, struct vector *vector);
void vector_free(struct vector *vector);

#endif
