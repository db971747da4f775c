/* The host fixture: a machine with two units and vmm on it. What is proved stands in the tests. */
#include "host_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <iommusim/amdvi.h>

#include "bus.h"

/* ---- an allocator that counts ---------------------------------------------------------------- */

struct counted {
	_Alignas(max_align_t) size_t size;
};

static void *counted_allocate(void *context, size_t size)
{
	struct host_memory *memory = context;
	struct counted *block;

	memory->asked++;
	if (memory->first != 0 &&
	    (memory->asked == memory->first || (memory->and_beyond && memory->asked > memory->first))) {
		memory->failed = true;
		return NULL;
	}
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->size = size;
	memset(block + 1, 0xa5, size); /* contents are undefined, says machine.h */
	memory->blocks++;
	memory->bytes += (int64_t)size;
	return block + 1;
}

static void counted_release(void *context, void *pointer, size_t size)
{
	struct host_memory *memory = context;
	struct counted *block = (struct counted *)pointer - 1;

	memory->wrong += block->size != size;
	memory->blocks--;
	memory->bytes -= (int64_t)size;
	free(block);
}

void host_memory_init(struct host_memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	memory->allocator = (struct iommusim_allocator){
		.context = memory, .allocate = counted_allocate, .release = counted_release
	};
}

void host_memory_arm(struct host_memory *memory, uint64_t first, bool and_beyond)
{
	memory->asked = 0;
	memory->first = first;
	memory->and_beyond = and_beyond;
	memory->failed = false;
}

/* ---- firmware and hardware ------------------------------------------------------------------- */

/*
 * VT-d 11.4.2: 256 domains (ND=2), 3 and 4 levels, 48 bits, fault records at 400h, eight of them,
 * page-selective invalidation.
 */
uint64_t host_cap(void)
{
	return UINT64_C(2) | HOST_CAP_SAGAW3 | HOST_CAP_SAGAW4 | UINT64_C(47) << 16 |
	    UINT64_C(1) << 22 | UINT64_C(0x40) << 24 | UINT64_C(1) << 39 | UINT64_C(7) << 40 |
	    UINT64_C(18) << 48;
}

/* VT-d 11.4.3: coherent walks, queued invalidation, interrupt remapping, pass-through, IOTLB registers at 500h. */
uint64_t host_ecap(void)
{
	return UINT64_C(1) | UINT64_C(2) | UINT64_C(1) << 3 | UINT64_C(1) << 6 | UINT64_C(0x50) << 8;
}

struct builder host_table(void)
{
	struct builder table = builder_begin();

	ADD(&table, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x00, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&table, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&table, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0);
	builder_finish(&table);
	return table;
}

void host_install(struct host *host, struct builder *table)
{
	assert_ok(iommusim_acpi_install(host->machine, table->bytes, table->size));
}

static struct iommusim_unit *add_unit(struct host *host, uint64_t base, uint64_t cap, uint64_t ecap,
    const struct iommusim_dmar_scope *scope, const struct iommusim_unit_settings *settings)
{
	struct iommusim_vtd_config config = {
		.base = base,
		.version = 0x10,
		.capability = cap,
		.ext_capability = ecap,
		.host_address_width = 46,
	};
	struct iommusim_unit *unit;

	if (settings != NULL)
		config.settings = *settings;
	assert_ok(iommusim_vtd_create(host->machine, &config, &unit));
	if (scope == NULL)
		iommusim_unit_include_all(unit);
	else
		assert_ok(iommusim_unit_add_scope(unit, scope));
	return unit;
}

struct iommusim_unit *host_add_unit(struct host *host, uint64_t base, uint64_t cap, uint64_t ecap,
    const struct iommusim_dmar_scope *scope)
{
	return add_unit(host, base, cap, ecap, scope, NULL);
}

static void add_units(struct host *host, const struct host_setup *setup)
{
	static const struct iommusim_dmar_hop hop = { .device = 2 };
	const struct iommusim_dmar_scope scope = {
		.type = IOMMUSIM_SCOPE_ENDPOINT, .hop_count = 1, .hops = &hop
	};
	const uint64_t cap = (host_cap() | setup->cap_set) & ~setup->cap_clear;

	add_unit(host, HOST_UNIT0, cap, host_ecap() | HOST_ECAP_DT, &scope, &setup->settings);
	add_unit(host, HOST_UNIT1, cap, host_ecap() | (setup->alike ? HOST_ECAP_DT : 0), NULL,
	    &setup->settings);
}

void host_add_amdvi(struct host *host, const uint64_t *bases, size_t count, bool governs,
    const struct iommusim_unit_settings *settings)
{
	struct builder builder = ivrs_begin();
	struct iommusim_ivrs *table;

	for (size_t i = 0; i < count; i++) {
		const uint32_t base = (uint32_t)bases[i];
		const uint8_t entries = governs && i == 0 ? 4 : 0;

		/* its function is 00:00.2, 00:01.2, ...; capability at 40h */
		ADD(&builder, 0x11, 0x30, (uint8_t)(40 + entries), 0, (uint8_t)(2 + 8 * i), 0, 0x40, 0,
		    (uint8_t)base, (uint8_t)(base >> 8), (uint8_t)(base >> 16), (uint8_t)(base >> 24),
		    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
		for (unsigned byte = 0; byte < 16; byte++)
			builder.bytes[builder.size++] = (uint8_t)(byte < 8 ? HOST_EFR >> byte * 8 : 0);
		if (entries != 0)
			ADD(&builder, 1, 0, 0, 0);
	}
	builder_finish(&builder);
	host_install(host, &builder);
	assert_ok(iommusim_ivrs_parse(builder.bytes, builder.size, &table));
	assert_true(table->usable);
	assert_ok(iommusim_amdvi_create_from_ivrs(host->machine, table, "zen2-client", settings));
	iommusim_ivrs_free(table);
}

void host_function(struct host *host, uint16_t rid, const char *name)
{
	struct iommusim_pci_function function = { .rid = rid };

	strncpy(function.name, name, sizeof(function.name) - 1);
	assert_ok(iommusim_pci_add(host->machine, &function));
}

void host_bridge(struct host *host, uint16_t rid, uint8_t secondary)
{
	const struct iommusim_pci_function bridge = {
		.rid = rid,
		.type = IOMMUSIM_PCI_BRIDGE,
		.secondary_bus = secondary,
		.subordinate_bus = secondary,
	};

	assert_ok(iommusim_pci_add(host->machine, &bridge));
}

struct iommusim_requester *host_requester(struct host *host, uint16_t rid)
{
	struct iommusim_requester *requester;

	assert_ok(iommusim_requester_create(host->machine, 0, rid, &requester));
	return requester;
}

static void add_functions(struct host *host)
{
	host_function(host, HOST_GFX, "gfx0");
	host_function(host, HOST_AHCI, "ahci0");
	host_function(host, HOST_PPT1, "ppt1");
	host_function(host, HOST_PPT2, "ppt2");
}

static void add_drivers(struct host *host)
{
	assert_ok(iommusim_device_attach(host->vmm, 0, HOST_GFX, IOMMUSIM_DRIVER_HOST));
	assert_ok(iommusim_device_attach(host->vmm, 0, HOST_AHCI, IOMMUSIM_DRIVER_HOST));
	assert_ok(iommusim_device_attach(host->vmm, 0, HOST_PPT1, IOMMUSIM_DRIVER_PPT));
	assert_ok(iommusim_device_attach(host->vmm, 0, HOST_PPT2, IOMMUSIM_DRIVER_PPT));
}

static void add_requesters(struct host *host)
{
	host->gfx = host_requester(host, HOST_GFX);
	host->ahci = host_requester(host, HOST_AHCI);
	host->ppt1 = host_requester(host, HOST_PPT1);
	host->ppt2 = host_requester(host, HOST_PPT2);
	host->gone = host_requester(host, HOST_GONE);
}

void host_start(struct host *host, const struct host_setup *wanted)
{
	static const struct host_setup defaults;
	const struct host_setup *setup = wanted == NULL ? &defaults : wanted;
	const struct iommusim_machine_config machine = {
		.allocator = setup->memory == NULL ? NULL : &setup->memory->allocator,
		.device_view = setup->device_view,
	};
	const struct iommusim_vmm_config vmm = {
		.profile = setup->profile,
		.cpu = setup->amdvi ? IOMMUSIM_CPU_AMD : setup->cpu,
		.ops = setup->ops,
		.ops_context = setup->ops_context,
	};
	struct builder own = host_table();

	memset(host, 0, sizeof(*host));
	assert_ok(iommusim_machine_create(&machine, &host->machine));
	assert_ok(iommusim_memory_add_pc_ram(host->machine, setup->ram == 0 ? HOST_RAM : setup->ram));
	if (setup->amdvi)
		host_add_amdvi(host, (const uint64_t[]){ HOST_AMDVI }, 1, true, &setup->settings);
	if (!setup->no_table && !setup->amdvi)
		host_install(host, setup->table == NULL ? &own : setup->table);
	if (!setup->no_units && !setup->amdvi)
		add_units(host, setup);
	if (!setup->no_functions)
		add_functions(host);
	assert_ok(iommusim_vmm_create(host->machine, &vmm, &host->vmm));
	if (setup->checked)
		assert_ok(iommusim_check_create(host->vmm, &host->check));
	if (!setup->no_functions && !setup->no_drivers)
		add_drivers(host);
	add_requesters(host);
}

void host_stop(struct host *host)
{
	iommusim_check_destroy(host->check);
	iommusim_vmm_destroy(host->vmm);
	iommusim_machine_destroy(host->machine);
	memset(host, 0, sizeof(*host));
}

/* ---- vmm ------------------------------------------------------------------------------------- */

struct iommusim_vm *host_vm(struct host *host, const char *name, uint64_t size, uint64_t seed)
{
	const struct iommusim_vm_memory memory = { .size = size, .seed = seed };
	struct iommusim_vm *vm;

	assert_ok(iommusim_vm_create(host->vmm, name, &vm));
	assert_ok(iommusim_vm_setup_memory(vm, &memory));
	return vm;
}

struct iommusim_vm *host_guest(struct host *host, const char *name, uint64_t size, uint16_t rid)
{
	struct iommusim_vm *vm = host_vm(host, name, size, 7);

	host_assign(vm, rid);
	return vm;
}

void host_assign(struct iommusim_vm *vm, uint16_t rid)
{
	assert_ok(iommusim_vm_assign_pptdev(vm, 0, rid));
}

void host_init(struct host *host)
{
	assert_ok(iommusim_iommu_init(host->vmm));
}

uint64_t host_hpa(const struct iommusim_vm *vm, uint64_t gpa)
{
	uint64_t hpa;

	assert_ok(iommusim_vm_gpa_to_hpa(vm, gpa, &hpa, NULL));
	return hpa;
}

uint64_t host_sysctl(const struct host *host, const char *name)
{
	uint64_t value;

	assert_ok(iommusim_sysctl_get(host->vmm, name, &value));
	return value;
}

/* ---- what hardware does ---------------------------------------------------------------------- */

struct iommusim_dma_page host_dma(
    struct iommusim_requester *requester, enum iommusim_dma_kind kind, uint64_t address)
{
	return bus_access(requester, kind, address, 8);
}

struct iommusim_dma_page host_look(struct iommusim_requester *requester, uint64_t address)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = 8, .kind = IOMMUSIM_DMA_WRITE
	};
	struct iommusim_walk walk;

	assert_ok(iommusim_walk(requester, &request, &walk));
	return walk.result;
}

bool host_reaches(struct iommusim_requester *requester, uint64_t address)
{
	const struct iommusim_dma_page page = host_look(requester, address);

	return page.translated && !page.faulted && page.physical == address;
}

uint64_t host_load(struct host *host, uint64_t address)
{
	return bus_load(host->machine, address);
}

void host_store(struct host *host, uint64_t address, uint64_t value)
{
	bus_store(host->machine, address, value);
}

uint64_t host_get(struct host *host, uint64_t base, unsigned offset, unsigned width)
{
	return bus_get(host->machine, base + offset, width);
}

void host_set(struct host *host, uint64_t base, unsigned offset, unsigned width, uint64_t value)
{
	bus_set(host->machine, base + offset, width, value);
}

uint32_t host_status(struct host *host, uint64_t base)
{
	return (uint32_t)host_get(host, base, R_GSTS, 4);
}

/*
 * VT-d 9.1, 9.3: 256 root entries of 16 bytes, each with a table of 256 context entries of 16
 * bytes.
 */
uint64_t host_context_at(struct host *host, uint16_t rid)
{
	const uint64_t root = host_get(host, HOST_UNIT1, R_RTADDR, 8);
	const uint64_t entry = host_load(host, root + (rid >> 8) * UINT64_C(16));

	assert_int_equal(entry & 1, 1);
	return (entry & ~UINT64_C(0xfff)) + (rid & 0xff) * UINT64_C(16);
}

/* VT-d 9.8: 512 entries of 8 bytes a level; R and W are bits 0 and 1. */
uint64_t host_leaf_at(struct host *host, uint16_t rid, uint64_t input)
{
	const uint64_t context = host_context_at(host, rid);
	unsigned level = (unsigned)(host_load(host, context + 8) & 7) + 2;
	uint64_t table = host_load(host, context) & ~UINT64_C(0xfff);

	for (;; level--) {
		const uint64_t at = table + (input >> (12 + 9 * (level - 1)) & 0x1ff) * 8;

		if (level == 1)
			return at;
		assert_int_not_equal(host_load(host, at) & 3, 0);
		table = host_load(host, at) & UINT64_C(0xffffffffff000);
	}
}

static void note_access(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct host_log *log = context;

	if (!is_write) {
		log->reads++;
		return;
	}
	assert_true(log->count < HOST_LOG);
	log->at[log->count].address = address;
	log->at[log->count].width = width;
	log->at[log->count].is_write = is_write;
	log->at[log->count].value = value;
	log->count++;
}

void host_watch(struct host *host, struct host_log *log)
{
	const struct iommusim_mmio_watcher watcher = { .context = log, .access = note_access };

	log->count = log->reads = 0;
	assert_ok(iommusim_mmio_watch(host->machine, &watcher));
}

void host_unwatch(struct host *host, struct host_log *log)
{
	iommusim_mmio_unwatch(host->machine, log);
}

/* ---- words ----------------------------------------------------------------------------------- */

void host_text_put(void *context, const char *text, size_t length)
{
	struct host_text *to = context;

	assert_true(to->length + length < sizeof(to->text));
	memcpy(to->text + to->length, text, length);
	to->length += length;
	to->text[to->length] = '\0';
}

void host_text_add(struct host_text *text, const char *format, ...)
{
	char line[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	assert_true(length >= 0 && (size_t)length < sizeof(line));
	host_text_put(text, line, (size_t)length);
}

static void describe_init(struct host *host, struct host_text *text)
{
	struct iommusim_init_report report;
	const char *name;
	uint64_t value;

	for (size_t i = 0; (name = iommusim_sysctl_name(i)) != NULL; i++) {
		assert_ok(iommusim_sysctl_get(host->vmm, name, &value));
		host_text_add(text, "%s=%llu\n", name, (unsigned long long)value);
	}
	for (size_t i = 0; (name = iommusim_vmm_message(host->vmm, i)) != NULL; i++)
		host_text_add(text, "console %s\n", name);
	iommusim_init_report(host->vmm, &report);
	host_text_add(text, "init %s %s told %d table %d %d %u units %u %u: %s / %s\n",
	    iommusim_init_outcome_name(report.outcome), iommusim_status_name(report.status),
	    report.told, report.table_found, report.table_checksum_ok, report.table_length,
	    report.units_named, report.units_used, report.text, report.advice);
}

static void describe_vms(struct host *host, struct host_text *text)
{
	const struct iommusim_domain *domain;
	const struct iommusim_vm *vm;

	for (size_t i = 0; (domain = iommusim_domain_at(host->vmm, i)) != NULL; i++)
		host_text_add(text, "domain %s to 0x%llx%s\n", iommusim_domain_name(domain),
		    (unsigned long long)iommusim_domain_max_address(domain),
		    domain == iommusim_host_domain(host->vmm) ? ", the host's" : "");
	for (size_t i = 0; (vm = iommusim_vm_at(host->vmm, i)) != NULL; i++) {
		uint64_t hpa, run;

		domain = iommusim_vm_domain(vm);
		host_text_add(text, "vm %s 0x%llx %s\n", iommusim_vm_name(vm),
		    (unsigned long long)iommusim_vm_memory_size(vm),
		    domain == NULL ? "no domain" : iommusim_domain_name(domain));
		for (uint64_t gpa = 0; iommusim_vm_gpa_to_hpa(vm, gpa, &hpa, &run) == IOMMUSIM_OK;
		     gpa += run)
			host_text_add(text, " 0x%llx -> 0x%llx + 0x%llx\n", (unsigned long long)gpa,
			    (unsigned long long)hpa, (unsigned long long)run);
	}
}

static void describe_dma(struct iommusim_requester *requester, uint64_t address, struct host_text *text)
{
	const struct iommusim_dma_page page = host_look(requester, address);

	host_text_add(text, " 0x%llx: %s%s 0x%llx reason %u domain %u\n", (unsigned long long)address,
	    page.translated ? "translated " : "", page.faulted ? "faults" : "goes to",
	    page.faulted ? 0 : (unsigned long long)page.physical, page.fault.reason, page.domain);
}

/*
 * All pages of a guest, as a device sees them by host address: how many it reaches, and a sum of
 * where.
 */
static void describe_guest_pages(
    struct iommusim_requester *requester, const struct iommusim_vm *vm, struct host_text *text)
{
	const uint64_t size = iommusim_vm_memory_size(vm);
	uint64_t reached = 0, sum = UINT64_C(0xcbf29ce484222325);

	for (uint64_t offset = 0; offset < size; offset += PAGE) {
		const uint64_t gpa = offset < 3 * GIB ? offset : offset + GIB;
		const struct iommusim_dma_page page = host_look(requester, host_hpa(vm, gpa));

		reached += !page.faulted;
		sum = (sum ^ (page.faulted ? page.fault.reason : page.physical)) *
		    UINT64_C(0x100000001b3);
	}
	host_text_add(text, " of %s: %llu pages, sum %llx\n", iommusim_vm_name(vm),
	    (unsigned long long)reached, (unsigned long long)sum);
}

static void describe_device(
    struct host *host, struct iommusim_requester *requester, struct host_text *text)
{
	const uint16_t rid = iommusim_requester_rid(requester);
	const struct iommusim_vm *vm = iommusim_vm_of_device(host->vmm, 0, rid), *each;
	enum iommusim_driver driver;

	host_text_add(text, "device %04x ", rid);
	if (iommusim_device_driver(host->vmm, 0, rid, &driver) == IOMMUSIM_OK)
		host_text_add(text, "driver %d", driver);
	host_text_add(text, " of %s\n", vm == NULL ? "nobody" : iommusim_vm_name(vm));
	describe_dma(requester, 0, text);
	describe_dma(requester, 0x9000, text);
	describe_dma(requester, HOST_RAM - PAGE, text);
	describe_dma(requester, UINT64_C(1) << 40, text);
	for (size_t i = 0; (each = iommusim_vm_at(host->vmm, i)) != NULL; i++)
		describe_guest_pages(requester, each, text);
}

void host_describe(struct host *host, struct host_text *text)
{
	struct iommusim_unit *unit;

	text->length = 0;
	text->text[0] = '\0';
	describe_init(host, text);
	describe_vms(host, text);
	describe_device(host, host->gfx, text);
	describe_device(host, host->ahci, text);
	describe_device(host, host->ppt1, text);
	describe_device(host, host->ppt2, text);
	describe_device(host, host->gone, text);
	for (size_t i = 0; (unit = iommusim_unit_at(host->machine, i)) != NULL; i++)
		host_text_add(text, "unit 0x%llx %s\n", (unsigned long long)iommusim_unit_base(unit),
		    iommusim_unit_translating(unit) ? "on" : "off");
}

/* ---- iommu_ops that write down what they are asked ------------------------------------------- */

static unsigned number_of(const void *domain)
{
	return *(const unsigned *)domain;
}

static enum iommusim_status backend_init(void *context)
{
	struct host_backend *backend = context;

	host_text_add(&backend->log, "init\n");
	return backend->init;
}

static void backend_cleanup(void *context)
{
	host_text_add(&((struct host_backend *)context)->log, "cleanup\n");
}

static void backend_enable(void *context)
{
	host_text_add(&((struct host_backend *)context)->log, "enable\n");
}

static void backend_disable(void *context)
{
	host_text_add(&((struct host_backend *)context)->log, "disable\n");
}

static enum iommusim_status backend_create_domain(void *context, uint64_t max_address, void **domain)
{
	struct host_backend *backend = context;
	const unsigned number = backend->domains + 1;

	host_text_add(&backend->log, "create_domain 0x%llx\n", (unsigned long long)max_address);
	if (backend->create_domain != IOMMUSIM_OK)
		return backend->create_domain;
	assert_true(number < sizeof(backend->numbers) / sizeof(*backend->numbers));
	backend->domains = number;
	backend->numbers[number] = number;
	*domain = &backend->numbers[number];
	return IOMMUSIM_OK;
}

static void backend_destroy_domain(void *context, void *domain)
{
	host_text_add(&((struct host_backend *)context)->log, "destroy_domain %u\n", number_of(domain));
}

static enum iommusim_status work(const struct host_backend *backend, enum iommusim_status status,
    uint64_t gpa, uint64_t length, uint64_t *done)
{
	*done = 0;
	if (status != IOMMUSIM_OK && gpa >= backend->fail_from)
		return status;
	*done = backend->chunk != 0 && length > backend->chunk ? backend->chunk : length;
	if (backend->lazy)
		*done = 0;
	if (backend->eager)
		*done = length + PAGE;
	return IOMMUSIM_OK;
}

static enum iommusim_status backend_map(
    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	struct host_backend *backend = context;

	host_text_add(&backend->log, "map %u 0x%llx 0x%llx 0x%llx\n", number_of(domain),
	    (unsigned long long)gpa, (unsigned long long)hpa, (unsigned long long)length);
	return work(backend, backend->map, gpa, length, done);
}

static enum iommusim_status backend_unmap(
    void *context, void *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	struct host_backend *backend = context;

	host_text_add(&backend->log, "unmap %u 0x%llx 0x%llx\n", number_of(domain),
	    (unsigned long long)gpa, (unsigned long long)length);
	return work(backend, backend->unmap, gpa, length, done);
}

static enum iommusim_status backend_add(void *context, void *domain, uint16_t segment, uint16_t rid)
{
	struct host_backend *backend = context;

	host_text_add(&backend->log, "add %u %u:%04x\n", number_of(domain), segment, rid);
	return backend->add;
}

static enum iommusim_status backend_remove(void *context, void *domain, uint16_t segment, uint16_t rid)
{
	struct host_backend *backend = context;

	host_text_add(&backend->log, "remove %u %u:%04x\n", number_of(domain), segment, rid);
	return backend->remove;
}

static enum iommusim_status backend_invalidate(void *context, void *domain)
{
	struct host_backend *backend = context;

	host_text_add(&backend->log, "invalidate %u\n", number_of(domain));
	return backend->invalidate;
}

void host_backend_init(struct host_backend *backend)
{
	memset(backend, 0, sizeof(*backend));
	backend->ops = (struct iommusim_ops){
		.name = "test",
		.init = backend_init,
		.cleanup = backend_cleanup,
		.enable = backend_enable,
		.disable = backend_disable,
		.create_domain = backend_create_domain,
		.destroy_domain = backend_destroy_domain,
		.create_mapping = backend_map,
		.remove_mapping = backend_unmap,
		.add_device = backend_add,
		.remove_device = backend_remove,
		.invalidate_tlb = backend_invalidate,
	};
}

size_t host_backend_count(const struct host_backend *backend, const char *line)
{
	const char *at = backend->log.text;
	size_t count = 0;

	while ((at = strstr(at, line)) != NULL) {
		count += at == backend->log.text || at[-1] == '\n';
		at++;
	}
	return count;
}

void host_backend_forget(struct host_backend *backend)
{
	backend->log.length = 0;
	backend->log.text[0] = '\0';
}
