/*
 * Interrupts for guests (AMD-Vi 2.2.5.4, 2.2.5.5, 2.7): the bit in the virtual APIC page, the doorbell, the
 * GA log and the physical interrupt, reserved bits of the entry, and when it is one.
 */
#include <pthread.h>

#include "interrupt_scene.h"

#define GUEST_MODE (C_GA_EN | C_GAM_EN)
#define TAG        UINT64_C(0xcafe1234)
#define BAD        (EV_CODE(2) | EV_I | EV_PR | EV_RZ | EV_DOMAIN | AMD_RID)
#define GALOG_512  (UINT64_C(8) << 56) /* 512 entries of 8 bytes */

struct guest_scene {
	struct interrupt_scene irq;
	uint64_t apic; /* the virtual APIC page */
	uint64_t log;
};

/* The word of IRR for a vector: 200h, 210h, ... (AMD-Vi 2.2.5.4). */
static uint64_t irr_at(const struct guest_scene *scene, unsigned vector)
{
	return scene->apic + 0x200 + (uint64_t)(vector >> 5) * 0x10;
}

static uint64_t irr(struct guest_scene *scene, unsigned vector)
{
	return am_load(&scene->irq.amd, irr_at(scene, vector));
}

static void start(struct guest_scene *scene, const struct amd_setup *setup, uint64_t control)
{
	is_start(&scene->irq, setup, GUEST_MODE);
	scene->apic = am_page(&scene->irq.amd);
	scene->log = am_page(&scene->irq.amd);
	am_set64(&scene->irq.amd, A_GALOG_BASE, scene->log | GALOG_512);
	am_control(&scene->irq.amd, control, 0);
}

static void stop(struct guest_scene *scene)
{
	is_stop(&scene->irq);
}

static void set_entry(struct guest_scene *scene, unsigned index, uint64_t flags, unsigned vector)
{
	is_set_entry128(&scene->irq, index, E_REMAP | E_GUEST | E_DEST(6) | G_TAG(TAG) | flags,
	    scene->apic | vector); /* 115:76 are 51:12 of the page */
}

/* It is recorded, and nothing is sent. */
static void expect_recorded(struct guest_scene *scene, unsigned index)
{
	const struct sent sent = is_send(&scene->irq, REQUEST, index);

	assert_int_equal(sent.fault.class_, IOMMUSIM_FAULT_NONE);
	assert_true(sent.out.posted && sent.out.from_unit);
	assert_false(sent.out.doorbell);
	assert_int_equal(sent.out.address, 0);
	am_no_message(&scene->irq.amd);
}

static struct iommusim_interrupt notified(struct guest_scene *scene, unsigned index)
{
	const struct sent sent = is_send(&scene->irq, REQUEST, index);
	struct iommusim_interrupt message;

	assert_int_equal(sent.fault.class_, IOMMUSIM_FAULT_NONE);
	message = am_only_message(&scene->irq.amd);
	assert_int_equal(message.address, sent.out.address);
	assert_int_equal(message.data, sent.out.data);
	assert_int_equal(message.doorbell, sent.out.doorbell);
	assert_true(message.posted && message.from_unit);
	assert_int_equal(message.source, 0);
	return message;
}

/* A notification is of the segment the request was of. */
static void a_notification_stays_in_its_segment(void **state)
{
	const struct amd_setup setup = { .segment = 3 };
	struct guest_scene scene;

	(void)state;
	start(&scene, &setup, 0);
	set_entry(&scene, 0, G_IS_RUN, 0x31);
	assert_int_equal(notified(&scene, 0).segment, 3);
	stop(&scene);
}

static void each_vector_has_its_bit(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, 0);
	for (unsigned vector = 0; vector < 256; vector++) {
		const uint64_t before = irr(&scene, vector);

		set_entry(&scene, 0, 0, vector);
		am_invalidate_interrupts(&scene.irq.amd, AMD_RID);
		expect_recorded(&scene, 0);
		assert_int_equal(irr(&scene, vector), before | BIT(vector & 31));
	}
	for (unsigned offset = 0; offset < 0x1000; offset += 8) {
		const bool in_irr = offset >= 0x200 && offset < 0x280 && offset % 16 == 0;

		assert_int_equal(am_load(&scene.irq.amd, scene.apic + offset), in_irr ? 0xffffffff : 0);
	}
	stop(&scene);
}

/* What else is in the page stays, the upper half of the quadword too. */
static void nothing_else_is_touched(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, 0);
	am_store(&scene.irq.amd, irr_at(&scene, 0x45), UINT64_C(0x1234567800000100));
	set_entry(&scene, 0, 0, 0x45);
	expect_recorded(&scene, 0);
	assert_int_equal(irr(&scene, 0x45), UINT64_C(0x1234567800000120));
	expect_recorded(&scene, 0); /* again: it is set already */
	assert_int_equal(irr(&scene, 0x45), UINT64_C(0x1234567800000120));
	stop(&scene);
}

static void a_guest_that_runs_gets_a_doorbell(void **state)
{
	struct guest_scene scene;
	struct iommusim_interrupt message;

	(void)state;
	start(&scene, NULL, C_GA_LOG_EN);
	set_entry(&scene, 0, G_IS_RUN | G_LOG, 0x51);
	for (unsigned i = 0; i < 2; i++) { /* each time */
		message = notified(&scene, 0);
		assert_true(message.doorbell);
		assert_int_equal(message.address, 0xfee06000);
		assert_int_equal(message.data, 0);
	}
	assert_int_equal(irr(&scene, 0x51), BIT(0x11));
	assert_int_equal(am_get64(&scene.irq.amd, A_GALOG_TAIL), 0);
	assert_int_equal(am_status(&scene.irq.amd) & S_GA_INT, 0);
	stop(&scene);
}

static void a_doorbell_may_have_an_x2apic_destination(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, C_XT_EN);
	is_set_entry128(&scene.irq, 0, E_REMAP | E_GUEST | G_IS_RUN | UINT64_C(0x345678) << 8,
	    UINT64_C(0x12) << 56 | scene.apic);
	assert_int_equal(notified(&scene, 0).address, UINT64_C(0x12345600fee78000));
	stop(&scene);
}

/* GALogIntr: an entry {tag, device, code 1} for each, GAInt, and a message when that is new. */
static void a_guest_that_does_not_run_is_logged(void **state)
{
	struct guest_scene scene;
	struct iommusim_interrupt message;

	(void)state;
	start(&scene, NULL, C_GA_LOG_EN | C_GA_INT_EN);
	am_enable_msi(&scene.irq.amd, 0);
	assert_int_equal(am_status(&scene.irq.amd) & S_GA_RUN, S_GA_RUN);
	set_entry(&scene, 0, G_LOG, 0x51);
	assert_int_equal(is_send(&scene.irq, REQUEST, 0).out.address, 0);
	message = am_only_message(&scene.irq.amd); /* the unit's own */
	assert_int_equal(message.address, AMD_MSI_ADDRESS);
	assert_false(message.posted);
	assert_int_equal(irr(&scene, 0x51), BIT(0x11));
	assert_int_equal(am_get64(&scene.irq.amd, A_GALOG_TAIL), 8);
	assert_int_equal(am_load(&scene.irq.amd, scene.log), UINT64_C(0x10000310cafe1234));
	assert_int_equal(am_status(&scene.irq.amd) & S_GA_INT, S_GA_INT);
	expect_recorded(&scene, 0); /* GAInt is still there */
	assert_int_equal(am_get64(&scene.irq.amd, A_GALOG_TAIL), 16);
	assert_int_equal(am_load(&scene.irq.amd, scene.log + 8), UINT64_C(0x10000310cafe1234));
	stop(&scene);
}

static void without_galogintr_nobody_is_told(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, C_GA_LOG_EN | C_GA_INT_EN);
	am_enable_msi(&scene.irq.amd, 0);
	set_entry(&scene, 0, 0, 0x51);
	expect_recorded(&scene, 0);
	assert_int_equal(am_get64(&scene.irq.amd, A_GALOG_TAIL), 0);
	assert_int_equal(am_status(&scene.irq.amd) & S_GA_INT, 0);
	stop(&scene);
}

/* The interrupt is in the virtual APIC even when the log has no place, or is off. */
static void an_interrupt_is_not_lost_with_its_log_entry(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, 0);
	set_entry(&scene, 0, G_LOG, 0x51);
	expect_recorded(&scene, 0);
	assert_int_equal(irr(&scene, 0x51), BIT(0x11));
	am_control(&scene.irq.amd, C_GA_LOG_EN, 0);
	set_entry(&scene, 1, G_LOG, 0x52);
	for (unsigned i = 0; i < 511; i++)
		expect_recorded(&scene, 0);
	assert_int_equal(am_status(&scene.irq.amd) & S_GA_OVERFLOW, 0);
	expect_recorded(&scene, 1);
	assert_int_equal(am_status(&scene.irq.amd) & (S_GA_OVERFLOW | S_GA_RUN), S_GA_OVERFLOW);
	assert_int_equal(irr(&scene, 0x51), BIT(0x11) | BIT(0x12));
	stop(&scene);
}

/* ---- GAPPI ------------------------------------------------------------------------------------------------- */

#define C_GAPPI_EN BIT(55)

/* A physical interrupt to Destination, with vector GATag[7:0], when nothing was pending. */
static void the_first_pending_interrupt_sends_a_physical_one(void **state)
{
	struct guest_scene scene;
	struct iommusim_interrupt message;

	(void)state;
	start(&scene, &(struct amd_setup){ .efr_set = F_GAPPI }, C_GA_LOG_EN | C_GAPPI_EN);
	set_entry(&scene, 0, G_LOG, 0x51);
	set_entry(&scene, 1, G_LOG, 0xf0);
	message = notified(&scene, 0);
	assert_int_equal(message.address, 0xfee06000);
	assert_int_equal(message.data, 0x4034);
	assert_false(message.doorbell);
	expect_recorded(&scene, 0);
	expect_recorded(&scene, 1);
	assert_int_equal(irr(&scene, 0x51), BIT(0x11));
	assert_int_equal(irr(&scene, 0xf0), BIT(0x10));
	am_store(&scene.irq.amd, irr_at(&scene, 0x51), 0);
	expect_recorded(&scene, 0); /* F0h still waits */
	am_store(&scene.irq.amd, irr_at(&scene, 0xf0), 0);
	am_store(&scene.irq.amd, irr_at(&scene, 0x51), 0);
	(void)notified(&scene, 1);
	/* it takes the place of the log */
	assert_int_equal(am_get64(&scene.irq.amd, A_GALOG_TAIL), 0);
	stop(&scene);
}

static void every_word_of_irr_counts_as_pending(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, &(struct amd_setup){ .efr_set = F_GAPPI }, C_GAPPI_EN);
	set_entry(&scene, 0, 0, 0x51);
	for (unsigned vector = 0; vector < 256; vector += 31) {
		am_store(&scene.irq.amd, irr_at(&scene, 0x51), 0);
		am_store(&scene.irq.amd, irr_at(&scene, vector), BIT(vector & 31));
		expect_recorded(&scene, 0);
		am_store(&scene.irq.amd, irr_at(&scene, vector), 0);
	}
	am_store(&scene.irq.amd, irr_at(&scene, 0x51), 0);
	am_store(&scene.irq.amd, scene.apic + 0x1f0, UINT64_MAX); /* no IRR */
	am_store(&scene.irq.amd, scene.apic + 0x280, UINT64_MAX);
	(void)notified(&scene, 0);
	stop(&scene);
}

static void a_running_guest_gets_its_doorbell_with_gappi_too(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, &(struct amd_setup){ .efr_set = F_GAPPI }, C_GAPPI_EN);
	set_entry(&scene, 0, G_IS_RUN, 0x51);
	assert_true(notified(&scene, 0).doorbell);
	stop(&scene);
}

/* GAPPIDis is a bit of units with EFR2.GAPPIDisSup; of others it is reserved. */
static void gappidis_keeps_it_back(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, &(struct amd_setup){ .efr_set = F_GAPPI, .efr2 = F2_GAPPIDIS }, C_GAPPI_EN);
	set_entry(&scene, 0, G_GAPPI_DIS, 0x51);
	expect_recorded(&scene, 0);
	assert_int_equal(irr(&scene, 0x51), BIT(0x11));
	stop(&scene);
	start(&scene, &(struct amd_setup){ .efr_set = F_GAPPI }, C_GAPPI_EN);
	set_entry(&scene, 0, G_GAPPI_DIS, 0x51);
	is_expect_denied(&scene.irq, REQUEST, 0, BAD, REQUEST);
	assert_int_equal(irr(&scene, 0x51), 0);
	stop(&scene);
}

/* ---- entries ----------------------------------------------------------------------------------------------- */

/* GuestMode needs GAEn and GAMEn = 1; otherwise it is a reserved bit. */
static void guest_mode_is_switched_on(void **state)
{
	static const uint64_t rows[] = { C_GA_EN, C_GA_EN | UINT64_C(2) << 25, C_GAM_EN };
	struct guest_scene scene;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		start(&scene, NULL, 0);
		am_control(&scene.irq.amd, rows[i], ~rows[i] & (C_GA_EN | UINT64_C(7) << 25));
		set_entry(&scene, 0, 0, 0x51);
		is_expect_denied(&scene.irq, REQUEST, 0, BAD, REQUEST);
		assert_int_equal(irr(&scene, 0x51), 0);
		stop(&scene);
	}
}

/* Other entries of the same table are sent as ever. */
static void other_entries_are_remapped_in_guest_mode_too(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, 0);
	is_set_entry128(&scene.irq, 0, E_REMAP | E_DEST(3), 0x51);
	is_expect_sent(&scene.irq, REQUEST, 0, 0xfee03000, 0x4051);
	stop(&scene);
}

static void sweep(struct guest_scene *scene, const uint64_t reserved[2])
{
	for (unsigned bit = 2; bit < 128; bit++) {
		const uint64_t low = bit < 64 ? BIT(bit) : 0, high = bit < 64 ? 0 : BIT(bit - 64);

		if (bit == 7 || (bit >= 76 && bit < 116)) /* GuestMode, the page */
			continue;
		is_set_entry128(&scene->irq, bit, E_REMAP | E_GUEST | low, scene->apic | high);
		if (((low & reserved[0]) | (high & reserved[1])) != 0)
			is_expect_denied(&scene->irq, REQUEST, bit, BAD, REQUEST);
		else
			assert_true(is_send(&scene->irq, REQUEST, bit).out.posted);
		while (iommusim_interrupt_pending(scene->irq.amd.machine) > 0)
			(void)am_only_message(&scene->irq.amd);
	}
}

static void reserved_bits_of_guest_entries_fault(void **state)
{
	/* 5:3, 31:16; 75:72, 127:116 */
	static const uint64_t xapic[2] = { UINT64_C(0xffff0038), UINT64_C(0xfff0000000000f00) };
	/* 5:3; 75:72, 119:116 */
	static const uint64_t x2apic[2] = { UINT64_C(0x38), UINT64_C(0x00f0000000000f00) };
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, 0);
	sweep(&scene, xapic);
	stop(&scene);
	start(&scene, NULL, C_XT_EN);
	sweep(&scene, x2apic);
	stop(&scene);
}

static void an_entry_that_is_not_enabled_faults(void **state)
{
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, 0);
	is_set_entry128(&scene.irq, 0, E_GUEST, scene.apic | 0x51);
	is_expect_denied(&scene.irq, REQUEST, 0, EV_CODE(2) | EV_I | EV_DOMAIN | AMD_RID, REQUEST);
	is_set_entry128(&scene.irq, 0, E_GUEST | E_SUP_IOPF, scene.apic | 0x51);
	is_expect_silent(&scene.irq, REQUEST, 0, EV_CODE(2) | EV_I | EV_DOMAIN | AMD_RID);
	stop(&scene);
}

/* Undetermined by the sources: as an entry that cannot be read (docs/amdvi-model.md). */
static void a_page_that_cannot_be_written_is_a_hardware_error(void **state)
{
	const uint64_t rom = UINT64_C(0x100000000), nowhere = UINT64_C(0x200000000);
	struct guest_scene scene;

	(void)state;
	start(&scene, NULL, 0);
	assert_int_equal(
	    iommusim_memory_add(scene.irq.amd.machine, rom, 0x1000, IOMMUSIM_MEMORY_ROM), IOMMUSIM_OK);
	is_set_entry128(&scene.irq, 0, E_REMAP | E_GUEST, rom | 0x51);
	is_set_entry128(&scene.irq, 1, E_REMAP | E_GUEST, nowhere | 0xff);
	is_expect_denied(
	    &scene.irq, REQUEST, 0, EV_CODE(4) | EV_I | EV_TYPE(2) | EV_DOMAIN | AMD_RID, rom + 0x220);
	is_expect_denied(&scene.irq, REQUEST, 1, EV_CODE(4) | EV_I | EV_TYPE(2) | EV_DOMAIN | AMD_RID,
	    nowhere + 0x270);
	stop(&scene);
}

/* ---- two devices at once ----------------------------------------------------------------------------------- */

#define ROUNDS 2000u

struct sender {
	struct iommusim_requester *device;
	unsigned physical; /* notifications it got */
};

static void *send_many(void *context)
{
	struct sender *sender = context;

	for (unsigned vector = 0; vector < ROUNDS; vector++) {
		struct iommusim_interrupt out;

		if (iommusim_requester_interrupt(sender->device, REQUEST, vector % 32, &out, NULL) ==
		    IOMMUSIM_OK)
			sender->physical += out.address != 0;
	}
	return NULL;
}

/* No bit gets lost, and at least one of the first interrupts tells software. */
static void interrupts_of_several_threads_are_all_recorded(void **state)
{
	struct guest_scene scene;
	struct sender senders[2];
	pthread_t threads[2];

	(void)state;
	start(&scene, &(struct amd_setup){ .efr_set = F_GAPPI }, C_GAPPI_EN);
	for (unsigned vector = 0; vector < 32; vector++)
		set_entry(&scene, vector, 0, vector * 8);
	for (unsigned i = 0; i < 2; i++) {
		senders[i] = (struct sender){ .device = NULL };
		assert_int_equal(
		    iommusim_requester_create(scene.irq.amd.machine, 0, AMD_RID, &senders[i].device),
		    IOMMUSIM_OK);
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (unsigned vector = 0; vector < 256; vector += 32)
		assert_int_equal(irr(&scene, vector), 0x01010101);
	assert_in_range(senders[0].physical + senders[1].physical, 1, 2);
	stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_vector_has_its_bit),
		cmocka_unit_test(nothing_else_is_touched),
		cmocka_unit_test(a_guest_that_runs_gets_a_doorbell),
		cmocka_unit_test(a_doorbell_may_have_an_x2apic_destination),
		cmocka_unit_test(a_guest_that_does_not_run_is_logged),
		cmocka_unit_test(without_galogintr_nobody_is_told),
		cmocka_unit_test(an_interrupt_is_not_lost_with_its_log_entry),
		cmocka_unit_test(the_first_pending_interrupt_sends_a_physical_one),
		cmocka_unit_test(every_word_of_irr_counts_as_pending),
		cmocka_unit_test(a_running_guest_gets_its_doorbell_with_gappi_too),
		cmocka_unit_test(gappidis_keeps_it_back),
		cmocka_unit_test(guest_mode_is_switched_on),
		cmocka_unit_test(other_entries_are_remapped_in_guest_mode_too),
		cmocka_unit_test(reserved_bits_of_guest_entries_fault),
		cmocka_unit_test(an_entry_that_is_not_enabled_faults),
		cmocka_unit_test(a_page_that_cannot_be_written_is_a_hardware_error),
		cmocka_unit_test(interrupts_of_several_threads_are_all_recorded),
		cmocka_unit_test(a_notification_stays_in_its_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
