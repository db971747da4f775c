/* What becomes of a driver's accesses under traps, and of those that cannot be carried out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "tests/driver/probe.h"
#include "tests/driver/trap_rig.h"

#define IMAGE UINT64_C(0x2000000000)

static int setup(void **state)
{
	static struct rig rig;

	rig_on(&rig);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_off(*state);
	return 0;
}

/* cmocka has put its own handler in front since the fixture. */
static struct rig *armed(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(iommusim_traps_attach(rig->traps), IOMMUSIM_OK);
	return rig;
}

static struct probe_regs *regs_of(struct rig *rig)
{
	return (struct probe_regs *)(void *)rig->registers;
}

static void assert_log(struct rig *rig, const char *expected)
{
	assert_string_equal(rig->log, expected);
	rig_forget(rig);
}

/* ---- the accesses of a compiled driver ------------------------------------------------------- */

/* Read values stand in the log here; otherwise these are the accesses that test_hooks.c expects. */
static void test_compiled_accesses(void **state)
{
	struct rig *rig = armed(state);
	struct probe_regs *regs = regs_of(rig);

	probe_write_twice(regs, 7);
	assert_log(rig, "w4@0=7 w4@0=7 ");
	assert_int_equal(probe_write_then_read(regs, 9), 9);
	assert_log(rig, "w4@0=9 r4@0=9 ");
	rig->bytes[0] = 1;
	probe_read_modify_write(regs);
	assert_log(rig, "r4@0=1 w4@0=11 r8@8=0 w8@8=1 ");
	assert_int_equal(probe_widths(regs), 0x12 + 0x3456 + 0x1122334455667788);
	assert_log(rig,
	    "w1@12=12 w2@10=3456 w8@8=1122334455667788 r1@12=12 r2@10=3456 "
	    "r8@8=1122334455667788 ");
	probe_halves(regs, 0xaaaabbbbccccdddd);
	assert_log(rig, "w4@8=ccccdddd w4@c=aaaabbbb ");
	assert_int_equal(probe_atomics(regs), 0x400);
	assert_log(rig, "w4@0=100 r4@0=100 w4@0=103 r4@0=103 w4@0=200 r4@0=200 w4@0=200 r4@0=200 ");
	assert_int_equal(iommusim_traps_locked(rig->traps), 3);
	assert_int_equal(probe_plain(regs), 5); /* volatile or not is the compiler's business */
	assert_log(rig, "w4@24=5 r4@24=5 ");
}

/* What hooks cannot see: a bit field's load, and the C library. */
static void test_bit_fields_and_library_calls(void **state)
{
	const uint32_t before = 0xabcdef00;
	struct rig *rig = armed(state);
	uint32_t after;

	memcpy(&rig->bytes[0x20], &before, sizeof(before));
	probe_bit_field(regs_of(rig));
	memcpy(&after, &rig->bytes[0x20], sizeof(after));
	assert_int_equal(after, before | 0x11);
}

/* ---- refusals -------------------------------------------------------------------------------- */

struct attempt {
	struct cpu cpu;
	const void *code;
};

static void attempt(void *argument)
{
	struct attempt *attempt = argument;

	cpu_run(&attempt->cpu, attempt->code);
}

/* Code that accesses 8(%rbx), each ending with the way out it does not reach. */
#define CODE(name, text)                                                                               \
	__asm__(".text\n.globl " #name "\n.hidden " #name "\n" #name ": " text "\n jmp cpu_leave\n");  \
	extern const uint8_t name[]

CODE(code_wide_load, "movups 8(%rbx), %xmm0");
CODE(code_wide_store, "movdqa %xmm0, (%rbx)");
CODE(code_wide_exchange, "lock cmpxchg16b (%rbx)");
CODE(code_x87, "fldl 8(%rbx)");
CODE(code_long_double, "fldt (%rbx)");
CODE(code_mmx, "movq 8(%rbx), %mm0");
CODE(code_avx, "vmovd 8(%rbx), %xmm0");
CODE(code_jump, "jmp *8(%rbx)");
CODE(code_call, "call *8(%rbx)");
CODE(code_compare, "cmpsb");
CODE(code_scan, "repne scasb");
CODE(code_divide, "divl 8(%rbx)");
CODE(code_flush, "clflush 8(%rbx)");
CODE(code_beyond, "movl 0x2000(%rbx), %eax");
CODE(code_across_the_end, "movl 0x1ffe(%rbx), %eax");
CODE(code_string_beyond, "rep stosq");
CODE(code_read, "movl 8(%rbx), %eax");

static void assert_refused(struct rig *rig, const uint8_t *code, enum iommusim_traps_reason reason)
{
	struct attempt what = { .code = code };
	struct iommusim_traps_refusal refusal = { .length = 0 };
	const uint64_t before = iommusim_traps_refused(rig->traps, NULL);

	rig_forget(rig);
	what.cpu.general[RBX] = (uintptr_t)rig->registers;
	what.cpu.general[RSI] = (uintptr_t)rig->registers;
	what.cpu.general[RDI] = (uintptr_t)rig->registers + 8;
	what.cpu.general[RCX] = 3;
	what.cpu.general[RSP] = (uintptr_t)rig->memory + 2048;
	assert_int_equal(iommusim_traps_call(rig->traps, attempt, &what, &refusal), IOMMUSIM_EFAULT);
	assert_int_equal(refusal.reason, reason);
	assert_ptr_equal(refusal.place, code);
	assert_memory_equal(refusal.bytes, code, refusal.length);
	assert_int_equal(iommusim_traps_refused(rig->traps, NULL), before + 1);
	assert_string_equal(rig->log, "");
	/* What comes after it is as ever. */
	what.code = code_read;
	assert_int_equal(iommusim_traps_call(rig->traps, attempt, &what, NULL), IOMMUSIM_OK);
	assert_string_equal(rig->kinds, "r4@8 ");
}

static void test_wide_accesses_are_refused(void **state)
{
	assert_refused(*state, code_wide_load, IOMMUSIM_TRAPS_WIDE);
	assert_refused(*state, code_wide_store, IOMMUSIM_TRAPS_WIDE);
	assert_refused(*state, code_wide_exchange, IOMMUSIM_TRAPS_WIDE);
	assert_refused(*state, code_long_double, IOMMUSIM_TRAPS_WIDE);
}

static void test_uncovered_instructions_are_refused(void **state)
{
	assert_refused(*state, code_x87, IOMMUSIM_TRAPS_UNCOVERED);
	assert_refused(*state, code_mmx, IOMMUSIM_TRAPS_UNCOVERED);
	assert_refused(*state, code_jump, IOMMUSIM_TRAPS_UNCOVERED);
	assert_refused(*state, code_call, IOMMUSIM_TRAPS_UNCOVERED);
	assert_refused(*state, code_compare, IOMMUSIM_TRAPS_UNCOVERED);
	assert_refused(*state, code_scan, IOMMUSIM_TRAPS_UNCOVERED);
	assert_refused(*state, code_divide, IOMMUSIM_TRAPS_UNCOVERED);
	assert_refused(*state, code_flush, IOMMUSIM_TRAPS_UNCOVERED);
	if (__builtin_cpu_supports("avx"))
		assert_refused(*state, code_avx, IOMMUSIM_TRAPS_UNCOVERED);
	else
		print_message("no AVX here: its refusal was not tried\n");
}

static void test_beyond_the_registers(void **state)
{
	assert_refused(*state, code_beyond, IOMMUSIM_TRAPS_UNMAPPED);
	assert_refused(*state, code_across_the_end, IOMMUSIM_TRAPS_UNMAPPED);
}

/* Elements before the end act, as they do on a processor; the one beyond does not. */
static void test_string_that_runs_over_the_end(void **state)
{
	struct rig *rig = *state;
	struct attempt what = { .code = code_string_beyond };
	struct iommusim_traps_refusal refusal;

	what.cpu.general[RDI] = (uintptr_t)rig->registers + 0x1ff0;
	what.cpu.general[RCX] = 3;
	what.cpu.general[RSP] = (uintptr_t)rig->memory + 2048;
	assert_int_equal(iommusim_traps_call(rig->traps, attempt, &what, &refusal), IOMMUSIM_EFAULT);
	assert_int_equal(refusal.reason, IOMMUSIM_TRAPS_UNMAPPED);
	assert_log(rig, "w8@1ff0=0 w8@1ff8=0 ");
}

static void jump_there(void *argument)
{
	((void (*)(void))(uintptr_t)argument)();
}

static void test_jump_into_the_registers(void **state)
{
	struct rig *rig = *state;
	struct iommusim_traps_refusal refusal;

	assert_int_equal(iommusim_traps_call(rig->traps, jump_there, rig->registers + 0x20, &refusal),
	    IOMMUSIM_EFAULT);
	assert_int_equal(refusal.reason, IOMMUSIM_TRAPS_EXECUTED);
	assert_ptr_equal(refusal.place, rig->registers + 0x20);
	assert_int_equal(refusal.length, 0);
	assert_log(rig, "");
}

static void test_refusal_as_text(void **state)
{
	struct rig *rig = *state;
	struct iommusim_traps_refusal last;

	assert_refused(rig, code_jump, IOMMUSIM_TRAPS_UNCOVERED);
	assert_int_equal(iommusim_traps_refused(rig->traps, &last), 1);
	assert_ptr_equal((void *)(uintptr_t)last.address, rig->registers + 8);
	assert_int_equal(last.length, 3);
	assert_non_null(strstr(last.text, "test_traps_O"));
	assert_non_null(strstr(last.text, "(ff 63 08): an instruction that is not carried out"));
	for (int reason = 0; reason < IOMMUSIM_TRAPS_REASON_COUNT; reason++)
		assert_non_null(iommusim_traps_reason_name((enum iommusim_traps_reason)reason));
	assert_string_equal(iommusim_traps_reason_name(IOMMUSIM_TRAPS_UNMAPPED), "unmapped");
	assert_string_equal(iommusim_traps_reason_name(IOMMUSIM_TRAPS_REASON_COUNT), "unknown reason");
}

/* As a kernel's own entry would: the callback leaves the driver by itself. */
struct entry {
	sigjmp_buf here;
	struct iommusim_traps_refusal refusal;
	bool leave;
	unsigned told;
};

static void on_refused(void *context, const struct iommusim_traps_refusal *refusal)
{
	struct entry *entry = context;

	entry->refusal = *refusal;
	entry->told++;
	if (entry->leave)
		siglongjmp(entry->here, 1);
}

static void read_beyond(void *argument)
{
	const volatile uint32_t *beyond = argument;

	(void)*beyond;
	fail_msg("came back from beyond the registers");
}

static void test_callback_leaves_the_driver(void **state)
{
	struct rig *rig = armed(state);
	static struct entry entry;

	memset(&entry, 0, sizeof(entry));
	entry.leave = true;
	iommusim_traps_set_on_refused(rig->traps, on_refused, &entry);
	for (unsigned round = 1; round <= 3; round++) {
		if (sigsetjmp(entry.here, 0) == 0) /* the mask is already as it was */
			read_beyond(rig->registers + RIG_BYTES);
		assert_int_equal(entry.told, round);
		assert_int_equal(entry.refusal.reason, IOMMUSIM_TRAPS_UNMAPPED);
		assert_null(iommusim_traps_place());
		assert_int_equal(probe_write_then_read(regs_of(rig), 3), 3);
	}
	entry.leave = false; /* it returns: the call ends */
	assert_int_equal(iommusim_traps_call(rig->traps, read_beyond, rig->registers + RIG_BYTES, NULL),
	    IOMMUSIM_EFAULT);
	assert_int_equal(entry.told, 4);
}

static void call_within(void *argument)
{
	struct rig *rig = argument;

	assert_int_equal(iommusim_traps_call(rig->traps, read_beyond, rig->registers + RIG_BYTES, NULL),
	    IOMMUSIM_EFAULT);
	read_beyond(rig->registers + RIG_BYTES + 4);
}

static void test_calls_nest(void **state)
{
	struct iommusim_traps_refusal refusal;
	struct rig *rig = *state;

	assert_int_equal(iommusim_traps_call(rig->traps, call_within, rig, &refusal), IOMMUSIM_EFAULT);
	assert_ptr_equal((void *)(uintptr_t)refusal.address, rig->registers + RIG_BYTES + 4);
	assert_int_equal(iommusim_traps_refused(rig->traps, NULL), 2);
	iommusim_traps_attach(NULL);
	assert_int_equal(iommusim_traps_call(rig->traps, call_within, rig, NULL), IOMMUSIM_EINVAL);
}

/* ---- faults that are not ours ---------------------------------------------------------------- */

/* How a child that does `what` ends: 0 for none of its doing, or the signal. */
static int signal_of_child(void (*what)(struct rig *rig), struct rig *rig)
{
	const struct rlimit no_core = { .rlim_cur = 0 };
	const pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGSEGV, SIG_DFL);
		what(rig);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void do_nothing_wrong(struct rig *rig)
{
	iommusim_traps_attach(rig->traps);
	probe_write_twice(regs_of(rig), 1);
}

static void refused_without_a_call(struct rig *rig)
{
	iommusim_traps_attach(rig->traps);
	(void)*(volatile uint32_t *)(void *)(rig->registers + RIG_BYTES);
}

/* Not NULL, which UBSan would see before the processor does. */
static volatile uint32_t *volatile nowhere = (volatile uint32_t *)0x10;

static void wild_pointer(struct rig *rig)
{
	iommusim_traps_attach(rig->traps);
	*nowhere = 1;
}

static void not_attached(struct rig *rig)
{
	iommusim_traps_attach(NULL);
	probe_write_twice(regs_of(rig), 1);
}

static void signal_from_outside(struct rig *rig)
{
	iommusim_traps_attach(rig->traps);
	raise(SIGSEGV);
}

static void test_what_ends_the_process(void **state)
{
	assert_int_equal(signal_of_child(do_nothing_wrong, *state), 0);
	assert_int_equal(signal_of_child(refused_without_a_call, *state), SIGSEGV);
	assert_int_equal(signal_of_child(wild_pointer, *state), SIGSEGV);
	assert_int_equal(signal_of_child(not_attached, *state), SIGSEGV);
	assert_int_equal(signal_of_child(signal_from_outside, *state), SIGSEGV);
}

static sigjmp_buf out_of_handler;
static unsigned handled;
static void *handled_address;

static void handler_with_info(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	handled++;
	handled_address = info->si_addr;
	siglongjmp(out_of_handler, 1);
}

static void handler_without(int number)
{
	(void)number;
	handled++;
	siglongjmp(out_of_handler, 1);
}

static void fault_elsewhere(struct rig *rig, unsigned expected)
{
	assert_int_equal(iommusim_traps_attach(rig->traps), IOMMUSIM_OK);
	if (sigsetjmp(out_of_handler, 1) == 0)
		*nowhere = 1;
	assert_int_equal(handled, expected);
	probe_write_twice(regs_of(rig), expected); /* ours are still ours */
	assert_true(strlen(rig->log) > 0);
	rig_forget(rig);
}

static void test_previous_handler_gets_what_is_not_ours(void **state)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO }, before;

	handled = 0;
	action.sa_sigaction = handler_with_info;
	sigaction(SIGSEGV, &action, &before);
	fault_elsewhere(*state, 1);
	assert_ptr_equal(handled_address, (void *)0x10);
	fault_elsewhere(*state, 2);

	action.sa_flags = 0;
	action.sa_handler = handler_without;
	sigaction(SIGSEGV, &action, NULL);
	fault_elsewhere(*state, 3);
	sigaction(SIGSEGV, &before, NULL);
}

/* ---- who accessed ---------------------------------------------------------------------------- */

static void test_strangers(void **state)
{
	struct rig *rig = *state;
	struct attempt what = { .code = code_read };
	const void *place = code_call;

	what.cpu.general[RBX] = (uintptr_t)rig->registers;
	what.cpu.general[RSP] = (uintptr_t)rig->memory + 2048;
	assert_int_equal(iommusim_traps_call(rig->traps, attempt, &what, NULL), IOMMUSIM_OK);
	assert_int_equal(iommusim_traps_strangers(rig->traps, &place), 0);
	assert_null(place);
	assert_int_equal(iommusim_traps_add_code(rig->traps, code_read, 0), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_traps_add_code(rig->traps, code_read, 1), IOMMUSIM_OK);
	assert_int_equal(iommusim_traps_call(rig->traps, attempt, &what, NULL), IOMMUSIM_OK);
	assert_int_equal(iommusim_traps_strangers(rig->traps, NULL), 0);

	rig_forget(rig);
	probe_write_twice(regs_of(rig), 5); /* acts all the same */
	assert_log(rig, "w4@0=5 w4@0=5 ");
	assert_int_equal(iommusim_traps_strangers(rig->traps, &place), 2);
	assert_true((uintptr_t)place - (uintptr_t)probe_write_twice < 512);
	assert_ptr_not_equal(rig->place, NULL);
	for (unsigned i = 1; i < 16; i++)
		assert_int_equal(iommusim_traps_add_code(rig->traps, code_read, 1), IOMMUSIM_OK);
	assert_int_equal(iommusim_traps_add_code(rig->traps, code_read, 1), IOMMUSIM_ENOMEM);
}

/* ---- accesses from within accesses ----------------------------------------------------------- */

struct relay {
	struct rig *rig;
	volatile uint32_t *to;
};

static uint64_t relay_read(void *context, uint64_t offset, unsigned width)
{
	const struct relay *relay = context;

	(void)offset;
	(void)width;
	return *relay->to + 1;
}

static void relay_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	const struct relay *relay = context;

	(void)offset;
	(void)width;
	*relay->to += (uint32_t)value;
}

/* A device whose registers are those of another, reached as a driver would. */
static void test_access_within_an_access(void **state)
{
	struct rig *rig = armed(state);
	struct relay relay = { rig, (volatile uint32_t *)(void *)rig->registers };
	const struct iommusim_mmio_region region = { .base = RIG_BASE + 0x10000,
		.length = 0x1000,
		.context = &relay,
		.read = relay_read,
		.write = relay_write };
	volatile void *registers;
	volatile uint32_t *outer;

	assert_int_equal(iommusim_mmio_attach(rig->machine, &region), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_traps_map(rig->traps, region.base, region.length, &registers), IOMMUSIM_OK);
	outer = registers;
	rig->bytes[0] = 40;
	*outer |= 2; /* reads 41, writes 43, to which 40 is added */
	assert_log(rig, "r4@0=28 r4@0=28 w4@0=53 ");
	assert_null(iommusim_traps_place());
}

/* ---- threads and signals --------------------------------------------------------------------- */

static void *own_machine(void *argument)
{
	static _Atomic unsigned failures;
	struct rig *rig = argument;

	for (uint32_t i = 0; i < 2000; i++) {
		if (probe_write_then_read(regs_of(rig), i) != i)
			failures++;
		if (i % 16 == 0)
			rig_forget(rig);
	}
	return &failures;
}

static void *thread_with_machine(void *argument)
{
	struct rig *rig = argument;
	void *failures;

	if (iommusim_traps_attach(rig->traps) != IOMMUSIM_OK)
		return NULL;
	failures = own_machine(rig);
	iommusim_traps_attach(NULL);
	return failures;
}

static void test_threads_with_machines_of_their_own(void **state)
{
	static struct rig others[3];
	pthread_t threads[3];
	struct rig *rig;
	void *result;

	for (unsigned i = 0; i < 3; i++)
		rig_on(&others[i]);
	rig = armed(state);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread_with_machine, &others[i]), 0);
	assert_int_equal(*(unsigned *)own_machine(rig), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_non_null(result);
		assert_int_equal(*(unsigned *)result, 0);
		rig_off(&others[i]);
	}
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

/* On the alternate stack too, where ours is at work: they have to wait until it is done. */
static void test_other_signals_wait(void **state)
{
	const struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_flags = SA_ONSTACK | SA_RESTART }, before;
	struct rig *rig = armed(state);

	action.sa_handler = on_alarm;
	sigaction(SIGALRM, &action, &before);
	alarms = 0;
	setitimer(ITIMER_REAL, &often, NULL);
	for (uint32_t i = 0; alarms < 50; i++) {
		assert_int_equal(probe_write_then_read(regs_of(rig), i), i);
		rig_forget(rig);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
}

/* The signal stack that was there before is there again. */
static void test_signal_stack_is_given_back(void **state)
{
	static uint8_t stack[64 * 1024];
	const stack_t mine = { .ss_sp = stack, .ss_size = sizeof(stack) };
	stack_t before, now;

	iommusim_traps_attach(NULL);
	assert_int_equal(sigaltstack(&mine, &before), 0);
	armed(state);
	assert_int_equal(sigaltstack(NULL, &now), 0);
	assert_ptr_not_equal(now.ss_sp, stack);
	iommusim_traps_attach(NULL);
	assert_int_equal(sigaltstack(NULL, &now), 0);
	assert_ptr_equal(now.ss_sp, stack);
	sigaltstack(&before, NULL);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void test_create(void **state)
{
	struct iommusim_traps *traps = (void *)state;

	assert_int_equal(iommusim_traps_create(NULL, &traps), IOMMUSIM_EINVAL);
	assert_null(traps);
	assert_int_equal(iommusim_traps_create(NULL, NULL), IOMMUSIM_EINVAL);
	iommusim_traps_destroy(NULL);
}

static void test_map(void **state)
{
	struct rig *rig = armed(state);
	volatile void *registers = NULL, *again = NULL;

	assert_int_equal(
	    iommusim_traps_map(rig->traps, RIG_BASE + 4, 0x1000, &registers), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_traps_map(rig->traps, RIG_BASE, 0, &registers), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_traps_map(rig->traps, UINT64_C(1) << 52, 0x1000, &registers), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_traps_map(rig->traps, RIG_BASE, 0x401000, &registers), IOMMUSIM_ENOMEM);
	assert_null((void *)(uintptr_t)registers);
	assert_int_equal(
	    iommusim_traps_map(rig->traps, RIG_BASE + 0x1000, 0x1000, &registers), IOMMUSIM_OK);
	assert_ptr_equal((void *)(uintptr_t)registers, rig->registers + 0x1000);
	/* Where nothing answers, all is ones, as on a bus that aborts. */
	assert_int_equal(iommusim_traps_map(rig->traps, 0x5000, 0x1000, &registers), IOMMUSIM_OK);
	assert_int_equal(
	    probe_write_then_read((struct probe_regs *)(uintptr_t)registers, 1), 0xffffffff);
	assert_int_equal(iommusim_traps_map(rig->traps, 0x5000, 0x1000, &again), IOMMUSIM_OK);
	assert_ptr_equal((void *)(uintptr_t)registers, (void *)(uintptr_t)again);
	assert_log(rig, "");
}

static uint32_t in_data = 17;

static void test_image(void **state)
{
	struct rig *rig = *state;
	uint64_t physical;
	uint32_t value = 0;

	assert_int_equal(iommusim_traps_add_image(rig->machine, IMAGE, &value), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_traps_add_image(rig->machine, IMAGE, &in_data), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_physical(rig->machine, &in_data, &physical), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_read(rig->machine, physical, &value, 4), IOMMUSIM_OK);
	assert_int_equal(value, 17);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_compiled_accesses),
		TEST(test_bit_fields_and_library_calls),
		TEST(test_wide_accesses_are_refused),
		TEST(test_uncovered_instructions_are_refused),
		TEST(test_beyond_the_registers),
		TEST(test_string_that_runs_over_the_end),
		TEST(test_jump_into_the_registers),
		TEST(test_refusal_as_text),
		TEST(test_callback_leaves_the_driver),
		TEST(test_calls_nest),
		TEST(test_what_ends_the_process),
		TEST(test_previous_handler_gets_what_is_not_ours),
		TEST(test_strangers),
		TEST(test_access_within_an_access),
		TEST(test_threads_with_machines_of_their_own),
		TEST(test_other_signals_wait),
		TEST(test_signal_stack_is_given_back),
		TEST(test_create),
		TEST(test_map),
		TEST(test_image),
	};

	return cmocka_run_group_tests_name("traps", tests, NULL, NULL);
}
