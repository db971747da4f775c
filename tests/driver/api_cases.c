/* Tests that go wrong in every way a driver can, run by test_driver_api.c, which looks at what is said of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IOMMUSIM_TEST_SHORT_NAMES
#include <iommusim/interrupt.h>
#include <iommusim/mmio.h>
#include <iommusim/test.h>

#include "tests/driver/api_driver.h"

#define NIC  IOMMUSIM_RID(7, 0, 0)
#define DISK IOMMUSIM_RID(0, 0x17, 0)
#define MANY 1000

static const struct iommusim_test_setup setup = { .void_ops = &iommu_ops_api };
static const struct iommusim_test_setup not_initialised = { .void_ops = &iommu_ops_api,
	.no_init = true };
static const struct iommusim_test_setup without_ops = { .ram = 64 << 20 };

static void call(
    const struct iommusim_test_setup *how, void (*function)(void *context), uint64_t held_te)
{
	struct iommusim_test *test = iommusim_test_start(how);
	uint64_t base = iommusim_unit_base(test->unit);

	if (held_te != 0)
		iommusim_test_hold(
		    test, iommusim_test_register(test, 0, "GSTS"), UINT64_C(0x80000000), 0, held_te);
	iommusim_test_call(test, function, &base);
	iommusim_test_stop(test);
}

static void passes(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);

	(void)state;
	iommusim_test_vm(test, "guest", 1 << 20, NIC);
	assert_dma_ok(test, NIC, WRITE, 0x5000, 4096);
	assert_dma_ok(test, NIC, READ, 0, 1 << 20);
	assert_dma_blocked(test, NIC, WRITE, 1 << 20, 64);
	assert_dma_faults(test, NIC, WRITE, 1 << 20, 64, 5); /* VT-d 7.1.3: no write right */
	assert_no_findings(test);
	iommusim_test_stop(test);
}

static void stops_by_itself(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);
	struct iommusim_vm *vm = iommusim_test_vm(test, "guest", 1 << 20, NIC);
	uint64_t hpa;

	(void)state;
	assert_ok(test, iommusim_vm_gpa_to_hpa(vm, 0x7000, &hpa, NULL));
	assert_dma_reaches(test, NIC, WRITE, 0x7000, 8, hpa);
}

static void is_skipped(void **state)
{
	(void)state;
	skip();
}

static void loops_for_ever(void **state)
{
	(void)state;
	call(&without_ops, api_loop_on_status, IOMMUSIM_TEST_FOR_EVER);
}

static void bit_comes_late(void **state)
{
	(void)state;
	call(&setup, api_enable, 50);
}

static void bit_comes_too_late(void **state)
{
	(void)state;
	call(&setup, api_enable, IOMMUSIM_TEST_FOR_EVER);
}

static void polls_memory(void **state)
{
	(void)state;
	call(&without_ops, api_poll_memory, 0);
}

static void wild_store(void **state)
{
	(void)state;
	call(&setup, api_wild_store, 0);
}

static void null_store(void **state)
{
	(void)state;
	call(&setup, api_null_store, 0);
}

static void double_free(void **state)
{
	(void)state;
	call(&setup, api_double_free, 0);
}

static void panics(void **state)
{
	(void)state;
	call(&setup, api_panic, 0);
}

static void asserts(void **state)
{
	(void)state;
	call(&setup, api_assertion, 0);
}

static void panics_with_lock(void **state)
{
	(void)state;
	call(&setup, api_panic_with_lock, 0);
}

static void forgets_lock(void **state)
{
	(void)state;
	call(&setup, api_forgets_lock, 0);
}

static void plain_store(void **state)
{
	(void)state;
	call(&setup, api_plain_store, 0);
}

static void clears_registers(void **state)
{
	(void)state;
	call(&setup, api_clears_registers, 0);
}

static void panics_in_init(void **state)
{
	(void)state;
	api_panics_in_init = 1; /* static state: the next test has its own */
	iommusim_test_start(&setup);
}

static void bare_srtp(void **state)
{
	(void)state;
	call(&setup, api_bare_srtp, 0);
}

static void bare_srtp_is_expected(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);
	uint64_t base = iommusim_unit_base(test->unit);

	(void)state;
	iommusim_test_call(test, api_bare_srtp, &base);
	assert_finding(test, "gcmd-drops-bits");
	iommusim_test_stop(test);
}

static void finding_that_is_not_there(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);

	(void)state;
	assert_finding(test, "gcmd-drops-bits");
}

static void dma_is_not_ok(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);

	(void)state;
	iommusim_test_vm(test, "guest", 1 << 20, NIC);
	assert_dma_ok(test, NIC, WRITE, 1 << 20, 64);
}

static void dma_is_lost(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);

	(void)state;
	assert_dma_ok(test, DISK, WRITE, 0x100000, 64);
	iommusim_test_break_memory(test, 0x100000, true);
	iommusim_test_break_memory(test, 0x100000, false);
	assert_dma_ok(test, DISK, WRITE, 0x100000, 64);
	iommusim_test_stop(test);
}

/* VT-d 7.1.3: reason 8 is a root entry that cannot be read. */
static void memory_error_under_the_root_table(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);
	uint64_t root = 0;

	(void)state;
	assert_ok(test,
	    iommusim_mmio_read(test->machine, iommusim_test_register(test, 0, "RTADDR"), 8, &root));
	iommusim_test_break_memory(test, root, true);
	assert_dma_faults(test, DISK, WRITE, 0x100000, 64, 8);
	assert_dma_lost(test, DISK, READ, 0x101000, 64);
	iommusim_test_stop(test);
}

static void allocation_fails(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);
	struct iommusim_domain *domain;

	(void)state;
	for (uint64_t nth = 1; nth <= 2; nth++) {
		iommusim_test_fail_allocation(test, IOMMUSIM_KERNEL_MALLOC, nth);
		assert_status(test, iommusim_iommu_create_domain(test->vmm, UINT64_C(1) << 30, &domain),
		    IOMMUSIM_EIO);
	}
	assert_ok(test, iommusim_iommu_create_domain(test->vmm, UINT64_C(1) << 30, &domain));
	assert_ok(test, iommusim_iommu_destroy_domain(test->vmm, domain));
	iommusim_test_stop(test);
}

static void interrupt_is_lost(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&without_ops);
	struct iommusim_requester *nic;
	struct iommusim_fault fault;

	(void)state;
	iommusim_test_lose_interrupts(test, 1);
	assert_ok(test, iommusim_requester_create(test->machine, 0, NIC, &nic));
	assert_ok(test, iommusim_requester_interrupt(nic, 0xfee00000, 1, NULL, &fault));
	assert_ok(test, iommusim_requester_interrupt(nic, 0xfee00000, 2, NULL, &fault));
	assert_int_equal(iommusim_interrupt_lost(test->machine), 1);
	assert_int_equal(iommusim_interrupt_pending(test->machine), 1);
}

static void fails_in_cmocka(void **state)
{
	(void)state;
	assert_int_equal(1, 2);
}

static void no_iommu(void **state)
{
	static const struct iommusim_test_setup empty = { .void_ops = &iommu_ops_api,
		.preset = "zen2-client" };

	(void)state;
	iommusim_test_start(&empty);
}

static void ops_of_the_other_shape(void **state)
{
	static const struct iommusim_test_setup other = { .error_ops = &iommu_ops_api };

	(void)state;
	iommusim_test_start(&other);
}

static void a_preset_that_is_none(void **state)
{
	static const struct iommusim_test_setup misspelt = { .void_ops = &iommu_ops_api,
		.preset = "skylak" };

	(void)state;
	iommusim_test_start(&misspelt);
}

static void statuses_are_told(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&not_initialised);

	(void)state;
	assert_ok(test, iommusim_pci_remove(test->machine, 0, IOMMUSIM_RID(9, 0, 0)));
}

#define ALL_TESTS(X)                                                                                   \
	X(passes)                                                                                      \
	X(stops_by_itself)                                                                             \
	X(is_skipped)                                                                                  \
	X(loops_for_ever)                                                                              \
	X(bit_comes_late)                                                                              \
	X(bit_comes_too_late)                                                                          \
	X(polls_memory)                                                                                \
	X(wild_store)                                                                                  \
	X(null_store)                                                                                  \
	X(double_free)                                                                                 \
	X(panics)                                                                                      \
	X(asserts)                                                                                     \
	X(panics_with_lock)                                                                            \
	X(forgets_lock)                                                                                \
	X(panics_in_init)                                                                              \
	X(plain_store)                                                                                 \
	X(clears_registers)                                                                            \
	X(bare_srtp)                                                                                   \
	X(bare_srtp_is_expected)                                                                       \
	X(finding_that_is_not_there)                                                                   \
	X(dma_is_not_ok)                                                                               \
	X(dma_is_lost)                                                                                 \
	X(memory_error_under_the_root_table)                                                           \
	X(allocation_fails)                                                                            \
	X(interrupt_is_lost)                                                                           \
	X(fails_in_cmocka)                                                                             \
	X(no_iommu)                                                                                    \
	X(ops_of_the_other_shape)                                                                      \
	X(a_preset_that_is_none)                                                                       \
	X(statuses_are_told)

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test(name),
	const struct CMUnitTest tests[] = { ALL_TESTS(CASE) };
	static struct CMUnitTest many[MANY];

	if (getenv("API_CASES_MANY") == NULL)
		return iommusim_test_main(argc, argv, tests);
	for (size_t i = 0; i < MANY; i++)
		many[i] = tests[0];
	return iommusim_test_main(argc, argv, many);
}
