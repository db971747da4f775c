/*
 * PCI functions as places: order, bridges and what lies behind them, requester ids upstream; and their
 * command register, resets and behaviours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/dma.h>
#include <iommusim/interrupt.h>
#include <iommusim/memory.h>
#include <iommusim/pci.h>

static struct iommusim_machine *make(void)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	return machine;
}

static enum iommusim_status add_endpoint(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid)
{
	const struct iommusim_pci_function function = { .segment = segment, .rid = rid };

	return iommusim_pci_add(machine, &function);
}

static enum iommusim_status add_bridge(struct iommusim_machine *machine, uint16_t rid,
    enum iommusim_pci_type type, uint8_t secondary, uint8_t subordinate)
{
	const struct iommusim_pci_function function = {
		.rid = rid, .type = type, .secondary_bus = secondary, .subordinate_bus = subordinate
	};

	return iommusim_pci_add(machine, &function);
}

static void a_requester_id_is_bus_device_and_function(void **state)
{
	(void)state;
	assert_int_equal(IOMMUSIM_RID(0, 0, 0), 0);
	assert_int_equal(IOMMUSIM_RID(0xff, 0x1f, 7), 0xffff);
	assert_int_equal(IOMMUSIM_RID(3, 2, 1), 0x0311);
	assert_int_equal(IOMMUSIM_RID_BUS(0x0311), 3);
	assert_int_equal(IOMMUSIM_RID_DEVICE(0x0311), 2);
	assert_int_equal(IOMMUSIM_RID_FUNCTION(0x0311), 1);
	assert_int_equal(IOMMUSIM_RID_DEVICE(0xffff), 0x1f);
	assert_int_equal(IOMMUSIM_RID_FUNCTION(0xffff), 7);
}

static void functions_are_listed_by_segment_and_requester_id(void **state)
{
	static const struct {
		uint16_t segment, rid;
	} added[] = { { 1, 0x0000 }, { 0, 0xff00 }, { 0, 0x0010 }, { 2, 0x0001 }, { 0, 0x00f8 } },
	  listed[] = { { 0, 0x0010 }, { 0, 0x00f8 }, { 0, 0xff00 }, { 1, 0x0000 }, { 2, 0x0001 } };
	struct iommusim_machine *machine = make();

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(add_endpoint(machine, added[i].segment, added[i].rid), IOMMUSIM_OK);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(iommusim_pci_at(machine, i)->segment, listed[i].segment);
		assert_int_equal(iommusim_pci_at(machine, i)->rid, listed[i].rid);
	}
	assert_null(iommusim_pci_at(machine, 5));
	iommusim_machine_destroy(machine);
}

static void a_function_is_copied_and_found_by_its_place(void **state)
{
	struct iommusim_pci_function function = {
		.segment = 1, .rid = 0x0123, .device_class = IOMMUSIM_CLASS_NVME, .name = "nvme0"
	};
	struct iommusim_machine *machine = make();
	const struct iommusim_pci_function *found;

	(void)state;
	assert_int_equal(iommusim_pci_add(machine, &function), IOMMUSIM_OK);
	memset(&function, 0xff, sizeof(function));
	found = iommusim_pci_find(machine, 1, 0x0123);
	assert_non_null(found);
	assert_string_equal(found->name, "nvme0");
	assert_int_equal(found->device_class, IOMMUSIM_CLASS_NVME);
	assert_null(iommusim_pci_find(machine, 0, 0x0123));
	assert_null(iommusim_pci_find(machine, 1, 0x0122));
	iommusim_machine_destroy(machine);
}

static void a_name_without_an_end_is_cut(void **state)
{
	struct iommusim_pci_function function = { .rid = 8 };
	struct iommusim_machine *machine = make();

	(void)state;
	memset(function.name, 'x', sizeof(function.name));
	assert_int_equal(iommusim_pci_add(machine, &function), IOMMUSIM_OK);
	assert_int_equal(strlen(iommusim_pci_find(machine, 0, 8)->name), 31);
	iommusim_machine_destroy(machine);
}

static void a_place_holds_one_function(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(add_endpoint(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(add_endpoint(machine, 0, 0x10), IOMMUSIM_EEXIST);
	assert_int_equal(add_endpoint(machine, 1, 0x10), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_remove(machine, 0, 0x11), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_pci_remove(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_remove(machine, 0, 0x10), IOMMUSIM_ENOENT);
	assert_non_null(iommusim_pci_find(machine, 1, 0x10));
	assert_int_equal(add_endpoint(machine, 0, 0x10), IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
}

static void a_bridge_needs_buses_beyond_its_own(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(add_bridge(machine, 0x0500, IOMMUSIM_PCI_BRIDGE, 7, 6), IOMMUSIM_EINVAL);
	assert_int_equal(add_bridge(machine, 0x0500, IOMMUSIM_PCI_BRIDGE, 5, 9), IOMMUSIM_EINVAL);
	assert_int_equal(add_bridge(machine, 0x0500, IOMMUSIM_PCI_BRIDGE, 4, 9), IOMMUSIM_EINVAL);
	assert_int_equal(
	    add_bridge(machine, 0x0500, IOMMUSIM_PCI_LEGACY_BRIDGE, 0, 0), IOMMUSIM_EINVAL);
	assert_null(iommusim_pci_at(machine, 0));
	assert_int_equal(add_bridge(machine, 0x0500, IOMMUSIM_PCI_BRIDGE, 6, 6), IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
}

/* By bus numbers: the bridge itself, and buses secondary to subordinate, whether or not anything is there. */
static void what_lies_behind_a_bridge_is_told_by_bus_numbers(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(add_bridge(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 2, 5), IOMMUSIM_OK);
	assert_int_equal(add_endpoint(machine, 0, 0x0010), IOMMUSIM_OK);
	assert_true(iommusim_pci_is_behind(machine, 0, 0x00e0, 0x00e0));
	assert_false(iommusim_pci_is_behind(machine, 0, 0x00e8, 0x00e0));
	assert_false(iommusim_pci_is_behind(machine, 0, 0x01ff, 0x00e0));
	assert_true(iommusim_pci_is_behind(machine, 0, 0x0200, 0x00e0));
	assert_true(iommusim_pci_is_behind(machine, 0, 0x05ff, 0x00e0));
	assert_false(iommusim_pci_is_behind(machine, 0, 0x0600, 0x00e0));
	assert_false(iommusim_pci_is_behind(machine, 0, 0x0300, 0x0010)); /* no bridge */
	assert_true(iommusim_pci_is_behind(machine, 0, 0x0010, 0x0010));
	assert_false(iommusim_pci_is_behind(machine, 0, 0x0300, 0x0099)); /* nothing there */
	assert_false(iommusim_pci_is_behind(machine, 1, 0x0300, 0x00e0)); /* another segment */
	iommusim_machine_destroy(machine);
}

/* Behind a PCI Express to PCI bridge everything carries secondary:0.0 (VT-d 3.12.1). */
static void a_legacy_bridge_hides_who_asks_behind_it(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(add_bridge(machine, 0x00e0, IOMMUSIM_PCI_LEGACY_BRIDGE, 4, 6), IOMMUSIM_OK);
	assert_int_equal(add_bridge(machine, 0x00e8, IOMMUSIM_PCI_BRIDGE, 8, 9), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x0410), 0x0400);
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x06ff), 0x0400);
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x00e0), 0x00e0); /* the bridge */
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x0010), 0x0010);
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x0810), 0x0810);
	assert_int_equal(iommusim_pci_requester_id(machine, 1, 0x0410), 0x0410);
	assert_int_equal(iommusim_pci_remove(machine, 0, 0x00e0), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x0410), 0x0410);
	iommusim_machine_destroy(machine);
}

/* Bridges behind bridges: the one nearest to the root speaks last. */
static void the_legacy_bridge_nearest_to_the_root_gives_the_id(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(add_bridge(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 1, 9), IOMMUSIM_OK);
	assert_int_equal(add_bridge(machine, 0x0108, IOMMUSIM_PCI_LEGACY_BRIDGE, 2, 9), IOMMUSIM_OK);
	assert_int_equal(add_bridge(machine, 0x0210, IOMMUSIM_PCI_LEGACY_BRIDGE, 5, 7), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x0618), 0x0200);
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x0210), 0x0200);
	assert_int_equal(iommusim_pci_requester_id(machine, 0, 0x0100), 0x0100);
	iommusim_machine_destroy(machine);
}

/* ---- the command register, and resets ------------------------------------------------------------------ */

static void the_command_register_is_on_at_boot(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(iommusim_pci_command(machine, 0, 0x10), 0xffff); /* nobody there */
	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x10, 4), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_pci_reset(machine, 0, 0x10), IOMMUSIM_ENOENT);
	assert_int_equal(add_endpoint(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_command(machine, 0, 0x10), 0x0006);
	assert_true(iommusim_pci_is_bus_master(machine, 0, 0x10));
	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x10, 0x0002), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_command(machine, 0, 0x10), 0x0002);
	assert_false(iommusim_pci_is_bus_master(machine, 0, 0x10));
	assert_true(iommusim_pci_is_bus_master(machine, 0, 0x18));
	assert_true(iommusim_pci_is_bus_master(machine, 1, 0x10));
	iommusim_machine_destroy(machine);
}

/* A bridge that is no bus master passes nothing up. */
static void a_bridge_answers_for_what_lies_behind_it(void **state)
{
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(add_bridge(machine, 0x00e0, IOMMUSIM_PCI_BRIDGE, 2, 5), IOMMUSIM_OK);
	assert_int_equal(add_endpoint(machine, 0, 0x0300), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x00e0, 0), IOMMUSIM_OK);
	assert_false(iommusim_pci_is_bus_master(machine, 0, 0x0300));
	assert_false(iommusim_pci_is_bus_master(machine, 0, 0x0510));
	assert_true(iommusim_pci_is_bus_master(machine, 0, 0x0600));
	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x00e0, 4), IOMMUSIM_OK);
	assert_true(iommusim_pci_is_bus_master(machine, 0, 0x0300));
	iommusim_machine_destroy(machine);
}

struct told {
	unsigned commands, resets, goings;
	uint16_t command;
};

static void command_written(void *context, uint16_t command)
{
	struct told *told = context;

	told->commands++;
	told->command = command;
}

static void was_reset(void *context)
{
	struct told *told = context;

	told->resets++;
}

static void is_gone(void *context)
{
	struct told *told = context;

	told->goings++;
}

static enum iommusim_status behave(struct iommusim_machine *machine, uint16_t rid, struct told *told)
{
	const struct iommusim_pci_behaviour behaviour = {
		.context = told, .command = command_written, .reset = was_reset, .gone = is_gone
	};

	return iommusim_pci_set_behaviour(machine, 0, rid, &behaviour);
}

static void a_behaviour_is_told_of_commands_resets_and_the_end(void **state)
{
	const struct iommusim_pci_function without = { .rid = 0x18, .no_reset = true };
	struct told told = { .commands = 0 }, other = { .commands = 0 };
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(behave(machine, 0x10, &told), IOMMUSIM_ENOENT);
	assert_int_equal(add_endpoint(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_add(machine, &without), IOMMUSIM_OK);
	assert_int_equal(behave(machine, 0x10, &told), IOMMUSIM_OK);
	assert_int_equal(behave(machine, 0x10, &other), IOMMUSIM_EEXIST);
	assert_int_equal(behave(machine, 0x18, &other), IOMMUSIM_OK);
	assert_ptr_equal(iommusim_pci_behaviour_context(machine, 0, 0x10, was_reset), &told);
	assert_null(iommusim_pci_behaviour_context(machine, 0, 0x10, is_gone));
	assert_null(iommusim_pci_behaviour_context(machine, 0, 0x20, was_reset));

	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x10, 0x0404), IOMMUSIM_OK);
	assert_int_equal(told.commands, 1);
	assert_int_equal(told.command, 0x0404);
	assert_int_equal(iommusim_pci_reset(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(told.resets, 1);
	assert_int_equal(iommusim_pci_command(machine, 0, 0x10), 0);

	assert_int_equal(iommusim_pci_reset(machine, 0, 0x18), IOMMUSIM_EOPNOTSUPP);
	assert_int_equal(iommusim_pci_command(machine, 0, 0x18), 0x0006);
	assert_int_equal(other.resets, 0);

	assert_int_equal(iommusim_pci_remove(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(told.goings, 1);
	iommusim_machine_destroy(machine);
	assert_int_equal(told.goings, 1);
	assert_int_equal(other.goings, 1);
}

static void a_behaviour_that_was_taken_away_hears_nothing(void **state)
{
	struct told told = { .commands = 0 };
	struct iommusim_machine *machine = make();

	(void)state;
	assert_int_equal(add_endpoint(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(behave(machine, 0x10, &told), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_set_behaviour(machine, 0, 0x10, NULL), IOMMUSIM_OK);
	assert_null(iommusim_pci_behaviour_context(machine, 0, 0x10, was_reset));
	assert_int_equal(iommusim_pci_reset(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_remove(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(told.resets + told.commands + told.goings, 0);
	iommusim_machine_destroy(machine);
}

/* ---- what a function that is no bus master sends ------------------------------------------------------- */

static struct iommusim_dma_outcome write_word(struct iommusim_requester *requester)
{
	uint32_t data = 0x12345678;
	const struct iommusim_dma_request request = {
		.address = 0x1ffe, .length = 4, .kind = IOMMUSIM_DMA_WRITE, .data = &data
	};
	struct iommusim_dma_outcome outcome;

	assert_int_equal(iommusim_dma(requester, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome;
}

static void nothing_is_sent_without_bus_mastering(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_requester *requester;
	struct iommusim_dma_outcome outcome;
	struct iommusim_fault fault;
	uint32_t word = 1;

	(void)state;
	assert_int_equal(iommusim_memory_add(machine, 0, 0x10000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(add_endpoint(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(machine, 0, 0x10, &requester), IOMMUSIM_OK);
	assert_int_equal(write_word(requester).bytes_moved, 4);
	assert_int_equal(iommusim_memory_write(machine, 0x1ffe, "\0\0\0\0", 4), IOMMUSIM_OK);

	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x10, 0x0002), IOMMUSIM_OK);
	outcome = write_word(requester);
	assert_int_equal(outcome.bytes_moved, 0);
	assert_int_equal(outcome.page_count, 2);
	assert_int_equal(outcome.pages_faulted, 2);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_NOT_ISSUED);
	assert_int_equal(outcome.page.fault.class_, IOMMUSIM_FAULT_NOT_ISSUED);
	assert_false(outcome.page.fault.recorded);
	assert_int_equal(iommusim_memory_read(machine, 0x1ffe, &word, 4), IOMMUSIM_OK);
	assert_int_equal(word, 0);
	assert_int_equal(
	    iommusim_requester_interrupt(requester, 0xfee00000, 0x41, NULL, &fault), IOMMUSIM_OK);
	assert_int_equal(fault.class_, IOMMUSIM_FAULT_NOT_ISSUED);
	assert_int_equal(iommusim_interrupt_pending(machine), 0);

	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x10, 0x0006), IOMMUSIM_OK);
	assert_int_equal(write_word(requester).bytes_moved, 4);
	iommusim_machine_destroy(machine);
}

/* Whoever uses another's id is still stopped by its own command register, and by no other. */
static void its_own_function_decides_whatever_id_it_uses(void **state)
{
	struct iommusim_machine *machine = make();
	struct iommusim_requester *requester;

	(void)state;
	assert_int_equal(iommusim_memory_add(machine, 0, 0x10000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(add_endpoint(machine, 0, 0x10), IOMMUSIM_OK);
	assert_int_equal(add_endpoint(machine, 0, 0x18), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(machine, 0, 0x18, &requester), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_function(requester), 0x18);
	iommusim_requester_set_function(requester, 0x10);
	assert_int_equal(iommusim_requester_function(requester), 0x10);
	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x18, 0), IOMMUSIM_OK);
	assert_int_equal(write_word(requester).bytes_moved, 4);
	assert_int_equal(iommusim_pci_set_command(machine, 0, 0x10, 0), IOMMUSIM_OK);
	assert_int_equal(write_word(requester).bytes_moved, 0);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_requester_id_is_bus_device_and_function),
		cmocka_unit_test(functions_are_listed_by_segment_and_requester_id),
		cmocka_unit_test(a_function_is_copied_and_found_by_its_place),
		cmocka_unit_test(a_name_without_an_end_is_cut),
		cmocka_unit_test(a_place_holds_one_function),
		cmocka_unit_test(a_bridge_needs_buses_beyond_its_own),
		cmocka_unit_test(what_lies_behind_a_bridge_is_told_by_bus_numbers),
		cmocka_unit_test(a_legacy_bridge_hides_who_asks_behind_it),
		cmocka_unit_test(the_legacy_bridge_nearest_to_the_root_gives_the_id),
		cmocka_unit_test(the_command_register_is_on_at_boot),
		cmocka_unit_test(a_bridge_answers_for_what_lies_behind_it),
		cmocka_unit_test(a_behaviour_is_told_of_commands_resets_and_the_end),
		cmocka_unit_test(a_behaviour_that_was_taken_away_hears_nothing),
		cmocka_unit_test(nothing_is_sent_without_bus_mastering),
		cmocka_unit_test(its_own_function_decides_whatever_id_it_uses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
