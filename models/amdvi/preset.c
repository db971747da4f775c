/* Register values of real machines. What they mean is worked out in features.c. */
#include <string.h>

#include "models/amdvi/unit.h"

struct preset {
	const char *name;
	uint64_t features;
	uint64_t features2;
	uint16_t revision;
	const char *about;
};

static const struct preset presets[] = {
#define P(name, efr, efr2, rev, about) { name, UINT64_C(efr), UINT64_C(efr2), rev, about },
#include "models/amdvi/spec/presets.def"
#undef P
};

#define PRESETS (sizeof(presets) / sizeof(*presets))

enum iommusim_status iommusim_amdvi_preset(const char *name, struct iommusim_amdvi_config *config)
{
	for (size_t i = 0; i < PRESETS; i++) {
		if (strcmp(presets[i].name, name) != 0)
			continue;
		config->features = presets[i].features;
		config->features2 = presets[i].features2;
		config->capability_header = 0; /* what fits the features */
		config->capability_range = 0;
		config->capability_misc0 = 0;
		config->capability_misc1 = 0;
		config->revision = presets[i].revision;
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}

const char *iommusim_amdvi_preset_name(size_t index, const char **about)
{
	if (index >= PRESETS)
		return NULL;
	if (about != NULL)
		*about = presets[index].about;
	return presets[index].name;
}
