/*
 * The way back from the handler without sigreturn: signal mask, vectors and registers of the interrupted program are put
 * back here, which costs a system call that is cheaper. Where that would not do, the handler returns as any other.
 */
#include "kshim/traps/traps.h"

#if defined(__linux__)

#include <string.h>
#include <sys/syscall.h>

#define KERNEL_MASK_BYTES 8u   /* of a signal mask, to the kernel */
#define XSTATE_FLAG       0x1u /* uc_flags: the vectors are in XSAVE's format */
#define XSTATE_FEATURES   472u /* from fpregs on: what the kernel has saved there, 8 bytes */
#define STACK_AUTODISARM  (1U << 31)
#define RESUME_FLAG       0x10000u

/* AddressSanitizer goes through whole stacks for each function that does not return: there it does as others do. */
#if defined(__SANITIZE_ADDRESS__)
#define RETURNS true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RETURNS true
#endif
#endif
#ifndef RETURNS
#define RETURNS false
#endif

/* mov $15, %rax; syscall: what the kernel lets a handler return to. */
static const uint8_t sigreturn_code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };

/* Each handler has an entry on the processor's shadow stack, which only the kernel takes off. */
static bool shadow_stack(void)
{
	uint64_t pointer = 0;

	__asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8"
			 : "+a"(pointer)); /* rdsspq %rax, or nothing */
	return pointer != 0;
}

static bool possible(const ucontext_t *interrupted, const void *return_address)
{
	return !RETURNS && memcmp(return_address, sigreturn_code, sizeof(sigreturn_code)) == 0 &&
	    ((unsigned)interrupted->uc_stack.ss_flags & STACK_AUTODISARM) == 0 &&
	    (interrupted->uc_flags & XSTATE_FLAG) != 0 && interrupted->uc_mcontext.fpregs != NULL &&
	    !shadow_stack();
}

#define AT(name) [name] "i"(REG_##name * sizeof(greg_t))

/*
 * From the system call on a signal may arrive. Its handler runs below us on this stack, and nothing that is still needed
 * lies anywhere else. iretq takes instruction, flags and stack pointer at once, and leaves the red zone alone.
 */
static _Noreturn __attribute__((noinline)) void leave(ucontext_t *interrupted, uint64_t features)
{
	register uint64_t saved __asm__("r12") = features;
	register const void *vectors __asm__("r13") = interrupted->uc_mcontext.fpregs;
	greg_t *registers = interrupted->uc_mcontext.gregs;

	__asm__ volatile("	mov %[number], %%eax\n"
			 "	mov %[how], %%edi\n"
			 "	xor %%edx, %%edx\n"
			 "	mov %[bytes], %%r10d\n"
			 "	syscall\n"
			 "	mov %%r12d, %%eax\n"
			 "	mov %%r12, %%rdx\n"
			 "	shr $32, %%rdx\n"
			 "	xrstor64 (%%r13)\n"
			 "	mov %%ss, %%eax\n"
			 "	push %%rax\n"
			 "	pushq %c[RSP](%%rbx)\n"
			 "	pushq %c[EFL](%%rbx)\n"
			 "	mov %%cs, %%eax\n"
			 "	push %%rax\n"
			 "	pushq %c[RIP](%%rbx)\n"
			 "	mov %c[R8](%%rbx), %%r8\n"
			 "	mov %c[R9](%%rbx), %%r9\n"
			 "	mov %c[R10](%%rbx), %%r10\n"
			 "	mov %c[R11](%%rbx), %%r11\n"
			 "	mov %c[R12](%%rbx), %%r12\n"
			 "	mov %c[R13](%%rbx), %%r13\n"
			 "	mov %c[R14](%%rbx), %%r14\n"
			 "	mov %c[R15](%%rbx), %%r15\n"
			 "	mov %c[RAX](%%rbx), %%rax\n"
			 "	mov %c[RCX](%%rbx), %%rcx\n"
			 "	mov %c[RDX](%%rbx), %%rdx\n"
			 "	mov %c[RSI](%%rbx), %%rsi\n"
			 "	mov %c[RDI](%%rbx), %%rdi\n"
			 "	mov %c[RBP](%%rbx), %%rbp\n"
			 "	mov %c[RBX](%%rbx), %%rbx\n"
			 "	iretq\n"
			 :
			 : "b"(registers), "S"(&interrupted->uc_sigmask), "r"(saved),
			 "r"(vectors), [number] "i"(SYS_rt_sigprocmask), [how] "i"(SIG_SETMASK),
			 [bytes] "i"(KERNEL_MASK_BYTES), AT(RSP), AT(EFL), AT(RIP), AT(R8), AT(R9),
			 AT(R10), AT(R11), AT(R12), AT(R13), AT(R14), AT(R15), AT(RAX), AT(RCX),
			 AT(RDX), AT(RSI), AT(RDI), AT(RBP), AT(RBX)
			 : "memory");
	__builtin_unreachable();
}

void traps_leave(ucontext_t *interrupted, const void *return_address)
{
	uint64_t features;

	if (!possible(interrupted, return_address))
		return;
	memcpy(&features, (const uint8_t *)interrupted->uc_mcontext.fpregs + XSTATE_FEATURES,
	    sizeof(features));
	/* The processor set it for the access that faulted; it would hide a breakpoint behind that. */
	interrupted->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)RESUME_FLAG;
	leave(interrupted, features);
}

#else

void traps_leave(ucontext_t *interrupted, const void *return_address)
{
	(void)interrupted;
	(void)return_address;
}

#endif
