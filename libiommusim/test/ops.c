/* Each op packed up, and unpacked in the kernel. */
#include "test/ops.h"

enum op {
	OP_INIT,
	OP_CLEANUP,
	OP_ENABLE,
	OP_DISABLE,
	OP_CREATE_DOMAIN,
	OP_DESTROY_DOMAIN,
	OP_CREATE_MAPPING,
	OP_REMOVE_MAPPING,
	OP_ADD_DEVICE,
	OP_REMOVE_DEVICE,
	OP_INVALIDATE
};

/* A call on its way into the kernel; what it does not need is 0. */
struct op_call {
	const struct test_kernel_ops *ops;
	enum op op;
	uint16_t segment, rid;
	enum iommusim_status status;
	void *domain;
	void **made;
	uint64_t gpa, hpa, length; /* `length` also: the end of a new domain */
	uint64_t *done;
};

static void carry_out(void *context)
{
	struct op_call *call = context;
	const struct iommusim_ops *ops = call->ops->shim;
	void *table = call->ops->table;

	switch (call->op) {
	case OP_INIT:
		call->status = ops->init(table);
		break;
	case OP_CLEANUP:
		ops->cleanup(table);
		break;
	case OP_ENABLE:
		ops->enable(table);
		break;
	case OP_DISABLE:
		ops->disable(table);
		break;
	case OP_CREATE_DOMAIN:
		call->status = ops->create_domain(table, call->length, call->made);
		break;
	case OP_DESTROY_DOMAIN:
		ops->destroy_domain(table, call->domain);
		break;
	case OP_CREATE_MAPPING:
		call->status = ops->create_mapping(
		    table, call->domain, call->gpa, call->hpa, call->length, call->done);
		break;
	case OP_REMOVE_MAPPING:
		call->status =
		    ops->remove_mapping(table, call->domain, call->gpa, call->length, call->done);
		break;
	case OP_ADD_DEVICE:
		call->status = ops->add_device(table, call->domain, call->segment, call->rid);
		break;
	case OP_REMOVE_DEVICE:
		call->status = ops->remove_device(table, call->domain, call->segment, call->rid);
		break;
	case OP_INVALIDATE:
		call->status = ops->invalidate_tlb(table, call->domain);
		break;
	}
}

static enum iommusim_status run(struct op_call *call)
{
	const struct test_kernel_ops *ops = call->ops;

	return ops->run(ops->context, carry_out, call) ? call->status : IOMMUSIM_EFAULT;
}

static enum iommusim_status op_init(void *context)
{
	return run(&(struct op_call){ .ops = context, .op = OP_INIT });
}

static void op_cleanup(void *context)
{
	run(&(struct op_call){ .ops = context, .op = OP_CLEANUP });
}

static void op_enable(void *context)
{
	run(&(struct op_call){ .ops = context, .op = OP_ENABLE });
}

static void op_disable(void *context)
{
	run(&(struct op_call){ .ops = context, .op = OP_DISABLE });
}

static enum iommusim_status op_create_domain(void *context, uint64_t max_address, void **domain)
{
	return run(&(struct op_call){
	    .ops = context, .op = OP_CREATE_DOMAIN, .length = max_address, .made = domain });
}

static void op_destroy_domain(void *context, void *domain)
{
	run(&(struct op_call){ .ops = context, .op = OP_DESTROY_DOMAIN, .domain = domain });
}

static enum iommusim_status op_create_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t hpa, uint64_t length, uint64_t *done)
{
	return run(&(struct op_call){ .ops = context,
	    .op = OP_CREATE_MAPPING,
	    .domain = domain,
	    .gpa = gpa,
	    .hpa = hpa,
	    .length = length,
	    .done = done });
}

static enum iommusim_status op_remove_mapping(
    void *context, void *domain, uint64_t gpa, uint64_t length, uint64_t *done)
{
	return run(&(struct op_call){ .ops = context,
	    .op = OP_REMOVE_MAPPING,
	    .domain = domain,
	    .gpa = gpa,
	    .length = length,
	    .done = done });
}

static enum iommusim_status op_add_device(void *context, void *domain, uint16_t segment, uint16_t rid)
{
	return run(&(struct op_call){
	    .ops = context, .op = OP_ADD_DEVICE, .domain = domain, .segment = segment, .rid = rid });
}

static enum iommusim_status op_remove_device(
    void *context, void *domain, uint16_t segment, uint16_t rid)
{
	return run(&(struct op_call){
	    .ops = context, .op = OP_REMOVE_DEVICE, .domain = domain, .segment = segment, .rid = rid });
}

static enum iommusim_status op_invalidate(void *context, void *domain)
{
	return run(&(struct op_call){ .ops = context, .op = OP_INVALIDATE, .domain = domain });
}

const struct iommusim_ops test_ops = { .name = "the driver under test",
	.init = op_init,
	.cleanup = op_cleanup,
	.enable = op_enable,
	.disable = op_disable,
	.create_domain = op_create_domain,
	.destroy_domain = op_destroy_domain,
	.create_mapping = op_create_mapping,
	.remove_mapping = op_remove_mapping,
	.add_device = op_add_device,
	.remove_device = op_remove_device,
	.invalidate_tlb = op_invalidate };
