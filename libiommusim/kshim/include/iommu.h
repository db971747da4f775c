/* vmm's IOMMU interface, as sources beside it include it. */
#include <io/iommu.h>
