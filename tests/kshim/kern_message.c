/* Kernel code that uses a function's base address registers and message interrupts. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>
#include <sys/rman.h>

#include <dev/pci/pcireg.h>
#include <dev/pci/pcivar.h>

#include <machine/resource.h>

#include "tests/kshim/kern_message.h"

struct kern_messages *kern_messages;

static struct resource *interrupts[4], *memory[2], *line;
static void *cookies[4], *line_cookie;

static device_t nic(void)
{
	return (pci_find_bsf(0, 3, 0));
}

static uint32_t all_ones(int reg)
{
	const uint32_t before = pci_read_config(nic(), reg, 4);
	uint32_t size;

	pci_write_config(nic(), reg, 0xffffffff, 4);
	size = pci_read_config(nic(), reg, 4);
	pci_write_config(nic(), reg, before, 4);
	MPASS(pci_read_config(nic(), reg, 4) == before);
	return (size);
}

void kern_look_at_bars(void *context)
{
	struct kern_bars *found = context;
	struct pci_map *pm;
	struct resource *res;
	int rid = PCIR_BAR(0);

	found->count = 0;
	for (pm = pci_first_bar(nic()); pm != NULL; pm = pci_next_bar(pm))
		found->bars[found->count++] =
		    (struct kern_bar){ pm->pm_reg, pm->pm_value, pm->pm_size };
	MPASS(pci_find_bar(nic(), PCIR_BAR(2)) == NULL);
	found->sizing[0] = all_ones(PCIR_BAR(0));
	found->sizing[1] = all_ones(PCIR_BAR(1));
	pci_write_config(nic(), PCIR_COMMAND, 0, 2);
	res = bus_alloc_resource_any(nic(), SYS_RES_MEMORY, &rid, 0);
	if (res == NULL)
		return;
	found->start = rman_get_start(res);
	found->length = rman_get_size(res);
	found->command = pci_read_config(nic(), PCIR_COMMAND, 2);
	bus_activate_resource(nic(), SYS_RES_MEMORY, rid, res);
	found->command |= pci_read_config(nic(), PCIR_COMMAND, 2) << 16;
	bus_release_resource(nic(), SYS_RES_MEMORY, rid, res);
}

static int hear(void *count)
{
	*(int *)count += 1;
	return (FILTER_HANDLED);
}

void kern_handler_on(void *context)
{
	const int index = *(int *)context;
	int rid = index + 1;

	interrupts[index] = bus_alloc_resource_any(nic(), SYS_RES_IRQ, &rid, RF_ACTIVE);
	MPASS(interrupts[index] != NULL);
	MPASS(bus_setup_intr(nic(), interrupts[index], INTR_TYPE_NET, hear, NULL,
		  &kern_messages->heard[index], &cookies[index]) == 0);
}

void kern_handler_off(void *context)
{
	const int index = *(int *)context;

	MPASS(bus_teardown_intr(nic(), interrupts[index], cookies[index]) == 0);
	bus_release_resource(nic(), SYS_RES_IRQ, index + 1, interrupts[index]);
	interrupts[index] = NULL;
}

static void set_up(void)
{
	for (int i = 0; i < kern_messages->handlers; i++)
		kern_handler_on(&i);
}

void kern_msi_on(void *context)
{
	kern_messages = context;
	kern_messages->error = pci_alloc_msi(nic(), &kern_messages->count);
	if (kern_messages->error == 0)
		set_up();
}

static void take_memory(int index, int reg)
{
	int rid = reg;

	if ((kern_messages->bars & 1 << index * 3) != 0)
		memory[index] = bus_alloc_resource_any(nic(), SYS_RES_MEMORY, &rid, RF_ACTIVE);
}

static void give_memory(int index, int reg)
{
	if (memory[index] != NULL)
		bus_release_resource(nic(), SYS_RES_MEMORY, reg, memory[index]);
	memory[index] = NULL;
}

void kern_msix_on(void *context)
{
	kern_messages = context;
	take_memory(0, PCIR_BAR(0));
	take_memory(1, PCIR_BAR(3));
	kern_messages->error = pci_alloc_msix(nic(), &kern_messages->count);
	if (kern_messages->error == 0)
		set_up();
}

void kern_messages_off(void *context)
{
	struct kern_messages *messages = context;

	messages->error = pci_release_msi(nic());
	give_memory(0, PCIR_BAR(0));
	give_memory(1, PCIR_BAR(3));
}

void kern_line(void *context)
{
	static int heard;
	int rid = 0;

	if (line != NULL) {
		*(int *)context = bus_teardown_intr(nic(), line, line_cookie);
		bus_release_resource(nic(), SYS_RES_IRQ, 0, line);
		line = NULL;
		return;
	}
	line = bus_alloc_resource_any(nic(), SYS_RES_IRQ, &rid, RF_ACTIVE | RF_SHAREABLE);
	*(int *)context = line == NULL
	    ? ENOENT
	    : bus_setup_intr(nic(), line, INTR_TYPE_NET, hear, NULL, &heard, &line_cookie);
}

void kern_save_reset(void *context)
{
	pci_save_state(nic());
	MPASS(pcie_flr(nic(), 1000, true));
	if (*(bool *)context)
		pci_restore_state(nic());
}
