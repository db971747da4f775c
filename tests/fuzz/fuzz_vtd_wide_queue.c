/*
 * Fuzzing the invalidation queue of scalable mode: descriptors of 256 bits, against caches that are full and
 * devices that keep translations, and what must be gone after them.
 */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fz_operation *const operations[] = { fz_op_wide_descriptor, fz_op_wide_descriptor,
		fz_op_wide_descriptor, fz_op_wide_raw, fz_op_wide_batch, fz_op_covered, fz_op_covered,
		fz_op_covered, fz_scalable_dma, fz_scalable_dma, fz_op_device_tlb, fz_op_device_dma,
		fz_op_device_dma, fz_op_scalable_latch, fz_op_queue_start, fz_op_queue_address,
		fz_op_tail, fz_op_answers, fz_op_stray_completion, fz_op_clear_faults, fz_op_step,
		fz_op_command, fz_op_scalable_paging_entry, fz_op_pasid_entry, fz_op_scalable_context,
		fz_op_scalable_bring_up, fz_op_scalable_flush_compare, fz_op_descriptor, fz_op_write,
		fz_op_reset, fz_op_read, fz_op_table_raw, fz_op_timed_out };
	struct fz fz;

	fz_start_scalable(&fz, data, size);
	fz_queue_start(&fz, 32);
	fz_scalable_bring_up(&fz);
	fz_run(&fz, operations, sizeof(operations) / sizeof(*operations));
	fz_stop(&fz);
	return 0;
}
