/* Names of the status codes. */
#include <iommusim/status.h>

const char *iommusim_status_name(enum iommusim_status status)
{
	static const char *const names[IOMMUSIM_STATUS_COUNT] = {
		[IOMMUSIM_OK] = "OK",
		[IOMMUSIM_EINVAL] = "EINVAL",
		[IOMMUSIM_ENOMEM] = "ENOMEM",
		[IOMMUSIM_ENOENT] = "ENOENT",
		[IOMMUSIM_EEXIST] = "EEXIST",
		[IOMMUSIM_ENXIO] = "ENXIO",
		[IOMMUSIM_EBUSY] = "EBUSY",
		[IOMMUSIM_EOPNOTSUPP] = "EOPNOTSUPP",
		[IOMMUSIM_EIO] = "EIO",
		[IOMMUSIM_EFAULT] = "EFAULT",
		[IOMMUSIM_EFORMAT] = "EFORMAT",
		[IOMMUSIM_ETIMEDOUT] = "ETIMEDOUT",
	};

	if ((unsigned)status >= IOMMUSIM_STATUS_COUNT)
		return "unknown status";
	return names[status];
}
