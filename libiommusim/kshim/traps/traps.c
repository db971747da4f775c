/* Register pages that nobody may touch, the threads that may all the same, and the way in and out. */
#include "kshim/traps/traps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "port/reserve.h"

#define PAGES_BYTES (REGISTER_PAGES * IOMMUSIM_PAGE_SIZE)
#define STACK_BYTES                                                                                    \
	((size_t)512 * 1024) /* the bus runs on it, and all that a register write sets off */

_Thread_local struct traps_thread *traps_here;

/* ---- register pages -------------------------------------------------------------------------- */

enum iommusim_status iommusim_traps_create(
    struct iommusim_machine *machine, struct iommusim_traps **out)
{
	struct iommusim_traps *traps;
	uint8_t *pages;

	if (out == NULL)
		return IOMMUSIM_EINVAL;
	*out = NULL;
	if (machine == NULL)
		return IOMMUSIM_EINVAL;
	traps = calloc(1, sizeof(*traps));
	if (traps == NULL)
		return IOMMUSIM_ENOMEM;
	pages = port_reserve(PAGES_BYTES);
	if (pages == NULL || mprotect(pages, PAGES_BYTES, PROT_NONE) != 0) {
		if (pages != NULL)
			port_unreserve(pages, PAGES_BYTES);
		free(traps);
		return IOMMUSIM_ENOMEM;
	}
	registers_init(&traps->registers, machine, pages);
	*out = traps;
	return IOMMUSIM_OK;
}

void iommusim_traps_destroy(struct iommusim_traps *traps)
{
	if (traps == NULL)
		return;
	if (traps_here != NULL && traps_here->traps == traps)
		iommusim_traps_attach(NULL);
	port_unreserve(traps->registers.host, PAGES_BYTES);
	free(traps);
}

void iommusim_traps_set_on_refused(
    struct iommusim_traps *traps, iommusim_traps_on_refused *refused, void *context)
{
	traps->on_refused = refused;
	traps->context = context;
}

enum iommusim_status iommusim_traps_map(
    struct iommusim_traps *traps, uint64_t base, uint64_t length, volatile void **registers)
{
	bool is_new;

	return registers_map(&traps->registers, base, length, registers, &is_new);
}

enum iommusim_status iommusim_traps_add_code(
    struct iommusim_traps *traps, const void *first, size_t length)
{
	if (length == 0)
		return IOMMUSIM_EINVAL;
	if (traps->code_count == CODE_RANGES)
		return IOMMUSIM_ENOMEM;
	traps->code[traps->code_count++] = (struct code_range){ (uintptr_t)first, length };
	return IOMMUSIM_OK;
}

/* ---- what happened --------------------------------------------------------------------------- */

uint64_t iommusim_traps_refused(const struct iommusim_traps *traps, struct iommusim_traps_refusal *last)
{
	if (last != NULL)
		*last = traps->last;
	return atomic_load(&traps->refused);
}

uint64_t iommusim_traps_strangers(const struct iommusim_traps *traps, const void **first_place)
{
	if (first_place != NULL)
		*first_place = atomic_load(&traps->first_stranger);
	return atomic_load(&traps->strangers);
}

uint64_t iommusim_traps_locked(const struct iommusim_traps *traps)
{
	return atomic_load(&traps->locked);
}

enum iommusim_status iommusim_traps_add_image(
    struct iommusim_machine *machine, uint64_t base, const void *inside)
{
	return registers_add_image(machine, base, inside);
}

/* ---- threads --------------------------------------------------------------------------------- */

/*
 * One reservation: code, then struct traps_thread (stubs reach it relative to themselves), then a page
 * that nobody may touch, then the signal stack, which grows down to it.
 */
#define THREAD_BYTES                                                                                   \
	((sizeof(struct traps_thread) + IOMMUSIM_PAGE_SIZE - 1) & ~(IOMMUSIM_PAGE_SIZE - 1))
#define WHOLE_BYTES (RUN_OFFSET + THREAD_BYTES + IOMMUSIM_PAGE_SIZE + STACK_BYTES)

static struct traps_thread *thread_create(void)
{
	uint8_t *whole = port_reserve(WHOLE_BYTES);
	struct traps_thread *thread;

	if (whole == NULL)
		return NULL;
	thread = (struct traps_thread *)(void *)(whole + RUN_OFFSET);
	thread->code = whole;
	thread->guard = whole + RUN_OFFSET + THREAD_BYTES;
	traps_run_prepare(whole);
	if (mprotect(thread->guard, IOMMUSIM_PAGE_SIZE, PROT_NONE) == 0)
		return thread;
	port_unreserve(whole, WHOLE_BYTES);
	return NULL;
}

/* Whoever jumps out of an access leaves its place behind: it means something on the signal stack only. */
const void *iommusim_traps_place(void)
{
	const struct traps_thread *thread = traps_here;
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (thread == NULL || here - ((uintptr_t)thread->guard + IOMMUSIM_PAGE_SIZE) >= STACK_BYTES)
		return NULL;
	return thread->place;
}

static bool take_stack(struct traps_thread *thread)
{
	const stack_t stack = { .ss_sp = thread->guard + IOMMUSIM_PAGE_SIZE, .ss_size = STACK_BYTES };

	return sigaltstack(&stack, &thread->stack_before) == 0;
}

static void thread_destroy(struct traps_thread *thread)
{
	sigaltstack(&thread->stack_before, NULL);
	traps_here = NULL;
	port_unreserve(thread->code, WHOLE_BYTES);
}

static enum iommusim_status thread_begin(void)
{
	struct traps_thread *thread = thread_create();

	if (thread == NULL)
		return IOMMUSIM_ENOMEM;
	if (!take_stack(thread)) {
		port_unreserve(thread->code, WHOLE_BYTES);
		return IOMMUSIM_EOPNOTSUPP;
	}
	traps_here = thread;
	if (mprotect(thread->code, RUN_OFFSET, PROT_READ | PROT_EXEC) == 0 && traps_arm() &&
	    traps_probe(thread))
		return IOMMUSIM_OK;
	thread_destroy(thread);
	return IOMMUSIM_EOPNOTSUPP;
}

enum iommusim_status iommusim_traps_attach(struct iommusim_traps *traps)
{
	enum iommusim_status status;

	if (traps == NULL) {
		if (traps_here != NULL)
			thread_destroy(traps_here);
		return IOMMUSIM_OK;
	}
	if (traps_here == NULL) {
		status = thread_begin();
		if (status != IOMMUSIM_OK)
			return status;
	}
	traps_here->traps = traps;
	return traps_arm() ? IOMMUSIM_OK : IOMMUSIM_EOPNOTSUPP;
}

enum iommusim_status iommusim_traps_call(struct iommusim_traps *traps, void (*function)(void *argument),
    void *argument, struct iommusim_traps_refusal *refusal)
{
	struct traps_thread *thread = traps_here;
	sigjmp_buf here, *outer;
	const void *place;

	if (thread == NULL || thread->traps != traps || !traps_arm())
		return IOMMUSIM_EINVAL;
	outer = thread->entry;
	place = thread->place;
	if (sigsetjmp(here, 1) != 0) {
		thread->entry = outer;
		thread->place = place;
		if (refusal != NULL)
			*refusal = thread->refusal;
		return IOMMUSIM_EFAULT;
	}
	thread->entry = &here;
	function(argument);
	thread->entry = outer;
	return IOMMUSIM_OK;
}
