/* Every register access of a test: its place for the checker, bits that are held, polls that never end, wild stores. */
#include "test/state.h"

#include <stdio.h>
#include <string.h>

#include <iommusim/spec.h>

#define POLL_LIMIT 1000000u

static struct iommusim_unit *unit_at(struct iommusim_test_hidden *hidden, uint64_t address)
{
	struct iommusim_unit *unit;
	uint64_t base, length;

	if (iommusim_mmio_find(hidden->test.machine, address, &base, &length) != IOMMUSIM_OK)
		return NULL;
	for (size_t i = 0; (unit = iommusim_unit_at(hidden->test.machine, i)) != NULL; i++)
		if (iommusim_unit_base(unit) == base)
			return unit;
	return NULL;
}

static const char *vendor_of(const struct iommusim_unit *unit)
{
	return strcmp(iommusim_unit_vendor(unit), "VT-d") == 0 ? "vtd" : "amdvi";
}

/* VT-d registers that CAP and ECAP put somewhere; the names are the specification's (11.4.8, 11.4.14). */
static const char *moving_name(struct iommusim_test_hidden *hidden, uint64_t address)
{
	const struct iommusim_unit *unit = unit_at(hidden, address);
	static const char *const names[] = { "IVA", "IOTLB" };

	if (unit == NULL || strcmp(vendor_of(unit), "vtd") != 0)
		return NULL;
	for (size_t i = 0; i < 2; i++) {
		const uint64_t at = hidden->moving_base + 8 * i;

		if (iommusim_unit_base(unit) + at == (address & ~UINT64_C(7)))
			return names[i];
	}
	if (address - iommusim_unit_base(unit) - hidden->records_base < hidden->records_length)
		return "FRCD";
	return NULL;
}

/*
 * The specification's list names one of several registers in a row, or what capabilities put somewhere: offsets where
 * a store need not be wild. VT-d 11.4.12 (MTRRs), 11.4.13 (events); AMD-Vi 3.4 (SMI filters, device table segments,
 * MARC apertures).
 */
static bool in_a_row(const struct iommusim_unit *unit, uint64_t offset)
{
	static const struct {
		const char *vendor;
		uint64_t first, end;
	} rows[] = { { "vtd", 0x120, 0x200 }, { "vtd", 0x380, 0x400 }, { "vtd", 0x1000, UINT64_MAX },
		{ "amdvi", 0x60, 0xe0 }, { "amdvi", 0x100, 0x138 }, { "amdvi", 0x200, 0x260 },
		{ "amdvi", 0x4000, UINT64_MAX } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].vendor, vendor_of(unit)) == 0 && offset >= rows[i].first &&
		    offset < rows[i].end)
			return true;
	return false;
}

/* Which of the specification's registers holds this byte; false: none does. */
static bool find_structure(const struct iommusim_unit *unit, uint64_t address, size_t *index,
    struct iommusim_spec_structure *structure)
{
	const uint64_t offset = address - iommusim_unit_base(unit);

	for (size_t i = 0; iommusim_spec_structure(vendor_of(unit), i, structure); i++) {
		if (!structure->is_register || offset - structure->offset >= structure->bits / 8u)
			continue;
		*index = i;
		return true;
	}
	return false;
}

const char *watch_register_name(
    struct iommusim_test_hidden *hidden, uint64_t address, char *text, size_t size, bool *known)
{
	const struct iommusim_unit *unit = unit_at(hidden, address);
	struct iommusim_spec_structure structure;
	const char *moving = moving_name(hidden, address);
	size_t index;

	if (known != NULL)
		*known = true;
	if (moving != NULL)
		return moving;
	if (unit != NULL && find_structure(unit, address, &index, &structure))
		return structure.name;
	if (known != NULL)
		*known = false;
	snprintf(text, size, "register 0x%llx",
	    (unsigned long long)(unit != NULL ? address - iommusim_unit_base(unit) : address));
	return text;
}

/* ---- a poll without an end ----------------------------------------------------------------------------------------- */

static size_t add(char *text, size_t size, size_t at, const char *format, const char *name,
    unsigned high, unsigned low)
{
	const int length = at < size ? snprintf(text + at, size - at, format, name, high, low) : 0;

	return at + (length > 0 ? (size_t)length : 0);
}

/* The fields that `mask` touches, by name and bits. */
static void name_bits(
    struct iommusim_test_hidden *hidden, uint64_t address, uint64_t mask, char *text, size_t size)
{
	const struct iommusim_unit *unit = unit_at(hidden, address);
	struct iommusim_spec_structure structure;
	struct iommusim_spec_field field;
	size_t index, at = 0;

	text[0] = '\0';
	if (unit != NULL && find_structure(unit, address, &index, &structure)) {
		const unsigned shift =
		    (unsigned)(address - iommusim_unit_base(unit) - structure.offset) * 8;

		for (size_t i = 0; iommusim_spec_field(vendor_of(unit), index, i, &field); i++) {
			const unsigned width = field.high - field.low + 1u;
			const uint64_t bits = (width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1)
			    << (field.low & 63);

			if (field.low < 64 && (mask << shift & bits) != 0)
				at = add(text, size, at,
				    field.high == field.low ? "%s (bit %u) " : "%s (bits %u:%u) ",
				    field.name, field.high, field.low);
		}
	}
	for (unsigned bit = 0; at == 0 && bit < 64; bit++)
		if ((mask >> bit & 1) != 0) {
			snprintf(text, size, "bit %u ", bit);
			return;
		}
}

/* What a driver most likely waits for: bits that should have changed with the last command, and have not. */
static void describe_wait(struct iommusim_test_hidden *hidden, char *text, size_t size)
{
	const struct last_access *last = &hidden->last;
	const uint64_t busy = UINT64_C(1) << (last->width * 8 - 1);
	char name[64], fields[256];
	uint64_t waited = 0;

	text[0] = '\0';
	for (size_t i = 0; i < HELD_REGISTERS; i++)
		if (hidden->held[i].reads != 0 && hidden->held[i].address == last->address)
			waited = hidden->held[i].mask;
	if (waited == 0 && last->has_written && last->written_at == last->address)
		waited = last->written & last->value & busy;
	if (waited == 0 && last->has_written &&
	    strcmp(watch_register_name(hidden, last->address, name, sizeof(name), NULL), "GSTS") == 0 &&
	    strcmp(watch_register_name(hidden, last->written_at, name, sizeof(name), NULL), "GCMD") ==
		0)
		waited = last->written ^ last->value;
	if (waited == 0)
		return;
	name_bits(hidden, last->address, waited, fields, sizeof(fields));
	snprintf(text, size, "\n  it waits for %sto become %s", fields,
	    (last->value & waited) == waited ? "0" : "1");
}

static void say_endless(struct iommusim_test_hidden *hidden)
{
	const struct last_access *last = &hidden->last;
	char name[64], written[64], wait[320], after[160] = "", set[256];

	if (last->has_written)
		snprintf(after, sizeof(after), ", since 0x%llx was written to %s",
		    (unsigned long long)last->written,
		    watch_register_name(hidden, last->written_at, written, sizeof(written), NULL));
	describe_wait(hidden, wait, sizeof(wait));
	name_bits(hidden, last->address, last->value, set, sizeof(set));
	iommusim_test_fail(&hidden->test, NULL, 0,
	    "a poll that never ends: %s was read %llu times in a row%s\n  it stays 0x%llx (%s)%s",
	    watch_register_name(hidden, last->address, name, sizeof(name), NULL),
	    (unsigned long long)last->count, after, (unsigned long long)last->value,
	    last->value == 0 ? "nothing set" : set, wait);
}

/* Nobody waits for these to change. */
static bool is_capability(struct iommusim_test_hidden *hidden, uint64_t address)
{
	const struct iommusim_unit *unit = unit_at(hidden, address);
	struct iommusim_spec_structure structure;
	size_t index;

	return unit != NULL && find_structure(unit, address, &index, &structure) &&
	    (strstr(structure.title, "Capability") != NULL ||
		strstr(structure.title, "Feature") != NULL || strcmp(structure.title, "Version") == 0);
}

static void note_read(
    struct iommusim_test_hidden *hidden, uint64_t address, unsigned width, uint64_t value)
{
	const uint64_t limit = hidden->setup.poll_limit != 0 ? hidden->setup.poll_limit : POLL_LIMIT;
	struct last_access *last = &hidden->last;

	if (last->address != address || last->value != value || last->width != width)
		last->count = 0;
	last->address = address;
	last->value = value;
	last->width = width;
	if (++last->count < limit)
		return;
	if (is_capability(hidden, address))
		last->count = 0;
	else
		say_endless(hidden);
}

/* ---- every access ---------------------------------------------------------------------------------------------------- */

static void note_write(
    struct iommusim_test_hidden *hidden, uint64_t address, unsigned width, uint64_t value)
{
	const struct iommusim_unit *unit = unit_at(hidden, address);
	struct last_access *last = &hidden->last;
	char text[64];
	bool known;

	last->count = 0;
	last->written_at = address;
	last->written = value;
	last->has_written = true;
	if (unit == NULL)
		return;
	known = in_a_row(unit, address - iommusim_unit_base(unit));
	if (!known)
		watch_register_name(hidden, address, text, sizeof(text), &known);
	if (!known)
		iommusim_test_fail(&hidden->test, NULL, 0,
		    "a wild store into the registers: %u bytes, 0x%llx, to 0x%llx, where the unit has no "
		    "register",
		    width, (unsigned long long)value, (unsigned long long)address);
}

static void seen(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct iommusim_test_hidden *hidden = context;
	struct iommusim_place place;

	if (hidden != test_here || iommusim_test_access.place() == NULL)
		return;
	if (hidden->test.check != NULL && place_of_access(hidden, &place))
		iommusim_check_set_place(hidden->test.check, &place);
	if (is_write)
		note_write(hidden, address, width, value);
	else
		note_read(hidden, address, width, value);
}

/* Bits that hang, wherever in the register the read begins. */
static uint64_t read_held(void *context, uint64_t address, unsigned width, uint64_t value)
{
	struct iommusim_test_hidden *hidden = context;

	(void)width;
	for (size_t i = 0; i < HELD_REGISTERS; i++) {
		struct held *held = &hidden->held[i];
		unsigned shift;

		if (held->reads == 0 || address - held->address >= 8)
			continue;
		shift = (unsigned)(address - held->address) * 8;
		if (held->reads != IOMMUSIM_TEST_FOR_EVER)
			held->reads--;
		value = (value & ~(held->mask >> shift)) | held->value >> shift;
	}
	return value;
}

/* VT-d 11.4.2, 11.4.3: ECAP.IRO, CAP.FRO, CAP.NFR, in 16 bytes. */
static void find_moving(struct iommusim_test_hidden *hidden)
{
	const uint64_t base = iommusim_unit_base(hidden->test.unit);
	uint64_t cap = 0, ecap = 0;

	if (strcmp(vendor_of(hidden->test.unit), "vtd") != 0)
		return;
	iommusim_mmio_read(hidden->test.machine, base + 0x08, 8, &cap);
	iommusim_mmio_read(hidden->test.machine, base + 0x10, 8, &ecap);
	hidden->moving_base = (ecap >> 8 & 0x3ff) * 16;
	hidden->records_base = (cap >> 24 & 0x3ff) * 16;
	hidden->records_length = ((cap >> 40 & 0xff) + 1) * 16;
}

void watch_start(struct iommusim_test_hidden *hidden)
{
	const struct iommusim_mmio_watcher watcher = { .context = hidden, .access = seen };
	const struct iommusim_mmio_tamper tamper = { .context = hidden, .read = read_held };

	if (hidden->test.unit != NULL)
		find_moving(hidden);
	iommusim_mmio_set_tamper(hidden->test.machine, &tamper);
	iommusim_test_assert_status(&hidden->test, iommusim_mmio_watch(hidden->test.machine, &watcher),
	    IOMMUSIM_OK, "watching registers", hidden->place.file, hidden->place.line);
}
