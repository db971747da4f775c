/*
 * Memory that firmware keeps for devices (RMRR, IVMD) is RAM that nobody else gets: no table lies there, no guest, no
 * buffer, whatever the profile makes of such memory otherwise.
 */
#include <iommusim/amdvi.h>

#include "host_fixture.h"

/*
 * Of 64 MiB the kernel keeps the lowest 8 for itself; tables come from the next 14, guests from the rest. One range is
 * in either part, neither at the border of a guest's 64 KiB.
 */
#define TABLES      (8 * MIB + 0x3000)
#define TABLES_LAST (9 * MIB + 0x4fff)
#define GUESTS      (40 * MIB + 0x11000)
#define GUESTS_LAST (41 * MIB + 0x2fff)

static const char *const profiles[] = { "10.3", "13.0", "14.2", "15.0", "reference", "superpages" };

static void add_rmrr(struct builder *table, uint64_t first, uint64_t last)
{
	ADD(table, 1, 0, 32, 0, 0, 0, 0, 0);
	for (unsigned byte = 0; byte < 8; byte++)
		table->bytes[table->size++] = (uint8_t)(first >> byte * 8);
	for (unsigned byte = 0; byte < 8; byte++)
		table->bytes[table->size++] = (uint8_t)(last >> byte * 8);
	ADD(table, 1, 8, 0, 0, 0, 0x00, 2, 0); /* 0/2/0 */
}

/* For one device, with any flags. */
static void add_ivmd(struct builder *table, uint8_t flags, uint64_t first, uint64_t last)
{
	const uint64_t length = last - first + 1;

	ADD(table, 0x21, flags, 32, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	for (unsigned byte = 0; byte < 8; byte++)
		table->bytes[table->size++] = (uint8_t)(first >> byte * 8);
	for (unsigned byte = 0; byte < 8; byte++)
		table->bytes[table->size++] = (uint8_t)(length >> byte * 8);
}

/* A unit for all devices, and both ranges with these flags. */
static void start_amdvi(struct host *host, const char *profile, uint8_t flags)
{
	struct builder table = ivrs_begin();
	struct iommusim_ivrs *ivrs;

	ADD(&table, 0x11, 0, 44, 0, 2, 0, 0x40, 0, 0, 0, 0x20, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0);
	for (unsigned byte = 0; byte < 16; byte++)
		table.bytes[table.size++] = (uint8_t)(byte < 8 ? HOST_EFR >> byte * 8 : 0);
	ADD(&table, 1, 0, 0, 0); /* all devices */
	add_ivmd(&table, flags, TABLES, TABLES_LAST);
	add_ivmd(&table, flags, GUESTS, GUESTS_LAST);
	builder_finish(&table);
	host_start(host,
	    &(struct host_setup){
		.profile = profile, .cpu = IOMMUSIM_CPU_AMD, .no_table = true, .no_units = true });
	host_install(host, &table);
	assert_ok(iommusim_ivrs_parse(table.bytes, table.size, &ivrs));
	assert_ok(iommusim_amdvi_create_from_ivrs(host->machine, ivrs, "zen2-client", NULL));
	iommusim_ivrs_free(ivrs);
	assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
}

static void start_vtd(struct host *host, const char *profile)
{
	struct builder table = host_table();

	add_rmrr(&table, TABLES, TABLES_LAST);
	add_rmrr(&table, GUESTS, GUESTS_LAST);
	builder_finish(&table);
	host_start(host, &(struct host_setup){ .profile = profile, .table = &table, .alike = true });
}

static void fill(struct host *host, uint64_t first, uint64_t last, uint64_t value)
{
	for (uint64_t at = first; at < last; at += 8)
		host_store(host, at, value ^ at);
}

static void assert_filled(struct host *host, uint64_t first, uint64_t last, uint64_t value)
{
	for (uint64_t at = first; at < last; at += 8)
		assert_int_equal(host_load(host, at), value ^ at);
}

/* All guest memory there is, a VM at a time, none of it in a range that is kept. Returns how much that was. */
static uint64_t take_all(struct host *host, bool contiguous, bool kept)
{
	const uint64_t sizes[] = { 16 * MIB, 4 * MIB, MIB, 256 * KIB, 64 * KIB };
	uint64_t total = 0;
	unsigned count = 0;

	for (unsigned size = 0; size < 5;) {
		const struct iommusim_vm_memory memory = {
			.size = sizes[size], .seed = count, .contiguous = contiguous
		};
		struct iommusim_vm *vm;
		char name[8] = { 'v', (char)('a' + count / 26), (char)('a' + count % 26) };

		assert_ok(iommusim_vm_create(host->vmm, name, &vm));
		if (iommusim_vm_setup_memory(vm, &memory) != IOMMUSIM_OK) {
			assert_ok(iommusim_vm_destroy(vm));
			size++;
			continue;
		}
		count++;
		total += memory.size;
		for (uint64_t gpa = 0; gpa < memory.size; gpa += PAGE) {
			const uint64_t hpa = host_hpa(vm, gpa);

			assert_true(!kept || hpa + PAGE <= TABLES || hpa > TABLES_LAST);
			assert_true(!kept || hpa + PAGE <= GUESTS || hpa > GUESTS_LAST);
		}
	}
	return total;
}

static void guests_get_none_of_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct host host;
		uint64_t all;

		host_start(&host, NULL);
		all = take_all(&host, (i & 1) != 0, false);
		host_stop(&host);
		if (i < 2)
			start_vtd(&host, "14.2");
		else
			start_amdvi(&host, "14.2", 0x07);
		/* 16 clusters are of the range in part or whole, and no more are lost than those */
		assert_int_equal(take_all(&host, (i & 1) != 0, true), all - UINT64_C(16) * 64 * KIB);
		host_stop(&host);
	}
}

/* Tables come and go, a guest comes: what is in the ranges stays. */
static void use(struct host *host)
{
	struct iommusim_domain *domain;

	fill(host, TABLES, TABLES_LAST, 0x5a5a);
	fill(host, GUESTS, GUESTS_LAST, 0xa5a5);
	host_init(host);
	assert_ok(iommusim_iommu_create_domain(host->vmm, 512 * GIB, &domain));
	/* a table each: 2,000 of them are 8 MiB, most of what there is */
	for (uint64_t n = 0; n < 2000; n++)
		assert_ok(iommusim_iommu_create_mapping(host->vmm, domain, n * 2 * MIB, 0x1000, PAGE));
	assert_filled(host, TABLES, TABLES_LAST, 0x5a5a);
	assert_ok(iommusim_iommu_destroy_domain(host->vmm, domain));
	host_guest(host, "vm", 24 * MIB, HOST_PPT1);
	assert_filled(host, TABLES, TABLES_LAST, 0x5a5a);
	assert_filled(host, GUESTS, GUESTS_LAST, 0xa5a5);
}

static void no_table_is_in_it(void **state)
{
	(void)state;
	for (unsigned p = 0; p < sizeof(profiles) / sizeof(*profiles); p++) {
		struct host host;

		start_vtd(&host, profiles[p]);
		use(&host);
		host_stop(&host);
	}
}

/* The device table is a row of pages: it lies behind the first range, for before it there is no room. */
static void no_amdvi_table_is_in_it(void **state)
{
	static const uint8_t flags[] = { 0x01, 0x07, 0x08 }; /* unity; with rights; exclusion */

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct host host;

		start_amdvi(&host, i == 0 ? "14.2" : "reference", flags[i]);
		use(&host);
		host_stop(&host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guests_get_none_of_it),
		cmocka_unit_test(no_table_is_in_it),
		cmocka_unit_test(no_amdvi_table_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
