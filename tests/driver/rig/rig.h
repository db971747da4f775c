/*
 * What the rigs of both vendors' backends share: a kernel over a machine, its registers caught by whichever archive the
 * program is linked with, the backend's calls as kernel code, DMA, and what was noticed. Hardware, firmware and devices
 * are each vendor's own.
 */
#ifndef TESTS_DRIVER_RIG_RIG_H
#define TESTS_DRIVER_RIG_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/check.h>
#include <iommusim/kshim.h>
#include <iommusim/ops.h>
#include <iommusim/pci.h>

struct rig {
	struct iommusim_machine *machine;
	struct iommusim_kernel *kernel;
	struct iommusim_vmm *vmm; /* the library's, with the backend's ops; has the checker */
	struct iommusim_check *check;
	void *access;        /* hooks or traps */
	char panic[640];     /* the last one, with its place; empty: none */
	bool panic_ends;     /* the story, too: it is noticed, and what was noticed is said */
	bool vmm_unused;     /* the driver's own iommu.c is the backend's user */
	unsigned long calls; /* of the backend's ops */
};
extern struct rig rig;

/* Whatever cannot be set up ends the process with a message. */
void rig_must(enum iommusim_status status, const char *what);

/* ---- a life, in this order; the machine's hardware between the first two ---- */

/* Nothing but an empty machine. `config` may be NULL. */
void rig_make_machine(const struct iommusim_machine_config *config);
/* Boot a kernel and attach its devices; `registers` of the options are the rig's. */
void rig_make_kernel(const struct iommusim_kernel_options *options);
/* `backend`: the driver's struct iommu_ops. */
void rig_make_vmm(enum iommusim_cpu cpu, const void *backend);
void rig_make_check(void);
/* A function of the machine gets its driver in vmm's view. */
void rig_give_driver(uint16_t segment, uint16_t rid, enum iommusim_driver driver);
/* Nothing is left, of what there is. */
void rig_destroy(void);

/* "hooks" or "traps"; of iommu_ops "void" or "error". */
const char *rig_access(void);
const char *rig_shape(void);
/* Register accesses that hooks saw as ordinary ones. */
uint64_t rig_unseen(void);

/* ---- running the driver ---- */

/* Kernel code; false: it panicked, or left locks held. Both are in rig.panic. */
bool rig_call(void (*function)(void *context), void *context);
/* Let the kernel do what has fallen due: interrupts. */
void rig_settle(void);
/* The backend's ops: each call kernel code of its own, or (bare) for use in kernel code. Valid after rig_make_vmm(). */
const struct iommusim_ops *rig_ops(void **context);
const struct iommusim_ops *rig_bare_ops(void **context);

/* Bytes that the driver has allocated. */
uint64_t rig_memory(void);
int64_t rig_sysctl(const char *name);

/* ---- DMA: writes and reads of 8 bytes ---- */

/* By the checker, who knows who owns what; its requester id is what bridges make of it. */
struct iommusim_report rig_judge(
    uint16_t segment, uint16_t rid, enum iommusim_dma_kind kind, uint64_t address);
/* A write; whatever is neither in order nor rightly refused is noticed. */
struct iommusim_report rig_dma(uint16_t segment, uint16_t rid, uint64_t address);
/* Without the checker's knowledge of who owns what: it must reach `physical` through translation, or be refused. */
#define RIG_REFUSED UINT64_MAX
void rig_dma_to(uint16_t segment, uint16_t rid, uint64_t address, uint64_t physical);

/* ---- what is noticed ---- */

/* Something was noticed: its name is a line in the end, the rest says more on standard error. */
void rig_notice(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rig_notice_findings(void);
/* A register that is read without end is noticed, and the end of the story. */
void rig_watch_polls(void);
/* Say what was noticed, a line each in order, or "clean"; does not return. */
void rig_finish(void) __attribute__((noreturn));

/* The table of stories, up to one without a name. */
struct rig_story {
	const char *name;
	void (*run)(void);
};
extern const struct rig_story rig_stories[];

#endif
