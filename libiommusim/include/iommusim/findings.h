/*
 * The findings: one row each, in the order they are reported. The id is stable, scripts name it; the
 * page docs/findings/<id>.md says what it means and how to mend it. What detects one stands in
 * libiommusim/check/finding.c.
 */
#ifndef IOMMUSIM_FINDINGS_H
#define IOMMUSIM_FINDINGS_H

/* clang-format off */
#define IOMMUSIM_FINDINGS(X)                                                                       \
	X(INIT_FAILED_SILENTLY, "init-failed-silently",                                            \
	    "the IOMMU could not be initialised and vmm went on without a word")                   \
	X(GCMD_DROPS_BITS, "gcmd-drops-bits",                                                      \
	    "a write to GCMD turned off functions that it did not mean to touch")                  \
	X(REGISTER_INVALIDATION_UNDER_QI, "register-invalidation-under-qi",                        \
	    "an invalidation register was used while queued invalidation was on")                  \
	X(DEVICE_OWNED_TWICE, "device-owned-twice",                                                \
	    "a device was added to a domain while another one had it")                             \
	X(DEVICE_OUT_OF_SCOPE, "device-out-of-scope",                                              \
	    "a device was given to a domain although no unit governs it")                          \
	X(COMMAND_RING_OVERRUN, "command-ring-overrun",                                            \
	    "more commands were queued than the command buffer has room for")
/* clang-format on */

#endif
