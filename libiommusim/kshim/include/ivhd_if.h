/* The interface between an IVHD's driver and that of the unit's PCI function: its event interrupt. */
#ifndef IOMMUSIM_KSHIM_IVHD_IF_H
#define IOMMUSIM_KSHIM_IVHD_IF_H

#include <sys/bus.h>

/* ENXIO: the device's driver has no such method. */
static inline int IVHD_SETUP_INTR(
    device_t device, driver_intr_t *handler, void *argument, const char *description)
{
	int (*method)(device_t, driver_intr_t *, void *, const char *) = (int (*)(device_t,
	    driver_intr_t *, void *, const char *))iommusim_kernel_method(device, "ivhd_setup_intr");

	return method == NULL ? ENXIO : method(device, handler, argument, description);
}

static inline int IVHD_TEARDOWN_INTR(device_t device)
{
	int (*method)(device_t) =
	    (int (*)(device_t))iommusim_kernel_method(device, "ivhd_teardown_intr");

	return method == NULL ? ENXIO : method(device);
}

#endif
