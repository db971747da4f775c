/*
 * The command buffer (AMD-Vi 2.4): when it runs, how far, and what stops it. What the single commands do:
 * test_commands.c.
 */
#include "amdvi_fixture.h"

#define STORE_AT(amd) ((amd)->completion + 0x40)

static void a_completion_wait_stores_its_data(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	assert_int_equal(am_status(&amd), S_CMD_RUN | S_EVENT_RUN);
	am_submit(&amd, UINT64_C(1) << 60 | STORE_AT(&amd) | 1, UINT64_C(0xfedcba9876543210));
	assert_int_equal(am_load(&amd, STORE_AT(&amd)), UINT64_C(0xfedcba9876543210));
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
	am_stop(&amd);
}

static void an_unknown_opcode_stops_on_the_command(void **state)
{
	struct amd_fixture amd;
	uint64_t event[2];

	(void)state;
	am_start_enabled(&amd, NULL);
	am_wait(&amd);
	am_submit(&amd, UINT64_C(0xb) << 60, 0);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
	am_only_event(&amd, event);
	assert_int_equal(event[0], UINT64_C(5) << 60);
	assert_int_equal(event[1], amd.commands + 0x10);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_completion_wait_stores_its_data),
		cmocka_unit_test(an_unknown_opcode_stops_on_the_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
