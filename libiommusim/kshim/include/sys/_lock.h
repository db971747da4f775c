/* What all locks have in common. */
#ifndef IOMMUSIM_KSHIM_SYS_LOCK_BODY_H
#define IOMMUSIM_KSHIM_SYS_LOCK_BODY_H

#include <sys/param.h>

#include <sys/queue.h>

struct lock_object {
	const char *lo_name;
	unsigned lo_flags; /* LO_* */
	unsigned
	    lo_data; /* depth of recursion beyond the first; of a shared lock, holders beyond the first */
	unsigned held;    /* 0 nobody, 1 exclusively, 2 shared */
	unsigned kind;    /* enum iommusim_lock_kind */
	const char *file; /* where it was taken first */
	int line;
	TAILQ_ENTRY(lock_object) link; /* among those that are held */
};

#define LO_INITIALIZED 0x00010000
#define LO_RECURSABLE  0x00080000
#define LO_SPIN        0x00100000

enum iommusim_lock_kind { IOMMUSIM_LOCK_MUTEX, IOMMUSIM_LOCK_SPIN, IOMMUSIM_LOCK_SX, IOMMUSIM_LOCK_RW };

void iommusim_kernel_lock_init(struct lock_object *lock, const char *name, enum iommusim_lock_kind kind,
    bool recursable, bool again, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_lock_destroy(struct lock_object *lock, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_lock(struct lock_object *lock, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_lock_shared(struct lock_object *lock, IOMMUSIM_PLACE_ARGS);
bool iommusim_kernel_trylock(struct lock_object *lock, bool shared, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_unlock(struct lock_object *lock, bool shared, IOMMUSIM_PLACE_ARGS);
bool iommusim_kernel_upgrade(struct lock_object *lock, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_downgrade(struct lock_object *lock, IOMMUSIM_PLACE_ARGS);
void iommusim_kernel_lock_assert(const struct lock_object *lock, int what, IOMMUSIM_PLACE_ARGS);
bool iommusim_kernel_lock_owned(const struct lock_object *lock, bool exclusively);

#define LA_UNLOCKED    0x00
#define LA_LOCKED      0x01
#define LA_SLOCKED     0x02
#define LA_XLOCKED     0x04
#define LA_RECURSED    0x08
#define LA_NOTRECURSED 0x10

#endif
