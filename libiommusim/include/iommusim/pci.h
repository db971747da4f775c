/*
 * The PCI functions of a machine: names, bridges, segments, requester ids. A function here is a place
 * on the bus, not a device's behaviour.
 */
#ifndef IOMMUSIM_PCI_H
#define IOMMUSIM_PCI_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A requester id: bus 15:8, device 7:3, function 2:0. */
#define IOMMUSIM_RID(bus, device, function)                                                            \
	((uint16_t)(((bus)&0xff) << 8 | ((device)&0x1f) << 3 | ((function)&7)))
#define IOMMUSIM_RID_BUS(rid)      ((unsigned)(rid) >> 8)
#define IOMMUSIM_RID_DEVICE(rid)   ((unsigned)(rid) >> 3 & 0x1f)
#define IOMMUSIM_RID_FUNCTION(rid) ((unsigned)(rid)&7)

enum iommusim_pci_type {
	IOMMUSIM_PCI_ENDPOINT,
	IOMMUSIM_PCI_BRIDGE,       /* root port or switch port: requester ids pass through it */
	IOMMUSIM_PCI_LEGACY_BRIDGE /* PCI Express to PCI: requests behind it carry secondary:0.0 */
};

/* What a function does, as far as anybody needs to know here. */
enum iommusim_pci_class {
	IOMMUSIM_CLASS_OTHER,
	IOMMUSIM_CLASS_AHCI,
	IOMMUSIM_CLASS_NVME,
	IOMMUSIM_CLASS_NIC,
	IOMMUSIM_CLASS_DISPLAY,
	IOMMUSIM_CLASS_ATS /* an accelerator with ATS */
};

struct iommusim_pci_function {
	uint16_t segment;
	uint16_t rid;
	enum iommusim_pci_type type;
	enum iommusim_pci_class device_class;
	uint8_t secondary_bus;   /* bridges: first bus behind it */
	uint8_t subordinate_bus; /* bridges: last bus behind it */
	char name[32];           /* "ahci0"; may be empty */
	bool no_reset;           /* it has no Function Level Reset (PCI Express 6.6.2) */
	bool keeps_state;        /* through D3hot: No_Soft_Reset (PCI Express 7.5.2.2) */
};

/*
 * Add a function. Returns OK; EINVAL (a bridge whose bus range is empty or holds its own bus); EEXIST
 * (that place is taken); ENOMEM. Which unit governs which function is worked out anew.
 */
IOMMUSIM_API enum iommusim_status iommusim_pci_add(
    struct iommusim_machine *machine, const struct iommusim_pci_function *function);

/* Take a function away, as hot-unplug does. Returns OK or ENOENT. */
IOMMUSIM_API enum iommusim_status iommusim_pci_remove(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/* The function at a place, or NULL. The pointer is good until the function is removed. */
IOMMUSIM_API const struct iommusim_pci_function *iommusim_pci_find(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/* Function number `index` in order of segment and requester id, or NULL beyond the last. */
IOMMUSIM_API const struct iommusim_pci_function *iommusim_pci_at(
    const struct iommusim_machine *machine, size_t index);

/*
 * Does the function at `rid` lie at, or somewhere behind, the bridge at `bridge`? Works from bus
 * numbers, so it also answers for places where no function was added.
 */
IOMMUSIM_API bool iommusim_pci_is_behind(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid, uint16_t bridge);

/* The requester id that DMA of this function carries upstream: its own, or a legacy bridge's. */
IOMMUSIM_API uint16_t iommusim_pci_requester_id(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/* ---- the command register, and resets ------------------------------------------------------- */

/* Bits of the command register (PCI Local Bus 3.0, 6.2.2). The others are kept and mean nothing here. */
#define IOMMUSIM_PCI_COMMAND_MEMORY     UINT16_C(0x0002)
#define IOMMUSIM_PCI_COMMAND_BUS_MASTER UINT16_C(0x0004)

/* What firmware leaves in it: both of the above. A function that is added starts with this. */
#define IOMMUSIM_PCI_COMMAND_AT_BOOT UINT16_C(0x0006)

/* The command register, or all ones where no function is, as a configuration read has it. Control side. */
IOMMUSIM_API uint16_t iommusim_pci_command(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/*
 * Write the command register. With bus-master enable off the function, and what lies behind it if it
 * is a bridge, sends no requests: neither DMA nor message interrupts (dma.h says how that looks); when
 * this returns, none is under way. Returns OK or ENOENT. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_pci_set_command(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid, uint16_t command);

/*
 * Function Level Reset (PCI Express 6.6.2): the command register becomes 0, so that the function is no
 * bus master until software says so again, and its behaviour is told. Returns OK; ENOENT; EOPNOTSUPP for
 * a function without it, to which nothing happens. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_pci_reset(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/*
 * To power state D3hot and back to D0 (PCI Express 5.3.1.4): a function that does not keep its state through it
 * comes back as after a reset. Returns OK; ENOENT; EOPNOTSUPP for one that keeps it. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_pci_power_cycle(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/* May the function at `rid` send requests: its own bus-master enable, and that of the bridges above? */
IOMMUSIM_API bool iommusim_pci_is_bus_master(
    const struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/* What makes a function more than a place. Any of the functions may be NULL. */
struct iommusim_pci_behaviour {
	void *context;
	/* Software wrote the command register. */
	void (*command)(void *context, uint16_t command);
	/* Function Level Reset; the command register is 0 already. */
	void (*reset)(void *context);
	/* The function is leaving the machine, or the machine is going: let go of both. */
	void (*gone)(void *context);
};

/*
 * Give a function its behaviour; NULL takes it away, without a word to it. `behaviour` is copied.
 * Returns OK; ENOENT; EEXIST (it has one). Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_pci_set_behaviour(struct iommusim_machine *machine,
    uint16_t segment, uint16_t rid, const struct iommusim_pci_behaviour *behaviour);

/* The context of a function's behaviour, if `reset` is its; else NULL. Control side. */
IOMMUSIM_API void *iommusim_pci_behaviour_context(const struct iommusim_machine *machine,
    uint16_t segment, uint16_t rid, void (*reset)(void *context));

#ifdef __cplusplus
}
#endif

#endif
