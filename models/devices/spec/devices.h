/* Every register and in-memory structure of the devices, expanded from its description. No behaviour here. */
#ifndef IOMMUSIM_DEVICES_SPEC_DEVICES_H
#define IOMMUSIM_DEVICES_SPEC_DEVICES_H

#include "models/common/spec/spec.h"

#include "models/devices/spec/ahci.def"
#include "models/devices/spec/engine.def"
#include "models/devices/spec/nic.def"
#include "models/devices/spec/nvme.def"

#endif
