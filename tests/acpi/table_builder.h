/*
 * Builds ACPI tables byte by byte for tests. It knows the outline (length, checksum) and nothing of what is
 * inside: tests write those bytes out. Little-endian throughout.
 */
#ifndef IOMMUSIM_TESTS_ACPI_TABLE_BUILDER_H
#define IOMMUSIM_TESTS_ACPI_TABLE_BUILDER_H

#include <stdint.h>
#include <string.h>

#define BUILDER_ROOM 1024

struct builder {
	uint8_t bytes[BUILDER_ROOM];
	size_t size;
};

/* Append bytes given as arguments. */
#define ADD(builder, ...)                                                                              \
	builder_add(builder, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static inline void builder_add(struct builder *builder, const uint8_t *bytes, size_t size)
{
	memcpy(builder->bytes + builder->size, bytes, size);
	builder->size += size;
}

/* Append a number; bytes beyond its own are zeros. */
static inline void builder_add_number(struct builder *builder, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		builder->bytes[builder->size++] = i < sizeof(value) ? (uint8_t)(value >> i * 8) : 0;
}

/* Make the bytes sum to 0. */
static inline void builder_sum(struct builder *builder)
{
	uint8_t sum = 0;

	builder->bytes[9] = 0;
	for (size_t i = 0; i < builder->size; i++)
		sum = (uint8_t)(sum + builder->bytes[i]);
	builder->bytes[9] = (uint8_t)-sum;
}

/* Set Length to what there is, and the checksum. */
static inline void builder_finish(struct builder *builder)
{
	builder->bytes[4] = (uint8_t)(builder->size & 0xff);
	builder->bytes[5] = (uint8_t)(builder->size >> 8);
	builder->bytes[6] = 0;
	builder->bytes[7] = 0;
	builder_sum(builder);
}

#endif
