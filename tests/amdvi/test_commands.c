/*
 * The commands one by one (AMD-Vi 2.4.1 to 2.4.10): their reserved bits, the features they need, and what
 * each does to software, to devices and to page requests. What invalidations take out of the caches:
 * test_invalidation.c; the buffer that commands are in: test_command_buffer.c.
 */
#include <iommusim/ats.h>

#include "amdvi_fixture.h"

#define OPCODE(n) ((uint64_t)(n) << 60)
#define GN        BIT(2) /* 66 */
#define ADDRESS   UINT64_C(0xfffffffffffff000)
#define EVERYTHING                                                                                     \
	(AMD_DEFAULT_EFR | F_VIOMMU) /* AMD_DEFAULT_EFR has all the other features of commands */

/* The bits of both quadwords that a command gives a meaning, its opcode left out. */
static const struct meanings {
	uint64_t low, high;
} meanings[16] = {
	[1] = { .low = UINT64_C(0x000fffffffffffff), .high = UINT64_MAX },
	[2] = { .low = 0xffff },
	[3] = { .low = UINT64_C(0x0000ffff000fffff), .high = ADDRESS | 7 },
	[4] = { .low = UINT64_C(0x0fffffffffffffff), .high = ADDRESS | 0x35 },
	[5] = { .low = 0xffff },
	[6] = { .low = UINT64_C(0x000fffffff00ffff), .high = ADDRESS | 0x15 },
	/* Tag 8:0 and status 15:12 of 111:96. */
	[7] = { .low = UINT64_C(0x000fffff0000ffff), .high = UINT64_C(0x0000f1ff00000004) },
	[8] = { .low = 0 },
	[9] = { .low = UINT64_C(0x0000ffff00000000) },
	[10] = { .low = 0x9000ffff },
};

static void start(struct amd_fixture *amd, uint64_t set, uint64_t clear)
{
	const struct amd_setup setup = { .efr_set = set, .efr_clear = clear };

	am_start_enabled(amd, &setup);
}

/* Submit one command. Whether it was carried out; if not, the buffer begins anew. */
static bool is_good(struct amd_fixture *amd, uint64_t low, uint64_t high)
{
	uint64_t event[2];
	const uint32_t at = amd->command_tail;

	am_submit(amd, low, high);
	if ((am_status(amd) & S_CMD_RUN) != 0) {
		assert_int_equal(am_get64(amd, A_CMD_HEAD), amd->command_tail);
		assert_int_equal(am_events(amd), 0);
		return true;
	}
	am_only_event(amd, event);
	assert_int_equal(event[0], OPCODE(5));
	assert_int_equal(event[1], amd->commands + at);
	am_control(amd, 0, C_CMD_BUF_EN);
	am_set32(amd, A_CMD_HEAD, 0);
	am_set32(amd, A_CMD_TAIL, 0);
	amd->command_tail = 0;
	am_control(amd, C_CMD_BUF_EN, 0);
	return false;
}

static void each_bit_of_each_command_is_taken_or_illegal(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, EVERYTHING, 0);
	for (unsigned opcode = 1; opcode <= 10; opcode++) {
		assert_true(is_good(&amd, OPCODE(opcode), 0));
		for (unsigned bit = 0; bit < 60; bit++)
			assert_int_equal(is_good(&amd, OPCODE(opcode) | BIT(bit), 0),
			    meanings[opcode].low >> bit & 1);
		for (unsigned bit = 0; bit < 64; bit++)
			assert_int_equal(
			    is_good(&amd, OPCODE(opcode), BIT(bit)), meanings[opcode].high >> bit & 1);
		if (opcode != 1) /* which would store */
			assert_true(is_good(
			    &amd, OPCODE(opcode) | meanings[opcode].low, meanings[opcode].high));
	}
	am_stop(&amd);
}

static void opcodes_without_a_meaning_are_illegal(void **state)
{
	static const unsigned unknown[] = { 0, 11, 12, 13, 14, 15 };
	struct amd_fixture amd;

	(void)state;
	start(&amd, EVERYTHING, 0);
	for (unsigned i = 0; i < 6; i++)
		assert_false(is_good(&amd, OPCODE(unknown[i]), 0));
	am_stop(&amd);
}

static void opcodes_of_features_need_them(void **state)
{
	static const struct {
		unsigned opcode;
		uint64_t feature;
	} needs[] = { { 6, F_PREF }, { 7, F_PPR }, { 8, F_IA }, { 9, F_VIOMMU }, { 10, F_VIOMMU } };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct amd_fixture amd;

		start(&amd, EVERYTHING & ~needs[i].feature, needs[i].feature);
		for (unsigned opcode = 1; opcode <= 10; opcode++) {
			const bool lacks =
			    opcode == needs[i].opcode || (needs[i].feature == F_VIOMMU && opcode >= 9);

			assert_int_equal(is_good(&amd, OPCODE(opcode), 0), !lacks);
		}
		am_stop(&amd);
	}
}

/* IotlbSup is in the capability header, bit 24. */
static void invalidations_of_devices_need_the_capability(void **state)
{
	const struct amd_setup setup = { .capability_header = 0x180b000f };
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	assert_false(is_good(&amd, OPCODE(4) | AMD_RID, 0));
	assert_true(is_good(&amd, OPCODE(2) | AMD_RID, 0));
	am_stop(&amd);
}

static void fields_of_features_need_them(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0, F_GT);
	for (unsigned opcode = 3; opcode <= 7; opcode++)
		if (opcode != 5) {
			assert_false(is_good(&amd, OPCODE(opcode), GN));
			assert_true(is_good(&amd, OPCODE(opcode), 0));
		}
	am_stop(&amd);
	start(&amd, 0, F_INVTYPE);
	assert_false(is_good(&amd, OPCODE(4), 0x10));
	assert_false(is_good(&amd, OPCODE(4), 0x20));
	assert_true(is_good(&amd, OPCODE(4), 0));
	am_stop(&amd);
}

/* ComWaitInt comes up whatever ComWaitIntEn says; the message goes by it. */
static void a_completion_wait_with_i_sets_its_status(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_enable_msi(&amd, 0);
	am_submit(&amd, OPCODE(1) | 2, 0);
	assert_int_equal(am_status(&amd), S_CMD_RUN | S_EVENT_RUN | S_COMWAIT_INT);
	am_no_message(&amd);
	am_set32(&amd, A_STATUS, S_COMWAIT_INT);
	assert_int_equal(am_status(&amd), S_CMD_RUN | S_EVENT_RUN);
	am_control(&amd, C_COMWAIT_INT_EN, 0);
	am_submit(&amd, OPCODE(1) | 2, 0);
	am_only_message(&amd);
	am_submit(&amd, OPCODE(1) | 2, 0); /* the status is still up */
	am_no_message(&amd);
	am_set32(&amd, A_STATUS, S_COMWAIT_INT);
	am_submit(&amd, OPCODE(1) | 1 | amd.completion, 0); /* no I */
	am_no_message(&amd);
	assert_int_equal(am_status(&amd), S_CMD_RUN | S_EVENT_RUN);
	am_submit(&amd, OPCODE(1) | 2, 0);
	am_only_message(&amd);
	am_stop(&amd);
}

/* S=0: nothing is stored, whatever address and data say. F changes nothing that could be seen here. */
static void a_completion_wait_without_s_stores_nothing(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_store(&amd, amd.completion, 0x77);
	am_submit(&amd, OPCODE(1) | amd.completion | 4, 0x99);
	assert_int_equal(am_load(&amd, amd.completion), 0x77);
	am_submit(&amd, OPCODE(1) | amd.completion | 5, 0x99);
	assert_int_equal(am_load(&amd, amd.completion), 0x99);
	am_stop(&amd);
}

static uint64_t invalidations(struct iommusim_requester *device)
{
	struct iommusim_ats_counters counters;

	iommusim_ats_counters(device, &counters);
	return counters.invalidations;
}

static void the_device_that_is_named_is_told(void **state)
{
	struct amd_fixture amd;
	struct iommusim_requester *other;

	(void)state;
	am_start_enabled(&amd, NULL);
	assert_int_equal(iommusim_requester_create(amd.machine, 0, AMD_RID + 1, &other), IOMMUSIM_OK);
	am_submit(&amd, OPCODE(4) | AMD_RID, 0);
	assert_int_equal(invalidations(amd.device), 1);
	assert_int_equal(invalidations(other), 0);
	/* Whatever else stands there: PASID, maxpend, queue. */
	am_submit(&amd, OPCODE(4) | UINT64_C(0x0fffffffffff0000) | (AMD_RID + 1), 4);
	assert_int_equal(invalidations(amd.device), 1);
	assert_int_equal(invalidations(other), 1);
	am_stop(&amd);
}

/* Devices hear of their own invalidations alone, and of responses: what else names them is the unit's. */
static void other_commands_reach_no_device(void **state)
{
	static const uint64_t opcodes[] = { 1, 2, 3, 5, 6, 8 };
	struct iommusim_page_response response;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	for (unsigned i = 0; i < sizeof(opcodes) / sizeof(*opcodes); i++) {
		const bool names = opcodes[i] != 1 && opcodes[i] != 8;

		assert_true(is_good(&amd, OPCODE(opcodes[i]) | (names ? AMD_RID : 0), 0));
		assert_int_equal(invalidations(amd.device), 0);
		assert_false(iommusim_requester_take_response(amd.device, &response));
	}
	am_submit(&amd, OPCODE(4) | AMD_RID, 0);
	assert_false(iommusim_requester_take_response(amd.device, &response));
	am_submit(&amd, OPCODE(7) | AMD_RID, 0);
	assert_int_equal(invalidations(amd.device), 1);
	am_stop(&amd);
}

/* ---- what a device drops ------------------------------------------------------------------------------- */

/* Translations come back to the device (DTE.I, bit 96), and stay there. */
static void start_with_device_tlb(struct amd_fixture *amd)
{
	const struct iommusim_ats_settings settings = { .entries = 64 };
	uint64_t dte[4];

	am_start_enabled(amd, NULL);
	am_plain_dte(amd, dte);
	dte[1] |= BIT(32);
	am_set_dte(amd, AMD_RID, dte);
	assert_int_equal(iommusim_ats_enable(amd->device, &settings), IOMMUSIM_OK);
}

static void fetch(struct amd_fixture *amd, uint64_t address, uint64_t length, uint32_t pasid)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = length, .has_pasid = pasid != 0, .pasid = pasid
	};
	struct iommusim_ats_outcome outcome;

	assert_int_equal(iommusim_ats_dma(amd->device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.faults + outcome.refused, 0);
}

/* Which of the 8 pages from 10000h on the device still has; 256 besides: one of a PASID. */
static unsigned pages_kept(struct amd_fixture *amd)
{
	struct iommusim_ats_entry entry;
	unsigned kept = 0;

	for (size_t cursor = 0; iommusim_ats_next(amd->device, &cursor, &entry);)
		kept |= entry.has_pasid ? 0x100u : 1u << ((entry.address - 0x10000) >> 12);
	return kept;
}

/* S: the lowest 0 from bit 12 on ends what is not compared. */
static void a_device_drops_the_pages_that_are_named(void **state)
{
	static const struct {
		uint64_t address;
		unsigned dropped;
	} cases[] = {
		{ 0x10000, 0x01 },
		{ 0x13000, 0x08 },
		{ 0x12001, 0x0c },
		{ 0x14001, 0x30 },
		{ 0x15001, 0xf0 },
		{ 0x11001, 0x0f },
		{ 0x20000, 0 },
		{ 0xf000, 0 },
		{ UINT64_C(0x7ffffffffffff001), 0xff },
	};
	struct amd_fixture amd;

	(void)state;
	start_with_device_tlb(&amd);
	for (unsigned page = 0; page < 8; page++)
		am_map(&amd, 0x10000 + page * UINT64_C(0x1000), 0x80000 + page * UINT64_C(0x3000), 3);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fetch(&amd, 0x10000, 0x8000, 0);
		assert_int_equal(pages_kept(&amd), 0xff);
		am_submit(&amd, OPCODE(4) | AMD_RID, cases[i].address);
		assert_int_equal(pages_kept(&amd), 0xff & ~cases[i].dropped);
	}
	am_stop(&amd);
}

#define PASIDS 6u
static const uint32_t pasids[PASIDS] = { 0x12345, 0x12344, 0x12245, 0x11345, 0x02345, 0x1a345 };

/* Guest tables of one page of 1 GiB, for all PASIDs; GLX 2: three levels of GCR3 tables. */
static void give_pasids(struct amd_fixture *amd)
{
	const uint64_t root = am_page(amd), top = am_page(amd), gcr3 = am_page(amd);
	const uint64_t middle = am_page(amd), low = am_page(amd);
	uint64_t dte[4];

	am_control(amd, C_GT_EN, 0);
	am_store(amd, root, top | 7);
	am_store(amd, top, 0x87);
	am_store(amd, gcr3, middle | 1);
	for (unsigned i = 0; i < PASIDS; i++) {
		am_store(amd, middle + (pasids[i] >> 9) * UINT64_C(8), low | 1);
		am_store(amd, low + (pasids[i] & 0x1ff) * UINT64_C(8), root | 1);
	}
	am_plain_dte(amd, dte);
	dte[0] = 3 | BIT(55) | BIT(61) | BIT(62) | UINT64_C(2) << 56 | (gcr3 >> 12 & 7) << 58;
	dte[1] |= BIT(32) | (gcr3 >> 15 & 0xffff) << 16;
	am_set_dte(amd, AMD_RID, dte);
	am_invalidate_device(amd, AMD_RID);
}

static unsigned pasids_kept(struct amd_fixture *amd)
{
	struct iommusim_ats_entry entry;
	unsigned kept = 0;

	for (size_t cursor = 0; iommusim_ats_next(amd->device, &cursor, &entry);)
		for (unsigned i = 0; i < PASIDS; i++)
			kept |= entry.has_pasid && entry.pasid == pasids[i] ? 1u << i : 0;
	return kept;
}

/* GN: PASID 7:0 in 55:48, 15:8 in 23:16, 19:16 in 59:56. Without GN it is nobody's, and none of theirs goes. */
static void a_device_drops_the_pages_of_the_pasid_that_is_named(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_with_device_tlb(&amd);
	give_pasids(&amd);
	for (unsigned i = 0; i < PASIDS; i++)
		fetch(&amd, 0x10000, 8, pasids[i]);
	assert_int_equal(pasids_kept(&amd), 0x3f);
	am_submit(&amd, OPCODE(4) | UINT64_C(0x0145000000230000) | AMD_RID, 0x10000);
	assert_int_equal(pasids_kept(&amd), 0x3f);
	am_submit(&amd, OPCODE(4) | UINT64_C(0x0145000000230000) | AMD_RID, 0x10000 | GN);
	assert_int_equal(pasids_kept(&amd), 0x3e);
	am_submit(&amd, OPCODE(4) | UINT64_C(0x0145000000a30000) | AMD_RID, 0x10000 | GN);
	assert_int_equal(pasids_kept(&amd), 0x1e);
	am_submit(&amd, OPCODE(4) | UINT64_C(0x0045000000230000) | AMD_RID, 0x10000 | GN);
	assert_int_equal(pasids_kept(&amd), 0x0e);
	am_stop(&amd);
}

/* IOTLB_INV_TIMEOUT: code 7, the device, the address of the command; the buffer goes on. */
static void a_device_that_is_silent_times_out(void **state)
{
	struct amd_fixture amd;
	uint64_t event[2];

	(void)state;
	am_start_enabled(&amd, NULL);
	am_control(&amd, C_INV_TIMEOUT_1, 0);
	iommusim_requester_answers(amd.device, false);
	am_submit(&amd, OPCODE(4) | AMD_RID, 0);
	am_only_event(&amd, event);
	assert_int_equal(event[0], OPCODE(7) | AMD_RID);
	assert_int_equal(event[1], amd.commands);
	assert_int_equal(am_status(&amd) & S_CMD_RUN, S_CMD_RUN);
	am_wait(&amd);
	iommusim_requester_answers(amd.device, true);
	am_submit(&amd, OPCODE(4) | AMD_RID, 0);
	assert_int_equal(am_events(&amd), 0);
	am_stop(&amd);
}

/* InvTimeOut 0: no limit, so that a wait behind it never ends. Software can only begin anew. */
static void without_a_limit_a_silent_device_is_waited_for(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	iommusim_requester_answers(amd.device, false);
	am_submit(&amd, OPCODE(4) | AMD_RID, 0);
	am_submit(&amd, OPCODE(2) | AMD_RID, 0); /* no wait: it is fetched */
	am_submit(&amd, OPCODE(1) | 1 | amd.completion, 5);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x20);
	assert_int_equal(am_load(&amd, amd.completion), 0);
	assert_int_equal(am_status(&amd), S_CMD_RUN | S_EVENT_RUN);
	assert_int_equal(am_events(&amd), 0);
	am_control(&amd, C_EVENT_INT_EN | C_CMD_BUF_EN, 0); /* it is on already */
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x20);
	am_control(&amd, 0, C_CMD_BUF_EN);
	am_control(&amd, C_CMD_BUF_EN, 0);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x30);
	assert_int_equal(am_load(&amd, amd.completion), 5);
	am_stop(&amd);
}

/* A reset forgets the device that is waited for. */
static void after_a_reset_nobody_is_waited_for(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	iommusim_requester_answers(amd.device, false);
	am_submit(&amd, OPCODE(4) | AMD_RID, 0);
	am_submit(&amd, OPCODE(1) | 1 | amd.completion, 5);
	assert_int_equal(am_load(&amd, amd.completion), 0);
	iommusim_unit_reset(amd.unit, false);
	am_set64(&amd, A_CMD_BASE, amd.commands | UINT64_C(8) << 56);
	amd.command_tail = 0;
	am_control(&amd, C_COHERENT | C_CMD_BUF_EN, 0);
	am_control(&amd, C_IOMMU_EN, 0);
	am_submit(&amd, OPCODE(1) | 1 | amd.completion, 6);
	assert_int_equal(am_load(&amd, amd.completion), 6);
	am_stop(&amd);
}

/* COMPLETE_PPR_REQUEST: tag 104:96, status 111:108, PASID 51:32 with GN. */
static void a_page_request_is_completed_at_the_device(void **state)
{
	struct amd_fixture amd;
	struct iommusim_page_response response;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_submit(&amd, OPCODE(7) | UINT64_C(0xabcde) << 32 | AMD_RID, UINT64_C(0x11ff) << 32 | GN);
	assert_true(iommusim_requester_take_response(amd.device, &response));
	assert_true(response.has_pasid);
	assert_int_equal(response.pasid, 0xabcde);
	assert_int_equal(response.group, 0x1ff);
	assert_int_equal(response.code, IOMMUSIM_PAGE_INVALID_REQUEST);
	assert_false(response.automatic);
	am_submit(&amd, OPCODE(7) | UINT64_C(0xabcde) << 32 | AMD_RID, UINT64_C(0xf012) << 32);
	assert_true(iommusim_requester_take_response(amd.device, &response));
	assert_false(response.has_pasid);
	assert_int_equal(response.pasid, 0);
	assert_int_equal(response.group, 0x12);
	assert_int_equal(response.code, IOMMUSIM_PAGE_RESPONSE_FAILURE);
	am_submit(&amd, OPCODE(7) | (AMD_RID + 1), 0); /* nobody's */
	assert_false(iommusim_requester_take_response(amd.device, &response));
	am_stop(&amd);
}

/* The negative control: nothing is invalidated, but commands end as ever. */
static void dropped_invalidations_reach_no_device(void **state)
{
	const struct amd_setup setup = { .settings.drop_invalidations = true };
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	am_control(&amd, C_INV_TIMEOUT_1, 0);
	iommusim_requester_answers(amd.device, false);
	am_submit(&amd, OPCODE(4) | AMD_RID, 0);
	am_wait(&amd);
	assert_int_equal(invalidations(amd.device), 0);
	assert_int_equal(am_events(&amd), 0);
	am_stop(&amd);
}

/* Counters 11h commands, 12h invalidations among them: AMD-Vi 2.8; source at 8 of each counter. */
static void commands_are_counted(void **state)
{
	const struct amd_setup setup = { .efr_set = F_PC, .counters = 2, .counter_banks = 1 };
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	am_set64(&amd, 0x40008, 0x11);
	am_set64(&amd, 0x40108, 0x12);
	am_submit(&amd, OPCODE(2) | AMD_RID, 0);
	am_submit(&amd, OPCODE(3), 0);
	am_submit(&amd, OPCODE(5) | AMD_RID, 0);
	am_wait(&amd);
	am_submit(&amd, OPCODE(8), 0);
	am_submit(&amd, OPCODE(7), 0);
	am_submit(&amd, OPCODE(4) | AMD_RID, 0);
	assert_int_equal(am_get64(&amd, 0x40000), 7);
	assert_int_equal(am_get64(&amd, 0x40100), 5);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_each_command_is_taken_or_illegal),
		cmocka_unit_test(opcodes_without_a_meaning_are_illegal),
		cmocka_unit_test(opcodes_of_features_need_them),
		cmocka_unit_test(invalidations_of_devices_need_the_capability),
		cmocka_unit_test(fields_of_features_need_them),
		cmocka_unit_test(a_completion_wait_with_i_sets_its_status),
		cmocka_unit_test(a_completion_wait_without_s_stores_nothing),
		cmocka_unit_test(the_device_that_is_named_is_told),
		cmocka_unit_test(other_commands_reach_no_device),
		cmocka_unit_test(a_device_drops_the_pages_that_are_named),
		cmocka_unit_test(a_device_drops_the_pages_of_the_pasid_that_is_named),
		cmocka_unit_test(a_device_that_is_silent_times_out),
		cmocka_unit_test(without_a_limit_a_silent_device_is_waited_for),
		cmocka_unit_test(after_a_reset_nobody_is_waited_for),
		cmocka_unit_test(a_page_request_is_completed_at_the_device),
		cmocka_unit_test(dropped_invalidations_reach_no_device),
		cmocka_unit_test(commands_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
