/* iommu_ops_intel of a program without that backend: io/iommu.c names both. A driver's own takes its place. */
#include <sys/param.h>

#include <io/iommu.h>

static int not_here(void)
{
	return ENXIO;
}

const struct iommu_ops iommu_ops_intel = { .init = not_here };
