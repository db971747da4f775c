/*
 * One assembler statement for each form of instruction that traps carry out. The accesses beside it
 * are what the processor manuals say of the instruction, written by hand. What is done with them is
 * test_trap_forms.c.
 */
#include "tests/driver/trap_forms.h"

#include "tests/driver/cpu.h"

/* A row of the table: the instruction itself, and where it and its texts lie. */
#define ROW(setup, text, kinds)                                                                        \
	__asm__(".pushsection .rodata.str1.1,\"aMS\",@progbits,1\n"                                    \
		"771: .asciz \"" text "\"\n"                                                           \
		"772: .asciz \"" kinds "\"\n"                                                          \
		".popsection\n"                                                                        \
		".pushsection .text\n"                                                                 \
		"773: " text "\n"                                                                      \
		"	jmp cpu_leave\n"                                                                     \
		".popsection\n"                                                                        \
		".pushsection trap_forms,\"aw\",@progbits\n"                                           \
		".quad 773b, 771b, 772b, " #setup "\n"                                                 \
		".popsection\n")
#define FORM(text, kinds)        ROW(0, text, kinds)
#define FROM_MEMORY(text, kinds) ROW(1, text, kinds)
#define TO_MEMORY(text, kinds)   ROW(2, text, kinds)
#define DOWNWARDS(text, kinds)   ROW(3, text, kinds)

/* ---- moves ----------------------------------------------------------------------------------- */

FORM("movb (%rbx), %al", "r1@100 ");
FORM("movb (%rbx), %ah", "r1@100 ");
FORM("movb (%rbx), %ch", "r1@100 ");
FORM("movb (%rbx), %dh", "r1@100 ");
FORM("movb (%rbx), %bpl", "r1@100 ");
FORM("movb (%rbx), %r11b", "r1@100 ");
FORM("movb %al, (%rbx)", "w1@100 ");
FORM("movb %ah, 3(%rbx)", "w1@103 ");
FORM("movb %bh, 3(%rbx)", "w1@103 ");
FORM("movb %sil, (%rbx)", "w1@100 ");
FORM("movb %r15b, (%rbx)", "w1@100 ");
FORM("movb $0x5a, 7(%rbx)", "w1@107 ");
FORM("movw (%rbx), %ax", "r2@100 ");
FORM("movw %r12w, 2(%rbx)", "w2@102 ");
FORM("movw $0x1234, (%rbx)", "w2@100 ");
FORM("movl (%rbx), %eax", "r4@100 ");
FORM("movl (%rbx), %r14d", "r4@100 ");
FORM("movl %ebp, 0x18(%rbx)", "w4@118 ");
FORM("movl %esp, 0x18(%rbx)", "w4@118 ");
FORM("movl $0x80000000, 0x18(%rbx)", "w4@118 ");
FORM("movq (%rbx), %rax", "r8@100 ");
FORM("movq (%rbx), %rsp", "r8@100 ");
FORM("movq (%rbx,%rcx,8), %rdx", "r8@120 ");
FORM("movl -4(%rbx,%rcx,2), %edx", "r4@104 ");
FORM("movl %edx, 0x1000(%rbx,%rcx)", "w4@1104 ");
FORM("movl (%r10), %r13d", "r4@1000 ");
FORM("movl %ds:(%rbx), %eax", "r4@100 ");
FORM("movq %r9, 8(%rbx)", "w8@108 ");
FORM("movq $-2, 8(%rbx)", "w8@108 ");
FORM("movntil %eax, (%rbx)", "w4@100 ");
FORM("movntiq %rdx, (%rbx)", "w8@100 ");
FORM("movzbw (%rbx), %ax", "r1@100 ");
FORM("movzbl (%rbx), %eax", "r1@100 ");
FORM("movzbl (%rbx), %r8d", "r1@100 ");
FORM("movzbq (%rbx), %rax", "r1@100 ");
FORM("movzwl (%rbx), %edx", "r2@100 ");
FORM("movzwq (%rbx), %rdx", "r2@100 ");
FORM("movsbw (%rbx), %ax", "r1@100 ");
FORM("movsbl (%rbx), %eax", "r1@100 ");
FORM("movsbq (%rbx), %rax", "r1@100 ");
FORM("movswl (%rbx), %eax", "r2@100 ");
FORM("movswq (%rbx), %rax", "r2@100 ");
FORM("movslq (%rbx), %rax", "r4@100 ");
FORM("xchgb %al, (%rbx)", "r1@100 w1@100 ");
FORM("xchgb %ah, (%rbx)", "r1@100 w1@100 ");
FORM("xchgw %ax, (%rbx)", "r2@100 w2@100 ");
FORM("xchgl %eax, (%rbx)", "r4@100 w4@100 ");
FORM("xchgq %rbp, (%rbx)", "r8@100 w8@100 ");
FORM("pushq (%rbx)", "r8@100 ");
FORM("pushw (%rbx)", "r2@100 ");
FORM("popq (%rbx)", "w8@100 ");
FORM("popw (%rbx)", "w2@100 ");

/* ---- arithmetic and logic -------------------------------------------------------------------- */

#define ARITHMETIC(name)                                                                               \
	FORM(#name "b (%rbx), %dl", "r1@100 ");                                                        \
	FORM(#name "b (%rbx), %ah", "r1@100 ");                                                        \
	FORM(#name "w (%rbx), %dx", "r2@100 ");                                                        \
	FORM(#name "l (%rbx), %edx", "r4@100 ");                                                       \
	FORM(#name "q (%rbx), %rdx", "r8@100 ");                                                       \
	FORM(#name "b %dh, (%rbx)", "r1@100 w1@100 ");                                                 \
	FORM(#name "w %dx, (%rbx)", "r2@100 w2@100 ");                                                 \
	FORM(#name "l %r13d, (%rbx)", "r4@100 w4@100 ");                                               \
	FORM(#name "q %rdx, (%rbx)", "r8@100 w8@100 ");                                                \
	FORM(#name "b $0x7f, (%rbx)", "r1@100 w1@100 ");                                               \
	FORM(#name "w $0x1234, (%rbx)", "r2@100 w2@100 ");                                             \
	FORM(#name "l $0x12345678, (%rbx)", "r4@100 w4@100 ");                                         \
	FORM(#name "l $-1, (%rbx)", "r4@100 w4@100 ");                                                 \
	FORM(#name "q $-2, (%rbx)", "r8@100 w8@100 ");                                                 \
	FORM("lock " #name "b %al, (%rbx)", "r1@100 w1@100 ");                                         \
	FORM("lock " #name "l %eax, (%rbx)", "r4@100 w4@100 ");                                        \
	FORM("lock " #name "q $1, (%rbx)", "r8@100 w8@100 ")

ARITHMETIC(add);
ARITHMETIC(adc);
ARITHMETIC(sub);
ARITHMETIC(sbb);
ARITHMETIC(and);
ARITHMETIC(or);
ARITHMETIC(xor);

#define ONE_OPERAND(name)                                                                              \
	FORM(#name "b (%rbx)", "r1@100 w1@100 ");                                                      \
	FORM(#name "w (%rbx)", "r2@100 w2@100 ");                                                      \
	FORM(#name "l (%rbx)", "r4@100 w4@100 ");                                                      \
	FORM(#name "q (%rbx)", "r8@100 w8@100 ");                                                      \
	FORM("lock " #name "l (%rbx)", "r4@100 w4@100 ")

ONE_OPERAND(inc);
ONE_OPERAND(dec);
ONE_OPERAND(neg);
ONE_OPERAND(not );

FORM("cmpb $0x12, (%rbx)", "r1@100 ");
FORM("cmpw $0x1234, (%rbx)", "r2@100 ");
FORM("cmpl $0, (%rbx)", "r4@100 ");
FORM("cmpl $0x12345678, (%rbx)", "r4@100 ");
FORM("cmpq $-1, (%rbx)", "r8@100 ");
FORM("cmpb %ch, (%rbx)", "r1@100 ");
FORM("cmpl %eax, (%rbx)", "r4@100 ");
FORM("cmpq (%rbx), %rax", "r8@100 ");
FORM("testb $0x80, (%rbx)", "r1@100 ");
FORM("testw $0x8000, (%rbx)", "r2@100 ");
FORM("testl $0x80000000, (%rbx)", "r4@100 ");
FORM("testq $-2, (%rbx)", "r8@100 ");
FORM("testb %ah, (%rbx)", "r1@100 ");
FORM("testl %eax, (%rbx)", "r4@100 ");
FORM("testq %rdx, (%rbx)", "r8@100 ");
FORM("mulb (%rbx)", "r1@100 ");
FORM("mull (%rbx)", "r4@100 ");
FORM("mulq (%rbx)", "r8@100 ");
FORM("imulw (%rbx)", "r2@100 ");
FORM("imull (%rbx), %edx", "r4@100 ");
FORM("imulq $100, (%rbx), %rdx", "r8@100 ");
FORM("imull $0x12345, (%rbx), %r9d", "r4@100 ");
FORM("xaddb %al, (%rbx)", "r1@100 w1@100 ");
FORM("xaddl %eax, (%rbx)", "r4@100 w4@100 ");
FORM("lock xaddq %rdx, (%rbx)", "r8@100 w8@100 ");
FORM("lock xaddw %dx, (%rbx)", "r2@100 w2@100 ");
/* The destination is written whether they were equal or not (Intel SDM, CMPXCHG). */
FORM("cmpxchgb %dl, (%rbx)", "r1@100 w1@100 ");
FORM("cmpxchgl %edx, (%rbx)", "r4@100 w4@100 ");
FORM("lock cmpxchgl %edx, (%rbx)", "r4@100 w4@100 ");
FORM("lock cmpxchgq %r11, (%rbx)", "r8@100 w8@100 ");
FORM("lock cmpxchg8b (%rdi)", "r8@500 w8@500 ");
FORM("shll $3, (%rbx)", "r4@100 w4@100 ");
FORM("shlq %cl, (%rbx)", "r8@100 w8@100 ");
FORM("shrb (%rbx)", "r1@100 w1@100 ");
FORM("sarw $2, (%rbx)", "r2@100 w2@100 ");
FORM("roll %cl, (%rbx)", "r4@100 w4@100 ");
FORM("rorl $31, (%rbx)", "r4@100 w4@100 ");
FORM("rcll $1, (%rbx)", "r4@100 w4@100 ");
FORM("rcrq $1, (%rbx)", "r8@100 w8@100 ");
FORM("shldl $4, %eax, (%rbx)", "r4@100 w4@100 ");
FORM("shrdq %cl, %rax, (%rbx)", "r8@100 w8@100 ");

/* ---- bits ------------------------------------------------------------------------------------ */

#define BITS(name, write)                                                                              \
	FORM(#name "w $5, (%rbx)", "r2@100 " write("2@100 "));                                         \
	FORM(#name "l $31, (%rbx)", "r4@100 " write("4@100 "));                                        \
	FORM(#name "l $33, (%rbx)", "r4@100 " write("4@100 "));                                        \
	FORM(#name "q $63, (%rbx)", "r8@100 " write("8@100 "));                                        \
	FORM(#name "w %r8w, (%rbx)", "r2@108 " write("2@108 "));                                       \
	FORM(#name "l %r8d, (%rbx)", "r4@108 " write("4@108 "));                                       \
	FORM(#name "q %r8, (%rbx)", "r8@108 " write("8@108 "));                                        \
	FORM(#name "w %r9w, (%rbx)", "r2@fe " write("2@fe "));                                         \
	FORM(#name "l %r9d, (%rbx)", "r4@fc " write("4@fc "));                                         \
	FORM(#name "q %r9, (%rbx)", "r8@f8 " write("8@f8 "));                                          \
	FORM(#name "l %ecx, (%rbx,%rcx)", "r4@104 " write("4@104 "))
#define NOTHING(where) ""
#define WRITE(where)   "w" where

BITS(bt, NOTHING);
BITS(bts, WRITE);
BITS(btr, WRITE);
BITS(btc, WRITE);
FORM("lock btsl $7, (%rbx)", "r4@100 w4@100 ");
FORM("lock btrq %r8, (%rbx)", "r8@108 w8@108 ");
FORM("lock btcl %r9d, (%rbx)", "r4@fc w4@fc ");

#define SCAN(name)                                                                                     \
	FORM(#name "w (%rbx), %dx", "r2@100 ");                                                        \
	FORM(#name "l (%rbx), %edx", "r4@100 ");                                                       \
	FORM(#name "q (%rbx), %r12", "r8@100 ")

SCAN(bsf);
SCAN(bsr);
SCAN(tzcnt);
SCAN(lzcnt);
SCAN(popcnt);

/* ---- on a condition -------------------------------------------------------------------------- */

/* cmov reads whether it moves or not; of 32 bits it clears the upper half even if it does not. */
#define CONDITION(name)                                                                                \
	FORM("cmov" #name "w (%rbx), %dx", "r2@100 ");                                                 \
	FORM("cmov" #name "l (%rbx), %edx", "r4@100 ");                                                \
	FORM("cmov" #name "q (%rbx), %r15", "r8@100 ");                                                \
	FORM("set" #name " (%rbx)", "w1@100 ")

CONDITION(o);
CONDITION(no);
CONDITION(b);
CONDITION(ae);
CONDITION(e);
CONDITION(ne);
CONDITION(be);
CONDITION(a);
CONDITION(s);
CONDITION(ns);
CONDITION(p);
CONDITION(np);
CONDITION(l);
CONDITION(ge);
CONDITION(le);
CONDITION(g);

/* ---- string instructions --------------------------------------------------------------------- */

FORM("lodsb", "r1@300 ");
FORM("lodsw", "r2@300 ");
FORM("lodsl", "r4@300 ");
FORM("lodsq", "r8@300 ");
FORM("rep lodsl", "r4@300 r4@304 r4@308 r4@30c ");
FORM("stosb", "w1@500 ");
FORM("stosl", "w4@500 ");
FORM("rep stosw", "w2@500 w2@502 w2@504 w2@506 ");
FORM("rep stosq", "w8@500 w8@508 w8@510 w8@518 ");
DOWNWARDS("rep stosl", "w4@500 w4@4fc w4@4f8 w4@4f4 ");
FORM("movsl", "r4@300 w4@500 ");
FORM("rep movsb", "r1@300 w1@500 r1@301 w1@501 r1@302 w1@502 r1@303 w1@503 ");
FROM_MEMORY("movsq", "w8@500 ");
FROM_MEMORY("rep movsb", "w1@500 w1@501 w1@502 w1@503 ");
FROM_MEMORY("rep movsl", "w4@500 w4@504 w4@508 w4@50c ");
TO_MEMORY("rep movsq", "r8@300 r8@308 r8@310 r8@318 ");
TO_MEMORY("movsw", "r2@300 ");
DOWNWARDS("rep movsl", "r4@300 w4@500 r4@2fc w4@4fc r4@2f8 w4@4f8 r4@2f4 w4@4f4 ");

/* ---- not aligned, and SSE -------------------------------------------------------------------- */

/* Split as a bus has to: naturally aligned pieces, upwards. */
FORM("movl 2(%rbx), %eax", "r2@102 r2@104 ");
FORM("movl %eax, 1(%rbx)", "w1@101 w2@102 w1@104 ");
FORM("movw %ax, 3(%rbx)", "w1@103 w1@104 ");
FORM("movq 4(%rbx), %rax", "r4@104 r4@108 ");
FORM("addl $1, 2(%rbx)", "r2@102 r2@104 w2@102 w2@104 ");
FORM("movq -4(%r10), %rax", "r4@ffc r4@1000 ");
FORM("movl %eax, -2(%r10)", "w2@ffe w2@1000 ");
FORM("movd (%rbx), %xmm1", "r4@100 ");
FORM("movd %xmm2, (%rbx)", "w4@100 ");
FORM("movq (%rbx), %xmm0", "r8@100 ");
FORM("movq %xmm3, (%rbx)", "w8@100 ");
FORM("movss (%rbx), %xmm1", "r4@100 ");
FORM("movss %xmm1, (%rbx)", "w4@100 ");
FORM("movsd (%rbx), %xmm1", "r8@100 ");
FORM("movsd %xmm1, (%rbx)", "w8@100 ");
FORM("movlps (%rbx), %xmm1", "r8@100 ");
FORM("movhps (%rbx), %xmm1", "r8@100 ");
FORM("movhpd %xmm1, (%rbx)", "w8@100 ");
