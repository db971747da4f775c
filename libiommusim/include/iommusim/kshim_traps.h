/*
 * Register accesses of a driver under test, caught by page protection: the driver is compiled as it
 * is, and the instruction that faulted is carried out on the machine's bus. Only in the archive
 * iommusim_traps, never in the library; x86-64 alone. What traps can and cannot see, beside hooks:
 * docs/interception.md.
 */
#ifndef IOMMUSIM_KSHIM_TRAPS_H
#define IOMMUSIM_KSHIM_TRAPS_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The register pages a driver was given, and the machine behind them. Every access to such a page
 * by a thread that is attached acts on the machine's bus, whoever makes it; on a thread that is not
 * attached it is the segmentation fault it would be anywhere.
 */
struct iommusim_traps;

/* Why an access was not carried out. */
enum iommusim_traps_reason {
	IOMMUSIM_TRAPS_UNKNOWN,   /* the bytes are no instruction, or not the one that faulted */
	IOMMUSIM_TRAPS_UNCOVERED, /* an instruction that is not carried out here */
	IOMMUSIM_TRAPS_WIDE,      /* not 1, 2, 4 or 8 bytes (VT-d 11.2: not even a 128-bit register) */
	IOMMUSIM_TRAPS_UNMAPPED,  /* reaches beyond the registers that iommusim_traps_map() gave */
	IOMMUSIM_TRAPS_EXECUTED,  /* not an access: the processor jumped into the page */
	IOMMUSIM_TRAPS_REASON_COUNT
};

/* "unmapped" for IOMMUSIM_TRAPS_UNMAPPED; "unknown reason" beyond the range. Static. Any thread. */
IOMMUSIM_API const char *iommusim_traps_reason_name(enum iommusim_traps_reason reason);

struct iommusim_traps_refusal {
	enum iommusim_traps_reason reason;
	uint32_t length;              /* how many of `bytes` there are; 0: they could not be read */
	const void *place;            /* the instruction */
	const volatile void *address; /* what it accessed, in a register page */
	uint8_t bytes[16];            /* of the instruction; all that is known when it is not one */
	char text[160];               /* all of this in one line without a newline */
};

/*
 * Told of an access that could not be carried out, on the thread that made it, with its signal mask
 * as it was and no registers changed. It may siglongjmp() to where the driver was called. If it
 * returns, or if there is none, iommusim_traps_call() ends; without that around the driver the fault
 * goes to whoever handled SIGSEGV before, by default to the end of the process, at the driver's
 * instruction.
 */
typedef void iommusim_traps_on_refused(void *context, const struct iommusim_traps_refusal *refusal);

/* Returns OK, EINVAL or ENOMEM. Destroy them before the machine. */
IOMMUSIM_API enum iommusim_status iommusim_traps_create(
    struct iommusim_machine *machine, struct iommusim_traps **traps);
/* Detaches the calling thread if it is attached; no other may be. The pages go. NULL is allowed. */
IOMMUSIM_API void iommusim_traps_destroy(struct iommusim_traps *traps);

/* Who is told of refusals; `refused` may be NULL. Before a thread is attached. */
IOMMUSIM_API void iommusim_traps_set_on_refused(
    struct iommusim_traps *traps, iommusim_traps_on_refused *refused, void *context);

/*
 * Reserve pages that stand for the registers at physical [base, base + length), both multiples of
 * 4 KiB: what a kernel's pmap_mapdev() or ioremap() gives a driver. The same registers get the same
 * pages again. Nothing need answer there yet.
 * Returns OK, EINVAL, or ENOMEM (1024 pages are all there are).
 */
IOMMUSIM_API enum iommusim_status iommusim_traps_map(
    struct iommusim_traps *traps, uint64_t base, uint64_t length, volatile void **registers);

/*
 * From now on the calling thread runs that machine's driver code; NULL: nobody's. While it does, it
 * has an alternate signal stack of ours, and the process a SIGSEGV handler that hands on what is not
 * an access to a register page. Whoever installs a handler of their own later takes ours away
 * (cmocka does before every fixture and every test): attach again, which is cheap, or enter the
 * driver by iommusim_traps_call(). Detach before the thread ends.
 * Returns OK; ENOMEM; EOPNOTSUPP when the system allows no generated code, or does not let a handler
 * change registers (found out by trying, once a thread).
 */
IOMMUSIM_API enum iommusim_status iommusim_traps_attach(struct iommusim_traps *traps);

/*
 * Call the driver: function(argument), on a thread that is attached. Calls may nest.
 * Returns OK, EINVAL (not attached), or EFAULT when it was left at an access that was refused:
 * `refusal` (may be NULL) has it, and locks and memory that the driver held stay as they were.
 */
IOMMUSIM_API enum iommusim_status iommusim_traps_call(struct iommusim_traps *traps,
    void (*function)(void *argument), void *argument, struct iommusim_traps_refusal *refusal);

/* How many accesses were refused so far; the last of them is copied to `last` (may be NULL). */
IOMMUSIM_API uint64_t iommusim_traps_refused(
    const struct iommusim_traps *traps, struct iommusim_traps_refusal *last);

/*
 * The instruction whose access the calling thread is carrying out, for whoever watches the bus; NULL
 * when there is none.
 */
IOMMUSIM_API const void *iommusim_traps_place(void);

/*
 * Say where the driver's code lies; may be said of several places, at most 16. From then on accesses
 * from elsewhere still act but count as a stranger's: a wild pointer into the registers.
 * Returns OK, EINVAL (length is 0) or ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_traps_add_code(
    struct iommusim_traps *traps, const void *first, size_t length);

/* How many accesses came from elsewhere, and (may be NULL) the place of the first of them. */
IOMMUSIM_API uint64_t iommusim_traps_strangers(
    const struct iommusim_traps *traps, const void **first_place);

/*
 * Accesses with a lock prefix so far (xchg has none). They act, but software must not issue locked
 * operations to remapping registers (VT-d 11.2).
 */
IOMMUSIM_API uint64_t iommusim_traps_locked(const struct iommusim_traps *traps);

/*
 * Show the writable data (.data, .bss) of the program or shared object that holds `inside` as
 * physical memory at `base`: tables in a driver's own data then have physical addresses. Returns
 * OK, EINVAL (`inside` is in no object's writable data), or what iommusim_memory_add_foreign()
 * returns.
 */
IOMMUSIM_API enum iommusim_status iommusim_traps_add_image(
    struct iommusim_machine *machine, uint64_t base, const void *inside);

#ifdef __cplusplus
}
#endif

#endif
