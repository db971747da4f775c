/*
 * One mapping made in several ways, table by table: as ranges, page by page, by lists, and page by page under the eyes
 * of a listener, who closes every short cut.
 */
#include "libiommusim/vmm/interpose.h"
#include "property/random.h"
#include "vmm/tables.h"

#define MOST 1500u /* pages of one call */

enum manner { AS_ASKED, PAGES, LISTS };

struct twin {
	struct tables tables;
	struct host host;
	enum manner manner;
};

static void hear(void *context, const struct iommusim_call *call)
{
	(void)call;
	++*(uint64_t *)context;
}

static void start(
    struct twin *twin, const char *profile, bool amdvi, enum manner manner, uint64_t *heard)
{
	const struct iommusim_listener listener = { .context = heard, .begin = hear };

	memset(twin, 0, sizeof(*twin));
	host_start(&twin->host, &(struct host_setup){ .profile = profile, .amdvi = amdvi });
	if (heard != NULL)
		assert_ok(iommusim_vmm_listen(twin->host.vmm, &listener));
	assert_ok(iommusim_sysctl_set(twin->host.vmm, "hw.vmm.amdvi.enable", 1));
	twin->tables.host = &twin->host;
	twin->tables.amdvi = amdvi;
	twin->manner = manner;
	assert_ok(
	    iommusim_iommu_create_domain(twin->host.vmm, UINT64_C(1) << 40, &twin->tables.domain));
}

static void renew(struct twin *twin)
{
	assert_ok(iommusim_iommu_destroy_domain(twin->host.vmm, twin->tables.domain));
	assert_ok(
	    iommusim_iommu_create_domain(twin->host.vmm, UINT64_C(1) << 40, &twin->tables.domain));
}

/* `pages` holds the host addresses; they lie in a row unless `scattered`. */
static void map(struct twin *twin, uint64_t gpa, const uint64_t *pages, unsigned count, bool scattered)
{
	size_t mapped = 0;

	if (twin->manner == LISTS || (twin->manner == AS_ASKED && scattered)) {
		assert_ok(iommusim_iommu_create_mapping_list(
		    twin->host.vmm, twin->tables.domain, gpa, pages, count, &mapped));
		assert_int_equal(mapped, count);
	} else if (twin->manner == AS_ASKED) {
		assert_ok(iommusim_iommu_create_mapping(
		    twin->host.vmm, twin->tables.domain, gpa, pages[0], count * PAGE));
	} else {
		for (unsigned i = 0; i < count; i++)
			assert_ok(iommusim_iommu_create_mapping(
			    twin->host.vmm, twin->tables.domain, gpa + i * PAGE, pages[i], PAGE));
	}
}

static void unmap(struct twin *twin, uint64_t gpa, unsigned count)
{
	const uint64_t step = twin->manner == PAGES ? PAGE : count * PAGE;

	for (uint64_t done = 0; done < count * PAGE; done += step)
		assert_ok(iommusim_iommu_remove_mapping(
		    twin->host.vmm, twin->tables.domain, gpa + done, step));
}

/* Somewhere round a boundary of a table of some level. */
static uint64_t somewhere(struct random *random)
{
	static const uint64_t round[] = { 0, UINT64_C(0x200000), UINT64_C(0x3fe00000),
		UINT64_C(0x7fffe00000), UINT64_C(0xffff800000) };

	return round[random_below(random, 5)] + random_below(random, 1200) * PAGE;
}

static unsigned some_pages(struct random *random)
{
	return 1 + (unsigned)random_below(random, random_below(random, 3) == 0 ? MOST : 6);
}

static void compare(const struct twin *twins, unsigned count, unsigned round)
{
	for (unsigned i = 1; i < count; i++) {
		if (!tables_are_alike(&twins[0].tables, &twins[i].tables))
			fail_msg("round %u: twin %u's tables are others", round, i);
		assert_int_equal(
		    vmm_table_pages(twins[0].host.vmm), vmm_table_pages(twins[i].host.vmm));
	}
}

static void live(struct twin *twins, unsigned count, uint64_t seed, unsigned rounds)
{
	static uint64_t pages[MOST];
	struct random random = { seed };

	for (unsigned round = 0; round < rounds; round++) {
		const uint64_t gpa = somewhere(&random), what = random_below(&random, 40);
		const unsigned many = some_pages(&random);

		for (unsigned i = 0; i < many; i++)
			pages[i] = what < 16 && i > 0 ? pages[i - 1] + PAGE
						      : random_below(&random, UINT64_C(1) << 27) * PAGE;
		if (what < 16 && random_below(&random, 2) == 0) /* large leaves want their alignment */
			for (unsigned i = 0; i < many; i++)
				pages[i] = (UINT64_C(1) << 32) + gpa + i * PAGE;
		for (unsigned i = 0; i < count; i++) {
			if (what == 39)
				renew(&twins[i]);
			else if (what < 26)
				map(&twins[i], gpa, pages, many, what >= 16);
			else
				unmap(&twins[i], gpa, many);
		}
		if (round % 8 == 7)
			compare(twins, count, round);
	}
	compare(twins, count, rounds);
}

static void however_a_mapping_is_made_its_tables_are_the_same(void **state)
{
	static struct twin twins[4];
	uint64_t heard = 0;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		start(&twins[0], "reference", amdvi, PAGES, &heard);
		start(&twins[1], "reference", amdvi, PAGES, NULL);
		start(&twins[2], "reference", amdvi, AS_ASKED, NULL);
		start(&twins[3], "reference", amdvi, LISTS, NULL);
		live(twins, 4, 11 + amdvi, 400);
		assert_true(heard > 1000);
		for (unsigned i = 0; i < 4; i++)
			host_stop(&twins[i].host);
	}
}

/* There a range is more, or less, than its pages are: the same calls, with the short cuts and without. */
static void so_they_are_where_a_range_is_not_its_pages(void **state)
{
	static const char *const profiles[] = { "reference+tables=dropped",
		"reference+leaves=large+tables=dropped", "reference+leaves=large",
		"reference+leaves=large-unsplit", "13.0+leaves=large" };
	static struct twin twins[2];
	uint64_t heard = 0;

	(void)state;
	for (unsigned p = 0; p < 5; p++)
		for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
			start(&twins[0], profiles[p], amdvi, AS_ASKED, &heard);
			start(&twins[1], profiles[p], amdvi, AS_ASKED, NULL);
			live(twins, 2, 21 + p, 400);
			for (unsigned i = 0; i < 2; i++)
				host_stop(&twins[i].host);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(however_a_mapping_is_made_its_tables_are_the_same),
		cmocka_unit_test(so_they_are_where_a_range_is_not_its_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
