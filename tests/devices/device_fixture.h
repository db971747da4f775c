/* A machine without an IOMMU, a device at 3:2.0 with its registers at e0000000h, and a log of its requests. */
#ifndef IOMMUSIM_TESTS_DEVICE_FIXTURE_H
#define IOMMUSIM_TESTS_DEVICE_FIXTURE_H

#include <iommusim/device_driver.h>
#include <iommusim/interrupt.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#define RID  0x0310
#define BAR  UINT64_C(0xe0000000)
#define RAM  UINT64_C(0x1000000) /* 16 MiB from 0 */
#define HOLE UINT64_C(0x2000000) /* no memory here: a read is aborted, a write gets lost */

struct logged {
	enum iommusim_device_purpose purpose;
	enum iommusim_dma_kind kind;
	uint64_t address;
	uint64_t length;
	uint16_t rid;
};

struct fixture {
	struct iommusim_machine *machine;
	struct iommusim_device *device;
	struct iommusim_device_driver *driver; /* NULL before fixture_drive() */
	struct logged log[64];
	unsigned logged;
};

/* `config` may name more than a kind; place and bus are the fixture's. */
void fixture_start(struct fixture *fixture, const struct iommusim_device_config *config);
void fixture_stop(struct fixture *fixture);

/* A driver with its queues at 80000h. */
void fixture_drive(struct fixture *fixture);

uint32_t reg(struct fixture *fixture, uint64_t offset);
void set_reg(struct fixture *fixture, uint64_t offset, uint32_t value);

void put_bytes(struct fixture *fixture, uint64_t address, const void *bytes, size_t length);
void put64(struct fixture *fixture, uint64_t address, uint64_t value);
uint64_t get64(struct fixture *fixture, uint64_t address);

/* A read or write of one piece by the driver. */
enum iommusim_status disk(struct fixture *fixture, bool write, uint64_t sector, uint64_t address,
    uint64_t length, uint64_t *told);

#endif
