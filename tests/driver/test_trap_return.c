/* The way back from a trapped access: what of the interrupted program is as it was, and jumps that do not go back. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/mmio.h>

#include "tests/driver/trap_rig.h"

#define DEVICE UINT64_C(0xfe100000)

/* A device whose read runs whatever a test wants. */
struct device {
	struct rig rig;
	void (*on_read)(struct device *device);
	volatile uint32_t *registers;
	unsigned reads;
	sigjmp_buf out;
};
static struct device device;

static uint64_t device_read(void *context, uint64_t offset, unsigned width)
{
	struct device *read = context;

	(void)width;
	read->reads++;
	if (read->on_read != NULL)
		read->on_read(read);
	return 0x1000 + offset;
}

static void device_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	(void)context;
	(void)offset;
	(void)width;
	(void)value;
}

static int setup(void **state)
{
	const struct iommusim_mmio_region region = { .base = DEVICE,
		.length = 0x1000,
		.context = &device,
		.read = device_read,
		.write = device_write };
	volatile void *registers;

	memset(&device, 0, sizeof(device));
	rig_on(&device.rig);
	assert_int_equal(iommusim_mmio_attach(device.rig.machine, &region), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_traps_map(device.rig.traps, region.base, region.length, &registers), IOMMUSIM_OK);
	device.registers = registers;
	*state = &device;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_off(&device.rig);
	return 0;
}

/* cmocka has put its own handler in front since the fixture. */
static void arm(void (*on_read)(struct device *))
{
	assert_int_equal(iommusim_traps_attach(device.rig.traps), IOMMUSIM_OK);
	device.on_read = on_read;
}

/* ---- registers that a handler in C does not keep -------------------------------------------------- */

#define ROUND_TO_ZERO 0x7f80u /* MXCSR, all exceptions masked */
#define SINGLE        0x007fu /* the x87's control word: of single precision */

static void clobber_vectors(struct device *unused)
{
	const uint32_t to_nearest = 0x1f80;
	const uint16_t extended = 0x037f;

	(void)unused;
	__asm__ volatile("pcmpeqb %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm7\n\tmovdqa %%xmm0, %%xmm15\n\t"
			 "ldmxcsr %0\n\tfldcw %1"
			 :
			 : "m"(to_nearest), "m"(extended)
			 : "xmm0", "xmm7", "xmm15");
}

static void test_vectors_and_floating_point_control_stay(void **state)
{
	const uint64_t pattern[2] = { 0x0123456789abcdef, 0xfedcba9876543210 };
	const uint32_t mxcsr = ROUND_TO_ZERO, usual = 0x1f80;
	const uint16_t control = SINGLE, usual_control = 0x037f;
	uint64_t low[2], middle[2], high[2];
	uint32_t value, mxcsr_after;
	uint16_t control_after;

	(void)state;
	arm(clobber_vectors);
	__asm__ volatile(
	    "ldmxcsr %[mxcsr]\n\tfldcw %[control]\n\t"
	    "movdqu %[pattern], %%xmm0\n\tmovdqu %[pattern], %%xmm7\n\t"
	    "movdqu %[pattern], %%xmm15\n\t"
	    "movl 8(%[at]), %[value]\n\t"
	    "movdqu %%xmm0, %[low]\n\tmovdqu %%xmm7, %[middle]\n\tmovdqu %%xmm15, %[high]\n\t"
	    "stmxcsr %[mxcsr_after]\n\tfnstcw %[control_after]\n\t"
	    "ldmxcsr %[usual]\n\tfldcw %[usual_control]"
	    : [value] "=&r"(value), [low] "=m"(low), [middle] "=m"(middle), [high] "=m"(high),
	    [mxcsr_after] "=m"(mxcsr_after), [control_after] "=m"(control_after)
	    : [at] "r"(device.registers), [pattern] "m"(pattern), [mxcsr] "m"(mxcsr),
	    [control] "m"(control), [usual] "m"(usual), [usual_control] "m"(usual_control)
	    : "xmm0", "xmm7", "xmm15");
	assert_int_equal(value, 0x1008);
	assert_int_equal(device.reads, 1);
	assert_memory_equal(low, pattern, sizeof(pattern));
	assert_memory_equal(middle, pattern, sizeof(pattern));
	assert_memory_equal(high, pattern, sizeof(pattern));
	assert_int_equal(mxcsr_after, ROUND_TO_ZERO);
	assert_int_equal(control_after, SINGLE);
}

static void clear_wide_vectors(struct device *unused)
{
	(void)unused;
	__asm__ volatile("vzeroupper" ::: "memory");
}

static void test_upper_halves_of_vectors_stay(void **state)
{
	uint8_t pattern[32], after[32];
	uint32_t value;

	(void)state;
	if (!__builtin_cpu_supports("avx")) {
		print_message("no AVX here: its registers were not tried\n");
		return;
	}
	arm(clear_wide_vectors);
	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + 1);
	__asm__ volatile(
	    "vmovdqu %[pattern], %%ymm5\n\tmovl (%[at]), %[value]\n\tvmovdqu %%ymm5, %[after]\n\t"
	    "vzeroupper"
	    : [value] "=&r"(value), [after] "=m"(after)
	    : [at] "r"(device.registers), [pattern] "m"(pattern)
	    : "xmm5");
	assert_int_equal(value, 0x1000);
	assert_memory_equal(after, pattern, sizeof(pattern));
}

/* Compilers keep variables of functions that call none below the stack pointer, and flags across loads. */
static void test_flags_and_the_red_zone_stay(void **state)
{
	uint64_t below = 0, far_below = 0;
	uint8_t carry = 0, overflow = 0;
	uint32_t value;

	(void)state;
	arm(clobber_vectors);
	__asm__ volatile("sub $256, %%rsp\n\tmovq $0x5a5a, -8(%%rsp)\n\tmovq $0x1234, -128(%%rsp)\n\t"
			 "mov $0x7f, %%al\n\tadd $1, %%al\n\tstc\n\t"
			 "movl (%[at]), %[value]\n\t"
			 "setc %[carry]\n\tseto %[overflow]\n\t"
			 "mov -8(%%rsp), %[below]\n\tmov -128(%%rsp), %[far]\n\tadd $256, %%rsp"
			 : [value] "=&r"(value), [carry] "+&r"(carry), [overflow] "+&r"(overflow),
			 [below] "+&r"(below), [far] "+&r"(far_below)
			 : [at] "r"(device.registers)
			 : "rax", "cc", "memory");
	assert_int_equal(value, 0x1000);
	assert_int_equal(carry, 1);
	assert_int_equal(overflow, 1);
	assert_int_equal(below, 0x5a5a);
	assert_int_equal(far_below, 0x1234);
}

/* ---- signals ------------------------------------------------------------------------------------------ */

static volatile sig_atomic_t signals, signals_in_the_access;
static volatile uint32_t read_by_handler;

static void raise_one(struct device *unused)
{
	(void)unused;
	errno = EDOM;
	raise(SIGUSR1);
	signals_in_the_access = signals;
}

static void read_in_handler(int number)
{
	(void)number;
	device.on_read = NULL;
	read_by_handler = device.registers[4];
	signals++;
}

static void handle(void (*handler)(int number), struct sigaction *before)
{
	struct sigaction action = { .sa_flags = SA_ONSTACK };

	action.sa_handler = handler;
	sigaction(SIGUSR1, &action, before);
	signals = signals_in_the_access = 0;
	read_by_handler = 0;
}

/* It comes on the very stack that the access was carried out on, and makes an access of its own. */
static void test_a_signal_comes_when_the_access_is_over(void **state)
{
	struct sigaction before;
	uint32_t value;

	(void)state;
	arm(raise_one);
	handle(read_in_handler, &before);
	errno = ENOSPC;
	value = device.registers[1];
	assert_int_equal(errno, ENOSPC);
	sigaction(SIGUSR1, &before, NULL);
	assert_int_equal(signals_in_the_access, 0);
	assert_int_equal(signals, 1);
	assert_int_equal(read_by_handler, 0x1010);
	assert_int_equal(value, 0x1004);
	assert_null(iommusim_traps_place());
}

static void test_the_signal_mask_stays(void **state)
{
	struct sigaction before;
	sigset_t mine, outer, now;

	(void)state;
	arm(raise_one);
	handle(read_in_handler, &before);
	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mine, &outer);
	assert_int_equal(device.registers[0], 0x1000);
	assert_int_equal(signals, 0); /* waits on */
	sigprocmask(SIG_SETMASK, NULL, &now);
	for (int number = 1; number < 32; number++)
		assert_int_equal(
		    sigismember(&now, number), number == SIGUSR1 || sigismember(&outer, number) == 1);
	sigprocmask(SIG_SETMASK, &outer, NULL);
	assert_int_equal(signals, 1);
	sigaction(SIGUSR1, &before, NULL);
}

/* ---- jumps out of the access ---------------------------------------------------------------------------- */

static void jump_out(struct device *jumping)
{
	assert_non_null(iommusim_traps_place());
	siglongjmp(jumping->out, 1);
}

/* As a panic in a handler of the bus does: the access is over, though nobody came back from it. */
static void test_a_jump_out_leaves_no_place_behind(void **state)
{
	(void)state;
	arm(jump_out);
	for (unsigned round = 1; round <= 3; round++) {
		if (sigsetjmp(device.out, 1) == 0)
			(void)device.registers[0];
		assert_int_equal(device.reads, round);
		assert_null(iommusim_traps_place());
	}
	device.on_read = NULL;
	assert_int_equal(device.registers[2], 0x1008);
	assert_null(iommusim_traps_place());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vectors_and_floating_point_control_stay),
		TEST(test_upper_halves_of_vectors_stay),
		TEST(test_flags_and_the_red_zone_stay),
		TEST(test_a_signal_comes_when_the_access_is_over),
		TEST(test_the_signal_mask_stays),
		TEST(test_a_jump_out_leaves_no_place_behind),
	};

	return cmocka_run_group_tests_name("trap_return", tests, NULL, NULL);
}
