/* The way into an instruction with all registers set, and out with all of them kept. */
#include "tests/driver/cpu.h"

#include <stddef.h>
#include <string.h>

struct {
	struct cpu cpu;
	uint64_t outer_stack;
	const void *code;
} cpu_state __attribute__((visibility("hidden")));

_Static_assert(offsetof(struct cpu, flags) == 0x80, "below");
_Static_assert(offsetof(struct cpu, vectors) == 0x88, "below");
_Static_assert(sizeof(struct cpu) == 0xc8, "below");

__asm__(".text\n"
	".p2align 4\n"
	"cpu_enter:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	movups cpu_state+0x88(%rip), %xmm0\n"
	"	movups cpu_state+0x98(%rip), %xmm1\n"
	"	movups cpu_state+0xa8(%rip), %xmm2\n"
	"	movups cpu_state+0xb8(%rip), %xmm3\n"
	"	pushq cpu_state+0x80(%rip)\n"
	"	popfq\n"
	"	mov %rsp, cpu_state+0xc8(%rip)\n"
	"	mov cpu_state+0x00(%rip), %rax\n"
	"	mov cpu_state+0x08(%rip), %rcx\n"
	"	mov cpu_state+0x10(%rip), %rdx\n"
	"	mov cpu_state+0x18(%rip), %rbx\n"
	"	mov cpu_state+0x20(%rip), %rsp\n"
	"	mov cpu_state+0x28(%rip), %rbp\n"
	"	mov cpu_state+0x30(%rip), %rsi\n"
	"	mov cpu_state+0x38(%rip), %rdi\n"
	"	mov cpu_state+0x40(%rip), %r8\n"
	"	mov cpu_state+0x48(%rip), %r9\n"
	"	mov cpu_state+0x50(%rip), %r10\n"
	"	mov cpu_state+0x58(%rip), %r11\n"
	"	mov cpu_state+0x60(%rip), %r12\n"
	"	mov cpu_state+0x68(%rip), %r13\n"
	"	mov cpu_state+0x70(%rip), %r14\n"
	"	mov cpu_state+0x78(%rip), %r15\n"
	"	jmp *cpu_state+0xd0(%rip)\n"
	".globl cpu_leave\n"
	".hidden cpu_leave\n"
	"cpu_leave:\n"
	"	mov %rsp, cpu_state+0x20(%rip)\n"
	"	mov cpu_state+0xc8(%rip), %rsp\n"
	"	pushfq\n"
	"	popq cpu_state+0x80(%rip)\n"
	"	cld\n"
	"	movups %xmm0, cpu_state+0x88(%rip)\n"
	"	movups %xmm1, cpu_state+0x98(%rip)\n"
	"	movups %xmm2, cpu_state+0xa8(%rip)\n"
	"	movups %xmm3, cpu_state+0xb8(%rip)\n"
	"	mov %rax, cpu_state+0x00(%rip)\n"
	"	mov %rcx, cpu_state+0x08(%rip)\n"
	"	mov %rdx, cpu_state+0x10(%rip)\n"
	"	mov %rbx, cpu_state+0x18(%rip)\n"
	"	mov %rbp, cpu_state+0x28(%rip)\n"
	"	mov %rsi, cpu_state+0x30(%rip)\n"
	"	mov %rdi, cpu_state+0x38(%rip)\n"
	"	mov %r8, cpu_state+0x40(%rip)\n"
	"	mov %r9, cpu_state+0x48(%rip)\n"
	"	mov %r10, cpu_state+0x50(%rip)\n"
	"	mov %r11, cpu_state+0x58(%rip)\n"
	"	mov %r12, cpu_state+0x60(%rip)\n"
	"	mov %r13, cpu_state+0x68(%rip)\n"
	"	mov %r14, cpu_state+0x70(%rip)\n"
	"	mov %r15, cpu_state+0x78(%rip)\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n");

void cpu_enter(void);

void cpu_run(struct cpu *cpu, const void *code)
{
	cpu_state.cpu = *cpu;
	cpu_state.code = code;
	cpu_enter();
	*cpu = cpu_state.cpu;
	cpu->flags &= CPU_FLAGS;
}
