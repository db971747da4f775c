/*
 * Every call that allocates, made to fail at each of its allocations in turn: it says ENOMEM, leaves
 * what can be seen as it was, loses no memory, and works when it is made again.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "vtd_fixture.h"

#include <iommusim/acpi.h>
#include <iommusim/amdvi.h>

#include "acpi/dmar_builder.h"
#include "acpi/ivrs_builder.h"

#define BLOCKS 256

/*
 * An allocator that knows every block and, while it is armed, fails allocation number `until`: that one
 * alone (`once`) or all from there on.
 */
struct failing {
	bool armed;
	bool once;
	unsigned until;
	unsigned failed;
	struct {
		void *block;
		size_t size;
	} live[BLOCKS];
	size_t count;
};

static bool must_fail(struct failing *failing)
{
	if (!failing->armed || (failing->once && failing->failed > 0))
		return false;
	if (failing->until > 0) {
		failing->until--;
		return false;
	}
	failing->failed++;
	return true;
}

static void *keep(struct failing *failing, void *block, size_t size)
{
	assert_non_null(block);
	assert_true(size > 0);
	assert_true(failing->count < BLOCKS);
	failing->live[failing->count].block = block;
	failing->live[failing->count++].size = size;
	return block;
}

/* A block comes back once, with the size it went out with. */
static void forget(struct failing *failing, const void *block, size_t size)
{
	for (size_t i = 0; i < failing->count; i++) {
		if (failing->live[i].block != block)
			continue;
		assert_int_equal(failing->live[i].size, size);
		failing->live[i] = failing->live[--failing->count];
		return;
	}
	fail_msg("a block that nobody allocated");
}

static void *failing_allocate(void *context, size_t size)
{
	void *block;

	if (must_fail(context))
		return NULL;
	block = malloc(size);
	memset(block, 0xa5, size); /* contents are undefined: nobody may count on zeroes */
	return keep(context, block, size);
}

static void failing_release(void *context, void *block, size_t size)
{
	forget(context, block, size);
	free(block);
}

static void *failing_reserve(void *context, size_t size)
{
	void *block;

	if (must_fail(context))
		return NULL;
	block = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(block, MAP_FAILED);
	return keep(context, block, size);
}

static void failing_unreserve(void *context, void *block, size_t size)
{
	forget(context, block, size);
	munmap(block, size);
}

static struct iommusim_allocator allocator_of(struct failing *failing)
{
	return (struct iommusim_allocator){
		.context = failing,
		.allocate = failing_allocate,
		.release = failing_release,
		.reserve = failing_reserve,
		.unreserve = failing_unreserve,
	};
}

/* --- what can be seen of a machine ------------------------------------------------------------------ */

struct view {
	uint64_t windows, functions, units, decoded, tables, governed, events;
};

static unsigned watched; /* accesses the watcher under test was told of */

/* Addresses where a register may be: what answers there. */
static uint64_t decoded(struct iommusim_machine *machine)
{
	uint64_t answers = 0, value;

	for (unsigned i = 0; i < 16; i++)
		if (iommusim_mmio_read(machine, 0xfed90000 + i * UINT64_C(0x1000), 8, &value) ==
		    IOMMUSIM_OK)
			answers |= UINT64_C(1) << i;
	return answers;
}

static uint64_t fold(uint64_t sum, uint64_t value)
{
	return sum * UINT64_C(0x100000001b3) + value + 1;
}

static struct view look(struct iommusim_machine *machine)
{
	struct iommusim_memory_window window;
	struct view view = { 0 };
	uint64_t address;
	uint32_t length;

	for (size_t i = 0; iommusim_memory_window(machine, i, &window) == IOMMUSIM_OK; i++)
		view.windows = fold(fold(fold(view.windows, window.base), window.length), window.kind);
	for (size_t i = 0; iommusim_pci_at(machine, i) != NULL; i++)
		view.functions = fold(view.functions, iommusim_pci_at(machine, i)->rid);
	for (size_t i = 0; iommusim_unit_at(machine, i) != NULL; i++)
		view.units = fold(view.units, iommusim_unit_base(iommusim_unit_at(machine, i)));
	for (unsigned i = 0; iommusim_acpi_find(machine, "DMAR", i, &address, &length) == IOMMUSIM_OK;
	     i++)
		view.tables = fold(fold(view.tables, address), length);
	for (unsigned rid = 0; rid < 0x400; rid++)
		view.governed =
		    fold(view.governed, iommusim_unit_for(machine, 0, (uint16_t)rid) != NULL);
	view.decoded = decoded(machine);
	watched = 0;
	decoded(machine);
	view.events = watched;
	return view;
}

/* --- the calls ---------------------------------------------------------------------------------------- */

static void watch(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	(void)context;
	(void)address;
	(void)width;
	(void)is_write;
	(void)value;
	watched++;
}

static void event(void *context)
{
	(void)context;
}

static uint64_t region_read(void *context, uint64_t offset, unsigned width)
{
	(void)context;
	return offset + width;
}

static void region_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
	(void)context;
	(void)offset;
	(void)width;
	(void)value;
}

static enum iommusim_status call_memory_add(struct iommusim_machine *machine)
{
	return iommusim_memory_add(machine, 0x10000, 0x10000, IOMMUSIM_MEMORY_RAM);
}

static enum iommusim_status call_memory_add_foreign(struct iommusim_machine *machine)
{
	static _Alignas(4096) uint8_t image[0x2000];

	return iommusim_memory_add_foreign(machine, 0x80000, sizeof(image), image);
}

static enum iommusim_status call_pc_ram(struct iommusim_machine *machine)
{
	return iommusim_memory_add_pc_ram(machine, UINT64_C(4) << 30);
}

static enum iommusim_status call_mmio_attach(struct iommusim_machine *machine)
{
	const struct iommusim_mmio_region region = {
		.base = 0xfed90000, .length = 0x1000, .read = region_read, .write = region_write
	};

	return iommusim_mmio_attach(machine, &region);
}

static enum iommusim_status call_mmio_watch(struct iommusim_machine *machine)
{
	const struct iommusim_mmio_watcher watcher = { .context = &watched, .access = watch };

	return iommusim_mmio_watch(machine, &watcher);
}

static enum iommusim_status call_pci_add(struct iommusim_machine *machine)
{
	const struct iommusim_pci_function function = { .rid = 0x0123 };

	return iommusim_pci_add(machine, &function);
}

static enum iommusim_status call_acpi_install(struct iommusim_machine *machine)
{
	static const uint8_t table[64] = "DMAR";

	return iommusim_acpi_install(machine, table, sizeof(table));
}

static enum iommusim_status call_clock_schedule(struct iommusim_machine *machine)
{
	return iommusim_clock_schedule(machine, 1000, event, machine);
}

static enum iommusim_status call_requester_create(struct iommusim_machine *machine)
{
	struct iommusim_requester *requester = (struct iommusim_requester *)(uintptr_t)8;
	const enum iommusim_status status = iommusim_requester_create(machine, 0, 0x0310, &requester);

	assert_int_equal(requester == NULL, status != IOMMUSIM_OK);
	return status;
}

static enum iommusim_status create_unit(
    struct iommusim_machine *machine, enum iommusim_cache_policy cache)
{
	const struct iommusim_vtd_config config = { .base = VTD_BASE,
		.capability = VTD_DEFAULT_CAP,
		.ext_capability = VTD_DEFAULT_ECAP,
		.host_address_width = VTD_HAW,
		.settings.cache = cache };
	struct iommusim_unit *unit = (struct iommusim_unit *)(uintptr_t)8;
	const enum iommusim_status status = iommusim_vtd_create(machine, &config, &unit);

	assert_int_equal(unit == NULL, status != IOMMUSIM_OK);
	return status;
}

static enum iommusim_status call_vtd_create(struct iommusim_machine *machine)
{
	return create_unit(machine, IOMMUSIM_CACHE_HOARD);
}

static enum iommusim_status call_vtd_create_sized(struct iommusim_machine *machine)
{
	return create_unit(machine, IOMMUSIM_CACHE_SIZED);
}

static enum iommusim_status call_amdvi_create_sized(struct iommusim_machine *machine)
{
	const struct iommusim_amdvi_config config = {
		.base = 0xfed80000,
		.features = 0x200, /* PCSup: counters */
		.settings = { .cache = IOMMUSIM_CACHE_SIZED },
	};
	struct iommusim_unit *unit = (struct iommusim_unit *)(uintptr_t)8;
	const enum iommusim_status status = iommusim_amdvi_create(machine, &config, &unit);

	assert_int_equal(unit == NULL, status != IOMMUSIM_OK);
	return status;
}

/* Without counters nothing is asked for them: no block of 0 bytes. */
static enum iommusim_status call_amdvi_create_bare(struct iommusim_machine *machine)
{
	const struct iommusim_amdvi_config config = { .base = 0xfed80000 };

	return iommusim_amdvi_create(machine, &config, NULL);
}

static const struct iommusim_dmar_hop hops[] = { { 2, 0 } };
static const struct iommusim_dmar_scope scope = {
	.type = IOMMUSIM_SCOPE_ENDPOINT, .hop_count = 1, .hops = hops
};

static void prepare_unit(struct iommusim_machine *machine)
{
	assert_int_equal(create_unit(machine, IOMMUSIM_CACHE_HOARD), IOMMUSIM_OK);
}

static enum iommusim_status call_add_scope(struct iommusim_machine *machine)
{
	return iommusim_unit_add_scope(iommusim_unit_at(machine, 0), &scope);
}

/* Three units: one with a scope, one for the rest, one in another segment. */
static enum iommusim_status call_create_from_dmar(struct iommusim_machine *machine)
{
	const struct iommusim_unit_settings settings = { .cache = IOMMUSIM_CACHE_SIZED };
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;
	enum iommusim_status status;

	ADD(&builder, 0, 0, 24, 0, 0, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&builder, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0x20, 0xd9, 0xfe, 0, 0, 0, 0);
	ADD(&builder, 0, 0, 16, 0, 0, 0, 1, 0, 0x00, 0x30, 0xd9, 0xfe, 0, 0, 0, 0);
	builder_finish(&builder);
	assert_int_equal(iommusim_dmar_parse(builder.bytes, builder.size, &table), IOMMUSIM_OK);
	status = iommusim_vtd_create_from_dmar(machine, table, "skylake-sp", &settings);
	iommusim_dmar_free(table);
	return status;
}

/* Two units: one with a range and an alias, one with a device. */
static enum iommusim_status call_create_from_ivrs(struct iommusim_machine *machine)
{
	struct builder builder = ivrs_begin();
	struct iommusim_ivrs *table;
	enum iommusim_status status;

	ivrs_add_11h(&builder, 0x40, 16);
	ADD(&builder, 3, 8, 0, 0, 4, 0xff, 0x1f, 0);
	ADD(&builder, 0x42, 0x00, 0x05, 0, 0, 0xa4, 0, 0);
	ivrs_add_11h(&builder, 0x40, 4);
	ADD(&builder, 2, 0, 0x20, 0);
	builder.bytes[104 + 5] = 0x20;  /* the second is 20:00.2, */
	builder.bytes[104 + 10] = 0xe0; /* at fde00000h */
	builder_finish(&builder);
	assert_int_equal(iommusim_ivrs_parse(builder.bytes, builder.size, &table), IOMMUSIM_OK);
	status = iommusim_amdvi_create_from_ivrs(machine, table, "zen2-client", NULL);
	iommusim_ivrs_free(table);
	return status;
}

static enum iommusim_status call_add_range(struct iommusim_machine *machine)
{
	const struct iommusim_unit_range range = { .first = 8, .last = 0x1fff };

	return iommusim_unit_add_range(iommusim_unit_at(machine, 0), &range);
}

/* --- the loop ----------------------------------------------------------------------------------------- */

struct call {
	enum iommusim_status (*make)(struct iommusim_machine *machine);
	void (*prepare)(struct iommusim_machine *machine);
	bool device_view;
};

/* One round with the call's allocation number `n` failing. True: the call needed no more than n. */
static bool round_of(const struct call *call, unsigned n, bool once)
{
	struct failing failing = { .once = once };
	const struct iommusim_allocator allocator = allocator_of(&failing);
	const struct iommusim_machine_config config = { .allocator = &allocator,
		.device_view = call->device_view };
	struct iommusim_machine *machine;
	enum iommusim_status status;
	struct view before, after;
	size_t blocks;

	assert_int_equal(iommusim_machine_create(&config, &machine), IOMMUSIM_OK);
	if (call->prepare != NULL)
		call->prepare(machine);
	before = look(machine);
	blocks = failing.count;
	failing.until = n;
	failing.armed = true;
	status = call->make(machine);
	failing.armed = false;
	if (failing.failed > 0) {
		assert_int_equal(status, IOMMUSIM_ENOMEM);
		assert_int_equal(iommusim_machine_diagnostic(machine)->status, IOMMUSIM_ENOMEM);
		after = look(machine);
		assert_memory_equal(&before, &after, sizeof(before));
		assert_true(failing.count <= blocks + 3); /* arrays that have grown already may stay */
		status = call->make(machine);
	}
	assert_int_equal(status, IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
	assert_int_equal(failing.count, 0);
	return failing.failed == 0;
}

static void try_all(const struct call *call)
{
	for (unsigned once = 0; once < 2; once++) {
		unsigned n = 0;

		while (!round_of(call, n, once != 0))
			assert_true(++n < 100);
		assert_true(n > 0); /* it allocates: something was tested */
	}
}

#define CALL(name, function, preparation, view)                                                        \
	static void name(void **state)                                                                 \
	{                                                                                              \
		static const struct call call = { function, preparation, view };                       \
                                                                                                       \
		(void)state;                                                                           \
		try_all(&call);                                                                        \
	}

CALL(a_failed_memory_add_changes_nothing, call_memory_add, NULL, false)
CALL(a_failed_memory_add_with_a_device_view_changes_nothing, call_memory_add, NULL, true)
CALL(a_failed_memory_add_foreign_changes_nothing, call_memory_add_foreign, NULL, false)
CALL(
    a_failed_memory_add_foreign_with_a_device_view_changes_nothing, call_memory_add_foreign, NULL, true)
CALL(a_failed_memory_add_pc_ram_changes_nothing, call_pc_ram, NULL, false)
CALL(a_failed_memory_add_pc_ram_with_a_device_view_changes_nothing, call_pc_ram, NULL, true)
CALL(a_failed_mmio_attach_changes_nothing, call_mmio_attach, NULL, false)
CALL(a_failed_mmio_watch_changes_nothing, call_mmio_watch, NULL, false)
CALL(a_failed_pci_add_changes_nothing, call_pci_add, NULL, false)
CALL(a_failed_acpi_install_changes_nothing, call_acpi_install, NULL, false)
CALL(a_failed_acpi_install_with_a_device_view_changes_nothing, call_acpi_install, NULL, true)
CALL(a_failed_clock_schedule_changes_nothing, call_clock_schedule, NULL, false)
CALL(a_failed_requester_create_changes_nothing, call_requester_create, NULL, false)
CALL(a_failed_vtd_create_changes_nothing, call_vtd_create, NULL, false)
CALL(a_failed_vtd_create_with_sized_caches_changes_nothing, call_vtd_create_sized, NULL, false)
CALL(a_failed_amdvi_create_with_sized_caches_changes_nothing, call_amdvi_create_sized, NULL, false)
CALL(a_failed_amdvi_create_without_features_changes_nothing, call_amdvi_create_bare, NULL, false)
CALL(a_failed_unit_add_scope_changes_nothing, call_add_scope, prepare_unit, false)
CALL(a_failed_unit_add_range_changes_nothing, call_add_range, prepare_unit, false)
CALL(a_failed_vtd_create_from_dmar_changes_nothing, call_create_from_dmar, NULL, false)
CALL(a_failed_amdvi_create_from_ivrs_changes_nothing, call_create_from_ivrs, NULL, false)

static void a_failed_machine_create_changes_nothing(void **state)
{
	struct failing failing = { .armed = true };
	const struct iommusim_allocator allocator = allocator_of(&failing);
	const struct iommusim_machine_config config = { .allocator = &allocator };
	struct iommusim_machine *machine = (struct iommusim_machine *)(uintptr_t)8;
	unsigned n = 0;

	(void)state;
	while (iommusim_machine_create(&config, &machine) != IOMMUSIM_OK) {
		assert_null(machine);
		assert_int_equal(failing.count, 0);
		failing.until = ++n;
	}
	assert_true(n > 0);
	iommusim_machine_destroy(machine);
	assert_int_equal(failing.count, 0);
}

/* A call that does not fit any more after the first eight elements of an array. */
static void arrays_that_must_grow_keep_what_they_held(void **state)
{
	struct failing failing = { .armed = false };
	const struct iommusim_allocator allocator = allocator_of(&failing);
	const struct iommusim_machine_config config = { .allocator = &allocator };
	struct iommusim_machine *machine;
	uint64_t value = 0;

	(void)state;
	assert_int_equal(iommusim_machine_create(&config, &machine), IOMMUSIM_OK);
	for (unsigned i = 0; i < 40; i++) {
		const uint64_t base = (UINT64_C(40) - i) << 20;
		enum iommusim_status status;

		failing.until = 1; /* the reservation succeeds, the growth does not */
		failing.armed = true;
		status = iommusim_memory_add(machine, base, 0x1000, IOMMUSIM_MEMORY_RAM);
		failing.armed = false;
		if (status != IOMMUSIM_OK) {
			assert_int_equal(status, IOMMUSIM_ENOMEM);
			assert_int_equal(
			    iommusim_memory_add(machine, base, 0x1000, IOMMUSIM_MEMORY_RAM),
			    IOMMUSIM_OK);
		}
		value = base;
		assert_int_equal(iommusim_memory_write(machine, base, &value, 8), IOMMUSIM_OK);
	}
	assert_true(failing.failed >= 3);
	for (unsigned i = 0; i < 40; i++) {
		const uint64_t base = (UINT64_C(40) - i) << 20;

		assert_int_equal(iommusim_memory_read(machine, base, &value, 8), IOMMUSIM_OK);
		assert_int_equal(value, base);
	}
	iommusim_machine_destroy(machine);
	assert_int_equal(failing.count, 0);
}

/* DMA never fails for want of memory: what cannot be cached is translated again. */
static void dma_without_memory_for_its_caches_still_translates(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_HOARD,
		IOMMUSIM_CACHE_ADVERSE };
	struct failing failing;
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct iommusim_allocator allocator = allocator_of(&failing);
		const struct vtd_setup setup = { .allocator = &allocator,
			.settings.cache = policies[i] };

		memset(&failing, 0, sizeof(failing));
		vt_start_enabled(&vtd, &setup);
		for (unsigned n = 0; n < 200; n++)
			vt_map(&vtd, n * UINT64_C(0x1000), 0x100000 + n * UINT64_C(0x1000), 3);
		for (unsigned until = 0; until < 6; until++) {
			failing.until = until;
			failing.armed = true;
			for (unsigned n = 0; n < 200; n++)
				assert_int_equal(vt_output(&vtd, n * UINT64_C(0x1000)),
				    0x100000 + n * UINT64_C(0x1000));
			failing.armed = false;
		}
		assert_true(failing.failed > 0);
		vt_unmap(&vtd, 0x5000);
		assert_int_equal(vt_invalidate_iotlb(&vtd, 1, 0, 0, 0), 1);
		assert_int_equal(vt_reason(&vtd, IOMMUSIM_DMA_READ, 0x5000), 6);
		vt_stop(&vtd);
		assert_int_equal(failing.count, 0);
	}
}

/* Without memory for an event hardware is simply quick. */
static void a_command_without_memory_for_its_latency_is_done_at_once(void **state)
{
	struct failing failing = { .armed = false };
	const struct iommusim_allocator allocator = allocator_of(&failing);
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, &(struct vtd_setup){ .allocator = &allocator, .settings.latency = 1000 });
	failing.armed = true;
	vt_set32(&vtd, R_GCMD, G_SRTP);
	assert_int_equal(vt_get32(&vtd, R_GSTS), G_SRTP);
	vt_set64(&vtd, R_IOTLB, BIT(63) | BIT(60));
	assert_int_equal(vt_get64(&vtd, R_IOTLB), BIT(60) | BIT(57));
	failing.armed = false;
	assert_int_equal(failing.failed, 2);
	vt_stop(&vtd);
	assert_int_equal(failing.count, 0);
}

/* A machine at work in every part gives everything back. */
static void destroying_a_busy_machine_gives_every_block_back(void **state)
{
	struct failing failing = { .armed = false };
	const struct iommusim_allocator allocator = allocator_of(&failing);
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .allocator = &allocator, .device_view = true });
	assert_int_equal(call_pci_add(vtd.machine), IOMMUSIM_OK);
	assert_int_equal(call_acpi_install(vtd.machine), IOMMUSIM_OK);
	assert_int_equal(call_clock_schedule(vtd.machine), IOMMUSIM_OK);
	assert_int_equal(call_mmio_watch(vtd.machine), IOMMUSIM_OK);
	assert_int_equal(call_requester_create(vtd.machine), IOMMUSIM_OK);
	assert_int_equal(call_add_scope(vtd.machine), IOMMUSIM_OK);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	assert_true(failing.count > 10);
	vt_stop(&vtd);
	assert_int_equal(failing.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_machine_create_changes_nothing),
		cmocka_unit_test(a_failed_memory_add_changes_nothing),
		cmocka_unit_test(a_failed_memory_add_with_a_device_view_changes_nothing),
		cmocka_unit_test(a_failed_memory_add_foreign_changes_nothing),
		cmocka_unit_test(a_failed_memory_add_foreign_with_a_device_view_changes_nothing),
		cmocka_unit_test(a_failed_memory_add_pc_ram_changes_nothing),
		cmocka_unit_test(a_failed_memory_add_pc_ram_with_a_device_view_changes_nothing),
		cmocka_unit_test(a_failed_mmio_attach_changes_nothing),
		cmocka_unit_test(a_failed_mmio_watch_changes_nothing),
		cmocka_unit_test(a_failed_pci_add_changes_nothing),
		cmocka_unit_test(a_failed_acpi_install_changes_nothing),
		cmocka_unit_test(a_failed_acpi_install_with_a_device_view_changes_nothing),
		cmocka_unit_test(a_failed_clock_schedule_changes_nothing),
		cmocka_unit_test(a_failed_requester_create_changes_nothing),
		cmocka_unit_test(a_failed_vtd_create_changes_nothing),
		cmocka_unit_test(a_failed_vtd_create_with_sized_caches_changes_nothing),
		cmocka_unit_test(a_failed_amdvi_create_with_sized_caches_changes_nothing),
		cmocka_unit_test(a_failed_amdvi_create_without_features_changes_nothing),
		cmocka_unit_test(a_failed_unit_add_scope_changes_nothing),
		cmocka_unit_test(a_failed_unit_add_range_changes_nothing),
		cmocka_unit_test(a_failed_vtd_create_from_dmar_changes_nothing),
		cmocka_unit_test(a_failed_amdvi_create_from_ivrs_changes_nothing),
		cmocka_unit_test(arrays_that_must_grow_keep_what_they_held),
		cmocka_unit_test(dma_without_memory_for_its_caches_still_translates),
		cmocka_unit_test(a_command_without_memory_for_its_latency_is_done_at_once),
		cmocka_unit_test(destroying_a_busy_machine_gives_every_block_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
