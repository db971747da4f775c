/*
 * The recorder: writes what is done with a vmm as a trace. It listens to vmm's calls and to the bus,
 * and writes each line as it happens: a call's own text when it begins, its result when it has ended.
 */
#include "replay/record.h"

#include <string.h>

#include <iommusim/device.h>

#include "replay/record_text.h"
#include "replay/run.h"
#include "vmm/state.h"

struct place {
	uint16_t segment;
	uint16_t rid;
};

struct iommusim_recorder {
	struct iommusim_vmm *vmm;
	struct iommusim_machine *machine;
	struct iommusim_text target; /* the caller's */
	struct iommusim_text out;    /* ours, to the target: ends the line before it writes the next */
	bool line_open;              /* the last line has no newline yet: expectations may follow */
	bool in_call;                /* vmm is at work: what it does to the bus is its own business */
	bool wrote;                  /* a line, since the last statement of a replay */
	bool comment;                /* the line under way is only a comment */
	uint64_t topology;           /* of the machine when its functions were last looked at */
	struct place *known;         /* functions that are in the recording */
	size_t known_count;
	size_t known_capacity;
};

/* ---- text --------------------------------------------------------------------------------------------- */

#define PUT(recorder, ...) trace_put(&(recorder)->out, __VA_ARGS__)

/* A requester: as the device it belongs to, or as the bare id it is. */
static void put_requester(struct iommusim_recorder *recorder, uint16_t segment, uint16_t rid)
{
	const bool own = iommusim_pci_find(recorder->machine, segment, rid) != NULL &&
	    iommusim_pci_requester_id(recorder->machine, segment, rid) == rid;

	if (own || segment != 0)
		trace_put_device(&recorder->out, segment, rid);
	else
		PUT(recorder, "0x%04x", rid);
}

static void put_domain(struct iommusim_recorder *recorder, const struct iommusim_domain *domain)
{
	struct iommusim_vm *vm;

	if (domain == NULL || domain == iommusim_host_domain(recorder->vmm)) {
		PUT(recorder, "host");
		return;
	}
	for (size_t i = 0; (vm = iommusim_vm_at(recorder->vmm, i)) != NULL; i++) {
		if (iommusim_vm_domain(vm) != domain)
			continue;
		PUT(recorder, "domain(");
		trace_put_string(&recorder->out, iommusim_vm_name(vm));
		PUT(recorder, ")");
		return;
	}
	PUT(recorder, "%s", iommusim_domain_name(domain));
}

static void close_line(struct iommusim_recorder *recorder)
{
	if (recorder->line_open)
		recorder->target.put(recorder->target.context, "\n", 1);
	recorder->line_open = false;
}

static void put_behind(void *context, const char *text, size_t length)
{
	struct iommusim_recorder *recorder = context;

	close_line(recorder);
	recorder->target.put(recorder->target.context, text, length);
}

static void end_line(struct iommusim_recorder *recorder, enum iommusim_status status)
{
	if (status != IOMMUSIM_OK)
		PUT(recorder, " = error(%s)", iommusim_status_name(status));
	recorder->line_open = true;
	recorder->wrote = true;
}

/* What the story expects of the statement that was just written down. */
static void put_expected(struct iommusim_recorder *recorder, const struct statement *statement)
{
	if (!recorder->line_open || recorder->comment || statement->expectation_count == 0)
		return;
	recorder->target.put(recorder->target.context, " ", 1);
	recorder->target.put(
	    recorder->target.context, statement->expected.at, statement->expected.length);
}

/* ---- functions ---------------------------------------------------------------------------------------- */

static bool is_known(const struct iommusim_recorder *recorder, uint16_t segment, uint16_t rid)
{
	for (size_t i = 0; i < recorder->known_count; i++)
		if (recorder->known[i].segment == segment && recorder->known[i].rid == rid)
			return true;
	return false;
}

static bool learn(struct iommusim_recorder *recorder, uint16_t segment, uint16_t rid)
{
	if (is_known(recorder, segment, rid))
		return true;
	if (!machine_grow(recorder->machine, &recorder->known, &recorder->known_capacity,
		recorder->known_count + 1, sizeof(*recorder->known)))
		return false;
	recorder->known[recorder->known_count++] = (struct place){ segment, rid };
	return true;
}

static void forget(struct iommusim_recorder *recorder, uint16_t segment, uint16_t rid)
{
	for (size_t i = 0; i < recorder->known_count; i++)
		if (recorder->known[i].segment == segment && recorder->known[i].rid == rid)
			recorder->known[i] = recorder->known[--recorder->known_count];
}

/* The bridge right above a bus, or NULL. */
static const struct iommusim_pci_function *bridge_above(
    const struct iommusim_recorder *recorder, const struct iommusim_pci_function *function)
{
	const struct iommusim_pci_function *bridge, *best = NULL;

	for (size_t i = 0; (bridge = iommusim_pci_at(recorder->machine, i)) != NULL; i++)
		if (bridge->segment == function->segment && bridge->rid != function->rid &&
		    bridge->type != IOMMUSIM_PCI_ENDPOINT &&
		    IOMMUSIM_RID_BUS(function->rid) >= bridge->secondary_bus &&
		    IOMMUSIM_RID_BUS(function->rid) <= bridge->subordinate_bus &&
		    (best == NULL || bridge->secondary_bus > best->secondary_bus))
			best = bridge;
	return best;
}

static const char *const class_words[] = {
	[IOMMUSIM_CLASS_OTHER] = "other",
	[IOMMUSIM_CLASS_AHCI] = "ahci",
	[IOMMUSIM_CLASS_NVME] = "nvme",
	[IOMMUSIM_CLASS_NIC] = "nic",
	[IOMMUSIM_CLASS_DISPLAY] = "display",
	[IOMMUSIM_CLASS_ATS] = "ats",
};

/* As misbehave= has it. */
static void put_misbehaviour(
    struct iommusim_recorder *recorder, const struct iommusim_device_config *config)
{
	const char *between = "";

	if (!config->dma_after_reset && !config->has_wrong_rid && config->phantom_bits == 0 &&
	    config->forged_address == 0)
		return;
	PUT(recorder, ", misbehave=\"");
	if (config->dma_after_reset) {
		PUT(recorder, "dma-after-reset");
		between = ", ";
	}
	if (config->has_wrong_rid) {
		PUT(recorder, "%swrong-id=0x%x", between, config->wrong_rid);
		between = ", ";
	}
	if (config->phantom_bits != 0) {
		PUT(recorder, "%sphantom=%u", between, config->phantom_bits);
		between = ", ";
	}
	if (config->forged_address != 0)
		PUT(recorder, "%sforge=0x%llx/0x%x", between,
		    (unsigned long long)config->forged_address, config->forged_data);
	PUT(recorder, "\"");
}

/* What a function does, if it does more than stand there. */
static void put_behaviour(
    struct iommusim_recorder *recorder, const struct iommusim_pci_function *function)
{
	const struct iommusim_device *device =
	    iommusim_device_at(recorder->machine, function->segment, function->rid);
	const struct iommusim_device_config *config;

	if (function->no_reset)
		PUT(recorder, ", flr=no");
	if (device == NULL)
		return;
	config = iommusim_device_config(device);
	PUT(recorder, ", bar=0x%llx", (unsigned long long)config->base);
	if (config->reports_aborts != (config->kind == IOMMUSIM_DEVICE_NVME))
		PUT(recorder, ", aborts=%s", config->reports_aborts ? "reported" : "concealed");
	if (config->ats.entries != 0)
		PUT(recorder, ", entries=%u", config->ats.entries);
	put_misbehaviour(recorder, config);
}

/* `statement(DEV, "name"` and what else is known of the function; the bracket stays open. */
static void put_function(struct iommusim_recorder *recorder, const char *statement,
    const struct iommusim_pci_function *function)
{
	const struct iommusim_pci_function *bridge = bridge_above(recorder, function);

	PUT(recorder, "%s(", statement);
	trace_put_device(&recorder->out, function->segment, function->rid);
	PUT(recorder, ", ");
	trace_put_string(&recorder->out, function->name);
	if (function->device_class != IOMMUSIM_CLASS_OTHER &&
	    (size_t)function->device_class < sizeof(class_words) / sizeof(*class_words))
		PUT(recorder, ", class=%s", class_words[function->device_class]);
	if (bridge != NULL && is_known(recorder, bridge->segment, bridge->rid)) {
		PUT(recorder, ", behind=");
		trace_put_device(&recorder->out, bridge->segment, bridge->rid);
	}
	if (function->type != IOMMUSIM_PCI_ENDPOINT)
		PUT(recorder, ", bridge=%s, secondary=%u, subordinate=%u",
		    function->type == IOMMUSIM_PCI_LEGACY_BRIDGE ? "legacy" : "yes",
		    function->secondary_bus, function->subordinate_bus);
	put_behaviour(recorder, function);
}

static const char *driver_word(enum iommusim_driver driver)
{
	return driver == IOMMUSIM_DRIVER_PPT ? "ppt" : driver == IOMMUSIM_DRIVER_NONE ? "none" : "host";
}

/* Write down functions that came without a call, but for the one the next call is about. */
static bool sync_functions(struct iommusim_recorder *recorder, const struct iommusim_call *next)
{
	const bool named = next != NULL &&
	    (next->kind == IOMMUSIM_CALL_DEVICE_ATTACH || next->kind == IOMMUSIM_CALL_PCI_ADD_DEVICE);
	const uint64_t topology = atomic_load(&recorder->machine->topology);
	const struct iommusim_pci_function *function;
	enum iommusim_driver driver;

	if (topology == recorder->topology)
		return true;
	recorder->topology = topology;
	for (size_t i = 0; (function = iommusim_pci_at(recorder->machine, i)) != NULL; i++) {
		if (is_known(recorder, function->segment, function->rid) ||
		    (named && function->segment == next->segment && function->rid == next->rid))
			continue;
		if (iommusim_device_driver(recorder->vmm, function->segment, function->rid, &driver) ==
		    IOMMUSIM_OK) {
			put_function(recorder, "device", function);
			PUT(recorder, ", driver=%s)", driver_word(driver));
		} else {
			put_function(recorder, "pci_function", function);
			PUT(recorder, ")");
		}
		end_line(recorder, IOMMUSIM_OK);
		if (!learn(recorder, function->segment, function->rid))
			return false;
	}
	return true;
}

/* ---- calls -------------------------------------------------------------------------------------------- */

/* device() and pci_add_device(): the function is there by now, unless the call is about to fail. */
static void put_function_call(struct iommusim_recorder *recorder, const struct iommusim_call *call)
{
	const struct iommusim_pci_function *function =
	    iommusim_pci_find(recorder->machine, call->segment, call->rid);

	if (function == NULL) {
		recorder->comment = true;
		PUT(recorder,
		    "# %s() of a function that is not there: ", iommusim_call_name(call->kind));
		trace_put_device(&recorder->out, call->segment, call->rid);
		return;
	}
	put_function(recorder, iommusim_call_name(call->kind), function);
	if (call->kind == IOMMUSIM_CALL_DEVICE_ATTACH && call->driver != IOMMUSIM_DRIVER_HOST)
		PUT(recorder, ", driver=%s", driver_word(call->driver));
	PUT(recorder, ")");
	learn(recorder, call->segment, call->rid);
}

static void put_vm_call(struct iommusim_recorder *recorder, const struct iommusim_call *call)
{
	PUT(recorder, "%s(", iommusim_call_name(call->kind));
	trace_put_string(&recorder->out, call->name);
	if (call->kind == IOMMUSIM_CALL_VM_SETUP_MEMORY) {
		PUT(recorder, ", ");
		trace_put_number(&recorder->out, call->length);
		if (call->value != 0)
			PUT(recorder, ", seed=%llu", (unsigned long long)call->value);
		if (call->contiguous)
			PUT(recorder, ", contiguous=yes");
		if (call->unwired)
			PUT(recorder, ", wired=no");
	} else if (call->kind == IOMMUSIM_CALL_VM_ASSIGN_PPTDEV ||
	    call->kind == IOMMUSIM_CALL_VM_UNASSIGN_PPTDEV) {
		PUT(recorder, ", ");
		trace_put_device(&recorder->out, call->segment, call->rid);
	} else if (call->kind == IOMMUSIM_CALL_SYSCTL_SET) {
		PUT(recorder, ", %llu", (unsigned long long)call->value);
	}
	PUT(recorder, ")");
}

/* A call about a domain. */
static void put_domain_call(struct iommusim_recorder *recorder, const struct iommusim_call *call)
{
	PUT(recorder, "%s(", iommusim_call_name(call->kind));
	put_domain(recorder, call->domain);
	switch (call->kind) {
	case IOMMUSIM_CALL_CREATE_MAPPING:
		PUT(recorder, ", 0x%llx, 0x%llx, 0x%llx", (unsigned long long)call->address,
		    (unsigned long long)call->host_address, (unsigned long long)call->length);
		break;
	case IOMMUSIM_CALL_REMOVE_MAPPING:
		PUT(recorder, ", 0x%llx, 0x%llx", (unsigned long long)call->address,
		    (unsigned long long)call->length);
		break;
	case IOMMUSIM_CALL_ADD_DEVICE:
	case IOMMUSIM_CALL_REMOVE_DEVICE:
		PUT(recorder, ", ");
		trace_put_device(&recorder->out, call->segment, call->rid);
		break;
	default:
		break;
	}
	PUT(recorder, ")");
}

static void put_call(struct iommusim_recorder *recorder, const struct iommusim_call *call)
{
	switch (call->kind) {
	case IOMMUSIM_CALL_IOMMU_INIT:
	case IOMMUSIM_CALL_IOMMU_ENABLE:
	case IOMMUSIM_CALL_IOMMU_DISABLE:
	case IOMMUSIM_CALL_VMM_UNLOAD:
		PUT(recorder, "%s()", iommusim_call_name(call->kind));
		break;
	case IOMMUSIM_CALL_CREATE_DOMAIN:
		PUT(recorder, "%s(0x%llx)", iommusim_call_name(call->kind),
		    (unsigned long long)call->address);
		break;
	case IOMMUSIM_CALL_DESTROY_DOMAIN:
	case IOMMUSIM_CALL_CREATE_MAPPING:
	case IOMMUSIM_CALL_REMOVE_MAPPING:
	case IOMMUSIM_CALL_ADD_DEVICE:
	case IOMMUSIM_CALL_REMOVE_DEVICE:
	case IOMMUSIM_CALL_INVALIDATE_TLB:
		put_domain_call(recorder, call);
		break;
	case IOMMUSIM_CALL_DEVICE_ATTACH:
	case IOMMUSIM_CALL_PCI_ADD_DEVICE:
		put_function_call(recorder, call);
		break;
	case IOMMUSIM_CALL_PCI_DELETE_DEVICE:
	case IOMMUSIM_CALL_PPT_ATTACH:
	case IOMMUSIM_CALL_PPT_DETACH:
		PUT(recorder, "%s(", iommusim_call_name(call->kind));
		trace_put_device(&recorder->out, call->segment, call->rid);
		PUT(recorder, ")");
		break;
	default:
		put_vm_call(recorder, call);
		break;
	}
}

static void call_begins(void *context, const struct iommusim_call *call)
{
	struct iommusim_recorder *recorder = context;

	if (call->depth != 0)
		return;
	sync_functions(recorder, call);
	recorder->in_call = true;
	recorder->comment = false;
	put_call(recorder, call);
}

static void call_ended(void *context, const struct iommusim_call *call)
{
	struct iommusim_recorder *recorder = context;

	if (call->depth != 0)
		return;
	recorder->in_call = false;
	if (call->kind == IOMMUSIM_CALL_CREATE_DOMAIN && call->status == IOMMUSIM_OK)
		PUT(recorder, " = %s", iommusim_domain_name(call->domain));
	if (call->kind == IOMMUSIM_CALL_PCI_DELETE_DEVICE && call->status == IOMMUSIM_OK)
		forget(recorder, call->segment, call->rid);
	end_line(recorder, recorder->comment ? IOMMUSIM_OK : call->status);
}

static void bus_access(void *context, uint64_t address, unsigned width, bool is_write, uint64_t value)
{
	struct iommusim_recorder *recorder = context;

	if (recorder->in_call)
		return;
	PUT(recorder, is_write ? "mmio_write%u(0x%llx, 0x%llx)" : "mmio_read%u(0x%llx) = 0x%llx",
	    width * 8, (unsigned long long)address, (unsigned long long)value);
	end_line(recorder, IOMMUSIM_OK);
}

/* ---- DMA ---------------------------------------------------------------------------------------------- */

/* What a write carried, where it is not what a write of a trace carries anyway. */
static void put_data(struct iommusim_recorder *recorder, const struct iommusim_dma_request *request)
{
	const uint8_t *bytes = request->data;
	const size_t length = (size_t)request->length;

	if (request->kind == IOMMUSIM_DMA_READ)
		return;
	if (bytes == NULL) {
		PUT(recorder, ", data=none");
	} else if (memcmp(bytes, bytes + 1, length - 1) != 0) {
		PUT(recorder, ", data=");
		trace_put_hex(&recorder->out, bytes, length);
	} else if (bytes[0] != REPLAY_USUAL_BYTE) {
		PUT(recorder, ", data=\"%02x\"", bytes[0]);
	}
}

void iommusim_record_dma(struct iommusim_recorder *recorder, const struct iommusim_report *report)
{
	static const char *const kinds[] = { "read", "write", "atomic" };
	static const char *const types[] = { "untranslated", "translation", "translated" };
	const struct iommusim_dma_request *request = &report->request;

	sync_functions(recorder, NULL);
	PUT(recorder, "dma(");
	put_requester(recorder, report->segment, report->rid);
	PUT(recorder, ", %s, 0x%llx, 0x%llx", kinds[request->kind],
	    (unsigned long long)request->address, (unsigned long long)request->length);
	if (report->beneficiary[0] != '\0' && strcmp(report->beneficiary, "host") != 0) {
		PUT(recorder, ", for=");
		trace_put_string(&recorder->out, report->beneficiary);
	}
	if (request->has_pasid)
		PUT(recorder, ", pasid=0x%x%s%s", request->pasid,
		    request->privileged ? ", privileged=yes" : "",
		    request->execute ? ", execute=yes" : "");
	if (request->address_type != IOMMUSIM_DMA_UNTRANSLATED)
		PUT(recorder, ", type=%s", types[request->address_type]);
	put_data(recorder, request);
	PUT(recorder, ")  # %s", iommusim_verdict_name(report->verdict));
	end_line(recorder, IOMMUSIM_OK);
}

/* ---- statements that nobody else sees -------------------------------------------------------------------- */

static void put_value(struct iommusim_recorder *recorder, const struct statement *statement,
    const struct argument_row *row, const struct value *value)
{
	switch (row->type) {
	case ARGUMENT_NUMBER:
		trace_put_number(&recorder->out, value->number);
		break;
	case ARGUMENT_DEVICE:
	case ARGUMENT_REQUESTER:
		if (row->type == ARGUMENT_DEVICE || value->has_rid)
			trace_put_device(&recorder->out, value->segment, value->rid);
		else
			PUT(recorder, "0x%04x", value->rid);
		break;
	case ARGUMENT_DOMAIN:
		put_domain(recorder, value->domain);
		break;
	case ARGUMENT_ADDRESS:
		if (value->kind == VALUE_CALL) {
			const struct value *vm = &statement->inner[value->inner];

			PUT(recorder, "gpa(\"%.*s\", 0x%llx)", (int)vm->text.length, vm->text.at,
			    (unsigned long long)value->number);
		} else {
			trace_put_number(&recorder->out, value->number);
		}
		break;
	default: /* as it was written: a string is long only where nobody formats it */
		if (value->kind == VALUE_STRING)
			PUT(recorder, "\"");
		trace_put_text(&recorder->out, value->text.at, value->text.length);
		if (value->kind == VALUE_STRING)
			PUT(recorder, "\"");
		break;
	}
}

static void put_message(struct iommusim_recorder *recorder, const struct outcome *outcome)
{
	if (outcome->message_posted && outcome->message_address == 0)
		PUT(recorder, "posted()");
	else
		PUT(recorder, "%s(0x%llx, 0x%x)", outcome->message_posted ? "posted" : "remapped",
		    (unsigned long long)outcome->message_address, outcome->message_data);
}

static void put_outcome(struct iommusim_recorder *recorder, const struct statement *statement)
{
	const struct outcome *outcome = &statement->outcome;

	if (statement->row->run == run_dma)
		return;
	if (outcome->status != IOMMUSIM_OK || statement->row->yields == YIELDS_NOTHING)
		return;
	PUT(recorder, " = ");
	switch (statement->row->yields) {
	case YIELDS_NUMBER:
		trace_put_number(&recorder->out, outcome->number);
		break;
	case YIELDS_BYTES:
		trace_put_hex(&recorder->out, outcome->bytes, outcome->length);
		break;
	case YIELDS_MESSAGE:
		put_message(recorder, outcome);
		break;
	case YIELDS_DOMAIN:
	case YIELDS_NOTHING:
		break;
	}
}

void recorder_hush(struct iommusim_recorder *recorder, bool hushed)
{
	if (recorder != NULL)
		recorder->in_call = hushed;
}

void recorder_statement(struct iommusim_recorder *recorder, struct statement *statement)
{
	const struct argument_row *rows = &argument_rows[statement->row->first];
	const char *between = "";

	sync_functions(recorder, NULL);
	if (recorder->wrote) {
		recorder->wrote = false;
		put_expected(recorder, statement);
		return;
	}
	PUT(recorder, "%s(", statement->row->name);
	for (unsigned i = 0; i < argument_count(statement->row); i++) {
		const bool named = rows[i].place == ARGUMENT_NAMED || rows[i].place == ARGUMENT_OPTION;

		if (statement->arguments[i].kind == VALUE_ABSENT)
			continue;
		PUT(recorder, "%s%s%s", between, named ? rows[i].name : "", named ? "=" : "");
		put_value(recorder, statement, &rows[i], &statement->arguments[i]);
		between = ", ";
	}
	PUT(recorder, ")");
	put_outcome(recorder, statement);
	recorder->comment = false;
	end_line(recorder, statement->outcome.status);
	put_expected(recorder, statement);
	recorder->wrote = false;
}

/* ---- its life ------------------------------------------------------------------------------------------- */

static enum iommusim_status attach(struct iommusim_recorder *recorder)
{
	const struct iommusim_listener listener = {
		.context = recorder, .begin = call_begins, .end = call_ended
	};
	const struct iommusim_mmio_watcher watcher = { .context = recorder, .access = bus_access };
	enum iommusim_status status = iommusim_vmm_listen(recorder->vmm, &listener);

	if (status != IOMMUSIM_OK)
		return status;
	status = iommusim_mmio_watch(recorder->machine, &watcher);
	if (status != IOMMUSIM_OK)
		iommusim_vmm_unlisten(recorder->vmm, recorder);
	return status;
}

enum iommusim_status iommusim_recorder_create(
    struct iommusim_vmm *vmm, const struct iommusim_text *out, struct iommusim_recorder **result)
{
	struct iommusim_machine *machine = iommusim_vmm_machine(vmm);
	struct iommusim_recorder *recorder = machine_alloc_zeroed(machine, sizeof(*recorder));
	enum iommusim_status status;

	*result = NULL;
	if (recorder == NULL)
		return machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a recorder");
	recorder->vmm = vmm;
	recorder->machine = machine;
	recorder->target = *out;
	recorder->out = (struct iommusim_text){ .context = recorder, .put = put_behind };
	status = attach(recorder);
	if (status != IOMMUSIM_OK) {
		machine_free(machine, recorder, sizeof(*recorder));
		return status;
	}
	status = record_board(vmm, &recorder->out);
	if (status == IOMMUSIM_OK && !sync_functions(recorder, NULL))
		status = machine_fail(machine, IOMMUSIM_ENOMEM, "no memory for a recorder");
	if (status != IOMMUSIM_OK) {
		iommusim_recorder_destroy(recorder);
		return status;
	}
	recorder->wrote = false;
	*result = recorder;
	return IOMMUSIM_OK;
}

void iommusim_recorder_destroy(struct iommusim_recorder *recorder)
{
	if (recorder == NULL)
		return;
	iommusim_mmio_unwatch(recorder->machine, recorder);
	iommusim_vmm_unlisten(recorder->vmm, recorder);
	close_line(recorder);
	machine_free(
	    recorder->machine, recorder->known, recorder->known_capacity * sizeof(*recorder->known));
	machine_free(recorder->machine, recorder, sizeof(*recorder));
}
