/* Which processor this is: the test says (kshim.h). */
#ifndef IOMMUSIM_KSHIM_VMM_UTIL_H
#define IOMMUSIM_KSHIM_VMM_UTIL_H

#include <sys/types.h>

bool vmm_is_intel(void);
bool vmm_is_svm(void);
bool vmm_is_amd(void); /* the name until 11 */
bool vmm_supports_1G_pages(void);

#endif
