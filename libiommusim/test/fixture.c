/* A test's life: what is made in which order, and what its end asks for. */
#include "test/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommusim/memory.h>

_Thread_local struct iommusim_test_hidden *test_here;

struct iommusim_test_hidden *test_of(struct iommusim_test *test)
{
	return test->hidden;
}

void iommusim_test_at(struct iommusim_test *test, const char *file, unsigned line)
{
	struct iommusim_test_hidden *hidden = test->hidden;

	hidden->place = (struct iommusim_place){ file, line };
	if (test->check != NULL)
		iommusim_check_set_place(test->check, &hidden->place);
}

static void check(struct iommusim_test_hidden *hidden, enum iommusim_status status, const char *what)
{
	if (status != IOMMUSIM_OK)
		iommusim_test_assert_status(
		    &hidden->test, status, IOMMUSIM_OK, what, hidden->place.file, hidden->place.line);
}

/* ---- the kernel ------------------------------------------------------------------------------------------------ */

static void panicked(void *context, const struct iommusim_kernel_panic *panic)
{
	struct iommusim_test_hidden *hidden = context;

	iommusim_test_fail(&hidden->test, panic->file, panic->line, "%s: %s",
	    panic->assertion ? "assertion" : "panic", panic->message);
}

static void refused(void *context, const void *where, const char *text)
{
	struct iommusim_test_hidden *hidden = context;
	struct iommusim_place place = { 0 };

	place_find(where, &place);
	iommusim_test_fail(&hidden->test, place.file, place.line,
	    "a wild access to registers, or one that registers do not have: %s", text);
}

static void make_kernel(struct iommusim_test_hidden *hidden)
{
	struct iommusim_kernel_options options = hidden->setup.kernel;

	options.processor = hidden->processor;
	options.registers = (struct iommusim_kernel_registers){ .context = hidden->access,
		.map = iommusim_test_access.map,
		.sync = iommusim_test_access.sync,
		.no_signals = !iommusim_test_access.by_signals };
	options.panicked = panicked;
	options.panicked_context = hidden;
	check(hidden, iommusim_kernel_create(hidden->test.machine, &options, &hidden->test.kernel),
	    "making the kernel");
}

static void boot(struct iommusim_test_hidden *hidden)
{
	struct iommusim_kernel_result result;

	iommusim_kernel_boot(hidden->test.kernel, &result);
	test_settle_call(hidden, &result);
	iommusim_kernel_attach(hidden->test.kernel, &result);
	test_settle_call(hidden, &result);
}

/* ---- vmm and the checker ---------------------------------------------------------------------------------------- */

void test_settle_call(struct iommusim_test_hidden *hidden, const struct iommusim_kernel_result *result)
{
	struct iommusim_test *test = &hidden->test;

	if (hidden->test.check != NULL)
		iommusim_check_set_place(hidden->test.check, &hidden->place);
	findings_show(hidden);
	if (result->panicked)
		iommusim_test_fail(test, result->panic.file, result->panic.line, "%s: %s%s%s",
		    result->panic.assertion ? "assertion" : "panic", result->panic.message,
		    result->locks_held > 0 ? "\n  locks held: " : "", result->locks);
	if (result->locks_held > 0)
		iommusim_test_fail(test, hidden->place.file, hidden->place.line,
		    "the driver returned with locks held: %s", result->locks);
}

static bool run_op(void *context, void (*function)(void *argument), void *argument)
{
	struct iommusim_test_hidden *hidden = context;
	struct iommusim_kernel_result result;
	const enum iommusim_status status =
	    iommusim_kernel_call(hidden->test.kernel, function, argument, &result);

	test_settle_call(hidden, &result);
	if (status == IOMMUSIM_EBUSY)
		iommusim_test_fail(&hidden->test, hidden->place.file, hidden->place.line,
		    "the driver returned inside a critical section");
	return true;
}

/* A shim has no context of its own, so it asks the thread. */
static void *device_of(uint16_t rid)
{
	struct iommusim_kernel_device device;

	if (test_here == NULL ||
	    iommusim_kernel_pci_device(test_here->test.kernel, 0, rid, &device) != IOMMUSIM_OK)
		return NULL;
	return device.device;
}

/* Of the kernel's io/iommu.h, by what it was compiled with; a driver with an interface file of its own has neither. */
extern const char iommusim_kshim_has_void_ops __attribute__((weak));
extern const char iommusim_kshim_has_error_ops __attribute__((weak));

/* Calls of the other shape would seem to work, and give nonsense. */
static void check_shape(struct iommusim_test_hidden *hidden)
{
	const bool is_void = &iommusim_kshim_has_void_ops != NULL;
	const bool is_error = &iommusim_kshim_has_error_ops != NULL;

	if (is_void == is_error)
		return;
	if (is_error && hidden->setup.void_ops != NULL)
		iommusim_test_fail(&hidden->test, hidden->place.file, hidden->place.line,
		    "the driver was compiled with IOMMUSIM_KSHIM_ERROR_OPS: its iommu_ops is .error_ops, "
		    "not .void_ops");
	if (is_void && hidden->setup.void_ops == NULL)
		iommusim_test_fail(&hidden->test, hidden->place.file, hidden->place.line,
		    "the driver was compiled without IOMMUSIM_KSHIM_ERROR_OPS: its iommu_ops is .void_ops, "
		    "not .error_ops");
}

static void choose_shim(struct iommusim_test_hidden *hidden)
{
	const struct iommusim_test_setup *setup = &hidden->setup;

	check_shape(hidden);
	hidden->ops.run = run_op;
	hidden->ops.context = hidden;
	if (setup->void_ops != NULL) {
		hidden->ops.shim = &iommusim_void_ops_shim;
		hidden->ops.table = (void *)(uintptr_t)setup->void_ops;
		return;
	}
	/* The kernel's table ends before `device`. */
	memcpy(&hidden->error_ops, setup->error_ops, offsetof(struct iommusim_error_ops, device));
	hidden->error_ops.device = device_of;
	hidden->ops.shim = &iommusim_error_ops_shim;
	hidden->ops.table = &hidden->error_ops;
}

static void make_vmm(struct iommusim_test_hidden *hidden)
{
	const struct iommusim_vmm_config config = { .profile = hidden->setup.profile,
		.cpu = hidden->processor == IOMMUSIM_KERNEL_AMD ? IOMMUSIM_CPU_AMD : IOMMUSIM_CPU_INTEL,
		.ops = &test_ops,
		.ops_context = &hidden->ops };
	struct iommusim_test *test = &hidden->test;

	choose_shim(hidden);
	check(hidden, iommusim_vmm_create(test->machine, &config, &test->vmm), "loading vmm");
	check(hidden, iommusim_check_create(test->vmm, &test->check), "making the checker");
	iommusim_check_set_place(test->check, &hidden->place);
	if (hidden->processor == IOMMUSIM_KERNEL_AMD) /* off by default in vmm */
		iommusim_sysctl_set(test->vmm, "hw.vmm.amdvi.enable", 1);
}

static void give_drivers(struct iommusim_test_hidden *hidden)
{
	for (size_t i = 0; i < hidden->setup.device_count; i++) {
		const struct iommusim_test_device *device = &hidden->setup.devices[i];

		if (device->driver != IOMMUSIM_DRIVER_NONE)
			check(hidden,
			    iommusim_device_attach(hidden->test.vmm, device->function.segment,
				device->function.rid, device->driver),
			    "giving a device its driver");
	}
}

static void initialise(struct iommusim_test_hidden *hidden)
{
	const struct iommusim_text out = { .put = print_text };
	struct iommusim_init_report report;

	iommusim_iommu_init(hidden->test.vmm);
	findings_show(hidden);
	iommusim_init_report(hidden->test.vmm, &report);
	if (report.outcome == IOMMUSIM_INIT_DONE)
		return;
	iommusim_init_text(hidden->test.check, &out);
	iommusim_test_fail(&hidden->test, hidden->place.file, hidden->place.line,
	    "the driver did not initialise: %s\n%s", report.text,
	    iommusim_kernel_console(hidden->test.kernel));
}

struct iommusim_test *iommusim_test_start_at(
    const struct iommusim_test_setup *setup, const char *file, unsigned line)
{
	struct iommusim_test_hidden *hidden;
	struct iommusim_machine_config config = { .seed = 0 };
	const char *name = test_here != NULL ? test_here->name : NULL;

	test_abandon();
	hidden = calloc(1, sizeof(*hidden));
	if (hidden == NULL) {
		_fail(file, (int)line);
		__builtin_unreachable();
	}
	test_here = hidden;
	hidden->test.hidden = hidden;
	hidden->name = name;
	hidden->place = (struct iommusim_place){ file, line };
	if (setup != NULL)
		hidden->setup = *setup;
	config.device_view = hidden->setup.device_view;
	check(hidden, iommusim_machine_create(&config, &hidden->test.machine), "making the machine");
	firmware_make(hidden);
	check(hidden, iommusim_test_access.create(hidden->test.machine, &hidden->access),
	    "making the driver's register pages");
	iommusim_test_access.on_refused(hidden->access, refused, hidden);
	check(hidden, iommusim_test_access.attach(hidden->access), "catching register accesses");
	watch_start(hidden); /* before the checker, which is to know the place */
	make_kernel(hidden);
	if (hidden->setup.void_ops != NULL || hidden->setup.error_ops != NULL)
		make_vmm(hidden);
	if (!hidden->setup.no_boot)
		boot(hidden);
	if (hidden->test.vmm != NULL && !hidden->setup.no_boot)
		give_drivers(hidden);
	if (hidden->test.vmm != NULL && !hidden->setup.no_boot && !hidden->setup.no_init)
		initialise(hidden);
	return &hidden->test;
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

void test_abandon(void)
{
	struct iommusim_test_hidden *hidden = test_here;

	test_here = NULL;
	if (hidden == NULL)
		return;
	iommusim_test_access.attach(NULL);
	if (hidden->test.check != NULL)
		iommusim_check_destroy(hidden->test.check);
	iommusim_vmm_destroy(hidden->test.vmm);
	iommusim_kernel_destroy(hidden->test.kernel);
	if (hidden->access != NULL)
		iommusim_test_access.destroy(hidden->access);
	iommusim_machine_destroy(hidden->test.machine);
	free(hidden);
}

/* Accesses that the compiler did not call volatile: it may have dropped or merged others. */
static void check_marks(struct iommusim_test_hidden *hidden, const char *file, unsigned line)
{
	const uint64_t count = iommusim_test_access.unmarked(hidden->access);

	if (count > 0)
		iommusim_test_fail(&hidden->test, file, line,
		    "register accesses that were not volatile: %llu, by a wild pointer, or by one that lost its "
		    "volatile; nothing that hooks saw is sure",
		    (unsigned long long)count);
}

void iommusim_test_stop_at(struct iommusim_test *test, const char *file, unsigned line)
{
	struct iommusim_test_hidden *hidden = test->hidden;

	iommusim_test_at(test, file, line);
	iommusim_test_access.sync(hidden->access);
	check_marks(hidden, file, line);
	if (test->check != NULL) {
		iommusim_check_look(test->check);
		iommusim_check_finish(test->check);
		iommusim_test_assert_no_findings(test, file, line);
	}
	test_abandon();
}

void iommusim_test_call_at(struct iommusim_test *test, void (*function)(void *context), void *context,
    const char *file, unsigned line)
{
	struct iommusim_kernel_result result;
	enum iommusim_status status;

	iommusim_test_at(test, file, line);
	status = iommusim_kernel_call(test->kernel, function, context, &result);
	test_settle_call(test->hidden, &result);
	if (status != IOMMUSIM_OK)
		iommusim_test_fail(test, file, line, "the driver returned inside a critical section");
}

struct iommusim_vm *iommusim_test_vm_at(struct iommusim_test *test, const char *name, uint64_t memory,
    uint16_t rid, const char *file, unsigned line)
{
	const struct iommusim_vm_memory shape = { .size = memory, .contiguous = true };
	struct iommusim_vm *vm;

	if (test->vmm == NULL)
		iommusim_test_fail(test, file, line, "a VM needs a driver with iommu_ops");
	iommusim_test_at(test, file, line);
	check(test->hidden, iommusim_vm_create(test->vmm, name, &vm), "making a VM");
	check(test->hidden, iommusim_vm_setup_memory(vm, &shape), "giving a VM its memory");
	if (rid != 0)
		check(test->hidden, iommusim_vm_assign_pptdev(vm, 0, rid), "giving a VM a device");
	return vm;
}
