/*
 * The descriptions in models/amdvi/spec against the specification, written down here a second time by hand:
 * every field of every register and structure, its place, its access and the feature it needs; reserved
 * masks; event codes. The only test that includes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/amdvi.h>
#include <iommusim/spec.h>

#include "described.h"
#include "models/amdvi/spec/amdvi.h"

/* AMD-Vi 3.3 (PCI capability, offsets from its header) and 3.4. */
static const struct described registers[] = {
	{ &amdvi_DEVTAB_BASE_spec, "3.4", 0x00, 64, "BASE 51:12 w SIZE 8:0 w" },
	{ &amdvi_CMD_BASE_spec, "3.4", 0x08, 64, "LEN 59:56 w BASE 51:12 w" },
	{ &amdvi_EVENT_BASE_spec, "3.4", 0x10, 64, "LEN 59:56 w BASE 51:12 w" },
	{ &amdvi_CONTROL_spec, "3.4", 0x18, 64,
	    "SNPAVIC_EN 63:61 w IRT_CACHE_DIS 59:59 w GCR3_TRP_MODE 58:58 w CXL_MEM_ATTR_EN 57:57 w "
	    "TMPM_EN 56:56 w GAPPI_EN 55:55 w GA_UPDATE_DIS 54:54 w VIOMMU_EN 53:53 w VCMD_EN 52:52 w "
	    "INT_CAP_XT_EN 51:51 w XT_EN 50:50 w GD_UPDATE_DIS 48:48 w HAD_UPDATE 47:46 w EPH_EN 45:45 w "
	    "NUM_INT_REMAP_MODE 44:43 w PPR_AUTO_RSP_AON 42:42 w BLK_STOP_MRK_EN 41:41 w MARC_EN 40:40 w "
	    "PPR_AUTO_RSP_EN 39:39 w PRIV_ABRT_EN 38:37 w DEV_TBL_SEG_EN 36:34 w "
	    "DUAL_EVENT_LOG_EN 33:32 w DUAL_PPR_LOG_EN 31:30 w GA_INT_EN 29:29 w GA_LOG_EN 28:28 w "
	    "GAM_EN 27:25 w SMIF_LOG_EN 24:24 w SLF_WB_DIS 23:23 w SMIF_EN 22:22 w CRW 21:18 w "
	    "GA_EN 17:17 w GT_EN 16:16 w PPR_EN 15:15 w PPR_INT_EN 14:14 w PPR_LOG_EN 13:13 w "
	    "CMD_BUF_EN 12:12 w ISOC 11:11 w COHERENT 10:10 w RES_PASS_PW 9:9 w PASS_PW 8:8 w "
	    "INV_TIMEOUT 7:5 w COMWAIT_INT_EN 4:4 w EVENT_INT_EN 3:3 w EVENT_LOG_EN 2:2 w "
	    "HT_TUN_EN 1:1 w IOMMU_EN 0:0 w" },
	{ &amdvi_EXCL_BASE_spec, "3.4", 0x20, 64, "BASE 51:12 w ALLOW 1:1 w EX_EN 0:0 w" },
	{ &amdvi_EXCL_LIMIT_spec, "3.4", 0x28, 64, "LIMIT 51:12 w ONES 11:0 o" },
	{ &amdvi_EFR_spec, "3.4", 0x30, 64,
	    "SNPSUP 63:63 o FORCE_PHY_DEST_SUP 62:62 o GA_UPDATE_DIS_SUP 61:61 o SEV_TIO_SUP 56:56 o "
	    "VIOMMU_SUP 55:55 o INV_IOTLB_TYPE_SUP 54:54 o V2_HD_DIS_SUP 53:53 o HDSUP 52:52 o "
	    "ATTRFWSUP 51:51 o EPHSUP 50:50 o HASUP 49:49 o GIOSUP 48:48 o SNOOP_ATTR_SUP 47:47 o "
	    "MSI_CAP_MMIO_SUP 46:46 o PERF_OPT_SUP 45:45 o BLK_STOP_MRK_SUP 44:44 o MARCSUP 43:42 o "
	    "PPR_AUTO_RSP_SUP 41:41 o PPR_OVRFLW_EARLY_SUP 40:40 o DEV_TBL_SEG_SUP 39:38 o USSUP 37:37 o "
	    "PASMAX 36:32 o SATSSUP 31:31 o DUAL_EVENT_LOG_SUP 29:28 o DUAL_PPR_LOG_SUP 25:24 o "
	    "GAMSUP 23:21 o SMIFRC 20:18 o SMIFSUP 17:16 o GLXSUP 15:14 o GATS 13:12 o HATS 11:10 o "
	    "PCSUP 9:9 o HESUP 8:8 o GASUP 7:7 o IASUP 6:6 o GAPPISUP 5:5 o GTSUP 4:4 o NXSUP 3:3 o "
	    "XTSUP 2:2 o PPRSUP 1:1 o PREFSUP 0:0 o" },
	{ &amdvi_PPR_BASE_spec, "3.4", 0x38, 64, "LEN 59:56 w BASE 51:12 w" },
	{ &amdvi_HWEV_HI_spec, "3.4", 0x40, 64, "VALUE 63:0 w" },
	{ &amdvi_HWEV_LO_spec, "3.4", 0x48, 64, "VALUE 63:0 w" },
	{ &amdvi_HWEV_STATUS_spec, "3.4", 0x50, 64, "HEO 1:1 c HEV 0:0 c" },
	{ &amdvi_SMI_FILTER_spec, "3.4", 0x60, 64,
	    "SMI_FLOCK 17:17 w SMI_DV 16:16 w DEVICE_ID 15:0 w" },
	{ &amdvi_GALOG_BASE_spec, "3.4", 0xe0, 64, "LEN 59:56 w BASE 51:12 w" },
	{ &amdvi_GALOG_TAIL_ADDR_spec, "3.4", 0xe8, 64, "ADDR 51:3 w" },
	{ &amdvi_PPRB_BASE_spec, "3.4", 0xf0, 64, "LEN 59:56 w BASE 51:12 w" },
	{ &amdvi_EVENTB_BASE_spec, "3.4", 0xf8, 64, "LEN 59:56 w BASE 51:12 w" },
	{ &amdvi_DEVTAB_SEG_spec, "3.4", 0x100, 64, "BASE 51:12 w SIZE 7:0 w" },
	{ &amdvi_DSFX_spec, "3.4", 0x138, 64, "REV_MAJOR 31:28 o REV_MINOR 27:24 o FEATURES 23:0 o" },
	{ &amdvi_DSCX_spec, "3.4", 0x140, 64, "REV_MAJOR 31:28 o REV_MINOR 27:24 o CONTROL 23:0 o" },
	{ &amdvi_DSSX_spec, "3.4", 0x148, 64, "REV_MAJOR 31:28 o REV_MINOR 27:24 o STATUS 23:0 o" },
	{ &amdvi_MSI_VECTOR0_spec, "3.4", 0x150, 32, "MSI_NUM_PPR 31:27 o MSI_NUM 4:0 o" },
	{ &amdvi_MSI_VECTOR1_spec, "3.4", 0x154, 32, "MSI_NUM_GA 4:0 o" },
	{ &amdvi_MSI_CAP_spec, "3.4", 0x158, 32,
	    "MSI64 23:23 o MULT_EN 22:20 w MULT_CAP 19:17 o MSI_EN 16:16 w CAP_PTR 15:8 o CAP_ID 7:0 o" },
	{ &amdvi_MSI_ADDR_LO_spec, "3.4", 0x15c, 32, "ADDR 31:2 w" },
	{ &amdvi_MSI_ADDR_HI_spec, "3.4", 0x160, 32, "ADDR 31:0 w" },
	{ &amdvi_MSI_DATA_spec, "3.4", 0x164, 32, "DATA 15:0 w" },
	{ &amdvi_MSI_MAP_spec, "3.4", 0x168, 32,
	    "TYPE 31:27 o FIXED 17:17 o EN 16:16 o CAP_PTR 15:8 o CAP_ID 7:0 o" },
	{ &amdvi_PERF_OPT_spec, "3.4", 0x16c, 32, "PERF_OPT_EN 13:13 w" },
	{ &amdvi_XT_GEN_INT_spec, "3.4", 0x170, 64,
	    "DEST_HI 63:56 w DM 40:40 w VECTOR 39:32 w DEST_LO 31:8 w DEST_MODE 2:2 w" },
	{ &amdvi_XT_PPR_INT_spec, "3.4", 0x178, 64,
	    "DEST_HI 63:56 w DM 40:40 w VECTOR 39:32 w DEST_LO 31:8 w DEST_MODE 2:2 w" },
	{ &amdvi_XT_GA_INT_spec, "3.4", 0x180, 64,
	    "DEST_HI 63:56 w DM 40:40 w VECTOR 39:32 w DEST_LO 31:8 w DEST_MODE 2:2 w" },
	{ &amdvi_VIOMMU_STATUS_spec, "3.4", 0x190, 64, "VCMD_RUN 31:31 o" },
	{ &amdvi_EFR2_spec, "3.4", 0x1a0, 64,
	    "HT_RANGE_IGNORE 11:11 o NUM_INT_REMAP_SUP 9:8 o SNPAVIC_SUP 7:5 o GAPPI_DIS_SUP 4:4 o "
	    "GCR3_TRP_MODE 3:3 o TMPM_SUP 2:2 o SEVSNPIO_SUP 1:1 o" },
	{ &amdvi_MARC_BASE_spec, "3.4", 0x200, 64, "BASE 51:12 w" },
	{ &amdvi_MARC_RELOC_spec, "3.4", 0x208, 64, "RELOC 51:12 w READ_ONLY 1:1 w EN 0:0 w" },
	{ &amdvi_MARC_LEN_spec, "3.4", 0x210, 64, "LEN 51:12 w" },
	{ &amdvi_CMD_HEAD_spec, "3.4", 0x2000, 64, "PTR 18:4 w" },
	{ &amdvi_CMD_TAIL_spec, "3.4", 0x2008, 64, "PTR 18:4 w" },
	{ &amdvi_EVENT_HEAD_spec, "3.4", 0x2010, 64, "PTR 18:4 w" },
	{ &amdvi_EVENT_TAIL_spec, "3.4", 0x2018, 64, "PTR 18:4 w" },
	{ &amdvi_STATUS_spec, "3.4", 0x2020, 64,
	    "PPR_OVERFLOW_EARLY 18:18 c PPRB_OVERFLOW_EARLY 17:17 c EVENT_LOG_ACTIVE 16:16 o "
	    "EVENTB_OVERFLOW 15:15 c PPR_LOG_ACTIVE 12:12 o PPRB_OVERFLOW 11:11 c GA_INT 10:10 c "
	    "GA_LOG_OVERFLOW 9:9 c GA_LOG_RUN 8:8 o PPR_LOG_RUN 7:7 o PPR_INT 6:6 c PPR_OVERFLOW 5:5 c "
	    "CMD_BUF_RUN 4:4 o EVENT_LOG_RUN 3:3 o COMWAIT_INT 2:2 c EVENT_LOG_INT 1:1 c "
	    "EVENT_OVERFLOW 0:0 c" },
	{ &amdvi_PPR_HEAD_spec, "3.4", 0x2030, 64, "PTR 18:4 w" },
	{ &amdvi_PPR_TAIL_spec, "3.4", 0x2038, 64, "PTR 18:4 w" },
	{ &amdvi_GALOG_HEAD_spec, "3.4", 0x2040, 64, "PTR 18:3 w" },
	{ &amdvi_GALOG_TAIL_spec, "3.4", 0x2048, 64, "PTR 18:3 w" },
	{ &amdvi_PPRB_HEAD_spec, "3.4", 0x2050, 64, "PTR 18:4 w" },
	{ &amdvi_PPRB_TAIL_spec, "3.4", 0x2058, 64, "PTR 18:4 w" },
	{ &amdvi_EVENTB_HEAD_spec, "3.4", 0x2070, 64, "PTR 18:4 w" },
	{ &amdvi_EVENTB_TAIL_spec, "3.4", 0x2078, 64, "PTR 18:4 w" },
	{ &amdvi_PPR_AUTO_spec, "3.4", 0x2080, 64, "MASK_GN 4:4 w CODE 3:0 w" },
	{ &amdvi_PPR_EARLY_spec, "3.4", 0x2088, 64, "EN 31:31 w INT_EN 30:30 w THRESHOLD 14:0 w" },
	{ &amdvi_PPRB_EARLY_spec, "3.4", 0x2090, 64, "EN 31:31 w INT_EN 30:30 w THRESHOLD 14:0 w" },
	{ &amdvi_COUNTER_CONFIG_spec, "3.4", 0x4000, 64, "BANKS 17:12 o COUNTERS 10:7 o" },
	{ &amdvi_COUNTER_PASID_LOCK_spec, "3.4", 0x4008, 64, "LOCK 63:0 w" },
	{ &amdvi_COUNTER_DOMAIN_LOCK_spec, "3.4", 0x4010, 64, "LOCK 63:0 w" },
	{ &amdvi_COUNTER_DEVICE_LOCK_spec, "3.4", 0x4018, 64, "LOCK 63:0 w" },
	/* offsets from the counter: 40000h, bank times 4 KiB, counter times 256 */
	{ &amdvi_COUNTER_spec, "3.4", 0x00, 64, "COUNT 47:0 w" },
	{ &amdvi_COUNTER_SOURCE_spec, "3.4", 0x08, 64, "CAC 31:31 w COUNT_UNITS 30:30 w SOURCE 7:0 w" },
	{ &amdvi_COUNTER_PASID_spec, "3.4", 0x10, 64, "MASK 51:32 w EN 31:31 w MATCH 19:0 w" },
	{ &amdvi_COUNTER_DOMAIN_spec, "3.4", 0x18, 64, "MASK 47:32 w EN 31:31 w MATCH 15:0 w" },
	{ &amdvi_COUNTER_DEVICE_spec, "3.4", 0x20, 64, "MASK 47:32 w EN 31:31 w MATCH 15:0 w" },
	{ &amdvi_COUNTER_REPORT_spec, "3.4", 0x28, 64, "CERE 63:63 w NOTE_HI 51:32 w NOTE_LO 31:0 w" },
	{ &amdvi_CAP_HEADER_spec, "3.3", 0x00, 32,
	    "CAP_EXT 28:28 o EFR_SUP 27:27 o NP_CACHE 26:26 o HT_TUNNEL 25:25 o IOTLB_SUP 24:24 o "
	    "CAP_REV 23:19 o CAP_TYPE 18:16 o CAP_PTR 15:8 o CAP_ID 7:0 o" },
	{ &amdvi_CAP_BASE_LO_spec, "3.3", 0x04, 32, "BASE_LO 31:14 w ENABLE 0:0 w" },
	{ &amdvi_CAP_BASE_HI_spec, "3.3", 0x08, 32, "BASE_HI 31:0 w" },
	{ &amdvi_CAP_RANGE_spec, "3.3", 0x0c, 32,
	    "LAST_DEVICE 31:24 o FIRST_DEVICE 23:16 o BUS 15:8 o RNG_VALID 7:7 o UNIT_ID 4:0 o" },
	{ &amdvi_CAP_MISC0_spec, "3.3", 0x10, 32,
	    "MSI_NUM_PPR 31:27 o HT_ATS_RESV 22:22 o VA_SIZE 21:15 o PA_SIZE 14:8 o GVA_SIZE 7:5 o "
	    "MSI_NUM 4:0 o" },
	{ &amdvi_CAP_MISC1_spec, "3.3", 0x14, 32, "MSI_NUM_GA 4:0 o" },
};

static const struct described entries[] = {
	{ &amdvi_dte_spec, "2.2.2.1", 0, 256,
	    "SNOOP_ATTR 255:248 - MODE_0FC 247:247 - ATTR_V 246:246 - DISPUTED 245:245 - GUEST_ID 239:224 - "
	    "G_DEVICE_ID 223:208 - VIMU_EN 207:207 - LINT1_PASS 191:191 - LINT0_PASS 190:190 - "
	    "INT_CTL 189:188 - HPT_MODE 187:187 - NMI_PASS 186:186 - EINT_PASS 185:185 - "
	    "INIT_PASS 184:184 - GUEST_PAGING_MODE 183:182 - INT_TAB_ROOT 179:134 - IG 133:133 - "
	    "INT_TAB_LEN 132:129 - IV 128:128 - GCR3_HIGH 127:107 - SATS 106:106 - SYSMGT 105:104 - "
	    "EX 103:103 - SD 102:102 - CACHE 101:101 - IOCTL 100:99 - SA 98:98 - SE 97:97 - I 96:96 - "
	    "GCR3_MIDDLE 95:80 - DOMAIN_ID 79:64 - IW 62:62 - IR 61:61 - GCR3_LOW 60:58 - GLX 57:56 - "
	    "GV 55:55 - GIOV 54:54 - GPRP 53:53 - PPR 52:52 - ROOT 51:12 - MODE 11:9 - HAD 8:7 - "
	    "CXL_MEM_ATTR 6:4 - TV 1:1 - V 0:0 -" },
	{ &amdvi_pde_spec, "2.2.3", 0, 64,
	    "IW 62:62 - IR 61:61 - ADDR 51:12 - NEXT_LEVEL 11:9 - PR 0:0 -" },
	{ &amdvi_pte_spec, "2.2.3", 0, 64,
	    "IW 62:62 - IR 61:61 - FC 60:60 - U 59:59 - PMC 58:57 - ADDR 51:12 - NEXT_LEVEL 11:9 - "
	    "PR 0:0 -" },
	{ &amdvi_gcr3_entry_spec, "2.2.6", 0, 64, "CR3 51:12 - V 0:0 -" },
	{ &amdvi_guest_upper_spec, "2.2.6", 0, 64,
	    "XD 63:63 - ADDR 51:12 - US 2:2 - RW 1:1 - P 0:0 -" },
	{ &amdvi_guest_table_spec, "2.2.6", 0, 64,
	    "XD 63:63 - ADDR 51:12 - PS 7:7 - US 2:2 - RW 1:1 - P 0:0 -" },
	{ &amdvi_guest_leaf1g_spec, "2.2.6", 0, 64,
	    "XD 63:63 - ADDR 51:30 - PS 7:7 - US 2:2 - RW 1:1 - P 0:0 -" },
	{ &amdvi_guest_leaf2m_spec, "2.2.6", 0, 64,
	    "XD 63:63 - ADDR 51:21 - PS 7:7 - US 2:2 - RW 1:1 - P 0:0 -" },
	{ &amdvi_guest_pte_spec, "2.2.6", 0, 64, "XD 63:63 - ADDR 51:12 - US 2:2 - RW 1:1 - P 0:0 -" },
	{ &amdvi_msi_spec, "2.2.5", 0, 128,
	    "TM 79:79 - LEVEL 78:78 - DELIVERY 74:72 - VECTOR 71:64 - DESTINATION_HIGH 63:40 - "
	    "PREFIX 31:20 - DESTINATION 19:12 - RH 3:3 - DM 2:2 -" },
	{ &amdvi_irte_spec, "2.2.5", 0, 32,
	    "VECTOR 23:16 - DESTINATION 15:8 - GUEST_MODE 7:7 - DM 6:6 - RQ_EOI 5:5 - INT_TYPE 4:2 - "
	    "SUP_IOPF 1:1 - REMAP_EN 0:0 -" },
	{ &amdvi_irte_ga_spec, "2.2.5", 0, 128,
	    "DEST_HIGH 127:120 - VECTOR 71:64 - DEST_LOW 31:8 - GUEST_MODE 7:7 - DM 6:6 - RQ_EOI 5:5 - "
	    "INT_TYPE 4:2 - SUP_IOPF 1:1 - REMAP_EN 0:0 -" },
	{ &amdvi_irte_guest_spec, "2.2.5", 0, 128,
	    "DEST_HIGH 127:120 - VAPIC_ROOT 115:76 - VECTOR 71:64 - GA_TAG 63:32 - DEST_LOW 31:8 - "
	    "GUEST_MODE 7:7 - IS_RUN 6:6 - GAPPI_DIS 5:5 - GA_LOG_INTR 2:2 - SUP_IOPF 1:1 - "
	    "REMAP_EN 0:0 -" },
	{ &amdvi_virtual_apic_irr_spec, "2.2.5.4", 0, 32, "IRR 31:0 -" },
	{ &amdvi_cmd_header_spec, "2.4", 0, 128, "OPCODE 63:60 -" },
	{ &amdvi_cmd_completion_wait_spec, "2.4.1", 0, 128,
	    "DATA 127:64 - OPCODE 63:60 - ADDR 51:3 - F 2:2 - I 1:1 - S 0:0 -" },
	{ &amdvi_cmd_inv_devtab_spec, "2.4.2", 0, 128, "OPCODE 63:60 - DEVICE_ID 15:0 -" },
	{ &amdvi_cmd_inv_pages_spec, "2.4.3", 0, 128,
	    "ADDR 127:76 - GN 66:66 - PDE 65:65 - S 64:64 - OPCODE 63:60 - DOMAIN_ID 47:32 - PASID 19:0 -" },
	{ &amdvi_cmd_inv_iotlb_spec, "2.4.4", 0, 128,
	    "ADDR 127:76 - TYPE 69:68 - GN 66:66 - S 64:64 - OPCODE 63:60 - PASID_HIGH 59:56 - "
	    "PASID_LOW 55:48 - QUEUE_ID 47:32 - MAXPEND 31:24 - PASID_MIDDLE 23:16 - DEVICE_ID 15:0 -" },
	{ &amdvi_cmd_inv_irt_spec, "2.4.5", 0, 128, "OPCODE 63:60 - DEVICE_ID 15:0 -" },
	{ &amdvi_cmd_prefetch_spec, "2.4.6", 0, 128,
	    "ADDR 127:76 - INVAL 68:68 - GN 66:66 - S 64:64 - OPCODE 63:60 - PASID 51:32 - COUNT 31:24 - "
	    "DEVICE_ID 15:0 -" },
	{ &amdvi_cmd_complete_ppr_spec, "2.4.7", 0, 128,
	    "STATUS 111:108 - TAG 104:96 - GN 66:66 - OPCODE 63:60 - PASID 51:32 - DEVICE_ID 15:0 -" },
	{ &amdvi_cmd_inv_all_spec, "2.4.8", 0, 128, "OPCODE 63:60 -" },
	{ &amdvi_cmd_guest_event_spec, "2.4.9", 0, 128, "OPCODE 63:60 - GUEST_ID 47:32 -" },
	{ &amdvi_cmd_reset_vmmio_spec, "2.4.10", 0, 128,
	    "OPCODE 63:60 - VCMD 31:31 - ALL 28:28 - GUEST_ID 15:0 -" },
	{ &amdvi_event_spec, "2.5", 0, 128,
	    "ADDR 127:64 - CODE 63:60 - TYPE 58:57 - TR 56:56 - RZ 55:55 - PE 54:54 - RW 53:53 - PR 52:52 - "
	    "I 51:51 - US 50:50 - NX 49:49 - GN 48:48 - DOMAIN_ID 47:32 - PASID_HIGH 19:16 - "
	    "DEVICE_ID 15:0 -" },
	{ &amdvi_event_request_spec, "2.5.9", 0, 128,
	    "ADDR 127:64 - CODE 63:60 - TYPE 59:57 - TR 56:56 - GN 48:48 - PASID_LOW 47:32 - "
	    "PASID_HIGH 19:16 - DEVICE_ID 15:0 -" },
	{ &amdvi_event_counter_spec, "2.5.11", 0, 128,
	    "NOTE_LO 127:96 - NOTE_HI 83:64 - CODE 63:60 -" },
	{ &amdvi_event_rmp_spec, "2.5.14", 0, 128,
	    "ADDR 127:64 - CODE 63:60 - VMG_TAG 47:32 - FLAGS 23:16 - DEVICE_ID 15:0 -" },
	{ &amdvi_ppr_spec, "2.6", 0, 128,
	    "ADDR 127:64 - CODE 63:60 - GN 56:56 - RZ 55:55 - US 54:54 - WR 53:53 - RD 50:50 - NX 49:49 - "
	    "PASID_HIGH 45:42 - TAG 41:32 - PASID_LOW 31:16 - DEVICE_ID 15:0 -" },
	{ &amdvi_ga_entry_spec, "2.7", 0, 64, "CODE 63:60 - DEVICE_ID 47:32 - TAG 31:0 -" },
};

static void every_register_is_described_as_the_specification_has_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(registers) / sizeof(*registers); i++)
		described_compare(&registers[i]);
}

static void every_structure_in_memory_is_described_as_the_specification_has_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
		described_compare(&entries[i]);
}

/* Nothing that is told to the outside is missing above. */
static void every_description_is_compared(void **state)
{
	struct iommusim_spec_structure structure;
	size_t in_registers = 0, in_memory = 0;

	(void)state;
	for (size_t i = 0; iommusim_spec_structure("amdvi", i, &structure); i++) {
		in_registers += structure.is_register;
		in_memory += !structure.is_register;
		/* registers come first */
		assert_true(
		    structure.is_register || in_registers == sizeof(registers) / sizeof(*registers));
	}
	assert_int_equal(in_registers, sizeof(registers) / sizeof(*registers));
	assert_int_equal(in_memory, sizeof(entries) / sizeof(*entries));
	assert_false(iommusim_spec_structure("amd", 0, &structure));
}

/* What is reserved, or reads 0, on units without a feature of EFR and its like. */
static const struct described_need dependent[] = {
	{ "EFR.PPRSup",
	    "CONTROL.PPR_LOG_EN CONTROL.PPR_INT_EN CONTROL.PPR_EN PPR_BASE.* PPR_HEAD.* PPR_TAIL.* "
	    "STATUS.PPR_OVERFLOW STATUS.PPR_INT STATUS.PPR_LOG_RUN" },
	{ "EFR.XTSup", "CONTROL.INT_CAP_XT_EN XT_GEN_INT.* XT_PPR_INT.* XT_GA_INT.*" },
	{ "EFR.NXSup", "guest_PML4E.XD guest_PDE.XD guest_PDPE.PS.XD guest_PDE.PS.XD guest_PTE.XD" },
	{ "EFR.GTSup",
	    "CONTROL.GT_EN CONTROL.PRIV_ABRT_EN DTE.GV DTE.GLX DTE.GCR3_LOW DTE.GCR3_MIDDLE DTE.GCR3_HIGH "
	    "DTE.GUEST_PAGING_MODE INVALIDATE_IOMMU_PAGES.GN INVALIDATE_IOTLB_PAGES.GN "
	    "PREFETCH_IOMMU_PAGES.GN COMPLETE_PPR_REQUEST.GN" },
	{ "EFR.GAPPISup", "CONTROL.GAPPI_EN" },
	{ "EFR.GASup", "CONTROL.GA_EN" },
	{ "EFR.HESup", "HWEV_HI.* HWEV_LO.* HWEV_STATUS.*" },
	{ "EFR.PCSup",
	    "COUNTER_CONFIG.* COUNTER.* COUNTER_SOURCE.* COUNTER_PASID.* COUNTER_DOMAIN.* "
	    "COUNTER_DEVICE.* COUNTER_REPORT.* COUNTER_PASID_LOCK.* COUNTER_DOMAIN_LOCK.* COUNTER_DEVICE_LOCK.*" },
	{ "EFR.SmiFSup", "CONTROL.SMIF_EN CONTROL.SMIF_LOG_EN SMI_FILTER.*" },
	{ "EFR.DualPprLogSup",
	    "CONTROL.DUAL_PPR_LOG_EN PPRB_BASE.* PPRB_HEAD.* PPRB_TAIL.* STATUS.PPRB_OVERFLOW "
	    "STATUS.PPR_LOG_ACTIVE" },
	{ "EFR.DualEventLogSup",
	    "CONTROL.DUAL_EVENT_LOG_EN EVENTB_BASE.* EVENTB_HEAD.* EVENTB_TAIL.* STATUS.EVENTB_OVERFLOW "
	    "STATUS.EVENT_LOG_ACTIVE" },
	{ "EFR.SATSSup", "DTE.SATS" },
	{ "EFR.DevTblSegSup", "CONTROL.DEV_TBL_SEG_EN DEVTAB_SEG.*" },
	{ "EFR.PprOvrflwEarlySup",
	    "PPR_EARLY.* PPRB_EARLY.* STATUS.PPR_OVERFLOW_EARLY STATUS.PPRB_OVERFLOW_EARLY" },
	{ "EFR.PprAutoRspSup", "CONTROL.PPR_AUTO_RSP_EN CONTROL.PPR_AUTO_RSP_AON PPR_AUTO.*" },
	{ "EFR.MarcSup", "CONTROL.MARC_EN MARC_BASE.* MARC_RELOC.* MARC_LEN.*" },
	{ "EFR.BlkStopMrkSup", "CONTROL.BLK_STOP_MRK_EN" },
	{ "EFR.PerfOptSup", "PERF_OPT.*" },
	{ "EFR.MsiCapMmioSup",
	    "MSI_VECTOR0.* MSI_VECTOR1.* MSI_CAP.* MSI_ADDR_LO.* MSI_ADDR_HI.* MSI_DATA.* MSI_MAP.*" },
	{ "EFR.SnoopAttrSup", "DTE.SNOOP_ATTR" },
	{ "EFR.GIoSup", "DTE.GIOV" },
	{ "EFR.HASup or EFR.HDSup", "CONTROL.HAD_UPDATE DTE.HAD" },
	{ "EFR.EPHSup", "CONTROL.EPH_EN" },
	{ "EFR.EPHSup and EFR.PPRSup", "DTE.PPR DTE.GPRP" },
	{ "EFR.AttrFWSup", "DTE.ATTR_V DTE.MODE_0FC" },
	{ "EFR.V2HADDisSup", "CONTROL.GD_UPDATE_DIS" },
	{ "EFR.InvIotlbTypeSup", "INVALIDATE_IOTLB_PAGES.TYPE" },
	{ "EFR.vIommuSup",
	    "CONTROL.VCMD_EN CONTROL.VIOMMU_EN VIOMMU_STATUS.* DTE.HPT_MODE DTE.VIMU_EN DTE.G_DEVICE_ID "
	    "DTE.GUEST_ID" },
	{ "EFR.GAUpdateDisSup", "CONTROL.GA_UPDATE_DIS" },
	{ "not EFR.SNPSup: exclusion range", "EXCL_BASE.EX_EN EXCL_BASE.ALLOW" },
	{ "EFR.GASup and EFR.XTSup", "CONTROL.XT_EN" },
	{ "EFR.GASup and EFR.GAMSup",
	    "CONTROL.GAM_EN CONTROL.GA_LOG_EN CONTROL.GA_INT_EN GALOG_BASE.* GALOG_TAIL_ADDR.* "
	    "GALOG_HEAD.* GALOG_TAIL.* STATUS.GA_LOG_RUN STATUS.GA_LOG_OVERFLOW STATUS.GA_INT" },
	{ "EFR2.TMPMSup", "CONTROL.TMPM_EN" },
	{ "EFR2.GCR3TRPMode", "CONTROL.GCR3_TRP_MODE" },
	{ "EFR2.GAPPIDisSup", "IRTE.guest.GAPPI_DIS" },
	{ "EFR2.SNPAVICSup", "CONTROL.SNPAVIC_EN" },
	{ "EFR2.NumIntRemapSup", "CONTROL.NUM_INT_REMAP_MODE" },
	{ "revision 3.11", "CONTROL.CXL_MEM_ATTR_EN DTE.CXL_MEM_ATTR" },
	{ "capability header: HtTunnel", "CONTROL.HT_TUN_EN" },
	{ "page table PMC, after revision 3.05", "PTE.PMC" },
	{ "no unit", "DTE.DISPUTED" },
};

static void every_field_says_which_feature_it_depends_on(void **state)
{
	(void)state;
	assert_in_range(
	    described_needs("amdvi", dependent, sizeof(dependent) / sizeof(*dependent)), 300, 1000);
}

#define HAVE(need) (UINT64_C(1) << ((need)-SPEC_FIRST_CAPABILITY))

/*
 * Reserved bits: of a unit with every feature, as sources for revision 3.05 and later list them, and of
 * units that lack some.
 */
static void reserved_masks_follow_the_features(void **state)
{
	static const struct {
		const struct spec_structure *structure;
		unsigned quad;
		uint64_t lacks, reserved; /* lacks: of all capabilities but NEVER */
	} rows[] = {
		/* before 3.11 CXLMemAttr is reserved too */
		{ &amdvi_dte_spec, 0, 0, 0x800000000000000c },
		{ &amdvi_dte_spec, 0, HAVE(REV_CXL), 0x800000000000007c },
		{ &amdvi_dte_spec, 1, 0, 0 },
		{ &amdvi_dte_spec, 1, HAVE(EFR_SATS), 0x0000040000000000 },
		{ &amdvi_dte_spec, 2, 0, 0x0030000000000000 },
		{ &amdvi_dte_spec, 3, 0, 0x003f000000007fff },
		{ &amdvi_dte_spec, 3, HAVE(EFR_VIOMMU), 0x003fffffffffffff },
		/* no guest translation: GV, GLX, GCR3 */
		{ &amdvi_dte_spec, 0, HAVE(REV_CXL) | HAVE(EFR_GT), 0x9f8000000000007c },
		{ &amdvi_dte_spec, 1, HAVE(EFR_GT), 0xfffff800ffff0000 },
		{ &amdvi_dte_spec, 0, HAVE(REV_CXL) | HAVE(EFR_HAD), 0x80000000000001fc },
		{ &amdvi_dte_spec, 0, HAVE(REV_CXL) | HAVE(EPH_PPR), 0x803000000000007c },
		{ &amdvi_dte_spec, 0, HAVE(REV_CXL) | HAVE(EFR_GIO), 0x804000000000007c },
		{ &amdvi_dte_spec, 3, HAVE(EFR_ATTRFW) | HAVE(EFR_SNOOPATTR), 0xffff000000007fff },
		/* 60:52 of an entry that points at a table, 56:52 of one that maps a page */
		{ &amdvi_pde_spec, 0, 0, 0x1ff0000000000000 },
		{ &amdvi_pte_spec, 0, 0, 0x01f0000000000000 },
		{ &amdvi_pte_spec, 0, HAVE(REV_PMC), 0x07f0000000000000 },
		{ &amdvi_guest_leaf2m_spec, 0, 0, 0x00000000001fe000 },
		{ &amdvi_guest_leaf1g_spec, 0, 0, 0x000000003fffe000 },
		{ &amdvi_guest_pte_spec, 0, 0, 0 },
		{ &amdvi_guest_pte_spec, 0, HAVE(EFR_NX), 0x8000000000000000 },
		{ &amdvi_guest_upper_spec, 0, 0, 0x0000000000000080 },
		{ &amdvi_irte_ga_spec, 0, 0, 0xffffffff00000000 },
		{ &amdvi_irte_ga_spec, 1, 0, 0x00ffffffffffff00 },
		{ &amdvi_irte_guest_spec, 0, 0, 0x0000000000000018 },
		{ &amdvi_irte_guest_spec, 0, HAVE(EFR2_GAPPIDIS), 0x0000000000000038 },
		{ &amdvi_irte_guest_spec, 1, 0, 0x00f0000000000f00 },
		{ &amdvi_cmd_completion_wait_spec, 0, 0, 0x0ff0000000000000 },
		{ &amdvi_cmd_completion_wait_spec, 1, 0, 0 },
		{ &amdvi_cmd_inv_devtab_spec, 0, 0, 0x0fffffffffff0000 },
		{ &amdvi_cmd_inv_devtab_spec, 1, 0, UINT64_MAX },
		{ &amdvi_cmd_inv_pages_spec, 0, 0, 0x0fff0000fff00000 },
		{ &amdvi_cmd_inv_pages_spec, 1, 0, 0x0000000000000ff8 },
		{ &amdvi_cmd_inv_pages_spec, 1, HAVE(EFR_GT), 0x0000000000000ffc },
		{ &amdvi_cmd_inv_iotlb_spec, 0, 0, 0 },
		{ &amdvi_cmd_inv_iotlb_spec, 1, 0, 0x0000000000000fca },
		{ &amdvi_cmd_inv_iotlb_spec, 1, HAVE(EFR_INVTYPE), 0x0000000000000ffa },
		{ &amdvi_cmd_inv_irt_spec, 0, 0, 0x0fffffffffff0000 },
		{ &amdvi_cmd_prefetch_spec, 0, 0, 0x0ff0000000ff0000 },
		{ &amdvi_cmd_prefetch_spec, 1, 0, 0x0000000000000fea },
		{ &amdvi_cmd_complete_ppr_spec, 0, 0, 0x0ff00000ffff0000 },
		{ &amdvi_cmd_complete_ppr_spec, 1, 0, 0xffff0e00fffffffb },
		{ &amdvi_cmd_inv_all_spec, 0, 0, 0x0fffffffffffffff },
		{ &amdvi_cmd_inv_all_spec, 1, 0, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct spec_unit unit = {
			.capabilities = ~(HAVE(NEVER) | rows[i].lacks),
			.host_address_width = 52,
		};
		const uint64_t found = spec_reserved(rows[i].structure, &unit, rows[i].quad);

		if (found != rows[i].reserved)
			fail_msg("row %zu, %s: 0x%llx", i, rows[i].structure->name,
			    (unsigned long long)found);
	}
}

/* What software clears in STATUS by writing 1: 68E67h. */
static void the_status_bits_that_are_cleared_by_writing_1(void **state)
{
	uint64_t mask = 0;

	(void)state;
	for (unsigned i = 0; i < amdvi_STATUS_spec.field_count; i++)
		if (amdvi_STATUS_spec.fields[i].access == RW1C)
			mask |= SPEC_MASK(
			    amdvi_STATUS_spec.fields[i].high, amdvi_STATUS_spec.fields[i].low);
	assert_int_equal(mask, 0x68e67);
}

static void accessors_read_and_write_their_bits_only(void **state)
{
	uint64_t entry[4] = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };

	(void)state;
	amdvi_dte_set_INT_TAB_ROOT(entry, 0);
	assert_int_equal(entry[0], UINT64_MAX);
	assert_int_equal(entry[2], 0xfff000000000003f);
	amdvi_dte_set_DOMAIN_ID(entry, 0x12345);
	assert_int_equal(entry[1], 0xffffffffffff2345);
	assert_int_equal(amdvi_dte_DOMAIN_ID(entry), 0x2345);
	amdvi_dte_set_MODE(entry, 3);
	assert_int_equal(entry[0], 0xfffffffffffff7ff);
	assert_int_equal(entry[3], UINT64_MAX);
	/* the features of a Zen 4 machine: 6 levels in hosts' tables, 5 in guests', 16 bits of PASID */
	assert_int_equal(amdvi_EFR_HATS(UINT64_C(0x246577efa2254afa)), 2);
	assert_int_equal(amdvi_EFR_GLXSUP(UINT64_C(0x246577efa2254afa)), 1);
	assert_int_equal(amdvi_EFR_PASMAX(UINT64_C(0x246577efa2254afa)), 15);
	assert_int_equal(amdvi_CONTROL_GA_EN_bits(1), 0x20000);
	assert_int_equal(amdvi_CAP_MISC0_VA_SIZE(0x182840), 48);
}

static void events_have_the_specified_codes(void **state)
{
	static const struct {
		unsigned code;
		const char *name;
	} described[] = {
#define EVENT(code, name, section, class, meaning) { code, #name },
#include "models/amdvi/spec/event_codes.def"
#undef EVENT
	}, expected[] = {
		{ 1, "ILLEGAL_DEV_TABLE_ENTRY" },
		{ 2, "IO_PAGE_FAULT" },
		{ 3, "DEV_TAB_HARDWARE_ERROR" },
		{ 4, "PAGE_TAB_HARDWARE_ERROR" },
		{ 5, "ILLEGAL_COMMAND_ERROR" },
		{ 6, "COMMAND_HARDWARE_ERROR" },
		{ 7, "IOTLB_INV_TIMEOUT" },
		{ 8, "INVALID_DEVICE_REQUEST" },
		{ 9, "INVALID_PPR_REQUEST" },
		{ 10, "EVENT_COUNTER_ZERO" },
		{ 13, "RMP_PAGE_FAULT" },
		{ 14, "RMP_HARDWARE_ERROR" },
	};

	(void)state;
	assert_int_equal(sizeof(described) / sizeof(*described), sizeof(expected) / sizeof(*expected));
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_int_equal(described[i].code, expected[i].code);
		assert_string_equal(described[i].name, expected[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_register_is_described_as_the_specification_has_it),
		cmocka_unit_test(every_structure_in_memory_is_described_as_the_specification_has_it),
		cmocka_unit_test(every_description_is_compared),
		cmocka_unit_test(every_field_says_which_feature_it_depends_on),
		cmocka_unit_test(reserved_masks_follow_the_features),
		cmocka_unit_test(the_status_bits_that_are_cleared_by_writing_1),
		cmocka_unit_test(accessors_read_and_write_their_bits_only),
		cmocka_unit_test(events_have_the_specified_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
