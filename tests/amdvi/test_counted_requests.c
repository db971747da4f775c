/*
 * What each counter source counts of requests of all kinds (AMD-Vi 3.4): nested and guest reads, pretranslated,
 * excluded, aborted. Host tables and caches, and the counters themselves: test_counters.c.
 */
#include "cache_scene.h"

/* Sources. */
enum {
	UNTRANSLATED = 0x01,
	PRETRANSLATED = 0x02,
	EXCLUDED = 0x03,
	ABORTED = 0x04,
	TOTAL = 0x05,
	ALL_READS = 0x0c,
	NESTED_READS = 0x0d,
	GUEST_READS = 0x0e
};

/* Counters 1 to 14 of bank 0, 256 bytes apart, count the source of their number. Value at 0, source at 8. */
static void count_all(struct scene *scene)
{
	for (unsigned source = 1; source <= 14; source++) {
		am_set64(&scene->amd, 0x40000 + source * 0x100, 0);
		am_set64(&scene->amd, 0x40008 + source * 0x100, source);
	}
}

/* Since count_all(), or since the last call. */
static uint64_t counted(struct scene *scene, unsigned source)
{
	const uint64_t count = am_get64(&scene->amd, 0x40000 + source * 0x100);

	am_set64(&scene->amd, 0x40000 + source * 0x100, 0);
	return count;
}

static const struct amd_setup counting = {
	.efr_set = F_PC, .counter_banks = 1, .counters = 15, .settings.cache = IOMMUSIM_CACHE_NONE
};

/* Each of four guest entries by four of the host's, the page by four, and one of the GCR3 table. */
static void reads_of_nested_walks(void **state)
{
	struct scene scene;

	(void)state;
	start_guest(&scene, &counting, 0, true);
	am_map(&scene.amd, 0x40000, 0x9000, 3);
	map_guest(&scene, 0x5000, 0x40000 | P | RW | US);
	count_all(&scene);
	assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
	assert_int_equal(counted(&scene, ALL_READS), 1 + 4 * (4 + 1) + 4);
	assert_int_equal(counted(&scene, NESTED_READS), 4 * 4 + 4);
	assert_int_equal(counted(&scene, GUEST_READS), 1 + 4);
	access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x40000); /* host tables alone */
	assert_int_equal(counted(&scene, ALL_READS), 4);
	assert_int_equal(counted(&scene, NESTED_READS), 0);
	assert_int_equal(counted(&scene, GUEST_READS), 0);
	/* translations that are answered count as others do */
	ask(scene.amd.device,
	    &(struct iommusim_dma_request){ .address = 0x5000,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.no_write = true,
		.has_pasid = true,
		.pasid = 5 });
	assert_int_equal(counted(&scene, ALL_READS), 1 + 4 * (4 + 1) + 4);
	assert_int_equal(counted(&scene, TOTAL), 3);
	assert_int_equal(counted(&scene, UNTRANSLATED), 0);
	am_stop(&scene.amd);
}

/* CONTROL.GCR3TRPMode: host tables lead to the GCR3 tables, too. Two of them here, GLX 1; PASID 205h. */
static void reads_of_gcr3_tables_at_guest_addresses(void **state)
{
	struct amd_setup setup = counting;
	struct scene scene;
	uint64_t lower;

	(void)state;
	setup.efr2 = F2_GCR3TRP;
	start_guest(&scene, &setup, 0, true);
	am_control(&scene.amd, BIT(58), 0);
	lower = am_page(&scene.amd);
	am_map(&scene.amd, scene.gcr3, scene.gcr3, 3);
	am_map(&scene.amd, lower, lower, 3);
	am_map(&scene.amd, 0x40000, 0x9000, 3);
	am_store(&scene.amd, scene.gcr3 + 8, lower | 1);
	am_store(&scene.amd, lower + 5 * UINT64_C(8), scene.guest[3] | 1);
	scene.dte[0] |= BIT(56);
	set_dte(&scene);
	map_guest(&scene, 0x5000, 0x40000 | P | RW | US);
	count_all(&scene);
	assert_false(access_as(scene.amd.device, 0x205, IOMMUSIM_DMA_READ, 0x5000).faulted);
	assert_int_equal(counted(&scene, ALL_READS), 2 * (4 + 1) + 4 * (4 + 1) + 4);
	assert_int_equal(counted(&scene, NESTED_READS), 2 * 4 + 4 * 4 + 4);
	assert_int_equal(counted(&scene, GUEST_READS), 2 + 4);
	am_stop(&scene.amd);
}

static void reads_of_guest_tables_alone(void **state)
{
	struct scene scene;

	(void)state;
	start_guest(&scene, &counting, 0, false);
	map_guest(&scene, 0x5000, 0x9000 | P | RW | US);
	count_all(&scene);
	assert_false(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
	assert_int_equal(counted(&scene, ALL_READS), 1 + 4);
	assert_int_equal(counted(&scene, NESTED_READS), 0);
	assert_int_equal(counted(&scene, GUEST_READS), 1 + 4);
	assert_int_equal(counted(&scene, UNTRANSLATED), 0);
	access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000); /* Mode 0 */
	assert_int_equal(counted(&scene, ALL_READS), 0);
	assert_int_equal(counted(&scene, UNTRANSLATED), 1);
	am_stop(&scene.amd);
}

static void requests_of_each_kind(void **state)
{
	const struct iommusim_dma_request translated = { .address = 0x5000,
		.address_type = IOMMUSIM_DMA_TRANSLATED };
	struct scene scene;

	(void)state;
	start(&scene, &counting, 0);
	am_map(&scene.amd, 0x5000, 0x9000, 3);
	count_all(&scene);
	ask(scene.amd.device, &translated);
	assert_int_equal(counted(&scene, PRETRANSLATED), 1);
	assert_int_equal(counted(&scene, UNTRANSLATED), 0);
	am_set64(&scene.amd, A_EXCL_LIMIT, 0x5000);
	am_set64(&scene.amd, A_EXCL_BASE, 0x5003);
	access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000);
	assert_int_equal(counted(&scene, EXCLUDED), 1);
	assert_int_equal(counted(&scene, UNTRANSLATED), 0);
	assert_int_equal(counted(&scene, ALL_READS), 0);
	access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x7000);
	assert_int_equal(counted(&scene, EXCLUDED), 0);
	assert_int_equal(counted(&scene, ABORTED), 1);
	translate(scene.amd.device, 0x7000, false); /* answered: no abort */
	assert_int_equal(counted(&scene, ABORTED), 0);
	assert_int_equal(counted(&scene, PRETRANSLATED), 0);
	assert_int_equal(counted(&scene, TOTAL), 4);
	am_stop(&scene.amd);
}

/* A user's request for a supervisor's page: the event alone tells of it (2.5.3). */
static void what_is_not_aborted_is_not_counted_so(void **state)
{
	struct scene scene;

	(void)state;
	start_guest(&scene, &counting, 0, false);
	map_guest(&scene, 0x5000, 0x9000 | P | RW);
	count_all(&scene);
	assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x5000).faulted);
	assert_int_equal(counted(&scene, ABORTED), 0);
	assert_true(access_as(scene.amd.device, 5, IOMMUSIM_DMA_READ, 0x6000).faulted);
	assert_int_equal(counted(&scene, ABORTED), 1);
	am_stop(&scene.amd);
}

/* DMA is its device's and, where the entry is valid, its domain's. Matches: 10h on, 31 enables, 63:32 mask. */
static void dma_belongs_to_device_and_domain(void **state)
{
	enum { BY_DEVICE = 1, BY_OTHER_DEVICE, BY_DOMAIN, BY_DOMAIN_0 };
	const uint64_t all = BIT(31) | UINT64_C(0xffff) << 32;
	struct scene scene;

	(void)state;
	start(&scene, &counting, 0);
	am_map(&scene.amd, 0x5000, 0x9000, 3);
	am_set64(&scene.amd, 0x40020 + BY_DEVICE * 0x100, all | AMD_RID);
	am_set64(&scene.amd, 0x40020 + BY_OTHER_DEVICE * 0x100, all | OTHER_RID);
	am_set64(&scene.amd, 0x40018 + BY_DOMAIN * 0x100, all | AMD_DOMAIN);
	am_set64(&scene.amd, 0x40018 + BY_DOMAIN_0 * 0x100, all);
	for (unsigned counter = BY_DEVICE; counter <= BY_DOMAIN_0; counter++)
		am_set64(&scene.amd, 0x40008 + counter * 0x100, TOTAL);
	access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000);
	access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x6000);
	assert_int_equal(counted(&scene, BY_DEVICE), 2);
	assert_int_equal(counted(&scene, BY_OTHER_DEVICE), 0);
	assert_int_equal(counted(&scene, BY_DOMAIN), 2);
	assert_int_equal(counted(&scene, BY_DOMAIN_0), 0);
	scene.dte[0] = 0; /* V=0: bits 127:1 mean nothing, the domain included */
	scene.dte[1] = 0;
	set_dte(&scene);
	access_as(scene.other, NO_PASID, IOMMUSIM_DMA_READ, 0x5000);
	assert_int_equal(counted(&scene, BY_DEVICE), 0);
	assert_int_equal(counted(&scene, BY_OTHER_DEVICE), 1);
	assert_int_equal(counted(&scene, BY_DOMAIN), 0);
	assert_int_equal(counted(&scene, BY_DOMAIN_0), 0);
	am_stop(&scene.amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_of_nested_walks),
		cmocka_unit_test(reads_of_gcr3_tables_at_guest_addresses),
		cmocka_unit_test(reads_of_guest_tables_alone),
		cmocka_unit_test(requests_of_each_kind),
		cmocka_unit_test(what_is_not_aborted_is_not_counted_so),
		cmocka_unit_test(dma_belongs_to_device_and_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
