/* machine() and memory(): the choices that make a machine, and its RAM. Table and units: run_board.c. */
#include <stdio.h>
#include <string.h>

#include <iommusim/amdvi.h>

#include "replay/run.h"

/* ---- choices -------------------------------------------------------------------------------------- */

static const char *profile_at(size_t index)
{
	const struct iommusim_profile *profile = iommusim_profile_at(index);

	return profile == NULL ? NULL : iommusim_profile_name(profile);
}

static const char *vtd_preset_at(size_t index)
{
	return iommusim_vtd_preset_name(index, NULL);
}

static const char *amdvi_preset_at(size_t index)
{
	return iommusim_amdvi_preset_name(index, NULL);
}

/* "; did you mean "13.0"?", or else "; known are 13.0, 13.1, ...". */
static const char *suggest(
    char *out, size_t size, const char *word, const char *(*name_at)(size_t index))
{
	struct suggestion near = { .word = { word, strlen(word) } };
	size_t length = 0;

	for (size_t i = 0; name_at(i) != NULL; i++)
		suggestion_try(&near, (struct slice){ name_at(i), strlen(name_at(i)) }, 0);
	snprintf(out, size, "%s", suggestion_text(&near, "\""));
	if (out[0] != '\0')
		return out;
	for (size_t i = 0; name_at(i) != NULL && length + strlen(name_at(i)) + 12 < size; i++)
		length += (size_t)snprintf(
		    out + length, size - length, "%s%s", i == 0 ? "; known are " : ", ", name_at(i));
	return out;
}

static enum iommusim_status check_profile(struct replay *replay, const char *at, const char *name)
{
	char meant[160];

	if (iommusim_profile_exists(name))
		return IOMMUSIM_OK;
	return replay_refuse(replay, at, "no release profile is called \"%.40s\"%s", name,
	    suggest(meant, sizeof(meant), name, profile_at));
}

/* The profile to play under: the caller's, else the trace's, else the one without flaws. */
static enum iommusim_status choose_profile(struct replay *replay, struct statement *statement)
{
	const struct value *given = argument(statement, ARG_machine_vmm);
	char *profile = replay->summary->profile;
	const size_t size = sizeof(replay->summary->profile);
	enum iommusim_status status = IOMMUSIM_OK;

	snprintf(profile, size, "reference");
	if (given->kind != VALUE_ABSENT) {
		status = replay_string(replay, given, profile, size);
		if (status == IOMMUSIM_OK)
			status = check_profile(replay, given->at, profile);
	}
	if (status != IOMMUSIM_OK || replay->options->profile == NULL)
		return status;
	status = check_profile(replay, statement->at, replay->options->profile);
	snprintf(profile, size, "%s", replay->options->profile);
	return status;
}

static enum iommusim_status choose_preset(struct replay *replay, struct statement *statement)
{
	const bool amd = replay->vendor == IOMMUSIM_VENDOR_AMDVI;
	const struct value *given = argument(statement, ARG_machine_preset);
	struct iommusim_amdvi_config amdvi;
	struct iommusim_vtd_config vtd;
	enum iommusim_status status;
	char meant[160];

	snprintf(replay->preset, sizeof(replay->preset), amd ? "zen2-client" : "skylake-client");
	if (given->kind == VALUE_ABSENT || replay->adapted)
		return IOMMUSIM_OK;
	status = replay_string(replay, given, replay->preset, sizeof(replay->preset));
	if (status != IOMMUSIM_OK)
		return status;
	status = amd ? iommusim_amdvi_preset(replay->preset, &amdvi)
		     : iommusim_vtd_preset(replay->preset, 0, &vtd);
	if (status == IOMMUSIM_OK)
		return IOMMUSIM_OK;
	return replay_refuse(replay, given->at, "no preset is called \"%s\"%s", replay->preset,
	    suggest(meant, sizeof(meant), replay->preset, amd ? amdvi_preset_at : vtd_preset_at));
}

/* The vendor whose machine the trace describes; without a unit it is the processor's. */
static enum iommusim_vendor vendor_of_trace(struct statement *statement)
{
	const struct value *iommu = argument(statement, ARG_machine_iommu);
	const bool amd = slice_is(iommu->text, "none")
	    ? argument_number(statement, ARG_machine_cpu, IOMMUSIM_CPU_INTEL) == IOMMUSIM_CPU_AMD
	    : slice_is(iommu->text, "amdvi");

	return amd ? IOMMUSIM_VENDOR_AMDVI : IOMMUSIM_VENDOR_VTD;
}

/* The trace's vendor, or the one the caller asks for, if the story is told for it too. */
static enum iommusim_status choose_vendor(struct replay *replay, struct statement *statement)
{
	const enum iommusim_vendor wanted = replay->options->vendor;
	const struct value *also = argument(statement, ARG_machine_also);

	replay->vendor = vendor_of_trace(statement);
	if (wanted != IOMMUSIM_VENDOR_OF_TRACE && wanted != replay->vendor) {
		if (also->kind == VALUE_ABSENT || !slice_is(also->text, iommusim_vendor_name(wanted)))
			return replay_stop(replay, IOMMUSIM_EOPNOTSUPP, statement->at,
			    "this story is not told for %s: there is no also=%s",
			    iommusim_vendor_name(wanted), iommusim_vendor_name(wanted));
		replay->vendor = wanted;
		replay->adapted = true;
	}
	replay->cpu = replay->vendor == IOMMUSIM_VENDOR_AMDVI ? IOMMUSIM_CPU_AMD : IOMMUSIM_CPU_INTEL;
	replay->cpu = (enum iommusim_cpu)argument_number(statement, ARG_machine_cpu, replay->cpu);
	return IOMMUSIM_OK;
}

static enum iommusim_status small_number(
    struct replay *replay, const struct value *value, uint64_t most, uint32_t *out)
{
	if (value->kind == VALUE_ABSENT)
		return IOMMUSIM_OK;
	if (value->number > most)
		return replay_refuse(
		    replay, value->at, "0 to %llu is possible here", (unsigned long long)most);
	*out = (uint32_t)value->number;
	return IOMMUSIM_OK;
}

static enum iommusim_status choose_settings(struct replay *replay, struct statement *statement)
{
	const struct iommusim_replay_options *options = replay->options;
	struct iommusim_unit_settings *settings = &replay->settings;
	enum iommusim_status status;

	settings->cache = options->has_cache ? options->cache
					     : (enum iommusim_cache_policy)argument_number(
						   statement, ARG_machine_cache, IOMMUSIM_CACHE_HOARD);
	settings->match = (enum iommusim_cache_match)argument_number(
	    statement, ARG_machine_match, IOMMUSIM_MATCH_DEFAULT);
	settings->drop_invalidations = options->drop_invalidations ||
	    argument_number(statement, ARG_machine_drop_invalidations, 0) != 0;
	status = small_number(
	    replay, argument(statement, ARG_machine_latency), UINT32_MAX, &settings->latency);
	if (status == IOMMUSIM_OK)
		status = small_number(
		    replay, argument(statement, ARG_machine_sets), UINT32_MAX, &settings->iotlb_sets);
	if (status == IOMMUSIM_OK)
		status = small_number(
		    replay, argument(statement, ARG_machine_ways), UINT32_MAX, &settings->iotlb_ways);
	return status;
}

/* ---- machine(), memory() -------------------------------------------------------------------------------- */

static enum iommusim_status make_machine(struct replay *replay, struct statement *statement)
{
	const struct iommusim_machine_config config = {
		.allocator = &replay->allocator,
		.seed = replay->options->has_seed ? replay->options->seed
						  : argument_number(statement, ARG_machine_seed, 0),
		.device_view = argument_number(statement, ARG_machine_cpu_cache, 0) != 0,
	};
	const enum iommusim_status status = iommusim_machine_create(&config, &replay->machine);

	if (status != IOMMUSIM_OK)
		return status == IOMMUSIM_ENOMEM
		    ? replay_no_memory(replay)
		    : replay_refuse(replay, statement->at, "an allocator with a missing callback");
	replay->machine_line = replay->lexer.line;
	return IOMMUSIM_OK;
}

/* After the board: where that has registers, there is no RAM. */
static enum iommusim_status add_ram(struct replay *replay, struct statement *statement)
{
	const struct value *memory = argument(statement, ARG_machine_memory);
	enum iommusim_status status;

	if (memory->number == 0)
		return IOMMUSIM_OK; /* memory() says what there is */
	status = iommusim_memory_add_pc_ram(replay->machine, memory->number);
	return status == IOMMUSIM_OK ? IOMMUSIM_OK : board_refuse(replay, memory->at, status);
}

enum iommusim_status run_machine(struct replay *replay, struct statement *statement)
{
	enum iommusim_status status = choose_vendor(replay, statement);

	if (status == IOMMUSIM_OK)
		status = choose_profile(replay, statement);
	if (status == IOMMUSIM_OK)
		status = choose_preset(replay, statement);
	if (status == IOMMUSIM_OK)
		status = choose_settings(replay, statement);
	if (status == IOMMUSIM_OK)
		status = make_machine(replay, statement);
	if (status == IOMMUSIM_OK)
		status = board_install(replay, statement);
	return status == IOMMUSIM_OK ? add_ram(replay, statement) : status;
}

enum iommusim_status run_memory(struct replay *replay, struct statement *statement)
{
	const struct value *base = argument(statement, ARG_memory_base);
	const enum iommusim_status status = iommusim_memory_add(replay->machine, base->number,
	    argument(statement, ARG_memory_size)->number, IOMMUSIM_MEMORY_RAM);

	return status == IOMMUSIM_OK ? IOMMUSIM_OK : board_refuse(replay, base->at, status);
}
