/* An interrupt request written down: what amdvi_remap() finds, in the specification's names. */
#include "models/amdvi/interrupt.h"

#include "models/common/walk_step.h"

#define INTERRUPT_HALF 128u /* of a device table entry: from this bit on */

static struct iommusim_walk_step *next_step(
    struct iommusim_walk *walk, const struct spec_structure *structure, const uint64_t *raw)
{
	struct iommusim_walk_step *step = &walk->steps[walk->step_count++];

	*step = walk_step_of(structure, raw);
	return step;
}

static void describe_request(
    const struct amdvi_unit *amdvi, const struct interrupt_request *request, struct iommusim_walk *walk)
{
	const uint64_t raw[2] = { request->address, request->data };
	struct iommusim_walk_step *step = next_step(walk, &amdvi_msi_spec, raw);

	step->on_bus = true;
	step->readable = true;
	step->present = true;
	walk_step_describe(step, &amdvi_msi_spec, raw, &amdvi->spec);
}

/* Of the entry its second half: the first has nothing to do with interrupts (AMD-Vi 2.2.2.1). */
static void describe_device(
    const struct amdvi_unit *amdvi, const struct amdvi_remapping *remapping, struct iommusim_walk *walk)
{
	const struct spec_structure *structure = &amdvi_dte_spec;
	const struct amdvi_device *device = &remapping->device;
	struct iommusim_walk_step *step = next_step(walk, structure, device->dte);

	step->table = device->table;
	step->address = device->address;
	step->index = device->id;
	step->readable = device->readable;
	if (!step->readable)
		return;
	step->present = amdvi_dte_IV(device->dte) != 0;
	step->next = remapping->table;
	for (unsigned i = 0; i < structure->field_count; i++)
		if (structure->fields[i].low >= INTERRUPT_HALF)
			walk_step_describe_field(
			    step, &structure->fields[i], device->dte, &amdvi->spec);
}

static const struct spec_structure *structure_of(const struct amdvi_remapping *remapping)
{
	if (!amdvi_wide_entries(remapping))
		return &amdvi_irte_spec;
	return amdvi_entry_posts(remapping) ? &amdvi_irte_guest_spec : &amdvi_irte_ga_spec;
}

static void describe_entry(
    const struct amdvi_unit *amdvi, const struct amdvi_remapping *remapping, struct iommusim_walk *walk)
{
	const struct spec_structure *structure = structure_of(remapping);
	struct iommusim_walk_step *step = next_step(walk, structure, remapping->entry);

	step->table = remapping->table;
	step->address = remapping->address;
	step->index = remapping->index;
	step->readable = remapping->readable;
	if (!step->readable)
		return;
	step->present = amdvi_irte_REMAP_EN(remapping->entry) != 0;
	step->next = remapping->virtual_apic.address;
	walk_step_describe(step, structure, remapping->entry, &amdvi->spec);
}

/* Before anything is recorded in it. */
static void describe_virtual_apic(
    const struct amdvi_unit *amdvi, const struct amdvi_virtual_apic *apic, struct iommusim_walk *walk)
{
	struct iommusim_walk_step *step = next_step(walk, &amdvi_virtual_apic_irr_spec, &apic->word);

	step->table = apic->page;
	step->address = apic->address;
	step->readable = apic->readable;
	step->present = apic->readable;
	if (step->readable)
		walk_step_describe(step, &amdvi_virtual_apic_irr_spec, &apic->word, &amdvi->spec);
}

static const char *mode_of(const struct amdvi_remapping *remapping, enum amdvi_denial denial)
{
	const bool extended = amdvi_CONTROL_XT_EN(remapping->control) != 0;

	if (!amdvi_CONTROL_IOMMU_EN(remapping->control))
		return "off";
	if (!remapping->indexed)
		return denial == ALLOWED ? "forwarded interrupt" : "refused";
	if (amdvi_entry_posts(remapping) && amdvi_CONTROL_GAPPI_EN(remapping->control))
		return extended ? "posted interrupt, x2APIC, GAPPI" : "posted interrupt, xAPIC, GAPPI";
	if (amdvi_entry_posts(remapping))
		return extended ? "posted interrupt, x2APIC" : "posted interrupt, xAPIC";
	return extended ? "remapped interrupt, x2APIC" : "remapped interrupt, xAPIC";
}

static void describe_denial(const struct interrupt_request *request,
    const struct amdvi_remapping *remapping, enum amdvi_denial denial, struct iommusim_walk *walk)
{
	const struct amdvi_event event = amdvi_interrupt_event(request, remapping, denial);
	const struct amdvi_denial_meaning *meaning = amdvi_denial(denial);
	struct iommusim_fault *fault = &walk->result.fault;

	amdvi_event_describe(&event, fault);
	amdvi_interrupt_refine(fault, denial);
	fault->suppressor = amdvi_interrupt_silencer(remapping, denial);
	fault->suppressed = fault->suppressor != NULL;
	walk->result.faulted = true;
	walk->clause = meaning->clause;
	walk->reason = meaning->meaning;
}

void amdvi_explain_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_walk *walk)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);
	struct amdvi_remapping remapping;
	const enum amdvi_denial denial = amdvi_remap(amdvi, request, &remapping, out);

	walk->mode = mode_of(&remapping, denial);
	walk->result.translated = amdvi_CONTROL_IOMMU_EN(remapping.control) != 0;
	walk->result.interrupt = denial == ALLOWED;
	walk->write_right = denial == ALLOWED;
	if (walk->result.translated)
		describe_request(amdvi, request, walk);
	if (remapping.device.in_table)
		describe_device(amdvi, &remapping, walk);
	if (remapping.indexed)
		describe_entry(amdvi, &remapping, walk);
	if (remapping.virtual_apic.reached)
		describe_virtual_apic(amdvi, &remapping.virtual_apic, walk);
	if (denial != ALLOWED)
		describe_denial(request, &remapping, denial, walk);
}
