/* The raw layer: iommu_ops calls, registers, memory, time. */
#include <string.h>

#include "replay/run.h"
#include "vmm/interpose.h"

/* ---- iommu_ops ---------------------------------------------------------------------------------------- */

enum iommusim_status run_iommu_init(struct replay *replay, struct statement *statement)
{
	statement->outcome.status = iommusim_iommu_init(replay->vmm);
	return IOMMUSIM_OK;
}

enum iommusim_status run_iommu_enable(struct replay *replay, struct statement *statement)
{
	statement->outcome.status = iommusim_iommu_enable(replay->vmm);
	return IOMMUSIM_OK;
}

enum iommusim_status run_iommu_disable(struct replay *replay, struct statement *statement)
{
	statement->outcome.status = iommusim_iommu_disable(replay->vmm);
	return IOMMUSIM_OK;
}

enum iommusim_status run_iommu_create_domain(struct replay *replay, struct statement *statement)
{
	if (statement->result.kind == VALUE_NAME)
		vmm_name_next_domain(
		    replay->vmm, statement->result.text.at, statement->result.text.length);
	statement->outcome.status = iommusim_iommu_create_domain(replay->vmm,
	    argument(statement, ARG_iommu_create_domain_maxaddr)->number, &statement->outcome.domain);
	return IOMMUSIM_OK;
}

enum iommusim_status run_iommu_destroy_domain(struct replay *replay, struct statement *statement)
{
	struct value *domain = argument(statement, ARG_iommu_destroy_domain_domain);

	if (domain->domain == NULL)
		return replay_refuse(replay, domain->at, "there is no host domain yet");
	statement->outcome.status = iommusim_iommu_destroy_domain(replay->vmm, domain->domain);
	if (statement->outcome.status == IOMMUSIM_OK && domain->name != NULL)
		domain->name->gone = replay->lexer.line;
	return IOMMUSIM_OK;
}

enum iommusim_status run_iommu_create_mapping(struct replay *replay, struct statement *statement)
{
	statement->outcome.status = iommusim_iommu_create_mapping(replay->vmm,
	    argument(statement, ARG_iommu_create_mapping_domain)->domain,
	    argument(statement, ARG_iommu_create_mapping_gpa)->number,
	    argument(statement, ARG_iommu_create_mapping_hpa)->number,
	    argument(statement, ARG_iommu_create_mapping_len)->number);
	return IOMMUSIM_OK;
}

enum iommusim_status run_iommu_remove_mapping(struct replay *replay, struct statement *statement)
{
	statement->outcome.status = iommusim_iommu_remove_mapping(replay->vmm,
	    argument(statement, ARG_iommu_remove_mapping_domain)->domain,
	    argument(statement, ARG_iommu_remove_mapping_gpa)->number,
	    argument(statement, ARG_iommu_remove_mapping_len)->number);
	return IOMMUSIM_OK;
}

/* iommu_add_device() and iommu_remove_device(): alike but for the call. */
_Static_assert(ARG_iommu_add_device_device - FIRST_iommu_add_device ==
	ARG_iommu_remove_device_device - FIRST_iommu_remove_device,
    "the two take the same arguments");

enum iommusim_status run_iommu_device(struct replay *replay, struct statement *statement)
{
	struct iommusim_domain *domain = statement->arguments[0].domain;
	const struct value *device = &statement->arguments[1];

	statement->outcome.status = statement->row->detail
	    ? iommusim_iommu_add_device(replay->vmm, domain, device->segment, device->rid)
	    : iommusim_iommu_remove_device(replay->vmm, domain, device->segment, device->rid);
	return IOMMUSIM_OK;
}

enum iommusim_status run_iommu_invalidate_tlb(struct replay *replay, struct statement *statement)
{
	statement->outcome.status = iommusim_iommu_invalidate_tlb(
	    replay->vmm, argument(statement, ARG_iommu_invalidate_tlb_domain)->domain);
	return IOMMUSIM_OK;
}

/* ---- registers ------------------------------------------------------------------------------------------ */

enum iommusim_status run_mmio_read(struct replay *replay, struct statement *statement)
{
	statement->outcome.status = iommusim_mmio_read(replay->machine, statement->arguments[0].number,
	    statement->row->detail, &statement->outcome.number);
	return IOMMUSIM_OK;
}

enum iommusim_status run_mmio_write(struct replay *replay, struct statement *statement)
{
	const unsigned width = statement->row->detail;
	const struct value *value = &statement->arguments[1];

	if (width < 8 && value->number >> width * 8 != 0)
		return replay_refuse(replay, value->at, "a number of more than %u bits", width * 8);
	statement->outcome.status =
	    iommusim_mmio_write(replay->machine, statement->arguments[0].number, width, value->number);
	return IOMMUSIM_OK;
}

/* ---- memory --------------------------------------------------------------------------------------------- */

enum iommusim_status run_mem_read(struct replay *replay, struct statement *statement)
{
	const struct value *length = argument(statement, ARG_mem_read_len);
	struct outcome *outcome = &statement->outcome;

	if (length->number == 0 || length->number > REPLAY_LARGEST_READ)
		return replay_refuse(replay, length->at, "mem_read() reads 1 byte to 1 MiB");
	if (!replay_room(replay, &replay->data, (size_t)length->number))
		return replay_no_memory(replay);
	replay->data_filled = 0;
	outcome->status =
	    iommusim_memory_read(replay->machine, argument(statement, ARG_mem_read_address)->number,
		replay->data.bytes, (size_t)length->number);
	outcome->bytes = replay->data.bytes;
	outcome->length = (size_t)length->number;
	return IOMMUSIM_OK;
}

_Static_assert(ARG_mem_store_bytes - FIRST_mem_store == ARG_mem_write_bytes - FIRST_mem_write,
    "the two take the same arguments");

/* mem_write() and mem_store(): only the former is written back at once, for hardware that does not snoop. */
enum iommusim_status run_mem_store(struct replay *replay, struct statement *statement)
{
	const uint64_t address = statement->arguments[0].number;
	struct outcome *outcome = &statement->outcome;
	size_t length;
	enum iommusim_status status;

	replay->data_filled = 0;
	status = replay_bytes(replay, &statement->arguments[1], &replay->data, &length);
	if (status != IOMMUSIM_OK)
		return status;
	outcome->status = iommusim_memory_write(replay->machine, address, replay->data.bytes, length);
	if (outcome->status == IOMMUSIM_OK && statement->row->detail)
		outcome->status = iommusim_memory_flush(replay->machine, address, length);
	return IOMMUSIM_OK;
}

/* What CLFLUSH does to each line. */
enum iommusim_status run_mem_flush(struct replay *replay, struct statement *statement)
{
	statement->outcome.status =
	    iommusim_memory_flush(replay->machine, argument(statement, ARG_mem_flush_address)->number,
		(size_t)argument(statement, ARG_mem_flush_len)->number);
	return IOMMUSIM_OK;
}

/* ---- time ----------------------------------------------------------------------------------------------- */

enum iommusim_status run_step(struct replay *replay, struct statement *statement)
{
	iommusim_step(replay->machine, argument(statement, ARG_step_ticks)->number);
	return IOMMUSIM_OK;
}

enum iommusim_status run_finish(struct replay *replay, struct statement *statement)
{
	(void)statement;
	iommusim_check_finish(replay->check);
	iommusim_check_advise(replay->check);
	return IOMMUSIM_OK;
}
