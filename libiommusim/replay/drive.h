/* A story's devices and their drivers, for the statements about them. Private to this folder. */
#ifndef IOMMUSIM_REPLAY_DRIVE_H
#define IOMMUSIM_REPLAY_DRIVE_H

#include "replay/run.h"

/* Kinds of devices, a bit each. */
#define DISKS (1u << IOMMUSIM_DEVICE_AHCI | 1u << IOMMUSIM_DEVICE_NVME)
#define NICS  (1u << IOMMUSIM_DEVICE_NIC)
#define ATS   (1u << IOMMUSIM_DEVICE_ATS)
#define ANY   (DISKS | NICS | ATS)

#define ANY_WORDS "class=ahci, nvme, nic or ats"

/* What is known of the device at a place, or NULL. */
struct known_device *drive_find(struct replay *replay, uint16_t segment, uint16_t rid);
/* The same, from now on. NULL: no memory. */
struct known_device *drive_learn(struct replay *replay, const struct value *at);
/* Nobody drives it any more. */
void drive_forget(struct known_device *known);
/* Is it still the same driver, with the same memory? */
bool drive_is_current(
    const struct replay *replay, struct known_device *known, const struct iommusim_device *device);

/* The device at a place, which is one of `kinds`; `expected` says which. Else the story ends. */
enum iommusim_status drive_device(struct replay *replay, const struct value *at, unsigned kinds,
    const char *expected, struct iommusim_device **device);
/*
 * The driver of the device at a place, which takes it over first if it must. `*driver` NULL: the device does not get
 * ready, and the outcome says so.
 */
enum iommusim_status drive_driver(struct replay *replay, const struct value *at, unsigned kinds,
    const char *expected, struct iommusim_device_driver **driver);

/* for= of a statement, if it is there. */
void drive_for(struct replay *replay, const struct value *for_vm);
/*
 * The pieces of a buffer as the device is to see them: gpa() makes one of each run of host pages, those of `io` if it
 * is not NULL.
 */
enum iommusim_status drive_pieces(struct replay *replay, const struct value *address, uint64_t length,
    const struct iommusim_host_io *io, const struct iommusim_driver_piece **pieces, size_t *count);
/* What came of a driver's request, and what it was told. */
void drive_conclude(
    struct replay *replay, enum iommusim_status status, uint64_t told, const char *words);

#endif
