/* Binding threads to processors. Where it cannot be done the kernel decides, and nothing else changes. */
#include "pin.h"

#include <pthread.h>
#include <stddef.h>

#if defined(__FreeBSD__)
#include <sys/param.h>
#include <sys/cpuset.h>
#include <pthread_np.h>
typedef cpuset_t cpu_mask;
#else
#include <sched.h>
typedef cpu_set_t cpu_mask;
#endif

static cpu_mask allowed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void look(void)
{
	CPU_ZERO(&allowed);
	pthread_getaffinity_np(pthread_self(), sizeof(allowed), &allowed);
}

bool pin_thread(unsigned index)
{
	cpu_mask one;

	pthread_once(&once, look);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || index-- != 0)
			continue;
		CPU_SET(cpu, &one);
		return pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0;
	}
	return false;
}

void unpin_thread(void)
{
	pthread_once(&once, look);
	pthread_setaffinity_np(pthread_self(), sizeof(allowed), &allowed);
}
