/* Takes denied DMA out of fault recording registers (VT-d 7.2.1, 11.4) and event logs (AMD-Vi 2.5). */
#include "ledger.h"

#define R_CAP  0x008u
#define R_FSTS 0x034u

#define A_CONTROL  0x0018u
#define A_EVT_BASE 0x0010u
#define A_EVT_HEAD 0x2010u
#define A_EVT_TAIL 0x2018u
#define A_STATUS   0x2020u

#define EVENT_LOG_EN UINT64_C(4)

static void drain_vtd(struct ledger *ledger, struct host *host)
{
	const uint64_t cap = host_get(host, HOST_UNIT1, R_CAP, 8);
	const unsigned first = (unsigned)(cap >> 24 & 0x3ff) * 16; /* FRO */
	const unsigned count = (unsigned)(cap >> 40 & 0xff) + 1;   /* NFR */
	uint32_t status;

	for (unsigned i = 0; i < count; i++) {
		if ((host_get(host, HOST_UNIT1, first + i * 16 + 12, 4) & 0x80000000u) == 0)
			continue;
		ledger->taken++;
		host_set(host, HOST_UNIT1, first + i * 16 + 12, 4, 0x80000000u);
	}
	status = (uint32_t)host_get(host, HOST_UNIT1, R_FSTS, 4);
	if ((status & 1) == 0) /* PFO */
		return;
	ledger->overflows++;
	host_set(host, HOST_UNIT1, R_FSTS, 4, 1);
}

static void take_events(struct ledger *ledger, struct host *host)
{
	const uint64_t base = host_get(host, HOST_AMDVI, A_EVT_BASE, 8);
	const uint64_t bytes = UINT64_C(16) << (base >> 56 & 0xf);
	const uint64_t head = host_get(host, HOST_AMDVI, A_EVT_HEAD, 8);
	const uint64_t tail = host_get(host, HOST_AMDVI, A_EVT_TAIL, 8);

	ledger->taken += (tail + bytes - head) % bytes / 16;
	host_set(host, HOST_AMDVI, A_EVT_HEAD, 8, tail);
}

static void drain_amdvi(struct ledger *ledger, struct host *host, void (*hold)(void *),
    void (*release)(void *), void *context)
{
	uint64_t control;

	take_events(ledger, host);
	if ((host_get(host, HOST_AMDVI, A_STATUS, 8) & 1) == 0) /* EventOverflow */
		return;
	hold(context);
	ledger->overflows++;
	take_events(ledger, host);
	control = host_get(host, HOST_AMDVI, A_CONTROL, 8);
	host_set(host, HOST_AMDVI, A_STATUS, 8, 1);
	host_set(host, HOST_AMDVI, A_CONTROL, 8, control & ~EVENT_LOG_EN);
	host_set(host, HOST_AMDVI, A_CONTROL, 8, control | EVENT_LOG_EN);
	release(context);
}

void ledger_drain(struct ledger *ledger, struct host *host, void (*hold)(void *),
    void (*release)(void *), void *context)
{
	if (ledger->amdvi)
		drain_amdvi(ledger, host, hold, release, context);
	else
		drain_vtd(ledger, host);
}
