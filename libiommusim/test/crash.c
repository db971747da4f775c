/* Signals of a test: wild pointers and tests that take too long end as failures that say where. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test/state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };

/* Where the thread was, and whether it was storing; NULL where that is not known of the system. */
static const void *interrupted(const void *context, bool *stores)
{
	*stores = false;
#if defined(__linux__) && defined(__x86_64__)
	const ucontext_t *at = context;

	*stores = (at->uc_mcontext.gregs[REG_ERR] & 2) != 0;
	return (const void *)(uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__FreeBSD__) && defined(__x86_64__)
	const ucontext_t *at = context;

	*stores = (at->uc_mcontext.mc_err & 2) != 0;
	return (const void *)(uintptr_t)at->uc_mcontext.mc_rip;
#elif defined(__linux__) && defined(__aarch64__)
	return (const void *)(uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#else
	(void)context;
	return NULL;
#endif
}

/* What is known of an address that nothing is at. */
static const char *near(const void *address)
{
	uint64_t base, length;

	if ((uintptr_t)address < 65536)
		return "a null pointer, or a member of one";
	if (test_here == NULL || test_here->test.kernel == NULL)
		return "";
	iommusim_kernel_arena(test_here->test.kernel, &base, &length);
	if ((uintptr_t)address - base < length)
		return "a physical address, used as a pointer without PHYS_TO_DMAP";
	return "nothing of the kernel or of the machine is there";
}

static void crashed(int signal_number, siginfo_t *info, void *context)
{
	struct iommusim_place place = { 0 };
	bool stores;
	const void *at = interrupted(context, &stores);

	place_find(at, &place);
	if (test_here == NULL) {
		printf("%s:%u: signal %d (%s)\n", place.file != NULL ? place.file : "?",
		    (unsigned)place.line, signal_number, strsignal(signal_number));
		fflush(stdout);
		_fail("?", 0);
	}
	if (signal_number == SIGSEGV || signal_number == SIGBUS)
		iommusim_test_fail(&test_here->test, place.file != NULL ? place.file : "?", place.line,
		    "a wild pointer: a %s of %p (%s)", stores ? "store" : "load", info->si_addr,
		    near(info->si_addr));
	iommusim_test_fail(&test_here->test, place.file != NULL ? place.file : "?", place.line,
	    "the driver ended with signal %d (%s)", signal_number, strsignal(signal_number));
}

static void too_long(int signal_number, siginfo_t *info, void *context)
{
	struct iommusim_place place = { 0 }, access = { 0 };
	bool stores;
	const void *at = interrupted(context, &stores);

	(void)signal_number;
	(void)info;
	if (test_here == NULL) {
		printf("the test took too long\n");
		fflush(stdout);
		_fail("?", 0);
	}
	if (place_find(at, &place))
		printf("%s:%u: interrupted\n", place.file, (unsigned)place.line);
	if (!place_of_access(test_here, &access))
		access = place;
	iommusim_test_fail(&test_here->test, access.file != NULL ? access.file : "?", access.line,
	    "the test took too long; this was the driver's last register access, or poll of memory: a loop "
	    "without an end?");
}

void crash_catch(unsigned seconds)
{
	const struct itimerval limit = { .it_value = { .tv_sec = (time_t)seconds } };
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	sigemptyset(&action.sa_mask);
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	action.sa_sigaction = crashed;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	if (seconds == 0)
		return;
	action.sa_sigaction = too_long;
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &limit, NULL);
}

void crash_let_go(void)
{
	const struct itimerval none = { .it_value = { .tv_sec = 0 } };

	setitimer(ITIMER_PROF, &none, NULL);
}
