/* Whatever allocation fails during a replay: it ends with ENOMEM and gives back all it had. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "port/reserve.h"
#include <iommusim/trace.h>
#include "scenarios/story.h"

/* Lets `left` allocations succeed, and knows what has not come back. */
struct meter {
	uint64_t left;
	uint64_t failed;
	uint64_t blocks;
	uint64_t bytes;
};

static bool spend(struct meter *meter)
{
	if (meter->left == 0) {
		meter->failed++;
		return false;
	}
	meter->left--;
	return true;
}

static void *allocate(void *context, size_t size)
{
	struct meter *meter = context;
	void *block = spend(meter) ? malloc(size) : NULL;

	if (block == NULL)
		return NULL;
	memset(block, 0xa5, size); /* contents are undefined: let nobody count on zeroes */
	meter->blocks++;
	meter->bytes += size;
	return block;
}

static void release(void *context, void *block, size_t size)
{
	struct meter *meter = context;

	meter->blocks--;
	meter->bytes -= size;
	free(block);
}

static void *reserve(void *context, size_t size)
{
	struct meter *meter = context;
	void *block = spend(meter) ? port_reserve(size) : NULL;

	if (block == NULL)
		return NULL;
	meter->blocks++;
	meter->bytes += size;
	return block;
}

static void unreserve(void *context, void *block, size_t size)
{
	struct meter *meter = context;

	meter->blocks--;
	meter->bytes -= size;
	port_unreserve(block, size);
}

static void drop(void *context, const char *text, size_t length)
{
	(void)context;
	(void)text;
	(void)length;
}

/* How a story is told. */
enum way { AS_TEXT, RECORDED, BY_LINES };

/* A line at a time: then each of them moves the window. */
static enum iommusim_status read_line(
    void *context, char *bytes, size_t room, size_t *count, struct iommusim_diagnostic *problem)
{
	const char **at = context;
	const char *end = strchr(*at, '\n');

	(void)problem;
	*count = end == NULL ? strlen(*at) : (size_t)(end - *at) + 1;
	*count = *count < room ? *count : room;
	memcpy(bytes, *at, *count);
	*at += *count;
	return IOMMUSIM_OK;
}

static enum iommusim_status run(
    struct meter *meter, const char *text, enum way way, struct iommusim_diagnostic *diagnostic)
{
	const struct iommusim_allocator allocator = {
		.context = meter,
		.allocate = allocate,
		.release = release,
		.reserve = reserve,
		.unreserve = unreserve,
	};
	const struct iommusim_text out = { .put = drop };
	const struct iommusim_replay_options options = { .allocator = &allocator,
		.record = way == RECORDED ? &out : NULL };
	const struct iommusim_trace_source source = { .context = &text, .read = read_line };
	struct iommusim_replay_summary summary;

	if (way == BY_LINES)
		return iommusim_replay_source("lesson.iommu", &source, &options, &summary, diagnostic);
	return iommusim_replay("lesson.iommu", text, strlen(text), &options, &summary, diagnostic);
}

/* Fail the first allocation, then only the second, and so on, until none is left to fail. */
static void fail_each(const char *text, enum way way)
{
	for (uint64_t n = 0;; n++) {
		struct meter meter = { .left = n };
		struct iommusim_diagnostic diagnostic;
		const enum iommusim_status status = run(&meter, text, way, &diagnostic);

		assert_int_equal(meter.blocks, 0);
		assert_int_equal(meter.bytes, 0);
		if (meter.failed == 0) {
			if (status != IOMMUSIM_OK)
				print_message(
				    "%u:%u: %s\n", diagnostic.line, diagnostic.column, diagnostic.text);
			assert_int_equal(status, IOMMUSIM_OK);
			assert_true(n > 20);
			return;
		}
		if (status != IOMMUSIM_ENOMEM)
			print_message("allocation %llu: %s at %u:%u: %s\n", (unsigned long long)n,
			    iommusim_status_name(status), diagnostic.line, diagnostic.column,
			    diagnostic.text);
		assert_int_equal(status, IOMMUSIM_ENOMEM);
		assert_int_equal(diagnostic.status, IOMMUSIM_ENOMEM);
	}
}

static const char hypervisor[] =
    STORY_HEADER "machine(iommu=vtd, memory=32M, vmm=\"13.0\", acpi_hex=\""
		 /* one unit for everything */
		 "444d4152 40000000 01 ba 000000000000 0000000000000000 00000000 00000000 00000000"
		 "26 01 00000000000000000000 0000 1000 01 00 0000 0010d9fe00000000\")\n"
		 "device(0/23/0, \"ahci0\")\ndevice(7/0/0, \"ppt0\", driver=ppt, behind=0/23/0)\n"
		 "vm_create(\"a\")\nvm_setup_memory(\"a\", 512K, seed=3)\n"
		 "vm_assign_pptdev(\"a\", 7/0/0)\n"
		 "dma(0/23/0, write, gpa(\"a\", 0x1000), 128K, for=\"a\")  expect lost\n"
		 "dma(7/0/0, write, 0x3000, 16, data=\"01 02\")\n"
		 "vm_destroy(\"a\")\nvmm_unload()\n";

static const char raw[] = STORY_HEADER
    "machine(iommu=vtd, memory=32M)\nmem_write(0x1000, \"00 01\")\nmem_read(0x1000, 2) = \"0001\"\n"
    "iommu_create_domain(1G) = dom1\niommu_create_mapping(dom1, 0, 0x10000, 0x10000)\n"
    "iommu_add_device(dom1, 0x0700)\ndma(7/0/0, read, 0, 64K)\nmmio_read32(0xfed90000) = ver\n"
    "iommu_remove_mapping(dom1, 0, 0x10000)\niommu_invalidate_tlb(dom1)\n"
    "dma(7/0/0, read, 0, 4) expect blocked\ninterrupt(7/0/0, 0xfee00000, 1)\n"
    "iommu_remove_device(dom1, 0x0700)\niommu_destroy_domain(dom1)\nstep(3)\n";

static void of_hypervisor_calls(void **state)
{
	(void)state;
	fail_each(hypervisor, AS_TEXT);
}

static void of_raw_calls(void **state)
{
	(void)state;
	fail_each(raw, AS_TEXT);
}

static void while_recording(void **state)
{
	(void)state;
	fail_each(raw, RECORDED);
}

/* The window, too, and a line for which it has to grow: the last one, or nothing else would fail before it. */
static void piece_by_piece(void **state)
{
	static char text[sizeof(raw) + 200000];

	(void)state;
	memcpy(text, raw, sizeof(raw) - 1);
	text[sizeof(raw) - 1] = '#';
	memset(text + sizeof(raw), 'x', 199990);
	fail_each(text, BY_LINES);
}

/* Too much for this process is told apart from too much for the machine in the story. */
static void guest_memory_is_no_allocation(void **state)
{
	(void)state;
	story_must_pass(STORY_MACHINE "vm_create(\"a\")\nvm_setup_memory(\"a\", 1G) = error(ENOMEM)\n");
	story_must_fail(
	    STORY_MACHINE "vm_create(\"a\")\nvm_setup_memory(\"a\", 1G)\n", "returned ENOMEM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_hypervisor_calls),
		cmocka_unit_test(of_raw_calls),
		cmocka_unit_test(while_recording),
		cmocka_unit_test(piece_by_piece),
		cmocka_unit_test(guest_memory_is_no_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
