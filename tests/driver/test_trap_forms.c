/*
 * Every form of instruction under traps: registers, flags and memory afterwards as the processor
 * leaves them when it runs the same instruction on memory, and the accesses the bus shall see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <iommusim/memory.h>

#include "tests/driver/trap_forms.h"
#include "tests/driver/trap_rig.h"

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

static void prepare(const struct rig *rig, const struct trap_form *form, struct state *state)
{
	uint64_t *general = state->cpu.general;
	const uint64_t window = (uintptr_t)rig->registers;

	general[RBX] = window + 0x100;
	general[RCX] = 4;
	general[RSI] = window + 0x300;
	general[RDI] = window + 0x500;
	general[R8] = 70;
	general[R9] = (uint64_t)-5;
	general[R10] = window + 0x1000;
	if (form->setup == FROM_MEMORY)
		general[RSI] = (uintptr_t)rig->memory;
	if (form->setup == TO_MEMORY)
		general[RDI] = (uintptr_t)rig->memory + 64;
	if (form->setup == DOWNWARDS)
		state->cpu.flags |= 0x400;
}

/* What a compare, a condition or a bit scan finds: equal, nothing at all, or whatever there is. */
static void vary(unsigned round, struct state *state)
{
	if (round == 0)
		memcpy(&state->cpu.general[RAX], state->registers + 0x100, 8);
	if (round == 1)
		memset(state->registers, 0, sizeof(state->registers));
	if (round == 2)
		memset(state->registers, 0xff, sizeof(state->registers));
	if (round == 3) { /* cmpxchg8b at rdi: equal */
		memcpy(&state->cpu.general[RAX], state->registers + 0x500, 4);
		memcpy(&state->cpu.general[RDX], state->registers + 0x504, 4);
	}
}

static void check_form(struct rig *rig, const struct trap_form *form, unsigned round)
{
	struct random random = random_of_case(random_seed(), round);
	struct state state, expected;

	rig_random_state(rig, &random, &state);
	prepare(rig, form, &state);
	vary(round, &state);
	expected = state;
	rig_run_on_memory(rig, form->code, &expected);
	rig_run_by_trap(rig, form->code, &state);
	rig_assert_same(&state, &expected, form->text);
	if (strcmp(rig->kinds, form->kinds) != 0)
		fail_msg(
		    "%s: the bus saw \"%s\" instead of \"%s\"", form->text, rig->kinds, form->kinds);
	assert_ptr_equal(rig->place, form->code);
	assert_null(iommusim_traps_place());
}

static void test_every_form(void **state)
{
	const ptrdiff_t count = __stop_trap_forms - __start_trap_forms;

	assert_true(count > 300);
	print_message("%d forms\n", (int)count);
	for (const struct trap_form *form = __start_trap_forms; form < __stop_trap_forms; form++)
		for (unsigned round = 0; round < 12; round++)
			check_form(*state, form, round);
	assert_int_equal(iommusim_traps_refused(((struct rig *)*state)->traps, NULL), 0);
	assert_true(iommusim_traps_locked(((struct rig *)*state)->traps) > 0);
}

/* ---- instructions made at run time ----------------------------------------------------------- */

/* Code that one test writes and runs: the instruction, then a jump to cpu_leave. */
static uint8_t *code_page(void)
{
	uint8_t *page = mmap(NULL, IOMMUSIM_PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || page == NULL)
		abort();
	return page;
}

static void put_code(uint8_t *page, const uint8_t *bytes, size_t length)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 }; /* jmp *0(%rip) */
	const uint64_t target = (uintptr_t)cpu_leave;

	memcpy(page, bytes, length);
	memcpy(page + length, jump, sizeof(jump));
	memcpy(page + length + sizeof(jump), &target, sizeof(target));
}

/* One operation: what is random about it is where it accesses and with which register. */
struct operation {
	uint8_t prefix; /* 0: none */
	uint8_t opcode[3];
	uint8_t opcode_length;
	uint8_t extension; /* of the opcode, in ModRM; 8: a register is there */
	uint8_t immediate; /* bytes; 0x80: 2 or 4, as wide as the operand */
	bool byte_sized;
	bool lockable;
};

#define REGISTER 8
#define BY_WIDTH 0x80

static const struct operation operations[] = {
	{ 0, { 0x88 }, 1, REGISTER, 0, true, false }, /* mov */
	{ 0, { 0x89 }, 1, REGISTER, 0, false, false },
	{ 0, { 0x8a }, 1, REGISTER, 0, true, false },
	{ 0, { 0x8b }, 1, REGISTER, 0, false, false },
	{ 0, { 0xc6 }, 1, 0, 1, true, false },
	{ 0, { 0xc7 }, 1, 0, BY_WIDTH, false, false },
	{ 0, { 0x84 }, 1, REGISTER, 0, true, false }, /* test */
	{ 0, { 0x85 }, 1, REGISTER, 0, false, false },
	{ 0, { 0x86 }, 1, REGISTER, 0, true, true }, /* xchg */
	{ 0, { 0x87 }, 1, REGISTER, 0, false, true },
	{ 0, { 0x63 }, 1, REGISTER, 0, false, false }, /* movsxd */
	{ 0, { 0x69 }, 1, REGISTER, BY_WIDTH, false, false },
	{ 0, { 0x6b }, 1, REGISTER, 1, false, false }, /* imul */
	{ 0, { 0xfe }, 1, 0, 0, true, true },          /* inc */
	{ 0, { 0xff }, 1, 1, 0, false, true },         /* dec */
	{ 0, { 0xf6 }, 1, 0, 1, true, false },         /* test */
	{ 0, { 0xf7 }, 1, 0, BY_WIDTH, false, false },
	{ 0, { 0xf6 }, 1, 2, 0, true, true },                /* not */
	{ 0, { 0xf7 }, 1, 3, 0, false, true },               /* neg */
	{ 0, { 0xf7 }, 1, 4, 0, false, false },              /* mul */
	{ 0, { 0xd2 }, 1, 4, 0, true, false },               /* shl by cl */
	{ 0, { 0xd3 }, 1, 5, 0, false, false },              /* shr by cl */
	{ 0, { 0xc1 }, 1, 3, 1, false, false },              /* rcr */
	{ 0, { 0x0f, 0xa3 }, 2, REGISTER, 0, false, false }, /* bt */
	{ 0, { 0x0f, 0xab }, 2, REGISTER, 0, false, true },
	{ 0, { 0x0f, 0xb3 }, 2, REGISTER, 0, false, true },
	{ 0, { 0x0f, 0xbb }, 2, REGISTER, 0, false, true },
	{ 0, { 0x0f, 0xba }, 2, 4, 1, false, false },
	{ 0, { 0x0f, 0xba }, 2, 5, 1, false, true },
	{ 0, { 0x0f, 0xb0 }, 2, REGISTER, 0, true, true }, /* cmpxchg */
	{ 0, { 0x0f, 0xb1 }, 2, REGISTER, 0, false, true },
	{ 0, { 0x0f, 0xc0 }, 2, REGISTER, 0, true, true }, /* xadd */
	{ 0, { 0x0f, 0xc1 }, 2, REGISTER, 0, false, true },
	{ 0, { 0x0f, 0xb6 }, 2, REGISTER, 0, false, false }, /* movzx */
	{ 0, { 0x0f, 0xb7 }, 2, REGISTER, 0, false, false },
	{ 0, { 0x0f, 0xbe }, 2, REGISTER, 0, false, false }, /* movsx */
	{ 0, { 0x0f, 0xbf }, 2, REGISTER, 0, false, false },
	{ 0, { 0x0f, 0xbc }, 2, REGISTER, 0, false, false }, /* bsf */
	{ 0, { 0x0f, 0xbd }, 2, REGISTER, 0, false, false }, /* bsr */
	{ 0xf3, { 0x0f, 0xbc }, 2, REGISTER, 0, false, false },
	{ 0xf3, { 0x0f, 0xbd }, 2, REGISTER, 0, false, false },
	{ 0xf3, { 0x0f, 0xb8 }, 2, REGISTER, 0, false, false },    /* popcnt */
	{ 0, { 0x0f, 0xa4 }, 2, REGISTER, 1, false, false },       /* shld */
	{ 0, { 0x0f, 0xad }, 2, REGISTER, 0, false, false },       /* shrd by cl */
	{ 0, { 0x0f, 0x38, 0xf0 }, 3, REGISTER, 0, false, false }, /* movbe */
	{ 0, { 0x0f, 0x38, 0xf1 }, 3, REGISTER, 0, false, false },
};

/* add, or, adc, sbb, and, sub, xor and cmp have one pattern of opcodes; so have cmov and set. */
static struct operation pick_operation(struct random *random)
{
	const uint8_t which = (uint8_t)random_below(random, 8),
		      condition = (uint8_t)random_below(random, 16);
	const bool lockable = which != 7;

	switch (random_below(random, 8)) {
	case 0: /* memory, register; register, memory */
		return (struct operation){ 0, { (uint8_t)(which << 3 | 1) }, 1, REGISTER, 0, false,
			lockable };
	case 1:
		return (
		    struct operation){ 0, { (uint8_t)(which << 3 | 2) }, 1, REGISTER, 0, true, false };
	case 2:
		return (struct operation){ 0, { 0x81 }, 1, which, BY_WIDTH, false, lockable };
	case 3:
		return (struct operation){ 0, { 0x80 }, 1, which, 1, true, lockable };
	case 4:
		if (random_chance(random, 50))
			return (struct operation){ 0, { 0x0f, 0x40 | condition }, 2, REGISTER, 0, false,
				false };
		return (struct operation){ 0, { 0x0f, 0x90 | condition }, 2, 0, 0, true, false };
	default:
		return operations[random_below(random, sizeof(operations) / sizeof(*operations))];
	}
}

struct instruction {
	uint8_t bytes[20];
	size_t length;
};

static void put(struct instruction *made, unsigned byte)
{
	made->bytes[made->length++] = (uint8_t)byte;
}

static void put_bytes(struct instruction *made, struct random *random, unsigned count)
{
	while (count-- > 0)
		put(made, (unsigned)random_next(random));
}

/* rdi, or r13 with REX.B, or rdi + rcx * scale; a displacement of 8 or 32 bits within the window. */
static void put_address(struct instruction *made, struct random *random, unsigned reg, bool far_base)
{
	const unsigned scale = (unsigned)random_below(random, 4), base = far_base ? 5 : 7;
	const uint32_t distance = (uint32_t)random_below(random, 0x400);
	const bool indexed = random_chance(random, 40);

	if (random_chance(random, 40)) {
		put(made, 0x40 | reg << 3 | (indexed ? 4 : base));
		if (indexed)
			put(made, scale << 6 | 1 << 3 | base);
		put(made, (unsigned)random_next(random));
		return;
	}
	put(made, 0x80 | reg << 3 | (indexed ? 4 : base));
	if (indexed)
		put(made, scale << 6 | 1 << 3 | base);
	for (unsigned i = 0; i < 4; i++)
		put(made, distance >> i * 8 & 0xff);
}

/*
 * Not the pointers themselves as operands: rdi, r13, and bh for the byte forms, which are fine, and a
 * lock only where the instruction has one.
 */
static void make_instruction(struct random *random, struct instruction *made)
{
	const struct operation operation = pick_operation(random);
	const bool wide = random_chance(random, 40), narrow = !wide && random_chance(random, 30);
	const bool far_base = random_chance(random, 30);
	unsigned reg = (unsigned)random_below(random, 16);
	const unsigned operand = narrow ? 2 : 4;
	unsigned rex;

	if (operation.extension != REGISTER)
		reg = operation.extension;
	rex = (wide ? 0x48 : 0) | (reg >= 8 ? 0x44 : 0) | (far_base ? 0x41 : 0);
	made->length = 0;
	if (operation.lockable && random_chance(random, 25))
		put(made, 0xf0);
	if (narrow)
		put(made, 0x66);
	if (random_chance(random, 10))
		put(made, 0x3e);
	if (operation.prefix != 0)
		put(made, operation.prefix);
	if (rex != 0)
		put(made, rex);
	for (unsigned i = 0; i < operation.opcode_length; i++)
		put(made, operation.opcode[i]);
	put_address(made, random, reg & 7, far_base);
	put_bytes(made, random, operation.immediate == BY_WIDTH ? operand : operation.immediate);
}

static void start_state(const struct rig *rig, struct random *random, struct state *state)
{
	rig_random_state(rig, random, state);
	state->cpu.general[RDI] = (uintptr_t)rig->registers + 0x800;
	state->cpu.general[R13] = (uintptr_t)rig->registers + 0xe00;
	state->cpu.general[RCX] = random_below(random, 0x40);
	/* Bit numbers stay within the window; every other register stays any. */
	for (unsigned i = 0; i < 16; i++)
		if (i != RDI && i != R13 && i != RSP && random_chance(random, 70))
			state->cpu.general[i] =
			    i == RCX ? state->cpu.general[i] : random_below(random, 0x2000);
}

static void hex(const struct instruction *made, char *text)
{
	for (size_t i = 0; i < made->length; i++)
		sprintf(text + 3 * i, "%02x ", made->bytes[i]);
}

/* bt and its like with a bit number that lies beyond the window: nothing to compare there. */
static bool goes_astray(const struct instruction *made, const struct state *state)
{
	for (size_t i = 0; i + 1 < made->length; i++) {
		const unsigned rex_r = i > 0 && (made->bytes[i - 1] & 0xf4) == 0x44 ? 8 : 0;
		unsigned reg;

		if (made->bytes[i] != 0x0f || i > 5)
			continue;
		reg = (made->bytes[i + 2] >> 3 & 7) | rex_r;
		if (made->bytes[i + 1] == 0xa3 || made->bytes[i + 1] == 0xab ||
		    made->bytes[i + 1] == 0xb3 || made->bytes[i + 1] == 0xbb)
			return state->cpu.general[reg] >= 0x2000;
		return false;
	}
	return false;
}

static void test_random_instructions(void **state)
{
	struct rig *rig = *state;
	uint8_t *page = code_page();
	unsigned compared = 0;

	print_message("seed %llu\n", (unsigned long long)random_seed());
	for (unsigned number = 0; number < 20000; number++) {
		struct random random = random_of_case(random_seed(), number);
		struct instruction made;
		struct state before, expected;
		char text[96];

		make_instruction(&random, &made);
		start_state(rig, &random, &before);
		if (goes_astray(&made, &before))
			continue;
		put_code(page, made.bytes, made.length);
		expected = before;
		rig_run_on_memory(rig, page, &expected);
		rig_run_by_trap(rig, page, &before);
		sprintf(text, "%u: ", number);
		hex(&made, text + strlen(text));
		rig_assert_same(&before, &expected, text);
		assert_true(rig->kinds[0] != '\0');
		compared++;
	}
	assert_true(compared > 15000);
	munmap(page, IOMMUSIM_PAGE_SIZE);
}

/* ---- forms the assembler does not give by itself --------------------------------------------- */

/* movabs: the accumulator and an absolute address of 64 bits. */
static void check_absolute(struct rig *rig, uint8_t rex, uint8_t opcode, const char *kinds)
{
	const uint64_t target = (uintptr_t)rig->registers + 0x40;
	struct random random = random_of_case(1, opcode);
	struct instruction made = { .length = 0 };
	struct state state, expected;
	uint8_t *page = code_page();

	if (rex != 0)
		put(&made, rex);
	put(&made, opcode);
	for (unsigned i = 0; i < 8; i++)
		put(&made, target >> i * 8 & 0xff);
	put_code(page, made.bytes, made.length);
	rig_random_state(rig, &random, &state);
	expected = state;
	rig_run_on_memory(rig, page, &expected);
	rig_run_by_trap(rig, page, &state);
	rig_assert_same(&state, &expected, "movabs");
	assert_string_equal(rig->kinds, kinds);
	munmap(page, IOMMUSIM_PAGE_SIZE);
}

static void test_absolute_addresses(void **state)
{
	check_absolute(*state, 0, 0xa0, "r1@40 ");
	check_absolute(*state, 0, 0xa1, "r4@40 ");
	check_absolute(*state, 0x48, 0xa1, "r8@40 ");
	check_absolute(*state, 0x4f, 0xa1, "r8@40 "); /* the other bits of REX mean nothing here */
	check_absolute(*state, 0, 0xa2, "w1@40 ");
	check_absolute(*state, 0, 0xa3, "w4@40 ");
	check_absolute(*state, 0x48, 0xa3, "w8@40 ");
	check_absolute(*state, 0x66, 0xa3, "w2@40 ");
}

/* Relative to the instruction pointer, with an immediate behind the distance. */
static void test_relative_to_the_instruction(void **state)
{
	struct rig *rig = *state;
	uint8_t *page = code_page();
	const int64_t distance = rig->registers + 0x18 - (page + 10);
	uint8_t code[10] = { 0xc7, 0x05, 0, 0, 0, 0, 0x78, 0x56, 0x34, 0x12 };
	const int32_t short_distance = (int32_t)distance;
	struct state after = { .registers = { 0 } };

	assert_true(distance == short_distance); /* mmap() puts both into one area */
	memcpy(code + 2, &short_distance, sizeof(short_distance));
	put_code(page, code, sizeof(code));
	rig_run_by_trap(rig, page, &after);
	assert_string_equal(rig->log, "w4@18=12345678 ");
	munmap(page, IOMMUSIM_PAGE_SIZE);
}

/* A cache by address must notice that the code there is another. */
static void test_changed_code_is_noticed(void **state)
{
	static const uint8_t store_byte[] = { 0x88, 0x07 }, store[] = { 0x89, 0x07 },
			     load[] = { 0x8b, 0x07 };
	struct rig *rig = *state;
	uint8_t *page = code_page();
	struct state after = { .registers = { 0x44, 0x33, 0x22, 0x11 } };

	after.cpu.general[RDI] = (uintptr_t)rig->registers;
	put_code(page, load, sizeof(load));
	rig_run_by_trap(rig, page, &after);
	rig_run_by_trap(rig, page, &after);
	assert_int_equal(after.cpu.general[RAX], 0x11223344);
	put_code(page, store, sizeof(store));
	rig_run_by_trap(rig, page, &after);
	assert_string_equal(rig->log, "w4@0=11223344 ");
	put_code(page, store_byte, sizeof(store_byte));
	rig_run_by_trap(rig, page, &after);
	assert_string_equal(rig->log, "w1@0=44 ");
	munmap(page, IOMMUSIM_PAGE_SIZE);
}

/* The instruction's last bytes lie on another page than its first. */
static void test_code_across_a_page(void **state)
{
	static const uint8_t code[] = { 0x48, 0x8b, 0x87, 0x08, 0x00, 0x00, 0x00 };
	struct rig *rig = *state;
	uint8_t *pages = mmap(NULL, 2 * IOMMUSIM_PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct state after = { .registers = { 0 } };

	assert_true(pages != MAP_FAILED);
	for (size_t before = 1; before < sizeof(code); before++) {
		put_code(pages + IOMMUSIM_PAGE_SIZE - before, code, sizeof(code));
		after.cpu.general[RDI] = (uintptr_t)rig->registers;
		rig_run_by_trap(rig, pages + IOMMUSIM_PAGE_SIZE - before, &after);
		assert_string_equal(rig->log, "r8@8=0 ");
	}
	munmap(pages, 2 * IOMMUSIM_PAGE_SIZE);
}

/* More places than the cache has room for, twice: what was displaced is found anew. */
static void test_many_places(void **state)
{
	static const uint8_t load[] = { 0x8b, 0x47, 0x00 };
	const size_t places = 4096, step = 32;
	struct rig *rig = *state;
	uint8_t *code = mmap(NULL, places * step, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct state after = { .registers = { 0 } };

	assert_true(code != MAP_FAILED);
	for (size_t i = 0; i < 2 * places; i++) {
		uint8_t *at = code + i % places * step;

		put_code(at, load, sizeof(load));
		at[2] = (uint8_t)(i % 32 * 4);
		after.registers[i % 32 * 4] = (uint8_t)i;
		after.cpu.general[RDI] = (uintptr_t)rig->registers;
		rig_run_by_trap(rig, at, &after);
		assert_int_equal(after.cpu.general[RAX], (uint8_t)i);
	}
	munmap(code, places * step);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_instructions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absolute_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relative_to_the_instruction, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_code_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code_across_a_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_places, setup, teardown),
	};

	return cmocka_run_group_tests_name("trap forms", tests, NULL, NULL);
}
