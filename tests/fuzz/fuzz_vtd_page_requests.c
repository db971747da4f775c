/*
 * Fuzzing page requests: devices ask for pages, through tables of all kinds and into a queue that software
 * reads, does not read, or has elsewhere.
 */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fz_operation *const operations[] = { fz_op_page_request, fz_op_page_request,
		fz_op_page_request, fz_op_page_queue, fz_op_page_head, fz_op_page_status,
		fz_op_page_event, fz_op_covered_by_request, fz_op_covered_by_request,
		fz_op_wide_descriptor, fz_op_wide_descriptor, fz_scalable_dma, fz_op_device_tlb,
		fz_op_device_dma, fz_op_pasid_entry, fz_op_scalable_context, fz_op_directory_entry,
		fz_op_scalable_root, fz_op_table_raw, fz_op_scalable_latch, fz_op_scalable_bring_up,
		fz_op_clear_faults, fz_op_command, fz_op_step, fz_op_reset, fz_op_write_raw,
		fz_op_scalable_flush_compare, fz_op_unflushed };
	struct fz fz;

	fz_start_scalable(&fz, data, size);
	fz_queue_start(&fz, 32);
	fz_page_queue_start(&fz);
	fz_scalable_bring_up(&fz);
	fz_run(&fz, operations, sizeof(operations) / sizeof(*operations));
	fz_stop(&fz);
	return 0;
}
