/*
 * What a signal handler sees of the interrupted x86-64 processor, under each system's names: general
 * registers, instruction pointer, flags, SSE state. What is done with it is the caller's business.
 */
#ifndef IOMMUSIM_PORT_CONTEXT_H
#define IOMMUSIM_PORT_CONTEXT_H

#if defined(__x86_64__) && (defined(__linux__) || defined(__FreeBSD__))

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* General registers in the order of their numbers in instructions: rax, rcx, rdx, rbx, rsp ... r15. */
struct port_registers {
	uint64_t general[16];
	uint64_t flags;
	uint64_t instruction;
};

#if defined(__linux__)

#define PORT_CONTEXT_ROW(context, name) ((context)->uc_mcontext.gregs[REG_##name])
#define PORT_CONTEXT_FLAGS              EFL

/* 512 bytes as FXSAVE leaves them; NULL when there are none. */
static inline void *port_context_fxsave(ucontext_t *context)
{
	return context->uc_mcontext.fpregs;
}

#else

#define PORT_CONTEXT_RAX                mc_rax
#define PORT_CONTEXT_RCX                mc_rcx
#define PORT_CONTEXT_RDX                mc_rdx
#define PORT_CONTEXT_RBX                mc_rbx
#define PORT_CONTEXT_RSP                mc_rsp
#define PORT_CONTEXT_RBP                mc_rbp
#define PORT_CONTEXT_RSI                mc_rsi
#define PORT_CONTEXT_RDI                mc_rdi
#define PORT_CONTEXT_R8                 mc_r8
#define PORT_CONTEXT_R9                 mc_r9
#define PORT_CONTEXT_R10                mc_r10
#define PORT_CONTEXT_R11                mc_r11
#define PORT_CONTEXT_R12                mc_r12
#define PORT_CONTEXT_R13                mc_r13
#define PORT_CONTEXT_R14                mc_r14
#define PORT_CONTEXT_R15                mc_r15
#define PORT_CONTEXT_RIP                mc_rip
#define PORT_CONTEXT_RFLAGS             mc_rflags
#define PORT_CONTEXT_ROW(context, name) ((context)->uc_mcontext.PORT_CONTEXT_##name)
#define PORT_CONTEXT_FLAGS              RFLAGS

static inline void *port_context_fxsave(ucontext_t *context)
{
	if (context->uc_mcontext.mc_ownedfp == _MC_FPOWNED_NONE)
		return NULL;
	return context->uc_mcontext.mc_fpstate;
}

#endif

/* One row for each register; the order is that of struct port_registers. */
#define PORT_CONTEXT_GENERAL(ROW)                                                                      \
	ROW(0, RAX)                                                                                    \
	ROW(1, RCX)                                                                                    \
	ROW(2, RDX)                                                                                    \
	ROW(3, RBX)                                                                                    \
	ROW(4, RSP)                                                                                    \
	ROW(5, RBP)                                                                                    \
	ROW(6, RSI)                                                                                    \
	ROW(7, RDI)                                                                                    \
	ROW(8, R8)                                                                                     \
	ROW(9, R9)                                                                                     \
	ROW(10, R10)                                                                                   \
	ROW(11, R11)                                                                                   \
	ROW(12, R12)                                                                                   \
	ROW(13, R13)                                                                                   \
	ROW(14, R14)                                                                                   \
	ROW(15, R15)

#define PORT_CONTEXT_FIELD(context, name) PORT_CONTEXT_ROW(context, name)

static inline void port_context_get(const ucontext_t *context, struct port_registers *registers)
{
#define GET(number, name) registers->general[number] = (uint64_t)PORT_CONTEXT_ROW(context, name);
	PORT_CONTEXT_GENERAL(GET)
#undef GET
	registers->flags = (uint64_t)PORT_CONTEXT_FIELD(context, PORT_CONTEXT_FLAGS);
	registers->instruction = (uint64_t)PORT_CONTEXT_ROW(context, RIP);
}

static inline void port_context_set(ucontext_t *context, const struct port_registers *registers)
{
#define SET(number, name)                                                                              \
	PORT_CONTEXT_ROW(context, name) =                                                              \
	    (__typeof__(PORT_CONTEXT_ROW(context, name)))registers->general[number];
	PORT_CONTEXT_GENERAL(SET)
#undef SET
	PORT_CONTEXT_FIELD(context, PORT_CONTEXT_FLAGS) =
	    (__typeof__(PORT_CONTEXT_ROW(context, RIP)))registers->flags;
	PORT_CONTEXT_ROW(context, RIP) =
	    (__typeof__(PORT_CONTEXT_ROW(context, RIP)))registers->instruction;
}

#endif

#endif
