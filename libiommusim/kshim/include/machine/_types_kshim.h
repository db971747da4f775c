/* Types of amd64's kernel: addresses, bus handles, devices. Not for inclusion by drivers. */
#ifndef IOMMUSIM_KSHIM_MACHINE_TYPES_H
#define IOMMUSIM_KSHIM_MACHINE_TYPES_H

#include <kshim_base.h>

typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;

/* Wide as on amd64: %lx prints them. */
typedef unsigned long vm_paddr_t;
typedef unsigned long vm_offset_t;
typedef unsigned long vm_size_t;
typedef unsigned long vm_pindex_t;
typedef long vm_ooffset_t;
typedef unsigned char vm_prot_t;
typedef char vm_memattr_t;
typedef int boolean_t;
typedef int64_t sbintime_t;

typedef unsigned long bus_addr_t;
typedef unsigned long bus_size_t;
typedef unsigned long bus_space_handle_t;
typedef int bus_space_tag_t;
typedef unsigned long rman_res_t;

typedef struct _device *device_t;
typedef struct devclass *devclass_t;

_Static_assert(sizeof(vm_paddr_t) == 8, "amd64 only");

#endif
