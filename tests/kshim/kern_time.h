/* Kernel code that waits and is called back. */
#ifndef TESTS_KSHIM_KERN_TIME_H
#define TESTS_KSHIM_KERN_TIME_H

extern int kern_calls, kern_task_runs;
extern long kern_called_at[8]; /* microseconds since the machine was switched on */
void kern_delay(void *microseconds);
void kern_start_callouts(void *unused); /* at 3 ms and 1 ms, and one that is stopped */
void kern_delay_in_critical(void *unused);
void kern_enqueue(void *unused);
void kern_sleep_until_task(void *error);
void kern_sleep_for_ever(void *unused);

#endif
