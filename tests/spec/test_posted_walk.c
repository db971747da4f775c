/* iommusim_walk_interrupt() of posted interrupts: what it shows, and that it posts nothing. */
#include "posted.h"
#include "walked_step.h"

static struct iommusim_walk walk_to(
    struct post_scene *scene, uint64_t address, struct iommusim_interrupt *out)
{
	struct iommusim_walk walk;

	assert_int_equal(
	    iommusim_walk_interrupt(scene->vtd.device, address, 0, out, &walk), IOMMUSIM_OK);
	return walk;
}

static void a_walk_shows_request_entry_and_descriptor(void **state)
{
	const struct iommusim_walk_step *entry, *descriptor;
	struct iommusim_interrupt out;
	struct iommusim_walk walk;
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0x800 | 3);
	post_set(&scene, 9, 0xc5, POST_DESCRIPTOR, POST_URG);
	post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET | POST_SN);
	vt_store(&scene.vtd, POST_DESCRIPTOR + 16, 0x8000000000000001);
	walk = walk_to(&scene, POST_REQUEST | 9 << 5, &out);
	assert_string_equal(walk.mode, "posted interrupt, x2APIC");
	assert_false(walk.result.faulted);
	assert_true(walk.result.interrupt && walk.write_right);
	assert_int_equal(walk.step_count, 3);
	assert_true(walk.steps[0].on_bus);
	entry = &walk.steps[1];
	assert_string_equal(entry->name, "IRTE");
	assert_string_equal(entry->structure, "interrupt remapping table entry for posted interrupts");
	assert_string_equal(entry->section, "9.10");
	assert_int_equal(entry->address, scene.table + 0x90);
	assert_int_equal(entry->index, 9);
	assert_int_equal(entry->quads, 2);
	assert_int_equal(entry->next, POST_DESCRIPTOR);
	assert_int_equal(field(entry, "IM")->value, 1);
	assert_int_equal(field(entry, "URG")->value, 1);
	assert_int_equal(field(entry, "VV")->value, 0xc5);
	assert_int_equal(field(entry, "PDAL")->value, POST_DESCRIPTOR >> 6);
	assert_int_equal(field(entry, "PDAH")->value, 0);
	assert_int_equal(field(entry, "SVT")->value, 0);
	descriptor = &walk.steps[2];
	assert_string_equal(descriptor->name, "PID");
	assert_string_equal(descriptor->structure, "posted interrupt descriptor");
	assert_string_equal(descriptor->section, "9.11");
	assert_int_equal(descriptor->address, POST_DESCRIPTOR);
	assert_int_equal(descriptor->table, 0);
	assert_int_equal(descriptor->quads, 8);
	assert_true(descriptor->readable && descriptor->present);
	assert_int_equal(descriptor->raw[2], UINT64_C(0x8000000000000001));
	assert_int_equal(descriptor->raw[4], POST_TARGET | POST_SN);
	assert_int_equal(field(descriptor, "PIR2")->value, UINT64_C(0x8000000000000001));
	assert_int_equal(field(descriptor, "ON")->value, 0);
	assert_int_equal(field(descriptor, "SN")->value, 1);
	assert_int_equal(field(descriptor, "NV")->value, 0xf2);
	assert_int_equal(field(descriptor, "NDST")->value, 0x700);
	assert_int_equal(field(descriptor, "NDST")->high, 319);
	assert_true(out.posted && out.from_unit);
	assert_int_equal(out.address, UINT64_C(0x0700fee00000));
	assert_int_equal(out.data, 0x40f2);
	post_stop(&scene);
}

static void a_walk_posts_nothing(void **state)
{
	struct iommusim_interrupt out;
	struct post_scene scene;

	(void)state;
	post_start_cached(&scene, 0);
	post_set(&scene, 0, 0x31, POST_DESCRIPTOR, 0);
	for (unsigned i = 0; i < 2; i++) {
		post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET | (i == 0 ? 0 : POST_SN));
		walk_to(&scene, POST_REQUEST, &out);
		assert_true(out.posted);
		assert_int_equal(out.address, i == 0 ? 0xfee07000 : 0);
		vt_no_message(&scene.vtd);
		post_expect_descriptor(
		    &scene, POST_DESCRIPTOR, NULL, 0, POST_TARGET | (i == 0 ? 0 : POST_SN));
	}
	post_set(&scene, 0, 0x31, POST_HOLE, 0); /* had it filled the cache, this would not show */
	assert_int_equal(walk_to(&scene, POST_REQUEST, &out).result.fault.reason, 0x27);
	assert_false(out.posted);
	assert_int_equal(vt_records(&scene.vtd), 0);
	assert_int_equal(post_reason(&scene), 0x27);
	post_stop(&scene);
}

static void a_walk_agrees_with_the_interrupt(void **state)
{
	static const struct {
		uint64_t low, high, control;
		unsigned steps;
		const char *mode;
	} rows[] = {
		{ 0x318001, 0, POST_TARGET, 3, "posted interrupt, xAPIC" },
		{ 0x318001, 0, POST_TARGET | POST_ON, 3, "posted interrupt, xAPIC" },
		{ 0x31c001, 0, POST_TARGET | POST_SN, 3, "posted interrupt, xAPIC" },
		{ 0x318001, 0, POST_TARGET | 4, 3, "posted interrupt, xAPIC" },
		{ 0x318003, 0, POST_TARGET | 4, 3, "posted interrupt, xAPIC" },
		{ 0x318001, UINT64_C(0x100000000), POST_TARGET, 3, "posted interrupt, xAPIC" },
		{ 0x319001, 0, POST_TARGET, 2, "posted interrupt, xAPIC" },
		{ 0x318001, 0x49999, POST_TARGET, 2, "posted interrupt, xAPIC" },
		{ 0x318000, 0, POST_TARGET, 2, "remapped interrupt, xAPIC" },
	};
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct iommusim_interrupt told, sent;
		struct iommusim_fault fault;
		struct iommusim_walk walk;

		post_set_entry(&scene, 0, rows[i].low | POST_DESCRIPTOR << 32, rows[i].high);
		post_set_descriptor(&scene, POST_DESCRIPTOR, rows[i].control);
		walk = walk_to(&scene, POST_REQUEST, &told);
		fault = post_raise(&scene, POST_REQUEST, 0, &sent);
		assert_string_equal(walk.mode, rows[i].mode);
		assert_int_equal(walk.step_count, rows[i].steps);
		assert_int_equal(walk.result.fault.reason, fault.reason);
		assert_int_equal(walk.result.fault.suppressed, fault.suppressed);
		assert_memory_equal(walk.result.fault.record, fault.record, 16);
		assert_int_equal(walk.result.interrupt, fault.reason == 0);
		assert_int_equal(walk.clause != NULL, fault.reason != 0);
		assert_int_equal(told.address, sent.address);
		assert_int_equal(told.data, sent.data);
		assert_int_equal(told.posted, sent.posted);
		assert_int_equal(told.from_unit, sent.from_unit);
		if (fault.reason == 0x27)
			assert_true(!walk.steps[2].readable && walk.steps[2].field_count == 0);
	}
	post_stop(&scene);
}

/* It could be read, so it is shown; that it cannot be written is what decides. */
static void a_walk_shows_a_descriptor_in_read_only_memory(void **state)
{
	struct iommusim_walk walk;
	struct post_scene scene;

	(void)state;
	post_start(&scene, 0);
	post_add_rom(&scene, POST_TARGET);
	post_set(&scene, 0, 0x31, POST_ROM, 0);
	walk = walk_to(&scene, POST_REQUEST, NULL);
	assert_int_equal(walk.result.fault.reason, 0x27);
	assert_int_equal(walk.step_count, 3);
	assert_true(walk.steps[2].readable);
	assert_int_equal(walk.steps[2].raw[4], POST_TARGET);
	post_stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_shows_request_entry_and_descriptor),
		cmocka_unit_test(a_walk_posts_nothing),
		cmocka_unit_test(a_walk_agrees_with_the_interrupt),
		cmocka_unit_test(a_walk_shows_a_descriptor_in_read_only_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
