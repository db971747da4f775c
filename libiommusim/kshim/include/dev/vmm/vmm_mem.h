/* Where physical memory ends, under the name of 15. */
#include <vmm_mem.h>
