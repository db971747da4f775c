/*
 * iommu_ops in FreeBSD's own two shapes, as thin shims over iommusim_ops (ops.h): the one whose calls return
 * nothing, and the one of April 2025 (2eeb95ccf39a), whose calls return an error.
 *
 * A shim holds no state: the table itself is the context. It must live as long as the vmm it is given to.
 */
#ifndef IOMMUSIM_FREEBSD_OPS_H
#define IOMMUSIM_FREEBSD_OPS_H

#include <stdint.h>

#include <iommusim/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Until 14.2: addresses and lengths in bytes; the mapping calls return the bytes they did. */
struct iommusim_void_ops {
	int (*init)(void); /* 0 or an errno, as all ints here */
	void (*cleanup)(void);
	void (*enable)(void);
	void (*disable)(void);
	void *(*create_domain)(uint64_t maxaddr); /* NULL: it could not */
	void (*destroy_domain)(void *domain);
	uint64_t (*create_mapping)(void *domain, uint64_t gpa, uint64_t hpa, uint64_t len);
	uint64_t (*remove_mapping)(void *domain, uint64_t gpa, uint64_t len);
	void (*add_device)(void *domain, uint16_t rid);
	void (*remove_device)(void *domain, uint16_t rid);
	void (*invalidate_tlb)(void *domain);
};

/* Of 15.0: bytes done through `res_len`; `dev` is the device_t of a requester id. */
struct iommusim_error_ops {
	int (*init)(void);
	void (*cleanup)(void);
	void (*enable)(void);
	void (*disable)(void);
	void *(*create_domain)(uint64_t maxaddr);
	void (*destroy_domain)(void *domain);
	int (*create_mapping)(
	    void *domain, uint64_t gpa, uint64_t hpa, uint64_t len, uint64_t *res_len);
	int (*remove_mapping)(void *domain, uint64_t gpa, uint64_t len, uint64_t *res_len);
	int (*add_device)(void *domain, void *dev, uint16_t rid);
	int (*remove_device)(void *domain, void *dev, uint16_t rid);
	int (*invalidate_tlb)(void *domain);
	/* Beside FreeBSD's: the device_t of a requester id of segment 0; NULL: all are NULL. */
	void *(*device)(uint16_t rid);
};

/*
 * The ops to put into iommusim_vmm_config, with the table as ops_context. Of the older shape no call but init and
 * create_domain ever fails; a mapping call that does nothing is EIO, where the kernel would loop for ever.
 */
IOMMUSIM_API extern const struct iommusim_ops iommusim_void_ops_shim;
IOMMUSIM_API extern const struct iommusim_ops iommusim_error_ops_shim;

/* OK for 0; the status of that name for the errnos of Linux and FreeBSD; EIO for the rest. */
IOMMUSIM_API enum iommusim_status iommusim_status_of_errno(int error);

#ifdef __cplusplus
}
#endif

#endif
