/* Fuzzing AMD-Vi's register file: accesses of all widths, rings and logs, between DMA, time and resets. */
#include "fuzz/amdvi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static az_operation *const operations[] = { az_op_read, az_op_read, az_op_write, az_op_write,
		az_op_write, az_op_write_known, az_op_write_known, az_op_control, az_op_control,
		az_op_status, az_op_step, az_op_reset, az_op_bring_up, az_op_interrupt, az_op_drain,
		az_op_tail, az_dma, az_dma, az_op_command, az_op_raw_command, az_op_device_entry,
		az_op_host_entry };
	struct az az;

	az_start(&az, data, size);
	az_run(&az, operations, sizeof(operations) / sizeof(*operations));
	az_stop(&az);
	return 0;
}
