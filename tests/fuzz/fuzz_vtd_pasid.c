/* Fuzzing scalable mode: the input writes tables of all kinds, and sends requests with PASIDs through them. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fz_operation *const operations[] = { fz_scalable_dma, fz_scalable_dma, fz_scalable_dma,
		fz_op_scalable_flush_compare, fz_op_scalable_flush_compare, fz_op_scalable_paging_entry,
		fz_op_scalable_paging_entry, fz_op_scalable_paging_entry, fz_op_pasid_entry,
		fz_op_pasid_entry, fz_op_scalable_context, fz_op_directory_entry, fz_op_scalable_root,
		fz_op_table_raw, fz_op_flags, fz_op_unflushed, fz_op_scalable_latch,
		fz_op_scalable_bring_up, fz_op_clear_faults, fz_op_command, fz_dma };
	struct fz fz;

	fz_start_scalable(&fz, data, size);
	fz_queue_start(&fz, 32);
	fz_scalable_bring_up(&fz);
	fz_run(&fz, operations, sizeof(operations) / sizeof(*operations));
	fz_stop(&fz);
	return 0;
}
