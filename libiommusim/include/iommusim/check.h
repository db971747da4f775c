/*
 * The checker: what should have happened to a DMA, against what did. It keeps its own record of who
 * was given what since which call, and judges by that, never by the tables.
 */
#ifndef IOMMUSIM_CHECK_H
#define IOMMUSIM_CHECK_H

#include <iommusim/ats.h>
#include <iommusim/dma.h>
#include <iommusim/findings.h>
#include <iommusim/vmm.h>
#include <iommusim/walk.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_check;

enum iommusim_verdict {
	IOMMUSIM_VERDICT_OK,
	IOMMUSIM_VERDICT_BLOCKED, /* faulted, and whoever asked for it had no right to that memory */
	IOMMUSIM_VERDICT_LOST,    /* faulted, though whoever asked for it had a right to that memory */
	IOMMUSIM_VERDICT_STALE,   /* went through on a translation that had been taken away */
	IOMMUSIM_VERDICT_BREACH,  /* reached memory its domain was never given */
	IOMMUSIM_VERDICT_MISROUTED,   /* another address than intended */
	IOMMUSIM_VERDICT_UNPROTECTED, /* translation off, or no unit */
	IOMMUSIM_VERDICT_COUNT
};

/* Who owns a page of host memory. */
enum iommusim_owner {
	IOMMUSIM_OWNER_HOST,
	IOMMUSIM_OWNER_VM,
	IOMMUSIM_OWNER_TABLE, /* the IOMMU backend's tables */
	IOMMUSIM_OWNER_FIRMWARE,
	IOMMUSIM_OWNER_DEVICE, /* registers */
	IOMMUSIM_OWNER_NOBODY  /* no memory there */
};

/* Where a call came from: a trace line, or a line of a test. `line` 0: unknown. */
struct iommusim_place {
	const char *file; /* kept by reference: must outlive the checker */
	uint32_t line;
};

/* A call that the checker remembers. */
struct iommusim_remembered_call {
	bool known;
	struct iommusim_place place;
	/* the call the library's user made; names stay good while vmm lives */
	struct iommusim_call outer;
	bool has_inner; /* vmm made another one inside it: */
	enum iommusim_call_kind inner_kind;
	uint64_t inner_address;
	uint64_t inner_length;
	char domain_name[40]; /* of the domain it touched */
};

/* One page of a judged DMA. */
struct iommusim_judged_page {
	enum iommusim_verdict verdict;
	struct iommusim_dma_page page;
	enum iommusim_owner owner; /* of the memory it reached or asked for */
	char owner_vm[40];         /* OWNER_VM: whose */
	uint64_t owner_gpa;        /* OWNER_VM: which guest page */
};

/* A judged DMA: the verdict over all its pages, and why. */
struct iommusim_report {
	enum iommusim_verdict verdict; /* the first page's that is not OK, else OK */
	uint64_t pages_of_verdict;     /* pages that share it */
	struct iommusim_dma_request request;
	struct iommusim_dma_outcome outcome;
	struct iommusim_judged_page page; /* the page the verdict is about */
	uint16_t segment;
	uint16_t rid;         /* that the requests carried */
	uint16_t function;    /* whose they are: `rid` mostly (iommusim_requester_set_function()) */
	char device_name[32]; /* of the function; may be empty */
	char beneficiary[40]; /* "for" whom: a VM's name, or "host" */
	char domain_name[40]; /* the domain the device is in, by intent; empty: in none */
	bool expected_known;  /* intent maps the address to `expected` */
	uint64_t expected;
	struct iommusim_remembered_call last_mapped; /* the call that gave the address */
	/* the call that took it away, if it is away */
	struct iommusim_remembered_call last_removed;
	/* `last_removed` took the device out of its domain, not the address. */
	bool device_removed;
	/* the unit's fault interrupt is masked: nobody hears of the record */
	bool fault_event_masked;
	/* The translation was one that the device kept (ATS): the unit was not asked again. */
	bool from_device_tlb;
	/* What the device's driver is told, where a device with a driver made the request. Static; or NULL. */
	const char *driver_sees;
	const char *known_bug;     /* "D34607, PR 260178, PR 215740", NULL when it is no known one */
	const char *blamed_column; /* the policy that made it so: "host_pages"; NULL */
	struct iommusim_walk walk; /* by tables, now; of its steps there are so many as it says */
};

/* Findings about programming, each with a stable id (docs/findings). */
enum iommusim_finding_id {
#define IOMMUSIM_FINDING_ID(id, name, meaning) IOMMUSIM_FINDING_##id,
	IOMMUSIM_FINDINGS(IOMMUSIM_FINDING_ID)
#undef IOMMUSIM_FINDING_ID
	    IOMMUSIM_FINDING_COUNT
};

struct iommusim_finding {
	enum iommusim_finding_id id;
	struct iommusim_place place;
	char text[768];  /* a sentence or a few, with the numbers */
	bool suppressed; /* somebody has said that it does not matter (iommusim_check_suppress()) */
};

/* Which findings do not matter: those of an id, at a place. */
struct iommusim_suppression {
	enum iommusim_finding_id id; /* IOMMUSIM_FINDING_COUNT: all of them */
	const char *file;            /* as places have it, or its last part; NULL: anywhere. Copied */
	uint32_t first;              /* lines, both inclusive; first 0: any */
	uint32_t last;               /* 0: only the first */
};

/*
 * Attach a checker to a vmm that has not initialised its IOMMU yet: from now on it sees every iommu_ops
 * call. Returns OK, EBUSY (a domain exists, or another checker), ENOMEM. Destroy it after the vmm's
 * last call and before the vmm.
 */
IOMMUSIM_API enum iommusim_status iommusim_check_create(
    struct iommusim_vmm *vmm, struct iommusim_check **check);
IOMMUSIM_API void iommusim_check_destroy(struct iommusim_check *check);

/* Where the calls that follow come from. */
IOMMUSIM_API void iommusim_check_set_place(
    struct iommusim_check *check, const struct iommusim_place *place);

/*
 * Make a DMA and judge it. `for_vm` names on whose behalf the I/O was asked for; NULL: the VM the
 * device is assigned to, else the host. `report` is filled whatever the verdict (but see
 * iommusim_check_set_brief()). Returns what
 * iommusim_dma() returns, or ENOENT (no VM of that name). Thread: control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_check_dma(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report);

/*
 * Brief: a DMA whose verdict is OK is reported without reasons, which cost several times what the DMA does. Of its report
 * only verdict, pages_of_verdict, request, outcome, page, segment, rid, function, from_device_tlb and, if `for_vm` named it,
 * beneficiary are filled then, the walk has no steps, and the rest is 0. Machines with a device view fill it all. Verdicts and findings are the same. Not
 * brief to begin with. Control side.
 */
IOMMUSIM_API void iommusim_check_set_brief(struct iommusim_check *check, bool brief);

/*
 * The same of a device that keeps translations (ats.h): each page is judged by where it went in the end,
 * and a translation that the device should have dropped makes it stale. A page that could not be sent
 * counts as faulted. Returns what iommusim_ats_dma() returns, or ENOENT. Thread: control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_check_ats_dma(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_report *report);

/* A verdict without reasons, and what they can be had by. */
struct iommusim_judgement {
	enum iommusim_verdict verdict; /* as in a report, both */
	uint64_t pages_of_verdict;
	struct iommusim_dma_outcome outcome;
	/* As given: iommusim_check_explain() looks at them again. */
	struct iommusim_requester *requester;
	const struct iommusim_dma_request *request;
	const char *for_vm;
	uint64_t number, moment; /* the checker's own */
};

/*
 * Make a DMA and judge it as iommusim_check_dma() does, findings and all, but for the report, which can be had
 * afterwards. One that is OK as another like it was, with nothing changed since, takes half as long again as
 * iommusim_dma() alone. Returns what iommusim_check_dma() does, and ENOMEM before anything is made. Thread: control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_check_judge(struct iommusim_check *check,
    struct iommusim_requester *requester, const struct iommusim_dma_request *request,
    const char *for_vm, struct iommusim_judgement *judgement);

/*
 * The report of a DMA that iommusim_check_judge() has judged, in full, as iommusim_check_dma() would have given it.
 * Of one that is not OK it is kept until the next such one; of one that is OK it is made now, by tables as they are now.
 * What `judgement` points to must be as it was. Returns OK; ENOENT: there has been another one that was not OK; or, of
 * one that was OK, there has been a call, a store, an access to a register or whatever else it may depend on; or nothing
 * was judged, as iommusim_check_judge() failed. Thread: control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_check_explain(struct iommusim_check *check,
    const struct iommusim_judgement *judgement, struct iommusim_report *report);

/*
 * Findings from now on that are of this kind are kept, but marked as suppressed. OK, EINVAL (no such id, a last
 * line before the first), ENOMEM. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_check_suppress(
    struct iommusim_check *check, const struct iommusim_suppression *suppression);

/*
 * Look at the units and their tables now: for what has happened behind the back of vmm's calls and of
 * iommusim_check_dma(), such as a register that was written last. Control side.
 */
IOMMUSIM_API void iommusim_check_look(struct iommusim_check *check);

/* Finding number `index` in order of occurrence, or NULL beyond the last. */
IOMMUSIM_API const struct iommusim_finding *iommusim_check_finding(
    const struct iommusim_check *check, size_t index);

/* Is it advice alone, which never fails a run? */
IOMMUSIM_API bool iommusim_finding_is_advice(enum iommusim_finding_id id);

/*
 * The story ends here: debts that later invalidations have passed by are found missing. Calls may follow, and
 * another end. Thread: control side.
 */
IOMMUSIM_API void iommusim_check_finish(struct iommusim_check *check);

/*
 * Advice on the invalidations since the last advice: which took more along than they had to. Thread: control
 * side.
 */
IOMMUSIM_API void iommusim_check_advise(struct iommusim_check *check);

IOMMUSIM_API const char *iommusim_verdict_name(enum iommusim_verdict verdict);
IOMMUSIM_API enum iommusim_status iommusim_verdict_find(
    const char *name, enum iommusim_verdict *verdict);
IOMMUSIM_API const char *iommusim_finding_name(enum iommusim_finding_id id);
IOMMUSIM_API const char *iommusim_finding_meaning(enum iommusim_finding_id id);
IOMMUSIM_API enum iommusim_status iommusim_finding_find(const char *name, enum iommusim_finding_id *id);

/*
 * Write a report out for a person, as text of several lines, or as one JSON object on one line. `put`
 * gets pieces of text. `colour`: ANSI colours. Returns OK or ENOMEM.
 */
struct iommusim_text {
	void *context;
	void (*put)(void *context, const char *text, size_t length);
	bool colour;
};
IOMMUSIM_API enum iommusim_status iommusim_report_text(const struct iommusim_check *check,
    const struct iommusim_report *report, const struct iommusim_text *out);
IOMMUSIM_API enum iommusim_status iommusim_report_json(const struct iommusim_check *check,
    const struct iommusim_report *report, const struct iommusim_text *out);

/*
 * Why hw.vmm.iommu.initialized is 0, what else it could have been and was not, and what the devices
 * did meanwhile. Writes nothing when it is 1 or nothing asked for it.
 */
IOMMUSIM_API enum iommusim_status iommusim_init_text(
    const struct iommusim_check *check, const struct iommusim_text *out);

#ifdef __cplusplus
}
#endif

#endif
