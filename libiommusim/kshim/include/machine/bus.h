/* bus_space(9) and the bus_* accessors of resources: accesses of the machine's bus, as wide as they say. */
#ifndef IOMMUSIM_KSHIM_MACHINE_BUS_H
#define IOMMUSIM_KSHIM_MACHINE_BUS_H

#include <machine/_types_kshim.h>

#define X86_BUS_SPACE_IO        0
#define X86_BUS_SPACE_MEM       1
#define BUS_SPACE_MAXADDR_24BIT 0xffffffUL
#define BUS_SPACE_MAXADDR_32BIT 0xffffffffUL
#define BUS_SPACE_MAXADDR       0xffffffffffffffffUL
#define BUS_SPACE_MAXSIZE       0xffffffffffffffffUL
#define BUS_SPACE_UNRESTRICTED  (~0)
#define BUS_SPACE_BARRIER_READ  1
#define BUS_SPACE_BARRIER_WRITE 2

struct resource;
uint64_t iommusim_kernel_bus_read(bus_space_handle_t base, bus_size_t offset, unsigned width);
void iommusim_kernel_bus_write(
    bus_space_handle_t base, bus_size_t offset, unsigned width, uint64_t value);
uint64_t iommusim_kernel_resource_read(struct resource *resource, bus_size_t offset, unsigned width);
void iommusim_kernel_resource_write(
    struct resource *resource, bus_size_t offset, unsigned width, uint64_t value);

#define IOMMUSIM_BUS_SPACE(width, type)                                                                \
	static inline type bus_space_read_##width(                                                     \
	    bus_space_tag_t tag, bus_space_handle_t base, bus_size_t offset)                           \
	{                                                                                              \
		(void)tag;                                                                             \
		return (type)iommusim_kernel_bus_read(base, offset, width);                            \
	}                                                                                              \
	static inline void bus_space_write_##width(                                                    \
	    bus_space_tag_t tag, bus_space_handle_t base, bus_size_t offset, type value)               \
	{                                                                                              \
		(void)tag;                                                                             \
		iommusim_kernel_bus_write(base, offset, width, value);                                 \
	}                                                                                              \
	static inline type bus_read_##width(struct resource *resource, bus_size_t offset)              \
	{                                                                                              \
		return (type)iommusim_kernel_resource_read(resource, offset, width);                   \
	}                                                                                              \
	static inline void bus_write_##width(struct resource *resource, bus_size_t offset, type value) \
	{                                                                                              \
		iommusim_kernel_resource_write(resource, offset, width, value);                        \
	}
IOMMUSIM_BUS_SPACE(1, uint8_t)
IOMMUSIM_BUS_SPACE(2, uint16_t)
IOMMUSIM_BUS_SPACE(4, uint32_t)
IOMMUSIM_BUS_SPACE(8, uint64_t)
#define bus_space_barrier(tag, base, offset, length, flags) __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define bus_barrier(resource, offset, length, flags)        __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif
