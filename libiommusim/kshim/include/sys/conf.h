/* Character devices. None is made here: a driver that offers one can be compiled, and its functions called. */
#ifndef IOMMUSIM_KSHIM_SYS_CONF_H
#define IOMMUSIM_KSHIM_SYS_CONF_H

#include <sys/module.h>

struct cdev;
struct uio;
struct thread;
typedef int d_open_t(struct cdev *device, int flags, int type, struct thread *thread);
typedef int d_close_t(struct cdev *device, int flags, int type, struct thread *thread);
typedef int d_ioctl_t(
    struct cdev *device, u_long command, caddr_t data, int flags, struct thread *thread);
typedef int d_read_t(struct cdev *device, struct uio *uio, int flags);

#define D_VERSION 0x17122009
struct cdevsw {
	int d_version;
	u_int d_flags;
	const char *d_name;
	d_open_t *d_open;
	d_close_t *d_close;
	d_read_t *d_read;
	d_read_t *d_write;
	d_ioctl_t *d_ioctl;
};

#endif
