/* Sysctls: the sources' records and those made while running, one list by full name; requests of drivers and tests. */
#include "kshim/kernel/state.h"

#include <stdio.h>
#include <stdlib.h>

SET_DECLARE(iommusim_sysctls, struct sysctl_oid);

#define NAME_MAX_LENGTH 256

/* Nodes that a kernel has before any driver is there. */
static const struct {
	const char *token, *name;
} roots[] = {
	{ "_hw", "hw" },
	{ "_kern", "kern" },
	{ "_vm", "vm" },
	{ "_dev", "dev" },
	{ "_debug", "debug" },
	{ "_machdep", "machdep" },
	{ "_compat", "compat" },
	{ "_hw_vmm", "hw.vmm" },
	{ "_hw_pci", "hw.pci" },
	{ "_hw_dmar", "hw.dmar" },
	{ "_hw_iommu", "hw.iommu" },
	{ "_debug_acpi", "debug.acpi" },
};

/*
 * The name a parent's token stands for: of a node that some source declares, its parent's and its own; else the token
 * itself with dots.
 */
static void name_of_token(const char *token, char *name, unsigned depth)
{
	for (size_t i = 0; i < nitems(roots); i++)
		if (strcmp(token, roots[i].token) == 0) {
			iommusim_kernel_strlcpy(name, roots[i].name, NAME_MAX_LENGTH);
			return;
		}
	for (size_t i = 0; depth < 16 && i < SET_COUNT(iommusim_sysctls); i++) {
		const struct sysctl_oid *oid = SET_ITEM(iommusim_sysctls, i);
		char own[NAME_MAX_LENGTH];

		snprintf(own, sizeof(own), "%s_%s", oid->parent, oid->oid_name);
		if ((oid->oid_kind & CTLTYPE) != CTLTYPE_NODE || strcmp(own, token) != 0)
			continue;
		name_of_token(oid->parent, name, depth + 1);
		if (*name != '\0')
			iommusim_kernel_strlcat(name, ".", NAME_MAX_LENGTH);
		iommusim_kernel_strlcat(name, oid->oid_name, NAME_MAX_LENGTH);
		return;
	}
	iommusim_kernel_strlcpy(name, *token == '_' ? token + 1 : token, NAME_MAX_LENGTH);
	for (; *name != '\0'; name++)
		if (*name == '_')
			*name = '.';
}

static struct sysctl_node *find(struct iommusim_kernel *kernel, const char *name)
{
	struct sysctl_node *node;

	TAILQ_FOREACH (node, &kernel->sysctls, link)
		if (strcmp(node->name, name) == 0)
			return node;
	return NULL;
}

static struct sysctl_node *add(struct iommusim_kernel *kernel, const char *name, struct sysctl_oid *oid)
{
	struct sysctl_node *node = calloc(1, sizeof(*node)), *after;

	if (node == NULL)
		return NULL;
	node->name = kshim_copy(name);
	node->oid = oid != NULL ? oid : &node->own;
	if (node->name == NULL) {
		free(node);
		return NULL;
	}
	after = TAILQ_FIRST(&kernel->sysctls);
	while (after != NULL && strcmp(after->name, name) <= 0)
		after = TAILQ_NEXT(after, link);
	if (after != NULL)
		TAILQ_INSERT_BEFORE(after, node, link);
	else
		TAILQ_INSERT_TAIL(&kernel->sysctls, node, link);
	return node;
}

static void release(struct sysctl_node *node)
{
	free(node->name);
	free(node->owned_name);
	free(node);
}

bool kshim_sysctls_make(struct iommusim_kernel *kernel)
{
	char name[NAME_MAX_LENGTH];

	for (size_t i = 0; i < SET_COUNT(iommusim_sysctls); i++) {
		struct sysctl_oid *oid = SET_ITEM(iommusim_sysctls, i);

		name_of_token(oid->parent, name, 0);
		if (*name != '\0')
			iommusim_kernel_strlcat(name, ".", sizeof(name));
		iommusim_kernel_strlcat(name, oid->oid_name, sizeof(name));
		if (add(kernel, name, oid) == NULL)
			return false;
	}
	return true;
}

void kshim_sysctls_free(struct iommusim_kernel *kernel)
{
	struct sysctl_node *node;

	while ((node = TAILQ_FIRST(&kernel->sysctls)) != NULL) {
		TAILQ_REMOVE(&kernel->sysctls, node, link);
		release(node);
	}
}

/* ---- made while running -------------------------------------------------------------------------------------- */

/* A list is known by the address of the node above it. Static nodes without one are made here. */
struct sysctl_oid_list *iommusim_kernel_sysctl_children(struct sysctl_oid *oid)
{
	return (struct sysctl_oid_list *)oid;
}

struct sysctl_oid_list *iommusim_kernel_sysctl_static_children(const char *token)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	char name[NAME_MAX_LENGTH];
	struct sysctl_node *node;

	name_of_token(token, name, 0);
	node = find(kernel, name);
	if (node == NULL) {
		node = add(kernel, name, NULL);
		if (node != NULL)
			node->own.oid_kind = CTLTYPE_NODE;
	}
	return node == NULL ? NULL : (struct sysctl_oid_list *)node->oid;
}

static struct sysctl_node *node_of(struct iommusim_kernel *kernel, const struct sysctl_oid *oid)
{
	struct sysctl_node *node;

	TAILQ_FOREACH (node, &kernel->sysctls, link)
		if (node->oid == oid)
			return node;
	return NULL;
}

static void fetch(struct iommusim_kernel *kernel, struct sysctl_node *node)
{
	const unsigned kind = node->oid->oid_kind;
	const char *value = iommusim_kernel_tunable(kernel, node->name);

	if ((kind & CTLFLAG_TUN) == 0 || (kind & CTLFLAG_NOFETCH) != 0 || value == NULL ||
	    (kind & CTLTYPE) == CTLTYPE_NODE)
		return;
	node->oid->oid_kind |= CTLFLAG_WR;
	iommusim_kernel_sysctl_write(kernel, node->name, value);
	node->oid->oid_kind = kind;
}

void kshim_sysctls_fetch(struct iommusim_kernel *kernel)
{
	struct sysctl_node *node;

	TAILQ_FOREACH (node, &kernel->sysctls, link)
		fetch(kernel, node);
}

struct sysctl_oid *iommusim_kernel_sysctl_add(struct sysctl_ctx_list *context,
    struct sysctl_oid_list *under, const char *name, unsigned kind, void *pointer, intmax_t value,
    int (*handler)(SYSCTL_HANDLER_ARGS), const char *format, const char *descr)
{
	struct iommusim_kernel *kernel = kshim_enter_now();
	struct sysctl_node *parent = node_of(kernel, (struct sysctl_oid *)under), *node;
	char full[NAME_MAX_LENGTH];

	if (parent == NULL)
		return NULL;
	snprintf(full, sizeof(full), "%s.%s", parent->name, name);
	node = find(kernel, full);
	if (node != NULL)
		return (kind & CTLTYPE) == CTLTYPE_NODE ? node->oid : NULL;
	node = add(kernel, full, NULL);
	if (node == NULL)
		return NULL;
	node->owned_name = kshim_copy(name);
	node->context = context;
	node->own = (struct sysctl_oid){ .oid_name = node->owned_name,
		.oid_kind = kind,
		.oid_arg1 = pointer,
		.oid_arg2 = value,
		.oid_handler = handler,
		.oid_fmt = format,
		.oid_descr = descr };
	fetch(kernel, node);
	return &node->own;
}

int sysctl_ctx_init(struct sysctl_ctx_list *context)
{
	context->initialised = 1;
	return 0;
}

int sysctl_ctx_free(struct sysctl_ctx_list *context)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();
	struct sysctl_node *node, *next;

	for (node = TAILQ_FIRST(&kernel->sysctls); node != NULL; node = next) {
		next = TAILQ_NEXT(node, link);
		if (node->context != context)
			continue;
		TAILQ_REMOVE(&kernel->sysctls, node, link);
		release(node);
	}
	return 0;
}

/* ---- handlers ---------------------------------------------------------------------------------------------------- */

int iommusim_kernel_sysctl_out(struct sysctl_req *req, const void *from, size_t length)
{
	if (req->oldptr != NULL && req->oldidx + length > req->oldlen)
		return ENOMEM;
	if (req->oldptr != NULL)
		memcpy((char *)req->oldptr + req->oldidx, from, length);
	req->oldidx += length;
	return 0;
}

int iommusim_kernel_sysctl_in(struct sysctl_req *req, void *to, size_t length)
{
	if (req->newptr == NULL)
		return 0;
	if (req->newlen - req->newidx < length)
		return EINVAL;
	memcpy(to, (const char *)req->newptr + req->newidx, length);
	req->newidx += length;
	return 0;
}

static int handle(void *variable, intmax_t constant, size_t size, struct sysctl_req *req)
{
	int error;

	if (variable == NULL && req->newptr != NULL)
		return EPERM;
	error = SYSCTL_OUT(req, variable != NULL ? variable : &constant, size);
	return error != 0 || req->newptr == NULL ? error : SYSCTL_IN(req, variable, size);
}

#define HANDLER(name, type)                                                                            \
	int name(SYSCTL_HANDLER_ARGS)                                                                  \
	{                                                                                              \
		(void)oidp;                                                                            \
		return handle(arg1, arg2, sizeof(type), req);                                          \
	}
HANDLER(sysctl_handle_8, uint8_t)
HANDLER(sysctl_handle_16, uint16_t)
HANDLER(sysctl_handle_32, uint32_t)
HANDLER(sysctl_handle_64, uint64_t)
HANDLER(sysctl_handle_int, int)
HANDLER(sysctl_handle_long, long)

int sysctl_handle_bool(SYSCTL_HANDLER_ARGS)
{
	uint8_t value = arg1 != NULL ? *(const bool *)arg1 : arg2 != 0;
	int error = handle(&value, 0, sizeof(value), req);

	(void)oidp;
	if (error != 0 || req->newptr == NULL || arg1 == NULL)
		return req->newptr != NULL && arg1 == NULL ? EPERM : error;
	if (value > 1)
		error = EINVAL;
	else
		*(bool *)arg1 = value != 0;
	return error;
}

int sysctl_handle_string(SYSCTL_HANDLER_ARGS)
{
	int error = SYSCTL_OUT_STR(req, (const char *)arg1);

	(void)oidp;
	if (error != 0 || req->newptr == NULL)
		return error;
	if (arg2 <= 0 || req->newlen >= (size_t)arg2)
		return EINVAL;
	memcpy(arg1, req->newptr, req->newlen);
	((char *)arg1)[req->newlen] = '\0';
	return 0;
}

int sysctl_handle_opaque(SYSCTL_HANDLER_ARGS)
{
	(void)oidp;
	return handle(arg1, 0, (size_t)arg2, req);
}

/* ---- what a test reads and writes ------------------------------------------------------------------------------ */

struct request {
	struct sysctl_oid *oid;
	struct sysctl_req req;
	int error;
};

static void run(void *context)
{
	struct request *request = context;
	struct sysctl_oid *oid = request->oid;

	request->error = oid->oid_handler(oid, oid->oid_arg1, oid->oid_arg2, &request->req);
}

/* Bytes of a number of a type, 0: no number. */
static size_t width_of(unsigned kind, bool *is_signed)
{
	*is_signed = false;
	switch (kind & CTLTYPE) {
	case CTLTYPE_INT:
	case CTLTYPE_S32:
		*is_signed = true;
		/* FALLTHROUGH */
	case CTLTYPE_UINT:
	case CTLTYPE_U32:
		return 4;
	case CTLTYPE_LONG:
	case CTLTYPE_S64:
		*is_signed = true;
		/* FALLTHROUGH */
	case CTLTYPE_ULONG:
	case CTLTYPE_U64:
		return 8;
	case CTLTYPE_S16:
		*is_signed = true;
		/* FALLTHROUGH */
	case CTLTYPE_U16:
		return 2;
	case CTLTYPE_S8:
		*is_signed = true;
		/* FALLTHROUGH */
	case CTLTYPE_U8:
		return 1;
	default:
		return 0;
	}
}

static enum iommusim_status request_of(
    struct iommusim_kernel *kernel, const char *name, struct request *request)
{
	struct sysctl_node *node = find(kernel, name);

	if (node == NULL)
		return IOMMUSIM_ENOENT;
	if (node->oid->oid_handler == NULL)
		return IOMMUSIM_EINVAL;
	*request = (struct request){ .oid = node->oid };
	return IOMMUSIM_OK;
}

static enum iommusim_status perform(struct iommusim_kernel *kernel, struct request *request)
{
	const enum iommusim_status status = iommusim_kernel_call(kernel, run, request, NULL);

	if (status != IOMMUSIM_OK)
		return status;
	return request->error == 0     ? IOMMUSIM_OK
	    : request->error == EINVAL ? IOMMUSIM_EINVAL
				       : IOMMUSIM_EIO;
}

static int64_t number_in(const void *bytes, size_t width, bool is_signed)
{
	uint64_t value = 0;

	memcpy(&value, bytes, width);
	if (is_signed && width < 8 && (value >> (width * 8 - 1) & 1) != 0)
		value |= UINT64_MAX << width * 8;
	return (int64_t)value;
}

enum iommusim_status iommusim_kernel_sysctl_read(
    struct iommusim_kernel *kernel, const char *name, char *text, size_t size)
{
	char bytes[1024];
	struct request request;
	enum iommusim_status status = request_of(kernel, name, &request);
	bool is_signed;
	size_t width;
	int length;

	if (status != IOMMUSIM_OK)
		return status;
	request.req.oldptr = bytes;
	request.req.oldlen = sizeof(bytes) - 1;
	status = perform(kernel, &request);
	if (status != IOMMUSIM_OK)
		return status;
	width = width_of(request.oid->oid_kind, &is_signed);
	bytes[request.req.oldidx] = '\0';
	if (width == 0 || request.req.oldidx < width)
		length = snprintf(text, size, "%s", bytes);
	else if (is_signed)
		length = snprintf(text, size, "%lld", (long long)number_in(bytes, width, true));
	else
		length =
		    snprintf(text, size, "%llu", (unsigned long long)number_in(bytes, width, false));
	return (size_t)length < size ? IOMMUSIM_OK : IOMMUSIM_EINVAL;
}

enum iommusim_status iommusim_kernel_sysctl_number(
    struct iommusim_kernel *kernel, const char *name, int64_t *value)
{
	char text[64], *end;
	const enum iommusim_status status =
	    iommusim_kernel_sysctl_read(kernel, name, text, sizeof(text));

	if (status != IOMMUSIM_OK)
		return status;
	*value = *text == '-' ? strtoll(text, &end, 10) : (int64_t)strtoull(text, &end, 10);
	return end != text && *end == '\0' ? IOMMUSIM_OK : IOMMUSIM_EINVAL;
}

/* Does a number fit, read as the type has it? */
static bool fits(int64_t value, bool negative, size_t width, bool is_signed)
{
	if (width == 8)
		return true;
	if (is_signed)
		return value >= -(INT64_C(1) << (width * 8 - 1)) &&
		    value < INT64_C(1) << (width * 8 - 1);
	return !negative && value < INT64_C(1) << width * 8;
}

enum iommusim_status iommusim_kernel_sysctl_write(
    struct iommusim_kernel *kernel, const char *name, const char *text)
{
	struct request request;
	enum iommusim_status status = request_of(kernel, name, &request);
	bool is_signed;
	size_t width;
	int64_t value;
	char *end;

	if (status != IOMMUSIM_OK)
		return status;
	if ((request.oid->oid_kind & CTLFLAG_WR) == 0)
		return IOMMUSIM_EOPNOTSUPP;
	width = width_of(request.oid->oid_kind, &is_signed);
	request.req.newptr = text;
	request.req.newlen = strlen(text);
	if (width > 0) {
		value = *text == '-' ? strtoll(text, &end, 0) : (int64_t)strtoull(text, &end, 0);
		if (end == text || *end != '\0' || !fits(value, *text == '-', width, is_signed))
			return IOMMUSIM_EINVAL;
		request.req.newptr = &value;
		request.req.newlen = width;
	}
	return perform(kernel, &request);
}

const char *iommusim_kernel_sysctl_at(struct iommusim_kernel *kernel, size_t index, const char **about)
{
	const struct sysctl_node *node;

	TAILQ_FOREACH (node, &kernel->sysctls, link) {
		if ((node->oid->oid_kind & CTLTYPE) == CTLTYPE_NODE || index-- > 0)
			continue;
		if (about != NULL)
			*about = node->oid->oid_descr;
		return node->name;
	}
	return NULL;
}
