/* Memory domains: one. */
#ifndef IOMMUSIM_KSHIM_SYS_DOMAINSET_H
#define IOMMUSIM_KSHIM_SYS_DOMAINSET_H

#include <sys/types.h>

struct domainset;
#define MAXMEMDOM          1
#define DOMAINSET_RR()     ((struct domainset *)NULL)
#define DOMAINSET_FIXED(d) ((void)(d), (struct domainset *)NULL)
#define DOMAINSET_PREF(d)  ((void)(d), (struct domainset *)NULL)
extern _Thread_local int vm_ndomains;

#endif
