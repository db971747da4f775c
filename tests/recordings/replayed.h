/* Runs `iommusim replay` on small recordings that a test writes, and keeps what came of it. */
#ifndef IOMMUSIM_TESTS_RECORDINGS_REPLAYED_H
#define IOMMUSIM_TESTS_RECORDINGS_REPLAYED_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "command_run.h"
#include "own_files.h"
#include "printed_json.h"

/* Arguments behind `replay`, ended by NULL. */
#define replay(...) command_run(command_replay, "replay", __VA_ARGS__)

/* The unit of the recordings: 39 and 48 bits, one fault record, 2M pages, queued invalidation. */
#define PLATFORM                                                                                       \
	"{\"iommu\": \"vtd\", \"mmio_base\": 4275634176, \"caps\": {\"VER\": 16, "                     \
	"\"CAP\": 59110346977575430, \"ECAP\": 15732554, \"HAW\": 39}, \"ram\": [[0, 67108864]]}"

/*
 * Eleven lines that turn translation and interrupt remapping on. 00:03.0 (24) has domain 5, 39 bits:
 *   0 -> 0x100000 read and write, 0x1000 -> 0x101000 read, 0x2000 -> 0x102000 write,
 *   0x200000 -> 0x400000 read and write, 2M. Interrupt 1 is vector 0x33 for 00:1f.0 (248) alone.
 */
#define DRIVER                                                                                         \
	"{\"t\":0,\"op\":\"mem\",\"pa\":4096,\"q\":[8193,0]}\n"                                        \
	"{\"t\":1,\"op\":\"mem\",\"pa\":8576,\"q\":[12289,1281]}\n"                                    \
	"{\"t\":2,\"op\":\"mem\",\"pa\":12288,\"q\":[16387]}\n"                                        \
	"{\"t\":3,\"op\":\"mem\",\"pa\":16384,\"q\":[20483,4194435]}\n"                                \
	"{\"t\":4,\"op\":\"mem\",\"pa\":20480,\"q\":[1048579,1052673,1056770]}\n"                      \
	"{\"t\":5,\"op\":\"mem\",\"pa\":32784,\"q\":[1099514970113,262392]}\n"                         \
	"{\"t\":6,\"rw\":\"w\",\"off\":32,\"size\":8,\"val\":4096}\n"                                  \
	"{\"t\":7,\"rw\":\"w\",\"off\":184,\"size\":8,\"val\":32768}\n"                                \
	"{\"t\":8,\"rw\":\"w\",\"off\":24,\"size\":4,\"val\":1090519040}\n"                            \
	"{\"t\":9,\"rw\":\"w\",\"off\":24,\"size\":4,\"val\":2181038080}\n"                            \
	"{\"t\":10,\"rw\":\"r\",\"off\":28,\"size\":4,\"val\":3271557120}\n"
#define DRIVER_LINES 11

/* The recording `lines`, run behind DRIVER on PLATFORM; the options are ended by NULL. */
struct command_run replay_lines(const char *lines, const char *option, ...);
/* The same behind other first lines, on another platform. */
struct command_run replay_behind(
    const char *platform, const char *driver, const char *lines, const char *option, ...);

/* The first lines of a recording, and how many; the lines of a test stand behind them. */
struct recorded_driver {
	const char *platform;
	const char *lines;
	unsigned count;
};
/* PLATFORM and DRIVER. */
extern const struct recorded_driver vtd_driver;

/* A line behind the driver's; the report has these words, or it agrees when they are NULL. */
struct recorded_line {
	const char *text;
	const char *expected;
	const char *got;
};

/* Run one line alone and see that `kind` counts it and that it agrees or parts as it says. */
void check_line(
    const struct recorded_driver *driver, const struct recorded_line *line, const char *kind);

/* What is live at the checkpoint whose number is 3. */
void expect_live(const char *live);
/* Replay with this live map; the checkpoint's counts, and the report about what parts; NULL: nothing does. */
void check_live(const struct recorded_driver *driver, const char *lines, const char *live,
    int64_t pages, int64_t agree, const char *report);

/* The summary, which is the last line of an output of --json; json_object_put() what it is in. */
struct json_object *summary_of(const struct command_run *result, struct json_object **whole);
/* A number in an object: "translations/agree". */
int64_t number_at(struct json_object *object, const char *path);

#endif
