/*
 * The unit's own interrupts (AMD-Vi 2.5, 3.4): one message when a status bit comes up and its enable is on,
 * through the MSI capability or the XT registers, and never remapped.
 */
#include "amdvi_fixture.h"

#include "machine/unit_model.h"

/* COMPLETION_WAIT with I. */
static void complete(struct amd_fixture *amd)
{
	am_submit(amd, UINT64_C(1) << 60 | 2, 0);
}

static void make_event(struct amd_fixture *amd)
{
	am_submit(amd, UINT64_C(0xb) << 60, 0);
	am_control(amd, 0, C_CMD_BUF_EN);
	am_set32(amd, A_CMD_HEAD, 0);
	am_set32(amd, A_CMD_TAIL, 0);
	amd->command_tail = 0;
	am_control(amd, C_CMD_BUF_EN, 0);
}

static void an_event_sends_one_message_until_its_status_is_cleared(void **state)
{
	struct amd_fixture amd;
	struct iommusim_interrupt message;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_enable_msi(&amd, 0);
	am_control(&amd, C_EVENT_INT_EN, 0);
	make_event(&amd);
	message = am_only_message(&amd);
	assert_int_equal(message.address, AMD_MSI_ADDRESS);
	assert_int_equal(message.data, AMD_MSI_DATA);
	assert_true(message.from_unit);
	assert_false(message.posted);
	assert_int_equal(message.segment, 0);
	assert_int_equal(message.source, 0);
	make_event(&amd);
	am_no_message(&amd);
	am_set32(&amd, A_STATUS, S_EVENT_INT);
	am_no_message(&amd);
	make_event(&amd);
	am_only_message(&amd);
	am_stop(&amd);
}

/* EventLogInt comes up anyway; an enable that comes later sends nothing for it. */
static void the_enable_counts_when_the_status_comes_up(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_enable_msi(&amd, 0);
	make_event(&amd);
	assert_int_equal(am_status(&amd) & S_EVENT_INT, S_EVENT_INT);
	am_control(&amd, C_EVENT_INT_EN, 0);
	am_no_message(&amd);
	make_event(&amd);
	am_no_message(&amd);
	am_set32(&amd, A_STATUS, S_EVENT_INT);
	make_event(&amd);
	am_only_message(&amd);
	am_stop(&amd);
}

/* The overflow is a message of its own. */
static void an_overflow_sends_a_message(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_enable_msi(&amd, 0);
	am_control(&amd, C_EVENT_INT_EN, 0);
	for (unsigned i = 0; i < 255; i++)
		make_event(&amd);
	am_only_message(&amd);
	make_event(&amd);
	assert_int_equal(am_status(&amd) & S_EVENT_OVERFLOW, S_EVENT_OVERFLOW);
	am_only_message(&amd);
	am_stop(&amd);
}

static void without_the_capability_enabled_nothing_is_sent(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_control(&amd, C_COMWAIT_INT_EN | C_EVENT_INT_EN, 0);
	complete(&amd);
	make_event(&amd);
	am_no_message(&amd);
	assert_int_equal(am_status(&amd) & (S_COMWAIT_INT | S_EVENT_INT), S_COMWAIT_INT | S_EVENT_INT);
	am_stop(&amd);
}

/* Of 2^n messages the low n bits of the data are the message number; MsiNum is 3 here. */
static void the_message_number_is_in_the_data(void **state)
{
	static const uint32_t data[] = { 0x4040, 0x4041, 0x4043, 0x4043, 0x4043, 0x4043 };
	const struct amd_setup setup = { .capability_misc0 = 0x00203043 };

	(void)state;
	for (unsigned multiple = 0; multiple < 6; multiple++) {
		struct amd_fixture amd;

		am_start_enabled(&amd, &setup);
		am_enable_msi(&amd, multiple);
		am_control(&amd, C_COMWAIT_INT_EN, 0);
		complete(&amd);
		assert_int_equal(am_only_message(&amd).data, data[multiple]);
		am_stop(&amd);
	}
}

/* A general message by the register at 170h: destination 31:8 and 63:56, mode 2, vector 39:32, DM 40. */
static void xt_registers_replace_the_capability(void **state)
{
	struct amd_fixture amd;
	struct iommusim_interrupt message;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_enable_msi(&amd, 0);
	am_set64(&amd, A_XT_GEN, UINT64_C(0x12000155abcdef04));
	am_control(&amd, C_COMWAIT_INT_EN | C_EVENT_INT_EN | C_INT_CAP_XT_EN, 0);
	complete(&amd);
	message = am_only_message(&amd);
	/* Destination 12abcdefh: 7:0 in 19:12, 31:8 in 63:40. */
	assert_int_equal(message.address, UINT64_C(0x12abcd00fee00000) | 0xef << 12 | 4);
	assert_int_equal(message.data, 0x155);
	assert_true(message.from_unit);
	make_event(&amd);
	assert_int_equal(am_only_message(&amd).data, 0x155);
	am_stop(&amd);
}

static void xt_registers_need_no_capability(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_set64(&amd, A_XT_GEN, UINT64_C(0x0000003000000200));
	am_control(&amd, C_COMWAIT_INT_EN | C_INT_CAP_XT_EN, 0);
	complete(&amd);
	assert_int_equal(am_only_message(&amd).address, UINT64_C(0xfee02000));
	am_stop(&amd);
}

/* EventIntEn, and a way for the message: the MSI capability or the XT registers. */
static void a_unit_says_whether_software_hears_of_events(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	assert_true(amd.unit->model->fault_event_masked(amd.unit));
	am_control(&amd, C_EVENT_INT_EN, 0);
	assert_true(amd.unit->model->fault_event_masked(amd.unit));
	am_control(&amd, C_INT_CAP_XT_EN, 0);
	assert_false(amd.unit->model->fault_event_masked(amd.unit));
	am_control(&amd, 0, C_EVENT_INT_EN);
	assert_true(amd.unit->model->fault_event_masked(amd.unit));
	am_control(&amd, C_EVENT_INT_EN, C_INT_CAP_XT_EN);
	assert_true(amd.unit->model->fault_event_masked(amd.unit));
	am_enable_msi(&amd, 0);
	assert_false(amd.unit->model->fault_event_masked(amd.unit));
	am_control(&amd, 0, C_EVENT_INT_EN);
	assert_true(amd.unit->model->fault_event_masked(amd.unit));
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_sends_one_message_until_its_status_is_cleared),
		cmocka_unit_test(the_enable_counts_when_the_status_comes_up),
		cmocka_unit_test(an_overflow_sends_a_message),
		cmocka_unit_test(without_the_capability_enabled_nothing_is_sent),
		cmocka_unit_test(the_message_number_is_in_the_data),
		cmocka_unit_test(xt_registers_replace_the_capability),
		cmocka_unit_test(xt_registers_need_no_capability),
		cmocka_unit_test(a_unit_says_whether_software_hears_of_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
