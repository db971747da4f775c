/* How an instruction is made to access the scratch word: between decode.c and redirect.c alone. */
#ifndef IOMMUSIM_KSHIM_TRAPS_REDIRECT_H
#define IOMMUSIM_KSHIM_TRAPS_REDIRECT_H

#include <Zydis/Zydis.h>

#include "kshim/traps/traps.h"

/* Fills form->code from form->bytes. False: this encoding is not one that can be made to. */
bool traps_redirect(const ZydisDecodedInstruction *decoded, struct form *form);

#endif
