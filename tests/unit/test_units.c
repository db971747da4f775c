/*
 * Units on a machine: what a configuration may ask for, which unit governs which requester through
 * scopes and bridges, and the units a DMAR table speaks of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/dma.h>
#include <iommusim/memory.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>
#include <iommusim/unit.h>

#include "acpi/dmar_builder.h"
#include "bus.h"
#include "machine/unit_model.h"

/* A plain unit: 8-bit domains, 4 levels, MGAW 48, FRO 400h, one record; QI, IR, IRO 500h. */
#define CAP  (UINT64_C(2) | UINT64_C(4) << 8 | UINT64_C(47) << 16 | UINT64_C(0x40) << 24)
#define ECAP (UINT64_C(1) | 2 | 8 | UINT64_C(0x50) << 8)

#define AT_IRO(iro) ((ECAP & ~(UINT64_C(0x3ff) << 8)) | UINT64_C(iro) << 8)
#define FAULTS(fro, count)                                                                             \
	((CAP & ~(UINT64_C(0x3ff) << 24)) | UINT64_C(fro) << 24 | ((count)-UINT64_C(1)) << 40)

static struct iommusim_machine *make(void)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	return machine;
}

static struct iommusim_unit *add_unit(struct iommusim_machine *machine, uint64_t base, uint16_t segment)
{
	const struct iommusim_vtd_config config = { .base = base,
		.segment = segment,
		.version = 0x10,
		.capability = CAP,
		.ext_capability = ECAP,
		.host_address_width = 46 };
	struct iommusim_unit *unit = NULL;

	assert_int_equal(iommusim_vtd_create(machine, &config, &unit), IOMMUSIM_OK);
	assert_non_null(unit);
	return unit;
}

static void add_function(struct iommusim_machine *machine, uint16_t rid, enum iommusim_pci_type type,
    uint8_t secondary, uint8_t subordinate)
{
	const struct iommusim_pci_function function = {
		.rid = rid, .type = type, .secondary_bus = secondary, .subordinate_bus = subordinate
	};

	assert_int_equal(iommusim_pci_add(machine, &function), IOMMUSIM_OK);
}

/* A scope whose path is given as device, function pairs. */
#define SCOPE(unit, kind, bus, ...)                                                                    \
	add_scope(unit, kind, bus, (const struct iommusim_dmar_hop[]){ __VA_ARGS__ },                  \
	    sizeof((const struct iommusim_dmar_hop[]){ __VA_ARGS__ }) /                                \
		sizeof(struct iommusim_dmar_hop))

static void add_scope(struct iommusim_unit *unit, unsigned type, uint8_t bus,
    const struct iommusim_dmar_hop *hops, size_t count)
{
	const struct iommusim_dmar_scope scope = {
		.type = (uint8_t)type, .start_bus = bus, .hop_count = (uint8_t)count, .hops = hops
	};

	assert_int_equal(iommusim_unit_add_scope(unit, &scope), IOMMUSIM_OK);
}

static void units_are_listed_in_order_of_creation(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	add_unit(machine, 0xfed91000, 0);
	add_unit(machine, 0xfed90000, 3);
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(machine, 0)), 0xfed91000);
	assert_int_equal(iommusim_unit_segment(iommusim_unit_at(machine, 0)), 0);
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(machine, 1)), 0xfed90000);
	assert_int_equal(iommusim_unit_segment(iommusim_unit_at(machine, 1)), 3);
	assert_string_equal(iommusim_unit_vendor(iommusim_unit_at(machine, 1)), "VT-d");
	assert_null(iommusim_unit_at(machine, 2));
	iommusim_machine_destroy(machine);
}

static void impossible_units_are_refused_with_a_reason(void **state)
{
	static const struct {
		uint64_t base, cap, ecap;
		uint8_t width;
		const char *why;
	} rows[] = {
		{ 0xfed90800, CAP, ECAP, 46, "multiple of 4 KiB" },
		{ 0xfed90001, CAP, ECAP, 46, "multiple of 4 KiB" },
		{ 0xfed90000, CAP, ECAP, 11, "host address width" },
		{ 0xfed90000, CAP, ECAP, 53, "host address width" },
		{ 0xfed90000, CAP | 7, ECAP, 46, "CAP.ND" },
		{ 0xfed90000, FAULTS(0x3ff, 1), ECAP, 46, "beyond" },
		{ 0xfed90000, FAULTS(0x100, 1), ECAP, 46, "beyond" }, /* right behind the page */
		{ 0xfed90000, FAULTS(0xff, 2), ECAP, 46, "beyond" },
		{ 0xfed90000, FAULTS(0x40, 193), ECAP, 46, "beyond" },
		{ 0xfed90000, FAULTS(0x40, 256), ECAP, 46, "beyond" },
		{ 0xfed90000, CAP, AT_IRO(0x3ff), 46, "beyond" },
		{ 0xfed90000, CAP, AT_IRO(0x100), 46, "beyond" },
		{ 0xfed90000, CAP, ECAP & ~UINT64_C(2), 46, "ECAP.IR needs ECAP.QI" },
		{ 0xfed90000, CAP, (ECAP & ~UINT64_C(8)) | 0x10, 46, "ECAP.EIM needs ECAP.IR" },
		{ 0xfed90000, CAP, UINT64_C(1) << 43 | (ECAP & ~UINT64_C(0xa)), 46,
		    "ECAP.SMTS needs ECAP.QI" },
		{ 0xfed90000, CAP | 0x10, UINT64_C(1) << 43 | ECAP, 46, "ECAP.SMTS excludes CAP.RWBF" },
	};
	struct iommusim_machine *machine = make();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct iommusim_vtd_config config = { .base = rows[i].base,
			.capability = rows[i].cap,
			.ext_capability = rows[i].ecap,
			.host_address_width = rows[i].width };
		struct iommusim_unit *unit;
		uint64_t value;

		assert_int_equal(iommusim_vtd_create(machine, &config, &unit), IOMMUSIM_EINVAL);
		assert_null(unit);
		assert_int_equal(iommusim_machine_diagnostic(machine)->status, IOMMUSIM_EINVAL);
		assert_non_null(strstr(iommusim_machine_diagnostic(machine)->text, rows[i].why));
		assert_null(iommusim_unit_at(machine, 0));
		assert_int_equal(iommusim_mmio_read(machine, 0xfed90000, 4, &value), IOMMUSIM_ENXIO);
	}
	iommusim_machine_destroy(machine);
}

static void units_at_the_limits_are_made(void **state)
{
	static const struct {
		uint64_t cap, ecap;
		uint8_t width, register_size;
	} rows[] = {
		{ CAP, ECAP, 12, 0 },
		{ CAP, ECAP, 52, 0 },
		{ CAP, ECAP, 46, 15 },            /* 128 MiB of registers */
		{ CAP, AT_IRO(0xff), 46, 0 },     /* IOTLB ends with the page */
		{ FAULTS(0xff, 1), ECAP, 46, 0 }, /* so does the fault record */
		{ FAULTS(0x60, 160), ECAP, 46, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct iommusim_vtd_config config = { .base = 0xd0000000,
			.capability = rows[i].cap,
			.ext_capability = rows[i].ecap,
			.host_address_width = rows[i].width,
			.register_size = rows[i].register_size };
		struct iommusim_machine *machine = make();

		assert_int_equal(iommusim_vtd_create(machine, &config, NULL), IOMMUSIM_OK);
		iommusim_machine_destroy(machine);
	}
}

static void two_things_at_one_address_are_refused(void **state)
{
	const struct iommusim_vtd_config config = {
		.base = 0xfed90000, .capability = CAP, .ext_capability = ECAP, .host_address_width = 46
	};
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(
	    iommusim_memory_add(machine, 0xfed00000, 0x100000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(machine, &config, NULL), IOMMUSIM_EEXIST);
	assert_int_equal(iommusim_memory_remove(machine, 0xfed00000), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(machine, &config, NULL), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(machine, &config, NULL), IOMMUSIM_EEXIST);
	assert_non_null(iommusim_unit_at(machine, 0));
	assert_null(iommusim_unit_at(machine, 1));
	iommusim_machine_destroy(machine);
}

/* FECTL.IM (VT-d 11.4.7.2), which is 1 after a reset. */
static void a_unit_says_whether_its_fault_event_is_masked(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *unit = add_unit(machine, 0xfed90000, 0);

	(void)state;
	assert_true(unit->model->fault_event_masked(unit));
	assert_int_equal(iommusim_mmio_write(machine, 0xfed90038, 4, 0), IOMMUSIM_OK);
	assert_false(unit->model->fault_event_masked(unit));
	assert_int_equal(iommusim_mmio_write(machine, 0xfed90038, 4, 0x80000000), IOMMUSIM_OK);
	assert_true(unit->model->fault_event_masked(unit));
	iommusim_machine_destroy(machine);
}

static void a_unit_without_a_scope_governs_nothing(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	add_unit(machine, 0xfed90000, 0);
	for (unsigned rid = 0; rid < 0x10000; rid += 7)
		assert_null(iommusim_unit_for(machine, 0, (uint16_t)rid));
	iommusim_machine_destroy(machine);
}

static void include_all_takes_what_nobody_else_names_in_its_segment(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *all = add_unit(machine, 0xfed91000, 0);
	struct iommusim_unit *graphics = add_unit(machine, 0xfed90000, 0);

	(void)state;
	iommusim_unit_include_all(all);
	SCOPE(graphics, IOMMUSIM_SCOPE_ENDPOINT, 0, { 2, 0 });
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0010), graphics);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0011), all);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0xffff), all);
	assert_null(iommusim_unit_for(machine, 1, 0x0010));
	assert_null(iommusim_unit_for(machine, 1, 0xffff));
	iommusim_machine_destroy(machine);
}

/* VT-d 8.3.1: type 2 names a bridge and all below it, type 1 the one function. */
static void a_bridge_scope_covers_the_subtree_and_an_endpoint_scope_does_not(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *tree = add_unit(machine, 0xfed90000, 0);
	struct iommusim_unit *port = add_unit(machine, 0xfed91000, 0);

	(void)state;
	add_function(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 2, 4);
	add_function(machine, 0x00e8, IOMMUSIM_PCI_BRIDGE, 5, 6);
	SCOPE(tree, IOMMUSIM_SCOPE_BRIDGE, 0, { 0x1c, 0 });
	SCOPE(port, IOMMUSIM_SCOPE_ENDPOINT, 0, { 0x1d, 0 });
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x00e0), tree);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0200), tree);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x04ff), tree);
	assert_null(iommusim_unit_for(machine, 0, 0x01ff));
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x00e8), port);
	assert_null(iommusim_unit_for(machine, 0, 0x0500));
	iommusim_machine_destroy(machine);
}

/* The hops of a path go from secondary bus to secondary bus; buses are not where the table was written. */
static void a_path_is_followed_through_the_bridges(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *unit = add_unit(machine, 0xfed90000, 0);

	(void)state;
	add_function(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 0x10, 0x20);
	add_function(machine, 0x1008, IOMMUSIM_PCI_BRIDGE, 0x15, 0x1f);
	SCOPE(unit, IOMMUSIM_SCOPE_ENDPOINT, 0, { 0x1c, 0 }, { 1, 0 }, { 3, 5 });
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x151d), unit);
	assert_null(iommusim_unit_for(machine, 0, 0x001d));
	assert_null(iommusim_unit_for(machine, 0, 0x101d));
	iommusim_machine_destroy(machine);
}

static void a_start_bus_is_where_the_path_begins(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *unit = add_unit(machine, 0xfed90000, 0);

	(void)state;
	SCOPE(unit, IOMMUSIM_SCOPE_IOAPIC, 0xf0, { 0x1f, 7 });
	SCOPE(unit, IOMMUSIM_SCOPE_HPET, 0xf1, { 0, 0 });
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0xf0ff), unit);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0xf100), unit);
	assert_null(iommusim_unit_for(machine, 0, 0x00ff));
	iommusim_machine_destroy(machine);
}

/* A bridge that is not there, or an endpoint in its place, ends a path nowhere; hot-plug mends it. */
static void a_path_through_a_missing_bridge_names_nothing_until_it_comes(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *unit = add_unit(machine, 0xfed90000, 0);

	(void)state;
	SCOPE(unit, IOMMUSIM_SCOPE_ENDPOINT, 0, { 0x1c, 0 }, { 0, 0 });
	assert_null(iommusim_unit_for(machine, 0, 0x0200));
	add_function(machine, 0x00e0, IOMMUSIM_PCI_ENDPOINT, 0, 0);
	assert_null(iommusim_unit_for(machine, 0, 0x0200));
	assert_int_equal(iommusim_pci_remove(machine, 0, 0x00e0), IOMMUSIM_OK);
	add_function(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 2, 2);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0200), unit);
	assert_int_equal(iommusim_pci_remove(machine, 0, 0x00e0), IOMMUSIM_OK);
	add_function(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 7, 7); /* renumbered */
	assert_null(iommusim_unit_for(machine, 0, 0x0200));
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0700), unit);
	iommusim_machine_destroy(machine);
}

static void a_name_is_stronger_than_a_bridge_and_a_bridge_than_include_all(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *all = add_unit(machine, 0xfed90000, 0);
	struct iommusim_unit *tree = add_unit(machine, 0xfed91000, 0);
	struct iommusim_unit *named = add_unit(machine, 0xfed92000, 0);

	(void)state;
	add_function(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 2, 4);
	iommusim_unit_include_all(all);
	SCOPE(tree, IOMMUSIM_SCOPE_BRIDGE, 0, { 0x1c, 0 });
	SCOPE(named, IOMMUSIM_SCOPE_ENDPOINT, 0, { 0x1c, 0 }, { 0, 1 });
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0201), named);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0200), tree);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0500), all);
	iommusim_machine_destroy(machine);
}

/* What is behind a PCI Express to PCI bridge comes upstream as secondary:0.0; that is what is looked up. */
static void requests_behind_a_legacy_bridge_are_governed_by_its_alias(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *tree = add_unit(machine, 0xfed91000, 0);
	uint16_t rid;

	(void)state;
	add_function(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 2, 4);
	add_function(machine, 0x0200, IOMMUSIM_PCI_LEGACY_BRIDGE, 3, 4);
	SCOPE(tree, IOMMUSIM_SCOPE_BRIDGE, 0, { 0x1c, 0 });
	rid = iommusim_pci_requester_id(machine, 0, 0x0458);
	assert_int_equal(rid, 0x0300);
	assert_ptr_equal(iommusim_unit_for(machine, 0, rid), tree);
	iommusim_machine_destroy(machine);
}

static void a_malformed_scope_is_refused(void **state)
{
	struct iommusim_dmar_hop hops[40] = { { 0, 0 } };
	struct iommusim_dmar_scope scope = { .type = IOMMUSIM_SCOPE_ENDPOINT, .hops = hops };
	struct iommusim_machine *machine = make();
	struct iommusim_unit *unit = add_unit(machine, 0xfed90000, 0);

	(void)state;
	assert_int_equal(iommusim_unit_add_scope(unit, &scope), IOMMUSIM_EINVAL);
	scope.hop_count = 33;
	assert_int_equal(iommusim_unit_add_scope(unit, &scope), IOMMUSIM_EINVAL);
	scope.hop_count = 32;
	assert_int_equal(iommusim_unit_add_scope(unit, &scope), IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
}

/* The device has been at work before its unit was told about it. */
static void a_requester_notices_a_new_scope_with_its_next_request(void **state)
{
	const struct iommusim_dma_request request = { .address = 0x1000, .length = 8 };
	struct iommusim_machine *machine = make();
	struct iommusim_unit *unit = add_unit(machine, 0xfed90000, 0);
	struct iommusim_dma_outcome outcome;
	struct iommusim_requester *device;

	(void)state;
	assert_int_equal(iommusim_memory_add(machine, 0, 0x10000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_write(machine, 0xfed90018, 4, 0x40000000), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_write(machine, 0xfed90018, 4, 0x80000000), IOMMUSIM_OK);
	assert_true(iommusim_unit_translating(unit));
	assert_int_equal(iommusim_requester_create(machine, 0, 0x0010, &device), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_false(outcome.page.faulted);
	SCOPE(unit, IOMMUSIM_SCOPE_ENDPOINT, 0, { 2, 0 });
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page.fault.reason, 1); /* an empty root table at 0 */
	iommusim_machine_destroy(machine);
}

static void each_unit_translates_for_its_own_devices_only(void **state)
{
	const struct iommusim_dma_request request = { .address = 0x1000, .length = 8 };
	struct iommusim_machine *machine = make();
	struct iommusim_unit *all = add_unit(machine, 0xfed91000, 0);
	struct iommusim_unit *graphics = add_unit(machine, 0xfed90000, 0);
	struct iommusim_requester *first, *second;
	struct iommusim_dma_outcome outcome;

	(void)state;
	iommusim_unit_include_all(all);
	SCOPE(graphics, IOMMUSIM_SCOPE_ENDPOINT, 0, { 2, 0 });
	assert_int_equal(iommusim_memory_add(machine, 0, 0x10000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_write(machine, 0xfed90018, 4, 0x40000000), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_write(machine, 0xfed90018, 4, 0x80000000), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(machine, 0, 0x0010, &first), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(machine, 0, 0x0018, &second), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(first, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_true(outcome.page.faulted);
	assert_int_equal(iommusim_dma(second, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_false(outcome.page.faulted);
	iommusim_machine_destroy(machine);
}

static void cache_policies_have_names(void **state)
{
	static const char *const names[] = { "hoard", "none", "sized", "adverse" };
	enum iommusim_cache_policy policy;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_string_equal(
		    iommusim_cache_policy_name((enum iommusim_cache_policy)i), names[i]);
		assert_int_equal(iommusim_cache_policy_find(names[i], &policy), IOMMUSIM_OK);
		assert_int_equal(policy, i);
	}
	assert_int_equal(iommusim_cache_policy_find("Hoard", &policy), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_cache_policy_find("", &policy), IOMMUSIM_ENOENT);
	assert_string_equal(iommusim_cache_policy_name((enum iommusim_cache_policy)4), "unknown");
}

/* --- a table's units ------------------------------------------------------------------------------- */

/* The unit for the rest first, then graphics; a unit without registers, one twice; other structures. */
static struct iommusim_dmar *make_table(void)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	ADD(&builder, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7b, 0, 0,
	    0, 0);
	ADD(&builder, 0, 0, 30, 0, 1, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&builder, 3, 8, 0, 0, 2, 0xf0, 0x1f, 7);
	ADD(&builder, 1, 6, 0, 0, 0, 0); /* a broken scope: no path */
	ADD(&builder, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&builder, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&builder, 0, 0, 16, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&builder, 0, 0, 16, 0, 0, 0, 1, 0, 0x00, 0x20, 0xd9, 0xfe, 0, 0, 0, 0);
	builder_finish(&builder);
	assert_int_equal(iommusim_dmar_parse(builder.bytes, builder.size, &table), IOMMUSIM_OK);
	return table;
}

static enum iommusim_status create_from_table(struct iommusim_machine *machine, const char *preset)
{
	struct iommusim_dmar *table = make_table();
	const enum iommusim_status status = iommusim_vtd_create_from_dmar(machine, table, preset, NULL);

	iommusim_dmar_free(table);
	return status;
}

static void a_table_becomes_its_units_with_their_scopes(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(create_from_table(machine, "skylake-client"), IOMMUSIM_OK);
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(machine, 0)), 0xfed91000);
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(machine, 1)), 0xfed90000);
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(machine, 2)), 0xfed92000);
	assert_null(iommusim_unit_at(machine, 3));
	/* the values of the graphics unit went to the unit of 0:2.0 */
	assert_int_equal(bus_get(machine, 0xfed90008, 8), 0x1c0000c40660462);
	assert_int_equal(bus_get(machine, 0xfed90010, 8), 0x19e2ff0505e);
	assert_int_equal(bus_get(machine, 0xfed91008, 8), 0xd2008c40660462);
	assert_int_equal(bus_get(machine, 0xfed92010, 8), 0xf050da);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0010), iommusim_unit_at(machine, 1));
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0xf0ff), iommusim_unit_at(machine, 0));
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0018), iommusim_unit_at(machine, 0));
	assert_null(iommusim_unit_for(machine, 1, 0x0010));
	iommusim_machine_destroy(machine);
}

static void an_unknown_preset_makes_no_unit(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(create_from_table(machine, "pentium"), IOMMUSIM_ENOENT);
	assert_null(iommusim_unit_at(machine, 0));
	iommusim_machine_destroy(machine);
}

/* The last unit's place is taken: the ones before it must go again, those that were there stay. */
static void on_a_failure_no_unit_of_the_table_stays(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_unit *before = add_unit(machine, 0xfed80000, 0);
	uint64_t value;

	(void)state;
	assert_int_equal(
	    iommusim_memory_add(machine, 0xfed92000, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(create_from_table(machine, "skylake-client"), IOMMUSIM_EEXIST);
	assert_ptr_equal(iommusim_unit_at(machine, 0), before);
	assert_null(iommusim_unit_at(machine, 1));
	assert_int_equal(iommusim_mmio_read(machine, 0xfed91000, 4, &value), IOMMUSIM_ENXIO);
	assert_int_equal(iommusim_mmio_read(machine, 0xfed80000, 4, &value), IOMMUSIM_OK);
	assert_null(iommusim_unit_for(machine, 0, 0x0018));
	assert_int_equal(iommusim_memory_remove(machine, 0xfed92000), IOMMUSIM_OK);
	assert_int_equal(create_from_table(machine, "skylake-client"), IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_listed_in_order_of_creation),
		cmocka_unit_test(impossible_units_are_refused_with_a_reason),
		cmocka_unit_test(units_at_the_limits_are_made),
		cmocka_unit_test(a_unit_says_whether_its_fault_event_is_masked),
		cmocka_unit_test(two_things_at_one_address_are_refused),
		cmocka_unit_test(a_unit_without_a_scope_governs_nothing),
		cmocka_unit_test(include_all_takes_what_nobody_else_names_in_its_segment),
		cmocka_unit_test(a_bridge_scope_covers_the_subtree_and_an_endpoint_scope_does_not),
		cmocka_unit_test(a_path_is_followed_through_the_bridges),
		cmocka_unit_test(a_start_bus_is_where_the_path_begins),
		cmocka_unit_test(a_path_through_a_missing_bridge_names_nothing_until_it_comes),
		cmocka_unit_test(a_name_is_stronger_than_a_bridge_and_a_bridge_than_include_all),
		cmocka_unit_test(requests_behind_a_legacy_bridge_are_governed_by_its_alias),
		cmocka_unit_test(a_malformed_scope_is_refused),
		cmocka_unit_test(a_requester_notices_a_new_scope_with_its_next_request),
		cmocka_unit_test(each_unit_translates_for_its_own_devices_only),
		cmocka_unit_test(cache_policies_have_names),
		cmocka_unit_test(a_table_becomes_its_units_with_their_scopes),
		cmocka_unit_test(an_unknown_preset_makes_no_unit),
		cmocka_unit_test(on_a_failure_no_unit_of_the_table_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
