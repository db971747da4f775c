/* Release profiles: a table without holes, and the cells that RELEASES.md vouches for. */
#include "host_fixture.h"

static struct iommusim_policy cell(const struct iommusim_profile *profile, const char *column)
{
	struct iommusim_policy policy;

	for (size_t i = 0; iommusim_profile_policy(profile, i, &policy); i++)
		if (strcmp(policy.column, column) == 0)
			return policy;
	fail_msg("no column \"%s\"", column);
	return policy;
}

static size_t columns_of(const struct iommusim_profile *profile)
{
	struct iommusim_policy policy;
	size_t count = 0;

	while (iommusim_profile_policy(profile, count, &policy))
		count++;
	return count;
}

static void every_cell_of_every_profile_is_filled(void **state)
{
	const struct iommusim_profile *profile;
	struct iommusim_policy policy;

	(void)state;
	for (size_t p = 0; (profile = iommusim_profile_at(p)) != NULL; p++) {
		assert_true(strlen(iommusim_profile_name(profile)) > 0);
		assert_true(strlen(iommusim_profile_about(profile)) > 0);
		for (size_t c = 0; iommusim_profile_policy(profile, c, &policy); c++) {
			assert_non_null(policy.column);
			assert_non_null(policy.value);
			assert_non_null(policy.meaning);
			assert_non_null(policy.source);
			assert_true(strlen(policy.column) > 0 && strlen(policy.value) > 0);
			assert_true(strlen(policy.meaning) > 0 && strlen(policy.source) > 0);
		}
	}
}

static void all_profiles_have_the_same_columns_each_once(void **state)
{
	const struct iommusim_profile *first = iommusim_profile_at(0), *profile;
	struct iommusim_policy a, b;

	(void)state;
	assert_true(columns_of(first) >= 15);
	for (size_t p = 0; (profile = iommusim_profile_at(p)) != NULL; p++) {
		assert_int_equal(columns_of(profile), columns_of(first));
		for (size_t c = 0; iommusim_profile_policy(profile, c, &a); c++) {
			assert_true(iommusim_profile_policy(first, c, &b));
			assert_string_equal(a.column, b.column);
		}
	}
	for (size_t c = 0; iommusim_profile_policy(first, c, &a); c++)
		for (size_t d = 0; d < c; d++) {
			assert_true(iommusim_profile_policy(first, d, &b));
			assert_string_not_equal(a.column, b.column);
		}
}

static void beyond_the_last_there_is_nothing(void **state)
{
	const struct iommusim_profile *first = iommusim_profile_at(0);
	struct iommusim_policy policy;
	size_t count = 0;

	(void)state;
	while (iommusim_profile_at(count) != NULL)
		count++;
	assert_null(iommusim_profile_at(count));
	assert_null(iommusim_profile_at(SIZE_MAX));
	assert_false(iommusim_profile_policy(first, columns_of(first), &policy));
	assert_false(iommusim_profile_policy(first, SIZE_MAX, &policy));
}

static void a_profile_is_found_by_its_own_name_only(void **state)
{
	const struct iommusim_profile *profile;

	(void)state;
	for (size_t p = 0; (profile = iommusim_profile_at(p)) != NULL; p++)
		assert_ptr_equal(iommusim_profile_find(iommusim_profile_name(profile)), profile);
	assert_null(iommusim_profile_find("13"));
	assert_null(iommusim_profile_find("13.00"));
	assert_null(iommusim_profile_find(""));
	assert_null(iommusim_profile_find("Reference"));
}

static void releases_stand_in_order_of_age_and_reference_is_no_release(void **state)
{
	static const char *const order[] = { "13.0", "13.1", "14.2", "reference" };
	const struct iommusim_profile *profile;
	size_t next = 0;

	(void)state;
	for (size_t p = 0; (profile = iommusim_profile_at(p)) != NULL && next < 4; p++)
		next += strcmp(iommusim_profile_name(profile), order[next]) == 0;
	assert_int_equal(next, 4);
}

/*
 * By hand from RELEASES.md: host pages R or K, DRHD 8 or 16, none X or E; the rest holds for every
 * tree.
 */
static void the_cells_are_what_the_releases_do(void **state)
{
	static const char *const columns[] = { "init", "no_iommu", "init_failure", "host_pages",
		"idle_ppt", "order", "flush", "hotplug", "unit_choice", "scope", "table_walk", "units",
		"gcmd", "violation", "destroy", "amd_enable", "amd_unit", "amd_alias", "amd_idle",
		"amd_remove", "amd_commands", "amd_domain_id", "amd_firmware" };
	static const char *const expected[][24] = {
		{ "13.0", "first-use", "enxio", "silent", "remove", "nowhere", "map-first",
		    "host-then-guest", "host-domain", "own", "start-bus", "until-other", "8", "bare",
		    "panic", "nothing", "opt-in", "first", "own", "open", "left", "blind", "counted",
		    "ignored" },
		{ "13.1", "first-use", "enxio", "silent", "keep", "nowhere", "map-first",
		    "host-then-guest", "host-domain", "own", "start-bus", "until-other", "8", "bare",
		    "panic", "nothing", "opt-in", "skipped", "own", "open", "left", "blind", "counted",
		    "ignored" },
		{ "14.2", "first-use", "enxio", "silent", "keep", "nowhere", "map-first",
		    "host-then-guest", "host-domain", "own", "start-bus", "until-other", "16", "bare",
		    "panic", "nothing", "opt-in", "skipped", "own", "open", "left", "blind", "counted",
		    "ignored" },
		{ "reference", "first-use", "errors", "told", "keep", "nowhere", "map-first", "changed",
		    "host-domain", "own", "topology", "all", "any", "restated", "error", "flush",
		    "always", "enxio", "alias", "blocked", "blocked", "room", "free", "heeded" },
	};

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		const struct iommusim_profile *profile = iommusim_profile_find(expected[p][0]);

		assert_non_null(profile);
		for (size_t c = 0; c < 22; c++)
			assert_string_equal(cell(profile, columns[c]).value, expected[p][c + 1]);
	}
}

static void the_same_value_means_the_same_in_every_profile(void **state)
{
	const struct iommusim_profile *a, *b;
	struct iommusim_policy left, right;

	(void)state;
	for (size_t p = 0; (a = iommusim_profile_at(p)) != NULL; p++)
		for (size_t q = 0; q < p; q++) {
			b = iommusim_profile_at(q);
			for (size_t c = 0; iommusim_profile_policy(a, c, &left); c++) {
				assert_true(iommusim_profile_policy(b, c, &right));
				assert_int_equal(strcmp(left.value, right.value) == 0,
				    strcmp(left.meaning, right.meaning) == 0);
			}
		}
}

static void the_fix_of_the_host_disk_story_names_its_source(void **state)
{
	(void)state;
	assert_contains(cell(iommusim_profile_find("13.1"), "host_pages").source, "D34607");
	assert_contains(cell(iommusim_profile_find("13.1"), "host_pages").source, "PR 260178");
	assert_false(cell(iommusim_profile_find("13.0"), "host_pages").assumed);
	assert_false(cell(iommusim_profile_find("13.1"), "host_pages").assumed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_every_profile_is_filled),
		cmocka_unit_test(all_profiles_have_the_same_columns_each_once),
		cmocka_unit_test(beyond_the_last_there_is_nothing),
		cmocka_unit_test(a_profile_is_found_by_its_own_name_only),
		cmocka_unit_test(releases_stand_in_order_of_age_and_reference_is_no_release),
		cmocka_unit_test(the_cells_are_what_the_releases_do),
		cmocka_unit_test(the_same_value_means_the_same_in_every_profile),
		cmocka_unit_test(the_fix_of_the_host_disk_story_names_its_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
