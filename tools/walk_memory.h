/* A machine made of memory images, whose unit is pointed at the tables in them. */
#ifndef IOMMUSIM_TOOLS_WALK_MEMORY_H
#define IOMMUSIM_TOOLS_WALK_MEMORY_H

#include "recording_run.h"

struct walk_image {
	char **files; /* pages as JSON lines, or a raw image as FILE@ADDRESS */
	size_t file_count;
	const char *platform;
	bool has_root;
	bool has_irta;
	bool has_control;
	uint64_t root;    /* what the root table address register is to hold, or the device table's */
	uint64_t irta;    /* what the interrupt remapping table address register is to hold */
	uint64_t control; /* what CONTROL of an AMD-Vi unit is to hold, IommuEn apart */
};

/*
 * OK, EFORMAT, EIO, EOPNOTSUPP (`problem` says what and where), ENOMEM. Destroy `platform->machine`
 * after OK; nothing stays on failure.
 */
enum iommusim_status walk_memory_build(const struct walk_image *image,
    struct recording_platform *platform, struct recording_problem *problem);

/* Give the platform's unit the tables that `image` names, as software would. OK, EFORMAT: walk_unit.c. */
enum iommusim_status walk_unit_program(const struct walk_image *image,
    const struct recording_platform *platform, struct recording_problem *problem);

/* EFORMAT, and a message about a file as a whole. */
enum iommusim_status walk_memory_refuse(struct recording_problem *problem, const char *file,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
