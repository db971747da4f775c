/*
 * What the parts of traps share: a form (one instruction as it was understood), the area that runs
 * it, and a thread. How a fault becomes an access is handler.c.
 */
#ifndef IOMMUSIM_KSHIM_TRAPS_INTERNAL_H
#define IOMMUSIM_KSHIM_TRAPS_INTERNAL_H

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/kshim_traps.h>

#include "kshim/registers/registers.h"
#include "port/context.h"

#define INSTRUCTION_BYTES 15u /* the longest there is */
#define NO_REGISTER       0xffu
#define RIP_REGISTER      16u /* as a base: the end of the instruction */
#define FORMS             1024u

/* By their numbers in instructions. */
enum { RAX, RCX, RSI = 6, RDI };

enum form_string { NO_STRING, STRING_LODS, STRING_STOS, STRING_MOVS };
enum form_move { NO_MOVE, MOVE_LOAD, MOVE_STORE };

/*
 * An instruction at a place, as far as an access needs it: where it accesses, how wide, and what runs
 * in its stead. A string instruction has only `width`, `string` and `repeated`.
 */
struct form {
	const void *place; /* NULL: nothing is known here */
	void *stub;        /* the instruction, its memory operand replaced by the scratch word */
	int64_t displacement;
	uint8_t bytes[INSTRUCTION_BYTES];
	uint8_t length;
	uint8_t code[INSTRUCTION_BYTES]; /* the same instruction on the scratch word */
	uint8_t code_length;
	uint8_t hole;  /* where in `code` the distance to the scratch word goes */
	uint8_t base;  /* a register's number, RIP_REGISTER or NO_REGISTER */
	uint8_t index; /* likewise */
	uint8_t scale;
	uint8_t width;        /* of the access, bytes */
	uint8_t bit_register; /* bt and its like: holds a bit number that also moves the address */
	uint8_t string;       /* enum form_string */
	uint8_t move;         /* enum form_move: a plain mov, which needs no stub */
	uint8_t moved;        /* its register, or NO_REGISTER */
	uint64_t immediate;   /* what it stores then */
	bool repeated;
	bool reads;
	bool writes;
	bool locked;
	bool vectors; /* has SSE operands */
	bool refused;
	uint8_t reason; /* enum iommusim_traps_reason, if refused */
};

/*
 * What stubs work on. The code that enters and leaves a stub addresses it by these offsets, and
 * TRAPS_RUN_OFFSET is where it lies behind that code.
 */
#define RUN_CODE_BYTES   0x1000u
#define STUB_BYTES       32u
#define RUN_OFFSET       (RUN_CODE_BYTES + FORMS * STUB_BYTES)
#define VECTOR_BYTES     512u
#define VECTOR_OWN_BYTES 416u /* of those, what the processor writes */

struct run {
	uint64_t general[16];
	uint64_t flags;
	uint64_t outer_stack;
	void *stub;
	uint64_t unused;
	_Alignas(16) uint8_t scratch[16];
	_Alignas(16) uint8_t vectors[VECTOR_BYTES];
	_Alignas(16) uint8_t outer_vectors[VECTOR_BYTES];
};
_Static_assert(offsetof(struct run, flags) == 0x80, "run.c");
_Static_assert(offsetof(struct run, outer_stack) == 0x88, "run.c");
_Static_assert(offsetof(struct run, stub) == 0x90, "run.c");
_Static_assert(offsetof(struct run, vectors) == 0xb0, "run.c");
_Static_assert(offsetof(struct run, outer_vectors) == 0x2b0, "run.c");
_Static_assert(RUN_OFFSET == 0x9000, "run.c");

/* One attached thread's; a reservation with the code before it and the signal stack behind it. */
struct traps_thread {
	struct run run;
	struct iommusim_traps *traps;
	uint8_t *code;
	sigjmp_buf *entry; /* of the innermost iommusim_traps_call(), or NULL */
	const void *place; /* of the instruction that is carried out, or NULL */
	uint8_t *guard;    /* a page that nobody may touch, below the signal stack */
	sigjmp_buf *probe; /* NULL: nobody tries anything (probe.c) */
	bool probed;
	stack_t stack_before;
	struct iommusim_traps_refusal refusal; /* the last of this thread */
	struct form forms[FORMS];
};

struct code_range {
	uintptr_t first;
	size_t length;
};

#define CODE_RANGES 16u

struct iommusim_traps {
	struct register_pages registers;
	iommusim_traps_on_refused *on_refused;
	void *context;
	struct code_range code[CODE_RANGES];
	size_t code_count;
	_Atomic uint64_t refused;
	_Atomic uint64_t locked;
	_Atomic uint64_t strangers;
	_Atomic(const void *) first_stranger;
	struct iommusim_traps_refusal last; /* of the thread that was last */
};

extern _Thread_local struct traps_thread *traps_here;

static inline bool traps_holds(const struct iommusim_traps *traps, uintptr_t address)
{
	return address - (uintptr_t)traps->registers.host < REGISTER_PAGES * IOMMUSIM_PAGE_SIZE;
}

/* decode.c: what stands at `place`. Never fails: what is not understood is a refused form. */
void traps_decode(const void *place, struct form *form);

/* stub.c: write `form`'s stub. False: it cannot be, and the form is refused from now on. */
bool traps_stub(struct traps_thread *thread, struct form *form, size_t slot);

/* run.c: the code before the stubs; where a stub jumps to when it is done; and running one. */
void traps_run_prepare(uint8_t *code);
size_t traps_run_leave_offset(void);
void traps_run(struct traps_thread *thread, const struct form *form, struct port_registers *registers);

/*
 * access.c: carry out the instruction at registers->instruction. False: refused, for `reason` at
 * `address`; what reached the bus before stays.
 */
bool traps_access(struct traps_thread *thread, struct port_registers *registers, void *vectors,
    uintptr_t fault, enum iommusim_traps_reason *reason);

/*
 * leave.c: go back to the interrupted program, by ourselves where that does; else it returns, and so shall the handler,
 * whose return address it is.
 */
void traps_leave(ucontext_t *interrupted, const void *return_address);

/* handler.c: make ours the process's SIGSEGV handler, if it is not. */
bool traps_arm(void);

/* probe.c: try whether traps work here; and the handler's part in it (true: it was that). */
bool traps_probe(struct traps_thread *thread);
bool traps_probe_answer(struct traps_thread *thread, const void *address, ucontext_t *interrupted);

#endif
