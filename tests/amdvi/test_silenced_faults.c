/*
 * Which page faults a device table entry keeps out of the log (AMD-Vi 2.2.2.1): SA all, SE all but the first. That
 * other events are never silenced: test_device_table.c; interrupts: test_interrupt_entries.c.
 */
#include "amdvi_fixture.h"

#define SE BIT(33)
#define SA BIT(34)

/* These of bits 127:64 of the entry are set; nothing is mapped. */
static void start(struct amd_fixture *amd, uint64_t bits)
{
	uint64_t dte[4];

	am_start_enabled(amd, NULL);
	am_plain_dte(amd, dte);
	dte[1] |= bits;
	am_set_dte(amd, AMD_RID, dte);
}

static struct iommusim_fault missed(struct amd_fixture *amd)
{
	const struct iommusim_dma_page page = am_access(amd->device, IOMMUSIM_DMA_READ, 0x7000, 8);

	assert_true(page.faulted);
	assert_int_equal(page.fault.reason, 2);
	return page.fault;
}

/* A walk says what would become of that fault, and is none itself. */
static bool is_foretold_silent(struct amd_fixture *amd)
{
	const struct iommusim_dma_request request = { .address = 0x7000, .length = 8 };
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(amd->device, &request, &walk), IOMMUSIM_OK);
	assert_true(walk.result.faulted);
	return walk.result.fault.suppressed;
}

static void sa_keeps_every_page_fault_out_of_the_log(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, SA);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(is_foretold_silent(&amd));
		assert_true(missed(&amd).suppressed);
		assert_int_equal(am_events(&amd), 0);
	}
	am_stop(&amd);
}

static void se_logs_the_first_page_fault_until_the_entry_is_read_again(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, SE);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(is_foretold_silent(&amd));
		assert_true(missed(&amd).recorded);
		assert_int_equal(am_events(&amd), 1);
		assert_true(is_foretold_silent(&amd));
		for (unsigned j = 0; j < 3; j++)
			assert_true(missed(&amd).suppressed);
		assert_int_equal(am_events(&amd), 1);
		am_drain_events(&amd);
		am_invalidate_page(&amd, AMD_DOMAIN, 0x7000); /* not the entry */
		assert_true(missed(&amd).suppressed);
		am_invalidate_device(&amd, AMD_RID);
	}
	am_stop(&amd);
}

static void without_either_every_page_fault_is_logged(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_false(is_foretold_silent(&amd));
		assert_true(missed(&amd).recorded);
		assert_int_equal(am_events(&amd), i + 1);
	}
	am_stop(&amd);
}

/* SA and SE are for page faults: a walk that ends in another event does not say that it would be silent. */
static void other_events_are_not_foretold_silent(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	start(&amd, SA);
	am_plain_dte(&amd, dte);
	dte[0] |= BIT(2); /* reserved */
	dte[1] |= SA;
	am_set_dte(&amd, AMD_RID, dte);
	assert_false(is_foretold_silent(&amd));
	assert_true(am_access(amd.device, IOMMUSIM_DMA_READ, 0x7000, 8).fault.recorded);
	am_stop(&amd);
}

/* Silenced or not, the device is told the same. */
static void a_silenced_fault_is_a_fault(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, SE | SA);
	assert_true(missed(&amd).aborts);
	assert_int_equal(missed(&amd).class_, IOMMUSIM_FAULT_NOT_PRESENT);
	assert_int_equal(am_events(&amd), 0);
	am_stop(&amd);
}

/* What is not cached is read anew for each request: with SE each fault is a first one. */
static void without_caches_every_fault_is_the_first(void **state)
{
	const struct amd_setup setup = { .settings.cache = IOMMUSIM_CACHE_NONE };
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	am_start_enabled(&amd, &setup);
	am_plain_dte(&amd, dte);
	dte[1] |= SE;
	am_set_dte(&amd, AMD_RID, dte);
	for (unsigned i = 0; i < 3; i++) {
		assert_false(is_foretold_silent(&amd));
		assert_true(missed(&amd).recorded);
	}
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sa_keeps_every_page_fault_out_of_the_log),
		cmocka_unit_test(se_logs_the_first_page_fault_until_the_entry_is_read_again),
		cmocka_unit_test(without_either_every_page_fault_is_logged),
		cmocka_unit_test(a_silenced_fault_is_a_fault),
		cmocka_unit_test(without_caches_every_fault_is_the_first),
		cmocka_unit_test(other_events_are_not_foretold_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
