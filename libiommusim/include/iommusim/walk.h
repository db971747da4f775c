/*
 * One translation, entry by entry, without side effects: no cache is asked or filled, no fault
 * recorded, no accessed bit set. For reports, for teaching, and for judging what a cache answered.
 */
#ifndef IOMMUSIM_WALK_H
#define IOMMUSIM_WALK_H

#include <iommusim/dma.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A field of a hardware structure, by the specification's name. */
struct iommusim_walk_field {
	const char *name;
	const char *meaning;
	uint64_t value;
	uint16_t high; /* bit numbers over the whole structure */
	uint16_t low;
};

#define IOMMUSIM_WALK_FIELDS 32u
#define IOMMUSIM_WALK_QUADS  8u
#define IOMMUSIM_WALK_STEPS  64u

struct iommusim_walk_step {
	const char *structure; /* "root entry" */
	const char *name;      /* the specification's name: "SS-PDE" */
	const char *section;   /* where it is defined: "9.8" */
	uint64_t table;        /* physical address of the table; 0: it stands in none */
	uint64_t address;      /* physical address of the entry */
	uint32_t index;        /* of the entry in its table */
	uint8_t level;         /* of a paging entry; 0 for others */
	uint8_t stage;         /* of a paging entry: 1 first stage, 2 second stage */
	uint64_t input;        /* of a paging entry: the address it helps translate at its stage */
	uint8_t quads;         /* 64-bit words in `raw` */
	uint8_t field_count;
	bool on_bus;   /* an interrupt request: raw[0] is its address, raw[1] its data; not in memory */
	bool readable; /* there is memory there */
	bool present;
	bool leaf;     /* of a paging entry: maps a page */
	uint64_t next; /* address of the next table, of the page, or of the descriptor */
	uint64_t raw[IOMMUSIM_WALK_QUADS];
	struct iommusim_walk_field fields[IOMMUSIM_WALK_FIELDS];
};

struct iommusim_walk {
	const char *unit_name; /* "VT-d", "AMD-Vi"; NULL when no unit governs the requester */
	uint64_t unit_base;    /* its registers */
	/*
	 * "second stage", "first stage", "nested", "pass-through", "host permissions" (of a
	 * translated request), "context" (it stopped there),
	 * "interrupt range", "refused" (no request of that kind is looked at), "off", "no unit"; of an
	 * interrupt: "remapped interrupt, xAPIC" or ", x2APIC", "posted interrupt, xAPIC" or
	 * ", x2APIC", "compatibility interrupt", "forwarded interrupt" (as it came), "refused"
	 * (before any entry of an interrupt table), "off", "no unit".
	 * AMD-Vi instead of the first ones: "host tables", "guest tables", "nested", "pass-through" (DTE.V=0,
	 * Mode 0, what is forwarded), "device table" (it stopped there), "exclusion range", "aperture"; and
	 * ", GAPPI" behind that of a posted interrupt while software is told by physical ones (GAPPIEn)
	 */
	const char *mode;
	uint8_t levels;        /* of the page table; 0 in pass-through */
	uint8_t address_width; /* in bits, likewise */
	/* where the deciding rule stands: "VT-d 7.1.3 LGN.2"; NULL when allowed */
	const char *clause;
	const char *reason; /* the fault reason in words; NULL when allowed */
	bool read_right;    /* accumulated over the entries read */
	bool write_right;
	/* as iommusim_dma() would report the page now, uncached */
	struct iommusim_dma_page result;
	uint8_t step_count;
	struct iommusim_walk_step steps[IOMMUSIM_WALK_STEPS];
};

/*
 * Walk the page that holds `request->address` (length and data are not looked at). Control side, or
 * the requester's thread when nothing else changes tables. Returns OK or EINVAL.
 */
IOMMUSIM_API enum iommusim_status iommusim_walk(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_walk *walk);

/*
 * The same for a message interrupt: a request in remappable format is the first step, of an AMD-Vi unit
 * the device table entry the next, then the entry of the interrupt remapping table that decides about it,
 * and when it is posted its descriptor, or the word of the virtual APIC page, as it is before. `out` (may be NULL) is what would be sent to the processor: with `posted`
 * set a notification, of address 0 when there would be none; as it came when `walk->result.faulted`.
 * Returns OK, or EINVAL when the address is outside the interrupt range or no multiple of 4. Control
 * side.
 */
struct iommusim_interrupt;
IOMMUSIM_API enum iommusim_status iommusim_walk_interrupt(struct iommusim_requester *requester,
    uint64_t address, uint32_t data, struct iommusim_interrupt *out, struct iommusim_walk *walk);

#ifdef __cplusplus
}
#endif

#endif
