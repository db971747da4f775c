/* A kernel's life: made over a machine, entered by a thread, called into; and the way out of a panic. */
#include "kshim/kernel/state.h"

#include <stdio.h>
#include <stdlib.h>

#include <sys/smp.h>

#include <machine/md_var.h>

#include <iommusim/acpi.h>

_Thread_local struct iommusim_kernel *kshim_here;
_Thread_local const char *panicstr;
_Thread_local int bootverbose;
_Thread_local int cold;
_Thread_local long physmem;
_Thread_local long Maxmem;
_Thread_local long realmem;
_Thread_local int mp_ncpus = 1;
_Thread_local int mp_maxid;
_Thread_local int smp_started;
_Thread_local struct iommusim_cpuset all_cpus;
_Thread_local int vm_ndomains = 1;
_Thread_local u_int cpu_vendor_id;
_Thread_local u_int cpu_clflush_line_size = CACHE_LINE_SIZE;
_Thread_local u_int cpu_maxphyaddr = IOMMUSIM_PHYSICAL_BITS;

SET_DECLARE(sysinit_set, const struct sysinit);
SET_DECLARE(sysuninit_set, const struct sysinit);
SET_DECLARE(iommusim_modules, const struct iommusim_module);
SET_DECLARE(iommusim_drivers, const struct driver_module_data);

char *kshim_copy(const char *text)
{
	const size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	if (copy != NULL)
		memcpy(copy, text, size);
	return copy;
}

static uint64_t end_of_ram(struct iommusim_kernel *kernel)
{
	struct iommusim_memory_window window;
	uint64_t end = 0;

	for (size_t i = 0; iommusim_memory_window(kernel->machine, i, &window) == IOMMUSIM_OK; i++)
		if (window.kind == IOMMUSIM_MEMORY_RAM)
			end = window.base + window.length;
	return end;
}

static void lists_init(struct iommusim_kernel *kernel)
{
	TAILQ_INIT(&kernel->mappings);
	TAILQ_INIT(&kernel->held);
	TAILQ_INIT(&kernel->tunables);
	TAILQ_INIT(&kernel->sysctls);
	TAILQ_INIT(&kernel->handlers);
	TAILQ_INIT(&kernel->callouts);
	TAILQ_INIT(&kernel->tasks);
	TAILQ_INIT(&kernel->classes);
	TAILQ_INIT(&kernel->drivers);
	TAILQ_INIT(&kernel->guests);
}

static enum iommusim_status take_options(struct iommusim_kernel *kernel)
{
	const struct iommusim_kernel_options *options = &kernel->options;
	enum iommusim_status status = IOMMUSIM_OK;

	for (size_t i = 0; i < options->tunable_count && status == IOMMUSIM_OK; i++)
		status = iommusim_kernel_set_tunable(
		    kernel, options->tunables[i].name, options->tunables[i].value);
	for (size_t i = 0; i < options->table_count && status == IOMMUSIM_OK; i++)
		status = iommusim_acpi_install(
		    kernel->machine, options->tables[i].bytes, options->tables[i].length);
	kernel->options.tunables = NULL;
	kernel->options.tables = NULL;
	return status;
}

static enum iommusim_status make(struct iommusim_kernel *kernel)
{
	enum iommusim_status status;

	kernel->maxaddr = kernel->options.maxaddr != 0 ? kernel->options.maxaddr : end_of_ram(kernel);
	kernel->random = UINT64_C(0x9e3779b97f4a7c15);
	kernel->console = calloc(1, 1);
	if (kernel->console == NULL)
		return IOMMUSIM_ENOMEM;
	if (!kshim_arena_make(kernel, &kernel->options))
		return kernel->arena.pages == 0 ? IOMMUSIM_EINVAL : IOMMUSIM_ENOMEM;
	if (!kshim_address_make(kernel, &status))
		return status;
	status = take_options(kernel);
	if (status != IOMMUSIM_OK)
		return status;
	iommusim_kernel_lock_init(
	    &kernel->giant.lock_object, "Giant", IOMMUSIM_LOCK_MUTEX, true, true, __FILE__, __LINE__);
	if (!kshim_sysctls_make(kernel) || !kshim_devices_make(kernel))
		return IOMMUSIM_ENOMEM;
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_kernel_create(struct iommusim_machine *machine,
    const struct iommusim_kernel_options *options, struct iommusim_kernel **out)
{
	struct iommusim_kernel *kernel, *before = kshim_here;
	enum iommusim_status status;

	if (out == NULL)
		return IOMMUSIM_EINVAL;
	*out = NULL;
	if (machine == NULL)
		return IOMMUSIM_EINVAL;
	kernel = calloc(1, sizeof(*kernel));
	if (kernel == NULL)
		return IOMMUSIM_ENOMEM;
	kernel->machine = machine;
	if (options != NULL)
		kernel->options = *options;
	if (kernel->options.ticks_per_microsecond == 0)
		kernel->options.ticks_per_microsecond = 1;
	if (kernel->options.cpus == 0)
		kernel->options.cpus = 1;
	lists_init(kernel);
	iommusim_kernel_enter(kernel);
	status = make(kernel);
	if (status != IOMMUSIM_OK) {
		iommusim_kernel_destroy(kernel);
		iommusim_kernel_enter(before);
		return status;
	}
	iommusim_kernel_enter(kernel);
	*out = kernel;
	return IOMMUSIM_OK;
}

void iommusim_kernel_destroy(struct iommusim_kernel *kernel)
{
	if (kernel == NULL)
		return;
	kshim_devices_free(kernel);
	kshim_guests_free(kernel);
	kshim_handlers_free(kernel);
	kshim_sysctls_free(kernel);
	kshim_tunables_free(kernel);
	kshim_address_free(kernel);
	kshim_arena_free(&kernel->arena);
	free(kernel->console);
	if (kshim_here == kernel)
		iommusim_kernel_enter(NULL);
	free(kernel);
}

struct iommusim_kernel *iommusim_kernel_enter(struct iommusim_kernel *kernel)
{
	struct iommusim_kernel *before = kshim_here;

	kshim_here = kernel;
	panicstr = NULL;
	if (kernel == NULL)
		return before;
	bootverbose = kernel->options.verbose;
	cold = !kernel->booted;
	Maxmem = (long)(kernel->maxaddr >> PAGE_SHIFT);
	physmem = realmem = Maxmem;
	mp_ncpus = (int)kernel->options.cpus;
	mp_maxid = mp_ncpus - 1;
	smp_started = mp_ncpus > 1;
	CPU_ZERO(&all_cpus);
	for (int i = 0; i < mp_ncpus; i++)
		CPU_SET(i, &all_cpus);
	cpu_vendor_id = kernel->options.processor == IOMMUSIM_KERNEL_INTEL ? CPU_VENDOR_INTEL
	    : kernel->options.processor == IOMMUSIM_KERNEL_AMD             ? CPU_VENDOR_AMD
									   : 0;
	kshim_time_refresh(kernel);
	return before;
}

struct iommusim_kernel *iommusim_kernel_current(void)
{
	return kshim_here;
}

/* ---- panic -------------------------------------------------------------------------------------------------- */

/* The locks that a call leaves behind are let go while they are there: they may lie on its stack. */
static void let_go(struct iommusim_kernel *kernel)
{
	kernel->locks_at_exit = kshim_locks_held(kernel) - kernel->locks_before;
	kshim_locks_describe(kernel, kernel->lock_names, sizeof(kernel->lock_names));
	kshim_locks_forget(kernel, kernel->locks_before);
}

static void __dead2 leave(struct iommusim_kernel *kernel)
{
	panicstr = kernel->panic.message;
	if (kernel->exit != NULL) {
		let_go(kernel);
		siglongjmp(*kernel->exit, 1);
	}
	if (kernel->options.panicked != NULL)
		kernel->options.panicked(kernel->options.panicked_context, &kernel->panic);
	fprintf(stderr, "panic: %s\n  at %s:%u, outside iommusim_kernel_call()\n",
	    kernel->panic.message, kernel->panic.file, kernel->panic.line);
	abort();
}

static void __dead2 panic_with(
    bool assertion, const char *file, int line, const char *format, va_list arguments)
{
	struct iommusim_kernel *kernel = kshim_here;
	size_t length;

	if (kernel == NULL) {
		fprintf(stderr, "panic at %s:%d, and the thread has entered no kernel\n", file, line);
		abort();
	}
	kshim_format_text(kernel->panic.message, sizeof(kernel->panic.message), format, arguments);
	length = strlen(kernel->panic.message);
	while (length > 0 && kernel->panic.message[length - 1] == '\n')
		kernel->panic.message[--length] = '\0';
	kernel->panic.file = file;
	kernel->panic.line = (unsigned)line;
	kernel->panic.assertion = assertion;
	if (kernel->options.registers.sync != NULL)
		kernel->options.registers.sync(kernel->options.registers.context);
	kshim_console_add(kernel, "panic: ", 7);
	kshim_console_add(kernel, kernel->panic.message, length);
	kshim_console_add(kernel, "\n", 1);
	leave(kernel);
}

void iommusim_kernel_vpanic(IOMMUSIM_PLACE_ARGS, const char *format, va_list arguments)
{
	panic_with(false, file, line, format, arguments);
}

void iommusim_kernel_panic(IOMMUSIM_PLACE_ARGS, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	panic_with(false, file, line, format, arguments);
}

void iommusim_kernel_kassert(IOMMUSIM_PLACE_ARGS, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	panic_with(true, file, line, format, arguments);
}

void kshim_panic_at(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	panic_with(false, file, line, format, arguments);
}

/* ---- calls ---------------------------------------------------------------------------------------------------- */

struct iommusim_kernel *kshim_enter_quickly(void)
{
	struct iommusim_kernel *kernel = kshim_here;

	if (__builtin_expect(kernel == NULL, 0)) {
		fprintf(stderr, "a kernel function was called, and the thread has entered no kernel\n");
		abort();
	}
	if (kernel->options.registers.sync != NULL)
		kernel->options.registers.sync(kernel->options.registers.context);
	return kernel;
}

void kshim_dispatch(struct iommusim_kernel *kernel)
{
	if (kernel->dispatching || kernel->interrupts_off > 0 || kernel->thread.td_critnest > 0 ||
	    !TAILQ_EMPTY(&kernel->held))
		return;
	kernel->dispatching = true;
	while (kshim_interrupts_waiting(kernel) || kshim_callouts_due(kernel) ||
	    !TAILQ_EMPTY(&kernel->tasks)) {
		kshim_interrupts_dispatch(kernel);
		kshim_callouts_run(kernel);
		kshim_tasks_run(kernel);
	}
	kernel->dispatching = false;
}

struct iommusim_kernel *kshim_enter_now(void)
{
	struct iommusim_kernel *kernel = kshim_enter_quickly();

	if (kernel->running)
		kshim_dispatch(kernel);
	return kernel;
}

/* What a call must find again when it is left by a panic. */
struct frame {
	sigjmp_buf jump;
	sigjmp_buf *outer;
	struct iommusim_kernel *before;
	size_t locks_before;
	int critical, interrupts_off;
	bool running, dispatching;
	bool panicked;
};

static void settle(
    struct iommusim_kernel *kernel, struct frame *frame, struct iommusim_kernel_result *result)
{
	if (kernel->options.registers.sync != NULL)
		kernel->options.registers.sync(kernel->options.registers.context);
	result->panicked = frame->panicked;
	if (frame->panicked)
		result->panic = kernel->panic;
	result->locks_held = kernel->locks_at_exit;
	if (result->locks_held > 0)
		memcpy(result->locks, kernel->lock_names, sizeof(result->locks));
	kernel->locks_before = frame->locks_before;
	kernel->thread.td_critnest = frame->critical;
	kernel->interrupts_off = frame->interrupts_off;
	kernel->exit = frame->outer;
	kernel->running = frame->running;
	kernel->dispatching = frame->dispatching;
	iommusim_kernel_enter(frame->before);
}

/*
 * What a panic comes back to. Of its own, and not to be inlined: no variable of the caller may be in a register that
 * the way back does not restore.
 */
static __attribute__((noinline)) void run(
    struct iommusim_kernel *kernel, struct frame *frame, void (*function)(void *context), void *context)
{
	struct frame *volatile kept = frame;

	if (sigsetjmp(frame->jump, !kernel->options.registers.no_signals) != 0) {
		kept->panicked = true;
		return;
	}
	kshim_dispatch(kernel);
	function(context);
	kshim_enter_now();
	let_go(kernel);
}

enum iommusim_status iommusim_kernel_call(struct iommusim_kernel *kernel,
    void (*function)(void *context), void *context, struct iommusim_kernel_result *out)
{
	struct iommusim_kernel_result unwanted;
	struct iommusim_kernel_result *result = out != NULL ? out : &unwanted;
	struct frame frame = { .outer = kernel->exit,
		.before = kshim_here,
		.locks_before = kernel->locks_before,
		.critical = kernel->thread.td_critnest,
		.interrupts_off = kernel->interrupts_off,
		.running = kernel->running,
		.dispatching = kernel->dispatching };
	bool critical;

	memset(result, 0, sizeof(*result));
	iommusim_kernel_enter(kernel);
	kernel->exit = &frame.jump;
	kernel->locks_before = kshim_locks_held(kernel);
	kernel->running = true;
	run(kernel, &frame, function, context);
	critical = kernel->thread.td_critnest > frame.critical ||
	    kernel->interrupts_off > frame.interrupts_off;
	settle(kernel, &frame, result);
	if (result->panicked)
		return IOMMUSIM_EFAULT;
	return !frame.running && (result->locks_held > 0 || critical) ? IOMMUSIM_EBUSY : IOMMUSIM_OK;
}

/* ---- start and end ---------------------------------------------------------------------------------------------- */

/* One thing that is started. */
struct start {
	unsigned subsystem, order;
	size_t number; /* in its set: breaks ties */
	const struct sysinit *init;
	const struct iommusim_module *module;
	const struct driver_module_data *driver;
};

static int in_order(const void *left, const void *right)
{
	const struct start *a = left, *b = right;

	if (a->subsystem != b->subsystem)
		return a->subsystem < b->subsystem ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static struct start *collect(size_t *count)
{
	const size_t inits = SET_COUNT(sysinit_set), modules = SET_COUNT(iommusim_modules),
		     drivers = SET_COUNT(iommusim_drivers);
	struct start *list = calloc(inits + modules + drivers + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list != NULL && i < inits; i++) {
		const struct sysinit *init = SET_ITEM(sysinit_set, i);

		list[n] = (struct start){ init->subsystem, init->order, n, init, NULL, NULL };
		n++;
	}
	for (size_t i = 0; list != NULL && i < modules; i++) {
		const struct iommusim_module *module = SET_ITEM(iommusim_modules, i);

		list[n] = (struct start){ module->subsystem, module->order, n, NULL, module, NULL };
		n++;
	}
	for (size_t i = 0; list != NULL && i < drivers; i++) {
		const struct driver_module_data *driver = SET_ITEM(iommusim_drivers, i);

		list[n] = (struct start){ SI_SUB_DRIVERS, driver->order, n, NULL, NULL, driver };
		n++;
	}
	if (list != NULL)
		qsort(list, n, sizeof(*list), in_order);
	*count = n;
	return list;
}

static int tell_module(struct iommusim_kernel *kernel, const moduledata_t *data, int what)
{
	char text[128];
	int error;

	if (data->evhand == NULL)
		return 0;
	error = data->evhand((module_t)(uintptr_t)data, what, data->priv);
	if (error == 0)
		return 0;
	snprintf(text, sizeof(text), "module %s: event %d failed, error %d\n", data->name, what, error);
	kshim_console_add(kernel, text, strlen(text));
	return error;
}

struct boot {
	struct iommusim_kernel *kernel;
	struct start *list;
	size_t count;
};

static void boot(void *context)
{
	struct boot *boot = context;

	kshim_tunables_fetch(boot->kernel);
	kshim_sysctls_fetch(boot->kernel);
	for (size_t i = 0; i < boot->count; i++) {
		const struct start *start = &boot->list[i];

		if (start->init != NULL)
			start->init->func(start->init->udata);
		if (start->module != NULL)
			tell_module(boot->kernel, start->module->data, MOD_LOAD);
		if (start->driver != NULL)
			kshim_drivers_register(boot->kernel, start->driver);
	}
	cold = 0;
}

enum iommusim_status iommusim_kernel_boot(
    struct iommusim_kernel *kernel, struct iommusim_kernel_result *result)
{
	struct boot context = { .kernel = kernel };
	enum iommusim_status status;

	if (kernel->booted)
		return IOMMUSIM_EEXIST;
	kernel->booted = true;
	context.list = collect(&context.count);
	if (context.list == NULL)
		return IOMMUSIM_ENOMEM;
	status = iommusim_kernel_call(kernel, boot, &context, result);
	free(context.list);
	return status;
}

static void attach(void *context)
{
	struct iommusim_kernel *kernel = context;

	kshim_drivers_identify(kernel);
	kshim_devices_attach(kernel, kernel->root);
}

enum iommusim_status iommusim_kernel_attach(
    struct iommusim_kernel *kernel, struct iommusim_kernel_result *result)
{
	if (!kshim_pci_enumerate(kernel))
		return IOMMUSIM_ENOMEM;
	return iommusim_kernel_call(kernel, attach, kernel, result);
}

/* A driver or module may refuse; then all that comes after it stays, as when kldunload(8) fails. */
static void shut_down(void *context)
{
	struct iommusim_kernel *kernel = context;

	if (device_delete_children(kernel->nexus) != 0)
		return;
	for (; kernel->modules_unloaded < SET_COUNT(iommusim_modules); kernel->modules_unloaded++) {
		const size_t i = SET_COUNT(iommusim_modules) - 1 - kernel->modules_unloaded;

		if (tell_module(kernel, SET_ITEM(iommusim_modules, i)->data, MOD_UNLOAD) != 0)
			return;
	}
	kernel->down = true;
	for (size_t i = SET_COUNT(sysuninit_set); i-- > 0;)
		SET_ITEM(sysuninit_set, i)->func(SET_ITEM(sysuninit_set, i)->udata);
}

enum iommusim_status iommusim_kernel_shutdown(
    struct iommusim_kernel *kernel, struct iommusim_kernel_result *result)
{
	enum iommusim_status status;

	if (!kernel->booted || kernel->down)
		return IOMMUSIM_EINVAL;
	status = iommusim_kernel_call(kernel, shut_down, kernel, result);
	return status == IOMMUSIM_OK && !kernel->down ? IOMMUSIM_EBUSY : status;
}
