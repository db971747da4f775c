/* The event interrupts of a unit: masking, pending, and the one message a condition sends (VT-d 7.3). */
#include "models/vtd/event.h"

#include "models/vtd/fault.h"

/* The four registers of an event, and the status bits that are its conditions. */
struct event_registers {
	enum vtd_register_id control, data, address, upper;
};

static const struct event_registers registers_of[] = {
	[VTD_EVENT_FAULT] = { VTD_FECTL, VTD_FEDATA, VTD_FEADDR, VTD_FEUADDR },
	[VTD_EVENT_INVALIDATION] = { VTD_IECTL, VTD_IEDATA, VTD_IEADDR, VTD_IEUADDR },
	[VTD_EVENT_PAGE_REQUEST] = { VTD_PECTL, VTD_PEDATA, VTD_PEADDR, VTD_PEUADDR },
	[VTD_EVENT_PERFORMANCE] = { VTD_PERFINTRCTL, VTD_PERFINTRDATA, VTD_PERFINTRADDR,
	    VTD_PERFINTRUADDR },
};

/* The control registers share one layout: FECTL's accessors serve all. */
static bool masked(const struct vtd_unit *vtd, const struct event_registers *event)
{
	return vtd_FECTL_IM(vtd->registers[event->control].value) != 0;
}

static void set_pending(struct vtd_unit *vtd, const struct event_registers *event, bool pending)
{
	struct register_cell *control = &vtd->registers[event->control];

	control->value = (control->value & ~vtd_FECTL_IP_bits(1)) | vtd_FECTL_IP_bits(pending);
}

/* The unit's own messages are not remapped. */
static void send(struct vtd_unit *vtd, const struct event_registers *event)
{
	const struct iommusim_interrupt message = {
		.address =
		    vtd->registers[event->upper].value << 32 | vtd->registers[event->address].value,
		.data = (uint32_t)vtd->registers[event->data].value,
		.segment = vtd->unit.segment,
		.from_unit = true,
	};

	interrupt_raise(vtd->unit.machine, &message);
}

static bool condition_holds(const struct vtd_unit *vtd, enum vtd_event event)
{
	switch (event) {
	case VTD_EVENT_INVALIDATION:
		return vtd->registers[VTD_ICS].value != 0;
	case VTD_EVENT_PAGE_REQUEST:
		return vtd->registers[VTD_PRS].value != 0;
	case VTD_EVENT_PERFORMANCE:
		return vtd->registers[VTD_PERFINTRSTS].value != 0;
	default:
		return (vtd->registers[VTD_FSTS].value & vtd_fault_conditions()) != 0 ||
		    vtd_fault_pending(vtd);
	}
}

void vtd_event_raise(struct vtd_unit *vtd, enum vtd_event event)
{
	const struct event_registers *registers = &registers_of[event];

	if (masked(vtd, registers))
		set_pending(vtd, registers, true);
	else
		send(vtd, registers);
}

void vtd_event_update(struct vtd_unit *vtd, enum vtd_event event)
{
	const struct event_registers *registers = &registers_of[event];

	if (!vtd_FECTL_IP(vtd->registers[registers->control].value))
		return;
	if (!condition_holds(vtd, event)) {
		set_pending(vtd, registers, false);
	} else if (!masked(vtd, registers)) {
		set_pending(vtd, registers, false);
		send(vtd, registers);
	}
}
