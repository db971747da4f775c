/* Runs `iommusim vectors` inside a test and keeps what it wrote and returned. */
#ifndef IOMMUSIM_TESTS_CONFORMANCE_CAPTURE_H
#define IOMMUSIM_TESTS_CONFORMANCE_CAPTURE_H

#include <stddef.h>

struct capture {
	int code;
	char *output;
	char *errors;
};

/* Arguments behind `vectors`, ended by NULL. Free with capture_free(). */
struct capture capture_vectors(const char *first, ...) __attribute__((sentinel));
void capture_free(struct capture *capture);

/* Write a file of its own for the test; remove it, and free its name. */
char *capture_write_file(const void *bytes, size_t size);
void capture_remove_file(char *name);

/* Fails the test when `part` is not in `text`. */
void capture_assert_contains(const char *text, const char *part);

#endif
