/*
 * The AMD-Vi fixture with two devices of one domain, host and guest tables, and requests of all kinds: for tests of
 * what is cached. What a test proves stands in the test.
 */
#ifndef IOMMUSIM_TESTS_AMDVI_CACHE_SCENE_H
#define IOMMUSIM_TESTS_AMDVI_CACHE_SCENE_H

#include "amdvi_fixture.h"

#define A         BIT(5)
#define D         BIT(6)
#define U         BIT(59)
#define FC        BIT(60)
#define HOST_PAGE (BIT(0) | BIT(61) | BIT(62))
#define GIOV      BIT(54)
#define GV        BIT(55)
#define XD        BIT(63)
#define OTHER_RID 0x0311u
#define NO_PASID  UINT32_MAX

enum { P = 1, RW = 2, US = 4 };

/*
 * Two devices of one domain: what one fills answers the other, which keeps nothing itself. Guest tables map
 * what map_guest() says for PASIDs 0, 5 and 6 alike; Mode 0, or nested, where host tables map it all as it is.
 */
struct scene {
	struct amd_fixture amd;
	struct iommusim_requester *other;
	uint64_t dte[4];
	uint64_t gcr3;
	uint64_t guest[4]; /* guest tables of levels 1 to 4 */
};

/* HAD as asked for; I: translation requests are answered. No page is mapped yet. */
void start(struct scene *scene, const struct amd_setup *setup, unsigned had);
/* 5000h at 9000h. */
void start_host(struct scene *scene, unsigned had);
void start_guest(struct scene *scene, const struct amd_setup *setup, unsigned had, bool nested);

/* Store the device table entry of both devices; nothing is invalidated. */
void set_dte(struct scene *scene);
/* Entries of level 1, of addresses below 2 MiB. */
void map_guest(struct scene *scene, uint64_t address, uint64_t entry);
uint64_t guest_entry(struct scene *scene, uint64_t address);
uint64_t host_entry(struct scene *scene, uint64_t address);

/* A request of 8 bytes, whatever its length says. */
struct iommusim_dma_page ask(
    struct iommusim_requester *device, const struct iommusim_dma_request *wanted);
struct iommusim_dma_page access_as(
    struct iommusim_requester *device, uint32_t pasid, enum iommusim_dma_kind kind, uint64_t address);
struct iommusim_dma_page access_privileged(
    struct iommusim_requester *device, uint32_t pasid, uint64_t address);
/* A translation request. */
struct iommusim_dma_page translate(struct iommusim_requester *device, uint64_t address, bool no_write);

#endif
