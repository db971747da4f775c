/* What the checker keeps: as many calls as one likes cost little, and each is still known by its place. */
#include "host_fixture.h"

#define PAGES      (UINT64_C(1) << 19)
#define FIRST_LINE 100u

/* The pages' host memory begins here: a mapping needs none to be there. */
#define TARGET (64 * GIB)

struct fixture {
	struct host host;
	struct host_memory memory;
	struct iommusim_domain *domain;
	uint32_t line;
};

static void start(struct fixture *fixture, bool attached)
{
	host_memory_init(&fixture->memory);
	host_start(&fixture->host,
	    &(struct host_setup){ .checked = true, .ram = 128 * MIB, .memory = &fixture->memory });
	assert_ok(iommusim_iommu_create_domain(fixture->host.vmm, PAGES * PAGE * 2, &fixture->domain));
	if (attached)
		assert_ok(iommusim_iommu_add_device(fixture->host.vmm, fixture->domain, 0, HOST_PPT1));
	fixture->line = FIRST_LINE;
}

static void at_next_line(struct fixture *fixture)
{
	const struct iommusim_place place = { "calls", fixture->line++ };

	iommusim_check_set_place(fixture->host.check, &place);
}

static void map_all(struct fixture *fixture)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		at_next_line(fixture);
		assert_ok(iommusim_iommu_create_mapping(
		    fixture->host.vmm, fixture->domain, page * PAGE, TARGET + page * PAGE, PAGE));
	}
}

static void remove_all(struct fixture *fixture)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		at_next_line(fixture);
		assert_ok(iommusim_iommu_remove_mapping(
		    fixture->host.vmm, fixture->domain, page * PAGE, PAGE));
	}
}

static struct iommusim_report judge(struct fixture *fixture, uint64_t address)
{
	const struct iommusim_dma_request request = {
		.kind = IOMMUSIM_DMA_WRITE, .address = address, .length = 8
	};
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(fixture->host.check, fixture->host.ppt1, &request, NULL, &report));
	return report;
}

static void assert_call(const struct iommusim_remembered_call *call, uint32_t line, uint64_t page)
{
	assert_true(call->known);
	assert_int_equal(call->place.line, line);
	assert_string_equal(call->place.file, "calls");
	assert_string_equal(call->domain_name, "dom1");
	assert_false(call->has_inner);
	assert_int_equal(call->outer.address, page * PAGE);
	assert_int_equal(call->outer.length, PAGE);
}

static void a_guest_that_is_mapped_page_by_page_costs_little(void **state)
{
	struct fixture fixture;
	int64_t before;

	(void)state;
	start(&fixture, false);
	before = fixture.memory.bytes;
	map_all(&fixture);
	assert_true(fixture.memory.bytes - before < (int64_t)PAGES / 4);
	remove_all(&fixture);
	assert_true(fixture.memory.bytes - before < (int64_t)PAGES / 4);
	map_all(&fixture);
	assert_true(fixture.memory.bytes - before < (int64_t)PAGES / 4);
	host_stop(&fixture.host);
}

/* With a device in the domain the checker follows its tables, too. */
static void each_page_is_known_by_its_own_call(void **state)
{
	struct iommusim_report report;
	struct fixture fixture;
	int64_t before;

	(void)state;
	start(&fixture, true);
	before = fixture.memory.bytes;
	map_all(&fixture);
	assert_true(fixture.memory.bytes - before < (int64_t)PAGES);
	for (uint64_t page = 0; page < PAGES; page += PAGES / 16 - 3) {
		report = judge(&fixture, page * PAGE);
		assert_int_equal(report.expected, TARGET + page * PAGE);
		assert_call(&report.last_mapped, FIRST_LINE + (uint32_t)page, page);
		assert_int_equal(report.last_mapped.outer.host_address, TARGET + page * PAGE);
	}
	host_stop(&fixture.host);
}

static void domains_that_are_gone_cost_little(void **state)
{
	struct fixture fixture;
	int64_t before = 0;

	(void)state;
	start(&fixture, true);
	for (unsigned i = 0; i < 2100; i++) {
		struct iommusim_domain *domain;

		if (i == 100)
			before = fixture.memory.bytes;
		assert_ok(iommusim_iommu_create_domain(fixture.host.vmm, GIB, &domain));
		assert_ok(iommusim_iommu_create_mapping(fixture.host.vmm, domain, 0, TARGET, PAGE));
		assert_ok(iommusim_iommu_destroy_domain(fixture.host.vmm, domain));
	}
	/* Its name, and what of its calls is its own. */
	assert_true(fixture.memory.bytes - before < INT64_C(2000) * 256);
	host_stop(&fixture.host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_that_is_mapped_page_by_page_costs_little),
		cmocka_unit_test(each_page_is_known_by_its_own_call),
		cmocka_unit_test(domains_that_are_gone_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
