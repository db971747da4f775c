/*
 * Tests of a kernel driver under cmocka: a machine with the driver's hardware and a kernel round it, assertions that
 * say why, faults to inject, and a main() that gives each test a process of its own. Only in the archive
 * iommusim_test, which needs cmocka; how it is linked: docs/driver-under-test.md, iommusim-driver-testing(7).
 *
 * A function that cannot do what it says, and an assertion that does not hold, prints why and fails the test: it
 * does not return. Threads: a test is its thread's alone.
 */
#ifndef IOMMUSIM_TEST_H
#define IOMMUSIM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iommusim/check.h>
#include <iommusim/freebsd_ops.h>
#include <iommusim/kshim.h>
#include <iommusim/pci.h>
#include <iommusim/unit.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a machine with a driver on it --------------------------------------------------------------------------- */

/* A function on the bus, and who drives it. */
struct iommusim_test_device {
	struct iommusim_pci_function function;
	enum iommusim_driver driver; /* HOST, PPT (for a VM), NONE */
};

/* What iommusim_test_start() makes. All 0 but the ops is a machine to begin with. */
struct iommusim_test_setup {
	/*
	 * The driver's own struct iommu_ops, by its address: one of these, by the shape it was compiled for (freebsd_ops.h).
	 * Both NULL: a driver with another interface, which the test calls by itself; then there is neither vmm nor checker,
	 * and DMA is judged by what became of it.
	 */
	const void *void_ops;  /* until 14.2: calls that return nothing */
	const void *error_ops; /* of 15.0: calls that return an error */

	/* The hardware: a preset of unit.h or amdvi.h, by name; NULL: "skylake-client", or "zen2-client" with an IVRS. */
	const char *preset;
	/* A file with the machine's DMAR or IVRS, binary or as acpidump writes it; NULL: one unit for everything. */
	const char *acpi;
	struct iommusim_unit_settings settings; /* of every unit: cache policy, latency */
	bool device_view; /* keep what was not flushed from hardware that does not snoop (machine.h) */
	uint64_t ram;     /* bytes; 0: 64 MiB */
	const struct iommusim_test_device
	    *devices; /* NULL: a disk at 0:17.0, a function for VMs at 7:0.0 */
	size_t device_count;

	const char *profile; /* of the vmm that calls the ops; NULL: "reference" */
	/* Of the kernel: loader variables, cpus, maxaddr, ... (kshim.h). `registers` and `processor` are the fixture's. */
	struct iommusim_kernel_options kernel;
	bool no_boot; /* the test boots the kernel, and does all that follows */
	bool no_init; /* the test calls iommusim_iommu_init(), or what else initialises the driver */
	/*
	 * Reads of one register that give the same, without any other access or anything under way between, after which a
	 * poll counts as endless; 0: 1,000,000.
	 */
	uint64_t poll_limit;
};

/* A running one. `hidden` is the library's. */
struct iommusim_test {
	struct iommusim_machine *machine;
	struct iommusim_kernel *kernel;
	struct iommusim_vmm *vmm;     /* NULL without ops */
	struct iommusim_check *check; /* NULL without ops */
	struct iommusim_unit *unit;   /* the first; others by iommusim_unit_at() */
	struct iommusim_test_hidden *hidden;
};

/*
 * Make the machine, firmware's table, devices and kernel; boot it; have the driver's ops called by a vmm that a
 * checker watches; initialise. `setup` may be NULL; it is copied, what it points to must last. One at a time.
 */
#define iommusim_test_start(setup) iommusim_test_start_at(setup, __FILE__, __LINE__)
IOMMUSIM_API struct iommusim_test *iommusim_test_start_at(
    const struct iommusim_test_setup *setup, const char *file, unsigned line);

/*
 * The end: the checker has its last look, findings that no assertion asked for fail the test, and all goes. A test
 * that returns without it is stopped by iommusim_test_main().
 */
#define iommusim_test_stop(test) iommusim_test_stop_at(test, __FILE__, __LINE__)
IOMMUSIM_API void iommusim_test_stop_at(struct iommusim_test *test, const char *file, unsigned line);

/*
 * Call a function of the driver as kernel code: a panic, or locks that it leaves held, fail the test. Calls through
 * vmm (vmm.h) and of kshim.h's own need it not.
 */
#define iommusim_test_call(test, function, context)                                                    \
	iommusim_test_call_at(test, function, context, __FILE__, __LINE__)
IOMMUSIM_API void iommusim_test_call_at(struct iommusim_test *test, void (*function)(void *context),
    void *context, const char *file, unsigned line);

/* A VM with so much memory in one run, and (with `rid` not 0) that function given to it. */
#define iommusim_test_vm(test, name, memory, rid)                                                      \
	iommusim_test_vm_at(test, name, memory, rid, __FILE__, __LINE__)
IOMMUSIM_API struct iommusim_vm *iommusim_test_vm_at(struct iommusim_test *test, const char *name,
    uint64_t memory, uint16_t rid, const char *file, unsigned line);

/* Fail the test. `file`, `line`: where to; NULL: the driver's last register access. Does not return. */
IOMMUSIM_API void iommusim_test_fail(struct iommusim_test *test, const char *file, unsigned line,
    const char *format, ...) __attribute__((format(printf, 4, 5), noreturn));

/* ---- assertions ------------------------------------------------------------------------------------------------ */

/* A status is OK; else its name, and the machine's diagnostic. */
#define iommusim_assert_ok(test, status)                                                               \
	iommusim_test_assert_status(test, (iommusim_test_at(test, __FILE__, __LINE__), (status)),      \
	    IOMMUSIM_OK, #status, __FILE__, __LINE__)
#define iommusim_assert_status(test, status, expected)                                                 \
	iommusim_test_assert_status(test, (iommusim_test_at(test, __FILE__, __LINE__), (status)),      \
	    expected, #status, __FILE__, __LINE__)

/*
 * A DMA of the function `rid` in segment 0, `kind` READ or WRITE without the prefix, over [address, address + length),
 * which may move no data. Each gives the checker's report, good until the next one.
 *   ok       it went where it should
 *   blocked  it faulted, and had no right to be there
 *   lost     it faulted, though it had a right
 *   faults   it faulted with this fault reason or event code, whatever the right
 *   reaches  ok, and its first byte went to this physical address
 */
#define iommusim_assert_dma_ok(test, rid, kind, address, length)                                       \
	IOMMUSIM_TEST_DMA_(test, rid, kind, address, length, IOMMUSIM_VERDICT_OK, -1, UINT64_MAX)
#define iommusim_assert_dma_blocked(test, rid, kind, address, length)                                  \
	IOMMUSIM_TEST_DMA_(test, rid, kind, address, length, IOMMUSIM_VERDICT_BLOCKED, -1, UINT64_MAX)
#define iommusim_assert_dma_lost(test, rid, kind, address, length)                                     \
	IOMMUSIM_TEST_DMA_(test, rid, kind, address, length, IOMMUSIM_VERDICT_LOST, -1, UINT64_MAX)
#define iommusim_assert_dma_faults(test, rid, kind, address, length, reason)                           \
	IOMMUSIM_TEST_DMA_(test, rid, kind, address, length, IOMMUSIM_VERDICT_COUNT, reason, UINT64_MAX)
#define iommusim_assert_dma_reaches(test, rid, kind, address, length, physical)                        \
	IOMMUSIM_TEST_DMA_(test, rid, kind, address, length, IOMMUSIM_VERDICT_OK, -1, physical)
#define IOMMUSIM_TEST_DMA_(test, rid, kind, address, length, verdict, reason, physical)                \
	iommusim_test_assert_dma(test, rid, IOMMUSIM_DMA_##kind, address, length,                      \
	    &(const struct iommusim_test_expected){ verdict, reason, physical, __FILE__, __LINE__ })

struct iommusim_test_expected {
	enum iommusim_verdict verdict; /* COUNT: any */
	int reason;                    /* -1: any, or none */
	uint64_t physical;             /* UINT64_MAX: any */
	const char *file;
	unsigned line;
};
IOMMUSIM_API const struct iommusim_report *iommusim_test_assert_dma(struct iommusim_test *test,
    uint16_t rid, enum iommusim_dma_kind kind, uint64_t address, uint64_t length,
    const struct iommusim_test_expected *expected);
IOMMUSIM_API void iommusim_test_assert_status(struct iommusim_test *test, enum iommusim_status status,
    enum iommusim_status expected, const char *what, const char *file, unsigned line);
/* Calls that follow are this line's. */
IOMMUSIM_API void iommusim_test_at(struct iommusim_test *test, const char *file, unsigned line);

/*
 * Findings (findings.h) are printed when they are found. No finding but advice, so far; or one with this id
 * ("gcmd-drops-bits"), which the end of the test then forgives.
 */
#define iommusim_assert_no_findings(test) iommusim_test_assert_no_findings(test, __FILE__, __LINE__)
#define iommusim_assert_finding(test, id) iommusim_test_assert_finding(test, id, __FILE__, __LINE__)
IOMMUSIM_API void iommusim_test_assert_no_findings(
    struct iommusim_test *test, const char *file, unsigned line);
IOMMUSIM_API const struct iommusim_finding *iommusim_test_assert_finding(
    struct iommusim_test *test, const char *id, const char *file, unsigned line);

#ifdef IOMMUSIM_TEST_SHORT_NAMES
#define assert_ok          iommusim_assert_ok
#define assert_status      iommusim_assert_status
#define assert_dma_ok      iommusim_assert_dma_ok
#define assert_dma_blocked iommusim_assert_dma_blocked
#define assert_dma_lost    iommusim_assert_dma_lost
#define assert_dma_faults  iommusim_assert_dma_faults
#define assert_dma_reaches iommusim_assert_dma_reaches
#define assert_no_findings iommusim_assert_no_findings
#define assert_finding     iommusim_assert_finding
#endif

/* ---- faults ----------------------------------------------------------------------------------------------------- */

/*
 * The physical address of a register of a unit by the specification's name ("GSTS", "IOTLB"), wherever this unit has
 * it; `unit` counts from 0.
 */
IOMMUSIM_API uint64_t iommusim_test_register(struct iommusim_test *test, size_t unit, const char *name);

/* A bit, or bits, that hang: from now on the next `reads` reads of the register have `value` in `mask`; then it is right again. */
#define IOMMUSIM_TEST_FOR_EVER UINT64_MAX
IOMMUSIM_API void iommusim_test_hold(
    struct iommusim_test *test, uint64_t address, uint64_t mask, uint64_t value, uint64_t reads);
/* All registers are right again. At most 8 are held at a time. */
IOMMUSIM_API void iommusim_test_release(struct iommusim_test *test);

/* The nth allocation from now on fails, M_WAITOK or not; 0: none (kshim.h). */
IOMMUSIM_API void iommusim_test_fail_allocation(
    struct iommusim_test *test, enum iommusim_kernel_allocation kind, uint64_t nth);

/* Hardware's reads and writes of the page at this physical address fail, or again do not (memory.h). */
IOMMUSIM_API void iommusim_test_break_memory(struct iommusim_test *test, uint64_t address, bool broken);

/* The next `count` message interrupts never arrive. */
IOMMUSIM_API void iommusim_test_lose_interrupts(struct iommusim_test *test, uint64_t count);

/* ---- main() ----------------------------------------------------------------------------------------------------- */

/*
 * Run an array of cmocka's tests by the options of iommusim-driver-testing(7), each in a process of its own. Returns
 * the exit status: 0; 1 (a test failed); 2 (wrong options, or no test of that name); 3 (no resources).
 */
#define iommusim_test_main(argc, argv, tests)                                                          \
	iommusim_test_run(argc, argv, tests, sizeof(tests) / sizeof((tests)[0]))
IOMMUSIM_API int iommusim_test_run(int argc, char **argv, const struct CMUnitTest *tests, size_t count);

#ifdef __cplusplus
}
#endif

#endif
