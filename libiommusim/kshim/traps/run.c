/*
 * Running one instruction with the interrupted program's registers: the way in and the way out. The
 * instruction itself is a stub (stub.c).
 */
#include "kshim/traps/traps.h"

#include <string.h>

/*
 * Copied to the head of each thread's code. While a stub runs all sixteen registers are the driver's,
 * so everything here is addressed relative to the instruction: struct run lies 0x9000 behind. The
 * driver's stack pointer is loaded as well, for push and pop; no signal arrives meanwhile.
 */
__asm__(".pushsection .rodata\n"
	".p2align 4\n"
	"traps_run_code:\n"
	".set run, traps_run_code + 0x9000\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	pushq run+0x80(%rip)\n"
	"	popfq\n"
	"	mov %rsp, run+0x88(%rip)\n"
	"	mov run+0x00(%rip), %rax\n"
	"	mov run+0x08(%rip), %rcx\n"
	"	mov run+0x10(%rip), %rdx\n"
	"	mov run+0x18(%rip), %rbx\n"
	"	mov run+0x20(%rip), %rsp\n"
	"	mov run+0x28(%rip), %rbp\n"
	"	mov run+0x30(%rip), %rsi\n"
	"	mov run+0x38(%rip), %rdi\n"
	"	mov run+0x40(%rip), %r8\n"
	"	mov run+0x48(%rip), %r9\n"
	"	mov run+0x50(%rip), %r10\n"
	"	mov run+0x58(%rip), %r11\n"
	"	mov run+0x60(%rip), %r12\n"
	"	mov run+0x68(%rip), %r13\n"
	"	mov run+0x70(%rip), %r14\n"
	"	mov run+0x78(%rip), %r15\n"
	"	jmp *run+0x90(%rip)\n"
	"traps_run_leave:\n"
	"	mov %rsp, run+0x20(%rip)\n"
	"	mov run+0x88(%rip), %rsp\n"
	"	pushfq\n"
	"	popq run+0x80(%rip)\n"
	"	mov %rax, run+0x00(%rip)\n"
	"	mov %rcx, run+0x08(%rip)\n"
	"	mov %rdx, run+0x10(%rip)\n"
	"	mov %rbx, run+0x18(%rip)\n"
	"	mov %rbp, run+0x28(%rip)\n"
	"	mov %rsi, run+0x30(%rip)\n"
	"	mov %rdi, run+0x38(%rip)\n"
	"	mov %r8, run+0x40(%rip)\n"
	"	mov %r9, run+0x48(%rip)\n"
	"	mov %r10, run+0x50(%rip)\n"
	"	mov %r11, run+0x58(%rip)\n"
	"	mov %r12, run+0x60(%rip)\n"
	"	mov %r13, run+0x68(%rip)\n"
	"	mov %r14, run+0x70(%rip)\n"
	"	mov %r15, run+0x78(%rip)\n"
	"	cld\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n"
	"traps_run_vectors:\n"
	"	fxsave64 run+0x2b0(%rip)\n"
	"	fxrstor64 run+0xb0(%rip)\n"
	"	call traps_run_code\n"
	"	fxsave64 run+0xb0(%rip)\n"
	"	fxrstor64 run+0x2b0(%rip)\n"
	"	ret\n"
	"traps_run_end:\n"
	".popsection\n");

extern const uint8_t traps_run_code[], traps_run_leave[], traps_run_vectors[], traps_run_end[];

/* Carry, parity, adjust, zero, sign, direction, overflow: the others are not an instruction's. */
#define FLAGS 0xcd5u

void traps_run_prepare(uint8_t *code)
{
	memcpy(code, traps_run_code, (size_t)(traps_run_end - traps_run_code));
}

size_t traps_run_leave_offset(void)
{
	return (size_t)(traps_run_leave - traps_run_code);
}

void traps_run(struct traps_thread *thread, const struct form *form, struct port_registers *registers)
{
	const size_t entry = form->vectors ? (size_t)(traps_run_vectors - traps_run_code) : 0;
	struct run *run = &thread->run;

	memcpy(run->general, registers->general, sizeof(run->general));
	run->flags = registers->flags & FLAGS;
	run->stub = form->stub;
	((void (*)(void))(uintptr_t)(thread->code + entry))();
	memcpy(registers->general, run->general, sizeof(run->general));
	registers->flags = (registers->flags & ~(uint64_t)FLAGS) | (run->flags & FLAGS);
}
