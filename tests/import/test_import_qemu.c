/* QEMU's trace lines: register accesses, the invalidation queue that is rebuilt, and what stays a comment. */
#include "import/imported.h"

static void register_accesses_are_made_again(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_QEMU, "qemu-vtd.log", NULL);

	(void)state;
	assert_line(&imported, "machine(iommu=none, memory=4G)");
	assert_line(&imported, "mmio_read64(0xfed90008)  # 1");
	assert_line(&imported, "mmio_write64(0xfed90020, 0x103140000)  # 2");
	assert_line(&imported, "mmio_write32(0xfed90018, 0x84000000)  # 17");
	assert_line(&imported, "# 18: vtd_dmar_enable enable 1");
	assert_int_equal(imported.summary.lines, 23);
	assert_int_equal(imported.summary.statements, 13);
	assert_int_equal(imported.summary.kept, 10);
	assert_int_equal(imported.notice_count, 2);
	assert_int_equal(imported.notices[0].why, IOMMUSIM_IMPORT_MALFORMED);
	assert_int_equal(imported.notices[0].line, 22);
	assert_int_equal(imported.notices[0].column, 40);
	assert_int_equal(imported.notices[1].why, IOMMUSIM_IMPORT_UNREADABLE);
	assert_int_equal(imported.notices[1].line, 23);
	imported_free(&imported);
}

/* The unit must have done what was submitted: the wait descriptor's status is in memory then. */
static void descriptors_are_in_the_queue_before_they_are_submitted(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_QEMU, "qemu-vtd.log", NULL);
	const char *trace = imported.trace;
	const uint32_t submitted = line_of(trace, "mmio_write64(0xfed90088, 0x20)  # 9");
	static const char check[] = "mem_read(0x101a50004, 4) = \"02 00 00 00\"\n"
				    "mmio_read64(0xfed90080) = 0x20\n";

	(void)state;
	assert_true(submitted > line_of(trace,
				    "mem_write(0x101a40000, \"d2 00 00 00 00 00 00 00 00 00 00 00 "
				    "00 00 00 00\")  # 12"));
	assert_true(submitted > line_of(trace,
				    "mem_write(0x101a40010, \"25 00 00 00 02 00 00 00 04 00 a5 01 "
				    "01 00 00 00\")  # 14"));
	imported.trace = realloc(imported.trace, imported.length + sizeof(check));
	assert_non_null(imported.trace);
	memcpy(imported.trace + imported.length, check, sizeof(check));
	imported.length += strlen(check);
	assert_int_equal(assert_replays(&imported).expectations_met, 2);
	imported_free(&imported);
}

static void a_queue_with_holes_is_not_submitted(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_QEMU,
	    "vtd_reg_write addr 0x90 size 0x8 value 0x10000\n"
	    "vtd_reg_write addr 0x18 size 0x4 value 0x4000000\n"
	    "vtd_reg_write addr 0x88 size 0x8 value 0x20\n"
	    "vtd_inv_desc invalidate desc type iotlb high 0x0 low 0xd2\n"
	    "vtd_reg_write addr 0x88 size 0x8 value 0x30\n"
	    "vtd_inv_desc invalidate desc type iotlb high 0x0 low 0xd2\n"
	    "vtd_reg_write addr 0x90 size 0x8 value 0x10000\n"
	    "vtd_reg_write addr 0x88 size 0x4 value 0x10\n"
	    "vtd_inv_desc invalidate desc type iotlb high 0x0 low 0xd2\n",
	    NULL);

	(void)state;
	line_of(imported.trace, "# 3: not all descriptors are in the log: vtd_reg_write addr 0x88");
	line_of(imported.trace, "# 5: not all descriptors are in the log: vtd_reg_write addr 0x88");
	line_of(imported.trace, "# 6: vtd_inv_desc invalidate desc type iotlb");
	/* a new queue is a new beginning */
	assert_line(&imported, "mmio_write32(0xfed90088, 0x10)  # 8");
	assert_replays(&imported);
	imported_free(&imported);
}

/* A queue of one page holds 256 descriptors. */
static void the_queue_wraps(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_QEMU,
	    "vtd_reg_write addr 0x90 size 0x4 value 0x10000\n"
	    "vtd_reg_write addr 0x94 size 0x4 value 0x1\n"
	    "vtd_reg_write addr 0x88 size 0x8 value 0xff0\n",
	    NULL);

	(void)state;
	line_of(imported.trace, "# 3: not all descriptors are in the log");
	imported_free(&imported);
	imported = import_lines(IOMMUSIM_IMPORT_QEMU,
	    "vtd_reg_write addr 0x90 size 0x4 value 0x10000\n"
	    "vtd_reg_write addr 0x94 size 0x4 value 0x1\n"
	    "vtd_reg_write addr 0x88 size 0x8 value 0x10\n"
	    "vtd_inv_desc invalidate desc type iotlb high 0x0 low 0xd2\n",
	    NULL);
	line_of(imported.trace, "mem_write(0x100010000, \"d2");
	assert_line(&imported, "mmio_write64(0xfed90088, 0x10)  # 3");
	imported_free(&imported);
}

static void translations_are_comments_or_statements(void **state)
{
	const struct iommusim_import_options options = { .dma = true };
	struct imported imported = import_sample(IOMMUSIM_IMPORT_QEMU, "qemu-vtd.log", NULL);
	struct imported with;

	(void)state;
	line_of(imported.trace, "# dma(0x0018, read, 0xfffff000, 1)  expect pa(0x104d64000)  # 19: ");
	line_of(imported.trace, "# dma(0x0018, read, 0xfffff010, 1)  expect pa(0x104d64010)  # 20: ");
	line_of(imported.trace, "# dma(0x0038, read, 0x1000, 1)  expect fault(6)  # 21: ");
	imported_free(&imported);
	with = import_sample(IOMMUSIM_IMPORT_QEMU, "qemu-vtd.log", &options);
	line_of(with.trace, "dma(0x0018, read, 0xfffff010, 1)  expect pa(0x104d64010)  # 20: ");
	line_of(with.trace, "dma(0x0038, read, 0x1000, 1)  expect fault(6)  # 21: ");
	imported_free(&with);
}

static void pages_of_unknown_size_have_no_address(void **state)
{
	struct imported imported = import_lines(IOMMUSIM_IMPORT_QEMU,
	    "vtd_iotlb_page_hit IOTLB page hit sid 0x18 iova 0x201000 slpte 0x104c00082 domain 0x1\n"
	    "vtd_dmar_translate dev 01:00.00 iova 0x201010 -> gpa 0x104c00000 mask 0x1fffff\n"
	    "vtd_dmar_translate dev 01:00.00 iova 0x201010 -> gpa 0x104c00000 mask 0xffffffffffe00000\n",
	    NULL);

	(void)state;
	line_of(imported.trace, "# dma(0x0018, write, 0x201000, 1)  expect ok  # 1: ");
	line_of(imported.trace, "# dma(0x0100, read, 0x201010, 1)  expect pa(0x104c01010)  # 2: ");
	line_of(imported.trace, "# dma(0x0100, read, 0x201010, 1)  expect pa(0x104c01010)  # 3: ");
	imported_free(&imported);
}

static void amdvi_commands_are_missing(void **state)
{
	struct imported imported = import_sample(IOMMUSIM_IMPORT_QEMU, "qemu-amdvi.log", NULL);

	(void)state;
	assert_line(&imported, "machine(iommu=none, memory=1G, cpu=amd)");
	assert_line(&imported, "mmio_write64(0xfed80008, 0x900000000200000)  # 2");
	assert_line(&imported, "mmio_write32(0xfed82008, 0x0)  # 4");
	assert_line(&imported, "mmio_read64(0xfed80030)  # 5");
	line_of(imported.trace, "# 7: the commands in the ring are not in the log: ");
	line_of(imported.trace, "# dma(0x0018, read, 0xfffff010, 1)  expect ok  # 11: ");
	line_of(
	    imported.trace, "# 12: 4321@1700000000.000012:amdvi_mmio_write error: addr outside region");
	line_of(imported.trace, "# 13: an event that cannot be read: ");
	assert_int_equal(imported.summary.malformed, 1);
	assert_replays(&imported);
	imported_free(&imported);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(register_accesses_are_made_again),
		cmocka_unit_test(descriptors_are_in_the_queue_before_they_are_submitted),
		cmocka_unit_test(a_queue_with_holes_is_not_submitted),
		cmocka_unit_test(the_queue_wraps),
		cmocka_unit_test(translations_are_comments_or_statements),
		cmocka_unit_test(pages_of_unknown_size_have_no_address),
		cmocka_unit_test(amdvi_commands_are_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
