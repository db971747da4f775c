/*
 * One machine with RAM and one AMD-Vi unit, programmed as software would: registers over the bus, table
 * entries, commands and logs as raw words in memory. It knows nothing of models/amdvi/spec: every number
 * here was taken from the specification by hand. What a test proves stands in the test.
 */
#ifndef IOMMUSIM_TESTS_AMDVI_FIXTURE_H
#define IOMMUSIM_TESTS_AMDVI_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/amdvi.h>
#include <iommusim/clock.h>
#include <iommusim/dma.h>
#include <iommusim/interrupt.h>
#include <iommusim/machine.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/page_request.h>
#include <iommusim/pci.h>
#include <iommusim/walk.h>

/* Register offsets (AMD-Vi 3.4). */
enum {
	A_DEVTAB = 0x0000,
	A_CMD_BASE = 0x0008,
	A_EVENT_BASE = 0x0010,
	A_CONTROL = 0x0018,
	A_EXCL_BASE = 0x0020,
	A_EXCL_LIMIT = 0x0028,
	A_EFR = 0x0030,
	A_PPR_BASE = 0x0038,
	A_HWEV_HI = 0x0040,
	A_HWEV_LO = 0x0048,
	A_HWEV_STATUS = 0x0050,
	A_SMI_FILTER = 0x0060, /* 16, 8 bytes apart */
	A_GALOG_BASE = 0x00e0,
	A_GALOG_TAIL_ADDR = 0x00e8,
	A_PPRB_BASE = 0x00f0,
	A_EVENTB_BASE = 0x00f8,
	A_DEVTAB_SEG = 0x0100, /* 7, 8 bytes apart: segments 1 to 7 */
	A_MSI_VECTOR0 = 0x0150,
	A_MSI_VECTOR1 = 0x0154,
	A_MSI_CAP = 0x0158,
	A_MSI_ADDR_LO = 0x015c,
	A_MSI_ADDR_HI = 0x0160,
	A_MSI_DATA = 0x0164,
	A_MSI_MAP = 0x0168,
	A_PERF_OPT = 0x016c,
	A_XT_GEN = 0x0170,
	A_XT_PPR = 0x0178,
	A_XT_GA = 0x0180,
	A_EFR2 = 0x01a0,
	A_MARC = 0x0200, /* 4 of base, relocation, length; 24 bytes apart */
	A_CMD_HEAD = 0x2000,
	A_CMD_TAIL = 0x2008,
	A_EVENT_HEAD = 0x2010,
	A_EVENT_TAIL = 0x2018,
	A_STATUS = 0x2020,
	A_PPR_HEAD = 0x2030,
	A_PPR_TAIL = 0x2038,
	A_GALOG_HEAD = 0x2040,
	A_GALOG_TAIL = 0x2048,
	A_PPRB_HEAD = 0x2050,
	A_PPRB_TAIL = 0x2058,
	A_EVENTB_HEAD = 0x2070,
	A_EVENTB_TAIL = 0x2078,
	A_PPR_AUTO = 0x2080,
	A_PPR_EARLY = 0x2088,
	A_PPRB_EARLY = 0x2090,
	A_COUNTER_CONFIG = 0x4000
};

#define BIT(n) (UINT64_C(1) << (n))

/* Control (AMD-Vi 3.4, offset 18h). */
#define C_IOMMU_EN       BIT(0)
#define C_EVENT_LOG_EN   BIT(2)
#define C_EVENT_INT_EN   BIT(3)
#define C_COMWAIT_INT_EN BIT(4)
#define C_INV_TIMEOUT_1  BIT(5) /* 7:5 = 1: 1 ms */
#define C_COHERENT       BIT(10)
#define C_CMD_BUF_EN     BIT(12)
#define C_PPR_LOG_EN     BIT(13)
#define C_PPR_INT_EN     BIT(14)
#define C_PPR_EN         BIT(15)
#define C_GT_EN          BIT(16)
#define C_GA_EN          BIT(17)
#define C_SMIF_EN        BIT(22)
#define C_SMIF_LOG_EN    BIT(24)
#define C_GAM_EN         BIT(25) /* 27:25 = 1 */
#define C_GA_LOG_EN      BIT(28)
#define C_GA_INT_EN      BIT(29)
#define C_PPR_SWAP       (UINT64_C(2) << 30)
#define C_EVENT_SWAP     (UINT64_C(2) << 32)
#define C_SEGMENTS(n)    ((uint64_t)(n) << 34)
#define C_PPR_AUTO_EN    BIT(39)
#define C_MARC_EN        BIT(40)
#define C_PPR_AUTO_AON   BIT(42)
#define C_INT_2048       BIT(43)
#define C_XT_EN          BIT(50)
#define C_INT_CAP_XT_EN  BIT(51)
#define C_IRT_CACHE_DIS  BIT(59)

/* Status (AMD-Vi 3.4, offset 2020h). */
#define S_EVENT_OVERFLOW  0x1u
#define S_EVENT_INT       0x2u
#define S_COMWAIT_INT     0x4u
#define S_EVENT_RUN       0x8u
#define S_CMD_RUN         0x10u
#define S_PPR_OVERFLOW    0x20u
#define S_PPR_INT         0x40u
#define S_PPR_RUN         0x80u
#define S_GA_RUN          0x100u
#define S_GA_OVERFLOW     0x200u
#define S_GA_INT          0x400u
#define S_PPRB_OVERFLOW   0x800u
#define S_PPR_ACTIVE      0x1000u
#define S_EVENTB_OVERFLOW 0x8000u
#define S_EVENT_ACTIVE    0x10000u
#define S_PPRB_EARLY      0x20000u
#define S_PPR_EARLY       0x40000u

/* Extended features (AMD-Vi 3.4, offset 30h). */
#define F_PREF         BIT(0)
#define F_PPR          BIT(1)
#define F_XT           BIT(2)
#define F_NX           BIT(3)
#define F_GT           BIT(4)
#define F_GAPPI        BIT(5)
#define F_IA           BIT(6)
#define F_GA           BIT(7)
#define F_HE           BIT(8)
#define F_PC           BIT(9)
#define F_HATS_6       (UINT64_C(2) << 10)
#define F_HATS         (UINT64_C(3) << 10)
#define F_GATS_5       (UINT64_C(1) << 12)
#define F_GATS         (UINT64_C(3) << 12)
#define F_GLX_3        (UINT64_C(2) << 14)
#define F_GLX          (UINT64_C(3) << 14)
#define F_SMIF         (UINT64_C(1) << 16)
#define F_SMIFRC_16    (UINT64_C(4) << 18)
#define F_SMIFRC       (UINT64_C(7) << 18)
#define F_GAM          (UINT64_C(1) << 21)
#define F_DUAL_PPR     (UINT64_C(2) << 24)
#define F_DUAL_EVENT   (UINT64_C(2) << 28)
#define F_SATS         BIT(31)
#define F_PASMAX_20    (UINT64_C(19) << 32)
#define F_PASMAX       (UINT64_C(0x1f) << 32)
#define F_US           BIT(37)
#define F_DEVSEG_8     (UINT64_C(3) << 38)
#define F_DEVSEG       (UINT64_C(3) << 38)
#define F_PPR_EARLY    BIT(40)
#define F_PPR_AUTO     BIT(41)
#define F_MARC         (UINT64_C(1) << 42)
#define F_BLKSTOP      BIT(44)
#define F_PERFOPT      BIT(45)
#define F_MSICAP       BIT(46)
#define F_GIO          BIT(48)
#define F_HA           BIT(49)
#define F_EPH          BIT(50)
#define F_ATTRFW       BIT(51)
#define F_HD           BIT(52)
#define F_V2HDDIS      BIT(53)
#define F_INVTYPE      BIT(54)
#define F_VIOMMU       BIT(55)
#define F_GAUPDATEDIS  BIT(61)
#define F_FORCEPHY     BIT(62)
#define F_SNP          BIT(63)
#define F2_TMPM        BIT(2)
#define F2_GCR3TRP     BIT(3)
#define F2_GAPPIDIS    BIT(4)
#define F2_SNPAVIC     (UINT64_C(7) << 5)
#define F2_NUMINT_2048 (UINT64_C(1) << 8)

/* The unit every test gets unless it says otherwise: all but counters, vIOMMU and SNP. */
#define AMD_DEFAULT_EFR                                                                                \
	(F_PREF | F_PPR | F_XT | F_NX | F_GT | F_IA | F_GA | F_HE | F_HATS_6 | F_GATS_5 | F_GLX_3 |    \
	    F_SMIF | F_SMIFRC_16 | F_GAM | F_DUAL_PPR | F_DUAL_EVENT | F_PASMAX_20 | F_US |            \
	    F_DEVSEG_8 | F_PPR_EARLY | F_PPR_AUTO | F_MARC | F_MSICAP | F_GIO | F_HA | F_EPH | F_HD |  \
	    F_INVTYPE)

#define AMD_BASE        UINT64_C(0xfed80000) /* a multiple of 512 KiB */
#define AMD_RAM         UINT64_C(0x4000000)  /* 64 MiB from 0 */
#define AMD_TABLES      UINT64_C(0x2000000)  /* table pages come from here on */
#define AMD_RID         0x0310u              /* 03:02.0 */
#define AMD_UNIT_RID    0x0002u              /* 00:00.2 */
#define AMD_DOMAIN      0x21u
#define AMD_MSI_ADDRESS UINT64_C(0xfee01000)
#define AMD_MSI_DATA    0x4040u

/* How a fixture differs from the default. All zero: it does not. */
struct amd_setup {
	uint64_t efr_set, efr_clear, efr2;
	uint32_t capability_header, capability_misc0, capability_misc1; /* 0: the unit's defaults */
	uint16_t revision;                                              /* 0: the newest */
	uint16_t segment;
	uint8_t counter_banks, counters;
	uint8_t mode; /* of the page table; 0: 4 */
	bool base_unlocked;
	bool no_host_tables;
	bool device_view;
	const struct iommusim_allocator *allocator;
	uint64_t seed;
	struct iommusim_amdvi_choices choices;
	struct iommusim_unit_settings settings;
};

struct amd_fixture {
	struct iommusim_machine *machine;
	struct iommusim_unit *unit;
	struct iommusim_requester *device; /* at AMD_RID */
	uint64_t efr;
	uint64_t next_page;
	uint64_t device_table; /* 65536 entries: 2 MiB */
	uint64_t page_table;   /* of AMD_RID, `mode` levels */
	unsigned mode;
	uint64_t commands; /* 256 commands: one page */
	uint32_t command_tail;
	uint64_t events; /* 256 entries: one page */
	uint64_t completion;
};

/*
 * Machine, unit (hoard, governing everything), device; the DTE of AMD_RID points at an empty page table of
 * domain AMD_DOMAIN. Base registers of device table, command buffer and event log are set; nothing is
 * enabled.
 */
void am_start(struct amd_fixture *amd, const struct amd_setup *setup);
/* The same, with IommuEn, CmdBufEn and EventLogEn. */
void am_start_enabled(struct amd_fixture *amd, const struct amd_setup *setup);
void am_stop(struct amd_fixture *amd);

uint32_t am_get32(struct amd_fixture *amd, unsigned offset);
uint64_t am_get64(struct amd_fixture *amd, unsigned offset);
void am_set32(struct amd_fixture *amd, unsigned offset, uint32_t value);
void am_set64(struct amd_fixture *amd, unsigned offset, uint64_t value);

/* Set and clear bits of CONTROL. */
void am_control(struct amd_fixture *amd, uint64_t set, uint64_t clear);
uint32_t am_status(struct amd_fixture *amd);
/* MSIs on: AMD_MSI_ADDRESS, AMD_MSI_DATA, 2^multiple messages. */
void am_enable_msi(struct amd_fixture *amd, unsigned multiple);

/* Zeroed pages for a table. */
uint64_t am_pages(struct amd_fixture *amd, unsigned count);
uint64_t am_page(struct amd_fixture *amd);
/* A quadword of memory, stored and flushed. */
void am_store(struct amd_fixture *amd, uint64_t address, uint64_t value);
uint64_t am_load(struct amd_fixture *amd, uint64_t address);

/* The device table entry of a device: 32 bytes each (AMD-Vi 2.2.2). */
uint64_t am_dte_at(const struct amd_fixture *amd, uint16_t rid);
/* Store one; bits 63:0 last. Nothing is invalidated. */
void am_set_dte(struct amd_fixture *amd, uint16_t rid, const uint64_t dte[4]);
/* What am_start() gives AMD_RID: V, TV, the mode, the page table, IR, IW, the domain. */
void am_plain_dte(const struct amd_fixture *amd, uint64_t dte[4]);

/* The entry of a level of the host page table for an input address; tables above it are made. */
uint64_t am_entry_at(struct amd_fixture *amd, uint64_t input, unsigned level);
/* Map a 4 KiB page: PR, FC 0, IR and IW as `rights` (1 read, 2 write) says. */
void am_map(struct amd_fixture *amd, uint64_t input, uint64_t output, unsigned rights);
void am_unmap(struct amd_fixture *amd, uint64_t input);

/* Put a command at the tail and move the tail over it. */
void am_submit(struct amd_fixture *amd, uint64_t low, uint64_t high);
/* COMPLETION_WAIT with a store; checks that it came. */
void am_wait(struct amd_fixture *amd);
/* The invalidations, each with am_wait(). Pages: one page, or all of the domain. */
void am_invalidate_device(struct amd_fixture *amd, uint16_t rid);
void am_invalidate_page(struct amd_fixture *amd, uint16_t domain, uint64_t address);
void am_invalidate_domain(struct amd_fixture *amd, uint16_t domain);
void am_invalidate_interrupts(struct amd_fixture *amd, uint16_t rid);
void am_invalidate_all(struct amd_fixture *amd);

/* Events between head and tail. */
unsigned am_events(struct amd_fixture *amd);
/* Take the oldest event; fails the test when there is none. */
void am_take_event(struct amd_fixture *amd, uint64_t event[2]);
/* Take the only event there is. */
void am_only_event(struct amd_fixture *amd, uint64_t event[2]);
/* Forget all events. */
void am_drain_events(struct amd_fixture *amd);

/* One page of DMA: everything iommusim_dma() says of it. */
struct iommusim_dma_page am_access(
    struct iommusim_requester *device, enum iommusim_dma_kind kind, uint64_t address, uint64_t length);
/* The same for the fixture's device; 8 bytes. Only the event code, 0 when it went through. */
unsigned am_code(struct amd_fixture *amd, enum iommusim_dma_kind kind, uint64_t address);
/* Where a read of 8 bytes ends up. It must not fault. */
uint64_t am_output(struct amd_fixture *amd, uint64_t address);

/* Take the only message there is; fails the test unless there is exactly one. */
struct iommusim_interrupt am_only_message(struct amd_fixture *amd);
void am_no_message(struct amd_fixture *amd);

#endif
