/* What vmm says of the machine: processor, where memory ends, which functions are for passthrough. */
#include "kshim/kernel/state.h"

#include <stdlib.h>

#include <machine/vmm.h>
#include <sys/kdb.h>
#include <sys/smp.h>
#include <vmm_mem.h>
#include <vmm_util.h>

bool vmm_is_intel(void)
{
	return kshim_enter_now()->options.processor == IOMMUSIM_KERNEL_INTEL;
}

bool vmm_is_svm(void)
{
	return kshim_enter_now()->options.processor == IOMMUSIM_KERNEL_AMD;
}

bool vmm_is_amd(void)
{
	return vmm_is_svm();
}

bool vmm_supports_1G_pages(void)
{
	return kshim_enter_now()->options.processor != IOMMUSIM_KERNEL_OTHER;
}

vm_paddr_t vmm_mem_maxaddr(void)
{
	return kshim_enter_now()->maxaddr;
}

static bool lists(const char *list, int bus, int slot, int func)
{
	while (list != NULL && *list != '\0') {
		char *end;
		const long b = strtol(list, &end, 10);
		const long s = *end == '/' ? strtol(end + 1, &end, 10) : -1;
		const long f = *end == '/' ? strtol(end + 1, &end, 10) : -1;

		if (end == list)
			return false;
		if (b == bus && s == slot && f == func)
			return true;
		list = end + strspn(end, " \t");
		if (list == end && *end != '\0')
			return false;
	}
	return false;
}

int vmm_is_pptdev(int bus, int slot, int func)
{
	static const char *const names[] = { "pptdevs", "pptdevs2", "pptdevs3" };
	struct iommusim_kernel *kernel = kshim_enter_now();

	for (size_t i = 0; i < nitems(names); i++)
		if (lists(iommusim_kernel_tunable(kernel, names[i]), bus, slot, func))
			return 1;
	return 0;
}

void smp_rendezvous(
    void (*setup)(void *), void (*action)(void *), void (*teardown)(void *), void *argument)
{
	kshim_enter_now();
	if (setup != NULL)
		setup(argument);
	if (action != NULL)
		action(argument);
	if (teardown != NULL)
		teardown(argument);
}

void smp_no_rendezvous_barrier(void *argument)
{
	(void)argument;
}

void kdb_enter(const char *why, const char *message)
{
	iommusim_kernel_printf("KDB: enter: %s (%s)\n", message, why != NULL ? why : "unset");
}

void kdb_backtrace(void)
{
	iommusim_kernel_printf("KDB: stack backtrace: not available here\n");
}
