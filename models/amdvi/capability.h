/* The unit's PCI capability block and its MSI capability (AMD-Vi 3.3), and their mirror in MMIO. */
#ifndef IOMMUSIM_AMDVI_CAPABILITY_H
#define IOMMUSIM_AMDVI_CAPABILITY_H

#include "models/amdvi/unit.h"

/* Show in the registers MSI_... what the capabilities hold. Lock held. */
void amdvi_capability_mirror(struct amdvi_unit *amdvi);
/* Take over what software wrote into them. Lock held. */
void amdvi_capability_take_mirror(struct amdvi_unit *amdvi);

/* The capability as firmware leaves it: on the bus or not, as its Enable says. Control side, no lock. */
void amdvi_capability_reset(struct amdvi_unit *amdvi);

/* Whose message: the one of the log of page requests, of the GA log, or the one of all else. */
enum amdvi_message { AMDVI_MESSAGE_GENERAL, AMDVI_MESSAGE_PPR, AMDVI_MESSAGE_GA };

/* Its number among the messages of the function (MsiNum, MsiNumPPR, MsiNumGA). Lock held. */
unsigned amdvi_message_number(const struct amdvi_unit *amdvi, enum amdvi_message message);

#endif
