/*
 * ACPI tables of IOMMUs in memory, by ACPICA's names for structures and fields (VT-d chapter 8, AMD-Vi chapter 5).
 * Not for inclusion by drivers.
 */
#ifndef IOMMUSIM_KSHIM_ACPICA_ACTBL_BODY_H
#define IOMMUSIM_KSHIM_ACPICA_ACTBL_BODY_H

#include <sys/types.h>

typedef uint8_t UINT8;
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef int32_t INT32;

#define ACPI_SIG_DMAR "DMAR"
#define ACPI_SIG_IVRS "IVRS"
#define ACPI_SIG_MADT "APIC"
#define ACPI_SIG_MCFG "MCFG"
#define ACPI_SIG_SRAT "SRAT"
#define ACPI_SIG_HPET "HPET"

#define IOMMUSIM_ACPI(type, size) _Static_assert(sizeof(type) == (size), #type)

typedef struct __packed acpi_table_header {
	char Signature[4];
	UINT32 Length;
	UINT8 Revision;
	UINT8 Checksum;
	char OemId[6];
	char OemTableId[8];
	UINT32 OemRevision;
	char AslCompilerId[4];
	UINT32 AslCompilerRevision;
} ACPI_TABLE_HEADER;
IOMMUSIM_ACPI(ACPI_TABLE_HEADER, 36);

typedef struct __packed acpi_subtable_header {
	UINT8 Type;
	UINT8 Length;
} ACPI_SUBTABLE_HEADER;
IOMMUSIM_ACPI(ACPI_SUBTABLE_HEADER, 2);

/* ---- DMAR ------------------------------------------------------------------------------------------------ */

typedef struct __packed acpi_table_dmar {
	ACPI_TABLE_HEADER Header;
	UINT8 Width; /* address bits less 1 */
	UINT8 Flags;
	UINT8 Reserved[10];
} ACPI_TABLE_DMAR;
IOMMUSIM_ACPI(ACPI_TABLE_DMAR, 48);
#define ACPI_DMAR_INTR_REMAP       (1)
#define ACPI_DMAR_X2APIC_OPT_OUT   (1 << 1)
#define ACPI_DMAR_X2APIC_MODE      (1 << 2)
#define ACPI_DMAR_FLAGS_INTR_REMAP ACPI_DMAR_INTR_REMAP

typedef struct __packed acpi_dmar_header {
	UINT16 Type;
	UINT16 Length;
} ACPI_DMAR_HEADER;
IOMMUSIM_ACPI(ACPI_DMAR_HEADER, 4);

enum AcpiDmarType {
	ACPI_DMAR_TYPE_HARDWARE_UNIT = 0,
	ACPI_DMAR_TYPE_RESERVED_MEMORY = 1,
	ACPI_DMAR_TYPE_ROOT_ATS = 2,
	ACPI_DMAR_TYPE_HARDWARE_AFFINITY = 3,
	ACPI_DMAR_TYPE_NAMESPACE = 4,
	ACPI_DMAR_TYPE_SATC = 5,
	ACPI_DMAR_TYPE_RESERVED = 6
};

typedef struct __packed acpi_dmar_device_scope {
	UINT8 EntryType;
	UINT8 Length;
	union {
		UINT16 Reserved;
		struct __packed {
			UINT8 Flags;
			UINT8 Reserved2;
		};
	};
	UINT8 EnumerationId;
	UINT8 Bus;
} ACPI_DMAR_DEVICE_SCOPE;
IOMMUSIM_ACPI(ACPI_DMAR_DEVICE_SCOPE, 6);
enum AcpiDmarScopeType {
	ACPI_DMAR_SCOPE_TYPE_NOT_USED = 0,
	ACPI_DMAR_SCOPE_TYPE_ENDPOINT = 1,
	ACPI_DMAR_SCOPE_TYPE_BRIDGE = 2,
	ACPI_DMAR_SCOPE_TYPE_IOAPIC = 3,
	ACPI_DMAR_SCOPE_TYPE_HPET = 4,
	ACPI_DMAR_SCOPE_TYPE_NAMESPACE = 5,
	ACPI_DMAR_SCOPE_TYPE_RESERVED = 6
};

typedef struct __packed acpi_dmar_pci_path {
	UINT8 Device;
	UINT8 Function;
} ACPI_DMAR_PCI_PATH;
IOMMUSIM_ACPI(ACPI_DMAR_PCI_PATH, 2);

typedef struct __packed acpi_dmar_hardware_unit {
	ACPI_DMAR_HEADER Header;
	UINT8 Flags;
	UINT8 Size; /* 3:0 log2 of the pages of its registers */
	UINT16 Segment;
	UINT64 Address;
} ACPI_DMAR_HARDWARE_UNIT;
IOMMUSIM_ACPI(ACPI_DMAR_HARDWARE_UNIT, 16);
#define ACPI_DMAR_INCLUDE_ALL (1)

typedef struct __packed acpi_dmar_reserved_memory {
	ACPI_DMAR_HEADER Header;
	UINT16 Reserved;
	UINT16 Segment;
	UINT64 BaseAddress;
	UINT64 EndAddress; /* the last byte */
} ACPI_DMAR_RESERVED_MEMORY;
IOMMUSIM_ACPI(ACPI_DMAR_RESERVED_MEMORY, 24);

typedef struct __packed acpi_dmar_atsr {
	ACPI_DMAR_HEADER Header;
	UINT8 Flags;
	UINT8 Reserved;
	UINT16 Segment;
} ACPI_DMAR_ATSR;
IOMMUSIM_ACPI(ACPI_DMAR_ATSR, 8);
#define ACPI_DMAR_ALL_PORTS (1)
typedef ACPI_DMAR_ATSR ACPI_DMAR_SATC;

typedef struct __packed acpi_dmar_rhsa {
	ACPI_DMAR_HEADER Header;
	UINT32 Reserved;
	UINT64 BaseAddress;
	UINT32 ProximityDomain;
} ACPI_DMAR_RHSA;
IOMMUSIM_ACPI(ACPI_DMAR_RHSA, 20);

typedef struct __packed acpi_dmar_andd {
	ACPI_DMAR_HEADER Header;
	UINT8 Reserved[3];
	UINT8 DeviceNumber;
	char DeviceName[1];
} ACPI_DMAR_ANDD;
IOMMUSIM_ACPI(ACPI_DMAR_ANDD, 9);

/* ---- IVRS ------------------------------------------------------------------------------------------------ */

typedef struct __packed acpi_table_ivrs {
	ACPI_TABLE_HEADER Header;
	UINT32 Info;
	UINT64 Reserved;
} ACPI_TABLE_IVRS;
IOMMUSIM_ACPI(ACPI_TABLE_IVRS, 48);
#define ACPI_IVRS_PHYSICAL_SIZE 0x00007f00
#define ACPI_IVRS_VIRTUAL_SIZE  0x003f8000
#define ACPI_IVRS_ATS_RESERVED  0x00400000

typedef struct __packed acpi_ivrs_header {
	UINT8 Type;
	UINT8 Flags;
	UINT16 Length;
	UINT16 DeviceId;
} ACPI_IVRS_HEADER;
IOMMUSIM_ACPI(ACPI_IVRS_HEADER, 6);

enum AcpiIvrsType {
	ACPI_IVRS_TYPE_HARDWARE = 0x10, /* as it was called until there was more than one */
	ACPI_IVRS_TYPE_HARDWARE1 = 0x10,
	ACPI_IVRS_TYPE_HARDWARE2 = 0x11,
	ACPI_IVRS_TYPE_HARDWARE3 = 0x40,
	ACPI_IVRS_TYPE_MEMORY1 = 0x20,
	ACPI_IVRS_TYPE_MEMORY2 = 0x21,
	ACPI_IVRS_TYPE_MEMORY3 = 0x22
};

/* IVHD flags, of all types. */
#define ACPI_IVHD_TT_ENABLE       (1)
#define ACPI_IVHD_PASS_PW         (1 << 1)
#define ACPI_IVHD_RES_PASS_PW     (1 << 2)
#define ACPI_IVHD_ISOC            (1 << 3)
#define ACPI_IVHD_IOTLB           (1 << 4)
#define ACPI_IVHD_MSI_NUMBER_MASK 0x001f
#define ACPI_IVHD_UNIT_ID_MASK    0x1f00

typedef struct __packed acpi_ivrs_hardware_10 {
	ACPI_IVRS_HEADER Header;
	UINT16 CapabilityOffset;
	UINT64 BaseAddress;
	UINT16 PciSegmentGroup;
	UINT16 Info;
	union {
		UINT32 FeatureReporting;
		UINT32 Reserved; /* its name of old */
	};
} ACPI_IVRS_HARDWARE1;
IOMMUSIM_ACPI(ACPI_IVRS_HARDWARE1, 24);
typedef ACPI_IVRS_HARDWARE1 ACPI_IVRS_HARDWARE;

typedef struct __packed acpi_ivrs_hardware_11 {
	ACPI_IVRS_HEADER Header;
	UINT16 CapabilityOffset;
	UINT64 BaseAddress;
	UINT16 PciSegmentGroup;
	UINT16 Info;
	UINT32 Attributes;
	UINT64 EfrRegisterImage;
	UINT64 Reserved;
} ACPI_IVRS_HARDWARE2;
IOMMUSIM_ACPI(ACPI_IVRS_HARDWARE2, 40);

typedef struct __packed acpi_ivrs_de_header {
	UINT8 Type;
	UINT16 Id;
	UINT8 DataSetting;
} ACPI_IVRS_DE_HEADER;
IOMMUSIM_ACPI(ACPI_IVRS_DE_HEADER, 4);
#define ACPI_IVHD_ENTRY_LENGTH 0xc0

enum AcpiIvrsDeviceEntryType {
	ACPI_IVRS_TYPE_PAD4 = 0,
	ACPI_IVRS_TYPE_ALL = 1,
	ACPI_IVRS_TYPE_SELECT = 2,
	ACPI_IVRS_TYPE_START = 3,
	ACPI_IVRS_TYPE_END = 4,
	ACPI_IVRS_TYPE_PAD8 = 64,
	ACPI_IVRS_TYPE_NOT_USED = 65,
	ACPI_IVRS_TYPE_ALIAS_SELECT = 66,
	ACPI_IVRS_TYPE_ALIAS_START = 67,
	ACPI_IVRS_TYPE_EXT_SELECT = 70,
	ACPI_IVRS_TYPE_EXT_START = 71,
	ACPI_IVRS_TYPE_SPECIAL = 72,
	ACPI_IVRS_TYPE_HID = 240
};
#define ACPI_IVHD_INIT_PASS    (1)
#define ACPI_IVHD_EINT_PASS    (1 << 1)
#define ACPI_IVHD_NMI_PASS     (1 << 2)
#define ACPI_IVHD_SYSTEM_MGMT  (3 << 4)
#define ACPI_IVHD_LINT0_PASS   (1 << 6)
#define ACPI_IVHD_LINT1_PASS   (1 << 7)
#define ACPI_IVHD_ATS_DISABLED (1UL << 31)
#define ACPI_IVHD_IOAPIC       1
#define ACPI_IVHD_HPET         2

typedef struct __packed acpi_ivrs_device4 {
	ACPI_IVRS_DE_HEADER Header;
} ACPI_IVRS_DEVICE4;
IOMMUSIM_ACPI(ACPI_IVRS_DEVICE4, 4);

typedef struct __packed acpi_ivrs_device8a {
	ACPI_IVRS_DE_HEADER Header;
	UINT8 Reserved1;
	UINT16 UsedId;
	UINT8 Reserved2;
} ACPI_IVRS_DEVICE8A;
IOMMUSIM_ACPI(ACPI_IVRS_DEVICE8A, 8);

typedef struct __packed acpi_ivrs_device8b {
	ACPI_IVRS_DE_HEADER Header;
	UINT32 ExtendedData;
} ACPI_IVRS_DEVICE8B;
IOMMUSIM_ACPI(ACPI_IVRS_DEVICE8B, 8);

typedef struct __packed acpi_ivrs_device8c {
	ACPI_IVRS_DE_HEADER Header;
	UINT8 Handle;
	UINT16 UsedId;
	UINT8 Variety;
} ACPI_IVRS_DEVICE8C;
IOMMUSIM_ACPI(ACPI_IVRS_DEVICE8C, 8);

typedef struct __packed acpi_ivrs_device_hid {
	ACPI_IVRS_DE_HEADER Header;
	UINT64 AcpiHid;
	UINT64 AcpiCid;
	UINT8 UidType;
	UINT8 UidLength;
} ACPI_IVRS_DEVICE_HID;
IOMMUSIM_ACPI(ACPI_IVRS_DEVICE_HID, 22);

typedef struct __packed acpi_ivrs_memory {
	ACPI_IVRS_HEADER Header;
	UINT16 AuxData;
	UINT64 Reserved;
	UINT64 StartAddress;
	UINT64 MemoryLength;
} ACPI_IVRS_MEMORY;
IOMMUSIM_ACPI(ACPI_IVRS_MEMORY, 32);
#define ACPI_IVMD_UNITY           (1)
#define ACPI_IVMD_READ            (1 << 1)
#define ACPI_IVMD_WRITE           (1 << 2)
#define ACPI_IVMD_EXCLUSION_RANGE (1 << 3)

#endif
