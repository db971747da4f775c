/*
 * What a line of a trace is made of: the table of statements (statements.def) and one statement as it
 * was read. Reading is in parse.c, finding out what names mean in resolve.c.
 */
#ifndef IOMMUSIM_REPLAY_STATEMENT_H
#define IOMMUSIM_REPLAY_STATEMENT_H

#include <iommusim/vmm.h>

#include "replay/lex.h"

struct name;
struct replay;
struct statement;

/* ---- the table ------------------------------------------------------------------------------ */

enum statement_phase { PHASE_MACHINE, PHASE_BOARD, PHASE_HARDWARE, PHASE_STORY };

enum statement_yields { YIELDS_NOTHING, YIELDS_NUMBER, YIELDS_DOMAIN, YIELDS_BYTES, YIELDS_MESSAGE };

enum argument_type {
	ARGUMENT_NUMBER,
	ARGUMENT_STRING,
	ARGUMENT_CHOICE,
	ARGUMENT_DEVICE,
	ARGUMENT_REQUESTER,
	ARGUMENT_DOMAIN,
	ARGUMENT_ADDRESS,
	ARGUMENT_VM,
	ARGUMENT_DATA,
	ARGUMENT_FUNCTION
};

enum argument_place { ARGUMENT_PLACE, ARGUMENT_MAYBE, ARGUMENT_NAMED, ARGUMENT_OPTION };

struct argument_row {
	const char *name;
	const char *choices; /* CHOICE: "a|b|c" */
	enum argument_type type;
	enum argument_place place;
};

/*
 * Carries a statement out. Returns OK when it ran, whatever the call it stands for returned (that goes
 * to `statement->outcome`); anything else ends the story, and the diagnostic says why.
 */
typedef enum iommusim_status statement_run(struct replay *replay, struct statement *statement);

struct statement_row {
	const char *name;
	size_t name_length;
	statement_run *run;
	enum statement_phase phase;
	enum statement_yields yields;
	unsigned detail;
	unsigned first; /* of its rows in argument_rows; they end where the next statement's begin */
};

/* Numbers every ARGUMENT row; FIRST_x is the number of x's first one, whether it has any or not. */
enum argument_id {
#define STATEMENT(name, handler, phase, yields, detail) FIRST_##name, BEFORE_##name = FIRST_##name - 1,
#define ARGUMENT(statement, name, type, place, choices) ARG_##statement##_##name,
#include "replay/statements.def"
#undef STATEMENT
#undef ARGUMENT
	ARGUMENT_ROWS
};

enum statement_id {
#define STATEMENT(name, handler, phase, yields, detail) STATEMENT_##name,
#define ARGUMENT(statement, name, type, place, choices)
#include "replay/statements.def"
#undef STATEMENT
#undef ARGUMENT
	STATEMENT_ROWS
};

extern const struct statement_row statement_rows[STATEMENT_ROWS + 1]; /* the last one only ends it */
extern const struct argument_row argument_rows[ARGUMENT_ROWS];

static inline unsigned argument_count(const struct statement_row *row)
{
	return row[1].first - row->first;
}

/* Finds rows by name. Slots hold 1 + the row's number; two of one hash stand one behind the other. */
#define STATEMENT_SLOTS 256u
struct statement_index {
	uint8_t slots[STATEMENT_SLOTS];
};

/* Rows of which statements were read in the plain way last, the latest first; NULL: none yet. */
#define PLAIN_ROWS 2u

void statement_index_fill(struct statement_index *index);
/* The row called `name`, or NULL. */
const struct statement_row *statement_find(
    const struct statement_index *index, struct slice name, uint32_t hash);

/* ---- one statement --------------------------------------------------------------------------- */

enum value_kind { VALUE_ABSENT, VALUE_NUMBER, VALUE_STRING, VALUE_NAME, VALUE_DEVICE, VALUE_CALL };

struct value {
	enum value_kind kind;
	bool
	    /* DEVICE: a place on the bus; else it was a requester id, and `rid` is just that */
	    has_rid;
	bool known; /* NAME: `name` was found already */
	const char *at;
	struct slice text; /* NAME; STRING between its quotes; CALL: its name */
	uint32_t hash;     /* NAME */
	uint16_t segment;
	uint16_t rid;
	/* NUMBER; what resolve.c makes of a name that stands for one; CHOICE: which one, from 0 */
	uint64_t number;
	unsigned inner;         /* CALL: its first argument in `statement->inner` */
	unsigned inner_count;   /* CALL */
	struct name *name;      /* the name it goes by, or NULL; the next two are what it stands for */
	struct iommusim_vm *vm; /* VM, gpa(), domain() */
	struct iommusim_domain *domain; /* DOMAIN; NULL: the host's, before there is one */
};

/* From WHAT_ERROR on: what a call returns. */
enum what_kind {
	WHAT_VERDICT,
	WHAT_FAULT,
	WHAT_PA,
	WHAT_FINDING,
	WHAT_NONE,
	WHAT_ERROR,
	WHAT_VALUE,
	WHAT_BYTES
};

struct what {
	enum what_kind kind;
	uint64_t number;    /* the verdict, the finding, the status, or what is in brackets */
	struct slice bytes; /* BYTES: hexadecimal digits and blanks */
};

/* Rows of the table of profiles, from one to another. */
struct profile_range {
	size_t first;
	size_t last;
};

/* One `expect`. */
#define EXPECT_WHATS    8u
#define EXPECT_PROFILES 32u
struct expectation {
	struct what whats[EXPECT_WHATS];
	struct profile_range profiles[EXPECT_PROFILES];
	unsigned what_count;
	unsigned profile_count;      /* 0: no `under` */
	enum iommusim_vendor vendor; /* `on`; IOMMUSIM_VENDOR_OF_TRACE: there is none */
};

/* What came of a statement. */
struct outcome {
	enum iommusim_status status; /* of the call it stands for */
	bool is_dma; /* `report` of the replay holds a judged DMA, also when the call failed */
	uint64_t number;
	struct iommusim_domain *domain;
	const uint8_t *bytes;
	size_t length;
	uint64_t message_address; /* interrupt; 0: none was sent */
	uint32_t message_data;
	bool message_posted;   /* it is a notification */
	uint16_t fault_reason; /* interrupt; 0: none */
};

#define STATEMENT_ARGUMENTS    17u
#define STATEMENT_INNER        8u
#define STATEMENT_EXPECTATIONS 8u
struct statement {
	const struct statement_row *row;
	const char *at;                              /* its first byte */
	const char *close;                           /* the bracket that closes it */
	struct value arguments[STATEMENT_ARGUMENTS]; /* in the order of its rows */
	struct value inner[STATEMENT_INNER];         /* arguments of calls among them */
	unsigned inner_count;
	struct value result; /* behind `=` */
	struct expectation expectations[STATEMENT_EXPECTATIONS];
	unsigned expectation_count;
	struct slice expected; /* all of them, as they were written */
	struct outcome outcome;
};

/* An argument by its id, ARG_statement_name. */
static inline struct value *argument(struct statement *statement, enum argument_id id)
{
	return &statement->arguments[(unsigned)id - statement->row->first];
}

/* Its number, or `otherwise` when it was not given. */
static inline uint64_t argument_number(
    struct statement *statement, enum argument_id id, uint64_t otherwise)
{
	const struct value *value = argument(statement, id);

	return value->kind == VALUE_ABSENT ? otherwise : value->number;
}

static inline bool argument_given(struct statement *statement, enum argument_id id)
{
	return argument(statement, id)->kind != VALUE_ABSENT;
}

#endif
