/*
 * What mappings cost in memory: pages for tables, counted, and whatever else the library takes. How long they take is
 * the bench's.
 */
#include <sys/resource.h>

#include "libiommusim/vmm/interpose.h"
#include "host_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHED 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif

/* A host whose table reserve holds the tables of 256 GiB, and no window of which is too large for valgrind. */
#define LARGE_RAM (34 * GIB)

struct scene {
	struct host host;
	struct host_memory memory;
	struct iommusim_domain *domain;
	uint64_t pages_before; /* of tables, the domain's root among them */
	int64_t bytes_before;
};

static void open_scene(struct scene *scene, bool amdvi, uint64_t ram)
{
	memset(scene, 0, sizeof(*scene));
	host_memory_init(&scene->memory);
	host_start(
	    &scene->host, &(struct host_setup){ .amdvi = amdvi, .ram = ram, .memory = &scene->memory });
	assert_ok(iommusim_sysctl_set(scene->host.vmm, "hw.vmm.amdvi.enable", 1));
	assert_ok(iommusim_iommu_create_domain(scene->host.vmm, UINT64_C(1) << 40, &scene->domain));
	scene->pages_before = vmm_table_pages(scene->host.vmm);
	scene->bytes_before = scene->memory.bytes;
}

static void close_scene(struct scene *scene)
{
	host_stop(&scene->host);
	assert_int_equal(scene->memory.bytes, 0);
}

static uint64_t pages_more(const struct scene *scene)
{
	return vmm_table_pages(scene->host.vmm) - scene->pages_before;
}

/* Neighbours in the guest lie far apart in the host; 34 is no power of two, so that no page is met twice. */
static uint64_t scattered(uint64_t page)
{
	return page * UINT64_C(0x9e3779b1) % (LARGE_RAM / PAGE) * PAGE;
}

static void map_scattered(struct scene *scene, uint64_t size)
{
	for (uint64_t page = 0; page < size / PAGE; page++)
		if (iommusim_iommu_create_mapping(scene->host.vmm, scene->domain, page * PAGE,
			scattered(page), PAGE) != IOMMUSIM_OK)
			fail_msg("page %llu", (unsigned long long)page);
}

/* Tables of 512 entries: one for each 2 MiB, 1 GiB and 512 GiB that has a page in it (four levels; the root is there). */
static uint64_t tables_for(uint64_t size)
{
	return size / (2 * MIB) + (size + GIB - 1) / GIB + (size + 512 * GIB - 1) / (512 * GIB);
}

static void a_guest_of_any_size_costs_its_tables_and_nothing_else(void **state)
{
	static const uint64_t sizes[] = { 2 * MIB, 64 * MIB, GIB, 3 * GIB };
	struct scene scene;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++)
		for (unsigned i = 0; i < 4; i++) {
			open_scene(&scene, amdvi, GIB);
			map_scattered(&scene, sizes[i]);
			assert_int_equal(pages_more(&scene), tables_for(sizes[i]));
			assert_int_equal(scene.memory.bytes, scene.bytes_before);
			/* PERF: 8.1 bytes for each mapping, and 2 MiB */
			assert_true(
			    pages_more(&scene) * PAGE * 10 <= 81 * (sizes[i] / PAGE) + 10 * (2 * MIB));
			close_scene(&scene);
		}
}

static void what_is_mapped_again_costs_nothing(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, false, GIB);
	map_scattered(&scene, 64 * MIB);
	for (unsigned round = 0; round < 3; round++) {
		assert_ok(iommusim_iommu_remove_mapping(scene.host.vmm, scene.domain, 0, 64 * MIB));
		map_scattered(&scene, 64 * MIB);
		assert_int_equal(pages_more(&scene), tables_for(64 * MIB));
	}
	close_scene(&scene);
}

static void a_domain_gives_all_of_it_back(void **state)
{
	struct scene scene;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		open_scene(&scene, amdvi, 64 * MIB);
		/* 16 MiB at most are kept for tables: twenty such domains are had one after the other only. */
		for (unsigned round = 0; round < 20; round++) {
			map_scattered(&scene, GIB);
			assert_ok(iommusim_iommu_destroy_domain(scene.host.vmm, scene.domain));
			assert_int_equal(vmm_table_pages(scene.host.vmm), scene.pages_before - 1);
			assert_int_equal(scene.memory.bytes < scene.bytes_before, 1);
			assert_ok(iommusim_iommu_create_domain(
			    scene.host.vmm, UINT64_C(1) << 40, &scene.domain));
		}
		close_scene(&scene);
	}
}

/* Bytes of memory that this process had at most so far. */
static uint64_t most_resident(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return (uint64_t)usage.ru_maxrss * KIB;
}

/* The first test that runs: what others leave behind would count. */
static void a_guest_of_256_gib_stays_within_64_mib_of_its_tables(void **state)
{
#ifdef WATCHED
	const uint64_t size =
	    16 * GIB; /* a sanitizer keeps several bytes for each: it sees a smaller one */
#else
	const uint64_t size = 256 * GIB;
#endif
	uint64_t before, after, tables;
	struct scene scene;

	(void)state;
	open_scene(&scene, false, LARGE_RAM);
	before = most_resident();
	map_scattered(&scene, size);
	tables = pages_more(&scene);
	assert_int_equal(tables, tables_for(size));
	assert_int_equal(scene.memory.bytes, scene.bytes_before);
	assert_ok(iommusim_iommu_destroy_domain(scene.host.vmm, scene.domain));
	assert_int_equal(vmm_table_pages(scene.host.vmm), scene.pages_before - 1);
	after = most_resident();
	print_message("%llu GiB: %llu MiB of tables, %llu MiB of memory\n",
	    (unsigned long long)(size / GIB), (unsigned long long)(tables * PAGE / MIB),
	    (unsigned long long)((after - before) / MIB));
#ifndef WATCHED
	assert_true(after - before <= tables * PAGE + 64 * MIB);
#endif
	close_scene(&scene);
}

/* A device that writes by what it kept hits pages that were given back: their links lead anywhere then. */
static void a_page_that_was_given_back_may_be_written_to(void **state)
{
	static const uint64_t links[] = { UINT64_C(0xdeadbeefcafe0000), 8, UINT64_C(1) << 40, 0 };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		uint64_t root;

		host_start(&host, NULL);
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0, 0, PAGE));
		root = host_load(&host, host_context_at(&host, HOST_PPT1)) & ~(PAGE - 1);
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
		host_store(&host, root, links[i]);
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x7000, PAGE));
		assert_int_equal(host_look(host.ppt1, 0x5000).physical, 0x7000);
		host_stop(&host);
	}
}

/* Where the first step of a walk reads its entry. */
static uint64_t first_entry(struct host *host, uint64_t address)
{
	static struct iommusim_walk walk;
	const struct iommusim_dma_request request = { .address = address, .length = 1 };

	assert_ok(iommusim_walk(host->ppt1, &request, &walk));
	for (unsigned i = 0; i < walk.step_count; i++)
		if (walk.steps[i].level == 4)
			return walk.steps[i].address;
	fail_msg("the walk has no entry of level 4");
	return 0;
}

/* A device that reaches tables writes to them: what the driver finds there afterwards leads anywhere. */
static void tables_may_be_written_to(void **state)
{
	/* Present, as a table's entry is: to no memory; to memory that is no table; to the table itself. */
	static const uint64_t leads[] = { UINT64_C(0x000fdeadbeef0000), 0x5000, 0 };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(leads) / sizeof(*leads); i++) {
		const uint64_t lead = leads[i / 2];
		uint64_t entry, good;

		host_start(&host, &(struct host_setup){ .amdvi = i % 2 == 1 });
		assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 1));
		assert_ok(iommusim_iommu_create_domain(host.vmm, UINT64_C(1) << 40, &domain));
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x7000, PAGE));
		entry = first_entry(&host, 0x5000);
		good = host_load(&host, entry);
		host_store(&host, entry,
		    (good & ~UINT64_C(0x000ffffffffff000)) | (lead != 0 ? lead : entry & ~(PAGE - 1)));
		/* Elsewhere in that gigabyte, so that what was used last is no help. */
		(void)iommusim_iommu_create_mapping(host.vmm, domain, 0x40000000 - PAGE, 0x9000, PAGE);
		(void)iommusim_iommu_remove_mapping(host.vmm, domain, 0x20000000, 4 * PAGE);
		(void)iommusim_iommu_remove_mapping(host.vmm, domain, 0x5000, PAGE);
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
		assert_ok(iommusim_iommu_create_domain(host.vmm, UINT64_C(1) << 40, &domain));
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x6000, 0x8000, PAGE));
		if (lead != 0) /* else it was given back twice, and is two tables at once now */
			assert_int_equal(host_look(host.ppt1, 0x6000).physical, 0x8000);
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_of_256_gib_stays_within_64_mib_of_its_tables),
		cmocka_unit_test(a_guest_of_any_size_costs_its_tables_and_nothing_else),
		cmocka_unit_test(what_is_mapped_again_costs_nothing),
		cmocka_unit_test(a_domain_gives_all_of_it_back),
		cmocka_unit_test(a_page_that_was_given_back_may_be_written_to),
		cmocka_unit_test(tables_may_be_written_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
