/*
 * What holds of every walk that the fuzzers ask for: it changes nothing, and its steps link up, in legacy mode
 * and through both stages of scalable mode. What it must come to is not judged here.
 */
#include "fuzz/fuzz.h"

#define ADDRESS(entry) ((entry) & ~UINT64_C(0xfff))

/* The walk so far: how its tables are found, and the last entry of the first stage. */
struct chain {
	uint64_t address;    /* that is translated */
	uint64_t first_root; /* of the first stage, as a guest has it */
	uint64_t second_root;
	unsigned first_top, second_top;
	bool nested;
	const struct iommusim_walk_step *first;
};

static uint64_t size_of(unsigned level)
{
	return BIT(3 + 9 * level);
}

/* Where the second stage is asked for in nested translation: the next entry of the first, or the page. */
static uint64_t next_guest(const struct chain *chain)
{
	const struct iommusim_walk_step *first = chain->first;
	const unsigned level = first == NULL ? chain->first_top : first->level - 1u;

	if (first != NULL && first->leaf)
		return first->next | (chain->address & (size_of(first->level) - 1));
	return (first == NULL ? chain->first_root : first->next) +
	    (chain->address >> (3 + 9 * level) & 511) * 8;
}

/* A context entry of legacy mode, or a PASID-table entry: the roots of what follows. */
static void take_roots(struct chain *chain, const struct iommusim_walk_step *step)
{
	const unsigned stages = step->raw[0] >> 6 & 7;

	if (step->quads == 2) {
		chain->second_root = ADDRESS(step->raw[0]);
		chain->second_top = (unsigned)(step->raw[1] & 7) + 2;
		return;
	}
	if (step->quads != 8)
		return;
	chain->nested = stages == 3;
	chain->second_root = ADDRESS(step->raw[0]);
	chain->second_top = (unsigned)(step->raw[0] >> 2 & 7) + 2;
	chain->first_root = ADDRESS(step->raw[2]);
	chain->first_top = (unsigned)(step->raw[2] >> 2 & 3) + 4;
}

static void check_second(const struct chain *chain, const struct iommusim_walk_step *previous,
    const struct iommusim_walk_step *step)
{
	if (previous->level != 0 && previous->stage == 2 && !previous->leaf) {
		FZ_REQUIRE(previous->present && step->level == previous->level - 1);
		FZ_REQUIRE(step->table == previous->next && step->input == previous->input);
		return;
	}
	FZ_REQUIRE(previous->present && (previous->level == 0 || previous->stage == 1));
	FZ_REQUIRE(step->table == chain->second_root && step->level == chain->second_top);
	FZ_REQUIRE(step->input == (chain->nested ? next_guest(chain) : chain->address));
}

static void check_first(const struct chain *chain, const struct iommusim_walk_step *previous,
    const struct iommusim_walk_step *step)
{
	const struct iommusim_walk_step *above = chain->first;

	FZ_REQUIRE(step->input == chain->address);
	if (above == NULL)
		FZ_REQUIRE(step->level == chain->first_top);
	else
		FZ_REQUIRE(above->present && !above->leaf && step->level == above->level - 1);
	if (!chain->nested) {
		FZ_REQUIRE(step->table == (above == NULL ? chain->first_root : above->next));
		return;
	}
	FZ_REQUIRE(previous->stage == 2 && previous->present && previous->leaf);
	FZ_REQUIRE(
	    step->address == (previous->next | (next_guest(chain) & (size_of(previous->level) - 1))));
}

static void check_link(
    const struct fz *fz, struct chain *chain, const struct iommusim_walk_step *step, bool is_root)
{
	const struct iommusim_walk_step *previous = is_root ? NULL : step - 1;

	if (is_root) {
		FZ_REQUIRE(step->level == 0);
		FZ_REQUIRE(!fz->latches_known || step->table == ADDRESS(fz->root));
	} else if (step->level == 0) {
		FZ_REQUIRE(previous->level == 0 && previous->present && step->table == previous->next);
	} else if (step->stage == 2) {
		check_second(chain, previous, step);
	} else {
		FZ_REQUIRE(step->stage == 1);
		check_first(chain, previous, step);
		chain->first = step;
	}
	if (step->level == 0 && !is_root)
		take_roots(chain, step);
}

static void check_steps(const struct fz *fz, const struct iommusim_walk *walk, uint64_t address)
{
	struct chain chain = { .address = address };

	FZ_REQUIRE(walk->step_count <= IOMMUSIM_WALK_STEPS);
	for (unsigned i = 0; i < walk->step_count; i++) {
		const struct iommusim_walk_step *step = &walk->steps[i];

		FZ_REQUIRE(step->structure != NULL && step->name != NULL && step->section != NULL);
		FZ_REQUIRE(step->address == step->table + step->index * (step->quads * UINT64_C(8)));
		FZ_REQUIRE(step->readable || (!step->present && step->field_count == 0));
		FZ_REQUIRE(step->raw[0] == 0 || step->readable);
		check_link(fz, &chain, step, i == 0);
	}
}

void fz_walk(const struct fz *fz, const struct fz_request *request, uint64_t address, uint64_t length,
    struct iommusim_walk *walk)
{
	struct iommusim_dma_request page = request->dma;
	const uint32_t status = fz_peek32(fz, R_FSTS);
	const unsigned records = fz_pending_records(fz);

	page.address = address;
	page.length = length;
	FZ_REQUIRE(iommusim_walk(request->device, &page, walk) == IOMMUSIM_OK);
	FZ_REQUIRE(fz_peek32(fz, R_FSTS) == status && fz_pending_records(fz) == records);
	FZ_REQUIRE(walk->mode != NULL && walk->unit_base == FZ_BASE);
	FZ_REQUIRE(walk->levels == 0 || (walk->levels >= 2 && walk->levels <= 5));
	FZ_REQUIRE(walk->address_width == (walk->levels == 0 ? 0 : 12 + 9 * walk->levels));
	/* Protected memory is denied by a clause, but without a reason code. */
	FZ_REQUIRE(walk->clause != NULL || walk->result.fault.reason == 0);
	FZ_REQUIRE(walk->clause == NULL || walk->result.faulted || walk->result.answered);
	FZ_REQUIRE((walk->clause == NULL) == (walk->reason == NULL));
	check_steps(fz, walk, address);
}
