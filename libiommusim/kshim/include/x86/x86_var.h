/* Facts about the machine, under their other name. */
#ifndef IOMMUSIM_KSHIM_X86_X86_VAR_H
#define IOMMUSIM_KSHIM_X86_X86_VAR_H

#include <machine/md_var.h>

#endif
