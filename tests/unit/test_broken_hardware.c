/* Hardware that is broken on purpose: registers that read otherwise, memory that is gone for hardware, messages that get lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iommusim/dma.h>
#include <iommusim/interrupt.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>

#define REGISTERS UINT64_C(0xfe000000)
#define RAM       UINT64_C(0x100000)
#define DEVICE    IOMMUSIM_RID(3, 0, 0)

static struct iommusim_machine *make(void)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_add(machine, 0, RAM, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	return machine;
}

static uint64_t reads_as_ones(void *context, uint64_t offset, unsigned width)
{
	(void)context;
	(void)offset;
	(void)width;
	return UINT64_MAX;
}

static void loses_writes(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	(void)context;
	(void)offset;
	(void)width;
	(void)value;
}

static uint64_t clears_bit_4(void *context, uint64_t address, unsigned width, uint64_t value)
{
	unsigned *count = context;

	assert_int_equal(address, REGISTERS + 8);
	assert_int_equal(width, 4);
	++*count;
	return value & ~UINT64_C(0x10);
}

static void sees(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	(void)address;
	(void)width;
	(void)is_write;
	*(uint64_t *)context = value;
}

static void a_read_gives_what_the_tamperer_makes_of_it(void **state)
{
	const struct iommusim_mmio_region region = {
		.base = REGISTERS, .length = 4096, .read = reads_as_ones, .write = loses_writes
	};
	unsigned count = 0;
	uint64_t seen = 0, value;
	const struct iommusim_mmio_tamper tamper = { &count, clears_bit_4 };
	const struct iommusim_mmio_watcher watcher = { &seen, sees };
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(iommusim_mmio_attach(machine, &region), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_watch(machine, &watcher), IOMMUSIM_OK);
	iommusim_mmio_set_tamper(machine, &tamper);
	assert_int_equal(iommusim_mmio_read(machine, REGISTERS + 8, 4, &value), IOMMUSIM_OK);
	assert_int_equal(value, 0xffffffef);
	assert_int_equal(seen, 0xffffffef);
	assert_int_equal(count, 1);
	iommusim_mmio_set_tamper(machine, NULL);
	assert_int_equal(iommusim_mmio_read(machine, REGISTERS + 8, 4, &value), IOMMUSIM_OK);
	assert_int_equal(value, 0xffffffff);
	assert_int_equal(count, 1);
	iommusim_machine_destroy(machine);
}

static bool dma_reaches(
    struct iommusim_requester *device, enum iommusim_dma_kind kind, uint64_t address)
{
	uint64_t value = UINT64_C(0x1122334455667788);
	const struct iommusim_dma_request request = {
		.address = address, .length = sizeof(value), .kind = kind, .data = &value
	};
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, outcome.page.bus_error ? 0 : 8);
	return !outcome.page.bus_error;
}

static void broken_memory_is_gone_for_hardware_alone(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_requester *device;
	uint64_t value = 7;

	(void)state;
	assert_int_equal(iommusim_requester_create(machine, 0, DEVICE, &device), IOMMUSIM_OK);
	assert_true(dma_reaches(device, IOMMUSIM_DMA_WRITE, 0x5000));
	assert_int_equal(iommusim_memory_set_broken(machine, 0x5000, 0x1000, true), IOMMUSIM_OK);
	assert_false(dma_reaches(device, IOMMUSIM_DMA_WRITE, 0x5000));
	assert_false(dma_reaches(device, IOMMUSIM_DMA_READ, 0x5ff8));
	assert_true(dma_reaches(device, IOMMUSIM_DMA_READ, 0x4ff8));
	assert_true(dma_reaches(device, IOMMUSIM_DMA_READ, 0x6000));
	assert_int_equal(iommusim_memory_read(machine, 0x5000, &value, sizeof(value)), IOMMUSIM_OK);
	assert_int_equal(value, UINT64_C(0x1122334455667788));
	assert_int_equal(iommusim_memory_set_broken(machine, 0x5000, 0x1000, false), IOMMUSIM_OK);
	assert_true(dma_reaches(device, IOMMUSIM_DMA_WRITE, 0x5000));

	assert_int_equal(iommusim_memory_set_broken(machine, 0x5001, 0x1000, true), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_memory_set_broken(machine, 0x5000, 0, true), IOMMUSIM_EINVAL);
	for (uint64_t i = 0; i < 16; i++)
		assert_int_equal(
		    iommusim_memory_set_broken(machine, i * 0x2000, 0x1000, true), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_set_broken(machine, 0x30000, 0x1000, true), IOMMUSIM_ENOMEM);
	assert_int_equal(iommusim_memory_set_broken(machine, 0, RAM, false), IOMMUSIM_OK);
	assert_true(dma_reaches(device, IOMMUSIM_DMA_WRITE, 0x2000));
	iommusim_machine_destroy(machine);
}

static void messages_are_lost_on_purpose(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_interrupt message;
	struct iommusim_requester *device;
	struct iommusim_fault fault;

	(void)state;
	assert_int_equal(iommusim_requester_create(machine, 0, DEVICE, &device), IOMMUSIM_OK);
	iommusim_interrupt_lose(machine, 2);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(
		    iommusim_requester_interrupt(device, 0xfee00000, i, NULL, &fault), IOMMUSIM_OK);
	assert_int_equal(iommusim_interrupt_lost(machine), 2);
	assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_OK);
	assert_int_equal(message.data, 2);
	assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_ENOENT);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_gives_what_the_tamperer_makes_of_it),
		cmocka_unit_test(broken_memory_is_gone_for_hardware_alone),
		cmocka_unit_test(messages_are_lost_on_purpose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
