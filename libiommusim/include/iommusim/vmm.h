/*
 * The hypervisor's side: what FreeBSD's vmm does with an IOMMU, call by call. Domains, mappings, VMs
 * with their memory, passthrough devices, and the sysctls a person would look at. It reaches hardware
 * only through iommu_ops; the built-in backend in turn only through registers and memory.
 *
 * Control side only: the caller serialises.
 */
#ifndef IOMMUSIM_VMM_H
#define IOMMUSIM_VMM_H

#include <iommusim/machine.h>
#include <iommusim/ops.h>
#include <iommusim/profile.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_vmm;
struct iommusim_vm;
struct iommusim_domain;

/* What vmm asks the processor: decides which backend iommu_init picks. */
enum iommusim_cpu { IOMMUSIM_CPU_INTEL, IOMMUSIM_CPU_AMD, IOMMUSIM_CPU_OTHER };

struct iommusim_vmm_config {
	const char
	    *profile; /* by name, as iommusim_profile_exists() takes it; copied; NULL: "reference" */
	enum iommusim_cpu cpu;
	/* Another driver instead of the built-in backends; copied, NULL: built-in. */
	const struct iommusim_ops *ops;
	void *ops_context;
};

/*
 * Load vmm on a machine whose memory is there already (pages for tables and guests come from it).
 * Returns OK, EINVAL, ENOENT (profile), ENOMEM. Destroy it before the machine.
 */
IOMMUSIM_API enum iommusim_status iommusim_vmm_create(struct iommusim_machine *machine,
    const struct iommusim_vmm_config *config, struct iommusim_vmm **vmm);

/* Free everything without touching hardware, as a power cut does. NULL is allowed. */
IOMMUSIM_API void iommusim_vmm_destroy(struct iommusim_vmm *vmm);

IOMMUSIM_API struct iommusim_machine *iommusim_vmm_machine(const struct iommusim_vmm *vmm);
IOMMUSIM_API const struct iommusim_profile *iommusim_vmm_profile(const struct iommusim_vmm *vmm);

/* Unload the module: disable, destroy the host domain, cleanup. EBUSY while a VM exists. */
IOMMUSIM_API enum iommusim_status iommusim_vmm_unload(struct iommusim_vmm *vmm);

/* ---- sysctls and tunables -------------------------------------------------------------------- */

/*
 * hw.vmm.iommu.enable, hw.vmm.iommu.initialized (read-only), hw.vmm.ppt.devices (read-only),
 * hw.vmm.amdvi.enable, hw.vmm.force_iommu, hw.dmar.enable, vtd.regmap.0.addr, vtd.regmap.1.addr. What is to count
 * at boot is set before the first call that is neither a device's nor a sysctl's. Returns OK, ENOENT, EINVAL
 * (read-only).
 */
IOMMUSIM_API enum iommusim_status iommusim_sysctl_get(
    const struct iommusim_vmm *vmm, const char *name, uint64_t *value);
IOMMUSIM_API enum iommusim_status iommusim_sysctl_set(
    struct iommusim_vmm *vmm, const char *name, uint64_t value);
/* Name of sysctl number `index`, NULL beyond the last. */
IOMMUSIM_API const char *iommusim_sysctl_name(size_t index);

/* Line number `index` that vmm printed to the console, without a newline; NULL beyond the last. */
IOMMUSIM_API const char *iommusim_vmm_message(const struct iommusim_vmm *vmm, size_t index);

/* ---- the IOMMU layer (io/iommu.c) -------------------------------------------------------------- */

/* Why hw.vmm.iommu.initialized is what it is. */
enum iommusim_init_outcome {
	IOMMUSIM_INIT_NOT_REACHED, /* nothing asked for the IOMMU yet: 0 is normal */
	IOMMUSIM_INIT_DONE,        /* 1 */
	IOMMUSIM_INIT_DISABLED,    /* hw.vmm.iommu.enable=0, or AMD-Vi without hw.vmm.amdvi.enable=1 */
	IOMMUSIM_INIT_UNKNOWN_CPU, /* neither Intel nor AMD */
	IOMMUSIM_INIT_NO_TABLE,    /* no DMAR (IVRS) table */
	IOMMUSIM_INIT_BAD_TABLE,   /* the table cannot be read */
	IOMMUSIM_INIT_NO_UNIT,     /* the table names no unit, or none before the parser stopped */
	IOMMUSIM_INIT_NO_HARDWARE, /* the table names a unit, nothing answers at its registers */
	IOMMUSIM_INIT_UNSUPPORTED, /* a unit the backend refuses (CM=1, no common address width) */
	IOMMUSIM_INIT_TAKEN,       /* another driver has the hardware */
	IOMMUSIM_INIT_FAILED       /* the driver's init returned an error of its own */
};

struct iommusim_init_report {
	enum iommusim_init_outcome outcome;
	enum iommusim_status status; /* what ops->init returned, OK when it was not called */
	bool told;                   /* vmm printed a line about it */
	bool table_found;
	const char *table; /* its signature, "DMAR"; NULL: not found */
	bool table_checksum_ok;
	uint32_t table_length;
	uint32_t units_named; /* DRHDs in the whole table */
	uint32_t units_used;  /* of these, the ones the backend took */
	char text[256];       /* one sentence: what happened and where it stopped */
	char advice[192];     /* one sentence: what a person can do about it; may be empty */
};

IOMMUSIM_API void iommusim_init_report(
    const struct iommusim_vmm *vmm, struct iommusim_init_report *report);

/* "not reached", "disabled", ... Static storage. */
IOMMUSIM_API const char *iommusim_init_outcome_name(enum iommusim_init_outcome outcome);

/*
 * The wrappers every caller in vmm goes through. They do what the profile says when there is no usable
 * IOMMU: pretend success, or return EOPNOTSUPP. Lengths are multiples of 4 KiB.
 *
 * create_domain runs iommu_init the first time. Its domain is the caller's until destroyed. ENXIO:
 * there is no usable IOMMU.
 */
IOMMUSIM_API enum iommusim_status iommusim_iommu_init(struct iommusim_vmm *vmm);
IOMMUSIM_API enum iommusim_status iommusim_iommu_enable(struct iommusim_vmm *vmm);
IOMMUSIM_API enum iommusim_status iommusim_iommu_disable(struct iommusim_vmm *vmm);
IOMMUSIM_API enum iommusim_status iommusim_iommu_create_domain(
    struct iommusim_vmm *vmm, uint64_t max_address, struct iommusim_domain **domain);
IOMMUSIM_API enum iommusim_status iommusim_iommu_destroy_domain(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain);
IOMMUSIM_API enum iommusim_status iommusim_iommu_create_mapping(struct iommusim_vmm *vmm,
    struct iommusim_domain *domain, uint64_t gpa, uint64_t hpa, uint64_t length);
/*
 * Map `count` pages of 4 KiB from `gpa` on, each to the host address of its number in `pages`: a scatter list. It is
 * what iommusim_iommu_create_mapping() of one page after the other is, by one call: the same tables, the same errors,
 * and it ends at the first page that fails. `*mapped` (NULL: not asked for) is how many were done before that one: its
 * place in the list, and `count` when all went well. What is mapped stays so. Nothing is rounded, merged or sorted;
 * a page may stand in the list more than once. Whoever listens, and a checker, meets a call for each page.
 * Returns OK (also for no pages at all), EINVAL (an address that is no multiple of 4 KiB, or at the end of all
 * addresses), ENOMEM (no page for a table), and whatever create_mapping returns.
 */
IOMMUSIM_API enum iommusim_status iommusim_iommu_create_mapping_list(struct iommusim_vmm *vmm,
    struct iommusim_domain *domain, uint64_t gpa, const uint64_t *pages, size_t count, size_t *mapped);
IOMMUSIM_API enum iommusim_status iommusim_iommu_remove_mapping(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length);
IOMMUSIM_API enum iommusim_status iommusim_iommu_add_device(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint16_t segment, uint16_t rid);
IOMMUSIM_API enum iommusim_status iommusim_iommu_remove_device(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint16_t segment, uint16_t rid);
IOMMUSIM_API enum iommusim_status iommusim_iommu_invalidate_tlb(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain);

/* The host domain, NULL before initialisation and after unload. */
IOMMUSIM_API struct iommusim_domain *iommusim_host_domain(const struct iommusim_vmm *vmm);
/* "host", the VM's name, or "dom1", "dom2", ... for domains a caller made. */
IOMMUSIM_API const char *iommusim_domain_name(const struct iommusim_domain *domain);
IOMMUSIM_API uint64_t iommusim_domain_max_address(const struct iommusim_domain *domain);
/* Domain number `index` in order of creation; NULL beyond the last. */
IOMMUSIM_API struct iommusim_domain *iommusim_domain_at(const struct iommusim_vmm *vmm, size_t index);

/* ---- devices (io/ppt.c, PCI bus events) ------------------------------------------------------- */

enum iommusim_driver { IOMMUSIM_DRIVER_HOST, IOMMUSIM_DRIVER_PPT, IOMMUSIM_DRIVER_NONE };

/*
 * A PCI function of the machine (pci.h) gets a driver, as at boot. Returns OK, ENOENT (no such
 * function), EEXIST (it has one), ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_device_attach(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid, enum iommusim_driver driver);
IOMMUSIM_API enum iommusim_status iommusim_device_driver(
    const struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid, enum iommusim_driver *driver);

/* Bus events for a function that came, or goes, while the system runs. ENOENT: not on the machine. */
IOMMUSIM_API enum iommusim_status iommusim_pci_device_added(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid);
IOMMUSIM_API enum iommusim_status iommusim_pci_device_deleted(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid);

/*
 * ppt takes a function over (`devctl set driver DEV ppt`), from the host's driver if that has it, and out of the host
 * domain unless the profile keeps idle devices there; or it lets go of one (`devctl detach`), which then has no driver,
 * its bus mastering as the profile says (column command), and is in the host domain, if there is one, as a function is
 * that comes (column hotplug). Return OK, ENOMEM, or what add or remove_device of the backend returned; attach: ENOENT
 * (no such function), EEXIST (ppt has it); detach: ENXIO (ppt does not have it), EBUSY (a VM has it). When detach
 * fails in the backend ppt keeps the function, no longer a bus master.
 */
IOMMUSIM_API enum iommusim_status iommusim_ppt_attach(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid);
IOMMUSIM_API enum iommusim_status iommusim_ppt_detach(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid);

/* ---- virtual machines (vmm.c) --------------------------------------------------------------- */

struct iommusim_vm_memory {
	/* bytes, a multiple of 4 KiB: guest addresses 0 to 3 GiB, the rest from 4 GiB */
	uint64_t size;
	uint64_t seed;   /* host pages are scattered by it, in runs of 64 KiB */
	bool contiguous; /* one run of host pages instead */
	bool unwired; /* the host may page it out (bhyve without -S): vmm maps none of it for devices */
};

/* Returns OK, EINVAL (empty or long name, or "host"), EEXIST, ENOMEM. `vm` may be NULL. */
IOMMUSIM_API enum iommusim_status iommusim_vm_create(
    struct iommusim_vmm *vmm, const char *name, struct iommusim_vm **vm);
/* Unassign all devices, destroy the domain, give the memory back. */
IOMMUSIM_API enum iommusim_status iommusim_vm_destroy(struct iommusim_vm *vm);
/* Give a VM its memory. Once. EEXIST, EINVAL, ENOMEM (not enough host memory). */
IOMMUSIM_API enum iommusim_status iommusim_vm_setup_memory(
    struct iommusim_vm *vm, const struct iommusim_vm_memory *memory);
/* ENXIO: no usable IOMMU, or no ppt device there; EBUSY: assigned to another VM. */
IOMMUSIM_API enum iommusim_status iommusim_vm_assign_pptdev(
    struct iommusim_vm *vm, uint16_t segment, uint16_t rid);
IOMMUSIM_API enum iommusim_status iommusim_vm_unassign_pptdev(
    struct iommusim_vm *vm, uint16_t segment, uint16_t rid);

IOMMUSIM_API struct iommusim_vm *iommusim_vm_find(const struct iommusim_vmm *vmm, const char *name);
IOMMUSIM_API struct iommusim_vm *iommusim_vm_at(const struct iommusim_vmm *vmm, size_t index);
IOMMUSIM_API const char *iommusim_vm_name(const struct iommusim_vm *vm);
IOMMUSIM_API uint64_t iommusim_vm_memory_size(const struct iommusim_vm *vm);
/* Its domain, NULL while no device was ever assigned. */
IOMMUSIM_API struct iommusim_domain *iommusim_vm_domain(const struct iommusim_vm *vm);
/*
 * The host address behind a guest address, and how many bytes from there lie in a row (`run` may be
 * NULL). Returns OK or ENOENT (no memory at that guest address).
 */
IOMMUSIM_API enum iommusim_status iommusim_vm_gpa_to_hpa(
    const struct iommusim_vm *vm, uint64_t gpa, uint64_t *hpa, uint64_t *run);
/* The VM a ppt device is assigned to, or NULL. */
IOMMUSIM_API struct iommusim_vm *iommusim_vm_of_device(
    const struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid);

/* ---- I/O of the host for a guest ------------------------------------------------------------------ */

/*
 * One transfer that a device of the host makes for a VM: bhyve reading a raw disk into guest memory. The profile
 * says where it goes: the guest's own pages, or a buffer of the host's and a copy (host_pages: bounce). The
 * members are the library's.
 */
struct iommusim_host_io {
	struct iommusim_vm *vm;
	uint64_t gpa;
	uint64_t length;
	uint64_t *buffer; /* host addresses of 64 KiB each; NULL: the guest's pages */
	size_t buffer_count;
	bool into_guest;
};

/*
 * Begin one over [gpa, gpa + length), in bytes. End it before the VM goes. OK, EINVAL (not all guest memory),
 * ENOMEM; `*io` needs no end after those.
 */
IOMMUSIM_API enum iommusim_status iommusim_host_io_begin(struct iommusim_vm *vm, uint64_t gpa,
    uint64_t length, bool into_guest, struct iommusim_host_io *io);
/* The host address for byte `offset` below its length, and how many bytes from there lie in a row. */
IOMMUSIM_API void iommusim_host_io_address(
    const struct iommusim_host_io *io, uint64_t offset, uint64_t *hpa, uint64_t *run);
/* The device is done and moved so many bytes, the first ones. */
IOMMUSIM_API void iommusim_host_io_end(struct iommusim_host_io *io, uint64_t moved);
/* Bytes that were copied for such I/O since vmm was loaded. */
IOMMUSIM_API uint64_t iommusim_vmm_bounced(const struct iommusim_vmm *vmm);

/* ---- listening: for checkers and recorders ------------------------------------------------------ */

/* The calls above, and the ones they make of each other. */
enum iommusim_call_kind {
	IOMMUSIM_CALL_IOMMU_INIT,
	IOMMUSIM_CALL_IOMMU_ENABLE,
	IOMMUSIM_CALL_IOMMU_DISABLE,
	IOMMUSIM_CALL_CREATE_DOMAIN,
	IOMMUSIM_CALL_DESTROY_DOMAIN,
	IOMMUSIM_CALL_CREATE_MAPPING,
	IOMMUSIM_CALL_REMOVE_MAPPING,
	IOMMUSIM_CALL_ADD_DEVICE,
	IOMMUSIM_CALL_REMOVE_DEVICE,
	IOMMUSIM_CALL_INVALIDATE_TLB,
	IOMMUSIM_CALL_DEVICE_ATTACH,
	IOMMUSIM_CALL_PCI_ADD_DEVICE,
	IOMMUSIM_CALL_PCI_DELETE_DEVICE,
	IOMMUSIM_CALL_PPT_ATTACH,
	IOMMUSIM_CALL_PPT_DETACH,
	IOMMUSIM_CALL_VM_CREATE,
	IOMMUSIM_CALL_VM_DESTROY,
	IOMMUSIM_CALL_VM_SETUP_MEMORY,
	IOMMUSIM_CALL_VM_ASSIGN_PPTDEV,
	IOMMUSIM_CALL_VM_UNASSIGN_PPTDEV,
	IOMMUSIM_CALL_SYSCTL_SET,
	IOMMUSIM_CALL_VMM_UNLOAD,
	IOMMUSIM_CALL_KINDS
};

/* One call. Members that the kind does not use are 0. */
struct iommusim_call {
	enum iommusim_call_kind kind;
	unsigned depth; /* 0: made by the caller of the library; more: made by vmm itself */
	enum iommusim_status status; /* when it has ended */
	struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	const char *name; /* VM or sysctl */
	uint64_t address; /* guest (domain) address, or the domain's max_address */
	uint64_t host_address;
	uint64_t length;
	uint64_t value; /* sysctl value; seed of a memory set-up */
	uint16_t segment;
	uint16_t rid;
	bool contiguous;
	bool unwired;
	enum iommusim_driver driver;
};

/*
 * Told of every call when it begins and when it has ended, calls within calls included, except the
 * mappings of single pages that vmm makes in bulk (the ops see those). Either function may be NULL. A
 * listener must not call back into vmm's own calls.
 */
struct iommusim_listener {
	void *context;
	void (*begin)(void *context, const struct iommusim_call *call);
	void (*end)(void *context, const struct iommusim_call *call);
};

IOMMUSIM_API enum iommusim_status iommusim_vmm_listen(
    struct iommusim_vmm *vmm, const struct iommusim_listener *listener);
IOMMUSIM_API void iommusim_vmm_unlisten(struct iommusim_vmm *vmm, const void *context);

/* "iommu_create_mapping", "vm_assign_pptdev", ...: the names traces use. */
IOMMUSIM_API const char *iommusim_call_name(enum iommusim_call_kind kind);

#ifdef __cplusplus
}
#endif

#endif
