/* Registers and in-memory structures of an AMD I/O virtualization unit (AMD-Vi), as its driver uses them. */
/* clang-format off */ /* style(9) */
#ifndef _AMDVI_REGS_H_
#define _AMDVI_REGS_H_

#include <sys/param.h>
#include <sys/systm.h>

/* PCI capability block (3.3); the function is a base system peripheral of subclass IOMMU. */
#define AMDVI_CAP_ID		0x0f
#define AMDVI_CAP_TYPE_MASK	0x00070000
#define AMDVI_CAP_TYPE_IOMMU	0x00030000
#define AMDVI_CAP_BASE_LO	0x04
#define AMDVI_CAP_BASE_HI	0x08
#define AMDVI_CAP_BASE_ENABLE	0x00000001
#define AMDVI_CAP_BASE_MASK	0xffffc000

/* Registers (3.4). The rings' pointers lie on a page of their own. */
struct amdvi_regs {
	uint64_t	dev_table;	/* 0000h */
	uint64_t	cmd_base;
	uint64_t	evt_base;
	uint64_t	control;
	uint64_t	excl_base;	/* 0020h */
	uint64_t	excl_limit;
	uint64_t	efr;		/* 0030h */
	uint64_t	unused[1017];
	uint64_t	cmd_head;	/* 2000h */
	uint64_t	cmd_tail;
	uint64_t	evt_head;	/* 2010h */
	uint64_t	evt_tail;
	uint64_t	status;		/* 2020h */
};
CTASSERT(offsetof(struct amdvi_regs, cmd_head) == 0x2000);
CTASSERT(offsetof(struct amdvi_regs, status) == 0x2020);
#define AMDVI_REGS_SIZE		0x4000

#define AMDVI_DEV_TABLE_PAGES	512		/* 65536 entries of 32 bytes */
#define AMDVI_RING_ENTRIES	256
#define AMDVI_RING_LEN_256	(8ULL << 56)	/* code of 2^8 entries in the base registers */
#define AMDVI_RING_BYTES	((size_t)AMDVI_RING_ENTRIES * 16)

#define AMDVI_CTRL_ENABLE	(1ULL << 0)
#define AMDVI_CTRL_HT_TUNNEL	(1ULL << 1)
#define AMDVI_CTRL_EVENT_LOG	(1ULL << 2)
#define AMDVI_CTRL_EVENT_INTR	(1ULL << 3)
#define AMDVI_CTRL_PASS_PW	(1ULL << 8)
#define AMDVI_CTRL_RES_PASS_PW	(1ULL << 9)
#define AMDVI_CTRL_COHERENT	(1ULL << 10)
#define AMDVI_CTRL_ISOC		(1ULL << 11)
#define AMDVI_CTRL_CMD_BUF	(1ULL << 12)
#ifdef AMDVI_HAZARD_TIMEOUT_ON_EVENT_BIT
#define AMDVI_CTRL_INV_TO_1S	4ULL
#else
#define AMDVI_CTRL_INV_TO_1S	(4ULL << 5)
#endif

#define AMDVI_STATUS_EVENT_OVERFLOW	(1ULL << 0)
#define AMDVI_STATUS_EVENT_INTR		(1ULL << 1)
#define AMDVI_STATUS_EVENT_RUN		(1ULL << 3)
#define AMDVI_STATUS_CMD_RUN		(1ULL << 4)

#define AMDVI_EFR_IA_SUP	(1ULL << 6)
#define AMDVI_EFR_HATS(efr)	(((efr) >> 10) & 3)
#define AMDVI_EFR_HATS_NONE	3

/* Device table entry (2.2.2). */
struct amdvi_dte {
	uint64_t	qw[4];
};
#define AMDVI_DTE_V		(1ULL << 0)
#define AMDVI_DTE_TV		(1ULL << 1)
#define AMDVI_DTE_MODE(levels)	((uint64_t)(levels) << 9)
#define AMDVI_DTE_ROOT_MASK	0x000ffffffffff000ULL
#define AMDVI_DTE_IR		(1ULL << 61)
#define AMDVI_DTE_IW		(1ULL << 62)
#define AMDVI_DTE_DOMAIN_MASK	0xffffULL
#define AMDVI_DTE_SYSMGT(s)	((uint64_t)(s) << 40)	/* of quadword 1 */

/* Page table entry (2.2.3). NextLevel 0 ends the walk with the level's own page size. */
#define AMDVI_PTE_PR		(1ULL << 0)
#define AMDVI_PTE_NEXT(level)	((uint64_t)(level) << 9)
#define AMDVI_PTE_NEXT_GET(pte)	(((pte) >> 9) & 7)
#define AMDVI_PTE_ADDR_MASK	0x000ffffffffff000ULL
#define AMDVI_PTE_IR		(1ULL << 61)
#define AMDVI_PTE_IW		(1ULL << 62)
#define AMDVI_PTE_RW		(AMDVI_PTE_IR | AMDVI_PTE_IW)

/* Commands (2.4). */
struct amdvi_cmd {
	uint64_t	qw[2];
};
#define AMDVI_CMD_OP(op)	((uint64_t)(op) << 60)
#define AMDVI_CMD_COMPLETION_WAIT	AMDVI_CMD_OP(1)
#define AMDVI_CMD_INV_DEVTAB_ENTRY	AMDVI_CMD_OP(2)
#define AMDVI_CMD_INV_IOMMU_PAGES	AMDVI_CMD_OP(3)
#define AMDVI_CMD_INV_IOMMU_ALL		AMDVI_CMD_OP(8)
#define AMDVI_CMD_WAIT_STORE	(1ULL << 0)
#define AMDVI_CMD_WAIT_ADDR	0x000ffffffffffff8ULL
#define AMDVI_CMD_INV_DOMAIN(id)	((uint64_t)(id) << 32)
/* Quadword 1: S and PDE, and the address that stands for all of them. */
#define AMDVI_CMD_INV_EVERYTHING	0x7ffffffffffff003ULL

/* Event log entries (2.5). */
struct amdvi_event {
	uint64_t	qw[2];
};
#define AMDVI_EVENT_CODE(qw0)	((u_int)((qw0) >> 60))
#define AMDVI_EVENT_DEVID(qw0)	((uint16_t)(qw0))
#define AMDVI_EVENT_DOMAIN(qw0)	((uint16_t)((qw0) >> 32))
#define AMDVI_EVENT_FLAGS(qw0)	((u_int)((qw0) >> 48) & 0xfff)
#define AMDVI_EVENT_FLAGS_DESC	\
	"\20\001GN\002NX\003US\004I\005PR\006RW\007PE\010RZ\011TR"

#ifdef AMDVI_HAZARD_PACKED_REGISTERS
/*
 * The registers once more, as bit fields of a packed structure that is not volatile: what an access to one
 * of them becomes is the compiler's choice.
 */
struct amdvi_packed_regs {
	uint64_t	dev_table;
	uint64_t	cmd_base;
	uint64_t	evt_base;
	uint8_t		enable:1;	/* 0018h */
	uint8_t		ht_tunnel:1;
	uint8_t		event_log:1;
	uint8_t		event_intr:1;
	uint8_t		com_wait_intr:1;
	uint16_t	inv_timeout:3;
	uint8_t		pass_pw:1;
	uint8_t		res_pass_pw:1;
	uint8_t		coherent:1;
	uint8_t		isoc:1;
	uint8_t		cmd_buf:1;
	uint64_t	control_rest:51;
	uint8_t		unused[0x2000 - 0x20];
	uint16_t	cmd_head:16;	/* 2000h */
	uint64_t	:48;
	uint32_t	:4;
	uint32_t	cmd_tail:15;	/* 2008h, in entries */
	uint64_t	:45;
} __packed;
CTASSERT(offsetof(struct amdvi_packed_regs, unused) == 0x20);
CTASSERT(sizeof(struct amdvi_packed_regs) == 0x2010);
#endif

#endif /* !_AMDVI_REGS_H_ */
