/* What tests of findings ask a checker. */
#ifndef IOMMUSIM_TESTS_CHECK_FINDINGS_H
#define IOMMUSIM_TESTS_CHECK_FINDINGS_H

#include "check/bent_backend.h"

/* Findings of an id so far. */
static inline size_t findings_of(const struct host *host, enum iommusim_finding_id id)
{
	const struct iommusim_finding *finding;
	size_t found = 0;

	iommusim_check_look(host->check);
	for (size_t i = 0; (finding = iommusim_check_finding(host->check, i)) != NULL; i++)
		found += finding->id == id;
	return found;
}

static inline size_t findings_all(const struct host *host)
{
	size_t found = 0;

	iommusim_check_look(host->check);
	while (iommusim_check_finding(host->check, found) != NULL)
		found++;
	return found;
}

/* The text of the first finding of an id. */
static inline const char *finding_text(const struct host *host, enum iommusim_finding_id id)
{
	const struct iommusim_finding *finding;

	iommusim_check_look(host->check);
	for (size_t i = 0; (finding = iommusim_check_finding(host->check, i)) != NULL; i++)
		if (finding->id == id)
			return finding->text;
	return "there is none";
}

#endif
