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
	X(LEAF_USED_AS_TABLE, "leaf-used-as-table",                                                \
	    "memory that a large leaf maps was written to as if it were a table")                  \
	X(NULL_TABLE_USED, "null-table-used",                                                      \
	    "physical page 0 was written to as if an entry that is not there led to a table")      \
	X(PRESENT_BEFORE_FIELDS, "present-before-fields",                                          \
	    "hardware could read an entry of which only a part was stored")                        \
	X(TABLE_FREED_WHILE_REACHABLE, "table-freed-while-reachable",                              \
	    "a table was given back while an entry that hardware reads still leads to it")         \
	X(TABLE_LEAK, "table-leak",                                                                \
	    "table pages are still in use although the domain that took them is gone")             \
	X(UNSUPPORTED_CAPABILITY, "unsupported-capability",                                        \
	    "an entry, a command or a register asks for what the unit cannot do")                  \
	X(FAULT_LOG_OVERFLOW, "fault-log-overflow",                                                \
	    "the log of faults was full: faults were lost")                                        \
	X(ADDRESS_BEYOND_WIDTH, "address-beyond-width",                                            \
	    "an address beyond a domain's width was used: it stands for a low one")                \
	X(RESERVED_BITS_SET, "reserved-bits-set",                                                  \
	    "an entry that hardware reads has bits set that must be 0")                            \
	X(FIRMWARE_RANGE_NOT_MAPPED, "firmware-range-not-mapped",                                  \
	    "a device cannot reach the memory that firmware says it must reach")                   \
	X(POLL_NEVER_ENDS, "poll-never-ends",                                                      \
	    "software waits for something that does not come")                                     \
	X(UNALIGNED_MAPPING, "unaligned-mapping",                                                  \
	    "a mapping was asked for that does not begin or end at a page")                        \
	X(OVER_INVALIDATION, "over-invalidation",                                                  \
	    "advice: invalidations took along translations that nobody had changed")
/* clang-format on */

#endif
