/* No false alarm: random lives of VMs under profiles without a known flaw, by vendor and cache policy. */
#include "check/invalidation_fixture.h"

#define LIVES 50u /* of VMs, under each profile, vendor and cache policy */
#include <stdio.h>

#define VM_SIZE (512 * KIB)

struct story {
	struct host host;
	struct iommusim_vm *vms[2];
	uint64_t random;
	unsigned lives;
};

static unsigned draw(struct story *story, unsigned below)
{
	story->random = story->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(story->random >> 33) % below;
}

static void be_born(struct story *story, unsigned which)
{
	char name[16];

	snprintf(name, sizeof(name), "vm-%u", story->lives++);
	story->vms[which] = host_vm(&story->host, name, VM_SIZE, draw(story, 1000));
}

static void one_step(struct story *story)
{
	static const uint16_t rids[] = { HOST_PPT1, HOST_PPT2 };
	struct host *host = &story->host;
	struct iommusim_requester *const devices[] = { host->ppt1, host->ppt2, host->ahci };
	const unsigned which = draw(story, 2);
	const uint16_t rid = rids[draw(story, 2)];
	struct iommusim_vm *vm = story->vms[which];

	if (vm == NULL) {
		be_born(story, which);
		return;
	}
	switch (draw(story, 8)) {
	case 0:
		assert_ok(iommusim_vm_destroy(vm));
		story->vms[which] = NULL;
		break;
	case 1:
	case 2:
		if (iommusim_vm_of_device(host->vmm, 0, rid) == NULL)
			host_assign(vm, rid);
		break;
	case 3:
		if (iommusim_vm_of_device(host->vmm, 0, rid) == vm)
			assert_ok(iommusim_vm_unassign_pptdev(vm, 0, rid));
		break;
	case 4:
		if (iommusim_vm_domain(vm) != NULL && iommusim_vm_of_device(host->vmm, 0, rid) == vm) {
			const uint64_t gpa = draw(story, 64) * PAGE;

			assert_ok(iommusim_iommu_remove_mapping(
			    host->vmm, iommusim_vm_domain(vm), gpa, PAGE));
			assert_ok(iommusim_iommu_invalidate_tlb(host->vmm, iommusim_vm_domain(vm)));
			assert_ok(iommusim_iommu_create_mapping(
			    host->vmm, iommusim_vm_domain(vm), gpa, host_hpa(vm, gpa), PAGE));
		}
		break;
	default:
		dma_verdict(host, devices[draw(story, 3)], draw(story, 128) * PAGE);
		break;
	}
}

static void live(const char *profile, bool amdvi, enum iommusim_cache_policy cache, uint64_t seed)
{
	struct story story = { .random = seed };

	host_start(&story.host,
	    &(struct host_setup){
		.profile = profile, .amdvi = amdvi, .checked = true, .settings = { .cache = cache } });
	for (unsigned step = 0; story.lives < LIVES; step++) {
		one_step(&story);
		if (step % 97 == 96)
			iommusim_check_finish(story.host.check);
		if (found_any(&story.host) != 0)
			fail_msg("%s, AMD %d, cache %d, step %u", profile, amdvi, (int)cache, step);
	}
	for (unsigned i = 0; i < 2; i++)
		if (story.vms[i] != NULL)
			assert_ok(iommusim_vm_destroy(story.vms[i]));
	assert_ok(iommusim_vmm_unload(story.host.vmm));
	iommusim_check_finish(story.host.check);
	assert_int_equal(found_any(&story.host), 0);
	host_stop(&story.host);
}

static void live_under(const char *profile)
{
	for (unsigned amdvi = 0; amdvi < 2; amdvi++)
		for (unsigned cache = 0; cache < 4; cache++)
			live(profile, amdvi != 0, (enum iommusim_cache_policy)cache,
			    cache * UINT64_C(7) + amdvi + 1);
}

static void the_reference_has_no_finding(void **state)
{
	(void)state;
	live_under("reference");
}

static void strict_invalidation_has_no_finding(void **state)
{
	(void)state;
	live_under("strict");
}

static void selective_invalidation_has_no_finding(void **state)
{
	(void)state;
	live_under("selective");
}

static void deferred_invalidation_has_none_while_memory_stays(void **state)
{
	(void)state;
	live_under("deferred");
}

static void superpages_have_no_finding(void **state)
{
	(void)state;
	live_under("superpages");
}

static void bouncing_has_no_finding(void **state)
{
	(void)state;
	live_under("bounce");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_has_no_finding),
		cmocka_unit_test(strict_invalidation_has_no_finding),
		cmocka_unit_test(selective_invalidation_has_no_finding),
		cmocka_unit_test(superpages_have_no_finding),
		cmocka_unit_test(bouncing_has_no_finding),
		cmocka_unit_test(deferred_invalidation_has_none_while_memory_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
