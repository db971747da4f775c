/* The counter: calls, registers, invalidations by their kind, memory, and what could be reached. */
#include "host_fixture.h"

#include <iommusim/count.h>

/* Queue registers and descriptors (VT-d 6.5.2, 11.4.9), written down by hand. */
#define QUEUE UINT64_C(0x300000)

/* AMD-Vi registers (3.4): the command buffer, 256 entries, and the control bits IommuEn and CmdBufEn. */
#define A_CMD_BASE UINT64_C(0x008)
#define A_CONTROL  UINT64_C(0x018)
#define A_CMD_TAIL UINT64_C(0x2008)
#define RING       UINT64_C(0x310000)

static struct iommusim_counter *start(struct host *host, const struct host_setup *setup)
{
	struct iommusim_counter *counter;

	host_start(host, setup);
	assert_ok(iommusim_counter_create(host->vmm, &counter));
	return counter;
}

static struct iommusim_counts read_counts(const struct iommusim_counter *counter)
{
	struct iommusim_counts counts;

	memset(&counts, 0xa5, sizeof(counts));
	iommusim_counter_read(counter, &counts);
	return counts;
}

static void stop(struct host *host, struct iommusim_counter *counter)
{
	iommusim_counter_destroy(counter);
	host_stop(host);
}

/* All numbers of one kind, in the order of their enumeration. */
#define assert_counts(array, ...)                                                                      \
	do {                                                                                           \
		const uint64_t expected_[] = { __VA_ARGS__ };                                          \
		assert_int_equal(sizeof(array), sizeof(expected_));                                    \
		for (size_t i_ = 0; i_ < sizeof(expected_) / sizeof(*expected_); i_++)                 \
			if ((array)[i_] != expected_[i_])                                              \
				fail_msg("number %zu is %llu, expected %llu", i_,                      \
				    (unsigned long long)(array)[i_],                                   \
				    (unsigned long long)expected_[i_]);                                \
	} while (0)

/* ---- calls and registers --------------------------------------------------------------------------- */

/*
 * A guest of 16 pages, with gfx, ahci and two ppt devices on two units. The host domain is one mapping and has two
 * devices; under `remove` each page leaves it and returns.
 */
static void calls_of_a_guests_life(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_counts counts;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "13.0" });
	counts = read_counts(counter);
	assert_counts(counts.ops, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	assert_int_equal(counts.table_pages, 0);
	vm = host_guest(&host, "vm", 16 * PAGE, HOST_PPT1);
	counts = read_counts(counter);
	assert_counts(counts.ops, 1, 0, 1, 0, 2, 0, 17, 16, 3, 0, 1, 0);
	/* RTADDR, SRTP, CCMD, IOTLB and TE of two units; then the host domain's flush. */
	assert_int_equal(counts.register_writes, 12);
	assert_counts(counts.invalidations, 4, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0);
	assert_ok(iommusim_vm_destroy(vm));
	counts = read_counts(counter);
	assert_counts(counts.ops, 1, 0, 1, 0, 2, 1, 33, 32, 3, 1, 2, 0);
	/* remove_device flushes contexts and translations of both units, unmapping the latter. */
	assert_int_equal(counts.register_writes, 18);
	assert_counts(counts.invalidations, 8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0);
	assert_ok(iommusim_vmm_unload(host.vmm));
	counts = read_counts(counter);
	assert_int_equal(counts.ops[IOMMUSIM_OP_DISABLE], 1);
	assert_int_equal(counts.ops[IOMMUSIM_OP_CLEANUP], 1);
	assert_int_equal(counts.ops[IOMMUSIM_OP_DESTROY_DOMAIN], 2);
	stop(&host, counter);
}

/* What a caller reads and writes itself counts too; what is no unit's does not. */
static void registers_whoever_accesses_them(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_counts counts;
	struct host host;
	uint64_t value;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "reference" });
	host_get(&host, HOST_UNIT0, R_GSTS, 4);
	host_get(&host, HOST_UNIT1, R_GSTS, 4);
	host_set(&host, HOST_UNIT1, R_FECTL, 4, 0x80000000u);
	assert_int_equal(
	    iommusim_mmio_read(host.machine, UINT64_C(0xfed80000), 4, &value), IOMMUSIM_ENXIO);
	counts = read_counts(counter);
	assert_int_equal(counts.register_reads, 2);
	assert_int_equal(counts.register_writes, 1);
	stop(&host, counter);
}

/* Beside a checker nothing is lost on the way: pages are invalidated by themselves. */
static void a_selective_removal_beside_a_checker(void **state)
{
	struct iommusim_domain *domain;
	struct iommusim_counter *counter;
	struct iommusim_counts before, after;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "selective", .checked = true });
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x10000, 0x40000, 0x4000));
	before = read_counts(counter);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x10000, 0x2000));
	after = read_counts(counter);
	assert_int_equal(after.ops[IOMMUSIM_OP_INVALIDATE_RANGE], 1);
	assert_int_equal(after.ops[IOMMUSIM_OP_INVALIDATE_TLB], before.ops[IOMMUSIM_OP_INVALIDATE_TLB]);
	/* On both units. */
	assert_int_equal(after.invalidations[IOMMUSIM_INVALIDATE_PAGES] -
		before.invalidations[IOMMUSIM_INVALIDATE_PAGES],
	    2);
	assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
	before = read_counts(counter);
	assert_int_equal(before.invalidations[IOMMUSIM_INVALIDATE_DOMAIN] -
		after.invalidations[IOMMUSIM_INVALIDATE_DOMAIN],
	    2);
	stop(&host, counter);
}

/* ---- invalidations ------------------------------------------------------------------------------------ */

static void vtd_registers_by_granularity(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_counts counts;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "reference" });
	host_set(&host, HOST_UNIT1, R_CCMD, 8, UINT64_C(0xa000000000000000));  /* ICC, global */
	host_set(&host, HOST_UNIT1, R_CCMD, 8, UINT64_C(0xc000000000000001));  /* domain 1 */
	host_set(&host, HOST_UNIT1, R_CCMD, 8, UINT64_C(0xe000000000000001));  /* device */
	host_set(&host, HOST_UNIT1, R_CCMD, 8, UINT64_C(0x6000000000000001));  /* ICC=0: none */
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, UINT64_C(0x9000000000000000)); /* IVT, global */
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, UINT64_C(0xa000000100000000)); /* domain 1 */
	host_set(&host, HOST_UNIT1, R_IOTLB, 8, UINT64_C(0xb000000100000000)); /* pages */
	host_set(&host, HOST_UNIT1, R_IOTLB + 4, 4, 0xa0000001u); /* the upper half alone */
	host_set(&host, HOST_UNIT1, R_IOTLB, 4, 0xffffffffu);     /* the lower one is none */
	counts = read_counts(counter);
	assert_counts(counts.invalidations, 1, 2, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0);
	stop(&host, counter);
}

/* Descriptors are counted when the tail passes them, around the end of the queue too, while the queue is on. */
static void vtd_descriptors_by_kind(void **state)
{
	static const uint64_t descriptors[] = {
		0x11,  /* context, global */
		0x32,  /* IOTLB, pages */
		0x12,  /* IOTLB, global */
		0x3,   /* device-TLB */
		0x4,   /* interrupt entries */
		0x25,  /* wait, status write */
		0x26,  /* p_iotlb, PASID */
		0x36,  /* p_iotlb, pages */
		0x7,   /* PASID cache */
		0x8,   /* PASID-based device-TLB */
		0x9,   /* page group response */
		0x202, /* type 12h: none */
	};
	struct iommusim_counter *counter;
	struct iommusim_counts counts;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "reference" });
	host_set(&host, HOST_UNIT1, R_IQA, 8, QUEUE);
	host_set(&host, HOST_UNIT1, R_IQT, 8, 0x20); /* the queue is off */
	counts = read_counts(counter);
	assert_counts(counts.invalidations, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	host_set(&host, HOST_UNIT1, R_IQT, 8, 0xff0);
	host_set(&host, HOST_UNIT1, R_GCMD, 4, G_QIE);
	host_store(&host, QUEUE + 0xff0, 0x22); /* IOTLB, domain: the last slot */
	for (size_t i = 0; i < 12; i++)
		host_store(&host, QUEUE + i * 16, descriptors[i]);
	host_set(&host, HOST_UNIT1, R_IQT, 8, 0xc0);
	counts = read_counts(counter);
	assert_counts(counts.invalidations, 1, 1, 1, 2, 1, 0, 0, 1, 1, 2, 1, 2);
	stop(&host, counter);
}

static void command_at(struct host *host, uint64_t slot, uint64_t low, uint64_t high)
{
	host_store(host, RING + slot * 16, low);
	host_store(host, RING + slot * 16 + 8, high);
}

static void amdvi_commands_by_kind(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_counts counts;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "reference", .amdvi = true });
	host_set(&host, HOST_AMDVI, A_CMD_BASE, 8, RING | UINT64_C(8) << 56);
	command_at(&host, 0, UINT64_C(1) << 60, 0); /* COMPLETION_WAIT */
	command_at(&host, 1, UINT64_C(2) << 60, 0); /* INVALIDATE_DEVTAB_ENTRY */
	command_at(
	    &host, 2, UINT64_C(3) << 60, UINT64_C(0x7ffffffffffff003)); /* all pages, S and PDE */
	command_at(&host, 3, UINT64_C(3) << 60, UINT64_C(0x5000));      /* one page */
	command_at(
	    &host, 4, UINT64_C(3) << 60, UINT64_C(0x7ffffffffffff005));       /* all pages of a PASID */
	command_at(&host, 5, UINT64_C(3) << 60, UINT64_C(0x3fffffffffff001)); /* S, and not all */
	command_at(&host, 6, UINT64_C(4) << 60, 0);  /* INVALIDATE_IOTLB_PAGES */
	command_at(&host, 7, UINT64_C(5) << 60, 0);  /* INVALIDATE_INTERRUPT_TABLE */
	command_at(&host, 8, UINT64_C(6) << 60, 0);  /* PREFETCH_IOMMU_PAGES */
	command_at(&host, 9, UINT64_C(7) << 60, 0);  /* COMPLETE_PPR_REQUEST */
	command_at(&host, 10, UINT64_C(8) << 60, 0); /* INVALIDATE_IOMMU_ALL */
	host_set(&host, HOST_AMDVI, A_CMD_TAIL, 8, 0xb0);
	counts = read_counts(counter);
	assert_counts(counts.invalidations, 1, 1, 1, 2, 0, 0, 1, 0, 1, 1, 1, 2);
	/* What stays where it is is not handed over again. */
	host_set(&host, HOST_AMDVI, A_CMD_TAIL, 8, 0xb0);
	assert_int_equal(read_counts(counter).invalidations[IOMMUSIM_INVALIDATE_ALL], 1);
	stop(&host, counter);
}

/* A buffer where there is no memory is looked at once, and that is all. */
static void a_command_buffer_that_is_nowhere(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_counts counts;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "reference", .amdvi = true });
	host_set(&host, HOST_AMDVI, A_CMD_BASE, 8, UINT64_C(0xf00000000) | UINT64_C(15) << 56);
	host_set(&host, HOST_AMDVI, A_CMD_TAIL, 8, 0x7fff0);
	counts = read_counts(counter);
	assert_counts(counts.invalidations, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	stop(&host, counter);
}

/* ---- what can be reached --------------------------------------------------------------------------------- */

static void guest_pages_in_the_host_domain(void **state)
{
	static const struct {
		const char *profile;
		uint64_t in_host;
	} known[] = { { "13.0", 0 }, { "13.1", 32 }, { "reference", 32 }, { "bounce", 0 } };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct iommusim_counter *counter;
		struct iommusim_vm *vm;
		struct host host;

		counter = start(&host, &(struct host_setup){ .profile = known[i].profile });
		vm = host_guest(&host, "vm", 32 * PAGE, HOST_PPT1);
		assert_int_equal(read_counts(counter).guest_pages_in_host, known[i].in_host);
		/* The VM is there when its pages come back, and gone when it has ended. */
		assert_ok(iommusim_vm_destroy(vm));
		assert_int_equal(read_counts(counter).guest_pages_in_host, known[i].in_host);
		stop(&host, counter);
	}
}

/* A VM without a device keeps its pages where they are, under every policy; two VMs are counted together. */
static void a_guest_without_a_device_is_in_the_host_domain(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "13.0" });
	host_guest(&host, "owner", 32 * PAGE, HOST_PPT1);
	assert_int_equal(read_counts(counter).guest_pages_in_host, 0);
	vm = host_vm(&host, "plain", 48 * PAGE, 1);
	assert_int_equal(read_counts(counter).guest_pages_in_host, 48);
	host_assign(vm, HOST_PPT2);
	host_vm(&host, "later", 16 * PAGE, 2);
	assert_int_equal(read_counts(counter).guest_pages_in_host, 48); /* at the most */
	stop(&host, counter);
}

/* By single calls: what the host domain maps elsewhere, or no more, is not counted. */
static void single_mappings_of_the_host_domain(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	struct host host;
	uint64_t hpa;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "13.0" });
	vm = host_guest(&host, "vm", 16 * PAGE, HOST_PPT1);
	hpa = host_hpa(vm, 0);
	domain = iommusim_host_domain(host.vmm);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, hpa, 0x10000, PAGE));
	assert_int_equal(read_counts(counter).guest_pages_in_host, 0);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, hpa, PAGE));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, hpa + PAGE, hpa + PAGE, 3 * PAGE));
	assert_int_equal(read_counts(counter).guest_pages_in_host, 3);
	/* The guest's own domain is another matter. */
	assert_ok(iommusim_iommu_create_domain(host.vmm, GIB, &domain));
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, hpa, hpa, 16 * PAGE));
	assert_int_equal(read_counts(counter).guest_pages_in_host, 3);
	assert_int_equal(iommusim_vmm_unload(host.vmm), IOMMUSIM_EBUSY); /* and all stays as it is */
	assert_int_equal(read_counts(counter).guest_pages_in_host, 3);
	stop(&host, counter);
}

/* Before the IOMMU is on, nothing stands between devices and a guest; afterwards nothing more is added. */
static void guest_pages_that_no_unit_guards(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "reference" });
	vm = host_vm(&host, "early", 16 * PAGE, 1);
	assert_int_equal(read_counts(counter).guest_pages_unguarded, 16);
	host_assign(vm, HOST_PPT1);
	host_vm(&host, "late", 64 * PAGE, 2);
	assert_int_equal(read_counts(counter).guest_pages_unguarded, 16);
	/* A unit is turned off behind vmm's back: seen at the end of the next call. */
	host_set(&host, HOST_UNIT0, R_GCMD, 4, 0);
	host_vm(&host, "last", 16 * PAGE, 3);
	assert_int_equal(read_counts(counter).guest_pages_unguarded, 96);
	stop(&host, counter);
}

static void without_a_function_nothing_goes_past_a_unit(void **state)
{
	struct iommusim_counter *counter;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "reference", .no_functions = true });
	host_vm(&host, "vm", 16 * PAGE, 1);
	assert_int_equal(read_counts(counter).guest_pages_unguarded, 0);
	stop(&host, counter);
}

/* 11.1 has ppt devices that nobody uses in the host domain; before and after it they are in none. */
static void idle_devices_that_reach_the_host(void **state)
{
	struct iommusim_counter *counter;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "11.1", .alike = true });
	host_guest(&host, "vm", 16 * PAGE, HOST_PPT1);
	assert_int_equal(read_counts(counter).idle_devices_reaching, 1); /* ppt2 */
	assert_ok(iommusim_vm_destroy(iommusim_vm_find(host.vmm, "vm")));
	assert_int_equal(read_counts(counter).idle_devices_reaching, 2);
	stop(&host, counter);
	counter = start(&host, &(struct host_setup){ .profile = "13.0" });
	host_guest(&host, "vm", 16 * PAGE, HOST_PPT1);
	assert_ok(iommusim_vm_destroy(iommusim_vm_find(host.vmm, "vm")));
	assert_int_equal(read_counts(counter).idle_devices_reaching, 0);
	stop(&host, counter);
	/* By what hardware does: 11.1 asks this unit for a device-TLB that it has not, and its entry lets nothing through. */
	counter = start(&host, &(struct host_setup){ .profile = "11.1" });
	host_guest(&host, "vm", 16 * PAGE, HOST_PPT1);
	assert_int_equal(read_counts(counter).idle_devices_reaching, 0);
	stop(&host, counter);
	/* AMD-Vi's entry of a device that was never added is all zero, and V=0 lets DMA through as it is. */
	counter = start(&host, &(struct host_setup){ .profile = "13.0", .amdvi = true });
	assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 1));
	host_guest(&host, "vm", 16 * PAGE, HOST_PPT1);
	assert_int_equal(read_counts(counter).idle_devices_reaching, 1);
	stop(&host, counter);
}

/* ---- memory, copies ---------------------------------------------------------------------------------------- */

/* At the most: pages that were given back count still. By hand, for 64 MiB of 4 KiB leaves in 4 levels. */
static void pages_of_tables(void **state)
{
	struct iommusim_counter *counter;
	uint64_t with_guest;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "13.0" });
	host_init(&host);
	with_guest = read_counts(counter).table_pages;
	/* The host domain alone: 32 tables of leaves, and one of each level above. */
	assert_true(with_guest >= 32 + 2);
	host_guest(&host, "vm", 16 * PAGE, HOST_PPT1);
	assert_true(read_counts(counter).table_pages > with_guest);
	with_guest = read_counts(counter).table_pages;
	assert_ok(iommusim_vm_destroy(iommusim_vm_find(host.vmm, "vm")));
	assert_int_equal(read_counts(counter).table_pages, with_guest);
	stop(&host, counter);
}

static void bytes_that_were_copied(void **state)
{
	struct iommusim_counter *counter;
	struct iommusim_host_io io;
	struct iommusim_vm *vm;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "bounce" });
	vm = host_guest(&host, "vm", 16 * PAGE, HOST_PPT1);
	assert_ok(iommusim_host_io_begin(vm, 0x1000, 0x1800, true, &io));
	assert_int_equal(read_counts(counter).bounced, 0);
	iommusim_host_io_end(&io, 0x1800);
	assert_int_equal(read_counts(counter).bounced, 0x1800);
	stop(&host, counter);
}

/* ---- a counter's life ------------------------------------------------------------------------------------------ */

static void one_counter_before_the_first_use(void **state)
{
	struct iommusim_counter *counter, *other;
	struct host host;

	(void)state;
	counter = start(&host, &(struct host_setup){ .profile = "reference", .checked = true });
	assert_int_equal(iommusim_counter_create(host.vmm, &other), IOMMUSIM_EBUSY);
	assert_null(other);
	assert_string_equal(iommusim_machine_diagnostic(host.machine)->text,
	    "a counter comes before the first use of the IOMMU, and only one does");
	iommusim_counter_destroy(counter);
	host_init(&host);
	assert_int_equal(iommusim_counter_create(host.vmm, &counter), IOMMUSIM_EBUSY);
	iommusim_counter_destroy(NULL);
	host_stop(&host);
}

/* VMs that are there when it comes are counted with. */
static void a_counter_that_comes_after_a_vm(void **state)
{
	struct iommusim_counter *counter;
	struct host host;

	(void)state;
	host_start(&host, &(struct host_setup){ .profile = "reference" });
	host_vm(&host, "vm", 16 * PAGE, 1);
	assert_ok(iommusim_counter_create(host.vmm, &counter));
	host_init(&host);
	assert_int_equal(read_counts(counter).guest_pages_in_host, 16);
	stop(&host, counter);
}

/* Whichever allocation fails, there is no counter, nothing is kept, and the next attempt succeeds. */
static void a_counter_without_memory(void **state)
{
	struct iommusim_counter *counter;
	struct host_memory memory;
	struct host host;
	uint64_t n = 0;

	(void)state;
	host_memory_init(&memory);
	host_start(&host, &(struct host_setup){ .profile = "reference", .memory = &memory });
	for (;;) {
		const int64_t blocks = memory.blocks;
		enum iommusim_status status;

		host_memory_arm(&memory, ++n, false);
		status = iommusim_counter_create(host.vmm, &counter);
		if (status == IOMMUSIM_OK)
			break;
		assert_int_equal(status, IOMMUSIM_ENOMEM);
		assert_true(memory.failed);
		assert_true(memory.blocks <= blocks + 1); /* a list may have grown for good */
		assert_true(n < 10);
	}
	assert_true(n > 1);
	host_memory_arm(&memory, 0, false);
	host_init(&host);
	assert_int_equal(read_counts(counter).ops[IOMMUSIM_OP_INIT], 1);
	stop(&host, counter);
	assert_int_equal(memory.blocks, 0);
	assert_int_equal(memory.wrong, 0);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(iommusim_op_name(IOMMUSIM_OP_INIT), "init");
	assert_string_equal(iommusim_op_name(IOMMUSIM_OP_INVALIDATE_RANGE), "invalidate_range");
	assert_string_equal(iommusim_invalidation_name(IOMMUSIM_INVALIDATE_ALL), "all");
	assert_string_equal(iommusim_invalidation_name(IOMMUSIM_INVALIDATE_OTHER), "other");
	assert_string_equal(
	    iommusim_invalidation_meaning(IOMMUSIM_INVALIDATE_ALL, "VT-d"), "IOTLB global");
	assert_string_equal(
	    iommusim_invalidation_meaning(IOMMUSIM_INVALIDATE_ALL, "AMD-Vi"), "INVALIDATE_IOMMU_ALL");
	assert_null(iommusim_invalidation_meaning(IOMMUSIM_INVALIDATE_ALL_DEVICES, "AMD-Vi"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_of_a_guests_life),
		cmocka_unit_test(registers_whoever_accesses_them),
		cmocka_unit_test(a_selective_removal_beside_a_checker),
		cmocka_unit_test(vtd_registers_by_granularity),
		cmocka_unit_test(vtd_descriptors_by_kind),
		cmocka_unit_test(amdvi_commands_by_kind),
		cmocka_unit_test(a_command_buffer_that_is_nowhere),
		cmocka_unit_test(guest_pages_in_the_host_domain),
		cmocka_unit_test(a_guest_without_a_device_is_in_the_host_domain),
		cmocka_unit_test(single_mappings_of_the_host_domain),
		cmocka_unit_test(guest_pages_that_no_unit_guards),
		cmocka_unit_test(without_a_function_nothing_goes_past_a_unit),
		cmocka_unit_test(idle_devices_that_reach_the_host),
		cmocka_unit_test(pages_of_tables),
		cmocka_unit_test(bytes_that_were_copied),
		cmocka_unit_test(one_counter_before_the_first_use),
		cmocka_unit_test(a_counter_that_comes_after_a_vm),
		cmocka_unit_test(a_counter_without_memory),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
