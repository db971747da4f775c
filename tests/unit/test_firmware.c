/* ACPI tables in firmware memory: put there, found again, and not looked into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/acpi.h>
#include <iommusim/memory.h>

static struct iommusim_machine *make(bool device_view)
{
	const struct iommusim_machine_config config = { .device_view = device_view };
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(&config, &machine), IOMMUSIM_OK);
	return machine;
}

/* A table of `length` bytes; all but the signature is `fill`. */
static uint8_t *table(const char *signature, size_t length, uint8_t fill)
{
	uint8_t *bytes = malloc(length);

	assert_non_null(bytes);
	memset(bytes, fill, length);
	memcpy(bytes, signature, 4);
	return bytes;
}

static enum iommusim_status install(
    struct iommusim_machine *machine, const char *signature, size_t length, uint8_t fill)
{
	uint8_t *bytes = table(signature, length, fill);
	const enum iommusim_status status = iommusim_acpi_install(machine, bytes, length);

	free(bytes);
	return status;
}

static void assert_found(struct iommusim_machine *machine, const char *signature, unsigned instance,
    uint32_t length, uint8_t fill)
{
	uint8_t bytes[64];
	uint64_t address;
	uint32_t found;

	assert_int_equal(
	    iommusim_acpi_find(machine, signature, instance, &address, &found), IOMMUSIM_OK);
	assert_int_equal(found, length);
	assert_int_equal(iommusim_memory_read(machine, address, bytes, 36), IOMMUSIM_OK);
	assert_memory_equal(bytes, signature, 4);
	assert_int_equal(bytes[4], fill);
	assert_int_equal(bytes[35], fill);
	assert_int_equal(iommusim_memory_read(machine, address + length - 1, bytes, 1), IOMMUSIM_OK);
	assert_int_equal(bytes[0], fill);
}

static void tables_are_found_by_signature_and_instance(void **state)
{
	struct iommusim_machine *machine = make(false);
	uint64_t address;
	uint32_t length;

	(void)state;
	assert_int_equal(iommusim_acpi_find(machine, "DMAR", 0, &address, &length), IOMMUSIM_ENOENT);
	assert_int_equal(install(machine, "SSDT", 100, 1), IOMMUSIM_OK);
	assert_int_equal(install(machine, "DMAR", 176, 2), IOMMUSIM_OK);
	assert_int_equal(install(machine, "SSDT", 36, 3), IOMMUSIM_OK);
	assert_int_equal(install(machine, "SSDT", 50000, 4), IOMMUSIM_OK);
	assert_found(machine, "SSDT", 0, 100, 1);
	assert_found(machine, "SSDT", 1, 36, 3);
	assert_found(machine, "SSDT", 2, 50000, 4);
	assert_found(machine, "DMAR", 0, 176, 2);
	assert_int_equal(iommusim_acpi_find(machine, "DMAR", 1, &address, &length), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_acpi_find(machine, "IVRS", 0, &address, &length), IOMMUSIM_ENOENT);
	iommusim_machine_destroy(machine);
}

static void tables_lie_in_firmware_memory_apart_from_pc_ram(void **state)
{
	struct iommusim_machine *machine = make(false);
	struct iommusim_memory_window window = { 0 };
	uint64_t address;
	uint32_t length;
	bool found = false;

	(void)state;
	assert_int_equal(iommusim_memory_add_pc_ram(machine, UINT64_C(8) << 30), IOMMUSIM_OK);
	assert_int_equal(install(machine, "DMAR", 176, 2), IOMMUSIM_OK);
	assert_int_equal(iommusim_acpi_find(machine, "DMAR", 0, &address, &length), IOMMUSIM_OK);
	for (size_t i = 0; iommusim_memory_window(machine, i, &window) == IOMMUSIM_OK; i++)
		if (window.kind == IOMMUSIM_MEMORY_FIRMWARE && address >= window.base &&
		    address + length <= window.base + window.length)
			found = true;
	assert_true(found);
	iommusim_machine_destroy(machine);
}

/* Broken tables are part of life: the header's own length and checksum are nobody's business here. */
static void a_table_is_kept_as_it_is(void **state)
{
	struct iommusim_machine *machine = make(false);

	(void)state;
	assert_int_equal(install(machine, "DMAR", 40, 0xff), IOMMUSIM_OK);
	assert_found(machine, "DMAR", 0, 40, 0xff);
	iommusim_machine_destroy(machine);
}

static void malformed_tables_are_refused(void **state)
{
	static uint8_t bytes[36] = "DMAR";
	struct iommusim_machine *machine = make(false);
	uint64_t address;
	uint32_t length;

	(void)state;
	assert_int_equal(iommusim_acpi_install(machine, NULL, 36), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_acpi_install(machine, bytes, 35), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_acpi_install(machine, bytes, 0), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_acpi_install(machine, bytes, 0x100001), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_acpi_find(machine, "DMAR", 0, &address, &length), IOMMUSIM_ENOENT);
	iommusim_machine_destroy(machine);
}

static void a_full_firmware_window_takes_no_more(void **state)
{
	struct iommusim_machine *machine = make(false);

	(void)state;
	assert_int_equal(install(machine, "AAAA", 0xffff0, 1), IOMMUSIM_OK);
	assert_int_equal(install(machine, "BBBB", 36, 2), IOMMUSIM_ENOMEM);
	assert_found(machine, "AAAA", 0, 0xffff0, 1);
	iommusim_machine_destroy(machine);
	machine = make(false);
	assert_int_equal(install(machine, "AAAA", 0x100000, 1), IOMMUSIM_OK);
	assert_int_equal(install(machine, "BBBB", 36, 2), IOMMUSIM_ENOMEM);
	iommusim_machine_destroy(machine);
	machine = make(false);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(install(machine, "AAAA", 0x10000, (uint8_t)i), IOMMUSIM_OK);
	assert_int_equal(install(machine, "BBBB", 36, 2), IOMMUSIM_ENOMEM);
	for (unsigned i = 0; i < 16; i++)
		assert_found(machine, "AAAA", i, 0x10000, (uint8_t)i);
	iommusim_machine_destroy(machine);
}

static void a_taken_place_is_said_to_be_taken(void **state)
{
	struct iommusim_machine *machine = make(true);

	(void)state;
	assert_int_equal(
	    iommusim_memory_add(machine, 0, UINT64_C(4) << 30, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(install(machine, "DMAR", 100, 1), IOMMUSIM_EEXIST);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_found_by_signature_and_instance),
		cmocka_unit_test(tables_lie_in_firmware_memory_apart_from_pc_ram),
		cmocka_unit_test(a_table_is_kept_as_it_is),
		cmocka_unit_test(malformed_tables_are_refused),
		cmocka_unit_test(a_full_firmware_window_takes_no_more),
		cmocka_unit_test(a_taken_place_is_said_to_be_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
