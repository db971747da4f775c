/*
 * What the fuzzers of the AMD-Vi model share: a small machine made afresh for every input, operations that draw
 * their details from the input, and what must hold after each of them. Its input and memory are those of fuzz.h.
 *
 * It knows nothing of models/amdvi/spec: numbers are the specification's, by hand.
 */
#ifndef IOMMUSIM_TESTS_FUZZ_AMDVI_H
#define IOMMUSIM_TESTS_FUZZ_AMDVI_H

#include <iommusim/amdvi.h>

#include "fuzz/fuzz.h"

#define AZ_BASE UINT64_C(0xfed80000)

/* Register offsets (AMD-Vi 3.4). */
enum {
	AZ_DEVTAB = 0x00,
	AZ_CMD_BASE = 0x08,
	AZ_EVENT_BASE = 0x10,
	AZ_CONTROL = 0x18,
	AZ_EFR = 0x30,
	AZ_EFR2 = 0x1a0,
	AZ_CMD_HEAD = 0x2000,
	AZ_CMD_TAIL = 0x2008,
	AZ_EVENT_HEAD = 0x2010,
	AZ_EVENT_TAIL = 0x2018,
	AZ_STATUS = 0x2020
};

/* Control: 0 IommuEn, 2 EventLogEn, 12 CmdBufEn, 16 GTEn. */
#define AZ_IOMMU_EN BIT(0)
#define AZ_EVENT_EN BIT(2)
#define AZ_CMD_EN   BIT(12)
#define AZ_GT_EN    BIT(16)

/* Status: 0 EventOverflow, 2 ComWaitInt, 3 EventLogRun, 4 CmdBufRun. */
#define AZ_COMWAIT   BIT(2)
#define AZ_EVENT_RUN BIT(3)
#define AZ_CMD_RUN   BIT(4)

/* Extended features. */
#define AZ_PREF   BIT(0)
#define AZ_PPR    BIT(1)
#define AZ_NX     BIT(3)
#define AZ_GT     BIT(4)
#define AZ_IA     BIT(6)
#define AZ_GA     BIT(7)
#define AZ_MARC   (BIT(42) | BIT(43))
#define AZ_GIO    BIT(48)
#define AZ_HA     BIT(49)
#define AZ_HD     BIT(52)
#define AZ_SEGS   (BIT(38) | BIT(39))
#define AZ_VIOMMU BIT(55)

/* Where things are, in the memory of fuzz.h. One page of device table: 128 devices. */
#define AZ_DEVICES    FZ_ROOT
#define AZ_TABLES     FZ_TABLES /* 16 pages of entries of all kinds */
#define AZ_COMMANDS   FZ_QUEUE  /* 256 commands */
#define AZ_EVENTS     (FZ_QUEUE + 0x1000)
#define AZ_COMPLETION FZ_STATUS
#define AZ_RING       UINT64_C(0x1000)

/* One of the pages for a level of tables: three for 1 to 5, one for 6. */
static inline uint64_t az_table(unsigned level, unsigned number)
{
	return AZ_TABLES + (level == 6 ? 15 : 3 * (level - 1) + number % 3) * UINT64_C(0x1000);
}

struct az {
	struct fz fz; /* first; its VT-d parts are not used */
	struct iommusim_amdvi_config config;
	bool guests;      /* devices begin with guest tables */
	bool flags;       /* and with accessed and dirty flags, and the right to ask for translations */
	bool rings_moved; /* its rings are not where az_bring_up() puts them */
};

typedef void az_operation(struct az *az);

void az_start(struct az *az, const uint8_t *data, size_t size);
void az_stop(struct az *az);
void az_run(struct az *az, az_operation *const *operations, size_t count);
/* What holds whatever software does. */
void az_check(struct az *az);

uint64_t az_peek(const struct az *az, unsigned offset);
void az_write(struct az *az, unsigned offset, uint64_t value);
bool az_runs(const struct az *az, uint64_t run); /* AZ_CMD_RUN, AZ_EVENT_RUN */

/* Device table, rings, tables of all levels for each device; on. Entries will do for host and for guest tables. */
void az_bring_up(struct az *az);
/* Put a command at the tail and move it over. False: the buffer is not ours, does not run, or is not empty. */
bool az_submit(struct az *az, uint64_t low, uint64_t high);
/* Drop everything that is cached. False: the unit is in no state to do it. */
bool az_invalidate_all(struct az *az);

/* One DMA as the input has it. */
void az_dma(struct az *az);
/* A request of 8 bytes, and what holds of any outcome. */
void az_draw(struct az *az, struct fz_request *request, unsigned *device);
void az_check_outcome(const struct az *az, const struct iommusim_dma_request *request,
    const struct iommusim_dma_outcome *outcome);
/* One of a kind that az_tell() knows, with nothing cached; it must come to just that. */
void az_judged_dma(struct az *az);

/* ---- a second telling: amdvi_oracle.c ---- */

struct az_request {
	uint64_t address;
	uint32_t pasid;
	uint16_t rid;
	bool reads, writes; /* neither: it asks for a translation */
	bool has_pasid, privileged, execute;
	bool translation, no_write;
	bool malformed; /* a translation request that is a write */
};

struct az_verdict {
	bool allowed;
	unsigned code;  /* of the event, when not; 0: nothing is reported */
	unsigned flags; /* 1 PR, 4 PE, 8 RZ: bits 55:52 of the event; of code 8 its type */
	uint64_t table; /* codes 3 and 4: the address of the entry that cannot be read */
	uint64_t physical;
	unsigned shift; /* log2 of the translation */
	unsigned domain;
	bool answered; /* a translation request, with the rights `granted` */
	unsigned granted;
	bool snoops, untranslated_only; /* FC and U of the page, for that answer */
	struct fz_mark marks[FZ_MARKS]; /* flags of the entries that were used */
	unsigned mark_count;
};

/*
 * What must become of a request, by what memory and registers hold, and of the entries it used. Left out:
 * translated requests, interrupts and the special addresses of HyperTransport, exclusion, apertures, segments of
 * the device table, GCR3 tables at guest addresses, SNP, what SE and SA keep out of the log, page requests.
 */
struct az_verdict az_tell(const struct az *az, const struct az_request *request);

az_operation az_op_read, az_op_write, az_op_write_known, az_op_control, az_op_status, az_op_step,
    az_op_reset, az_op_bring_up, az_op_interrupt, az_op_drain, az_op_tail;
az_operation az_op_device_entry, az_op_host_entry, az_op_guest_entry, az_op_gcr3_entry;
az_operation az_op_command, az_op_bad_command, az_op_raw_command;

#endif
