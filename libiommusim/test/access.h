/* How a driver's register accesses are caught: hooks or traps, whichever archive the program is linked with. */
#ifndef IOMMUSIM_TEST_ACCESS_H
#define IOMMUSIM_TEST_ACCESS_H

#include <stdbool.h>

#include <iommusim/machine.h>

struct iommusim_test_access {
	const char *name;
	bool by_signals; /* accesses are carried out in a signal handler */
	enum iommusim_status (*create)(struct iommusim_machine *machine, void **access);
	void (*destroy)(void *access);
	enum iommusim_status (*map)(
	    void *access, uint64_t base, uint64_t length, volatile void **registers);
	void (*sync)(void *access);
	enum iommusim_status (*attach)(void *access); /* NULL: nobody's */
	const void *(*place)(void);                   /* inside the instruction, or NULL */
	/* Accesses that make all results worthless, so far. */
	uint64_t (*unmarked)(const void *access);
	/* Told of an access that cannot be carried out; it does not return. */
	void (*on_refused)(void *access,
	    void (*refused)(void *context, const void *place, const char *text), void *context);
};

/* In libiommusim_hooks.a and in libiommusim_traps.a. */
extern const struct iommusim_test_access iommusim_test_access;

#endif
