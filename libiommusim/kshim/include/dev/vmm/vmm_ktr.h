/* Event tracing of vmm: there is none. */
#ifndef IOMMUSIM_KSHIM_DEV_VMM_VMM_KTR_H
#define IOMMUSIM_KSHIM_DEV_VMM_VMM_KTR_H

#include <sys/ktr.h>

#define VM_CTR0(vm, ...)        ((void)(vm))
#define VCPU_CTR0(vm, cpu, ...) ((void)(vm))
#define VM_CTR1(vm, ...)        ((void)(vm))
#define VCPU_CTR1(vm, cpu, ...) ((void)(vm))
#define VM_CTR2(vm, ...)        ((void)(vm))
#define VCPU_CTR2(vm, cpu, ...) ((void)(vm))
#define VM_CTR3(vm, ...)        ((void)(vm))
#define VCPU_CTR3(vm, cpu, ...) ((void)(vm))
#define VM_CTR4(vm, ...)        ((void)(vm))
#define VCPU_CTR4(vm, cpu, ...) ((void)(vm))

#endif
