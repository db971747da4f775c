/*
 * The GA log (AMD-Vi 2.7): entries of 8 bytes, its length, overflow and restart, the copy of its tail in
 * memory, its messages. Which interrupts make entries: test_guest_interrupts.c.
 */
#include "amdvi_fixture.h"

#include "models/amdvi/log.h"

#define ENTRY UINT64_C(0x1000031055667788)

/* 512 entries: a length of 8. */
static uint64_t start(struct amd_fixture *amd, uint64_t control)
{
	const struct amd_setup setup = { .capability_misc1 = 1 }; /* MsiNumGA */
	uint64_t log;

	am_start_enabled(amd, &setup);
	log = am_page(amd);
	am_set64(amd, A_GALOG_BASE, log | UINT64_C(8) << 56);
	am_set64(amd, A_GALOG_TAIL_ADDR, amd->completion);
	am_control(amd, C_GA_EN | C_GAM_EN | C_GA_LOG_EN | control, 0);
	assert_int_equal(am_status(amd) & S_GA_RUN, S_GA_RUN);
	return log;
}

static enum amdvi_logged append(struct amd_fixture *amd, uint64_t entry)
{
	enum amdvi_logged logged;

	pthread_mutex_lock(&amd->unit->lock);
	logged = amdvi_log_append(amdvi_of(amd->unit), AMDVI_LOG_GA, &entry);
	pthread_mutex_unlock(&amd->unit->lock);
	return logged;
}

static void entries_have_8_bytes(void **state)
{
	struct amd_fixture amd;
	uint64_t log;

	(void)state;
	log = start(&amd, 0);
	am_store(&amd, log + 16, 0x5555);
	assert_int_equal(append(&amd, ENTRY), AMDVI_LOGGED);
	assert_int_equal(append(&amd, ENTRY + 1), AMDVI_LOGGED);
	assert_int_equal(am_load(&amd, log), ENTRY);
	assert_int_equal(am_load(&amd, log + 8), ENTRY + 1);
	assert_int_equal(am_load(&amd, log + 16), 0x5555);
	assert_int_equal(am_get64(&amd, A_GALOG_TAIL), 0x10);
	assert_int_equal(am_load(&amd, amd.completion), 0x10); /* the tail, where E8h says */
	assert_int_equal(
	    am_status(&amd) & (S_GA_INT | S_GA_RUN | S_EVENT_INT | S_PPR_INT), S_GA_INT | S_GA_RUN);
	am_stop(&amd);
}

static void a_full_log_overflows_and_stops(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, C_GA_INT_EN);
	am_enable_msi(&amd, 1);
	for (unsigned i = 0; i < 511; i++)
		assert_int_equal(append(&amd, ENTRY), AMDVI_LOGGED);
	assert_int_equal(am_only_message(&amd).data, AMD_MSI_DATA | 1);
	assert_int_equal(append(&amd, ENTRY), AMDVI_LOG_OVERFLOW);
	assert_int_equal(am_only_message(&amd).data, AMD_MSI_DATA | 1);
	assert_int_equal(
	    am_status(&amd) & (S_GA_RUN | S_GA_OVERFLOW | S_GA_INT), S_GA_OVERFLOW | S_GA_INT);
	assert_int_equal(am_get64(&amd, A_GALOG_TAIL), 0xff8);
	am_set64(&amd, A_GALOG_HEAD, 0xff8);
	assert_int_equal(append(&amd, ENTRY), AMDVI_LOG_OVERFLOW); /* lost to the same */
	am_control(&amd, 0, C_GA_LOG_EN);
	am_set32(&amd, A_STATUS, S_GA_OVERFLOW);
	assert_int_equal(append(&amd, ENTRY), AMDVI_LOG_OFF);
	am_control(&amd, C_GA_LOG_EN, 0);
	assert_int_equal(append(&amd, ENTRY), AMDVI_LOGGED);
	assert_int_equal(am_get64(&amd, A_GALOG_TAIL), 0);
	assert_int_equal(am_load(&amd, amd.completion), 0);
	am_stop(&amd);
}

/* The XT register of the GA log is at 180h. */
static void the_message_may_be_of_an_xt_register(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, C_GA_INT_EN | C_INT_CAP_XT_EN);
	am_set64(&amd, A_XT_GA, UINT64_C(0x0000006600000300));
	append(&amd, ENTRY);
	assert_int_equal(am_only_message(&amd).data, 0x66);
	append(&amd, ENTRY);
	am_no_message(&amd);
	am_stop(&amd);
}

/* An address of 0 in E8h is none. */
static void without_an_address_no_tail_is_stored(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, 0);
	am_control(&amd, 0, C_GA_LOG_EN);
	am_set64(&amd, A_GALOG_TAIL_ADDR, 0);
	am_control(&amd, C_GA_LOG_EN, 0);
	am_store(&amd, 0, 0x5a5a);
	assert_int_equal(append(&amd, ENTRY), AMDVI_LOGGED);
	assert_int_equal(am_load(&amd, 0), 0x5a5a);
	assert_int_equal(am_load(&amd, amd.completion), 0);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_have_8_bytes),
		cmocka_unit_test(a_full_log_overflows_and_stops),
		cmocka_unit_test(the_message_may_be_of_an_xt_register),
		cmocka_unit_test(without_an_address_no_tail_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
