/* What a kernel is made of, and what its files share. Private to the archive. */
#ifndef IOMMUSIM_KSHIM_STATE_H
#define IOMMUSIM_KSHIM_STATE_H

#include <setjmp.h>

#include <sys/bus.h>
#include <sys/callout.h>
#include <sys/malloc.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/taskqueue.h>

#include <dev/pci/pcivar.h>

#include <iommusim/kshim.h>
#include <iommusim/memory.h>

#define VECTOR_FIRST 0x30u
#define VECTOR_COUNT 0xc0u
#define IRQ_FIRST    256 /* message interrupts; below are pins */

/* ---- memory: arena.c ------------------------------------------------------------------------------------ */

enum page_kind { PAGE_FREE, PAGE_SLAB, PAGE_HEAD, PAGE_TAIL };

struct block {
	const struct malloc_type *type; /* NULL: free */
	size_t size;                    /* as asked for */
	const char *file;               /* of its allocation; once it is free, of its release */
	int line;
	bool used_before;
};

struct slab {
	size_t object; /* bytes of each; a power of two */
	size_t page;
	size_t free;
	struct slab *next; /* with room, of the same size */
	bool listed;
	struct block blocks[];
};

struct page {
	enum page_kind kind;
	uint32_t run; /* PAGE_HEAD: pages; PAGE_TAIL: pages back to the head */
	struct slab *slab;
	struct block block; /* PAGE_HEAD, PAGE_FREE */
};

#define SLAB_CLASSES 8 /* 16 to 2048 bytes */

struct arena {
	uint64_t base; /* physical */
	size_t pages;
	uint8_t *host;
	struct page *page;
	size_t lowest; /* no page below it is free */
	struct slab *slabs[SLAB_CLASSES];
	size_t blocks;
	uint64_t bytes;
};

bool kshim_arena_make(struct iommusim_kernel *kernel, const struct iommusim_kernel_options *options);
void kshim_arena_free(struct arena *arena);
/* Zeroed or filled with rubbish; NULL: none left. `low`, `high` inclusive; alignment a power of two. */
struct wanted_block {
	size_t size;
	const struct malloc_type *type;
	const char *file;
	int line;
	bool zero;
	bool contiguous; /* whole pages, by the following */
	uint64_t low, high, alignment, boundary;
};
void *kshim_arena_take(struct iommusim_kernel *kernel, const struct wanted_block *wanted);
/* The block that begins at an address, NULL: no block begins there. Free ones, too, if `even_free`. */
struct block *kshim_arena_block(struct iommusim_kernel *kernel, const void *address, bool even_free);
void kshim_arena_release(struct iommusim_kernel *kernel, void *address, const char *file, int line);
bool kshim_arena_holds(const struct arena *arena, const void *address);

/* ---- the rest -------------------------------------------------------------------------------------------- */

struct tunable {
	TAILQ_ENTRY(tunable) link;
	char *name;
	char *value;
};
TAILQ_HEAD(tunable_list, tunable);

struct sysctl_node {
	TAILQ_ENTRY(sysctl_node) link; /* in order of name */
	char *name;                    /* full */
	const char *token;             /* "_hw_vmm" for static ones, else NULL */
	char *owned_name;              /* oid_name of a dynamic one */
	struct sysctl_oid *oid;
	struct sysctl_oid own; /* a dynamic one's */
	const struct sysctl_ctx_list *context;
};
TAILQ_HEAD(sysctl_list, sysctl_node);

struct handler {
	struct eventhandler_entry entry; /* first: its address is the tag */
	TAILQ_ENTRY(handler) link;
	const char *event;
	int priority;
	bool dead;
};
TAILQ_HEAD(handler_list, handler);

struct register_mapping {
	TAILQ_ENTRY(register_mapping) link;
	uint64_t base;
	uint64_t length;
	uint8_t *pages;
};
TAILQ_HEAD(register_mapping_list, register_mapping);

struct resource {
	TAILQ_ENTRY(resource) link;
	device_t device;
	int type;
	int rid;
	rman_res_t start;
	rman_res_t count;
	u_int flags;
	bool allocated;
};
TAILQ_HEAD(resource_list, resource);

/* A vector of the processor, given to a device. */
struct vector {
	device_t owner; /* NULL: free */
	device_t device;
	driver_filter_t *filter;
	driver_intr_t *handler;
	void *argument;
	char about[32];
};

struct devclass {
	TAILQ_ENTRY(devclass) link;
	char *name;
};
TAILQ_HEAD(devclass_list, devclass);

struct driver {
	TAILQ_ENTRY(driver) link;
	const struct driver_module_data *module;
	bool loaded;
};
TAILQ_HEAD(driver_list, driver);

TAILQ_HEAD(device_list, _device);
struct _device {
	TAILQ_ENTRY(_device) sibling;
	struct device_list children;
	device_t parent;
	devclass_t devclass;
	bool class_fixed; /* named by whoever added it: only that class's driver may have it */
	driver_t *driver;
	driver_t *tried; /* while it is probed */
	int unit;
	int wanted_unit;
	u_int order;
	device_state_t state;
	char name[48];
	char *about;
	void *softc;
	bool softc_is_drivers;
	void *ivars;
	uint32_t flags;
	bool disabled;
	bool quiet;
	struct resource_list resources;
	struct sysctl_ctx_list sysctl_context;
	struct sysctl_oid *sysctl_tree;
	struct pci_place *pci; /* NULL: no PCI function */
};

/* A PCI function's configuration space. */
struct pci_place {
	struct pci_devinfo info; /* first: the device's ivars */
	uint16_t segment;
	uint16_t rid;
	struct iommusim_unit *unit; /* an AMD-Vi unit's own function */
	unsigned unit_capability;   /* where its capability block is */
	uint8_t msi, pm, pcie;      /* where these are; 0: none */
	uint16_t ats;
	uint8_t space[4096];
	uint8_t saved[256];
	struct pci_map bars[PCIR_MAX_BAR_0 + 1]; /* pm_reg 0: none */
	struct msix_entry *msix_table;           /* msix_msgnum of them; NULL: no MSI-X */
};

/* A message of MSI-X, as it stands in the function's table. */
struct msix_entry {
	uint64_t address;
	uint32_t data;
	bool masked;
};

/* A VM as users of vmm see it: its address, and what they did to it. */
struct guest_window {
	TAILQ_ENTRY(guest_window) link; /* in order of GPA */
	struct iommusim_kernel_vm_window where;
};

struct guest {
	TAILQ_ENTRY(guest) link;
	const void *vm;
	void *domain;
	TAILQ_HEAD(, guest_window) windows;
	struct iommusim_kernel_vm_message *messages;
	size_t message_count;
};
TAILQ_HEAD(guest_list, guest);

TAILQ_HEAD(lock_list, lock_object);

struct iommusim_kernel {
	struct iommusim_machine *machine;
	struct iommusim_kernel_options options;
	uint64_t maxaddr;
	bool booted;
	bool down;
	size_t modules_unloaded; /* from the last one on */
	char *console;
	size_t console_length, console_capacity;

	struct arena arena;
	uint64_t image_base, image_length;
	uint8_t *image;
	uint64_t fail_after[3]; /* by kind; 0: never */
	bool fail_waitok[3];
	struct register_mapping_list mappings;

	sigjmp_buf *exit;     /* of the innermost call */
	size_t locks_before;  /* it: those are its caller's */
	size_t locks_at_exit; /* how it left them, and by what names */
	char lock_names[256];
	struct iommusim_kernel_panic panic;
	bool running; /* inside a call */
	bool dispatching;
	struct thread thread;
	int interrupts_off;
	struct lock_list held;
	struct mtx giant;

	struct tunable_list tunables;
	struct sysctl_list sysctls;
	struct handler_list handlers;
	TAILQ_HEAD(, callout) callouts;
	TAILQ_HEAD(, task) tasks;
	struct vector vectors[VECTOR_COUNT];
	uint64_t interrupts, stray;
	uint64_t random;

	struct guest_list guests;

	device_t root, nexus, acpi;
	struct devclass_list classes;
	struct driver_list drivers;
	struct sysctl_ctx_list static_context;
};

extern _Thread_local struct iommusim_kernel *kshim_here;

/* The current kernel, the last register store taken up. Without one it ends the process: there is nothing to act on. */
struct iommusim_kernel *kshim_enter_quickly(void);
/* The same, and what has fallen due is run first, unless locks are held or interrupts are off. */
struct iommusim_kernel *kshim_enter_now(void);
void kshim_dispatch(struct iommusim_kernel *kernel);

/* Panic with a place of the driver's. */
void kshim_panic_at(const char *file, int line, const char *format, ...) __dead2;

bool kshim_fails(struct iommusim_kernel *kernel, enum iommusim_kernel_allocation kind, bool waitok);
char *kshim_copy(const char *text); /* with libc's malloc */

/* printf.c: the length of the whole text, as snprintf. */
int kshim_format_text(char *out, size_t size, const char *format, va_list arguments);
void kshim_console_add(struct iommusim_kernel *kernel, const char *text, size_t length);

/* time.c */
uint64_t kshim_microseconds(const struct iommusim_kernel *kernel);
void kshim_pass_time(struct iommusim_kernel *kernel, uint64_t microseconds);
void kshim_time_refresh(struct iommusim_kernel *kernel);
bool kshim_callouts_due(const struct iommusim_kernel *kernel);
void kshim_callouts_run(struct iommusim_kernel *kernel);
void kshim_tasks_run(struct iommusim_kernel *kernel);

/* address.c */
bool kshim_address_make(struct iommusim_kernel *kernel, enum iommusim_status *status);
void kshim_address_free(struct iommusim_kernel *kernel);

/* lock.c */
/* Let go of all but the first `kept`. */
void kshim_locks_forget(struct iommusim_kernel *kernel, size_t kept);
size_t kshim_locks_describe(const struct iommusim_kernel *kernel, char *text, size_t size);
size_t kshim_locks_held(const struct iommusim_kernel *kernel);

/* tunable.c, sysctl.c, event.c */
void kshim_tunables_fetch(struct iommusim_kernel *kernel);
void kshim_tunables_free(struct iommusim_kernel *kernel);
bool kshim_sysctls_make(struct iommusim_kernel *kernel);
void kshim_sysctls_fetch(struct iommusim_kernel *kernel);
void kshim_sysctls_free(struct iommusim_kernel *kernel);
void kshim_handlers_free(struct iommusim_kernel *kernel);

/* guest.c: NULL of the first: nothing is known of it; of the second: no memory. */
struct guest *kshim_guest_find(const struct iommusim_kernel *kernel, const void *vm);
struct guest *kshim_guest_of(struct iommusim_kernel *kernel, const void *vm);
void kshim_guests_free(struct iommusim_kernel *kernel);

/* device.c, driver.c, pci.c, pci_bar.c, pci_config.c, pci_message.c, resource.c */
bool kshim_devices_make(struct iommusim_kernel *kernel);
void kshim_devices_free(struct iommusim_kernel *kernel);
device_t kshim_device_make(
    struct iommusim_kernel *kernel, device_t parent, u_int order, const char *name, int unit);
void kshim_device_drop(struct iommusim_kernel *kernel, device_t device);
device_t kshim_device_next(device_t root, device_t device);
devclass_t kshim_devclass_of(struct iommusim_kernel *kernel, const char *name);
void kshim_drivers_register(struct iommusim_kernel *kernel, const struct driver_module_data *module);
void kshim_drivers_identify(struct iommusim_kernel *kernel);
void kshim_devices_attach(struct iommusim_kernel *kernel, device_t under);
struct resource *kshim_resource_find(device_t device, int type, int rid);
int kshim_resource_set(device_t device, int type, int rid, rman_res_t start, rman_res_t count);
void kshim_resources_drop(struct iommusim_kernel *kernel, device_t device);
bool kshim_vector_is_used(int interrupt);
void kshim_interrupts_dispatch(struct iommusim_kernel *kernel);
bool kshim_interrupts_waiting(struct iommusim_kernel *kernel);
bool kshim_pci_enumerate(struct iommusim_kernel *kernel);
device_t kshim_pci_device_at(struct iommusim_kernel *kernel, unsigned segment, unsigned rid);
device_t kshim_pci_make_device(struct iommusim_kernel *kernel, uint16_t segment, uint16_t rid);
struct pci_place *kshim_pci_place_of(
    device_t device); /* a panic for a device that is no PCI function */
uint8_t kshim_pci_bar_writable(const struct pci_place *place, unsigned at);
void kshim_pci_bars_reset(struct pci_place *place);
void kshim_pci_bars_restore(struct pci_place *place);
void kshim_pci_handler_comes(device_t device, const struct resource *interrupt);
void kshim_pci_handler_goes(device_t device, const struct resource *interrupt);
void kshim_pci_messages_reset(struct pci_place *place);
void kshim_pci_messages_restore(device_t device);
void kshim_pci_describe_msix(struct pci_place *place, const struct iommusim_kernel_msix *msix);
void kshim_pci_read_msi(const struct pci_place *place, struct iommusim_kernel_message *message);
bool kshim_pci_config_make(struct iommusim_kernel *kernel, struct pci_place *place);
uint32_t kshim_pci_config_read(
    struct iommusim_kernel *kernel, struct pci_place *place, unsigned offset, unsigned width);
void kshim_pci_config_write(struct iommusim_kernel *kernel, struct pci_place *place, unsigned offset,
    unsigned width, uint32_t value);

#endif
