/*
 * The cache of interrupt entries (AMD-Vi 2.2.5, 2.4.5): which entries it keeps, for whom, until when, and
 * under which policy; what of an entry for a guest is never kept.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "interrupt_scene.h"

#define ENTRIES   64u
#define OTHER_RID 0x0428u

/* 32-bit entries: `n` sends vector base + n. */
static void set_vectors(struct interrupt_scene *scene, unsigned base)
{
	for (unsigned n = 0; n < ENTRIES; n++)
		is_set_entry32(scene, n, E_REMAP | E_VECTOR(base + n));
}

/* The vector an index sends, or 100h plus the event's code. */
static unsigned vector_of(struct iommusim_requester *device, unsigned index)
{
	struct iommusim_interrupt out;
	struct iommusim_fault fault;

	assert_int_equal(
	    iommusim_requester_interrupt(device, REQUEST, index, &out, &fault), IOMMUSIM_OK);
	return fault.class_ == IOMMUSIM_FAULT_NONE ? out.data & 0xff : 0x100u + fault.reason;
}

static unsigned vector(struct interrupt_scene *scene, unsigned index)
{
	return vector_of(scene->amd.device, index);
}

static void a_used_entry_is_kept_until_its_device_is_invalidated(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	set_vectors(&scene, 0);
	assert_int_equal(vector(&scene, 7), 7);
	set_vectors(&scene, 0x80);
	assert_int_equal(vector(&scene, 7), 7);
	assert_int_equal(vector(&scene, 6), 0x86); /* was never used */
	am_invalidate_interrupts(&scene.amd, OTHER_RID);
	assert_int_equal(vector(&scene, 7), 7);
	am_invalidate_interrupts(&scene.amd, AMD_RID);
	assert_int_equal(vector(&scene, 7), 0x87);
	is_stop(&scene);
}

/* All of the device's entries at once; INVALIDATE_IOMMU_ALL those of all devices. */
static void the_commands_reach_every_index(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	for (unsigned all = 0; all < 2; all++) {
		is_start(&scene, NULL, 0);
		set_vectors(&scene, 0);
		for (unsigned n = 0; n < ENTRIES; n++)
			assert_int_equal(vector(&scene, n), n);
		set_vectors(&scene, 0x80);
		for (unsigned n = 0; n < ENTRIES; n++)
			assert_int_equal(vector(&scene, n), n);
		if (all)
			am_invalidate_all(&scene.amd);
		else
			am_invalidate_interrupts(&scene.amd, AMD_RID);
		for (unsigned n = 0; n < ENTRIES; n++)
			assert_int_equal(vector(&scene, n), 0x80 + n);
		is_stop(&scene);
	}
}

/* What is about pages leaves it alone. */
static void other_commands_leave_it(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	set_vectors(&scene, 0);
	assert_int_equal(vector(&scene, 7), 7);
	set_vectors(&scene, 0x80);
	am_invalidate_domain(&scene.amd, AMD_DOMAIN);
	am_invalidate_page(&scene.amd, AMD_DOMAIN, 0x7000);
	assert_int_equal(vector(&scene, 7), 7);
	is_stop(&scene);
}

/* Two devices with one table each have their own entries, and each its own invalidation. */
static void entries_belong_to_a_device(void **state)
{
	struct interrupt_scene scene;
	struct iommusim_requester *other;
	uint64_t dte[4];

	(void)state;
	is_start(&scene, NULL, 0);
	assert_int_equal(
	    iommusim_requester_create(scene.amd.machine, 0, OTHER_RID, &other), IOMMUSIM_OK);
	memcpy(dte, scene.dte, sizeof(dte));
	am_set_dte(&scene.amd, OTHER_RID, dte); /* the same table */
	set_vectors(&scene, 0);
	assert_int_equal(vector(&scene, 7), 7);
	set_vectors(&scene, 0x40);
	assert_int_equal(vector_of(other, 7), 0x47); /* not what the first one filled */
	set_vectors(&scene, 0x80);
	am_invalidate_interrupts(&scene.amd, AMD_RID);
	assert_int_equal(vector(&scene, 7), 0x87);
	assert_int_equal(vector_of(other, 7), 0x47);
	am_invalidate_interrupts(&scene.amd, OTHER_RID);
	assert_int_equal(vector_of(other, 7), 0x87);
	is_stop(&scene);
}

/* A cached entry needs its device table entry: what that says counts first. */
static void the_device_table_entry_is_asked_first(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, 0);
	set_vectors(&scene, 0);
	assert_int_equal(vector(&scene, 7), 7);
	is_set_dte(&scene, D2_IV | D2_LENGTH(2) | D2_CTL(CTL_REMAP), 0); /* 4 entries */
	assert_int_equal(vector(&scene, 7), 0x102);
	is_set_dte(&scene, D2_IV | D2_LENGTH(IS_LENGTH) | D2_CTL(CTL_REMAP), 0);
	assert_int_equal(vector(&scene, 7), 7); /* it was there all the time */
	is_stop(&scene);
}

/* Without NpCache what faults is not kept: enabling an entry needs no invalidation. */
static void faults_are_kept_only_by_units_that_say_so(void **state)
{
	/* IotlbSup, NpCache, EFRSup, CapExt; revision 1, type 3, id 0Fh */
	static const struct amd_setup keeps = { .capability_header = 0x1d0b000f };
	struct interrupt_scene scene;

	(void)state;
	for (unsigned keeping = 0; keeping < 2; keeping++) {
		is_start(&scene, keeping ? &keeps : NULL, 0);
		assert_int_equal(vector(&scene, 7), 0x102);
		is_set_entry32(&scene, 8, E_REMAP | E_GUEST);
		assert_int_equal(vector(&scene, 8), 0x102);
		set_vectors(&scene, 0x20);
		assert_int_equal(vector(&scene, 7), keeping ? 0x102 : 0x27);
		assert_int_equal(vector(&scene, 8), keeping ? 0x102 : 0x28);
		am_invalidate_interrupts(&scene.amd, AMD_RID);
		assert_int_equal(vector(&scene, 7), 0x27);
		assert_int_equal(vector(&scene, 8), 0x28);
		is_stop(&scene);
	}
}

/* CONTROL.IRTCacheDis: neither asked nor filled. */
static void the_cache_can_be_switched_off(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, C_IRT_CACHE_DIS);
	set_vectors(&scene, 0);
	assert_int_equal(vector(&scene, 7), 7);
	set_vectors(&scene, 0x40);
	assert_int_equal(vector(&scene, 7), 0x47);
	am_control(&scene.amd, 0, C_IRT_CACHE_DIS);
	set_vectors(&scene, 0x80);
	assert_int_equal(vector(&scene, 7), 0x87); /* nothing was kept meanwhile */
	set_vectors(&scene, 0xa0);
	assert_int_equal(vector(&scene, 7), 0x87);
	am_control(&scene.amd, C_IRT_CACHE_DIS, 0);
	assert_int_equal(vector(&scene, 7), 0xa7);
	is_stop(&scene);
}

/* ---- entries for guests ------------------------------------------------------------------------------------ */

/* What one request tells: the notification's address, or 0. The bit it set is taken back. */
static struct iommusim_interrupt post(struct interrupt_scene *scene, uint64_t page, unsigned expected)
{
	const uint64_t word = page + 0x200 + (expected >> 5) * UINT64_C(0x10);
	const struct sent sent = is_send(scene, REQUEST, 0);

	assert_int_equal(sent.fault.class_, IOMMUSIM_FAULT_NONE);
	assert_int_equal(am_load(&scene->amd, word), UINT64_C(1) << (expected & 31));
	am_store(&scene->amd, word, 0);
	return sent.out;
}

/* Destination, IsRun, GATag, GALogIntr are read anew each time; vector and page are what was cached. */
static void some_fields_are_never_kept(void **state)
{
	struct interrupt_scene scene;
	uint64_t page, other, log;

	(void)state;
	is_start(&scene, NULL, C_GA_EN | C_GAM_EN | C_XT_EN);
	page = am_page(&scene.amd);
	other = am_page(&scene.amd);
	log = am_page(&scene.amd);
	am_set64(&scene.amd, A_GALOG_BASE, log | UINT64_C(8) << 56);
	am_control(&scene.amd, C_GA_LOG_EN, 0);
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST, page | 0x31);
	assert_int_equal(post(&scene, page, 0x31).address, 0);
	/* the guest runs, on processor 9; vector and page changed, and nobody was told */
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST | G_IS_RUN | E_DEST(9), other | 0x42);
	assert_int_equal(post(&scene, page, 0x31).address, 0xfee09000);
	/* on another one */
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST | G_IS_RUN | E_DEST(0x102), UINT64_C(5) << 56);
	assert_int_equal(post(&scene, page, 0x31).address, UINT64_C(0x05000100fee02000));
	/* it stopped */
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST | G_LOG | G_TAG(0x77), 0);
	assert_int_equal(post(&scene, page, 0x31).address, 0);
	assert_int_equal(am_load(&scene.amd, log), UINT64_C(0x1000031000000077));
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST | G_LOG | G_TAG(0x88), 0);
	assert_int_equal(post(&scene, page, 0x31).address, 0);
	assert_int_equal(am_load(&scene.amd, log + 8), UINT64_C(0x1000031000000088));
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST | G_TAG(0x88), 0);
	assert_int_equal(post(&scene, page, 0x31).address, 0);
	assert_int_equal(am_get64(&scene.amd, A_GALOG_TAIL), 16);
	/* and RemapEn is one of the others */
	is_set_entry128(&scene, 0, 0, 0);
	assert_int_equal(post(&scene, page, 0x31).address, 0);
	am_invalidate_interrupts(&scene.amd, AMD_RID);
	assert_int_equal(is_send(&scene, REQUEST, 0).fault.reason, 2);
	is_stop(&scene);
}

/* With GAPPI the bit that keeps it back goes with IsRun. */
static void gappidis_is_not_kept(void **state)
{
	struct interrupt_scene scene;
	uint64_t page;

	(void)state;
	is_start(&scene, &(struct amd_setup){ .efr_set = F_GAPPI, .efr2 = F2_GAPPIDIS },
	    C_GA_EN | C_GAM_EN | BIT(55));
	page = am_page(&scene.amd);
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST | G_GAPPI_DIS | E_DEST(2), page | 0x31);
	assert_int_equal(post(&scene, page, 0x31).address, 0);
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST | E_DEST(2) | G_TAG(0x90), page | 0x31);
	assert_int_equal(post(&scene, page, 0x31).address, 0xfee02000);
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST | G_GAPPI_DIS | E_DEST(2), page | 0x31);
	assert_int_equal(post(&scene, page, 0x31).address, 0);
	is_stop(&scene);
}

/* The destination of an entry that is none for a guest is kept like the rest. */
static void destinations_of_other_entries_are_kept(void **state)
{
	struct interrupt_scene scene;

	(void)state;
	is_start(&scene, NULL, C_GA_EN | C_GAM_EN);
	is_set_entry128(&scene, 0, E_REMAP | E_DEST(1), 0x31);
	is_expect_sent(&scene, REQUEST, 0, 0xfee01000, 0x4031);
	is_set_entry128(&scene, 0, E_REMAP | E_DEST(2), 0x32);
	is_expect_sent(&scene, REQUEST, 0, 0xfee01000, 0x4031);
	am_invalidate_interrupts(&scene.amd, AMD_RID);
	is_expect_sent(&scene, REQUEST, 0, 0xfee02000, 0x4032);
	is_stop(&scene);
}

static void fields_that_are_read_anew_may_be_gone(void **state)
{
	const uint64_t high = UINT64_C(0x100000000);
	struct interrupt_scene scene;
	uint64_t page;

	(void)state;
	is_start(&scene, NULL, C_GA_EN | C_GAM_EN);
	page = am_page(&scene.amd);
	is_set_entry128(&scene, 0, E_REMAP | E_GUEST, page | 0x31);
	assert_int_equal(post(&scene, page, 0x31).address, 0);
	scene.table = high; /* another table, that is not there: the entry is cached by its index */
	is_set_dte(&scene, D2_IV | D2_LENGTH(4) | D2_CTL(CTL_REMAP), 0);
	is_expect_denied(
	    &scene, REQUEST, 0, EV_CODE(4) | EV_I | EV_TYPE(2) | EV_DOMAIN | AMD_RID, high);
	is_stop(&scene);
}

/* ---- policies ---------------------------------------------------------------------------------------------- */

/* A driver that invalidates sees the same under each; one that does not may see either entry. */
static void every_policy_obeys_invalidations(void **state)
{
	static const uint8_t policies[] = { IOMMUSIM_CACHE_NONE, IOMMUSIM_CACHE_HOARD,
		IOMMUSIM_CACHE_SIZED, IOMMUSIM_CACHE_ADVERSE };
	struct interrupt_scene scene;
	unsigned stale = 0, fresh = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		is_start(&scene, &(struct amd_setup){ .seed = 5, .settings.cache = policies[i] }, 0);
		for (unsigned round = 0; round < 8; round++) {
			set_vectors(&scene, round * 2);
			am_invalidate_interrupts(&scene.amd, AMD_RID);
			for (unsigned n = 0; n < ENTRIES; n++)
				assert_int_equal(vector(&scene, n), round * 2 + n);
			set_vectors(&scene, round * 2 + 0x80);
			for (unsigned n = 0; n < ENTRIES; n++) {
				const unsigned got = vector(&scene, n);
				const bool old = got == round * 2 + n;

				assert_true(old || got == round * 2 + n + 0x80);
				stale += old && policies[i] == IOMMUSIM_CACHE_ADVERSE;
				fresh += !old && policies[i] == IOMMUSIM_CACHE_ADVERSE;
				if (policies[i] == IOMMUSIM_CACHE_NONE)
					assert_false(old);
				if (policies[i] == IOMMUSIM_CACHE_HOARD)
					assert_true(old);
			}
		}
		is_stop(&scene);
	}
	assert_true(stale > 0 && fresh > 0);
}

/* A contrary cache fetches the entry after the one that was asked for; not beyond the table. */
static void a_contrary_cache_fetches_the_next_entry(void **state)
{
	struct interrupt_scene scene;
	unsigned fetched = 0;

	(void)state;
	is_start(&scene, &(struct amd_setup){ .seed = 3, .settings.cache = IOMMUSIM_CACHE_ADVERSE }, 0);
	for (unsigned round = 0; round < 64; round++) {
		set_vectors(&scene, 0);
		am_invalidate_interrupts(&scene.amd, AMD_RID);
		assert_int_equal(vector(&scene, 20), 20);
		set_vectors(&scene, 0x80);
		fetched += vector(&scene, 21) == 21; /* without having been used */
	}
	assert_in_range(fetched, 1, 63);
	is_stop(&scene);
}

/* Entries of 128 bits are 16 bytes apart; what is no good entry, or behind the last, is not fetched. */
static void a_contrary_cache_fetches_good_entries_of_the_table_alone(void **state)
{
	struct interrupt_scene scene;
	unsigned fetched = 0;

	(void)state;
	is_start(&scene, &(struct amd_setup){ .seed = 3, .settings.cache = IOMMUSIM_CACHE_ADVERSE },
	    C_GA_EN);
	for (unsigned round = 0; round < 64; round++) {
		is_set_dte(&scene, D2_IV | D2_LENGTH(4) | D2_CTL(CTL_REMAP), 0);
		is_set_entry128(&scene, 10, E_REMAP | E_DEST(1), 0x31);
		is_set_entry128(&scene, 11, E_REMAP | E_DEST(1), 0x32);
		is_set_entry128(&scene, 13, 0, 0x33); /* not enabled */
		is_set_entry128(&scene, 15, E_REMAP | E_DEST(1), 0x35);
		is_set_entry128(&scene, 16, E_REMAP | E_DEST(1), 0x36); /* there are 16 */
		am_invalidate_interrupts(&scene.amd, AMD_RID);
		is_set_entry128(&scene, 12, E_REMAP | E_DEST(1), 0x34);
		assert_int_equal(vector(&scene, 10), 0x31);
		assert_int_equal(vector(&scene, 12), 0x34);
		assert_int_equal(vector(&scene, 15), 0x35);
		is_set_entry128(&scene, 11, E_REMAP | E_DEST(1), 0x42);
		is_set_entry128(&scene, 13, E_REMAP | E_DEST(1), 0x43);
		is_set_entry128(&scene, 16, E_REMAP | E_DEST(1), 0x46);
		is_set_dte(&scene, D2_IV | D2_LENGTH(5) | D2_CTL(CTL_REMAP), 0);
		fetched += vector(&scene, 11) == 0x32; /* without having been used */
		assert_int_equal(vector(&scene, 13), 0x43);
		assert_int_equal(vector(&scene, 16), 0x46);
	}
	assert_in_range(fetched, 1, 63);
	is_stop(&scene);
}

/* ---- beside requests ---------------------------------------------------------------------------------------- */

struct sender {
	struct iommusim_requester *device;
	_Atomic bool stop;
	unsigned wrong;
};

static void *send_for_long(void *context)
{
	struct sender *sender = context;

	while (!atomic_load(&sender->stop)) {
		const unsigned got = vector_of(sender->device, 3);

		sender->wrong += got != 0x13 && got != 0x33 && got != 0x102;
	}
	return NULL;
}

/* As drivers change an entry: off, invalidate, the new one. What is sent after that is the new one. */
static void an_invalidation_holds_beside_requests(void **state)
{
	struct interrupt_scene scene;
	struct sender sender = { .device = NULL };
	uint32_t *entry;
	pthread_t thread;

	(void)state;
	is_start(&scene, NULL, 0);
	is_set_dte(&scene, D2_IV | D2_IG | D2_LENGTH(4) | D2_CTL(CTL_REMAP), 0);
	assert_int_equal(
	    iommusim_requester_create(scene.amd.machine, 0, AMD_RID, &sender.device), IOMMUSIM_OK);
	entry = iommusim_memory_host(scene.amd.machine, scene.table + 12, 4);
	*entry = E_REMAP | E_VECTOR(0x13);
	assert_int_equal(pthread_create(&thread, NULL, send_for_long, &sender), 0);
	for (unsigned round = 0; round < 300; round++) {
		const unsigned wanted = round % 2 == 0 ? 0x33 : 0x13;

		__atomic_store_n(entry, 0, __ATOMIC_RELEASE);
		am_invalidate_interrupts(&scene.amd, AMD_RID);
		__atomic_store_n(entry, (uint32_t)(E_REMAP | E_VECTOR(wanted)), __ATOMIC_RELEASE);
		assert_int_equal(vector(&scene, 3), wanted);
	}
	atomic_store(&sender.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(sender.wrong, 0);
	is_stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_used_entry_is_kept_until_its_device_is_invalidated),
		cmocka_unit_test(the_commands_reach_every_index),
		cmocka_unit_test(other_commands_leave_it),
		cmocka_unit_test(entries_belong_to_a_device),
		cmocka_unit_test(the_device_table_entry_is_asked_first),
		cmocka_unit_test(faults_are_kept_only_by_units_that_say_so),
		cmocka_unit_test(the_cache_can_be_switched_off),
		cmocka_unit_test(some_fields_are_never_kept),
		cmocka_unit_test(gappidis_is_not_kept),
		cmocka_unit_test(destinations_of_other_entries_are_kept),
		cmocka_unit_test(fields_that_are_read_anew_may_be_gone),
		cmocka_unit_test(every_policy_obeys_invalidations),
		cmocka_unit_test(a_contrary_cache_fetches_the_next_entry),
		cmocka_unit_test(a_contrary_cache_fetches_good_entries_of_the_table_alone),
		cmocka_unit_test(an_invalidation_holds_beside_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
