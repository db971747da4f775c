/*
 * A FreeBSD kernel round a driver under test: what its kernel functions act on, and what a test sees of it. The
 * headers that drivers are compiled with, and the functions themselves, are in <prefix>/include/iommusim/kshim and in
 * the archive iommusim_kshim; this is the test's side. Register accesses: kshim_hooks.h, kshim_traps.h.
 *
 * Threads: a kernel belongs to the thread that entered it; all functions are that thread's. Kernels of different
 * threads, over different machines, do not touch each other, but a driver's own static variables are one for all.
 *
 * Strings that functions return are the kernel's and good until the next call, unless it says otherwise.
 */
#ifndef IOMMUSIM_KSHIM_H
#define IOMMUSIM_KSHIM_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_kernel;

enum iommusim_kernel_processor {
	IOMMUSIM_KERNEL_INTEL, /* vmm_is_intel() */
	IOMMUSIM_KERNEL_AMD,   /* vmm_is_svm() */
	IOMMUSIM_KERNEL_OTHER
};

/* A loader variable. */
struct iommusim_kernel_setting {
	const char *name;
	const char *value;
};

/* An ACPI table, header and all. */
struct iommusim_kernel_table {
	const void *bytes;
	size_t length;
};

/*
 * How a driver's accesses reach registers. `map` has pages stand for the registers at [base, base + length), both
 * multiples of 4 KiB, as iommusim_hooks_map() does; `sync` lets the last store act, as iommusim_hooks_sync() does, and
 * is called by every kernel function; it may be NULL.
 */
struct iommusim_kernel_registers {
	void *context;
	enum iommusim_status (*map)(
	    void *context, uint64_t base, uint64_t length, volatile void **registers);
	void (*sync)(void *context);
	/*
	 * Accesses are carried out in no signal handler (hooks), so no panic comes from inside of one: calls into the
	 * kernel then save no signal mask, which takes a system call each. A panic leaves the mask as it finds it. False
	 * (traps, or nothing known): a panic puts it back to what it was when the call began.
	 */
	bool no_signals;
};

/* A panic, or an assertion that failed. */
struct iommusim_kernel_panic {
	char message[512]; /* one line, without "panic: " */
	const char *file;  /* of the driver; static storage */
	unsigned line;
	bool assertion; /* KASSERT, MPASS or a lock assertion, not panic() */
};

struct iommusim_kernel_options {
	/*
	 * Physical memory that malloc(9) and the like take from: whole pages of RAM. Both 0: most of the lowest eighth of
	 * the RAM below 4 GiB, which a vmm over the same machine (vmm.h) leaves to the kernel.
	 */
	uint64_t arena_base, arena_length;
	/*
	 * The writable data of the program or shared object that holds `image` becomes physical memory at `image_base`
	 * (0: 7000000000h), for tables in a driver's own data. NULL: of the one that this archive is linked into. What is
	 * memory of the machine already stays where it is.
	 */
	const void *image;
	uint64_t image_base;
	enum iommusim_kernel_processor processor;
	uint64_t maxaddr; /* vmm_mem_maxaddr(), in bytes; 0: where the machine's RAM ends */
	unsigned cpus;    /* 0: 1 */
	bool verbose;     /* bootverbose */
	const struct iommusim_kernel_setting *tunables; /* copied */
	size_t tunable_count;
	const struct iommusim_kernel_table
	    *tables; /* put into the machine, behind those that are there */
	size_t table_count;
	struct iommusim_kernel_registers
	    registers;                  /* `map` NULL: a driver that reaches for registers panics */
	uint32_t ticks_per_microsecond; /* of the machine's clock (clock.h); 0: 1 */
	/*
	 * A panic outside iommusim_kernel_call(): must not return (longjmp, a test framework's failure). NULL: the
	 * message goes to stderr and the process is aborted, there being nowhere to go back to.
	 */
	void (*panicked)(void *context, const struct iommusim_kernel_panic *panic);
	void *panicked_context;
};

/*
 * A kernel over a machine whose memory and units are there; the calling thread enters it. `options` may be NULL: all
 * defaults. Returns OK; EINVAL (no RAM, or the arena is not whole pages of RAM); EEXIST (the image's place is taken);
 * ENOMEM. Destroy it before the machine.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_create(struct iommusim_machine *machine,
    const struct iommusim_kernel_options *options, struct iommusim_kernel **kernel);

/* The thread leaves it if it is in it. No driver of it may run again. NULL is allowed. */
IOMMUSIM_API void iommusim_kernel_destroy(struct iommusim_kernel *kernel);

/* From now on kernel functions of the calling thread act on this kernel; NULL: on none. Returns the one before. */
IOMMUSIM_API struct iommusim_kernel *iommusim_kernel_enter(struct iommusim_kernel *kernel);
IOMMUSIM_API struct iommusim_kernel *iommusim_kernel_current(void);

/* ---- running kernel code ----------------------------------------------------------------------------------- */

/* What became of a call. */
struct iommusim_kernel_result {
	bool panicked;
	struct iommusim_kernel_panic panic; /* when `panicked` */
	size_t locks_held;                  /* when it returned or panicked; they are forgotten */
	char locks[256];                    /* "name (file:line), ..." of them, as far as it fits */
};

/*
 * Run `function(context)` as kernel code, and before and after it what has fallen due (interrupts, callouts, tasks).
 * A panic ends the function, not the process: the kernel stays usable, though what the driver left behind may not be.
 * Calls may nest. `result` may be NULL. Returns OK; EFAULT (it panicked); EBUSY (it returned with locks held or inside
 * a critical section). Memory that the function holds outside the kernel is not freed by a panic.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_call(struct iommusim_kernel *kernel,
    void (*function)(void *context), void *context, struct iommusim_kernel_result *result);

/*
 * Start: loader variables go into the C variables that ask for them, SYSINITs, modules and drivers start in their
 * order. Once per kernel. As iommusim_kernel_call(), or EEXIST when it was done.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_boot(
    struct iommusim_kernel *kernel, struct iommusim_kernel_result *result);

/*
 * Have drivers identify, probe and attach devices: the machine's PCI functions and AMD-Vi units, and whatever
 * drivers and iommusim_kernel_add_device() add to the buses nexus0, acpi0 and pciN. Again: what is new since.
 * As iommusim_kernel_call().
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_attach(
    struct iommusim_kernel *kernel, struct iommusim_kernel_result *result);

/*
 * Devices are detached, modules told MOD_UNLOAD, and SYSUNINITs run, all in reverse order. As iommusim_kernel_call(), and
 * EBUSY when a driver would not detach, or a module not be unloaded: what comes after it was not done. Then again later.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_shutdown(
    struct iommusim_kernel *kernel, struct iommusim_kernel_result *result);

/* Let time pass, in microseconds, callouts at their times. As iommusim_kernel_call(). */
IOMMUSIM_API enum iommusim_status iommusim_kernel_run(
    struct iommusim_kernel *kernel, uint64_t microseconds, struct iommusim_kernel_result *result);

/* ---- console, loader variables, sysctls ---------------------------------------------------------------------- */

/* Everything that was printed since the last clearing; never NULL. */
IOMMUSIM_API const char *iommusim_kernel_console(const struct iommusim_kernel *kernel);
IOMMUSIM_API void iommusim_kernel_console_clear(struct iommusim_kernel *kernel);

/* Set a loader variable; `value` NULL unsets it. Drivers read most of them at boot. OK, EINVAL or ENOMEM. */
IOMMUSIM_API enum iommusim_status iommusim_kernel_set_tunable(
    struct iommusim_kernel *kernel, const char *name, const char *value);
/* Its value; NULL: not set. */
IOMMUSIM_API const char *iommusim_kernel_tunable(
    const struct iommusim_kernel *kernel, const char *name);

/*
 * Read a sysctl by its full name, as sysctl(8) prints the value; numbers decimal. Returns OK; ENOENT; EINVAL (a node,
 * or no room for it); EIO (its handler failed); EFAULT (it panicked).
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_sysctl_read(
    struct iommusim_kernel *kernel, const char *name, char *text, size_t size);
IOMMUSIM_API enum iommusim_status iommusim_kernel_sysctl_number(
    struct iommusim_kernel *kernel, const char *name, int64_t *value);
/* Set one. As above, and EOPNOTSUPP (it is read-only), EINVAL (no number, or out of range). */
IOMMUSIM_API enum iommusim_status iommusim_kernel_sysctl_write(
    struct iommusim_kernel *kernel, const char *name, const char *text);
/* Sysctl number `index` in order of name, nodes left out: its name, NULL beyond the last; `about` may be NULL. */
IOMMUSIM_API const char *iommusim_kernel_sysctl_at(
    struct iommusim_kernel *kernel, size_t index, const char **about);

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* What may fail. */
enum iommusim_kernel_allocation {
	IOMMUSIM_KERNEL_MALLOC,         /* malloc, realloc, strdup, and single pages */
	IOMMUSIM_KERNEL_CONTIG,         /* contigmalloc, kmem_alloc_contig */
	IOMMUSIM_KERNEL_DEVICE_RESOURCE /* bus_alloc_resource, and vectors */
};

/*
 * The `nth` allocation of a kind from now on (1: the next) returns nothing; 0: none does. M_WAITOK is no protection: a
 * real kernel would sleep until there is memory, and a driver that passes it need not look. `waitok` says whether such
 * allocations fail, too; those that do not fail do not count.
 */
IOMMUSIM_API void iommusim_kernel_fail_allocation(
    struct iommusim_kernel *kernel, enum iommusim_kernel_allocation kind, uint64_t nth, bool waitok);

/* A block that is allocated. */
struct iommusim_kernel_block {
	void *address;
	size_t size;      /* as it was asked for */
	const char *type; /* "devbuf" */
	const char *file; /* where it was allocated; static storage */
	unsigned line;
};
/* Block number `index` in order of address; ENOENT beyond the last. */
IOMMUSIM_API enum iommusim_status iommusim_kernel_block_at(
    const struct iommusim_kernel *kernel, size_t index, struct iommusim_kernel_block *block);
/* How many there are, and how many bytes they were asked for; either may be NULL. */
IOMMUSIM_API void iommusim_kernel_memory(
    const struct iommusim_kernel *kernel, size_t *blocks, uint64_t *bytes);

/* Where the arena is in physical memory. */
IOMMUSIM_API void iommusim_kernel_arena(
    const struct iommusim_kernel *kernel, uint64_t *base, uint64_t *length);

/* vtophys() of an address: OK, or ENOENT when it is no memory of the machine. */
IOMMUSIM_API enum iommusim_status iommusim_kernel_physical(
    const struct iommusim_kernel *kernel, const volatile void *address, uint64_t *physical);

/* ---- devices ---------------------------------------------------------------------------------------------------- */

enum iommusim_kernel_device_state {
	IOMMUSIM_KERNEL_NOT_PRESENT,
	IOMMUSIM_KERNEL_ALIVE, /* probed, not attached */
	IOMMUSIM_KERNEL_ATTACHED
};

struct iommusim_kernel_device {
	void *device;       /* its device_t */
	const char *name;   /* "ivhd0"; of a device without a driver "pci0:2:0:0" and the like */
	const char *driver; /* "ivhd"; NULL: none */
	const char *parent; /* "acpi0"; NULL: it is the root */
	const char *about;  /* as its driver described it, or NULL */
	enum iommusim_kernel_device_state state;
	bool pci; /* segment and rid mean something */
	uint16_t segment;
	uint16_t rid;
	void *softc; /* of its driver, or NULL */
};

/* Device number `index`, parents before their children; ENOENT beyond the last. */
IOMMUSIM_API enum iommusim_status iommusim_kernel_device_at(
    struct iommusim_kernel *kernel, size_t index, struct iommusim_kernel_device *device);
/* By name, or the device of a PCI function. OK or ENOENT. */
IOMMUSIM_API enum iommusim_status iommusim_kernel_device_find(
    struct iommusim_kernel *kernel, const char *name, struct iommusim_kernel_device *device);
IOMMUSIM_API enum iommusim_status iommusim_kernel_pci_device(struct iommusim_kernel *kernel,
    uint16_t segment, uint16_t rid, struct iommusim_kernel_device *device);

/*
 * Add a device to a bus ("acpi0"); `driver` is the class that it is for, NULL: any. The next iommusim_kernel_attach()
 * probes it. OK, ENOENT (no such bus), EEXIST (that unit is there), ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_add_device(
    struct iommusim_kernel *kernel, const char *bus, const char *driver, int unit, void **device);

/*
 * A PCI function that the machine has been given (pci.h) arrives: a device for it, handlers of pci_add_device told,
 * then drivers tried. Or one leaves: driver detached, handlers of pci_delete_device told, the device gone; the machine's
 * function is the caller's to remove, after. As iommusim_kernel_call(), and ENOENT, EEXIST, EBUSY (the driver would
 * not detach: then nothing happened).
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_pci_arrived(struct iommusim_kernel *kernel,
    uint16_t segment, uint16_t rid, struct iommusim_kernel_result *result);
IOMMUSIM_API enum iommusim_status iommusim_kernel_pci_leaves(struct iommusim_kernel *kernel,
    uint16_t segment, uint16_t rid, struct iommusim_kernel_result *result);

/*
 * Configuration space of a function as the kernel sees it; `width` 1, 2 or 4. A test may write what software cannot:
 * registers that are read-only on hardware. Reads of what is not there are all ones. OK, EINVAL, ENOENT.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_config_read(struct iommusim_kernel *kernel,
    uint16_t segment, uint16_t rid, unsigned offset, unsigned width, uint32_t *value);
IOMMUSIM_API enum iommusim_status iommusim_kernel_config_set(struct iommusim_kernel *kernel,
    uint16_t segment, uint16_t rid, unsigned offset, unsigned width, uint32_t value);

/*
 * A base address register (PCI Local Bus 3.0, 6.2.5.1): memory, or ports. Functions have none until a test says so;
 * what is behind it is the test's (mmio.h), or nobody's.
 */
struct iommusim_kernel_bar {
	uint64_t base; /* where firmware has put it: a multiple of the size, not 0 */
	uint64_t size; /* bytes, a power of two: 16 or more, of ports 4 or more */
	bool ports;
	bool wide;         /* 64 bits: it takes the next register, too */
	bool prefetchable; /* memory */
};
/*
 * Give a function the register number `index`, 0 to 5 (of a bridge 0 and 1): in configuration space, as a resource of
 * the device, and in the kernel's list. Before drivers attach that want it. OK; EINVAL; ENOENT (no such function);
 * EEXIST (it has that register); ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_set_bar(struct iommusim_kernel *kernel,
    uint16_t segment, uint16_t rid, unsigned index, const struct iommusim_kernel_bar *bar);

/* MSI-X (PCI Local Bus 3.0, 6.8.2): where table and pending bits are. */
struct iommusim_kernel_msix {
	unsigned count;        /* messages, 1 to 2048 */
	unsigned table_bar;    /* number of a register, of memory */
	uint32_t table_offset; /* bytes, a multiple of 8 */
	unsigned pba_bar;
	uint32_t pba_offset;
};
/*
 * Give a function MSI-X; it has MSI already. The kernel keeps the table, it is not on the bus. OK; EINVAL (what does
 * not fit into the registers that the function has); ENOENT; EEXIST (it has it); ENOMEM.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_set_msix(struct iommusim_kernel *kernel,
    uint16_t segment, uint16_t rid, const struct iommusim_kernel_msix *msix);

/*
 * The message that a function sends for its interrupt number `index`, from 0, by MSI-X or MSI, as the kernel has set it
 * up; a test sends it by iommusim_requester_interrupt(). ENOENT: none, switched off, or masked.
 */
struct iommusim_kernel_message {
	uint64_t address;
	uint32_t data;
};
IOMMUSIM_API enum iommusim_status iommusim_kernel_message_at(struct iommusim_kernel *kernel,
    uint16_t segment, uint16_t rid, unsigned index, struct iommusim_kernel_message *message);

/* Interrupts that came, and those that found no handler. */
IOMMUSIM_API uint64_t iommusim_kernel_interrupts(const struct iommusim_kernel *kernel, uint64_t *stray);

/* ---- virtual machines -------------------------------------------------------------------------------------------- */

/*
 * For users of vmm (ppt and its like) in a program that links no vmm. vm_iommu_domain(), vm_map_mmio(), vm_unmap_mmio()
 * and lapic_intr_msi() note what they are asked; vm_assign_pptdev() and vm_unassign_pptdev() hand on to the program's
 * ppt_assign_device() and ppt_unassign_device() (ENXIO without them). A VM is any address but NULL, into which nobody
 * looks. Those of these functions that a program has itself come first, and nothing of theirs is noted.
 */

/* What vm_iommu_domain() of a VM returns from now on; before, and with NULL, it has no domain. OK, EINVAL or ENOMEM. */
IOMMUSIM_API enum iommusim_status iommusim_kernel_set_vm_domain(
    struct iommusim_kernel *kernel, const void *vm, void *domain);

/* Memory of a device that a guest sees. Whole pages, in bytes. */
struct iommusim_kernel_vm_window {
	uint64_t gpa;
	uint64_t length;
	uint64_t hpa;
};
/*
 * Window number `index` of a VM, in order of GPA; ENOENT beyond the last. vm_map_mmio() refuses with ENOMEM what is not
 * whole pages, what overlaps a window that is there, and when an IOMMUSIM_KERNEL_MALLOC that need not wait is to fail.
 */
IOMMUSIM_API enum iommusim_status iommusim_kernel_vm_window_at(const struct iommusim_kernel *kernel,
    const void *vm, size_t index, struct iommusim_kernel_vm_window *window);

/* A message interrupt, as it was sent to a guest by lapic_intr_msi(). */
struct iommusim_kernel_vm_message {
	uint64_t address;
	uint64_t data;
};
/* Message number `index` of all that a VM was sent, in order; ENOENT beyond the last. */
IOMMUSIM_API enum iommusim_status iommusim_kernel_vm_message_at(const struct iommusim_kernel *kernel,
    const void *vm, size_t index, struct iommusim_kernel_vm_message *message);

#ifdef __cplusplus
}
#endif

#endif
