/* A driver of IVHDs, one of the unit's PCI function, one of disks; what became of them. */
#ifndef TESTS_KSHIM_KERN_DEVICE_H
#define TESTS_KSHIM_KERN_DEVICE_H

#include <stdbool.h>

extern int kern_identified, kern_events, kern_arrivals, kern_departures;
extern int kern_arrivals_at_attach, kern_departures_at_detach; /* of a disk */
extern int kern_unloads, kern_sysuninits;                      /* how often */
extern bool kern_refuse_detach, kern_fail_attach, kern_refuse_unload;
void kern_register_events(void *unused);
void kern_look_devices_up(void *failures); /* int: how many look-ups did not find what they should */
void kern_setup_interrupt(void *error);    /* int: of the event interrupt of the IOMMU at 0:0.2 */
void kern_teardown_interrupt(void *error);

#endif
