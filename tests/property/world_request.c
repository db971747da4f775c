/* Generated requests: addresses that mean something to the tables of a world, and ones at its edges. */
#include "world.h"

static uint64_t below(struct world *world, uint64_t limit)
{
	return random_below(&world->random, limit);
}

/* One index in use at each level; sometimes one that is not. */
static uint64_t mapped_address(struct world *world, unsigned levels)
{
	uint64_t address = below(world, 0x1f0) * 8;

	for (unsigned level = 0; level < levels; level++) {
		const uint64_t index = random_chance(&world->random, 96)
		    ? world->indices[below(world, WORLD_INDICES)]
		    : below(world, 512);

		address |= index << (12 + 9 * level);
	}
	return address;
}

/* Around the limits: the page table's width, MGAW, HAW, the interrupt range. */
static uint64_t edge_address(struct world *world, unsigned levels)
{
	const unsigned mgaw = (unsigned)(world->oracle.cap >> 16 & 0x3f) + 1;
	const unsigned width = 12 + 9 * levels;
	const uint64_t offset = below(world, 0x100) * 8;

	switch (below(world, 8)) {
	case 0:
		return BIT(mgaw) + offset;
	case 1:
		return BIT(mgaw) - 0x1000 + offset;
	case 2:
		return BIT(width) + offset;
	case 3:
		return BIT(world->oracle.haw) - (below(world, 2) << 12) + offset;
	case 4:
		return mapped_address(world, levels) | BIT(below(world, 64));
	case 5:
		return 0xfedff000 + offset;
	case 6:
		return 0xfef00000 + offset;
	default:
		return 0xfee00000 + below(world, 0x1ff00) * 8;
	}
}

static uint64_t random_address(struct world *world, unsigned device)
{
	const unsigned of_device = world->devices[device].levels;
	const unsigned levels = of_device >= 3 && of_device <= 5 && random_chance(&world->random, 85)
	    ? of_device
	    : 3 + (unsigned)below(world, 3);

	if (random_chance(&world->random, 12))
		return edge_address(world, levels);
	/* MGAW may be narrower than the page table */
	return mapped_address(world, levels) & (BIT((world->oracle.cap >> 16 & 0x3f) + 1) - 1);
}

/* A translation request is a read (VT-d 4.2.1), and has answers of its own to the interrupt range. */
static void take_address_type(struct world *world, struct oracle_request *request)
{
	const uint64_t luck = below(world, 100);

	if (luck < 8) {
		request->address_type = 1;
		request->kind = ORACLE_READ;
		request->length = 8;
		if (request->address >> 20 == 0xfee)
			request->address ^= BIT(31);
	} else if (luck < 14) {
		request->address_type = 2;
	} else if (luck < 16) {
		request->has_pasid = true;
	}
}

struct oracle_request world_request(struct world *world, unsigned *device)
{
	static const enum oracle_kind kinds[] = { ORACLE_READ, ORACLE_READ, ORACLE_WRITE, ORACLE_WRITE,
		ORACLE_ATOMIC };
	static const uint8_t lengths[] = { 8, 8, 8, 4, 4, 2, 1 };
	struct oracle_request request = { .length = lengths[below(world, 7)] };

	*device = (unsigned)below(world, WORLD_DEVICES);
	request.rid = world->devices[*device].rid;
	request.address = random_address(world, *device);
	request.kind = kinds[below(world, 5)];
	if (request.kind == ORACLE_READ && random_chance(&world->random, 15))
		request.length = 0;
	take_address_type(world, &request);
	return request;
}

struct iommusim_dma_request world_dma(const struct oracle_request *request)
{
	static const enum iommusim_dma_kind kinds[] = { [ORACLE_READ] = IOMMUSIM_DMA_READ,
		[ORACLE_WRITE] = IOMMUSIM_DMA_WRITE,
		[ORACLE_ATOMIC] = IOMMUSIM_DMA_ATOMIC };

	return (struct iommusim_dma_request){
		.address = request->address,
		.length = request->length,
		.kind = kinds[request->kind],
		.address_type = (enum iommusim_dma_address_type)request->address_type,
		.has_pasid = request->has_pasid,
		.pasid = request->has_pasid ? 7 : 0,
	};
}

static void dump_walk(const struct iommusim_walk *walk)
{
	for (unsigned i = 0; i < walk->step_count; i++)
		print_error("  step %u: %s at 0x%llx = 0x%llx 0x%llx\n", i, walk->steps[i].name,
		    (unsigned long long)walk->steps[i].address,
		    (unsigned long long)walk->steps[i].raw[0],
		    (unsigned long long)walk->steps[i].raw[1]);
	print_error("  walk: mode %s, reason %Xh, physical 0x%llx, R=%d W=%d\n", walk->mode,
	    walk->result.fault.reason, (unsigned long long)walk->result.physical, walk->read_right,
	    walk->write_right);
}

void world_dump(struct world *world, unsigned device, const struct oracle_request *request)
{
	const struct iommusim_dma_request dma = world_dma(request);
	const struct oracle_answer answer = oracle_ask(&world->oracle, request);
	struct iommusim_walk walk;

	print_error("seed %llu, case %llu: IOMMUSIM_TEST_SEED=%llu repeats the run\n",
	    (unsigned long long)world->seed, (unsigned long long)world->number,
	    (unsigned long long)world->seed);
	print_error("  rights at each level %d, pass-through widest %d, revision 0x%x\n",
	    world->oracle.rights_at_each_level, world->oracle.pass_through_widest,
	    world->oracle.revision);
	print_error("  CAP 0x%llx ECAP 0x%llx HAW %u RTADDR 0x%llx TES %d\n",
	    (unsigned long long)world->oracle.cap, (unsigned long long)world->oracle.ecap,
	    world->oracle.haw, (unsigned long long)world->oracle.rtaddr, world->oracle.translating);
	print_error("  rid %04x kind %d AT %u pasid %d address 0x%llx length %llu\n", request->rid,
	    (int)request->kind, request->address_type, request->has_pasid,
	    (unsigned long long)request->address, (unsigned long long)request->length);
	print_error("  oracle: reason %Xh, physical 0x%llx, shift %u, rights %u, reads %u\n",
	    answer.reason, (unsigned long long)answer.physical, answer.shift, answer.rights,
	    answer.reads);
	if (iommusim_walk(world->devices[device].requester, &dma, &walk) == IOMMUSIM_OK)
		dump_walk(&walk);
}
