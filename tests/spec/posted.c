/* See posted.h. */
#include "posted.h"

/* IRTA (VT-d 11.4.10): S in 3:0 for 2^(S+1) entries, EIME in bit 11. */
void post_begin(struct post_scene *scene, const struct vtd_setup *setup, uint64_t irta_bits)
{
	vt_start(&scene->vtd, setup);
	scene->table = vt_page(&scene->vtd);
	vt_set64(&scene->vtd, R_IRTA, scene->table | irta_bits);
	vt_set32(&scene->vtd, R_GCMD, G_SIRTP);
	vt_command(&scene->vtd, G_IRE, true);
}

void post_start_with(struct post_scene *scene, struct vtd_setup setup, uint64_t irta_bits)
{
	setup.cap_set |= CAP_PI;
	post_begin(scene, &setup, irta_bits);
}

void post_start(struct post_scene *scene, uint64_t irta_bits)
{
	post_start_with(scene, (struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE }, irta_bits);
}

void post_stop(struct post_scene *scene)
{
	vt_stop(&scene->vtd);
}

void post_set_entry(struct post_scene *scene, unsigned index, uint64_t low, uint64_t high)
{
	vt_store(&scene->vtd, scene->table + index * UINT64_C(16) + 8, high);
	vt_store(&scene->vtd, scene->table + index * UINT64_C(16), low);
}

/* VT-d 9.10: P 0, IM 15, VV 23:16, address bits 31:6 in 63:38, 63:32 in 127:96; `bits`: FPD 1, URG 14. */
uint64_t post_entry(unsigned vector, uint64_t descriptor, uint64_t bits)
{
	return (descriptor & 0xffffffc0) << 32 | (uint64_t)vector << 16 | 0x8001 | bits;
}

void post_set(
    struct post_scene *scene, unsigned index, unsigned vector, uint64_t descriptor, uint64_t bits)
{
	post_set_entry(scene, index, post_entry(vector, descriptor, bits),
	    descriptor & UINT64_C(0xffffffff00000000));
}

void post_set_descriptor(struct post_scene *scene, uint64_t at, uint64_t control)
{
	for (unsigned quad = 0; quad < 8; quad++)
		vt_store(&scene->vtd, at + quad * UINT64_C(8), quad == 4 ? control : 0);
}

void post_expect_descriptor(
    struct post_scene *scene, uint64_t at, const unsigned *vectors, size_t count, uint64_t control)
{
	uint64_t expected[8] = { [4] = control };

	for (size_t i = 0; i < count; i++)
		expected[vectors[i] / 64] |= BIT(vectors[i] % 64);
	for (unsigned quad = 0; quad < 8; quad++)
		assert_int_equal(vt_load(&scene->vtd, at + quad * UINT64_C(8)), expected[quad]);
}

void post_expect(struct post_scene *scene, unsigned vector, uint64_t control)
{
	post_expect_descriptor(scene, POST_DESCRIPTOR, &vector, 1, control);
}

/* One interrupt of the fixture's device. What it says it came to is what is in the queue. */
struct iommusim_fault post_raise(
    struct post_scene *scene, uint64_t address, uint32_t data, struct iommusim_interrupt *out)
{
	struct iommusim_interrupt own, queued;
	struct iommusim_fault fault;

	if (out == NULL)
		out = &own;
	assert_int_equal(iommusim_interrupt_pending(scene->vtd.machine), 0);
	assert_int_equal(
	    iommusim_requester_interrupt(scene->vtd.device, address, data, out, &fault), IOMMUSIM_OK);
	assert_int_equal(fault.class_ == IOMMUSIM_FAULT_NONE, fault.reason == 0);
	if (fault.reason != 0 || out->address == 0) {
		vt_no_message(&scene->vtd);
		return fault;
	}
	queued = vt_only_message(&scene->vtd);
	assert_int_equal(queued.address, out->address);
	assert_int_equal(queued.data, out->data);
	assert_int_equal(queued.source, out->source);
	assert_int_equal(queued.posted, out->posted);
	assert_int_equal(queued.from_unit, out->from_unit);
	return fault;
}

unsigned post_reason(struct post_scene *scene)
{
	return post_raise(scene, POST_REQUEST, 0, NULL).reason;
}

/* Recorded, and the processor told: fixed, physical, edge, asserted, and nothing of the device's. */
void post_expect_notified(struct post_scene *scene, uint64_t address, uint32_t data)
{
	struct iommusim_interrupt out;

	assert_int_equal(post_raise(scene, POST_REQUEST, 0x1234, &out).reason, 0);
	assert_true(out.posted);
	assert_true(out.from_unit);
	assert_int_equal(out.source, 0);
	assert_int_equal(out.address, address);
	assert_int_equal(out.data, data);
}

/* Recorded, and nobody told. */
void post_expect_silent(struct post_scene *scene)
{
	struct iommusim_interrupt out;

	assert_int_equal(post_raise(scene, POST_REQUEST, 0x1234, &out).reason, 0);
	assert_true(out.posted);
	assert_int_equal(out.address, 0);
	assert_int_equal(out.data, 0);
}

/* Memory that can be read and not written: filled by software, as a flash chip is. */
void post_add_rom(struct post_scene *scene, uint64_t control)
{
	assert_int_equal(iommusim_memory_add(scene->vtd.machine, POST_ROM, 0x1000, IOMMUSIM_MEMORY_ROM),
	    IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_write(scene->vtd.machine, POST_ROM + 32, &control, 8), IOMMUSIM_OK);
}

void post_start_cached(struct post_scene *scene, uint64_t cap)
{
	post_start_with(scene, (struct vtd_setup){ .cap_set = cap }, 5);
	vt_queue_start(&scene->vtd, 16);
	post_set_descriptor(scene, POST_DESCRIPTOR, POST_TARGET | POST_SN);
	post_set_descriptor(scene, POST_OTHER, POST_TARGET | POST_SN);
}
