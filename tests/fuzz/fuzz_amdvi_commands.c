/* Fuzzing AMD-Vi's command buffer: commands of all kinds, good and bad, against caches that are full. */
#include "fuzz/amdvi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static az_operation *const operations[] = { az_op_command, az_op_command, az_op_command,
		az_op_bad_command, az_op_raw_command, az_op_bring_up, az_op_bring_up, az_op_tail,
		az_op_drain, az_op_status, az_op_step, az_op_host_entry, az_op_guest_entry,
		az_op_device_entry, az_dma, az_dma, az_judged_dma, az_op_reset };
	struct az az;

	az_start(&az, data, size);
	az_bring_up(&az);
	az_run(&az, operations, sizeof(operations) / sizeof(*operations));
	az_stop(&az);
	return 0;
}
