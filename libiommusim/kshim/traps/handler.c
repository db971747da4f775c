/*
 * The signal handler: which faults are accesses to registers, what becomes of those that cannot be
 * carried out, and who gets the others. Threads and register pages are traps.c.
 */
#include "kshim/traps/traps.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/*
 * A process has one handler for SIGSEGV, so this is the process's: the one state here that no machine
 * and no thread owns.
 */
static struct {
	pthread_mutex_t lock;
	struct sigaction previous; /* whose faults we hand on */
} process = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *const reason_names[] = {
	[IOMMUSIM_TRAPS_UNKNOWN] = "unknown",
	[IOMMUSIM_TRAPS_UNCOVERED] = "uncovered",
	[IOMMUSIM_TRAPS_WIDE] = "wide",
	[IOMMUSIM_TRAPS_UNMAPPED] = "unmapped",
	[IOMMUSIM_TRAPS_EXECUTED] = "executed",
};

static const char *const reason_texts[] = {
	[IOMMUSIM_TRAPS_UNKNOWN] = "these bytes do not say what was accessed",
	[IOMMUSIM_TRAPS_UNCOVERED] = "an instruction that is not carried out on registers",
	[IOMMUSIM_TRAPS_WIDE] = "registers are accessed by 1, 2, 4 or 8 bytes",
	[IOMMUSIM_TRAPS_UNMAPPED] = "beyond the registers that were mapped",
	[IOMMUSIM_TRAPS_EXECUTED] = "a jump into registers",
};

const char *iommusim_traps_reason_name(enum iommusim_traps_reason reason)
{
	return (unsigned)reason < IOMMUSIM_TRAPS_REASON_COUNT ? reason_names[reason] : "unknown reason";
}

/* ---- faults that are not ours ---------------------------------------------------------------- */

/* The default is to end, with the program as it was at the fault: so it shall fault again. */
static void end_by_default(int number, const siginfo_t *info, const struct sigaction *previous)
{
	const bool by_processor = info->si_code == SEGV_ACCERR || info->si_code == SEGV_MAPERR;

	sigaction(number, previous, NULL);
	if (!by_processor)
		raise(number);
}

static void hand_on(int number, siginfo_t *info, ucontext_t *interrupted)
{
	const struct sigaction previous = process.previous;

	pthread_sigmask(SIG_SETMASK, &interrupted->uc_sigmask, NULL);
	if ((previous.sa_flags & SA_SIGINFO) != 0)
		previous.sa_sigaction(number, info, interrupted);
	else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN)
		end_by_default(number, info, &previous);
	else
		previous.sa_handler(number);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void describe_bytes(const struct iommusim_traps_refusal *refusal, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < refusal->length && used + 4 < size; i++)
		used += (size_t)snprintf(
		    text + used, size - used, "%s%02x", i == 0 ? "" : " ", refusal->bytes[i]);
}

/* As debuggers and addr2line want it: an offset in a file, which does not move from run to run. */
static void describe(struct iommusim_traps_refusal *refusal)
{
	const char *file = "?", *slash;
	uintptr_t offset = (uintptr_t)refusal->place;
	char bytes[3 * sizeof(refusal->bytes) + 1];
	Dl_info object;

	if (dladdr(refusal->place, &object) != 0 && object.dli_fname != NULL) {
		slash = strrchr(object.dli_fname, '/');
		file = slash != NULL ? slash + 1 : object.dli_fname;
		offset -= (uintptr_t)object.dli_fbase;
	}
	describe_bytes(refusal, bytes, sizeof(bytes));
	snprintf(refusal->text, sizeof(refusal->text), "%.40s+0x%llx (%s): %s", file,
	    (unsigned long long)offset, bytes, reason_texts[refusal->reason]);
}

/* The bytes are those that traps_access() has looked at, if it has. */
static void take_bytes(struct iommusim_traps_refusal *refusal)
{
	struct form form;

	if (refusal->reason == IOMMUSIM_TRAPS_EXECUTED)
		return;
	traps_decode(refusal->place, &form);
	refusal->length = form.length;
	memcpy(refusal->bytes, form.bytes, sizeof(form.bytes));
}

static void refuse(struct traps_thread *thread, siginfo_t *info, ucontext_t *interrupted,
    const void *place, enum iommusim_traps_reason reason)
{
	struct iommusim_traps *traps = thread->traps;
	struct iommusim_traps_refusal refusal = {
		.reason = reason, .place = place, .address = info->si_addr
	};

	take_bytes(&refusal);
	describe(&refusal);
	thread->refusal = refusal;
	traps->last = refusal;
	atomic_fetch_add(&traps->refused, 1);
	pthread_sigmask(SIG_SETMASK, &interrupted->uc_sigmask, NULL);
	if (traps->on_refused != NULL)
		traps->on_refused(traps->context, &refusal);
	if (thread->entry != NULL)
		siglongjmp(*thread->entry, 1);
	hand_on(SIGSEGV, info, interrupted);
}

/* ---- the handler ----------------------------------------------------------------------------- */

/* False: refused, and nobody left the driver for it. */
static bool carry_out(struct traps_thread *thread, siginfo_t *info, ucontext_t *interrupted)
{
	const void *outer = thread->place;
	enum iommusim_traps_reason reason;
	struct port_registers registers;
	const void *place;
	bool done;

	port_context_get(interrupted, &registers);
	place = (const void *)(uintptr_t)registers.instruction;
	thread->place = place;
	done = traps_access(
	    thread, &registers, port_context_fxsave(interrupted), (uintptr_t)info->si_addr, &reason);
	thread->place = outer;
	if (done)
		port_context_set(interrupted, &registers);
	else
		refuse(thread, info, interrupted, place, reason);
	return done;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	const bool by_processor = info->si_code == SEGV_ACCERR || info->si_code == SEGV_MAPERR;
	struct traps_thread *thread = traps_here;
	const int error = errno;
	bool done = false;

	if (by_processor && thread != NULL && traps_probe_answer(thread, info->si_addr, context))
		return;
	if (by_processor && thread != NULL && thread->traps != NULL &&
	    traps_holds(thread->traps, (uintptr_t)info->si_addr))
		done = carry_out(thread, info, context);
	else
		hand_on(number, info, context);
	errno = error;
	if (done)
		traps_leave(context, __builtin_return_address(0));
}

/*
 * All signals but our own wait until the access is over: while a stub runs, the stack pointer is the
 * driver's. Ours may come again, from whatever the bus runs.
 */
bool traps_arm(void)
{
	struct sigaction current, ours = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	bool armed = true;

	ours.sa_sigaction = on_fault;
	sigfillset(&ours.sa_mask);
	sigdelset(&ours.sa_mask, SIGSEGV);
	pthread_mutex_lock(&process.lock);
	sigaction(SIGSEGV, NULL, &current);
	if ((current.sa_flags & SA_SIGINFO) == 0 || current.sa_sigaction != on_fault) {
		process.previous = current;
		armed = sigaction(SIGSEGV, &ours, NULL) == 0;
	}
	pthread_mutex_unlock(&process.lock);
	return armed;
}
