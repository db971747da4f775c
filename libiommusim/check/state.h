/* The checker's own record: places, calls, domains, devices, owners. Private to libiommusim/check. */
#ifndef IOMMUSIM_CHECK_STATE_H
#define IOMMUSIM_CHECK_STATE_H

#include <iommusim/check.h>

#include "check/calls.h"
#include "check/fine.h"
#include "check/held.h"
#include "check/pagemap.h"
#include "check/row.h"
#include "check/shadow.h"
#include "machine/unit_model.h"
#include "vmm/interpose.h"

/* Flags of a domain's page: the value's address is the host page it maps, or did map. */
enum { LEDGER_MAPPED = 1, LEDGER_REMOVED = 2 };

/* Flags of a host page's owner: the value's address is the guest page; the stamp the VM's name. */
enum { OWNER_IS_VM = 1 };

struct check_name; /* an interned string (names.c) */

/*
 * Whoever gave or took an address last: a number of the record of calls; or with STAMP_INNER, of a domain's own list of
 * calls that vmm made inside another. 0: not known.
 */
#define STAMP_INNER (UINT32_C(1) << 31)

/* Calls of the ops of one kind with one length, inside one call of the user's. */
struct check_run {
	uint32_t place;
	uint32_t kind; /* enum iommusim_call_kind */
	uint64_t length;
};

/* A domain as the ops know it, and what was ever mapped in it. */
struct check_domain {
	TAILQ_ENTRY(check_domain) link;
	void *handle; /* the ops' own */
	struct pagemap map;
	struct check_run *runs;
	size_t run_count;
	size_t run_capacity;
	bool destroyed; /* kept for devices that were in it */
	struct held_domain held;
	const char *name;
	uint64_t end;     /* of what its tables translate; 0: not known, and asked for each time */
	uint32_t made_at; /* place of the call that made it */
	int64_t tables;   /* pages that its calls have taken for tables and not given back */
};
TAILQ_HEAD(check_domain_list, check_domain);

struct check_device {
	TAILQ_ENTRY(check_device) link;
	uint16_t segment;
	uint16_t rid;
	struct check_domain *domain; /* where it is by intent; NULL: nowhere */
	struct check_domain *last;   /* where it was before */
	uint32_t place;              /* of the last change */
	struct held_device held;
};
TAILQ_HEAD(check_device_list, check_device);

/* A register that is read again and again. */
struct check_poll {
	uint64_t address;
	uint64_t value;
	uint32_t reads;
	uint64_t written_at; /* the last write before: which register of the unit, and what */
	uint64_t written;
	bool has_written;
};

struct told;

struct check_suppression {
	unsigned id;
	const char *file; /* interned; NULL: anywhere */
	uint32_t first, last;
};

struct iommusim_check {
	struct iommusim_vmm *vmm;
	struct iommusim_machine *machine;
	struct iommusim_ops ops; /* the real ones */
	void *ops_context;
	struct check_name *names; /* uthash */
	struct iommusim_place here;
	struct calls calls;
	uint32_t place;               /* of the call under way; 0: "unknown" */
	enum iommusim_call_kind kind; /* and its kind */
	unsigned depth;               /* calls that vmm has under way */
	struct check_domain_list domains;
	struct check_device_list devices;
	struct pagemap owners;
	const struct iommusim_domain
	    *last_domain;             /* whose name was looked up last; NULL: it may be gone */
	const char *last_domain_name; /* interned */
	const char **vm_names;        /* by the owner map's stamp */
	size_t vm_name_count;
	size_t vm_name_capacity;
	bool
	    owners_incomplete; /* there was no memory for some of it: the VMs themselves are asked too */
	bool ops_used;         /* somebody states intent; otherwise the tables are the intent */
	bool init_reported;
	bool brief;       /* reports of what is OK give no reasons */
	bool forgetful;   /* each DMA is judged and explained anew */
	struct held held; /* what hardware may hold */
	struct shadow shadow;
	struct check_row row;
	struct check_domain *under; /* the domain that a call of the ops is about */
	struct check_poll poll;
	uint64_t looked_at;      /* the machine's activity when registers were looked at last, */
	uint64_t logs_looked_at; /* and when the logs of faults were */
	uint64_t overflowed;     /* units whose log of faults is known to have overflowed: a bit each */
	uint64_t listened;       /* units whose log somebody has read */
	struct iommusim_dmar *dmar; /* firmware's, once it was asked for ranges */
	struct iommusim_ivrs *ivrs;
	bool firmware_read;
	struct check_suppression *suppressions;
	size_t suppression_count;
	size_t suppression_capacity;
	struct iommusim_finding *findings;
	size_t finding_count;
	size_t finding_capacity;
	/* For the story of an IOMMU that never was: unprotected DMA, and the first of it. */
	uint64_t unprotected;
	struct iommusim_judged_page first_unprotected;
	struct iommusim_place first_unprotected_place;
	char first_unprotected_device[64];
	struct iommusim_place init_place;
	/* Grows with all that the checker sees but DMA: calls, stores, registers. See check_moment(). */
	uint64_t changes;
	uint64_t fine_again; /* DMA that was fine and not judged anew, */
	uint64_t told_again; /* and reports that were not made anew */
	struct told *told;   /* TOLD_PAGES, or NULL: none yet */
	/* Where iommusim_check_judge() makes a report, the one it made last of a DMA that was not OK, and how many those were. */
	struct iommusim_report *judging;
	struct iommusim_report *judged;
	uint64_t judged_number;
	struct fine fine[FINE_PAGES];
};

/* Something has happened that verdicts may depend on. */
static inline void check_changed(struct iommusim_check *check)
{
	check->changes++;
}

/*
 * A number that is another one after whatever the checker's judgement of a good DMA depends on has changed, but for where
 * the DMA goes and what is in memory. None of the three ever shrinks, so the sum stays only as long as each of them does.
 */
static inline uint64_t check_moment(const struct iommusim_check *check)
{
	const struct iommusim_machine *machine = check->machine;

	return check->changes + atomic_load_explicit(&machine->stamp, memory_order_acquire) +
	    machine_activity(machine);
}

/* names.c: the same string for the same characters, as long as the checker lives; NULL: no memory */
const char *check_intern(struct iommusim_check *check, const char *text);
void check_names_free(struct iommusim_check *check);

/* ledger.c: the ops between vmm and the backend */
void check_ops_chosen(void *context, struct iommusim_ops *ops, void **ops_context);
void check_ledger_free(struct iommusim_check *check);
/* Nothing is told of a domain that was destroyed once nothing of it is kept and no device has been in it: it goes. */
void check_forget_domain(struct iommusim_check *check, struct check_domain *domain);
struct check_device *check_device_find(
    const struct iommusim_check *check, uint16_t segment, uint16_t rid);
/* The name vmm calls a domain by now, or called it by last. */
const char *check_domain_name(const struct iommusim_check *check, const struct check_domain *domain);
/* The call behind a stamp of the domain's, for one address. */
void check_recall(const struct iommusim_check *check, const struct check_domain *domain, uint32_t stamp,
    uint64_t address, struct iommusim_remembered_call *call);

/* The call of the library's user at a place; nothing is known of place 0. */
void check_recall_place(
    const struct iommusim_check *check, uint32_t place, struct iommusim_remembered_call *call);

/* owner.c */
void check_owner_vm(struct iommusim_check *check, const struct iommusim_vm *vm);
void check_disown_vm(struct iommusim_check *check, const struct iommusim_vm *vm);
/* The run of guest memory at `*gpa`, or the first one above the hole below 4 GiB. False: no more. */
bool check_next_run(const struct iommusim_vm *vm, uint64_t *gpa, uint64_t *hpa, uint64_t *run);
void check_owner_of(
    const struct iommusim_check *check, uint64_t address, struct iommusim_judged_page *page);

/* finding.c */
void check_finding(struct iommusim_check *check, enum iommusim_finding_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_register_access(
    void *context, uint64_t address, unsigned width, bool is_write, uint64_t value);
void check_init_ended(struct iommusim_check *check, const struct iommusim_call *call);

/* finding_ops.c: calls of the ops, after they were made */
void check_tables_taken(struct iommusim_check *check, int pages);
/* A mapping call for [gpa, gpa + length) that did `done` bytes; `removed`: it took away. */
void check_mapped(struct iommusim_check *check, const struct check_domain *domain, uint64_t gpa,
    uint64_t length, uint64_t done, bool removed);
void check_domain_gone(struct iommusim_check *check, const struct check_domain *domain);
/* The backend is cleaned up: domains that nobody destroyed stay behind. */
void check_domains_left(struct iommusim_check *check);
void check_alignment(struct iommusim_check *check, const struct iommusim_call *call);

/* finding_firmware.c: a device that was added, or all of them when translation has come on */
void check_firmware_ranges(struct iommusim_check *check, const struct check_device *device);
void check_all_firmware_ranges(struct iommusim_check *check);
void check_firmware_free(struct iommusim_check *check);

/* finding_register.c: a log of faults that has overflowed; `report`: by this DMA, NULL: by something else */
void check_overflow(struct iommusim_check *check, const struct iommusim_report *report);
/* Software reads a register: it may be the log's. */
void check_listening(struct iommusim_check *check, const struct iommusim_unit *unit, uint64_t offset);
bool check_vtd_is_log(struct iommusim_unit *unit, uint64_t offset);
bool check_amdvi_is_log(struct iommusim_unit *unit, uint64_t offset);
void check_poll(struct iommusim_check *check, const struct iommusim_unit *unit, uint64_t address,
    bool is_write, uint64_t value);
bool check_vtd_overflowed(struct iommusim_unit *unit);
bool check_amdvi_overflowed(struct iommusim_unit *unit);

/* suppress.c */
bool check_is_suppressed(const struct iommusim_check *check, const struct iommusim_finding *finding);

/* finding_vtd.c, finding_amdvi.c: a write of 4 or 8 bytes to a unit's registers, before it takes effect */
void check_vtd_write(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t offset,
    unsigned width, uint64_t value);
void check_amdvi_write(struct iommusim_check *check, struct iommusim_unit *unit, uint64_t offset,
    unsigned width, uint64_t value);

/* judge.c */
void check_judged_free(struct iommusim_check *check);

/* row.c: the record and the ledger have every call that was made; before they are asked, or anything else happens */
void check_row_settle(struct iommusim_check *check);
static inline void check_settle(struct iommusim_check *check)
{
	if (check->row.warm)
		check_row_settle(check);
}
/* Calls come from somewhere else. */
void check_row_placed(struct iommusim_check *check, const struct iommusim_place *place);
/* Something happens, apart from the calls of a row: they come before it, and no verdict is remembered beyond it. */
static inline void check_happens(struct iommusim_check *check)
{
	check_settle(check);
	check_changed(check);
}
/* A call that is in no other begins; a mapping call has ended. */
void check_row_begins(struct iommusim_check *check, const struct iommusim_call *call);
void check_row_ended(struct iommusim_check *check, const struct iommusim_call *call);

/* blame.c: which policy made it so, and which profiles do not have it */
void check_blame(struct iommusim_report *report, const struct iommusim_vmm *vmm);

#endif
