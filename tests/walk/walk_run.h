/* Runs `iommusim walk` inside a test, and asks what came of it. What is proved stands in the tests. */
#ifndef IOMMUSIM_TESTS_WALK_RUN_H
#define IOMMUSIM_TESTS_WALK_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command_run.h"
#include "own_files.h"
#include "printed_json.h"

/* The command line behind `iommusim walk`, its words divided by blanks. Free with command_run_free(). */
struct command_run walk(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The code, and a part of what it said on standard output; nothing on standard error. */
void assert_walked(struct command_run walked, int code, const char *part);
/* Exit code 2, nothing on standard output, and this on standard error. */
void assert_refused(struct command_run walked, const char *part);

/* The object `--json` prints; drop it with json_object_put(). */
struct json_object *walked_json(struct command_run walked, int code);
/* A member by its path: "steps.0.fields.P". It must be there. */
struct json_object *member(struct json_object *object, const char *path);
uint64_t number(struct json_object *object, const char *path);
const char *text(struct json_object *object, const char *path);

/*
 * Memory with tables that a test wrote down by hand, as pages in JSON: root table 0x10000, context
 * table 0x11000, three levels at 0x12000, 0x13000, 0x14000, interrupt remapping table 0x15000 (S=3).
 * For 00:03.0, domain 2: 0x40200000 is page 0x1c0000000, 2 MiB, read-only; 0x40401000 is 0x77000,
 * read-write; interrupt 1 is vector 31h, interrupt 2 belongs to 00:06.0.
 */
extern const char walk_pages[];
/* The unit of the shared recordings (CAP, ECAP, 39 bits) with 16 MiB of RAM, registers at 0xfed90000. */
extern const char walk_platform[];

#endif
