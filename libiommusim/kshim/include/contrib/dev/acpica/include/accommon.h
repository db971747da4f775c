/* ACPICA's inner headers: what drivers of IOMMUs need of it is in acpi.h. */
#ifndef IOMMUSIM_KSHIM_ACPICA_ACCOMMON_H
#define IOMMUSIM_KSHIM_ACPICA_ACCOMMON_H

#include <contrib/dev/acpica/include/acpi.h>

#endif
