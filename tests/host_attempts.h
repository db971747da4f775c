/*
 * Every call of vmm, with what has to be there before it, and a harness that makes each allocation
 * inside it fail in turn. What a failure may change and what not is checked here; which calls there
 * are, too.
 */
#ifndef IOMMUSIM_TESTS_HOST_ATTEMPTS_H
#define IOMMUSIM_TESTS_HOST_ATTEMPTS_H

#include "host_fixture.h"

struct attempt {
	const char *name;
	void (*prepare)(struct host *host);
	enum iommusim_status (*call)(struct host *host);
	bool initialises;    /* it may fail after the IOMMU was initialised, which then stays so */
	bool frugal;         /* it takes no memory */
	bool frugal_checked; /* nor does it fail with a checker, which may forget where it came from */
};

/* Attempt number `index`, NULL beyond the last. */
const struct attempt *host_attempt(size_t index);

/*
 * Let allocation 1, 2, ... of the call fail, alone and with all that follow it, until the call
 * needs no more. Each time: ENOMEM, all as before, no block more than before, and the same call
 * succeeds when there is memory again. With a checker a call may also succeed; then verdicts and
 * owners are what they would be otherwise, and only the place it came from may be forgotten.
 * Returns how many failures there were that the call reported.
 */
unsigned host_try_every_failure(const struct attempt *attempt, const char *profile, bool checked);

#endif
