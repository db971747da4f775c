/* What the software side is made of. Private to libiommusim/vmm; check sees it through interpose.h. */
#ifndef IOMMUSIM_VMM_STATE_H
#define IOMMUSIM_VMM_STATE_H

#include <iommusim/vmm.h>

#include "machine/state.h"
#include "vmm/interpose.h"
#include "vmm/pages.h"
#include "vmm/policy.h"
#include "vmm/row.h"

#define VMM_NAME_LENGTH 40u

/* The bits of a physical address that a page can begin at. */
#define PAGE_ADDRESSES (((UINT64_C(1) << IOMMUSIM_PHYSICAL_BITS) - 1) & ~(IOMMUSIM_PAGE_SIZE - 1))

struct iommusim_domain {
	struct leaf_window window;
	/* Although it is closed, calls for so many pages of it go by it, and are noted there. */
	uint64_t row_pages;
	struct vmm_row *row;
	TAILQ_ENTRY(iommusim_domain) link;
	struct iommusim_vmm *vmm;
	void *handle; /* the ops' own */
	uint64_t max_address;
	unsigned gathered; /* removals that are not invalidated yet (policy invalidate) */
	char name[VMM_NAME_LENGTH];
};
TAILQ_HEAD(domain_list, iommusim_domain);

/* A PCI function with a driver. */
struct vmm_device {
	TAILQ_ENTRY(vmm_device) link;
	struct iommusim_vm *vm; /* ppt: assigned to */
	uint16_t segment;
	uint16_t rid;
	enum iommusim_driver driver;
	bool in_host_domain;
	/* known only because the host domain was filled: no driver ever asked for it */
	bool scanned;
	bool announced; /* a bus event brought it: the host has it until a driver asks for it */
};
TAILQ_HEAD(device_list, vmm_device);

struct iommusim_vm {
	TAILQ_ENTRY(iommusim_vm) link;
	struct iommusim_vmm *vmm;
	struct iommusim_domain *domain;
	uint64_t size;
	uint64_t *clusters; /* host address of each 64 KiB of guest memory */
	size_t cluster_count;
	bool mapped; /* its memory is in its domain */
	bool wired;
	char name[VMM_NAME_LENGTH];
};
TAILQ_HEAD(vm_list, iommusim_vm);

enum vmm_sysctl {
#define SYSCTL(id, name, initial, writable) SYSCTL_##id,
#include "vmm/sysctls.def"
#undef SYSCTL
	SYSCTL_COUNT
};

struct iommusim_vmm {
	struct iommusim_machine *machine;
	const struct iommusim_profile *profile; /* one of the table, or `varied` */
	struct iommusim_profile varied;
	char profile_name[IOMMUSIM_PROFILE_NAME]; /* of `varied` */
	enum iommusim_cpu cpu;
	bool foreign_ops; /* the caller's ops instead of a built-in backend */
	struct iommusim_ops ops;
	void *ops_context;
	bool ops_chosen;
	bool direct; /* they are a built-in backend's, and nobody stands between */
	unsigned
	    gathered_most; /* removals that wait for an invalidation of their own; 0: they get none */
	struct vmm_interposer interposers[VMM_INTERPOSERS];
	/* the built-in backends, once they were needed */
	struct vtd_driver *vtd;
	struct amdvi_driver *amdvi;
	bool booted;   /* the host's own IOMMU driver had its chance */
	bool reserved; /* memory that is firmware's is set aside */
	bool loaded;   /* anything but the boot has happened */
	bool init_tried;
	bool available; /* hw.vmm.iommu.initialized */
	bool panicked;
	struct iommusim_init_report init_report;
	struct iommusim_domain *host;
	uint64_t bounced; /* bytes copied for host I/O (policy host_pages) */
	struct domain_list domains;
	unsigned domains_made;
	char next_domain_name[VMM_NAME_LENGTH]; /* empty: "dom" and a number */
	struct device_list devices;
	struct vm_list vms;
	uint64_t sysctls[SYSCTL_COUNT];
	char **messages;
	size_t message_count;
	size_t message_capacity;
	struct iommusim_listener *listeners;
	size_t listener_count;
	size_t listener_capacity;
	unsigned depth;
	struct pages pages;
};

static inline enum policy_value vmm_policy(const struct iommusim_vmm *vmm, enum policy_column column)
{
	return profile_value(vmm->profile, column);
}

/* driver.c: the table that a built-in backend's domain used last. False: it can show none. */
bool vmm_domain_window(const void *backend_handle, struct leaf_window *window);
/* The same although stores are watched: whoever watches them makes up for it. */
bool vmm_domain_leaves(const void *backend_handle, struct leaf_window *window);

/* vmm.c */
void vmm_print(struct iommusim_vmm *vmm, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The simulated kernel panics: a message, and nothing works from here on. Returns EFAULT. */
enum iommusim_status vmm_panic(struct iommusim_vmm *vmm, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A broken precondition: a panic or `status`, as the profile says. */
enum iommusim_status vmm_violation(struct iommusim_vmm *vmm, enum iommusim_status status,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A call begins; listeners are told. A panicked kernel answers EFAULT to everything. */
enum iommusim_status vmm_call_begin(struct iommusim_vmm *vmm, struct iommusim_call *call);
enum iommusim_status vmm_call_end(
    struct iommusim_vmm *vmm, struct iommusim_call *call, enum iommusim_status status);
/* A call of this kind about a PCI function, which `act` carries out. */
enum iommusim_status vmm_call_about(struct iommusim_vmm *vmm, enum iommusim_call_kind kind,
    uint16_t segment, uint16_t rid,
    enum iommusim_status (*act)(struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid));

/* iommu.c: vmm is loaded now, if it was not: some profiles initialise the IOMMU then, and only then. */
void vmm_load(struct iommusim_vmm *vmm);

/* iommu.c: what a call does when there is no usable IOMMU, and what a backend's error comes to for its caller */
enum iommusim_status vmm_unavailable(const struct iommusim_vmm *vmm);
enum iommusim_status vmm_heard(const struct iommusim_vmm *vmm, enum iommusim_status status);

/* map.c */
void vmm_close_windows(struct iommusim_vmm *vmm);
enum iommusim_status vmm_map_by_ops(struct iommusim_vmm *vmm, struct iommusim_domain *domain,
    uint64_t gpa, uint64_t hpa, uint64_t length);
enum iommusim_status vmm_unmap_by_ops(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length);
/* Translations of what a VM's memory was mapped to are invalidated as the profile does it for one removal. */
enum iommusim_status vmm_removed(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length);
/* May setting up the host domain go on past this? (policy host_errors) */
bool vmm_host_error_ignored(const struct iommusim_vmm *vmm, enum iommusim_status status);
void vmm_iommu_unload(struct iommusim_vmm *vmm);
void vmm_free_domain(struct iommusim_domain *domain);
uint64_t vmm_max_physical(const struct iommusim_vmm *vmm);

/*
 * The number of a page's entry in the window; `pages` or more: it has none. An address that is no multiple of
 * 4 KiB has its low bits turned into high ones.
 */
static inline uint64_t window_index(const struct leaf_window *window, uint64_t gpa)
{
	const uint64_t offset = gpa - window->first;

	return offset >> IOMMUSIM_PAGE_SHIFT | offset << (64 - IOMMUSIM_PAGE_SHIFT);
}

/* One page by the domain's window. False: it is closed, or elsewhere, or the call is no such page. */
static inline bool window_map(
    const struct iommusim_domain *domain, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	const struct leaf_window *window = &domain->window;
	const uint64_t index = window_index(window, gpa);

	if (__builtin_expect(
		index >= window->pages || length != IOMMUSIM_PAGE_SIZE || (hpa & window->others) != 0,
		false))
		return false;
	__atomic_store_n(&window->entries[index], hpa | window->leaf, __ATOMIC_RELEASE);
	return true;
}

static inline bool window_unmap(const struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	const struct leaf_window *window = &domain->window;
	const uint64_t index = window_index(window, gpa);

	if (__builtin_expect(index >= window->pages || length != IOMMUSIM_PAGE_SIZE, false))
		return false;
	__atomic_store_n(&window->entries[index], 0, __ATOMIC_RELEASE);
	return true;
}

/* Without listeners, for the bulk of single pages. */
static inline enum iommusim_status vmm_map(struct iommusim_vmm *vmm, struct iommusim_domain *domain,
    uint64_t gpa, uint64_t hpa, uint64_t length)
{
	return window_map(domain, gpa, hpa, length) ? IOMMUSIM_OK
						    : vmm_map_by_ops(vmm, domain, gpa, hpa, length);
}

static inline enum iommusim_status vmm_unmap(
    struct iommusim_vmm *vmm, struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	return window_unmap(domain, gpa, length) ? IOMMUSIM_OK
						 : vmm_unmap_by_ops(vmm, domain, gpa, length);
}

/* host_iommu.c: the host's own driver comes up before vmm, if it is enabled. */
void vmm_host_iommu_start(struct iommusim_vmm *vmm);

/* firmware_memory.c: what firmware keeps for devices is no page of the allocator's. Before the first is taken. */
enum iommusim_status vmm_reserve_firmware_memory(struct iommusim_vmm *vmm);

/* device.c */
struct vmm_device *vmm_device_find(const struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid);
uint64_t vmm_ppt_devices(const struct iommusim_vmm *vmm);
/* A driver gets a function that none has, or a bus event brought. */
enum iommusim_status vmm_device_attach(
    struct iommusim_vmm *vmm, uint16_t segment, uint16_t rid, enum iommusim_driver driver);
/* The same of one that vmm knows, whoever had it: ppt takes it out of the host domain, unless idle devices live there. */
enum iommusim_status vmm_device_take_over(
    struct iommusim_vmm *vmm, struct vmm_device *device, enum iommusim_driver driver);
/* It came, or came back, while the system runs. Nobody may care (policy hotplug). */
enum iommusim_status vmm_device_come_up(struct iommusim_vmm *vmm, struct vmm_device *device);
/* Put every function of segment 0 that ppt does not hold into the host domain. */
enum iommusim_status vmm_add_host_devices(struct iommusim_vmm *vmm);
/* The host domain is gone, or never came to be. */
void vmm_forget_host_devices(struct iommusim_vmm *vmm);
/* A device that no guest has, in or out of the host domain as the profile wants it. */
enum iommusim_status vmm_device_idle(struct iommusim_vmm *vmm, struct vmm_device *device);
enum iommusim_status vmm_device_claim(struct iommusim_vmm *vmm, struct vmm_device *device);

/* ppt.c */
/* It is reset as the profile does it, and its command register is what it was before. */
void vmm_device_reset(struct iommusim_vmm *vmm, const struct vmm_device *device);
/* Bus mastering of a passed through device, where the profile looks after it. */
void vmm_device_master(struct iommusim_vmm *vmm, const struct vmm_device *device, bool on);

/* vm.c */
void vmm_free_vm(struct iommusim_vm *vm);

/* vtd_driver.c */
extern const struct iommusim_ops vtd_driver_ops;
/* remove_mapping as it goes without splitting large leaves (policy leaves). */
enum iommusim_status vtd_driver_remove_blindly(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done);
struct vtd_driver *vtd_driver_create(struct iommusim_vmm *vmm);
void vtd_driver_destroy(struct vtd_driver *driver);

/* amdvi_driver.c */
extern const struct iommusim_ops amdvi_driver_ops;
enum iommusim_status amdvi_driver_remove_blindly(
    void *context, void *handle, uint64_t gpa, uint64_t length, uint64_t *done);
struct amdvi_driver *amdvi_driver_create(struct iommusim_vmm *vmm);
void amdvi_driver_destroy(struct amdvi_driver *driver);

#endif
