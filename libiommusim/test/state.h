/* What a driver's test is made of, and what the files of the test library share. Private to the archive. */
#ifndef IOMMUSIM_TEST_STATE_H
#define IOMMUSIM_TEST_STATE_H

#include <iommusim/mmio.h>
#include <iommusim/test.h>

#include "test/access.h"
#include "test/ops.h"

#define HELD_REGISTERS 8u
#define REQUESTERS     64u

/* Register bits that hang. */
struct held {
	uint64_t address, mask, value;
	uint64_t reads; /* still to come; 0: free */
};

/* The last register access, and how often it was the same read. */
struct last_access {
	uint64_t address, value, count;
	unsigned width;
	uint64_t written_at, written; /* the last write before */
	bool has_written, known;
};

struct iommusim_test_hidden {
	struct iommusim_test test; /* what the test sees */
	struct iommusim_test_setup setup;
	enum iommusim_kernel_processor processor;
	void *access; /* of iommusim_test_access */
	struct test_kernel_ops ops;
	struct iommusim_error_ops error_ops;
	struct iommusim_requester *requesters[REQUESTERS];
	size_t requester_count;
	struct held held[HELD_REGISTERS];
	struct last_access last;
	/* VT-d registers that a unit has where its capabilities say: offsets, and bytes. */
	uint64_t moving_base, records_base, records_length;
	struct iommusim_place place; /* of the test's line that is being carried out */
	size_t findings_shown;
	bool forgiven[IOMMUSIM_FINDING_COUNT];
	struct iommusim_report report;
	bool failing; /* on the way out already */
	const char *name;
};

/* The running test of this thread, or NULL. */
extern _Thread_local struct iommusim_test_hidden *test_here;

/* firmware.c: units, their table, memory and devices. */
void firmware_make(struct iommusim_test_hidden *hidden);

/* fixture.c: a panic or a held lock ends the test. */
void test_settle_call(struct iommusim_test_hidden *hidden, const struct iommusim_kernel_result *result);

/* watch.c: every register access; where it came from, polls without an end, stores where nothing is. */
void watch_start(struct iommusim_test_hidden *hidden);
/* "GSTS", or "register 0x7f8"; `known` (may be NULL): is it a register at all? Static text, or in `text`. */
const char *watch_register_name(
    struct iommusim_test_hidden *hidden, uint64_t address, char *text, size_t size, bool *known);

/* finding.c */
void findings_show(struct iommusim_test_hidden *hidden);

/* crash.c: signals of the test, from after cmocka has put its own handlers in. */
void crash_catch(unsigned seconds);
void crash_let_go(void);

/* place.c: from addresses to lines, of the program itself. */
void place_load(void);
bool place_find(const void *address, struct iommusim_place *place);
/* Of the driver's access that is being carried out, or was last. */
bool place_of_access(struct iommusim_test_hidden *hidden, struct iommusim_place *place);

/* print.c: to standard output, which belongs to the test. */
void print_text(void *context, const char *text, size_t length);
/* Text of several sentences, indented, in lines that a terminal holds. */
void print_wrapped(const char *text);

/* run.c: why it failed has been printed; what cmocka adds is left out. */
void test_explained(void);

/* Everything of a test that did not end, without a word. */
void test_abandon(void);
struct iommusim_test_hidden *test_of(struct iommusim_test *test);

#endif
