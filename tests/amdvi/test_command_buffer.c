/*
 * The command buffer (AMD-Vi 2.4): when it runs, how far, and what stops it. What the single commands do:
 * test_commands.c.
 */
#include "amdvi_fixture.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

/* COMPLETION_WAIT with a store: opcode 1h, S. */
#define STORE(address) (UINT64_C(1) << 60 | (address) | 1)
#define BAD            (UINT64_C(0xb) << 60)

/* Put a command at a place in the buffer, without telling anyone. */
static void place(struct amd_fixture *amd, unsigned offset, uint64_t low, uint64_t high)
{
	am_store(amd, amd->commands + offset, low);
	am_store(amd, amd->commands + offset + 8, high);
}

static void assert_halted(struct amd_fixture *amd, unsigned offset, unsigned code)
{
	uint64_t event[2];

	assert_int_equal(am_status(amd) & S_CMD_RUN, 0);
	assert_int_equal(am_get64(amd, A_CMD_HEAD), offset);
	am_only_event(amd, event);
	assert_int_equal(event[0] >> 60, code);
}

static void a_completion_wait_stores_its_data(void **state)
{
	struct amd_fixture amd;
	uint64_t at;

	(void)state;
	am_start_enabled(&amd, NULL);
	at = amd.completion + 0x40;
	am_store(&amd, at - 8, 0x1111);
	am_store(&amd, at + 8, 0x2222);
	assert_int_equal(am_status(&amd), S_CMD_RUN | S_EVENT_RUN);
	am_submit(&amd, STORE(at), UINT64_C(0xfedcba9876543210));
	assert_int_equal(am_load(&amd, at), UINT64_C(0xfedcba9876543210));
	assert_int_equal(am_load(&amd, at - 8), 0x1111);
	assert_int_equal(am_load(&amd, at + 8), 0x2222);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
	assert_int_equal(am_status(&amd), S_CMD_RUN | S_EVENT_RUN);
	am_stop(&amd);
}

/* CmdBufRun needs both IommuEn and CmdBufEn, in whichever order they come. */
static void it_runs_while_the_unit_and_the_buffer_are_on(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	am_submit(&amd, STORE(amd.completion), 1);
	assert_int_equal(am_status(&amd), 0);
	am_control(&amd, C_CMD_BUF_EN, 0);
	assert_int_equal(am_status(&amd), 0);
	assert_int_equal(am_load(&amd, amd.completion), 0);
	am_control(&amd, C_IOMMU_EN, 0);
	assert_int_equal(am_status(&amd), S_CMD_RUN);
	assert_int_equal(am_load(&amd, amd.completion), 1);
	am_control(&amd, 0, C_CMD_BUF_EN);
	assert_int_equal(am_status(&amd), 0);
	am_submit(&amd, STORE(amd.completion), 2);
	assert_int_equal(am_load(&amd, amd.completion), 1);
	am_control(&amd, C_CMD_BUF_EN, 0); /* what waits is carried out now */
	assert_int_equal(am_load(&amd, amd.completion), 2);
	am_control(&amd, 0, C_IOMMU_EN);
	assert_int_equal(am_status(&amd), 0);
	am_submit(&amd, STORE(amd.completion), 3);
	assert_int_equal(am_load(&amd, amd.completion), 2);
	am_stop(&amd);
}

/* The upper half of the tail is reserved, and starts nothing. */
static void the_lower_half_of_the_tail_starts_commands(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	place(&amd, 0, STORE(amd.completion), 7);
	am_set32(&amd, A_CMD_TAIL + 4, 0xffffffff);
	assert_int_equal(am_get64(&amd, A_CMD_TAIL), 0);
	assert_int_equal(am_load(&amd, amd.completion), 0);
	am_set64(&amd, A_CMD_TAIL, 0x10);
	assert_int_equal(am_load(&amd, amd.completion), 7);
	am_stop(&amd);
}

/* 256 entries: the last one is at FF0h, and the next at 0. */
static void it_wraps(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	for (unsigned i = 0; i < 600; i++) {
		am_submit(&amd, STORE(amd.completion), i + 1);
		assert_int_equal(am_load(&amd, amd.completion), i + 1);
		assert_int_equal(am_get64(&amd, A_CMD_HEAD), (i + 1) % 256 * 16);
	}
	am_stop(&amd);
}

/* From a head in the middle around to a tail before it: 255 commands, each in its turn. */
static void a_full_buffer_is_carried_out_in_order(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	am_set64(&amd, A_CMD_HEAD, 0x800);
	for (unsigned i = 0; i < 256; i++)
		place(&amd, (0x800 + i * 16) % 0x1000, STORE(amd.completion + i % 4 * UINT64_C(8)),
		    i); /* the last of four stays */
	am_set64(&amd, A_CMD_TAIL, 0x7f0);
	am_control(&amd, C_IOMMU_EN | C_CMD_BUF_EN, 0);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x7f0);
	assert_int_equal(am_load(&amd, amd.completion), 252);
	assert_int_equal(am_load(&amd, amd.completion + 8), 253);
	assert_int_equal(am_load(&amd, amd.completion + 16), 254);
	assert_int_equal(am_load(&amd, amd.completion + 24), 251); /* 255 lies beyond the tail */
	am_stop(&amd);
}

/* One command too many: tail and head are equal again, which is an empty buffer. */
static void an_overrun_buffer_is_empty(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	for (unsigned i = 0; i < 256; i++)
		am_submit(&amd, STORE(amd.completion), 1);
	assert_int_equal(am_get64(&amd, A_CMD_TAIL), 0);
	am_control(&amd, C_IOMMU_EN | C_CMD_BUF_EN, 0);
	assert_int_equal(am_load(&amd, amd.completion), 0);
	am_stop(&amd);
}

/* Lengths 8 to 15: 2^length entries. Smaller ones are reserved; here they are 8. */
static void its_length_is_in_the_base_register(void **state)
{
	static const uint32_t bytes[16] = { 0x1000, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000,
		0x1000, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000 };

	(void)state;
	for (unsigned length = 0; length < 16; length++) {
		struct amd_fixture amd;
		uint64_t ring;

		am_start_enabled(&amd, NULL);
		ring = am_pages(&amd, 128);
		am_control(&amd, 0, C_CMD_BUF_EN);
		am_set64(&amd, A_CMD_BASE, ring | (uint64_t)length << 56);
		am_set64(&amd, A_CMD_HEAD, bytes[length] - 16);
		am_set64(&amd, A_CMD_TAIL, 0x10);
		am_store(&amd, ring + bytes[length] - 16, STORE(amd.completion));
		am_store(&amd, ring + bytes[length] - 8, 5);
		am_store(&amd, ring, STORE(amd.completion + 8));
		am_store(&amd, ring + 8, 6);
		am_control(&amd, C_CMD_BUF_EN, 0);
		assert_int_equal(am_load(&amd, amd.completion), 5);
		assert_int_equal(am_load(&amd, amd.completion + 8), 6);
		assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
		am_stop(&amd);
	}
}

/* ILLEGAL_COMMAND_ERROR: code 5, no flag, the address of the command. */
static void an_illegal_command_stops_with_the_head_on_it(void **state)
{
	struct amd_fixture amd;
	uint64_t event[2];

	(void)state;
	am_start_enabled(&amd, NULL);
	place(&amd, 0x00, STORE(amd.completion), 1);
	place(&amd, 0x10, BAD, 0);
	place(&amd, 0x20, STORE(amd.completion), 2);
	am_set32(&amd, A_CMD_TAIL, 0x30);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
	assert_int_equal(am_get64(&amd, A_CMD_TAIL), 0x30);
	assert_int_equal(am_load(&amd, amd.completion), 1);
	am_only_event(&amd, event);
	assert_int_equal(event[0], UINT64_C(5) << 60);
	assert_int_equal(event[1], amd.commands + 0x10);
	am_set32(&amd, A_CMD_TAIL, 0x20); /* a new tail starts nothing */
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
	assert_int_equal(am_events(&amd), 0);
	am_stop(&amd);
}

/* CmdBufEn off and on; what is there now is what is fetched. */
static void it_starts_again_where_the_head_is(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_submit(&amd, BAD, 0);
	assert_halted(&amd, 0, 5);
	am_control(&amd, C_CMD_BUF_EN, 0); /* it is on already */
	assert_int_equal(am_status(&amd) & S_CMD_RUN, 0);
	am_control(&amd, 0, C_CMD_BUF_EN);
	am_control(&amd, C_CMD_BUF_EN, 0);
	assert_halted(&amd, 0, 5); /* on the same command */
	am_control(&amd, 0, C_CMD_BUF_EN);
	place(&amd, 0, STORE(amd.completion), 9);
	am_control(&amd, C_CMD_BUF_EN, 0);
	assert_int_equal(am_load(&amd, amd.completion), 9);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
	assert_int_equal(am_status(&amd) & S_CMD_RUN, S_CMD_RUN);
	am_stop(&amd);
}

/* As drivers do: off, head and tail 0, on. */
static void it_starts_again_from_the_begin(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_wait(&amd);
	am_submit(&amd, BAD, 0);
	assert_halted(&amd, 0x10, 5);
	am_control(&amd, 0, C_CMD_BUF_EN);
	am_set32(&amd, A_CMD_HEAD, 0);
	am_set32(&amd, A_CMD_TAIL, 0);
	am_control(&amd, C_CMD_BUF_EN, 0);
	assert_int_equal(am_events(&amd), 0);
	amd.command_tail = 0;
	am_wait(&amd);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
	am_stop(&amd);
}

/* COMMAND_HARDWARE_ERROR: code 6, type 3 in 58:57, the address that could not be read. */
static void a_buffer_without_memory_is_a_hardware_error(void **state)
{
	struct amd_fixture amd;
	uint64_t event[2];

	(void)state;
	am_start_enabled(&amd, NULL);
	am_control(&amd, 0, C_CMD_BUF_EN);
	am_set64(&amd, A_CMD_BASE, HOLE | UINT64_C(8) << 56);
	am_set64(&amd, A_CMD_HEAD, 0x30);
	am_set64(&amd, A_CMD_TAIL, 0x40);
	am_control(&amd, C_CMD_BUF_EN, 0);
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x30);
	am_only_event(&amd, event);
	assert_int_equal(event[0], UINT64_C(6) << 60 | UINT64_C(3) << 57);
	assert_int_equal(event[1], HOLE + 0x30);
	am_stop(&amd);
}

static void a_store_without_memory_is_a_hardware_error(void **state)
{
	struct amd_fixture amd;
	uint64_t event[2];

	(void)state;
	am_start_enabled(&amd, NULL);
	am_submit(&amd, STORE(HOLE + 0x128) | 2, 1); /* I too: of that nothing comes */
	assert_int_equal(am_status(&amd), S_EVENT_RUN | S_EVENT_INT);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0);
	am_only_event(&amd, event);
	assert_int_equal(event[0], UINT64_C(6) << 60 | UINT64_C(3) << 57);
	assert_int_equal(event[1], HOLE + 0x128);
	am_stop(&amd);
}

/* The buffer stops on an error whether the event is logged or not. */
static void it_stops_without_an_event_log_too(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_control(&amd, 0, C_EVENT_LOG_EN);
	am_submit(&amd, BAD, 0);
	assert_int_equal(am_status(&amd), 0);
	assert_int_equal(am_events(&amd), 0);
	am_stop(&amd);
}

/* Control.Coherent: without it commands are read from memory, past what processors have not written back. */
static void commands_are_read_coherently_if_control_says_so(void **state)
{
	const struct amd_setup setup = { .device_view = true };

	(void)state;
	for (unsigned coherent = 0; coherent < 2; coherent++) {
		uint64_t raw[2] = { 0, 4 };
		struct amd_fixture amd;

		am_start_enabled(&amd, &setup);
		am_control(&amd, coherent ? C_COHERENT : 0, coherent ? 0 : C_COHERENT);
		place(&amd, 0, BAD, 0); /* flushed */
		raw[0] = STORE(amd.completion);
		assert_int_equal(
		    iommusim_memory_write(amd.machine, amd.commands, raw, sizeof(raw)), IOMMUSIM_OK);
		am_set32(&amd, A_CMD_TAIL, 0x10);
		assert_int_equal(am_status(&amd) & S_CMD_RUN, coherent ? S_CMD_RUN : 0);
		assert_int_equal(am_load(&amd, amd.completion), coherent ? 4 : 0);
		am_stop(&amd);
	}
}

/* With a latency commands end that many ticks after the tail was written; each access is one. */
static void commands_take_the_latency_of_the_unit(void **state)
{
	const struct amd_setup setup = { .settings.latency = 100 };
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	am_submit(&amd, STORE(amd.completion), 1);
	iommusim_step(amd.machine, 98);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0); /* tick 99 */
	assert_int_equal(am_load(&amd, amd.completion), 0);
	iommusim_step(amd.machine, 1);
	assert_int_equal(am_load(&amd, amd.completion), 1);
	assert_int_equal(am_get64(&amd, A_CMD_HEAD), 0x10);
	am_stop(&amd);
}

static void what_is_on_its_way_ends_with_the_buffer(void **state)
{
	const struct amd_setup setup = { .settings.latency = 100 };
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	am_submit(&amd, STORE(amd.completion), 1);
	am_control(&amd, 0, C_CMD_BUF_EN);
	iommusim_step(amd.machine, 1000);
	assert_int_equal(am_load(&amd, amd.completion), 0);
	am_control(&amd, C_CMD_BUF_EN, 0);
	iommusim_step(amd.machine, 100);
	assert_int_equal(am_load(&amd, amd.completion), 1);
	am_submit(&amd, STORE(amd.completion), 2);
	iommusim_unit_reset(amd.unit, false);
	iommusim_step(amd.machine, 1000);
	assert_int_equal(am_load(&amd, amd.completion), 1);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_completion_wait_stores_its_data),
		cmocka_unit_test(it_runs_while_the_unit_and_the_buffer_are_on),
		cmocka_unit_test(the_lower_half_of_the_tail_starts_commands),
		cmocka_unit_test(it_wraps),
		cmocka_unit_test(a_full_buffer_is_carried_out_in_order),
		cmocka_unit_test(an_overrun_buffer_is_empty),
		cmocka_unit_test(its_length_is_in_the_base_register),
		cmocka_unit_test(an_illegal_command_stops_with_the_head_on_it),
		cmocka_unit_test(it_starts_again_where_the_head_is),
		cmocka_unit_test(it_starts_again_from_the_begin),
		cmocka_unit_test(a_buffer_without_memory_is_a_hardware_error),
		cmocka_unit_test(a_store_without_memory_is_a_hardware_error),
		cmocka_unit_test(it_stops_without_an_event_log_too),
		cmocka_unit_test(commands_are_read_coherently_if_control_says_so),
		cmocka_unit_test(commands_take_the_latency_of_the_unit),
		cmocka_unit_test(what_is_on_its_way_ends_with_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
