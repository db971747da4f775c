/* Spaces of scalable mode and invalidation descriptors, by hand. Proofs stand in the tests. */
#include "cached_spaces.h"

void cs_start(struct scalable *sm, const struct vtd_setup *setup)
{
	sm_start(sm, setup);
	sm_queue_start(sm);
}

/* VT-d 9.8: R and W, PS in bit 7: 2 MiB each. */
static void map_all_ram(struct scalable *sm, uint64_t table, unsigned levels)
{
	for (uint64_t page = 0; page < VTD_RAM; page += 0x200000)
		sm_map_second(sm, table, levels, page, page, 3, 2);
}

struct space cs_space_of(
    struct scalable *sm, unsigned type, uint16_t domain, uint32_t pasid, unsigned levels)
{
	struct space space = { .type = type, .domain = domain, .pasid = pasid, .levels = levels };

	if (type == FIRST || type == NESTED)
		space.first = vt_page(&sm->vtd);
	if (type == SECOND || type == NESTED)
		space.second = vt_page(&sm->vtd);
	if (type == NESTED)
		map_all_ram(sm, space.second, levels);
	cs_enter(sm, &space);
	return space;
}

struct space cs_space(struct scalable *sm, unsigned type, uint16_t domain, uint32_t pasid)
{
	return cs_space_of(sm, type, domain, pasid, 4);
}

/* VT-d 9.6: AW is the number of levels less 2, FSPM 0 for 4 and 1 for 5. */
void cs_enter(struct scalable *sm, const struct space *space)
{
	const uint64_t entry[8] = { (uint64_t)space->type << 6 | SM_AW(space->levels - 2) |
		    space->second | SM_P,
		SM_PWSNP | space->domain, SM_SRE | SM_FSPM(space->levels == 5) | space->first };

	sm_set_entry(sm, space->pasid, entry);
}

void cs_edit(struct scalable *sm, uint64_t at, uint64_t clear, uint64_t set)
{
	vt_store(&sm->vtd, at, (vt_load(&sm->vtd, at) & ~clear) | set);
}

uint64_t cs_entry_at(struct scalable *sm, const struct space *space, uint64_t input, unsigned level)
{
	return space->type == SECOND ? sm_second_at(sm, space->second, space->levels, input, level)
				     : sm_first_at(sm, space->first, space->levels, input, level);
}

/* VT-d 9.7: P, R/W, U/S, A and D are bits 0, 1, 2, 5 and 6. */
void cs_map(struct scalable *sm, const struct space *space, uint64_t input, uint64_t output)
{
	vt_store(
	    &sm->vtd, cs_entry_at(sm, space, input, 1), output | (space->type == SECOND ? 3 : 0x67));
}

/* VT-d 9.4: PASIDDIRPTR in 63:12, RID_PASID in 83:64. */
uint64_t cs_own_directory(struct scalable *sm, uint16_t rid, uint32_t rid_pasid)
{
	const uint64_t directory = vt_page(&sm->vtd);
	const uint64_t context[4] = { directory | SM_DTE | SM_PASIDE | SM_P,
		rid_pasid == 0 ? sm->rid_pasid : rid_pasid };

	sm_set_context(sm, rid, context);
	return directory;
}

uint64_t cs_read(struct scalable *sm, uint64_t address, uint32_t pasid, unsigned flags)
{
	const struct iommusim_dma_page page =
	    sm_access(sm, IOMMUSIM_DMA_READ, address, 8, pasid, flags);

	return page.faulted ? CS_FAULT | page.fault.reason : page.physical;
}

void cs_submit(struct scalable *sm, uint64_t low, uint64_t high)
{
	const uint64_t descriptor[4] = { low, high };

	sm_submit(sm, descriptor);
	assert_int_equal(vt_get32(&sm->vtd, R_FSTS) & 0x70, 0); /* IQE, ICE, ITE */
	assert_int_equal(vt_get64(&sm->vtd, R_IQH), sm->vtd.queue_tail);
}

/* VT-d figures 6-1, 6-2, 6-3, 6-4. */
void cs_drop_context(
    struct scalable *sm, unsigned granularity, uint32_t domain, uint16_t source, unsigned function_mask)
{
	cs_submit(sm,
	    1 | granularity << 4 | (uint64_t)domain << 16 | (uint64_t)source << 32 |
		(uint64_t)function_mask << 48,
	    0);
}

void cs_drop_pasids(struct scalable *sm, unsigned granularity, uint32_t domain, uint32_t pasid)
{
	cs_submit(sm, 7 | granularity << 4 | (uint64_t)domain << 16 | (uint64_t)pasid << 32, 0);
}

void cs_drop(struct scalable *sm, unsigned granularity, uint32_t domain, uint64_t address)
{
	cs_submit(sm, 2 | granularity << 4 | (uint64_t)domain << 16, address);
}

void cs_drop_pasid(
    struct scalable *sm, unsigned granularity, uint32_t domain, uint32_t pasid, uint64_t address)
{
	cs_submit(sm, 6 | granularity << 4 | (uint64_t)domain << 16 | (uint64_t)pasid << 32, address);
}

void cs_drop_all(struct scalable *sm)
{
	cs_drop_context(sm, 1, 0, 0, 0);
	cs_drop_pasids(sm, 3, 0, 0);
	cs_drop(sm, 1, 0, 0);
}
