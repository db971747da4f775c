/* Locks: their state is kept, and what would be a deadlock or a mistake is a panic. One thread takes them all. */
#include "kshim/kernel/state.h"

#include <stdio.h>

#include <sys/rwlock.h>
#include <sys/sx.h>

enum { FREE, EXCLUSIVE, SHARED };

static const char *kind_name(const struct lock_object *lock)
{
	static const char *const names[] = { "mutex", "spin mutex", "sx lock", "rw lock" };

	return names[lock->kind];
}

void iommusim_kernel_lock_init(struct lock_object *lock, const char *name, enum iommusim_lock_kind kind,
    bool recursable, bool again, IOMMUSIM_PLACE_ARGS)
{
	struct lock_object *held;

	/* Whether it is one already: only if it is held is that beyond doubt. */
	(void)again;
	TAILQ_FOREACH (held, &kshim_enter_quickly()->held, link)
		if (held == lock)
			kshim_panic_at(file, line, "lock %s is initialised while it is held (%s:%d)",
			    lock->lo_name, lock->file, lock->line);
	*lock = (struct lock_object){ .lo_name = name,
		.lo_flags = LO_INITIALIZED | (recursable ? LO_RECURSABLE : 0),
		.kind = kind };
}

static void check(const struct lock_object *lock, const char *file, int line)
{
	if ((lock->lo_flags & LO_INITIALIZED) == 0)
		kshim_panic_at(
		    file, line, "a lock at %p is used that was not initialised, or destroyed", lock);
}

void iommusim_kernel_lock_destroy(struct lock_object *lock, IOMMUSIM_PLACE_ARGS)
{
	kshim_enter_quickly();
	check(lock, file, line);
	if (lock->held != FREE)
		kshim_panic_at(file, line, "%s %s is destroyed while it is held (%s:%d)",
		    kind_name(lock), lock->lo_name, lock->file, lock->line);
	lock->lo_flags = 0;
}

static void take(struct lock_object *lock, unsigned how, const char *file, int line)
{
	struct iommusim_kernel *kernel = kshim_here;

	lock->held = how;
	lock->lo_data = 0;
	lock->file = file;
	lock->line = line;
	TAILQ_INSERT_TAIL(&kernel->held, lock, link);
	kernel->thread.td_locks++;
}

static struct iommusim_kernel *before_taking(struct lock_object *lock, const char *file, int line)
{
	struct iommusim_kernel *kernel = kshim_enter_now();

	check(lock, file, line);
	if (kernel->thread.td_critnest > 0 && lock->kind != IOMMUSIM_LOCK_SPIN)
		kshim_panic_at(file, line, "%s %s is taken in a critical section: it may sleep",
		    kind_name(lock), lock->lo_name);
	return kernel;
}

void iommusim_kernel_lock(struct lock_object *lock, IOMMUSIM_PLACE_ARGS)
{
	before_taking(lock, file, line);
	if (lock->held == FREE) {
		take(lock, EXCLUSIVE, file, line);
		return;
	}
	if (lock->held == SHARED)
		kshim_panic_at(file, line,
		    "%s %s is taken exclusively while held shared (%s:%d): a deadlock", kind_name(lock),
		    lock->lo_name, lock->file, lock->line);
	if ((lock->lo_flags & LO_RECURSABLE) == 0)
		kshim_panic_at(file, line, "recursed on non-recursive %s %s, taken at %s:%d",
		    kind_name(lock), lock->lo_name, lock->file, lock->line);
	lock->lo_data++;
}

void iommusim_kernel_lock_shared(struct lock_object *lock, IOMMUSIM_PLACE_ARGS)
{
	before_taking(lock, file, line);
	if (lock->held == EXCLUSIVE)
		kshim_panic_at(file, line,
		    "%s %s is taken shared while held exclusively (%s:%d): a deadlock", kind_name(lock),
		    lock->lo_name, lock->file, lock->line);
	if (lock->held == SHARED)
		lock->lo_data++;
	else
		take(lock, SHARED, file, line);
}

bool iommusim_kernel_trylock(struct lock_object *lock, bool shared, IOMMUSIM_PLACE_ARGS)
{
	kshim_enter_now();
	check(lock, file, line);
	if (lock->held == FREE) {
		take(lock, shared ? SHARED : EXCLUSIVE, file, line);
		return true;
	}
	if ((shared && lock->held == SHARED) ||
	    (!shared && lock->held == EXCLUSIVE && (lock->lo_flags & LO_RECURSABLE) != 0)) {
		lock->lo_data++;
		return true;
	}
	return false;
}

void iommusim_kernel_unlock(struct lock_object *lock, bool shared, IOMMUSIM_PLACE_ARGS)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();

	check(lock, file, line);
	if (lock->held != (shared ? SHARED : EXCLUSIVE))
		kshim_panic_at(file, line, "%s %s is released and not held%s", kind_name(lock),
		    lock->lo_name, lock->held == FREE ? "" : " that way");
	if (lock->lo_data > 0) {
		lock->lo_data--;
		return;
	}
	lock->held = FREE;
	TAILQ_REMOVE(&kernel->held, lock, link);
	kernel->thread.td_locks--;
	kshim_enter_now();
}

bool iommusim_kernel_upgrade(struct lock_object *lock, IOMMUSIM_PLACE_ARGS)
{
	kshim_enter_quickly();
	if (lock->held != SHARED)
		kshim_panic_at(file, line, "%s %s is upgraded and not held shared", kind_name(lock),
		    lock->lo_name);
	if (lock->lo_data > 0)
		return false;
	lock->held = EXCLUSIVE;
	return true;
}

void iommusim_kernel_downgrade(struct lock_object *lock, IOMMUSIM_PLACE_ARGS)
{
	kshim_enter_quickly();
	if (lock->held != EXCLUSIVE || lock->lo_data > 0)
		kshim_panic_at(file, line, "%s %s is downgraded and not held once exclusively",
		    kind_name(lock), lock->lo_name);
	lock->held = SHARED;
}

void iommusim_kernel_lock_assert(const struct lock_object *lock, int what, IOMMUSIM_PLACE_ARGS)
{
	const char *broken = NULL;

	kshim_enter_quickly();
	if ((what & (LA_LOCKED | LA_SLOCKED | LA_XLOCKED)) == 0 && lock->held != FREE)
		broken = "held";
	else if ((what & (LA_LOCKED | LA_SLOCKED | LA_XLOCKED)) != 0 && lock->held == FREE)
		broken = "not held";
	else if ((what & LA_XLOCKED) != 0 && lock->held != EXCLUSIVE)
		broken = "not held exclusively";
	else if ((what & LA_SLOCKED) != 0 && lock->held != SHARED)
		broken = "not held shared";
	else if ((what & LA_RECURSED) != 0 && lock->lo_data == 0)
		broken = "not recursed";
	else if ((what & LA_NOTRECURSED) != 0 && lock->lo_data > 0)
		broken = "recursed";
	if (broken != NULL)
		iommusim_kernel_kassert(
		    file, line, "%s %s is %s", kind_name(lock), lock->lo_name, broken);
}

bool iommusim_kernel_lock_owned(const struct lock_object *lock, bool exclusively)
{
	kshim_enter_quickly();
	return exclusively ? lock->held == EXCLUSIVE : lock->held != FREE;
}

void mtx_sysinit(void *arguments)
{
	const struct mtx_args *made = arguments;

	mtx_init(made->ma_mtx, made->ma_desc, NULL, made->ma_opts);
}

void sx_sysinit(void *arguments)
{
	const struct sx_args *made = arguments;

	sx_init_flags(made->sa_sx, made->sa_desc, made->sa_flags);
}

struct mtx *iommusim_kernel_giant(void)
{
	return &kshim_enter_quickly()->giant;
}

/* ---- what is held when a call ends ------------------------------------------------------------------------- */

size_t kshim_locks_held(const struct iommusim_kernel *kernel)
{
	const struct lock_object *lock;
	size_t count = 0;

	TAILQ_FOREACH (lock, &kernel->held, link)
		count++;
	return count;
}

size_t kshim_locks_describe(const struct iommusim_kernel *kernel, char *text, size_t size)
{
	const struct lock_object *lock;
	size_t used = 0;

	text[0] = '\0';
	TAILQ_FOREACH (lock, &kernel->held, link) {
		const int length = snprintf(text + used, size - used, "%s%s (%s:%d)",
		    used > 0 ? ", " : "", lock->lo_name, lock->file, lock->line);

		if (length < 0 || (size_t)length >= size - used)
			break;
		used += (size_t)length;
	}
	return used;
}

void kshim_locks_forget(struct iommusim_kernel *kernel, size_t kept)
{
	for (size_t count = kshim_locks_held(kernel); count > kept; count--) {
		struct lock_object *lock = TAILQ_LAST(&kernel->held, lock_list);

		TAILQ_REMOVE(&kernel->held, lock, link);
		lock->held = FREE;
		lock->lo_data = 0;
	}
	kernel->thread.td_locks = (int)kept;
}
