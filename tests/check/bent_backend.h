/*
 * The built-in VT-d backend with a bend: iommu_ops that do what they are asked but for one fault,
 * as a broken driver would. What a checker says of it stands in the tests.
 */
#ifndef IOMMUSIM_TESTS_CHECK_BENT_BACKEND_H
#define IOMMUSIM_TESTS_CHECK_BENT_BACKEND_H

#include "host_fixture.h"

struct vtd_driver;

struct bent_backend {
	struct iommusim_ops ops;
	struct vtd_driver *driver; /* the straight one behind it */
	/* The bends. None of them concerns the host domain, which is the first. */
	uint64_t off_by;       /* mappings lead so much too far */
	bool keeps_pages;      /* unmapping is forgotten, and said to be done */
	bool keeps_entries;    /* removing a device, too */
	bool adds_nothing;     /* adding a device, too */
	uint64_t refuses_from; /* mapping calls fail from this address on; 0: they do not */
	bool refuses_removal;  /* removing a device fails */
	bool never_flushes;    /* invalidating, too */
	bool clears_only;      /* removing a device clears its context entry, and invalidates nothing */
	bool page_by_page;     /* mapping calls do 4 KiB at a time */
	void *host_domain;
	struct host *host;
};

/* Start a host on it. `setup->ops` is filled in. */
void bent_start(struct host *host, struct bent_backend *backend, struct host_setup *setup);
void bent_stop(struct host *host, struct bent_backend *backend);

#endif
