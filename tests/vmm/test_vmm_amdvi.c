/*
 * The built-in AMD-Vi backend: what it writes to registers, to the device table, to page tables and into the
 * command buffer, as the profile has it. What a unit makes of that is tests/amdvi; all numbers are written by
 * hand from the specification.
 */
#include "host_fixture.h"

#include <iommusim/amdvi.h>

#define UNIT0 HOST_AMDVI
#define UNIT1 UINT64_C(0xfd300000)

/* Register offsets (AMD-Vi 3.4). */
enum {
	DEVTAB_BASE = 0x00,
	CMD_BASE = 0x08,
	EVENT_BASE = 0x10,
	CONTROL = 0x18,
	CMD_HEAD = 0x2000,
	CMD_TAIL = 0x2008,
	STATUS = 0x2020
};

/* Command opcodes, bits 63:60 (AMD-Vi 2.4). */
enum { COMPLETION_WAIT = 1, INVALIDATE_DEVTAB_ENTRY, INVALIDATE_IOMMU_PAGES, INVALIDATE_IOMMU_ALL = 8 };

#define ADDRESS UINT64_C(0x000ffffffffff000) /* bits 51:12 */

static const char *const every[] = { "13.0", "13.1", "14.2", "reference" };
static const char *const both[] = { "13.1", "reference" };

static void start(struct host *host, const char *profile)
{
	host_start(host, &(struct host_setup){ .profile = profile, .amdvi = true });
	assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
}

/* Without the fixture's unit: `count` of these, the first for everything or none for anything. */
static void start_with(struct host *host, const char *profile, size_t count, bool governs)
{
	static const uint64_t bases[] = { UNIT0, UNIT1 };
	static const struct iommusim_unit_settings settings;

	host_start(host,
	    &(struct host_setup){ .profile = profile,
		.cpu = IOMMUSIM_CPU_AMD,
		.no_table = true,
		.no_units = true,
		.no_functions = !governs });
	host_add_amdvi(host, bases, count, governs, &settings);
	assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
}

static struct iommusim_domain *new_domain(struct host *host, uint64_t max_address)
{
	struct iommusim_domain *domain;

	assert_ok(iommusim_iommu_create_domain(host->vmm, max_address, &domain));
	return domain;
}

/* Quadword `quad` of a device's entry: 32 bytes each, by requester id (AMD-Vi 2.2.2.1). */
static uint64_t entry(struct host *host, uint16_t rid, unsigned quad)
{
	const uint64_t table = host_get(host, UNIT0, DEVTAB_BASE, 8) & ADDRESS;

	return host_load(host, table + rid * UINT64_C(32) + quad * UINT64_C(8));
}

/* The commands in the buffer from a byte offset on, up to the tail. */
struct commands {
	uint64_t at[256][2];
	unsigned count;
};

static void read_commands(struct host *host, uint64_t base, uint64_t from, struct commands *commands)
{
	const uint64_t ring = host_get(host, base, CMD_BASE, 8) & ADDRESS;
	const uint64_t tail = host_get(host, base, CMD_TAIL, 8);

	commands->count = 0;
	for (uint64_t at = from; at != tail; at = (at + 16) % 4096) {
		commands->at[commands->count][0] = host_load(host, ring + at);
		commands->at[commands->count++][1] = host_load(host, ring + at + 8);
	}
}

static unsigned opcode(const struct commands *commands, unsigned n)
{
	return (unsigned)(commands->at[n][0] >> 60);
}

/* ---- registers ------------------------------------------------------------------------------- */

static void a_unit_is_given_its_tables_and_rings_and_switched_on(void **state)
{
	struct host host;

	(void)state;
	for (size_t p = 0; p < sizeof(every) / sizeof(*every); p++) {
		uint64_t table, commands, events;

		start(&host, every[p]);
		host_init(&host);
		table = host_get(&host, UNIT0, DEVTAB_BASE, 8);
		commands = host_get(&host, UNIT0, CMD_BASE, 8);
		events = host_get(&host, UNIT0, EVENT_BASE, 8);
		/* 512 pages of entries, two rings of 2^8 entries of 16 bytes; nothing overlaps */
		assert_int_equal(table & 0xfff, 0x1ff);
		assert_int_equal(commands >> 56, 8);
		assert_int_equal(events >> 56, 8);
		assert_true((commands & ADDRESS) >= (table & ADDRESS) + 2 * MIB);
		assert_true((events & ADDRESS) >= (table & ADDRESS) + 2 * MIB);
		assert_int_not_equal(commands & ADDRESS, events & ADDRESS);
		/* IommuEn, EventLogEn, EventIntEn, InvTimeOut=4 (1 s), Coherent, CmdBufEn */
		assert_int_equal(host_get(&host, UNIT0, CONTROL, 8), 0x148d);
		/* CmdBufRun and EventLogRun, and every command has been taken */
		assert_int_equal(host_get(&host, UNIT0, STATUS, 4) & 0x18, 0x18);
		assert_int_equal(
		    host_get(&host, UNIT0, CMD_HEAD, 8), host_get(&host, UNIT0, CMD_TAIL, 8));
		assert_ok(iommusim_iommu_disable(host.vmm));
		assert_int_equal(host_get(&host, UNIT0, CONTROL, 8), 0);
		host_stop(&host);
	}
}

static void all_units_share_one_device_table_and_have_rings_of_their_own(void **state)
{
	struct host host;

	(void)state;
	start_with(&host, "reference", 2, true);
	host_init(&host);
	assert_int_equal(
	    host_get(&host, UNIT0, DEVTAB_BASE, 8), host_get(&host, UNIT1, DEVTAB_BASE, 8));
	assert_int_not_equal(host_get(&host, UNIT0, CMD_BASE, 8), host_get(&host, UNIT1, CMD_BASE, 8));
	assert_int_not_equal(
	    host_get(&host, UNIT0, EVENT_BASE, 8), host_get(&host, UNIT1, EVENT_BASE, 8));
	assert_int_equal(host_get(&host, UNIT1, STATUS, 4) & 0x18, 0x18);
	host_stop(&host);
}

/* ---- the device table ------------------------------------------------------------------------- */

static void a_device_gets_its_domain_and_table(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		start(&host, both[p]);
		host_init(&host);
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		/* V, TV, Mode=4 in 11:9, IR and IW in 62:61; DomainID in 79:64, SE in 97 */
		assert_int_equal(entry(&host, HOST_PPT1, 0) & ~ADDRESS, 0x6000000000000803);
		assert_int_not_equal(entry(&host, HOST_PPT1, 0) & ADDRESS, 0);
		assert_int_equal(entry(&host, HOST_PPT1, 1), 0x200000000 | (p == 0 ? 1 : 2));
		assert_int_equal(entry(&host, HOST_PPT1, 2), 0);
		assert_int_equal(entry(&host, HOST_PPT1, 3), 0);
		/* the host's devices: domain 0 where ids are counted, else 1 */
		assert_int_equal(entry(&host, HOST_AHCI, 0) & ~ADDRESS, 0x6000000000000803);
		assert_int_equal(entry(&host, HOST_AHCI, 1), 0x200000000 | (p == 0 ? 0 : 1));
		host_stop(&host);
	}
}

/* V=1 and TV=0 blocks, all zero lets pass (SPEC_FACTS 22, 17). */
static void entries_nobody_asked_for_are_open_or_blocked(void **state)
{
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		start(&host, both[p]);
		host_init(&host);
		for (unsigned quad = 0; quad < 4; quad++) {
			assert_int_equal(entry(&host, HOST_PPT1, quad), quad == 0 ? p : 0);
			assert_int_equal(entry(&host, 0xffff, quad), quad == 0 ? p : 0);
		}
		host_stop(&host);
	}
}

static void a_removed_device_keeps_its_entry_or_is_blocked(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		uint64_t before[2];

		start(&host, both[p]);
		host_init(&host);
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		before[0] = entry(&host, HOST_PPT1, 0);
		before[1] = entry(&host, HOST_PPT1, 1);
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
		assert_int_equal(entry(&host, HOST_PPT1, 0), p == 0 ? before[0] : 1);
		assert_int_equal(entry(&host, HOST_PPT1, 1), p == 0 ? before[1] : 0);
		host_stop(&host);
	}
}

static void a_device_is_added_twice(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		start(&host, both[p]);
		host_init(&host);
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_status(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1),
		    p == 0 ? IOMMUSIM_OK : IOMMUSIM_EBUSY);
		host_stop(&host);
	}
}

/* ---- the unit of a device ------------------------------------------------------------------------ */

static void a_device_without_a_unit(void **state)
{
	static const enum iommusim_status added[] = { IOMMUSIM_OK, IOMMUSIM_OK, IOMMUSIM_OK,
		IOMMUSIM_ENXIO };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < sizeof(every) / sizeof(*every); p++) {
		start_with(&host, every[p], 1, false);
		host_init(&host);
		domain = new_domain(&host, GIB);
		assert_status(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1), added[p]);
		/* 13.0 takes the first unit for it and says so; 13.1 and 14.2 do nothing */
		assert_int_equal(entry(&host, HOST_PPT1, 0) & 3, p == 0 ? 3 : p == 3 ? 1 : 0);
		if (p == 0)
			assert_string_equal(iommusim_vmm_message(host.vmm, 0),
			    "BIOS bug device(7.0.0) doesn't have IVHD entry.");
		else if (p < 3)
			assert_null(iommusim_vmm_message(host.vmm, 0));
		assert_status(
		    iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1), IOMMUSIM_OK);
		host_stop(&host);
	}
}

/* A table of one unit at UNIT0: a block of type 11h with these attributes and entries. More blocks may follow. */
static struct builder table_of(uint8_t attributes, const uint8_t *entries, uint8_t size)
{
	struct builder table = ivrs_begin();

	ADD(&table, 0x11, 0x30, (uint8_t)(40 + size), 0, 2, 0, 0x40, 0, 0, 0, 0x20, 0xfd, 0, 0, 0, 0, 0,
	    0, 0, 0, attributes, 0, 0, 0, 0xde, 0x4a, 0x29, 0x22, 0xef, 0x77, 0x8f, 0x05, 0, 0, 0, 0, 0,
	    0, 0, 0);
	for (uint8_t i = 0; i < size; i++)
		table.bytes[table.size++] = entries[i];
	return table;
}

/* Install a table, and make its unit. */
static void start_with_table(struct host *host, const char *profile, struct builder *table)
{
	struct iommusim_ivrs *ivrs;

	host_start(host,
	    &(struct host_setup){
		.profile = profile, .cpu = IOMMUSIM_CPU_AMD, .no_table = true, .no_units = true });
	builder_finish(table);
	host_install(host, table);
	assert_ok(iommusim_ivrs_parse(table->bytes, table->size, &ivrs));
	assert_ok(iommusim_amdvi_create_from_ivrs(host->machine, ivrs, "zen2-client", NULL));
	iommusim_ivrs_free(ivrs);
	assert_ok(iommusim_sysctl_set(host->vmm, "hw.vmm.amdvi.enable", 1));
}

static void start_table(
    struct host *host, const char *profile, uint8_t attributes, const uint8_t *entries, uint8_t size)
{
	struct builder table = table_of(attributes, entries, size);

	start_with_table(host, profile, &table);
}

/* Requests of 7/0/0 carry 01:00.0 (an entry of type 42h, AMD-Vi 5.2): releases write the entry of 7/0/0 itself. */
static void an_alias_has_the_entry_of_the_id_that_is_carried(void **state)
{
	static const uint8_t entries[] = { 1, 0, 0, 0, 0x42, 0x00, 0x07, 0, 0, 0x00, 0x01, 0 };
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		start_table(&host, both[p], 0, entries, sizeof(entries));
		host_init(&host);
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x5000, 0x1005000, PAGE));
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_int_equal(entry(&host, HOST_PPT1, 0) & 2, p == 0 ? 2 : 0);
		assert_int_equal(entry(&host, HOST_PPT2, 0) & 2, p == 0 ? 0 : 2);
		assert_int_equal(host_look(host.ppt1, 0x5000).physical, p == 0 ? 0x5000 : 0x1005000);
		/* whoever shares the id shares the domain, and no other */
		if (p == 1) {
			assert_status(
			    iommusim_iommu_add_device(host.vmm, new_domain(&host, GIB), 0, HOST_PPT1),
			    IOMMUSIM_EBUSY);
			assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
			assert_int_equal(entry(&host, HOST_PPT2, 0), 1);
		}
		host_stop(&host);
	}
}

/*
 * Settings of IVHD entries (AMD-Vi 5.2): INIT 0, ExtInt 1, NMI 2, SysMgt 5:4, LINT0 6, LINT1 7; in a DTE 184 to 186,
 * 105:104, 190, 191.
 */
static void settings_of_firmware_are_in_the_entries_or_not(void **state)
{
	static const struct {
		uint8_t setting;
		uint64_t quad1, quad2;
	} cases[] = {
		{ 0x00, 0, 0 },
		{ 0x01, 0, UINT64_C(1) << 56 },
		{ 0x02, 0, UINT64_C(1) << 57 },
		{ 0x04, 0, UINT64_C(1) << 58 },
		{ 0x10, UINT64_C(1) << 40, 0 },
		{ 0x20, UINT64_C(1) << 41, 0 },
		{ 0x40, 0, UINT64_C(1) << 62 },
		{ 0x80, 0, UINT64_C(1) << 63 },
		{ 0xd7, UINT64_C(1) << 40, UINT64_C(0xc700000000000000) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t p = 0; p < 2; p++) {
			const uint8_t entries[] = { 1, 0, 0, 0, 2, 0, 7, cases[i].setting };
			struct iommusim_domain *domain;
			struct host host;
			uint64_t plain;

			start_table(&host, both[p], 0, entries, sizeof(entries));
			host_init(&host);
			domain = new_domain(&host, GIB);
			assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
			assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT2));
			plain = entry(&host, HOST_PPT2, 1);
			assert_int_equal(
			    entry(&host, HOST_PPT1, 1), plain | (p == 0 ? 0 : cases[i].quad1));
			assert_int_equal(entry(&host, HOST_PPT1, 2), p == 0 ? 0 : cases[i].quad2);
			assert_int_equal(entry(&host, HOST_PPT2, 2), 0);
			assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
			if (p == 1)
				assert_int_equal(entry(&host, HOST_PPT1, 2), 0);
			host_stop(&host);
		}
}

#define RESERVED UINT64_C(0xf0000000) /* beyond the fixture's memory */

/* An IVMD: type, flags, devices, where, how long (AMD-Vi 5.2.3). */
static void add_ivmd(struct builder *table, uint8_t type, uint8_t flags, uint16_t first, uint16_t last,
    uint64_t start, uint32_t length)
{
	ADD(table, type, flags, 32, 0, (uint8_t)first, (uint8_t)(first >> 8), (uint8_t)last,
	    (uint8_t)(last >> 8), 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)start, (uint8_t)(start >> 8),
	    (uint8_t)(start >> 16), (uint8_t)(start >> 24), (uint8_t)(start >> 32), 0, 0, 0,
	    (uint8_t)length, (uint8_t)(length >> 8), (uint8_t)(length >> 16), (uint8_t)(length >> 24),
	    0, 0, 0, 0);
}

/* What a host device may do at an address, mapped to itself: 1 read, 2 write. */
static unsigned rights_at(struct iommusim_requester *device, uint64_t address)
{
	unsigned rights = 0;

	for (unsigned kind = 0; kind < 2; kind++) {
		const struct iommusim_dma_request request = { .address = address,
			.length = 8,
			.kind = kind == 0 ? IOMMUSIM_DMA_READ : IOMMUSIM_DMA_WRITE };
		struct iommusim_dma_outcome outcome;

		assert_ok(iommusim_dma(device, &request, &outcome, NULL, 0));
		if (outcome.page.faulted)
			continue;
		assert_int_equal(outcome.page.physical, address);
		rights |= 1u << kind;
	}
	return rights;
}

/* Memory that devices must reach: 1:1 in the host domain, where a driver heeds it, and in no VM's. */
static void memory_of_firmware_is_mapped_or_not(void **state)
{
	(void)state;
	for (size_t p = 0; p < 2; p++) {
		static const uint8_t all[] = { 1, 0, 0, 0 };
		struct builder table = table_of(0, all, sizeof(all));
		struct iommusim_domain *domain;
		struct host host;

		add_ivmd(&table, 0x21, 0x03, HOST_AHCI, 0, RESERVED, 0x1000);  /* read */
		add_ivmd(&table, 0x20, 0x05, 0, 0, RESERVED + 0x1fff, 2);      /* write: two pages */
		add_ivmd(&table, 0x22, 0x08, 0, 0xffff, RESERVED + 0x4000, 1); /* exclusion */
		add_ivmd(
		    &table, 0x21, 0x07, HOST_PPT1, 0, RESERVED + 0x5000, 0x1000); /* no host device */
		add_ivmd(&table, 0x20, 0x06, 0, 0, RESERVED + 0x6000, 0x1000);    /* no unity */
		add_ivmd(&table, 0x22, 0x03, HOST_AHCI + 1, 0xffff, RESERVED + 0x7000, 0x1000);
		add_ivmd(
		    &table, 0x22, 0x03, HOST_AHCI, HOST_AHCI, RESERVED + 0x2000, 0x1000); /* and read */
		add_ivmd(
		    &table, 0x20, 0x03, 0, 0, 0x5000, 0x1000); /* mapped 1:1 with all rights before */
		start_with_table(&host, both[p], &table);
		host_init(&host);
		for (unsigned page = 0; page < 9; page++) {
			static const uint8_t heeded[] = { 1, 2, 3, 0, 3, 0, 0, 0, 0 };

			assert_int_equal(rights_at(host.ahci, RESERVED + page * UINT64_C(0x1000)),
			    p == 0 ? 0 : heeded[page]);
		}
		assert_int_equal(rights_at(host.ahci, 0x5000), 3);
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		for (unsigned page = 0; page < 9; page++)
			assert_int_equal(rights_at(host.ppt1, RESERVED + page * UINT64_C(0x1000)), 0);
		host_stop(&host);
	}
}

static struct iommusim_init_report failure(struct host *host)
{
	struct iommusim_init_report report;

	assert_status(iommusim_iommu_init(host->vmm), IOMMUSIM_ENXIO);
	iommusim_init_report(host->vmm, &report);
	return report;
}

/* HATDis, bit 0 of the attributes (SPEC_FACTS 20): no host translation, whatever EFR says. */
static void units_that_cannot_translate_are_refused(void **state)
{
	static const uint8_t all[] = { 1, 0, 0, 0 };
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	start_table(&host, "reference", 1, all, sizeof(all));
	report = failure(&host);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_UNSUPPORTED);
	assert_contains(report.text, "HATDis");
	assert_string_equal(report.table, "IVRS");
	assert_true(report.table_found && report.table_checksum_ok);
	assert_int_equal(report.units_named, 1);
	host_stop(&host);
}

/* A header alone; a header whose only block ends beyond the table; a unit without registers. */
static void tables_without_a_unit(void **state)
{
	struct iommusim_init_report report;
	struct builder table = ivrs_begin(), cut = ivrs_begin(), empty = ivrs_begin();
	struct host host;

	(void)state;
	builder_finish(&table);
	host_start(
	    &host, &(struct host_setup){ .cpu = IOMMUSIM_CPU_AMD, .table = &table, .no_units = true });
	report = failure(&host);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_NO_UNIT);
	assert_int_equal(report.status, IOMMUSIM_EIO);
	host_stop(&host);

	ADD(&cut, 0x11, 0x30, 80, 0, 2, 0);
	builder_finish(&cut);
	host_start(
	    &host, &(struct host_setup){ .cpu = IOMMUSIM_CPU_AMD, .table = &cut, .no_units = true });
	report = failure(&host);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_BAD_TABLE);
	assert_contains(report.text, "IVRS");
	host_stop(&host);

	ADD(&empty, 0x11, 0x30, 40, 0, 2, 0, 0x40, 0, 0, 0, 0x20, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	builder_finish(&empty);
	host_start(
	    &host, &(struct host_setup){ .cpu = IOMMUSIM_CPU_AMD, .table = &empty, .no_units = true });
	report = failure(&host);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_NO_HARDWARE);
	assert_contains(report.text, "0xfd200000");
	host_stop(&host);
}

/* ---- page tables --------------------------------------------------------------------------------- */

/* PR, NextLevel in 11:9 counting down, IR and IW: 4 KiB leaves at level 1 (AMD-Vi 2.2.3). */
static void mappings_are_tables_of_four_levels(void **state)
{
	struct iommusim_domain *domain;
	struct host host;
	uint64_t at;

	(void)state;
	start(&host, "reference");
	host_init(&host);
	domain = new_domain(&host, UINT64_C(1) << 40);
	assert_ok(iommusim_iommu_create_mapping(host.vmm, domain, 0x8040603000, 0x123000, 0x2000));
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	at = entry(&host, HOST_PPT1, 0) & ADDRESS;
	at = host_load(&host, at + 8);
	assert_int_equal(at & ~ADDRESS, 0x6000000000000601);
	at = host_load(&host, (at & ADDRESS) + 8);
	assert_int_equal(at & ~ADDRESS, 0x6000000000000401);
	at = host_load(&host, (at & ADDRESS) + 0x18);
	assert_int_equal(at & ~ADDRESS, 0x6000000000000201);
	assert_int_equal(host_load(&host, (at & ADDRESS) + 0x18), 0x6000000000123001);
	assert_int_equal(host_load(&host, (at & ADDRESS) + 0x20), 0x6000000000124001);
	assert_int_equal(host_load(&host, (at & ADDRESS) + 0x28), 0);
	assert_ok(iommusim_iommu_remove_mapping(host.vmm, domain, 0x8040603000, 0x1000));
	assert_int_equal(host_load(&host, (at & ADDRESS) + 0x18), 0);
	assert_int_equal(host_load(&host, (at & ADDRESS) + 0x20), 0x6000000000124001);
	assert_status(iommusim_iommu_create_mapping(host.vmm, domain, UINT64_C(1) << 48, 0, 0x1000),
	    IOMMUSIM_EINVAL);
	host_stop(&host);
}

static void a_domain_gets_as_many_levels_as_it_needs(void **state)
{
	static const struct {
		uint64_t max_address;
		unsigned mode;
	} domains[] = {
		{ UINT64_C(1) << 48, 4 },
		{ (UINT64_C(1) << 48) + 1, 5 },
		{ UINT64_C(1) << 57, 5 },
		{ UINT64_MAX, 6 },
	};
	struct host host;

	(void)state;
	start(&host, "reference");
	host_init(&host);
	for (size_t i = 0; i < sizeof(domains) / sizeof(*domains); i++) {
		struct iommusim_domain *domain = new_domain(&host, domains[i].max_address);

		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_int_equal(entry(&host, HOST_PPT1, 0) >> 9 & 7, domains[i].mode);
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
	}
	host_stop(&host);
}

/* ---- commands ------------------------------------------------------------------------------------- */

/* All pages of a domain: S and PDE, and the address for everything (SPEC_FACTS 16). */
#define ALL_PAGES UINT64_C(0x7ffffffffffff003)

static void assert_waited(const struct commands *commands, unsigned n)
{
	assert_int_equal(opcode(commands, n), COMPLETION_WAIT);
	assert_int_equal(commands->at[n][0] & 7, 1); /* S, and neither I nor F */
}

static void each_change_is_followed_by_its_command_and_a_wait(void **state)
{
	static struct commands commands;
	struct iommusim_domain *domain;
	struct host host;
	uint64_t from;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		const uint64_t id = p == 0 ? 1 : 2;

		start(&host, both[p]);
		host_init(&host);
		from = host_get(&host, UNIT0, CMD_TAIL, 8);
		domain = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_invalidate_tlb(host.vmm, domain));
		assert_ok(iommusim_iommu_remove_device(host.vmm, domain, 0, HOST_PPT1));
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
		read_commands(&host, UNIT0, from, &commands);
		assert_int_equal(commands.count, 10);
		for (unsigned n = 0; n < 10; n += 2)
			assert_waited(&commands, n + 1);
		for (unsigned n = 0; n < 10; n += 4) { /* new domain, flush, destroyed domain */
			assert_int_equal(
			    commands.at[n][0], (uint64_t)INVALIDATE_IOMMU_PAGES << 60 | id << 32);
			assert_int_equal(commands.at[n][1], ALL_PAGES);
		}
		for (unsigned n = 2; n < 10; n += 4) { /* added, removed */
			assert_int_equal(
			    commands.at[n][0], (uint64_t)INVALIDATE_DEVTAB_ENTRY << 60 | HOST_PPT1);
			assert_int_equal(commands.at[n][1], 0);
		}
		assert_int_equal(
		    host_get(&host, UNIT0, CMD_HEAD, 8), host_get(&host, UNIT0, CMD_TAIL, 8));
		host_stop(&host);
	}
}

/* 13.1 queues while the unit is off; a careful driver flushes everything once, when it is on. */
static void what_is_queued_before_the_unit_is_on(void **state)
{
	static struct commands commands;
	struct host host;

	(void)state;
	start(&host, "13.1");
	host_init(&host);
	read_commands(&host, UNIT0, 0, &commands);
	/* the host domain, its two devices, and the wait of enabling */
	assert_int_equal(commands.count, 4);
	assert_int_equal(opcode(&commands, 0), INVALIDATE_IOMMU_PAGES);
	assert_int_equal(opcode(&commands, 1), INVALIDATE_DEVTAB_ENTRY);
	assert_int_equal(opcode(&commands, 2), INVALIDATE_DEVTAB_ENTRY);
	assert_waited(&commands, 3);
	host_stop(&host);

	start(&host, "reference");
	host_init(&host);
	read_commands(&host, UNIT0, 0, &commands);
	assert_int_equal(commands.count, 2);
	assert_int_equal(commands.at[0][0], (uint64_t)INVALIDATE_IOMMU_ALL << 60);
	assert_waited(&commands, 1);
	host_stop(&host);
}

/* Ids: counted upwards whoever is gone, or the lowest that is free. */
static void a_domain_id_is_counted_or_reused(void **state)
{
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		start(&host, both[p]);
		host_init(&host);
		assert_ok(iommusim_iommu_destroy_domain(host.vmm, new_domain(&host, GIB)));
		assert_ok(iommusim_iommu_add_device(host.vmm, new_domain(&host, GIB), 0, HOST_PPT1));
		assert_int_equal(entry(&host, HOST_PPT1, 1) & 0xffff, 2);
		host_stop(&host);
	}
}

/* From 1 to 65534 and round, whoever has them: two devices share what a unit keeps by domain id. */
static void ids_come_again_while_a_domain_has_them(void **state)
{
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct iommusim_domain *first, *again;

		start(&host, both[p]);
		host_init(&host);
		first = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, first, 0x5000, 0x40000, PAGE));
		assert_ok(iommusim_iommu_add_device(host.vmm, first, 0, HOST_PPT1));
		for (unsigned id = 2; id <= 65534; id++)
			assert_ok(iommusim_iommu_destroy_domain(host.vmm, new_domain(&host, GIB)));
		again = new_domain(&host, GIB);
		assert_ok(iommusim_iommu_create_mapping(host.vmm, again, 0x5000, 0x60000, PAGE));
		assert_ok(iommusim_iommu_add_device(host.vmm, again, 0, HOST_PPT2));
		assert_int_equal(entry(&host, HOST_PPT1, 1) & 0xffff, p == 0 ? 1 : 2);
		assert_int_equal(entry(&host, HOST_PPT2, 1) & 0xffff, p == 0 ? 1 : 3);
		assert_int_equal(host_dma(host.ppt1, IOMMUSIM_DMA_WRITE, 0x5000).physical, 0x40000);
		assert_int_equal(host_dma(host.ppt2, IOMMUSIM_DMA_WRITE, 0x5000).physical,
		    p == 0 ? 0x40000 : 0x60000);
		host_stop(&host);
	}
}

/* A unit that takes no commands any more: vmm of the releases gives up and goes on, and says so. */
static void a_queue_that_sticks(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		start(&host, both[p]);
		host_init(&host);
		domain = new_domain(&host, GIB);
		host_set(&host, UNIT0, CONTROL, 8, 0x048d); /* CmdBufEn off behind its back */
		assert_status(iommusim_iommu_invalidate_tlb(host.vmm, domain),
		    p == 0 ? IOMMUSIM_OK : IOMMUSIM_EIO);
		if (p == 0)
			assert_contains(iommusim_vmm_message(host.vmm, 0), "does not complete");
		host_stop(&host);
	}
}

/* ---- not asked for -------------------------------------------------------------------------------- */

static void releases_want_to_be_asked(void **state)
{
	struct iommusim_init_report report;
	struct host host;

	(void)state;
	for (size_t p = 0; p < sizeof(every) / sizeof(*every); p++) {
		const bool used = p == 3;

		start(&host, every[p]);
		assert_ok(iommusim_sysctl_set(host.vmm, "hw.vmm.amdvi.enable", 0));
		assert_status(iommusim_iommu_init(host.vmm), used ? IOMMUSIM_OK : IOMMUSIM_ENXIO);
		iommusim_init_report(host.vmm, &report);
		assert_int_equal(report.outcome, used ? IOMMUSIM_INIT_DONE : IOMMUSIM_INIT_DISABLED);
		if (!used) {
			assert_true(report.told);
			assert_contains(report.advice, "hw.vmm.amdvi.enable=1");
			assert_contains(iommusim_vmm_message(host.vmm, 0), "hw.vmm.amdvi.enable=1");
			assert_int_equal(host_get(&host, UNIT0, CONTROL, 8), 0);
		}
		host_stop(&host);
	}
}

/* The module goes and comes: tables begin anew, and nothing of the first life is left in them. */
static void a_second_life_begins_with_clean_tables(void **state)
{
	struct iommusim_domain *domain;
	struct host host;

	(void)state;
	start(&host, "13.1");
	host_init(&host);
	domain = new_domain(&host, GIB);
	assert_ok(iommusim_iommu_add_device(host.vmm, domain, 0, HOST_PPT1));
	assert_ok(iommusim_iommu_destroy_domain(host.vmm, domain));
	assert_ok(iommusim_vmm_unload(host.vmm));
	assert_int_equal(host_get(&host, UNIT0, CONTROL, 8), 0);
	host_init(&host);
	assert_int_equal(entry(&host, HOST_PPT1, 0), 0);
	assert_int_equal(entry(&host, HOST_AHCI, 0) & 3, 3);
	assert_int_equal(host_get(&host, UNIT0, STATUS, 4) & 0x18, 0x18);
	host_stop(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_is_given_its_tables_and_rings_and_switched_on),
		cmocka_unit_test(all_units_share_one_device_table_and_have_rings_of_their_own),
		cmocka_unit_test(a_device_gets_its_domain_and_table),
		cmocka_unit_test(entries_nobody_asked_for_are_open_or_blocked),
		cmocka_unit_test(a_removed_device_keeps_its_entry_or_is_blocked),
		cmocka_unit_test(a_device_is_added_twice),
		cmocka_unit_test(a_device_without_a_unit),
		cmocka_unit_test(an_alias_has_the_entry_of_the_id_that_is_carried),
		cmocka_unit_test(settings_of_firmware_are_in_the_entries_or_not),
		cmocka_unit_test(memory_of_firmware_is_mapped_or_not),
		cmocka_unit_test(units_that_cannot_translate_are_refused),
		cmocka_unit_test(tables_without_a_unit),
		cmocka_unit_test(mappings_are_tables_of_four_levels),
		cmocka_unit_test(a_domain_gets_as_many_levels_as_it_needs),
		cmocka_unit_test(each_change_is_followed_by_its_command_and_a_wait),
		cmocka_unit_test(what_is_queued_before_the_unit_is_on),
		cmocka_unit_test(a_domain_id_is_counted_or_reused),
		cmocka_unit_test(ids_come_again_while_a_domain_has_them),
		cmocka_unit_test(a_queue_that_sticks),
		cmocka_unit_test(releases_want_to_be_asked),
		cmocka_unit_test(a_second_life_begins_with_clean_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
