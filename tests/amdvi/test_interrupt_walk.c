/*
 * iommusim_walk_interrupt() on an AMD-Vi unit: what it shows of each kind of interrupt, that it tells what a
 * request would be told, and that it changes nothing.
 */
#include "interrupt_scene.h"
#include "walked_step.h"

static struct iommusim_walk walk_to(
    struct interrupt_scene *scene, uint64_t address, uint32_t data, struct iommusim_interrupt *out)
{
	struct iommusim_walk walk;

	assert_int_equal(
	    iommusim_walk_interrupt(scene->amd.device, address, data, out, &walk), IOMMUSIM_OK);
	return walk;
}

/* The request itself, and the second half of the device table entry. */
static void expect_begin(const struct interrupt_scene *scene, const struct iommusim_walk *walk,
    uint64_t address, uint32_t data)
{
	const struct iommusim_walk_step *request = &walk->steps[0], *device = &walk->steps[1];

	assert_string_equal(request->name, "MSI request");
	assert_true(request->on_bus && request->readable && request->present);
	assert_int_equal(request->raw[0], address);
	assert_int_equal(request->raw[1], data);
	assert_int_equal(field(request, "VECTOR")->value, data & 0xff);
	assert_string_equal(device->name, "DTE");
	assert_string_equal(device->structure, "device table entry");
	assert_string_equal(device->section, "2.2.2.1");
	assert_int_equal(device->table, scene->amd.device_table);
	assert_int_equal(device->address, scene->amd.device_table + AMD_RID * UINT64_C(32));
	assert_int_equal(device->index, AMD_RID);
	assert_int_equal(device->quads, 4);
	assert_true(device->readable && device->present && !device->on_bus);
	assert_memory_equal(device->raw, scene->dte, sizeof(scene->dte));
	assert_int_equal(field(device, "IV")->low, 128);
	for (unsigned i = 0; i < device->field_count; i++)
		assert_true(device->fields[i].low >= 128);
}

static void a_walk_shows_request_and_entries(void **state)
{
	const struct iommusim_walk_step *entry;
	struct interrupt_scene scene;
	struct iommusim_interrupt out;
	struct iommusim_walk walk;

	(void)state;
	is_start(&scene, NULL, 0);
	is_set_entry32(&scene, 9, E_REMAP | E_LOGICAL | E_DEST(0xc3) | E_VECTOR(0x5a));
	walk = walk_to(&scene, REQUEST, 9, &out);
	assert_string_equal(walk.unit_name, "AMD-Vi");
	assert_string_equal(walk.mode, "remapped interrupt, xAPIC");
	assert_false(walk.result.faulted);
	assert_true(walk.result.interrupt && walk.write_right && walk.result.translated);
	assert_null(walk.clause);
	assert_int_equal(walk.step_count, 3);
	expect_begin(&scene, &walk, REQUEST, 9);
	assert_int_equal(walk.steps[1].next, scene.table);
	entry = &walk.steps[2];
	assert_string_equal(entry->name, "IRTE");
	assert_int_equal(entry->table, scene.table);
	assert_int_equal(entry->address, scene.table + 36);
	assert_int_equal(entry->index, 9);
	assert_int_equal(entry->quads, 1);
	assert_int_equal(entry->raw[0], 0x005ac341);
	assert_true(entry->readable && entry->present);
	assert_int_equal(field(entry, "DM")->value, 1);
	assert_int_equal(field(entry, "DESTINATION")->value, 0xc3);
	assert_int_equal(field(entry, "VECTOR")->value, 0x5a);
	assert_int_equal(out.address, 0xfeec3004);
	assert_int_equal(out.data, 0x405a);
	am_no_message(&scene.amd);
	is_stop(&scene);
}

static void a_walk_shows_wide_entries(void **state)
{
	const struct iommusim_walk_step *entry;
	struct interrupt_scene scene;
	struct iommusim_walk walk;

	(void)state;
	is_start(&scene, NULL, C_GA_EN | C_XT_EN);
	is_set_entry128(&scene, 9, E_REMAP | E_DEST(0xc3), UINT64_C(7) << 56 | 0x5a);
	walk = walk_to(&scene, REQUEST, 9, NULL);
	assert_string_equal(walk.mode, "remapped interrupt, x2APIC");
	assert_int_equal(walk.step_count, 3);
	entry = &walk.steps[2];
	assert_string_equal(entry->name, "IRTE.GA");
	assert_int_equal(entry->address, scene.table + 0x90);
	assert_int_equal(entry->quads, 2);
	assert_int_equal(field(entry, "DEST_HIGH")->value, 7);
	is_stop(&scene);
}

static void a_walk_shows_a_virtual_apic_and_leaves_it_alone(void **state)
{
	const struct iommusim_walk_step *entry, *apic;
	struct interrupt_scene scene;
	struct iommusim_interrupt out;
	struct iommusim_walk walk;
	uint64_t page, log;

	(void)state;
	is_start(&scene, NULL, C_GA_EN | C_GAM_EN);
	page = am_page(&scene.amd);
	log = am_page(&scene.amd);
	am_set64(&scene.amd, A_GALOG_BASE, log | UINT64_C(8) << 56);
	am_control(&scene.amd, C_GA_LOG_EN, 0);
	am_store(&scene.amd, page + 0x240, 0x80000001);
	is_set_entry128(&scene, 9, E_REMAP | E_GUEST | G_LOG | G_TAG(0x1234), page | 0x85);
	walk = walk_to(&scene, REQUEST, 9, &out);
	assert_string_equal(walk.mode, "posted interrupt, xAPIC");
	assert_int_equal(walk.step_count, 4);
	entry = &walk.steps[2];
	assert_string_equal(entry->name, "IRTE.guest");
	assert_int_equal(entry->next, page + 0x240);
	assert_int_equal(field(entry, "GA_TAG")->value, 0x1234);
	assert_int_equal(field(entry, "VAPIC_ROOT")->value, page >> 12);
	apic = &walk.steps[3];
	assert_string_equal(apic->name, "virtual APIC IRR");
	assert_int_equal(apic->table, page);
	assert_int_equal(apic->address, page + 0x240);
	assert_int_equal(apic->raw[0], 0x80000001);
	assert_int_equal(field(apic, "IRR")->value, 0x80000001);
	assert_true(out.posted && !out.doorbell);
	assert_int_equal(out.address, 0);
	is_set_entry128(&scene, 9, E_REMAP | E_GUEST | G_IS_RUN | E_DEST(3), page | 0x85);
	(void)walk_to(&scene, REQUEST, 9, &out);
	assert_true(out.posted && out.doorbell);
	assert_int_equal(out.address, 0xfee03000);
	assert_int_equal(am_load(&scene.amd, page + 0x240), 0x80000001);
	assert_int_equal(am_get64(&scene.amd, A_GALOG_TAIL), 0);
	am_no_message(&scene.amd);
	is_stop(&scene);
}

static void what_is_forwarded_has_no_interrupt_entry(void **state)
{
	struct interrupt_scene scene;
	struct iommusim_interrupt out;
	struct iommusim_walk walk;

	(void)state;
	is_start(&scene, NULL, 0);
	walk = walk_to(&scene, REQUEST, 0x2ff, &out); /* an SMI */
	assert_string_equal(walk.mode, "forwarded interrupt");
	assert_int_equal(walk.step_count, 2);
	expect_begin(&scene, &walk, REQUEST, 0x2ff);
	assert_true(walk.result.interrupt);
	assert_int_equal(out.address, REQUEST);
	assert_int_equal(out.data, 0x2ff);
	is_set_dte(&scene, 0, 0);
	walk = walk_to(&scene, REQUEST, 9, &out);
	assert_string_equal(walk.mode, "forwarded interrupt");
	assert_false(walk.steps[1].present);
	assert_int_equal(out.data, 9);
	am_control(&scene.amd, 0, C_IOMMU_EN);
	walk = walk_to(&scene, REQUEST, 9, &out);
	assert_string_equal(walk.mode, "off");
	assert_int_equal(walk.step_count, 0);
	assert_false(walk.result.translated);
	assert_true(walk.result.interrupt);
	is_stop(&scene);
}

/* ---- denied ones ------------------------------------------------------------------------------------------- */

struct denied {
	uint64_t dte, entry; /* bits 191:128; the entry 0 */
	uint64_t control;
	uint32_t data;
	uint8_t steps;
	const char *clause;
	const char *reason;
};

static const struct denied rows[] = {
	{ D2_IV | D2_CTL(3), 0, 0, 0, 2, "AMD-Vi 2.2.2.1", "DTE.IntCtl is 3" },
	{ D2_IV | D2_CTL(CTL_REMAP) | D2_LENGTH(12), 0, 0, 0, 2, "AMD-Vi 2.2.2.1",
	    "DTE.IntTabLen is over 11" },
	{ D2_IV | BIT(52), 0, 0, 0, 2, "AMD-Vi 2.2.2.1",
	    "a reserved bit or code in the interrupt half of the device table entry" },
	{ D2_IV | D2_CTL(CTL_ABORT), 0, 0, 0, 2, "AMD-Vi 2.2.5",
	    "DTE.IntCtl has such interrupts aborted" },
	{ D2_IV | D2_IG | D2_CTL(CTL_ABORT), 0, 0, 0x400, 2, "AMD-Vi 2.2.5",
	    "the device table entry lets no interrupt of this delivery mode pass" },
	{ D2_IV | D2_CTL(CTL_REMAP), 0, 0, 1, 2, "AMD-Vi 2.2.5",
	    "the interrupt table has no such entry" },
	{ D2_IV | D2_CTL(CTL_REMAP), 0, 0, 0, 3, "AMD-Vi 2.2.5",
	    "RemapEn of the interrupt entry is 0" },
	{ D2_IV | D2_IG | D2_CTL(CTL_REMAP), E_SUP_IOPF, 0, 0, 3, "AMD-Vi 2.2.5",
	    "RemapEn of the interrupt entry is 0" },
	{ D2_IV | D2_CTL(CTL_REMAP), E_REMAP | E_GUEST, 0, 0, 3, "AMD-Vi 2.2.5",
	    "a reserved bit or value in the interrupt entry" },
	{ D2_IV, 0, C_SMIF_EN, 0x200, 1, "AMD-Vi 3.4", "no SMI filter register has the device" },
	{ D2_IV, 0, C_SMIF_EN | C_SMIF_LOG_EN, 0x200, 1, "AMD-Vi 3.4",
	    "no SMI filter register has the device" },
};

/* The walk first, which must leave no event; then the request, which is told the same. */
static void a_walk_tells_what_the_request_is_told(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct denied *row = &rows[i];
		struct interrupt_scene scene;
		struct iommusim_walk walk;
		struct sent sent;

		is_start(&scene, NULL, row->control);
		is_set_dte(&scene, row->dte, 0);
		is_set_entry32(&scene, 0, row->entry);
		walk = walk_to(&scene, REQUEST, row->data, NULL);
		assert_int_equal(am_events(&scene.amd), 0);
		assert_true(walk.result.faulted);
		assert_false(walk.result.interrupt || walk.write_right);
		assert_int_equal(walk.step_count, row->steps);
		assert_string_equal(
		    walk.mode, row->steps < 3 ? "refused" : "remapped interrupt, xAPIC");
		assert_string_equal(walk.clause, row->clause);
		assert_string_equal(walk.reason, row->reason);
		sent = is_send(&scene, REQUEST, row->data);
		assert_int_equal(walk.result.fault.class_, sent.fault.class_);
		assert_int_equal(walk.result.fault.reason, sent.fault.reason);
		assert_int_equal(walk.result.fault.suppressed, sent.fault.suppressed);
		assert_int_equal(walk.result.fault.aborts, sent.fault.aborts);
		assert_true(sent.fault.aborts);
		assert_string_equal(walk.result.fault.meaning, row->reason);
		assert_string_equal(sent.fault.meaning, row->reason);
		assert_memory_equal(
		    walk.result.fault.record, sent.fault.record, sizeof(sent.fault.record));
		assert_int_equal(am_events(&scene.amd), sent.fault.suppressed ? 0 : 1);
		is_stop(&scene);
	}
}

/* A walk reads memory, and never what a cache has; nor does it fill one. */
static void a_walk_neither_asks_nor_fills_the_cache(void **state)
{
	struct interrupt_scene scene;
	struct iommusim_interrupt out;

	(void)state;
	is_start(&scene, NULL, 0);
	is_set_entry32(&scene, 9, E_REMAP | E_VECTOR(0x31));
	(void)walk_to(&scene, REQUEST, 9, &out);
	assert_int_equal(out.data, 0x4031);
	is_set_entry32(&scene, 9, E_REMAP | E_VECTOR(0x32));
	is_expect_sent(&scene, REQUEST, 9, 0xfee00000, 0x4032);
	is_set_entry32(&scene, 9, E_REMAP | E_VECTOR(0x33));
	(void)walk_to(&scene, REQUEST, 9, &out);
	assert_int_equal(out.data, 0x4033);
	is_expect_sent(&scene, REQUEST, 9, 0xfee00000, 0x4032);
	is_stop(&scene);
}

static void what_cannot_be_read_is_shown_as_such(void **state)
{
	struct interrupt_scene scene;
	struct iommusim_walk walk;

	(void)state;
	is_start(&scene, NULL, 0);
	scene.table = UINT64_C(0x100000000);
	is_set_dte(&scene, D2_IV | D2_LENGTH(4) | D2_CTL(CTL_REMAP), 0);
	walk = walk_to(&scene, REQUEST, 9, NULL);
	assert_int_equal(walk.step_count, 3);
	assert_false(walk.steps[2].readable);
	assert_int_equal(walk.steps[2].field_count, 0);
	assert_int_equal(walk.steps[2].address, UINT64_C(0x100000024));
	assert_string_equal(walk.reason, "an interrupt entry cannot be read");
	am_set64(&scene.amd, A_DEVTAB, UINT64_C(0x100000000) | 0x1ff);
	walk = walk_to(&scene, REQUEST, 9, NULL);
	assert_int_equal(walk.step_count, 2);
	assert_false(walk.steps[1].readable);
	assert_string_equal(walk.reason, "the device table cannot be read");
	am_set64(&scene.amd, A_DEVTAB, scene.amd.device_table); /* 128 entries */
	walk = walk_to(&scene, REQUEST, 9, NULL);
	assert_int_equal(walk.step_count, 1);
	assert_string_equal(walk.reason, "the device table has no entry for the device");
	is_stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_shows_request_and_entries),
		cmocka_unit_test(a_walk_shows_wide_entries),
		cmocka_unit_test(a_walk_shows_a_virtual_apic_and_leaves_it_alone),
		cmocka_unit_test(what_is_forwarded_has_no_interrupt_entry),
		cmocka_unit_test(a_walk_tells_what_the_request_is_told),
		cmocka_unit_test(a_walk_neither_asks_nor_fills_the_cache),
		cmocka_unit_test(what_cannot_be_read_is_shown_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
