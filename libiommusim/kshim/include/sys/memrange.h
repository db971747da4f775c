/* Memory ranges with attributes, as memcontrol(8) has them. */
#ifndef IOMMUSIM_KSHIM_SYS_MEMRANGE_H
#define IOMMUSIM_KSHIM_SYS_MEMRANGE_H

#include <sys/types.h>

#define MDF_UNCACHEABLE  (1 << 0)
#define MDF_WRITECOMBINE (1 << 1)
#define MDF_WRITETHROUGH (1 << 2)
#define MDF_WRITEBACK    (1 << 3)
#define MDF_WRITEPROTECT (1 << 4)
#define MDF_ATTRMASK     0x00ffffff

struct mem_range_desc {
	uint64_t mr_base;
	uint64_t mr_len;
	int mr_flags;
	char mr_owner[8];
};

#endif
