/*
 * What software and devices do on a machine's bus, one call each and always with success: registers, quadwords of
 * memory, a page of DMA, messages. The fixtures of the models are made of it; it knows no model.
 */
#ifndef IOMMUSIM_TESTS_BUS_H
#define IOMMUSIM_TESTS_BUS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iommusim/dma.h>
#include <iommusim/interrupt.h>
#include <iommusim/machine.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

/* A register of 1 to 8 bytes. */
static inline uint64_t bus_get(struct iommusim_machine *machine, uint64_t address, unsigned width)
{
	uint64_t value = 0;

	assert_int_equal(iommusim_mmio_read(machine, address, width, &value), IOMMUSIM_OK);
	return value;
}

static inline void bus_set(
    struct iommusim_machine *machine, uint64_t address, unsigned width, uint64_t value)
{
	assert_int_equal(iommusim_mmio_write(machine, address, width, value), IOMMUSIM_OK);
}

/* A quadword of memory; stored, it is flushed too. */
static inline uint64_t bus_load(struct iommusim_machine *machine, uint64_t address)
{
	uint64_t value = 0;

	assert_int_equal(iommusim_memory_read(machine, address, &value, sizeof(value)), IOMMUSIM_OK);
	return value;
}

static inline void bus_store(struct iommusim_machine *machine, uint64_t address, uint64_t value)
{
	assert_int_equal(iommusim_memory_write(machine, address, &value, sizeof(value)), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_flush(machine, address, sizeof(value)), IOMMUSIM_OK);
}

/* A request that is inside one page, whatever it is: everything iommusim_dma() says of it. */
static inline struct iommusim_dma_page bus_request(
    struct iommusim_requester *requester, const struct iommusim_dma_request *request)
{
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(requester, request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page_count, 1);
	return outcome.page;
}

/* The same of up to 4 KiB, which moves zeroes. */
static inline struct iommusim_dma_page bus_access(struct iommusim_requester *requester,
    enum iommusim_dma_kind kind, uint64_t address, uint64_t length)
{
	uint8_t data[0x1000] = { 0 };
	const struct iommusim_dma_request request = {
		.address = address, .length = length, .kind = kind, .data = data
	};

	assert_true(length <= sizeof(data));
	return bus_request(requester, &request);
}

/* Its fault reason or event code, 0 when it went through; and where it ends up, for it must not fault. */
static inline unsigned bus_reason(
    struct iommusim_requester *requester, enum iommusim_dma_kind kind, uint64_t address)
{
	const struct iommusim_dma_page page = bus_access(requester, kind, address, 8);

	assert_int_equal(page.faulted, page.fault.class_ != IOMMUSIM_FAULT_NONE);
	return page.fault.reason;
}

static inline uint64_t bus_output(struct iommusim_requester *requester, uint64_t address)
{
	const struct iommusim_dma_page page = bus_access(requester, IOMMUSIM_DMA_READ, address, 8);

	assert_false(page.faulted);
	return page.physical;
}

/* The only message there is; and that there is none. */
static inline struct iommusim_interrupt bus_only_message(struct iommusim_machine *machine)
{
	struct iommusim_interrupt message;

	assert_int_equal(iommusim_interrupt_pending(machine), 1);
	assert_int_equal(iommusim_interrupt_take(machine, &message), IOMMUSIM_OK);
	return message;
}

static inline void bus_no_message(struct iommusim_machine *machine)
{
	assert_int_equal(iommusim_interrupt_pending(machine), 0);
}

#endif
