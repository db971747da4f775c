/* Units as the recorder writes them, and the table of firmware that they may have come from. */
#ifndef IOMMUSIM_REPLAY_RECORD_UNIT_H
#define IOMMUSIM_REPLAY_RECORD_UNIT_H

#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>
#include <iommusim/trace.h>

/* The table that firmware left in memory; all NULL: none. What is broken past reading is bytes only. */
struct recorded_table {
	const uint8_t *bytes;
	uint32_t length;
	struct iommusim_dmar *dmar;
	struct iommusim_ivrs *ivrs;
};

/* Returns OK or ENOMEM; free it in both cases. */
enum iommusim_status recorded_table_read(
    struct iommusim_machine *machine, struct recorded_table *table);
void recorded_table_free(struct recorded_table *table);

/* The word for machine(iommu=...) with that table. */
const char *recorded_vendor(const struct recorded_table *table);

/* The preset with which machine() makes of the table what stands; NULL: none does. OK or ENOMEM. */
enum iommusim_status recorded_preset(
    struct iommusim_machine *machine, const struct recorded_table *table, const char **preset);

/* A statement for each unit. */
void recorded_units(struct iommusim_machine *machine, const struct recorded_table *table,
    const struct iommusim_text *out);

#endif
