/* What a unit logged of denied DMA, taken out as an interrupt handler would: of both vendors, counted. */
#ifndef IOMMUSIM_TESTS_STRESS_LEDGER_H
#define IOMMUSIM_TESTS_STRESS_LEDGER_H

#include "host_fixture.h"

struct ledger {
	uint64_t taken;     /* records, or entries of the event log */
	uint64_t overflows; /* how often the unit said that it lost some */
	bool amdvi;
};

/*
 * Take out what is there. An overflow is cleared and logging goes on: with AMD-Vi that switches the log off for a
 * moment, so `hold` is called before and `release` behind it: nothing may be denied between.
 */
void ledger_drain(struct ledger *ledger, struct host *host, void (*hold)(void *),
    void (*release)(void *), void *context);

#endif
