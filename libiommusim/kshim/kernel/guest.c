/*
 * Virtual machines where no vmm is linked: what users of vmm did to them, and what a test says of them. The functions
 * that such users call are guest_calls.c, so that a program with functions of its own keeps those.
 */
#include "kshim/kernel/state.h"

#include <stdlib.h>

struct guest *kshim_guest_find(const struct iommusim_kernel *kernel, const void *vm)
{
	struct guest *guest;

	TAILQ_FOREACH (guest, &kernel->guests, link)
		if (guest->vm == vm)
			break;
	return guest;
}

struct guest *kshim_guest_of(struct iommusim_kernel *kernel, const void *vm)
{
	struct guest *guest = kshim_guest_find(kernel, vm);

	if (guest != NULL)
		return guest;
	guest = calloc(1, sizeof(*guest));
	if (guest == NULL)
		return NULL;
	guest->vm = vm;
	TAILQ_INIT(&guest->windows);
	TAILQ_INSERT_TAIL(&kernel->guests, guest, link);
	return guest;
}

static void drop(struct guest *guest)
{
	struct guest_window *window;

	while ((window = TAILQ_FIRST(&guest->windows)) != NULL) {
		TAILQ_REMOVE(&guest->windows, window, link);
		free(window);
	}
	free(guest->messages);
	free(guest);
}

void kshim_guests_free(struct iommusim_kernel *kernel)
{
	struct guest *guest;

	while ((guest = TAILQ_FIRST(&kernel->guests)) != NULL) {
		TAILQ_REMOVE(&kernel->guests, guest, link);
		drop(guest);
	}
}

enum iommusim_status iommusim_kernel_set_vm_domain(
    struct iommusim_kernel *kernel, const void *vm, void *domain)
{
	struct guest *guest;

	if (vm == NULL)
		return IOMMUSIM_EINVAL;
	guest = kshim_guest_of(kernel, vm);
	if (guest == NULL)
		return IOMMUSIM_ENOMEM;
	guest->domain = domain;
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_kernel_vm_window_at(const struct iommusim_kernel *kernel, const void *vm,
    size_t index, struct iommusim_kernel_vm_window *window)
{
	const struct guest *guest = kshim_guest_find(kernel, vm);
	const struct guest_window *found = guest != NULL ? TAILQ_FIRST(&guest->windows) : NULL;

	for (size_t i = 0; i < index && found != NULL; i++)
		found = TAILQ_NEXT(found, link);
	if (found == NULL)
		return IOMMUSIM_ENOENT;
	*window = found->where;
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_kernel_vm_message_at(const struct iommusim_kernel *kernel, const void *vm,
    size_t index, struct iommusim_kernel_vm_message *message)
{
	const struct guest *guest = kshim_guest_find(kernel, vm);

	if (guest == NULL || index >= guest->message_count)
		return IOMMUSIM_ENOENT;
	*message = guest->messages[index];
	return IOMMUSIM_OK;
}
