/*
 * Numbers for generated tests: the same for the same seed everywhere. IOMMUSIM_TEST_SEED in the
 * environment asks for another run than the usual one.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_RANDOM_H
#define IOMMUSIM_TESTS_PROPERTY_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct random {
	uint64_t state;
};

/* SplitMix64: every seed is as good as every other one. */
static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t random_below(struct random *random, uint64_t limit)
{
	return random_next(random) % limit;
}

static inline bool random_chance(struct random *random, unsigned percent)
{
	return random_below(random, 100) < percent;
}

/* Case `number` of a run has numbers of its own, so that one case can be repeated alone. */
static inline struct random random_of_case(uint64_t seed, uint64_t number)
{
	struct random random = { seed * UINT64_C(0xd1342543de82ef95) + number };

	random_next(&random);
	return random;
}

static inline uint64_t random_seed(void)
{
	const char *wanted = getenv("IOMMUSIM_TEST_SEED");

	return wanted == NULL ? 1 : strtoull(wanted, NULL, 0);
}

#endif
