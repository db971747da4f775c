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
	    "more commands were queued than the command buffer has room for")                      \
	X(MISSING_INVALIDATION, "missing-invalidation",                                            \
	    "hardware may hold what was taken away: nothing invalidated it when it mattered")      \
	X(DOMAIN_ID_REUSE, "domain-id-reuse",                                                      \
	    "a domain got an id under which hardware may hold another one's translations")         \
	X(SRTP_WITHOUT_FLUSH, "srtp-without-flush",                                                \
	    "translation goes on by new tables while what was kept of the old ones lives on")      \
	X(MISSING_WRITE_BUFFER_FLUSH, "missing-write-buffer-flush",                                \
	    "hardware is to use entries that may still be in the chipset's write buffers")         \
	X(MISSING_CACHE_FLUSH, "missing-cache-flush",                                              \
	    "hardware that does not snoop reads entries that were not written back")               \
	X(OVER_INVALIDATION, "over-invalidation",                                                  \
	    "advice: invalidations took along translations that nobody had changed")
/* clang-format on */

#endif
