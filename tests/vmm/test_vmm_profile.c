/* Release profiles: a table without holes, and the cells that RELEASES.md vouches for. */
#include <stdio.h>

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

static void releases_stand_in_order_of_age_and_variations_come_last(void **state)
{
	static const char *const order[] = { "10.3", "11.1", "11.2", "12.0", "12.2", "13.0", "13.1",
		"13.2", "14.0", "14.1", "14.2", "14.3", "15.0", "reference", "bounce", "superpages",
		"superpages-unsplit", "strict", "deferred", "selective" };

	(void)state;
	for (size_t p = 0; p < sizeof(order) / sizeof(*order); p++)
		assert_string_equal(iommusim_profile_name(iommusim_profile_at(p)), order[p]);
	assert_null(iommusim_profile_at(sizeof(order) / sizeof(*order)));
}

/*
 * Where releases differ: a row a release, as it was established, with a `?` behind what is assumed. Columns:
 * init, no_iommu, host_pages, idle_ppt, reset, order, command, hotplug, unit_choice, units, amd_enable,
 * amd_unit, api, host_errors, memory.
 */
static const char *const differing[] = { "init", "no_iommu", "host_pages", "idle_ppt", "reset", "order",
	"command", "hotplug", "unit_choice", "units", "amd_enable", "amd_unit", "api", "host_errors",
	"memory" };

#define DIFFERING (sizeof(differing) / sizeof(*differing))

static const char *const releases[][1 + DIFFERING] = {
	{ "10.3", "load", "silent", "remove", "nowhere", "none", "map-first", "untouched", "nobody",
	    "first", "8", "stub", "first", "void", "ignored", "wired" },
	{ "11.1", "first-use", "enxio", "remove", "host", "flr", "map-first", "untouched",
	    "host-domain?", "first", "8", "stub", "first", "void", "ignored", "wired" },
	{ "11.2", "first-use", "enxio", "remove", "nowhere", "flr?", "map-first", "off-at-detach",
	    "host-domain?", "first", "8", "stub", "first", "void", "ignored", "wired" },
	{ "12.0", "first-use", "enxio", "remove", "nowhere", "flr-or-d3", "map-first", "off-at-detach",
	    "host-domain", "first", "8", "opt-in", "first", "void", "ignored", "wired" },
	{ "12.2", "first-use", "enxio", "remove", "nowhere", "flr-or-d3", "map-first", "off-at-detach",
	    "host-domain", "own", "8", "opt-in", "first", "void", "ignored", "wired" },
	{ "13.0", "first-use", "enxio", "remove", "nowhere", "flr-or-d3", "map-first", "off-at-detach",
	    "host-domain", "own", "8", "opt-in", "first", "void", "ignored", "wired" },
	{ "13.1", "first-use", "enxio", "keep", "nowhere", "flr-or-d3", "map-first", "off-at-detach",
	    "host-domain", "own", "8", "opt-in", "skipped", "void", "ignored", "wired" },
	{ "13.2", "first-use", "enxio", "keep", "nowhere", "flr-or-d3", "map-first", "off-at-detach",
	    "host-domain", "own", "16", "opt-in", "skipped", "void", "ignored", "wired" },
	{ "14.0", "first-use", "enxio", "keep", "nowhere", "flr-or-d3", "map-first", "off-at-detach",
	    "host-domain", "own", "16", "opt-in", "skipped", "void", "ignored", "wired" },
	{ "14.1", "first-use", "enxio", "keep", "nowhere", "flr-or-d3", "map-first", "off-at-detach",
	    "host-domain", "own", "16", "opt-in", "skipped", "void", "ignored", "wired" },
	{ "14.2", "first-use", "enxio", "keep", "nowhere", "flr-or-d3", "map-first", "off-at-detach?",
	    "host-domain", "own", "16", "opt-in", "skipped", "void", "ignored", "wired" },
	{ "14.3", "first-use", "enxio?", "keep", "nowhere", "flr-or-d3", "map-first?", "off-at-detach?",
	    "host-domain", "own", "16", "opt-in", "skipped?", "void?", "ignored?", "wired?" },
	{ "15.0", "first-use", "errors", "keep", "nowhere", "flr-or-d3", "add-first", "switched",
	    "host-domain", "own", "16", "opt-in", "enxio", "errors", "half-undone", "low-only" },
};

static void the_cells_are_what_the_releases_do(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof(releases) / sizeof(*releases); r++) {
		const struct iommusim_profile *profile = iommusim_profile_find(releases[r][0]);

		assert_non_null(profile);
		for (size_t c = 0; c < DIFFERING; c++) {
			const struct iommusim_policy found = cell(profile, differing[c]);
			char shown[64];

			snprintf(shown, sizeof(shown), "%s%s", found.value, found.assumed ? "?" : "");
			assert_string_equal(shown, releases[r][c + 1]);
		}
	}
}

/* A name may vary a profile of the table: column by column, and by nothing that is not there. */
static void a_profile_can_be_varied_by_its_name(void **state)
{
	static const char *const wrong[] = { "reference+", "reference+host_pages",
		"reference+host_pages=", "reference+host_pages=removed", "reference+reset=keep",
		"+host_pages=remove", "reference+host_pages=remove+", "13+host_pages=remove" };
	const struct iommusim_profile *varied;
	struct host host;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(iommusim_profile_exists(wrong[i]));
	assert_true(iommusim_profile_exists("13.0"));
	host_start(&host, &(struct host_setup){ .profile = "13.0+gcmd=restated+leaves=large" });
	varied = iommusim_vmm_profile(host.vmm);
	assert_string_equal(iommusim_profile_name(varied), "13.0+gcmd=restated+leaves=large");
	assert_string_equal(cell(varied, "gcmd").value, "restated");
	assert_string_equal(cell(varied, "leaves").value, "large");
	assert_string_equal(cell(varied, "host_pages").value, "remove");
	assert_string_equal(cell(varied, "owner").value, "unaware");
	host_stop(&host);
}

/* What no release does otherwise, and what of it the reference does. */
static void what_all_releases_have_in_common(void **state)
{
	static const char *const common[][3] = {
		{ "init_failure", "silent", "told" },
		{ "flush", "host-then-guest", "changed" },
		{ "invalidate", "afterwards", "afterwards" },
		{ "reach", "global", "global" },
		{ "interface", "registers", "queue" },
		{ "device_tlb", "forgotten", "invalidated" },
		{ "write_buffer", "invalidations", "each" },
		{ "leaves", "4k", "4k" },
		{ "tables", "kept", "kept" },
		{ "scope", "start-bus", "topology" },
		{ "table_walk", "until-other", "all" },
		{ "regmap", "alone", "unread" },
		{ "gcmd", "bare", "restated" },
		{ "owner", "unaware", "refuses" },
		{ "violation", "panic", "error" },
		{ "amd_alias", "own", "alias" },
		{ "amd_firmware", "ignored", "heeded" },
		{ "amd_idle", "open", "blocked" },
		{ "amd_remove", "left", "blocked" },
		{ "amd_commands", "blind", "room" },
		{ "amd_domain_id", "counted", "free" },
		{ "destroy", "nothing", "flush" },
	};

	(void)state;
	for (size_t c = 0; c < sizeof(common) / sizeof(*common); c++) {
		for (size_t r = 0; r < sizeof(releases) / sizeof(*releases); r++)
			assert_string_equal(
			    cell(iommusim_profile_find(releases[r][0]), common[c][0]).value,
			    common[c][1]);
		assert_string_equal(
		    cell(iommusim_profile_find("reference"), common[c][0]).value, common[c][2]);
	}
	assert_int_equal(sizeof(common) / sizeof(*common) + DIFFERING,
	    columns_of(iommusim_profile_find("reference"))); /* no column is in neither table */
}

/* A variation is the reference but for the columns it is named after. */
static void variations_differ_from_the_reference_where_they_say(void **state)
{
	static const char *const variations[][5] = {
		{ "bounce", "host_pages", "bounce" },
		{ "superpages", "leaves", "large" },
		{ "superpages-unsplit", "leaves", "large-unsplit" },
		{ "strict", "invalidate", "strict" },
		{ "deferred", "invalidate", "deferred" },
		{ "selective", "invalidate", "strict", "reach", "selective" },
	};
	const struct iommusim_profile *reference = iommusim_profile_find("reference");
	struct iommusim_policy a, b;

	(void)state;
	for (size_t v = 0; v < sizeof(variations) / sizeof(*variations); v++) {
		const struct iommusim_profile *profile = iommusim_profile_find(variations[v][0]);
		const size_t named = variations[v][3] == NULL ? 1 : 2;
		size_t differ = 0;

		assert_non_null(profile);
		for (size_t n = 0; n < named; n++)
			assert_string_equal(
			    cell(profile, variations[v][1 + 2 * n]).value, variations[v][2 + 2 * n]);
		for (size_t c = 0; iommusim_profile_policy(profile, c, &a); c++) {
			assert_true(iommusim_profile_policy(reference, c, &b));
			differ += strcmp(a.value, b.value) != 0;
		}
		assert_int_equal(differ, named);
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
		cmocka_unit_test(releases_stand_in_order_of_age_and_variations_come_last),
		cmocka_unit_test(the_cells_are_what_the_releases_do),
		cmocka_unit_test(a_profile_can_be_varied_by_its_name),
		cmocka_unit_test(what_all_releases_have_in_common),
		cmocka_unit_test(variations_differ_from_the_reference_where_they_say),
		cmocka_unit_test(the_same_value_means_the_same_in_every_profile),
		cmocka_unit_test(the_fix_of_the_host_disk_story_names_its_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
