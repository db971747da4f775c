/* Fuzzing translation: the input writes tables, and sends requests through them. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fz_operation *const operations[] = { fz_op_paging_entry, fz_op_paging_entry,
		fz_op_paging_entry, fz_op_context_entry, fz_op_context_entry, fz_op_root_entry,
		fz_op_interrupt_entry, fz_op_interrupt_entry, fz_op_memory, fz_op_latch, fz_op_command,
		fz_op_clear_faults, fz_interrupt, fz_interrupt, fz_dma, fz_dma, fz_dma,
		fz_op_flush_compare, fz_op_flush_compare, fz_op_queue_start, fz_op_flush_interrupt };
	struct fz fz;

	fz_start(&fz, data, size);
	fz_bring_up(&fz);
	fz_run(&fz, operations, sizeof(operations) / sizeof(*operations));
	fz_stop(&fz);
	return 0;
}
