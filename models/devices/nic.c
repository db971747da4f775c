/*
 * The network card: a ring of descriptors each way, a head that is the card's and a tail that is the
 * driver's. A frame that cannot be put anywhere, or whose descriptor cannot be read, is dropped and nobody is
 * told; a done bit says that the card is through with a buffer, not that anything arrived in it.
 */
#include "models/devices/device.h"
#include "models/devices/spec/devices.h"

#include <string.h>

enum { DESCRIPTOR_SIZE = 16, BUFFER = 2048 };

struct ring {
	uint32_t low, high, length, head, tail;
};

struct nic {
	struct iommusim_device device; /* first */
	uint32_t ctrl, icr, mask, rctl, tctl;
	struct ring receive, transmit;
	size_t filled; /* bytes of the frame that is being put together */
	size_t sent;   /* bytes of the last one that went out */
	uint64_t frames;
	uint8_t assembly[IOMMUSIM_FRAME];
	uint8_t frame[IOMMUSIM_FRAME];
};

static struct nic *nic_of(struct iommusim_device *device)
{
	return (struct nic *)device;
}

/* ---- registers ----------------------------------------------------------------------------------- */

/* Where a register of the transmit ring would be, were it the receive ring's: both are laid out alike. */
static uint32_t as_receive(uint32_t offset)
{
	return offset >= nic_TDBAL_at ? offset - (nic_TDBAL_at - nic_RDBAL_at) : offset;
}

static const uint32_t *ring_register(const struct ring *ring, uint32_t offset)
{
	switch (offset) {
	case nic_RDBAL_at:
		return &ring->low;
	case nic_RDBAH_at:
		return &ring->high;
	case nic_RDLEN_at:
		return &ring->length;
	case nic_RDH_at:
		return &ring->head;
	case nic_RDT_at:
		return &ring->tail;
	default:
		return NULL;
	}
}

/* The register of a ring that lies at `offset`; NULL: none does. */
static const uint32_t *find_ring_register(const struct nic *nic, uint32_t offset)
{
	const struct ring *ring = offset >= nic_TDBAL_at ? &nic->transmit : &nic->receive;

	return ring_register(ring, as_receive(offset));
}

static uint32_t take_causes(struct nic *nic)
{
	const uint32_t causes = nic->icr;

	nic->icr = 0; /* reading clears it */
	return causes;
}

static uint32_t read_register(struct iommusim_device *device, uint32_t offset)
{
	struct nic *nic = nic_of(device);
	const uint32_t *ring;

	switch (offset) {
	case nic_CTRL_at:
		return nic->ctrl;
	case nic_STATUS_at:
		return (uint32_t)(nic_STATUS_FD_bits(1) | nic_STATUS_LU_bits(1));
	case nic_ICR_at:
		return take_causes(nic);
	case nic_IMS_at:
		return nic->mask;
	case nic_RCTL_at:
		return nic->rctl;
	case nic_TCTL_at:
		return nic->tctl;
	default:
		ring = find_ring_register(nic, offset);
		return ring == NULL ? 0 : *ring;
	}
}

/* What has gone out is history, and stays. */
static void reset(struct iommusim_device *device)
{
	struct nic *nic = nic_of(device);

	nic->ctrl = nic->icr = nic->mask = nic->rctl = nic->tctl = 0;
	memset(&nic->receive, 0, sizeof(nic->receive));
	memset(&nic->transmit, 0, sizeof(nic->transmit));
	nic->filled = 0;
}

static void write_ring(struct nic *nic, uint32_t offset, uint32_t value)
{
	struct ring *ring = offset >= nic_TDBAL_at ? &nic->transmit : &nic->receive;
	const uint32_t at = as_receive(offset);

	if (at == nic_RDBAL_at)
		ring->low = (uint32_t)nic_RDBAL_BAL_bits(nic_RDBAL_BAL(value));
	else if (at == nic_RDBAH_at)
		ring->high = value;
	else if (at == nic_RDLEN_at)
		ring->length = (uint32_t)nic_RDLEN_LEN_bits(nic_RDLEN_LEN(value));
	else if (at == nic_RDH_at)
		ring->head = (uint32_t)nic_RDH_H(value);
	else if (at == nic_RDT_at)
		ring->tail = (uint32_t)nic_RDT_T(value);
}

static void write_register(struct iommusim_device *device, uint32_t offset, uint32_t value)
{
	struct nic *nic = nic_of(device);

	switch (offset) {
	case nic_CTRL_at:
		if (nic_CTRL_RST(value) != 0)
			reset(device);
		else
			nic->ctrl = value;
		break;
	case nic_IMS_at:
		nic->mask |= value;
		break;
	case nic_IMC_at:
		nic->mask &= ~value;
		break;
	case nic_RCTL_at:
		nic->rctl = value;
		break;
	case nic_TCTL_at:
		nic->tctl = value;
		device_doorbell(device);
		break;
	default:
		if (offset >= nic_RDBAL_at)
			write_ring(nic, offset, value);
		if (offset == nic_TDT_at)
			device_doorbell(device);
		break;
	}
}

/* ---- rings ---------------------------------------------------------------------------------------- */

static uint64_t descriptor_at(const struct ring *ring)
{
	return joined(ring->high, ring->low) + (uint64_t)ring->head * DESCRIPTOR_SIZE;
}

/* Is there a descriptor that the driver has handed over? */
static bool is_ready(const struct ring *ring)
{
	const uint32_t count = ring->length / DESCRIPTOR_SIZE;

	return ring->head != ring->tail && ring->head < count && ring->tail < count;
}

static void write_back(struct nic *nic, struct ring *ring, uint64_t *descriptor)
{
	device_dma(&nic->device, IOMMUSIM_DEVICE_STATUS, IOMMUSIM_DMA_WRITE, descriptor_at(ring),
	    descriptor, DESCRIPTOR_SIZE);
}

static void advance(struct ring *ring)
{
	ring->head = (ring->head + 1) % (ring->length / DESCRIPTOR_SIZE);
}

static void raise(struct nic *nic, uint64_t cause)
{
	nic->icr |= (uint32_t)cause;
	if ((nic->icr & nic->mask) != 0)
		device_interrupt(&nic->device);
}

/* ---- transmission --------------------------------------------------------------------------------- */

/* Nothing of a frame that is too long, or could not be read, goes out; its descriptors are done. */
static void send(struct nic *nic, bool whole)
{
	if (whole) {
		memcpy(nic->frame, nic->assembly, nic->filled);
		nic->sent = nic->filled;
		nic->frames++;
	}
	nic->filled = 0;
	device_done(&nic->device, false);
}

/* The bytes of one descriptor behind those before it. False: they never came, or are too many. */
static bool gather(struct nic *nic, const uint64_t *descriptor)
{
	const size_t length = (size_t)nic_tx_desc_LENGTH(descriptor);

	if (length > sizeof(nic->assembly) - nic->filled)
		return false;
	if (length > 0 &&
	    device_dma(&nic->device, IOMMUSIM_DEVICE_DATA, IOMMUSIM_DMA_READ,
		nic_tx_desc_ADDRESS(descriptor), nic->assembly + nic->filled, length) != DEVICE_MOVED)
		return false;
	nic->filled += length;
	return true;
}

static void transmit(struct iommusim_device *device)
{
	struct nic *nic = nic_of(device);
	struct ring *ring = &nic->transmit;
	bool whole = true;

	while (nic_TCTL_EN(nic->tctl) != 0 && is_ready(ring)) {
		uint64_t descriptor[2];

		if (device_fetch(device, descriptor_at(ring), descriptor, DESCRIPTOR_SIZE) !=
		    DEVICE_MOVED)
			return; /* the card hangs on this descriptor */
		whole &= gather(nic, descriptor);
		if (nic_tx_desc_EOP(descriptor) != 0) {
			send(nic, whole);
			whole = true;
		}
		if (nic_tx_desc_RS(descriptor) != 0) {
			nic_tx_desc_set_DD(descriptor, 1);
			write_back(nic, ring, descriptor);
		}
		advance(ring);
		raise(nic, nic_ICR_TXDW_bits(nic_tx_desc_RS(descriptor)));
	}
}

size_t iommusim_device_sent(const struct iommusim_device *device, void *frame, uint64_t *count)
{
	const struct nic *nic = (const struct nic *)device;

	if (device->config.kind != IOMMUSIM_DEVICE_NIC) {
		*count = 0;
		return 0;
	}
	*count = nic->frames;
	memcpy(frame, nic->frame, nic->sent);
	return nic->sent;
}

/* ---- reception ------------------------------------------------------------------------------------ */

/* One buffer's worth. False: no descriptor, or it could not be read. */
static bool put(struct nic *nic, const uint8_t *bytes, size_t length, bool last)
{
	struct ring *ring = &nic->receive;
	uint64_t descriptor[2];

	if (!is_ready(ring) ||
	    device_fetch(&nic->device, descriptor_at(ring), descriptor, DESCRIPTOR_SIZE) !=
		DEVICE_MOVED)
		return false;
	memcpy(nic->device.chunk, bytes, length);
	device_dma(&nic->device, IOMMUSIM_DEVICE_DATA, IOMMUSIM_DMA_WRITE,
	    nic_rx_desc_ADDRESS(descriptor), nic->device.chunk, length);
	nic_rx_desc_set_LENGTH(descriptor, length);
	nic_rx_desc_set_ERRORS(descriptor, 0);
	nic_rx_desc_set_DD(descriptor, 1);
	nic_rx_desc_set_EOP(descriptor, last);
	write_back(nic, ring, descriptor);
	advance(ring);
	return true;
}

enum iommusim_status iommusim_device_receive(
    struct iommusim_device *device, const void *frame, size_t length)
{
	const uint8_t *bytes = frame;
	struct nic *nic = nic_of(device);
	size_t buffer, done = 0;

	if (device->config.kind != IOMMUSIM_DEVICE_NIC || length == 0 || length > IOMMUSIM_FRAME)
		return machine_fail(device->machine, IOMMUSIM_EINVAL,
		    "a frame has 1 to %u bytes, and a network card receives it", IOMMUSIM_FRAME);
	buffer = BUFFER >> nic_RCTL_BSIZE(nic->rctl);
	while (nic_RCTL_EN(nic->rctl) != 0 && done < length) {
		const size_t part = length - done < buffer ? length - done : buffer;

		if (!put(nic, bytes + done, part, done + part == length))
			break;
		done += part;
	}
	if (done < length) {
		device->counters.dropped++;
		raise(nic, nic_ICR_RXO_bits(nic_RCTL_EN(nic->rctl)));
		return machine_fail(device->machine, IOMMUSIM_ENOENT,
		    "the card dropped the frame: there was no descriptor that it could read");
	}
	device_done(device, false);
	raise(nic, nic_ICR_RXT0_bits(1));
	return IOMMUSIM_OK;
}

const struct device_model device_nic = {
	.kind = IOMMUSIM_DEVICE_NIC,
	.size = sizeof(struct nic),
	.register_size = 0x4000,
	.read = read_register,
	.write = write_register,
	.work = transmit,
	.reset = reset,
};
