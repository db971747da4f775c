/* The backend under test as a backend of the library's vmm: each call is kernel code. */
#ifndef TESTS_DRIVER_VTD_OPS_H
#define TESTS_DRIVER_VTD_OPS_H

#include <iommusim/vmm.h>

void ops_give(struct iommusim_vmm_config *config);

#endif
