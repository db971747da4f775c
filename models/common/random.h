/* A small seeded generator (splitmix64) for whatever is random: same seed, same run. */
#ifndef IOMMUSIM_MODELS_RANDOM_H
#define IOMMUSIM_MODELS_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

#endif
