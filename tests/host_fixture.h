/*
 * A host as vmm finds it: RAM, a DMAR table with two units behind it, four PCI functions, vmm and,
 * when asked for, a checker. Numbers of registers, tables and entries are literals taken from the
 * specification by hand. What a test proves stands in the test.
 */
#ifndef IOMMUSIM_TESTS_HOST_FIXTURE_H
#define IOMMUSIM_TESTS_HOST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/acpi.h>
#include <iommusim/check.h>
#include <iommusim/dma.h>
#include <iommusim/machine.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>
#include <iommusim/unit.h>
#include <iommusim/vmm.h>
#include <iommusim/walk.h>

#include "acpi/dmar_builder.h"
#include "acpi/ivrs_builder.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define PAGE UINT64_C(0x1000)

#define HOST_RAM (64 * MIB)

/* Requester ids: bus 15:8, device 7:3, function 2:0. */
#define HOST_GFX  0x0010u /* 0/2/0: the one function of unit 0 */
#define HOST_AHCI 0x00b8u /* 0/23/0 */
#define HOST_PPT1 0x0700u /* 7/0/0 */
#define HOST_PPT2 0x0100u /* 1/0/0 */
#define HOST_GONE 0x0908u /* 9/1/0: nothing is there */

/* Where the two units' registers are. Unit 0 has device-TLBs (ECAP.DT), unit 1 has not. */
#define HOST_UNIT0 UINT64_C(0xfed90000)
#define HOST_UNIT1 UINT64_C(0xfed91000)

/* Register offsets (VT-d 11.4); IOTLB stands at ECAP.IRO * 16 + 8. */
#define R_GCMD   0x018u
#define R_GSTS   0x01cu
#define R_RTADDR 0x020u
#define R_CCMD   0x028u
#define R_FECTL  0x038u
#define R_IQT    0x088u
#define R_IQA    0x090u
#define R_IOTLB  0x508u

/* Global command and status (VT-d 11.4.4). */
#define G_TE    0x80000000u
#define G_SRTP  0x40000000u
#define G_WBF   0x08000000u
#define G_QIE   0x04000000u
#define G_IRE   0x02000000u
#define G_SIRTP 0x01000000u

/* Global invalidation by register, as it is written (VT-d 11.4.6). */
#define CCMD_GLOBAL  UINT64_C(0xa000000000000000)
#define IOTLB_GLOBAL UINT64_C(0x9003000000000000)

#define HOST_CAP_RWBF   (UINT64_C(1) << 4)
#define HOST_CAP_CM     (UINT64_C(1) << 7)
#define HOST_CAP_SAGAW3 (UINT64_C(1) << 9)
#define HOST_CAP_SAGAW4 (UINT64_C(1) << 10)
#define HOST_ECAP_DT    (UINT64_C(1) << 2)

/* A counting allocator that fails when it is told to. */
struct host_memory {
	struct iommusim_allocator allocator;
	uint64_t asked;  /* allocations since the last host_memory_arm() */
	uint64_t first;  /* the allocation that fails, counted from 1; 0: none does */
	bool and_beyond; /* all that follow it fail too */
	bool failed;     /* one did */
	int64_t blocks;  /* that were not given back */
	int64_t bytes;
	uint64_t wrong; /* blocks given back under another size */
};

void host_memory_init(struct host_memory *memory);
void host_memory_arm(struct host_memory *memory, uint64_t first, bool and_beyond);

/* How a host differs from the default. All zero: it does not. */
struct host_setup {
	const char *profile; /* NULL: "reference" */
	enum iommusim_cpu cpu;
	uint64_t ram;          /* 0: HOST_RAM */
	struct builder *table; /* instead of the fixture's own */
	bool no_table;         /* firmware has none */
	bool no_units;         /* nothing answers where the table says */
	bool amdvi;            /* an AMD processor, and an AMD-Vi unit for everything, with its table */
	bool alike;            /* both VT-d units have device-TLBs (ECAP.DT) */
	bool no_functions;     /* an empty bus */
	bool no_drivers;       /* the functions are there, no driver has them */
	bool checked;          /* with a checker */
	bool device_view;
	uint64_t cap_set, cap_clear; /* of both units */
	struct host_memory *memory;
	const struct iommusim_ops *ops;
	void *ops_context;
	struct iommusim_unit_settings settings;
};

struct host {
	struct iommusim_machine *machine;
	struct iommusim_vmm *vmm;
	struct iommusim_check *check;
	struct iommusim_requester *gfx, *ahci, *ppt1, *ppt2, *gone;
};

/* gfx and ahci have a driver of the host, the other two are ppt's. The IOMMU is not initialised. */
void host_start(struct host *host, const struct host_setup *setup);
void host_stop(struct host *host);

/* The fixture's own table: unit 0 with 0/2/0, unit 1 with all the rest; 88 bytes. */
struct builder host_table(void);
void host_install(struct host *host, struct builder *table);

/* Another unit; `scope` of one endpoint or bridge, NULL: all that nobody names. */
struct iommusim_unit *host_add_unit(struct host *host, uint64_t base, uint64_t cap, uint64_t ecap,
    const struct iommusim_dmar_scope *scope);
/* What the fixture's units are made of. */
uint64_t host_cap(void);
uint64_t host_ecap(void);

/*
 * An IVRS table with AMD-Vi units, blocks of type 11h, and the units themselves: registers at `bases`, EFR as a Zen 2
 * desktop has it (SPEC_FACTS 23). The first one governs everything if `governs` says so.
 */
#define HOST_AMDVI UINT64_C(0xfd200000)
#define HOST_EFR   UINT64_C(0x58f77ef22294ade)
void host_add_amdvi(struct host *host, const uint64_t *bases, size_t count, bool governs,
    const struct iommusim_unit_settings *settings);

void host_function(struct host *host, uint16_t rid, const char *name);
/* A bridge with one bus behind it. */
void host_bridge(struct host *host, uint16_t rid, uint8_t secondary);
struct iommusim_requester *host_requester(struct host *host, uint16_t rid);

/* A VM with memory. */
struct iommusim_vm *host_vm(struct host *host, const char *name, uint64_t size, uint64_t seed);
/* A VM with memory and a ppt device. */
struct iommusim_vm *host_guest(struct host *host, const char *name, uint64_t size, uint16_t rid);
void host_assign(struct iommusim_vm *vm, uint16_t rid);
void host_init(struct host *host);
uint64_t host_hpa(const struct iommusim_vm *vm, uint64_t gpa);
uint64_t host_sysctl(const struct host *host, const char *name);

/* One page of DMA at `address`, 8 bytes: everything iommusim_dma() says of it. */
struct iommusim_dma_page host_dma(
    struct iommusim_requester *requester, enum iommusim_dma_kind kind, uint64_t address);
/* The same by tables alone: nothing is cached, nothing recorded. */
struct iommusim_dma_page host_look(struct iommusim_requester *requester, uint64_t address);
/* Does a write by tables alone reach `address` itself, translated? */
bool host_reaches(struct iommusim_requester *requester, uint64_t address);

uint64_t host_load(struct host *host, uint64_t address);
void host_store(struct host *host, uint64_t address, uint64_t value);
uint64_t host_get(struct host *host, uint64_t base, unsigned offset, unsigned width);
void host_set(struct host *host, uint64_t base, unsigned offset, unsigned width, uint64_t value);
uint32_t host_status(struct host *host, uint64_t base); /* GSTS */

/* The context entry of a requester by the table that unit 1 has latched. */
uint64_t host_context_at(struct host *host, uint16_t rid);
/* The leaf entry of an input address in the table that hangs below a context entry. */
uint64_t host_leaf_at(struct host *host, uint16_t rid, uint64_t input);

/* What went over the register bus. */
#define HOST_LOG 4096u
struct host_log {
	struct {
		uint64_t address;
		uint64_t value;
		unsigned width;
		bool is_write;
	} at[HOST_LOG];
	size_t count; /* writes; reads are only counted */
	size_t reads;
};
void host_watch(struct host *host, struct host_log *log);
void host_unwatch(struct host *host, struct host_log *log);
/* Write number `n` of the log is this one. */
#define assert_wrote(log, n, where, bytes, what)                                                       \
	do {                                                                                           \
		assert_true((n) < (log)->count);                                                       \
		assert_int_equal((log)->at[n].address, where);                                         \
		assert_int_equal((log)->at[n].width, bytes);                                           \
		assert_int_equal((log)->at[n].value, what);                                            \
	} while (0)

/* Text put together: what reports write, and what a test remembers. */
struct host_text {
	char text[1 << 16];
	size_t length;
};
void host_text_put(void *context, const char *text, size_t length);
void host_text_add(struct host_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * All that a person can see of the host, in words: sysctls, console, init report, domains, VMs,
 * devices, and where a few DMAs of each device would go.
 */
void host_describe(struct host *host, struct host_text *text);

/*
 * iommu_ops of the test's own that only write down what they are asked. A domain's handle points at
 * its number.
 */
struct host_backend {
	struct iommusim_ops ops;
	struct host_text log; /* "map 1 0x0 0x9000 0x1000\n", ... */
	uint64_t chunk;       /* bytes a mapping call does at most; 0: all */
	bool lazy;            /* mapping calls succeed and do nothing */
	bool eager;           /* mapping calls say they did more than they were asked */
	/* What the calls return; a call that fails is written down too. */
	enum iommusim_status init, create_domain, map, unmap, add, remove, invalidate;
	uint64_t fail_from; /* map and unmap fail from this address on only */
	unsigned numbers[16];
	unsigned domains;
};
void host_backend_init(struct host_backend *backend);
/* How often a line, or its beginning, stands in the log. */
size_t host_backend_count(const struct host_backend *backend, const char *line);
void host_backend_forget(struct host_backend *backend);

#define assert_ok(call)             assert_int_equal(call, IOMMUSIM_OK)
#define assert_status(call, status) assert_int_equal(call, status)
#define assert_contains(text, part) assert_non_null(strstr(text, part))
#define assert_lacks(text, part)    assert_null(strstr(text, part))

#endif
