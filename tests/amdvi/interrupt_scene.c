/* The interrupt scene: see interrupt_scene.h. */
#include "interrupt_scene.h"

#define TABLE_PAGES 8u

void is_start(struct interrupt_scene *scene, const struct amd_setup *setup, uint64_t control)
{
	am_start_enabled(&scene->amd, setup);
	am_control(&scene->amd, control, 0);
	scene->table = am_pages(&scene->amd, TABLE_PAGES);
	am_plain_dte(&scene->amd, scene->dte);
	is_set_dte(scene, D2_IV | D2_LENGTH(IS_LENGTH) | D2_CTL(CTL_REMAP), 0);
}

void is_stop(struct interrupt_scene *scene)
{
	am_stop(&scene->amd);
}

void is_set_dte(struct interrupt_scene *scene, uint64_t low, uint64_t high)
{
	scene->dte[2] = low | scene->table;
	scene->dte[3] = high;
	am_set_dte(&scene->amd, AMD_RID, scene->dte);
	am_invalidate_device(&scene->amd, AMD_RID);
}

void is_set_entry32(struct interrupt_scene *scene, unsigned index, uint64_t entry)
{
	const uint64_t address = scene->table + index / 2 * UINT64_C(8);
	const unsigned shift = index % 2 * 32;
	const uint64_t pair = am_load(&scene->amd, address) & ~(UINT64_C(0xffffffff) << shift);

	am_store(&scene->amd, address, pair | entry << shift);
}

void is_set_entry128(struct interrupt_scene *scene, unsigned index, uint64_t low, uint64_t high)
{
	am_store(&scene->amd, scene->table + index * UINT64_C(16) + 8, high);
	am_store(&scene->amd, scene->table + index * UINT64_C(16), low);
}

struct sent is_send(struct interrupt_scene *scene, uint64_t address, uint32_t data)
{
	struct sent sent;

	assert_int_equal(
	    iommusim_requester_interrupt(scene->amd.device, address, data, &sent.out, &sent.fault),
	    IOMMUSIM_OK);
	return sent;
}

void is_expect_sent(struct interrupt_scene *scene, uint64_t address, uint32_t data,
    uint64_t out_address, uint32_t out_data)
{
	const struct sent sent = is_send(scene, address, data);
	struct iommusim_interrupt message;

	assert_int_equal(sent.fault.class_, IOMMUSIM_FAULT_NONE);
	message = am_only_message(&scene->amd);
	assert_int_equal(message.address, out_address);
	assert_int_equal(message.data, out_data);
	assert_int_equal(message.source, AMD_RID);
	assert_false(message.from_unit || message.posted || message.doorbell);
	assert_int_equal(sent.out.address, out_address);
	assert_int_equal(sent.out.data, out_data);
	assert_int_equal(am_events(&scene->amd), 0);
}

void is_expect_forwarded(struct interrupt_scene *scene, uint64_t address, uint32_t data)
{
	is_expect_sent(scene, address, data, address, data);
}

void is_expect_denied(
    struct interrupt_scene *scene, uint64_t address, uint32_t data, uint64_t first, uint64_t second)
{
	const struct sent sent = is_send(scene, address, data);
	uint64_t event[2];

	am_no_message(&scene->amd);
	am_only_event(&scene->amd, event);
	assert_int_equal(event[0], first);
	assert_int_equal(event[1], second);
	assert_int_not_equal(sent.fault.class_, IOMMUSIM_FAULT_NONE);
	assert_int_equal(sent.fault.reason, first >> 60);
	assert_true(sent.fault.recorded);
	assert_false(sent.fault.suppressed);
	assert_int_equal(sent.fault.record[0], first);
	assert_int_equal(sent.fault.record[1], second);
}

void is_expect_silent(struct interrupt_scene *scene, uint64_t address, uint32_t data, uint64_t first)
{
	const struct sent sent = is_send(scene, address, data);

	am_no_message(&scene->amd);
	assert_int_equal(am_events(&scene->amd), 0);
	assert_int_not_equal(sent.fault.class_, IOMMUSIM_FAULT_NONE);
	assert_true(sent.fault.suppressed);
	assert_false(sent.fault.recorded);
	assert_int_equal(sent.fault.record[0], first);
	assert_int_equal(sent.fault.record[1], address);
}
