/* Calls that may run out of memory, and what is checked of each when they do. */
#include "host_attempts.h"

/* ---- what is there before -------------------------------------------------------------------- */

static void nothing(struct host *host)
{
	(void)host;
}

static void a_late_function(struct host *host)
{
	host_init(host);
	host_function(host, 0x0a00, "late");
}

static void an_undriven_function(struct host *host)
{
	host_function(host, 0x0a00, "undriven");
}

static void a_vm(struct host *host)
{
	host_vm(host, "vm", 256 * KIB, 1);
}

static void a_vm_and_the_iommu(struct host *host)
{
	a_vm(host);
	host_init(host);
}

static void a_vm_without_memory(struct host *host)
{
	assert_ok(iommusim_vm_create(host->vmm, "vm", NULL));
}

static void a_guest(struct host *host)
{
	host_guest(host, "vm", 256 * KIB, HOST_PPT1);
}

static void a_guest_that_was(struct host *host)
{
	assert_ok(
	    iommusim_vm_unassign_pptdev(host_guest(host, "vm", 256 * KIB, HOST_PPT1), 0, HOST_PPT1));
}

static void a_domain(struct host *host)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, 0, 0x9000, 0x4000));
}

/* One range in the checker's record, which has to be split for a page of it. */
static void a_large_domain(struct host *host)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, 0, 0, GIB));
	assert_ok(iommusim_iommu_add_device(host->vmm, domain, 0, HOST_PPT1));
}

static void a_domain_with_a_device(struct host *host)
{
	a_domain(host);
	assert_ok(iommusim_iommu_add_device(host->vmm, iommusim_domain_at(host->vmm, 1), 0, HOST_PPT1));
}

/* ---- the calls ------------------------------------------------------------------------------- */

static enum iommusim_status init(struct host *host)
{
	return iommusim_iommu_init(host->vmm);
}

static enum iommusim_status create_domain(struct host *host)
{
	struct iommusim_domain *domain;
	const enum iommusim_status status = iommusim_iommu_create_domain(host->vmm, MIB, &domain);

	assert_int_equal(domain != NULL, status == IOMMUSIM_OK);
	return status;
}

static enum iommusim_status attach_host(struct host *host)
{
	return iommusim_device_attach(host->vmm, 0, 0x0a00, IOMMUSIM_DRIVER_HOST);
}

static enum iommusim_status attach_ppt(struct host *host)
{
	return iommusim_device_attach(host->vmm, 0, 0x0a00, IOMMUSIM_DRIVER_PPT);
}

static enum iommusim_status added(struct host *host)
{
	return iommusim_pci_device_added(host->vmm, 0, 0x0a00);
}

static enum iommusim_status create_vm(struct host *host)
{
	struct iommusim_vm *vm;
	const enum iommusim_status status = iommusim_vm_create(host->vmm, "new", &vm);

	assert_int_equal(vm != NULL, status == IOMMUSIM_OK);
	return status;
}

static enum iommusim_status setup_memory(struct host *host)
{
	const struct iommusim_vm_memory memory = { .size = MIB, .seed = 3 };

	return iommusim_vm_setup_memory(iommusim_vm_find(host->vmm, "vm"), &memory);
}

static enum iommusim_status assign(struct host *host)
{
	return iommusim_vm_assign_pptdev(iommusim_vm_find(host->vmm, "vm"), 0, HOST_PPT1);
}

static enum iommusim_status assign_second(struct host *host)
{
	return iommusim_vm_assign_pptdev(iommusim_vm_find(host->vmm, "vm"), 0, HOST_PPT2);
}

static enum iommusim_status unassign(struct host *host)
{
	return iommusim_vm_unassign_pptdev(iommusim_vm_find(host->vmm, "vm"), 0, HOST_PPT1);
}

static enum iommusim_status destroy(struct host *host)
{
	return iommusim_vm_destroy(iommusim_vm_find(host->vmm, "vm"));
}

static enum iommusim_status deleted(struct host *host)
{
	return iommusim_pci_device_deleted(host->vmm, 0, HOST_AHCI);
}

static enum iommusim_status taken(struct host *host)
{
	return iommusim_ppt_attach(host->vmm, 0, HOST_AHCI);
}

static enum iommusim_status taken_unknown(struct host *host)
{
	return iommusim_ppt_attach(host->vmm, 0, 0x0a00);
}

static enum iommusim_status let_go(struct host *host)
{
	return iommusim_ppt_detach(host->vmm, 0, HOST_PPT1);
}

static enum iommusim_status unload(struct host *host)
{
	return iommusim_vmm_unload(host->vmm);
}

static enum iommusim_status sysctl(struct host *host)
{
	return iommusim_sysctl_set(host->vmm, "hw.dmar.enable", 1);
}

static struct iommusim_domain *made(struct host *host)
{
	return iommusim_domain_at(host->vmm, 1);
}

static enum iommusim_status map(struct host *host)
{
	return iommusim_iommu_create_mapping(host->vmm, made(host), 0x10000, 0x20000, 0x8000);
}

static enum iommusim_status unmap(struct host *host)
{
	return iommusim_iommu_remove_mapping(host->vmm, made(host), 0x1000, 0x1000);
}

static enum iommusim_status add(struct host *host)
{
	return iommusim_iommu_add_device(host->vmm, made(host), 0, HOST_PPT1);
}

static enum iommusim_status remove_it(struct host *host)
{
	return iommusim_iommu_remove_device(host->vmm, made(host), 0, HOST_PPT1);
}

static enum iommusim_status invalidate(struct host *host)
{
	return iommusim_iommu_invalidate_tlb(host->vmm, made(host));
}

static enum iommusim_status destroy_domain(struct host *host)
{
	return iommusim_iommu_destroy_domain(host->vmm, made(host));
}

static enum iommusim_status disable(struct host *host)
{
	return iommusim_iommu_disable(host->vmm);
}

static enum iommusim_status enable(struct host *host)
{
	return iommusim_iommu_enable(host->vmm);
}

static enum iommusim_status map_far(struct host *host)
{
	return iommusim_iommu_create_mapping(host->vmm, made(host), 0x10000000, 0x20000, 0x3000);
}

const struct attempt *host_attempt(size_t index)
{
	static const struct attempt attempts[] = {
		{ "iommu_init", nothing, init, false, false, false },
		{ "iommu_init, and a function nobody has", an_undriven_function, init, false, false,
		    false },
		{ "iommu_create_domain, the first", nothing, create_domain, true, false, false },
		{ "iommu_create_domain, a further one", a_domain, create_domain, false, false, false },
		{ "device, before the IOMMU", an_undriven_function, attach_ppt, false, false, false },
		{ "device, beside the IOMMU", a_late_function, attach_host, false, false, false },
		{ "device for ppt, beside the IOMMU", a_late_function, attach_ppt, false, false,
		    false },
		{ "pci_add_device", a_late_function, added, false, false, false },
		{ "vm_create", nothing, create_vm, false, false, false },
		{ "vm_setup_memory", a_vm_without_memory, setup_memory, false, false, false },
		{ "vm_assign_pptdev, the very first", a_vm, assign, true, false, false },
		{ "vm_assign_pptdev, a VM's first", a_vm_and_the_iommu, assign, false, false, false },
		{ "iommu_create_mapping", a_domain, map, false, true, true },
		{ "iommu_create_mapping, far from others", a_domain, map_far, false, true, false },
		{ "iommu_remove_mapping", a_domain, unmap, false, true, true },
		{ "iommu_remove_mapping, out of a large one", a_large_domain, unmap, false, true,
		    false },
		{ "iommu_add_device", a_domain, add, false, true, false },
		{ "iommu_remove_device", a_domain_with_a_device, remove_it, false, true, true },
		{ "iommu_invalidate_tlb", a_domain, invalidate, false, true, true },
		{ "iommu_destroy_domain", a_domain, destroy_domain, false, true, true },
		{ "iommu_enable", a_domain, enable, false, true, true },
		{ "iommu_disable", a_domain, disable, false, true, true },
		{ "vm_assign_pptdev, a second device", a_guest, assign_second, false, true, false },
		{ "vm_assign_pptdev, again", a_guest_that_was, assign, false, true, true },
		{ "vm_unassign_pptdev", a_guest, unassign, false, true, true },
		{ "vm_destroy", a_guest, destroy, false, true, true },
		{ "pci_delete_device", a_domain, deleted, false, true, true },
		{ "ppt_attach, of a host device", a_domain, taken, false, true, true },
		{ "ppt_attach, of one nobody has", a_late_function, taken_unknown, false, false,
		    false },
		{ "ppt_detach", a_domain, let_go, false, true, false },
		{ "vmm_unload", a_domain, unload, false, true, true },
		{ "sysctl", nothing, sysctl, false, true, true },
	};

	return index < sizeof(attempts) / sizeof(*attempts) ? &attempts[index] : NULL;
}

struct trial {
	const struct attempt *attempt;
	const char *profile;
	bool checked;
};

/* ---- what can be seen ------------------------------------------------------------------------ */

/* A host in words, and what its checker says: the verdicts, and the calls it remembers. */
struct view {
	struct host_text host, verdicts, calls;
};

struct views {
	struct view before, after, initialised;
};

static void judge(struct host *host, struct iommusim_requester *device, uint64_t address,
    const char *for_vm, struct view *view)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = 8, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_report report;

	assert_ok(iommusim_check_dma(host->check, device, &request, for_vm, &report));
	host_text_add(&view->verdicts, "%04x 0x%llx %s owner %d %s 0x%llx in %s meant %d 0x%llx\n",
	    report.rid, (unsigned long long)address, iommusim_verdict_name(report.verdict),
	    report.page.owner, report.page.owner_vm, (unsigned long long)report.page.owner_gpa,
	    report.domain_name, report.expected_known, (unsigned long long)report.expected);
	host_text_add(&view->calls, "mapped %d %s removed %d %s known %s\n", report.last_mapped.known,
	    iommusim_call_name(report.last_mapped.outer.kind), report.last_removed.known,
	    iommusim_call_name(report.last_removed.outer.kind),
	    report.known_bug == NULL ? "no" : report.known_bug);
}

static void judge_all(struct host *host, struct view *view)
{
	struct iommusim_requester *const devices[] = { host->gfx, host->ahci, host->ppt1, host->ppt2,
		host->gone };
	const struct iommusim_vm *vm = iommusim_vm_find(host->vmm, "vm");
	const bool has_memory = vm != NULL && iommusim_vm_memory_size(vm) > 0;

	for (size_t d = 0; d < sizeof(devices) / sizeof(*devices); d++) {
		for (uint64_t address = 0; address < 0x20000; address += PAGE)
			judge(host, devices[d], address, NULL, view);
		for (uint64_t gpa = 0; has_memory && gpa < 256 * KIB; gpa += 5 * PAGE) {
			judge(host, devices[d], host_hpa(vm, gpa), NULL, view);
			judge(host, devices[d], host_hpa(vm, gpa), "vm", view);
		}
	}
}

static void clear(struct host_text *text)
{
	text->length = 0;
	text->text[0] = '\0';
}

static void look(struct host *host, struct view *view)
{
	clear(&view->verdicts);
	clear(&view->calls);
	host_describe(host, &view->host);
	if (host->check != NULL)
		judge_all(host, view);
}

/* The first line that differs is what a person wants to see of two long texts. */
static void assert_same_text(
    const struct host_text *is, const struct host_text *expected, const struct trial *trial)
{
	size_t at = 0, line = 0;

	while (is->text[at] == expected->text[at] && is->text[at] != '\0')
		if (is->text[at++] == '\n')
			line = at;
	if (is->text[at] != expected->text[at])
		fail_msg("%s under %s: \"%.*s\" instead of \"%.*s\"", trial->attempt->name,
		    trial->profile, (int)strcspn(is->text + line, "\n"), is->text + line,
		    (int)strcspn(expected->text + line, "\n"), expected->text + line);
}

static void assert_same(
    const struct view *is, const struct view *expected, bool places_too, const struct trial *trial)
{
	assert_same_text(&is->host, &expected->host, trial);
	assert_same_text(&is->verdicts, &expected->verdicts, trial);
	if (places_too)
		assert_same_text(&is->calls, &expected->calls, trial);
}

/* ---- the harness ----------------------------------------------------------------------------- */

static void start(struct host *host, struct host_memory *memory, const struct trial *trial)
{
	host_memory_init(memory);
	host_start(host,
	    &(struct host_setup){
		.profile = trial->profile, .memory = memory, .checked = trial->checked });
	trial->attempt->prepare(host);
}

static void stop(struct host *host, const struct host_memory *memory)
{
	host_stop(host);
	assert_int_equal(memory->blocks, 0);
	assert_int_equal(memory->bytes, 0);
	assert_int_equal(memory->wrong, 0);
}

static void take_views(struct views *views, const struct trial *trial)
{
	struct host_memory memory;
	struct host host;

	start(&host, &memory, trial);
	look(&host, &views->before);
	assert_ok(trial->attempt->call(&host));
	look(&host, &views->after);
	stop(&host, &memory);
	if (!trial->attempt->initialises)
		return;
	start(&host, &memory, trial);
	host_init(&host);
	look(&host, &views->initialised);
	stop(&host, &memory);
}

/*
 * The host is as it was before the call, or, where that is allowed, initialised. The checker may
 * remember that the call took a page away and gave it back: so it did.
 */
static void assert_untouched(struct host *host, const struct views *views, const struct trial *trial)
{
	static struct view now;

	look(host, &now);
	if (trial->attempt->initialises && strcmp(now.host.text, views->initialised.host.text) == 0)
		assert_same(&now, &views->initialised, false, trial);
	else
		assert_same(&now, &views->before, false, trial);
}

/* The call has failed: nothing changed, nothing leaks when it fails again, and it can be made. */
static void assert_repeatable(
    struct host *host, struct host_memory *memory, const struct views *views, const struct trial *trial)
{
	int64_t blocks;

	assert_status(iommusim_machine_diagnostic(host->machine)->status, IOMMUSIM_ENOMEM);
	assert_untouched(host, views, trial);
	blocks = memory->blocks;
	host_memory_arm(memory, 1, true);
	const enum iommusim_status again = trial->attempt->call(host);
	host_memory_arm(memory, 0, false);
	assert_status(again, IOMMUSIM_ENOMEM);
	assert_true(memory->blocks <= blocks);
	assert_untouched(host, views, trial);
	assert_ok(trial->attempt->call(host));
}

/* Fail allocation `n` of the call. False: it needs fewer. */
static bool fail_at(const struct trial *trial, const struct views *views, uint64_t n, bool and_beyond,
    unsigned *reported)
{
	static struct view now;
	struct host_memory memory;
	struct host host;
	bool failed;

	start(&host, &memory, trial);
	look(&host, &now); /* as take_views() did: what is cached now may be stale afterwards */
	host_memory_arm(&memory, n, and_beyond);
	const enum iommusim_status status = trial->attempt->call(&host);
	failed = memory.failed;
	host_memory_arm(&memory, 0, false);
	if (failed && (status != IOMMUSIM_OK || !trial->checked)) {
		assert_status(status, IOMMUSIM_ENOMEM);
		++*reported;
		assert_repeatable(&host, &memory, views, trial);
	} else {
		assert_ok(status);
	}
	look(&host, &now);
	assert_same(&now, &views->after, !(failed && status == IOMMUSIM_OK), trial);
	stop(&host, &memory);
	return failed;
}

unsigned host_try_every_failure(const struct attempt *attempt, const char *profile, bool checked)
{
	const struct trial trial = { .attempt = attempt, .profile = profile, .checked = checked };
	static struct views views;
	unsigned reported = 0;

	take_views(&views, &trial);
	for (unsigned beyond = 0; beyond < 2; beyond++) {
		uint64_t n = 1;

		while (fail_at(&trial, &views, n, beyond != 0, &reported))
			n++;
	}
	return reported;
}
