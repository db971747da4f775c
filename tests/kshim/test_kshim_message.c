/* Base address registers that a test gives a function, and message interrupts, MSI and MSI-X. */
#include "tests/kshim/fixture.h"

#include <iommusim/dma.h>
#include <iommusim/interrupt.h>
#include <iommusim/pci.h>

#include "tests/kshim/kern_message.h"

#define NIC    IOMMUSIM_RID(0, 3, 0)
#define BRIDGE IOMMUSIM_RID(0, 1, 0)

/* Errors of the kernel. */
#define KERNEL_ENXIO  6
#define KERNEL_EBUSY  16
#define KERNEL_ENODEV 19
#define KERNEL_EINVAL 22

/* Offsets in this function's configuration space. */
#define COMMAND      0x04
#define BAR(n)       (0x10u + 4 * (n))
#define INTPIN       0x3d
#define MSI_ID       0xd0
#define MSI_CONTROL  0xd2
#define MSIX_CONTROL 0xe2

static const struct iommusim_kernel_bar wide = {
	.base = 0x4200000000, .size = 0x4000, .wide = true, .prefetchable = true
};
static const struct iommusim_kernel_bar narrow = { .base = 0xe0001000, .size = 0x1000 };
static const struct iommusim_kernel_bar ports = { .base = 0xc020, .size = 0x20, .ports = true };
static const struct iommusim_kernel_msix msix = {
	.count = 3, .table_bar = 0, .table_offset = 0x2000, .pba_bar = 3, .pba_offset = 0x800
};

static struct iommusim_requester *requester;

static int up(void **state)
{
	const struct iommusim_pci_function nic = { .rid = NIC, .device_class = IOMMUSIM_CLASS_NIC };
	const struct iommusim_pci_function bridge = {
		.rid = BRIDGE, .type = IOMMUSIM_PCI_BRIDGE, .secondary_bus = 1, .subordinate_bus = 1
	};

	(void)state;
	fixture_machine_up();
	assert_int_equal(iommusim_pci_add(fixture_machine, &nic), IOMMUSIM_OK);
	assert_int_equal(iommusim_pci_add(fixture_machine, &bridge), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(fixture_machine, 0, NIC, &requester), IOMMUSIM_OK);
	fixture_kernel_up(NULL);
	return 0;
}

static enum iommusim_status set_bar(unsigned index, const struct iommusim_kernel_bar *bar)
{
	return iommusim_kernel_set_bar(fixture_kernel, 0, NIC, index, bar);
}

static void set_bars(void)
{
	assert_int_equal(set_bar(0, &wide), IOMMUSIM_OK);
	assert_int_equal(set_bar(3, &narrow), IOMMUSIM_OK);
	assert_int_equal(set_bar(5, &ports), IOMMUSIM_OK);
}

static uint32_t config(unsigned offset, unsigned width)
{
	uint32_t value;

	assert_int_equal(
	    iommusim_kernel_config_read(fixture_kernel, 0, NIC, offset, width, &value), IOMMUSIM_OK);
	return value;
}

static void set_config(unsigned offset, unsigned width, uint32_t value)
{
	assert_int_equal(
	    iommusim_kernel_config_set(fixture_kernel, 0, NIC, offset, width, value), IOMMUSIM_OK);
}

/* The function sends its message number `index`. False: it has none. */
static bool send(unsigned index)
{
	struct iommusim_kernel_message message;
	struct iommusim_interrupt out;
	struct iommusim_fault fault;

	if (iommusim_kernel_message_at(fixture_kernel, 0, NIC, index, &message) != IOMMUSIM_OK)
		return false;
	assert_int_equal(
	    iommusim_requester_interrupt(requester, message.address, message.data, &out, &fault),
	    IOMMUSIM_OK);
	assert_int_equal(iommusim_kernel_run(fixture_kernel, 1, NULL), IOMMUSIM_OK);
	return true;
}

/* ---- registers ------------------------------------------------------------------------------------------------- */

static void test_a_function_has_the_registers_it_was_given(void **state)
{
	struct kern_bars found = { .count = 9 };

	(void)state;
	fixture_run(kern_look_at_bars, &found);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.sizing[0], 0);
	assert_int_equal(found.length, 0);

	assert_int_equal(set_bar(5, &ports), IOMMUSIM_OK);
	assert_int_equal(set_bar(0, &wide), IOMMUSIM_OK);
	assert_int_equal(set_bar(3, &narrow), IOMMUSIM_OK);
	fixture_run(kern_look_at_bars, &found);
	assert_int_equal(found.count, 3); /* in order, whatever came first */
	assert_int_equal(found.bars[0].reg, 0x10);
	assert_int_equal(found.bars[0].value, 0x420000000c);
	assert_int_equal(found.bars[0].size, 14);
	assert_int_equal(found.bars[1].reg, 0x1c);
	assert_int_equal(found.bars[1].value, 0xe0001000);
	assert_int_equal(found.bars[1].size, 12);
	assert_int_equal(found.bars[2].reg, 0x24);
	assert_int_equal(found.bars[2].value, 0xc021);
	assert_int_equal(found.bars[2].size, 5);
	assert_int_equal(found.sizing[0], 0xffffc00c);
	assert_int_equal(found.sizing[1], 0xffffffff);
	assert_int_equal(found.start, 0x4200000000);
	assert_int_equal(found.length, 0x4000);
	assert_int_equal(found.command, 0x00020000); /* memory is decoded when it is active */
	assert_int_equal(config(BAR(1), 4), 0x42);
}

static void test_registers_that_cannot_be(void **state)
{
	const struct iommusim_kernel_bar odd_size = { .base = 0xe0000000, .size = 0x3000 };
	const struct iommusim_kernel_bar small = { .base = 0xe0000000, .size = 8 };
	const struct iommusim_kernel_bar askew = { .base = 0xe0000800, .size = 0x1000 };
	const struct iommusim_kernel_bar nowhere = { .size = 0x1000 };
	const struct iommusim_kernel_bar high = { .base = 0x100000000, .size = 0x1000 };
	const struct iommusim_kernel_bar high_port = { .base = 0x10000, .size = 4, .ports = true };
	const struct iommusim_kernel_bar wide_port = {
		.base = 0x1000, .size = 4, .ports = true, .wide = true
	};

	(void)state;
	assert_int_equal(set_bar(0, &odd_size), IOMMUSIM_EINVAL);
	assert_int_equal(set_bar(0, &small), IOMMUSIM_EINVAL);
	assert_int_equal(set_bar(0, &askew), IOMMUSIM_EINVAL);
	assert_int_equal(set_bar(0, &nowhere), IOMMUSIM_EINVAL);
	assert_int_equal(set_bar(0, &high), IOMMUSIM_EINVAL);
	assert_int_equal(set_bar(0, &high_port), IOMMUSIM_EINVAL);
	assert_int_equal(set_bar(0, &wide_port), IOMMUSIM_EINVAL);
	assert_int_equal(set_bar(6, &narrow), IOMMUSIM_EINVAL);
	assert_int_equal(set_bar(5, &wide), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_kernel_set_bar(fixture_kernel, 0, 0x77, 0, &narrow), IOMMUSIM_ENOENT);
	assert_int_equal(
	    iommusim_kernel_set_bar(fixture_kernel, 0, BRIDGE, 2, &narrow), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_kernel_set_bar(fixture_kernel, 0, BRIDGE, 1, &narrow), IOMMUSIM_OK);

	assert_int_equal(set_bar(1, &wide), IOMMUSIM_OK);
	assert_int_equal(set_bar(1, &narrow), IOMMUSIM_EEXIST);
	assert_int_equal(set_bar(2, &narrow), IOMMUSIM_EEXIST); /* the upper half */
	assert_int_equal(set_bar(0, &wide), IOMMUSIM_EEXIST);
	assert_int_equal(set_bar(0, &narrow), IOMMUSIM_OK);
}

static void test_a_reset_takes_registers_away_and_the_kernel_puts_them_back(void **state)
{
	bool restore = false;

	(void)state;
	set_bars();
	fixture_run(kern_save_reset, &restore);
	assert_int_equal(config(BAR(0), 4), 0xc);
	assert_int_equal(config(BAR(1), 4), 0);
	assert_int_equal(config(BAR(3), 4), 0);
	assert_int_equal(config(BAR(5), 4), 1);
	restore = true;
	fixture_run(kern_save_reset, &restore);
	assert_int_equal(config(BAR(0), 4), 0xc);
	assert_int_equal(config(BAR(1), 4), 0x42);
	assert_int_equal(config(BAR(3), 4), 0xe0001000);
	assert_int_equal(config(BAR(5), 4), 0xc021);
}

/* ---- MSI ------------------------------------------------------------------------------------------------------- */

static void test_msi_is_on_while_there_is_a_handler(void **state)
{
	struct kern_messages messages = { .count = 4, .handlers = 2 };
	int index = 0;

	(void)state;
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, 0);
	assert_int_equal(messages.count, 4);
	assert_int_equal(config(MSI_CONTROL, 2), 0x00ab); /* on, 4 of 32 messages, 64 bits */
	assert_int_equal(config(COMMAND, 2), 0x0406);     /* the line is off */
	assert_true(send(1));
	assert_int_equal(messages.heard[0], 0);
	assert_int_equal(messages.heard[1], 1);
	assert_false(send(4));

	fixture_run(kern_handler_off, &index);
	assert_true(send(1));
	assert_int_equal(messages.heard[1], 2);
	fixture_run(kern_messages_off, &messages);
	assert_int_equal(messages.error, KERNEL_EBUSY);
	index = 1;
	fixture_run(kern_handler_off, &index);
	assert_int_equal(config(MSI_CONTROL, 2), 0x00aa);
	assert_false(send(1));
	fixture_run(kern_messages_off, &messages);
	assert_int_equal(messages.error, 0);
	assert_int_equal(config(MSI_CONTROL, 2), 0x008a);
	fixture_run(kern_messages_off, &messages);
	assert_int_equal(messages.error, KERNEL_ENODEV);
}

static void test_how_many_messages_there_are(void **state)
{
	struct kern_messages messages = { .count = 0 };

	(void)state;
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, KERNEL_EINVAL);
	messages.count = 3; /* no power of two */
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, KERNEL_EINVAL);
	set_config(MSI_CONTROL, 2, 0x0084); /* this function has 4 */
	messages.count = 8;
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, 0);
	assert_int_equal(messages.count, 4);
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, KERNEL_ENXIO);
}

static void test_a_function_without_msi(void **state)
{
	struct kern_messages messages = { .count = 1 };

	(void)state;
	set_config(MSI_ID, 1, 0x09);
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, KERNEL_ENODEV);
}

static void test_the_line_and_messages_exclude_each_other(void **state)
{
	struct kern_messages messages = { .count = 1 };
	int error = -1;

	(void)state;
	set_config(INTPIN, 1, 1);
	fixture_run(kern_line, &error);
	assert_int_equal(error, 0);
	assert_int_equal(config(COMMAND, 2), 0x0006);
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, KERNEL_ENXIO);
	fixture_run(kern_line, &error);
	assert_int_equal(error, 0);
	assert_int_equal(config(COMMAND, 2), 0x0406);
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, 0);
}

/* ---- MSI-X ----------------------------------------------------------------------------------------------------- */

static void test_each_message_of_msix_has_its_own_mask(void **state)
{
	struct kern_messages messages = { .count = 3, .bars = 9 };
	int index = 2;

	(void)state;
	set_bars();
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &msix), IOMMUSIM_OK);
	assert_int_equal(config(MSIX_CONTROL, 2), 0x0002);
	assert_int_equal(config(0xe4, 4), 0x2000);
	assert_int_equal(config(0xe8, 4), 0x803);
	fixture_run(kern_msix_on, &messages);
	assert_int_equal(messages.error, 0);
	assert_int_equal(messages.count, 3);
	assert_int_equal(config(MSIX_CONTROL, 2), 0x8002);
	assert_false(send(2));
	fixture_run(kern_handler_on, &index);
	assert_true(send(2));
	assert_int_equal(messages.heard[2], 1);
	assert_false(send(0));
	assert_false(send(3));
	set_config(MSIX_CONTROL, 2, 0xc002); /* all are masked */
	assert_false(send(2));
	set_config(MSIX_CONTROL, 2, 0x8002);
	fixture_run(kern_messages_off, &messages);
	assert_int_equal(messages.error, KERNEL_EBUSY);
	fixture_run(kern_handler_off, &index);
	assert_false(send(2));
	fixture_run(kern_messages_off, &messages);
	assert_int_equal(messages.error, 0);
	assert_int_equal(config(MSIX_CONTROL, 2), 0x0002);
}

static void test_the_table_must_be_mapped_first(void **state)
{
	struct kern_messages messages = { .count = 3, .bars = 1 };

	(void)state;
	fixture_run(kern_msix_on, &messages);
	assert_int_equal(messages.error, KERNEL_ENODEV);
	set_bars();
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &msix), IOMMUSIM_OK);
	fixture_run(kern_msix_on, &messages); /* not where the pending bits are */
	assert_int_equal(messages.error, KERNEL_ENXIO);
	fixture_run(kern_messages_off, &messages);
	messages.bars = 9;
	fixture_run(kern_msix_on, &messages);
	assert_int_equal(messages.error, 0);
	fixture_run(kern_msi_on, &messages);
	assert_int_equal(messages.error, KERNEL_ENXIO);
}

static void test_messages_come_back_after_a_reset(void **state)
{
	struct kern_messages messages = { .count = 2, .handlers = 1, .bars = 9 };
	bool restore = false;

	(void)state;
	set_bars();
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &msix), IOMMUSIM_OK);
	fixture_run(kern_msix_on, &messages);
	assert_int_equal(messages.count, 2);
	fixture_run(kern_save_reset, &restore);
	assert_int_equal(config(MSIX_CONTROL, 2), 0x0002);
	assert_false(send(0));
	restore = true;
	fixture_run(kern_save_reset, &restore);
	iommusim_pci_set_command(fixture_machine, 0, NIC, 6);
	assert_true(send(0));
	assert_int_equal(messages.heard[0], 1);
	assert_false(send(1));
}

static void test_msix_that_cannot_be(void **state)
{
	struct iommusim_kernel_msix wrong = msix;

	(void)state;
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, 0x77, &msix), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &msix), IOMMUSIM_EINVAL);
	set_bars();
	wrong.count = 0;
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &wrong), IOMMUSIM_EINVAL);
	wrong.count = 2049;
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &wrong), IOMMUSIM_EINVAL);
	wrong.count = 513; /* 2010h bytes in 2000h */
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &wrong), IOMMUSIM_EINVAL);
	wrong = msix;
	wrong.table_bar = 5; /* ports */
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &wrong), IOMMUSIM_EINVAL);
	wrong.table_bar = 6;
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &wrong), IOMMUSIM_EINVAL);
	wrong = msix;
	wrong.pba_offset = 0x804;
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &wrong), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &msix), IOMMUSIM_OK);
	assert_int_equal(iommusim_kernel_set_msix(fixture_kernel, 0, NIC, &msix), IOMMUSIM_EEXIST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_function_has_the_registers_it_was_given),
		TEST(test_registers_that_cannot_be),
		TEST(test_a_reset_takes_registers_away_and_the_kernel_puts_them_back),
		TEST(test_msi_is_on_while_there_is_a_handler),
		TEST(test_how_many_messages_there_are),
		TEST(test_a_function_without_msi),
		TEST(test_the_line_and_messages_exclude_each_other),
		TEST(test_each_message_of_msix_has_its_own_mask),
		TEST(test_the_table_must_be_mapped_first),
		TEST(test_messages_come_back_after_a_reset),
		TEST(test_msix_that_cannot_be),
	};

	return cmocka_run_group_tests_name("kshim_message", tests, NULL, NULL);
}
