/* Registers and structures of a VT-d unit, as the architecture specification has them (chapters 6, 9 and 11). */
/* clang-format off */ /* style(9) */
#ifndef _DRIVER_VTD_REG_H_
#define _DRIVER_VTD_REG_H_

#define	VTD_CAP			0x008
#define	 VTD_CAP_DOMAINS(cap)	(1u << (4 + 2 * ((cap) & 7)))
#define	 VTD_CAP_RWBF		(1UL << 4)
#define	 VTD_CAP_PLMR		(1UL << 5)
#define	 VTD_CAP_PHMR		(1UL << 6)
#define	 VTD_CAP_CM		(1UL << 7)
#define	 VTD_CAP_SAGAW(cap)	((u_int)((cap) >> 8) & 0x1f)
#define	 VTD_CAP_MGAW(cap)	(((u_int)((cap) >> 16) & 0x3f) + 1)
#define	 VTD_CAP_FRO(cap)	(((u_int)((cap) >> 24) & 0x3ff) * 16)
#define	 VTD_CAP_2M		(1UL << 34)
#define	 VTD_CAP_1G		(1UL << 35)
#define	 VTD_CAP_NFR(cap)	(((u_int)((cap) >> 40) & 0xff) + 1)
#define	 VTD_CAP_DWD		(1UL << 54)
#define	 VTD_CAP_DRD		(1UL << 55)
#define	VTD_ECAP		0x010
#define	 VTD_ECAP_C		(1UL << 0)
#define	 VTD_ECAP_QI		(1UL << 1)
#define	 VTD_ECAP_DT		(1UL << 2)
#define	 VTD_ECAP_EIM		(1UL << 4)
#define	 VTD_ECAP_IRO(ecap)	(((u_int)((ecap) >> 8) & 0x3ff) * 16)
#define	VTD_GCMD		0x018
#define	VTD_GSTS		0x01c
#define	 VTD_TE			(1u << 31)	/* level */
#define	 VTD_SRTP		(1u << 30)	/* one shot, as the next */
#define	 VTD_WBF		(1u << 27)
#define	 VTD_QIE		(1u << 26)	/* level, as those that follow */
#define	 VTD_IRE		(1u << 25)
#define	 VTD_CFI		(1u << 23)
#define	 VTD_LEVELS		(VTD_TE | VTD_QIE | VTD_IRE | VTD_CFI)
#define	VTD_RTADDR		0x020
#define	VTD_CCMD		0x028
#define	 VTD_CCMD_ICC		(1UL << 63)
#define	 VTD_CCMD_GLOBAL	(1UL << 61)
#define	 VTD_CCMD_DEVICE	(3UL << 61)
#define	VTD_FSTS		0x034
#define	 VTD_FSTS_PFO		(1u << 0)
#define	 VTD_FSTS_PPF		(1u << 1)
#define	 VTD_FSTS_QUEUE		(7u << 4)	/* IQE, ICE, ITE */
#define	 VTD_FSTS_FRI(fsts)	((fsts) >> 8 & 0xff)
#define	VTD_FECTL		0x038
#define	 VTD_FECTL_IM		(1u << 31)
#define	VTD_FEDATA		0x03c
#define	VTD_FEADDR		0x040
#define	VTD_FEUADDR		0x044
#define	VTD_PMEN		0x064
#define	 VTD_PMEN_EPM		(1u << 31)
#define	 VTD_PMEN_PRS		(1u << 0)
#define	VTD_IQT			0x088
#define	VTD_IQA			0x090

/* At ECAP.IRO: the address register, then this. */
#define	VTD_IOTLB		0x008
#define	 VTD_IOTLB_IVT		(1UL << 63)
#define	 VTD_IOTLB_GLOBAL	(1UL << 60)
#define	 VTD_IOTLB_DOMAIN	(2UL << 60)
#define	 VTD_IOTLB_DR		(1UL << 49)
#define	 VTD_IOTLB_DW		(1UL << 48)

/* A fault record at CAP.FRO, by its halves. */
#define	VTD_FRCD_SIZE		16
#define	VTD_FRCD_INFO		0x000
#define	VTD_FRCD_SID(high)	((u_int)((high) & 0xffff))
#define	VTD_FRCD_REASON(high)	((u_int)((high) >> 32 & 0xff))
#define	VTD_FRCD_READ(high)	(((high) >> 62 & 1) != 0)
#define	VTD_FRCD_F		(1UL << 63)

/* Descriptors of the invalidation queue, first quadword. */
#define	VTD_DESC_CONTEXT_GLOBAL	0x11UL
#define	VTD_DESC_CONTEXT_DEVICE	0x31UL
#define	VTD_DESC_IOTLB_GLOBAL	0x12UL
#define	VTD_DESC_IOTLB_DOMAIN	0x22UL
#define	VTD_DESC_IOTLB_DW	0x40UL
#define	VTD_DESC_IOTLB_DR	0x80UL
#define	VTD_DESC_WAIT_STATUS	0x25UL
#define	VTD_QUEUE_ENTRIES	256u		/* a page of them */

/* Root and context entries. */
#define	VTD_ENTRY_P		(1UL << 0)
#define	VTD_CONTEXT_TT_ALL	(1UL << 2)	/* translation requests, too */
#define	VTD_CONTEXT_DID(id)	((uint64_t)(id) << 8)
#define	VTD_CONTEXT_AW(levels)	((uint64_t)(levels) - 2)
#define	VTD_CONTEXT_ID(high)	((uint16_t)((high) >> 8))
#define	VTD_ADDRESS		0x000ffffffffff000UL

/* Entries of page tables. */
#define	VTD_PTE_R		(1UL << 0)
#define	VTD_PTE_W		(1UL << 1)
#define	VTD_PTE_PS		(1UL << 7)	/* a leaf above the last level */
#define	VTD_PTES		512u

#endif /* !_DRIVER_VTD_REG_H_ */
