/*
 * Pages that stand for registers, and what an access to them becomes on the machine's bus: the part
 * that hooks and traps share. How an access is caught is theirs.
 */
#ifndef IOMMUSIM_KSHIM_REGISTERS_H
#define IOMMUSIM_KSHIM_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/machine.h>
#include <iommusim/memory.h>

#define REGISTER_PAGES      1024u
#define REGISTER_NOT_MAPPED UINT64_MAX

/* The pages lie in a row, so that one comparison tells a register from memory. */
struct register_pages {
	struct iommusim_machine *machine;
	uint8_t *host; /* REGISTER_PAGES pages, of which `mapped` are handed out */
	size_t mapped;
	uint64_t physical[REGISTER_PAGES];
};

void registers_init(struct register_pages *pages, struct iommusim_machine *machine, uint8_t *host);

/* As iommusim_hooks_map() says. `is_new`: the pages were not handed out before. */
enum iommusim_status registers_map(struct register_pages *pages, uint64_t base, uint64_t length,
    volatile void **registers, bool *is_new);

/* Physical, or REGISTER_NOT_MAPPED; `address` lies in one of the pages. */
uint64_t registers_physical(const struct register_pages *pages, uintptr_t address);

/*
 * An access becomes naturally aligned accesses of at most 8 bytes, upwards, as on a bus. What is
 * behind the last page is left as it is; pages that were not handed out read as ones.
 */
void registers_read(const struct register_pages *pages, uintptr_t address, size_t length, void *to);
void registers_write(
    const struct register_pages *pages, uintptr_t address, size_t length, const void *from);

/* As iommusim_hooks_add_image() says. */
enum iommusim_status registers_add_image(
    struct iommusim_machine *machine, uint64_t base, const void *inside);

#endif
