/* What software writes into page tables, entry by entry, in formats whose tables the library builds. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/formats/amd_host.h"
#include "models/formats/vtd_second_stage.h"
#include "models/formats/x86_first_stage.h"

enum { READ_ONLY = 1, WRITE_ONLY = 2, BOTH = 3, USER_TOO = 7 };

/* PR, the level below in 11:9, IR and IW in 62:61 (AMD-Vi 2.2.3). */
static void amd_host_entries_say_their_level(void **state)
{
	(void)state;
	assert_int_equal(amd_host.make_table(0x123456789000, 4), 0x6000123456789000 | 3 << 9 | 1);
	assert_int_equal(amd_host.make_table(0x1000, 2), 0x6000000000001000 | 1 << 9 | 1);
	assert_int_equal(amd_host.make_leaf(0xffffffffff000, 1, BOTH), 0x600ffffffffff001);
	assert_int_equal(amd_host.make_leaf(0x200000, 2, READ_ONLY), 0x2000000000200001);
	assert_int_equal(amd_host.make_leaf(0x40000000, 3, WRITE_ONLY), 0x4000000040000001);
	assert_true(amd_host.leaf(0x6000000000200001, 2));
	assert_false(amd_host.leaf(0x6000000000200201, 2));
	assert_false(amd_host.present(0x6000000000200000));
	assert_int_equal(amd_host.rights(0x2000000000000001), READ_ONLY);
}

/* NextLevel 7: the size is twice that of the first 0 bit, and the ones below it are no address. */
static void amd_host_leaves_may_say_their_size(void **state)
{
	static const struct {
		uint64_t entry, page;
		unsigned shift;
	} leaves[] = {
		{ 0x6000000000000e01, 0, 13 },
		{ 0x6000000000005e01, 0x4000, 14 },
		{ 0x6000000012347e01, 0x12340000, 16 },
		{ 0x60000001000ffe01, 0x100000000, 21 },
		{ 0x6007fffffffffe01, 0, 52 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(leaves) / sizeof(*leaves); i++) {
		assert_true(amd_host.leaf(leaves[i].entry, 1));
		assert_int_equal(amd_host_leaf_shift(leaves[i].entry, 1), leaves[i].shift);
		assert_int_equal(amd_host.page(leaves[i].entry, 1), leaves[i].page);
	}
	assert_int_equal(amd_host_leaf_shift(0x6000000040000001, 3), 30);
}

/* P, RW, US, PS at 0, 1, 2 and 7 (VT-d 9.7). */
static void x86_entries_have_a_page_size(void **state)
{
	(void)state;
	assert_int_equal(x86_first_stage.make_table(0x123456789000, 4), 0x123456789007);
	assert_int_equal(x86_first_stage.make_leaf(0x5000, 1, USER_TOO), 0x5007);
	assert_int_equal(x86_first_stage.make_leaf(0x5000, 1, READ_ONLY), 0x5001);
	assert_int_equal(x86_first_stage.make_leaf(0x200000, 2, BOTH), 0x200083);
	assert_int_equal(x86_first_stage.make_leaf(0x40000000, 3, USER_TOO), 0x40000087);
	assert_int_equal(x86_first_stage.make_leaf(0x5000, 1, 0) & 1, 0);
}

/* R, W, PS at 0, 1 and 7 (VT-d 9.8). */
static void vtd_entries_have_a_page_size(void **state)
{
	(void)state;
	assert_int_equal(vtd_second_stage.make_table(0x123456789000, 4), 0x123456789003);
	assert_int_equal(vtd_second_stage.make_leaf(0x5000, 1, WRITE_ONLY), 0x5002);
	assert_int_equal(vtd_second_stage.make_leaf(0x200000, 2, BOTH), 0x200083);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amd_host_entries_say_their_level),
		cmocka_unit_test(amd_host_leaves_may_say_their_size),
		cmocka_unit_test(x86_entries_have_a_page_size),
		cmocka_unit_test(vtd_entries_have_a_page_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
