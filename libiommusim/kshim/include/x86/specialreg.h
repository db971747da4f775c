/* Special registers of the processor: those whose numbers drivers of IOMMUs name. */
#ifndef IOMMUSIM_KSHIM_X86_SPECIALREG_H
#define IOMMUSIM_KSHIM_X86_SPECIALREG_H

#define CR0_PE        0x00000001
#define CR0_PG        0x80000000
#define CR4_PAE       0x00000020
#define CR4_LA57      0x00001000
#define CPUID_CLFSH   0x00080000
#define CPUID2_VMX    0x00000020
#define CPUID2_X2APIC 0x00200000
#define AMDID2_SVM    0x00000004
#define MSR_APICBASE  0x01b
#define MSR_EFER      0xc0000080

#endif
