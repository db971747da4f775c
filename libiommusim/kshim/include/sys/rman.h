/* Resources of devices: interrupts and register ranges. */
#ifndef IOMMUSIM_KSHIM_SYS_RMAN_H
#define IOMMUSIM_KSHIM_SYS_RMAN_H

#include <sys/param.h>

#include <machine/bus.h>
#include <machine/resource.h>

#define RF_ALLOCATED    0x0001
#define RF_ACTIVE       0x0002
#define RF_SHAREABLE    0x0004
#define RF_FIRSTSHARE   0x0020
#define RF_PREFETCHABLE 0x0040
#define RF_OPTIONAL     0x0080
#define RF_UNMAPPED     0x0100

#define RM_MAX_END                        (~(rman_res_t)0)
#define RMAN_IS_DEFAULT_RANGE(start, end) ((start) == 0 && (end) == RM_MAX_END)

struct resource;
rman_res_t rman_get_start(struct resource *resource);
rman_res_t rman_get_end(struct resource *resource);
rman_res_t rman_get_size(struct resource *resource);
u_int rman_get_flags(struct resource *resource);
int rman_get_rid(struct resource *resource);
int rman_get_type(struct resource *resource);
void *rman_get_virtual(struct resource *resource);
bus_space_tag_t rman_get_bustag(struct resource *resource);
bus_space_handle_t rman_get_bushandle(struct resource *resource);
device_t rman_get_device(struct resource *resource);

#endif
