/* Kernel code that ends badly. */
#ifndef TESTS_KSHIM_KERN_PANIC_H
#define TESTS_KSHIM_KERN_PANIC_H

void kern_panic(void *number);
void kern_assert(void *number); /* KASSERT that it is not 7 */
void kern_mpass(void *unused);
void kern_panic_with_lock(void *unused);
void kern_return_with_lock(void *unused);
void kern_take_lock_again(void *unused);

#endif
