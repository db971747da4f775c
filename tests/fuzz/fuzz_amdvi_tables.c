/*
 * Fuzzing AMD-Vi's translation: the input writes tables of both kinds, and sends requests through them. What comes
 * of untranslated and translation requests, their events and the flags they leave in entries included, is judged by a
 * second telling (amdvi_oracle.c). That leaves out what its header says: above all translated requests, interrupts
 * and their entries, page requests, exclusion and apertures.
 */
#include "fuzz/amdvi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static az_operation *const operations[] = { az_op_host_entry, az_op_host_entry,
		az_op_host_entry, az_op_guest_entry, az_op_guest_entry, az_op_gcr3_entry,
		az_op_device_entry, az_op_device_entry, az_dma, az_dma, az_judged_dma, az_judged_dma,
		az_judged_dma, az_op_drain, az_op_interrupt };
	struct az az;

	az_start(&az, data, size);
	az_bring_up(&az);
	az_run(&az, operations, sizeof(operations) / sizeof(*operations));
	az_stop(&az);
	return 0;
}
