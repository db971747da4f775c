/*
 * Devices with behaviour: two disks, a network card and an ATS device, each at a PCI function. They find
 * their work in memory, as their drivers left it there, and all they read and write there is DMA: it goes
 * through the IOMMU, and what becomes of it is part of what their driver sees. What drivers do stands in
 * device_driver.h; registers and structures, with their sources, in models/devices/spec/ and docs/devices.md.
 *
 * Left out: identify and all commands but read, write and what makes queues; native command queuing, port
 * multipliers, more than one port, namespace or I/O queue; power management, error recovery beyond a stop;
 * checksum and VLAN offload, address filters, MSI-X tables; time: a command takes none.
 */
#ifndef IOMMUSIM_DEVICE_H
#define IOMMUSIM_DEVICE_H

#include <iommusim/ats.h>
#include <iommusim/dma.h>
#include <iommusim/pci.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_device;

enum iommusim_device_kind {
	IOMMUSIM_DEVICE_AHCI, /* a disk: command list, PRD tables (Serial ATA AHCI 1.3.1) */
	IOMMUSIM_DEVICE_NVME, /* a disk: queues in memory, PRP lists (NVM Express 1.4) */
	IOMMUSIM_DEVICE_NIC,  /* descriptor rings (Intel 8254x, legacy descriptors) */
	IOMMUSIM_DEVICE_ATS,  /* copies between its own memory and the machine's, with a device-TLB */
	IOMMUSIM_DEVICE_KINDS
};

/* ---- how requests reach the bus -------------------------------------------------------------- */

/* What a request is for. */
enum iommusim_device_purpose {
	IOMMUSIM_DEVICE_FETCH,  /* a command, a descriptor, a list of pages */
	IOMMUSIM_DEVICE_DATA,   /* what somebody wanted moved */
	IOMMUSIM_DEVICE_STATUS, /* how it went: a completion, a done bit */
	IOMMUSIM_DEVICE_FORGED  /* nothing anybody asked for: see `forged_address` */
};

struct iommusim_device_access {
	struct iommusim_requester *requester;
	const struct iommusim_dma_request *request;
	enum iommusim_device_purpose purpose;
	bool
	    ats; /* it is to be made with iommusim_ats_dma(), of which iommusim_ats_summary() tells the rest */
};

/*
 * Makes the requests of a device: a checker judges them on the way, a test counts them. It makes each one,
 * and `outcome` is what became of it. Returns OK; anything else counts as if nothing had been sent.
 */
struct iommusim_device_bus {
	void *context;
	enum iommusim_status (*dma)(void *context, const struct iommusim_device_access *access,
	    struct iommusim_dma_outcome *outcome);
};

/* ---- a device -------------------------------------------------------------------------------- */

#define IOMMUSIM_SECTOR 512u /* bytes; the unit of a disk */

struct iommusim_device_config {
	enum iommusim_device_kind kind;
	uint16_t segment;
	uint16_t rid;  /* its PCI function, which is there already */
	uint64_t base; /* of its registers (BAR 0): a multiple of 4 KiB */
	/* Of a disk's or an ATS device's own memory, in bytes, a multiple of 512; 0: 1 TiB. */
	uint64_t capacity;
	/*
	 * What it holds at first: each 8 bytes are their own offset, little-endian, but for the top 16 bits,
	 * which are 0xd15c ^ `seed`.
	 */
	uint16_t seed;
	struct iommusim_ats_settings ats; /* of an ATS device; with no entries it does without */
	/*
	 * A posted write gets no answer, so a device cannot know that it was blocked, and a disk then reports
	 * success: that is how an AHCI disk is here. One that reports aborts is told all the same (an error
	 * message of its root port, say): an NVMe disk, unless `conceals_aborts`.
	 */
	bool reports_aborts;
	bool conceals_aborts;

	/* Misbehaviour; all 0: none. That it has no reset is its function's (iommusim_pci_function.no_reset). */
	bool dma_after_reset; /* a reset leaves its work, and where it lies, as they were */
	bool has_wrong_rid;
	uint16_t wrong_rid; /* the id that its requests carry instead of its own */
	/*
	 * Its requests carry the ids of phantom functions in turn: this many bits of its function number,
	 * from the top, 0 to 3, vary (PCI Express 7.5.3.3, Phantom Functions Supported).
	 */
	uint8_t phantom_bits;
	/* In FEEx_xxxx: after each piece of work it writes 4 bytes `forged_data` there, a message of its own. */
	uint64_t forged_address;
	uint32_t forged_data;

	/* How its requests reach the bus; `dma` NULL: as they are. Copied. */
	struct iommusim_device_bus bus;
};

/*
 * Give a PCI function this behaviour. Its registers answer at once, with bus mastering as the function has
 * it. It lives until it is destroyed or its function leaves the machine, or the machine goes. Returns OK;
 * EINVAL (the diagnostic says what); ENOENT (no such function); EEXIST (the function has a behaviour, or
 * something else is at `base`); ENOMEM. Control side, like all functions here.
 */
IOMMUSIM_API enum iommusim_status iommusim_device_create(struct iommusim_machine *machine,
    const struct iommusim_device_config *config, struct iommusim_device **device);
IOMMUSIM_API void iommusim_device_destroy(struct iommusim_device *device);

/* The device at a PCI function, or NULL. */
IOMMUSIM_API struct iommusim_device *iommusim_device_at(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/* What it was made with, defaults filled in. As long as it lives. */
IOMMUSIM_API const struct iommusim_device_config *iommusim_device_config(
    const struct iommusim_device *device);
IOMMUSIM_API struct iommusim_machine *iommusim_device_machine(const struct iommusim_device *device);

/* Its requester; with phantom functions, the first of them. */
IOMMUSIM_API struct iommusim_requester *iommusim_device_requester(const struct iommusim_device *device);

/* "ahci", "nvme", "nic", "ats". Static. */
IOMMUSIM_API const char *iommusim_device_kind_name(enum iommusim_device_kind kind);

/*
 * Where its message interrupts go (the MSI capability); `address` 0: nowhere, as after a reset. EINVAL: not
 * a multiple of 4 in FEEx_xxxx.
 */
IOMMUSIM_API enum iommusim_status iommusim_device_set_message(
    struct iommusim_device *device, uint64_t address, uint32_t data);

/*
 * Software turns ATS on or off (E of the ATS capability); it is off at first and after a reset. EINVAL: not
 * an ATS device, or one without entries; ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_device_set_ats(struct iommusim_device *device, bool on);

/*
 * A device that is held takes note of doorbells but does nothing: work piles up, as between any two moments
 * of a slow one. iommusim_device_run() lets it do all there is, held or not; it returns the requests made.
 */
IOMMUSIM_API void iommusim_device_hold(struct iommusim_device *device, bool held);
IOMMUSIM_API uint64_t iommusim_device_run(struct iommusim_device *device);

/* Since it was made. */
struct iommusim_device_counters {
	uint64_t requests;        /* DMA, messages excluded */
	uint64_t requests_failed; /* of these, the ones of which not every byte was moved */
	uint64_t commands;        /* read, write, a frame: done, however well */
	uint64_t commands_failed; /* of these, the ones whose driver is told that they failed */
	uint64_t interrupts;      /* messages that were sent and not blocked */
	uint64_t interrupts_failed;
	uint64_t resets; /* that it obeyed */
	uint64_t
	    dropped; /* NIC: frames that found no descriptor, or whose descriptor could not be read */
};
IOMMUSIM_API void iommusim_device_counters(
    const struct iommusim_device *device, struct iommusim_device_counters *counters);

/* ---- what it holds ---------------------------------------------------------------------------- */

/* A disk's or an ATS device's own memory. OK; EINVAL (beyond its end, or a NIC); ENOMEM (then part of it
 * may have been written). */
IOMMUSIM_API enum iommusim_status iommusim_device_read(
    struct iommusim_device *device, uint64_t offset, void *buffer, size_t length);
IOMMUSIM_API enum iommusim_status iommusim_device_write(
    struct iommusim_device *device, uint64_t offset, const void *buffer, size_t length);

/* ---- the wire of a NIC ------------------------------------------------------------------------- */

#define IOMMUSIM_FRAME 16384u /* bytes of a frame at most */

/*
 * A frame comes in, of 1 to IOMMUSIM_FRAME bytes. Returns OK when descriptors were there and could be read,
 * whether or not the frame reached memory: that nobody knows; ENOENT: it was dropped; EINVAL.
 */
IOMMUSIM_API enum iommusim_status iommusim_device_receive(
    struct iommusim_device *device, const void *frame, size_t length);

/* The last frame that went out, and how many did: its length, 0 before the first. `frame` has room. */
IOMMUSIM_API size_t iommusim_device_sent(
    const struct iommusim_device *device, void *frame, uint64_t *count);

#ifdef __cplusplus
}
#endif

#endif
