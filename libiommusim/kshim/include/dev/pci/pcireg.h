/* Registers of PCI configuration space, by the kernel's names (PCI Local Bus 3.0, PCI Express 5.0 chapter 7). */
#ifndef IOMMUSIM_KSHIM_DEV_PCI_PCIREG_H
#define IOMMUSIM_KSHIM_DEV_PCI_PCIREG_H

#define PCI_DOMAINMAX    65535
#define PCI_BUSMAX       255
#define PCI_SLOTMAX      31
#define PCI_FUNCMAX      7
#define PCI_REGMAX       255
#define PCIE_REGMAX      4095
#define PCI_MAXHDRTYPE   2
#define PCIE_ARI_SLOTMAX 0
#define PCIE_ARI_FUNCMAX 255

#define PCI_RID_BUS_SHIFT  8
#define PCI_RID_SLOT_SHIFT 3
#define PCI_RID_FUNC_SHIFT 0
#define PCI_RID(bus, slot, func)                                                                       \
	((((bus)&PCI_BUSMAX) << PCI_RID_BUS_SHIFT) | (((slot)&PCI_SLOTMAX) << PCI_RID_SLOT_SHIFT) |    \
	    (((func)&PCI_FUNCMAX) << PCI_RID_FUNC_SHIFT))
#define PCI_RID2BUS(rid)  (((rid) >> PCI_RID_BUS_SHIFT) & PCI_BUSMAX)
#define PCI_RID2SLOT(rid) (((rid) >> PCI_RID_SLOT_SHIFT) & PCI_SLOTMAX)
#define PCI_RID2FUNC(rid) (((rid) >> PCI_RID_FUNC_SHIFT) & PCI_FUNCMAX)

/* ---- the header ---------------------------------------------------------------------------------------- */

#define PCIR_DEVVENDOR         0x00
#define PCIR_VENDOR            0x00
#define PCIR_DEVICE            0x02
#define PCIR_COMMAND           0x04
#define PCIM_CMD_PORTEN        0x0001
#define PCIM_CMD_MEMEN         0x0002
#define PCIM_CMD_BUSMASTEREN   0x0004
#define PCIM_CMD_SPECIALEN     0x0008
#define PCIM_CMD_MWRICEN       0x0010
#define PCIM_CMD_PERRESPEN     0x0040
#define PCIM_CMD_SERRESPEN     0x0100
#define PCIM_CMD_BACKTOBACK    0x0200
#define PCIM_CMD_INTxDIS       0x0400
#define PCIR_STATUS            0x06
#define PCIM_STATUS_INTxSTATE  0x0008
#define PCIM_STATUS_CAPPRESENT 0x0010
#define PCIR_REVID             0x08
#define PCIR_PROGIF            0x09
#define PCIR_SUBCLASS          0x0a
#define PCIR_CLASS             0x0b
#define PCIR_CACHELNSZ         0x0c
#define PCIR_LATTIMER          0x0d
#define PCIR_HDRTYPE           0x0e
#define PCIM_HDRTYPE           0x7f
#define PCIM_HDRTYPE_NORMAL    0x00
#define PCIM_HDRTYPE_BRIDGE    0x01
#define PCIM_HDRTYPE_CARDBUS   0x02
#define PCIM_MFDEV             0x80
#define PCIR_BIST              0x0f
#define PCIR_BARS              0x10
#define PCIR_BAR(x)            (PCIR_BARS + (x)*4)
#define PCIR_MAX_BAR_0         5
#define PCI_RID2BAR(rid)       (((rid)-PCIR_BARS) / 4)
#define PCIM_BAR_SPACE         0x00000001
#define PCIM_BAR_MEM_SPACE     0
#define PCIM_BAR_IO_SPACE      1
#define PCIM_BAR_MEM_TYPE      0x00000006
#define PCIM_BAR_MEM_32        0
#define PCIM_BAR_MEM_1MB       2
#define PCIM_BAR_MEM_64        4
#define PCIM_BAR_MEM_PREFETCH  0x00000008
#define PCIM_BAR_MEM_BASE      0xfffffffffffffff0UL
#define PCIM_BAR_IO_BASE       0xfffffffc
#define PCI_BAR_IO(value)      (((value)&PCIM_BAR_SPACE) == PCIM_BAR_IO_SPACE)
#define PCI_BAR_MEM(value)     (((value)&PCIM_BAR_SPACE) == PCIM_BAR_MEM_SPACE)
#define PCIR_SUBVEND_0         0x2c
#define PCIR_SUBDEV_0          0x2e
#define PCIR_BIOS              0x30
#define PCIR_CAP_PTR           0x34
#define PCIR_INTLINE           0x3c
#define PCIR_INTPIN            0x3d
#define PCIR_PRIBUS_1          0x18
#define PCIR_SECBUS_1          0x19
#define PCIR_SUBBUS_1          0x1a
#define PCIR_BRIDGECTL_1       0x3e

/* ---- classes ------------------------------------------------------------------------------------------- */

#define PCIC_OLD                               0x00
#define PCIC_STORAGE                           0x01
#define PCIS_STORAGE_SATA                      0x06
#define PCIP_STORAGE_SATA_AHCI_1_0             0x01
#define PCIS_STORAGE_NVM                       0x08
#define PCIP_STORAGE_NVM_ENTERPRISE_NVMHCI_1_0 0x02
#define PCIC_NETWORK                           0x02
#define PCIS_NETWORK_ETHERNET                  0x00
#define PCIC_DISPLAY                           0x03
#define PCIS_DISPLAY_VGA                       0x00
#define PCIC_MULTIMEDIA                        0x04
#define PCIC_MEMORY                            0x05
#define PCIC_BRIDGE                            0x06
#define PCIS_BRIDGE_HOST                       0x00
#define PCIS_BRIDGE_ISA                        0x01
#define PCIS_BRIDGE_PCI                        0x04
#define PCIC_SIMPLECOMM                        0x07
#define PCIC_BASEPERIPH                        0x08
#define PCIS_BASEPERIPH_IOMMU                  0x06
#define PCIC_PROCESSOR                         0x0b
#define PCIC_SERIALBUS                         0x0c
#define PCIC_ACCEL                             0x12
#define PCIC_OTHER                             0xff

/* ---- capabilities -------------------------------------------------------------------------------------- */

#define PCICAP_ID      0x0
#define PCICAP_NEXTPTR 0x1
#define PCIY_PMG       0x01
#define PCIY_AGP       0x02
#define PCIY_MSI       0x05
#define PCIY_HT        0x08
#define PCIY_VENDOR    0x09
#define PCIY_SECDEV    0x0f
#define PCIY_EXPRESS   0x10
#define PCIY_MSIX      0x11
#define PCIY_SATA      0x12
#define PCIY_PCIAF     0x13

#define PCIR_EXTCAP             0x100
#define PCIM_EXTCAP_ID          0x0000ffff
#define PCIM_EXTCAP_VER         0x000f0000
#define PCIM_EXTCAP_NEXTPTR     0xfff00000
#define PCI_EXTCAP_ID(cap)      ((cap)&PCIM_EXTCAP_ID)
#define PCI_EXTCAP_VER(cap)     (((cap)&PCIM_EXTCAP_VER) >> 16)
#define PCI_EXTCAP_NEXTPTR(cap) (((cap)&PCIM_EXTCAP_NEXTPTR) >> 20)
#define PCIZ_AER                0x0001
#define PCIZ_ACS                0x000d
#define PCIZ_ARI                0x000e
#define PCIZ_ATS                0x000f
#define PCIZ_SRIOV              0x0010
#define PCIZ_PAGE_REQ           0x0013
#define PCIZ_PASID              0x001b

#define PCIR_POWER_CAP         0x2
#define PCIR_POWER_STATUS      0x4
#define PCIM_PSTAT_D0          0x0000
#define PCIM_PSTAT_D1          0x0001
#define PCIM_PSTAT_D2          0x0002
#define PCIM_PSTAT_D3          0x0003
#define PCIM_PSTAT_DMASK       0x0003
#define PCIM_PSTAT_NOSOFTRESET 0x0008
#define PCI_POWERSTATE_D0      0
#define PCI_POWERSTATE_D1      1
#define PCI_POWERSTATE_D2      2
#define PCI_POWERSTATE_D3      3
#define PCI_POWERSTATE_UNKNOWN (-1)

#define PCIR_MSI_CTRL           0x2
#define PCIM_MSICTRL_VECTOR     0x0100
#define PCIM_MSICTRL_64BIT      0x0080
#define PCIM_MSICTRL_MME_MASK   0x0070
#define PCIM_MSICTRL_MMC_MASK   0x000e
#define PCIM_MSICTRL_MSI_ENABLE 0x0001
#define PCIR_MSI_ADDR           0x4
#define PCIR_MSI_ADDR_HIGH      0x8
#define PCIR_MSI_DATA           0x8
#define PCIR_MSI_DATA_64BIT     0xc

#define PCIR_MSIX_CTRL              0x2
#define PCIM_MSIXCTRL_MSIX_ENABLE   0x8000
#define PCIM_MSIXCTRL_FUNCTION_MASK 0x4000
#define PCIM_MSIXCTRL_TABLE_SIZE    0x07ff
#define PCIR_MSIX_TABLE             0x4
#define PCIR_MSIX_PBA               0x8
#define PCIM_MSIX_BIR_MASK          0x7
#define PCIM_MSIX_VCTRL_MASK        0x1

#define PCIER_FLAGS               0x2
#define PCIEM_FLAGS_VERSION       0x000f
#define PCIEM_FLAGS_TYPE          0x00f0
#define PCIEM_TYPE_ENDPOINT       0x0000
#define PCIEM_TYPE_ROOT_PORT      0x0040
#define PCIEM_TYPE_PCI_BRIDGE     0x0070
#define PCIEM_TYPE_ROOT_INT_EP    0x0090
#define PCIER_DEVICE_CAP          0x4
#define PCIEM_CAP_FLR             0x10000000
#define PCIER_DEVICE_CTL          0x8
#define PCIEM_CTL_INITIATE_FLR    0x8000
#define PCIER_DEVICE_STA          0xa
#define PCIEM_STA_TRANSACTION_PND 0x0020
#define PCIER_DEVICE_CAP2         0x24
#define PCIER_DEVICE_CTL2         0x28

#endif
