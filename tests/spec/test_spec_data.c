/*
 * The descriptions in models/vtd/spec against the specification's tables, written down here a second
 * time by hand: every field of every register and structure, its place and its access; the reserved
 * masks computed from them; the accessors; fault reasons and presets. The only test that includes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/unit.h>

#include "described.h"
#include "models/vtd/spec/vtd.h"

static const struct described registers[] = {
	{ &vtd_VER_spec, "11.4.1", 0x00, 32, "MAJOR 7:4 o MINOR 3:0 o" },
	{ &vtd_CAP_spec, "11.4.2", 0x08, 64,
	    "ESRTPS 63:63 o ESIRTPS 62:62 o ECMDS 61:61 o FS5LP 60:60 o PI 59:59 o FS1GP 56:56 o "
	    "DRD 55:55 o DWD 54:54 o MAMV 53:48 o NFR 47:40 o PSI 39:39 o SSLPS 37:34 o "
	    "FRO 33:24 o ISOCH 23:23 o ZLR 22:22 o MGAW 21:16 o SAGAW 12:8 o CM 7:7 o PHMR 6:6 o "
	    "PLMR 5:5 o RWBF 4:4 o AFL 3:3 o ND 2:0 o" },
	{ &vtd_ECAP_spec, "11.4.3", 0x10, 64,
	    "IRREQ 62:62 o EIMER 61:61 o RDTS 60:60 o HPT1GPS 59:59 o SMS 58:58 o SSIRWS 57:57 o "
	    "PTRS 56:56 o HPTS 55:55 o RPRIVS 53:53 o ADMS 52:52 o PMS 51:51 o TDXCS 50:50 o "
	    "RPS 49:49 o SMPWCS 48:48 o FSTS 47:47 o SSTS 46:46 o SSADS 45:45 o VCS 44:44 o "
	    "SMTS 43:43 o PDS 42:42 o DIT 41:41 o PASID 40:40 o PSS 39:35 o EAFS 34:34 o "
	    "NWFS 33:33 o SRS 31:31 o ERS 30:30 o PRS 29:29 o NEST 26:26 o MTS 25:25 o "
	    "MHMV 23:20 o IRO 17:8 o SC 7:7 o PT 6:6 o EIM 4:4 o IR 3:3 o DT 2:2 o QI 1:1 o "
	    "C 0:0 o" },
	{ &vtd_GCMD_spec, "11.4.4.1", 0x18, 32,
	    "TE 31:31 x SRTP 30:30 s SFL 29:29 s EAFL 28:28 x WBF 27:27 s QIE 26:26 x IRE 25:25 x "
	    "SIRTP 24:24 s CFI 23:23 x" },
	{ &vtd_GSTS_spec, "11.4.4.2", 0x1c, 32,
	    "TES 31:31 o RTPS 30:30 o FLS 29:29 o AFLS 28:28 o WBFS 27:27 o QIES 26:26 o "
	    "IRES 25:25 o IRTPS 24:24 o CFIS 23:23 o" },
	{ &vtd_RTADDR_spec, "11.4.5", 0x20, 64, "RTA 63:12 w TTM 11:10 w SSIRWE 7:7 w" },
	{ &vtd_CCMD_spec, "11.4.6.1", 0x28, 64,
	    "ICC 63:63 s CIRG 62:61 w CAIG 60:59 o FM 33:32 x SID 31:16 x DID 15:0 w" },
	{ &vtd_IOTLB_spec, "11.4.6.3", 0x08, 64,
	    "IVT 63:63 s IIRG 61:60 w IAIG 58:57 o DR 49:49 w DW 48:48 w DID 47:32 w" },
	{ &vtd_IVA_spec, "11.4.6.4", 0x00, 64, "ADDR 63:12 x IH 6:6 x AM 5:0 x" },
	{ &vtd_FSTS_spec, "11.4.7.1", 0x34, 32,
	    "FRI 15:8 o ITE 6:6 c ICE 5:5 c IQE 4:4 c APF 3:3 c AFO 2:2 c PPF 1:1 o PFO 0:0 c" },
	{ &vtd_FECTL_spec, "11.4.7.2", 0x38, 32, "IM 31:31 w IP 30:30 o" },
	{ &vtd_FEDATA_spec, "11.4.7.3", 0x3c, 32, "IMD 15:0 w" },
	{ &vtd_FEADDR_spec, "11.4.7.4", 0x40, 32, "MA 31:2 w" },
	{ &vtd_FEUADDR_spec, "11.4.7.5", 0x44, 32, "MUA 31:0 w" },
	{ &vtd_IQH_spec, "11.4.9.1", 0x80, 64, "QH 18:4 o" },
	{ &vtd_IQT_spec, "11.4.9.2", 0x88, 64, "QT 18:4 w" },
	{ &vtd_IQA_spec, "11.4.9.3", 0x90, 64, "IQA 63:12 w DW 11:11 w QS 2:0 w" },
	{ &vtd_ICS_spec, "11.4.9.4", 0x9c, 32, "IWC 0:0 c" },
	{ &vtd_IECTL_spec, "11.4.9.5", 0xa0, 32, "IM 31:31 w IP 30:30 o" },
	{ &vtd_IEDATA_spec, "11.4.9.6", 0xa4, 32, "IMD 15:0 w" },
	{ &vtd_IEADDR_spec, "11.4.9.7", 0xa8, 32, "MA 31:2 w" },
	{ &vtd_IEUADDR_spec, "11.4.9.8", 0xac, 32, "MUA 31:0 w" },
	{ &vtd_IQERCD_spec, "11.4.9.9", 0xb0, 64, "ICESID 63:48 o ITESID 47:32 o IQEI 3:0 o" },
	{ &vtd_IRTA_spec, "11.4.10", 0xb8, 64, "IRTA 63:12 w EIME 11:11 w S 3:0 w" },
	{ &vtd_AFLOG_spec, "11.4.7 before revision 4.0", 0x58, 64, "FLA 63:12 w FLS 11:9 w" },
	{ &vtd_PMEN_spec, "11.4.8.1", 0x64, 32, "EPM 31:31 w PRS 0:0 o" },
	/* Base and limit registers: how many low bits are reserved is the implementation's choice. */
	{ &vtd_PLMBASE_spec, "11.4.8.2", 0x68, 32, "PLMB 31:21 w" },
	{ &vtd_PLMLIMIT_spec, "11.4.8.3", 0x6c, 32, "PLML 31:21 w" },
	{ &vtd_PHMBASE_spec, "11.4.8.4", 0x70, 64, "PHMB 51:21 w" },
	{ &vtd_PHMLIMIT_spec, "11.4.8.5", 0x78, 64, "PHML 51:21 w" },
	{ &vtd_PQH_spec, "11.4.11.1", 0xc0, 64, "PQH 18:5 w" },
	{ &vtd_PQT_spec, "11.4.11.2", 0xc8, 64, "PQT 18:5 w" },
	{ &vtd_PQA_spec, "11.4.11.3", 0xd0, 64, "PQA 63:12 w PQS 2:0 w" },
	{ &vtd_PRS_spec, "11.4.11.4", 0xdc, 32, "PRO 1:1 c PPR 0:0 c" },
	{ &vtd_PECTL_spec, "11.4.11.5", 0xe0, 32, "IM 31:31 w IP 30:30 o" },
	{ &vtd_PEDATA_spec, "11.4.11.6", 0xe4, 32, "IMD 15:0 w" },
	{ &vtd_PEADDR_spec, "11.4.11.7", 0xe8, 32, "MA 31:2 w" },
	{ &vtd_PEUADDR_spec, "11.4.11.8", 0xec, 32, "MUA 31:0 w" },
	{ &vtd_MTRRCAP_spec, "11.4.12.1", 0x100, 64, "WC 10:10 o FIX 8:8 o VCNT 7:0 o" },
	{ &vtd_MTRRDEF_spec, "11.4.12.2", 0x108, 64, "E 11:11 w FE 10:10 w TYPE 7:0 w" },
	{ &vtd_MTRR_FIX64K_spec, "11.4.12.3", 0x120, 64,
	    "R7 63:56 w R6 55:48 w R5 47:40 w R4 39:32 w R3 31:24 w R2 23:16 w R1 15:8 w R0 7:0 w" },
	{ &vtd_MTRR_FIX16K_spec, "11.4.12.3", 0x128, 64,
	    "R7 63:56 w R6 55:48 w R5 47:40 w R4 39:32 w R3 31:24 w R2 23:16 w R1 15:8 w R0 7:0 w" },
	{ &vtd_MTRR_FIX4K_spec, "11.4.12.3", 0x138, 64,
	    "R7 63:56 w R6 55:48 w R5 47:40 w R4 39:32 w R3 31:24 w R2 23:16 w R1 15:8 w R0 7:0 w" },
	{ &vtd_MTRR_PHYSBASE_spec, "11.4.12.4", 0x180, 64, "PHYSBASE 51:12 w TYPE 7:0 w" },
	{ &vtd_MTRR_PHYSMASK_spec, "11.4.12.4", 0x188, 64, "PHYSMASK 51:12 w V 11:11 w" },
	{ &vtd_PERFCAP_spec, "11.4.13.2", 0x300, 64,
	    "ONES 63:60 o CS 54:52 o PCCS 51:51 o IOS 50:50 o GFS 49:49 o CWE 48:48 o PTLFS 36:36 o ATFS 35:35 o "
	    "PASIDFS 34:34 o DIDFS 33:33 o RIDFS 32:32 o EGCNT 28:24 o CW 22:16 o NCNTR 15:0 o" },
	{ &vtd_PERFCFGOFF_spec, "11.4.13.3", 0x310, 32, "CFGO 31:0 o" },
	{ &vtd_PERFFRZOFF_spec, "11.4.13.4", 0x314, 32, "FZO 31:0 o" },
	{ &vtd_PERFOVFOFF_spec, "11.4.13.5", 0x318, 32, "OFO 31:0 o" },
	{ &vtd_PERFCNTROFF_spec, "11.4.13.6", 0x31c, 32, "CNTO 31:0 o" },
	{ &vtd_PERFINTRSTS_spec, "11.4.13.7", 0x324, 32, "PIS 0:0 c" },
	{ &vtd_PERFINTRCTL_spec, "11.4.13.8", 0x328, 32, "IM 31:31 w IP 30:30 o" },
	{ &vtd_PERFINTRDATA_spec, "11.4.13.9", 0x32c, 32, "IMD 15:0 w" },
	{ &vtd_PERFINTRADDR_spec, "11.4.13.10", 0x330, 32, "MA 31:2 w" },
	{ &vtd_PERFINTRUADDR_spec, "11.4.13.11", 0x334, 32, "MUA 31:0 w" },
	{ &vtd_PERFEVNTCAP_spec, "11.4.13.14", 0x380, 64, "ES 27:0 o" },
	{ &vtd_ECMD_spec, "11.4.14.1", 0x400, 64, "OA 63:16 x CMD 7:0 x" },
	{ &vtd_ECEO_spec, "11.4.14.2", 0x408, 64, "OB 63:0 x" },
	{ &vtd_ECRSP_spec, "11.4.14.3", 0x410, 64, "RSLT 63:16 o SC 7:1 o IP 0:0 o" },
	{ &vtd_ECCAP3_spec, "11.4.14.5.4", 0x448, 64,
	    "UFCNTS 53:53 o FCNTS 52:52 o RCNTS 51:51 o RCFGS 50:50 o DCNTS 49:49 o ECNTS 48:48 o" },
	{ &vtd_RDTC_spec, "11.4.15", 0xdc0, 64, "CLOS 36:32 w RMID 11:0 w" },
	{ &vtd_VCMD_spec, "11.4.16.1", 0xe00, 64, "OA 63:16 w CMD 7:0 w" },
	{ &vtd_VCMD_EO_spec, "11.4.16.2", 0xe08, 64, "OB 63:0 w" },
	{ &vtd_VCRSP_spec, "11.4.16.3", 0xe10, 64, "RSLT 63:16 o SC 7:1 o IP 0:0 o" },
	{ &vtd_VCCAP_spec, "11.4.16.4", 0xe30, 64, "FPS 2:2 o PAS 1:1 o NS 0:0 o" },
};

/* Bits that hardware ignores may be described or left out by name; their place is checked by masks. */
static const struct described entries[] = {
	{ &vtd_root_entry_spec, "9.1", 0, 128, "CTP 63:12 - P 0:0 -" },
	{ &vtd_context_entry_spec, "9.3", 0, 128,
	    "DID 87:72 - AW 66:64 - SSPTPTR 63:12 - TT 3:2 - FPD 1:1 - P 0:0 -" },
	{ &vtd_ss_upper_spec, "9.8", 0, 64, "ADDR 51:12 - W 1:1 - R 0:0 -" },
	{ &vtd_ss_table_spec, "9.8", 0, 64, "ADDR 51:12 - PS 7:7 - W 1:1 - R 0:0 -" },
	{ &vtd_ss_leaf1g_spec, "9.8", 0, 64,
	    "TM 62:62 - ADDR 51:30 - SNP 11:11 - PS 7:7 - W 1:1 - R 0:0 -" },
	{ &vtd_ss_leaf2m_spec, "9.8", 0, 64,
	    "TM 62:62 - ADDR 51:21 - SNP 11:11 - PS 7:7 - W 1:1 - R 0:0 -" },
	{ &vtd_ss_pte_spec, "9.8", 0, 64, "TM 62:62 - ADDR 51:12 - SNP 11:11 - W 1:1 - R 0:0 -" },
	{ &vtd_irte_spec, "9.9", 0, 128,
	    "SVT 83:82 - SQ 81:80 - SID 79:64 - DST 63:32 - V 23:16 - IM 15:15 - DLM 7:5 - TM 4:4 "
	    "- "
	    "RH 3:3 - DM 2:2 - FPD 1:1 - P 0:0 -" },
	{ &vtd_irte_posted_spec, "9.10", 0, 128,
	    "PDAH 127:96 - SVT 83:82 - SQ 81:80 - SID 79:64 - PDAL 63:38 - VV 23:16 - IM 15:15 - "
	    "URG 14:14 - FPD 1:1 - P 0:0 -" },
	{ &vtd_posted_descriptor_spec, "9.11", 0, 512,
	    "NDST 319:288 - NV 279:272 - SN 257:257 - ON 256:256 - PIR3 255:192 - PIR2 191:128 - "
	    "PIR1 127:64 - PIR0 63:0 -" },
	{ &vtd_interrupt_request_spec, "5.1.2.2", 0, 128,
	    "HIGH_DATA 95:80 - SUBHANDLE 79:64 - PREFIX 31:20 - HANDLE 19:5 - FORMAT 4:4 - SHV 3:3 - "
	    "HANDLE15 2:2 -" },
	{ &vtd_interrupt_message_spec, "5.1.2.1", 0, 128,
	    "TM 79:79 - LEVEL 78:78 - DLM 74:72 - V 71:64 - DST_HIGH 63:40 - PREFIX 31:20 - DST 19:12 - "
	    "FORMAT 4:4 - RH 3:3 - DM 2:2 -" },
	{ &vtd_fault_record_spec, "11.4.7.6", 0, 128,
	    "F 127:127 - T1 126:126 - AT 125:124 - PASID 123:104 - FR 103:96 - PP 95:95 - "
	    "EXE 94:94 - PRIV 93:93 - T2 92:92 - SID 79:64 - FI 63:12 -" },
	{ &vtd_hpt_l4e_spec, "9.12.1", 0, 128, "ADDR 115:76 - AV 64:64 -" },
	{ &vtd_hpt_l3e_spec, "9.12.2", 0, 128,
	    "ADDR 115:76 - AV 64:64 - PP7 29:28 - PP6 25:24 - PP5 21:20 - PP4 17:16 - PP3 13:12 - "
	    "PP2 9:8 - PP1 5:4 - PP0 1:0 -" },
	{ &vtd_hpt_l2e_spec, "9.12.3", 0, 128,
	    "ADDR 115:76 - AV 64:64 - PP15 61:60 - PP14 57:56 - PP13 53:52 - PP12 49:48 - PP11 45:44 - "
	    "PP10 41:40 - PP9 37:36 - PP8 33:32 - PP7 29:28 - PP6 25:24 - PP5 21:20 - PP4 17:16 - "
	    "PP3 13:12 - PP2 9:8 - PP1 5:4 - PP0 1:0 -" },
	{ &vtd_hpt_l1e_spec, "9.12.4", 0, 128,
	    "PP31 125:124 - PP30 121:120 - PP29 117:116 - PP28 113:112 - PP27 109:108 - PP26 105:104 - "
	    "PP25 101:100 - PP24 97:96 - PP23 93:92 - PP22 89:88 - PP21 85:84 - PP20 81:80 - "
	    "PP19 77:76 - PP18 73:72 - PP17 69:68 - PP16 65:64 - PP15 61:60 - PP14 57:56 - PP13 53:52 - "
	    "PP12 49:48 - PP11 45:44 - PP10 41:40 - PP9 37:36 - PP8 33:32 - PP7 29:28 - PP6 25:24 - "
	    "PP5 21:20 - PP4 17:16 - PP3 13:12 - PP2 9:8 - PP1 5:4 - PP0 1:0 -" },
	{ &vtd_inv_hpt_spec, "6.5.2.7", 0, 256,
	    "ADDR 127:76 - IH 71:70 - AM 69:64 - HPTDID 31:16 - TYPE_HIGH 11:9 - G 5:4 - TYPE 3:0 -" },
	{ &vtd_inv_context_spec, "6.5.2.1", 0, 128,
	    "FM 49:48 - SID 47:32 - DID 31:16 - TYPE_HIGH 11:9 - G 5:4 - TYPE 3:0 -" },
	{ &vtd_inv_iotlb_spec, "6.5.2.3", 0, 128,
	    "ADDR 127:76 - IH 70:70 - AM 69:64 - DID 31:16 - TYPE_HIGH 11:9 - DR 7:7 - DW 6:6 - "
	    "G 5:4 - TYPE 3:0 -" },
	{ &vtd_inv_devtlb_spec, "6.5.2.5", 0, 128,
	    "ADDR 127:76 - S 64:64 - PFSID_HIGH 63:52 - SID 47:32 - MIP 20:16 - PFSID_LOW 15:12 - "
	    "TYPE_HIGH 11:9 - TYPE 3:0 -" },
	{ &vtd_inv_iec_spec, "6.5.2.8", 0, 128,
	    "IIDX 47:32 - IM 31:27 - TYPE_HIGH 11:9 - G 4:4 - TYPE 3:0 -" },
	{ &vtd_inv_wait_spec, "6.5.2.9", 0, 128,
	    "STADDR 127:66 - STDATA 63:32 - TYPE_HIGH 11:9 - PD 7:7 - FN 6:6 - SW 5:5 - IF 4:4 - "
	    "TYPE 3:0 -" },
	{ &vtd_page_request_spec, "7.4.1.1", 0, 256,
	    "ADDR 127:76 - PRGI 75:67 - LPIG 66:66 - WRR 65:65 - RDR 64:64 - PMR 53:53 - EXR 52:52 - "
	    "PASID 51:32 - RID 31:16 - PP 8:8 - TYPE 7:0 -" },
	{ &vtd_page_group_response_spec, "7.6.1", 0, 256,
	    "PRGI 75:67 - PASID 51:32 - RID 31:16 - RC 15:12 - TYPE_HIGH 11:9 - PP 4:4 - TYPE 3:0 -" },
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

/*
 * What means nothing on units that lack a capability: whole registers (NAME.*), or fields of what every
 * unit has. It is reserved there; IOTLB's drain bits are ignored (VT-d 11.4.6.3).
 */
static const struct described_need dependent[] = {
	{ "CAP.AFL, before revision 4.0",
	    "AFLOG.* GCMD.SFL GCMD.EAFL GSTS.FLS GSTS.AFLS FSTS.APF FSTS.AFO" },
	{ "CAP.RWBF", "GCMD.WBF GSTS.WBFS" },
	{ "CAP.PLMR", "PLMBASE.* PLMLIMIT.*" },
	{ "CAP.PHMR", "PHMBASE.* PHMLIMIT.*" },
	{ "CAP.PLMR or CAP.PHMR", "PMEN.*" },
	{ "CAP.PI", "IRTE.IM IRTE.URG" },
	{ "CAP.FS1GP", "FS-PDPE.PS" },
	{ "CAP.ECMDS", "ECMD.* ECEO.* ECRSP.* ECCAP3.*" },
	{ "CAP.DWD", "IOTLB.DW" },
	{ "CAP.DRD", "IOTLB.DR" },
	{ "CAP.SSLPS bit 0", "SS-PDE.PS" },
	{ "CAP.SSLPS bit 1", "SS-PDPE.PS" },
	{ "ECAP.QI",
	    "IQH.* IQT.* IQA.* ICS.* IECTL.* IEDATA.* IEADDR.* IQERCD.IQEI "
	    "GCMD.QIE GSTS.QIES FSTS.IQE" },
	{ "ECAP.DT", "FSTS.ITE FSTS.ICE IQERCD.ICESID IQERCD.ITESID scalable-mode_context_entry.DTE" },
	{ "ECAP.PASID", "scalable-mode_context_entry.PASIDE" },
	{ "ECAP.PTRS", "scalable-mode_context_entry.EPTR" },
	{ "ECAP.RPS", "scalable-mode_context_entry.RID_PASID" },
	{ "ECAP.RPRIVS", "scalable-mode_context_entry.RID_PRIV" },
	{ "ECAP.HPTS",
	    "scalable-mode_context_entry.HPTE PASID_table_entry.HPTSZ PASID_table_entry.HPTPFD "
	    "PASID_table_entry.HPTPTR PASID_table_entry.HPTDID" },
	{ "ECAP.HPT1GPS",
	    "HPTL3E.PP0 HPTL3E.PP1 HPTL3E.PP2 HPTL3E.PP3 HPTL3E.PP4 HPTL3E.PP5 HPTL3E.PP6 HPTL3E.PP7" },
	{ "ECAP.SSTS", "PASID_table_entry.AW PASID_table_entry.SSPTPTR" },
	{ "ECAP.SSTS and ECAP.SSADS", "PASID_table_entry.SSADE" },
	{ "ECAP.FSTS", "PASID_table_entry.FSPM PASID_table_entry.WPE PASID_table_entry.FSPTPTR" },
	{ "ECAP.EAFS", "PASID_table_entry.EAFE" },
	{ "ECAP.SRS", "PASID_table_entry.SRE" },
	{ "ECAP.SMPWCS", "PASID_table_entry.PWSNP" },
	{ "ECAP.IR", "IRTA.IRTA IRTA.S GCMD.IRE GCMD.SIRTP GCMD.CFI GSTS.IRES GSTS.IRTPS GSTS.CFIS" },
	{ "ECAP.EIM", "IRTA.EIME FEUADDR.* IEUADDR.*" },
	{ "ECAP.SC", "SS-PTE.SNP SS-PDE.SNP SS-PDPE.SNP PASID_table_entry.PGSNP" },
	{ "ECAP.DIT",
	    "dev_tlb_inv_dsc.PFSID_LOW dev_tlb_inv_dsc.PFSID_HIGH "
	    "p_dev_tlb_inv_dsc.PFSID_LOW p_dev_tlb_inv_dsc.PFSID_HIGH" },
	{ "ECAP.PDS", "inv_wait_dsc.PD" },
	{ "ECAP.SSIRWS", "RTADDR.SSIRWE SS_I/O_rights.*" },
	{ "ECAP.MTS",
	    "MTRRCAP.* MTRRDEF.* MTRR_FIX64K.* MTRR_FIX16K.* MTRR_FIX4K.* "
	    "MTRR_PHYSBASE.* MTRR_PHYSMASK.* "
	    "PASID_table_entry.CD PASID_table_entry.EMTE PASID_table_entry.PAT" },
	{ "ECAP.PRS",
	    "scalable-mode_context_entry.PRE PQH.* PQT.* PQA.* PRS.* PECTL.* PEDATA.* PEADDR.*" },
	{ "ECAP.PRS and ECAP.EIM", "PEUADDR.*" },
	{ "ECAP.PMS",
	    "PERFCAP.* PERFCFGOFF.* PERFFRZOFF.* PERFOVFOFF.* PERFCNTROFF.* PERFINTRSTS.* "
	    "PERFINTRCTL.* PERFINTRDATA.* PERFINTRADDR.* PERFEVNTCAP.* PERFFRZSTS.* PERFOVFSTS.* "
	    "PERFCNTRCFG.* PERFCNTR_RIDFLTR.* PERFCNTR_DIDFLTR.* PERFCNTR_PASIDFLTR.* "
	    "PERFCNTR_ATFLTR.* PERFCNTR_PTLFLTR.* PERFCNTRCAP.* PERFCNTREVCAP.* PERFCNTR.*" },
	{ "ECAP.PMS and ECAP.EIM", "PERFINTRUADDR.*" },
	{ "ECAP.RDTS", "RDTC.*" },
	{ "ECAP.VCS", "VCMD.* VCMD_EO.* VCRSP.* VCCAP.*" },
	{ "ECAP.DT, before revision 3.2", "SS-PTE.TM SS-PDE.TM SS-PDPE.TM" },
};

static void every_field_says_which_capability_it_depends_on(void **state)
{
	(void)state;
	assert_in_range(
	    described_needs("vtd", dependent, sizeof(dependent) / sizeof(*dependent)), 300, 1000);
}

#define HAVE(need) (UINT64_C(1) << ((need)-SPEC_FIRST_CAPABILITY))

/* Reserved bits as the tables of chapters 6 and 9 give them: without optional features, then with. */
static void reserved_masks_follow_width_and_capabilities(void **state)
{
	static const struct {
		const struct spec_structure *structure;
		unsigned quad, haw;
		uint64_t capabilities, reserved;
	} rows[] = {
		{ &vtd_root_entry_spec, 0, 39, 0, 0xffffff8000000ffe },
		{ &vtd_root_entry_spec, 1, 39, 0, UINT64_MAX },
		{ &vtd_root_entry_spec, 0, 52, 0, 0xfff0000000000ffe },
		{ &vtd_context_entry_spec, 0, 46, 0, 0xffffc00000000ff0 },
		{ &vtd_context_entry_spec, 1, 46, 0, 0xffffffffff000080 },
		{ &vtd_ss_upper_spec, 0, 46, 0, 0x400fc00000000880 },
		{ &vtd_ss_table_spec, 0, 46, 0, 0x400fc00000000800 },
		{ &vtd_ss_pte_spec, 0, 46, 0, 0x400fc00000000800 },
		{ &vtd_ss_pte_spec, 0, 46, HAVE(ECAP_SC), 0x400fc00000000000 },
		{ &vtd_ss_pte_spec, 0, 39, HAVE(ECAP_SC), 0x400fff8000000000 },
		{ &vtd_ss_pte_spec, 0, 52, HAVE(ECAP_SC), 0x4000000000000000 },
		{ &vtd_ss_leaf2m_spec, 0, 46, 0, 0x400fc000001ff880 },
		{ &vtd_ss_leaf2m_spec, 0, 46, HAVE(ECAP_SC) | HAVE(CAP_SSLPS_2M), 0x400fc000001ff000 },
		{ &vtd_ss_leaf1g_spec, 0, 46, HAVE(CAP_SSLPS_2M), 0x400fc0003ffff880 },
		{ &vtd_ss_leaf1g_spec, 0, 46, HAVE(ECAP_SC) | HAVE(CAP_SSLPS_1G), 0x400fc0003ffff000 },
		{ &vtd_irte_spec, 0, 46, 0, 0x00000000ff00f000 },
		{ &vtd_irte_spec, 0, 46, HAVE(CAP_PI), 0x00000000ff007000 },
		{ &vtd_irte_spec, 1, 46, 0, 0xfffffffffff00000 },
		{ &vtd_irte_posted_spec, 0, 46, 0, 0x0000003fff00f0fc },
		{ &vtd_irte_posted_spec, 0, 46, HAVE(CAP_PI), 0x0000003fff0030fc },
		{ &vtd_irte_posted_spec, 1, 46, HAVE(CAP_PI), 0x00000000fff00000 },
		{ &vtd_posted_descriptor_spec, 3, 46, 0, 0 },
		{ &vtd_posted_descriptor_spec, 4, 46, 0, 0x00000000ff00fffc },
		{ &vtd_posted_descriptor_spec, 5, 46, 0, UINT64_MAX },
		{ &vtd_posted_descriptor_spec, 7, 46, 0, UINT64_MAX },
		{ &vtd_hpt_l4e_spec, 0, 46, 0, UINT64_MAX },
		{ &vtd_hpt_l4e_spec, 1, 46, 0, 0x000fc00000000ffe },
		{ &vtd_hpt_l4e_spec, 1, 52, 0, 0x0000000000000ffe },
		{ &vtd_hpt_l3e_spec, 0, 46, 0, UINT64_MAX },
		{ &vtd_hpt_l3e_spec, 0, 46, HAVE(ECAP_HPT1GPS), 0xffffffffcccccccc },
		{ &vtd_hpt_l3e_spec, 1, 39, HAVE(ECAP_HPT1GPS), 0x000fff8000000ffe },
		{ &vtd_hpt_l2e_spec, 0, 46, 0, 0xcccccccccccccccc },
		{ &vtd_hpt_l2e_spec, 1, 46, 0, 0x000fc00000000ffe },
		{ &vtd_hpt_l1e_spec, 0, 46, 0, 0xcccccccccccccccc },
		{ &vtd_hpt_l1e_spec, 1, 46, 0, 0xcccccccccccccccc },
		{ &vtd_inv_hpt_spec, 0, 46, 0, 0xffffffff0000f1c0 },
		{ &vtd_inv_hpt_spec, 1, 46, 0, 0x0000000000000f00 },
		{ &vtd_inv_hpt_spec, 2, 46, 0, UINT64_MAX },
		{ &vtd_interrupt_request_spec, 0, 46, 0, 0xffffffff00000000 },
		{ &vtd_interrupt_request_spec, 1, 46, 0, 0xffffffff00000000 },
		{ &vtd_interrupt_message_spec, 0, 46, 0, 0x000000ff00000fe0 },
		{ &vtd_interrupt_message_spec, 1, 46, 0, 0xffffffffffff3800 },
		{ &vtd_inv_context_spec, 0, 46, 0, 0xfffc00000000f1c0 },
		{ &vtd_inv_context_spec, 1, 46, 0, UINT64_MAX },
		{ &vtd_inv_iotlb_spec, 0, 46, 0, 0xffffffff0000f100 },
		{ &vtd_inv_iotlb_spec, 1, 46, 0, 0x0000000000000f80 },
		{ &vtd_inv_devtlb_spec, 0, 46, 0, 0xffff0000ffe0f1f0 },
		{ &vtd_inv_devtlb_spec, 0, 46, HAVE(ECAP_DIT), 0x000f0000ffe001f0 },
		{ &vtd_inv_devtlb_spec, 1, 46, 0, 0x0000000000000ffe },
		{ &vtd_inv_iec_spec, 0, 46, 0, 0xffff000007fff1e0 },
		{ &vtd_inv_wait_spec, 0, 46, 0, 0x00000000fffff180 },
		{ &vtd_inv_wait_spec, 0, 46, HAVE(ECAP_PDS), 0x00000000fffff100 },
		{ &vtd_inv_wait_spec, 1, 46, 0, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct spec_unit unit = { .capabilities = rows[i].capabilities,
			.host_address_width = rows[i].haw };

		assert_int_equal(
		    spec_reserved(rows[i].structure, &unit, rows[i].quad), rows[i].reserved);
	}
}

static void masks_cover_both_ends(void **state)
{
	(void)state;
	assert_int_equal(SPEC_MASK(63, 0), UINT64_MAX);
	assert_int_equal(SPEC_MASK(0, 0), 1);
	assert_int_equal(SPEC_MASK(63, 63), UINT64_C(1) << 63);
	assert_int_equal(SPEC_MASK(51, 12), 0x000ffffffffff000);
}

/* Putting a value into a field touches that field alone, in either quadword. */
static void accessors_read_and_write_their_bits_only(void **state)
{
	uint64_t entry[2] = { UINT64_MAX, UINT64_MAX };

	(void)state;
	vtd_context_entry_set_DID(entry, 0);
	assert_int_equal(entry[0], UINT64_MAX);
	assert_int_equal(entry[1], 0xffffffffff0000ff);
	vtd_context_entry_set_DID(entry, 0x12345);
	assert_int_equal(entry[1], 0xffffffffff2345ff);
	assert_int_equal(vtd_context_entry_DID(entry), 0x2345);
	vtd_context_entry_set_SSPTPTR(entry, 0xabcde);
	assert_int_equal(entry[0], 0x00000000abcdefff);
	vtd_context_entry_set_TT(entry, 2);
	assert_int_equal(entry[0], 0x00000000abcdeffb);
	assert_int_equal(vtd_CAP_MGAW(UINT64_C(0xd2008c40660462)), 38);
	assert_int_equal(vtd_CAP_FRO(UINT64_C(0xd2008c40660462)), 0x40);
	assert_int_equal(vtd_CAP_NFR(UINT64_C(0x8d2078c106f0466)), 7);
	assert_int_equal(vtd_ECAP_IRO(UINT64_C(0xf050da)), 0x50);
	assert_int_equal(vtd_GSTS_QIES_bits(1), 0x04000000);
	assert_int_equal(vtd_FSTS_FRI_bits(0x1ff), 0xff00);
}

/* Tables 15 and 30: reason and whether FPD can hide it; what translation and translated requests get. */
static void fault_reasons_are_qualified_and_answered_as_the_tables_say(void **state)
{
	enum { UNQUALIFIED, QUALIFIED };
	enum { UR, CA, EMPTY, RIGHTS, REPORTED };
	static const struct {
		unsigned code;
		bool qualified;
		unsigned translation, translated;
	} described[] = {
#define R(code, mnemonic, clause, qualified, class, translation, translated, meaning)                  \
	{ code, qualified, translation, translated },
#include "models/vtd/spec/fault_reasons.def"
#undef R
	};
	static const uint8_t always[] = { 0x1, 0x8, 0x9, 0xa, 0x20, 0x21, 0x23, 0x25, 0x29, 0x2a, 0x2b,
		0x30, 0x31, 0x32, 0x33, 0x34, 0x38, 0x39, 0x3a, 0x40, 0x50, 0x58 };
	static const uint8_t hidden[] = { 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0x22, 0x24,
		0x26, 0x27, 0x28, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x51, 0x52,
		0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x60, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77,
		0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x89,
		0x90, 0x91, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5 };
	/* What a translation request is answered; all else is an Unsupported Request. */
	static const uint8_t aborted[] = { 0x3, 0x7, 0x8, 0x9, 0xa, 0xb, 0xc, 0xe, 0x30, 0x38, 0x3a,
		0x40, 0x42, 0x43, 0x50, 0x52, 0x58, 0x5a, 0x5b, 0x78, 0x7a, 0x7b, 0x7c, 0x7d, 0x87 };
	static const uint8_t empty[] = { 0x4, 0x51, 0x59, 0x5c, 0x5d, 0x70, 0x71, 0x72, 0x73, 0x74,
		0x75, 0x76, 0x77, 0x79, 0x80, 0x81, 0x83, 0x84, 0x90 };
	static const uint8_t rights[] = { 0x5, 0x6, 0x85, 0x86 };
	static const uint8_t aborted_when_translated[] = { 0x50, 0x52, 0x58, 0x5a, 0x5b, 0xa0, 0xa1,
		0xa2 };
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(described) / sizeof(*described); i++) {
		const void *found = described[i].qualified
		    ? memchr(hidden, (int)described[i].code, sizeof(hidden))
		    : memchr(always, (int)described[i].code, sizeof(always));

		if (found == NULL)
			fail_msg("reason %02xh is not as the tables have it", described[i].code);
		assert_int_equal(described[i].translation,
		    memchr(aborted, (int)described[i].code, sizeof(aborted)) != NULL     ? CA
			: memchr(empty, (int)described[i].code, sizeof(empty)) != NULL   ? EMPTY
			: memchr(rights, (int)described[i].code, sizeof(rights)) != NULL ? RIGHTS
			: described[i].code == 0x91                                      ? REPORTED
											 : UR);
		assert_int_equal(described[i].translated,
		    memchr(aborted_when_translated, (int)described[i].code,
			sizeof(aborted_when_translated)) != NULL
			? CA
			: UR);
		seen++;
	}
	assert_int_equal(seen, sizeof(always) + sizeof(hidden));
}

/* VT-d 11.4.9.9, IQEI. */
static void queue_errors_have_the_specified_codes(void **state)
{
	enum queue_error {
#define Q(code, name, meaning) QUEUE_##name = code,
#include "models/vtd/spec/queue_errors.def"
#undef Q
	};

	(void)state;
	assert_int_equal(QUEUE_TAIL_INVALID, 1);
	assert_int_equal(QUEUE_FETCH, 2);
	assert_int_equal(QUEUE_TYPE, 3);
	assert_int_equal(QUEUE_RESERVED, 4);
	assert_int_equal(QUEUE_WIDTH, 5);
	assert_int_equal(QUEUE_TAIL_MISALIGNED, 6);
	assert_int_equal(QUEUE_TABLE_MODE, 7);
}

/* Lines that kernels of these machines printed at boot. */
static void presets_hold_the_values_of_real_machines(void **state)
{
	static const struct {
		const char *name;
		unsigned index;
		uint32_t version;
		uint64_t capability, ext_capability;
		uint8_t width;
		uint16_t revision;
	} rows[] = {
		{ "skylake-client", 0, 0x10, 0x1c0000c40660462, 0x19e2ff0505e, 39, 0x203 },
		{ "skylake-client", 1, 0x10, 0xd2008c40660462, 0xf050da, 39, 0x203 },
		{ "skylake-client", 7, 0x10, 0xd2008c40660462, 0xf050da, 39, 0x203 },
		{ "alder-lake-client", 0, 0x40, 0x1c0000c40660462, 0x29a00f0505e, 39, 0x303 },
		{ "alder-lake-client", 1, 0x50, 0xd2008c40660462, 0xf050da, 39, 0x303 },
		{ "skylake-sp", 0, 0x10, 0x8d2078c106f0466, 0xf020df, 46, 0x204 },
		{ "skylake-sp", 3, 0x10, 0x8d2078c106f0466, 0xf020df, 46, 0x204 },
		{ "sapphire-rapids", 2, 0x60, 0x9ed008c40780466, 0x3ee9e86f050df, 52, 0x304 },
		{ "haswell-ep", 0, 0x10, 0xd2008c10ef0466, 0xf0205b, 46, 0x202 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct iommusim_vtd_config config = { .base = 0x1000, .segment = 9 };

		assert_int_equal(
		    iommusim_vtd_preset(rows[i].name, rows[i].index, &config), IOMMUSIM_OK);
		assert_int_equal(config.version, rows[i].version);
		assert_int_equal(config.capability, rows[i].capability);
		assert_int_equal(config.ext_capability, rows[i].ext_capability);
		assert_int_equal(config.host_address_width, rows[i].width);
		assert_int_equal(config.revision, rows[i].revision);
		/* Protected memory closed to remapped DMA from Skylake on (VT-d 11.4.8.1). */
		assert_int_equal(config.choices.protection_spares_remapped, rows[i].revision < 0x203);
		assert_int_equal(config.base, 0x1000);
		assert_int_equal(config.segment, 9);
	}
}

static void presets_are_listed_once_each_and_unknown_ones_are_not_found(void **state)
{
	struct iommusim_vtd_config config;
	const char *about = NULL;
	size_t count = 0;

	(void)state;
	for (; iommusim_vtd_preset_name(count, &about) != NULL; count++) {
		const char *name = iommusim_vtd_preset_name(count, NULL);

		assert_true(about != NULL && strlen(about) > 0);
		assert_int_equal(iommusim_vtd_preset(name, 0, &config), IOMMUSIM_OK);
		for (size_t i = 0; i < count; i++)
			assert_string_not_equal(iommusim_vtd_preset_name(i, NULL), name);
	}
	assert_in_range(count, 4, 100);
	assert_int_equal(iommusim_vtd_preset("z80", 0, &config), IOMMUSIM_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_register_is_described_as_the_specification_has_it),
		cmocka_unit_test(every_structure_in_memory_is_described_as_the_specification_has_it),
		cmocka_unit_test(every_field_says_which_capability_it_depends_on),
		cmocka_unit_test(reserved_masks_follow_width_and_capabilities),
		cmocka_unit_test(masks_cover_both_ends),
		cmocka_unit_test(accessors_read_and_write_their_bits_only),
		cmocka_unit_test(fault_reasons_are_qualified_and_answered_as_the_tables_say),
		cmocka_unit_test(queue_errors_have_the_specified_codes),
		cmocka_unit_test(presets_hold_the_values_of_real_machines),
		cmocka_unit_test(presets_are_listed_once_each_and_unknown_ones_are_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
