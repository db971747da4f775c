/* Broken traces never break the reader: cut at every byte, and changed at random places. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "port/reserve.h"
#include "scenarios/story.h"

/* 16M that became 16T would take hours to map: what is tested is reading. */
#define LARGEST_BLOCK ((size_t)64 << 20)

static const char good[] = STORY_HEADER
    "machine(iommu=vtd, memory=16M, vmm=\"13.0\", cache=hoard, seed=3)  # a comment \xc3\xa9\n"
    "device(0/23/0, \"ahci0\", class=ahci)\n"
    "device(0000:07:00.0, \"nic \\\"0\\\"\", driver=ppt)\n"
    "vm_create(\"a\")\n"
    "vm_setup_memory(\"a\", 256K, seed=7)\n"
    "vm_assign_pptdev(\"a\", 7/0/0)\n"
    "dma(0/23/0, write, gpa(\"a\", 0x1000), 64K, for=\"a\", data=\"01 ff\")  expect lost, fault(5) "
    "under 13.0, "
    "13.1  expect ok\n"
    "iommu_create_domain(1G) = dom1\n"
    "iommu_create_mapping(dom1, 0, 0x10000, 0x1000)\n"
    "iommu_add_device(dom1, 0x0b00)\n"
    "mmio_read32(0xfed91000) = ver\n"
    "mem_write(0x1000, \"03 00\")\n"
    "mem_read(0x1000, 2) = \"0300\"\n"
    "interrupt(7/0/0, 0xfee00000, 1) = remapped(0xfee00000, 1)\n"
    "step(ver)\n"
    "iommu_invalidate_tlb(domain(\"a\"))\n"
    "vm_create(\"a\") = error(EEXIST)  expect none\n";

static void *allocate(void *context, size_t size)
{
	(void)context;
	return size > LARGEST_BLOCK ? NULL : malloc(size);
}

static void release(void *context, void *block, size_t size)
{
	(void)context;
	(void)size;
	free(block);
}

static void *reserve(void *context, size_t size)
{
	(void)context;
	return size > LARGEST_BLOCK ? NULL : port_reserve(size);
}

static void unreserve(void *context, void *block, size_t size)
{
	(void)context;
	port_unreserve(block, size);
}

static void replay(const char *text, size_t length)
{
	static const struct iommusim_allocator small = {
		.allocate = allocate,
		.release = release,
		.reserve = reserve,
		.unreserve = unreserve,
	};
	const struct iommusim_replay_options options = { .allocator = &small };
	static struct story story;
	char *copy =
	    malloc(length == 0 ? 1 : length); /* of just its size: a sanitizer sees a step beyond */

	assert_non_null(copy);
	memcpy(copy, text, length);
	story_run_with(&story, copy, length, &options);
	if (story.status != IOMMUSIM_OK) {
		assert_true(story.diagnostic.text[0] != '\0');
		assert_true(story.diagnostic.line > 0);
		assert_true(story.diagnostic.column > 0);
	}
	free(copy);
}

static void the_trace_itself(void **state)
{
	(void)state;
	story_must_pass(good);
}

static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t length = 0; length < sizeof(good) - 1; length++)
		replay(good, length);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Bytes that the language gives a meaning turn up more often than others. */
static char random_byte(uint64_t *seed)
{
	static const char telling[] = "(),=\"\\#/:.-_ \t\r\n0123456789xKMGTaf";
	const uint64_t number = next_random(seed);

	if (number % 4 != 0)
		return telling[(number >> 8) % (sizeof(telling) - 1)];
	return (char)(unsigned char)(number >> 8);
}

static void changed_anywhere(void **state)
{
	uint64_t seed = 20251121;

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		char text[sizeof(good)];
		size_t length = sizeof(good) - 1;

		memcpy(text, good, sizeof(good));
		for (uint64_t changes = 1 + next_random(&seed) % 3; changes > 0; changes--) {
			const size_t at = next_random(&seed) % length;

			switch (next_random(&seed) % 3) {
			case 0:
				text[at] = random_byte(&seed);
				break;
			case 1: /* one byte less */
				memmove(text + at, text + at + 1, length - at - 1);
				length--;
				break;
			default: /* a piece of it twice */
				memmove(text + at, text + next_random(&seed) % (length - 8),
				    (length - at) % 8);
				break;
			}
		}
		replay(text, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_trace_itself),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(changed_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
