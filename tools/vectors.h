/* A conformance vector in memory, and what differs between vendors of the IOMMU it is about. */
#ifndef IOMMUSIM_TOOLS_VECTORS_H
#define IOMMUSIM_TOOLS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/unit.h>

struct iommusim_fault;
struct json_object;
struct vector_json;
struct vector_failure;
struct vector_run;

enum {
	VECTOR_LARGEST_DMA = 1 << 20 /* bytes; far more than a page or two is no conformance test */
};

enum vector_op { VECTOR_MEM_WRITE, VECTOR_MEM_READ, VECTOR_MMIO_WRITE, VECTOR_MMIO_READ, VECTOR_DMA };

enum vector_outcome {
	VECTOR_OUTCOME_OK,
	VECTOR_OUTCOME_FAULT,
	VECTOR_OUTCOME_OTHER /* in the interrupt range: no memory touched, nothing recorded */
};

/* A number that may be left out, which is then not compared. */
struct vector_number {
	bool present;
	uint64_t value;
};

struct vector_bytes {
	uint8_t *bytes;
	size_t size;
};

/* The registers at reset, as far as a vendor's unit is told them. */
struct vector_caps {
	uint64_t version, capability, ext_capability, host_address_width;     /* vtd */
	uint64_t features, features2, header, range, misc0, misc1, requester; /* amdvi */
};

/* The record a fault must leave: what is not present is not compared. */
struct vector_fault {
	bool present;
	struct vector_number reason, requester;        /* amdvi: the event code, the device id */
	struct vector_number address, is_read, status; /* vtd; status is FSTS */
	struct vector_number index, record[2];         /* vtd */
};

/* A part of a request that does not cross a page. */
struct vector_segment {
	uint64_t address, length;
	struct vector_number physical; /* absent: this part faults */
};

struct vector_dma {
	uint16_t requester;
	bool is_write;
	uint64_t address, length;
	enum vector_outcome outcome;
	struct vector_number physical; /* of the first byte */
	bool fault_unknown;            /* nothing is known of what was recorded */
	bool overflow;                 /* it did not fit, and the unit says so */
	struct vector_fault fault;
	struct vector_number status; /* vtd: FSTS afterwards, where nothing was recorded */
	struct vector_segment *segments;
	size_t segment_count;
};

struct vector_step {
	enum vector_op op;
	bool disputed;             /* runs, but is not compared */
	bool preferred;            /* a reading of the specification chose what is expected here */
	uint64_t address;          /* mem: physical; mmio: offset */
	struct vector_bytes bytes; /* mem */
	unsigned width;            /* mmio */
	uint64_t value, mask;      /* mmio */
	struct vector_dma dma;
};

struct vector_range {
	uint64_t base, size;
};

struct vector {
	char *id;
	const struct vector_vendor *vendor;
	bool disputed; /* as a whole */
	struct vector_caps caps;
	uint64_t mmio_base;
	struct vector_range *ram;
	size_t ram_count;
	struct vector_step *steps;
	size_t step_count;
};

/* What is recorded and flagged at one moment, so that a request's own fault can be told. */
struct vector_faults {
	uint64_t status;
	unsigned count;                /* vtd: fault recording registers */
	uint64_t records[256][2];      /* vtd */
	uint64_t log, log_bytes, tail; /* amdvi: the event log, and the offset of what comes next */
};

/* What is known of a request that was made. */
struct vector_observed {
	const struct vector_dma *dma;
	const struct vector_faults *before, *after;
	const struct iommusim_fault *fault; /* of its first page that did; NULL: none */
};

/* How vectors of one vendor are read, set up and compared. */
struct vector_vendor {
	const char *name;   /* `iommu` */
	uint64_t mmio_size; /* bytes of registers */
	/* Members of `caps` and of `fault`; false when one is wrong, which the reader then tells. */
	bool (*read_caps)(
	    struct vector_json *json, struct json_object *object, struct vector_caps *caps);
	bool (*read_fault)(
	    struct vector_json *json, struct json_object *object, struct vector_fault *fault);
	/* A unit that governs everything. The status and diagnostic of the library. */
	enum iommusim_status (*create_unit)(struct iommusim_machine *machine,
	    const struct vector *vector, const struct iommusim_unit_settings *settings);
	/* Look at what is recorded, through registers and memory only. */
	void (*observe)(const struct vector_run *run, struct vector_faults *faults);
	/* Did the request leave the record it must leave? If not, `failure` says why. */
	bool (*judge)(struct vector_run *run, const struct vector_observed *observed,
	    struct vector_failure *failure);
	/* Bits of a byte of registers that are not compared. */
	uint8_t (*ignored)(const struct vector_run *run, uint64_t offset);
};

extern const struct vector_vendor vector_vtd;
extern const struct vector_vendor vector_amdvi;

#endif
