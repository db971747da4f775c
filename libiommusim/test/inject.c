/* Faults that a test asks for: registers, memory, allocations, interrupts. What is held is applied in watch.c. */
#include "test/state.h"

#include <string.h>

#include <iommusim/interrupt.h>
#include <iommusim/memory.h>
#include <iommusim/spec.h>

/* VT-d 11.4.2: ECAP.IRO says where IVA and IOTLB are; CAP.FRO where the fault records begin. */
static bool vtd_moving_register(
    struct iommusim_test *test, uint64_t base, const char *name, uint64_t *address)
{
	uint64_t cap = 0, ecap = 0;

	iommusim_mmio_read(test->machine, base + 0x08, 8, &cap);
	iommusim_mmio_read(test->machine, base + 0x10, 8, &ecap);
	if (strcmp(name, "IVA") == 0)
		*address = base + (ecap >> 8 & 0x3ff) * 16;
	else if (strcmp(name, "IOTLB") == 0)
		*address = base + (ecap >> 8 & 0x3ff) * 16 + 8;
	else if (strcmp(name, "FRCD") == 0)
		*address = base + (cap >> 24 & 0x3ff) * 16;
	else
		return false;
	return true;
}

uint64_t iommusim_test_register(struct iommusim_test *test, size_t unit, const char *name)
{
	struct iommusim_test_hidden *hidden = test->hidden;
	const struct iommusim_unit *of = iommusim_unit_at(test->machine, unit);
	struct iommusim_spec_structure structure;
	const char *vendor;
	uint64_t address;

	if (of == NULL)
		iommusim_test_fail(
		    test, hidden->place.file, hidden->place.line, "there is no unit number %zu", unit);
	vendor = strcmp(iommusim_unit_vendor(of), "VT-d") == 0 ? "vtd" : "amdvi";
	if (strcmp(vendor, "vtd") == 0 &&
	    vtd_moving_register(test, iommusim_unit_base(of), name, &address))
		return address;
	for (size_t i = 0; iommusim_spec_structure(vendor, i, &structure); i++)
		if (structure.is_register && strcmp(structure.name, name) == 0)
			return iommusim_unit_base(of) + structure.offset;
	iommusim_test_fail(test, hidden->place.file, hidden->place.line,
	    "%s has no register \"%s\"; `iommusim spec` lists them", iommusim_unit_vendor(of), name);
}

void iommusim_test_hold(
    struct iommusim_test *test, uint64_t address, uint64_t mask, uint64_t value, uint64_t reads)
{
	const struct iommusim_suppression expected = { .id = IOMMUSIM_FINDING_POLL_NEVER_ENDS };
	struct iommusim_test_hidden *hidden = test->hidden;

	if (test->check !=
	    NULL) /* the test makes it so: what the driver does about it is the test's to judge */
		iommusim_check_suppress(test->check, &expected);
	for (size_t i = 0; i < HELD_REGISTERS; i++) {
		struct held *held = &hidden->held[i];

		if (held->reads != 0 && held->address != address)
			continue;
		*held = (struct held){ address, mask, value & mask, reads };
		return;
	}
	iommusim_test_fail(test, hidden->place.file, hidden->place.line,
	    "%u registers are held already", HELD_REGISTERS);
}

void iommusim_test_release(struct iommusim_test *test)
{
	memset(test->hidden->held, 0, sizeof(test->hidden->held));
}

void iommusim_test_fail_allocation(
    struct iommusim_test *test, enum iommusim_kernel_allocation kind, uint64_t nth)
{
	iommusim_kernel_fail_allocation(test->kernel, kind, nth, true);
}

void iommusim_test_break_memory(struct iommusim_test *test, uint64_t address, bool broken)
{
	iommusim_test_assert_status(test,
	    iommusim_memory_set_broken(
		test->machine, address & ~(IOMMUSIM_PAGE_SIZE - 1), IOMMUSIM_PAGE_SIZE, broken),
	    IOMMUSIM_OK, "breaking a page", test->hidden->place.file, test->hidden->place.line);
}

void iommusim_test_lose_interrupts(struct iommusim_test *test, uint64_t count)
{
	iommusim_interrupt_lose(test->machine, count);
}
