/* The whole driver as one translation unit: what variants of it are built from, many times over. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "tests/driver/amdvi/amdvi_cmd.c"
#include "tests/driver/amdvi/amdvi_hw.c"
#include "tests/driver/amdvi/amdvi_ivrs.c"
#include "tests/driver/amdvi/amdvi_pt.c"
#include "tests/driver/amdvi/amdvi_vmm.c"
#include "tests/driver/amdvi/ivhd.c"
/* NOLINTEND(bugprone-suspicious-include) */
