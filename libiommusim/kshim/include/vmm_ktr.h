/* Event tracing of vmm, under its older name. */
#include <dev/vmm/vmm_ktr.h>
