/* Time: the system's structures; the time itself is the machine's clock (kshim.h). */
#ifndef IOMMUSIM_KSHIM_SYS_TIME_H
#define IOMMUSIM_KSHIM_SYS_TIME_H

#include_next <sys/time.h>

#include <machine/_types_kshim.h>
#include <time.h>

#define SBT_1S  ((sbintime_t)1 << 32)
#define SBT_1M  (SBT_1S * 60)
#define SBT_1MS (SBT_1S / 1000)
#define SBT_1US (SBT_1S / 1000000)
#define SBT_1NS (SBT_1S / 1000000000)
#define SBT_MAX 0x7fffffffffffffffLL

sbintime_t sbinuptime(void);
void nanouptime(struct timespec *out);
void microuptime(struct timeval *out);
/* There is no wall clock: the machine was switched on at second 0. */
void iommusim_kernel_nanotime(struct timespec *out);
void iommusim_kernel_microtime(struct timeval *out);
#if IOMMUSIM_KSHIM_RENAMES
#define getsbinuptime()    sbinuptime()
#define getnanouptime(out) nanouptime(out)
#define getmicrouptime(o)  microuptime(o)
#define nanotime(out)      iommusim_kernel_nanotime(out)
#define microtime(out)     iommusim_kernel_microtime(out)
#define getnanotime(out)   iommusim_kernel_nanotime(out)
#define getmicrotime(out)  iommusim_kernel_microtime(out)
#define time_uptime        ((time_t)(sbinuptime() >> 32))
#define time_second        time_uptime
#endif

static inline sbintime_t mstosbt(int64_t ms)
{
	return ms * SBT_1S / 1000;
}

static inline sbintime_t ustosbt(int64_t us)
{
	return us * SBT_1S / 1000000;
}

static inline int64_t sbttous(sbintime_t time)
{
	return (time >> 32) * 1000000 + ((time & 0xffffffff) * 1000000 >> 32);
}

static inline int64_t sbttoms(sbintime_t time)
{
	return sbttous(time) / 1000;
}

#endif
