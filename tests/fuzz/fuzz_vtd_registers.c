/* Fuzzing the register file: reads and writes of all widths, between DMA, time and resets. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fz_operation *const operations[] = { fz_op_read, fz_op_read, fz_op_write, fz_op_write,
		fz_op_write, fz_op_write_raw, fz_op_write_raw, fz_op_command, fz_op_command, fz_op_step,
		fz_op_reset, fz_op_clear_faults, fz_op_bring_up, fz_op_latch, fz_op_paging_entry,
		fz_op_queue_start, fz_op_descriptor, fz_op_tail, fz_interrupt, fz_dma, fz_dma,
		fz_op_flush_compare, fz_op_flush_interrupt, fz_op_stray_completion };
	struct fz fz;

	fz_start(&fz, data, size);
	fz_run(&fz, operations, sizeof(operations) / sizeof(*operations));
	fz_stop(&fz);
	return 0;
}
