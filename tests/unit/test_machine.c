/* A machine's life, its diagnostic, and that machines in one process do not see each other. */
#include "vtd_fixture.h"

#include <iommusim/acpi.h>

static void *allocate(void *context, size_t size)
{
	(void)context;
	(void)size;
	return NULL;
}

static void release(void *context, void *block, size_t size)
{
	(void)context;
	(void)block;
	(void)size;
}

static void an_allocator_with_half_its_callbacks_is_refused(void **state)
{
	static const struct iommusim_allocator bad[] = {
		{ .allocate = allocate },
		{ .release = release },
		{ .allocate = allocate, .release = release, .reserve = allocate },
		{ .allocate = allocate, .release = release, .unreserve = release },
	};
	struct iommusim_machine *machine = (struct iommusim_machine *)(uintptr_t)8;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct iommusim_machine_config config = { .allocator = &bad[i] };

		assert_int_equal(iommusim_machine_create(&config, &machine), IOMMUSIM_EINVAL);
		assert_null(machine);
	}
	assert_int_equal(iommusim_machine_create(NULL, NULL), IOMMUSIM_EINVAL);
	iommusim_machine_destroy(NULL);
}

static void an_empty_machine_has_nothing(void **state)
{
	struct iommusim_memory_window window;
	struct iommusim_machine *machine;
	uint64_t address;
	uint32_t length;

	(void)state;
	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_machine_diagnostic(machine)->status, IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_window(machine, 0, &window), IOMMUSIM_ENOENT);
	assert_null(iommusim_pci_at(machine, 0));
	assert_null(iommusim_unit_at(machine, 0));
	assert_null(iommusim_unit_for(machine, 0, 0));
	assert_int_equal(iommusim_acpi_find(machine, "DMAR", 0, &address, &length), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_clock_now(machine), 0);
	iommusim_machine_destroy(machine);
}

static void the_diagnostic_is_of_the_last_failure(void **state)
{
	const struct iommusim_diagnostic *diagnostic;
	struct iommusim_machine *machine;
	uint64_t value;

	(void)state;
	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	diagnostic = iommusim_machine_diagnostic(machine);
	iommusim_mmio_read(machine, 0x1000, 4, &value);
	assert_int_equal(diagnostic->status, IOMMUSIM_ENXIO);
	assert_non_null(strstr(diagnostic->text, "0x1000"));
	assert_int_equal(diagnostic->line, 0);
	assert_int_equal(diagnostic->column, 0);
	assert_int_equal(diagnostic->offset, UINT64_MAX);
	iommusim_memory_remove(machine, 0x2000);
	assert_int_equal(diagnostic->status, IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_memory_add(machine, 0, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(diagnostic->status, IOMMUSIM_ENOENT); /* a success leaves it */
	iommusim_machine_destroy(machine);
}

static void every_status_has_the_name_traces_use(void **state)
{
	static const char *const names[] = { "OK", "EINVAL", "ENOMEM", "ENOENT", "EEXIST", "ENXIO",
		"EBUSY", "EOPNOTSUPP", "EIO", "EFAULT", "EFORMAT", "ETIMEDOUT" };

	(void)state;
	assert_int_equal(IOMMUSIM_STATUS_COUNT, sizeof(names) / sizeof(*names));
	for (unsigned i = 0; i < IOMMUSIM_STATUS_COUNT; i++)
		assert_string_equal(iommusim_status_name((enum iommusim_status)i), names[i]);
	assert_string_equal(
	    iommusim_status_name((enum iommusim_status)IOMMUSIM_STATUS_COUNT), "unknown status");
	assert_string_equal(iommusim_status_name((enum iommusim_status)1000), "unknown status");
}

/* The same addresses, ids and domains on both: nothing of one shows on the other. */
static void two_machines_do_not_see_each_other(void **state)
{
	struct vtd_fixture one, two;

	(void)state;
	vt_start_enabled(&one, NULL);
	vt_start_enabled(&two, NULL);
	vt_map(&one, 0x5000, 0x100000, 3);
	vt_map(&two, 0x5000, 0x200000, 3);
	assert_int_equal(vt_output(&one, 0x5000), 0x100000);
	assert_int_equal(vt_output(&two, 0x5000), 0x200000);
	vt_unmap(&one, 0x5000);
	vt_unmap(&two, 0x5000);
	assert_int_equal(vt_invalidate_iotlb(&one, 1, 0, 0, 0), 1);
	assert_int_equal(vt_output(&two, 0x5000), 0x200000); /* still cached there */
	assert_int_equal(vt_reason(&one, IOMMUSIM_DMA_READ, 0x5000), 6);
	assert_int_equal(vt_get32(&two, R_FSTS), 0);
	vt_set32(&one, R_FECTL, 0);
	assert_int_equal(iommusim_interrupt_pending(one.machine), 1);
	assert_int_equal(iommusim_interrupt_pending(two.machine), 0);
	vt_command(&one, G_TE, false);
	assert_true(iommusim_unit_translating(two.unit));
	iommusim_step(one.machine, 1000);
	assert_true(iommusim_clock_now(two.machine) < 1000);
	vt_store(&one, 0x8000, 0x1234);
	assert_int_equal(vt_load(&two, 0x8000), 0);
	vt_stop(&one);
	assert_int_equal(vt_output(&two, 0x5000), 0x200000);
	vt_stop(&two);
}

/* One run: a unit with latency and an adverse cache under a mix of everything. All that can be seen. */
static void run(uint64_t seed, uint64_t *trace, unsigned length)
{
	const struct vtd_setup setup = { .seed = seed,
		.settings = { .cache = IOMMUSIM_CACHE_ADVERSE, .latency = 3 } };
	struct vtd_fixture vtd;

	vt_start(&vtd, &setup);
	vt_set64(&vtd, R_RTADDR, vtd.root_table);
	vt_set32(&vtd, R_GCMD, G_SRTP);
	iommusim_step(vtd.machine, 3);
	vt_set32(&vtd, R_GCMD, G_TE);
	iommusim_step(vtd.machine, 3);
	for (unsigned i = 0; i < 8; i++)
		vt_map(&vtd, i * UINT64_C(0x1000), 0x100000 + i * UINT64_C(0x1000), 3);
	for (unsigned i = 0; i < length; i++) {
		const struct iommusim_dma_page page =
		    vt_access(vtd.device, IOMMUSIM_DMA_READ, i * 5 % 9 * UINT64_C(0x1000), 8);

		if (i % 50 == 49)
			vt_set64(&vtd, R_IOTLB, BIT(63) | BIT(60));
		trace[i] = page.physical ^ (uint64_t)page.cached << 63 ^
		    (uint64_t)page.fault.reason << 48 ^ iommusim_clock_now(vtd.machine) << 32;
	}
	vt_stop(&vtd);
}

static void the_same_calls_and_seed_give_the_same_run(void **state)
{
	static uint64_t first[400], again[400], other[400];

	(void)state;
	run(7, first, 400);
	run(7, again, 400);
	run(8, other, 400);
	assert_memory_equal(first, again, sizeof(first));
	assert_memory_not_equal(first, other, sizeof(first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allocator_with_half_its_callbacks_is_refused),
		cmocka_unit_test(an_empty_machine_has_nothing),
		cmocka_unit_test(the_diagnostic_is_of_the_last_failure),
		cmocka_unit_test(every_status_has_the_name_traces_use),
		cmocka_unit_test(two_machines_do_not_see_each_other),
		cmocka_unit_test(the_same_calls_and_seed_give_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
