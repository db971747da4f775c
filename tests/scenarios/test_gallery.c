/*
 * Every story below scenarios/ under every profile and every cache policy, for each vendor it is told for: what it
 * expects must fit them all. What is cut down is counted and said.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/files.h"
#include "scenarios/story.h"

#include <iommusim/profile.h>
#include <iommusim/trace.h>

#define GIB (UINT64_C(1) << 30)

/* With more memory than that, a story is played under the usual cache policy alone, or as it stands alone. */
#define MEMORY_FOR_EACH_CACHE   GIB
#define MEMORY_FOR_EACH_PROFILE (8 * GIB)

static struct {
	unsigned played;
	unsigned failed;
	unsigned large; /* not played: it would take too long */
	unsigned
	    backend; /* not played: the release has no backend for the domains that the story makes by hand */
} count;

/* What its machine() pins down. */
struct story_machine {
	uint64_t memory;
	bool has_cache;
	bool makes_domains;
};

static struct story_machine read_machine(const char *text)
{
	struct story_machine machine = { .makes_domains =
					     strstr(text, "\niommu_create_domain(") != NULL };
	const char *line = strstr(text, "\nmachine("), *end, *at;
	char *unit;

	assert_non_null(line);
	end = strchr(line + 1, '\n');
	at = strstr(line, "cache=");
	machine.has_cache = at != NULL && at < end;
	at = strstr(line, "memory=");
	assert_true(at != NULL && at < end);
	machine.memory = strtoull(at + strlen("memory="), &unit, 0);
	machine.memory *= *unit == 'G' ? GIB : *unit == 'M' ? GIB >> 10 : 1;
	return machine;
}

static void failure(void *context, uint32_t line, const char *statement, const char *text)
{
	print_message("%s:%u: %s: %s\n", (const char *)context, line, statement, text);
}

static void finding(void *context, const struct iommusim_finding *what, bool expected)
{
	if (!expected)
		print_message("%s:%u: finding %s: %s\n", (const char *)context, what->place.line,
		    iommusim_finding_name(what->id), what->text);
}

/* False: the story is the other vendor's alone. */
static bool play(
    const char *path, const char *text, size_t length, const struct iommusim_replay_options *asked)
{
	struct iommusim_replay_options options = *asked;
	struct iommusim_replay_summary summary;
	struct iommusim_diagnostic diagnostic;
	enum iommusim_status status;
	char name[4096];

	strncpy(name, path, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	options.context = name;
	options.on_failure = failure;
	options.on_finding = finding;
	status = iommusim_replay(path, text, length, &options, &summary, &diagnostic);
	if (status == IOMMUSIM_EOPNOTSUPP)
		return false;
	count.played++;
	if (status != IOMMUSIM_OK)
		print_message(
		    "%s:%u:%u: %s\n", path, diagnostic.line, diagnostic.column, diagnostic.text);
	if (status != IOMMUSIM_OK || !iommusim_replay_passed(&summary)) {
		count.failed++;
		print_message(
		    "%s: on %s under %s, cache %s: %llu expectations failed, %llu DMAs and %llu "
		    "findings unexpected\n",
		    path, iommusim_vendor_name(options.vendor), options.profile,
		    options.has_cache ? iommusim_cache_policy_name(options.cache) : "of the story",
		    (unsigned long long)summary.expectations_failed,
		    (unsigned long long)summary.unexpected_dma,
		    (unsigned long long)summary.unexpected_findings);
	}
	return true;
}

static bool has_no_backend(const struct iommusim_profile *profile, enum iommusim_vendor vendor)
{
	struct iommusim_policy policy;

	for (size_t i = 0; iommusim_profile_policy(profile, i, &policy); i++)
		if (strcmp(policy.column, "amd_enable") == 0)
			return vendor == IOMMUSIM_VENDOR_AMDVI && strcmp(policy.value, "stub") == 0;
	fail_msg("there is no column amd_enable");
	return false;
}

static void play_on(enum iommusim_vendor vendor, const char *path, const char *text, size_t length)
{
	static const enum iommusim_cache_policy caches[] = { IOMMUSIM_CACHE_HOARD, IOMMUSIM_CACHE_NONE,
		IOMMUSIM_CACHE_SIZED, IOMMUSIM_CACHE_ADVERSE };
	const struct story_machine machine = read_machine(text);
	const size_t policies = machine.has_cache ? 1 : sizeof(caches) / sizeof(*caches);
	const struct iommusim_profile *profile;

	for (size_t i = 0; (profile = iommusim_profile_at(i)) != NULL; i++) {
		for (size_t j = 0; j < policies; j++) {
			const struct iommusim_replay_options options = {
				.vendor = vendor,
				.profile = iommusim_profile_name(profile),
				.has_cache = !machine.has_cache,
				.cache = caches[j],
			};

			if (machine.memory > MEMORY_FOR_EACH_PROFILE ||
			    (machine.memory > MEMORY_FOR_EACH_CACHE && j > 0))
				count.large++;
			else if (machine.makes_domains && has_no_backend(profile, vendor))
				count.backend++;
			else if (!play(path, text, length, &options))
				return;
		}
	}
}

static void play_on_each(const char *path, const char *text, size_t length)
{
	play_on(IOMMUSIM_VENDOR_VTD, path, text, length);
	play_on(IOMMUSIM_VENDOR_AMDVI, path, text, length);
}

static void every_story_fits_every_profile_and_cache(void **state)
{
	(void)state;
	if (for_each_scenario(play_on_each) == 0)
		skip();
	print_message(
	    "%u played; not played: %u for their memory, %u where a release has no AMD-Vi backend\n",
	    count.played, count.large, count.backend);
	assert_int_equal(count.failed, 0);
	assert_true(count.played > 3000);
	assert_true(count.large < 1000 && count.backend < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
	    every_story_fits_every_profile_and_cache) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
