/* The same driver under hooks and under traps: the bus sees the same accesses in the same order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/dma.h>
#include <iommusim/kshim_traps.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>

#include "tests/driver/kernel.h"
#include "tests/driver/vtd_driver.h"

#define DISK  IOMMUSIM_RID(0, 0x17, 0)
#define GUEST UINT64_C(0x7f0000000)
#define HOST  UINT64_C(0x2000000)

#define ACCESSES 512u
#define PAGES    16u
#define PAGE     UINT64_C(0xfff)

struct access {
	uint64_t offset;
	uint64_t value;
	unsigned width;
	bool is_write;
};

/*
 * Two compilations have their tables at two places: a value that is an address in the program counts
 * as the number of its page, in the order in which pages came, and what it says within the page.
 */
struct log {
	struct access seen[ACCESSES];
	size_t count;
	uint64_t pages[PAGES];
};

static uint64_t without_place(struct log *log, uint64_t value)
{
	uint64_t page = 0;

	if (value < KERNEL_IMAGE_BASE || value >= KERNEL_IMAGE_END)
		return value;
	while (log->pages[page] != 0 && log->pages[page] != (value & ~PAGE))
		page++;
	assert_true(page < PAGES - 1);
	log->pages[page] = value & ~PAGE;
	return KERNEL_IMAGE_BASE | page << 12 | (value & PAGE);
}

static void note(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct log *log = context;

	assert_true(log->count < ACCESSES);
	log->seen[log->count++] =
	    (struct access){ address - KERNEL_UNIT_BASE, without_place(log, value), width, is_write };
}

static void dma_write(uint64_t address, bool faults)
{
	uint64_t value = 1;
	const struct iommusim_dma_request request = {
		.address = address, .length = sizeof(value), .kind = IOMMUSIM_DMA_WRITE, .data = &value
	};
	struct iommusim_requester *from;
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_requester_create(kernel.machine, 0, DISK, &from), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(from, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page.faulted, faults);
	iommusim_requester_destroy(from);
}

/* All that this driver does, from the first access to the last. */
static void life(const struct vtd_driver *driver, volatile void *registers, bool queued)
{
	struct vtd_fault fault;
	unsigned domain;

	assert_int_equal(driver->attach(registers, queued), 0);
	driver->fault_event(0xfee00000, 0x41);
	driver->enable();
	assert_int_equal(driver->domain_create(&domain), 0);
	assert_int_equal(driver->map(domain, GUEST, HOST, UINT64_C(4) * VTD_PAGE_SIZE), 0);
	driver->add_device(domain, DISK);
	driver->invalidate(domain);
	dma_write(GUEST, false);
	driver->unmap(domain, GUEST, VTD_PAGE_SIZE);
	driver->invalidate(domain);
	dma_write(GUEST, true);
	assert_true(driver->fault_read(&fault));
	assert_int_equal(fault.address, GUEST);
	assert_int_equal(fault.source, DISK);
	assert_false(driver->fault_read(&fault));
	driver->reload_root();
	driver->remove_device(DISK);
	driver->detach();
}

struct trapped_life {
	volatile void *registers;
	bool queued;
};

static void trapped_life(void *argument)
{
	const struct trapped_life *how = argument;

	life(&vtd_driver_trapped, how->registers, how->queued);
}

static void live_under_hooks(bool queued)
{
	life(&vtd_driver, kernel.registers, queued);
}

static void live_under_traps(bool queued)
{
	struct trapped_life how = { .queued = queued };
	struct iommusim_traps_refusal refusal;
	struct iommusim_traps *traps;

	assert_int_equal(iommusim_traps_create(kernel.machine, &traps), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_traps_map(traps, KERNEL_UNIT_BASE, VTD_PAGE_SIZE, &how.registers), IOMMUSIM_OK);
	assert_int_equal(iommusim_traps_attach(traps), IOMMUSIM_OK);
	if (iommusim_traps_call(traps, trapped_life, &how, &refusal) != IOMMUSIM_OK)
		fail_msg("%s", refusal.text);
	assert_int_equal(iommusim_traps_refused(traps, NULL), 0);
	iommusim_traps_destroy(traps);
}

static void record(void (*live)(bool queued), bool queued, const char *preset, struct log *log)
{
	const struct iommusim_mmio_watcher watcher = { .context = log, .access = note };

	memset(log, 0, sizeof(*log));
	kernel_boot(&(struct kernel_config){ .preset = preset });
	assert_int_equal(iommusim_mmio_watch(kernel.machine, &watcher), IOMMUSIM_OK);
	live(queued);
	assert_int_equal(kernel.pages_used, 0);
	kernel_halt();
}

static void assert_same_log(bool queued, const char *preset, size_t at_least)
{
	static struct log hooked, trapped;

	record(live_under_hooks, queued, preset, &hooked);
	record(live_under_traps, queued, preset, &trapped);
	assert_true(hooked.count >= at_least);
	for (size_t i = 0; i < hooked.count && i < trapped.count; i++) {
		const struct access *one = &hooked.seen[i], *other = &trapped.seen[i];

		if (one->offset != other->offset || one->width != other->width ||
		    one->is_write != other->is_write || one->value != other->value)
			fail_msg("access %zu: %c%u@%llx=%llx under hooks, %c%u@%llx=%llx under traps",
			    i, "rw"[one->is_write], one -> width, (unsigned long long)one -> offset,
			    (unsigned long long)one -> value, "rw"[other->is_write], other -> width,
			    (unsigned long long)other -> offset, (unsigned long long)other -> value);
	}
	assert_int_equal(hooked.count, trapped.count);
	print_message("%zu accesses, the same\n", hooked.count);
}

static void test_same_log_by_queue(void **state)
{
	(void)state;
	assert_same_log(true, NULL, 25);
}

static void test_same_log_by_registers(void **state)
{
	(void)state;
	assert_same_log(false, NULL, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_log_by_queue),
		cmocka_unit_test(test_same_log_by_registers),
	};

	return cmocka_run_group_tests_name("interception", tests, NULL, NULL);
}
