/* The test library's way to traps. */
#include "test/access.h"

#include <stdlib.h>

#include <iommusim/kshim_traps.h>

struct caught {
	struct iommusim_traps *traps;
	void (*refused)(void *context, const void *place, const char *text);
	void *context;
};

static enum iommusim_status create(struct iommusim_machine *machine, void **access)
{
	struct caught *caught = calloc(1, sizeof(*caught));
	enum iommusim_status status;

	*access = NULL;
	if (caught == NULL)
		return IOMMUSIM_ENOMEM;
	status = iommusim_traps_create(machine, &caught->traps);
	if (status != IOMMUSIM_OK) {
		free(caught);
		return status;
	}
	*access = caught;
	return IOMMUSIM_OK;
}

static void destroy(void *access)
{
	struct caught *caught = access;

	if (caught == NULL)
		return;
	iommusim_traps_destroy(caught->traps);
	free(caught);
}

static enum iommusim_status map(void *access, uint64_t base, uint64_t length, volatile void **registers)
{
	return iommusim_traps_map(((struct caught *)access)->traps, base, length, registers);
}

/* A store that trapped has acted. */
static void sync_store(void *access)
{
	(void)access;
}

static enum iommusim_status attach(void *access)
{
	return iommusim_traps_attach(access == NULL ? NULL : ((struct caught *)access)->traps);
}

/* Ordinary accesses trap as well as volatile ones. */
static uint64_t unmarked(const void *access)
{
	(void)access;
	return 0;
}

static void tell(void *context, const struct iommusim_traps_refusal *refusal)
{
	const struct caught *caught = context;

	caught->refused(caught->context, refusal->place, refusal->text);
}

static void on_refused(
    void *access, void (*refused)(void *context, const void *place, const char *text), void *context)
{
	struct caught *caught = access;

	caught->refused = refused;
	caught->context = context;
	iommusim_traps_set_on_refused(caught->traps, tell, caught);
}

const struct iommusim_test_access iommusim_test_access = { .name = "traps",
	.by_signals = true,
	.create = create,
	.destroy = destroy,
	.map = map,
	.sync = sync_store,
	.attach = attach,
	.place = iommusim_traps_place,
	.unmarked = unmarked,
	.on_refused = on_refused };
