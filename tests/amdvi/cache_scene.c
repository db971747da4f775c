/* The scene of tests of what is cached. What is proved stands in the tests. */
#include "cache_scene.h"

void set_dte(struct scene *scene)
{
	am_set_dte(&scene->amd, AMD_RID, scene->dte);
	am_set_dte(&scene->amd, OTHER_RID, scene->dte);
}

void start(struct scene *scene, const struct amd_setup *setup, unsigned had)
{
	memset(scene, 0, sizeof(*scene));
	am_start_enabled(&scene->amd, setup);
	assert_int_equal(
	    iommusim_requester_create(scene->amd.machine, 0, OTHER_RID, &scene->other), IOMMUSIM_OK);
	am_plain_dte(&scene->amd, scene->dte);
	scene->dte[0] |= (uint64_t)had << 7;
	scene->dte[1] |= BIT(32);
	set_dte(scene);
}

void start_host(struct scene *scene, unsigned had)
{
	start(scene, NULL, had);
	am_map(&scene->amd, 0x5000, 0x9000, 3);
}

void start_guest(struct scene *scene, const struct amd_setup *setup, unsigned had, bool nested)
{
	start(scene, setup, had);
	am_control(&scene->amd, C_GT_EN, 0);
	scene->gcr3 = am_page(&scene->amd);
	for (unsigned level = 0; level < 4; level++)
		scene->guest[level] = am_page(&scene->amd);
	for (unsigned level = 1; level < 4; level++)
		am_store(&scene->amd, scene->guest[level], scene->guest[level - 1] | P | RW | US);
	for (unsigned pasid = 0; pasid <= 6; pasid += pasid == 0 ? 5 : 1)
		am_store(&scene->amd, scene->gcr3 + pasid * UINT64_C(8), scene->guest[3] | 1);
	for (unsigned level = 0; nested && level < 4; level++)
		am_map(&scene->amd, scene->guest[level], scene->guest[level], 3);
	if (!nested)
		scene->dte[0] = 3 | BIT(61) | BIT(62);
	scene->dte[0] |= GV | (scene->gcr3 >> 12 & 7) << 58;
	scene->dte[1] |= (scene->gcr3 >> 15 & 0xffff) << 16;
	set_dte(scene);
}

void map_guest(struct scene *scene, uint64_t address, uint64_t entry)
{
	am_store(&scene->amd, scene->guest[0] + (address >> 12) * 8, entry);
}

uint64_t guest_entry(struct scene *scene, uint64_t address)
{
	return am_load(&scene->amd, scene->guest[0] + (address >> 12) * 8);
}

uint64_t host_entry(struct scene *scene, uint64_t address)
{
	return am_load(&scene->amd, am_entry_at(&scene->amd, address, 1));
}

struct iommusim_dma_page ask(
    struct iommusim_requester *device, const struct iommusim_dma_request *wanted)
{
	struct iommusim_dma_request request = *wanted;
	struct iommusim_dma_outcome outcome;

	request.length = 8;
	assert_int_equal(iommusim_dma(device, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome.page;
}

struct iommusim_dma_page access_as(
    struct iommusim_requester *device, uint32_t pasid, enum iommusim_dma_kind kind, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address,
		.kind = kind,
		.has_pasid = pasid != NO_PASID,
		.pasid = pasid == NO_PASID ? 0 : pasid };

	return ask(device, &request);
}

struct iommusim_dma_page translate(struct iommusim_requester *device, uint64_t address, bool no_write)
{
	const struct iommusim_dma_request request = { .address = address,
		.address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST,
		.no_write = no_write };

	return ask(device, &request);
}

struct iommusim_dma_page access_privileged(
    struct iommusim_requester *device, uint32_t pasid, uint64_t address)
{
	const struct iommusim_dma_request request = {
		.address = address, .has_pasid = true, .pasid = pasid, .privileged = true
	};

	return ask(device, &request);
}
