/* What api_driver.c does wrong, one function each; all are called as kernel code. */
#ifndef TESTS_DRIVER_API_DRIVER_H
#define TESTS_DRIVER_API_DRIVER_H

/* The sample backend's ops, with an init that panics when api_panics_in_init is set. */
extern const struct iommu_ops iommu_ops_api;
extern int api_panics_in_init;

/* `context` is the unit's physical base. */
void api_loop_on_status(void *context);
void api_poll_memory(void *context);
void api_wild_store(void *context);
void api_null_store(void *context);
void api_double_free(void *context);
void api_panic(void *context);
void api_assertion(void *context);
void api_panic_with_lock(void *context);
void api_forgets_lock(void *context);
void api_bare_srtp(void *context);
void api_enable(void *context);
void api_plain_store(void *context);
void api_clears_registers(void *context);

#endif
