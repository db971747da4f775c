/*
 * Policy tables=dropped: what a removal of whole tables cuts off, when that is free again, and that no translation is
 * another one for it.
 */
#include "libiommusim/vmm/state.h"
#include "property/random.h"
#include "vmm/tables.h"

#define DROPPED "reference+tables=dropped"

static struct iommusim_domain *start(
    struct host *host, const char *profile, bool amdvi, struct host_memory *memory)
{
	struct iommusim_domain *domain;

	host_start(host, &(struct host_setup){ .profile = profile, .amdvi = amdvi, .memory = memory });
	assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
	assert_ok(iommusim_iommu_create_domain(host->vmm, UINT64_C(1) << 40, &domain));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, HOST_PPT2));
	return domain;
}

static uint64_t reachable(struct host *host, struct iommusim_domain *domain, bool amdvi)
{
	return tables_count(&(struct tables){ .host = host, .domain = domain, .amdvi = amdvi });
}

/* 6 MiB from 1 GiB on have three tables, one above them and one above that (four levels). */
static void whole_tables_go_and_are_free_after_the_invalidation(void **state)
{
	struct host host;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct iommusim_domain *domain = start(&host, DROPPED, amdvi, NULL);
		const uint64_t before = vmm_table_pages(host.vmm);

		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, GIB, 0x100000, 6 * MIB));
		assert_int_equal(vmm_table_pages(host.vmm), before + 5);
		assert_int_equal(reachable(&host, domain, amdvi), 6);
		/* All of the second one, and parts of its neighbours. */
		assert_ok(iommusim_iommu_remove_mapping(
		    host.vmm, domain, GIB + 2 * MIB - PAGE, 2 * MIB + 2 * PAGE));
		assert_int_equal(vmm_table_pages(host.vmm), before + 5);
		assert_int_equal(reachable(&host, domain, amdvi), 5);
		assert_false(host_look(host.ppt2, GIB + 2 * MIB - 2 * PAGE).faulted);
		assert_true(host_look(host.ppt2, GIB + 2 * MIB - PAGE).faulted);
		assert_true(host_look(host.ppt2, GIB + 2 * MIB).faulted);
		assert_true(host_look(host.ppt2, GIB + 4 * MIB).faulted);
		assert_false(host_look(host.ppt2, GIB + 4 * MIB + PAGE).faulted);
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
		assert_int_equal(vmm_table_pages(host.vmm), before + 4);
		/* The gigabyte, with the table above and what is left below it. */
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GIB, GIB));
		assert_int_equal(vmm_table_pages(host.vmm), before + 4);
		assert_int_equal(reachable(&host, domain, amdvi), 2);
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
		assert_int_equal(vmm_table_pages(host.vmm), before + 1);
		host_stop(&host);
	}
}

static void in_the_reference_they_stay(void **state)
{
	struct host host;
	struct iommusim_domain *domain = start(&host, "reference", false, NULL);
	const uint64_t before = vmm_table_pages(host.vmm);

	(void)state;
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, GIB, 0x100000, 6 * MIB));
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0, 2 * GIB));
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	assert_int_equal(vmm_table_pages(host.vmm), before + 5);
	assert_int_equal(reachable(&host, domain, false), 6);
	host_stop(&host);
}

/* Until then hardware that kept the way walks the old table: it must not be anybody else's. */
static void until_then_nobody_else_has_them(void **state)
{
	struct host host;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct iommusim_domain *domain = start(&host, DROPPED, amdvi, NULL);

		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, GIB, 0x100000, 2 * MIB));
		assert_false(host_dma(host.ppt2, IOMMUSIM_DMA_READ, GIB).faulted);
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GIB, 2 * MIB));
		for (unsigned i = 0; i < 600; i++) /* one table after the other */
			assert_ok(iommusim_iommu_create_mapping(
			    host.vmm, domain, 2 * GIB + i * (2 * MIB), 0x300000, PAGE));
		/* Another page of the same table: by the translation that is kept, or the way to it, or not at all. */
		for (unsigned i = 0; i < 4; i++) {
			const struct iommusim_dma_page page =
			    host_dma(host.ppt2, IOMMUSIM_DMA_READ, GIB + i * PAGE);

			if (!page.faulted)
				assert_int_equal(page.physical, 0x100000 + i * PAGE);
		}
		assert_int_equal(host_dma(host.ppt2, IOMMUSIM_DMA_READ, GIB).physical, 0x100000);
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
		assert_true(host_dma(host.ppt2, IOMMUSIM_DMA_READ, GIB).faulted);
		host_stop(&host);
	}
}

static void an_invalidation_of_pages_frees_what_is_wholly_among_them(void **state)
{
	struct host host;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct iommusim_domain *domain =
		    start(&host, DROPPED "+invalidate=strict+reach=selective", amdvi, NULL);
		uint64_t before;

		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 8 * GIB, 0x200000, PAGE));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, GIB, 0x100000, 6 * MIB));
		before = vmm_table_pages(host.vmm);
		assert_false(host_dma(host.ppt2, IOMMUSIM_DMA_READ, GIB + 2 * MIB).faulted);
		assert_ok(iommusim_iommu_remove_mapping(
		    host.vmm, domain, GIB + 2 * MIB - PAGE, 2 * MIB + PAGE));
		assert_int_equal(vmm_table_pages(host.vmm), before - 1);
		/* The table is another one's now, of the same level, and nobody comes by the old way. */
		assert_ok(iommusim_iommu_create_mapping(
		    host.vmm, domain, 8 * GIB + 2 * MIB, 0x300000, 2 * MIB));
		assert_int_equal(vmm_table_pages(host.vmm), before);
		assert_true(host_dma(host.ppt2, IOMMUSIM_DMA_READ, GIB + 2 * MIB).faulted);
		assert_true(host_dma(host.ppt2, IOMMUSIM_DMA_READ, GIB + 3 * MIB).faulted);
		host_stop(&host);
	}
}

/* What other removals have cut off is not forgotten by it. */
static void and_nothing_else(void **state)
{
	struct host host;

	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct iommusim_domain *domain = start(&host, DROPPED, amdvi, NULL);
		struct iommusim_vmm *vmm = host.vmm;
		uint64_t before;

		assert_ok(iommusim_iommu_create_mapping(vmm, domain, GIB, 0x100000, 6 * MIB));
		before = vmm_table_pages(vmm);
		assert_ok(iommusim_iommu_remove_mapping(vmm, domain, GIB, 4 * MIB));
		assert_int_equal(vmm_table_pages(vmm), before);
		/* Half of the first one, then the first one. */
		assert_ok(vmm->ops.invalidate_range(vmm->ops_context, domain->handle, GIB, MIB));
		assert_int_equal(vmm_table_pages(vmm), before);
		assert_ok(vmm->ops.invalidate_range(vmm->ops_context, domain->handle, GIB, 2 * MIB));
		assert_int_equal(vmm_table_pages(vmm), before - 1);
		assert_ok(iommusim_iommu_invalidate_tlb(vmm, domain));
		assert_int_equal(vmm_table_pages(vmm), before - 2);
		host_stop(&host);
	}
}

/* It takes memory to remember a table; without any it is emptied as ever. */
static void without_memory_they_stay(void **state)
{
	struct host_memory memory;
	struct iommusim_domain *domain;
	struct host host;
	uint64_t before;

	(void)state;
	host_memory_init(&memory);
	domain = start(&host, DROPPED, false, &memory);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, GIB, 0x100000, 2 * MIB));
	before = vmm_table_pages(host.vmm);
	host_memory_arm(&memory, 1, true);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, GIB, 2 * MIB));
	assert_true(memory.failed);
	host_memory_arm(&memory, 0, false);
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	assert_int_equal(vmm_table_pages(host.vmm), before);
	assert_true(host_look(host.ppt2, GIB).faulted);
	assert_true(host_look(host.ppt2, GIB + 2 * MIB - PAGE).faulted);
	host_stop(&host);
	assert_int_equal(memory.bytes, 0);
}

/* ---- lives ----------------------------------------------------------------------------------------- */

static void compare(struct host *hosts, const uint64_t *round)
{
	for (unsigned i = 0; i < 64; i++) {
		const uint64_t at = round[i % 4] + (i / 4) * UINT64_C(0x7f000);
		const struct iommusim_dma_page kept = host_look(hosts[0].ppt2, at),
					       dropped = host_look(hosts[1].ppt2, at);

		assert_int_equal(kept.faulted, dropped.faulted);
		if (!kept.faulted)
			assert_int_equal(kept.physical, dropped.physical);
	}
}

/* The same calls on both: every page translates alike, and nothing is left over in the end. */
static void live(bool amdvi, uint64_t seed)
{
	static const uint64_t round[] = { 0, UINT64_C(0x3fe00000), UINT64_C(0x7fffe00000),
		UINT64_C(0xffffc00000) };
	struct random random = { seed };
	struct iommusim_domain *domains[2];
	static struct host hosts[2];
	uint64_t before;

	domains[0] = start(&hosts[0], "reference", amdvi, NULL);
	domains[1] = start(&hosts[1], DROPPED, amdvi, NULL);
	before = vmm_table_pages(hosts[1].vmm);
	for (unsigned i = 0; i < 300; i++) {
		const uint64_t what = random_below(&random, 10);
		const uint64_t gpa = round[random_below(&random, 4)] +
		    random_below(&random, random_chance(&random, 50) ? 4 : 1500) * 0x80000;
		const uint64_t length =
		    random_chance(&random, 30) ? 2 * MIB : (1 + random_below(&random, 2000)) * PAGE;

		for (unsigned h = 0; h < 2; h++)
			if (what < 5)
				assert_ok(iommusim_iommu_create_mapping(
				    hosts[h].vmm, domains[h], gpa, gpa % GIB, length));
			else if (what < 9)
				assert_ok(iommusim_iommu_remove_mapping(
				    hosts[h].vmm, domains[h], gpa, what == 8 ? GIB : length));
			else
				assert_ok(iommusim_iommu_invalidate_tlb(hosts[h].vmm, domains[h]));
		compare(hosts, round);
	}
	assert_true(vmm_table_pages(hosts[0].vmm) > vmm_table_pages(hosts[1].vmm));
	assert_ok(iommusim_iommu_remove_mapping(hosts[1].vmm, domains[1], 0, UINT64_C(1) << 41));
	assert_ok(iommusim_iommu_invalidate_tlb(hosts[1].vmm, domains[1]));
	assert_int_equal(vmm_table_pages(hosts[1].vmm), before);
	for (unsigned h = 0; h < 2; h++)
		host_stop(&hosts[h]);
}

static void no_translation_is_another_one_for_it(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 5; seed++)
		live(seed % 2, seed);
}

/* Their checker finds nothing, and calls stale what is. */
static void a_checker_agrees(void **state)
{
	static const char *const profiles[] = { DROPPED, DROPPED "+invalidate=strict+reach=selective" };
	struct host host;

	(void)state;
	for (unsigned which = 0; which < 4; which++) {
		struct iommusim_vm *vm;

		host_start(&host,
		    &(struct host_setup){
			.profile = profiles[which / 2], .amdvi = which % 2, .checked = true });
		assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 1));
		vm = host_guest(&host, "vm", 8 * MIB, HOST_PPT2);
		for (unsigned i = 0; i < 3; i++) {
			assert_false(host_dma(host.ppt2, IOMMUSIM_DMA_READ, 3 * MIB).faulted);
			assert_ok(iommusim_iommu_remove_mapping(
			    host.vmm, iommusim_vm_domain(vm), 2 * MIB, 4 * MIB));
			assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, iommusim_vm_domain(vm)));
			assert_true(host_dma(host.ppt2, IOMMUSIM_DMA_READ, 3 * MIB).faulted);
			for (uint64_t gpa = 2 * MIB; gpa < 6 * MIB; gpa += 64 * KIB)
				assert_ok(iommusim_iommu_create_mapping(host.vmm,
				    iommusim_vm_domain(vm), gpa, host_hpa(vm, gpa), 64 * KIB));
		}
		assert_ok(iommusim_vm_destroy(vm));
		iommusim_check_finish(host.check);
		assert_null(iommusim_check_finding(host.check, 0));
		host_stop(&host);
	}
}

/* Beyond the width addresses wrap: an alias cuts off what its low bits name, and nothing goes by that any more. */
static void a_table_that_is_cut_off_by_an_alias(void **state)
{
	(void)state;
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		struct iommusim_domain *own, *other;
		struct host host;

		host_start(
		    &host, &(struct host_setup){ .profile = "15.0+tables=dropped", .amdvi = amdvi });
		assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 1));
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &own));
		assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &other));
		assert_ok(iommusim_iommu_add_device(host.vmm, own, 0, HOST_PPT2));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, own, 0, 0x2000000, PAGE));
		assert_ok(iommusim_iommu_remove_mapping(host.vmm, own, UINT64_C(1) << 48, 2 * MIB));
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, own));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, other, 0, 0x3000000, PAGE));
		assert_ok(iommusim_iommu_create_mapping(host.vmm, own, 0x5000, 0x2005000, PAGE));
		assert_int_equal(host_look(host.ppt2, 0x5000).physical, 0x2005000);
		assert_false(host_look(host.ppt2, 0x5000).faulted);
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_tables_go_and_are_free_after_the_invalidation),
		cmocka_unit_test(in_the_reference_they_stay),
		cmocka_unit_test(until_then_nobody_else_has_them),
		cmocka_unit_test(an_invalidation_of_pages_frees_what_is_wholly_among_them),
		cmocka_unit_test(and_nothing_else),
		cmocka_unit_test(without_memory_they_stay),
		cmocka_unit_test(no_translation_is_another_one_for_it),
		cmocka_unit_test(a_table_that_is_cut_off_by_an_alias),
		cmocka_unit_test(a_checker_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
