/*
 * One machine with RAM and one VT-d unit, programmed as software would: registers over the bus, table
 * entries as raw words in memory. It knows nothing of models/vtd/spec: every number here was taken
 * from the specification by hand. What a test proves stands in the test.
 */
#ifndef IOMMUSIM_TESTS_VTD_FIXTURE_H
#define IOMMUSIM_TESTS_VTD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/clock.h>
#include <iommusim/dma.h>
#include <iommusim/interrupt.h>
#include <iommusim/machine.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>
#include <iommusim/unit.h>
#include <iommusim/walk.h>

/* Register offsets (VT-d 11.4). IVA and IOTLB stand at ECAP.IRO, FRCD at CAP.FRO, as set below. */
enum {
	R_VER = 0x000,
	R_CAP = 0x008,
	R_ECAP = 0x010,
	R_GCMD = 0x018,
	R_GSTS = 0x01c,
	R_RTADDR = 0x020,
	R_CCMD = 0x028,
	R_FSTS = 0x034,
	R_FECTL = 0x038,
	R_FEDATA = 0x03c,
	R_FEADDR = 0x040,
	R_FEUADDR = 0x044,
	R_IQH = 0x080,
	R_IQT = 0x088,
	R_IQA = 0x090,
	R_ICS = 0x09c,
	R_IECTL = 0x0a0,
	R_IEDATA = 0x0a4,
	R_IEADDR = 0x0a8,
	R_IEUADDR = 0x0ac,
	R_IQERCD = 0x0b0,
	R_IRTA = 0x0b8,
	R_FRCD = 0x400,
	R_IVA = 0x500,
	R_IOTLB = 0x508
};

#define BIT(n) (UINT64_C(1) << (n))

/* Global command and status (VT-d 11.4.4): the same bit numbers. */
#define G_TE    0x80000000u
#define G_SRTP  0x40000000u
#define G_WBF   0x08000000u
#define G_QIE   0x04000000u
#define G_IRE   0x02000000u
#define G_SIRTP 0x01000000u
#define G_CFI   0x00800000u

/* The unit every test gets unless it says otherwise (VT-d 11.4.2, 11.4.3). */
#define CAP_ND_8BIT  UINT64_C(2) /* 2:0 = 2: domain ids of 8 bits */
#define CAP_RWBF     BIT(4)
#define CAP_CM       BIT(7)
#define CAP_SAGAW    (UINT64_C(0xe) << 8) /* 3, 4 and 5 levels */
#define CAP_SAGAW3   BIT(9)
#define CAP_SAGAW4   BIT(10)
#define CAP_SAGAW5   BIT(11)
#define CAP_MGAW_57  (UINT64_C(56) << 16)
#define CAP_MGAW     (UINT64_C(0x3f) << 16)
#define CAP_ZLR      BIT(22)
#define CAP_FRO_400  (UINT64_C(0x40) << 24)
#define CAP_SSLPS_2M BIT(34)
#define CAP_SSLPS_1G BIT(35)
#define CAP_PSI      BIT(39)
#define CAP_NFR_8    (UINT64_C(7) << 40) /* eight fault records */
#define CAP_NFR      (UINT64_C(0xff) << 40)
#define CAP_MAMV_18  (UINT64_C(18) << 48)
#define CAP_MAMV     (UINT64_C(0x3f) << 48)
#define CAP_DWD      BIT(54)
#define CAP_DRD      BIT(55)
#define CAP_PI       BIT(59)
#define CAP_ESIRTPS  BIT(62)
#define CAP_ESRTPS   BIT(63)

#define ECAP_C       BIT(0)
#define ECAP_QI      BIT(1)
#define ECAP_DT      BIT(2)
#define ECAP_IR      BIT(3)
#define ECAP_EIM     BIT(4)
#define ECAP_PT      BIT(6)
#define ECAP_SC      BIT(7)
#define ECAP_IRO_500 (UINT64_C(0x50) << 8)
#define ECAP_MHMV_15 (UINT64_C(15) << 20)
#define ECAP_PASID   BIT(40)
#define ECAP_DIT     BIT(41)
#define ECAP_PDS     BIT(42)
#define ECAP_SMTS    BIT(43)
#define ECAP_ADMS    BIT(52)
#define ECAP_SSIRWS  BIT(57)
#define ECAP_EIMER   BIT(61)
#define ECAP_IRREQ   BIT(62)

#define VTD_DEFAULT_CAP                                                                                \
	(CAP_ND_8BIT | CAP_SAGAW | CAP_MGAW_57 | CAP_ZLR | CAP_FRO_400 | CAP_SSLPS_2M | CAP_SSLPS_1G | \
	    CAP_PSI | CAP_NFR_8 | CAP_MAMV_18 | CAP_DWD | CAP_DRD)
#define VTD_DEFAULT_ECAP                                                                               \
	(ECAP_C | ECAP_QI | ECAP_DT | ECAP_IR | ECAP_EIM | ECAP_PT | ECAP_SC | ECAP_IRO_500 |          \
	    ECAP_MHMV_15)

#define VTD_BASE   UINT64_C(0xfed90000)
#define VTD_RAM    UINT64_C(0x4000000) /* 64 MiB from 0 */
#define VTD_TABLES UINT64_C(0x2000000) /* table pages come from here on */
#define VTD_HAW    46u
#define VTD_RID    0x0310u /* 03:02.0 */
#define VTD_DOMAIN 0x21u
#define VTD_FAULTS 8u

/* How a fixture differs from the default. All zero: it does not. */
struct vtd_setup {
	uint64_t cap_set, cap_clear, ecap_set, ecap_clear;
	uint32_t version;      /* 0: 1.0 */
	uint8_t haw;           /* 0: VTD_HAW */
	uint8_t levels;        /* of the page table; 0: 4 */
	uint8_t register_size; /* log2 of the pages of registers */
	uint16_t revision;     /* of the specification; 0: the newest */
	uint64_t performance;  /* PERFCAP; 0: as the unit has it by default */
	bool device_view;
	const struct iommusim_allocator *allocator;
	uint64_t seed;
	struct iommusim_vtd_choices choices;
	struct iommusim_unit_settings settings;
};

struct vtd_fixture {
	struct iommusim_machine *machine;
	struct iommusim_unit *unit;
	struct iommusim_requester *device; /* at VTD_RID */
	uint64_t cap, ecap;
	uint64_t next_page;
	uint64_t root_table, context_table; /* of VTD_RID's bus */
	uint64_t page_table;
	unsigned levels;
	uint64_t queue; /* where vt_queue_start() put it */
	uint32_t queue_tail;
	uint32_t queue_width;
};

/*
 * Machine, unit (hoard, governing everything), device; root and context entry of VTD_RID point at an
 * empty page table of domain VTD_DOMAIN. Nothing is enabled.
 */
void vt_start(struct vtd_fixture *vtd, const struct vtd_setup *setup);
/* The same, with translation on. */
void vt_start_enabled(struct vtd_fixture *vtd, const struct vtd_setup *setup);
void vt_stop(struct vtd_fixture *vtd);

uint32_t vt_get32(struct vtd_fixture *vtd, unsigned offset);
uint64_t vt_get64(struct vtd_fixture *vtd, unsigned offset);
void vt_set32(struct vtd_fixture *vtd, unsigned offset, uint32_t value);
void vt_set64(struct vtd_fixture *vtd, unsigned offset, uint64_t value);

/* A zeroed page for a table. */
uint64_t vt_page(struct vtd_fixture *vtd);
/* A quadword of memory, stored and flushed. */
void vt_store(struct vtd_fixture *vtd, uint64_t address, uint64_t value);
uint64_t vt_load(struct vtd_fixture *vtd, uint64_t address);

/* Physical addresses of entries of VTD_RID, as the specification computes them. */
uint64_t vt_root_at(const struct vtd_fixture *vtd);
uint64_t vt_context_at(const struct vtd_fixture *vtd);
/* The paging entry of a level for an input address; tables above it are made when they are missing. */
uint64_t vt_entry_at(struct vtd_fixture *vtd, uint64_t input, unsigned level);
/* The same in another table of 9 bits a level, in either stage: `new_bits` of an entry that points at a new one. */
uint64_t vt_paging_entry_at(struct vtd_fixture *vtd, uint64_t table, unsigned levels, uint64_t input,
    unsigned level, uint64_t new_bits);

/* Write the context entry of a requester on VTD_RID's bus. */
void vt_set_context(struct vtd_fixture *vtd, uint16_t rid, uint64_t low, uint64_t high);
/* Map a page of a level (1: 4 KiB): `bits` is OR'ed to the address, 3 for read and write. */
void vt_map_level(
    struct vtd_fixture *vtd, uint64_t input, uint64_t output, uint64_t bits, unsigned level);
void vt_map(struct vtd_fixture *vtd, uint64_t input, uint64_t output, uint64_t bits);
void vt_unmap(struct vtd_fixture *vtd, uint64_t input);

/* Latch `rtaddr`; keeps what GSTS says is on. */
void vt_latch_root(struct vtd_fixture *vtd, uint64_t rtaddr);
/* Set or clear one level bit of GCMD, as VT-d 11.4.4.1 says to. */
void vt_command(struct vtd_fixture *vtd, uint32_t bit, bool on);

/* Register invalidations (VT-d 11.4.6). Return the actual granularity. */
unsigned vt_invalidate_context(struct vtd_fixture *vtd, unsigned granularity, uint16_t domain,
    uint16_t source, unsigned function_mask);
unsigned vt_invalidate_iotlb(
    struct vtd_fixture *vtd, unsigned granularity, uint16_t domain, uint64_t address, unsigned mask);

/* One page of DMA of `device` at `address`: everything iommusim_dma() says of it. */
struct iommusim_dma_page vt_access(
    struct iommusim_requester *device, enum iommusim_dma_kind kind, uint64_t address, uint64_t length);
/* The same for the fixture's device; 8 bytes. Only the fault reason, 0 when it went through. */
unsigned vt_reason(struct vtd_fixture *vtd, enum iommusim_dma_kind kind, uint64_t address);
/* Where a read of 8 bytes ends up. It must not fault. */
uint64_t vt_output(struct vtd_fixture *vtd, uint64_t address);

/* Fault record `index`: both quadwords. */
void vt_record(struct vtd_fixture *vtd, unsigned index, uint64_t record[2]);
/* Write 1 to F of a record, with the 32-bit access drivers make. */
void vt_clear_record(struct vtd_fixture *vtd, unsigned index);
/* How many records have F set. */
unsigned vt_records(struct vtd_fixture *vtd);

/* A queue of one page at vtd->queue, enabled; `width` 16 or 32 bytes a descriptor. */
void vt_queue_start(struct vtd_fixture *vtd, unsigned width);
/* Put a descriptor at the tail and move the tail over it. */
void vt_submit(struct vtd_fixture *vtd, uint64_t low, uint64_t high);

/* Take the only message there is; fails the test unless there is exactly one. */
struct iommusim_interrupt vt_only_message(struct vtd_fixture *vtd);
void vt_no_message(struct vtd_fixture *vtd);

#endif
