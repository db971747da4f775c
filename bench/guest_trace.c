/* Writing the trace of a guest: as fast as lines can be put together, for there are up to 67 million of them. */
#include "guest_trace.h"

#include <string.h>

#include "rig.h"

enum { LONGEST_LINE = 96, RUN_SHIFT = 9, LEVELS = 4, ENTRIES_SHIFT = 9 };

static char *put_text(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

#define PUT(at, text) put_text(at, text, sizeof(text) - 1)

static char *put_hex(char *at, uint64_t number)
{
	unsigned digits = number == 0 ? 1 : (unsigned)(67 - __builtin_clzll(number)) / 4;

	while (digits-- > 0)
		*at++ = "0123456789abcdef"[number >> digits * 4 & 0xf];
	return at;
}

/* Each page once, in an order without any step that comes again: rig_scattered() has but a few. */
static uint64_t shuffled(uint64_t page, uint64_t pages)
{
	const unsigned half = (unsigned)__builtin_ctzll(pages) / 2;

	page = page * UINT64_C(0x9e3779b1) & (pages - 1);
	page ^= page >> half;
	return page * UINT64_C(0x85ebca6b) & (pages - 1);
}

static uint64_t host_page(const struct guest_trace *trace, uint64_t page)
{
	const uint64_t in_run = page & ((UINT64_C(1) << RUN_SHIFT) - 1);

	switch (trace->layout) {
	case GUEST_SCATTERED:
		return (UINT64_C(4) << 30) + (shuffled(page, trace->pages) << IOMMUSIM_PAGE_SHIFT);
	case GUEST_RUNS:
		return rig_scattered(page - in_run, trace->pages) + (in_run << IOMMUSIM_PAGE_SHIFT);
	case GUEST_CONTIGUOUS:
		break;
	}
	return (UINT64_C(4) << 30) + (page << IOMMUSIM_PAGE_SHIFT);
}

static char *put_mapping(char *at, const struct guest_trace *trace, uint64_t page)
{
	at = PUT(at, "iommu_create_mapping(dom1, 0x");
	at = put_hex(at, page << IOMMUSIM_PAGE_SHIFT);
	at = PUT(at, ", 0x");
	at = put_hex(at, host_page(trace, page));
	return PUT(at, ", 0x1000)\n");
}

/*
 * RAM is there for the tables alone: vmm keeps a 64th of it for them. The host domain maps all of it, with large leaves, so
 * that next to all tables are the guest's; those have entries of 4 KiB, as it is mapped by them.
 */
static char *put_machine(char *at, const struct guest_trace *trace)
{
	return at +
	    sprintf(at,
		"#!iommusim 1\nmachine(iommu=%s, memory=%uG, vmm=\"superpages\")\n"
		"iommu_create_domain(0x%llx) = dom1\n",
		trace->amdvi ? "amdvi" : "vtd", (unsigned)(rig_ram_for(trace->pages) >> 30),
		(unsigned long long)RIG_DOMAIN_SIZE);
}

static char *put_mappings(char *at, const char *end, struct guest_trace *trace)
{
	for (; end - at >= LONGEST_LINE && trace->next < trace->pages; trace->next++)
		at = put_mapping(at, trace, trace->next);
	if (trace->next == trace->pages)
		trace->stage = GUEST_GOES;
	return at;
}

enum iommusim_status guest_trace_read(
    void *context, char *bytes, size_t room, size_t *count, struct iommusim_diagnostic *problem)
{
	struct guest_trace *trace = context;
	char *at = bytes;

	*count = 0;
	if (room < 2 * (size_t)LONGEST_LINE) {
		snprintf(problem->text, sizeof(problem->text), "no room for a line");
		return IOMMUSIM_EINVAL;
	}
	switch (trace->stage) {
	case GUEST_BEGINS:
		at = put_machine(at, trace);
		trace->stage = GUEST_MAPS;
		break;
	case GUEST_MAPS:
		at = put_mappings(at, bytes + room, trace);
		break;
	case GUEST_GOES:
		at = PUT(at, "iommu_destroy_domain(dom1)\n");
		trace->stage = GUEST_IS_GONE;
		break;
	case GUEST_IS_GONE:
		break;
	}
	*count = (size_t)(at - bytes);
	return IOMMUSIM_OK;
}

bool guest_trace_print(struct guest_trace *trace, FILE *out)
{
	static char bytes[1 << 16];
	struct iommusim_diagnostic problem;
	size_t count = 1;

	while (count != 0 &&
	    guest_trace_read(trace, bytes, sizeof(bytes), &count, &problem) == IOMMUSIM_OK)
		if (fwrite(bytes, 1, count, out) != count)
			return false;
	return fflush(out) == 0;
}

uint64_t guest_trace_tables(uint64_t pages)
{
	uint64_t tables = 0, entries = pages;

	for (unsigned level = 0; level < LEVELS; level++) {
		entries = (entries + (UINT64_C(1) << ENTRIES_SHIFT) - 1) >> ENTRIES_SHIFT;
		tables += entries;
	}
	return tables << IOMMUSIM_PAGE_SHIFT;
}
