/* The rig's machine, kernel and vmm, and the backend's calls. */
#include "tests/driver/rig/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/freebsd_ops.h>

#include "test/access.h"
#include "test/ops.h"

struct rig rig;
static struct test_kernel_ops kernel_ops;

void rig_must(enum iommusim_status status, const char *what)
{
	if (status == IOMMUSIM_OK)
		return;
	fprintf(stderr, "rig: %s: %s (%s)\n", what, iommusim_status_name(status),
	    rig.machine != NULL ? iommusim_machine_diagnostic(rig.machine)->text : "");
	exit(2);
}

void rig_make_machine(const struct iommusim_machine_config *config)
{
	rig_must(iommusim_machine_create(config, &rig.machine), "machine");
}

/* ---- registers ---------------------------------------------------------------------------------- */

/* Declared by a kernel header that tests do not see. */
void iommusim_kernel_panic(const char *file, int line, const char *format, ...);

static void refused(void *context, const void *place, const char *text)
{
	(void)context;
	(void)place;
	iommusim_kernel_panic("driver", 0, "%s", text);
}

static void make_registers(struct iommusim_kernel_registers *registers)
{
	rig_must(iommusim_test_access.create(rig.machine, &rig.access), "access");
	iommusim_test_access.on_refused(rig.access, refused, NULL);
	rig_must(iommusim_test_access.attach(rig.access), "access");
	*registers = (struct iommusim_kernel_registers){ .context = rig.access,
		.map = iommusim_test_access.map,
		.sync = iommusim_test_access.sync,
		.no_signals = !iommusim_test_access.by_signals };
}

const char *rig_access(void)
{
	return iommusim_test_access.name;
}

uint64_t rig_unseen(void)
{
	return iommusim_test_access.unmarked(rig.access);
}

/* ---- the kernel ---------------------------------------------------------------------------------- */

void rig_make_kernel(const struct iommusim_kernel_options *wanted)
{
	struct iommusim_kernel_options options = *wanted;

	make_registers(&options.registers);
	rig_must(iommusim_kernel_create(rig.machine, &options, &rig.kernel), "kernel");
	rig_must(iommusim_kernel_boot(rig.kernel, NULL), "boot");
	rig_must(iommusim_kernel_attach(rig.kernel, NULL), "devices");
}

bool rig_call(void (*function)(void *context), void *context)
{
	struct iommusim_kernel_result result;

	if (iommusim_kernel_call(rig.kernel, function, context, &result) == IOMMUSIM_OK)
		return true;
	if (result.panicked)
		snprintf(rig.panic, sizeof(rig.panic), "%s at %s:%u", result.panic.message,
		    result.panic.file, result.panic.line);
	else
		snprintf(rig.panic, sizeof(rig.panic), "locks held: %s", result.locks);
	if (!rig.panic_ends)
		return false;
	rig_notice("panic", "%s", rig.panic);
	rig_finish();
}

static void nothing_to_do(void *context)
{
	(void)context;
}

void rig_settle(void)
{
	rig_call(nothing_to_do, NULL);
}

uint64_t rig_memory(void)
{
	uint64_t bytes;

	iommusim_kernel_memory(rig.kernel, NULL, &bytes);
	return bytes;
}

int64_t rig_sysctl(const char *name)
{
	int64_t value;

	rig_must(iommusim_kernel_sysctl_number(rig.kernel, name, &value), name);
	return value;
}

/* ---- vmm ------------------------------------------------------------------------------------------ */

static bool run_op(void *context, void (*function)(void *argument), void *argument)
{
	(void)context;
	rig.calls++;
	return rig_call(function, argument);
}

#ifdef IOMMUSIM_KSHIM_ERROR_OPS

static struct iommusim_error_ops table;

static void *device_of(uint16_t rid)
{
	struct iommusim_kernel_device device;

	return iommusim_kernel_pci_device(rig.kernel, 0, rid, &device) == IOMMUSIM_OK ? device.device
										      : NULL;
}

/* The kernel's table ends before `device`. */
static void choose_shim(const void *backend)
{
	memcpy(&table, backend, offsetof(struct iommusim_error_ops, device));
	table.device = device_of;
	kernel_ops.shim = &iommusim_error_ops_shim;
	kernel_ops.table = &table;
}

const char *rig_shape(void)
{
	return "error";
}

#else

static void choose_shim(const void *backend)
{
	kernel_ops.shim = &iommusim_void_ops_shim;
	kernel_ops.table = (void *)(uintptr_t)backend;
}

const char *rig_shape(void)
{
	return "void";
}

#endif

const struct iommusim_ops *rig_ops(void **context)
{
	*context = &kernel_ops;
	return &test_ops;
}

const struct iommusim_ops *rig_bare_ops(void **context)
{
	*context = kernel_ops.table;
	return kernel_ops.shim;
}

void rig_make_vmm(enum iommusim_cpu cpu, const void *backend)
{
	const struct iommusim_vmm_config config = {
		.cpu = cpu, .ops = &test_ops, .ops_context = &kernel_ops
	};

	choose_shim(backend);
	kernel_ops.run = run_op;
	rig_must(iommusim_vmm_create(rig.machine, &config, &rig.vmm), "vmm");
}

void rig_make_check(void)
{
	rig_must(iommusim_check_create(rig.vmm, &rig.check), "checker");
}

void rig_give_driver(uint16_t segment, uint16_t rid, enum iommusim_driver driver)
{
	rig_must(iommusim_device_attach(rig.vmm, segment, rid, driver), "driver");
}

void rig_destroy(void)
{
	iommusim_check_destroy(rig.check);
	iommusim_vmm_destroy(rig.vmm);
	iommusim_kernel_destroy(rig.kernel);
	if (rig.access != NULL)
		iommusim_test_access.destroy(rig.access);
	iommusim_machine_destroy(rig.machine);
	memset(&rig, 0, sizeof(rig));
}
