/* The machine under a test: units and the ACPI table that speaks of them, memory, functions on the bus. */
#include "test/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/acpi.h>
#include <iommusim/amdvi.h>
#include <iommusim/dmar.h>
#include <iommusim/memory.h>

#define RAM_DEFAULT (UINT64_C(64) << 20)
#define VTD_BASE    UINT64_C(0xfed91000)
#define AMDVI_BASE  UINT64_C(0xfeb80000)
#define AMDVI_RID   IOMMUSIM_RID(0, 0, 2)
#define ACPI_HEADER 36u

#define VTD_DEFAULT   "skylake-client"
#define AMDVI_DEFAULT "zen2-client"

/* A table that grows at its end. */
struct table {
	uint8_t bytes[256];
	size_t length;
};

static void put(struct table *table, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		table->bytes[table->length++] = (uint8_t)(value >> 8 * i);
}

/* ACPI 5.2.6: the header that every table has. */
static void begin(struct table *table, const char *signature, uint8_t revision)
{
	table->length = 0;
	for (unsigned i = 0; i < 4; i++)
		put(table, (uint8_t)signature[i], 1);
	put(table, 0, 4);
	put(table, revision, 1);
	put(table, 0, 1);
	memcpy(table->bytes + 10, "IOSIM TESTTABL", 14);
	table->length = 24;
	put(table, 1, 4);
	memcpy(table->bytes + 28, "IOSM", 4);
	table->length = 32;
	put(table, 1, 4);
}

static void finish(struct table *table)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 4; i++)
		table->bytes[4 + i] = (uint8_t)(table->length >> 8 * i);
	for (size_t i = 0; i < table->length; i++)
		sum = (uint8_t)(sum + table->bytes[i]);
	table->bytes[9] = (uint8_t)-sum;
}

/* VT-d 8.1, 8.3: one DRHD for everything in segment 0. */
static void write_dmar(struct table *table, const char *preset)
{
	struct iommusim_vtd_config config = { .host_address_width = 39 };

	iommusim_vtd_preset(preset, 1, &config);
	begin(table, "DMAR", 1);
	put(table, config.host_address_width - 1u, 1);
	put(table, 1, 1);
	put(table, 0, 8);
	put(table, 0, 2);
	put(table, 0, 2);
	put(table, 16, 2);
	put(table, IOMMUSIM_DRHD_INCLUDE_PCI_ALL, 1);
	put(table, 0, 1);
	put(table, 0, 2);
	put(table, VTD_BASE, 8);
	finish(table);
}

/* AMD-Vi 5.2.2.1: a range of all devices, as firmware has it; not every driver takes the entry that says "all". */
static void put_all_devices(struct table *table)
{
	put(table, 3, 1);
	put(table, 0x0000, 2);
	put(table, 0, 1);
	put(table, 4, 1);
	put(table, 0xffff, 2);
	put(table, 0, 1);
}

/* AMD-Vi 5.2: one IOMMU for everything, described as older software (10h) and as newer one (11h) reads it. */
static void write_ivrs(struct table *table, const char *preset)
{
	struct iommusim_amdvi_config config = { .features = 0 };
	uint64_t efr, old;

	iommusim_amdvi_preset(preset, &config);
	efr = config.features;
	old = (efr >> 10 & 3) << 30 | (efr >> 12 & 3) << 28 | (efr >> 7 & 1) << 6 | (efr >> 6 & 1) << 5;
	begin(table, "IVRS", 2);
	put(table, 64u << 15 | 48u << 8 | 1, 4);
	put(table, 0, 8);
	for (unsigned type = 0x10; type <= 0x11; type++) {
		put(table, type, 1);
		put(table, 0, 1);
		put(table, type == 0x10 ? 32 : 48, 2);
		put(table, AMDVI_RID, 2);
		put(table, 0x40, 2);
		put(table, AMDVI_BASE, 8);
		put(table, 0, 2);
		put(table, 0, 2);
		put(table, type == 0x10 ? old : 0, 4);
		if (type == 0x11) {
			put(table, efr, 8);
			put(table, config.features2, 8);
		}
		put_all_devices(table);
	}
	finish(table);
}

/* A file's bytes, which the caller frees. */
static uint8_t *read_file(struct iommusim_test_hidden *hidden, const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long end;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0 ||
	    fseek(file, 0, SEEK_SET) != 0 || (bytes = malloc((size_t)end + 1)) == NULL ||
	    fread(bytes, 1, (size_t)end, file) != (size_t)end)
		iommusim_test_fail(
		    &hidden->test, hidden->place.file, hidden->place.line, "%s: cannot be read", path);
	fclose(file);
	*size = (size_t)end;
	return bytes;
}

static void check(struct iommusim_test_hidden *hidden, enum iommusim_status status, const char *what)
{
	if (status != IOMMUSIM_OK)
		iommusim_test_assert_status(
		    &hidden->test, status, IOMMUSIM_OK, what, hidden->place.file, hidden->place.line);
}

static void add_word(char *text, size_t size, const char *word)
{
	const size_t length = strlen(text);

	snprintf(text + length, size - length, " %s", word);
}

/* A name that no preset has is told, with those there are. */
static void check_preset(struct iommusim_test_hidden *hidden)
{
	const char *wanted = hidden->setup.preset, *name;
	struct iommusim_vtd_config vtd = { .host_address_width = 39 };
	struct iommusim_amdvi_config amdvi;
	char names[1024] = "";

	if (wanted == NULL || iommusim_vtd_preset(wanted, 1, &vtd) == IOMMUSIM_OK ||
	    iommusim_amdvi_preset(wanted, &amdvi) == IOMMUSIM_OK)
		return;
	for (size_t i = 0; (name = iommusim_vtd_preset_name(i, NULL)) != NULL; i++)
		add_word(names, sizeof(names), name);
	for (size_t i = 0; (name = iommusim_amdvi_preset_name(i, NULL)) != NULL; i++)
		add_word(names, sizeof(names), name);
	iommusim_test_fail(&hidden->test, hidden->place.file, hidden->place.line,
	    "no preset is called \"%s\"; there are%s", wanted, names);
}

static void make_vtd(struct iommusim_test_hidden *hidden, const void *bytes, size_t size)
{
	const char *preset = hidden->setup.preset != NULL ? hidden->setup.preset : VTD_DEFAULT;
	struct iommusim_dmar *table;

	hidden->processor = IOMMUSIM_KERNEL_INTEL;
	check(hidden, iommusim_dmar_parse(bytes, size, &table), "reading the DMAR table");
	check(hidden,
	    iommusim_vtd_create_from_dmar(hidden->test.machine, table, preset, &hidden->setup.settings),
	    "making the DMAR table's units");
	iommusim_dmar_free(table);
}

static void make_amdvi(struct iommusim_test_hidden *hidden, const void *bytes, size_t size)
{
	const char *preset = hidden->setup.preset != NULL ? hidden->setup.preset : AMDVI_DEFAULT;
	struct iommusim_ivrs *table;

	hidden->processor = IOMMUSIM_KERNEL_AMD;
	check(hidden, iommusim_ivrs_parse(bytes, size, &table), "reading the IVRS table");
	check(hidden,
	    iommusim_amdvi_create_from_ivrs(
		hidden->test.machine, table, preset, &hidden->setup.settings),
	    "making the IVRS table's units");
	iommusim_ivrs_free(table);
}

static void make_devices(struct iommusim_test_hidden *hidden)
{
	static const struct iommusim_test_device usual[] = {
		{ { .rid = IOMMUSIM_RID(0, 0x17, 0),
		      .device_class = IOMMUSIM_CLASS_AHCI,
		      .name = "ahci0" },
		    IOMMUSIM_DRIVER_HOST },
		{ { .rid = IOMMUSIM_RID(0, 0x1c, 0),
		      .type = IOMMUSIM_PCI_BRIDGE,
		      .secondary_bus = 7,
		      .subordinate_bus = 7,
		      .name = "pcib7" },
		    IOMMUSIM_DRIVER_HOST },
		{ { .rid = IOMMUSIM_RID(7, 0, 0), .device_class = IOMMUSIM_CLASS_NIC, .name = "ppt0" },
		    IOMMUSIM_DRIVER_PPT },
	};
	struct iommusim_test_setup *setup = &hidden->setup;

	if (setup->devices == NULL) {
		setup->devices = usual;
		setup->device_count = sizeof(usual) / sizeof(usual[0]);
	}
	for (size_t i = 0; i < setup->device_count; i++)
		check(hidden, iommusim_pci_add(hidden->test.machine, &setup->devices[i].function),
		    "adding a PCI function");
}

void firmware_make(struct iommusim_test_hidden *hidden)
{
	const struct iommusim_test_setup *setup = &hidden->setup;
	struct iommusim_amdvi_config amdvi;
	struct iommusim_diagnostic problem;
	struct table made;
	uint8_t *file = NULL;
	const void *bytes = made.bytes;
	size_t length;
	char signature[5];

	check_preset(hidden);
	if (setup->acpi != NULL) {
		bytes = file = read_file(hidden, setup->acpi, &length);
		if (iommusim_acpi_extract(file, length, file, &length, signature, &problem) !=
		    IOMMUSIM_OK)
			iommusim_test_fail(&hidden->test, hidden->place.file, hidden->place.line,
			    "%s: %s", setup->acpi, problem.text);
	} else if (setup->preset != NULL &&
	    iommusim_amdvi_preset(setup->preset, &amdvi) == IOMMUSIM_OK) {
		write_ivrs(&made, setup->preset);
		memcpy(signature, "IVRS", 5);
		length = made.length;
	} else {
		write_dmar(&made, setup->preset != NULL ? setup->preset : VTD_DEFAULT);
		memcpy(signature, "DMAR", 5);
		length = made.length;
	}
	make_devices(hidden);
	if (strcmp(signature, "DMAR") == 0)
		make_vtd(hidden, bytes, length);
	else
		make_amdvi(hidden, bytes, length);
	check(hidden,
	    iommusim_memory_add_pc_ram(
		hidden->test.machine, setup->ram != 0 ? setup->ram : RAM_DEFAULT),
	    "adding RAM");
	check(
	    hidden, iommusim_acpi_install(hidden->test.machine, bytes, length), "installing the table");
	hidden->test.unit = iommusim_unit_at(hidden->test.machine, 0);
	free(file);
}
