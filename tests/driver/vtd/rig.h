/*
 * A machine with VT-d units, a kernel over it, and a backend under test in that kernel; what was noticed of the backend
 * is gathered. The backend is linked in; registers are caught by hooks, or with RIG_TRAPS by traps. One rig a process.
 */
#ifndef TESTS_DRIVER_VTD_RIG_H
#define TESTS_DRIVER_VTD_RIG_H

#include <iommusim/check.h>
#include <iommusim/kshim.h>
#include <iommusim/pci.h>
#include <iommusim/unit.h>

#define RIG_UNITS     12u
#define RIG_FUNCTIONS 16u
#define RIG_HOPS      3u

struct rig_scope {
	uint8_t type; /* enum iommusim_dmar_scope_type; 0: no further scope */
	uint8_t bus;
	uint8_t hops[RIG_HOPS][2]; /* device and function */
	uint8_t hop_count;
};

/* A DRHD and the hardware it speaks of. Bits of CAP and ECAP are changed against the board's preset. */
struct rig_unit {
	uint64_t base; /* 0: no further unit */
	uint16_t segment;
	bool include_all;
	uint64_t cap_set, cap_clear, ecap_set, ecap_clear;
	struct rig_scope scopes[2];
};

struct rig_function {
	uint16_t segment;
	uint16_t rid;
	uint8_t secondary, subordinate; /* not 0: a bridge */
	enum iommusim_driver driver;
};

struct rig_board {
	const char *preset; /* NULL: "skylake-sp" */
	struct rig_unit units[RIG_UNITS];
	struct rig_function functions[RIG_FUNCTIONS]; /* until one with rid 0 */
	uint64_t rmrr_first, rmrr_last;               /* last 0: none */
	uint16_t rmrr_rid;                            /* on its bus: a scope of one hop */
	struct iommusim_unit_settings settings;
	bool device_view;
	uint64_t maxaddr;        /* of the kernel; 0: where RAM ends */
	uint64_t ram;            /* bytes; 0: RIG_RAM */
	const char *tunables[8]; /* name, value, ...; until NULL */
	bool taken;              /* another driver has queued invalidation on already */
};

#define RIG_RAM   (UINT64_C(256) << 20)
#define RIG_MIB   (UINT64_C(1) << 20)
#define RIG_ARENA RIG_MIB /* the kernel's memory, where vmm's own allocator does not reach */

struct rig {
	struct iommusim_machine *machine;
	struct iommusim_kernel *kernel;
	struct iommusim_vmm *vmm; /* the library's, with the backend's ops; has the checker */
	struct iommusim_check *check;
	bool vmm_unused; /* the driver's own iommu.c is the backend's user */
};
extern struct rig rig;

/* Whatever cannot be set up ends the process with a message. */
void rig_start(const struct rig_board *board);
/* Unload what is loaded, and notice what is left. */
void rig_stop(void);
/* Say what was noticed, a line each, or "clean"; does not return. */
void rig_finish(void) __attribute__((noreturn));

/* Something was noticed: its name is a line, `text` says more on standard error. */
void rig_notice(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Run kernel code; a panic is noticed and ends the story. */
void rig_call(void (*function)(void *context), void *context);

/* A DMA of 8 bytes, judged by the checker: whatever is neither in order nor rightly refused is noticed. */
enum iommusim_verdict rig_dma(uint16_t segment, uint16_t rid, uint64_t address);
/* Without the checker's knowledge of who owns what: it must reach `physical` through translation, or be refused. */
#define RIG_REFUSED UINT64_MAX
void rig_dma_to(uint16_t segment, uint16_t rid, uint64_t address, uint64_t physical);

/* Bytes that the backend has allocated. */
uint64_t rig_memory(void);

/* The table of stories: one for each hazard, which the backend without it passes unnoticed. */
struct rig_story {
	const char *name;
	void (*run)(void);
};
extern const struct rig_story rig_stories[];

#endif
