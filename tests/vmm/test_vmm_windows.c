/*
 * A call for one page that has become a store: whoever has to be told of it, and whatever makes it fail, comes in time,
 * however often it was a store before.
 */
#include "vmm/tables.h"

#define GPA UINT64_C(0x40000)

/* A domain with ppt2 in it, and two pages mapped so that a third one would be a store. */
static struct iommusim_domain *start(struct host *host, const struct host_setup *setup)
{
	struct iommusim_domain *domain;

	host_start(host, setup);
	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, HOST_PPT2));
	assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, GPA, 0x5000, PAGE));
	assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, GPA + PAGE, 0x6000, PAGE));
	return domain;
}

static void hear(void *context, const struct iommusim_call *call)
{
	(void)call;
	++*(unsigned *)context;
}

static void who_begins_to_listen_hears_the_next_call(void **state)
{
	unsigned heard = 0;
	const struct iommusim_listener listener = { .context = &heard, .begin = hear };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = start(&host, NULL);
	assert_ok(iommusim_vmm_listen(host.vmm, &listener));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, GPA, 0x7000, PAGE));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GPA + PAGE, PAGE));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, GPA + PAGE, 0x8000, PAGE));
	assert_int_equal(heard, 3);
	iommusim_vmm_unlisten(host.vmm, &heard);
	for (unsigned i = 0; i < 3; i++)
		assert_ok(iommusim_iommu_create_mapping(
		    host.vmm, domain, GPA + i * PAGE, 0x9000 + i * PAGE, PAGE));
	assert_int_equal(heard, 3);
	assert_int_equal(host_look(host.ppt2, GPA + 2 * PAGE).physical, 0xb000);
	host_stop(&host);
}

static void a_panic_ends_it(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = start(&host, &(struct host_setup){ .profile = "13.0" });
	assert_status(
	    iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT2), IOMMUSIM_EFAULT); /* twice */
	assert_status(
	    iommusim_iommu_create_mapping(host.vmm, domain, GPA, 0x7000, PAGE), IOMMUSIM_EFAULT);
	assert_status(
	    iommusim_iommu_remove_mapping(host.vmm, domain, GPA + PAGE, PAGE), IOMMUSIM_EFAULT);
	assert_int_equal(host_look(host.ppt2, GPA).physical, 0x5000);
	assert_int_equal(host_look(host.ppt2, GPA + PAGE).physical, 0x6000);
	host_stop(&host);
}

static void so_does_an_unload(void **state)
{
	struct iommusim_domain *domain;
	struct tables tables;
	struct host host;

	(void)state;
	domain = start(&host, NULL);
	tables = (struct tables){ .host = &host, .domain = domain };
	assert_int_equal(tables_count(&tables), 3);
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_status(
	    iommusim_iommu_create_mapping(host.vmm, domain, GPA, 0x7000, PAGE), IOMMUSIM_EOPNOTSUPP);
	assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, GPA, PAGE), IOMMUSIM_EOPNOTSUPP);
	host_stop(&host);
}

static void a_length_or_an_address_that_is_none_is_refused_as_ever(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = start(&host, NULL);
	assert_status(
	    iommusim_iommu_create_mapping(host.vmm, domain, GPA + 8, 0x7000, PAGE), IOMMUSIM_EINVAL);
	assert_status(
	    iommusim_iommu_create_mapping(host.vmm, domain, GPA, 0x7008, PAGE), IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, GPA, 0x7000, 0), IOMMUSIM_EINVAL);
	assert_status(
	    iommusim_iommu_create_mapping(host.vmm, domain, GPA, UINT64_C(0xfffffffffffff000), PAGE),
	    IOMMUSIM_EINVAL);
	assert_status(
	    iommusim_iommu_remove_mapping(host.vmm, domain, GPA + 0xfff, PAGE), IOMMUSIM_EINVAL);
	assert_status(iommusim_iommu_remove_mapping(host.vmm, domain, GPA, PAGE + 1), IOMMUSIM_EINVAL);
	assert_int_equal(host_look(host.ppt2, GPA).physical, 0x5000);
	assert_int_equal(host_look(host.ppt2, GPA + PAGE).physical, 0x6000);
	host_stop(&host);
}

/* The pages round a table: the last one of it, the first one of the next, one before it begins. */
static void beside_the_table_the_call_finds_its_own(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = start(&host, NULL);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x200000, 0x5000, PAGE));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x1ff000, 0x6000, PAGE));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x3ff000, 0x7000, PAGE));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x400000, 0x8000, PAGE));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x3fe000, 0x9000, PAGE));
	assert_int_equal(host_look(host.ppt2, 0x1ff000).physical, 0x6000);
	assert_int_equal(host_look(host.ppt2, 0x200000).physical, 0x5000);
	assert_int_equal(host_look(host.ppt2, 0x3fe000).physical, 0x9000);
	assert_int_equal(host_look(host.ppt2, 0x3ff000).physical, 0x7000);
	assert_int_equal(host_look(host.ppt2, 0x400000).physical, 0x8000);
	host_stop(&host);
}

/* A unit with write buffers is told of each store where the profile has it so (VT-d 6.8). */
static void write_buffers_are_flushed_for_each_page(void **state)
{
	static struct host_log log;
	struct iommusim_domain *domain;
	struct host host;
	size_t flushes = 0;

	(void)state;
	domain = start(&host,
	    &(struct host_setup){ .profile = "reference+write_buffer=each", .cap_set = HOST_CAP_RWBF });
	host_watch(&host, &log);
	for (unsigned i = 0; i < 5; i++)
		assert_ok(iommusim_iommu_create_mapping(
		    host.vmm, domain, GPA + i * PAGE, 0x9000 + i * PAGE, PAGE));
	for (size_t i = 0; i < log.count; i++)
		flushes += (log.at[i].value & G_WBF) != 0;
	assert_int_equal(flushes, 10); /* two units */
	host_stop(&host);
}

static void caches_are_written_back_for_each_page(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	domain = start(&host, &(struct host_setup){ .device_view = true });
	for (unsigned i = 0; i < 5; i++)
		assert_ok(iommusim_iommu_create_mapping(
		    host.vmm, domain, GPA + i * PAGE, 0x9000 + i * PAGE, PAGE));
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(host_look(host.ppt2, GPA + i * PAGE).physical, 0x9000 + i * PAGE);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GPA, PAGE));
	assert_true(host_look(host.ppt2, GPA).faulted);
	host_stop(&host);
}

static void see(void *context, uint64_t address, uint64_t length)
{
	(void)address;
	assert_int_equal(length, 8);
	++*(unsigned *)context;
}

static void who_watches_stores_sees_each(void **state)
{
	unsigned seen = 0;
	const struct iommusim_store_watcher watcher = { .context = &seen, .stored = see };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	host_start(&host, NULL);
	host_init(&host);
	assert_ok(iommusim_memory_watch(host.machine, &watcher));
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, GPA, 0x5000, PAGE));
	assert_int_equal(seen, 3); /* two tables and a leaf */
	for (unsigned i = 0; i < 5; i++)
		assert_ok(iommusim_iommu_create_mapping(
		    host.vmm, domain, GPA + i * PAGE, 0x9000 + i * PAGE, PAGE));
	for (unsigned i = 0; i < 5; i++)
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GPA + i * PAGE, PAGE));
	assert_int_equal(seen, 13);
	host_stop(&host);
}

/* Where removals are invalidated one by one, or counted, a store is not all of them. */
static void removals_are_invalidated_as_the_profile_has_it(void **state)
{
	static struct host_log log;
	struct iommusim_domain *domain;
	struct host host;
	size_t strict;

	(void)state;
	domain = start(&host, &(struct host_setup){ .profile = "reference+invalidate=strict" });
	host_watch(&host, &log);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GPA, PAGE));
	strict = log.count;
	assert_true(strict > 0);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GPA + PAGE, PAGE));
	assert_int_equal(log.count, 2 * strict);
	host_stop(&host);

	domain = start(&host, &(struct host_setup){ .profile = "reference+invalidate=deferred" });
	log.count = 0;
	host_watch(&host, &log);
	for (unsigned i = 0; i < 63; i++)
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GPA, PAGE));
	assert_int_equal(log.count, 0);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GPA, PAGE));
	assert_true(log.count > 0);
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_begins_to_listen_hears_the_next_call),
		cmocka_unit_test(a_panic_ends_it),
		cmocka_unit_test(so_does_an_unload),
		cmocka_unit_test(a_length_or_an_address_that_is_none_is_refused_as_ever),
		cmocka_unit_test(beside_the_table_the_call_finds_its_own),
		cmocka_unit_test(write_buffers_are_flushed_for_each_page),
		cmocka_unit_test(caches_are_written_back_for_each_page),
		cmocka_unit_test(who_watches_stores_sees_each),
		cmocka_unit_test(removals_are_invalidated_as_the_profile_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
