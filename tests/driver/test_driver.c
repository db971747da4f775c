/*
 * A real driver's life on the machine: it reaches registers by volatile accesses and memory by
 * stores, and DMA shows what came of it. The driver is vtd_driver.c, compiled for hooks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <iommusim/clock.h>
#include <iommusim/dma.h>
#include <iommusim/interrupt.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>

#include "tests/driver/kernel.h"
#include "tests/driver/vtd_driver.h"

#define DISK  IOMMUSIM_RID(0, 0x17, 0)
#define NIC   IOMMUSIM_RID(3, 0, 0)
#define GUEST UINT64_C(0x7f0000000)
#define HOST  UINT64_C(0x2000000)

#define NO_READ_RIGHT    6 /* VT-d fault reasons */
#define NO_WRITE_RIGHT   5
#define NO_ROOT_ENTRY    1
#define NO_CONTEXT_ENTRY 2

static struct iommusim_requester *requester(uint16_t rid)
{
	struct iommusim_requester *made;

	assert_int_equal(iommusim_requester_create(kernel.machine, 0, rid, &made), IOMMUSIM_OK);
	return made;
}

static struct iommusim_dma_outcome dma(
    struct iommusim_requester *from, enum iommusim_dma_kind kind, uint64_t address, uint64_t *value)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = sizeof(*value), .kind = kind, .data = value
	};
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(from, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome;
}

static struct iommusim_dma_outcome dma_write(
    struct iommusim_requester *from, uint64_t address, uint64_t value)
{
	return dma(from, IOMMUSIM_DMA_WRITE, address, &value);
}

static uint64_t memory_at(uint64_t address)
{
	uint64_t value;

	assert_int_equal(
	    iommusim_memory_read(kernel.machine, address, &value, sizeof(value)), IOMMUSIM_OK);
	return value;
}

static void assert_reaches(struct iommusim_requester *from, uint64_t address, uint64_t physical)
{
	static uint64_t mark = 0x1122334455667700;
	struct iommusim_dma_outcome outcome = dma_write(from, address, ++mark);

	assert_false(outcome.page.faulted);
	assert_true(outcome.page.translated);
	assert_int_equal(outcome.page.physical, physical);
	assert_int_equal(memory_at(physical), mark);
}

static void assert_blocked(struct iommusim_requester *from, uint64_t address, unsigned reason)
{
	struct iommusim_dma_outcome outcome = dma_write(from, address, 0xbad);

	assert_true(outcome.page.faulted);
	assert_int_equal(outcome.page.fault.reason, reason);
	assert_int_equal(outcome.bytes_moved, 0);
}

/* A driver that has its unit on and one page of one device mapped. */
static unsigned start(const struct vtd_driver *driver, bool queued, uint16_t rid)
{
	unsigned domain;

	assert_int_equal(driver->attach(kernel.registers, queued), 0);
	driver->enable();
	assert_int_equal(driver->domain_create(&domain), 0);
	assert_int_equal(driver->map(domain, GUEST, HOST, VTD_PAGE_SIZE), 0);
	driver->add_device(domain, rid);
	return domain;
}

static void stop(const struct vtd_driver *driver)
{
	driver->detach();
	assert_false(iommusim_unit_translating(kernel.unit));
	assert_int_equal(kernel.pages_used, 0);
	kernel_halt();
}

/* ---- the register accesses, one by one ------------------------------------------------------- */

struct access {
	bool is_write;
	unsigned offset;
	unsigned width;
	uint64_t value;
};

struct analyser {
	struct access seen[64];
	size_t count;
};

static void note(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct analyser *analyser = context;

	assert_in_range(address, KERNEL_UNIT_BASE, KERNEL_UNIT_BASE + VTD_PAGE_SIZE - 1);
	if (analyser->count < sizeof(analyser->seen) / sizeof(*analyser->seen))
		analyser->seen[analyser->count] =
		    (struct access){ is_write, (unsigned)(address - KERNEL_UNIT_BASE), width, value };
	analyser->count++;
}

static void watch(struct analyser *analyser)
{
	const struct iommusim_mmio_watcher watcher = { .context = analyser, .access = note };

	analyser->count = 0;
	assert_int_equal(iommusim_mmio_watch(kernel.machine, &watcher), IOMMUSIM_OK);
}

static void assert_accesses(
    const struct analyser *analyser, const struct access *expected, size_t count)
{
	assert_int_equal(analyser->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(analyser->seen[i].is_write, expected[i].is_write);
		assert_int_equal(analyser->seen[i].offset, expected[i].offset);
		assert_int_equal(analyser->seen[i].width, expected[i].width);
		assert_int_equal(analyser->seen[i].value, expected[i].value);
	}
}

#define ACCESSES(...)                                                                                  \
	(const struct access[]){ __VA_ARGS__ },                                                        \
	    sizeof((const struct access[]){ __VA_ARGS__ }) / sizeof(struct access)
#define R(offset, width, value)                                                                        \
	{                                                                                              \
		false, offset, width, value                                                            \
	}
#define W(offset, width, value)                                                                        \
	{                                                                                              \
		true, offset, width, value                                                             \
	}

static void test_every_access_is_seen_once_in_order(void **state)
{
	struct analyser analyser;
	uint64_t root;

	(void)state;
	kernel_boot(&(struct kernel_config){ .preset = NULL });
	watch(&analyser);
	assert_int_equal(vtd_driver.attach(kernel.registers, false), 0);
	assert_accesses(&analyser, ACCESSES(R(0x08, 8, 0xd2008c40660462), R(0x10, 8, 0xf050da)));

	analyser.count = 0;
	vtd_driver.enable();
	root = analyser.seen[0].value;
	assert_in_range(root, KERNEL_IMAGE_BASE, KERNEL_IMAGE_END);
	assert_int_equal(root % VTD_PAGE_SIZE, 0);
	assert_accesses(&analyser,
	    ACCESSES(W(0x20, 8, root), W(0x18, 4, 0x40000000), R(0x1c, 4, 0x40000000),
		W(0x28, 8, 0xa000000000000000), R(0x28, 8, 0x2800000000000000),
		W(0x508, 8, 0x9003000000000000), R(0x508, 8, 0x1203000000000000),
		W(0x18, 4, 0x80000000), R(0x1c, 4, 0xc0000000)));
	assert_true(iommusim_unit_translating(kernel.unit));

	/* SRTP once more: TE is restated. A store that nothing follows acts too. */
	analyser.count = 0;
	vtd_driver.reload_root();
	assert_int_equal(analyser.seen[1].value, 0xc0000000);
	analyser.count = 0;
	vtd_driver.fault_event(0xfee00000, 0x41);
	assert_accesses(&analyser,
	    ACCESSES(W(0x3c, 4, 0x41), W(0x40, 4, 0xfee00000), W(0x44, 4, 0), R(0x38, 4, 0x80000000),
		W(0x38, 4, 0)));
	stop(&vtd_driver);
}

/* ---- what DMA comes to ----------------------------------------------------------------------- */

static void test_dma_goes_where_it_was_mapped(void **state)
{
	struct iommusim_requester *disk;
	uint64_t value = 0;
	unsigned domain;

	(void)state;
	kernel_boot(&(struct kernel_config){ .preset = NULL });
	disk = requester(DISK);
	assert_false(dma_write(disk, HOST, 1).page.translated); /* off: to where it says */
	domain = start(&vtd_driver, false, DISK);
	assert_reaches(disk, GUEST + 0x10, HOST + 0x10);
	assert_int_equal(dma(disk, IOMMUSIM_DMA_READ, GUEST + 0x10, &value).bytes_moved, 8);
	assert_int_equal(value, memory_at(HOST + 0x10));
	assert_blocked(disk, GUEST + VTD_PAGE_SIZE, NO_WRITE_RIGHT);
	assert_blocked(disk, HOST, NO_WRITE_RIGHT);

	/* Beyond what one table holds, and a table page given to another physical place. */
	assert_int_equal(vtd_driver.map(domain, 0x3ff000, HOST + 0x5000, 0x2000), 0);
	assert_reaches(disk, 0x3ff000, HOST + 0x5000);
	assert_reaches(disk, 0x400ff8, HOST + 0x6ff8);
	stop(&vtd_driver);
}

static void assert_fault_read(uint64_t address, uint16_t source, unsigned reason, bool is_read)
{
	struct vtd_fault fault;

	assert_true(vtd_driver.fault_read(&fault));
	assert_int_equal(fault.address, address);
	assert_int_equal(fault.source, source);
	assert_int_equal(fault.reason, reason);
	assert_int_equal(fault.is_read, is_read);
}

static void test_driver_reads_the_fault_records(void **state)
{
	struct iommusim_requester *disk;
	struct vtd_fault fault;
	uint64_t value;
	unsigned domain;

	(void)state;
	kernel_boot(&(struct kernel_config){ .preset = "skylake-sp" });
	disk = requester(DISK);
	domain = start(&vtd_driver, false, DISK);
	assert_false(vtd_driver.fault_read(&fault));
	assert_reaches(disk, GUEST, HOST);
	vtd_driver.unmap(domain, GUEST, VTD_PAGE_SIZE);
	vtd_driver.invalidate(domain);
	assert_blocked(disk, GUEST + 0x123, NO_WRITE_RIGHT);
	dma(disk, IOMMUSIM_DMA_READ, GUEST + 0x5000, &value);

	assert_fault_read(GUEST, DISK, NO_WRITE_RIGHT, false);
	assert_fault_read(GUEST + 0x5000, DISK, NO_READ_RIGHT, true);
	assert_false(vtd_driver.fault_read(&fault));

	/* A full log: the driver clears the overflow, and logging goes on. */
	for (unsigned i = 0; i < 300; i++)
		assert_blocked(disk, GUEST + i * UINT64_C(0x1000), NO_WRITE_RIGHT);
	while (vtd_driver.fault_read(&fault))
		;
	assert_blocked(disk, GUEST, NO_WRITE_RIGHT);
	assert_fault_read(GUEST, DISK, NO_WRITE_RIGHT, false);
	stop(&vtd_driver);
}

static void test_fault_event_reaches_the_driver(void **state)
{
	struct iommusim_interrupt interrupt;
	struct iommusim_requester *disk;

	(void)state;
	kernel_boot(&(struct kernel_config){ .preset = NULL });
	disk = requester(DISK);
	start(&vtd_driver, false, DISK);
	vtd_driver.fault_event(0xfee01000, 0x51);
	assert_int_equal(iommusim_interrupt_pending(kernel.machine), 0);
	assert_blocked(disk, 0, NO_WRITE_RIGHT);
	assert_int_equal(iommusim_interrupt_take(kernel.machine, &interrupt), IOMMUSIM_OK);
	assert_true(interrupt.from_unit);
	assert_int_equal(interrupt.address, 0xfee01000);
	assert_int_equal(interrupt.data, 0x51);
	assert_fault_read(0, DISK, NO_WRITE_RIGHT, false);
	stop(&vtd_driver);
}

/* Without the invalidation the old translation serves on: the negative control of the others. */
static void check_invalidation(bool queued)
{
	struct iommusim_requester *disk;
	struct iommusim_dma_outcome outcome;
	unsigned domain;

	kernel_boot(&(struct kernel_config){ .preset = NULL });
	disk = requester(DISK);
	domain = start(&vtd_driver, queued, DISK);
	assert_reaches(disk, GUEST, HOST);
	vtd_driver.unmap(domain, GUEST, VTD_PAGE_SIZE);
	outcome = dma_write(disk, GUEST, 0x57a1e);
	assert_false(outcome.page.faulted);
	assert_true(outcome.page.cached);
	assert_int_equal(memory_at(HOST), 0x57a1e);
	vtd_driver.invalidate(domain);
	assert_blocked(disk, GUEST, NO_WRITE_RIGHT);
	assert_int_equal(memory_at(HOST), 0x57a1e);

	/* A page that is mapped anew somewhere else needs no invalidation: nothing was cached for it. */
	assert_int_equal(vtd_driver.map(domain, GUEST, HOST + 0x9000, VTD_PAGE_SIZE), 0);
	assert_reaches(disk, GUEST, HOST + 0x9000);
	vtd_driver.remove_device(DISK);
	assert_blocked(disk, GUEST, NO_CONTEXT_ENTRY);
	stop(&vtd_driver);
}

static void test_unmap_needs_invalidation_by_registers(void **state)
{
	(void)state;
	check_invalidation(false);
}

static void test_unmap_needs_invalidation_by_queue(void **state)
{
	(void)state;
	check_invalidation(true);
}

/* A driver that is right does not notice what the caches are like. */
static void test_right_under_every_cache_policy(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_HOARD,
		IOMMUSIM_CACHE_NONE, IOMMUSIM_CACHE_SIZED, IOMMUSIM_CACHE_ADVERSE };

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct kernel_config config = {
			.settings = { .cache = policies[i % 4], .iotlb_sets = 1, .iotlb_ways = 2 }
		};
		struct iommusim_requester *disk;
		unsigned domain;

		kernel_boot(&config);
		disk = requester(DISK);
		domain = start(&vtd_driver, i >= 4, DISK);
		for (uint64_t page = 0; page < UINT64_C(0x40000); page += 0x1000) {
			assert_int_equal(vtd_driver.map(domain, page, HOST + page, 0x1000), 0);
			assert_reaches(disk, page, HOST + page);
			vtd_driver.unmap(domain, page / 2 & ~UINT64_C(0xfff), 0x1000);
			vtd_driver.invalidate(domain);
			assert_blocked(disk, page / 2 & ~UINT64_C(0xfff), NO_WRITE_RIGHT);
		}
		stop(&vtd_driver);
	}
}

/* More descriptors than the queue has entries: the ring wraps. */
static void test_queue_wraps(void **state)
{
	struct iommusim_requester *disk;
	unsigned domain;

	(void)state;
	kernel_boot(&(struct kernel_config){ .preset = NULL });
	disk = requester(DISK);
	domain = start(&vtd_driver, true, DISK);
	for (unsigned i = 0; i < 1000; i++) {
		assert_reaches(disk, GUEST, HOST);
		vtd_driver.unmap(domain, GUEST, VTD_PAGE_SIZE);
		vtd_driver.invalidate(domain);
		assert_blocked(disk, GUEST, NO_WRITE_RIGHT);
		assert_int_equal(vtd_driver.map(domain, GUEST, HOST, VTD_PAGE_SIZE), 0);
	}
	stop(&vtd_driver);
}

static void test_two_requesters_two_domains(void **state)
{
	struct iommusim_requester *disk, *nic;
	unsigned first, second;

	(void)state;
	kernel_boot(&(struct kernel_config){ .preset = NULL });
	disk = requester(DISK);
	nic = requester(NIC);
	first = start(&vtd_driver, false, DISK);
	assert_blocked(nic, GUEST, NO_CONTEXT_ENTRY);
	assert_int_equal(vtd_driver.domain_create(&second), 0);
	assert_int_not_equal(first, second);
	assert_int_equal(vtd_driver.map(second, GUEST, HOST + 0x100000, VTD_PAGE_SIZE), 0);
	vtd_driver.add_device(second, NIC);
	assert_reaches(disk, GUEST, HOST);
	assert_reaches(nic, GUEST, HOST + 0x100000);

	/* One domain's invalidation leaves the other's cached translation alone. */
	vtd_driver.unmap(first, GUEST, VTD_PAGE_SIZE);
	vtd_driver.unmap(second, GUEST, VTD_PAGE_SIZE);
	vtd_driver.invalidate(second);
	assert_blocked(nic, GUEST, NO_WRITE_RIGHT);
	assert_reaches(disk, GUEST, HOST);

	/* The disk moves into the second domain. */
	vtd_driver.remove_device(DISK);
	assert_int_equal(vtd_driver.map(second, GUEST, HOST + 0x200000, VTD_PAGE_SIZE), 0);
	vtd_driver.add_device(second, DISK);
	assert_reaches(disk, GUEST, HOST + 0x200000);
	assert_reaches(nic, GUEST, HOST + 0x200000);
	vtd_driver.remove_device(DISK);
	vtd_driver.remove_device(NIC);
	vtd_driver.domain_destroy(first);
	vtd_driver.domain_destroy(second);
	assert_int_equal(kernel.pages_used, 0);
	stop(&vtd_driver);
}

/* ---- drivers that are wrong, and hardware that is harder ------------------------------------- */

static void test_bare_srtp_loses_translation(void **state)
{
	static const struct vtd_driver *const drivers[] = { &vtd_driver, &vtd_driver_bare_srtp };

	(void)state;
	for (unsigned bare = 0; bare < 2; bare++) {
		struct iommusim_requester *disk;

		kernel_boot(&(struct kernel_config){ .preset = NULL });
		disk = requester(DISK);
		start(drivers[bare], false, DISK);
		assert_reaches(disk, GUEST, HOST);
		drivers[bare]->reload_root();
		assert_int_equal(iommusim_unit_translating(kernel.unit), !bare);
		if (bare) /* nobody is told: the device writes to the address it says */
			assert_false(dma_write(disk, HOST + 0x3000, 0xdead).page.translated);
		else
			assert_reaches(disk, GUEST, HOST);
		stop(drivers[bare]);
	}
}

/* With a unit that does not snoop, tables that were not flushed are not there. */
static void test_non_coherent_unit_needs_flushes(void **state)
{
	(void)state;
	for (unsigned forget = 0; forget < 2; forget++) {
		struct iommusim_requester *disk;
		unsigned domain;

		kernel_boot(&(struct kernel_config){ .device_view = true });
		disk = requester(DISK);
		domain = start(&vtd_driver, true, DISK);
		assert_reaches(disk, GUEST, HOST);
		kernel.forget_flushes = forget;
		vtd_driver.unmap(domain, GUEST, VTD_PAGE_SIZE);
		vtd_driver.invalidate(domain);
		if (forget)
			assert_reaches(disk, GUEST, HOST);
		else
			assert_blocked(disk, GUEST, NO_WRITE_RIGHT);
		stop(&vtd_driver);
	}
}

static void test_nothing_flushed_is_no_root_entry(void **state)
{
	struct iommusim_requester *disk;

	(void)state;
	kernel_boot(&(struct kernel_config){ .device_view = true });
	kernel.forget_flushes = true;
	disk = requester(DISK);
	start(&vtd_driver, false, DISK);
	assert_blocked(disk, GUEST, NO_ROOT_ENTRY);
	stop(&vtd_driver);
}

static void test_no_page_left(void **state)
{
	struct iommusim_requester *disk;
	unsigned domain;

	(void)state;
	kernel_boot(&(struct kernel_config){ .preset = NULL });
	disk = requester(DISK);
	domain = start(&vtd_driver, false, DISK);
	kernel.page_limit = kernel.pages_used + 1;
	assert_int_equal(vtd_driver.map(domain, 0, HOST, VTD_PAGE_SIZE), ENOMEM);
	assert_blocked(disk, 0, NO_WRITE_RIGHT);
	assert_reaches(disk, GUEST, HOST);
	stop(&vtd_driver);
}

/* ---- time ------------------------------------------------------------------------------------ */

static unsigned reads_of(const struct analyser *analyser, unsigned offset)
{
	unsigned count = 0;

	for (size_t i = 0; i < analyser->count; i++)
		count += !analyser->seen[i].is_write && analyser->seen[i].offset == offset;
	return count;
}

/* An access lasts a tick, so a unit that takes 5 answers "done" to the fifth poll. */
static void test_polls_wait_for_a_slow_unit(void **state)
{
	const struct kernel_config slow = { .settings = { .latency = 5 } };
	struct analyser analyser;

	(void)state;
	kernel_boot(&slow);
	watch(&analyser);
	assert_int_equal(vtd_driver.attach(kernel.registers, false), 0);
	analyser.count = 0;
	vtd_driver.enable();
	assert_int_equal(analyser.count, 5 + 2 * 5 + 2 * 5); /* writes, GSTS twice, CCMD and IOTLB */
	assert_int_equal(reads_of(&analyser, 0x1c), 10);
	assert_int_equal(reads_of(&analyser, 0x28), 5);
	assert_int_equal(reads_of(&analyser, 0x508), 5);
	for (unsigned i = 2; i < 6; i++)
		assert_int_equal(analyser.seen[i].value, 0); /* RTPS not yet */
	assert_int_equal(analyser.seen[6].value, 0x40000000);
	stop(&vtd_driver);
}

/* The queue's end is a word in memory; every look at it lasts a tick as well. */
static void test_a_poll_of_memory_lets_time_pass(void **state)
{
	const struct kernel_config slow = { .settings = { .latency = 1000 } };
	struct iommusim_requester *disk;
	uint64_t before;
	unsigned domain;

	(void)state;
	kernel_boot(&slow);
	disk = requester(DISK);
	domain = start(&vtd_driver, true, DISK);
	assert_reaches(disk, GUEST, HOST);
	vtd_driver.unmap(domain, GUEST, VTD_PAGE_SIZE);
	before = iommusim_clock_now(kernel.machine);
	vtd_driver.invalidate(domain);
	assert_in_range(iommusim_clock_now(kernel.machine) - before, 1000, 1010);
	assert_blocked(disk, GUEST, NO_WRITE_RIGHT);
	stop(&vtd_driver);
}

/* ---- DMA beside the driver ------------------------------------------------------------------- */

struct traffic {
	struct iommusim_requester *from;
	_Atomic bool end;
	_Atomic uint64_t done;
};

static void *make_traffic(void *argument)
{
	struct traffic *traffic = argument;
	uint64_t value = 0;

	while (!atomic_load(&traffic->end)) {
		const struct iommusim_dma_request request = { .address = GUEST,
			.length = sizeof(value),
			.kind = IOMMUSIM_DMA_WRITE,
			.data = &value };
		struct iommusim_dma_outcome outcome;

		value++;
		iommusim_dma(traffic->from, &request, &outcome, NULL, 0);
		atomic_fetch_add(&traffic->done, 1);
	}
	return NULL;
}

/* Sleeping, not spinning: under valgrind a thread that spins keeps the others from running. */
static void wait_for_traffic(struct traffic *traffic, uint64_t requests)
{
	const struct timespec moment = { .tv_nsec = 1000 };
	const uint64_t goal = atomic_load(&traffic->done) + requests;

	while (atomic_load(&traffic->done) < goal)
		nanosleep(&moment, NULL);
}

/* When the driver's poll ends nothing reaches the page any more: what was under way is over. */
static void test_nothing_arrives_after_an_invalidation(void **state)
{
	struct traffic traffic = { .end = false };
	pthread_t thread;
	unsigned domain;

	(void)state;
	kernel_boot(&(struct kernel_config){ .preset = NULL });
	traffic.from = requester(DISK);
	domain = start(&vtd_driver, true, DISK);
	assert_int_equal(pthread_create(&thread, NULL, make_traffic, &traffic), 0);
	for (unsigned round = 0; round < 50; round++) {
		uint64_t settled;

		assert_int_equal(vtd_driver.map(domain, GUEST, HOST, VTD_PAGE_SIZE), 0);
		wait_for_traffic(&traffic, 5);
		vtd_driver.unmap(domain, GUEST, VTD_PAGE_SIZE);
		vtd_driver.invalidate(domain);
		settled = memory_at(HOST);
		assert_int_not_equal(settled, 0);
		wait_for_traffic(&traffic, 5);
		assert_int_equal(memory_at(HOST), settled);
	}
	atomic_store(&traffic.end, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	stop(&vtd_driver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_access_is_seen_once_in_order),
		cmocka_unit_test(test_dma_goes_where_it_was_mapped),
		cmocka_unit_test(test_driver_reads_the_fault_records),
		cmocka_unit_test(test_fault_event_reaches_the_driver),
		cmocka_unit_test(test_unmap_needs_invalidation_by_registers),
		cmocka_unit_test(test_unmap_needs_invalidation_by_queue),
		cmocka_unit_test(test_right_under_every_cache_policy),
		cmocka_unit_test(test_queue_wraps),
		cmocka_unit_test(test_two_requesters_two_domains),
		cmocka_unit_test(test_bare_srtp_loses_translation),
		cmocka_unit_test(test_non_coherent_unit_needs_flushes),
		cmocka_unit_test(test_nothing_flushed_is_no_root_entry),
		cmocka_unit_test(test_no_page_left),
		cmocka_unit_test(test_polls_wait_for_a_slow_unit),
		cmocka_unit_test(test_a_poll_of_memory_lets_time_pass),
		cmocka_unit_test(test_nothing_arrives_after_an_invalidation),
	};

	return cmocka_run_group_tests_name("driver", tests, NULL, NULL);
}
