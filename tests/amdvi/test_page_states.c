/*
 * SNP: who asks whose a page is, when, and about what (AMD-Vi 2.2.2.1, 2.5.14). That other pages are out of reach, and
 * what entries must say meanwhile: test_special_requests.c.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "cache_scene.h"

#include <iommusim/unit.h>

/* What was asked last, and how often; page 9000h is nobody's. */
struct asked {
	uint64_t physical;
	unsigned count;
	uint16_t rid;
	bool write;
};

static bool may_reach(void *context, uint64_t physical, uint16_t rid, bool write)
{
	struct asked *asked = context;

	asked->count++;
	asked->physical = physical;
	asked->rid = rid;
	asked->write = write;
	return physical >> 12 != 9;
}

static void start_owned(struct scene *scene, struct asked *asked)
{
	const struct amd_setup setup = { .efr_set = F_SNP, .settings.cache = IOMMUSIM_CACHE_NONE };
	const struct iommusim_amdvi_page_states states = { .context = asked, .allowed = may_reach };

	*asked = (struct asked){ .count = 0 };
	start_guest(scene, &setup, 0, true);
	am_map(&scene->amd, 0x5000, 0xa000, 3);
	am_map(&scene->amd, 0x6000, 0x9000, 3);
	map_guest(scene, 0x5000, 0x6000 | P | RW | US);
	assert_int_equal(iommusim_amdvi_set_page_states(scene->amd.unit, &states), IOMMUSIM_OK);
}

static void each_access_is_asked_about(void **state)
{
	struct asked asked;
	struct scene scene;

	(void)state;
	start_owned(&scene, &asked);
	for (unsigned kind = 0; kind < 3; kind++) {
		assert_false(
		    access_as(scene.other, NO_PASID, (enum iommusim_dma_kind)kind, 0x5018).faulted);
		assert_int_equal(asked.count, kind + 1);
		assert_int_equal(asked.physical, 0xa018);
		assert_int_equal(asked.rid, OTHER_RID);
		assert_int_equal(asked.write, kind != IOMMUSIM_DMA_READ);
	}
	am_stop(&scene.amd);
}

/* Translated requests are; interrupts, translation requests and what is denied anyway are not. */
static void others_are_asked_about_or_not(void **state)
{
	const struct iommusim_dma_request translated = { .address = 0xa000,
		.address_type = IOMMUSIM_DMA_TRANSLATED };
	const struct iommusim_dma_request interrupt = {
		.address = 0xfee00000, .length = 4, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_dma_outcome outcome;
	struct asked asked;
	struct scene scene;

	(void)state;
	start_owned(&scene, &asked);
	assert_false(ask(scene.amd.device, &translated).faulted);
	assert_int_equal(asked.count, 1);
	assert_int_equal(asked.physical, 0xa000);
	assert_int_equal(translate(scene.amd.device, 0x6000, false).granted, 3);
	assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x7000).faulted);
	assert_int_equal(iommusim_dma(scene.amd.device, &interrupt, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_true(outcome.page.interrupt);
	assert_int_equal(asked.count, 1);
	am_stop(&scene.amd);
}

/* Event Dh: the device and the address. No PASID, no flags of others; nobody says what is wrong, so 23:16 are 0. */
static void the_event_has_device_and_address_alone(void **state)
{
	struct iommusim_dma_page page;
	uint64_t event[2];
	struct asked asked;
	struct scene scene;

	(void)state;
	start_owned(&scene, &asked);
	page = access_as(scene.amd.device, 5, IOMMUSIM_DMA_WRITE, 0x5018);
	assert_true(page.faulted);
	assert_int_equal(page.fault.reason, 0xd);
	am_only_event(&scene.amd, event);
	assert_int_equal(event[0], UINT64_C(0xd) << 60 | AMD_RID);
	assert_int_equal(event[1], 0x5018);
	am_stop(&scene.amd);
}

/* A walk asks too, and tells of the event; by host tables alone, and of the page that it comes to. */
static void a_walk_asks_as_well(void **state)
{
	const struct iommusim_dma_request mine = { .address = 0x5000, .length = 8 };
	const struct iommusim_dma_request others = { .address = 0x6000, .length = 8 };
	struct iommusim_walk walk;
	struct asked asked;
	struct scene scene;

	(void)state;
	start_owned(&scene, &asked);
	assert_int_equal(iommusim_walk(scene.amd.device, &mine, &walk), IOMMUSIM_OK);
	assert_false(walk.result.faulted);
	assert_int_equal(asked.physical, 0xa000);
	assert_int_equal(iommusim_walk(scene.amd.device, &others, &walk), IOMMUSIM_OK);
	assert_true(walk.result.faulted);
	assert_string_equal(walk.clause, "AMD-Vi 2.5.14");
	assert_int_equal(walk.result.fault.reason, 0xd);
	assert_int_equal(asked.physical, 0x9000);
	assert_int_equal(am_events(&scene.amd), 0);
	am_stop(&scene.amd);
}

static void nobody_is_asked_once_that_is_taken_back(void **state)
{
	struct asked asked;
	struct scene scene;

	(void)state;
	start_owned(&scene, &asked);
	assert_true(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x6000).faulted);
	assert_int_equal(iommusim_amdvi_set_page_states(scene.amd.unit, NULL), IOMMUSIM_OK);
	assert_int_equal(
	    access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x6000).physical, 0x9000);
	assert_int_equal(asked.count, 1);
	am_stop(&scene.amd);
}

/* ---- requests under way ---------------------------------------------------------------------------------- */

/* One request in the middle, and software that does something meanwhile. */
struct midway {
	struct amd_fixture amd;
	_Atomic bool asked, go_on, done;
	uint64_t offset, value; /* of the register write; offset 0: a reset */
};

static bool keep_waiting(void *context, uint64_t physical, uint16_t rid, bool write)
{
	struct midway *midway = context;

	(void)physical;
	(void)rid;
	(void)write;
	atomic_store(&midway->asked, true);
	while (!atomic_load(&midway->go_on))
		sched_yield();
	return true;
}

static void *read_one(void *context)
{
	struct midway *midway = context;

	am_access(midway->amd.device, IOMMUSIM_DMA_READ, 0x5000, 8);
	return NULL;
}

static void *act(void *context)
{
	struct midway *midway = context;

	if (midway->offset == 0)
		iommusim_unit_reset(midway->amd.unit, false);
	else
		(void)iommusim_mmio_write(
		    midway->amd.machine, AMD_BASE + midway->offset, 8, midway->value);
	atomic_store(&midway->done, true);
	return NULL;
}

static void start_midway(struct midway *midway, uint64_t offset, uint64_t value)
{
	const struct amd_setup setup = { .efr_set = F_SNP | F_PC };
	const struct iommusim_amdvi_page_states states = { .context = midway, .allowed = keep_waiting };

	memset(midway, 0, sizeof(*midway));
	midway->offset = offset;
	midway->value = value;
	am_start_enabled(&midway->amd, &setup);
	am_map(&midway->amd, 0x5000, 0xa000, 3);
	am_store(&midway->amd, midway->amd.commands, UINT64_C(8) << 60);
	assert_int_equal(iommusim_amdvi_set_page_states(midway->amd.unit, &states), IOMMUSIM_OK);
}

/* When it returns, the last request that began before has ended: it may use what was true when it began. */
static void changes_wait_for_requests_under_way(void **state)
{
	static const struct {
		uint64_t offset, value;
	} changes[] = {
		{ 0, 0 },                  /* a reset */
		{ 0x40008, 5 },            /* counter source: requests */
		{ A_CONTROL, C_COHERENT }, /* off */
		{ A_EXCL_BASE, 0x5003 },   /* the page is excluded */
		{ A_CMD_TAIL, 0x10 },      /* INVALIDATE_IOMMU_ALL */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct midway midway;
		pthread_t reader, changer;

		start_midway(&midway, changes[i].offset, changes[i].value);
		assert_int_equal(pthread_create(&reader, NULL, read_one, &midway), 0);
		while (!atomic_load(&midway.asked))
			sched_yield();
		assert_int_equal(pthread_create(&changer, NULL, act, &midway), 0);
		usleep(20000); /* time enough for one that does not wait */
		assert_false(atomic_load(&midway.done));
		atomic_store(&midway.go_on, true);
		assert_int_equal(pthread_join(changer, NULL), 0);
		assert_int_equal(pthread_join(reader, NULL), 0);
		am_stop(&midway.amd);
	}
}

/* A unit without SNP asks nobody, whoever offers. */
static void without_snp_nobody_is_asked(void **state)
{
	struct asked asked = { .count = 0 };
	const struct iommusim_amdvi_page_states states = { .context = &asked, .allowed = may_reach };
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	am_map(&scene.amd, 0x5000, 0x9000, 3);
	assert_int_equal(iommusim_amdvi_set_page_states(scene.amd.unit, &states), IOMMUSIM_OK);
	assert_false(access_as(scene.amd.device, NO_PASID, IOMMUSIM_DMA_READ, 0x5000).faulted);
	assert_int_equal(asked.count, 0);
	am_stop(&scene.amd);
}

static void units_of_others_have_no_page_states(void **state)
{
	const struct iommusim_vtd_config config = { .base = 0xfed90000,
		.version = 0x10,
		.host_address_width = 39,
		.capability = UINT64_C(0x1c0000c40660462),
		.ext_capability = UINT64_C(0x19e2ff0505e) };
	struct iommusim_unit *unit;
	struct scene scene;

	(void)state;
	start(&scene, NULL, 0);
	assert_int_equal(iommusim_vtd_create(scene.amd.machine, &config, &unit), IOMMUSIM_OK);
	assert_int_equal(iommusim_amdvi_set_page_states(unit, NULL), IOMMUSIM_EINVAL);
	am_stop(&scene.amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_access_is_asked_about),
		cmocka_unit_test(others_are_asked_about_or_not),
		cmocka_unit_test(the_event_has_device_and_address_alone),
		cmocka_unit_test(nobody_is_asked_once_that_is_taken_back),
		cmocka_unit_test(without_snp_nobody_is_asked),
		cmocka_unit_test(units_of_others_have_no_page_states),
		cmocka_unit_test(a_walk_asks_as_well),
		cmocka_unit_test(changes_wait_for_requests_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
