/*
 * A machine with two AMD-Vi units, a kernel with the driver under test on it, and vmm calling the driver with a checker
 * listening. What is expected stands in the tests.
 */
#ifndef AMDVI_RIG_H
#define AMDVI_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/amdvi.h>
#include <iommusim/check.h>
#include <iommusim/kshim.h>
#include <iommusim/pci.h>

#define RIG_UNIT0 UINT64_C(0xfd000000)
#define RIG_UNIT1 UINT64_C(0xfd100000)

/* Behind unit 0: buses 0 to 0fh. Behind unit 1: bus 20h, and bus 23h with the requester id of a bridge. */
#define RIG_DISK   IOMMUSIM_RID(0, 0x11, 0)
#define RIG_NIC    IOMMUSIM_RID(1, 0, 0)    /* passed through */
#define RIG_GPU    IOMMUSIM_RID(2, 0, 0)    /* passed through */
#define RIG_NVME   IOMMUSIM_RID(0x20, 1, 0) /* passed through */
#define RIG_RAID   IOMMUSIM_RID(0x20, 2, 0)
#define RIG_OLD    IOMMUSIM_RID(0x23, 4, 0) /* passed through; its requests carry RIG_BRIDGE */
#define RIG_BRIDGE IOMMUSIM_RID(0x23, 0, 0)
#define RIG_NOBODY IOMMUSIM_RID(0x40, 0, 0) /* passed through; no unit governs it */

/* Memory that firmware says RIG_GPU must reach (IVMD). */
#define RIG_UNITY      UINT64_C(0xe0000000)
#define RIG_UNITY_SIZE UINT64_C(0x3000)

struct rig_setup {
	const char *preset; /* NULL: "zen2-client" */
	struct iommusim_unit_settings settings;
	const struct iommusim_kernel_setting
	    *tunables;  /* beside hw.vmm.amdvi.enable=1; ended by a name of NULL */
	bool off;       /* without that one */
	bool all_types; /* each unit in blocks of type 10h, 11h and 40h */
	bool no_table;
	bool unity;            /* the table has the IVMD */
	unsigned host_devices; /* more functions behind unit 0, from 03:00.0 on */
	bool no_init;
};

struct rig {
	struct iommusim_machine *machine;
	struct iommusim_vmm *vmm;
	struct iommusim_check *check;
	struct iommusim_kernel *kernel;
	void *access;        /* hooks or traps */
	char panic[640];     /* the last one, with its place; empty: none */
	unsigned long calls; /* of the driver */
};
extern struct rig rig;

/* Ends the process with a message when it cannot. */
void rig_start(const struct rig_setup *setup);
void rig_stop(void);
void rig_must(bool holds, const char *what);

/* "hooks" or "traps"; "void" or "error". */
const char *rig_access(void);
const char *rig_shape(void);
/* Register accesses that hooks did not see as volatile ones, or that traps refused. */
uint64_t rig_unseen(void);

struct iommusim_report rig_judge(uint16_t rid, enum iommusim_dma_kind kind, uint64_t address);
enum iommusim_verdict rig_write(uint16_t rid, uint64_t address);

/* A VM with memory in one run; the first device is given to it, 0: none. */
struct iommusim_vm *rig_vm(const char *name, uint64_t size, uint16_t rid);
/* Past vmm and checker: a domain of which [gpa, gpa + length) is mapped, as io/iommu.c does it; false: for ever. */
bool rig_map(uint64_t gpa, uint64_t hpa, uint64_t length);
/* Let the kernel do what has fallen due: interrupts. */
void rig_settle(void);
uint64_t rig_sysctl(const char *name);

/* Findings but advice and those of the id (IOMMUSIM_FINDING_COUNT: none). The first of them, or NULL. */
const struct iommusim_finding *rig_finding(enum iommusim_finding_id but);

#endif
