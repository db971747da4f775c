/*
 * Sysctls: records in a linker set, joined into one tree by name when a kernel is made. A test reads and sets
 * them by name (kshim.h).
 */
#ifndef IOMMUSIM_KSHIM_SYS_SYSCTL_H
#define IOMMUSIM_KSHIM_SYS_SYSCTL_H

#include <sys/param.h>

#include <sys/linker_set.h>
#include <sys/queue.h>

#define CTLTYPE        0xf
#define CTLTYPE_NODE   1
#define CTLTYPE_INT    2
#define CTLTYPE_STRING 3
#define CTLTYPE_S64    4
#define CTLTYPE_QUAD   CTLTYPE_S64
#define CTLTYPE_OPAQUE 5
#define CTLTYPE_STRUCT CTLTYPE_OPAQUE
#define CTLTYPE_UINT   6
#define CTLTYPE_LONG   7
#define CTLTYPE_ULONG  8
#define CTLTYPE_U64    9
#define CTLTYPE_U8     0xa
#define CTLTYPE_U16    0xb
#define CTLTYPE_S8     0xc
#define CTLTYPE_S16    0xd
#define CTLTYPE_S32    0xe
#define CTLTYPE_U32    0xf

#define CTLFLAG_RD        0x80000000
#define CTLFLAG_WR        0x40000000
#define CTLFLAG_RW        (CTLFLAG_RD | CTLFLAG_WR)
#define CTLFLAG_ANYBODY   0x10000000
#define CTLFLAG_SECURE    0x08000000
#define CTLFLAG_PRISON    0x04000000
#define CTLFLAG_DYN       0x02000000
#define CTLFLAG_SKIP      0x01000000
#define CTLFLAG_TUN       0x00080000
#define CTLFLAG_RDTUN     (CTLFLAG_RD | CTLFLAG_TUN)
#define CTLFLAG_RWTUN     (CTLFLAG_RW | CTLFLAG_TUN)
#define CTLFLAG_MPSAFE    0x00040000
#define CTLFLAG_VNET      0x00020000
#define CTLFLAG_STATS     0x00002000
#define CTLFLAG_NOFETCH   0x00001000
#define CTLFLAG_CAPRD     0x00008000
#define CTLFLAG_CAPWR     0x00004000
#define CTLFLAG_CAPRW     (CTLFLAG_CAPRD | CTLFLAG_CAPWR)
#define CTLFLAG_NEEDGIANT 0x00000800

#define OID_AUTO (-1)

struct sysctl_oid;
struct sysctl_oid_list; /* what hangs under one of them; nobody looks inside */
struct sysctl_ctx_list; /* those that go together */

/* One request: what goes out, what comes in. */
struct sysctl_req {
	void *oldptr;
	size_t oldlen;
	size_t oldidx;
	const void *newptr;
	size_t newlen;
	size_t newidx;
};

#define SYSCTL_HANDLER_ARGS struct sysctl_oid *oidp, void *arg1, intmax_t arg2, struct sysctl_req *req

struct sysctl_oid {
	const char *parent; /* "_hw_vmm": the node it hangs under; NULL: oid_name is the whole name */
	const char *oid_name;
	unsigned oid_kind; /* CTLTYPE_* and CTLFLAG_* */
	void *oid_arg1;
	intmax_t oid_arg2;
	int (*oid_handler)(SYSCTL_HANDLER_ARGS);
	const char *oid_fmt;
	const char *oid_descr;
};

int iommusim_kernel_sysctl_out(struct sysctl_req *req, const void *from, size_t length);
int iommusim_kernel_sysctl_in(struct sysctl_req *req, void *to, size_t length);
#define SYSCTL_OUT(req, from, length) iommusim_kernel_sysctl_out(req, from, length)
#define SYSCTL_OUT_STR(req, text)     iommusim_kernel_sysctl_out(req, text, strlen(text) + 1)
#define SYSCTL_IN(req, to, length)    iommusim_kernel_sysctl_in(req, to, length)

int sysctl_handle_bool(SYSCTL_HANDLER_ARGS);
int sysctl_handle_8(SYSCTL_HANDLER_ARGS);
int sysctl_handle_16(SYSCTL_HANDLER_ARGS);
int sysctl_handle_32(SYSCTL_HANDLER_ARGS);
int sysctl_handle_64(SYSCTL_HANDLER_ARGS);
int sysctl_handle_int(SYSCTL_HANDLER_ARGS);
int sysctl_handle_long(SYSCTL_HANDLER_ARGS);
int sysctl_handle_string(SYSCTL_HANDLER_ARGS);
int sysctl_handle_opaque(SYSCTL_HANDLER_ARGS);

/* ---- declared in the source --------------------------------------------------------------------------- */

#define SYSCTL_DECL(node) _Static_assert(1, "")
#define SYSCTL_OID(parent, nbr, name, kind, a1, a2, handler, format, descr)                            \
	static struct sysctl_oid iommusim_sysctl_##parent##_##name = { #parent, #name,                 \
		(unsigned)(kind), (void *)(uintptr_t)(a1), (a2), (handler), (format), (descr) };       \
	DATA_SET(iommusim_sysctls, iommusim_sysctl_##parent##_##name)

#define IOMMUSIM_SYSCTL(parent, nbr, name, access, type, pointer, value, handler, format, descr)       \
	SYSCTL_OID(                                                                                    \
	    parent, nbr, name, (unsigned)(access) | (type), pointer, value, handler, format, descr)
#define SYSCTL_NODE(parent, nbr, name, access, handler, descr)                                         \
	IOMMUSIM_SYSCTL(parent, nbr, name, access, CTLTYPE_NODE, NULL, 0, NULL, "N", descr)
#define SYSCTL_ROOT_NODE(nbr, name, access, handler, descr)                                            \
	SYSCTL_NODE(, nbr, name, access, handler, descr)
#define SYSCTL_BOOL(parent, nbr, name, access, pointer, value, descr)                                  \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_U8, pointer, value, sysctl_handle_bool, "CU", descr)
#define SYSCTL_INT(parent, nbr, name, access, pointer, value, descr)                                   \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_INT, pointer, value, sysctl_handle_int, "I", descr)
#define SYSCTL_UINT(parent, nbr, name, access, pointer, value, descr)                                  \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_UINT, pointer, value, sysctl_handle_int, "IU", descr)
#define SYSCTL_LONG(parent, nbr, name, access, pointer, value, descr)                                  \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_LONG, pointer, value, sysctl_handle_long, "L", descr)
#define SYSCTL_ULONG(parent, nbr, name, access, pointer, value, descr)                                 \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_ULONG, pointer, value, sysctl_handle_long, "LU", descr)
#define SYSCTL_QUAD(parent, nbr, name, access, pointer, value, descr)                                  \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_S64, pointer, value, sysctl_handle_64, "Q", descr)
#define SYSCTL_UQUAD(parent, nbr, name, access, pointer, value, descr)                                 \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_U64, pointer, value, sysctl_handle_64, "QU", descr)
#define SYSCTL_S64 SYSCTL_QUAD
#define SYSCTL_U64 SYSCTL_UQUAD
#define SYSCTL_U8(parent, nbr, name, access, pointer, value, descr)                                    \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_U8, pointer, value, sysctl_handle_8, "CU", descr)
#define SYSCTL_U16(parent, nbr, name, access, pointer, value, descr)                                   \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_U16, pointer, value, sysctl_handle_16, "SU", descr)
#define SYSCTL_U32(parent, nbr, name, access, pointer, value, descr)                                   \
	IOMMUSIM_SYSCTL(                                                                               \
	    parent, nbr, name, access, CTLTYPE_U32, pointer, value, sysctl_handle_32, "IU", descr)
#define SYSCTL_STRING(parent, nbr, name, access, pointer, size, descr)                                 \
	IOMMUSIM_SYSCTL(parent, nbr, name, access, CTLTYPE_STRING, pointer, size,                      \
	    sysctl_handle_string, "A", descr)
#define SYSCTL_PROC(parent, nbr, name, access, pointer, value, handler, format, descr)                 \
	IOMMUSIM_SYSCTL(parent, nbr, name, access, 0, pointer, value, handler, format, descr)
#define SYSCTL_OPAQUE(parent, nbr, name, access, pointer, size, format, descr)                         \
	IOMMUSIM_SYSCTL(parent, nbr, name, access, CTLTYPE_OPAQUE, pointer, size,                      \
	    sysctl_handle_opaque, format, descr)

/* ---- made while it runs -------------------------------------------------------------------------------- */

struct sysctl_oid_list *iommusim_kernel_sysctl_children(struct sysctl_oid *oid);
struct sysctl_oid_list *iommusim_kernel_sysctl_static_children(const char *token);
struct sysctl_oid *iommusim_kernel_sysctl_add(struct sysctl_ctx_list *context,
    struct sysctl_oid_list *under, const char *name, unsigned kind, void *pointer, intmax_t value,
    int (*handler)(SYSCTL_HANDLER_ARGS), const char *format, const char *descr);
int sysctl_ctx_init(struct sysctl_ctx_list *context);
int sysctl_ctx_free(struct sysctl_ctx_list *context);
struct sysctl_ctx_list {
	int initialised; /* the kernel keeps the list by this structure's address */
};

#define SYSCTL_CHILDREN(oid)         iommusim_kernel_sysctl_children(oid)
#define SYSCTL_STATIC_CHILDREN(node) iommusim_kernel_sysctl_static_children(#node)
#define IOMMUSIM_SYSCTL_ADD(ctx, under, name, kind, pointer, value, handler, format, descr)            \
	iommusim_kernel_sysctl_add(ctx, under, name, (unsigned)(kind), (void *)(uintptr_t)(pointer),   \
	    value, handler, format, descr)
#define SYSCTL_ADD_OID(ctx, under, nbr, name, kind, pointer, value, handler, format, descr)            \
	IOMMUSIM_SYSCTL_ADD(ctx, under, name, kind, pointer, value, handler, format, descr)
#define SYSCTL_ADD_NODE(ctx, under, nbr, name, access, handler, descr)                                 \
	IOMMUSIM_SYSCTL_ADD(ctx, under, name, (access) | CTLTYPE_NODE, NULL, 0, NULL, "N", descr)
#define SYSCTL_ADD_BOOL(ctx, under, nbr, name, access, pointer, value, descr)                          \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_U8, pointer, value, sysctl_handle_bool, "CU", descr)
#define SYSCTL_ADD_INT(ctx, under, nbr, name, access, pointer, value, descr)                           \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_INT, pointer, value, sysctl_handle_int, "I", descr)
#define SYSCTL_ADD_UINT(ctx, under, nbr, name, access, pointer, value, descr)                          \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_UINT, pointer, value, sysctl_handle_int, "IU", descr)
#define SYSCTL_ADD_LONG(ctx, under, nbr, name, access, pointer, descr)                                 \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_LONG, pointer, 0, sysctl_handle_long, "L", descr)
#define SYSCTL_ADD_ULONG(ctx, under, nbr, name, access, pointer, descr)                                \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_ULONG, pointer, 0, sysctl_handle_long, "LU", descr)
#define SYSCTL_ADD_QUAD(ctx, under, nbr, name, access, pointer, descr)                                 \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_S64, pointer, 0, sysctl_handle_64, "Q", descr)
#define SYSCTL_ADD_UQUAD(ctx, under, nbr, name, access, pointer, descr)                                \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_U64, pointer, 0, sysctl_handle_64, "QU", descr)
#define SYSCTL_ADD_U8(ctx, under, nbr, name, access, pointer, value, descr)                            \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_U8, pointer, value, sysctl_handle_8, "CU", descr)
#define SYSCTL_ADD_U16(ctx, under, nbr, name, access, pointer, value, descr)                           \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_U16, pointer, value, sysctl_handle_16, "SU", descr)
#define SYSCTL_ADD_U32(ctx, under, nbr, name, access, pointer, value, descr)                           \
	IOMMUSIM_SYSCTL_ADD(                                                                           \
	    ctx, under, name, (access) | CTLTYPE_U32, pointer, value, sysctl_handle_32, "IU", descr)
#define SYSCTL_ADD_U64(ctx, under, nbr, name, access, pointer, value, descr)                           \
	IOMMUSIM_SYSCTL_ADD(ctx, under, name, (access) | CTLTYPE_U64, pointer, (intmax_t)(value),      \
	    sysctl_handle_64, "QU", descr)
#define SYSCTL_ADD_STRING(ctx, under, nbr, name, access, pointer, size, descr)                         \
	IOMMUSIM_SYSCTL_ADD(ctx, under, name, (access) | CTLTYPE_STRING, pointer, size,                \
	    sysctl_handle_string, "A", descr)
#define SYSCTL_ADD_PROC(ctx, under, nbr, name, access, pointer, value, handler, format, descr)         \
	IOMMUSIM_SYSCTL_ADD(ctx, under, name, access, pointer, value, handler, format, descr)

#endif
