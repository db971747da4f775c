/* Playing a random life, and making a life that goes wrong as short as it gets. */
#include "property/lifecycle.h"

#include <stdio.h>

#include "property/lifecycle_world.h"

void life_wrong(struct life_world *world, const char *format, ...)
{
	const unsigned step = world->step;
	va_list arguments;
	int length;

	world->facts.otherwise++;
	if (world->wrong[0] != '\0' || (world->policy != NULL && world->policy->verdicts))
		return;
	length = snprintf(world->wrong, 64, "step %u: ", step);
	va_start(arguments, format);
	vsnprintf(
	    world->wrong + length, sizeof(((struct life_result *)0)->wrong) - 64, format, arguments);
	va_end(arguments);
}

bool life_returned(struct life_world *world, const char *call, enum iommusim_status status,
    enum iommusim_status expected)
{
	if (status != expected)
		life_wrong(world, "%s returned %s, and must return %s: %s", call,
		    iommusim_status_name(status), iommusim_status_name(expected),
		    iommusim_machine_diagnostic(world->machine)->text);
	return status == IOMMUSIM_OK;
}

bool life_hindered(const struct life_world *world)
{
	return world->life->board.hindrance != LIFE_NOTHING;
}

uint64_t life_host_end(const struct life_world *world)
{
	const struct life_board *board = &world->life->board;

	return board->high != 0 ? 4 * GIB + board->high : board->low;
}

/* ---- from boot to the end ---------------------------------------------------------------------------- */

static void boot(struct life_world *world, const char *profile, const struct iommusim_text *trace)
{
	const struct iommusim_vmm_config config = {
		.profile = profile,
		.cpu = world->life->board.vendor == LIFE_AMDVI ? IOMMUSIM_CPU_AMD : IOMMUSIM_CPU_INTEL,
	};

	assert_ok(iommusim_vmm_create(world->machine, &config, &world->vmm));
	assert_ok(iommusim_check_create(world->vmm, &world->check));
	if (trace != NULL)
		assert_ok(iommusim_recorder_create(world->vmm, trace, &world->recorder));
	if (world->life->board.hindrance == LIFE_TAKEN)
		assert_ok(iommusim_sysctl_set(world->vmm, "hw.dmar.enable", 1));
	if (world->life->board.regmap) {
		assert_ok(iommusim_sysctl_set(world->vmm, "vtd.regmap.0.addr", LIFE_VTD_BASE));
		if (world->life->board.unit_count > 1)
			assert_ok(
			    iommusim_sysctl_set(world->vmm, "vtd.regmap.1.addr", LIFE_VTD_BASE + PAGE));
	}
	for (unsigned i = 0; i < LIFE_FUNCTIONS; i++) {
		struct life_function *function = &world->functions[i];

		assert_ok(
		    iommusim_requester_create(world->machine, 0, life_rids[i], &function->requester));
		function->present = function->told = i < LIFE_LATE;
		function->ppt = i >= LIFE_PPT && i < LIFE_LATE;
		if (function->present)
			assert_ok(iommusim_device_attach(world->vmm, 0, life_rids[i],
			    function->ppt ? IOMMUSIM_DRIVER_PPT : IOMMUSIM_DRIVER_HOST));
	}
}

static void end(struct life_world *world)
{
	iommusim_check_finish(world->check);
	iommusim_recorder_destroy(world->recorder);
	for (unsigned i = 0; i < LIFE_FUNCTIONS; i++)
		iommusim_requester_destroy(world->functions[i].requester);
}

/* What came, against what may and must. */
static void compare_findings(const struct life_world *world, struct life_result *result)
{
	static const struct life_policy none = { .flaw = NULL };
	const struct life_policy *policy = world->policy == NULL ? &none : world->policy;
	const struct life *life = world->life;
	const struct iommusim_finding *finding;
	uint64_t may;

	result->exercised = policy->exercised != NULL && policy->exercised(life, &world->facts);
	may = result->exercised || (policy->touched != NULL && policy->touched(life, &world->facts))
	    ? policy->findings | policy->others
	    : 0;
	for (size_t i = 0; (finding = iommusim_check_finding(world->check, i)) != NULL; i++) {
		if (iommusim_finding_is_advice(finding->id))
			continue;
		result->findings |= UINT64_C(1) << finding->id;
		if ((may >> finding->id & 1) == 0 && result->wrong[0] == '\0')
			snprintf(result->wrong, sizeof(result->wrong), "finding %s in step %u: %s",
			    iommusim_finding_name(finding->id), finding->place.line, finding->text);
	}
	if (result->exercised && policy->findings == 0 && world->facts.otherwise == 0)
		snprintf(result->wrong, sizeof(result->wrong),
		    "all went as it must, although the life exercises %s=%s", policy->column,
		    policy->value);
	else if (result->exercised && policy->findings != 0 &&
	    (result->findings & policy->findings) == 0 && result->wrong[0] == '\0')
		snprintf(result->wrong, sizeof(result->wrong),
		    "no finding, although the life exercises %s=%s", policy->column, policy->value);
}

void life_play(const struct life *life, enum iommusim_cache_policy cache, const char *profile,
    const struct life_policy *policy, struct life_result *result, const struct iommusim_text *trace)
{
	struct life_world world = { .life = life, .policy = policy, .wrong = result->wrong };

	memset(result, 0, sizeof(*result));
	life_build(&life->board, cache, &world.machine);
	boot(&world, profile, trace);
	for (unsigned i = 0; i < life->count; i++) {
		const struct iommusim_place place = { .file = "life", .line = i + 1 };

		world.step = i + 1;
		iommusim_check_set_place(world.check, &place);
		life_step_call(&world, &life->steps[i]);
	}
	end(&world);
	result->facts = world.facts;
	compare_findings(&world, result);
	iommusim_check_destroy(world.check);
	iommusim_vmm_destroy(world.vmm);
	iommusim_machine_destroy(world.machine);
}

/* ---- shorter and shorter ------------------------------------------------------------------------------- */

static void without(struct life *life, unsigned first, unsigned count)
{
	memmove(&life->steps[first], &life->steps[first + count],
	    (life->count - first - count) * sizeof(*life->steps));
	life->count -= count;
}

/* Rows of steps go as long as something is wrong without them. */
static void shrink(struct life *life, enum iommusim_cache_policy cache, const char *profile,
    const struct life_policy *policy)
{
	struct life_result result;

	for (unsigned row = LIFE_STEPS / 2; row > 0; row /= 2)
		for (unsigned first = 0; first + row <= life->count;) {
			struct life shorter = *life;

			without(&shorter, first, row);
			life_play(&shorter, cache, profile, policy, &result, NULL);
			if (result.wrong[0] != '\0')
				*life = shorter;
			else
				first++;
		}
}

static void put(void *context, const char *text, size_t length)
{
	(void)context;
	fwrite(text, 1, length, stderr);
}

bool life_judge(const struct life *life, enum iommusim_cache_policy cache, const char *profile,
    const struct life_policy *policy, struct life_facts *sum)
{
	const struct iommusim_text trace = { .put = put };
	struct life shortest = *life;
	struct life_result result;

	life_play(life, cache, profile, policy, &result, NULL);
	for (unsigned i = 0; i < IOMMUSIM_VERDICT_COUNT; i++)
		sum->seen[i] += result.facts.seen[i];
	for (unsigned i = 0; i < OPS; i++)
		sum->done[i] += result.facts.done[i];
	if (result.wrong[0] == '\0')
		return result.exercised;
	shrink(&shortest, cache, profile, policy);
	fprintf(stderr, "as a trace, as short as it gets:\n");
	life_play(&shortest, cache, profile, policy, &result, &trace);
	fail_msg("%s, cache %s, IOMMUSIM_TEST_SEED=%llu, life %llu: %s", profile,
	    iommusim_cache_policy_name(cache), (unsigned long long)life->seed,
	    (unsigned long long)life->number, result.wrong);
	return false;
}
