/* Builds the machine that is measured, firmware table included. Nothing here is timed. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include <iommusim/acpi.h>
#include <iommusim/amdvi.h>

enum { DMAR_LENGTH = 48 + 16, DMAR_LENGTH_AT = 4, DMAR_CHECKSUM_AT = 9, DRHD_AT = 48 };
enum { IVHD_AT = 48, IVRS_LENGTH = IVHD_AT + 40 + 4 };

#define UNIT_BASE UINT64_C(0xfed90000)

/* A DMAR table (VT-d 8.1, 8.3) with one unit that governs every device. */
static void make_table(uint8_t table[DMAR_LENGTH])
{
	uint8_t sum = 0;

	memset(table, 0, DMAR_LENGTH);
	/* NOLINTBEGIN(bugprone-not-null-terminated-result): ACPI names have no terminator */
	memcpy(table, "DMAR", 4);
	table[DMAR_LENGTH_AT] = DMAR_LENGTH;
	table[8] = 1; /* revision */
	memcpy(table + 10, "BENCH ", 6);
	memcpy(table + 16, "IOMMUSIM", 8);
	/* NOLINTEND(bugprone-not-null-terminated-result) */
	table[36] = 39 - 1;      /* host address width */
	table[DRHD_AT + 2] = 16; /* type 0 stands there already */
	table[DRHD_AT + 4] = IOMMUSIM_DRHD_INCLUDE_PCI_ALL;
	for (unsigned i = 0; i < 8; i++)
		table[DRHD_AT + 8 + i] = (uint8_t)(UNIT_BASE >> i * 8);
	for (unsigned i = 0; i < DMAR_LENGTH; i++)
		sum = (uint8_t)(sum + table[i]);
	table[DMAR_CHECKSUM_AT] = (uint8_t)-sum;
}

bool rig_failed(struct rig *rig, enum iommusim_status status)
{
	if (rig->status == IOMMUSIM_OK)
		rig->status = status;
	return false;
}

static bool add_vtd_unit(struct rig *rig, const struct iommusim_unit_settings *settings)
{
	uint8_t table[DMAR_LENGTH];

	make_table(table);
	return rig_ok(rig, iommusim_acpi_install(rig->machine, table, sizeof(table))) &&
	    rig_ok(rig, iommusim_dmar_parse(table, sizeof(table), &rig->dmar)) &&
	    rig_ok(rig,
		iommusim_vtd_create_from_dmar(rig->machine, rig->dmar, "skylake-client", settings));
}

/* An IVRS table (AMD-Vi 5.2) with one block of type 11h, EFR as `zen2-client` has it, and an entry for all devices. */
static void make_ivrs(uint8_t table[IVRS_LENGTH])
{
	static const uint8_t block[IVRS_LENGTH - IVHD_AT] = { 0x11, 0x30, IVRS_LENGTH - IVHD_AT, 0, 2,
		0, 0x40, 0, 0x00, 0x00, 0xb8, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xde, 0x4a,
		0x29, 0x22, 0xef, 0x77, 0x8f, 0x05, [40] = 1 };
	uint8_t sum = 0;

	memset(table, 0, IVRS_LENGTH);
	/* NOLINTBEGIN(bugprone-not-null-terminated-result): ACPI names have no terminator */
	memcpy(table, "IVRS", 4);
	table[DMAR_LENGTH_AT] = IVRS_LENGTH;
	table[8] = 2; /* revision */
	memcpy(table + 10, "BENCH ", 6);
	memcpy(table + 16, "IOMMUSIM", 8);
	/* NOLINTEND(bugprone-not-null-terminated-result) */
	memcpy(table + IVHD_AT, block, sizeof(block));
	for (unsigned i = 0; i < IVRS_LENGTH; i++)
		sum = (uint8_t)(sum + table[i]);
	table[DMAR_CHECKSUM_AT] = (uint8_t)-sum;
}

static bool add_amdvi_unit(struct rig *rig, const struct iommusim_unit_settings *settings)
{
	uint8_t table[IVRS_LENGTH];

	make_ivrs(table);
	return rig_ok(rig, iommusim_acpi_install(rig->machine, table, sizeof(table))) &&
	    rig_ok(rig, iommusim_ivrs_parse(table, sizeof(table), &rig->ivrs)) &&
	    rig_ok(
		rig, iommusim_amdvi_create_from_ivrs(rig->machine, rig->ivrs, "zen2-client", settings));
}

static bool make_hardware(struct rig *rig, const struct rig_config *config)
{
	const struct iommusim_unit_settings settings = { .cache = config->cache,
		.iotlb_sets = config->iotlb_sets,
		.iotlb_ways = config->iotlb_ways };
	const struct iommusim_pci_function disk = { .rid = RIG_DISK_DEVICE, .name = "disk0" };
	const struct iommusim_pci_function device = { .rid = RIG_PPT_DEVICE, .name = "ppt0" };
	const struct iommusim_machine_config machine = { .allocator = config->allocator };

	return rig_ok(rig, iommusim_machine_create(&machine, &rig->machine)) &&
	    rig_ok(rig, iommusim_memory_add_pc_ram(rig->machine, config->ram)) &&
	    (config->amdvi ? add_amdvi_unit(rig, &settings) : add_vtd_unit(rig, &settings)) &&
	    rig_ok(rig, iommusim_pci_add(rig->machine, &device)) &&
	    (!config->disk || rig_ok(rig, iommusim_pci_add(rig->machine, &disk)));
}

/* The caller's driver, if it has one. */
static bool start_driver(
    struct rig *rig, const struct rig_config *config, struct iommusim_vmm_config *vmm)
{
	const struct iommusim_bench_subject *subject = config->subject;

	if (subject == NULL || subject->start == NULL)
		return true;
	if (!rig_ok(rig, subject->start(subject->context, rig->machine, &vmm->ops, &vmm->ops_context)))
		return false;
	rig->started = subject;
	return true;
}

/* Releases leave AMD-Vi alone unless they are asked for it. */
static bool make_software(struct rig *rig, const struct rig_config *config)
{
	struct iommusim_vmm_config vmm = { .profile = config->profile,
		.cpu = config->amdvi ? IOMMUSIM_CPU_AMD : IOMMUSIM_CPU_INTEL };

	return start_driver(rig, config, &vmm) &&
	    rig_ok(rig, iommusim_vmm_create(rig->machine, &vmm, &rig->vmm)) &&
	    rig_ok(rig, iommusim_sysctl_set(rig->vmm, "hw.vmm.amdvi.enable", 1)) &&
	    rig_ok(rig, iommusim_device_attach(rig->vmm, 0, RIG_PPT_DEVICE, IOMMUSIM_DRIVER_PPT)) &&
	    (!config->disk ||
		rig_ok(
		    rig, iommusim_device_attach(rig->vmm, 0, RIG_DISK_DEVICE, IOMMUSIM_DRIVER_HOST))) &&
	    (!config->checked || rig_ok(rig, iommusim_check_create(rig->vmm, &rig->check)));
}

bool rig_create(struct rig *rig, const struct rig_config *config)
{
	memset(rig, 0, sizeof(*rig));
	return make_hardware(rig, config) && make_software(rig, config);
}

void rig_destroy(struct rig *rig)
{
	iommusim_check_destroy(rig->check);
	iommusim_vmm_destroy(rig->vmm);
	if (rig->started != NULL && rig->started->stop != NULL)
		rig->started->stop(rig->started->context);
	iommusim_dmar_free(rig->dmar);
	iommusim_ivrs_free(rig->ivrs);
	iommusim_machine_destroy(rig->machine);
	memset(rig, 0, sizeof(*rig));
}

void rig_explain(const struct rig *rig, char *text, size_t size)
{
	const char *more = rig->machine == NULL ? "" : iommusim_machine_diagnostic(rig->machine)->text;

	snprintf(text, size, "%s%s%s",
	    rig->status == IOMMUSIM_OK ? "no memory" : iommusim_status_name(rig->status),
	    more[0] == '\0' ? "" : ": ", more);
}
