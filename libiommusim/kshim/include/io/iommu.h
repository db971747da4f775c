/*
 * vmm's IOMMU interface, between io/iommu.c and a backend, for a driver that brings no copy of its own: until 14
 * calls return nothing; with -DIOMMUSIM_KSHIM_ERROR_OPS, as in 15, they return an error.
 */
#ifndef IOMMUSIM_KSHIM_IO_IOMMU_H
#define IOMMUSIM_KSHIM_IO_IOMMU_H

#include <sys/types.h>

#ifdef IOMMUSIM_KSHIM_ERROR_OPS
typedef int iommu_result_t;
#define IOMMUSIM_DEVICE_ARG device_t dev,
#define IOMMUSIM_DONE_ARG   , uint64_t *res_len
typedef int iommu_bytes_t;
#else
typedef void iommu_result_t;
#define IOMMUSIM_DEVICE_ARG
#define IOMMUSIM_DONE_ARG
typedef uint64_t iommu_bytes_t;
#endif

typedef int (*iommu_init_func_t)(void);
typedef void (*iommu_cleanup_func_t)(void);
typedef void (*iommu_enable_func_t)(void);
typedef void (*iommu_disable_func_t)(void);
typedef void *(*iommu_create_domain_t)(vm_paddr_t maxaddr);
typedef void (*iommu_destroy_domain_t)(void *domain);
typedef iommu_bytes_t (*iommu_create_mapping_t)(
    void *domain, vm_paddr_t gpa, vm_paddr_t hpa, uint64_t len IOMMUSIM_DONE_ARG);
typedef iommu_bytes_t (*iommu_remove_mapping_t)(
    void *domain, vm_paddr_t gpa, uint64_t len IOMMUSIM_DONE_ARG);
typedef iommu_result_t (*iommu_add_device_t)(void *domain, IOMMUSIM_DEVICE_ARG uint16_t rid);
typedef iommu_result_t (*iommu_remove_device_t)(void *domain, IOMMUSIM_DEVICE_ARG uint16_t rid);
typedef iommu_result_t (*iommu_invalidate_tlb_t)(void *domain);

struct iommu_ops {
	iommu_init_func_t init;
	iommu_cleanup_func_t cleanup;
	iommu_enable_func_t enable;
	iommu_disable_func_t disable;
	iommu_create_domain_t create_domain;
	iommu_destroy_domain_t destroy_domain;
	iommu_create_mapping_t create_mapping;
	iommu_remove_mapping_t remove_mapping;
	iommu_add_device_t add_device;
	iommu_remove_device_t remove_device;
	iommu_invalidate_tlb_t invalidate_tlb;
};

/*
 * Until 12 a driver's table is no constant. The compiler finds "conflicting type qualifiers" here for a driver of that
 * age, which needs -DIOMMUSIM_KSHIM_WRITABLE_OPS; iommusim_add_driver() sees by itself which it is.
 */
#ifdef IOMMUSIM_KSHIM_WRITABLE_OPS
extern struct iommu_ops iommu_ops_intel;
extern struct iommu_ops iommu_ops_amd;
#else
extern const struct iommu_ops iommu_ops_intel;
extern const struct iommu_ops iommu_ops_amd;
#endif

/* Which shape a driver was compiled for, so that a test which takes it for the other is told (iommusim/test.h). */
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
extern const char iommusim_kshim_has_error_ops;
__attribute__((weak)) const char iommusim_kshim_has_error_ops = 1;
#else
extern const char iommusim_kshim_has_void_ops;
__attribute__((weak)) const char iommusim_kshim_has_void_ops = 1;
#endif

/* io/iommu.c */
void iommu_cleanup(void);
void *iommu_host_domain(void);
void *iommu_create_domain(vm_paddr_t maxaddr);
void iommu_destroy_domain(void *domain);
iommu_result_t iommu_create_mapping(void *domain, vm_paddr_t gpa, vm_paddr_t hpa, size_t len);
iommu_result_t iommu_remove_mapping(void *domain, vm_paddr_t gpa, size_t len);
iommu_result_t iommu_add_device(void *domain, IOMMUSIM_DEVICE_ARG uint16_t rid);
iommu_result_t iommu_remove_device(void *domain, IOMMUSIM_DEVICE_ARG uint16_t rid);
iommu_result_t iommu_invalidate_tlb(void *domain);

#undef IOMMUSIM_DEVICE_ARG
#undef IOMMUSIM_DONE_ARG

#endif
