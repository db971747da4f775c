/* A few kernel functions and what is under them. The machine itself is the library's business. */
#include "tests/driver/kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/memory.h>

#include "tests/driver/vtd_driver.h"

struct kernel kernel;

/* Kernel functions are where a driver's register store may still be waiting to act. */
uint64_t kern_vtophys(const volatile void *address)
{
	uint64_t physical = 0;

	iommusim_hooks_sync();
	assert_int_equal(
	    iommusim_memory_physical(kernel.machine, (const void *)(uintptr_t)address, &physical),
	    IOMMUSIM_OK);
	return physical;
}

void *kern_phystov(uint64_t physical)
{
	iommusim_hooks_sync();
	return iommusim_memory_host(kernel.machine, physical, VTD_PAGE_SIZE);
}

void *kern_page_alloc(void)
{
	void *page = kernel.free_page;

	iommusim_hooks_sync();
	if (kernel.pages_used == kernel.page_limit)
		return NULL;
	if (page != NULL) {
		memcpy(&kernel.free_page, page, sizeof(kernel.free_page));
	} else {
		page = iommusim_memory_host(kernel.machine, kernel.next_page, VTD_PAGE_SIZE);
		kernel.next_page += VTD_PAGE_SIZE;
	}
	memset(page, 0, VTD_PAGE_SIZE);
	kernel.pages_used++;
	return page;
}

void kern_page_free(void *page)
{
	iommusim_hooks_sync();
	memcpy(page, &kernel.free_page, sizeof(kernel.free_page));
	kernel.free_page = page;
	kernel.pages_used--;
}

void kern_cache_flush(const volatile void *first, size_t length)
{
	const uint64_t physical = kern_vtophys(first);

	if (!kernel.forget_flushes)
		assert_int_equal(iommusim_memory_flush(kernel.machine, physical, length), IOMMUSIM_OK);
}

void kernel_boot(const struct kernel_config *config)
{
	const struct iommusim_machine_config machine = { .device_view = config->device_view };
	struct iommusim_vtd_config unit = { .base = KERNEL_UNIT_BASE, .settings = config->settings };
	const char *preset = config->preset != NULL ? config->preset : "skylake-client";
	static uint8_t of_this_program;

	kernel = (struct kernel){ .page_limit = KERNEL_PAGES, .next_page = KERNEL_ARENA };
	assert_int_equal(iommusim_machine_create(&machine, &kernel.machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_add_pc_ram(kernel.machine, KERNEL_RAM), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_hooks_add_image(kernel.machine, KERNEL_IMAGE_BASE, &of_this_program), IOMMUSIM_OK);

	assert_int_equal(iommusim_vtd_preset(preset, 1, &unit), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_create(kernel.machine, &unit, &kernel.unit), IOMMUSIM_OK);
	iommusim_unit_include_all(kernel.unit);

	assert_int_equal(iommusim_hooks_create(kernel.machine, &kernel.hooks), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_hooks_map(kernel.hooks, KERNEL_UNIT_BASE, VTD_PAGE_SIZE, &kernel.registers),
	    IOMMUSIM_OK);
	iommusim_hooks_attach(kernel.hooks);
}

void kernel_halt(void)
{
	assert_int_equal(iommusim_hooks_unmarked(kernel.hooks), 0);
	iommusim_hooks_destroy(kernel.hooks);
	iommusim_machine_destroy(kernel.machine);
	kernel.machine = NULL;
}
