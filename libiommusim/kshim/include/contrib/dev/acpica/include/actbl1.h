/* Forward: it is all in acpi.h. */
#ifndef IOMMUSIM_KSHIM_ACPICA_ACTBL1_H
#define IOMMUSIM_KSHIM_ACPICA_ACTBL1_H

#include <contrib/dev/acpica/include/acpi.h>

#endif
