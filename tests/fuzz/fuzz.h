/*
 * What the fuzzers of the VT-d model share: a small machine made afresh for every input, operations that
 * draw their details from the input, and what must hold after each of them. What a harness feeds stands
 * in its own file; what a translation must come to, in oracle.c.
 *
 * Like the VT-d fixture it knows nothing of models/vtd/spec: numbers are the specification's, by hand.
 */
#ifndef IOMMUSIM_TESTS_FUZZ_H
#define IOMMUSIM_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/clock.h>
#include <iommusim/dma.h>
#include <iommusim/interrupt.h>
#include <iommusim/machine.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/unit.h>
#include <iommusim/walk.h>

#define BIT(n) (UINT64_C(1) << (n))

/* Register offsets (VT-d 11.4); the ones that move are where fz->config puts them, as below. */
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
	R_AFLOG = 0x058,
	R_PMEN = 0x064,
	R_PLMBASE = 0x068,
	R_PLMLIMIT = 0x06c,
	R_PHMBASE = 0x070,
	R_PHMLIMIT = 0x078,
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
	R_PQH = 0x0c0,
	R_PQT = 0x0c8,
	R_PQA = 0x0d0,
	R_PRS = 0x0dc,
	R_PECTL = 0x0e0,
	R_PEDATA = 0x0e4,
	R_PEADDR = 0x0e8,
	R_PEUADDR = 0x0ec,
	R_FRCD = 0xd00,
	R_IVA = 0xf00,
	R_IOTLB = 0xf08
};

#define G_TE    0x80000000u
#define G_SRTP  0x40000000u
#define G_AFL   0x30000000u /* SFL and EAFL; FLS and AFLS */
#define G_EAFL  0x10000000u
#define G_WBF   0x08000000u
#define G_QIE   0x04000000u
#define G_IRE   0x02000000u
#define G_SIRTP 0x01000000u
#define G_CFI   0x00800000u
#define G_LEVEL 0x96ffffffu /* what software carries over from GSTS (VT-d 11.4.4.1) */

#define S_PFO 0x01u
#define S_PPF 0x02u
#define S_AFO 0x04u
#define S_APF 0x08u
#define S_IQE 0x10u
#define S_ICE 0x20u
#define S_ITE 0x40u

#define CAP_AFL     BIT(3)
#define CAP_RWBF    BIT(4)
#define CAP_PLMR    BIT(5)
#define CAP_PHMR    BIT(6)
#define CAP_ZLR     BIT(22)
#define CAP_PSI     BIT(39)
#define CAP_FS1GP   BIT(56)
#define CAP_PI      BIT(59)
#define CAP_FS5LP   BIT(60)
#define ECAP_C      BIT(0)
#define ECAP_QI     BIT(1)
#define ECAP_DT     BIT(2)
#define ECAP_IR     BIT(3)
#define ECAP_EIM    BIT(4)
#define ECAP_PT     BIT(6)
#define ECAP_SC     BIT(7)
#define ECAP_MTS    BIT(25)
#define ECAP_NEST   BIT(26)
#define ECAP_PRS    BIT(29)
#define ECAP_SRS    BIT(31)
#define ECAP_NWFS   BIT(33)
#define ECAP_EAFS   BIT(34)
#define ECAP_PASID  BIT(40)
#define ECAP_DIT    BIT(41)
#define ECAP_PDS    BIT(42)
#define ECAP_SMTS   BIT(43)
#define ECAP_SSADS  BIT(45)
#define ECAP_SSTS   BIT(46)
#define ECAP_FSTS   BIT(47)
#define ECAP_SMPWCS BIT(48)
#define ECAP_RPS    BIT(49)
#define ECAP_ADMS   BIT(52)
#define ECAP_RPRIVS BIT(53)
#define ECAP_HPTS   BIT(55)
#define ECAP_PTRS   BIT(56)
#define ECAP_SSIRW  BIT(57)
#define ECAP_SMS    BIT(58)
#define ECAP_EIMER  BIT(61)
#define ECAP_IRREQ  BIT(62)

/*
 * Two windows of memory: 64 pages from 0, with a place for everything, and 4 pages at 4 GiB. Machines for
 * scalable mode have two more pages behind those, which hardware cannot write.
 */
#define FZ_BASE       UINT64_C(0xfed90000)
#define FZ_PAGES      UINT64_C(64)
#define FZ_HIGH       UINT64_C(0x100000000)
#define FZ_HIGH_PAGES UINT64_C(4)
#define FZ_ROOT       UINT64_C(0x10000)
#define FZ_CONTEXT    UINT64_C(0x11000) /* of bus 0; bus 1's is the next page */
#define FZ_TABLES     UINT64_C(0x13000) /* 16 pages of paging entries */
#define FZ_INTERRUPTS UINT64_C(0x23000)
#define FZ_QUEUE      UINT64_C(0x24000) /* 4 pages */
#define FZ_POSTED     UINT64_C(0x29000) /* descriptors of posted interrupts */
#define FZ_STATUS     UINT64_C(0x2f000) /* wait descriptors write here */

/* Scalable mode: its root table is FZ_ROOT, lower context tables are at FZ_CONTEXT. */
#define FZ_UPPER_CONTEXT UINT64_C(0x30000) /* of bus 0 */
#define FZ_DIRECTORIES   UINT64_C(0x31000) /* PASID directories, 2 pages */
#define FZ_PASIDS        UINT64_C(0x33000) /* PASID tables, 2 pages */
#define FZ_REQUEST_QUEUE UINT64_C(0x2a000) /* page requests, 2 pages */
#define FZ_ROM           (FZ_HIGH + FZ_HIGH_PAGES * IOMMUSIM_PAGE_SIZE)
#define FZ_ROM_PAGES     UINT64_C(2)

#define FZ_REQUESTERS 4u

struct fz {
	struct iommusim_machine *machine;
	struct iommusim_unit *unit;
	struct iommusim_requester *requester[FZ_REQUESTERS];
	struct iommusim_vtd_config config;
	const uint8_t *begin, *at, *end; /* the input, and what is left of it */
	bool device_view;
	bool queue_moved; /* IQA changed under a running queue: where its head stands says nothing */
	uint64_t root;    /* RTADDR and IRTA as fz_latch_root() and its like latched them last */
	uint64_t interrupt_table;
	bool latches_known; /* false once RTADDR, IRTA or GCMD may have been written otherwise */
	/* Machines for scalable mode, made by fz_start_scalable(): */
	bool scalable;
	uint8_t kind, how;                  /* as fz_scalable_bring_up() drew them last */
	bool silent[FZ_REQUESTERS];         /* does not answer invalidations */
	uint8_t device_room[FZ_REQUESTERS]; /* entries of its device-TLB */
	bool device_reads[FZ_REQUESTERS];   /* it asks for what it reads with No Write */
};

/* A violated expectation: say which, and end with an abort, as a crash would. */
#define FZ_REQUIRE(condition) ((condition) ? (void)0 : fz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fz_fail(const char *file, int line, const char *condition);
/* What is run, for that message; NULL: libFuzzer says it itself. */
extern const char *fz_running;

/* A harness, under libFuzzer or replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The machine that the first bytes of the input ask for. */
void fz_start(struct fz *fz, const uint8_t *data, size_t size);
void fz_start_scalable(struct fz *fz, const uint8_t *data, size_t size);
void fz_stop(struct fz *fz);
/* What both vendors' machines have: memory by `device_view` and `scalable`; devices, once there is a unit. */
void fz_make_machine(struct fz *fz);
void fz_make_devices(struct fz *fz, const uint16_t *rids);

/* Take from the input; 0 when there is nothing left. */
uint8_t fz_u8(struct fz *fz);
uint16_t fz_u16(struct fz *fz);
uint32_t fz_u32(struct fz *fz);
uint64_t fz_u64(struct fz *fz);

/* Draw one of `count` operations again and again until the input ends; check after each. */
typedef void fz_operation(struct fz *fz);
void fz_run(struct fz *fz, fz_operation *const *operations, size_t count);

/* A register as it stands, without a bus access: no time passes. */
uint32_t fz_peek32(const struct fz *fz, unsigned offset);
uint64_t fz_peek64(const struct fz *fz, unsigned offset);
void fz_write32(struct fz *fz, unsigned offset, uint32_t value);
void fz_write64(struct fz *fz, unsigned offset, uint64_t value);
uint64_t fz_load(const struct fz *fz, uint64_t address);
/* Store and flush; nothing happens where no memory is. */
void fz_store(struct fz *fz, uint64_t address, uint64_t value);

bool fz_advanced_log(const struct fz *fz);
unsigned fz_records(const struct fz *fz); /* CAP.NFR + 1 */
/* What holds whatever software does. */
void fz_check(struct fz *fz);

/* Wait until everything that was started is done. */
void fz_settle(struct fz *fz);
void fz_latch_root(struct fz *fz, uint64_t value);
void fz_latch_interrupts(struct fz *fz, uint64_t value);
void fz_command(struct fz *fz, uint32_t bit, bool on);
/* Tables that map three pages for every requester; root and interrupt tables latched, both enabled. */
void fz_bring_up(struct fz *fz);
void fz_queue_start(struct fz *fz, unsigned width);
/*
 * Empty the context cache and the IOTLB, by registers or queue, and the interrupt entry cache, which only
 * the queue can. False when the unit is in no state to do it.
 */
bool fz_invalidate_all(struct fz *fz);
bool fz_invalidate_interrupts(struct fz *fz);

/* ---- requests: request.c, scalable_request.c ------------------------------------------------------------- */

#define FZ_REQUEST_PAGES 4u /* of one request, at most */

struct fz_request {
	struct iommusim_requester *device;
	struct iommusim_dma_request dma;
	uint8_t data[FZ_REQUEST_PAGES * IOMMUSIM_PAGE_SIZE];
};

/* One DMA as the input has it, and all that can be said of its outcome. */
void fz_dma(struct fz *fz);
void fz_scalable_dma(struct fz *fz); /* with PASIDs and what goes with them */
void fz_interrupt(struct fz *fz);

uint64_t fz_draw_address(struct fz *fz);
/* The bytes that it moves. Then it is whole. */
void fz_draw_data(struct fz *fz, struct fz_request *request, bool moves);
void fz_draw_scalable(struct fz *fz, struct fz_request *request);
/* Make the request. `uncached`: whatever policy the unit has, nothing of this is cached. */
void fz_perform(struct fz *fz, struct fz_request *request, bool uncached);
/* What becomes of the fault record is right, too. */
void fz_check_fault(const struct fz *fz, const struct iommusim_fault *fault, bool may_be_unrecorded);
unsigned fz_pending_records(const struct fz *fz);

/* walk.c: the page at `address` as iommusim_walk() tells it; nothing happens by that, and it adds up. */
void fz_walk(const struct fz *fz, const struct fz_request *request, uint64_t address, uint64_t length,
    struct iommusim_walk *walk);

/* The addresses that tables of the fuzzers' machine have, and others that are interesting. */
uint64_t fz_draw_pointer(struct fz *fz);

/* The invalidation queue as software sees it. */
struct fz_queue {
	uint64_t base, bytes, tail;
	unsigned width;
};
struct fz_queue fz_queue_look(const struct fz *fz);
/* It runs, all in memory, and everything in it is done. */
bool fz_queue_idle(const struct fz *fz);
/* Put a descriptor at the tail; IQT is not written yet. */
void fz_queue_put(struct fz *fz, struct fz_queue *queue, const uint64_t quads[4]);

/* Operations on registers, tables and the queue. */
fz_operation fz_op_read, fz_op_write, fz_op_write_raw, fz_op_command, fz_op_step, fz_op_reset,
    fz_op_clear_faults, fz_op_bring_up, fz_op_latch;
fz_operation fz_op_paging_entry, fz_op_context_entry, fz_op_root_entry, fz_op_interrupt_entry,
    fz_op_memory, fz_op_flush_compare, fz_op_flush_interrupt;
fz_operation fz_op_queue_start, fz_op_descriptor, fz_op_descriptor_raw, fz_op_tail, fz_op_queue_address,
    fz_op_answers, fz_op_stray_completion;

fz_operation fz_op_scalable_context, fz_op_scalable_root, fz_op_directory_entry, fz_op_pasid_entry,
    fz_op_scalable_paging_entry, fz_op_table_raw, fz_op_flags, fz_op_unflushed, fz_op_scalable_latch,
    fz_op_scalable_bring_up, fz_op_scalable_flush_compare;

/* scalable.c: tables with PASIDs of all kinds, as the input wants them; translation in scalable mode on. */
void fz_scalable_bring_up(struct fz *fz);
bool fz_is_scalable(const struct fz *fz); /* by what was latched last */

/* Operations on devices that keep translations, and descriptors of 256 bits. */
fz_operation fz_op_device_tlb, fz_op_device_dma, fz_op_wide_descriptor, fz_op_wide_raw,
    fz_op_wide_batch, fz_op_timed_out, fz_op_covered;
/* Submit one to a queue where all is done, and see that the right thing becomes of it. False: no such queue. */
bool fz_wide_submit(struct fz *fz, const uint64_t quads[4]);

/* Operations on the page request queue and on devices that ask for pages: page_requests.c. */
fz_operation fz_op_page_queue, fz_op_page_head, fz_op_page_status, fz_op_page_event, fz_op_page_request,
    fz_op_covered_by_request;
void fz_page_queue_start(struct fz *fz);
/* Ask for the page of a DMA. True: software finds that in the queue. */
bool fz_ask_for_page(struct fz *fz, const struct fz_request *request);

/* oracle.c: what the specification says of one request, from the tables as they are. */
struct fz_answer {
	bool known;        /* false: the oracle has no opinion */
	bool untranslated; /* translation is off */
	bool faulted;      /* by `reason`; 0: without a record */
	bool interrupt;
	bool answered; /* a translation request, with the rights `granted` */
	unsigned granted;
	unsigned reason;
	uint64_t physical;
	unsigned shift;
	uint64_t domain;
	bool fault_disable; /* a context entry with FPD was met */
};
void fz_oracle_dma(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    struct fz_answer *answer);
void fz_oracle_interrupt(
    const struct fz *fz, uint16_t rid, uint64_t address, uint32_t data, struct fz_answer *answer);

/* A set of fault reasons. */
struct fz_reasons {
	uint64_t bits[4];
};

static inline void fz_reasons_add(struct fz_reasons *reasons, unsigned reason)
{
	reasons->bits[reason >> 6] |= BIT(reason & 63);
}

static inline bool fz_reasons_hold(const struct fz_reasons *reasons, unsigned reason)
{
	return reason < 256 && (reasons->bits[reason >> 6] >> (reason & 63) & 1) != 0;
}

static inline bool fz_reasons_none(const struct fz_reasons *reasons)
{
	return (reasons->bits[0] | reasons->bits[1] | reasons->bits[2] | reasons->bits[3]) == 0;
}

/* Entries by which FPD is known: what was met of context, directory and PASID-table entry by then. */
enum { FZ_FPD_CONTEXT, FZ_FPD_DIRECTORY, FZ_FPD_ENTRY, FZ_FPD_LEVELS };

/* Flags of a paging entry that must be set in the end when the request goes through, and others that may. */
struct fz_mark {
	uint64_t address;
	uint64_t must, may;
};

/* Entries of both stages, and once more where a flag of the first dirties the second's. */
#define FZ_MARKS 96u

/* oracle_scalable.c: what the specification says of one request in scalable mode. */
struct fz_scalable {
	bool known;                /* false: the oracle has no opinion */
	struct fz_reasons reasons; /* one of these holds; none: see below */
	bool passes;               /* it goes through, or is answered with `granted` */
	bool unsupported;          /* refused without a record */
	bool interrupt;
	bool interrupts_answered; /* a translation request for the interrupt range: that, or a reason */
	unsigned interrupts_granted;
	unsigned granted;
	uint64_t physical;
	uint64_t shifts; /* sizes that the translation may have, as bits */
	uint32_t domain;
	bool non_snooped;
	bool fault_disable[FZ_FPD_LEVELS];
	struct fz_mark marks[FZ_MARKS];
	unsigned mark_count;
};
struct iommusim_page_request;
void fz_oracle_page_request(const struct fz *fz, uint16_t rid,
    const struct iommusim_page_request *request, struct fz_scalable *answer);
void fz_oracle_scalable(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    struct fz_scalable *answer);

/* Is a fault kept out of the records by FPD (VT-d 7.1.1)? */
bool fz_is_suppressed(const struct fz_scalable *answer, unsigned reason);

/* judge_scalable.c: the walk of one page against that, and what the request may do to the tables. */
void fz_judge_scalable(const struct fz *fz, uint16_t rid, const struct iommusim_dma_request *request,
    const struct iommusim_dma_page *told, struct fz_scalable *answer);
/* Remember the tables; nothing has changed in them since. */
void fz_watch_tables(const struct fz *fz);
void fz_check_untouched(const struct fz *fz);
/*
 * Nothing but flags has changed in them, and these only as they may. `answer`: of the one page that was
 * translated, without caches; NULL: there were more, or caches may have answered. True: nothing at all
 * has changed.
 */
bool fz_check_flags(const struct fz *fz, const struct fz_request *request,
    const struct iommusim_dma_page *pages, size_t page_count, const struct fz_scalable *answer);

#endif
