/* Options that every command takes which replays traces: the profile, the vendor, the cache, the seed. */
#include "replay_option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "options.h"

int replay_option_no_profile(const char *command, const char *name)
{
	const struct iommusim_profile *profile;

	fprintf(
	    stderr, "iommusim %s: --vmm %s: no release profile of that name; there are", command, name);
	for (size_t i = 0; (profile = iommusim_profile_at(i)) != NULL; i++)
		fprintf(stderr, "%s %s", i == 0 ? "" : ",", iommusim_profile_name(profile));
	fputs("; +COLUMN=VALUE behind a name varies it (iommusim profiles)\n", stderr);
	return COMMAND_BAD_INPUT;
}

static int take_seed(const char *command, const char *text, struct iommusim_replay_options *options)
{
	char *end;

	errno = 0;
	options->seed = strtoull(text, &end, 0);
	if (end == text || *end != '\0' || errno != 0 || text[0] == '-')
		return options_refuse(command, "--seed %s: expected a number", text);
	options->has_seed = true;
	return COMMAND_OK;
}

int replay_option_take(
    const char *command, int option, const char *argument, struct iommusim_replay_options *options)
{
	switch (option) {
	case REPLAY_OPTION_VMM:
		options->profile = argument;
		return iommusim_profile_exists(argument) ? COMMAND_OK
							 : replay_option_no_profile(command, argument);
	case REPLAY_OPTION_IOMMU:
		return iommusim_vendor_find(argument, &options->vendor) == IOMMUSIM_OK
		    ? COMMAND_OK
		    : options_refuse(command, "--iommu %s: expected vtd or amdvi", argument);
	case REPLAY_OPTION_CACHE:
		options->has_cache = true;
		return iommusim_cache_policy_find(argument, &options->cache) == IOMMUSIM_OK
		    ? COMMAND_OK
		    : options_refuse(
			  command, "--cache %s: expected none, hoard, sized or adverse", argument);
	default:
		return take_seed(command, argument, options);
	}
}
