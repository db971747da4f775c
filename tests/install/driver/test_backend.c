/* A page of cmocka round backend.c. */
#define IOMMUSIM_TEST_SHORT_NAMES
#include <iommusim/test.h>

#define NIC            IOMMUSIM_RID(7, 0, 0)
#define NO_WRITE_RIGHT 5 /* a fault reason of VT-d */

extern const struct iommu_ops iommu_ops_intel; /* the driver's */

static const struct iommusim_test_setup setup = { .void_ops = &iommu_ops_intel };

static void guest_memory_is_reached(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);

	(void)state;
	iommusim_test_vm(test, "guest", 1 << 20, NIC);
	assert_dma_ok(test, NIC, WRITE, 0x5000, 4096);
	assert_dma_blocked(test, NIC, WRITE, 1 << 20, 4096);
	iommusim_test_stop(test);
}

static void guest_page_is_gone_after_unmap(void **state)
{
	struct iommusim_test *test = iommusim_test_start(&setup);
	struct iommusim_vm *vm = iommusim_test_vm(test, "guest", 1 << 20, NIC);
	struct iommusim_domain *domain = iommusim_vm_domain(vm);

	(void)state;
	assert_dma_ok(test, NIC, WRITE, 0x5000, 64);
	assert_ok(test, iommusim_iommu_remove_mapping(test->vmm, domain, 0x5000, 0x1000));
	assert_ok(test, iommusim_iommu_invalidate_tlb(test->vmm, domain));
	assert_dma_faults(test, NIC, WRITE, 0x5000, 64, NO_WRITE_RIGHT);
	iommusim_test_stop(test);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_memory_is_reached),
		cmocka_unit_test(guest_page_is_gone_after_unmap),
	};

	return iommusim_test_main(argc, argv, tests);
}
