/*
 * Random lives of a host and its VMs: what a life is made of, playing one, and what the test itself says must come
 * of it. Which lives are played under which policy stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_LIFECYCLE_H
#define IOMMUSIM_TESTS_PROPERTY_LIFECYCLE_H

#include "host_fixture.h"
#include "property/random.h"

/* ---- the machine --------------------------------------------------------------------------------- */

enum life_vendor { LIFE_VTD, LIFE_AMDVI, LIFE_VENDORS };

/* What stands in the way of an IOMMU. */
enum life_hindrance {
	LIFE_NOTHING,
	LIFE_NO_TABLE,   /* firmware has none */
	LIFE_TAKEN,      /* hw.dmar.enable=1: the host's own driver has the units */
	LIFE_UNGOVERNED, /* no unit governs a function of the host's */
};

/*
 * The functions of every machine. The ones of bus 1, 2 and 7 are behind bridges of bus 0. The first two are the
 * host's, the next four ppt's, and the last two come while the system runs.
 */
enum { LIFE_GFX, LIFE_AHCI, LIFE_PPT, LIFE_LATE = LIFE_PPT + 4, LIFE_FUNCTIONS = LIFE_LATE + 2 };
extern const uint16_t life_rids[LIFE_FUNCTIONS];

/* Places that units' scopes tell apart: 0:2.0 alone, the three bridges, and all the rest of bus 0. */
enum { PLACE_GFX, PLACE_BUS1, PLACE_BUS2, PLACE_BUS7, PLACE_REST, PLACES };
extern const uint8_t life_places[LIFE_FUNCTIONS];

#define LIFE_FEW_UNITS 3u /* what machines have that were made for no policy */
#define LIFE_UNITS     18u
#define LIFE_NO_UNIT   LIFE_UNITS /* governs what no unit governs */

#define LIFE_VTD_BASE UINT64_C(0xfed90000) /* of the first unit; 4 KiB each */

/* The VT-d preset of version 6, whose units invalidate by queue alone; scalable mode excludes write buffers. */
#define LIFE_SAPPHIRE 4u

struct life_board {
	enum life_vendor vendor;
	enum life_hindrance hindrance;
	unsigned preset; /* 0 to 4 */
	unsigned unit_count;
	uint8_t unit_of[PLACES];           /* which unit governs what */
	bool write_buffer[LIFE_UNITS + 1]; /* VT-d: CAP.RWBF */
	bool device_tlb[LIFE_UNITS + 1];   /* VT-d: ECAP.DT */
	unsigned
	    region_after; /* VT-d: so many units stand before an RMRR in the table; 0: there is none */
	bool region;      /* AMD-Vi: memory that 0:2.0 must reach, beyond RAM (IVMD) */
	bool alias;       /* AMD-Vi: requests of 0:2.0 carry another id */
	bool device_view;
	bool regmap;        /* VT-d: vtd.regmap.N.addr name the units, two at most */
	bool crowd;         /* AMD-Vi: 270 functions that no driver has */
	bool giant;         /* the first VM has memory above 4 GiB */
	uint64_t low, high; /* RAM from 0, and from 4 GiB */
};

/* ---- a life -------------------------------------------------------------------------------------- */

enum life_op {
	OP_CREATE, /* a VM with memory */
	OP_ASSIGN, /* a ppt device to a VM */
	OP_UNASSIGN,
	OP_DESTROY,
	OP_DMA,
	OP_HOST_IO, /* of the host's disk for a VM */
	OP_ADD,     /* a function comes, with a bus event; it may get a driver */
	OP_DELETE,  /* and goes */
	OP_MASTER,  /* a guest writes the command register */
	OP_RESET,   /* a guest resets its device */
	OP_ATS,     /* the host turns a device's ATS on or off */
	OP_DOMAIN,  /* a caller's own domain is made, or goes */
	OP_MAP,     /* a page of it is mapped, or taken away and invalidated */
	OP_JOIN,    /* an idle device goes into one, or leaves it */
	OP_UNLOAD,
	OP_WRONG, /* a page is mapped beyond the width of a domain; only in lives that are made for it */
	OPS
};

/* `a` and what follows: whatever the operation takes of them, so that every row of steps is a life. */
struct life_step {
	enum life_op op;
	uint32_t a, b, c;
};

#define LIFE_STEPS 40u

struct life {
	struct life_board board;
	struct life_step steps[LIFE_STEPS];
	unsigned count;
	uint64_t seed, number; /* what it was made from */
};

void life_make(struct life *life, enum life_vendor vendor, uint64_t seed, uint64_t number);
/* lifecycle_suit.c: make a life one that may exercise a policy whose flaw others hardly meet. */
typedef void life_suit(struct life *life, struct random *random);
life_suit life_suit_high_memory, life_suit_regmap, life_suit_many_units, life_suit_ungoverned,
    life_suit_wrong, life_suit_crowd;

/* ---- what is expected ------------------------------------------------------------------------------ */

/* What happened in a life that policies differ in: by the test's own bookkeeping. */
struct life_facts {
	bool tried;         /* a domain was asked for */
	bool on;            /* the IOMMU is initialised */
	unsigned starts;    /* how often it was */
	unsigned flushes;   /* translations were invalidated while it was on */
	unsigned borrowed;  /* an idle device was put into a caller's domain */
	unsigned unflushed; /* DMA of a device whose entry was made since buffers were flushed */
	unsigned
	    misscoped; /* a device was added whose start bus names a unit with device-TLBs, its own has none */
	unsigned holes;     /* a page of a large mapping was taken away while a device could reach it */
	unsigned kept;      /* pages were taken away from a device with ATS on */
	unsigned ended;     /* domains were destroyed that were some device's last */
	unsigned ended_ats; /* that left it with ATS on */
	unsigned ended_elsewhere; /* whose unit is not the first */
	unsigned above;           /* DMA to guest memory above 4 GiB */
	unsigned highest;         /* of the units, counted from 1, that govern what made DMA */
	unsigned refused;         /* calls that must fail, although there is an IOMMU */
	unsigned otherwise;       /* what went otherwise than it has to */
	unsigned windows;         /* DMA to a page whose translation was kept when it was taken away */
	unsigned seen[IOMMUSIM_VERDICT_COUNT];
	unsigned done[OPS];
};

typedef bool life_predicate(const struct life *life, const struct life_facts *facts);

/* A policy: what is otherwise than under `reference`. */
struct life_policy {
	const char *column, *value;
	uint64_t vendors;  /* bits: for which it means anything */
	const char *flaw;  /* what is wrong about it, and where that is known from; NULL: nothing */
	uint64_t findings; /* bits: one of these it must raise */
	life_predicate *exercised; /* in such a life; NULL: there is none for it */
	uint64_t others;           /* bits: these may come, too, */
	life_predicate *touched;   /* in such lives; NULL: in those that exercise it */
	bool
	    verdicts; /* DMA and calls go otherwise than under `reference`; must, if no finding is named */
	life_suit *suit; /* makes lives that exercise it; NULL: all do */
};

/* What was not as it has to be; empty: nothing. */
struct life_result {
	char wrong[1024];
	struct life_facts facts;
	uint64_t findings; /* bits: that came */
	bool exercised;
};

/* Play it under a profile. `trace`: write it down there; NULL: do not. */
void life_play(const struct life *life, enum iommusim_cache_policy cache, const char *profile,
    const struct life_policy *policy, struct life_result *result, const struct iommusim_text *trace);

/* The same; if anything is wrong, it is said with the shortest such life, and the test fails. Was it exercised? */
bool life_judge(const struct life *life, enum iommusim_cache_policy cache, const char *profile,
    const struct life_policy *policy, struct life_facts *sum);

/* lifecycle_board.c */
void life_build(const struct life_board *board, enum iommusim_cache_policy cache,
    struct iommusim_machine **machine);

#endif
