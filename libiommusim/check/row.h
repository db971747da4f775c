/*
 * Mapping calls that the checker has let go by as stores (vmm/row.h), and what it makes up for afterwards. Private to
 * libiommusim/check.
 *
 * A row may be open as long as a call for one page brings nothing but a line in the record of calls and in the ledger,
 * and, of what hardware may keep, debts that depend on the ledger alone. Whoever is about to look at any of that, or to
 * change what it depends on, settles first (check_settle()): then all is as if each call had been heard by itself.
 */
#ifndef IOMMUSIM_CHECK_ROW_H
#define IOMMUSIM_CHECK_ROW_H

#include "vmm/row.h"

struct check_domain;

struct check_row {
	struct vmm_row row;
	struct check_domain *domain;         /* that the row is in */
	const struct iommusim_domain *known; /* in which the last mapping call was, by vmm's name */
	bool warm;      /* that call was the last thing that happened; or the row is open */
	bool continued; /* the call under way follows such a one */
	uint64_t taken; /* calls that went by so */
};

#endif
