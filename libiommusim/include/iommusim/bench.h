/*
 * The mapping-path benchmark for any iommu_ops: the same workloads for the built-in backends under any profile and
 * for a driver under test, with time, memory, register accesses, invalidations and modelled hardware time. Its archive
 * is iommusim_bench, never part of the library; `iommusim-bench --ops` is this with the built-in backends.
 */
#ifndef IOMMUSIM_BENCH_H
#define IOMMUSIM_BENCH_H

#include <iommusim/export.h>
#include <iommusim/ops.h>
#include <iommusim/vmm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A driver to be measured. */
struct iommusim_bench_subject {
	const char *name;    /* in reports, 23 characters at most are shown */
	bool amdvi;          /* on a machine with an AMD-Vi unit, instead of VT-d */
	const char *profile; /* of vmm, as iommusim_profile_exists() takes it; NULL: "reference" */
	void *context;       /* for the functions below */
	/*
	 * Called for each machine, which has its memory, units, firmware table and devices: give it a driver. `*ops`
	 * and `*ops_context` are for iommusim_vmm_config and stay good until stop(). NULL: the built-in backend. The
	 * lowest 384 MiB of RAM are the driver's, a kernel's arena (kshim.h) for instance: vmm takes nothing from
	 * there. Returns OK, or what went wrong: then stop() is not called.
	 */
	enum iommusim_status (*start)(void *context, struct iommusim_machine *machine,
	    const struct iommusim_ops **ops, void **ops_context);
	/* Its domains were destroyed, vmm was unloaded; the machine goes next. May be NULL. */
	void (*stop)(void *context);
	/* 4 KiB pages that the driver uses for tables now. NULL: nobody knows, and nothing is shown. */
	uint64_t (*table_pages)(void *context);
};

/*
 * Run the workloads for `count` subjects side by side, in turns, and write a report to stdout, messages to stderr.
 * No subjects: the built-in backends. `words` are options as of `iommusim-bench --ops` without those two words, ended
 * by the number `word_count`. Returns a program's exit code: 0 measured, 2 bad usage, 3 out of resources or the driver
 * failed. It calls subjects from the calling thread alone, and starts one only when the one before was stopped, for
 * drivers whose state is the process's. One call at a time in a process.
 */
IOMMUSIM_API int iommusim_bench_ops(
    int word_count, char **words, const struct iommusim_bench_subject *subjects, size_t count);

#ifdef __cplusplus
}
#endif

#endif
