/* The test library's way to hooks. */
#include "test/access.h"

#include <iommusim/kshim_hooks.h>

static enum iommusim_status create(struct iommusim_machine *machine, void **access)
{
	struct iommusim_hooks *hooks;
	const enum iommusim_status status = iommusim_hooks_create(machine, &hooks);

	*access = hooks;
	return status;
}

static void destroy(void *access)
{
	iommusim_hooks_destroy(access);
}

static enum iommusim_status map(void *access, uint64_t base, uint64_t length, volatile void **registers)
{
	return iommusim_hooks_map(access, base, length, registers);
}

static void sync_store(void *access)
{
	(void)access;
	iommusim_hooks_sync();
}

static enum iommusim_status attach(void *access)
{
	iommusim_hooks_attach(access);
	return IOMMUSIM_OK;
}

/* A return address is behind the access; one byte before it is inside. */
static const void *place(void)
{
	const uint8_t *after = iommusim_hooks_place();

	return after == NULL ? NULL : after - 1;
}

static uint64_t unmarked(const void *access)
{
	return iommusim_hooks_unmarked(access);
}

/* Hooks refuse nothing. */
static void on_refused(
    void *access, void (*refused)(void *context, const void *place, const char *text), void *context)
{
	(void)access;
	(void)refused;
	(void)context;
}

const struct iommusim_test_access iommusim_test_access = { .name = "hooks",
	.create = create,
	.destroy = destroy,
	.map = map,
	.sync = sync_store,
	.attach = attach,
	.place = place,
	.unmarked = unmarked,
	.on_refused = on_refused };
