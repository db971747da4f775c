/* Instructions of the processor: cache flushes, which reach the machine's device view; interrupts off and on. */
#ifndef IOMMUSIM_KSHIM_MACHINE_CPUFUNC_H
#define IOMMUSIM_KSHIM_MACHINE_CPUFUNC_H

#include <sys/types.h>

void iommusim_kernel_spin_wait(void);
/* Polling: time passes. */
#define ia32_pause() iommusim_kernel_spin_wait()

void clflush(u_long address);
void clflushopt(u_long address);
void wbinvd(void);
void mfence(void);
void lfence(void);
void sfence(void);

register_t intr_disable(void);
void intr_restore(register_t state);
void enable_intr(void);
void disable_intr(void);

/* What CPUID and MSRs say is not modelled beyond the vendor. */
extern _Thread_local u_int cpu_vendor_id;
extern _Thread_local u_int cpu_clflush_line_size;
#define CPU_VENDOR_AMD   0x1022
#define CPU_VENDOR_INTEL 0x8086
#define CPU_VENDOR_HYGON 0x1d94

#endif
