/* A replay under way, and what the files that carry it out ask of each other. Private to this folder. */
#ifndef IOMMUSIM_REPLAY_RUN_H
#define IOMMUSIM_REPLAY_RUN_H

#include <iommusim/acpi.h>
#include <iommusim/clock.h>
#include <iommusim/device_driver.h>
#include <iommusim/interrupt.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>
#include <iommusim/trace.h>

#include "port/bsd.h"
#include "replay/names.h"
#include "replay/statement.h"
#include "replay/window.h"

struct recorder;

/* A requester that some statement used. */
struct known_requester {
	RB_ENTRY(known_requester) link;
	uint32_t place; /* segment and requester id */
	struct iommusim_requester *requester;
};
RB_HEAD(requester_tree, known_requester);

/* A device with behaviour, and who drives it. */
struct known_device {
	TAILQ_ENTRY(known_device) link;
	uint16_t segment;
	uint16_t rid;
	struct iommusim_device *device; /* as it was when its driver took it over */
	struct iommusim_device_driver *driver;
	struct iommusim_vm *vm; /* whose driver it is; NULL: the host's */
	uint64_t rings;         /* its driver's memory, as the device sees it */
	uint64_t pages[IOMMUSIM_DRIVER_MEMORY / IOMMUSIM_PAGE_SIZE]; /* and where that was */
	uint64_t message_address;
	uint32_t message_data;
};
TAILQ_HEAD(known_device_list, known_device);

/* Memory that grows with need and is used again and again. */
struct buffer {
	uint8_t *bytes;
	size_t capacity;
};

#define REPLAY_USUAL_BYTE   0x5a /* what a write carries when the trace does not say */
#define REPLAY_LARGEST_DMA  (UINT64_C(1) << 30)
#define REPLAY_SUPPRESSIONS 32u /* before the story begins */
#define REPLAY_LARGEST_READ (UINT64_C(1) << 20)

struct replay {
	/* what was asked for */
	const char *file;
	const struct iommusim_replay_options *options;
	struct iommusim_replay_summary *summary;
	struct iommusim_allocator outer; /* the caller's, or the system's */
	const struct iommusim_text *record;

	/* Passes on to `outer` and notes when it has nothing left: whatever the simulated kernel makes
	 * of that, the story is over. */
	struct iommusim_allocator allocator;
	bool out_of_memory;

	/* reading */
	struct window window; /* where the lexer's text comes from, unless it was all there */
	struct lexer lexer;
	struct token token;
	struct statement statement;
	struct statement_index index;
	const struct statement_row *plain_rows[PLAIN_ROWS];
	struct iommusim_diagnostic diagnostic;

	/* what stands */
	struct iommusim_machine *machine;
	struct iommusim_vmm *vmm;
	struct iommusim_check *check;
	/* what suppress() said before there was a checker */
	struct iommusim_suppression waiting[REPLAY_SUPPRESSIONS];
	size_t waiting_count;
	struct iommusim_recorder *recorder;
	struct iommusim_counter *counter; /* NULL: nobody wants to know */
	uint32_t machine_line;
	uint32_t story_line; /* of the statement that woke vmm, or 0 */
	struct iommusim_unit_settings settings;
	enum iommusim_cpu cpu;
	enum iommusim_vendor vendor; /* vtd or amdvi, also where there is no unit */
	bool adapted; /* the trace's own vendor is the other one: its table and preset do not count */
	char preset[32];
	struct names names;
	struct name *last_domain; /* that was resolved; NULL: none yet */
	struct requester_tree requesters;
	struct known_device_list devices;

	/* running */
	struct buffer data; /* of a DMA, or of mem_read and mem_write */
	size_t data_filled; /* bytes of `data` that hold the usual pattern of a write */
	size_t findings_seen;
	struct iommusim_report report;
	struct iommusim_report
	    run_report; /* of one run of a scattered DMA, or one request of a device */
	/* Requests that devices have made during the statement: `report` is about all of them. */
	uint64_t device_requests;
	enum iommusim_device_purpose device_purpose; /* of the request that `report` shows */
	const char *device_for;                      /* the VM for whom; NULL: nobody said */
	struct buffer pieces;
	char text[512]; /* the statement, for callbacks */
};

/* ---- replay.c ------------------------------------------------------------------------------- */

/* Make sure vmm and its checker are there. */
enum iommusim_status replay_wake(struct replay *replay);

void *replay_allocate(struct replay *replay, size_t size);
void replay_release(struct replay *replay, void *block, size_t size);

/* Make room for `size` bytes; what was in it is lost. False: no memory. */
bool replay_room(struct replay *replay, struct buffer *buffer, size_t size);

/* ---- run_suppress.c ------------------------------------------------------------------------- */

/* Tell the checker, which is new, what the caller and the trace have said so far. */
enum iommusim_status replay_apply_suppressions(struct replay *replay);

/* ---- error.c -------------------------------------------------------------------------------- */

/* The story cannot go on: note where and why. Returns `status`, EFORMAT in the second form. */
enum iommusim_status replay_stop(struct replay *replay, enum iommusim_status status, const char *at,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
enum iommusim_status replay_refuse(struct replay *replay, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum iommusim_status replay_no_memory(struct replay *replay);

/* For printf("%.*s"): a slice cut to a length a message can bear, never within a character. */
int slice_shown(struct slice slice);
#define SLICE(slice) slice_shown(slice), (slice).at

/* The candidate nearest to a word that is none of them. Start with `word` set and the rest 0. */
struct suggestion {
	struct slice word;
	struct slice best;
	size_t distance;
	uint32_t line; /* where the best was named, or 0 */
	char text[96]; /* suggestion_text() */
};
void suggestion_try(struct suggestion *suggestion, struct slice candidate, uint32_t line);
/* "; did you mean `x` (line 5)?", or "" when nothing comes near. `quote` stands around the word. */
const char *suggestion_text(struct suggestion *suggestion, const char *quote);

/* ---- parse.c -------------------------------------------------------------------------------- */

/* Read the statement whose first word is the current token. */
enum iommusim_status parse_statement(struct replay *replay);

/* ---- resolve.c ------------------------------------------------------------------------------ */

/* Find out what the statement's names stand for. */
enum iommusim_status resolve_statement(struct replay *replay, struct statement *statement);

/* A string argument without its escapes, ended by NUL, cut to fit: false when it was too long. */
bool string_copy(const struct value *value, char *out, size_t size);
/* The same, but too long a string ends the story. */
enum iommusim_status replay_string(
    struct replay *replay, const struct value *value, char *out, size_t size);
/* Bytes in hexadecimal, blanks between them where one likes; into `buffer`. */
enum iommusim_status replay_bytes(
    struct replay *replay, const struct value *value, struct buffer *buffer, size_t *length);

/* Everything vmm held is gone. */
void names_forget_domains(struct names *names, uint32_t line);

/* ---- expect.c ------------------------------------------------------------------------------- */

/* Compare what came of a statement with what was to come, and count. */
enum iommusim_status expect_outcome(struct replay *replay, struct statement *statement);

/* The story ends: what is found then, nobody expected. */
void expect_end(struct replay *replay);

/* The statement's own text, from its name to its closing bracket. */
const char *statement_text(struct replay *replay);

/* ---- tell.c --------------------------------------------------------------------------------- */

/* A statement has been carried out: bring the counts up to date, and tell the caller what came of it. */
void tell_statement(struct replay *replay);

/* ---- run_dma.c ------------------------------------------------------------------------------ */

void requesters_free(struct replay *replay);

/* Take the report of one more request into that of the whole: its address is the worst one's. */
void report_merge(struct iommusim_report *whole, const struct iommusim_report *run);
/* gpa(): is all of [address, address + length) there? Else the story ends. */
enum iommusim_status guest_range_check(
    struct replay *replay, const struct value *address, uint64_t length);

/* ---- run_behaviour.c -------------------------------------------------------------------------- */

/* What a function's description says of its behaviour; rows of the same names. */
struct behaviour_described {
	const struct value *bar;
	const struct value *aborts;
	const struct value *entries;
	const struct value *misbehave;
};

/*
 * Give a function that is on the bus the behaviour of its class, if that has one. `at`: the statement's
 * device. `*call` is what came of it.
 */
enum iommusim_status behaviour_attach(struct replay *replay,
    const struct iommusim_pci_function *function, const struct behaviour_described *described,
    const char *at, enum iommusim_status *call);

/* ---- drive.c ----------------------------------------------------------------------------- */

/* How requests of devices reach the bus: judged on the way. */
struct iommusim_device_bus device_bus(struct replay *replay);
void devices_free(struct replay *replay);
/* Software puts back what a reset took out of a device's configuration space. */
void device_restore(struct replay *replay, const struct value *at);

/* ---- run_board.c ------------------------------------------------------------------------------ */

/* Firmware's table, and the units that a machine() stands for. */
enum iommusim_status board_install(struct replay *replay, struct statement *statement);
/* A call that makes the board has failed: nothing can be played on half a board. */
enum iommusim_status board_refuse(struct replay *replay, const char *at, enum iommusim_status status);

/* ---- handlers, by the names of statements.def --------------------------------------------------- */

#define STATEMENT(name, handler, phase, yields, detail)                                                \
	enum iommusim_status run_##handler(struct replay *replay, struct statement *statement);
#define ARGUMENT(statement, name, type, place, choices)
#include "replay/statements.def"
#undef STATEMENT
#undef ARGUMENT

#endif
