/* A life being played: the machine, and the test's own books about it. Private to the lifecycle tests. */
#ifndef IOMMUSIM_TESTS_PROPERTY_LIFECYCLE_WORLD_H
#define IOMMUSIM_TESTS_PROPERTY_LIFECYCLE_WORLD_H

#include <iommusim/trace.h>

#include "property/lifecycle.h"

#define LIFE_VMS     3u
#define LIFE_DOMAINS 2u
#define LIFE_PAGES   16u /* of a caller's own domain, from address 0 */

/* Where a function is. */
enum life_home { HOME_NOWHERE, HOME_HOST, HOME_VM, HOME_DOMAIN };

struct life_function {
	bool present;
	bool ppt;  /* ppt has it, else the host */
	bool told; /* somebody has told vmm of it */
	enum life_home home;
	unsigned index; /* of the VM or the domain */
	bool ats;
	bool fresh;    /* its entry was made since buffers were flushed */
	unsigned led;  /* number of the VM or domain it was in last */
	bool left_ats; /* and it left that with ATS on */
	struct iommusim_requester *requester;
};

struct life_vm {
	struct iommusim_vm *vm; /* NULL: there is none */
	uint64_t size;
	unsigned devices;
	unsigned number; /* of all VMs and domains that ever were */
};

struct life_domain {
	struct iommusim_domain *domain;
	uint64_t pages[LIFE_PAGES]; /* host addresses; 0: not mapped */
	uint8_t warm[LIFE_PAGES];   /* WARM: a translation may be kept; WINDOW: and the page is gone */
	bool big;                   /* 2 MiB from LIFE_BIG are mapped to LIFE_BIG_TO */
	unsigned hole;              /* but for this page of them, counted from 1; 0: all */
	unsigned devices;
	unsigned number;
};

/* The kernel keeps the lowest eighth of RAM, at least 2 MiB here, to itself: no tables and no guests are there. */
#define LIFE_BIG    (2 * MIB)
#define LIFE_BIG_TO UINT64_C(0)
enum { WARM = 1, WINDOW = 2 };

struct life_world {
	const struct life *life;
	const struct life_policy *policy;
	struct iommusim_machine *machine;
	struct iommusim_vmm *vmm;
	struct iommusim_check *check;
	struct iommusim_recorder *recorder;
	struct life_function functions[LIFE_FUNCTIONS];
	struct life_vm vms[LIFE_VMS];
	struct life_domain domains[LIFE_DOMAINS];
	unsigned numbers;
	struct life_facts facts;
	char *wrong;
	unsigned step;
};

/* Note that something is not as it has to be; the first thing counts. */
void life_wrong(struct life_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A call returned that; it had to return the other, unless the policy makes calls go otherwise. */
bool life_returned(struct life_world *world, const char *call, enum iommusim_status status,
    enum iommusim_status expected);
/* The unit that governs a function; LIFE_NO_UNIT: none. */
unsigned life_unit_of(const struct life_world *world, const struct life_function *function);
/* Guest memory lies at 0 to 3 GiB, and from 4 GiB on. */
uint64_t life_gpa(uint64_t offset);
/* Do calls that need the IOMMU fail? */
bool life_hindered(const struct life_world *world);
/* Does the caller leave invalidation to vmm? (policy invalidate) */
bool life_leaves_it(const struct life_world *world);
/* Translations are invalidated, all of them: nothing is kept, and write buffers are empty. */
void life_flushed(struct life_world *world);
uint64_t life_host_end(const struct life_world *world);

/* lifecycle_calls.c */
void life_step_call(struct life_world *world, const struct life_step *step);
/* lifecycle_dma.c */
void life_step_dma(struct life_world *world, const struct life_step *step);
void life_step_host_io(struct life_world *world, const struct life_step *step);

#endif
